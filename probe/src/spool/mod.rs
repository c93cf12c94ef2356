//! The spool: everything that was measured and is not yet committed, on disk.
//!
//! In: batches from the meters, acknowledgements from the collector. Out: the same bytes in order, and a loss report for
//! every batch that will not come. A process that is killed loses nothing that was appended; a power failure loses at most
//! what was appended since the last sync; both are reported. The spool reads no clock: times are handed in.
//!
//! ```text
//! DIR/lock                          held while a probe uses the spool
//! DIR/meta.toml                     identity and epoch, twice: it survives a damaged byte, as the cursors do
//! DIR/clean                         the last end was an orderly one
//! DIR/e<epoch>/<lane>/<seq>.seg     segments: batches as they go on the wire (see format.rs)
//! DIR/e<epoch>/<lane>/cursor        what was acknowledged or given up
//! DIR/bad/                          what was found and could not be used
//! ```
//! When space runs out, marks and samples (lane 2) go first, the oldest segment first, then flow records (lane 1);
//! control and loss reports (lane 0) never go. Before a segment is removed it is written down what it held; that is
//! reported when it would have been sent, if the collector has not got it by then (see loss.rs).

mod cursor;
pub mod disk;
mod format;
mod lane;
mod loss;
mod meta;
mod renew;
pub(crate) mod twice;
mod types;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use prost::Message;
use sce_proto::{Batch, LossReport};

use disk::Disk;
pub use disk::RealDisk;
use lane::{Lane, Next};
pub(crate) use loss::IN_DOUBT;
use meta::Meta;
pub use types::{Backlog, Item, LaneState, Limits, Recovery, SpoolError};

/// Number of lanes: 0 control and loss, 1 flow records, 2 marks and samples.
pub const LANES: usize = 3;
const CONTROL: usize = 0;
/// Lanes in the order in which they are given up.
const GIVEN_UP: [usize; 2] = [2, 1];

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
        meta::make_private(dir).map_err(at(dir))?;
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
        let mut open = |number: usize| {
            let (lane, found) = Lane::open(&base.join(number.to_string()), number as u32, meta.epoch, &bad)?;
            recovery.foreign.extend(found.foreign);
            if number == 1 {
                let newest = found.newest.and_then(|b| Batch::decode(b).ok());
                recovery.newest_ns = newest.map_or(0, |b| b.last_ns);
            }
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
        spool.unlink_missing_reports();
        if identity_lost {
            // Whatever the old log held was numbered for an identity that is gone.
            let reason = "corrupt".to_owned();
            spool.report(
                LossReport { at_ns: now_ns, reason, lane: 1, run: run.to_owned(), ..LossReport::default() },
                now_ns,
            );
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
    /// [`SpoolError::Full`] where nothing more may be given up, or what the disk said. The batch is noted as lost then.
    pub fn append(
        &mut self,
        lane: usize,
        mut batch: Batch,
        source_records: u64,
        now_ns: u64,
    ) -> Result<u64, SpoolError> {
        self.write_reports(now_ns);
        // What was refused stands in no segment: before one goes on behind it, it is written down if the disk lets us.
        if self.lanes[lane].unsaved {
            self.save_gaps(lane);
        }
        let appended = self.append_numbered(lane, &mut batch, source_records, None, now_ns);
        if appended.is_err() {
            self.lose(lane, &batch, source_records, "spool_full", now_ns);
        }
        appended
    }

    /// Appends a batch, `about` = the lane and beginning of the gap whose report it is.
    fn append_numbered(
        &mut self,
        lane: usize,
        batch: &mut Batch,
        records: u64,
        about: Option<(usize, u64)>,
        now_ns: u64,
    ) -> Result<u64, SpoolError> {
        batch.position = self.lanes[lane].position + records;
        let oldest_ns = now_ns.saturating_sub(self.limits.segment_ns);
        let size = batch.encoded_len() + lane::NUMBER;
        // A second try in a fresh segment: a write error spoils only the segment it struck.
        for last in [false, true] {
            if !self.lanes[lane].has_room(size, self.limits.segment_bytes, oldest_ns) {
                self.begin(lane, size as u64, now_ns)?;
            }
            // Now that there is room, nothing else can take the number.
            if let Some((of, first)) = about {
                self.note_report(of, first, self.lanes[lane].next_seq);
            }
            match self.lanes[lane].append(batch, records) {
                Ok(seq) => return Ok(seq),
                Err(error) => {
                    if let Some((of, first)) = about {
                        self.note_report(of, first, 0);
                    }
                    if last {
                        return Err(SpoolError::Io { path: self.dir.clone(), error });
                    }
                    tracing::warn!(%error, lane, "Spool segment could not be written to; trying another");
                }
            }
        }
        Err(SpoolError::Full(self.limits.budget_bytes))
    }

    /// Begins a segment, giving up old ones as needed.
    fn begin(&mut self, lane: usize, payload: u64, now_ns: u64) -> Result<(), SpoolError> {
        let space = self.limits.segment_bytes.max(payload + 4096);
        let mut saved = false;
        loop {
            let used: u64 = self.lanes.iter().map(Lane::space).sum();
            let free = self.disk.free(&self.dir).unwrap_or(u64::MAX);
            let fits = used + space <= self.limits.budget_bytes && free >= space + self.limits.min_free_bytes;
            if !fits && !self.giving_up {
                if self.make_room(&mut saved, now_ns) {
                    continue;
                }
                if lane != CONTROL {
                    return Err(SpoolError::Full(self.limits.budget_bytes));
                }
            }
            match self.lanes[lane].begin(self.disk.as_ref(), space, now_ns) {
                Ok(()) => return Ok(()),
                Err(e) if full(&e) && !self.giving_up && self.make_room(&mut saved, now_ns) => {}
                Err(error) if full(&error) => {
                    tracing::warn!(%error, "The spool's file system is full");
                    return Err(SpoolError::Full(used));
                }
                Err(error) => return Err(SpoolError::Io { path: self.dir.clone(), error }),
            }
        }
    }

    /// What is acknowledged goes first and leaves no gap, then the oldest. False if there is nothing.
    fn make_room(&mut self, saved: &mut bool, now_ns: u64) -> bool {
        if !std::mem::replace(saved, true) {
            self.save();
            return true;
        }
        self.give_up_oldest(now_ns)
    }

    /// The next thing to send on a lane at or behind a number, which the collector has not: what was given up there is
    /// reported now. `None` at the end of the log, and while a report cannot be written.
    pub fn read(&mut self, lane: usize, seq: u64, now_ns: u64) -> Option<Item> {
        let seq = seq.max(1);
        match self.look(lane, seq, now_ns)? {
            Look::Batch(batch) => Some(Item::Batch(batch)),
            Look::Gap(gap) if gap.report_seq > 0 => Some(loss::skip(lane, &gap, seq)),
            Look::Gap(gap) => self.explain(lane, gap, now_ns),
        }
    }

    /// What stands at a number; nothing is reported.
    fn look(&mut self, lane: usize, seq: u64, now_ns: u64) -> Option<Look> {
        let (first, last) = match self.lanes[lane].read(seq) {
            Ok(Next::End) => return None,
            Ok(Next::Gap(gap)) => return Some(Look::Gap(gap)),
            Ok(Next::Unreadable(first, last)) => (first, last),
            Ok(Next::Batch(bytes)) => match Batch::decode(bytes) {
                Ok(batch) => return Some(Look::Batch(Batch { seq, ..batch })),
                Err(error) => {
                    tracing::warn!(%error, lane, seq, "Spooled batch does not decode");
                    (seq, seq)
                }
            },
            Err(error) => {
                tracing::warn!(%error, lane, seq, "Spool cannot be read");
                (seq, seq)
            }
        };
        // A collector without its former database asks for what another one acknowledged.
        let reason = if last <= self.lanes[lane].acked_seq { "acknowledged_before" } else { "corrupt" };
        let records = self.lanes[lane].records_between(first, last);
        Some(Look::Gap(cursor::Gap { records, ..self.gap(first, last, reason, now_ns) }))
    }

    /// Checksum of a batch that is still here; `None` also where it cannot be read, of which nothing is made.
    pub fn checksum(&mut self, lane: usize, seq: u64) -> Option<u32> {
        match self.lanes[lane].read(seq.max(1)) {
            Ok(Next::Batch(bytes)) => Batch::decode(bytes).ok().map(|b| b.crc32c),
            _ => None,
        }
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
}

/// What stands at a number.
enum Look {
    Batch(Batch),
    /// Nothing, known before or found now.
    Gap(cursor::Gap),
}

fn epoch_dir(dir: &Path, epoch: u64) -> PathBuf {
    dir.join(format!("e{epoch:016x}"))
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
