//! The retransmission timeout that a sender would compute (RFC 9260 6.3.1 to 6.3.3), from samples seen at this point.

/// RTO.Min, RTO.Max and RTO.Initial of RFC 9260 16, ns.
const MIN_NS: u64 = 1_000_000_000;
const MAX_NS: u64 = 60_000_000_000;
const INITIAL_NS: u64 = 1_000_000_000;

/// The estimator of one path and direction.
#[derive(Debug, Default)]
pub(crate) struct Rto {
    srtt_ns: u64,
    rttvar_ns: u64,
    measured_ns: u64,
    /// Expiries since the latest sample: each doubles the timeout.
    expiries: u32,
    /// Time of the latest expiry.
    expired_ns: u64,
}

impl Rto {
    /// Takes a sample; one per round trip counts (rule C5).
    pub(crate) fn sample(&mut self, rtt_ns: u64, at_ns: u64) {
        // Rule C5 spares later samples of a round trip, but the data came through: the timer is the measured one again.
        self.expiries = 0;
        if self.srtt_ns == 0 {
            (self.srtt_ns, self.rttvar_ns) = (rtt_ns.max(1), rtt_ns / 2);
        } else if at_ns.saturating_sub(self.measured_ns) >= self.srtt_ns {
            self.rttvar_ns = (3 * self.rttvar_ns + self.srtt_ns.abs_diff(rtt_ns)) / 4;
            self.srtt_ns = ((7 * self.srtt_ns + rtt_ns) / 8).max(1);
        } else {
            return;
        }
        self.measured_ns = at_ns;
    }

    /// Smoothed round trip, 0 before the first sample.
    pub(crate) fn srtt_ns(&self) -> u64 {
        self.srtt_ns
    }

    /// Its variation.
    pub(crate) fn rttvar_ns(&self) -> u64 {
        self.rttvar_ns
    }

    /// Data went out again because T3-rtx expired (rule E2 of RFC 9260 6.3.3). One expiry sends several chunks: they count
    /// once, for the timer cannot expire again before it ran for its whole time.
    pub(crate) fn expire(&mut self, at_ns: u64) {
        if self.expiries == 0 || at_ns.saturating_sub(self.expired_ns) >= self.rto_ns() {
            self.expiries = self.expiries.saturating_add(1);
            self.expired_ns = at_ns;
        }
    }

    /// The timeout, ns.
    pub(crate) fn rto_ns(&self) -> u64 {
        let measured =
            if self.srtt_ns == 0 { INITIAL_NS } else { (self.srtt_ns + 4 * self.rttvar_ns).clamp(MIN_NS, MAX_NS) };
        measured.saturating_mul(1 << self.expiries.min(6)).min(MAX_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_c1_to_c7() {
        let mut r = Rto::default();
        assert_eq!(r.rto_ns(), 1_000_000_000);
        r.sample(800_000_000, 1);
        assert_eq!((r.srtt_ns(), r.rttvar_ns(), r.rto_ns()), (800_000_000, 400_000_000, 2_400_000_000));
        r.sample(100_000_000, 2);
        assert_eq!(r.srtt_ns(), 800_000_000, "the same round trip");
        r.sample(400_000_000, 900_000_000);
        assert_eq!((r.srtt_ns(), r.rttvar_ns()), (750_000_000, 400_000_000));
    }

    #[test]
    fn an_expiry_doubles_the_timeout_until_a_sample() {
        let mut r = Rto::default();
        r.sample(800_000_000, 1);
        assert_eq!(r.rto_ns(), 2_400_000_000);
        r.expire(3_000_000_000);
        r.expire(3_000_000_500);
        assert_eq!(r.rto_ns(), 4_800_000_000, "two chunks of one expiry");
        r.expire(8_000_000_000);
        assert_eq!(r.rto_ns(), 9_600_000_000);
        for n in 0..5 {
            r.expire(100_000_000_000 * (n + 1));
        }
        assert_eq!(r.rto_ns(), 60_000_000_000, "RTO.Max");
        r.sample(800_000_000, 600_000_000_000);
        assert_eq!(r.rto_ns(), 2_000_000_000, "SRTT 0.8 s, RTTVAR 0.3 s");
    }
}
