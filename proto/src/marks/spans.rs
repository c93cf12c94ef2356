//! The run-length map of one TCP direction in one interval: every packet in the order they passed, as runs of one code point.
//!
//! Data packets of one size that follow each other in the sequence are one run, and so are packets without data. Two such
//! maps say of every packet what became of it between two points, without a digest or a time for each: a flow whose code
//! point does not change costs some bytes per interval, one with bursts of marks two or three bytes per burst.
//!
//! Layout: version, packets of the direction before the map, then per run: a head byte (ECN in bits 0-1, then the bits below,
//! packets in bits 5-7 if fewer than 8), packets, place in the sequence relative to the end of the data before (zig-zag),
//! payload bytes and header bytes of each packet; for packets without data their IP bytes together.

use super::{VERSION, byte, put, put_signed, take, take_signed};

const DATA: u8 = 4;
const ELSEWHERE: u8 = 8;
const RESIZED: u8 = 16;

/// Packets that passed one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Run {
    /// How many.
    pub packets: u32,
    /// Sequence number of the first one's first byte; 0 without data.
    pub seq: u32,
    /// Payload bytes of each; 0 = packets without data.
    pub size: u32,
    /// With data: IP and TCP header bytes of each. Without: IP bytes of all together.
    pub header: u32,
    /// IP ECN field.
    pub ecn: u8,
}

impl Run {
    /// Where the sequence goes on behind it.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.size.wrapping_mul(self.packets))
    }

    /// Takes in the run that passed next, if both are one.
    #[inline]
    pub fn extend(&mut self, next: &Run) -> bool {
        if self.packets == 0 || self.ecn != next.ecn || self.size != next.size {
            return false;
        }
        let header = match self.size {
            0 => self.header.checked_add(next.header),
            _ => (self.header == next.header && self.end() == next.seq).then_some(self.header),
        };
        let (Some(header), Some(packets)) = (header, self.packets.checked_add(next.packets)) else { return false };
        (self.header, self.packets) = (header, packets);
        true
    }
}

/// A decoded map.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans {
    /// Packets of the direction before the first one here, since the flow instance began at this point.
    pub first: u64,
    /// In the order they passed, without a gap.
    pub runs: Vec<Run>,
}

impl Spans {
    /// Reads a map.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Spans {
        let mut spans = Spans::default();
        spans.read(&mut bytes);
        spans
    }

    /// Packets of all runs.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.runs.iter().map(|r| u64::from(r.packets)).sum()
    }

    fn read(&mut self, from: &mut &[u8]) -> Option<()> {
        if byte(from)? != VERSION {
            return None;
        }
        self.first = take(from)?;
        let (mut end, mut size, mut header) = (0u32, 0, 0);
        while !from.is_empty() {
            let head = byte(from)?;
            let mut run = Run { packets: u32::from(head >> 5), ecn: head & 3, ..Run::default() };
            if run.packets == 0 {
                run.packets = u32::try_from(take(from)?).ok()?;
            }
            if head & DATA == 0 {
                run.header = u32::try_from(take(from)?).ok()?;
            } else {
                if head & ELSEWHERE != 0 {
                    end = end.wrapping_add(take_signed(from)? as u32);
                }
                if head & RESIZED != 0 {
                    size = u32::try_from(take(from)?).ok().filter(|s| *s > 0)?;
                    header = u32::try_from(take(from)?).ok()?;
                }
                (run.seq, run.size, run.header) = (end, size, header);
                end = run.end();
            }
            self.runs.push(run);
        }
        Some(())
    }
}

/// Writes a map run by run.
#[derive(Debug)]
pub struct SpansWriter {
    out: Vec<u8>,
    end: u32,
    size: u32,
    header: u32,
}

impl SpansWriter {
    /// Begins a map behind `first` packets.
    #[must_use]
    pub fn new(first: u64) -> Self {
        SpansWriter::over(Vec::new(), first, 0)
    }

    /// The same, in the room of `out`, which gets some for so many bytes.
    #[must_use]
    pub fn over(mut out: Vec<u8>, first: u64, bytes: usize) -> Self {
        out.clear();
        out.reserve(bytes);
        out.push(VERSION);
        put(&mut out, first);
        SpansWriter { out, end: 0, size: 0, header: 0 }
    }

    /// Adds a run of at least one packet.
    pub fn run(&mut self, r: &Run) {
        let data = r.size > 0;
        let elsewhere = data && r.seq != self.end;
        let resized = data && (r.size, r.header) != (self.size, self.header);
        let few = if r.packets < 8 { r.packets as u8 } else { 0 };
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        self.out.push(r.ecn & 3 | bit(data, DATA) | bit(elsewhere, ELSEWHERE) | bit(resized, RESIZED) | few << 5);
        if few == 0 {
            put(&mut self.out, u64::from(r.packets));
        }
        if !data {
            put(&mut self.out, u64::from(r.header));
            return;
        }
        if elsewhere {
            put_signed(&mut self.out, i64::from(r.seq.wrapping_sub(self.end).cast_signed()));
        }
        if resized {
            put(&mut self.out, u64::from(r.size));
            put(&mut self.out, u64::from(r.header));
        }
        (self.end, self.size, self.header) = (r.end(), r.size, r.header);
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

    fn run() -> impl Strategy<Value = Run> {
        (1u32..5000, any::<u32>(), prop_oneof![Just(0u32), Just(1448), any::<u32>()], any::<u32>(), 0u8..4).prop_map(
            |(packets, seq, size, header, ecn)| Run { packets, seq: if size > 0 { seq } else { 0 }, size, header, ecn },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(first in any::<u64>(), runs in proptest::collection::vec(run(), 0..40)) {
            let mut w = SpansWriter::new(first);
            runs.iter().for_each(|r| w.run(r));
            prop_assert_eq!(Spans::decode(&w.finish()), Spans { first, runs });
        }

        #[test]
        fn any_bytes_decode_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            prop_assert!(Spans::decode(&bytes).runs.len() <= bytes.len());
        }
    }

    #[test]
    fn marks_in_bursts_are_short() {
        let mut w = SpansWriter::new(0);
        let mut seq = 7;
        let mut push = |packets: u32, ecn: u8| {
            w.run(&Run { packets, seq, size: 1448, header: 52, ecn });
            seq += packets * 1448;
            w.out.len()
        };
        push(20, 2);
        let before = push(1, 1);
        push(20, 2);
        assert_eq!(push(1, 1) - before, 3, "two bytes for the many, one for the mark");
    }

    #[test]
    fn runs_join_what_follows() {
        let mut a = Run { packets: 2, seq: 100, size: 50, header: 52, ecn: 2 };
        assert!(a.extend(&Run { packets: 1, seq: 200, ..a }) && a.packets == 3);
        assert!(!a.extend(&Run { packets: 1, seq: 251, ..a }), "a hole");
        assert!(!a.extend(&Run { packets: 1, seq: 250, ecn: 1, ..a }));
        let mut acks = Run { packets: 2, header: 104, ..Run::default() };
        assert!(acks.extend(&Run { packets: 1, header: 72, ..Run::default() }));
        assert_eq!((acks.packets, acks.header), (3, 176));
    }
}
