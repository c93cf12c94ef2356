//! Path marks: what lets other observation points' views of the same packets be laid beside this one's.
//!
//! In: wire packets of a flow direction, after the flow has counted them. Out: [`PathMarks`](sce_proto::PathMarks) records when an interval closes
//! or the flow ends. Marks lie in buffers of fixed size that serve the whole meter; a flow keeps cumulative counters and the
//! ends of its lists. When the buffers are full, marks are given up and counted, never packets.

mod cuts;
mod report;
mod segment;
#[cfg(test)]
mod tests;

use sce_proto::marks::digest::{self, Invariants, TcpSegment};
use sce_proto::marks::{Counters, Cut, Digester, Mark, Run, trail};

use crate::decode::protocol;
use crate::packet::{Fragment, Headers, Packet, Segment, flag};
use crate::spans::{Map, Maps};
use segment::{flags_of, timestamps};

/// Marks in one record at most: keeps records small beside the limits of a batch.
const MARKS_PER_RECORD: u32 = 4096;
/// Where every packet is listed, at least so many marks fit an interval.
const FULL_MARKS: usize = 1 << 20;
/// Cumulative counters are kept for this share of marks at most.
const MARKS_PER_SNAPSHOT: usize = 2;
const NONE: u32 = u32::MAX;

/// Which packets are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MarksMode {
    /// None: no path marks at all.
    Off,
    /// The first packets of each direction, a hash-selected share, and sequence cuts of TCP and SCTP.
    #[default]
    Sampled,
    /// Every packet: for experiments and replays of capture files.
    Full,
}

/// Settings of path marks. Points that are to be compared need the same key and stride; shares may differ.
#[derive(Debug, Clone)]
pub struct MarksConfig {
    /// Which packets are listed.
    pub mode: MarksMode,
    /// Key of the digests: one per deployment.
    pub key: [u8; 16],
    /// Share of packets that is listed in sampled mode, of 65536.
    pub threshold: u32,
    /// Packets at the beginning of each direction that are listed in sampled mode.
    pub head: u32,
    /// log2 of the distance of sequence cuts, bytes; for SCTP in TSNs of 2048 bytes.
    pub log2_stride: u8,
    /// Marks that all flows together can have in an interval. A mark takes 48 bytes, so the default is about 6 MiB.
    pub max_marks: usize,
    /// Sequence cuts that all flows together can have in an interval, 120 bytes each.
    pub max_cuts: usize,
    /// Runs of run-length maps that all flows together can have in an interval, 24 bytes each.
    pub max_runs: usize,
}

impl Default for MarksConfig {
    fn default() -> Self {
        MarksConfig {
            mode: MarksMode::Sampled,
            key: *b"sce path marks 1",
            threshold: 128,
            head: 16,
            log2_stride: 17,
            max_marks: 1 << 17,
            max_cuts: 1 << 14,
            max_runs: 1 << 16,
        }
    }
}

/// What a flow keeps per direction. In this order: what every packet touches lies together.
#[derive(Debug, Clone)]
#[repr(C)]
pub(crate) struct Tail {
    /// All packets since the instance began.
    seen: Counters,
    /// Packets of `seen`, so that the head is told without adding up.
    packets: u64,
    /// Next sequence number behind everything seen.
    front: u32,
    /// log2 of the distance of its cuts.
    log2_stride: u8,
    started: bool,
    /// Packets passed unlisted since the last mark.
    gap: bool,
    map: Map,
    first_mark: u32,
    last_mark: u32,
    first_cut: u32,
    last_cut: u32,
    dropped: u32,
}

impl Default for Tail {
    fn default() -> Self {
        Tail {
            seen: Counters::default(),
            packets: 0,
            first_mark: NONE,
            last_mark: NONE,
            first_cut: NONE,
            last_cut: NONE,
            dropped: 0,
            front: 0,
            log2_stride: 0,
            started: false,
            gap: false,
            map: Map::default(),
        }
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
        let header = p.transport.get(12).map_or(20, |b| usize::from(b >> 4) * 4);
        let named = p.headers == Headers::Complete && p.transport.len() >= header;
        let (tsval, tsecr) = timestamps(segment.options);
        if p.payload_bytes > 0 && segment.flags & (flag::SYN | flag::RST) == 0 {
            self.cut_tcp(tail, p, segment.seq, tsval as u16);
        } else if segment.any(flag::SYN) && !tail.started {
            (tail.front, tail.started) = (segment.seq.wrapping_add(1), true);
        }
        let of = TcpSegment {
            seq: segment.seq,
            ack: segment.ack,
            payload: p.payload_bytes,
            tsval,
            tsecr,
            control: (segment.flags & 7) as u8,
        };
        if p.segments > 1 {
            return self.superpacket(tail, p, segment, of, repeated, named);
        }
        self.map(tail, tail.packets, run(p, 1, segment.seq, p.payload_bytes));
        let flags = || flags_of(segment) | repeat(repeated, p);
        self.packet(tail, p, p.payload_bytes, flags, named.then(|| of.selection()), |_| of.invariants());
    }

    /// The wire segments that a frame of segmentation or receive offload stands for. `of` names its first.
    fn superpacket(
        &mut self,
        tail: &mut Tail,
        p: &Packet<'_>,
        segment: &Segment<'_>,
        mut of: TcpSegment,
        repeated: bool,
        named: bool,
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
            self.packet(tail, p, of.payload, flags, named.then(|| of.selection()), |_| of.invariants());
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
        let ip_bytes = p.ip_bytes - p.payload_bytes + payload;
        let head = u64::from(self.config.head);
        let selected = |pick: &Invariants<M>| tail.packets < head || self.digester.selects(pick, self.config.threshold);
        let listed = match pick.filter(selected) {
            None => false,
            Some(pick) => {
                let flags = flags() | if payload > 0 { trail::PAYLOAD } else { 0 };
                let digest = self.digester.name(&of(&pick));
                let (time_ns, ecn, ttl) = (p.time_ns, p.ecn as u8, p.ttl);
                self.list(tail, Mark { digest, time_ns, ip_bytes, payload_bytes: payload, flags, ecn, ttl })
            }
        };
        tail.gap |= !listed;
        tail.seen.add(p.ecn as u8, ip_bytes);
        tail.packets += 1;
    }

    #[cold]
    fn list(&mut self, tail: &mut Tail, mark: Mark) -> bool {
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
