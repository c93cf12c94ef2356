//! The collector is killed at random moments while a probe delivers; afterwards every record is there once.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{batch, flow, hello, open};
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::store::{Scan, Store};
use sce_proto::{FlowInterval, collector_message};

const BATCHES: u64 = 400;
const RECORDS: u64 = 50;
const KILLS: u64 = 20;

/// Starts the real program on a free port and reads from its log which one.
fn serve(db: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sce-collector"))
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "none", "--db"])
        .arg(db)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Collector is ready") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the collector ended before it was ready");
    }
    let address = line.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    // What comes later must not fill the pipe.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    (child, format!("http://{address}"))
}

fn numbered(seq: u64) -> sce_proto::Batch {
    let records: Vec<FlowInterval> = (0..RECORDS).map(|i| flow(1, seq * RECORDS + i, seq % 60, seq)).collect();
    batch(seq, &records)
}

/// Delivers from where the ledger stands until the collector is gone or all is acknowledged.
async fn deliver(url: &str) -> Option<u64> {
    let mut stream = open(url, hello("k", 1, BATCHES + 1)).await.ok()?;
    let send = stream.send.clone();
    let from = stream.welcome.committed_seq + 1;
    let sender = tokio::spawn(async move {
        for seq in from..=BATCHES {
            let kind = Some(sce_proto::probe_message::Kind::Batch(numbered(seq)));
            if send.send(sce_proto::ProbeMessage { kind }).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        std::future::pending::<()>().await;
    });
    let mut acked = from - 1;
    while acked < BATCHES {
        match stream.answer().await {
            Ok(Some(collector_message::Kind::Ack(ack))) => acked = ack.committed_seq,
            Ok(Some(_)) => {}
            _ => break,
        }
    }
    sender.abort();
    Some(acked)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_everything_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("k.db");
    let mut dice = u64::from(std::process::id());
    let mut acked = 0;
    for _ in 0..KILLS {
        let (mut child, url) = serve(&db);
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let life = Duration::from_millis(5 + (dice >> 58));
        let killer = tokio::task::spawn_blocking(move || {
            std::thread::sleep(life);
            child.kill().unwrap();
            child.wait().unwrap();
        });
        acked = acked.max(deliver(&url).await.unwrap_or(0));
        killer.await.unwrap();
        let store = SqliteStore::open(&db).await.unwrap();
        let committed = store.ledger().await.unwrap().first().map_or(0, |l| l.committed_seq);
        assert!(committed >= acked, "batch {acked} was acknowledged, {committed} are there");
        store.close().await;
    }
    let (mut child, url) = serve(&db);
    let begun = Instant::now();
    while deliver(&url).await != Some(BATCHES) {
        assert!(begun.elapsed() < Duration::from_secs(60), "delivery never ended");
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let store = SqliteStore::open(&db).await.unwrap();
    let scan = Scan { until_ns: u64::MAX, limit: usize::MAX, ..Scan::default() };
    let rows = store.scan::<FlowInterval>(&scan).await.unwrap();
    let mut flows: Vec<u64> = rows.iter().map(|r| r.record.flow).collect();
    flows.sort_unstable();
    flows.dedup();
    assert_eq!((rows.len() as u64, flows.len() as u64), (BATCHES * RECORDS, BATCHES * RECORDS), "once each");
    let frames: u64 = rows.iter().map(|r| r.record.frames).sum();
    assert_eq!(frames, (1..=BATCHES).map(|seq| seq * RECORDS).sum::<u64>());
    store.close().await;
}
