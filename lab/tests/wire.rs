//! Live capture on a veth pair: what goes over the wire is what a reader of the same capture file counts.
//!
//! Needs root and namespaces; elsewhere every test says SKIP.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "support/net.rs"]
mod net;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use net::{IFACE, Wire};
use serde_json::Value;
use support::{bin, json, number, run, wait};

const COLLECTOR: &str = "127.0.0.1:4517";
/// Counters that do not depend on when a packet came.
const EXACT: [&str; 11] = [
    "packets",
    "ip_bytes",
    "payload_bytes",
    "ect1_packets",
    "ect0_packets",
    "ce_packets",
    "data_segments",
    "tcp_syn",
    "tcp_ae",
    "acked_bytes",
    "esce_acked_bytes",
];

/// Sums by 5-tuple, over instances and both directions.
fn sums(flows: &Value) -> BTreeMap<String, Vec<u64>> {
    let mut all = BTreeMap::<String, Vec<u64>>::new();
    for f in flows.as_array().unwrap() {
        let name =
            ["proto", "initiator_ip", "initiator_port", "responder_ip", "responder_port"].map(|k| f[k].to_string());
        let sum = all.entry(name.join(" ")).or_insert_with(|| vec![0; EXACT.len()]);
        for direction in ["up", "down"] {
            EXACT.iter().zip(&mut *sum).for_each(|(n, s)| *s += f[direction][n].as_u64().unwrap_or(0));
        }
    }
    all
}

/// A wire with a collector and a probe on its right end.
struct Bed {
    wire: Wire,
    dir: tempfile::TempDir,
    collector: Option<Child>,
    probe: Option<Child>,
}

impl Bed {
    fn new(test: &str) -> Option<Bed> {
        if !support::is_root() {
            support::skip(test, "needs root to make network namespaces");
            return None;
        }
        let wire = match Wire::new(test) {
            Ok(wire) => wire,
            Err(why) => {
                support::skip(test, &why);
                assert!(std::env::var_os("CI").is_none(), "CI has what this needs: {why}");
                return None;
            }
        };
        let mut bed = Bed { wire, dir: tempfile::tempdir().unwrap(), collector: None, probe: None };
        bed.start_collector();
        let spool = bed.path("spool");
        let mut probe = bed.right("sce-probe");
        probe
            .args(["run", "--name", "host", "-i", IFACE, "--interval", "1s", "--buffer", "64MiB", "--spool"])
            .arg(spool);
        bed.probe = Some(probe.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        wait("the probe", Duration::from_secs(20), || bed.ask("points").as_array().is_some_and(|p| !p.is_empty()));
        Some(bed)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn right(&self, program: &str) -> Command {
        let mut command = self.wire.exec(&self.wire.right, &bin(program));
        command.env("SCE_COLLECTOR", format!("http://{COLLECTOR}"));
        command
    }

    fn start_collector(&mut self) {
        let db = self.path("sce.db");
        let mut collector = self.right("sce-collector");
        collector.args(["serve", "--listen", COLLECTOR, "--admin", "none", "--db"]).arg(db);
        self.collector = Some(collector.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        wait("the collector", Duration::from_secs(20), || {
            self.right("sce-cli").args(["probes", "-q"]).output().unwrap().status.success()
        });
    }

    fn ask(&self, view: &str) -> Value {
        json(self.right("sce-cli").args([view, "-q", "-o", "json"]))
    }

    /// Sends the capture's frames on the left end.
    fn replay(&self, file: &Path, rate: u64) {
        let mut command = self.wire.exec(&self.wire.left, &bin("sce-bench"));
        run(command.arg("replay").arg(file).args(["-i", IFACE, "--rate", &rate.to_string()]));
    }

    /// Ends the probe as a user would, which flushes and delivers what it has.
    fn stop_probe(&mut self) {
        let mut probe = self.probe.take().unwrap();
        run(Command::new("kill").arg(probe.id().to_string()));
        assert!(probe.wait().unwrap().success(), "the probe ends cleanly on SIGTERM");
    }

    fn compare(&self, file: &Path) {
        let audit = self.ask("audit");
        assert_eq!(number(&audit[0], "kernel_drops"), 0, "this machine was too slow to see every packet");
        let read = json(Command::new(bin("sce-probe")).arg("read").arg(file).args(["-o", "json"]));
        let (want, got) = (sums(&read["flows"]), sums(&self.ask("flows")));
        assert_eq!(got.len(), want.len());
        for (flow, counts) in &want {
            assert_eq!(got.get(flow), Some(counts), "{flow}");
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for child in [&mut self.probe, &mut self.collector].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn capture(bed: &Bed, packets: u64) -> PathBuf {
    let file = bed.path("many.pcap");
    run(Command::new(bin("sce-bench")).args(["gen", "many"]).arg(&file).args(["--packets", &packets.to_string()]));
    file
}

/// What a young flow takes with its path marks, KiB, generously: 2.9 was measured.
const FLOW_KIB: u64 = 4;

/// Resident memory of a process, KiB.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_wire_has_the_totals_of_the_capture_that_is_sent_on_it() {
    let Some(mut bed) = Bed::new("wire") else { return };
    let file = capture(&bed, 10_000);
    bed.replay(&file, 5_000);
    bed.stop_probe();
    bed.compare(&file);
}

#[test]
fn a_minute_without_a_collector_costs_nothing_but_disk() {
    let Some(mut bed) = Bed::new("away") else { return };
    let file = capture(&bed, 12_000);
    // The process under `ip netns exec` is the probe itself.
    let pid = bed.probe.as_ref().unwrap().id();
    let mut collector = bed.collector.take().unwrap();
    collector.kill().unwrap();
    collector.wait().unwrap();
    let quarter = Duration::from_secs(15);
    let mut resident = Vec::new();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| bed.replay(&file, 200));
        for _ in 0..4 {
            std::thread::sleep(quarter);
            resident.push(resident_kib(pid));
        }
        sender.join().unwrap();
    });
    let (early, late) = (resident[1], resident[3]);
    // Each packet begins a flow, and none ends within the minute: the table may grow by them, and nothing else may.
    let begun = 200 * 30;
    assert!(late < early + begun * FLOW_KIB, "the probe grew while the collector was away: {resident:?} KiB");
    bed.start_collector();
    bed.stop_probe();
    bed.compare(&file);
    assert!(bed.ask("loss").as_array().unwrap().is_empty(), "nothing was given up");
}
