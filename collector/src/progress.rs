//! Progress of work that a database does in one statement and says nothing about meanwhile.
//!
//! In: the work, and how far it is, which can be asked at any time. Out: what the work gave; a line on a terminal until then.

use std::time::Duration;

use sce_progress::Progress;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(200);

/// Waits for work, and tells how much is `done` until it ends.
pub(crate) async fn watched<T>(work: impl Future<Output = T>, progress: &mut Progress, done: impl Fn() -> u64) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(EVERY, &mut work).await {
            Ok(gave) => return gave,
            Err(_) => progress.at(done()),
        }
    }
}

/// Bytes that this process has read from files until now: SQLite reads its pages in this process. 0 where the kernel does not
/// say.
pub(crate) fn read_bytes() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let read = io.lines().find_map(|line| line.strip_prefix("rchar:"));
    read.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0)
}
