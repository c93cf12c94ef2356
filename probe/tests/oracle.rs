//! The meter against an independent counter, on real captures of every link type and header stack.
//!
//! The captures and what the counter made of them lie beside the repository in `../shared`; without it the test says so and
//! passes, except where `CI` is set. With `outermost` the two agree exactly; [`DIFFERENCES`] lists where the meter's own
//! rules differ on purpose.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;
mod metered;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use common::with_oracle;
use metered::{Direction, Metered, meter};
use sce_meter::Config;
use sce_proto::{FlowInterval, Record};
use serde_json::Value;

/// Where the meter counts otherwise than the oracle, and why.
///
/// - Always: `first_ns` and `last_ns` are the earliest and the latest time, the oracle's are those of the first and the last
///   packet in the file. They differ only where a file's times go back.
/// - Always: a new connection on the same ports, or a packet after the idle timeout, is a new flow instance. Sums over the
///   instances are equal, except `acked_bytes`: the jump from one connection's numbers to the next one's is not data.
/// - Always: the initiator is decided when an instance begins. The oracle looks for a SYN in the whole file.
/// - Without `outermost`: packets in GRE, IPIP, 6in4, VXLAN, Geneve and GTP-U are metered by their inner header.
/// - Without `outermost`: fragments belong to the flow of their first fragment.
/// - Without `outermost`: superpackets count as the wire packets they stand for, with the headers each of them had.
///
/// The last three are checked by what must stay equal: frames per file, and every flow of files without such packets.
const DIFFERENCES: &[(&str, &str)] = &[
    ("fragments__", "fragments of ordinary flows"),
    ("gro-jumbo__", "superpackets"),
    ("tso-length-zero__", "superpackets"),
    ("tunnel-", "tunnels"),
];

#[test]
fn outermost_headers_agree_exactly() {
    for (capture, expected) in with_oracle() {
        let metered = meter(&capture, Config { outermost: true, interval_ns: 0, ..Config::default() });
        totals(&capture, &metered, &expected);
        flows(&capture, &metered, &expected);
    }
}

#[test]
fn ordinary_flows_agree_with_tunnels_entered() {
    let mut plain = 0;
    for (capture, expected) in with_oracle() {
        let metered = meter(&capture, Config { interval_ns: 0, ..Config::default() });
        totals(&capture, &metered, &expected);
        let special = metered.flows.values().any(|f| {
            f.sum.superpackets > 0 || f.sum.fragments > 0 || f.sum.tunnel_bits >= sce_proto::bits::tunnel::GRE
        });
        if special {
            continue;
        }
        flows(&capture, &metered, &expected);
        plain += 1;
    }
    assert!(plain == 0 || plain > 60, "only {plain} captures were compared");
}

#[test]
fn interval_cuts_change_no_sum() {
    for (capture, _) in with_oracle() {
        let whole = meter(&capture, Config { interval_ns: 0, ..Config::default() });
        for interval_ns in [100_000_000, 1_000_000_000, 10_000_000_000] {
            let cut = meter(&capture, Config { interval_ns, ..Config::default() });
            let name = capture.display();
            assert_eq!(whole.flows.len(), cut.flows.len(), "{name} at {interval_ns} ns");
            for (ends, a) in &whole.flows {
                let b = &cut.flows[ends];
                assert_eq!(comparable(&a.sum), comparable(&b.sum), "{name} {ends:?} at {interval_ns} ns");
            }
        }
    }
}

#[test]
fn differences_name_real_captures() {
    let all = with_oracle();
    for (prefix, why) in DIFFERENCES {
        let found = all.iter().any(|(c, _)| c.file_name().unwrap().to_string_lossy().starts_with(prefix));
        assert!(all.is_empty() || found, "no capture for {why}: {prefix}");
    }
}

/// Everything but the keys that name an interval, the fields that say how the interval ended, the initial sequence number,
/// which records before the side's SYN do not know, the parallelism of streams, which is one of an interval, PDV, which RFC
/// 5481 measures from the smallest delay of an interval, and what an SCTP association learns on its other paths, which only
/// later records of this one know.
fn comparable(record: &FlowInterval) -> FlowInterval {
    let mut record = FlowInterval { start_ns: 0, interval_ns: 0, end_reason_last: 0, isn: 0, ..record.clone() };
    for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
        let of_association = field.name.ends_with("_last") || field.name.ends_with("_bits");
        let of_interval = field.name == "sctp_active_streams_max" || field.name.starts_with("pdv_");
        if of_interval || field.name.starts_with("sctp_") && of_association {
            record.set(i, FlowInterval::default().get(i));
        }
    }
    record
}

fn totals(capture: &Path, metered: &Metered, expected: &Value) {
    let name = capture.display();
    let t = &expected["totals"];
    let p = &metered.probe;
    assert_eq!(metered.frames, t["packets"], "{name}: packets");
    assert_eq!(p.captured_packets, t["packets"], "{name}: packets");
    assert_eq!(p.captured_bytes, t["wire_bytes"], "{name}: wire bytes");
    assert_eq!(p.ip_packets, t["ip_packets"], "{name}: IP packets");
    assert_eq!(p.non_ip_packets, t["non_ip"], "{name}: non-IP packets");
    assert_eq!(p.undecodable_packets, t["undecodable"], "{name}: undecodable packets");
    assert_eq!(p.ip_packets, p.recorded_frames + p.other_frames, "{name}: conservation");
    assert_eq!(p.recorded_frames, metered.flows.values().map(|f| f.sum.frames).sum::<u64>(), "{name}: frames");
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in expected["undecodable_reasons"].as_object().unwrap() {
        let kind = match reason.as_str() {
            "short link header" => "link truncated",
            r if r.starts_with("link type") => "link type",
            "no ip header" | "short ip header" => "ip truncated",
            _ => "ip malformed",
        };
        *reasons.entry(kind).or_default() += count.as_u64().unwrap();
    }
    let ours = [
        ("link truncated", p.skip_link_truncated),
        ("link type", p.skip_link_type),
        ("ip truncated", p.skip_ip_truncated),
        ("ip malformed", p.skip_ip_malformed),
    ];
    for (kind, count) in ours {
        assert_eq!(count, reasons.get(kind).copied().unwrap_or(0), "{name}: {kind}");
    }
    assert_eq!(p.skip_arp + p.skip_llc + p.skip_other_ethertype, p.non_ip_packets, "{name}: non-IP by reason");
}

fn flows(capture: &Path, metered: &Metered, expected: &Value) {
    let name = capture.display();
    let mut seen = 0;
    for flow in expected["flows"].as_array().unwrap() {
        let end = |side: &str| -> (IpAddr, u32) {
            (flow[side].as_str().unwrap().parse().unwrap(), flow[format!("{side}_port")].as_u64().unwrap() as u32)
        };
        let proto = flow["proto"].as_u64().unwrap() as u32;
        let (a, b) = (end("a"), end("b"));
        for (side, src, dst) in [("fwd", a, b), ("rev", b, a)] {
            let want = &flow[side];
            if want["packets"] == 0 {
                continue;
            }
            let ends = (proto, src.0, src.1, dst.0, dst.1);
            let got = metered.flows.get(&ends).unwrap_or_else(|| panic!("{name}: no flow {ends:?}"));
            direction(&format!("{name} {ends:?}"), proto, got, want);
            if got.instances.len() == 1 && flow["initiator_by"] == "syn" {
                assert_eq!(got.sum.direction, u32::from(side == "rev"), "{name} {ends:?}: direction");
            }
            seen += 1;
        }
    }
    // A direction may have a record without packets: what the other side's packets said of it.
    let with_packets = metered.flows.values().filter(|f| f.sum.packets > 0).count();
    assert_eq!(seen, with_packets, "{name}: flow directions");
}

fn direction(at: &str, proto: u32, got: &Direction, want: &Value) {
    let s = &got.sum;
    assert_eq!(s.packets, want["packets"], "{at}: packets");
    assert_eq!(s.ip_bytes, want["ip_bytes"], "{at}: IP bytes");
    assert_eq!(s.payload_bytes, want["payload_bytes"], "{at}: payload bytes");
    let ecn = [s.not_ect_packets, s.ect1_packets, s.ect0_packets, s.ce_packets];
    let names = ["not_ect", "ect1", "ect0", "ce"];
    for (count, name) in ecn.iter().zip(names) {
        assert_eq!(*count, want["ecn"][name], "{at}: {name}");
    }
    assert_eq!(s.truncated_packets, want["l4_truncated"], "{at}: truncated");
    assert_eq!(s.malformed_packets, want["l4_malformed"], "{at}: malformed");
    let (first, last) = (nanoseconds(&want["first_ts"]), nanoseconds(&want["last_ts"]));
    assert!(s.first_ns <= first && s.last_ns >= last, "{at}: time");
    if !at.contains("timestamps-go-back") && first <= last {
        // Within a flow the times of these captures hardly ever go back.
        assert!(s.first_ns == first || s.last_ns == last, "{at}: {} to {}", s.first_ns, s.last_ns);
    }
    if proto != 6 {
        return;
    }
    let t = &want["tcp"];
    let flags = [
        ("fin", s.tcp_fin),
        ("syn", s.tcp_syn),
        ("rst", s.tcp_rst),
        ("psh", s.tcp_psh),
        ("ack", s.tcp_ack),
        ("urg", s.tcp_urg),
        ("ece", s.tcp_ece),
        ("cwr", s.tcp_cwr),
        ("ae", s.tcp_ae),
        ("data_segments", s.data_segments),
    ];
    for (name, count) in flags {
        assert_eq!(count, t[name], "{at}: {name}");
    }
    if got.instances.len() == 1 {
        assert_eq!(s.acked_bytes, t["acked_bytes"], "{at}: acked bytes");
    }
}

fn nanoseconds(text: &Value) -> u64 {
    let (seconds, fraction) = text.as_str().unwrap().split_once('.').unwrap();
    seconds.parse::<u64>().unwrap() * 1_000_000_000 + fraction.parse::<u64>().unwrap()
}
