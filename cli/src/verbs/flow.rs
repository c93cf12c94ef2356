//! One flow's story: its totals by direction, the points that saw it, its path hop by hop, its feedback, its window over time.
//!
//! In: a flow's identifier. Out: one text for people, or one JSON object with the members `points`, `paths`, `verify` and `timeline`.

use std::io::{self, Write as _};

use sce_proto::{Completeness, SelectRequest, Value};
use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr;

use crate::args::{FlowArgs, Format};
use crate::client::{Answer, Client};
use crate::exit::Failure;
use crate::footer::Footer;
use crate::render::cell::{self, Style};
use crate::render::{Printer, machine, title};
use crate::time::{self, Window};
use crate::verbs::list;

/// The parts of the story: title, member of the JSON object, view.
const PARTS: [(&str, &str, &str); 4] = [
    ("Seen at", "points", "flow"),
    ("Path, segment by segment", "paths", "paths"),
    ("Feedback: received, said, heard", "verify", "verify"),
    ("Over time: window, marks, feedback, delay", "timeline", "timeline"),
];

/// Tells the story.
pub(crate) async fn run(client: &mut Client, args: &FlowArgs) -> Result<(), Failure> {
    let now = jiff::Zoned::now();
    let id = identifier(&args.id)?;
    let Window { since_ns, until_ns } =
        time::window(args.window.times.since.as_deref(), args.window.times.until.as_deref(), &now)?;
    let ask = |view: &str| SelectRequest {
        view: view.to_owned(),
        since_ns,
        until_ns,
        run: args.window.run.clone().unwrap_or_default(),
        flow: id.clone(),
        ..SelectRequest::default()
    };
    let flow = client.all(ask("flows")).await?;
    if flow.rows.is_empty() {
        return Err(Failure::new(format!(
            "there is no flow {id} in this window\n  sce-cli flows lists them; --since and --run may hide it"
        )));
    }
    if flow.rows.len() > 1 {
        return Err(Failure::usage(format!("{id} is the beginning of {} flows: write more digits", flow.rows.len())));
    }
    let known = client.views("").await?;
    let mut parts = Vec::new();
    // An older collector has not all of them.
    for (heading, member, view) in PARTS.into_iter().filter(|part| known.iter().any(|v| v.name == part.2)) {
        parts.push((heading, member, view, client.all(ask(view)).await?));
    }
    let printer = Printer::new(&args.output, now);
    match args.output.output {
        Format::Json | Format::Ndjson => print_object(&printer, &flow, &parts)?,
        Format::Table | Format::Wide => print_story(client, &printer, &flow, &parts).await?,
        _ => {
            list::print_rows(&printer, &flow.columns, &flow.rows)?;
        }
    }
    let completeness: &Completeness = &flow.completeness;
    let footer = Footer { noun: "flows", shown: 1, hidden: &[], completeness, since_ns, style: &printer.style };
    footer.print(&args.output);
    footer.verdict(&args.output)
}

/// Checks an identifier before the collector is asked.
fn identifier(text: &str) -> Result<String, Failure> {
    let id = text.trim().to_ascii_lowercase();
    if id.is_empty() || id.len() > 16 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Failure::usage(format!(
            "`{text}` is not a flow identifier: take the 16 hexadecimal digits in the first column of `sce-cli flows`"
        )));
    }
    Ok(id)
}

type Part<'a> = (&'a str, &'a str, &'a str, Answer);

fn print_object(printer: &Printer, flow: &Answer, parts: &[Part<'_>]) -> io::Result<()> {
    let mut object = machine::object(&flow.columns, &flow.rows[0].values, &printer.style);
    for (_, member, _, answer) in parts {
        let rows =
            answer.rows.iter().map(|r| Json::Object(machine::object(&answer.columns, &r.values, &printer.style)));
        object.insert((*member).to_owned(), Json::Array(rows.collect()));
    }
    let text = match printer.format {
        Format::Ndjson => Json::Object(object).to_string(),
        _ => serde_json::to_string_pretty(&Json::Object(object)).unwrap_or_default(),
    };
    writeln!(io::stdout(), "{text}")
}

async fn print_story(client: &mut Client, printer: &Printer, flow: &Answer, parts: &[Part<'_>]) -> Result<(), Failure> {
    let wide = printer.format == Format::Wide;
    let mut text = facts(flow, wide, &printer.style);
    for (heading, _, view, answer) in parts {
        text.push('\n');
        text.push_str(&title(heading, printer.color));
        if answer.rows.is_empty() {
            text.push_str("  nothing known\n");
            continue;
        }
        let about = client.describe(view).await?.map(|v| v.columns).unwrap_or_default();
        let (columns, rows) = shown(answer, &about, wide);
        let (table, hidden) = printer.table(&columns, &rows);
        text.push_str(&table);
        if !hidden.is_empty() {
            text.push_str(&format!("  (hidden: {})\n", hidden.join(", ")));
        }
    }
    Ok(printer.show(&text)?)
}

/// The columns of an answer that a table shows: the default ones, without the flow that is the same everywhere.
fn shown(
    answer: &Answer,
    about: &[sce_proto::ColumnInfo],
    wide: bool,
) -> (Vec<sce_proto::ColumnInfo>, Vec<sce_proto::Row>) {
    let constant = ["flow", "initiator_ip", "initiator_port", "responder_ip", "responder_port", "proto", "run"];
    let default = |name: &str| about.iter().find(|c| c.name == name).is_none_or(|c| c.default_shown);
    let kept: Vec<usize> = (0..answer.columns.len())
        .filter(|i| {
            let c = &answer.columns[*i];
            !constant.contains(&c.name.as_str()) && (wide || (c.default_shown && default(&c.name)))
        })
        .collect();
    let columns = kept.iter().map(|i| answer.columns[*i].clone()).collect();
    let pick = |r: &sce_proto::Row| kept.iter().filter_map(|i| r.values.get(*i).cloned()).collect::<Vec<Value>>();
    (columns, answer.rows.iter().map(|r| sce_proto::Row { values: pick(r) }).collect())
}

/// Name and value of every column that has something to say; `up` and `down` side by side.
fn facts(flow: &Answer, wide: bool, style: &Style) -> String {
    let values = &flow.rows[0].values;
    let cell = |i: usize| values.get(i).map(|v| cell::text(v, cell::sort(&flow.columns[i]), style)).unwrap_or_default();
    let at = |name: &str| flow.columns.iter().position(|c| c.name == name);
    let says = |i: usize| values.get(i).is_some_and(cell::says_something);
    let mut single = Vec::new();
    let mut double = Vec::new();
    for (i, column) in flow.columns.iter().enumerate() {
        if let Some(name) = column.name.strip_prefix("up.") {
            let down = at(&format!("down.{name}"));
            if (says(i) || down.is_some_and(says)) && (wide || of_interest(name)) {
                double.push((words(name), cell(i), down.map_or_else(|| "-".to_owned(), cell)));
            }
        } else if !column.name.starts_with("down.") && !column.name.ends_with("_port") && says(i) {
            let port = column.name.strip_suffix("_ip").and_then(|end| at(&format!("{end}_port"))).filter(|p| says(*p));
            match port {
                Some(port) => single
                    .push((words(column.name.trim_end_matches("_ip")), format!("{} port {}", cell(i), cell(port)))),
                None => single.push((words(&column.name), cell(i))),
            }
        }
    }
    let name_width = single.iter().map(|s| s.0.width()).chain(double.iter().map(|d| d.0.width())).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in single {
        text.push_str(&format!("{name:name_width$}  {value}\n"));
    }
    let width = double.iter().flat_map(|d| [d.1.width(), d.2.width()]).max().unwrap_or(0).max(4);
    let row = |name: &str, up: &str, down: &str| {
        let pad = |t: &str| " ".repeat(width.saturating_sub(t.width()));
        format!("{name:name_width$}  {}{up}  {}{down}\n", pad(up), pad(down))
    };
    if !double.is_empty() {
        text.push('\n');
        text.push_str(&row("", "up", "down"));
    }
    for (name, up, down) in double {
        text.push_str(&row(&name, &up, &down));
    }
    text
}

/// Whether a direction's field belongs to the short story: sums, sketches and bit sets are for computing, not for reading.
fn of_interest(name: &str) -> bool {
    !["_us2_sum", "_ns_sum", "_sketch", "_bits", "mode_last", "reason_last"].iter().any(|tail| name.ends_with(tail))
}

fn words(name: &str) -> String {
    name.trim_end_matches("_ns").replace("_ns_", "_").replace(['_', '.'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_checked_before_the_collector_is_asked() {
        assert_eq!(identifier(" 3F2A ").unwrap(), "3f2a");
        for wrong in ["", "10.0.0.1", "3f2a91c07be4d0153"] {
            assert!(identifier(wrong).unwrap_err().text.contains("first column"), "{wrong}");
        }
    }

    #[test]
    fn object_and_story_show_both_directions() {
        use sce_proto::value::Kind;
        let column = |name: &str| sce_proto::ColumnInfo { name: name.into(), ..sce_proto::ColumnInfo::default() };
        let number = |n| Value { kind: Some(Kind::Unsigned(n)) };
        let flow = Answer {
            columns: ["flow", "up.packets", "down.packets", "up.tcp_rst", "down.tcp_rst"].map(column).to_vec(),
            rows: vec![sce_proto::Row {
                values: vec![
                    Value { kind: Some(Kind::Text("3f".into())) },
                    number(1200),
                    number(600),
                    number(0),
                    number(0),
                ],
            }],
            ..Answer::default()
        };
        let style = Style {
            units: crate::units::UnitStyle::Si,
            time: None,
            now: jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC),
        };
        let text = facts(&flow, false, &style);
        assert_eq!(text, "flow     3f\n\n            up   down\npackets  1,200    600\n");
        let object = machine::object(&flow.columns, &flow.rows[0].values, &style);
        assert_eq!(object["down"]["packets"], 600);
    }
}
