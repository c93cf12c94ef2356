//! Flows whose addresses or ports were translated on the way.
//!
//! In: groups of sightings that agree in addresses and ports. Out: the same, with groups united that are one flow on two
//! sides of a translator: their address-free digests agree. A shared handshake packet proves it (initial sequence number and
//! timestamp), else eight shared packets, else all packets of a short flow. Packets that more than two groups have in common
//! (the same query asked twice) prove nothing.

use std::collections::BTreeMap;

use sce_proto::bits::join_evidence;
use sce_proto::marks::trail;

use super::join::{Facts, Group};
use super::line;

/// Listed packets per direction that are looked at.
const LOOK: usize = 64;
const ENOUGH: usize = 8;
/// Fewer packets than this prove nothing, even if all agree.
const FEWEST: usize = 3;
/// Names that one flow can have on its way.
const MOST_NAMES: usize = 5;

/// Unites groups that are the same flow before and after translation.
pub(super) fn pair(facts: &[Facts<'_>], groups: Vec<Group>) -> Vec<Group> {
    let ops = |g: &Group| g.members.iter().map(|m| facts[*m].op).collect::<Vec<_>>();
    let mut points: Vec<u64> = facts.iter().map(|f| f.op).collect();
    points.sort_unstable();
    points.dedup();
    // A flow that every point saw under one name has no other name.
    let partial = |g: &Group| points.iter().any(|op| g.members.iter().all(|m| facts[*m].op != *op));
    let candidates: Vec<usize> = (0..groups.len()).filter(|i| partial(&groups[*i])).collect();
    if candidates.len() < 2 {
        return groups;
    }
    let mut names: Vec<(u64, usize, bool)> = Vec::new();
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for i in &candidates {
        let before = names.len();
        let Some(f) = groups[*i].members.iter().map(|m| &facts[*m]).max_by_key(|f| f.listed) else { continue };
        for records in &f.sighting.marks {
            let key = records.first().map_or(0, |m| m.key_id.rotate_left(17));
            let marks = line::trail(records, LOOK);
            names.extend(marks.iter().map(|m| (m.digest ^ key, *i, m.flags & trail::SYN != 0)));
        }
        names[before..].sort_unstable();
        sizes.insert(*i, names.len() - before);
    }
    names.sort_unstable();
    names.dedup();
    let mut votes: BTreeMap<(usize, usize), (usize, bool)> = BTreeMap::new();
    for same in names.chunk_by(|a, b| a.0 == b.0) {
        // A handshake may cross several translators; anything else that more than two share is a repeated message.
        let syn = same.iter().all(|s| s.2);
        if same.len() > if syn { MOST_NAMES } else { 2 } {
            continue;
        }
        for (i, (_, a, _)) in same.iter().enumerate() {
            for (_, b, _) in &same[i + 1..] {
                let vote = votes.entry((*a, *b)).or_default();
                vote.0 += 1;
                vote.1 |= syn;
            }
        }
    }
    let mut groups: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
    for ((a, b), (shared, syn)) in votes {
        let smaller = sizes.get(&a).min(sizes.get(&b)).copied().unwrap_or(0);
        if !syn && shared < ENOUGH && (shared < FEWEST || shared < smaller) {
            continue;
        }
        let (Some(x), Some(y)) = (&groups[a], &groups[b]) else { continue };
        if ops(x).iter().any(|op| ops(y).contains(op)) {
            continue;
        }
        let label = |g: &Group| g.members.first().and_then(|m| facts[*m].sighting.totals.iter().flatten().next());
        if label(x).map(|t| &t.run) != label(y).map(|t| &t.run) {
            continue;
        }
        let Some(y) = groups[b].take() else { continue };
        if let Some(x) = &mut groups[a] {
            // The side that saw it first names it.
            let first = |g: &Group| {
                g.members.iter().filter_map(|m| facts[*m].sighting.totals[0].as_ref()).map(|t| t.first_ns).min()
            };
            if first(&y) < first(x) {
                x.flow = y.flow;
            }
            x.members.extend(y.members);
            x.members.sort_unstable();
            let proof = if syn { join_evidence::HANDSHAKE } else { join_evidence::DIGESTS };
            x.evidence_bits |= y.evidence_bits | (join_evidence::NAT | proof) as u32;
        }
    }
    groups.into_iter().flatten().collect()
}
