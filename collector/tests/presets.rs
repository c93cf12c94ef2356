//! Every preset of the trace generator: two captures through the meter and the correlation, against the generator's truth.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::path::Path;
use std::process::Command;

use sce_collector::correlate::{Joined, Options, correlate};
use sce_meter::{MarksConfig, MarksMode};
use sce_proto::PathSegment;
use serde_json::Value;
use support::{file_point, metered, read_pcap, shared, sightings};

fn full() -> MarksConfig {
    MarksConfig { mode: MarksMode::Full, ..MarksConfig::default() }
}

fn generate(tool: &Path, dir: &Path, arguments: &[&str]) -> Value {
    let out = Command::new("python3").arg(tool).args(arguments).arg("--out").arg(dir).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&std::fs::read(dir.join("truth.json")).unwrap()).unwrap()
}

fn correlated(dir: &Path, interval_ns: u64, marks: &MarksConfig) -> Vec<Joined> {
    let mut all = Vec::new();
    for (op, name) in [(1, "sender.pcap"), (2, "receiver.pcap")] {
        all.extend(sightings(&metered(op, &read_pcap(&dir.join(name)), interval_ns, marks)));
    }
    // The order in which records arrive must not matter.
    all.reverse();
    let joined = correlate(&[file_point(1), file_point(2)], &all, &Options::default());
    let port =
        |j: &Joined| all[j.members[0].sighting].totals.iter().flatten().map(|t| t.src_port.max(t.dst_port)).max();
    let mut joined: Vec<_> = joined.into_iter().map(|j| (port(&j), j)).collect();
    joined.sort_by_key(|j| j.0);
    joined.into_iter().map(|j| j.1).collect()
}

fn presets(tool: &Path) -> Vec<String> {
    let out = Command::new("python3").arg(tool).arg("--list").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(|l| l.split(' ').next().unwrap().to_owned()).collect()
}

/// Differences between a segment and the truth of its direction.
fn differences(s: &PathSegment, truth: &Value, bleach: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut same = |what: &str, got: u64, want: u64| {
        if got != want {
            out.push(format!("{what}: {got} instead of {want}"));
        }
    };
    let t = |name: &str| truth[name].as_u64().unwrap();
    let at = |point: &str, name: &str| truth[point][name].as_u64().unwrap();
    let ecn = |point: &str, name: &str| truth[point]["ecn"][name].as_u64().unwrap();
    same("sent", s.sent_packets, t("sent"));
    same("received", s.received_packets, t("delivered"));
    same("lost", s.lost_packets, t("lost"));
    same("duplicated", s.duplicated_packets, t("duplicated_by_path"));
    same("reordered", s.reordered_packets, t("delayed_to_reorder"));
    same("unmatched", s.unmatched_packets, 0);
    let (near, far) = if s.direction == 0 { ("at_sender", "at_receiver") } else { ("at_receiver", "at_sender") };
    same("sent bytes", s.sent_bytes, at(near, "ip_bytes"));
    same("received bytes", s.received_bytes, at(far, "ip_bytes"));
    let row = |p: [u64; 5]| p.iter().sum::<u64>();
    same("sent ECT(0)", row(ect0(s)), ecn(near, "ect0"));
    same("sent ECT(1)", row(ect1(s)), ecn(near, "ect1"));
    let ce = s.not_ect_to_ce_packets + s.ect1_to_ce_packets + s.ect0_to_ce_packets;
    let bleached = s.ect1_to_not_ect_packets + s.ect0_to_not_ect_packets + s.ce_to_not_ect_packets;
    let (sce, marked) = (t("sce_marked_by_path"), t("ce_marked_by_path"));
    let (sce, marked, gone) = match bleach {
        "all" => (0, 0, t("ecn_bleached_by_path")),
        "ect1" => (0, marked, 0),
        "ce" => (sce, 0, 0),
        _ => (sce, marked, 0),
    };
    same("SCE marks", s.ect0_to_ect1_packets, sce);
    same("CE marks", ce, marked);
    same("bleached", bleached, gone);
    if let Some(min) = truth["owd_true_ns"]["min"].as_i64() {
        let error = (s.owd_ns_min - min).unsigned_abs();
        if s.owd_count == 0 || error > s.owd_ns_error + 1000 {
            out.push(format!("delay: {} +- {} instead of {min} ({})", s.owd_ns_min, s.owd_ns_error, s.owd_method));
        }
        if s.owd_ns_error > 40_000_000 {
            out.push(format!("delay: error {} says nothing", s.owd_ns_error));
        }
    }
    if s.method != "exact" || s.ecn_method != "exact" {
        out.push(format!("methods {} and {}", s.method, s.ecn_method));
    }
    out
}

fn ect0(s: &PathSegment) -> [u64; 5] {
    [
        s.ect0_to_not_ect_packets,
        s.ect0_to_ect1_packets,
        s.ect0_to_ect0_packets,
        s.ect0_to_ce_packets,
        s.ect0_to_lost_packets,
    ]
}

fn ect1(s: &PathSegment) -> [u64; 5] {
    [
        s.ect1_to_not_ect_packets,
        s.ect1_to_ect1_packets,
        s.ect1_to_ect0_packets,
        s.ect1_to_ce_packets,
        s.ect1_to_lost_packets,
    ]
}

fn check(name: &str, truth: &Value, joined: &[Joined]) -> Vec<String> {
    let mut bad = Vec::new();
    let flows = truth["flows"].as_array().unwrap();
    let bleach = truth["params"]["bleach"].as_str().unwrap();
    if joined.len() != flows.len() {
        return vec![format!("{name}: {} flows instead of {}", joined.len(), flows.len())];
    }
    let mut flows: Vec<&Value> = flows.iter().collect();
    flows.sort_by_key(|f| f["a_port"].as_u64().max(f["b_port"].as_u64()));
    for (j, f) in joined.iter().zip(flows) {
        for (direction, word, from, to) in [(0, "up", 1, 2), (1, "down", 2, 1)] {
            match j.segments.iter().find(|s| s.direction == direction) {
                Some(s) if (s.from_op, s.to_op) == (from, to) => {
                    let found = differences(s, &f[word], bleach);
                    bad.extend(found.iter().map(|d| format!("{name} {} {word}: {d}", f["a_port"])));
                }
                Some(s) => bad.push(format!("{name} {} {word}: from {} to {}", f["a_port"], s.from_op, s.to_op)),
                None if f[word]["sent"] == 0 => {}
                None => bad.push(format!("{name} {} {word}: no segment", f["a_port"])),
            }
        }
    }
    bad
}

#[test]
fn every_preset_equals_its_truth() {
    let Some(tool) = shared("tools/gen_sce.py") else { return };
    let mut bad = Vec::new();
    for name in presets(&tool) {
        let dir = tempfile::tempdir().unwrap();
        let truth = generate(&tool, dir.path(), &["--preset", &name]);
        for interval_ns in [0, 1_000_000_000, 100_000_000] {
            let joined = correlated(dir.path(), interval_ns, &full());
            bad.extend(check(&format!("{name}/{interval_ns}"), &truth, &joined));
        }
    }
    assert!(bad.is_empty(), "{} differences\n{}", bad.len(), bad[..bad.len().min(40)].join("\n"));
}
