//! From an answer to text: tables for people, JSON, CSV and TSV for programs.

pub(crate) use sce_view::cell;
pub(crate) mod machine;
pub(crate) mod pager;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
pub(crate) mod table;

use std::io::{self, IsTerminal, Write};

use jiff::Zoned;
use sce_proto::{ColumnInfo, Row};

use crate::args::{Choice, Format, Output};
use crate::time::TimeStyle;
use crate::units::UnitStyle;
use cell::Style;

/// How to print, settled from the options and the terminal.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    /// Format.
    pub(crate) format: Format,
    /// Cells.
    pub(crate) style: Style,
    /// Width of the terminal; 0 = no limit.
    pub(crate) width: usize,
    /// Heading lines.
    pub(crate) headers: bool,
    /// Whether to use colour.
    pub(crate) color: bool,
    /// Whether long tables go through a pager.
    pub(crate) pager: bool,
}

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const YELLOW: &str = "\x1b[1;33m";
const RESET: &str = "\x1b[0m";

impl Printer {
    /// The printer that the options ask for.
    pub(crate) fn new(output: &Output, now: Zoned) -> Printer {
        let format = output.output;
        let terminal = io::stdout().is_terminal();
        let time = match (output.time, output.numeric) {
            (Some(time), _) => Some(time),
            (None, false) if format.is_table() => Some(TimeStyle::Local),
            (None, _) => None,
        };
        Printer {
            format,
            style: Style { units: if output.numeric { UnitStyle::Raw } else { output.units }, time, now },
            width: if format == Format::Wide { 0 } else { width(terminal) },
            headers: !output.no_headers,
            color: wants_color(output.color, terminal),
            pager: terminal && !output.no_pager && format.is_table(),
        }
    }

    /// The text of a table, and the names of the columns that did not fit.
    pub(crate) fn table(&self, columns: &[ColumnInfo], rows: &[Row]) -> (String, Vec<String>) {
        let table = table::layout(columns, rows, self.width, self.format != Format::Wide, &self.style);
        let mut text = String::new();
        let heading = table.heading.iter().filter(|_| self.headers && !rows.is_empty());
        for line in heading {
            text.push_str(&if self.color { format!("{BOLD}{line}{RESET}\n") } else { format!("{line}\n") });
        }
        for line in &table.lines {
            text.push_str(line);
            text.push('\n');
        }
        (text, table.hidden)
    }

    /// Prints text, through the pager if it is longer than the screen.
    pub(crate) fn show(&self, text: &str) -> io::Result<()> {
        if self.pager && pager::is_longer_than_screen(text) && pager::page(text)? {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// Colour by option, terminal and `NO_COLOR` (<https://no-color.org>).
pub(crate) fn wants_color(choice: Choice, terminal: bool) -> bool {
    match choice {
        Choice::Always => true,
        Choice::Never => false,
        Choice::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
            terminal && !refused && !dumb
        }
    }
}

/// Text that must be noticed. The text itself says so too.
pub(crate) fn warning(text: &str, color: bool) -> String {
    if color { format!("{YELLOW}{text}{RESET}") } else { text.to_owned() }
}

/// Text of secondary importance.
pub(crate) fn dim(text: &str, color: bool) -> String {
    if color { format!("{DIM}{text}{RESET}") } else { text.to_owned() }
}

/// The heading of a part of a longer answer.
pub(crate) fn title(text: &str, color: bool) -> String {
    if color { format!("{BOLD}{text}{RESET}\n") } else { format!("{text}\n") }
}

/// `COLUMNS` where it is set, else the terminal's width; without a terminal there is no limit.
fn width(terminal: bool) -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let seen = || terminal_size::terminal_size().map(|(w, _)| usize::from(w.0)).filter(|_| terminal);
    told.or_else(seen).unwrap_or(0)
}
