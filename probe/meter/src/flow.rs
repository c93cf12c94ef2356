//! One flow instance: its identity, and the meters of its two directions.

use std::hash::Hasher;

use sce_proto::bits::{end_reason, quality};
use sce_proto::{FlowInterval, merge};
use siphasher::sip::SipHasher24;

use crate::config::{Config, Timeouts};
use crate::decode::protocol;
use crate::gaps::Gaps;
use crate::key::Key;
use crate::marks::Tail;
use crate::packet::{Both, Dir, Headers, Packet, flag};
use crate::transport::icmp::{Errors, Quote};
use crate::transport::{Life, Name, Seen, Shared, Transport, quic, sctp};
use crate::volume::Volume;
use sce_proto::fetch;

/// A packet that is earlier than the flow's latest one by more than this shows a step of the clock, ns.
pub(crate) const STEP_NS: u64 = 1_000_000_000;

/// A direction whose packets span this much without one of the other direction is said to be alone, and one that is alone
/// when the flow ends, ns.
const ALONE_NS: u64 = 1_000_000_000;

/// Why one side is called the initiator (`initiator_evidence`).
mod evidence {
    pub(super) const SYN: u8 = 5;
    pub(super) const SYN_ACK: u8 = 4;
    pub(super) const ECHO_REQUEST: u8 = 4;
    pub(super) const QUIC_INITIAL: u8 = 4;
    pub(super) const SCTP_INIT: u8 = 4;
    pub(super) const PORTS_AGREE: u8 = 2;
    pub(super) const FIRST_PACKET: u8 = 1;
}

/// A flow instance in the table.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) key: Key,
    pub(crate) last_ns: u64,
    first_ns: u64,
    /// Identity of the instance at this observation point.
    pub(crate) id: u64,
    pub(crate) flow_key: u64,
    /// Packets from the low to the high end go up.
    up_is_forward: bool,
    evidence: u8,
    life: Life,
    /// Something was counted since the last report.
    pub(crate) dirty: bool,
    quality: Both<u16>,
    volume: Both<Volume>,
    gaps: Both<Gaps>,
    pub(crate) transport: Transport,
    /// Code points with which packets passed, over the whole life, as bit sets: what ICMP errors are compared with.
    ecn_seen: Both<u8>,
    dscp_seen: Both<u64>,
    /// From the first ICMP error on.
    errors: Option<Box<Both<Errors>>>,
    /// What path marks remember, where there are any.
    pub(crate) tails: Option<Box<Both<Tail>>>,
    /// Counters that were handed over early because they were nearly full.
    carry: Option<Box<Both<FlowInterval>>>,
}

impl Flow {
    /// A flow that begins with this packet.
    pub(crate) fn new(key: Key, forward: bool, p: &Packet<'_>, shared: &Shared) -> Flow {
        let (by_sender, evidence) = initiator(p);
        let flow_key = key.flow_key();
        Flow {
            key,
            last_ns: p.time_ns,
            first_ns: p.time_ns,
            id: identity(flow_key, p),
            flow_key,
            up_is_forward: forward == by_sender,
            evidence,
            life: Life::Open,
            dirty: false,
            quality: Both::default(),
            volume: Both::default(),
            gaps: Both::default(),
            transport: Transport::new(p, shared),
            ecn_seen: Both::default(),
            dscp_seen: Both::default(),
            errors: None,
            tails: None,
            carry: None,
        }
    }

    /// Direction of a packet that goes from the low to the high end (`forward`), or back.
    pub(crate) fn dir(&self, forward: bool) -> Dir {
        if forward == self.up_is_forward { Dir::Up } else { Dir::Down }
    }

    /// Asks the memory for what tells the direction, and where the rest lies.
    #[inline]
    pub(crate) fn fetch(&self) {
        fetch::value(&self.key);
        fetch::value(&(self.last_ns));
        fetch::value(&self.up_is_forward);
        fetch::value(&self.transport);
    }

    /// Asks the memory for the counters that the next packet of a direction will touch.
    #[inline]
    pub(crate) fn fetch_counters(&self, forward: bool) {
        let dir = self.dir(forward);
        fetch::value(&self.volume[dir]);
        fetch::value(&self.gaps[dir]);
        fetch::value(&self.ecn_seen);
        fetch::value(&self.dscp_seen);
        fetch::value(&self.tails);
        self.transport.fetch(dir);
    }

    /// Asks the memory for what the counters point to.
    #[inline]
    pub(crate) fn fetch_boxes(&self, p: &Packet<'_>, forward: bool) {
        let dir = self.dir(forward);
        self.gaps[dir].fetch();
        if let Some(tails) = &self.tails {
            tails[dir].fetch();
        }
        self.transport.fetch_boxes(p, dir);
    }

    /// Asks the memory for what those point to.
    #[inline]
    pub(crate) fn fetch_sent(&self, forward: bool) {
        self.transport.fetch_sent(self.dir(forward));
    }

    /// Whether the packet belongs to a later instance than this one; then the reason why this one ended.
    pub(crate) fn is_over(&self, p: &Packet<'_>, dir: Dir, timeouts: &Timeouts) -> Option<u8> {
        if let Some(reason) = self.timed_out(p.time_ns, timeouts) {
            return Some(reason);
        }
        self.transport.begins_anew(p, dir).then_some(end_reason::REPLACED as u8)
    }

    /// Whether the flow ended by now, and why.
    pub(crate) fn timed_out(&self, now_ns: u64, timeouts: &Timeouts) -> Option<u8> {
        let quiet_ns = now_ns.saturating_sub(self.last_ns);
        let (limit, reason) = match self.life {
            Life::Closed(reason) => (timeouts.tcp_closed_ns, reason),
            Life::HalfOpen => (timeouts.tcp_half_open_ns, end_reason::IDLE as u8),
            Life::Open => {
                let limit = match self.key.ip_proto() {
                    protocol::TCP => timeouts.tcp_idle_ns,
                    protocol::ICMP | protocol::ICMPV6 => timeouts.icmp_idle_ns,
                    _ => timeouts.other_idle_ns,
                };
                (limit, end_reason::IDLE as u8)
            }
        };
        if quiet_ns > limit {
            return Some(reason);
        }
        let too_old = timeouts.active_ns > 0 && now_ns.saturating_sub(self.first_ns) >= timeouts.active_ns;
        too_old.then_some(end_reason::ACTIVE as u8)
    }

    /// Whether nobody answered yet, which makes it the first to go when the table is full.
    pub(crate) fn is_one_sided(&self) -> bool {
        self.life == Life::HalfOpen
    }

    /// Counts a packet; splits it into wire packets before that.
    pub(crate) fn observe(&mut self, p: &mut Packet<'_>, dir: Dir, config: &Config, shared: &mut Shared) -> Seen {
        if p.segments == 1 && !config.outermost {
            self.transport.split(p, dir, config.assumed_mtu);
        }
        let mut flaws = 0;
        if p.time_ns.saturating_add(STEP_NS) < self.last_ns {
            flaws |= quality::CLOCK_STEP;
        }
        if self.is_alone(dir.flip()) && self.is_long() {
            // A report in between would have said so: whether there was one must make no difference.
            self.quality[dir.flip()] |= quality::ONE_DIRECTION as u16;
        }
        self.last_ns = self.last_ns.max(p.time_ns);
        self.volume[dir].observe(p);
        self.gaps[dir].observe(p);
        self.ecn_seen[dir] |= 1 << p.ecn as u8;
        self.dscp_seen[dir] |= 1 << (p.dscp & 63);
        let seen = self.transport.observe(p, dir, Name { flow: self.id, flow_key: self.flow_key }, shared);
        self.life = seen.life;
        if p.estimated {
            flaws |= quality::ESTIMATED_SEGMENTS;
        }
        match p.headers {
            Headers::Complete => {}
            Headers::Truncated => flaws |= quality::TRUNCATED,
            Headers::Malformed => flaws |= quality::MALFORMED,
        }
        self.quality[dir] |= flaws as u16;
        if self.volume[dir].is_nearly_full(p) {
            self.spill(shared);
        }
        seen
    }

    /// Whether packets of this direction were seen, and none of the other one.
    fn is_alone(&self, dir: Dir) -> bool {
        self.ecn_seen[dir] != 0 && self.ecn_seen[dir.flip()] == 0
    }

    /// Whether its packets span more than an answer takes.
    fn is_long(&self) -> bool {
        self.last_ns.saturating_sub(self.first_ns) >= ALONE_NS
    }

    /// Takes an ICMP error about a packet of this direction.
    pub(crate) fn quoted(&mut self, quote: &Quote<'_>, dir: Dir) {
        let (ecn, dscp) = (self.ecn_seen[dir], self.dscp_seen[dir]);
        self.errors.get_or_insert_default()[dir].observe(quote, ecn, dscp);
    }

    /// Adds `sce_proto::bits::quality` to the direction's next record.
    pub(crate) fn flaw(&mut self, dir: Dir, bit: u64) {
        self.quality[dir] |= bit as u16;
    }

    /// Moves the counters into wide ones, so that the narrow ones can go on.
    fn spill(&mut self, shared: &mut Shared) {
        let mut carry = self.carry.take().unwrap_or_default();
        for dir in Dir::BOTH {
            let mut record = FlowInterval::default();
            self.fill(dir, shared, &mut record);
            merge(&mut carry[dir], &record);
        }
        self.carry = Some(carry);
    }

    fn fill(&mut self, dir: Dir, shared: &mut Shared, out: &mut FlowInterval) {
        self.volume[dir].report(out);
        self.gaps[dir].report(out);
        self.transport.report(dir, shared, out);
        if let Some(errors) = &mut self.errors {
            errors[dir].report(out);
        }
        out.quality_bits |= u64::from(std::mem::take(&mut self.quality[dir]));
    }

    /// Appends the record of a direction since its last report, if there is anything to say. `end` tells why the flow ended,
    /// 0 if it goes on.
    pub(crate) fn report(
        &mut self,
        dir: Dir,
        end: u8,
        start_ns: u64,
        config: &Config,
        shared: &mut Shared,
        records: &mut Vec<FlowInterval>,
    ) {
        let carried = self.carry.as_mut().map(|c| std::mem::take(&mut c[dir])).filter(|r| r.packets > 0);
        if end != 0 {
            self.gaps[dir].end();
            self.transport.end(dir);
        }
        let quoted = self.errors.as_ref().is_some_and(|e| !e[dir].is_empty());
        let lonely_end = end != 0 && self.is_alone(dir);
        let untold = lonely_end && !self.is_long();
        let news = self.gaps[dir].has_news() || self.transport.has_news(dir, shared) || quoted || untold;
        if self.volume[dir].packets() == 0 && carried.is_none() && !news {
            return;
        }
        // Records are large: this one is made where it stays.
        records.push(FlowInterval::default());
        let Some(out) = records.last_mut() else { return };
        self.fill(dir, shared, out);
        if let Some(mut carried) = carried {
            carried.isn = out.isn;
            merge(&mut carried, out);
            *out = carried;
        }
        let up = dir == Dir::Up;
        let (src, dst) = if up == self.up_is_forward {
            (self.key.low(), self.key.high())
        } else {
            (self.key.high(), self.key.low())
        };
        out.start_ns = start_ns;
        out.interval_ns = config.interval_ns;
        out.op = config.op;
        out.run.clone_from(&config.run);
        out.flow = self.id;
        out.flow_key = self.flow_key;
        out.direction = dir as u32;
        out.ip_proto = u32::from(self.key.ip_proto());
        out.src_ip = octets(src.0);
        out.dst_ip = octets(dst.0);
        out.src_port = u32::from(src.1);
        out.dst_port = u32::from(dst.1);
        out.flow_first_ns = self.first_ns;
        out.initiator_evidence = u32::from(self.evidence);
        // What ended the connection says more than why the table let it go.
        out.end_reason_last = match self.life {
            Life::Closed(reason) => u32::from(reason),
            Life::HalfOpen | Life::Open => u32::from(end),
        };
        if lonely_end || self.is_alone(dir) && self.is_long() {
            out.quality_bits |= quality::ONE_DIRECTION;
        }
        // A SYN that was overtaken comes too late to say that nothing passed before.
        if matches!(self.transport, Transport::Tcp(_)) && !matches!(self.evidence, evidence::SYN | evidence::SYN_ACK) {
            out.quality_bits |= quality::NO_HANDSHAKE;
        }
    }
}

fn octets(ip: std::net::IpAddr) -> Vec<u8> {
    match ip {
        std::net::IpAddr::V4(a) => a.octets().to_vec(),
        std::net::IpAddr::V6(a) => a.octets().to_vec(),
    }
}

/// Whether the sender of a flow's first packet is the initiator, and how sure that is.
fn initiator(p: &Packet<'_>) -> (bool, u8) {
    if let Some(s) = &p.tcp
        && s.any(flag::SYN)
    {
        return if s.any(flag::ACK) { (false, evidence::SYN_ACK) } else { (true, evidence::SYN) };
    }
    match (p.ip_proto, p.transport.first()) {
        (protocol::ICMP, Some(8)) | (protocol::ICMPV6, Some(128)) => return (true, evidence::ECHO_REQUEST),
        (protocol::SCTP, _) => {
            if let Some((by_sender, _)) = sctp::handshake(p) {
                return (by_sender, evidence::SCTP_INIT);
            }
        }
        (protocol::UDP, _) if p.transport.get(8..).is_some_and(quic::is_client_initial) => {
            return (true, evidence::QUIC_INITIAL);
        }
        _ => {}
    }
    // A client's port is ephemeral (RFC 6335 section 6), a server's registered: that can only confirm the first sender.
    let agrees = p.src_port > 1024 && p.dst_port > 0 && p.dst_port < 32768 && p.src_port > p.dst_port;
    (true, if agrees { evidence::PORTS_AGREE } else { evidence::FIRST_PACKET })
}

/// Identity of the instance: the initiator's ISN where the handshake begins it, so that every point agrees on it and it
/// never changes; else the time of its first packet.
fn identity(flow_key: u64, p: &Packet<'_>) -> u64 {
    let mut h = SipHasher24::new();
    h.write_u64(flow_key.to_le());
    match &p.tcp {
        Some(s) if s.any(flag::SYN) => {
            let isn = if s.any(flag::ACK) { s.ack.wrapping_sub(1) } else { s.seq };
            h.write(b"isn");
            h.write(&isn.to_be_bytes());
        }
        None if p.ip_proto == protocol::SCTP && sctp::handshake(p).is_some() => {
            let tag = sctp::handshake(p).map_or(0, |h| h.1);
            h.write(b"tag");
            h.write(&tag.to_be_bytes());
        }
        _ => {
            h.write(b"time");
            h.write(&p.time_ns.to_be_bytes());
        }
    }
    h.finish()
}
