//! Giving up: what goes when space runs out, and the reports that say so.
//!
//! In: full disks and damaged segments. Out: gaps in a lane's cursor and loss reports on lane 0, always in this order and
//! durable before the data goes. Nothing here removes a batch without a report about it.

use sce_proto::{Batch, LossReport, columns};

use prost::Message;

use super::cursor::Gap;
use super::{CONTROL, GIVEN_UP, LANES, Spool, full};

impl Spool {
    /// Gives up the oldest segment of the least important lane that has one. False if there is none. The report about it
    /// may take lane 0 over the budget.
    pub(super) fn give_up_oldest(&mut self, now_ns: u64) -> bool {
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
    pub(super) fn give_up(
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
        if batches.is_empty() {
            gap.records = self.lanes[lane].records_between(first, last);
        }
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
    pub(super) fn report_unwritten_gaps(&mut self) {
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

    pub(super) fn write_reports(&mut self, now_ns: u64) {
        if !std::mem::replace(&mut self.reporting, true) {
            self.write_reports_in_turn(now_ns);
            self.reporting = false;
        }
    }

    /// In the order in which gaps were given their reports' numbers.
    fn write_reports_in_turn(&mut self, now_ns: u64) {
        while let Some(report) = self.unwritten.first() {
            let mut batch = columns::pack(vec![columns::table(std::slice::from_ref(report))]);
            (batch.first_ns, batch.last_ns) = (report.at_ns, report.at_ns);
            if let Err(error) = self.append_numbered(CONTROL, &mut batch, 0, now_ns) {
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
}
