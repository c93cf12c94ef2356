//! What sources hand to the writer, and the way there.
//!
//! In: records of an observation point. Out: jobs in a bounded channel. A live source never waits for room: what finds none
//! is counted, and reported as lost with the next shipment that does.

use std::sync::mpsc::{SyncSender, TrySendError};

use sce_proto::{FlowInterval, LossReport, ObservationPoint, PathMarks, ProbeInterval, SocketSample, StreamInterval};

use crate::clock;

/// Shipments under way between the capture threads and the writer: of a live capture as many as an interval with 100,000
/// flows has, so that none is dropped while the writer waits for the processor ...
pub const CHANNEL_LIVE: usize = 1024;
/// ... and of a replay, which can wait.
pub const CHANNEL_REPLAY: usize = 16;

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
    /// Where the room for flows and marks goes when they are written: new room for them is pages that the kernel has to clear.
    pub back: Option<SyncSender<Room>>,
}

/// Room for records that are made by the thousand.
#[derive(Debug, Default)]
pub struct Room {
    /// Empty.
    pub flows: Vec<FlowInterval>,
    /// Empty.
    pub marks: Vec<PathMarks>,
    /// Records that were used: their lists are room for the next ones'.
    pub spare: Vec<PathMarks>,
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
