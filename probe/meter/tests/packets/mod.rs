//! Packets for tests: written down by field, turned into raw IP frames.
#![allow(dead_code, reason = "not every test uses everything")]

use sce_meter::{Frame, Gso, LinkType};

/// One packet between A (the client, port 40000) and B (the server, port 443).
#[derive(Debug, Clone, Default)]
pub(crate) struct Packet {
    pub(crate) time_ns: u64,
    /// From B to A.
    pub(crate) back: bool,
    pub(crate) v6: bool,
    pub(crate) udp: bool,
    pub(crate) ecn: u8,
    /// The nine TCP flag bits.
    pub(crate) flags: u16,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) window: u16,
    pub(crate) options: Vec<u8>,
    /// Payload, bytes.
    pub(crate) len: usize,
    pub(crate) gso: u16,
    /// Client's port, 40000 if 0.
    pub(crate) port: u16,
}

/// Bits of [`Packet::flags`].
pub(crate) mod flag {
    pub(crate) const FIN: u16 = 0x001;
    pub(crate) const SYN: u16 = 0x002;
    pub(crate) const RST: u16 = 0x004;
    pub(crate) const PSH: u16 = 0x008;
    pub(crate) const ACK: u16 = 0x010;
    pub(crate) const URG: u16 = 0x020;
    pub(crate) const ECE: u16 = 0x040;
    pub(crate) const CWR: u16 = 0x080;
    pub(crate) const AE: u16 = 0x100;
}

impl Packet {
    /// The raw IP packet.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut l4 = Vec::new();
        let client = if self.port == 0 { 40_000 } else { self.port };
        let (src, dst) = if self.back { (443u16, client) } else { (client, 443) };
        l4.extend(src.to_be_bytes());
        l4.extend(dst.to_be_bytes());
        if self.udp {
            l4.extend(((8 + self.len) as u16).to_be_bytes());
            l4.extend([0, 0]);
        } else {
            let mut options = self.options.clone();
            options.resize(options.len().next_multiple_of(4), 1);
            l4.extend(self.seq.to_be_bytes());
            l4.extend(self.ack.to_be_bytes());
            l4.push(((5 + options.len() / 4) << 4) as u8 | (self.flags >> 8) as u8);
            l4.push(self.flags as u8);
            l4.extend(self.window.to_be_bytes());
            l4.extend([0; 4]);
            l4.extend(options);
        }
        l4.resize(l4.len() + self.len, 0);
        let proto = if self.udp { 17 } else { 6 };
        let (a, b) = if self.back { (2, 1) } else { (1, 2) };
        let mut ip = Vec::new();
        if self.v6 {
            ip.extend([0x60, self.ecn << 4, 0, 0]);
            ip.extend((l4.len() as u16).to_be_bytes());
            ip.extend([proto, 64]);
            for end in [a, b] {
                ip.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end]);
            }
        } else {
            ip.extend([0x45, self.ecn]);
            ip.extend(((20 + l4.len()) as u16).to_be_bytes());
            ip.extend([0, 0, 0x40, 0, 64, proto, 0, 0, 10, 0, 0, a, 10, 0, 0, b]);
        }
        ip.extend(l4);
        ip
    }

    /// A frame of the bytes.
    pub(crate) fn frame<'a>(&self, bytes: &'a [u8]) -> Frame<'a> {
        Frame {
            time_ns: self.time_ns,
            link: LinkType::RAW,
            wire_len: bytes.len() as u32,
            data: bytes,
            vlan: None,
            gso: (self.gso > 0).then_some(Gso { size: self.gso, segs: 0 }),
            outgoing: None,
        }
    }
}
