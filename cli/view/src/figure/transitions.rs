//! What became of each ECN code point, hop by hop, as a figure.
//!
//! In: the rows of `paths`. Out: a matrix for each hop; a row's shades are shares of what was sent with its code point.

use super::axis::{Panel, Quantity, Tile};
use super::kinds::Source;
use crate::Failure;
use crate::hops::{By, paths_by};
use crate::matrix::{Unit, heading, matrix};
use crate::units::grouped;

/// What a packet can arrive as, from left to right.
pub(super) const RECEIVED: [&str; 5] = ["Not-ECT", "ECT(1)", "ECT(0)", "CE", "lost"];
/// What it can be sent as, from the bottom up, as an axis has it.
const SENT: [&str; 4] = ["CE", "ECT(0)", "ECT(1)", "Not-ECT"];

/// A panel for each hop and direction that carried packets.
pub(super) fn panels(sources: &[Source]) -> Result<Vec<Panel>, Failure> {
    let mut out = Vec::new();
    for source in sources {
        let Some(answer) = &source.needed else { continue };
        let hops = paths_by(answer, By::Hop)?;
        for row in &hops.rows {
            let tiles = tiles(&matrix(&hops, row, Unit::Packets));
            let quantity = Quantity::Names(&SENT);
            out.push(Panel {
                title: format!("{} {}", source.label, heading(&hops, row)).trim().to_owned(),
                tiles,
                ..Panel::new("sent as", quantity, Vec::new())
            });
        }
    }
    Ok(out)
}

fn tiles(matrix: &crate::matrix::Matrix) -> Vec<Tile> {
    let mut tiles = Vec::new();
    for (i, row) in matrix.iter().enumerate() {
        let sent: u64 = row.iter().flatten().sum();
        let bottom = (SENT.len() - 1 - i) as f64;
        for (j, count) in row.iter().enumerate() {
            let left = j as f64;
            let text = match count {
                None => "?".to_owned(),
                Some(0) if sent == 0 => String::new(),
                Some(n) => grouped(*n),
            };
            let shade = count.unwrap_or(0) as f64 / sent.max(1) as f64;
            tiles.push(Tile { x: (left, left + 1.0), y: (bottom, bottom + 1.0), count: *count, shade, text });
        }
    }
    tiles
}
