//! A distribution: count, sum, sum of squares, minimum, maximum and a mergeable histogram, since the last report.
//!
//! Squares are handed over in coarser units (us^2 for ns). Reports must add up to the same number wherever they are cut, so
//! the part that did not fill a unit stays for the next one.

use sce_proto::sketch;

use crate::sketch::Sketch;
use sce_proto::fetch;

/// ns^2 in one us^2.
pub(crate) const US2: u64 = 1_000_000;

/// Values that wait to be counted together: so many that most packets touch nothing but this list.
const RECENT: usize = 6;

/// Values of one kind. `SCALE` is the unit of the squares in squared units of the values.
///
/// The latest values wait in a list of their own. What they are counted into lies elsewhere in memory, and a flow of few
/// packets does without it until it is reported.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dist<const SCALE: u64> {
    recent: [u32; RECENT],
    waiting: u8,
    /// Squares that did not fill a unit yet; kept over reports.
    rest: u32,
    counted: Option<Box<Counted>>,
}

/// Everything but the latest values.
#[derive(Debug, Clone, Default)]
struct Counted {
    count: u32,
    sum: u64,
    squares: u64,
    min: u64,
    max: u64,
    sketch: Sketch,
}

/// Times in ns.
pub(crate) type Times = Dist<US2>;
/// Numbers of packets.
pub(crate) type Runs = Dist<1>;

/// What a distribution hands over.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) sum: u64,
    pub(crate) squares: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
    pub(crate) sketch: Vec<u8>,
}

impl<const SCALE: u64> Dist<SCALE> {
    #[inline]
    pub(crate) fn push(&mut self, value: u64) {
        if usize::from(self.waiting) == RECENT {
            self.settle();
        }
        match u32::try_from(value) {
            Ok(value) => {
                self.recent[usize::from(self.waiting)] = value;
                self.waiting += 1;
                self.prepare();
            }
            Err(_) => self.counted.get_or_insert_default().add::<SCALE>(value, &mut self.rest),
        }
    }

    /// Asks the memory for what the values will be counted into, before there is no more room for them.
    #[inline]
    fn prepare(&self) {
        let Some(counted) = &self.counted else { return };
        if usize::from(self.waiting) + 1 == RECENT {
            fetch::value(&**counted);
        } else if usize::from(self.waiting) == RECENT {
            self.recent.iter().for_each(|value| counted.sketch.fetch(u64::from(*value)));
        }
    }

    /// Counts the values that wait.
    #[inline(never)]
    fn settle(&mut self) {
        let counted = self.counted.get_or_insert_default();
        for value in &self.recent[..usize::from(std::mem::take(&mut self.waiting))] {
            counted.add::<SCALE>(u64::from(*value), &mut self.rest);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0 && self.counted.is_none()
    }

    pub(crate) fn take(&mut self) -> Summary {
        let recent = &self.recent[..usize::from(std::mem::take(&mut self.waiting))];
        let Some(mut counted) = self.counted.take() else { return few::<SCALE>(recent, &mut self.rest) };
        for value in recent {
            counted.add::<SCALE>(u64::from(*value), &mut self.rest);
        }
        let sketch = counted.sketch.take();
        counted.summary(sketch)
    }
}

/// What so few values come to that they need no table.
fn few<const SCALE: u64>(values: &[u32], rest: &mut u32) -> Summary {
    let mut counted = Counted::default();
    let mut buckets = [0; RECENT];
    for (value, bucket) in values.iter().zip(&mut buckets) {
        counted.sum_up::<SCALE>(u64::from(*value), rest);
        *bucket = sketch::bucket(u64::from(*value));
    }
    let buckets = &mut buckets[..values.len()];
    buckets.sort_unstable();
    let pairs = buckets.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64));
    counted.summary(sketch::encode(pairs))
}

impl Counted {
    fn add<const SCALE: u64>(&mut self, value: u64, before: &mut u32) {
        self.sum_up::<SCALE>(value, before);
        self.sketch.add(value);
    }

    /// Everything but the histogram.
    fn sum_up<const SCALE: u64>(&mut self, value: u64, before: &mut u32) {
        let (units, rest) = match u32::try_from(value) {
            Ok(v) => {
                let square = u64::from(v) * u64::from(v);
                (square / SCALE, square % SCALE)
            }
            Err(_) => {
                let square = u128::from(value) * u128::from(value);
                let scale = u128::from(SCALE);
                (u64::try_from(square / scale).unwrap_or(u64::MAX), (square % scale) as u64)
            }
        };
        let rest = rest + u64::from(*before);
        let carry = rest >= SCALE; // both were below it
        self.squares = self.squares.saturating_add(units + u64::from(carry));
        *before = (if carry { rest - SCALE } else { rest }) as u32;
        self.sum = self.sum.saturating_add(value);
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = if self.count == 0 { value } else { self.max.max(value) };
        self.count += 1;
    }

    fn summary(&self, sketch: Vec<u8>) -> Summary {
        let Counted { count, sum, squares, min, max, .. } = *self;
        Summary { count: u64::from(count), sum, squares, min, max, sketch }
    }
}

/// Writes a summary into the fields of a record that carry its name.
macro_rules! report {
    ($dist:expr, $out:expr, $count:ident, $sum:ident, $squares:ident, $min:ident, $max:ident, $sketch:ident) => {
        if !$dist.is_empty() {
            let crate::dist::Summary { count, sum, squares, min, max, sketch } = $dist.take();
            ($out.$count, $out.$sum, $out.$squares) = (count, sum, squares);
            ($out.$min, $out.$max, $out.$sketch) = (min, max, sketch);
        }
    };
}
pub(crate) use report;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reports_add_up_wherever_they_are_cut(values in proptest::collection::vec(0u64..1 << 36, 1..60), cut in 0usize..60) {
            let (mut whole, mut parts) = (Times::default(), Times::default());
            let mut sum = (0, 0, 0);
            for (i, v) in values.iter().enumerate() {
                whole.push(*v);
                parts.push(*v);
                if i == cut {
                    let s = parts.take();
                    sum = (s.count, s.sum, s.squares);
                }
            }
            let (w, p) = (whole.take(), parts.take());
            prop_assert_eq!((w.count, w.sum, w.squares), (sum.0 + p.count, sum.1 + p.sum, sum.2 + p.squares));
            let exact: u128 = values.iter().map(|v| u128::from(*v) * u128::from(*v)).sum();
            prop_assert_eq!(u128::from(w.squares), exact / u128::from(US2));
        }
    }
}
