//! Giving up what is no longer needed once the captures are open: capabilities, the way to new ones, files, system calls.
//!
//! In: what the running probe still has to write and where it connects. Out: a confined thread; every thread that it makes
//! afterwards is confined like it, so this comes before the first one. A decoder that a packet could take over finds no
//! capability, no file to write outside the spool, no program to start and no port to reach but the collector's.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, path_beneath_rules,
};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// Name servers answer over TCP what does not fit a datagram.
const DNS_PORT: u16 = 53;

/// What a probe that runs still needs.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Directories in which it writes.
    pub write: Vec<PathBuf>,
    /// TCP ports of its collectors.
    pub ports: Vec<u16>,
    /// Kernel programs are at work: their maps are read, and hooks taken off at the end.
    pub kernel_programs: bool,
}

/// What was given up.
#[derive(Debug, PartialEq, Eq)]
pub struct Confined {
    capabilities: CapabilitySet,
    landlock: RulesetStatus,
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.capabilities.is_empty() {
            f.write_str("no capabilities")?;
        } else {
            let kept: Vec<String> = self.capabilities.iter_names().map(|(name, _)| name.to_lowercase()).collect();
            write!(f, "capabilities {}", kept.join(", "))?;
        }
        f.write_str(", no new privileges, system calls filtered, ")?;
        f.write_str(match self.landlock {
            RulesetStatus::FullyEnforced => "files and ports by Landlock",
            RulesetStatus::PartiallyEnforced => "files and ports by Landlock as far as this kernel can",
            RulesetStatus::NotEnforced => "files not confined (this kernel has no Landlock)",
        })
    }
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
#[error("privileges cannot be given up ({step}: {why}); --keep-privileges runs without")]
pub struct ConfineError {
    step: &'static str,
    why: String,
}

fn failed<E: fmt::Display>(step: &'static str) -> impl Fn(E) -> ConfineError {
    move |e| ConfineError { step, why: e.to_string() }
}

/// Confines the calling thread, and those that it will make.
///
/// # Errors
/// [`ConfineError`] names the step. A kernel without Landlock is no error.
pub fn confine(needs: &Needs) -> Result<Confined, ConfineError> {
    let kept = keep_capabilities(needs).map_err(failed("capabilities"))?;
    set_no_new_privs(true).map_err(failed("no_new_privs"))?;
    let landlock = files_and_ports(needs).map_err(failed("Landlock"))?;
    system_calls(needs).map_err(failed("seccomp"))?;
    Ok(Confined { capabilities: kept, landlock })
}

/// Empties all sets but for what kernel programs need: reading their maps, and taking clsact hooks off.
fn keep_capabilities(needs: &Needs) -> rustix::io::Result<CapabilitySet> {
    let now = capabilities(None)?;
    let wanted = if needs.kernel_programs {
        CapabilitySet::BPF | CapabilitySet::PERFMON | CapabilitySet::NET_ADMIN
    } else {
        CapabilitySet::empty()
    };
    let kept = now.permitted & wanted;
    if now.effective.contains(CapabilitySet::SETPCAP) {
        for bit in 0..64 {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            match capability_is_in_bounding_set(one) {
                Ok(true) if !kept.contains(one) => remove_capability_from_bounding_set(one)?,
                Ok(_) => {}
                // Beyond the last one that this kernel knows.
                Err(_) => break,
            }
        }
    }
    match clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(e) => return Err(e),
    }
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)?;
    Ok(kept)
}

/// Reading stays allowed everywhere: certificates, the label's file, name resolution. As much as the kernel can.
fn files_and_ports(needs: &Needs) -> Result<RulesetStatus, RulesetError> {
    let abi = ABI::V5;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_all(abi) & !AccessFs::Execute;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::ConnectTcp)?
        .create()?
        .add_rules(path_beneath_rules(["/"], read))?
        .add_rules(path_beneath_rules(["/dev/null"], read | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(&needs.write, write))?;
    for port in needs.ports.iter().chain([&DNS_PORT]) {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// What a probe never calls. A list of what it may call would break with every new libc; these fail with EPERM.
const NEVER: [i64; 34] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_personality,
    libc::SYS_acct,
    libc::SYS_quotactl,
];

/// The same where no kernel program is at work.
const NEVER_WITHOUT_PROGRAMS: [i64; 2] = [libc::SYS_bpf, libc::SYS_perf_event_open];

fn system_calls(needs: &Needs) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let besides = NEVER_WITHOUT_PROGRAMS.into_iter().filter(|_| !needs.kernel_programs);
    let rules: BTreeMap<i64, Vec<_>> = NEVER.into_iter().chain(besides).map(|call| (call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()?;
    seccompiler::apply_filter(&program)?;
    Ok(())
}

/// Confines a thread of its own, which then tries what it must no longer be able to do.
///
/// # Errors
/// What could not be given up, or what could still be done.
pub fn try_out() -> Result<String, String> {
    let trial = std::thread::spawn(|| {
        let confined = confine(&Needs::default()).map_err(|e| e.to_string())?;
        let kept = capabilities(None).map_err(|e| e.to_string())?;
        if !kept.permitted.is_empty() {
            return Err(format!("capabilities are still there: {:?}", kept.permitted));
        }
        if std::process::Command::new("/proc/self/exe").arg("--version").output().is_ok() {
            return Err("programs can still be started".to_owned());
        }
        if confined.landlock != RulesetStatus::NotEnforced && std::fs::File::create("/dev/shm/sce-probe-doctor").is_ok()
        {
            return Err("files can still be written".to_owned());
        }
        Ok(confined.to_string())
    });
    trial.join().map_err(|_| "the trial ended early".to_owned())?
}
