//! The flows of a window.

use maud::{Markup, html};
use sce_view::units::grouped;

use super::Web;
use super::ask::{Asked, Wrong, ask, quoted};
use super::page::Page;
use super::table::table;
use crate::store::Store;

/// What the table shows; the flow's own page has the rest.
const COLUMNS: [&str; 15] = [
    "flow",
    "proto",
    "initiator_ip",
    "initiator_port",
    "responder_ip",
    "responder_port",
    "ecn_mode",
    "up.packets",
    "up.ip_bytes",
    "lost_packets",
    "up.arrived_ect1_packets",
    "up.arrived_ce_packets",
    "rtt_ns_min",
    "duration_ns",
    "first_ns",
];

/// The page.
pub(super) async fn page<S: Store>(web: &Web<S>, asked: &Asked) -> Result<Markup, Wrong> {
    let question = asked.question(web).await?;
    let mut request = question.request("flows");
    request.columns = COLUMNS.map(str::to_owned).to_vec();
    request.limit = asked.limit();
    let sort = if asked.get("sort").is_empty() { "-up.ip_bytes" } else { asked.get("sort") };
    request.sort = vec![sort.to_owned()];
    let flows = ask(web, request).await?;
    let (shown, total) = (flows.rows.len() as u64, flows.completeness.rows_total);
    let more = (asked.limit() * 4).to_string();
    let body = html! {
        @if flows.rows.is_empty() { p.empty { "No flow in this window." } } @else {
            p { (grouped(shown)) " of " (grouped(total)) " flows"
                @if shown < total { " \u{b7} " a href=(asked.url("/flows", &[("limit", &more)])) { "more" } }
            }
            (table(asked, &flows, &COLUMNS, Some("/flows")))
        }
    };
    let rest = [format!("--sort {}", quoted(sort)), format!("--limit {}", asked.limit())];
    Ok(Page {
        path: "/flows",
        title: "Flows",
        about: "Who talked to whom, how much, with which marks, and what was lost. A click on a heading sorts.",
        asked,
        question: &question,
        completeness: &flows.completeness,
        same: vec![question.command(asked, "flows", &rest)],
        body,
    }
    .html())
}
