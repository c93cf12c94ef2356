//! One stream: one lane of one probe.
//!
//! In: the probe's messages. Out: steps for the writer, in order, and answers. Two halves run side by side: one reads and
//! decodes the next batch while the other waits for commits and acknowledges.

mod acker;
mod hello;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use sce_proto::codec;
use sce_proto::columns::BatchError;
use sce_proto::{
    Batch, CollectorMessage, Drain, PROTOCOL_MAX, ProbeMessage, Rewind, Skip, Welcome, collector_message, probe_message,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tonic::{Code, Status, Streaming};

use super::rate::Bucket;
use super::writer::{Job, Reply};
use super::{Lane, Shared};
use crate::access::identity::{Identity, Role};
use crate::clock::now_ns;
use crate::metrics;
use crate::rows;
use crate::store::{Claim, Quarantine, Step, Store, StoreError, StreamKey, Work};
use crate::told;
use acker::Acker;

/// Time a draining probe should stay away, ms.
const RECONNECT_MS: u64 = 1000;
/// Requests to send the same batch again before the stream is ended.
const REWINDS: u32 = 3;

type Answers = mpsc::Sender<Result<CollectorMessage, Status>>;

/// Serves a stream to its end.
pub(super) async fn serve<S: Store>(
    shared: &Arc<Shared<S>>,
    mut inbound: Streaming<ProbeMessage>,
    answers: &Answers,
    identity: Option<Arc<Identity>>,
) -> Result<(), Status> {
    let hello = tokio::time::timeout(shared.limits.hello, hello::first(&mut inbound)).await;
    let hello = hello.map_err(|_| shared.refuse("hello", Status::deadline_exceeded("no Hello in time")))??;
    hello::check(&hello).map_err(|status| shared.refuse("hello", status))?;
    if let Some(identity) = identity.as_ref().filter(|i| i.name != hello.probe) {
        tracing::warn!(certificate = identity.name, claimed = hello.probe, "A probe claims another's name");
        shared.guard.count(Role::Ingest, "claimed_name");
        return Err(Status::permission_denied(format!(
            "the certificate is of `{}`: it cannot deliver as `{}`; use --name {}, or enrol under the other name",
            identity.name, hello.probe, identity.name
        )));
    }
    let session = (RandomState::new().build_hasher().finish() >> 1).cast_signed();
    let lane: Lane = (hello.probe.clone(), hello.probe_id.clone(), hello.lane);
    let claim = Claim {
        key: StreamKey {
            probe: hello.probe.clone(),
            spool_id: hello.probe_id.clone(),
            epoch: hello.epoch,
            lane: hello.lane,
        },
        host: hello.host.clone(),
        version: hello.version.clone(),
        session,
        now_ns: now_ns().cast_signed(),
    };
    let claimed = shared.store.claim(&claim).await.map_err(|error| match error {
        StoreError::Refused(why) => Status::failed_precondition(why),
        other => Status::unavailable(other.to_string()),
    })?;
    let ended = shared.enter(&lane, session);
    let labels = Labels { probe: hello.probe.clone(), lane: hello.lane.to_string() };
    shared.metrics.add(metrics::CLAIMS, &labels.pair(), 1.0);
    // A rate begins with a known zero: the first loss of a probe must not be the first that is heard of the series.
    for metric in [metrics::SKIPPED, metrics::REWINDS, metrics::TAKEOVERS, metrics::THROTTLED] {
        shared.metrics.add(metric, &labels.pair(), 0.0);
    }
    let rolled_back = hello.next_seq <= claimed.committed_seq;
    if rolled_back {
        tracing::warn!(
            probe = hello.probe,
            lane = hello.lane,
            committed = claimed.committed_seq,
            next = hello.next_seq,
            "The probe's spool is behind the ledger; it must begin a new epoch"
        );
    }
    let welcome = Welcome {
        committed_seq: claimed.committed_seq,
        credit_batches: shared.limits.credit_batches,
        credit_bytes: shared.limits.credit_bytes,
        protocol: PROTOCOL_MAX.min(hello.protocol_max),
        version: String::from(env!("CARGO_PKG_VERSION")),
        rolled_back,
        committed_crc32c: claimed.committed_crc,
        committed_position: claimed.position,
    };
    say(answers, collector_message::Kind::Welcome(welcome)).await?;
    tracing::info!(probe = hello.probe, lane = hello.lane, committed = claimed.committed_seq, "Stream opened");

    let expected = Arc::new(AtomicU64::new(claimed.committed_seq + 1));
    let (flight, landing) = mpsc::channel(shared.limits.credit_batches.max(1) as usize);
    let reader = Reader {
        shared: shared.clone(),
        stream: claimed.stream,
        session,
        rolled_back,
        expected: expected.clone(),
        asked: (0, 0),
        damaged: 0,
        answers: answers.clone(),
        flight,
        labels: labels.clone(),
        rate: Bucket::new(shared.limits.rate, Instant::now()),
        identity,
    };
    let acker = Acker {
        shared: shared.clone(),
        answers: answers.clone(),
        expected,
        labels,
        reached: claimed.committed_seq,
        acked: claimed.committed_seq,
        rewound: 0,
    };
    // The reader ends first and drops its end of the flight; the acker then finishes what is under way.
    let (read, acked) = tokio::join!(reader.run(inbound, ended), acker.run(landing));
    shared.leave(&lane, session);
    acked.and(read)
}

/// Whether it is the message that cannot be read, too large or no message at all, not the connection.
fn unreadable(status: &Status) -> bool {
    status.code() == Code::OutOfRange || codec::undecodable(status)
}

async fn say(answers: &Answers, kind: collector_message::Kind) -> Result<(), Status> {
    let message = CollectorMessage { kind: Some(kind) };
    answers.send(Ok(message)).await.map_err(|_| Status::cancelled("the probe went away"))
}

/// Labels of a stream's metrics.
#[derive(Clone)]
struct Labels {
    probe: String,
    lane: String,
}

impl Labels {
    fn pair(&self) -> [(&str, &str); 2] {
        [("probe", &self.probe), ("lane", &self.lane)]
    }

    fn with(&self, outcome: &'static str) -> [(&str, &str); 3] {
        [("probe", &self.probe), ("lane", &self.lane), ("outcome", outcome)]
    }
}

/// A step on its way, in the order of the stream.
struct Flight {
    last_seq: u64,
    records: u64,
    poison: Option<String>,
    since: Instant,
    reply: oneshot::Receiver<Reply>,
}

/// The half that reads.
struct Reader<S> {
    shared: Arc<Shared<S>>,
    stream: i64,
    session: i64,
    rolled_back: bool,
    /// Number of the next batch to hand in; the acker puts it back when the ledger says so.
    expected: Arc<AtomicU64>,
    /// The batch last asked for again, and how often.
    asked: (u64, u32),
    /// The batch that came damaged once.
    damaged: u64,
    answers: Answers,
    flight: mpsc::Sender<Flight>,
    labels: Labels,
    rate: Bucket,
    /// Who the certificate says it is.
    identity: Option<Arc<Identity>>,
}

impl<S: Store> Reader<S> {
    async fn run(
        mut self,
        mut inbound: Streaming<ProbeMessage>,
        mut ended: watch::Receiver<bool>,
    ) -> Result<(), Status> {
        let mut drain = self.shared.drain.clone();
        let guard = self.shared.guard.clone();
        let expelled = guard.expelled(self.identity.clone());
        tokio::pin!(expelled);
        loop {
            let message = tokio::select! {
                biased;
                () = told(&mut ended) => return Err(Status::aborted("another session took this stream over")),
                () = told(&mut drain) => {
                    let drain = Drain { reconnect_after_ms: RECONNECT_MS };
                    return say(&self.answers, collector_message::Kind::Drain(drain)).await;
                }
                status = &mut expelled => return Err(status),
                () = self.answers.closed() => return Ok(()),
                () = self.flight.closed() => return Ok(()),
                message = inbound.message() => message,
            };
            let kind = match message {
                Ok(Some(message)) => message.kind,
                Ok(None) => return Ok(()),
                Err(status) if unreadable(&status) => {
                    self.atone().await;
                    return Err(self.shared.refuse("message", status));
                }
                // A broken connection is an ordinary end: the ledger knows where to go on.
                Err(status) => {
                    tracing::debug!(probe = self.labels.probe, %status, "Connection lost");
                    return Ok(());
                }
            };
            match kind {
                Some(probe_message::Kind::Batch(batch)) => self.batch(batch).await?,
                Some(probe_message::Kind::Skip(skip)) => self.skip(&skip).await?,
                Some(probe_message::Kind::Hello(_)) => return Err(Status::failed_precondition("Hello came twice")),
                None => return Err(Status::invalid_argument("a message of no known kind")),
            }
        }
    }

    async fn batch(&mut self, batch: Batch) -> Result<(), Status> {
        if self.rolled_back {
            return Err(Status::failed_precondition(
                "the ledger is ahead of this spool: what it sends would be taken for repetitions; begin a new epoch",
            ));
        }
        self.shared.metrics.add(metrics::BYTES, &self.labels.pair(), batch.payload.len() as f64);
        let since = Instant::now();
        let wait = self.rate.take(batch.payload.len(), since);
        if !wait.is_zero() {
            self.shared.metrics.add(metrics::THROTTLED, &self.labels.pair(), wait.as_secs_f64());
            tokio::time::sleep(wait).await;
        }
        let expected = self.expected.load(Ordering::Acquire);
        let seq = batch.seq;
        if seq > expected {
            return self.rewind(expected, "batches are missing").await;
        }
        let memory = self.reserve(&batch).await?;
        let records = u64::from(batch.records);
        let original = Quarantine {
            reason: String::new(),
            records: batch.records,
            frames: batch.frames,
            position: batch.position.min(i64::MAX as u64),
            payload: batch.payload.clone(),
        };
        let (crc, newest_ns) = (batch.crc32c, batch.last_ns);
        let (work, poison) = match self.decode(batch).await? {
            Ok(decoded) => {
                self.check_points(&decoded)?;
                let more = &decoded.unknown;
                let reason = if more.is_empty() { String::new() } else { format!("not known to this release: {more}") };
                let original = Quarantine { reason, ..original };
                (Work::Batch { seq, crc, newest_ns, tables: decoded.tables, original }, None)
            }
            Err(BatchError::Checksum { .. }) if self.damaged != seq => {
                self.damaged = seq;
                return self.rewind(seq.min(expected), "the checksum does not match").await;
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!(probe = self.labels.probe, seq, reason, "A batch goes into quarantine");
                let quarantine = Quarantine { reason: reason.clone(), ..original };
                (Work::Poison { seq, crc, quarantine }, Some(reason))
            }
        };
        let poisoned = poison.is_some();
        self.submit(work, seq, records, poison, Some(memory), since).await?;
        if poisoned {
            self.atone().await;
        }
        Ok(())
    }

    /// Waits for having sent what cannot be taken. Whoever went away meanwhile leaves his place: places are few.
    async fn atone(&self) {
        tokio::select! {
            () = self.answers.closed() => {}
            () = self.shared.atone() => {}
        }
    }

    /// The name in an observation point is the certificate's, as that of the stream is.
    fn check_points(&self, decoded: &rows::Decoded) -> Result<(), Status> {
        let Some(identity) = &self.identity else { return Ok(()) };
        let other = decoded.tables.iter().flat_map(|t| t.texts("probe")).find(|name| name.as_ref() != identity.name);
        let Some(other) = other else { return Ok(()) };
        self.shared.guard.count(Role::Ingest, "claimed_name");
        Err(Status::permission_denied(format!(
            "an observation point says that it is of `{other}`, the certificate is of `{}`",
            identity.name
        )))
    }

    async fn skip(&mut self, skip: &Skip) -> Result<(), Status> {
        let (first, last) = (skip.first_seq, skip.last_seq);
        if first == 0 || first > last || last > i64::MAX as u64 {
            return Err(Status::invalid_argument("Skip needs 1 <= first_seq <= last_seq"));
        }
        let expected = self.expected.load(Ordering::Acquire);
        if first > expected {
            return self.rewind(expected, "batches before the skipped ones are missing").await;
        }
        if last < expected {
            return Ok(());
        }
        let skipped = last - expected + 1;
        self.shared.metrics.add(metrics::SKIPPED, &self.labels.pair(), skipped as f64);
        let position = skip.position.min(i64::MAX as u64);
        self.submit(Work::Skip { first, last, position }, last, 0, None, None, Instant::now()).await
    }

    /// Memory for a batch: as it came, unpacked, and as columns.
    async fn reserve(&self, batch: &Batch) -> Result<OwnedSemaphorePermit, Status> {
        let bytes = batch.payload.len() + 3 * (batch.raw_bytes as usize).min(sce_proto::columns::MAX_RAW_BYTES);
        let most = self.shared.limits.memory_bytes / 1024;
        let permits = bytes.div_ceil(1024).clamp(1, most.max(1));
        let permit = self.shared.memory.clone().acquire_many_owned(u32::try_from(permits).unwrap_or(u32::MAX)).await;
        let free = self.shared.memory.available_permits();
        self.shared.metrics.set(metrics::MEMORY, &[], (most.saturating_sub(free) * 1024) as f64);
        permit.map_err(|_| Status::unavailable("the collector is stopping"))
    }

    /// Decodes off the reactor, as many at a time as there are cores.
    async fn decode(&self, batch: Batch) -> Result<Result<rows::Decoded, BatchError>, Status> {
        let permit = self.shared.decoders.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Status::unavailable("the collector is stopping"))?;
        let task = tokio::task::spawn_blocking(move || {
            let decoded = rows::decode(&batch);
            drop(permit);
            decoded
        });
        task.await.map_err(|_| Status::internal("decoding failed"))
    }

    async fn submit(
        &mut self,
        work: Work,
        last_seq: u64,
        records: u64,
        poison: Option<String>,
        memory: Option<OwnedSemaphorePermit>,
        since: Instant,
    ) -> Result<(), Status> {
        let (reply, answer) = oneshot::channel();
        let now_ns = now_ns().cast_signed();
        let step = Step { stream: self.stream, session: self.session, now_ns, work };
        self.expected.fetch_max(last_seq + 1, Ordering::AcqRel);
        let flight = Flight { last_seq, records, poison, since, reply: answer };
        let gone = || Status::unavailable("the collector is stopping");
        self.flight.send(flight).await.map_err(|_| gone())?;
        if self.shared.writers.submit(Job { step, memory, reply }).await { Ok(()) } else { Err(gone()) }
    }

    /// Asks for a batch again: once for each gap, and not for ever.
    async fn rewind(&mut self, from_seq: u64, reason: &str) -> Result<(), Status> {
        if self.asked.0 == from_seq {
            // What was in flight behind the gap keeps coming; only a new round of the same batches is another try.
            self.asked.1 += 1;
            if self.asked.1 > REWINDS * self.shared.limits.credit_batches {
                return Err(Status::failed_precondition(format!(
                    "batch {from_seq} was asked for and does not come ({reason}); report it lost and skip it"
                )));
            }
            return Ok(());
        }
        self.asked = (from_seq, 0);
        self.shared.metrics.add(metrics::REWINDS, &self.labels.pair(), 1.0);
        tracing::info!(
            probe = self.labels.probe,
            lane = self.labels.lane,
            from_seq,
            reason,
            "Asking the probe to send again"
        );
        let rewind = Rewind { from_seq, reason: String::from(reason) };
        say(&self.answers, collector_message::Kind::Rewind(rewind)).await
    }
}
