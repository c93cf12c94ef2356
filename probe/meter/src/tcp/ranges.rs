//! A bounded set of sequence ranges, sorted in serial order: the SACK scoreboard of one direction.

use super::serial::{advance, after, later};

/// Ranges at most. Linux and others report four blocks per ACK, so more than this many separate losses are rare.
const MAX_RANGES: usize = 64;

/// Ranges `[start, end)` that neither overlap nor touch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// Adds a range; the number of bytes that were not in the set. A range that does not fit is not added and counts
    /// nothing now: it will when the cumulative acknowledgement covers it.
    pub(crate) fn insert(&mut self, start: u32, end: u32) -> u32 {
        let first = self.0.partition_point(|r| after(start, r.1));
        let last = first + self.0[first..].partition_point(|r| !after(r.0, end));
        if first == last {
            if self.0.len() >= MAX_RANGES {
                return 0;
            }
            self.0.insert(first, (start, end));
            return end.wrapping_sub(start);
        }
        let had: u32 = self.0[first..last].iter().map(|r| r.1.wrapping_sub(r.0)).sum();
        let low = if after(self.0[first].0, start) { start } else { self.0[first].0 };
        let high = later(self.0[last - 1].1, end);
        self.0[first] = (low, high);
        self.0.drain(first + 1..last);
        high.wrapping_sub(low).saturating_sub(had)
    }

    /// Forgets everything below a number; how many bytes of it were in the set.
    pub(crate) fn remove_below(&mut self, limit: u32) -> u32 {
        let gone = self.0.partition_point(|r| !after(r.1, limit));
        let mut bytes: u32 = self.0.drain(..gone).map(|r| r.1.wrapping_sub(r.0)).sum();
        if let Some(first) = self.0.first_mut()
            && after(limit, first.0)
        {
            bytes += limit.wrapping_sub(first.0);
            first.0 = limit;
        }
        bytes
    }

    /// Whether all of `[start, end)` is in the set.
    pub(crate) fn contains(&self, start: u32, end: u32) -> bool {
        self.0.iter().any(|r| !after(r.0, start) && !after(end, r.1))
    }

    /// Number of bytes in the set.
    pub(crate) fn bytes(&self) -> u32 {
        self.0.iter().map(|r| advance(r.0, r.1).unsigned_abs()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set_across_the_wrap(base in any::<u32>(), steps in proptest::collection::vec((0u32..300, 1u32..40, any::<bool>()), 1..60)) {
            let (mut ranges, mut set, mut floor) = (Ranges::default(), BTreeSet::new(), 0);
            for (at, length, cut) in steps {
                if cut {
                    floor = floor.max(at / 2);
                    let removed = ranges.remove_below(base.wrapping_add(floor));
                    let kept = set.split_off(&floor);
                    prop_assert_eq!(removed as usize, set.len());
                    set = kept;
                } else {
                    let (start, end) = (at.max(floor), (at + length).max(floor + 1).max(at.max(floor) + 1));
                    let before = set.len();
                    set.extend(start..end);
                    prop_assert_eq!(ranges.insert(base.wrapping_add(start), base.wrapping_add(end)) as usize, set.len() - before);
                    prop_assert!(ranges.contains(base.wrapping_add(start), base.wrapping_add(end)));
                }
                prop_assert_eq!(ranges.bytes() as usize, set.len());
            }
        }
    }
}
