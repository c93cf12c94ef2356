//! Flow records of a window, each once: from the coarsest buckets that answer, and from the records where none does.
//!
//! In: a scan. Out: records, or sums of them, in the order of time; what was read, for `--explain`. Whoever adds the records
//! up gets the same result as from the records alone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sce_proto::{FlowInterval, Record};
use tokio::task::JoinSet;

use super::Level;
use super::cover::{Part, push};
use super::pack::look;
use super::sums::Sums;
use crate::aside::threads;
use crate::store::predicate::Predicate;
use crate::store::{Scan, Store, StoreError};

/// Flow keys up to which packs are picked by key: more are in most of them.
const FEW_KEYS: usize = 64;
/// Buckets from which on a second thread is worth while.
const WORTH: u64 = 4;
/// Rows are read this many times as slowly as a bucket has them.
const ROWS_WEIGH: u64 = 10;

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

/// Adds flow records up, those that are to be kept; on several threads where there are many.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Refused`] beyond the scan's limit.
pub async fn added_up<S: Store>(
    store: &S,
    scan: &Scan,
    trace: &Trace,
    keep: impl Fn(&FlowInterval) -> bool + Clone + Send + Sync + 'static,
) -> Result<Sums, StoreError> {
    let (reading, parts) = Reading::begin(store, scan, trace, Level::Hours).await?;
    // Of a few flows there is little to add up.
    let lists = share(parts, if reading.picked().is_empty() { threads() } else { 1 });
    let add = move |sums: &mut Sums, record: &FlowInterval| {
        if keep(record) {
            sums.add(record);
        }
    };
    let fields = scan.fields.clone();
    let mut done = reading.spread(lists, move || Sums::new(&fields), add).await?.into_iter();
    let mut sums = done.next().unwrap_or_else(|| Sums::new(&scan.fields));
    done.for_each(|later| sums.absorb(later));
    Ok(sums)
}

/// Reads flow records for a sum.
///
/// # Errors
/// As [`added_up`].
pub async fn sums<S: Store>(
    store: &S,
    scan: &Scan,
    trace: &Trace,
    each: impl FnMut(&FlowInterval) + Send,
) -> Result<(), StoreError> {
    let (reading, parts) = Reading::begin(store, scan, trace, Level::Hours).await?;
    reading.read(parts, each).await
}

/// Reads flow records as they were stored: from buckets only where those hold the very records.
///
/// # Errors
/// As [`added_up`].
pub async fn records<S: Store>(
    store: &S,
    scan: &Scan,
    trace: &Trace,
    mut each: impl FnMut(&FlowInterval) + Send,
) -> Result<(), StoreError> {
    let (reading, parts) = Reading::begin(store, scan, trace, Level::Tens).await?;
    if reading.picked().is_empty() {
        return reading.read(parts, each).await;
    }
    // Of a few flows there is little to keep, and a whole pack to unpack for it.
    let keep = |records: &mut Vec<FlowInterval>, record: &FlowInterval| records.push(record.clone());
    let lists = reading.spread(share(parts, threads()), Vec::new, keep).await?;
    lists.iter().flatten().for_each(&mut each);
    Ok(())
}

/// What all parts of a reading share.
struct Reading<S> {
    store: S,
    scan: Scan,
    trace: Trace,
    /// The only flow keys that are wanted, in rising order; `None` = all.
    keys: Option<Vec<u64>>,
    /// Positions of the fields to unpack; none = all.
    wanted: Vec<usize>,
    /// Records read so far.
    total: AtomicUsize,
}

impl<S: Store> Reading<S> {
    /// Finds the parts to read, of buckets of at most this length.
    async fn begin(store: &S, scan: &Scan, trace: &Trace, most: Level) -> Result<(Reading<S>, Vec<Part>), StoreError> {
        let began = Instant::now();
        let state = store.rollup_state(scan.since_ns, scan.until_ns, most == Level::Tens).await?;
        let parts = state.cover(scan.since_ns, scan.until_ns, most);
        trace.note("rollup state", parts.len(), began);
        let mut keys = keys(&scan.predicate);
        if let Some(keys) = &mut keys {
            keys.sort_unstable();
            keys.dedup();
        }
        let (store, trace, wanted) = (store.clone(), trace.clone(), fields(scan));
        Ok((Reading { store, scan: scan.clone(), trace, keys, wanted, total: AtomicUsize::new(0) }, parts))
    }

    /// The keys by which packs are picked; none = all packs are read.
    fn picked(&self) -> &[u64] {
        self.keys.as_deref().filter(|k| k.len() <= FEW_KEYS).unwrap_or_default()
    }

    /// Reads each list of parts on a thread of its own; what is made of each, in their order.
    async fn spread<T: Send + 'static>(
        self,
        lists: Vec<Vec<Part>>,
        new: impl Fn() -> T,
        add: impl Fn(&mut T, &FlowInterval) + Clone + Send + Sync + 'static,
    ) -> Result<Vec<T>, StoreError> {
        let reading = Arc::new(self);
        let mut tasks = JoinSet::new();
        for (at, parts) in lists.into_iter().enumerate() {
            let (reading, add, mut made) = (reading.clone(), add.clone(), new());
            tasks.spawn(async move { reading.read(parts, |record| add(&mut made, record)).await.map(|()| (at, made)) });
        }
        let mut done = BTreeMap::new();
        while let Some(task) = tasks.join_next().await {
            let (at, made) = task.map_err(|e| StoreError::Unavailable(e.to_string()))??;
            done.insert(at, made);
        }
        Ok(done.into_values().collect())
    }

    async fn read(&self, parts: Vec<Part>, mut each: impl FnMut(&FlowInterval) + Send) -> Result<(), StoreError> {
        let scan = &self.scan;
        for part in parts {
            let began = Instant::now();
            let mut rows = 0;
            let mut read = |record: &FlowInterval| {
                rows += 1;
                each(record);
            };
            let what = match part {
                Part::Stored(since_ns, until_ns) => {
                    let limit = scan.limit.saturating_sub(self.total.load(Ordering::Relaxed));
                    let scan = Scan { since_ns, until_ns, limit, ..scan.clone() };
                    self.store.each::<FlowInterval>(&scan, |stored| read(&stored.record)).await?;
                    format!("flow_interval {}", time(since_ns, until_ns))
                }
                Part::Packed(level, from, to) => {
                    let mut take = |record: &FlowInterval| {
                        if scan.predicate.holds(record) {
                            read(record);
                        }
                    };
                    let look = |payload: &[u8]| look(payload, &self.wanted, self.keys.as_deref(), &mut take);
                    self.store.packs(level, from, to, self.picked(), look).await?;
                    format!("rollup of {} s {}", level.seconds(), time(from, to))
                }
            };
            self.trace.note(&what, rows, began);
            if self.total.fetch_add(rows, Ordering::Relaxed) + rows > scan.limit {
                return Err(StoreError::too_many(scan.limit));
            }
        }
        Ok(())
    }
}

/// Deals parts out to lists that take about as long to read, one after the other in time. A part that is read row by row is
/// not cut: a record that lies across the cut would be read twice.
fn share(parts: Vec<Part>, lists: usize) -> Vec<Vec<Part>> {
    let single: Vec<(Part, u64)> = parts.into_iter().flat_map(buckets).collect();
    let all: u64 = single.iter().map(|(_, weight)| weight).sum();
    let (mut out, mut before) = (vec![Vec::new()], 0);
    for (part, weight) in single {
        if before * lists as u64 >= all * out.len() as u64 && all >= WORTH {
            out.push(Vec::new());
        }
        before += weight;
        if let Some(list) = out.last_mut() {
            push(list, part);
        }
    }
    out
}

/// A part in pieces, each with what it takes to read it, in buckets.
fn buckets(part: Part) -> Vec<(Part, u64)> {
    match part {
        Part::Stored(from, to) => vec![(part, ROWS_WEIGH * (to - from).div_ceil(Level::Tens.width_ns()))],
        Part::Packed(level, from, to) => {
            let starts = (from..to).step_by(usize::try_from(level.width_ns()).unwrap_or(usize::MAX));
            starts.map(|at| (Part::Packed(level, at, at + level.width_ns()), 1)).collect()
        }
    }
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
    fn parts_are_shared_without_a_gap() {
        let s = 1_000_000_000;
        let parts = vec![
            Part::Stored(57 * s, 60 * s),
            Part::Packed(Level::Minutes, 60 * s, 1260 * s),
            Part::Packed(Level::Tens, 1260 * s, 1300 * s),
        ];
        let ends = |part: &Part| match *part {
            Part::Stored(from, to) | Part::Packed(_, from, to) => (from, to),
        };
        for lists in 1..5 {
            let shared = share(parts.clone(), lists);
            assert_eq!(shared.len(), lists);
            let all: Vec<(u64, u64)> = shared.iter().flatten().map(ends).collect();
            assert!(all.windows(2).all(|w| w[0].1 == w[1].0), "{shared:?}");
            assert_eq!((all[0].0, all[all.len() - 1].1), (57 * s, 1300 * s));
        }
        let two = share(parts.clone(), 2);
        assert_eq!(two[0], [parts[0], Part::Packed(Level::Minutes, 60 * s, 480 * s)], "rows weigh more");
        assert_eq!(share(vec![parts[2]], 1), share(parts[2..].to_vec(), 1));
        assert_eq!(share(vec![Part::Packed(Level::Tens, 0, 30 * s)], 4).len(), 1, "too few");
    }

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
