//! The command line. Every option of `run` can also come from its variable or from the configuration file; the command
//! line wins over the variable, the variable over the file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::exit;
use crate::read;
use crate::sockets;
use crate::units;

/// Meters the flows this host sees and streams their records to a collector
#[derive(Debug, Parser)]
#[command(name = "sce-probe", version, after_help = exit::HELP, propagate_version = true)]
pub struct Cli {
    /// What is logged to standard error: error, warn, info, debug, trace, or per module as in sce_probe::spool=debug
    #[arg(long, global = true, env = "SCE_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the flows of capture files; needs no collector and no privileges
    Read(ReadArgs),
    /// Print what the kernel knows of this host's TCP sockets: congestion window, thresholds, round trips
    Sockets(sockets::command::SocketsArgs),
    /// Print the shell's completion script
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands to a directory
    Man {
        /// Directory to write to
        #[arg(value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
}

/// Options of `read`.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// pcap or pcapng files, or gzip of them; - is standard input. Each file is an observation point of its own: its flows
    /// are listed with the file's name, and never summed with those of another file
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Form of output
    #[arg(short, long, visible_alias = "format", value_name = "FORM", default_value = "table")]
    pub output: read::Format,
    /// Only frames that pass this filter, in the language of tcpdump
    #[arg(short, long, value_name = "BPF", default_value = "")]
    pub filter: String,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become the command's description")]
    pub meter: MeterArgs,
    /// Cut the records at multiples of this time (ndjson and csv show each; the sums are the same); 0 = one per flow
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "0")]
    pub interval: Duration,
}

/// Options of the meters, for files and live.
#[derive(Debug, Clone, Args)]
pub struct MeterArgs {
    /// Meter the outermost IP header only: enter no tunnels, join no fragments, split no superpackets
    #[arg(long)]
    pub outermost: bool,
    /// Flows kept at once; further ones are counted in total only
    #[arg(long, value_name = "N", default_value_t = sce_meter::Limits::default().max_flows)]
    pub max_flows: usize,
    /// End of a TCP flow without a packet for this long
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "5m")]
    pub tcp_idle: Duration,
    /// End of a UDP, SCTP or other flow without a packet for this long
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "1m")]
    pub idle: Duration,
    /// Packets longer than this are taken for several merged ones where nothing else tells, bytes; 0 = never
    #[arg(long, value_name = "BYTES", default_value_t = sce_meter::Config::default().assumed_mtu)]
    pub mtu: u32,
}

impl MeterArgs {
    /// The meter's settings, with the interval given.
    #[must_use]
    pub fn config(&self, interval: Duration) -> sce_meter::Config {
        let defaults = sce_meter::Config::default();
        sce_meter::Config {
            interval_ns: ns(interval),
            timeouts: sce_meter::Timeouts {
                tcp_idle_ns: ns(self.tcp_idle),
                other_idle_ns: ns(self.idle),
                ..defaults.timeouts
            },
            limits: sce_meter::Limits { max_flows: self.max_flows.max(1), ..defaults.limits },
            outermost: self.outermost,
            assumed_mtu: self.mtu,
            ..defaults
        }
    }
}

/// A duration in ns.
#[must_use]
pub fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
