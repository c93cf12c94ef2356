//! The job that sums buckets.
//!
//! In: the buckets that are due. Out: replaced buckets. Any number of collectors may run it on one database: whichever has
//! the lease sums, and a bucket that is summed twice is the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::now_ns;
use crate::metrics::{self, Metrics};
use crate::store::{Store, StoreError};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after an error, and while another collector has the lease.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// Sums what is due, without end.
pub async fn run<S: Store>(store: S, metrics: Arc<Metrics>) {
    loop {
        match round(&store, now_ns(), &metrics).await {
            Ok(0) => tokio::time::sleep(PAUSE).await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "Records could not be summed; questions read them as they were stored meanwhile");
                tokio::time::sleep(LONG_PAUSE).await;
            }
        }
    }
}

/// Sums what is due at a time; says how many buckets were.
///
/// # Errors
/// [`StoreError`]: what was summed until then stays.
pub async fn round<S: Store>(store: &S, now_ns: u64, metrics: &Metrics) -> Result<usize, StoreError> {
    let mut done = 0;
    store.tidy().await?;
    for (level, bucket) in store.due(now_ns).await? {
        store.tidy().await?;
        let began = Instant::now();
        if !store.roll_up(level, bucket).await? {
            return Ok(done);
        }
        let seconds = level.seconds().to_string();
        metrics.add(metrics::ROLLUPS, &[("level", seconds.as_str())], 1.0);
        let spent = began.elapsed();
        metrics.observe(metrics::ROLLUP_SECONDS, spent.as_secs_f64());
        done += 1;
        // Half of the time at least belongs to what is stored and asked meanwhile.
        tokio::time::sleep(spent.min(LONG_PAUSE)).await;
    }
    Ok(done)
}
