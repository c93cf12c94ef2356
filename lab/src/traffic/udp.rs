//! Paced UDP flows.
//!
//! Payload: sequence number (u64, big-endian, from 0), send time (u64, big-endian, ns since the epoch), zeros.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use nix::sys::socket::{setsockopt, sockopt};

use super::{Ecn, Load, Sent, UDP_PORT};
use crate::system;

/// Silence after which nothing is under way any more: longer than the queue of `--rate` by default.
const QUIET: Duration = Duration::from_millis(300);

/// What the sink got, over all flows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Received {
    pub(super) packets: u64,
    /// Got before, or after a later one of its flow.
    pub(super) repeated_or_late: u64,
}

/// The server's side of a run.
#[derive(Debug)]
pub(super) struct Sink {
    senders_gone: Arc<AtomicBool>,
    reader: JoinHandle<Received>,
}

impl Sink {
    /// Binds, and counts in the background.
    pub(super) fn open(namespace: &str, address: IpAddr) -> Result<Self> {
        let socket = system::within(namespace, || bind(address))?;
        let senders_gone = Arc::new(AtomicBool::new(false));
        let gone = senders_gone.clone();
        Ok(Self { senders_gone, reader: std::thread::spawn(move || receive(&socket, &gone)) })
    }

    /// Call when all senders have ended: waits until nothing arrives any more.
    pub(super) fn finish(self) -> Result<Received> {
        self.senders_gone.store(true, Ordering::Relaxed);
        self.reader.join().map_err(|_| anyhow!("the sink's thread panicked"))
    }
}

/// The sink's socket in this thread's namespace.
pub(super) fn bind(address: IpAddr) -> Result<UdpSocket> {
    let socket =
        UdpSocket::bind((address, UDP_PORT)).context("cannot listen: is other traffic running in this lab?")?;
    // Room for bursts beyond the system's limit, where the caller may; what the buffer cannot take is missing in the
    // report, not in the truth.
    if setsockopt(&socket, sockopt::RcvBufForce, &(64 << 20)).is_err() {
        socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20)?;
    }
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    Ok(socket)
}

/// Counts until the senders are gone and nothing arrives any more.
pub(super) fn receive(socket: &UdpSocket, senders_gone: &AtomicBool) -> Received {
    let (mut buffer, mut received) = ([0; 9000], Received::default());
    let mut next: BTreeMap<SocketAddr, u64> = BTreeMap::new();
    let mut last = Instant::now();
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((len, peer)) => {
                last = Instant::now();
                received.packets += 1;
                if let Some(bytes) = buffer[..len].first_chunk() {
                    let (sequence, expected) = (u64::from_be_bytes(*bytes), next.entry(peer).or_default());
                    received.repeated_or_late += u64::from(sequence < *expected);
                    *expected = (sequence + 1).max(*expected);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if senders_gone.load(Ordering::Relaxed) && last.elapsed() > QUIET {
                    return received;
                }
            }
            // An ICMP error about something that this socket never sent: nothing to do with what arrives.
            Err(_) => {}
        }
    }
}

/// Sends one flow from the calling thread's namespace. Port 0: any.
pub(super) fn send(server: IpAddr, src_port: u16, load: &Load, deadline: Option<Instant>) -> Result<Sent> {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, src_port)).with_context(|| format!("cannot use port {src_port}"))?;
    let src_port = socket.local_addr()?.port();
    let bits = match load.udp_ecn {
        Ecn::NotEct => 0,
        Ecn::Ect1 => 1,
        Ecn::Ect0 => 2,
    };
    let options = socket2::SockRef::from(&socket);
    if server.is_ipv4() {
        options.set_tos_v4(bits)?
    } else {
        options.set_tclass_v6(bits)?
    }
    socket.connect((server, UDP_PORT))?;
    let mut payload = vec![0; load.size.into()];
    let start = Instant::now();
    let (mut sequence, mut sent) = (0u64, 0);
    while deadline.map_or(sequence < load.packets, |deadline| Instant::now() < deadline) {
        let due = Duration::from_secs_f64(sequence as f64 / load.rate.max(1) as f64);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        payload[..8].copy_from_slice(&sequence.to_be_bytes());
        payload[8..16].copy_from_slice(&now_ns.to_be_bytes());
        sequence += 1;
        match socket.send(&payload) {
            Ok(_) => sent += 1,
            // An ICMP error about an earlier packet is reported here; this one was not sent. No reason to stop.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error).context("cannot send UDP"),
        }
    }
    Ok(Sent { src_port, amount: sent })
}
