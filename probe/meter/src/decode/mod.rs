//! From captured bytes to a [`Packet`], or to the reason why there is none.
//!
//! In: a frame. Out: the innermost IP packet (the outermost one if asked for) with its transport header. Nothing here keeps
//! state, and no bytes can make it panic: every access is checked against what was captured. The walk goes
//! [`link`] (to the first IP header) -> [`ip`] (addresses, lengths, ECN, fragments) -> [`l4`] (ports, flags, payload) ->
//! [`tunnel`] (is there another IP header inside?).

mod fast;
mod ip;
mod l4;
mod link;
mod tunnel;

/// IP protocol numbers.
pub(crate) mod protocol {
    pub(crate) use super::l4::{DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDP_LITE};
}

use crate::frame::{Frame, Gso};
use crate::packet::Packet;

/// Why a frame holds no packet to meter. Each has a counter in `ProbeInterval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    /// ARP: no IP.
    Arp,
    /// 802.2 LLC without SNAP or IP: no IP.
    Llc,
    /// Another EtherType, PPP protocol or address family: no IP.
    OtherEtherType,
    /// The link header was cut short.
    LinkTruncated,
    /// The link type is not known here.
    LinkType,
    /// The fixed IP header was not captured.
    IpTruncated,
    /// The IP header contradicts itself or the link layer.
    IpMalformed,
}

impl Skip {
    /// Whether the link layer was read and there is no IP, as opposed to a frame that could not be read.
    pub(crate) fn is_non_ip(self) -> bool {
        matches!(self, Skip::Arp | Skip::Llc | Skip::OtherEtherType)
    }
}

/// Where IP begins, and what was wrapped around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Start {
    at: usize,
    version: Version,
    vlan: u16,
    tunnel_bits: u16,
}

/// What the layer below says about the IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V4,
    V6,
    /// The version nibble decides.
    Any,
}

/// Decodes a frame to where its packet is wanted; that is unchanged where there is none. `max_tunnels` 0 stops at the
/// outermost IP header.
#[inline]
pub(crate) fn decode_into<'a>(frame: &Frame<'a>, max_tunnels: u8, into: &mut Packet<'a>) -> Result<(), Skip> {
    if frame.gso.is_none() && fast::decode(frame, into).is_some() {
        return Ok(());
    }
    *into = decode_any(frame, max_tunnels)?;
    Ok(())
}

/// Decodes a frame by itself.
#[cfg(test)]
pub(crate) fn decode<'a>(frame: &Frame<'a>, max_tunnels: u8) -> Result<Packet<'a>, Skip> {
    let mut packet = Packet::default();
    decode_into(frame, max_tunnels, &mut packet).map(|()| packet)
}

/// The long way, which every frame can go.
#[inline(never)]
fn decode_any<'a>(frame: &Frame<'a>, max_tunnels: u8) -> Result<Packet<'a>, Skip> {
    let start = link::find_ip(frame.link, frame.data)?;
    let mut packet = ip::parse(frame.data, start, frame.wire_len as usize)?;
    packet.time_ns = frame.time_ns;
    packet.link_bytes = frame.wire_len;
    if let Some(tag) = frame.vlan {
        packet.vlan = tag & 0x0fff;
        packet.tunnel_bits |= sce_proto::bits::tunnel::VLAN as u16;
    }
    if max_tunnels > 0 && tunnel::may_be(&packet) {
        packet = tunnel::innermost(packet, max_tunnels);
    }
    if max_tunnels > 0 {
        l4::unwrap_sctp(&mut packet);
    }
    if let Some(gso) = frame.gso {
        split(&mut packet, gso);
    }
    Ok(packet)
}

/// Splits a superpacket as the kernel says.
fn split(packet: &mut Packet<'_>, gso: Gso) {
    let size = u32::from(gso.size);
    if size > 0 && packet.payload_bytes > size {
        packet.segments = packet.payload_bytes.div_ceil(size);
        packet.segment_bytes = size;
    } else if size == 0 && gso.segs > 1 && packet.payload_bytes >= u32::from(gso.segs) {
        packet.segments = u32::from(gso.segs);
        packet.segment_bytes = packet.payload_bytes.div_ceil(packet.segments);
    }
}

#[cfg(test)]
mod tests;

/// Big-endian 16 bits at an offset.
fn be16(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

/// Big-endian 32 bits at an offset.
fn be32(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}
