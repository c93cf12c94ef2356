//! The keyed name of a packet: the same at every observation point, whatever the path may rewrite on the way.
//!
//! Hashed are fields that no hop changes in normal operation: no addresses and ports (NAT), no TTL, no ECN field, no
//! checksum, no IP identification, none of the TCP flags that ECN uses, no PSH. A superpacket of segmentation or receive
//! offload is hashed as the wire segments it stands for, so TCP names no payload bytes: offloads cut them elsewhere.

//!
//! Two hashes, because most packets are only looked at: a cheap keyed one selects, SipHash names what was selected.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Payload bytes of other protocols than TCP that the digest covers.
pub const PAYLOAD_BYTES: usize = 32;
/// Transport header bytes of other protocols than TCP that the digest covers at most.
pub const HEAD_BYTES: usize = 8;

/// Label of the key's name: another one whenever digests or their selection change, so that points of different releases
/// are not compared as if they listed the same packets.
const KEY_ID: &[u8] = b"key id 2";

/// What digests are made of, in words; an even number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invariants<const N: usize>([u64; N]);

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

impl TcpSegment {
    /// What decides whether it is listed: enough of the digest to tell segments apart, and no more than two words.
    #[must_use]
    pub fn selection(&self) -> Invariants<2> {
        let pair = |a: u32, b: u32| u64::from(a) << 32 | u64::from(b);
        Invariants([pair(self.seq, self.payload), pair(self.ack, self.tsval)])
    }

    /// What the digest covers.
    #[must_use]
    pub fn invariants(&self) -> Invariants<4> {
        let control = if self.payload == 0 { self.control & 7 } else { 0 };
        let pair = |a: u32, b: u32| u64::from(a) << 32 | u64::from(b);
        Invariants([
            6 << 8 | u64::from(control),
            pair(self.seq, self.payload),
            pair(self.ack, self.tsval),
            u64::from(self.tsecr),
        ])
    }
}

/// What the digest covers of a packet of another protocol than TCP.
///
/// `head` holds the transport header fields that no hop rewrites (ICMP: type, code and sequence number; SCTP: verification
/// tag), at most [`HEAD_BYTES`]; `payload_len` is the payload's length on the wire, `payload` its first bytes.
/// `None` if fewer than [`PAYLOAD_BYTES`] of a longer payload were captured: points with other capture lengths would
/// compute another digest.
#[must_use]
pub fn other(ip_proto: u8, head: &[u8], payload_len: u32, payload: &[u8]) -> Option<Invariants<6>> {
    let want = PAYLOAD_BYTES.min(usize::try_from(payload_len).unwrap_or(usize::MAX));
    let payload = payload.get(..want)?;
    let mut bytes = [0u8; HEAD_BYTES + PAYLOAD_BYTES];
    let head = &head[..head.len().min(HEAD_BYTES)];
    bytes[..head.len()].copy_from_slice(head);
    match payload.first_chunk::<PAYLOAD_BYTES>() {
        // A copy whose length is known costs a few instructions.
        Some(all) => bytes[HEAD_BYTES..].copy_from_slice(all),
        None => bytes[HEAD_BYTES..HEAD_BYTES + want].copy_from_slice(payload),
    }
    let mut words = [0u64; 6];
    words[0] = u64::from(payload_len) << 16 | u64::from(ip_proto) << 8;
    for (word, chunk) in words[1..].iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_be_bytes(*chunk);
    }
    Some(Invariants(words))
}

/// Makes digests with a key. Senders that do not know the key cannot make packets that are always or never selected.
#[derive(Debug, Clone)]
pub struct Digester {
    seed: SipHasher13,
    select: [u64; 8],
    key_id: u64,
}

impl Default for Digester {
    fn default() -> Self {
        Digester::new(*b"sce path marks 1")
    }
}

impl Digester {
    /// A digester for a 16-byte key.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        let seed = SipHasher13::new_with_key(&key);
        let derive = |label: &[u8]| {
            let mut h = seed;
            h.write(label);
            h.finish()
        };
        let select = std::array::from_fn(|i| derive(&[b's', b'e', b'l', b'e', b'c', b't', b' ', b'0' + i as u8]));
        Digester { seed, select, key_id: derive(KEY_ID) }
    }

    /// Names the key without telling it.
    #[must_use]
    pub fn key_id(&self) -> u64 {
        self.key_id
    }

    /// Whether a threshold (of 65536) selects the packet. A smaller one selects a subset of what a larger one does.
    #[must_use]
    pub fn selects<const N: usize>(&self, of: &Invariants<N>, threshold: u32) -> bool {
        let mut h = self.select[6];
        // Products that need not wait for each other.
        for (pair, keys) in of.0.as_chunks::<2>().0.iter().zip(self.select.as_chunks::<2>().0) {
            h = h.wrapping_add(fold(pair[0] ^ keys[0], pair[1] ^ keys[1]));
        }
        (fold(h, self.select[7]) >> 48) < u64::from(threshold)
    }

    /// The 48 bits that name the packet.
    #[must_use]
    pub fn name<const N: usize>(&self, of: &Invariants<N>) -> u64 {
        let mut h = self.seed;
        for word in of.0 {
            h.write(&word.to_be_bytes());
        }
        h.finish() & 0xffff_ffff_ffff
    }
}

/// Both halves of a 128-bit product.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: TcpSegment = TcpSegment { seq: 1, ack: 2, payload: 3, tsval: 4, tsecr: 5, control: 0 };

    #[test]
    fn the_hash_is_fixed() {
        let d = Digester::default();
        let name = d.name(&SEGMENT.invariants());
        assert_eq!(name, 0x2295_5fd3_9cce, "{name:#x}: digests are part of the protocol");
        let selected: Vec<u32> =
            (0..2000).filter(|seq| d.selects(&TcpSegment { seq: *seq, ..SEGMENT }.selection(), 256)).collect();
        assert_eq!(selected, [7, 78, 354, 967, 986, 1110, 1352, 1363, 1702], "selection is part of the protocol");
    }

    #[test]
    fn thresholds_nest_and_select_their_share() {
        let d = Digester::default();
        let mut counts = [0u32; 4];
        for i in 0..200_000u32 {
            let of = TcpSegment { seq: i * 1448, tsval: i / 80, ..SEGMENT }.selection();
            let by = [0, 256, 4096, 65_536].map(|t| d.selects(&of, t));
            assert!(by.is_sorted());
            by.iter().zip(&mut counts).for_each(|(b, n)| *n += u32::from(*b));
        }
        assert_eq!((counts[0], counts[3]), (0, 200_000));
        assert!((700..=860).contains(&counts[1]) && (12_000..=13_000).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn flags_that_offloads_move_do_not_count_on_data() {
        let fin = TcpSegment { control: 1, ..SEGMENT };
        assert_eq!(SEGMENT.invariants(), fin.invariants());
        assert_ne!(TcpSegment { payload: 0, ..SEGMENT }.invariants(), TcpSegment { payload: 0, ..fin }.invariants());
    }

    #[test]
    fn keys_matter_and_short_captures_have_no_digest() {
        let (a, b) = (Digester::default(), Digester::new([7; 16]));
        assert_ne!(a.key_id(), b.key_id());
        assert_ne!(a.name(&SEGMENT.invariants()), b.name(&SEGMENT.invariants()));
        assert_eq!(other(17, &[], 100, &[1; 31]), None);
        assert_eq!(other(17, &[], 100, &[1; 32]), other(17, &[], 100, &[1; 90]));
        assert!(other(17, &[], 5, &[1; 5]).is_some());
        assert_ne!(other(17, &[], 5, &[1; 5]), other(1, &[], 5, &[1; 5]));
    }
}
