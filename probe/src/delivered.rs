//! Up to when the flow records of each observation point have left this probe.
//!
//! In: which intervals' records were handed over, when all of them were in the spool, and how far the spool was acknowledged.
//! Out: a time per observation point that goes into its next `ProbeInterval`. A quiet flow has no records, so only this lets
//! the collector tell "nothing more passed" from "the records are still on their way": the lanes do not wait for each other.

use std::collections::BTreeMap;

use sce_proto::ProbeInterval;

use crate::spool::LaneState;

/// Follows the flow records of a process through the spool.
#[derive(Debug, Default)]
pub struct Delivered {
    /// By observation point, ns since the epoch.
    until_ns: BTreeMap<u64, u64>,
    /// Ends of the intervals whose records were handed over since the last look.
    handed_ns: BTreeMap<u64, u64>,
    asked: Option<Asked>,
}

/// Intervals whose records are all in the spool.
#[derive(Debug)]
struct Asked {
    epoch: u64,
    /// The newest batch then: when it is acknowledged, so are all before it.
    last_seq: u64,
    ends_ns: BTreeMap<u64, u64>,
}

impl Delivered {
    /// Takes note of an interval whose flow records have all been handed over, and completes its record.
    pub fn complete(&mut self, record: &mut ProbeInterval) {
        record.delivered_until_ns_last = self.until_ns.get(&record.op).copied().unwrap_or(0);
        self.handed_ns.insert(record.op, record.start_ns.saturating_add(record.interval_ns));
    }

    /// Looks where the lane of the flow records stands, in this epoch of the spool. `all`: everything that was handed over
    /// has been put into the spool.
    pub fn look(&mut self, epoch: u64, lane: LaneState, all: bool) {
        // Another epoch numbers anew: what was asked there has no answer here.
        if self.asked.as_ref().is_some_and(|a| a.epoch != epoch) {
            self.asked = None;
        }
        if let Some(asked) = self.asked.take_if(|a| a.last_seq <= lane.acked_seq) {
            self.until_ns.extend(asked.ends_ns);
        }
        if self.asked.is_none() && all && !self.handed_ns.is_empty() {
            let ends_ns = std::mem::take(&mut self.handed_ns);
            self.asked = Some(Asked { epoch, last_seq: lane.next_seq.saturating_sub(1), ends_ns });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(op: u64, end_ns: u64) -> ProbeInterval {
        ProbeInterval { op, start_ns: end_ns - 10, interval_ns: 10, ..ProbeInterval::default() }
    }

    fn lane(next_seq: u64, acked_seq: u64) -> LaneState {
        LaneState { first_seq: acked_seq + 1, next_seq, acked_seq }
    }

    fn told(delivered: &mut Delivered, op: u64, end_ns: u64) -> u64 {
        let mut record = interval(op, end_ns);
        delivered.complete(&mut record);
        record.delivered_until_ns_last
    }

    #[test]
    fn an_interval_is_delivered_when_its_last_batch_is_acknowledged() {
        let mut d = Delivered::default();
        assert_eq!(told(&mut d, 1, 100), 0);
        // Its records wait for others to share a batch.
        d.look(7, lane(4, 3), false);
        assert_eq!(told(&mut d, 1, 110), 0);
        // They are in batch 4, which is not acknowledged yet.
        d.look(7, lane(5, 3), true);
        d.look(7, lane(6, 3), true);
        assert_eq!((told(&mut d, 1, 120), told(&mut d, 2, 120)), (0, 0));
        d.look(7, lane(6, 4), true);
        assert_eq!((told(&mut d, 1, 130), told(&mut d, 2, 130)), (110, 0));
        // Batch 5 was the newest when the last question was asked.
        d.look(7, lane(7, 5), true);
        assert_eq!((told(&mut d, 1, 140), told(&mut d, 2, 140)), (120, 120));
    }

    #[test]
    fn an_idle_lane_delivers_as_time_goes_on() {
        let mut d = Delivered::default();
        for end_ns in [100, 110, 120, 130] {
            let known = told(&mut d, 1, end_ns);
            assert_eq!(known, if end_ns < 120 { 0 } else { end_ns - 20 });
            d.look(1, lane(1, 0), true);
        }
    }

    #[test]
    fn another_epoch_answers_nothing() {
        let mut d = Delivered::default();
        told(&mut d, 1, 100);
        d.look(1, lane(9, 3), true);
        d.look(2, lane(6, 5), true);
        assert_eq!(told(&mut d, 1, 110), 0, "batch 8 of the old epoch may be any of the new one");
        d.look(2, lane(6, 5), true);
        d.look(2, lane(6, 5), true);
        assert_eq!(told(&mut d, 1, 120), 110);
    }
}
