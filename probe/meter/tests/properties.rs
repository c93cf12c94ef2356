//! What must hold for any traffic.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod packets;

use std::collections::BTreeMap;

use packets::{Packet, flag};
use proptest::prelude::*;
use sce_meter::{Config, Frame, Limits, LinkType, MarksConfig, MarksMode, Meter, Records};
use sce_proto::{FlowInterval, ProbeInterval, Record, merge};

/// Traffic that is neither polite nor impossible: numbers near each other, some reordering, loss and repetition.
fn traffic() -> impl Strategy<Value = Vec<Packet>> {
    let packet = (
        (0u64..30_000_000, any::<bool>(), 0u8..4, 0u16..3),
        (0u32..30, 0u32..30, prop_oneof![3 => Just(0usize), 5 => 1usize..1400]),
        prop_oneof![10 => Just(flag::ACK), 2 => Just(flag::ACK | flag::PSH), 1 => any::<u16>()],
        prop_oneof![
            3 => Just(vec![]),
            3 => (0u8..9, 0u8..9).prop_map(|(v, e)| vec![1, 1, 8, 10, 0, 0, 0, v, 0, 0, 0, e]),
            1 => (0u8..20, 0u8..20).prop_map(|(a, b)| vec![1, 1, 5, 10, 0, 0, a, 0, 0, 0, b, 0]),
            1 => proptest::collection::vec(any::<u8>(), 0..40),
        ],
    );
    (any::<bool>(), any::<u32>(), proptest::collection::vec(packet, 1..80)).prop_map(|(v6, base, list)| {
        let mut time_ns = 1_700_000_000_000_000_000;
        list.into_iter()
            .map(|((step, back, ecn, port), (seq, ack, len), flags, options)| {
                time_ns += step;
                Packet {
                    time_ns,
                    back,
                    v6,
                    udp: false,
                    ecn,
                    flags: flags & 0x1ff,
                    seq: base.wrapping_add(seq * 700),
                    ack: base.wrapping_add(ack * 700),
                    window: 1000,
                    options,
                    len,
                    gso: 0,
                    port: 40_000 + port,
                }
            })
            .collect()
    })
}

fn meter(packets: &[Packet], config: Config) -> Records {
    let mut meter = Meter::new(config);
    let mut out = Records::default();
    for p in packets {
        if p.time_ns >= meter.deadline() {
            meter.advance(p.time_ns, &mut out);
        }
        meter.observe(&p.frame(&p.bytes()));
    }
    meter.finish(&mut out);
    out
}

fn config(interval_ns: u64) -> Config {
    Config {
        interval_ns,
        marks: MarksConfig { mode: MarksMode::Off, ..MarksConfig::default() },
        assumed_mtu: 0,
        ..Config::default()
    }
}

/// Sums by flow instance and sender's address, without what names the interval.
fn sums(records: &[FlowInterval]) -> BTreeMap<(u64, u32, Vec<u8>, u32), FlowInterval> {
    let mut sums: BTreeMap<_, FlowInterval> = BTreeMap::new();
    for r in records {
        let r = FlowInterval { start_ns: 0, interval_ns: 0, end_reason_last: 0, isn: 0, ..r.clone() };
        let key = (r.flow, r.direction, r.src_ip.clone(), r.src_port);
        match sums.get_mut(&key) {
            Some(sum) => merge(sum, &r),
            None => drop(sums.insert(key, r)),
        }
    }
    sums
}

/// Fields of a sum that may not depend on where records were cut: all but the `_last` ones, whose latest record may be older,
/// and PDV, which RFC 5481 measures from the smallest delay of each interval.
fn lasting(record: &FlowInterval) -> Vec<(&'static str, String)> {
    FlowInterval::FIELDS
        .iter()
        .enumerate()
        .filter(|(_, f)| !f.name.ends_with("_last") && !f.name.starts_with("pdv_ns") && f.name != "pdv_us2_sum")
        .map(|(i, f)| (f.name, format!("{:?}", record.get(i))))
        .collect()
}

proptest! {
    #[test]
    fn interval_cuts_change_no_sum(packets in traffic(), interval_ns in 1_000_000u64..200_000_000) {
        let whole = sums(&meter(&packets, config(0)).flows);
        let cut = sums(&meter(&packets, config(interval_ns)).flows);
        prop_assert_eq!(whole.keys().collect::<Vec<_>>(), cut.keys().collect::<Vec<_>>());
        for (key, a) in &whole {
            let differing: Vec<_> = lasting(a).into_iter().zip(lasting(&cut[key])).filter(|(a, b)| a != b).collect();
            prop_assert!(differing.is_empty(), "{:?}", differing);
        }
    }

    /// Frames that are handed over together, in pieces of any length, count as they do one by one.
    #[test]
    fn batches_change_nothing(packets in traffic(), piece in 1usize..50, interval_ns in 1_000_000u64..400_000_000) {
        let config = Config { interval_ns, ..Config::default() };
        let bytes: Vec<_> = packets.iter().map(Packet::bytes).collect();
        let frames: Vec<Frame<'_>> = packets.iter().zip(&bytes).map(|(p, b)| p.frame(b)).collect();
        let mut meter = Meter::new(config.clone());
        let mut out = Records::default();
        frames.chunks(piece).for_each(|some| meter.observe_all(some, &mut out));
        meter.finish(&mut out);
        let want = self::meter(&packets, config);
        prop_assert_eq!(out.flows, want.flows);
        prop_assert_eq!(out.probe, want.probe);
        prop_assert_eq!(out.marks, want.marks);
    }

    #[test]
    fn swapping_the_ends_swaps_nothing_but_their_names(packets in traffic()) {
        // The other end speaks first: what was A's is B's now.
        let swapped: Vec<Packet> = packets.iter().map(|p| Packet { back: !p.back, ..p.clone() }).collect();
        let nameless = |r: &FlowInterval| FlowInterval {
            flow: 0, flow_key: 0, src_ip: vec![], dst_ip: vec![], src_port: 0, dst_port: 0, initiator_evidence: 0, ..r.clone()
        };
        let list = |packets: &[Packet]| {
            let mut all: Vec<String> = meter(packets, config(0)).flows.iter().map(|r| format!("{:?}", nameless(r))).collect();
            all.sort();
            all
        };
        prop_assert_eq!(list(&packets), list(&swapped));
    }

    #[test]
    fn merging_segments_changes_no_byte(
        sizes in proptest::collection::vec((1usize..8, 0u8..4), 1..20),
        size in 200u16..1400,
        marks in 0u16..3,
    ) {
        // What GRO makes of trains of equal segments with equal code points, and the segments themselves.
        let (mut merged, mut single) = (Vec::new(), Vec::new());
        let (mut seq, mut time_ns) = (1u32, 1_700_000_000_000_000_000);
        for (count, ecn) in sizes {
            let base = Packet { time_ns, seq, ecn, ack: 7, flags: flag::ACK | (marks * flag::ECE), window: 9, ..Packet::default() };
            let bytes = count * usize::from(size);
            merged.push(Packet { len: bytes, gso: size, ..base.clone() });
            for i in 0..count {
                let seq = seq + (i * usize::from(size)) as u32;
                single.push(Packet { len: usize::from(size), seq, ..base.clone() });
            }
            seq += bytes as u32;
            time_ns += 1_000_000;
            let ack = Packet { time_ns, back: true, seq: 7, ack: seq, flags: flag::ACK, window: 9, ..Packet::default() };
            merged.push(ack.clone());
            single.push(ack);
        }
        let (a, b) = (sums(&meter(&merged, config(0)).flows), sums(&meter(&single, config(0)).flows));
        prop_assert_eq!(a.len(), b.len());
        for (x, y) in a.values().zip(b.values()) {
            let same = |r: &FlowInterval| [
                r.packets, r.ip_bytes, r.payload_bytes, r.data_segments, r.not_ect_packets, r.ect0_packets, r.ect1_packets,
                r.ce_packets, r.not_ect_bytes, r.ect0_bytes, r.ect1_bytes, r.ce_bytes, r.acked_bytes, r.delivered_bytes,
                r.ece_acked_bytes, r.tcp_ack, r.tcp_ece, r.hole_bytes, r.retransmitted_bytes, r.flight_bytes_max,
                r.sce_run_packets_sum, r.ce_run_packets_sum, r.ect1_data_packets,
            ];
            prop_assert_eq!(same(x), same(y));
        }
    }

    #[test]
    fn a_small_table_loses_no_packet(packets in traffic(), flows in 1usize..3, others in proptest::collection::vec((0u16..40, any::<bool>()), 0..60)) {
        let mut all = packets;
        let end = all.last().unwrap().time_ns;
        for (i, (port, udp)) in others.into_iter().enumerate() {
            all.push(Packet { time_ns: end + i as u64 * 300_000_000, port: 1000 + port, udp, len: 30, flags: flag::SYN, ..Packet::default() });
        }
        let limits = Limits { max_flows: flows, evict_quiet_ns: 1_000_000_000, ..Limits::default() };
        let out = meter(&all, Config { limits, ..config(1_000_000_000) });
        let mut probe = ProbeInterval::default();
        for p in &out.probe {
            prop_assert_eq!(p.captured_packets, p.ip_packets + p.non_ip_packets + p.undecodable_packets);
            prop_assert_eq!(p.ip_packets, p.recorded_frames + p.other_frames);
            prop_assert!(p.flows_active_last <= flows as u64);
            merge(&mut probe, p);
        }
        prop_assert_eq!(probe.captured_packets, all.len() as u64);
        prop_assert_eq!(probe.recorded_frames, out.flows.iter().map(|f| f.frames).sum::<u64>());
        prop_assert_eq!(probe.records_emitted, out.flows.len() as u64);
        prop_assert_eq!(probe.flows_opened, probe.flows_ended);
        let bytes: u64 = all.iter().map(|p| p.bytes().len() as u64).sum();
        prop_assert_eq!(bytes, probe.other_ip_bytes + out.flows.iter().map(|f| f.ip_bytes).sum::<u64>());
    }

    #[test]
    fn any_bytes_are_metered_without_panic(
        frames in proptest::collection::vec((any::<u64>(), proptest::collection::vec(any::<u8>(), 0..100), any::<u32>(), 0u32..300), 1..40),
        mut packets in traffic(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), any::<u8>()), 0..30),
    ) {
        let mut meter = Meter::new(Config::default());
        let mut out = Records::default();
        let mut damaged: Vec<Vec<u8>> = packets.iter().map(Packet::bytes).collect();
        for (packet, at, value) in changes {
            let bytes = &mut damaged[packet.index(packets.len())];
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for (p, bytes) in packets.iter_mut().zip(&damaged) {
            if p.time_ns >= meter.deadline() {
                meter.advance(p.time_ns, &mut out);
            }
            meter.observe(&p.frame(bytes));
        }
        for (time_ns, data, wire_len, link) in &frames {
            let frame = Frame {
                time_ns: *time_ns, link: LinkType(*link), wire_len: *wire_len, data, vlan: None, gso: None, outgoing: None,
            };
            if frame.time_ns >= meter.deadline() {
                meter.advance(frame.time_ns, &mut out);
            }
            meter.observe(&frame);
        }
        meter.finish(&mut out);
        let captured: u64 = out.probe.iter().map(|p| p.captured_packets).sum();
        prop_assert_eq!(captured, (frames.len() + packets.len()) as u64);
    }
}

#[test]
fn flows_can_be_retired_a_few_at_a_time() {
    let packets: Vec<Packet> = (0..50)
        .map(|i| Packet {
            time_ns: 1_700_000_000_000_000_000 + i,
            port: 1000 + i as u16,
            udp: true,
            ..Packet::default()
        })
        .collect();
    let mut meter = Meter::new(config(0));
    for p in &packets {
        meter.observe(&p.frame(&p.bytes()));
    }
    let (mut sizes, mut all) = (Vec::new(), Records::default());
    loop {
        let mut out = Records::default();
        let more = meter.retire(20, &mut out);
        sizes.push(out.flows.len());
        all.flows.append(&mut out.flows);
        if !more {
            break;
        }
    }
    meter.finish(&mut all);
    assert_eq!(sizes, [20, 20, 10]);
    assert_eq!(sums(&all.flows), sums(&self::meter(&packets, config(0)).flows));
    assert_eq!(all.probe[0].records_emitted, 50);
}
