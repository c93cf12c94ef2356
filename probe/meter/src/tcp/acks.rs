//! What one side acknowledges: cumulative numbers, SACK, windows (RFC 9293, RFC 2018, RFC 2883, RFC 5681, RFC 7323).

use sce_proto::FlowInterval;

use super::options::Options;
use super::ranges::Ranges;
use super::sequence::Sequence;
use super::serial::{advance, after};
use crate::packet::{Packet, Segment, flag};

/// Largest window there can be, RFC 7323 section 2.3.
const MAX_WINDOW: i32 = 1 << 30;

/// What one side's segments acknowledge of the other side's data.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// Highest acknowledgement number.
    highest: Option<u32>,
    window: u16,
    /// Window scale announced in this side's SYN; `None` where it was not seen.
    pub(crate) scale: Option<u8>,
    fin_counted: bool,
    window_known: bool,
    acked_bytes: u64,
    delivered_bytes: u64,
    duplicate_acks: u32,
    window_updates: u32,
    stretch_acks: u32,
    advancing_acks: u32,
    window_bytes_max: u32,
    first_ack_ns: u64,
    last_ack_ns: u64,
    /// SACKed ranges above `highest`, while there are any.
    sacked: Option<Box<Ranges>>,
    /// From the first of them on.
    rare: Option<Box<Rare>>,
}

/// What a connection without loss, marks and full windows never needs.
#[derive(Debug, Default)]
struct Rare {
    esce_acked_bytes: u64,
    ece_acked_bytes: u64,
    sacked_bytes: u64,
    dsacked_bytes: u64,
    zero_window_events: u32,
    zero_since_ns: u64,
    zero_window_ns: u64,
}

/// What a segment newly acknowledged.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Newly {
    /// The highest acknowledgement number, where there is any.
    pub(crate) ack: Option<u32>,
    /// The cumulative number moved forward.
    pub(crate) moved: bool,
    /// Older than what was acknowledged before: it says nothing.
    pub(crate) outdated: bool,
    /// Right edge of the highest block that was newly SACKed.
    pub(crate) sacked_to: Option<u32>,
    /// Bytes acknowledged or SACKed for the first time.
    pub(crate) delivered: u32,
}

impl Acks {
    /// Asks the memory for the SACKed ranges.
    #[inline]
    pub(crate) fn fetch(&self) {
        if let Some(sacked) = &self.sacked {
            sce_proto::fetch::value(&**sacked);
        }
    }

    /// The highest acknowledgement number.
    pub(crate) fn highest(&self) -> Option<u32> {
        self.highest
    }

    /// Whether everything below a number is acknowledged.
    pub(crate) fn covers(&self, number: u32) -> bool {
        self.highest.is_some_and(|h| !after(number, h))
    }

    /// Whether `[start, end)` is acknowledged or SACKed.
    pub(crate) fn has(&self, start: u32, end: u32) -> bool {
        self.covers(end) || self.sacked.as_ref().is_some_and(|s| s.contains(start, end))
    }

    pub(crate) fn window_is_zero(&self) -> bool {
        self.window_known && self.window == 0
    }

    /// The advertised window, bytes, where its scale is known.
    pub(crate) fn window_bytes(&self) -> Option<u32> {
        self.scale.filter(|_| self.window_known).map(|scale| u32::from(self.window) << scale)
    }

    /// Bytes of `next` that are neither acknowledged nor SACKed.
    pub(crate) fn outstanding(&self, next: u32) -> u32 {
        let unacked = self.highest.map_or(0, |h| advance(h, next).max(0).unsigned_abs());
        unacked.saturating_sub(self.sacked.as_ref().map_or(0, |s| s.bytes()))
    }

    /// Takes a segment of this side. `data` is what the other side sent, `accecn` whether ACKs may acknowledge ACKs.
    pub(crate) fn observe(
        &mut self,
        p: &Packet<'_>,
        s: &Segment<'_>,
        o: &Options,
        data: &Sequence,
        accecn: bool,
    ) -> Newly {
        if !s.any(flag::ACK) || s.any(flag::RST) {
            return Newly::default();
        }
        let (old_window, known) = (self.window, self.window_known);
        self.keep_window(p, s);
        let Some(highest) = self.highest else {
            self.highest = Some(s.ack);
            self.first_ack_ns = p.time_ns;
            // The first number is where counting begins.
            return Newly { ack: Some(s.ack), ..Newly::default() };
        };
        let moved = advance(highest, s.ack);
        let mut newly = Newly { ack: Some(highest), outdated: moved < 0, ..Newly::default() };
        if moved > 0 {
            self.highest = Some(s.ack);
            self.advancing_acks += 1;
            self.last_ack_ns = p.time_ns;
            self.acked_bytes += u64::from(moved.unsigned_abs());
            newly.ack = Some(s.ack);
            newly.moved = true;
            newly.delivered = self.deliver(moved.unsigned_abs(), s.ack, data);
            if data.full_size > 0 && moved.unsigned_abs() > data.full_size.saturating_mul(2) {
                self.stretch_acks += 1;
            }
        } else if moved == 0 && p.payload_bytes == 0 && !s.any(flag::SYN | flag::FIN) && known {
            if s.window != old_window {
                self.window_updates += 1;
            } else if data.next().is_some_and(|n| after(n, highest)) && (!accecn || !o.sack().is_empty()) {
                self.duplicate_acks += 1;
            }
        }
        if !o.sack().is_empty() {
            self.selective(o.sack(), data, &mut newly);
        }
        self.delivered_bytes += u64::from(newly.delivered);
        if s.any(flag::AE | flag::ECE) && !s.any(flag::SYN) && newly.delivered > 0 {
            let rare = self.rare.get_or_insert_default();
            if s.any(flag::AE) {
                rare.esce_acked_bytes += u64::from(newly.delivered);
            }
            if s.any(flag::ECE) && !accecn {
                rare.ece_acked_bytes += u64::from(newly.delivered);
            }
        }
        newly
    }

    /// Bytes of a forward move that were not SACKed before; the FIN's number is none of them.
    fn deliver(&mut self, moved: u32, ack: u32, data: &Sequence) -> u32 {
        let before = self.sacked.as_mut().map_or(0, |s| s.remove_below(ack));
        let mut delivered = moved.saturating_sub(before);
        if !self.fin_counted && data.fin_end.is_some_and(|f| !after(f, ack)) {
            self.fin_counted = true;
            delivered = delivered.saturating_sub(1);
        }
        delivered
    }

    #[cold]
    fn selective(&mut self, blocks: &[(u32, u32)], data: &Sequence, newly: &mut Newly) {
        let Some(ack) = self.highest else { return };
        let rare = self.rare.get_or_insert_default();
        for (i, (start, end)) in blocks.iter().copied().enumerate() {
            let beyond = data.next().is_some_and(|n| after(end, n)) || advance(ack, end) > MAX_WINDOW;
            if !after(end, start) || beyond {
                continue; // damaged, or about data that never passed here
            }
            // RFC 2883 section 4: the first block may report what came twice.
            let inside_second = blocks.get(1).is_some_and(|b| !after(b.0, start) && !after(end, b.1));
            if i == 0 && (!after(end, ack) || inside_second) {
                rare.dsacked_bytes += u64::from(end.wrapping_sub(start));
                continue;
            }
            let start = if after(ack, start) { ack } else { start };
            if !after(end, start) {
                continue;
            }
            let bytes = self.sacked.get_or_insert_default().insert(start, end);
            if bytes > 0 {
                rare.sacked_bytes += u64::from(bytes);
                newly.delivered += bytes;
                newly.sacked_to = Some(newly.sacked_to.filter(|e| after(*e, end)).unwrap_or(end));
            }
        }
        if self.sacked.as_ref().is_some_and(|s| s.is_empty()) {
            self.sacked = None;
        }
    }

    fn keep_window(&mut self, p: &Packet<'_>, s: &Segment<'_>) {
        // The window of a SYN is never scaled; it is over with the next segment.
        if s.any(flag::SYN) {
            return;
        }
        if s.window == 0 && (self.window != 0 || !self.window_known) {
            let rare = self.rare.get_or_insert_default();
            rare.zero_window_events += 1;
            rare.zero_since_ns = p.time_ns;
        } else if s.window != 0 && self.window_is_zero() {
            let rare = self.rare.get_or_insert_default();
            rare.zero_window_ns += p.time_ns.saturating_sub(rare.zero_since_ns);
        }
        self.window = s.window;
        self.window_known = true;
        if let Some(bytes) = self.window_bytes() {
            self.window_bytes_max = self.window_bytes_max.max(bytes);
        }
    }

    /// Bytes the receiver had got twice, for the record of the direction that sent them.
    pub(crate) fn take_dsacked(&mut self) -> u64 {
        self.rare.as_mut().map_or(0, |r| std::mem::take(&mut r.dsacked_bytes))
    }

    pub(crate) fn has_dsacked(&self) -> bool {
        self.rare.as_ref().is_some_and(|r| r.dsacked_bytes > 0)
    }

    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        use std::mem::take;
        out.acked_bytes = take(&mut self.acked_bytes);
        out.delivered_bytes = take(&mut self.delivered_bytes);
        out.duplicate_acks = u64::from(take(&mut self.duplicate_acks));
        out.window_updates = u64::from(take(&mut self.window_updates));
        out.stretch_acks = u64::from(take(&mut self.stretch_acks));
        out.advancing_acks = u64::from(take(&mut self.advancing_acks));
        out.window_bytes_last = u64::from(self.window_bytes().unwrap_or(0));
        out.window_bytes_max = u64::from(take(&mut self.window_bytes_max));
        out.first_ack_ns = take(&mut self.first_ack_ns);
        out.last_ack_ns = take(&mut self.last_ack_ns);
        let Some(rare) = &mut self.rare else { return };
        out.esce_acked_bytes = take(&mut rare.esce_acked_bytes);
        out.ece_acked_bytes = take(&mut rare.ece_acked_bytes);
        out.sacked_bytes = take(&mut rare.sacked_bytes);
        out.zero_window_events = u64::from(take(&mut rare.zero_window_events));
        out.zero_window_ns = take(&mut rare.zero_window_ns);
    }
}
