//! Segments that are alike and follow each other, as nearly all do: counted together, entered when something else comes.
//!
//! In: a segment of TCP whose fate is that of the one before it: same size, same header, same code point, the next in the
//! sequence, no boundary crossed. Out: one [`Run`] for the map and one sum for the counters, when [`Marks::settle`] is
//! called. Nothing may read a direction's counters, packets or map before that.

use sce_proto::marks::Run;
use sce_proto::marks::digest::Invariants;

use super::segment::stamped;
use super::{Marks, Tail, cuts, named};
use crate::packet::{Headers, Packet, Segment, flag};

/// Segments that passed and are entered nowhere yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alike {
    /// Payload bytes (32 bits), header bytes (24 bits) and code point of each.
    kind: u64,
    packets: u32,
    /// So many more can be taken.
    room: u32,
}

impl Alike {
    fn size(self) -> u32 {
        (self.kind >> 32) as u32
    }

    fn header(self) -> u32 {
        self.kind as u32 >> 8
    }

    fn ecn(self) -> u8 {
        self.kind as u8
    }

    /// Takes a segment in, for which there is room.
    #[inline]
    pub(super) fn pass(&mut self, front: &mut u32) {
        self.packets += 1;
        self.room -= 1;
        *front = front.wrapping_add(self.size());
    }
}

impl Marks {
    /// What decides whether a segment is listed, if it is counted with others that are alike: it is a wire packet whose
    /// options are as nearly every one has them, and neither opens nor closes.
    #[inline]
    pub(super) fn alike(&mut self, tail: &mut Tail, p: &Packet<'_>, segment: &Segment<'_>) -> Option<Invariants<2>> {
        let stamps = stamped(segment.options)?;
        let control = segment.flags & (flag::SYN | flag::FIN | flag::RST);
        if p.segments != 1 || control != 0 || p.headers != Headers::Complete {
            return None;
        }
        let (size, header) = (p.payload_bytes, p.ip_bytes - p.payload_bytes);
        if size > 0 && segment.seq != tail.front {
            return None;
        }
        let kind = u64::from(size) << 32 | u64::from(header << 8) | p.ecn as u64;
        if (kind != tail.alike.kind || tail.alike.room == 0) && !self.turn(tail, kind, size, header) {
            return None;
        }
        Some(named(p, segment, stamps).selection())
    }

    /// Goes on with segments of another kind; whether there is room for one.
    #[inline(never)]
    fn turn(&mut self, tail: &mut Tail, kind: u64, size: u32, header: u32) -> bool {
        self.settle(tail);
        let room = match size {
            _ if tail.packets < u64::from(self.config.head) || header >= 1 << 24 => 0,
            0 => u32::MAX / header.max(1), // headers without data are summed up in 32 bits
            _ if !tail.started => 0,
            _ => cuts::room(tail, self.config.log2_stride) / size,
        };
        tail.alike = Alike { kind, packets: 0, room };
        room > 0
    }

    /// Enters in counters and map what passed since the last call.
    pub(super) fn settle(&mut self, tail: &mut Tail) {
        let alike = tail.alike;
        let packets = std::mem::take(&mut tail.alike.packets);
        if packets == 0 {
            return;
        }
        let (size, header, ecn) = (alike.size(), alike.header(), alike.ecn());
        let run = match size {
            0 => Run { packets, seq: 0, size, header: header * packets, ecn },
            _ => Run { packets, seq: tail.front.wrapping_sub(size.wrapping_mul(packets)), size, header, ecn },
        };
        self.map(tail, tail.packets, run);
        tail.seen.add_all(ecn, packets, u64::from(packets) * u64::from(size + header));
        tail.packets += u64::from(packets);
    }
}
