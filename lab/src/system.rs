//! The few ways in which the lab touches the system: commands, network namespaces, processes.
//!
//! Errors say which command failed, with its own words, or what to install.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// Runs a command to its end, with `input` on its standard input, and returns its standard output.
pub(crate) fn run(program: &str, args: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| missing(program, &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that stops reading early says why on its standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().with_context(|| format!("{program} did not end"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {}: {}", args.join(" "), message.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn missing(program: &str, error: &std::io::Error) -> anyhow::Error {
    if error.kind() != std::io::ErrorKind::NotFound {
        return anyhow::anyhow!("cannot run {program}: {error}");
    }
    let package = match program {
        "ip" | "tc" => "iproute2",
        other => other,
    };
    anyhow::anyhow!("{program} is missing: install it (Debian, Ubuntu: apt install {package})")
}

/// Refuses early, in one line, what would fail halfway.
pub(crate) fn require_root() -> Result<()> {
    if !nix::unistd::Uid::effective().is_root() {
        bail!("the lab makes network namespaces and needs root: run it with sudo");
    }
    Ok(())
}

/// Runs `work` on a thread of its own inside a network namespace. Threads that `work` starts stay inside.
pub(crate) fn within<T: Send>(namespace: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let path = Path::new("/run/netns").join(namespace);
    let file =
        File::open(&path).with_context(|| format!("cannot open {}: is the lab up? (sce-lab list)", path.display()))?;
    std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            setns(&file, CloneFlags::CLONE_NEWNET).with_context(|| format!("cannot enter {namespace}"))?;
            work()
        });
        inside.join().unwrap_or_else(|_| bail!("the work inside {namespace} panicked"))
    })
}

/// Writes kernel settings (dotted names) of a namespace.
pub(crate) fn set_sysctls(namespace: &str, settings: &[(&str, &str)]) -> Result<()> {
    within(namespace, || {
        for (name, value) in settings {
            let path = format!("/proc/sys/{}", name.replace('.', "/"));
            std::fs::write(&path, value).with_context(|| format!("cannot set {name}={value} in {namespace}"))?;
        }
        Ok(())
    })
}

/// Ids of the processes in a namespace.
pub(crate) fn processes(namespace: &str) -> Vec<i32> {
    let listed = run("ip", &["netns", "pids", namespace], "").unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Asks processes to end, and makes them after `patience`.
pub(crate) fn end_processes(pids: &[i32], patience: Duration) {
    let mut alive: Vec<Pid> = pids.iter().map(|pid| Pid::from_raw(*pid)).filter(|pid| is_alive(*pid)).collect();
    for (signal, patience) in [(Signal::SIGTERM, patience), (Signal::SIGKILL, Duration::from_secs(1))] {
        for pid in &alive {
            let _ = kill(*pid, signal);
        }
        let deadline = Instant::now() + patience;
        while !alive.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
            alive.retain(|pid| is_alive(*pid));
        }
    }
}

fn is_alive(pid: Pid) -> bool {
    // Own children stay as zombies until they are waited for; for others this is an error to ignore.
    let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    kill(pid, None).is_ok()
}
