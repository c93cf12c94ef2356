//! Live, on real kernels: what the probes on a path say equals what the path did.
//!
//! Needs root and namespaces; elsewhere every test says SKIP.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::process::Command;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use support::bed::{TURN, Testbed, flow_of};
use support::{json, number, run};

/// Compares every flow, direction and hop with the truth; answers packets sent by the hosts.
fn compare(bed: &Testbed, routers: usize) -> u64 {
    for row in bed.ask(&["audit"]).as_array().unwrap() {
        assert_eq!(number(row, "kernel_drops"), 0, "this machine was too slow to see every packet: {row:#}");
    }
    let (flows, paths, truth) = (bed.ask(&["flows"]), bed.ask(&["paths"]), bed.truth());
    let mut packets = 0;
    let mut wrong = Vec::new();
    for want in truth["flows"].as_array().unwrap() {
        packets += number(want, "sent.packets");
        let id = flow_of(&flows, want);
        let all = paths.as_array().unwrap().iter();
        let segments: Vec<&Value> = all.filter(|s| s["flow"] == *id && s["direction"] == want["direction"]).collect();
        assert_eq!(segments.len(), 2 * routers + 1, "host, both sides of each router, host: {segments:#?}");
        let mut differ = |what: String, got: u64, want: u64| {
            if got != want {
                wrong.push(format!("{what}: {got} instead of {want}"));
            }
        };
        let name = format!("{} {} {}", want["proto"], want["direction"], want["src_port"]);
        for router in want["routers"].as_array().unwrap() {
            let inside = segments
                .iter()
                .find(|s| s["from"]["probe"] == router["router"] && s["to"]["probe"] == router["router"]);
            let inside = inside.unwrap_or_else(|| panic!("no segment through {}", router["router"]));
            differ(format!("{name} sent"), number(inside, "sent_packets"), number(router, "in.packets"));
            differ(format!("{name} received"), number(inside, "received_packets"), number(router, "out.packets"));
            differ(format!("{name} lost"), number(inside, "lost_packets"), number(router, "dropped_packets"));
            differ(format!("{name} bytes"), number(inside, "sent_bytes"), number(router, "in.ip_bytes"));
            for (transition, cell) in router["transitions"].as_object().unwrap() {
                let got = inside["transitions"][transition]["packets"].as_u64().unwrap_or(0);
                differ(format!("{name} {transition}"), got, number(cell, "packets"));
            }
        }
        for between in segments.iter().filter(|s| s["from"]["probe"] != s["to"]["probe"]) {
            differ(format!("{name} lost on a wire"), number(between, "lost_packets"), 0);
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    packets
}

/// What a test sends at most, in `sce-lab traffic` options.
const LOAD: [&str; 8] = ["--tcp", "10", "--bytes", "9000000", "--udp", "10", "--packets", "4000"];

/// Builds a lab, sends traffic through it, ends the probes and compares everything.
fn path_test(test: &str, shape: &[&str], traffic: &[&str], routers: usize) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut bed) = Testbed::new(test, shape) else { return };
    let all: [(&str, &[&str]); 4] =
        [("client", &["eth0"]), ("r1", &["west", "east"]), ("server", &["eth0"]), ("r2", &["west", "east"])];
    bed.probes(&all[..routers + 2], &["--interval", "1s", "--marks", "full", "--run", "live", "--buffer", "128MiB"]);
    run(bed.lab(&["traffic"]).args(LOAD).args(traffic));
    bed.stop_probes();
    let packets = compare(&bed, routers);
    assert!(packets >= 100_000, "{packets} packets are too few to prove anything");
    let audit = bed.cli(&["audit"]).output().unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[test]
fn every_hop_equals_the_routers_count() {
    let shape = ["--r1", "sce=0.05,ce=0.005,drop=0.002", "--rate", "60", "--queue", "500", "--seed", "5"];
    path_test("one", &shape, &[], 1);
}

#[test]
fn two_routers_are_told_apart_over_ipv6() {
    let r1 = "sce=0.05,ce=0.01";
    let r2 = "drop=0.003,bleach=0.05";
    path_test("two", &["--routers", "2", "--r1", r1, "--r2", r2, "--rate", "60", "--queue", "500"], &["--ipv6"], 2);
}

#[test]
fn offloads_change_no_count() {
    let shape = ["--offloads", "on", "--r1", "sce=0.05,ce=0.005,drop=0.002", "--rate", "60", "--queue", "500"];
    path_test("offload", &shape, &[], 1);
}

#[test]
fn translated_flows_are_one_flow() {
    let r1 = "sce=0.02,drop=0.002";
    path_test(
        "nat",
        &["--routers", "2", "--nat", "--r1", r1, "--r2", "ce=0.01", "--rate", "60", "--queue", "500"],
        &[],
        2,
    );
}

/// Kernel, packets and path on one time axis: a CE episode that the receiver's packets show is heard by the sender, whose
/// window falls in the same interval or the next. (`probe/tests/kernel_live.rs` has the same to the round trip.)
#[test]
fn a_flow_shows_its_window_fall_when_marks_arrive() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut bed) = Testbed::new("window", &["--rate", "40", "--queue", "100", "--seed", "3"]) else { return };
    // It answers to CE, as BBR would not, and every network namespace may choose it.
    run(&mut bed.lab(&["exec", "client", "--", "sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno"]));
    let both: [(&str, &[&str]); 2] = [("client", &["eth0"]), ("server", &["eth0"])];
    bed.probes(&both, &["--interval", "100ms", "--marks", "full", "--sockets"]);
    let mut traffic = bed.lab(&["traffic", "--tcp", "1", "--udp", "0", "--duration", "5"]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    run(&mut bed.lab(&["mark", "--r1", "ce=0.02,dir=up,what=payload"]));
    std::thread::sleep(Duration::from_millis(500));
    run(&mut bed.lab(&["mark", "--r1", "ce=0"]));
    assert!(traffic.wait().unwrap().success());
    bed.stop_probes();

    let flows = bed.ask(&["flows", "--columns", "flow,up.payload_bytes,up.rtt_ns_max", "--sort", "-up.payload_bytes"]);
    let columns = "direction,rtt_forward_ns_p50,rtt_turnaround_ns_p50,rtt_reverse_ns_p50";
    let verified = bed.ask(&["verify", "--columns", columns]);
    let verified = verified.as_array().unwrap().iter().find(|v| v["direction"] == "up").unwrap();
    let part = |name: &str| number(verified, &format!("rtt_{name}_ns_p50")) as f64;
    let (longest, parts) = (number(&flows[0], "up.rtt_ns_max") as f64, ["forward", "turnaround", "reverse"].map(part));
    assert!(parts.iter().sum::<f64>() < longest, "{parts:?} are within a round trip of at most {longest} ns");
    assert!(parts[0] > 1e6 && parts[0] > 2.0 * parts[2], "the queue stands in the way forward: {parts:?} ns");
    let flow = bed.ask(&["flow", flows[0]["flow"].as_str().unwrap()]);
    let moments: Vec<&Value> = flow["timeline"].as_array().unwrap().iter().filter(|m| m["direction"] == "up").collect();
    let value = |m: &Value, path: &str| path.split('.').fold(m, |v, key| &v[key]).as_u64();
    let sum = |all: &[&Value], path: &str| all.iter().filter_map(|m| value(m, path)).sum::<u64>();
    assert!(moments.len() >= 40, "{} intervals of 100 ms in 5 s", moments.len());
    let delays = moments.iter().filter(|m| m["owd_ns_p50"].is_i64()).count();
    assert!(delays * 10 >= moments.len() * 9, "a delay in nearly every interval: {delays} of {}", moments.len());

    let marked = sum(&bed.truth()["flows"].as_array().unwrap().iter().collect::<Vec<_>>(), "received.ce_packets");
    assert!(marked > 0, "the router marked");
    assert_eq!(sum(&moments, "received.ce_packets"), marked);
    let first = moments.iter().position(|m| value(m, "received.ce_packets") > Some(0)).expect("marks arrived");
    let window = |m: &&Value| value(m, "socket.cwnd_segments");
    let before = moments[..first].iter().rev().find_map(window).expect("a window before the marks");
    let after = &moments[first..(first + 3).min(moments.len())];
    assert!(sum(after, "heard.tcp_ece") > 0, "{after:#?}");
    assert!(sum(after, "socket.ca_cwr_us") > 0, "{after:#?}");
    let least = after.iter().filter_map(|m| value(m, "socket.cwnd_segments_min")).min().unwrap();
    assert!(least * 10 <= before * 9, "window {before} before the marks, {least} after: {after:#?}");
    let threshold = after.iter().filter_map(|m| value(m, "socket.ssthresh_segments")).min();
    assert!(threshold.is_some_and(|t| t < before), "window {before} before the marks, threshold {threshold:?}");
}

/// `--source both`: the segment between the tc egress hook and the packet socket of one interface is that interface's queue.
#[test]
fn a_local_queue_is_a_segment_of_its_own() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut bed) = Testbed::new("queue", &["--rate", "12", "--queue", "60"]) else { return };
    bed.probes(&[("r1", &["east"])], &["--interval", "1s", "--marks", "full", "--source", "both"]);
    run(&mut bed.lab(&["traffic", "--tcp", "2", "--udp", "2", "--bytes", "3000000", "--rate", "600"]));
    bed.stop_probes();
    let paths = bed.ask(&["paths"]);
    let queue: Vec<&Value> = paths
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["from"]["hook"] == "tc-egress" && s["to"]["hook"] == "af-packet")
        .collect();
    assert_eq!(queue.len(), 4, "each flow on its way to the server: {paths:#}");
    let show = format!("tc -n {} -s -j qdisc show dev east", bed.namespace("r1"));
    let words: Vec<&str> = show.split(' ').collect();
    let qdiscs = json(Command::new(words[0]).args(&words[1..]));
    let tbf = qdiscs.as_array().unwrap().iter().find(|q| q["kind"] == "tbf").unwrap();
    let lost: u64 = queue.iter().map(|s| number(s, "lost_packets")).sum();
    assert!(lost > 0, "the queue was meant to drop");
    assert_eq!(lost, number(tbf, "drops"), "{queue:#?}");
    // At most the queue's 60 ms, and what a busy machine adds; never negative, for both points read one clock.
    for segment in queue {
        assert_eq!(number(segment, "owd_ns_error"), 0);
        assert!((1_000_000..500_000_000).contains(&number(segment, "owd_ns_p50")), "{segment:#}");
    }
}
