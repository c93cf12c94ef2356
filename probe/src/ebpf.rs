//! What the kernel programs share: whether they can run here, and what to do where they cannot.
//!
//! In: the state of the kernel and of this process. Out: one clear line per missing thing. Loads nothing itself.

use std::fs;
use std::path::Path;

/// Why a kernel program cannot be used, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The feature was left out of the build.
    #[error("this sce-probe was built without eBPF: build it with the cargo feature `ebpf` (it is on by default)")]
    Feature,
    /// clang was not there at build time.
    #[error("this sce-probe was built without clang, so it has no kernel programs: install clang and build it again")]
    NotBuilt,
    /// The kernel does not describe its types.
    #[error(
        "the kernel has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF=y, as distribution kernels have"
    )]
    NoBtf,
    /// The process may not load programs.
    #[error("no permission to load kernel programs: {missing} missing; run as root, or: setcap {setcap}+ep sce-probe")]
    NoCapability {
        /// Names of the missing capabilities.
        missing: String,
        /// All capabilities needed, as setcap takes them.
        setcap: String,
    },
    /// The kernel is too old for what the program uses.
    #[error("Linux {have} is too old for this: it needs {need} or later")]
    OldKernel {
        /// Running release.
        have: String,
        /// First release that works.
        need: &'static str,
    },
    /// The kernel lacks the tracepoint.
    #[error("the kernel has no tracepoint {0}")]
    NoTracepoint(String),
    /// The kernel refused.
    #[error("{what}: {why}")]
    Refused {
        /// What was tried.
        what: String,
        /// What the kernel or the loader said, on one line.
        why: String,
    },
}

/// A capability by its bit in `/proc/self/status` (capabilities(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    bit: u32,
    name: &'static str,
}

/// Attach to interfaces.
pub const CAP_NET_ADMIN: Capability = Capability { bit: 12, name: "cap_net_admin" };
/// Read kernel memory in tracing programs.
pub const CAP_PERFMON: Capability = Capability { bit: 38, name: "cap_perfmon" };
/// Load programs and make maps.
pub const CAP_BPF: Capability = Capability { bit: 39, name: "cap_bpf" };
/// Stands for CAP_BPF and CAP_PERFMON.
const CAP_SYS_ADMIN: Capability = Capability { bit: 21, name: "cap_sys_admin" };

/// Whether a program can be loaded, checked in the order in which a user can mend it.
pub fn check(object: &[u8], release: (u32, u32), need: &'static str, caps: &[Capability]) -> Result<(), Unavailable> {
    if object.is_empty() {
        return Err(Unavailable::NotBuilt);
    }
    let have = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    check_kernel(have.trim(), release, need)?;
    check_capabilities(&status, caps)?;
    Ok(())
}

/// Whether the kernel describes its types, which programs that read them need.
pub fn check_btf() -> Result<(), Unavailable> {
    btf_at(Path::new("/sys/kernel/btf/vmlinux"))
}

fn btf_at(path: &Path) -> Result<(), Unavailable> {
    if path.exists() { Ok(()) } else { Err(Unavailable::NoBtf) }
}

/// Hooks every program to its tracepoint by `hook`. The lines name those that the kernel lacks.
///
/// # Errors
/// Why the essential one cannot be hooked.
pub fn hook_all(
    names: &[&str],
    essential: &str,
    mut hook: impl FnMut(&str) -> Result<(), Unavailable>,
) -> Result<Vec<String>, Unavailable> {
    let mut notes = Vec::new();
    for name in names {
        match hook(name) {
            Ok(()) => {}
            Err(reason) if *name == essential => return Err(reason),
            Err(reason) => notes.push(format!("socket tracing goes on without {name}: {reason}")),
        }
    }
    Ok(notes)
}

fn check_kernel(have: &str, release: (u32, u32), need: &'static str) -> Result<(), Unavailable> {
    let mut numbers = have.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    // A release that cannot be read is no reason to refuse: the kernel will.
    if version != (0, 0) && version < release {
        return Err(Unavailable::OldKernel { have: have.to_owned(), need });
    }
    Ok(())
}

fn check_capabilities(status: &str, caps: &[Capability]) -> Result<(), Unavailable> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(u64::MAX);
    let has = |cap: &Capability| effective & (1 << cap.bit) != 0;
    let admin_stands_in = |cap: &Capability| [CAP_BPF, CAP_PERFMON].contains(cap) && has(&CAP_SYS_ADMIN);
    let missing: Vec<&str> = caps.iter().filter(|cap| !has(cap) && !admin_stands_in(cap)).map(|cap| cap.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let setcap: Vec<&str> = caps.iter().map(|cap| cap.name).collect();
    Err(Unavailable::NoCapability { missing: missing.join(", "), setcap: setcap.join(",") })
}

/// One line of an error and its causes, without the verifier's log (which is for `RUST_LOG=debug`).
#[cfg(feature = "ebpf")]
pub(crate) fn refused(what: impl Into<String>, error: &(dyn std::error::Error + 'static)) -> Unavailable {
    tracing::debug!(error = ?error, "Kernel refused a program");
    let mut why = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        let line = text.lines().next().unwrap_or_default().trim_end_matches(" Verifier output:");
        if !why.contains(line) {
            why = if why.is_empty() { line.to_owned() } else { format!("{why}: {line}") };
        }
        next = cause.source();
    }
    Unavailable::Refused { what: what.into(), why }
}

/// What has to be added to CLOCK_MONOTONIC, by which kernel programs stamp, to get ns since the epoch.
#[must_use]
pub fn epoch_offset_ns() -> i64 {
    use nix::time::{ClockId, clock_gettime};
    let read = |clock| {
        let t = clock_gettime(clock).expect("Linux has both clocks");
        t.tv_sec() * 1_000_000_000 + t.tv_nsec()
    };
    // The tightest of a few brackets: a preemption between the readings would add its length.
    let bracket = || {
        let before = read(ClockId::CLOCK_MONOTONIC);
        let real = read(ClockId::CLOCK_REALTIME);
        let after = read(ClockId::CLOCK_MONOTONIC);
        (after - before, real - before - (after - before) / 2)
    };
    (0..4).map(|_| bracket()).min().map_or(0, |(_, offset)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_thing_is_one_line_that_says_what_helps() {
        let none = "Name:\tx\nCapEff:\t0000000000000000\n";
        let message = check_capabilities(none, &[CAP_BPF, CAP_PERFMON]).unwrap_err().to_string();
        assert_eq!(
            message,
            "no permission to load kernel programs: cap_bpf, cap_perfmon missing; run as root, or: setcap cap_bpf,cap_perfmon+ep sce-probe"
        );
        let message = check_kernel("5.4.0-42-generic", (5, 12), "5.12").unwrap_err().to_string();
        assert_eq!(message, "Linux 5.4.0-42-generic is too old for this: it needs 5.12 or later");
        assert!(check(&[], (5, 12), "5.12", &[]).unwrap_err().to_string().contains("install clang"));
        let message = btf_at(Path::new("/nonexistent/btf")).unwrap_err().to_string();
        assert!(message.starts_with("the kernel has no BTF") && message.lines().count() == 1, "{message}");
    }

    #[test]
    fn a_missing_tracepoint_costs_no_other() {
        let lacks = |missing: &'static str| {
            move |name: &str| if name == missing { Err(Unavailable::NoTracepoint(name.into())) } else { Ok(()) }
        };
        let names = ["tcp_probe", "tcp_cong_state_set", "tcp_send_reset"];
        assert_eq!(hook_all(&names, "tcp_probe", lacks("none")).unwrap(), Vec::<String>::new());
        assert_eq!(
            hook_all(&names, "tcp_probe", lacks("tcp_cong_state_set")).unwrap(),
            ["socket tracing goes on without tcp_cong_state_set: the kernel has no tracepoint tcp_cong_state_set"]
        );
        let reason = hook_all(&names, "tcp_probe", lacks("tcp_probe")).unwrap_err();
        assert_eq!(reason.to_string(), "the kernel has no tracepoint tcp_probe");
    }

    #[test]
    fn what_is_enough_is_enough() {
        let admin = format!("CapEff:\t{:016x}\n", 1u64 << 21);
        assert!(check_capabilities(&admin, &[CAP_BPF, CAP_PERFMON]).is_ok());
        assert!(check_capabilities(&admin, &[CAP_NET_ADMIN]).is_err());
        assert!(check_kernel("6.18.1", (5, 12), "5.12").is_ok());
        assert!(check_kernel("7.0-rc1", (5, 12), "5.12").is_ok());
        assert!(check_kernel("5.12.0", (5, 12), "5.12").is_ok());
    }

    #[test]
    fn the_offset_leads_to_now() {
        let mono = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
        let at = mono.tv_sec() * 1_000_000_000 + mono.tv_nsec() + epoch_offset_ns();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let apart = now.cast_signed() - i128::from(at);
        assert!((0..5_000_000_000).contains(&apart), "{apart} ns apart");
    }
}
