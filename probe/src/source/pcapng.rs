//! The pcapng format (draft-ietf-opsawg-pcapng): both byte orders, any number of sections and interfaces, time resolution
//! and offset per interface, enhanced, simple and the obsolete packet blocks. Other blocks are passed over.

use super::RawFrame;
use super::bytes::Window;
use super::file::ReadError;
use super::pcap::{u16_of, u32_of};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;

/// Length beyond which a block is damage.
const MAX_BLOCK: usize = 128 << 20;
/// Interfaces one section may declare: a limit on memory, far beyond any capture.
const MAX_INTERFACES: usize = 1 << 20;

/// State of the current section.
#[derive(Debug, Default)]
pub(super) struct PcapNg {
    big_endian: bool,
    interfaces: Vec<Interface>,
    pub(super) snaplen: u32,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link: u16,
    snaplen: u32,
    clock: Clock,
    /// if_tsoffset, s.
    offset_s: i64,
}

/// Units of a time stamp.
#[derive(Debug, Clone, Copy)]
enum Clock {
    /// 10^-n s with n up to 9: one multiplication.
    NsPerUnit(u64),
    /// Anything else: units per second.
    UnitsPerS(u128),
}

impl Clock {
    fn of(resolution: u8) -> Clock {
        let exponent = u32::from(resolution & 0x7f);
        match (resolution & 0x80, exponent) {
            (0, n @ 0..=9) => Clock::NsPerUnit(10u64.pow(9 - n)),
            // Beyond 128 bits every time stamp of 64 bits is zero.
            (0, n) => Clock::UnitsPerS(10u128.checked_pow(n).unwrap_or(u128::MAX)),
            (_, n) => Clock::UnitsPerS(1u128.checked_shl(n).unwrap_or(u128::MAX)),
        }
    }

    #[inline]
    fn ns(self, stamp: u64, offset_s: i64) -> u64 {
        let ns = match self {
            Clock::NsPerUnit(k) => u128::from(stamp) * u128::from(k),
            Clock::UnitsPerS(k) => {
                let stamp = u128::from(stamp);
                stamp / k * 1_000_000_000 + (stamp % k).saturating_mul(1_000_000_000) / k
            }
        };
        let ns = i128::try_from(ns).unwrap_or(i128::MAX).saturating_add(i128::from(offset_s) * 1_000_000_000);
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

/// Where a packet lies in its block.
struct Found {
    interface: Interface,
    stamp: Option<u64>,
    wire: u32,
    at: usize,
    captured: usize,
}

impl PcapNg {
    #[inline]
    pub(super) fn next<'a>(&mut self, window: &'a mut Window, nth: u64) -> Result<Option<RawFrame<'a>>, ReadError> {
        loop {
            let head = window.peek(8);
            if head.len() < 8 {
                return if head.is_empty() { window.end(nth) } else { Err(window.cut(nth, "a block header")) };
            }
            if u32_of(head, 0, false) == SECTION {
                self.section(window, nth)?;
                continue;
            }
            let (kind, length) = (u32_of(head, 0, self.big_endian), u32_of(head, 4, self.big_endian) as usize);
            if length < 12 || !length.is_multiple_of(4) || length > MAX_BLOCK {
                return Err(window.damage(nth, format!("block length {length} is impossible")));
            }
            let block = whole(window, nth, length, self.big_endian)?;
            let found = match kind {
                ENHANCED | PACKET => self.packet(&block[8..length - 4], kind),
                SIMPLE => self.simple(&block[8..length - 4]),
                INTERFACE => self.interface(&block[8..length - 4]).map(|()| None),
                _ => Ok(None),
            };
            match found {
                Err(what) => return Err(window.damage(nth, what.to_owned())),
                Ok(None) => window.skip(length),
                Ok(Some(f)) => {
                    let time_ns = f.stamp.map_or(0, |s| f.interface.clock.ns(s, f.interface.offset_s));
                    let data = &window.take(8 + f.at, length)[..f.captured];
                    return Ok(Some(RawFrame { time_ns, link: f.interface.link, wire_len: f.wire, data }));
                }
            }
        }
    }

    fn section(&mut self, window: &mut Window, nth: u64) -> Result<(), ReadError> {
        let head = window.peek(16);
        if head.len() < 16 {
            return Err(window.cut(nth, "a section header"));
        }
        let big_endian = match u32_of(head, 8, false) {
            0x1a2b_3c4d => false,
            0x4d3c_2b1a => true,
            _ => return Err(window.damage(nth, "the section's byte-order magic is wrong".to_owned())),
        };
        let length = u32_of(head, 4, big_endian) as usize;
        let major = u16_of(head, 12, big_endian);
        if length < 28 || !length.is_multiple_of(4) || length > MAX_BLOCK {
            return Err(window.damage(nth, format!("section header length {length} is impossible")));
        }
        whole(window, nth, length, big_endian)?;
        if major != 1 {
            return Err(window.damage(nth, format!("pcapng major version {major} is not supported (1 is)")));
        }
        window.skip(length);
        self.big_endian = big_endian;
        self.interfaces.clear();
        Ok(())
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), &'static str> {
        if body.len() < 8 {
            return Err("an interface description is too short");
        }
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err("a section declares more than a million interfaces");
        }
        let big = self.big_endian;
        let (mut resolution, mut offset_s) = (6, 0);
        let mut at = 8;
        while let Some(option) = body.get(at..at + 4) {
            let (code, length) = (u16_of(option, 0, big), usize::from(u16_of(option, 2, big)));
            let value = body.get(at + 4..(at + 4 + length).min(body.len())).unwrap_or_default();
            match code {
                0 => break,
                9 => resolution = value.first().copied().unwrap_or(resolution),
                14 => {
                    if let Some(raw) = value.get(..8).and_then(|v| <[u8; 8]>::try_from(v).ok()) {
                        offset_s = if big { i64::from_be_bytes(raw) } else { i64::from_le_bytes(raw) };
                    }
                }
                _ => {}
            }
            at += 4 + length.next_multiple_of(4);
        }
        let snaplen = u32_of(body, 4, big);
        self.snaplen = self.snaplen.max(snaplen);
        let clock = Clock::of(resolution);
        self.interfaces.push(Interface { link: u16_of(body, 0, big), snaplen, clock, offset_s });
        Ok(())
    }

    #[inline]
    fn packet(&self, body: &[u8], kind: u32) -> Result<Option<Found>, &'static str> {
        if body.len() < 20 {
            return Err("a packet block is too short");
        }
        let big = self.big_endian;
        let id = if kind == ENHANCED { u32_of(body, 0, big) } else { u32::from(u16_of(body, 0, big)) };
        let interface = *self.interfaces.get(id as usize).ok_or("a packet names an interface that was not declared")?;
        let captured = u32_of(body, 12, big) as usize;
        if captured > body.len() - 20 {
            return Err("a packet block is shorter than its captured length");
        }
        let stamp = Some(u64::from(u32_of(body, 4, big)) << 32 | u64::from(u32_of(body, 8, big)));
        Ok(Some(Found { interface, stamp, wire: u32_of(body, 16, big), at: 20, captured }))
    }

    fn simple(&self, body: &[u8]) -> Result<Option<Found>, &'static str> {
        let Some(interface) = self.interfaces.first().copied().filter(|_| body.len() >= 4) else {
            return Err("a simple packet block comes without an interface or is too short");
        };
        let wire = u32_of(body, 0, self.big_endian);
        let captured = if interface.snaplen == 0 { wire } else { wire.min(interface.snaplen) } as usize;
        if captured > body.len() - 4 {
            return Err("a simple packet block is shorter than its packet");
        }
        Ok(Some(Found { interface, stamp: None, wire, at: 4, captured }))
    }
}

/// A block in one piece, with its two lengths agreeing.
fn whole(window: &mut Window, nth: u64, length: usize, big_endian: bool) -> Result<&[u8], ReadError> {
    if !window.has(length) {
        return Err(window.cut(nth, "a block"));
    }
    if u32_of(window.peek(length), length - 4, big_endian) as usize != length {
        return Err(window.damage(nth, "the two lengths of a block differ".to_owned()));
    }
    Ok(window.peek(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_any_resolution_become_nanoseconds() {
        assert_eq!(Clock::of(6).ns(1_500_000, 0), 1_500_000_000);
        assert_eq!(Clock::of(9).ns(7, 2), 2_000_000_007);
        assert_eq!(Clock::of(0x80 | 10).ns(1536, 0), 1_500_000_000);
        assert_eq!(Clock::of(12).ns(1_999, 0), 1);
        assert_eq!(Clock::of(0).ns(3, -1), 2_000_000_000);
        assert_eq!(Clock::of(6).ns(1, -5), 0);
        assert_eq!(Clock::of(0xff).ns(u64::MAX, 0), 0);
        assert_eq!(Clock::of(0x7f).ns(u64::MAX, 0), 0);
    }
}
