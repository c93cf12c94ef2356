//! Cut marks of one TCP direction: cumulative counters whenever the sequence first crosses a multiple of 2^k.
//!
//! Every observation point cuts at the same absolute sequence numbers, so the counters between two cuts speak of the same
//! bytes everywhere, whatever offloads did to the segmentation, and also where the handshake was missed. A wire segment
//! that covers a boundary counts as a packet before it if its first byte lies before it; its bytes are split there.
//!
//! A boundary is the same place at two points only if the same copy of the segment crossed it: where that was lost, packets
//! pass before the next copy does, and one point counts them before the boundary and the other behind it. The lead and the
//! stamp tell the copies apart ([`Cut::same_segment`]).
//!
//! Layout: version, k, then per cut: a head byte (bit 0: same TTL as before; bit 1: has a lead; bit 2: has a stamp), block
//! number difference (zig-zag), time difference (zig-zag, ns), TTL, lead, stamp difference (zig-zag), counters since the cut
//! before (the first: since the flow began).

use super::{Counters, VERSION, byte, put, put_signed, take, take_signed};

const SAME_TTL: u8 = 1;
const LEAD: u8 = 2;
const STAMP: u8 = 4;
/// Bytes that the cuts of a direction in a second seldom pass.
const LIKELY: usize = 64;

/// One crossing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Boundary: sequence number >> k; 32-k bits, wraps.
    pub block: u32,
    /// Time of the segment that crossed, ns since the epoch.
    pub time_ns: u64,
    /// TTL or hop limit of it.
    pub ttl: u8,
    /// Bytes of it before the boundary plus one; 0: it begins behind the boundary, something is missing here.
    pub lead: u32,
    /// Low bits of its TSval (RFC 7323 section 3); 0 without timestamps.
    pub stamp: u16,
    /// All packets of the direction before the boundary, in the order they passed, since the flow instance began.
    pub before: Counters,
}

impl Cut {
    /// Whether the same copy of the same segment crossed the boundary at another point, as far as headers tell: a copy that
    /// was sent again within one tick of the timestamps, or without them, looks the same.
    #[must_use]
    pub fn same_segment(&self, other: &Cut) -> bool {
        self.lead > 0 && self.lead == other.lead && self.stamp == other.stamp
    }
}

/// Decoded cuts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cuts {
    /// log2 of the distance in bytes.
    pub log2_stride: u8,
    /// In the order they passed.
    pub cuts: Vec<Cut>,
}

impl Cuts {
    /// Reads cuts. `start_ns` is that of the record.
    #[must_use]
    pub fn decode(mut bytes: &[u8], start_ns: u64) -> Cuts {
        let mut cuts = Cuts::default();
        cuts.read(&mut bytes, start_ns);
        cuts
    }

    fn read(&mut self, from: &mut &[u8], start_ns: u64) -> Option<()> {
        if byte(from)? != VERSION {
            return None;
        }
        self.log2_stride = byte(from)?.min(31);
        let mask = u32::MAX >> self.log2_stride;
        let mut last = Cut { block: 0, time_ns: start_ns, ttl: 0, lead: 0, stamp: 0, before: Counters::default() };
        while !from.is_empty() {
            let head = byte(from)?;
            last.block = last.block.wrapping_add(take_signed(from)? as u32) & mask;
            last.time_ns = last.time_ns.wrapping_add_signed(take_signed(from)?);
            if head & SAME_TTL == 0 {
                last.ttl = byte(from)?;
            }
            last.lead = if head & LEAD == 0 { 0 } else { u32::try_from(take(from)?).ok()? };
            let step = if head & STAMP == 0 { 0 } else { take_signed(from)? as u16 };
            last.stamp = last.stamp.wrapping_add(step);
            last.before = last.before.plus(&Counters::decode(from)?);
            self.cuts.push(last);
        }
        Some(())
    }
}

/// Writes cuts one by one.
#[derive(Debug)]
pub struct CutsWriter {
    out: Vec<u8>,
    last: Cut,
    first: bool,
}

impl CutsWriter {
    /// Begins a list. `start_ns` is that of the record.
    #[must_use]
    pub fn new(start_ns: u64, log2_stride: u8) -> Self {
        CutsWriter::over(Vec::new(), start_ns, log2_stride)
    }

    /// The same, in the room of `out`.
    #[must_use]
    pub fn over(mut out: Vec<u8>, start_ns: u64, log2_stride: u8) -> Self {
        let last = Cut { block: 0, time_ns: start_ns, ttl: 0, lead: 0, stamp: 0, before: Counters::default() };
        out.clear();
        out.reserve(LIKELY);
        out.extend([VERSION, log2_stride]);
        CutsWriter { out, last, first: true }
    }

    /// Adds a cut; `before` must not be less than that of the cut before.
    pub fn cut(&mut self, c: &Cut) {
        let same_ttl = !self.first && c.ttl == self.last.ttl;
        let stamp = c.stamp.wrapping_sub(self.last.stamp).cast_signed();
        let has = |bit: u8, has: bool| if has { bit } else { 0 };
        self.out.push(has(SAME_TTL, same_ttl) | has(LEAD, c.lead > 0) | has(STAMP, stamp != 0));
        put_signed(&mut self.out, i64::from(c.block) - i64::from(self.last.block));
        put_signed(&mut self.out, c.time_ns.wrapping_sub(self.last.time_ns).cast_signed());
        if !same_ttl {
            self.out.push(c.ttl);
        }
        if c.lead > 0 {
            put(&mut self.out, u64::from(c.lead));
        }
        if stamp != 0 {
            put_signed(&mut self.out, i64::from(stamp));
        }
        c.before.since(&self.last.before).encode(&mut self.out);
        self.last = *c;
        self.first = false;
    }

    /// The blob.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            start in any::<u64>(), k in 10u8..24,
            steps in proptest::collection::vec((any::<u32>(), any::<u64>(), any::<u8>(), 0u32..9000, any::<u16>(), 0u8..4, 40u32..1500), 0..30),
        ) {
            let mut want = Cuts { log2_stride: k, cuts: Vec::new() };
            let mut before = Counters::default();
            let mut w = CutsWriter::new(start, k);
            for (block, time_ns, ttl, lead, stamp, ecn, bytes) in steps {
                before.add(ecn, bytes);
                let cut = Cut { block: block >> k, time_ns, ttl, lead, stamp, before };
                w.cut(&cut);
                want.cuts.push(cut);
            }
            prop_assert_eq!(Cuts::decode(&w.finish(), start), want);
        }

        #[test]
        fn any_bytes_decode_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), known in any::<bool>()) {
            if known && !bytes.is_empty() {
                bytes[0] = VERSION;
            }
            prop_assert!(Cuts::decode(&bytes, 0).cuts.len() <= bytes.len());
        }
    }

    #[test]
    fn a_usual_cut_is_short() {
        let mut before = Counters { packets: [0, 0, 90, 0], ip_bytes: [0, 0, 131_072, 0] };
        let mut w = CutsWriter::new(0, 17);
        w.cut(&Cut { block: 7, time_ns: 1, ttl: 64, lead: 700, stamp: 40_000, before });
        let first = w.out.len();
        before = before.plus(&before);
        w.cut(&Cut { block: 8, time_ns: 10_000_000, ttl: 64, lead: 900, stamp: 40_010, before });
        assert!(w.out.len() - first <= 14, "{}", w.out.len() - first);
    }
}
