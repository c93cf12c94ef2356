//! The main job from end to end: captures in, records through spool and collector, answers out.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use support::{Collector, bin, json, number, run};

/// The counters that must be the same everywhere, however the packets came in.
const EXACT: [&str; 22] = [
    "packets",
    "frames",
    "ip_bytes",
    "payload_bytes",
    "not_ect_packets",
    "ect1_packets",
    "ect0_packets",
    "ce_packets",
    "data_segments",
    "tcp_fin",
    "tcp_syn",
    "tcp_rst",
    "tcp_psh",
    "tcp_ack",
    "tcp_ece",
    "tcp_cwr",
    "tcp_ae",
    "acked_bytes",
    "esce_acked_bytes",
    "pure_acks",
    "ect0_bytes",
    "ce_bytes",
];

/// A capture of many short and a few long flows.
fn capture(dir: &std::path::Path, kind: &str, packets: u64) -> PathBuf {
    let file = dir.join(format!("{kind}.pcap"));
    run(Command::new(bin("sce-bench")).args(["gen", kind]).arg(&file).args(["--packets", &packets.to_string()]));
    file
}

/// Flows by ends and first packet, with their exact counters in both directions.
fn totals(flows: &Value) -> Vec<(String, Vec<u64>)> {
    let mut all: Vec<_> = flows
        .as_array()
        .expect("a list of flows")
        .iter()
        .map(|f| {
            let name =
                ["proto", "initiator_ip", "initiator_port", "responder_ip", "responder_port"].map(|k| f[k].to_string());
            let counts = ["up", "down"].iter().flat_map(|d| EXACT.map(|n| f[d][n].as_u64().unwrap_or(0))).collect();
            (name.join(" "), counts)
        })
        .collect();
    all.sort();
    all
}

/// Sums instances of one 5-tuple: a flow that is cut by a timeout or a new connection stays comparable.
fn summed(flows: &Value) -> std::collections::BTreeMap<String, Vec<u64>> {
    let mut sums = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for (name, counts) in totals(flows) {
        let sum = sums.entry(name).or_insert_with(|| vec![0; counts.len()]);
        sum.iter_mut().zip(counts).for_each(|(s, c)| *s += c);
    }
    sums
}

#[test]
fn a_replayed_capture_has_the_same_totals_at_any_interval() {
    let dir = tempfile::tempdir().unwrap();
    let file = capture(dir.path(), "many", 8_000);
    let read = json(Command::new(bin("sce-probe")).arg("read").arg(&file).args(["-o", "json"]));
    assert_eq!(number(&read, "capture.packets"), 8_000);
    let want = summed(&read["flows"]);
    assert!(want.len() > 500, "{} flows", want.len());
    for interval in ["100ms", "1s", "10s"] {
        let dir = tempfile::tempdir().unwrap();
        let collector = Collector::start(dir.path());
        run(collector.replay("host", &file).args(["--interval", interval]));
        let got = summed(&collector.ask(&["flows"]));
        assert_eq!(got.len(), want.len(), "flows at {interval}");
        for (flow, counts) in &want {
            assert_eq!(got.get(flow), Some(counts), "{flow} at {interval}");
        }
        let audit = collector.ask(&["audit"]);
        let captured: u64 = audit.as_array().unwrap().iter().map(|row| number(row, "captured")).sum();
        assert_eq!(captured, 8_000, "{audit:#}");
    }
}

#[test]
fn the_same_capture_twice_under_two_names_is_one_flow_seen_twice() {
    let dir = tempfile::tempdir().unwrap();
    let file = capture(dir.path(), "few", 2_000);
    let collector = Collector::start(dir.path());
    run(&mut collector.replay("left", &file));
    let alone = totals(&collector.ask(&["flows"]));
    run(&mut collector.replay("right", &file));
    assert_eq!(totals(&collector.ask(&["flows"])), alone, "flows that two probes saw are still one flow each");
    assert_eq!(collector.ask(&["probes"]).as_array().unwrap().len(), 2);
    for segment in collector.ask(&["paths"]).as_array().unwrap() {
        assert_eq!(number(segment, "lost_packets"), 0, "{segment:#}");
        assert_eq!(number(segment, "sent_packets"), number(segment, "received_packets"), "{segment:#}");
    }
}

#[test]
fn the_shipped_captures_show_what_the_router_between_them_did() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(dir.path());
    for side in ["client", "server"] {
        run(&mut collector.replay(side, &support::tree(&format!("lab/captures/{side}.pcap.gz"))));
    }
    let truth: Value =
        serde_json::from_slice(&std::fs::read(support::tree("lab/captures/truth.json")).unwrap()).unwrap();
    let flows = collector.ask(&["flows"]);
    let paths = collector.ask(&["paths"]);
    let mut compared = 0;
    for want in truth["flows"].as_array().unwrap() {
        let up = want["direction"] == "up";
        let client_port = if up { &want["src_port"] } else { &want["dst_port"] };
        let flow = flows.as_array().unwrap().iter();
        let flow =
            flow.filter(|f| f["proto"] == want["proto"] && f["initiator_port"] == *client_port).collect::<Vec<_>>();
        assert_eq!(flow.len(), 1, "one flow for {want:#}");
        let segment = paths.as_array().unwrap().iter();
        let segment =
            segment.filter(|s| s["flow"] == flow[0]["flow"] && s["direction"] == want["direction"]).collect::<Vec<_>>();
        assert_eq!(segment.len(), 1, "one segment for {want:#}");
        assert_eq!(number(segment[0], "sent_packets"), number(want, "sent.packets"));
        assert_eq!(number(segment[0], "received_packets"), number(want, "received.packets"));
        assert_eq!(number(segment[0], "lost_packets"), number(&want["routers"][0], "dropped_packets"));
        for (name, cell) in want["routers"][0]["transitions"].as_object().unwrap() {
            let got = &segment[0]["transitions"][name];
            assert_eq!(got["packets"], cell["packets"], "{name} of {:#}", segment[0]);
            assert_eq!(got["bytes"], cell["bytes"], "{name} of {:#}", segment[0]);
        }
        compared += 1;
    }
    assert_eq!(compared, 9, "3 TCP flows both ways, 3 UDP flows one way");
}
