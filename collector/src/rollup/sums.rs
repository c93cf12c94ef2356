//! Sums of flow records per point, flow instance, run and direction.
//!
//! In: records, in any order. Out: one record for each, by the merge rules of the fields. Questions and roll-ups add up with
//! the same code, so that a sum of sums is the sum.

use std::collections::BTreeMap;

use sce_proto::{FlowInterval, MergePlan};

/// Sums under construction.
pub struct Sums {
    plan: MergePlan,
    by: BTreeMap<(u64, u64), Vec<Sum>>,
}

/// The records of one flow instance at one point with one run.
pub struct Sum {
    /// The sum of each direction.
    pub totals: [Option<Box<FlowInterval>>; 2],
    run: String,
    latest_ns: [u64; 2],
    /// Records in each.
    pub records: [u32; 2],
}

impl Sums {
    /// Point and flow instance pairs that were added up.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by.len()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by.is_empty()
    }

    /// Sums of some fields; the others are those of the first record.
    #[must_use]
    pub fn new(fields: &[usize]) -> Sums {
        Sums { plan: MergePlan::new::<FlowInterval>(fields), by: BTreeMap::new() }
    }

    /// Adds a record.
    pub fn add(&mut self, record: &FlowInterval) {
        let sums = self.by.entry((record.op, record.flow)).or_default();
        let at = match sums.iter().position(|s| s.run == record.run) {
            Some(at) => at,
            None => {
                let run = record.run.clone();
                sums.push(Sum { run, totals: [None, None], latest_ns: [0, 0], records: [0, 0] });
                sums.len() - 1
            }
        };
        let direction = usize::from(record.direction != 0);
        let sum = &mut sums[at];
        sum.records[direction] += 1;
        let latest = &mut sum.latest_ns[direction];
        match &mut sum.totals[direction] {
            none @ None => *none = Some(Box::new(record.clone())),
            // "The later one" is by time, not by arrival.
            Some(total) if record.start_ns < *latest => put_before(&self.plan, total, Box::new(record.clone())),
            Some(total) => self.plan.merge(&mut **total, record),
        }
        *latest = record.start_ns.max(*latest);
    }

    /// Adds what others added up.
    pub fn absorb(&mut self, others: Sums) {
        for (key, other) in others.finish() {
            let sums = self.by.entry(key).or_default();
            let Some(sum) = sums.iter_mut().find(|s| s.run == other.run) else {
                sums.push(other);
                continue;
            };
            for (direction, theirs) in other.totals.into_iter().enumerate() {
                sum.records[direction] += other.records[direction];
                let latest = &mut sum.latest_ns[direction];
                match (&mut sum.totals[direction], theirs) {
                    (none @ None, theirs) => *none = theirs,
                    (Some(_), None) => {}
                    (Some(total), Some(first)) if first.start_ns < *latest => put_before(&self.plan, total, first),
                    (Some(total), Some(then)) => self.plan.merge(&mut **total, &*then),
                }
                *latest = other.latest_ns[direction].max(*latest);
            }
        }
    }

    /// The sums by point and flow instance.
    pub fn finish(self) -> impl Iterator<Item = ((u64, u64), Sum)> {
        self.by.into_iter().flat_map(|(key, sums)| sums.into_iter().map(move |s| (key, s)))
    }
}

/// Adds to a sum what came before it.
fn put_before(plan: &MergePlan, total: &mut Box<FlowInterval>, mut first: Box<FlowInterval>) {
    plan.merge(&mut *first, total);
    *total = first;
}
