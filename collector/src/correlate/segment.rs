//! What happened between two neighbouring points in one direction.
//!
//! In: both points' lines and which listed packets are the same. Out: the [`PathSegment`], but for its delays. The best method
//! that the evidence allows is taken, and named:
//!
//! * exact: both listed every packet, so each one is followed;
//! * counters: both saw the flow from start to end, so sums can be subtracted;
//! * block-exact: the same between the first and the last mark or cut that both have;
//! * bound: only unaligned sums are known.

use sce_proto::PathSegment;
use sce_proto::bits::{method, name, path_warning, quality};
use sce_proto::marks::{Counters, Mark, trail};

use super::blocks::{Block, balanced, blocks};
use super::line::{Line, View};
use super::matching::{Matching, reordered};
use super::matrix::{LOST, Matrix};
use super::places::{Boundary, common_places, rising};
use super::runs::follow;
use super::{TCP, Window, within};

/// Unmatched packets at either end of a capture count as lost if they span no more than this, ns, where nobody tells when the
/// far point captured: a longer stretch means that it did not.
const EDGE_NS: u64 = 2_000_000_000;
/// Where a point is known to have been opened: room for the change of delays, ns.
const MARGIN_NS: u64 = 50_000_000;
/// Shares of fewer listed packets are not worth an estimate.
const MIN_SAMPLE: u64 = 20;

/// Fills an empty segment: from one view to the next. `branch`: the first saw only a part of what the second saw.
pub(super) fn fill(
    s: &mut PathSegment,
    from: &View<'_>,
    to: &View<'_>,
    direction: usize,
    m: &Matching,
    branch: bool,
    window: Window,
) {
    let (near, far) = (&from.lines[direction], &to.lines[direction]);
    let totals = &near.totals;
    s.direction = direction as u32;
    (s.from_op, s.to_op) = (from.op, to.op);
    s.run.clone_from(if totals.run.is_empty() { &far.totals.run } else { &totals.run });
    s.ip_proto = totals.ip_proto;
    s.matched_marks = m.pairs.len() as u64;
    s.warning_bits = warnings(near, far);
    let region = Region::of(near, far, to, m, window);
    s.warning_bits |= region.warning_bits;
    if near.listed() && far.listed() && !m.pairs.is_empty() {
        exact(s, near, far, m, &region, branch, window);
    } else {
        by_counters(s, near, far, m, &region, window);
    }
    flags(s, near, far, m, window);
}

fn warnings(near: &Line<'_>, far: &Line<'_>) -> u32 {
    let quality_bits = near.totals.quality_bits | far.totals.quality_bits;
    let mut bits = 0;
    for (has, warning) in [
        (quality::CAPTURE_LOSS, path_warning::CAPTURE_LOSS),
        (quality::ESTIMATED_SEGMENTS, path_warning::ESTIMATED),
        (quality::CLOCK_STEP, path_warning::CLOCK_STEP),
    ] {
        if quality_bits & has != 0 {
            bits |= warning as u32;
        }
    }
    if near.dropped || far.dropped {
        bits |= path_warning::MARKS_DROPPED as u32;
    }
    bits
}

/// The stretch of near marks about which the far point can say something, and far marks about which the near one can.
struct Region {
    near: (usize, usize),
    far: (usize, usize),
    /// Both lines begin with the flow, so that their counters start at the same packet.
    start: bool,
    /// Both lines end with the flow.
    end: bool,
    warning_bits: u32,
}

impl Region {
    fn of(near: &Line<'_>, far: &Line<'_>, to: &View<'_>, m: &Matching, window: Window) -> Region {
        let (x, y) = (&near.marks, &far.marks);
        let mut warning_bits = 0;
        let (first, last) = (m.pairs.first().map_or(0, |p| p.0 as usize), m.pairs.last().map_or(0, |p| p.0 as usize));
        let far_first = m.pairs.iter().map(|p| p.1 as usize).min().unwrap_or(0);
        let far_last = m.pairs.iter().map(|p| p.1 as usize).max().unwrap_or(0);
        // The beginning: packets before the first common one were lost, unless the far point was not there yet.
        let syn = |list: &[Mark]| list.iter().any(|p| p.flags & trail::SYN != 0);
        let missed_syn = syn(x.get(..first).unwrap_or_default()) && !syn(y);
        let span = |a: usize, b: usize| match (x.get(a), x.get(b)) {
            (Some(a), Some(b)) => b.time_ns.saturating_sub(a.time_ns),
            _ => 0,
        };
        let lead_in = span(0, first);
        // When the far point would have seen the first packet, if it had not been lost on the way.
        let there = || match (to.awake, m.pairs.first().and_then(|p| y.get(p.1 as usize))) {
            (Some(awake), Some(seen)) => awake.since(seen.time_ns.saturating_sub(lead_in + MARGIN_NS), seen.time_ns),
            _ => lead_in <= EDGE_NS,
        };
        let begins = first == 0 || (!missed_syn && far.base.total_packets() == 0 && there());
        let asked = |range: &[Mark]| range.iter().any(|p| within(window, p.time_ns));
        if !begins && asked(&x[..first]) {
            // In a window of a longer flow the first packets were simply on their way before it.
            let late = if near.base.total_packets() == 0 { path_warning::LATE_START } else { 0 };
            warning_bits |= (late | path_warning::PARTIAL) as u32;
        }
        // The end: packets behind the last common one were lost if the far point knows that the flow is over.
        let tail = span(last, x.len().saturating_sub(1));
        let open = !far.over;
        let stayed = || match (to.awake, y.get(far_last)) {
            (Some(awake), Some(seen)) => awake.until(seen.time_ns, seen.time_ns.saturating_add(tail)),
            _ => false,
        };
        let ends = last + 1 >= x.len() || (!open && (tail <= EDGE_NS || stayed()));
        if !ends && asked(&x[last + 1..]) {
            warning_bits |= if open { path_warning::IN_FLIGHT } else { path_warning::PARTIAL } as u32;
        }
        let near_range = (if begins { 0 } else { first }, if ends { x.len() } else { (last + 1).min(x.len()) });
        let base = near.base.total_packets() == 0 && far.base.total_packets() == 0;
        let listed = base && begins && !m.pairs.is_empty() && far_first == 0;
        let start = near.whole && far.whole && ((near.began() && far.began() && !missed_syn) || listed);
        let end = near.whole && far.whole && near.over && far.over && ends;
        Region { near: near_range, far: (far_first, (far_last + 1).min(y.len())), start, end, warning_bits }
    }
}

/// Follows every packet.
fn exact(
    s: &mut PathSegment,
    near: &Line<'_>,
    far: &Line<'_>,
    m: &Matching,
    region: &Region,
    branch: bool,
    window: Window,
) {
    let (x, y) = (&near.marks, &far.marks);
    let inside =
        |i: u32| (region.near.0..region.near.1).contains(&(i as usize)) && within(window, x[i as usize].time_ns);
    let mut matrix = Matrix::default();
    for (i, j) in m.pairs.iter().filter(|p| inside(p.0)) {
        let (a, b) = (&x[*i as usize], &y[*j as usize]);
        matrix.count(a.ecn, usize::from(b.ecn & 3), a.ip_bytes);
        s.sent_packets += 1;
        s.sent_bytes += u64::from(a.ip_bytes);
        s.received_packets += 1;
        s.received_bytes += u64::from(b.ip_bytes);
    }
    for i in m.lost.iter().filter(|i| inside(**i)) {
        let a = &x[*i as usize];
        matrix.count(a.ecn, LOST, a.ip_bytes);
        s.sent_packets += 1;
        s.sent_bytes += u64::from(a.ip_bytes);
        s.lost_packets += 1;
        s.lost_bytes += u64::from(a.ip_bytes);
    }
    for (j, _) in m.duplicates.iter().filter(|d| inside(d.1)) {
        let bytes = u64::from(y[*j as usize].ip_bytes);
        s.duplicated_packets += 1;
        s.duplicated_bytes += bytes;
        s.received_packets += 1;
        s.received_bytes += bytes;
    }
    for j in m.strangers.iter().filter(|j| (region.far.0..region.far.1).contains(&(**j as usize))) {
        let b = &y[*j as usize];
        if !branch && within(window, b.time_ns) {
            s.unmatched_packets += 1;
            s.unmatched_bytes += u64::from(b.ip_bytes);
            s.received_packets += 1;
            s.received_bytes += u64::from(b.ip_bytes);
        }
    }
    s.reordered_packets = reordered(&m.pairs).into_iter().filter(|i| inside(*i)).count() as u64;
    (s.lost_packets_low, s.lost_packets_high) = (s.lost_packets, s.lost_packets);
    s.method = name(method::ALL, method::EXACT).to_owned();
    s.ecn_method.clone_from(&s.method);
    matrix.report(s);
}

/// Subtracts sums between places that both sides know.
fn by_counters(s: &mut PathSegment, near: &Line<'_>, far: &Line<'_>, m: &Matching, region: &Region, window: Window) {
    let mut places = common_places(near, far, m);
    let inner = places.len();
    if region.start {
        places
            .insert(0, Boundary { near: Counters::default(), far: Counters::default(), time_ns: near.totals.first_ns });
    }
    if region.end {
        places.push(Boundary { near: near.counted(), far: far.counted(), time_ns: near.totals.last_ns });
    }
    let places = rising(&places);
    if places.len() < 2 {
        return unaligned(s, near, far, window);
    }
    let (mut matrix, mut rest) = (Matrix::default(), Matrix::default());
    let mut blocks = blocks(&places, follow(near, far, &places));
    // What the maps tell adds up to what the counters tell, or is not believed.
    if !balanced(&blocks) {
        blocks = super::blocks::blocks(&places, vec![None; places.len() - 1]);
    }
    let (mut unknown, mut copies) = (Boundary::default(), 0);
    let asked = || blocks.iter().filter(|b| within(window, b.time_ns));
    for block in asked() {
        let (n, f) = (block.near.total_packets(), block.far.total_packets());
        s.sent_packets += n;
        s.sent_bytes += block.near.total_bytes();
        s.received_bytes += block.far.total_bytes();
        if let Some(known) = &block.followed {
            s.received_packets += n + known.duplicated_packets - known.lost_packets;
            s.lost_packets += known.lost_packets;
            s.lost_bytes += known.lost_bytes;
            s.duplicated_packets += known.duplicated_packets;
            s.duplicated_bytes += known.duplicated_bytes;
            s.reordered_packets += known.reordered_packets;
            matrix.plus(&known.matrix);
            continue;
        }
        s.received_packets += f;
        s.lost_packets += n.saturating_sub(f);
        s.duplicated_packets += f.saturating_sub(n);
        copies += f.saturating_sub(n);
        s.lost_bytes += block.near.total_bytes().saturating_sub(block.far.total_bytes());
        s.duplicated_bytes += block.far.total_bytes().saturating_sub(block.near.total_bytes());
        rest.add_block(&block.near, &block.far);
        (unknown.near, unknown.far) = (unknown.near.plus(&block.near), unknown.far.plus(&block.far));
    }
    if !in_sequence(near, far) {
        rest.widen(&unknown.near, &unknown.far);
    }
    // Where sums show both, a packet may have come too late to be told from a copy.
    (s.lost_packets_low, s.lost_packets_high) = (s.lost_packets.saturating_sub(copies), s.lost_packets);
    let whole = region.start && region.end && window.is_none();
    // The window reaches beyond the places that both sides know, or lies between two of them.
    let beyond = window.is_some_and(|(from, to)| {
        let inside = places.iter().filter(|p| within(window, p.time_ns)).count();
        let (first, last) = (places[0].time_ns, places[places.len() - 1].time_ns);
        near.asked().packets > 0 && (inside == 0 || first > from || (last < to && !region.end))
    });
    if beyond || (window.is_none() && (!region.start || region.end != near.over)) {
        s.warning_bits |= path_warning::PARTIAL as u32;
    }
    let counted = places[places.len() - 1].near.total_packets();
    if window.is_none() && !near.over && near.counted().total_packets() > counted {
        s.warning_bits |= path_warning::IN_FLIGHT as u32;
    }
    let loss = if whole { method::COUNTERS } else { method::BLOCK_EXACT };
    s.method = name(method::ALL, loss).to_owned();
    let ecn = if rest.certain() && matrix.certain() {
        if whole && inner == 0 { method::COUNTERS } else { method::BLOCK_EXACT }
    } else {
        let blind: Vec<&Block> = asked().filter(|b| b.followed.is_none()).collect();
        let counts = sample(near, far, m, region, &blind);
        if counts.iter().flatten().sum::<u64>() >= MIN_SAMPLE {
            rest.sample(&counts);
            method::SAMPLED
        } else {
            method::BOUND
        }
    };
    s.ecn_method = name(method::ALL, ecn).to_owned();
    matrix.plus(&rest);
    matrix.report(s);
}

/// Whether all packets kept their order as far as sequence numbers tell: then the packets between two places are the same on
/// both sides, but for those that were lost. Without numbers nobody knows.
fn in_sequence(near: &Line<'_>, far: &Line<'_>) -> bool {
    let orderly = |line: &Line<'_>| line.totals.reordered_segments == 0 && line.totals.late_segments == 0;
    near.totals.ip_proto == TCP && orderly(near) && orderly(far)
}

/// Only sums that were not taken at the same place of the flow: what is missing at the far point is lost or on its way.
///
/// In a window packets that came in before it hide as many losses, so there any number can be lost.
fn unaligned(s: &mut PathSegment, near: &Line<'_>, far: &Line<'_>, window: Window) {
    let (a, b) = (near.asked_counters(), far.asked_counters());
    s.sent_packets = a.total_packets();
    s.received_packets = b.total_packets();
    (s.sent_bytes, s.received_bytes) = (near.asked().ip_bytes, far.asked().ip_bytes);
    s.lost_packets = s.sent_packets.saturating_sub(s.received_packets);
    s.lost_bytes = s.sent_bytes.saturating_sub(s.received_bytes);
    s.lost_packets_high = if window.is_some() { s.sent_packets } else { s.lost_packets };
    let mut matrix = Matrix::default();
    matrix.add_block(&a, &b);
    if window.is_some() {
        matrix.loosen();
    }
    s.method = name(method::ALL, method::BOUND).to_owned();
    s.ecn_method.clone_from(&s.method);
    matrix.report(s);
}

/// What became of the listed packets of some blocks that a threshold selected: a fair sample. The head of a flow, listed in
/// full, is not.
fn sample(near: &Line<'_>, far: &Line<'_>, m: &Matching, region: &Region, blocks: &[&Block]) -> [[u64; 5]; 4] {
    let passed = near.cumulative();
    let mut counts = [[0; 5]; 4];
    let head = near.gaps.first().map_or(0, |g| g.0);
    let fair = |i: u32| {
        i >= head && (region.near.0..region.near.1).contains(&(i as usize)) && {
            let at = passed[i as usize].total_packets();
            let block = blocks.get(blocks.partition_point(|b| b.until <= at));
            block.is_some_and(|b| at + b.near.total_packets() >= b.until)
        }
    };
    for (i, j) in m.pairs.iter().filter(|p| fair(p.0)) {
        let (a, b) = (near.marks[*i as usize].ecn, far.marks[*j as usize].ecn);
        counts[usize::from(a & 3)][usize::from(b & 3)] += 1;
    }
    if far.threshold >= near.threshold && !far.dropped {
        for i in m.lost.iter().filter(|i| fair(**i)) {
            counts[usize::from(near.marks[*i as usize].ecn & 3)][LOST] += 1;
        }
    }
    counts
}

/// TCP flags that the path changed.
fn flags(s: &mut PathSegment, near: &Line<'_>, far: &Line<'_>, m: &Matching, window: Window) {
    for (i, j) in &m.pairs {
        let (a, b) = (&near.marks[*i as usize], &far.marks[*j as usize]);
        if a.flags == b.flags || !within(window, a.time_ns) {
            continue;
        }
        let (gone, new) = (a.flags & !b.flags, b.flags & !a.flags);
        for (bit, cleared, set) in [
            (trail::AE, &mut s.ae_cleared_packets, &mut s.ae_set_packets),
            (trail::ECE, &mut s.ece_cleared_packets, &mut s.ece_set_packets),
            (trail::CWR, &mut s.cwr_cleared_packets, &mut s.cwr_set_packets),
        ] {
            *cleared += u64::from(gone & bit != 0);
            *set += u64::from(new & bit != 0);
        }
    }
}
