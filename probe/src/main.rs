//! `sce-probe`: parses the command line, runs the command, turns errors into one line and an exit code.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use sce_probe::args::{Cli, Command, ReadArgs};
use sce_probe::{config, doctor, enroll, exit, list, read, run, sockets};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Flows come and go by the million, and their state is many times larger than the caches: this allocator is fast at the
/// one, and asks for large pages for the other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match config::parse(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(usage) => usage.exit(),
            Err(error) => return failed(&error),
        },
    };
    log(cli.log.as_deref());
    match execute(cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    // Whoever reads the output has seen enough.
    if error.chain().any(|e| e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)) {
        return ExitCode::from(exit::code::OK);
    }
    let _ = writeln!(io::stderr(), "sce-probe: {error:#}");
    ExitCode::from(exit::code_of(error))
}

fn log(level: Option<&str>) {
    let from = |variable| std::env::var(variable).ok();
    // A mistake in a log level is no reason not to measure.
    let filter: Option<Targets> = level.map(str::to_owned).or_else(|| from("RUST_LOG")).and_then(|l| l.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines =
        tracing_subscriber::fmt::layer().with_writer(|| sce_progress::Log).with_ansi(io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines.with_target(false)).with(filter).init();
}

fn execute(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Read(args) => read_files(args),
        Command::Sockets(args) => {
            sockets::command::run(&args, &mut BufWriter::new(io::stdout().lock()))?;
            Ok(exit::code::OK)
        }
        Command::Run(args) => run::run(&args),
        Command::Enroll(args) => enroll::run(&args, &mut io::stdout()),
        Command::List { output } => {
            list::run(output, &mut io::stdout())?;
            Ok(exit::code::OK)
        }
        Command::Doctor { collector } => Ok(doctor::run(&collector, &mut io::stdout())?),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sce-probe", &mut script);
            io::stdout().write_all(&script)?;
            Ok(exit::code::OK)
        }
        Command::Man { dir } => manual(dir.as_deref()),
    }
}

fn read_files(args: ReadArgs) -> anyhow::Result<u8> {
    let mut meter = args.meter.config(args.interval);
    meter.marks.mode = sce_meter::MarksMode::Off;
    let options = read::Options { files: args.files, format: args.output, filter: args.filter, meter };
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let result = read::run(&options, &mut out);
    out.flush().context("output")?;
    result
}

fn manual(dir: Option<&Path>) -> anyhow::Result<u8> {
    match dir {
        Some(dir) => clap_mangen::generate_to(Cli::command(), dir)
            .with_context(|| format!("the manual pages could not be written to {}", dir.display()))?,
        None => clap_mangen::Man::new(Cli::command()).render(&mut io::stdout())?,
    }
    Ok(exit::code::OK)
}
