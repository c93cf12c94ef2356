//! Live capture: one thread per interface, with its libpcap handle and its meters.
//!
//! In: interfaces. Out: shipments. A capture thread waits for the kernel only: non-blocking reads and a poll of its own,
//! because a blocking read never returns on an idle link. Intervals are closed by the packets' time, and by the wall clock
//! while there are none.

mod gather;
mod open;
pub mod sys;
#[cfg(feature = "ebpf")]
pub(super) mod tc;

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use pcap::{Active, Capture};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sce_meter::{Config, Frame, LinkType};
use sce_proto::bits::quality;
use sce_proto::{ObservationPoint, ProbeInterval};
use tokio::sync::mpsc::UnboundedSender;

use super::Ended;
use super::control::Control;
use crate::clock;
use crate::observer::{Circumstances, Observer};
use crate::point::Place;
use crate::queue::Queue;
use crate::shipment::Shipper;
use crate::source::AFTER_QUEUE;

use gather::Gather;
pub use open::{Open, interfaces, open, try_any};

/// Frames taken in one go before the clock and the control are looked at.
const BURST: usize = 4096;
/// Longest wait for frames.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// The kernel may hold a frame back for as long as the capture's timeout. Intervals are closed that much later by the wall
/// clock, so that no frame comes late: twice the timeout, and some time for this thread to be scheduled.
const GRACE_NS: u64 = 300_000_000;
/// A jump of the wall clock against the monotonic clock beyond this is a step, ns; slewing stays far below.
const STEP_NS: u64 = 10_000_000;
/// Interfaces that `any` tells apart; further ones share a point.
const MAX_POINTS: usize = 256;

/// What a capture thread needs besides its capture.
pub(super) struct Context {
    pub(super) place: Place,
    pub(super) meter: Config,
    pub(super) shipper: Shipper,
    pub(super) control: Arc<Control>,
    pub(super) queue: Arc<Queue>,
}

/// Counters of the capture that the next interval's record takes.
#[derive(Debug, Default)]
struct Drops {
    kernel: AtomicU64,
    interface: AtomicU64,
    steps: AtomicU64,
}

impl Open {
    /// Captures on a thread of its own until told to stop.
    pub(super) fn start(self, context: Context, say: UnboundedSender<Ended>) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(format!("capture {}", self.interface)).spawn(move || {
            let mut thread = Thread::new(self, context);
            let result = thread.run();
            thread.finish();
            drop(thread);
            let _ = say.send(result);
        })
    }
}

struct Thread {
    interface: String,
    capture: Capture<Active>,
    /// Nanoseconds for each unit of the capture's fractions of seconds.
    ns_per_unit: u64,
    points: Points,
    control: Arc<Control>,
    run_seen: u64,
    drops: Arc<Drops>,
    /// Kernel and interface drops when last asked; libpcap counts in 32 bits.
    told: (u32, u32),
    offset_ns: i64,
    interval_ns: u64,
}

/// The observers: one, or with `any` one for each interface.
struct Points {
    link: LinkType,
    place: Place,
    snaplen: u32,
    meter: Config,
    shipper: Shipper,
    drops: Arc<Drops>,
    queue: Arc<Queue>,
    interface: String,
    observers: Vec<Observer>,
    by_index: HashMap<u32, usize>,
    gather: Gather,
}

impl Points {
    fn add(&mut self, interface: &str) -> usize {
        let link_type = self.link.name().map_or_else(|| self.link.0.to_string(), str::to_owned);
        let point = ObservationPoint {
            link_type,
            snaplen_last: self.snaplen,
            addresses_last: open::addresses(interface),
            first_ns: clock::now_ns(),
            order_last: AFTER_QUEUE,
            ..self.place.interface(interface, "af-packet")
        };
        // The drops of a capture of several interfaces are told with the first one.
        let drops = self.observers.is_empty().then(|| self.drops.clone());
        let around = Surroundings::new(drops, self.queue.clone());
        let observer = Observer::new(point, self.meter.clone(), self.shipper.clone(), Some(around));
        self.observers.push(observer);
        self.observers.len() - 1
    }

    #[inline]
    fn frame(&mut self, time_ns: u64, wire_len: u32, data: &[u8]) {
        let mut frame = Frame { time_ns, link: self.link, wire_len, data, vlan: None, gso: None, outgoing: None };
        let at = if self.link == LinkType::LINUX_SLL2 { self.cooked(&mut frame) } else { 0 };
        self.gather.take(&frame, at, &mut self.observers);
    }

    /// The observer of a cooked frame, by the interface index in its header.
    fn cooked(&mut self, frame: &mut Frame<'_>) -> usize {
        let Some(head) = frame.data.get(..20) else { return 0 };
        // Packet type 4: sent by this host.
        frame.outgoing = Some(head[10] == 4);
        let index = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        if let Some(at) = self.by_index.get(&index) {
            return *at;
        }
        if self.observers.len() >= MAX_POINTS {
            return 0;
        }
        let name = open::name_of(index).unwrap_or_else(|| format!("{}#{index}", self.interface));
        let at = self.add(&name);
        self.by_index.insert(index, at);
        at
    }
}

impl Thread {
    fn new(open: Open, context: Context) -> Thread {
        let Context { place, meter, shipper, control, queue } = context;
        let drops = Arc::new(Drops::default());
        let interval_ns = meter.interval_ns;
        let mut points = Points {
            link: open.link,
            place,
            snaplen: open.snaplen,
            meter,
            shipper,
            drops: drops.clone(),
            queue,
            interface: open.interface.clone(),
            observers: Vec::new(),
            by_index: HashMap::new(),
            gather: Gather::default(),
        };
        // With `any` the point of the whole capture takes the drops, and frames whose header is cut.
        points.add(&open.interface);
        Thread {
            interface: open.interface,
            capture: open.capture,
            ns_per_unit: open.ns_per_unit,
            points,
            control,
            run_seen: 0,
            drops,
            told: (0, 0),
            offset_ns: clock::offset_ns(),
            interval_ns,
        }
    }

    fn run(&mut self) -> Ended {
        tracing::info!(interface = self.interface, "Capturing");
        while !self.control.is_stopped() {
            if self.burst()? == 0 {
                self.wait()?;
                self.close_idle();
            }
            self.look_around();
        }
        // What the kernel holds back still belongs to the run.
        let until = clock::now_ns() + GRACE_NS / 2;
        while clock::now_ns() < until {
            if self.burst()? == 0 {
                self.wait()?;
            }
        }
        Ok(())
    }

    fn burst(&mut self) -> anyhow::Result<usize> {
        let (points, ns_per_unit) = (&mut self.points, self.ns_per_unit);
        let taken = self.capture.dispatch(Some(BURST), |packet| {
            let ts = packet.header.ts;
            let time_ns = ts
                .tv_sec
                .cast_unsigned()
                .wrapping_mul(1_000_000_000)
                .wrapping_add(ts.tv_usec.cast_unsigned().wrapping_mul(ns_per_unit));
            points.frame(time_ns, packet.header.len, packet.data);
        });
        points.gather.hand_over(&mut points.observers);
        match taken {
            Ok(n) => Ok(n),
            Err(pcap::Error::TimeoutExpired) => Ok(0),
            Err(error) => Err(open::ended(&self.interface, &error).into()),
        }
    }

    fn wait(&self) -> anyhow::Result<()> {
        let fd = self.capture.as_fd();
        match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&WAIT)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Closes intervals that ended without a frame.
    fn close_idle(&mut self) {
        let now_ns = clock::now_ns().saturating_sub(GRACE_NS);
        for observer in &mut self.points.observers {
            if observer.is_due(now_ns) {
                observer.advance(now_ns);
            }
        }
    }

    /// Drop counters, the clock, the label.
    fn look_around(&mut self) {
        if let Ok(stat) = self.capture.stats() {
            let (kernel, interface) = (stat.dropped, stat.if_dropped);
            self.drops.kernel.fetch_add(u64::from(kernel.wrapping_sub(self.told.0)), Relaxed);
            self.drops.interface.fetch_add(u64::from(interface.wrapping_sub(self.told.1)), Relaxed);
            self.told = (kernel, interface);
        }
        let offset_ns = clock::offset_ns();
        let jump = offset_ns.saturating_sub(self.offset_ns);
        if jump.unsigned_abs() > STEP_NS {
            tracing::warn!(interface = self.interface, seconds = jump as f64 / 1e9, "The clock stepped");
            self.drops.steps.fetch_add(1, Relaxed);
            if jump < 0 && jump.unsigned_abs() > self.interval_ns {
                // The open interval lies in what is now the future; it would stay open until the clock is there again.
                self.finish();
            }
            self.offset_ns = offset_ns;
        } else {
            // Follow the slewing.
            self.offset_ns += jump / 8;
        }
        if let Some(run) = self.control.changed_run(&mut self.run_seen) {
            self.points.meter.run.clone_from(&run);
            for observer in &mut self.points.observers {
                observer.set_run(&run);
            }
        }
    }

    fn finish(&mut self) {
        for observer in &mut self.points.observers {
            observer.finish();
        }
    }
}

/// What only the live capture knows of an interval: drops, spool and clock.
struct Surroundings {
    drops: Option<Arc<Drops>>,
    queue: Arc<Queue>,
    /// Taken from `drops` for the record of the open interval.
    kernel: u64,
    interface: u64,
    steps: u64,
}

impl Surroundings {
    fn new(drops: Option<Arc<Drops>>, queue: Arc<Queue>) -> Box<Surroundings> {
        Box::new(Surroundings { drops, queue, kernel: 0, interface: 0, steps: 0 })
    }
}

impl Circumstances for Surroundings {
    fn flaws(&mut self) -> u64 {
        if let Some(drops) = &self.drops {
            self.kernel += drops.kernel.swap(0, Relaxed);
            self.interface += drops.interface.swap(0, Relaxed);
            self.steps += drops.steps.swap(0, Relaxed);
        }
        let lost = if self.kernel + self.interface > 0 { quality::CAPTURE_LOSS } else { 0 };
        lost | if self.steps > 0 { quality::CLOCK_STEP } else { 0 }
    }

    fn complete(&mut self, record: &mut ProbeInterval) {
        record.kernel_drops = std::mem::take(&mut self.kernel);
        record.interface_drops = std::mem::take(&mut self.interface);
        record.time_steps += std::mem::take(&mut self.steps);
        if let Some(backlog) = self.queue.peek() {
            (record.spool_bytes_last, record.spool_batches_last) = (backlog.bytes, backlog.batches);
        }
        record.clock_offset_ns_last = clock::offset_ns();
        if let Some(state) = clock::state() {
            record.clock_error_ns_last = state.error_ns;
            record.clock_synced_last = u64::from(state.synced);
        }
    }
}
