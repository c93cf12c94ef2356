//! Whether the receiver told the sender about the congestion signals it got, and whether the sender heard it.
//!
//! In: the views nearest to the receiver and to the sender of a direction's data. Out: [`Feedback`] with the numbers, a short
//! code and a sentence. What the receiver got and what it said are measured at one point and by one clock, next to each
//! other, so small differences are its own; what the sender heard may lack what the return path lost or cleared.

use sce_proto::bits::{ecn_mode, name, path_warning, verdict};
use sce_proto::marks::{Mark, trail};
use sce_proto::{Feedback, FlowInterval, PathSegment};

use super::delay::quantile;
use super::line::{Line, View};
use super::{TCP, Window, within};

/// Differences up to this share, in ppm, are the delayed ACKs at the edges.
const TOLERANCE_PPM: u64 = 20_000;
/// (AE, CWR, ECE) of a SYN that offers AccECN, RFC 9768 section 3.1.1, in `syn_ace_bits`.
const ACCECN_OFFER: u64 = 1 << 7;
const SCTP: u32 = 132;

/// The points between which feedback of a direction is judged.
#[derive(Clone, Copy)]
pub(super) struct Ends<'v, 'a> {
    /// Nearest to the sender of the data.
    pub(super) sender: &'v View<'a>,
    /// Nearest to the receiver.
    pub(super) receiver: &'v View<'a>,
    /// The receiver's point is known to be next to it.
    pub(super) certain: bool,
}

/// Verifies the feedback for the data of one direction. `back`: segments of the return direction between the same points.
pub(super) fn verify(ends: Ends<'_, '_>, direction: usize, back: &[&PathSegment], window: Window) -> Vec<Feedback> {
    let data = &ends.receiver.lines[direction];
    let (initiator, responder) =
        if direction == 0 { (ends.sender, ends.receiver) } else { (ends.receiver, ends.sender) };
    let offers = |v: &View<'_>| v.lines[0].totals.syn_ace_bits & ACCECN_OFFER != 0;
    let facts = Facts {
        data,
        said: &ends.receiver.lines[1 - direction],
        heard: &ends.sender.lines[1 - direction],
        sent: &ends.sender.lines[direction],
        back,
        downgraded: offers(initiator) && !offers(responder) && responder.lines[0].totals.syn_ace_bits != 0,
        one_point: ends.sender.op == ends.receiver.op,
        certain: ends.certain,
        window: window.filter(|(start, end)| data.life().0 < *start || data.life().1 >= *end),
    };
    let mut out: Vec<Feedback> = match data.totals.ip_proto {
        TCP => facts.tcp(),
        SCTP => vec![facts.sctp()],
        _ => Vec::new(),
    };
    for f in &mut out {
        f.direction = direction as u32;
        f.run.clone_from(&data.totals.run);
        f.ip_proto = data.totals.ip_proto;
        (f.receiver_op, f.sender_op) = (ends.receiver.op, ends.sender.op);
        facts.common(f);
    }
    out
}

struct Facts<'v> {
    data: &'v Line<'v>,
    said: &'v Line<'v>,
    heard: &'v Line<'v>,
    sent: &'v Line<'v>,
    back: &'v [&'v PathSegment],
    /// AccECN was offered by the SYN and did not arrive so.
    downgraded: bool,
    one_point: bool,
    certain: bool,
    /// Only this part of the flow's life is in question.
    window: Window,
}

/// What one kind of feedback makes of the counters.
struct Account {
    kind: &'static str,
    unit: &'static str,
    signal: &'static str,
    received: u64,
    said: u64,
    heard: u64,
    /// What the sender can have heard at most: more than `heard` where ACK loss leaves a choice.
    heard_high: u64,
    /// Differences up to this are not worth a word.
    slack: u64,
    /// The receiver may report this much more than it got, by design.
    extra: u64,
    said_acks: u64,
    heard_acks: u64,
    said_acked_bytes: u64,
    heard_acked_bytes: u64,
    lags: Vec<u64>,
}

impl Facts<'_> {
    fn tcp(&self) -> Vec<Feedback> {
        let (d, s) = (self.data.asked(), self.said.asked());
        if d.data_segments == 0 {
            return Vec::new();
        }
        match self.mode() {
            ecn_mode::ACCECN | ecn_mode::L4S => vec![self.judge(&self.accecn())],
            ecn_mode::DCTCP => vec![self.judge(&self.dctcp())],
            ecn_mode::NONE => vec![self.not_negotiated()],
            mode => {
                // SCE has no negotiation of its own: it shows by its marks or by its echo.
                let sce = mode == ecn_mode::SCE || s.tcp_ae > 0 || (d.ect1_packets > 0 && self.sent_ect0());
                let classic = !sce || d.ce_data_packets > 0 || s.ece_episodes > 0;
                let mut out = Vec::new();
                if sce {
                    out.push(self.judge(&self.sce()));
                }
                if classic {
                    out.push(self.judge(&self.classic()));
                }
                out
            }
        }
    }

    /// The mode, as far as either end has proved it.
    fn mode(&self) -> u64 {
        let lines = [self.data, self.said, self.heard, self.sent];
        let known = |l: &&Line<'_>| u64::from(l.totals.ecn_mode_last);
        lines.iter().map(known).max().unwrap_or(ecn_mode::UNKNOWN)
    }

    fn sent_ect0(&self) -> bool {
        self.sent.totals.ect0_packets > 0 || self.data.totals.ect0_packets > 0
    }

    fn mean_segment(&self) -> u64 {
        self.data.totals.payload_bytes.checked_div(self.data.totals.data_segments).unwrap_or(0)
    }

    fn sce(&self) -> Account {
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

    fn accecn(&self) -> Account {
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

    fn dctcp(&self) -> Account {
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
    fn classic(&self) -> Account {
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

    fn sctp(&self) -> Feedback {
        let (d, s, h) = (self.data.asked(), self.said.asked(), self.heard.asked());
        if d.ect0_packets + d.ect1_packets + d.ce_packets == 0 && s.sctp_ecne_chunks == 0 {
            return self.not_negotiated();
        }
        self.judge(&Account {
            kind: "sctp",
            unit: "packets",
            signal: "CE-marked packets",
            received: d.ce_packets,
            said: s.sctp_ecne_chunks,
            heard: h.sctp_ecne_chunks,
            heard_high: h.sctp_ecne_chunks,
            // One ECNE may answer several marks of one round trip.
            slack: d.ce_packets.saturating_sub(1),
            extra: s.sctp_ecne_chunks,
            said_acks: s.sctp_ecne_chunks,
            heard_acks: h.sctp_ecne_chunks,
            said_acked_bytes: 0,
            heard_acked_bytes: 0,
            lags: Vec::new(),
        })
    }

    fn not_negotiated(&self) -> Feedback {
        if self.downgraded {
            return Feedback {
                kind: "none".to_owned(),
                unit: "packets".to_owned(),
                verdict: name(verdict::ALL, verdict::DOWNGRADED).to_owned(),
                text: "AccECN was offered, but the path changed the flags of the SYN: no ECN.".to_owned(),
                ..Feedback::default()
            };
        }
        let ce = self.data.asked().ce_packets + self.data.asked().ect1_packets;
        let text = if ce == 0 {
            "ECN was not negotiated.".to_owned()
        } else {
            format!(
                "ECN was not negotiated, yet {ce} packets arrived with ECT(1) or CE: something on the way wrote them."
            )
        };
        let verdict = name(verdict::ALL, verdict::NOT_NEGOTIATED).to_owned();
        Feedback { kind: "none".to_owned(), unit: "packets".to_owned(), verdict, text, ..Feedback::default() }
    }

    fn judge(&self, a: &Account) -> Feedback {
        let mut f = Feedback {
            kind: a.kind.to_owned(),
            unit: a.unit.to_owned(),
            received_signals: a.received,
            said_signals: a.said,
            heard_signals: a.heard,
            receiver_error_ppm: ppm(a.said, a.received),
            return_error_ppm: if self.one_point { 0 } else { ppm(a.heard, a.said) },
            said_acks: a.said_acks,
            heard_acks: a.heard_acks,
            said_acked_bytes: a.said_acked_bytes,
            heard_acked_bytes: a.heard_acked_bytes,
            ..Feedback::default()
        };
        let mut lags = a.lags.clone();
        f.lag_count = lags.len() as u64;
        f.lag_ns_min = lags.iter().copied().min().unwrap_or(0);
        f.lag_ns_max = lags.iter().copied().max().unwrap_or(0);
        f.lag_ns_p50 = quantile(&mut lags, 0.5);
        f.acks_lost = self.back.iter().map(|s| s.lost_packets).sum();
        f.acks_stripped = self.stripped(a.kind);
        let (mut code, mut words) = self.verdict(a, &f);
        if self.downgraded && matches!(code, verdict::COMPLETE | verdict::NOTHING_TO_SAY) {
            code = verdict::DOWNGRADED;
            words = format!("AccECN was offered, but the path changed the flags of the SYN. {words}");
        }
        f.verdict = name(verdict::ALL, code).to_owned();
        f.text = words;
        f
    }

    fn verdict(&self, a: &Account, f: &Feedback) -> (u64, String) {
        let Account { signal, received, said, heard, .. } = *a;
        let numbers = format!("{received} {signal} arrived, {said} were reported");
        if self.one_point && !self.certain {
            return (
                verdict::ONE_POINT,
                format!("Seen at one point only: {received} {signal} passed it, {said} were reported back through it."),
            );
        }
        if received == 0 && said == 0 {
            return (verdict::NOTHING_TO_SAY, format!("No {signal} arrived and none were reported."));
        }
        if said == 0 {
            return (verdict::RECEIVER_SILENT, format!("{received} {signal} arrived and the receiver reported none."));
        }
        if said + a.slack < received {
            let share = 100.0 * (received - said) as f64 / received as f64;
            return (verdict::RECEIVER_PARTIAL, format!("{numbers}: the receiver kept {share:.1} % to itself."));
        }
        if said > received + a.slack + a.extra {
            return (verdict::RECEIVER_EXCESS, format!("{numbers}: the receiver reported more than it got."));
        }
        if self.one_point {
            return (verdict::COMPLETE, format!("{numbers}. What the sender heard was not observed."));
        }
        if a.heard_high + a.slack >= said && f.acks_stripped == 0 {
            return (verdict::COMPLETE, format!("{numbers}, {heard} reached the sender."));
        }
        if f.acks_stripped > 0 {
            let n = f.acks_stripped;
            let cleared = format!("the return path changed the flags of {n} acknowledgements");
            return (verdict::RETURN_STRIPPED, format!("{numbers}, {heard} reached the sender: {cleared}."));
        }
        let lost = f.acks_lost;
        if lost == 0 && self.window.is_some() {
            let words = format!("{numbers}, {heard} reached the sender and the others were on their way.");
            return (verdict::COMPLETE, words);
        }
        if lost == 0 && a.said_acks > 0 && a.heard_acks >= a.said_acks {
            let words = format!("{numbers} by {} acknowledgements, which all reached the sender", a.said_acks);
            let order = "in another order, it seems, as they acknowledged";
            return (verdict::COMPLETE, format!("{words}, {order} {heard} there."));
        }
        (
            verdict::RETURN_LOST,
            format!("{numbers}, {heard} reached the sender: {lost} packets were lost on the way back."),
        )
    }

    /// Acknowledgements whose feedback bits the return path changed.
    fn stripped(&self, kind: &str) -> u64 {
        let sum = |f: fn(&PathSegment) -> u64| self.back.iter().map(|s| f(s)).sum::<u64>();
        let matched = match kind {
            "sce" => sum(|s| s.ae_cleared_packets),
            "accecn" => {
                sum(|s| s.ae_cleared_packets + s.ae_set_packets + s.ece_cleared_packets + s.ece_set_packets)
                    + sum(|s| s.cwr_cleared_packets + s.cwr_set_packets)
            }
            "classic" | "dctcp" => sum(|s| s.ece_cleared_packets),
            _ => 0,
        };
        // Without listed packets the flag counters tell when nothing at all came through.
        let (said, heard): (fn(&FlowInterval) -> u64, _) = match kind {
            "classic" | "dctcp" => (|t| t.tcp_ece.saturating_sub(t.tcp_syn), self.heard.asked()),
            _ => (|t| t.tcp_ae.saturating_sub(t.tcp_syn), self.heard.asked()),
        };
        let followed = self.back.iter().any(|s| s.matched_marks > 0);
        if !followed && kind != "sctp" && said(self.said.asked()) > 3 && said(heard) == 0 && heard.packets > 3 {
            return said(self.said.asked());
        }
        matched
    }

    fn common(&self, f: &mut Feedback) {
        let d = self.data.asked();
        f.data_packets = d.data_segments;
        f.data_bytes = d.payload_bytes;
        (f.ce_packets, f.ce_bytes) = (d.ce_packets, d.ce_bytes);
        (f.ect1_packets, f.ect1_bytes) = (d.ect1_packets, d.ect1_bytes);
        if !self.data.began() {
            f.warning_bits |= path_warning::PARTIAL as u32;
        }
        for s in self.back {
            f.warning_bits |= s.warning_bits & path_warning::CAPTURE_LOSS as u32;
        }
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

/// (a - b) / b in parts per million.
fn ppm(a: u64, b: u64) -> i64 {
    if b == 0 {
        return if a == 0 { 0 } else { i64::MAX };
    }
    let difference = i128::from(a) - i128::from(b);
    i64::try_from(difference * 1_000_000 / i128::from(b)).unwrap_or(i64::MAX)
}
