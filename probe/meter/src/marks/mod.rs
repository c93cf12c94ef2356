//! Path marks: what lets other observation points' views of the same packets be laid beside this one's.
//!
//! In: wire packets of a flow direction, after the flow has counted them. Out: [`PathMarks`](sce_proto::PathMarks) records when an interval closes
//! or the flow ends. Marks lie in buffers of fixed size that serve the whole meter; a flow keeps cumulative counters and the
//! ends of its lists. When the buffers are full, marks are given up and counted, never packets.

mod alike;
mod config;
mod cuts;
mod report;
mod segment;
#[cfg(test)]
mod tests;

use sce_proto::marks::digest::{self, Invariants, TcpSegment};
use sce_proto::marks::{Counters, Cut, Digester, Mark, Run, trail};
use sce_proto::{PathMarks, fetch};

use crate::decode::protocol;
use crate::packet::{Fragment, Headers, Packet, Segment, flag};
use crate::spans::{Map, Maps};
use alike::Alike;
pub use config::{MarksConfig, MarksMode};
use segment::{flags_of, timestamps};

/// Marks in one record at most: keeps records small beside the limits of a batch.
const MARKS_PER_RECORD: u32 = 4096;
/// Where every packet is listed, at least so many marks fit an interval.
const FULL_MARKS: usize = 1 << 20;
/// Cumulative counters are kept for this share of marks at most.
const MARKS_PER_SNAPSHOT: usize = 2;
const NONE: u32 = u32::MAX;

/// What a flow keeps per direction. In this order: what every packet touches lies together, on one cache line.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(crate) struct Tail {
    /// Packets that passed and are in none of the numbers below, but for `front`, until [`Marks::settle`].
    alike: Alike,
    /// Packets of `seen`, so that the head is told without adding up.
    packets: u64,
    /// Next sequence number behind everything seen.
    front: u32,
    /// log2 of the distance of its cuts.
    log2_stride: u8,
    started: bool,
    /// Packets passed unlisted since the last mark.
    gap: bool,
    first_mark: u32,
    last_mark: u32,
    first_cut: u32,
    last_cut: u32,
    dropped: u32,
    /// All packets since the instance began.
    seen: Counters,
    map: Map,
}

impl Default for Tail {
    fn default() -> Self {
        Tail {
            alike: Alike::default(),
            packets: 0,
            front: 0,
            log2_stride: 0,
            started: false,
            gap: false,
            first_mark: NONE,
            last_mark: NONE,
            first_cut: NONE,
            last_cut: NONE,
            dropped: 0,
            seen: Counters::default(),
            map: Map::default(),
        }
    }
}

impl Tail {
    /// Asks the memory for what every packet touches.
    #[inline]
    pub(crate) fn fetch(&self) {
        fetch::value(&self.alike);
    }

    /// Counts a wire packet.
    #[inline]
    fn pass(&mut self, p: &Packet<'_>, ip_bytes: u32) {
        self.seen.add(p.ecn as u8, ip_bytes);
        self.packets += 1;
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    mark: Mark,
    /// Counters before it, where packets passed unlisted since the mark before.
    snapshot: u32,
    next: u32,
}

/// The buffers of a meter.
#[derive(Debug)]
pub(crate) struct Marks {
    config: MarksConfig,
    digester: Digester,
    entries: Vec<Entry>,
    snapshots: Vec<Counters>,
    cuts: Vec<(Cut, u32)>,
    /// Run-length maps; none where every packet is listed.
    maps: Option<Maps>,
    /// Marks given up since the last call of [`Marks::take_dropped`].
    dropped: u64,
    /// Records that were used, for their room.
    spare: Vec<PathMarks>,
}

impl Marks {
    /// Empty buffers; `None` where marks are off.
    pub(crate) fn new(config: &MarksConfig) -> Option<Marks> {
        if config.mode == MarksMode::Off {
            return None;
        }
        let mut config = config.clone();
        if config.mode == MarksMode::Full {
            config.threshold = trail::ALL;
            config.max_marks = config.max_marks.max(FULL_MARKS);
        }
        Some(Marks {
            digester: Digester::new(config.key),
            entries: Vec::with_capacity(config.max_marks),
            snapshots: Vec::with_capacity(config.max_marks / MARKS_PER_SNAPSHOT),
            cuts: Vec::with_capacity(config.max_cuts),
            maps: (config.mode == MarksMode::Sampled).then(|| Maps::new(config.max_runs)),
            dropped: 0,
            spare: Vec::new(),
            config,
        })
    }

    /// Looks at the wire packets of a frame.
    pub(crate) fn observe(&mut self, tail: &mut Tail, p: &Packet<'_>, repeated: bool) {
        match &p.tcp {
            Some(segment) if p.fragment == Fragment::Whole => self.tcp(tail, p, segment, repeated),
            _ => self.other(tail, p),
        }
    }

    // Not part of its caller: a function of its own keeps what it needs in registers.
    #[inline(never)]
    fn tcp(&mut self, tail: &mut Tail, p: &Packet<'_>, segment: &Segment<'_>, repeated: bool) {
        let Some(pick) = self.alike(tail, p, segment) else { return self.any_tcp(tail, p, segment, repeated) };
        if self.digester.selects(&pick, self.config.threshold) {
            self.list_alike(tail, p, segment, repeated);
        } else {
            tail.gap = true;
        }
        tail.alike.pass(&mut tail.front);
    }

    /// Lists such a segment. Not part of its caller, which would save and restore what only this needs.
    #[cold]
    #[inline(never)]
    fn list_alike(&mut self, tail: &mut Tail, p: &Packet<'_>, segment: &Segment<'_>, repeated: bool) {
        self.settle(tail);
        let digest = self.digester.name(&named(p, segment, timestamps(segment.options)).invariants());
        let listed = self.list(tail, p, p.payload_bytes, flags_of(segment) | repeat(repeated, p), digest);
        tail.gap |= !listed;
    }

    #[inline(never)]
    fn any_tcp(&mut self, tail: &mut Tail, p: &Packet<'_>, segment: &Segment<'_>, repeated: bool) {
        self.settle(tail);
        tail.alike = Alike::default(); // the front may move
        let header = p.transport.get(12).map_or(20, |b| usize::from(b >> 4) * 4);
        let whole = p.headers == Headers::Complete && p.transport.len() >= header;
        let (tsval, tsecr) = timestamps(segment.options);
        if p.payload_bytes > 0 && segment.flags & (flag::SYN | flag::RST) == 0 {
            self.cut_tcp(tail, p, segment.seq, tsval as u16);
        } else if segment.any(flag::SYN) && !tail.started {
            (tail.front, tail.started) = (segment.seq.wrapping_add(1), true);
        }
        let of = named(p, segment, (tsval, tsecr));
        if p.segments > 1 {
            return self.superpacket(tail, p, segment, of, repeated, whole);
        }
        self.map(tail, tail.packets, run(p, 1, segment.seq, p.payload_bytes));
        let flags = || flags_of(segment) | repeat(repeated, p);
        self.packet(tail, p, p.payload_bytes, flags, whole.then(|| of.selection()), |_| of.invariants());
    }

    /// The wire segments that a frame of segmentation or receive offload stands for. `of` names its first.
    fn superpacket(
        &mut self,
        tail: &mut Tail,
        p: &Packet<'_>,
        segment: &Segment<'_>,
        mut of: TcpSegment,
        repeated: bool,
        whole: bool,
    ) {
        self.map_all(tail, p, segment.seq);
        let mut left = p.payload_bytes;
        for i in 0..p.segments {
            let last = i + 1 == p.segments;
            // Segmentation leaves CWR on the first and FIN on the last segment.
            let moved = if i > 0 { trail::CWR } else { 0 } | if last { 0 } else { trail::FIN };
            let flags = || (flags_of(segment) | repeat(repeated, p)) & !moved;
            of.seq = segment.seq.wrapping_add(p.payload_bytes - left);
            of.payload = if last { left } else { p.segment_bytes.min(left) };
            self.packet(tail, p, of.payload, flags, whole.then(|| of.selection()), |_| of.invariants());
            left -= of.payload;
        }
    }

    /// Enters the wire packets of a superpacket in the run-length map.
    fn map_all(&mut self, tail: &mut Tail, p: &Packet<'_>, seq: u32) {
        let many = p.segments.saturating_sub(1);
        let whole = many * p.segment_bytes;
        let rest = p.payload_bytes.saturating_sub(whole);
        // A frame that contradicts itself is left out: the gap ends the map.
        if rest == p.segment_bytes && rest > 0 {
            self.map(tail, tail.packets, run(p, p.segments, seq, rest));
        } else if rest > 0 {
            self.map(tail, tail.packets, run(p, many, seq, p.segment_bytes));
            self.map(tail, tail.packets + u64::from(many), run(p, 1, seq.wrapping_add(whole), rest));
        }
    }

    /// Enters packets that passed behind `before` others.
    #[inline]
    fn map(&mut self, tail: &mut Tail, before: u64, run: Run) {
        let Some(maps) = &mut self.maps else { return };
        if !maps.add(&mut tail.map, before, &run) {
            self.dropped += 1;
            tail.dropped = tail.dropped.saturating_add(1);
        }
    }

    fn other(&mut self, tail: &mut Tail, p: &Packet<'_>) {
        self.settle(tail);
        let t = p.transport;
        let mut left = p.payload_bytes;
        for i in 0..p.segments {
            let payload = if i + 1 == p.segments { left } else { p.segment_bytes.min(left) };
            let passed = (p.payload_bytes - left) as usize;
            let body = |header: usize| t.get(header + passed..).unwrap_or(&[]);
            let of = match p.ip_proto {
                _ if p.headers != Headers::Complete => None,
                _ if p.fragment == Fragment::Other => digest::other(p.ip_proto, &p.ident.to_be_bytes(), payload, t),
                protocol::UDP | protocol::UDP_LITE => digest::other(p.ip_proto, &[], payload, body(8)),
                protocol::ICMP | protocol::ICMPV6 => match t.first_chunk::<8>() {
                    // A NAT may change the identifier, and the checksum with it.
                    Some(h) => digest::other(p.ip_proto, &[h[0], h[1], h[6], h[7]], payload, body(8)),
                    None => None,
                },
                protocol::SCTP => match t.first_chunk::<12>() {
                    Some(h) => digest::other(p.ip_proto, &h[4..8], payload, body(12)),
                    None => None,
                },
                // Without ports in the payload there is nothing to skip; with them (DCCP) a NAT makes it another packet.
                _ => digest::other(p.ip_proto, &[], payload, body(0)),
            };
            if let Some(of) = &of
                && (p.ip_proto, p.fragment, i) == (protocol::SCTP, Fragment::Whole, 0)
            {
                self.cut_sctp(tail, p, of);
            }
            self.packet(tail, p, payload, || 0, of, |of| *of);
            left -= payload;
        }
    }

    /// Whether a packet is listed: one of the first, or one that the key selects.
    #[inline]
    fn selects<const N: usize>(&self, tail: &Tail, pick: &Invariants<N>) -> bool {
        tail.packets < u64::from(self.config.head) || self.digester.selects(pick, self.config.threshold)
    }

    /// Counts one wire packet, and lists it if `pick` is selected: only then its flags and its name are asked for.
    #[inline]
    fn packet<const M: usize, const N: usize>(
        &mut self,
        tail: &mut Tail,
        p: &Packet<'_>,
        payload: u32,
        flags: impl Fn() -> u16,
        pick: Option<Invariants<M>>,
        of: impl Fn(&Invariants<M>) -> Invariants<N>,
    ) {
        match pick.filter(|pick| self.selects(tail, pick)) {
            None => tail.gap = true,
            Some(pick) => {
                let digest = self.digester.name(&of(&pick));
                tail.gap |= !self.list(tail, p, payload, flags(), digest);
            }
        }
        tail.pass(p, p.ip_bytes - p.payload_bytes + payload);
    }

    #[cold]
    fn list(&mut self, tail: &mut Tail, p: &Packet<'_>, payload: u32, flags: u16, digest: u64) -> bool {
        let mark = Mark {
            digest,
            time_ns: p.time_ns,
            ip_bytes: p.ip_bytes - p.payload_bytes + payload,
            payload_bytes: payload,
            flags: flags | if payload > 0 { trail::PAYLOAD } else { 0 },
            ecn: p.ecn as u8,
            ttl: p.ttl,
        };
        let needs_snapshot = tail.gap || tail.last_mark == NONE;
        if self.entries.len() >= self.config.max_marks
            || (needs_snapshot && self.snapshots.len() >= self.config.max_marks / MARKS_PER_SNAPSHOT)
        {
            self.dropped += 1;
            tail.dropped = tail.dropped.saturating_add(1);
            return false;
        }
        let snapshot = if needs_snapshot {
            self.snapshots.push(tail.seen);
            (self.snapshots.len() - 1) as u32
        } else {
            NONE
        };
        let at = self.entries.len() as u32;
        self.entries.push(Entry { mark, snapshot, next: NONE });
        match self.entries.get_mut(tail.last_mark as usize) {
            Some(last) => last.next = at,
            None => tail.first_mark = at,
        }
        tail.last_mark = at;
        tail.gap = false;
        true
    }

    /// Empties the buffers: all flows have reported.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.snapshots.clear();
        self.cuts.clear();
        self.maps.iter_mut().for_each(Maps::clear);
    }

    /// Marks given up since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

/// What names a TCP packet, taken as one wire packet. `stamps`: TSval and TSecr.
#[inline]
fn named(p: &Packet<'_>, segment: &Segment<'_>, (tsval, tsecr): (u32, u32)) -> TcpSegment {
    let control = (segment.flags & 7) as u8;
    TcpSegment { seq: segment.seq, ack: segment.ack, payload: p.payload_bytes, tsval, tsecr, control }
}

/// The flag of a mark whose packet carries bytes that passed before.
fn repeat(repeated: bool, p: &Packet<'_>) -> u16 {
    if repeated && p.payload_bytes > 0 { trail::REPEAT } else { 0 }
}

/// Wire packets of one frame and one size as the maps have them.
#[inline]
fn run(p: &Packet<'_>, packets: u32, seq: u32, size: u32) -> Run {
    let seq = if size > 0 { seq } else { 0 };
    Run { packets, seq, size, header: p.ip_bytes - p.payload_bytes, ecn: p.ecn as u8 }
}
