//! The paths of flows as a drawing: observation points, and between them what was lost, marked and delayed.
//!
//! In: the rows of `paths`, of one flow or added up over many. Out: an SVG that needs no script and no style sheet. Points
//! stand in the order of the direction `up`, from top to bottom; each pair is joined by an arrow for each direction.

use std::collections::BTreeMap;

use maud::{Markup, html};
use sce_proto::Row;
use sce_view::Answer;
use sce_view::hops::{By, paths_by};
use sce_view::units::{duration, grouped, percent};

use super::Web;
use super::ask::{Asked, Wrong, ask};
use super::page::Page;
use super::table::table;
use crate::store::Store;

/// Size of a point's place, of its box, and of what joins two.
const CELL: f64 = 420.0;
const BOX: (f64, f64) = (190.0, 44.0);
const GAP: f64 = 128.0;
const LINE: f64 = 15.0;
/// More points than this are listed, but not drawn.
const MOST: usize = 60;

const INK: &str = "#1c2733";
const CALM: &str = "#3b7a9e";
const ALARM: &str = "#b8430f";

/// The page.
pub(super) async fn page<S: Store>(web: &Web<S>, asked: &Asked) -> Result<Markup, Wrong> {
    let question = asked.question(web).await?;
    let paths = ask(web, question.request("paths")).await?;
    let hops = paths_by(&paths, By::Hop)?;
    let body = html! {
        (draw(&hops))
        @if !hops.rows.is_empty() {
            h2 { "Hop by hop" }
            (table(asked, &hops, &[
                "from.probe", "from.interface", "to.probe", "to.interface", "direction", "flows", "sent_packets",
                "received_packets", "lost_packets", "transitions.ect0_to_ect1.packets", "transitions.ect0_to_ce.packets",
                "transitions.ect0_to_not_ect.packets", "owd_ns_min", "owd_ns_error",
            ], None))
        }
    };
    Ok(Page {
        path: "/paths",
        title: "Paths",
        about: "Where flows were lost, marked, bleached and delayed: all flows of the window added up, hop by hop.",
        asked,
        question: &question,
        completeness: &paths.completeness,
        same: vec![question.command(asked, "paths", &["--by hop".to_owned()])],
        body,
    }
    .html())
}

/// An arrow between two points, by their places in the list of points.
struct Edge {
    from: usize,
    to: usize,
    up: bool,
    words: Vec<(String, bool)>,
    alarm: bool,
}

/// Draws the segments of an answer.
pub(super) fn draw(paths: &Answer) -> Markup {
    let mut names: Vec<[String; 2]> = Vec::new();
    let mut edges = Vec::new();
    for row in &paths.rows {
        let ends =
            ["from", "to"].map(|side| ["probe", "interface"].map(|part| paths.text(row, &format!("{side}.{part}"))));
        let [from, to] = ends.map(|end| {
            names.iter().position(|n| *n == end).unwrap_or_else(|| {
                names.push(end);
                names.len() - 1
            })
        });
        let up = paths.text(row, "direction") != "down";
        let words = words(paths, row);
        let alarm = words.iter().any(|w| w.1);
        edges.push(Edge { from, to, up, words, alarm });
    }
    if edges.is_empty() {
        return html! { p.empty { "Seen at one point only: no path to draw." } };
    }
    if names.len() > MOST {
        return html! { p.empty { (names.len()) " points are too many to draw: ask for fewer flows with a filter or a run." } };
    }
    let depths = depths(names.len(), &edges);
    let mut columns: BTreeMap<usize, usize> = BTreeMap::new();
    let places: Vec<(f64, f64)> = depths
        .iter()
        .map(|depth| {
            let column = columns.entry(*depth).or_default();
            *column += 1;
            (CELL * (*column as f64 - 0.5), 8.0 + *depth as f64 * (BOX.1 + GAP))
        })
        .collect();
    let width = CELL * columns.values().max().copied().unwrap_or(1) as f64;
    let height = 16.0 + BOX.1 + (depths.iter().max().copied().unwrap_or(0)) as f64 * (BOX.1 + GAP);
    let centred = |at: usize| {
        // A row with fewer points than the widest stands in the middle.
        let row = columns.get(&depths[at]).copied().unwrap_or(1) as f64;
        (places[at].0 + (width - row * CELL) / 2.0, places[at].1)
    };
    html! {
        div.figure.path tabindex="0" {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height)
                font-family="system-ui, Helvetica, Arial, sans-serif" font-size="12.5" role="img" aria-label="path" {
                @for edge in &edges { (arrow(edge, centred(edge.from), centred(edge.to))) }
                @for (i, [probe, interface]) in names.iter().enumerate() {
                    @let (x, y) = centred(i);
                    rect x=(x - BOX.0 / 2.0) y=(y) width=(BOX.0) height=(BOX.1) rx="8" fill="#ffffff" stroke=(INK) stroke-width="1.4" {}
                    text x=(x) y=(y + 19.0) text-anchor="middle" font-weight="600" fill=(INK) { (probe) }
                    text x=(x) y=(y + 35.0) text-anchor="middle" fill="#5b6a78" { (interface) }
                }
            }
        }
    }
}

/// How far each point is from where the direction `up` begins: the longest way, so that arrows of `up` point downwards.
fn depths(points: usize, edges: &[Edge]) -> Vec<usize> {
    let mut depths = vec![0usize; points];
    // As many rounds as there are points settle every order; what goes in circles stops there.
    for _ in 0..points {
        let mut moved = false;
        for edge in edges {
            let (above, below) = if edge.up { (edge.from, edge.to) } else { (edge.to, edge.from) };
            let known_up = edges.iter().any(|e| e.up && (e.from, e.to) == (below, above));
            if !known_up && above != below && depths[below] <= depths[above] && depths[above] + 1 < points {
                depths[below] = depths[above] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    depths
}

fn arrow(edge: &Edge, from: (f64, f64), to: (f64, f64)) -> Markup {
    let side = if edge.up { -14.0 } else { 14.0 };
    let down = from.1 < to.1;
    let (y1, y2) = if down { (from.1 + BOX.1, to.1 - 7.0) } else { (from.1, to.1 + BOX.1 + 7.0) };
    let (x1, x2) = (from.0 + side, to.0 + side);
    let colour = if edge.alarm { ALARM } else { CALM };
    let middle = ((x1 + x2) / 2.0, (y1 + y2) / 2.0);
    // A way past other points goes round them.
    let bulge = if (y1 - y2).abs() > GAP { side.signum() * BOX.0 * 0.75 } else { 0.0 };
    let path =
        format!("M{x1:.0} {y1:.0}C{:.0} {:.0} {:.0} {:.0} {x2:.0} {y2:.0}", x1 + bulge, middle.1, x2 + bulge, middle.1);
    let tip = if down { -9.0 } else { 9.0 };
    let head = format!("M{x2:.0} {:.0}l-5 {tip}h10z", y2 + if down { 7.0 } else { -7.0 });
    let (anchor, at) = if edge.up { ("end", middle.0 + bulge - 12.0) } else { ("start", middle.0 + bulge + 12.0) };
    let top = middle.1 - (edge.words.len() as f64 - 1.0) * LINE / 2.0 + 4.0;
    html! {
        path d=(path) fill="none" stroke=(colour) stroke-width="2.2" {}
        path d=(head) fill=(colour) {}
        @for (i, (words, alarm)) in edge.words.iter().enumerate() {
            text x=(format!("{at:.0}")) y=(format!("{:.0}", top + LINE * i as f64)) text-anchor=(anchor)
                fill=(if *alarm { ALARM } else { INK }) font-weight=(if *alarm { "600" } else { "400" }) { (words) }
        }
    }
}

/// What happened between two points, a line each; true: it should not have.
fn words(paths: &Answer, row: &Row) -> Vec<(String, bool)> {
    let n = |name: &str| paths.number(row, name);
    let count = |v: f64| grouped(v as u64);
    let sent = n("sent_packets").unwrap_or(0.0);
    let share = |v: f64| percent(v / sent.max(1.0));
    let became = |pairs: &[&str]| -> f64 { pairs.iter().filter_map(|p| n(&format!("transitions.{p}.packets"))).sum() };
    let mut out = vec![(format!("{} packets", count(sent)), false)];
    match n("lost_packets") {
        Some(lost) if lost > 0.0 => out.push((format!("! {} lost ({})", count(lost), share(lost)), true)),
        Some(_) => out.push(("none lost".to_owned(), false)),
        None => out.push(("loss unknown".to_owned(), false)),
    }
    for (what, pairs, alarm) in [
        ("SCE", &["ect0_to_ect1"][..], false),
        ("CE", &["ect0_to_ce", "ect1_to_ce"], false),
        ("! bleached", &["ect0_to_not_ect", "ect1_to_not_ect"], true),
        ("! CE erased", &["ce_to_not_ect", "ce_to_ect0", "ce_to_ect1"], true),
    ] {
        let marked = became(pairs);
        if marked > 0.0 {
            out.push((format!("{what} {} ({})", count(marked), share(marked)), alarm));
        }
    }
    if let Some(least) = n("owd_ns_min") {
        let delay = |v: f64| duration(v as i64);
        out.push((format!("delay min {}", delay(least)), false));
        out.extend(n("owd_ns_p50").map(|v| (format!("median {}", delay(v)), false)));
        if let Some(error) = n("owd_ns_error").filter(|e| *e > 0.0) {
            out.push((format!("\u{b1} {}", delay(error)), false));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: usize, to: usize, up: bool) -> Edge {
        Edge { from, to, up, words: Vec::new(), alarm: false }
    }

    #[test]
    fn points_stand_in_the_order_of_up() {
        // Both directions of a line whose rows come in any order.
        let line = [edge(2, 1, false), edge(1, 2, true), edge(0, 1, true), edge(1, 0, false)];
        assert_eq!(depths(3, &line), [0, 1, 2]);
        // Only the way back is known.
        assert_eq!(depths(2, &[edge(0, 1, false)]), [1, 0]);
        // A fork; and a circle ends.
        assert_eq!(depths(3, &[edge(0, 1, true), edge(0, 2, true)]), [0, 1, 1]);
        assert!(depths(2, &[edge(0, 1, true), edge(1, 0, true)]).iter().all(|d| *d < 2));
    }
}
