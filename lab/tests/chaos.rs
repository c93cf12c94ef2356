//! Faults of every kind that a process or a network can have, into the real programs, while captures are replayed: at the end
//! the database holds the captures' totals, every record once.
//!
//! The short form, for every change: probe and collector are killed, stopped in the middle of what they do, and cut off from
//! each other; acknowledgements are lost. Every kind of fault, and many more of them, is in `faults.rs`.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::network::{DEAF, Network, PARTED};
use support::{Collector, Random, bin, json, number, run, sum};

const PACKETS: u64 = 30_000;
const FAULTS: u64 = 24;
/// Faults while one capture is replayed.
const EACH: u64 = 12;

/// What is compared with the capture.
const FIELDS: [&str; 5] = ["packets", "ip_bytes", "payload_bytes", "ce_packets", "ect1_packets"];

fn probe(network: &Network, name: &str, file: &Path, spool: &Path) -> Child {
    Command::new(bin("sce-probe"))
        .args(["run", "--name", name, "--run", name, "--interval", "100ms", "--collector"])
        .arg(format!("http://127.0.0.1:{}", network.port))
        .arg("--spool")
        .arg(spool)
        .arg("--read")
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Stops a process for a while, as a busy machine or a suspended one does.
fn freeze(pid: u32, time: Duration) {
    let pid = Pid::from_raw(pid.cast_signed());
    if kill(pid, Signal::SIGSTOP).is_ok() {
        std::thread::sleep(time);
        let _ = kill(pid, Signal::SIGCONT);
    }
}

#[test]
fn whatever_fails_nothing_is_lost_or_doubled_unsaid() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("many.pcap");
    run(Command::new(bin("sce-bench")).args(["gen", "many"]).arg(&file).args(["--packets", &PACKETS.to_string()]));
    let read = json(Command::new(bin("sce-probe")).arg("read").arg(&file).args(["-o", "json"]));
    let mut collector = Collector::start(dir.path());
    let network = Network::new(collector.url().rsplit(':').next().unwrap().parse().unwrap());
    let columns: Vec<String> = FIELDS.iter().flat_map(|f| [format!("up.{f}"), format!("down.{f}")]).collect();
    let columns = columns.join(",");
    let (mut random, mut done) = (Random(23), BTreeMap::<&str, u64>::new());
    let mut replay = 0;
    while done.values().sum::<u64>() < FAULTS {
        let name = format!("chaos-{replay}");
        let spool = dir.path().join(&name);
        let (begun, mut here) = (Instant::now(), 0);
        let mut child = probe(&network, &name, &file, &spool);
        loop {
            assert!(begun.elapsed() < Duration::from_secs(300), "{name} does not finish");
            std::thread::sleep(Duration::from_millis(20 + random.below(150)));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{name}: {status}");
                break;
            }
            if here == EACH {
                continue;
            }
            here += 1;
            let time = Duration::from_millis(random.below(400));
            // Each kind as often as the others.
            let fault = match done.values().sum::<u64>() % 6 {
                0 => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    // It may have come to its end: the same command once more would be another replay.
                    if spool.join("replayed.toml").exists() {
                        *done.entry("probe killed").or_default() += 1;
                        break;
                    }
                    child = probe(&network, &name, &file, &spool);
                    "probe killed"
                }
                1 => {
                    collector.kill();
                    collector.restart();
                    "collector killed"
                }
                2 => {
                    freeze(child.id(), time);
                    "probe frozen"
                }
                3 => {
                    freeze(collector.id(), time);
                    "collector frozen"
                }
                4 => {
                    network.trouble(DEAF, time);
                    "acknowledgements lost"
                }
                _ => {
                    network.trouble(PARTED, time);
                    "network parted"
                }
            };
            *done.entry(fault).or_default() += 1;
        }
        let flows = collector.ask(&["flows", "--run", &name, "--columns", &columns]);
        for field in FIELDS {
            assert_eq!(sum(&flows, field), sum(&read["flows"], field), "{field} of {name} after {done:?}");
        }
        replay += 1;
    }
    let lost = collector.ask(&["loss"]);
    assert_eq!(lost.as_array().unwrap().len(), 0, "a file is there to be read again: nothing of it need be lost");
    for row in collector.ask(&["audit"]).as_array().unwrap() {
        assert_eq!((number(row, "captured"), row["balanced"].as_bool()), (PACKETS, Some(true)), "{row:#}");
    }
    let last = Instant::now();
    let fresh = dir.path().join("fresh.pcap");
    run(Command::new(bin("sce-bench")).args(["gen", "few"]).arg(&fresh).args(["--packets", "100"]));
    assert!(probe(&network, "fresh", &fresh, &dir.path().join("fresh")).wait().unwrap().success());
    assert_eq!(sum(&collector.ask(&["flows", "--run", "fresh"]), "packets"), 100);
    println!("{done:?} in {replay} replays; a fresh flow after {:.1} s", last.elapsed().as_secs_f64());
}
