//! IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200), jumbograms (RFC 2675) and fragments.

use super::{Skip, Start, Version, be32, l4};
use crate::packet::{Address, Ecn, Fragment, Headers, Packet};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION: u8 = 60;

/// Parses the IP header at `start` and the transport header behind it. `wire_end` is where the frame ended on the wire.
pub(super) fn parse(data: &[u8], start: Start, wire_end: usize) -> Result<Packet<'_>, Skip> {
    let version = data.get(start.at).ok_or(Skip::IpTruncated)? >> 4;
    match (version, start.version) {
        (4, Version::V4 | Version::Any) => v4(data, start, wire_end),
        (6, Version::V6 | Version::Any) => v6(data, start, wire_end),
        _ => Err(Skip::IpMalformed),
    }
}

fn v4(data: &[u8], start: Start, wire_end: usize) -> Result<Packet<'_>, Skip> {
    let h: &[u8; 20] = data.get(start.at..).and_then(<[u8]>::first_chunk).ok_or(Skip::IpTruncated)?;
    let header = usize::from(h[0] & 15) * 4;
    if header < 20 {
        return Err(Skip::IpMalformed);
    }
    let total = match u16::from_be_bytes([h[2], h[3]]) {
        0 => wire_end.saturating_sub(start.at), // left to the card by segmentation offload
        total => usize::from(total),
    };
    if total < header {
        return Err(Skip::IpMalformed);
    }
    let flags = u16::from_be_bytes([h[6], h[7]]);
    let mut packet = empty(start, h[1]);
    packet.v6 = false;
    packet.src = Address(u128::from(u32::from_be_bytes([h[12], h[13], h[14], h[15]])));
    packet.dst = Address(u128::from(u32::from_be_bytes([h[16], h[17], h[18], h[19]])));
    packet.ip_proto = h[9];
    packet.ttl = h[8];
    packet.ident = u32::from(u16::from_be_bytes([h[4], h[5]]));
    packet.ip_bytes = u32::try_from(total).unwrap_or(u32::MAX);
    packet.header_bytes = header as u32;
    packet.fragment = match flags {
        f if f & 0x1fff != 0 => Fragment::Other,
        f if f & 0x2000 != 0 => Fragment::First,
        _ => Fragment::Whole,
    };
    packet.payload_bytes = packet.ip_bytes - packet.header_bytes;
    l4::parse(&mut packet, data, start.at + header);
    Ok(packet)
}

fn v6(data: &[u8], start: Start, wire_end: usize) -> Result<Packet<'_>, Skip> {
    let h: &[u8; 40] = data.get(start.at..).and_then(<[u8]>::first_chunk).ok_or(Skip::IpTruncated)?;
    let mut packet = empty(start, h[0] << 4 | h[1] >> 4);
    packet.v6 = true;
    packet.src = Address(u128::from_be_bytes(h[8..24].try_into().map_err(|_| Skip::IpTruncated)?));
    packet.dst = Address(u128::from_be_bytes(h[24..40].try_into().map_err(|_| Skip::IpTruncated)?));
    packet.ttl = h[7];
    let mut length = u32::from(u16::from_be_bytes([h[4], h[5]]));
    let after = start.at + 40;
    // BIG TCP within the kernel: more than 64 KiB, no jumbo option.
    if length == 0 && h[6] != HOP_BY_HOP && h[6] != NO_NEXT_HEADER && wire_end.saturating_sub(after) > 0xffff {
        length = u32::try_from(wire_end - after).unwrap_or(u32::MAX);
    }
    let chain = if matches!(h[6], HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION) {
        Chain::walk(data, after, h[6])
    } else {
        Chain { next: h[6], bytes: 0, fragment: Fragment::Whole, ident: 0, jumbo: 0, cut: false }
    };
    if length == 0 {
        length = chain.jumbo;
    }
    packet.ip_proto = chain.next;
    packet.fragment = chain.fragment;
    packet.ident = chain.ident;
    packet.ip_bytes = length.saturating_add(40);
    packet.header_bytes = chain.bytes.saturating_add(40);
    packet.payload_bytes = length.saturating_sub(chain.bytes);
    if chain.cut {
        packet.headers = Headers::Truncated;
    } else if length < chain.bytes {
        packet.headers = Headers::Malformed;
    } else {
        l4::parse(&mut packet, data, after + chain.bytes as usize);
    }
    Ok(packet)
}

/// The extension headers of an IPv6 packet.
struct Chain {
    /// Protocol behind the last one.
    next: u8,
    /// Length of all of them.
    bytes: u32,
    fragment: Fragment,
    ident: u32,
    /// Length from the jumbo option, 0 = none.
    jumbo: u32,
    /// The capture ends within them.
    cut: bool,
}

impl Chain {
    /// Every header is at least 8 bytes long, so the walk ends with the captured bytes.
    fn walk(data: &[u8], mut at: usize, first: u8) -> Chain {
        let mut chain = Chain { next: first, bytes: 0, fragment: Fragment::Whole, ident: 0, jumbo: 0, cut: false };
        while matches!(chain.next, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION) {
            let Some(h) = data.get(at..at + 8) else {
                chain.cut = true;
                break;
            };
            let length = match chain.next {
                FRAGMENT => {
                    let offset = u16::from_be_bytes([h[2], h[3]]);
                    chain.fragment = match offset {
                        o if o & 0xfff8 != 0 => Fragment::Other,
                        o if o & 1 != 0 => Fragment::First,
                        _ => Fragment::Whole,
                    };
                    chain.ident = u32::from_be_bytes([h[4], h[5], h[6], h[7]]);
                    8
                }
                AUTHENTICATION => (usize::from(h[1]) + 2) * 4,
                _ => (usize::from(h[1]) + 1) * 8,
            };
            if chain.next == HOP_BY_HOP {
                chain.jumbo = jumbo(data, at + 2, at + length).unwrap_or(chain.jumbo);
            }
            chain.bytes += length as u32;
            chain.next = h[0];
            at += length;
            if chain.fragment == Fragment::Other {
                break;
            }
        }
        chain
    }
}

/// The jumbo payload option (RFC 2675 section 2) among the options from `at` to `end`.
fn jumbo(data: &[u8], mut at: usize, end: usize) -> Option<u32> {
    let end = end.min(data.len());
    let mut found = None;
    while at + 1 < end {
        if data[at] == 0 {
            at += 1;
            continue;
        }
        if data[at] == 0xc2 && data[at + 1] == 4 && at + 6 <= end {
            found = be32(data, at + 2);
        }
        at += 2 + usize::from(data[at + 1]);
    }
    found
}

/// A packet with nothing known but what is around it.
fn empty(start: Start, tos: u8) -> Packet<'static> {
    Packet {
        time_ns: 0,
        src: Address(0),
        dst: Address(0),
        v6: false,
        ip_proto: 0,
        ecn: Ecn::of(tos),
        dscp: tos >> 2,
        ttl: 0,
        ident: 0,
        fragment: Fragment::Whole,
        ip_bytes: 0,
        header_bytes: 0,
        payload_bytes: 0,
        headers: Headers::Complete,
        src_port: 0,
        dst_port: 0,
        tcp: None,
        transport: &[],
        link_bytes: 0,
        vlan: start.vlan,
        tunnel_bits: start.tunnel_bits,
        outer_ecn: None,
        segments: 1,
        segment_bytes: 0,
        estimated: false,
    }
}
