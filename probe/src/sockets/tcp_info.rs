//! `struct tcp_info` (include/uapi/linux/tcp.h), which only ever grows at its end.
//!
//! In: as many bytes as the running kernel gives. Out: the fields; 0 for those it does not have yet. And from two of them, a
//! [`SocketSample`].

use sce_proto::SocketSample;
use sce_proto::bits::socket_known;

use super::diag::{u16_at, u32_at, u64_at};

/// Where the AccECN counters end: Linux 6.18.
const WITH_ACCECN: usize = 276;

macro_rules! tcp_info {
    ($($(#[$doc:meta])* $name:ident: $read:ident @ $at:expr;)*) => {
        /// The fields that are used here, widened to 64 bits. Times are microseconds, as in the kernel's struct.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct TcpInfo {
            /// Bytes the kernel gave.
            pub length: usize,
            $($(#[$doc])* pub $name: u64,)*
        }

        impl TcpInfo {
            /// Reads what is there.
            #[must_use]
            pub fn read(bytes: &[u8]) -> TcpInfo {
                TcpInfo { length: bytes.len(), $($name: $read(bytes, $at).map_or(0, u64::from),)* }
            }
        }
    };
}

fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

tcp_info! {
    /// TCP state.
    state: u8_at @ 0;
    /// Congestion avoidance state.
    ca_state: u8_at @ 1;
    /// Negotiated options: bit set.
    options: u8_at @ 5;
    /// Retransmission timeout, us.
    rto_us: u32_at @ 8;
    /// Sender's segment size.
    mss: u32_at @ 16;
    /// Segments sent and not cumulatively acknowledged.
    unacked: u32_at @ 24;
    /// Of them, SACKed.
    sacked: u32_at @ 28;
    /// Of them, deemed lost.
    lost: u32_at @ 32;
    /// Of them, retransmitted.
    retrans: u32_at @ 36;
    /// Path MTU.
    path_mtu: u32_at @ 60;
    /// Smoothed RTT, us.
    srtt_us: u32_at @ 68;
    /// Mean deviation of the RTT, us.
    rttvar_us: u32_at @ 72;
    /// Slow start threshold.
    ssthresh: u32_at @ 76;
    /// Congestion window.
    cwnd: u32_at @ 80;
    /// Segments retransmitted so far.
    total_retrans: u32_at @ 100;
    /// Pacing rate, bytes per second; all ones = not paced.
    pacing_rate: u64_at @ 104;
    /// Bytes acknowledged.
    acked_bytes: u64_at @ 120;
    /// Bytes received in sequence.
    received_bytes: u64_at @ 128;
    /// Segments sent.
    segs_out: u32_at @ 136;
    /// Segments received.
    segs_in: u32_at @ 140;
    /// Windowed minimum of the RTT, us; all ones = none yet.
    min_rtt_us: u32_at @ 148;
    /// Segments with payload received.
    data_segs_in: u32_at @ 152;
    /// Segments with payload sent.
    data_segs_out: u32_at @ 156;
    /// Latest delivery rate, bytes per second.
    delivery_rate: u64_at @ 160;
    /// Time with data outstanding or waiting, us.
    busy_us: u64_at @ 168;
    /// Time limited by the peer's window, us.
    rwnd_limited_us: u64_at @ 176;
    /// Time limited by the send buffer, us.
    sndbuf_limited_us: u64_at @ 184;
    /// Segments delivered.
    delivered: u32_at @ 192;
    /// Of them, reported as CE-marked.
    delivered_ce: u32_at @ 196;
    /// Payload bytes sent.
    sent_bytes: u64_at @ 200;
    /// Payload bytes retransmitted.
    retransmitted_bytes: u64_at @ 208;
    /// Duplicates reported by D-SACK.
    dsack: u32_at @ 216;
    /// Reordering events.
    reorderings: u32_at @ 220;
    /// Window offered by the peer.
    snd_wnd: u32_at @ 228;
    /// Window offered to the peer.
    rcv_wnd: u32_at @ 232;
    /// Retransmission timeouts.
    rtos: u16_at @ 240;
    /// AccECN: segments received with CE.
    received_ce: u32_at @ 248;
    /// AccECN: bytes the peer reported with ECT(1).
    delivered_e1_bytes: u32_at @ 252;
    /// AccECN: bytes the peer reported with ECT(0).
    delivered_e0_bytes: u32_at @ 256;
    /// AccECN: bytes the peer reported with CE.
    delivered_ce_bytes: u32_at @ 260;
    /// AccECN: bytes received with ECT(1).
    received_e1_bytes: u32_at @ 264;
    /// AccECN: bytes received with ECT(0).
    received_e0_bytes: u32_at @ 268;
    /// AccECN: bytes received with CE.
    received_ce_bytes: u32_at @ 272;
}

/// Difference of a 32-bit counter of the kernel.
fn since(now: u64, before: u64) -> u64 {
    u64::from((now as u32).wrapping_sub(before as u32))
}

impl TcpInfo {
    /// What only TCP_INFO knows: limits, rates, timeouts, options, AccECN.
    pub fn fill_limits(&self, before: &TcpInfo, s: &mut SocketSample) {
        s.known_bits |= socket_known::LIMITS;
        s.rto_ns_last = self.rto_us * 1000;
        s.busy_us = self.busy_us.saturating_sub(before.busy_us);
        s.rwnd_limited_us = self.rwnd_limited_us.saturating_sub(before.rwnd_limited_us);
        s.sndbuf_limited_us = self.sndbuf_limited_us.saturating_sub(before.sndbuf_limited_us);
        s.pacing_bytes_per_s_last = if self.pacing_rate == u64::MAX { 0 } else { self.pacing_rate };
        s.delivery_bytes_per_s_last = self.delivery_rate;
        s.tcp_options_bits = self.options;
        s.path_mtu_bytes_last = self.path_mtu;
        if self.length >= WITH_ACCECN {
            s.known_bits |= socket_known::ACCECN;
            s.delivered_ect1_bytes = since(self.delivered_e1_bytes, before.delivered_e1_bytes);
            s.delivered_ect0_bytes = since(self.delivered_e0_bytes, before.delivered_e0_bytes);
            s.delivered_ce_bytes = since(self.delivered_ce_bytes, before.delivered_ce_bytes);
            s.received_ect1_bytes = since(self.received_e1_bytes, before.received_e1_bytes);
            s.received_ect0_bytes = since(self.received_e0_bytes, before.received_e0_bytes);
            s.received_ce_bytes = since(self.received_ce_bytes, before.received_ce_bytes);
        }
    }

    /// Everything, for a source that has nothing else.
    pub fn fill(&self, before: &TcpInfo, s: &mut SocketSample) {
        self.fill_limits(before, s);
        s.known_bits |= socket_known::WINDOW | socket_known::VOLUME;
        if self.srtt_us > 0 {
            s.known_bits |= socket_known::RTT;
        }
        s.events = 1;
        s.state_last = self.state;
        s.ca_state_last = self.ca_state;
        s.ca_changes = u64::from(self.ca_state != before.ca_state);
        (s.cwnd_segments_last, s.cwnd_segments_min, s.cwnd_segments_max) = (self.cwnd, self.cwnd, self.cwnd);
        (s.ssthresh_segments_last, s.ssthresh_segments_min) = (self.ssthresh, self.ssthresh);
        let srtt_ns = self.srtt_us * 1000;
        (s.srtt_ns_last, s.srtt_ns_min, s.srtt_ns_max) = (srtt_ns, srtt_ns, srtt_ns);
        s.rttvar_ns_last = self.rttvar_us * 1000;
        s.kernel_min_rtt_ns_last = if self.min_rtt_us == u64::from(u32::MAX) { 0 } else { self.min_rtt_us * 1000 };
        let flight = (self.unacked + self.retrans).saturating_sub(self.sacked + self.lost);
        (s.flight_segments_last, s.flight_segments_max) = (flight, flight);
        (s.snd_wnd_bytes_last, s.snd_wnd_bytes_min) = (self.snd_wnd, self.snd_wnd);
        s.rcv_wnd_bytes_last = self.rcv_wnd;
        s.mss_bytes_last = self.mss;
        s.delivered_segments = since(self.delivered, before.delivered);
        s.delivered_ce_segments = since(self.delivered_ce, before.delivered_ce);
        s.retransmitted_segments = since(self.total_retrans, before.total_retrans);
        s.retransmitted_bytes = self.retransmitted_bytes.saturating_sub(before.retransmitted_bytes);
        s.acked_bytes = self.acked_bytes.saturating_sub(before.acked_bytes);
        s.sent_bytes = self.sent_bytes.saturating_sub(before.sent_bytes);
        s.received_bytes = self.received_bytes.saturating_sub(before.received_bytes);
        s.segments_out = since(self.segs_out, before.segs_out);
        s.segments_in = since(self.segs_in, before.segs_in);
        s.data_segments_out = since(self.data_segs_out, before.data_segs_out);
        s.data_segments_in = since(self.data_segs_in, before.data_segs_in);
        s.dsack_segments = since(self.dsack, before.dsack);
        s.reorderings_seen = since(self.reorderings, before.reorderings);
        s.rto_expiries = u64::from((self.rtos as u16).wrapping_sub(before.rtos as u16));
        s.received_ce_segments = since(self.received_ce, before.received_ce);
    }

    /// Whether anything was sent or received since.
    #[must_use]
    pub fn moved(&self, before: &TcpInfo) -> bool {
        (self.segs_in, self.segs_out, self.total_retrans) != (before.segs_in, before.segs_out, before.total_retrans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_struct_of_an_old_kernel_reads_as_far_as_it_goes() {
        let mut bytes = vec![0; 104]; // Linux 3.x
        bytes[80] = 42;
        let info = TcpInfo::read(&bytes);
        assert_eq!((info.cwnd, info.delivered, info.received_ce_bytes), (42, 0, 0));
        let mut s = SocketSample::default();
        info.fill(&TcpInfo::default(), &mut s);
        assert_eq!(s.known_bits & socket_known::ACCECN, 0);
        assert_eq!(s.cwnd_segments_last, 42);
    }

    #[test]
    fn counters_are_differences() {
        let before = TcpInfo { delivered: u32::MAX.into(), sent_bytes: 100, segs_in: 1, ..TcpInfo::default() };
        let now = TcpInfo { delivered: 1, sent_bytes: 350, segs_in: 2, unacked: 9, lost: 2, ..TcpInfo::default() };
        let mut s = SocketSample::default();
        now.fill(&before, &mut s);
        assert_eq!((s.delivered_segments, s.sent_bytes, s.flight_segments_last), (2, 250, 7));
        assert!(now.moved(&before) && !now.moved(&now));
    }
}
