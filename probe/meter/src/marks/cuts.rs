//! Sequence cuts: the counters whenever a direction's sequence first crosses a boundary that every observation point knows.
//!
//! In: segments of TCP and packets of SCTP, before they are counted. Out: [`Cut`]s in the meter's buffer. TCP counts bytes;
//! SCTP counts chunks (TSNs, RFC 9260 section 3.3.1), so its boundaries lie fewer numbers apart.

use sce_proto::marks::digest::Invariants;
use sce_proto::marks::{Counters, Cut};

use super::{Marks, NONE, Tail};
use crate::packet::Packet;
use crate::transport::sctp::data_tsns;

/// A forward jump of the sequence that no window allows (RFC 7323 section 2.3) is not followed.
const MAX_JUMP: u32 = 1 << 30;
/// log2 of the bytes that one TSN is taken for: a chunk of a full packet has a little less.
const LOG2_TSN_BYTES: u8 = 11;

impl Marks {
    /// Notes the counters if a segment's payload crosses a boundary for the first time. `stamp`: low bits of its TSval.
    #[inline]
    pub(super) fn cut_tcp(&mut self, tail: &mut Tail, p: &Packet<'_>, seq: u32, stamp: u16) {
        if let Some(block) = cross(tail, self.config.log2_stride, seq, seq.wrapping_add(p.payload_bytes)) {
            self.crossed_tcp(tail, p, seq, stamp, block);
        }
    }

    #[cold]
    fn crossed_tcp(&mut self, tail: &mut Tail, p: &Packet<'_>, seq: u32, stamp: u16, block: u32) {
        let log2_stride = self.config.log2_stride;
        let (before, lead) = before_boundary(tail, p, (block << log2_stride).wrapping_sub(seq));
        self.note(tail, Cut { block, time_ns: p.time_ns, ttl: p.ttl, lead, stamp, before });
    }

    /// The same for a packet's DATA chunks. Nothing on the way splits or merges them, so the packet itself is the boundary;
    /// its stamp is the low bits of its digest, which a packet that bundles the same chunks anew does not share.
    pub(super) fn cut_sctp<const N: usize>(&mut self, tail: &mut Tail, p: &Packet<'_>, of: &Invariants<N>) {
        let Some((first, last)) = data_tsns(p.transport) else { return };
        let log2_stride = self.config.log2_stride.saturating_sub(LOG2_TSN_BYTES);
        let Some(block) = cross(tail, log2_stride, first, last.wrapping_add(1)) else { return };
        let ahead = (block << log2_stride).wrapping_sub(first);
        let lead = if ahead <= last.wrapping_sub(first) { ahead + 1 } else { 0 };
        let stamp = self.digester.name(of) as u16;
        self.note(tail, Cut { block, time_ns: p.time_ns, ttl: p.ttl, lead, stamp, before: tail.seen });
    }

    fn note(&mut self, tail: &mut Tail, cut: Cut) {
        if self.cuts.len() >= self.config.max_cuts {
            self.dropped += 1;
            tail.dropped = tail.dropped.saturating_add(1);
            return;
        }
        let at = self.cuts.len() as u32;
        self.cuts.push((cut, NONE));
        match self.cuts.get_mut(tail.last_cut as usize) {
            Some(last) => last.1 = at,
            None => tail.first_cut = at,
        }
        tail.last_cut = at;
    }
}

/// Numbers that a direction may go on by before it crosses a boundary.
pub(super) fn room(tail: &Tail, log2_stride: u8) -> u32 {
    let block = tail.front.wrapping_sub(1) >> log2_stride;
    (block.wrapping_add(1) << log2_stride).wrapping_sub(tail.front)
}

/// Moves the front of a direction to `end`: the block whose boundary, 2^`log2_stride` numbers from the next, was crossed.
#[inline]
fn cross(tail: &mut Tail, log2_stride: u8, from: u32, end: u32) -> Option<u32> {
    if !tail.started {
        (tail.front, tail.started) = (from, true);
    }
    tail.log2_stride = log2_stride;
    let ahead = end.wrapping_sub(tail.front);
    if ahead == 0 || ahead > MAX_JUMP {
        return None;
    }
    let block = end.wrapping_sub(1) >> log2_stride;
    let crossed = tail.front.wrapping_sub(1) >> log2_stride != block;
    tail.front = end;
    crossed.then_some(block)
}

/// Counters before a boundary that lies `offset` bytes into a frame's payload (negative: in a hole before it), and the lead
/// of the wire segment that covers it.
fn before_boundary(tail: &Tail, p: &Packet<'_>, offset: u32) -> (Counters, u32) {
    let mut before = tail.seen;
    if offset >= p.payload_bytes {
        return (before, 0);
    }
    let (headers, size) = (p.ip_bytes - p.payload_bytes, p.segment_bytes);
    let (whole, rest) = if p.segments > 1 && size > 0 { (offset / size, offset % size) } else { (0, offset) };
    for _ in 0..whole {
        before.add(p.ecn as u8, headers + size);
    }
    if rest > 0 {
        before.add(p.ecn as u8, headers + rest);
    }
    (before, rest + 1)
}
