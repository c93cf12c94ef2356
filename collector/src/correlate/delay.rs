//! Delays of a segment.
//!
//! In: listed packets that are the same at both points, and how the points' clocks stand to each other. Out: one-way delays
//! with their error, and what needs no offset: queueing delay (delay minus smallest delay), variation between packets.

use sce_proto::bits::path_warning;
use sce_proto::{PathSegment, sketch};

use super::clock::Clock;
use super::line::Line;
use super::matching::Matching;
use super::{Window, within};

/// Room for the delays of one segment after the other.
#[derive(Debug, Default)]
pub(super) struct Delays {
    /// Of each packet, ns.
    one_way_ns: Vec<i64>,
    /// Of each packet over the smallest, in order, ns.
    queue_ns: Vec<u64>,
    /// From each packet to the next, ns.
    variation_ns: Vec<u64>,
}

impl Delays {
    /// Writes the delays of matched packets into a segment. With each clock comes whether it is that of the near point
    /// against the far one.
    pub(super) fn report(
        &mut self,
        s: &mut PathSegment,
        near: &Line<'_>,
        far: &Line<'_>,
        m: &Matching,
        clock: Option<(&Clock, bool)>,
        window: Window,
    ) {
        let method = clock.and_then(|clock| self.measure(s, near, far, m, clock, window));
        s.owd_method = method.unwrap_or("none").to_owned();
    }

    /// The same; how the clocks were compared, if the one-way delay is known.
    fn measure(
        &mut self,
        s: &mut PathSegment,
        near: &Line<'_>,
        far: &Line<'_>,
        m: &Matching,
        (clock, reverse): (&Clock, bool),
        window: Window,
    ) -> Option<&'static str> {
        if clock.stepped {
            s.warning_bits |= path_warning::CLOCK_STEP as u32;
        }
        if clock.contradicted {
            s.warning_bits |= path_warning::SYNC_CONTRADICTED as u32;
        }
        let Delays { one_way_ns: delays, queue_ns: queue, variation_ns: variation } = self;
        delays.clear();
        let (mut error, mut synced) = (0f64, false);
        for (i, j) in &m.pairs {
            let (a, b) = (near.marks[*i as usize].time_ns, far.marks[*j as usize].time_ns);
            if !within(window, a) {
                continue;
            }
            // The model's time is that of its first clock.
            let Some(piece) = clock.at(if reverse { b } else { a }) else { continue };
            let offset = if reverse { -piece.offset(b) } else { piece.offset(a) };
            delays.push(b.wrapping_sub(a).cast_signed() - offset);
            error = error.max(piece.error);
            synced |= piece.synced;
        }
        let least = delays.iter().copied().min()?;
        variation.clear();
        variation.extend(delays.windows(2).map(|w| w[1].abs_diff(w[0])));
        (s.ipdv_ns_p50, s.ipdv_ns_p99) = (quantile(variation, 0.5), quantile(variation, 0.99));
        queue.clear();
        queue.extend(delays.iter().map(|d| d.abs_diff(least)));
        queue.sort_unstable();
        let at = |share: f64| queue[rank(queue.len(), share)];
        (s.queue_ns_p50, s.queue_ns_p99, s.queue_ns_max) = (at(0.5), at(0.99), at(1.0));
        s.queue_sketch = encode(queue);
        if !error.is_finite() {
            return None;
        }
        s.owd_count = delays.len() as u64;
        s.owd_ns_min = least;
        s.owd_ns_p50 = least.saturating_add_unsigned(s.queue_ns_p50);
        s.owd_ns_p99 = least.saturating_add_unsigned(s.queue_ns_p99);
        s.owd_ns_error = error.ceil() as u64;
        let middle = near.marks[m.pairs[m.pairs.len() / 2].0 as usize].time_ns;
        if let Some(piece) = clock.at(middle) {
            let sign = if reverse { -1 } else { 1 };
            (s.clock_offset_ns, s.clock_skew_ppb) = (sign * piece.offset(middle), sign * piece.skew_ppb());
        }
        Some(if error == 0.0 {
            "shared-clock"
        } else if synced {
            "external-sync"
        } else {
            "symmetric"
        })
    }
}

/// Puts both directions of a segment together: the sum of both ways needs no common clock, and cannot be negative.
pub(super) fn round_trip(segments: &mut [PathSegment]) {
    for i in 0..segments.len() {
        let s = &segments[i];
        let back = segments.iter().find(|b| b.direction != s.direction && b.from_op == s.to_op && b.to_op == s.from_op);
        let Some(back) = back.filter(|b| b.owd_count > 0 && s.owd_count > 0) else { continue };
        let (min, p50) = (s.owd_ns_min + back.owd_ns_min, s.owd_ns_p50 + back.owd_ns_p50);
        let s = &mut segments[i];
        if min < 0 {
            s.warning_bits |= path_warning::ORDER_CONFLICT as u32;
        } else {
            (s.round_trip_ns_min, s.round_trip_ns_p50) = (min.unsigned_abs(), p50.max(0).unsigned_abs());
        }
    }
}

/// The value at or below which a share of the values lies (nearest rank); 0 of none.
pub(super) fn quantile(values: &mut [u64], share: f64) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let rank = rank(values.len(), share);
    *values.select_nth_unstable(rank).1
}

/// Position in order of the value at or below which a share of so many values lies (nearest rank).
fn rank(count: usize, share: f64) -> usize {
    ((share * count as f64).ceil() as usize).clamp(1, count.max(1)) - 1
}

/// The sketch of values in order.
fn encode(sorted: &[u64]) -> Vec<u8> {
    let same = sorted.chunk_by(|a, b| sketch::bucket(*a) == sketch::bucket(*b));
    sketch::encode(same.map(|same| (sketch::bucket(same[0]), same.len() as u64)))
}
