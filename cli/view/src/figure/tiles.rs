//! The tiles of heat maps and matrices as SVG: one hue from light to dark, so that they read the same without colour.

use super::axis::{Panel, Quantity};
use super::svg::text;
use crate::units::grouped;

/// Light and dark end of the scale.
const LIGHT: [f64; 3] = [247.0, 251.0, 255.0];
const DARK: [f64; 3] = [8.0, 48.0, 107.0];
/// Steps of the key.
const STEPS: usize = 6;

/// The colour of a shade from 0 to 1.
fn colour(shade: f64) -> String {
    let mix = |i: usize| (LIGHT[i] + (DARK[i] - LIGHT[i]) * shade.clamp(0.0, 1.0)).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

/// Draws the tiles of a panel.
pub(super) fn draw(out: &mut String, panel: &Panel, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) {
    let edge = if named(panel) { " stroke=\"#bbb\" stroke-width=\"0.6\"" } else { "" };
    for tile in &panel.tiles {
        let (left, right, top, bottom) = (x(tile.x.0), x(tile.x.1), y(tile.y.1), y(tile.y.0));
        let (width, height, fill) = (right - left, bottom - top, colour(tile.shade));
        out.push_str(&format!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"{edge}/>\n"
        ));
        if !tile.text.is_empty() {
            let style = if tile.shade > 0.5 { "font-size=\"11\" fill=\"#fff\"" } else { "font-size=\"11\"" };
            text(out, (left + right) / 2.0, (top + bottom) / 2.0 + 4.0, "middle", style, &tile.text);
        }
    }
}

/// Whether the panel is a matrix, whose tiles say what they count.
fn named(panel: &Panel) -> bool {
    matches!(panel.quantity, Quantity::Names(_))
}

/// The key of a heat map, with its right end at `right`.
pub(super) fn key(out: &mut String, panel: &Panel, right: f64, line: f64) {
    let most = panel.tiles.iter().filter_map(|t| t.count).max().unwrap_or(0);
    if most == 0 || named(panel) {
        return;
    }
    let most = format!("{} packets", grouped(most));
    let left = right - most.chars().count() as f64 * 5.9 - STEPS as f64 * 14.0 - 6.0;
    text(out, left - 5.0, line, "end", "font-size=\"11\"", "1");
    for i in 0..STEPS {
        let fill = colour((i + 1) as f64 / STEPS as f64);
        let at = left + i as f64 * 14.0;
        let high = line - 9.0;
        out.push_str(&format!("<rect x=\"{at:.1}\" y=\"{high:.1}\" width=\"14\" height=\"10\" fill=\"{fill}\"/>\n"));
    }
    text(out, right, line, "end", "font-size=\"11\"", &most);
}
