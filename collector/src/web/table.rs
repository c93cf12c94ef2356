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

/// The whole answer, or the columns named; `sortable`: the path of the page that sorts by a click.
pub(super) fn table(asked: &Asked, answer: &Answer, names: &[&str], sortable: Option<&str>) -> Markup {
    let kept: Vec<usize> = match names {
        [] => (0..answer.columns.len()).filter(|i| answer.columns[*i].default_shown).collect(),
        names => names.iter().filter_map(|n| answer.columns.iter().position(|c| c.name == *n)).collect(),
    };
    let style = style(asked);
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { @for i in &kept { (heading(asked, answer, *i, sortable)) } } }
                tbody {
                    @for row in &answer.rows { tr { @for i in &kept { (datum(asked, &answer.columns[*i], row, *i, &style)) } } }
                }
            }
        }
    }
}

fn heading(asked: &Asked, answer: &Answer, i: usize, sortable: Option<&str>) -> Markup {
    let column = &answer.columns[i];
    // A heading stands over its cells: right where there are numbers.
    let number = answer.rows.iter().filter_map(|r| r.values.get(i)).any(cell::is_number);
    let class = (number && cell::sort(column) != Sort::Time).then_some("n");
    // The name without what the cells say themselves.
    let words = column.name.replace('.', " ").replace("_ns", "").replace('_', " ");
    let now = asked.get("sort");
    let down = format!("-{}", column.name);
    html! {
        th class=[class] title=(column.help) {
            @match sortable {
                Some(path) => {
                    @let next = if now == down { column.name.as_str() } else { down.as_str() };
                    a href=(asked.url(path, &[("sort", next)])) { (words)
                        @if now == down { " \u{25be}" } @else if now == column.name { " \u{25b4}" }
                    }
                }
                None => (words),
            }
        }
    }
}

fn datum(asked: &Asked, column: &ColumnInfo, row: &Row, i: usize, style: &Style) -> Markup {
    let empty = Value::default();
    let value = row.values.get(i).unwrap_or(&empty);
    let sort = cell::sort(column);
    let text = cell::text(value, sort, style);
    let number = matches!(value.kind, Some(Kind::Unsigned(_) | Kind::Signed(_) | Kind::Real(_)));
    let class = match (number && sort != Sort::Time, bad(column, value)) {
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
