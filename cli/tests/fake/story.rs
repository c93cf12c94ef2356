//! The views of the story.

use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Value};

use super::{END_NS, S};

/// A view's columns and rows.
pub(super) struct View {
    pub(super) columns: Vec<ColumnInfo>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Their names.
pub(super) const VIEWS: [&str; 9] =
    ["flows", "flow", "paths", "verify", "probes", "audit", "loss", "series", "sockets"];

/// The view of a name.
pub(super) fn view(name: &str) -> Option<View> {
    Some(match name {
        "flows" => flows(),
        "flow" => points(),
        "paths" => paths(),
        "verify" => verify(),
        "probes" => probes(),
        "audit" => audit(),
        "loss" => loss(),
        "series" => series(),
        "sockets" => sockets(),
        _ => return None,
    })
}

fn n(v: u64) -> Value {
    Value { kind: Some(Kind::Unsigned(v)) }
}

fn t(v: &str) -> Value {
    Value { kind: Some(Kind::Text(v.to_owned())) }
}

fn none() -> Value {
    Value { kind: None }
}

/// A column from `name unit shown help`; shown is `*` or `-`, no unit is `-`.
fn column(text: &str) -> ColumnInfo {
    let mut parts = text.splitn(4, ' ');
    let mut next = || parts.next().unwrap().to_owned();
    let (name, unit, shown) = (next(), next(), next());
    ColumnInfo { name, unit: unit.replace('-', ""), default_shown: shown == "*", help: next() }
}

fn columns(lines: &[&str]) -> Vec<ColumnInfo> {
    lines.iter().map(|l| column(l)).collect()
}

const TCP: &str = "3f2a91c07be4d015";
const UDP: &str = "a00000000000beef";

fn flows() -> View {
    let columns = columns(&[
        "flow - * Identifier of the joined flow.",
        "proto - * Transport protocol.",
        "initiator_ip - * Address of the side that began.",
        "initiator_port - * Its port.",
        "responder_ip - * Address of the other side.",
        "responder_port - * Its port.",
        "up.packets packets * Wire packets, initiator to responder.",
        "up.ip_bytes bytes * IP total length, initiator to responder.",
        "up.ect1_packets packets * Packets with ECT(1) (01).",
        "up.ce_packets packets * Packets with CE (11).",
        "down.packets packets * Wire packets, responder to initiator.",
        "down.ip_bytes bytes * IP total length, responder to initiator.",
        "lost_packets packets * Packets lost between the points that saw the flow.",
        "rtt_ns_min ns * Smallest round trip time.",
        "first_ns ns * Time of the first packet, ns since the epoch.",
        "ecn_mode - - ECN semantics as far as they are proven.",
        "last_ns ns - Time of the last packet, ns since the epoch.",
        "up.tcp_rst segments - Segments with RST.",
        "points - - Observation points that saw it.",
        "run - - Experiment label.",
    ]);
    let list = |items: &[&str]| Value {
        kind: Some(Kind::List(sce_proto::List { values: items.iter().map(|i| t(i)).collect() })),
    };
    let rows = vec![
        vec![
            t(TCP),
            t("tcp"),
            t("10.0.0.1"),
            n(40000),
            t("10.0.1.1"),
            n(5201),
            n(52_310),
            n(78_012_345),
            n(1_204),
            n(31),
            n(26_100),
            n(1_357_200),
            n(17),
            n(20_345_678),
            n(END_NS - 60 * S),
            t("sce"),
            n(END_NS - 50 * S),
            n(0),
            list(&["client:eth0", "router:eth1", "server:eth0"]),
            t("story"),
        ],
        vec![
            t(UDP),
            t("udp"),
            t("2001:db8::1"),
            n(5353),
            t("2001:db8::2"),
            n(443),
            n(9),
            n(1_116),
            n(0),
            n(0),
            n(0),
            n(0),
            none(),
            none(),
            n(END_NS - 30 * S),
            none(),
            n(END_NS - 29 * S),
            n(0),
            list(&["client:eth0"]),
            t("story"),
        ],
    ];
    View { columns, rows }
}

fn points() -> View {
    let columns = columns(&[
        "flow - * Identifier of the joined flow.",
        "point.probe - * Name of the probe.",
        "point.interface - * Interface.",
        "direction - * up or down.",
        "packets packets * Wire packets.",
        "ce_packets packets * Packets with CE (11).",
    ]);
    let row =
        |probe: &str, direction: &str, packets, ce| vec![t(TCP), t(probe), t("eth0"), t(direction), n(packets), n(ce)];
    View {
        columns,
        rows: vec![row("client", "up", 52_310, 0), row("router", "up", 52_310, 0), row("server", "up", 52_293, 31)],
    }
}

fn paths() -> View {
    let columns = columns(&[
        "flow - * Identifier of the joined flow.",
        "direction - * up (initiator to responder) or down.",
        "from.probe - * Probe at the start of the segment.",
        "from.interface - - Its interface.",
        "to.probe - * Probe at the end of the segment.",
        "to.interface - - Its interface.",
        "sent_packets packets * Packets that entered the segment.",
        "received_packets packets * Packets that left it.",
        "lost_packets packets * Packets lost on it.",
        "sent_bytes bytes - IP bytes that entered the segment.",
        "received_bytes bytes - IP bytes that left it.",
        "lost_bytes bytes - IP bytes lost on it.",
        "transitions.ect0_to_ect0.packets packets - Packets unchanged.",
        "transitions.ect0_to_ect0.bytes bytes - Their IP bytes.",
        "transitions.ect0_to_ect1.packets packets - Packets marked SCE.",
        "transitions.ect0_to_ect1.bytes bytes - Their IP bytes.",
        "transitions.ect0_to_ce.packets packets - Packets marked CE.",
        "transitions.ect0_to_ce.bytes bytes - Their IP bytes.",
        "transitions.ect0_to_lost.packets packets - Packets lost.",
        "transitions.ect0_to_lost.bytes bytes - Their IP bytes.",
        "owd_ns_min ns * Smallest one-way delay.",
        "owd_ns_p50 ns - Median one-way delay.",
        "owd_ns_p99 ns - 99th percentile of the one-way delay.",
        "owd_ns_error ns * Bound of the delay's error.",
        "method - * How the counts were had.",
        "transitions.ect0_to_not_ect.packets packets - Packets bleached.",
    ]);
    let rows = vec![
        vec![
            t(TCP),
            t("up"),
            t("client"),
            t("eth0"),
            t("router"),
            t("eth1"),
            n(52_310),
            n(52_310),
            n(0),
            n(78_012_345),
            n(78_012_345),
            n(0),
            n(52_310),
            n(78_012_345),
            n(0),
            n(0),
            n(0),
            n(0),
            n(0),
            n(0),
            n(5_100_000),
            n(5_900_000),
            n(9_800_000),
            n(0),
            t("exact"),
            n(0),
        ],
        vec![
            t(TCP),
            t("up"),
            t("router"),
            t("eth1"),
            t("server"),
            t("eth0"),
            n(52_310),
            n(52_293),
            n(17),
            n(78_012_345),
            n(77_986_845),
            n(25_500),
            n(51_058),
            n(76_134_345),
            n(1_204),
            n(1_806_000),
            n(31),
            n(46_500),
            n(17),
            n(25_500),
            n(10_020_000),
            n(14_500_000),
            n(31_000_000),
            n(120_000),
            t("exact"),
            n(0),
        ],
    ];
    View { columns, rows }
}

fn verify() -> View {
    let columns = columns(&[
        "flow - * Identifier of the joined flow.",
        "direction - * Direction of the data.",
        "kind - * Kind of feedback.",
        "unit - - What a signal is.",
        "received_signals - * Signals the receiver got.",
        "said_signals - * Signals the receiver reported.",
        "heard_signals - * Signals that reached the sender.",
        "receiver_error_ppm ppm * (said - received) / received.",
        "verdict - * Short code.",
        "text - - The verdict in words.",
    ]);
    let row = vec![
        t(TCP),
        t("up"),
        t("sce"),
        t("bytes"),
        n(1_806_000),
        n(903_000),
        n(903_000),
        Value { kind: Some(Kind::Signed(-500_000)) },
        t("incomplete"),
        t("the receiver reported half of the marks"),
    ];
    View { columns, rows: vec![row] }
}

fn probes() -> View {
    let columns = columns(&[
        "probe - * Name of the probe.",
        "connected - * Whether it is connected.",
        "newest_ns ns * End of its newest interval, ns since the epoch.",
        "spool_bytes bytes * Bytes waiting in its spool.",
    ]);
    let yes = |v| Value { kind: Some(Kind::Truth(v)) };
    let row = |name: &str, on, spool| vec![t(name), yes(on), n(END_NS - S), n(spool)];
    View { columns, rows: vec![row("client", true, 0), row("router", true, 4_210_000), row("server", false, 0)] }
}

fn audit() -> View {
    let columns = columns(&[
        "probe - * Name of the probe.",
        "captured packets * Frames captured.",
        "recorded packets * Frames in records.",
        "balanced - * Whether the account balances.",
    ]);
    let row = |probe: &str, captured, recorded, ok| {
        vec![t(probe), n(captured), n(recorded), Value { kind: Some(Kind::Truth(ok)) }]
    };
    View {
        columns,
        rows: vec![row("client", 41_233_902, 41_233_902, true), row("server", 40_118_004, 40_118_000, false)],
    }
}

fn loss() -> View {
    let columns = columns(&["at_ns ns * When it was noticed, ns since the epoch.", "reason - * Why."]);
    View { columns, rows: Vec::new() }
}

fn series() -> View {
    let columns = columns(&[
        "start_ns ns * Start of the interval, ns since the epoch.",
        "interval_ns ns * Length of the interval.",
        "flow - * Identifier of the joined flow.",
        "direction - * up or down.",
        "probe - * Probe.",
        "ip_bytes bytes * IP total length.",
        "payload_bytes bytes * Transport payload.",
        "packets packets * Wire packets.",
        "ect1_packets packets * Packets with ECT(1) (01).",
        "ce_packets packets * Packets with CE (11).",
        "rtt_ns_min ns * Smallest round trip time.",
        "data_segments segments - Wire packets with payload.",
        "ect1_data_packets packets - Packets with payload and ECT(1).",
        "acked_bytes bytes - Bytes newly acknowledged.",
        "esce_acked_bytes bytes - Those of them with ESCE.",
        "flight_bytes_max bytes - Bytes in flight.",
    ]);
    let row = |i: u64, direction: &str| {
        let bytes = if direction == "up" { 1_000_000 + (i * 37 % 11) * 90_000 } else { 40_000 };
        vec![
            n(END_NS - 60 * S + i * S),
            n(S),
            t(TCP),
            t(direction),
            t("client"),
            n(bytes),
            n(bytes * 96 / 100),
            n(bytes / 1500),
            n(i * 7 % 40),
            n(u64::from(i == 7)),
            n(20_000_000 + i * i * 10_000),
            n(bytes / 1500),
            n(i * 7 % 40),
            n(bytes),
            n(bytes * (i * 7 % 40) / 1500),
            n(80_000 + i * 2_000),
        ]
    };
    View { columns, rows: (0..20).flat_map(|i| [row(i, "up"), row(i, "down")]).collect() }
}

fn sockets() -> View {
    let columns = columns(&[
        "at_ns ns * Time of the sample, ns since the epoch.",
        "flow - * Identifier of the joined flow.",
        "cwnd_segments_last segments * Congestion window, segments.",
    ]);
    View { columns, rows: vec![vec![n(END_NS - S), t(TCP), n(42)]] }
}
