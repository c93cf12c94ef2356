//! Frames on their way from the kernel's buffer to their observers, several at a time.
//!
//! In: frames one by one, each valid while it is handed over. Out: the same frames, per observer in the same order, in
//! batches: a meter that knows what comes next fetches the flows of several frames from memory at once. Frames never wait
//! here for others to come: whoever takes a burst from the kernel calls [`Gather::hand_over`] at its end.

use sce_meter::Frame;

use crate::observer::Observer;

/// Frames handed over at once: two batches of the meter.
const FRAMES: usize = 32;
/// Bytes of them at which no more are gathered: what stays in the first caches.
const BYTES: usize = 16 << 10;

/// Frames that were taken and not metered yet.
#[derive(Debug, Default)]
pub(super) struct Gather {
    heads: Vec<Head>,
    /// What was captured of them, one behind the other.
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Head {
    /// The frame without its bytes ...
    frame: Frame<'static>,
    /// ... which end here.
    end: usize,
    /// Number of its observer.
    observer: usize,
}

impl Gather {
    /// Takes a frame, and hands over what there is if that is enough.
    #[inline]
    pub(super) fn take(&mut self, frame: &Frame<'_>, observer: usize, observers: &mut [Observer]) {
        self.bytes.extend_from_slice(frame.data);
        self.heads.push(Head { frame: Frame { data: &[], ..*frame }, end: self.bytes.len(), observer });
        if self.heads.len() == FRAMES || self.bytes.len() >= BYTES {
            self.hand_over(observers);
        }
    }

    /// Hands over what there is.
    pub(super) fn hand_over(&mut self, observers: &mut [Observer]) {
        let Some(last) = self.heads.last() else { return };
        let mut frames = [last.frame; FRAMES];
        let mut begin = 0;
        for (frame, head) in frames.iter_mut().zip(&self.heads) {
            *frame = Frame { data: self.bytes.get(begin..head.end).unwrap_or_default(), ..head.frame };
            begin = head.end;
        }
        let mut done = 0;
        for same in self.heads.chunk_by(|a, b| a.observer == b.observer) {
            if let Some(observer) = observers.get_mut(same[0].observer) {
                observer.frames(&frames[done..done + same.len()]);
            }
            done += same.len();
        }
        self.heads.clear();
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use sce_meter::{Config, LinkType};
    use sce_proto::{FlowInterval, ObservationPoint};

    use super::*;
    use crate::shipment::{Job, Shipper};

    /// UDP of so many payload bytes to a port of 10.0.0.2, as its IPv4 packet.
    fn datagram(port: u16, payload: u16) -> Vec<u8> {
        let mut p = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 0, 0, 0, 0, 0];
        p[2..4].copy_from_slice(&(28 + payload).to_be_bytes());
        p[22..24].copy_from_slice(&port.to_be_bytes());
        p[24..26].copy_from_slice(&(8 + payload).to_be_bytes());
        p.resize(28 + usize::from(payload), 7);
        p
    }

    fn observers() -> (Vec<Observer>, Vec<Receiver<Job>>) {
        let observer = |_| {
            let (jobs, inbox) = sync_channel(1000);
            let config = Config { interval_ns: 1_000_000_000, ..Config::default() };
            (Observer::new(ObservationPoint::default(), config, Shipper::new(jobs, true), None), inbox)
        };
        (0..2).map(observer).unzip()
    }

    fn records(inboxes: &[Receiver<Job>]) -> Vec<Vec<FlowInterval>> {
        let flows = |job| if let Job::Ship(shipment) = job { shipment.flows } else { unreachable!() };
        inboxes.iter().map(|inbox| inbox.try_iter().flat_map(flows).collect()).collect()
    }

    #[test]
    fn gathered_frames_give_the_records_of_single_ones() {
        let ((mut single, want), (mut many, got)) = (observers(), observers());
        let mut gather = Gather::default();
        for i in 0..5000_u64 {
            // Runs of frames of both observers, of several flows, some larger than what is gathered; 11 intervals; one frame late.
            let payload = if i % 700 == 0 { 20_000 } else { (i * 37 % 900) as u16 };
            let data = datagram((i * i % 23) as u16, payload);
            let time_ns = 5_000_000_000 + i * 2_100_000 - if i == 3000 { 1_500_000_000 } else { 0 };
            let (wire_len, link) = (data.len() as u32, LinkType::RAW);
            let frame = Frame { time_ns, link, wire_len, data: &data, vlan: None, gso: None, outgoing: None };
            let observer = usize::from(i % 13 > 4);
            single[observer].frame(&frame);
            gather.take(&frame, observer, &mut many);
            if i % 97 == 0 {
                gather.hand_over(&mut many);
            }
        }
        gather.hand_over(&mut many);
        single.iter_mut().chain(&mut many).for_each(Observer::finish);
        let (want, got) = (records(&want), records(&got));
        assert!(want.iter().all(|w| w.len() > 100));
        assert_eq!(got, want);
    }
}
