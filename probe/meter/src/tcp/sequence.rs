//! The sequence scoreboard of one direction: what passed this point once, what passed twice, what is missing.
//!
//! It holds the next expected number and the holes below it, so most segments cost one comparison. Definitions: RFC 4737
//! for reordering; Benko and Veres (Globecom 2002) for loss before and behind the point of observation.

use sce_proto::FlowInterval;

use super::acks::Acks;
use super::options::Options;
use super::serial::{advance, after};
use super::trouble::{Hole, Trouble};
use crate::packet::{Packet, Segment, flag};

/// Holes remembered at most; the oldest is forgotten beyond it.
const MAX_HOLES: usize = 64;
/// A jump of the sequence number by this much is no hole but another connection or damage.
const MAX_JUMP: i32 = 1 << 30;
/// Reordering in the network is over after this time or a quarter of the RTT, ns.
const REORDER_NS: u64 = 3_000_000;

/// How the bytes of a segment relate to what passed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// New, at or beyond the next expected byte; or no payload.
    First,
    /// Closes a hole: it was overtaken on the way.
    Late,
    /// Closes a hole: sent again after it was lost before this point.
    Repair,
    /// Closes a hole; either of the two.
    Unclear,
    /// Passed this point before.
    Repeated,
    /// A keepalive or a window probe: says nothing about the data.
    Probe,
}

/// What is known of the data sent in one direction.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// Next expected sequence number, where anything was seen.
    next: Option<u32>,
    /// Sequence number behind the FIN.
    pub(crate) fin_end: Option<u32>,
    /// Highest TSval.
    highest_tsval: Option<u32>,
    /// Largest payload of a wire packet.
    pub(crate) full_size: u32,
    trouble: Option<Box<Trouble>>,
}

/// What a segment did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) pass: Pass,
    /// First byte and the one behind the last.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The segment's TSval is higher than all before.
    pub(crate) new_tsval: bool,
}

impl Sequence {
    /// Asks the memory for the holes.
    #[inline]
    pub(crate) fn fetch(&self) {
        if let Some(trouble) = &self.trouble {
            sce_proto::fetch::value(&**trouble);
        }
    }

    /// The next expected sequence number.
    pub(crate) fn next(&self) -> Option<u32> {
        self.next
    }

    /// Whether bytes below the next expected one are missing.
    pub(crate) fn has_holes(&self) -> bool {
        self.trouble.as_ref().is_some_and(|t| !t.holes.is_empty())
    }

    /// Places a segment. `heard` is what the receiver acknowledged so far, `rtt_ns` the round trip where it is known.
    pub(crate) fn observe(
        &mut self,
        p: &Packet<'_>,
        s: &Segment<'_>,
        o: &Options,
        heard: &Acks,
        rtt_ns: u64,
    ) -> Placed {
        let tsval = o.timestamps.map(|t| t.0);
        let new_tsval = self.timestamp(tsval);
        let start = s.seq.wrapping_add(u32::from(s.any(flag::SYN)));
        let end = start.wrapping_add(p.payload_bytes);
        let mut placed = Placed { pass: Pass::First, start, end, new_tsval };
        if s.any(flag::RST) {
            return placed; // its number need not be where the data is
        }
        let behind = end.wrapping_add(u32::from(s.any(flag::FIN)));
        if s.any(flag::FIN) {
            self.fin_end = Some(self.fin_end.filter(|f| after(*f, behind)).unwrap_or(behind));
        }
        let Some(next) = self.next else {
            self.next = Some(behind);
            self.full_size = self.full_size.max(wire_payload(p));
            return placed;
        };
        placed.pass = self.place(p, s, next, (start, end, behind), tsval, heard, rtt_ns);
        if placed.pass == Pass::First {
            self.full_size = self.full_size.max(wire_payload(p));
        }
        placed
    }

    fn timestamp(&mut self, tsval: Option<u32>) -> bool {
        let Some(tsval) = tsval else { return false };
        match self.highest_tsval {
            Some(highest) if after(highest, tsval) => {
                self.trouble().late_segments += 1;
                false
            }
            Some(highest) if highest == tsval => false,
            _ => {
                // The first value of a flow may have been in use for a while: its edge was not seen.
                self.highest_tsval.replace(tsval).is_some()
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
    fn place(
        &mut self,
        p: &Packet<'_>,
        s: &Segment<'_>,
        next: u32,
        (start, end, behind): (u32, u32, u32),
        tsval: Option<u32>,
        heard: &Acks,
        rtt_ns: u64,
    ) -> Pass {
        let ahead = advance(next, start);
        if ahead == 0 {
            if p.payload_bytes == 1 && heard.window_is_zero() && !s.any(flag::FIN) {
                self.trouble().zero_window_probes += 1;
                return Pass::Probe;
            }
            self.next = Some(behind);
            return Pass::First;
        }
        if ahead > 0 {
            if ahead < MAX_JUMP && (p.payload_bytes > 0 || s.any(flag::FIN)) {
                self.open(Hole { start: next, end: start, opened_ns: p.time_ns, tsval });
                self.next = Some(behind);
            }
            return Pass::First;
        }
        if behind == s.seq && ahead != -1 {
            return Pass::First; // an old pure ACK
        }
        if self.is_probe(p, s, ahead, heard) {
            return Pass::Probe;
        }
        let known_end = if after(end, next) { next } else { end };
        if after(behind, next) {
            self.next = Some(behind);
        }
        if !after(known_end, start) {
            return Pass::First; // nothing but a repeated FIN or SYN
        }
        self.fill(p, start, known_end, next, tsval, heard, rtt_ns)
    }

    /// RFC 9293 section 3.8.4 and 3.8.6.1: at most one byte, just below the next one, already acknowledged.
    fn is_probe(&mut self, p: &Packet<'_>, s: &Segment<'_>, ahead: i32, heard: &Acks) -> bool {
        if ahead != -1 || p.payload_bytes > 1 || s.any(flag::SYN | flag::FIN) {
            return false;
        }
        if p.payload_bytes == 1 && !heard.covers(s.seq.wrapping_add(1)) {
            return false; // one byte that nobody acknowledged: a retransmission
        }
        let window_is_zero = heard.window_is_zero();
        let trouble = self.trouble();
        if window_is_zero {
            trouble.zero_window_probes += 1;
        } else {
            trouble.keepalives += 1;
        }
        true
    }

    fn open(&mut self, hole: Hole) {
        let trouble = self.trouble();
        trouble.hole_events += 1;
        trouble.hole_bytes += u64::from(hole.end.wrapping_sub(hole.start));
        // Serial numbers compare only over half the space: what lies a whole window back is forgotten.
        trouble.holes.retain(|h| advance(h.start, hole.end) < MAX_JUMP);
        if trouble.holes.len() >= MAX_HOLES {
            trouble.holes.remove(0);
            trouble.limited = true;
        }
        trouble.holes.push(hole);
    }

    /// A segment whose bytes `[start, end)` lie below the next expected one: some close holes, the others came before.
    #[allow(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
    #[cold]
    fn fill(
        &mut self,
        p: &Packet<'_>,
        start: u32,
        end: u32,
        next: u32,
        tsval: Option<u32>,
        heard: &Acks,
        rtt_ns: u64,
    ) -> Pass {
        let trouble = self.trouble();
        let mut closed = 0;
        let mut pass = Pass::Repeated;
        let mut at = 0;
        while let Some(hole) = trouble.holes.get_mut(at) {
            let from = if after(start, hole.start) { start } else { hole.start };
            let to = if after(hole.end, end) { end } else { hole.end };
            if !after(to, from) {
                at += 1;
                continue;
            }
            closed += to.wrapping_sub(from);
            pass = cause(p.time_ns.saturating_sub(hole.opened_ns), tsval, hole.tsval, rtt_ns);
            match (from == hole.start, to == hole.end) {
                (true, true) => {
                    trouble.holes.remove(at);
                    continue;
                }
                (true, false) => hole.start = to,
                (false, true) => hole.end = from,
                (false, false) => {
                    let rest = Hole { start: to, ..*hole };
                    hole.end = from;
                    if trouble.holes.len() < MAX_HOLES {
                        trouble.holes.insert(at + 1, rest);
                    } else {
                        trouble.limited = true;
                    }
                }
            }
            at += 1;
        }
        match pass {
            Pass::Late => {
                trouble.hole_reordered_bytes += u64::from(closed);
                trouble.reordered_segments += p.segments;
                let missing: u32 =
                    trouble.holes.iter().filter(|h| after(h.start, start)).map(|h| h.end.wrapping_sub(h.start)).sum();
                let extent = next.wrapping_sub(end).saturating_sub(missing);
                trouble.reorder_extent_bytes += u64::from(extent);
                trouble.reorder_extent_bytes_max = trouble.reorder_extent_bytes_max.max(extent);
            }
            Pass::Repair => trouble.loss_upstream_bytes += u64::from(closed),
            Pass::Unclear => trouble.hole_unknown_bytes += u64::from(closed),
            Pass::First | Pass::Repeated | Pass::Probe => {}
        }
        let repeated = end.wrapping_sub(start) - closed;
        if repeated > 0 {
            trouble.retransmitted_segments += p.segments;
            trouble.retransmitted_bytes += u64::from(repeated);
            if heard.has(start, end) {
                trouble.spurious_segments += p.segments;
            } else {
                trouble.loss_downstream_bytes += u64::from(repeated);
            }
        }
        pass
    }

    /// The receiver acknowledged everything below `ack`: holes there were closed where this point could not see it.
    pub(crate) fn acknowledged(&mut self, ack: u32) {
        let Some(trouble) = &mut self.trouble else { return };
        while let Some(hole) = trouble.holes.first_mut() {
            if !after(ack, hole.start) {
                break;
            }
            let end = if after(hole.end, ack) { ack } else { hole.end };
            trouble.unseen_acked_bytes += u64::from(end.wrapping_sub(hole.start));
            trouble.news = true;
            if end == hole.end {
                trouble.holes.remove(0);
            } else {
                hole.start = end;
            }
        }
        // A window probe's byte that was accepted counts as passed.
        if let Some(next) = self.next
            && trouble.zero_window_probes > 0
            && advance(next, ack) == 1
        {
            self.next = Some(ack);
        }
    }

    fn trouble(&mut self) -> &mut Trouble {
        let trouble = self.trouble.get_or_insert_default();
        trouble.news = true;
        trouble
    }

    pub(crate) fn has_news(&self) -> bool {
        self.trouble.as_ref().is_some_and(|t| t.news)
    }

    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        let Some(trouble) = self.trouble.as_deref_mut() else { return };
        trouble.report(out);
    }
}

/// Why a hole closes now: the timestamps tell where they differ, the time where it is clearly short or long.
fn cause(waited_ns: u64, tsval: Option<u32>, opener: Option<u32>, rtt_ns: u64) -> Pass {
    if let (Some(own), Some(opener)) = (tsval, opener) {
        if after(own, opener) {
            return Pass::Repair; // sent after the segment that left it behind
        }
        if after(opener, own) {
            return Pass::Late;
        }
    }
    if waited_ns < REORDER_NS.max(rtt_ns / 4) {
        Pass::Late
    } else if rtt_ns > 0 && waited_ns >= rtt_ns {
        Pass::Repair
    } else {
        Pass::Unclear
    }
}

/// Payload of a full wire packet of the frame.
fn wire_payload(p: &Packet<'_>) -> u32 {
    if p.segment_bytes > 0 { p.segment_bytes } else { p.payload_bytes }
}
