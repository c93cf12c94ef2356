//! A flow as a JSON object. Written by hand: a capture can hold a million flows, and each has hundreds of fields.
//!
//! In: the records of a flow's two directions. Out: text at the end of a buffer. It must not leave out a field of the base,
//! nor print another form of a value than the other outputs do.

use std::ops::Range;
use std::sync::LazyLock;

use sce_proto::bits::{self, quality, tunnel};
use sce_proto::record::Merge;
use sce_proto::{FlowInterval, Record, ValueRef, sketch};

use super::flow::{FlowView, QUANTILES, evidence_name, hex, proto_name};

/// Field numbers below this are volume, ECN and TCP flags: always printed.
const BASE: u32 = 100;

/// A measured field, with its text made once.
struct Column {
    /// `"name":`, one for each quantile of a histogram.
    keys: Vec<Vec<u8>>,
    /// What stands for it where it is zero: nothing, but for those of the base.
    zero: Range<usize>,
}

/// How the fields of a direction are printed.
struct Columns {
    /// By position in [`FlowInterval::FIELDS`]; those of the flow itself are `None`.
    columns: Vec<Option<Column>>,
    /// All fields of the base as zeros, so that those of a run of zeros are one piece of text.
    zeros: Vec<u8>,
}

static COLUMNS: LazyLock<Columns> = LazyLock::new(|| {
    let key = |name: &str| format!("\"{name}\":").into_bytes();
    let nothing = FlowInterval::default();
    let (mut columns, mut zeros) = (Vec::new(), Vec::new());
    for (at, field) in FlowInterval::FIELDS.iter().enumerate() {
        let keys: Vec<_> = match field.name.strip_suffix("_sketch") {
            Some(stem) => QUANTILES.iter().map(|(name, _)| key(&format!("{stem}_{name}"))).collect(),
            None => vec![key(field.name)],
        };
        let from = zeros.len();
        let measured = field.merge != Merge::Key;
        if measured && field.number < BASE {
            measurement(&mut zeros, &keys, nothing.get(at));
        }
        columns.push(measured.then_some(Column { keys, zero: from..zeros.len() }));
    }
    Columns { columns, zeros }
});

/// Appends a flow.
pub(super) fn flow(out: &mut Vec<u8>, flow: &FlowView<'_>) {
    head(out, flow);
    let nothing = FlowInterval::default();
    for (name, record) in [("up", flow.sides[0]), ("down", flow.sides[1])] {
        key(out, name);
        out.push(b'{');
        side(out, record.unwrap_or(&nothing));
        out.push(b'}');
    }
    out.push(b'}');
}

/// Who the flow is, and what is known of it as a whole.
fn head(out: &mut Vec<u8>, flow: &FlowView<'_>) {
    let [initiator, responder] = flow.ends();
    let nothing = FlowInterval::default();
    let any = flow.any().unwrap_or(&nothing);
    out.push(b'{');
    plain(out, "flow", &format!("{:016x}", any.flow));
    plain(out, "flow_key", &format!("{:016x}", any.flow_key));
    key(out, "file");
    text(out, flow.file);
    plain(out, "proto", &proto_name(any.ip_proto));
    number(out, "ip_proto", u64::from(any.ip_proto));
    plain(out, "initiator_ip", &initiator.0);
    number(out, "initiator_port", u64::from(initiator.1));
    plain(out, "responder_ip", &responder.0);
    number(out, "responder_port", u64::from(responder.1));
    plain(out, "initiator_evidence", evidence_name(any.initiator_evidence));
    plain(out, "ecn_mode", flow.ecn_mode());
    plain(out, "end_reason", bits::name(bits::end_reason::ALL, u64::from(any.end_reason_last)));
    names(out, "quality", quality::ALL, flow.bits(|r| r.quality_bits));
    names(out, "tunnels", tunnel::ALL, flow.bits(|r| r.tunnel_bits));
    number(out, "first_ns", flow.first_ns());
    number(out, "last_ns", flow.last_ns());
}

/// A key behind what stands before it.
fn key(out: &mut Vec<u8>, name: &str) {
    comma(out);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Text that needs no escapes.
fn plain(out: &mut Vec<u8>, name: &str, text: &str) {
    key(out, name);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    digits(out, value);
}

fn names(out: &mut Vec<u8>, name: &str, of: &'static [bits::Named], set: u64) {
    key(out, name);
    out.push(b'[');
    for (i, name) in bits::names(of, set).enumerate() {
        out.extend_from_slice(if i > 0 { b",\"" } else { b"\"" });
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
    }
    out.push(b']');
}

/// The measured fields of one direction. Besides the base a field that is absent is zero: of three hundred metrics most are.
fn side(out: &mut Vec<u8>, record: &FlowInterval) {
    let Columns { columns, zeros } = &*COLUMNS;
    let mut printed = 0;
    record.for_each_set(|at, value| {
        let Some(Some(column)) = columns.get(at) else { return };
        out.extend_from_slice(&zeros[printed..column.zero.start]);
        measurement(out, &column.keys, value);
        printed = column.zero.end;
    });
    out.extend_from_slice(&zeros[printed..]);
    if out.last() == Some(&b',') {
        out.pop();
    }
}

/// A field, and a comma behind it.
fn measurement(out: &mut Vec<u8>, keys: &[Vec<u8>], value: ValueRef<'_>) {
    if let [key] = keys {
        out.extend_from_slice(key);
        match value {
            ValueRef::U64(v) => digits(out, v),
            ValueRef::I64(v) => out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes()),
            ValueRef::Str(v) => text(out, v),
            ValueRef::Bytes(v) => {
                out.push(b'"');
                out.extend_from_slice(hex(v).as_bytes());
                out.push(b'"');
            }
        }
        out.push(b',');
        return;
    }
    let quantiles = sketch::quantiles(value.bytes(), QUANTILES.map(|q| q.1));
    for (i, key) in keys.iter().enumerate() {
        out.extend_from_slice(key);
        match &quantiles {
            Some(values) => digits(out, values[i]),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b',');
    }
}

/// Text that may need escapes.
fn text(out: &mut Vec<u8>, text: &str) {
    match serde_json::to_string(text) {
        Ok(quoted) => out.extend_from_slice(quoted.as_bytes()),
        Err(_) => out.extend_from_slice(b"null"),
    }
}

fn digits(out: &mut Vec<u8>, value: u64) {
    if value < 10 {
        out.push(b'0' + value as u8); // most of them
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}

/// A comma, but for the first in its object.
fn comma(out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
}
