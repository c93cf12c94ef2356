//! `diff`: two experiments side by side.
//!
//! In: two run labels. Out: for every group and every number that can be added up, both values and the change.

use std::collections::BTreeMap;

use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, SelectRequest, Value};

use crate::aggregate::{self, Rule, rule};
use crate::args::{DiffArgs, Format};
use crate::client::{Answer, Client};
use crate::exit::Failure;
use crate::footer::Footer;
use crate::render::table::MIXED;
use crate::render::{Printer, cell};
use crate::time;
use crate::units::percent;
use crate::verbs::list;

/// Compares two runs.
pub(crate) async fn run(client: &mut Client, args: &DiffArgs) -> Result<(), Failure> {
    let [a, b] = args.run.as_slice() else {
        return Err(Failure::usage("name two runs: sce-cli diff --run A --run B"));
    };
    let now = jiff::Zoned::now();
    let window = time::window(args.since.as_deref(), args.until.as_deref(), &now)?;
    let by: Vec<String> = args.by.iter().map(|b| b.trim().to_owned()).collect();
    let mut both = Vec::new();
    for run in [a, b] {
        let request = SelectRequest {
            view: args.of.clone(),
            since_ns: window.since_ns,
            until_ns: window.until_ns,
            run: run.clone(),
            filter: args.filter.join(" "),
            ..SelectRequest::default()
        };
        let answer = client.all(request).await?;
        if answer.rows.is_empty() {
            return Err(Failure::new(format!(
                "run `{run}` has no rows in `{}`: sce-cli flows --columns run,flow lists the runs",
                args.of
            )));
        }
        both.push(aggregate::group(&answer, &by, "rows")?);
    }
    let table =
        compare(&both[0], &both[1], by.len(), args.output.output == Format::Wide || !args.output.output.is_table());
    let printer = Printer::new(&args.output, now);
    let columns = heading(&both[0].columns[..by.len()], a, b, printer.format.is_table());
    let rows = if printer.format.is_table() {
        worded(&table, &printer)
    } else {
        table.iter().map(|l| l.row.clone()).collect()
    };
    let (shown, hidden) = list::print_rows(&printer, &columns, &rows)?;
    let completeness = sce_proto::Completeness { rows_total: shown, ..both[1].completeness.clone() };
    let footer = Footer {
        noun: "lines",
        shown,
        hidden: &hidden,
        completeness: &completeness,
        since_ns: window.since_ns,
        style: &printer.style,
    };
    footer.print(&args.output);
    footer.verdict(&args.output)
}

/// One line of the comparison: group, metric, unit, both values, change, and the metric's column for printing.
struct Line {
    column: ColumnInfo,
    row: Row,
}

fn heading(by: &[ColumnInfo], a: &str, b: &str, for_people: bool) -> Vec<ColumnInfo> {
    let column = |name: &str, unit: &str| ColumnInfo {
        name: name.to_owned(),
        unit: unit.to_owned(),
        default_shown: true,
        ..ColumnInfo::default()
    };
    let mut out = by.to_vec();
    out.push(column("metric", ""));
    if for_people {
        out.extend([column(a, MIXED), column(b, MIXED), column("change", MIXED)]);
    } else {
        out.extend([column("unit", ""), column("a", ""), column("b", ""), column("change", "ratio")]);
    }
    out
}

/// Every metric of every group; `all`: also those that are zero or the same in both.
fn compare(a: &Answer, b: &Answer, keys: usize, all: bool) -> Vec<Line> {
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

/// For people: each value in its metric's unit, and no unit column.
fn worded(lines: &[Line], printer: &Printer) -> Vec<Row> {
    let text = |t: String| Value { kind: Some(Kind::Text(t)) };
    let worded = |line: &Line| {
        let sort = cell::sort(&line.column);
        let mut values = line.row.values.clone();
        let n = values.len();
        for v in &mut values[n - 3..n - 1] {
            *v = text(cell::text(v, sort, &printer.style));
        }
        if let Some(Kind::Real(share)) = values[n - 1].kind {
            let sign = if share > 0.0 { "+" } else { "" };
            values[n - 1] = text(format!("{sign}{}", percent(share)));
        }
        values.remove(n - 4);
        Row { values }
    };
    lines.iter().map(worded).collect()
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
