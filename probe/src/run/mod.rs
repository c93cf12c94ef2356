//! `sce-probe run`: the pipeline from packets to acknowledged records.
//!
//! ```text
//! capture thread (one per interface) --channel--> writer thread --> spool --> delivery (this thread) --> collector
//! ```
//! In: options. Out: an exit code. At the end the meters are flushed, the spool is made durable, and the collector gets a
//! bounded time to take what is left; a second signal ends at once.

mod control;
pub mod live;
mod replay;
mod sockets;
mod sources;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use sce_proto::LossReport;
use tokio::sync::mpsc;

use crate::anonymise::Anonymiser;
use crate::args::{Marks, RunArgs};
use crate::clock;
use crate::confine;
use crate::deliver::{self, Progress, WhenAhead};
use crate::enroll;
use crate::exit::{Failure, code};
use crate::point::{self, Place};
use crate::queue::Queue;
use crate::service;
use crate::shipment::{CHANNEL_LIVE, CHANNEL_REPLAY, Job, Shipper};
use crate::spool::{Limits, RealDisk, Recovery, Spool, SpoolError};
use crate::writer::Writer;

use control::{Control, Signals, Told};
use sources::Opened;

/// What a source thread says when it ends.
type Ended = anyhow::Result<()>;

/// What the sources have in common.
struct Sources {
    threads: Vec<JoinHandle<()>>,
    ended: mpsc::UnboundedReceiver<Ended>,
    running: usize,
    /// What ends them before their time.
    signals: Signals,
}

/// Runs until a signal, or with `--read` until all is acknowledged.
///
/// # Errors
/// Whatever keeps the probe from beginning, and what ended it early.
pub fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let mut confine = !args.keep_privileges;
    loop {
        match attempt(args, confine)? {
            Attempt::Done(code) => return Ok(code),
            Attempt::Again => confine = false,
        }
    }
}

/// How an attempt ended.
enum Attempt {
    /// With this exit code.
    Done(u8),
    /// The spool was found to be behind the collector, and stands where the collector is now: the files are to be read once more.
    Again,
}

fn attempt(args: &RunArgs, confine: bool) -> anyhow::Result<Attempt> {
    // Before anything is opened: who asks a probe to stop, however early, finds it listening.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _within = runtime.enter();
        Signals::new()?
    };
    let name = args.name.clone().unwrap_or_else(point::host_name);
    for url in &args.collector {
        check_url(url)?;
        // Missing files are told at once, not by the hundredth failed connection.
        args.tls.credentials().settings(url)?;
    }
    let place = Place::here(&name);
    let mut meter = args.meter.config(args.interval);
    meter.run.clone_from(&args.run);
    let live = args.read.is_empty();
    meter.marks.mode = match args.marks {
        Some(Marks::Off) => sce_meter::MarksMode::Off,
        Some(Marks::Sampled) => sce_meter::MarksMode::Sampled,
        Some(Marks::Full) => sce_meter::MarksMode::Full,
        None if live => sce_meter::MarksMode::Sampled,
        None => sce_meter::MarksMode::Full,
    };
    if live && meter.interval_ns == 0 {
        return Err(Failure::new(code::USAGE, "--interval must not be 0 in a live capture").into());
    }
    let anonymiser = args.anonymise.as_deref().map(Anonymiser::from_file).transpose()?;
    // Captures first: nothing else is touched if they cannot be had.
    let captures = if live { sources::open(args, &place)? } else { Vec::new() };
    let mut replay = if live { None } else { Some(replay::Replay::new(args, &place, meter.clone())?) };

    let dir = args.spool.clone().unwrap_or_else(|| match &replay {
        Some(replay) => replay.spool_dir(),
        None => default_spool(&name),
    });
    if confine {
        // A replay's own spool goes with its directory at the end.
        let own = args.spool.is_none() && !live;
        let write = if own { dir.parent().unwrap_or(&dir) } else { &dir };
        std::fs::create_dir_all(&dir).map_err(|e| Failure::new(code::SPOOL, format!("{}: {e}", dir.display())))?;
        give_up_privileges(write, args, captures.iter().any(Opened::is_kernel_program))?;
    }
    let (queue, recovery) = open_spool(&dir, args)?;
    let (jobs, inbox) = sync_channel(if live { CHANNEL_LIVE } else { CHANNEL_REPLAY });
    let control = Arc::new(Control::new(args, jobs.clone()));
    let (say, ended) = mpsc::unbounded_channel();
    let mut when_ahead = WhenAhead::Move;
    let (writer, mut sources) = match &mut replay {
        Some(replay) => {
            let known = replay.resume(&mut queue.spool(), &dir)?;
            if known.is_some() {
                when_ahead = WhenAhead::Return;
            }
            let skip = known.unwrap_or_default();
            let wait_above = queue.spool().budget_bytes() / 2;
            let writer = Writer::replay(queue.clone(), skip, wait_above, control.given_up());
            let thread = replay.start(Shipper::new(jobs, true), control.clone(), say);
            (writer, Sources { threads: vec![thread?], ended, running: 1, signals })
        }
        None => {
            report_unclean(&queue, &recovery, &args.run);
            let writer = Writer::live(queue.clone());
            let mut threads = Vec::new();
            for capture in captures {
                let shipper = Shipper::new(jobs.clone(), false);
                let place = place.clone();
                let context = live::Context {
                    place,
                    meter: meter.clone(),
                    shipper,
                    control: control.clone(),
                    queue: queue.clone(),
                };
                threads.push(capture.start(context, say.clone())?);
            }
            drop(jobs);
            drop(say);
            let running = threads.len();
            (writer, Sources { threads, ended, running, signals })
        }
    };
    let writing = spawn_writer(writer.anonymised(anonymiser), inbox)?;
    let patience = args.drain_timeout.unwrap_or(Duration::from_secs(if live { 5 } else { 60 }));
    let config = deliver::Config {
        collectors: args.collector.clone(),
        credentials: args.tls.credentials(),
        probe: name,
        host: place.host.clone(),
        when_ahead,
        timing: deliver::Timing::default(),
    };
    let outcome = runtime.block_on(async {
        let progress = Arc::new(Progress::default());
        let renewal = enroll::keep_renewed(config.credentials.clone(), config.collectors.clone());
        let delivery = deliver::run(queue.clone(), config, progress.clone());
        tokio::select! {
            () = renewal => Err(anyhow::anyhow!("renewal ended")),
            ended = delivery => Ok(Err(ended?)),
            outcome = until_done(&mut sources, &control, &writing, &queue, &progress, patience, live) => outcome.map(Ok),
        }
    });
    drop(runtime);
    let outcome = match outcome {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(reached)) => {
            end_all(&control, &mut sources, writing);
            queue.spool().catch_up(reached, clock::now_ns())?;
            return Ok(Attempt::Again);
        }
        Err(error) => Err(error),
    };
    drop(control);
    let left = queue.backlog();
    if let Ok(queue) = Arc::try_unwrap(queue).map_err(|_| ()) {
        queue.into_spool().close(clock::now_ns());
    }
    let outcome = outcome?;
    if let Some(replay) = &replay
        && left.batches == 0
        && !outcome.interrupted
    {
        replay.done(&dir, args.spool.is_none()).context("after the replay")?;
    }
    outcome.source?;
    if left.batches > 0 && !live {
        let why = if outcome.interrupted { "interrupted" } else { "the collector did not take everything in time" };
        let text = format!(
            "{why}: {} batches wait in {}; the same command goes on where this one stopped",
            left.batches,
            dir.display()
        );
        return Err(Failure::new(code::UNDELIVERED, text).into());
    }
    if left.batches > 0 {
        tracing::warn!(batches = left.batches, spool = %dir.display(), "Not everything was acknowledged; it stays in the spool");
    }
    if outcome.interrupted && !live {
        return Err(
            Failure::new(code::UNDELIVERED, "interrupted; the same command goes on where this one stopped").into()
        );
    }
    Ok(Attempt::Done(code::OK))
}

/// Ends the source and writer threads without waiting for the collector.
fn end_all(control: &Control, sources: &mut Sources, writing: JoinHandle<()>) {
    control.stop();
    control.give_up();
    control.close();
    for thread in sources.threads.drain(..).chain([writing]) {
        let _ = thread.join();
    }
}

/// How the sources and the delivery ended.
struct Outcome {
    interrupted: bool,
    source: Ended,
}

/// Waits for signals and for the sources; then flushes, and waits for the collector.
async fn until_done(
    sources: &mut Sources,
    control: &Control,
    writing: &JoinHandle<()>,
    queue: &Queue,
    progress: &Progress,
    patience: Duration,
    live: bool,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome { interrupted: false, source: Ok(()) };
    let mut looked = tokio::time::interval(Duration::from_secs(1));
    service::ready();
    while sources.running > 0 {
        tokio::select! {
            end = sources.ended.recv() => {
                sources.running -= 1;
                if let Some(Err(error)) = end {
                    tracing::error!("{error:#}");
                    outcome.source = Err(error);
                }
            }
            told = sources.signals.next() => match told {
                Told::Stop if outcome.interrupted => return Ok(outcome),
                Told::Stop => {
                    tracing::info!("Stopping; once more to stop at once");
                    outcome.interrupted = true;
                    control.stop();
                    control.give_up();
                }
                Told::Reload => control.reload(),
            },
            _ = looked.tick() => {
                control.look();
                service::alive();
            }
        }
    }
    service::stopping();
    control.stop();
    control.close();
    progress.hurry();
    for thread in sources.threads.drain(..) {
        let _ = thread.join();
    }
    // The writer ends when the last source has; it may wait for the collector, so the delivery must go on meanwhile.
    let mut acks = progress.acks.load(Relaxed);
    let mut since = Instant::now();
    let whole = queue.backlog().batches;
    let mut line =
        sce_progress::Progress::new("delivering", sce_progress::Unit::Of("batches"), Some(whole)).unless(live);
    loop {
        let left = queue.backlog().batches;
        if writing.is_finished() && left == 0 {
            break;
        }
        line.at(whole.saturating_sub(left));
        let now = progress.acks.load(Relaxed);
        if now > acks {
            (acks, since) = (now, Instant::now());
        }
        let given_up = since.elapsed() >= patience || (!live && progress.refused.load(Relaxed));
        if given_up && writing.is_finished() {
            break;
        }
        if given_up {
            control.give_up();
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
            told = sources.signals.next() => match told {
                Told::Stop if outcome.interrupted => break,
                Told::Stop => outcome.interrupted = true,
                Told::Reload => {}
            },
        }
    }
    Ok(outcome)
}

fn spawn_writer(writer: Writer, inbox: Receiver<Job>) -> anyhow::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("writer".to_owned());
    Ok(thread.spawn(move || writer.run(&inbox))?)
}

/// What the captures needed is no longer needed. No thread has been made yet: all of them will be confined.
fn give_up_privileges(spool: &std::path::Path, args: &RunArgs, kernel_programs: bool) -> anyhow::Result<()> {
    let credentials = args.tls.credentials();
    // A renewed certificate is written beside the old one.
    let beside = credentials.key.iter().filter_map(|key| key.parent()).map(PathBuf::from);
    let write = beside.chain([spool.to_owned()]).collect();
    let ports = args.collector.iter().map(|url| port_of(url)).collect();
    let confined = confine::confine(&confine::Needs { write, ports, kernel_programs })?;
    tracing::info!("Confined: {confined}");
    Ok(())
}

/// The TCP port of a collector's address.
fn port_of(url: &str) -> u16 {
    let default = if url.starts_with("https://") { 443 } else { 80 };
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    port.and_then(|(_, port)| port.parse().ok()).unwrap_or(default)
}

fn open_spool(dir: &std::path::Path, args: &RunArgs) -> anyhow::Result<(Arc<Queue>, Recovery)> {
    let limits =
        Limits { budget_bytes: args.spool_size.unwrap_or(0), min_free_bytes: args.spool_min_free, ..Limits::default() };
    let opened = Spool::open(dir, limits, Box::new(RealDisk), &args.run, clock::now_ns());
    let (spool, recovery) = opened.map_err(|e: SpoolError| Failure::new(code::SPOOL, e.to_string()))?;
    for file in &recovery.foreign {
        tracing::warn!(file = %file.display(), "Found in the spool, not usable, moved here");
    }
    let waiting = spool.backlog().batches;
    if waiting > 0 {
        tracing::info!(batches = waiting, "Batches of an earlier run wait in the spool");
    }
    Ok((Arc::new(Queue::new(spool)), recovery))
}

/// What was measured and not yet spooled when the probe was killed is gone: at most the open interval.
fn report_unclean(queue: &Queue, recovery: &Recovery, run: &str) {
    if !recovery.unclean {
        return;
    }
    let now_ns = clock::now_ns();
    tracing::warn!("The probe did not end in order last time; what it had not spooled is reported as lost");
    let report = LossReport {
        at_ns: now_ns,
        reason: "unclean_restart".to_owned(),
        lane: 1,
        from_ns: recovery.newest_ns,
        to_ns: now_ns,
        run: run.to_owned(),
        ..LossReport::default()
    };
    queue.spool().report(report, now_ns);
}

fn default_spool(name: &str) -> PathBuf {
    let safe: String = name.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    let base = if rustix::process::geteuid().is_root() {
        PathBuf::from("/var/lib/sce-probe")
    } else {
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
        let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/state"));
        state.or(home).unwrap_or_else(std::env::temp_dir).join("sce-probe")
    };
    base.join(safe)
}

fn check_url(url: &str) -> Result<(), Failure> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let has_host = rest.is_some_and(|r| !r.is_empty() && !r.starts_with(':') && !r.starts_with('/'));
    if has_host {
        return Ok(());
    }
    Err(Failure::new(
        code::USAGE,
        format!(
            "`{url}` is not a collector's address: write http://HOST:PORT or https://HOST:PORT (sce-collector listens on port 4517)"
        ),
    ))
}
