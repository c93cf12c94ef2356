//! `sce-probe run` without a collector: its configuration, its errors, and replays that are killed.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use sce_probe::spool::{Item, Limits, RealDisk, Spool};
use sce_proto::{FlowInterval, LossReport, ObservationPoint, PathMarks, ProbeInterval, Record, columns};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sce-probe"));
    command.args(args);
    for variable in ["SCE_COLLECTOR", "SCE_NAME", "SCE_SPOOL", "SCE_RUN", "SCE_INTERFACE", "SCE_CONFIG", "SCE_LOG"] {
        command.env_remove(variable);
    }
    command
}

fn fails(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing: {said}");
    }
}

#[test]
fn every_mistake_has_its_line_and_its_code() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let run = |args: &[&str]| command(&[&["run"], args].concat()).output().unwrap();
    fails(
        &run(&["--config", &file("a.toml", "intreface = ['lo']")]),
        2,
        &["intreface", "did you mean `interface`?", "a.toml"],
    );
    fails(&run(&["--config", &file("b.toml", "interface = [")]), 2, &["b.toml"]);
    fails(&run(&["--config", &file("c.toml", "no-promiscuous = 'yes'\ninterface = 'lo'")]), 2, &["true or false"]);
    fails(&run(&["--config", &file("d.toml", "interval = 'soon'\ninterface = 'lo'")]), 2, &["not a duration"]);
    fails(&run(&["--config", "/no/such/file.toml"]), 2, &["/no/such/file.toml", "No such file"]);
    fails(&run(&[]), 2, &["--interface"]);
    fails(&run(&["-i", "nope7"]), 5, &["no interface nope7", "lo"]);
    fails(&run(&["-i", "lo", "--collector", "ftp://x"]), 2, &["http://HOST:PORT"]);
    fails(&run(&["--read", "/no/such/capture"]), 3, &["/no/such/capture"]);
    fails(&run(&["--read", "-", "--filter", "tcp and and"]), 6, &["tcp and and"]);
    // A directory that holds other things is left alone.
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("notes.txt"), "mine").unwrap();
    let spool = home.path().to_str().unwrap();
    let capture = dir.path().join("x.pcap");
    std::fs::write(&capture, common::pcap(&[])).unwrap();
    fails(&run(&["--read", capture.to_str().unwrap(), "--spool", spool]), 7, &["neither empty nor a spool"]);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
}

/// The records of a spool by table, as they came, loss reports apart.
#[derive(Debug, Default, PartialEq)]
struct Content {
    flows: Vec<FlowInterval>,
    probe: Vec<ProbeInterval>,
    points: Vec<ObservationPoint>,
    marks: Vec<PathMarks>,
    losses: Vec<LossReport>,
}

fn content(dir: &Path) -> Content {
    let (mut spool, recovery) = Spool::open(dir, Limits::default(), Box::new(RealDisk), "", 1).unwrap();
    assert!(recovery.foreign.is_empty());
    let mut out = Content::default();
    for lane in 0..3 {
        let mut seq = 1;
        while let Some(item) = spool.read(lane, seq, 1) {
            let Item::Batch(batch) = item else { panic!("a gap: {item:?}") };
            seq = batch.seq + 1;
            for t in columns::unpack(&batch).unwrap().tables {
                match t.name.as_str() {
                    FlowInterval::TABLE => out.flows.extend(columns::records::<FlowInterval>(&t).unwrap()),
                    ProbeInterval::TABLE => out.probe.extend(columns::records::<ProbeInterval>(&t).unwrap()),
                    ObservationPoint::TABLE => out.points.extend(columns::records::<ObservationPoint>(&t).unwrap()),
                    PathMarks::TABLE => out.marks.extend(columns::records::<PathMarks>(&t).unwrap()),
                    LossReport::TABLE => out.losses.extend(columns::records::<LossReport>(&t).unwrap()),
                    other => panic!("unexpected {other}"),
                }
            }
        }
    }
    out
}

/// Many small UDP flows over a minute, so that a replay has something to do.
fn capture(path: &Path) {
    let frames: Vec<(u64, Vec<u8>)> = (0..60_000u64)
        .map(|i| {
            let mut f = vec![0; 12];
            f.extend([8, 0, 0x45, 2, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, (i % 50) as u8, 10, 0, 0, 200]);
            f.extend([1, (i % 7) as u8, 2, 0, 0, 10, 0, 0, 1, 2]);
            (1_000_000_000 + i * 1000, f)
        })
        .collect();
    let frames: Vec<(u64, u32, &[u8])> = frames.iter().map(|(t, f)| (*t, 44, &f[..])).collect();
    std::fs::write(path, common::pcap(&frames)).unwrap();
}

#[test]
fn a_replay_that_is_killed_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("many.pcap");
    capture(&file);
    // Nobody listens at port 1: everything stays in the spool.
    let start = |spool: &Path| -> Child {
        command(&["run", "--name", "killed", "--interval", "100ms", "--collector", "http://127.0.0.1:1"])
            .args(["--drain-timeout", "100ms", "--run", "x"])
            .arg("--read")
            .arg(&file)
            .arg("--spool")
            .arg(spool)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let whole = dir.path().join("whole");
    fails(&start(&whole).wait_with_output().unwrap(), 8, &["wait in", "goes on where"]);
    let want = content(&whole);
    assert_eq!(want.flows.iter().map(|f| f.packets).sum::<u64>(), 60_000);
    assert!(want.flows.len() > 10_000 && want.points.len() > 1 && !want.marks.is_empty());

    let killed = dir.path().join("killed");
    let mut kills = 0;
    for after_ms in (10..400).step_by(30) {
        let mut child = start(&killed);
        std::thread::sleep(Duration::from_millis(after_ms));
        child.kill().unwrap();
        kills += usize::from(child.wait().unwrap().code().is_none());
    }
    assert!(kills > 3, "only {kills} of the replays were killed before their end");
    fails(&start(&killed).wait_with_output().unwrap(), 8, &[]);
    assert_eq!(content(&killed), want, "after {kills} kills");

    // The note about the replay stands twice in its file: one damaged copy is mended, two are told.
    let note = whole.join("replay.toml");
    let damage = |at: usize| {
        let mut bytes = std::fs::read(&note).unwrap();
        bytes[at] ^= 4;
        std::fs::write(&note, bytes).unwrap();
    };
    let half = std::fs::metadata(&note).unwrap().len() as usize / 2;
    for at in [3, half + 3, 3] {
        damage(at);
        fails(&start(&whole).wait_with_output().unwrap(), 8, &[]);
    }
    assert_eq!(content(&whole), want, "nothing was read twice");
    damage(3);
    damage(half + 3);
    fails(&start(&whole).wait_with_output().unwrap(), 7, &["replay.toml", "damaged", "remove"]);
}
