//! The JSON of scetrace (names of its HEAD), from this project's metrics.
//!
//! Its rules are kept where they are rules; where scetrace is wrong, the number is right instead:
//! - acknowledged and SACKed bytes count once, never jump by 2^32; IPv6 headers are no payload;
//! - source is who sent the SYN; a new connection on the same ports is a flow of its own;
//! - CE and SCE count on all segments, also after a FIN; ESCE, ECE and CWR on all but SYNs;
//! - ACKs on resets count as ACKs;
//! - duplicate ACKs are those of RFC 5681; the last SCE run counts; RTTs obey Karn and take a TSval's first segment;
//! - `IP` counts IP packets only, in every link type and behind every tag; times are UTC;
//! - `ECNAccepted` is what the handshake agreed on, AccECN included.
//!
//! Where SYNs of one direction carried different flags, as many are taken off ESCE, ECE and CWR as there were kinds.

use std::io::{self, Write};

use sce_proto::FlowInterval;
use sce_proto::bits::ecn_mode;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::flow::FlowView;

const TCP: u32 = 6;
/// How scetrace prints a time that there is not.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// What the capture held: packets and times of all of it.
pub(super) struct Totals {
    pub(super) ip_packets: u64,
    pub(super) ip_bytes: u64,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
}

/// Prints the document.
pub(super) fn print(out: &mut impl Write, flows: &[FlowView<'_>], totals: &Totals) -> io::Result<()> {
    let nothing = FlowInterval::default();
    let tcp: Vec<Value> = flows
        .iter()
        .filter(|f| f.sides.iter().flatten().any(|r| r.ip_proto == TCP))
        .map(|f| flow(f, f.sides[0].unwrap_or(&nothing), f.sides[1].unwrap_or(&nothing)))
        .collect();
    let elapsed_ns = totals.last_ns.saturating_sub(totals.first_ns);
    let seconds = elapsed_ns as f64 / 1e9;
    let document = json!({
        "IP": {"Packets": totals.ip_packets, "Bytes": totals.ip_bytes},
        "TCP": tcp,
        "Meta": {
            "CaptureStartTime": time(totals.first_ns),
            "CaptureEndTime": time(totals.last_ns),
            "CaptureElapsed": elapsed_ns,
            "CapturePacketsPerSecond": ratio(totals.ip_packets as f64, seconds),
            "CaptureMbit": ratio(totals.ip_bytes as f64 * 8e-6, seconds),
        },
    });
    let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, format);
    document.serialize(&mut serializer).map_err(io::Error::from)?;
    writeln!(out)
}

fn flow(view: &FlowView<'_>, up: &FlowInterval, down: &FlowInterval) -> Value {
    let [src, dst] = view.ends();
    let initiated = [3, 7].iter().any(|v| up.syn_ace_bits & 1 << v != 0);
    let mode = u64::from(up.ecn_mode_last.max(down.ecn_mode_last));
    json!({
        "SrcIP": src.0,
        "SrcPort": src.1,
        "DstIP": dst.0,
        "DstPort": dst.1,
        "ECNInitiated": initiated,
        "ECNAccepted": initiated && mode >= ecn_mode::CLASSIC,
        "Up": side(up, down),
        "Down": side(down, up),
        "MeanSeqRTTMillis": mean_ms(up.rtt_ns_sum, up.rtt_count) + mean_ms(down.rtt_ns_sum, down.rtt_count),
        "MeanTSValRTTMillis": mean_ms(up.rtt_ts_ns_sum, up.rtt_ts_count) + mean_ms(down.rtt_ts_ns_sum, down.rtt_ts_count),
    })
}

/// One direction; `back` is the other one, whose acknowledgements speak of this one's data.
fn side(r: &FlowInterval, back: &FlowInterval) -> Value {
    let percent = |part: u64, whole: u64| ratio(100.0 * part as f64, whole as f64);
    let ack_seconds = |x: &FlowInterval| x.last_ack_ns.saturating_sub(x.first_ack_ns) as f64 / 1e9;
    let esce = without_syns(r.tcp_ae, r, 4);
    json!({
        "CE": r.ce_packets,
        "SCE": r.ect1_packets,
        "ESCE": esce,
        "ECE": without_syns(r.tcp_ece, r, 1),
        "CWR": without_syns(r.tcp_cwr, r, 2),
        "Segments": r.packets.saturating_sub(r.tcp_rst),
        "DataSegments": r.data_segments,
        "Acks": r.tcp_ack,
        "AckedBytes": r.acked_bytes,
        "SackedBytes": r.sacked_bytes,
        "ESCEAckedBytes": r.esce_acked_bytes,
        "DuplicateAcks": r.duplicate_acks,
        "Gaps": r.hole_events,
        "GapBytes": r.hole_bytes,
        "LateSegments": r.late_segments,
        "RetransmittedSegments": r.retransmitted_segments,
        "FirstAckTime": time(r.first_ack_ns),
        "LastAckTime": time(r.last_ack_ns.max(r.first_ack_ns)),
        "SCERunLength": distribution(&Sums {
            count: r.sce_run_count,
            sum: r.sce_run_packets_sum as f64,
            squares: r.sce_run_packets2_sum as f64,
            min: r.sce_run_packets_min as f64,
            max: r.sce_run_packets_max as f64,
        }),
        "IPG": times(r.ipg_count, r.ipg_ns_sum, r.ipg_us2_sum, r.ipg_ns_min, r.ipg_ns_max),
        "SCEIPG": times(r.sce_gap_count, r.sce_gap_ns_sum, r.sce_gap_us2_sum, r.sce_gap_ns_min, r.sce_gap_ns_max),
        "SeqRTT": times(r.rtt_count, r.rtt_ns_sum, r.rtt_us2_sum, r.rtt_ns_min, r.rtt_ns_max),
        "TSValRTT": times(r.rtt_ts_count, r.rtt_ts_ns_sum, r.rtt_ts_us2_sum, r.rtt_ts_ns_min, r.rtt_ts_ns_max),
        "SCEPercent": percent(r.ect1_data_packets, r.data_segments),
        "ESCEPercent": percent(esce, r.data_segments),
        "ESCEAckedBytesPercent": percent(r.esce_acked_bytes, r.delivered_bytes.max(r.acked_bytes)),
        "AckedSegmentsPercent": percent(r.tcp_ack, back.data_segments),
        "LatePercent": percent(r.late_segments, r.packets),
        "RetransmittedPercent": percent(r.retransmitted_segments, r.packets),
        "LostBytesPercent": percent(r.hole_bytes, back.acked_bytes),
        "ElapsedAckTimeSeconds": ack_seconds(r),
        "MeanGapSizeBytes": ratio(r.hole_bytes as f64, r.hole_events as f64),
        "MeanSegmentSizeBytes": ratio(back.acked_bytes as f64, r.data_segments as f64),
        "GoodputMbit": ratio(back.acked_bytes as f64 * 8e-6, ack_seconds(back)),
    })
}

/// Segments with a flag, less the SYNs that had it: those negotiate, they do not signal.
fn without_syns(segments: u64, r: &FlowInterval, flag: u32) -> u64 {
    let kinds = r.syn_ace_bits | r.syn_ack_ace_bits;
    let flagged = (0..8u32).filter(|v| kinds & 1 << v != 0 && v & flag != 0).count() as u64;
    let syns = if kinds.count_ones() == 1 { flagged * r.tcp_syn } else { flagged };
    segments.saturating_sub(syns)
}

struct Sums {
    count: u64,
    sum: f64,
    squares: f64,
    min: f64,
    max: f64,
}

/// Times in ms from sums in ns and us^2.
fn times(count: u64, ns_sum: u64, us2_sum: u64, ns_min: u64, ns_max: u64) -> Value {
    distribution(&Sums {
        count,
        sum: ns_sum as f64 / 1e6,
        squares: us2_sum as f64 / 1e6,
        min: ns_min as f64 / 1e6,
        max: ns_max as f64 / 1e6,
    })
}

/// Sample variance (n-1), as scetrace has it; empty where there is no value.
fn distribution(s: &Sums) -> Value {
    if s.count == 0 {
        return Value::Object(Map::new());
    }
    let n = s.count as f64;
    let mean = s.sum / n;
    let variance = if s.count > 1 { ((s.squares - s.sum * mean) / (n - 1.0)).max(0.0) } else { 0.0 };
    json!({
        "N": s.count,
        "Min": s.min,
        "Max": s.max,
        "Mean": mean,
        "Stddev": variance.sqrt(),
        "Variance": variance,
        "Burstiness": ratio(variance, mean),
    })
}

fn mean_ms(ns_sum: u64, count: u64) -> f64 {
    ratio(ns_sum as f64 / 1e6, count as f64)
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn time(ns: u64) -> String {
    if ns == 0 {
        return NO_TIME.to_owned();
    }
    jiff::Timestamp::from_nanosecond(i128::from(ns)).map_or_else(|_| NO_TIME.to_owned(), |t| t.to_string())
}
