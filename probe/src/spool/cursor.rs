//! The small file beside the segments of a lane: how far the collector has committed, how far the log had got, and which
//! ranges were given up. Text, one fact a line, in the form of `twice.rs`; replaced as a whole.
//!
//! A range that is given up stands here at once, and is reported when its turn to be delivered comes: only then is it known
//! that the collector has not got it. Before the report is written its number is put down here, so that a crash between the
//! two neither loses the report nor writes it twice.

use std::fmt::Write;
use std::ops::RangeInclusive;

use super::twice;

/// A range of batches that will never come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) seqs: RangeInclusive<u64>,
    /// Number on lane 0 of the report about it; 0 = nothing is reported yet.
    pub(crate) report_seq: u64,
    /// One word.
    pub(crate) reason: String,
    /// Experiment label when it was given up.
    pub(crate) run: String,
    /// Records of the source up to its end; 0 = not known.
    pub(crate) position: u64,
    /// The log never held it, so that the collector cannot have it.
    pub(crate) refused: bool,
    pub(crate) at_ns: u64,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    pub(crate) records: u64,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
}

/// Content of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) acked_seq: u64,
    /// The next number when it was written: the log had got at least this far.
    pub(crate) next_seq: u64,
    /// Records of the source up to then.
    pub(crate) position: u64,
    pub(crate) gaps: Vec<Gap>,
}

impl Cursor {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = format!("acked {}\nnext {}\nposition {}\n", self.acked_seq, self.next_seq, self.position);
        for g in &self.gaps {
            let _ = writeln!(
                out,
                "gap {} {} {} {} {} {} {} {} {} {} {} {} {}",
                g.seqs.start(),
                g.seqs.end(),
                g.report_seq,
                g.at_ns,
                g.from_ns,
                g.to_ns,
                g.records,
                g.frames,
                g.bytes,
                g.position,
                u8::from(g.refused),
                g.reason,
                g.run.replace('\n', " ")
            );
        }
        twice::encode(&out)
    }

    /// The content, if the checksum fits.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Cursor> {
        let once = || twice::earlier(bytes).and_then(checked);
        twice::decode(bytes).or_else(once).and_then(Cursor::read)
    }

    fn read(text: &str) -> Option<Cursor> {
        let mut cursor = Cursor::default();
        for line in text.lines() {
            match line.split_once(' ')? {
                ("acked", v) => cursor.acked_seq = v.parse().ok()?,
                ("next", v) => cursor.next_seq = v.parse().ok()?,
                ("position", v) => cursor.position = v.parse().ok()?,
                ("gap", v) => cursor.gaps.push(gap(v)?),
                _ => {}
            }
        }
        Some(cursor)
    }
}

/// An earlier release wrote the text once, with a checksum of its own.
fn checked(text: &str) -> Option<&str> {
    let (body, crc) = text.rsplit_once("crc ")?;
    (u32::from_str_radix(crc.trim_end(), 16).ok()? == crc32c::crc32c(body.as_bytes())).then_some(body)
}

fn gap(text: &str) -> Option<Gap> {
    let mut words = text.splitn(13, ' ');
    let mut number = || words.next()?.parse::<u64>().ok();
    let seqs = number()?..=number()?;
    let (report_seq, at_ns, from_ns, to_ns) = (number()?, number()?, number()?, number()?);
    let (records, frames, bytes) = (number()?, number()?, number()?);
    let word = words.next()?;
    // An earlier release ended with the reason.
    let (position, refused, reason) = match word.parse() {
        Ok(position) => (position, words.next()? == "1", words.next()?),
        Err(_) => (0, false, word),
    };
    let (reason, run) = (reason.to_owned(), words.next().unwrap_or_default().to_owned());
    Some(Gap { seqs, report_seq, at_ns, from_ns, to_ns, records, frames, bytes, position, refused, reason, run })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_one_damaged_byte_does_not_matter() {
        let gap = Gap {
            seqs: 3..=9,
            report_seq: 4,
            reason: "spool_full".to_owned(),
            at_ns: 1,
            from_ns: 2,
            to_ns: 3,
            records: 4,
            frames: 5,
            bytes: 6,
            position: 38,
            refused: true,
            run: "a b".to_owned(),
        };
        let cursor = Cursor { acked_seq: 2, next_seq: 12, position: 40, gaps: vec![gap] };
        let bytes = cursor.encode();
        assert_eq!(Cursor::decode(&bytes), Some(cursor.clone()));
        for at in 0..bytes.len() - 1 {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(Cursor::decode(&bad), Some(cursor.clone()), "byte {at}");
            let cut = Cursor::decode(&bytes[..at]);
            assert!(cut.is_none() || cut == Some(cursor.clone()), "cut at {at}");
        }
        let earlier = super::gap("3 9 4 1 2 3 4 5 6 spool_full").unwrap();
        assert_eq!((earlier.reason.as_str(), earlier.position, earlier.refused), ("spool_full", 0, false));
        assert_eq!(Cursor::decode(b"acked 2\nnext 12\nposition 40\ncrc 00000000\n"), None);
    }
}
