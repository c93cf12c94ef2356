//! AccECN feedback, RFC 9768: the ACE field counts CE packets modulo 8, the option counts bytes modulo 2^24.
//!
//! A passive observer that saw the data knows how many packets an ACK can speak of, which decides most wraps. Where it does
//! not, the fewest and the most are kept beside the best estimate.

use sce_proto::FlowInterval;

use super::acks::Newly;
use super::options::AccEcnOption;
use crate::packet::Packet;

/// Initial value of the CE packet counter, RFC 9768 section 3.2.1.
const INITIAL_CEP: u8 = 5;
/// Initial values of the option's counters.
const INITIAL_ECT: u32 = 1;
const MASK24: u32 = 0x00ff_ffff;

/// What a packet acknowledges of the other side's data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) newly: Newly,
    /// Wire packets with payload that the other side had sent before the first one it leaves open, where that is known.
    pub(crate) covered: Option<u32>,
    /// Largest payload of the other side's packets, 0 = none was seen.
    pub(crate) full_size: u32,
}

/// The counters that one side reports.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Latest ACE value; `None` before the first.
    ace: Option<u8>,
    /// Wire packets with payload of the other side that the latest ACK covered.
    covered: Option<u32>,
    ect0: Option<u32>,
    ce: Option<u32>,
    ect1: Option<u32>,
    ce_packets: u64,
    low_packets: u64,
    high_packets: u64,
    ambiguous_acks: u32,
    options: u32,
    heard_option: bool,
    ect0_bytes: u64,
    ect1_bytes: u64,
    ce_bytes: u64,
}

impl Counters {
    /// Counters that begin with the connection, or where observation began.
    pub(crate) fn new(from_start: bool) -> Counters {
        if !from_start {
            return Counters::default();
        }
        Counters {
            ace: Some(INITIAL_CEP),
            covered: Some(0),
            ect0: Some(INITIAL_ECT),
            ce: Some(0),
            ect1: Some(INITIAL_ECT),
            ..Counters::default()
        }
    }

    /// Takes a packet of this side. Returns whether its option has a zero that only a middlebox can have written.
    pub(crate) fn observe(
        &mut self,
        p: &Packet<'_>,
        ace: u8,
        option: Option<AccEcnOption>,
        heard: &Heard,
        third_ack: bool,
    ) -> bool {
        if heard.newly.outdated {
            return false; // superseded: its counters are older than what was heard
        }
        let mut zeroed = false;
        let mut ce_bytes = None;
        if let Some(option) = option {
            let first = !std::mem::replace(&mut self.heard_option, true);
            zeroed = first && (option.ect0 == Some(0) || option.ect1 == Some(0));
            self.options += 1;
            ce_bytes = option.ce.map(|now| u64::from(forward(&mut self.ce, now)));
            self.ce_bytes += ce_bytes.unwrap_or(0);
            self.ect0_bytes += option.ect0.map_or(0, |now| u64::from(forward(&mut self.ect0, now)));
            self.ect1_bytes += option.ect1.map_or(0, |now| u64::from(forward(&mut self.ect1, now)));
        }
        if !third_ack {
            self.packets(p, ace, heard, ce_bytes);
        } else if ace == 0b110 {
            // The SYN/ACK arrived with CE: the counter begins at 6 (RFC 9768 section 3.2.2.1).
            self.add(1, 1, 1);
            self.ace = Some(INITIAL_CEP + 1);
        }
        zeroed
    }

    /// RFC 9768 section 3.2.2.5: how far the counter moved, for a field of three bits.
    fn packets(&mut self, p: &Packet<'_>, ace: u8, heard: &Heard, ce_bytes: Option<u64>) {
        let before = self.ace.replace(ace);
        let sent = self.acknowledged(heard);
        let delivered = heard.newly.delivered;
        let Some(before) = before else { return };
        let delta = u64::from(ace.wrapping_sub(before) & 7);
        let packets = u64::from(sent);
        if packets < 8 || packets < delta + 8 {
            self.add(delta, delta, delta);
            return;
        }
        let high = packets - (packets - delta) % 8;
        let best = match ce_bytes {
            Some(0) => delta,
            Some(bytes) => {
                // Nearest candidate to what the bytes say, at the mean payload of the packets that were acknowledged.
                let mean = (u64::from(delivered) / packets).max(1);
                let wanted = bytes.div_ceil(mean).clamp(delta, high);
                let below = wanted - (wanted - delta) % 8;
                if wanted - below > 4 && below + 8 <= high { below + 8 } else { below }
            }
            None => {
                self.ambiguous_acks += p.segments;
                delta
            }
        };
        let (low, high) = if ce_bytes.is_some() { (best, best) } else { (delta, high) };
        self.add(best, low, high);
    }

    /// How many packets with payload an ACK speaks of: exactly where the data passed here and is remembered, else full-sized
    /// packets are the best guess.
    fn acknowledged(&mut self, heard: &Heard) -> u32 {
        let guess = match heard.full_size {
            0 => heard.newly.delivered.div_ceil(USUAL_PAYLOAD),
            size => heard.newly.delivered.div_ceil(size),
        };
        let exact = match (heard.covered, self.covered) {
            (Some(now), Some(then)) => Some(now.wrapping_sub(then)).filter(|n| *n < 1 << 31),
            _ => None,
        };
        self.covered = heard.covered.or(self.covered.map(|c| c.wrapping_add(guess)));
        exact.unwrap_or(guess)
    }

    fn add(&mut self, best: u64, low: u64, high: u64) {
        self.ce_packets += best;
        self.low_packets += low;
        self.high_packets += high;
    }

    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        use std::mem::take;
        out.ace_ce_packets = take(&mut self.ce_packets);
        out.ace_ce_low_packets = take(&mut self.low_packets);
        out.ace_ce_high_packets = take(&mut self.high_packets);
        out.ace_ambiguous_acks = u64::from(take(&mut self.ambiguous_acks));
        out.accecn_options = u64::from(take(&mut self.options));
        out.option_ect0_bytes = take(&mut self.ect0_bytes);
        out.option_ect1_bytes = take(&mut self.ect1_bytes);
        out.option_ce_bytes = take(&mut self.ce_bytes);
    }
}

/// Payload of an ordinary packet, where the data was not seen, bytes.
const USUAL_PAYLOAD: u32 = 1448;

/// Moves a 24-bit counter on; how far it went. A step back is a reordered option and counts nothing.
fn forward(counter: &mut Option<u32>, now: u32) -> u32 {
    let Some(before) = counter.replace(now) else { return 0 };
    let step = now.wrapping_sub(before) & MASK24;
    if step >= 1 << 23 {
        *counter = Some(before);
        return 0;
    }
    step
}
