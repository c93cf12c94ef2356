//! Conditions over answers, for test automation: `paths.lost_packets == 0 and paths.owd_ns_p99 < 50ms`.
//!
//! In: text, and the rows of the views it names. Out: which rows do not hold. Asks nobody: the verb does.

mod eval;
mod parse;
mod token;

pub(crate) use eval::{Outcome, evaluate};
pub(crate) use parse::{Check, parse};

/// The grammar, as `check --help` shows it.
pub(crate) const GRAMMAR: &str = "\
A condition holds if it is true for every row of the view it names:
  VIEW.COLUMN OP VALUE     OP is == != < <= > >= or ~ (text with * for anything)
  and, or, not, ( )        VALUE is another VIEW.COLUMN, a number with or without a unit, a \"text\", true, false or null
  units                    ns us ms s min h, B kB MB GB KiB MiB GiB, bit/s kbit/s Mbit/s Gbit/s, %, k M G
  count(VIEW)              number of rows; sum(VIEW.COLUMN), min(...), max(...) likewise speak of all rows at once
A value that was not measured makes a comparison neither true nor false, so the row does not hold; `== null` asks for it.
A view without rows does not hold either: nothing was checked (see --allow-empty).";
