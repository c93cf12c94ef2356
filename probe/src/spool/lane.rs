//! One lane of the spool: segments in order, one of them being written, and what was acknowledged.
//!
//! In: the bytes of batches, and acknowledgements. Out: the same bytes in order, or the range of numbers that is missing.
//! It must not decide what to give up (the spool does), and it reads no clock.

mod read;
mod recover;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use bytes::Bytes;
use prost::Message as _;
use sce_proto::Batch;

use super::IN_DOUBT;
use super::cursor::{Cursor, Gap};
use super::disk::{Disk, Output, replace, sync_dir};
use super::format::{self, FRAME_HEAD, Frame, HEADER, Header};
pub(crate) use recover::set_aside;

/// Most bytes that its number adds to a batch.
pub(crate) const NUMBER: usize = 11;

/// A file of the log.
#[derive(Debug)]
struct Segment {
    first_seq: u64,
    path: PathBuf,
    /// Bytes of header and frames; what lies behind is space set aside.
    end: u64,
    /// Bytes it takes from the budget.
    space: u64,
}

/// The segment that takes new frames.
struct Writer {
    out: Box<dyn Output>,
    created_ns: u64,
    /// Length that is known to be durable.
    synced: u64,
}

/// The next thing to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The bytes of the batch with the number asked for.
    Batch(Bytes),
    /// These numbers are known to be lost and reported.
    Gap(Gap),
    /// These numbers cannot be read; nobody has reported them yet.
    Unreadable(u64, u64),
    /// The log ends here.
    End,
}

/// The oldest segment: its unacknowledged numbers, and the batches that can be read.
pub(crate) struct Oldest {
    pub(crate) seqs: RangeInclusive<u64>,
    pub(crate) batches: BTreeMap<u64, Batch>,
}

pub(crate) struct Lane {
    dir: PathBuf,
    pub(crate) number: u32,
    epoch: u64,
    segments: VecDeque<Segment>,
    writer: Option<Writer>,
    pub(crate) next_seq: u64,
    /// Records that the source gave to this lane so far.
    pub(crate) position: u64,
    pub(crate) acked_seq: u64,
    pub(crate) gaps: Vec<Gap>,
    /// Frames written since the last sync, to write them again if that fails, with their numbers and positions.
    unsynced: Vec<(u64, u64, Vec<u8>)>,
    saved: Cursor,
    /// Something was refused of which only this process knows.
    pub(crate) unsaved: bool,
    /// Where the last read ended: (number that follows, segment, offset).
    place: Option<(u64, u64, u64)>,
    file: Option<(u64, File)>,
}

impl Lane {
    /// Bytes of budget that this lane takes.
    pub(crate) fn space(&self) -> u64 {
        self.segments.iter().map(|s| s.space).sum()
    }

    /// Bytes and batches that wait for their acknowledgement.
    pub(crate) fn backlog(&self) -> (u64, u64) {
        let batches = self.next_seq - 1 - self.acked_seq.min(self.next_seq - 1);
        let bytes = self.segments.iter().filter(|s| self.last_of(s) > self.acked_seq).map(|s| s.end).sum();
        (if batches == 0 { 0 } else { bytes }, batches)
    }

    /// Numbers up to here may have been sent: so many batches, and whatever ranges were passed over between them.
    pub(crate) fn perhaps_sent(&self) -> u64 {
        let told = self.gaps.iter().filter(|g| g.report_seq > 0 && *g.seqs.end() > self.acked_seq);
        let passed: u64 = told.map(|g| g.seqs.end() - g.seqs.start() + 1).sum();
        self.acked_seq + IN_DOUBT + passed
    }

    /// Oldest number that may still be read.
    pub(crate) fn first_seq(&self) -> u64 {
        (self.acked_seq + 1).min(self.next_seq)
    }

    /// Whether a frame of this size goes into the segment being written.
    pub(crate) fn has_room(&self, payload: usize, segment_bytes: u64, oldest_ns: u64) -> bool {
        let Some(writer) = &self.writer else { return false };
        let Some(segment) = self.segments.back() else { return false };
        let empty = segment.end <= HEADER as u64;
        empty || segment.end + (FRAME_HEAD + payload) as u64 <= segment_bytes && writer.created_ns >= oldest_ns
    }

    /// Closes the segment being written and begins a new one.
    pub(crate) fn begin(&mut self, disk: &dyn Disk, space: u64, now_ns: u64) -> io::Result<()> {
        self.seal();
        // A segment without frames has the same name as its successor.
        if self.segments.back().is_some_and(|s| s.first_seq == self.next_seq)
            && let Some(empty) = self.segments.pop_back()
        {
            std::fs::remove_file(&empty.path)?;
        }
        let path = self.dir.join(format!("{:020}.seg", self.next_seq));
        let mut out = disk.create(&path, space)?;
        let header = Header {
            lane: self.number,
            epoch: self.epoch,
            first_seq: self.next_seq,
            created_ns: now_ns,
            position: self.position,
        };
        if let Err(e) = out.append(&header.encode()).and_then(|()| sync_dir(&self.dir)) {
            drop(out);
            std::fs::remove_file(&path)?;
            return Err(e);
        }
        let end = HEADER as u64;
        self.segments.push_back(Segment { first_seq: self.next_seq, path, end, space: space.max(end) });
        self.writer = Some(Writer { out, created_ns: now_ns, synced: 0 });
        Ok(())
    }

    /// Appends a batch to the segment being written, under the number that it gets here and nowhere before: making room
    /// for it may have appended others. On an error nothing is appended.
    pub(crate) fn append(&mut self, batch: &mut Batch, source_records: u64) -> io::Result<u64> {
        let (Some(writer), Some(segment)) = (&mut self.writer, self.segments.back_mut()) else {
            return Err(io::Error::other("no segment is open"));
        };
        let position = self.position + source_records;
        batch.seq = self.next_seq;
        let frame = format::encode_frame(self.next_seq, position, &batch.encode_to_vec());
        if let Err(e) = writer.out.append(&frame) {
            // Part of the frame may be there; the segment is not written to again.
            let end = segment.end;
            let _ = writer.out.truncate(end);
            self.seal();
            return Err(e);
        }
        segment.end += frame.len() as u64;
        segment.space = segment.space.max(segment.end);
        self.unsynced.push((self.next_seq, self.position, frame));
        self.position = position;
        self.next_seq += 1;
        Ok(self.next_seq - 1)
    }

    /// Closes the segment being written: durable as far as the disk allows, and without space set aside.
    pub(crate) fn seal(&mut self) {
        if self.writer.is_some() && self.sync().is_err() {
            tracing::warn!(lane = self.number, "Spool segment could not be made durable");
        }
        let (Some(mut writer), Some(segment)) = (self.writer.take(), self.segments.back_mut()) else { return };
        if writer.out.truncate(segment.end).is_ok() {
            segment.space = segment.end;
        }
        self.unsynced.clear();
    }

    /// Makes everything appended durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let (Some(writer), Some(segment)) = (&mut self.writer, self.segments.back()) else { return Ok(()) };
        if writer.synced < segment.end {
            writer.out.sync()?;
            writer.synced = segment.end;
        }
        self.unsynced.clear();
        Ok(())
    }

    /// After a failed sync the kernel may have thrown the data away: writes what is still in memory to a new segment.
    /// Gives the numbers that were written again.
    pub(crate) fn rewrite(&mut self, disk: &dyn Disk, space: u64, now_ns: u64) -> io::Result<(u64, u64)> {
        let frames = std::mem::take(&mut self.unsynced);
        let (end_seq, end_position) = (self.next_seq, self.position);
        if let Some((seq, position, _)) = frames.first() {
            (self.next_seq, self.position) = (*seq, *position);
        }
        let first = self.next_seq;
        if let (Some(mut writer), Some(segment)) = (self.writer.take(), self.segments.back_mut()) {
            segment.end = writer.synced.max(HEADER as u64);
            segment.space = segment.end;
            let _ = writer.out.truncate(segment.end);
        }
        (self.place, self.file) = (None, None);
        let written = self.begin(disk, space, now_ns).and_then(|()| {
            let (Some(writer), Some(segment)) = (&mut self.writer, self.segments.back_mut()) else {
                return Err(io::Error::other("no segment is open"));
            };
            for (_, _, frame) in &frames {
                writer.out.append(frame)?;
                segment.end += frame.len() as u64;
            }
            segment.space = segment.space.max(segment.end);
            writer.out.sync()?;
            writer.synced = segment.end;
            Ok(())
        });
        (self.next_seq, self.position) = (end_seq, end_position);
        written.map(|()| (first, end_seq - 1))
    }

    /// Takes note that everything up to this number is committed. Files go when the cursor is saved.
    /// A collector that lost its database speaks of lower numbers than another acknowledged before: gaps stay until it
    /// has passed them.
    pub(crate) fn ack(&mut self, seq: u64) {
        self.acked_seq = self.acked_seq.max(seq.min(self.next_seq - 1));
        self.gaps.retain(|g| *g.seqs.end() > seq);
    }

    /// Saves how far the collector is, then removes segments that nobody needs any more.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        let cursor = Cursor {
            acked_seq: self.acked_seq,
            next_seq: self.next_seq,
            position: self.position,
            gaps: self.gaps.clone(),
        };
        if cursor != self.saved {
            replace(&self.dir.join("cursor"), &cursor.encode())?;
            self.saved = cursor;
        }
        self.unsaved = false;
        while let Some(oldest) = self.segments.front() {
            let being_written = self.writer.is_some() && self.segments.len() == 1;
            if being_written || self.last_of(oldest) > self.acked_seq {
                break;
            }
            self.drop_oldest()?;
        }
        Ok(())
    }

    fn last_of(&self, segment: &Segment) -> u64 {
        let later = self.segments.iter().find(|s| s.first_seq > segment.first_seq);
        later.map_or(self.next_seq, |s| s.first_seq) - 1
    }

    /// What will be given up with the oldest segment. The segment being written is closed if it is the only one.
    pub(crate) fn oldest(&mut self) -> io::Result<Option<Oldest>> {
        if self.segments.len() == 1 {
            self.seal();
        }
        let Some(segment) = self.segments.front() else { return Ok(None) };
        let seqs = segment.first_seq.max(self.acked_seq + 1)..=self.last_of(segment);
        let bytes = std::fs::read(&segment.path)?;
        let frames = format::frames(&bytes, segment.first_seq);
        let batch = |f: &Frame| Some((f.seq, Batch::decode(&bytes[f.payload()]).ok()?));
        let batches = frames.iter().filter(|f| f.seq >= *seqs.start()).filter_map(batch).collect();
        Ok(Some(Oldest { seqs, batches }))
    }

    /// Unites a gap with those behind it that are of the same kind, and takes them from the list.
    pub(crate) fn unite(&mut self, mut gap: Gap) -> Gap {
        self.gaps.sort_by_key(|g| *g.seqs.start());
        self.gaps.retain(|next| {
            let same = next.seqs == gap.seqs;
            let behind = next.report_seq == 0 && gap.may_join(next);
            if behind {
                gap.absorb(next);
            }
            !same && !behind
        });
        gap
    }

    /// Removes the oldest segment.
    pub(crate) fn drop_oldest(&mut self) -> io::Result<()> {
        let Some(segment) = self.segments.pop_front() else { return Ok(()) };
        if self.segments.is_empty() {
            self.writer = None;
            self.unsynced.clear();
        }
        if self.file.as_ref().is_some_and(|f| f.0 == segment.first_seq) {
            self.file = None;
        }
        std::fs::remove_file(&segment.path)
    }
}
