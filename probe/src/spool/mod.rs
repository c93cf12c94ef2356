//! The spool: everything that was measured and is not yet committed, on disk.
//!
//! In: batches from the meters, acknowledgements from the collector. Out: the same bytes in order, and a loss report for
//! every batch that will not come. A process that is killed loses nothing that was appended; a power failure loses at most
//! what was appended since the last sync; both are reported. The spool reads no clock: times are handed in.
//!
//! ```text
//! DIR/lock                          held while a probe uses the spool
//! DIR/meta.toml                     identity and epoch
//! DIR/clean                         the last end was an orderly one
//! DIR/e<epoch>/<lane>/<seq>.seg     segments: batches as they go on the wire (see format.rs)
//! DIR/e<epoch>/<lane>/cursor        what was acknowledged or given up
//! DIR/bad/                          what was found and could not be used
//! ```
//! When space runs out, marks and samples (lane 2) go first, the oldest segment first, then flow records (lane 1);
//! control and loss reports (lane 0) never go. Before a segment is removed its loss report is durable.

mod cursor;
pub mod disk;
mod format;
mod lane;
mod meta;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use prost::Message;
use sce_proto::{Batch, LossReport, columns};

use cursor::Gap;
use disk::Disk;
pub use disk::RealDisk;
use lane::{Lane, Next};
use meta::Meta;

/// Number of lanes: 0 control and loss, 1 flow records, 2 marks and samples.
pub const LANES: usize = 3;
const CONTROL: usize = 0;
/// Lanes in the order in which they are given up.
const GIVEN_UP: [usize; 2] = [2, 1];

/// Why a spool could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The directory holds other things.
    #[error("{0} is neither empty nor a spool; name an empty or new directory with --spool")]
    NotASpool(PathBuf),
    /// Another probe uses it.
    #[error("the spool {0} is in use by another sce-probe; stop that one or name another directory with --spool")]
    Locked(PathBuf),
    /// The file system said no.
    #[error("spool {}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// No space is left and nothing may be given up.
    #[error("the spool is full: nothing more can be given up within {0} bytes")]
    Full(u64),
}

/// Limits of a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk at most; 0 = the smaller of 1 GiB and a tenth of the file system.
    pub budget_bytes: u64,
    /// Bytes of the file system that stay free; when less are left the oldest records go.
    pub min_free_bytes: u64,
    /// Size of a segment.
    pub segment_bytes: u64,
    /// Age at which a segment is closed, ns.
    pub segment_ns: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        // 8 MiB and a minute: few files, and space comes back soon after the collector has the records.
        Limits { budget_bytes: 0, min_free_bytes: 256 << 20, segment_bytes: 8 << 20, segment_ns: 60_000_000_000 }
    }
}

/// What the spool has for the collector next.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A batch.
    Batch(Batch),
    /// Numbers that will never come. To be told once lane 0 is acknowledged up to the report.
    Skip {
        /// First missing number.
        first: u64,
        /// Last missing number.
        last: u64,
        /// Number of the loss report on lane 0.
        report: u64,
    },
}

/// Where a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneState {
    /// Oldest number that can still be sent.
    pub first_seq: u64,
    /// Number the next new batch will get.
    pub next_seq: u64,
    /// Everything up to here is committed.
    pub acked_seq: u64,
}

/// Bytes and batches that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Bytes of the segments that hold them.
    pub bytes: u64,
    /// Batches not yet acknowledged.
    pub batches: u64,
}

/// What was found when a spool was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// It was there already.
    pub existed: bool,
    /// The probe that used it last did not end in order.
    pub unclean: bool,
    /// End of the time that the newest flow records cover, ns since the epoch; 0 = none there.
    pub newest_ns: u64,
    /// Files that were moved aside.
    pub foreign: Vec<PathBuf>,
}

/// An open spool.
pub struct Spool {
    dir: PathBuf,
    disk: Box<dyn Disk>,
    limits: Limits,
    meta: Meta,
    lanes: [Lane; LANES],
    /// First number of each lane that this process appended.
    own: [u64; LANES],
    /// Reports that could not be written yet.
    unwritten: Vec<LossReport>,
    /// While a segment is given up, the report about it must not cause another to be given up.
    giving_up: bool,
    run: String,
    _lock: File,
}

impl Spool {
    /// Opens or creates a spool. Damage never stops it: what cannot be used is moved aside, what is missing is reported.
    ///
    /// # Errors
    /// The directory cannot be used at all, is in use, or holds other things.
    pub fn open(
        dir: &Path,
        limits: Limits,
        disk: Box<dyn Disk>,
        run: &str,
        now_ns: u64,
    ) -> Result<(Spool, Recovery), SpoolError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| SpoolError::Io { path, error }
        };
        make_private(dir).map_err(at(dir))?;
        if !meta::may_use(dir).map_err(at(dir))? {
            return Err(SpoolError::NotASpool(dir.to_owned()));
        }
        let lock = meta::lock(dir)?;
        let bad = dir.join("bad");
        let mut recovery = Recovery::default();
        let (known, foreign) = Meta::load(dir, &bad).map_err(at(dir))?;
        recovery.existed = known.is_some();
        let identity_lost = foreign.is_some();
        recovery.foreign.extend(foreign);
        let meta = match known {
            Some(meta) => meta,
            None => {
                let meta = Meta::fresh(now_ns).map_err(at(Path::new("/dev/urandom")))?;
                meta.save(dir).map_err(at(dir))?;
                meta
            }
        };
        let clean = dir.join("clean");
        recovery.unclean = recovery.existed && !clean.exists();
        if clean.exists() {
            fs::remove_file(&clean).map_err(at(&clean))?;
        }
        let current = recovery.existed.then_some(meta.epoch);
        put_other_epochs_aside(dir, &bad, current, &mut recovery).map_err(at(dir))?;
        let base = epoch_dir(dir, meta.epoch);
        let mut lost = Vec::new();
        let mut open = |number: usize| {
            let (lane, found) = Lane::open(&base.join(number.to_string()), number as u32, meta.epoch, &bad)?;
            recovery.foreign.extend(found.foreign);
            if number == 1 {
                let newest = found.newest.and_then(|b| Batch::decode(b).ok());
                recovery.newest_ns = newest.map_or(0, |b| b.last_ns);
            }
            lost.extend(found.missing.map(|(first, last)| (number, first, last)));
            Ok::<Lane, io::Error>(lane)
        };
        let lanes = (|| Ok([open(0)?, open(1)?, open(2)?]))().map_err(at(&base))?;
        let own = [lanes[0].next_seq, lanes[1].next_seq, lanes[2].next_seq];
        let mut spool = Spool {
            dir: dir.to_owned(),
            disk,
            limits,
            meta,
            lanes,
            own,
            unwritten: Vec::new(),
            giving_up: false,
            run: run.to_owned(),
            _lock: lock,
        };
        spool.set_budget();
        spool.report_unwritten_gaps();
        if identity_lost {
            // Whatever the old log held was numbered for an identity that is gone.
            let reason = "corrupt".to_owned();
            spool.report(
                LossReport { at_ns: now_ns, reason, lane: 1, run: run.to_owned(), ..LossReport::default() },
                now_ns,
            );
        }
        for (number, first, last) in lost {
            spool.give_up(number, first, last, "corrupt", &[], now_ns);
        }
        Ok((spool, recovery))
    }

    fn set_budget(&mut self) {
        if self.limits.budget_bytes == 0 {
            let tenth = self.disk.total(&self.dir).map_or(u64::MAX, |t| t / 10);
            self.limits.budget_bytes = tenth.min(1 << 30);
        }
        // Three lanes must be able to write at once.
        self.limits.segment_bytes = self.limits.segment_bytes.min(self.limits.budget_bytes / 8).max(64 << 10);
    }

    /// Identity of the probe: 16 random bytes made with the spool.
    #[must_use]
    pub fn probe_id(&self) -> [u8; 16] {
        self.meta.id()
    }

    /// Life of the spool.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.meta.epoch
    }

    /// Where a lane stands.
    #[must_use]
    pub fn lane(&self, lane: usize) -> LaneState {
        let l = &self.lanes[lane];
        LaneState { first_seq: l.first_seq(), next_seq: l.next_seq, acked_seq: l.acked_seq }
    }

    /// Records that the source gave to each lane over the life of the spool, loss reports not counted.
    #[must_use]
    pub fn positions(&self) -> [u64; LANES] {
        [self.lanes[0].position, self.lanes[1].position, self.lanes[2].position]
    }

    /// Bytes that the spool may take on disk.
    #[must_use]
    pub fn budget_bytes(&self) -> u64 {
        self.limits.budget_bytes
    }

    /// What waits for the collector.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        let mut out = Backlog::default();
        for lane in &self.lanes {
            let (bytes, batches) = lane.backlog();
            out.bytes += bytes;
            out.batches += batches;
        }
        out
    }

    /// Changes the experiment label of later loss reports.
    pub fn set_run(&mut self, run: &str) {
        run.clone_into(&mut self.run);
    }

    /// Appends a batch. `source_records` is how many of its records come from the source (all but loss reports).
    ///
    /// # Errors
    /// [`SpoolError::Full`] where nothing more may be given up, or what the disk said. Nothing was appended then.
    pub fn append(
        &mut self,
        lane: usize,
        mut batch: Batch,
        source_records: u64,
        now_ns: u64,
    ) -> Result<u64, SpoolError> {
        self.write_reports(now_ns);
        batch.seq = self.lanes[lane].next_seq;
        let payload = batch.encode_to_vec();
        self.append_bytes(lane, &payload, source_records, now_ns)
    }

    fn append_bytes(&mut self, lane: usize, payload: &[u8], records: u64, now_ns: u64) -> Result<u64, SpoolError> {
        let oldest_ns = now_ns.saturating_sub(self.limits.segment_ns);
        // A second try in a fresh segment: a write error spoils only the segment it struck.
        for last in [false, true] {
            if !self.lanes[lane].has_room(payload.len(), self.limits.segment_bytes, oldest_ns) {
                self.begin(lane, payload.len() as u64, now_ns)?;
            }
            match self.lanes[lane].append(payload, records) {
                Ok(seq) => return Ok(seq),
                Err(error) if last => return Err(SpoolError::Io { path: self.dir.clone(), error }),
                Err(error) => tracing::warn!(%error, lane, "Spool segment could not be written to; trying another"),
            }
        }
        Err(SpoolError::Full(self.limits.budget_bytes))
    }

    /// Begins a segment, giving up old ones as needed.
    fn begin(&mut self, lane: usize, payload: u64, now_ns: u64) -> Result<(), SpoolError> {
        let space = self.limits.segment_bytes.max(payload + 4096);
        loop {
            let used: u64 = self.lanes.iter().map(Lane::space).sum();
            let free = self.disk.free(&self.dir).unwrap_or(u64::MAX);
            let fits = used + space <= self.limits.budget_bytes && free >= space + self.limits.min_free_bytes;
            if !fits && !self.giving_up {
                if self.give_up_oldest(now_ns) {
                    continue;
                }
                if lane != CONTROL {
                    return Err(SpoolError::Full(self.limits.budget_bytes));
                }
            }
            match self.lanes[lane].begin(self.disk.as_ref(), space, now_ns) {
                Ok(()) => return Ok(()),
                Err(e) if full(&e) && !self.giving_up && self.give_up_oldest(now_ns) => {}
                Err(error) if full(&error) => {
                    tracing::warn!(%error, "The spool's file system is full");
                    return Err(SpoolError::Full(used));
                }
                Err(error) => return Err(SpoolError::Io { path: self.dir.clone(), error }),
            }
        }
    }

    /// Gives up the oldest segment of the least important lane that has one. False if there is none. The report about it
    /// may take lane 0 over the budget.
    fn give_up_oldest(&mut self, now_ns: u64) -> bool {
        self.giving_up = true;
        let gave = self.give_up_one(now_ns);
        self.giving_up = false;
        gave
    }

    fn give_up_one(&mut self, now_ns: u64) -> bool {
        for lane in GIVEN_UP {
            // What is acknowledged needs no report.
            if let Err(error) = self.lanes[lane].save() {
                tracing::warn!(%error, lane, "Spool cursor could not be saved");
            }
            match self.lanes[lane].oldest() {
                Ok(None) => {}
                Ok(Some((first, last, batches))) => {
                    if first <= last && !self.give_up(lane, first, last, "spool_full", &batches, now_ns) {
                        return false;
                    }
                    if let Err(error) = self.lanes[lane].drop_oldest() {
                        tracing::warn!(%error, lane, "Spool segment could not be removed");
                        return false;
                    }
                    return true;
                }
                Err(error) => tracing::warn!(%error, lane, "Spool segment could not be read"),
            }
        }
        false
    }

    /// Writes down that these numbers will never come, durably: first in the lane's cursor, then as a report on lane 0.
    fn give_up(
        &mut self,
        lane: usize,
        first: u64,
        last: u64,
        reason: &str,
        batches: &[bytes::Bytes],
        now_ns: u64,
    ) -> bool {
        let mut gap = Gap {
            seqs: first..=last,
            report_seq: self.lanes[CONTROL].next_seq + self.unwritten.len() as u64,
            reason: reason.to_owned(),
            at_ns: now_ns,
            from_ns: 0,
            to_ns: 0,
            records: 0,
            frames: 0,
            bytes: 0,
        };
        for batch in batches.iter().filter_map(|b| Batch::decode(b.clone()).ok()) {
            gap.from_ns = if gap.from_ns == 0 { batch.first_ns } else { gap.from_ns.min(batch.first_ns) };
            gap.to_ns = gap.to_ns.max(batch.last_ns);
            gap.records += u64::from(batch.records);
            gap.frames += batch.frames;
            gap.bytes += batch.payload.len() as u64;
        }
        tracing::warn!(lane, first, last, reason, records = gap.records, "Batches given up");
        let report = self.report_of(lane, &gap);
        self.lanes[lane].gaps.push(gap);
        match self.lanes[lane].save() {
            Ok(()) => {}
            // A full disk needs the space first. After a crash before the next save the numbers are found missing.
            Err(error) if full(&error) => tracing::warn!(%error, lane, "Spool cursor could not be saved yet"),
            Err(error) => {
                tracing::warn!(%error, lane, "Spool cursor could not be saved");
                self.lanes[lane].gaps.pop();
                return false;
            }
        }
        self.report(report, now_ns);
        true
    }

    fn report_of(&self, lane: usize, gap: &Gap) -> LossReport {
        LossReport {
            at_ns: gap.at_ns,
            reason: gap.reason.clone(),
            lane: lane as u32,
            lost_epoch: self.meta.epoch,
            first_seq: *gap.seqs.start(),
            last_seq: *gap.seqs.end(),
            from_ns: gap.from_ns,
            to_ns: gap.to_ns,
            run: self.run.clone(),
            records: gap.records,
            frames: gap.frames,
            bytes: gap.bytes,
        }
    }

    /// Reports of gaps that a crash kept from being written.
    fn report_unwritten_gaps(&mut self) {
        let next = self.lanes[CONTROL].next_seq;
        for lane in 0..LANES {
            let late: Vec<Gap> = self.lanes[lane].gaps.iter().filter(|g| g.report_seq >= next).cloned().collect();
            for gap in late {
                let at_ns = gap.at_ns;
                let report = self.report_of(lane, &gap);
                self.report(report, at_ns);
            }
        }
    }

    /// Writes a loss report to lane 0, durably; keeps it in memory while the disk refuses.
    pub fn report(&mut self, report: LossReport, now_ns: u64) {
        let same = |r: &&mut LossReport| {
            r.reason == report.reason && r.lane == report.lane && r.last_seq == 0 && report.last_seq == 0
        };
        match self.unwritten.iter_mut().find(same) {
            Some(known) => {
                known.records += report.records;
                known.frames += report.frames;
                known.bytes += report.bytes;
                known.to_ns = known.to_ns.max(report.to_ns);
            }
            None => self.unwritten.push(report),
        }
        self.write_reports(now_ns);
    }

    fn write_reports(&mut self, now_ns: u64) {
        while let Some(report) = self.unwritten.first() {
            let mut batch = columns::pack(vec![columns::table(std::slice::from_ref(report))]);
            batch.seq = self.lanes[CONTROL].next_seq;
            (batch.first_ns, batch.last_ns) = (report.at_ns, report.at_ns);
            let payload = batch.encode_to_vec();
            // Taken out first: making room may add reports of its own.
            let report = self.unwritten.remove(0);
            let written = self.append_bytes(CONTROL, &payload, 0, now_ns).and_then(|_| {
                self.lanes[CONTROL].sync().map_err(|error| SpoolError::Io { path: self.dir.clone(), error })
            });
            if let Err(error) = written {
                tracing::warn!(%error, "Loss report could not be written yet");
                self.unwritten.insert(0, report);
                return;
            }
        }
    }

    /// The next thing to send on a lane at or behind a number; `None` at the end of the log.
    pub fn read(&mut self, lane: usize, seq: u64, now_ns: u64) -> Option<Item> {
        let seq = seq.max(1);
        match self.lanes[lane].read(seq) {
            Ok(Next::End) => None,
            Ok(Next::Batch(bytes)) => match Batch::decode(bytes) {
                Ok(batch) => Some(Item::Batch(batch)),
                Err(error) => {
                    tracing::warn!(%error, lane, seq, "Spooled batch does not decode");
                    self.unreadable(lane, seq, seq, now_ns)
                }
            },
            Ok(Next::Gap(gap)) => {
                let report = if lane == CONTROL { 0 } else { gap.report_seq };
                Some(Item::Skip { first: seq, last: *gap.seqs.end(), report })
            }
            Ok(Next::Unreadable(first, last)) => self.unreadable(lane, first, last, now_ns),
            Err(error) => {
                tracing::warn!(%error, lane, seq, "Spool cannot be read");
                self.unreadable(lane, seq, seq, now_ns)
            }
        }
    }

    fn unreadable(&mut self, lane: usize, first: u64, last: u64, now_ns: u64) -> Option<Item> {
        let report = if lane == CONTROL { 0 } else { self.lanes[CONTROL].next_seq };
        // A collector without its former database asks for what another one acknowledged.
        let reason = if last <= self.lanes[lane].acked_seq { "acknowledged_before" } else { "corrupt" };
        self.give_up(lane, first, last, reason, &[], now_ns).then_some(Item::Skip { first, last, report })
    }

    /// Takes note that a lane is committed up to this number.
    pub fn ack(&mut self, lane: usize, seq: u64) {
        self.lanes[lane].ack(seq);
    }

    /// Makes appended batches durable. Where the disk fails, what is still in memory is written to a new segment.
    pub fn sync(&mut self, now_ns: u64) {
        self.write_reports(now_ns);
        for number in 0..LANES {
            let lane = &mut self.lanes[number];
            let Err(error) = lane.sync() else { continue };
            tracing::warn!(%error, lane = number, "Spool segment could not be made durable; writing it again");
            let space = self.limits.segment_bytes;
            if let Err(error) = lane.rewrite(self.disk.as_ref(), space, now_ns) {
                // What was in memory is gone; reading will find the numbers missing and report them.
                tracing::error!(%error, lane = number, "Spool could not be written again");
            }
        }
    }

    /// Saves what was acknowledged and removes files that nobody needs any more.
    pub fn save(&mut self) {
        for lane in &mut self.lanes {
            if let Err(error) = lane.save() {
                tracing::warn!(%error, lane = lane.number, "Spool cursor could not be saved");
            }
        }
    }

    /// Ends in order.
    pub fn close(mut self, now_ns: u64) {
        self.sync(now_ns);
        for lane in &mut self.lanes {
            lane.seal();
        }
        self.save();
        if let Err(error) = disk::replace(&self.dir.join("clean"), b"") {
            tracing::warn!(%error, "The spool could not be marked as closed in order");
        }
    }

    /// Begins a new epoch because the collector's ledger is ahead of this log: the log is an old copy of itself.
    ///
    /// What the collector has not committed moves to the new epoch. Numbers that it has committed were spooled by an
    /// earlier process (then it has them), or by this one: then they are new if this process never spoke to the collector
    /// before (`first_contact`), and cannot be told from committed ones otherwise, in which case they are reported lost
    /// rather than risk counting twice.
    ///
    /// # Errors
    /// What the disk said; the old epoch goes on then.
    pub fn new_epoch(&mut self, committed: [u64; LANES], first_contact: bool, now_ns: u64) -> Result<(), SpoolError> {
        let meta = self.meta.renewed(now_ns);
        let base = epoch_dir(&self.dir, meta.epoch);
        let bad = self.dir.join("bad");
        let at = |error| SpoolError::Io { path: base.clone(), error };
        let open = |n: usize| Lane::open(&base.join(n.to_string()), n as u32, meta.epoch, &bad).map(|l| l.0);
        let mut fresh = [open(0).map_err(at)?, open(1).map_err(at)?, open(2).map_err(at)?];
        let mut lost = Vec::new();
        for lane in 0..LANES {
            let mut seq = self.lanes[lane].acked_seq + 1;
            fresh[lane].position = self.lanes[lane].position;
            let mut doubtful: Vec<Batch> = Vec::new();
            while let Some(item) = self.read(lane, seq, now_ns) {
                let Item::Batch(mut batch) = item else {
                    if let Item::Skip { last, .. } = item {
                        seq = last + 1;
                    }
                    continue;
                };
                let fresh_here = seq >= self.own[lane];
                seq = batch.seq + 1;
                if batch.seq <= committed[lane] && !fresh_here {
                    continue;
                }
                if batch.seq <= committed[lane] && !first_contact {
                    doubtful.push(batch);
                    continue;
                }
                batch.seq = fresh[lane].next_seq;
                let payload = batch.encode_to_vec();
                if !fresh[lane].has_room(payload.len(), self.limits.segment_bytes, 0) {
                    fresh[lane].begin(self.disk.as_ref(), self.limits.segment_bytes, now_ns).map_err(at)?;
                }
                fresh[lane].append(&payload, 0).map_err(at)?;
            }
            fresh[lane].seal();
            fresh[lane].save().map_err(at)?;
            if let (Some(first), Some(last)) = (doubtful.first(), doubtful.last()) {
                lost.push(LossReport {
                    at_ns: now_ns,
                    reason: "rollback".to_owned(),
                    lane: lane as u32,
                    lost_epoch: self.meta.epoch,
                    first_seq: first.seq,
                    last_seq: last.seq,
                    from_ns: doubtful.iter().map(|b| b.first_ns).min().unwrap_or(0),
                    to_ns: doubtful.iter().map(|b| b.last_ns).max().unwrap_or(0),
                    run: self.run.clone(),
                    records: doubtful.iter().map(|b| u64::from(b.records)).sum(),
                    frames: doubtful.iter().map(|b| b.frames).sum(),
                    bytes: doubtful.iter().map(|b| b.payload.len() as u64).sum(),
                });
            }
        }
        meta.save(&self.dir).map_err(at)?;
        let old = epoch_dir(&self.dir, self.meta.epoch);
        tracing::warn!(old = self.meta.epoch, new = meta.epoch, "The collector is ahead of this spool: new epoch");
        self.meta = meta;
        self.lanes = fresh;
        self.own = [1; LANES];
        if let Err(error) = fs::remove_dir_all(&old) {
            tracing::warn!(%error, "The old epoch could not be removed");
        }
        for report in lost {
            self.report(report, now_ns);
        }
        Ok(())
    }
}

fn epoch_dir(dir: &Path, epoch: u64) -> PathBuf {
    dir.join(format!("e{epoch:016x}"))
}

fn make_private(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Directories of other epochs: half-made ones of an interrupted change, or copies. They are not this log.
fn put_other_epochs_aside(dir: &Path, bad: &Path, current: Option<u64>, recovery: &mut Recovery) -> io::Result<()> {
    let current = current.map(|epoch| epoch_dir(dir, epoch));
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.len() == 17 && name.starts_with('e') && current.as_ref() != Some(&path) {
            recovery.foreign.push(lane::set_aside(&path, bad)?);
        }
    }
    Ok(())
}

fn full(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
