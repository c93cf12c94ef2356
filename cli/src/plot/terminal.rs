//! A figure in the terminal: braille dots, two by four in a character, one panel below the other.

use sce_view::figure::{Curve, Figure, Mark, Panel, axis, axis_label};

/// The figure as lines of text.
pub(crate) fn render(figure: &Figure, width: usize) -> String {
    let width = width.clamp(40, 200);
    let rows = if figure.panels.len() > 1 { 7 } else { 14 };
    let (low, high) = figure.x_range();
    let x_axis = axis(low, high, figure.x_quantity, 8, false);
    let mut out = format!("{}\n", figure.title);
    for panel in &figure.panels {
        out.push_str(&draw_panel(panel, x_axis.range, width - 10, rows));
    }
    let ends =
        x_axis.ticks.first().zip(x_axis.ticks.last()).map(|(a, b)| (a.1.clone(), b.1.clone())).unwrap_or_default();
    out.push_str(&format!(
        "{:>9} {} {} to {}\n{}\n",
        "",
        axis_label(&figure.x_label, &x_axis),
        ends.0,
        ends.1,
        figure.caption
    ));
    out
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
    let names: Vec<&str> = panel.curves.iter().map(|c| c.name.as_str()).collect();
    let mut out = format!("{}: {}\n", axis_label(&panel.label, &y_axis), names.join(", "));
    let (top, bottom) = (y_axis.ticks.last().map(|t| t.1.clone()), y_axis.ticks.first().map(|t| t.1.clone()));
    for (i, line) in dots.iter().enumerate() {
        let label = match i {
            0 => top.clone().unwrap_or_default(),
            i if i + 1 == rows => bottom.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let text: String = line.iter().map(|d| char::from_u32(0x2800 + u32::from(*d)).unwrap_or(' ')).collect();
        out.push_str(format!("{label:>8} |{text}").trim_end());
        out.push('\n');
    }
    out
}

fn draw_curve(curve: &Curve, place: &impl Fn(f64, f64) -> (f64, f64), dots: &mut [Vec<u8>]) {
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
    use sce_view::figure::Quantity;

    #[test]
    fn a_rising_line_goes_from_the_lower_left_to_the_upper_right() {
        let points = (0..=10).map(|i| (f64::from(i), Some(f64::from(i)))).collect();
        let curve = Curve { name: "up".into(), mark: Mark::Line, points };
        let panel = Panel { label: "y".into(), quantity: Quantity::Plain, curves: vec![curve], top: None };
        let text = draw_panel(&panel, (0.0, 10.0), 20, 5);
        let lines: Vec<&str> = text.lines().collect();
        let ink = |line: &str| line.chars().map(|c| c as u32 > 0x2800).collect::<Vec<_>>();
        assert!(ink(lines[1]).last() == Some(&true), "{text}");
        assert!(ink(lines[5])[10], "{text}");
        assert!(lines[1].trim_start().starts_with("10.0 |") && lines[5].trim_start().starts_with("0.0 |"), "{text}");
    }
}
