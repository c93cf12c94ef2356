//! The kinds of figures: which columns become which curves.

use std::collections::BTreeMap;

use super::axis::{Curve, Figure, Mark, Panel, Quantity};
use super::{delay, packets, transitions};
use crate::track::{Track, number};
use crate::{Answer, Failure};

/// The kinds of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Throughput, marks and feedback, round trip and queue, window: one above the other
    Overview,
    /// Throughput over time, at the sender's and at the receiver's end, and goodput: what was acknowledged
    Rate,
    /// Share of packets with SCE and CE marks over time, and share of acknowledged bytes with ESCE and ECE feedback
    Marks,
    /// Smallest round trip time of each interval, and how much it exceeds the smallest of all: the queue
    Rtt,
    /// Congestion window (from the sender's kernel) and bytes in flight
    Window,
    /// Retransmissions and holes over time
    Loss,
    /// Time-sequence: place of each listed packet in the sequence at both ends, retransmissions and marks
    Sequence,
    /// One-way delay over time with the error of the clocks, and the queueing delay, which needs no common clock
    Delay,
    /// How the queueing delay of the listed packets is distributed over time
    Heatmap,
    /// What became of each ECN code point, hop by hop
    Matrix,
    /// Distribution of a column over the intervals (--of)
    Cdf,
    /// Share of SCE marks against queueing delay, a dot for each interval
    Response,
    /// Throughput of several flows at their receivers, and Jain's fairness index
    Fairness,
}

impl Kind {
    /// The views that it draws besides `series`.
    pub fn needs(self) -> Option<&'static str> {
        match self {
            Kind::Overview | Kind::Window => Some("sockets"),
            Kind::Delay => Some("timeline"),
            Kind::Sequence | Kind::Heatmap => Some("marks"),
            Kind::Matrix => Some("paths"),
            _ => None,
        }
    }

    /// Title.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Overview => "Overview",
            Kind::Rate => "Throughput",
            Kind::Marks => "Congestion marks and feedback",
            Kind::Rtt => "Round trip time and queue",
            Kind::Window => "Congestion window",
            Kind::Loss => "Loss",
            Kind::Sequence => "Time and sequence",
            Kind::Delay => "One-way and queueing delay",
            Kind::Heatmap => "Queueing delay of packets",
            Kind::Matrix => "ECN transitions",
            Kind::Cdf => "Distribution",
            Kind::Response => "Marking against delay",
            Kind::Fairness => "Fairness",
        }
    }
}

/// One flow's data.
pub struct Source {
    /// Name in legends; empty where there is but one flow.
    pub label: String,
    /// Experiment label.
    pub run: String,
    /// Its time series.
    pub tracks: Vec<Track>,
    /// Its rows of the view that the figure [needs](Kind::needs).
    pub needed: Option<Answer>,
}

/// The tracks of one flow that figures use: data and acknowledgements, each at the sender's and at the receiver's end.
pub(super) struct Ends<'a> {
    pub(super) sender: &'a Track,
    pub(super) receiver: &'a Track,
    acks: Option<&'a Track>,
}

impl Source {
    /// The end of the data's sender is where the round trip is longest: all of the path lies behind it. Without round trips
    /// it is where the TTL is highest.
    pub(super) fn ends(&self) -> Option<Ends<'_>> {
        let busiest = self.tracks.iter().max_by(|a, b| a.sum("payload_bytes").total_cmp(&b.sum("payload_bytes")))?;
        let data: Vec<&Track> = self.tracks.iter().filter(|t| t.direction == busiest.direction).collect();
        let highest = |t: &Track, column: &str| t.values(column).into_iter().flatten().fold(0.0, f64::max);
        let distance = |a: &&Track, b: &&Track| {
            let by = |column: &str| highest(a, column).total_cmp(&highest(b, column));
            by("rtt_ns_min").then(by("ttl_max"))
        };
        let sender = data.iter().copied().rev().max_by(distance)?;
        let receiver = data.iter().copied().min_by(distance)?;
        let acks = self.tracks.iter().find(|t| t.direction != busiest.direction && t.point == sender.point);
        Some(Ends { sender, receiver, acks })
    }

    pub(super) fn name(&self, what: &str) -> String {
        if self.label.is_empty() { what.to_owned() } else { format!("{what} {}", self.label) }
    }
}

/// Builds a figure. `of` is the column of a distribution.
pub fn figure(kind: Kind, sources: &[Source], of: &str) -> Result<Figure, Failure> {
    let zero = Zero::new(sources);
    let panels = match kind {
        Kind::Overview => {
            vec![rates(sources, &zero), marks(sources, &zero), round_trips(sources, &zero), windows(sources, &zero)]
        }
        Kind::Rate => vec![rates(sources, &zero)],
        Kind::Marks => vec![marks(sources, &zero)],
        Kind::Rtt => vec![round_trips(sources, &zero), queues(sources, &zero)],
        Kind::Window => vec![windows(sources, &zero)],
        Kind::Loss => vec![losses(sources, &zero)],
        Kind::Sequence => packets::sequence(sources, &zero),
        Kind::Delay => delay::panels(sources, &zero),
        Kind::Heatmap => packets::heat(sources, &zero),
        Kind::Matrix => transitions::panels(sources)?,
        Kind::Cdf => vec![distribution(sources, of)],
        Kind::Response => vec![response(sources)],
        Kind::Fairness => fairness(sources, &zero),
    };
    let drawn = |mut p: Panel| {
        p.curves.retain(Curve::says_something);
        Some(p).filter(Panel::says_something)
    };
    let panels: Vec<Panel> = panels.into_iter().filter_map(drawn).collect();
    if panels.is_empty() {
        return Err(Failure::new(
            "nothing of this was measured for these flows: `sce-cli series --flow ID -o wide` shows what was",
        ));
    }
    let (x_label, x_quantity) = match kind {
        Kind::Cdf => (of.trim_end_matches("_ns").replace("_ns_", " ").replace('_', " "), quantity(of)),
        Kind::Matrix => ("received as".to_owned(), Quantity::Names(&transitions::RECEIVED)),
        Kind::Response => ("queueing delay".to_owned(), Quantity::Nanoseconds),
        _ => ("time".to_owned(), Quantity::Seconds),
    };
    Ok(Figure { title: String::new(), caption: String::new(), x_label, x_quantity, panels })
}

/// Zero of the time axis: the first sample of each run, so that runs can be laid over each other.
pub(super) struct Zero(BTreeMap<String, f64>);

impl Zero {
    fn new(sources: &[Source]) -> Zero {
        let mut zero = BTreeMap::new();
        for s in sources {
            for t in &s.tracks {
                let first = t.times().first().map_or(f64::INFINITY, |(t, l)| t - l / 2.0);
                let at = zero.entry(s.run.clone()).or_insert(f64::INFINITY);
                *at = at.min(first);
            }
        }
        Zero(zero)
    }

    /// Seconds since zero.
    pub(super) fn seconds(&self, run: &str, ns: f64) -> f64 {
        (ns - self.0.get(run).copied().unwrap_or(0.0)) / 1e9
    }

    fn curve(&self, source: &Source, track: &Track, name: &str, values: Vec<Option<f64>>) -> Curve {
        let times = track.times().into_iter().map(|(t, _)| self.seconds(&source.run, t));
        Curve::new(source.name(name), Mark::Line, times.zip(values).collect())
    }
}

fn bits(values: Vec<Option<f64>>) -> Vec<Option<f64>> {
    values.into_iter().map(|v| v.map(|v| v * 8.0)).collect()
}

fn measured(values: Vec<Option<f64>>) -> Vec<Option<f64>> {
    values.into_iter().map(|v| v.filter(|v| *v > 0.0)).collect()
}

fn rates(sources: &[Source], zero: &Zero) -> Panel {
    let mut curves = Vec::new();
    for s in sources {
        let Some(e) = s.ends() else { continue };
        let rate = |t: &Track| bits(t.rate("payload_bytes"));
        curves.push(zero.curve(s, e.sender, &format!("at {}", e.sender.point), rate(e.sender)));
        if sources.len() > 1 {
            continue;
        }
        if e.receiver.point != e.sender.point {
            curves.push(zero.curve(s, e.receiver, &format!("at {}", e.receiver.point), rate(e.receiver)));
        }
        if let Some(acks) = e.acks {
            // UDP is not acknowledged.
            let acked = Some(bits(acks.rate("acked_bytes"))).filter(|_| acks.sum("acked_bytes") > 0.0);
            curves.extend(acked.map(|rate| zero.curve(s, acks, "goodput (acknowledged)", rate)));
        }
    }
    Panel::new("throughput", Quantity::BitRate, curves)
}

fn marks(sources: &[Source], zero: &Zero) -> Panel {
    let mut curves = Vec::new();
    for s in sources {
        let Some(e) = s.ends() else { continue };
        curves.push(zero.curve(s, e.receiver, "SCE marks", e.receiver.share("ect1_data_packets", "data_segments")));
        curves.push(zero.curve(s, e.receiver, "CE marks", e.receiver.share("ce_data_packets", "data_segments")));
        if let Some(acks) = e.acks {
            curves.push(zero.curve(s, acks, "ESCE feedback", acks.share("esce_acked_bytes", "acked_bytes")));
            curves.push(zero.curve(s, acks, "ECE feedback", acks.share("ece_acked_bytes", "acked_bytes")));
        }
    }
    // Curves that stay at zero say so by their absence; but with none at all the panel would be empty.
    if curves.iter().any(|c| c.points.iter().any(|p| p.1.is_some_and(|v| v > 0.0))) {
        curves.retain(|c| c.points.iter().any(|p| p.1.is_some_and(|v| v > 0.0)));
    }
    Panel::new("share", Quantity::Share, curves)
}

fn round_trips(sources: &[Source], zero: &Zero) -> Panel {
    let mut curves = Vec::new();
    for s in sources {
        let Some(e) = s.ends() else { continue };
        curves.push(zero.curve(s, e.sender, "smallest", measured(e.sender.values("rtt_ns_min"))));
        let mean = e.sender.share("rtt_ns_sum", "rtt_count");
        curves.push(zero.curve(s, e.sender, "mean", mean));
    }
    Panel::new("RTT", Quantity::Nanoseconds, curves)
}

fn queue(track: &Track) -> Vec<Option<f64>> {
    let rtt = measured(track.values("rtt_ns_min"));
    let least = rtt.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    rtt.into_iter().map(|v| v.map(|v| v - least)).collect()
}

fn queues(sources: &[Source], zero: &Zero) -> Panel {
    let each = |s| Source::ends(s).map(|e| zero.curve(s, e.sender, "RTT above its smallest", queue(e.sender)));
    Panel::new("queueing delay", Quantity::Nanoseconds, sources.iter().filter_map(each).collect())
}

fn windows(sources: &[Source], zero: &Zero) -> Panel {
    let mut curves = Vec::new();
    for s in sources {
        let Some(e) = s.ends() else { continue };
        if let Some(sockets) = &s.needed {
            curves.extend(congestion_window(s, sockets, zero));
        }
        curves.push(zero.curve(s, e.sender, "in flight (largest)", measured(e.sender.values("flight_bytes_max"))));
    }
    Panel::new("window", Quantity::Bytes, curves)
}

/// Of the two ends' sockets the sender's: the one with the larger window.
fn congestion_window(source: &Source, sockets: &Answer, zero: &Zero) -> Option<Curve> {
    let at = |name: &str| sockets.columns.iter().position(|c| c.name == name);
    let (time, cwnd, mss, op) =
        (at("at_ns")?, at("cwnd_segments_last")?, at("mss_bytes_last")?, at("cookie").or(at("src_port"))?);
    let mut by_socket: BTreeMap<String, Vec<(f64, Option<f64>)>> = BTreeMap::new();
    for row in &sockets.rows {
        let n = |i: usize| row.values.get(i).and_then(number);
        let bytes = n(cwnd).zip(n(mss)).map(|(c, m)| c * m).filter(|b| *b > 0.0);
        let x = zero.seconds(&source.run, n(time)?);
        by_socket.entry(format!("{:?}", n(op))).or_default().push((x, bytes));
    }
    let total =
        |points: &[(f64, Option<f64>)]| points.iter().filter_map(|p| p.1).sum::<f64>() / points.len().max(1) as f64;
    let mut points = by_socket.into_values().max_by(|a, b| total(a).total_cmp(&total(b)))?;
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(Curve::new(source.name("congestion window"), Mark::Line, points))
}

fn losses(sources: &[Source], zero: &Zero) -> Panel {
    let mut curves = Vec::new();
    for s in sources {
        let Some(e) = s.ends() else { continue };
        curves.push(zero.curve(s, e.sender, "retransmitted at the sender", e.sender.rate("retransmitted_segments")));
        curves.push(zero.curve(s, e.receiver, "holes at the receiver", e.receiver.rate("hole_events")));
    }
    Panel::new("events per second", Quantity::Plain, curves)
}

fn quantity(column: &str) -> Quantity {
    match column {
        c if c.contains("_ns") => Quantity::Nanoseconds,
        c if c.ends_with("bytes") || c.contains("_bytes_") => Quantity::Bytes,
        _ => Quantity::Plain,
    }
}

fn distribution(sources: &[Source], of: &str) -> Panel {
    let curve = |s: &Source| {
        let track = s.ends()?.sender;
        let mut values: Vec<f64> = track.values(of).into_iter().flatten().filter(|v| *v > 0.0).collect();
        values.sort_by(f64::total_cmp);
        let n = values.len() as f64;
        let points = values.iter().enumerate().map(|(i, v)| (*v, Some((i + 1) as f64 / n))).collect();
        Some(Curve::new(s.name(&format!("at {}", track.point)), Mark::Stairs, points))
    };
    let curves = sources.iter().filter_map(curve).collect();
    Panel { top: Some(1.0), ..Panel::new("intervals at or below", Quantity::Share, curves) }
}

fn response(sources: &[Source]) -> Panel {
    let curve = |s: &Source| {
        let e = s.ends()?;
        // Both ends cut time at the same walls, so intervals pair by their start.
        let delays: BTreeMap<u64, f64> = e
            .sender
            .times()
            .iter()
            .map(|t| t.0 as u64)
            .zip(queue(e.sender))
            .filter_map(|(t, q)| Some((t, q?)))
            .collect();
        let shares = e.receiver.times().into_iter().zip(e.receiver.share("ect1_data_packets", "data_segments"));
        let points = shares.filter_map(|((t, _), share)| Some((*delays.get(&(t as u64))?, share))).collect();
        Some(Curve::new(s.name("SCE share"), Mark::Dots, points))
    };
    Panel::new("packets marked SCE", Quantity::Share, sources.iter().filter_map(curve).collect())
}

/// Throughput of each flow, and Jain's index over the flows that were active in each interval (RFC 5166 section 2.3).
fn fairness(sources: &[Source], zero: &Zero) -> Vec<Panel> {
    let mut by_time: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    let mut curves = Vec::new();
    for s in sources {
        let Some(e) = s.ends() else { continue };
        let rate = bits(e.receiver.rate("payload_bytes"));
        for ((t, _), v) in e.receiver.times().into_iter().zip(&rate) {
            by_time.entry(t as u64).or_default().extend(v.filter(|v| *v > 0.0));
        }
        let mut curve = zero.curve(s, e.receiver, "", rate);
        curve.name = curve.name.trim().to_owned();
        curves.push(curve);
    }
    let run = sources.first().map(|s| s.run.as_str()).unwrap_or_default();
    let jain = |v: &Vec<f64>| {
        let (sum, squares) = (v.iter().sum::<f64>(), v.iter().map(|x| x * x).sum::<f64>());
        (v.len() > 1 && squares > 0.0).then(|| sum * sum / (v.len() as f64 * squares))
    };
    let points = by_time.iter().map(|(t, v)| (zero.seconds(run, *t as f64), jain(v))).collect();
    let index = Curve::new("Jain's index", Mark::Line, points);
    let index = Panel { top: Some(1.0), ..Panel::new("fairness", Quantity::Plain, vec![index]) };
    vec![Panel::new("throughput at the receiver", Quantity::BitRate, curves), index]
}
