//! Traffic between the ends of the lab, which ends cleanly: when [`run`] returns, every flow is closed and nothing is in flight.
//!
//! UDP payload: sequence number (u64, big-endian, from 0), send time (u64, big-endian, ns since the epoch), zeros.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use crate::system;
use crate::topology::Spec;

/// Ports that the server listens on.
pub(crate) const TCP_PORT: u16 = 5201;
/// Port of the UDP sink.
pub(crate) const UDP_PORT: u16 = 5301;
/// How long the last packets may take to arrive.
const SETTLE: Duration = Duration::from_millis(300);
const STALL: Duration = Duration::from_secs(30);

/// The IP ECN field that UDP senders set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "kebab-case")]
pub(crate) enum Ecn {
    /// 00
    NotEct,
    /// 01
    Ect1,
    /// 10
    Ect0,
}

/// What to send.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Load {
    /// TCP flows
    #[arg(long, default_value_t = 4)]
    pub(crate) tcp: u16,
    /// Bytes of each TCP flow
    #[arg(long, default_value_t = 2_000_000)]
    pub(crate) bytes: u64,
    /// UDP flows
    #[arg(long, default_value_t = 4)]
    pub(crate) udp: u16,
    /// Packets of each UDP flow
    #[arg(long, default_value_t = 1_000)]
    pub(crate) packets: u64,
    /// UDP payload, bytes
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u16).range(16..=8900))]
    pub(crate) size: u16,
    /// Packets per second of each UDP flow
    #[arg(long, default_value_t = 500)]
    pub(crate) rate: u64,
    /// ECN field of UDP packets
    #[arg(long, value_enum, default_value_t = Ecn::Ect0)]
    pub(crate) udp_ecn: Ecn,
    /// Use IPv6
    #[arg(long)]
    pub(crate) ipv6: bool,
}

/// Runs the load between client and server; answers what was sent and what arrived.
pub(crate) fn run(spec: &Spec, load: &Load) -> Result<Value> {
    let server = spec.server_address(load.ipv6 || spec.ipv6);
    let done = AtomicBool::new(false);
    let (listener, sink) = system::within(&spec.namespace("server"), || {
        let listener =
            TcpListener::bind((server, TCP_PORT)).context("cannot listen: is other traffic running in this lab?")?;
        let sink = UdpSocket::bind((server, UDP_PORT))?;
        socket2::SockRef::from(&sink).set_recv_buffer_size(8 << 20)?;
        sink.set_read_timeout(Some(Duration::from_millis(50)))?;
        Ok((listener, sink))
    })?;
    std::thread::scope(|scope| {
        // A socket stays in the namespace where it was made: these threads need not be inside.
        let received = scope.spawn(|| drain(&sink, &done));
        let accepted = scope.spawn(|| accept(&listener, Some(load.tcp)));
        let sent = system::within(&spec.namespace("client"), || send(server, load));
        let tcp_bytes = accepted.join().map_err(|_| anyhow!("the server's thread panicked"))?;
        std::thread::sleep(SETTLE);
        done.store(true, Ordering::Relaxed);
        let udp_packets = received.join().map_err(|_| anyhow!("the sink's thread panicked"))?;
        let sent = sent?;
        Ok(json!({
            "tcp": { "flows": load.tcp, "bytes": u64::from(load.tcp) * load.bytes, "received_bytes": tcp_bytes? },
            "udp": { "flows": load.udp, "packets": sent, "received_packets": udp_packets },
        }))
    })
}

/// The server's side alone, on all addresses of this namespace, until the process ends.
pub(crate) fn serve() -> Result<()> {
    let any = IpAddr::from([0u16; 8]);
    let listener = TcpListener::bind((any, TCP_PORT)).context("cannot listen: is other traffic running here?")?;
    let sink = UdpSocket::bind((any, UDP_PORT))?;
    std::thread::spawn(move || drain(&sink, &AtomicBool::new(false)));
    accept(&listener, None)?;
    Ok(())
}

/// Reads every connection to its end and answers with one byte, so that both sides close in order.
/// Ends after `flows` connections, if told how many.
fn accept(listener: &TcpListener, flows: Option<u16>) -> Result<u64> {
    std::thread::scope(|scope| {
        let mut readers = Vec::new();
        for _ in 0..flows.map_or(u64::MAX, u64::from) {
            let (mut stream, _) = listener.accept()?;
            readers.retain(|r: &std::thread::ScopedJoinHandle<'_, _>| flows.is_some() || !r.is_finished());
            readers.push(scope.spawn(move || -> Result<u64> {
                stream.set_read_timeout(Some(STALL))?;
                let (mut buffer, mut total) = (vec![0; 256 * 1024], 0);
                loop {
                    match stream.read(&mut buffer).context("a TCP flow stalled")? {
                        0 => break,
                        n => total += n as u64,
                    }
                }
                stream.write_all(&[1])?;
                Ok(total)
            }));
        }
        readers.into_iter().map(|r| r.join().map_err(|_| anyhow!("a reader panicked"))?).sum()
    })
}

fn drain(sink: &UdpSocket, done: &AtomicBool) -> u64 {
    let (mut buffer, mut packets) = ([0; 9000], 0);
    while !done.load(Ordering::Relaxed) {
        if sink.recv(&mut buffer).is_ok() {
            packets += 1;
        }
    }
    packets
}

/// Sends everything from this thread's namespace. Answers the number of UDP packets.
pub(crate) fn send(server: IpAddr, load: &Load) -> Result<u64> {
    std::thread::scope(|scope| {
        let tcp: Vec<_> = (0..load.tcp).map(|_| scope.spawn(|| send_tcp(server, load.bytes))).collect();
        let udp: Vec<_> = (0..load.udp).map(|_| scope.spawn(|| send_udp(server, load))).collect();
        for flow in tcp {
            flow.join().map_err(|_| anyhow!("a TCP sender panicked"))??;
        }
        udp.into_iter().map(|f| f.join().map_err(|_| anyhow!("a UDP sender panicked"))?).sum()
    })
}

fn send_tcp(server: IpAddr, bytes: u64) -> Result<()> {
    let mut stream = TcpStream::connect((server, TCP_PORT)).context("cannot connect to the server of the lab")?;
    stream.set_write_timeout(Some(STALL))?;
    stream.set_read_timeout(Some(STALL))?;
    let block = vec![0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let n = left.min(block.len() as u64) as usize;
        stream.write_all(&block[..n]).context("a TCP flow stalled")?;
        left -= n as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    // The server's byte and its FIN: after them both directions are closed and acknowledged.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).context("a TCP flow did not close")?;
    Ok(())
}

fn send_udp(server: IpAddr, load: &Load) -> Result<u64> {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0))?;
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
    let mut payload = vec![0; usize::from(load.size)];
    let start = Instant::now();
    for seq in 0..load.packets {
        let due = Duration::from_secs_f64(seq as f64 / load.rate.max(1) as f64);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        payload[..8].copy_from_slice(&seq.to_be_bytes());
        payload[8..16].copy_from_slice(&now_ns.to_be_bytes());
        // "Connection refused" is an ICMP error about an earlier packet: the path may drop or the sink be gone.
        let _ = socket.send(&payload);
    }
    Ok(load.packets)
}
