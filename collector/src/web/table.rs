//! An answer as an HTML table: the columns that belong there, numbers with their units, links to flows.

use maud::{Markup, html};
use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, Value};
use sce_view::Answer;
use sce_view::cell::{self, Sort, Style};
use sce_view::time::TimeStyle;
use sce_view::units::UnitStyle;

use super::ask::Asked;

/// How values are written on pages.
pub(super) fn style(asked: &Asked) -> Style {
    Style { units: UnitStyle::Si, time: Some(TimeStyle::Utc), now: asked.now.clone() }
}

/// A column of a table on a page.
struct Shown<'a> {
    column: &'a ColumnInfo,
    /// Its place in the rows.
    at: usize,
    /// Its name without what the cells say themselves.
    words: String,
    /// The port stands behind the address, in the next column of the answer.
    with_port: bool,
    /// Right aligned.
    number: bool,
}

/// The whole answer, or the columns named; `sortable`: the path of the page that sorts by a click.
pub(super) fn table(asked: &Asked, answer: &Answer, names: &[&str], sortable: Option<&str>) -> Markup {
    let kept: Vec<usize> = match names {
        [] => (0..answer.columns.len()).filter(|i| answer.columns[*i].default_shown).collect(),
        names => names.iter().filter_map(|n| answer.columns.iter().position(|c| c.name == *n)).collect(),
    };
    let shown = shown(answer, &kept);
    let style = style(asked);
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { @for s in &shown { (heading(asked, s, sortable)) } } }
                tbody {
                    @for row in &answer.rows { tr { @for s in &shown { (datum(asked, s, row, &style)) } } }
                }
            }
        }
    }
}

fn shown<'a>(answer: &'a Answer, kept: &[usize]) -> Vec<Shown<'a>> {
    let end = |i: usize| {
        let (ip, port) = (answer.columns.get(i)?, answer.columns.get(i + 1)?);
        cell::address_and_port(&ip.name, &port.name).filter(|_| kept.contains(&(i + 1)))
    };
    let made = |at: &usize| {
        let (at, column) = (*at, &answer.columns[*at]);
        if at > 0 && end(at - 1).is_some() {
            return None;
        }
        let values = || answer.rows.iter().filter_map(move |r| r.values.get(at));
        let number = values().any(cell::is_number) && cell::sort(column) != Sort::Time;
        let words = end(at).map_or_else(|| words(&column.name), words);
        Some(Shown { column, at, words, with_port: end(at).is_some(), number })
    };
    kept.iter().filter_map(made).collect()
}

/// A column's name as people write it.
fn words(name: &str) -> String {
    let name = name.replace("_ns", "").replace("not_ect", "Not-ECT").replace(['.', '_'], " ");
    let word = |w: &str| match w {
        "ect0" => "ECT(0)".to_owned(),
        "ect1" => "ECT(1)".to_owned(),
        "ce" | "ecn" | "ip" | "rtt" | "owd" | "ttl" | "esce" | "ece" | "mtu" => w.to_uppercase(),
        _ => w.to_owned(),
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn heading(asked: &Asked, shown: &Shown<'_>, sortable: Option<&str>) -> Markup {
    let name = &shown.column.name;
    let now = asked.get("sort");
    let down = format!("-{name}");
    html! {
        th class=[shown.number.then_some("n")] title=(shown.column.help) {
            @match sortable {
                Some(path) => {
                    @let next = if now == down { name.as_str() } else { down.as_str() };
                    a href=(asked.url(path, &[("sort", next)])) { (shown.words)
                        @if now == down { " \u{25be}" } @else if now == name { " \u{25b4}" }
                    }
                }
                None => (shown.words),
            }
        }
    }
}

fn datum(asked: &Asked, shown: &Shown<'_>, row: &Row, style: &Style) -> Markup {
    let empty = Value::default();
    let value = |at: usize| row.values.get(at).unwrap_or(&empty);
    let (column, value, port) = (shown.column, value(shown.at), value(shown.at + 1));
    let text = if shown.with_port { cell::endpoint(value, port) } else { cell::text(value, cell::sort(column), style) };
    let class = match (shown.number, bad(column, value)) {
        (true, true) => Some("n bad"),
        (true, false) => Some("n"),
        (false, true) => Some("bad"),
        (false, false) => None,
    };
    html! {
        td class=[class] {
            @if column.name == "flow" { a.id href=(asked.url(&format!("/flow/{text}"), &[("filter", ""), ("sort", ""), ("limit", "")])) { (text) } }
            @else { (text) }
        }
    }
}

/// Whether a cell says that something went wrong; words say so too, colour only helps to find it.
fn bad(column: &ColumnInfo, value: &Value) -> bool {
    let name = column.name.rsplit('.').next().unwrap_or(&column.name);
    match &value.kind {
        Some(Kind::Unsigned(n)) => {
            *n > 0
                && (name.starts_with("lost")
                    || name.ends_with("drops")
                    || name.starts_with("missing")
                    || name.ends_with("_lost"))
        }
        Some(Kind::Truth(t)) => name == "balanced" && !t,
        Some(Kind::Text(t)) => {
            name == "verdict" && (t.contains("missing") || t.starts_with("receiver_") || t.starts_with("return_"))
        }
        _ => false,
    }
}
