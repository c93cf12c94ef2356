//! Shapes of paths and kinds of feedback that the generator does not make: branches, two captures of one interface, the
//! operator's order, stepped clocks, DCTCP and SCTP.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use sce_collector::correlate::{Joined, Options, Sighting};
use sce_meter::{MarksConfig, MarksMode};
use sce_proto::bits::{ecn_mode, order_evidence, path_warning};
use sce_proto::{Feedback, FlowInterval, ObservationPoint};
use support::path::{Hop, Plan, simulate};
use support::{Captured, correlate, file_point, metered, sightings};

fn full() -> MarksConfig {
    MarksConfig { mode: MarksMode::Full, ..MarksConfig::default() }
}

fn plan(hops: Vec<Hop>) -> Plan {
    let offsets = vec![0, 30_000_000, -20_000_000, 5_000_000];
    Plan {
        seed: 11,
        tcp: true,
        packets: 800,
        bulk: false,
        gap_ns: 4_000_000,
        sent_ecn: vec![2],
        hops,
        offsets,
        port: 7,
    }
}

fn hop() -> Hop {
    Hop { drop: 20_000, sce: 50_000, delay_ns: 8_000_000, jitter_ns: 2_000_000, ..Hop::default() }
}

fn joined(captures: &[(u64, &[Captured])], options: &Options) -> Vec<Joined> {
    let points: Vec<ObservationPoint> = captures.iter().map(|(op, _)| file_point(*op)).collect();
    let all: Vec<Sighting> =
        captures.iter().flat_map(|(op, f)| sightings(&metered(*op, f, 1_000_000_000, &full()))).collect();
    correlate(&points, &all, options)
}

#[test]
fn points_side_by_side_are_branches() {
    let outcome = simulate(&plan(vec![hop(), hop()]));
    // Every second packet goes another way between the hops.
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (i, frame) in outcome.captures[1].iter().enumerate() {
        if i % 2 == 0 { left.push(frame.clone()) } else { right.push(frame.clone()) }
    }
    let captures: [(u64, &[Captured]); 4] =
        [(1, &outcome.captures[0]), (2, &left), (3, &right), (4, &outcome.captures[2])];
    let found = joined(&captures, &Options::default());
    assert_eq!(found.len(), 1);
    for direction in [0, 1] {
        let truth = |hop: usize| &outcome.truth[if direction == 0 { hop } else { 1 - hop }][direction as usize];
        let lost = |hop: usize| truth(hop).matrix.iter().map(|r| r[4]).sum::<u64>();
        let of: Vec<_> = found[0].segments.iter().filter(|s| s.direction == direction).collect();
        let before: Vec<_> = of.iter().filter(|s| s.position == 0).collect();
        let behind: Vec<_> = of.iter().filter(|s| s.position == 1).collect();
        assert_eq!((before.len(), behind.len()), (1, 2), "a fork and two ways: {of:#?}");
        assert!(!before[0].to_parallel.is_empty(), "told against both branches");
        assert_eq!(before[0].lost_packets, lost(0));
        assert_eq!(behind.iter().map(|s| s.lost_packets).sum::<u64>(), lost(1));
        let marked: u64 = behind.iter().map(|s| s.ect0_to_ect1_packets).sum();
        assert_eq!(marked, truth(1).matrix[2][1]);
    }
}

#[test]
fn two_captures_of_one_interface_are_one_point() {
    let outcome = simulate(&plan(vec![hop()]));
    let captures: [(u64, &[Captured]); 3] =
        [(1, &outcome.captures[0]), (2, &outcome.captures[1]), (3, &outcome.captures[0])];
    let found = joined(&captures, &Options::default());
    assert_eq!((found.len(), found[0].members.len(), found[0].segments.len()), (1, 3, 2));
    let twins: Vec<_> = found[0].members.iter().filter_map(|m| m.same_as).collect();
    assert_eq!(twins, [1], "the second capture is the first one's twin");
    let lost: u64 = outcome.truth[0][0].matrix.iter().map(|r| r[4]).sum();
    assert_eq!(found[0].segments[0].lost_packets, lost);
}

#[test]
fn the_operators_order_beats_the_evidence() {
    let outcome = simulate(&plan(vec![Hop { delay_ns: 1_000_000, ..Hop::default() }; 2]));
    let captures: Vec<(u64, &[Captured])> =
        outcome.captures.iter().enumerate().map(|(i, c)| (i as u64 + 1, c.as_slice())).collect();
    let way = |order: Vec<u64>| -> Vec<(u64, u64)> {
        let found = joined(&captures, &Options { order, ..Options::default() });
        let up = found[0].segments.iter().filter(|s| s.direction == 0);
        up.map(|s| {
            let told = u64::from(s.order_evidence_bits) == order_evidence::OPERATOR;
            assert!(told || u64::from(s.order_evidence_bits) == order_evidence::TTL, "{}", s.order_evidence_bits);
            (s.from_op, s.to_op)
        })
        .collect()
    };
    assert_eq!(way(vec![]), [(1, 2), (2, 3)]);
    assert_eq!(way(vec![1, 3, 2]), [(1, 3), (3, 2)]);
    assert_eq!(way(vec![3, 2, 1]), [(3, 2), (2, 1)]);
}

#[test]
fn a_clock_step_in_the_middle_gives_no_silent_wrong_number() {
    for step in [400_000_000i64, -350_000_000, 60_000_000, -25_000_000, 15_000_000] {
        let mut outcome = simulate(&plan(vec![hop()]));
        let far = &mut outcome.captures[1];
        let middle = far.len() / 2;
        far[middle..].iter_mut().for_each(|c| c.time_ns = c.time_ns.wrapping_add_signed(step));
        let captures: [(u64, &[Captured]); 2] = [(1, &outcome.captures[0]), (2, &outcome.captures[1])];
        let found = joined(&captures, &Options::default());
        assert_eq!(found[0].segments.len(), 2);
        for s in &found[0].segments {
            let truth = &outcome.truth[0][s.direction as usize];
            let lost: u64 = truth.matrix.iter().map(|r| r[4]).sum();
            assert_eq!((s.lost_packets, s.ect0_to_ect1_packets), (lost, truth.matrix[2][1]), "counts know no clock");
            assert!(u64::from(s.warning_bits) & path_warning::CLOCK_STEP != 0, "step {step}: said");
            assert!(s.owd_count > 0);
            // True delays lie between 8 and 10 ms, but for a packet in a queue behind another.
            let (error, least) = (s.owd_ns_error.cast_signed(), truth.delay_min.cast_signed());
            assert!((s.owd_ns_min - least).abs() <= error, "step {step}: {} +- {error}, truth {least}", s.owd_ns_min);
            assert!(s.owd_ns_p50 <= 10_000_000 + error, "step {step}: p50 {} +- {error}", s.owd_ns_p50);
            assert!(s.queue_ns_p50 <= 2_000_000 + s.owd_ns_error, "step {step}: queueing {}", s.queue_ns_p50);
        }
    }
}

/// A flow that was silent in the last interval of a capture has no record of its end.
#[test]
fn a_capture_that_stopped_in_order_has_seen_the_whole_flow() {
    let outcome = simulate(&Plan { tcp: false, packets: 3000, ..plan(vec![hop()]) });
    let sent = 3000;
    let end_ns = outcome.captures[1].last().unwrap().time_ns;
    let told = |stopped_last: u32| {
        let mut all = Vec::new();
        let mut points = Vec::new();
        for (op, frames) in [(1, &outcome.captures[0]), (2, &outcome.captures[1])] {
            let mut records = metered(op, frames, 1_000_000_000, &MarksConfig::default());
            records.flows.iter_mut().for_each(|f| f.end_reason_last = 0);
            all.extend(sightings(&records));
            let life = ObservationPoint { first_ns: 1, last_ns: end_ns + 100_000_000, stopped_last, ..file_point(op) };
            points.push(ObservationPoint { hook: "af-packet".to_owned(), ..life });
        }
        let segment = correlate(&points, &all, &Options::default())[0].segments[0].clone();
        (segment.method, segment.sent_packets, segment.lost_packets)
    };
    let lost: u64 = outcome.truth[0][0].matrix.iter().map(|r| r[4]).sum();
    assert_eq!(told(1), ("counters".to_owned(), sent, lost));
    let open = told(0);
    assert!(open.0 == "block-exact" && open.1 < sent, "a running capture may see more: {open:?}");
}

/// Sums of a connection as two points have them: the sender of the data (1) and its receiver (2).
fn verdict(change: impl Fn(u64, usize, &mut FlowInterval)) -> Feedback {
    let all: Vec<Sighting> = [1, 2]
        .into_iter()
        .map(|op| {
            let totals = [0, 1].map(|direction| {
                let mut t = FlowInterval {
                    op,
                    flow: 9,
                    flow_key: 9,
                    direction: direction as u32,
                    ip_proto: 6,
                    src_ip: vec![10, 0, 0, 1 + direction as u8],
                    dst_ip: vec![10, 0, 0, 2 - direction as u8],
                    isn: 5 + direction as u32,
                    handshake_bits: 1 + direction as u32,
                    end_reason_last: 1,
                    initiator_evidence: 5,
                    first_ns: 1_000,
                    last_ns: 2_000_000_000,
                    // Nearer to the sender: a higher TTL.
                    ttl_max: if (op == 1) == (direction == 0) { 64 } else { 63 },
                    packets: 1000,
                    ip_bytes: 1_500_000,
                    ect0_packets: 1000,
                    ..FlowInterval::default()
                };
                (t.data_segments, t.payload_bytes) = if direction == 0 { (1000, 1_448_000) } else { (0, 0) };
                change(op, direction, &mut t);
                Some(Box::new(t))
            });
            Sighting { op, flow: 9, totals, ..Sighting::default() }
        })
        .collect();
    let found = correlate(&[file_point(1), file_point(2)], &all, &Options::default());
    assert_eq!(found.len(), 1);
    let of: Vec<&Feedback> = found[0].feedback.iter().filter(|f| f.direction == 0).collect();
    assert_eq!(of.len(), 1, "{of:?}");
    of[0].clone()
}

/// A hundred packets of 1448 bytes arrive with CE; what the receiver says, and what the sender hears.
fn dctcp(said: u64, heard: u64) -> Feedback {
    verdict(|op, direction, t| {
        t.ecn_mode_last = ecn_mode::DCTCP as _;
        match (op, direction) {
            (2, 0) => (t.ce_packets, t.ce_data_packets, t.ce_bytes, t.ect0_packets) = (100, 100, 144_800, 900),
            (2, 1) => (t.tcp_ece, t.ece_acked_bytes) = (said / 2896, said),
            (1, 1) => {
                (t.tcp_ece, t.ece_acked_bytes) = (heard / 2896, heard);
                t.packets -= if heard < said { 50 } else { 0 };
                t.ect0_packets = t.packets;
            }
            _ => {}
        }
    })
}

#[test]
fn dctcp_is_judged_by_bytes() {
    let f = dctcp(144_800, 144_800);
    assert_eq!((f.kind.as_str(), f.verdict.as_str(), f.received_signals), ("dctcp", "complete", 144_800), "{}", f.text);
    let f = dctcp(72_400, 72_400);
    assert_eq!((f.verdict.as_str(), f.receiver_error_ppm), ("receiver_partial", -500_000), "{}", f.text);
    assert_eq!(dctcp(0, 0).verdict, "receiver_silent");
    assert_eq!(dctcp(289_600, 289_600).verdict, "receiver_excess");
    let f = dctcp(144_800, 57_920);
    assert_eq!((f.verdict.as_str(), f.acks_lost), ("return_lost", 50), "{}", f.text);
}

fn sctp(ce: u64, said: u64, heard: u64) -> Feedback {
    verdict(|op, direction, t| {
        (t.ip_proto, t.handshake_bits) = (132, 0);
        match (op, direction) {
            (2, 0) => (t.ce_packets, t.ect0_packets) = (ce, 1000 - ce),
            (2, 1) => t.sctp_ecne_chunks = said,
            (1, 1) => {
                t.sctp_ecne_chunks = heard;
                t.packets -= if heard < said { 10 } else { 0 };
                t.ect0_packets = t.packets;
            }
            _ => {}
        }
    })
}

#[test]
fn sctp_is_judged_by_its_ecne_chunks() {
    let f = sctp(12, 4, 4);
    assert_eq!(
        (f.kind.as_str(), f.verdict.as_str(), f.said_signals),
        ("sctp", "complete", 4),
        "one answers several: {}",
        f.text
    );
    assert_eq!(sctp(12, 0, 0).verdict, "receiver_silent");
    assert_eq!(sctp(0, 0, 0).verdict, "nothing_to_say");
    let f = sctp(1, 1, 0);
    assert_eq!(f.verdict, "return_lost", "{}", f.text);
}
