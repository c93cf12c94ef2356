//! Run-length maps of two points laid side by side: what became of every packet of a TCP direction, without a digest each.
//!
//! In: both lines and the places that both know. Out: for each block between two places in which both maps list every
//! packet, what was marked, lost, copied and overtaken there. Data packets are the same if they are the same bytes of the
//! sequence; where some were sent again, those that stand in order. Packets without data are told by their sums.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use sce_proto::marks::{Counters, Mark, Spans};

use super::line::Line;
use super::matching::{Matching, matching, reordered};
use super::matrix::{LOST, Matrix};
use super::places::Boundary;

/// Packets that are laid side by side at once: bounds memory, at some 100 bytes each.
const MOST: u64 = 1 << 21;

/// What happened to the packets that passed the near point in one block.
#[derive(Debug, Clone, Default)]
pub(super) struct Followed {
    pub(super) matrix: Matrix,
    pub(super) lost_packets: u64,
    pub(super) lost_bytes: u64,
    pub(super) duplicated_packets: u64,
    pub(super) duplicated_bytes: u64,
    pub(super) reordered_packets: u64,
}

/// Follows the packets of the blocks between places; `None` for blocks that the maps do not cover.
pub(super) fn follow(near: &Line<'_>, far: &Line<'_>, places: &[Boundary]) -> Vec<Option<Followed>> {
    let mut out: Vec<Option<Followed>> = vec![None; places.len().saturating_sub(1)];
    if near.maps.is_empty() || far.maps.is_empty() {
        return out;
    }
    let ends = |b: usize| (&places[b], &places[b + 1]);
    let covered = |b: usize| {
        let (from, to) = ends(b);
        covers(&near.maps, from.near.total_packets(), to.near.total_packets())
            && covers(&far.maps, from.far.total_packets(), to.far.total_packets())
    };
    let packets = |from: usize, to: usize| places[to].near.total_packets() - places[from].near.total_packets();
    let mut from = 0;
    while from < out.len() {
        let mut to = from;
        while to < out.len() && covered(to) && packets(from, to + 1) <= MOST {
            to += 1;
        }
        if to > from {
            stretch(near, far, &places[from..=to], &mut out[from..to]);
        }
        from = to.max(from + 1);
    }
    out
}

/// Whether maps list every packet from one count of packets to another.
fn covers(maps: &[Spans], from: u64, to: u64) -> bool {
    let mut at = from;
    let first = maps.partition_point(|m| m.first <= from).saturating_sub(1);
    for map in &maps[first..] {
        if at >= to || map.first > at {
            break;
        }
        at = at.max(map.first + map.packets());
    }
    at >= to
}

/// One side of a stretch.
struct Side {
    /// Data packets; their time is their place in the direction, and their name that of their bytes.
    data: Vec<Mark>,
    /// Packets without data, by block.
    bare: Vec<Counters>,
    /// Blocks for which the map and the counters disagree.
    wrong: Vec<usize>,
}

fn stretch(near: &Line<'_>, far: &Line<'_>, places: &[Boundary], out: &mut [Option<Followed>]) {
    let x = side(&near.maps, places, |p| &p.near);
    let y = side(&far.maps, places, |p| &p.far);
    let near_block = |i: u32| block(places, |p| &p.near, x.data[i as usize].time_ns);
    let mut m = matching(&x.data, &y.data);
    let doubtful = untangle(&x.data, &y.data, &mut m);
    let mut followed = vec![Followed::default(); out.len()];
    let mut certain = (vec![true; m.pairs.len()], vec![true; m.lost.len()]);
    for d in &doubtful {
        let ((i, j), l) = (m.pairs[d.pair], m.lost[d.lost]);
        let (mut n, mut f) = (Counters::default(), Counters::default());
        for a in [i, l].map(|i| &x.data[i as usize]) {
            n.add(a.ecn, a.ip_bytes);
        }
        f.add(y.data[j as usize].ecn, y.data[j as usize].ip_bytes);
        followed[near_block(i)].matrix.add_block(&n, &f);
        (certain.0[d.pair], certain.1[d.lost]) = (false, false);
    }
    for ((i, j), _) in m.pairs.iter().zip(certain.0).filter(|p| p.1) {
        let (a, b) = (&x.data[*i as usize], &y.data[*j as usize]);
        followed[near_block(*i)].matrix.count(a.ecn, usize::from(b.ecn & 3), a.ip_bytes);
    }
    for (i, certain) in m.lost.iter().zip(certain.1) {
        let (a, f) = (&x.data[*i as usize], &mut followed[near_block(*i)]);
        f.lost_packets += 1;
        f.lost_bytes += u64::from(a.ip_bytes);
        if certain {
            f.matrix.count(a.ecn, LOST, a.ip_bytes);
        }
    }
    m.pairs.sort_unstable();
    for (j, i) in &m.duplicates {
        let f = &mut followed[near_block(*i)];
        f.duplicated_packets += 1;
        f.duplicated_bytes += u64::from(y.data[*j as usize].ip_bytes);
    }
    for i in reordered(&m.pairs) {
        followed[near_block(i)].reordered_packets += 1;
    }
    let bare = bare(&x, &y);
    for Bare { blocks, near: n, far: m } in &bare {
        let f = &mut followed[*blocks.end()];
        f.matrix.add_block(n, m);
        f.lost_packets += n.total_packets().saturating_sub(m.total_packets());
        f.duplicated_packets += m.total_packets().saturating_sub(n.total_packets());
        f.lost_bytes += n.total_bytes().saturating_sub(m.total_bytes());
        f.duplicated_bytes += m.total_bytes().saturating_sub(n.total_bytes());
    }
    // Bytes that came out in packets in which they did not go in (segmented anew, or overtaken across the stretch's edge)
    // say nothing here.
    let far_block = |j: u32| block(places, |p| &p.far, y.data[j as usize].time_ns);
    let around = m.strangers.iter().map(|j| far_block(*j)).flat_map(|b| b.saturating_sub(1)..=b + 1);
    let mut known = vec![true; out.len()];
    for b in x.wrong.iter().chain(&y.wrong).copied().chain(around) {
        known.iter_mut().skip(b).take(1).for_each(|k| *k = false);
    }
    // A packet that went into one block and came out in another counts in both or in none.
    let mut across: Vec<(usize, usize)> = m.pairs.iter().map(|(i, j)| (near_block(*i), far_block(*j))).collect();
    across.extend(bare.iter().flat_map(|b| b.blocks.clone().map(|i| (i, *b.blocks.end()))));
    across.retain(|(from, to)| from != to);
    while let Some((from, to)) = across.iter().find(|(from, to)| known[*from] != known[*to]) {
        (known[*from], known[*to]) = (false, false);
    }
    for ((o, f), known) in out.iter_mut().zip(followed).zip(known) {
        *o = known.then_some(f);
    }
}

/// Packets without data of some blocks, on both sides.
struct Bare {
    blocks: RangeInclusive<usize>,
    near: Counters,
    far: Counters,
}

/// Packets without data on both sides, by block. Where more came out than went in, one changed places with a listed packet,
/// so that the block and its neighbour are taken as one.
fn bare(x: &Side, y: &Side) -> Vec<Bare> {
    let excess = |b: &Bare| b.far.total_packets() > b.near.total_packets();
    let mut out: Vec<Bare> = Vec::with_capacity(x.bare.len());
    for (b, (near, far)) in x.bare.iter().zip(&y.bare).enumerate() {
        let mut last = Bare { blocks: b..=b, near: *near, far: *far };
        // What the first ones borrowed comes from behind them.
        while (excess(&last) || out.last().is_some_and(excess))
            && let Some(before) = out.pop()
        {
            last = Bare {
                blocks: *before.blocks.start()..=b,
                near: before.near.plus(&last.near),
                far: before.far.plus(&last.far),
            };
        }
        out.push(last);
    }
    out
}

/// Copies of the same bytes of which one was lost, and nothing tells for certain which.
struct Doubtful {
    /// Places in the pairs and in the lost of a matching.
    pair: usize,
    lost: usize,
}

/// Sets right which copy of bytes that were sent several times got through, and says where that is a guess.
///
/// A copy that is the one that arrived kept its place among the packets that got through between the copies, and most kept
/// their code point. Bytes that are sent again go without ECT (RFC 3168 section 6.1.5), and no hop may write it.
fn untangle(near: &[Mark], far: &[Mark], m: &mut Matching) -> Vec<Doubtful> {
    let ecn = |i: u32, j: u32| (near[i as usize].ecn, far[j as usize].ecn);
    let wrong = |p: &(u32, u32)| matches!(ecn(p.0, p.1), (0, 1..));
    let mut copies: BTreeMap<u64, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (k, i) in m.lost.iter().enumerate() {
        copies.entry(near[*i as usize].digest).or_default().1.push(k);
    }
    for pair in m.pairs.iter().filter(|p| wrong(p)) {
        copies.entry(near[pair.0 as usize].digest).or_default();
    }
    if copies.is_empty() {
        return Vec::new();
    }
    for (k, pair) in m.pairs.iter().enumerate() {
        copies.entry(near[pair.0 as usize].digest).and_modify(|c| c.0.push(k));
    }
    copies.retain(|_, c| !c.0.is_empty());
    let settled = m.pairs.clone();
    // What speaks against a copy, if it or another one is what arrived.
    let against = |copy: u32, other: u32, arrived: u32| {
        let (first, last) = (copy.min(other), copy.max(other));
        let from = settled.partition_point(|p| p.0 <= first);
        let between = settled[from..].iter().take_while(|p| p.0 < last);
        let overtaken = between.filter(|p| (p.1 < arrived) == (copy == first)).count() > 0;
        let changed = ecn(copy, arrived).0 != ecn(copy, arrived).1;
        u32::from(overtaken) + u32::from(changed) + 2 * u32::from(wrong(&(copy, arrived)))
    };
    let mut doubtful = Vec::new();
    for (pairs, lost) in copies.values() {
        let mut told: Vec<usize> = Vec::new();
        for k in pairs {
            let (n, f) = m.pairs[*k];
            let crossed = |o: &&usize| !wrong(&(m.pairs[**o].0, f)) && !wrong(&(n, m.pairs[**o].1));
            if wrong(&(n, f))
                && let Some(o) = pairs.iter().find(crossed)
            {
                m.pairs[*k].1 = m.pairs[*o].1;
                m.pairs[*o].1 = f;
                continue;
            }
            let free = lost.iter().copied().filter(|l| !told.contains(l));
            let Some((l, ours, theirs)) = free
                .map(|l| (l, against(n, m.lost[l], f), against(m.lost[l], n, f)))
                .min_by_key(|(_, ours, theirs)| i64::from(*theirs) - i64::from(*ours))
            else {
                continue;
            };
            let differ = near[n as usize].ecn != near[m.lost[l] as usize].ecn;
            if theirs < ours {
                (m.pairs[*k].0, m.lost[l]) = (m.lost[l], n);
            }
            if differ && ours.abs_diff(theirs) < 2 {
                doubtful.push(Doubtful { pair: *k, lost: l });
            }
            if theirs < ours || differ {
                told.push(l);
            }
        }
    }
    doubtful
}

/// The block in which a packet lies.
fn block(places: &[Boundary], of: impl Fn(&Boundary) -> &Counters, at: u64) -> usize {
    places.partition_point(|p| of(p).total_packets() <= at).clamp(1, places.len() - 1) - 1
}

fn side(maps: &[Spans], places: &[Boundary], of: impl Fn(&Boundary) -> &Counters) -> Side {
    let blocks = places.len() - 1;
    let (from, to) = (of(&places[0]).total_packets(), of(&places[blocks]).total_packets());
    let mut out = Side {
        data: Vec::with_capacity((to - from) as usize),
        bare: vec![Counters::default(); blocks],
        wrong: Vec::new(),
    };
    let mut seen = vec![[0u64; 4]; blocks];
    let mut at = from;
    for map in &maps[maps.partition_point(|m| m.first <= from).saturating_sub(1)..] {
        let mut index = map.first;
        for run in &map.runs {
            for i in 0..run.packets {
                let place = index + u64::from(i);
                // Maps may overlap where a point reported twice.
                if place < at || place >= to {
                    continue;
                }
                at = place + 1;
                let b = block(places, &of, place);
                seen[b][usize::from(run.ecn & 3)] += 1;
                if run.size == 0 {
                    out.bare[b].add(run.ecn, run.header / run.packets);
                    continue;
                }
                let seq = run.seq.wrapping_add(run.size.wrapping_mul(i));
                out.data.push(Mark {
                    digest: u64::from(run.size) << 32 | u64::from(seq),
                    time_ns: place,
                    ip_bytes: run.header.saturating_add(run.size),
                    payload_bytes: run.size,
                    flags: 0,
                    ecn: run.ecn,
                    ttl: 0,
                });
            }
            index += u64::from(run.packets);
        }
    }
    out.wrong = (0..blocks).filter(|b| of(&places[b + 1]).since(of(&places[*b])).packets != seen[*b]).collect();
    out
}
