//! SCTP: chunks, TSNs, streams, windows and round trips, per path (RFC 9260).
//!
//! In: packets of a flow, which is one address pair of an association. Out: the `sctp_*` fields, the common fields for RTT,
//! windows and flight, and one [`StreamInterval`](sce_proto::StreamInterval) per stream. TSNs are one space for all paths of
//! a direction, so they live in the [`assoc`]iation.

pub(crate) mod assoc;
mod chunk;
mod counts;
mod reconfig;
mod rto;
mod streams;
mod tsn;

use std::hash::Hasher;

use sce_proto::FlowInterval;
use sce_proto::bits::{end_reason, sctp as bits};
use siphasher::sip::SipHasher24;

use super::{Life, Name};
use crate::dist::{Times, report};
use crate::packet::{Both, Dir, Packet};
use crate::tcp::Pass;
use assoc::{Assoc, Associations, Seat};
use chunk::{Chunk, Data, Init, Sack, kind};
use counts::Counts;
use tsn::{Covered, Sent};

/// HEARTBEATs of one direction that wait for their answer.
const HEARTBEATS: usize = 4;

/// The meter of one path.
#[derive(Debug)]
pub(crate) struct Sctp {
    seat: Option<Seat>,
    life: Life,
    /// Initiate tags of INIT chunks seen on this flow: a different one begins another association.
    init_tag: u32,
    counts: Both<Counts>,
    rwnd_last: Both<u32>,
    flight_last: Both<u64>,
    bits: Both<u64>,
    heartbeats: Both<[(u64, u64); HEARTBEATS]>,
    heartbeat_rtt: Both<Times>,
}

impl Default for Sctp {
    fn default() -> Self {
        Sctp {
            seat: None,
            life: Life::Open,
            init_tag: 0,
            counts: Both::default(),
            rwnd_last: Both::default(),
            flight_last: Both::default(),
            bits: Both::default(),
            heartbeats: Both::default(),
            heartbeat_rtt: Both::default(),
        }
    }
}

/// The first chunk of a packet, if it is an INIT (`true`) or INIT ACK, with the initiator's tag: names the association.
pub(crate) fn handshake(p: &Packet<'_>) -> Option<(bool, u32)> {
    let first = chunk::chunks(p.transport).next()?;
    match first.kind {
        kind::INIT => Some((true, chunk::word(first.body, 0)?)),
        kind::INIT_ACK => Some((false, chunk::tag(p.transport)?)),
        _ => None,
    }
}

/// First and last TSN of a packet's DATA and I-DATA chunks, in serial number arithmetic (RFC 1982).
pub(crate) fn data_tsns(packet: &[u8]) -> Option<(u32, u32)> {
    let is_data = |c: &Chunk<'_>| matches!(c.kind, kind::DATA | kind::I_DATA);
    let mut tsns = chunk::chunks(packet).filter(is_data).filter_map(|c| chunk::word(c.body, 0));
    let first = tsns.next()?;
    let earlier = |a: u32, b: u32| a.wrapping_sub(b) > u32::MAX / 2;
    Some(tsns.fold((first, first), |(low, high), tsn| {
        (if earlier(tsn, low) { tsn } else { low }, if earlier(high, tsn) { tsn } else { high })
    }))
}

/// A packet's place: its time, and its direction in the flow and in the association.
#[derive(Debug, Clone, Copy)]
struct At {
    ns: u64,
    dir: Dir,
    along: Dir,
    path: u8,
}

impl Sctp {
    /// Whether the packet begins another association between the same ports.
    pub(crate) fn begins_anew(&self, p: &Packet<'_>) -> bool {
        let Some((true, tag)) = handshake(p) else { return false };
        self.seat.is_some() && self.init_tag != tag
    }

    /// Counts a packet of the flow with this name.
    #[inline(never)] // its stack frame is large, and TCP does without
    pub(crate) fn observe(&mut self, p: &Packet<'_>, dir: Dir, flow: Name, all: &mut Associations) -> (Life, Pass) {
        let Some(tag) = chunk::tag(p.transport) else { return (self.life, Pass::First) };
        let seat = *self.seat.get_or_insert_with(|| all.join(tag, (p.src_port, p.dst_port), dir, flow));
        let along = if seat.flipped { dir.flip() } else { dir };
        let at = At { ns: p.time_ns, dir, along, path: seat.path };
        let mut repeated = false;
        for chunk in chunk::chunks(p.transport) {
            // With the T bit the tag is the other side's, sent back (RFC 9260 8.5.1).
            let reflected = matches!(chunk.kind, kind::ABORT | kind::SHUTDOWN_COMPLETE) && chunk.flags & 1 != 0;
            if !reflected {
                all.learn(seat.slot, along, tag);
            }
            self.counts[dir].chunk(&chunk);
            if let kind::INIT | kind::INIT_ACK = chunk.kind
                && let Some(init) = Init::read(&chunk)
            {
                all.learn(seat.slot, along.flip(), init.tag);
            }
            let Some(assoc) = all.get(seat.slot) else { break };
            repeated |= self.apply(&chunk, &at, assoc);
        }
        (self.life, if repeated { Pass::Repeated } else { Pass::First })
    }

    /// Lets a chunk change the state; whether it repeats data.
    fn apply(&mut self, chunk: &Chunk<'_>, at: &At, assoc: &mut Assoc) -> bool {
        match chunk.kind {
            kind::DATA | kind::I_DATA => return Data::read(chunk).is_some_and(|data| self.data(&data, at, assoc)),
            kind::SACK => {
                if let Some(sack) = Sack::read(chunk) {
                    self.counts[at.dir].duplicates += u32::from(sack.duplicates);
                    self.window(sack.rwnd, at, assoc);
                    let covered = assoc.sides[at.along.flip()].tsns.sacked(&sack);
                    covered_by(&covered, at, assoc);
                }
            }
            kind::SHUTDOWN => {
                if let Some(cumulative) = chunk::word(chunk.body, 0) {
                    let covered = assoc.sides[at.along.flip()].tsns.acknowledged(cumulative);
                    covered_by(&covered, at, assoc);
                }
            }
            kind::FORWARD_TSN | kind::I_FORWARD_TSN => self.forward(chunk, at, assoc),
            kind::INIT | kind::INIT_ACK => {
                if let Some(init) = Init::read(chunk) {
                    self.init(chunk.kind, &init, at, assoc);
                }
            }
            kind::COOKIE_ECHO => {
                let h = &mut assoc.handshake;
                if !std::mem::replace(&mut h.echoed, true)
                    && !h.repeated
                    && let Some(ns) = h.init_ack_ns.and_then(|t| at.ns.checked_sub(t))
                {
                    h.rtt_ns += ns;
                    self.counts[at.dir.flip()].handshake_rtt_ns = Some(ns);
                }
            }
            kind::HEARTBEAT => {
                let slots = &mut self.heartbeats[at.dir];
                slots.rotate_right(1);
                slots[0] = (name(chunk.body), at.ns);
            }
            kind::HEARTBEAT_ACK => {
                let name = name(chunk.body);
                if let Some(sent) = self.heartbeats[at.dir.flip()].iter_mut().find(|s| s.1 > 0 && s.0 == name) {
                    self.heartbeat_rtt[at.dir.flip()].push(at.ns.saturating_sub(sent.1));
                    sent.1 = 0;
                }
            }
            kind::ABORT | kind::SHUTDOWN_COMPLETE => self.life = Life::Closed(end_reason::SCTP_CLOSE as u8),
            kind::AUTH => self.bits[at.dir] |= bits::AUTH,
            kind::RE_CONFIG => reconfig::observe(chunk, at.along, assoc),
            _ => {}
        }
        false
    }

    fn data(&mut self, data: &Data, at: &At, assoc: &mut Assoc) -> bool {
        let rto_ns = assoc.path(at.path).map_or(0, |p| p.rto[at.along].rto_ns());
        let handshake_ns = assoc.handshake.rtt_ns;
        let side = &mut assoc.sides[at.along];
        let counts = &mut self.counts[at.dir];
        counts.user_bytes += u64::from(data.bytes);
        counts.unordered += u32::from(data.unordered);
        if data.wide {
            self.bits[at.dir] |= bits::I_DATA;
        }
        match side.tsns.sent(data.tsn, data.bytes, at.path, at.ns) {
            Sent::New { skipped } => {
                counts.holes += u32::from(skipped > 0);
                counts.hole_chunks += u64::from(skipped);
            }
            // Within a round trip nobody can have noticed the loss.
            Sent::Late { after_ns } => counts.reordered += u32::from(handshake_ns > 0 && after_ns < handshake_ns),
            Sent::Again { first } => {
                counts.retransmitted += 1;
                counts.retransmitted_bytes += u64::from(data.bytes);
                if let Some((first_ns, path)) = first {
                    counts.failover += u32::from(path != at.path);
                    let waited = at.ns.saturating_sub(first_ns) >= rto_ns;
                    if waited && side.progress_ns <= first_ns {
                        counts.timeout += 1;
                        // The path on which the data was lost backs off, wherever it is sent now.
                        if let Some(lost_on) = assoc.path(path) {
                            lost_on.rto[at.along].expire(at.ns);
                        }
                    }
                }
                return true;
            }
        }
        let waiting = side.streams.observe(data, at.ns);
        counts.hol_chunks += waiting.chunks;
        counts.hol_ns += waiting.ns;
        let flight = side.tsns.outstanding_bytes();
        counts.flight_max = counts.flight_max.max(flight);
        self.flight_last[at.dir] = flight;
        false
    }

    /// Messages given up by the sender, RFC 3758 3.2 and RFC 8260 2.3.1.
    fn forward(&mut self, chunk: &Chunk<'_>, at: &At, assoc: &mut Assoc) {
        let Some(cumulative) = chunk::word(chunk.body, 0) else { return };
        let side = &mut assoc.sides[at.along];
        side.tsns.acknowledged(cumulative);
        let wide = chunk.kind == kind::I_FORWARD_TSN;
        for entry in chunk.body.get(4..).unwrap_or(&[]).chunks_exact(if wide { 8 } else { 4 }) {
            let (Some(stream), Some(last)) = (chunk::half(entry, 0), chunk::half(entry, 2)) else { continue };
            let message = if wide { chunk::word(entry, 4).unwrap_or(0) } else { u32::from(last) };
            if wide && last & 1 != 0 {
                continue; // unordered messages wait for nobody
            }
            self.counts[at.dir].hol_ns += side.streams.skip(stream, message, wide, at.ns).ns;
        }
    }

    fn init(&mut self, kind: u8, init: &Init, at: &At, assoc: &mut Assoc) {
        let h = &mut assoc.handshake;
        if kind == kind::INIT {
            self.init_tag = init.tag;
            self.life = Life::HalfOpen;
            h.repeated |= h.init_ns.is_some();
            h.init_ns.get_or_insert(at.ns);
        } else {
            self.life = Life::Open;
            if h.init_ack_ns.replace(at.ns).is_some() {
                h.repeated = true;
            } else if !h.repeated
                && let Some(ns) = h.init_ns.and_then(|t| at.ns.checked_sub(t))
            {
                h.rtt_ns += ns;
                self.counts[at.dir.flip()].handshake_rtt_ns = Some(ns);
            }
        }
        assoc.init[at.along] = Some(*init);
        self.window(init.rwnd, at, assoc);
        let options = [
            (init.ecn_capable, bits::ECN_CAPABLE),
            (init.forward_tsn, bits::FORWARD_TSN),
            (init.addresses > 1, bits::MULTI_HOMED),
        ];
        self.bits[at.dir] |= options.iter().filter(|o| o.0).fold(0, |b, o| b | o.1);
    }

    fn window(&mut self, rwnd: u32, at: &At, assoc: &mut Assoc) {
        let counts = &mut self.counts[at.dir];
        counts.rwnd_min = if counts.rwnd == 0 { rwnd } else { counts.rwnd_min.min(rwnd) };
        counts.rwnd += 1;
        self.rwnd_last[at.dir] = rwnd;
        let since = &mut assoc.sides[at.along].zero_since_ns;
        match (rwnd, *since) {
            (0, None) => {
                *since = Some(at.ns);
                counts.zero_windows += 1;
            }
            (0, Some(_)) => {}
            (_, Some(zero_ns)) => {
                *since = None;
                counts.zero_window_ns += at.ns.saturating_sub(zero_ns);
            }
            (_, None) => {}
        }
    }

    pub(crate) fn has_news(&self, dir: Dir, all: &mut Associations) -> bool {
        let Some(seat) = self.seat else { return false };
        let along = if seat.flipped { dir.flip() } else { dir };
        let rtt = all.get(seat.slot).and_then(|a| a.path(seat.path)).is_some_and(|p| !p.rtt[along].is_empty());
        rtt || !self.heartbeat_rtt[dir].is_empty() || self.counts[dir].handshake_rtt_ns.is_some()
    }

    pub(crate) fn report(&mut self, dir: Dir, all: &mut Associations, out: &mut FlowInterval) {
        self.tell(dir, out);
        let Some(seat) = self.seat else { return };
        let along = if seat.flipped { dir.flip() } else { dir };
        let mut rows = std::mem::take(&mut all.rows);
        if let Some(assoc) = all.get(seat.slot) {
            tell_shared(assoc, along, seat.path, out);
            let (Name { flow, flow_key }, direction) = (assoc.flow, along as u32);
            assoc.sides[along].streams.report(|row| {
                rows.push(sce_proto::StreamInterval { flow, flow_key, direction, ..row });
            });
        }
        all.rows = rows;
    }

    /// The flow leaves the table.
    pub(crate) fn leave(&mut self, all: &mut Associations) {
        if let Some(seat) = self.seat.take() {
            all.leave(seat.slot);
        }
    }

    fn tell(&mut self, dir: Dir, out: &mut FlowInterval) {
        std::mem::take(&mut self.counts[dir]).tell(out);
        out.sctp_rwnd_bytes_last = self.rwnd_last[dir].into();
        out.flight_bytes_last = self.flight_last[dir];
        out.sctp_bits = self.bits[dir];
        report!(
            self.heartbeat_rtt[dir],
            out,
            sctp_heartbeat_rtt_count,
            sctp_heartbeat_rtt_ns_sum,
            sctp_heartbeat_rtt_us2_sum,
            sctp_heartbeat_rtt_ns_min,
            sctp_heartbeat_rtt_ns_max,
            sctp_heartbeat_rtt_ns_sketch
        );
    }
}

/// Takes the round trip that a SACK or SHUTDOWN completes, for the path that the data took.
fn covered_by(covered: &Covered, at: &At, assoc: &mut Assoc) {
    let data = at.along.flip();
    if covered.chunks > 0 {
        assoc.sides[data].progress_ns = at.ns;
    }
    let Some((sent_ns, path)) = covered.sample else { return };
    let (Some(rtt_ns), Some(path_state)) = (at.ns.checked_sub(sent_ns), assoc.path(path)) else { return };
    path_state.rtt[data].push(rtt_ns);
    path_state.rto[data].sample(rtt_ns, at.ns);
    path_state.cross[data] += u32::from(path != at.path);
}

/// What the association knows about a direction on a path.
fn tell_shared(assoc: &mut Assoc, along: Dir, path: u8, out: &mut FlowInterval) {
    out.sctp_assoc_last = assoc.id();
    out.sctp_vtag_last = assoc.tags[along].into();
    out.sctp_paths_last = assoc.paths.len() as u64;
    let negotiated = assoc.negotiated(along);
    out.sctp_negotiated_streams_last = negotiated.into();
    if negotiated == 0 {
        out.sctp_bits |= bits::NO_INIT;
    }
    if assoc.paths.len() > 1 {
        out.sctp_bits |= bits::MULTI_HOMED;
    }
    let usage = assoc.sides[along].streams.usage(negotiated);
    out.sctp_streams_last = usage.seen;
    out.sctp_active_streams_max = usage.active;
    out.sctp_negotiated_utilisation_ppm_last = usage.of_negotiated_ppm;
    out.sctp_streams_utilisation_ppm_last = usage.of_seen_ppm;
    let Some(path) = assoc.path(path) else { return };
    out.sctp_cross_path_rtts = std::mem::take(&mut path.cross[along]).into();
    let rto = &path.rto[along];
    if rto.srtt_ns() > 0 {
        (out.srtt_ns_last, out.rttvar_ns_last, out.rto_ns_last) = (rto.srtt_ns(), rto.rttvar_ns(), rto.rto_ns());
    }
    report!(path.rtt[along], out, rtt_count, rtt_ns_sum, rtt_us2_sum, rtt_ns_min, rtt_ns_max, rtt_ns_sketch);
}

/// A heartbeat's information by its hash.
fn name(information: &[u8]) -> u64 {
    let mut h = SipHasher24::new();
    h.write(information);
    h.finish()
}
