//! Live capture at the tc hooks: one thread per interface, with its kernel program and its meter.
//!
//! In: frames of [`ebpf::Capture`]. Out: shipments, as from a packet socket. The kernel program wakes nobody: the thread looks
//! at the ring every few milliseconds while it is empty.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;

use sce_proto::ObservationPoint;
use tokio::sync::mpsc::UnboundedSender;

use super::gather::Gather;
use super::open::addresses;
use super::{BURST, Context, Drops, GRACE_NS, STEP_NS, Surroundings};
use crate::args::RunArgs;
use crate::clock;
use crate::ebpf::Unavailable;
use crate::exit::{Failure, code};
use crate::filter::Filter;
use crate::observer::Observer;
use crate::run::Ended;
use crate::run::control::Control;
use crate::source::BEFORE_QUEUE;
use crate::source::ebpf::{Capture, Hooks, Options};

/// The largest frame worth capturing: a superpacket of 64 KiB needs no more of its bytes.
const MAX_SNAPLEN: u32 = 9216;
/// The smallest ring buffer that makes sense, and the largest that the kernel takes.
const RING_BYTES: std::ops::RangeInclusive<u64> = 1 << 16..=1 << 30;

/// An open capture.
pub(in crate::run) struct Open {
    interface: String,
    hooks: Hooks,
    snaplen: u32,
    filter: Filter,
    capture: Capture,
}

/// Attaches to an interface. The inner error is what the kernel cannot do here, the outer what the user should change.
pub(in crate::run) fn open(
    interface: &str,
    hooks: Hooks,
    args: &RunArgs,
) -> Result<Result<Open, Unavailable>, Failure> {
    if interface == "any" {
        return Err(Failure::new(code::USAGE, "--source ebpf and both need the names of interfaces, not `any`"));
    }
    let known = super::interfaces();
    if !known.iter().any(|k| k == interface) {
        let text = format!("there is no interface {interface}; there are: {}", known.join(", "));
        return Err(Failure::new(code::INTERFACE, text));
    }
    let filter = Filter::new(&args.filter)?;
    let snaplen = if args.snaplen == 0 { MAX_SNAPLEN } else { args.snaplen.min(MAX_SNAPLEN) };
    let ring_bytes = args.buffer.clamp(*RING_BYTES.start(), *RING_BYTES.end()).next_power_of_two() as u32;
    let options = Options { hooks, snaplen, ring_bytes, ..Options::new(interface) };
    Ok(Capture::open(&options).map(|capture| Open { interface: interface.to_owned(), hooks, snaplen, filter, capture }))
}

impl Open {
    /// Captures on a thread of its own until told to stop.
    pub(in crate::run) fn start(
        self,
        context: Context,
        say: UnboundedSender<Ended>,
    ) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(format!("tc {}", self.interface)).spawn(move || {
            let mut thread = Thread::new(self, context);
            let result = thread.run();
            thread.observer.finish();
            drop(thread);
            let _ = say.send(result);
        })
    }
}

struct Thread {
    open: Open,
    observer: Observer,
    gather: Gather,
    control: Arc<Control>,
    drops: Arc<Drops>,
    run_seen: u64,
    lost: u64,
    offset_ns: i64,
    interval_ns: u64,
}

impl Thread {
    fn new(opened: Open, context: Context) -> Thread {
        let Context { place, meter, shipper, control, queue } = context;
        let link = opened.capture.link();
        let point = ObservationPoint {
            link_type: link.name().map_or_else(|| link.0.to_string(), str::to_owned),
            snaplen_last: opened.snaplen,
            addresses_last: addresses(&opened.interface),
            first_ns: clock::now_ns(),
            order_last: BEFORE_QUEUE,
            ..place.interface(&opened.interface, opened.hooks.name())
        };
        let drops = Arc::new(Drops::default());
        let interval_ns = meter.interval_ns;
        let observer = Observer::new(point, meter, shipper, Some(Surroundings::new(Some(drops.clone()), queue)));
        let offset_ns = clock::offset_ns();
        Thread {
            open: opened,
            observer,
            gather: Gather::default(),
            control,
            drops,
            run_seen: 0,
            lost: 0,
            offset_ns,
            interval_ns,
        }
    }

    fn run(&mut self) -> Ended {
        tracing::info!(interface = self.open.interface, hook = self.open.hooks.name(), "Capturing");
        while !self.control.is_stopped() {
            if self.burst()? == 0 {
                self.open.capture.wait();
                let now_ns = clock::now_ns().saturating_sub(GRACE_NS);
                if self.observer.is_due(now_ns) {
                    self.observer.advance(now_ns);
                }
            }
            self.look_around();
        }
        // What came before the signal still belongs to the run.
        while self.burst()? > 0 {}
        self.look_around();
        Ok(())
    }

    fn burst(&mut self) -> anyhow::Result<usize> {
        let (gather, filter) = (&mut self.gather, &mut self.open.filter);
        let observers = std::slice::from_mut(&mut self.observer);
        let link = self.open.capture.link().0 as u16;
        let mut wrong = None;
        let taken = self.open.capture.read(BURST, |frame| match filter.passes(link, frame.data) {
            Ok(true) => gather.take(frame, 0, observers),
            Ok(false) => {}
            Err(error) => wrong = Some(error),
        });
        gather.hand_over(observers);
        wrong.map_or(Ok(taken), |error| Err(error.into()))
    }

    /// Loss counter, the clock, the label.
    fn look_around(&mut self) {
        let lost = self.open.capture.lost();
        self.drops.kernel.fetch_add(lost - self.lost, Relaxed);
        self.lost = lost;
        let offset_ns = clock::offset_ns();
        let jump = offset_ns.saturating_sub(self.offset_ns);
        if jump.unsigned_abs() > STEP_NS {
            tracing::warn!(interface = self.open.interface, seconds = jump as f64 / 1e9, "The clock stepped");
            self.drops.steps.fetch_add(1, Relaxed);
            if jump < 0 && jump.unsigned_abs() > self.interval_ns {
                // The open interval lies in what is now the future; it would stay open until the clock is there again.
                self.observer.finish();
            }
        }
        self.offset_ns = offset_ns;
        if let Some(run) = self.control.changed_run(&mut self.run_seen) {
            self.observer.set_run(&run);
        }
    }
}
