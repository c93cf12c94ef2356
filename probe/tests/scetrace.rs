//! `sce-probe read -o scetrace` against what scetrace itself printed, where scetrace is right.
//!
//! Left out, because scetrace is wrong there (its own source or a crafted capture shows it): duplicate ACKs (every ACK that
//! repeats a number counts, also with data), SACKed bytes (summed again with every duplicate), retransmissions and data
//! segments over IPv6 (the TCP header counts as payload), RTTs (no Karn, last TSval), flows with resets (not counted at all),
//! and jumps of 2^32 in acknowledged bytes.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::collections::HashMap;
use std::process::Command;

use serde_json::Value;

fn key(flow: &Value, turned: bool) -> String {
    let (a, b) = (format!("{} {}", flow["SrcIP"], flow["SrcPort"]), format!("{} {}", flow["DstIP"], flow["DstPort"]));
    if turned { format!("{b} {a}") } else { format!("{a} {b}") }
}

#[test]
fn it_agrees_with_scetrace_where_scetrace_is_right() {
    let Some(dir) = common::captures() else { return };
    let (mut compared, mut names) = (0, None::<Vec<String>>);
    for entry in std::fs::read_dir(dir.join("expected/scetrace")).unwrap() {
        let golden = entry.unwrap().path();
        let name = golden.file_name().unwrap().to_str().unwrap().trim_end_matches(".json").to_owned();
        let capture = dir.join("open").join(&name);
        if !golden.is_file() || !capture.is_file() {
            continue;
        }
        let want: Value = serde_json::from_str(&std::fs::read_to_string(&golden).unwrap()).unwrap();
        let out = Command::new(env!("CARGO_BIN_EXE_sce-probe"))
            .args(["read", "--outermost", "-o", "scetrace"])
            .arg(&capture)
            .output()
            .unwrap();
        let got: Value = serde_json::from_slice(&out.stdout).unwrap();
        let mut flows: HashMap<String, Vec<&Value>> = HashMap::new();
        for flow in got["TCP"].as_array().unwrap() {
            flows.entry(key(flow, false)).or_default().push(flow);
        }
        for theirs in want["TCP"].as_array().into_iter().flatten() {
            let turned = !flows.contains_key(&key(theirs, false));
            // Several connections on the same ports are one flow to scetrace.
            let Some([ours]) = flows.get(&key(theirs, turned)).map(Vec::as_slice) else { continue };
            names.get_or_insert_with(|| theirs["Up"].as_object().unwrap().keys().cloned().collect());
            for (side, other) in [("Up", "Down"), ("Down", "Up")] {
                let (theirs, ours) = (&theirs[side], &ours[if turned { other } else { side }]);
                let what = format!("{name} {} {side}", key(ours, false));
                assert_eq!(
                    ours.as_object().unwrap().keys().collect::<Vec<_>>(),
                    theirs.as_object().unwrap().keys().collect::<Vec<_>>()
                );
                for field in ["CE", "SCE", "ECE", "CWR", "Segments", "FirstAckTime"] {
                    assert_eq!(ours[field], theirs[field], "{what} {field}");
                }
                let v4 = !capture_is_v6(&want);
                if v4 {
                    assert_eq!(ours["DataSegments"], theirs["DataSegments"], "{what} DataSegments");
                }
                let acked = theirs["AckedBytes"].as_u64().unwrap();
                if acked < 1 << 31 && theirs["SackedBytes"] == 0 && ours["Acks"] == theirs["Acks"] {
                    assert_eq!(ours["AckedBytes"], theirs["AckedBytes"], "{what} AckedBytes");
                    assert_eq!(ours["ESCEAckedBytes"], theirs["ESCEAckedBytes"], "{what} ESCEAckedBytes");
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 1500, "only {compared} directions were compared");
    assert!(names.unwrap().contains(&"TSValRTT".to_owned()));
}

fn capture_is_v6(golden: &Value) -> bool {
    golden["TCP"].as_array().into_iter().flatten().any(|f| f["SrcIP"].as_str().unwrap_or_default().contains(':'))
}
