//! The command line: every verb and its help; the options of each are in `verbs`, those that many share in `common`. Nothing
//! here does any work.

mod common;
mod verbs;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use common::{Choice, Follow, Format, Output, Select, Times, WindowArgs};
pub(crate) use verbs::{
    CheckArgs, DiffArgs, ExportArgs, FileFormat, FlowArgs, IpfixArgs, ListArgs, Listing, PathsArgs, PlotArgs,
    QueryArgs, SeriesArgs, TopArgs, WatchArgs,
};

use crate::check::GRAMMAR;
use crate::exit;
use crate::verbs::query;

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
    /// CA of the collector (PEM), for https addresses.
    #[arg(long, global = true, value_name = "FILE", env = "SCE_CA", hide_env_values = true)]
    pub(crate) ca: Option<PathBuf>,
    /// Certificate with role read (PEM), which `sce-collector ca issue` makes.
    #[arg(long, global = true, value_name = "FILE", env = "SCE_CERT", hide_env_values = true, requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Key of that certificate.
    #[arg(long, global = true, value_name = "FILE", env = "SCE_KEY", hide_env_values = true, requires = "cert")]
    pub(crate) key: Option<PathBuf>,
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
  sce-cli paths --order client,r1:west,r1:east,server   the order of the points, by your word
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
  sce-cli plot marks 3f2a91c07be4d015 --out marks.svg   for a paper; marks.png for a slide
  sce-cli plot fairness --run cubic-2 --top 8 --out fairness.svg
  sce-cli plot heatmap --run a --run b --top 4          four flows of each of two runs
  sce-cli plot rtt 3f2a91c07be4d015 --data > rtt.csv    the numbers behind the figure")]
    Plot(PlotArgs),
    /// Ask in SQL's words: a select over any view, with groups and aggregates
    #[command(after_help = format!("{}

Examples:
  sce-cli query 'select run, count(*), sum(lost_packets) from flows group by run'
  sce-cli query 'select responder_port, avg(rtt_ns_min) as rtt from flows where proto = tcp group by responder_port order by rtt desc limit 5'
  sce-cli query 'select * from intervals limit 3' -o json", query::GRAMMAR))]
    Query(QueryArgs),
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
  sce-cli export --format parquet --out all             pandas.read_parquet('all/flows')")]
    Export(ExportArgs),
    /// Send flows to an IPFIX collector over UDP (RFC 7011), both directions in one record (RFC 5103)
    #[command(after_help = "Examples:
  sce-cli ipfix --to 127.0.0.1:4739 --since 5m
  sce-cli ipfix --to 127.0.0.1:4739 --run cubic-2 proto = tcp")]
    Ipfix(IpfixArgs),
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
        dir: PathBuf,
    },
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
