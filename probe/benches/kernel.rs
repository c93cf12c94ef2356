//! What the kernel programs cost: `cargo bench -p sce-probe --bench kernel` (root, network namespaces).
//!
//! Per source, the processor time of the reading thread and of the program in the kernel, and what was lost. The kernel's
//! part is counted by the kernel itself (bpf_stats). A packet socket's kernel part is not in its line: it runs in the
//! sender's time.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

#[cfg(feature = "ebpf")]
#[path = "../tests/path/mod.rs"]
#[allow(dead_code, reason = "shared with the live tests")]
mod path;

#[cfg(feature = "ebpf")]
fn main() {
    bench::main();
}

#[cfg(not(feature = "ebpf"))]
fn main() {
    println!("built without the feature `ebpf`: nothing to measure");
}

#[cfg(feature = "ebpf")]
mod bench {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use aya::programs::loaded_programs;
    use aya::sys::{Stats, enable_stats};
    use nix::time::{ClockId, clock_gettime};
    use sce_probe::sockets::{Options, Sockets};
    use sce_probe::source::ebpf::{self, Capture, Hooks};

    use super::path::{Path, SERVER, run, within};

    const FRAMES: u64 = 1_000_000;
    const EVENTS_FOR: Duration = Duration::from_secs(5);

    pub(super) fn main() {
        // `cargo test --benches` runs this too, with no argument that asks for a measurement.
        if !std::env::args().any(|a| a == "--bench") {
            return;
        }
        let path = match Path::build() {
            Ok(path) => path,
            Err(reason) => {
                println!("SKIP: {reason}");
                return;
            }
        };
        let _statistics = enable_stats(Stats::RunTime).unwrap();
        println!(
            "{:22} {:>10} {:>10} {:>15} {:>15} {:>8}",
            "source", "events", "events/s", "reader ns/event", "kernel ns/event", "lost"
        );
        packet_socket(&path);
        tc_hooks(&path);
        socket_events(&path, false);
        socket_events(&path, true);
    }

    fn row(name: &str, events: u64, took: Duration, reader_ns: u64, kernel_ns: Option<u64>, lost: u64) {
        let kernel = kernel_ns.map_or_else(|| "-".to_owned(), |ns| (ns / events.max(1)).to_string());
        let rate = events as f64 / took.as_secs_f64();
        println!("{name:22} {events:>10} {rate:>10.0} {:>15} {kernel:>15} {lost:>8}", reader_ns / events.max(1));
    }

    /// Processor time of this thread, ns.
    fn cpu_ns() -> u64 {
        let t = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
        (t.tv_sec() * 1_000_000_000 + t.tv_nsec()).cast_unsigned()
    }

    /// Time the kernel spent in our programs of these names, ns.
    fn kernel_ns(names: &[&str]) -> u64 {
        let ours = |p: &aya::programs::ProgramInfo| p.name_as_str().is_some_and(|n| names.contains(&n));
        loaded_programs().filter_map(Result::ok).filter(ours).map(|p| p.run_time().as_nanos() as u64).sum()
    }

    /// Sends datagrams of 100 bytes from the client towards the server, as fast as one thread can.
    fn flood(path: &Path) {
        within(&path.client, || {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            for _ in 0..FRAMES {
                let _ = socket.send_to(&[0; 58], (SERVER, 9));
            }
        });
    }

    /// Reads until `work` is over and nothing more comes; events, duration, reader's time.
    fn drained(mut read: impl FnMut() -> u64, work: impl FnOnce() + Send) -> (u64, Duration, u64) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                work();
                over.store(true, Ordering::Release);
            });
            let (begin, cpu) = (Instant::now(), cpu_ns());
            let mut events = 0;
            loop {
                let last = over.load(Ordering::Acquire);
                let n = read();
                events += n;
                if n == 0 {
                    if last {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
            (events, begin.elapsed(), cpu_ns() - cpu)
        })
    }

    fn packet_socket(path: &Path) {
        within(&path.router, || {
            let open = pcap::Capture::from_device("west").unwrap().snaplen(192).buffer_size(16 << 20).timeout(100);
            let mut capture = open.open().unwrap().setnonblock().unwrap();
            let mut bytes = 0u64;
            let read = || {
                let mut n = 0;
                let _ = capture.dispatch(Some(4096), |p| {
                    n += 1;
                    bytes += u64::from(p.header.len);
                });
                n
            };
            let (n, took, cpu) = drained(read, || flood(path));
            row("packet socket", n, took, cpu, None, u64::from(capture.stats().unwrap().dropped));
        });
    }

    fn tc_hooks(path: &Path) {
        within(&path.router, || {
            let options = ebpf::Options { hooks: Hooks::Ingress, ..ebpf::Options::new("west") };
            let mut capture = Capture::open(&options).unwrap();
            let before = kernel_ns(&["ingress"]);
            let mut bytes = 0u64;
            let (n, took, cpu) =
                drained(|| capture.read(4096, |f| bytes += u64::from(f.wire_len)) as u64, || flood(path));
            row("tc hooks", n, took, cpu, Some(kernel_ns(&["ingress"]) - before), capture.lost());
        });
    }

    /// One-byte segments over loopback: nearly every one is an event at both ends.
    fn chatter(ns: &str) {
        let until = Instant::now() + EVENTS_FOR;
        within(ns, || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let ns = ns.to_owned();
            let talker = std::thread::spawn(move || {
                within(&ns, || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.set_nodelay(true).unwrap();
                    while Instant::now() < until {
                        for _ in 0..1000 {
                            stream.write_all(&[1]).unwrap();
                        }
                    }
                });
            });
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = vec![0; 64 << 10];
            while stream.read(&mut buffer).unwrap() > 0 {}
            talker.join().unwrap();
        });
    }

    fn socket_events(path: &Path, events: bool) {
        const PROGRAMS: [&str; 4] = ["tcp_probe", "tcp_cong_state_", "tcp_retransmit_", "inet_sock_set_s"];
        let ns = &path.client;
        run(&format!("ip netns exec {ns} sysctl -qw net.ipv4.tcp_autocorking=0")).unwrap();
        within(ns, || {
            let (mut sockets, notes) = Sockets::open(Options { events, ..Options::default() }).unwrap();
            assert!(sockets.traced(), "{notes:?}");
            let (before, mut next) = (kernel_ns(&PROGRAMS), Instant::now() + Duration::from_secs(1));
            let mut samples = Vec::new();
            let read = || {
                let mut n = 0;
                if events {
                    sockets.events(|_, _| n += 1);
                } else if Instant::now() >= next {
                    next += Duration::from_secs(1);
                    samples.clear();
                    sockets.tick(&mut samples).unwrap();
                    n = samples.iter().map(|s| s.events).sum();
                }
                n
            };
            let (n, took, cpu) = drained(read, || chatter(ns));
            let name = if events { "sockets, every event" } else { "sockets, 1 s intervals" };
            row(name, n, took, cpu, Some(kernel_ns(&PROGRAMS) - before), sockets.lost().events);
        });
    }
}
