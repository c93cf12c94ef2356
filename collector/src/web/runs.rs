//! The experiments, and two of them side by side.

use maud::{Markup, html};
use sce_proto::value::Kind;
use sce_view::units::percent;
use sce_view::{Answer, aggregate, cell, compare};

use super::Web;
use super::ask::{Asked, Wrong, ask, quoted};
use super::page::Page;
use super::table::{style, table};
use crate::store::Store;

/// What is added up for each run.
const COLUMNS: [&str; 18] = [
    "run",
    "first_ns",
    "last_ns",
    "lost_packets",
    "rtt_ns_min",
    "up.packets",
    "up.ip_bytes",
    "up.payload_bytes",
    "up.retransmitted_segments",
    "up.arrived_ect1_packets",
    "up.arrived_ce_packets",
    "up.acked_bytes",
    "up.flight_bytes_max",
    "up.rtt_ns_max",
    "down.packets",
    "down.ip_bytes",
    "down.acked_bytes",
    "down.esce_acked_bytes",
];

/// The page.
pub(super) async fn page<S: Store>(web: &Web<S>, asked: &Asked) -> Result<Markup, Wrong> {
    let mut question = asked.question(web).await?;
    if question.lately {
        question.window.since_ns = 0;
    }
    question.run.clear();
    let mut request = question.request("flows");
    request.columns = COLUMNS.map(str::to_owned).to_vec();
    let flows = ask(web, request).await?;
    let mut runs = aggregate::group(&flows, &["run".to_owned()], "flows")?;
    aggregate::sort(&mut runs, &["first_ns".to_owned()])?;
    let names: Vec<String> = runs.rows.iter().map(|r| runs.text(r, "run")).collect();
    let (a, b) = (asked.get("a").to_owned(), asked.get("b").to_owned());
    let pick = |name: &'static str, now: &str| {
        html! {
            select name=(name) aria-label=(name) {
                @for run in &names { option value=(run) selected[run.as_str() == now] { (if run.is_empty() { "(no label)" } else { run }) } }
            }
        }
    };
    let compared = names.contains(&a) && names.contains(&b) && a != b;
    let body = html! {
        @if runs.rows.is_empty() { p.empty { "No run yet. Label one: " code { "sce-probe run --run cubic-1 ..." } } } @else {
            (table(asked, &runs, &["run", "flows", "first_ns", "last_ns", "up.packets", "up.ip_bytes", "lost_packets", "up.arrived_ect1_packets", "up.arrived_ce_packets", "rtt_ns_min"], None))
        }
        @if names.len() > 1 {
            form.inline method="get" action="/runs" {
                "Compare " (pick("a", &a)) " with " (pick("b", if b.is_empty() { names.last().map_or("", String::as_str) } else { &b })) " "
                button { "Compare" }
            }
        }
        @if compared { (side_by_side(asked, &runs, &a, &b)) }
    };
    let mut same = vec![question.command(asked, "top", &["--by run".to_owned()])];
    if compared {
        same.push(question.command(asked, "diff", &[format!("--run {}", quoted(&a)), format!("--run {}", quoted(&b))]));
    }
    Ok(Page {
        path: "/runs",
        title: "Runs",
        about: "The experiments that probes were told of with --run, added up, and two of them side by side.",
        asked,
        question: &question,
        completeness: &flows.completeness,
        same,
        body,
    }
    .html())
}

fn side_by_side(asked: &Asked, runs: &Answer, a: &str, b: &str) -> Markup {
    let of = |name: &str| {
        let mut rows: Vec<_> = runs.rows.iter().filter(|r| runs.text(r, "run") == name).cloned().collect();
        rows.iter_mut().for_each(|r| _ = r.values.remove(0));
        Answer { columns: runs.columns[1..].to_vec(), rows, completeness: runs.completeness.clone() }
    };
    let lines = compare::compare(&of(a), &of(b), 0, false);
    let style = style(asked);
    html! {
        h2 { (a) " and " (b) }
        div.scroll { table {
            thead { tr { th { "metric" } th.n { (a) } th.n { (b) } th.n { "change" } } }
            tbody {
                @for line in &lines {
                    @let sort = cell::sort(&line.column);
                    tr title=(line.column.help) {
                        th { (line.column.name) }
                        @for value in &line.row.values[2..4] { td.n { (cell::text(value, sort, &style)) } }
                        td.n { @match line.row.values[4].kind {
                            Some(Kind::Real(share)) => { (if share > 0.0 { "+" } else { "" }) (percent(share)) }
                            _ => "-",
                        } }
                    }
                }
            }
        } }
    }
}
