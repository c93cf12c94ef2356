//! `sce-cli`: asks a collector about flows, paths and congestion feedback, and prints the answers.
//!
//! In: a command line. Out: rows on standard output, what they rest on on standard error, a documented exit code.
//! It measures nothing, stores nothing and computes no metric: it is a thin client of the Query service.

mod args;
mod check;
mod client;
mod columns;
mod complete;
mod config;
mod exit;
mod footer;
mod plot;
mod render;
mod verbs;
mod watch;

use std::process::ExitCode;

// What is shown is the same on the collector's pages.
use sce_view::{aggregate, time, track, units};

use args::{Cli, Verb};
use client::Client;
use exit::{Failure, code};
use verbs::{diff, export, flow, ipfix, list, matrix, query, shell, top};

fn main() -> ExitCode {
    // A shell that asks for completions gets them, and the program ends.
    clap_complete::CompleteEnv::with_factory(<Cli as clap::CommandFactory>::command).complete();
    let parsed = match config::parse() {
        Ok(parsed) => parsed,
        Err(failure) => {
            eprintln!("sce-cli: {failure}");
            return ExitCode::from(failure.code);
        }
    };
    let cli = match parsed {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are answers; everything else is wrong usage. A closed pipe changes neither.
            drop(e.print());
            return ExitCode::from(if e.use_stderr() { code::USAGE } else { code::OK });
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("sce-cli: cannot start: {e}");
            return ExitCode::from(code::FAILURE);
        }
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            done = run(cli) => done,
            _ = tokio::signal::ctrl_c() => Err(Failure::quiet(code::INTERRUPTED)),
        }
    });
    match outcome {
        Ok(()) => ExitCode::from(code::OK),
        Err(failure) => {
            if !failure.text.is_empty() {
                eprintln!("sce-cli: {failure}");
            }
            ExitCode::from(failure.code)
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match &cli.verb {
        Verb::Completions { shell } => return shell::completions(*shell),
        Verb::Man { dir } => return shell::man(dir),
        _ => {}
    }
    let mut client = Client::connect(&cli.connection).await?;
    let client = &mut client;
    match &cli.verb {
        Verb::Flows(args) => list::run(client, "flows", None, args).await,
        Verb::Paths(args) => match (args.matrix, args.by) {
            (Some(unit), _) => matrix::run(client, args, unit).await,
            (None, Some(by)) => top::paths(client, args, by).await,
            (None, None) => list::with(client, "paths", &args.options(), &args.listing).await,
        },
        Verb::Check(args) => verbs::check::run(client, args).await,
        Verb::Diff(args) => diff::run(client, args).await,
        Verb::Watch(args) => watch::run(client, args).await,
        Verb::Query(args) => query::run(client, args).await,
        Verb::Plot(args) => plot::run(client, args).await,
        Verb::List(args) => list::run(client, &args.view, args.listing.flow.as_deref(), &args.listing.listing).await,
        Verb::Export(args) => export::run(client, args).await,
        Verb::Ipfix(args) => ipfix::run(client, args).await,
        Verb::Top(args) => top::run(client, args).await,
        Verb::Verify(args) => list::run(client, "verify", None, args).await,
        Verb::Probes(args) => list::run(client, "probes", None, args).await,
        Verb::Points(args) => list::run(client, "points", None, args).await,
        Verb::Audit(args) => list::run(client, "audit", None, args).await,
        Verb::Loss(args) => list::run(client, "loss", None, args).await,
        Verb::Series(args) => list::run(client, "series", args.flow.as_deref(), &args.listing).await,
        Verb::Sockets(args) => list::run(client, "sockets", args.flow.as_deref(), &args.listing).await,
        Verb::Flow(args) => flow::run(client, args).await,
        Verb::Completions { .. } | Verb::Man { .. } => Ok(()),
    }
}
