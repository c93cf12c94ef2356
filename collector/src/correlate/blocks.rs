//! The stretches of a direction between places that both sides know.
//!
//! In: places, and what run-length maps tell of the packets between them. Out: blocks whose sums speak of the same packets
//! on both sides: where packets changed places with a mark, the blocks that they left and came to are taken as one.

use sce_proto::marks::Counters;

use super::places::Boundary;
use super::runs::Followed;

/// A packet that others overtook is no later than this, ns.
const LATE_NS: u64 = 200_000_000;

/// What lies between two places.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) near: Counters,
    pub(super) far: Counters,
    /// Packets of the direction up to its end at the near point.
    pub(super) until: u64,
    began_ns: u64,
    pub(super) time_ns: u64,
    /// Known packet by packet.
    pub(super) followed: Option<Followed>,
}

impl Block {
    /// Packets that came out and did not go in, as far as sums tell.
    fn excess(&self) -> u64 {
        if self.followed.is_some() { 0 } else { self.far.total_packets().saturating_sub(self.near.total_packets()) }
    }

    /// Packets that went in and did not come out.
    fn missing(&self) -> u64 {
        let net = self.near.total_packets().saturating_sub(self.far.total_packets());
        self.followed.as_ref().map_or(net, |f| f.lost_packets)
    }
}

/// The stretches between places. One that came out with more packets than went in has borrowed from a neighbour (a packet
/// that changed places with the mark), so the two are taken as one.
///
/// A block belongs to the time at which it ended at the near point. None is left out before that, so that every window
/// comes to the same blocks.
pub(super) fn blocks(places: &[Boundary], followed: Vec<Option<Followed>>) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::with_capacity(places.len());
    for (pair, followed) in places.windows(2).zip(followed) {
        let (near, far) = (pair[1].near.since(&pair[0].near), pair[1].far.since(&pair[0].far));
        let (began_ns, time_ns) = (pair[0].time_ns, pair[1].time_ns);
        out.push(Block { near, far, until: pair[1].near.total_packets(), began_ns, time_ns, followed });
        while let Some(lender) = lender(&out) {
            unite(&mut out, lender);
        }
    }
    out
}

/// Whether what is known packet by packet agrees with the sums.
pub(super) fn balanced(blocks: &[Block]) -> bool {
    let (mut went, mut came) = (0, 0);
    for (b, f) in blocks.iter().filter_map(|b| b.followed.as_ref().map(|f| (b, f))) {
        went += b.near.total_packets() + f.duplicated_packets;
        came += b.far.total_packets() + f.lost_packets;
    }
    went == came
}

/// From where on blocks have to be taken as one, if the last one has more than it can have, or what another one has too
/// much: the neighbour, or the latest one that fits, across a map that ended before late packets came.
fn lender(blocks: &[Block]) -> Option<usize> {
    let (last, before) = blocks.split_last()?;
    let (neighbour, followed) = (before.last()?, last.followed.is_some());
    if followed || (last.excess() == 0 && last.missing() == 0) {
        return None;
    }
    if neighbour.followed.is_none() && (last.excess() > 0 || neighbour.excess() > 0) {
        return Some(before.len() - 1);
    }
    let recent = |b: &&Block| b.time_ns.saturating_add(LATE_NS) >= last.began_ns;
    let fits = |b: &Block| if last.excess() > 0 { b.missing() > 0 } else { b.excess() > 0 };
    let back = before.iter().rev().take_while(recent).position(fits)?;
    Some(before.len() - 1 - back)
}

/// Takes all blocks from one on as one.
fn unite(blocks: &mut Vec<Block>, from: usize) {
    let parts = blocks.split_off(from);
    blocks.extend(parts.into_iter().reduce(|a, b| Block {
        near: a.near.plus(&b.near),
        far: a.far.plus(&b.far),
        began_ns: a.began_ns,
        followed: None,
        ..b
    }));
}
