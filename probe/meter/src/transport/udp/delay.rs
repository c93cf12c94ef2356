//! Delay variation from the sender's times: RFC 3550 jitter, and the IPDV of RFC 5481 (its PDV is in [`super::pdv`]).
//!
//! In: arrival time, sender's time, and whether the packet directly follows the one before it. Out: samples. The clocks of
//! sender and observation point need not agree: only differences count, so a constant offset drops out and the drift of
//! one packet interval is far below the capture's resolution.

/// Delay variation of one sender.
#[derive(Debug, Default)]
pub(crate) struct Delay {
    previous_ns: Option<i64>,
    /// RFC 3550 jitter times 16, ns.
    jitter_x16: u64,
}

/// What one packet adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Variation {
    /// RFC 3550 6.4.1: the smoothed difference, ns.
    pub(crate) jitter_ns: Option<u64>,
    /// RFC 5481 4.1: difference of the delays of this packet and the one before it, without its sign, ns.
    pub(crate) ipdv_ns: Option<u64>,
    /// The delay, from an unknown zero, ns.
    pub(crate) delay_ns: i64,
}

impl Delay {
    /// Takes a packet; `follows`: its number is the one behind the previous packet's.
    pub(crate) fn observe(&mut self, arrival_ns: u64, sent_ns: u64, follows: bool) -> Variation {
        let transit = arrival_ns.wrapping_sub(sent_ns).cast_signed();
        let Some(previous) = self.previous_ns.replace(transit) else {
            return Variation { delay_ns: transit, ..Variation::default() };
        };
        let difference = transit.abs_diff(previous);
        // A.8 of RFC 3550: J += |D| - (J + 8) / 16 on 16 times the value, so that no precision is lost.
        self.jitter_x16 = self.jitter_x16.saturating_add(difference) - (self.jitter_x16 + 8) / 16;
        Variation { jitter_ns: Some(self.jitter_x16 / 16), ipdv_ns: follows.then_some(difference), delay_ns: transit }
    }

    /// Forgets the packet before: the sender restarted its clock or its numbers.
    pub(crate) fn restart(&mut self) {
        *self = Delay { jitter_x16: self.jitter_x16, ..Delay::default() };
    }
}

/// The media clock of RTP: 32 bits at the rate of the payload type.
#[derive(Debug, Default)]
pub(crate) struct MediaClock {
    rate_hz: u64,
    /// First packet: arrival, stamp. The rate of a dynamic payload type follows from the time since.
    first: Option<(u64, u32)>,
    unwrapped: u64,
    last: u32,
}

/// Rates in use, Hz (RFC 3551 6 and the registrations behind it).
const RATES_HZ: [u64; 8] = [8_000, 11_025, 16_000, 24_000, 32_000, 44_100, 48_000, 90_000];
/// Media time after which the rate of a dynamic payload type is guessed, ns.
const TRIAL_NS: u64 = 1_000_000_000;

impl MediaClock {
    /// The sender's time in ns, once the rate is known.
    pub(crate) fn sent_ns(&mut self, payload_type: u8, stamp: u32, arrival_ns: u64) -> Option<u64> {
        let step = i64::from(stamp.wrapping_sub(self.last).cast_signed());
        let (first_ns, first) = *self.first.get_or_insert((arrival_ns, stamp));
        if first == stamp && self.unwrapped == 0 {
            // Far from zero, so that times before the first packet's exist.
            self.unwrapped = 1 << 40;
        } else {
            self.unwrapped = self.unwrapped.wrapping_add_signed(step);
        }
        self.last = stamp;
        if self.rate_hz == 0 {
            self.rate_hz = match payload_type {
                0..=9 | 12 | 13 | 15 | 18 => 8_000,
                10 | 11 => 44_100,
                14 | 25..=34 => 90_000,
                _ => self.guess(arrival_ns.saturating_sub(first_ns)).unwrap_or(0),
            };
        }
        if self.rate_hz == 0 {
            return None;
        }
        Some((u128::from(self.unwrapped) * 1_000_000_000 / u128::from(self.rate_hz)) as u64)
    }

    /// The rate nearest to what the first second shows, if it is near enough.
    fn guess(&self, elapsed_ns: u64) -> Option<u64> {
        if elapsed_ns < TRIAL_NS {
            return None;
        }
        let ticks = self.unwrapped.checked_sub(1 << 40)?;
        let rate = u64::try_from(u128::from(ticks) * 1_000_000_000 / u128::from(elapsed_ns)).ok()?;
        RATES_HZ.into_iter().find(|r| r.abs_diff(rate) * 20 < *r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variation_by_hand() {
        let mut d = Delay::default();
        assert_eq!(d.observe(1_000, 0, false), Variation { jitter_ns: None, ipdv_ns: None, delay_ns: 1_000 });
        // Transit 1000, then 1160: |D| = 160, J = 160 / 16.
        assert_eq!(
            d.observe(2_160, 1_000, true),
            Variation { jitter_ns: Some(10), ipdv_ns: Some(160), delay_ns: 1_160 }
        );
        // Transit 900: J = 10 + (260 - 10) / 16.
        let v = d.observe(3_900, 3_000, false);
        assert_eq!((v.jitter_ns, v.ipdv_ns, v.delay_ns), (Some(25), None, 900));
    }

    #[test]
    fn a_constant_rate_has_no_jitter_whatever_the_clock_offset() {
        for sent in [0u64, 5_000_000_000, u64::MAX - 50_000_000] {
            let mut d = Delay::default();
            for i in 0..100u64 {
                let v = d.observe(1_000_000_000 + i * 20_000_000, sent.wrapping_add(i * 20_000_000), true);
                assert_eq!((v.jitter_ns.unwrap_or(0), v.ipdv_ns), (0, (i > 0).then_some(0)));
            }
        }
    }

    #[test]
    fn media_clocks_wrap_and_dynamic_rates_are_found() {
        let mut clock = MediaClock::default();
        let mut delay = Delay::default();
        let mut judged = 0;
        for i in 0..200u64 {
            let stamp = (u64::from(u32::MAX) - 9_000 + i * 1_800) as u32; // 20 ms at 90 kHz
            if let Some(sent) = clock.sent_ns(96, stamp, i * 20_000_000) {
                judged += 1;
                assert!(delay.observe(i * 20_000_000, sent, true).jitter_ns.unwrap_or(0) <= 1);
            }
        }
        assert_eq!((clock.rate_hz, judged), (90_000, 150));
    }
}
