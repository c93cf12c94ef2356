//! Whether a live capture keeps up: `cargo bench -p sce-probe --bench live` (root, network namespaces, tcpdump).
//!
//! A thread sends datagrams of 100 bytes over a veth pair at rising rates. At each rate `tcpdump -w /dev/null` captures, then
//! `sce-probe run` with all metrics, an interval of one second and its spool on disk, both with the same buffer and as many
//! bytes of each frame. Both sides' losses are the kernel's own counts, and the packets that they saw are held against the
//! packets that were sent. Processor time is that of the whole process.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sce_probe::spool::{Item, Limits, RealDisk, Spool};
use sce_proto::{ProbeInterval, Record, columns};

/// Packets per second; 0 = as fast as one thread can.
const RATES: [u64; 7] = [50_000, 100_000, 200_000, 300_000, 400_000, 600_000, 0];
const LENGTH: Duration = Duration::from_secs(4);
/// Destination ports, each a flow.
const FLOWS: u16 = 500;
const BUFFER_KIB: &str = "16384";
const SNAPLEN: &str = "256";

/// A namespace with a veth pair; what is sent into `v0` comes out of `v1` and ends there.
struct Net(String);

impl Net {
    fn new() -> Option<Net> {
        let net = Net(format!("scebench{}", std::process::id()));
        let lines = [
            format!("netns add {}", net.0),
            format!("-n {} link add v0 type veth peer name v1", net.0),
            format!("-n {} addr add 10.98.0.1/24 dev v0", net.0),
            format!("-n {} link set v0 up", net.0),
            format!("-n {} link set v1 up", net.0),
            format!("-n {} neigh add 10.98.0.2 lladdr 02:00:00:00:00:99 dev v0", net.0),
        ];
        lines.iter().all(|l| Command::new("ip").args(l.split(' ')).status().is_ok_and(|s| s.success())).then_some(net)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    /// Sends at a rate; how many.
    fn send(&self, per_s: u64) -> u64 {
        let path = format!("/run/netns/{}", self.0);
        let sender = std::thread::spawn(move || {
            setns(std::fs::File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            let (begin, mut sent) = (Instant::now(), 0u64);
            while begin.elapsed() < LENGTH {
                // What is due by now, in bursts of what a sleep of a millisecond leaves behind.
                let due = if per_s == 0 { sent + 1000 } else { begin.elapsed().as_micros() as u64 * per_s / 1_000_000 };
                while sent < due {
                    let port = 10_000 + (sent % u64::from(FLOWS)) as u16;
                    sent += u64::from(socket.send_to(&[0; 58], ("10.98.0.2", port)).is_ok());
                }
                if per_s > 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            sent
        });
        sender.join().unwrap()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// What one run of one program gave.
struct Run {
    sent: u64,
    seen: u64,
    dropped: u64,
    cpu_s: f64,
}

impl Run {
    fn print(&self, rate: u64, program: &str) {
        let rate = if rate == 0 { "flat out".to_owned() } else { rate.to_string() };
        let real = self.sent as f64 / LENGTH.as_secs_f64();
        println!(
            "{rate:>9} {real:>9.0}  {program:10} {:>9} {:>9} {:>9} {:>8.2}",
            self.sent, self.seen, self.dropped, self.cpu_s
        );
    }
}

/// Processor time of a process so far, s.
fn cpu_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ticks: u64 =
        stat.rsplit(')').next().unwrap_or("").split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
    ticks as f64 / 100.0
}

/// Starts a program and waits for the line that says that it captures.
fn start(mut command: Command, ready: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(ready) {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the program ended before it captured");
    }
    (child, log)
}

/// Lets the program take what is left, and ends it; its last words and its processor time.
fn stop(mut child: Child, mut log: BufReader<std::process::ChildStderr>) -> (String, f64) {
    std::thread::sleep(Duration::from_millis(500));
    let cpu_s = cpu_s(child.id());
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let mut words = String::new();
    log.read_to_string(&mut words).unwrap();
    child.wait().unwrap();
    (words, cpu_s)
}

fn tcpdump(net: &Net, rate: u64) -> Run {
    let mut command = net.command("tcpdump");
    command.args(["-i", "v1", "-n", "-B", BUFFER_KIB, "-s", SNAPLEN, "-w", "/dev/null"]);
    let (child, log) = start(command, "listening on");
    let sent = net.send(rate);
    let (words, cpu_s) = stop(child, log);
    let count = |what: &str| {
        let line = words.lines().find(|l| l.contains(what)).unwrap_or("");
        line.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(u64::MAX)
    };
    Run { sent, seen: count("packets captured"), dropped: count("dropped by kernel"), cpu_s }
}

fn ours(net: &Net, rate: u64) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let mut command = net.command(env!("CARGO_BIN_EXE_sce-probe"));
    let buffer = format!("{BUFFER_KIB}KiB");
    command.args([
        "run",
        "-i",
        "v1",
        "--buffer",
        &buffer,
        "--snaplen",
        SNAPLEN,
        "--name",
        "bench",
        "--drain-timeout",
        "1ms",
    ]);
    command.args(["--collector", "http://127.0.0.1:1", "--spool"]).arg(dir.path());
    let (child, log) = start(command, "Capturing");
    let sent = net.send(rate);
    let (_, cpu_s) = stop(child, log);
    let (seen, dropped) = account(dir.path());
    Run { sent, seen, dropped, cpu_s }
}

/// Packets captured and dropped, as the records say.
fn account(spool: &Path) -> (u64, u64) {
    let (mut spool, _) = Spool::open(spool, Limits::default(), Box::new(RealDisk), "", 1).unwrap();
    let (mut seen, mut dropped, mut seq) = (0, 0, 1);
    while let Some(Item::Batch(batch)) = spool.read(0, seq, 1) {
        seq = batch.seq + 1;
        for t in columns::unpack(&batch).unwrap().tables.iter().filter(|t| t.name == ProbeInterval::TABLE) {
            for p in columns::records::<ProbeInterval>(t).unwrap() {
                (seen, dropped) = (seen + p.captured_packets, dropped + p.kernel_drops + p.interface_drops);
            }
        }
    }
    (seen, dropped)
}

fn main() {
    // `cargo test --benches` runs this too, with no argument that asks for a measurement.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let has_tcpdump = Command::new("tcpdump").arg("--version").output().is_ok();
    let Some(net) = Net::new().filter(|_| has_tcpdump) else {
        println!("SKIP: needs root, iproute2 and tcpdump");
        return;
    };
    println!("Linux {}", std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim());
    println!(
        "{:>9} {:>9}  {:10} {:>9} {:>9} {:>9} {:>8}",
        "rate", "real/s", "program", "sent", "seen", "dropped", "CPU s"
    );
    let mut highest: Option<(u64, Run)> = None;
    for rate in RATES {
        let theirs = tcpdump(&net, rate);
        theirs.print(rate, "tcpdump");
        let own = ours(&net, rate);
        own.print(rate, "sce-probe");
        if theirs.dropped == 0 {
            highest = Some((own.sent, own));
        }
    }
    match highest {
        Some((sent, own)) => {
            let rate = sent as f64 / LENGTH.as_secs_f64();
            println!("at the highest rate without a loss of tcpdump ({rate:.0}/s): sce-probe lost {}", own.dropped);
        }
        None => println!("tcpdump lost packets at every rate: this machine is too busy for the comparison"),
    }
}
