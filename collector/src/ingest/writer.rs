//! Group commit: what waits is committed together.
//!
//! In: steps of many streams. Out: what became of each, after the commit. There is no queue beyond what streams have in
//! flight, and those are bounded by their credit and by the memory budget. While the database is away the group waits and is
//! tried again; nothing is answered and nothing is dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::metrics::{self, Metrics};
use crate::store::{Outcome, Quarantine, Step, Store, StoreError, Work};

/// Rows of a group at most: a commit stays short.
const GROUP_ROWS: usize = 8_000;
/// Steps of a group at most.
const GROUP_STEPS: usize = 64;
/// Steps that wait for a writer; streams wait beyond that.
const WAITING: usize = 128;
/// First and longest pause after a failed commit.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The store decided.
    Outcome(Outcome),
    /// The database would not take the rows: the batch is in quarantine, for this reason.
    Rejected(String),
}

/// A step on its way to the database.
pub struct Job {
    /// What to commit.
    pub step: Step,
    /// Memory it holds, given back after the commit.
    pub memory: Option<OwnedSemaphorePermit>,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Reply>,
}

/// The writer tasks of a store.
#[derive(Clone)]
pub struct Writers {
    queues: Vec<mpsc::Sender<Job>>,
}

/// Whether the database takes writes.
#[derive(Debug, Default)]
pub struct Health {
    away: AtomicBool,
    busy: Mutex<Option<Instant>>,
}

impl Health {
    /// Whether the last commit worked.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.away.load(Ordering::Relaxed)
    }

    /// How long the current commit has been under way.
    #[must_use]
    pub fn busy(&self) -> Option<Duration> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).map(|since| since.elapsed())
    }

    fn note(&self, since: Option<Instant>) {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl Writers {
    /// Starts them. Once `finish` is true they commit what waits and end; once `abort` is true they give up what cannot be
    /// committed.
    pub fn start<S: Store>(
        store: &S,
        metrics: &Arc<Metrics>,
        health: &Arc<Health>,
        finish: &watch::Receiver<bool>,
        abort: &watch::Receiver<bool>,
    ) -> (Writers, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let start = |_| {
            let (sender, receiver) = mpsc::channel(WAITING);
            let writer = Writer {
                store: store.clone(),
                metrics: metrics.clone(),
                health: health.clone(),
                finish: finish.clone(),
                abort: abort.clone(),
            };
            tasks.spawn(writer.run(receiver));
            sender
        };
        let queues = (0..store.writers().max(1)).map(start).collect();
        (Writers { queues }, tasks)
    }

    /// Hands a step to the writer of its stream; false if the writer is gone.
    pub async fn submit(&self, job: Job) -> bool {
        let at = job.step.stream.unsigned_abs() as usize % self.queues.len();
        self.queues[at].send(job).await.is_ok()
    }
}

struct Writer<S> {
    store: S,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    finish: watch::Receiver<bool>,
    abort: watch::Receiver<bool>,
}

impl<S: Store> Writer<S> {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut finish = self.finish.clone();
        loop {
            let first = tokio::select! {
                first = queue.recv() => first,
                () = crate::told(&mut finish), if !queue.is_closed() => {
                    queue.close();
                    continue;
                }
            };
            let Some(first) = first else { return };
            let mut rows = weight(&first.step);
            let mut steps = vec![first.step];
            let mut replies = vec![(first.reply, first.memory)];
            while rows < GROUP_ROWS && steps.len() < GROUP_STEPS {
                let Ok(job) = queue.try_recv() else { break };
                rows += weight(&job.step);
                steps.push(job.step);
                replies.push((job.reply, job.memory));
            }
            let Some(outcomes) = self.settle(steps).await else { return };
            for ((reply, memory), outcome) in replies.into_iter().zip(outcomes) {
                drop(memory);
                // A stream that is gone will ask the ledger when it comes back.
                let _ = reply.send(outcome);
            }
        }
    }

    /// Commits a group, however long it takes; `None` only when told to give up.
    async fn settle(&mut self, steps: Vec<Step>) -> Option<Vec<Reply>> {
        match self.persist(&steps).await? {
            Ok(outcomes) => Some(outcomes.into_iter().map(Reply::Outcome).collect()),
            Err(why) if steps.len() == 1 => {
                let step = steps.into_iter().next()?;
                Some(vec![self.reject(step, why).await?])
            }
            // One of them is bad: find out which.
            Err(_) => {
                let mut replies = Vec::with_capacity(steps.len());
                for step in steps {
                    replies.push(match self.persist(std::slice::from_ref(&step)).await? {
                        Ok(outcomes) => Reply::Outcome(outcomes[0]),
                        Err(why) => self.reject(step, why).await?,
                    });
                }
                Some(replies)
            }
        }
    }

    /// Puts a batch that the database refuses into quarantine, so that it does not block its stream.
    async fn reject(&mut self, mut step: Step, why: String) -> Option<Reply> {
        tracing::warn!(stream = step.stream, why, "The database refused a batch; it goes into quarantine");
        if let Work::Batch { seq, crc, original, .. } = step.work {
            step.work = Work::Poison { seq, crc, quarantine: Quarantine { reason: why.clone(), ..original } };
        }
        loop {
            match self.persist(std::slice::from_ref(&step)).await? {
                Ok(outcomes) if outcomes[0] == Outcome::Committed => return Some(Reply::Rejected(why)),
                Ok(outcomes) => return Some(Reply::Outcome(outcomes[0])),
                Err(error) => {
                    tracing::error!(error, "Quarantine itself was refused; trying again");
                    self.pause(PAUSE.1).await?;
                }
            }
        }
    }

    /// Tries until the database answers; the inner error is a refusal.
    async fn persist(&mut self, steps: &[Step]) -> Option<Result<Vec<Outcome>, String>> {
        let mut pause = PAUSE.0;
        loop {
            let start = Instant::now();
            self.health.note(Some(start));
            let span = tracing::debug_span!("commit", batches = steps.len());
            let result = self.store.commit(steps).instrument(span).await;
            self.health.note(None);
            self.metrics.observe(metrics::COMMIT_SECONDS, start.elapsed().as_secs_f64());
            match result {
                Ok(outcomes) => {
                    if self.health.away.swap(false, Ordering::Relaxed) {
                        tracing::info!("The database takes writes again");
                    }
                    return Some(Ok(outcomes));
                }
                Err(StoreError::Refused(why)) => return Some(Err(why)),
                Err(error) => {
                    self.metrics.add(metrics::COMMIT_FAILURES, &[], 1.0);
                    if !self.health.away.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, "Not committed; probes keep their records, the collector keeps trying");
                    }
                    self.pause(pause).await?;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    async fn pause(&mut self, time: Duration) -> Option<()> {
        tokio::select! {
            () = tokio::time::sleep(time) => Some(()),
            () = crate::told(&mut self.abort) => None,
        }
    }
}

fn weight(step: &Step) -> usize {
    match &step.work {
        Work::Batch { tables, .. } => tables.iter().map(|t| t.len).sum(),
        Work::Poison { .. } | Work::Skip { .. } => 1,
    }
}
