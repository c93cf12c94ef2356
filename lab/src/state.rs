//! A lab on this machine: built from its [`Spec`], found again by its prefix, taken down without a trace.
//!
//! What outlives a command lies in `/run/sce-lab/PREFIX`: the spec and the pinned maps. Everything else is the kernel's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::kernel::{self, Kernel};
use crate::log;
use crate::system;
use crate::topology::{Esce, Spec};

const ROOT: &str = "/run/sce-lab";
/// Source ports of traffic: below the ones that the kernel gives away itself.
const FIRST_PORT: u16 = 10_000;
const LAST_PORT: u16 = 30_000;
/// Holds the number of the process that keeps the log.
const LOG_PID: &str = "log.pid";
/// How long the log may take to write what it has.
const LOG_PATIENCE: Duration = Duration::from_secs(60);
/// How long processes inside the lab may take to end by themselves.
const PATIENCE: Duration = Duration::from_secs(5);

/// A lab that is up, or is being built.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) spec: Spec,
    pub(crate) kernel: Kernel,
}

fn dir(prefix: &str) -> PathBuf {
    Path::new(ROOT).join(prefix)
}

impl Lab {
    /// Builds the network, and keeps the log of decisions in a file if told so. A half-built one is taken down again.
    pub(crate) fn up(spec: Spec, log_file: Option<&Path>) -> Result<Self> {
        system::require_root()?;
        check_prefix(&spec.prefix)?;
        let dir = dir(&spec.prefix);
        if dir.exists() {
            bail!("a lab named {0} is up already: use another --prefix, or `sce-lab down --prefix {0}`", spec.prefix);
        }
        let lab = Lab { kernel: Kernel::new(&dir), spec };
        match lab.build(&dir, log_file) {
            Ok(()) => Ok(lab),
            Err(error) => {
                down(&lab.spec.prefix)?;
                Err(error)
            }
        }
    }

    /// Makes this machine (a container, say) the router: its interfaces `west` and `east` get the path program.
    pub(crate) fn attach(spec: Spec) -> Result<Self> {
        system::require_root()?;
        check_prefix(&spec.prefix)?;
        let dir = dir(&spec.prefix);
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let lab = Lab { kernel: Kernel::new(&dir), spec };
        if let Some(why) = kernel::unavailable() {
            bail!(why);
        }
        // The namespace gets the name that the router's has in a lab of our own making.
        let own = std::process::id().to_string();
        system::run("ip", &["netns", "attach", &lab.spec.namespace("r1"), &own], "")?;
        lab.save()?;
        lab.kernel.install(&lab.spec, &["r1"])?;
        Ok(lab)
    }

    /// Finds a lab that is up.
    pub(crate) fn find(prefix: &str) -> Result<Self> {
        let dir = dir(prefix);
        let text = std::fs::read_to_string(dir.join("spec.json"))
            .with_context(|| format!("no lab named {prefix} is up: `sce-lab list` shows which are"))?;
        Ok(Lab { spec: serde_json::from_str(&text)?, kernel: Kernel::new(&dir) })
    }

    fn build(&self, dir: &Path, log_file: Option<&Path>) -> Result<()> {
        let spec = &self.spec;
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        self.save()?;
        for node in spec.nodes() {
            system::run("ip", &["netns", "add", &spec.namespace(node)], "")?;
            let router = node.starts_with('r');
            let on = if router { "1" } else { "0" };
            system::set_sysctls(
                &spec.namespace(node),
                &[
                    ("net.ipv4.ip_forward", on),
                    ("net.ipv6.conf.all.forwarding", on),
                    ("net.ipv6.conf.all.accept_ra", "0"),
                    ("net.ipv6.conf.default.accept_ra", "0"),
                    ("net.ipv4.conf.all.rp_filter", "0"),
                    ("net.ipv4.conf.default.rp_filter", "0"),
                    ("net.ipv4.tcp_ecn", "1"),
                    // Each flow starts from the same state, whatever ran before it.
                    ("net.ipv4.tcp_no_metrics_save", "1"),
                ],
            )?;
            // Kernels since 6.7 gather the ACKs of a busy socket, which would blur what an ESCE speaks of; others
            // do not have the setting.
            let _ = system::set_sysctls(&spec.namespace(node), &[("net.ipv4.tcp_backlog_ack_defer", "0")]);
        }
        system::run("ip", &["-batch", "-"], &spec.link_commands())?;
        for node in spec.nodes() {
            system::run("ip", &["-n", &spec.namespace(node), "-batch", "-"], &spec.node_commands(node))?;
        }
        for (a, b) in spec.links() {
            for port in [a, b] {
                offloads(&spec.namespace(port.node), port.iface, spec.offloads)?;
            }
        }
        if let Some(mbit) = spec.rate_mbit {
            limit(spec, mbit)?;
        }
        match kernel::unavailable() {
            Some(why) if spec.marks.iter().any(|m| !m.is_quiet()) || spec.nat || spec.log || spec.esce != Esce::Off => {
                bail!(why)
            }
            Some(why) => eprintln!("sce-lab: no truth will be counted: {why}"),
            None => self.kernel.install(spec, &spec.nodes())?,
        }
        if let Some(file) = log_file {
            let pid = log::start(&spec.prefix, file)?;
            std::fs::write(dir.join(LOG_PID), pid.to_string()).context("cannot note the log's process")?;
        }
        Ok(())
    }

    /// Makes the running lab follow its (changed) spec.
    pub(crate) fn reconfigure(&self) -> Result<()> {
        self.kernel.configure(&self.spec)?;
        // How eagerly the server acknowledges depends on what it is to echo. In a container the routes are not ours.
        let server = self.spec.namespace("server");
        if Path::new("/run/netns").join(&server).exists() {
            system::run("ip", &["-n", &server, "-batch", "-"], &self.spec.route_commands("server"))?;
        }
        self.save()
    }

    /// Reserves consecutive source ports. No two runs of traffic in a lab share one, and the first run of every lab
    /// starts with the same.
    pub(crate) fn take_ports(&self, count: u16) -> Result<u16> {
        let path = dir(&self.spec.prefix).join("next_port");
        let next = std::fs::read_to_string(&path).ok().and_then(|text| text.parse().ok()).unwrap_or(FIRST_PORT);
        let first = if next > LAST_PORT - count { FIRST_PORT } else { next };
        std::fs::write(&path, (first + count).to_string())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(first)
    }

    /// Keeps the spec for later commands.
    pub(crate) fn save(&self) -> Result<()> {
        let path = dir(&self.spec.prefix).join("spec.json");
        std::fs::write(&path, serde_json::to_string_pretty(&self.spec)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Namespace names become file names and parts of command lines.
fn check_prefix(prefix: &str) -> Result<()> {
    let fine =
        !prefix.is_empty() && prefix.len() <= 40 && prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !fine {
        bail!("--prefix {prefix:?}: use up to 40 letters, digits and dashes");
    }
    Ok(())
}

fn offloads(namespace: &str, iface: &str, on: bool) -> Result<()> {
    let state = if on { "on" } else { "off" };
    let words =
        ["netns", "exec", namespace, "ethtool", "-K", iface, "tx", state, "tso", state, "gso", state, "gro", state];
    system::run("ip", &words, "").context("ethtool sets the offloads (Debian, Ubuntu: apt install ethtool)")?;
    Ok(())
}

/// A token bucket at the first router, towards the server.
fn limit(spec: &Spec, mbit: u32) -> Result<()> {
    let rate = format!("{mbit}mbit");
    // One millisecond of traffic, but never less than a few full packets (a superpacket is 64 KiB).
    let burst = (u64::from(mbit) * 125).max(if spec.offloads { 70_000 } else { 5_000 }).to_string();
    let wait = format!("{}ms", spec.queue_ms);
    let words =
        ["-n", &spec.namespace("r1"), "qdisc", "add", "dev", "east", "root", "tbf", "rate", &rate, "burst", &burst];
    let words: Vec<&str> = words.into_iter().chain(["latency", &wait]).collect();
    system::run("tc", &words, "")?;
    Ok(())
}

/// Takes a lab down: processes, programs, namespaces, state. Works on a half-built one, and twice.
pub(crate) fn down(prefix: &str) -> Result<()> {
    system::require_root()?;
    check_prefix(prefix)?;
    let namespaces = namespaces(prefix);
    let dir = dir(prefix);
    // The log first, while there is still something to read.
    let log_pid = std::fs::read_to_string(dir.join(LOG_PID)).ok().and_then(|text| text.parse().ok());
    if let Some(pid) = log_pid.filter(|pid| log::is_log_of(*pid, prefix)) {
        system::end_processes(&[pid], LOG_PATIENCE);
    }
    system::end_processes(&processes(&namespaces), PATIENCE);
    Kernel::new(&dir).remove();
    for namespace in &namespaces {
        system::run("ip", &["netns", "del", namespace], "")?;
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}

fn processes(namespaces: &[String]) -> Vec<i32> {
    let own = std::process::id().cast_signed();
    namespaces.iter().flat_map(|n| system::processes(n)).filter(|pid| *pid != own).collect()
}

/// The namespaces of a prefix that exist.
fn namespaces(prefix: &str) -> Vec<String> {
    let nodes = ["client", "r1", "r2", "server", "mgmt"];
    let names = nodes.iter().map(|node| format!("{prefix}-{node}"));
    names.filter(|name| Path::new("/run/netns").join(name).exists()).collect()
}

/// The prefixes of all labs on this machine.
pub(crate) fn all() -> Vec<String> {
    let entries = std::fs::read_dir(ROOT).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
