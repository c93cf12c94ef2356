//! Whether the receiver told the sender about the congestion signals it got, and whether the sender heard it.
//!
//! In: the views nearest to the receiver and to the sender of a direction's data. Out: [`Feedback`] with the numbers, a short
//! code and a sentence. What the receiver got and what it said are measured at one point and by one clock, next to each
//! other, so small differences are its own; what the sender heard may lack what the return path lost or cleared.

mod account;

use sce_proto::bits::{ecn_mode, name, path_warning, verdict};
use sce_proto::{Feedback, FlowInterval, PathSegment};

use super::delay::quantile;
use super::line::{Line, View};
use super::{SCTP, TCP, Window};
use account::Account;

/// (AE, CWR, ECE) of a SYN that offers AccECN, RFC 9768 section 3.1.1, in `syn_ace_bits`.
const ACCECN_OFFER: u64 = 1 << 7;

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
        let numbers = format!("{received} {signal} arrived, {said} were reported");
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
}

/// (a - b) / b in parts per million.
fn ppm(a: u64, b: u64) -> i64 {
    if b == 0 {
        return if a == 0 { 0 } else { i64::MAX };
    }
    let difference = i128::from(a) - i128::from(b);
    i64::try_from(difference * 1_000_000 / i128::from(b)).unwrap_or(i64::MAX)
}
