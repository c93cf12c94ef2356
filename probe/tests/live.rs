//! Live capture in a network namespace of its own: needs root; says so and passes without, fails where CI is set.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sce_probe::spool::{Item, Limits, RealDisk, Spool};
use sce_proto::{FlowInterval, ObservationPoint, ProbeInterval, Record, columns};

/// A namespace with a veth pair whose other end lies in a second one.
struct Net(String);

impl Net {
    fn new() -> Option<Net> {
        // Tests of this file run at the same time.
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let net = Net(format!("sceprobe{}n{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)));
        let ok = Command::new("ip").args(["netns", "add", &net.0]).stderr(Stdio::null()).status();
        if !ok.is_ok_and(|s| s.success()) {
            assert!(std::env::var_os("CI").is_none(), "no network namespace can be made and CI is set");
            eprintln!("SKIPPED: network namespaces need root and iproute2");
            return None;
        }
        net.ip(&["link", "set", "lo", "up"]);
        net.ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        net.ip(&["addr", "add", "10.99.0.1/24", "dev", "v0"]);
        net.ip(&["link", "set", "v0", "up"]);
        net.ip(&["link", "set", "v1", "up"]);
        net.ip(&["neigh", "add", "10.99.0.2", "lladdr", "02:00:00:00:00:99", "dev", "v0"]);
        Some(net)
    }

    fn ip(&self, args: &[&str]) {
        let done = Command::new("ip").args(["-n", &self.0]).args(args).status().unwrap();
        assert!(done.success(), "ip {args:?}");
    }

    /// A probe in the namespace. Nobody listens at port 1: its records stay in the spool.
    fn probe(&self, spool: &Path, args: &[&str]) -> Child {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.0, env!("CARGO_BIN_EXE_sce-probe"), "run"])
            .args(["--collector", "http://127.0.0.1:1", "--interval", "500ms", "--drain-timeout", "100ms"])
            .args(["--name", "live", "--spool"])
            .arg(spool)
            .args(args)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says when its captures are open.
        let mut log = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Capturing") {
            line.clear();
            let n = std::io::BufRead::read_line(&mut log, &mut line).unwrap();
            assert!(n > 0, "the probe ended before it captured");
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        child
    }

    /// Sends datagrams from within the namespace.
    fn send(&self, to: &'static str, count: usize) {
        let path = format!("/run/netns/{}", self.0);
        let sender = std::thread::spawn(move || {
            nix::sched::setns(std::fs::File::open(path).unwrap(), nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            for _ in 0..count {
                // Port unreachable may come back between two of them.
                let _ = socket.send_to(&[7; 20], to).or_else(|_| socket.send_to(&[7; 20], to)).unwrap();
            }
        });
        sender.join().unwrap();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn stop(mut child: Child) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let begun = Instant::now();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0), "an orderly end, although the collector is away");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[derive(Default)]
struct Seen {
    /// UDP packets by interface and destination port.
    udp: BTreeMap<(String, u32), u64>,
    runs: Vec<String>,
    captured: u64,
    accounted: u64,
    intervals: usize,
}

fn seen(dir: &Path) -> Seen {
    let (mut spool, recovery) = Spool::open(dir, Limits::default(), Box::new(RealDisk), "", 1).unwrap();
    assert!(!recovery.unclean);
    let (mut names, mut flows, mut out) = (BTreeMap::new(), Vec::new(), Seen::default());
    for lane in [0, 1] {
        let mut seq = 1;
        while let Some(item) = spool.read(lane, seq, 1) {
            let Item::Batch(batch) = item else { panic!("a gap: {item:?}") };
            seq = batch.seq + 1;
            for t in columns::unpack(&batch).unwrap().tables {
                if t.name == ObservationPoint::TABLE {
                    let points = columns::records::<ObservationPoint>(&t).unwrap();
                    names.extend(points.into_iter().map(|p| (p.op, p.interface)));
                } else if t.name == ProbeInterval::TABLE {
                    for p in columns::records::<ProbeInterval>(&t).unwrap() {
                        out.captured += p.captured_packets;
                        out.accounted += p.recorded_frames + p.other_frames + p.non_ip_packets + p.undecodable_packets;
                        out.intervals += 1;
                        assert_eq!(p.kernel_drops, 0);
                        assert!(p.clock_offset_ns_last != 0);
                    }
                } else if t.name == FlowInterval::TABLE {
                    flows.extend(columns::records::<FlowInterval>(&t).unwrap());
                }
            }
        }
    }
    for f in flows.iter().filter(|f| f.ip_proto == 17 && f.dst_port > 9000 && f.dst_port < 9100) {
        *out.udp.entry((names[&f.op].clone(), f.dst_port)).or_default() += f.packets;
        if !out.runs.contains(&f.run) {
            out.runs.push(f.run.clone());
        }
    }
    out
}

#[test]
fn every_frame_is_seen_once_and_intervals_close_while_nothing_comes() {
    let Some(net) = Net::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (any, some) = (dir.path().join("any"), dir.path().join("some"));
    let label = dir.path().join("label");
    std::fs::write(&label, "warm-up\n").unwrap();
    let label_arg = label.to_str().unwrap();
    let probes = [
        net.probe(&any, &["-i", "any"]),
        net.probe(&some, &["-i", "lo", "-i", "v0", "--filter", "udp", "--run-file", label_arg]),
    ];
    std::thread::sleep(Duration::from_millis(1500));
    net.send("127.0.0.1:9001", 100);
    net.send("10.99.0.2:9002", 70);
    std::thread::sleep(Duration::from_millis(1500));
    std::fs::write(&label, "measured\n").unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    net.send("10.99.0.2:9002", 30);
    std::thread::sleep(Duration::from_millis(700));
    for probe in probes {
        stop(probe);
    }
    let want = |interfaces: &[(&str, u32, u64)]| -> BTreeMap<(String, u32), u64> {
        interfaces.iter().map(|(name, port, n)| (((*name).to_owned(), *port), *n)).collect()
    };
    let some = seen(&some);
    assert_eq!(some.udp, want(&[("lo", 9001, 100), ("v0", 9002, 100)]), "lo shows each packet once");
    assert_eq!(some.captured, some.accounted);
    assert_eq!(some.runs, ["warm-up", "measured"]);
    assert!(some.intervals >= 12, "{} intervals of two points in more than six seconds", some.intervals);
    let any = seen(&any);
    let both_ends = want(&[("lo", 9001, 100), ("v0", 9002, 100), ("v1", 9002, 100)]);
    assert_eq!(any.udp, both_ends, "each interface is a point of its own");
    assert_eq!(any.captured, any.accounted);
}

/// Value of a line of `/proc/PID/task/TID/status`, for all threads.
fn status(child: &Child, line: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let texts = tasks.filter_map(|t| std::fs::read_to_string(t.unwrap().path().join("status")).ok());
    let value = |text: String| {
        let found = text.lines().find_map(|l| l.strip_prefix(&format!("{line}:")).map(str::trim).map(str::to_owned));
        found.unwrap_or_default()
    };
    texts.map(value).collect()
}

#[test]
fn a_running_probe_has_given_up_what_opening_captures_needed() {
    let Some(net) = Net::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let probe = net.probe(&dir.path().join("a"), &["-i", "v0"]);
    let all = |line: &str, want: &str| {
        let found = status(&probe, line);
        assert!(found.len() >= 3, "main, capture and writer: {found:?}");
        assert!(found.iter().all(|v| v == want), "{line}: {found:?}");
    };
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"] {
        all(set, "0000000000000000");
    }
    all("NoNewPrivs", "1");
    all("Seccomp", "2");
    net.send("10.99.0.2:9002", 50);
    std::thread::sleep(Duration::from_millis(1500));
    stop(probe);
    let seen = seen(&dir.path().join("a"));
    assert_eq!(seen.udp, BTreeMap::from([(("v0".to_owned(), 9002), 50)]), "it captures and spools all the same");

    let kept = net.probe(&dir.path().join("b"), &["-i", "v0", "--keep-privileges"]);
    assert!(status(&kept, "Seccomp").iter().all(|v| v == "0"), "kept where asked for");
    stop(kept);
}

#[test]
fn doctor_tries_the_confinement() {
    let doctor = [env!("CARGO_BIN_EXE_sce-probe"), "doctor", "--collector", "http://127.0.0.1:1"];
    let said = Command::new(doctor[0]).args(&doctor[1..]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let line = said.lines().find(|l| l.contains("confinement")).unwrap();
    assert!(
        line.starts_with("ok ") && line.contains("no capabilities, no new privileges, system calls filtered"),
        "{line}"
    );
}
