//! ICMP and ICMPv6: round trips and losses of echoes, and errors as evidence about the flow that they quote.
//!
//! In: echo requests and replies; error messages. Out: the `icmp_*` fields and `rtt_*` of echo flows; for errors, the flow
//! they quote with what its packet looked like at the router: whoever changed its ECN field or DSCP stands before it.

use sce_proto::FlowInterval;

use super::Shared;
use super::udp::{NumberedMeter, numbered_echo};
use crate::decode::protocol;
use crate::dist::{Times, report};
use crate::packet::{Address, Both, Dir, Ecn, Fragment, Packet};

/// Requests of one direction that wait for a reply.
const WAITING: usize = 64;
/// A reply that takes longer answers nobody any more, ns.
const PATIENCE_NS: u64 = 5_000_000_000;
/// Requests that are looked at for an extractor of the user's.
const LOOKS: u8 = 4;

/// The meter of one echo flow: two hosts and an identifier.
#[derive(Debug)]
pub(crate) struct Echo {
    requests: Both<[Request; WAITING]>,
    latest_ns: u64,
    counts: Both<Counts>,
    rtt: Both<Times>,
    looks: u8,
    numbered: Option<Box<NumberedMeter>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Request {
    at_ns: u64,
    sequence: u16,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Empty,
    Waiting,
    Answered,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: u32,
    replies: u32,
    unanswered: u32,
    duplicates: u32,
    unmatched: u32,
}

impl Default for Echo {
    fn default() -> Self {
        Echo {
            requests: Both([[Request::default(); WAITING]; 2]),
            latest_ns: 0,
            counts: Both::default(),
            rtt: Both::default(),
            looks: LOOKS,
            numbered: None,
        }
    }
}

/// Whether a packet is an echo request (`true`) or reply (`false`), with its sequence number.
fn echo(p: &Packet<'_>) -> Option<(bool, u16)> {
    if p.fragment == Fragment::Other {
        return None;
    }
    let h = p.transport.first_chunk::<8>()?;
    let request = match (p.ip_proto, h[0]) {
        (protocol::ICMP, 8) | (protocol::ICMPV6, 128) => true,
        (protocol::ICMP, 0) | (protocol::ICMPV6, 129) => false,
        _ => return None,
    };
    Some((request, u16::from_be_bytes([h[6], h[7]])))
}

/// Whether a flow that begins with this packet is one of echoes.
pub(crate) fn is_echo(p: &Packet<'_>) -> bool {
    echo(p).is_some()
}

impl Echo {
    pub(crate) fn observe(&mut self, p: &Packet<'_>, dir: Dir, shared: &Shared) {
        let Some((request, sequence)) = echo(p) else { return };
        self.latest_ns = self.latest_ns.max(p.time_ns);
        if request {
            self.request(sequence, dir, p.time_ns)
        } else {
            self.reply(sequence, dir, p.time_ns)
        }
        if self.looks > 0 && self.numbered.is_none() {
            self.looks -= 1;
            self.numbered = numbered_echo(p, shared);
        }
        if let (Some(numbered), Some(payload)) = (&mut self.numbered, p.transport.get(8..)) {
            numbered.observe(payload, dir, p.time_ns, &shared.extractors);
        }
    }

    fn request(&mut self, sequence: u16, dir: Dir, at_ns: u64) {
        self.counts[dir].requests += 1;
        let slot = &mut self.requests[dir][slot(sequence)];
        let fresh = at_ns.saturating_sub(slot.at_ns) <= PATIENCE_NS;
        if slot.state != State::Empty && slot.sequence == sequence && fresh {
            return; // The same request again: the first one counts.
        }
        self.counts[dir].unanswered += u32::from(slot.state == State::Waiting);
        *slot = Request { at_ns, sequence, state: State::Waiting };
    }

    fn reply(&mut self, sequence: u16, dir: Dir, at_ns: u64) {
        let counts = &mut self.counts[dir];
        counts.replies += 1;
        let slot = &mut self.requests[dir.flip()][slot(sequence)];
        let delay_ns = at_ns.saturating_sub(slot.at_ns);
        if slot.sequence != sequence || slot.state == State::Empty || delay_ns > PATIENCE_NS {
            counts.unmatched += 1;
        } else if slot.state == State::Answered {
            counts.duplicates += 1;
        } else {
            slot.state = State::Answered;
            self.rtt[dir.flip()].push(delay_ns);
        }
    }

    /// Gives up requests that waited too long; all of them where the flow is over.
    fn give_up(&mut self, dir: Dir, all: bool) {
        let latest_ns = self.latest_ns;
        let late = |r: &&mut Request| all || latest_ns.saturating_sub(r.at_ns) > PATIENCE_NS;
        let waiting = self.requests[dir].iter_mut().filter(|r| r.state == State::Waiting);
        let mut given_up = 0;
        for request in waiting.filter(late) {
            request.state = State::Empty;
            given_up += 1;
        }
        self.counts[dir].unanswered += given_up;
    }

    pub(crate) fn end(&mut self, dir: Dir) {
        self.give_up(dir, true);
        if let Some(numbered) = &mut self.numbered {
            numbered.end(dir);
        }
    }

    pub(crate) fn has_news(&self, dir: Dir) -> bool {
        let numbered = self.numbered.as_ref().is_some_and(|n| n.has_news(dir));
        !self.rtt[dir].is_empty() || self.counts[dir].unanswered > 0 || numbered
    }

    pub(crate) fn report(&mut self, dir: Dir, shared: &Shared, out: &mut FlowInterval) {
        self.give_up(dir, false);
        let Counts { requests, replies, unanswered, duplicates, unmatched } = std::mem::take(&mut self.counts[dir]);
        out.icmp_echo_requests = requests.into();
        out.icmp_echo_replies = replies.into();
        out.icmp_echo_unanswered = unanswered.into();
        out.icmp_echo_duplicates = duplicates.into();
        out.icmp_echo_unmatched = unmatched.into();
        report!(self.rtt[dir], out, rtt_count, rtt_ns_sum, rtt_us2_sum, rtt_ns_min, rtt_ns_max, rtt_ns_sketch);
        if let Some(numbered) = &mut self.numbered {
            numbered.report(dir, &shared.extractors, out);
        }
    }
}

/// Windows counts in steps of 256 on the wire, everybody else in steps of 1: both spread over all slots.
fn slot(sequence: u16) -> usize {
    usize::from(sequence ^ sequence >> 8) % WAITING
}

/// What an ICMP error says about a packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quote<'a> {
    /// The quoted packet, as far as it names its flow; the rest is the error's.
    pub(crate) packet: Packet<'a>,
    kind: ErrorKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorKind {
    Unreachable,
    TimeExceeded,
    TooBig { mtu: u32 },
    Other,
}

/// The quoted packet of an ICMP error (RFC 792, RFC 4443 3), if it is one and quotes enough.
pub(crate) fn quote<'a>(p: &Packet<'a>) -> Option<Quote<'a>> {
    if p.fragment == Fragment::Other || !matches!(p.ip_proto, protocol::ICMP | protocol::ICMPV6) {
        return None;
    }
    let h = p.transport.first_chunk::<8>()?;
    let kind = match (p.ip_proto, h[0], h[1]) {
        // RFC 1191 4: the MTU of the next hop in the low 16 bits; 0 from routers that do not know it.
        (protocol::ICMP, 3, 4) => ErrorKind::TooBig { mtu: u32::from(u16::from_be_bytes([h[6], h[7]])) },
        (protocol::ICMP, 3, _) | (protocol::ICMPV6, 1, _) => ErrorKind::Unreachable,
        (protocol::ICMP, 11, _) | (protocol::ICMPV6, 3, _) => ErrorKind::TimeExceeded,
        (protocol::ICMPV6, 2, _) => ErrorKind::TooBig { mtu: u32::from_be_bytes([h[4], h[5], h[6], h[7]]) },
        (protocol::ICMP, 4 | 5 | 12, _) | (protocol::ICMPV6, 4, _) => ErrorKind::Other,
        _ => return None,
    };
    let quoted = p.transport.get(8..)?;
    let packet = match quoted.first()? >> 4 {
        4 => quoted_v4(p, quoted),
        6 => quoted_v6(p, quoted),
        _ => None,
    }?;
    Some(Quote { packet, kind })
}

fn quoted_v4<'a>(p: &Packet<'a>, quoted: &'a [u8]) -> Option<Packet<'a>> {
    let h = quoted.first_chunk::<20>()?;
    let header = usize::from(h[0] & 0xf) * 4;
    if header < 20 || u16::from_be_bytes([h[6], h[7]]) & 0x1fff != 0 {
        return None;
    }
    let address = |at: usize| Address(u128::from(u32::from_be_bytes([h[at], h[at + 1], h[at + 2], h[at + 3]])));
    flow_of(Packet { v6: false, src: address(12), dst: address(16), ip_proto: h[9], ..*p }, h[1], quoted.get(header..)?)
}

fn quoted_v6<'a>(p: &Packet<'a>, quoted: &'a [u8]) -> Option<Packet<'a>> {
    let h = quoted.first_chunk::<40>()?;
    let address = |at: usize| h[at..at + 16].try_into().map(|a| Address(u128::from_be_bytes(a))).ok();
    let (mut next, mut rest) = (h[6], quoted.get(40..)?);
    // Hop-by-hop, routing and destination options; a fragment header only where it is the first fragment's.
    for _ in 0..8 {
        let len = match next {
            0 | 43 | 60 => (usize::from(*rest.get(1)?) + 1) * 8,
            44 if rest.get(2..4)? == [0, 0] || rest.get(2..4)? == [0, 1] => 8,
            44 => return None,
            _ => break,
        };
        next = *rest.first()?;
        rest = rest.get(len..)?;
    }
    let tos = h[0] << 4 | h[1] >> 4;
    flow_of(Packet { v6: true, src: address(8)?, dst: address(24)?, ip_proto: next, ..*p }, tos, rest)
}

/// Fills in ports or identifier, ECN and DSCP of a quoted packet.
fn flow_of<'a>(mut packet: Packet<'a>, tos: u8, transport: &'a [u8]) -> Option<Packet<'a>> {
    (packet.ecn, packet.dscp) = (Ecn::of(tos), tos >> 2);
    let word = |at: usize| transport.get(at..at + 2).map(|w| u16::from_be_bytes([w[0], w[1]]));
    (packet.src_port, packet.dst_port) = match packet.ip_proto {
        protocol::TCP | protocol::UDP | protocol::DCCP | protocol::SCTP | protocol::UDP_LITE => (word(0)?, word(2)?),
        protocol::ICMP if matches!(transport.first()?, 0 | 8) => (word(4)?, word(4)?),
        protocol::ICMPV6 if matches!(transport.first()?, 128 | 129) => (word(4)?, word(4)?),
        _ => (0, 0),
    };
    Some(packet)
}

/// ICMP errors about one direction of a flow, and the code points with which its packets passed here.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Errors {
    errors: u32,
    unreachable: u32,
    time_exceeded: u32,
    too_big: u32,
    mtu_min: u32,
    other: u32,
    ecn_bits: u8,
    dscp_bits: u64,
    ecn_changed: u32,
    dscp_changed: u32,
}

impl Errors {
    /// Takes an error. `ecn_seen` and `dscp_seen`: bit sets of what passed here in the quoted packet's direction.
    pub(crate) fn observe(&mut self, quote: &Quote<'_>, ecn_seen: u8, dscp_seen: u64) {
        self.errors += 1;
        match quote.kind {
            ErrorKind::Unreachable => self.unreachable += 1,
            ErrorKind::TimeExceeded => self.time_exceeded += 1,
            ErrorKind::Other => self.other += 1,
            // Without the MTU it is one more unreachable destination.
            ErrorKind::TooBig { mtu: 0 } => self.unreachable += 1,
            ErrorKind::TooBig { mtu } => {
                self.mtu_min = if self.too_big == 0 { mtu } else { self.mtu_min.min(mtu) };
                self.too_big += 1;
            }
        }
        let (ecn, dscp) = (1 << quote.packet.ecn as u8, 1 << quote.packet.dscp);
        self.ecn_bits |= ecn;
        self.dscp_bits |= dscp;
        self.ecn_changed += u32::from(ecn_seen != 0 && ecn_seen & ecn == 0);
        self.dscp_changed += u32::from(dscp_seen != 0 && dscp_seen & dscp == 0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors == 0
    }

    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        let Errors {
            errors,
            unreachable,
            time_exceeded,
            too_big,
            mtu_min,
            other,
            ecn_bits,
            dscp_bits,
            ecn_changed,
            dscp_changed,
        } = std::mem::take(self);
        out.icmp_errors = errors.into();
        out.icmp_unreachable_errors = unreachable.into();
        out.icmp_time_exceeded_errors = time_exceeded.into();
        (out.icmp_mtu_count, out.icmp_mtu_bytes_min) = (too_big.into(), mtu_min.into());
        out.icmp_other_errors = other.into();
        (out.icmp_quoted_ecn_bits, out.icmp_quoted_dscp_bits) = (ecn_bits.into(), dscp_bits);
        (out.icmp_ecn_changed_errors, out.icmp_dscp_changed_errors) = (ecn_changed.into(), dscp_changed.into());
    }
}
