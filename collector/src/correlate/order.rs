//! Who began the flow, and which point is nearer to the sender.
//!
//! In: sightings or views of one flow. Out: members with their settled direction, and views in path order. Evidence in
//! falling rank: the operator's word, TTL, an interface with the sender's or receiver's address, the order of hooks on one
//! host, the sign of the round trip between two points (which needs no common clock), packets missing at one of them.

use std::cmp::Ordering;

use sce_proto::ObservationPoint;
use sce_proto::bits::order_evidence;

use super::line::View;
use super::matching::matching;
use super::{Member, Options, Sighting};

/// Marks that are compared to find a sign.
const LOOK: usize = 512;

/// Settles up and down over all sightings of a flow by the best evidence of who began it; ties by majority.
pub(super) fn orient(sightings: &[Sighting], members: &[usize]) -> Vec<Member> {
    let same = |i: &usize| members.first().is_some_and(|first| ends(&sightings[*i]) == ends(&sightings[*first]));
    if members.iter().all(same) {
        return members.iter().map(|i| Member { sighting: *i, swapped: false, same_as: None }).collect();
    }
    let rank = |i: usize| sightings[i].totals.iter().flatten().map(|t| t.initiator_evidence).max().unwrap_or(0);
    let best = members.iter().map(|i| rank(*i)).max().unwrap_or(0);
    let votes =
        |i: usize| members.iter().filter(|j| rank(**j) == best && !swapped(&sightings[i], &sightings[**j])).count();
    let judge = members.iter().copied().filter(|i| rank(*i) == best).max_by_key(|i| (votes(*i), std::cmp::Reverse(*i)));
    let judge = judge.unwrap_or(0);
    let member =
        |i: &usize| Member { sighting: *i, swapped: swapped(&sightings[judge], &sightings[*i]), same_as: None };
    members.iter().map(member).collect()
}

/// Whether two sightings of one flow have up and down the other way round.
fn swapped(a: &Sighting, b: &Sighting) -> bool {
    let (Some(x), Some(y)) = (ends(a), ends(b)) else { return false };
    if x == y {
        return false;
    }
    if x == y.mirrored() {
        return true;
    }
    // Translated addresses: the packets tell.
    let shared = |da: usize, db: usize| {
        let (p, q) = (super::line::trail(&a.marks[da], LOOK), super::line::trail(&b.marks[db], LOOK));
        matching(&p, &q).pairs.len()
    };
    shared(0, 1) + shared(1, 0) > shared(0, 0) + shared(1, 1)
}

/// Address and port of both ends.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends<'a> {
    src: (&'a [u8], u32),
    dst: (&'a [u8], u32),
}

impl Ends<'_> {
    fn mirrored(self) -> Self {
        Ends { src: self.dst, dst: self.src }
    }
}

/// The ends as the sighting has them for its own up.
fn ends(s: &Sighting) -> Option<Ends<'_>> {
    match (&s.totals[0], &s.totals[1]) {
        (Some(t), _) => Some(Ends { src: (&t.src_ip, t.src_port), dst: (&t.dst_ip, t.dst_port) }),
        (None, Some(t)) => Some(Ends { src: (&t.dst_ip, t.dst_port), dst: (&t.src_ip, t.src_port) }),
        (None, None) => None,
    }
}

/// Leaves out views that are the same as another one's in every respect: two captures of one interface.
pub(super) fn drop_same_points(views: &mut Vec<View<'_>>, members: &mut [Member], sightings: &[Sighting]) {
    let mut i = 1;
    while i < views.len() {
        match (0..i).find(|j| same(&views[*j], &views[i])) {
            Some(j) => {
                let (op, twin) = (views[i].op, views[j].op);
                members.iter_mut().filter(|m| sightings[m.sighting].op == op).for_each(|m| m.same_as = Some(twin));
                views.remove(i);
            }
            None => i += 1,
        }
    }
}

fn same(a: &View<'_>, b: &View<'_>) -> bool {
    (0..2).all(|d| {
        let (x, y) = (&a.lines[d], &b.lines[d]);
        let counts = |l: &super::line::Line<'_>| {
            (
                l.totals.packets,
                l.totals.ip_bytes,
                l.totals.first_ns,
                l.totals.last_ns,
                l.totals.ttl_min,
                l.totals.ttl_max,
            )
        };
        counts(x) == counts(y)
            && match (x.marks.first(), y.marks.first(), x.marks.last(), y.marks.last()) {
                (Some(p), Some(q), Some(r), Some(s)) => p == q && r == s,
                _ => true,
            }
    })
}

/// Indices of the views that saw a direction, in the order its packets pass them.
pub(super) fn order(views: &[View<'_>], direction: usize, options: &Options) -> Vec<usize> {
    // Insertion by pairwise evidence: paths are short.
    let mut rest: Vec<usize> = (0..views.len()).filter(|i| views[*i].lines[direction].packets() > 0).collect();
    rest.sort_by_key(|i| (std::cmp::Reverse(views[*i].lines[direction].ttl), views[*i].op));
    let mut out: Vec<usize> = Vec::with_capacity(rest.len());
    for v in rest {
        let before = |o: &usize| compare(&views[v], &views[*o], direction, options).0 == Ordering::Less;
        let at = out.iter().position(before).unwrap_or(out.len());
        out.insert(at, v);
    }
    out
}

/// Which of two views comes first on the way of a direction, and why.
pub(super) fn compare(a: &View<'_>, b: &View<'_>, direction: usize, options: &Options) -> (Ordering, u32) {
    let told = |v: &View<'_>| options.order.iter().position(|op| *op == v.op);
    if let (Some(x), Some(y)) = (told(a), told(b)) {
        let by = if direction == 0 { x.cmp(&y) } else { y.cmp(&x) };
        return (by, order_evidence::OPERATOR as u32);
    }
    let (x, y) = (&a.lines[direction], &b.lines[direction]);
    let by_ttl = y.ttl.cmp(&x.ttl);
    if by_ttl != Ordering::Equal {
        return (by_ttl, order_evidence::TTL as u32);
    }
    let by_end = end(a, direction).cmp(&end(b, direction));
    if by_end != Ordering::Equal {
        return (by_end, order_evidence::ENDPOINT as u32);
    }
    if let (Some(p), Some(q)) = (a.point, b.point)
        && p.host == q.host
        && p.netns == q.netns
        && p.order_last > 0
        && q.order_last > 0
        && p.order_last != q.order_last
    {
        // Rising towards the wire on egress: the other way round where the packet comes in.
        let by = p.order_last.cmp(&q.order_last);
        let by = if end(a, direction) > 0 { by.reverse() } else { by };
        return (by, order_evidence::HOST as u32);
    }
    match round_trip(a, b, direction) {
        0 => {}
        sign => return (0.cmp(&sign), order_evidence::DELAY as u32),
    }
    if x.complete() && y.complete() && x.packets() != y.packets() {
        return (y.packets().cmp(&x.packets()), order_evidence::COVERAGE as u32);
    }
    ((y.packets(), a.op).cmp(&(x.packets(), b.op)), 0)
}

/// -1 at an interface with the sender's address, 1 at one with the receiver's, 0 in between.
pub(super) fn end(v: &View<'_>, direction: usize) -> i8 {
    let (Some(point), t) = (v.point, &v.lines[direction].totals) else { return 0 };
    match (has(point, &t.src_ip), has(point, &t.dst_ip)) {
        (true, false) => -1,
        (false, true) => 1,
        _ => 0,
    }
}

/// Whether an interface has an address. The list has a length byte before each.
fn has(point: &ObservationPoint, ip: &[u8]) -> bool {
    let mut rest = point.addresses_last.as_slice();
    while let Some((len, tail)) = rest.split_first() {
        let len = usize::from(*len).min(tail.len());
        if !ip.is_empty() && &tail[..len] == ip {
            return true;
        }
        rest = &tail[len..];
    }
    false
}

/// The sign of the way from `a` to `b` plus the way back: positive if `a` is nearer to the sender. Clock offsets cancel.
/// With one clock a single direction suffices. 0: not known.
fn round_trip(a: &View<'_>, b: &View<'_>, direction: usize) -> i64 {
    let smallest = |d: usize| {
        let (x, y) = (&a.lines[d].marks, &b.lines[d].marks);
        let (x, y) = (&x[..x.len().min(LOOK)], &y[..y.len().min(LOOK)]);
        let pairs = matching(x, y).pairs;
        let deltas =
            pairs.iter().map(|(i, j)| y[*j as usize].time_ns.wrapping_sub(x[*i as usize].time_ns).cast_signed());
        let deltas: Vec<i64> = deltas.collect();
        (deltas.iter().copied().min(), deltas.iter().copied().max())
    };
    let (there, back) = (smallest(direction), smallest(1 - direction));
    match (there, back) {
        // From b to a on the way back: what was measured is the negative, so its maximum is the shortest way.
        ((Some(there), _), (_, Some(back))) => (there - back).signum(),
        ((Some(least), Some(most)), _) if shared_clock(a, b) && least.signum() == most.signum() => least.signum(),
        _ => 0,
    }
}

/// Whether two points stamp with one clock.
pub(super) fn shared_clock(a: &View<'_>, b: &View<'_>) -> bool {
    match (a.point, b.point) {
        (Some(p), Some(q)) => p.op == q.op || (!p.clock_domain.is_empty() && p.clock_domain == q.clock_domain),
        _ => false,
    }
}
