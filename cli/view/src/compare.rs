//! Two experiments side by side.
//!
//! In: the rows of both, grouped. Out: for every group and every number that can be added up, both values and the change.

use std::collections::BTreeMap;

use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, Value};

use crate::aggregate::{Rule, rule};
use crate::{Answer, cell};

/// One line of the comparison: group, metric, unit, both values, change, and the metric's column for printing.
pub struct Line {
    /// The metric.
    pub column: ColumnInfo,
    /// The cells.
    pub row: Row,
}

/// Every metric of every group; `all`: also those that are zero or the same in both.
#[must_use]
pub fn compare(a: &Answer, b: &Answer, keys: usize, all: bool) -> Vec<Line> {
    let mut groups: BTreeMap<String, (Option<&Row>, Option<&Row>)> = BTreeMap::new();
    let key = |r: &Row| format!("{:?}", &r.values[..keys]);
    a.rows.iter().for_each(|r| groups.entry(key(r)).or_default().0 = Some(r));
    b.rows.iter().for_each(|r| groups.entry(key(r)).or_default().1 = Some(r));
    let mut lines = Vec::new();
    for (left, right) in groups.values() {
        for (i, column) in a.columns.iter().enumerate().skip(keys) {
            if cell::sort(column) == cell::Sort::Time || (rule(column) == Rule::None && column.name != "rows") {
                continue;
            }
            let value = |r: &Option<&Row>| r.and_then(|r| r.values.get(i)).cloned().unwrap_or_default();
            let (x, y) = (value(left), value(right));
            if !all && !cell::says_something(&x) && !cell::says_something(&y) {
                continue;
            }
            let mut values: Vec<Value> = left.or(*right).map(|r| r.values[..keys].to_vec()).unwrap_or_default();
            let text = |t: &str| Value { kind: Some(Kind::Text(t.to_owned())) };
            values.extend([text(&column.name), text(&column.unit), x.clone(), y.clone(), change(&x, &y)]);
            lines.push(Line { column: column.clone(), row: Row { values } });
        }
    }
    lines
}

/// (b - a) / a; nothing where there is no a to compare with.
fn change(a: &Value, b: &Value) -> Value {
    let number = |v: &Value| match v.kind {
        Some(Kind::Unsigned(n)) => Some(n as f64),
        Some(Kind::Signed(n)) => Some(n as f64),
        _ => None,
    };
    let kind = match (number(a), number(b)) {
        (Some(a), Some(b)) if a != 0.0 => Some(Kind::Real((b - a) / a)),
        _ => None,
    };
    Value { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_is_relative_to_the_first_run() {
        let n = |v| Value { kind: Some(Kind::Unsigned(v)) };
        assert_eq!(change(&n(100), &n(150)).kind, Some(Kind::Real(0.5)));
        assert_eq!(change(&n(0), &n(150)).kind, None, "there is nothing to compare with");
        assert_eq!(change(&n(5), &Value::default()).kind, None);
    }
}
