//! Questions to a running collector: the join, orientation, losses, filters, completeness, the audit.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::collections::BTreeMap;

use common::{Running, S, T0, batch, hello, open, start};
use proptest::prelude::*;
use sce_collector::query::filter::eval::Matcher;
use sce_collector::query::filter::{parse, push};
use sce_collector::query::table::{Cell, Column};
use sce_proto::query_client::QueryClient;
use sce_proto::{
    Completeness, FlowInterval, Kind, LossReport, Merge, ObservationPoint, ProbeInterval, Record, SelectRequest, Value,
    ValueRef, columns, select_reply, value,
};
use tonic::{Code, Status};

/// One row of an answer by column.
type Row = BTreeMap<String, Value>;

async fn select(collector: &Running, request: SelectRequest) -> Result<(Vec<Row>, Completeness), Status> {
    exactly(collector, SelectRequest { until_ns: T0 + 3600 * S, ..request }).await
}

async fn exactly(collector: &Running, request: SelectRequest) -> Result<(Vec<Row>, Completeness), Status> {
    let mut client = QueryClient::connect(collector.url()).await.unwrap();
    let mut replies = client.select(request).await?.into_inner();
    let (mut names, mut rows, mut complete) = (Vec::new(), Vec::new(), None);
    while let Some(reply) = replies.message().await? {
        match reply.kind.unwrap() {
            select_reply::Kind::Header(header) => names = header.columns.into_iter().map(|c| c.name).collect(),
            select_reply::Kind::Rows(some) => rows.extend(some.rows.into_iter().map(|row| {
                assert_eq!(row.values.len(), names.len());
                names.iter().cloned().zip(row.values).collect::<Row>()
            })),
            select_reply::Kind::Completeness(c) => complete = Some(c),
        }
    }
    Ok((rows, complete.unwrap()))
}

async fn view(collector: &Running, view: &str, filter: &str) -> Vec<Row> {
    let request = SelectRequest { view: view.to_owned(), filter: filter.to_owned(), ..SelectRequest::default() };
    select(collector, request).await.unwrap().0
}

fn n(row: &Row, name: &str) -> Option<u64> {
    match row[name].kind {
        Some(value::Kind::Unsigned(v)) => Some(v),
        None => None,
        ref other => panic!("{name}: {other:?}"),
    }
}

fn t(row: &Row, name: &str) -> String {
    match &row[name].kind {
        Some(value::Kind::Text(v)) => v.clone(),
        None => String::new(),
        other => panic!("{name}: {other:?}"),
    }
}

fn point(probe: &str, op: u64) -> ObservationPoint {
    ObservationPoint {
        op,
        probe: probe.to_owned(),
        host: probe.to_owned(),
        interface: String::from("eth0"),
        hook: String::from("af-packet"),
        clock_domain: String::from("boot"),
        first_ns: T0,
        last_ns: T0,
        ..ObservationPoint::default()
    }
}

/// Both directions of a TCP connection in one second at a point: who is up, packets of the client's side, of the server's.
struct Seen {
    op: u64,
    ttl: [u32; 2],
    swapped: bool,
    evidence: u32,
    packets: [u64; 2],
}

fn connection(seen: &Seen, isn: u32, port: u32, second: u64) -> Vec<FlowInterval> {
    let (client, server) = (vec![10, 0, 0, 1], vec![10, 0, 1, 1]);
    let key = u64::from(port) << 32;
    let one = |side: usize| {
        let (src, dst) = if side == 0 { (&client, &server) } else { (&server, &client) };
        FlowInterval {
            start_ns: T0 + second * S,
            interval_ns: S,
            op: seen.op,
            flow: key | u64::from(isn),
            flow_key: key,
            direction: (side ^ usize::from(seen.swapped)) as u32,
            ip_proto: 6,
            src_ip: src.clone(),
            dst_ip: dst.clone(),
            src_port: if side == 0 { port } else { 443 },
            dst_port: if side == 0 { 443 } else { port },
            run: String::from("r1"),
            flow_first_ns: T0,
            initiator_evidence: seen.evidence,
            isn: isn + side as u32,
            handshake_bits: 1 + side as u32,
            packets: seen.packets[side],
            frames: seen.packets[side],
            ip_bytes: seen.packets[side] * 1000,
            ect0_packets: seen.packets[side],
            ect0_data_packets: seen.packets[side],
            first_ns: T0 + second * S,
            last_ns: T0 + second * S + S / 2,
            ttl_min: seen.ttl[side],
            ttl_max: seen.ttl[side],
            end_reason_last: 1,
            tcp_syn: 1,
            tcp_fin: 1,
            acked_bytes: 500,
            ..FlowInterval::default()
        }
    };
    vec![one(0), one(1)]
}

fn account(op: u64, second: u64, records: &[FlowInterval]) -> ProbeInterval {
    let frames = records.iter().map(|r| r.frames).sum();
    ProbeInterval {
        start_ns: T0 + second * S,
        interval_ns: S,
        op,
        captured_packets: frames + 2,
        non_ip_packets: 2,
        ip_packets: frames,
        recorded_frames: frames,
        records_emitted: records.len() as u64,
        ..ProbeInterval::default()
    }
}

/// Sends what a probe has: its point and accounts on lane 0, its records on lane 1.
async fn deliver(collector: &Running, probe: &str, op: u64, seconds: &[Vec<FlowInterval>]) {
    let mut control = open(&collector.url(), hello(probe, 0, 99)).await.unwrap();
    let accounts: Vec<ProbeInterval> = seconds.iter().enumerate().map(|(i, r)| account(op, i as u64, r)).collect();
    let tables = vec![columns::table(&[point(probe, op)]), columns::table(&accounts)];
    let last_ns = T0 + seconds.len() as u64 * S;
    control.batch(sce_proto::Batch { seq: 1, last_ns, ..columns::pack(tables) }).await;
    control.acked(1).await;
    let mut flows = open(&collector.url(), hello(probe, 1, 99)).await.unwrap();
    for (i, records) in seconds.iter().enumerate() {
        flows.batch(sce_proto::Batch { last_ns, ..batch(i as u64 + 1, records) }).await;
    }
    flows.acked(seconds.len() as u64).await;
}

/// Two probes see one connection for two seconds; the server's began late and has up and down the other way round. Three
/// packets of the client are lost.
async fn story(collector: &Running) {
    let client = Seen { op: 11, ttl: [64, 62], swapped: false, evidence: 5, packets: [50, 30] };
    let server = Seen { op: 22, ttl: [62, 64], swapped: true, evidence: 1, packets: [50, 30] };
    let lossy = Seen { packets: [47, 30], ..server };
    let server = Seen { ..lossy };
    let lost_later = Seen { packets: [50, 30], op: 22, ttl: [62, 64], swapped: true, evidence: 1 };
    deliver(collector, "client", 11, &[connection(&client, 1000, 40_000, 0), connection(&client, 1000, 40_000, 1)])
        .await;
    deliver(collector, "server", 22, &[connection(&server, 1000, 40_000, 0), connection(&lost_later, 1000, 40_000, 1)])
        .await;
}

#[tokio::test]
async fn two_views_of_a_connection_are_one_flow() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("q.db")).await;
    story(&collector).await;
    let rows = view(&collector, "flows", "").await;
    assert_eq!(rows.len(), 1, "{:?}", rows.iter().map(|r| t(r, "flow")).collect::<Vec<_>>());
    let row = &rows[0];
    assert_eq!((t(row, "initiator_ip"), n(row, "initiator_port")), (String::from("10.0.0.1"), Some(40_000)));
    assert_eq!((t(row, "responder_ip"), n(row, "responder_port")), (String::from("10.0.1.1"), Some(443)));
    assert_eq!(
        (t(row, "proto"), t(row, "run"), n(row, "initiator_evidence")),
        (String::from("tcp"), String::from("r1"), Some(5))
    );
    assert_eq!(t(row, "flow").len(), 16);
    // Each direction from the point nearest to its sender: the client's 100 as sent, the server's 60.
    assert_eq!((n(row, "up.packets"), n(row, "down.packets")), (Some(100), Some(60)));
    assert_eq!((n(row, "first_ns"), n(row, "last_ns")), (Some(T0), Some(T0 + S + S / 2)));
    assert_eq!(n(row, "duration_ns"), Some(S + S / 2));
    assert_eq!(
        (n(row, "up.lost_packets"), n(row, "down.lost_packets"), n(row, "lost_packets")),
        (Some(3), Some(0), Some(3))
    );
    match &row["points"].kind {
        Some(value::Kind::List(list)) => assert_eq!(list.values.len(), 2),
        other => panic!("{other:?}"),
    }

    let id = t(row, "flow");
    let at = |view: &str| SelectRequest { view: view.to_owned(), flow: id.clone(), ..SelectRequest::default() };
    let (points, _) = select(&collector, at("flow")).await.unwrap();
    let mut seen: Vec<(String, String, Option<u64>)> =
        points.iter().map(|r| (t(r, "point.probe"), t(r, "direction"), n(r, "packets"))).collect();
    seen.sort();
    let want = |probe: &str, direction: &str, packets| (probe.to_owned(), direction.to_owned(), Some(packets));
    assert_eq!(
        seen,
        [want("client", "down", 60), want("client", "up", 100), want("server", "down", 60), want("server", "up", 97)]
    );

    let (paths, _) = select(&collector, at("paths")).await.unwrap();
    let up = paths.iter().find(|r| t(r, "direction") == "up").unwrap();
    assert_eq!((t(up, "from.probe"), t(up, "to.probe")), (String::from("client"), String::from("server")));
    assert_eq!(
        (n(up, "sent_packets"), n(up, "received_packets"), n(up, "lost_packets")),
        (Some(100), Some(97), Some(3))
    );
    assert_eq!(t(up, "flow"), id);
    let down = paths.iter().find(|r| t(r, "direction") == "down").unwrap();
    assert_eq!((t(down, "from.probe"), n(down, "lost_packets")), (String::from("server"), Some(0)));

    let (series, _) = select(&collector, at("series")).await.unwrap();
    assert_eq!(series.len(), 8, "two points, two directions, two seconds");
    assert!(series.windows(2).all(|w| n(&w[0], "start_ns") <= n(&w[1], "start_ns")));
    collector.stop().await;
}

#[tokio::test]
async fn ports_used_again_are_another_flow() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("q.db")).await;
    let client = Seen { op: 11, ttl: [64, 62], swapped: false, evidence: 5, packets: [50, 30] };
    let again = [connection(&client, 1000, 40_000, 0), connection(&client, 9000, 40_000, 1)];
    deliver(&collector, "client", 11, &again).await;
    let rows = view(&collector, "flows", "").await;
    assert_eq!(rows.len(), 2);
    assert_ne!(t(&rows[0], "flow"), t(&rows[1], "flow"));
    collector.stop().await;
}

#[tokio::test]
async fn filters_sorting_columns_and_limits() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("q.db")).await;
    let seen = |packets| Seen { op: 11, ttl: [64, 62], swapped: false, evidence: 5, packets: [packets, 10] };
    let second: Vec<FlowInterval> =
        (0..20u32).flat_map(|i| connection(&seen(u64::from(i) + 1), 7000 + i * 10, 50_000 + i, 0)).collect();
    deliver(&collector, "client", 11, &[second]).await;
    let count = async |filter: &str| view(&collector, "flows", filter).await.len();
    assert_eq!(count("").await, 20);
    assert_eq!(count("sport=50003").await, 1);
    assert_eq!(count("port 443 and net 10/8 and tcp").await, 20);
    assert_eq!(count("dst=10.0.0.1").await, 0, "the initiator is no destination");
    assert_eq!(count("up.packets>15").await, 5);
    assert_eq!(count("up.bytes>=20kB or sport<50002").await, 3);
    assert_eq!(count("probe=client and run=r1 and not udp").await, 20);
    let request = SelectRequest {
        view: String::from("flows"),
        columns: vec![String::from("initiator_port"), String::from("up.packets")],
        sort: vec![String::from("-up.packets")],
        filter: String::from("down.packets=10"),
        limit: 3,
        ..SelectRequest::default()
    };
    let (rows, complete) = select(&collector, request).await.unwrap();
    assert_eq!(rows.iter().map(|r| n(r, "up.packets").unwrap()).collect::<Vec<_>>(), [20, 19, 18]);
    assert_eq!(rows[0].len(), 2, "only what was asked for");
    assert_eq!(complete.rows_total, 20);

    let wrong = SelectRequest {
        view: String::from("flows"),
        filter: String::from("tcp and pakets>3"),
        ..SelectRequest::default()
    };
    let status = select(&collector, wrong).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("did you mean"), "{}", status.message());
    assert_eq!(status.metadata().get("filter-at").unwrap(), "8");
    assert_eq!(status.metadata().get("filter-len").unwrap(), "6");
    let nowhere = SelectRequest { view: String::from("flaws"), ..SelectRequest::default() };
    let status = select(&collector, nowhere).await.unwrap_err();
    assert_eq!(status.message(), "there is no view `flaws`; did you mean `flows`?");
    collector.stop().await;
}

#[tokio::test]
async fn every_view_describes_itself_and_answers_with_its_columns() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("q.db")).await;
    story(&collector).await;
    let mut client = QueryClient::connect(collector.url()).await.unwrap();
    let views = client.describe(sce_proto::DescribeRequest::default()).await.unwrap().into_inner().views;
    assert!(views.len() > 10);
    for about in views {
        let mut names: Vec<&str> = about.columns.iter().map(|c| c.name.as_str()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{}: a name comes twice", about.name);
        assert!(about.columns.iter().any(|c| c.default_shown), "{} shows nothing", about.name);
        for row in view(&collector, &about.name, "").await {
            assert!(row.keys().map(String::as_str).eq(names.iter().copied()), "{}", about.name);
        }
    }
    collector.stop().await;
}

/// Only what the columns need is read of the records: a row must not be made of more.
#[tokio::test]
async fn a_column_says_the_same_alone_and_among_all() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("q.db")).await;
    for (probe, op, ttl) in [("client", 1, [64, 62]), ("server", 2, [62, 64])] {
        let seen = Seen { op, swapped: false, evidence: 5, packets: [10, 20], ttl };
        let mut records = connection(&seen, 7, 40_000, 0);
        for record in &mut records {
            for (at, field) in FlowInterval::FIELDS.iter().enumerate() {
                if field.merge != Merge::Key && field.kind == Kind::U64 && record.get(at) == ValueRef::U64(0) {
                    record.set(at, ValueRef::U64(3));
                }
            }
        }
        deliver(&collector, probe, op, &[records]).await;
    }
    for view in ["flows", "flow"] {
        let ask = async |columns: Vec<String>| {
            let request = SelectRequest { view: view.to_owned(), columns, ..SelectRequest::default() };
            select(&collector, request).await.unwrap().0
        };
        let mut client = QueryClient::connect(collector.url()).await.unwrap();
        let views = client.describe(sce_proto::DescribeRequest::default()).await.unwrap().into_inner().views;
        let columns = views.into_iter().find(|v| v.name == view).unwrap().columns;
        let whole = ask(columns.iter().map(|c| c.name.clone()).collect()).await;
        assert!(!whole.is_empty() && columns.len() > 300);
        for column in columns {
            for (row, all) in ask(vec![column.name.clone()]).await.iter().zip(&whole) {
                assert_eq!(row[&column.name], all[&column.name], "{view}: {}", column.name);
            }
        }
    }
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_ahead_of_the_collector_are_left_out_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let now = sce_collector::clock::now_ns();
    let mut stream = open(&collector.url(), hello("early", 1, 2)).await.unwrap();
    let ahead = FlowInterval { start_ns: now + 3600 * S, ..common::flow(1, 1, 0, 1) };
    let mut batch = batch(1, &[ahead]);
    (batch.first_ns, batch.last_ns) = (now + 3600 * S, now + 3601 * S);
    stream.batch(batch).await;
    stream.acked(1).await;
    let asked = |until_ns| SelectRequest { view: String::from("flows"), until_ns, ..SelectRequest::default() };
    let (rows, complete) = exactly(&collector, asked(0)).await.unwrap();
    assert!(rows.is_empty());
    assert!(complete.notes.iter().any(|n| n.starts_with("early has records of up to 3")), "{:?}", complete.notes);
    let (rows, complete) = exactly(&collector, asked(now + 7200 * S)).await.unwrap();
    assert_eq!((rows.len(), complete.notes), (1, Vec::new()));
    collector.stop().await;
}

#[tokio::test]
async fn the_audit_balances_and_notices() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("q.db")).await;
    story(&collector).await;
    let truth = |row: &Row| row["balanced"].kind == Some(value::Kind::Truth(true));
    let rows = view(&collector, "audit", "").await;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(truth), "{:?}", rows.iter().map(|r| t(r, "verdict")).collect::<Vec<_>>());
    assert_eq!(n(&rows[0], "captured"), Some(164));

    // A probe that recorded more than what is here, long ago: nothing explains it, until a report does.
    let mut control = open(&collector.url(), hello("thief", 0, 99)).await.unwrap();
    let records = connection(&Seen { op: 33, ttl: [64, 64], swapped: false, evidence: 5, packets: [5, 5] }, 5, 5, 0);
    let tables = vec![columns::table(&[point("thief", 33)]), columns::table(&[account(33, 0, &records)])];
    control.batch(sce_proto::Batch { seq: 1, last_ns: T0 + 100 * S, ..columns::pack(tables) }).await;
    control.acked(1).await;
    let thief = async || view(&collector, "audit", "probe=thief").await.remove(0);
    let row = thief().await;
    assert!(!truth(&row), "{}", t(&row, "verdict"));
    assert_eq!((n(&row, "missing_frames"), n(&row, "missing_records")), (Some(10), Some(2)));
    let report = LossReport {
        at_ns: T0 + S,
        reason: String::from("spool_full"),
        lane: 1,
        from_ns: T0,
        to_ns: T0 + S,
        records: 2,
        frames: 10,
        ..LossReport::default()
    };
    control.batch(sce_proto::Batch { last_ns: T0 + 100 * S, ..batch(2, &[report]) }).await;
    control.acked(2).await;
    let row = thief().await;
    assert!(truth(&row), "{}", t(&row, "verdict"));
    assert_eq!(t(&row, "verdict"), "balanced, 2 records reported lost");

    let request = SelectRequest { view: String::from("flows"), ..SelectRequest::default() };
    let (_, complete) = select(&collector, request).await.unwrap();
    assert_eq!((complete.lost_records, complete.lost_frames), (2, 10));
    assert_eq!(complete.oldest_ns, T0);
    let probes: Vec<(&str, bool)> = complete.probes.iter().map(|p| (p.probe.as_str(), p.connected)).collect();
    assert_eq!(probes, [("client", false), ("server", false), ("thief", true)]);

    // Another has a slow disk: it has gone on for 30 s, and says up to when its flow records have left it.
    let records = connection(&Seen { op: 34, ttl: [64, 64], swapped: false, evidence: 5, packets: [5, 5] }, 5, 5, 25);
    let slow = async |seq: u64, delivered_s: u64, more: &[ProbeInterval]| {
        let told = ProbeInterval { delivered_until_ns_last: T0 + delivered_s * S, ..account(34, 30 + seq, &[]) };
        let tables = vec![columns::table(&[point("slow", 34)]), columns::table(&[&[told], more].concat())];
        let mut control = open(&collector.url(), hello("slow", 0, 98)).await.unwrap();
        control.batch(sce_proto::Batch { seq, last_ns: T0 + (30 + seq) * S, ..columns::pack(tables) }).await;
        control.acked(seq).await;
        view(&collector, "audit", "probe=slow").await.remove(0)
    };
    let row = slow(1, 20, &[account(34, 25, &records)]).await;
    assert_eq!((truth(&row), t(&row, "verdict")), (true, String::from("balanced, 2 records still on their way")));
    let row = slow(2, 27, &[]).await;
    assert_eq!((truth(&row), n(&row, "missing_records")), (false, Some(2)), "{}", t(&row, "verdict"));
    collector.stop().await;
}

// ---- A filter means the same to the database and in memory.

fn filters() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0u8..4).prop_map(|i| format!("host 10.0.0.{i}")),
        (0u8..4).prop_map(|i| format!("src=10.0.0.{i}")),
        (29u8..33).prop_map(|bits| format!("net 10.0.0.0/{bits}")),
        (0u16..4, prop_oneof![Just("="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")])
            .prop_map(|(p, op)| format!("port{op}{p}")),
        (0u16..4).prop_map(|p| format!("dport={p}")),
        Just(String::from("dport in (1, 2)")),
        prop_oneof![Just("tcp"), Just("proto!=udp"), Just("proto in (tcp, 17)")].prop_map(String::from),
        prop_oneof![Just("run=\"a\""), Just("run=a"), Just("up.packets>2")].prop_map(String::from),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not {a}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn what_the_database_passes_over_no_flow_needs(
        text in filters(), ends in (0u8..4, 0u8..4, 0u16..4, 0u16..4), proto in 0usize..2, run in "[ab]", packets in 0u64..5
    ) {
        let names = ["proto", "initiator_ip", "initiator_port", "responder_ip", "responder_port", "run", "up.packets"];
        let columns: Vec<Column> = names.iter().map(|n| Column::new(*n, "", "")).collect();
        let (a, b) = ([10, 0, 0, ends.0], [10, 0, 0, ends.1]);
        let row = vec![
            Cell::text(["tcp", "udp"][proto]),
            Cell::ip(&a),
            Cell::U(u64::from(ends.2)),
            Cell::ip(&b),
            Cell::U(u64::from(ends.3)),
            Cell::text(run.clone()),
            Cell::U(packets),
        ];
        let up = FlowInterval {
            ip_proto: [6, 17][proto],
            src_ip: a.to_vec(),
            src_port: u32::from(ends.2),
            dst_ip: b.to_vec(),
            dst_port: u32::from(ends.3),
            run,
            packets,
            ..FlowInterval::default()
        };
        let mut down = up.clone();
        (down.src_ip, down.dst_ip, down.src_port, down.dst_port) = (up.dst_ip.clone(), up.src_ip.clone(), up.dst_port, up.src_port);
        let expr = parse(&text).unwrap();
        let passes = Matcher::new(&expr, &columns).unwrap().holds(&row);
        let (predicate, exact) = push::push(&expr);
        for record in [&up, &down] {
            let kept = predicate.holds(record);
            prop_assert!(kept || !passes, "{text} loses a record of a flow that passes");
            if exact {
                prop_assert_eq!(kept, passes, "{} is said to be exact", text);
            }
        }
        prop_assert!(FlowInterval::position("run").is_some());
    }
}
