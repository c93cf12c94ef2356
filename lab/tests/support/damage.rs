//! What can go wrong with disks, files and clocks under a probe, and what a spool held before it did.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sce_probe::spool::{Item, Limits, RealDisk, Spool};
use sce_proto::{FlowInterval, Record as _, ValueRef, columns};

use super::{Random, is_root, run};

/// A small file system in memory, taken away when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one; `None` where that is not allowed.
    pub(crate) fn mount(at: &Path, mebibytes: u32) -> Option<SmallDisk> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={mebibytes}m");
        let mount = || Command::new("mount").args(["-t", "tmpfs", "-o", &size, "sce-chaos"]).arg(at).status();
        (is_root() && mount().is_ok_and(|s| s.success())).then(|| SmallDisk(at.to_owned()))
    }

    /// Takes all space but this, for a while.
    pub(crate) fn fill(&self, but: u64, time: Duration) {
        let filler = self.0.join("filler");
        let free = || {
            let s = nix::sys::statvfs::statvfs(&self.0).unwrap();
            s.blocks_available() * s.fragment_size()
        };
        let file = std::fs::File::create(&filler).unwrap();
        // What others write meanwhile makes it a race; a few tries come close enough.
        for _ in 0..5 {
            let more = free().saturating_sub(but);
            let at = file.metadata().unwrap().len();
            let _ = nix::fcntl::fallocate(&file, nix::fcntl::FallocateFlags::empty(), at as i64, more.max(1) as i64);
        }
        std::thread::sleep(time);
        std::fs::remove_file(filler).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    run(Command::new("cp").arg("-a").arg(from).arg(to));
}

/// Flow records of a batch, summed by the fields that are compared.
pub(crate) type Sums = BTreeMap<&'static str, u64>;
/// What batches of flow records held: by epoch and number.
pub(crate) type Inventory = BTreeMap<(u64, u64), Sums>;

/// Adds what a copy of a spool holds of flow records to an inventory.
pub(crate) fn take_inventory(copy: &Path, fields: &[&'static str], into: &mut Inventory) {
    let limits = Limits { budget_bytes: 1 << 40, min_free_bytes: 0, ..Limits::default() };
    let Ok((mut spool, _)) = Spool::open(copy, limits, Box::new(RealDisk), "", 1) else { return };
    let (epoch, mut seq) = (spool.epoch(), 1);
    while let Some(item) = spool.read(1, seq, 1) {
        let batch = match item {
            Item::Skip { last, .. } => {
                seq = last + 1;
                continue;
            }
            Item::Batch(batch) => batch,
        };
        let mut sums = Sums::new();
        for table in columns::unpack(&batch).unwrap().tables.iter().filter(|t| t.name == FlowInterval::TABLE) {
            for record in columns::records::<FlowInterval>(table).unwrap() {
                for field in fields {
                    let at = FlowInterval::position(field).unwrap();
                    let ValueRef::U64(n) = record.get(at) else { panic!("{field} is no count") };
                    *sums.entry(field).or_default() += n;
                }
            }
        }
        into.entry((epoch, batch.seq)).or_insert(sums);
        seq = batch.seq + 1;
    }
}

/// Flips a bit of some byte of some file of a spool. Says which.
pub(crate) fn flip(spool: &Path, random: &mut Random) -> Option<String> {
    let mut files = Vec::new();
    list(spool, &mut files);
    files.sort();
    let file = files.get(random.below(files.len().max(1) as u64) as usize)?;
    let mut bytes = std::fs::read(file).unwrap();
    let at = random.below(bytes.len() as u64) as usize;
    bytes[at] ^= 1 << random.below(8);
    std::fs::write(file, bytes).unwrap();
    Some(format!("byte {at} of {}", file.strip_prefix(spool).unwrap().display()))
}

fn list(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            list(&path, into);
        } else if path.metadata().is_ok_and(|m| m.len() > 0) {
            into.push(path);
        }
    }
}

/// A wall clock for processes that can be set while they run. The monotonic clock stays as it is.
pub(crate) struct Clock {
    file: PathBuf,
    library: PathBuf,
}

impl Clock {
    /// `None` where libfaketime is not installed.
    pub(crate) fn new(dir: &Path) -> Option<Clock> {
        let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|e| e.path().join("faketime"));
        let library = folders.map(|f| f.join("libfaketimeMT.so.1")).find(|f| f.exists())?;
        let clock = Clock { file: dir.join("clock"), library };
        clock.set(0);
        Some(clock)
    }

    /// Steps the clock of every process with [`Clock::env`] to this far from the true time, s.
    pub(crate) fn set(&self, offset_s: i64) {
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, format!("{offset_s:+}s\n")).unwrap();
        std::fs::rename(fresh, &self.file).unwrap();
    }

    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let name = |name: &str, value: String| (name.to_owned(), value);
        vec![
            name("LD_PRELOAD", text(&self.library)),
            name("FAKETIME_TIMESTAMP_FILE", text(&self.file)),
            name("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            name("FAKETIME_CACHE_DURATION", "1".to_owned()),
            name("FAKETIME_DISABLE_SHM", "1".to_owned()),
        ]
    }
}

/// Kills a process when it makes one of these system calls for the `nth` time from now. False if it did not within a while.
pub(crate) fn kill_at(pid: u32, calls: &str, nth: u64) -> bool {
    let inject = format!("inject={calls}:signal=KILL:when={nth}");
    let strace = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject, "-p", &pid.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut strace) = strace else { return false };
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) && !dead(pid) && strace.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let died = dead(pid);
    let _ = strace.kill();
    let _ = strace.wait();
    died
}

/// Whether a process ended, though its parent may not have waited for it.
pub(crate) fn dead(pid: impl std::fmt::Display) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |s| s.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}
