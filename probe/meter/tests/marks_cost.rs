//! What path marks cost on the wire at the default settings.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use sce_meter::{Config, Frame, LinkType, Meter, Records};
use sce_proto::PathMarks;
use sce_proto::columns;

const T0: u64 = 1_700_000_000_000_000_000;
const SECONDS: u64 = 5;

/// An IPv4 TCP segment with timestamps, cut behind its headers.
fn segment(up: bool, seq: u32, ack: u32, payload: u16, ecn: u8, tsval: u32) -> Vec<u8> {
    let mut b = vec![0x45, ecn];
    b.extend((52 + payload).to_be_bytes());
    b.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    let (a, z): (&[u8], &[u8]) = (&[10, 0, 0, 1, 156, 64], &[10, 0, 0, 2, 20, 81]);
    let (src, dst) = if up { (a, z) } else { (z, a) };
    b.extend(&src[..4]);
    b.extend(&dst[..4]);
    b.extend(&src[4..]);
    b.extend(&dst[4..]);
    b.extend(seq.to_be_bytes());
    b.extend(ack.to_be_bytes());
    b.extend([0x80, 0x10, 1, 0, 0, 0, 0, 0, 1, 1, 8, 10]);
    b.extend(tsval.to_be_bytes());
    b.extend([0; 4]);
    b
}

/// Bulk TCP of so many Mbit/s with an ACK for every second segment and so many of a thousand segments marked; the marks'
/// bytes as a batch carries them, per second and Mbit/s.
fn cost(mbit: u64, marked: u64) -> f64 {
    let mut meter = Meter::new(Config::default());
    let mut out = Records::default();
    let packets = SECONDS * mbit * 1_000_000 / 8 / 1500;
    let gap = SECONDS * 1_000_000_000 / packets;
    let mut seq = 1u32;
    for i in 0..packets {
        let t = T0 + i * gap;
        let tsval = (t / 1_000_000) as u32;
        let mut frames = vec![(segment(true, seq, 1, 1448, if dice(i) % 1000 < marked { 1 } else { 2 }, tsval), 1500)];
        seq = seq.wrapping_add(1448);
        if i % 2 == 1 {
            frames.push((segment(false, 1, seq, 0, 0, tsval), 52));
        }
        for (data, wire_len) in &frames {
            if t >= meter.deadline() {
                meter.advance(t, &mut out);
            }
            meter.observe(&Frame {
                time_ns: t,
                link: LinkType::RAW,
                wire_len: *wire_len,
                data,
                vlan: None,
                gso: None,
                outgoing: None,
            });
        }
    }
    meter.finish(&mut out);
    let batch = columns::pack(vec![columns::table::<PathMarks>(&out.marks)]);
    f64::from(batch.raw_bytes) / (SECONDS * mbit) as f64
}

/// Numbers that look random and never change.
fn dice(i: u64) -> u64 {
    let x = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (x ^ x >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

#[test]
fn marks_of_bulk_tcp_cost_at_most_64_bytes_per_second_and_mbit() {
    for mbit in [10, 100] {
        for marked in [0, 10, 50, 100, 500] {
            let cost = cost(mbit, marked);
            eprintln!("{mbit} Mbit/s, {marked} of 1000 marked: {cost:.1} bytes per second and Mbit/s, uncompressed");
            assert!(cost <= 64.0, "{mbit} Mbit/s, {marked} of 1000 marked: {cost}");
        }
    }
}
