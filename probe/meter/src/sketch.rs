//! Counts per bucket of [`sce_proto::sketch`], kept sparse: an open-addressed table that grows with the distinct buckets.

use sce_proto::sketch;

const BUCKET_BITS: u32 = 11;
const BUCKET_MASK: u32 = (1 << BUCKET_BITS) - 1;
const ONE: u32 = 1 << BUCKET_BITS;
/// A slot with this count is full; the bucket goes on in another slot.
const COUNT_FULL: u32 = u32::MAX >> BUCKET_BITS;
const FIRST_SIZE: usize = 4;

/// A sparse histogram. An empty one takes no memory of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sketch {
    /// Bucket in the low bits, count in the high ones; 0 = empty slot. A power of two of them.
    slots: Box<[u32]>,
    used: u32,
}

impl Sketch {
    /// Asks the memory for the slot of a value.
    #[inline]
    pub(crate) fn fetch(&self, value: u64) {
        let at = home(u32::from(sketch::bucket(value))) & self.slots.len().wrapping_sub(1);
        crate::fetch::element(&self.slots, at);
    }

    pub(crate) fn add(&mut self, value: u64) {
        let bucket = u32::from(sketch::bucket(value));
        if !self.slots.is_empty() {
            let mask = self.slots.len() - 1;
            let mut at = home(bucket) & mask;
            loop {
                let slot = &mut self.slots[at];
                if *slot & BUCKET_MASK == bucket && *slot >> BUCKET_BITS < COUNT_FULL && *slot != 0 {
                    *slot += ONE;
                    return;
                }
                if *slot == 0 {
                    break;
                }
                at = (at + 1) & mask;
            }
        }
        self.insert(bucket);
    }

    /// A bucket that is not there yet: rare after the first few values.
    #[cold]
    fn insert(&mut self, bucket: u32) {
        // At most seven eighths full, so that every search meets an empty slot.
        if (self.used as usize + 1) * 8 > self.slots.len() * 7 {
            let size = (self.slots.len() * 2).max(FIRST_SIZE);
            let old = std::mem::replace(&mut self.slots, vec![0; size].into_boxed_slice());
            for slot in old.into_iter().filter(|s| *s != 0) {
                self.place(slot);
            }
        }
        self.place(ONE | bucket);
        self.used += 1;
    }

    fn place(&mut self, slot: u32) {
        let mask = self.slots.len() - 1;
        let mut at = home(slot & BUCKET_MASK) & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// The encoded histogram; begins anew.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        if self.used == 0 {
            return Vec::new();
        }
        let mut slots = std::mem::take(&mut self.slots);
        self.used = 0;
        slots.sort_unstable_by_key(|s| s & BUCKET_MASK);
        let pairs = slots
            .chunk_by(|a, b| a & BUCKET_MASK == b & BUCKET_MASK)
            .map(|same| ((same[0] & BUCKET_MASK) as u16, same.iter().map(|s| u64::from(s >> BUCKET_BITS)).sum()));
        sketch::encode(pairs)
    }
}

/// Where a bucket is looked for first: neighbours are spread, for values cluster.
fn home(bucket: u32) -> usize {
    (bucket.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_counts_like_a_map(values in proptest::collection::vec(0u64..1 << 40, 0..400)) {
            let mut sparse = Sketch::default();
            let mut map = std::collections::BTreeMap::new();
            for v in &values {
                sparse.add(*v);
                *map.entry(sketch::bucket(*v)).or_insert(0u64) += 1;
            }
            prop_assert_eq!(sparse.take(), sketch::encode(map));
            prop_assert!(sparse.take().is_empty());
        }
    }

    #[test]
    fn full_slots_go_on_in_another() {
        let mut sparse = Sketch::default();
        for _ in 0..=COUNT_FULL {
            sparse.add(7);
        }
        let pairs: Vec<_> = sketch::decode(&sparse.take()).collect();
        assert_eq!(pairs, [(7, u64::from(COUNT_FULL) + 1)]);
    }
}
