//! Delivery: the spool's batches to a collector, and its acknowledgements back.
//!
//! In: a [`Queue`]. Out: nothing but the collector's knowledge. Each lane is one stream of a shared connection. What was
//! sent and not acknowledged is sent again on the next connection; the collector's ledger makes that harmless. It keeps
//! no batch in memory longer than it takes to write it to the connection.

mod backoff;
mod lane;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sce_proto::collector_message::Kind as Answer;
use sce_proto::ingest_client::IngestClient;
use sce_proto::probe_message::Kind as Message;
use sce_proto::{CollectorMessage, Hello, PROTOCOL_MAX, PROTOCOL_MIN, ProbeMessage, Welcome};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

use crate::clock;
use crate::queue::Queue;
use crate::spool::LANES;
use crate::tls::Credentials;

use backoff::Backoff;

/// Where and how to deliver.
#[derive(Debug, Clone)]
pub struct Config {
    /// Collectors; any of them will do.
    pub collectors: Vec<String>,
    /// Certificates, for https addresses.
    pub credentials: Credentials,
    /// Name of the probe.
    pub probe: String,
    /// Name of the host.
    pub host: String,
    /// What to do when the collector turns out to know more than this spool does.
    pub when_ahead: WhenAhead,
    /// Waits and limits.
    pub timing: Timing,
}

/// What to do when the collector's ledger is ahead of the spool, which makes the spool an old copy of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenAhead {
    /// What this process appended is new: it moves to a new epoch.
    Move,
    /// What this process appended may be what the collector has, made once more from the same files: [`run`] ends, so that
    /// the files can be read again from where the collector is.
    Return,
}

/// How far the collector is on each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// Last committed batch.
    pub seqs: [u64; LANES],
    /// Records of the source up to the last stored batch.
    pub positions: [u64; LANES],
}

/// Waits and limits of the delivery.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// First and largest ceiling of the random wait between attempts.
    pub backoff: (Duration, Duration),
    /// Wait after an error that only a person can mend.
    pub refused: Duration,
    /// Longest wait for an acknowledgement, from when the oldest unacknowledged batch was sent.
    pub ack: Duration,
    /// Longest wait for a connection, and for the Welcome on it.
    pub connect: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            backoff: (Duration::from_millis(500), Duration::from_secs(30)),
            refused: Duration::from_secs(300),
            ack: Duration::from_secs(30),
            connect: Duration::from_secs(10),
        }
    }
}

/// What others may know of the delivery.
#[derive(Debug, Default)]
pub struct Progress {
    /// Acknowledgements that moved something, ever.
    pub acks: AtomicU64,
    /// Whether a connection stands.
    pub connected: AtomicBool,
    /// Whether the collector refuses the probe for good.
    pub refused: AtomicBool,
    ending: AtomicBool,
    wake: Notify,
}

impl Progress {
    /// The probe is about to end: what is left is delivered now or never, so waits between attempts become short.
    pub fn hurry(&self) {
        self.ending.store(true, Relaxed);
        self.wake.notify_one();
    }
}

/// Longest wait between attempts once the probe is about to end.
const HURRY: Duration = Duration::from_millis(250);

/// Why a connection ended.
#[derive(Debug)]
enum End {
    /// The collector goes away in order; it may be tried again after this time.
    Drain(Duration),
    /// The collector's ledger is ahead of the spool.
    RolledBack(Reached),
    /// The connection or the collector failed.
    Failed(Status),
}

impl From<Status> for End {
    fn from(status: Status) -> End {
        End::Failed(status)
    }
}

/// Delivers for ever; dropping the future stops it. It ends where [`WhenAhead::Return`] says so, with how far the collector is.
///
/// # Errors
/// An address that is not one.
pub async fn run(
    queue: Arc<Queue>,
    config: Config,
    progress: Arc<Progress>,
) -> Result<Reached, tonic::transport::Error> {
    let mut backoff = Backoff::new(config.timing.backoff);
    let mut endpoints = config.collectors.clone();
    for url in &endpoints {
        Endpoint::from_shared(url.clone())?;
    }
    backoff.shuffle(&mut endpoints);
    let mut said = String::new();
    let mut first_contact = true;
    let mut turn = 0_u64;
    loop {
        turn += 1;
        let Some(endpoint) = endpoints.first() else { return std::future::pending().await };
        let acks = progress.acks.load(Relaxed);
        let end = session(endpoint, &queue, &config, &progress, &mut first_contact).await;
        progress.connected.store(false, Relaxed);
        if progress.acks.load(Relaxed) > acks {
            backoff.reset();
            said.clear();
        }
        let wait = match end {
            End::Drain(wait) => {
                tracing::info!(?wait, "The collector is going away");
                endpoints.rotate_left(1);
                wait
            }
            End::RolledBack(reached) if config.when_ahead == WhenAhead::Return => return Ok(reached),
            End::RolledBack(reached) => {
                let renewed = queue.spool().new_epoch(reached.seqs, first_contact, clock::now_ns());
                first_contact = false;
                if let Err(error) = renewed {
                    tracing::error!(%error, "A new epoch could not be begun");
                    backoff.next()
                } else {
                    Duration::ZERO
                }
            }
            End::Failed(status) => {
                let refused = is_refusal(status.code());
                progress.refused.store(refused, Relaxed);
                let text = format!("{}: {}", status.code(), status.message());
                if refused {
                    tracing::error!(collector = endpoint, error = text, "The collector refuses this probe");
                } else if text != said {
                    tracing::warn!(collector = endpoint, error = text, "No delivery; records wait in the spool");
                } else {
                    tracing::debug!(turn, error = text, "Still no delivery");
                }
                said = text;
                endpoints.rotate_left(1);
                if refused { config.timing.refused } else { backoff.next() }
            }
        };
        let wait = if progress.ending.load(Relaxed) { wait.min(HURRY) } else { wait };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = progress.wake.notified() => {}
        }
    }
}

/// The certificates are read each time: they may have been renewed.
fn endpoint(url: &str, config: &Config) -> Result<Endpoint, Status> {
    let bad = |why: String| Status::unavailable(why);
    let mut endpoint = Endpoint::from_shared(url.to_owned()).map_err(|e| bad(reason(&e)))?;
    if let Some(tls) = config.credentials.settings(url).map_err(|e| bad(e.to_string()))? {
        endpoint = endpoint.tls_config(tls).map_err(|e| bad(format!("certificates: {}", reason(&e))))?;
    }
    Ok(endpoint
        .connect_timeout(config.timing.connect)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true))
}

/// Errors that no repetition will mend.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::Unimplemented
    )
}

/// One connection, from its beginning to its end.
async fn session(
    endpoint: &str,
    queue: &Arc<Queue>,
    config: &Config,
    progress: &Progress,
    first_contact: &mut bool,
) -> End {
    match connected(endpoint, queue, config, progress, first_contact).await {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

async fn connected(
    url: &str,
    queue: &Arc<Queue>,
    config: &Config,
    progress: &Progress,
    first_contact: &mut bool,
) -> Result<std::convert::Infallible, End> {
    let endpoint = endpoint(url, config)?;
    let connecting = tokio::time::timeout(config.timing.connect, endpoint.connect()).await;
    let channel = connecting
        .map_err(|_| Status::unavailable("no connection in time"))?
        .map_err(|e| Status::unavailable(reason(&e)))?;
    let mut streams = Vec::new();
    let mut reached = Reached::default();
    let mut rolled_back = false;
    for lane in 0..LANES {
        let hello = hello(queue, config, lane);
        let next_seq = hello.next_seq;
        let opening = open(channel.clone(), hello);
        let opened = tokio::time::timeout(config.timing.connect, opening).await;
        let stream = opened.map_err(|_| Status::unavailable("no Welcome in time"))??;
        let welcome = &stream.welcome;
        reached.seqs[lane] = welcome.committed_seq;
        reached.positions[lane] = welcome.committed_position;
        let other = || is_another(queue, lane, welcome.committed_seq, welcome.committed_crc32c);
        rolled_back |= welcome.rolled_back || welcome.committed_seq >= next_seq || other();
        streams.push(stream);
    }
    if rolled_back {
        return Err(End::RolledBack(reached));
    }
    *first_contact = false;
    progress.connected.store(true, Relaxed);
    progress.refused.store(false, Relaxed);
    tracing::info!(collector = url, "Connected");
    let mut lanes = streams
        .into_iter()
        .enumerate()
        .map(|(lane, stream)| lane::deliver(lane, stream, queue.clone(), config.timing, progress));
    // The first lane that ends takes the others with it: they resume together.
    let (Some(a), Some(b), Some(c)) = (lanes.next(), lanes.next(), lanes.next()) else {
        return Err(Status::internal("three lanes").into());
    };
    tokio::select! {
        end = a => end,
        end = b => end,
        end = c => end,
    }
}

/// Whether the spool has another batch than the collector under the same number: an old copy of a spool that went on by itself.
fn is_another(queue: &Queue, lane: usize, seq: u64, crc: u32) -> bool {
    let mut spool = queue.spool();
    let unacknowledged = seq > spool.lane(lane).acked_seq && crc != 0;
    unacknowledged && spool.checksum(lane, seq).is_some_and(|own| own != crc)
}

/// An open stream of one lane.
struct Stream {
    out: mpsc::Sender<ProbeMessage>,
    answers: Streaming<CollectorMessage>,
    welcome: Welcome,
}

async fn open(channel: Channel, hello: Hello) -> Result<Stream, Status> {
    // A few messages: enough to keep the connection busy, too few to hold much memory.
    let (out, messages) = mpsc::channel(4);
    let first = ProbeMessage { kind: Some(Message::Hello(hello)) };
    out.send(first).await.map_err(|_| Status::internal("stream"))?;
    let mut client = IngestClient::new(channel);
    let mut answers = client.deliver(ReceiverStream::new(messages)).await?.into_inner();
    match answers.message().await?.and_then(|m| m.kind) {
        Some(Answer::Welcome(welcome)) => Ok(Stream { out, answers, welcome }),
        _ => Err(Status::internal("the collector did not begin with a Welcome")),
    }
}

fn hello(queue: &Queue, config: &Config, lane: usize) -> Hello {
    let spool = queue.spool();
    let state = spool.lane(lane);
    Hello {
        probe: config.probe.clone(),
        probe_id: spool.probe_id().to_vec(),
        epoch: spool.epoch(),
        lane: lane as u32,
        first_seq: state.first_seq,
        next_seq: state.next_seq,
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: config.host.clone(),
        acked_seq: state.acked_seq,
    }
}

/// The innermost cause of a transport error; its outer ones say only "transport error".
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
