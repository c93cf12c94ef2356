//! Packets made by hand: what SCTP, ICMP, UDP and rules must make of them, and what any bytes must not do.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use common::{Flows, run};
use proptest::prelude::*;
use sce_meter::{Config, Extractor, Rule, Word};

const T0: u64 = 1_700_000_000_000_000_000;
const MS: u64 = 1_000_000;
const RAW: u32 = 101;
const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];
const C: [u8; 4] = [10, 0, 0, 3];

type Trace = Vec<(u64, u32, Vec<u8>)>;

/// An IPv4 packet.
fn ip(src: [u8; 4], dst: [u8; 4], proto: u8, tos: u8, body: &[u8]) -> Vec<u8> {
    let length = (20 + body.len()) as u16;
    let mut p = vec![0x45, tos, (length >> 8) as u8, length as u8, 0, 1, 0, 0, 64, proto, 0, 0];
    p.extend(src);
    p.extend(dst);
    p.extend(body);
    p
}

fn udp(sport: u16, dport: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    [&sport.to_be_bytes()[..], &dport.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

/// An SCTP packet of bundled chunks.
fn sctp(sport: u16, dport: u16, tag: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    [&sport.to_be_bytes()[..], &dport.to_be_bytes(), &tag.to_be_bytes(), &[0; 4], &chunks.concat()].concat()
}

fn chunk(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = (4 + body.len()) as u16;
    let mut c = [&[kind, flags][..], &length.to_be_bytes(), body].concat();
    c.resize(c.len().next_multiple_of(4), 0);
    c
}

fn data(tsn: u32, stream: u16, ssn: u16, bytes: usize) -> Vec<u8> {
    chunk(0, 3, &[&tsn.to_be_bytes()[..], &stream.to_be_bytes(), &ssn.to_be_bytes(), &[0; 4], &vec![7; bytes]].concat())
}

fn sack(cumulative: u32, rwnd: u32, gaps: &[(u16, u16)], duplicates: &[u32]) -> Vec<u8> {
    let mut body = [&cumulative.to_be_bytes()[..], &rwnd.to_be_bytes()].concat();
    body.extend((gaps.len() as u16).to_be_bytes());
    body.extend((duplicates.len() as u16).to_be_bytes());
    for (a, b) in gaps {
        body.extend([a.to_be_bytes(), b.to_be_bytes()].concat());
    }
    for d in duplicates {
        body.extend(d.to_be_bytes());
    }
    chunk(3, 0, &body)
}

fn init(kind: u8, tag: u32, rwnd: u32, streams: (u16, u16), tsn: u32) -> Vec<u8> {
    let head = [&tag.to_be_bytes()[..], &rwnd.to_be_bytes(), &streams.0.to_be_bytes(), &streams.1.to_be_bytes()];
    chunk(kind, 0, &[&head.concat()[..], &tsn.to_be_bytes(), &[0x80, 0, 0, 4]].concat())
}

fn whole() -> Config {
    Config { interval_ns: 0, ..Config::default() }
}

/// A multi-homed association A-B, whose SACKs come back from C, with a loss, a timeout and a closed window.
fn association() -> Trace {
    let (up, down) = (0xbbbb_0001, 0xaaaa_0001); // tags that packets of each direction carry
    let first = 0xffff_fffeu32; // the TSN wraps
    let at = |ms: u64, src, dst, packet: Vec<u8>| (T0 + ms * MS, RAW, ip(src, dst, 132, 2, &packet));
    let to_b = |chunks: &[Vec<u8>]| sctp(1000, 2000, up, chunks);
    let to_a = |chunks: &[Vec<u8>]| sctp(2000, 1000, down, chunks);
    vec![
        at(0, A, B, sctp(1000, 2000, 0, &[init(1, down, 50_000, (8, 8), first)])),
        at(40, B, A, to_a(&[init(2, up, 60_000, (4, 4), 77)])),
        at(50, A, B, to_b(&[chunk(10, 0, &[1; 8])])),
        at(90, B, A, to_a(&[chunk(11, 0, &[])])),
        // Three bundled chunks; the one in the middle of the next packet is lost before this point.
        at(100, A, B, to_b(&[data(first, 0, 0, 10), data(first + 1, 1, 0, 21), data(0, 0, 1, 30)])),
        at(110, A, B, to_b(&[data(2, 0, 3, 40)])),
        at(140, C, A, to_a(&[sack(0, 30_000, &[(2, 2)], &[])])),
        at(1500, A, B, to_b(&[data(1, 0, 2, 35)])),
        at(1540, B, A, to_a(&[sack(2, 0, &[], &[1])])),
        at(1700, B, A, to_a(&[sack(2, 9_000, &[], &[])])),
        // Sent, not acknowledged for more than the RTO, sent again on the other path.
        at(1800, A, B, to_b(&[data(3, 2, 0, 50)])),
        at(3900, A, C, to_b(&[data(3, 2, 0, 50), chunk(13, 0, &[0; 4])])),
        at(3940, C, A, to_a(&[sack(3, 9_000, &[], &[]), chunk(12, 0, &[0; 4])])),
        // Two heartbeats in flight, answered in the other order.
        at(4000, A, B, to_b(&[chunk(4, 0, &[0, 1, 0, 8, 1, 1, 1, 1])])),
        at(4010, A, B, to_b(&[chunk(4, 0, &[0, 1, 0, 8, 2, 2, 2, 2])])),
        at(4050, B, A, to_a(&[chunk(5, 0, &[0, 1, 0, 8, 2, 2, 2, 2])])),
        at(4060, B, A, to_a(&[chunk(5, 0, &[0, 1, 0, 8, 1, 1, 1, 1])])),
        // Another address (RFC 5061) and more streams (RFC 6525).
        at(4100, A, B, to_b(&[chunk(193, 0, &[0, 0, 0, 1]), chunk(130, 0, &[0, 17, 0, 12, 0, 0, 0, 1, 0, 2, 0, 0])])),
        at(4140, B, A, to_a(&[chunk(128, 0, &[0, 0, 0, 1])])),
    ]
}

fn total(flows: &Flows, direction: u32, field: fn(&sce_proto::FlowInterval) -> u64) -> u64 {
    flows.all.iter().filter(|r| r.direction == direction).map(field).sum()
}

#[test]
fn sctp_paths_tsns_windows_and_streams() {
    let flows = run(&association(), whole());
    let main = flows.from("10.0.0.1", 1000, 2000);
    let back = flows.from("10.0.0.2", 2000, 1000);
    assert_eq!((main.sctp_data_chunks, main.sctp_user_bytes, main.sctp_init_chunks), (6, 186, 1));
    assert_eq!((main.handshake_rtt_ns_sum, back.handshake_rtt_ns_sum), (40 * MS, 10 * MS));
    // TSN 1 was skipped once, and came back too late for reordering: the hole was a loss.
    assert_eq!((main.sctp_hole_events, main.sctp_hole_chunks, main.sctp_reordered_chunks), (1, 1, 0));
    // SACK at 140 covers TSN 2 sent at 110, over C; at 1540 only the repaired TSN 1; at 3940 a repeated one.
    assert_eq!((main.rtt_count, main.rtt_ns_sum, main.sctp_cross_path_rtts), (1, 30 * MS, 1));
    assert_eq!((main.sctp_negotiated_streams_last, back.sctp_negotiated_streams_last), (4, 4));
    assert_eq!((back.sctp_rwnd_bytes_min, back.sctp_rwnd_bytes_last), (0, 9_000), "zeros are kept");
    assert_eq!((back.zero_window_events, back.zero_window_ns), (1, 160 * MS));
    assert_eq!(back.sctp_reported_duplicates, 1);
    // Message 3 of stream 0 waited for message 2 from 110 to 1500.
    assert_eq!((main.sctp_hol_chunks, main.sctp_hol_ns), (1, 1390 * MS));
    assert_eq!((main.sctp_heartbeat_rtt_count, main.sctp_heartbeat_rtt_ns_sum), (2, 40 * MS + 60 * MS));
    assert_eq!(main.sctp_bits & 1, 1, "ECN capable");
    // The other path: the same association, the failover.
    let other = flows.all.iter().find(|r| r.src_ip == A && r.dst_ip == C).unwrap();
    assert_eq!((other.sctp_assoc_last, other.sctp_paths_last), (main.sctp_assoc_last, 2));
    let failed = (other.sctp_retransmitted_chunks, other.sctp_timeout_chunks, other.sctp_failover_chunks);
    assert_eq!((failed, other.sctp_cwr_chunks, main.sctp_retransmitted_chunks), ((1, 1, 1), 1, 0));
    assert_eq!(flows.all.iter().map(|r| r.sctp_ecne_chunks).sum::<u64>(), 1);
    // RTO.Min of 1 s, doubled by the expiry that sent TSN 3 again elsewhere; no sample came since.
    assert_eq!(main.rto_ns_last, 2000 * MS);
    let changes = |r: &sce_proto::FlowInterval| (r.sctp_asconf_chunks, r.sctp_reconfig_chunks);
    assert_eq!((changes(main), changes(back)), ((1, 1), (1, 0)));
    let streams: Vec<_> = flows.streams.iter().map(|s| (s.stream, s.chunks, s.user_bytes)).collect();
    assert_eq!(streams, [(0, 4, 115), (1, 1, 21), (2, 1, 50)], "the repeated chunk counts once");
}

/// Messages 0 and 1 of streams 0 and 1, a request (RFC 6525) that is answered with `result`, and once more 1 and then 0, from
/// TSN `then` on. What waited for messages before it: chunks, ns.
fn streams_reset(request: &[u8], result: u8, then: u32) -> (u64, u64) {
    let (up, down) = (0xbbbb_0001, 0xaaaa_0001);
    let at = |ms: u64, src, dst, packet: Vec<u8>| (T0 + ms * MS, RAW, ip(src, dst, 132, 2, &packet));
    let to_b = |chunks: &[Vec<u8>]| sctp(1000, 2000, up, chunks);
    let to_a = |chunks: &[Vec<u8>]| sctp(2000, 1000, down, chunks);
    let trace = vec![
        at(0, A, B, sctp(1000, 2000, 0, &[init(1, down, 50_000, (8, 8), 1)])),
        at(40, B, A, to_a(&[init(2, up, 60_000, (8, 8), 77)])),
        at(50, A, B, to_b(&[data(1, 0, 0, 10), data(2, 1, 0, 10), data(3, 0, 1, 10), data(4, 1, 1, 10)])),
        at(90, B, A, to_a(&[sack(4, 60_000, &[], &[])])),
        at(100, A, B, to_b(&[chunk(130, 0, request)])),
        at(140, B, A, to_a(&[chunk(130, 0, &[0, 16, 0, 12, 0, 0, 0, 9, 0, 0, 0, result])])),
        at(150, A, B, to_b(&[data(then, 0, 1, 10), data(then + 1, 1, 1, 10)])),
        at(160, A, B, to_b(&[data(then + 2, 0, 0, 10), data(then + 3, 1, 0, 10)])),
        at(190, B, A, to_a(&[sack(then + 3, 60_000, &[], &[])])),
    ];
    let flows = run(&trace, whole());
    let main = flows.from("10.0.0.1", 1000, 2000);
    assert_eq!((main.sctp_data_chunks, main.sctp_reordered_chunks, main.sctp_retransmitted_chunks), (8, 0, 0));
    assert_eq!((main.sctp_hole_events, main.rtt_count, main.rtt_ns_sum), (0, 2, (40 + 30) * MS));
    (main.sctp_hol_chunks, main.sctp_hol_ns)
}

#[test]
fn sctp_streams_begin_anew_once_the_peer_agreed() {
    // The request names stream 1, or none: all of them. Numbers: its own, the answered one, the last TSN.
    let head = |length: u8| [&[0, 13, 0, length, 0, 0, 0, 9][..], &[0, 0, 0, 1, 0, 0, 0, 4]].concat();
    let (all, one) = (head(16), [head(18), vec![0, 1]].concat());
    assert_eq!(streams_reset(&one, 1, 5), (1, 10 * MS), "message 1 of stream 1 waited for its message 0");
    assert_eq!(streams_reset(&all, 1, 5), (2, 20 * MS));
    let everything = [0, 15, 0, 8, 0, 0, 0, 9];
    assert_eq!(
        streams_reset(&everything, 1, 5 + (1 << 31)),
        (2, 20 * MS),
        "TSNs begin anew too, half the numbers away"
    );
    for denied in [0, 2, 6] {
        assert_eq!(
            streams_reset(&all, denied, 5),
            (0, 0),
            "nothing to do, denied, in progress: old messages wait for nothing"
        );
    }
}

#[test]
fn sctp_over_udp_is_sctp() {
    let plain = run(&association(), whole());
    let wrapped: Trace = association()
        .into_iter()
        .map(|(t, link, p)| {
            let (src, dst) = (p[12..16].try_into().unwrap(), p[16..20].try_into().unwrap());
            (t, link, ip(src, dst, 17, 2, &udp(9899, 9899, &p[20..])))
        })
        .collect();
    let wrapped = run(&wrapped, whole());
    assert_eq!(plain.all.len(), wrapped.all.len());
    for (a, b) in plain.all.iter().zip(&wrapped.all) {
        assert_eq!((b.ip_proto, b.tunnel_bits, b.src_port), (132, 256, a.src_port));
        assert_eq!((b.rtt_ns_sum, b.sctp_chunks, b.payload_bytes), (a.rtt_ns_sum, a.sctp_chunks, a.payload_bytes));
        assert_eq!(b.ip_bytes, a.ip_bytes + 8 * a.packets);
    }
}

#[test]
fn a_new_init_begins_another_association() {
    let mut trace = association();
    for (t, link, p) in association() {
        let mut p = p;
        if p[32] == 1 {
            p[36] ^= 0x55; // another initiate tag
        }
        trace.push((t + 10_000 * MS, link, p));
    }
    let flows = run(&trace, whole());
    let main: Vec<_> = flows.all.iter().filter(|r| r.src_ip == A && r.dst_ip == B).collect();
    assert_eq!((main.len(), main[0].end_reason_last), (2, 5));
    assert_ne!(main[0].flow, main[1].flow);
}

#[test]
fn echo_losses_duplicates_and_windows_sequences() {
    let echo = |ms: u64, reply: bool, seq: u16| {
        let (src, dst) = if reply { (B, A) } else { (A, B) };
        let body = [&[if reply { 0 } else { 8 }, 0, 0, 0, 0, 1][..], &seq.to_be_bytes(), &[0; 32]].concat();
        (T0 + ms * MS, RAW, ip(src, dst, 1, 0, &body))
    };
    let mut trace: Trace = Vec::new();
    for i in 0..20u16 {
        trace.push(echo(u64::from(i) * 1000, false, i * 256)); // as Windows counts
        if i != 7 {
            trace.push(echo(u64::from(i) * 1000 + 12, true, i * 256));
        }
        if i == 9 {
            trace.push(echo(9013, true, i * 256));
        }
    }
    trace.push(echo(19_900, true, 7 * 256)); // far too late
    for interval_ns in [0, 1_000 * MS, 3_000 * MS] {
        let flows = run(&trace, Config { interval_ns, ..Config::default() });
        assert_eq!(total(&flows, 0, |r| r.rtt_count), 19);
        assert_eq!(total(&flows, 0, |r| r.rtt_ns_sum), 19 * 12 * MS);
        assert_eq!((total(&flows, 0, |r| r.icmp_echo_requests), total(&flows, 1, |r| r.icmp_echo_replies)), (20, 21));
        assert_eq!(total(&flows, 0, |r| r.icmp_echo_unanswered), 1);
        let again = (total(&flows, 1, |r| r.icmp_echo_duplicates), total(&flows, 1, |r| r.icmp_echo_unmatched));
        assert_eq!(again, (1, 1));
    }
}

#[test]
fn icmp_errors_tell_what_the_router_saw() {
    let sent = ip(A, B, 17, 2, &udp(4000, 5000, &[1; 100])); // ECT(0), DSCP 0
    let mut bleached = sent.clone();
    bleached[1] = 0x28; // Not-ECT, DSCP 10
    let error = |kind: u8, code: u8, mtu: u16, quoted: &[u8]| {
        let body = [&[kind, code, 0, 0, 0, 0][..], &mtu.to_be_bytes(), &quoted[..28]].concat();
        ip(C, A, 1, 0, &body)
    };
    let trace: Trace = vec![
        (T0, RAW, sent.clone()),
        (T0 + MS, RAW, error(3, 4, 1400, &sent)),
        (T0 + 2 * MS, RAW, error(3, 4, 1300, &bleached)),
        (T0 + 3 * MS, RAW, error(11, 0, 0, &sent)),
        (T0 + 4 * MS, RAW, error(3, 3, 0, &sent)),
    ];
    let flows = run(&trace, whole());
    let r = flows.from("10.0.0.1", 4000, 5000);
    assert_eq!((r.icmp_errors, r.icmp_time_exceeded_errors, r.icmp_unreachable_errors), (4, 1, 1));
    assert_eq!((r.icmp_mtu_count, r.icmp_mtu_bytes_min), (2, 1300));
    assert_eq!((r.icmp_quoted_ecn_bits, r.icmp_quoted_dscp_bits), (0b101, 1 | 1 << 10));
    assert_eq!((r.icmp_ecn_changed_errors, r.icmp_dscp_changed_errors), (1, 1));
}

#[test]
fn lab_traffic_has_loss_and_delay_variation() {
    let mut trace: Trace = Vec::new();
    for i in 0..1000u64 {
        if i % 100 == 50 {
            continue;
        }
        let sent = T0 + i * 10 * MS;
        let queue = if i % 10 == 3 { 4 * MS } else { 0 };
        let payload = [&i.to_be_bytes()[..], &sent.to_be_bytes(), &[0; 84]].concat();
        trace.push((sent + 20 * MS + queue, RAW, ip(A, B, 17, 1, &udp(40_000, 7000, &payload))));
    }
    for interval_ns in [0, 130 * MS] {
        let flows = run(&trace, Config { interval_ns, ..Config::default() });
        assert_eq!(flows.all[0].seq_profile_last, "seq64-ns");
        assert_eq!((total(&flows, 0, |r| r.seq_expected), total(&flows, 0, |r| r.seq_lost)), (1000, 10));
        assert_eq!((total(&flows, 0, |r| r.seq_unique), total(&flows, 0, |r| r.seq_loss_runs)), (990, 10));
        assert_eq!(flows.all.iter().map(|r| r.pdv_ns_max).max(), Some(4 * MS));
        assert_eq!((total(&flows, 0, |r| r.pdv_count), total(&flows, 0, |r| r.pdv_ns_sum)), (990, 400 * MS));
        assert_eq!(flows.all.iter().map(|r| r.ipdv_ns_max).max(), Some(4 * MS));
    }
}

#[test]
fn extractors_of_users_serve_udp_and_echoes() {
    let extractor = Extractor {
        name: "mine".to_owned(),
        flows: "- - - - [udp,icmp]".parse().unwrap(),
        anchor: None,
        sequence: Word { offset: 3, width: 2, little_endian: true },
        stream: None,
        step: 2,
        modulus: 0,
        time: None,
        thresholds: sce_meter::Thresholds::default(),
    };
    let mut trace: Trace = Vec::new();
    for i in (0..50u16).filter(|i| *i != 20) {
        let payload = [&[9, 9, 9][..], &(i * 2).to_le_bytes(), &[0; 10]].concat();
        trace.push((T0 + u64::from(i) * MS, RAW, ip(A, B, 17, 0, &udp(1, 2, &payload))));
        let echo = [&[8, 0, 0, 0, 0, 5][..], &i.to_be_bytes(), &payload].concat();
        trace.push((T0 + u64::from(i) * MS + 1, RAW, ip(A, B, 1, 0, &echo)));
    }
    let flows = run(&trace, Config { extractors: vec![extractor], ..whole() });
    for r in flows.all.iter().filter(|r| r.direction == 0) {
        assert_eq!((&*r.seq_profile_last, r.seq_expected, r.seq_lost), ("mine", 50, 1), "protocol {}", r.ip_proto);
    }
    assert_eq!(flows.all.len(), 2);
}

#[test]
fn rules_select_flows_and_count_the_rest() {
    let rules: Vec<Rule> = vec!["10.0.0.1 - - 53 udp".parse().unwrap(), "- 10.0.0.3 - - -".parse().unwrap()];
    let trace: Trace = vec![
        (T0, RAW, ip(A, B, 17, 0, &udp(4000, 53, b"question"))),
        (T0 + 1, RAW, ip(B, A, 17, 0, &udp(53, 4000, b"answer"))),
        (T0 + 2, RAW, ip(A, B, 17, 0, &udp(4000, 54, b"other"))),
        (T0 + 3, RAW, ip(B, C, 17, 0, &udp(1, 2, b"third"))),
    ];
    let flows = run(&trace, Config { rules, ..whole() });
    assert_eq!(flows.all.iter().map(|r| r.packets).sum::<u64>(), 3);
    let p = &flows.probe[0];
    assert_eq!((p.ip_packets, p.recorded_frames, p.other_frames, p.unselected_frames), (4, 3, 1, 1));
}

/// The sums that must not depend on where intervals are cut.
fn sums(flows: &Flows) -> [u64; 8] {
    let sum = |f: fn(&sce_proto::FlowInterval) -> u64| flows.all.iter().map(f).sum();
    [
        sum(|r| r.packets),
        sum(|r| r.rtt_us2_sum),
        sum(|r| r.sctp_chunks),
        sum(|r| r.sctp_hol_ns),
        sum(|r| r.quic_packets),
        sum(|r| r.seq_lost + r.seq_unique),
        sum(|r| r.icmp_errors + r.icmp_echo_unanswered),
        sum(|r| r.zero_window_ns),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_transport_bytes_are_metered_the_same_at_any_interval(
        packets in proptest::collection::vec(
            (0usize..6, 0u64..400, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..120)), 1..60,
        ),
        interval_ms in 1u64..500,
    ) {
        let mut now = T0;
        let mut trace: Trace = Vec::new();
        for (kind, gap, reverse, bytes) in packets {
            now += gap * MS;
            let body = match kind {
                0 => udp(40_000, 443, &[&[0xc0, 0, 0, 0, 1, 8][..], &bytes].concat()),
                1 => udp(40_001, 5201, &bytes),
                2 => udp(40_002, 40_004, &[&[0x80][..], &bytes].concat()),
                3 => [&[8, 0, 0, 0][..], &bytes].concat(),
                4 => [&[3, 4, 0, 0, 0, 0, 0, 0, 0x45][..], &bytes].concat(),
                _ => sctp(5, 6, 7, &[chunk(bytes.first().map_or(0, |b| b % 16), 3, &bytes), bytes.clone()]),
            };
            let proto = match kind { 0..=2 => 17, 3 | 4 => 1, _ => 132 };
            let (src, dst) = if reverse { (B, A) } else { (A, B) };
            trace.push((now, RAW, ip(src, dst, proto, 1, &body)));
        }
        let one = run(&trace, whole());
        let many = run(&trace, Config { interval_ns: interval_ms * MS, ..Config::default() });
        prop_assert_eq!(sums(&one), sums(&many));
        prop_assert_eq!(one.all.iter().map(|r| r.packets).sum::<u64>(), trace.len() as u64);
        prop_assert_eq!(
            one.streams.iter().map(|s| s.chunks).sum::<u64>(),
            many.streams.iter().map(|s| s.chunks).sum::<u64>()
        );
    }
}
