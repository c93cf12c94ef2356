//! Counts per bucket of [`sce_proto::sketch`], kept sparse: an open-addressed table that grows with the distinct buckets.

use sce_proto::sketch;

const BUCKET_BITS: u32 = 11;
const BUCKET_MASK: u32 = (1 << BUCKET_BITS) - 1;
const ONE: u32 = 1 << BUCKET_BITS;
/// Highest count of a narrow slot; beyond it all slots become wide.
const NARROW_FULL: u32 = (1 << (u16::BITS - BUCKET_BITS)) - 1;
/// A wide slot with this count is full; the bucket goes on in another slot.
const COUNT_FULL: u32 = u32::MAX >> BUCKET_BITS;
const FIRST_SIZE: usize = 4;

/// A sparse histogram. An empty one takes no memory of its own. Most hold few values of many buckets: slots are two bytes
/// wide until a count needs more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sketch {
    /// A power of two of slots, of one word each or of two (low one first) where they are wide. A slot has its bucket in
    /// the low bits and the count in the high ones; 0 = empty.
    words: Box<[u16]>,
    used: u32,
    wide: bool,
}

impl Sketch {
    /// Asks the memory for the slot of a value.
    #[inline]
    pub(crate) fn fetch(&self, value: u64) {
        if !self.words.is_empty() {
            let at = home(u32::from(sketch::bucket(value))) & (self.size() - 1);
            sce_proto::fetch::element(&self.words, at << u32::from(self.wide));
        }
    }

    /// Number of slots.
    fn size(&self) -> usize {
        self.words.len() >> u32::from(self.wide)
    }

    #[inline]
    fn get(&self, at: usize) -> u32 {
        if self.wide {
            u32::from(self.words[2 * at]) | u32::from(self.words[2 * at + 1]) << 16
        } else {
            u32::from(self.words[at])
        }
    }

    #[inline]
    fn set(&mut self, at: usize, slot: u32) {
        if self.wide {
            self.words[2 * at] = slot as u16;
            self.words[2 * at + 1] = (slot >> 16) as u16;
        } else {
            self.words[at] = slot as u16;
        }
    }

    pub(crate) fn add(&mut self, value: u64) {
        let bucket = u32::from(sketch::bucket(value));
        if !self.words.is_empty() {
            let full = if self.wide { COUNT_FULL } else { NARROW_FULL };
            let mask = self.size() - 1;
            let mut at = home(bucket) & mask;
            loop {
                let slot = self.get(at);
                if slot == 0 {
                    break;
                }
                if slot & BUCKET_MASK == bucket {
                    if slot >> BUCKET_BITS < full {
                        self.set(at, slot + ONE);
                        return;
                    }
                    if !self.wide {
                        self.resize(self.size(), true);
                        return self.add(value);
                    }
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
        if (self.used as usize + 1) * 8 > self.size() * 7 {
            self.resize((self.size() * 2).max(FIRST_SIZE), self.wide);
        }
        self.place(ONE | bucket);
        self.used += 1;
    }

    #[cold]
    fn resize(&mut self, size: usize, wide: bool) {
        let words = vec![0; size << u32::from(wide)].into_boxed_slice();
        let old = std::mem::replace(self, Sketch { words, used: self.used, wide });
        (0..old.size()).map(|at| old.get(at)).filter(|s| *s != 0).for_each(|slot| self.place(slot));
    }

    fn place(&mut self, slot: u32) {
        let mask = self.size() - 1;
        let mut at = home(slot & BUCKET_MASK) & mask;
        while self.get(at) != 0 {
            at = (at + 1) & mask;
        }
        self.set(at, slot);
    }

    /// The encoded histogram; begins anew.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        if self.used == 0 {
            return Vec::new();
        }
        let old = std::mem::take(self);
        let mut slots: Vec<u32> = (0..old.size()).map(|at| old.get(at)).filter(|s| *s != 0).collect();
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
        fn it_counts_like_a_map(values in proptest::collection::vec(prop_oneof![0u64..1 << 40, 0u64..20], 0..1000)) {
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
