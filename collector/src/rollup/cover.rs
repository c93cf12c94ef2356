//! Which buckets answer for a window, and which times are read as records.
//!
//! In: a window and the state of the buckets. Out: parts in the order of time that hold every record of the window once.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Level;

/// What the database says about buckets that a window touches.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Start of the first and end of the last bucket that holds anything, ns since the epoch; `None` = none does.
    pub extent: Option<(u64, u64)>,
    /// Buckets of 10 s that got records since they were summed.
    pub touched: BTreeSet<u64>,
    /// Buckets of 10 s that a window may cut, all of whose records last from their beginning to their end: if one of them lies
    /// in the window, all do.
    pub spanned: BTreeSet<u64>,
    /// Times with records that fit no bucket.
    pub gaps: Vec<(u64, u64)>,
    /// Minutes and hours that hold records, and whether they wait to be summed again.
    pub coarse: BTreeMap<(Level, u64), bool>,
}

/// One stretch of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Records as they were stored that overlap this time.
    Stored(u64, u64),
    /// Buckets that begin in this time.
    Packed(Level, u64, u64),
}

impl State {
    /// Whether a time holds records that are in no bucket yet, or never will be.
    fn dirty(&self, from: u64, to: u64) -> bool {
        self.touched.range(from..to).next().is_some() || self.gaps.iter().any(|gap| gap.0 < to && from < gap.1)
    }

    /// The window without the times before the first and after the last record.
    fn clamp(&self, since_ns: u64, until_ns: u64) -> (u64, u64) {
        let gaps = self.gaps.iter().copied();
        let touched = self.touched.iter().map(|b| (*b, b.saturating_add(Level::Tens.width_ns())));
        let all = gaps.chain(touched).chain(self.extent);
        let (low, high) = all.fold((u64::MAX, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
        (since_ns.max(low), until_ns.min(high))
    }

    /// Hours of a window that cannot answer as a whole, as far as is known: of these the minutes matter.
    #[must_use]
    pub fn open_hours(&self, since_ns: u64, until_ns: u64) -> Vec<(u64, u64)> {
        let (since, until) = self.clamp(since_ns, until_ns);
        let mut out: Vec<(u64, u64)> = Vec::new();
        for hour in steps(Level::Hours, since, until) {
            let end = hour + Level::Hours.width_ns();
            if self.ready(Level::Hours, hour, since, until) {
                continue;
            }
            match out.last_mut() {
                Some(last) if last.1 == hour => last.1 = end,
                _ => out.push((hour, end)),
            }
        }
        out
    }

    fn ready(&self, level: Level, bucket: u64, since: u64, until: u64) -> bool {
        let end = bucket + level.width_ns();
        bucket >= since && end <= until && self.coarse.get(&(level, bucket)) == Some(&false) && !self.dirty(bucket, end)
    }

    /// The parts of a window, by buckets of at most this length.
    #[must_use]
    pub fn cover(&self, since_ns: u64, until_ns: u64, most: Level) -> Vec<Part> {
        let (since, until) = self.clamp(since_ns, until_ns);
        let mut parts = Vec::new();
        for hour in steps(Level::Hours, since, until) {
            let end = hour + Level::Hours.width_ns();
            if most >= Level::Hours && self.ready(Level::Hours, hour, since, until) {
                push(&mut parts, Part::Packed(Level::Hours, hour, end));
                continue;
            }
            // Every hour with records is known, summed or not.
            if !self.coarse.contains_key(&(Level::Hours, hour)) && !self.dirty(hour, end) {
                continue;
            }
            for minute in steps(Level::Minutes, since.max(hour), until.min(end)) {
                let end = minute + Level::Minutes.width_ns();
                if most >= Level::Minutes && self.ready(Level::Minutes, minute, since, until) {
                    push(&mut parts, Part::Packed(Level::Minutes, minute, end));
                } else {
                    self.tens(&mut parts, since.max(minute), until.min(end), (since, until));
                }
            }
        }
        parts
    }

    fn tens(&self, parts: &mut Vec<Part>, from: u64, to: u64, (since, until): (u64, u64)) {
        for bucket in steps(Level::Tens, from, to) {
            let end = bucket + Level::Tens.width_ns();
            let cut = bucket < since || end > until;
            if (cut && !self.spanned.contains(&bucket)) || self.dirty(bucket, end) {
                push(parts, Part::Stored(bucket.max(since), end.min(until)));
            } else {
                push(parts, Part::Packed(Level::Tens, bucket, end));
            }
        }
    }
}

/// Buckets that overlap a time.
fn steps(level: Level, from: u64, to: u64) -> impl Iterator<Item = u64> {
    let first = if from < to { level.bucket(from) } else { to };
    (first..to).step_by(usize::try_from(level.width_ns()).unwrap_or(usize::MAX))
}

/// Adds a part, or makes the last one longer.
pub(super) fn push(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Stored(_, end)), Part::Stored(from, to)) if *end == from => *end = to,
        (Some(Part::Packed(level, _, end)), Part::Packed(same, from, to)) if *level == same && *end == from => {
            *end = to
        }
        _ => parts.push(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;
    const HOUR: u64 = 1_700_002_800 * S;

    fn state() -> State {
        let mut coarse = BTreeMap::from([((Level::Hours, HOUR), false), ((Level::Hours, HOUR + 3600 * S), true)]);
        coarse.extend((0..62).map(|m| ((Level::Minutes, HOUR + m * 60 * S), false)));
        State { extent: Some((HOUR, HOUR + 3730 * S)), coarse, ..State::default() }
    }

    #[test]
    fn the_coarsest_that_fits_answers() {
        let parts = state().cover(0, u64::MAX, Level::Hours);
        let (hour, minutes) = (HOUR + 3600 * S, HOUR + 3720 * S);
        let tens = Part::Packed(Level::Tens, minutes, minutes + 10 * S);
        let coarse = [Part::Packed(Level::Hours, HOUR, hour), Part::Packed(Level::Minutes, hour, minutes)];
        assert_eq!(parts, [&coarse[..], &[tens]].concat());
        assert_eq!(state().open_hours(0, u64::MAX), [(hour, hour + 3600 * S)]);
    }

    #[test]
    fn edges_and_new_records_are_read_as_they_were_stored() {
        let mut s = state();
        s.touched.insert(HOUR + 130 * S);
        let parts = s.cover(HOUR + 3 * S, HOUR + 185 * S, Level::Hours);
        let at = |n: u64| HOUR + n * S;
        assert_eq!(
            parts,
            [
                Part::Stored(at(3), at(10)),
                Part::Packed(Level::Tens, at(10), at(60)),
                Part::Packed(Level::Minutes, at(60), at(120)),
                Part::Packed(Level::Tens, at(120), at(130)),
                Part::Stored(at(130), at(140)),
                Part::Packed(Level::Tens, at(140), at(180)),
                Part::Stored(at(180), at(185)),
            ]
        );
    }

    #[test]
    fn a_bucket_that_is_cut_answers_if_its_records_span_it() {
        let at = |n: u64| HOUR + n * S;
        let mut s = state();
        s.spanned = BTreeSet::from([at(0), at(180)]);
        let parts = [Part::Packed(Level::Tens, at(0), at(60)), Part::Packed(Level::Minutes, at(60), at(180))];
        let end = Part::Packed(Level::Tens, at(180), at(190));
        assert_eq!(s.cover(at(3), at(185), Level::Hours), [&parts[..], &[end]].concat());
        s.touched.insert(at(180));
        let end = Part::Stored(at(180), at(185));
        assert_eq!(s.cover(at(3), at(185), Level::Hours), [&parts[..], &[end]].concat());
    }

    #[test]
    fn records_that_fit_no_bucket_close_theirs() {
        let mut s = state();
        s.gaps.push((HOUR - 50 * S, HOUR + 3590 * S));
        let end = HOUR + 3600 * S;
        assert_eq!(
            s.cover(0, end, Level::Hours),
            [Part::Stored(HOUR - 50 * S, end - 10 * S), Part::Packed(Level::Tens, end - 10 * S, end)]
        );
    }

    #[test]
    fn nothing_is_read_where_nothing_is() {
        assert!(State::default().cover(0, u64::MAX, Level::Hours).is_empty());
        assert!(state().cover(HOUR - 7200 * S, HOUR - 3600 * S, Level::Hours).is_empty());
    }
}
