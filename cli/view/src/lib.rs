//! How answers are shown, wherever that is: on the command line or on the collector's pages.
//!
//! In: the rows of an answer, and the words of a question about time. Out: units, groups, matrices, comparisons, figures. A
//! crate of its own because two programs must show the same numbers the same way; it does no I/O, reads no clock, and knows
//! no view in advance but for the columns that figures draw.

pub mod aggregate;
mod answer;
pub mod cell;
pub mod compare;
pub mod figure;
pub mod hops;
pub mod matrix;
pub mod text;
pub mod time;
pub mod track;
pub mod units;

pub use answer::{Answer, Failure, nearest};
