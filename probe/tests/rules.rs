//! `--rule`, `--rules`, `--extract` and `--extractors` of `sce-probe read`, and as keys of the configuration of `run`.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// An Ethernet frame with an IPv4 UDP packet.
fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let (ip_len, udp_len) = (28 + payload.len() as u16, 8 + payload.len() as u16);
    frame.extend([0x45, 0]);
    frame.extend(ip_len.to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 17, 0, 0]);
    frame.extend(from.0.iter().chain(&to.0));
    frame.extend(from.1.to_be_bytes().iter().chain(&to.1.to_be_bytes()).chain(&udp_len.to_be_bytes()).chain(&[0, 0]));
    frame.extend(payload);
    frame
}

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 1, 1];
const C: [u8; 4] = [192, 0, 2, 7];
const PACKETS: u32 = 50;

/// Numbers that reach the capture: 7 and 8 are lost, 20 comes twice, 31 comes after 33.
fn numbers() -> Vec<u32> {
    let mut out: Vec<u32> = (0..PACKETS).filter(|n| ![7, 8, 31].contains(n)).collect();
    out.insert(out.iter().position(|n| *n == 20).unwrap(), 20);
    out.insert(out.iter().position(|n| *n == 33).unwrap() + 1, 31);
    out
}

/// Four flows: iperf 3 on its own port and on another one, RTP, and a program that nobody knows.
fn capture(dir: &Path) -> PathBuf {
    let mut frames = Vec::new();
    for (i, n) in numbers().into_iter().enumerate() {
        let at_us = 1_700_000_000_000_000 + i as u64 * 1000;
        let sent = [((at_us / 1_000_000) as u32).to_be_bytes(), ((at_us % 1_000_000) as u32).to_be_bytes()].concat();
        let iperf3 = [&sent[..], &n.to_be_bytes(), &[0; 20]].concat();
        let rtp =
            [&[0x80, 0][..], &(n as u16).to_be_bytes(), &(n * 160).to_be_bytes(), &[1, 2, 3, 4], &[0; 20]].concat();
        let own = [&[9, 9, 9, 0xca, 0xfe][..], &(n as u16 * 10).to_le_bytes(), &[0; 20]].concat();
        for (from, to, payload) in [
            ((A, 40_000), (B, 5201), &iperf3),
            ((A, 40_001), (B, 9000), &iperf3),
            ((A, 40_002), (B, 6000), &rtp),
            ((C, 40_003), (B, 7000), &own),
        ] {
            frames.push((at_us, udp(from, to, payload)));
        }
    }
    let frames: Vec<(u64, u32, &[u8])> = frames.iter().map(|(at, f)| (*at, f.len() as u32, f.as_slice())).collect();
    let path = dir.join("numbered.pcap");
    std::fs::write(&path, common::pcap(&frames)).unwrap();
    path
}

fn probe(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sce-probe"))
        .args(args)
        .env_remove("SCE_LOG")
        .env_remove("SCE_CONFIG")
        .output()
        .unwrap()
}

fn read(path: &Path, more: &[&str]) -> Value {
    let out = probe(&[&["read", "-o", "json", path.to_str().unwrap()], more].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Destination ports of the flows, sorted.
fn ports(json: &Value) -> Vec<u64> {
    let mut ports: Vec<u64> =
        json["flows"].as_array().unwrap().iter().map(|f| f["responder_port"].as_u64().unwrap()).collect();
    ports.sort_unstable();
    ports
}

/// The data direction of the flow to a port.
fn to(json: &Value, port: u64) -> Value {
    json["flows"].as_array().unwrap().iter().find(|f| f["responder_port"] == port).unwrap()["up"].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

#[test]
fn rules_select_flows_and_the_rest_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = capture(dir.path());
    let all = read(&path, &[]);
    assert_eq!(ports(&all), [5201, 6000, 7000, 9000]);
    assert_eq!(all["capture"]["other_packets"], 0);
    for (rules, want) in [
        (&["10.0.0.0/16 10.0.0.0/16 - [5201,9000] udp"][..], &[5201, 9000][..]),
        (&["- 192.0.2.7 7000 - -"], &[7000]), // named the other way round
        (&["- - - 6000 17", "192.0.2.0/24 - - - udp"], &[6000, 7000]),
        (&["- - - - tcp"], &[]),
    ] {
        let args: Vec<&str> = rules.iter().flat_map(|r| ["--rule", r]).collect();
        let some = read(&path, &args);
        assert_eq!(ports(&some), want, "{rules:?}");
        let others = all["capture"]["ip_packets"].as_u64().unwrap() * (4 - want.len() as u64) / 4;
        assert_eq!(some["capture"]["other_packets"], others, "{rules:?}");
    }
    let file = dir.path().join("rules");
    std::fs::write(&file, "# the testbed\n\n- - - 5201 udp\n- - - 7000 udp # no comment here\n").unwrap();
    let wrong = probe(&["read", path.to_str().unwrap(), "--rules", file.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("line 4: a rule has 5 fields, this one 9"));
    std::fs::write(&file, "# the testbed\n\n- - - 5201 udp\n- - - 7000 udp\n").unwrap();
    assert_eq!(ports(&read(&path, &["--rules", file.to_str().unwrap(), "--rule", "- - - 6000 -"])), [5201, 6000, 7000]);
}

#[test]
fn extractors_count_loss_where_the_number_stands() {
    let dir = tempfile::tempdir().unwrap();
    let path = capture(dir.path());
    let counted = |flow: &Value, profile: &str| {
        assert_eq!(text(&flow["seq_profile_last"]), profile);
        for (name, want) in [
            ("seq_packets", 49),
            ("seq_expected", 50),
            ("seq_unique", 48),
            ("seq_lost", 2),
            ("seq_duplicates", 1),
            ("seq_reordered", 1),
            ("seq_loss_runs", 1),
            ("seq_loss_run_packets_max", 2),
        ] {
            assert_eq!(flow[name].as_u64().unwrap_or(0), want, "{profile} {name}");
        }
    };
    let plain = read(&path, &[]);
    counted(&to(&plain, 5201), "iperf3");
    counted(&to(&plain, 6000), "rtp");
    assert_eq!(text(&to(&plain, 9000)["seq_profile_last"]), "", "not iperf 3's port");
    assert_eq!(text(&to(&plain, 7000)["seq_profile_last"]), "");

    let own = "name=own dport=7000 find=cafe search=10 at=2 width=2 order=little step=10";
    let told = read(&path, &["--extract", "profile=iperf3 dport=9000", "--extract", own]);
    counted(&to(&told, 9000), "iperf3");
    counted(&to(&told, 7000), "own");
    assert!(to(&told, 9000)["ipdv_count"].as_u64().unwrap() > 30, "the profile knows the sender's time");
    counted(&to(&told, 5201), "iperf3");

    let file = dir.path().join("extractors");
    std::fs::write(&file, format!("# ours\n{own}\n")).unwrap();
    counted(&to(&read(&path, &["--extractors", file.to_str().unwrap()]), 7000), "own");
    let wrong = probe(&["read", path.to_str().unwrap(), "--extract", "dport=7000 offset=2"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("unknown key `offset`; keys: name, profile"));
}

#[test]
fn the_configuration_file_has_both() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("probe.toml");
    let run = |text: &str| {
        std::fs::write(&config, text).unwrap();
        let capture = capture(dir.path());
        let spool = dir.path().join("spool");
        let out = probe(&[
            "run",
            "--config",
            config.to_str().unwrap(),
            "--read",
            capture.to_str().unwrap(),
            "--spool",
            spool.to_str().unwrap(),
            "--collector",
            "http://127.0.0.1:1",
            "--drain-timeout",
            "100ms",
        ]);
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned(), spool)
    };
    let (code, said, _) = run("rule = ['- - - 5201 udp', '- - 7 udp']");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("a rule has 5 fields, this one 4"), "{said}");
    let (_, said, spool) = run("rule = ['- - - 5201 udp', '- - - 9000 udp']\nextract = 'profile=iperf3 dport=9000'");
    let (mut spool, _) = sce_probe::spool::Spool::open(
        &spool,
        sce_probe::spool::Limits::default(),
        Box::new(sce_probe::spool::RealDisk),
        "",
        1,
    )
    .unwrap();
    let mut flows = Vec::new();
    let mut seq = 1;
    while let Some(sce_probe::spool::Item::Batch(batch)) = spool.read(1, seq, 1) {
        seq = batch.seq + 1;
        for t in sce_proto::columns::unpack(&batch).unwrap().tables {
            flows.extend(sce_proto::columns::records::<sce_proto::FlowInterval>(&t).unwrap());
        }
    }
    let mut seen: Vec<(u32, &str)> = flows.iter().map(|f| (f.dst_port, f.seq_profile_last.as_str())).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [(5201, "iperf3"), (9000, "iperf3")], "{said}");
}
