//! The bytes of a segment file: a header, then frames. Pure: bytes in, positions out.
//!
//! Little endian. Header, 64 bytes: magic `SCESPOOL`, u16 version, u16 header size, u32 lane, u64 epoch, u64 first
//! sequence number, u64 creation time (ns), u64 position before the segment, zeros, u32 CRC-32C of all before.
//! Frame: u32 length of the payload, u32 CRC-32C of everything else in the frame, u64 sequence number, u64 position,
//! payload (the protobuf bytes of a `Batch`). `position` counts the records that the source gave to this lane up to and
//! including the frame: a replay goes on behind it. Behind the last frame come zeros (preallocated space) or nothing.

const MAGIC: [u8; 8] = *b"SCESPOOL";
const VERSION: u16 = 1;
/// Size of a segment header.
pub(crate) const HEADER: usize = 64;
/// Size of a frame before its payload.
pub(crate) const FRAME_HEAD: usize = 24;
/// Payload length beyond which a frame is damage.
pub(crate) const MAX_PAYLOAD: usize = 16 << 20;
/// How far a sequence number may run ahead of the expected one before it is taken for damage.
const MAX_GAP: u64 = 1 << 24;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) lane: u32,
    pub(crate) epoch: u64,
    pub(crate) first_seq: u64,
    pub(crate) created_ns: u64,
    /// Records of the source before the segment.
    pub(crate) position: u64,
}

/// Why a header was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Not ours, or of a version this code does not know.
    Foreign,
    /// Ours, but damaged.
    Damaged,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[10..12].copy_from_slice(&(HEADER as u16).to_le_bytes());
        out[12..16].copy_from_slice(&self.lane.to_le_bytes());
        for (at, value) in [(16, self.epoch), (24, self.first_seq), (32, self.created_ns), (40, self.position)] {
            out[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out[..60]);
        out[60..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Header, HeaderFault> {
        let bytes = bytes.get(..HEADER).ok_or(HeaderFault::Damaged)?;
        if crc32c::crc32c(&bytes[..60]) != u32_at(bytes, 60) {
            return Err(HeaderFault::Damaged);
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        let size = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
        if bytes[..8] != MAGIC || version != VERSION || size != HEADER {
            return Err(HeaderFault::Foreign);
        }
        Ok(Header {
            lane: u32_at(bytes, 12),
            epoch: u64_at(bytes, 16),
            first_seq: u64_at(bytes, 24),
            created_ns: u64_at(bytes, 32),
            position: u64_at(bytes, 40),
        })
    }
}

/// Where a good frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) seq: u64,
    pub(crate) position: u64,
    /// Offset of the frame.
    pub(crate) at: usize,
    /// Length of the payload.
    pub(crate) length: usize,
}

impl Frame {
    pub(crate) fn payload(&self) -> std::ops::Range<usize> {
        self.at + FRAME_HEAD..self.at + FRAME_HEAD + self.length
    }

    /// Offset behind the frame.
    pub(crate) fn end(&self) -> usize {
        self.payload().end
    }
}

/// A frame as it is written.
pub(crate) fn encode_frame(seq: u64, position: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_HEAD + payload.len());
    let length = (payload.len() as u32).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&position.to_le_bytes());
    out.extend_from_slice(payload);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &out[8..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out
}

/// The frame at an offset, if a good one with an acceptable number begins there.
pub(crate) fn frame_at(bytes: &[u8], at: usize, min_seq: u64) -> Option<Frame> {
    let head = bytes.get(at..)?.get(..FRAME_HEAD)?;
    let (length, seq) = (u32_at(head, 0) as usize, u64_at(head, 8));
    if length == 0 || length > MAX_PAYLOAD || seq < min_seq || seq - min_seq > MAX_GAP {
        return None;
    }
    let frame = Frame { seq, position: u64_at(head, 16), at, length };
    let body = bytes.get(at + 8..frame.end())?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head[..4]), body);
    (crc == u32_at(head, 4)).then_some(frame)
}

/// The next good frame at or behind an offset: behind damage, the log goes on where a frame can be read again.
pub(crate) fn next_frame(bytes: &[u8], at: usize, min_seq: u64) -> Option<Frame> {
    (at..bytes.len().saturating_sub(FRAME_HEAD)).find_map(|at| frame_at(bytes, at, min_seq))
}

/// All good frames of a segment, in order.
pub(crate) fn frames(bytes: &[u8], first_seq: u64) -> Vec<Frame> {
    let mut out: Vec<Frame> = Vec::new();
    let (mut at, mut seq) = (HEADER, first_seq);
    while let Some(frame) = next_frame(bytes, at, seq) {
        (at, seq) = (frame.end(), frame.seq + 1);
        out.push(frame);
    }
    out
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Header = Header { lane: 1, epoch: 7, first_seq: 5, created_ns: 9, position: 100 };

    fn segment() -> Vec<u8> {
        let mut bytes = HEAD.encode().to_vec();
        for (seq, payload) in [(5, &b"first"[..]), (6, b"the second"), (7, b"3")] {
            bytes.extend(encode_frame(seq, seq * 10, payload));
        }
        bytes
    }

    #[test]
    fn frames_come_back_and_zeros_end_them() {
        let mut bytes = segment();
        assert_eq!(Header::decode(&bytes), Ok(HEAD));
        bytes.extend([0; 100]);
        let found = frames(&bytes, 5);
        assert_eq!(found.iter().map(|f| (f.seq, f.position)).collect::<Vec<_>>(), [(5, 50), (6, 60), (7, 70)]);
        assert_eq!(&bytes[found[1].payload()], b"the second");
    }

    #[test]
    fn any_flipped_bit_costs_one_frame_at_most() {
        let bytes = segment();
        let whole = frames(&bytes, 5);
        for at in HEADER..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                let left = frames(&bad, 5);
                let hit = whole.iter().position(|f| (f.at..f.end()).contains(&at)).unwrap();
                let want: Vec<u64> = (0..3).filter(|i| *i != hit).map(|i| whole[i].seq).collect();
                assert_eq!(left.iter().map(|f| f.seq).collect::<Vec<_>>(), want, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_cut_costs_what_is_behind_it() {
        let bytes = segment();
        let whole = frames(&bytes, 5);
        for cut in HEADER..bytes.len() {
            let want = whole.iter().filter(|f| f.end() <= cut).count();
            assert_eq!(frames(&bytes[..cut], 5).len(), want, "cut at {cut}");
        }
    }

    #[test]
    fn foreign_and_damaged_headers_are_told_apart() {
        let mut newer = HEAD.encode();
        newer[8] = 2;
        let crc = crc32c::crc32c(&newer[..60]);
        newer[60..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Header::decode(&newer), Err(HeaderFault::Foreign));
        for at in 0..HEADER {
            let mut bad = HEAD.encode();
            bad[at] ^= 4;
            assert_eq!(Header::decode(&bad), Err(HeaderFault::Damaged));
        }
        assert_eq!(Header::decode(&[]), Err(HeaderFault::Damaged));
    }
}
