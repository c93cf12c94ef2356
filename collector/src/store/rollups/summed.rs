//! A bucket on its way to being replaced: summed in passes of bounded size.
//!
//! In: how many records a bucket holds, and what was summed of them. Out: packs and flow instances. Knows no database.

use crate::rollup::pack::{Instance, Pack, Packer};
use crate::store::StoreError;

/// Records that a job holds in memory; a fuller bucket is summed in passes by flow key.
const PASS_RECORDS: u64 = 20_000;

/// Ranges of flow keys for passes of bounded size.
pub(super) fn passes(records: u64) -> impl Iterator<Item = (u64, u64)> {
    let n = records.div_ceil(PASS_RECORDS).max(1);
    let width = u64::MAX / n;
    (0..n).map(move |i| (if i == 0 { 0 } else { i * width + 1 }, if i + 1 == n { u64::MAX } else { (i + 1) * width }))
}

/// What a bucket will be.
#[derive(Default)]
pub(super) struct Summed {
    /// Newest touch that the sum has seen.
    pub(super) seen: i64,
    pub(super) packs: Vec<Pack>,
    pub(super) instances: Vec<Instance>,
}

impl Summed {
    /// Adds a pass. Packing is computation: it must not hold up the reactor.
    pub(super) async fn add(&mut self, packer: Packer) -> Result<(), StoreError> {
        let packed = tokio::task::spawn_blocking(move || packer.finish());
        let (packs, instances) = packed.await.map_err(|e| StoreError::Unavailable(e.to_string()))?;
        self.packs.extend(packs);
        self.instances.extend(instances);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_hold_every_key_once() {
        for records in [0, 1, PASS_RECORDS, PASS_RECORDS + 1, 7 * PASS_RECORDS] {
            let all: Vec<_> = passes(records).collect();
            assert_eq!((all[0].0, all[all.len() - 1].1), (0, u64::MAX));
            assert!(all.windows(2).all(|w| w[0].1 + 1 == w[1].0), "{all:?}");
        }
    }
}
