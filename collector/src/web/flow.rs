//! One flow: its totals, its path, its feedback, its curves.

use clap::ValueEnum as _;
use maud::{Markup, PreEscaped, html};
use sce_proto::value::Kind as Sort;
use sce_view::cell;
use sce_view::figure::{self, Figure, Kind, Source};
use sce_view::track::tracks;
use sce_view::{Answer, Failure};

use super::Web;
use super::ask::{Asked, Question, Wrong, ask};
use super::page::Page;
use super::table::{style, table};
use super::topology;
use crate::store::Store;

/// The figures of the page; the others are links.
const DRAWN: [Kind; 1] = [Kind::Overview];

/// Rows of the table of both directions: what they are, and their column without direction.
const FACTS: [(&str, &str); 14] = [
    ("packets", "packets"),
    ("bytes (IP)", "ip_bytes"),
    ("payload", "payload_bytes"),
    ("lost on the path", "lost_packets"),
    ("retransmitted segments", "retransmitted_segments"),
    ("sent as ECT(0)", "ect0_packets"),
    ("sent as ECT(1)", "ect1_packets"),
    ("sent as CE", "ce_packets"),
    ("arrived as ECT(1)", "arrived_ect1_packets"),
    ("arrived as CE", "arrived_ce_packets"),
    ("bytes acknowledged", "acked_bytes"),
    ("of those with ESCE", "esce_acked_bytes"),
    ("smallest round trip", "rtt_ns_min"),
    ("largest in flight", "flight_bytes_max"),
];

/// A question about one flow: of all time, unless the URL says otherwise, because the identifier says enough.
async fn question<S: Store>(web: &Web<S>, asked: &Asked, id: &str) -> Result<Question, Wrong> {
    if id.is_empty() || id.len() > 16 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Wrong::missing(format!("{id} is not the identifier of a flow: the page of flows lists them")));
    }
    let mut question = asked.question(web).await?;
    if question.lately {
        question.window.since_ns = 0;
    }
    question.filter.clear();
    Ok(question)
}

async fn about<S: Store>(web: &Web<S>, question: &Question, view: &str, id: &str) -> Result<Answer, Wrong> {
    let mut request = question.request(view);
    request.flow = id.to_owned();
    ask(web, request).await
}

/// The page.
pub(super) async fn page<S: Store>(web: &Web<S>, asked: &Asked, id: &str) -> Result<Markup, Wrong> {
    let question = question(web, asked, id).await?;
    let flows = about(web, &question, "flows", id).await?;
    let Some(flow) = flows.rows.first() else {
        return Err(Wrong::missing(format!("there is no flow {id} in this window: the page of flows lists them")));
    };
    let id = &flows.text(flow, "flow");
    let paths = about(web, &question, "paths", id).await?;
    let verify = about(web, &question, "verify", id).await?;
    let points = about(web, &question, "flow", id).await?;
    let series = about(web, &question, "series", id).await?;
    let sockets = about(web, &question, "sockets", id).await?;
    let source =
        [Source { label: String::new(), run: flows.text(flow, "run"), tracks: tracks(&series), needed: Some(sockets) }];
    let value = |name: String| flows.value(flow, &name).cloned().unwrap_or_default();
    let end = |side: &str| cell::endpoint(&value(format!("{side}_ip")), &value(format!("{side}_port")));
    let here = format!("/flow/{id}");
    let title = format!("{} {} \u{2192} {}", flows.text(flow, "proto"), end("initiator"), end("responder"));
    let body = html! {
        div.columns {
            section { h2 { "Path" } (topology::draw(&paths)) }
            section { h2 { "Both directions" } (facts(asked, &flows, flow)) }
        }
        section {
            h2 { "Over time" }
            @for kind in DRAWN {
                @match draw(kind, &source) {
                    Ok(figure) => div.figure tabindex="0" { (PreEscaped(figure::render(&figure))) }
                    Err(failure) => p.empty { (failure.text) }
                }
            }
            p.small { "As files: "
                @for kind in kinds() { a href=(asked.url(&format!("{here}/{}.svg", name(kind)), &[])) { (name(kind)) ".svg" } " " }
                a href=(asked.url(&format!("{here}/overview.csv"), &[])) { "overview.csv" }
            }
        }
        section { h2 { "Feedback" }
            @if verify.rows.is_empty() { p.empty { "No ECN feedback to verify." } } @else {
                (table(asked, &verify, &["direction", "kind", "unit", "received_signals", "said_signals", "heard_signals", "receiver_error_ppm", "return_error_ppm", "verdict"], None))
            }
        }
        section { h2 { "Point by point" }
            (table(asked, &points, &["point.probe", "point.interface", "direction", "packets", "ip_bytes", "ect0_packets", "ect1_packets", "ce_packets", "retransmitted_segments", "rtt_ns_min", "ttl_max"], None))
        }
    };
    Ok(Page {
        path: &here,
        title: &title,
        about: &format!("Flow {id}{}", run_words(&flows.text(flow, "run"))),
        asked,
        question: &question,
        completeness: &flows.completeness,
        same: vec![
            question.command(asked, &format!("flow {id}"), &[]),
            question.command(asked, &format!("plot overview {id}"), &[]),
        ],
        body,
    }
    .html())
}

fn run_words(run: &str) -> String {
    if run.is_empty() { String::new() } else { format!(" of run {run}") }
}

/// Up and down side by side; what neither direction has is left out.
fn facts(asked: &Asked, flows: &Answer, row: &sce_proto::Row) -> Markup {
    let style = style(asked);
    let text = |name: String| {
        let column = flows.columns.iter().find(|c| c.name == name);
        flows
            .value(row, &name)
            .zip(column)
            .map_or_else(|| "-".to_owned(), |(v, c)| cell::text(v, cell::sort(c), &style))
    };
    let says = |name: &str| flows.value(row, name).is_some_and(cell::says_something);
    let bad = |name: &str, side: &str| {
        let lost = flows.value(row, &format!("{side}.{name}"));
        name == "lost_packets" && lost.is_some_and(|v| matches!(v.kind, Some(Sort::Unsigned(1..))))
    };
    html! {
        table.facts {
            thead { tr { th {} th.n title="initiator to responder" { "up" } th.n title="responder to initiator" { "down" } } }
            tbody {
                @for (what, name) in FACTS {
                    @let sides = ["up", "down"].map(|s| (s, format!("{s}.{name}")));
                    @if sides.iter().any(|s| says(&s.1)) {
                        tr { th { (what) }
                            @for (side, column) in sides {
                                td class=(if bad(name, side) { "n bad" } else { "n" }) { (text(column)) }
                            }
                        }
                    }
                }
            }
        }
        dl.line {
            dt { "ECN" } dd { (flows.text(row, "ecn_mode")) }
            dt { "first packet" } dd { (text("first_ns".to_owned())) " UTC" }
            dt { "duration" } dd { (text("duration_ns".to_owned())) }
        }
    }
}

/// The kinds of figures that are about one flow.
fn kinds() -> impl Iterator<Item = Kind> {
    Kind::value_variants().iter().copied().filter(|k| *k != Kind::Fairness)
}

fn name(kind: Kind) -> String {
    kind.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

fn draw(kind: Kind, source: &[Source]) -> Result<Figure, Failure> {
    figure::figure(kind, source, "rtt_ns_min")
}

/// A figure as a file: `KIND.svg`, or `KIND.csv` the numbers behind it.
pub(super) async fn figure<S: Store>(
    web: &Web<S>,
    asked: &Asked,
    id: &str,
    file: &str,
) -> Result<(&'static str, String), Wrong> {
    let (stem, extension) = file.rsplit_once('.').unwrap_or((file, ""));
    let kind = kinds().find(|k| name(*k) == stem).filter(|_| ["svg", "csv"].contains(&extension));
    let Some(kind) = kind else { return Err(Wrong::missing(format!("there is no figure {file}"))) };
    let question = question(web, asked, id).await?;
    let series = about(web, &question, "series", id).await?;
    let needed = match kind.needs() {
        Some(view) => Some(about(web, &question, view, id).await?),
        None => None,
    };
    let source = [Source { label: String::new(), run: String::new(), tracks: tracks(&series), needed }];
    let mut figure = draw(kind, &source)?;
    figure.title = format!("{}: flow {id}", kind.title());
    Ok(match extension {
        "csv" => ("text/csv; charset=utf-8", figure.data()),
        _ => ("image/svg+xml", figure::render(&figure)),
    })
}
