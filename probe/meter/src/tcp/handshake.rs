//! The three-way handshake: initial numbers, options, its two halves in time, and the ECN bits it carries.

use sce_proto::FlowInterval;

use super::options::Options;
use super::serial::advance;
use crate::packet::{Both, Dir, Ecn, Packet, Segment, flag};

/// What the handshake packets of one side carried.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side {
    /// Initial sequence number: its own SYN's, or as the other side acknowledged it.
    pub(crate) isn: Option<u32>,
    /// Maximum segment size it announced, 0 = none seen.
    pub(crate) mss: u16,
    pub(crate) sent_syn: bool,
    pub(crate) sent_syn_ack: bool,
    pub(crate) sent_third_ack: bool,
    /// Sequence number of the first packet that was seen from it; 0 if its header was cut off.
    pub(crate) first_seq: Option<u32>,
    syn_ace_bits: u8,
    syn_ecn_bits: u8,
    syn_ack_ace_bits: u8,
    syn_ack_ecn_bits: u8,
    third_ack_ace_bits: u8,
    third_ack_ecn_bits: u8,
    timed: bool,
    news: bool,
    /// `rtt_ns` was not reported yet.
    untold: bool,
    /// Time its data needs to the other side and back.
    rtt_ns: u64,
}

/// Data that overtook its SYN lies this near behind it, bytes.
const NEAR: u32 = 1 << 18;

impl Side {
    /// Any packet was seen from it.
    pub(crate) fn heard(&self) -> bool {
        self.first_seq.is_some()
    }

    /// Whether what was seen first, without a SYN, follows a SYN with this initial sequence number.
    pub(crate) fn follows(&self, isn: u32) -> bool {
        self.isn.is_none() && self.first_seq.is_some_and(|seq| seq.wrapping_sub(isn.wrapping_add(1)) < NEAR)
    }
}

/// A SYN or SYN/ACK as it passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    time_ns: u64,
    tsval: Option<u32>,
    /// (AE, CWR, ECE) as a number.
    pub(crate) ace: u8,
    pub(crate) ecn: Ecn,
    /// It was sent more than once: without timestamps nobody knows which one was answered.
    repeated: bool,
}

/// The handshake of a connection.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) sides: Both<Side>,
    /// What waits for an answer: from the first packet of the handshake to its last.
    openings: Option<Box<Openings>>,
    /// The ACK that ends it came.
    confirmed: bool,
    /// Round trip of both halves, ns; 0 = not known.
    pub(crate) rtt_ns: u64,
}

/// The packets of a handshake that is not over.
#[derive(Debug, Default)]
struct Openings {
    /// Latest SYN, and the one before it if it was sent again.
    syn: Option<Opening>,
    earlier_syn: Option<Opening>,
    /// First SYN/ACK.
    syn_ack: Option<Opening>,
}

/// What a packet meant for the handshake.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The first answer to a SYN: the SYN that it answers, and the answer.
    Answered { syn: Option<Opening>, syn_ack: Opening },
    /// The ACK that ends the handshake, and the SYN/ACK that it answers.
    Confirmed { syn_ack: Opening },
    /// Another handshake packet, or none.
    Other,
}

/// (AE, CWR, ECE) as a number from 0 to 7.
pub(crate) fn ace(s: &Segment<'_>) -> u8 {
    ((s.flags & flag::AE) >> 6 | (s.flags & (flag::CWR | flag::ECE)) >> 6) as u8
}

impl Handshake {
    /// Takes a packet, before anything else looks at it.
    pub(crate) fn observe(&mut self, p: &Packet<'_>, s: &Segment<'_>, o: &Options, dir: Dir) -> Step {
        if s.any(flag::SYN) && !s.any(flag::RST) {
            let mine = &mut self.sides[dir];
            mine.mss = o.mss.unwrap_or(mine.mss);
            mine.isn = mine.isn.or(Some(s.seq));
            mine.news = true;
            let opening = Opening {
                time_ns: p.time_ns,
                tsval: o.timestamps.map(|t| t.0),
                ace: ace(s),
                ecn: p.ecn,
                repeated: false,
            };
            if s.any(flag::ACK) { self.syn_ack(opening, s, o, dir) } else { self.syn(opening, dir) }
        } else {
            self.third_ack(p, s, o, dir)
        }
    }

    fn syn(&mut self, opening: Opening, dir: Dir) -> Step {
        let mine = &mut self.sides[dir];
        mine.syn_ace_bits |= 1 << opening.ace;
        mine.syn_ecn_bits |= 1 << opening.ecn as u8;
        let openings = self.openings.get_or_insert_default();
        openings.earlier_syn = openings.syn;
        openings.syn = Some(Opening { repeated: mine.sent_syn, ..opening });
        mine.sent_syn = true;
        Step::Other
    }

    fn syn_ack(&mut self, opening: Opening, s: &Segment<'_>, o: &Options, dir: Dir) -> Step {
        let mine = &mut self.sides[dir];
        mine.syn_ack_ace_bits |= 1 << opening.ace;
        mine.syn_ack_ecn_bits |= 1 << opening.ecn as u8;
        let repeated = mine.sent_syn_ack;
        mine.sent_syn_ack = true;
        let peer = &mut self.sides[dir.flip()];
        peer.isn = peer.isn.or(Some(s.ack.wrapping_sub(1)));
        if repeated {
            if let Some(first) = self.openings.as_mut().and_then(|o| o.syn_ack.as_mut()) {
                first.repeated = true;
            }
            return Step::Other;
        }
        let openings = self.openings.get_or_insert_default();
        openings.syn_ack = Some(opening);
        let (syn, sure) = openings.answered(o.timestamps.map(|t| t.1));
        if let Some(syn) = syn.filter(|_| sure) {
            self.time(dir.flip(), opening.time_ns.saturating_sub(syn.time_ns));
        }
        Step::Answered { syn, syn_ack: opening }
    }

    /// A handshake packet of a direction was answered: once, even where both ends open at the same time.
    fn time(&mut self, dir: Dir, rtt_ns: u64) {
        let side = &mut self.sides[dir];
        if !std::mem::replace(&mut side.timed, true) {
            side.rtt_ns = rtt_ns;
            side.untold = true;
            side.news = true;
            self.rtt_ns += rtt_ns;
        }
    }

    fn third_ack(&mut self, p: &Packet<'_>, s: &Segment<'_>, o: &Options, dir: Dir) -> Step {
        if self.confirmed {
            return Step::Other; // as nearly always
        }
        let Some(syn_ack) = self.openings.as_ref().and_then(|o| o.syn_ack) else { return Step::Other };
        let peer = &self.sides[dir.flip()];
        let answers = peer.isn.is_some_and(|isn| advance(isn, s.ack) == 1);
        if !peer.sent_syn_ack || !s.any(flag::ACK) || s.any(flag::RST) || !answers {
            return Step::Other;
        }
        self.confirmed = true;
        if !peer.sent_syn {
            self.openings = None; // nobody else can answer; only if both sides sent SYNs
        }
        let side = &mut self.sides[dir];
        side.sent_third_ack = true;
        side.news = true;
        if !syn_ack.repeated {
            self.time(dir.flip(), p.time_ns.saturating_sub(syn_ack.time_ns));
        }
        // RFC 9768 section 3.2.2.1: only a pure ACK without SACK carries the handshake encoding.
        if p.payload_bytes > 0 || !o.sack().is_empty() || s.any(flag::FIN) {
            return Step::Other;
        }
        let side = &mut self.sides[dir];
        side.third_ack_ace_bits |= 1 << ace(s);
        side.third_ack_ecn_bits |= 1 << p.ecn as u8;
        Step::Confirmed { syn_ack }
    }

    pub(crate) fn has_news(&self, dir: Dir) -> bool {
        self.sides[dir].news
    }

    pub(crate) fn report(&mut self, dir: Dir, out: &mut FlowInterval) {
        let side = &mut self.sides[dir];
        side.news = false;
        out.isn = side.isn.unwrap_or(0);
        out.handshake_bits =
            u32::from(side.sent_syn) | u32::from(side.sent_syn_ack) << 1 | u32::from(side.sent_third_ack) << 2;
        out.syn_ace_bits = u64::from(side.syn_ace_bits);
        out.syn_ecn_bits = u64::from(side.syn_ecn_bits);
        out.syn_ack_ace_bits = u64::from(side.syn_ack_ace_bits);
        out.syn_ack_ecn_bits = u64::from(side.syn_ack_ecn_bits);
        out.third_ack_ace_bits = u64::from(side.third_ack_ace_bits);
        out.third_ack_ecn_bits = u64::from(side.third_ack_ecn_bits);
        if std::mem::take(&mut side.untold) {
            let rtt = side.rtt_ns;
            out.handshake_rtt_count = 1;
            out.handshake_rtt_ns_sum = rtt;
            out.handshake_rtt_ns_min = rtt;
            out.handshake_rtt_ns_max = rtt;
        }
    }
}

impl Openings {
    /// The SYN that a SYN/ACK answers, and whether that is certain: the echoed timestamp tells, or there was only one.
    fn answered(&self, tsecr: Option<u32>) -> (Option<Opening>, bool) {
        let echoed = [self.syn, self.earlier_syn].into_iter().flatten().find(|s| tsecr.is_some() && s.tsval == tsecr);
        match echoed {
            // Two SYNs within one tick of the clock look alike.
            Some(syn)
                if !syn.repeated || self.earlier_syn.is_none_or(|e| e.tsval != self.syn.and_then(|s| s.tsval)) =>
            {
                (Some(syn), true)
            }
            _ => (self.syn, self.syn.is_some_and(|s| !s.repeated)),
        }
    }
}
