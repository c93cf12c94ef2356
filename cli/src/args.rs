//! The command line: every verb, its options and its help. Nothing here does any work.

use std::collections::HashMap;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::check::GRAMMAR;
use crate::exit;
use sce_view::figure::Kind;
use sce_view::hops::By;
use sce_view::matrix::Unit;

use crate::time::TimeStyle;
use crate::units::UnitStyle;

/// Ask a collector which flows ran, how they did, and where each was lost, marked or delayed.
#[derive(Debug, Parser)]
#[command(
    name = "sce-cli",
    version,
    disable_help_subcommand = true,
    after_help = exit::HELP,
    after_long_help = exit::HELP,
    subcommand_required = true,
    arg_required_else_help = true,
    long_about = "Ask a collector which flows ran, how they did, and where each was lost, marked or delayed.\n\n\
        Start with `sce-cli flows`, take a flow's identifier from the first column, and look at it with \
        `sce-cli flow ID`. `sce-cli paths` says between which two observation points packets were lost or marked, \
        `sce-cli verify` whether receivers reported the marks they got, `sce-cli audit` whether every captured packet is \
        accounted for. Answers go to standard output; what they rest on (time window, freshness of every probe, losses) goes \
        to standard error."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Where the collector is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Address of the collector's gRPC service.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SCE_COLLECTOR",
        hide_env_values = true,
        default_value = "http://127.0.0.1:4517"
    )]
    pub(crate) collector: String,
    /// Give up when the collector has not answered for this long.
    #[arg(long, global = true, value_name = "TIME", default_value = "30s")]
    pub(crate) timeout: String,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List flows: who talked to whom, how much, with which ECN marks, and what was lost
    #[command(after_help = "Examples:
  sce-cli flows --since 5m                              what ran in the last five minutes
  sce-cli flows host 10.0.0.1 and port 443 --sort -up.ip_bytes --limit 10
  sce-cli flows --run cubic-2 -o csv > flows.csv        all columns, raw integers, for a spreadsheet or pandas")]
    Flows(Listing),
    /// Tell one flow's story: its totals, the points that saw it, its path hop by hop, its feedback
    #[command(after_help = "Examples:
  sce-cli flow 3f2a91c07be4d015                         the identifier is the first column of `sce-cli flows`
  sce-cli flow 3f2a91c07be4d015 -o json | jq .paths")]
    Flow(FlowArgs),
    /// List path segments: packets sent, received and lost between two observation points, and ECN changes on the way
    #[command(after_help = "Examples:
  sce-cli paths --since 5m                              every flow, direction and segment
  sce-cli paths 'lost_packets > 0' --sort -lost_packets
  sce-cli paths --by hop                                the same, added up over all flows
  sce-cli paths --matrix --run bleach-test              which ECN code point became which, hop by hop
  sce-cli paths --order client,r1:west,r1:east,server   the operator's word on the order of the points
  sce-cli paths -o json | jq '.[].transitions'")]
    Paths(PathsArgs),
    /// Compare what each receiver got, what it said, and what the sender heard (SCE, ECE, AccECN feedback)
    #[command(after_help = "Examples:
  sce-cli verify --run cubic-2                          one line per flow and direction, with the verdict
  sce-cli verify 'verdict != \"complete\"' -o json")]
    Verify(Listing),
    /// List probes: are they connected, how fresh is their data, what waits in their spools
    #[command(after_help = "Examples:
  sce-cli probes
  sce-cli probes --follow --every 5s                    keep watching")]
    Probes(Listing),
    /// List observation points: every interface or file that a probe captures from
    #[command(after_help = "Examples:
  sce-cli points
  sce-cli points 'probe = client' -o json")]
    Points(Listing),
    /// Prove that nothing was lost silently: captured = recorded + untracked + undecodable, emitted = stored + spooled + lost
    #[command(after_help = "Examples:
  sce-cli audit                                         exit code 3 if an account does not balance
  sce-cli audit --since 1h --strict                     exit code 4 as well if anything was lost")]
    Audit(Listing),
    /// List losses: which records or packets were given up, by whom, when and why
    #[command(after_help = "Examples:
  sce-cli loss --since 1d
  sce-cli loss 'reason = spool_full'")]
    Loss(Listing),
    /// List records interval by interval: the time series behind the totals
    #[command(after_help = "Examples:
  sce-cli series --flow 3f2a91c07be4d015                one flow over time
  sce-cli series --since 1m port 5201 -o csv --columns +rtt_ns_min > series.csv")]
    Series(SeriesArgs),
    /// Add up flows (or another view) by columns and show the largest groups
    #[command(after_help = "Examples:
  sce-cli top --since 10m                               by pair of hosts, most bytes first
  sce-cli top --by responder_port --sort -up.ce_packets
  sce-cli top --of paths --by from.probe,to.probe --sort -lost_packets --follow")]
    Top(TopArgs),
    /// Check conditions, for test automation: exits with 1 and prints the rows that do not hold
    #[command(after_help = format!("{GRAMMAR}

Examples:
  sce-cli check --run nightly 'paths.lost_packets == 0' 'verify.verdict == \"complete\"'
  sce-cli check 'paths.from.probe != router or paths.transitions.ect0_to_not_ect.packets == 0'
  sce-cli check 'count(flows) >= 20' 'max(paths.owd_ns_p99) < 50ms' --since 5m"))]
    Check(CheckArgs),
    /// Compare two experiments: every number of both side by side, with the change
    #[command(after_help = "Examples:
  sce-cli diff --run fq_codel --run cnq_cobalt
  sce-cli diff --run a --run b --of paths --by from.probe,to.probe
  sce-cli diff --run a --run b port 443 -o csv")]
    Diff(DiffArgs),
    /// Watch flows live in the terminal: sorted, with curves, and one flow's path hop by hop
    #[command(after_help = "Examples:
  sce-cli watch                                         flows of the last minute, refreshed every second
  sce-cli watch --since 10m host 10.0.0.1               press ? for the keys, Enter for one flow's path
  sce-cli watch --run demo --since yesterday            a finished experiment")]
    Watch(WatchArgs),
    /// Draw a figure of flows: over time, as a distribution, or one against another
    #[command(after_help = "Examples:
  sce-cli plot overview 3f2a91c07be4d015                in the terminal
  sce-cli plot marks 3f2a91c07be4d015 --out marks.svg   for a paper; `rsvg-convert -z 3 marks.svg -o marks.png` for a slide
  sce-cli plot fairness --run cubic-2 --top 8 --out fairness.svg
  sce-cli plot rtt 3f2a91c07be4d015 --data > rtt.csv    the numbers behind the figure")]
    Plot(PlotArgs),
    /// List any view of the collector by name; `sce-cli list views` says which there are
    #[command(after_help = "Examples:
  sce-cli list views
  sce-cli list intervals --since 5m                     what each capture did, interval by interval
  sce-cli list streams -o csv                           SCTP streams")]
    List(ListArgs),
    /// Write views to files, with a manifest that says what they hold and what they rest on
    #[command(after_help = "Examples:
  sce-cli export --run cubic-2 --out cubic-2            flows.csv, paths.csv ... and manifest.json
  sce-cli export --since 1h --format ndjson --out hour --views flows,series
  sce-cli export --format parquet --out all             pandas.read_parquet('all/flows.parquet')")]
    Export(ExportArgs),
    /// List what the hosts' kernels say about sockets: congestion window, slow start threshold, smoothed RTT
    #[command(after_help = "Examples:
  sce-cli sockets --since 1m
  sce-cli sockets --flow 3f2a91c07be4d015 -o csv")]
    Sockets(SeriesArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:
  sce-cli completions bash > /etc/bash_completion.d/sce-cli
  sce-cli completions zsh > \"${fpath[1]}/_sce-cli\"
  sce-cli completions fish > ~/.config/fish/completions/sce-cli.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages to a directory
    #[command(after_help = "Examples:
  sce-cli man /usr/local/share/man/man1
  sce-cli man . && man ./sce-cli.1")]
    Man {
        /// Directory; it must exist
        #[arg(value_name = "DIR")]
        dir: std::path::PathBuf,
    },
}

/// Options of a verb that lists rows.
#[derive(Debug, Clone, Args)]
pub(crate) struct Listing {
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) follow: Follow,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Options of `flow`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FlowArgs {
    /// The flow's identifier, as `sce-cli flows` prints it; its first digits suffice where they are unique
    #[arg(value_name = "ID")]
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
    #[arg(long, value_name = "ID", help_heading = "Which rows")]
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
    #[arg(long, value_name = "POINTS")]
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
    #[arg(long, value_name = "LABEL", required = true, help_heading = "Which rows")]
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
    /// Start of the window, as for `sce-cli flows`
    #[arg(long, value_name = "TIME", help_heading = "Which rows")]
    pub(crate) since: Option<String>,
    /// End of the window
    #[arg(long, value_name = "TIME", help_heading = "Which rows")]
    pub(crate) until: Option<String>,
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
    #[arg(value_name = "ID")]
    pub(crate) flows: Vec<String>,
    /// Without identifiers: draw the N busiest flows [default: 1; fairness: 6]
    #[arg(long, value_name = "N", help_heading = "Which rows")]
    pub(crate) top: Option<u64>,
    /// Without identifiers: among the flows that this filter selects
    #[arg(long, value_name = "FILTER", help_heading = "Which rows")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    /// Column of `series` whose distribution `cdf` draws
    #[arg(long, value_name = "COLUMN", default_value = "rtt_ns_min")]
    pub(crate) of: String,
    /// Write to this file: FILE.svg the figure, FILE.csv its data [default: the terminal, or SVG to a pipe]
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

/// Options of `list`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    /// Name of the view
    #[arg(value_name = "VIEW")]
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

/// The time window and the experiment.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which rows")]
pub(crate) struct WindowArgs {
    /// Start of the window: `5m`, `1h30m` (ago), `10:30`, `yesterday`, `2026-01-01 10:00`, RFC 3339, or epoch seconds
    /// [default: the first record]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// End of the window: the same forms, or `+5m` for five minutes after --since [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    /// Only records of this experiment (the probes' --run label)
    #[arg(long, value_name = "LABEL")]
    pub(crate) run: Option<String>,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which rows")]
pub(crate) struct Select {
    /// Filter, in words: `host 10.0.0.1 and port 443`, `net 10.0.0.0/8`, `up.packets > 1000`, `rtt > 50ms`, `not proto = udp`.
    /// Quote it where the shell would eat `>`, `(` or `*`
    #[arg(value_name = "FILTER", allow_negative_numbers = true)]
    pub(crate) filter: Vec<String>,
    #[command(flatten)]
    pub(crate) window: WindowArgs,
    /// Only the last N rows by time, oldest first
    #[arg(long, value_name = "N", conflicts_with = "sort")]
    pub(crate) last: Option<u64>,
    /// Sort by columns: `--sort -up.ip_bytes,first_ns`; a leading `-` means largest first
    #[arg(long, value_name = "COLUMNS", allow_hyphen_values = true, value_delimiter = ',')]
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
    #[arg(long, value_name = "COLUMNS", allow_hyphen_values = true)]
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
}

impl Format {
    /// Whether people read it.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Format::Table | Format::Wide)
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_examples() {
        for verb in Cli::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.matches("sce-cli ").count() >= 2, "{}: {help}", verb.get_name());
        }
    }
}
