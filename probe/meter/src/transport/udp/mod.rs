//! What UDP flows carry, as far as their payload tells: QUIC, numbered test traffic, RTP and RTCP.
//!
//! In: UDP packets (and ICMP echoes for extractors of users). Out: the fields of whichever meter fits. The first packets of
//! a flow decide; a flow that fits nothing costs one comparison per packet from then on.

mod delay;
mod extract;
mod numbered;
mod pdv;
mod rtcp;
mod sequence;

use sce_proto::FlowInterval;

use crate::packet::{Dir, Fragment, Packet};
use crate::transport::Shared;
use crate::transport::quic::{self, Quic};
use numbered::Numbered;

pub use extract::{Anchor, Extractor, Stamp, StampFormat, Thresholds, Word};

/// Packets of a flow that are looked at before it counts as plain UDP.
const LOOKS: u8 = 4;
/// Bytes of a UDP header, and of an ICMP echo's.
const HEADER_BYTES: usize = 8;

/// The extractors of one meter: the user's, then the built-in ones, then RTP.
#[derive(Debug)]
pub(crate) struct Extractors {
    all: Vec<Extractor>,
    users: usize,
}

impl Extractors {
    pub(crate) fn new(users: &[Extractor]) -> Extractors {
        let all = users.iter().cloned().chain(extract::built_in()).chain([extract::rtp()]).collect();
        Extractors { all, users: users.len() }
    }

    /// The first extractor that serves the flow and reads the payload; RTP is not among them.
    fn find(&self, p: &Packet<'_>, payload: &[u8], users_only: bool) -> Option<u16> {
        let tried = if users_only { self.users } else { self.all.len() - 1 };
        let fits = |e: &Extractor| e.serves(p) && e.read(payload, p.time_ns).is_some();
        self.all[..tried].iter().position(fits).map(|i| i as u16)
    }

    fn rtp(&self) -> u16 {
        (self.all.len() - 1) as u16
    }

    fn get(&self, at: u16) -> Option<&Extractor> {
        self.all.get(usize::from(at))
    }
}

/// The meter of one UDP flow.
#[derive(Debug)]
pub(crate) enum Udp {
    /// Not decided; packets that may still decide it.
    Open(u8),
    Plain,
    Quic(Box<Quic>),
    Numbered(Box<Numbered>),
}

impl Udp {
    /// The meter for a flow that begins with this packet.
    pub(crate) fn new(p: &Packet<'_>, shared: &Shared) -> Udp {
        let known = payload(p).and_then(|d| shared.quic.known(d));
        known.map_or(Udp::Open(LOOKS), |from| Udp::Quic(Box::new(Quic::migrated(from))))
    }

    /// Asks the memory for the meter of the payload.
    #[inline]
    pub(crate) fn fetch(&self, dir: Dir) {
        match self {
            Udp::Open(_) | Udp::Plain => {}
            Udp::Quic(quic) => sce_proto::fetch::value(&**quic),
            Udp::Numbered(numbered) => numbered.fetch(dir),
        }
    }

    /// Asks the memory for what that points to.
    #[inline]
    pub(crate) fn fetch_boxes(&self, dir: Dir) {
        if let Udp::Numbered(numbered) = self {
            numbered.fetch_senders(dir);
        }
    }

    /// Counts a packet of the flow with this identity.
    #[inline(never)] // its stack frame is large, and TCP does without
    pub(crate) fn observe(&mut self, p: &Packet<'_>, dir: Dir, flow: u64, shared: &mut Shared) {
        let Some(whole) = payload(p) else { return };
        if let Udp::Open(left) = self {
            let looks = left.saturating_sub(1);
            *self = decide(p, whole, shared).unwrap_or(if looks == 0 { Udp::Plain } else { Udp::Open(looks) });
        }
        // A superpacket holds one datagram after the other.
        let size = if p.segments > 1 && p.segment_bytes > 0 { p.segment_bytes as usize } else { whole.len().max(1) };
        for datagram in whole.chunks(size) {
            match self {
                Udp::Open(_) | Udp::Plain => return,
                Udp::Quic(quic) => quic.observe(datagram, dir, p.time_ns, flow, &mut shared.quic),
                Udp::Numbered(numbered) => numbered.observe(datagram, dir, p.time_ns, &shared.extractors),
            }
        }
        if let Udp::Numbered(numbered) = self
            && numbered.is_nothing()
        {
            *self = Udp::Plain;
        }
    }

    /// The flow is over.
    pub(crate) fn end(&mut self, dir: Dir) {
        if let Udp::Numbered(numbered) = self {
            numbered.end(dir);
        }
    }

    pub(crate) fn has_news(&self, dir: Dir) -> bool {
        match self {
            Udp::Open(_) | Udp::Plain => false,
            Udp::Quic(quic) => quic.has_news(dir),
            Udp::Numbered(numbered) => numbered.has_news(dir),
        }
    }

    pub(crate) fn report(&mut self, dir: Dir, shared: &Shared, out: &mut FlowInterval) {
        match self {
            Udp::Open(_) | Udp::Plain => {}
            Udp::Quic(quic) => quic.report(dir, out),
            Udp::Numbered(numbered) => numbered.report(dir, &shared.extractors, out),
        }
    }
}

fn decide(p: &Packet<'_>, payload: &[u8], shared: &Shared) -> Option<Udp> {
    if quic::looks_like_quic(payload) {
        return Some(Udp::Quic(Box::default()));
    }
    if let Some(extractor) = shared.extractors.find(p, payload, false) {
        return Some(Udp::Numbered(Box::new(Numbered::new(extractor))));
    }
    let unprivileged = p.src_port >= 1024 && p.dst_port >= 1024;
    let media = rtcp::is_rtcp(payload) || numbered::may_be_rtp(payload);
    (unprivileged && media).then(|| Udp::Numbered(Box::new(Numbered::on_trial(shared.extractors.rtp()))))
}

/// Numbered ICMP echoes, where an extractor of the user's serves the flow of this packet.
pub(crate) fn numbered_echo(p: &Packet<'_>, shared: &Shared) -> Option<Box<Numbered>> {
    let found = shared.extractors.find(p, p.transport.get(HEADER_BYTES..)?, true)?;
    Some(Box::new(Numbered::new(found)))
}

pub(crate) use numbered::Numbered as NumberedMeter;

/// The captured payload of a packet: without what lies behind the length that the UDP header tells.
fn payload<'a>(p: &Packet<'a>) -> Option<&'a [u8]> {
    if p.fragment == Fragment::Other {
        return None;
    }
    let told = u16::from_be_bytes(p.transport.get(4..6)?.try_into().ok()?);
    let body = p.transport.get(HEADER_BYTES..)?;
    let length = usize::from(told).checked_sub(HEADER_BYTES).filter(|_| p.segments == 1).unwrap_or(body.len());
    Some(&body[..length.min(body.len())])
}
