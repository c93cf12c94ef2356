//! View `timeline`: what the sender's kernel, the packets at both ends and the path say of a flow, on one time axis.
//!
//! In: joined flows with their marks, their interval records and the samples of their sockets. Out: a row per direction that
//! carried data and interval. Values of both ends stand in the same row when they belong to the same interval of the wall
//! clock; the delay is that of the packets that left in it.

use std::collections::BTreeMap;

use sce_proto::{FlowInterval, ObservationPoint, PathSegment, SocketSample, merge};

use super::load::Flows;
use super::table::Cell;
use super::view::{Def, id};
use crate::correlate::{Joined, Options, Sighting, correlate};

/// Flows that one question may be about: every interval of each is joined by itself.
pub(super) const MOST_FLOWS: usize = 50;
/// Rows per flow and direction: longer ones get longer intervals.
const MOST_MOMENTS: u64 = 1000;
/// Linux writes this for a threshold that is not set yet.
const NO_THRESHOLD: u64 = 0x7fff_ffff;

/// One interval of one direction of one flow.
#[derive(Default)]
pub(super) struct Moment {
    flow: u64,
    direction: usize,
    start_ns: u64,
    interval_ns: u64,
    /// The data sender's kernel.
    socket: Option<SocketSample>,
    /// The data at the point nearest to the sender.
    sent: Option<FlowInterval>,
    /// The data at the point nearest to the receiver.
    received: Option<FlowInterval>,
    /// The other direction at the point nearest to the data sender: the feedback that it heard.
    heard: Option<FlowInterval>,
    /// From the first point of the path to the last.
    delay: Option<PathSegment>,
}

/// The moments of all flows, by flow, direction and time. Records and samples are in the order of time.
pub(super) fn moments(flows: &Flows, records: &[FlowInterval], samples: &[SocketSample]) -> Vec<Moment> {
    let points: Vec<ObservationPoint> = flows.points.values().cloned().collect();
    let mut out = Vec::new();
    for joined in &flows.joined {
        let sightings: Vec<Sighting> = joined.members.iter().map(|m| flows.sightings[m.sighting].clone()).collect();
        for direction in 0..2 {
            let axis = Axis::new(flows, joined, direction, records);
            let mut rows = axis.rows(records, samples);
            for row in rows.values_mut() {
                row.delay = delay(&points, &sightings, row, &flows.options);
            }
            if rows.values().any(|r| r.sent.as_ref().is_some_and(|s| s.payload_bytes > 0)) {
                out.extend(rows.into_values());
            }
        }
    }
    out
}

/// One of the flow records of a moment.
type Of = fn(&Moment) -> &Option<FlowInterval>;

/// The time axis of one direction, and who speaks on it.
struct Axis<'a> {
    flows: &'a Flows,
    joined: &'a Joined,
    direction: usize,
    /// Points nearest to the sender and to the receiver.
    sender: u64,
    receiver: u64,
    interval_ns: u64,
}

impl<'a> Axis<'a> {
    fn new(flows: &'a Flows, joined: &'a Joined, direction: usize, records: &[FlowInterval]) -> Axis<'a> {
        let path = || joined.segments.iter().filter(|s| s.direction as usize == direction);
        let alone = joined.members.first().map_or(0, |m| flows.sightings[m.sighting].op);
        let mut axis = Axis {
            flows,
            joined,
            direction,
            sender: path().min_by_key(|s| s.position).map_or(alone, |s| s.from_op),
            receiver: path().max_by_key(|s| s.position).map_or(alone, |s| s.to_op),
            interval_ns: 0,
        };
        let own = || records.iter().filter(|r| axis.settled(r).is_some());
        let longest = own().map(|r| r.interval_ns).max().unwrap_or(0).max(1);
        let first = own().map(|r| r.start_ns).min().unwrap_or(0);
        let last = own().map(|r| r.start_ns).max().unwrap_or(0);
        axis.interval_ns = longest * (last - first).div_ceil(longest).div_ceil(MOST_MOMENTS).max(1);
        axis
    }

    /// The direction of a record as the join settled it; `None` if it is another flow's.
    fn settled(&self, record: &FlowInterval) -> Option<usize> {
        let mine = |m: &&crate::correlate::Member| {
            let s = &self.flows.sightings[m.sighting];
            (s.op, s.flow) == (record.op, record.flow)
        };
        let member = self.joined.members.iter().find(mine)?;
        Some(usize::from(record.direction != 0) ^ usize::from(member.swapped))
    }

    fn rows(&self, records: &[FlowInterval], samples: &[SocketSample]) -> BTreeMap<u64, Moment> {
        let mut rows: BTreeMap<u64, Moment> = BTreeMap::new();
        let start = |at_ns: u64| at_ns - at_ns % self.interval_ns;
        let mut source = None;
        for r in records {
            let Some(settled) = self.settled(r) else { continue };
            let row = rows.entry(start(r.start_ns)).or_default();
            if settled != self.direction {
                if r.op == self.sender {
                    add(&mut row.heard, r);
                }
                continue;
            }
            if r.op == self.sender {
                source = Some((&r.src_ip, r.src_port));
                add(&mut row.sent, r);
            }
            if r.op == self.receiver {
                add(&mut row.received, r);
            }
        }
        // Samples of events are in those of their interval. One that was taken late belongs to where most of its time lies.
        for s in samples.iter().filter(|s| s.event.is_empty() && source == Some((&s.src_ip, s.src_port))) {
            add(&mut rows.entry(start(s.at_ns - s.interval_ns / 2)).or_default().socket, s);
        }
        for (start_ns, row) in &mut rows {
            (row.flow, row.direction) = (self.joined.flow, self.direction);
            (row.start_ns, row.interval_ns) = (*start_ns, self.interval_ns);
        }
        rows
    }
}

fn add<R: sce_proto::Record + Clone>(into: &mut Option<R>, from: &R) {
    match into {
        Some(sum) => merge(sum, from),
        None => *into = Some(from.clone()),
    }
}

/// The delay of what left in one interval. The clocks are compared by all of the flow's packets.
fn delay(points: &[ObservationPoint], sightings: &[Sighting], row: &Moment, options: &Options) -> Option<PathSegment> {
    let window = Some((row.start_ns, row.start_ns + row.interval_ns));
    let options = Options { window, end_to_end: true, ..options.clone() };
    let joined = correlate(points, sightings, &options);
    let flow = joined.into_iter().find(|j| j.flow == row.flow)?;
    let mine = |s: &PathSegment| s.direction as usize == row.direction;
    let whole = flow.end_to_end.into_iter().find(mine).or_else(|| flow.segments.into_iter().find(mine));
    whole.filter(|s| s.owd_count > 0)
}

/// Columns of `timeline`.
pub(super) fn columns() -> Vec<Def<Moment>> {
    let socket = |name: &str, unit, help, get: fn(&SocketSample) -> u64| {
        let get = move |m: &Moment| m.socket.as_ref().map(get).map_or(Cell::None, Cell::U);
        Def::new(format!("socket.{name}"), unit, help, get)
    };
    let flow = |name: &str, unit, help, of: Of, get: fn(&FlowInterval) -> u64| {
        Def::new(name, unit, help, move |m: &Moment| of(m).as_ref().map(get).map_or(Cell::None, Cell::U))
    };
    let delay = |name: &str, help, get: fn(&PathSegment) -> i64| {
        Def::new(name, "ns", help, move |m: &Moment| m.delay.as_ref().map(get).map_or(Cell::None, Cell::I))
    };
    let threshold = |m: &Moment| match m.socket.as_ref().map(|s| s.ssthresh_segments_last) {
        None | Some(NO_THRESHOLD) => Cell::None,
        Some(n) => Cell::U(n),
    };
    let measured = |m: &Moment| match m.socket.as_ref().map(|s| s.srtt_ns_last) {
        None | Some(0) => Cell::None,
        Some(ns) => Cell::U(ns),
    };
    let (sent, received, heard): (Of, Of, Of) = (|m| &m.sent, |m| &m.received, |m| &m.heard);
    vec![
        Def::new("start_ns", "ns", "Start of the interval, ns since the epoch.", |m: &Moment| Cell::U(m.start_ns))
            .shown(),
        Def::new("interval_ns", "ns", "Length of the interval, ns.", |m: &Moment| Cell::U(m.interval_ns)),
        Def::new("flow", "", "Flow identifier.", |m: &Moment| Cell::T(id(m.flow))),
        Def::new("direction", "", "Direction of the data: up (initiator to responder) or down.", |m: &Moment| {
            Cell::T(String::from(["up", "down"][m.direction]))
        })
        .shown(),
        socket("cwnd_segments", "segments", "Congestion window of the sender at the end of the interval.", |s| {
            s.cwnd_segments_last
        })
        .shown(),
        socket("cwnd_segments_min", "segments", "Smallest congestion window in the interval.", |s| s.cwnd_segments_min),
        Def::new(
            "socket.ssthresh_segments",
            "segments",
            "Slow start threshold; none until the first reduction.",
            threshold,
        )
        .shown(),
        Def::new("socket.srtt_ns", "ns", "Smoothed RTT of the sender's kernel (RFC 6298).", measured).shown(),
        socket("flight_segments", "segments", "Segments in flight.", |s| s.flight_segments_last).shown(),
        socket("retransmitted_segments", "segments", "Segments retransmitted, as the kernel counts them.", |s| {
            s.retransmitted_segments
        }),
        socket("ca_cwr_us", "us", "Time in state CWR: the window reduced because of ECN or a local queue.", |s| {
            s.ca_cwr_us
        }),
        socket("ca_recovery_us", "us", "Time in state recovery.", |s| s.ca_recovery_us),
        flow("sent.packets", "packets", "Packets sent.", sent, |f| f.packets).shown(),
        flow("sent.payload_bytes", "bytes", "Payload bytes sent.", sent, |f| f.payload_bytes),
        flow(
            "sent.retransmitted_segments",
            "segments",
            "Segments retransmitted, as the packets show them.",
            sent,
            |f| f.retransmitted_segments,
        )
        .shown(),
        flow("received.packets", "packets", "Packets at the receiver.", received, |f| f.packets),
        flow(
            "received.ect1_packets",
            "packets",
            "Packets that reached the receiver with ECT(1): SCE marks, unless they were sent so.",
            received,
            |f| f.ect1_packets,
        )
        .shown(),
        flow("received.ce_packets", "packets", "Packets that reached the receiver with CE.", received, |f| {
            f.ce_packets
        })
        .shown(),
        flow(
            "heard.esce_acked_bytes",
            "bytes",
            "Bytes acknowledged with ESCE (bit AE), as they reached the sender.",
            heard,
            |f| f.esce_acked_bytes,
        )
        .shown(),
        flow("heard.tcp_ece", "packets", "Packets with ECE that reached the sender.", heard, |f| f.tcp_ece).shown(),
        flow("heard.acked_bytes", "bytes", "Bytes acknowledged, as it reached the sender.", heard, |f| f.acked_bytes),
        delay("owd_ns_min", "Smallest one-way delay of the packets sent in the interval, ns.", |s| s.owd_ns_min)
            .shown(),
        delay("owd_ns_p50", "Median one-way delay, ns.", |s| s.owd_ns_p50).shown(),
        delay("owd_ns_p99", "99th percentile of the one-way delay, ns.", |s| s.owd_ns_p99),
        delay("owd_ns_error", "How far the one-way delays may be off together, ns.", |s| s.owd_ns_error.cast_signed()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::Member;

    const S: u64 = 1_000_000_000;

    fn interval(op: u64, direction: u32, second: u64) -> FlowInterval {
        let (src_port, dst_port) = if direction == 0 { (40_000, 5201) } else { (5201, 40_000) };
        FlowInterval {
            op,
            flow: 70 + op,
            direction,
            src_port,
            dst_port,
            start_ns: second * S,
            interval_ns: S,
            packets: 100,
            ..FlowInterval::default()
        }
    }

    fn sample(at_ns: u64, src_port: u32, cwnd: u64) -> SocketSample {
        SocketSample { at_ns, interval_ns: S, src_port, cwnd_segments_last: cwnd, ..SocketSample::default() }
    }

    /// A flow from point 1 to point 2, which has its directions the other way round.
    fn flows() -> Flows {
        let sighting = |op| Sighting { op, flow: 70 + op, ..Sighting::default() };
        let member = |sighting, swapped| Member { sighting, swapped, same_as: None };
        let segment = |direction, from_op, to_op| PathSegment { direction, from_op, to_op, ..PathSegment::default() };
        let joined = Joined {
            flow: 71,
            members: vec![member(0, false), member(1, true)],
            segments: vec![segment(0, 1, 2), segment(1, 2, 1)],
            ..Joined::default()
        };
        Flows {
            points: BTreeMap::new(),
            sightings: vec![sighting(1), sighting(2)],
            joined: vec![joined],
            counted: None,
            options: Options::default(),
        }
    }

    #[test]
    fn both_ends_and_the_kernel_of_the_sender_meet_in_one_row() {
        let mut records = Vec::new();
        for second in 0..3 {
            let (marked, heard) = (u64::from(second == 1) * 7, u64::from(second == 2) * 5);
            records.push(FlowInterval { payload_bytes: 1000, ..interval(1, 0, second) });
            records.push(FlowInterval { tcp_ece: heard, ..interval(1, 1, second) });
            records.push(FlowInterval { ce_packets: marked, payload_bytes: 1000, ..interval(2, 1, second) });
            records.push(FlowInterval { tcp_ece: 99, ..interval(2, 0, second) });
        }
        // Of the sender; taken a little late; of the receiver; of an event.
        let event = SocketSample { event: "tcp_probe".into(), ..sample(2 * S, 40_000, 77) };
        let samples = [sample(S, 40_000, 10), sample(2 * S + S / 10, 40_000, 6), sample(S, 5201, 99), event];
        let rows = moments(&flows(), &records, &samples);
        assert_eq!(rows.iter().map(|r| (r.direction, r.start_ns / S)).collect::<Vec<_>>(), [(0, 0), (0, 1), (0, 2)]);
        let windows: Vec<_> = rows.iter().map(|r| r.socket.as_ref().map(|s| s.cwnd_segments_last)).collect();
        assert_eq!(windows, [Some(10), Some(6), None]);
        let marks: Vec<_> = rows.iter().map(|r| r.received.as_ref().map_or(0, |f| f.ce_packets)).collect();
        assert_eq!(marks, [0, 7, 0]);
        let heard: Vec<_> = rows.iter().map(|r| r.heard.as_ref().map_or(0, |f| f.tcp_ece)).collect();
        assert_eq!(heard, [0, 0, 5], "as it reached the sender, not as it left the receiver");
        assert!(rows.iter().all(|r| r.delay.is_none()), "no marks, no delay");
    }

    #[test]
    fn a_long_flow_gets_longer_intervals_that_add_up() {
        let records: Vec<FlowInterval> =
            (0..2500).map(|s| FlowInterval { payload_bytes: 1, ..interval(1, 0, s) }).collect();
        let rows = moments(&flows(), &records, &[]);
        assert!(rows.len() <= MOST_MOMENTS as usize, "{} rows", rows.len());
        assert!(rows.iter().all(|r| r.interval_ns == 3 * S));
        assert_eq!(rows.iter().filter_map(|r| r.sent.as_ref()).map(|f| f.packets).sum::<u64>(), 250_000);
    }
}
