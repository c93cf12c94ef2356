//! The short way for what most frames are: Ethernet, IPv4 without options or fragments or IPv6 without extension headers,
//! and TCP or UDP that no tunnel uses.
//!
//! It gives the same packet as the long way or none at all; a test compares the two on all kinds of bytes.

use super::{l4, tunnel};
use crate::frame::{Frame, LinkType};
use crate::packet::{Address, Ecn, Fragment, Headers, Packet, Segment};

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;

/// Decodes an ordinary frame to where its packet is wanted, which saves moving it; `None` sends the frame the long way.
#[inline]
pub(super) fn decode<'a>(frame: &Frame<'a>, into: &mut Packet<'a>) -> Option<()> {
    if frame.link != LinkType::ETHERNET || frame.vlan.is_some() {
        return None;
    }
    match frame.data.get(12..14)? {
        [0x08, 0x00] => v4(frame, into),
        [0x86, 0xdd] => v6(frame, into),
        _ => None,
    }
}

#[inline(always)]
fn v4<'a>(frame: &Frame<'a>, into: &mut Packet<'a>) -> Option<()> {
    let h: &[u8; IPV4] = frame.data.get(ETHERNET..)?.first_chunk()?;
    let total = u16::from_be_bytes([h[2], h[3]]);
    let fragmented = u16::from_be_bytes([h[6], h[7]]) & 0x3fff != 0;
    if h[0] != 0x45 || fragmented || usize::from(total) < IPV4 {
        return None;
    }
    let ip = Ip {
        src: Address(u128::from(u32::from_be_bytes([h[12], h[13], h[14], h[15]]))),
        dst: Address(u128::from(u32::from_be_bytes([h[16], h[17], h[18], h[19]]))),
        v6: false,
        ip_proto: h[9],
        tos: h[1],
        ttl: h[8],
        ident: u32::from(u16::from_be_bytes([h[4], h[5]])),
        header: IPV4,
        total: u32::from(total),
    };
    transport(frame, &ip, into)
}

#[inline(always)]
fn v6<'a>(frame: &Frame<'a>, into: &mut Packet<'a>) -> Option<()> {
    let h: &[u8; IPV6] = frame.data.get(ETHERNET..)?.first_chunk()?;
    let length = u16::from_be_bytes([h[4], h[5]]);
    if h[0] >> 4 != 6 || length == 0 {
        return None;
    }
    let ip = Ip {
        src: Address(u128::from_be_bytes(*h[8..].first_chunk()?)),
        dst: Address(u128::from_be_bytes(*h[24..].first_chunk()?)),
        v6: true,
        ip_proto: h[6],
        tos: h[0] << 4 | h[1] >> 4,
        ttl: h[7],
        ident: 0,
        header: IPV6,
        total: u32::from(length) + IPV6 as u32,
    };
    transport(frame, &ip, into)
}

/// What the IP header says.
struct Ip {
    src: Address,
    dst: Address,
    v6: bool,
    ip_proto: u8,
    tos: u8,
    ttl: u8,
    ident: u32,
    header: usize,
    total: u32,
}

#[inline(always)]
fn transport<'a>(frame: &Frame<'a>, ip: &Ip, into: &mut Packet<'a>) -> Option<()> {
    let length = ip.total as usize - ip.header;
    let rest = frame.data.get(ETHERNET + ip.header..)?;
    let captured = &rest[..length.min(rest.len())];
    let (header, tcp) = match ip.ip_proto {
        l4::TCP => {
            let h: &[u8; 20] = captured.first_chunk()?;
            let header = usize::from(h[12] >> 4) * 4;
            if header < 20 || header > length {
                return None;
            }
            let segment = Segment {
                seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
                ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
                flags: u16::from_be_bytes([h[12] & 1, h[13]]),
                window: u16::from_be_bytes([h[14], h[15]]),
                options: captured.get(20..header.min(captured.len()))?,
            };
            (header, Some(segment))
        }
        l4::UDP if length >= 8 => (8, None),
        _ => return None,
    };
    let ports: &[u8; 4] = captured.first_chunk()?;
    let dst_port = u16::from_be_bytes([ports[2], ports[3]]);
    if tcp.is_none() && tunnel::is_tunnel_port(dst_port) {
        return None;
    }
    let header_bytes = (ip.header + header) as u32;
    *into = Packet {
        time_ns: frame.time_ns,
        src: ip.src,
        dst: ip.dst,
        v6: ip.v6,
        ip_proto: ip.ip_proto,
        ecn: Ecn::of(ip.tos),
        dscp: ip.tos >> 2,
        ttl: ip.ttl,
        ident: ip.ident,
        fragment: Fragment::Whole,
        ip_bytes: ip.total,
        header_bytes,
        payload_bytes: ip.total - header_bytes,
        headers: Headers::Complete,
        src_port: u16::from_be_bytes([ports[0], ports[1]]),
        dst_port,
        tcp,
        transport: captured,
        link_bytes: frame.wire_len,
        vlan: 0,
        tunnel_bits: 0,
        outer_ecn: None,
        segments: 1,
        segment_bytes: 0,
        estimated: false,
    };
    Some(())
}
