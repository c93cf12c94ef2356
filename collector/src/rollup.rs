//! Roll-ups: sums of flow records by buckets of 10 s, a minute and an hour.
//!
//! In: committed flow records. Out: the same records merged by point, flow, direction and run, packed by bucket; and which
//! buckets may answer for the records in them. A bucket is always replaced as a whole by what the records say now (`job`), so
//! that it does not matter how often or by which collector that is done. The transaction that commits records also marks
//! their buckets, so a question never takes a bucket that lacks any (`cover`): it reads those records as they were stored.

pub mod cover;
pub mod job;
pub mod pack;
pub mod read;
pub mod sums;

use std::collections::BTreeMap;

use crate::rows::Rows;

/// Buckets of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 10 s: summed from the records.
    Tens,
    /// A minute: summed from those.
    Minutes,
    /// An hour: summed from minutes. What is left of a flow is one record per point and direction: its summary.
    Hours,
}

impl Level {
    /// Length of a bucket, s; its name in the database.
    #[must_use]
    pub fn seconds(self) -> i64 {
        match self {
            Level::Tens => 10,
            Level::Minutes => 60,
            Level::Hours => 3600,
        }
    }

    /// Length of a bucket, ns.
    #[must_use]
    pub fn width_ns(self) -> u64 {
        self.seconds().cast_unsigned() * 1_000_000_000
    }

    /// Start of the bucket that holds a time, ns since the epoch.
    #[must_use]
    pub fn bucket(self, at_ns: u64) -> u64 {
        at_ns - at_ns % self.width_ns()
    }

    /// What its buckets are summed from; `None` = from the records.
    #[must_use]
    pub fn finer(self) -> Option<Level> {
        match self {
            Level::Tens => None,
            Level::Minutes => Some(Level::Tens),
            Level::Hours => Some(Level::Minutes),
        }
    }
}

/// What new records mean for the buckets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Buckets of 10 s that got records, and how many.
    pub buckets: BTreeMap<u64, u64>,
    /// The time of records that fit no bucket: whole lives, and intervals longer than a bucket or across its edge.
    pub gap: Option<(u64, u64)>,
}

impl Touched {
    /// Finds the buckets of flow records.
    #[must_use]
    pub fn by(rows: &Rows) -> Touched {
        let mut touched = Touched::default();
        let lengths = rows.ints("interval_ns");
        for (i, (begins, ends)) in rows.schema.time.bounds(rows).enumerate() {
            let (begins, ends) = (begins.max(0).cast_unsigned(), ends.max(1).cast_unsigned());
            let bucket = Level::Tens.bucket(begins);
            let whole_life = lengths.is_none_or(|l| l[i] == 0);
            if whole_life || ends <= begins || ends > bucket + Level::Tens.width_ns() {
                let end = Level::Tens.bucket(ends.max(begins + 1) - 1).saturating_add(Level::Tens.width_ns());
                let gap = touched.gap.get_or_insert((bucket, end));
                *gap = (gap.0.min(bucket), gap.1.max(end));
            } else {
                *touched.buckets.entry(bucket).or_default() += 1;
            }
        }
        touched
    }
}

/// An unsigned key so that the order of signed integers is its own.
#[must_use]
pub fn ordered(key: u64) -> i64 {
    (key ^ (1 << 63)).cast_signed()
}

#[cfg(test)]
mod tests {
    use sce_proto::{FlowInterval, columns};

    use super::*;

    #[test]
    fn only_what_lies_within_a_bucket_can_be_summed() {
        let s = 1_000_000_000;
        let record = |start: u64, length: u64, first: u64, last: u64| FlowInterval {
            start_ns: start * s,
            interval_ns: length * s,
            first_ns: first * s,
            last_ns: last * s,
            packets: 1,
            ..FlowInterval::default()
        };
        let touched = |records: &[FlowInterval]| {
            let batch = columns::pack(vec![columns::table(records)]);
            Touched::by(&crate::rows::decode(&batch).unwrap().tables[0])
        };
        let fits = touched(&[record(100, 1, 0, 0), record(109, 1, 0, 0), record(110, 10, 0, 0)]);
        assert_eq!(fits, Touched { buckets: BTreeMap::from([(100 * s, 2), (110 * s, 1)]), gap: None });
        assert_eq!(touched(&[record(100, 60, 0, 0)]).gap, Some((100 * s, 160 * s)), "longer than a bucket");
        assert_eq!(touched(&[record(108, 4, 0, 0)]).gap, Some((100 * s, 120 * s)), "across its edge");
        assert_eq!(touched(&[record(0, 0, 95, 131)]).gap, Some((90 * s, 140 * s)), "a whole life");
    }

    #[test]
    fn keys_keep_their_order() {
        let keys = [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX];
        assert!(keys.windows(2).all(|w| ordered(w[0]) < ordered(w[1])));
    }
}
