//! What each kind of feedback makes of the counters and of the listed packets.
//!
//! In: [`Facts`] of both ends. Out: an [`Account`] with signals received, said and heard in the kind's own unit.

use sce_proto::marks::{Mark, trail};

use super::super::within;
use super::Facts;

/// Differences up to this share, in ppm, are the delayed ACKs at the edges.
const TOLERANCE_PPM: u64 = 20_000;

/// What one kind of feedback makes of the counters.
pub(super) struct Account {
    pub(super) kind: &'static str,
    pub(super) unit: &'static str,
    pub(super) signal: &'static str,
    pub(super) received: u64,
    pub(super) said: u64,
    pub(super) heard: u64,
    /// What the sender can have heard at most: more than `heard` where ACK loss leaves a choice.
    pub(super) heard_high: u64,
    /// Differences up to this are not worth a word.
    pub(super) slack: u64,
    /// The receiver may report this much more than it got, by design.
    pub(super) extra: u64,
    pub(super) said_acks: u64,
    pub(super) heard_acks: u64,
    pub(super) said_acked_bytes: u64,
    pub(super) heard_acked_bytes: u64,
    pub(super) lags: Vec<u64>,
}

impl Facts<'_> {
    fn mean_segment(&self) -> u64 {
        self.data.totals.payload_bytes.checked_div(self.data.totals.data_segments).unwrap_or(0)
    }

    pub(super) fn sce(&self) -> Account {
        let (d, s, h) = (self.data.asked(), self.said.asked(), self.heard.asked());
        Account {
            kind: "sce",
            unit: "bytes",
            signal: "SCE-marked bytes",
            received: d.ect1_bytes,
            said: s.esce_acked_bytes,
            heard: h.esce_acked_bytes,
            heard_high: h.esce_acked_bytes,
            slack: (d.ect1_bytes / 1_000_000 * TOLERANCE_PPM).max(2 * self.mean_segment()),
            // A CE segment does not end a run of SCE, so its bytes may be acknowledged with ESCE.
            extra: d.ce_bytes,
            said_acks: s.tcp_ae,
            heard_acks: h.tcp_ae,
            said_acked_bytes: s.esce_acked_bytes,
            heard_acked_bytes: h.esce_acked_bytes,
            lags: self.lags(|m| m.ecn == 1, |m, _| m.flags & trail::AE != 0),
        }
    }

    pub(super) fn accecn(&self) -> Account {
        let (d, s, h) = (self.data.asked(), self.said.asked(), self.heard.asked());
        let ace = |m: &Mark| m.flags & (trail::AE | trail::CWR | trail::ECE);
        Account {
            kind: "accecn",
            unit: "packets",
            signal: "CE-marked packets",
            received: d.ce_packets,
            said: s.ace_ce_packets,
            heard: h.ace_ce_packets,
            heard_high: h.ace_ce_high_packets.max(h.ace_ce_packets),
            // The counter is exact at the receiver but for the packets after its last ACK.
            slack: 1,
            extra: 0,
            said_acks: s.packets.saturating_sub(s.tcp_syn),
            heard_acks: h.packets.saturating_sub(h.tcp_syn),
            said_acked_bytes: s.option_ce_bytes,
            heard_acked_bytes: h.option_ce_bytes,
            lags: self.lags(|m| m.ecn == 3, |m, before| before.is_some_and(|b| ace(b) != ace(m))),
        }
    }

    pub(super) fn dctcp(&self) -> Account {
        let (d, s, h) = (self.data.asked(), self.said.asked(), self.heard.asked());
        Account {
            kind: "dctcp",
            unit: "bytes",
            signal: "CE-marked bytes",
            received: d.ce_bytes,
            said: s.ece_acked_bytes,
            heard: h.ece_acked_bytes,
            heard_high: h.ece_acked_bytes,
            slack: (d.ce_bytes / 1_000_000 * TOLERANCE_PPM).max(2 * self.mean_segment()),
            extra: 0,
            said_acks: s.tcp_ece,
            heard_acks: h.tcp_ece,
            said_acked_bytes: s.ece_acked_bytes,
            heard_acked_bytes: h.ece_acked_bytes,
            lags: self.lags(|m| m.ecn == 3, |m, _| m.flags & trail::ECE != 0),
        }
    }

    /// RFC 3168: one episode lasts from a CE mark to the sender's CWR, however many marks follow.
    pub(super) fn classic(&self) -> Account {
        let (d, s, h) = (self.data.asked(), self.said.asked(), self.heard.asked());
        let followed = self.data.complete() && self.said.complete();
        let (unit, received, said) = if followed {
            let (received, said) = self.episodes();
            ("episodes", received, said)
        } else {
            // Without every packet in order: whether there was anything to say, and whether it was said.
            let episodes = s.ece_episodes;
            ("episodes", if d.ce_data_packets > 0 { episodes.max(1) } else { 0 }, episodes)
        };
        let missing = s.ece_episodes.saturating_sub(h.ece_episodes);
        let heard = said.saturating_sub(missing);
        Account {
            kind: "classic",
            unit,
            signal: "congestion episodes",
            received,
            said,
            heard,
            heard_high: heard,
            slack: 0,
            extra: 0,
            said_acks: s.tcp_ece.saturating_sub(s.tcp_syn),
            heard_acks: h.tcp_ece.saturating_sub(h.tcp_syn),
            said_acked_bytes: s.ece_acked_bytes,
            heard_acked_bytes: h.ece_acked_bytes,
            lags: self.lags(|m| m.ecn == 3, |m, _| m.flags & trail::ECE != 0),
        }
    }

    /// Episodes that began at the receiver, and those in which it set ECE before CWR ended them.
    fn episodes(&self) -> (u64, u64) {
        let (mut received, mut said) = (0, 0);
        let mut open = false;
        let mut reported = false;
        let mut answered = false;
        let mut close = |open: &mut bool, reported: bool, answered: bool| {
            if *open && answered {
                received += 1;
                said += u64::from(reported);
            }
            *open = false;
        };
        for (is_data, m) in self.at_receiver() {
            if is_data && m.flags & trail::PAYLOAD != 0 {
                if m.flags & trail::CWR != 0 {
                    close(&mut open, reported, answered);
                }
                if m.ecn == 3 && !open {
                    (open, reported, answered) = (true, false, false);
                }
            } else if !is_data && open {
                answered = true;
                reported |= m.flags & trail::ECE != 0;
            }
        }
        close(&mut open, reported, answered);
        (received, said)
    }

    /// Listed packets of both directions at the receiver's point, in time order: (is data direction, packet).
    fn at_receiver(&self) -> impl Iterator<Item = (bool, &Mark)> {
        let asked = |m: &&Mark| within(self.window, m.time_ns);
        let (data, said) = (self.data.marks.iter().filter(asked), self.said.marks.iter().filter(asked));
        let (mut a, mut b) = (data.peekable(), said.peekable());
        std::iter::from_fn(move || match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x.time_ns <= y.time_ns => a.next().map(|m| (true, m)),
            (Some(_), None) => a.next().map(|m| (true, m)),
            _ => b.next().map(|m| (false, m)),
        })
    }

    /// Times from a signal's arrival to the first acknowledgement that reports one, where every packet is listed.
    fn lags(&self, signal: impl Fn(&Mark) -> bool, echo: impl Fn(&Mark, Option<&Mark>) -> bool) -> Vec<u64> {
        let mut out = Vec::new();
        if !self.data.gapless() || !self.said.gapless() {
            return out;
        }
        let mut since = None;
        let mut before: Option<&Mark> = None;
        for (is_data, m) in self.at_receiver() {
            if is_data {
                if signal(m) && m.flags & trail::PAYLOAD != 0 && since.is_none() {
                    since = Some(m.time_ns);
                }
                continue;
            }
            if m.flags & trail::SYN == 0 {
                if let Some(t) = since.filter(|_| echo(m, before)) {
                    out.push(m.time_ns - t);
                    since = None;
                }
                before = Some(m);
            }
        }
        out
    }
}
