//! Threads on which questions are answered: they give way to those that take records in, and to whatever else the machine does.
//!
//! In: the work for a question. Out: what it comes to. A question may add up a day of records, and every processor of the
//! machine with it; what arrives meanwhile is committed and acknowledged all the same. Threads that are started here inherit the
//! priority, among them those of the connections to SQLite that are opened here.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// By how much the priority is lower (`nice`): a quarter of a processor is left to it where another thread wants
/// all of that.
const NICE: i32 = 5;

/// Processors that one question may take at a time, at most.
const PROCESSORS: usize = 4;

/// Threads that one question may work on.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(PROCESSORS))
}

/// Lives as long as the process: connections opened on it are used by questions of every later time.
static THREADS: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let here = rustix::process::getpriority_process(None).unwrap_or(0);
    let give_way = move || {
        // Refused only where something has taken the right to do so; questions are answered nevertheless.
        let _ = rustix::process::setpriority_process(None, here + NICE);
    };
    let built = Builder::new_multi_thread().enable_all().thread_name("question").on_thread_start(give_way).build();
    built.inspect_err(|error| tracing::warn!(%error, "Questions have no threads of their own")).ok()
});

/// Does the work there; ends it when the result is no longer waited for. `None` if it panicked.
pub(crate) async fn aside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let mut task = JoinSet::new();
    match &*THREADS {
        Some(threads) => task.spawn_on(work, threads.handle()),
        None => task.spawn(work),
    };
    task.join_next().await?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn questions_and_what_they_start_give_way() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let here = nice();
        let there = aside(async move {
            let blocking = tokio::task::spawn_blocking(nice).await.unwrap();
            (nice(), blocking, std::thread::spawn(nice).join().unwrap())
        });
        assert_eq!(there.await, Some((here + NICE, here + NICE, here + NICE)));
        assert_eq!(nice(), here, "nothing else does");
    }
}
