//! Encapsulations: GRE, IP in IP, VXLAN, Geneve and GTP-U. The innermost IP packet is the one that is metered, once; the ECN
//! field of the outermost header is kept beside it (RFC 6040 says how the two relate).
//!
//! An encapsulation whose inside cannot be read leaves the packet around it as the one that counts. Fragments are never
//! entered: their inside is not whole.

use sce_proto::bits::tunnel;

use super::{Start, Version, be16, be32, ip, l4, link};
use crate::packet::{Fragment, Headers, Packet};

const IPV4_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
const PORT_VXLAN: u16 = 4789;
const PORT_GENEVE: u16 = 6081;
const PORT_GTPU: u16 = 2152;

/// A cheap look that spares ordinary packets the walk.
pub(super) fn may_be(packet: &Packet<'_>) -> bool {
    match packet.ip_proto {
        l4::UDP => is_tunnel_port(packet.dst_port),
        IPV4_IN_IP | IPV6_IN_IP | GRE => true,
        _ => false,
    }
}

/// Whether UDP to this port may hold another packet.
pub(super) fn is_tunnel_port(port: u16) -> bool {
    matches!(port, PORT_VXLAN | PORT_GENEVE | PORT_GTPU)
}

/// The innermost packet, through at most `levels` encapsulations.
pub(super) fn innermost(outer: Packet<'_>, levels: u8) -> Packet<'_> {
    let mut packet = outer;
    for _ in 0..levels {
        if packet.fragment != Fragment::Whole || packet.headers != Headers::Complete {
            break;
        }
        let Some((inside, start)) = enter(&packet) else { break };
        let Ok(mut inner) = ip::parse(inside, start, inside.len()) else { break };
        inner.time_ns = packet.time_ns;
        inner.link_bytes = packet.link_bytes;
        inner.vlan = packet.vlan;
        inner.tunnel_bits |= packet.tunnel_bits;
        inner.outer_ecn = packet.outer_ecn.or(Some(packet.ecn));
        packet = inner;
    }
    packet
}

/// The captured bytes inside an encapsulation and where IP starts in them.
fn enter<'a>(packet: &Packet<'a>) -> Option<(&'a [u8], Start)> {
    let data = packet.transport;
    let (bit, inside, mut start) = match packet.ip_proto {
        IPV4_IN_IP => (tunnel::IPIP, data, plain(Version::V4)),
        IPV6_IN_IP => (tunnel::IPIP, data, plain(Version::V6)),
        GRE => gre(data)?,
        l4::UDP => {
            let data = data.get(8..)?;
            match packet.dst_port {
                PORT_VXLAN => (tunnel::VXLAN, data.get(8..)?, vxlan(data)?),
                PORT_GENEVE => geneve(data)?,
                PORT_GTPU => gtpu(data)?,
                _ => return None,
            }
        }
        _ => return None,
    };
    start.tunnel_bits |= bit as u16;
    Some((inside, start))
}

fn plain(version: Version) -> Start {
    Start { at: 0, version, vlan: 0, tunnel_bits: 0 }
}

/// GRE, RFC 2784 and RFC 2890; version 1 as in PPTP, RFC 2637; ERSPAN type I to III by its protocol numbers.
fn gre(data: &[u8]) -> Option<(u64, &[u8], Start)> {
    let flags = be16(data, 0)?;
    let protocol = be16(data, 2)?;
    let version = flags & 7;
    let mut at = 4;
    if version == 0 {
        at += [0x8000, 0x2000, 0x1000].iter().filter(|bit| flags & **bit != 0).count() * 4;
        if flags & 0x4000 != 0 {
            return None; // source routing, RFC 1701: nobody uses it
        }
    } else if version == 1 && protocol == 0x880b {
        at += 4 + [0x1000, 0x0080].iter().filter(|bit| flags & **bit != 0).count() * 4;
    } else {
        return None;
    }
    let inside = data.get(at..)?;
    let start = match protocol {
        0x6558 => link::find_ip_in_ethernet(inside),
        0x88be if flags & 0x1000 == 0 => link::find_ip_in_ethernet(inside),
        0x88be => return Some((tunnel::GRE, inside.get(8..)?, link::find_ip_in_ethernet(inside.get(8..)?).ok()?)),
        0x22eb => {
            // ERSPAN III: 12 bytes, and 8 more if its last bit says so.
            let header = if be16(inside, 10)? & 1 == 1 { 20 } else { 12 };
            let inside = inside.get(header..)?;
            return Some((tunnel::GRE, inside, link::find_ip_in_ethernet(inside).ok()?));
        }
        0x880b => link::find_ip_in_ppp(inside, 0),
        ethertype => link::find_ip_behind(ethertype, inside, 0),
    };
    Some((tunnel::GRE, inside, start.ok()?))
}

/// VXLAN, RFC 7348: only with a valid network identifier.
fn vxlan(data: &[u8]) -> Option<Start> {
    if be32(data, 0)? & 0x0800_0000 == 0 {
        return None;
    }
    link::find_ip_in_ethernet(data.get(8..)?).ok()
}

/// Geneve, RFC 8926.
fn geneve(data: &[u8]) -> Option<(u64, &[u8], Start)> {
    let first = *data.first()?;
    if first >> 6 != 0 {
        return None;
    }
    let inside = data.get(8 + usize::from(first & 0x3f) * 4..)?;
    let start = match be16(data, 2)? {
        0x6558 => link::find_ip_in_ethernet(inside),
        ethertype => link::find_ip_behind(ethertype, inside, 0),
    };
    Some((tunnel::GENEVE, inside, start.ok()?))
}

/// GTP-U user data, 3GPP TS 29.281 section 5: G-PDU with its extension headers.
fn gtpu(data: &[u8]) -> Option<(u64, &[u8], Start)> {
    let flags = *data.first()?;
    if flags >> 5 != 1 || flags & 0x10 == 0 || *data.get(1)? != 255 {
        return None;
    }
    let mut at = 8;
    if flags & 7 != 0 {
        let mut next = *data.get(11)?;
        at = 12;
        while flags & 4 != 0 && next != 0 {
            let length = usize::from(*data.get(at)?) * 4;
            if length == 0 {
                return None;
            }
            at += length;
            next = *data.get(at - 1)?;
        }
    }
    let inside = data.get(at..)?;
    Some((tunnel::GTPU, inside, plain(Version::Any)))
}
