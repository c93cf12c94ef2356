//! `check`: conditions that must hold, for test automation. Exit code 1 with the rows that do not.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use sce_proto::{ColumnInfo, Completeness, Row, SelectRequest};
use serde_json::{Value as Json, json};

use crate::args::CheckArgs;
use crate::check::{Check, Outcome, evaluate, parse};
use crate::client::{Answer, Client};
use crate::exit::{Failure, code};
use crate::footer::Footer;
use crate::render::{Printer, machine};
use crate::time;

/// Columns that name a row, shown beside the ones a condition is about.
const NAMING: [&str; 6] = ["flow", "direction", "probe", "interface", "from.probe", "to.probe"];

/// Checks every condition.
pub(crate) async fn run(client: &mut Client, args: &CheckArgs) -> Result<(), Failure> {
    let now = jiff::Zoned::now();
    let checks = args.conditions.iter().map(|c| parse(c)).collect::<Result<Vec<_>, _>>()?;
    let window = time::window(args.window.times.since.as_deref(), args.window.times.until.as_deref(), &now)?;
    let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
    for column in checks.iter().flat_map(Check::columns) {
        if answers.contains_key(&column.view) {
            continue;
        }
        let request = SelectRequest {
            view: column.view.clone(),
            since_ns: window.since_ns,
            until_ns: window.until_ns,
            run: args.window.run.clone().unwrap_or_default(),
            filter: args.only.clone().unwrap_or_default(),
            ..SelectRequest::default()
        };
        let answer = client.all(request).await?;
        answers.insert(column.view, answer);
    }
    let mut results = Vec::new();
    for check in &checks {
        results.push((check, evaluate(check, &answers)?));
    }
    let printer = Printer::new(&args.output, now);
    let held = |o: &Outcome| o.failing.is_empty() && (o.rows > 0 || args.allow_empty);
    print(&printer, &results, &answers, &held)?;

    let completeness: Completeness = answers.values().next().map(|a| a.completeness.clone()).unwrap_or_default();
    let shown = results.len() as u64;
    let completeness = Completeness { rows_total: shown, ..completeness };
    let footer = Footer {
        noun: "conditions",
        shown,
        hidden: &[],
        completeness: &completeness,
        since_ns: window.since_ns,
        style: &printer.style,
    };
    footer.print(&args.output);
    if results.iter().any(|(_, o)| !held(o)) {
        return Err(Failure::quiet(code::FAILURE));
    }
    footer.verdict(&args.output)
}

type Results<'a> = [(&'a Check, Outcome)];

fn print(
    printer: &Printer,
    results: &Results<'_>,
    answers: &BTreeMap<String, Answer>,
    held: &impl Fn(&Outcome) -> bool,
) -> Result<(), Failure> {
    if !printer.format.is_table() {
        let list = results.iter().map(|(check, outcome)| {
            let offending = offending(check, outcome, answers);
            let rows = offending.iter().flat_map(|(columns, rows)| {
                rows.iter().map(|r| Json::Object(machine::object(columns, &r.values, &printer.style)))
            });
            json!({
                "check": check.text, "holds": held(outcome), "rows": outcome.rows, "failing": outcome.failing.len(),
                "offending": rows.collect::<Vec<_>>(),
            })
        });
        let text = serde_json::to_string_pretty(&list.collect::<Vec<_>>()).unwrap_or_default();
        writeln!(io::stdout(), "{text}")?;
        return Ok(());
    }
    let mut text = String::new();
    for (check, outcome) in results {
        let mark = if held(outcome) { "holds" } else { "FAILS" };
        let mark = if held(outcome) { mark.to_owned() } else { crate::render::warning(mark, printer.color) };
        let rows = match (outcome.rows, outcome.failing.len()) {
            _ if check.row_view().is_none() => "over all rows".to_owned(),
            (0, _) => "no rows: nothing was checked".to_owned(),
            (1, 0) => "1 row".to_owned(),
            (all, 0) => format!("{all} rows"),
            (1, _) => "the only row does not hold".to_owned(),
            (all, 1) => format!("1 of {all} rows does not hold"),
            (all, some) => format!("{some} of {all} rows do not hold"),
        };
        text.push_str(&format!("{mark}  {}  ({rows})\n", check.text));
        if let Some((columns, rows)) = offending(check, outcome, answers) {
            let (table, _) = printer.table(&columns, &rows);
            text.extend(table.lines().map(|l| format!("       {l}\n")));
        }
    }
    Ok(printer.show(&text)?)
}

/// The rows that do not hold, with the columns that name them and those the condition is about.
fn offending(
    check: &Check,
    outcome: &Outcome,
    answers: &BTreeMap<String, Answer>,
) -> Option<(Vec<ColumnInfo>, Vec<Row>)> {
    let answer = answers.get(&check.row_view()?)?;
    if outcome.failing.is_empty() {
        return None;
    }
    let about = check.columns();
    let kept = |c: &&ColumnInfo| NAMING.contains(&c.name.as_str()) || about.iter().any(|a| a.name == c.name);
    let columns: Vec<ColumnInfo> = answer.columns.iter().filter(kept).cloned().collect();
    let places: Vec<usize> = (0..answer.columns.len()).filter(|i| kept(&&answer.columns[*i])).collect();
    let pick = |r: &Row| Row { values: places.iter().filter_map(|i| r.values.get(*i).cloned()).collect() };
    Some((columns, outcome.failing.iter().filter_map(|i| answer.rows.get(*i)).map(pick).collect()))
}
