//! What a mark says of a TCP segment.

use sce_proto::marks::trail;

use crate::packet::{Segment, flag};

/// Its flags as marks have them.
pub(super) fn flags_of(s: &Segment<'_>) -> u16 {
    let mut out = 0;
    for (bit, mark) in [
        (flag::SYN, trail::SYN),
        (flag::FIN, trail::FIN),
        (flag::RST, trail::RST),
        (flag::ECE, trail::ECE),
        (flag::CWR, trail::CWR),
        (flag::AE, trail::AE),
    ] {
        if s.flags & bit != 0 {
            out |= mark;
        }
    }
    out
}

/// TSval and TSecr where they stand as nearly every segment has them (RFC 7323 appendix A).
#[inline]
pub(super) fn stamped(options: &[u8]) -> Option<(u32, u32)> {
    let [head, tsval, tsecr] = options.first_chunk::<12>()?.as_chunks::<4>().0 else { return None };
    (*head == [1, 1, 8, 10]).then(|| (u32::from_be_bytes(*tsval), u32::from_be_bytes(*tsecr)))
}

/// TSval and TSecr, RFC 7323 section 3; 0 without.
pub(super) fn timestamps(mut options: &[u8]) -> (u32, u32) {
    if let Some(both) = stamped(options) {
        return both;
    }
    loop {
        match options {
            [8, 10, a, b, c, d, e, f, g, h, ..] => {
                return (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]));
            }
            [1, rest @ ..] => options = rest,
            [kind, len, ..] if *kind > 1 && *len >= 2 => match options.get(usize::from(*len)..) {
                Some(rest) => options = rest,
                None => return (0, 0),
            },
            _ => return (0, 0),
        }
    }
}
