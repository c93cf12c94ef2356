//! Options that many verbs share: which rows, how often, how they are printed.

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use crate::complete;
use crate::time::TimeStyle;
use crate::units::UnitStyle;

/// The time window.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which rows")]
pub(crate) struct Times {
    /// Start of the window: `5m`, `1h30m` (ago), `10:30`, `yesterday`, `2026-01-01 10:00`, RFC 3339, or epoch seconds
    /// [default: the first record]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// End of the window: the same forms, or `+5m` for five minutes after --since [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
}

/// The time window and the experiment.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which rows")]
pub(crate) struct WindowArgs {
    #[command(flatten)]
    pub(crate) times: Times,
    /// Only records of this experiment (the probes' --run label)
    #[arg(long, value_name = "LABEL", add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: Option<String>,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which rows")]
pub(crate) struct Select {
    /// Filter, in words: `host 10.0.0.1 and port 443`, `net 10.0.0.0/8`, `up.packets > 1000`, `rtt > 50ms`, `not proto = udp`.
    /// Quote it where the shell would eat `>`, `(` or `*`
    #[arg(value_name = "FILTER", allow_negative_numbers = true, add = ArgValueCompleter::new(complete::columns))]
    pub(crate) filter: Vec<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    /// Only the last N rows by time, oldest first
    #[arg(long, value_name = "N", conflicts_with = "sort")]
    pub(crate) last: Option<u64>,
    /// Sort by columns: `--sort -up.ip_bytes,first_ns`; a leading `-` means largest first
    #[arg(long, value_name = "COLUMNS", allow_hyphen_values = true, value_delimiter = ',', add = ArgValueCompleter::new(complete::columns))]
    pub(crate) sort: Vec<String>,
    /// Rows at most; 0 = all [default: 1000 for tables (top: 20), all for machine formats]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

/// Asking again and again.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which rows")]
pub(crate) struct Follow {
    /// Keep asking, and print the rows of each new stretch of time until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Time between two questions of --follow
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub(crate) every: String,
}

/// How rows are printed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How to print")]
pub(crate) struct Output {
    /// Format of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub(crate) output: Format,
    /// Columns, in this order: `a,b,c`; or changes to the default ones: `+c,-d`; `up.*` stands for a group.
    /// `--columns help` lists them with unit and meaning
    #[arg(long, value_name = "COLUMNS", allow_hyphen_values = true, add = ArgValueCompleter::new(complete::columns))]
    pub(crate) columns: Option<String>,
    /// Numbers only, for scripts that read tables: the same as `--units raw` and times in ns since the epoch
    #[arg(short, long)]
    pub(crate) numeric: bool,
    /// Numbers of tables: exact, powers of 1000, or powers of 1024
    #[arg(long, value_enum, value_name = "UNITS", default_value_t = UnitStyle::Si)]
    pub(crate) units: UnitStyle,
    /// Times: how long ago, local, UTC, or RFC 3339 [default: local in tables, ns since the epoch in machine formats]
    #[arg(long, value_enum, value_name = "STYLE")]
    pub(crate) time: Option<TimeStyle>,
    /// No heading line (tables, csv, tsv)
    #[arg(long)]
    pub(crate) no_headers: bool,
    /// Colour in tables
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Choice::Auto)]
    pub(crate) color: Choice,
    /// Do not page long tables on a terminal
    #[arg(long)]
    pub(crate) no_pager: bool,
    /// No footer on standard error (losses are still told)
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Exit with 4 if records or frames were lost in the window
    #[arg(long)]
    pub(crate) strict: bool,
    /// Exit with 6 if a probe's data does not reach the end of the window
    #[arg(long)]
    pub(crate) require_all: bool,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading; fits the terminal
    Table,
    /// A table with every column that has something to say, as wide as it gets
    Wide,
    /// One array of objects; dots in column names nest
    Json,
    /// One object a line
    Ndjson,
    /// Comma separated, RFC 4180
    Csv,
    /// Tab separated
    Tsv,
    /// A Parquet file with zstd, for a pipe or a file
    #[cfg(feature = "parquet")]
    Parquet,
}

impl Format {
    /// Whether people read it.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Format::Table | Format::Wide)
    }

    /// Whether what is written is of use only once its end is there.
    pub(crate) fn has_an_end(self) -> bool {
        match self {
            Format::Json => true,
            #[cfg(feature = "parquet")]
            Format::Parquet => true,
            _ => false,
        }
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Output {
    /// How the words around a figure are printed.
    pub(crate) fn default_for_figures() -> Output {
        Output {
            output: Format::Table,
            columns: None,
            numeric: false,
            units: UnitStyle::Si,
            time: Some(TimeStyle::Utc),
            no_headers: false,
            color: Choice::Never,
            no_pager: true,
            quiet: false,
            strict: false,
            require_all: false,
        }
    }
}
