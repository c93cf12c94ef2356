//! The programs as services: what they tell systemd, and their Debian packages on a copy of this machine's root.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{bin, free_port, is_root, skip, tree};

/// What systemd is to a service: a socket at which it is told things.
struct Systemd {
    dir: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Systemd {
    fn new() -> Systemd {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Systemd { dir, socket }
    }

    fn start(&self, program: &str, args: &[&str]) -> Child {
        Command::new(bin(program))
            .args(args)
            .env("NOTIFY_SOCKET", self.dir.path().join("notify"))
            .env("WATCHDOG_USEC", "2000000")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The next thing it is told that is not this.
    fn told(&self, but: &str) -> String {
        loop {
            let mut text = [0; 4096];
            let length = self.socket.recv(&mut text).expect("a service says something within a minute");
            let text = String::from_utf8_lossy(&text[..length]).trim().to_owned();
            if text != but {
                return text;
            }
        }
    }

    /// A service's life: ready, alive twice within its watchdog's time, stopping, gone.
    fn lives(&self, mut service: Child) {
        assert_eq!(self.told("WATCHDOG=1"), "READY=1");
        let begun = Instant::now();
        for _ in 0..3 {
            assert_eq!(self.told(""), "WATCHDOG=1");
        }
        // Three of them at twice in 2 s; a busy machine gets more.
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        kill(Pid::from_raw(service.id().cast_signed()), Signal::SIGTERM).unwrap();
        assert_eq!(self.told("WATCHDOG=1"), "STOPPING=1");
        assert!(service.wait().unwrap().success());
    }
}

#[test]
fn a_collector_tells_systemd_what_it_does() {
    let systemd = Systemd::new();
    let db = systemd.dir.path().join("sce.db");
    let listen = format!("127.0.0.1:{}", free_port());
    let args = ["serve", "--admin", "none", "--listen", &listen, "--db", db.to_str().unwrap()];
    systemd.lives(systemd.start("sce-collector", &args));
}

#[test]
fn a_probe_tells_systemd_what_it_does() {
    if !is_root() {
        skip("a_probe_tells_systemd_what_it_does", "needs root to capture");
        return;
    }
    let systemd = Systemd::new();
    let spool = systemd.dir.path().join("spool");
    let args = ["run", "-i", "lo", "--collector", "http://127.0.0.1:1", "--drain-timeout", "100ms", "--spool"];
    systemd.lives(systemd.start("sce-probe", &[&args[..], &[spool.to_str().unwrap()]].concat()));
}

#[test]
fn the_packages_install_upgrade_and_purge() {
    let binaries = bin("sce-probe");
    let binaries = binaries.parent().unwrap_or(Path::new("."));
    let out = Command::new(tree("packaging/test.sh")).arg(binaries).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if out.status.code() == Some(77) {
        skip("the_packages_install_upgrade_and_purge", said.trim().trim_start_matches("SKIP "));
        return;
    }
    assert!(out.status.success(), "{said}");
    println!("{said}");
}
