//! `sce-probe read` as its users run it: the numbers, the forms of output, the exit codes.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn probe(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sce-probe")).args(args).env_remove("SCE_LOG").output().unwrap()
}

fn read(path: &Path, more: &[&str]) -> (Value, Output) {
    let args = [&["read", "-o", "json", path.to_str().unwrap()], more].concat();
    let out = probe(&args);
    let json = serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{}: {e}: {}", path.display(), String::from_utf8_lossy(&out.stdout)));
    (json, out)
}

/// Numbers by endpoints and sender, so that orientation and instances do not matter.
type Sums = BTreeMap<(String, String, String), BTreeMap<&'static str, u64>>;

const FIELDS: [&str; 16] = [
    "packets",
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
    "tcp_ece",
    "tcp_cwr",
    "tcp_ae",
    "first_ns",
    "last_ns",
];

fn ours(json: &Value) -> Sums {
    let mut out = Sums::new();
    for flow in json["flows"].as_array().unwrap() {
        let end =
            |who: &str| format!("{} {}", flow[format!("{who}_ip")].as_str().unwrap(), flow[format!("{who}_port")]);
        let (initiator, responder) = (end("initiator"), end("responder"));
        for (side, from, to) in [("up", &initiator, &responder), ("down", &responder, &initiator)] {
            if flow[side]["packets"] == 0 {
                continue;
            }
            let key = (flow["ip_proto"].to_string(), from.clone(), to.clone());
            let sums = out.entry(key).or_default();
            for name in FIELDS {
                let value = flow[side][name].as_u64().unwrap_or_else(|| panic!("{name} is missing"));
                let sum = sums.entry(name).or_insert(if name == "first_ns" { u64::MAX } else { 0 });
                match name {
                    "first_ns" => *sum = (*sum).min(value),
                    "last_ns" => *sum = (*sum).max(value),
                    _ => *sum += value,
                }
            }
        }
    }
    out
}

fn oracle(json: &Value) -> BTreeMap<(String, String, String), Value> {
    let mut out = BTreeMap::new();
    for flow in json["flows"].as_array().unwrap() {
        let ip = |v: &Value| v.as_str().unwrap().parse::<std::net::IpAddr>().unwrap().to_string();
        let (a, b) =
            (format!("{} {}", ip(&flow["a"]), flow["a_port"]), format!("{} {}", ip(&flow["b"]), flow["b_port"]));
        for (side, from, to) in [("fwd", &a, &b), ("rev", &b, &a)] {
            if flow[side]["packets"] != 0 {
                out.insert((flow["proto"].to_string(), from.clone(), to.clone()), flow[side].clone());
            }
        }
    }
    out
}

#[test]
fn numbers_of_every_capture_are_the_oracle_s() {
    for (path, want) in common::with_oracle() {
        let name = path.display();
        let (json, out) = read(&path, &["--outermost"]);
        let (capture, totals) = (&json["capture"], &want["totals"]);
        for key in ["packets", "ip_packets", "non_ip", "undecodable"] {
            assert_eq!(capture[key], totals[key], "{name}: {key}");
        }
        let damaged = want["capture"]["read_error"].is_string();
        assert_eq!(capture["error"].is_string(), damaged, "{name}: {}", capture["error"]);
        assert_eq!(out.status.code(), Some(if damaged { 3 } else { 0 }), "{name}");
        let (got, want) = (ours(&json), oracle(&want));
        assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{name}: flows");
        for (key, got) in &got {
            let want = &want[key];
            for (ours, theirs) in [("packets", "packets"), ("ip_bytes", "ip_bytes"), ("payload_bytes", "payload_bytes")]
            {
                assert_eq!(got[ours], want[theirs].as_u64().unwrap(), "{name}: {key:?} {ours}");
            }
            for class in ["not_ect", "ect1", "ect0", "ce"] {
                let ours = got[format!("{class}_packets").as_str()];
                assert_eq!(ours, want["ecn"][class].as_u64().unwrap(), "{name}: {key:?} {class}");
            }
            if key.0 == "6" {
                for flag in ["fin", "syn", "rst", "ece", "cwr", "ae"] {
                    let ours = got[format!("tcp_{flag}").as_str()];
                    assert_eq!(ours, want["tcp"][flag].as_u64().unwrap(), "{name}: {key:?} {flag}");
                }
                assert_eq!(got["data_segments"], want["tcp"]["data_segments"].as_u64().unwrap(), "{name}: {key:?}");
            }
        }
    }
}

#[test]
fn cutting_intervals_changes_no_sum() {
    let Some(dir) = common::captures() else { return };
    for file in ["l4s-accecn-bulk__prague_dualpi2_wifi.p1-16000.pcap", "tcp-bulk__vnc.pcap", "rtp__h266.pcap"] {
        let path = dir.join("open").join(file);
        let whole = read(&path, &[]).0;
        for interval in ["100ms", "1s", "10s"] {
            let cut = read(&path, &["--interval", interval]).0;
            assert_eq!(ours(&whole), ours(&cut), "{file} at {interval}");
            assert_eq!(whole["capture"], cut["capture"], "{file} at {interval}");
        }
    }
}

fn udp(n: u8) -> Vec<u8> {
    let mut f = vec![0; 12];
    f.extend([8, 0, 0x45, 2, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    f.extend([1, 0, 2, n, 0, 10, 0, 0, 1, 2]);
    f
}

#[test]
fn every_form_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one, with comma.pcap"), dir.path().join("two.pcap"));
    let (a, b) = (udp(1), udp(2));
    std::fs::write(&one, common::pcap(&[(1_000_000, 44, &a), (2_500_000, 44, &a), (2_600_000, 44, &b)])).unwrap();
    std::fs::write(&two, common::pcap(&[(9_000_000, 44, &a)])).unwrap();
    let files = [one.to_str().unwrap(), two.to_str().unwrap()];
    let run = |args: &[&str]| {
        let out = probe(&[&["read"], args, &files[..]].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&run(&["-o", "json"])).unwrap();
    assert_eq!(json["capture"]["packets"], 4);
    assert_eq!(json["capture"]["first_ns"], 1_000_000_000u64);
    assert_eq!(json["capture"]["files"][1]["packets"], 1);
    assert_eq!(json["flows"].as_array().unwrap().len(), 3, "the same flow in two files is listed for each");
    let first = json["flows"].as_array().unwrap().iter().find(|f| f["up"]["packets"] == 2).unwrap();
    assert_eq!(
        (&first["proto"], &first["initiator_ip"], &first["responder_port"]),
        (&"udp".into(), &"10.0.0.1".into(), &513.into())
    );
    assert_eq!((&first["up"]["ect0_packets"], &first["down"]["packets"]), (&2.into(), &0.into()));

    let lines: Vec<Value> =
        run(&["-o", "ndjson", "--interval", "1s"]).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 4, "one line for each flow and interval");
    assert_eq!(lines[0]["start_ns"], 1_000_000_000u64);
    assert_eq!(lines.iter().map(|l| l["packets"].as_u64().unwrap()).sum::<u64>(), 4);

    let csv = run(&["-o", "csv"]);
    let mut rows = csv.lines();
    let columns = rows.next().unwrap().split(',').count();
    let row = rows.next().unwrap();
    assert!(row.starts_with('"'), "a comma in a name is quoted: {row}");
    assert_eq!(row.split(',').count(), columns + 1);

    let table = run(&["--output", "wide"]);
    assert!(table.contains("10.0.0.1:256") && table.contains("3 flows; 4 packets"), "{table}");
    assert_eq!(run(&["--filter", "udp port 514"]).lines().count(), 4, "heading, one flow, two lines below");
}

#[test]
fn standard_input_and_what_goes_wrong() {
    let frame = udp(1);
    let bytes = common::pcap(&[(1, 44, &frame)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_sce-probe"))
        .args(["read", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let out = child.wait_with_output().unwrap();
    let json: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["flows"][0]["up"]["ip_bytes"], 30);

    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.pcap");
    std::fs::write(&cut, [&bytes[..], &[1, 2, 3]].concat()).unwrap();
    let (json, out) = read(&cut, &[]);
    assert_eq!((json["capture"]["packets"].as_u64(), out.status.code()), (Some(1), Some(3)));
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("cut.pcap") && said.contains("cut short") && said.contains("1 packets"), "{said}");

    for (args, code, words) in [
        (&["read", "/no/such/file", "-o", "json"][..], 3, "No such file"),
        (&["read", cut.to_str().unwrap(), "-f", "tcp and and"], 6, "filter"),
        (&["read", cut.to_str().unwrap(), "--interval", "soon"], 2, "not a duration"),
        (&["read"], 2, "required"),
    ] {
        let out = probe(args);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn reading_shows_rate_and_time_left_on_a_terminal_only() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("large.pcap");
    // One UDP packet of 60 bytes a million times, a microsecond apart.
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0];
    frame.extend([10, 0, 0, 1, 10, 0, 0, 2, 0x10, 0, 0x20, 0, 0, 26, 0, 0]);
    frame.resize(60, 0);
    let mut text = [0xa1b2_c3d4_u32.to_le_bytes(), [2, 0, 4, 0], [0; 4], [0; 4], [0, 0, 4, 0], [1, 0, 0, 0]].concat();
    for i in 0..1_000_000_u32 {
        [1_800_000_000, i, 60, 60].iter().for_each(|w: &u32| text.extend(w.to_le_bytes()));
        text.extend(&frame);
    }
    std::fs::write(&file, text).unwrap();
    let command = format!("{} read {} -o csv", env!("CARGO_BIN_EXE_sce-probe"), file.display());
    // util-linux `script` makes the pseudo-terminal; the rows go to a file.
    let seen = Command::new("script")
        .args(["-qec", &format!("{command} > {}", dir.path().join("rows.csv").display()), "/dev/null"])
        .output()
        .unwrap();
    let seen = String::from_utf8(seen.stdout).unwrap();
    assert!(seen.contains("large.pcap: ") && seen.contains(" of 76.0 MB, "), "{seen}");
    assert!(seen.contains(" MB per second, ") && seen.contains(" % done, ") && seen.contains(" left"), "{seen}");
    assert!(seen.ends_with("\r\u{1b}[K"), "the line goes away: {seen:?}");
    let unseen = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(unseen.stderr.is_empty(), "{}", String::from_utf8_lossy(&unseen.stderr));
}
