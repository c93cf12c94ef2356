//! One lane on one connection: sends within the credit, takes acknowledgements, goes back when told to.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use sce_proto::collector_message::Kind as Answer;
use sce_proto::probe_message::Kind as Message;
use sce_proto::{ProbeMessage, Skip};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::Status;

use super::{End, Progress, Stream, Timing};
use crate::clock;
use crate::queue::Queue;
use crate::spool::{IN_DOUBT, Item};

/// Sent and not acknowledged.
struct Sent {
    last_seq: u64,
    bytes: u64,
    at: Instant,
}

struct Lane<'a> {
    number: usize,
    queue: Arc<Queue>,
    progress: &'a Progress,
    out: mpsc::Sender<ProbeMessage>,
    /// Number to send next.
    next: u64,
    sent: VecDeque<Sent>,
    sent_bytes: u64,
    credit_batches: usize,
    credit_bytes: u64,
    /// Number of the loss report that this lane waits for.
    awaited: u64,
}

/// Runs until the connection ends.
pub(super) async fn deliver(
    number: usize,
    stream: Stream,
    queue: Arc<Queue>,
    timing: Timing,
    progress: &Progress,
) -> Result<Infallible, End> {
    let Stream { out, mut answers, welcome } = stream;
    let mut changes = queue.changes();
    let mut lane = Lane {
        number,
        queue,
        progress,
        out,
        next: welcome.committed_seq + 1,
        sent: VecDeque::new(),
        sent_bytes: 0,
        credit_batches: u64::from(welcome.credit_batches).clamp(1, IN_DOUBT) as usize,
        credit_bytes: welcome.credit_bytes,
        awaited: 0,
    };
    lane.acknowledged(welcome.committed_seq);
    loop {
        let blocked = lane.send()?;
        let out = lane.out.clone();
        let oldest = lane.sent.front().map(|s| s.at);
        tokio::select! {
            answer = answers.message() => match answer?.and_then(|m| m.kind) {
                Some(kind) => lane.answered(kind)?,
                None => return Err(Status::unavailable("the collector closed the stream").into()),
            },
            _ = changes.changed() => {}
            room = out.reserve(), if blocked => {
                room.map_err(|_| Status::unavailable("the connection is gone"))?;
            }
            () = overdue(oldest, timing.ack) => {
                let waited = timing.ack;
                return Err(Status::deadline_exceeded(format!("no acknowledgement for {waited:?}")).into());
            }
        }
    }
}

impl Lane<'_> {
    /// Sends what the credit allows. True if the connection cannot take more just now.
    fn send(&mut self) -> Result<bool, Status> {
        while self.has_credit() {
            if self.out.capacity() == 0 {
                return Ok(true);
            }
            let item = self.queue.spool().read(self.number, self.next, clock::now_ns());
            let (kind, last_seq, bytes) = match item {
                None => break,
                Some(Item::Batch(batch)) => {
                    let (seq, bytes) = (batch.seq, batch.payload.len() as u64);
                    (Message::Batch(batch), seq, bytes)
                }
                Some(Item::Skip { first, last, report, position }) => {
                    // The report comes first, so that no database ever holds a hole without its reason.
                    if report > 0 && self.queue.spool().lane(0).acked_seq < report {
                        // Reading may have written it just now, and lane 0 knows of nothing new unless it is told.
                        if self.awaited != report {
                            self.awaited = report;
                            self.queue.touch();
                        }
                        break;
                    }
                    (Message::Skip(Skip { first_seq: first, last_seq: last, position }), last, 0)
                }
            };
            let message = ProbeMessage { kind: Some(kind) };
            self.out.try_send(message).map_err(|_| Status::unavailable("the connection is gone"))?;
            self.next = last_seq + 1;
            self.sent_bytes += bytes;
            self.sent.push_back(Sent { last_seq, bytes, at: Instant::now() });
        }
        Ok(false)
    }

    fn has_credit(&self) -> bool {
        self.sent.is_empty() || self.sent.len() < self.credit_batches && self.sent_bytes < self.credit_bytes
    }

    fn answered(&mut self, kind: Answer) -> Result<(), End> {
        match kind {
            Answer::Ack(ack) => self.acknowledged(ack.committed_seq),
            Answer::Rejected(rejected) => {
                let (seq, reason) = (rejected.seq, rejected.reason);
                tracing::warn!(lane = self.number, seq, reason, "The collector put a batch into quarantine");
            }
            Answer::Rewind(rewind) => {
                let (from, reason) = (rewind.from_seq, rewind.reason);
                tracing::warn!(lane = self.number, from, reason, "The collector asks to send again");
                self.next = from.max(1);
                self.sent.clear();
                self.sent_bytes = 0;
            }
            Answer::Drain(drain) => return Err(End::Drain(Duration::from_millis(drain.reconnect_after_ms))),
            Answer::Welcome(_) => return Err(Status::internal("the collector said Welcome twice").into()),
        }
        Ok(())
    }

    fn acknowledged(&mut self, seq: u64) {
        self.next = self.next.max(seq + 1);
        while let Some(oldest) = self.sent.pop_front_if(|s| s.last_seq <= seq) {
            self.sent_bytes -= oldest.bytes;
        }
        let mut spool = self.queue.spool();
        let before = spool.lane(self.number).acked_seq;
        spool.ack(self.number, seq);
        let moved = spool.lane(self.number).acked_seq > before;
        drop(spool);
        if moved {
            self.progress.acks.fetch_add(1, Relaxed);
            self.queue.touch();
        }
    }
}

/// Ends when the oldest batch under way has waited too long; never while nothing is.
async fn overdue(oldest: Option<Instant>, limit: Duration) {
    match oldest {
        Some(at) => tokio::time::sleep_until(at + limit).await,
        None => pending().await,
    }
}
