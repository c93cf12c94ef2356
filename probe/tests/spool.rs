//! The spool against everything that can happen to it: restarts, damage at every byte, full and failing disks.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use sce_probe::spool::disk::{Disk, Output};
use sce_probe::spool::{Item, LANES, Limits, RealDisk, Recovery, Spool, SpoolError};
use sce_proto::{Batch, FlowInterval, LossReport, Record, columns};

/// In memory where the system offers it: these tests sync thousands of times.
fn temp() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { tempfile::tempdir_in(shm).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn limits(budget: u64) -> Limits {
    Limits { budget_bytes: budget, min_free_bytes: 0, segment_bytes: 64 << 10, segment_ns: u64::MAX }
}

fn open(dir: &Path) -> (Spool, Recovery) {
    Spool::open(dir, limits(64 << 20), Box::new(RealDisk), "run", 1_000).unwrap()
}

/// A batch of one record that says which one it is; `bulk` bytes make it as large as needed.
fn batch(n: u64, bulk: usize) -> Batch {
    let noise = (0..bulk as u64).map(|i| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(i * i * i) >> 7) as u8);
    let record = FlowInterval { packets: n, src_ip: noise.collect(), ..FlowInterval::default() };
    Batch { first_ns: n * 10, last_ns: n * 10 + 9, frames: n, ..columns::pack(vec![columns::table(&[record])]) }
}

fn which(batch: &Batch) -> u64 {
    let set = columns::unpack(batch).unwrap();
    columns::records::<FlowInterval>(&set.tables[0]).unwrap()[0].packets
}

/// What a lane gives from a number on: batches as (seq, content), and the numbers skipped.
fn drain(spool: &mut Spool, lane: usize, mut seq: u64) -> (Vec<(u64, u64)>, BTreeSet<u64>) {
    let (mut got, mut skipped) = (Vec::new(), BTreeSet::new());
    while let Some(item) = spool.read(lane, seq, 5_000) {
        match item {
            Item::Batch(b) => {
                assert_eq!(b.seq, seq);
                got.push((seq, which(&b)));
                seq += 1;
            }
            Item::Skip { first, last, .. } => {
                assert_eq!(first, seq);
                skipped.extend(first..=last);
                seq = last + 1;
            }
        }
    }
    (got, skipped)
}

fn reports(spool: &mut Spool) -> Vec<LossReport> {
    let mut out = Vec::new();
    let mut seq = 1;
    while let Some(item) = spool.read(0, seq, 5_000) {
        match item {
            Item::Batch(b) => {
                seq = b.seq + 1;
                for t in columns::unpack(&b).unwrap().tables {
                    if t.name == LossReport::TABLE {
                        out.extend(columns::records::<LossReport>(&t).unwrap());
                    }
                }
            }
            Item::Skip { last, .. } => seq = last + 1,
        }
    }
    out
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out.sort();
    out
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(|_| ()).unwrap() }
    }
}

#[test]
fn batches_survive_and_leave_when_acknowledged() {
    let dir = temp();
    let (mut spool, recovery) = open(dir.path());
    assert_eq!(recovery, Recovery::default());
    for n in 1..=20 {
        assert_eq!(spool.append(1, batch(n, 20_000), 7, 0).unwrap(), n);
    }
    let id = (spool.probe_id(), spool.epoch());
    spool.close(0);
    let (mut spool, recovery) = open(dir.path());
    assert!(recovery.existed && !recovery.unclean);
    assert_eq!(recovery.newest_ns, 209);
    assert_eq!(id, (spool.probe_id(), spool.epoch()));
    assert_eq!(spool.positions(), [0, 140, 0]);
    let want: Vec<_> = (1..=20).map(|n| (n, n)).collect();
    assert_eq!(drain(&mut spool, 1, 1), (want.clone(), BTreeSet::new()));
    // Again from anywhere: a rewind.
    assert_eq!(drain(&mut spool, 1, 13).0, want[12..]);
    assert_eq!(spool.backlog().batches, 20);
    spool.ack(1, 12);
    spool.save();
    assert_eq!(drain(&mut spool, 1, 13).0, want[12..]);
    let before: u64 = files(dir.path()).iter().map(|f| f.metadata().unwrap().len()).sum();
    spool.ack(1, 20);
    spool.close(0);
    let left: u64 = files(dir.path()).iter().map(|f| f.metadata().unwrap().len()).sum();
    assert!(left < 1000 && before > 100_000, "{before} bytes before, {left} left");
    let (mut spool, _) = open(dir.path());
    assert_eq!(spool.lane(1).next_seq, 21);
    assert_eq!(spool.backlog(), Default::default());
    assert_eq!(spool.append(1, batch(21, 0), 1, 0).unwrap(), 21);
    assert_eq!(spool.positions()[1], 141);
}

#[test]
fn what_is_acknowledged_makes_room_before_anything_is_given_up() {
    let dir = temp();
    let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(RealDisk), "run", 1_000).unwrap();
    // Lane 1 fills most of it and is acknowledged, but nobody has saved that; lane 2 takes more than the rest.
    for n in 1..=36 {
        spool.append(1, batch(n, 20_000), 1, 0).unwrap();
    }
    spool.ack(1, 36);
    for n in 1..=30 {
        spool.append(2, batch(n, 20_000), 1, 0).unwrap();
    }
    assert_eq!(drain(&mut spool, 2, 1), ((1..=30).map(|n| (n, n)).collect(), BTreeSet::new()));
    assert_eq!(reports(&mut spool), []);
}

#[test]
fn damage_anywhere_costs_only_what_was_hit_and_is_reported() {
    let pristine = temp();
    let (mut spool, _) = open(pristine.path());
    for n in 1..=4 {
        spool.append(1, batch(n, 8), 1, 0).unwrap();
    }
    spool.ack(1, 1);
    spool.close(0);
    let scratch = temp();
    for file in files(pristine.path()) {
        let name = file.strip_prefix(pristine.path()).unwrap().to_owned();
        let bytes = fs::read(&file).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x41;
            for (kind, bad) in [("flipped", &flipped[..]), ("cut", &bytes[..at])] {
                let dir = scratch.path().join("spool");
                let _ = fs::remove_dir_all(&dir);
                copy(pristine.path(), &dir);
                fs::write(dir.join(&name), bad).unwrap();
                let what = format!("{} {kind} at {at}", name.display());
                let (mut spool, recovery) = open(&dir);
                let first = spool.lane(1).first_seq;
                let (got, skipped) = drain(&mut spool, 1, first);
                assert!(got.iter().all(|(seq, n)| seq == n), "{what}: {got:?}");
                let reports = reports(&mut spool);
                if !recovery.existed {
                    assert!(name.ends_with("meta.toml") && got.is_empty(), "{what}");
                    assert!(reports.iter().any(|r| r.reason == "corrupt"), "{what}: {reports:?}");
                    continue;
                }
                for seq in 2..=4 {
                    let here = got.iter().any(|g| g.0 == seq);
                    let reported = reports.iter().any(|r| r.lane == 1 && (r.first_seq..=r.last_seq).contains(&seq));
                    assert!(here != reported, "{what}: batch {seq} here {here}, reported {reported}: {reports:?}");
                    assert_eq!(reported, skipped.contains(&seq), "{what}");
                }
                assert!(got.iter().filter(|g| g.0 > 1).count() >= if kind == "flipped" { 2 } else { 0 }, "{what}");
                assert_eq!(spool.append(1, batch(9, 0), 1, 0).unwrap(), 5, "{what}: numbers go on");
                spool.close(0);
                // The report is written once, however often the spool is opened.
                let (mut again, _) = open(&dir);
                drain(&mut again, 1, 2);
                assert_eq!(self::reports(&mut again), reports, "{what}");
            }
        }
    }
}

#[test]
fn damage_to_one_copy_of_a_small_file_is_mended_before_the_other_is_hit() {
    let dir = temp();
    let (mut spool, _) = open(dir.path());
    for n in 1..=5 {
        spool.append(1, batch(n, 0), 1, 0).unwrap();
    }
    spool.ack(1, 3);
    let (id, epoch) = (spool.probe_id(), spool.epoch());
    spool.close(0);
    let small: Vec<PathBuf> = files(dir.path())
        .into_iter()
        .filter(|f| ["meta.toml", "cursor"].contains(&f.file_name().unwrap().to_str().unwrap()))
        .collect();
    assert_eq!(small.len(), 1 + LANES);
    for half in [0, 1, 0] {
        for file in &small {
            let mut bytes = fs::read(file).unwrap();
            let at = half * bytes.len() / 2 + 7;
            bytes[at] ^= 4;
            fs::write(file, bytes).unwrap();
        }
        let (spool, recovery) = open(dir.path());
        assert!(recovery.foreign.is_empty(), "{recovery:?}");
        assert_eq!((spool.probe_id(), spool.epoch(), spool.lane(1).acked_seq), (id, epoch, 3));
        spool.close(0);
    }
}

#[test]
fn an_unclean_end_is_told_and_a_torn_write_forgotten() {
    let dir = temp();
    let (mut spool, _) = open(dir.path());
    for n in 1..=3 {
        spool.append(1, batch(n, 100), 1, 0).unwrap();
    }
    spool.sync(0);
    drop(spool);
    let segment = files(dir.path()).into_iter().find(|f| f.to_str().unwrap().contains("/1/0")).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    assert_eq!(bytes.len(), 64 << 10, "space is set aside");
    let end = bytes.iter().rposition(|b| *b != 0).unwrap();
    bytes.truncate(end - 20);
    bytes.resize(64 << 10, 0);
    fs::write(&segment, &bytes).unwrap();
    let (mut spool, recovery) = open(dir.path());
    assert!(recovery.unclean);
    assert_eq!(recovery.newest_ns, 29);
    assert_eq!(drain(&mut spool, 1, 1).0, [(1, 1), (2, 2)]);
    assert_eq!(spool.append(1, batch(3, 100), 1, 0).unwrap(), 3);
    assert_eq!(drain(&mut spool, 1, 1).0, [(1, 1), (2, 2), (3, 3)]);
}

#[test]
fn foreign_files_are_put_aside_and_foreign_directories_left_alone() {
    let dir = temp();
    let (mut spool, _) = open(dir.path());
    spool.append(1, batch(1, 0), 1, 0).unwrap();
    let lane = dir.path().join(format!("e{:016x}/1", spool.epoch()));
    spool.close(0);
    fs::write(lane.join("core"), "x").unwrap();
    fs::write(lane.join("00000000000000000009.seg"), "not one of ours, but long enough to be looked at ............")
        .unwrap();
    let (mut spool, recovery) = open(dir.path());
    assert_eq!(recovery.foreign.len(), 2, "{recovery:?}");
    assert!(recovery.foreign.iter().all(|f| f.starts_with(dir.path().join("bad")) && f.exists()));
    assert_eq!(drain(&mut spool, 1, 1).0, [(1, 1)]);
    let second = Spool::open(dir.path(), limits(1 << 20), Box::new(RealDisk), "", 0);
    assert!(matches!(second, Err(SpoolError::Locked(_))));
    drop(spool);

    let home = temp();
    fs::write(home.path().join("thesis.tex"), "years of work").unwrap();
    let refused = Spool::open(home.path(), limits(1 << 20), Box::new(RealDisk), "", 0);
    assert!(matches!(refused, Err(SpoolError::NotASpool(_))));
    assert_eq!(fs::read_to_string(home.path().join("thesis.tex")).unwrap(), "years of work");
}

#[test]
fn samples_go_before_flow_records_and_reports_never() {
    let dir = temp();
    let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(RealDisk), "lab", 0).unwrap();
    spool.append(0, batch(1, 0), 1, 0).unwrap();
    for n in 1..=10 {
        spool.append(2, batch(n, 30_000), 1, n).unwrap();
        spool.append(1, batch(n, 30_000), 1, n).unwrap();
    }
    for n in 11..=60 {
        spool.append(1, batch(n, 30_000), 1, n).unwrap();
    }
    let (samples, lost_samples) = drain(&mut spool, 2, 1);
    assert!(samples.is_empty(), "all samples are given up before any flow record: {samples:?}");
    assert_eq!(lost_samples, (1..=10).collect());
    let (flows, lost_flows) = drain(&mut spool, 1, 1);
    assert_eq!(flows.len() + lost_flows.len(), 60);
    assert!(flows.len() > 15 && lost_flows.len() > 15, "{} kept", flows.len());
    assert_eq!(lost_flows.last().map(|l| l + 1), flows.first().map(|f| f.0), "the oldest go first");
    let reports = reports(&mut spool);
    for (lane, lost) in [(2, &lost_samples), (1, &lost_flows)] {
        let mine: Vec<_> = reports.iter().filter(|r| r.lane == lane).collect();
        assert_eq!(mine.iter().map(|r| r.records).sum::<u64>(), lost.len() as u64);
        assert_eq!(mine.iter().map(|r| r.frames).sum::<u64>(), lost.iter().sum::<u64>());
        assert!(mine.iter().all(|r| r.reason == "spool_full" && r.run == "lab" && r.to_ns > r.from_ns));
    }
    let on_disk: u64 = files(dir.path()).iter().map(|f| f.metadata().unwrap().len()).sum();
    assert!(on_disk <= (1 << 20) + (64 << 10), "{on_disk} bytes on disk");
    // Acknowledged ones make room without a report.
    spool.ack(1, 60);
    for n in 61..=80 {
        spool.append(1, batch(n, 30_000), 1, n).unwrap();
    }
    assert_eq!(self::reports(&mut spool), reports);
    assert_eq!(drain(&mut spool, 1, 61).0.len(), 20);
}

#[test]
fn a_report_that_makes_room_for_another_takes_no_number_twice() {
    for bulk in [20_000, 30_000, 63_000] {
        let dir = temp();
        let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(RealDisk), "lab", 0).unwrap();
        for n in 1..=60 {
            spool.append(2, batch(n, 30_000), 1, n).unwrap();
        }
        // Control records that do not fit push out samples, and the reports about them go before the records.
        for n in 1..=12 {
            spool.append(0, batch(n, bulk), 1, n).unwrap();
        }
        let (mut seq, mut kept) = (1, Vec::new());
        while let Some(Item::Batch(batch)) = spool.read(0, seq, 0) {
            assert_eq!(batch.seq, seq);
            let set = columns::unpack(&batch).unwrap();
            if set.tables[0].name == FlowInterval::TABLE {
                kept.push(which(&batch));
            }
            seq += 1;
        }
        assert_eq!(seq, spool.lane(0).next_seq);
        assert_eq!(kept, (1..=12).collect::<Vec<u64>>());
        // A hole refers to the batch that explains it.
        let (mut seq, mut holes) = (1, 0);
        while let Some(item) = spool.read(2, seq, 0) {
            let Item::Skip { first, last, report, .. } = item else { break };
            let Some(Item::Batch(batch)) = spool.read(0, report, 0) else { panic!("no batch {report}") };
            let set = columns::unpack(&batch).unwrap();
            let why = &columns::records::<LossReport>(&set.tables[0]).unwrap()[0];
            assert_eq!((why.lane, why.first_seq, why.last_seq), (2, first, last));
            (seq, holes) = (last + 1, holes + 1);
        }
        assert!(holes > 0);
    }
}

/// A disk that fails when told to.
#[derive(Clone, Default)]
struct Flaky {
    full: Arc<AtomicBool>,
    fail_sync: Arc<AtomicBool>,
    /// Bytes that may be written before the next append stops half-way; 0 = no such limit.
    tear_after: Arc<AtomicU64>,
}

struct FlakyOutput(Box<dyn Output>, Flaky);

impl Disk for Flaky {
    fn create(&self, path: &Path, space: u64) -> io::Result<Box<dyn Output>> {
        if self.full.load(Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(Box::new(FlakyOutput(RealDisk.create(path, space)?, self.clone())))
    }
    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
    fn total(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

impl Output for FlakyOutput {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left = self.1.tear_after.load(Relaxed);
        if left > 0 && (bytes.len() as u64) >= left {
            self.1.tear_after.store(0, Relaxed);
            self.0.append(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        if left > 0 {
            self.1.tear_after.store(left - bytes.len() as u64, Relaxed);
        }
        self.0.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        if self.1.fail_sync.load(Relaxed) {
            // What a kernel may do: the data is gone, and the next sync will succeed.
            self.1.fail_sync.store(false, Relaxed);
            self.0.truncate(64)?;
            return Err(io::Error::other("I/O error"));
        }
        self.0.sync()
    }
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }
}

#[test]
fn a_failed_sync_is_not_believed() {
    let dir = temp();
    let disk = Flaky::default();
    let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(disk.clone()), "", 0).unwrap();
    for n in 1..=5 {
        spool.append(1, batch(n, 50), 1, 0).unwrap();
    }
    disk.fail_sync.store(true, Relaxed);
    spool.sync(0);
    assert_eq!(drain(&mut spool, 1, 1).0, [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
    spool.append(1, batch(6, 50), 1, 0).unwrap();
    spool.sync(0);
    drop(spool);
    let (mut spool, recovery) = open(dir.path());
    assert_eq!(drain(&mut spool, 1, 1), ((1..=6).map(|n| (n, n)).collect(), BTreeSet::new()), "{recovery:?}");
    assert_eq!(spool.positions()[1], 6);
}

#[test]
fn a_write_torn_by_a_full_disk_leaves_the_log_whole() {
    for tear in 65..400 {
        let dir = temp();
        let disk = Flaky::default();
        let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(disk.clone()), "", 0).unwrap();
        disk.tear_after.store(tear, Relaxed);
        for n in 1..=3 {
            assert_eq!(spool.append(1, batch(n, 30), 1, 0).unwrap(), n, "tear after {tear}: the second try succeeds");
        }
        assert_eq!(drain(&mut spool, 1, 1).0, [(1, 1), (2, 2), (3, 3)], "tear after {tear}");
    }
}

#[test]
fn a_full_disk_is_survived_and_what_was_refused_is_reported_in_its_place() {
    let dir = temp();
    let disk = Flaky::default();
    let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(disk.clone()), "lab 7", 0).unwrap();
    spool.append(1, batch(1, 50), 1, 0).unwrap();
    spool.append(1, batch(2, 70_000), 1, 0).unwrap();
    spool.ack(1, 2);
    disk.full.store(true, Relaxed);
    for n in 3..=5 {
        assert!(matches!(spool.append(1, batch(n, 70_000), 2, 0), Err(SpoolError::Full(_))));
    }
    assert_eq!(spool.positions()[1], 8, "a replay that goes on does not read them again");
    // A report that finds no room waits, and the lane with it.
    assert_eq!(spool.read(1, 3, 0), None);
    drop(spool);
    let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(RealDisk), "other", 0).unwrap();
    assert_eq!((spool.positions()[1], spool.lane(1).next_seq), (8, 6));
    assert_eq!(spool.append(1, batch(6, 50), 1, 0).unwrap(), 6);
    assert_eq!(spool.read(1, 3, 0), Some(Item::Skip { first: 3, last: 5, report: 1, position: 8 }));
    assert_eq!(drain(&mut spool, 1, 3), (vec![(6, 6)], (3..=5).collect()));
    let told = reports(&mut spool);
    assert_eq!(told.len(), 1, "{told:?}");
    let (told, frames) = (&told[0], 3 + 4 + 5);
    assert_eq!((told.lane, told.first_seq, told.last_seq, told.records, told.frames), (1, 3, 5, 3, frames));
    assert_eq!((told.reason.as_str(), told.run.as_str()), ("spool_full", "lab 7"));
}

#[test]
fn a_report_that_waits_speaks_of_what_was_refused_meanwhile_too() {
    let dir = temp();
    let disk = Flaky::default();
    let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(disk.clone()), "", 0).unwrap();
    disk.full.store(true, Relaxed);
    for n in 1..=5 {
        assert!(spool.append(1, batch(n, 50), 1, 0).is_err());
        assert_eq!(spool.read(1, 1, 0), None, "delivery asks, and there is no room for a report");
    }
    disk.full.store(false, Relaxed);
    assert_eq!(drain(&mut spool, 1, 1), (Vec::new(), (1..=5).collect()));
    let told = reports(&mut spool);
    let of: Vec<_> = told.iter().map(|r| (r.first_seq, r.last_seq, r.records, r.frames)).collect();
    assert_eq!(of, [(1, 5, 5, 1 + 2 + 3 + 4 + 5)]);
}

#[test]
fn a_crash_after_a_full_disk_does_not_forget_what_was_refused() {
    let dir = temp();
    let disk = Flaky::default();
    let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(disk.clone()), "", 0).unwrap();
    let lane = dir.path().join(format!("e{:016x}/1", spool.epoch()));
    // No room for segments, nor for the cursor.
    disk.full.store(true, Relaxed);
    fs::create_dir(lane.join("cursor.new")).unwrap();
    for n in 1..=2 {
        assert!(spool.append(1, batch(n, 50), 1, 0).is_err());
    }
    disk.full.store(false, Relaxed);
    fs::remove_dir(lane.join("cursor.new")).unwrap();
    assert_eq!(spool.append(1, batch(3, 50), 1, 0).unwrap(), 3);
    drop(spool);
    let (mut spool, _) = open(dir.path());
    assert_eq!(drain(&mut spool, 1, 1), (vec![(3, 3)], (1..=2).collect()));
    let told = reports(&mut spool);
    let of: Vec<_> = told.iter().map(|r| (r.reason.as_str(), r.records, r.frames)).collect();
    assert_eq!(of, [("spool_full", 2, 1 + 2)]);
}

#[test]
fn what_was_committed_unsaid_and_given_up_is_not_lost() {
    for committed in [0, 1, 7, 20, 39, 40] {
        let dir = temp();
        let (mut spool, _) = Spool::open(dir.path(), limits(1 << 20), Box::new(RealDisk), "lab", 0).unwrap();
        for n in 1..=60 {
            spool.append(1, batch(n, 30_000), 1, n).unwrap();
        }
        // Killed or not, what was given up is known; how far the collector got is known when it says so.
        let mut spool = if committed % 2 == 0 {
            spool
        } else {
            spool.sync(0);
            drop(spool);
            Spool::open(dir.path(), limits(1 << 20), Box::new(RealDisk), "lab", 0).unwrap().0
        };
        spool.ack(1, committed);
        let (kept, lost) = drain(&mut spool, 1, committed + 1);
        assert_eq!(kept.len() + lost.len(), 60 - committed as usize);
        let told = reports(&mut spool);
        assert_eq!(told.iter().map(|r| r.frames).sum::<u64>(), lost.iter().sum::<u64>(), "{committed}: {told:?}");
        // Room for the report itself may cost a segment more.
        assert!(told.len() <= 2 && told.iter().all(|r| r.first_seq > committed), "{committed}: {told:?}");
        let again = drain(&mut spool, 1, committed + 1);
        assert_eq!((again, reports(&mut spool)), ((kept, lost), told), "said once");
    }
}

#[test]
fn a_log_that_went_back_in_time_begins_a_new_epoch() {
    let dir = temp();
    let (mut spool, _) = open(dir.path());
    for n in 1..=5 {
        spool.append(1, batch(n, 0), 1, 0).unwrap();
    }
    spool.ack(1, 2);
    spool.close(0);
    let backup = temp();
    copy(dir.path(), &backup.path().join("s"));
    // Life goes on: 6 and 7 are sent and committed. Then the backup comes back, and 6 is written anew.
    let (mut spool, _) = open(&backup.path().join("s"));
    let old = spool.epoch();
    assert_eq!(spool.append(1, batch(60, 0), 1, 0).unwrap(), 6);
    spool.append(0, batch(1, 0), 1, 0).unwrap();
    spool.new_epoch([0, 7, 0], true, 2_000).unwrap();
    assert!(spool.epoch() > old);
    assert_eq!(drain(&mut spool, 1, 1).0, [(1, 60)], "3 to 5 are committed, 6 is new");
    assert_eq!(drain(&mut spool, 0, 1).0.len(), 1, "the other lanes move too");
    let (id, positions) = (spool.probe_id(), spool.positions());
    spool.close(0);
    let (mut spool, recovery) = open(&backup.path().join("s"));
    assert!(recovery.foreign.is_empty(), "{recovery:?}");
    assert_eq!((id, positions), (spool.probe_id(), spool.positions()));
    assert_eq!(drain(&mut spool, 1, 1).0, [(1, 60)]);
    // The same while connected: what the collector may or may not have is reported, not sent twice.
    spool.append(1, batch(61, 0), 1, 0).unwrap();
    spool.append(1, batch(62, 0), 1, 0).unwrap();
    spool.new_epoch([0, 2, 0], false, 3_000).unwrap();
    assert_eq!(drain(&mut spool, 1, 1).0, [(1, 62)]);
    let told = reports(&mut spool);
    assert_eq!(
        told.iter()
            .filter(|r| r.reason == "rollback")
            .map(|r| (r.first_seq, r.last_seq, r.records))
            .collect::<Vec<_>>(),
        [(2, 2, 1)]
    );
    assert_eq!(LANES, 3);
}
