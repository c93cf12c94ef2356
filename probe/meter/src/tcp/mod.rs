//! TCP: flags, acknowledgements, handshake and close.
//!
//! One [`Half`] per direction holds what its sender's segments tell. Directions are those of the flow, so the data of `Up`
//! is acknowledged by segments of `Down`.

mod flags;
mod serial;

use sce_proto::FlowInterval;
use sce_proto::bits::end_reason;

use self::flags::Flags;
use self::serial::{advance, after, later};
use crate::packet::{Both, Dir, Packet, Segment, flag};
use crate::transport::{Life, Seen};

/// Both directions of a TCP connection.
#[derive(Debug, Default)]
pub(crate) struct Tcp {
    halves: Both<Half>,
    closed: u8,
}

/// What one side's segments tell.
#[derive(Debug, Clone, Copy, Default)]
struct Half {
    flags: Flags,
    /// `SEEN_*` bits: what is known of this side.
    seen: u8,
    /// Initial sequence number, if `SEEN_ISN`.
    isn: u32,
    /// Highest acknowledgement this side sent, if `SEEN_ACK`.
    ack: u32,
    /// Sequence number behind the FIN, if `SEEN_FIN`.
    fin_end: u32,
    /// Maximum segment size this side announced, 0 = none seen.
    mss: u16,
    acked_bytes: u64,
    esce_acked_bytes: u64,
}

const SEEN_ISN: u8 = 1;
const SEEN_ACK: u8 = 2;
const SEEN_FIN: u8 = 4;
const SEEN_ANY: u8 = 8;
const SEEN_SYN: u8 = 16;
const SEEN_SYN_ACK: u8 = 32;
const SEEN_THIRD_ACK: u8 = 64;

impl Half {
    fn knows(&self, bit: u8) -> bool {
        self.seen & bit != 0
    }
}

impl Tcp {
    /// A SYN with another initial sequence number, or a handshake on a flow that was seen without one.
    pub(crate) fn begins_anew(&self, p: &Packet<'_>, dir: Dir) -> bool {
        let Some(s) = &p.tcp else { return false };
        if !s.any(flag::SYN) || s.any(flag::RST) {
            return false;
        }
        let (mine, peer) = (&self.halves[dir], &self.halves[dir.flip()]);
        if s.any(flag::ACK) {
            // The peer's SYN is this one's, or it was never seen and something else was.
            return !peer.knows(SEEN_ISN) && !mine.knows(SEEN_ISN) && (mine.knows(SEEN_ANY) || peer.knows(SEEN_ANY));
        }
        if mine.knows(SEEN_ISN) {
            return mine.isn != s.seq;
        }
        mine.knows(SEEN_ANY) || (peer.knows(SEEN_ANY) && !peer.knows(SEEN_SYN))
    }

    /// Splits a superpacket by the segment size the peer announced, or by the path's usual MTU.
    pub(crate) fn split(&self, p: &mut Packet<'_>, dir: Dir, assumed_mtu: u32) {
        let announced = match (self.halves[dir.flip()].mss, self.halves[dir].mss) {
            (0, 0) => 0,
            (0, own) => own,
            (peer, _) => peer,
        };
        // The MSS counts options as data (RFC 6691).
        let options = p.tcp.map_or(0, |s| s.options.len() as u32);
        let size = match announced {
            0 if assumed_mtu == 0 || p.ip_bytes <= assumed_mtu => return,
            0 => assumed_mtu.saturating_sub(p.header_bytes),
            mss => u32::from(mss).saturating_sub(options),
        };
        if size > 0 && p.payload_bytes > size {
            p.segments = p.payload_bytes.div_ceil(size);
            p.segment_bytes = size;
            p.estimated = true;
        }
    }

    pub(crate) fn observe(&mut self, p: &Packet<'_>, dir: Dir) -> Seen {
        let Some(s) = &p.tcp else {
            self.halves[dir].seen |= SEEN_ANY;
            return Seen { life: self.life(), first_pass: true };
        };
        self.halves[dir].flags.observe(p, s);
        self.handshake(s, dir);
        self.acknowledge(s, dir);
        self.close(p, s, dir);
        self.halves[dir].seen |= SEEN_ANY;
        Seen { life: self.life(), first_pass: true }
    }

    fn handshake(&mut self, s: &Segment<'_>, dir: Dir) {
        if !s.any(flag::SYN) {
            return;
        }
        let half = &mut self.halves[dir];
        if !half.knows(SEEN_ISN) {
            half.isn = s.seq;
            half.seen |= SEEN_ISN;
        }
        half.mss = mss(s.options).unwrap_or(half.mss);
        if s.any(flag::ACK) {
            half.seen |= SEEN_SYN_ACK;
            let peer = &mut self.halves[dir.flip()];
            if !peer.knows(SEEN_ISN) {
                peer.isn = s.ack.wrapping_sub(1);
                peer.seen |= SEEN_ISN;
            }
        } else {
            half.seen |= SEEN_SYN;
        }
    }

    /// Forward moves of the cumulative acknowledgement count, the first one seen is where counting begins. A SYN is where
    /// it begins, a FIN counts one byte.
    fn acknowledge(&mut self, s: &Segment<'_>, dir: Dir) {
        if !s.any(flag::ACK) || s.any(flag::RST) {
            return;
        }
        let (mine, peer) = (self.halves[dir], self.halves[dir.flip()]);
        let half = &mut self.halves[dir];
        if !mine.knows(SEEN_ACK) {
            half.ack = s.ack;
            half.seen |= SEEN_ACK;
            if peer.knows(SEEN_SYN_ACK) && !s.any(flag::SYN) {
                half.seen |= SEEN_THIRD_ACK;
            }
            return;
        }
        let moved = advance(mine.ack, s.ack);
        if moved > 0 {
            half.ack = s.ack;
            half.acked_bytes += u64::from(moved.unsigned_abs());
            if s.any(flag::AE) {
                half.esce_acked_bytes += u64::from(moved.unsigned_abs());
            }
        }
    }

    fn close(&mut self, p: &Packet<'_>, s: &Segment<'_>, dir: Dir) {
        if s.any(flag::RST) {
            self.closed = end_reason::RST as u8;
        }
        if s.any(flag::FIN) {
            let end = s.seq.wrapping_add(p.payload_bytes).wrapping_add(1);
            let half = &mut self.halves[dir];
            half.fin_end = if half.knows(SEEN_FIN) { later(half.fin_end, end) } else { end };
            half.seen |= SEEN_FIN;
        }
        let acked = |of: Dir| {
            let (sender, receiver) = (&self.halves[of], &self.halves[of.flip()]);
            sender.knows(SEEN_FIN) && receiver.knows(SEEN_ACK) && !after(sender.fin_end, receiver.ack)
        };
        if self.closed == 0 && self.halves[dir].knows(SEEN_ACK) && acked(Dir::Up) && acked(Dir::Down) {
            self.closed = end_reason::FIN as u8;
        }
    }

    fn life(&self) -> Life {
        match self.closed {
            0 if self.halves[Dir::Up].seen & (SEEN_SYN | SEEN_ACK) == SEEN_SYN
                && !self.halves[Dir::Down].knows(SEEN_ANY) =>
            {
                Life::HalfOpen
            }
            0 => Life::Open,
            reason => Life::Closed(reason),
        }
    }

    /// Whether the handshake was seen to begin here.
    pub(crate) fn handshake_seen(&self) -> bool {
        self.halves[Dir::Up].knows(SEEN_ISN)
    }

    pub(crate) fn report(&mut self, dir: Dir, out: &mut FlowInterval) {
        let half = &mut self.halves[dir];
        half.flags.report(out);
        out.acked_bytes = std::mem::take(&mut half.acked_bytes);
        out.esce_acked_bytes = std::mem::take(&mut half.esce_acked_bytes);
        out.isn = half.isn;
        out.handshake_bits = u32::from(half.seen / SEEN_SYN);
    }
}

/// The maximum segment size option, RFC 9293 section 3.7.1.
fn mss(options: &[u8]) -> Option<u16> {
    let mut rest = options;
    loop {
        match *rest {
            [2, 4, high, low, ..] => return Some(u16::from_be_bytes([high, low])),
            [1, ref after @ ..] => rest = after,
            [kind, length, ..] if kind != 0 && length >= 2 => rest = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}
