//! `diff`: two experiments side by side.
//!
//! In: two run labels. Out: for every group and every number that can be added up, both values and the change.

use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, SelectRequest, Value};

use sce_view::compare::{Line, compare};

use crate::aggregate;
use crate::args::{DiffArgs, Format};
use crate::client::Client;
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
    let window = time::window(args.times.since.as_deref(), args.times.until.as_deref(), &now)?;
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
