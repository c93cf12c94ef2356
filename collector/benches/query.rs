//! How long questions take when much is stored: `cargo bench -p sce-collector --bench query -- [RECORDS] [DIRECTIONS] [DB] [SUM_S]`.
//!
//! RECORDS flow records (default 2,000,000) of intervals of 10 s are committed as ingest does, DIRECTIONS of them (default
//! 2,400: flows of two directions at two points) in each interval, up to now; flows live ten minutes, one all the time. Then
//! the buckets are summed, and the questions of `sce-cli flows|paths|top --since 5m` and of one flow's hour are asked through
//! the service, each thirty times; CPU time is that of asking and answering together. DB is a directory in which `bench.db`
//! is made and stays (default: a temporary one), a file of an earlier run, which is asked as it is, or a postgres:// URL of
//! an empty database (0 RECORDS: of one that was filled before). SUM_S ends the summing after so many seconds (default: when
//! all is summed); it begins with the newest buckets, and no question asks for older ones.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use common::{S, serve};
use sce_collector::ingest::Limits;
use sce_collector::metrics::Metrics;
use sce_collector::rollup::job::round;
use sce_collector::rows;
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::store::{Claim, Outcome, Quarantine, Step, Store, StreamKey, Work};
use sce_proto::query_client::QueryClient;
use sce_proto::{Batch, FlowInterval, ObservationPoint, SelectRequest, columns, select_reply};

/// As the collector has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const INTERVAL: u64 = 10 * S;
const LIFE: u64 = 60;
const TIMES: usize = 30;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let number = |i: usize, default: u64| args.get(i).map_or(default, |a| a.parse().unwrap());
    let (records, directions, sum_s) = (number(0, 2_000_000), number(1, 2400), number(3, u64::MAX));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match args.get(2) {
        Some(url) if url.starts_with("postgres://") => {
            runtime
                .block_on(async { bench(PostgresStore::open(url).await.unwrap(), records, directions, sum_s).await });
        }
        Some(file) if Path::new(file).is_file() => {
            runtime.block_on(async { ask(SqliteStore::open(Path::new(file)).await.unwrap()).await });
        }
        place => {
            let temporary = tempfile::tempdir().unwrap();
            let path = place.map_or(temporary.path(), Path::new).join("bench.db");
            assert!(!path.exists(), "{} is there: name the file to ask it as it is", path.display());
            runtime
                .block_on(async { bench(SqliteStore::open(&path).await.unwrap(), records, directions, sum_s).await });
        }
    }
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

async fn bench<T: Store>(store: T, records: u64, directions: u64, sum_s: u64) {
    let intervals = records / directions;
    let end = now_ns() / INTERVAL;
    let began = Instant::now();
    if intervals > 0 {
        fill(&store, end - intervals, end, directions).await;
        let (written, took) = (intervals * directions, began.elapsed().as_secs_f64());
        println!("{written} records of {intervals} intervals written in {took:.0} s");
    }
    let began = Instant::now();
    let mut buckets = 0;
    while began.elapsed().as_secs() < sum_s {
        match round(&store, now_ns() + 60 * S, &Metrics::default()).await.unwrap() {
            0 => break,
            n => buckets += n,
        }
    }
    println!("{buckets} buckets summed in {:.0} s", began.elapsed().as_secs_f64());
    println!("{:.2} GB in the database", store.size_bytes().await.unwrap() as f64 / 1e9);
    if intervals > 0 {
        // What came in the last half minute is not summed, as in a collector that works.
        fill(&store, end, end + 3, directions).await;
    }
    ask(store).await;
}

/// Asks the questions of a database that is filled.
async fn ask<T: Store>(store: T) {
    let state = store.rollup_state(0, u64::MAX, false).await.unwrap();
    let summed = state.extent.map_or(0, |extent| extent.1 / INTERVAL);
    let newest = summed.max(state.touched.last().map_or(0, |bucket| bucket / INTERVAL + 1));
    let collector = serve(store, Limits::default()).await;
    let columns = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let listed = "flow proto initiator_ip responder_ip up.packets down.packets up.ip_bytes up.ce_packets lost_packets";
    let [one, long] = [0, LONG].map(|n| format!("{:016x}", flow(newest - 1, n).flow));
    let until_ns = newest * INTERVAL;
    let request = |view: &str, since_ns: u64, flow: &str, columns: Vec<String>| SelectRequest {
        view: view.to_owned(),
        since_ns,
        until_ns,
        flow: flow.to_owned(),
        columns,
        limit: 20,
        options: [("explain".to_owned(), "true".to_owned())].into(),
        ..SelectRequest::default()
    };
    let (lately, hour) = (until_ns - 300 * S - S / 2, until_ns - 3600 * S);
    let questions = [
        ("flows --since 5m", request("flows", lately, "", columns(listed))),
        ("flows --since 5m, all columns", request("flows", lately, "", Vec::new())),
        ("flows --since 5m, all rows", SelectRequest { limit: 0, ..request("flows", lately, "", columns(listed)) }),
        (
            "flows --since 5m --sort -up.ip_bytes",
            SelectRequest { sort: vec!["-up.ip_bytes".to_owned()], ..request("flows", lately, "", columns(listed)) },
        ),
        ("one flow, the hour in sum", request("flow", hour, &one, Vec::new())),
        ("one flow, the hour at 10 s", SelectRequest { limit: 0, ..request("series", hour, &one, Vec::new()) }),
        ("one that lives all of it", SelectRequest { limit: 0, ..request("series", hour, &long, Vec::new()) }),
        ("paths --since 5m", request("paths", lately, "", Vec::new())),
    ];
    let mut client = QueryClient::connect(collector.url()).await.unwrap();
    for (name, question) in questions {
        let mut times = Vec::new();
        let (mut rows, mut explain, cpu) = (0, String::new(), cpu_s());
        for _ in 0..TIMES {
            let began = Instant::now();
            let mut replies = client.select(question.clone()).await.unwrap().into_inner();
            rows = 0;
            while let Some(reply) = replies.message().await.unwrap() {
                match reply.kind.unwrap() {
                    select_reply::Kind::Header(header) => explain = header.explain,
                    select_reply::Kind::Rows(some) => rows += some.rows.len(),
                    select_reply::Kind::Completeness(_) => {}
                }
            }
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let (p50, p99, cpu) = (times[TIMES / 2], times[TIMES - 1], (cpu_s() - cpu) * 1e3 / TIMES as f64);
        println!("{name:<36} p50 {p50:>7.1} ms  p99 {p99:>7.1} ms  CPU {cpu:>7.1} ms  {rows} rows");
        println!("    {}", explain.replace('\n', "\n    "));
    }
    collector.stop().await;
}

/// CPU time of this process, s.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2).map(|t| t.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// Commits the records of some intervals, as batches of two probes.
async fn fill(store: &impl Store, from: u64, to: u64, directions: u64) {
    let mut streams = Vec::new();
    for op in 0..2u64 {
        let probe = format!("p{op}");
        let key = StreamKey { probe: probe.clone(), spool_id: vec![op as u8; 16], epoch: from, lane: 1 };
        let claim = Claim { key, host: probe.clone(), version: String::new(), session: 1, now_ns: 0 };
        streams.push(store.claim(&claim).await.unwrap().stream);
    }
    let point = |op: u64| ObservationPoint {
        op: op + 1,
        probe: format!("p{op}"),
        host: format!("p{op}"),
        interface: String::from("eth0"),
        first_ns: from * INTERVAL,
        last_ns: from * INTERVAL,
        ..ObservationPoint::default()
    };
    let mut seq = 1;
    for op in 0..2 {
        commit(store, &[(streams[op as usize], columns::pack(vec![columns::table(&[point(op)])]))], seq, 0).await;
    }
    for interval in from..to {
        seq += 1;
        let batches = [0u64, 1].map(|op| {
            let records: Vec<FlowInterval> =
                (0..directions / 4).flat_map(|n| [0, 1].map(|direction| record(interval, n, op, direction))).collect();
            (streams[op as usize], columns::pack(vec![columns::table(&records)]))
        });
        commit(store, &batches, seq, (interval + 1) * INTERVAL).await;
    }
}

async fn commit(store: &impl Store, batches: &[(i64, Batch)], seq: u64, newest_ns: u64) {
    let step = |(stream, batch): &(i64, Batch)| {
        let payload = batch.payload.clone();
        let original = Quarantine { reason: String::new(), records: 0, frames: 0, position: 0, payload };
        let tables = rows::decode(batch).unwrap().tables;
        let work = Work::Batch { seq, crc: batch.crc32c, newest_ns, tables, original };
        Step { stream: *stream, session: 1, now_ns: now_ns() as i64, work }
    };
    let steps: Vec<Step> = batches.iter().map(step).collect();
    let done = store.commit(&steps).await.unwrap();
    assert!(done.iter().all(|d| *d == Outcome::Committed), "{done:?}");
}

/// The flow that lives all the time.
const LONG: u64 = 1;

/// The identity of flow `n` in an interval: it lives for a while, then another has its place.
fn flow(interval: u64, n: u64) -> FlowInterval {
    let life = if n == LONG { 1_000_000 } else { (interval + n) / LIFE };
    let key = (life * 1_000_003 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    FlowInterval {
        flow: key.rotate_left(17),
        flow_key: key,
        isn: (key >> 7) as u32,
        handshake_bits: 1,
        flow_first_ns: (life * LIFE).saturating_sub(n) * INTERVAL,
        src_port: 32_768 + (key % 28_000) as u32,
        ..FlowInterval::default()
    }
}

/// TCP traffic with counters in about a third of the columns.
fn record(interval: u64, n: u64, op: u64, direction: u32) -> FlowInterval {
    let start_ns = interval * INTERVAL;
    let flow = flow(interval, n);
    let dice = (interval * 31 + n * 7919) % 1000;
    let packets = 100 + dice;
    let (near, far) = (vec![10, 0, (n >> 8) as u8, n as u8], vec![10, 1, 0, 1]);
    let (src_ip, dst_ip) = if direction == 0 { (near, far) } else { (far, near) };
    let (src_port, dst_port) = if direction == 0 { (flow.src_port, 443) } else { (443, flow.src_port) };
    FlowInterval {
        start_ns,
        interval_ns: INTERVAL,
        op: op + 1,
        direction,
        ip_proto: 6,
        src_ip,
        dst_ip,
        src_port,
        dst_port,
        isn: flow.isn.wrapping_add(direction),
        initiator_evidence: 5,
        packets,
        frames: packets,
        ip_bytes: packets * 1400,
        payload_bytes: packets * 1348,
        link_bytes: packets * 1414,
        first_ns: start_ns + dice * 1000,
        last_ns: start_ns + INTERVAL - dice * 977,
        ttl_min: 64 - op as u32,
        ttl_max: 64 - op as u32,
        ect0_packets: packets - dice / 10,
        ect1_packets: dice / 20,
        ce_packets: dice / 10 - dice / 20,
        ect0_bytes: packets * 1300,
        data_segments: packets,
        tcp_ack: packets,
        tcp_psh: dice / 9,
        acked_bytes: packets * 1300,
        delivered_bytes: packets * 1300,
        retransmitted_segments: dice / 100,
        retransmitted_bytes: dice * 13,
        flight_bytes_max: 100_000 + dice,
        flight_bytes_last: 90_000 + dice,
        window_bytes_last: 65_535 * 4,
        window_bytes_max: 65_535 * 4,
        advancing_acks: packets / 2,
        rtt_count: packets / 2,
        rtt_ns_sum: packets * 10_000_000,
        rtt_us2_sum: packets * 100_000_000,
        rtt_ns_min: 9_000_000 + dice,
        rtt_ns_max: 30_000_000 + dice * 77,
        rtt_ns_sketch: sce_proto::sketch::encode([(sce_proto::sketch::bucket(9_000_000 + dice * 1000), packets / 2)]),
        ipg_count: packets - 1,
        ipg_ns_sum: INTERVAL - dice,
        ipg_us2_sum: dice * 1_000_000,
        ipg_ns_min: 1000 + dice,
        ipg_ns_max: 100_000_000 + dice,
        ..flow
    }
}
