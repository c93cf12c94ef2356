//! From the store to what views are made of: observation points, sums per flow and point, joined flows.
//!
//! In: a window and conditions. Out: what `correlate` takes and gives. Reads the store; computes nothing of its own but sums.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use sce_proto::{FlowInterval, Kind, Merge, ObservationPoint, PathMarks, ProbeInterval, Record, derive};

use super::outline::{self, Outlines};
use super::source::Source;
use crate::correlate::{Awake, Joined, Options, Sighting, correlate, reads};
use crate::rollup::Level;
use crate::rollup::read::{self, Trace};
use crate::rollup::sums::Sums;
use crate::store::predicate::Predicate;
use crate::store::{Scan, Store, StoreError};

/// Flow records that one question may read.
const MOST_RECORDS: usize = 20_000_000;
/// Flow instances at points that one question may hold in memory.
const MOST_SIGHTINGS: usize = 500_000;
/// Records of other kinds that one question may read.
pub(super) const MOST_OTHERS: usize = 1_000_000;
/// Flow keys up to which marks are asked for by key.
const FEW_KEYS: usize = 200;
/// Path marks this long before and after a window are looked at, ns: the places around its edges lie there.
pub(super) const CONTEXT_NS: u64 = 300_000_000_000;
/// So much of a flow's life around a window is added up, ns, where the question is about few flows.
const LIFE_NS: u64 = 3_600_000_000_000;

/// The window and the conditions every view shares.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// Records that end after this time, ns since the epoch.
    pub(super) since_ns: u64,
    /// Records that start before this time, ns since the epoch.
    pub(super) until_ns: u64,
    /// One of both was asked for: flows may go on beyond.
    pub(super) windowed: bool,
    /// Whether it ends at this collector's now because no end was given.
    pub(super) until_now: bool,
    /// Experiment label; empty = all.
    pub(super) run: String,
    /// Beginning of a flow identifier; empty = all.
    pub(super) flow: String,
    /// Further options of the view.
    pub(super) options: BTreeMap<String, String>,
    /// What is read for the answer.
    pub(super) trace: Trace,
}

impl Question {
    /// The same with a margin on both sides.
    fn around(&self, margin_ns: u64) -> Question {
        let (since_ns, until_ns) = (self.since_ns.saturating_sub(margin_ns), self.until_ns.saturating_add(margin_ns));
        Question { since_ns, until_ns, ..self.clone() }
    }

    /// Whether a scan of the window finds a record: as [`crate::store::schema::Time::Life`] has it.
    fn holds(&self, record: &FlowInterval) -> bool {
        let (begins, ends) = match record.interval_ns {
            0 => (record.first_ns, record.last_ns.saturating_add(1)),
            length => (record.start_ns, record.start_ns.saturating_add(length)),
        };
        begins < self.until_ns && ends > self.since_ns
    }

    /// A scan of the window for records that have a run.
    pub(super) fn scan(&self, limit: usize) -> Scan {
        let predicate = match self.run.as_str() {
            "" => Predicate::True,
            run => Predicate::Text { field: "run", value: String::from(run) },
        };
        Scan { since_ns: self.since_ns, until_ns: self.until_ns, predicate, fields: Vec::new(), limit }
    }
}

/// Flows of a window.
pub(super) struct Flows {
    pub(super) points: BTreeMap<u64, ObservationPoint>,
    pub(super) sightings: Vec<Sighting>,
    pub(super) joined: Vec<Joined>,
    /// What the join was told.
    pub(super) options: Options,
    /// How many flows there are, where only some of them were loaded.
    pub(super) counted: Option<u64>,
}

/// How much of a flow a view needs.
#[derive(Default)]
pub(super) struct Depth<'a> {
    /// What flow records must meet.
    pub(super) predicate: Predicate,
    /// Names of record fields and derived values wanted, without direction; `None` = all.
    pub(super) names: Option<BTreeSet<&'a str>>,
    /// Whether path marks are wanted.
    pub(super) marks: bool,
    /// Only those flows are wanted that come first in an order; every flow that meets the predicate is counted.
    pub(super) first: Option<First>,
}

/// The beginning of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct First {
    /// What the rows are ordered by before anything else.
    pub(super) key: outline::Key,
    /// Largest first.
    pub(super) down: bool,
    /// How many rows are shown.
    pub(super) rows: usize,
}

/// Loads and joins the flows of a window.
pub(super) async fn flows<S: Store>(store: &S, question: &Question, depth: Depth<'_>) -> Result<Flows, StoreError> {
    let (points, awake) = announced(store, &question.trace).await?;
    let mut scan = question.scan(MOST_RECORDS);
    scan.predicate = scan.predicate.and(depth.predicate);
    if let Ok(flow) = u64::from_str_radix(&question.flow, 16)
        && question.flow.len() == 16
    {
        scan.predicate = scan.predicate.and(keys_of(store, question, flow).await?);
    }
    let mut keys = None;
    let mut counted = None;
    if let Some(first) = depth.first.filter(|_| question.flow.is_empty()) {
        let (total, some) = shortlist(store, question, &scan, first).await?;
        (keys, counted) = (Some(Arc::new(some)), Some(total));
    }
    let fields = wanted(depth.names.as_ref(), reads(!depth.marks));
    scan.fields.clone_from(&fields);
    let predicate = scan.predicate.clone();
    if let Some(keys) = keys.as_ref().filter(|k| k.len() <= FEW_KEYS) {
        scan.predicate = scan.predicate.and(has_key(keys));
    }
    let keep = move |record: &FlowInterval| keys.as_ref().is_none_or(|k| k.contains(&record.flow_key));
    let mut sightings = sightings(read::added_up(store, &scan, &question.trace, keep).await?)?;
    // Without marks there is nothing to take a delay or feedback from.
    let mut options = Options { awake, counts_only: !depth.marks, ..Options::default() };
    if depth.marks {
        if question.windowed {
            sightings = lives(store, question, fields, predicate, sightings).await?;
            marks(store, &question.around(CONTEXT_NS), &mut sightings).await?;
            options.window = Some((question.since_ns, question.until_ns));
        } else {
            marks(store, question, &mut sightings).await?;
        }
        options.sync_error_ns = circumstances(store, question, &mut options.awake).await?;
        options.order = order(question, &points)?;
        options.end_to_end = question.options.get("end_to_end").is_some_and(|v| v == "true");
    }
    let all: Vec<ObservationPoint> = points.values().cloned().collect();
    let began = Instant::now();
    // Joining is pure computation and may take a while: it must not hold up the reactor.
    let task = tokio::task::spawn_blocking(move || {
        let joined = correlate(&all, &sightings, &options);
        (sightings, joined, options)
    });
    let (sightings, mut joined, options) = task.await.map_err(|e| StoreError::Unavailable(e.to_string()))?;
    question.trace.note("joined flows", joined.len(), began);
    if depth.marks && question.windowed {
        // Those that were looked at for their neighbours' sake only.
        let asked = |i: usize| sightings[i].window.iter().any(Option::is_some);
        joined.retain(|j| j.members.iter().any(|m| asked(m.sighting)));
    }
    // Records show the identifier that their point gave the flow; where packets carry no sequence, each point gives another.
    let named = |flow: u64| super::view::id(flow).starts_with(&question.flow);
    joined.retain(|j| named(j.flow) || j.members.iter().any(|m| named(sightings[m.sighting].flow)));
    Ok(Flows { points, sightings, joined, options, counted })
}

/// How many flows a scan finds, and the flow keys of those that can come first.
async fn shortlist<S: Store>(
    store: &S,
    question: &Question,
    scan: &Scan,
    first: First,
) -> Result<(u64, BTreeSet<u64>), StoreError> {
    let scan = Scan { fields: outline::fields(first.key), ..scan.clone() };
    let mut outlines = Outlines::new(first.key);
    read::sums(store, &scan, &question.trace, |record| outlines.add(record)).await?;
    if outlines.len() > MOST_SIGHTINGS {
        return Err(StoreError::too_many(MOST_SIGHTINGS));
    }
    let began = Instant::now();
    let task = tokio::task::spawn_blocking(move || outlines.first(first.rows, first.down));
    let (total, keys) = task.await.map_err(|e| StoreError::Unavailable(e.to_string()))?;
    question.trace.note(&format!("{total} flows, of which may come first"), keys.len(), began);
    Ok((total as u64, keys))
}

/// Observation points by identifier, each as it was last described.
pub(super) async fn points<S: Store>(store: &S, trace: &Trace) -> Result<BTreeMap<u64, ObservationPoint>, StoreError> {
    Ok(announced(store, trace).await?.0)
}

/// The same, and when each was there to see.
async fn announced<S: Store>(
    store: &S,
    trace: &Trace,
) -> Result<(BTreeMap<u64, ObservationPoint>, BTreeMap<u64, Awake>), StoreError> {
    let scan = Scan { until_ns: u64::MAX, limit: MOST_OTHERS, ..Scan::default() };
    let mut points: BTreeMap<u64, ObservationPoint> = BTreeMap::new();
    let mut awake: BTreeMap<u64, Awake> = BTreeMap::new();
    let mut add = |point: ObservationPoint| {
        awake.entry(point.op).or_default().announced(&point);
        match points.get_mut(&point.op) {
            Some(known) if known.last_ns > point.last_ns => known.first_ns = known.first_ns.min(point.first_ns),
            Some(known) => sce_proto::merge(known, &point),
            None => {
                points.insert(point.op, point);
            }
        }
    };
    ObservationPoint::read(store, &scan, trace, |stored| add(stored.record)).await?;
    Ok((points, awake))
}

/// Condition for all records with the flow key of an instance: the other points may know the flow by another identifier.
async fn keys_of<S: Store>(store: &S, question: &Question, flow: u64) -> Result<Predicate, StoreError> {
    if let Some(key) = store.flow_key(flow).await? {
        return Ok(Predicate::equal("flow_key", key));
    }
    let mut scan = question.scan(MOST_RECORDS);
    scan.predicate = scan.predicate.and(Predicate::equal("flow", flow));
    scan.fields = FlowInterval::position("flow_key").into_iter().collect();
    let mut keys = BTreeSet::new();
    read::sums(store, &scan, &question.trace, |record| _ = keys.insert(record.flow_key)).await?;
    Ok(Predicate::Or(keys.into_iter().map(|key| Predicate::equal("flow_key", key)).collect()))
}

/// Positions of the fields to read, for what is wanted and for the join.
fn wanted(names: Option<&BTreeSet<&str>>, join: &[&str]) -> Vec<usize> {
    let Some(names) = names else { return (0..FlowInterval::FIELDS.len()).collect() };
    let derived = derive::derived().iter().filter(|d| names.contains(d.name.as_str()));
    let sources: BTreeSet<&str> = derived.flat_map(|d| d.from.iter().copied()).collect();
    let with_count: BTreeSet<&str> =
        FlowInterval::FIELDS.iter().filter(|f| names.contains(f.name)).map(|f| f.count).collect();
    let fields = FlowInterval::FIELDS.iter().enumerate().filter(|(_, f)| {
        let name = f.name;
        f.merge == Merge::Key && f.kind != Kind::Bytes
            || name.ends_with("_ip")
            || join.contains(&name)
            || names.contains(name)
            || sources.contains(name)
            || with_count.contains(name)
    });
    fields.map(|(i, _)| i).collect()
}

/// Sums as the join takes them.
fn sightings(sums: Sums) -> Result<Vec<Sighting>, StoreError> {
    let mut all = Vec::with_capacity(sums.len()); // of nearly all flows all records have one run
    all.extend(sums.finish().map(|((op, flow), sum)| Sighting { op, flow, totals: sum.totals, ..Sighting::default() }));
    if all.len() > MOST_SIGHTINGS { Err(StoreError::too_many(MOST_SIGHTINGS)) } else { Ok(all) }
}

/// Sums over the lives of the flows of a window, each with its sums in the window, which are not read again.
async fn lives<S: Store>(
    store: &S,
    question: &Question,
    fields: Vec<usize>,
    predicate: Predicate,
    asked: Vec<Sighting>,
) -> Result<Vec<Sighting>, StoreError> {
    let keys = keys(&asked);
    let few = keys.len() <= FEW_KEYS;
    let began = asked.iter().flat_map(|s| s.totals.iter().flatten()).map(|t| t.flow_first_ns).min().unwrap_or(0);
    let around = question.around(if few { LIFE_NS } else { CONTEXT_NS });
    let since_ns = around.since_ns.max(began.saturating_sub(CONTEXT_NS)).min(question.since_ns);
    // Where a minute begins, its sums need not be put together of pieces.
    let since_ns = Level::Minutes.bucket(since_ns);
    let mut scan = Scan { predicate, fields, ..question.scan(MOST_RECORDS) };
    if few {
        scan.predicate = scan.predicate.and(has_key(&keys));
    }
    // Records that reach into the window are in its sums.
    let (window, keys) = (question.clone(), Arc::new(keys));
    let keep = move |record: &FlowInterval| keys.contains(&record.flow_key) && !window.holds(record);
    let mut sums = Sums::new(&scan.fields);
    if since_ns < question.since_ns {
        (scan.since_ns, scan.until_ns) = (since_ns, question.since_ns);
        sums = read::added_up(store, &scan, &question.trace, keep.clone()).await?;
    }
    asked.iter().flat_map(|s| s.totals.iter().flatten()).for_each(|total| sums.add(total));
    if question.until_ns < around.until_ns {
        (scan.since_ns, scan.until_ns) = (question.until_ns, around.until_ns);
        sums.absorb(read::added_up(store, &scan, &question.trace, keep).await?);
    }
    let mut lives = sightings(sums)?;
    let places = places(&lives);
    for s in asked {
        if let Some(at) = places.get(&(s.op, s.flow, run(&s))) {
            lives[*at].window = s.totals;
        }
    }
    Ok(lives)
}

fn run(s: &Sighting) -> String {
    s.totals.iter().flatten().next().map_or("", |t| t.run.as_str()).to_owned()
}

/// Indices by point, flow instance and run.
fn places(sightings: &[Sighting]) -> BTreeMap<(u64, u64, String), usize> {
    sightings.iter().enumerate().map(|(i, s)| ((s.op, s.flow, run(s)), i)).collect()
}

pub(super) fn keys<'a>(sightings: impl IntoIterator<Item = &'a Sighting>) -> BTreeSet<u64> {
    sightings.into_iter().flat_map(|s| s.totals.iter().flatten()).map(|t| t.flow_key).collect()
}

pub(super) fn has_key(keys: &BTreeSet<u64>) -> Predicate {
    Predicate::Or(keys.iter().map(|key| Predicate::equal("flow_key", *key)).collect())
}

async fn marks<S: Store>(store: &S, question: &Question, sightings: &mut [Sighting]) -> Result<(), StoreError> {
    let (places, keys) = (places(sightings), keys(sightings.iter()));
    let mut scan = question.scan(MOST_OTHERS);
    if keys.len() <= FEW_KEYS {
        scan.predicate = scan.predicate.and(has_key(&keys));
    }
    PathMarks::read(store, &scan, &question.trace, |stored| {
        let marks = stored.record;
        if let Some(at) = places.get(&(marks.op, marks.flow, marks.run.clone())) {
            sightings[*at].marks[usize::from(marks.direction != 0)].push(marks);
        }
    })
    .await
}

/// What the probes said of every interval: completes when their points were awake, and gives the kernels' own bounds of their
/// clock errors, for points whose kernel calls its clock synchronised.
async fn circumstances<S: Store>(
    store: &S,
    question: &Question,
    awake: &mut BTreeMap<u64, Awake>,
) -> Result<BTreeMap<u64, u64>, StoreError> {
    let mut scan = Scan { predicate: Predicate::True, ..question.around(CONTEXT_NS).scan(MOST_OTHERS) };
    let names =
        ["start_ns", "interval_ns", "op", "clock_error_ns_last", "clock_synced_last", "delivered_until_ns_last"];
    scan.fields = names.iter().filter_map(|n| ProbeInterval::position(n)).collect();
    let mut worst: BTreeMap<u64, Option<u64>> = BTreeMap::new();
    ProbeInterval::read(store, &scan, &question.trace, |stored| {
        let p = stored.record;
        if let Some(awake) = awake.get_mut(&p.op) {
            awake.delivered(p.start_ns.saturating_add(p.interval_ns), p.delivered_until_ns_last);
        }
        let error = worst.entry(p.op).or_insert(Some(0));
        // One interval without synchronisation makes the claim worthless.
        *error = error.filter(|_| p.clock_synced_last == 1).map(|e| e.max(p.clock_error_ns_last));
    })
    .await?;
    Ok(worst.into_iter().filter_map(|(op, error)| Some((op, error.filter(|e| *e > 0)?))).collect())
}

/// The operator's order of points: `order=client,router:eth0,server`.
fn order(question: &Question, points: &BTreeMap<u64, ObservationPoint>) -> Result<Vec<u64>, StoreError> {
    let names = question.options.get("order").map_or("", String::as_str);
    let fits = |p: &ObservationPoint, name: &str| p.probe == name || format!("{}:{}", p.probe, p.interface) == name;
    let mut out = Vec::new();
    for name in names.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        let before = out.len();
        out.extend(points.values().filter(|p| fits(p, name)).map(|p| p.op));
        if out.len() == before {
            let advice = format!("order: there is no point `{name}`; sce-cli points lists probes and interfaces");
            return Err(StoreError::Refused(advice));
        }
    }
    Ok(out)
}
