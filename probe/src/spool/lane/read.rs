//! Reading a lane: the batch at a number, or the range that is missing there.
//!
//! In: segments in whatever state the disk gives them back. Out: batches as they were appended, behind damage too. It
//! reports nothing and changes nothing but where it remembers to have been.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use prost::Message as _;
use sce_proto::Batch;

use super::{Lane, Next};
use crate::spool::format::{self, FRAME_HEAD, Frame, HEADER, Header};

impl Lane {
    /// What follows in the log at this number.
    pub(crate) fn read(&mut self, seq: u64) -> io::Result<Next> {
        if seq >= self.next_seq {
            return Ok(Next::End);
        }
        if let Some(gap) = self.gaps.iter().find(|g| g.seqs.contains(&seq)) {
            return Ok(Next::Gap(gap.clone()));
        }
        let Some(mut index) = self.segments.iter().rposition(|s| s.first_seq <= seq) else {
            let last = self.segments.front().map_or(self.next_seq, |s| s.first_seq) - 1;
            return Ok(Next::Unreadable(seq, self.until_known_gap(seq, last)));
        };
        loop {
            match self.read_in(index, seq)? {
                Some((frame, bytes)) if frame.seq == seq => {
                    self.place = Some((seq + 1, self.segments[index].first_seq, frame.end() as u64));
                    return Ok(Next::Batch(bytes));
                }
                Some((frame, _)) => return Ok(Next::Unreadable(seq, self.until_known_gap(seq, frame.seq - 1))),
                None => index += 1,
            }
            let Some(segment) = self.segments.get(index) else {
                return Ok(Next::Unreadable(seq, self.until_known_gap(seq, self.next_seq - 1)));
            };
            if segment.first_seq > seq {
                let last = segment.first_seq - 1;
                return Ok(Next::Unreadable(seq, self.until_known_gap(seq, last)));
            }
        }
    }

    /// Records of the source in numbers that cannot be read, told from what stands around them; 0 = that is not known either.
    pub(crate) fn records_between(&self, first: u64, last: u64) -> u64 {
        let (from, to) = (self.position_before(first), self.position_before(last + 1));
        to.zip(from).map_or(0, |(to, from)| to.saturating_sub(from))
    }

    /// Records of the source before a number.
    fn position_before(&self, seq: u64) -> Option<u64> {
        if seq >= self.next_seq {
            return Some(self.position);
        }
        let segment = self.segments.iter().rev().find(|s| s.first_seq <= seq)?;
        let bytes = std::fs::read(&segment.path).ok()?;
        if segment.first_seq == seq
            && let Ok(header) = Header::decode(&bytes)
        {
            return Some(header.position);
        }
        let frames = format::frames(&bytes, segment.first_seq);
        let own = |f: &Frame| Batch::decode(&bytes[f.payload()]).map(|b| u64::from(b.records)).ok();
        match frames.iter().rev().find(|f| f.seq <= seq)? {
            f if f.seq + 1 == seq => Some(f.position),
            f if f.seq == seq => f.position.checked_sub(own(f)?),
            _ => None,
        }
    }

    fn until_known_gap(&self, seq: u64, last: u64) -> u64 {
        let starts = self.gaps.iter().map(|g| *g.seqs.start()).filter(|s| *s > seq);
        starts.min().map_or(last, |s| last.min(s - 1))
    }

    /// The first good frame of a segment whose number is at least this one.
    fn read_in(&mut self, index: usize, seq: u64) -> io::Result<Option<(Frame, Bytes)>> {
        let segment = &self.segments[index];
        let (first_seq, end) = (segment.first_seq, segment.end);
        if self.file.as_ref().is_none_or(|f| f.0 != first_seq) {
            self.file = Some((first_seq, File::open(&segment.path)?));
        }
        let Some((_, file)) = &self.file else { return Ok(None) };
        let mut at = match self.place {
            Some((next, in_segment, offset)) if next == seq && in_segment == first_seq => offset,
            _ => HEADER as u64,
        };
        let mut expected = first_seq;
        // The quick way: one frame after the other, heads only until the number is reached.
        while at < end {
            let mut head = [0; FRAME_HEAD];
            if file.read_exact_at(&mut head, at).is_err() {
                break;
            }
            let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
            if length == 0 || length > format::MAX_PAYLOAD || at + (FRAME_HEAD + length) as u64 > end {
                break;
            }
            let mut bytes = vec![0; FRAME_HEAD + length];
            file.read_exact_at(&mut bytes, at)?;
            let Some(frame) = format::frame_at(&bytes, 0, expected) else { break };
            if frame.seq >= seq {
                let frame = Frame { at: at as usize, ..frame };
                return Ok(Some((frame, Bytes::from(bytes).slice(FRAME_HEAD..))));
            }
            expected = frame.seq + 1;
            at += bytes.len() as u64;
        }
        if at >= end {
            return Ok(None);
        }
        // The careful way, behind damage: the whole rest in memory, and on to where a frame can be read again.
        let mut bytes = vec![0; (end - at) as usize];
        let got = read_as_much(file, &mut bytes, at)?;
        bytes.truncate(got);
        let mut from = 0;
        while let Some(frame) = format::next_frame(&bytes, from, expected) {
            if frame.seq >= seq {
                let payload = Bytes::copy_from_slice(&bytes[frame.payload()]);
                return Ok(Some((Frame { at: at as usize + frame.at, ..frame }, payload)));
            }
            (from, expected) = (frame.end(), frame.seq + 1);
        }
        Ok(None)
    }
}

fn read_as_much(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < into.len() {
        match file.read_at(&mut into[got..], at + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}
