//! Socket tracing in `run`: samples per interval, events where asked for, and what was lost.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use sce_proto::{LossReport, ObservationPoint, SocketSample};
use tokio::sync::mpsc::UnboundedSender;

use super::Ended;
use super::control::Control;
use super::live::Context;
use crate::args::{RunArgs, ns};
use crate::clock;
use crate::exit::{Failure, code};
use crate::point::Place;
use crate::shipment::{Shipment, Shipper};
use crate::sockets::{Filter, Labels, Options, Sockets};

/// Longest sleep: the control is looked at this often.
const LOOK: Duration = Duration::from_millis(50);
/// The same while events fill the ring buffer.
const LOOK_AT_EVENTS: Duration = Duration::from_millis(10);
/// Time between two records about the point, ns.
const ANNOUNCE_NS: u64 = 60_000_000_000;

/// Sockets that are open and not yet sampled.
pub(super) struct Open {
    sockets: Sockets,
    point: ObservationPoint,
    interval_ns: u64,
    events: bool,
    run: String,
}

/// Opens the best source of this host.
pub(super) fn open(args: &RunArgs, place: &Place) -> Result<Open, Failure> {
    let wanted = &args.sockets;
    let filter = Filter::new(wanted.socket_ip.clone(), wanted.socket_port.clone());
    let interval_ns = ns(wanted.socket_interval.unwrap_or(args.interval)).max(ns(LOOK));
    let point =
        ObservationPoint { interval_ns_last: interval_ns, first_ns: clock::now_ns(), ..place.interface("", "socket") };
    let options = Options {
        labels: Labels { op: point.op, run: args.run.clone() },
        filter: filter.map_err(|e| Failure::new(code::USAGE, e))?,
        all_netns: wanted.socket_all_netns,
        events: wanted.socket_events,
        without_ebpf: wanted.socket_dumps,
        ..Options::default()
    };
    let (sockets, notes) = Sockets::open(options)
        .map_err(|e| Failure::new(code::FAILURE, format!("the sockets of this host cannot be read: {e}")))?;
    for note in notes {
        tracing::warn!("{note}");
    }
    if wanted.socket_events && !sockets.traced() {
        tracing::warn!("--socket-events needs the kernel program, which is not at work: samples per interval only");
    }
    Ok(Open { sockets, point, interval_ns, events: wanted.socket_events, run: args.run.clone() })
}

impl Open {
    /// Whether tracepoints feed it.
    pub(super) fn is_kernel_program(&self) -> bool {
        self.sockets.traced()
    }

    /// Samples on a thread of its own until told to stop.
    pub(super) fn start(self, context: Context, say: UnboundedSender<Ended>) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("sockets".to_owned()).spawn(move || {
            let Context { shipper, control, .. } = context;
            let mut thread = Thread { open: self, shipper, control, announced_ns: 0, run_seen: 0, lost_until_ns: 0 };
            let result = thread.run();
            let _ = say.send(result);
        })
    }
}

struct Thread {
    open: Open,
    shipper: Shipper,
    control: Arc<Control>,
    announced_ns: u64,
    run_seen: u64,
    /// Up to when losses are reported.
    lost_until_ns: u64,
}

impl Thread {
    fn run(&mut self) -> Ended {
        tracing::info!(events = self.open.events, traced = self.open.sockets.traced(), "Sampling sockets");
        self.lost_until_ns = clock::now_ns();
        let mut due_ns = self.next_due();
        let look = if self.open.events { LOOK_AT_EVENTS } else { LOOK };
        while !self.control.is_stopped() {
            let left = Duration::from_nanos(due_ns.saturating_sub(clock::now_ns()));
            std::thread::sleep(left.min(look));
            let mut samples = Vec::new();
            if self.open.events {
                self.open.sockets.event_samples(&mut samples);
            }
            // A clock that was set back must not stop the sampling.
            let now_ns = clock::now_ns();
            if now_ns >= due_ns || due_ns - now_ns > self.open.interval_ns {
                self.open.sockets.tick(&mut samples)?;
                due_ns = self.next_due();
            }
            self.ship(samples);
            if let Some(run) = self.control.changed_run(&mut self.run_seen) {
                self.open.sockets.set_run(&run);
                self.open.run = run;
            }
        }
        let mut samples = Vec::new();
        if self.open.events {
            self.open.sockets.event_samples(&mut samples);
        }
        self.open.sockets.tick(&mut samples)?;
        self.announced_ns = 0;
        self.ship(samples);
        Ok(())
    }

    /// The next multiple of the interval.
    fn next_due(&self) -> u64 {
        (clock::now_ns() / self.open.interval_ns + 1) * self.open.interval_ns
    }

    fn ship(&mut self, samples: Vec<SocketSample>) {
        let now_ns = clock::now_ns();
        let mut shipment = Shipment { samples, losses: self.losses(now_ns), ..Shipment::default() };
        if self.announced_ns == 0 || now_ns >= self.announced_ns + ANNOUNCE_NS {
            self.announced_ns = now_ns;
            self.open.point.last_ns = now_ns;
            shipment.points.push(self.open.point.clone());
        }
        if !shipment.samples.is_empty() || !shipment.losses.is_empty() || !shipment.points.is_empty() {
            self.shipper.ship(shipment);
        }
    }

    /// What the kernel program could not keep since the last look.
    fn losses(&mut self, now_ns: u64) -> Vec<LossReport> {
        let lost = self.open.sockets.lost();
        let from_ns = std::mem::replace(&mut self.lost_until_ns, now_ns);
        [("socket_ring_full", lost.events), ("socket_table_full", lost.sockets)]
            .into_iter()
            .filter(|(_, records)| *records > 0)
            .map(|(reason, records)| LossReport {
                at_ns: now_ns,
                reason: reason.to_owned(),
                lane: 2,
                from_ns,
                to_ns: now_ns,
                run: self.open.run.clone(),
                records,
                ..LossReport::default()
            })
            .collect()
    }
}
