//! The memory layouts shared with `bpf/path.bpf.c`.
//!
//! In: the bytes and words of its maps. Out: Rust values. Nothing here talks to the kernel, and nothing is unsafe:
//! keys are byte arrays, values are arrays of words, and each field has one place below.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// ECN code points in the order of their two bits, as they are named in every output.
pub(crate) const CODEPOINTS: [&str; 4] = ["not_ect", "ect1", "ect0", "ce"];
/// What can become of a packet: the four code points, or a drop.
pub(crate) const OUTCOMES: [&str; 5] = ["not_ect", "ect1", "ect0", "ce", "dropped"];
/// Index of a drop in [`OUTCOMES`].
pub(crate) const DROPPED: usize = 4;

pub(crate) const KEY_LEN: usize = 40;
pub(crate) const EVENT_LEN: usize = 80;
pub(crate) const FLOW_WORDS: usize = 10 + 4 * 5 * 4;
pub(crate) const POINT_WORDS: usize = 12;
pub(crate) const NAT_LEN: usize = 48;

/// The map key as raw bytes (`struct flow_key`).
pub(crate) type KeyBytes = [u8; KEY_LEN];
/// The map value as raw words (`struct flow`).
pub(crate) type FlowWords = [u64; FLOW_WORDS];
/// The settings of a point as raw words (`struct point`).
pub(crate) type PointWords = [u64; POINT_WORDS];

/// One direction of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlowKey {
    /// IP protocol number.
    pub(crate) proto: u8,
    pub(crate) src: IpAddr,
    pub(crate) src_port: u16,
    pub(crate) dst: IpAddr,
    pub(crate) dst_port: u16,
}

impl FlowKey {
    /// Reads `struct flow_key`; the first value is the point's number.
    pub(crate) fn from_bytes(b: &KeyBytes) -> (u8, Self) {
        let address = |at: usize| -> IpAddr {
            let mut octets = [0u8; 16];
            octets.copy_from_slice(&b[at..at + 16]);
            if b[2] == 4 {
                Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into()
            } else {
                Ipv6Addr::from(octets).into()
            }
        };
        let port = |at: usize| u16::from_be_bytes([b[at], b[at + 1]]);
        let key = Self { proto: b[1], src: address(8), src_port: port(4), dst: address(24), dst_port: port(6) };
        (b[0], key)
    }

    /// The protocol's name as the other programs print it.
    pub(crate) fn proto_name(&self) -> String {
        match self.proto {
            1 => "icmp".into(),
            6 => "tcp".into(),
            17 => "udp".into(),
            58 => "icmpv6".into(),
            132 => "sctp".into(),
            other => other.to_string(),
        }
    }
}

/// One cell of the transition matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Packets as they are on a wire: a superpacket counts as its segments.
    pub(crate) packets: u64,
    /// Bytes from the IP header on, headers of every wire segment included.
    pub(crate) ip_bytes: u64,
    pub(crate) payload_packets: u64,
    pub(crate) payload_bytes: u64,
}

impl Cell {
    pub(crate) fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.ip_bytes += other.ip_bytes;
        self.payload_packets += other.payload_packets;
        self.payload_bytes += other.payload_bytes;
    }
}

/// What one point saw of one direction of one flow (`struct flow`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowCounts {
    pub(crate) first_mono_ns: u64,
    pub(crate) last_mono_ns: u64,
    pub(crate) buffers: u64,
    pub(crate) ae_packets: u64,
    pub(crate) ae_stripped_packets: u64,
    pub(crate) esce_acks: u64,
    pub(crate) esce_bytes: u64,
    pub(crate) withheld_acks: u64,
    pub(crate) withheld_bytes: u64,
    /// By code point in, then by outcome.
    pub(crate) cells: [[Cell; 5]; 4],
}

impl FlowCounts {
    pub(crate) fn from_words(w: &FlowWords) -> Self {
        let mut cells = [[Cell::default(); 5]; 4];
        for (i, row) in cells.iter_mut().enumerate() {
            for (o, cell) in row.iter_mut().enumerate() {
                let at = 10 + (i * 5 + o) * 4;
                *cell =
                    Cell { packets: w[at], ip_bytes: w[at + 1], payload_packets: w[at + 2], payload_bytes: w[at + 3] };
            }
        }
        Self {
            first_mono_ns: w[1],
            last_mono_ns: w[2],
            buffers: w[3],
            ae_packets: w[4],
            ae_stripped_packets: w[5],
            esce_acks: w[6],
            esce_bytes: w[7],
            withheld_acks: w[8],
            withheld_bytes: w[9],
            cells,
        }
    }
}

/// One logged decision (`struct event`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) mono_ns: u64,
    pub(crate) index: u64,
    pub(crate) point: u8,
    pub(crate) key: FlowKey,
    pub(crate) tcp_seq: u32,
    pub(crate) tcp_ack: u32,
    pub(crate) ip_bytes: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) segments: u16,
    pub(crate) ip_id: u16,
    pub(crate) ecn_in: u8,
    pub(crate) outcome: u8,
    pub(crate) ae_set: bool,
    pub(crate) ae_stripped: bool,
}

impl Event {
    /// `None` when the bytes are not an event of this version.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let b: &[u8; EVENT_LEN] = bytes.try_into().ok()?;
        let word64 = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| b[at + i]));
        let word32 = |at: usize| u32::from_ne_bytes(std::array::from_fn(|i| b[at + i]));
        let word16 = |at: usize| u16::from_ne_bytes(std::array::from_fn(|i| b[at + i]));
        let (point, key) = FlowKey::from_bytes(&std::array::from_fn(|i| b[16 + i]));
        let (ecn_in, outcome) = (b[76], b[77]);
        (usize::from(ecn_in) < CODEPOINTS.len() && usize::from(outcome) < OUTCOMES.len()).then_some(Self {
            mono_ns: word64(0),
            index: word64(8),
            point,
            key,
            tcp_seq: word32(56),
            tcp_ack: word32(60),
            ip_bytes: word32(64),
            payload_bytes: word32(68),
            segments: word16(72),
            ip_id: word16(74),
            ecn_in,
            outcome,
            ae_set: b[78] != 0,
            ae_stripped: b[79] != 0,
        })
    }
}

/// `struct nat`: static translation of the client's address, and of its port by exclusive or.
pub(crate) fn nat_bytes(inside: (Ipv4Addr, Ipv6Addr), outside: (Ipv4Addr, Ipv6Addr), port_xor: u16) -> [u8; NAT_LEN] {
    let mut b = [0u8; NAT_LEN];
    b[0..4].copy_from_slice(&inside.0.octets());
    b[4..8].copy_from_slice(&outside.0.octets());
    b[8..24].copy_from_slice(&inside.1.octets());
    b[24..40].copy_from_slice(&outside.1.octets());
    b[40..42].copy_from_slice(&port_xor.to_be_bytes());
    b
}

/// Names of the lab-wide counters (`enum counter`), in the map's order.
pub(crate) const COUNTERS: [&str; 7] = [
    "log_lost_events",
    "flows_overflow_packets",
    "echo_overflow_segments",
    "local_control_packets",
    "non_ip_packets",
    "undecodable_packets",
    "failed_edits",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_reads_both_families() {
        let mut b = [0u8; KEY_LEN];
        b[..8].copy_from_slice(&[3, 6, 4, 0, 0x9c, 0x40, 0x1b, 0x59]);
        b[8..12].copy_from_slice(&[10, 77, 1, 2]);
        b[24..28].copy_from_slice(&[10, 77, 3, 2]);
        let (point, key) = FlowKey::from_bytes(&b);
        assert_eq!((point, key.proto, key.src_port, key.dst_port), (3, 6, 40000, 7001));
        assert_eq!(key.src.to_string(), "10.77.1.2");
        assert_eq!(key.proto_name(), "tcp");

        b[2] = 6;
        b[8..24].copy_from_slice(&"fd77:0:0:1::2".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(FlowKey::from_bytes(&b).1.src.to_string(), "fd77:0:0:1::2");
    }

    #[test]
    fn flow_words_have_one_place_each() {
        let words: FlowWords = std::array::from_fn(|i| i as u64);
        let flow = FlowCounts::from_words(&words);
        assert_eq!((flow.first_mono_ns, flow.withheld_bytes), (1, 9));
        assert_eq!(flow.cells[0][0].packets, 10);
        assert_eq!(flow.cells[3][DROPPED].payload_bytes, FLOW_WORDS as u64 - 1);
    }

    #[test]
    fn foreign_event_is_refused() {
        assert_eq!(Event::from_bytes(&[0; EVENT_LEN - 1]), None);
        let mut b = [0u8; EVENT_LEN];
        assert!(Event::from_bytes(&b).is_some());
        b[77] = 5;
        assert_eq!(Event::from_bytes(&b), None);
    }
}
