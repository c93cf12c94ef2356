//! The probes and their points, and whether every packet and record is accounted for.

use maud::{Markup, html};
use sce_view::Answer;
use sce_view::units::{UnitStyle, bytes, duration, grouped};

use super::Web;
use super::ask::{Asked, Wrong, ask};
use super::page::Page;
use super::table::table;
use crate::store::Store;

/// The fleet: a card for each probe, and its points.
pub(super) async fn fleet<S: Store>(web: &Web<S>, asked: &Asked) -> Result<Markup, Wrong> {
    let question = asked.question(web).await?;
    let probes = ask(web, question.request("probes")).await?;
    let mut points = question.request("points");
    points.filter.clear();
    let points = ask(web, points).await?;
    let body = html! {
        div.cards { @for row in &probes.rows { (card(asked, &probes, row)) } }
        @if probes.rows.is_empty() { p.empty { "No probe yet. On a host to be metered: " code { "sce-probe run -i eth0 --collector http://THIS-HOST:4517" } } }
        @if !points.rows.is_empty() {
            h2 { "Observation points" }
            (table(asked, &points, &["probe", "interface", "host", "hook", "link_mtu", "run", "op"], None))
        }
    };
    Ok(Page {
        path: "/",
        title: "Fleet",
        about: "The probes: are they connected, how fresh is their data, what waits in their spools, what did they lose.",
        asked,
        question: &question,
        completeness: &probes.completeness,
        same: vec![question.command(asked, "probes", &[])],
        body,
    }
    .html())
}

fn card(asked: &Asked, probes: &Answer, row: &sce_proto::Row) -> Markup {
    use sce_proto::value::Kind;
    let n = |name: &str| probes.number(row, name);
    let connected = probes.value(row, "connected").is_some_and(|v| v.kind == Some(Kind::Truth(true)));
    let now = asked.now.timestamp().as_nanosecond() as f64;
    let age = n("newest_ns").filter(|t| *t > 0.0).map(|t| duration((now - t).max(0.0) as i64));
    let count = |name: &str| n(name).map_or_else(|| "-".to_owned(), |v| grouped(v as u64));
    let lost = n("lost_records").unwrap_or(0.0) > 0.0;
    html! {
        article.card {
            h2 { (probes.text(row, "probe")) span class=(if connected { "pill on" } else { "pill" }) { (if connected { "connected" } else { "away" }) } }
            dl {
                dt { "newest record" } dd { (age.map_or_else(|| "none".to_owned(), |a| format!("{a} ago"))) }
                dt { "records" } dd { (count("records")) }
                dt { "spool" } dd { (n("spool_bytes").map_or_else(|| "-".to_owned(), |b| bytes(b, UnitStyle::Si))) }
                dt { "flows now" } dd { (count("flows_active")) }
                dt { "clock error" } dd { (n("clock_error_ns").filter(|e| *e > 0.0).map_or_else(|| "unknown".to_owned(), |e| format!("\u{b1} {}", duration(e as i64)))) }
                dt { "records lost" } dd class=[lost.then_some("bad")] { (count("lost_records")) }
            }
            p.small { (probes.text(row, "host")) " \u{b7} " (probes.text(row, "version")) }
        }
    }
}

/// The audit and the losses.
pub(super) async fn audit<S: Store>(web: &Web<S>, asked: &Asked) -> Result<Markup, Wrong> {
    let question = asked.question(web).await?;
    let audit = ask(web, question.request("audit")).await?;
    let mut request = question.request("loss");
    (request.filter, request.limit) = (String::new(), asked.limit());
    let loss = ask(web, request).await?;
    let open = audit.rows.iter().filter(|r| !audit.text(r, "verdict").starts_with("balanced")).count();
    let body = html! {
        p.verdict class=(if open == 0 { "verdict good" } else { "verdict bad" }) {
            @if audit.rows.is_empty() { "Nothing was captured in this window." }
            @else if open == 0 { "All " (audit.rows.len()) " accounts balance." }
            @else { "! " (open) " of " (audit.rows.len()) " accounts do not balance." }
        }
        @if !audit.rows.is_empty() { (table(asked, &audit, &[], None)) }
        h2 { "Losses" }
        @if loss.rows.is_empty() { p.empty { "No loss was reported." } } @else { (table(asked, &loss, &[], None)) }
    };
    Ok(Page {
        path: "/audit",
        title: "Audit",
        about: "Whether every packet and record is accounted for, from the database alone: captured = recorded + other + \
                non-IP + undecodable, and emitted = stored + on its way + reported lost.",
        asked,
        question: &question,
        completeness: &audit.completeness,
        same: vec![question.command(asked, "audit", &[]), question.command(asked, "loss", &[])],
        body,
    }
    .html())
}
