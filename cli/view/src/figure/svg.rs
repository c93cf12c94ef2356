//! A figure as SVG: vectors, no script, no outside reference; colours that the colour-blind can tell apart, and dashes besides.

use super::axis::{Axis, Curve, Figure, Mark, Panel, axis, axis_label};
use super::tiles;
use crate::text::wrapped;

const WIDTH: f64 = 720.0;
/// Height of one of several panels, and of the only one.
const PANEL_HEIGHTS: [f64; 2] = [170.0, 270.0];
const LEFT: f64 = 74.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 30.0;
const GAP: f64 = 18.0;
const BOTTOM: f64 = 74.0;
/// Height of a line of a legend.
const LEGEND: f64 = 16.0;
/// Okabe and Ito's colours, dark ones first; they differ in print as well.
const COLOURS: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
const DASHES: [&str; 4] = ["", "6 3", "2 2", "8 3 2 3"];

/// The figure as an SVG document.
pub fn render(figure: &Figure) -> String {
    let legends: Vec<f64> = figure.panels.iter().map(|p| legend_rows(p).len() as f64 * LEGEND).collect();
    let panel_height = PANEL_HEIGHTS[usize::from(figure.panels.len() == 1)];
    let height = TOP + legends.iter().map(|l| l + panel_height + GAP).sum::<f64>() - GAP + BOTTOM;
    let (low, high) = figure.x_range();
    let x_axis = axis(low, high, figure.x_quantity, 8, false);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    text(&mut out, WIDTH / 2.0, 19.0, "middle", "font-size=\"14\" font-weight=\"bold\"", &figure.title);
    let mut top = TOP;
    for (i, (panel, legend)) in figure.panels.iter().zip(&legends).enumerate() {
        let (from, last) = (top + legend, i + 1 == figure.panels.len());
        draw_panel(&mut out, panel, &x_axis, (from, from + panel_height), last);
        top = from + panel_height + GAP;
    }
    let label = axis_label(&figure.x_label, &x_axis);
    text(&mut out, (LEFT + WIDTH - RIGHT) / 2.0, height - BOTTOM + 34.0, "middle", "", &label);
    for (i, line) in wrapped(&figure.caption, 130).iter().take(2).enumerate() {
        text(&mut out, LEFT, height - 22.0 + 12.0 * i as f64, "start", "font-size=\"9\" fill=\"#666\"", line);
    }
    out.push_str("</svg>\n");
    out
}

fn draw_panel(out: &mut String, panel: &Panel, x_axis: &Axis, (top, bottom): (f64, f64), last: bool) {
    let y_axis = axis(panel.lowest(), panel.highest(), panel.quantity, 5, true);
    let (left, right) = (LEFT, WIDTH - RIGHT);
    let x = |v: f64| left + (v - x_axis.range.0) / (x_axis.range.1 - x_axis.range.0) * (right - left);
    let y = |v: f64| bottom - (v - y_axis.range.0) / (y_axis.range.1 - y_axis.range.0) * (bottom - top);
    tiles::draw(out, panel, &x, &y);
    for (value, label) in &y_axis.ticks {
        let at = y(*value);
        if panel.tiles.is_empty() {
            out.push_str(&format!(
                "<path d=\"M{left:.1} {at:.1}H{right:.1}\" stroke=\"#ddd\" stroke-width=\"0.6\"/>\n"
            ));
        }
        text(out, left - 6.0, at + 4.0, "end", "", label);
    }
    for (value, label) in &x_axis.ticks {
        let at = x(*value);
        out.push_str(&format!("<path d=\"M{at:.1} {bottom:.1}v4\" stroke=\"#222\" stroke-width=\"0.8\"/>\n"));
        if last {
            text(out, at, bottom + 17.0, "middle", "", label);
        }
    }
    out.push_str(&format!(
        "<path d=\"M{left:.1} {top:.1}V{bottom:.1}H{right:.1}\" fill=\"none\" stroke=\"#222\" stroke-width=\"0.8\"/>\n"
    ));
    let (mid, label) = ((top + bottom) / 2.0, escape(&axis_label(&panel.label, &y_axis)));
    out.push_str(&format!(
        "<text transform=\"translate(16 {mid:.1}) rotate(-90)\" text-anchor=\"middle\">{label}</text>\n"
    ));
    for (i, curve) in panel.curves.iter().enumerate() {
        if curve.mark == Mark::Band {
            draw_band(out, curve, style(panel, i).0, &x, &y);
        } else {
            draw_curve(out, curve, style(panel, i), &x, &y);
        }
    }
    legend(out, panel, left, top);
}

/// Colour and dashes of a curve; a band has those of the line in it, which comes next.
fn style(panel: &Panel, i: usize) -> (&'static str, &'static str) {
    let lines = panel.curves[..i].iter().filter(|c| c.mark != Mark::Band).count();
    (COLOURS[lines % COLOURS.len()], DASHES[lines % DASHES.len()])
}

/// The area between two edges, in pieces where nothing was measured.
fn draw_band(out: &mut String, curve: &Curve, colour: &str, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) {
    let points: Vec<Option<(f64, f64, f64)>> = curve
        .points
        .iter()
        .zip(&curve.upper)
        .map(|((px, low), high)| Some((x(*px), y((*low)?), y((*high)?))))
        .collect();
    for piece in points.split(Option::is_none) {
        let piece: Vec<(f64, f64, f64)> = piece.iter().flatten().copied().collect();
        if let [(px, low, high)] = piece.as_slice() {
            out.push_str(&format!(
                "<path d=\"M{px:.1} {low:.1}V{high:.1}\" stroke=\"{colour}\" stroke-width=\"5\" stroke-opacity=\"0.25\"/>\n"
            ));
            continue;
        }
        let there = piece.iter().map(|(px, low, _)| format!("{px:.1} {low:.1}"));
        let back = piece.iter().rev().map(|(px, _, high)| format!("{px:.1} {high:.1}"));
        let edge: Vec<String> = there.chain(back).collect();
        if !edge.is_empty() {
            let edge = edge.join("L");
            out.push_str(&format!("<path d=\"M{edge}Z\" fill=\"{colour}\" fill-opacity=\"0.25\"/>\n"));
        }
    }
}

fn draw_curve(
    out: &mut String,
    curve: &Curve,
    (colour, dash): (&str, &str),
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f64) -> f64,
) {
    if curve.mark == Mark::Dots {
        for (px, py) in curve.points.iter().filter_map(|(a, b)| Some((*a, (*b)?))) {
            out.push_str(&format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.2\" fill=\"{colour}\" fill-opacity=\"0.65\"/>\n",
                x(px),
                y(py)
            ));
        }
        return;
    }
    let mut path = String::new();
    let mut before: Option<(f64, f64)> = None;
    for (i, (px, py)) in curve.points.iter().enumerate() {
        let Some(py) = py.map(y) else {
            before = None;
            continue;
        };
        let px = x(*px);
        match (before, curve.mark) {
            (None, _) => path.push_str(&format!("M{px:.1} {py:.1}")),
            (Some((_, old)), Mark::Stairs) => path.push_str(&format!("L{px:.1} {old:.1}L{px:.1} {py:.1}")),
            (Some(_), _) => path.push_str(&format!("L{px:.1} {py:.1}")),
        }
        let alone = before.is_none() && curve.points.get(i + 1).is_none_or(|next| next.1.is_none());
        if alone {
            out.push_str(&format!("<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"1.8\" fill=\"{colour}\"/>\n"));
        }
        before = Some((px, py));
    }
    out.push_str(&format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" stroke-linejoin=\"round\" stroke-dasharray=\"{dash}\"/>\n"
    ));
}

/// The curves of each line of a legend. Without font metrics: a letter of a sans serif font at 11 px is about 5.9 px wide.
fn legend_rows(panel: &Panel) -> Vec<Vec<(usize, f64)>> {
    let room = WIDTH - RIGHT - LEFT;
    let mut rows: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    if !panel.title.is_empty() && !panel.curves.is_empty() {
        rows.push(Vec::new());
    }
    let mut at = 8.0;
    for (i, curve) in panel.curves.iter().enumerate() {
        let width = 45.0 + curve.name.chars().count() as f64 * 5.9;
        if at + width > room && at > 8.0 {
            rows.push(Vec::new());
            at = 8.0;
        }
        if let Some(row) = rows.last_mut() {
            row.push((i, at));
        }
        at += width;
    }
    rows
}

/// Names above the panel.
fn legend(out: &mut String, panel: &Panel, left: f64, top: f64) {
    let rows = legend_rows(panel);
    let head = top - 4.0 - LEGEND * (rows.len() - 1) as f64;
    if !panel.title.is_empty() {
        text(out, left + 8.0, head, "start", "font-size=\"11\"", &panel.title);
    }
    tiles::key(out, panel, WIDTH - RIGHT, head);
    for (n, row) in rows.iter().enumerate() {
        let line = top - 8.0 - LEGEND * (rows.len() - 1 - n) as f64;
        for (i, at) in row {
            let (curve, (colour, dash)) = (&panel.curves[*i], style(panel, *i));
            let at = left + at;
            if curve.mark == Mark::Band {
                let high = line - 5.0;
                out.push_str(&format!(
                    "<rect x=\"{at:.1}\" y=\"{high:.1}\" width=\"22\" height=\"10\" fill=\"{colour}\" fill-opacity=\"0.25\"/>\n"
                ));
            } else if curve.mark == Mark::Dots {
                out.push_str(&format!(
                    "<circle cx=\"{:.1}\" cy=\"{line:.1}\" r=\"2.6\" fill=\"{colour}\"/>\n",
                    at + 11.0
                ));
            } else {
                out.push_str(&format!(
                    "<path d=\"M{at:.1} {line:.1}h22\" stroke=\"{colour}\" stroke-width=\"1.8\" stroke-dasharray=\"{dash}\"/>\n"
                ));
            }
            text(out, at + 27.0, line + 4.0, "start", "font-size=\"11\"", &curve.name);
        }
    }
}

pub(super) fn text(out: &mut String, x: f64, y: f64, anchor: &str, style: &str, words: &str) {
    let style = if style.is_empty() { String::new() } else { format!(" {style}") };
    out.push_str(&format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{style}>{}</text>\n",
        escape(words)
    ));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::axis::Quantity;
    use super::*;

    #[test]
    fn gaps_stay_gaps_and_texts_are_escaped() {
        let points = vec![(0.0, Some(1.0)), (1.0, Some(2.0)), (2.0, None), (3.0, Some(1.0))];
        let curve = Curve::new("a < b & c", Mark::Line, points);
        let panel = Panel::new("rate", Quantity::BitRate, vec![curve]);
        let figure = Figure {
            title: "T".into(),
            caption: "c".into(),
            x_label: "time".into(),
            x_quantity: Quantity::Seconds,
            panels: vec![panel],
        };
        let svg = render(&figure);
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("rate (bit/s)") && svg.contains("time (s)"), "{svg}");
        let line = svg.lines().find(|l| l.contains("stroke-width=\"1.5\"")).unwrap();
        assert_eq!(line.matches('M').count(), 2, "the gap is not bridged: {line}");
        assert!(svg.contains("r=\"1.8\""), "the lone point is visible");
    }
}
