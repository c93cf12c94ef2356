//! What the ECN bits of a connection mean, and the evidence for it.
//!
//! The handshake decides first (RFC 9768 section 3.1, RFC 3168 section 6.1.1); where it was not seen, options and behaviour
//! do. Header bit 0x100 and ECT(1) get a name only when something proves it.

use sce_proto::FlowInterval;
use sce_proto::bits::{ecn_evidence, ecn_mangling, ecn_mode};

use super::accecn::{Counters, Heard};
use super::handshake::{Opening, Step, ace};
use super::options::Options;
use crate::packet::{Both, Dir, Ecn, Packet, Segment, flag};

/// Idle AccECN acknowledges with ACE 5 for ever: this many in a row, and nothing else, prove it.
const IDLE_ACE_ACKS: u8 = 10;
/// Data packets that all have to carry ECT(1), or CE, before the sender is said to set it.
const ECT1_PACKETS: u8 = 8;
/// Times ECE has to fall without a CWR before, for DCTCP.
const FALLS_WITHOUT_CWR: u8 = 3;

/// What the two ends agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Agreed {
    /// Nothing decides it yet.
    #[default]
    Unknown,
    /// No ECN.
    Nothing,
    /// RFC 3168 flags, which DCTCP and SCE use too.
    Classic,
    /// RFC 9768.
    AccEcn,
}

/// The ECN state of a connection.
#[derive(Debug, Default)]
pub(crate) struct EcnState {
    pub(crate) agreed: Agreed,
    evidence: u8,
    falls_without_cwr: u8,
    sides: Both<Side>,
}

/// What the bits of one side's packets showed.
#[derive(Debug, Default)]
struct Side {
    mangling: u8,
    ece_on: bool,
    cwr_on: bool,
    /// CWR came since this side's peer set ECE.
    cwr_since: bool,
    /// The first packet behind the handshake was seen.
    begun: bool,
    idle_aces: u8,
    saw_ect0: bool,
    ect1_packets: u8,
    /// Mode, evidence and mangling in this direction's latest record.
    told: Option<(u8, u16, u8)>,
    /// From the first CE, ECE or CWR on.
    echo: Option<Box<Echo>>,
    /// Counters that this side reports, from the first one on.
    counters: Option<Box<Counters>>,
}

/// Times and counters of classic feedback.
#[derive(Debug, Default)]
struct Echo {
    ece_since_ns: u64,
    /// Time of the first CE that was not answered by ECE yet, 0 = none.
    ce_since_ns: u64,
    ece_episodes: u32,
    cwr_events: u32,
    ece_latch_ns: u64,
    ce_to_ece_count: u32,
    ce_to_ece_ns: (u64, u64, u64),
}

impl Side {
    fn echo(&mut self) -> &mut Echo {
        self.echo.get_or_insert_default()
    }
}

/// The result of a handshake by its flags, RFC 9768 table 2 and RFC 3168: what both ends agreed on, and the code point with
/// which the SYN arrived, where the answer says so.
pub(crate) fn negotiate(syn: u8, syn_ack: u8) -> (Agreed, Option<Ecn>) {
    match (syn, syn_ack) {
        (0b000, _) => (Agreed::Nothing, None),
        (0b011, 0b001) => (Agreed::Classic, None),
        (0b011, _) => (Agreed::Nothing, None),
        (_, 0b010) => (Agreed::AccEcn, Some(Ecn::NotEct)),
        (_, 0b011) => (Agreed::AccEcn, Some(Ecn::Ect1)),
        (_, 0b100) => (Agreed::AccEcn, Some(Ecn::Ect0)),
        (_, 0b110) => (Agreed::AccEcn, Some(Ecn::Ce)),
        (_, 0b101) => (Agreed::AccEcn, None),
        (_, 0b001) => (Agreed::Classic, None),
        _ => (Agreed::Nothing, None),
    }
}

/// The code point with which the SYN/ACK arrived, as the third ACK says it.
fn confirmed(ace: u8) -> Option<Ecn> {
    match ace {
        0b010 => Some(Ecn::NotEct),
        0b011 => Some(Ecn::Ect1),
        0b100 => Some(Ecn::Ect0),
        0b110 => Some(Ecn::Ce),
        _ => None,
    }
}

impl EcnState {
    pub(crate) fn is_accecn(&self) -> bool {
        self.agreed == Agreed::AccEcn
    }

    /// Takes a packet. `step` is what it meant for the handshake, `heard` what it acknowledged.
    pub(crate) fn observe(
        &mut self,
        p: &Packet<'_>,
        s: &Segment<'_>,
        o: &Options,
        dir: Dir,
        step: Step,
        heard: &Heard,
    ) {
        match step {
            Step::Answered { syn, syn_ack } => self.answered(dir, syn, syn_ack),
            Step::Confirmed { syn_ack } => self.third_ack(s, dir, syn_ack),
            Step::Other => {}
        }
        if s.any(flag::SYN) {
            return;
        }
        if o.accecn.is_some() {
            self.agreed = Agreed::AccEcn;
            self.evidence |= ecn_evidence::ACCECN_OPTION as u8;
        }
        self.codepoint(p, dir);
        if !s.any(flag::RST) {
            self.flags(p, s, o, dir, step, heard);
        }
    }

    fn answered(&mut self, dir: Dir, syn: Option<Opening>, syn_ack: Opening) {
        let Some(syn) = syn else { return };
        let (agreed, arrived) = negotiate(syn.ace, syn_ack.ace);
        self.agreed = agreed;
        self.evidence |= ecn_evidence::HANDSHAKE as u8;
        if arrived.is_some_and(|a| agreed == Agreed::AccEcn && a != syn.ecn) {
            self.sides[dir.flip()].mangling |= ecn_mangling::SYN_ECN as u8;
        }
        if syn.ace != 0 && syn_ack.ace == syn.ace {
            self.sides[dir].mangling |= ecn_mangling::REFLECTED as u8;
        }
    }

    fn third_ack(&mut self, s: &Segment<'_>, dir: Dir, syn_ack: Opening) {
        if !self.is_accecn() {
            return;
        }
        if confirmed(ace(s)).is_some_and(|arrived| arrived != syn_ack.ecn) {
            self.sides[dir.flip()].mangling |= ecn_mangling::SYN_ACK_ECN as u8;
        }
    }

    /// The IP header's side: code points of data, and CE that waits for its echo.
    fn codepoint(&mut self, p: &Packet<'_>, dir: Dir) {
        let side = &mut self.sides[dir];
        match p.ecn {
            Ecn::NotEct => return,
            Ecn::Ect0 if p.payload_bytes > 0 => side.saw_ect0 = true,
            Ecn::Ect1 if p.payload_bytes > 0 => side.ect1_packets = side.ect1_packets.saturating_add(1),
            Ecn::Ce => {
                let echo = side.echo();
                if echo.ce_since_ns == 0 {
                    echo.ce_since_ns = p.time_ns;
                }
            }
            Ecn::Ect0 | Ecn::Ect1 => {}
        }
        if self.agreed == Agreed::Nothing && p.ecn != Ecn::Ce {
            side.mangling |= ecn_mangling::ECT_AFTER_REFUSAL as u8;
        }
    }

    fn flags(&mut self, p: &Packet<'_>, s: &Segment<'_>, o: &Options, dir: Dir, step: Step, heard: &Heard) {
        let ace = ace(s);
        if self.agreed == Agreed::Unknown {
            self.guess(p, s, ace, dir);
        }
        let begins = !std::mem::replace(&mut self.sides[dir].begun, true);
        if self.is_accecn() {
            if begins && ace == 0 {
                self.sides[dir].mangling |= ecn_mangling::ACE_ZEROED as u8;
            }
            let from_start = self.evidence & ecn_evidence::HANDSHAKE as u8 != 0;
            let side = &mut self.sides[dir];
            let counters = side.counters.get_or_insert_with(|| Box::new(Counters::new(from_start)));
            if counters.observe(p, ace, o.accecn, heard, matches!(step, Step::Confirmed { .. })) {
                side.mangling |= ecn_mangling::OPTION_ZEROED as u8;
            }
            return;
        }
        if self.agreed == Agreed::Classic && s.any(flag::AE) {
            self.evidence |= ecn_evidence::ESCE as u8;
        }
        self.classic(p, s, dir);
    }

    /// RFC 3168: ECE from the first CE to the CWR that answers it. RFC 8257: ECE follows CE, CWR or not.
    fn classic(&mut self, p: &Packet<'_>, s: &Segment<'_>, dir: Dir) {
        let (ece, cwr) = (s.any(flag::ECE), s.any(flag::CWR));
        let [mine, peer] = self.pair(dir);
        if cwr && !mine.cwr_on && p.payload_bytes > 0 {
            mine.echo().cwr_events += 1;
        }
        if p.payload_bytes > 0 {
            mine.cwr_on = cwr;
        }
        peer.cwr_since |= cwr;
        if ece && !mine.ece_on {
            mine.ece_on = true;
            mine.echo().ece_episodes += 1;
            mine.echo().ece_since_ns = p.time_ns;
            mine.cwr_since = false;
            if let Some(echo) = peer.echo.as_mut().filter(|e| e.ce_since_ns > 0) {
                let waited = p.time_ns.saturating_sub(echo.ce_since_ns);
                let (sum, min, max) = echo.ce_to_ece_ns;
                let min = if echo.ce_to_ece_count == 0 { waited } else { min.min(waited) };
                echo.ce_to_ece_ns = (sum + waited, min, max.max(waited));
                echo.ce_to_ece_count += 1;
            }
        } else if !ece && mine.ece_on {
            mine.ece_on = false;
            let echo = mine.echo();
            echo.ece_latch_ns += p.time_ns.saturating_sub(echo.ece_since_ns);
            if !mine.cwr_since {
                self.falls_without_cwr = self.falls_without_cwr.saturating_add(1);
            }
        }
        if ece && let Some(echo) = &mut self.sides[dir.flip()].echo {
            echo.ce_since_ns = 0;
        }
    }

    fn pair(&mut self, dir: Dir) -> [&mut Side; 2] {
        let [up, down] = &mut self.sides.0;
        match dir {
            Dir::Up => [up, down],
            Dir::Down => [down, up],
        }
    }

    /// Without a handshake: what only one of the meanings allows.
    fn guess(&mut self, p: &Packet<'_>, s: &Segment<'_>, ace: u8, dir: Dir) {
        let pure = p.payload_bytes == 0 && !s.any(flag::FIN) && s.any(flag::ACK);
        if !pure {
            return;
        }
        let side = &mut self.sides[dir];
        if ace == 0b101 && side.idle_aces < u8::MAX {
            side.idle_aces += 1;
        } else {
            side.idle_aces = u8::MAX; // another value: never idle AccECN
        }
        let idle = (IDLE_ACE_ACKS..u8::MAX).contains(&side.idle_aces);
        if s.any(flag::CWR) || idle {
            // RFC 3168 sets CWR only on new data.
            self.agreed = Agreed::AccEcn;
            self.evidence |= ecn_evidence::BEHAVIOUR as u8;
        } else if ace == 0b001 {
            self.agreed = Agreed::Classic;
            self.evidence |= ecn_evidence::BEHAVIOUR as u8;
        }
    }

    /// The mode that is proven so far (`sce_proto::bits::ecn_mode`) and why.
    fn verdict(&self) -> (u64, u64) {
        let mut evidence = u64::from(self.evidence);
        let ect1 = self.sides.0.iter().any(|s| s.ect1_packets >= ECT1_PACKETS && !s.saw_ect0);
        if ect1 {
            evidence |= ecn_evidence::ECT1_SENDER;
        }
        if self.sides.0.iter().any(|s| s.ect1_packets > 0 && s.saw_ect0) {
            evidence |= ecn_evidence::ECT1_MIXED;
        }
        let mode = match self.agreed {
            Agreed::Unknown => ecn_mode::UNKNOWN,
            Agreed::Nothing => ecn_mode::NONE,
            Agreed::AccEcn if ect1 => ecn_mode::L4S,
            Agreed::AccEcn => ecn_mode::ACCECN,
            Agreed::Classic if evidence & ecn_evidence::ESCE != 0 => ecn_mode::SCE,
            Agreed::Classic if self.falls_without_cwr >= FALLS_WITHOUT_CWR => {
                evidence |= ecn_evidence::BEHAVIOUR;
                ecn_mode::DCTCP
            }
            Agreed::Classic => ecn_mode::CLASSIC,
        };
        (mode, evidence)
    }

    /// What a record of the direction says: mode, evidence, mangling. Packets of either direction can change it.
    fn story(&self, dir: Dir) -> (u8, u16, u8) {
        let (mode, evidence) = self.verdict();
        (mode as u8, evidence as u16, self.sides[dir].mangling)
    }

    pub(crate) fn has_news(&self, dir: Dir) -> bool {
        let side = &self.sides[dir];
        // A direction that was reported before learns what the other one proved since.
        side.echo.as_ref().is_some_and(|e| e.ce_to_ece_count > 0)
            || side.told.is_some_and(|told| told != self.story(dir))
    }

    pub(crate) fn report(&mut self, dir: Dir, out: &mut FlowInterval) {
        use std::mem::take;
        let story = self.story(dir);
        let (mode, evidence, mangling) = story;
        out.ecn_mode_last = u32::from(mode);
        out.ecn_evidence_bits = u32::from(evidence);
        let side = &mut self.sides[dir];
        side.told = Some(story);
        out.ecn_mangling_bits = u64::from(mangling);
        if let Some(echo) = &mut side.echo {
            out.ece_episodes = u64::from(take(&mut echo.ece_episodes));
            out.ece_latch_ns = take(&mut echo.ece_latch_ns);
            out.cwr_events = u64::from(take(&mut echo.cwr_events));
            out.ce_to_ece_count = u64::from(take(&mut echo.ce_to_ece_count));
            (out.ce_to_ece_ns_sum, out.ce_to_ece_ns_min, out.ce_to_ece_ns_max) = take(&mut echo.ce_to_ece_ns);
        }
        if let Some(counters) = &mut side.counters {
            counters.report(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9768 table 2 and RFC 3168 section 6.1.1, all 64 pairs: rows are SYNs, columns SYN/ACKs, 000 to 111.
    /// `-` no ECN, `c` classic, `a` AccECN.
    const TABLE: [(u8, &str); 8] = [
        (0b000, "--------"),
        (0b001, "-caaaaa-"),
        (0b010, "-caaaaa-"),
        (0b011, "-c------"),
        (0b100, "-caaaaa-"),
        (0b101, "-caaaaa-"),
        (0b110, "-caaaaa-"),
        (0b111, "-caaaaa-"),
    ];

    #[test]
    fn all_pairs_of_handshake_flags() {
        for (syn, row) in TABLE {
            for (syn_ack, want) in row.chars().enumerate() {
                let got = match negotiate(syn, syn_ack as u8).0 {
                    Agreed::Nothing => '-',
                    Agreed::Classic => 'c',
                    Agreed::AccEcn => 'a',
                    Agreed::Unknown => '?',
                };
                assert_eq!(got, want, "SYN {syn:03b}, SYN/ACK {syn_ack:03b}");
            }
        }
    }
}
