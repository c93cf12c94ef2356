//! Which sightings are of the same flow.
//!
//! In: sightings of any points and times. Out: groups of them, each with the evidence that holds it together. Addresses and
//! ports only say where to look: two views are one flow because they share initial sequence numbers, listed packets or
//! sequence ranges. A mere agreement of addresses is kept as weak, and never beats evidence.

use std::sync::LazyLock;

use sce_proto::bits::{join_evidence, quality};
use sce_proto::marks::{Trail, trail};

use super::{Sighting, nat};

/// Clocks of two hosts may disagree by this much, ns, when lives are compared.
const SLACK_NS: u64 = 2_000_000_000;
/// Shared digests that prove a join (and a NAT pair) without any other evidence.
const ENOUGH_DIGESTS: usize = 8;
/// Marks per direction that are looked at.
const LOOK: usize = 256;

/// Sightings of one flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) flow: u64,
    pub(super) members: Vec<usize>,
    pub(super) evidence_bits: u32,
}

/// Groups sightings by flow. Groups come out in the order of their first sighting.
pub(super) fn join(facts: &[Facts<'_>]) -> Vec<Group> {
    let told = facts.iter().filter(|f| f.known);
    let mut order: Vec<(u64, &str, u64, usize)> = told.map(|f| (f.key, f.run, f.first_ns, f.index)).collect();
    order.sort_unstable();
    let mut groups = Vec::new();
    for same in order.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let same: Vec<&Facts<'_>> = same.iter().map(|s| &facts[s.3]).collect();
        if agree(&same) {
            groups.push(Group::of(&same, join_evidence::ISN as u32));
        } else {
            join_key(&same, &mut groups);
        }
    }
    let mut groups = nat::pair(facts, groups);
    groups.sort_by_key(|g| g.members.first().copied());
    groups
}

/// Whether every point saw the same handshake once, at about the same time: nearly always.
fn agree(facts: &[&Facts<'_>]) -> bool {
    let [first, others @ ..] = facts else { return false };
    let same = |f: &&Facts<'_>| f.both_isns() && f.isn_set() == first.isn_set() && first.overlaps(f);
    let once = |(i, f): (usize, &&Facts<'_>)| facts[..=i].iter().all(|earlier| earlier.op != f.op);
    first.both_isns() && others.iter().all(same) && others.iter().enumerate().all(once) && !others.is_empty()
}

/// Sightings with one key, in the order they began: usually one per point; more where ports were used again.
fn join_key(facts: &[&Facts<'_>], groups: &mut Vec<Group>) {
    let mut parts = Parts::new(facts.len());
    let mut bits = vec![0u32; facts.len()];
    let mut weak = Vec::new();
    for b in 1..facts.len() {
        for a in (0..b).rev() {
            if facts[a].op == facts[b].op || !facts[a].overlaps(facts[b]) {
                continue;
            }
            if parts.find(a) == parts.find(b) {
                continue;
            }
            match facts[a].compare(facts[b]) {
                None => {}
                Some(evidence) if u64::from(evidence) == join_evidence::TUPLE => weak.push((a, b)),
                Some(evidence) => {
                    parts.unite(a, b);
                    bits[a] |= evidence;
                    bits[b] |= evidence;
                }
            }
        }
    }
    for (a, b) in weak {
        // Addresses alone join only what nothing better joined, and only different points.
        let (x, y) = (parts.find(a), parts.find(b));
        let clash = |x: usize, y: usize, parts: &mut Parts| {
            (0..facts.len()).any(|i| {
                (0..facts.len()).any(|j| parts.find(i) == x && parts.find(j) == y && facts[i].excludes(facts[j]))
            })
        };
        if x != y && !clash(x, y, &mut parts) {
            parts.unite(a, b);
            bits[a] |= join_evidence::TUPLE as u32;
            bits[b] |= join_evidence::TUPLE as u32;
        }
    }
    let mut roots: Vec<usize> = (0..facts.len()).map(|i| parts.find(i)).collect();
    let by_part = roots.clone();
    roots.sort_unstable();
    roots.dedup();
    for root in roots {
        let of: Vec<usize> = (0..facts.len()).filter(|i| by_part[*i] == root).collect();
        let evidence_bits = of.iter().fold(0, |e, i| e | bits[*i]);
        groups.push(Group::of(&of.iter().map(|i| facts[*i]).collect::<Vec<_>>(), evidence_bits));
    }
}

impl Group {
    fn of(facts: &[&Facts<'_>], evidence_bits: u32) -> Group {
        let best = facts.iter().min_by_key(|f| (f.seniority, f.op));
        let mut members: Vec<usize> = facts.iter().map(|f| f.index).collect();
        members.sort_unstable();
        Group { flow: best.map_or(0, |f| f.flow), members, evidence_bits }
    }
}

/// What says which flow a sighting without marks is of.
#[derive(Debug, Clone, Copy)]
pub struct Outline<'a> {
    /// Observation point.
    pub op: u64,
    /// Flow instance at that point.
    pub flow: u64,
    /// Flow key.
    pub key: u64,
    /// Experiment label.
    pub run: &'a str,
    /// First packet of either direction, ns since the epoch.
    pub first_ns: u64,
    /// Last packet of either direction, ns since the epoch.
    pub last_ns: u64,
    /// Initial sequence numbers by direction, where the records say that they saw one.
    pub isn: [Option<u32>; 2],
    /// `quality_bits` of both directions.
    pub quality_bits: u64,
    /// First packet of the flow instance as its records have it, ns since the epoch.
    pub flow_first_ns: u64,
}

static UNMARKED: LazyLock<Sighting> = LazyLock::new(Sighting::default);

/// Which sightings without marks are of one flow, by their positions, as [`super::correlate`] would join them: flows in the
/// order of their first sighting, sightings in their own.
#[must_use]
pub fn same_flows(outlines: &[Outline<'_>]) -> Vec<Vec<usize>> {
    let facts: Vec<Facts<'_>> = outlines.iter().enumerate().map(|(i, o)| Facts::told(o, i, &UNMARKED)).collect();
    join(&facts).into_iter().map(|group| group.members).collect()
}

/// What is compared of a sighting. Taken once from each, in the order they lie in memory: records are wide, and going
/// back to them for every question costs more than all comparisons.
pub(super) struct Facts<'a> {
    index: usize,
    /// There is a record of it; else nothing here means anything.
    known: bool,
    /// Flow key and run: what sightings must agree in to be compared at all.
    key: u64,
    run: &'a str,
    pub(super) op: u64,
    flow: u64,
    pub(super) first_ns: u64,
    last_ns: u64,
    /// Initial sequence numbers by direction, where seen.
    isn: [Option<u32>; 2],
    /// Order of claims to name the flow. It rests on what every record of a sighting carries, so that the name is the same
    /// whatever window and whatever marks were loaded.
    seniority: (bool, u64),
    /// Bytes of its lists of marks.
    pub(super) listed: usize,
    pub(super) sighting: &'a Sighting,
    digests: std::cell::OnceCell<Box<Digests>>,
}

#[derive(Default)]
struct Digests {
    sorted: Vec<u64>,
    handshake: Vec<u64>,
}

impl<'a> Facts<'a> {
    /// What is known of each of some sightings, by their position.
    pub(super) fn of_all(sightings: &'a [Sighting]) -> Vec<Facts<'a>> {
        sightings.iter().enumerate().map(|(index, s)| Facts::of(s, index)).collect()
    }

    fn of(sighting: &'a Sighting, index: usize) -> Self {
        let totals = || sighting.totals.iter().flatten();
        let marks = || sighting.marks.iter().flatten();
        let names = totals().map(|t| (t.flow_key, t.run.as_str()));
        let named = names.chain(marks().map(|m| (m.flow_key, m.run.as_str()))).next();
        let (key, run) = named.unwrap_or_default();
        let outline = Outline {
            op: sighting.op,
            flow: sighting.flow,
            key,
            run,
            first_ns: totals().map(|t| t.first_ns).chain(marks().map(|m| m.start_ns)).min().unwrap_or(0),
            last_ns: totals().map(|t| t.last_ns).chain(marks().map(|m| m.start_ns + m.interval_ns)).max().unwrap_or(0),
            isn: [0, 1].map(|d| sighting.totals[d].as_ref().filter(|t| t.handshake_bits & 3 != 0).map(|t| t.isn)),
            quality_bits: totals().fold(0, |bits, t| bits | t.quality_bits),
            flow_first_ns: totals().map(|t| t.flow_first_ns).min().unwrap_or(u64::MAX),
        };
        let listed = marks().map(|m| m.trail.len()).sum();
        Facts { known: named.is_some(), listed, ..Facts::told(&outline, index, sighting) }
    }

    fn told(outline: &Outline<'a>, index: usize, sighting: &'a Sighting) -> Self {
        let Outline { op, flow, key, run, first_ns, last_ns, isn, quality_bits, flow_first_ns } = *outline;
        let seniority = (quality_bits & quality::NO_HANDSHAKE != 0, flow_first_ns);
        let (known, listed, digests) = (true, 0, std::cell::OnceCell::new());
        Facts { index, known, key, run, op, flow, first_ns, last_ns, isn, seniority, listed, sighting, digests }
    }

    fn both_isns(&self) -> bool {
        self.isn.iter().all(Option::is_some)
    }

    fn overlaps(&self, other: &Facts<'_>) -> bool {
        self.first_ns <= other.last_ns.saturating_add(SLACK_NS)
            && other.first_ns <= self.last_ns.saturating_add(SLACK_NS)
    }

    /// Initial sequence numbers as a set: a point may have the directions the other way round.
    fn isn_set(&self) -> [Option<u32>; 2] {
        let mut set = self.isn;
        set.sort_unstable();
        set
    }

    /// Whether both cannot be the same flow, or are two instances at one point.
    fn excludes(&self, other: &Facts<'_>) -> bool {
        (self.op == other.op && self.index != other.index)
            || (self.both_isns() && other.both_isns() && self.isn_set() != other.isn_set())
    }

    /// The best evidence that both are the same flow; `None` if they are not.
    fn compare(&self, other: &Facts<'_>) -> Option<u32> {
        if self.both_isns() && other.both_isns() {
            return (self.isn_set() == other.isn_set()).then_some(join_evidence::ISN as u32);
        }
        let (a, b) = (self.digests(), other.digests());
        let shared = common(&a.sorted, &b.sorted);
        if common(&a.handshake, &b.handshake) > 0 {
            return Some(join_evidence::HANDSHAKE as u32);
        }
        if shared >= ENOUGH_DIGESTS {
            return Some(join_evidence::DIGESTS as u32);
        }
        if shared > 0 {
            return Some(join_evidence::FEW_DIGESTS as u32);
        }
        if self.cuts_agree(other) {
            return Some(join_evidence::SEQUENCE as u32);
        }
        Some(join_evidence::TUPLE as u32)
    }

    fn digests(&self) -> &Digests {
        self.digests.get_or_init(|| {
            let mut d = Digests::default();
            for list in &self.sighting.marks {
                let mut left = LOOK;
                for record in list.iter().filter(|m| !m.trail.is_empty()) {
                    let decoded = Trail::decode(&record.trail, record.start_ns);
                    for m in decoded.marks.iter().take(left) {
                        // Marks of different keys must not look alike.
                        let name = m.digest ^ record.key_id.rotate_left(17);
                        d.sorted.push(name);
                        if m.flags & trail::SYN != 0 {
                            d.handshake.push(name);
                        }
                    }
                    left = left.saturating_sub(decoded.marks.len());
                    if left == 0 {
                        break;
                    }
                }
            }
            d.sorted.sort_unstable();
            d.sorted.dedup();
            d.handshake.sort_unstable();
            Box::new(d)
        })
    }

    /// Whether both cut at the same places of the sequence at about the same time.
    fn cuts_agree(&self, other: &Facts<'_>) -> bool {
        let blocks = |s: &Sighting| -> Vec<(u8, u32)> {
            let mut list: Vec<(u8, u32)> = Vec::new();
            for record in s.marks.iter().flatten().filter(|m| !m.cuts.is_empty()) {
                let cuts = sce_proto::marks::Cuts::decode(&record.cuts, record.start_ns);
                list.extend(cuts.cuts.iter().take(LOOK).map(|c| (cuts.log2_stride, c.block)));
            }
            list.sort_unstable();
            list
        };
        let (a, b) = (blocks(self.sighting), blocks(other.sighting));
        a.iter().filter(|x| b.binary_search(x).is_ok()).count() >= 2
    }
}

/// How many values two sorted lists share.
fn common(a: &[u64], b: &[u64]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, n) = (i + 1, j + 1, n + 1),
        }
    }
    n
}

/// Disjoint sets.
struct Parts(Vec<usize>);

impl Parts {
    fn new(n: usize) -> Self {
        Parts((0..n).collect())
    }

    fn find(&mut self, i: usize) -> usize {
        let mut root = i;
        while self.0[root] != root {
            self.0[root] = self.0[self.0[root]];
            root = self.0[root];
        }
        root
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b)] = a.min(b);
    }
}
