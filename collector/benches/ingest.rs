//! How much of the bare insert's rate the collector keeps: `cargo bench -p sce-collector --bench ingest`.
//!
//! The same rows go, in the same run, (a) by a bare prepared insert, one row a statement, a thousand a transaction, and
//! (b) from packed batches over a loopback connection through decoding, ledger and group commit to acknowledged rows, sender
//! included. Both with `synchronous=FULL`. CPU time of the whole process is what counts: wall time on a shared machine is not
//! worth much. Times and byte counts vary from row to row; a third of the columns is zero throughout, as in TCP traffic.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{S, T0, batch, hello, open, start};
use sce_proto::{FlowInterval, Kind, Merge, Record, ValueRef};

const BATCHES: u64 = 100;
const ROWS: u64 = 1000;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let batches: Vec<Vec<FlowInterval>> = (0..BATCHES).map(rows).collect();
    let packed: Vec<_> = batches.iter().zip(1..).map(|(rows, seq)| batch(seq, rows)).collect();
    let bytes: usize = packed.iter().map(|b| b.payload.len()).sum();
    let columns = FlowInterval::FIELDS.len();
    println!(
        "{} records of {columns} columns, {} bytes each on the wire",
        BATCHES * ROWS,
        bytes as u64 / (BATCHES * ROWS)
    );
    let mut rates = Vec::new();
    for round in 0..3 {
        let bare = measure(|| bare(&dir.path().join(format!("bare{round}.db")), &batches));
        let db = dir.path().join(format!("full{round}.db"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let full = measure(|| runtime.block_on(deliver(&db, &packed)));
        println!(
            "bare insert {bare:>9.0} records per CPU-second; spool to committed row {full:>9.0}: {:.2}",
            full / bare
        );
        rates.push(full / bare);
    }
    rates.sort_by(f64::total_cmp);
    println!("median ratio {:.2} (wanted: at least 0.6)", rates[1]);
}

/// One second of a thousand flow directions.
fn rows(second: u64) -> Vec<FlowInterval> {
    let row = |i: u64| {
        let mut r = FlowInterval::default();
        for (at, field) in FlowInterval::FIELDS.iter().enumerate().filter(|(_, f)| f.merge != Merge::Key) {
            let n = (second * 7919 + i * 104_729 + at as u64 * 31) % 10_000;
            match field.kind {
                Kind::U64 | Kind::I64 if at % 3 != 0 => r.set(at, ValueRef::U64(n)),
                _ => {}
            }
        }
        FlowInterval {
            start_ns: T0 + second * S,
            interval_ns: S,
            op: 0x9e37_79b9_7f4a_7c15,
            flow: (i / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            flow_key: (i / 2).wrapping_mul(0xbf58_476d_1ce4_e5b9),
            direction: (i % 2) as u32,
            ip_proto: 6,
            src_ip: vec![10, 0, (i >> 8) as u8, i as u8],
            dst_ip: vec![10, 1, 0, 1],
            src_port: 32_768 + i as u32,
            dst_port: 443,
            run: String::from("bench"),
            first_ns: T0 + second * S + i * 977,
            last_ns: T0 + second * S + S - i * 13,
            ..r
        }
    };
    (0..ROWS).map(row).collect()
}

/// Records per CPU-second of this process.
fn measure(work: impl FnOnce()) -> f64 {
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    work();
    let spent = cpu_seconds() - cpu;
    let _ = wall;
    (BATCHES * ROWS) as f64 / spent
}

/// User and system time of all threads.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: f64 = fields[11..13].iter().map(|f| f.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

fn bare(db: &std::path::Path, batches: &[Vec<FlowInterval>]) {
    let mut conn = rusqlite::Connection::open(db).unwrap();
    conn.execute_batch(
        "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536",
    )
    .unwrap();
    let columns: Vec<String> = FlowInterval::FIELDS.iter().map(sce_collector::store::schema::sqlite_column).collect();
    conn.execute_batch(&format!("CREATE TABLE f ({}) STRICT", columns.join(","))).unwrap();
    let marks = vec!["?"; FlowInterval::FIELDS.len()].join(",");
    for rows in batches {
        let tx = conn.transaction().unwrap();
        {
            let mut insert = tx.prepare_cached(&format!("INSERT INTO f VALUES ({marks})")).unwrap();
            for row in rows {
                for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
                    let value = row.get(i);
                    match field.kind {
                        Kind::U64 | Kind::I64 => insert.raw_bind_parameter(i + 1, value.i64()).unwrap(),
                        Kind::Str => insert.raw_bind_parameter(i + 1, value.str()).unwrap(),
                        Kind::Bytes => insert.raw_bind_parameter(i + 1, value.bytes()).unwrap(),
                    }
                }
                insert.raw_execute().unwrap();
            }
        }
        tx.commit().unwrap();
    }
}

async fn deliver(db: &std::path::Path, batches: &[sce_proto::Batch]) {
    let collector = start(db).await;
    let mut stream = open(&collector.url(), hello("bench", 1, BATCHES + 1)).await.unwrap();
    let send = stream.send.clone();
    let batches = batches.to_vec();
    let sender = tokio::spawn(async move {
        for batch in batches {
            let kind = Some(sce_proto::probe_message::Kind::Batch(batch));
            send.send(sce_proto::ProbeMessage { kind }).await.unwrap();
        }
    });
    stream.acked(BATCHES).await;
    sender.await.unwrap();
    drop(stream);
    collector.stop().await;
}
