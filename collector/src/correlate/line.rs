//! What one observation point knows of a joined flow, put in one line per direction.
//!
//! In: sightings with their members' settled direction. Out: [`View`]s with decoded marks in the order the packets passed,
//! the sums of unlisted packets between them, and sequence cuts unwrapped to 64 bits.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::LazyLock;

use sce_proto::bits::{end_reason, quality};
use sce_proto::marks::{self, Counters, Cuts, Mark, Spans, Trail};
use sce_proto::{FlowInterval, ObservationPoint, PathMarks};

use super::{Awake, Member, SCTP, Sighting, TCP, Vantage};

/// One observation point's view of a joined flow.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    pub(super) op: u64,
    pub(super) point: Option<&'a ObservationPoint>,
    /// When the point was there to see, if that is known.
    pub(super) awake: Option<&'a Awake>,
    /// By settled direction.
    pub(super) lines: [Line<'a>; 2],
}

/// Summed records of a direction. Records are wide: they are copied only where several must be added up.
#[derive(Debug, Clone, Default)]
pub(super) enum Totals<'a> {
    #[default]
    None,
    One(&'a FlowInterval),
    Sum(Box<FlowInterval>),
}

static NONE: LazyLock<FlowInterval> = LazyLock::new(FlowInterval::default);

impl Deref for Totals<'_> {
    type Target = FlowInterval;

    fn deref(&self) -> &FlowInterval {
        match self {
            Totals::None => &NONE,
            Totals::One(record) => record,
            Totals::Sum(record) => record,
        }
    }
}

impl<'a> Totals<'a> {
    /// Adds a later record.
    fn add(&mut self, record: &'a FlowInterval) {
        match self {
            Totals::None => *self = Totals::One(record),
            Totals::One(first) => {
                let mut sum = Box::new((*first).clone());
                sce_proto::merge(&mut *sum, record);
                *self = Totals::Sum(sum);
            }
            Totals::Sum(sum) => sce_proto::merge(&mut **sum, record),
        }
    }

    /// Both together.
    pub(super) fn plus(&self, other: &Totals<'a>) -> Totals<'a> {
        let mut sum = Box::new((**self).clone());
        sce_proto::merge(&mut *sum, other);
        Totals::Sum(sum)
    }
}

/// One direction of a flow at one point.
#[derive(Debug, Clone, Default)]
pub(super) struct Line<'a> {
    /// Summed interval records.
    pub(super) totals: Totals<'a>,
    /// Those of the window in question, if there is one.
    pub(super) window: Option<Totals<'a>>,
    /// Listed packets in the order they passed.
    pub(super) marks: Vec<Mark>,
    /// Index of the mark behind unlisted packets, and their sums.
    pub(super) gaps: Vec<(u32, Counters)>,
    /// Everything before the first mark.
    pub(super) base: Counters,
    /// Everything up to the last mark.
    pub(super) end: Counters,
    /// Smallest threshold of the chunks.
    pub(super) threshold: u32,
    /// The TTL that most of the first listed packets had, else the largest of the records.
    pub(super) ttl: u32,
    /// Marks were given up.
    pub(super) dropped: bool,
    /// log2 of the distance of the cuts.
    pub(super) log2_stride: u8,
    /// Sequence cuts, unwrapped.
    pub(super) cuts: Vec<Cut>,
    /// Run-length maps, by the packets before them.
    pub(super) maps: Vec<Spans>,
    /// The flow is over here: a record of either direction says so, or the point stopped in order, or has been awake since
    /// without seeing more.
    pub(super) over: bool,
    /// The records go back to the flow's first packet, so that their sums and the cumulative counters mean the same.
    pub(super) whole: bool,
}

/// Lines of flows that are done with: their lists have room for the next flow's.
#[derive(Debug, Default)]
pub(super) struct Spare<'a>(Vec<[Line<'a>; 2]>);

impl<'a> Spare<'a> {
    /// As many as the points of a few flows ...
    const MOST: usize = 32;
    /// ... and none of a long flow.
    const MOST_MARKS: usize = 1024;

    fn lines(&mut self) -> [Line<'a>; 2] {
        self.0.pop().unwrap_or_default()
    }

    /// Takes what a flow does not need any more.
    pub(super) fn take(&mut self, views: Vec<View<'a>>) {
        for mut view in views {
            let short = view.lines.iter().all(|l| l.marks.capacity() <= Self::MOST_MARKS);
            if short && self.0.len() < Self::MOST {
                view.lines.iter_mut().for_each(Line::clear);
                self.0.push(view.lines);
            }
        }
    }
}

/// `initiator_evidence` of an association whose INIT or INIT ACK passed.
const INIT_SEEN: u32 = 4;
/// A point that saw nothing of a flow for so long has got what was on its way, ns.
const QUIET_NS: u64 = 2_000_000_000;

/// A sequence cut with its block number unwrapped to 64 bits, relative to an arbitrary multiple of 2^32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) block: i64,
    /// As it was reported, but with counters from the beginning of this line.
    pub(super) seen: marks::Cut,
}

impl Line<'_> {
    /// Packets counted here: by the records, or by the marks where the records have not come yet.
    pub(super) fn packets(&self) -> u64 {
        self.totals.packets.max(self.end.total_packets())
    }

    /// Summed interval records of the time in question.
    pub(super) fn asked(&self) -> &FlowInterval {
        self.window.as_ref().unwrap_or(&self.totals)
    }

    /// Times of the first and the last packet known, ns since the epoch.
    pub(super) fn life(&self) -> (u64, u64) {
        let marked = |m: Option<&Mark>| m.map(|m| m.time_ns);
        match self.totals.packets {
            0 => (marked(self.marks.first()).unwrap_or(0), marked(self.marks.last()).unwrap_or(0)),
            _ => (self.totals.first_ns.min(self.totals.flow_first_ns), self.totals.last_ns),
        }
    }

    /// Whether every packet from the first to the last mark is listed.
    pub(super) fn gapless(&self) -> bool {
        !self.marks.is_empty() && self.gaps.is_empty()
    }

    /// Whether every packet that the records count from the first mark on is listed, also behind the last one.
    pub(super) fn listed(&self) -> bool {
        self.gapless() && self.end.total_packets() - self.base.total_packets() >= self.totals.packets
    }

    /// Whether every packet of the flow, as far as the records go, is listed.
    pub(super) fn complete(&self) -> bool {
        self.listed() && self.base.total_packets() == 0
    }

    /// Whether the flow instance was seen to begin here: only a handshake tells.
    pub(super) fn began(&self) -> bool {
        match self.totals.ip_proto {
            TCP => self.totals.quality_bits & quality::NO_HANDSHAKE == 0,
            SCTP => self.totals.initiator_evidence == INIT_SEEN,
            _ => false,
        }
    }

    /// The TTL that most of the first listed packets had, else the largest of the records.
    fn find_ttl(&self) -> u32 {
        let looked = &self.marks[..self.marks.len().min(1024)];
        let (Some(first), Some(last)) = (looked.first(), looked.last()) else { return self.totals.ttl_max };
        if looked.iter().all(|m| m.ttl == last.ttl) {
            return u32::from(first.ttl);
        }
        let mut counts = [0u32; 256];
        looked.iter().for_each(|m| counts[usize::from(m.ttl)] += 1);
        (0..256u32).rev().max_by_key(|t| counts[*t as usize]).unwrap_or(0)
    }

    /// All packets by code point as the records have them.
    pub(super) fn counted(&self) -> Counters {
        counters(&self.totals)
    }

    /// The same of the time in question.
    pub(super) fn asked_counters(&self) -> Counters {
        counters(self.asked())
    }

    /// Cumulative counters before each mark, and after the last one.
    pub(super) fn cumulative(&self) -> Vec<Counters> {
        let mut at = self.base;
        let mut gaps = self.gaps.iter().peekable();
        let mut out = Vec::with_capacity(self.marks.len() + 1);
        for (i, m) in self.marks.iter().enumerate() {
            while let Some((_, gap)) = gaps.next_if(|g| g.0 as usize == i) {
                at = at.plus(gap);
            }
            out.push(at);
            at.add(m.ecn, m.ip_bytes);
        }
        out.push(at);
        out
    }

    /// As if new, but for the room that its lists have.
    fn clear(&mut self) {
        let (mut marks, mut gaps) = (std::mem::take(&mut self.marks), std::mem::take(&mut self.gaps));
        marks.clear();
        gaps.clear();
        *self = Line { marks, gaps, ..Line::default() };
    }

    /// Adds the marks of one flow instance; those of later instances of the same flow follow those of earlier ones.
    fn append(&mut self, records: &[PathMarks], offset: &Counters) {
        let (mut trails, mut cuts) = (Vec::new(), Vec::new());
        for record in records {
            self.dropped |= record.dropped_marks > 0;
            if !record.trail.is_empty() {
                let mut trail = Trail::default();
                if records.len() == 1 {
                    if self.marks.is_empty() {
                        (trail.marks, trail.gaps) = (std::mem::take(&mut self.marks), std::mem::take(&mut self.gaps));
                    }
                    trail.read(&record.trail, record.start_ns);
                    self.append_trail(trail, offset);
                } else {
                    trail.read(&record.trail, record.start_ns);
                    trails.push((record.start_ns, trail));
                }
            }
            if !record.cuts.is_empty() {
                cuts.push((record.start_ns, Cuts::decode(&record.cuts, record.start_ns)));
            }
            if !record.spans.is_empty() {
                let mut map = Spans::decode(&record.spans);
                map.first += offset.total_packets();
                self.maps.push(map);
            }
        }
        // Several records of one interval are told apart by what passed before them.
        trails.sort_by_key(|(start, t)| (*start, t.base.total_packets()));
        cuts.sort_by_key(|(start, c)| (*start, c.cuts.first().map_or(0, |c| c.before.total_packets())));
        trails.into_iter().for_each(|(_, t)| self.append_trail(t, offset));
        cuts.iter().for_each(|(_, c)| self.append_cuts(c, offset));
        self.maps.sort_by_key(|m| m.first);
    }

    fn append_trail(&mut self, trail: Trail, offset: &Counters) {
        if trail.marks.is_empty() {
            return;
        }
        let base = trail.base.plus(offset);
        if self.marks.is_empty() {
            self.base = base;
            self.threshold = trail.threshold;
        } else {
            let gap = base.since(&self.end);
            if gap != Counters::default() {
                self.gaps.push((self.marks.len() as u32, gap));
            }
            self.threshold = self.threshold.min(trail.threshold);
        }
        self.end = trail.end().plus(offset);
        if self.marks.is_empty() {
            (self.marks, self.gaps) = (trail.marks, trail.gaps);
        } else {
            let shift = self.marks.len() as u32;
            self.gaps.extend(trail.gaps.iter().map(|(i, c)| (i + shift, *c)));
            self.marks.extend_from_slice(&trail.marks);
        }
    }

    fn append_cuts(&mut self, cuts: &Cuts, offset: &Counters) {
        self.log2_stride = cuts.log2_stride;
        let wrap = 1i64 << (32 - u32::from(cuts.log2_stride));
        for c in &cuts.cuts {
            let block = match self.cuts.last() {
                None => i64::from(c.block),
                Some(last) => {
                    // The sequence moves forward between cuts by less than half of the number space.
                    let step = (i64::from(c.block) - last.block).rem_euclid(wrap);
                    last.block + if step > wrap / 2 { step - wrap } else { step }
                }
            };
            if self.cuts.last().is_none_or(|last| block > last.block) {
                let seen = marks::Cut { before: c.before.plus(offset), ..*c };
                self.cuts.push(Cut { block, seen });
            }
        }
    }
}

fn counters(t: &FlowInterval) -> Counters {
    let packets = [t.not_ect_packets, t.ect1_packets, t.ect0_packets, t.ce_packets];
    Counters { packets, ip_bytes: share(t.ip_bytes, packets) }
}

/// The first listed packets of some records, in order.
pub(super) fn trail(records: &[PathMarks], at_most: usize) -> Vec<Mark> {
    let mut records: Vec<&PathMarks> = records.iter().collect();
    records.sort_by_key(|m| m.start_ns);
    let mut out = Vec::new();
    for record in records {
        if out.len() >= at_most {
            break;
        }
        out.extend(Trail::decode(&record.trail, record.start_ns).marks);
    }
    out.truncate(at_most);
    out
}

/// IP bytes by code point where only their sum is known: in proportion to the packets, summing up exactly.
pub(super) fn share(total: u64, packets: [u64; 4]) -> [u64; 4] {
    let all: u64 = packets.iter().sum();
    if all == 0 {
        return [0; 4];
    }
    let mut out = packets.map(|p| (u128::from(total) * u128::from(p) / u128::from(all)) as u64);
    let rest = total - out.iter().sum::<u64>();
    let largest = (0..4).max_by_key(|i| packets[*i]).unwrap_or(0);
    out[largest] += rest;
    out
}

/// One view per observation point of a joined flow, in the order of the members.
pub(super) fn views<'a>(
    points: &'a BTreeMap<u64, Vantage<'a>>,
    sightings: &'a [Sighting],
    members: &[Member],
    windowed: bool,
    spare: &mut Spare<'a>,
) -> Vec<View<'a>> {
    let mut out: Vec<View<'a>> = Vec::with_capacity(members.len());
    for (index, member) in members.iter().enumerate() {
        let s = &sightings[member.sighting];
        if out.iter().any(|v| v.op == s.op) {
            continue;
        }
        let vantage = points.get(&s.op);
        let point = vantage.map(|v| v.point);
        let awake = vantage.map(|v| &v.awake).filter(|a| a.is_known());
        // Views are wide and many: each is filled where it stays.
        out.push(View { op: s.op, point, awake, lines: spare.lines() });
        let Some(View { lines, .. }) = out.last_mut() else { continue };
        let again = || members[index + 1..].iter().filter(|m| sightings[m.sighting].op == s.op);
        if again().next().is_none() {
            fill(lines, sightings, &[member], windowed);
        } else {
            let mut here: Vec<&Member> = std::iter::once(member).chain(again()).collect();
            here.sort_by_cached_key(|m| sightings[m.sighting].totals.iter().flatten().map(|t| t.first_ns).min());
            fill(lines, sightings, &here, windowed);
        }
        let ended = lines.iter().any(|l| u64::from(l.totals.end_reason_last) != end_reason::OPEN);
        let last = lines.iter().map(|l| l.totals.last_ns).max().unwrap_or(0);
        let calm = last.saturating_add(QUIET_NS);
        let quiet = match awake {
            Some(awake) => awake.until(last, calm),
            None => point.is_some_and(|p| p.last_ns >= calm),
        };
        let stopped = point.is_some_and(|p| p.stopped_last != 0 && p.last_ns >= last);
        let begins = lines.iter().filter(|l| l.totals.packets > 0).map(|l| l.totals.first_ns).min();
        let began = lines.iter().map(|l| l.totals.flow_first_ns).filter(|t| *t > 0).min();
        let whole = begins.zip(began).is_none_or(|(first, began)| first <= began);
        lines.iter_mut().for_each(|l| (l.over, l.whole) = (ended || quiet || stopped, whole));
    }
    out
}

/// Fills the empty lines of both directions.
fn fill<'a>(lines: &mut [Line<'a>; 2], sightings: &'a [Sighting], here: &[&Member], windowed: bool) {
    for (direction, line) in lines.iter_mut().enumerate() {
        line.window = windowed.then(Totals::default);
        for member in here {
            let own = if member.swapped { 1 - direction } else { direction };
            let s = &sightings[member.sighting];
            let counted = line.counted();
            let offset = if counted.total_packets() > line.end.total_packets() { counted } else { line.end };
            line.append(&s.marks[own], &offset);
            if let Some(totals) = &s.totals[own] {
                line.totals.add(totals);
            }
            if let (Some(sum), Some(records)) = (&mut line.window, &s.window[own]) {
                sum.add(records);
            }
        }
        line.ttl = line.find_ttl();
    }
}
