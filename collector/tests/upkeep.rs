//! `db verify` and backups: a whole database is found whole, its copy too, and each kind of fault is found.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::path::Path;
use std::process::Command;

use common::cluster::Cluster;
use common::{S, T0, batch, flow, hello, open, serve, start};
use sce_collector::ingest::Limits;
use sce_collector::metrics::Metrics;
use sce_collector::rollup::job;
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::store::upkeep::Upkeep;
use sce_collector::store::{Scan, Store};
use sce_collector::verify::{Report, verify};
use sce_proto::FlowInterval;

const BATCHES: u64 = 40;
const EACH: u64 = 50;

/// Delivers three minutes of records, with a range reported lost, and sums all buckets.
async fn fill<T: Store>(url: &str, store: &T) {
    let mut stream = open(url, hello("a", 1, BATCHES + 1)).await.unwrap();
    for seq in (1..=BATCHES).filter(|seq| *seq != 7) {
        if seq == 8 {
            stream.skip(7, 7).await;
        }
        let records: Vec<FlowInterval> = (0..EACH).map(|i| flow(1, i % 9, seq * 4 + i % 4, seq)).collect();
        stream.batch(batch(seq, &records)).await;
    }
    stream.acked(BATCHES).await;
    let metrics = Metrics::default();
    // A round that finds the lease taken sums nothing: only an empty list says that all is summed.
    let later = sce_collector::clock::now_ns() + 86_400 * S;
    while !store.due(later).await.unwrap().is_empty() {
        job::round(store, later, &metrics).await.unwrap();
    }
}

#[track_caller]
fn whole(report: &Report) {
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!((report.streams, report.rows), (1, (BATCHES - 1) * EACH));
    assert!(report.buckets > 15, "{report:?}");
}

/// Rows in a window are found by `row_span`, which refers to row numbers.
async fn in_window<T: Store>(store: &T) -> usize {
    let scan = Scan { since_ns: T0 + 60 * S, until_ns: T0 + 90 * S, limit: usize::MAX, ..Scan::default() };
    store.scan::<FlowInterval>(&scan).await.unwrap().len()
}

async fn faults_after(path: &Path, sql: &'static str) -> Vec<String> {
    let copy = path.with_extension("broken");
    let _ = std::fs::remove_file(&copy);
    std::fs::copy(path, &copy).unwrap();
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(copy.to_str().unwrap()).await.unwrap();
    sqlx::query(sql).execute(&mut conn).await.unwrap();
    sqlx::Connection::close(conn).await.unwrap();
    let store = SqliteStore::open(&copy).await.unwrap();
    let found = verify(&store, false).await.unwrap().faults;
    store.close().await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_while_records_come_in_is_whole_and_faults_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    fill(&collector.url(), &collector.store).await;
    whole(&verify(&collector.store, false).await.unwrap());

    // Deleted rows leave holes in the row numbers: a copy must keep them.
    let mut stream = open(&collector.url(), hello("b", 1, 1000)).await.unwrap();
    let copy = dir.path().join("copy.db");
    let old: Vec<FlowInterval> =
        (0..EACH).map(|i| FlowInterval { start_ns: T0 - 86_400 * S, ..flow(2, i, 0, 1) }).collect();
    stream.batch(batch(1, &old)).await;
    stream.acked(1).await;
    while collector.store.retain(T0 - 3600 * S).await.unwrap() > 0 {}
    let during = tokio::spawn(async move {
        for seq in 2..200 {
            stream.batch(batch(seq, &[flow(2, 1, seq % 60, 1)])).await;
            stream.acked(seq).await;
        }
    });
    collector.store.backup(&copy).await.unwrap();
    let again = collector.store.backup(&copy).await.unwrap_err();
    assert!(again.to_string().contains("new file"), "{again}");
    during.await.unwrap();
    let store = SqliteStore::open(&copy).await.unwrap();
    let report = verify(&store, true).await.unwrap();
    assert_eq!((report.faults.as_slice(), report.gone), (&[][..], EACH), "what retention took is not held against it");
    assert_eq!(in_window(&store).await, in_window(&collector.store).await);
    assert_eq!(verify(&store, false).await.unwrap().faults.len(), 1, "unless nothing should have been deleted");
    store.close().await;
    collector.stop().await;

    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    fill(&collector.url(), &collector.store).await;
    collector.stop().await;
    let path = dir.path().join("a.db");
    assert_eq!(faults_after(&path, "UPDATE probe SET host = 'x'").await, Vec::<String>::new());
    for (sql, words) in [
        ("DELETE FROM flow_interval WHERE rowid = 100", "1 rows of 1950 are missing"),
        ("INSERT INTO flow_interval (ingest_stream, ingest_seq) VALUES (1, 3)", "1951 rows, the ledger counts 1950"),
        ("UPDATE flow_interval SET ingest_seq = 99 WHERE rowid = 5", "batch 99, which the ledger never committed"),
        ("UPDATE flow_interval SET packets = packets + 1 WHERE rowid = 5", "is not the sum of its records"),
        ("DELETE FROM rollup WHERE level = 60", "the roll-up of 60 s"),
        ("UPDATE ingest_stream SET committed_seq = 41", "stands at 41 and counts 40 batches"),
        ("DELETE FROM ingest_stream", "which is not in the ledger"),
    ] {
        let found = faults_after(&path, sql).await;
        assert!(found.iter().any(|f| f.contains(words)), "{sql}: {found:?}");
    }
    let verify = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_sce-collector")).args(["db", "verify", "--db"]).args(args).output();
        let out = out.unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
    };
    let (code, said) = verify(&[path.to_str().unwrap()]);
    assert!(code == 0 && said.starts_with("whole: 1 streams, 1950 rows"), "{code} {said}");
    let (code, said) = verify(&[path.with_extension("broken").to_str().unwrap()]);
    assert!(code == 6 && said.contains("NOT whole"), "{code} {said}");
    assert_eq!(verify(&["no/such.db"]).0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_dump_of_postgres_is_whole() {
    let Some(cluster) = Cluster::start() else { return };
    let store = PostgresStore::open(&cluster.database("source").await).await.unwrap();
    let collector = serve(store, Limits::default()).await;
    fill(&collector.url(), &collector.store).await;
    whole(&verify(&collector.store, false).await.unwrap());
    let dir = tempfile::tempdir().unwrap();
    let dump = dir.path().join("dump");
    let program = |name: &str, args: &[&str]| {
        let out = Command::new(name).args(args).output().unwrap();
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let restored = cluster.database("restored").await;
    program("pg_dump", &["--format=custom", "--file", dump.to_str().unwrap(), &cluster.url("source")]);
    program("pg_restore", &["--dbname", &restored, dump.to_str().unwrap()]);
    let copy = PostgresStore::open(&restored).await.unwrap();
    whole(&verify(&copy, false).await.unwrap());
    assert_eq!(in_window(&copy).await, in_window(&collector.store).await);
    assert_eq!(copy.damage().await.unwrap(), Vec::<String>::new());
    copy.close().await;
    collector.stop().await;
}
