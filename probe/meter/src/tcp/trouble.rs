//! What went wrong with the data of one direction: holes that are open, and the counters of loss and reordering.

use sce_proto::FlowInterval;
use sce_proto::bits::quality;

/// State and counters that a clean connection never needs.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) holes: Vec<Hole>,
    pub(super) retransmitted_segments: u32,
    pub(super) retransmitted_bytes: u64,
    pub(super) spurious_segments: u32,
    pub(super) hole_events: u32,
    pub(super) hole_bytes: u64,
    pub(super) hole_reordered_bytes: u64,
    pub(super) loss_upstream_bytes: u64,
    pub(super) hole_unknown_bytes: u64,
    pub(super) unseen_acked_bytes: u64,
    pub(super) loss_downstream_bytes: u64,
    pub(super) reordered_segments: u32,
    pub(super) reorder_extent_bytes: u64,
    pub(super) reorder_extent_bytes_max: u32,
    pub(super) late_segments: u32,
    pub(super) keepalives: u32,
    pub(super) zero_window_probes: u32,
    /// More holes were open than are remembered.
    pub(super) limited: bool,
    pub(super) news: bool,
}

/// Bytes `[start, end)` that did not pass this point yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hole {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) opened_ns: u64,
    /// TSval of the segment that opened it.
    pub(super) tsval: Option<u32>,
}

impl Trouble {
    /// Hands the counters over; the holes stay open.
    pub(super) fn report(&mut self, out: &mut FlowInterval) {
        let holes = std::mem::take(&mut self.holes);
        let Trouble {
            holes: _,
            retransmitted_segments,
            retransmitted_bytes,
            spurious_segments,
            hole_events,
            hole_bytes,
            hole_reordered_bytes,
            loss_upstream_bytes,
            hole_unknown_bytes,
            unseen_acked_bytes,
            loss_downstream_bytes,
            reordered_segments,
            reorder_extent_bytes,
            reorder_extent_bytes_max,
            late_segments,
            keepalives,
            zero_window_probes,
            limited,
            news: _,
        } = std::mem::take(self);
        self.holes = holes;
        out.retransmitted_segments = u64::from(retransmitted_segments);
        out.retransmitted_bytes = retransmitted_bytes;
        out.spurious_segments = u64::from(spurious_segments);
        out.hole_events = u64::from(hole_events);
        out.hole_bytes = hole_bytes;
        out.hole_reordered_bytes = hole_reordered_bytes;
        out.loss_upstream_bytes = loss_upstream_bytes;
        out.hole_unknown_bytes = hole_unknown_bytes;
        out.unseen_acked_bytes = unseen_acked_bytes;
        out.loss_downstream_bytes = loss_downstream_bytes;
        out.reordered_segments = u64::from(reordered_segments);
        out.reorder_extent_bytes = reorder_extent_bytes;
        out.reorder_extent_bytes_max = u64::from(reorder_extent_bytes_max);
        out.late_segments = u64::from(late_segments);
        out.keepalives = u64::from(keepalives);
        out.zero_window_probes = u64::from(zero_window_probes);
        if limited {
            out.quality_bits |= quality::STATE_LIMIT;
        }
    }
}
