//! Opening a lane: what an earlier process left, in whatever state it left it.
//!
//! In: a directory. Out: a lane that stands where the log ends, and what was found missing or foreign on the way. Nothing
//! is ever deleted here: what cannot be used is moved aside.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{Lane, Segment};
use crate::spool::cursor::Cursor;
use crate::spool::format::{self, HEADER, Header, HeaderFault};
use crate::spool::twice;

/// What a lane found when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files moved aside.
    pub(crate) foreign: Vec<PathBuf>,
    /// The newest batch, for the time it covers.
    pub(crate) newest: Option<Bytes>,
}

impl Lane {
    /// Opens the lane's directory, creating it if needed. Never refuses for damage: what cannot be used is moved to `bad`.
    pub(crate) fn open(dir: &Path, number: u32, epoch: u64, bad: &Path) -> io::Result<(Lane, Found)> {
        std::fs::create_dir_all(dir)?;
        let mut lane = Lane {
            dir: dir.to_owned(),
            number,
            epoch,
            segments: VecDeque::new(),
            writer: None,
            next_seq: 1,
            position: 0,
            acked_seq: 0,
            gaps: Vec::new(),
            unsynced: Vec::new(),
            saved: Cursor::default(),
            unsaved: false,
            place: None,
            file: None,
        };
        let mut found = Found::default();
        let path = dir.join("cursor");
        if let Ok(bytes) = std::fs::read(&path) {
            match Cursor::decode(&bytes) {
                Some(cursor) => {
                    twice::mend(&path, &bytes, &cursor.encode());
                    lane.saved = cursor;
                }
                None => found.foreign.push(set_aside(&path, bad)?),
            }
        }
        lane.acked_seq = lane.saved.acked_seq;
        lane.gaps = lane.saved.gaps.clone();
        lane.list(bad, &mut found)?;
        lane.recover(&mut found)?;
        Ok((lane, found))
    }

    fn list(&mut self, bad: &Path, found: &mut Found) -> io::Result<()> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if name == "cursor" {
                continue;
            }
            let number = name.strip_suffix(".seg").filter(|s| s.len() == 20).and_then(|s| s.parse::<u64>().ok());
            let ours = number.filter(|first| self.accepts(&path, *first));
            match ours {
                Some(first_seq) => {
                    let length = path.metadata()?.len();
                    segments.push(Segment { first_seq, path, end: length, space: length });
                }
                None => found.foreign.push(set_aside(&path, bad)?),
            }
        }
        segments.sort_by_key(|s| s.first_seq);
        self.segments = segments.into();
        Ok(())
    }

    /// Whether a file belongs to this lane. A damaged header does not matter: frames carry their own checksums, and the
    /// name says where the file belongs.
    fn accepts(&self, path: &Path, first_seq: u64) -> bool {
        let mut head = [0; HEADER];
        let Ok(file) = File::open(path) else { return false };
        if file.read_exact_at(&mut head, 0).is_err() {
            return false;
        }
        match Header::decode(&head) {
            Ok(h) => h.lane == self.number && h.epoch == self.epoch && h.first_seq == first_seq,
            Err(HeaderFault::Damaged) => true,
            Err(HeaderFault::Foreign) => false,
        }
    }

    /// Finds the end of the log: only the newest segment is read in full.
    fn recover(&mut self, found: &mut Found) -> io::Result<()> {
        let (mut next, mut position) = (self.acked_seq + 1, self.saved.position);
        if let Some(newest) = self.segments.back_mut() {
            let bytes = std::fs::read(&newest.path)?;
            next = next.max(newest.first_seq);
            if let Ok(head) = Header::decode(&bytes) {
                position = position.max(head.position);
            }
            let mut end = HEADER;
            if let Some(last) = format::frames(&bytes, newest.first_seq).last() {
                next = next.max(last.seq + 1);
                position = position.max(last.position);
                end = last.end();
                found.newest = Some(Bytes::copy_from_slice(&bytes[last.payload()]));
            }
            // What lies behind the last good frame is a torn write or space set aside.
            if end < bytes.len() {
                File::options().write(true).open(&newest.path)?.set_len(end as u64)?;
            }
            newest.end = end as u64;
            newest.space = newest.end;
        }
        // What the log had reached and is not there any more is reported when it is to be sent: the collector may have it.
        next = next.max(self.saved.next_seq);
        (self.next_seq, self.position) = (next, position);
        Ok(())
    }
}

/// Moves a file that does not belong here out of the way, without overwriting an earlier one.
pub(crate) fn set_aside(path: &Path, bad: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(bad)?;
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("unnamed");
    let mut target = bad.join(name);
    let mut n = 1;
    while target.exists() {
        target = bad.join(format!("{name}.{n}"));
        n += 1;
    }
    std::fs::rename(path, &target)?;
    Ok(target)
}
