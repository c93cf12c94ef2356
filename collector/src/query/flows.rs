//! Views `flows`, `flow`, `paths` and `verify`: joined flows, their points, their segments, their feedback.
//!
//! In: what `load` joined. Out: items and the columns over them. The numbers of a direction in `flows` are those of the
//! observation point nearest to that direction's sender: the first point of the path as `correlate` orders it; where no path
//! is known, the one with the higher TTL, then the one with more packets; what `arrived` is that of the point nearest to its
//! receiver. View `flow` has every point.

use std::sync::Arc;

use sce_proto::bits::{self, ecn_mode, join_evidence, order_evidence, path_warning};
use sce_proto::derive::{Number, derived};
use sce_proto::{Feedback, Field, FlowInterval, Merge, ObservationPoint, PathSegment, sketch};

use super::filter::proto_name;
use super::load::Flows;
use super::table::Cell;
use super::view::{Def, fields, id};

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
    totals: [Option<FlowInterval>; 2],
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
    this: FlowInterval,
    other: Option<FlowInterval>,
}

/// One segment.
pub(super) struct Hop {
    flow: Arc<Flow>,
    from: Option<ObservationPoint>,
    to: Option<ObservationPoint>,
    segment: PathSegment,
}

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

/// Who the flow is between.
fn identity<T: 'static>(flow: impl Fn(&T) -> &Flow + Copy + Send + Sync + 'static, shown: bool) -> Vec<Def<T>> {
    let mut out = vec![
        Def::new("flow", "", "Identifier of the joined flow.", move |t: &T| Cell::T(id(flow(t).id))).shown(),
        Def::new("proto", "", "Transport protocol.", move |t: &T| Cell::T(proto_name(flow(t).proto))),
        Def::new("initiator_ip", "", "Address of the side that began.", move |t: &T| Cell::ip(&flow(t).ends[0].0)),
        Def::new("initiator_port", "", "Its port.", move |t: &T| Cell::U(u64::from(flow(t).ends[0].1))),
        Def::new("responder_ip", "", "Address of the other side.", move |t: &T| Cell::ip(&flow(t).ends[1].0)),
        Def::new("responder_port", "", "Its port.", move |t: &T| Cell::U(u64::from(flow(t).ends[1].1))),
        Def::new("run", "", "Experiment label.", move |t: &T| Cell::text(flow(t).run.clone())),
    ];
    for def in &mut out[1..6] {
        def.column.shown = shown;
    }
    out
}

/// Columns of `flows`.
pub(super) fn flow_columns() -> Vec<Def<Arc<Flow>>> {
    let mut out = identity(|f: &Arc<Flow>| f.as_ref(), true);
    let time = |name: &str, help: &str, get: fn(&Flow) -> Option<u64>| {
        Def::new(name, "ns", help, move |f: &Arc<Flow>| get(f).map_or(Cell::None, Cell::U))
    };
    out.extend([
        Def::new(
            "initiator_evidence",
            "",
            "Why this side is the initiator: 5 SYN, 4 SYN/ACK or INIT or QUIC Initial or echo request, 2 port, 1 first packet.",
            |f: &Arc<Flow>| Cell::U(u64::from(f.evidence)),
        ),
        Def::new("ecn_mode", "", "ECN semantics as far as they are proven.", |f: &Arc<Flow>| {
            Cell::T(String::from(bits::name(ecn_mode::ALL, f.ecn_mode)))
        })
        .shown(),
        time("first_ns", "Time of the first packet, ns since the epoch.", Flow::first_ns).shown(),
        time("last_ns", "Time of the last packet, ns since the epoch.", Flow::last_ns),
        time("duration_ns", "Last packet minus first packet.", |f| Some(f.last_ns()? - f.first_ns()?)).shown(),
        Def::new("points", "", "Observation points that saw it: probe:interface.", |f: &Arc<Flow>| list(&f.points)),
        Def::new("probes", "", "Probes that saw it.", |f: &Arc<Flow>| list(&f.probes)),
        Def::new("join_evidence", "", "Why the points' views are of one flow.", |f: &Arc<Flow>| {
            words(join_evidence::ALL, f.join_bits)
        }),
        Def::new("lost_packets", "packets", "Packets lost between the points that saw it, both directions.", |f: &Arc<Flow>| {
            match f.lost {
                [None, None] => Cell::None,
                lost => Cell::U(lost.iter().flatten().sum()),
            }
        })
        .shown(),
        Def::new("rtt_ns_min", "ns", "Smallest round trip time of either direction's data.", |f: &Arc<Flow>| {
            let of = |t: &FlowInterval| (t.rtt_count > 0).then_some(t.rtt_ns_min);
            f.totals.iter().flatten().filter_map(of).min().map_or(Cell::None, Cell::U)
        }),
    ]);
    for direction in [0, 1] {
        out.extend(direction_columns(direction));
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

fn list(texts: &[String]) -> Cell {
    Cell::L(texts.iter().map(|t| Cell::T(t.clone())).collect())
}

fn words(of: &'static [bits::Named], set: u32) -> Cell {
    Cell::L(bits::names(of, u64::from(set)).map(|n| Cell::T(String::from(n))).collect())
}

fn not_key(field: &Field) -> bool {
    field.merge != Merge::Key
}

fn number(number: Option<Number>) -> Cell {
    match number {
        Some(Number::Whole(v)) => Cell::U(v),
        Some(Number::Real(v)) => Cell::F(v),
        None => Cell::None,
    }
}

/// `up.*` or `down.*`: counters, and what follows from them.
fn direction_columns(direction: usize) -> Vec<Def<Arc<Flow>>> {
    let prefix = ["up.", "down."][direction];
    let shown: &[&str] = match direction {
        0 => &["packets", "ip_bytes"],
        _ => &["packets", "ip_bytes"],
    };
    let get = move |f: &Arc<Flow>| f.totals[direction].is_some();
    let mut out = fields(prefix, not_key, shown, move |f: &Arc<Flow>| f.totals[direction].as_ref());
    for (i, d) in derived().iter().enumerate() {
        out.push(Def::new(format!("{prefix}{}", d.name), d.unit, d.help.clone(), move |f: &Arc<Flow>| {
            if !get(f) {
                return Cell::None;
            }
            let (this, other) = (&f.totals[direction], &f.totals[1 - direction]);
            number(this.as_ref().and_then(|this| derived()[i].value(this, other.as_ref())))
        }));
    }
    for (i, (name, what)) in [("ect1", "ECT(1), an SCE mark or an L4S sender"), ("ce", "CE")].into_iter().enumerate() {
        let help = format!("Packets with {what}, at the point nearest to this direction's receiver.");
        let mut def = Def::new(format!("{prefix}arrived_{name}_packets"), "packets", help, move |f: &Arc<Flow>| {
            f.arrived[direction].map_or(Cell::None, |a| Cell::U(a[i]))
        });
        def.column.shown = direction == 0;
        out.push(def);
    }
    out.push(Def::new(
        format!("{prefix}lost_packets"),
        "packets",
        "Packets of this direction lost between the points that saw the flow.",
        move |f: &Arc<Flow>| f.lost[direction].map_or(Cell::None, Cell::U),
    ));
    out
}

/// Columns of `flow`.
pub(super) fn point_columns() -> Vec<Def<AtPoint>> {
    let mut out = identity(|p: &AtPoint| p.flow.as_ref(), false);
    out.extend(point("point", |p: &AtPoint| (p.point.as_ref(), p.op)));
    out.push(
        Def::new("direction", "", "up (initiator to responder) or down, settled over all points.", |p: &AtPoint| {
            Cell::T(String::from(["up", "down"][p.direction]))
        })
        .shown(),
    );
    let shown = ["packets", "ip_bytes", "ect1_packets", "ect0_packets", "ce_packets", "ttl_max"];
    out.extend(fields("", not_key, &shown, |p: &AtPoint| Some(&p.this)));
    for (i, d) in derived().iter().enumerate() {
        out.push(Def::new(d.name.clone(), d.unit, d.help.clone(), move |p: &AtPoint| {
            number(derived()[i].value(&p.this, p.other.as_ref()))
        }));
    }
    out
}

/// `from.probe`, `from.interface` and so on.
fn point<T: 'static>(
    prefix: &'static str,
    get: impl Fn(&T) -> (Option<&ObservationPoint>, u64) + Copy + Send + Sync + 'static,
) -> Vec<Def<T>> {
    let text = move |what: &str, help: &str, part: fn(&ObservationPoint) -> &str| {
        let get = move |t: &T| get(t).0.map_or(Cell::None, |p| Cell::text(part(p)));
        Def::new(format!("{prefix}.{what}"), "", help, get)
    };
    vec![
        text("probe", "Name of the probe.", |p| &p.probe).shown(),
        text("interface", "Interface.", |p| &p.interface).shown(),
        text("host", "Host.", |p| &p.host),
        text("hook", "Where on the host's path.", |p| &p.hook),
        Def::new(format!("{prefix}.op"), "", "Identifier of the observation point.", move |t: &T| {
            Cell::T(id(get(t).1))
        }),
    ]
}

/// Columns of `paths`.
pub(super) fn hop_columns() -> Vec<Def<Hop>> {
    let mut out = identity(|h: &Hop| h.flow.as_ref(), false);
    out.push(
        Def::new("direction", "", "up (initiator to responder) or down.", |h: &Hop| {
            Cell::T(String::from(["up", "down"][h.segment.direction.min(1) as usize]))
        })
        .shown(),
    );
    out.extend(point("from", |h: &Hop| (h.from.as_ref(), h.segment.from_op)));
    out.extend(point("to", |h: &Hop| (h.to.as_ref(), h.segment.to_op)));
    let known = ["flow", "direction", "from_op", "to_op", "run"];
    let shown =
        ["sent_packets", "received_packets", "lost_packets", "owd_ns_min", "owd_ns_p50", "owd_ns_error", "method"];
    let plain = |f: &Field| !known.contains(&f.name) && !f.name.contains("_to_") && !f.name.ends_with("_bits");
    let delay = |f: &Field| f.name.starts_with("owd_") || f.name.starts_with("clock_");
    out.extend(fields("", |f| plain(f) && !delay(f), &shown, |h: &Hop| Some(&h.segment)));
    // A delay without a comparison of the clocks is no delay.
    let timed = |h: &Hop| h.segment.owd_count > 0;
    for def in fields("", |f| plain(f) && delay(f) && f.name != "owd_ns_sketch", &shown, |h: &Hop| Some(&h.segment)) {
        let always = matches!(def.column.name.as_str(), "owd_count" | "owd_method");
        let get = def.get;
        out.push(Def {
            column: def.column,
            get: Box::new(move |h| if always || timed(h) { get(h) } else { Cell::None }),
        });
    }
    for mut def in fields("", |f| f.name.contains("_to_") && !known.contains(&f.name), &[], |h: &Hop| Some(&h.segment))
    {
        def.column.shown = ["ect0_to_ect1_packets", "ect0_to_ce_packets"].contains(&def.column.name.as_str());
        def.column.name = transition(&def.column.name);
        out.push(def);
    }
    out.extend([
        Def::new("join_evidence", "", "Why both views are the same flow.", |h: &Hop| {
            words(join_evidence::ALL, h.segment.join_evidence_bits)
        }),
        Def::new("order_evidence", "", "Why `from` comes before `to`.", |h: &Hop| {
            words(order_evidence::ALL, h.segment.order_evidence_bits)
        }),
        Def::new("warnings", "", "What to beware of.", |h: &Hop| words(path_warning::ALL, h.segment.warning_bits)),
    ]);
    out
}

/// `ect0_to_ce_packets_low` becomes `transitions.ect0_to_ce.packets_low`.
fn transition(name: &str) -> String {
    let at = name.find("_packets").or_else(|| name.find("_bytes")).unwrap_or(name.len());
    format!("transitions.{}.{}", &name[..at], name[at..].trim_start_matches('_'))
}

/// Columns of `verify`.
pub(super) fn verified_columns() -> Vec<Def<Verified>> {
    let mut out = identity(|v: &Verified| v.flow.as_ref(), false);
    out.push(
        Def::new("direction", "", "Direction of the data: up or down.", |v: &Verified| {
            Cell::T(String::from(["up", "down"][v.feedback.direction.min(1) as usize]))
        })
        .shown(),
    );
    out.extend(point("receiver", |v: &Verified| (v.receiver.as_ref(), v.feedback.receiver_op)));
    out.extend(point("sender", |v: &Verified| (v.sender.as_ref(), v.feedback.sender_op)));
    for def in &mut out {
        def.column.shown &= !def.column.name.contains('.');
    }
    let known = ["flow", "direction", "receiver_op", "sender_op", "run", "warning_bits"];
    let shown = [
        "kind",
        "unit",
        "received_signals",
        "said_signals",
        "heard_signals",
        "receiver_error_ppm",
        "return_error_ppm",
        "verdict",
    ];
    for def in fields("", |f| !known.contains(&f.name), &shown, |v: &Verified| Some(&v.feedback)) {
        let get = def.get;
        // An error in parts of nothing is no number.
        let finite = move |v: &Verified| if get(v) == Cell::I(i64::MAX) { Cell::None } else { get(v) };
        out.push(Def { column: def.column, get: Box::new(finite) });
    }
    let way = |i: usize| move |v: &Verified| v.ways[i].map_or(Cell::None, |w| Cell::I(w.0));
    out.extend([
        Def::new("rtt_forward_ns_p50", "ns", "Of the data's round trip: the way to the receiver, median.", way(0)),
        Def::new(
            "rtt_turnaround_ns_p50",
            "ns",
            "Of the same: until the receiver acknowledges, median.",
            |v: &Verified| v.turnaround_ns.map_or(Cell::None, Cell::U),
        ),
        Def::new("rtt_reverse_ns_p50", "ns", "Of the same: the way back of the acknowledgements, median.", way(1)),
        Def::new("rtt_ways_ns_error", "ns", "The ways are true to within this; their sum is exact.", |v: &Verified| {
            v.ways[0].zip(v.ways[1]).map_or(Cell::None, |(there, back)| Cell::U(there.1.max(back.1)))
        }),
        Def::new("warnings", "", "What to beware of.", |v: &Verified| {
            words(path_warning::ALL, v.feedback.warning_bits)
        }),
    ]);
    out
}

/// The field names behind columns such as `up.packets`, for reading no more than needed; `None` = all are needed.
pub(super) fn names<'a>(columns: impl Iterator<Item = &'a str>) -> std::collections::BTreeSet<&'a str> {
    columns.map(|c| c.rsplit('.').next().unwrap_or(c)).collect()
}
