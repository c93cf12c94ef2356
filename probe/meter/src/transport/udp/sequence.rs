//! Loss, duplicates and reordering from the sequence numbers of one sender (RFC 4737, RFC 3357).
//!
//! In: numbers in order of arrival. Out: counters. A number is lost when 1024 later ones came, when a second passed since
//! later ones came, or when the flow ends; until then it may still arrive. So `expected = unique + lost` at the end of a
//! flow, whatever the intervals.

use super::extract::Thresholds;

/// Numbers behind the highest one that may still arrive.
const WINDOW: u64 = 1024;
/// Time after which a number is not waited for any longer, ns.
const HORIZON_NS: u64 = 1_000_000_000;
/// Extended numbers begin here, so that numbers before the first one have a place.
const ORIGIN: u64 = 1 << 40;

/// What was counted since the last report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) packets: u64,
    pub(crate) expected: u64,
    pub(crate) unique: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) reordered: u64,
    pub(crate) extent_max: u64,
    pub(crate) late: u64,
    pub(crate) loss_runs: u64,
    pub(crate) loss_run_max: u64,
    pub(crate) resets: u64,
    pub(crate) small_errors: u64,
    pub(crate) big_errors: u64,
    pub(crate) reverse_errors: u64,
}

/// Where a packet stands in its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first one, or the first one after a restart.
    First,
    /// Right behind the highest one so far.
    Next,
    /// Numbers between it and the highest one are missing.
    Ahead,
    /// It fills a hole.
    Behind,
    /// It came before, or too late to tell.
    Again,
    /// Far away from the others: a restart if the next one follows it.
    Stray,
}

/// The numbers of one sender.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Highest extended number, 0 before the first packet.
    highest: u64,
    /// Everything below is settled.
    settled: u64,
    /// One bit per number of the window, at the number modulo its size.
    have: [u64; (WINDOW / 64) as usize],
    /// The latest number, as the sender wrote it.
    latest: u64,
    /// Highest number, as the sender wrote it.
    highest_number: u64,
    /// A number far away from the others, waiting for its successor.
    stray: Option<u64>,
    /// Numbers lost in a row, up to the settled ones.
    run: u64,
    /// Highest number some time ago, and when that was.
    checkpoint: (u64, u64),
    pub(crate) counts: Counts,
}

impl Default for Sequence {
    fn default() -> Self {
        Sequence {
            highest: 0,
            settled: 0,
            have: [0; (WINDOW / 64) as usize],
            latest: 0,
            highest_number: 0,
            stray: None,
            run: 0,
            checkpoint: (0, 0),
            counts: Counts::default(),
        }
    }
}

impl Sequence {
    /// How far a number of 16 bits lies beyond the highest one, if it lies near.
    pub(crate) fn near(&self, number: u64) -> Option<i64> {
        let ahead = difference(number, self.highest_number, 1 << 16);
        (self.highest > 0 && ahead.abs() <= 16).then_some(ahead)
    }

    /// Takes the next number; `cycle` numbers exist (0 = 2^64).
    pub(crate) fn observe(&mut self, number: u64, cycle: u64, at_ns: u64, limits: &Thresholds) -> Place {
        self.counts.packets += 1;
        if self.highest == 0 {
            self.begin(ORIGIN, number, at_ns);
            return Place::First;
        }
        self.judge_step(number, cycle, limits);
        if at_ns.saturating_sub(self.checkpoint.1) >= HORIZON_NS {
            self.settle(self.checkpoint.0);
            self.checkpoint = (self.highest, at_ns);
        }
        let distance = difference(number, self.highest_number, cycle);
        let far = distance.unsigned_abs() > limits.restart.max(1);
        let old = distance < 0 && distance.unsigned_abs() >= WINDOW;
        if far || old {
            return self.far_away(number, cycle, at_ns, !far);
        }
        self.stray = None;
        if distance > 0 {
            self.advance(distance.unsigned_abs(), number);
            return if distance == 1 { Place::Next } else { Place::Ahead };
        }
        let at = self.highest.saturating_sub(distance.unsigned_abs());
        if self.has(at) {
            self.counts.duplicates += 1;
            return Place::Again;
        }
        if at < self.settled {
            self.counts.late += 1;
            return Place::Again;
        }
        self.mark(at);
        self.counts.unique += 1;
        self.counts.reordered += 1;
        self.counts.extent_max = self.counts.extent_max.max(self.marked_above(at));
        Place::Behind
    }

    /// The thresholds on the step from the previous packet, whatever it was.
    fn judge_step(&mut self, number: u64, cycle: u64, limits: &Thresholds) {
        let step = difference(number, self.latest, cycle);
        self.latest = number;
        if step < 0 {
            self.counts.reverse_errors += 1;
        } else if step.unsigned_abs() > limits.small {
            self.counts.big_errors += 1;
        } else if step != 1 {
            self.counts.small_errors += 1;
        }
    }

    /// A restart needs two numbers in a row. A single number from the far past is late.
    fn far_away(&mut self, number: u64, cycle: u64, at_ns: u64, late: bool) -> Place {
        if let Some(stray) = self.stray.take()
            && difference(number, stray, cycle) == 1
        {
            self.finish();
            self.counts.resets += 1;
            self.begin(self.highest + 2 * WINDOW, stray, at_ns);
            self.advance(1, number);
            return Place::First;
        }
        self.stray = Some(number);
        if late {
            self.counts.late += 1;
            return Place::Again;
        }
        Place::Stray
    }

    fn begin(&mut self, at: u64, number: u64, at_ns: u64) {
        self.highest = at;
        self.settled = at;
        self.have = [0; (WINDOW / 64) as usize];
        self.mark(at);
        self.latest = number;
        self.highest_number = number;
        self.stray = None;
        self.checkpoint = (at, at_ns);
        self.counts.expected += 1;
        self.counts.unique += 1;
    }

    fn advance(&mut self, by: u64, number: u64) {
        let old = self.highest;
        let low = (old + by + 1).saturating_sub(WINDOW);
        self.settle(low.min(old + 1));
        self.highest += by;
        self.highest_number = number;
        for at in old + 1..=(old + by).min(old + WINDOW) {
            self.have[slot(at)] &= !bit(at);
        }
        // Numbers that were skipped and have no place in the window any more are lost at once.
        if low > old + 1 {
            self.lose(low - old - 1);
            self.settled = low;
        }
        self.mark(self.highest);
        self.counts.expected += by;
        self.counts.unique += 1;
    }

    /// Gives up waiting for numbers below `until`.
    fn settle(&mut self, until: u64) {
        while self.settled < until {
            if self.has(self.settled) {
                self.end_run()
            } else {
                self.lose(1)
            }
            self.settled += 1;
        }
    }

    /// Gives up waiting: the flow ended.
    pub(crate) fn finish(&mut self) {
        if self.highest > 0 {
            self.settle(self.highest + 1);
            self.end_run();
        }
    }

    fn lose(&mut self, numbers: u64) {
        self.counts.lost += numbers;
        self.run += numbers;
        self.counts.loss_run_max = self.counts.loss_run_max.max(self.run);
    }

    fn end_run(&mut self) {
        if std::mem::take(&mut self.run) > 0 {
            self.counts.loss_runs += 1;
        }
    }

    fn has(&self, at: u64) -> bool {
        at + WINDOW > self.highest && self.have[slot(at)] & bit(at) != 0
    }

    fn mark(&mut self, at: u64) {
        self.have[slot(at)] |= bit(at);
    }

    /// Numbers above one that came: packets that overtook it, the reordering extent of RFC 4737 4.2 where nothing between
    /// them came twice.
    fn marked_above(&self, at: u64) -> u64 {
        (at + 1..=self.highest).filter(|n| self.has(*n)).count() as u64
    }
}

fn slot(at: u64) -> usize {
    ((at % WINDOW) / 64) as usize
}

fn bit(at: u64) -> u64 {
    1 << (at % 64)
}

/// `a - b` on a circle of `cycle` numbers (0 = 2^64), from minus half to plus half of it.
fn difference(a: u64, b: u64, cycle: u64) -> i64 {
    if cycle == 0 {
        return a.wrapping_sub(b).cast_signed();
    }
    let forward = if a >= b { (a - b) % cycle } else { cycle - 1 - (b - a - 1) % cycle };
    if forward <= (cycle - 1) / 2 || forward < cycle / 2 {
        forward.min(i64::MAX as u64) as i64
    } else {
        -((cycle - forward).min(i64::MAX as u64) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Thresholds = Thresholds { small: 10, restart: 3000 };

    fn run(numbers: impl IntoIterator<Item = u64>, cycle: u64) -> Counts {
        let mut s = Sequence::default();
        for (i, n) in numbers.into_iter().enumerate() {
            s.observe(n, cycle, i as u64 * 1_000_000, &LIMITS);
        }
        s.finish();
        s.counts
    }

    #[test]
    fn losses_and_their_runs_are_counted_across_the_wrap() {
        let numbers = (0..200u64).filter(|i| !matches!(i, 20 | 30..=34 | 100)).map(|i| (65_500 + i) % 65_536);
        let c = run(numbers, 65_536);
        assert_eq!((c.expected, c.unique, c.lost, c.loss_runs, c.loss_run_max), (200, 193, 7, 3, 5));
        assert_eq!((c.duplicates, c.reordered, c.resets, c.small_errors, c.reverse_errors), (0, 0, 0, 3, 0));
    }

    #[test]
    fn duplicates_and_reordering_are_no_loss() {
        let c = run([0, 1, 2, 2, 5, 3, 4, 6], 0);
        assert_eq!((c.expected, c.unique, c.lost, c.duplicates), (7, 7, 0, 1));
        assert_eq!((c.reordered, c.extent_max), (2, 1), "3 and 4 were each overtaken by 5");
        assert_eq!((c.small_errors, c.reverse_errors, c.big_errors), (3, 1, 0), "0, 3, -2 and 2");
    }

    #[test]
    fn what_comes_after_a_second_is_late() {
        let mut s = Sequence::default();
        for (n, ms) in [(0, 0), (2, 10), (3, 1010), (4, 2020), (1, 2030)] {
            s.observe(n, 0, ms * 1_000_000, &LIMITS);
        }
        assert_eq!((s.counts.lost, s.counts.late, s.counts.unique, s.counts.expected), (1, 1, 4, 5));
    }

    #[test]
    fn a_restart_is_no_loss_and_a_stray_no_restart() {
        let restart = run((0..100).chain(50_000..50_100), 0);
        assert_eq!((restart.lost, restart.resets, restart.expected, restart.unique), (0, 1, 200, 200));
        assert_eq!(restart.big_errors, 1);
        let back = run((90_000..90_100).chain(0..100), 0);
        assert_eq!((back.lost, back.resets, back.expected), (0, 1, 200));
        let stray = run((0..50).chain([777_777]).chain(50..100), 0);
        assert_eq!((stray.lost, stray.resets, stray.expected, stray.unique), (0, 0, 100, 100));
    }

    #[test]
    fn a_gap_wider_than_the_window_is_lost_at_once() {
        let c = run((0..10).chain(2510..2520), 0);
        assert_eq!((c.expected, c.unique, c.lost, c.loss_runs, c.loss_run_max, c.resets), (2520, 20, 2500, 1, 2500, 0));
    }

    #[test]
    fn differences_are_signed_on_every_circle() {
        assert_eq!(difference(2, 65_535, 65_536), 3);
        assert_eq!(difference(65_535, 2, 65_536), -3);
        assert_eq!(difference(0, 99, 100), 1);
        assert_eq!(difference(99, 0, 100), -1);
        assert_eq!(difference(0, u64::MAX, 0), 1);
    }

    proptest! {
        /// Against a set: random loss, duplication and displacement within the window, in one second.
        #[test]
        fn counts_agree_with_a_set(fates in proptest::collection::vec((0u8..20, 0u64..40), 2..400), start in any::<u16>()) {
            let mut arrivals: Vec<(u64, u64)> = Vec::new();
            for (i, (fate, shift)) in fates.iter().enumerate() {
                let i = i as u64;
                match fate {
                    0 => {}
                    1 => arrivals.extend([(i * 10, i), (i * 10 + shift * 7, i)]),
                    2 => arrivals.push((i * 10 + shift * 10 + 5, i)),
                    _ => arrivals.push((i * 10, i)),
                }
            }
            arrivals.sort();
            prop_assume!(!arrivals.is_empty());
            // Numbers before the first arrival cannot be known to be expected.
            let first = arrivals[0].1;
            arrivals.retain(|a| a.1 >= first);
            let mut s = Sequence::default();
            for (t, n) in &arrivals {
                s.observe((u64::from(start) + n) % 65_536, 65_536, *t, &LIMITS);
            }
            s.finish();
            let unique: std::collections::BTreeSet<u64> = arrivals.iter().map(|a| a.1).collect();
            let expected = unique.last().unwrap() - first + 1;
            prop_assert_eq!(s.counts.unique, unique.len() as u64);
            prop_assert_eq!(s.counts.expected, expected);
            prop_assert_eq!(s.counts.lost, expected - unique.len() as u64);
            prop_assert_eq!(s.counts.duplicates, (arrivals.len() - unique.len()) as u64);
            prop_assert_eq!(s.counts.late, 0);
        }

        #[test]
        fn any_numbers_keep_the_books(numbers in proptest::collection::vec(any::<u32>(), 1..300), cycle in 2u64..100_000) {
            let c = run(numbers.iter().map(|n| u64::from(*n) % cycle), cycle);
            prop_assert_eq!(c.expected, c.unique + c.lost);
            prop_assert_eq!(c.packets, numbers.len() as u64);
        }
    }
}
