//! `query`: a SELECT over any view, with groups and aggregates.
//!
//! In: `select COLUMNS from VIEW [where FILTER] [group by COLUMNS] [order by COLUMN [desc]] [limit N]`. Out: rows, in every
//! format that listings have. The collector filters; rows are grouped here. Views, not tables: what a view shows is joined and
//! exact, and stays the same when the database changes. Nothing can be changed by it.

use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, SelectRequest, Value};

use crate::aggregate;
use crate::args::QueryArgs;
use crate::client::{Answer, Client};
use crate::exit::Failure;
use crate::footer::Footer;
use crate::render::Printer;
use crate::time;
use crate::track::number;
use crate::verbs::list;

/// What `--help` says of the language.
pub(crate) const GRAMMAR: &str = "\
select COLUMN | FUNCTION(COLUMN) [as NAME], ... | *
from VIEW                      sce-cli list views says which there are
[where FILTER]                 the filter language of all verbs
[group by COLUMN, ...]         FUNCTION is count(*), sum, min, max or avg
[order by COLUMN [desc], ...]  a column or a NAME of the select list
[limit N]
What was not measured counts for no sum, and avg is over the rows where it was.";

/// How values of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Count,
    Sum,
    Min,
    Max,
    Avg,
}

/// One item of the select list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    function: Option<Function>,
    column: String,
    name: String,
}

/// A statement, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Statement {
    items: Vec<Item>,
    view: String,
    filter: String,
    group: Vec<String>,
    order: Vec<String>,
    limit: Option<usize>,
}

/// Asks and prints.
pub(crate) async fn run(client: &mut Client, args: &QueryArgs) -> Result<(), Failure> {
    let now = jiff::Zoned::now();
    let window = time::window(args.window.times.since.as_deref(), args.window.times.until.as_deref(), &now)?;
    let mut statement = parse(&args.statement.join(" "))?;
    let known = client.describe(&statement.view).await?.map(|v| v.columns).unwrap_or_default();
    let everything = statement.items.is_empty();
    if everything {
        let item = |c: &ColumnInfo| Item { function: None, column: c.name.clone(), name: c.name.clone() };
        statement.items = known.iter().map(item).collect();
    }
    let mut columns: Vec<String> = Vec::new();
    for name in statement
        .items
        .iter()
        .filter(|i| i.function != Some(Function::Count))
        .map(|i| &i.column)
        .chain(&statement.group)
    {
        aggregate::position(&known, name)?;
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    if columns.is_empty() {
        // To count rows, any column will do.
        columns.extend(known.first().map(|c| c.name.clone()));
    }
    let request = SelectRequest {
        view: statement.view.clone(),
        since_ns: window.since_ns,
        until_ns: window.until_ns,
        run: args.window.run.clone().unwrap_or_default(),
        filter: statement.filter.clone(),
        columns,
        ..SelectRequest::default()
    };
    let mut answer = evaluate(&client.all(request).await?, &statement)?;
    let total = answer.rows.len() as u64;
    aggregate::sort(&mut answer, &statement.order)?;
    answer.rows.truncate(statement.limit.unwrap_or(usize::MAX));
    answer.completeness.rows_total = total;
    let printer = Printer::new(&args.output, now);
    let (shown, hidden) = list::print_rows(&printer, &answer.columns, &answer.rows)?;
    let completeness = &answer.completeness;
    let since_ns = window.since_ns;
    let footer = Footer { noun: "rows", shown, hidden: &hidden, completeness, since_ns, style: &printer.style };
    footer.print(&args.output);
    footer.verdict(&args.output)
}

/// The rows of the select list: one for each row of the view, or for each group.
fn evaluate(answer: &Answer, statement: &Statement) -> Result<Answer, Failure> {
    let grouped = !statement.group.is_empty() || statement.items.iter().any(|i| i.function.is_some());
    if grouped
        && let Some(item) =
            statement.items.iter().find(|i| i.function.is_none() && !statement.group.contains(&i.column))
    {
        return Err(Failure::usage(format!(
            "`{0}` is neither grouped by nor aggregated: add it to `group by`, or write max({0})",
            item.column
        )));
    }
    let place = |name: &str| aggregate::position(&answer.columns, name);
    let keys = statement.group.iter().map(|g| place(g)).collect::<Result<Vec<_>, _>>()?;
    let mut groups: Vec<(Vec<Value>, Vec<&Row>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for row in &answer.rows {
        let key: Vec<Value> = keys.iter().map(|i| row.values[*i].clone()).collect();
        let next = groups.len();
        let at = if grouped { *known.entry(format!("{key:?}")).or_insert(next) } else { next };
        if at == next {
            groups.push((key, Vec::new()));
        }
        groups[at].1.push(row);
    }
    if grouped && groups.is_empty() && keys.is_empty() {
        // As in SQL: the sum of nothing is one row.
        groups.push((Vec::new(), Vec::new()));
    }
    let mut columns = Vec::new();
    let mut sources = Vec::new();
    for item in &statement.items {
        let (source, mut column) = match item.function {
            Some(Function::Count) => {
                (None, ColumnInfo { help: "Rows of the group.".to_owned(), ..ColumnInfo::default() })
            }
            _ => {
                let i = place(&item.column)?;
                (Some(i), answer.columns[i].clone())
            }
        };
        (column.name, column.default_shown) = (item.name.clone(), true);
        columns.push(column);
        sources.push((item.function, source));
    }
    let value = |rows: &[&Row], (function, source): &(Option<Function>, Option<usize>)| match (function, source) {
        (None, Some(i)) => rows.first().map(|r| r.values[*i].clone()).unwrap_or_default(),
        (Some(function), Some(i)) => merged(*function, rows.iter().map(|r| &r.values[*i])),
        (_, None) => Value { kind: Some(Kind::Unsigned(rows.len() as u64)) },
    };
    let rows = groups.iter().map(|(_, rows)| Row { values: sources.iter().map(|s| value(rows, s)).collect() });
    Ok(Answer { rows: rows.collect(), columns, completeness: answer.completeness.clone() })
}

fn merged<'a>(function: Function, values: impl Iterator<Item = &'a Value>) -> Value {
    let numbers: Vec<(&Value, f64)> = values.filter_map(|v| Some((v, number(v)?))).collect();
    let whole = |v: &Value| match v.kind {
        Some(Kind::Unsigned(n)) => Some(i128::from(n)),
        Some(Kind::Signed(n)) => Some(i128::from(n)),
        _ => None,
    };
    let extreme = match function {
        Function::Min => numbers.iter().min_by(|a, b| a.1.total_cmp(&b.1)),
        _ => numbers.iter().max_by(|a, b| a.1.total_cmp(&b.1)),
    };
    let kind = match function {
        _ if numbers.is_empty() => None,
        Function::Count => Some(Kind::Unsigned(numbers.len() as u64)),
        Function::Min | Function::Max => return extreme.map(|e| e.0.clone()).unwrap_or_default(),
        Function::Avg => Some(Kind::Real(numbers.iter().map(|n| n.1).sum::<f64>() / numbers.len() as f64)),
        Function::Sum => {
            // Counts are added as integers: a sum of bytes can be beyond what a real number holds exactly.
            let exact: Option<i128> = numbers.iter().map(|n| whole(n.0)).sum();
            let signed = |n| i64::try_from(n).map(Kind::Signed).ok();
            let integer = exact.and_then(|n| u64::try_from(n).map(Kind::Unsigned).ok().or_else(|| signed(n)));
            Some(integer.unwrap_or_else(|| Kind::Real(numbers.iter().map(|n| n.1).sum())))
        }
    };
    Value { kind }
}

/// Takes a statement apart. Keywords are those outside quotes and brackets, in the order of SQL.
fn parse(text: &str) -> Result<Statement, Failure> {
    let wrong = |why: &str| Failure::usage(format!("{why}\n  {text}\n{GRAMMAR}"));
    let mut parts: Vec<(&str, String)> = Vec::new();
    let mut words = split(text).into_iter().peekable();
    while let Some(word) = words.next() {
        let keyword = match word.to_ascii_lowercase().as_str() {
            "select" => "select",
            "from" => "from",
            "where" => "where",
            "limit" => "limit",
            both @ ("group" | "order") if words.peek().is_some_and(|w| w.eq_ignore_ascii_case("by")) => {
                words.next();
                if both == "group" { "group" } else { "order" }
            }
            _ => {
                let Some(last) = parts.last_mut() else { return Err(wrong("a query begins with `select`")) };
                if !last.1.is_empty() {
                    last.1.push(' ');
                }
                last.1.push_str(word);
                continue;
            }
        };
        parts.push((keyword, String::new()));
    }
    let order = ["select", "from", "where", "group", "order", "limit"];
    let places: Vec<usize> = parts.iter().filter_map(|p| order.iter().position(|o| *o == p.0)).collect();
    if places.first() != Some(&0) || !places.contains(&1) || places.windows(2).any(|w| w[0] >= w[1]) {
        return Err(wrong("a query reads: select ... from VIEW [where ...] [group by ...] [order by ...] [limit N]"));
    }
    let part = |name: &str| parts.iter().find(|p| p.0 == name).map_or("", |p| p.1.as_str());
    let list = |text: &str| -> Vec<String> {
        text.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
    };
    let mut statement = Statement {
        view: part("from").to_owned(),
        filter: part("where").to_owned(),
        group: list(part("group")),
        ..Statement::default()
    };
    let columns = list(part("select"));
    if columns.is_empty() || statement.view.is_empty() || statement.view.contains([' ', ',']) {
        return Err(wrong("a query names columns and one view; what views have in common is joined already"));
    }
    if columns != ["*"] {
        statement.items = columns
            .iter()
            .map(|c| item(c).ok_or_else(|| wrong(&format!("`{c}` is no column and no function of one"))))
            .collect::<Result<_, _>>()?;
    }
    for column in list(part("order")) {
        let mut words = column.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        match words.next().map(str::to_ascii_lowercase).as_deref() {
            None | Some("asc") => statement.order.push(name),
            Some("desc") => statement.order.push(format!("-{name}")),
            Some(_) => return Err(wrong(&format!("`{column}`: after a column comes `asc` or `desc`"))),
        }
    }
    if parts.iter().any(|p| p.0 == "limit") {
        statement.limit = Some(part("limit").parse().map_err(|_| wrong("`limit` takes a number"))?);
    }
    Ok(statement)
}

/// Words, with what stands in quotes left whole.
fn split(text: &str) -> Vec<&str> {
    let (mut out, mut start, mut quote) = (Vec::new(), None, None);
    for (i, c) in text.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => {
                out.extend(start.take().map(|s| &text[s..i]));
                continue;
            }
            _ => {}
        }
        start.get_or_insert(i);
    }
    out.extend(start.map(|s| &text[s..]));
    out
}

/// `sum(up.packets) as sent`.
fn item(text: &str) -> Option<Item> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (expression, name) = match words.as_slice() {
        [.., before, name] if before.eq_ignore_ascii_case("as") => {
            (words[..words.len() - 2].concat(), Some((*name).to_owned()))
        }
        _ => (words.concat(), None),
    };
    let plain = |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
    let Some((function, rest)) = expression.split_once('(') else {
        let name = name.unwrap_or_else(|| expression.clone());
        return plain(&expression).then_some(Item { function: None, column: expression, name });
    };
    let function = match function.to_ascii_lowercase().as_str() {
        "count" => Function::Count,
        "sum" => Function::Sum,
        "min" => Function::Min,
        "max" => Function::Max,
        "avg" => Function::Avg,
        _ => return None,
    };
    let column = rest.strip_suffix(')')?.to_owned();
    let fits = if function == Function::Count { column == "*" } else { plain(&column) };
    fits.then(|| Item {
        function: Some(function),
        name: name.unwrap_or_else(|| expression.to_ascii_lowercase()),
        column,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let column =
            |name: &str, unit: &str| ColumnInfo { name: name.into(), unit: unit.into(), ..ColumnInfo::default() };
        let n = |v| Value { kind: Some(Kind::Unsigned(v)) };
        let t = |v: &str| Value { kind: Some(Kind::Text(v.to_owned())) };
        Answer {
            columns: vec![column("run", ""), column("up.packets", "packets")],
            rows: vec![
                Row { values: vec![t("a"), n(5)] },
                Row { values: vec![t("b"), n(u64::MAX)] },
                Row { values: vec![t("a"), n(8)] },
                Row { values: vec![t("a"), Value::default()] },
            ],
            ..Answer::default()
        }
    }

    #[test]
    fn groups_are_counted_added_and_averaged() {
        let s = parse(
            "SELECT run, count(*), sum(up.packets) AS sent, avg(up.packets), min( up.packets ) from flows group by run",
        )
        .unwrap();
        let out = evaluate(&answer(), &s).unwrap();
        let names: Vec<&str> = out.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["run", "count(*)", "sent", "avg(up.packets)", "min(up.packets)"]);
        let kinds = |i: usize| out.rows[i].values.iter().skip(1).map(|v| v.kind.clone()).collect::<Vec<_>>();
        let u = |n| Some(Kind::Unsigned(n));
        assert_eq!(kinds(0), [u(3), u(13), Some(Kind::Real(6.5)), u(5)]);
        assert_eq!(kinds(1)[1], u(u64::MAX), "sums are exact");
        let all = evaluate(&answer(), &parse("select count(*) from flows").unwrap()).unwrap();
        assert_eq!(all.rows[0].values[0].kind, u(4));
    }

    #[test]
    fn a_statement_is_taken_apart_and_quotes_are_left_alone() {
        let s = parse("select flow, up.packets from flows where run = \"from where\" and port 443 order by up.packets desc, flow limit 5").unwrap();
        assert_eq!((s.view.as_str(), s.filter.as_str()), ("flows", "run = \"from where\" and port 443"));
        assert_eq!((s.order, s.limit), (vec!["-up.packets".to_owned(), "flow".to_owned()], Some(5)));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_grammar() {
        for (text, why) in [
            ("delete from flows", "begins with `select`"),
            ("select from flows", "names columns"),
            ("select a from flows, paths", "names columns and one view"),
            ("select median(x) from flows", "no function"),
            ("select a from b limit many", "takes a number"),
            ("select a from b where x order by a group by b", "a query reads"),
        ] {
            let e = parse(text).unwrap_err();
            assert!(e.text.contains(why), "{text}: {}", e.text);
        }
        let e = evaluate(&answer(), &parse("select run, sum(up.packets) from flows").unwrap()).unwrap_err();
        assert!(e.text.contains("neither grouped by nor aggregated"), "{}", e.text);
    }
}
