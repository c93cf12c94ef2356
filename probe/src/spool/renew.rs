//! A new epoch: what becomes of a log that turned out to be an old copy of itself.
//!
//! In: how far the collector's ledger is. Out: a fresh log with what the collector has not, and loss reports for what
//! cannot be told apart; or, where the source can be read again, an empty log that stands where the collector does. Never
//! sends twice what may be committed.

use std::fs;

use prost::Message;
use sce_proto::{Batch, LossReport, Record as _, columns};

use super::lane::Lane;
use super::meta::Meta;
use super::{CONTROL, LANES, Look, Spool, SpoolError, epoch_dir};
use crate::deliver::Reached;

impl Spool {
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
        self.drop_reports_of_this_epoch();
        let (meta, mut fresh) = self.next(now_ns)?;
        let base = epoch_dir(&self.dir, meta.epoch);
        let at = |error| SpoolError::Io { path: base.clone(), error };
        let mut lost = Vec::new();
        for lane in 0..LANES {
            let mut seq = self.lanes[lane].acked_seq.max(committed[lane].min(self.own[lane] - 1)) + 1;
            fresh[lane].position = self.lanes[lane].position;
            let mut doubtful: Vec<Batch> = Vec::new();
            while let Some(found) = self.look(lane, seq, now_ns) {
                let mut batch = match found {
                    Look::Batch(batch) => batch,
                    Look::Gap(gap) => {
                        seq = gap.seqs.end() + 1;
                        if gap.report_seq == 0 {
                            lost.push(self.report_of(lane, &gap));
                        }
                        continue;
                    }
                };
                seq = batch.seq + 1;
                if batch.seq <= committed[lane] && !first_contact {
                    doubtful.push(batch);
                    continue;
                }
                let size = batch.encoded_len() + super::lane::NUMBER;
                if !fresh[lane].has_room(size, self.limits.segment_bytes, 0) {
                    fresh[lane].begin(self.disk.as_ref(), self.limits.segment_bytes, now_ns).map_err(at)?;
                }
                fresh[lane].append(&mut batch, 0).map_err(at)?;
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
        self.change(meta, fresh)?;
        for report in lost {
            self.report(report, now_ns);
        }
        Ok(())
    }

    /// Begins a new, empty epoch that stands where the collector does: the source will be read again and all its records up
    /// to there passed over. Loss reports that the collector has not are kept, but for those about records that will be read
    /// again.
    ///
    /// # Errors
    /// The collector does not say where it stands, or what the disk said; the old epoch goes on then.
    pub fn catch_up(&mut self, reached: Reached, now_ns: u64) -> Result<(), SpoolError> {
        if reached.positions == [0; LANES] {
            return Err(SpoolError::Behind(self.dir.clone()));
        }
        self.drop_reports_of_this_epoch();
        let mut reports = Vec::new();
        let mut seq = self.lanes[CONTROL].acked_seq.max(reached.seqs[CONTROL].min(self.own[CONTROL] - 1)) + 1;
        while let Some(found) = self.look(CONTROL, seq, now_ns) {
            match found {
                Look::Gap(gap) => {
                    seq = gap.seqs.end() + 1;
                    if gap.report_seq == 0 {
                        reports.push(self.report_of(CONTROL, &gap));
                    }
                }
                Look::Batch(batch) => {
                    let tables = columns::unpack(&batch).map(|set| set.tables).unwrap_or_default();
                    for table in tables.iter().filter(|t| t.name == LossReport::TABLE) {
                        reports.extend(columns::records::<LossReport>(table).unwrap_or_default());
                    }
                    seq = batch.seq + 1;
                }
            }
        }
        let comes_again = |r: &LossReport| {
            let reached = reached.seqs.get(r.lane as usize).copied().unwrap_or(u64::MAX);
            r.lane != CONTROL as u32 && r.lost_epoch == self.meta.epoch && r.first_seq > reached
        };
        reports.retain(|r| !comes_again(r));
        let (meta, mut fresh) = self.next(now_ns)?;
        let base = epoch_dir(&self.dir, meta.epoch);
        let at = |error| SpoolError::Io { path: base.clone(), error };
        for (lane, position) in fresh.iter_mut().zip(reached.positions) {
            lane.position = position;
            lane.save().map_err(at)?;
        }
        self.change(meta, fresh)?;
        for report in reports {
            self.report(report, now_ns);
        }
        Ok(())
    }

    /// Reports about gaps that the disk has refused until now: the gaps still stand as unreported.
    fn drop_reports_of_this_epoch(&mut self) {
        let epoch = self.meta.epoch;
        self.unwritten.retain(|r| r.last_seq == 0 || r.lost_epoch != epoch);
    }

    /// The epoch after this one, with empty lanes on the disk.
    fn next(&self, now_ns: u64) -> Result<(Meta, [Lane; LANES]), SpoolError> {
        let meta = self.meta.renewed(now_ns);
        let base = epoch_dir(&self.dir, meta.epoch);
        let bad = self.dir.join("bad");
        let open = |n: usize| {
            let lane = Lane::open(&base.join(n.to_string()), n as u32, meta.epoch, &bad);
            lane.map(|l| l.0).map_err(|error| SpoolError::Io { path: base.clone(), error })
        };
        let lanes = [open(0)?, open(1)?, open(2)?];
        Ok((meta, lanes))
    }

    /// Goes over to another epoch, whose lanes are on the disk already.
    fn change(&mut self, meta: Meta, lanes: [Lane; LANES]) -> Result<(), SpoolError> {
        meta.save(&self.dir).map_err(|error| SpoolError::Io { path: self.dir.clone(), error })?;
        let old = epoch_dir(&self.dir, self.meta.epoch);
        tracing::warn!(old = self.meta.epoch, new = meta.epoch, "The collector is ahead of this spool: new epoch");
        self.meta = meta;
        self.lanes = lanes;
        self.own = [1; LANES];
        if let Err(error) = fs::remove_dir_all(&old) {
            tracing::warn!(%error, "The old epoch could not be removed");
        }
        Ok(())
    }
}
