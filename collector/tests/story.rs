//! One story about a store, told to every database.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use common::cluster::Cluster;
use common::{S, T0, batch, every_field, flow};
use proptest::prelude::*;
use sce_collector::rows;
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::predicate::Predicate;
use sce_collector::store::rollups::Rollups as _;
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::store::{Claim, Outcome, Quarantine, Scan, Step, Store, StoreError, StreamKey, Tally, Work};
use sce_proto::{
    Batch, FlowInterval, LossReport, ObservationPoint, PathMarks, ProbeInterval, Record, SocketSample, StreamInterval,
    ValueRef,
};

#[tokio::test]
async fn sqlite_tells_the_story() {
    let dir = tempfile::tempdir().unwrap();
    story(SqliteStore::open(&dir.path().join("story.db")).await.unwrap()).await;
}

/// The same story, and what only a server can go through. One test, so that the server ends with it.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_tells_the_story() {
    let Some(cluster) = Cluster::start() else { return };
    story(PostgresStore::open(&cluster.database("story").await).await.unwrap()).await;
    predicates_agree(&PostgresStore::open(&cluster.database("predicates").await).await.unwrap());
    partitions_are_there(&cluster.database("partitions").await).await;
    windows_have_an_index(&cluster.database("windows").await).await;
    collectors_compete(&cluster.database("compete").await, &cluster).await;
    let Err(error) = PostgresStore::open(&cluster.url("nowhere")).await else { panic!("it was opened") };
    assert!(error.to_string().contains("createdb"), "{error}");
}

/// A row finds its partition though the clock stepped meanwhile, and though another collector dropped it.
async fn partitions_are_there(url: &str) {
    let (store, other) = (PostgresStore::open(url).await.unwrap(), PostgresStore::open(url).await.unwrap());
    let at = store.claim(&claim("partitions", 1, 1)).await.unwrap();
    let day = 86_400 * S;
    let deliver = async |seq: u64, now_ns: u64, start_ns: u64| {
        let record = FlowInterval { start_ns, interval_ns: S, ..flow(9, seq, 0, 1) };
        let step = Step { now_ns: now_ns.cast_signed(), ..step(at.stream, 1, &batch(seq, &[record])) };
        assert_eq!(store.commit(&[step]).await.unwrap(), [Outcome::Committed]);
    };
    deliver(1, T0, T0).await;
    deliver(2, 365 * day, T0 + S).await;
    deliver(3, T0, T0 - 100 * day).await;
    while other.retain(T0 - 50 * day).await.unwrap() > 0 {}
    deliver(4, T0, T0 - 100 * day + S).await;
    deliver(5, T0, i64::MAX as u64 - 1 - S).await;
    let found = store.scan::<FlowInterval>(&all()).await.unwrap();
    let mut flows: Vec<u64> = found.iter().map(|r| r.record.flow).collect();
    flows.sort_unstable();
    assert_eq!(flows, [1, 2, 4, 5]);
    store.close().await;
    other.close().await;
}

/// A window reads what it can hold and not all of its days, also of a young partition and after an upgrade.
async fn windows_have_an_index(url: &str) {
    let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(url).await.unwrap();
    let indexes = "SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'flow_interval_d%' AND indexdef LIKE \
         '%brin (%CASE%first_ns%CASE%last_ns + 1%'";
    for upgraded in [false, true] {
        let store = PostgresStore::open(url).await.unwrap();
        let at = store.claim(&claim("windows", 1, 1)).await.unwrap();
        let next = at.committed_seq + 1;
        let records: Vec<FlowInterval> = (0..500).map(|i| flow(9, i, i, 1)).collect();
        store.commit(&[step(at.stream, 1, &batch(next, &records))]).await.unwrap();
        let window = Scan { since_ns: T0 + 40 * S, until_ns: T0 + 50 * S, ..all() };
        assert_eq!(store.scan::<FlowInterval>(&window).await.unwrap().len() as u64, 10 * next);
        store.tidy().await.unwrap();
        // A connection tells what it did when it ends.
        store.close().await;
        let unknown = "SELECT sum(brin_summarize_new_values(indexname::regclass))::bigint FROM pg_indexes \
             WHERE tablename LIKE 'flow_interval_d%' AND indexdef LIKE '%brin%'";
        let unknown: i64 = sqlx::query_scalar(unknown).fetch_one(&mut conn).await.unwrap();
        assert_eq!(unknown, 0, "ranges that the index does not know, upgraded: {upgraded}");
        let used = "SELECT sum(idx_scan)::bigint FROM pg_stat_user_indexes WHERE relname LIKE 'flow_interval_d%'";
        let mut tries = 0;
        while sqlx::query_scalar::<_, i64>(used).fetch_one(&mut conn).await.unwrap() == 0 {
            tries += 1;
            assert!(tries < 100, "the index is not used, upgraded: {upgraded}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(sqlx::query_scalar::<_, i64>(indexes).fetch_one(&mut conn).await.unwrap(), 1);
        // As the release before left it.
        let day = T0 / (86_400 * S);
        for sql in [
            format!("DROP INDEX flow_interval_d{day}_start_ns_case_idx"),
            format!("CREATE INDEX ON flow_interval_d{day} USING brin (start_ns)"),
            String::from("DELETE FROM _sqlx_migrations WHERE version = 8"),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
        }
    }
}

/// Twelve collectors deliver the same stream, take it over from each other, and lose the server now and then: no gap and
/// nothing twice.
async fn collectors_compete(url: &str, cluster: &Cluster) {
    const BATCHES: u64 = 200;
    let collectors = (0..12u64).map(|n| {
        let url = url.to_owned();
        tokio::spawn(async move {
            let store = loop {
                match PostgresStore::open(&url).await {
                    Ok(store) => break store,
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                }
            };
            let mut session = 1 + n.cast_signed();
            loop {
                let Ok(at) = store.claim(&claim("compete", 1, session)).await else { continue };
                let mut next = at.committed_seq + 1;
                while next <= BATCHES {
                    let records: Vec<FlowInterval> = (0..5).map(|i| flow(8, next * 10 + i, next % 60, 1)).collect();
                    match store.commit(&[step(at.stream, session, &batch(next, &records))]).await {
                        Ok(outcome) if outcome == [Outcome::Committed] || outcome == [Outcome::Duplicate] => next += 1,
                        Ok(outcome) => {
                            assert_eq!(outcome, [Outcome::Fenced]);
                            break;
                        }
                        // The server is away; what became of the commit is for the ledger to say.
                        Err(StoreError::Unavailable(_)) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                if next > BATCHES {
                    return;
                }
                session += 100;
                tokio::time::sleep(std::time::Duration::from_millis(n)).await;
            }
        })
    });
    let collectors: Vec<_> = collectors.collect();
    for _ in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        cluster.restart_hard();
    }
    for collector in collectors {
        collector.await.unwrap();
    }
    let store = PostgresStore::open(url).await.unwrap();
    let mut flows: Vec<u64> = store.scan::<FlowInterval>(&all()).await.unwrap().iter().map(|r| r.record.flow).collect();
    let rows = flows.len() as u64;
    flows.sort_unstable();
    flows.dedup();
    assert_eq!((rows, flows.len() as u64), (BATCHES * 5, BATCHES * 5));
    store.close().await;
}

async fn story(store: impl Store) {
    all_fields_come_back(&store).await;
    the_ledger_steps_once(&store).await;
    windows_and_predicates(&store).await;
    retention_takes_the_old_only(&store).await;
    store.check().await.unwrap();
    assert!(store.size_bytes().await.unwrap() > 0);
    store.close().await;
    assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))), "a closed store says so");
}

fn claim(probe: &str, lane: u32, session: i64) -> Claim {
    let key = StreamKey { probe: String::from(probe), spool_id: vec![7; 16], epoch: u64::MAX, lane };
    Claim { key, host: String::from("h"), version: String::from("v"), session, now_ns: T0 as i64 }
}

fn step(stream: i64, session: i64, batch: &Batch) -> Step {
    let tables = rows::decode(batch).unwrap().tables;
    let (position, payload) = (batch.seq * 100, batch.payload.clone());
    let original = Quarantine { reason: String::new(), records: 1, frames: 1, position, payload };
    let work = Work::Batch { seq: batch.seq, crc: batch.crc32c, newest_ns: batch.last_ns, tables, original };
    Step { stream, session, now_ns: T0 as i64, work }
}

fn all() -> Scan {
    Scan { until_ns: u64::MAX, limit: usize::MAX, ..Scan::default() }
}

async fn all_fields_come_back(store: &impl Store) {
    let at = store.claim(&claim("fields", 1, 1)).await.unwrap();
    assert_eq!(at.committed_seq, 0);
    let mut seq = 0;
    round_trip::<FlowInterval>(store, at.stream, &mut seq).await;
    round_trip::<ProbeInterval>(store, at.stream, &mut seq).await;
    round_trip::<ObservationPoint>(store, at.stream, &mut seq).await;
    round_trip::<PathMarks>(store, at.stream, &mut seq).await;
    round_trip::<SocketSample>(store, at.stream, &mut seq).await;
    round_trip::<LossReport>(store, at.stream, &mut seq).await;
    round_trip::<StreamInterval>(store, at.stream, &mut seq).await;
}

/// Sizes that need every length of statement, among them rows with only defaults.
async fn round_trip<R: Record + Clone + PartialEq + std::fmt::Debug + Send + 'static>(
    store: &impl Store,
    stream: i64,
    seq: &mut u64,
) {
    let mut sent: Vec<R> = (0..90).map(every_field).collect();
    sent.push(R::default());
    *seq += 1;
    let outcome = store.commit(&[step(stream, 1, &batch(*seq, &sent))]).await.unwrap();
    assert_eq!(outcome, [Outcome::Committed]);
    let read = store.scan::<R>(&all()).await.unwrap();
    assert!(read.iter().all(|r| r.stream == stream));
    let mut read: Vec<R> = read.into_iter().map(|r| r.record).collect();
    let key = |r: &R| (0..R::FIELDS.len()).map(|i| format!("{:?}", r.get(i))).collect::<String>();
    read.sort_by_key(key);
    sent.sort_by_key(key);
    assert_eq!(read, sent, "{}", R::TABLE);
}

async fn the_ledger_steps_once(store: &impl Store) {
    let at = store.claim(&claim("ledger", 1, 10)).await.unwrap();
    let b = |seq| batch(seq, &[flow(5, seq, seq, 100 + seq)]);
    let commit = async |session, seqs: &[u64]| {
        let steps: Vec<Step> = seqs.iter().map(|seq| step(at.stream, session, &b(*seq))).collect();
        store.commit(&steps).await.unwrap()
    };
    assert_eq!(commit(10, &[1, 2]).await, [Outcome::Committed, Outcome::Committed]);
    assert_eq!(
        commit(10, &[1, 4, 3]).await,
        [Outcome::Duplicate, Outcome::Gap { committed_seq: 2 }, Outcome::Committed]
    );
    let other = batch(3, &[flow(5, 99, 3, 1)]);
    assert_eq!(store.commit(&[step(at.stream, 10, &other)]).await.unwrap(), [Outcome::Conflict]);

    let again = store.claim(&claim("ledger", 1, 11)).await.unwrap();
    assert_eq!((again.stream, again.committed_seq), (at.stream, 3));
    assert_eq!((again.committed_crc, again.position), (b(3).crc32c, 300), "where a spool that went back finds itself");
    assert_eq!(commit(10, &[4]).await, [Outcome::Fenced]);
    assert_eq!(commit(11, &[4]).await, [Outcome::Committed]);

    let skip = |first, last| Step {
        stream: at.stream,
        session: 11,
        now_ns: T0 as i64,
        work: Work::Skip { first, last, position: 0 },
    };
    let outcomes = store.commit(&[skip(7, 8), skip(5, 8), skip(5, 8)]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Gap { committed_seq: 4 }, Outcome::Committed, Outcome::Duplicate]);

    let payload = bytes::Bytes::from_static(b"xyz");
    let quarantine = Quarantine { reason: String::from("bad"), records: 3, frames: 4, position: 900, payload };
    let work = Work::Poison { seq: 9, crc: 1, quarantine };
    let poison = Step { stream: at.stream, session: 11, now_ns: T0 as i64, work };
    assert_eq!(store.commit(&[poison]).await.unwrap(), [Outcome::Committed]);

    let skipped = store.commit(&[skip(10, 11)]).await.unwrap();
    assert_eq!(skipped, [Outcome::Committed]);
    let after = store.claim(&claim("ledger", 1, 11)).await.unwrap();
    assert_eq!(
        (after.committed_seq, after.committed_crc, after.position),
        (11, 0, 900),
        "a skip says nothing of positions"
    );

    let line = store.ledger().await.unwrap().into_iter().find(|l| l.stream == at.stream).unwrap();
    assert_eq!((line.probe.as_str(), line.epoch, line.lane, line.committed_seq), ("ledger", u64::MAX, 1, 11));
    assert_eq!((line.batches, line.records, line.duplicates, line.skipped), (4, 4, 2, 6));
    assert_eq!((line.quarantined, line.quarantined_records, line.claims), (1, 3, 3));
    assert_eq!(line.newest_ns, T0 + 60 * S);

    let tally = store.tally(T0, T0 + 4 * S).await.unwrap();
    let mine: Vec<Tally> = tally.into_iter().filter(|t| t.op == 5).collect();
    let want = |second: u64| Tally { op: 5, start_ns: T0 + second * S, records: 1, frames: 100 + second };
    assert_eq!(mine, [want(1), want(2), want(3)]);
}

async fn windows_and_predicates(store: &impl Store) {
    let at = store.claim(&claim("windows", 1, 20)).await.unwrap();
    let records: Vec<FlowInterval> = (0..100).map(|i| flow(6, i % 10, i, 1)).collect();
    store.commit(&[step(at.stream, 20, &batch(1, &records))]).await.unwrap();
    let whole = FlowInterval {
        start_ns: 0,
        interval_ns: 0,
        first_ns: T0 + 500 * S,
        last_ns: T0 + 600 * S,
        ..flow(6, 77, 0, 1)
    };
    store.commit(&[step(at.stream, 20, &batch(2, std::slice::from_ref(&whole)))]).await.unwrap();
    let count = async |since: u64, until: u64, predicate: Predicate| {
        let predicate = Predicate::equal("op", 6).and(predicate);
        let scan = Scan { since_ns: T0 + since, until_ns: T0 + until, predicate, ..all() };
        store.scan::<FlowInterval>(&scan).await.unwrap().len()
    };
    assert_eq!(count(0, 10 * S, Predicate::True).await, 10);
    assert_eq!(count(1, 10 * S + 1, Predicate::True).await, 11, "records that overlap the window count");
    assert_eq!(count(0, 1000 * S, Predicate::equal("flow", 3)).await, 10);
    assert_eq!(count(550 * S, 551 * S, Predicate::True).await, 1, "a record of a whole life lies where its packets do");
    assert_eq!(count(601 * S, 700 * S, Predicate::True).await, 0);
    let scan = Scan { predicate: Predicate::equal("op", 6), limit: 10, ..all() };
    assert!(matches!(store.scan::<FlowInterval>(&scan).await, Err(StoreError::Refused(_))));
    let fields = vec![FlowInterval::position("flow").unwrap()];
    let scan = Scan { predicate: Predicate::equal("flow", 77), fields, ..all() };
    let only = store.scan::<FlowInterval>(&scan).await.unwrap();
    assert_eq!(only[0].record, FlowInterval { flow: 77, ..FlowInterval::default() });
}

async fn retention_takes_the_old_only(store: &impl Store) {
    let before = store.scan::<FlowInterval>(&all()).await.unwrap().len();
    let at = store.claim(&claim("old", 1, 30)).await.unwrap();
    let day = 86_400 * S;
    let old: Vec<FlowInterval> =
        (0..50).map(|i| FlowInterval { start_ns: T0 - 10 * day + i * S, ..flow(7, i, 0, 1) }).collect();
    store.commit(&[step(at.stream, 30, &batch(1, &old))]).await.unwrap();
    assert!(store.oldest().await.unwrap() <= T0 - 10 * day);
    while store.retain(T0 - 5 * day).await.unwrap() > 0 {}
    let left = store.scan::<FlowInterval>(&all()).await.unwrap();
    assert!(left.iter().all(|r| r.record.op != 7), "the old ones are gone");
    assert!(left.len() >= before - 1, "{} of {before} are left: the rest stays", left.len());
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("newer.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    let mut conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999, 'future', 1, x'00', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    sqlx::Connection::close(conn).await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let Err(error) = SqliteStore::open(&path).await else { panic!("it was opened") };
    assert!(matches!(error, StoreError::Newer { found: 999, .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before, "nothing was changed");
}

#[tokio::test]
async fn what_is_not_a_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, vec![b'x'; 10_000]).unwrap();
    let Err(error) = SqliteStore::open(&path).await else { panic!("it was opened") };
    assert!(error.to_string().contains("not an SQLite database"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 10_000]);
    let Err(error) = SqliteStore::open(&dir.path().join("no/such/folder.db")).await else { panic!("it was opened") };
    assert!(error.to_string().contains("does not exist"), "{error}");
}

fn predicates() -> impl Strategy<Value = Predicate> {
    let number = || prop_oneof![0u64..4, Just(u64::MAX), Just(1 << 63)];
    let fields = prop_oneof![Just("packets"), Just("src_port"), Just("flow")];
    let leaf = prop_oneof![
        Just(Predicate::True),
        (fields, number(), number()).prop_map(|(field, low, high)| Predicate::Range { field, low, high }),
        "[ab]{0,1}".prop_map(|value| Predicate::Text { field: "run", value }),
        (0u8..4, 0u8..4).prop_map(|(a, b)| Predicate::Bytes {
            field: "src_ip",
            low: vec![10, 0, 0, a],
            high: vec![10, 0, 0, b]
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
            inner.prop_map(|p| Predicate::Not(Box::new(p))),
        ]
    })
}

/// The same decision in SQL and in memory, for any condition.
#[test]
fn sql_and_memory_agree() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(SqliteStore::open(&dir.path().join("p.db"))).unwrap();
    let _entered = runtime.enter();
    agree(&store, |future| runtime.block_on(future));
}

/// From within a runtime.
fn predicates_agree(store: &PostgresStore) {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| agree(store, |future| runtime.block_on(future)));
}

type Scanned<'a> = std::pin::Pin<Box<dyn Future<Output = Vec<FlowInterval>> + 'a>>;

fn agree(store: &impl Store, wait: impl Fn(Scanned<'_>) -> Vec<FlowInterval>) {
    let records: Vec<FlowInterval> = (0..48u64)
        .map(|i| {
            let mut r = flow([0, 1, 1 << 63, u64::MAX][i as usize % 4], i, i, [0, 1, 3, u64::MAX][i as usize / 4 % 4]);
            r.src_ip = if i % 5 == 4 { vec![0; 16] } else { vec![10, 0, 0, (i % 4) as u8] };
            r.run = String::from(["", "a", "b"][i as usize % 3]);
            r.set(FlowInterval::position("src_port").unwrap(), ValueRef::U64(i % 4));
            r
        })
        .collect();
    wait(Box::pin(async {
        let at = store.claim(&claim("p", 1, 1)).await.unwrap();
        store.commit(&[step(at.stream, 1, &batch(1, &records))]).await.unwrap();
        Vec::new()
    }));
    proptest!(ProptestConfig::with_cases(200), |(predicate in predicates())| {
        let scan = Scan { predicate: predicate.clone(), ..all() };
        let mut read = wait(Box::pin(async {
            store.scan(&scan).await.unwrap().into_iter().map(|r| r.record).collect()
        }));
        read.sort_by_key(|r: &FlowInterval| r.flow);
        let want: Vec<FlowInterval> = records.iter().filter(|r| predicate.holds(*r)).cloned().collect();
        prop_assert_eq!(read, want);
    });
}
