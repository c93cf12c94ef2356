//! Long work on a database says how far it is: with rate and time left on a terminal, and not a word elsewhere.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::cluster::Cluster;
use sce_collector::store::Store as _;
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::sqlite::SqliteStore;
use sqlx::Connection as _;

/// Enough that a fast machine takes longer than the 0.2 s after which the first line is due.
const ROWS: i64 = 200_000;
const HOURS: i64 = 2_000;

/// A database as the release before the newest column left it, with many rows, and roll-ups over many hours.
async fn previous(path: &Path) {
    SqliteStore::open(path).await.unwrap().close().await;
    let mut conn = sqlx::SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    let rows = format!(
        "INSERT INTO flow_interval (ingest_stream, ingest_seq)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) SELECT 1, i FROM n"
    );
    // Two sums that lie far apart, and nothing between them that could be compared.
    let hours = format!(
        "INSERT INTO rollup VALUES (10, 0, 0, 0, 0, 0, x''), (10, {} * 3600000000000, 0, 0, 0, 0, x'')",
        HOURS - 1
    );
    let gap = "INSERT INTO rollup_gap VALUES (0, 9223372036854775807)";
    for sql in [
        "ALTER TABLE probe_interval DROP COLUMN delivered_until_ns_last",
        "ALTER TABLE flow_interval DROP COLUMN duplicated_packets",
        "DELETE FROM _sqlx_migrations WHERE version >= 6",
        &rows,
        &hours,
        gap,
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    }
    conn.close().await.unwrap();
}

/// The program in a terminal, which util-linux `script` makes. Its process number goes to a file.
fn in_terminal(dir: &Path, args: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_sce-collector");
    // The shell stays between them: `script` would stop together with its own child.
    let command = format!("{program} {args} & echo $! > {}; wait $!", pid_file(dir).display());
    Command::new("script").args(["-qec", &command, "/dev/null"]).stdout(Stdio::piped()).spawn().unwrap()
}

fn pid_file(dir: &Path) -> PathBuf {
    dir.join("pid")
}

/// Waits for its end and says what the terminal got.
fn ended(child: Child) -> String {
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[track_caller]
fn tells(seen: &str, what: &str, amount: &str) {
    let mut lines = seen.split("\r\u{1b}[K").filter(|line| line.starts_with(what));
    let whole = |line: &str| [amount, " per second, ", " % done, ", " left"].iter().all(|word| line.contains(word));
    assert!(lines.any(whole), "no line of `{what}` with {amount}, rate and time left: {seen:?}");
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < patience, "it does not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn migration_check_and_copy_of_a_file_tell_how_far_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let [seen, unseen] = ["seen.db", "unseen.db"].map(|name| dir.path().join(name));
    previous(&seen).await;
    std::fs::copy(&seen, &unseen).unwrap();

    let migrated = ended(in_terminal(dir.path(), &format!("migrate --db {}", seen.display())));
    tells(&migrated, "bringing the schema up to date: ", "MB of ");
    assert!(migrated.ends_with("schema 8\r\n"), "{migrated:?}");

    let verified = ended(in_terminal(dir.path(), &format!("db verify --db {}", seen.display())));
    tells(&verified, "looking for damage: ", "MB of ");
    tells(&verified, "comparing roll-ups with their records: ", "of 2,000 hours");
    assert!(verified.contains("NOT whole: 0 streams, 200000 rows"), "{verified:?}");

    // A copy is too quick to be told of: it is held up once.
    let copy = dir.path().join("copy.db");
    let child = in_terminal(dir.path(), &format!("db backup --db {} {}", seen.display(), copy.display()));
    wait_until(|| [&copy, &pid_file(dir.path())].iter().all(|f| std::fs::metadata(f).is_ok_and(|m| m.len() > 0)));
    let pid = std::fs::read_to_string(pid_file(dir.path())).unwrap();
    let signal = |name| assert!(Command::new("kill").args([name, pid.trim()]).status().unwrap().success());
    signal("-STOP");
    std::thread::sleep(Duration::from_millis(300));
    signal("-CONT");
    let copied = ended(child);
    tells(&copied, copy.to_str().unwrap(), "MB of ");
    assert!(copied.ends_with(&format!("a copy of {}\r\n", seen.display())), "{copied:?}");

    let other = dir.path().join("other.db");
    for args in [&["migrate"][..], &["db", "verify"], &["db", "backup", other.to_str().unwrap()]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sce-collector"));
        let said = command.args(args).arg("--db").arg(&unseen).output().unwrap().stderr;
        assert_eq!(String::from_utf8(said).unwrap(), "", "{args:?}");
    }
}

#[tokio::test]
async fn migrations_of_postgres_tell_how_far_they_are() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("sce").await;
    PostgresStore::open(&url).await.unwrap().close().await;
    let mut conn = sqlx::PgConnection::connect(&url).await.unwrap();
    for sql in [
        "ALTER TABLE ingest_stream DROP COLUMN position",
        "ALTER TABLE flow_interval DROP COLUMN duplicated_packets",
        "ALTER TABLE probe_interval DROP COLUMN delivered_until_ns_last",
        "DELETE FROM _sqlx_migrations WHERE version >= 5",
    ] {
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
    // Someone reads the table that the second of the four is about.
    let mut reading = conn.begin().await.unwrap();
    sqlx::query("LOCK TABLE flow_interval IN ACCESS SHARE MODE").execute(&mut *reading).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut child = in_terminal(dir.path(), &format!("migrate --db '{url}'"));
    let mut screen = child.stdout.take().unwrap();
    let (mut seen, mut buffer) = (String::new(), [0; 4096]);
    while !seen.contains(" left") {
        let got = screen.read(&mut buffer).unwrap();
        assert!(got > 0, "it ended: {seen:?}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..got]));
    }
    tells(&seen, "bringing the schema up to date: ", "1 of 4 migrations");
    reading.rollback().await.unwrap();
    screen.read_to_string(&mut seen).unwrap();
    assert!(child.wait().unwrap().success() && seen.ends_with("schema 8\r\n"), "{seen:?}");
}
