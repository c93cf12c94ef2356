//! The delivery protocol against a running collector: what a probe may do wrong, and what may go wrong on the way.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::time::Duration;

use common::{S, T0, batch, flow, hello, open, start, start_with};
use sce_collector::ingest::Limits;
use sce_collector::store::{LedgerLine, Scan, Store};
use sce_proto::{FlowInterval, Table, collector_message, columns};
use tonic::Code;

async fn stored(store: &impl Store) -> Vec<FlowInterval> {
    let scan = Scan { until_ns: u64::MAX, limit: usize::MAX, ..Scan::default() };
    store.scan(&scan).await.unwrap().into_iter().map(|r| r.record).collect()
}

async fn line(store: &impl Store, probe: &str, lane: u32) -> LedgerLine {
    let ledger = store.ledger().await.unwrap();
    ledger.into_iter().find(|l| l.probe == probe && l.lane == lane).unwrap()
}

#[tokio::test]
async fn batches_are_acknowledged_when_they_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut stream = open(&collector.url(), hello("a", 1, 4)).await.unwrap();
    assert_eq!((stream.welcome.committed_seq, stream.welcome.rolled_back), (0, false));
    assert!(stream.welcome.credit_batches > 0 && stream.welcome.credit_bytes > 0);
    for seq in 1..=3 {
        stream.batch(batch(seq, &[flow(1, seq, seq, 10)])).await;
    }
    stream.acked(3).await;
    assert_eq!(stored(&collector.store).await.len(), 3);
    drop(stream);
    let again = open(&collector.url(), hello("a", 1, 4)).await.unwrap();
    assert_eq!(again.welcome.committed_seq, 3, "the next stream goes on behind");
    drop(again);
    collector.stop().await;
}

#[tokio::test]
async fn what_comes_twice_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut stream = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    for seq in [1, 2, 1, 2, 3] {
        stream.batch(batch(seq, &[flow(1, seq, seq, 10)])).await;
    }
    stream.acked(3).await;
    assert_eq!(stored(&collector.store).await.len(), 3);
    let line = line(&collector.store, "a", 1).await;
    assert_eq!((line.batches, line.records, line.duplicates), (3, 3, 2));
    collector.stop().await;
}

#[tokio::test]
async fn a_gap_is_asked_for_and_nothing_behind_it_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut stream = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    stream.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    stream.acked(1).await;
    for seq in 3..=6 {
        stream.batch(batch(seq, &[flow(1, seq, seq, 10)])).await;
    }
    match stream.answer().await.unwrap() {
        Some(collector_message::Kind::Rewind(rewind)) => assert_eq!(rewind.from_seq, 2),
        other => panic!("{other:?}"),
    }
    for seq in 2..=6 {
        stream.batch(batch(seq, &[flow(1, seq, seq, 10)])).await;
    }
    assert_eq!(stream.acked(6).await, [], "one gap, one request");
    assert_eq!(stored(&collector.store).await.len(), 6);
    collector.stop().await;
}

#[tokio::test]
async fn a_skipped_range_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut stream = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    stream.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    stream.skip(2, 5).await;
    stream.batch(batch(6, &[flow(1, 6, 6, 10)])).await;
    stream.acked(6).await;
    let line = line(&collector.store, "a", 1).await;
    assert_eq!((line.committed_seq, line.batches, line.skipped), (6, 2, 4));
    collector.stop().await;
}

#[tokio::test]
async fn a_damaged_batch_is_asked_for_again_before_it_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut stream = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    let good = batch(1, &[flow(1, 1, 1, 10)]);
    let mut damaged = good.clone();
    damaged.crc32c ^= 1;
    stream.batch(damaged.clone()).await;
    match stream.answer().await.unwrap() {
        Some(collector_message::Kind::Rewind(rewind)) => assert_eq!(rewind.from_seq, 1),
        other => panic!("{other:?}"),
    }
    stream.batch(good).await;
    stream.acked(1).await;
    // Damaged in the spool: it comes damaged every time.
    damaged.seq = 2;
    stream.batch(damaged.clone()).await;
    stream.batch(damaged).await;
    stream.batch(batch(3, &[flow(1, 3, 3, 10)])).await;
    let others = stream.acked(3).await;
    let rejected = others.iter().any(|k| matches!(k, collector_message::Kind::Rejected(r) if r.seq == 2));
    assert!(rejected, "{others:?}");
    let line = line(&collector.store, "a", 1).await;
    assert_eq!((line.committed_seq, line.batches, line.quarantined), (3, 2, 1));
    collector.stop().await;
}

#[tokio::test]
async fn a_poisoned_batch_does_not_block_its_stream() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut stream = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    let mut table = columns::table(&[flow(1, 1, 1, 10)]);
    table.rows = 7;
    let poison = sce_proto::Batch { seq: 1, records: 7, frames: 70, ..columns::pack(vec![table]) };
    stream.batch(poison).await;
    stream.batch(batch(2, &[flow(1, 2, 2, 10)])).await;
    let others = stream.acked(2).await;
    assert!(matches!(&others[..], [collector_message::Kind::Rejected(r)] if r.seq == 1), "{others:?}");
    assert_eq!(stored(&collector.store).await.len(), 1);
    let line = line(&collector.store, "a", 1).await;
    assert_eq!((line.quarantined, line.quarantined_records, line.records), (1, 7, 1));
    collector.stop().await;
}

#[tokio::test]
async fn what_a_newer_probe_sends_is_stored_and_kept_as_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let collector = start(&path).await;
    let mut stream = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    let known = columns::table(&[flow(1, 1, 1, 10)]);
    let future = Table { name: String::from("weather"), ..Table::default() };
    stream.batch(sce_proto::Batch { seq: 1, ..columns::pack(vec![known, future]) }).await;
    stream.acked(1).await;
    assert_eq!(stored(&collector.store).await.len(), 1);
    collector.stop().await;
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(path.to_str().unwrap()).await.unwrap();
    let (reason, bytes): (String, i64) =
        sqlx::query_as("SELECT reason, length(payload) FROM quarantine").fetch_one(&mut conn).await.unwrap();
    assert!(reason.contains("table weather") && bytes > 0, "{reason}, {bytes} bytes");
}

#[tokio::test]
async fn a_new_session_takes_the_stream_over() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut old = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    old.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    old.acked(1).await;
    let mut new = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    assert_eq!(new.welcome.committed_seq, 1);
    let status = loop {
        match old.answer().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the old stream ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Aborted);
    old.batch(batch(2, &[flow(1, 99, 2, 10)])).await;
    new.batch(batch(2, &[flow(1, 2, 2, 10)])).await;
    new.acked(2).await;
    assert!(stored(&collector.store).await.iter().all(|r| r.flow != 99), "the old session is fenced");
    collector.stop().await;
}

#[tokio::test]
async fn a_spool_that_went_back_in_time_is_told_and_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut stream = open(&collector.url(), hello("a", 1, 4)).await.unwrap();
    for seq in 1..=3 {
        stream.batch(batch(seq, &[flow(1, seq, seq, 10)])).await;
    }
    stream.acked(3).await;
    drop(stream);
    let mut back = open(&collector.url(), hello("a", 1, 2)).await.unwrap();
    assert!(back.welcome.rolled_back);
    back.batch(batch(2, &[flow(1, 42, 2, 10)])).await;
    let status = back.answer().await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "taking it for a repetition would lose it silently");
    // A new epoch begins at 1.
    let mut fresh = open(&collector.url(), sce_proto::Hello { epoch: 2, ..hello("a", 1, 2) }).await.unwrap();
    assert_eq!((fresh.welcome.committed_seq, fresh.welcome.rolled_back), (0, false));
    fresh.batch(batch(1, &[flow(1, 42, 2, 10)])).await;
    fresh.acked(1).await;
    collector.stop().await;
}

#[tokio::test]
async fn greetings_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start_with(&dir.path().join("a.db"), Limits { streams: 1, ..Limits::default() }).await;
    let code = async |hello| match open(&collector.url(), hello).await {
        Ok(_) => panic!("it was taken"),
        Err(status) => status.code(),
    };
    assert_eq!(
        code(sce_proto::Hello { protocol_min: 99, protocol_max: 99, ..hello("a", 1, 1) }).await,
        Code::FailedPrecondition
    );
    assert_eq!(code(sce_proto::Hello { lane: 9, ..hello("a", 1, 1) }).await, Code::InvalidArgument);
    assert_eq!(code(hello("", 1, 1)).await, Code::InvalidArgument);
    let first = open(&collector.url(), hello("a", 1, 1)).await.unwrap();
    assert_eq!(code(hello("b", 1, 1)).await, Code::ResourceExhausted, "one stream is allowed here");
    drop(first);
    collector.stop().await;
}

/// Many probes at once, each repeating itself at random: group commits mix them, the ledger keeps them apart.
#[tokio::test(flavor = "multi_thread")]
async fn many_streams_share_commits() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let url = collector.url();
    let probes = (0..12u64).map(|p| {
        let url = url.clone();
        tokio::spawn(async move {
            let mut stream = open(&url, hello(&format!("p{p}"), 1, 1000)).await.unwrap();
            let mut seq = 1;
            let mut dice = p + 1;
            while seq <= 20 {
                let records: Vec<FlowInterval> = (0..30).map(|i| flow(p, seq * 100 + i, seq, 1)).collect();
                stream.batch(batch(seq, &records)).await;
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if dice >> 62 == 0 && seq > 1 {
                    seq -= 1;
                } else {
                    seq += 1;
                }
            }
            stream.acked(20).await;
        })
    });
    for probe in probes.collect::<Vec<_>>() {
        probe.await.unwrap();
    }
    let rows = stored(&collector.store).await;
    assert_eq!(rows.len(), 12 * 20 * 30);
    let mut keys: Vec<(u64, u64)> = rows.iter().map(|r| (r.op, r.flow)).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 12 * 20 * 30, "nothing twice");
    collector.stop().await;
}

/// Clients that never speak, never read or never close must not keep the collector from ending.
#[tokio::test(flavor = "multi_thread")]
async fn stopping_does_not_wait_for_silent_clients() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let _mute = tokio::net::TcpStream::connect(collector.address).await.unwrap();
    let _mute_admin = tokio::net::TcpStream::connect(collector.admin).await.unwrap();
    let idle = open(&collector.url(), hello("idle", 1, 1)).await.unwrap();
    let mut busy = open(&collector.url(), hello("busy", 1, 100)).await.unwrap();
    busy.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    busy.acked(1).await;
    let begun = std::time::Instant::now();
    tokio::time::timeout(Duration::from_secs(25), collector.stop()).await.expect("it ends within 25 s");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    match busy.answer().await {
        Ok(Some(collector_message::Kind::Drain(drain))) => assert!(drain.reconnect_after_ms > 0),
        other => panic!("no drain but {other:?}"),
    }
    drop(idle);
}

#[tokio::test]
async fn health_and_metrics_tell_the_state() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let mut stream = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    stream.batch(batch(1, &[flow(1, 1, T0 / S, 10)])).await;
    stream.acked(1).await;
    let get = async |path: &str| {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut tcp = tokio::net::TcpStream::connect(collector.admin).await.unwrap();
        tcp.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        tcp.read_to_string(&mut text).await.unwrap();
        text
    };
    assert!(get("/livez").await.starts_with("HTTP/1.1 200"));
    assert!(get("/readyz").await.starts_with("HTTP/1.1 200"));
    let metrics = get("/metrics").await;
    for line in [
        "sce_ingest_batches_total{probe=\"a\",lane=\"1\",outcome=\"committed\"} 1\n",
        "sce_ingest_skipped_batches_total{probe=\"a\",lane=\"1\"} 0\n",
        "sce_commit_failures_total 0\n",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let channel = tonic::transport::Endpoint::from_shared(collector.url()).unwrap().connect().await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let service = String::from("sce.v1.Ingest");
    let reply = health.check(tonic_health::pb::HealthCheckRequest { service }).await.unwrap().into_inner();
    assert_eq!(reply.status, tonic_health::pb::health_check_response::ServingStatus::Serving as i32);
    drop((stream, health));
    collector.stop().await;
}

#[tokio::test]
async fn a_transaction_that_the_database_ends_by_itself_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let collector = start(&path).await;
    let mut stream = open(&collector.url(), hello("a", 1, 9)).await.unwrap();
    stream.batch(batch(1, &[flow(1, 1, 1, 10)])).await;
    stream.acked(1).await;
    // SQLite does the same where the disk is full.
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(path.to_str().unwrap()).await.unwrap();
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON flow_interval WHEN new.frames = 666 BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    sqlx::query(trigger).execute(&mut conn).await.unwrap();
    stream.batch(batch(2, &[flow(1, 2, 2, 666)])).await;
    stream.batch(batch(3, &[flow(1, 3, 3, 10)])).await;
    let others = stream.acked(3).await;
    assert!(others.iter().any(|k| matches!(k, collector_message::Kind::Rejected(_))), "{others:?}");
    let frames: u64 = stored(&collector.store).await.iter().map(|f| f.frames).sum();
    assert_eq!(frames, 20);
    sqlx::Connection::close(conn).await.unwrap();
    collector.stop().await;
}
