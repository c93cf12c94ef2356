//! What a record says about its own numbers.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod packets;

use packets::{Packet, flag};
use sce_meter::{Config, Meter, Records};
use sce_proto::FlowInterval;
use sce_proto::bits::quality;

/// The only record of segments of one direction, each a (time in ms, sequence number).
fn record(segments: impl IntoIterator<Item = (u64, u32)>) -> FlowInterval {
    let mut meter = Meter::new(Config { interval_ns: 0, ..Config::default() });
    for (ms, seq) in segments {
        let time_ns = 1_700_000_000_000_000_000 + ms * 1_000_000;
        let p = Packet { time_ns, flags: flag::ACK, seq, len: 10, window: 100, ..Packet::default() };
        meter.observe(&p.frame(&p.bytes()));
    }
    let mut out = Records::default();
    meter.finish(&mut out);
    assert_eq!(out.flows.len(), 1);
    out.flows.remove(0)
}

#[test]
fn times_that_go_back_are_a_step_of_the_clock() {
    let steady = record([(0, 0), (5000, 10), (4100, 20)]);
    assert_eq!(steady.quality_bits & quality::CLOCK_STEP, 0, "packets in another order are none");
    let stepped = record([(0, 0), (5000, 10), (3900, 20)]);
    assert_ne!(stepped.quality_bits & quality::CLOCK_STEP, 0);
}

#[test]
fn holes_that_cannot_be_remembered_are_told() {
    let with_holes = |n: u32| record((0..=n).map(|i| (u64::from(i), i * 20)));
    let (some, many) = (with_holes(64), with_holes(65));
    assert_eq!((some.hole_events, some.quality_bits & quality::STATE_LIMIT), (64, 0));
    assert_eq!((many.hole_events, many.quality_bits & quality::STATE_LIMIT), (65, quality::STATE_LIMIT));
}

/// Whether the records of a TCP flow say that one direction was alone; packets are (time in ms, goes back).
fn alone(packets: &[(u64, bool)], interval_ns: u64) -> [bool; 2] {
    let mut meter = Meter::new(Config { interval_ns, ..Config::default() });
    let mut out = Records::default();
    for (ms, back) in packets {
        let time_ns = 1_700_000_000_000_000_000 + ms * 1_000_000;
        let p = Packet { time_ns, back: *back, flags: flag::ACK, len: 10, window: 100, ..Packet::default() };
        if time_ns >= meter.deadline() {
            meter.advance(time_ns, &mut out);
        }
        meter.observe(&p.frame(&p.bytes()));
    }
    meter.finish(&mut out);
    let said = |direction| out.flows.iter().filter(move |r| r.direction == direction).map(|r| r.quality_bits);
    [0, 1].map(|direction| said(direction).any(|bits| bits & quality::ONE_DIRECTION != 0))
}

#[test]
fn a_direction_that_stays_alone_says_so_wherever_records_are_cut() {
    for interval_ns in [0, 10_000_000, 400_000_000, 2_000_000_000] {
        assert_eq!(alone(&[(0, false)], interval_ns), [true, false], "never answered");
        assert_eq!(alone(&[(0, false), (995, true)], interval_ns), [false, false], "answered soon");
        assert_eq!(alone(&[(0, false), (1500, true)], interval_ns), [false, false], "one packet, answered late");
        assert_eq!(alone(&[(0, false), (1001, false), (1002, true)], interval_ns), [true, false], "alone for a second");
    }
}
