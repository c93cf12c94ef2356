//! The writer: takes records from the capture threads, packs them into batches and puts them into the spool.
//!
//! In: shipments over a bounded channel. Out: batches in the [`Queue`]. It runs on a thread of its own; when the disk is
//! slow the channel fills, and a capture thread that finds it full counts what it had to drop and goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use sce_proto::{
    Batch, FlowInterval, LossReport, ObservationPoint, PathMarks, ProbeInterval, Record, SocketSample, StreamInterval,
    Table, columns,
};

use crate::anonymise::Anonymiser;
use crate::clock;
use crate::queue::Queue;
use crate::spool::LANES;

/// Shipments under way between the capture threads and the writer.
pub const CHANNEL: usize = 64;
/// Records in a batch at most: what one message should carry.
const BATCH_ROWS: usize = 1000;
/// Bytes of a batch before compression, at most unless one record alone has more.
const BATCH_BYTES: usize = 256 << 10;
/// Longest wait of a record for others to share its batch.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two syncs of the spool: what a power failure may cost.
const SYNC: Duration = Duration::from_secs(1);

/// What a source hands over.
#[derive(Debug, Default)]
pub struct Shipment {
    /// Lane 0.
    pub points: Vec<ObservationPoint>,
    /// Lane 0.
    pub probe: Vec<ProbeInterval>,
    /// Lane 0.
    pub losses: Vec<LossReport>,
    /// Lane 1.
    pub flows: Vec<FlowInterval>,
    /// Lane 2.
    pub marks: Vec<PathMarks>,
    /// Lane 2.
    pub streams: Vec<StreamInterval>,
    /// Lane 2.
    pub samples: Vec<SocketSample>,
}

/// A job for the writer.
#[derive(Debug)]
pub enum Job {
    /// Records.
    Ship(Shipment),
    /// Another experiment label for loss reports from here on.
    Run(String),
}

/// A source's way to the writer.
#[derive(Debug, Clone)]
pub struct Shipper {
    jobs: SyncSender<Job>,
    /// Wait for room: right for files, never for live captures.
    wait: bool,
    lost: Vec<LossReport>,
}

impl Shipper {
    /// A way that waits for room (files) or drops and counts (live).
    #[must_use]
    pub fn new(jobs: SyncSender<Job>, wait: bool) -> Shipper {
        Shipper { jobs, wait, lost: Vec::new() }
    }

    /// Hands records over. What finds no room is reported as lost with the next shipment that does.
    pub fn ship(&mut self, mut shipment: Shipment) {
        if self.wait {
            // An error means that the writer is gone, and the process with it.
            let _ = self.jobs.send(Job::Ship(shipment));
            return;
        }
        shipment.losses.append(&mut self.lost);
        match self.jobs.try_send(Job::Ship(shipment)) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(Job::Ship(back))) => self.count(back),
            Err(TrySendError::Full(Job::Run(_))) => {}
        }
    }

    fn count(&mut self, back: Shipment) {
        self.lost = back.losses;
        let counts = [
            (0, back.points.len() + back.probe.len(), 0),
            (1, back.flows.len(), back.flows.iter().map(|f| f.frames).sum()),
            (2, back.marks.len() + back.streams.len() + back.samples.len(), 0),
        ];
        let now_ns = clock::now_ns();
        for (lane, records, frames) in counts.into_iter().filter(|c| c.1 > 0) {
            let known = self.lost.iter_mut().find(|l| l.lane == lane && l.reason == "writer_slow");
            match known {
                Some(l) => {
                    l.records += records as u64;
                    l.frames += frames;
                    l.to_ns = now_ns;
                }
                None => self.lost.push(LossReport {
                    at_ns: now_ns,
                    reason: "writer_slow".to_owned(),
                    lane,
                    from_ns: back.flows.first().map_or(now_ns, |f| f.start_ns),
                    to_ns: now_ns,
                    run: back.flows.first().map_or_else(String::new, |f| f.run.clone()),
                    records: records as u64,
                    frames,
                    ..LossReport::default()
                }),
            }
        }
    }
}

/// Records of one lane that wait for their batch, in order.
enum Row {
    Point(ObservationPoint),
    Probe(ProbeInterval),
    Flow(Box<FlowInterval>),
    Mark(PathMarks),
    Stream(Box<StreamInterval>),
    Sample(Box<SocketSample>),
}

/// The writer's state.
pub struct Writer {
    queue: Arc<Queue>,
    waiting: [Vec<Row>; LANES],
    since: Option<Instant>,
    synced: Instant,
    /// Records of each lane that the spool has already from an interrupted run of the same replay.
    skip: [u64; LANES],
    /// Bytes of backlog at which a replay waits for the collector, until this says that it need not; `None` = never wait.
    wait_above: Option<(u64, Arc<AtomicBool>)>,
    anonymiser: Option<Anonymiser>,
}

impl Writer {
    /// A writer for live sources.
    #[must_use]
    pub fn live(queue: Arc<Queue>) -> Writer {
        let waiting = [Vec::new(), Vec::new(), Vec::new()];
        Writer {
            queue,
            waiting,
            since: None,
            synced: Instant::now(),
            skip: [0; LANES],
            wait_above: None,
            anonymiser: None,
        }
    }

    /// A writer for a replay: it passes over what an interrupted run has spooled, and rather waits than gives up records.
    #[must_use]
    pub fn replay(queue: Arc<Queue>, skip: [u64; LANES], wait_above: u64, give_up: Arc<AtomicBool>) -> Writer {
        Writer { skip, wait_above: Some((wait_above, give_up)), ..Writer::live(queue) }
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
            spool.save();
            self.synced = Instant::now();
        }
    }

    fn take(&mut self, mut shipment: Shipment) {
        if let Some(anonymiser) = &mut self.anonymiser {
            anonymiser.shipment(&mut shipment);
        }
        let Shipment { points, probe, losses, flows, marks, streams, samples } = shipment;
        let [control, flow_rows, bulk] = &mut self.waiting;
        control.extend(points.into_iter().map(Row::Point).chain(probe.into_iter().map(Row::Probe)));
        flow_rows.extend(flows.into_iter().map(|f| Row::Flow(Box::new(f))));
        bulk.extend(marks.into_iter().map(Row::Mark));
        bulk.extend(streams.into_iter().map(|s| Row::Stream(Box::new(s))));
        bulk.extend(samples.into_iter().map(|s| Row::Sample(Box::new(s))));
        for loss in losses {
            self.queue.spool().report(loss, clock::now_ns());
        }
        self.since.get_or_insert_with(Instant::now);
        for lane in 0..LANES {
            let known = self.skip[lane].min(self.waiting[lane].len() as u64);
            self.waiting[lane].drain(..known as usize);
            self.skip[lane] -= known;
            while self.waiting[lane].len() >= BATCH_ROWS {
                let rest = self.waiting[lane].split_off(BATCH_ROWS);
                let rows = std::mem::replace(&mut self.waiting[lane], rest);
                self.put(lane, &rows);
            }
        }
    }

    fn flush(&mut self) {
        for lane in 0..LANES {
            let rows = std::mem::take(&mut self.waiting[lane]);
            if !rows.is_empty() {
                self.put(lane, &rows);
            }
        }
        self.since = None;
    }

    /// Packs records into as many batches as their size asks for.
    fn put(&mut self, lane: usize, rows: &[Row]) {
        let batch = pack(rows);
        if batch.raw_bytes as usize > BATCH_BYTES && rows.len() > 1 {
            let (first, second) = rows.split_at(rows.len() / 2);
            self.put(lane, first);
            self.put(lane, second);
            return;
        }
        self.hold_back();
        let (records, frames, from_ns, to_ns) = (batch.records, batch.frames, batch.first_ns, batch.last_ns);
        let lost = |reason: &str, bytes: usize| LossReport {
            at_ns: clock::now_ns(),
            reason: reason.to_owned(),
            lane: lane as u32,
            from_ns,
            to_ns,
            records: u64::from(records),
            frames,
            bytes: bytes as u64,
            ..LossReport::default()
        };
        let now_ns = clock::now_ns();
        let mut spool = self.queue.spool();
        if batch.raw_bytes as usize > columns::MAX_RAW_BYTES {
            let report = lost("oversize", batch.payload.len());
            spool.report(report, now_ns);
        } else {
            let bytes = batch.payload.len();
            if let Err(error) = spool.append(lane, batch, rows.len() as u64, now_ns) {
                tracing::error!(%error, lane, records, "Records could not be spooled and are lost");
                spool.report(lost("spool_full", bytes), now_ns);
            }
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

fn pack(rows: &[Row]) -> Batch {
    let (mut points, mut probe, mut flows) = (Vec::new(), Vec::new(), Vec::new());
    let (mut marks, mut streams, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    let (mut first, mut last, mut frames) = (u64::MAX, 0, 0);
    for row in rows {
        let (from, to) = match row {
            Row::Point(r) => {
                points.push(r.clone());
                (r.first_ns, r.last_ns)
            }
            Row::Probe(r) => {
                probe.push(r.clone());
                (r.start_ns, r.start_ns + r.interval_ns)
            }
            Row::Flow(r) => {
                flows.push(r.as_ref().clone());
                frames += r.frames;
                (r.first_ns, r.last_ns)
            }
            Row::Mark(r) => {
                marks.push(r.clone());
                (r.start_ns, r.start_ns + r.interval_ns)
            }
            Row::Stream(r) => {
                streams.push(r.as_ref().clone());
                (r.start_ns, r.start_ns + r.interval_ns)
            }
            Row::Sample(r) => {
                samples.push(r.as_ref().clone());
                (r.at_ns, r.at_ns)
            }
        };
        first = first.min(from);
        last = last.max(to);
    }
    let mut tables: Vec<Table> = Vec::new();
    add(&mut tables, &points);
    add(&mut tables, &probe);
    add(&mut tables, &flows);
    add(&mut tables, &marks);
    add(&mut tables, &streams);
    add(&mut tables, &samples);
    Batch { first_ns: first, last_ns: last, frames, ..columns::pack(tables) }
}

fn add<R: Record>(tables: &mut Vec<Table>, records: &[R]) {
    if !records.is_empty() {
        tables.push(columns::table(records));
    }
}
