//! Tables that fit the terminal: the least important columns go first, and are named.
//!
//! In: columns, rows and a width. Out: lines. Importance falls from left to right; the first column always stays.

use sce_proto::{ColumnInfo, Row, Value};
use unicode_width::UnicodeWidthStr;

use super::cell::{self, Sort, Style};

const GAP: usize = 2;
/// Unit of a column whose numbers are texts already, each with its own unit: right aligned all the same.
pub(crate) const MIXED: &str = "mixed";
/// Columns that name a row: without them no number means anything.
const NAMES: [&str; 13] = [
    "start_ns",
    "at_ns",
    "probe",
    "flow",
    "direction",
    "initiator",
    "responder",
    "src",
    "dst",
    "from.probe",
    "from.interface",
    "to.probe",
    "kind",
];
/// Columns that a reader came for, the most important first: they stay longest, wherever they stand.
const CONCLUSIONS: [&str; 19] = [
    "verdict",
    "balanced",
    "lost_packets",
    "holds",
    "reason",
    "packets",
    "up.packets",
    "interface",
    "up.arrived_ect1_packets",
    "up.ect1_packets",
    "ect1_packets",
    "sent_packets",
    "to.interface",
    "received_packets",
    "up.arrived_ce_packets",
    "up.ce_packets",
    "ce_packets",
    "up.ip_bytes",
    "transitions.ect0_to_ect1.packets",
];

/// A table ready to print.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Heading lines, without colour.
    pub(crate) heading: Vec<String>,
    /// One line a row.
    pub(crate) lines: Vec<String>,
    /// Names of columns that did not fit.
    pub(crate) hidden: Vec<String>,
}

/// One printed column: one of the answer, or an address and its port together.
struct Printed {
    name: String,
    heading: Vec<String>,
    right: bool,
    width: usize,
    cells: Vec<String>,
}

/// Lays out a table. `width` 0 = as wide as it gets. `empty_too`: also columns without anything to say.
pub(crate) fn layout(columns: &[ColumnInfo], rows: &[Row], width: usize, empty_too: bool, style: &Style) -> Table {
    let mut printed = Vec::new();
    let mut skip = false;
    for (i, column) in columns.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        if !empty_too && !rows.iter().any(|r| cell::says_something(value(r, i))) {
            continue;
        }
        if let Some(next) = columns.get(i + 1)
            && let Some(end) = cell::address_and_port(&column.name, &next.name)
        {
            skip = true;
            printed.push(endpoints(end, rows, i));
            continue;
        }
        printed.push(single(column, rows, i, style));
    }
    let hidden = fit(&mut printed, width);
    assemble(&printed, rows.len(), hidden)
}

fn value(row: &Row, i: usize) -> &Value {
    static NONE: Value = Value { kind: None };
    row.values.get(i).unwrap_or(&NONE)
}

fn single(column: &ColumnInfo, rows: &[Row], i: usize, style: &Style) -> Printed {
    let sort = cell::sort(column);
    let right = column.unit == MIXED || (sort != Sort::Time && rows.iter().any(|r| cell::is_number(value(r, i))));
    let cells = rows.iter().map(|r| cell::text(value(r, i), sort, style)).collect();
    let raw = style.units == crate::units::UnitStyle::Raw;
    measure(&column.name, heading(&column.name, sort, raw), right, cells)
}

fn endpoints(name: &str, rows: &[Row], i: usize) -> Printed {
    let cells = rows.iter().map(|r| cell::endpoint(value(r, i), value(r, i + 1))).collect();
    measure(name, heading(name, Sort::Text, false), false, cells)
}

fn measure(name: &str, heading: (String, String), right: bool, cells: Vec<String>) -> Printed {
    let cell = cells.iter().map(|t| t.width()).max().unwrap_or(0);
    let (group, base) = heading;
    let mut lines = wrap(&group, cell);
    lines.extend(wrap(&base, cell));
    let width = lines.iter().map(|t| t.width()).max().unwrap_or(0).max(cell);
    Printed { name: name.to_owned(), heading: lines, right, width, cells }
}

/// Words in lines no wider than the cells below, or than the longest word.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = text.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0).max(width);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A heading: the group before the last dot, and the name without the unit that the cells carry.
fn heading(name: &str, sort: Sort, raw: bool) -> (String, String) {
    let (group, base) = name.rsplit_once('.').unwrap_or(("", name));
    let carried = matches!(sort, Sort::Time) || (!raw && matches!(sort, Sort::Duration));
    let base = if carried { base.replace("_ns_", "_").trim_end_matches("_ns").to_owned() } else { base.to_owned() };
    let words = |t: &str| t.replace(['_', '.'], " ").to_uppercase();
    (words(group), words(&base))
}

/// Leaves out columns until the rest fits: from the right, those that carry the answer last. Returns the names left out.
fn fit(printed: &mut Vec<Printed>, width: usize) -> Vec<String> {
    let mut hidden = Vec::new();
    let total = |p: &[Printed]| p.iter().map(|c| c.width + GAP).sum::<usize>().saturating_sub(GAP);
    while width > 0 && printed.len() > 1 && total(printed) > width {
        // The first column stays. Of the others the rightmost that says neither what the row is nor what came out, then what
        // came out from its least important on, then the rightmost of all.
        let worth = |i: &usize| {
            let name = printed[*i].name.as_str();
            match CONCLUSIONS.iter().position(|c| *c == name) {
                Some(at) => (1, at),
                None if NAMES.contains(&name) => (0, *i),
                None => (2, *i),
            }
        };
        let least = (1..printed.len()).max_by_key(worth).unwrap_or(printed.len() - 1);
        hidden.push(printed.remove(least).name);
    }
    hidden.reverse();
    hidden
}

fn assemble(printed: &[Printed], rows: usize, hidden: Vec<String>) -> Table {
    let line = |text: &dyn Fn(&Printed) -> String| {
        let mut out = String::new();
        for (i, c) in printed.iter().enumerate() {
            let t = text(c);
            let pad = " ".repeat(c.width.saturating_sub(t.width()));
            out.push_str(if i == 0 { "" } else { "  " });
            out.push_str(&if c.right { format!("{pad}{t}") } else { format!("{t}{pad}") });
        }
        out.trim_end().to_owned()
    };
    let tallest = printed.iter().map(|c| c.heading.len()).max().unwrap_or(0);
    let nth = |c: &Printed, n: usize| {
        // Headings stand on the same last line.
        (n + c.heading.len()).checked_sub(tallest).map(|i| c.heading[i].clone()).unwrap_or_default()
    };
    let heading = (0..tallest).map(|n| line(&|c: &Printed| nth(c, n))).collect();
    let lines = (0..rows).map(|r| line(&|c: &Printed| c.cells[r].clone())).collect();
    Table { heading, lines, hidden }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::UnitStyle;
    use sce_proto::value::Kind;

    fn style() -> Style {
        Style { units: UnitStyle::Si, time: None, now: jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC) }
    }

    fn answer() -> (Vec<ColumnInfo>, Vec<Row>) {
        let column =
            |name: &str, unit: &str| ColumnInfo { name: name.into(), unit: unit.into(), ..ColumnInfo::default() };
        let columns = vec![
            column("src_ip", ""),
            column("src_port", ""),
            column("up.ip_bytes", "bytes"),
            column("up.rtt_ns_min", "ns"),
            column("note", ""),
        ];
        let row = |ip: &str, port, bytes, rtt: Option<u64>| Row {
            values: vec![
                Value { kind: Some(Kind::Text(ip.into())) },
                Value { kind: Some(Kind::Unsigned(port)) },
                Value { kind: Some(Kind::Unsigned(bytes)) },
                Value { kind: rtt.map(Kind::Unsigned) },
                Value { kind: None },
            ],
        };
        (columns, vec![row("10.0.0.1", 443, 1_234_567, Some(12_345_678)), row("2001:db8::1", 5201, 12, None)])
    }

    #[test]
    fn numbers_are_right_aligned_and_addresses_carry_their_ports() {
        let (columns, rows) = answer();
        let t = layout(&columns, &rows, 0, true, &style());
        assert_eq!(
            t.heading,
            [
                "                         UP",
                "                         IP       UP",
                "SRC                   BYTES  RTT MIN  NOTE"
            ]
        );
        assert_eq!(t.lines[0], "10.0.0.1:443        1.23 MB  12.3 ms  -");
        assert_eq!(t.lines[1], "[2001:db8::1]:5201     12 B        -  -");
        assert_eq!(t.hidden, [""; 0]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (columns, rows) = answer();
        let t = layout(&columns, &rows, 30, true, &style());
        assert_eq!(t.hidden, ["up.rtt_ns_min", "note"]);
        assert!(t.lines.iter().chain(&t.heading).all(|l| l.width() <= 30));
        assert_eq!(layout(&columns, &rows, 1, true, &style()).lines[0], "10.0.0.1:443", "the first column stays");
    }

    #[test]
    fn columns_with_nothing_to_say_can_be_left_out() {
        let (columns, rows) = answer();
        let t = layout(&columns, &rows, 0, false, &style());
        assert!(!t.heading.concat().contains("NOTE"), "{:?}", t.heading);
    }
}
