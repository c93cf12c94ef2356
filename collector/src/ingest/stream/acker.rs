//! The half of a stream that waits for commits and acknowledges.
//!
//! In: steps on their way, in the order of the stream. Out: acknowledgements, requests to send again, or why the stream ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use sce_proto::{Ack, Rejected, Rewind, collector_message};
use tokio::sync::mpsc;
use tonic::Status;

use super::{Answers, Flight, Labels, say};
use crate::ingest::Shared;
use crate::ingest::writer::Reply;
use crate::metrics;
use crate::store::{Outcome, Store};

/// The half that acknowledges.
pub(super) struct Acker<S> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) answers: Answers,
    pub(super) expected: Arc<AtomicU64>,
    pub(super) labels: Labels,
    /// Last batch known to be committed, and the last one said to be.
    pub(super) reached: u64,
    pub(super) acked: u64,
    /// Where the probe was last asked to go back to without progress since.
    pub(super) rewound: u64,
}

impl<S: Store> Acker<S> {
    pub(super) async fn run(mut self, mut landing: mpsc::Receiver<Flight>) -> Result<(), Status> {
        let mut next = landing.recv().await;
        // An error drops the receiver, which stops the reader too.
        while let Some(flight) = next.take() {
            self.settle(flight).await?;
            next = landing.try_recv().ok();
            // What was committed in the same group goes into the same acknowledgement.
            if next.as_ref().is_none_or(|flight| flight.reply.is_empty()) {
                self.acknowledge().await?;
            }
            if next.is_none() {
                next = landing.recv().await;
            }
        }
        Ok(())
    }

    async fn settle(&mut self, flight: Flight) -> Result<(), Status> {
        let seq = flight.last_seq;
        let reply = flight.reply.await.map_err(|_| Status::unavailable("the collector is stopping"))?;
        let outcome = match reply {
            Reply::Outcome(outcome) => outcome,
            Reply::Rejected(reason) => return self.quarantined(seq, reason, flight.since).await,
        };
        match outcome {
            Outcome::Committed => {
                if let Some(reason) = flight.poison {
                    return self.quarantined(seq, reason, flight.since).await;
                }
                self.shared.metrics.add(metrics::BATCHES, &self.labels.with("committed"), 1.0);
                self.shared.metrics.add(metrics::RECORDS, &self.labels.pair(), flight.records as f64);
                self.reached(seq, flight.since);
                Ok(())
            }
            Outcome::Duplicate => {
                self.shared.metrics.add(metrics::BATCHES, &self.labels.with("duplicate"), 1.0);
                // A probe that repeats itself has missed the answer: say it again.
                self.acked = 0;
                self.reached(seq, flight.since);
                Ok(())
            }
            Outcome::Gap { committed_seq } => {
                self.expected.store(committed_seq + 1, Ordering::Release);
                // All that was in flight behind the gap fails likewise: one request is enough.
                if std::mem::replace(&mut self.rewound, committed_seq + 1) == committed_seq + 1 {
                    return Ok(());
                }
                let reason = String::from("the ledger stands earlier");
                let rewind = Rewind { from_seq: committed_seq + 1, reason };
                say(&self.answers, collector_message::Kind::Rewind(rewind)).await
            }
            Outcome::Conflict => Err(Status::failed_precondition(format!(
                "batch {seq} was committed before with other contents: two probes share this spool's identity, \
                 or it went back in time; begin a new epoch"
            ))),
            Outcome::Fenced => Err(Status::aborted("another session took this stream over")),
        }
    }

    async fn quarantined(&mut self, seq: u64, reason: String, since: Instant) -> Result<(), Status> {
        self.shared.metrics.add(metrics::BATCHES, &self.labels.with("quarantined"), 1.0);
        say(&self.answers, collector_message::Kind::Rejected(Rejected { seq, reason })).await?;
        self.reached(seq, since);
        Ok(())
    }

    fn reached(&mut self, seq: u64, since: Instant) {
        self.reached = self.reached.max(seq);
        self.rewound = 0;
        self.shared.metrics.observe(metrics::ACK_SECONDS, since.elapsed().as_secs_f64());
    }

    /// Says how far the ledger is, if it moved.
    async fn acknowledge(&mut self) -> Result<(), Status> {
        if self.reached == self.acked {
            return Ok(());
        }
        self.acked = self.reached;
        say(&self.answers, collector_message::Kind::Ack(Ack { committed_seq: self.acked })).await
    }
}
