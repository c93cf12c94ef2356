//! The flow table: bounded, found by key with one hash, emptied by packet time.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::config::{Limits, Timeouts};
use crate::flow::Flow;
use crate::key::Key;

/// No slot at all.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Slots looked at for a flow that can be given up.
const EVICTION_LOOKS: usize = 8;

/// Searches for ended flows that it takes to see the whole table: every look at a flow costs a cache miss.
const SWEEP_SHARES: usize = 8;

/// An entry of the index: enough of the hash to grow without looking at the flows.
#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u32,
    slot: u32,
}

/// Flows by key.
#[derive(Debug)]
pub(crate) struct Table {
    index: HashTable<Entry>,
    slots: Vec<Option<Box<Flow>>>,
    free: Vec<u32>,
    /// Slots whose flow counted something since the last report.
    dirty: Vec<u32>,
    hash: FixedState,
    max_flows: usize,
    evict_quiet_ns: u64,
    hand: usize,
    /// Where the next search for ended flows begins.
    swept: usize,
    /// All slots before this one are empty, or are about to be emptied by the caller of [`Table::some`].
    emptied: usize,
}

impl Table {
    pub(crate) fn new(limits: &Limits, seed: u64) -> Table {
        Table {
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            dirty: Vec::new(),
            hash: FixedState::with_seed(seed),
            max_flows: limits.max_flows,
            evict_quiet_ns: limits.evict_quiet_ns,
            hand: 0,
            swept: 0,
            emptied: 0,
        }
    }

    /// Number of flows.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.index.len() >= self.max_flows
    }

    /// The tag by which a key is filed.
    pub(crate) fn tag(&self, key: &Key) -> u32 {
        let h = self.hash.hash_one(key);
        (h ^ (h >> 32)) as u32
    }

    /// The slot of a key's flow.
    pub(crate) fn find(&self, key: &Key, tag: u32) -> Option<u32> {
        let slots = &self.slots;
        self.index
            .find(spread(tag), |e| {
                e.tag == tag && slots.get(e.slot as usize).is_some_and(|f| f.as_ref().is_some_and(|f| f.key == *key))
            })
            .map(|e| e.slot)
    }

    /// Where the flow of a key with this tag most likely is, without a look at any flow.
    #[inline]
    pub(crate) fn hint(&self, tag: u32) -> u32 {
        self.index.find(spread(tag), |e| e.tag == tag).map_or(NO_SLOT, |e| e.slot)
    }

    /// The slot of a key's flow: the hinted one if it is there.
    #[inline]
    pub(crate) fn at_or_find(&self, hint: u32, key: &Key, tag: u32) -> Option<u32> {
        match self.get(hint) {
            Some(flow) if flow.key == *key => Some(hint),
            _ => self.find(key, tag),
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Flow> {
        self.slots.get(slot as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Flow> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// Puts a new flow in and returns its slot.
    pub(crate) fn insert(&mut self, flow: Flow, tag: u32) -> u32 {
        let flow = Some(Box::new(flow));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = flow;
                slot
            }
            None => {
                self.slots.push(flow);
                (self.slots.len() - 1) as u32
            }
        };
        self.emptied = self.emptied.min(slot as usize);
        self.index.insert_unique(spread(tag), Entry { tag, slot }, |e| spread(e.tag));
        slot
    }

    /// Takes a flow out.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Box<Flow>> {
        let flow = self.slots.get_mut(slot as usize)?.take()?;
        let tag = self.tag(&flow.key);
        if let Ok(entry) = self.index.find_entry(spread(tag), |e| e.slot == slot) {
            entry.remove();
        }
        self.free.push(slot);
        Some(flow)
    }

    /// Remembers that a flow has something to report.
    pub(crate) fn mark_dirty(&mut self, slot: u32) {
        self.dirty.push(slot);
    }

    /// The slots with something to report; slots of flows that left meanwhile may be among them.
    pub(crate) fn take_dirty(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dirty)
    }

    /// Gives the list's memory back for the next interval.
    pub(crate) fn reuse_dirty(&mut self, mut list: Vec<u32>) {
        list.clear();
        self.dirty = list;
    }

    /// A flow that can be given up for a new one: unanswered, or quiet for long enough; the quietest of a few.
    pub(crate) fn victim(&mut self, now_ns: u64) -> Option<u32> {
        let mut best: Option<(bool, u64, u32)> = None;
        for _ in 0..EVICTION_LOOKS.min(self.slots.len()) {
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(flow) = &self.slots[self.hand] else { continue };
            let rank = (flow.is_one_sided(), now_ns.saturating_sub(flow.last_ns), self.hand as u32);
            if (rank.0 || rank.1 >= self.evict_quiet_ns) && best.is_none_or(|b| rank > b) {
                best = Some(rank);
            }
        }
        best.map(|b| b.2)
    }

    /// The flows among the next share of the slots that ended by `now_ns`, with the reason. A few calls see all slots.
    pub(crate) fn expired(&mut self, now_ns: u64, timeouts: &Timeouts) -> Vec<(u32, u8)> {
        let share = self.slots.len().div_ceil(SWEEP_SHARES);
        let from = if self.swept < self.slots.len() { self.swept } else { 0 };
        self.swept = from + share;
        let ended = |(slot, flow): (usize, &Option<Box<Flow>>)| {
            flow.as_ref()?.timed_out(now_ns, timeouts).map(|reason| (slot as u32, reason))
        };
        self.slots.iter().enumerate().skip(from).take(share).filter_map(ended).collect()
    }

    /// Some slots in use: the first ones, for a caller that will empty them.
    pub(crate) fn some(&mut self, at_most: usize) -> Vec<u32> {
        let in_use = |(slot, flow): (usize, &Option<Box<Flow>>)| flow.as_ref().map(|_| slot as u32);
        let some: Vec<u32> =
            self.slots.iter().enumerate().skip(self.emptied).filter_map(in_use).take(at_most).collect();
        self.emptied = some.last().map_or(self.emptied, |last| *last as usize + 1);
        some
    }
}

/// The index takes its bucket from the low bits and its filter from the high ones: both must depend on the whole tag.
fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
