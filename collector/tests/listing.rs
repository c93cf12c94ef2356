//! The first rows of `flows` are those of the whole answer: whatever they are ordered by, whoever saw the flows and how often.
//!
//! A question with a limit looks at a few fields of all flows and loads those that can be among its first rows; one without
//! a limit loads and joins everything. Both are asked here.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use common::cluster::Cluster;
use common::{Running, S, T0, serve};
use sce_collector::ingest::Limits;
use sce_collector::metrics::Metrics;
use sce_collector::rollup::job::round;
use sce_collector::rows;
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::store::{Claim, Outcome, Quarantine, Step, Store, StreamKey, Work};
use sce_proto::query_client::QueryClient;
use sce_proto::{FlowInterval, ObservationPoint, Row, SelectRequest, Table, columns, select_reply};

const MINUTE: u64 = T0 - T0 % (60 * S);

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_begins_as_the_whole_answer_does() {
    let dir = tempfile::tempdir().unwrap();
    story(SqliteStore::open(&dir.path().join("listing.db")).await.unwrap(), &DECIDED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_begins_as_the_whole_answer_does() {
    let Some(cluster) = Cluster::start() else { return };
    story(PostgresStore::open(&cluster.database("listing").await).await.unwrap(), &DECIDED[..1]).await;
}

/// Filters that are decided record by record, and two that only the joined flow can decide.
const DECIDED: [&str; 3] = ["", "port 443 and not host 10.0.0.3", "udp or run=\"b\""];
const LATER: [&str; 2] = ["dport=443", "up.packets > 60"];

/// Orders by what few fields say, and two that need the joined flow.
const SORTS: [&str; 12] = [
    "",
    "first_ns",
    "-first_ns",
    "-last_ns",
    "-up.ip_bytes",
    "up.ip_bytes",
    "-down.packets",
    "-up.ce_packets,-first_ns",
    "-up.ttl_max,flow",
    "down.end_reason_last",
    "-up.throughput_bit_s",
    "-lost_packets,up.packets",
];

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn point(op: u64) -> ObservationPoint {
    ObservationPoint {
        op,
        probe: format!("p{op}"),
        host: format!("h{}", op / 2),
        interface: format!("eth{op}"),
        order_last: op as u32,
        // The first one is the host of some of the flows.
        addresses_last: if op == 0 { vec![4, 10, 0, 0, 1] } else { Vec::new() },
        first_ns: MINUTE,
        last_ns: MINUTE + 3600 * S,
        ..ObservationPoint::default()
    }
}

/// Records of a connection: at up to three points, which may have it the other way round, see it late, lose some, miss a
/// direction or the handshake; in several intervals; some with a port that was used before, or is the same on both sides.
fn connection(dice: &mut Dice, n: u64) -> Vec<FlowInterval> {
    // Few keys for some of them: several instances of one.
    let name = if dice.roll(3) == 0 { dice.roll(6) } else { 100 + n };
    let (tcp, handshake) = (dice.roll(4) > 0, dice.roll(4) > 0);
    let (near, far) = (vec![10, 0, 0, 1 + (name % 4) as u8], vec![10, 0, 1, 1]);
    let port = if name.is_multiple_of(11) { 443 } else { 40_000 + name as u32 };
    let far_port = [443, 443, 80][(name % 3) as usize];
    let key = name.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let begins = [3, 7, 40, 61, 100, 170, 200][dice.roll(7) as usize] * S + dice.roll(3) * 1000;
    let run = ["", "", "b"][dice.roll(3) as usize];
    let (intervals, packets, isn) = (1 + dice.roll(4), dice.roll(100), n as u32 * 1000);
    let mut out = Vec::new();
    for op in (0..3).filter(|op| *op == n % 3 || dice.roll(2) == 0).collect::<Vec<_>>() {
        let (turned, missed, late) = (dice.roll(6) == 0, dice.roll(8), dice.roll(3) * 5_000_000);
        for (interval, side) in (0..intervals).flat_map(|i| [(i, 0usize), (i, 1)]) {
            if missed == side as u64 {
                continue;
            }
            let first_ns = MINUTE + begins + interval * S + late + side as u64 * 1000;
            let (src, dst) = if side == 0 { (&near, &far) } else { (&far, &near) };
            let ports = if side == 0 { (port, far_port) } else { (far_port, port) };
            let counted = (packets * (1 + side as u64)).saturating_sub(dice.roll(3));
            out.push(FlowInterval {
                start_ns: first_ns - first_ns % S,
                interval_ns: S,
                op,
                flow: key.rotate_left(9) ^ (n << 3) ^ op,
                flow_key: key,
                direction: (side ^ usize::from(turned)) as u32,
                ip_proto: if tcp { 6 } else { 17 },
                src_ip: src.clone(),
                dst_ip: dst.clone(),
                src_port: ports.0,
                dst_port: ports.1,
                run: run.to_owned(),
                flow_first_ns: MINUTE + begins + late,
                initiator_evidence: if handshake { 5 } else { 1 },
                isn: isn + side as u32,
                handshake_bits: if tcp && handshake { 1 + side as u32 } else { 0 },
                quality_bits: if tcp && !handshake { 4 } else { 0 },
                packets: counted,
                frames: counted,
                ip_bytes: counted * (900 + dice.roll(2)),
                ce_packets: if n.is_multiple_of(5) { dice.roll(9) } else { 0 },
                ect0_packets: counted,
                first_ns,
                last_ns: first_ns + dice.roll(4) * 100_000_000,
                ttl_min: 64 - op as u32,
                ttl_max: 64 - if dice.roll(5) == 0 { 0 } else { op as u32 },
                end_reason_last: if interval + 1 == intervals { dice.roll(3) as u32 } else { 0 },
                ..FlowInterval::default()
            });
        }
    }
    out
}

async fn commit(store: &impl Store, seq: u64, tables: Vec<Table>) {
    let key = StreamKey { probe: String::from("p0"), spool_id: vec![7; 16], epoch: 1, lane: 1 };
    let claim = Claim { key, host: String::new(), version: String::new(), session: 1, now_ns: MINUTE as i64 };
    let batch = columns::pack(tables);
    let payload = batch.payload.clone();
    let original = Quarantine { reason: String::new(), records: 0, frames: 0, position: 0, payload };
    let tables = rows::decode(&batch).unwrap().tables;
    let work = Work::Batch { seq, crc: batch.crc32c, newest_ns: 0, tables, original };
    let stream = store.claim(&claim).await.unwrap().stream;
    let step = Step { stream, session: 1, now_ns: MINUTE as i64, work };
    assert_eq!(store.commit(&[step]).await.unwrap(), [Outcome::Committed]);
}

/// The rows of an answer, how many it says there are, and what was read for it.
async fn ask<T: Store>(collector: &Running<T>, request: &SelectRequest) -> (Vec<Row>, u64, String) {
    let mut client = QueryClient::connect(collector.url()).await.unwrap();
    let mut replies = client.select(request.clone()).await.unwrap().into_inner();
    let (mut rows, mut total, mut explain) = (Vec::new(), 0, String::new());
    while let Some(reply) = replies.message().await.unwrap() {
        match reply.kind.unwrap() {
            select_reply::Kind::Header(header) => explain = header.explain,
            select_reply::Kind::Rows(some) => rows.extend(some.rows),
            select_reply::Kind::Completeness(complete) => total = complete.rows_total,
        }
    }
    (rows, total, explain)
}

async fn story(store: impl Store, filters: &[&str]) {
    let mut dice = Dice(11);
    commit(&store, 1, vec![columns::table(&[point(0), point(1), point(2)])]).await;
    let records: Vec<FlowInterval> = (0..150).flat_map(|n| connection(&mut dice, n)).collect();
    let (summed, newer) = records.split_at(records.len() * 3 / 4);
    commit(&store, 2, vec![columns::table(summed)]).await;
    while round(&store, MINUTE + 7200 * S, &Metrics::default()).await.unwrap() > 0 {}
    commit(&store, 3, vec![columns::table(newer)]).await;

    let collector = serve(store, Limits::default()).await;
    for filter in filters {
        for sort in SORTS {
            let part = begins_as_whole(&collector, filter, sort).await;
            assert_eq!(part.is_some(), !SORTS[10..].contains(&sort), "{filter} {sort}");
            // Where few flows have the same number.
            assert!(sort != "-up.ip_bytes" || part < Some(0.3), "{filter}: {part:?}");
        }
    }
    for filter in LATER {
        assert_eq!(begins_as_whole(&collector, filter, "-up.ip_bytes").await, None, "{filter}");
    }
    collector.stop().await;
}

/// Compares answers with limits with the whole one. Says which part of the flows was loaded to show a single one; `None`: all
/// had to be joined.
async fn begins_as_whole<T: Store>(collector: &Running<T>, filter: &str, sort: &str) -> Option<f64> {
    let few = "flow run first_ns last_ns points join_evidence lost_packets up.packets down.packets up.ip_bytes";
    let few: Vec<String> = few.split(' ').map(str::to_owned).collect();
    let (since_ns, until_ns) = if sort.starts_with('-') { (0, u64::MAX >> 1) } else { (MINUTE, MINUTE + 175 * S) };
    let whole = SelectRequest {
        view: String::from("flows"),
        since_ns,
        until_ns,
        filter: filter.to_owned(),
        sort: sort.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
        columns: if sort.is_empty() { Vec::new() } else { few },
        options: [("explain".to_owned(), "true".to_owned())].into(),
        ..SelectRequest::default()
    };
    let (all, total, _) = ask(collector, &whole).await;
    assert!(all.len() as u64 == total && total > 20, "{filter} {sort}: {total}");
    let mut loaded = Vec::new();
    for limit in [1, 15, 10_000] {
        let (rows, found, explain) = ask(collector, &SelectRequest { limit, ..whole.clone() }).await;
        assert_eq!(found, total, "{filter} {sort} {limit}");
        assert_eq!(rows, all[..all.len().min(limit as usize)], "{filter} {sort} {limit}\n{explain}");
        let keys = explain.split_once("of which may come first: ").and_then(|(_, rest)| rest.split(' ').next());
        loaded.extend(keys.map(|n| n.parse::<u64>().unwrap()));
    }
    loaded.first().map(|n| *n as f64 / total as f64)
}
