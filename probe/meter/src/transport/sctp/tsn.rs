//! The TSN scoreboard: what one side of an association sent, on all its paths, and what was acknowledged (RFC 9260 6).
//!
//! In: DATA chunks and SACKs. Out: whether a chunk is new, late or repeated, and what a SACK newly covers. Bounded: beyond
//! [`WINDOW`] TSNs the oldest are forgotten.

use std::collections::VecDeque;

use super::chunk::Sack;

/// TSNs that are remembered: more than the receiver window of a fast path holds at 1452 bytes each.
const WINDOW: usize = 2048;

/// The TSNs of one direction.
#[derive(Debug, Default)]
pub(crate) struct Tsns {
    started: bool,
    /// TSN of the first entry.
    base: u32,
    entries: VecDeque<Entry>,
    outstanding_bytes: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// Time of the first transmission; of the hole's discovery where none passed.
    at_ns: u64,
    bytes: u32,
    path: u8,
    seen: bool,
    /// Sent more than once, or came after later ones: its time says nothing (Karn).
    unsure: bool,
    acked: bool,
}

/// What a DATA chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Beyond all others; so many TSNs were skipped.
    New { skipped: u32 },
    /// It fills a hole that opened this long ago.
    Late { after_ns: u64 },
    /// It passed before: when and on which path, if that is still known.
    Again { first: Option<(u64, u8)> },
}

/// What a SACK covers that none before it did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Covered {
    pub(crate) chunks: u32,
    pub(crate) bytes: u64,
    /// First transmission of the highest newly covered TSN, if it was sent once: time and path.
    pub(crate) sample: Option<(u64, u8)>,
    /// The cumulative TSN moved.
    pub(crate) advanced: bool,
}

impl Tsns {
    /// User data sent and not acknowledged, bytes.
    pub(crate) fn outstanding_bytes(&self) -> u64 {
        self.outstanding_bytes
    }

    pub(crate) fn sent(&mut self, tsn: u32, bytes: u32, path: u8, at_ns: u64) -> Sent {
        let new = Entry { at_ns, bytes, path, seen: true, unsure: false, acked: false };
        if !self.started {
            (self.started, self.base) = (true, tsn);
        }
        let offset = tsn.wrapping_sub(self.base).cast_signed();
        let Ok(offset) = usize::try_from(offset) else { return Sent::Again { first: None } };
        if let Some(entry) = self.entries.get_mut(offset) {
            if entry.seen {
                entry.unsure = true;
                return Sent::Again { first: Some((entry.at_ns, entry.path)) };
            }
            let after_ns = at_ns.saturating_sub(entry.at_ns);
            *entry = Entry { unsure: true, acked: entry.acked, ..new };
            if !entry.acked {
                self.outstanding_bytes += u64::from(bytes);
            }
            return Sent::Late { after_ns };
        }
        let skipped = offset - self.entries.len();
        let hole = Entry { at_ns, ..Entry::default() };
        if skipped > WINDOW {
            // Nothing in the window is near this TSN any more.
            self.entries.clear();
            self.outstanding_bytes = 0;
            self.base = tsn;
        } else {
            self.entries.extend(std::iter::repeat_n(hole, skipped));
        }
        self.entries.push_back(new);
        self.outstanding_bytes += u64::from(bytes);
        while self.entries.len() > WINDOW {
            self.forget_first();
        }
        Sent::New { skipped: skipped as u32 }
    }

    fn forget_first(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.base = self.base.wrapping_add(1);
        if entry.seen && !entry.acked {
            self.outstanding_bytes = self.outstanding_bytes.saturating_sub(u64::from(entry.bytes));
        }
        Some(entry)
    }

    /// Takes a cumulative TSN alone (SHUTDOWN, FORWARD TSN).
    pub(crate) fn acknowledged(&mut self, cumulative: u32) -> Covered {
        let mut covered = Covered::default();
        let until = cumulative.wrapping_sub(self.base).cast_signed();
        if !self.started || until < 0 {
            return covered;
        }
        if until as usize >= self.entries.len() + WINDOW {
            return covered; // It acknowledges what nobody sent here: another association's, or damage.
        }
        covered.advanced = true;
        for _ in 0..=until {
            let Some(entry) = self.forget_first() else { break };
            cover(&mut covered, &entry);
        }
        self.base = cumulative.wrapping_add(1);
        covered
    }

    pub(crate) fn sacked(&mut self, sack: &Sack<'_>) -> Covered {
        let mut covered = self.acknowledged(sack.cumulative);
        if !self.started || self.base != sack.cumulative.wrapping_add(1) {
            return covered; // An old SACK: its gap blocks were told before.
        }
        for (from, to) in sack.gaps() {
            let range = usize::from(from.max(1)) - 1..usize::from(to).min(self.entries.len());
            for at in range {
                let entry = &mut self.entries[at];
                if !entry.acked {
                    entry.acked = true;
                    let entry = *entry;
                    if entry.seen {
                        self.outstanding_bytes = self.outstanding_bytes.saturating_sub(u64::from(entry.bytes));
                    }
                    cover(&mut covered, &Entry { acked: false, ..entry });
                }
            }
        }
        covered
    }
}

/// Adds a newly covered entry; entries come in rising order, so the last one is the highest.
fn cover(covered: &mut Covered, entry: &Entry) {
    if entry.acked || !entry.seen {
        return;
    }
    covered.chunks += 1;
    covered.bytes += u64::from(entry.bytes);
    covered.sample = (!entry.unsure).then_some((entry.at_ns, entry.path));
}

#[cfg(test)]
mod tests {
    use super::super::chunk::{Chunk, kind};
    use super::*;
    use proptest::prelude::*;

    fn sack(t: &mut Tsns, cumulative: u32, gaps: &[(u16, u16)]) -> Covered {
        let mut body = cumulative.to_be_bytes().to_vec();
        body.extend([0, 0, 1, 0]);
        body.extend((gaps.len() as u16).to_be_bytes());
        body.extend([0, 0]);
        for (a, b) in gaps {
            body.extend(a.to_be_bytes());
            body.extend(b.to_be_bytes());
        }
        let chunk = Chunk { kind: kind::SACK, flags: 0, body: &body, length: body.len() };
        t.sacked(&Sack::read(&chunk).unwrap())
    }

    #[test]
    fn holes_late_chunks_and_repetitions_across_the_wrap() {
        let mut t = Tsns::default();
        let first = u32::MAX - 1;
        assert_eq!(t.sent(first, 10, 0, 100), Sent::New { skipped: 0 });
        assert_eq!(t.sent(first.wrapping_add(3), 10, 0, 110), Sent::New { skipped: 2 });
        assert_eq!(t.sent(first.wrapping_add(1), 10, 0, 115), Sent::Late { after_ns: 5 });
        assert_eq!(t.sent(first.wrapping_add(3), 10, 1, 400), Sent::Again { first: Some((110, 0)) });
        assert_eq!(t.outstanding_bytes(), 30);
        // The gap block covers the repeated chunk only: no sample from it.
        let covered = sack(&mut t, first, &[(3, 3)]);
        assert_eq!((covered.chunks, covered.bytes, covered.sample, covered.advanced), (2, 20, None, true));
        assert_eq!(t.outstanding_bytes(), 10);
        assert_eq!(sack(&mut t, first, &[(3, 3)]).chunks, 0, "told before");
        assert_eq!(t.sent(first, 10, 0, 500), Sent::Again { first: None });
    }

    #[test]
    fn the_highest_newly_covered_chunk_gives_the_sample() {
        let mut t = Tsns::default();
        for i in 0..4 {
            t.sent(i, 100, (i % 2) as u8, u64::from(i) * 10);
        }
        assert_eq!(sack(&mut t, 1, &[]).sample, Some((10, 1)));
        assert_eq!(sack(&mut t, 1, &[(2, 2)]).sample, Some((30, 1)));
        assert_eq!(sack(&mut t, 3, &[]).sample, Some((20, 0)));
        assert_eq!(t.outstanding_bytes(), 0);
    }

    proptest! {
        #[test]
        fn any_sequence_stays_in_its_bounds(
            steps in proptest::collection::vec((any::<bool>(), 0u32..9000, 0u16..50, 0u16..50), 0..300), start in any::<u32>(),
        ) {
            let mut t = Tsns::default();
            for (i, (send, tsn, a, b)) in steps.iter().enumerate() {
                let tsn = start.wrapping_add(*tsn);
                if *send {
                    t.sent(tsn, 10, 0, i as u64);
                } else {
                    sack(&mut t, tsn, &[(*a, *b)]);
                }
                prop_assert!(t.entries.len() <= WINDOW);
                let real: u64 = t.entries.iter().filter(|e| e.seen && !e.acked).map(|e| u64::from(e.bytes)).sum();
                prop_assert_eq!(t.outstanding_bytes(), real);
            }
        }
    }
}
