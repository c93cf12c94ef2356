//! A flow as it is printed: who, what is known of it, and the sums of both directions.

use std::io::{self, Write};

use sce_proto::bits::{self, ecn_mode};
use sce_proto::record::{Kind, Merge};
use sce_proto::{Field, FlowInterval, Record, ValueRef, sketch};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{ip, value_of};

/// Quantiles that stand for a histogram.
pub(super) const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

/// Both directions of a flow.
pub(super) struct FlowView<'a> {
    pub(super) file: &'a str,
    /// Up and down; a direction without packets has no record.
    pub(super) sides: [Option<&'a FlowInterval>; 2],
}

impl<'a> FlowView<'a> {
    pub(super) fn new(file: &'a str, up: Option<&'a FlowInterval>, down: Option<&'a FlowInterval>) -> FlowView<'a> {
        FlowView { file, sides: [up, down] }
    }

    /// A record that tells who the flow is.
    pub(super) fn any(&self) -> Option<&'a FlowInterval> {
        self.sides[0].or(self.sides[1])
    }

    /// Initiator and responder: address and port.
    pub(super) fn ends(&self) -> [(String, u32); 2] {
        let text = |bytes: &[u8]| ip(bytes).map_or_else(String::new, |a| a.to_string());
        let Some(r) = self.any() else { return [(String::new(), 0), (String::new(), 0)] };
        let (src, dst) = ((text(&r.src_ip), r.src_port), (text(&r.dst_ip), r.dst_port));
        if r.direction == 0 { [src, dst] } else { [dst, src] }
    }

    pub(super) fn proto(&self) -> String {
        proto_name(self.any().map_or(0, |r| r.ip_proto))
    }

    /// The sum of a number over both directions.
    pub(super) fn both(&self, of: impl Fn(&FlowInterval) -> u64) -> u64 {
        self.sides.iter().flatten().map(|r| of(r)).sum()
    }

    /// A number of one direction, 0 where it had no packets.
    pub(super) fn side(&self, direction: usize, of: impl Fn(&FlowInterval) -> u64) -> u64 {
        self.sides[direction].map_or(0, of)
    }

    /// The bits of both directions.
    pub(super) fn bits(&self, of: impl Fn(&FlowInterval) -> u64) -> u64 {
        self.sides.iter().flatten().map(|r| of(r)).fold(0, |a, b| a | b)
    }

    pub(super) fn ecn_mode(&self) -> &'static str {
        let mode = self.sides.iter().flatten().map(|r| u64::from(r.ecn_mode_last)).max().unwrap_or(0);
        bits::name(ecn_mode::ALL, mode)
    }

    pub(super) fn first_ns(&self) -> u64 {
        self.sides.iter().flatten().filter(|r| r.packets > 0).map(|r| r.first_ns).min().unwrap_or(0)
    }

    pub(super) fn last_ns(&self) -> u64 {
        self.sides.iter().flatten().map(|r| r.last_ns).max().unwrap_or(0)
    }
}

/// Name of a protocol, or its number.
pub(super) fn proto_name(number: u32) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        132 => "sctp".to_owned(),
        n => n.to_string(),
    }
}

/// Why the initiator is the initiator.
pub(super) fn evidence_name(evidence: u32) -> &'static str {
    match evidence {
        5 => "syn",
        4 => "answer",
        2 => "port",
        1 => "first_packet",
        _ => "unknown",
    }
}

fn measured<M: SerializeMap>(map: &mut M, field: &Field, value: ValueRef<'_>) -> Result<(), M::Error> {
    if let Some(stem) = field.name.strip_suffix("_sketch") {
        for (name, q) in QUANTILES {
            map.serialize_entry(&format!("{stem}_{name}"), &sketch::quantile(value.bytes(), q))?;
        }
        return Ok(());
    }
    match value {
        ValueRef::U64(v) => map.serialize_entry(field.name, &v),
        ValueRef::I64(v) => map.serialize_entry(field.name, &v),
        ValueRef::Str(v) => map.serialize_entry(field.name, v),
        ValueRef::Bytes(v) => map.serialize_entry(field.name, &hex(v)),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// One record as one line.
pub(super) struct Line<'a> {
    pub(super) file: &'a str,
    pub(super) record: &'a FlowInterval,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", self.file)?;
        map.serialize_entry("proto", &proto_name(self.record.ip_proto))?;
        for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
            let value = self.record.get(i);
            match field.merge {
                Merge::Key if field.kind != Kind::Str || !value.is_default() => {
                    map.serialize_entry(field.name, &value_of(field.name, value))?;
                }
                Merge::Key => map.serialize_entry(field.name, value.str())?,
                _ => measured(&mut map, field, value)?,
            }
        }
        map.end()
    }
}

/// Heading of the comma-separated form: the columns of [`csv_line`].
pub(super) fn csv_header(out: &mut impl Write) -> io::Result<()> {
    let mut columns = vec!["file".to_owned(), "proto".to_owned()];
    for field in FlowInterval::FIELDS {
        match field.name.strip_suffix("_sketch") {
            Some(stem) => columns.extend(QUANTILES.iter().map(|(name, _)| format!("{stem}_{name}"))),
            None => columns.push(field.name.to_owned()),
        }
    }
    writeln!(out, "{}", columns.join(","))
}

/// One record, RFC 4180.
pub(super) fn csv_line(out: &mut impl Write, file: &str, record: &FlowInterval) -> io::Result<()> {
    write!(out, "{},{}", quoted(file), proto_name(record.ip_proto))?;
    for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
        let value = record.get(i);
        if field.name.ends_with("_sketch") {
            for (_, q) in QUANTILES {
                match sketch::quantile(value.bytes(), q) {
                    Some(v) => write!(out, ",{v}")?,
                    None => write!(out, ",")?,
                }
            }
            continue;
        }
        match value_of(field.name, value) {
            serde_json::Value::String(s) => write!(out, ",{}", quoted(&s))?,
            serde_json::Value::Null => write!(out, ",")?,
            other => write!(out, ",{other}")?,
        }
    }
    writeln!(out)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
