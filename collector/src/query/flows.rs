//! Views `flows`, `flow`, `paths` and `verify`: joined flows, their points, their segments, their feedback.
//!
//! In: what `load` joined. Out: items; `columns` has the columns over them. The numbers of a direction in `flows` are those of the
//! observation point nearest to that direction's sender: the first point of the path as `correlate` orders it; where no path
//! is known, the one with the higher TTL, then the one with more packets; what `arrived` is that of the point nearest to its
//! receiver. View `flow` has every point.

mod columns;

use std::sync::Arc;

pub(super) use columns::{flow_columns, hop_columns, names, point_columns, verified_columns};
use sce_proto::bits::ecn_mode;
use sce_proto::{Feedback, FlowInterval, ObservationPoint, PathSegment, sketch};

use super::load::Flows;
use super::view::id;

/// What is said of a joined flow wherever it is mentioned.
pub(super) struct Flow {
    id: u64,
    run: String,
    proto: u8,
    /// (address, port) of initiator and responder.
    ends: [(Vec<u8>, u32); 2],
    evidence: u32,
    ecn_mode: u64,
    /// Totals by settled direction, from the point nearest to the sender.
    totals: [Option<Box<FlowInterval>>; 2],
    /// ECT(1) and CE packets by settled direction, at the point nearest to the receiver: what the path made of the marks.
    arrived: [Option<[u64; 2]>; 2],
    lost: [Option<u64>; 2],
    points: Vec<String>,
    probes: Vec<String>,
    join_bits: u32,
}

/// One direction of a flow at one point.
pub(super) struct AtPoint {
    flow: Arc<Flow>,
    point: Option<ObservationPoint>,
    op: u64,
    direction: usize,
    this: Box<FlowInterval>,
    other: Option<Box<FlowInterval>>,
}

/// One segment.
pub(super) struct Hop {
    flow: Arc<Flow>,
    from: Option<ObservationPoint>,
    to: Option<ObservationPoint>,
    segment: PathSegment,
}

/// What [`Verified::turnaround_ns`] is read from.
pub(super) const TURNAROUND: [&str; 1] = ["rtt_ns_sketch"];

/// The verification of one direction's feedback.
pub(super) struct Verified {
    flow: Arc<Flow>,
    receiver: Option<ObservationPoint>,
    sender: Option<ObservationPoint>,
    feedback: Feedback,
    /// Median one-way delay of the data and of what acknowledges it, over the whole path, and its error, ns.
    ways: [Option<(i64, u64)>; 2],
    /// Median time from data to its acknowledgement at the receiver's point, ns.
    turnaround_ns: Option<u64>,
}

/// `probe:interface`.
fn point_name(point: Option<&ObservationPoint>, op: u64) -> String {
    point.map_or_else(|| id(op), |p| format!("{}:{}", p.probe, p.interface))
}

/// The joined flows.
pub(super) fn flows(flows: &Flows) -> Vec<Arc<Flow>> {
    (0..flows.joined.len()).filter_map(|i| flow(flows, i)).map(Arc::new).collect()
}

fn flow(flows: &Flows, at: usize) -> Option<Flow> {
    let joined = &flows.joined[at];
    let total = |member: usize, direction: usize| {
        let m = &joined.members[member];
        flows.sightings[m.sighting].totals[direction ^ usize::from(m.swapped)].as_ref()
    };
    let all = || (0..joined.members.len()).flat_map(|m| [0, 1].map(|d| (m, d, total(m, d))));
    let (_, direction, sample) =
        all().filter_map(|(m, d, t)| Some((m, d, t?))).max_by_key(|(_, _, t)| t.initiator_evidence)?;
    let mut ends = [(sample.src_ip.clone(), sample.src_port), (sample.dst_ip.clone(), sample.dst_port)];
    ends.rotate_left(direction);
    let nearest = |direction: usize| {
        let first = joined.segments.iter().find(|s| s.direction as usize == direction && s.position == 0);
        let named = first.and_then(|s| {
            (0..joined.members.len()).find(|m| flows.sightings[joined.members[*m].sighting].op == s.from_op)
        });
        let guess = || {
            let seen = (0..joined.members.len()).filter_map(|m| Some((m, total(m, direction)?)));
            seen.max_by_key(|(_, t)| (t.ttl_max, t.packets)).map(|(m, _)| m)
        };
        named.filter(|m| total(*m, direction).is_some()).or_else(guess).and_then(|m| total(m, direction)).cloned()
    };
    let arrived = |direction: usize| {
        let of = joined.segments.iter().filter(|s| s.direction as usize == direction);
        let last = of.max_by_key(|s| s.position).and_then(|s| {
            let there = |m: &usize| flows.sightings[joined.members[*m].sighting].op == s.to_op;
            (0..joined.members.len()).find(there).and_then(|m| total(m, direction))
        });
        let seen = (0..joined.members.len()).filter_map(|m| total(m, direction));
        let at = last.or_else(|| seen.min_by_key(|t| (t.ttl_max, t.packets)));
        at.map(|t| [t.ect1_packets, t.ce_packets])
    };
    let lost = |direction: usize| {
        let segments = joined.segments.iter().filter(|s| s.direction as usize == direction);
        segments.fold(None, |sum: Option<u64>, s| Some(sum.unwrap_or(0) + s.lost_packets))
    };
    let ops = joined.members.iter().map(|m| flows.sightings[m.sighting].op);
    let points: Vec<String> = ops.clone().map(|op| point_name(flows.points.get(&op), op)).collect();
    let mut probes: Vec<String> = ops.filter_map(|op| flows.points.get(&op)).map(|p| p.probe.clone()).collect();
    probes.sort();
    probes.dedup();
    let modes = all().filter_map(|(.., t)| t).map(|t| u64::from(t.ecn_mode_last));
    Some(Flow {
        id: joined.flow,
        run: sample.run.clone(),
        proto: sample.ip_proto as u8,
        ends,
        evidence: sample.initiator_evidence,
        ecn_mode: modes.max().unwrap_or(ecn_mode::UNKNOWN),
        totals: [nearest(0), nearest(1)],
        arrived: [arrived(0), arrived(1)],
        lost: [lost(0), lost(1)],
        points,
        probes,
        join_bits: joined.join_evidence_bits,
    })
}

/// Median one-way delay over a path without branches, and its error, ns. Medians of segments add up as far as their queues
/// have nothing to do with each other.
fn way(segments: &[PathSegment], direction: u32) -> Option<(i64, u64)> {
    let list = || segments.iter().filter(|s| s.direction == direction);
    let mut positions: Vec<u32> = list().map(|s| s.position).collect();
    let hops = positions.len();
    positions.sort_unstable();
    positions.dedup();
    if hops == 0 || positions.len() < hops || list().any(|s| s.owd_count == 0) {
        return None;
    }
    Some(list().fold((0, 0), |(delay, error), s| (delay + s.owd_ns_p50, error + s.owd_ns_error)))
}

/// The same flows point by point.
pub(super) fn at_points(flows: &Flows, list: &[Arc<Flow>]) -> Vec<AtPoint> {
    let mut out = Vec::new();
    for (joined, flow) in flows.joined.iter().zip(list) {
        for m in &joined.members {
            let sighting = &flows.sightings[m.sighting];
            for direction in [0, 1] {
                let side = direction ^ usize::from(m.swapped);
                let Some(this) = sighting.totals[side].clone() else { continue };
                let (op, other) = (sighting.op, sighting.totals[1 - side].clone());
                let point = flows.points.get(&op).cloned();
                out.push(AtPoint { flow: flow.clone(), point, op, direction, this, other });
            }
        }
    }
    out
}

/// The segments of their paths.
pub(super) fn hops(flows: &Flows, list: &[Arc<Flow>], end_to_end: bool) -> Vec<Hop> {
    let mut out = Vec::new();
    for (joined, flow) in flows.joined.iter().zip(list) {
        let whole = joined.end_to_end.iter().filter(|_| end_to_end);
        for segment in joined.segments.iter().chain(whole) {
            let point = |op: u64| flows.points.get(&op).cloned();
            let (from, to) = (point(segment.from_op), point(segment.to_op));
            out.push(Hop { flow: flow.clone(), from, to, segment: segment.clone() });
        }
    }
    out
}

/// The verification of their feedback.
pub(super) fn verified(flows: &Flows, list: &[Arc<Flow>]) -> Vec<Verified> {
    let mut out = Vec::new();
    for (joined, flow) in flows.joined.iter().zip(list) {
        for feedback in &joined.feedback {
            let point = |op: u64| flows.points.get(&op).cloned();
            let (receiver, sender) = (point(feedback.receiver_op), point(feedback.sender_op));
            let direction = feedback.direction;
            let ways = [direction, 1 - direction].map(|direction| way(&joined.segments, direction));
            let at_receiver = joined.members.iter().find(|m| flows.sightings[m.sighting].op == feedback.receiver_op);
            let turnaround_ns = at_receiver.filter(|_| feedback.receiver_op != feedback.sender_op).and_then(|m| {
                let data = flows.sightings[m.sighting].totals[direction as usize ^ usize::from(m.swapped)].as_ref()?;
                sketch::quantile(&data.rtt_ns_sketch, 0.5)
            });
            let feedback = feedback.clone();
            out.push(Verified { flow: flow.clone(), receiver, sender, feedback, ways, turnaround_ns });
        }
    }
    out
}

impl Flow {
    /// Time of the first packet, ns since the epoch.
    pub(super) fn first_ns(&self) -> Option<u64> {
        self.totals.iter().flatten().filter(|t| t.packets > 0).map(|t| t.first_ns).min()
    }

    fn last_ns(&self) -> Option<u64> {
        self.totals.iter().flatten().map(|t| t.last_ns).max()
    }
}
