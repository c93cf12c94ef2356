//! Rows added up by group, for `top`, `paths --by` and `diff`.
//!
//! In: an answer and the columns to group by. Out: an answer with one row a group. How two values become one follows from the
//! list of fields (sce_proto) and the unit; what cannot be merged honestly, like a median, is left out rather than guessed.

use std::collections::HashMap;

use sce_proto::value::Kind;
use sce_proto::{
    ColumnInfo, Feedback, FlowInterval, Merge, PathSegment, ProbeInterval, Record, Row, SocketSample, Value,
};

use crate::cell::{self, Sort};
use crate::{Answer, Failure, nearest};

/// How two values of a column become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Add.
    Sum,
    /// The smaller one.
    Min,
    /// The larger one.
    Max,
    /// Cannot be merged.
    None,
}

/// The rule of a column.
pub fn rule(column: &ColumnInfo) -> Rule {
    let base = column.name.rsplit('.').next().unwrap_or(&column.name);
    if cell::sort(column) == Sort::Time {
        return match base {
            b if b.ends_with("first_ns") || b.ends_with("start_ns") || b.ends_with("from_ns") => Rule::Min,
            _ => Rule::Max,
        };
    }
    match base {
        b if b.ends_with("_min") => Rule::Min,
        // The error of several delays is bounded by the largest.
        b if b.ends_with("_max") || b == "owd_ns_error" => Rule::Max,
        b if b.ends_with("_last") || b.ends_with("_p50") || b.ends_with("_p90") || b.ends_with("_p99") => Rule::None,
        b => match field(b) {
            Some(Merge::Sum) => Rule::Sum,
            Some(_) => Rule::None,
            None if ["packets", "bytes", "frames", "segments", "records"].contains(&column.unit.as_str()) => Rule::Sum,
            None => Rule::None,
        },
    }
}

fn field(name: &str) -> Option<Merge> {
    let lists =
        [FlowInterval::FIELDS, PathSegment::FIELDS, Feedback::FIELDS, SocketSample::FIELDS, ProbeInterval::FIELDS];
    lists.into_iter().flatten().find(|f| f.name == name).map(|f| f.merge)
}

/// One row a group, in the order of first appearance: the columns of `by`, the number of rows under the name `count`, and
/// every other column that can be merged.
pub fn group(answer: &Answer, by: &[String], count: &str) -> Result<Answer, Failure> {
    let mut keys = Vec::new();
    for name in by {
        keys.push(position(&answer.columns, name)?);
    }
    let mergeable = |i: &usize| !keys.contains(i) && rule(&answer.columns[*i]) != Rule::None;
    let values: Vec<usize> = (0..answer.columns.len()).filter(mergeable).collect();
    let rules: Vec<Rule> = values.iter().map(|i| rule(&answer.columns[*i])).collect();

    let mut places: HashMap<String, usize> = HashMap::new();
    let mut rows: Vec<Row> = Vec::new();
    for row in &answer.rows {
        let cell = |i: &usize| row.values.get(*i).cloned().unwrap_or_default();
        let key: Vec<Value> = keys.iter().map(cell).collect();
        let next = rows.len();
        let place = *places.entry(format!("{key:?}")).or_insert(next);
        if place == next {
            let mut fresh = key;
            fresh.push(Value { kind: Some(Kind::Unsigned(0)) });
            fresh.extend(values.iter().map(|_| Value::default()));
            rows.push(Row { values: fresh });
        }
        let merged = &mut rows[place].values;
        let one = Value { kind: Some(Kind::Unsigned(1)) };
        merged[keys.len()] = merge(Rule::Sum, &merged[keys.len()], &one);
        for (n, (i, rule)) in values.iter().zip(&rules).enumerate() {
            let at = keys.len() + 1 + n;
            merged[at] = merge(*rule, &merged[at], &cell(i));
        }
    }

    let mut columns: Vec<ColumnInfo> = keys.iter().map(|i| answer.columns[*i].clone()).collect();
    let help = "Rows merged into this one.".to_owned();
    columns.push(ColumnInfo { name: count.to_owned(), unit: String::new(), help, default_shown: true });
    columns.extend(values.iter().map(|i| answer.columns[*i].clone()));
    let mut completeness = answer.completeness.clone();
    completeness.rows_total = rows.len() as u64;
    Ok(Answer { columns, rows, completeness })
}

/// The place of a column, or advice.
pub fn position(columns: &[ColumnInfo], name: &str) -> Result<usize, Failure> {
    columns.iter().position(|c| c.name == name).ok_or_else(|| {
        let near = nearest(name, columns.iter().map(|c| c.name.as_str()));
        let near = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        Failure::usage(format!("there is no column `{name}` to use here{near}\n  --columns help lists the columns"))
    })
}

/// Two values by a rule; what was not measured does not count.
fn merge(rule: Rule, a: &Value, b: &Value) -> Value {
    let kind = match (&a.kind, &b.kind) {
        (None, other) | (other, None) => other.clone(),
        (Some(x), Some(y)) => match (rule, number(x), number(y)) {
            (Rule::Sum, Some(m), Some(n)) => Some(from_number(m + n, x)),
            (Rule::Min, Some(m), Some(n)) => Some(if n < m { y.clone() } else { x.clone() }),
            (Rule::Max, Some(m), Some(n)) => Some(if n > m { y.clone() } else { x.clone() }),
            _ => None,
        },
    };
    Value { kind }
}

fn number(kind: &Kind) -> Option<i128> {
    match kind {
        Kind::Unsigned(n) => Some(i128::from(*n)),
        Kind::Signed(n) => Some(i128::from(*n)),
        _ => None,
    }
}

fn from_number(n: i128, like: &Kind) -> Kind {
    match like {
        Kind::Signed(_) => Kind::Signed(i64::try_from(n).unwrap_or(i64::MAX)),
        _ => Kind::Unsigned(u64::try_from(n).unwrap_or(u64::MAX)),
    }
}

/// Sorts rows by columns; a leading `-` means largest first. What was not measured comes last.
pub fn sort(answer: &mut Answer, by: &[String]) -> Result<(), Failure> {
    let mut keys = Vec::new();
    for name in by {
        let (down, name) = name.strip_prefix('-').map_or((false, name.as_str()), |n| (true, n));
        keys.push((position(&answer.columns, name)?, down));
    }
    answer.rows.sort_by(|a, b| {
        keys.iter().fold(std::cmp::Ordering::Equal, |order, (i, down)| {
            order.then_with(|| compare(&a.values[*i], &b.values[*i], *down))
        })
    });
    Ok(())
}

fn compare(a: &Value, b: &Value, down: bool) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let order = match (&a.kind, &b.kind) {
        (None, None) => return Ordering::Equal,
        (None, Some(_)) => return Ordering::Greater,
        (Some(_), None) => return Ordering::Less,
        (Some(Kind::Text(x)), Some(Kind::Text(y))) => x.cmp(y),
        (Some(Kind::Real(x)), Some(Kind::Real(y))) => x.total_cmp(y),
        (Some(x), Some(y)) => number(x).cmp(&number(y)),
    };
    if down { order.reverse() } else { order }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, unit: &str) -> ColumnInfo {
        ColumnInfo { name: name.into(), unit: unit.into(), ..ColumnInfo::default() }
    }

    fn n(v: u64) -> Value {
        Value { kind: Some(Kind::Unsigned(v)) }
    }

    fn t(v: &str) -> Value {
        Value { kind: Some(Kind::Text(v.to_owned())) }
    }

    fn answer() -> Answer {
        Answer {
            columns: vec![
                column("host", ""),
                column("up.packets", "packets"),
                column("rtt_ns_min", "ns"),
                column("rtt_ns_p50", "ns"),
                column("first_ns", "ns"),
            ],
            rows: vec![
                Row { values: vec![t("a"), n(5), n(30), n(40), n(100)] },
                Row { values: vec![t("b"), n(1), Value::default(), n(40), n(90)] },
                Row { values: vec![t("a"), n(7), n(20), n(40), n(120)] },
            ],
            ..Answer::default()
        }
    }

    #[test]
    fn groups_are_merged_by_the_rules_of_the_names() {
        let mut g = group(&answer(), &["host".to_owned()], "flows").unwrap();
        let names: Vec<&str> = g.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["host", "flows", "up.packets", "rtt_ns_min", "first_ns"], "a median cannot be merged");
        assert_eq!(g.rows[0].values, [t("a"), n(2), n(12), n(20), n(100)]);
        assert_eq!(g.rows[1].values, [t("b"), n(1), n(1), Value::default(), n(90)]);
        sort(&mut g, &["up.packets".to_owned()]).unwrap();
        assert_eq!(g.rows[0].values[0], t("b"));
        sort(&mut g, &["rtt_ns_min".to_owned()]).unwrap();
        assert_eq!(g.rows[1].values[0], t("b"), "what was not measured comes last");
        assert!(sort(&mut g, &["-flow".to_owned()]).unwrap_err().text.contains("did you mean `flows`?"));
    }

    #[test]
    fn rules_follow_the_list_of_fields() {
        for (name, unit, want) in [
            ("up.tcp_ece", "segments", Rule::Sum),
            ("down.fragments", "", Rule::Sum),
            ("transitions.ect0_to_ce.packets", "packets", Rule::Sum),
            ("lost_packets", "packets", Rule::Sum),
            ("owd_ns_error", "ns", Rule::Max),
            ("owd_ns_p99", "ns", Rule::None),
            ("direction", "", Rule::None),
            ("up.ttl_max", "", Rule::Max),
            ("last_ns", "ns", Rule::Max),
            ("receiver_error_ppm", "", Rule::None),
            ("share", "ratio", Rule::None),
        ] {
            assert_eq!(rule(&column(name, unit)), want, "{name}");
        }
    }
}
