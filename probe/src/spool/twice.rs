//! Small files that must survive a damaged byte: their text stands in them twice, each time with a checksum.
//!
//! In: text. Out: bytes, and the readings of them that can be trusted; a copy that is damaged is mended as soon as it is seen,
//! so that the next damaged byte finds two again. Files of earlier releases have the text once and without a checksum; they
//! are read as they are.

use std::path::Path;

use super::disk::replace;

/// Begins the line behind each copy.
const MARK: &str = "# crc32c ";

/// The bytes of a file.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let copy = format!("{text}{end}");
    let copy = format!("{copy}{MARK}{:08x}\n", crc32c::crc32c(copy.as_bytes()));
    copy.repeat(2).into_bytes()
}

/// The text, from whichever copy is whole.
pub(crate) fn decode(bytes: &[u8]) -> Option<&str> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    whole(first).or_else(|| whole(second))
}

/// The text of a file that an earlier release wrote.
pub(crate) fn earlier(bytes: &[u8]) -> Option<&str> {
    let marked = bytes.windows(MARK.len()).any(|w| w == MARK.as_bytes());
    std::str::from_utf8(bytes).ok().filter(|_| !marked)
}

/// Writes a file again that is not what it ought to be.
pub(crate) fn mend(path: &Path, found: &[u8], ought: &[u8]) {
    if found != ought
        && let Err(error) = replace(path, ought)
    {
        tracing::warn!(file = %path.display(), %error, "A damaged copy could not be mended");
    }
}

fn whole(copy: &[u8]) -> Option<&str> {
    let copy = std::str::from_utf8(copy).ok()?;
    let at = copy.rfind(MARK)?;
    let (text, crc) = (&copy[..at], copy[at + MARK.len()..].strip_suffix('\n')?);
    (u32::from_str_radix(crc, 16).ok()? == crc32c::crc32c(text.as_bytes())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_damaged_byte_leaves_a_copy() {
        let text = "epoch = 7\nprobe_id = \"ab\"\n";
        let bytes = encode(text);
        assert_eq!(decode(&bytes), Some(text));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(decode(&bad), Some(text), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_file_of_an_earlier_release_is_told_from_half_a_new_one() {
        assert_eq!((decode(b"epoch = 7\n"), earlier(b"epoch = 7\n")), (None, Some("epoch = 7\n")));
        assert_eq!((decode(&[0xff; 40]), earlier(&[0xff; 40])), (None, None));
        let whole = encode("epoch = 7\n");
        let torn = &whole[..whole.len() / 2 - 1];
        assert_eq!((decode(torn), earlier(torn)), (None, None));
    }
}
