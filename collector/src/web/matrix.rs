//! What became of each ECN code point, hop by hop.

use maud::{Markup, html};
use sce_view::hops::{By, paths_by};
use sce_view::matrix::{CODE_POINTS, Unit, conclusions, heading, matrix};
use sce_view::units::grouped;

use super::Web;
use super::ask::{Asked, Wrong, ask};
use super::page::Page;
use crate::store::Store;

/// The page.
pub(super) async fn page<S: Store>(web: &Web<S>, asked: &Asked) -> Result<Markup, Wrong> {
    let question = asked.question(web).await?;
    let by_host = asked.get("by") == "host";
    let paths = ask(web, question.request("paths")).await?;
    let hops = paths_by(&paths, if by_host { By::Host } else { By::Hop })?;
    let body = html! {
        p { "By "
            a href=(asked.url("/matrix", &[])) aria-current=[(!by_host).then_some("true")] { "hop" } " or "
            a href=(asked.url("/matrix", &[("by", "host")])) aria-current=[by_host.then_some("true")] { "pair of hosts" } "."
        }
        @if hops.rows.is_empty() { p.empty { "No flow was seen at two points in this window." } }
        div.cards {
            @for row in &hops.rows {
                @let m = matrix(&hops, row, Unit::Packets);
                article.card.matrix {
                    h3 { (heading(&hops, row)) }
                    div.scroll { table {
                        thead { tr { th { "sent \\ received" } @for (_, name) in CODE_POINTS { th.n { (name) } } th.n { "lost" } } }
                        tbody {
                            @for (i, (_, name)) in CODE_POINTS.iter().enumerate() {
                                @let sum: u64 = m[i].iter().flatten().sum();
                                tr { th { (name) } @for (j, count) in m[i].iter().enumerate() { (heat(*count, sum, i, j)) } }
                            }
                        }
                    } }
                    p { (conclusions(&m)) }
                }
            }
        }
    };
    let rest = if by_host { vec!["--matrix".to_owned(), "--by host".to_owned()] } else { vec!["--matrix".to_owned()] };
    Ok(Page {
        path: "/matrix",
        title: "Matrix",
        about: "Rows are the code points that were sent, columns what arrived. What kept its code point stands on the diagonal.",
        asked,
        question: &question,
        completeness: &paths.completeness,
        same: vec![question.command(asked, "paths", &rest)],
        body,
    }
    .html())
}

/// A cell, the darker the larger its share of the row; changes in another colour than what stayed.
fn heat(count: Option<u64>, sum: u64, sent: usize, received: usize) -> Markup {
    let Some(count) = count else { return html! { td.n { "?" } } };
    // A share of a ten thousandth is still to be seen: bleaching is rarely total.
    let share = count as f64 / sum.max(1) as f64;
    let level = if count == 0 { 0 } else { (5.0 + share.log10() * 1.25).round().clamp(1.0, 5.0) as u8 };
    let kind = match (sent == received, received) {
        (true, _) => "kept",
        (_, 4) => "gone",
        _ => "changed",
    };
    html! { td class=(format!("n {kind} h{level}")) { (if count == 0 { "\u{b7}".to_owned() } else { grouped(count) }) } }
}
