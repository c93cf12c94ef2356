//! How two clocks stand to each other, from packets that went both ways between them.
//!
//! In: for packets from a to b and from b to a, the difference of the two time stamps (b's minus a's). The offset of b's
//! clock is never above a difference of the first kind and never below one of the second, whatever the delays: it runs
//! between two clouds of points. Out: for stretches of time, a straight line in the middle of the widest strip between the
//! clouds (so its slope is the skew that convex hulls of both directions agree on, and its height the symmetric minimum),
//! and how far any line between the clouds can lie from it: the error.
//!
//! What is assumed: clocks run straight for a minute, and at most 1000 ppm apart. Where no line fits between the clouds,
//! or both clouds jump together, a clock was stepped: the stretch is cut there, and reported.

mod stretch;

use std::collections::BTreeMap;

use stretch::Stretch;

/// Longest stretch that is taken for straight: temperature and NTP bend longer ones.
const STRETCH_NS: i64 = 60_000_000_000;
/// Best points are kept of each bucket, ns.
const BUCKET_NS: i64 = 50_000_000;
/// Largest skew, as a share: NTP slews by up to 500 ppm, crystals differ by up to 200.
const MAX_SKEW: f64 = 1e-3;
/// Smallest common jump of both clouds that is called a step, ns.
const MIN_STEP: f64 = 500_000.0;
/// Packets this near to a step, ns, are told by no clock: one that left before it may have arrived behind it.
const AROUND_STEP_NS: i64 = 250_000_000;
/// Buckets on either side that are compared to find a jump.
const SIDE: usize = 4;

/// Differences of two clocks' stamps, thinned out as they come.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    buckets: BTreeMap<i64, Bucket>,
    /// The bucket that the latest samples fell into: usually the next one does too.
    open: (i64, Bucket),
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// Smallest difference of packets from a to b: (time, difference).
    upper: Option<(i64, i64)>,
    /// Largest difference of packets from b to a.
    lower: Option<(i64, i64)>,
}

impl Samples {
    /// A packet from a to b: b's clock shows at most this much more than a's.
    pub(super) fn forward(&mut self, a_ns: u64, b_ns: u64) {
        let (t, v) = (a_ns.cast_signed(), b_ns.wrapping_sub(a_ns).cast_signed());
        let best = &mut self.bucket(t).upper;
        if best.is_none_or(|b| v < b.1) {
            *best = Some((t, v));
        }
    }

    /// A packet from b to a: b's clock shows at least this much more than a's.
    pub(super) fn backward(&mut self, b_ns: u64, a_ns: u64) {
        let (t, v) = (a_ns.cast_signed(), b_ns.wrapping_sub(a_ns).cast_signed());
        let best = &mut self.bucket(t).lower;
        if best.is_none_or(|b| v > b.1) {
            *best = Some((t, v));
        }
    }

    fn bucket(&mut self, t: i64) -> &mut Bucket {
        let at = t.div_euclid(BUCKET_NS);
        if self.open.0 != at {
            self.close();
            self.open.0 = at;
        }
        &mut self.open.1
    }

    /// Files the open bucket.
    fn close(&mut self) {
        let (at, open) = (self.open.0, std::mem::take(&mut self.open.1));
        if open.upper.is_some() || open.lower.is_some() {
            let filed = self.buckets.entry(at).or_default();
            filed.upper = filed.upper.into_iter().chain(open.upper).min_by_key(|p| p.1);
            filed.lower = filed.lower.into_iter().chain(open.lower).max_by_key(|p| p.1);
        }
    }
}

/// One clock against another.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    pieces: Vec<Piece>,
    /// A step was found.
    pub(super) stepped: bool,
    /// The kernels' claim about their clocks was disproved.
    pub(super) contradicted: bool,
}

/// A straight stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    from_ns: i64,
    until_ns: i64,
    /// A step came before it.
    behind_step: bool,
    /// A step came after it.
    before_step: bool,
    middle_ns: i64,
    /// Offset at the middle, ns.
    height: f64,
    /// Skew.
    slope: f64,
    /// Every clock that the packets allow lies within plus or minus this, ns; infinite without packets of both directions.
    pub(super) error: f64,
    /// The kernels' claim narrowed it.
    pub(super) synced: bool,
}

impl Piece {
    /// Offset of b's clock at a time of a's, ns.
    pub(super) fn offset(&self, t: u64) -> i64 {
        let exact = self.height + self.slope * (t.cast_signed() - self.middle_ns) as f64;
        // To the nearest, as `round` does, which is a call for each packet where the processor is not known to have it.
        (exact + 0.5f64.copysign(exact)) as i64
    }

    /// Parts per billion that b's clock runs faster.
    pub(super) fn skew_ppb(&self) -> i64 {
        (self.slope * 1e9).round() as i64
    }
}

impl Clock {
    /// One clock: no offset, no error.
    pub(super) fn shared() -> Clock {
        let piece = Piece {
            from_ns: i64::MIN,
            until_ns: i64::MAX,
            behind_step: false,
            before_step: false,
            middle_ns: 0,
            height: 0.0,
            slope: 0.0,
            error: 0.0,
            synced: false,
        };
        Clock { pieces: vec![piece], ..Clock::default() }
    }

    /// Works out the offset from samples. `claim_ns`: what both kernels together say about their clocks' errors.
    pub(super) fn estimate(samples: &Samples, claim_ns: Option<u64>) -> Clock {
        let mut clock = Clock::default();
        let mut samples = samples.clone();
        samples.close();
        let list: Vec<&Bucket> = samples.buckets.values().collect();
        let mut from = 0;
        let mut behind_step = false;
        while from < list.len() {
            let start = list[from].time();
            let most = list[from..].partition_point(|b| b.time() - start < STRETCH_NS);
            let until = jump(&list[from..from + most]).unwrap_or(most);
            // The longest beginning that a line fits: whether one does is monotone in the length.
            let fits = |n: usize| Stretch::new(&list[from..from + n]).feasible();
            let n = if fits(until) { until } else { longest(until, fits) };
            clock.stepped |= n < most;
            if n == 0 {
                // The two clouds cross within one bucket: nothing can be said about it.
                from += 1;
                behind_step = true;
                if let Some(last) = clock.pieces.last_mut() {
                    last.before_step = true;
                }
                continue;
            }
            let stretch = Stretch::new(&list[from..from + n]);
            clock.push(&stretch, claim_ns);
            if let Some(piece) = clock.pieces.last_mut() {
                (piece.behind_step, piece.before_step) = (behind_step, n < most);
            }
            behind_step = n < most;
            from += n;
        }
        clock
    }

    fn push(&mut self, stretch: &Stretch, claim_ns: Option<u64>) {
        let plain = stretch.piece(false);
        let claimed = claim_ns.map(|e| stretch.with_claim(e as f64));
        match claimed {
            Some(c) if c.feasible() => {
                let piece = c.piece(true);
                self.pieces.push(if piece.error < plain.error { piece } else { plain });
            }
            Some(_) => {
                self.contradicted = true;
                self.pieces.push(plain);
            }
            None => self.pieces.push(plain),
        }
    }

    /// The stretch that a time lies in, or the nearest one; `None` around a step, where it is not known which clock stamped.
    pub(super) fn at(&self, t: u64) -> Option<&Piece> {
        let t = t.cast_signed();
        let i = self.pieces.partition_point(|p| p.until_ns < t);
        let early = |p: &Piece| p.behind_step && t < p.from_ns.saturating_add(AROUND_STEP_NS);
        let late = |p: &Piece| p.before_step && t > p.until_ns.saturating_sub(AROUND_STEP_NS);
        self.pieces.get(i).or(self.pieces.last()).filter(|p| !early(p) && !late(p))
    }
}

impl Bucket {
    fn time(&self) -> i64 {
        self.upper.or(self.lower).map_or(0, |p| p.0)
    }
}

/// Where both clouds jump the same way by more than a quarter of their distance.
fn jump(list: &[&Bucket]) -> Option<usize> {
    let best = |side: &[&Bucket]| {
        let upper = side.iter().filter_map(|b| b.upper).map(|p| p.1).min();
        let lower = side.iter().filter_map(|b| b.lower).map(|p| p.1).max();
        upper.zip(lower)
    };
    let mut found: Option<(usize, f64)> = None;
    for i in SIDE..list.len().saturating_sub(SIDE - 1) {
        let (Some(l), Some(r)) = (best(&list[i - SIDE..i]), best(&list[i..i + SIDE])) else { continue };
        let (upper, lower) = ((r.0 - l.0) as f64, (r.1 - l.1) as f64);
        let passed = (list[i + SIDE - 1].time() - list[i - SIDE].time()) as f64;
        let width = ((l.0 - l.1).max(r.0 - r.1)) as f64;
        let least = MIN_STEP.max(width / 4.0) + MAX_SKEW * passed;
        let size = if upper.signum() == lower.signum() { upper.abs().min(lower.abs()) } else { 0.0 };
        match found {
            Some((_, best)) if size <= best => break,
            None if size < least => {}
            _ => found = Some((i, size)),
        }
    }
    found.map(|f| f.0)
}

/// The largest n up to `most` that passes, where passing is monotone.
fn longest(most: usize, passes: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if passes(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const T0: u64 = 1_700_000_000_000_000_000;

    /// Packets every 5 ms both ways over a path of given delays, seen by clocks of given offset, skew and step.
    fn samples(seconds: u64, there: u64, back: u64, offset: i64, ppm: f64, step: i64, noise: u64) -> Samples {
        let mut s = Samples::default();
        for i in 0..seconds * 200 {
            let t = i * 5_000_000;
            let b_clock = |t: u64| {
                let skewed = offset + (t as f64 * ppm / 1e6) as i64 + if t > seconds * 500_000_000 { step } else { 0 };
                (T0 + t).wrapping_add_signed(skewed)
            };
            let wobble = i.wrapping_mul(2_654_435_761) >> 7;
            s.forward(T0 + t, b_clock(t + there + if noise > 0 { wobble % noise } else { 0 }));
            s.backward(b_clock(t), T0 + t + back + if noise > 0 { (wobble >> 9) % noise } else { 0 });
        }
        s
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        /// Whatever asymmetry, offset and skew: the true offset lies within the error.
        #[test]
        fn the_error_covers_the_truth(
            seconds in 1u64..20, there in 10_000u64..50_000_000, back in 10_000u64..50_000_000,
            offset in -1_000_000_000i64..1_000_000_000, ppm in -200.0..200.0f64, noise in 0u64..20_000_000,
        ) {
            let clock = Clock::estimate(&samples(seconds, there, back, offset, ppm, 0, noise), None);
            for at in [0, seconds * 500_000_000, seconds * 1_000_000_000 - 5_000_000] {
                let piece = clock.at(T0 + at).unwrap();
                let truth = offset + (at as f64 * ppm / 1e6) as i64;
                let error = (piece.offset(T0 + at) - truth).abs() as f64;
                prop_assert!(error <= piece.error + 2000.0, "off by {error}, said {}", piece.error);
            }
        }
    }

    #[test]
    fn skew_and_symmetric_offset_are_found_without_noise() {
        let clock = Clock::estimate(&samples(15, 10_000_000, 12_000_000, 2_000_000, 80.0, 0, 0), None);
        let piece = clock.at(T0).unwrap();
        assert!((piece.skew_ppb() - 80_000).abs() < 2000, "{}", piece.skew_ppb());
        assert!((piece.offset(T0) - 1_000_000).abs() < 30_000, "half the asymmetry below: {}", piece.offset(T0));
        assert!(piece.error >= 11_000_000.0 && piece.error < 12_500_000.0, "{}", piece.error);
        assert!(!clock.stepped);
    }

    #[test]
    fn a_step_is_cut_out_and_both_sides_are_right() {
        for step in [300_000_000, -40_000_000, 8_000_000] {
            let clock = Clock::estimate(&samples(10, 10_000_000, 12_000_000, 0, 20.0, step, 300_000), None);
            assert!(clock.stepped, "{step}");
            for (at, truth) in [(1_000_000_000, 0), (9_000_000_000, step)] {
                let piece = clock.at(T0 + at).unwrap();
                let error = (piece.offset(T0 + at) - truth).abs() as f64;
                assert!(
                    error <= piece.error && piece.error < 13_000_000.0,
                    "{step}: off by {error} of {}",
                    piece.error
                );
            }
        }
    }

    #[test]
    fn a_claim_narrows_or_is_disproved() {
        let s = samples(5, 19_000_000, 1_000_000, 50_000, 0.0, 0, 0);
        let clock = Clock::estimate(&s, Some(100_000));
        let piece = clock.at(T0).unwrap();
        assert!(piece.synced && piece.error <= 110_000.0 && !clock.contradicted, "{piece:?}");
        let s = samples(5, 1_000_000, 1_000_000, 50_000_000, 0.0, 0, 0);
        let clock = Clock::estimate(&s, Some(100_000));
        assert!(clock.contradicted && clock.at(T0).unwrap().error >= 1_000_000.0);
    }

    #[test]
    fn one_direction_gives_no_offset() {
        let mut s = Samples::default();
        for i in 0..1000u64 {
            s.forward(T0 + i * 10_000_000, T0 + i * 10_000_000 + 5_000_000);
        }
        assert!(Clock::estimate(&s, None).at(T0).unwrap().error.is_infinite());
        assert!(Clock::estimate(&Samples::default(), None).at(T0).is_none());
    }
}
