//! The clocks, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

/// Wall clock, ns since the epoch.
#[must_use]
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
