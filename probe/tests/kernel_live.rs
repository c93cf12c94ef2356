//! The kernel programs against a live path: what sockets say agrees with `ss` and with the packets, and packets seen at the
//! tc hooks agree with packets on the wire. Needs root, network namespaces and a kernel that runs the programs.
#![cfg(feature = "ebpf")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod path;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use path::{Path, SERVER, run, within};
use sce_meter::{Config, Meter, Records};
use sce_probe::sockets::{EventKind, Options, Sockets};
use sce_probe::source::ebpf::{self, Capture, Hooks};
use sce_proto::{FlowInterval, SocketSample};

/// One test at a time: they measure time, and the machine may have two processors.
static ALONE: Mutex<()> = Mutex::new(());

const PORT: u16 = 5201;

/// The path, or the reason why this machine cannot, printed.
fn path_or_skip() -> Option<Path> {
    let can = Path::build().and_then(|path| {
        let probe = ebpf::Options::new("up0");
        within(&path.client, || Capture::open(&probe)).map_err(|e| e.to_string())?;
        Ok(path)
    });
    match can {
        Ok(path) => Some(path),
        Err(reason) => {
            eprintln!("SKIP: kernel programs cannot be tested here: {reason}");
            None
        }
    }
}

/// Sends so many bytes from the client to the server and closes.
fn transfer(path: &Path, bytes: usize) {
    within(&path.server, || {
        let listener = TcpListener::bind((SERVER, PORT)).unwrap();
        let client = path.client.clone();
        let sender = std::thread::spawn(move || {
            within(&client, || {
                let mut stream = TcpStream::connect((SERVER, PORT)).unwrap();
                setsockopt(&stream, sockopt::TcpCongestion, &"cubic".into()).unwrap();
                let chunk = vec![0x5a; 64 << 10];
                let mut left = bytes;
                while left > 0 {
                    let n = left.min(chunk.len());
                    stream.write_all(&chunk[..n]).unwrap();
                    left -= n;
                }
            });
        });
        let (mut stream, _) = listener.accept().unwrap();
        let (mut buffer, mut received) = (vec![0; 256 << 10], 0);
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                n => received += n,
            }
        }
        assert_eq!(received, bytes);
        sender.join().unwrap();
    });
}

/// Meters what an interface of a namespace sees while `work` runs; the flows' records and the frames lost.
fn metered(ns: &str, interface: &str, work: impl FnOnce() + Send) -> (Vec<FlowInterval>, u64) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (ready, wait) = std::sync::mpsc::channel();
        let over = &over;
        let meter = scope.spawn(move || {
            within(ns, || {
                let mut capture = Capture::open(&ebpf::Options::new(interface)).unwrap();
                ready.send(()).unwrap();
                let mut meter = Meter::new(Config { interval_ns: 0, ..Config::default() });
                loop {
                    let last = over.load(Ordering::Acquire);
                    if capture.read(100_000, |frame| meter.observe(frame)) == 0 {
                        if last {
                            break;
                        }
                        capture.wait();
                    }
                }
                let mut out = Records::default();
                meter.finish(&mut out);
                (out.flows, capture.lost())
            })
        });
        wait.recv().unwrap();
        work();
        std::thread::sleep(Duration::from_millis(100));
        over.store(true, Ordering::Release);
        meter.join().unwrap()
    })
}

fn data_direction(flows: &[FlowInterval]) -> &FlowInterval {
    flows.iter().find(|f| f.ip_proto == 6 && u16::try_from(f.dst_port).unwrap() == PORT).unwrap()
}

#[test]
fn segments_of_superpackets_are_the_packets_on_the_wire() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(path) = path_or_skip() else { return };
    path.segment_on_the_last_link().unwrap();
    let mut received = (Vec::new(), 0);
    let (sent, lost) = metered(&path.client, "up0", || {
        received = metered(&path.server, "down0", || transfer(&path, 60_000_000));
    });
    assert_eq!((lost, received.1), (0, 0), "the ring held everything");
    let (at_sender, at_receiver) = (data_direction(&sent), data_direction(&received.0));
    eprintln!(
        "{} frames at the sender for {} packets, {} frames at the receiver",
        at_sender.frames, at_sender.packets, at_receiver.frames
    );
    assert!(at_sender.superpackets > 100, "offloads were on: {} superpackets", at_sender.superpackets);
    assert_eq!(at_receiver.superpackets, 0, "the receiver saw wire packets");
    assert_eq!(at_sender.packets, at_receiver.packets);
    assert_eq!(at_sender.data_segments, at_receiver.data_segments);
    assert_eq!(at_sender.ip_bytes, at_receiver.ip_bytes);
    assert_eq!(at_sender.payload_bytes, 60_000_000 + at_sender.retransmitted_bytes);
    assert_eq!(at_sender.ect0_packets, at_receiver.ect0_packets);
    // The interface counted for itself: all packets that came in are metered, but for ARP.
    let link = run(&format!("ip -n {} -s -j link show down0", path.server)).unwrap();
    let link: serde_json::Value = serde_json::from_str(&link).unwrap();
    let arrived = link[0]["stats64"]["rx"]["packets"].as_u64().unwrap();
    assert!((0..10).contains(&(arrived - at_receiver.packets)), "{arrived} arrived, {} metered", at_receiver.packets);
}

/// The congestion window as `ss -ti` reads it in the client's namespace.
fn ss(path: &Path) -> Option<u64> {
    let text = run(&format!("ip netns exec {} ss -tinH dst {SERVER}", path.client)).unwrap();
    text.split_whitespace().find_map(|w| w.strip_prefix("cwnd:"))?.parse().ok()
}

/// A reading of `ss`: begun and ended, ns since the epoch, and the congestion window.
type Reading = (u64, u64, u64);

/// Samples the client's sockets while `work` runs; samples, `ss` readings, events lost.
fn sampled(path: &Path, options: Options, work: impl FnOnce() + Send) -> (Vec<SocketSample>, Vec<Reading>, u64) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (ready, wait) = std::sync::mpsc::channel();
        let over = &over;
        let sampler = scope.spawn(move || {
            within(&path.client, || {
                let (mut sockets, notes) = Sockets::open(options).unwrap();
                assert!(sockets.traced(), "{notes:?}");
                ready.send(()).unwrap();
                let (mut out, mut readings) = (Vec::new(), Vec::new());
                let mut next = Instant::now();
                while !over.load(Ordering::Acquire) {
                    sockets.event_samples(&mut out);
                    if Instant::now() >= next {
                        next += Duration::from_millis(100);
                        sockets.tick(&mut out).unwrap();
                        let begun_ns = sce_probe::clock::now_ns();
                        if let Some(cwnd) = ss(path) {
                            readings.push((begun_ns, sce_probe::clock::now_ns(), cwnd));
                        }
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                std::thread::sleep(Duration::from_millis(50));
                sockets.event_samples(&mut out);
                sockets.tick(&mut out).unwrap();
                (out, readings, sockets.lost().events)
            })
        });
        wait.recv().unwrap();
        work();
        over.store(true, Ordering::Release);
        sampler.join().unwrap()
    })
}

#[test]
fn window_and_retransmissions_agree_with_ss_and_with_the_packets() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(path) = path_or_skip() else { return };
    path.segment_on_the_last_link().unwrap();
    path.limit(40, 60_000).unwrap(); // a short queue: losses
    let mut packets = (Vec::new(), 0);
    let (samples, readings, _) = sampled(&path, Options::default(), || {
        packets = metered(&path.client, "up0", || transfer(&path, 15_000_000));
    });
    let flow = data_direction(&packets.0);
    let ours: Vec<&SocketSample> = samples.iter().filter(|s| s.flow_key == flow.flow_key).collect();
    assert!(ours.len() > 10, "{} samples", ours.len());
    assert!(ours.iter().all(|s| s.source == "ebpf" && s.congestion_control == "cubic"));

    // Counted by the kernel = counted from packets, at the sender.
    let kernel: u64 = ours.iter().map(|s| s.retransmitted_segments).sum();
    eprintln!("{kernel} retransmissions by the kernel, {} from packets", flow.retransmitted_segments);
    assert!(kernel > 0, "the queue was meant to lose");
    assert_eq!(kernel, flow.retransmitted_segments);
    assert_eq!(ours.iter().map(|s| s.sent_bytes).sum::<u64>(), flow.payload_bytes);
    assert_eq!(ours.iter().map(|s| s.data_segments_out).sum::<u64>(), flow.data_segments);
    let acked: u64 = ours.iter().map(|s| s.acked_bytes).sum();
    assert!((15_000_000..=15_000_002).contains(&acked), "{acked}: the data, and SYN and FIN");

    // The times in the congestion avoidance states and the weighted window cover the connection.
    let observed: u64 = ours.iter().map(|s| s.observed_us).sum();
    let states: u64 =
        ours.iter().map(|s| s.ca_open_us + s.ca_disorder_us + s.ca_cwr_us + s.ca_recovery_us + s.ca_loss_us).sum();
    assert!(observed.abs_diff(states) <= 5 * ours.len() as u64, "{observed} us observed, {states} us in states");
    assert!(ours.iter().map(|s| s.ca_recovery_us).sum::<u64>() > 0);
    for s in &ours {
        // Both are cut to whole microseconds.
        let (least, most) =
            (s.cwnd_segments_min * s.observed_us.saturating_sub(1), s.cwnd_segments_max * (s.observed_us + 1));
        assert!((least..=most).contains(&(s.cwnd_segment_us + 1)), "{least} to {most} segment us: {s:?}");
        assert!(s.cwnd_segments_max >= s.cwnd_segments_last && s.cwnd_segments_min <= s.cwnd_segments_last);
    }

    // What `ss` read lies within what the samples around it span.
    let mut compared = 0;
    for (begun_ns, ended_ns, cwnd) in readings {
        // The machine may stall between any two of: the kernel's answer, the time stamps, the sampling.
        let near = |s: &&&SocketSample| s.at_ns + 250_000_000 > begun_ns && s.at_ns < ended_ns + 250_000_000;
        let around: Vec<_> = ours.iter().filter(near).collect();
        let (Some(min), Some(max)) =
            (around.iter().map(|s| s.cwnd_segments_min).min(), around.iter().map(|s| s.cwnd_segments_max).max())
        else {
            continue;
        };
        if around.len() >= 3 {
            compared += 1;
            assert!((min..=max).contains(&cwnd), "ss read {cwnd}, the samples around span {min} to {max}");
        }
    }
    assert!(compared >= 5, "{compared} readings of ss compared");
    run(&format!("tc -n {} qdisc del dev east root", path.router)).unwrap();
}

/// When packets with CE arrived, and what the sender's sockets said meanwhile.
fn marked_transfer(path: &Path) -> (Vec<u64>, Vec<SocketSample>) {
    let marks = Mutex::new(Vec::new());
    let options = Options { events: true, ..Options::default() };
    let (samples, _, lost) = sampled(path, options, || {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (ready, wait) = std::sync::mpsc::channel();
            let (over, marks, server) = (&over, &marks, &path.server);
            scope.spawn(move || {
                within(server, || {
                    let mut capture =
                        Capture::open(&ebpf::Options { hooks: Hooks::Ingress, ..ebpf::Options::new("down0") }).unwrap();
                    ready.send(()).unwrap();
                    while !over.load(Ordering::Acquire) {
                        capture.read(100_000, |f| {
                            // Ethernet, then IPv4: the second byte ends in the ECN field.
                            if f.data.get(15).is_some_and(|tos| tos & 3 == 3) {
                                marks.lock().unwrap().push(f.time_ns);
                            }
                        });
                        capture.wait();
                    }
                });
            });
            wait.recv().unwrap();
            transfer(path, 12_000_000);
            over.store(true, Ordering::Release);
        });
    });
    assert_eq!(lost, 0);
    (marks.into_inner().unwrap(), samples)
}

#[test]
fn the_window_falls_within_a_round_trip_of_a_mark() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(path) = path_or_skip() else { return };
    // Slow start may go on until the first mark, 400 packets, and doubles once more before the sender hears of it, with those
    // in the queue: a queue that holds four times as many, so that nothing is lost.
    path.limit(40, 2_400_000).unwrap();
    path.nothing_twice_unless_lost().unwrap();
    path.segment_at_the_client().unwrap(); // every packet is counted for the next mark, not every superpacket
    let marking = "add table ip m; add chain ip m f { type filter hook forward priority 0 ; }; \
                   add rule ip m f ip ecn ect0 tcp dport 5201 numgen inc mod 400 == 399 ip ecn set ce";
    let set = std::process::Command::new("ip").args(["netns", "exec", &path.router, "nft", marking]).output().unwrap();
    if !set.status.success() {
        eprintln!("SKIP: no nftables to set CE with: {}", String::from_utf8_lossy(&set.stderr).trim());
        return;
    }
    // On a loaded machine a process may be stopped while it holds its socket, and all that arrives for it waits; a packet may
    // be sent again for no other reason. Such a transfer says nothing of the window.
    for attempt in 1..=8 {
        let (marks, samples) = marked_transfer(&path);
        match follows(&marks, &samples) {
            Ok(seen) => return eprintln!("attempt {attempt}: {seen}"),
            Err(why) => eprintln!("attempt {attempt}: {why}"),
        }
    }
    panic!("in no attempt did the window fall as it should");
}

/// After the first mark the sender enters CWR, and then its window shrinks, both within one round trip:
/// what was seen, or what was not so.
fn follows(marks: &[u64], samples: &[SocketSample]) -> Result<String, String> {
    let [mark_ns, _, _, ..] = marks else { return Err(format!("{} packets arrived with CE", marks.len())) };
    match samples.iter().map(|s| s.retransmitted_segments).sum::<u64>() {
        0 => {}
        n => return Err(format!("{n} segments sent again, where packets were marked and none was lost")),
    }
    if samples.iter().all(|s| s.delivered_ce_segments == 0) {
        return Err("the sender was told of no mark".into());
    }
    let mut events: Vec<&SocketSample> =
        samples.iter().filter(|s| !s.event.is_empty() && s.dst_port == u32::from(PORT)).collect();
    events.sort_by_key(|s| s.at_ns);
    let entered = events.iter().find(|s| s.event == EventKind::CaState.name() && s.ca_state_last == 2);
    let entered = entered.ok_or("CWR was not entered")?;
    let entered_ns = entered.at_ns.checked_sub(*mark_ns).expect("no CWR before any mark");
    let before = entered.cwnd_segments_last;
    let after: Vec<_> = events.iter().filter(|s| s.at_ns > entered.at_ns).collect();
    let fallen = after.iter().find(|s| s.cwnd_segments_last < before).ok_or("the window never fell")?;
    // It goes on falling, an acknowledgement at a time (proportional rate reduction, RFC 6937).
    let reducing = after.iter().take_while(|s| s.ca_state_last == 2);
    let reduced = reducing.map(|s| s.cwnd_segments_last).min().ok_or("CWR was left at once")?;
    let (srtt_ns, fallen_ns) = (entered.srtt_ns_last, fallen.at_ns - entered.at_ns);
    let seen = format!(
        "CWR {entered_ns} ns after the mark, smaller {fallen_ns} ns later, smoothed RTT {srtt_ns} ns, \
         window {before} -> {reduced}"
    );
    // CUBIC reduces to 0.7 or 0.85 (RFC 8511).
    let falls = reduced * 10 <= before * 9 && entered_ns <= srtt_ns && fallen_ns <= srtt_ns;
    if falls { Ok(seen) } else { Err(seen) }
}

#[test]
fn no_event_is_lost_at_100_000_a_second() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(path) = path_or_skip() else { return };
    within(&path.client, || {
        let (mut sockets, notes) = Sockets::open(Options { events: true, ..Options::default() }).unwrap();
        assert!(sockets.traced(), "{notes:?}");
        let (begin, over) = (Instant::now(), AtomicBool::new(false));
        let events = std::thread::scope(|scope| {
            scope.spawn(|| {
                path::chatter(&path.client, Duration::from_secs(3), 100_000);
                over.store(true, Ordering::Release);
            });
            let mut events = 0u64;
            loop {
                let last = over.load(Ordering::Acquire);
                sockets.events(|_, _| events += 1);
                if last {
                    break events;
                }
                std::thread::sleep(Duration::from_millis(10)); // as `run` looks
            }
        });
        let lost = sockets.lost();
        eprintln!("{events} events in {:?}, {} lost", begin.elapsed(), lost.events);
        assert!(events > 10_000, "{events} events are too few to prove anything");
        assert_eq!((lost.events, lost.sockets), (0, 0), "of {events}");
    });
}

#[test]
fn time_in_a_local_queue_is_its_backlog_over_its_rate() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(path) = path_or_skip() else { return };
    path.segment_on_the_last_link().unwrap();
    path.limit(8, 60_000).unwrap(); // 1 byte per us; a burst does not fit
    // A token bucket that is served late, because the machine stalled, does not catch up: its packets leave later than its
    // rate says. What is counted must be equal every time.
    for attempt in 1..=8 {
        match Burst::through(&path).times() {
            Ok(seen) => return eprintln!("attempt {attempt}: {seen}"),
            Err(why) => eprintln!("attempt {attempt}: {why}"),
        }
    }
    panic!("in no attempt was the time in the queue its backlog over its rate");
}

/// Datagrams that came to the queue of the router and left it.
struct Burst {
    /// Number, ns since the epoch, bytes with the Ethernet header: above the queue.
    before: Vec<(u64, u64, u32)>,
    /// Number, ns since the epoch: below the queue.
    after: Vec<(u64, u64)>,
    /// By the queue's own statistics.
    dropped: u64,
}

impl Burst {
    const PACKETS: u64 = 200;

    /// Sends a burst and waits until the queue is empty.
    fn through(path: &Path) -> Burst {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let (dropped_before, _) = queue(path);
        within(&path.router, || {
            let mut upper =
                Capture::open(&ebpf::Options { hooks: Hooks::Egress, ..ebpf::Options::new("east") }).unwrap();
            let mut lower = pcap::Capture::from_device("east")
                .unwrap()
                .immediate_mode(true)
                .precision(pcap::Precision::Nano)
                .snaplen(128)
                .open()
                .unwrap()
                .setnonblock()
                .unwrap();
            lower.direction(pcap::Direction::Out).unwrap();
            lower.filter("udp", true).unwrap();
            within(&path.client, || {
                let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
                let mut payload = [0; 1000];
                for n in 0..Self::PACKETS {
                    payload[..8].copy_from_slice(&n.to_be_bytes());
                    socket.send_to(&payload, (SERVER, 9)).unwrap();
                }
            });
            let number = |data: &[u8]| data.get(42..50).map(|b| u64::from_be_bytes(b.try_into().unwrap()));
            let give_up = Instant::now() + Duration::from_secs(10);
            loop {
                upper.read(10_000, |f| {
                    if f.data.get(23) == Some(&17) {
                        before.push((number(f.data).unwrap(), f.time_ns, f.wire_len));
                    }
                });
                while let Ok(packet) = lower.next_packet() {
                    let ts = packet.header.ts;
                    after
                        .push((number(packet.data).unwrap(), (ts.tv_sec * 1_000_000_000 + ts.tv_usec).cast_unsigned()));
                }
                let (drops, backlog) = queue(path);
                let dropped = drops - dropped_before;
                // Drops of this qdisc are what came before it and not after it, as the qdisc itself says.
                if backlog == 0 && before.len() as u64 == Self::PACKETS && Self::PACKETS - after.len() as u64 == dropped
                {
                    break;
                }
                let seen = (before.len(), after.len());
                assert!(Instant::now() < give_up, "{seen:?} packets above and below the queue, {dropped} drops");
                std::thread::sleep(Duration::from_millis(2));
            }
            assert_eq!(upper.lost(), 0);
            assert_eq!(lower.stats().unwrap().dropped, 0);
        });
        let dropped = (before.len() - after.len()) as u64;
        Burst { before, after, dropped }
    }

    /// Each packet waits for what was queued before it: backlog / rate, at 1 byte per microsecond.
    fn times(&self) -> Result<String, String> {
        /// As in `Path::limit`, bytes.
        const BUCKET: u64 = 3000;
        let mut off_us = Vec::new();
        let mut backlog_until_ns = 0u64;
        for (n, in_ns, wire_len) in &self.before {
            let Some((_, out_ns)) = self.after.iter().find(|(m, _)| m == n) else { continue };
            let sojourn_us = out_ns.saturating_sub(*in_ns) / 1000;
            // A token bucket: a packet leaves when all that came before, and itself, exceeds the bucket no longer.
            let queued_ns = backlog_until_ns.max(*in_ns) - in_ns;
            let own_ns = u64::from(*wire_len) * 1000;
            let expected_us = (queued_ns + own_ns).saturating_sub(BUCKET * 1000) / 1000;
            backlog_until_ns = in_ns + queued_ns + own_ns;
            off_us.push(sojourn_us.abs_diff(expected_us));
        }
        off_us.sort_unstable();
        let (compared, dropped) = (off_us.len(), self.dropped);
        if compared <= 30 || dropped <= 10 {
            return Err(format!("{compared} packets and {dropped} drops are too few to prove anything"));
        }
        let (median_us, worst_us) = (off_us[compared / 2], off_us[compared - 1]);
        let seen = format!(
            "{compared} packets, {dropped} drops, off backlog/rate by {median_us} us (median), {worst_us} us at most"
        );
        if median_us < 1_000 && worst_us < 10_000 { Ok(seen) } else { Err(seen) }
    }
}

/// What the queue towards the server says: packets dropped so far, bytes in it.
fn queue(path: &Path) -> (u64, u64) {
    let statistics = run(&format!("tc -n {} -s -j qdisc show dev east", path.router)).unwrap();
    let statistics: serde_json::Value = serde_json::from_str(&statistics).unwrap();
    (statistics[0]["drops"].as_u64().unwrap(), statistics[0]["backlog"].as_u64().unwrap())
}
