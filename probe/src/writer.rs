//! The writer: takes records from the capture threads, packs them into batches and puts them into the spool.
//!
//! In: shipments over a bounded channel. Out: batches in the [`Queue`]. It runs on a thread of its own; when the disk is
//! slow the channel fills, and a capture thread that finds it full counts what it had to drop and goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TrySendError};
use std::time::{Duration, Instant};

use sce_proto::{
    Batch, FlowInterval, ObservationPoint, PathMarks, ProbeInterval, Record, SocketSample, StreamInterval, Table,
    columns::{self, Packer},
};

use crate::anonymise::Anonymiser;
use crate::clock;
use crate::delivered::Delivered;
use crate::queue::Queue;
use crate::shipment::{Job, Room, Shipment};
use crate::spool::LANES;

/// Records in a batch at most: what one message should carry.
const BATCH_ROWS: usize = 1000;
/// Bytes of a batch before compression, about: one that has a quarter more is divided.
const BATCH_BYTES: usize = 256 << 10;
/// Bytes that a record is taken for before there was one, uncompressed.
const FIRST_GUESS: usize = 512;
/// Records that an observation point is given room for: twice as many flows as it ships at once, with their marks.
const ROOM_ROWS: usize = 512;
/// Lists of marks that are longer than this together are no room that is kept.
const SPARE_BYTES: usize = 4096;
/// Longest wait of a record for others to share its batch.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two syncs of the spool: what a power failure may cost.
const SYNC: Duration = Duration::from_secs(1);
/// Time between two notes of what was acknowledged: what a probe that was killed sends again. A note makes a disk sync
/// twice for each lane; a slow one has better things to do every second.
const SAVE: Duration = Duration::from_secs(5);

/// A record of lane 0.
enum Control {
    Point(ObservationPoint),
    Probe(ProbeInterval),
}

/// A record of lane 2.
enum Bulk {
    Mark(PathMarks),
    Stream(Box<StreamInterval>),
    Sample(Box<SocketSample>),
}

/// Records of each lane that wait for their batch, in order.
#[derive(Default)]
struct Waiting {
    control: Vec<Control>,
    flows: Vec<FlowInterval>,
    bulk: Vec<Bulk>,
    /// Records of marks that are in a batch.
    spare: Vec<PathMarks>,
}

/// The writer's state.
pub struct Writer {
    queue: Arc<Queue>,
    waiting: Waiting,
    since: Option<Instant>,
    synced: Instant,
    saved: Instant,
    packer: Packer,
    /// Records of each lane that the spool has already from an interrupted run of the same replay.
    skip: [u64; LANES],
    /// Bytes that a record of each lane had in the batch before.
    record_bytes: [usize; LANES],
    /// Bytes of backlog at which a replay waits for the collector, until this says that it need not; `None` = never wait.
    wait_above: Option<(u64, Arc<AtomicBool>)>,
    anonymiser: Option<Anonymiser>,
    /// Which flow records have left; of a replay nobody asks.
    delivered: Option<Delivered>,
}

impl Writer {
    /// A writer for live sources.
    #[must_use]
    pub fn live(queue: Arc<Queue>) -> Writer {
        Writer {
            queue,
            waiting: Waiting::default(),
            since: None,
            synced: Instant::now(),
            saved: Instant::now(),
            packer: Packer::default(),
            skip: [0; LANES],
            record_bytes: [FIRST_GUESS; LANES],
            wait_above: None,
            anonymiser: None,
            delivered: Some(Delivered::default()),
        }
    }

    /// A writer for a replay: it passes over what an interrupted run has spooled, and rather waits than gives up records.
    #[must_use]
    pub fn replay(queue: Arc<Queue>, skip: [u64; LANES], wait_above: u64, give_up: Arc<AtomicBool>) -> Writer {
        Writer { skip, wait_above: Some((wait_above, give_up)), delivered: None, ..Writer::live(queue) }
    }

    /// Replaces addresses in everything that is spooled.
    #[must_use]
    pub fn anonymised(self, anonymiser: Option<Anonymiser>) -> Writer {
        Writer { anonymiser, ..self }
    }

    /// Works until all sources are gone.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let patience = self.since.map_or(SYNC, |s| PATIENCE.saturating_sub(s.elapsed())).min(SYNC);
            match jobs.recv_timeout(patience) {
                Ok(Job::Ship(shipment)) => self.take(shipment),
                Ok(Job::Run(run)) => self.queue.spool().set_run(&run),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.since.is_some_and(|s| s.elapsed() >= PATIENCE) {
                self.flush();
            }
            self.keep();
        }
        self.flush();
        let mut spool = self.queue.spool();
        spool.sync(clock::now_ns());
        spool.save();
    }

    /// Syncs and saves now and then.
    fn keep(&mut self) {
        if self.synced.elapsed() >= SYNC {
            let mut spool = self.queue.spool();
            spool.sync(clock::now_ns());
            if self.saved.elapsed() >= SAVE {
                spool.save();
                self.saved = Instant::now();
            }
            drop(spool);
            // A report that waited for room may be written now.
            self.queue.touch();
            self.synced = Instant::now();
        }
    }

    fn take(&mut self, mut shipment: Shipment) {
        if let Some(anonymiser) = &mut self.anonymiser {
            anonymiser.shipment(&mut shipment);
        }
        if !shipment.probe.is_empty() {
            self.look();
            let delivered = self.delivered.iter_mut();
            delivered.for_each(|d| shipment.probe.iter_mut().for_each(|p| d.complete(p)));
        }
        let Shipment { points, probe, losses, mut flows, mut marks, streams, samples, back } = shipment;
        let Waiting { control, flows: flow_rows, bulk, spare } = &mut self.waiting;
        control.extend(points.into_iter().map(Control::Point).chain(probe.into_iter().map(Control::Probe)));
        flow_rows.append(&mut flows);
        bulk.extend(marks.drain(..).map(Bulk::Mark));
        // What an interval of many flows took is not kept. Whoever has room enough, or is gone, wants it no more.
        flows.shrink_to(ROOM_ROWS);
        marks.shrink_to(ROOM_ROWS);
        let room = Room { flows, marks, spare: std::mem::take(spare) };
        if let Some(Err(TrySendError::Full(room))) = back.map(|back| back.try_send(room)) {
            *spare = room.spare;
        }
        bulk.extend(streams.into_iter().map(|s| Bulk::Stream(Box::new(s))));
        bulk.extend(samples.into_iter().map(|s| Bulk::Sample(Box::new(s))));
        for loss in losses {
            self.queue.spool().report(loss, clock::now_ns());
        }
        self.since.get_or_insert_with(Instant::now);
        self.put_waiting(false);
    }

    fn flush(&mut self) {
        self.put_waiting(true);
        self.since = None;
        self.look();
    }

    /// Looks which flow records have left the probe.
    fn look(&mut self) {
        let Some(delivered) = &mut self.delivered else { return };
        let spool = self.queue.spool();
        let (epoch, lane) = (spool.epoch(), spool.lane(1));
        drop(spool);
        delivered.look(epoch, lane, self.waiting.flows.is_empty());
    }

    /// Makes batches of what waits: full ones, and with `all` of the rest too.
    fn put_waiting(&mut self, all: bool) {
        let Waiting { mut control, mut flows, mut bulk, mut spare } = std::mem::take(&mut self.waiting);
        self.put_lane(0, &mut control, all, drop);
        self.put_lane(1, &mut flows, all, drop);
        self.put_lane(2, &mut bulk, all, |row| match row {
            Bulk::Mark(mark) if spare.len() < BATCH_ROWS && room(&mark) <= SPARE_BYTES => spare.push(mark),
            _ => {}
        });
        self.waiting = Waiting { control, flows, bulk, spare };
    }

    /// Makes batches of a lane's rows. `used` is what becomes of those that are in one.
    fn put_lane<R: Row>(&mut self, lane: usize, rows: &mut Vec<R>, all: bool, used: impl FnMut(R)) {
        let known = self.skip[lane].min(rows.len() as u64);
        self.skip[lane] -= known;
        let mut done = known as usize;
        loop {
            let full = (BATCH_BYTES / self.record_bytes[lane].max(1)).clamp(1, BATCH_ROWS);
            let left = rows.len() - done;
            if left == 0 || (left < full && !all) {
                break;
            }
            let next = done + left.min(full);
            self.put(lane, &rows[done..next]);
            done = next;
        }
        rows.drain(..done).for_each(used);
        // What an interval of many flows took is not kept until the next.
        rows.shrink_to(BATCH_ROWS);
    }

    /// Packs records into one batch, or into as many as their size asks for.
    fn put<R: Row>(&mut self, lane: usize, rows: &[R]) {
        let batch = pack(rows, &mut self.packer);
        self.record_bytes[lane] = (batch.raw_bytes as usize).div_ceil(rows.len().max(1));
        if batch.raw_bytes as usize > BATCH_BYTES + BATCH_BYTES / 4 && rows.len() > 1 {
            let (first, second) = rows.split_at(rows.len() / 2);
            self.put(lane, first);
            self.put(lane, second);
            return;
        }
        self.hold_back();
        let (records, now_ns) = (batch.records, clock::now_ns());
        let mut spool = self.queue.spool();
        if batch.raw_bytes as usize > columns::MAX_RAW_BYTES {
            tracing::error!(lane, records, "A record is larger than a batch may be and is lost");
            spool.lose(lane, &batch, rows.len() as u64, "oversize", now_ns);
        } else if let Err(error) = spool.append(lane, batch, rows.len() as u64, now_ns) {
            tracing::error!(%error, lane, records, "Records could not be spooled and are lost");
        }
        drop(spool);
        self.queue.touch();
    }

    /// In a replay: waits while the collector is behind.
    fn hold_back(&mut self) {
        let Some((limit, give_up)) = self.wait_above.clone() else { return };
        while self.queue.backlog().bytes > limit && !give_up.load(Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
            self.keep();
        }
    }
}

/// A record on its way into a batch.
trait Row: Sized {
    /// From when to when it tells, ns since the epoch, and how many frames it counts for.
    fn span(&self) -> (u64, u64, u64);
    /// The tables of some of them.
    fn tables(rows: &[Self]) -> Vec<Table>;
}

impl Row for Control {
    fn span(&self) -> (u64, u64, u64) {
        match self {
            Control::Point(r) => (r.first_ns, r.last_ns, 0),
            Control::Probe(r) => (r.start_ns, r.start_ns + r.interval_ns, 0),
        }
    }

    fn tables(rows: &[Self]) -> Vec<Table> {
        let (mut points, mut probe) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                Control::Point(r) => points.push(r),
                Control::Probe(r) => probe.push(r),
            }
        }
        [table(points), table(probe)].into_iter().flatten().collect()
    }
}

impl Row for FlowInterval {
    fn span(&self) -> (u64, u64, u64) {
        (self.first_ns, self.last_ns, self.frames)
    }

    fn tables(rows: &[Self]) -> Vec<Table> {
        vec![columns::table(rows)]
    }
}

impl Row for Bulk {
    fn span(&self) -> (u64, u64, u64) {
        match self {
            Bulk::Mark(r) => (r.start_ns, r.start_ns + r.interval_ns, 0),
            Bulk::Stream(r) => (r.start_ns, r.start_ns + r.interval_ns, 0),
            Bulk::Sample(r) => (r.at_ns, r.at_ns, 0),
        }
    }

    fn tables(rows: &[Self]) -> Vec<Table> {
        let (mut marks, mut streams, mut samples) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            match row {
                Bulk::Mark(r) => marks.push(r),
                Bulk::Stream(r) => streams.push(r.as_ref()),
                Bulk::Sample(r) => samples.push(r.as_ref()),
            }
        }
        [table(marks), table(streams), table(samples)].into_iter().flatten().collect()
    }
}

/// Bytes that the lists of a record have room for.
fn room(record: &PathMarks) -> usize {
    record.cuts.capacity() + record.spans.capacity() + record.trail.capacity()
}

fn table<R: Record>(records: Vec<&R>) -> Option<Table> {
    (!records.is_empty()).then(|| columns::table_of(records.into_iter()))
}

fn pack<R: Row>(rows: &[R], packer: &mut Packer) -> Batch {
    let (mut first_ns, mut last_ns, mut frames) = (u64::MAX, 0, 0);
    for row in rows {
        let (from, to, of) = row.span();
        (first_ns, last_ns, frames) = (first_ns.min(from), last_ns.max(to), frames + of);
    }
    Batch { first_ns, last_ns, frames, ..packer.pack(R::tables(rows)) }
}
