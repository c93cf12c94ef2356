//! How much of the bare insert's rate the collector keeps: `cargo bench -p sce-collector --bench ingest`.
//!
//! The same rows go, in the same run, (a) by a bare prepared insert, one row a statement, a thousand a transaction (Postgres:
//! a binary `COPY` of a thousand rows each), and (b) from packed batches over a loopback connection through decoding, ledger
//! and group commit to acknowledged rows, sender included. SQLite both times with `synchronous=FULL`; of Postgres, a private
//! server without fsync, its processes count too. CPU time is what counts: wall time on a shared machine is not worth much.
//! Times and byte counts vary from row to row; a third of the columns is zero throughout, as in TCP traffic.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::cluster::Cluster;
use common::{S, T0, batch, hello, open, serve};
use sce_collector::ingest::Limits;
use sce_collector::store::Store;
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::sqlite::SqliteStore;
use sce_proto::{FlowInterval, Kind, Merge, Record, ValueRef};
use sqlx::{Connection as _, PgConnection};

/// As the collector has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCHES: u64 = 100;
const ROWS: u64 = 1000;

fn main() {
    let batches: Vec<Vec<FlowInterval>> = (0..BATCHES).map(rows).collect();
    let packed: Vec<_> = batches.iter().zip(1..).map(|(rows, seq)| batch(seq, rows)).collect();
    let bytes: usize = packed.iter().map(|b| b.payload.len()).sum();
    let columns = FlowInterval::FIELDS.len();
    println!(
        "{} records of {columns} columns, {} bytes each on the wire",
        BATCHES * ROWS,
        bytes as u64 / (BATCHES * ROWS)
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    rounds(
        "SQLite",
        "prepared insert",
        || 0.0,
        |round, bare_one| {
            if bare_one {
                return bare(&dir.path().join(format!("bare{round}.db")), &batches);
            }
            runtime.block_on(async {
                let store = SqliteStore::open(&dir.path().join(format!("full{round}.db"))).await.unwrap();
                deliver(store, &packed).await;
            });
        },
    );
    let Some(cluster) = Cluster::start() else { return };
    rounds(
        "Postgres",
        "binary COPY",
        || cluster.cpu_s(),
        |round, bare_one| {
            runtime.block_on(async {
                if bare_one {
                    return bare_copy(&cluster.database(&format!("bare{round}")).await, &batches).await;
                }
                let store = PostgresStore::open(&cluster.database(&format!("full{round}")).await).await.unwrap();
                deliver(store, &packed).await;
            });
        },
    );
}

/// Three rounds of both ways; `server_s` is the CPU time of a database that is another process.
fn rounds(database: &str, way: &str, server_s: impl Fn() -> f64, work: impl Fn(usize, bool)) {
    let rate = |round: usize, bare: bool| {
        let before = cpu_seconds() + server_s();
        work(round, bare);
        (BATCHES * ROWS) as f64 / (cpu_seconds() + server_s() - before)
    };
    let mut ratios = Vec::new();
    for round in 0..3 {
        let (bare, full) = (rate(round, true), rate(round, false));
        println!(
            "{database}: bare {way} {bare:>7.0} records per CPU-second; spool to committed row {full:>7.0}: {:.2}",
            full / bare
        );
        ratios.push(full / bare);
    }
    ratios.sort_by(f64::total_cmp);
    println!("{database}: median ratio {:.2} (wanted: at least 0.6)", ratios[1]);
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

/// All columns of a thousand rows a transaction.
async fn bare_copy(url: &str, batches: &[Vec<FlowInterval>]) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let columns: Vec<String> = FlowInterval::FIELDS.iter().map(sce_collector::store::schema::postgres_column).collect();
    let sql = format!("CREATE TABLE f ({})", columns.join(","));
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    for rows in batches {
        let mut data = Vec::from(*b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
        let put = |data: &mut Vec<u8>, value: &[u8]| {
            data.extend_from_slice(&(value.len() as i32).to_be_bytes());
            data.extend_from_slice(value);
        };
        for row in rows {
            data.extend_from_slice(&(FlowInterval::FIELDS.len() as i16).to_be_bytes());
            for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
                let value = row.get(i);
                match field.kind {
                    Kind::U64 | Kind::I64 => put(&mut data, &value.i64().to_be_bytes()),
                    Kind::Str | Kind::Bytes => put(&mut data, value.bytes()),
                }
            }
        }
        data.extend_from_slice(&(-1i16).to_be_bytes());
        let mut copy = conn.copy_in_raw("COPY f FROM STDIN (FORMAT BINARY)").await.unwrap();
        copy.send(data).await.unwrap();
        copy.finish().await.unwrap();
    }
    conn.close().await.unwrap();
}

async fn deliver<T: Store>(store: T, batches: &[sce_proto::Batch]) {
    let collector = serve(store, Limits::default()).await;
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
