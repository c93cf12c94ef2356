//! The trail of one flow direction in one interval: its listed packets in the order they passed, and the sums of those between.
//!
//! Layout: version, threshold, counters before the first mark, then per mark: a head byte (ECN in bits 0-1, then the bits
//! below), 6 digest bytes, time difference (zig-zag, ns), and what differs from the mark before: sizes, TTL, flags, gap.

use super::{Counters, VERSION, byte, put, put_signed, take, take_signed};

/// The packet carries transport payload.
pub const PAYLOAD: u16 = 1;
/// TCP: its payload had passed this point before.
pub const REPEAT: u16 = 2;
/// TCP: SYN.
pub const SYN: u16 = 4;
/// TCP: FIN.
pub const FIN: u16 = 8;
/// TCP: RST.
pub const RST: u16 = 16;
/// TCP: ECE.
pub const ECE: u16 = 32;
/// TCP: CWR.
pub const CWR: u16 = 64;
/// TCP: header bit 0x100 (ESCE, AE).
pub const AE: u16 = 128;

const SAME_SIZE: u8 = 4;
const SAME_TTL: u8 = 8;
const SAME_FLAGS: u8 = 16;
const GAP: u8 = 32;
/// Bytes that the marks of a direction in a second seldom pass.
const LIKELY: usize = 128;

/// The threshold that lists every packet.
pub const ALL: u32 = 65_536;

/// One listed wire packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Name of the packet, 48 bits, see [`Digester`](super::Digester).
    pub digest: u64,
    /// Time, ns since the epoch.
    pub time_ns: u64,
    /// IP total length.
    pub ip_bytes: u32,
    /// Transport payload.
    pub payload_bytes: u32,
    /// [`PAYLOAD`], [`REPEAT`] and TCP flags.
    pub flags: u16,
    /// IP ECN field.
    pub ecn: u8,
    /// TTL or hop limit.
    pub ttl: u8,
}

/// A decoded trail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trail {
    /// Packets whose digest lies below this (of 65536) are listed wherever they stand in the flow.
    pub threshold: u32,
    /// All packets of this direction before the first mark, since the flow instance began at this point.
    pub base: Counters,
    /// The listed packets in the order they passed.
    pub marks: Vec<Mark>,
    /// Where unlisted packets lie between marks: index of the mark after them, and their sums.
    pub gaps: Vec<(u32, Counters)>,
}

impl Trail {
    /// Reads a trail, as far as it is well-formed. `start_ns` is that of the record.
    #[must_use]
    pub fn decode(bytes: &[u8], start_ns: u64) -> Trail {
        let mut trail = Trail::default();
        trail.read(bytes, start_ns);
        trail
    }

    /// The same into an empty one, whose lists may have room from an earlier use.
    pub fn read(&mut self, mut bytes: &[u8], start_ns: u64) {
        // What is malformed ends it.
        let _ = self.read_all(&mut bytes, start_ns);
    }

    /// Every packet of the direction up to and including the last mark, since the flow instance began.
    #[must_use]
    pub fn end(&self) -> Counters {
        let mut sum = self.gaps.iter().fold(self.base, |sum, gap| sum.plus(&gap.1));
        for m in &self.marks {
            sum.add(m.ecn, m.ip_bytes);
        }
        sum
    }

    fn read_all(&mut self, from: &mut &[u8], start_ns: u64) -> Option<()> {
        if byte(from)? != VERSION {
            return None;
        }
        self.threshold = u32::try_from(take(from)?).ok()?.min(ALL);
        self.base = Counters::decode(from)?;
        // The shortest mark takes 8 bytes.
        self.marks.reserve(from.len() / 8);
        let mut last = Mark { digest: 0, time_ns: start_ns, ip_bytes: 0, payload_bytes: 0, flags: 0, ecn: 0, ttl: 0 };
        while !from.is_empty() {
            let head = byte(from)?;
            let (name, rest) = from.split_first_chunk::<6>()?;
            *from = rest;
            let mut wide = [0; 8];
            wide[2..].copy_from_slice(name);
            last.digest = u64::from_be_bytes(wide);
            last.time_ns = last.time_ns.wrapping_add_signed(take_signed(from)?);
            last.ecn = head & 3;
            if head & SAME_SIZE == 0 {
                last.ip_bytes = u32::try_from(take(from)?).ok()?;
                last.payload_bytes = u32::try_from(take(from)?).ok()?;
            }
            if head & SAME_TTL == 0 {
                last.ttl = byte(from)?;
            }
            if head & SAME_FLAGS == 0 {
                last.flags = u16::try_from(take(from)?).ok()?;
            }
            if head & GAP != 0 {
                self.gaps.push((u32::try_from(self.marks.len()).ok()?, Counters::decode(from)?));
            }
            self.marks.push(last);
        }
        Some(())
    }
}

/// Writes a trail mark by mark.
#[derive(Debug)]
pub struct TrailWriter {
    out: Vec<u8>,
    last: Mark,
    first: bool,
}

impl TrailWriter {
    /// Begins a trail. `start_ns` is that of the record, `base` everything of the direction before the first mark.
    #[must_use]
    pub fn new(start_ns: u64, threshold: u32, base: &Counters) -> Self {
        TrailWriter::over(Vec::new(), start_ns, threshold, base)
    }

    /// The same, in the room of `out`.
    #[must_use]
    pub fn over(mut out: Vec<u8>, start_ns: u64, threshold: u32, base: &Counters) -> Self {
        out.clear();
        out.reserve(LIKELY);
        out.push(VERSION);
        put(&mut out, u64::from(threshold));
        base.encode(&mut out);
        let last = Mark { digest: 0, time_ns: start_ns, ip_bytes: 0, payload_bytes: 0, flags: 0, ecn: 0, ttl: 0 };
        TrailWriter { out, last, first: true }
    }

    /// Adds a mark; `gap` is what passed unlisted since the one before.
    pub fn mark(&mut self, m: &Mark, gap: &Counters) {
        let same_size = (m.ip_bytes, m.payload_bytes) == (self.last.ip_bytes, self.last.payload_bytes);
        let same_ttl = !self.first && m.ttl == self.last.ttl;
        let same_flags = m.flags == self.last.flags;
        let has_gap = *gap != Counters::default();
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        self.out.push(
            m.ecn & 3
                | bit(same_size, SAME_SIZE)
                | bit(same_ttl, SAME_TTL)
                | bit(same_flags, SAME_FLAGS)
                | bit(has_gap, GAP),
        );
        self.out.extend_from_slice(&m.digest.to_be_bytes()[2..]);
        put_signed(&mut self.out, m.time_ns.wrapping_sub(self.last.time_ns).cast_signed());
        if !same_size {
            put(&mut self.out, u64::from(m.ip_bytes));
            put(&mut self.out, u64::from(m.payload_bytes));
        }
        if !same_ttl {
            self.out.push(m.ttl);
        }
        if !same_flags {
            put(&mut self.out, u64::from(m.flags));
        }
        if has_gap {
            gap.encode(&mut self.out);
        }
        self.last = *m;
        self.first = false;
    }

    /// Length so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.out.len()
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

    fn counters() -> impl Strategy<Value = Counters> {
        let cell = prop_oneof![3 => Just(0u64), 2 => 0u64..100_000, 1 => any::<u64>()];
        (proptest::array::uniform4(cell.clone()), proptest::array::uniform4(cell))
            .prop_map(|(packets, ip_bytes)| Counters { packets, ip_bytes })
    }

    fn mark() -> impl Strategy<Value = Mark> {
        let size = prop_oneof![Just(1500u32), any::<u32>()];
        (0..1u64 << 48, any::<u64>(), size, 0u32..3000, any::<u16>(), 0u8..4, prop_oneof![Just(64u8), any::<u8>()])
            .prop_map(|(digest, time_ns, ip_bytes, payload_bytes, flags, ecn, ttl)| Mark {
                digest,
                time_ns,
                ip_bytes,
                payload_bytes,
                flags,
                ecn,
                ttl,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            start in any::<u64>(), threshold in 0u32..=ALL, base in counters(),
            list in proptest::collection::vec((mark(), counters()), 0..40),
        ) {
            let mut w = TrailWriter::new(start, threshold, &base);
            let mut want = Trail { threshold, base, ..Trail::default() };
            for (m, gap) in &list {
                w.mark(m, gap);
                if *gap != Counters::default() {
                    want.gaps.push((want.marks.len() as u32, *gap));
                }
                want.marks.push(*m);
            }
            prop_assert_eq!(Trail::decode(&w.finish(), start), want);
        }

        #[test]
        fn any_bytes_decode_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), known in any::<bool>()) {
            if known && !bytes.is_empty() {
                bytes[0] = VERSION;
            }
            let trail = Trail::decode(&bytes, 0);
            prop_assert!(trail.marks.len() <= bytes.len() / 8);
            let _ = trail.end();
        }
    }

    #[test]
    fn a_usual_mark_is_short() {
        let m = Mark { digest: 1, time_ns: 1000, ip_bytes: 1500, payload_bytes: 1448, flags: PAYLOAD, ecn: 2, ttl: 64 };
        let mut w = TrailWriter::new(0, ALL, &Counters::default());
        w.mark(&m, &Counters::default());
        let first = w.bytes();
        w.mark(&Mark { digest: 2, time_ns: 121_000, ..m }, &Counters::default());
        assert_eq!(w.bytes() - first, 10, "head, digest, three bytes of time");
    }
}
