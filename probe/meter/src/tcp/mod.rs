//! TCP: what one point of observation can tell of a connection (RFC 9293, RFC 7323, RFC 2018, RFC 3168, RFC 9768).
//!
//! A segment goes through [`handshake`], [`sequence`] (its own data), [`acks`] (the other side's data), [`timing`] and
//! [`ecn`], in this order. Each holds what it must remember and what it counted since the last report. Directions are those
//! of the flow: the data of `Up` is acknowledged by segments of `Down`. What a clean connection does not need is made when
//! it is first needed.

mod accecn;
mod acks;
mod ecn;
mod flags;
mod handshake;
mod options;
mod ranges;
mod sequence;
mod serial;
mod timing;
mod trouble;

use sce_proto::FlowInterval;
use sce_proto::bits::end_reason;

use self::accecn::Heard;
use self::acks::Acks;
use self::ecn::EcnState;
use self::flags::Flags;
use self::handshake::Handshake;
use self::options::Options;
pub(crate) use self::sequence::Pass;
use self::sequence::Sequence;
use self::serial::after;
use self::timing::Timing;
use crate::packet::{Both, Dir, Packet, Segment, flag};
use crate::transport::{Life, Seen};
use sce_proto::fetch;

/// Both directions of a TCP connection.
#[derive(Debug, Default)]
pub(crate) struct Tcp {
    halves: Both<Half>,
    handshake: Handshake,
    ecn: EcnState,
    closed: u8,
}

/// One side: the data it sends and the acknowledgements it sends.
#[derive(Debug, Default)]
struct Half {
    flags: Flags,
    data: Sequence,
    acks: Acks,
    /// From its first data segment on.
    timing: Option<Box<Timing>>,
    /// Wire packets with payload sent, repeated ones too, modulo 2^32.
    data_packets: u32,
    flight: u32,
    flight_max: u32,
    /// Since when less than a segment fits into the receiver's window, 0 = more does.
    limited_since_ns: u64,
    limited_ns: u64,
}

impl Tcp {
    /// Asks the memory for what the next segment will touch.
    #[inline]
    pub(crate) fn fetch(&self, _: Dir) {
        fetch::value(self);
    }

    /// Asks the memory for the timing of its data, or of the data that it acknowledges.
    #[inline]
    pub(crate) fn fetch_boxes(&self, p: &Packet<'_>, dir: Dir) {
        let (mine, peer) = (&self.halves[dir], &self.halves[dir.flip()]);
        if p.payload_bytes > 0 {
            mine.timing.iter().for_each(|t| t.fetch());
            mine.data.fetch();
        } else {
            peer.data.fetch();
        }
        peer.timing.iter().for_each(|t| t.fetch());
        mine.acks.fetch();
    }

    /// Asks the memory for the segments that wait for an acknowledgement.
    #[inline]
    pub(crate) fn fetch_sent(&self, dir: Dir) {
        if let Some(timing) = &self.halves[dir.flip()].timing {
            timing.fetch_sent();
        }
    }

    /// A SYN with another initial sequence number, or a handshake on a flow that was seen without one. One that stands right
    /// before what was seen was overtaken: capture queues do that too.
    pub(crate) fn begins_anew(&self, p: &Packet<'_>, dir: Dir) -> bool {
        let Some(s) = &p.tcp else { return false };
        if !s.any(flag::SYN) || s.any(flag::RST) {
            return false;
        }
        let (mine, peer) = (&self.handshake.sides[dir], &self.handshake.sides[dir.flip()]);
        let open = self.closed == 0;
        if open && (mine.follows(s.seq) || (s.any(flag::ACK) && peer.follows(s.ack.wrapping_sub(1)))) {
            return false;
        }
        match (mine.isn, s.any(flag::ACK)) {
            // An answer begins a flow only where its SYN was not seen and something else was.
            (own, true) => own.is_none() && peer.isn.is_none() && (mine.heard() || peer.heard()),
            (Some(isn), false) => isn != s.seq,
            (None, false) => mine.heard() || (peer.heard() && !peer.sent_syn),
        }
    }

    /// Splits a superpacket by the segment size the peer announced, or by the path's usual MTU.
    pub(crate) fn split(&self, p: &mut Packet<'_>, dir: Dir, assumed_mtu: u32) {
        if p.payload_bytes <= 512 {
            return; // fits any path
        }
        let announced = match (self.handshake.sides[dir.flip()].mss, self.handshake.sides[dir].mss) {
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
            self.handshake.sides[dir].first_seq.get_or_insert(0);
            return Seen { life: self.life(), pass: Pass::First };
        };
        let o = Options::parse(s.options);
        let step = self.handshake.observe(p, s, &o, dir);
        let rtt_ns = self.handshake.rtt_ns;
        let accecn = self.ecn.is_accecn();
        let [up, down] = &mut self.halves.0;
        let (mine, peer) = if dir == Dir::Up { (up, down) } else { (down, up) };
        mine.flags.observe(p, s);
        if let Some(scale) = o.window_scale.filter(|_| s.any(flag::SYN)) {
            mine.acks.scale = Some(scale);
        }

        let holes = mine.data.has_holes();
        let placed = mine.data.observe(p, s, &o, &peer.acks, rtt_ns);
        if p.payload_bytes > 0 && !s.any(flag::SYN | flag::RST) {
            let timing = mine.timing.get_or_insert_default();
            timing.sent(p.time_ns, &placed, o.timestamps.map(|t| t.0), holes, mine.data_packets);
            mine.data_packets = mine.data_packets.wrapping_add(p.segments);
        }

        let newly = mine.acks.observe(p, s, &o, &peer.data, accecn);
        let mut covered = None;
        if s.any(flag::ACK) && !s.any(flag::RST) {
            if newly.moved {
                peer.data.acknowledged(s.ack);
            }
            if let Some(timing) = &mut peer.timing {
                covered = timing.acknowledged(p.time_ns, &newly, o.timestamps.map(|t| t.1));
            }
            if covered.is_none() && peer.data.next() == newly.ack {
                covered = Some(peer.data_packets);
            }
            peer.window(p.time_ns, &mine.acks);
        }
        if p.payload_bytes > 0 {
            mine.flight(p.time_ns, &peer.acks);
        }
        let about = Heard { newly, covered, full_size: peer.data.full_size };
        self.ecn.observe(p, s, &o, dir, step, &about);
        self.close(s);
        self.handshake.sides[dir].first_seq.get_or_insert(s.seq);
        Seen { life: self.life(), pass: placed.pass }
    }

    fn close(&mut self, s: &Segment<'_>) {
        if s.any(flag::RST) {
            self.closed = end_reason::RST as u8;
        }
        let [up, down] = &self.halves.0;
        if up.data.fin_end.is_none() || self.closed != 0 {
            return;
        }
        let acked = |sender: &Half, receiver: &Half| {
            sender.data.fin_end.is_some_and(|fin| receiver.acks.highest().is_some_and(|ack| !after(fin, ack)))
        };
        if acked(up, down) && acked(down, up) {
            self.closed = end_reason::FIN as u8;
            self.halves.0.iter_mut().filter_map(|h| h.timing.as_mut()).for_each(|t| t.close());
        }
    }

    fn life(&self) -> Life {
        let [up, down] = &self.handshake.sides.0;
        match self.closed {
            0 if up.sent_syn && !down.heard() => Life::HalfOpen,
            0 => Life::Open,
            reason => Life::Closed(reason),
        }
    }

    pub(crate) fn has_news(&self, dir: Dir) -> bool {
        let half = &self.halves[dir];
        half.data.has_news()
            || half.timing.as_ref().is_some_and(|t| t.has_news())
            || half.limited_ns > 0
            || self.halves[dir.flip()].acks.has_dsacked()
            || self.handshake.has_news(dir)
            || self.ecn.has_news(dir)
    }

    pub(crate) fn report(&mut self, dir: Dir, out: &mut FlowInterval) {
        out.dsacked_bytes = self.halves[dir.flip()].acks.take_dsacked();
        let half = &mut self.halves[dir];
        half.flags.report(out);
        half.data.report(out);
        half.acks.report(out);
        if let Some(timing) = &mut half.timing {
            timing.report(out);
        }
        out.flight_bytes_last = u64::from(half.flight);
        out.flight_bytes_max = u64::from(std::mem::take(&mut half.flight_max));
        out.rwnd_limited_ns = std::mem::take(&mut half.limited_ns);
        self.handshake.report(dir, out);
        self.ecn.report(dir, out);
    }
}

impl Half {
    /// Data passed: how much is on its way behind this point, and whether the receiver's window leaves room for more.
    fn flight(&mut self, now_ns: u64, heard: &Acks) {
        let (Some(next), Some(_)) = (self.data.next(), heard.highest()) else { return };
        self.flight = heard.outstanding(next);
        self.flight_max = self.flight_max.max(self.flight);
        self.window(now_ns, heard);
    }

    /// Takes the time during which less than one full segment of the window was left.
    fn window(&mut self, now_ns: u64, heard: &Acks) {
        let (Some(next), Some(window)) = (self.data.next(), heard.window_bytes()) else { return };
        let room = u64::from(heard.outstanding(next)) + u64::from(self.data.full_size.max(1)) <= u64::from(window);
        if room && self.limited_since_ns > 0 {
            self.limited_ns += now_ns.saturating_sub(self.limited_since_ns);
            self.limited_since_ns = 0;
        } else if !room && self.limited_since_ns == 0 && self.timing.is_some() {
            self.limited_since_ns = now_ns;
        }
    }
}
