//! Comparisons of clocks, pooled over all flows that passed two hosts.
//!
//! In: time stamps of packets seen at two points. Out: one [`Clock`] per pair of clock domains. Flows help each other: one
//! that goes both ways calibrates the clocks for one that does not.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::clock::{Clock, Samples};
use super::join::{Facts, Group};
use super::line::View;
use super::{Hop, Options, Vantage};

/// Flows that began within one second at the same points, and compare their clocks: more tell no more.
const COMPARING: usize = 64;

/// Indices of the groups whose packets compare clocks: of those that began together at the same points, the ones with most
/// listed packets.
pub(super) fn comparing(facts: &[Facts<'_>], groups: &[Group]) -> Vec<usize> {
    if groups.len() <= COMPARING {
        return (0..groups.len()).collect();
    }
    let place = |(at, group): (usize, &Group)| {
        let members = || group.members.iter().map(|m| &facts[*m]);
        let began = members().map(|f| f.first_ns).min().unwrap_or(0);
        // A name for the set of points; two sets with one name would only compare fewer flows.
        let points = members().fold(0u64, |name, f| name.wrapping_add(f.op.wrapping_mul(f.op | 1)));
        let listed: usize = members().map(|f| f.listed).sum();
        (began / 1_000_000_000, points, Reverse(listed), at)
    };
    let mut list: Vec<_> = groups.iter().enumerate().map(place).collect();
    list.sort_unstable();
    let alike = list.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    alike.flat_map(|same| same.iter().take(COMPARING)).map(|flow| flow.3).collect()
}

/// Collects samples.
pub(super) struct Pool {
    /// Clock domain of each point.
    domains: BTreeMap<u64, u32>,
    /// Claimed error of each domain, ns.
    claims: BTreeMap<u32, u64>,
    pairs: BTreeMap<(u32, u32), Samples>,
}

/// All pairs of clocks.
pub(super) struct Clocks {
    domains: BTreeMap<u64, u32>,
    pairs: BTreeMap<(u32, u32), Clock>,
    shared: Clock,
}

impl Pool {
    /// Points with the same non-empty clock domain share a clock; every other one is its own.
    pub(super) fn new(points: &BTreeMap<u64, Vantage<'_>>, options: &Options) -> Pool {
        let mut names: BTreeMap<&str, u32> = BTreeMap::new();
        let mut domains = BTreeMap::new();
        let mut claims: BTreeMap<u32, u64> = BTreeMap::new();
        for (at, (op, Vantage { point, .. })) in points.iter().enumerate() {
            let own = at as u32;
            let domain =
                if point.clock_domain.is_empty() { own } else { *names.entry(&point.clock_domain).or_insert(own) };
            domains.insert(*op, domain);
            if let Some(error) = options.sync_error_ns.get(op) {
                claims.entry(domain).and_modify(|e| *e = (*e).max(*error)).or_insert(*error);
            }
        }
        Pool { domains, claims, pairs: BTreeMap::new() }
    }

    /// Takes in what passed two points.
    pub(super) fn add(&mut self, hop: &Hop, views: &[View<'_>]) {
        let (Some(from), Some(to)) = (self.domains.get(&hop.from_op), self.domains.get(&hop.to_op)) else { return };
        if from == to || !hop.compares_clocks || hop.matching.pairs.is_empty() {
            return;
        }
        let (near, far) = (&views[hop.from].lines[hop.direction].marks, &views[hop.to].lines[hop.direction].marks);
        let samples = self.pairs.entry((*from.min(to), *from.max(to))).or_default();
        for (i, j) in &hop.matching.pairs {
            let (near, far) = (near[*i as usize].time_ns, far[*j as usize].time_ns);
            if from < to { samples.forward(near, far) } else { samples.backward(near, far) }
        }
    }

    /// Works out all clocks.
    pub(super) fn estimate(self) -> Clocks {
        let Pool { domains, claims, pairs } = self;
        let claim = |(a, b): (u32, u32)| Some(claims.get(&a)?.saturating_add(*claims.get(&b)?));
        let pairs = pairs.iter().map(|(pair, samples)| (*pair, Clock::estimate(samples, claim(*pair)))).collect();
        Clocks { domains, pairs, shared: Clock::shared() }
    }
}

impl Clocks {
    /// The clock between two points, and whether it is the near one against the far one.
    pub(super) fn between(&self, from: u64, to: u64) -> Option<(&Clock, bool)> {
        let (from, to) = (*self.domains.get(&from)?, *self.domains.get(&to)?);
        if from == to {
            return Some((&self.shared, false));
        }
        Some((self.pairs.get(&(from.min(to), from.max(to)))?, from > to))
    }
}
