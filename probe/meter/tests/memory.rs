//! What a TCP flow costs in memory while it is active, and that the cost does not grow with its packets.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod packets;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use packets::{Packet, flag};
use sce_meter::{Config, MarksConfig, MarksMode, Meter};

/// Bytes that are allocated now.
static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts and passes on")]
// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const FLOWS: u16 = 500;
const T0: u64 = 1_700_000_000_000_000_000;

/// Bytes per flow after the handshake and so many data segments, each second one acknowledged, at uneven times: bulk in one
/// direction, one segment in ten marked.
fn bytes_per_flow(segments: u32) -> usize {
    let marks = MarksConfig { mode: MarksMode::Off, ..MarksConfig::default() };
    let mut meter = Meter::new(Config { interval_ns: 0, marks, ..Config::default() });
    let before = LIVE.load(Ordering::Relaxed);
    let mut random = 1u64;
    let mut now = T0;
    let mut send = |meter: &mut Meter, port: u16, back: bool, flags: u16, seq: u32, ack: u32, len: usize, ecn: u8| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        now += 100 + (random >> 33) % 2000;
        let tsval = ((now / 1_000_000) as u32).to_be_bytes();
        let mut options = vec![1, 1, 8, 10];
        options.extend(tsval);
        options.extend(tsval);
        let p = Packet {
            time_ns: now,
            back,
            flags,
            seq,
            ack,
            len,
            ecn,
            options,
            window: 60_000,
            port: 1024 + port,
            ..Packet::default()
        };
        meter.observe(&p.frame(&p.bytes()));
    };
    for port in 0..FLOWS {
        send(&mut meter, port, false, flag::SYN, 0, 0, 0, 0);
        send(&mut meter, port, true, flag::SYN | flag::ACK, 0, 1, 0, 0);
        send(&mut meter, port, false, flag::ACK, 1, 1, 0, 0);
    }
    for n in 0..segments {
        for port in 0..FLOWS {
            send(&mut meter, port, false, flag::ACK, 1 + n * 100, 1, 100, if n % 10 == 3 { 1 } else { 2 });
            if n % 2 == 1 {
                send(&mut meter, port, true, flag::ACK, 1, 101 + n * 100, 0, 0);
            }
        }
    }
    (LIVE.load(Ordering::Relaxed) - before) / usize::from(FLOWS)
}

/// The bounds are what was reached, with a tenth of room. They cover everything: state, histograms, the table's share.
#[test]
fn a_tcp_flow_stays_small() {
    for (segments, bound) in [(2, 1580), (20, 2200), (300, 3080), (3000, 5700)] {
        let bytes = bytes_per_flow(segments);
        println!("{segments} segments: {bytes} bytes a flow");
        assert!(bytes <= bound, "{bytes} bytes per flow after {segments} segments; the bound is {bound}");
    }
}
