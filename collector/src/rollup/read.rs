//! Flow records of a window, each once: from the coarsest buckets that answer, and from the records where none does.
//!
//! In: a scan. Out: records, or sums of them, in the order of time; what was read, for `--explain`. Whoever adds the records
//! up gets the same result as from the records alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sce_proto::{FlowInterval, Record};

use super::Level;
use super::cover::Part;
use super::pack::look;
use crate::store::predicate::Predicate;
use crate::store::{Scan, Store, StoreError};

/// Flow keys up to which packs are picked by key: more are in most of them.
const FEW_KEYS: usize = 64;

/// What was read for an answer, and how long it took.
#[derive(Debug, Clone, Default)]
pub struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    /// Notes one reading.
    pub fn note(&self, what: &str, rows: usize, began: Instant) {
        let line = format!("{what}: {rows} rows, {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// All of them, a line each.
    #[must_use]
    pub fn lines(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

/// Reads flow records for a sum.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Refused`] beyond the scan's limit.
pub async fn sums<S: Store>(
    store: &S,
    scan: &Scan,
    trace: &Trace,
    each: impl FnMut(&FlowInterval) + Send,
) -> Result<(), StoreError> {
    read(store, scan, trace, Level::Hours, each).await
}

/// Reads flow records as they were stored: from buckets only where those hold the very records.
///
/// # Errors
/// As [`sums`].
pub async fn records<S: Store>(
    store: &S,
    scan: &Scan,
    trace: &Trace,
    each: impl FnMut(&FlowInterval) + Send,
) -> Result<(), StoreError> {
    read(store, scan, trace, Level::Tens, each).await
}

async fn read<S: Store>(
    store: &S,
    scan: &Scan,
    trace: &Trace,
    most: Level,
    mut each: impl FnMut(&FlowInterval) + Send,
) -> Result<(), StoreError> {
    let began = Instant::now();
    let state = store.rollup_state(scan.since_ns, scan.until_ns, most == Level::Tens).await?;
    let parts = state.cover(scan.since_ns, scan.until_ns, most);
    trace.note("rollup state", parts.len(), began);
    let mut keys = keys(&scan.predicate);
    if let Some(keys) = &mut keys {
        keys.sort_unstable();
        keys.dedup();
    }
    let picked = keys.as_deref().filter(|k| k.len() <= FEW_KEYS).unwrap_or_default();
    let wanted = fields(scan);
    let mut total = 0;
    for part in parts {
        let began = Instant::now();
        let mut rows = 0;
        let mut read = |record: &FlowInterval| {
            rows += 1;
            each(record);
        };
        let what = match part {
            Part::Stored(since_ns, until_ns) => {
                let scan = Scan { since_ns, until_ns, limit: scan.limit.saturating_sub(total), ..scan.clone() };
                store.each::<FlowInterval>(&scan, |stored| read(&stored.record)).await?;
                format!("flow_interval {}", time(since_ns, until_ns))
            }
            Part::Packed(level, from, to) => {
                let mut take = |record: &FlowInterval| {
                    if scan.predicate.holds(record) {
                        read(record);
                    }
                };
                let look = |payload: &[u8]| look(payload, &wanted, keys.as_deref(), &mut take);
                store.packs(level, from, to, picked, look).await?;
                format!("rollup of {} s {}", level.seconds(), time(from, to))
            }
        };
        trace.note(&what, rows, began);
        total += rows;
        if total > scan.limit {
            return Err(StoreError::too_many(scan.limit));
        }
    }
    Ok(())
}

/// A time as `--explain` shows it.
fn time(from_ns: u64, to_ns: u64) -> String {
    let at =
        |ns: u64| jiff::Timestamp::from_nanosecond(i128::from(ns)).map_or_else(|_| ns.to_string(), |t| t.to_string());
    format!("{} to {}", at(from_ns), at(to_ns))
}

/// The fields to unpack: those wanted and those that the condition looks at.
fn fields(scan: &Scan) -> Vec<usize> {
    if scan.fields.is_empty() {
        return Vec::new();
    }
    let mut fields = scan.fields.clone();
    scan.predicate.fields(&mut |name| fields.extend(FlowInterval::position(name)));
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// The flow keys that a condition allows, if it names them.
fn keys(predicate: &Predicate) -> Option<Vec<u64>> {
    match predicate {
        Predicate::Range { field: "flow_key", low, high } if low == high => Some(vec![*low]),
        Predicate::Or(any) => any.iter().map(keys).collect::<Option<Vec<_>>>().map(|k| k.concat()),
        Predicate::And(all) => all.iter().filter_map(keys).min_by_key(Vec::len),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_where_a_condition_names_them() {
        let key = |k| Predicate::equal("flow_key", k);
        let port = Predicate::equal("src_port", 1);
        assert_eq!(keys(&key(7).and(port.clone())), Some(vec![7]));
        assert_eq!(keys(&Predicate::Or(vec![key(7), key(8)])), Some(vec![7, 8]));
        assert_eq!(keys(&Predicate::Or(vec![key(7), port])), None);
        assert_eq!(keys(&Predicate::Not(Box::new(key(7)))), None);
        assert_eq!(keys(&Predicate::Or(Vec::new())), Some(Vec::new()), "none at all");
    }
}
