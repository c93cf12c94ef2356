//! Packet delay variation, RFC 5481 section 4.2: how far each delay lies above the smallest one of its interval.
//!
//! In: delays, whose zero nobody knows. Out: a distribution whose smallest value is 0. The smallest delay is known only when
//! the interval ends, so delays are counted by their distance from a reference, and moved when they are taken. Sums are
//! exact. The histogram is as exact as its buckets at the distance from the reference, which is the smallest of the
//! interval's first delays, and so seldom far from the smallest of all.

use sce_proto::sketch;

use crate::dist::{Summary, US2};
use crate::sketch::Sketch;

/// Delays among which the reference is chosen.
const FIRST: usize = 16;

/// The delays of one sender since the last report.
#[derive(Debug, Default)]
pub(crate) struct Pdv {
    first: [i64; FIRST],
    held: u8,
    /// From the first delay on that found no more room.
    counted: Option<Box<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    reference: i64,
    smallest: i64,
    largest: i64,
    count: u64,
    /// Sums over the distances from the reference.
    sum: i128,
    squares: i128,
    above: Sketch,
    below: Sketch,
}

impl Pdv {
    pub(crate) fn push(&mut self, delay_ns: i64) {
        if let Some(counted) = &mut self.counted {
            counted.add(delay_ns);
        } else if let Some(room) = self.first.get_mut(usize::from(self.held)) {
            *room = delay_ns;
            self.held += 1;
        } else {
            let mut counted = Box::new(Counted::of(&self.first));
            counted.add(delay_ns);
            self.counted = Some(counted);
        }
    }

    /// Adds the distribution to another one, and begins anew.
    pub(crate) fn take(&mut self, into: &mut Summary) {
        let first = &self.first[..usize::from(std::mem::take(&mut self.held))];
        let Some(mut counted) =
            self.counted.take().or_else(|| (!first.is_empty()).then(|| Box::new(Counted::of(first))))
        else {
            return;
        };
        let one = counted.summary();
        into.min = if into.count == 0 { one.min } else { into.min.min(one.min) };
        into.max = into.max.max(one.max);
        into.count += one.count;
        into.sum = into.sum.saturating_add(one.sum);
        into.squares = into.squares.saturating_add(one.squares);
        into.sketch = sketch::merge(&into.sketch, &one.sketch);
    }
}

impl Counted {
    fn of(delays: &[i64]) -> Counted {
        let reference = delays.iter().copied().min().unwrap_or_default();
        let mut counted = Counted { reference, smallest: reference, largest: reference, ..Counted::default() };
        delays.iter().for_each(|delay| counted.add(*delay));
        counted
    }

    fn add(&mut self, delay_ns: i64) {
        let distance = i128::from(delay_ns) - i128::from(self.reference);
        self.smallest = self.smallest.min(delay_ns);
        self.largest = self.largest.max(delay_ns);
        self.count += 1;
        self.sum += distance;
        self.squares = self.squares.saturating_add(distance.saturating_mul(distance));
        let side = if distance < 0 { &mut self.below } else { &mut self.above };
        side.add(delay_ns.abs_diff(self.reference));
    }

    fn summary(&mut self) -> Summary {
        let shift_ns = self.reference.abs_diff(self.smallest);
        let (count, shift) = (i128::from(self.count), i128::from(shift_ns));
        let moved = self.sum.saturating_mul(2).saturating_add(count * shift).saturating_mul(shift);
        let squares = self.squares.saturating_add(moved) / i128::from(US2);
        let middle = |bucket: u16| sketch::span(bucket).0 + sketch::span(bucket).1 / 2;
        let (below, above) = (self.below.take(), self.above.take());
        let below = sketch::decode(&below).map(|(b, n)| (shift_ns.saturating_sub(middle(b)), n));
        let above = sketch::decode(&above).map(|(b, n)| (shift_ns.saturating_add(middle(b)), n));
        let mut pairs: Vec<(u16, u64)> = below.chain(above).map(|(value, n)| (sketch::bucket(value), n)).collect();
        pairs.sort_unstable();
        let merged = pairs.chunk_by(|a, b| a.0 == b.0).map(|same| (same[0].0, same.iter().map(|p| p.1).sum()));
        Summary {
            count: self.count,
            sum: u64::try_from(self.sum + count * shift).unwrap_or(u64::MAX),
            squares: u64::try_from(squares).unwrap_or(u64::MAX),
            min: 0,
            max: self.largest.abs_diff(self.smallest),
            sketch: sketch::encode(merged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the definition, whatever the unknown offset of the clocks is.
        #[test]
        fn sums_are_those_of_the_definition(
            delays in proptest::collection::vec(0i64..1 << 33, 1..80),
            offset in -(1i64 << 40)..1 << 40,
        ) {
            let mut pdv = Pdv::default();
            delays.iter().for_each(|d| pdv.push(offset + d));
            let mut got = Summary::default();
            pdv.take(&mut got);
            let smallest = delays.iter().min().unwrap();
            let mut want: Vec<u64> = delays.iter().map(|d| (d - smallest) as u64).collect();
            want.sort_unstable();
            prop_assert_eq!((got.count, got.sum), (want.len() as u64, want.iter().sum()));
            let squares: u128 = want.iter().map(|v| u128::from(*v) * u128::from(*v)).sum();
            prop_assert_eq!(u128::from(got.squares), squares / u128::from(US2));
            prop_assert_eq!((got.min, got.max), (0, *want.last().unwrap()));
            // Within a bucket's width at the distance from the reference, and one of its own.
            let reference = *delays.iter().take(FIRST).min().unwrap();
            let median = want[want.len().div_ceil(2) - 1];
            let far = u64::abs_diff(median, (reference - smallest) as u64);
            let error = sketch::quantile(&got.sketch, 0.5).unwrap().abs_diff(median);
            prop_assert!(error <= (median + far) / 50 + 2, "{error} at {median}, {far} from the reference");
        }
    }

    #[test]
    fn each_interval_has_its_own_smallest_delay() {
        let mut pdv = Pdv::default();
        let mut sums = Vec::new();
        for delays in [[50, 40, 90], [70, 70, 80]] {
            delays.iter().for_each(|d| pdv.push(*d));
            let mut got = Summary::default();
            pdv.take(&mut got);
            sums.push((got.sum, got.max));
        }
        assert_eq!(sums, [(60, 50), (10, 10)]);
    }
}
