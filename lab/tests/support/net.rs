//! Two network namespaces joined by a veth pair, for tests that capture what they send themselves.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part of it")]

use std::path::Path;
use std::process::Command;

/// Interface names inside both namespaces.
pub(crate) const IFACE: &str = "veth0";

/// A pair of namespaces, removed when dropped.
pub(crate) struct Wire {
    /// Namespace that sends.
    pub(crate) left: String,
    /// Namespace that captures.
    pub(crate) right: String,
}

fn ip(args: &str) -> Result<(), String> {
    let out = Command::new("ip").args(args.split_whitespace()).output().map_err(|e| format!("ip: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("ip {args}: {}", String::from_utf8_lossy(&out.stderr).trim()))
}

impl Wire {
    /// Makes the pair; no address, no neighbour discovery: nothing is on the wire but what the test sends.
    ///
    /// # Errors
    /// Why this machine cannot: not root, no namespaces, no veth.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let wire = Wire {
            left: format!("sce-{name}-l{}", std::process::id()),
            right: format!("sce-{name}-r{}", std::process::id()),
        };
        let (l, r) = (&wire.left, &wire.right);
        ip(&format!("netns add {l}"))?;
        ip(&format!("netns add {r}"))?;
        for ns in [l, r] {
            for scope in ["all", "default"] {
                wire.within(ns, "sysctl", &["-qw", &format!("net.ipv6.conf.{scope}.disable_ipv6=1")])?;
            }
        }
        ip(&format!("link add {IFACE} netns {l} mtu 9000 type veth peer name {IFACE} netns {r} mtu 9000"))?;
        for ns in [l, r] {
            ip(&format!("-n {ns} link set {IFACE} up"))?;
            ip(&format!("-n {ns} link set lo up"))?;
        }
        Ok(wire)
    }

    fn within(&self, ns: &str, program: &str, args: &[&str]) -> Result<(), String> {
        let out = Command::new("ip").args(["netns", "exec", ns, program]).args(args).output();
        match out {
            Ok(out) if out.status.success() => Ok(()),
            Ok(out) => Err(format!("{program} in {ns}: {}", String::from_utf8_lossy(&out.stderr).trim())),
            Err(e) => Err(format!("ip: {e}")),
        }
    }

    /// A command inside a namespace.
    pub(crate) fn exec(&self, ns: &str, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", ns]).arg(program);
        command
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for ns in [&self.left, &self.right] {
            let _ = ip(&format!("netns del {ns}"));
        }
    }
}
