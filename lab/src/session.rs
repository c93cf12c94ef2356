//! `sce-lab run`: a lab that lives exactly as long as one command, whatever ends it.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::state::{self, Lab};
use crate::system;
use crate::topology::{self, Spec};

/// How long an interrupted command may take to clean up after itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Holds back the signals that end this process, so that it can clean up first.
#[derive(Debug)]
pub(crate) struct Ending(SignalFd);

fn ending_signals() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect()
}

impl Ending {
    /// Call before any thread is started. Commands that are started later inherit it, which keeps Ctrl-C from the `ip` and
    /// `tc` that build a lab and take it down; [`release`] is for the others.
    pub(crate) fn hold() -> Result<Self> {
        let set = ending_signals();
        set.thread_block().context("cannot hold signals back")?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// The number of a signal that has come, if any.
    pub(crate) fn asked(&self) -> Option<u32> {
        match self.0.read_signal() {
            Ok(info) => info.map(|info| info.ssi_signo),
            Err(Errno::EINTR) => None,
            Err(_) => Some(Signal::SIGTERM as u32),
        }
    }
}

/// Lets a command be ended by the signals that [`Ending::hold`] holds back: a blocked signal stays blocked in every process
/// that descends from here, so neither the command nor what it starts could be stopped in order.
#[allow(unsafe_code, reason = "only the child itself can change its signal mask")]
fn release(command: &mut Command) {
    // SAFETY: between fork and exec the closure makes one system call, pthread_sigmask, and neither allocates nor locks.
    unsafe {
        command.pre_exec(|| Ok(ending_signals().thread_unblock()?));
    }
}

/// Builds a lab that stays. Interrupted, it is removed again.
pub(crate) fn up(spec: Spec, log: Option<&std::path::Path>) -> Result<Lab> {
    let ending = Ending::hold()?;
    let lab = Lab::up(spec, log)?;
    if ending.asked().is_some() {
        state::down(&lab.spec.prefix)?;
        bail!("interrupted; the lab is removed again");
    }
    Ok(lab)
}

/// Builds the lab, runs the command in the caller's namespace, and takes the lab down: also after a failure or a signal.
pub(crate) fn run(spec: Spec, log: Option<&std::path::Path>, command: &[String]) -> Result<ExitCode> {
    let ending = Ending::hold()?;
    let lab = Lab::up(spec, log)?;
    let code = inside(&lab.spec, &ending, command);
    state::down(&lab.spec.prefix)?;
    code
}

fn inside(spec: &Spec, ending: &Ending, command: &[String]) -> Result<ExitCode> {
    let (program, args) = command.split_first().context("no command was given")?;
    let mut child = Command::new(program);
    child.args(args).env("SCE_LAB_PREFIX", &spec.prefix);
    child.env("SCE_LAB_MGMT_ADDRESS", topology::MGMT_ADDRESS.to_string());
    child.env("SCE_LAB_ROUTER", spec.namespace("r1"));
    child.env("SCE_LAB_SERVER_ADDRESS", spec.server_address(spec.ipv6).to_string());
    for node in spec.nodes() {
        child.env(format!("SCE_LAB_{}", node.to_uppercase()), spec.namespace(node));
    }
    release(&mut child);
    let mut child = child.spawn().with_context(|| format!("cannot run {program}"))?;
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for the command")? {
            let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
            return Ok(ExitCode::from(code as u8));
        }
        if let Some(signal) = ending.asked() {
            // Ctrl-C reaches the command by itself; a signal to this process alone must be handed on.
            system::end_processes(&[child.id().cast_signed()], PATIENCE);
            return Ok(ExitCode::from((128 + signal).min(255) as u8));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
