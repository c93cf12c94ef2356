//! A figure in the terminal: braille dots, two by four in a character, one panel below the other.

use sce_view::figure::{Axis, Curve, Figure, Mark, Panel, Quantity, axis, axis_label};

/// The figure as lines of text.
pub(crate) fn render(figure: &Figure, width: usize) -> String {
    let width = width.clamp(40, 200);
    let rows = if figure.panels.len() > 1 { 7 } else { 14 };
    let (low, high) = figure.x_range();
    let x_axis = axis(low, high, figure.x_quantity, 8, false);
    let mut out = format!("{}\n", figure.title);
    for panel in &figure.panels {
        match panel.quantity {
            Quantity::Names(names) => out.push_str(&draw_matrix(panel, &x_axis, names)),
            _ => out.push_str(&draw_panel(panel, x_axis.range, width - 10, rows)),
        }
    }
    if !matches!(figure.x_quantity, Quantity::Names(_)) {
        out.push_str(&draw_axis(&x_axis, &figure.x_label, width - 10));
    }
    out.push_str(&format!("{}\n", figure.caption));
    out
}

/// The axis below the panels: the texts of its ticks where they belong, as far as there is room, and its name.
fn draw_axis(axis: &Axis, name: &str, columns: usize) -> String {
    let mut line = String::new();
    for (x, text) in &axis.ticks {
        let across = (x - axis.range.0) / (axis.range.1 - axis.range.0) * (columns - 1) as f64;
        let start = (across.round() as usize).saturating_sub(text.chars().count() / 2);
        let end = line.chars().count();
        if start + text.chars().count() <= columns && (end == 0 || start > end) {
            line.push_str(&" ".repeat(start - end));
            line.push_str(text);
        }
    }
    format!("{:>10}{line}\n{:>10}{}\n", "", "", axis_label(name, axis))
}

/// A matrix as a table.
fn draw_matrix(panel: &Panel, x_axis: &Axis, names: &[&str]) -> String {
    let mut out = format!("{}\n{:>10}", panel.title, "");
    x_axis.ticks.iter().for_each(|t| out.push_str(&format!("{:>10}", t.1)));
    for (i, name) in names.iter().enumerate().rev() {
        out.push_str(&format!("\n{name:>10}"));
        let row = panel.tiles.iter().filter(|t| t.y.0 as usize == i);
        row.for_each(|t| out.push_str(&format!("{:>10}", if t.text.is_empty() { "." } else { &t.text })));
    }
    out.push('\n');
    out
}

/// What a heat map shows at a place: the darker, the more.
fn shade(panel: &Panel, x: f64, y: f64) -> Option<char> {
    let tile = panel.tiles.iter().find(|t| (t.x.0..=t.x.1).contains(&x) && (t.y.0..=t.y.1).contains(&y))?;
    ['\u{2591}', '\u{2592}', '\u{2593}', '\u{2588}'].get((tile.shade * 3.999) as usize).copied()
}

fn draw_panel(panel: &Panel, x_range: (f64, f64), columns: usize, rows: usize) -> String {
    let y_axis = axis(panel.lowest(), panel.highest(), panel.quantity, 4, true);
    let mut dots = vec![vec![0u8; columns]; rows];
    let (wide, high) = ((columns * 2 - 1) as f64, (rows * 4 - 1) as f64);
    let place = |x: f64, y: f64| {
        let across = (x - x_range.0) / (x_range.1 - x_range.0) * wide;
        let up = (y - y_axis.range.0) / (y_axis.range.1 - y_axis.range.0) * high;
        (across.round(), high - up.round())
    };
    for curve in &panel.curves {
        draw_curve(curve, &place, &mut dots);
    }
    let names: Vec<&str> = panel.curves.iter().map(|c| c.name.as_str()).filter(|n| !n.is_empty()).collect();
    let words = if panel.title.is_empty() { names.join(", ") } else { panel.title.clone() };
    let mut out = format!("{}: {words}\n", axis_label(&panel.label, &y_axis));
    let (top, bottom) = (y_axis.ticks.last().map(|t| t.1.clone()), y_axis.ticks.first().map(|t| t.1.clone()));
    for (i, line) in dots.iter().enumerate() {
        let label = match i {
            0 => top.clone().unwrap_or_default(),
            i if i + 1 == rows => bottom.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let y = y_axis.range.1 - (i as f64 + 0.5) / rows as f64 * (y_axis.range.1 - y_axis.range.0);
        let cell = |(j, dots): (usize, &u8)| {
            let x = x_range.0 + (j as f64 + 0.5) / columns as f64 * (x_range.1 - x_range.0);
            shade(panel, x, y).unwrap_or_else(|| char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' '))
        };
        let text: String = line.iter().enumerate().map(cell).collect();
        out.push_str(format!("{label:>8} |{text}").trim_end());
        out.push('\n');
    }
    out
}

fn draw_curve(curve: &Curve, place: &impl Fn(f64, f64) -> (f64, f64), dots: &mut [Vec<u8>]) {
    if curve.mark == Mark::Band {
        // Its edges, dotted.
        for ((x, low), high) in curve.points.iter().zip(&curve.upper) {
            [*low, *high].into_iter().flatten().for_each(|y| set(dots, place(*x, y)));
        }
        return;
    }
    let mut before: Option<(f64, f64)> = None;
    for (x, y) in &curve.points {
        let Some(y) = y else {
            before = None;
            continue;
        };
        let here = place(*x, *y);
        match before.filter(|_| curve.mark != Mark::Dots) {
            None => set(dots, here),
            Some(from) => {
                let steps = (here.0 - from.0).abs().max((here.1 - from.1).abs()).max(1.0);
                for i in 0..=steps as usize {
                    let t = i as f64 / steps;
                    set(dots, (from.0 + (here.0 - from.0) * t, from.1 + (here.1 - from.1) * t));
                }
            }
        }
        before = Some(here);
    }
}

/// Sets one dot; those outside are left out.
fn set(dots: &mut [Vec<u8>], (x, y): (f64, f64)) {
    const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    if x < 0.0 || y < 0.0 {
        return;
    }
    let (x, y) = (x.round() as usize, y.round() as usize);
    if let Some(cell) = dots.get_mut(y / 4).and_then(|l| l.get_mut(x / 2)) {
        *cell |= BITS[y % 4][x % 2];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_line_goes_from_the_lower_left_to_the_upper_right() {
        let points = (0..=10).map(|i| (f64::from(i), Some(f64::from(i)))).collect();
        let panel = Panel::new("y", Quantity::Plain, vec![Curve::new("up", Mark::Line, points)]);
        let text = draw_panel(&panel, (0.0, 10.0), 20, 5);
        let lines: Vec<&str> = text.lines().collect();
        let ink = |line: &str| line.chars().map(|c| c as u32 > 0x2800).collect::<Vec<_>>();
        assert!(ink(lines[1]).last() == Some(&true), "{text}");
        assert!(ink(lines[5])[10], "{text}");
        let below = draw_axis(&axis(0.0, 10.0, Quantity::Plain, 5, false), "x", 21);
        assert_eq!(below, format!("{0}0   2   4   6   8  10\n{0}x\n", " ".repeat(10)), "{below}");
        assert!(lines[1].trim_start().starts_with("10.0 |") && lines[5].trim_start().starts_with("0.0 |"), "{text}");
    }
}
