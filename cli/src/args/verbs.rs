//! The options of each verb.

use std::collections::HashMap;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use sce_view::figure::Kind;
use sce_view::hops::By;
use sce_view::matrix::Unit;

use crate::complete;

use super::{Follow, Output, Select, Times, WindowArgs};

/// Options of a verb that lists rows.
#[derive(Debug, Clone, Args)]
pub(crate) struct Listing {
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) follow: Follow,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Print on stderr which tables answered, how many rows each gave and how long it took
    #[arg(long)]
    pub(crate) explain: bool,
}

/// Options of `flow`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FlowArgs {
    /// The flow's identifier, as `sce-cli flows` prints it; its first digits suffice where they are unique
    #[arg(value_name = "ID", add = ArgValueCompleter::new(complete::flows))]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Options of a verb that lists intervals or samples.
#[derive(Debug, Clone, Args)]
pub(crate) struct SeriesArgs {
    /// Only this flow (identifier as in `sce-cli flows`)
    #[arg(long, value_name = "ID", help_heading = "Which rows", add = ArgValueCompleter::new(complete::flows))]
    pub(crate) flow: Option<String>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

/// Options of `paths`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PathsArgs {
    /// Add segments up: over flows by hop or pair of hosts, or along each flow from end to end
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) by: Option<By>,
    /// Draw ECN transition matrices, one for each hop: rows are what was sent, columns what arrived
    #[arg(long, value_enum, value_name = "UNIT", num_args = 0..=1, require_equals = true, default_missing_value = "packets")]
    pub(crate) matrix: Option<Unit>,
    /// Points from the initiators to the responders, where the evidence is wrong or missing: `client,r1:west,r1:east,server`.
    /// A probe's name stands for all its points, `probe:interface` for one
    #[arg(long, value_name = "POINTS", add = ArgValueCompleter::new(complete::probes))]
    pub(crate) order: Option<String>,
    #[command(flatten)]
    pub(crate) listing: Listing,
}

impl PathsArgs {
    /// What the view is told beyond window and filter.
    pub(crate) fn options(&self) -> HashMap<String, String> {
        self.order.iter().map(|order| (String::from("order"), order.clone())).collect()
    }
}

/// Options of `top`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TopArgs {
    /// Columns that make a group
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', default_value = "initiator_ip,responder_ip")]
    pub(crate) by: Vec<String>,
    /// The view whose rows are added up: flows, paths, verify, series ...
    #[arg(long, value_name = "VIEW", default_value = "flows")]
    pub(crate) of: String,
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) follow: Follow,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Options of `check`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    /// Conditions; all must hold
    #[arg(value_name = "CONDITION", required = true)]
    pub(crate) conditions: Vec<String>,
    /// Check only rows that this filter selects (the filter language of `sce-cli flows`)
    #[arg(long, value_name = "FILTER", help_heading = "Which rows")]
    pub(crate) only: Option<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    /// A condition about a view without rows holds
    #[arg(long)]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Options of `diff`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DiffArgs {
    /// The two experiments to compare, first the reference
    #[arg(long, value_name = "LABEL", required = true, help_heading = "Which rows", add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: Vec<String>,
    /// View whose numbers are compared: flows, paths, verify ...
    #[arg(long, value_name = "VIEW", default_value = "flows", help_heading = "Which rows")]
    pub(crate) of: String,
    /// Columns that make a group [default: everything in one]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Which rows")]
    pub(crate) by: Vec<String>,
    /// Filter, as for `sce-cli flows`
    #[arg(value_name = "FILTER", help_heading = "Which rows")]
    pub(crate) filter: Vec<String>,
    #[command(flatten)]
    pub(crate) times: Times,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Options of `watch`.
#[derive(Debug, Clone, Args)]
pub(crate) struct WatchArgs {
    /// Filter, as for `sce-cli flows`; `/` changes it
    #[arg(value_name = "FILTER", help_heading = "Which rows")]
    pub(crate) filter: Vec<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    /// Time between two questions to the collector
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub(crate) every: String,
}

/// Options of `plot`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlotArgs {
    /// What to draw
    #[arg(value_enum, value_name = "KIND")]
    pub(crate) kind: Kind,
    /// Flows to draw (identifiers as in `sce-cli flows`) [default: the busiest]
    #[arg(value_name = "ID", add = ArgValueCompleter::new(complete::flows))]
    pub(crate) flows: Vec<String>,
    /// Without identifiers: draw the N busiest flows, of each run if several are named [default: 1; fairness and heatmap: 6]
    #[arg(long, value_name = "N", help_heading = "Which rows")]
    pub(crate) top: Option<u64>,
    /// Without identifiers: among the flows that this filter selects
    #[arg(long, value_name = "FILTER", help_heading = "Which rows")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) times: Times,
    /// Only records of this experiment (the probes' --run label); several times: flows of each in one figure, laid over each
    /// other
    #[arg(long, value_name = "LABEL", help_heading = "Which rows", add = ArgValueCompleter::new(complete::runs))]
    pub(crate) run: Vec<String>,
    /// Column of `series` whose distribution `cdf` draws
    #[arg(long, value_name = "COLUMN", default_value = "rtt_ns_min")]
    pub(crate) of: String,
    /// Write to this file: FILE.svg or FILE.png the figure, FILE.csv its data [default: the terminal, or SVG to a pipe]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<std::path::PathBuf>,
    /// Draw with characters even if the output is no terminal
    #[arg(long)]
    pub(crate) term: bool,
    /// Print the data behind the figure as CSV: panel, curve, x, y, in base units (s, ns, bit/s, bytes, shares of 1)
    #[arg(long)]
    pub(crate) data: bool,
    /// Title of the figure
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
}

/// Options of `query`.
#[derive(Debug, Clone, Args)]
pub(crate) struct QueryArgs {
    /// The query: `select ... from VIEW ...`; quote it
    #[arg(value_name = "QUERY", required = true)]
    pub(crate) statement: Vec<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Options of `list`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    /// Name of the view
    #[arg(value_name = "VIEW", add = ArgValueCompleter::new(complete::views))]
    pub(crate) view: String,
    #[command(flatten)]
    pub(crate) listing: SeriesArgs,
}

/// Options of `export`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportArgs {
    /// Directory to write to; it is created, and must be empty
    #[arg(long, value_name = "DIR")]
    pub(crate) out: std::path::PathBuf,
    /// Format of the files
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FileFormat::Csv)]
    pub(crate) format: FileFormat,
    /// Views to write
    #[arg(
        long,
        value_name = "VIEWS",
        value_delimiter = ',',
        default_value = "flows,flow,paths,verify,series,sockets,probes,points,audit,loss"
    )]
    pub(crate) views: Vec<String>,
    /// Filter, as for `sce-cli flows`; it must fit every view that is written
    #[arg(value_name = "FILTER", help_heading = "Which rows")]
    pub(crate) filter: Vec<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
}

/// Options of `ipfix`.
#[derive(Debug, Clone, Args)]
pub(crate) struct IpfixArgs {
    /// Address of the IPFIX collector
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) to: String,
    /// Filter, as for `sce-cli flows`
    #[arg(value_name = "FILTER", help_heading = "Which rows")]
    pub(crate) filter: Vec<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
}

/// Formats of exported files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Comma separated, RFC 4180, with a line of names
    Csv,
    /// One JSON object a line
    Ndjson,
    /// Parquet with zstd, for pandas, polars, DuckDB and R
    #[cfg(feature = "parquet")]
    Parquet,
}
