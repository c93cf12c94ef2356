//! Time series of one flow, direction and observation point, taken from the rows of `series`. Used by `watch` and `plot`.
//!
//! In: the answer of the view `series`. Out: tracks whose samples are in the order of time. Draws nothing.

use crate::Answer;
use sce_proto::value::Kind;
use sce_proto::{Row, Value};

/// The rows of one flow and direction at one observation point.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Flow identifier.
    pub flow: String,
    /// `up` or `down`.
    pub direction: String,
    /// Probe and interface.
    pub point: String,
    /// Experiment label.
    pub run: String,
    /// Rows by rising start time.
    rows: Vec<Row>,
    columns: Vec<String>,
}

/// The tracks of an answer, in the order of first appearance.
pub fn tracks(answer: &Answer) -> Vec<Track> {
    let columns: Vec<String> = answer.columns.iter().map(|c| c.name.clone()).collect();
    let at = |name: &str| columns.iter().position(|c| c == name);
    let first = |names: &[&str]| names.iter().find_map(|n| at(n));
    let probe = first(&["probe", "point.probe", "op.probe"]);
    let interface = first(&["interface", "point.interface", "op.interface"]);
    let (flow, direction, run) = (at("flow"), at("direction"), at("run"));
    let text = |row: &Row, i: Option<usize>| i.and_then(|i| row.values.get(i)).map(word).unwrap_or_default();
    let mut out: Vec<Track> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for row in &answer.rows {
        let point = [text(row, probe), text(row, interface)].join(" ").trim().to_owned();
        let direction = match text(row, direction).as_str() {
            "0" => "up".to_owned(),
            "1" => "down".to_owned(),
            other => other.to_owned(),
        };
        let key = (text(row, flow), direction.clone(), point.clone(), text(row, run));
        let place = *places.entry(key.clone()).or_insert(out.len());
        if place == out.len() {
            let (flow, direction, point, run) = key;
            out.push(Track { flow, direction, point, run, rows: Vec::new(), columns: columns.clone() });
        }
        out[place].rows.push(row.clone());
    }
    for track in &mut out {
        let start = track.column("start_ns");
        track.rows.sort_by_key(|r| start.and_then(|i| r.values.get(i)).and_then(number).unwrap_or(0.0) as u64);
    }
    out
}

impl Track {
    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }

    /// The values of a column; `None` where nothing was measured.
    pub fn values(&self, name: &str) -> Vec<Option<f64>> {
        let i = self.column(name);
        self.rows.iter().map(|r| i.and_then(|i| r.values.get(i)).and_then(number)).collect()
    }

    /// The sum of a column.
    pub fn sum(&self, name: &str) -> f64 {
        self.values(name).into_iter().flatten().sum()
    }

    /// Middle of each interval, ns since the epoch, and its length, ns.
    pub fn times(&self) -> Vec<(f64, f64)> {
        let (starts, lengths) = (self.values("start_ns"), self.values("interval_ns"));
        let lengths = lengths.into_iter().map(Option::unwrap_or_default);
        starts.into_iter().zip(lengths).map(|(s, l)| (s.unwrap_or_default() + l / 2.0, l)).collect()
    }

    /// A sum per interval as a rate per second.
    pub fn rate(&self, name: &str) -> Vec<Option<f64>> {
        let values = self.values(name).into_iter().zip(self.times());
        values.map(|(v, (_, length))| v.filter(|_| length > 0.0).map(|v| v * 1e9 / length)).collect()
    }

    /// A column divided by another; `None` where the divisor is zero.
    pub fn share(&self, part: &str, whole: &str) -> Vec<Option<f64>> {
        let pairs = self.values(part).into_iter().zip(self.values(whole));
        pairs.map(|(p, w)| p.zip(w.filter(|w| *w > 0.0)).map(|(p, w)| p / w)).collect()
    }
}

/// Any number as a real one.
pub fn number(value: &Value) -> Option<f64> {
    match value.kind {
        Some(Kind::Unsigned(n)) => Some(n as f64),
        Some(Kind::Signed(n)) => Some(n as f64),
        Some(Kind::Real(r)) => Some(r),
        _ => None,
    }
}

/// A short value as text.
pub fn word(value: &Value) -> String {
    match &value.kind {
        Some(Kind::Text(t)) => crate::cell::printable(t),
        Some(Kind::Unsigned(n)) => n.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sce_proto::ColumnInfo;

    #[test]
    fn rows_become_tracks_in_the_order_of_time() {
        let column = |name: &str| ColumnInfo { name: name.to_owned(), ..ColumnInfo::default() };
        let n = |v| Value { kind: Some(Kind::Unsigned(v)) };
        let row = |start, direction, packets, marked| Row {
            values: vec![n(start), n(500), n(direction), n(packets), marked],
        };
        let answer = Answer {
            columns: ["start_ns", "interval_ns", "direction", "packets", "ect1_packets"].map(column).to_vec(),
            rows: vec![row(1000, 0, 4, n(1)), row(500, 0, 0, n(0)), row(500, 1, 7, Value::default())],
            ..Answer::default()
        };
        let all = tracks(&answer);
        assert_eq!((all.len(), all[0].direction.as_str(), all[1].direction.as_str()), (2, "up", "down"));
        assert_eq!(all[0].values("packets"), [Some(0.0), Some(4.0)]);
        assert_eq!(all[0].times(), [(750.0, 500.0), (1250.0, 500.0)]);
        assert_eq!(all[0].share("ect1_packets", "packets"), [None, Some(0.25)]);
        assert_eq!(all[0].rate("packets"), [Some(0.0), Some(8e6)]);
        assert_eq!(all[1].values("ect1_packets"), [None]);
        assert_eq!(all[1].values("nonsense"), [None]);
    }
}
