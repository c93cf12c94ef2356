//! The meter against generated captures of one path at two points, whose truth comes from the simulation.
//!
//! The generator lies beside the repository in `../shared/tools`; without it the test says so and passes, except where `CI`
//! is set.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;
mod metered;

use std::path::Path;
use std::process::Command;

use metered::{Metered, meter};
use sce_meter::Config;
use sce_proto::FlowInterval;
use sce_proto::bits::ecn_mode;
use serde_json::Value;

#[test]
fn every_preset_agrees_with_its_truth() {
    let Some(captures) = common::captures() else { return };
    let tools = captures.join("../tools");
    let out = tempfile::tempdir().unwrap();
    let made = Command::new("python3").arg(tools.join("gen_sce.py")).arg("--all").arg(out.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut presets = 0;
    for entry in std::fs::read_dir(out.path()).unwrap() {
        preset(&entry.unwrap().path());
        presets += 1;
    }
    assert!(presets >= 28, "only {presets} presets");
}

fn preset(folder: &Path) {
    let truth: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("truth.json")).unwrap()).unwrap();
    let config = || Config { interval_ns: 0, ..Config::default() };
    let points = [
        ("at_sender", meter(&folder.join("sender.pcap"), config())),
        ("at_receiver", meter(&folder.join("receiver.pcap"), config())),
    ];
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let flows = truth["flows"].as_array().unwrap();
    for (point, metered) in &points {
        assert_eq!(metered.probe.recorded_frames, metered.frames, "{name} {point}: frames");
    }
    for flow in flows {
        for (point, metered) in &points {
            let at = format!("{name} {point} port {}", flow["a_port"]);
            let (up, down) = directions(metered, flow);
            counts(&format!("{at} up"), &up, &flow["up"][point]);
            counts(&format!("{at} down"), &down, &flow["down"][point]);
        }
        if flow["proto"] == 6 {
            let [(_, sender), (_, receiver)] = &points;
            let at = format!("{name} port {}", flow["a_port"]);
            tcp(&at, &truth["params"], flow, &directions(sender, flow), &directions(receiver, flow));
        }
    }
}

fn directions(metered: &Metered, flow: &Value) -> (FlowInterval, FlowInterval) {
    let end = |side: &str| {
        let port = flow[format!("{side}_port")].as_u64().unwrap() as u32;
        (flow[side].as_str().unwrap().parse().unwrap(), port)
    };
    let proto = flow["proto"].as_u64().unwrap() as u32;
    let (a, b) = (end("a"), end("b"));
    let sum = |src: (std::net::IpAddr, u32), dst: (std::net::IpAddr, u32)| {
        metered.flows.get(&(proto, src.0, src.1, dst.0, dst.1)).map(|d| d.sum.clone()).unwrap_or_default()
    };
    (sum(a, b), sum(b, a))
}

fn counts(at: &str, got: &FlowInterval, want: &Value) {
    let pairs = [
        ("packets", got.packets),
        ("ip_bytes", got.ip_bytes),
        ("payload_bytes", got.payload_bytes),
        ("first_ns", got.first_ns),
        ("last_ns", got.last_ns),
    ];
    for (name, value) in pairs {
        assert_eq!(want[name].as_u64().unwrap_or(0), value, "{at}: {name}");
    }
    let ecn = [got.not_ect_packets, got.ect1_packets, got.ect0_packets, got.ce_packets];
    for (name, value) in ["not_ect", "ect1", "ect0", "ce"].iter().zip(ecn) {
        assert_eq!(want["ecn"][name], value, "{at}: {name}");
    }
    let flags = [("ece", got.tcp_ece), ("cwr", got.tcp_cwr), ("ae", got.tcp_ae), ("data_segments", got.data_segments)];
    for (name, value) in flags {
        if let Some(want) = want.get(name) {
            assert_eq!(*want, value, "{at}: {name}");
        }
    }
}

/// Up is the data, down the acknowledgements.
fn tcp(
    at: &str,
    params: &Value,
    flow: &Value,
    sender: &(FlowInterval, FlowInterval),
    receiver: &(FlowInterval, FlowInterval),
) {
    let feedback = &flow["feedback"];
    let up = &flow["up"];
    let size = params["size"].as_u64().unwrap();
    let clean = up["lost"] == 0 && up["delayed_to_reorder"] == 0;
    let acks_lost = params["loss_ack"] != 0;

    // What was sent again is known exactly where it was sent.
    assert_eq!(up["retransmissions_sent"], sender.0.retransmitted_segments, "{at}: retransmissions");
    assert_eq!(sender.0.hole_events, 0, "{at}: holes at the sender");
    assert_eq!(sender.0.reordered_segments, 0, "{at}: reordering at the sender");
    let repeated = sender.0.loss_downstream_bytes / size + sender.0.spurious_segments;
    assert_eq!(repeated, sender.0.retransmitted_segments, "{at}: every retransmission has a cause");

    // What was lost on the way left a hole at the receiver, which a retransmission closed.
    assert_eq!(receiver.0.unseen_acked_bytes, 0, "{at}: unseen bytes");
    let closed = receiver.0.loss_upstream_bytes + receiver.0.hole_reordered_bytes + receiver.0.hole_unknown_bytes;
    assert_eq!(receiver.0.hole_bytes, closed, "{at}: all holes closed");
    assert_eq!(receiver.0.hole_unknown_bytes, 0, "{at}: timestamps tell why");
    if up["delayed_to_reorder"] == 0 {
        assert_eq!(receiver.0.loss_upstream_bytes, up["lost"].as_u64().unwrap() * size, "{at}: loss");
        assert_eq!(receiver.0.reordered_segments, 0, "{at}: reordering");
    } else {
        // A delayed packet whose retransmission overtakes it is no longer late when it comes.
        let late = up["delayed_to_reorder"].as_u64().unwrap();
        assert!(receiver.0.reordered_segments > 0 && receiver.0.reordered_segments <= late, "{at}: reordering");
    }

    assert_eq!(feedback["acked_bytes_at_sender"], sender.1.acked_bytes, "{at}: acknowledged");
    // The FIN takes a number and is no byte.
    assert_eq!(sender.1.acked_bytes, sender.1.delivered_bytes + 1, "{at}: delivered");
    assert_eq!(receiver.1.delivered_bytes, sender.1.delivered_bytes, "{at}: delivered at both ends");

    mode(at, params, flow, sender, receiver);
    if clean && flow["negotiated"] == "sce" {
        assert_eq!(feedback["esce_acked_bytes_at_sender"], sender.1.esce_acked_bytes, "{at}: ESCE");
        assert_eq!(receiver.1.esce_acked_bytes, receiver.0.ect1_bytes, "{at}: the receiver said what it got");
    }
    if flow["negotiated"] == "accecn" {
        let said = &flow["accecn"];
        let true_ce = said["ce_packets_counted"].as_u64().unwrap();
        if params["strip_ae"] == true {
            return; // the field is damaged: its numbers are what the bits say
        }
        assert_eq!(
            (sender.0.ace_ce_packets, sender.0.ace_ce_high_packets),
            sender_ce(params),
            "{at}: CE the other way"
        );
        assert_eq!(true_ce, receiver.1.ace_ce_packets, "{at}: CE that ACE reports, at its source");
        assert_eq!(receiver.1.ace_ambiguous_acks, 0, "{at}: nothing is ambiguous at the source");
        assert!(
            sender.1.ace_ce_low_packets <= true_ce && true_ce <= sender.1.ace_ce_high_packets,
            "{at}: {} <= {true_ce} <= {}",
            sender.1.ace_ce_low_packets,
            sender.1.ace_ce_high_packets
        );
        if !acks_lost {
            assert_eq!(true_ce, sender.1.ace_ce_packets, "{at}: CE that ACE reports, at the sender");
        }
        if params["accecn_option"] == true {
            let counters = &said["server_byte_counters"];
            for (_, down) in [sender, receiver] {
                assert_eq!(counters["eceb"], down.option_ce_bytes, "{at}: CE bytes");
                assert_eq!(counters["ee1b"], down.option_ect1_bytes + 1, "{at}: ECT(1) bytes");
                assert_eq!(counters["ee0b"], down.option_ect0_bytes + 1, "{at}: ECT(0) bytes");
            }
        }
    }

    // The path cannot be faster than it is, and one segment at least was acknowledged at once.
    let one_way = |side: &str| flow[side]["owd_true_ns"]["min"].as_u64().unwrap();
    let floor = one_way("up") + one_way("down");
    let slack = 400_000 + params["jitter_us"].as_u64().unwrap() * 1000;
    for (name, min, max) in
        [("RTT", sender.0.rtt_ns_min, floor + slack), ("handshake", sender.0.handshake_rtt_ns_min, floor + 2 * slack)]
    {
        // Clock stamps are cut to microseconds, and a drifting clock counts otherwise.
        assert!(min + 2000 >= floor && min <= max, "{at}: {name} {min} is not within {floor} and {max}");
    }
}

/// CE packets that the data sender reports of the acknowledgements it got: none but a marked SYN/ACK.
fn sender_ce(params: &Value) -> (u64, u64) {
    let marked = u64::from(params["synack_ce"] == true);
    (marked, marked)
}

fn mode(
    at: &str,
    params: &Value,
    flow: &Value,
    sender: &(FlowInterval, FlowInterval),
    receiver: &(FlowInterval, FlowInterval),
) {
    let esce = flow["feedback"]["esce_acks_at_sender"].as_u64().unwrap() > 0;
    let ect1 = sender.0.ect1_data_packets > 8;
    let want = match flow["negotiated"].as_str().unwrap() {
        "none" => ecn_mode::NONE,
        "classic" => ecn_mode::CLASSIC,
        "sce" if esce => ecn_mode::SCE,
        "sce" => ecn_mode::CLASSIC,
        "accecn" if ect1 => ecn_mode::L4S,
        _ => ecn_mode::ACCECN,
    };
    if params["strip_ae"] == true {
        return; // the two ends see different handshakes
    }
    assert_eq!(u64::from(sender.0.ecn_mode_last), want, "{at}: mode at the sender");
    if params["bleach"] == "none" {
        assert_eq!(u64::from(receiver.0.ecn_mode_last), want, "{at}: mode at the receiver");
    }
}
