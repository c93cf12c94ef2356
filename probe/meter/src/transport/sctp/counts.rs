//! What is counted on one path of an association: chunks by type, and what became of the data.

use sce_proto::FlowInterval;

use super::chunk::{Chunk, kind};

/// Counters of one direction of a path since its last report.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) chunks: u32,
    pub(super) data: u32,
    pub(super) i_data: u32,
    pub(super) init: u32,
    pub(super) init_ack: u32,
    pub(super) sack: u32,
    pub(super) heartbeat: u32,
    pub(super) heartbeat_ack: u32,
    pub(super) abort: u32,
    pub(super) shutdown: u32,
    pub(super) error: u32,
    pub(super) cookie: u32,
    pub(super) ecne: u32,
    pub(super) cwr: u32,
    pub(super) auth: u32,
    pub(super) asconf: u32,
    pub(super) reconfig: u32,
    pub(super) forward_tsn: u32,
    pub(super) other: u32,
    pub(super) user_bytes: u64,
    pub(super) retransmitted: u32,
    pub(super) retransmitted_bytes: u64,
    pub(super) timeout: u32,
    pub(super) failover: u32,
    pub(super) duplicates: u32,
    pub(super) holes: u32,
    pub(super) hole_chunks: u64,
    pub(super) reordered: u32,
    pub(super) rwnd: u32,
    pub(super) rwnd_min: u32,
    pub(super) zero_windows: u32,
    pub(super) zero_window_ns: u64,
    pub(super) unordered: u32,
    pub(super) hol_chunks: u64,
    pub(super) hol_ns: u64,
    pub(super) flight_max: u64,
    pub(super) handshake_rtt_ns: Option<u64>,
}

impl Counts {
    /// Counts a chunk by its type.
    pub(super) fn chunk(&mut self, chunk: &Chunk<'_>) {
        let c = self;
        c.chunks += 1;
        let counter = match chunk.kind {
            kind::DATA => &mut c.data,
            kind::I_DATA => {
                c.data += 1;
                &mut c.i_data
            }
            kind::INIT => &mut c.init,
            kind::INIT_ACK => &mut c.init_ack,
            kind::SACK => &mut c.sack,
            kind::HEARTBEAT => &mut c.heartbeat,
            kind::HEARTBEAT_ACK => &mut c.heartbeat_ack,
            kind::ABORT => &mut c.abort,
            kind::SHUTDOWN | kind::SHUTDOWN_ACK | kind::SHUTDOWN_COMPLETE => &mut c.shutdown,
            kind::ERROR => &mut c.error,
            kind::COOKIE_ECHO | kind::COOKIE_ACK => &mut c.cookie,
            kind::ECNE => &mut c.ecne,
            kind::CWR => &mut c.cwr,
            kind::AUTH => &mut c.auth,
            kind::ASCONF | kind::ASCONF_ACK => &mut c.asconf,
            kind::RE_CONFIG => &mut c.reconfig,
            kind::FORWARD_TSN | kind::I_FORWARD_TSN => &mut c.forward_tsn,
            _ => &mut c.other,
        };
        *counter += 1;
    }

    /// Writes the counters into a record.
    pub(super) fn tell(self, out: &mut FlowInterval) {
        let Counts {
            chunks,
            data,
            i_data,
            init,
            init_ack,
            sack,
            heartbeat,
            heartbeat_ack,
            abort,
            shutdown,
            error,
            cookie,
            ecne,
            cwr,
            auth,
            asconf,
            reconfig,
            forward_tsn,
            other,
            user_bytes,
            retransmitted,
            retransmitted_bytes,
            timeout,
            failover,
            duplicates,
            holes,
            hole_chunks,
            reordered,
            rwnd,
            rwnd_min,
            zero_windows,
            zero_window_ns,
            unordered,
            hol_chunks,
            hol_ns,
            flight_max,
            handshake_rtt_ns,
        } = self;
        out.sctp_chunks = chunks.into();
        out.sctp_data_chunks = data.into();
        out.sctp_i_data_chunks = i_data.into();
        out.sctp_init_chunks = init.into();
        out.sctp_init_ack_chunks = init_ack.into();
        out.sctp_sack_chunks = sack.into();
        out.sctp_heartbeat_chunks = heartbeat.into();
        out.sctp_heartbeat_ack_chunks = heartbeat_ack.into();
        out.sctp_abort_chunks = abort.into();
        out.sctp_shutdown_chunks = shutdown.into();
        out.sctp_error_chunks = error.into();
        out.sctp_cookie_chunks = cookie.into();
        out.sctp_ecne_chunks = ecne.into();
        out.sctp_cwr_chunks = cwr.into();
        out.sctp_auth_chunks = auth.into();
        out.sctp_asconf_chunks = asconf.into();
        out.sctp_reconfig_chunks = reconfig.into();
        out.sctp_forward_tsn_chunks = forward_tsn.into();
        out.sctp_other_chunks = other.into();
        out.sctp_user_bytes = user_bytes;
        out.sctp_retransmitted_chunks = retransmitted.into();
        out.sctp_retransmitted_bytes = retransmitted_bytes;
        out.sctp_timeout_chunks = timeout.into();
        out.sctp_failover_chunks = failover.into();
        out.sctp_reported_duplicates = duplicates.into();
        out.sctp_hole_events = holes.into();
        out.sctp_hole_chunks = hole_chunks;
        out.sctp_reordered_chunks = reordered.into();
        (out.sctp_rwnd_count, out.sctp_rwnd_bytes_min) = (rwnd.into(), rwnd_min.into());
        (out.zero_window_events, out.zero_window_ns) = (zero_windows.into(), zero_window_ns);
        out.sctp_unordered_chunks = unordered.into();
        (out.sctp_hol_chunks, out.sctp_hol_ns) = (hol_chunks, hol_ns);
        out.flight_bytes_max = flight_max;
        if let Some(ns) = handshake_rtt_ns {
            (out.handshake_rtt_count, out.handshake_rtt_ns_sum) = (1, ns);
            (out.handshake_rtt_ns_min, out.handshake_rtt_ns_max) = (ns, ns);
        }
    }
}
