//! A stretch of time over which clocks run straight, and the lines that fit between its two clouds of points.
//!
//! In: the best differences of both directions. Out: the middle of the widest strip between them, and how far any line that
//! fits can lie from it.

use super::{Bucket, MAX_SKEW, Piece};

/// Two clouds relative to their middle, so that floating point keeps nanoseconds.
pub(super) struct Stretch {
    upper: Vec<(f64, f64)>,
    lower: Vec<(f64, f64)>,
    middle_ns: i64,
    base: i64,
    begin: f64,
    end: f64,
}

impl Stretch {
    pub(super) fn new(list: &[&Bucket]) -> Stretch {
        let times = || list.iter().flat_map(|b| [b.upper, b.lower]).flatten();
        let first = times().map(|p| p.0).min().unwrap_or(0);
        let last = times().map(|p| p.0).max().unwrap_or(0);
        let middle_ns = first + (last - first) / 2;
        let base = times().map(|p| p.1).next().unwrap_or(0);
        let place = |p: (i64, i64)| ((p.0 - middle_ns) as f64, (p.1 - base) as f64);
        Stretch {
            upper: list.iter().filter_map(|b| b.upper).map(place).collect(),
            lower: list.iter().filter_map(|b| b.lower).map(place).collect(),
            middle_ns,
            base,
            begin: (first - middle_ns) as f64,
            end: (last - middle_ns) as f64,
        }
    }

    /// With the claim that the offset is at most `error` at both ends.
    pub(super) fn with_claim(&self, error: f64) -> Stretch {
        let base = self.base as f64;
        let ends = |v: f64| [(self.begin, v - base), (self.end, v - base)];
        Stretch {
            upper: self.upper.iter().copied().chain(ends(error)).collect(),
            lower: self.lower.iter().copied().chain(ends(-error)).collect(),
            ..*self
        }
    }

    /// Highest line of a slope below the upper cloud: its height at `t`.
    fn ceiling(&self, slope: f64, t: f64) -> f64 {
        self.upper.iter().map(|p| p.1 - slope * (p.0 - t)).fold(f64::INFINITY, f64::min)
    }

    /// Lowest line of a slope above the lower cloud.
    fn floor(&self, slope: f64, t: f64) -> f64 {
        self.lower.iter().map(|p| p.1 - slope * (p.0 - t)).fold(f64::NEG_INFINITY, f64::max)
    }

    fn gap(&self, slope: f64) -> f64 {
        self.ceiling(slope, 0.0) - self.floor(slope, 0.0)
    }

    fn widest(&self) -> f64 {
        maximise(-MAX_SKEW, MAX_SKEW, |s| self.gap(s))
    }

    pub(super) fn feasible(&self) -> bool {
        self.upper.is_empty() || self.lower.is_empty() || self.gap(0.0) >= 0.0 || self.gap(self.widest()) >= 0.0
    }

    pub(super) fn piece(&self, synced: bool) -> Piece {
        let slope = self.slope();
        let (top, bottom) = (self.ceiling(slope, 0.0), self.floor(slope, 0.0));
        let two_sided = top.is_finite() && bottom.is_finite();
        let height = if two_sided {
            f64::midpoint(top, bottom)
        } else if top.is_finite() {
            top
        } else {
            bottom
        };
        let error = if two_sided { self.error(height, slope) } else { f64::INFINITY };
        let until_ns = self.middle_ns + self.end as i64;
        let from_ns = self.middle_ns + self.begin as i64;
        let (behind_step, before_step) = (false, false);
        let (middle_ns, height) = (self.middle_ns, height + self.base as f64);
        Piece { from_ns, until_ns, behind_step, before_step, middle_ns, height, slope, error, synced }
    }

    /// The slope of the widest strip, if the clouds are long and dense enough to tell one; else none.
    fn slope(&self) -> f64 {
        let tells = |cloud: &[(f64, f64)]| {
            let span = cloud.last().map_or(0.0, |p| p.0) - cloud.first().map_or(0.0, |p| p.0);
            cloud.len() >= 4 && span >= 0.5 * (self.end - self.begin) && span >= 1e9
        };
        match (tells(&self.upper), tells(&self.lower)) {
            (true, true) => self.widest(),
            // One direction only: the hull edge that all points are nearest to.
            (true, false) if self.lower.is_empty() => maximise(-MAX_SKEW, MAX_SKEW, |s| self.ceiling(s, 0.0)),
            (false, true) if self.upper.is_empty() => maximise(-MAX_SKEW, MAX_SKEW, |s| -self.floor(s, 0.0)),
            _ if self.gap(0.0) >= 0.0 => 0.0,
            _ => self.widest(),
        }
    }

    /// How far any line between the clouds can be from this one, at the stretch's ends.
    fn error(&self, height: f64, slope: f64) -> f64 {
        let widest = self.widest();
        let edge = |sign: f64| {
            // The steepest slope on this side that still fits.
            let (mut inside, mut outside) = (widest, sign * MAX_SKEW);
            if self.gap(outside) >= 0.0 {
                return outside;
            }
            for _ in 0..60 {
                let middle = f64::midpoint(inside, outside);
                if self.gap(middle) >= 0.0 { inside = middle } else { outside = middle }
            }
            outside
        };
        let (least, most) = (edge(-1.0), edge(1.0));
        [self.begin, self.end]
            .into_iter()
            .map(|t| {
                let here = height + slope * t;
                let up = maximise(least, most, |s| self.ceiling(s, t));
                let down = maximise(least, most, |s| -self.floor(s, t));
                (self.ceiling(up, t) - here).max(here - self.floor(down, t))
            })
            .fold(0.0, f64::max)
    }
}

/// Where a concave function is largest.
fn maximise(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..80 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if f(a) < f(b) { low = a } else { high = b }
    }
    f64::midpoint(low, high)
}
