//! Faults of every kind into the real programs while captures are replayed: at the end the database holds the captures' totals,
//! every record once, less what is reported lost.
//!
//! `SCE_CHAOS_FAULTS` says how many (default 48; `make chaos` takes 1,000), half of them on SQLite, half on Postgres;
//! `SCE_CHAOS_ON=sqlite` or `postgres` leaves the other half out. Named points are system calls: a process is killed as it
//! enters the call, by strace, so the programs hold no code for it. What a damaged or rolled back spool held is known from a
//! copy made just before, which is compared with what the probe reports.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "faults/inject.rs"]
mod inject;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use inject::FAULTS;
use serde_json::Value;
use support::damage::{Clock, Inventory, SmallDisk};
use support::network::Network;
use support::postgres::Postgres;
use support::{Collector, Random, bin, json, number, run, sum};

const PACKETS: u64 = 30_000;
/// Faults while one capture is replayed.
const EACH: u64 = 25;
/// A fresh flow must be there so long after the last fault.
const FRESH: Duration = Duration::from_secs(5);

/// Later than any clock here was set: a question without an end is about what lies before the collector's now.
const EVER: &str = "2150-01-01T00:00Z";

/// What is compared with the capture.
const FIELDS: [&str; 6] = ["frames", "packets", "ip_bytes", "payload_bytes", "ce_packets", "ect1_packets"];

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
        // Each replay of some six faults leaves some 9 MB there, some 60 in rows of Postgres.
        let faults = faults() as u32;
        let database = SmallDisk::mount(&at, if on == "postgres" { 2048 + 12 * faults } else { 512 + faults });
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
            // As time goes on: one bucket with the records of every replay is nothing that a collector ever has.
            later(&self.capture, 60);
            let (begun, mut here) = (Instant::now(), 0);
            let mut child = self.probe(&name, &self.capture);
            loop {
                assert!(begun.elapsed() < Duration::from_secs(600), "{name} does not finish after {:?}", self.done);
                std::thread::sleep(Duration::from_millis(20 + self.random.below(150)));
                if let Some(status) = child.try_wait().unwrap() {
                    assert!(status.success(), "{name}: {status} after {:?}\n{}", self.done, self.log());
                    break;
                }
                self.keep_running();
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
            self.recover();
            self.compare(&name, &whole["flows"]);
            let _ = std::fs::remove_dir_all(self.spool(&name));
            replay += 1;
        }
        // The database says the same by itself.
        for row in self.collector.ask(&["audit", "--until", EVER]).as_array().unwrap() {
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
        let flows = self.collector.ask(&["flows", "--run", name, "--until", EVER, "--columns", &columns.join(",")]);
        let columns = "probe,reason,lane,lost_epoch,first_seq,last_seq,records,frames";
        let losses = self.collector.ask(&["loss", "--until", EVER, "--columns", columns]);
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

    /// What a service manager does: a collector that found no database when it started is started again, and so is a server
    /// that a full disk ended. A collector that ends for any other reason is a fault of its own.
    fn keep_running(&mut self) {
        if let Some(postgres) = &self.postgres {
            postgres.revive();
        }
        if !self.collector.runs() {
            let said = std::fs::read_to_string(self.dir.path().join("collector.log")).unwrap_or_default();
            let last = said.lines().last().unwrap_or_default();
            assert!(last.contains("cannot open the database"), "the collector ended by itself\n{}", self.log());
            self.collector.restart();
        }
    }

    /// Waits for what the last fault hit: a database that is still starting answers no question.
    fn recover(&mut self) {
        let begun = Instant::now();
        while !self.collector.cli(&["probes"]).output().unwrap().status.success() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the collector does not answer again\n{}", self.log());
            self.keep_running();
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sets the clock right, and waits until the programs look at it again.
    fn true_time(&self) {
        if let Some(clock) = &self.clock {
            clock.set(0);
            std::thread::sleep(Duration::from_millis(1200));
        }
    }

    /// A flow that begins now is there soon, whatever the others are at. It is asked for as one asks for what is new: by its
    /// time, which none of the others' packets have.
    fn fresh(&mut self) {
        self.true_time();
        let capture = self.dir.path().join("fresh.pcap");
        run(Command::new(bin("sce-bench")).args(["gen", "few"]).arg(&capture).args(["--packets", "100"]));
        later(&capture, 86_400);
        let since = first_s(&capture).to_string();
        let begun = Instant::now();
        let mut child = self.probe("fresh", &capture);
        loop {
            self.keep_running();
            // The last fault may be one that the collector is still coming back from.
            let asked =
                self.collector.cli(&["flows", "--run", "fresh", "--since", &since, "-o", "json"]).output().unwrap();
            let answer = serde_json::from_slice(&asked.stdout).unwrap_or_else(|_| Value::Array(Vec::new()));
            if sum(&answer, "packets") == 100 {
                break;
            }
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
        let here = |name: &str| self.dir.path().join(name);
        let tail = |file: PathBuf| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        };
        let server = self.postgres.as_ref().map_or_else(String::new, |p| format!("\nPostgres:\n{}", tail(p.log())));
        format!("probe:\n{}\ncollector:\n{}{server}", tail(here("probe.log")), tail(here("collector.log")))
    }
}

/// Moves the packets of a capture to a later time.
fn later(capture: &Path, seconds: u32) {
    let mut bytes = std::fs::read(capture).unwrap();
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut at = 24;
    while at < bytes.len() {
        let time = word(&bytes, at) + seconds;
        bytes[at..at + 4].copy_from_slice(&time.to_le_bytes());
        at += 16 + word(&bytes, at + 8) as usize;
    }
    std::fs::write(capture, bytes).unwrap();
}

/// When the first packet of a capture passed, seconds since the epoch.
fn first_s(capture: &Path) -> u32 {
    let bytes = std::fs::read(capture).unwrap();
    u32::from_le_bytes(bytes[24..28].try_into().unwrap())
}

fn losses_of(collector: &Collector, probe: &Value) -> Vec<Value> {
    let all = collector.ask(&["loss", "--until", EVER]);
    all.as_array().unwrap().iter().filter(|l| l["probe"] == *probe).cloned().collect()
}

fn faults() -> u64 {
    std::env::var("SCE_CHAOS_FAULTS").map_or(48, |n| n.parse().unwrap()) / 2
}

#[test]
#[ignore = "minutes: `make chaos`"]
fn whatever_fails_nothing_is_lost_or_doubled_unsaid() {
    let wanted = std::env::var("SCE_CHAOS_ON");
    for on in ["sqlite", "postgres"].into_iter().filter(|on| wanted.as_ref().is_ok_and(|w| w == on) || wanted.is_err())
    {
        let Some(mut chaos) = Chaos::new(on) else { continue };
        let begun = Instant::now();
        chaos.rage(faults());
        println!("{on}: {:.0} s", begun.elapsed().as_secs_f64());
    }
}
