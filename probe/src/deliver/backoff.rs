//! Waits between attempts: exponential with full jitter, so that a thousand probes do not come back at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The state of the waits.
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    ceiling: Duration,
    random: u64,
}

impl Backoff {
    pub(super) fn new((first, most): (Duration, Duration)) -> Backoff {
        // RandomState is seeded by the operating system; one hash of it is all the randomness needed.
        Backoff { first, most, ceiling: first, random: RandomState::new().hash_one(0u8) | 1 }
    }

    /// A wait between nothing and the ceiling, which doubles each time.
    pub(super) fn next(&mut self) -> Duration {
        let share = (self.draw() >> 11) as f64 / (1u64 << 53) as f64;
        let wait = self.ceiling.mul_f64(share);
        self.ceiling = (self.ceiling * 2).min(self.most);
        wait
    }

    /// Back to the first ceiling.
    pub(super) fn reset(&mut self) {
        self.ceiling = self.first;
    }

    /// Puts things in random order.
    pub(super) fn shuffle<T>(&mut self, things: &mut [T]) {
        for i in (1..things.len()).rev() {
            let j = self.draw() % (i as u64 + 1);
            things.swap(i, j as usize);
        }
    }

    /// xorshift64.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_start_again() {
        let (first, most) = (Duration::from_millis(500), Duration::from_secs(30));
        let mut b = Backoff::new((first, most));
        let mut longest = Duration::ZERO;
        for i in 0..200 {
            let wait = b.next();
            assert!(wait <= most && (i > 0 || wait <= first));
            longest = longest.max(wait);
        }
        assert!(longest > most / 2, "two hundred draws stay below {longest:?}");
        b.reset();
        assert!(b.next() <= first);
    }
}
