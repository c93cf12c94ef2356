//! Every preset of the trace generator: two captures through the meter and the correlation, against the generator's truth.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::path::Path;
use std::process::Command;

use sce_collector::correlate::{Joined, Options};
use sce_meter::{Gso, MarksConfig, MarksMode};
use sce_proto::{Feedback, PathSegment};
use serde_json::Value;
use support::{Captured, correlate, file_point, metered, read_pcap, shared, sightings};

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

/// The joined flow of the generator's first flow: `joined` is sorted by port, as the truth is not.
fn first<'j>(truth: &Value, joined: &'j [Joined]) -> &'j Joined {
    let ports: Vec<u64> = truth["flows"].as_array().unwrap().iter().map(port_of).collect();
    &joined[ports.iter().filter(|p| **p < ports[0]).count()]
}

fn port_of(flow: &Value) -> u64 {
    flow["a_port"].as_u64().max(flow["b_port"].as_u64()).unwrap()
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
    flows.sort_by_key(|f| port_of(f));
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

/// (kind, verdict, signals received) of the data direction of the first flow; received = said = heard.
fn expected(preset: &str, truth: &Value) -> Vec<(&'static str, &'static str, Option<u64>)> {
    let f = &truth["flows"][0];
    let t = |name: &str| f["feedback"][name].as_u64();
    let marked = |name: &str| f["up"][name].as_u64();
    match preset {
        "sce_bleached_ect1" | "ecn_bleached_all" | "ecn_bleached_ce" => vec![("classic", "nothing_to_say", Some(0))],
        "classic_ce" => vec![("classic", "complete", None)],
        "no_ecn_loss" => vec![("none", "not_negotiated", Some(0))],
        "accecn_ae_stripped" => vec![("classic", "downgraded", None)],
        p if p.starts_with("accecn") || p == "l4s_heavy" => vec![("accecn", "complete", t("ce_received"))],
        p if p.starts_with("udp") || p.starts_with("icmp") => vec![],
        _ if marked("ce_marked_by_path") > Some(0) => {
            vec![("sce", "complete", t("ect1_bytes_received")), ("classic", "complete", None)]
        }
        _ => vec![("sce", "complete", t("ect1_bytes_received"))],
    }
}

#[test]
fn every_verdict_is_right() {
    let Some(tool) = shared("tools/gen_sce.py") else { return };
    for name in presets(&tool) {
        let dir = tempfile::tempdir().unwrap();
        let truth = generate(&tool, dir.path(), &["--preset", &name]);
        let joined = correlated(dir.path(), 1_000_000_000, &full());
        let want = expected(&name, &truth);
        let got: Vec<_> = first(&truth, &joined).feedback.iter().collect();
        assert_eq!(got.len(), want.len(), "{name}: {got:?}");
        for (f, (kind, verdict, received)) in got.iter().zip(want) {
            assert_eq!((f.kind.as_str(), f.verdict.as_str(), f.direction), (kind, verdict, 0), "{name}: {}", f.text);
            assert_eq!(f.said_signals, f.received_signals, "{name}: {}", f.text);
            assert_eq!(f.heard_signals, f.received_signals, "{name}: {}", f.text);
            if let Some(received) = received {
                assert_eq!(f.received_signals, received, "{name}: {}", f.text);
            }
            assert!(f.lag_count == 0 || f.lag_ns_p50 <= 40_000_000, "{name}: lag {}", f.lag_ns_p50);
        }
    }
}

/// TCP header of an Ethernet frame with IPv4.
const TCP: usize = 14 + 20;
const PORT: [u8; 2] = 5201u16.to_be_bytes();

/// What a middlebox or a lazy receiver would do to the acknowledgements of a capture.
fn tamper(frames: &mut Vec<Captured>, mut f: impl FnMut(&mut Captured) -> bool) {
    frames.retain_mut(|c| {
        let is_ack = c.data[TCP..TCP + 2] == PORT && c.data[TCP + 13] & 2 == 0;
        !is_ack || f(c)
    });
}

fn verdict_after(name: &str, change: impl Fn(&mut Vec<Captured>, &mut Vec<Captured>)) -> (String, Feedback) {
    let tool = shared("tools/gen_sce.py").unwrap();
    let dir = tempfile::tempdir().unwrap();
    generate(&tool, dir.path(), &["--preset", name]);
    let mut sender = read_pcap(&dir.path().join("sender.pcap"));
    let mut receiver = read_pcap(&dir.path().join("receiver.pcap"));
    change(&mut sender, &mut receiver);
    let mut all = sightings(&metered(1, &sender, 1_000_000_000, &full()));
    all.extend(sightings(&metered(2, &receiver, 1_000_000_000, &full())));
    let joined = correlate(&[file_point(1), file_point(2)], &all, &Options::default());
    let f = joined[0].feedback[0].clone();
    (f.verdict.clone(), f)
}

#[test]
fn dishonest_receivers_and_lossy_return_paths_are_told_apart() {
    if shared("tools/gen_sce.py").is_none() {
        return;
    }
    let clear = |c: &mut Captured| {
        c.data[TCP + 12] &= !1;
        true
    };
    let (verdict, f) = verdict_after("sce_basic", |s, r| {
        tamper(s, clear);
        tamper(r, clear);
    });
    assert_eq!(
        (verdict.as_str(), f.said_signals, f.receiver_error_ppm),
        ("receiver_silent", 0, -1_000_000),
        "{}",
        f.text
    );
    // A receiver that echoes every other mark: the same segments in both captures.
    let (verdict, f) = verdict_after("sce_basic", |s, r| {
        for frames in [s, r] {
            let mut n = 0;
            tamper(frames, |c| {
                if c.data[TCP + 12] & 1 != 0 {
                    n += 1;
                    if n % 2 == 0 {
                        clear(c);
                    }
                }
                true
            });
        }
    });
    assert_eq!((verdict.as_str(), f.said_signals), ("receiver_partial", 30_000), "{}", f.text);
    let (verdict, f) = verdict_after("sce_basic", |s, _| tamper(s, clear));
    assert_eq!((verdict.as_str(), f.acks_stripped, f.heard_signals), ("return_stripped", 120, 0), "{}", f.text);
    let (verdict, f) = verdict_after("sce_basic", |s, _| tamper(s, |c| c.data[TCP + 12] & 1 == 0));
    assert_eq!((verdict.as_str(), f.acks_lost), ("return_lost", 120), "{}", f.text);
    let (verdict, f) = verdict_after("accecn_wrap", |s, _| tamper(s, clear));
    assert_eq!(verdict, "return_stripped", "{}", f.text);
}

#[test]
fn many_flows_at_once_equal_their_truth() {
    let Some(tool) = shared("tools/gen_sce.py") else { return };
    let cases: [&[&str]; 2] = [
        &["--flows", "500", "--packets", "12", "--sce", "3", "--loss", "1", "--dup", "1", "--v6", "2"],
        &["--preset", "many_flows_mixed", "--flows", "500", "--offset-ns", "-9000000"],
    ];
    for arguments in cases {
        let dir = tempfile::tempdir().unwrap();
        let truth = generate(&tool, dir.path(), arguments);
        let joined = correlated(dir.path(), 1_000_000_000, &full());
        let bad = check("500", &truth, &joined);
        assert!(bad.is_empty(), "{arguments:?}: {} differences\n{}", bad.len(), bad[..bad.len().min(20)].join("\n"));
    }
}

/// Merges neighbouring segments of the receiver's capture as receive offload would: same flow, in sequence, same ECN,
/// acknowledgement and timestamps.
fn merge_as_gro(frames: Vec<Captured>) -> Vec<Captured> {
    const SIZE: usize = 500;
    let header = |c: &Captured| TCP + usize::from(c.data[TCP + 12] >> 4) * 4;
    let word = |c: &Captured, at: usize| u32::from_be_bytes(c.data[at..at + 4].try_into().unwrap());
    let mut out: Vec<Captured> = Vec::new();
    for c in frames {
        let payload = c.data.len() - header(&c);
        // Acknowledgements of the other direction do not stand in the way.
        let recent = out.iter_mut().rev().take(16);
        let last = recent.into_iter().find(|l| l.data[TCP..TCP + 4] == c.data[TCP..TCP + 4]);
        if let Some(last) = last
            && payload == SIZE
            && (last.data.len() - header(last)) % SIZE == 0
            && last.data.len() > header(last)
            && last.data.len() < 20_000
            && last.data[14 + 1] == c.data[14 + 1]
            && word(last, TCP + 8) == word(&c, TCP + 8)
            && last.data[TCP + 12..TCP + 14] == c.data[TCP + 12..TCP + 14]
            && last.data[TCP + 20..header(last)] == c.data[TCP + 20..header(&c)]
            && word(last, TCP + 4).wrapping_add((last.data.len() - header(last)) as u32) == word(&c, TCP + 4)
        {
            last.data.extend_from_slice(&c.data[header(&c)..]);
            last.wire_len = last.data.len() as u32;
            let length = (last.data.len() - 14) as u16;
            last.data[16..18].copy_from_slice(&length.to_be_bytes());
            let segs = ((last.data.len() - header(last)) / SIZE) as u16;
            last.gso = Some(Gso { size: SIZE as u16, segs });
            last.time_ns = c.time_ns;
            continue;
        }
        out.push(c);
    }
    out
}

#[test]
fn receive_offload_on_one_side_changes_no_count() {
    let Some(tool) = shared("tools/gen_sce.py") else { return };
    // Packets close together and acknowledged rarely, so that there is something to merge.
    let base =
        ["--packets", "2000", "--interval-us", "20", "--ack-every", "8", "--sce", "300", "--ce", "20", "--loss", "15"];
    for extra in [["--dup", "0"], ["--reorder", "10"]] {
        let dir = tempfile::tempdir().unwrap();
        let truth = generate(&tool, dir.path(), &[&base[..], &extra[..]].concat());
        let frames = read_pcap(&dir.path().join("receiver.pcap"));
        let before = frames.len();
        let merged = merge_as_gro(frames);
        assert!(merged.len() * 10 < before * 9, "{} of {before} frames are left", merged.len());
        let mut all = sightings(&metered(1, &read_pcap(&dir.path().join("sender.pcap")), 1_000_000_000, &full()));
        all.extend(sightings(&metered(2, &merged, 1_000_000_000, &full())));
        let joined = correlate(&[file_point(1), file_point(2)], &all, &Options::default());
        let bad = check("gro", &truth, &joined);
        // Merged packets have one time stamp: the last one's.
        let bad: Vec<_> = bad.into_iter().filter(|b| !b.contains("delay")).collect();
        assert!(bad.is_empty(), "{bad:?}");
    }
}
