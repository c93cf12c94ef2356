//! Frames of an opened Initial packet: the CRYPTO stream and the acknowledgements (RFC 9000 17.2.2 allows few others).
//!
//! In: the frames' bytes. Out: the client's hello, put together from CRYPTO frames in any order, and the ECN counts of ACK
//! frames. The stream is bounded: bytes beyond it are ignored.

use super::wire::varint;

/// Bytes of the CRYPTO stream that are kept. A hello with a post-quantum key share takes 1.8 to 2.5 KB.
pub(crate) const STREAM_MAX: usize = 4096;

/// ECN counts of an ACK frame of type 0x03, RFC 9000 19.3.2: packets received with each code point so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EcnCounts {
    pub(crate) ect0: u64,
    pub(crate) ect1: u64,
    pub(crate) ce: u64,
}

/// What the frames of one Initial packet said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) ack: bool,
    pub(crate) ecn: Option<EcnCounts>,
    pub(crate) crypto: bool,
}

/// Walks the frames, handing every CRYPTO frame (offset, bytes) to `crypto`. Stops at the first frame it cannot read.
pub(crate) fn walk(frames: &[u8], mut crypto: impl FnMut(u64, &[u8])) -> Said {
    let mut said = Said::default();
    let mut at = 0;
    while let Some(next) = frame(frames, at, &mut said, &mut crypto) {
        at = next;
    }
    said
}

/// Reads the frame at an offset and returns the offset behind it.
fn frame(bytes: &[u8], at: usize, said: &mut Said, crypto: &mut impl FnMut(u64, &[u8])) -> Option<usize> {
    let (kind, mut at) = varint(bytes, at)?;
    match kind {
        0x00 | 0x01 => {} // PADDING, PING
        0x02 | 0x03 => {
            let (_largest, next) = varint(bytes, at)?;
            let (_delay, next) = varint(bytes, next)?;
            let (ranges, next) = varint(bytes, next)?;
            let (_first, next) = varint(bytes, next)?;
            at = next;
            for _ in 0..ranges.saturating_mul(2) {
                at = varint(bytes, at)?.1;
            }
            said.ack = true;
            if kind == 0x03 {
                let (ect0, next) = varint(bytes, at)?;
                let (ect1, next) = varint(bytes, next)?;
                let (ce, next) = varint(bytes, next)?;
                said.ecn = Some(EcnCounts { ect0, ect1, ce });
                at = next;
            }
        }
        0x06 => {
            let (offset, next) = varint(bytes, at)?;
            let (len, next) = varint(bytes, next)?;
            let end = next.checked_add(usize::try_from(len).ok()?)?;
            crypto(offset, bytes.get(next..end)?);
            said.crypto = true;
            at = end;
        }
        // CONNECTION_CLOSE ends the interesting part; nothing else is allowed in an Initial.
        _ => return None,
    }
    Some(at)
}

/// The start of the CRYPTO stream, filled in any order.
pub(crate) struct Stream {
    bytes: [u8; STREAM_MAX],
    /// One bit per byte that has come.
    have: [u64; STREAM_MAX / 64],
}

impl Stream {
    pub(crate) fn new() -> Stream {
        Stream { bytes: [0; STREAM_MAX], have: [0; STREAM_MAX / 64] }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.have = [0; STREAM_MAX / 64];
    }

    /// Puts the bytes of one CRYPTO frame in their place.
    pub(crate) fn insert(&mut self, offset: u64, bytes: &[u8]) {
        let Ok(start) = usize::try_from(offset) else { return };
        for (i, byte) in (start..STREAM_MAX).zip(bytes) {
            self.bytes[i] = *byte;
            self.have[i / 64] |= 1 << (i % 64);
        }
    }

    /// The bytes from the start to the first hole.
    pub(crate) fn prefix(&self) -> &[u8] {
        let mut len = 0;
        for word in self.have {
            len += word.trailing_ones() as usize;
            if word != u64::MAX {
                break;
            }
        }
        &self.bytes[..len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ecn_counts_follow_the_ranges() {
        // ACK 0x03: largest 9, delay 0, one range, first range 2, gap 1, length 0, then ECT(0) 7, ECT(1) 0, CE 1.
        let said = walk(&[0x00, 0x03, 9, 0, 1, 2, 1, 0, 7, 0, 1, 0x01], |_, _| panic!("no CRYPTO frame"));
        assert_eq!(said, Said { ack: true, ecn: Some(EcnCounts { ect0: 7, ect1: 0, ce: 1 }), crypto: false });
        assert_eq!(walk(&[0x03, 9, 0, 1, 2, 1, 0, 7], |_, _| ()).ecn, None, "cut behind the first count");
    }

    proptest! {
        #[test]
        fn a_stream_comes_together_in_any_order(
            pieces in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(), size in 1usize..120,
        ) {
            let whole: Vec<u8> = (0..40 * size).map(|i| (i % 251) as u8).collect();
            let mut stream = Stream::new();
            for piece in pieces {
                stream.insert((piece * size) as u64, &whole[piece * size..(piece + 1) * size]);
            }
            let want = whole.len().min(STREAM_MAX);
            prop_assert_eq!(stream.prefix(), &whole[..want]);
        }

        #[test]
        fn any_frames_are_walked_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut stream = Stream::new();
            walk(&bytes, |offset, data| stream.insert(offset, data));
            prop_assert!(stream.prefix().len() <= STREAM_MAX);
        }
    }
}
