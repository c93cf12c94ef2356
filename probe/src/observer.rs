//! One observation point at work: its meter, and the way of its records to the writer.

use sce_meter::{Config, Frame, Meter, Records};
use sce_proto::ObservationPoint;

use crate::writer::{Shipment, Shipper};

/// Looks over the records of an interval before they go: fills in what only the capture knows.
pub type Finishing = Box<dyn FnMut(&mut Records) + Send>;

/// A meter with its point and its way out.
pub struct Observer {
    meter: Meter,
    point: ObservationPoint,
    shipper: Shipper,
    finishing: Option<Finishing>,
    /// End of the newest interval for which the point's record was sent.
    announced_ns: u64,
    latest_ns: u64,
}

/// Time between two records about the same point, ns: so often does a probe say that it lives.
const ANNOUNCE_NS: u64 = 60_000_000_000;

/// Flows ended in one go when the input ends: their records lie in memory together.
const RETIRED_AT_ONCE: usize = 4096;

impl Observer {
    /// An observer for a point. The point's record goes out with the first shipment.
    #[must_use]
    pub fn new(
        point: ObservationPoint,
        mut config: Config,
        shipper: Shipper,
        finishing: Option<Finishing>,
    ) -> Observer {
        config.op = point.op;
        let point = ObservationPoint { interval_ns_last: config.interval_ns, ..point };
        Observer { meter: Meter::new(config), point, shipper, finishing, announced_ns: 0, latest_ns: 0 }
    }

    /// Meters a frame.
    #[inline]
    pub fn frame(&mut self, frame: &Frame<'_>) {
        if frame.time_ns >= self.meter.deadline() {
            self.advance(frame.time_ns);
        }
        self.meter.observe(frame);
    }

    /// Meters frames that are there at once: as one after the other, and faster.
    pub fn frames(&mut self, frames: &[Frame<'_>]) {
        let mut rest = frames;
        while let Some(first) = rest.first() {
            if first.time_ns >= self.meter.deadline() {
                self.advance(first.time_ns);
            }
            // Each interval is shipped by itself, as it is without batches.
            let deadline = self.meter.deadline();
            let within = rest.iter().position(|f| f.time_ns >= deadline).unwrap_or(rest.len()).max(1);
            let (now, later) = rest.split_at(within);
            let mut out = Records::default();
            self.meter.observe_all(now, &mut out);
            if !(out.flows.is_empty() && out.probe.is_empty() && out.marks.is_empty() && out.streams.is_empty()) {
                self.ship(out); // so many flows ended that their records could not wait
            }
            rest = later;
        }
    }

    /// Closes what ended by now.
    #[cold]
    pub fn advance(&mut self, now_ns: u64) {
        let mut out = Records::default();
        self.meter.advance(now_ns, &mut out);
        self.latest_ns = self.latest_ns.max(now_ns);
        self.ship(out);
    }

    /// Whether an interval has ended by now.
    #[must_use]
    pub fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.meter.deadline()
    }

    /// Ends all flows: at the end of the input, or where the clock was set back.
    pub fn finish(&mut self) {
        let mut out = Records::default();
        while self.meter.retire(RETIRED_AT_ONCE, &mut out) {
            self.ship(std::mem::take(&mut out));
        }
        self.meter.finish(&mut out);
        // Flows without a packet in the open interval have no record that says so: the point says it for all of them.
        self.announced_ns = 0;
        self.point.stopped_last = 1;
        self.ship(out);
        // Whatever comes now begins anew, and is announced so.
        self.announced_ns = 0;
        self.point.stopped_last = 0;
    }

    /// Another experiment label, from the next interval on.
    pub fn set_run(&mut self, run: &str) {
        self.meter.set_run(run);
    }

    fn ship(&mut self, mut out: Records) {
        if let Some(finishing) = &mut self.finishing {
            finishing(&mut out);
        }
        for p in &out.probe {
            self.latest_ns = self.latest_ns.max(p.start_ns.saturating_add(p.interval_ns));
        }
        let Records { probe, flows, marks, streams } = out;
        let mut shipment = Shipment { probe, flows, marks, streams, ..Shipment::default() };
        if self.announced_ns == 0 || self.latest_ns >= self.announced_ns + ANNOUNCE_NS {
            self.announced_ns = self.latest_ns.max(1);
            if self.point.first_ns == 0 {
                self.point.first_ns = self.latest_ns;
            }
            self.point.last_ns = self.latest_ns;
            shipment.points.push(self.point.clone());
        }
        let nothing = shipment.points.is_empty() && shipment.probe.is_empty() && shipment.flows.is_empty();
        if !nothing || !shipment.marks.is_empty() || !shipment.streams.is_empty() {
            self.shipper.ship(shipment);
        }
    }
}
