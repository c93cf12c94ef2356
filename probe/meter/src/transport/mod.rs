//! What a flow measures above IP, one meter per protocol.
//!
//! A new transport meter is a file beside this one with `new`, `observe` and `report`, a variant of [`Transport`], and the
//! arms that the compiler then asks for. A meter holds what it must remember and what it counted since the last report;
//! `observe` gets the packet and its direction and must not allocate per packet; `report` hands the counters over and begins
//! anew. Large state belongs behind a `Box` that is made when it is first needed.

pub(crate) mod icmp;
pub(crate) mod quic;
pub(crate) mod sctp;
pub(crate) mod udp;

use sce_proto::FlowInterval;

use crate::config::Config;
use crate::decode::protocol;
use crate::packet::{Dir, Packet};
use crate::tcp::{Pass, Tcp};
use icmp::Echo;
use sctp::Sctp;
use sctp::assoc::Associations;
use udp::{Extractors, Udp};

/// The name of a flow in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    /// Flow instance.
    pub(crate) flow: u64,
    /// Hash of its key.
    pub(crate) flow_key: u64,
}

/// What the flows of one meter share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) quic: quic::Shared,
    pub(crate) sctp: Associations,
    pub(crate) extractors: Extractors,
}

impl Shared {
    pub(crate) fn new(config: &Config) -> Shared {
        Shared {
            quic: quic::Shared::default(),
            sctp: Associations::default(),
            extractors: Extractors::new(&config.extractors),
        }
    }
}

/// What a transport says about its flow after a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// A handshake began and nobody answered yet.
    HalfOpen,
    /// Packets may come at any time.
    Open,
    /// It ended, for this `sce_proto::bits::end_reason`. Late packets still belong to it.
    Closed(u8),
}

/// The meter of a flow's protocol.
#[derive(Debug)]
pub(crate) enum Transport {
    /// TCP.
    Tcp(Box<Tcp>),
    /// UDP and UDP-Lite.
    Udp(Udp),
    /// SCTP.
    Sctp(Box<Sctp>),
    /// ICMP and ICMPv6 echoes.
    Echo(Box<Echo>),
    /// Nothing beyond the base counters.
    Other,
}

/// What a transport makes of a packet, for those who look at wire packets after it (path marks).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Life of the flow after this packet.
    pub(crate) life: Life,
    /// How its payload relates to what passed before ([`Pass::First`] where no sequence tells).
    pub(crate) pass: Pass,
}

impl Transport {
    /// The meter for a flow that begins with this packet.
    pub(crate) fn new(packet: &Packet<'_>, shared: &Shared) -> Transport {
        match packet.ip_proto {
            protocol::TCP if packet.tcp.is_some() => Transport::Tcp(Box::default()),
            protocol::UDP | protocol::UDP_LITE => Transport::Udp(Udp::new(packet, shared)),
            protocol::SCTP => Transport::Sctp(Box::default()),
            protocol::ICMP | protocol::ICMPV6 if icmp::is_echo(packet) => Transport::Echo(Box::default()),
            _ => Transport::Other,
        }
    }

    /// Asks the memory for what the next packet of a direction will touch.
    #[inline]
    pub(crate) fn fetch(&self, dir: Dir) {
        match self {
            Transport::Tcp(tcp) => tcp.fetch(dir),
            Transport::Udp(udp) => udp.fetch(dir),
            Transport::Sctp(_) | Transport::Echo(_) | Transport::Other => {}
        }
    }

    /// Asks the memory for what that points to.
    #[inline]
    pub(crate) fn fetch_boxes(&self, packet: &Packet<'_>, dir: Dir) {
        match self {
            Transport::Tcp(tcp) => tcp.fetch_boxes(packet, dir),
            Transport::Udp(udp) => udp.fetch_boxes(dir),
            Transport::Sctp(_) | Transport::Echo(_) | Transport::Other => {}
        }
    }

    /// Asks the memory for what that points to.
    #[inline]
    pub(crate) fn fetch_sent(&self, dir: Dir) {
        if let Transport::Tcp(tcp) = self {
            tcp.fetch_sent(dir);
        }
    }

    /// Whether the packet begins another instance of the flow: same addresses and ports, other connection.
    pub(crate) fn begins_anew(&self, packet: &Packet<'_>, dir: Dir) -> bool {
        match self {
            Transport::Tcp(tcp) => tcp.begins_anew(packet, dir),
            Transport::Sctp(sctp) => sctp.begins_anew(packet),
            Transport::Udp(_) | Transport::Echo(_) | Transport::Other => false,
        }
    }

    /// Splits a superpacket that the kernel did not describe, where the protocol's options tell how.
    pub(crate) fn split(&self, packet: &mut Packet<'_>, dir: Dir, assumed_mtu: u32) {
        match self {
            Transport::Tcp(tcp) => tcp.split(packet, dir, assumed_mtu),
            Transport::Udp(_) | Transport::Sctp(_) | Transport::Echo(_) | Transport::Other => {}
        }
    }

    /// Counts a packet of the flow with this name.
    pub(crate) fn observe(&mut self, packet: &Packet<'_>, dir: Dir, flow: Name, shared: &mut Shared) -> Seen {
        match self {
            Transport::Tcp(tcp) => return tcp.observe(packet, dir),
            Transport::Udp(udp) => udp.observe(packet, dir, flow.flow, shared),
            Transport::Sctp(sctp) => {
                let (life, pass) = sctp.observe(packet, dir, flow, &mut shared.sctp);
                return Seen { life, pass };
            }
            Transport::Echo(echo) => echo.observe(packet, dir, shared),
            Transport::Other => {}
        }
        Seen { life: Life::Open, pass: Pass::First }
    }

    /// The flow is over: what waited for later packets is settled.
    pub(crate) fn end(&mut self, dir: Dir) {
        match self {
            Transport::Udp(udp) => udp.end(dir),
            Transport::Echo(echo) => echo.end(dir),
            Transport::Tcp(_) | Transport::Sctp(_) | Transport::Other => {}
        }
    }

    /// The flow left the table, after its last report.
    pub(crate) fn leave(&mut self, shared: &mut Shared) {
        match self {
            Transport::Sctp(sctp) => sctp.leave(&mut shared.sctp),
            Transport::Tcp(_) | Transport::Udp(_) | Transport::Echo(_) | Transport::Other => {}
        }
    }

    /// Whether a direction has something to report although it sent no packet.
    pub(crate) fn has_news(&self, dir: Dir, shared: &mut Shared) -> bool {
        match self {
            Transport::Tcp(tcp) => tcp.has_news(dir),
            Transport::Udp(udp) => udp.has_news(dir),
            Transport::Sctp(sctp) => sctp.has_news(dir, &mut shared.sctp),
            Transport::Echo(echo) => echo.has_news(dir),
            Transport::Other => false,
        }
    }

    /// Hands over what was counted for a direction since its last report.
    pub(crate) fn report(&mut self, dir: Dir, shared: &mut Shared, out: &mut FlowInterval) {
        match self {
            Transport::Tcp(tcp) => tcp.report(dir, out),
            Transport::Udp(udp) => udp.report(dir, shared, out),
            Transport::Sctp(sctp) => sctp.report(dir, &mut shared.sctp, out),
            Transport::Echo(echo) => echo.report(dir, shared, out),
            Transport::Other => {}
        }
    }
}
