//! Frames that were decoded and whose flows are being fetched from memory.
//!
//! In: decoded frames, and the table. Out: nothing but time. What is fetched here changes no result: the hint that a frame
//! gets is checked again when the frame is metered.

use crate::decode::Skip;
use crate::key::Key;
use crate::packet::Packet;
use crate::table::Table;

/// Frames whose flows are fetched from memory together: enough to keep it busy, few enough that what was fetched first is
/// still in the first-level cache when it is used.
pub(crate) const BATCH: usize = 16;

/// As many flows stay in the caches by themselves.
const CACHED_FLOWS: usize = 64;

/// A decoded frame on its way to its flow.
#[derive(Clone, Copy, Default)]
pub(crate) struct Looked<'a> {
    /// Why there is no packet in it; then nothing else here means anything.
    pub(crate) skip: Option<Skip>,
    pub(crate) packet: Packet<'a>,
    /// Its flow is certain.
    pub(crate) certain: bool,
    pub(crate) key: Key,
    pub(crate) forward: bool,
    pub(crate) tag: u32,
    /// Where its flow was when the batch began.
    pub(crate) hint: u32,
}

/// Brings the flows of a batch into the cache, layer by layer: each needs the addresses that the one before holds.
#[inline]
pub(crate) fn fetch(batch: &mut [Looked<'_>], table: &Table) {
    if table.len() <= CACHED_FLOWS {
        return;
    }
    let mut firsts = [0; BATCH];
    let mut count = 0;
    for at in 0..batch.len().min(BATCH) {
        let Looked { skip, tag, forward, .. } = batch[at];
        if skip.is_some() {
            continue;
        }
        // Packets come in bursts: one in two or three is the first of its flow and direction in the batch.
        let mut earlier = firsts[..count].iter().rev().map(|first: &usize| &batch[*first]);
        match earlier.find(|l| l.tag == tag && l.forward == forward).map(|l| l.hint) {
            Some(hint) => batch[at].hint = hint,
            None => {
                batch[at].hint = table.hint(tag);
                firsts[count] = at;
                count += 1;
            }
        }
    }
    let flows = || {
        firsts[..count].iter().filter_map(|at| {
            let looked = &batch[*at];
            Some((table.get(looked.hint)?, looked))
        })
    };
    flows().for_each(|(flow, _)| flow.fetch());
    flows().for_each(|(flow, l)| flow.fetch_counters(l.forward));
    flows().for_each(|(flow, l)| flow.fetch_boxes(&l.packet, l.forward));
    flows().for_each(|(flow, l)| flow.fetch_sent(l.forward));
}
