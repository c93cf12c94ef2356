//! Tells open pages that records came in.
//!
//! In: the ledger of the store, looked at now and then, once for all pages. Out: the time of the newest record, as server-sent
//! events. Nothing else is ever sent: a page asks for itself again.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use crate::store::Store;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(2);

/// The end of the newest committed interval, ns since the epoch.
#[derive(Debug, Clone)]
pub(super) struct Newest(watch::Receiver<Option<u64>>);

impl Newest {
    /// The time, once the first look at the store is over.
    pub(super) async fn get(&self) -> u64 {
        let mut seen = self.0.clone();
        // The guard that comes back must not live across an await.
        let known = seen.wait_for(Option::is_some).await.map(|newest| *newest);
        known.ok().flatten().unwrap_or(0)
    }
}

/// Starts to look; ends when no page is left that could ask.
pub(super) fn watch<S: Store>(store: S) -> Newest {
    let (tell, newest) = watch::channel(None);
    tokio::spawn(async move {
        while !tell.is_closed() {
            if let Ok(ledger) = store.ledger().await {
                let time = ledger.iter().map(|l| l.newest_ns).max().unwrap_or(0);
                tell.send_if_modified(|old| old.replace(time) != Some(time));
            }
            tokio::select! {
                () = tell.closed() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    });
    Newest(newest)
}

/// The events for one page.
pub(super) fn stream(
    newest: Newest,
    permit: OwnedSemaphorePermit,
) -> Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>> {
    let (tell, events) = mpsc::channel(1);
    tokio::spawn(async move {
        let _permit = permit;
        let mut newest = newest.0;
        loop {
            let changed = tokio::select! {
                changed = newest.changed() => changed,
                () = tell.closed() => return,
            };
            let time = newest.borrow_and_update().unwrap_or(0);
            if changed.is_err() || tell.send(Ok(Event::default().data(time.to_string()))).await.is_err() {
                return;
            }
        }
    });
    Sse::new(ReceiverStream::new(events)).keep_alive(KeepAlive::default())
}
