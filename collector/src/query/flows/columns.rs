//! The columns of views `flows`, `flow`, `paths` and `verify`.
//!
//! In: items as the module above makes them. Out: a cell of each. What a column needs is read from its name (`names`).

use std::collections::BTreeSet;
use std::sync::Arc;

use sce_proto::bits::{self, ecn_mode, join_evidence, order_evidence, path_warning};
use sce_proto::derive::{Number, derived};
use sce_proto::{Field, FlowInterval, Merge, ObservationPoint};

use super::{AtPoint, Flow, Hop, Verified};
use crate::query::filter::proto_name;
use crate::query::table::Cell;
use crate::query::view::{Def, fields, id};

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
pub(in crate::query) fn flow_columns() -> Vec<Def<Arc<Flow>>> {
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
            f.totals.iter().flatten().filter_map(|t| of(t)).min().map_or(Cell::None, Cell::U)
        }),
    ]);
    for direction in [0, 1] {
        out.extend(direction_columns(direction));
    }
    out
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
    let mut out = fields(prefix, not_key, shown, move |f: &Arc<Flow>| f.totals[direction].as_deref());
    for (i, d) in derived().iter().enumerate() {
        out.push(Def::new(format!("{prefix}{}", d.name), d.unit, d.help.clone(), move |f: &Arc<Flow>| {
            if !get(f) {
                return Cell::None;
            }
            let (this, other) = (&f.totals[direction], &f.totals[1 - direction]);
            number(this.as_ref().and_then(|this| derived()[i].value(this, other.as_deref())))
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
pub(in crate::query) fn point_columns() -> Vec<Def<AtPoint>> {
    let mut out = identity(|p: &AtPoint| p.flow.as_ref(), false);
    out.extend(point("point", |p: &AtPoint| (p.point.as_ref(), p.op)));
    out.push(
        Def::new("direction", "", "up (initiator to responder) or down, settled over all points.", |p: &AtPoint| {
            Cell::T(String::from(["up", "down"][p.direction]))
        })
        .shown(),
    );
    let shown = ["packets", "ip_bytes", "ect1_packets", "ect0_packets", "ce_packets", "ttl_max"];
    out.extend(fields("", not_key, &shown, |p: &AtPoint| Some(&*p.this)));
    for (i, d) in derived().iter().enumerate() {
        out.push(Def::new(d.name.clone(), d.unit, d.help.clone(), move |p: &AtPoint| {
            number(derived()[i].value(&p.this, p.other.as_deref()))
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
pub(in crate::query) fn hop_columns() -> Vec<Def<Hop>> {
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
pub(in crate::query) fn verified_columns() -> Vec<Def<Verified>> {
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

/// Fields of records that every row is made of, whatever its columns.
const LOOKS: [&str; 7] = ["ecn_mode_last", "packets", "first_ns", "last_ns", "ttl_max", "ect1_packets", "ce_packets"];

/// The field names behind columns such as `up.packets`, and behind every row, for reading no more than needed.
pub(in crate::query) fn names<'a>(columns: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    columns.map(|c| c.rsplit('.').next().unwrap_or(c)).chain(LOOKS).collect()
}
