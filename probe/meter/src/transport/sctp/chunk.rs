//! SCTP packets on the wire: the common header and its chunks (RFC 9260 3).
//!
//! In: the captured bytes of one packet. Out: its verification tag and its chunks one by one. Reads only: no state.

/// Chunk types (RFC 9260 3.2, RFC 4895, RFC 5061, RFC 6525, RFC 3758, RFC 8260; ECNE and CWR: RFC 4960 appendix A).
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const INIT: u8 = 1;
    pub(crate) const INIT_ACK: u8 = 2;
    pub(crate) const SACK: u8 = 3;
    pub(crate) const HEARTBEAT: u8 = 4;
    pub(crate) const HEARTBEAT_ACK: u8 = 5;
    pub(crate) const ABORT: u8 = 6;
    pub(crate) const SHUTDOWN: u8 = 7;
    pub(crate) const SHUTDOWN_ACK: u8 = 8;
    pub(crate) const ERROR: u8 = 9;
    pub(crate) const COOKIE_ECHO: u8 = 10;
    pub(crate) const COOKIE_ACK: u8 = 11;
    pub(crate) const ECNE: u8 = 12;
    pub(crate) const CWR: u8 = 13;
    pub(crate) const SHUTDOWN_COMPLETE: u8 = 14;
    pub(crate) const AUTH: u8 = 15;
    pub(crate) const I_DATA: u8 = 64;
    pub(crate) const ASCONF_ACK: u8 = 128;
    pub(crate) const RE_CONFIG: u8 = 130;
    pub(crate) const FORWARD_TSN: u8 = 192;
    pub(crate) const ASCONF: u8 = 193;
    pub(crate) const I_FORWARD_TSN: u8 = 194;
}

const COMMON_HEADER_BYTES: usize = 12;

/// One chunk. `body` is what was captured behind the chunk header, `length` what the header says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) body: &'a [u8],
    pub(crate) length: usize,
}

/// The verification tag of a packet.
pub(crate) fn tag(packet: &[u8]) -> Option<u32> {
    word(packet, 4)
}

/// The chunks of a packet, up to the first one whose header is cut or contradicts itself.
pub(crate) fn chunks(packet: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = packet.get(COMMON_HEADER_BYTES..).unwrap_or(&[]);
    std::iter::from_fn(move || {
        let head = rest.first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).checked_sub(4)?;
        let body = &rest[4..];
        let chunk = Chunk { kind: head[0], flags: head[1], body: &body[..length.min(body.len())], length };
        rest = body.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(chunk)
    })
}

pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|w| u32::from_be_bytes([w[0], w[1], w[2], w[3]]))
}

pub(crate) fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|w| u16::from_be_bytes([w[0], w[1]]))
}

/// DATA and I-DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) tsn: u32,
    pub(crate) stream: u16,
    /// Message of the stream: SSN (16 bits) or MID (32 bits).
    pub(crate) message: u32,
    pub(crate) wide: bool,
    pub(crate) unordered: bool,
    /// The last fragment of its message.
    pub(crate) ends: bool,
    /// User data, bytes.
    pub(crate) bytes: u32,
}

impl Data {
    pub(crate) fn read(chunk: &Chunk<'_>) -> Option<Data> {
        let wide = chunk.kind == kind::I_DATA;
        let header = if wide { 16 } else { 12 };
        Some(Data {
            tsn: word(chunk.body, 0)?,
            stream: half(chunk.body, 4)?,
            message: if wide { word(chunk.body, 8)? } else { u32::from(half(chunk.body, 6)?) },
            wide,
            unordered: chunk.flags & 4 != 0,
            ends: chunk.flags & 1 != 0,
            bytes: chunk.length.saturating_sub(header) as u32,
        })
    }
}

/// INIT and INIT ACK.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Init {
    pub(crate) tag: u32,
    pub(crate) rwnd: u32,
    pub(crate) outbound: u16,
    pub(crate) inbound: u16,
    pub(crate) ecn_capable: bool,
    pub(crate) forward_tsn: bool,
    pub(crate) addresses: u32,
}

impl Init {
    pub(crate) fn read(chunk: &Chunk<'_>) -> Option<Init> {
        let b = chunk.body;
        let mut init = Init {
            tag: word(b, 0)?,
            rwnd: word(b, 4)?,
            outbound: half(b, 8)?,
            inbound: half(b, 10)?,
            ..Init::default()
        };
        let mut rest = b.get(16..).unwrap_or(&[]);
        while let (Some(kind), Some(length)) = (half(rest, 0), half(rest, 2)) {
            match kind {
                5 | 6 => init.addresses += 1,
                0x8000 => init.ecn_capable = true,
                0xc000 => init.forward_tsn = true,
                _ => {}
            }
            let Some(next) = rest.get(usize::from(length.max(4)).next_multiple_of(4)..) else { break };
            rest = next;
        }
        Some(init)
    }
}

/// SACK. The gap blocks and duplicate TSNs stay in the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sack<'a> {
    pub(crate) cumulative: u32,
    pub(crate) rwnd: u32,
    pub(crate) duplicates: u16,
    gaps: &'a [u8],
}

impl<'a> Sack<'a> {
    pub(crate) fn read(chunk: &Chunk<'a>) -> Option<Sack<'a>> {
        let b = chunk.body;
        let gaps = usize::from(half(b, 8)?) * 4;
        Some(Sack {
            cumulative: word(b, 0)?,
            rwnd: word(b, 4)?,
            duplicates: half(b, 10)?,
            gaps: b.get(12..).map_or(&[], |g| &g[..gaps.min(g.len())]),
        })
    }

    /// Gap ack blocks: offsets from the cumulative TSN, both ends included.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = (u16, u16)> {
        self.gaps.chunks_exact(4).map(|g| (u16::from_be_bytes([g[0], g[1]]), u16::from_be_bytes([g[2], g[3]])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bundled_chunks_are_padded_to_four_bytes() {
        let mut packet = vec![0; 12];
        packet.extend([kind::DATA, 3, 0, 17, 0, 0, 0, 7, 0, 2, 0, 5, 0, 0, 0, 0, b'x', 0, 0, 0]);
        packet.extend([kind::CWR, 0, 0, 8, 0, 0, 0, 9]);
        let all: Vec<_> = chunks(&packet).collect();
        assert_eq!(all.iter().map(|c| c.kind).collect::<Vec<_>>(), [kind::DATA, kind::CWR]);
        let data = Data::read(&all[0]).unwrap();
        assert_eq!(
            (data.tsn, data.stream, data.message, data.bytes, data.ends, data.unordered),
            (7, 2, 5, 1, true, false)
        );
    }

    #[test]
    fn i_data_has_a_longer_header() {
        let mut packet = vec![0; 12];
        packet.extend([kind::I_DATA, 4, 0, 24, 0, 0, 0, 7, 0, 2, 0, 0, 0, 1, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4]);
        let data = chunks(&packet).next().and_then(|c| Data::read(&c)).unwrap();
        assert_eq!((data.message, data.bytes, data.wide, data.unordered, data.ends), (65541, 4, true, true, false));
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for chunk in chunks(&bytes) {
                Data::read(&chunk);
                Init::read(&chunk);
                if let Some(sack) = Sack::read(&chunk) {
                    prop_assert!(sack.gaps().count() <= 50);
                }
            }
        }
    }
}
