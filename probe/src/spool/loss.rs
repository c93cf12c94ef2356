//! Giving up: what goes when space runs out, what could not be spooled at all, and the reports that say so.
//!
//! In: full disks and damaged segments. Out: gaps in a lane's cursor, durable before the data goes, and loss reports on
//! lane 0. A gap is reported when its turn to be delivered comes: what the collector had committed by then, though its
//! acknowledgement did not arrive, is not lost, and no report says so. Nothing here removes a batch without a gap.

use sce_proto::{Batch, LossReport, columns};

use super::cursor::Gap;
use super::lane::Oldest;
use super::{CONTROL, GIVEN_UP, Item, LANES, Spool, full};

/// So many batches behind the last acknowledged one may have been sent, and perhaps committed; each is a gap of its own.
/// Delivery never has more under way.
pub(crate) const IN_DOUBT: u64 = 1024;

impl Spool {
    /// Gives up the oldest segment of the least important lane that has one. False if there is none.
    pub(super) fn give_up_oldest(&mut self, now_ns: u64) -> bool {
        self.giving_up = true;
        let gave = self.give_up_one(now_ns);
        self.giving_up = false;
        gave
    }

    fn give_up_one(&mut self, now_ns: u64) -> bool {
        for lane in GIVEN_UP {
            match self.lanes[lane].oldest() {
                Ok(None) => {}
                Ok(Some(oldest)) => {
                    if !oldest.seqs.is_empty() && !self.give_up(lane, &oldest, now_ns) {
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

    /// Writes down, durably, that the batches of a segment will not be sent any more. False if the disk fails.
    fn give_up(&mut self, lane: usize, oldest: &Oldest, now_ns: u64) -> bool {
        let sent = self.lanes[lane].perhaps_sent();
        let mut gaps: Vec<Gap> = Vec::new();
        for seq in oldest.seqs.clone() {
            if self.lanes[lane].gaps.iter().any(|g| g.seqs.contains(&seq)) {
                continue;
            }
            let mut one = self.gap(seq, seq, "spool_full", now_ns);
            if let Some(batch) = oldest.batches.get(&seq) {
                one.count(batch);
            }
            match gaps.last_mut() {
                Some(before) if seq > sent && *before.seqs.end() + 1 == seq => before.absorb(&one),
                _ => gaps.push(one),
            }
        }
        let (first, last, records) =
            (oldest.seqs.start(), oldest.seqs.end(), gaps.iter().map(|g| g.records).sum::<u64>());
        tracing::warn!(lane, first, last, reason = "spool_full", records, "Batches given up");
        let known = self.lanes[lane].gaps.len();
        self.lanes[lane].gaps.extend(gaps);
        // A full disk needs the space first. After a crash before the next save the numbers are found missing.
        let saved = self.save_gaps(lane);
        if !saved {
            self.lanes[lane].gaps.truncate(known);
        }
        saved
    }

    /// Notes that records will not come because they could not be spooled: they take a number, so that their loss is
    /// reported in its place and a replay that goes on does not read them again.
    pub fn lose(&mut self, lane: usize, batch: &Batch, source_records: u64, reason: &str, now_ns: u64) {
        let seq = self.lanes[lane].next_seq;
        let mut gap = self.gap(seq, seq, reason, now_ns);
        gap.count(batch);
        gap.refused = true;
        let lane_ = &mut self.lanes[lane];
        lane_.next_seq += 1;
        lane_.position += source_records;
        gap.position = lane_.position;
        match lane_.gaps.last_mut() {
            Some(before) if before.goes_on_in(&gap) => before.absorb(&gap),
            _ => lane_.gaps.push(gap),
        }
        lane_.unsaved = true;
        self.save_gaps(lane);
    }

    /// False if the disk fails for another reason than that it is full.
    pub(super) fn save_gaps(&mut self, lane: usize) -> bool {
        match self.lanes[lane].save() {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, lane, "Spool cursor could not be saved yet");
                full(&error)
            }
        }
    }

    pub(super) fn gap(&self, first: u64, last: u64, reason: &str, now_ns: u64) -> Gap {
        Gap {
            seqs: first..=last,
            report_seq: 0,
            reason: reason.to_owned(),
            run: self.run.clone(),
            position: 0,
            refused: false,
            at_ns: now_ns,
            from_ns: 0,
            to_ns: 0,
            records: 0,
            frames: 0,
            bytes: 0,
        }
    }

    /// Reports a gap whose turn to be delivered has come, with those of the same kind that follow it, and says what the
    /// collector is to pass over. `None` while the report cannot be written.
    pub(super) fn explain(&mut self, lane: usize, gap: Gap, now_ns: u64) -> Option<Item> {
        let (first, waiting) = (*gap.seqs.start(), |r: &LossReport| r.lane == lane as u32 && r.last_seq > 0);
        if !self.unwritten.iter().any(|r| waiting(r) && r.first_seq == first) {
            let gap = self.lanes[lane].unite(gap);
            let (last, reason, records) = (*gap.seqs.end(), gap.reason.clone(), gap.records);
            tracing::warn!(lane, first, last, reason, records, "Batches reported lost");
            let report = self.report_of(lane, &gap);
            self.lanes[lane].gaps.push(gap);
            self.report(report, now_ns);
        } else {
            self.write_reports(now_ns);
        }
        let gap = self.lanes[lane].gaps.iter().find(|g| g.seqs.contains(&first))?;
        // What explains the control lane's own gaps stands behind them: it cannot be waited for.
        let told = lane == CONTROL || gap.report_seq > 0;
        told.then(|| skip(lane, gap, first))
    }

    pub(super) fn report_of(&self, lane: usize, gap: &Gap) -> LossReport {
        LossReport {
            at_ns: gap.at_ns,
            reason: gap.reason.clone(),
            lane: lane as u32,
            lost_epoch: self.meta.epoch,
            first_seq: *gap.seqs.start(),
            last_seq: *gap.seqs.end(),
            from_ns: gap.from_ns,
            to_ns: gap.to_ns,
            run: gap.run.clone(),
            records: gap.records,
            frames: gap.frames,
            bytes: gap.bytes,
        }
    }

    /// Gaps whose reports a crash kept from being written are as if nothing had been reported.
    pub(super) fn unlink_missing_reports(&mut self) {
        let next = self.lanes[CONTROL].next_seq;
        for gap in self.lanes.iter_mut().flat_map(|l| &mut l.gaps).filter(|g| g.report_seq >= next) {
            gap.report_seq = 0;
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

    pub(super) fn write_reports(&mut self, now_ns: u64) {
        while let Some(waiting) = self.unwritten.first() {
            let (lane, first) = (waiting.lane as usize, waiting.first_seq);
            let about = (waiting.last_seq > 0 && waiting.lost_epoch == self.meta.epoch && lane < LANES)
                .then_some((lane, first));
            // While the report waited its gap may have taken in more.
            let gap = about.and_then(|_| self.lanes[lane].gaps.iter().find(|g| *g.seqs.start() == first));
            let report = gap.map_or_else(|| waiting.clone(), |gap| self.report_of(lane, gap));
            let mut batch = columns::pack(vec![columns::table(std::slice::from_ref(&report))]);
            (batch.first_ns, batch.last_ns) = (report.at_ns, report.at_ns);
            if let Err(error) = self.append_numbered(CONTROL, &mut batch, 0, about, now_ns) {
                tracing::warn!(%error, "Loss report could not be written yet");
                return;
            }
            self.unwritten.remove(0);
            // Appended once is enough: the next sync of the spool writes it again where the disk lost it.
            if let Err(error) = self.lanes[CONTROL].sync() {
                tracing::warn!(%error, "Loss report could not be made durable yet");
            }
        }
    }

    /// Puts down which number the report about a gap gets; 0 = none after all.
    pub(super) fn note_report(&mut self, lane: usize, first: u64, report_seq: u64) {
        if let Some(gap) = self.lanes[lane].gaps.iter_mut().find(|g| *g.seqs.start() == first) {
            gap.report_seq = report_seq;
            self.save_gaps(lane);
        }
    }
}

/// What to tell the collector of a gap from a number on.
pub(super) fn skip(lane: usize, gap: &Gap, first: u64) -> Item {
    let report = if lane == CONTROL { 0 } else { gap.report_seq };
    Item::Skip { first, last: *gap.seqs.end(), report, position: gap.position }
}

impl Gap {
    /// Takes a batch into its sums.
    fn count(&mut self, batch: &Batch) {
        self.from_ns = if self.from_ns == 0 { batch.first_ns } else { self.from_ns.min(batch.first_ns) };
        self.to_ns = self.to_ns.max(batch.last_ns);
        self.records += u64::from(batch.records);
        self.frames += batch.frames;
        self.bytes += batch.payload.len() as u64;
        self.position = batch.position;
    }

    /// Whether the next gap is of the same kind and begins where this one ends, both without a report, both of what the
    /// log never held.
    fn goes_on_in(&self, next: &Gap) -> bool {
        self.refused && next.refused && self.report_seq == 0 && self.may_join(next)
    }

    pub(super) fn may_join(&self, next: &Gap) -> bool {
        *self.seqs.end() + 1 == *next.seqs.start() && self.reason == next.reason && self.run == next.run
    }

    /// Takes in the gap that follows.
    pub(super) fn absorb(&mut self, next: &Gap) {
        self.seqs = *self.seqs.start()..=*next.seqs.end();
        self.from_ns = [self.from_ns, next.from_ns].into_iter().filter(|t| *t > 0).min().unwrap_or(0);
        self.to_ns = self.to_ns.max(next.to_ns);
        self.records += next.records;
        self.frames += next.frames;
        self.bytes += next.bytes;
        self.position = self.position.max(next.position);
        self.refused &= next.refused;
    }
}
