//! Figures: from the rows of flows over time to curves, and from curves to SVG.
//!
//! In: tracks of one or several flows. Out: a figure as data, as CSV and as SVG. Computes no metric beyond rates, shares and ranks.

mod axis;
mod kinds;
mod svg;

pub use axis::{Axis, Curve, Figure, Mark, Panel, Quantity, axis, axis_label};
pub use kinds::{Kind, Source, figure};
pub use svg::render;
