//! Benchmarks of the probe against its peers: the same capture, CPU seconds of whole processes, side by side.
//!
//! In: options. Out: generated captures, and a table of CPU time, memory and ratios. Nothing here is a test of correctness.

mod generate;
mod replay;
mod run;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "sce-bench", about = "Generate captures and measure sce-probe beside other flow meters", version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a capture of made-up but plausible traffic
    Gen {
        /// What kind of traffic
        kind: generate::Kind,
        /// File to write
        out: PathBuf,
        /// Packets to write
        #[arg(long, default_value_t = 10_000_000)]
        packets: u64,
        /// Seed of all randomness
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// The floor: a bare pcap_next_ex loop over a file
    Floor {
        /// File to read
        file: PathBuf,
    },
    /// Send the frames of a capture on an interface
    Replay {
        /// File to read
        file: PathBuf,
        /// Interface to send on
        #[arg(short, long)]
        interface: String,
        /// Frames per second at most; 0 = as fast as it goes
        #[arg(long, default_value_t = 0)]
        rate: u64,
    },
    /// Measure sce-probe and every peer that is installed
    Run {
        /// Kinds of traffic to measure
        #[arg(long, value_delimiter = ',', default_values_t = [generate::Kind::Big, generate::Kind::Few, generate::Kind::Many, generate::Kind::Quic])]
        kinds: Vec<generate::Kind>,
        /// Packets per capture
        #[arg(long, default_value_t = 10_000_000)]
        packets: u64,
        /// Runs of each command; the median counts
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Folder for the captures (kept, so that the next run need not make them again)
        #[arg(long, default_value = "target/bench")]
        dir: PathBuf,
        /// Do not run the peers, only the floor and sce-probe
        #[arg(long)]
        no_peers: bool,
    },
    /// Run one command and print its CPU time and memory (used by `run`)
    #[command(hide = true)]
    Measure {
        /// Command line
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

fn main() -> anyhow::Result<()> {
    match Options::parse().command {
        Command::Gen { kind, out, packets, seed } => generate::write(kind, &out, packets, seed),
        Command::Floor { file } => run::floor(&file),
        Command::Replay { file, interface, rate } => replay::replay(&file, &interface, rate),
        Command::Run { kinds, packets, runs, dir, no_peers } => run::all(&kinds, packets, runs, &dir, !no_peers),
        Command::Measure { command } => run::measure(&command),
    }
}
