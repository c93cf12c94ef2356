//! Transport headers: ports, lengths and the fixed TCP header. Options and chunks are left to the meters.

use sce_proto::bits::tunnel;

use super::be16;
use crate::packet::{Fragment, Headers, Packet, Segment};

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const DCCP: u8 = 33;
pub(crate) const ICMPV6: u8 = 58;
pub(crate) const SCTP: u8 = 132;
pub(crate) const UDP_LITE: u8 = 136;
/// Port of SCTP over UDP, RFC 6951.
const UDP_SCTP: u16 = 9899;

/// Fills in what is above IP. `packet.payload_bytes` holds the length of the IP payload, which begins at `at`.
pub(super) fn parse<'a>(packet: &mut Packet<'a>, data: &'a [u8], at: usize) {
    let length = packet.payload_bytes as usize;
    let end = at.saturating_add(length).min(data.len());
    let captured = data.get(at..end).unwrap_or(&[]);
    packet.transport = captured;
    if packet.fragment == Fragment::Other {
        return;
    }
    if matches!(packet.ip_proto, TCP | UDP | DCCP | SCTP | UDP_LITE) {
        let Some(ports) = captured.first_chunk::<4>() else {
            packet.headers = Headers::Truncated;
            packet.payload_bytes = 0;
            return;
        };
        packet.src_port = u16::from_be_bytes([ports[0], ports[1]]);
        packet.dst_port = u16::from_be_bytes([ports[2], ports[3]]);
    }
    let header = match packet.ip_proto {
        TCP => return tcp(packet, captured, length),
        UDP | UDP_LITE | ICMP | ICMPV6 => 8,
        SCTP => 12,
        DCCP => match captured.get(4) {
            Some(offset) => usize::from(*offset) * 4,
            None => length,
        },
        _ => 0,
    };
    packet.payload_bytes = length.saturating_sub(header) as u32;
    packet.header_bytes = packet.ip_bytes - packet.payload_bytes;
    if let Some(identifier) = echo_identifier(packet) {
        packet.src_port = identifier;
        packet.dst_port = identifier;
    }
}

/// SCTP over UDP (RFC 6951) is metered as what it is: SCTP.
pub(super) fn unwrap_sctp(packet: &mut Packet<'_>) {
    let encapsulated = packet.ip_proto == UDP && (packet.src_port == UDP_SCTP || packet.dst_port == UDP_SCTP);
    if !encapsulated || packet.fragment == Fragment::Other {
        return;
    }
    let Some(inner) = packet.transport.get(8..) else { return };
    // Common header, then a chunk that is at least as long as its own header.
    let (Some(src), Some(dst), Some(4..)) = (be16(inner, 0), be16(inner, 2), be16(inner, 14)) else { return };
    packet.ip_proto = SCTP;
    packet.transport = inner;
    (packet.src_port, packet.dst_port) = (src, dst);
    packet.payload_bytes = packet.payload_bytes.saturating_sub(12);
    packet.header_bytes = packet.ip_bytes.saturating_sub(packet.payload_bytes);
    packet.tunnel_bits |= tunnel::UDP_SCTP as u16;
}

/// The identifier of ICMP and ICMPv6 echo requests and replies, RFC 792 and RFC 4443.
fn echo_identifier(packet: &Packet<'_>) -> Option<u16> {
    let kind = *packet.transport.first()?;
    let echo = match packet.ip_proto {
        ICMP => !packet.v6 && matches!(kind, 0 | 8),
        ICMPV6 => packet.v6 && matches!(kind, 128 | 129),
        _ => false,
    };
    if echo { be16(packet.transport, 4) } else { None }
}

fn tcp<'a>(packet: &mut Packet<'a>, captured: &'a [u8], length: usize) {
    packet.payload_bytes = 0;
    let Some(h) = captured.first_chunk::<20>() else {
        packet.headers = Headers::Truncated;
        return;
    };
    let header = usize::from(h[12] >> 4) * 4;
    if header < 20 || header > length {
        packet.headers = Headers::Malformed;
        return;
    }
    packet.payload_bytes = (length - header) as u32;
    packet.header_bytes += header as u32;
    packet.tcp = Some(Segment {
        seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
        ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
        flags: u16::from_be_bytes([h[12] & 1, h[13]]),
        window: u16::from_be_bytes([h[14], h[15]]),
        options: captured.get(20..header.min(captured.len())).unwrap_or(&[]),
    });
}
