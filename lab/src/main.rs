//! `sce-lab`: a network of namespaces whose routers mark, drop and bleach packets, and count what they did.
//!
//! In: options. Out: a network, traffic, and the truth about what happened on the path, to hold measurements against.

mod kernel;
mod layout;
mod log;
mod marks;
mod session;
mod state;
mod system;
mod topology;
mod traffic;
mod truth;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::marks::Marks;
use crate::state::Lab;
use crate::topology::{Esce, Spec};
use crate::traffic::Load;

#[derive(Parser)]
#[command(name = "sce-lab", version, about = "A test network of namespaces with known truth", max_term_width = 100)]
struct Options {
    /// Name of the lab; its namespaces are NAME-client, NAME-r1, NAME-r2, NAME-server and NAME-mgmt
    #[arg(long, global = true, default_value = "sce")]
    prefix: String,
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build the network
    Up(Shape),
    /// Make this machine's interfaces `west` and `east` a marking router, as in the compose lab's router container
    Attach(Changes),
    /// Take the network down: processes, programs, namespaces
    Down,
    /// Build the network, run a command, take the network down again, whatever happens
    ///
    /// The command finds SCE_LAB_PREFIX, SCE_LAB_CLIENT, SCE_LAB_R1, SCE_LAB_R2, SCE_LAB_SERVER and SCE_LAB_MGMT (namespaces),
    /// SCE_LAB_MGMT_ADDRESS (an address that every node reaches beside the measured path), SCE_LAB_ROUTER (the same as
    /// SCE_LAB_R1) and SCE_LAB_SERVER_ADDRESS in its environment.
    Run {
        #[command(flatten)]
        shape: Shape,
        /// Command line
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Change what the routers do, in a lab that is up
    Mark(Changes),
    /// Send traffic from client to server and wait until it is over
    Traffic {
        #[command(flatten)]
        load: Load,
        /// Let iperf3 make the TCP flows, for --duration seconds (10 unless given)
        #[arg(long)]
        iperf3: bool,
    },
    /// The server's side of `traffic` alone, in this namespace or container, until stopped
    Serve,
    /// The client's side of `traffic` alone
    Send {
        /// Address of the machine or container where `serve` runs
        server: std::net::IpAddr,
        #[command(flatten)]
        load: Load,
    },
    /// Show what the path did to every flow
    Truth {
        /// How to print it
        #[arg(short, long, value_enum, default_value_t = Format::Table)]
        output: Format,
    },
    /// Forget all counts
    Reset,
    /// Print the routers' decisions as they are made, one JSON object per packet (needs `up --log`)
    Log,
    /// Run a command on a node
    Exec {
        /// client, r1, r2, server or mgmt
        node: String,
        /// Command line
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// List the labs that are up
    List,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

#[derive(Clone, Copy, ValueEnum, PartialEq)]
enum Switch {
    On,
    Off,
}

#[derive(Args)]
struct Changes {
    /// First router: NAME=VALUE,... of sce, ce, drop, bleach, ae (probabilities), dir=up|down|both,
    /// proto=tcp+udp+icmp+other|all, what=payload|all
    #[arg(long, value_name = "MARKS")]
    r1: Option<Marks>,
    /// Second router, likewise
    #[arg(long, value_name = "MARKS")]
    r2: Option<Marks>,
    /// The receiver's echo of SCE marks as ESCE
    #[arg(long, value_enum)]
    esce: Option<Esce>,
    /// Seed of the routers' decisions [default: 1]
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Args)]
struct Shape {
    /// Routers between client and server
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    routers: u8,
    /// Let traffic use IPv6 (both families are always configured)
    #[arg(long)]
    ipv6: bool,
    /// Segmentation and receive offloads of all interfaces
    #[arg(long, value_enum, default_value_t = Switch::Off)]
    offloads: Switch,
    /// Translate the client's address and ports at the first router
    #[arg(long)]
    nat: bool,
    /// Rate limit at the first router towards the server, Mbit/s
    #[arg(long, value_name = "MBIT")]
    rate: Option<u32>,
    /// Longest wait at the rate limit before packets are dropped, ms
    #[arg(long, value_name = "MS", default_value_t = 50)]
    queue: u32,
    /// Log every decision: for `sce-lab log`, or into a file until the lab is taken down
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    log: Option<Option<PathBuf>>,
    #[command(flatten)]
    changes: Changes,
}

impl Shape {
    /// One router that does nothing.
    fn plain() -> Self {
        let changes = Changes { r1: None, r2: None, esce: None, seed: None };
        let (ipv6, nat, rate, log) = (false, false, None, None);
        Shape { routers: 1, ipv6, offloads: Switch::Off, nat, rate, queue: 0, changes, log }
    }

    fn log_file(&self) -> Option<&Path> {
        self.log.as_ref()?.as_deref()
    }

    fn spec(&self, prefix: String) -> Spec {
        let mut spec = Spec {
            prefix,
            routers: self.routers.into(),
            ipv6: self.ipv6,
            offloads: self.offloads == Switch::On,
            nat: self.nat,
            rate_mbit: self.rate,
            queue_ms: self.queue,
            seed: 1,
            marks: [Marks::default(); 2],
            esce: Esce::Off,
            log: self.log.is_some(),
        };
        self.changes.apply(&mut spec);
        spec
    }
}

impl Changes {
    fn apply(&self, spec: &mut Spec) {
        for (own, new) in spec.marks.iter_mut().zip([self.r1, self.r2]) {
            *own = new.unwrap_or(*own);
        }
        spec.esce = self.esce.unwrap_or(spec.esce);
        spec.seed = self.seed.unwrap_or(spec.seed);
    }
}

fn main() -> ExitCode {
    match act(Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sce-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(options: Options) -> Result<ExitCode> {
    let prefix = options.prefix;
    match options.command {
        Verb::Up(shape) => {
            let lab = session::up(shape.spec(prefix), shape.log_file())?;
            println!(
                "up: {}",
                lab.spec.path_nodes().iter().map(|n| lab.spec.namespace(n)).collect::<Vec<_>>().join(" - ")
            );
        }
        Verb::Attach(changes) => {
            let shape = Shape { changes, ..Shape::plain() };
            Lab::attach(shape.spec(prefix))?;
        }
        Verb::Down => state::down(&prefix)?,
        Verb::Run { shape, command } => return session::run(shape.spec(prefix), shape.log_file(), &command),
        Verb::Mark(changes) => {
            let mut lab = Lab::find(&prefix)?;
            changes.apply(&mut lab.spec);
            lab.reconfigure()?;
        }
        Verb::Traffic { load, iperf3 } => say(&traffic::run(&Lab::find(&prefix)?, &load, iperf3)?.to_string()),
        Verb::Serve => traffic::serve()?,
        Verb::Send { server, load } => {
            traffic::send(server, &load)?;
        }
        Verb::Truth { output } => {
            let lab = Lab::find(&prefix)?;
            let views = truth::views(&lab.spec, lab.kernel.flows()?);
            let truth = truth::json(&lab.spec, &views, &lab.kernel.counters()?);
            match output {
                Format::Json => say(&format!("{truth:#}")),
                Format::Table => say(truth::table(&truth).trim_end()),
            }
        }
        Verb::Reset => Lab::find(&prefix)?.kernel.reset()?,
        Verb::Log => log::print(&Lab::find(&prefix)?)?,
        Verb::Exec { node, command } => {
            let lab = Lab::find(&prefix)?;
            if !lab.spec.nodes().contains(&node.as_str()) {
                bail!("{node:?} is no node of this lab: it has {}", lab.spec.nodes().join(", "));
            }
            let status =
                Command::new("ip").args(["netns", "exec", &lab.spec.namespace(&node)]).args(&command).status()?;
            return Ok(ExitCode::from(status.code().unwrap_or(1) as u8));
        }
        Verb::List => state::all().iter().for_each(|name| say(name)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a line; a reader that has gone away is no error.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
