//! The faults, one by one: what is done to which program, and how it is set going again.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::damage::{copy, flip, kill_at, take_inventory};
use super::support::network::{DEAF, PARTED};
use super::support::wait;
use super::{Chaos, FIELDS};

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

/// All kinds.
pub(super) const FAULTS: [&str; 14] = [
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

/// Stops a process for a while, as a busy machine or a suspended one does.
fn freeze(pid: u32, time: Duration) {
    let pid = Pid::from_raw(pid.cast_signed());
    if kill(pid, Signal::SIGSTOP).is_ok() {
        std::thread::sleep(time);
        let _ = kill(pid, Signal::SIGCONT);
    }
}

impl Chaos {
    /// Whether this machine, or this database, can have a fault.
    pub(super) fn can(&self, fault: &str) -> bool {
        match fault {
            "disk of the spool full" => self.spools.is_some(),
            "disk of the database full" => self.database.is_some(),
            "clock stepped" => self.clock.is_some(),
            "Postgres killed" => self.postgres.is_some(),
            f if f.ends_with("at a point") => Command::new("strace").arg("-V").output().is_ok(),
            _ => true,
        }
    }

    /// One fault, and its end. False if the probe had come to its end before it.
    pub(super) fn fault(&mut self, fault: &str, name: &str, child: &mut Child) -> bool {
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
}
