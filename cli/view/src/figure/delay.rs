//! One-way and queueing delay over time, from the rows of `timeline`.
//!
//! In: the smallest, median and 99th percentile of the delay in each interval, and how far the clocks may be apart. Out: the
//! delay with the band in which the truth lies, and the delay above the smallest one, in which the clocks' offset cancels out.

use std::collections::BTreeMap;

use super::axis::{Curve, Mark, Panel, Quantity};
use super::kinds::{Source, Zero};
use crate::track::{number, word};

/// One interval of the direction with the most data.
struct Moment {
    x: f64,
    least: f64,
    median: f64,
    p99: f64,
    error: f64,
}

/// Both panels.
pub(super) fn panels(sources: &[Source], zero: &Zero) -> Vec<Panel> {
    let (mut delays, mut queues) = (Vec::new(), Vec::new());
    for s in sources {
        let moments = moments(s, zero);
        let curve = |name: &str, get: fn(&Moment) -> f64| {
            Curve::new(s.name(name), Mark::Line, moments.iter().map(|m| (m.x, Some(get(m)))).collect())
        };
        let mut band = curve("median \u{b1} error of the clocks", |m| m.median - m.error);
        band.mark = Mark::Band;
        band.upper = moments.iter().map(|m| Some(m.median + m.error)).collect();
        delays.extend([band, curve("median", |m| m.median)]);
        let least = moments.iter().map(|m| m.least).fold(f64::INFINITY, f64::min);
        let above = |mut curve: Curve| {
            curve.points.iter_mut().for_each(|p| p.1 = p.1.map(|v| v - least));
            curve
        };
        queues.push(above(curve("median", |m| m.median)));
        if sources.len() == 1 {
            delays.extend([curve("smallest", |m| m.least), curve("99 %", |m| m.p99)]);
            queues.push(above(curve("99 %", |m| m.p99)));
        }
    }
    vec![
        Panel::new("one-way delay", Quantity::Nanoseconds, delays),
        Panel::new("queueing delay", Quantity::Nanoseconds, queues),
    ]
}

fn moments(source: &Source, zero: &Zero) -> Vec<Moment> {
    let Some(answer) = &source.needed else { return Vec::new() };
    let at = |name: &str| answer.columns.iter().position(|c| c.name == name);
    let names = ["start_ns", "interval_ns", "owd_ns_min", "owd_ns_p50", "owd_ns_p99", "owd_ns_error"];
    let places: Vec<Option<usize>> = names.iter().map(|n| at(n)).collect();
    let (direction, data) = (at("direction"), at("sent.payload_bytes"));
    let mut by: BTreeMap<String, (f64, Vec<Moment>)> = BTreeMap::new();
    for row in &answer.rows {
        let n = |i: Option<usize>| i.and_then(|i| row.values.get(i)).and_then(number);
        let side = by.entry(direction.and_then(|i| row.values.get(i)).map(word).unwrap_or_default()).or_default();
        side.0 += n(data).unwrap_or(0.0);
        let values: Option<Vec<f64>> = places.iter().map(|i| n(*i)).collect();
        if let Some([start, length, least, median, p99, error]) = values.as_deref() {
            let x = zero.seconds(&source.run, start + length / 2.0);
            side.1.push(Moment { x, least: *least, median: *median, p99: *p99, error: *error });
        }
    }
    by.into_values().max_by(|a, b| a.0.total_cmp(&b.0)).map(|side| side.1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sce_proto::value::Kind;
    use sce_proto::{ColumnInfo, Row, Value};

    use crate::Answer;
    use crate::figure::{self, Kind as Figures, Mark, Source};

    #[test]
    fn the_truth_lies_in_the_band_and_the_queue_needs_no_clock() {
        let names = [
            "start_ns",
            "interval_ns",
            "direction",
            "owd_ns_min",
            "owd_ns_p50",
            "owd_ns_p99",
            "owd_ns_error",
            "sent.payload_bytes",
        ];
        let column = |name: &str| ColumnInfo { name: name.to_owned(), ..ColumnInfo::default() };
        let row = |direction: &str, start: i64, owd: [i64; 3], bytes: i64| {
            let n = |v| Value { kind: Some(Kind::Signed(v)) };
            let side = Value { kind: Some(Kind::Text(direction.to_owned())) };
            let [least, median, p99] = owd.map(n);
            Row { values: vec![n(start), n(2), side, least, median, p99, n(10), n(bytes)] }
        };
        let rows = vec![row("down", 0, [7, 7, 7], 5), row("up", 0, [-5, 0, 20], 900), row("up", 2, [5, 15, 30], 900)];
        let needed = Some(Answer { columns: names.map(column).to_vec(), rows, ..Answer::default() });
        let source = Source { label: String::new(), run: String::new(), tracks: Vec::new(), needed };
        let figure = figure::figure(Figures::Delay, &[source], "").unwrap();
        let ys = |panel: usize, curve: usize| {
            figure.panels[panel].curves[curve].points.iter().filter_map(|p| p.1).collect::<Vec<_>>()
        };
        let band = &figure.panels[0].curves[0];
        assert_eq!(
            (band.mark, ys(0, 0), band.upper.clone()),
            (Mark::Band, vec![-10.0, 5.0], vec![Some(10.0), Some(25.0)])
        );
        assert_eq!((ys(0, 1), ys(1, 0), ys(1, 1)), (vec![0.0, 15.0], vec![5.0, 20.0], vec![25.0, 35.0]));
        assert_eq!(figure.panels[0].lowest(), -10.0);
    }
}
