//! Figures: from the rows of flows over time to curves, and from curves to SVG.
//!
//! In: tracks of one or several flows. Out: a figure as data, as CSV and as SVG. Computes no metric beyond rates, shares and ranks.

mod axis;
mod delay;
mod kinds;
mod packets;
mod svg;
mod tiles;
mod transitions;

pub use axis::{Axis, Curve, Figure, Mark, Panel, Quantity, Tile, axis, axis_label};
pub use kinds::{Kind, Source, figure};
pub use svg::render;
