//! Path marks of a flow as records: the lists of its directions, encoded.

use sce_proto::PathMarks;
use sce_proto::marks::{Counters, CutsWriter, TrailWriter};

use super::{Entry, MARKS_PER_RECORD, Marks, NONE, Tail};
use crate::config::Config;
use crate::flow::Flow;
use crate::packet::Dir;

/// What names a record of marks.
#[derive(Debug)]
pub(super) struct Name<'a> {
    pub(super) start_ns: u64,
    pub(super) interval_ns: u64,
    pub(super) op: u64,
    pub(super) run: &'a str,
    pub(super) flow: u64,
    pub(super) flow_key: u64,
}

impl Marks {
    /// Takes records that were used before.
    pub(crate) fn take_spare(&mut self, spare: &mut Vec<PathMarks>) {
        if self.spare.is_empty() {
            std::mem::swap(&mut self.spare, spare);
        }
    }

    /// The records of both directions of a flow since its last report.
    pub(crate) fn report_flow(&mut self, flow: &mut Flow, start_ns: u64, config: &Config, out: &mut Vec<PathMarks>) {
        let name = Name {
            start_ns,
            interval_ns: config.interval_ns,
            op: config.op,
            run: &config.run,
            flow: flow.id,
            flow_key: flow.flow_key,
        };
        let Some(tails) = &mut flow.tails else { return };
        for dir in Dir::BOTH {
            self.report(&mut tails[dir], dir, &name, out);
        }
    }

    /// The records of a flow's direction since its last report.
    pub(super) fn report(&mut self, tail: &mut Tail, dir: Dir, name: &Name<'_>, out: &mut Vec<PathMarks>) {
        self.settle(tail);
        let (mut at, mut cut) = (tail.first_mark, tail.first_cut);
        let mut dropped = u64::from(tail.dropped);
        (tail.first_mark, tail.last_mark, tail.first_cut, tail.last_cut) = (NONE, NONE, NONE, NONE);
        tail.dropped = 0;
        let mut seen = Counters::default();
        let anyway = at != NONE || cut != NONE || dropped > 0;
        let mut map = self.maps.as_ref().filter(|maps| maps.tells(&tail.map, anyway));
        while at != NONE || cut != NONE || dropped > 0 || map.is_some() {
            // A record that was used gives its room.
            let PathMarks { mut run, cuts, mut spans, trail, .. } = self.spare.pop().unwrap_or_default();
            name.run.clone_into(&mut run);
            match map.take() {
                Some(maps) => spans = maps.blob(&tail.map, spans),
                None => spans.clear(),
            }
            out.push(PathMarks {
                start_ns: name.start_ns,
                interval_ns: name.interval_ns,
                op: name.op,
                flow: name.flow,
                flow_key: name.flow_key,
                direction: dir as u32,
                run,
                key_id: self.digester.key_id(),
                cuts: self.cuts_blob(cuts, &mut cut, name.start_ns, tail.log2_stride),
                trail: self.trail_blob(trail, &mut at, &mut seen, name.start_ns),
                spans,
                dropped_marks: std::mem::take(&mut dropped),
            });
        }
        self.maps.iter().for_each(|maps| maps.begin_anew(&mut tail.map));
    }

    /// `seen`: all packets up to the mark before, known from the interval's first mark on, which has a snapshot.
    fn trail_blob(&self, mut out: Vec<u8>, at: &mut u32, seen: &mut Counters, start_ns: u64) -> Vec<u8> {
        let Some(first) = self.entries.get(*at as usize) else {
            out.clear();
            return out;
        };
        let before =
            |entry: &Entry, seen: &Counters| self.snapshots.get(entry.snapshot as usize).copied().unwrap_or(*seen);
        *seen = before(first, seen);
        let mut writer = TrailWriter::over(out, start_ns, self.config.threshold, seen);
        for _ in 0..MARKS_PER_RECORD {
            let Some(entry) = self.entries.get(*at as usize) else { break };
            let before = before(entry, seen);
            writer.mark(&entry.mark, &before.since(seen));
            *seen = before;
            seen.add(entry.mark.ecn, entry.mark.ip_bytes);
            *at = entry.next;
        }
        writer.finish()
    }

    fn cuts_blob(&self, mut out: Vec<u8>, at: &mut u32, start_ns: u64, log2_stride: u8) -> Vec<u8> {
        if *at == NONE {
            out.clear();
            return out;
        }
        let mut writer = CutsWriter::over(out, start_ns, log2_stride);
        while let Some((cut, next)) = self.cuts.get(*at as usize) {
            writer.cut(cut);
            *at = *next;
        }
        writer.finish()
    }
}
