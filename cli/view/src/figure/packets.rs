//! Figures of single packets, from the rows of `marks`: the time-sequence diagram, and the heat map of the queueing delay.
//!
//! In: the packets that the points at both ends listed, with time, place in the sequence and code point. Out: curves and tiles.
//! A packet is the same at both ends if its digest is; one whose digest occurs twice is left out.

use std::collections::{BTreeMap, HashMap};

use super::axis::{Curve, Mark, Panel, Quantity, Tile};
use super::kinds::{Source, Zero};
use crate::Answer;
use crate::track::{number, word};

/// Tiles of a heat map: across and up.
const TILES: (usize, usize) = (72, 20);

/// A row of `marks`.
struct Listed {
    time_ns: f64,
    sequence: Option<f64>,
    ecn: String,
    repeated: bool,
    digest: String,
}

/// The marks of one direction at one point, by time.
fn at_point(answer: &Answer, direction: &str, point: &str) -> Vec<Listed> {
    let place = |name: &str| answer.columns.iter().position(|c| c.name == name);
    let names = ["direction", "probe", "interface", "ecn", "digest"];
    let [side, probe, interface, ecn, digest] = names.map(place);
    let [time, sequence, repeated] = ["time_ns", "sequence_bytes", "repeated"].map(place);
    let mut out = Vec::new();
    for row in &answer.rows {
        let text = |i: Option<usize>| i.and_then(|i| row.values.get(i)).map(word).unwrap_or_default();
        let n = |i: Option<usize>| i.and_then(|i| row.values.get(i)).and_then(number);
        if text(side) != direction || [text(probe), text(interface)].join(" ").trim() != point {
            continue;
        }
        let Some(time_ns) = n(time) else { continue };
        let (sequence, repeated) = (n(sequence), n(repeated) == Some(1.0));
        out.push(Listed { time_ns, sequence, ecn: text(ecn), repeated, digest: text(digest) });
    }
    out.sort_by(|a, b| a.time_ns.total_cmp(&b.time_ns));
    out
}

/// Sender's and receiver's marks of the data of a source, with the names of the points.
fn ends(source: &Source) -> Option<[(String, Vec<Listed>); 2]> {
    let (answer, ends) = (source.needed.as_ref()?, source.ends()?);
    let at = |point: &str| (point.to_owned(), at_point(answer, &ends.sender.direction, point));
    Some([at(&ends.sender.point), at(&ends.receiver.point)])
}

/// The time-sequence diagram. Each end by its own clock.
pub(super) fn sequence(sources: &[Source], zero: &Zero) -> Vec<Panel> {
    let mut curves = Vec::new();
    for s in sources {
        let Some([sent, received]) = ends(s) else { continue };
        let chosen = |of: &[Listed], keep: &dyn Fn(&Listed) -> bool| -> Vec<(f64, Option<f64>)> {
            of.iter()
                .filter(|l| l.sequence.is_some() && keep(l))
                .map(|l| (zero.seconds(&s.run, l.time_ns), l.sequence))
                .collect()
        };
        let mut add = |name: String, mark, points: Vec<(f64, Option<f64>)>| {
            if !points.is_empty() {
                curves.push(Curve::new(s.name(&name), mark, points));
            }
        };
        add(format!("at {}", sent.0), Mark::Line, chosen(&sent.1, &|l| !l.repeated));
        if received.0 != sent.0 {
            add(format!("at {}", received.0), Mark::Line, chosen(&received.1, &|l| !l.repeated));
        }
        add("retransmitted".to_owned(), Mark::Dots, chosen(&sent.1, &|l| l.repeated));
        add("SCE mark".to_owned(), Mark::Dots, chosen(&received.1, &|l| l.ecn == "ect1"));
        add("CE mark".to_owned(), Mark::Dots, chosen(&received.1, &|l| l.ecn == "ce"));
    }
    vec![Panel::new("sequence", Quantity::Bytes, curves)]
}

/// Time at the sender in seconds, and delay above the smallest one of the flow, ns, of each packet that both ends listed.
fn queueing(source: &Source, zero: &Zero) -> Vec<(f64, f64)> {
    let Some([sent, received]) = ends(source).filter(|[a, b]| a.0 != b.0) else { return Vec::new() };
    // `None`: not the only packet of this name.
    let once = |of: &[Listed]| {
        let mut by: HashMap<String, Option<f64>> = HashMap::new();
        for l in of.iter().filter(|l| !l.digest.is_empty()) {
            by.entry(l.digest.clone()).and_modify(|t| *t = None).or_insert(Some(l.time_ns));
        }
        by
    };
    let there = once(&received.1);
    let both = once(&sent.1).into_iter().filter_map(|(digest, t)| Some((t?, (*there.get(&digest)?)?)));
    let mut delays: Vec<(f64, f64)> = both.map(|(a, b)| (zero.seconds(&source.run, a), b - a)).collect();
    let least = delays.iter().map(|d| d.1).fold(f64::INFINITY, f64::min);
    delays.iter_mut().for_each(|d| d.1 -= least);
    delays
}

/// The heat map: a panel for each run, over all flows of it.
pub(super) fn heat(sources: &[Source], zero: &Zero) -> Vec<Panel> {
    let mut runs: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for s in sources {
        runs.entry(&s.run).or_default().extend(queueing(s, zero));
    }
    runs.retain(|_, delays| !delays.is_empty());
    let all = || runs.values().flatten();
    let (begin, end) = all().fold((f64::INFINITY, 0.0f64), |(a, b), d| (a.min(d.0), b.max(d.0)));
    let highest = all().map(|d| d.1).fold(0.0, f64::max);
    let (wide, high) = ((end - begin).max(1e-9) / TILES.0 as f64, highest.max(1.0) / TILES.1 as f64);
    let panel = |(run, delays): (&&str, &Vec<(f64, f64)>)| {
        let mut counts: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for (x, y) in delays {
            let tile = (((x - begin) / wide) as usize, (y / high) as usize);
            *counts.entry((tile.0.min(TILES.0 - 1), tile.1.min(TILES.1 - 1))).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or(1) as f64;
        let tiles = counts.into_iter().map(|((i, j), count)| Tile {
            x: (begin + i as f64 * wide, begin + (i + 1) as f64 * wide),
            y: (j as f64 * high, (j + 1) as f64 * high),
            count: Some(count),
            // A few packets that waited long are what one looks for: they must not be as pale as none.
            shade: 0.15 + 0.85 * (count as f64).ln() / most.ln().max(1.0),
            text: String::new(),
        });
        let title = if runs.len() > 1 {
            format!("run {run}: {} packets", delays.len())
        } else {
            format!("{} packets", delays.len())
        };
        Panel {
            title,
            tiles: tiles.collect(),
            top: Some(highest.max(1.0)),
            ..Panel::new("queueing delay", Quantity::Nanoseconds, Vec::new())
        }
    };
    runs.iter().map(panel).collect()
}

#[cfg(test)]
mod tests {
    use sce_proto::value::Kind;
    use sce_proto::{ColumnInfo, Row, Value};

    use super::*;
    use crate::figure::{self, Kind as Figures};
    use crate::track::tracks;

    fn answer(columns: &[&str], rows: Vec<Vec<Value>>) -> Answer {
        let column = |name: &&str| ColumnInfo { name: (*name).to_owned(), ..ColumnInfo::default() };
        let rows = rows.into_iter().map(|values| Row { values }).collect();
        Answer { columns: columns.iter().map(column).collect(), rows, ..Answer::default() }
    }

    fn n(v: u64) -> Value {
        Value { kind: Some(Kind::Unsigned(v)) }
    }

    fn t(v: &str) -> Value {
        Value { kind: Some(Kind::Text(v.to_owned())) }
    }

    /// Three packets from a to b, the second waits 3 ms; the third was retransmitted and is marked.
    fn source() -> Source {
        let series = answer(
            &["start_ns", "interval_ns", "flow", "direction", "probe", "payload_bytes", "ttl_max"],
            vec![
                vec![n(0), n(1_000_000_000), t("f"), t("up"), t("b"), n(300), n(63)],
                vec![n(0), n(1_000_000_000), t("f"), t("up"), t("a"), n(300), n(64)],
            ],
        );
        let mark = |time, probe, sequence, ecn, repeated, digest| {
            vec![n(time), t("up"), t(probe), n(sequence), t(ecn), n(repeated), t(digest)]
        };
        let ms = 1_000_000;
        let columns = ["time_ns", "direction", "probe", "sequence_bytes", "ecn", "repeated", "digest"];
        let rows = vec![
            mark(10 * ms, "a", 0, "ect0", 0, "01"),
            mark(20 * ms, "a", 100, "ect0", 0, "02"),
            mark(30 * ms, "a", 100, "ect0", 1, "03"),
            mark(15 * ms, "b", 0, "ect0", 0, "01"),
            mark(28 * ms, "b", 100, "ect0", 0, "02"),
            mark(35 * ms, "b", 100, "ect1", 1, "03"),
        ];
        let needed = Some(answer(&columns, rows));
        Source { label: String::new(), run: String::new(), tracks: tracks(&series), needed }
    }

    #[test]
    fn a_time_sequence_diagram_has_both_ends_retransmissions_and_marks() {
        let figure = figure::figure(Figures::Sequence, &[source()], "").unwrap();
        let curve = |name: &str| figure.panels[0].curves.iter().find(|c| c.name == name).map(|c| c.points.clone());
        assert_eq!(curve("at a"), Some(vec![(0.01, Some(0.0)), (0.02, Some(100.0))]));
        assert_eq!(curve("at b"), Some(vec![(0.015, Some(0.0)), (0.028, Some(100.0))]));
        assert_eq!(curve("retransmitted"), Some(vec![(0.03, Some(100.0))]));
        assert_eq!(curve("SCE mark"), Some(vec![(0.035, Some(100.0))]));
        assert_eq!(curve("CE mark"), None);
    }

    #[test]
    fn a_heat_map_counts_packets_by_time_and_delay_above_the_smallest() {
        let figure = figure::figure(Figures::Heatmap, &[source()], "").unwrap();
        let panel = &figure.panels[0];
        assert_eq!((panel.tiles.iter().filter_map(|t| t.count).sum::<u64>(), panel.highest()), (3, 3e6));
        let late: Vec<&Tile> = panel.tiles.iter().filter(|t| t.y.0 > 0.0).collect();
        assert!(late.len() == 1 && (late[0].x.0..=late[0].x.1).contains(&0.02), "{late:?}");
        assert!(
            figure
                .data()
                .starts_with("panel,\"time from\",\"time to\",\"queueing delay from\",\"queueing delay to\",count\n")
        );
        let svg = figure::render(&figure);
        assert!(svg.contains("1 packets") && svg.contains("queueing delay (ms)"), "{svg}");
    }
}
