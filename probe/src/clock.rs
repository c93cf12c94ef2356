//! The clocks, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

/// Wall clock, ns since the epoch.
#[must_use]
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Wall clock minus monotonic clock, ns: constant but for slewing, and jumps when the wall clock is set.
#[must_use]
pub fn offset_ns() -> i64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let monotonic = t.tv_sec.saturating_mul(1_000_000_000).saturating_add(t.tv_nsec);
    now_ns().cast_signed().saturating_sub(monotonic)
}

/// What the kernel says about its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockState {
    /// Largest error, ns (adjtimex maxerror).
    pub error_ns: u64,
    /// Whether somebody keeps it synchronised.
    pub synced: bool,
}

/// Asks the kernel; `None` where it does not tell.
#[must_use]
pub fn state() -> Option<ClockState> {
    // Modes 0: adjtimex only reads.
    let mut t = std::mem::MaybeUninit::<libc::timex>::zeroed();
    #[allow(unsafe_code, reason = "no safe crate offers adjtimex")]
    // SAFETY: timex is a C struct of integers, for which all zeros are valid; adjtimex writes into it and keeps no pointer.
    let (code, t) = unsafe { (libc::adjtimex(t.as_mut_ptr()), t.assume_init()) };
    let known = code >= 0;
    let synced = code != libc::TIME_ERROR && t.status & libc::STA_UNSYNC == 0;
    known.then(|| ClockState { error_ns: u64::try_from(t.maxerror).unwrap_or(0).saturating_mul(1000), synced })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_can_be_read() {
        let (a, b) = (offset_ns(), offset_ns());
        assert!((a - b).abs() < 1_000_000_000 && a > 0);
        assert!(state().is_none_or(|s| s.error_ns > 0 || s.synced));
    }
}
