//! The course of a join: which flows there are, what each point saw of them, whose clocks they compare, what happened to them.
//!
//! In: what `correlate` was given. Out: joined flows, in the order of the groups. A flow needs nothing of another but the
//! clocks, so that a list of flows can be dealt out to threads; the answer is the same on any number of them.

use std::collections::BTreeMap;

use sce_proto::ObservationPoint;

use super::join::{Facts, Group, join};
use super::line::Spare;
use super::pool::{self, Clocks, Pool};
use super::{Joined, Options, Sighting, Vantage, Work};
use crate::aside::threads;

/// Flows from which on another thread is worth while.
const WORTH: usize = 64;

/// Deals a list out to threads; what they make of it, in the order of the list.
pub(super) fn spread<T: Send, R: Send>(
    mut list: Vec<T>,
    threads: usize,
    work: impl Fn(Vec<T>) -> Vec<R> + Sync,
) -> Vec<R> {
    if threads < 2 {
        return work(list);
    }
    let share = list.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let mut tasks = Vec::new();
        while !list.is_empty() {
            let rest = list.split_off(share.min(list.len()));
            let part = std::mem::replace(&mut list, rest);
            tasks.push(scope.spawn(|| work(part)));
        }
        tasks.into_iter().flat_map(|task| task.join().unwrap_or_else(|why| std::panic::resume_unwind(why))).collect()
    })
}

/// All flows of a question, before it is known what happened to them.
pub(super) struct Scene<'a> {
    points: BTreeMap<u64, Vantage<'a>>,
    sightings: &'a [Sighting],
    options: &'a Options,
    groups: Vec<Group>,
    /// Indices of the groups that compare clocks.
    pub(super) comparing: Vec<usize>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(points: &'a [ObservationPoint], sightings: &'a [Sighting], options: &'a Options) -> Self {
        let facts = Facts::of_all(sightings);
        let groups = join(&facts);
        let comparing = pool::comparing(&facts, &groups);
        let points = points.iter().map(|p| (p.op, Vantage::new(p, options))).collect();
        Scene { points, sightings, options, groups, comparing }
    }

    /// On how many threads the join is worth while.
    pub(super) fn threads(&self) -> usize {
        threads().min(self.groups.len() / WORTH)
    }

    /// Lays out what each point saw of some groups.
    pub(super) fn begin(&'a self, groups: Vec<usize>) -> Vec<(usize, Work<'a>)> {
        let mut spare = Spare::default();
        groups.into_iter().map(|at| (at, self.work(at, &mut spare))).collect()
    }

    fn work(&'a self, at: usize, spare: &mut Spare<'a>) -> Work<'a> {
        Work::new(&self.points, self.sightings, &self.groups[at], self.options, spare)
    }

    /// The clocks as some groups compare them, and all groups, with what was laid out of them.
    pub(super) fn clocks(&'a self, compared: Vec<(usize, Work<'a>)>) -> (Clocks, Vec<Begun<'a>>) {
        let mut clocks = Pool::new(&self.points, self.options);
        let mut works: Vec<Begun<'a>> = (0..self.groups.len()).map(|at| (at, None)).collect();
        for (at, work) in compared {
            work.hops.iter().for_each(|hop| clocks.add(hop, &work.views));
            works[at].1 = Some(work);
        }
        (clocks.estimate(), works)
    }

    pub(super) fn finish(&'a self, works: Vec<Begun<'a>>, clocks: &Clocks, mut each: impl FnMut(Joined)) {
        let mut spare = Spare::default();
        for (at, begun) in works {
            ahead(self.sightings, &self.groups, at);
            let mut work = begun.unwrap_or_else(|| self.work(at, &mut spare));
            work.finish(clocks, self.options);
            spare.take(work.views);
            each(work.joined);
        }
    }
}

/// A group and what was laid out of it.
pub(super) type Begun<'a> = (usize, Option<Work<'a>>);

/// Asks the memory for what the next flows need. Records are wide and those of a flow lie far apart, so that without it
/// most of the time is spent waiting for them.
fn ahead(sightings: &[Sighting], groups: &[Group], at: usize) {
    let of = |at: usize| groups.get(at).into_iter().flat_map(|g| &g.members).filter_map(|m| sightings.get(*m));
    for s in of(at + 3) {
        s.totals.iter().flatten().for_each(|t| sce_proto::fetch::value(&**t));
        sce_proto::fetch::value(&s.marks);
    }
    for records in of(at + 2).flat_map(|s| &s.marks) {
        sce_proto::fetch::slice(records);
    }
    for record in of(at + 1).flat_map(|s| &s.marks).flatten() {
        sce_proto::fetch::slice(&record.trail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_threads_keeps_the_order() {
        for (length, threads) in [(0, 4), (1, 4), (7, 3), (8, 4), (100, 1), (100, 16)] {
            let list: Vec<usize> = (0..length).collect();
            let doubled = spread(list, threads, |part| part.into_iter().map(|n| n * 2).collect());
            assert_eq!(doubled, (0..length).map(|n| n * 2).collect::<Vec<_>>());
        }
    }
}
