//! What capture and the kernel programs cost: `cargo bench -p sce-probe --bench kernel` (root, network namespaces).
//!
//! Per source, processor time per million packets in milliseconds:
//! * `reader`: the thread that takes the frames and meters them, all metrics on; of socket tracing, the one that reads samples.
//! * `program`: the kernel program alone, as the kernel counts it (bpf_stats).
//! * `sender`: what the thread that sends spends beyond what it spends with no source. A veth delivers in the sender's time,
//!   so this is all that the kernel does for the source: program, ring buffer, packet socket. Noisy on a busy machine.
//!
//! Events of sockets are received segments: a packet each, but fewer where the kernel merges segments before TCP (GRO).
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
    use std::net::UdpSocket;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use aya::programs::loaded_programs;
    use aya::sys::{Stats, enable_stats};
    use nix::time::{ClockId, clock_gettime};
    use pcap::{Active, Capture as Pcap};
    use sce_meter::{Config, Frame, LinkType, Meter, Records};
    use sce_probe::sockets::{Options, Sockets};
    use sce_probe::source::ebpf::{self, Capture, Hooks};

    use super::path::{Path, SERVER, chatter, within};

    const FRAMES: u64 = 1_000_000;
    /// Of several runs the cheapest counts: other work on the machine only ever adds.
    const RUNS: usize = 3;
    const EVENTS_FOR: Duration = Duration::from_secs(5);
    /// The rate at which no event may be lost.
    const EVENTS_PER_S: u32 = 100_000;

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
        println!("Linux {}", std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim());
        println!("ms of processor time per million packets");
        println!(
            "{:28} {:>10} {:>10} {:>8} {:>8} {:>8} {:>8}",
            "source", "packets", "packets/s", "reader", "program", "sender", "lost"
        );
        let base = best(|| frames(&path, |_| Box::new(Nothing)));
        println!("{:28} {:>10} {:>10} {:>8} {:>8} {:>8}", "none", FRAMES, "-", "-", "-", base.sender_ns / FRAMES);
        best(|| frames(&path, |m| Box::new(Packets::open(m)))).print("pcap", Some(&base));
        best(|| frames(&path, |m| Box::new(Hook::open(m, Hooks::Both)))).print("ebpf", Some(&base));
        let both = |m: Meter| -> Box<dyn Source> {
            let another = Meter::new(Config::default());
            Box::new(Two(Hook::open(m, Hooks::Egress), Packets::open(another)))
        };
        best(|| frames(&path, both)).print("both", Some(&base));
        let ns = &path.client;
        sockets(ns, false, 0).print("sockets, 1 s samples", None);
        sockets(ns, true, 0).print("sockets, events, flat out", None);
        let paced = sockets(ns, true, EVENTS_PER_S);
        paced.print("sockets, events, 100,000/s", None);
        let rate = paced.packets as f64 / paced.took.as_secs_f64();
        println!("{} of {} events lost at {rate:.0}/s", paced.lost, paced.packets + paced.lost);
    }

    /// What one run cost.
    struct Cost {
        packets: u64,
        took: Duration,
        reader_ns: u64,
        program_ns: u64,
        sender_ns: u64,
        lost: u64,
    }

    impl Cost {
        fn all_ns(&self) -> u64 {
            self.reader_ns + self.sender_ns
        }

        fn print(&self, name: &str, base: Option<&Cost>) {
            // ns per packet are ms per million packets.
            let per_million = |ns: u64| ns / self.packets.max(1);
            let sender = base.map_or_else(
                || "-".to_owned(),
                |b| {
                    (self.sender_ns.cast_signed() - b.sender_ns.cast_signed())
                        .div_euclid(FRAMES.cast_signed())
                        .to_string()
                },
            );
            let rate = self.packets as f64 / self.took.as_secs_f64();
            println!(
                "{name:28} {:>10} {rate:>10.0} {:>8} {:>8} {sender:>8} {:>8}",
                self.packets,
                per_million(self.reader_ns),
                per_million(self.program_ns),
                self.lost
            );
        }
    }

    fn best(mut run: impl FnMut() -> Cost) -> Cost {
        (0..RUNS).map(|_| run()).min_by_key(Cost::all_ns).unwrap()
    }

    /// Processor time of this thread, ns.
    fn cpu_ns() -> u64 {
        let t = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
        (t.tv_sec() * 1_000_000_000 + t.tv_nsec()).cast_unsigned()
    }

    /// Time the kernel spent in our programs, ns.
    fn program_ns() -> u64 {
        const OURS: [&str; 6] =
            ["ingress", "egress", "tcp_probe", "tcp_cong_state_", "tcp_retransmit_", "inet_sock_set_s"];
        let ours = |p: &aya::programs::ProgramInfo| p.name_as_str().is_some_and(|n| OURS.contains(&n));
        loaded_programs().filter_map(Result::ok).filter(ours).map(|p| p.run_time().as_nanos() as u64).sum()
    }

    /// Where frames come from, with the meter that they go to.
    trait Source {
        /// Meters what is there; how many frames.
        fn read(&mut self) -> u64;
        fn lost(&mut self) -> u64;
    }

    struct Nothing;

    impl Source for Nothing {
        fn read(&mut self) -> u64 {
            0
        }
        fn lost(&mut self) -> u64 {
            0
        }
    }

    /// Hands a frame on as the probe does.
    fn meter_frame(meter: &mut Meter, out: &mut Records, frame: &Frame<'_>) {
        if frame.time_ns >= meter.deadline() {
            meter.advance(frame.time_ns, out);
            out.flows.clear();
            out.probe.clear();
            out.marks.clear();
        }
        meter.observe(frame);
    }

    struct Packets(Pcap<Active>, Meter, Records);

    impl Packets {
        fn open(meter: Meter) -> Packets {
            let open = Pcap::from_device("east").unwrap().snaplen(192).buffer_size(16 << 20).timeout(100);
            let open = open.precision(pcap::Precision::Nano).open().unwrap().setnonblock().unwrap();
            Packets(open, meter, Records::default())
        }
    }

    impl Source for Packets {
        fn read(&mut self) -> u64 {
            let Packets(capture, meter, out) = self;
            let mut n = 0;
            let _ = capture.dispatch(Some(4096), |p| {
                n += 1;
                let ts = p.header.ts;
                let time_ns = (ts.tv_sec * 1_000_000_000 + ts.tv_usec).cast_unsigned();
                let (link, wire_len) = (LinkType::ETHERNET, p.header.len);
                meter_frame(
                    meter,
                    out,
                    &Frame { time_ns, link, wire_len, data: p.data, vlan: None, gso: None, outgoing: None },
                );
            });
            n
        }

        fn lost(&mut self) -> u64 {
            self.0.stats().unwrap().dropped.into()
        }
    }

    struct Hook(Capture, Meter, Records);

    impl Hook {
        fn open(meter: Meter, hooks: Hooks) -> Hook {
            let options = ebpf::Options { hooks, ..ebpf::Options::new("east") };
            Hook(Capture::open(&options).unwrap(), meter, Records::default())
        }
    }

    impl Source for Hook {
        fn read(&mut self) -> u64 {
            let Hook(capture, meter, out) = self;
            capture.read(4096, |frame| meter_frame(meter, out, frame)) as u64
        }

        fn lost(&mut self) -> u64 {
            self.0.lost()
        }
    }

    struct Two(Hook, Packets);

    impl Source for Two {
        fn read(&mut self) -> u64 {
            // Every packet comes twice, and counts once.
            self.1.read();
            self.0.read()
        }

        fn lost(&mut self) -> u64 {
            self.0.lost() + self.1.lost()
        }
    }

    /// Sends datagrams of 100 bytes through the router, as fast as one thread can; its processor time.
    fn flood(path: &Path) -> u64 {
        within(&path.client, || {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            let begin = cpu_ns();
            for _ in 0..FRAMES {
                let _ = socket.send_to(&[0; 58], (SERVER, 9));
            }
            cpu_ns() - begin
        })
    }

    /// Meters a flood at the router.
    fn frames(path: &Path, open: impl Fn(Meter) -> Box<dyn Source> + Sync) -> Cost {
        // Nobody reads it: the kernel drops what does not fit, and answers with no ICMP.
        let _sink = within(&path.server, || UdpSocket::bind((SERVER, 9)).unwrap());
        within(&path.router, || {
            let mut source = open(Meter::new(Config::default()));
            let before = program_ns();
            let mut cost = drained(|| source.read(), || flood(path));
            (cost.program_ns, cost.lost) = (program_ns() - before, source.lost());
            cost
        })
    }

    /// Reads until `work` is over and nothing more comes. `work` answers the processor time that it took.
    fn drained(mut read: impl FnMut() -> u64, work: impl FnOnce() -> u64 + Send) -> Cost {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let ns = work();
                over.store(true, Ordering::Release);
                ns
            });
            let (begin, cpu) = (Instant::now(), cpu_ns());
            let mut packets = 0;
            loop {
                let last = over.load(Ordering::Acquire);
                let n = read();
                packets += n;
                if n == 0 {
                    if last {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
            let (took, reader_ns) = (begin.elapsed(), cpu_ns() - cpu);
            Cost { packets, took, reader_ns, program_ns: 0, sender_ns: sender.join().unwrap(), lost: 0 }
        })
    }

    fn sockets(ns: &str, events: bool, events_per_s: u32) -> Cost {
        within(ns, || {
            let (mut sockets, notes) = Sockets::open(Options { events, ..Options::default() }).unwrap();
            assert!(sockets.traced(), "{notes:?}");
            let (before, mut next) = (program_ns(), Instant::now() + Duration::from_secs(1));
            let (mut samples, mut counted) = (Vec::new(), 0);
            let read = || {
                let mut n = 0;
                if events {
                    sockets.events(|_, _| n += 1);
                } else if Instant::now() >= next {
                    next += Duration::from_secs(1);
                    samples.clear();
                    sockets.tick(&mut samples).unwrap();
                    counted += samples.iter().map(|s| s.events).sum::<u64>();
                }
                n
            };
            let mut cost = drained(read, || {
                chatter(ns, EVENTS_FOR, events_per_s);
                0
            });
            if !events {
                samples.clear();
                sockets.tick(&mut samples).unwrap();
                counted += samples.iter().map(|s| s.events).sum::<u64>();
                cost.packets = counted;
            }
            (cost.program_ns, cost.lost) = (program_ns() - before, sockets.lost().events);
            cost
        })
    }
}
