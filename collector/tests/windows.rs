//! A flow's life cut into windows: the figures of the windows add up to those of the whole, for any cut.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;
mod support;

use std::collections::BTreeMap;

use common::{S, batch, hello, open, start};
use proptest::prelude::*;
use sce_collector::correlate::{Joined, Options, Sighting};
use sce_meter::{MarksConfig, MarksMode, Records};
use sce_proto::query_client::QueryClient;
use sce_proto::{PathSegment, Record, SelectRequest, Value, columns, select_reply, value};
use support::path::{Hop, Outcome, Plan, simulate};
use support::{correlate, file_point, metered, sightings};

/// Everything of a segment that is a sum.
fn sums(s: &PathSegment) -> BTreeMap<&'static str, u64> {
    let sum = |name: &str| {
        let cell = name.contains("_to_") && (name.ends_with("_packets") || name.ends_with("_bytes"));
        let plain = ["sent_", "received_", "lost_", "duplicated_", "reordered_", "unmatched_"];
        let plain = plain.iter().any(|p| name.starts_with(p)) && !name.ends_with("_low") && !name.ends_with("_high");
        cell && s.ecn_method != "sampled" || plain
    };
    let fields = PathSegment::FIELDS.iter().enumerate().filter(|(_, f)| sum(f.name));
    fields.map(|(i, f)| (f.name, s.get(i).u64())).collect()
}

/// The records of an interval, as the collector would find them for a window.
fn in_window(records: &Records, (from, to): (u64, u64)) -> Vec<Sighting> {
    let mut inside = Records::default();
    inside.flows.extend(records.flows.iter().filter(|r| r.start_ns + r.interval_ns > from && r.start_ns < to).cloned());
    sightings(&inside)
}

fn captured(outcome: &Outcome, interval_ns: u64, marks: &MarksConfig) -> Vec<Records> {
    outcome.captures.iter().enumerate().map(|(i, f)| metered(i as u64 + 1, f, interval_ns, marks)).collect()
}

fn joined(all: &[Records], window: Option<(u64, u64)>) -> Vec<Joined> {
    let points: Vec<_> = (0..all.len()).map(|i| file_point(i as u64 + 1)).collect();
    let mut found = Vec::new();
    for records in all {
        let inside = in_window(records, window.unwrap_or((0, u64::MAX)));
        for mut s in sightings(records) {
            if let Some(i) = inside.iter().find(|i| i.flow == s.flow) {
                s.window.clone_from(&i.totals);
            }
            found.push(s);
        }
    }
    correlate(&points, &found, &Options { window, ..Options::default() })
}

fn place(s: &PathSegment) -> (u32, u32) {
    (s.direction, s.position)
}

fn plan() -> impl Strategy<Value = Plan> {
    let share = |most: u64| prop_oneof![Just(0), 1..most];
    let hop = (share(100_000), share(200_000), share(60_000), share(60_000), 1_000u64..30_000_000)
        .prop_map(|(drop, sce, bleach, late, delay_ns)| Hop { drop, sce, bleach, late, delay_ns, ..Hop::default() });
    (any::<u64>(), any::<(bool, bool)>(), 200u64..900, proptest::collection::vec(hop, 1..4), share(50_000)).prop_map(
        |(seed, (tcp, bulk), packets, mut hops, duplicate)| {
            hops[0].duplicate = if hops.len() == 1 { duplicate } else { 0 };
            let offsets = vec![0, 40_000_000, -20_000_000, 3_000_000];
            Plan {
                seed,
                tcp,
                packets,
                bulk,
                gap_ns: 2_000_000,
                sent_ecn: vec![0, 1, 2, 2, 2],
                hops,
                offsets,
                port: 40_000,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_add_up_to_the_whole(
        plan in plan(), full in any::<bool>(), cuts in proptest::collection::btree_set(0u64..3_000_000_000, 0..6),
    ) {
        let outcome = simulate(&plan);
        let mode = if full { MarksMode::Full } else { MarksMode::Sampled };
        let marks = MarksConfig { mode, threshold: 2048, head: 8, log2_stride: 14, ..MarksConfig::default() };
        let all = captured(&outcome, 100_000_000, &marks);
        let whole = joined(&all, None);
        prop_assert_eq!(whole.len(), 1);
        let begin = outcome.captures.iter().flatten().map(|c| c.time_ns).min().unwrap();
        let mut edges = vec![begin - S];
        edges.extend(cuts.iter().map(|c| begin + c));
        edges.push(begin + 60 * S);
        let parts: Vec<Joined> =
            edges.windows(2).map(|w| joined(&all, Some((w[0], w[1]))).into_iter().next().unwrap()).collect();
        for s in &whole[0].segments {
            let parts: Vec<&PathSegment> = parts.iter().flat_map(|p| &p.segments).filter(|p| place(p) == place(s)).collect();
            prop_assert_eq!(parts.len(), edges.len() - 1);
            for (name, want) in sums(s) {
                let got: u64 = parts.iter().map(|p| sums(p).get(name).copied().unwrap_or(0)).sum();
                prop_assert_eq!(got, want, "{} of {:?}, {}, windows {:?}", name, place(s), s.method, edges);
            }
            prop_assert!(s.sent_packets > 0);
        }
    }
}

/// A window in the middle of a flow that began before and goes on behind it.
#[test]
fn a_window_in_the_middle_is_block_exact() {
    let hop = Hop { drop: 30_000, sce: 50_000, delay_ns: 10_000_000, ..Hop::default() };
    let offsets = vec![0, 250_000_000];
    let plan = Plan {
        seed: 7,
        tcp: true,
        packets: 4000,
        bulk: true,
        gap_ns: 2_000_000,
        sent_ecn: vec![2],
        hops: vec![hop],
        offsets,
        port: 1,
    };
    let outcome = simulate(&plan);
    let all = captured(&outcome, S, &MarksConfig { log2_stride: 14, ..MarksConfig::default() });
    let begin = outcome.captures[0][0].time_ns;
    let window = (begin + 3 * S, begin + 6 * S);
    let found = joined(&all, Some(window));
    let up = found[0].segments.iter().find(|s| s.direction == 0).unwrap();
    assert_eq!((up.method.as_str(), up.ecn_method.as_str()), ("block-exact", "block-exact"), "{up:?}");
    assert_eq!(up.ect0_to_ect1_packets_low, up.ect0_to_ect1_packets_high, "followed packet by packet");
    let sent = outcome.captures[0].iter().filter(|c| (window.0..window.1).contains(&c.time_ns)).count() as u64;
    assert!(
        up.sent_packets * 10 > sent * 4 && up.sent_packets < sent,
        "both directions: {} of {sent}",
        up.sent_packets
    );
    assert!(up.lost_packets > 0 && up.ect0_to_ect1_packets > 0 && up.lost_packets < up.sent_packets / 10);
    assert_eq!((up.start_ns, up.interval_ns), (window.0, 3 * S));
}

type Row = BTreeMap<String, Value>;

async fn paths(url: String, (since_ns, until_ns): (u64, u64)) -> Vec<Row> {
    let mut client = QueryClient::connect(url).await.unwrap();
    let request = SelectRequest { view: String::from("paths"), since_ns, until_ns, ..SelectRequest::default() };
    let mut replies = client.select(request).await.unwrap().into_inner();
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    while let Some(reply) = replies.message().await.unwrap() {
        match reply.kind.unwrap() {
            select_reply::Kind::Header(h) => names = h.columns.into_iter().map(|c| c.name).collect(),
            select_reply::Kind::Rows(some) => {
                rows.extend(some.rows.into_iter().map(|r| names.iter().cloned().zip(r.values).collect::<Row>()));
            }
            select_reply::Kind::Completeness(_) => {}
        }
    }
    rows
}

fn number(row: &Row, name: &str) -> u64 {
    match row[name].kind {
        Some(value::Kind::Unsigned(v)) => v,
        ref other => panic!("{name}: {other:?}"),
    }
}

fn text<'r>(row: &'r Row, name: &str) -> &'r str {
    match &row[name].kind {
        Some(value::Kind::Text(v)) => v,
        other => panic!("{name}: {other:?}"),
    }
}

/// The same through a collector: what `sce-cli paths --since X --until Y` asks.
#[tokio::test]
async fn questions_for_windows_add_up() {
    let hop = Hop { drop: 20_000, sce: 80_000, bleach: 20_000, delay_ns: 5_000_000, ..Hop::default() };
    let plan = Plan {
        seed: 3,
        tcp: true,
        packets: 3000,
        bulk: true,
        gap_ns: 3_000_000,
        sent_ecn: vec![2],
        hops: vec![hop, hop],
        offsets: vec![0, 7_000_000, -9_000_000],
        port: 9,
    };
    let outcome = simulate(&plan);
    let all = captured(&outcome, S, &MarksConfig { log2_stride: 14, ..MarksConfig::default() });
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("w.db")).await;
    for (i, records) in all.iter().enumerate() {
        let probe = format!("p{}", i + 1);
        let point = vec![columns::table(&[file_point(i as u64 + 1)])];
        let lanes = [
            (0, sce_proto::Batch { seq: 1, ..columns::pack(point) }),
            (1, batch(1, &records.flows)),
            (2, batch(1, &records.marks)),
        ];
        for (lane, batch) in lanes {
            let mut stream = open(&collector.url(), hello(&probe, lane, 99)).await.unwrap();
            stream.batch(batch).await;
            stream.acked(1).await;
        }
    }
    let begin = outcome.captures[0][0].time_ns / S * S;
    let whole = paths(collector.url(), (0, 0)).await;
    assert_eq!(whole.len(), 4, "two hops, two directions");
    let mut parts = Vec::new();
    for second in 0..12 {
        parts.extend(paths(collector.url(), (begin + second * S, begin + (second + 1) * S)).await);
    }
    for row in &whole {
        let same = |p: &&Row| ["direction", "from.op", "to.op"].iter().all(|n| text(p, n) == text(row, n));
        let names = row.keys().filter(|n| {
            n.starts_with("transitions.") && (n.ends_with(".packets") || n.ends_with(".bytes"))
                || ["sent_packets", "received_packets", "lost_packets", "sent_bytes", "lost_bytes"]
                    .contains(&n.as_str())
        });
        assert!(number(row, "sent_packets") > 3000 && number(row, "lost_packets") > 0, "{row:?}");
        for name in names.filter(|n| !n.starts_with("transitions.") || text(row, "ecn_method") != "sampled") {
            let got: u64 = parts.iter().filter(same).map(|p| number(p, name)).sum();
            assert_eq!(got, number(row, name), "{name} of {} {}", text(row, "from.op"), text(row, "direction"));
        }
        let in_the_middle = parts.iter().filter(same).filter(|p| number(p, "sent_packets") > 100).count();
        assert!(in_the_middle >= 7, "{in_the_middle} seconds with a figure of their own");
    }
    collector.stop().await;
}
