//! Faults of every kind that a process or a network can have, into the real programs, while captures are replayed: at the end
//! the database holds the captures' totals, every record once.
//!
//! `SCE_CHAOS_FAULTS` says how many (default 24; `make chaos` takes 1,000). Probe and collector are killed, stopped in the
//! middle of what they do, and cut off from each other; acknowledgements are lost. Corrupted and rolled back spools are in
//! `probe/tests/spool.rs`, crashes of Postgres in `collector/tests/story.rs`.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::{Collector, bin, json, number, run};

const PACKETS: u64 = 30_000;
/// Faults while one capture is replayed.
const EACH: u64 = 12;

/// What is compared with the capture.
const FIELDS: [&str; 5] = ["packets", "ip_bytes", "payload_bytes", "ce_packets", "ect1_packets"];

/// What a connection does with bytes.
const PASS: u8 = 0;
/// Those of the collector are lost: what it acknowledges is not heard.
const DEAF: u8 = 1;
/// Nothing moves: the network is parted.
const PARTED: u8 = 2;

/// A network between probe and collector.
struct Network {
    port: u16,
    mode: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Network {
    fn new(collector: u16) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let network =
            Network { port: listener.local_addr().unwrap().port(), mode: Arc::default(), open: Arc::default() };
        let (mode, open) = (network.mode.clone(), network.open.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", collector)) else { continue };
                open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                let (mode, back) = (mode.clone(), mode.clone());
                let (n, f) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || carry(near, far, &mode, false));
                std::thread::spawn(move || carry(f, n, &back, true));
            }
        });
        network
    }

    /// Closes every connection; bytes that were lost would otherwise be missed in the middle.
    fn cut(&self) {
        for end in self.open.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8, answers: bool) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 {
            break;
        }
        while mode.load(Relaxed) == PARTED {
            std::thread::sleep(Duration::from_millis(5));
        }
        if answers && mode.load(Relaxed) == DEAF {
            continue;
        }
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// SplitMix64 with a fixed seed: the same faults in every run; the moments are the machine's.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)) % n
    }
}

fn sum(flows: &Value, field: &str) -> u64 {
    let flows = flows.as_array().unwrap();
    flows.iter().map(|f| f["up"][field].as_u64().unwrap_or(0) + f["down"][field].as_u64().unwrap_or(0)).sum()
}

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
    let faults: u64 = std::env::var("SCE_CHAOS_FAULTS").map_or(24, |n| n.parse().unwrap());
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
    while done.values().sum::<u64>() < faults {
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
                    network.mode.store(DEAF, Relaxed);
                    std::thread::sleep(time);
                    network.cut();
                    network.mode.store(PASS, Relaxed);
                    "acknowledgements lost"
                }
                _ => {
                    network.mode.store(PARTED, Relaxed);
                    std::thread::sleep(time);
                    network.cut();
                    network.mode.store(PASS, Relaxed);
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
