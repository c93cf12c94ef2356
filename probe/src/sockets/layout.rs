//! The records of `bpf/sockets.bpf.c` as Rust sees them: `struct entry` and `struct event`, read field by field.

use super::ends::Ends;
#[cfg(any(feature = "ebpf", test))]
use super::ends::on_the_wire;

/// Congestion avoidance states of Linux: open, disorder, CWR, recovery, loss.
pub(super) const CA_STATES: usize = 5;

/// Size of `struct entry` in 64-bit words.
#[cfg(any(feature = "ebpf", test))]
pub(super) const ENTRY_WORDS: usize = 72;
/// Size of `struct event`, bytes.
#[cfg(any(feature = "ebpf", test))]
pub(super) const EVENT_BYTES: usize = 264;

/// State of a socket at an event (`struct state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Congestion window, segments.
    pub cwnd: u32,
    /// Slow start threshold, segments.
    pub ssthresh: u32,
    /// Smoothed RTT in 1/8 us, as the kernel keeps it.
    pub srtt_us8: u32,
    /// Mean deviation of the RTT in 1/4 us, as the kernel keeps it.
    pub rttvar_us4: u32,
    /// Windowed minimum of the RTT, us; all ones before the first sample.
    pub min_rtt_us: u32,
    /// Segments in flight.
    pub flight: u32,
    /// `snd_nxt` - `snd_una`, bytes.
    pub flight_bytes: u32,
    /// Window offered by the peer, bytes.
    pub snd_wnd: u32,
    /// Window offered to the peer, bytes.
    pub rcv_wnd: u32,
    /// Sender's segment size, bytes.
    pub mss: u32,
    /// Next sequence number to send.
    pub snd_nxt: u32,
    /// Oldest unacknowledged sequence number.
    pub snd_una: u32,
    /// Congestion avoidance state.
    pub ca_state: u32,
    /// TCP state.
    pub tcp_state: u32,
}

/// Counters that the kernel keeps per socket (`struct totals`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Segments acknowledged or SACKed.
    pub delivered: u64,
    /// Those reported as CE-marked.
    pub delivered_ce: u64,
    /// Segments retransmitted.
    pub retransmitted: u64,
    /// Bytes retransmitted.
    pub retransmitted_bytes: u64,
    /// Segments deemed lost.
    pub lost: u64,
    /// Bytes acknowledged by the peer.
    pub acked_bytes: u64,
    /// Payload bytes sent, retransmissions included.
    pub sent_bytes: u64,
    /// Bytes received in sequence.
    pub received_bytes: u64,
    /// Segments sent.
    pub segs_out: u64,
    /// Segments received.
    pub segs_in: u64,
    /// Segments with payload sent.
    pub data_segs_out: u64,
    /// Segments with payload received.
    pub data_segs_in: u64,
    /// Duplicates reported by D-SACK.
    pub dsack: u64,
    /// Reordering events.
    pub reorderings: u64,
    /// Segments received with CE.
    pub received_ce: u64,
    /// Retransmission timeouts.
    pub rtos: u64,
}

/// Smallest and largest values in one epoch (`struct extremes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extremes {
    /// The epoch they belong to.
    pub(super) epoch: u32,
    /// Smallest congestion window.
    pub(super) cwnd_min: u32,
    /// Largest congestion window.
    pub(super) cwnd_max: u32,
    /// Smallest slow start threshold.
    pub(super) ssthresh_min: u32,
    /// Smallest smoothed RTT, 1/8 us; 0 = none.
    pub(super) srtt_min: u32,
    /// Largest smoothed RTT, 1/8 us.
    pub(super) srtt_max: u32,
    /// Most segments in flight.
    pub(super) flight_max: u32,
    /// Most bytes in flight.
    pub(super) flight_bytes_max: u32,
    /// Smallest window of the peer.
    pub(super) snd_wnd_min: u32,
}

/// What the kernel program keeps of one socket (`struct entry`). Times are CLOCK_MONOTONIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Odd while it is being written.
    pub(super) writes: u64,
    /// First event, ns.
    pub(super) first_ns: u64,
    /// Latest event, ns.
    pub(super) last_ns: u64,
    /// Whether it was seen from its beginning.
    pub(super) born: bool,
    /// When it was closed, ns; 0 = open.
    pub(super) closed_ns: u64,
    /// Events so far.
    pub(super) events: u64,
    /// Window times the time it held, segment ns.
    pub(super) cwnd_ns: u64,
    /// Time in each congestion avoidance state, ns.
    pub(super) ca_ns: [u64; CA_STATES],
    /// Changes of that state.
    pub(super) ca_changes: u64,
    /// RSTs sent.
    pub(super) resets_sent: u64,
    /// RSTs received.
    pub(super) resets_received: u64,
    /// Payload of the segments that the events saw, bytes.
    pub(super) received_data_bytes: u64,
    /// Which socket.
    pub(super) ends: Ends,
    /// Congestion control algorithm.
    pub(super) congestion_control: String,
    /// State at the latest event.
    pub(super) now: State,
    /// Counters at the latest event.
    pub(super) totals: Totals,
    /// Counters before the first event.
    pub(super) base: Totals,
    /// Extremes of the two latest epochs.
    pub(super) extremes: [Extremes; 2],
}

/// Which tracepoint an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A segment arrived on an established socket.
    Probe,
    /// A segment was retransmitted.
    Retransmit,
    /// The congestion avoidance state was set.
    CaState,
    /// A RST arrived.
    ReceiveReset,
    /// A RST was sent.
    SendReset,
}

impl EventKind {
    /// The tracepoint's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Probe => "tcp_probe",
            EventKind::Retransmit => "tcp_retransmit_skb",
            EventKind::CaState => "tcp_cong_state_set",
            EventKind::ReceiveReset => "tcp_receive_reset",
            EventKind::SendReset => "tcp_send_reset",
        }
    }
}

/// One hit of a tracepoint (`struct event`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, CLOCK_MONOTONIC ns.
    pub at_ns: u64,
    /// Socket cookie.
    pub cookie: u64,
    /// Which tracepoint.
    pub kind: EventKind,
    /// Payload of the received segment, bytes.
    pub received_data_bytes: u32,
    /// Which socket.
    pub ends: Ends,
    /// Congestion control algorithm.
    pub congestion_control: String,
    /// State before the segment is processed.
    pub now: State,
    /// Counters likewise.
    pub totals: Totals,
}

#[cfg(any(feature = "ebpf", test))]
impl Entry {
    /// Reads a map value.
    #[must_use]
    pub(super) fn read(words: &[u64; ENTRY_WORDS]) -> Option<Entry> {
        let mut bytes = [0; ENTRY_WORDS * 8];
        for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        let r = &mut Reader(&bytes);
        Some(Entry {
            writes: r.u64()?,
            first_ns: r.u64()?,
            last_ns: r.u64()?,
            born: r.u64()? != 0,
            closed_ns: r.u64()?,
            events: r.u64()?,
            cwnd_ns: r.u64()?,
            ca_ns: [r.u64()?, r.u64()?, r.u64()?, r.u64()?, r.u64()?],
            ca_changes: r.u64()?,
            resets_sent: r.u64()?,
            resets_received: r.u64()?,
            received_data_bytes: r.u64()?,
            ends: {
                let _ops = r.u64()?; // an address: of use in the kernel only
                r.ends()?
            },
            congestion_control: r.name()?,
            now: r.state()?,
            totals: r.totals()?,
            base: r.totals()?,
            extremes: [r.extremes()?, r.extremes()?],
        })
    }
}

#[cfg(any(feature = "ebpf", test))]
impl Event {
    /// Reads a ring buffer record.
    #[must_use]
    pub(super) fn read(bytes: &[u8]) -> Option<Event> {
        let r = &mut Reader(bytes.get(..EVENT_BYTES)?);
        Some(Event {
            at_ns: r.u64()?,
            cookie: r.u64()?,
            kind: match r.u32()? {
                0 => EventKind::Probe,
                1 => EventKind::Retransmit,
                2 => EventKind::CaState,
                3 => EventKind::ReceiveReset,
                4 => EventKind::SendReset,
                _ => return None,
            },
            received_data_bytes: r.u32()?,
            ends: r.ends()?,
            congestion_control: r.name()?,
            now: r.state()?,
            totals: r.totals()?,
        })
    }
}

/// Reads the native-order fields of a C struct one after the other.
#[cfg(any(feature = "ebpf", test))]
struct Reader<'a>(&'a [u8]);

#[cfg(any(feature = "ebpf", test))]
impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_ne_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_ne_bytes)
    }

    fn ends(&mut self) -> Option<Ends> {
        let (netns, local, remote) = (self.u32()?, self.u16()?, self.u16()?);
        let (from, to) = (on_the_wire(self.bytes()?), on_the_wire(self.bytes()?));
        Some(Ends { netns: netns.into(), local: (from, local), remote: (to, remote) })
    }

    fn name(&mut self) -> Option<String> {
        let bytes: [u8; 16] = self.bytes()?;
        let len = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        Some(String::from_utf8_lossy(&bytes[..len]).into_owned())
    }

    fn state(&mut self) -> Option<State> {
        Some(State {
            cwnd: self.u32()?,
            ssthresh: self.u32()?,
            srtt_us8: self.u32()?,
            rttvar_us4: self.u32()?,
            min_rtt_us: self.u32()?,
            flight: self.u32()?,
            flight_bytes: self.u32()?,
            snd_wnd: self.u32()?,
            rcv_wnd: self.u32()?,
            mss: self.u32()?,
            snd_nxt: self.u32()?,
            snd_una: self.u32()?,
            ca_state: self.u32()?,
            tcp_state: self.u32()?,
        })
    }

    fn totals(&mut self) -> Option<Totals> {
        Some(Totals {
            delivered: self.u64()?,
            delivered_ce: self.u64()?,
            retransmitted: self.u64()?,
            retransmitted_bytes: self.u64()?,
            lost: self.u64()?,
            acked_bytes: self.u64()?,
            sent_bytes: self.u64()?,
            received_bytes: self.u64()?,
            segs_out: self.u64()?,
            segs_in: self.u64()?,
            data_segs_out: self.u64()?,
            data_segs_in: self.u64()?,
            dsack: self.u64()?,
            reorderings: self.u64()?,
            received_ce: self.u64()?,
            rtos: self.u64()?,
        })
    }

    fn extremes(&mut self) -> Option<Extremes> {
        Some(Extremes {
            epoch: self.u32()?,
            cwnd_min: self.u32()?,
            cwnd_max: self.u32()?,
            ssthresh_min: self.u32()?,
            srtt_min: self.u32()?,
            srtt_max: self.u32()?,
            flight_max: self.u32()?,
            flight_bytes_max: self.u32()?,
            snd_wnd_min: self.u32()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_add_up() {
        // entry: 17 counters, ends, name, state, two totals, two extremes; event: head, ends, name, state, totals.
        let (ends, name, state, totals, extremes) = (40, 16, 14 * 4, 16 * 8, 9 * 4);
        assert_eq!(17 * 8 + ends + name + state + 2 * totals + 2 * extremes, ENTRY_WORDS * 8);
        assert_eq!(24 + ends + name + state + totals, EVENT_BYTES);
    }

    #[test]
    fn an_entry_is_read_in_the_order_of_the_c_struct() {
        let mut words = [0u64; ENTRY_WORDS];
        for (i, word) in words.iter_mut().enumerate() {
            *word = i as u64 * 0x1_0000_0001;
        }
        let entry = Entry::read(&words).unwrap();
        assert_eq!(
            (entry.writes, entry.cwnd_ns, entry.received_data_bytes),
            (0, 6 * 0x1_0000_0001, 15 * 0x1_0000_0001)
        );
        assert_eq!(entry.ends.netns, 17, "the ends follow the 17 counters");
        assert_eq!((entry.now.cwnd, entry.now.ssthresh, entry.now.tcp_state), (24, 24, 30));
        assert_eq!((entry.totals.delivered, entry.base.delivered), (31 * 0x1_0000_0001, 47 * 0x1_0000_0001));
        assert_eq!((entry.extremes[0].epoch, entry.extremes[1].snd_wnd_min), (63, 71));
    }
}
