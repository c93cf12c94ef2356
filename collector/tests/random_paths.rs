//! Random paths of two to five points, with known truth, through the meter and the correlation.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use proptest::prelude::*;
use sce_collector::correlate::{Joined, Options};
use sce_meter::{MarksConfig, MarksMode};
use sce_proto::{ObservationPoint, PathSegment, Record};
use support::path::{Hop, Outcome, Plan, Truth, simulate};
use support::{correlate, file_point, metered, sightings};

fn hop() -> impl Strategy<Value = Hop> {
    let share = |most: u64| prop_oneof![Just(0), 1..most];
    (
        share(150_000),
        share(300_000),
        share(100_000),
        share(100_000),
        share(60_000),
        1_000u64..20_000_000,
        0u64..3_000_000,
    )
        .prop_map(|(drop, sce, ce, bleach, late, delay_ns, jitter_ns)| Hop {
            drop,
            sce,
            ce,
            bleach,
            late,
            delay_ns,
            jitter_ns,
            ..Hop::default()
        })
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        any::<u64>(),
        any::<bool>(),
        20u64..200,
        proptest::collection::vec(hop(), 1..5),
        proptest::collection::vec(-500_000_000i64..500_000_000, 5),
        prop_oneof![Just(None), (0usize..4).prop_map(Some)],
        0u64..80_000,
    )
        .prop_map(|(seed, tcp, packets, mut hops, offsets, nat, duplicate)| {
            if let Some(hop) = nat.and_then(|at| hops.get_mut(at)) {
                hop.nat = true;
            }
            // Copies that later hops treat differently cannot be told apart by anyone.
            let hops_before = hops.len() - 1;
            if hops_before == 0 {
                hops[0].duplicate = duplicate;
            }
            Plan {
                seed,
                tcp,
                packets,
                bulk: false,
                gap_ns: 1_000_000,
                sent_ecn: vec![0, 1, 2, 2, 2],
                hops,
                offsets,
                port: 40_000,
            }
        })
}

fn joined(outcome: &Outcome, points: &[ObservationPoint], interval_ns: u64, marks: &MarksConfig) -> Vec<Joined> {
    let mut all = Vec::new();
    for (i, frames) in outcome.captures.iter().enumerate() {
        // Points come in any order.
        let op = points[i].op;
        all.splice(0..0, sightings(&metered(op, frames, interval_ns, marks)));
    }
    correlate(points, &all, &Options::default())
}

fn points(n: usize) -> Vec<ObservationPoint> {
    (0..n).map(|i| file_point([50, 20, 70, 10, 30][i])).collect()
}

/// [from][to or lost] of a segment: packets, low, high.
fn matrix(s: &PathSegment, what: usize) -> [[u64; 5]; 4] {
    let first = PathSegment::position("not_ect_to_not_ect_packets").unwrap();
    std::array::from_fn(|a| std::array::from_fn(|b| s.get(first + 4 * (5 * a + b) + what).u64()))
}

/// Each segment beside the truth of its hop.
fn beside<'a>(j: &'a Joined, outcome: &'a Outcome, points: &[ObservationPoint]) -> Vec<(&'a PathSegment, &'a Truth)> {
    let at = |op: u64| points.iter().position(|p| p.op == op).unwrap();
    let mut out = Vec::new();
    for s in &j.segments {
        let (from, to) = (at(s.from_op), at(s.to_op));
        let up = s.direction == 0;
        assert_eq!(if up { from + 1 } else { from - 1 }, to, "neighbours in order");
        out.push((s, &outcome.truth[from.min(to)][usize::from(!up)]));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// With every packet listed, everything is found as it was.
    #[test]
    fn full_marks_recover_every_hop(plan in plan(), interval_ns in prop_oneof![Just(0u64), Just(50_000_000)]) {
        let outcome = simulate(&plan);
        let points = points(plan.hops.len() + 1);
        let marks = MarksConfig { mode: MarksMode::Full, ..MarksConfig::default() };
        let all = joined(&outcome, &points, interval_ns, &marks);
        prop_assert_eq!(all.len(), 1, "one flow, translated or not");
        prop_assert_eq!(all[0].segments.len(), 2 * plan.hops.len());
        for (s, t) in beside(&all[0], &outcome, &points) {
            prop_assert_eq!(s.method.as_str(), "exact");
            prop_assert_eq!(matrix(s, 0), t.matrix, "hop {}, direction {}", s.position, s.direction);
            let lost: u64 = t.matrix.iter().map(|r| r[4]).sum();
            prop_assert_eq!((s.lost_packets, s.duplicated_packets, s.unmatched_packets), (lost, t.duplicated, 0));
            prop_assert_eq!(s.reordered_packets, t.reordered);
            prop_assert_eq!(s.sent_packets + s.duplicated_packets, s.received_packets + s.lost_packets);
            let off = (s.owd_ns_min - t.delay_min as i64).unsigned_abs();
            prop_assert!(s.owd_count > 0 && off <= s.owd_ns_error, "off by {off}, said {}", s.owd_ns_error);
        }
    }

    /// With sums between sampled packets only, bounds hold and totals are exact.
    #[test]
    fn sampled_marks_keep_their_bounds(plan in plan()) {
        let mut plan = plan;
        plan.packets *= 10;
        plan.hops.iter_mut().for_each(|h| (h.late, h.duplicate) = (0, 0));
        let outcome = simulate(&plan);
        let points = points(plan.hops.len() + 1);
        let marks = MarksConfig { threshold: 4096, head: 8, log2_stride: 14, ..MarksConfig::default() };
        let all = joined(&outcome, &points, 1_000_000_000, &marks);
        prop_assume!(all.len() == 1 && all[0].segments.len() == 2 * plan.hops.len());
        for (s, t) in beside(&all[0], &outcome, &points) {
            let lost: u64 = t.matrix.iter().map(|r| r[4]).sum();
            if s.method == "counters" {
                prop_assert_eq!(s.lost_packets, lost);
            }
            prop_assert!(s.lost_packets <= lost);
            if s.ecn_method != "sampled" && s.method == "counters" {
                for (a, row) in t.matrix.iter().enumerate() {
                    for (b, want) in row.iter().enumerate() {
                        let (low, high) = (matrix(s, 2)[a][b], matrix(s, 3)[a][b]);
                        prop_assert!(low <= *want && *want <= high, "{a} to {b}: {want} in {low}..{high} ({})", s.ecn_method);
                    }
                }
            }
        }
    }

    /// With the marks of an ordinary probe nothing that is said is wrong: what is not known exactly has bounds that hold.
    ///
    /// Two things sums cannot see, as docs/paths.md says: a copy that the network made hides a loss, and a packet so late
    /// that others were lost and sent again meanwhile looks like one of them.
    #[test]
    fn default_marks_say_nothing_wrong(plan in plan(), bulk in any::<bool>(), times in prop_oneof![Just(1u64), Just(10)]) {
        let mut plan = Plan { bulk, packets: plan.packets * times, ..plan };
        plan.hops.iter_mut().for_each(|h| h.duplicate = 0);
        let outcome = simulate(&plan);
        let points = points(plan.hops.len() + 1);
        let all = joined(&outcome, &points, 1_000_000_000, &MarksConfig::default());
        prop_assume!(all.len() == 1 && all[0].segments.len() == 2 * plan.hops.len());
        for (s, t) in beside(&all[0], &outcome, &points) {
            let of = format!("hop {}, direction {}, {} and {}, warnings {:x}", s.position, s.direction, s.method, s.ecn_method, s.warning_bits);
            let sent: u64 = t.matrix.iter().flatten().sum();
            let lost: u64 = t.matrix.iter().map(|r| r[4]).sum();
            prop_assert!(s.lost_packets_low <= lost && lost <= s.lost_packets_high, "{of}: {lost} lost in {}..{}", s.lost_packets_low, s.lost_packets_high);
            prop_assert_eq!(s.sent_packets, sent, "{}", of);
            if s.ecn_method != "sampled" && plan.hops.iter().all(|h| h.late == 0) {
                for (a, row) in t.matrix.iter().enumerate() {
                    for (b, want) in row.iter().enumerate() {
                        let (low, high) = (matrix(s, 2)[a][b], matrix(s, 3)[a][b]);
                        prop_assert!(low <= *want && *want <= high, "{of}: {a} to {b}: {want} in {low}..{high}");
                    }
                }
            }
        }
    }
}

/// Bulk TCP with the sampled default: run-length maps make the joint matrix exact, also where mixed code points go in.
#[test]
fn maps_make_the_matrix_of_bulk_tcp_exact() {
    for seed in 1..=6 {
        let hop = Hop { drop: 4_000, sce: 20_000, bleach: 5_000, late: 2_000, delay_ns: 4_000_000, ..Hop::default() };
        let second = Hop { sce: 0, ce: 5_000, bleach: 8_000, ..hop };
        let plan = Plan {
            seed,
            tcp: true,
            packets: 4000,
            bulk: true,
            gap_ns: 500_000,
            sent_ecn: vec![2],
            hops: vec![hop, second, Hop { duplicate: 5_000, ..second }],
            offsets: vec![0, 90_000_000, -20_000_000, 4_000_000],
            port: 5000,
        };
        let outcome = simulate(&plan);
        let points = points(4);
        let all = joined(&outcome, &points, 1_000_000_000, &MarksConfig::default());
        for (s, t) in beside(&all[0], &outcome, &points) {
            assert!(["block-exact", "counters"].contains(&s.ecn_method.as_str()), "{} at {}", s.ecn_method, s.position);
            assert_eq!(matrix(s, 0), t.matrix, "seed {seed}, hop {}, direction {}", s.position, s.direction);
            assert_eq!(matrix(s, 2), matrix(s, 3), "no bounds are left");
            assert_eq!((s.duplicated_packets, s.reordered_packets), (t.duplicated, t.reordered), "seed {seed}");
        }
    }
}

/// Nine of ten 95 % intervals at least hold the truth, over many paths.
#[test]
fn sampled_intervals_hold_what_they_promise() {
    let (mut cells, mut held) = (0, 0);
    for seed in 0..60 {
        let hop = |k: u64| Hop {
            drop: 20_000 * k,
            sce: 150_000,
            ce: 30_000 * k,
            bleach: 40_000,
            delay_ns: 3_000_000,
            ..Hop::default()
        };
        let plan = Plan {
            seed: seed + 1,
            tcp: false,
            packets: 3000,
            bulk: false,
            gap_ns: 100_000,
            sent_ecn: vec![0, 1, 2, 3],
            hops: vec![hop(1), hop(2)],
            offsets: vec![0, 1_000_000, -5_000_000],
            port: 1000 + seed as u16,
        };
        let outcome = simulate(&plan);
        let points = points(3);
        let marks = MarksConfig { threshold: 8192, head: 8, ..MarksConfig::default() };
        let all = joined(&outcome, &points, 1_000_000_000, &marks);
        for (s, t) in beside(&all[0], &outcome, &points) {
            assert_eq!(s.ecn_method, "sampled");
            for (a, row) in t.matrix.iter().enumerate() {
                for (b, want) in row.iter().enumerate().filter(|c| *c.1 > 0) {
                    cells += 1;
                    held += u64::from(matrix(s, 2)[a][b] <= *want && *want <= matrix(s, 3)[a][b]);
                }
            }
        }
    }
    assert!(cells > 2000 && held * 100 >= cells * 92, "{held} of {cells} intervals hold");
}

/// A flow of which only the head is listed is not known packet by packet: all of it is counted.
#[test]
fn a_listed_head_is_not_the_whole_flow() {
    for (seed, packets, tcp) in (1..=40).flat_map(|seed| [(seed, 40, false), (seed, 120, false), (seed, 60, true)]) {
        let hop = Hop { drop: 80_000, sce: 80_000, delay_ns: 4_000_000, ..Hop::default() };
        let plan = Plan {
            seed,
            tcp,
            packets,
            bulk: false,
            gap_ns: 1_000_000,
            sent_ecn: vec![2],
            hops: vec![hop, hop],
            offsets: vec![0, 0, 0],
            port: 5000,
        };
        let outcome = simulate(&plan);
        let points = points(3);
        let all = joined(&outcome, &points, 1_000_000_000, &MarksConfig::default());
        assert_eq!(all.len(), 1);
        for (s, t) in beside(&all[0], &outcome, &points) {
            let sent: u64 = t.matrix.iter().flatten().sum();
            let lost: u64 = t.matrix.iter().map(|r| r[4]).sum();
            assert_eq!((s.sent_packets, s.lost_packets), (sent, lost), "seed {seed}, {packets} packets, {}", s.method);
        }
    }
}

/// A segment that crossed a boundary and was lost is not the copy of it that came through later: between the two other
/// packets pass, which one point counts before the boundary and the other behind it.
#[test]
fn a_lost_crossing_does_not_move_its_boundary() {
    for seed in 1..=600 {
        let hop = Hop { drop: 120_000, sce: 80_000, bleach: 40_000, delay_ns: 4_000_000, ..Hop::default() };
        let plan = Plan {
            seed,
            tcp: true,
            packets: 300,
            bulk: false,
            gap_ns: 1_000_000,
            sent_ecn: vec![0, 1, 2],
            hops: vec![hop],
            offsets: vec![0, 0],
            port: 5000,
        };
        let outcome = simulate(&plan);
        let points = points(2);
        let marks = MarksConfig { threshold: 0, head: 8, log2_stride: 12, ..MarksConfig::default() };
        let all = joined(&outcome, &points, 1_000_000_000, &marks);
        for (s, t) in beside(&all[0], &outcome, &points) {
            for (a, row) in t.matrix.iter().enumerate() {
                for (b, want) in row.iter().enumerate() {
                    let (low, high) = (matrix(s, 2)[a][b], matrix(s, 3)[a][b]);
                    assert!(
                        low <= *want && *want <= high,
                        "seed {seed}: {a} to {b}: {want} in {low}..{high} ({})",
                        s.ecn_method
                    );
                }
            }
        }
    }
}
