//! The spool as the writer and the delivery share it: a lock around it, and word of every change.
//!
//! The capture threads never come here: they hand their records to the writer and go on.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::spool::{Backlog, Spool};

/// A shared spool.
pub struct Queue {
    spool: Mutex<Spool>,
    changed: watch::Sender<()>,
}

impl Queue {
    /// Shares a spool.
    #[must_use]
    pub fn new(spool: Spool) -> Queue {
        Queue { spool: Mutex::new(spool), changed: watch::Sender::new(()) }
    }

    /// The spool, for a short while.
    pub fn spool(&self) -> MutexGuard<'_, Spool> {
        // A panic elsewhere leaves the spool usable: it changes its state only after the disk did.
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the delivery that there is something new, or that an acknowledgement came.
    pub fn touch(&self) {
        self.changed.send_replace(());
    }

    /// Learns of changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What waits.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        self.spool().backlog()
    }

    /// What waits, if nobody is busy with the spool: for the capture threads, which wait for nobody.
    #[must_use]
    pub fn peek(&self) -> Option<Backlog> {
        self.spool.try_lock().ok().map(|s| s.backlog())
    }

    /// Gives the spool back for an orderly end, when nobody else holds the queue.
    #[must_use]
    pub fn into_spool(self) -> Spool {
        self.spool.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
