//! Roll-ups answer as the records do: whatever was summed when, however late records came, for any window.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use common::cluster::Cluster;
use common::{S, T0, batch, flow};
use sce_collector::metrics::Metrics;
use sce_collector::rollup::Level;
use sce_collector::rollup::job::round;
use sce_collector::rollup::read::{self, Trace};
use sce_collector::rollup::sums::Sums;
use sce_collector::rows;
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::predicate::Predicate;
use sce_collector::store::rollups::Rollups as _;
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::store::{Claim, Outcome, Quarantine, Scan, Step, Store, StreamKey, Work};
use sce_proto::{FlowInterval, Kind, Merge, Record, ValueRef, sketch};

/// The start of an hour.
const HOUR: u64 = T0 - T0 % (3600 * S);

#[tokio::test]
async fn sqlite_sums_as_the_records_do() {
    let dir = tempfile::tempdir().unwrap();
    story(SqliteStore::open(&dir.path().join("rollup.db")).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_sums_as_the_records_do() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("rollup").await;
    story(PostgresStore::open(&url).await.unwrap()).await;
    two_collectors_sum(&url).await;
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A record with something in every field that is merged.
fn record(dice: &mut Dice, start_s: u64, length_s: u64) -> FlowInterval {
    let (n, op) = (dice.roll(40), dice.roll(3));
    let mut r = flow(op, 1 + n, 0, 1);
    for (i, field) in FlowInterval::FIELDS.iter().enumerate().filter(|(_, f)| f.merge != Merge::Key) {
        match field.kind {
            // Of two records of the same time either may be the later one.
            Kind::U64 | Kind::I64 if field.merge == Merge::Last => r.set(i, ValueRef::U64(start_s * 7 + i as u64)),
            Kind::U64 | Kind::I64 => r.set(i, ValueRef::U64(dice.roll(4) * dice.roll(1000))),
            Kind::Bytes if field.merge == Merge::Sketch => {
                let one = sketch::encode([(sketch::bucket(1 + dice.roll(1_000_000)), 1)]);
                r.set(i, ValueRef::Bytes(&one));
            }
            Kind::Bytes | Kind::Str => {}
        }
    }
    // What was not measured has no minimum.
    for (i, field) in FlowInterval::FIELDS.iter().enumerate().filter(|(_, f)| f.merge == Merge::Min) {
        if FlowInterval::position(field.count).is_some_and(|count| r.get(count).u64() == 0) {
            r.set(i, ValueRef::U64(0));
        }
    }
    let start_ns = HOUR + start_s * S;
    FlowInterval {
        flow_key: n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        direction: dice.roll(2) as u32,
        run: ["", "a"][dice.roll(2) as usize].to_owned(),
        start_ns: if length_s == 0 { 0 } else { start_ns },
        interval_ns: length_s * S,
        first_ns: start_ns,
        last_ns: start_ns + S / 2,
        packets: 1 + dice.roll(9),
        ..r
    }
}

struct Writer<'a, T> {
    store: &'a T,
    stream: i64,
    seq: u64,
}

impl<T: Store> Writer<'_, T> {
    async fn write(&mut self, records: &[FlowInterval]) {
        self.seq += 1;
        let batch = batch(self.seq, records);
        let payload = batch.payload.clone();
        let original = Quarantine { reason: String::new(), records: 0, frames: 0, position: 0, payload };
        let tables = rows::decode(&batch).unwrap().tables;
        let work = Work::Batch { seq: batch.seq, crc: batch.crc32c, newest_ns: batch.last_ns, tables, original };
        let step = Step { stream: self.stream, session: 1, now_ns: HOUR as i64, work };
        assert_eq!(self.store.commit(&[step]).await.unwrap(), [Outcome::Committed]);
    }
}

async fn writer<'a, T: Store>(store: &'a T, probe: &str) -> Writer<'a, T> {
    let key = StreamKey { probe: probe.to_owned(), spool_id: vec![7; 16], epoch: 1, lane: 1 };
    let claim = Claim { key, host: String::new(), version: String::new(), session: 1, now_ns: HOUR as i64 };
    Writer { store, stream: store.claim(&claim).await.unwrap().stream, seq: 0 }
}

/// Sums everything that is due long after.
async fn sum_all(store: &impl Store) {
    while round(store, HOUR + 24 * 3600 * S, &Metrics::default()).await.unwrap() > 0 {}
}

async fn story(store: impl Store) {
    let mut dice = Dice(7);
    let mut w = writer(&store, "p").await;
    // Two hours and a bit: intervals of a second and of ten, not in the order of time.
    for _ in 0..15 {
        let records: Vec<FlowInterval> = (0..40)
            .map(|_| {
                // Around the edges of minutes and hours, and far between.
                let second = [0, 590, 3570, 4000, 7170][dice.roll(5) as usize] + dice.roll(50);
                if dice.roll(2) == 0 {
                    record(&mut dice, second - second % 10, 10)
                } else {
                    record(&mut dice, second, 1)
                }
            })
            .collect();
        w.write(&records).await;
    }
    same(&store, "nothing is summed").await;
    assert!(round(&store, HOUR + 3700 * S, &Metrics::default()).await.unwrap() > 0);
    same(&store, "a part is summed").await;
    sum_all(&store).await;
    let all = store.rollup_state(0, u64::MAX, false).await.unwrap();
    assert!(all.touched.is_empty() && all.coarse.values().all(|stale| !stale), "{all:?}");
    same(&store, "all is summed").await;

    let late: Vec<FlowInterval> = (0..50).map(|i| record(&mut dice, [5, 601, 3590][i % 3] + i as u64 / 3, 1)).collect();
    w.write(&late).await;
    same(&store, "late records came").await;
    sum_all(&store).await;
    same(&store, "late records are summed").await;

    w.write(&[record(&mut dice, 605, 60), record(&mut dice, 4000, 0), record(&mut dice, 4001, 1)]).await;
    same(&store, "records that fit no bucket came").await;
    sum_all(&store).await;
    same(&store, "beside records that fit no bucket").await;

    // A bucket of nothing but records of its length answers for a window that cuts it; one of shorter records does not.
    let short = record(&mut dice, 5015, 1);
    let long = (0..6).map(|op| FlowInterval { op, ..record(&mut dice, 5000, 10) });
    let long: Vec<FlowInterval> = long.chain([short]).collect();
    w.write(&long).await;
    sum_all(&store).await;
    for (from, to, spanned) in [(5004, 5006, vec![5000]), (4993, 5012, vec![]), (5013, 5019, vec![])] {
        let (since_ns, until_ns) = (HOUR + from * S, HOUR + to * S);
        let state = store.rollup_state(since_ns, until_ns, false).await.unwrap();
        assert_eq!(state.spanned.into_iter().map(|b| (b - HOUR) / S).collect::<Vec<_>>(), spanned);
        check(&store, &Scan { since_ns, until_ns, limit: usize::MAX, ..Scan::default() }, "a bucket is cut").await;
    }

    let known = store.flow_key(1).await.unwrap();
    assert_eq!(known, Some(0), "the index knows a flow's key");
    retention(&store).await;
    store.close().await;
}

/// What goes with the records.
async fn retention(store: &impl Store) {
    while store.retain(HOUR + 100 * 24 * 3600 * S).await.unwrap() > 0 {}
    let state = store.rollup_state(0, u64::MAX, false).await.unwrap();
    assert!(state.extent.is_none() && state.coarse.is_empty() && state.gaps.is_empty(), "{state:?}");
    assert_eq!(store.flow_key(1).await.unwrap(), None);
}

async fn same(store: &impl Store, when: &str) {
    let ends = [0, 3, 605, 3600, 4007, 7500];
    for (i, from) in ends.iter().enumerate() {
        for to in &ends[i + 1..] {
            let run = Predicate::Text { field: "run", value: String::from("a") };
            let predicates = [Predicate::True, run, Predicate::equal("flow_key", 0x9e37_79b9_7f4a_7c15)];
            let predicate = predicates[(from + to) as usize % 3].clone();
            let (since_ns, until_ns) = (HOUR + from * S, HOUR + to * S);
            let scan = Scan { since_ns, until_ns, predicate, fields: Vec::new(), limit: usize::MAX };
            check(store, &scan, &format!("{when}, {from} to {to}")).await;
        }
    }
    let all = Scan { until_ns: u64::MAX, limit: usize::MAX, ..Scan::default() };
    check(store, &all, when).await;
}

async fn check(store: &impl Store, scan: &Scan, when: &str) {
    let stored: Vec<FlowInterval> = store.scan(scan).await.unwrap().into_iter().map(|s| s.record).collect();
    let mut records = Vec::new();
    read::records(store, scan, &Trace::default(), |r| records.push(r.clone())).await.unwrap();
    assert_eq!(sorted(records), sorted(stored.clone()), "{when}");

    let everything: Vec<usize> = (0..FlowInterval::FIELDS.len()).collect();
    let (mut want, mut found) = (Sums::new(&everything), Sums::new(&everything));
    sorted(stored).iter().for_each(|r| want.add(r));
    let trace = Trace::default();
    read::sums(store, scan, &trace, |r| found.add(r)).await.unwrap();
    let (found, want) = (totals(found), totals(want));
    assert_eq!(found.len(), want.len(), "{when}\n{}", trace.lines());
    for (found, want) in found.iter().zip(&want) {
        for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
            let same = found.get(i) == want.get(i);
            assert!(same, "{when}, {}: {:?}, not {:?}\n{}", field.name, found.get(i), want.get(i), trace.lines());
        }
    }
}

fn sorted(mut records: Vec<FlowInterval>) -> Vec<FlowInterval> {
    records.sort_by_cached_key(|r| (r.start_ns, format!("{r:?}")));
    records
}

/// The sums without the fields that say which interval they are of.
fn totals(sums: Sums) -> Vec<FlowInterval> {
    let all = sums.finish().flat_map(|(_, sum)| sum.totals).flatten();
    let all = all.map(|t| FlowInterval { start_ns: 0, interval_ns: 0, ..*t });
    let mut all: Vec<FlowInterval> = all.collect();
    all.sort_by_key(|t| (t.op, t.flow, t.direction, t.run.clone()));
    all
}

/// Two collectors on one database, and records that come all the while.
async fn two_collectors_sum(url: &str) {
    let store = PostgresStore::open(url).await.unwrap();
    let jobs: Vec<_> = (0..2)
        .map(|_| {
            let url = url.to_owned();
            tokio::spawn(async move {
                let store = PostgresStore::open(&url).await.unwrap();
                for _ in 0..20 {
                    round(&store, HOUR + 24 * 3600 * S, &Metrics::default()).await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            })
        })
        .collect();
    let mut dice = Dice(11);
    let mut w = writer(&store, "q").await;
    for _ in 0..15 {
        let records: Vec<FlowInterval> = (0..20).map(|i| record(&mut dice, 5 * i, 1)).collect();
        w.write(&records).await;
    }
    for job in jobs {
        job.await.unwrap();
    }
    same(&store, "two collectors summed").await;
    sum_all(&store).await;
    same(&store, "two collectors are done").await;
    let state = store.rollup_state(0, u64::MAX, false).await.unwrap();
    assert_eq!(state.coarse.get(&(Level::Hours, HOUR)), Some(&false), "{state:?}");
    store.close().await;
}
