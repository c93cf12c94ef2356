//! The keyed name of a packet: the same at every observation point, whatever the path may rewrite on the way.
//!
//! Hashed are fields that no hop changes in normal operation: no addresses and ports (NAT), no TTL, no ECN field, no
//! checksum, no IP identification, none of the TCP flags that ECN uses, no PSH. A superpacket of segmentation or receive
//! offload is hashed as the wire segments it stands for, so TCP names no payload bytes: offloads cut them elsewhere.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Payload bytes of other protocols than TCP that the digest covers.
pub const PAYLOAD_BYTES: usize = 32;

/// The digest of a packet: 64 bits, of which the upper 16 select and the lower 48 name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u64);

impl Digest {
    /// The 48 bits that are written down.
    #[must_use]
    pub fn name(self) -> u64 {
        self.0 & 0xffff_ffff_ffff
    }

    /// Whether a threshold (of 65536) selects the packet. A smaller threshold selects a subset of what a larger one does.
    #[must_use]
    pub fn selected(self, threshold: u32) -> bool {
        (self.0 >> 48) < u64::from(threshold)
    }
}

/// Makes digests with a key. Senders that do not know the key cannot make packets that are always or never selected.
#[derive(Debug, Clone)]
pub struct Digester {
    seed: SipHasher13,
    key_id: u64,
}

impl Default for Digester {
    fn default() -> Self {
        Digester::new(*b"sce path marks 1")
    }
}

/// Invariant fields of a TCP wire segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSegment {
    /// Sequence number of the first byte of this wire segment.
    pub seq: u32,
    /// Acknowledgement number as in the header.
    pub ack: u32,
    /// Payload bytes of this wire segment.
    pub payload: u32,
    /// TSval of the timestamps option (RFC 7323), 0 without.
    pub tsval: u32,
    /// TSecr of the timestamps option, 0 without.
    pub tsecr: u32,
    /// SYN (2), FIN (1) and RST (4) as in the header; counted for empty segments only, because offloads move FIN.
    pub control: u8,
}

impl Digester {
    /// A digester for a 16-byte key.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        let seed = SipHasher13::new_with_key(&key);
        let mut h = seed;
        h.write(b"key id");
        Digester { seed, key_id: h.finish() }
    }

    /// Names the key without telling it.
    #[must_use]
    pub fn key_id(&self) -> u64 {
        self.key_id
    }

    /// Digest of a TCP wire segment.
    #[must_use]
    pub fn tcp(&self, s: &TcpSegment) -> Digest {
        let control = if s.payload == 0 { s.control & 7 } else { 0 };
        let mut bytes = [0u8; 22];
        bytes[0] = 6;
        bytes[1] = control;
        for (i, word) in [s.seq, s.ack, s.payload, s.tsval, s.tsecr].into_iter().enumerate() {
            bytes[2 + 4 * i..6 + 4 * i].copy_from_slice(&word.to_be_bytes());
        }
        self.hash(&bytes)
    }

    /// Digest of a packet of another protocol.
    ///
    /// `head` holds the transport header fields that no hop rewrites (ICMP: type, code and sequence number; SCTP:
    /// verification tag), `payload_len` the payload's length on the wire, `payload` its first bytes.
    /// `None` if fewer than [`PAYLOAD_BYTES`] of a longer payload were captured: points with other capture lengths would
    /// compute another digest.
    #[must_use]
    pub fn other(&self, ip_proto: u8, head: &[u8], payload_len: u32, payload: &[u8]) -> Option<Digest> {
        let want = PAYLOAD_BYTES.min(usize::try_from(payload_len).unwrap_or(usize::MAX));
        let payload = payload.get(..want)?;
        let mut bytes = [0u8; 8 + 16 + PAYLOAD_BYTES];
        let head = &head[..head.len().min(16)];
        bytes[0] = ip_proto;
        bytes[1..5].copy_from_slice(&payload_len.to_be_bytes());
        bytes[8..8 + head.len()].copy_from_slice(head);
        bytes[24..24 + want].copy_from_slice(payload);
        Some(self.hash(&bytes))
    }

    fn hash(&self, bytes: &[u8]) -> Digest {
        let mut h = self.seed;
        h.write(bytes);
        Digest(h.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: TcpSegment = TcpSegment { seq: 1, ack: 2, payload: 3, tsval: 4, tsecr: 5, control: 0 };

    #[test]
    fn the_hash_is_fixed_and_thresholds_nest() {
        let d = Digester::default();
        assert_eq!(
            d.tcp(&SEGMENT).0,
            0x6e56_4b61_281d_bc7e,
            "{:#x}: digests are part of the protocol",
            d.tcp(&SEGMENT).0
        );
        for seq in 0..2000 {
            let digest = d.tcp(&TcpSegment { seq, ..SEGMENT });
            assert!(!digest.selected(256) || digest.selected(4096));
            assert!(digest.selected(65536) && !digest.selected(0));
        }
    }

    #[test]
    fn flags_that_offloads_move_do_not_count_on_data() {
        let d = Digester::default();
        let fin = TcpSegment { control: 1, ..SEGMENT };
        assert_eq!(d.tcp(&SEGMENT), d.tcp(&fin));
        assert_ne!(d.tcp(&TcpSegment { payload: 0, ..SEGMENT }), d.tcp(&TcpSegment { payload: 0, ..fin }));
    }

    #[test]
    fn keys_matter_and_short_captures_have_no_digest() {
        let (a, b) = (Digester::default(), Digester::new([7; 16]));
        assert_ne!(a.key_id(), b.key_id());
        assert_ne!(a.tcp(&SEGMENT), b.tcp(&SEGMENT));
        assert_eq!(a.other(17, &[], 100, &[1; 31]), None);
        assert_eq!(a.other(17, &[], 100, &[1; 32]), a.other(17, &[], 100, &[1; 90]));
        assert!(a.other(17, &[], 5, &[1; 5]).is_some());
        assert_ne!(a.other(17, &[], 5, &[1; 5]), a.other(1, &[], 5, &[1; 5]));
    }
}
