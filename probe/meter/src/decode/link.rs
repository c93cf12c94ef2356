//! From the link header to the first IP header: Ethernet, VLAN tags, MPLS, PPPoE, LLC/SNAP, cooked and raw captures.

use sce_proto::bits::tunnel;

use super::{Skip, Start, Version, be16, be32};
use crate::frame::LinkType;

/// Tags and labels that are followed before a frame is given up as not IP.
const MAX_TAGS: usize = 16;

/// What comes next.
enum Next {
    /// An EtherType, with its payload here.
    EtherType(u16, usize),
    /// Nothing that can hold IP.
    Nothing(Skip),
}

/// Finds the first IP header of a frame.
pub(super) fn find_ip(link: LinkType, data: &[u8]) -> Result<Start, Skip> {
    let plain = |version, at| Ok(Start { at, version, vlan: 0, tunnel_bits: 0 });
    let next = match link {
        LinkType::ETHERNET => ethernet(data)?,
        LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 => return plain(Version::Any, 0),
        LinkType::IPV4 => return plain(Version::V4, 0),
        LinkType::IPV6 => return plain(Version::V6, 0),
        LinkType::NULL | LinkType::LOOP => {
            return match family(link, data)? {
                Some(version) => plain(version, 4),
                None => Err(Skip::OtherEtherType),
            };
        }
        LinkType::LINUX_SLL => cooked(data, 14, 16)?,
        LinkType::LINUX_SLL2 => cooked(data, 0, 20)?,
        LinkType::C_HDLC => Next::EtherType(be16(data, 2).ok_or(Skip::LinkTruncated)?, 4),
        LinkType::PPP | LinkType::PPP_HDLC => ppp(data, 0)?,
        LinkType::PPP_ETHER if data.len() >= 6 => ppp(data, 6)?,
        LinkType::PPP_ETHER => return Err(Skip::LinkTruncated),
        _ => return Err(Skip::LinkType),
    };
    follow(data, next)
}

/// Finds the IP header of an Ethernet frame inside a tunnel.
pub(super) fn find_ip_in_ethernet(data: &[u8]) -> Result<Start, Skip> {
    follow(data, ethernet(data)?)
}

/// Finds the IP header behind an EtherType.
pub(super) fn find_ip_behind(ethertype: u16, data: &[u8], at: usize) -> Result<Start, Skip> {
    follow(data, Next::EtherType(ethertype, at))
}

/// Finds the IP header in a PPP frame.
pub(super) fn find_ip_in_ppp(data: &[u8], at: usize) -> Result<Start, Skip> {
    follow(data, ppp(data, at)?)
}

fn follow(data: &[u8], mut next: Next) -> Result<Start, Skip> {
    let (mut vlan, mut tunnel_bits) = (0, 0);
    for _ in 0..MAX_TAGS {
        let (ethertype, at) = match next {
            Next::EtherType(ethertype, at) => (ethertype, at),
            Next::Nothing(skip) => return Err(skip),
        };
        next = match ethertype {
            0x0800 => return Ok(Start { at, version: Version::V4, vlan, tunnel_bits }),
            0x86dd => return Ok(Start { at, version: Version::V6, vlan, tunnel_bits }),
            0x0806 => return Err(Skip::Arp),
            0x8100 | 0x88a8 | 0x9100 => {
                let tag = be16(data, at).ok_or(Skip::LinkTruncated)?;
                if tunnel_bits & tunnel::VLAN as u16 == 0 {
                    vlan = tag & 0x0fff;
                }
                tunnel_bits |= tunnel::VLAN as u16;
                length_or_type(data, be16(data, at + 2).ok_or(Skip::LinkTruncated)?, at + 4)?
            }
            0x8864 if data.len() >= at + 6 => {
                tunnel_bits |= tunnel::PPPOE as u16;
                ppp(data, at + 6)?
            }
            0x8864 => return Err(Skip::LinkTruncated),
            0x8847 | 0x8848 => {
                tunnel_bits |= tunnel::MPLS as u16;
                return mpls(data, at).map(|(version, at)| Start { at, version, vlan, tunnel_bits });
            }
            _ => return Err(Skip::OtherEtherType),
        };
    }
    Err(Skip::OtherEtherType)
}

fn ethernet(data: &[u8]) -> Result<Next, Skip> {
    let ethertype = be16(data, 12).ok_or(Skip::LinkTruncated)?;
    // Novell's raw 802.3 puts IPX where LLC should be.
    if ethertype < 0x600 && data.get(14..16) == Some(&[0xff, 0xff]) {
        return Ok(Next::Nothing(Skip::Llc));
    }
    length_or_type(data, ethertype, 14)
}

/// IEEE 802.3 clause 3.2.6: up to 1500 it is a length and LLC follows, from 0x600 it is an EtherType.
fn length_or_type(data: &[u8], value: u16, at: usize) -> Result<Next, Skip> {
    match value {
        0..=1500 => llc(data, at),
        1501..0x600 => Ok(Next::Nothing(Skip::Llc)),
        _ => Ok(Next::EtherType(value, at)),
    }
}

/// IEEE 802.2 with SNAP (RFC 1042), or with the IP service access point.
fn llc(data: &[u8], at: usize) -> Result<Next, Skip> {
    let header = data.get(at..at + 3).ok_or(Skip::LinkTruncated)?;
    if header == [0xaa, 0xaa, 3] {
        let ethertype = be16(data, at + 6).ok_or(Skip::LinkTruncated)?;
        return Ok(match data.get(at + 3..at + 6) {
            Some([0, 0, 0] | [0, 0, 0xf8]) => Next::EtherType(ethertype, at + 8),
            _ => Next::Nothing(Skip::Llc),
        });
    }
    Ok(if header[0] == 6 && header[1] == 6 { Next::EtherType(0x0800, at + 3) } else { Next::Nothing(Skip::Llc) })
}

/// Linux cooked captures: the protocol field holds an EtherType, or 4 for LLC.
fn cooked(data: &[u8], protocol_at: usize, header: usize) -> Result<Next, Skip> {
    if data.len() < header {
        return Err(Skip::LinkTruncated);
    }
    match be16(data, protocol_at).ok_or(Skip::LinkTruncated)? {
        4 => llc(data, header),
        value if value < 0x600 => Ok(Next::Nothing(Skip::OtherEtherType)),
        value => Ok(Next::EtherType(value, header)),
    }
}

/// Address family of the BSD loopback header. Its numbers for IPv6 differ between the systems.
fn family(link: LinkType, data: &[u8]) -> Result<Option<Version>, Skip> {
    let mut family = be32(data, 0).ok_or(Skip::LinkTruncated)?;
    if link == LinkType::NULL && family > 0xffff {
        family = family.swap_bytes();
    }
    Ok(match family {
        2 => Some(Version::V4),
        10 | 23 | 24 | 28 | 30 => Some(Version::V6),
        _ => None,
    })
}

/// PPP, RFC 1661 and RFC 1662: address and control bytes and the protocol's first byte may be left out.
fn ppp(data: &[u8], mut at: usize) -> Result<Next, Skip> {
    if data.get(at..at + 2) == Some(&[0xff, 0x03]) {
        at += 2;
    }
    let first = *data.get(at).ok_or(Skip::LinkTruncated)?;
    let (protocol, at) =
        if first & 1 == 1 { (u16::from(first), at + 1) } else { (be16(data, at).ok_or(Skip::LinkTruncated)?, at + 2) };
    Ok(match protocol {
        0x0021 => Next::EtherType(0x0800, at),
        0x0057 => Next::EtherType(0x86dd, at),
        0x0281 => Next::EtherType(0x8847, at),
        _ => Next::Nothing(Skip::OtherEtherType),
    })
}

/// MPLS label stack, RFC 3032. Nothing names the payload: the nibble behind the bottom label has to do.
fn mpls(data: &[u8], mut at: usize) -> Result<(Version, usize), Skip> {
    loop {
        let label = be32(data, at).ok_or(Skip::LinkTruncated)?;
        at += 4;
        if label & 0x100 != 0 {
            break;
        }
    }
    match data.get(at).ok_or(Skip::LinkTruncated)? >> 4 {
        4 => Ok((Version::V4, at)),
        6 => Ok((Version::V6, at)),
        _ => Err(Skip::OtherEtherType),
    }
}
