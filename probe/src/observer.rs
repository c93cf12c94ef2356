//! One observation point at work: its meter, and the way of its records to the writer.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use sce_meter::{Config, Frame, Meter, Outlet, Records};
use sce_proto::bits::quality;
use sce_proto::{ObservationPoint, ProbeInterval};

use crate::shipment::{Room, Shipment, Shipper};

/// What only the capture knows of an interval.
pub trait Circumstances: Send {
    /// What it did to everything that the open interval counts, as [`quality`]; the causes are kept for its record.
    fn flaws(&mut self) -> u64;
    /// Fills in the record of the interval.
    fn complete(&mut self, record: &mut ProbeInterval);
}

/// A meter with its way out.
pub struct Observer {
    meter: Meter,
    way_out: WayOut,
}

/// The way of an observation point's records to the writer.
struct WayOut {
    /// What is not shipped yet.
    records: Records,
    point: ObservationPoint,
    shipper: Shipper,
    /// Room that comes back from the writer, and the way there.
    rooms: (SyncSender<Room>, Receiver<Room>),
    circumstances: Option<Box<dyn Circumstances>>,
    /// Flaws of what is not shipped yet.
    flaws: u64,
    /// End of the newest interval for which the point's record was sent.
    announced_ns: u64,
    latest_ns: u64,
}

/// Time between two records about the same point, ns: so often does a probe say that it lives.
const ANNOUNCE_NS: u64 = 60_000_000_000;

/// Records of flows that are shipped together; while an interval closes the writer is at work on the first ones already.
const SHIPPED_AT_ONCE: usize = 256;
/// Flows ended in one go when the input ends: their records lie in memory together.
const RETIRED_AT_ONCE: usize = SHIPPED_AT_ONCE / 2;
/// Used records of marks that wait for their next use: what is shipped until the writer gives some back, and not what the
/// busiest interval took.
const SPARE: usize = 4 * SHIPPED_AT_ONCE;
/// Empty rooms kept: one is being filled, and one is on its way at most times.
const ROOMS: usize = 2;

impl Observer {
    /// An observer for a point. The point's record goes out with the first shipment.
    #[must_use]
    pub fn new(
        point: ObservationPoint,
        mut config: Config,
        shipper: Shipper,
        circumstances: Option<Box<dyn Circumstances>>,
    ) -> Observer {
        config.op = point.op;
        let point = ObservationPoint { interval_ns_last: config.interval_ns, ..point };
        let (records, rooms) = (Records::default(), sync_channel(ROOMS));
        let way_out = WayOut { records, point, shipper, rooms, circumstances, flaws: 0, announced_ns: 0, latest_ns: 0 };
        Observer { meter: Meter::new(config), way_out }
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
            self.meter.observe_all(now, &mut self.way_out);
            if !self.way_out.records.flows.is_empty() {
                self.look_around();
                self.way_out.ship(); // so many flows ended that their records could not wait
            }
            rest = later;
        }
    }

    /// Closes what ended by now.
    #[cold]
    pub fn advance(&mut self, now_ns: u64) {
        self.look_around();
        self.way_out.latest_ns = self.way_out.latest_ns.max(now_ns);
        self.meter.advance(now_ns, &mut self.way_out);
        self.way_out.ship();
    }

    /// Asks the capture what it did to the records that come now.
    fn look_around(&mut self) {
        let Some(circumstances) = &mut self.way_out.circumstances else { return };
        let stepped = if self.meter.clock_stepped() { quality::CLOCK_STEP } else { 0 };
        self.way_out.flaws = circumstances.flaws() | stepped;
    }

    /// Whether an interval has ended by now.
    #[must_use]
    pub fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.meter.deadline()
    }

    /// Ends all flows: at the end of the input, or where the clock was set back.
    pub fn finish(&mut self) {
        self.look_around();
        while self.meter.retire(RETIRED_AT_ONCE, &mut self.way_out) {
            self.way_out.ship();
        }
        self.meter.finish(&mut self.way_out);
        // Flows without a packet in the open interval have no record that says so: the point says it for all of them.
        self.way_out.announced_ns = 0;
        self.way_out.point.stopped_last = 1;
        self.way_out.ship();
        // Whatever comes now begins anew, and is announced so.
        self.way_out.announced_ns = 0;
        self.way_out.point.stopped_last = 0;
    }

    /// Another experiment label, from the next interval on.
    pub fn set_run(&mut self, run: &str) {
        self.meter.set_run(run);
    }
}

impl Outlet for WayOut {
    fn records(&mut self) -> &mut Records {
        &mut self.records
    }

    fn relieve(&mut self) {
        if self.records.flows.len() >= SHIPPED_AT_ONCE {
            self.ship();
            self.records.flows.reserve_exact(SHIPPED_AT_ONCE + 1);
        }
    }
}

impl WayOut {
    fn ship(&mut self) {
        let Room { flows, marks, spare } = self.rooms.1.try_recv().unwrap_or_default();
        let mut out = std::mem::replace(&mut self.records, Records { flows, marks, spare, ..Records::default() });
        if self.flaws != 0 {
            out.flows.iter_mut().for_each(|f| f.quality_bits |= self.flaws);
        }
        for p in &mut out.probe {
            if let Some(circumstances) = &mut self.circumstances {
                circumstances.complete(p);
            }
            self.latest_ns = self.latest_ns.max(p.start_ns.saturating_add(p.interval_ns));
        }
        let Records { probe, flows, marks, streams, spare } = out;
        self.records.spare.extend(spare);
        self.records.spare.truncate(SPARE);
        let back = Some(self.rooms.0.clone());
        let mut shipment = Shipment { probe, flows, marks, streams, back, ..Shipment::default() };
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::shipment::Job;
    use sce_meter::LinkType;
    use sce_proto::PathMarks;

    /// A capture that lost frames of every interval.
    struct Lossy;

    impl Circumstances for Lossy {
        fn flaws(&mut self) -> u64 {
            quality::CAPTURE_LOSS
        }

        fn complete(&mut self, record: &mut ProbeInterval) {
            record.kernel_drops = 7;
        }
    }

    /// A datagram to a port of 10.0.0.2, as its IPv4 packet.
    fn datagram(port: u16) -> [u8; 28] {
        let mut udp = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 9, 0, 8, 0, 0];
        udp[20..22].copy_from_slice(&port.to_be_bytes());
        udp
    }

    fn frame(time_ns: u64, data: &[u8]) -> Frame<'_> {
        Frame { time_ns, link: LinkType::RAW, wire_len: 28, data, vlan: None, gso: None, outgoing: None }
    }

    #[test]
    fn room_that_comes_back_is_filled_again() {
        let (jobs, inbox) = sync_channel(100);
        let config = Config { interval_ns: 1_000_000_000, ..Config::default() };
        let mut observer = Observer::new(ObservationPoint::default(), config, Shipper::new(jobs, true), None);
        let mut interval = |second: u64, flows: u16| {
            (1..=flows).for_each(|port| observer.frame(&frame(second * 1_000_000_000, &datagram(port))));
            observer.advance((second + 1) * 1_000_000_000);
            inbox.try_iter().map(|job| if let Job::Ship(s) = job { s } else { unreachable!() }).last().unwrap()
        };
        let Shipment { mut flows, mut marks, back, .. } = interval(1, 100);
        let (at, room) = (flows.as_ptr(), flows.capacity());
        flows.clear();
        marks.clear();
        back.unwrap().send(Room { flows, marks, spare: Vec::new() }).unwrap();
        interval(2, 1); // was begun before
        let again = interval(3, 100).flows;
        assert_eq!((again.len(), again.as_ptr(), again.capacity()), (100, at, room));
    }

    #[test]
    fn no_more_used_records_are_kept_than_are_used_soon() {
        let (jobs, inbox) = sync_channel(100);
        let config = Config { interval_ns: 1_000_000_000, ..Config::default() };
        let mut observer = Observer::new(ObservationPoint::default(), config, Shipper::new(jobs, true), None);
        for second in 1..20 {
            observer.frame(&frame(second * 1_000_000_000, &datagram(1)));
            observer.advance((second + 1) * 1_000_000_000);
            for job in inbox.try_iter() {
                let Job::Ship(Shipment { back: Some(back), .. }) = job else { unreachable!() };
                let _ = back.try_send(Room { spare: vec![PathMarks::default(); 1000], ..Room::default() });
            }
        }
        assert_eq!(observer.way_out.records.spare.len(), SPARE);
    }

    #[test]
    fn an_interval_of_many_flows_goes_out_in_pieces_that_all_know_of_the_loss() {
        const FLOWS: u16 = 3 * SHIPPED_AT_ONCE as u16;
        let (jobs, inbox) = sync_channel(100);
        let config = Config { interval_ns: 1_000_000_000, ..Config::default() };
        let around: Box<dyn Circumstances> = Box::new(Lossy);
        let mut observer = Observer::new(ObservationPoint::default(), config, Shipper::new(jobs, true), Some(around));
        (1..=FLOWS).for_each(|port| observer.frame(&frame(1_000_000_000, &datagram(port))));
        observer.advance(2_000_000_000);
        let shipments: Vec<_> =
            inbox.try_iter().map(|job| if let Job::Ship(s) = job { s } else { unreachable!() }).collect();
        let flows = || shipments.iter().flat_map(|s| &s.flows);
        assert_eq!(flows().count(), usize::from(FLOWS));
        assert!(shipments.len() > 2 && shipments.iter().all(|s| s.flows.len() <= SHIPPED_AT_ONCE + 1));
        assert!(flows().all(|f| f.quality_bits & quality::CAPTURE_LOSS != 0));
        let probe: Vec<_> = shipments.iter().flat_map(|s| &s.probe).collect();
        assert_eq!(probe.len(), 1);
        assert_eq!((probe[0].kernel_drops, probe[0].records_emitted), (7, u64::from(FLOWS)));
    }
}
