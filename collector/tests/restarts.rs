//! A probe that was away for a part of a flow: what it did not see is never counted as lost.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use sce_collector::correlate::{Awake, Options, Sighting};
use sce_meter::{MarksConfig, MarksMode};
use sce_proto::bits::{end_reason, path_warning};
use sce_proto::{ObservationPoint, PathSegment};
use support::path::{Hop, Plan, simulate};
use support::{Captured, correlate, metered, sightings};

const S: u64 = 1_000_000_000;

/// A point with a process for each (opened, latest sign of life).
fn point(op: u64, lives: &[(u64, u64)]) -> (ObservationPoint, Awake) {
    let hook = String::from("af-packet");
    let whole =
        ObservationPoint { op, hook, first_ns: lives[0].0, last_ns: lives[lives.len() - 1].1, ..Default::default() };
    let mut awake = Awake::default();
    for (first_ns, last_ns) in lives {
        awake.announced(&ObservationPoint { first_ns: *first_ns, last_ns: *last_ns, ..whole.clone() });
    }
    (whole, awake)
}

/// The way up of a UDP flow of which the far point saw only a part.
fn segment(near: &[Captured], far: &[Captured], lives: &[(u64, u64)], mode: MarksMode) -> PathSegment {
    let begin = near[0].time_ns;
    let points = [point(1, &[(begin - 3600 * S, begin + 3600 * S)]), point(2, lives)];
    let marks = MarksConfig { mode, threshold: 4096, ..MarksConfig::default() };
    let mut all: Vec<Sighting> = sightings(&metered(1, near, S, &marks));
    let mut cut = sightings(&metered(2, far, S, &marks));
    // A killed process says nothing about the end.
    cut.iter_mut()
        .flat_map(|s| s.totals.iter_mut().flatten())
        .for_each(|t| t.end_reason_last = end_reason::OPEN as u32);
    all.extend(cut);
    let awake = points.iter().map(|(p, a)| (p.op, a.clone())).collect();
    let points = points.map(|(p, _)| p);
    let found = correlate(&points, &all, &Options { awake, order: vec![1, 2], ..Options::default() });
    assert_eq!(found.len(), 1);
    found[0].segments.iter().find(|s| s.direction == 0).unwrap().clone()
}

#[test]
fn what_passed_while_a_probe_was_away_is_not_lost() {
    let hop = Hop { drop: 30_000, sce: 100_000, delay_ns: 8_000_000, ..Hop::default() };
    let plan = Plan {
        seed: 21,
        tcp: false,
        packets: 3000,
        bulk: false,
        gap_ns: 2_000_000,
        sent_ecn: vec![2],
        hops: vec![hop],
        offsets: vec![0, 0],
        port: 7,
    };
    let outcome = simulate(&plan);
    let (near, far) = (&outcome.captures[0], &outcome.captures[1]);
    let begin = near[0].time_ns;
    let share = |lost: u64, sent: u64| lost as f64 / sent as f64;
    for mode in [MarksMode::Full, MarksMode::Sampled] {
        // Away for the first three seconds, though it had been seen the day before.
        for away in [3 * S, S / 2] {
            let rest: Vec<Captured> = far.iter().filter(|c| c.time_ns > begin + away).cloned().collect();
            let lives = [(begin - 9000 * S, begin - 8000 * S), (begin + away, begin + 100 * S)];
            let s = segment(near, &rest, &lives, mode);
            let at =
                format!("{mode:?}, first {away} ns missed: {} of {}, {}", s.lost_packets, s.sent_packets, s.method);
            assert!(s.sent_packets > 300 && share(s.lost_packets, s.sent_packets) < 0.06, "{at}");
            assert_ne!(s.warning_bits & path_warning::PARTIAL as u32, 0, "{at}");
        }
        // Killed after two seconds, and started again when all was over.
        let rest: Vec<Captured> = far.iter().filter(|c| c.time_ns < begin + 2 * S).cloned().collect();
        let lives = [(begin - 100 * S, begin + S), (begin + 60 * S, begin + 100 * S)];
        let s = segment(near, &rest, &lives, mode);
        let at = format!("{mode:?}, killed: {} of {}, {}", s.lost_packets, s.sent_packets, s.method);
        assert!(s.sent_packets > 300 && share(s.lost_packets, s.sent_packets) < 0.06, "{at}");
        let said = (path_warning::PARTIAL | path_warning::IN_FLIGHT) as u32;
        assert_ne!(s.warning_bits & said, 0, "{at}");
        // Nobody was away: all of it counts.
        let s = segment(near, far, &[(begin - 100 * S, begin + 100 * S)], mode);
        let up = |list: &[Captured]| list.iter().filter(|c| c.data[26..30] == near[0].data[26..30]).count() as u64;
        assert_eq!((s.sent_packets, s.lost_packets), (up(near), up(near) - up(far)), "{mode:?}, {}", s.method);
    }
}
