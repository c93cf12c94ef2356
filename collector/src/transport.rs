//! Connections: who may have one, for how long, and what is known about it.
//!
//! In: a bound listener and, for TLS, the newest configuration. Out: connections ready for HTTP/2, each with a [`Peer`] that
//! handlers find in their requests. A peer that does nothing holds a connection for a bounded time, a peer that opens many
//! is stopped at a number per address, and neither keeps others from being accepted.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::CertificateError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::access::identity::Identity;
use crate::access::tls::Current;
use crate::metrics::{self, Metrics};

/// Handshakes under way at the same time.
const HANDSHAKES: usize = 128;
/// Pause after an accept that failed, as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What connections may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Connections of one address at the same time.
    pub per_address: usize,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time until the first admitted request, and between the end of one and the next.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 4096,
            per_address: 1024,
            handshake: Duration::from_secs(5),
            idle: Duration::from_secs(60),
        }
    }
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// What its certificate says; none without TLS, or when it presented none.
    pub identity: Option<Arc<Identity>>,
    /// Whether the connection is under TLS.
    pub encrypted: bool,
    activity: Arc<Activity>,
}

#[derive(Debug)]
struct Activity {
    state: Mutex<(usize, Instant)>,
}

/// Keeps a connection from being taken for idle.
#[derive(Debug)]
pub struct Busy(Arc<Activity>);

impl Activity {
    fn change(&self, change: impl FnOnce(&mut usize)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state.0);
        state.1 = Instant::now();
    }

    /// When the connection is to be closed if nothing happens; none while it is in use.
    fn deadline(&self, idle: Duration) -> Option<Instant> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.0 == 0).then(|| state.1 + idle)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.change(|n| *n -= 1);
    }
}

impl Peer {
    /// A request was admitted.
    pub fn used(&self) {
        self.activity.change(|_| {});
    }

    /// A request is under way until this is dropped.
    #[must_use]
    pub fn busy(&self) -> Busy {
        self.activity.change(|n| *n += 1);
        Busy(self.activity.clone())
    }
}

/// Keeps a request's connection open while something is under way on it.
pub fn busy<T>(request: &tonic::Request<T>) -> Option<Busy> {
    request.extensions().get::<Peer>().map(Peer::busy)
}

/// A connection.
pub struct Connection {
    io: Io,
    peer: Peer,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
    metrics: Arc<Metrics>,
    _place: Place,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What a connection takes of the limits, given back when it is dropped.
struct Place {
    _permit: OwnedSemaphorePermit,
    address: IpAddr,
    shared: Arc<Shared>,
}

struct Shared {
    limits: Limits,
    metrics: Arc<Metrics>,
    tls: Option<Arc<Current>>,
    connections: Arc<Semaphore>,
    handshakes: Semaphore,
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut addresses = self.shared.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = addresses.get_mut(&self.address) {
            *n -= 1;
            if *n == 0 {
                addresses.remove(&self.address);
            }
        }
        self.shared.metrics.add(metrics::CONNECTIONS, &[], -1.0);
    }
}

/// Accepts for ever; ends when nobody takes the connections any more.
pub async fn accept(
    listener: TcpListener,
    tls: Option<Arc<Current>>,
    limits: Limits,
    metrics: Arc<Metrics>,
    ready: mpsc::Sender<io::Result<Connection>>,
) {
    let shared = Arc::new(Shared {
        limits,
        metrics,
        tls,
        connections: Arc::new(Semaphore::new(limits.connections)),
        handshakes: Semaphore::new(HANDSHAKES),
        addresses: Mutex::default(),
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        match accepted {
            Ok((stream, address)) => {
                let Some(place) = shared.place(address.ip()) else { continue };
                let (shared, ready) = (shared.clone(), ready.clone());
                tokio::spawn(async move {
                    if let Some(connection) = shared.open(stream, address, place).await {
                        // Nobody takes it: the collector is stopping.
                        let _ = ready.send(Ok(connection)).await;
                    }
                });
            }
            Err(error) => {
                tracing::debug!(%error, "A connection could not be accepted");
                shared.refused("accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Shared {
    fn refused(&self, reason: &str) {
        self.metrics.add(metrics::CONNECTIONS_REFUSED, &[("reason", reason)], 1.0);
    }

    fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let Ok(permit) = self.connections.clone().try_acquire_owned() else {
            self.refused("too_many");
            return None;
        };
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let held = addresses.entry(address).or_default();
        if *held >= self.limits.per_address {
            self.refused("too_many_of_address");
            return None;
        }
        *held += 1;
        drop(addresses);
        self.metrics.add(metrics::CONNECTIONS, &[], 1.0);
        Some(Place { _permit: permit, address, shared: self.clone() })
    }

    async fn open(&self, stream: TcpStream, address: SocketAddr, place: Place) -> Option<Connection> {
        let _ = stream.set_nodelay(true);
        let (io, identity) = match &self.tls {
            None => (Io::Plain(stream), None),
            Some(current) => {
                let work = async {
                    // The semaphore is never closed.
                    let _turn = self.handshakes.acquire().await.ok()?;
                    Some(TlsAcceptor::from(current.get()).accept(stream).await)
                };
                match tokio::time::timeout(self.limits.handshake, work).await {
                    Ok(Some(Ok(stream))) => {
                        let presented = stream.get_ref().1.peer_certificates().and_then(|all| all.first());
                        let identity = match presented.map(|der| Identity::of(der)) {
                            None => None,
                            Some(Ok(identity)) => Some(Arc::new(identity)),
                            Some(Err(why)) => {
                                tracing::info!(%address, why, "A certificate of a known CA is of no use here");
                                self.refused("certificate_unusable");
                                return None;
                            }
                        };
                        (Io::Tls(Box::new(stream)), identity)
                    }
                    Ok(Some(Err(error))) => {
                        let reason = reason(&error);
                        tracing::info!(%address, reason, %error, "TLS handshake failed");
                        self.refused(reason);
                        return None;
                    }
                    Ok(None) => return None,
                    Err(_) => {
                        self.refused("handshake_slow");
                        return None;
                    }
                }
            }
        };
        let encrypted = self.tls.is_some();
        let activity = Arc::new(Activity { state: Mutex::new((0, Instant::now())) });
        let peer = Peer { address, identity, encrypted, activity };
        let timer = Box::pin(tokio::time::sleep(self.limits.idle));
        Some(Connection { io, peer, idle: self.limits.idle, timer, metrics: self.metrics.clone(), _place: place })
    }
}

/// Why a handshake failed, in one word for the counter.
fn reason(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "certificate_expired",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "certificate_not_valid_yet",
            CertificateError::Revoked => "certificate_revoked",
            CertificateError::UnknownIssuer | CertificateError::BadSignature => "certificate_foreign",
            _ => "certificate_unusable",
        },
        Some(rustls::Error::AlertReceived(_)) => "refused_by_peer",
        Some(_) => "not_tls",
        None => "connection_lost",
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl Connection {
    /// Ready with an error once the connection has been idle for too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            match self.peer.activity.deadline(self.idle) {
                Some(at) if at <= now => {
                    self.metrics.add(metrics::CONNECTIONS_REFUSED, &[("reason", "idle")], 1.0);
                    return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "idle for too long"));
                }
                Some(at) => self.timer.as_mut().reset(at),
                None => self.timer.as_mut().reset(now + self.idle),
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // First, so that a peer that keeps sending what is no request ends as well.
        if let Poll::Ready(error) = self.poll_idle(cx) {
            return Poll::Ready(Err(error));
        }
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Io::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Io::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Io::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_flush(cx),
            Io::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Io::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
