//! The command line. Every option of `run` can also come from its variable or from the configuration file; the command
//! line wins over the variable, the variable over the file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use sce_meter::Rule;

use crate::enroll::EnrollArgs;
use crate::exit;
use crate::read;
use crate::select::{self, Extract, Lines};
use crate::sockets::{self, Prefix};
use crate::tls::Credentials;
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
    /// Capture, meter and deliver until stopped; or send capture files through the same pipeline with --read
    Run(Box<RunArgs>),
    /// Get a certificate from a collector by a token, once; `run` then delivers over TLS
    Enroll(EnrollArgs),
    /// List the interfaces and the time stamps they offer
    List {
        /// Form of output
        #[arg(short, long, value_name = "FORM", default_value = "table")]
        output: ListFormat,
    },
    /// Say of each feature whether it works here, or what is missing
    Doctor {
        /// Collector to look for
        #[arg(long, value_name = "URL", env = "SCE_COLLECTOR", default_value = "http://127.0.0.1:4517")]
        collector: String,
    },
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

/// Forms of output of `list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Which path marks are made: the evidence that joins observation points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Marks {
    /// None.
    Off,
    /// Of a share of the packets.
    Sampled,
    /// Of every packet.
    Full,
}

/// Precision of time stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Precision {
    /// Nanoseconds.
    Nano,
    /// Microseconds.
    Micro,
}

/// Options of `run`. Each may stand in the configuration file under its long name.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Interface to capture from; repeat for several; `any` takes all, each as a point of its own
    #[arg(
        short,
        long,
        value_name = "IF",
        env = "SCE_INTERFACE",
        value_delimiter = ',',
        required_unless_present_any = ["read", "sockets"]
    )]
    pub interface: Vec<String>,
    /// Where frames come from; `ebpf` tells how offloads cut superpackets, `both` shows the local queue: frames before it (tc
    /// egress) and after it (packet socket) as two points
    #[arg(long, value_name = "SOURCE", env = "SCE_SOURCE", default_value = "pcap", conflicts_with = "read")]
    pub source: Source,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become the command's description")]
    pub sockets: SocketArgs,
    /// Send capture files through the pipeline instead, one point each, and end when all is acknowledged. The same command
    /// after an interruption goes on where it was
    #[arg(long, value_name = "FILE", conflicts_with = "interface", value_hint = ValueHint::FilePath)]
    pub read: Vec<PathBuf>,
    /// Collectors; several are tried in random order
    #[arg(
        long,
        value_name = "URL",
        env = "SCE_COLLECTOR",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:4517"
    )]
    pub collector: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become the command's description")]
    pub tls: TlsArgs,
    /// Name of this probe [default: the host name]
    #[arg(long, value_name = "NAME", env = "SCE_NAME")]
    pub name: Option<String>,
    /// Experiment label that the records carry
    #[arg(long, value_name = "LABEL", env = "SCE_RUN", default_value = "")]
    pub run: String,
    /// File whose first line is the label; looked at every second, so that a running probe can be told
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub run_file: Option<PathBuf>,
    /// Only frames that pass this filter, in the language of tcpdump
    #[arg(short, long, value_name = "BPF", default_value = "")]
    pub filter: String,
    /// Length of the records' intervals, aligned to its multiples
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "1s")]
    pub interval: Duration,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become the command's description")]
    pub meter: MeterArgs,
    /// Path marks, which join what several points saw [default: sampled; full with --read]
    #[arg(long, value_name = "MODE")]
    pub marks: Option<Marks>,
    /// Bytes captured of each frame: enough for tunnels, IPv6 extensions and all TCP options; 0 = all
    #[arg(short, long, value_name = "BYTES", default_value_t = 256)]
    pub snaplen: u32,
    /// Buffer between the kernel and the capture of each interface
    #[arg(short, long, value_name = "SIZE", value_parser = units::bytes, default_value = "16MiB")]
    pub buffer: u64,
    /// Do not put the interface into promiscuous mode
    #[arg(short = 'p', long)]
    pub no_promiscuous: bool,
    /// Source of time stamps, one of those that `sce-probe list` names [default: the kernel's]. Adapters often stamp received
    /// frames only: round-trip times across two clocks are wrong
    #[arg(short = 't', long, value_name = "TYPE")]
    pub timestamp_type: Option<String>,
    /// Precision of time stamps
    #[arg(long, value_name = "UNIT", default_value = "nano")]
    pub timestamp_precision: Precision,
    /// Name of the clock that stamped the files of --read: points with the same name are compared without clock error
    #[arg(long, value_name = "NAME", default_value = "")]
    pub clock: String,
    /// Directory of the spool [default: /var/lib/sce-probe/NAME for root, else ~/.local/state/sce-probe/NAME; with --read one in
    /// the temporary directory that is removed when all is acknowledged]
    #[arg(long, value_name = "DIR", env = "SCE_SPOOL", value_hint = ValueHint::DirPath)]
    pub spool: Option<PathBuf>,
    /// Disk space of the spool; the oldest records go when it is used up, and that is reported [default: the smaller of 1GiB and
    /// a tenth of the file system]
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    pub spool_size: Option<u64>,
    /// Free disk space that the spool leaves to others
    #[arg(long, value_name = "SIZE", value_parser = units::bytes, default_value = "256MiB")]
    pub spool_min_free: u64,
    /// Replace addresses before anything leaves this host, by the key in this file (64 hex digits; `openssl rand -hex 32`): those
    /// that share a prefix still do, and probes with the same key replace alike, so that flows still join
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub anonymise: Option<PathBuf>,
    /// At the end: longest time without an acknowledgement before what is left stays in the spool [default: 5s; 60s with --read]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub drain_timeout: Option<Duration>,
    /// Keep all privileges once the captures are open: where the spool belongs to another user, or a debugger is to attach
    #[arg(long)]
    pub keep_privileges: bool,
    /// Configuration file (TOML); its keys are the long options
    #[arg(long, value_name = "FILE", env = "SCE_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// Certificates, for collectors at https addresses.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsArgs {
    /// CA of the collector (PEM) [default, for this and the next two: what `sce-probe enroll` wrote]
    #[arg(long, value_name = "FILE", env = "SCE_CA", value_hint = ValueHint::FilePath)]
    pub ca: Option<PathBuf>,
    /// Certificate of this probe (PEM); read again for every connection
    #[arg(long, value_name = "FILE", env = "SCE_CERT", value_hint = ValueHint::FilePath)]
    pub cert: Option<PathBuf>,
    /// Key of that certificate
    #[arg(long, value_name = "FILE", env = "SCE_KEY", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
}

impl TlsArgs {
    /// The files to use.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials { ca: self.ca.clone(), cert: self.cert.clone(), key: self.key.clone() }.or_enrolled()
    }
}

/// Where frames come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// A packet socket, by libpcap
    Pcap,
    /// A kernel program at the tc hooks
    Ebpf,
    /// A kernel program before the queueing discipline, and a packet socket after it
    Both,
}

/// Options of socket tracing in `run`.
#[derive(Debug, Clone, Args)]
pub struct SocketArgs {
    /// Also trace the TCP and SCTP sockets of this network namespace: window, threshold, round trips, retransmissions
    #[arg(long, conflicts_with = "read")]
    pub sockets: bool,
    /// One record per kernel event besides those per interval: full resolution, for short experiments
    #[arg(long, requires = "sockets")]
    pub socket_events: bool,
    /// Sample sockets by netlink dumps, without a kernel program
    #[arg(long, requires = "sockets")]
    pub socket_dumps: bool,
    /// Only sockets with an end at this address or prefix; up to 8
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', requires = "sockets")]
    pub socket_ip: Vec<Prefix>,
    /// Only sockets with an end at this port; up to 8
    #[arg(long, value_name = "PORT", value_delimiter = ',', requires = "sockets")]
    pub socket_port: Vec<u16>,
    /// Sockets of all network namespaces of this host
    #[arg(long, requires = "sockets")]
    pub socket_all_netns: bool,
    /// Time between two samples of a socket [default: --interval]
    #[arg(long, value_name = "TIME", value_parser = units::duration, requires = "sockets")]
    pub socket_interval: Option<Duration>,
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
    /// Meter only the flows that a rule names, in either direction, and count the others in total only: SRC DST SPORT DPORT
    /// PROTO, with - for any and `[a,b]` for a list, as in `10.0.0.0/8 - - [80,443] tcp`. Repeat for several
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub rule: Vec<Rule>,
    /// File with a rule on each line; # begins a comment
    #[arg(long, value_name = "FILE", value_parser = select::lines::<Rule>, value_hint = ValueHint::FilePath)]
    pub rules: Vec<Lines<Rule>>,
    /// Where sequence numbers stand in test traffic over UDP or ICMP echo, tried before the built-in profiles (irtt, antler,
    /// pktgen, stamp, iperf3, iperf2, udp-prague, mgen, seq64-ns, seq32-ns, rtp): KEY=VALUE words as in
    /// 'dport=7000 at=4 width=4', or 'profile=iperf3 dport=9000'. docs/rules.md has all keys. Repeat for several
    #[arg(long, value_name = "WORDS")]
    pub extract: Vec<Extract>,
    /// File with such words on each line; # begins a comment
    #[arg(long, value_name = "FILE", value_parser = select::lines::<Extract>, value_hint = ValueHint::FilePath)]
    pub extractors: Vec<Lines<Extract>>,
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
            rules: self.rule.iter().chain(self.rules.iter().flat_map(|lines| &lines.0)).cloned().collect(),
            extractors: self
                .extract
                .iter()
                .chain(self.extractors.iter().flat_map(|lines| &lines.0))
                .flat_map(|e| e.0.clone())
                .collect(),
            ..defaults
        }
    }
}

/// A duration in ns.
#[must_use]
pub fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
