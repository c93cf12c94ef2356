//! A decoded packet: what the meters see. No meter looks at link headers or at the capture again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Direction of a packet within its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dir {
    /// Initiator to responder.
    Up = 0,
    /// Responder to initiator.
    Down = 1,
}

impl Dir {
    pub(crate) const BOTH: [Dir; 2] = [Dir::Up, Dir::Down];

    pub(crate) fn flip(self) -> Dir {
        match self {
            Dir::Up => Dir::Down,
            Dir::Down => Dir::Up,
        }
    }
}

/// A value for each direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Both<T>(pub(crate) [T; 2]);

impl<T> std::ops::Index<Dir> for Both<T> {
    type Output = T;
    fn index(&self, dir: Dir) -> &T {
        &self.0[dir as usize]
    }
}

impl<T> std::ops::IndexMut<Dir> for Both<T> {
    fn index_mut(&mut self, dir: Dir) -> &mut T {
        &mut self.0[dir as usize]
    }
}

/// The ECN field of the IP header, RFC 3168 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ecn {
    #[default]
    NotEct = 0,
    Ect1 = 1,
    Ect0 = 2,
    Ce = 3,
}

impl Ecn {
    pub(crate) fn of(tos: u8) -> Ecn {
        match tos & 3 {
            0 => Ecn::NotEct,
            1 => Ecn::Ect1,
            2 => Ecn::Ect0,
            _ => Ecn::Ce,
        }
    }
}

/// An IP address; IPv4 in the low 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Address(pub(crate) u128);

impl Address {
    pub(crate) fn ip(self, v6: bool) -> IpAddr {
        if v6 { IpAddr::V6(Ipv6Addr::from_bits(self.0)) } else { IpAddr::V4(Ipv4Addr::from_bits(self.0 as u32)) }
    }
}

/// Whether a packet is a whole datagram or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fragment {
    /// Not a fragment (IPv6 atomic fragments, RFC 6946, are whole too).
    #[default]
    Whole,
    /// The first part: it has the transport header.
    First,
    /// A later part: it has no transport header.
    Other,
}

/// What is known of the headers above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Headers {
    /// As much as the protocol needs.
    #[default]
    Complete,
    /// The capture length cut them.
    Truncated,
    /// They contradict the lengths around them.
    Malformed,
}

/// The fixed part of a TCP header, RFC 9293 section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The nine flag bits, `flag::AE` on top.
    pub(crate) flags: u16,
    pub(crate) window: u16,
    /// The captured options.
    pub(crate) options: &'a [u8],
}

/// TCP flag bits as they stand in the header's bytes 12 and 13.
pub(crate) mod flag {
    pub(crate) const FIN: u16 = 0x001;
    pub(crate) const SYN: u16 = 0x002;
    pub(crate) const RST: u16 = 0x004;
    pub(crate) const PSH: u16 = 0x008;
    pub(crate) const ACK: u16 = 0x010;
    pub(crate) const URG: u16 = 0x020;
    pub(crate) const ECE: u16 = 0x040;
    pub(crate) const CWR: u16 = 0x080;
    /// NS in RFC 3540, ESCE in the SCE draft, AE in RFC 9768.
    pub(crate) const AE: u16 = 0x100;
}

impl Segment<'_> {
    pub(crate) fn any(&self, bits: u16) -> bool {
        self.flags & bits != 0
    }
}

/// A packet as the meters see it. Lengths are those of the frame: superpackets are not split yet (see `segments`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Packet<'a> {
    pub(crate) time_ns: u64,
    pub(crate) src: Address,
    pub(crate) dst: Address,
    pub(crate) v6: bool,
    pub(crate) ip_proto: u8,
    pub(crate) ecn: Ecn,
    pub(crate) dscp: u8,
    /// TTL or hop limit.
    pub(crate) ttl: u8,
    /// Identification of IPv4 or of the IPv6 fragment header; 0 where there is none.
    pub(crate) ident: u32,
    pub(crate) fragment: Fragment,
    /// IP total length, bytes.
    pub(crate) ip_bytes: u32,
    /// IP and transport headers, bytes: what each wire packet of a superpacket repeats.
    pub(crate) header_bytes: u32,
    /// Transport payload, bytes, from the headers and not from what was captured.
    pub(crate) payload_bytes: u32,
    pub(crate) headers: Headers,
    pub(crate) src_port: u16,
    pub(crate) dst_port: u16,
    /// TCP only, and only where the fixed header was captured and makes sense.
    pub(crate) tcp: Option<Segment<'a>>,
    /// Captured bytes from the transport header on, at most the IP payload.
    pub(crate) transport: &'a [u8],
    /// Length of the frame on the link, bytes.
    pub(crate) link_bytes: u32,
    /// VLAN identifier, 0 = untagged.
    pub(crate) vlan: u16,
    /// `sce_proto::bits::tunnel`.
    pub(crate) tunnel_bits: u16,
    /// ECN of the outermost IP header, where this packet came in a tunnel.
    pub(crate) outer_ecn: Option<Ecn>,
    /// Wire packets this frame stands for; 1 until the superpacket is split.
    pub(crate) segments: u32,
    /// Payload of each wire packet but the last, bytes; 0 = one packet.
    pub(crate) segment_bytes: u32,
    /// `segments` is an estimate.
    pub(crate) estimated: bool,
}

impl Packet<'_> {
    /// IP bytes of all its wire packets together.
    pub(crate) fn wire_ip_bytes(&self) -> u64 {
        u64::from(self.ip_bytes) + u64::from(self.segments - 1) * u64::from(self.header_bytes)
    }
}
