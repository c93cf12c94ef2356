//! The classic capture format, as libpcap reads it (draft-ietf-opsawg-pcap): both byte orders, us and ns, the "modified"
//! 24-byte record header, and old versions that store the two lengths the other way round.

use super::RawFrame;
use super::bytes::Window;
use super::file::{Held, ReadError};

/// Captured bytes of a record beyond which it is damage, as in libpcap and Wireshark.
pub(super) const MAX_RECORD: u32 = 262_144;

const MICROS: u32 = 0xa1b2_c3d4;
const NANOS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

/// Length of a record header in all but the "modified" format.
const PLAIN_HEADER: usize = 16;

/// What the file header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pcap {
    big_endian: bool,
    ns_per_unit: u64,
    header: usize,
    lengths: Lengths,
    link: u16,
    pub(super) snaplen: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lengths {
    InOrder,
    Swapped,
    /// Version 2.3: swapped where the captured length exceeds the other one.
    SwappedIfLarger,
}

impl Pcap {
    /// The byte order of a magic number, if it is one of this format.
    pub(super) fn order(magic: [u8; 4]) -> Option<bool> {
        let known = [MICROS, NANOS, MODIFIED];
        if known.contains(&u32::from_le_bytes(magic)) {
            Some(false)
        } else {
            known.contains(&u32::from_be_bytes(magic)).then_some(true)
        }
    }

    pub(super) fn open(window: &mut Window, big_endian: bool) -> Result<Pcap, ReadError> {
        let head = window.peek(24);
        if head.len() < 24 {
            return Err(window.cut(0, "the file header"));
        }
        let u32_at = |at: usize| u32_of(head, at, big_endian);
        let u16_at = |at: usize| u16_of(head, at, big_endian);
        let magic = u32_at(0);
        let lengths = match (u16_at(4), u16_at(6)) {
            (2, 0..=2 | 543) => Lengths::Swapped,
            (2, 3) => Lengths::SwappedIfLarger,
            _ => Lengths::InOrder,
        };
        let pcap = Pcap {
            big_endian,
            ns_per_unit: if magic == NANOS { 1 } else { 1000 },
            header: if magic == MODIFIED { 24 } else { PLAIN_HEADER },
            lengths,
            // The upper six bits tell of frame check sequences (LT_FCS_LENGTH in libpcap); link types have 16 bits.
            link: u16::try_from(u32_at(20) & 0x03ff_ffff).unwrap_or(u16::MAX),
            snaplen: u32_at(16),
        };
        window.skip(24);
        Ok(pcap)
    }

    /// Takes the records that lie whole in the window, until there are `at_most` frames in the batch; how many it took. The
    /// same as [`Pcap::next`] for each, which is for all that this leaves.
    pub(super) fn take_ready(&self, window: &mut Window, batch: &mut Vec<Held>, at_most: usize) -> usize {
        if self.lengths != Lengths::InOrder || self.header != PLAIN_HEADER {
            return 0;
        }
        let before = batch.len();
        let (place, bytes) = window.unread();
        let mut at = 0;
        while batch.len() < at_most
            && let Some(head) = bytes.get(at..).and_then(|b| b.first_chunk::<PLAIN_HEADER>())
        {
            let [sec, fraction, captured, wire_len] = [0, 4, 8, 12].map(|i| u32_of(head, i, self.big_endian));
            let length = captured as usize;
            let next = at + PLAIN_HEADER + length;
            if captured > MAX_RECORD || next > bytes.len() {
                break;
            }
            let time_ns = u64::from(sec) * 1_000_000_000 + u64::from(fraction) * self.ns_per_unit;
            batch.push(Held { time_ns, link: self.link, wire_len, place: place + at + PLAIN_HEADER, length });
            at = next;
        }
        window.skip(at);
        batch.len() - before
    }

    #[inline]
    pub(super) fn next<'a>(&self, window: &'a mut Window, nth: u64) -> Result<Option<RawFrame<'a>>, ReadError> {
        let head = window.peek(self.header);
        if head.len() < self.header {
            return if head.is_empty() { window.end(nth) } else { Err(window.cut(nth, "a record header")) };
        }
        let sec = u32_of(head, 0, self.big_endian);
        let fraction = u32_of(head, 4, self.big_endian);
        let (mut captured, mut wire) = (u32_of(head, 8, self.big_endian), u32_of(head, 12, self.big_endian));
        if self.lengths != Lengths::InOrder && (self.lengths == Lengths::Swapped || captured > wire) {
            std::mem::swap(&mut captured, &mut wire);
        }
        if captured > MAX_RECORD {
            return Err(window.damage(nth, format!("record length {captured} is out of range (at most {MAX_RECORD})")));
        }
        let all = self.header + captured as usize;
        if !window.has(all) {
            return Err(window.cut(nth, "a record"));
        }
        Ok(Some(RawFrame {
            time_ns: u64::from(sec) * 1_000_000_000 + u64::from(fraction) * self.ns_per_unit,
            link: self.link,
            wire_len: wire,
            data: window.take(self.header, all),
        }))
    }
}

/// A 32-bit integer; 0 where the bytes end, which callers have excluded.
#[inline]
pub(super) fn u32_of(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let raw = bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).unwrap_or([0; 4]);
    if big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) }
}

/// A 16-bit integer; 0 where the bytes end, which callers have excluded.
#[inline]
pub(super) fn u16_of(bytes: &[u8], at: usize, big_endian: bool) -> u16 {
    let raw = bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).unwrap_or([0; 2]);
    if big_endian { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) }
}
