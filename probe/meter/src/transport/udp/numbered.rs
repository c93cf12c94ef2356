//! Numbered traffic: loss, reordering and delay variation from what an extractor reads, and RTP with its RTCP.
//!
//! In: payloads of a flow that an extractor serves. Out: the `seq_*`, `rfc3550_*`, `ipdv_*`, `pdv_*`, `rtp_*` and `rtcp_*`
//! fields. Senders that share a flow are told apart, up to [`SENDERS`].

use sce_proto::FlowInterval;

use super::Extractors;
use super::delay::{Delay, MediaClock};
use super::extract::{Extractor, Numbered as Reading, StampFormat};
use super::pdv::Pdv;
use super::rtcp::{self, Rtcp};
use super::sequence::{Counts, Place, Sequence};
use crate::dist::{Summary, Times, report};
use crate::packet::{Both, Dir};

/// Senders of one direction that are followed.
const SENDERS: usize = 4;
/// Packets in a row that prove RTP: same sender and payload type, rising numbers.
const PROOF: u8 = 3;
/// Packets of both directions after which a flow without that proof is called something else: enough for captures that hold
/// every packet twice.
const TRIAL: u8 = 16;

/// The meter.
#[derive(Debug)]
pub(crate) struct Numbered {
    extractor: u16,
    /// Packets left to prove that it is RTP; `None` = proven, or no proof needed.
    trial: Option<u8>,
    sides: Both<Side>,
    rtcp: Option<Box<Rtcp>>,
}

#[derive(Debug, Default)]
struct Side {
    senders: Vec<Sender>,
    payload_type: u8,
    ssrc: u32,
    /// RTP packets in a row that agree with the ones before.
    agreeing: u8,
    jitter_ns: Option<u64>,
    jitter_max_ns: u64,
    ipdv: Times,
    /// Of senders whose delays cannot be compared with those that follow.
    pdv: Summary,
    ended: bool,
}

#[derive(Debug)]
struct Sender {
    stream: u64,
    sequence: Sequence,
    delay: Delay,
    pdv: Pdv,
    clock: MediaClock,
}

/// Whether a payload may be RTP: version 2, a payload type that is none of RTCP's, room for the header (RFC 5761 4).
pub(crate) fn may_be_rtp(payload: &[u8]) -> bool {
    payload.len() >= 12 && payload[0] >> 6 == 2 && !(64..=95).contains(&(payload[1] & 0x7f))
}

impl Numbered {
    /// For an extractor that read the first packet.
    pub(crate) fn new(extractor: u16) -> Numbered {
        Numbered { extractor, trial: None, sides: Both::default(), rtcp: None }
    }

    /// For a flow that may be RTP.
    pub(crate) fn on_trial(extractor: u16) -> Numbered {
        Numbered { trial: Some(TRIAL), ..Numbered::new(extractor) }
    }

    /// The trial ended without proof.
    pub(crate) fn is_nothing(&self) -> bool {
        self.trial == Some(0) && self.rtcp.is_none()
    }

    /// Asks the memory for a direction.
    #[inline]
    pub(crate) fn fetch(&self, dir: Dir) {
        sce_proto::fetch::value(&self.sides[dir]);
        sce_proto::fetch::value(&self.rtcp);
    }

    /// Asks the memory for the sender of a direction, of which there mostly is one.
    #[inline]
    pub(crate) fn fetch_senders(&self, dir: Dir) {
        if let Some(sender) = self.sides[dir].senders.first() {
            sce_proto::fetch::value(sender);
        }
    }

    pub(crate) fn observe(&mut self, payload: &[u8], dir: Dir, at_ns: u64, extractors: &Extractors) {
        let Some(extractor) = extractors.get(self.extractor) else { return };
        let rtp = extractor.time.is_some_and(|t| t.format == StampFormat::Rtp);
        if rtp && rtcp::is_rtcp(payload) {
            self.rtcp.get_or_insert_default().observe(payload, dir, at_ns);
            return;
        }
        if rtp && !may_be_rtp(payload) {
            self.trial = self.trial.map(|_| 0);
            return;
        }
        let Some(reading) = extractor.read(payload, at_ns) else { return };
        let side = &mut self.sides[dir];
        if rtp {
            side.prove(payload[1] & 0x7f, &reading);
            self.trial = match self.trial {
                Some(_) if side.agreeing >= PROOF => None,
                left => left.map(|n| n.saturating_sub(1)),
            };
        }
        side.count(&reading, at_ns, extractor);
    }

    pub(crate) fn end(&mut self, dir: Dir) {
        let side = &mut self.sides[dir];
        side.senders.iter_mut().for_each(|s| s.sequence.finish());
        side.ended = true;
    }

    pub(crate) fn has_news(&self, dir: Dir) -> bool {
        let side = &self.sides[dir];
        let lost = side.ended && side.senders.iter().any(|s| s.sequence.counts != Counts::default());
        self.trial.is_none() && lost || self.rtcp.as_ref().is_some_and(|r| r.has_news(dir))
    }

    pub(crate) fn report(&mut self, dir: Dir, extractors: &Extractors, out: &mut FlowInterval) {
        if let Some(rtcp) = &mut self.rtcp {
            rtcp.report(dir, out);
        }
        let side = &mut self.sides[dir];
        if self.trial.is_some() || side.senders.is_empty() {
            return;
        }
        if let Some(extractor) = extractors.get(self.extractor) {
            out.seq_profile_last.clone_from(&extractor.name);
            if extractor.name == "rtp" {
                out.rtp_payload_type_last = side.payload_type.into();
                out.rtp_ssrc_last = side.ssrc.into();
            }
        }
        side.report(out);
    }
}

impl Side {
    fn prove(&mut self, payload_type: u8, reading: &Reading) {
        let ssrc = reading.stream as u32;
        let sender = self.senders.iter().find(|s| s.stream == reading.stream);
        let near = sender.and_then(|s| s.sequence.near(reading.number));
        let same = self.payload_type == payload_type && self.ssrc == ssrc;
        self.agreeing = match near {
            Some(ahead) if same => self.agreeing.saturating_add(u8::from(ahead > 0)),
            _ => 1,
        };
        (self.payload_type, self.ssrc) = (payload_type, ssrc);
    }

    fn count(&mut self, reading: &Reading, at_ns: u64, extractor: &Extractor) {
        let at = match self.senders.iter().position(|s| s.stream == reading.stream) {
            Some(at) => at,
            None if self.senders.len() < SENDERS => {
                self.senders.reserve_exact(1); // mostly there is one
                self.senders.push(Sender {
                    stream: reading.stream,
                    sequence: Sequence::default(),
                    delay: Delay::default(),
                    pdv: Pdv::default(),
                    clock: MediaClock::default(),
                });
                self.senders.len() - 1
            }
            None => return,
        };
        let sender = &mut self.senders[at];
        let place = sender.sequence.observe(reading.number, extractor.cycle(), at_ns, &extractor.thresholds);
        if matches!(place, Place::Again | Place::Stray) {
            return;
        }
        if place == Place::First {
            sender.delay.restart();
            sender.pdv.take(&mut self.pdv);
            sender.clock = MediaClock::default();
        }
        let rtp = extractor.time.is_some_and(|t| t.format == StampFormat::Rtp);
        let sent_ns = match reading.stamp {
            Some(stamp) if rtp => sender.clock.sent_ns(self.payload_type, stamp as u32, at_ns),
            stamp => stamp,
        };
        let Some(sent_ns) = sent_ns else { return };
        let variation = sender.delay.observe(at_ns, sent_ns, place == Place::Next);
        if let Some(ns) = variation.jitter_ns {
            self.jitter_ns = Some(ns);
            self.jitter_max_ns = self.jitter_max_ns.max(ns);
        }
        if let Some(ns) = variation.ipdv_ns {
            self.ipdv.push(ns);
        }
        sender.pdv.push(variation.delay_ns);
    }

    fn report(&mut self, out: &mut FlowInterval) {
        for sender in &mut self.senders {
            let Counts {
                packets,
                expected,
                unique,
                lost,
                duplicates,
                reordered,
                extent_max,
                late,
                loss_runs,
                loss_run_max,
                resets,
                small_errors,
                big_errors,
                reverse_errors,
            } = std::mem::take(&mut sender.sequence.counts);
            out.seq_packets += packets;
            out.seq_expected += expected;
            out.seq_unique += unique;
            out.seq_lost += lost;
            out.seq_duplicates += duplicates;
            out.seq_reordered += reordered;
            out.seq_extent_packets_max = out.seq_extent_packets_max.max(extent_max);
            out.seq_late += late;
            out.seq_loss_runs += loss_runs;
            out.seq_loss_run_packets_max = out.seq_loss_run_packets_max.max(loss_run_max);
            out.seq_resets += resets;
            out.seq_small_errors += small_errors;
            out.seq_big_errors += big_errors;
            out.seq_reverse_errors += reverse_errors;
        }
        out.seq_streams_last = self.senders.len() as u64;
        out.rfc3550_jitter_ns_last = self.jitter_ns.unwrap_or(0);
        out.rfc3550_jitter_ns_max = std::mem::take(&mut self.jitter_max_ns);
        report!(self.ipdv, out, ipdv_count, ipdv_ns_sum, ipdv_us2_sum, ipdv_ns_min, ipdv_ns_max, ipdv_ns_sketch);
        let mut pdv = std::mem::take(&mut self.pdv);
        self.senders.iter_mut().for_each(|s| s.pdv.take(&mut pdv));
        (out.pdv_count, out.pdv_ns_sum, out.pdv_us2_sum) = (pdv.count, pdv.sum, pdv.squares);
        (out.pdv_ns_min, out.pdv_ns_max, out.pdv_ns_sketch) = (pdv.min, pdv.max, pdv.sketch);
    }
}
