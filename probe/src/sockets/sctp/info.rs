//! `struct sctp_info` (include/uapi/linux/sctp.h): what sock_diag says about an association and its primary path.

use std::net::IpAddr;

use sce_proto::SocketSample;
use sce_proto::bits::socket_known;

use super::super::diag::{sockaddr, u16_at, u32_at, u64_at};

/// The fields that are used here. Times of the kernel's struct are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SctpInfo {
    pub(crate) tag: u32,
    pub(crate) peer_tag: u32,
    pub(crate) state: u32,
    pub(crate) primary: Option<IpAddr>,
    rwnd: u32,
    peer_rwnd: u32,
    unacked: u16,
    sacks_in: u64,
    sacks_out: u64,
    packets_out: u64,
    packets_in: u64,
    retransmitted: u64,
    duplicates: u64,
    gaps: u64,
    chunks_out: u64,
    chunks_in: u64,
    path_state: u32,
    cwnd: u32,
    pub(crate) srtt_ms: u32,
    pub(crate) rto_ms: u32,
    ssthresh: u32,
    partial_acked: u32,
    flight: u32,
    fragmentation_point: u32,
}

impl SctpInfo {
    /// Reads what is there.
    pub(crate) fn read(b: &[u8]) -> SctpInfo {
        let u32_of = |at| u32_at(b, at).unwrap_or(0);
        let u64_of = |at| u64_at(b, at).unwrap_or(0);
        SctpInfo {
            tag: u32_of(0),
            state: u32_of(4),
            rwnd: u32_of(8),
            unacked: u16_at(b, 12).unwrap_or(0),
            fragmentation_point: u32_of(20),
            peer_rwnd: u32_of(44),
            peer_tag: u32_of(48),
            sacks_in: u64_of(56),
            sacks_out: u64_of(64),
            packets_out: u64_of(72),
            packets_in: u64_of(80),
            retransmitted: u64_of(88),
            duplicates: u64_of(104),
            gaps: u64_of(112),
            chunks_out: u64_of(120) + u64_of(136),
            chunks_in: u64_of(128) + u64_of(144),
            primary: b.get(168..).and_then(sockaddr),
            path_state: u32_of(296),
            cwnd: u32_of(300),
            srtt_ms: u32_of(304),
            rto_ms: u32_of(308),
            ssthresh: u32_of(328),
            partial_acked: u32_of(332),
            flight: u32_of(336),
        }
    }

    /// Names the association: both verification tags (RFC 9260 section 3.1).
    pub(crate) fn cookie(&self) -> u64 {
        u64::from(self.tag) << 32 | u64::from(self.peer_tag)
    }

    /// Whether anything was sent or received since.
    pub(crate) fn moved(&self, before: &SctpInfo) -> bool {
        (self.packets_in, self.packets_out) != (before.packets_in, before.packets_out)
    }

    /// The sample of the association on its primary path.
    pub(crate) fn fill(&self, before: &SctpInfo, s: &mut SocketSample) {
        s.known_bits |= socket_known::PATH | socket_known::CHUNKS | socket_known::RTT;
        s.events = 1;
        s.cookie = self.cookie();
        s.state_last = self.state.into();
        let cwnd = u64::from(self.cwnd);
        (s.cwnd_bytes_last, s.cwnd_bytes_min, s.cwnd_bytes_max) = (cwnd, cwnd, cwnd);
        s.ssthresh_bytes_last = self.ssthresh.into();
        (s.flight_bytes_last, s.flight_bytes_max) = (self.flight.into(), self.flight.into());
        s.partial_acked_bytes_last = self.partial_acked.into();
        s.path_state_last = self.path_state.into();
        s.path_primary_last = 1;
        let srtt_ns = u64::from(self.srtt_ms) * 1_000_000;
        (s.srtt_ns_last, s.srtt_ns_min, s.srtt_ns_max) = (srtt_ns, srtt_ns, srtt_ns);
        s.rto_ns_last = u64::from(self.rto_ms) * 1_000_000;
        (s.snd_wnd_bytes_last, s.snd_wnd_bytes_min) = (self.peer_rwnd.into(), self.peer_rwnd.into());
        s.rcv_wnd_bytes_last = self.rwnd.into();
        s.mss_bytes_last = self.fragmentation_point.into();
        s.unacked_chunks_last = self.unacked.into();
        let since = |now: u64, before: u64| now.saturating_sub(before);
        s.segments_out = since(self.packets_out, before.packets_out);
        s.segments_in = since(self.packets_in, before.packets_in);
        s.retransmitted_chunks = since(self.retransmitted, before.retransmitted);
        s.chunks_out = since(self.chunks_out, before.chunks_out);
        s.chunks_in = since(self.chunks_in, before.chunks_in);
        s.sacks_out = since(self.sacks_out, before.sacks_out);
        s.sacks_in = since(self.sacks_in, before.sacks_in);
        s.duplicate_chunks_in = since(self.duplicates, before.duplicates);
        s.gap_acks_in = since(self.gaps, before.gaps);
    }
}
