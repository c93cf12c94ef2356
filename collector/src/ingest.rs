//! The ingest service: takes streams of batches and acknowledges what is committed.
//!
//! In: `Hello`, then numbered batches of one lane of one probe. Out: `Welcome`, cumulative acknowledgements, and requests to
//! send again. Nothing is acknowledged before its commit. Memory is bounded: a batch is decoded only while the budget has room.

pub mod rate;
mod stream;
pub mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sce_proto::{CollectorMessage, ProbeMessage, ingest_server};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::access::Guard;
use crate::access::identity::Role;
use crate::metrics::{self, Metrics};
use crate::store::Store;
use writer::Writers;

/// What a peer may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of batches in memory, over all streams.
    pub memory_bytes: usize,
    /// Batches a stream may have in flight.
    pub credit_batches: u32,
    /// Bytes a stream may have in flight.
    pub credit_bytes: u64,
    /// Largest message, bytes.
    pub message_bytes: usize,
    /// Open streams.
    pub streams: usize,
    /// How fast a stream may be.
    pub rate: rate::Rate,
    /// Time to say hello.
    pub hello: Duration,
    /// Batches decoded at the same time.
    pub decoders: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes: 256 << 20,
            credit_batches: 32,
            credit_bytes: 8 << 20,
            message_bytes: 4 << 20,
            streams: 1024,
            rate: rate::Rate::default(),
            hello: Duration::from_secs(5),
            decoders: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}

/// The service.
pub struct Ingest<S> {
    shared: Arc<Shared<S>>,
}

/// What all streams share.
struct Shared<S> {
    store: S,
    writers: Writers,
    metrics: Arc<Metrics>,
    limits: Limits,
    guard: Guard,
    /// One permit per KiB.
    memory: Arc<Semaphore>,
    decoders: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    sessions: Mutex<HashMap<Lane, Session>>,
    /// Whoever holds it waits for having sent what cannot be taken.
    penance: tokio::sync::Mutex<()>,
    drain: watch::Receiver<bool>,
}

/// Time until a stream that sent what cannot be taken is read further.
const PENANCE: Duration = Duration::from_millis(100);

/// What one session at a time may hold: a lane of a spool of a probe.
type Lane = (String, Vec<u8>, u32);

/// The session that holds it, and how to end it.
struct Session {
    number: i64,
    end: watch::Sender<bool>,
}

/// Which probes are connected.
pub trait Connected: Send + Sync + 'static {
    /// Whether a probe of this name has a stream open.
    fn connected(&self, probe: &str) -> bool;
}

impl<S: Store> Ingest<S> {
    /// A service over a store; it drains when `drain` becomes true.
    pub fn new(
        store: S,
        writers: Writers,
        metrics: Arc<Metrics>,
        limits: Limits,
        guard: Guard,
        drain: watch::Receiver<bool>,
    ) -> Self {
        let memory = Arc::new(Semaphore::new(limits.memory_bytes / 1024));
        let decoders = Arc::new(Semaphore::new(limits.decoders.max(1)));
        let streams = Arc::new(Semaphore::new(limits.streams));
        let (sessions, penance) = (Mutex::default(), tokio::sync::Mutex::default());
        let shared =
            Shared { store, writers, metrics, limits, guard, memory, decoders, streams, sessions, penance, drain };
        Ingest { shared: Arc::new(shared) }
    }

    /// Done when no stream is open; not before `drain` is true, or new ones may come.
    pub fn idle(&self) -> impl Future<Output = ()> + Send + 'static {
        let (streams, all) = (self.shared.streams.clone(), self.shared.limits.streams);
        async move {
            // The semaphore is never closed, so this cannot fail.
            let _ = streams.acquire_many(u32::try_from(all).unwrap_or(u32::MAX)).await;
        }
    }

    /// Tells which probes are connected, for as long as the service lives.
    #[must_use]
    pub fn presence(&self) -> Arc<dyn Connected> {
        self.shared.clone()
    }
}

impl<S: Store> Connected for Shared<S> {
    fn connected(&self, probe: &str) -> bool {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.keys().any(|(name, ..)| name == probe)
    }
}

impl<S: Store> Shared<S> {
    /// Registers a session and ends the one before it; the receiver tells when this one is ended.
    fn enter(&self, lane: &Lane, number: i64) -> watch::Receiver<bool> {
        let (end, ended) = watch::channel(false);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = sessions.insert(lane.clone(), Session { number, end }) {
            let labels = [("probe", lane.0.as_str()), ("lane", &lane.2.to_string())];
            self.metrics.add(metrics::TAKEOVERS, &labels, 1.0);
            tracing::warn!(probe = lane.0, lane = lane.2, "A new session takes the stream over");
            let _ = old.end.send(true);
        }
        ended
    }

    fn leave(&self, lane: &Lane, number: i64) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.get(lane).is_some_and(|s| s.number == number) {
            sessions.remove(lane);
        }
    }

    /// Lets a stream wait that sent what cannot be taken, one after the other: however many streams send such things, together
    /// they cost the work of ten in a second, and those that do not are not slowed down.
    async fn atone(&self) {
        let mut drain = self.drain.clone();
        let wait = async {
            let _turn = self.penance.lock().await;
            tokio::time::sleep(PENANCE).await;
        };
        tokio::select! {
            () = crate::told(&mut drain) => {}
            () = wait => {}
        }
    }

    fn refuse(&self, reason: &str, status: Status) -> Status {
        self.metrics.add(metrics::REFUSED, &[("reason", reason)], 1.0);
        status
    }
}

#[tonic::async_trait]
impl<S: Store> ingest_server::Ingest for Ingest<S> {
    type DeliverStream = ReceiverStream<Result<CollectorMessage, Status>>;

    async fn deliver(
        &self,
        request: Request<Streaming<ProbeMessage>>,
    ) -> Result<Response<Self::DeliverStream>, Status> {
        let shared = self.shared.clone();
        if *shared.drain.borrow() {
            return Err(Status::unavailable("the collector is stopping; connect again later"));
        }
        let identity = shared.guard.admit(&request, Role::Ingest)?;
        let busy = crate::transport::busy(&request);
        let Ok(permit) = shared.streams.clone().try_acquire_owned() else {
            let most = shared.limits.streams;
            return Err(
                shared.refuse("streams", Status::resource_exhausted(format!("{most} streams are open already")))
            );
        };
        let peer = request.extensions().get::<crate::transport::Peer>().map(|p| p.address);
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(async move {
            shared.metrics.add(metrics::STREAMS, &[], 1.0);
            if let Err(status) = stream::serve(&shared, request.into_inner(), &sender, identity).await {
                tracing::info!(?peer, code = ?status.code(), reason = status.message(), "Stream ended");
                // The probe may be gone already.
                let _ = sender.send(Err(status)).await;
            }
            shared.metrics.add(metrics::STREAMS, &[], -1.0);
            drop((permit, busy));
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
