//! What a running probe can be told: to stop, and another experiment label.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::RunArgs;
use crate::config;
use crate::shipment::Job;

/// Shared with the source threads.
pub(super) struct Control {
    stop: AtomicBool,
    give_up: Arc<AtomicBool>,
    run: Mutex<String>,
    /// Counts changes of the label, so that a source need not take the lock to see that there is none.
    changes: AtomicU64,
    config: Option<PathBuf>,
    run_file: Option<PathBuf>,
    jobs: Mutex<Option<SyncSender<Job>>>,
}

impl Control {
    pub(super) fn new(args: &RunArgs, jobs: SyncSender<Job>) -> Control {
        Control {
            stop: AtomicBool::new(false),
            give_up: Arc::default(),
            run: Mutex::new(args.run.clone()),
            changes: AtomicU64::new(0),
            config: args.config.clone(),
            run_file: args.run_file.clone(),
            jobs: Mutex::new(Some(jobs)),
        }
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// A replay's writer need not wait for the collector any longer.
    pub(super) fn give_up(&self) {
        self.give_up.store(true, Relaxed);
    }

    /// What [`Control::give_up`] sets.
    pub(super) fn given_up(&self) -> Arc<AtomicBool> {
        self.give_up.clone()
    }

    /// Lets the writer end: there is nothing more to tell it.
    pub(super) fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The label, if it changed since the caller's last look.
    pub(super) fn changed_run(&self, seen: &mut u64) -> Option<String> {
        let changes = self.changes.load(Relaxed);
        if changes == *seen {
            return None;
        }
        *seen = changes;
        Some(self.run.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn set_run(&self, run: &str) {
        let mut known = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == run {
            return;
        }
        tracing::info!(run, "Experiment label changed");
        run.clone_into(&mut known);
        drop(known);
        self.changes.fetch_add(1, Relaxed);
        if let Some(jobs) = &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            // Only loss reports carry this copy; a full channel must not stop the signals.
            let _ = jobs.try_send(Job::Run(run.to_owned()));
        }
    }

    /// SIGHUP: the label of the configuration file.
    pub(super) fn reload(&self) {
        let Some(path) = &self.config else {
            tracing::warn!("SIGHUP, but there is no --config to read the label from");
            return;
        };
        match config::run_label(path) {
            Ok(Some(run)) => self.set_run(&run),
            Ok(None) => tracing::warn!(config = %path.display(), "The configuration file has no key `run`"),
            Err(error) => tracing::error!(%error, "The label stays as it is"),
        }
    }

    /// Every second: the label of the label file, if there is one.
    pub(super) fn look(&self) {
        let Some(path) = &self.run_file else { return };
        if let Ok(text) = std::fs::read_to_string(path) {
            self.set_run(text.lines().next().unwrap_or_default().trim());
        }
    }
}

/// The signals a probe listens to.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next of them.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.terminate.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}

/// What a signal asks for.
pub(super) enum Told {
    /// SIGINT or SIGTERM.
    Stop,
    /// SIGHUP.
    Reload,
}
