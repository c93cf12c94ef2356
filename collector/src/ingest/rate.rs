//! How fast one stream may be: what comes faster waits, and the wait pushes back on the probe.

use std::time::{Duration, Instant};

/// A bound on bytes and batches, each with a reserve of one second of its rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Payload bytes a second.
    pub bytes: f64,
    /// Batches a second.
    pub batches: f64,
}

impl Default for Rate {
    fn default() -> Rate {
        // Ten times what one core commits, so that only a flood is slowed.
        Rate { bytes: (128 << 20) as f64, batches: 2000.0 }
    }
}

/// What a stream has left.
pub(super) struct Bucket {
    rate: Rate,
    /// Seconds of the rate in reserve; negative = owed.
    bytes_s: f64,
    batches_s: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(rate: Rate, now: Instant) -> Bucket {
        Bucket { rate, bytes_s: 1.0, batches_s: 1.0, at: now }
    }

    /// Takes a batch and says how long to wait before the next.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> Duration {
        let passed = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        self.bytes_s = (self.bytes_s + passed).min(1.0) - bytes as f64 / self.rate.bytes;
        self.batches_s = (self.batches_s + passed).min(1.0) - 1.0 / self.rate.batches;
        let owed = -self.bytes_s.min(self.batches_s);
        if owed > 0.0 { Duration::from_secs_f64(owed.min(1.0)) } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_waits() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { bytes: 1000.0, batches: 10.0 }, start);
        assert_eq!(bucket.take(900, start), Duration::ZERO);
        let wait = bucket.take(600, start);
        assert!((wait.as_secs_f64() - 0.5).abs() < 1e-6, "{wait:?}");
        assert_eq!(bucket.take(0, start + Duration::from_secs(5)), Duration::ZERO);
        let waits: Vec<Duration> = (0..12).map(|_| bucket.take(0, start + Duration::from_secs(5))).collect();
        assert!(waits[7].is_zero() && !waits[11].is_zero(), "{waits:?}");
    }
}
