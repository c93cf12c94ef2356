//! Path marks: what an observation point writes down so that another one's view of the same packets can be laid beside it.
//!
//! In: facts about packets. Out: the blobs of [`PathMarks`](crate::PathMarks), and back. Nothing here knows a flow table, a
//! file or a host. Any bytes decode without panic: what is damaged ends the list.
//!
//! * [`trail`]: listed packets by digest, each with time, ECN, TTL, sizes and flags, and the sums of the unlisted packets between.
//! * [`cuts`]: the cumulative counters whenever the sequence first crosses a multiple of 2^k bytes (TCP).
//! * [`spans`]: every packet of a TCP direction in runs of one code point, where that is short.
//! * [`digest`]: the keyed name of a packet, the same wherever it is seen.
//!
//! All blobs begin with a version byte; decoders return nothing for a version they do not know.

pub mod cuts;
pub mod digest;
pub mod spans;
pub mod trail;

pub use cuts::{Cut, Cuts, CutsWriter};
pub use digest::Digester;
pub use spans::{Run, Spans, SpansWriter};
pub use trail::{Mark, Trail, TrailWriter};

/// Version of all blobs.
pub const VERSION: u8 = 1;

/// The four code points of the IP ECN field, RFC 3168 section 5: index of every array here.
pub const CODE_POINTS: [&str; 4] = ["not_ect", "ect1", "ect0", "ce"];

/// Packets and IP bytes by code point, cumulative or of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Wire packets by code point.
    pub packets: [u64; 4],
    /// IP total lengths by code point.
    pub ip_bytes: [u64; 4],
}

impl Counters {
    /// Counts one packet.
    pub fn add(&mut self, ecn: u8, ip_bytes: u32) {
        let i = usize::from(ecn & 3);
        self.packets[i] += 1;
        self.ip_bytes[i] += u64::from(ip_bytes);
    }

    /// Counts packets of one code point, with the IP bytes of all of them.
    pub fn add_all(&mut self, ecn: u8, packets: u32, ip_bytes: u64) {
        let i = usize::from(ecn & 3);
        self.packets[i] += u64::from(packets);
        self.ip_bytes[i] += ip_bytes;
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Counters) -> Counters {
        self.zip(other, u64::saturating_add)
    }

    /// What this has more than `earlier`; 0 where it has less.
    #[must_use]
    pub fn since(&self, earlier: &Counters) -> Counters {
        self.zip(earlier, u64::saturating_sub)
    }

    /// Packets of all code points.
    #[must_use]
    pub fn total_packets(&self) -> u64 {
        self.packets.iter().fold(0, |a, b| a.saturating_add(*b))
    }

    /// IP bytes of all code points.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.ip_bytes.iter().fold(0, |a, b| a.saturating_add(*b))
    }

    fn zip(&self, other: &Counters, f: impl Fn(u64, u64) -> u64) -> Counters {
        Counters {
            packets: std::array::from_fn(|i| f(self.packets[i], other.packets[i])),
            ip_bytes: std::array::from_fn(|i| f(self.ip_bytes[i], other.ip_bytes[i])),
        }
    }

    /// One byte that says which code points occur, then packets and bytes of those.
    fn encode(&self, out: &mut Vec<u8>) {
        let used = (0..4).filter(|i| self.packets[*i] != 0 || self.ip_bytes[*i] != 0).fold(0u8, |m, i| m | 1 << i);
        out.push(used);
        for i in (0..4).filter(|i| used & 1 << i != 0) {
            put(out, self.packets[i]);
            put(out, self.ip_bytes[i]);
        }
    }

    fn decode(from: &mut &[u8]) -> Option<Counters> {
        let used = byte(from)?;
        let mut c = Counters::default();
        for i in (0..4).filter(|i| used & 1 << i != 0) {
            c.packets[i] = take(from)?;
            c.ip_bytes[i] = take(from)?;
        }
        Some(c)
    }
}

#[inline]
fn put(out: &mut Vec<u8>, mut value: u64) {
    // Almost all values are short, as in `take`; for the others the common library's encoder asks for room byte by byte.
    if value < 0x80 {
        return out.push(value as u8);
    }
    let (mut bytes, mut last) = ([0; 10], 0);
    while value >= 0x80 {
        bytes[last] = value as u8 | 0x80;
        value >>= 7;
        last += 1;
    }
    bytes[last] = value as u8;
    out.extend_from_slice(&bytes[..=last]);
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn take(from: &mut &[u8]) -> Option<u64> {
    // Almost all values are short; the common library's decoder is for long ones.
    match *from {
        [first, rest @ ..] if *first < 0x80 => {
            *from = rest;
            Some(u64::from(*first))
        }
        _ => prost::encoding::decode_varint(from).ok(),
    }
}

fn take_signed(from: &mut &[u8]) -> Option<i64> {
    let v = take(from)?;
    Some((v >> 1).cast_signed() ^ -((v & 1).cast_signed()))
}

fn byte(from: &mut &[u8]) -> Option<u8> {
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(*first)
}
