//! One value as one cell of a table, by the unit its column declares.

use jiff::Zoned;
use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Value};

use crate::time::{self, TimeStyle};
use crate::units::{self, UnitStyle};

/// How values look in tables.
#[derive(Debug, Clone)]
pub struct Style {
    /// Numbers.
    pub units: UnitStyle,
    /// Times; `None` = ns since the epoch.
    pub time: Option<TimeStyle>,
    /// The present, and the local time zone.
    pub now: Zoned,
}

/// What a column holds, which decides how it is printed and aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Text.
    Text,
    /// A point in time.
    Time,
    /// A length of time.
    Duration,
    /// Bytes.
    Bytes,
    /// A share between 0 and 1.
    Share,
    /// bit/s.
    Rate,
    /// Any other number.
    Number,
    /// A number that names something: never grouped or rounded.
    Name,
}

/// What a column holds. Points in time and lengths of time share the unit ns; the help of a time says "since the epoch".
pub fn sort(column: &ColumnInfo) -> Sort {
    match column.unit.as_str() {
        "ns" if column.help.contains("since the epoch") || named_as_time(&column.name) => Sort::Time,
        "ns" => Sort::Duration,
        "bytes" => Sort::Bytes,
        "ratio" | "share" => Sort::Share,
        "bit/s" => Sort::Rate,
        "" if names_something(&column.name) => Sort::Name,
        // The unit is in the name of every field, also where the collector does not repeat it.
        "" if column.name.contains("_ns_") || column.name.ends_with("_ns") => Sort::Duration,
        _ => Sort::Number,
    }
}

fn names_something(name: &str) -> bool {
    let base = name.rsplit(['.', '_']).next().unwrap_or(name);
    ["port", "op", "netns", "isn", "cookie", "seq", "epoch", "id", "lane", "vlan"].contains(&base)
}

fn named_as_time(name: &str) -> bool {
    let base = name.rsplit('.').next().unwrap_or(name);
    ["first", "last", "start", "end", "at", "from", "to", "since", "until", "newest", "oldest"].iter().any(|t| {
        base.strip_suffix("_ns").is_some_and(|b| b == *t || b.strip_suffix(t).is_some_and(|b| b.ends_with('_')))
    })
}

/// The name that an address column and a port column share: `src_ip`, `src_port` give `src`.
pub fn address_and_port<'a>(ip: &'a str, port: &str) -> Option<&'a str> {
    let base = ip.strip_suffix("_ip").or_else(|| ip.strip_suffix(".ip"))?;
    let other = port.strip_suffix("_port").or_else(|| port.strip_suffix(".port"))?;
    (base == other).then_some(base)
}

/// An address and its port as one text: `10.0.0.1:443`, `[2001:db8::1]:443`.
pub fn endpoint(ip: &Value, port: &Value) -> String {
    let ip = match &ip.kind {
        Some(Kind::Text(ip)) if !ip.is_empty() => printable(ip),
        _ => return "-".to_owned(),
    };
    match port.kind {
        Some(Kind::Unsigned(port @ 1..)) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(Kind::Unsigned(port @ 1..)) => format!("{ip}:{port}"),
        _ => ip,
    }
}

/// The text of a value.
pub fn text(value: &Value, sort: Sort, style: &Style) -> String {
    match &value.kind {
        None => "-".to_owned(),
        Some(Kind::Text(t)) if t.is_empty() => "-".to_owned(),
        Some(Kind::Text(t)) => printable(t),
        Some(Kind::Truth(t)) => if *t { "yes" } else { "no" }.to_owned(),
        Some(Kind::List(list)) if list.values.is_empty() => "-".to_owned(),
        Some(Kind::List(list)) => {
            let items: Vec<String> = list.values.iter().map(|v| text(v, sort, style)).collect();
            items.join(" ")
        }
        Some(Kind::Unsigned(n)) => unsigned(*n, sort, style),
        Some(Kind::Signed(n)) => signed(*n, sort, style),
        Some(Kind::Real(r)) => real(*r, sort, style),
    }
}

fn unsigned(n: u64, sort: Sort, style: &Style) -> String {
    match (sort, style.units) {
        (Sort::Time, _) => match style.time {
            Some(_) if n == 0 => "-".to_owned(),
            Some(time) => time::show(n, time, &style.now),
            None => n.to_string(),
        },
        (_, UnitStyle::Raw) | (Sort::Name, _) => n.to_string(),
        (Sort::Duration, _) => units::duration(i64::try_from(n).unwrap_or(i64::MAX)),
        (Sort::Bytes, s) => units::bytes(n as f64, s),
        (Sort::Rate, _) => units::rate(n as f64),
        (Sort::Text | Sort::Share | Sort::Number, _) => units::grouped(n),
    }
}

fn signed(n: i64, sort: Sort, style: &Style) -> String {
    match (sort, style.units) {
        (Sort::Time, _) => u64::try_from(n).map_or_else(|_| n.to_string(), |n| unsigned(n, sort, style)),
        (_, UnitStyle::Raw) | (Sort::Name, _) => n.to_string(),
        (Sort::Duration, _) => units::duration(n),
        (Sort::Bytes, s) => units::bytes(n as f64, s),
        (Sort::Rate, _) => units::rate(n as f64),
        (Sort::Text | Sort::Share | Sort::Number, _) => units::grouped_signed(n),
    }
}

fn real(r: f64, sort: Sort, style: &Style) -> String {
    match (sort, style.units) {
        _ if !r.is_finite() => "-".to_owned(),
        (_, UnitStyle::Raw) => r.to_string(),
        (Sort::Duration, _) => units::duration(r.round() as i64),
        (Sort::Bytes, s) => units::bytes(r, s),
        (Sort::Rate, _) => units::rate(r),
        (Sort::Share, _) => units::percent(r),
        (Sort::Text | Sort::Time | Sort::Number | Sort::Name, _) => units::real(r),
    }
}

/// Text from the network or from other hosts must not steer the terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Whether the value says anything: not missing, not zero, not empty.
pub fn says_something(value: &Value) -> bool {
    match &value.kind {
        None => false,
        Some(Kind::Unsigned(n)) => *n != 0,
        Some(Kind::Signed(n)) => *n != 0,
        Some(Kind::Real(r)) => *r != 0.0,
        Some(Kind::Text(t)) => !t.is_empty(),
        Some(Kind::Truth(t)) => *t,
        Some(Kind::List(l)) => !l.values.is_empty(),
    }
}

/// Whether the value is a number, and so right aligned.
pub fn is_number(value: &Value) -> bool {
    matches!(value.kind, Some(Kind::Unsigned(_) | Kind::Signed(_) | Kind::Real(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, unit: &str, help: &str) -> ColumnInfo {
        ColumnInfo { name: name.to_owned(), unit: unit.to_owned(), help: help.to_owned(), default_shown: true }
    }

    #[test]
    fn times_and_durations_are_told_apart() {
        for name in ["first_ns", "up.last_ns", "flow_first_ns", "at_ns", "probe.newest_ns"] {
            assert_eq!(sort(&column(name, "ns", "")), Sort::Time, "{name}");
        }
        for name in ["rtt_ns_last", "owd_ns_min", "blast_ns", "interval_ns", "srtt_ns_last"] {
            assert_eq!(sort(&column(name, "ns", "")), Sort::Duration, "{name}");
        }
        assert_eq!(sort(&column("seen", "ns", "When, ns since the epoch.")), Sort::Time);
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(printable("probe\u{1b}[31m\n"), "probe\u{fffd}[31m\u{fffd}");
    }
}
