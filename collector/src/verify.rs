//! `sce-collector db verify`: whether a database is whole, from itself alone.
//!
//! In: a store that nobody need be using, or a running collector's. Out: one line for each fault. Four things must hold: the
//! database finds no damage in itself; the ledger of every stream has no gap; each stream brought as many rows as the ledger
//! says; and every roll-up is the sum of its records. It changes nothing.

use std::collections::BTreeMap;

use sce_progress::{Progress, Unit};
use sce_proto::FlowInterval;

use crate::rollup::Level;
use crate::rollup::pack::{Packer, unpack};
use crate::store::upkeep::Upkeep;
use crate::store::{Scan, Store, StoreError};

/// What was looked at, and what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Streams of the ledger.
    pub streams: u64,
    /// Rows of records.
    pub rows: u64,
    /// Rows that the ledger counts and that are no longer there.
    pub gone: u64,
    /// Roll-up buckets compared with their records.
    pub buckets: u64,
    /// Faults, one line each.
    pub faults: Vec<String>,
}

/// Looks at everything. `retained`: records were deleted by age, so fewer rows than the ledger counts are no fault.
///
/// # Errors
/// [`StoreError`] if the database cannot be read to its end.
pub async fn verify<S: Store + Upkeep>(store: &S, retained: bool) -> Result<Report, StoreError> {
    let mut report = Report { faults: store.damage().await?, ..Report::default() };
    ledger(store, retained, &mut report).await?;
    roll_ups(store, retained, &mut report).await?;
    Ok(report)
}

async fn ledger<S: Store + Upkeep>(store: &S, retained: bool, report: &mut Report) -> Result<(), StoreError> {
    // Before and after the rows: what is committed while they are counted is neither missing nor too many.
    let before: BTreeMap<i64, u64> =
        store.ledger().await?.into_iter().map(|line| (line.stream, line.records)).collect();
    let mut rows: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for brought in store.brought().await? {
        let sum = rows.entry(brought.stream).or_default();
        *sum = (sum.0 + brought.rows, sum.1.max(brought.newest_seq));
        report.rows += brought.rows;
    }
    for line in store.ledger().await? {
        report.streams += 1;
        let what = format!("probe {} (epoch {}, lane {})", line.probe, line.epoch, line.lane);
        let steps = line.batches + line.skipped + line.quarantined;
        if steps != line.committed_seq {
            let committed = line.committed_seq;
            report.faults.push(format!("{what}: the ledger stands at {committed} and counts {steps} batches"));
        }
        let (here, newest) = rows.remove(&line.stream).unwrap_or_default();
        if newest > line.committed_seq {
            report.faults.push(format!("{what}: rows of batch {newest}, which the ledger never committed"));
        }
        if here > line.records {
            report.faults.push(format!("{what}: {here} rows, the ledger counts {}", line.records));
        }
        let due = before.get(&line.stream).copied().unwrap_or(0);
        if here < due {
            report.gone += due - here;
            if !retained {
                report.faults.push(format!("{what}: {} rows of {due} are missing", due - here));
            }
        }
    }
    for (stream, (count, _)) in rows {
        report.faults.push(format!("{count} rows of stream {stream}, which is not in the ledger"));
    }
    Ok(())
}

/// Sums every bucket that may answer questions once more, and compares.
async fn roll_ups<S: Store>(store: &S, retained: bool, report: &mut Report) -> Result<(), StoreError> {
    let known = store.rollup_state(0, i64::MAX.unsigned_abs(), false).await?;
    let Some((first, last)) = known.extent else { return Ok(()) };
    let hour = Level::Hours.width_ns();
    // Where records went by age, the hour at the edge may have lost some that its sums still hold.
    let oldest = if retained { Level::Hours.bucket(store.oldest().await?) + hour } else { 0 };
    let mut at = Level::Hours.bucket(first);
    let whole = last.saturating_sub(at).div_ceil(hour);
    let mut progress = Progress::new("comparing roll-ups with their records", Unit::Of("hours"), Some(whole));
    while at < last {
        let state = store.rollup_state(at, at + hour, false).await?;
        for level in [Level::Tens, Level::Minutes, Level::Hours] {
            for bucket in (at..at + hour).step_by(level.width_ns() as usize).filter(|b| *b >= oldest) {
                let end = bucket + level.width_ns();
                let gap = state.gaps.iter().any(|g| g.0 < end && bucket < g.1);
                let touched = state.touched.range(bucket..end).next().is_some();
                let stale = level != Level::Tens && state.coarse.get(&(level, bucket)) != Some(&false);
                if !gap && !touched && !stale {
                    compare(store, level, bucket, report).await?;
                }
            }
        }
        progress.add(1);
        at += hour;
    }
    Ok(())
}

async fn compare<S: Store>(store: &S, level: Level, bucket: u64, report: &mut Report) -> Result<(), StoreError> {
    let end = bucket + level.width_ns();
    let stored = packed(store, level, bucket, bucket + 1).await?;
    let mut packer = Packer::new(level, bucket);
    match level.finer() {
        None => {
            let scan = Scan { since_ns: bucket, until_ns: end, limit: usize::MAX, ..Scan::default() };
            store.each::<FlowInterval>(&scan, |row| packer.add(&row.record)).await?;
        }
        Some(finer) => packed(store, finer, bucket, end).await?.iter().for_each(|r| packer.add(r)),
    }
    let mut summed = Vec::new();
    for pack in packer.finish().0 {
        unpack(&pack.payload, |r| summed.push(r))?;
    }
    if stored.is_empty() && summed.is_empty() {
        return Ok(());
    }
    report.buckets += 1;
    if sorted(stored) != sorted(summed) {
        let seconds = level.seconds();
        report.faults.push(format!("the roll-up of {seconds} s at {bucket} ns is not the sum of its records"));
    }
    Ok(())
}

async fn packed<S: Store>(store: &S, level: Level, from: u64, to: u64) -> Result<Vec<FlowInterval>, StoreError> {
    let mut records = Vec::new();
    store.packs(level, from, to, &[], |payload| unpack(payload, |r| records.push(r))).await?;
    Ok(records)
}

fn sorted(mut records: Vec<FlowInterval>) -> Vec<FlowInterval> {
    records.sort_by(|a, b| {
        let key = |r: &FlowInterval| (r.flow_key, r.flow, r.op, r.direction);
        key(a).cmp(&key(b)).then_with(|| a.run.cmp(&b.run))
    });
    records
}
