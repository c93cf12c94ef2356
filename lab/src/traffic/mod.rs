//! Traffic between the ends of the lab, which ends cleanly: when [`run`] returns, every flow is closed on both sides and
//! nothing is in flight, so whatever was counted is final.
//!
//! In: a [`Load`]. Out: what was sent and what arrived, per flow. The flows are threads of this process whose sockets live in
//! the nodes' namespaces.

mod iperf3;
mod tcp;
mod udp;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use crate::state::Lab;
use crate::system;

/// Port that the TCP flows go to.
pub(crate) const TCP_PORT: u16 = 5201;
/// Port that the UDP flows go to.
pub(crate) const UDP_PORT: u16 = 5301;
/// Longest silence of a TCP flow: several retransmission time-outs in a row. After that the path is broken, not lossy.
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
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(..=2000))]
    pub(crate) tcp: u16,
    /// Bytes of each TCP flow
    #[arg(long, default_value_t = 2_000_000)]
    pub(crate) bytes: u64,
    /// Pace of each TCP flow, Mbit/s [default: as fast as it goes]
    #[arg(long, value_name = "MBIT", value_parser = positive)]
    pub(crate) tcp_rate: Option<f64>,
    /// UDP flows
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(..=2000))]
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
    /// Send for this long, whatever the amounts
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub(crate) duration: Option<f64>,
    /// Use IPv6
    #[arg(long)]
    pub(crate) ipv6: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 1e6 => Ok(number),
        _ => Err("use a number above 0".into()),
    }
}

impl Load {
    fn deadline(&self) -> Option<Instant> {
        self.duration.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds))
    }
}

/// What one flow's sender did.
#[derive(Clone, Copy, Debug)]
struct Sent {
    src_port: u16,
    /// Bytes for TCP, packets for UDP.
    amount: u64,
}

/// Runs the load between client and server of a lab; answers what was sent and what arrived.
pub(crate) fn run(lab: &Lab, load: &Load, with_iperf3: bool) -> Result<Value> {
    let spec = &lab.spec;
    let (client, server) = (spec.namespace("client"), spec.namespace("server"));
    let ipv6 = load.ipv6 || spec.ipv6;
    let address = spec.server_address(ipv6);
    let own = Load { tcp: if with_iperf3 { 0 } else { load.tcp }, ..load.clone() };
    // Fresh ports for every run: flows of two runs never merge, and decisions can be repeated in a fresh lab.
    let first_port = lab.take_ports(own.tcp + own.udp)?;
    let started = Instant::now();

    let tcp_sink = tcp::Sink::open(&server, address, own.tcp)?;
    let udp_sink = udp::Sink::open(&server, address)?;
    let (sent, iperf3) = std::thread::scope(|scope| {
        let iperf3 = with_iperf3.then(|| scope.spawn(|| iperf3::run(spec, ipv6, load)));
        let sent = system::within(&client, || send_from(address, &own, Some(first_port)));
        let iperf3 = iperf3.map(|run| run.join().map_err(|_| anyhow!("iperf3's thread panicked"))?).transpose();
        anyhow::Ok((sent?, iperf3?))
    })?;
    let tcp_received = tcp_sink.finish()?;
    let udp_received = udp_sink.finish()?;
    for namespace in [&client, &server] {
        tcp::wait_until_closed(namespace)?;
    }

    let (tcp, udp) = sent.split_at(own.tcp.into());
    let sum = |flows: &[Sent]| flows.iter().map(|flow| flow.amount).sum::<u64>();
    let ports = |flows: &[Sent]| flows.iter().map(|flow| flow.src_port).collect::<Vec<_>>();
    let mut report = json!({
        "tcp": {
            "flows": tcp.len(), "bytes": sum(tcp), "received_bytes": tcp_received,
            "src_ports": ports(tcp), "dst_port": TCP_PORT,
        },
        "udp": {
            "flows": udp.len(), "packets": sum(udp), "received_packets": udp_received.packets,
            "repeated_or_late_packets": udp_received.repeated_or_late, "src_ports": ports(udp), "dst_port": UDP_PORT,
        },
        "seconds": started.elapsed().as_secs_f64(),
    });
    if let Some(words) = iperf3 {
        report["iperf3"] = words;
    }
    Ok(report)
}

/// The server's side alone, on all addresses of this namespace, until the process ends.
pub(crate) fn serve() -> Result<()> {
    let any = IpAddr::from([0u16; 8]);
    let sink = udp::bind(any)?;
    std::thread::spawn(move || udp::receive(&sink, &std::sync::atomic::AtomicBool::new(false)));
    tcp::serve_forever(any)
}

/// The client's side alone, from this thread's namespace. Answers the number of UDP packets.
pub(crate) fn send(server: IpAddr, load: &Load) -> Result<u64> {
    let sent = send_from(server, load, None)?;
    Ok(sent[usize::from(load.tcp)..].iter().map(|flow| flow.amount).sum())
}

/// TCP flows first, then UDP flows, on consecutive source ports if told a first one.
fn send_from(server: IpAddr, load: &Load, first_port: Option<u16>) -> Result<Vec<Sent>> {
    let deadline = load.deadline();
    let port = |i: u16| first_port.map_or(0, |first| first + i);
    std::thread::scope(|scope| {
        let tcp = (0..load.tcp).map(|i| scope.spawn(move || tcp::send(server, port(i), load, deadline)));
        let mut threads: Vec<_> = tcp.collect();
        let udp = load.tcp..load.tcp + load.udp;
        threads.extend(udp.map(|i| scope.spawn(move || udp::send(server, port(i), load, deadline))));
        threads.into_iter().map(|t| t.join().map_err(|_| anyhow!("a sender panicked"))?).collect()
    })
}
