//! Faults of every kind into the real programs while captures are replayed: at the end the database holds the captures' totals,
//! every record once, less what is reported lost.
//!
//! `SCE_CHAOS_FAULTS` says how many (default 48; `make chaos` takes 1,000), half of them on SQLite, half on Postgres. Named
//! points are system calls: a process is killed as it enters the call, by strace, so the programs hold no code for it. What a
//! damaged or rolled back spool held is known from a copy made just before, which is compared with what the probe reports.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::damage::{Clock, Inventory, SmallDisk, copy, flip, kill_at, take_inventory};
use support::network::{DEAF, Network, PARTED};
use support::postgres::Postgres;
use support::{Collector, Random, bin, json, number, run, sum, wait};

const PACKETS: u64 = 30_000;
/// Faults while one capture is replayed.
const EACH: u64 = 25;
/// A fresh flow must be there so long after the last fault.
const FRESH: Duration = Duration::from_secs(5);

/// What is compared with the capture.
const FIELDS: [&str; 6] = ["frames", "packets", "ip_bytes", "payload_bytes", "ce_packets", "ect1_packets"];

/// Where a probe is killed: what it has just done, and the system call that would come next.
const PROBE_POINTS: [(&str, &str); 5] = [
    ("batch appended, not synced", "fdatasync"),
    ("cursor written, not in place", "rename,renameat,renameat2"),
    ("segment acknowledged, still there", "unlink,unlinkat"),
    ("segment about to be made", "fallocate"),
    ("batch spooled, not sent", "sendto,sendmsg,writev"),
];
/// The same of a collector.
const COLLECTOR_POINTS: [(&str, &str); 3] = [
    ("rows or sums half written", "pwrite64"),
    ("transaction written, not synced", "fsync,fdatasync"),
    ("committed, not acknowledged", "sendto,sendmsg,writev"),
];

/// Offsets of the wall clock, s: an hour on, an hour back, 1971, 2106, a second.
const STEPS: [i64; 6] = [3600, -3600, -55 * 31_557_600, 80 * 31_557_600, 1, 0];

const FAULTS: [&str; 14] = [
    "probe killed",
    "collector killed",
    "probe killed at a point",
    "collector killed at a point",
    "probe frozen",
    "collector frozen",
    "acknowledgements lost",
    "network parted",
    "disk of the spool full",
    "disk of the database full",
    "spool damaged",
    "spool rolled back",
    "clock stepped",
    "Postgres killed",
];

struct Chaos {
    dir: tempfile::TempDir,
    capture: PathBuf,
    collector: Collector,
    network: Network,
    postgres: Option<Postgres>,
    spools: Option<SmallDisk>,
    database: Option<SmallDisk>,
    clock: Option<Clock>,
    random: Random,
    done: BTreeMap<String, u64>,
    /// What batches held that were at risk.
    known: Inventory,
}

/// Stops a process for a while, as a busy machine or a suspended one does.
fn freeze(pid: u32, time: Duration) {
    let pid = Pid::from_raw(pid.cast_signed());
    if kill(pid, Signal::SIGSTOP).is_ok() {
        std::thread::sleep(time);
        let _ = kill(pid, Signal::SIGCONT);
    }
}

impl Chaos {
    fn new(on: &str) -> Option<Chaos> {
        let dir = tempfile::tempdir().unwrap();
        let capture = dir.path().join("many.pcap");
        run(Command::new(bin("sce-bench"))
            .args(["gen", "many"])
            .arg(&capture)
            .args(["--packets", &PACKETS.to_string()]));
        let spools = SmallDisk::mount(&dir.path().join("spools"), 48);
        let at = dir.path().join("database");
        // Postgres runs as another user.
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let database = SmallDisk::mount(&at, 512);
        let postgres = if on == "postgres" { Some(Postgres::start("chaos", &at.join("server"))?) } else { None };
        let url = match &postgres {
            Some(postgres) => postgres.database("chaos"),
            None => at.join("sce.db").to_str().unwrap().to_owned(),
        };
        let clock = Clock::new(dir.path());
        let mut collector = Collector::start_on(dir.path(), &url);
        collector.env = clock.as_ref().map_or_else(Vec::new, Clock::env);
        let network = Network::new(collector.url().rsplit(':').next().unwrap().parse().unwrap());
        let (random, done, known) = (Random(23), BTreeMap::new(), Inventory::new());
        Some(Chaos { dir, capture, collector, network, postgres, spools, database, clock, random, done, known })
    }

    /// Whether this machine, or this database, can have a fault.
    fn can(&self, fault: &str) -> bool {
        match fault {
            "disk of the spool full" => self.spools.is_some(),
            "disk of the database full" => self.database.is_some(),
            "clock stepped" => self.clock.is_some(),
            "Postgres killed" => self.postgres.is_some(),
            f if f.ends_with("at a point") => Command::new("strace").arg("-V").output().is_ok(),
            _ => true,
        }
    }

    fn spool(&self, name: &str) -> PathBuf {
        self.dir.path().join("spools").join(name)
    }

    fn probe(&self, name: &str, file: &Path) -> Child {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("probe.log")).unwrap();
        Command::new(bin("sce-probe"))
            .args([
                "run",
                "--name",
                name,
                "--run",
                name,
                "--interval",
                "100ms",
                "--spool-min-free",
                "1MiB",
                "--collector",
            ])
            .arg(format!("http://127.0.0.1:{}", self.network.port))
            .arg("--spool")
            .arg(self.spool(name))
            .arg("--read")
            .arg(file)
            .envs(self.clock.as_ref().map_or_else(Vec::new, Clock::env))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// One fault, and its end. False if the probe had come to its end before it.
    fn fault(&mut self, fault: &str, name: &str, child: &mut Child) -> bool {
        let time = Duration::from_millis(self.random.below(400));
        let spool = self.spool(name);
        // The same command once more after the end would be another replay.
        let stop = |child: &mut Child| {
            let _ = child.kill();
            child.wait().unwrap();
            !spool.join("replayed.toml").exists()
        };
        if fault.starts_with("spool") {
            wait("the spool", Duration::from_secs(60), || spool.join("meta.toml").exists());
        }
        let mut what = fault.to_owned();
        match fault {
            "probe killed" => {
                if !stop(child) {
                    return false;
                }
                *child = self.probe(name, &self.capture);
            }
            "probe killed at a point" => {
                let (point, calls) = PROBE_POINTS[self.random.below(PROBE_POINTS.len() as u64) as usize];
                if kill_at(child.id(), calls, 1 + self.random.below(12)) {
                    what = format!("probe killed: {point}");
                }
                if !stop(child) {
                    return false;
                }
                *child = self.probe(name, &self.capture);
            }
            "collector killed" => {
                self.collector.kill();
                self.collector.restart();
            }
            "collector killed at a point" => {
                let (point, calls) = COLLECTOR_POINTS[self.random.below(COLLECTOR_POINTS.len() as u64) as usize];
                if kill_at(self.collector.id(), calls, 1 + self.random.below(60)) {
                    what = format!("collector killed: {point}");
                }
                self.collector.kill();
                self.collector.restart();
            }
            "probe frozen" => freeze(child.id(), time),
            "collector frozen" => freeze(self.collector.id(), time),
            "acknowledgements lost" => self.network.trouble(DEAF, time),
            "network parted" => self.network.trouble(PARTED, time),
            "disk of the spool full" => self.spools.as_ref().unwrap().fill(self.random.below(1 << 20), time),
            "disk of the database full" => {
                self.database.as_ref().unwrap().fill(self.random.below(64 << 10), time);
                if let Some(postgres) = &self.postgres {
                    postgres.revive();
                }
            }
            "spool damaged" => {
                if !stop(child) {
                    return false;
                }
                self.look_into(&spool);
                let Some(_) = flip(&spool, &mut self.random) else { return false };
                *child = self.probe(name, &self.capture);
            }
            "spool rolled back" => {
                if !stop(child) {
                    return false;
                }
                let old = self.dir.path().join("old");
                copy(&spool, &old);
                *child = self.probe(name, &self.capture);
                std::thread::sleep(time);
                if !stop(child) {
                    return false;
                }
                self.look_into(&spool);
                copy(&old, &spool);
                *child = self.probe(name, &self.capture);
            }
            "clock stepped" => {
                let step = STEPS[self.random.below(STEPS.len() as u64) as usize];
                self.clock.as_ref().unwrap().set(step);
            }
            _ => {
                let postgres = self.postgres.as_ref().unwrap();
                if self.random.below(2) == 0 {
                    postgres.crash();
                    what = "Postgres killed, the whole server".to_owned();
                } else if postgres.kill_backend(self.random.below(8)) {
                    what = "Postgres killed, one backend".to_owned();
                }
            }
        }
        *self.done.entry(what).or_default() += 1;
        true
    }

    fn look_into(&mut self, spool: &Path) {
        let twin = self.dir.path().join("twin");
        copy(spool, &twin);
        take_inventory(&twin, &FIELDS, &mut self.known);
    }

    /// Injects faults, one kind after the other, while the capture is replayed again and again.
    fn rage(&mut self, faults: u64) {
        let kinds: Vec<&str> = FAULTS.into_iter().filter(|f| self.can(f)).collect();
        for missing in FAULTS.iter().filter(|f| !kinds.contains(f)) {
            if *missing != "Postgres killed" {
                support::skip("chaos", &format!("{missing}: needs root, strace and libfaketime"));
                assert!(std::env::var_os("CI").is_none(), "CI can have every fault");
            }
        }
        let whole = json(Command::new(bin("sce-probe")).arg("read").arg(&self.capture).args(["-o", "json"]));
        let (mut count, mut replay) = (0, 0);
        while count < faults {
            let name = format!("chaos-{replay}");
            let (begun, mut here) = (Instant::now(), 0);
            let mut child = self.probe(&name, &self.capture);
            loop {
                assert!(begun.elapsed() < Duration::from_secs(600), "{name} does not finish after {:?}", self.done);
                std::thread::sleep(Duration::from_millis(20 + self.random.below(150)));
                if let Some(status) = child.try_wait().unwrap() {
                    assert!(status.success(), "{name}: {status} after {:?}\n{}", self.done, self.log());
                    break;
                }
                assert!(self.collector.runs(), "the collector ended by itself");
                if here == EACH || count == faults {
                    continue;
                }
                if !self.fault(kinds[count as usize % kinds.len()], &name, &mut child) {
                    break;
                }
                (here, count) = (here + 1, count + 1);
                if count == faults {
                    self.fresh();
                }
            }
            // A question without times is about those before the collector's now.
            self.true_time();
            self.compare(&name, &whole["flows"]);
            let _ = std::fs::remove_dir_all(self.spool(&name));
            replay += 1;
        }
        // The database says the same by itself.
        for row in self.collector.ask(&["audit"]).as_array().unwrap() {
            let own = losses_of(&self.collector, &row["probe"]);
            let account_lost = own.iter().any(|l| number(l, "lane") == 0);
            assert!(row["balanced"] == true || account_lost, "{row:#} {own:#?}");
        }
        self.collector.kill();
        let verified = run(Command::new(bin("sce-collector")).args(["db", "verify", "--db", self.collector.db()]));
        println!("db verify: {}", String::from_utf8_lossy(&verified.stdout).trim());
        println!("{count} faults in {replay} replays: {:#?}", self.done);
    }

    /// What is stored and what is reported lost are the capture, no more and no less.
    fn compare(&self, name: &str, whole: &Value) {
        let columns: Vec<String> = FIELDS.iter().flat_map(|f| [format!("up.{f}"), format!("down.{f}")]).collect();
        let flows = self.collector.ask(&["flows", "--run", name, "--columns", &columns.join(",")]);
        let columns = "probe,reason,lane,lost_epoch,first_seq,last_seq,records,frames";
        let losses = self.collector.ask(&["loss", "--columns", columns]);
        let mut lost: BTreeMap<&str, u64> = BTreeMap::new();
        // What was given up because no room was left is counted by frames only.
        let mut fields = &FIELDS[..];
        let mine = losses.as_array().unwrap().iter().filter(|l| l["probe"] == name && number(l, "lane") == 1);
        for report in mine.clone() {
            if report["reason"] == "spool_full" {
                fields = &FIELDS[..1];
                *lost.entry("frames").or_default() += number(report, "frames");
                continue;
            }
            for seq in number(report, "first_seq")..=number(report, "last_seq") {
                let held = self.known.get(&(number(report, "lost_epoch"), seq));
                let held = held.unwrap_or_else(|| panic!("nothing is known of batch {seq} in {report}"));
                held.iter().for_each(|(field, n)| *lost.entry(field).or_default() += n);
            }
        }
        for field in fields {
            let (here, gone, all) = (sum(&flows, field), lost.get(field).copied().unwrap_or(0), sum(whole, field));
            let reports: Vec<&Value> = mine.clone().collect();
            assert_eq!(
                here + gone,
                all,
                "{field} of {name}: {here} + {gone} lost {reports:#?} after {:?}\n{}",
                self.done,
                self.log()
            );
        }
    }

    /// Sets the clock right, and waits until the programs look at it again.
    fn true_time(&self) {
        if let Some(clock) = &self.clock {
            clock.set(0);
            std::thread::sleep(Duration::from_millis(1200));
        }
    }

    /// A flow that begins now is there soon, whatever the others are at.
    fn fresh(&mut self) {
        self.true_time();
        let capture = self.dir.path().join("fresh.pcap");
        run(Command::new(bin("sce-bench")).args(["gen", "few"]).arg(&capture).args(["--packets", "100"]));
        let begun = Instant::now();
        let mut child = self.probe("fresh", &capture);
        while sum(&self.collector.ask(&["flows", "--run", "fresh"]), "packets") < 100 {
            assert!(
                begun.elapsed() < FRESH,
                "a fresh flow is not there {FRESH:?} after the last fault\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("a fresh flow {:.1} s after the last fault", begun.elapsed().as_secs_f64());
        assert!(child.wait().unwrap().success());
    }

    /// The end of what the programs said.
    fn log(&self) -> String {
        let tail = |name: &str| {
            let text = std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        };
        format!("probe:\n{}\ncollector:\n{}", tail("probe.log"), tail("collector.log"))
    }
}

fn losses_of(collector: &Collector, probe: &Value) -> Vec<Value> {
    let all = collector.ask(&["loss"]);
    all.as_array().unwrap().iter().filter(|l| l["probe"] == *probe).cloned().collect()
}

fn faults() -> u64 {
    std::env::var("SCE_CHAOS_FAULTS").map_or(48, |n| n.parse().unwrap()) / 2
}

#[test]
#[ignore = "minutes: `make chaos`"]
fn whatever_fails_nothing_is_lost_or_doubled_unsaid() {
    for on in ["sqlite", "postgres"] {
        let Some(mut chaos) = Chaos::new(on) else { continue };
        let begun = Instant::now();
        chaos.rage(faults());
        println!("{on}: {:.0} s", begun.elapsed().as_secs_f64());
    }
}
