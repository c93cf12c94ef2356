//! Round trips of the data of one direction, by sequence number and by timestamp.
//!
//! A short ring remembers when the latest segments passed. An acknowledgement takes out what it covers: the first segment
//! gives the ACK delay, the last one the RTT, unless it was sent twice (Karn) or came behind a hole. The first segment with
//! a TSval also waits for its first echo. When the ring is full, segments pass untimed: there are fewer samples then, and no
//! wrong ones.

use std::collections::VecDeque;

use sce_proto::FlowInterval;

use super::acks::Newly;
use super::sequence::{Pass, Placed};
use super::serial::after;
use crate::dist::{Times, report};

/// Segments remembered at most: what bounds the memory of a flow.
const MAX_SENT: usize = 32;
/// Linux's minimum retransmission timeout; RFC 6298 section 2.4 asks for 1 s, which nobody uses.
const MIN_RTO_NS: u64 = 200_000_000;
/// RFC 6298 section 2.5 allows a maximum of at least 60 s.
const MAX_RTO_NS: u64 = 60_000_000_000;

/// Timing of one direction's data.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    sent: VecDeque<Sent>,
    /// Latest TSecr heard, whose first echo is over.
    echoed: Option<u32>,
    rtt: Times,
    rtt_ts: Times,
    ack_delay: Times,
    srtt_ns: u64,
    rttvar_ns: u64,
}

/// A segment on its way. 24 bytes, for every flow has up to [`MAX_SENT`] of them in each direction.
#[derive(Debug, Clone, Copy)]
struct Sent {
    start: u32,
    end: u32,
    tsval: u32,
    /// Wire packets with payload that this side had sent before it.
    packets_before: u32,
    /// When it passed, ns, below two flags.
    time_and_flags: u64,
}

impl Sent {
    /// Neither repeated nor behind a hole, and not sampled yet.
    const CLEAN: u64 = 1 << 63;
    /// The first with its TSval, and no echo came yet.
    const EDGE: u64 = 1 << 62;
    /// The rest holds times up to the year 2116.
    const TIME: u64 = Sent::EDGE - 1;

    fn time_ns(self) -> u64 {
        self.time_and_flags & Sent::TIME
    }

    fn is_clean(self) -> bool {
        self.time_and_flags & Sent::CLEAN != 0
    }

    fn is_edge(self) -> bool {
        self.time_and_flags & Sent::EDGE != 0
    }

    fn clear(&mut self, flag: u64) {
        self.time_and_flags &= !flag;
    }

    /// Time from its passing to now, ns.
    fn age_ns(self, now_ns: u64) -> u64 {
        (now_ns & Sent::TIME).saturating_sub(self.time_ns())
    }
}

impl Timing {
    /// Asks the memory for it.
    #[inline]
    pub(crate) fn fetch(&self) {
        sce_proto::fetch::value(self);
    }

    /// Asks the memory for the segments whose acknowledgements are to come next.
    #[inline]
    pub(crate) fn fetch_sent(&self) {
        if let Some(first) = self.sent.front() {
            sce_proto::fetch::value(first);
        }
    }

    /// A segment with payload passed.
    pub(crate) fn sent(&mut self, time_ns: u64, placed: &Placed, tsval: Option<u32>, holes: bool, packets_before: u32) {
        let edge = placed.new_tsval;
        match placed.pass {
            Pass::First => {
                if self.sent.len() < MAX_SENT {
                    let edge = if edge && tsval.is_some_and(|t| t != 0) { Sent::EDGE } else { 0 };
                    let clean = if holes { 0 } else { Sent::CLEAN };
                    self.sent.push_back(Sent {
                        start: placed.start,
                        end: placed.end,
                        tsval: tsval.unwrap_or(0),
                        packets_before,
                        time_and_flags: time_ns & Sent::TIME | clean | edge,
                    });
                }
            }
            Pass::Probe => {}
            Pass::Late | Pass::Repair | Pass::Unclear | Pass::Repeated => {
                // Karn: an ACK of these bytes could answer either transmission.
                for sent in &mut self.sent {
                    if after(placed.end, sent.start) && after(sent.end, placed.start) {
                        sent.clear(Sent::CLEAN);
                    }
                }
            }
        }
    }

    /// The connection is over: nothing waits any more.
    pub(crate) fn close(&mut self) {
        self.sent = VecDeque::new();
    }

    /// An acknowledgement came from the other side. Returns the number of wire packets with payload that this side had sent
    /// before the first one that it leaves open, where the ring remembers that one.
    pub(crate) fn acknowledged(&mut self, time_ns: u64, newly: &Newly, tsecr: Option<u32>) -> Option<u32> {
        if let Some(tsecr) = tsecr
            && self.echoed != Some(tsecr)
            && !newly.outdated
        {
            self.echoed = Some(tsecr);
            if let Some(sent) = self.sent.iter_mut().find(|s| s.is_edge() && s.tsval == tsecr) {
                sent.clear(Sent::EDGE);
                self.rtt_ts.push(sent.age_ns(time_ns));
            }
        }
        let ack = newly.ack?;
        if newly.moved {
            self.cumulative(time_ns, ack);
        }
        if let Some(edge) = newly.sacked_to
            && let nth = self.sent.partition_point(|s| after(edge, s.end))
            && let Some(sent) = self.sent.get_mut(nth).filter(|s| s.end == edge && s.is_clean())
        {
            sent.clear(Sent::CLEAN);
            let rtt = sent.age_ns(time_ns);
            self.sample(rtt);
        }
        self.sent.front().filter(|s| s.start == ack).map(|s| s.packets_before)
    }

    fn cumulative(&mut self, time_ns: u64, ack: u32) {
        let mut last = None;
        let mut first = true;
        while let Some(sent) = self.sent.front().copied() {
            if !after(ack, sent.start) {
                break;
            }
            if std::mem::take(&mut first) && sent.is_clean() {
                self.ack_delay.push(sent.age_ns(time_ns));
            }
            last = Some(sent);
            if after(sent.end, ack) {
                // Covered in part, as of a superpacket: it can be sampled once.
                if let Some(front) = self.sent.front_mut() {
                    front.start = ack;
                    front.clear(Sent::CLEAN);
                }
                break;
            }
            self.sent.pop_front();
        }
        // The ring may have missed what the ACK covers last: a FIN is one number behind it.
        if let Some(sent) = last.filter(|s| s.is_clean() && (!after(ack, s.end) || ack == s.end.wrapping_add(1))) {
            self.sample(sent.age_ns(time_ns));
        }
    }

    /// RFC 6298 section 2, with alpha 1/8 and beta 1/4.
    fn sample(&mut self, rtt_ns: u64) {
        self.rtt.push(rtt_ns);
        if self.srtt_ns == 0 {
            self.srtt_ns = rtt_ns;
            self.rttvar_ns = rtt_ns / 2;
        } else {
            self.rttvar_ns = (3 * self.rttvar_ns + self.srtt_ns.abs_diff(rtt_ns)) / 4;
            self.srtt_ns = (7 * self.srtt_ns + rtt_ns) / 8;
        }
    }

    pub(crate) fn has_news(&self) -> bool {
        !(self.rtt.is_empty() && self.rtt_ts.is_empty() && self.ack_delay.is_empty())
    }

    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        report!(self.rtt, out, rtt_count, rtt_ns_sum, rtt_us2_sum, rtt_ns_min, rtt_ns_max, rtt_ns_sketch);
        report!(
            self.rtt_ts,
            out,
            rtt_ts_count,
            rtt_ts_ns_sum,
            rtt_ts_us2_sum,
            rtt_ts_ns_min,
            rtt_ts_ns_max,
            rtt_ts_ns_sketch
        );
        report!(
            self.ack_delay,
            out,
            ack_delay_count,
            ack_delay_ns_sum,
            ack_delay_us2_sum,
            ack_delay_ns_min,
            ack_delay_ns_max,
            ack_delay_ns_sketch
        );
        if self.srtt_ns > 0 {
            out.srtt_ns_last = self.srtt_ns;
            out.rttvar_ns_last = self.rttvar_ns;
            out.rto_ns_last = (self.srtt_ns + 4 * self.rttvar_ns).clamp(MIN_RTO_NS, MAX_RTO_NS);
        }
    }
}
