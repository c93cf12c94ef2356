//! Live, on real kernels, with the default marks: sampled digests, sequence cuts, run-length maps.
//!
//! Needs root and namespaces; elsewhere every test says SKIP.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::bed::{TURN, Testbed, flow_of};
use support::{number, run, wait};

const NODES: [(&str, &[&str]); 4] =
    [("client", &["eth0"]), ("r1", &["west", "east"]), ("r2", &["west", "east"]), ("server", &["eth0"])];
/// A transition's bounds and figure, of a segment as `sce-cli paths -o json` prints it.
fn cell(segment: &Value, transition: &str) -> (u64, u64, u64) {
    let t = &segment["transitions"][transition];
    (number(t, "packets_low"), number(t, "packets"), number(t, "packets_high"))
}

/// Which segment a row of `paths` is about.
fn place(row: &Value) -> String {
    format!("{} {} {} {}", row["flow"], row["direction"], row["from"]["op"], row["to"]["op"])
}

/// Two routers, one marks, the other drops and bleaches: while the traffic runs, its paths appear; afterwards losses are
/// exact, transitions exact or within their bounds, and the figures of windows add up to those of the whole.
#[test]
fn default_marks_name_the_right_hop_and_windows_add_up() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let shape = ["--routers", "2", "--r1", "sce=0.02,ce=0.002", "--r2", "drop=0.002,bleach=0.01"];
    let limits = ["--rate", "40", "--queue", "500"];
    let Some(mut bed) = Testbed::new("default", &[&shape[..], &limits[..]].concat()) else { return };
    bed.probes(&NODES, &["--interval", "1s", "--buffer", "128MiB"]);
    let traffic = ["traffic", "--tcp", "3", "--bytes", "10000000", "--udp", "2", "--packets", "3000", "--rate", "500"];
    let begin = Instant::now();
    let mut traffic = bed.lab(&traffic).spawn().unwrap();
    // Two intervals of a second are the aim; a busy machine gets ten.
    wait("the paths of running flows", Duration::from_secs(10), || {
        let now = bed.ask(&["paths", "--since", "4s"]);
        let told = |s: &&Value| s["proto"] == "tcp" && s["direction"] == "up" && number(s, "sent_packets") > 0;
        now.as_array().unwrap().iter().filter(told).count() >= 3
    });
    eprintln!("paths appeared after {:?}", begin.elapsed());
    assert!(traffic.wait().unwrap().success());
    bed.stop_probes();
    for row in bed.ask(&["audit"]).as_array().unwrap() {
        assert_eq!(number(row, "kernel_drops"), 0, "this machine was too slow to see every packet: {row:#}");
    }
    let (flows, paths, truth) = (bed.ask(&["flows"]), bed.ask(&["paths"]), bed.truth());
    let (mut exact, mut segments) = (0, 0);
    for want in truth["flows"].as_array().unwrap() {
        let id = flow_of(&flows, want);
        for router in want["routers"].as_array().unwrap() {
            let through = |s: &&Value| {
                s["flow"] == *id
                    && s["direction"] == want["direction"]
                    && s["from"]["probe"] == router["router"]
                    && s["to"]["probe"] == router["router"]
            };
            let s = paths.as_array().unwrap().iter().find(through).expect("a segment through the router");
            let name = format!("{} {} through {}", want["proto"], want["direction"], router["router"]);
            assert_eq!(number(s, "sent_packets"), number(router, "in.packets"), "{name}: {s:#}");
            assert_eq!(number(s, "lost_packets"), number(router, "dropped_packets"), "{name}: {s:#}");
            segments += 1;
            let sampled = s["ecn_method"] == "sampled";
            exact += u64::from(!sampled && s["ecn_method"] != "bound");
            for (transition, truth) in router["transitions"].as_object().unwrap() {
                let (low, said, high) = cell(s, transition);
                let truth = number(truth, "packets");
                // An interval holds in 19 of 20 cases.
                assert!(sampled || (low <= truth && truth <= high), "{name} {transition}: {truth}, {s:#}");
                assert!(low < high || said == truth || sampled, "{name} {transition}: {truth}, {s:#}");
            }
        }
    }
    eprintln!("transitions are exact in {exact} of {segments} segments");
    assert!(exact * 10 >= segments * 7, "{exact} of {segments}");

    let time = |column: &str| flows.as_array().unwrap().iter().map(|f| number(f, column)).collect::<Vec<u64>>();
    let (first, last) = (time("first_ns").into_iter().min().unwrap(), time("last_ns").into_iter().max().unwrap());
    let mut sums: BTreeMap<String, [u64; 4]> = BTreeMap::new();
    let figures =
        |row: &Value| ["sent_packets", "received_packets", "lost_packets", "sent_bytes"].map(|name| number(row, name));
    let step = 1_700_000_000;
    for since in (first - step..=last).step_by(step as usize) {
        let seconds = |ns: u64| format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
        for row in
            bed.ask(&["paths", "--since", &seconds(since), "--until", &seconds(since + step)]).as_array().unwrap()
        {
            let sum = sums.entry(place(row)).or_default();
            sum.iter_mut().zip(figures(row)).for_each(|(sum, more)| *sum += more);
        }
    }
    for row in paths.as_array().unwrap().iter().filter(|r| r["proto"] == "tcp") {
        assert_eq!(sums[&place(row)], figures(row), "windows of {step} ns: {row:#}");
    }
}

/// A receiver that echoes every SCE mark, and one that echoes every second one.
#[test]
fn verify_tells_a_whole_echo_from_half_a_one() {
    for (test, esce) in [("echo", "full"), ("halfecho", "half")] {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = ["--esce", esce, "--r1", "sce=0.1,dir=up,what=payload", "--rate", "60", "--queue", "500"];
        let Some(mut bed) = Testbed::new(test, &shape) else { return };
        let ends: [(&str, &[&str]); 2] = [("client", &["eth0"]), ("server", &["eth0"])];
        bed.probes(&ends, &["--interval", "1s", "--buffer", "128MiB"]);
        run(&mut bed.lab(&["traffic", "--tcp", "3", "--bytes", "4000000", "--udp", "0"]));
        bed.stop_probes();
        let all = bed.ask(&["verify", "kind = sce and direction = up"]);
        let rows = all.as_array().unwrap();
        assert_eq!(rows.len(), 3, "one for each connection: {all:#}");
        for row in rows {
            let (received, said) = (number(row, "received_signals"), number(row, "said_signals"));
            assert!(received > 100_000, "{row:#}");
            if esce == "full" {
                assert_eq!(row["verdict"], "complete", "{row:#}");
            } else {
                assert_eq!(row["verdict"], "receiver_partial", "{row:#}");
                assert!((received * 4 / 10..received * 6 / 10).contains(&said), "half of them: {row:#}");
                assert!(row["text"].as_str().unwrap().contains("kept"), "said in words: {row:#}");
            }
        }
    }
}
