//! The program as its users meet it: exit codes, one clear line when something is wrong, nothing destroyed.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::Path;
use std::process::{Command, Output};

use sce_collector::store::Store as _;
use sce_collector::store::sqlite::SqliteStore;

fn run(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sce-collector")).current_dir(dir).env_clear().args(args).output().unwrap()
}

/// Fails with this code and one line that has these words.
#[track_caller]
fn fails(output: &Output, code: i32, words: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(words), "{text}");
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&run(dir.path(), &["serve", "--listen", &address, "--admin", "none"]), 4, "choose another address");
    assert!(!dir.path().join("sce.db").exists(), "a second collector touches no database");
    let serve = |db: &str| run(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--admin", "none", "--db", db]);
    fails(&serve("no/such/folder/x.db"), 3, "does not exist; make it first");
    fails(&serve("mysql://x"), 2, "neither a path");
    std::fs::write(dir.path().join("notes.txt"), "these are notes, not a database".repeat(100)).unwrap();
    fails(&serve("notes.txt"), 3, "not an SQLite database");
    fails(&run(dir.path(), &["serve", "--listen", "0.0.0.0:0"]), 2, "--allow-plaintext");
    fails(&run(dir.path(), &["serve", "--retention", "7 moons"]), 2, "7d");
    std::fs::write(dir.path().join("c.toml"), "retenton = \"7d\"\n").unwrap();
    fails(&run(dir.path(), &["config", "--config", "c.toml"]), 2, "did you mean `retention`?");
    fails(&run(dir.path(), &["healthcheck", "--admin", &address_of_nobody()]), 5, "no answer");
    fails(&serve("postgres://nobody@127.0.0.1:1/nothing"), 3, "is the server running");
}

fn address_of_nobody() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(path.to_str().unwrap()).await.unwrap();
    let sql = "INSERT INTO _sqlx_migrations VALUES (999, 'future', 0, 1, x'00', 0)";
    sqlx::query(sql).execute(&mut conn).await.unwrap();
    sqlx::Connection::close(conn).await.unwrap();
    fails(&run(dir.path(), &["migrate", "--db", "x.db"]), 3, "upgrade sce-collector");
}

#[test]
fn the_other_commands_work() {
    let dir = tempfile::tempdir().unwrap();
    let out = |args: &[&str]| {
        let output = run(dir.path(), args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(out(&["migrate", "--db", "x.db"]).starts_with("x.db: schema "));
    assert!(out(&["completions", "bash"]).contains("sce-collector"));
    assert!(out(&["man"]).contains("SCE collector"));
    assert!(out(&["config", "--retention", "7d"]).contains("retention = \"7d\"  # flag or environment"));
}
