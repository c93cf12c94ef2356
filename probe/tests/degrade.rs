//! What is missing costs one clear line, and the rest of the probe works: no BTF, no CAP_BPF, an old kernel, no TCX. The
//! missing thing is taken away from the real program, in a mount namespace or by its bounding set. Needs root; a build
//! without clang is `lab/no-clang.sh`, a missing tracepoint a unit test of `ebpf.rs`.
#![cfg(feature = "ebpf")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[allow(dead_code, reason = "shared with the other live tests")]
mod path;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sce_probe::source::ebpf::{Capture, Hooks, Options};

/// Commands that run their arguments where something is missing.
struct Without {
    what: &'static str,
    wrapper: Vec<String>,
    /// In the line about sockets.
    sockets: &'static str,
    /// In the line about the tc hooks; empty where they need nothing of it.
    tc: &'static str,
}

fn all(dir: &std::path::Path) -> Vec<Without> {
    let old = dir.join("osrelease");
    std::fs::write(&old, "5.4.0-42-generic\n").unwrap();
    let hidden = |mount: String| -> Vec<String> {
        let script = format!("{mount} && exec \"$0\" \"$@\"");
        ["unshare", "-m", "sh", "-c", &script].map(str::to_owned).to_vec()
    };
    vec![
        Without {
            what: "BTF",
            wrapper: hidden("mount -t tmpfs none /sys/kernel/btf".to_owned()),
            sockets: "the kernel has no BTF",
            tc: "",
        },
        Without {
            what: "CAP_BPF",
            wrapper: ["setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin"].map(str::to_owned).to_vec(),
            sockets: "cap_bpf, cap_perfmon missing",
            tc: "cap_bpf missing",
        },
        Without {
            what: "a new kernel",
            wrapper: hidden(format!("mount --bind {} /proc/sys/kernel/osrelease", old.display())),
            sockets: "Linux 5.4.0-42-generic is too old for this: it needs 5.12 or later",
            tc: "Linux 5.4.0-42-generic is too old for this: it needs 5.8 or later",
        },
    ]
}

impl Without {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.wrapper[0]);
        command.args(&self.wrapper[1..]).arg(env!("CARGO_BIN_EXE_sce-probe")).args(args);
        command.env_remove("SCE_LOG").env_remove("SCE_CONFIG");
        command
    }
}

fn said(out: &Output) -> (String, String) {
    (String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
}

fn lines<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines().filter(|l| l.contains(word)).collect()
}

/// Root, and the tools that take things away.
fn can() -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    let tools = ["unshare", "setpriv"].iter().all(|t| Command::new(t).arg("--version").output().is_ok());
    if !root || !tools {
        eprintln!("SKIP: taking kernel features away from a program needs root, unshare and setpriv");
    }
    root && tools
}

/// Bytes go back and forth on loopback while `work` runs; their port.
fn with_traffic<T>(work: impl FnOnce(u16) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let port = client.local_addr().unwrap().port();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                client.write_all(&[1; 100]).unwrap();
                server.read_exact(&mut [0; 100]).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let result = work(port);
        over.store(true, Ordering::Release);
        result
    })
}

#[test]
fn each_missing_thing_is_one_line_and_the_rest_works() {
    if !can() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for without in all(dir.path()) {
        let what = without.what;
        let (doctor, _) = said(&without.command(&["doctor", "--collector", "http://127.0.0.1:1"]).output().unwrap());
        assert_eq!(lines(&doctor, without.sockets).len(), 1, "without {what}: {doctor}");
        assert!(lines(&doctor, without.sockets)[0].starts_with("missing  sockets"), "{doctor}");
        assert_eq!(lines(&doctor, "ok       capture").len(), 1, "without {what}: {doctor}");
        let tc = lines(&doctor, "tc capture");
        assert_eq!(tc.len(), 1, "{doctor}");
        let expected = if without.tc.is_empty() { "ok       tc capture" } else { without.tc };
        assert!(tc[0].contains(expected), "without {what}: {doctor}");

        // Sockets are sampled all the same.
        let (samples, notes) = with_traffic(|port| {
            let port = port.to_string();
            let args = ["sockets", "-o", "samples", "--interval", "200ms", "--duration", "1s", "--port", &port];
            said(&without.command(&args).output().unwrap())
        });
        let note = "no socket tracing, sampling by inet_diag instead: ";
        assert_eq!(lines(&notes, note).len(), 1, "without {what}: {notes}");
        assert!(lines(&notes, note)[0].contains(without.sockets), "{notes}");
        assert!(lines(&samples, "\"source\":\"inet_diag\"").len() >= 2, "without {what}: {samples}");
        assert!(samples.contains("cwnd_segments_last"), "{samples}");

        // So are packets.
        let spool = dir.path().join(what);
        let mut run = without
            .command(&["run", "-i", "lo", "--source", "ebpf", "--collector", "http://127.0.0.1:1"])
            .args(["--drain-timeout", "100ms", "--spool"])
            .arg(&spool)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs(2));
        let pid = nix::unistd::Pid::from_raw(run.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let mut log = String::new();
        run.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(run.wait().unwrap().success(), "without {what}: {log}");
        assert_eq!(lines(&log, "Capturing").len(), 1, "without {what}: {log}");
        let replaced = lines(&log, "lo is captured by packet socket only");
        assert_eq!(replaced.len(), usize::from(!without.tc.is_empty()), "without {what}: {log}");
        assert!(replaced.iter().all(|line| line.contains(without.tc)), "{log}");
    }
}

#[test]
fn nobody_reads_files_and_sockets_and_is_told_what_captures_need() {
    if !can() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Somewhere that nobody may execute.
    let probe = dir.path().join("sce-probe");
    std::fs::copy(env!("CARGO_BIN_EXE_sce-probe"), &probe).unwrap();
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let nobody = |args: &[&str]| {
        let drop = ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"];
        said(&Command::new("setpriv").args(drop).arg(&probe).args(args).current_dir("/").output().unwrap())
    };
    let (doctor, _) = nobody(&["doctor", "--collector", "http://127.0.0.1:1"]);
    for word in ["missing  capture", "missing  tc capture", "missing  sockets", "ok       files"] {
        assert_eq!(lines(&doctor, word).len(), 1, "{doctor}");
    }
    assert!(lines(&doctor, "missing  capture")[0].contains("CAP_NET_RAW"), "{doctor}");
    let (samples, _) = with_traffic(|port| {
        nobody(&["sockets", "-o", "samples", "--interval", "200ms", "--duration", "1s", "--port", &port.to_string()])
    });
    assert!(lines(&samples, "inet_diag").len() >= 2, "{samples}");
    let (_, error) = nobody(&["run", "-i", "lo", "--spool", "/tmp/nobody-needs-it"]);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("capturing on lo needs the capability CAP_NET_RAW"), "{error}");
}

#[test]
fn without_tcx_frames_come_by_clsact() {
    if !can() {
        return;
    }
    let path = match path::Path::build() {
        Ok(path) => path,
        Err(reason) => {
            eprintln!("SKIP: {reason}");
            return;
        }
    };
    let frames = path::within(&path.client, || {
        let options = Options { tcx: false, hooks: Hooks::Both, ..Options::new("up0") };
        // Where the kernel takes capture programs at all, it must take them without TCX too.
        if let Err(reason) = Capture::open(&Options::new("up0")) {
            eprintln!("SKIP: {reason}");
            return None;
        }
        let mut capture = Capture::open(&options).expect("a clsact qdisc serves both hooks");
        assert!(!capture.tcx());
        let qdiscs = path::run(&format!("tc -n {} qdisc show dev up0", path.client)).unwrap();
        assert!(qdiscs.contains("clsact"), "{qdiscs}");
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        for _ in 0..20 {
            socket.send_to(&[0; 30], (path::SERVER, 9)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
        let mut seen = 0;
        capture.read(10_000, |f| {
            assert!(f.outgoing.is_some());
            seen += u32::from(f.data.get(23) == Some(&17) && f.outgoing == Some(true));
        });
        assert_eq!(capture.lost(), 0);
        Some(seen)
    });
    assert!(frames.is_none_or(|n| n == 20), "{frames:?} of 20 datagrams seen");
}
