//! The truth: what each point of the path counted, per flow and direction, as JSON or as a table.
//!
//! In: the counts of the kernel program. Out: one object per flow direction with what was sent, what each router got, did and
//! sent on, and what was received. Flows that a router translates are shown under their inside addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::layout::{CODEPOINTS, COUNTERS, Cell, DROPPED, FlowCounts, FlowKey, OUTCOMES};
use crate::topology::{NAT_PORT_XOR, Point, Role, Spec};

/// One direction of one flow: what every point counted of it.
type Views = BTreeMap<(FlowKey, bool), Vec<(Point, FlowCounts)>>;

/// Brings the counts of all points together.
pub(crate) fn views(spec: &Spec, flows: Vec<(u8, FlowKey, FlowCounts)>) -> Views {
    let points = spec.points();
    let mut views = Views::new();
    for (id, key, counts) in flows {
        let Some(point) = points.get(usize::from(id)) else { continue };
        let key = if point.outside { inside(spec, key, point.up) } else { key };
        views.entry((key, point.up)).or_default().push((*point, counts));
    }
    views
}

/// The key that the client knows, from the one that is seen beyond the translating router.
fn inside(spec: &Spec, mut key: FlowKey, up: bool) -> FlowKey {
    let port = spec.client_port();
    let (address, number) = if up { (&mut key.src, &mut key.src_port) } else { (&mut key.dst, &mut key.dst_port) };
    let (v4, v6) = spec.outside();
    if *address != IpAddr::from(v4) && *address != IpAddr::from(v6) {
        return key;
    }
    *address = if address.is_ipv4() { port.v4().into() } else { port.v6().into() };
    if key.proto == 6 || key.proto == 17 {
        *number ^= NAT_PORT_XOR;
    }
    key
}

/// The whole truth as JSON.
pub(crate) fn json(spec: &Spec, views: &Views, counters: &[u64]) -> Value {
    let names: Map<String, Value> = COUNTERS.iter().zip(counters).map(|(n, c)| ((*n).to_owned(), json!(c))).collect();
    let flows: Vec<Value> = views.iter().map(|((key, up), seen)| flow(spec, key, *up, seen)).collect();
    json!({ "prefix": spec.prefix, "seed": spec.seed, "nat": spec.nat, "counters": names, "flows": flows })
}

fn flow(spec: &Spec, key: &FlowKey, up: bool, seen: &[(Point, FlowCounts)]) -> Value {
    let at = |role: Role| seen.iter().find(|(p, _)| p.role == role).map(|(_, c)| c);
    let order: Vec<usize> = if up { (0..spec.routers).collect() } else { (0..spec.routers).rev().collect() };
    let routers: Vec<Value> = order.iter().map(|r| router(*r, at(Role::Arrived(*r)), at(Role::Router(*r)))).collect();
    let mut value = json!({
        "proto": key.proto_name(),
        "src_ip": key.src.to_string(),
        "src_port": key.src_port,
        "dst_ip": key.dst.to_string(),
        "dst_port": key.dst_port,
        "direction": if up { "up" } else { "down" },
        "sent": total(at(Role::Sent)),
        "routers": routers,
        "received": total(at(Role::Received)),
    });
    // The receiver's echo is made where its ACKs leave: at the sending side of the other direction.
    if let Some(sent) = at(Role::Sent).filter(|c| c.esce_acks + c.withheld_acks > 0) {
        value["esce"] = json!({
            "acks": sent.esce_acks, "bytes": sent.esce_bytes,
            "withheld_acks": sent.withheld_acks, "withheld_bytes": sent.withheld_bytes,
        });
    }
    value
}

/// What left a point (drops not included), in all and by code point.
fn total(counts: Option<&FlowCounts>) -> Value {
    let mut by = [Cell::default(); 4];
    for row in counts.map_or([[Cell::default(); 5]; 4], |c| c.cells) {
        // The fifth outcome, the drop, has no code point to leave with.
        for (cell, by) in row.iter().zip(&mut by) {
            by.add(*cell);
        }
    }
    let mut value = json!({
        "packets": by.iter().map(|c| c.packets).sum::<u64>(),
        "ip_bytes": by.iter().map(|c| c.ip_bytes).sum::<u64>(),
        "payload_packets": by.iter().map(|c| c.payload_packets).sum::<u64>(),
        "payload_bytes": by.iter().map(|c| c.payload_bytes).sum::<u64>(),
        "buffers": counts.map_or(0, |c| c.buffers),
        "ae_packets": counts.map_or(0, |c| c.ae_packets),
    });
    for (name, cell) in CODEPOINTS.iter().zip(by) {
        value[format!("{name}_packets")] = json!(cell.packets);
        value[format!("{name}_bytes")] = json!(cell.ip_bytes);
        value[format!("{name}_payload_bytes")] = json!(cell.payload_bytes);
    }
    value
}

/// What a router did: arrivals, drops and the transitions that happened at least once.
fn router(index: usize, arrived: Option<&FlowCounts>, decided: Option<&FlowCounts>) -> Value {
    let mut transitions = Map::new();
    let mut dropped = Cell::default();
    for (from, row) in CODEPOINTS.iter().zip(decided.map_or([[Cell::default(); 5]; 4], |c| c.cells)) {
        dropped.add(row[DROPPED]);
        for (to, cell) in OUTCOMES.iter().zip(row).filter(|(_, cell)| cell.packets > 0) {
            let to = if *to == "dropped" { "lost" } else { to };
            transitions.insert(
                format!("{from}_to_{to}"),
                json!({
                    "packets": cell.packets, "bytes": cell.ip_bytes,
                    "payload_packets": cell.payload_packets, "payload_bytes": cell.payload_bytes,
                }),
            );
        }
    }
    json!({
        "router": format!("r{}", index + 1),
        "in": total(arrived),
        "dropped_packets": dropped.packets,
        "dropped_bytes": dropped.ip_bytes,
        "dropped_payload_packets": dropped.payload_packets,
        "out": total(decided),
        "transitions": transitions,
        "ae_stripped_packets": decided.map_or(0, |c| c.ae_stripped_packets),
    })
}

/// The same for people: a line per flow direction and router.
pub(crate) fn table(truth: &Value) -> String {
    let mut lines =
        vec![["PROTO", "FROM", "TO", "ROUTER", "IN", "DROPPED", "SCE", "CE", "BLEACHED", "OUT"].map(str::to_owned)];
    for flow in truth["flows"].as_array().into_iter().flatten() {
        for router in flow["routers"].as_array().into_iter().flatten() {
            let moved = |name: &str| router["transitions"][name]["packets"].as_u64().unwrap_or(0);
            let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            let end = |side: &str| format!("{}:{}", text(&flow[format!("{side}_ip")]), flow[format!("{side}_port")]);
            lines.push([
                text(&flow["proto"]),
                end("src"),
                end("dst"),
                text(&router["router"]),
                router["in"]["packets"].to_string(),
                router["dropped_packets"].to_string(),
                moved("ect0_to_ect1").to_string(),
                (moved("ect0_to_ce") + moved("ect1_to_ce")).to_string(),
                (moved("ect0_to_not_ect") + moved("ect1_to_not_ect") + moved("ce_to_not_ect")).to_string(),
                router["out"]["packets"].to_string(),
            ]);
        }
    }
    let widths: Vec<usize> = (0..10).map(|i| lines.iter().map(|l| l[i].len()).max().unwrap_or(0)).collect();
    let cell = |(i, text): (usize, &String)| match i {
        0..4 => format!("{text:<w$}", w = widths[i]),
        _ => format!("{text:>w$}", w = widths[i]),
    };
    lines
        .iter()
        .map(|l| l.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::FLOW_WORDS;
    use crate::topology::test_spec;

    fn counts(cells: &[(usize, usize, u64)]) -> FlowCounts {
        let mut words = [0; FLOW_WORDS];
        for (from, to, packets) in cells {
            words[10 + (from * 5 + to) * 4] = *packets;
            words[10 + (from * 5 + to) * 4 + 1] = packets * 100;
        }
        FlowCounts::from_words(&words)
    }

    #[test]
    fn a_translated_flow_is_one_flow() {
        let spec = test_spec(2);
        let own = FlowKey {
            proto: 17,
            src: spec.client_port().v4().into(),
            src_port: 40_000,
            dst: spec.server_address(false),
            dst_port: 9,
        };
        let seen = FlowKey { src: spec.outside().0.into(), src_port: 40_000 ^ NAT_PORT_XOR, ..own };
        // Point 0 is the client's interface, point 5 the server's.
        let views = views(&spec, vec![(0, own, counts(&[(2, 2, 10)])), (5, seen, counts(&[(2, 2, 7), (1, 1, 2)]))]);
        assert_eq!(views.len(), 1);
        let truth = json(&spec, &views, &[0; COUNTERS.len()]);
        assert_eq!(truth["flows"][0]["sent"]["packets"], 10);
        assert_eq!(truth["flows"][0]["received"]["packets"], 9);
        assert_eq!(truth["flows"][0]["received"]["ect1_packets"], 2);
    }

    #[test]
    fn drops_do_not_leave_a_router() {
        let value = router(0, Some(&counts(&[(2, 2, 10)])), Some(&counts(&[(2, 2, 6), (2, 1, 1), (2, 4, 3)])));
        assert_eq!((&value["in"]["packets"], &value["out"]["packets"]), (&json!(10), &json!(7)));
        assert_eq!((&value["dropped_packets"], &value["dropped_bytes"]), (&json!(3), &json!(300)));
        assert_eq!(value["transitions"]["ect0_to_ect1"]["packets"], 1);
        assert_eq!(value["transitions"]["ect0_to_lost"]["packets"], 3);
    }
}
