//! QUIC headers on the wire: invariants (RFC 8999), long headers of version 1 (RFC 9000) and version 2 (RFC 9369).
//!
//! In: the bytes of one UDP datagram. Out: its packets one by one. Reads headers only: no state, no decryption.

/// QUIC version 1, RFC 9000.
pub(crate) const V1: u32 = 1;
/// QUIC version 2, RFC 9369.
pub(crate) const V2: u32 = 0x6b33_43cf;
/// Longest connection identifier of the versions whose packets are read beyond the invariants, RFC 9000 17.2.
pub(crate) const CID_MAX: usize = 20;

/// What a packet is, as far as its first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    VersionNegotiation,
    /// A long header of a version whose types are not known.
    OtherVersion,
}

/// A long header packet inside a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Long<'a> {
    pub(crate) kind: Kind,
    pub(crate) version: u32,
    pub(crate) dcid: &'a [u8],
    pub(crate) scid: &'a [u8],
    /// Offset of the (protected) packet number; 0 where the packet has none.
    pub(crate) number_at: usize,
    /// Offset behind the packet: the next coalesced packet begins here. May lie beyond the captured bytes.
    pub(crate) end: usize,
}

/// Whether the bytes begin with a long header.
pub(crate) fn is_long(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|b| b & 0x80 != 0)
}

/// Whether packet types and keys of this version are known: 1, 2 and the IETF drafts 29 to 34 that share version 1's.
pub(crate) fn is_read(version: u32) -> bool {
    version == V1 || version == V2 || (0xff00_001d..=0xff00_0022).contains(&version)
}

/// Whether a first long header is believed to be QUIC: a version in use, the fixed bit, sane connection identifiers.
///
/// Ports decide nothing here. Google's own versions (`Q050`, `T051`) share the invariants.
pub(crate) fn looks_like_quic(bytes: &[u8]) -> bool {
    let Some(long) = long(bytes) else { return false };
    let fixed = bytes[0] & 0x40 != 0;
    let google = matches!(long.version.to_be_bytes(), [b'Q' | b'T', b'0', b'4' | b'5', _]);
    match long.kind {
        Kind::OtherVersion => fixed && google && long.dcid.len() <= CID_MAX && long.scid.len() <= CID_MAX,
        Kind::VersionNegotiation => false,
        Kind::Initial | Kind::ZeroRtt | Kind::Handshake | Kind::Retry => fixed,
    }
}

/// Whether the bytes begin with an Initial packet, which the client sends first.
pub(crate) fn is_client_initial(bytes: &[u8]) -> bool {
    looks_like_quic(bytes) && long(bytes).is_some_and(|l| l.kind == Kind::Initial)
}

/// The long header at the start of `bytes`, or `None` if it is not one or is cut before the connection identifiers end.
pub(crate) fn long(bytes: &[u8]) -> Option<Long<'_>> {
    let first = *bytes.first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let version = u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?);
    let (dcid, at) = sized(bytes, 5)?;
    let (scid, at) = sized(bytes, at)?;
    let kind = kind(first, version);
    let whole = Long { kind, version, dcid, scid, number_at: 0, end: usize::MAX };
    match kind {
        Kind::OtherVersion | Kind::VersionNegotiation => return Some(whole),
        _ if dcid.len() > CID_MAX || scid.len() > CID_MAX => return None,
        Kind::Retry => return Some(whole),
        Kind::Initial | Kind::ZeroRtt | Kind::Handshake => {}
    }
    let at = if kind == Kind::Initial {
        let (token, at) = varint(bytes, at)?;
        at.checked_add(usize::try_from(token).ok()?)?
    } else {
        at
    };
    let (length, number_at) = varint(bytes, at)?;
    let end = number_at.checked_add(usize::try_from(length).ok()?)?;
    Some(Long { number_at, end, ..whole })
}

/// Long packet types, RFC 9000 17.2 and RFC 9369 3.2.
fn kind(first: u8, version: u32) -> Kind {
    if version == 0 {
        return Kind::VersionNegotiation;
    }
    if !is_read(version) {
        return Kind::OtherVersion;
    }
    let code = (first >> 4) & 3;
    let code = if version == V2 { code.wrapping_sub(1) & 3 } else { code };
    match code {
        0 => Kind::Initial,
        1 => Kind::ZeroRtt,
        2 => Kind::Handshake,
        _ => Kind::Retry,
    }
}

/// A connection identifier behind its length byte, and the offset behind it.
fn sized(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let start = at + 1;
    let end = start + usize::from(*bytes.get(at)?);
    Some((bytes.get(start..end)?, end))
}

/// A variable-length integer (RFC 9000 16) and the offset behind it.
pub(crate) fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    let len = 1usize << (first >> 6);
    let rest = bytes.get(at + 1..at + len)?;
    Some((rest.iter().fold(u64::from(first & 0x3f), |v, b| v << 8 | u64::from(*b)), at + len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn variable_length_integers_of_rfc_9000_appendix_a_1() {
        let cases: [(&[u8], u64); 5] = [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in cases {
            assert_eq!(varint(bytes, 0), Some((value, bytes.len())));
        }
        assert_eq!(varint(&[0x9d, 0x7f], 0), None);
    }

    #[test]
    fn version_2_rotates_the_types() {
        let order = [Kind::Initial, Kind::ZeroRtt, Kind::Handshake, Kind::Retry];
        for (i, want) in order.iter().enumerate() {
            assert_eq!(kind(0xc0 | (i as u8) << 4, V1), *want);
            assert_eq!(kind(0xc0 | (((i + 1) % 4) as u8) << 4, V2), *want);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(l) = long(&bytes) {
                prop_assert!(l.dcid.len() < bytes.len() && l.scid.len() < bytes.len());
            }
            looks_like_quic(&bytes);
        }
    }
}
