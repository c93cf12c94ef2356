//! Places of a flow's direction that two points both know, with the counters of both sides there.
//!
//! In: both lines and which listed packets are the same. Out: places in order, at which neither side's counters run
//! backwards. What lies between two of them is one block on both sides ([`super::blocks`]).

use sce_proto::marks::Counters;

use super::line::Line;
use super::matching::{Matching, in_order};

/// Both sides' counters at one place of the flow.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Boundary {
    pub(super) near: Counters,
    pub(super) far: Counters,
    pub(super) time_ns: u64,
}

/// Places that both sides marked: cuts of the sequence, and listed packets that kept their order.
pub(super) fn common_places(near: &Line<'_>, far: &Line<'_>, m: &Matching) -> Vec<Boundary> {
    let mut places = Vec::new();
    if !m.pairs.is_empty() {
        let (x, y) = (near.cumulative(), far.cumulative());
        let place = |(i, j): (u32, u32)| Boundary {
            near: x[i as usize],
            far: y[j as usize],
            time_ns: near.marks[i as usize].time_ns,
        };
        places.extend(in_order(&m.pairs).into_iter().map(place));
        // Behind the last common packet is a place too.
        if let Some((i, j)) = in_order(&m.pairs).last() {
            let time_ns = near.marks[*i as usize].time_ns;
            let (mut n, mut f) = (x[*i as usize], y[*j as usize]);
            n.add(near.marks[*i as usize].ecn, near.marks[*i as usize].ip_bytes);
            f.add(far.marks[*j as usize].ecn, far.marks[*j as usize].ip_bytes);
            places.push(Boundary { near: n, far: f, time_ns });
        }
    }
    places.extend(common_cuts(near, far));
    places.sort_by_key(|p| (p.near.total_packets(), p.near.total_bytes()));
    places
}

fn common_cuts(near: &Line<'_>, far: &Line<'_>) -> Vec<Boundary> {
    if near.cuts.is_empty() || far.cuts.is_empty() || near.log2_stride != far.log2_stride {
        return Vec::new();
    }
    let wrap = 1i64 << (32 - u32::from(near.log2_stride));
    // Both unwrapped from their own beginnings: of the shifts that fit, the one that is nearest in time.
    let shift = far.cuts.iter().find_map(|f| {
        let candidates = near.cuts.iter().filter(|n| (n.block - f.block) % wrap == 0);
        candidates.min_by_key(|n| n.seen.time_ns.abs_diff(f.seen.time_ns)).map(|n| n.block - f.block)
    });
    let Some(shift) = shift else { return Vec::new() };
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while let (Some(n), Some(f)) = (near.cuts.get(i), far.cuts.get(j)) {
        match n.block.cmp(&(f.block + shift)) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                if n.seen.same_segment(&f.seen) {
                    out.push(Boundary { near: n.seen.before, far: f.seen.before, time_ns: n.seen.time_ns });
                }
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    out
}

/// Without places at which the far side would run backwards.
pub(super) fn rising(places: &[Boundary]) -> Vec<Boundary> {
    let mut out: Vec<Boundary> = Vec::with_capacity(places.len());
    let grows =
        |a: &Counters, b: &Counters| (0..4).all(|i| a.packets[i] <= b.packets[i] && a.ip_bytes[i] <= b.ip_bytes[i]);
    for p in places {
        while out.len() > 1 && out.last().is_some_and(|l| !grows(&l.far, &p.far) || !grows(&l.near, &p.near)) {
            out.pop();
        }
        if out.last().is_none_or(|l| grows(&l.far, &p.far) && grows(&l.near, &p.near)) {
            out.push(*p);
        }
    }
    out
}
