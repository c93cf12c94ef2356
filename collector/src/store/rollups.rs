//! Roll-ups in the database: their state, their packs, and how a bucket is replaced.
//!
//! In: buckets to sum, windows to answer. Out: rows of `rollup` and its neighbours. Both databases run the same statements;
//! they differ in how one job at a time is made sure of: SQLite has one writer, in Postgres a table lock is the lease.

mod sql;
mod summed;

use std::collections::BTreeMap;

use super::StoreError;
use super::postgres::{self, PostgresStore};
use super::sqlite::{self, SqliteStore};
use super::{Scan, predicate::Predicate};
use crate::rollup::cover::State;
use crate::rollup::pack::{Instance, Packer, look};
use crate::rollup::{Level, Touched, ordered};
use sce_proto::FlowInterval;
use sql::*;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use summed::{Summed, passes};
use tokio_stream::StreamExt as _;

/// A bucket is summed when no records came for so long, ns, ...
const QUIET_NS: u64 = 2_000_000_000;
/// ... or when so much has passed since the first that is not summed, ns.
const PATIENCE_NS: u64 = 30_000_000_000;
/// Flow instances of one statement.
const INSTANCES: usize = 200;

/// What questions and the roll-up job ask of a database.
pub trait Rollups: Send + Sync {
    /// What is known of the buckets that a window touches; `plain`: of those only that hold records as they were stored.
    fn rollup_state(
        &self,
        since_ns: u64,
        until_ns: u64,
        plain: bool,
    ) -> impl Future<Output = Result<State, StoreError>> + Send;

    /// Reads the packs of buckets that begin in a time and may hold one of some flow keys (none = all).
    fn packs(
        &self,
        level: Level,
        from_ns: u64,
        to_ns: u64,
        keys: &[u64],
        each: impl FnMut(&[u8]) -> Result<(), StoreError> + Send,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The key of a flow instance, where it is known.
    fn flow_key(&self, flow: u64) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Makes what was committed quick to find. To be called often: it looks for itself when there is something to do.
    fn tidy(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }

    /// Buckets that can be summed now, finest first; at most some hundred.
    fn due(&self, now_ns: u64) -> impl Future<Output = Result<Vec<(Level, u64)>, StoreError>> + Send;

    /// Replaces a bucket by the sum of what it is made of; false if another collector is at it.
    fn roll_up(&self, level: Level, bucket_ns: u64) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

fn clamp(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// The same functions on the connections of both databases.
macro_rules! statements {
    ($name:ident, $store:ident, $conn:ty) => {
        pub(super) mod $name {
            use super::*;
            use $store::sort_out;

            /// Notes what a committed batch brings.
            pub(in crate::store) async fn touch(
                conn: &mut $conn,
                touched: &Touched,
                now_ns: i64,
            ) -> Result<(), sqlx::Error> {
                for (bucket, records) in &touched.buckets {
                    let touch = sqlx::query(TOUCH).bind(clamp(*bucket)).bind(clamp(*records)).bind(now_ns);
                    touch.execute(&mut *conn).await?;
                }
                if let Some((first, last)) = touched.gap {
                    sqlx::query(GAP).bind(clamp(first)).bind(clamp(last)).execute(&mut *conn).await?;
                }
                Ok(())
            }

            /// Deletes buckets that ended before a time.
            pub(in crate::store) async fn retain(conn: &mut $conn, before_ns: i64) -> Result<(), sqlx::Error> {
                for sql in RETAIN {
                    sqlx::query(sql).bind(before_ns).execute(&mut *conn).await?;
                }
                Ok(())
            }

            pub(super) async fn state(
                conn: &mut $conn,
                since: u64,
                until: u64,
                plain: bool,
            ) -> Result<State, sqlx::Error> {
                let (first, last) = (clamp(since), clamp(until));
                let before = |level: Level| clamp(since).saturating_sub(clamp(level.width_ns()));
                let extent: (Option<i64>, Option<i64>) = sqlx::query_as(EXTENT).fetch_one(&mut *conn).await?;
                let end = |b: i64| b.cast_unsigned() + Level::Tens.width_ns();
                let mut state =
                    State { extent: extent.0.map(i64::cast_unsigned).zip(extent.1.map(end)), ..State::default() };
                let mut within = vec![TOUCHED];
                within.extend(plain.then_some(MERGED));
                for sql in within {
                    let found: Vec<i64> =
                        sqlx::query_scalar(sql).bind(before(Level::Tens)).bind(last).fetch_all(&mut *conn).await?;
                    state.touched.extend(found.into_iter().map(i64::cast_unsigned));
                }
                for edge in [since, until].map(|edge| Level::Tens.bucket(edge)) {
                    let spanned: i64 = sqlx::query_scalar(SPANNED).bind(clamp(edge)).fetch_one(&mut *conn).await?;
                    state.spanned.extend((spanned != 0).then_some(edge));
                }
                let gaps: Vec<(i64, i64)> = sqlx::query_as(GAPS).bind(first).bind(last).fetch_all(&mut *conn).await?;
                for (first, last) in gaps.into_iter().map(|(a, b)| (a.cast_unsigned(), b.cast_unsigned())) {
                    match state.gaps.last_mut() {
                        Some(gap) if first <= gap.1 => gap.1 = gap.1.max(last),
                        _ => state.gaps.push((first, last)),
                    }
                }
                coarse(conn, &mut state.coarse, Level::Hours, before(Level::Hours), last).await?;
                if !plain {
                    for (from, to) in state.open_hours(since, until) {
                        coarse(conn, &mut state.coarse, Level::Minutes, clamp(from), clamp(to)).await?;
                    }
                }
                Ok(state)
            }

            async fn coarse(
                conn: &mut $conn,
                into: &mut BTreeMap<(Level, u64), bool>,
                level: Level,
                from: i64,
                to: i64,
            ) -> Result<(), sqlx::Error> {
                let query = sqlx::query_as(COARSE).bind(level.seconds()).bind(from).bind(to);
                let found: Vec<(i64, i64)> = query.fetch_all(conn).await?;
                into.extend(found.into_iter().map(|(bucket, stale)| ((level, bucket.cast_unsigned()), stale != 0)));
                Ok(())
            }

            pub(super) async fn packs(
                conn: &mut $conn,
                (level, from, to): (Level, u64, u64),
                keys: &[(u64, u64)],
                mut each: impl FnMut(&[u8]) -> Result<(), StoreError> + Send,
            ) -> Result<(), StoreError> {
                let any: Vec<String> = (0..keys.len())
                    .map(|i| format!("(key_high >= ${} AND key_low <= ${})", 2 * i + 4, 2 * i + 5))
                    .collect();
                let narrow = if any.is_empty() { String::new() } else { format!(" AND ({})", any.join(" OR ")) };
                let sql = AssertSqlSafe(format!("{PACKS}{narrow} ORDER BY bucket_ns"));
                let mut query = sqlx::query_scalar(sql).bind(level.seconds()).bind(clamp(from)).bind(clamp(to));
                for (low, high) in keys {
                    query = query.bind(ordered(*low)).bind(ordered(*high));
                }
                let mut rows = query.fetch(conn);
                while let Some(payload) = rows.next().await {
                    let payload: Vec<u8> = payload.map_err(|e| sort_out(&e))?;
                    each(&payload)?;
                }
                Ok(())
            }

            pub(super) async fn due(conn: &mut $conn, now_ns: u64) -> Result<Vec<(Level, u64)>, sqlx::Error> {
                let before = |ns: u64| clamp(now_ns.saturating_sub(ns));
                let mut due = Vec::new();
                let tens: Vec<i64> = sqlx::query_scalar(DUE_TENS)
                    .bind(before(Level::Tens.width_ns()))
                    .bind(before(QUIET_NS))
                    .bind(before(PATIENCE_NS))
                    .fetch_all(&mut *conn)
                    .await?;
                due.extend(tens.into_iter().map(|b| (Level::Tens, b.cast_unsigned())));
                for level in [Level::Minutes, Level::Hours] {
                    let buckets: Vec<i64> = sqlx::query_scalar(DUE_COARSE)
                        .bind(level.seconds())
                        .bind(before(level.width_ns()))
                        .bind(clamp(level.width_ns()))
                        .fetch_all(&mut *conn)
                        .await?;
                    due.extend(buckets.into_iter().map(|b| (level, b.cast_unsigned())));
                }
                Ok(due)
            }

            /// Reads what a bucket is made of and sums it, in one snapshot.
            pub(super) async fn sum(conn: &mut $conn, level: Level, bucket: u64) -> Result<Summed, StoreError> {
                let end = bucket + level.width_ns();
                let failed = |e: sqlx::Error| sort_out(&e);
                let (seen, new): (i64, i64) =
                    sqlx::query_as(SEEN).bind(clamp(bucket)).fetch_one(&mut *conn).await.map_err(failed)?;
                let held = level.finer().unwrap_or(level);
                let held: i64 = sqlx::query_scalar(HELD)
                    .bind(held.seconds())
                    .bind(clamp(bucket))
                    .bind(clamp(end))
                    .fetch_one(&mut *conn)
                    .await
                    .map_err(failed)?;
                let new = if level == Level::Tens { new } else { 0 };
                let mut out = Summed { seen, ..Summed::default() };
                let gaps: Vec<(i64, i64)> = sqlx::query_as(GAPS)
                    .bind(clamp(bucket))
                    .bind(clamp(end))
                    .fetch_all(&mut *conn)
                    .await
                    .map_err(failed)?;
                if level == Level::Tens && !gaps.is_empty() {
                    // Such a bucket is never asked.
                    return Ok(out);
                }
                for (low, high) in passes((new + held).cast_unsigned()) {
                    let mut packer = Packer::new(level, bucket);
                    match level.finer() {
                        None => {
                            let predicate = Predicate::Range { field: "flow_key", low, high };
                            let limit = usize::MAX;
                            let scan = Scan { since_ns: bucket, until_ns: end, predicate, fields: Vec::new(), limit };
                            $store::read::each_on::<FlowInterval>(&mut *conn, &scan, |r| packer.add(&r.record)).await?;
                        }
                        Some(finer) => {
                            let mine = |r: &FlowInterval| (low..=high).contains(&r.flow_key);
                            let keys = [(low, high)];
                            packs(&mut *conn, (finer, bucket, end), &keys, |payload| {
                                look(payload, &[], None, |r| {
                                    if mine(r) {
                                        packer.add(r)
                                    }
                                })
                            })
                            .await?;
                        }
                    }
                    out.add(packer).await?;
                }
                Ok(out)
            }

            /// Puts a sum in the place of the bucket.
            pub(super) async fn replace(
                conn: &mut $conn,
                level: Level,
                bucket: u64,
                summed: &Summed,
            ) -> Result<(), sqlx::Error> {
                let at = clamp(bucket);
                if level == Level::Tens {
                    sqlx::query(UNTOUCH).bind(at).bind(summed.seen).execute(&mut *conn).await?;
                }
                sqlx::query(CLEAR).bind(level.seconds()).bind(at).execute(&mut *conn).await?;
                for pack in &summed.packs {
                    let add = sqlx::query(ADD).bind(level.seconds()).bind(at);
                    let add = add.bind(ordered(pack.key_low)).bind(ordered(pack.key_high)).bind(pack.records as i64);
                    add.bind(i64::from(pack.plain)).bind(&pack.payload).execute(&mut *conn).await?;
                }
                for coarse in [Level::Minutes, Level::Hours].into_iter().filter(|c| *c >= level) {
                    let set = sqlx::query(SET).bind(coarse.seconds()).bind(clamp(coarse.bucket(bucket)));
                    set.bind(i64::from(coarse != level)).execute(&mut *conn).await?;
                }
                if level == Level::Minutes {
                    for some in summed.instances.chunks(INSTANCES) {
                        index(conn, some).await?;
                    }
                }
                Ok(())
            }

            async fn index(conn: &mut $conn, instances: &[Instance]) -> Result<(), sqlx::Error> {
                let rows: Vec<String> =
                    (0..instances.len()).map(|i| format!("(${}, ${}, ${})", 3 * i + 1, 3 * i + 2, 3 * i + 3)).collect();
                let sql = format!(
                    "INSERT INTO flow_index (flow, flow_key, last_ns) VALUES {} ON CONFLICT (flow) DO UPDATE \
                     SET last_ns = excluded.last_ns WHERE flow_index.last_ns < excluded.last_ns",
                    rows.join(", ")
                );
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for i in instances {
                    query = query.bind(i.flow.cast_signed()).bind(i.flow_key.cast_signed()).bind(clamp(i.last_ns));
                }
                query.execute(conn).await.map(|_| ())
            }
        }
    };
}

statements!(in_sqlite, sqlite, SqliteConnection);
statements!(in_postgres, postgres, PgConnection);

fn ranges(keys: &[u64]) -> Vec<(u64, u64)> {
    keys.iter().map(|k| (*k, *k)).collect()
}

/// What both stores do by one statement on a reader.
macro_rules! reading {
    ($statements:ident, $sort_out:path) => {
        async fn rollup_state(&self, since_ns: u64, until_ns: u64, plain: bool) -> Result<State, StoreError> {
            let mut conn = self.readers.acquire().await.map_err(|e| $sort_out(&e))?;
            $statements::state(&mut conn, since_ns, until_ns, plain).await.map_err(|e| $sort_out(&e))
        }

        async fn packs(
            &self,
            level: Level,
            from_ns: u64,
            to_ns: u64,
            keys: &[u64],
            each: impl FnMut(&[u8]) -> Result<(), StoreError> + Send,
        ) -> Result<(), StoreError> {
            let mut conn = self.readers.acquire().await.map_err(|e| $sort_out(&e))?;
            $statements::packs(&mut conn, (level, from_ns, to_ns), &ranges(keys), each).await
        }

        async fn flow_key(&self, flow: u64) -> Result<Option<u64>, StoreError> {
            let query = sqlx::query_scalar(FLOW_KEY).bind(flow.cast_signed());
            let found: Option<i64> = query.fetch_optional(&self.readers).await.map_err(|e| $sort_out(&e))?;
            Ok(found.map(i64::cast_unsigned))
        }

        async fn due(&self, now_ns: u64) -> Result<Vec<(Level, u64)>, StoreError> {
            let mut conn = self.readers.acquire().await.map_err(|e| $sort_out(&e))?;
            $statements::due(&mut conn, now_ns).await.map_err(|e| $sort_out(&e))
        }
    };
}

impl Rollups for SqliteStore {
    reading!(in_sqlite, sqlite::sort_out);

    async fn roll_up(&self, level: Level, bucket_ns: u64) -> Result<bool, StoreError> {
        let failed = |e: sqlx::Error| sqlite::sort_out(&e);
        // Summed from a reader's snapshot, so that ingest waits only while the bucket is replaced. What is committed between
        // has a later touch, and that one stays.
        let mut conn = self.readers.acquire().await.map_err(failed)?;
        let mut snapshot = conn.begin().await.map_err(failed)?;
        let summed = in_sqlite::sum(&mut snapshot, level, bucket_ns).await?;
        snapshot.rollback().await.map_err(failed)?;
        drop(conn);
        let mut writer = self.writing().await?;
        let mut tx = writer.conn.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        in_sqlite::replace(&mut tx, level, bucket_ns, &summed).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }
}

impl Rollups for PostgresStore {
    reading!(in_postgres, postgres::sort_out);

    async fn tidy(&self) -> Result<(), StoreError> {
        self.summarise().await
    }

    async fn roll_up(&self, level: Level, bucket_ns: u64) -> Result<bool, StoreError> {
        let failed = |e: sqlx::Error| postgres::sort_out(&e);
        let mut tx = self.writers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await.map_err(failed)?;
        if let Err(error) = sqlx::query(LEASE).execute(&mut *tx).await {
            return if postgres::lock_taken(&error) { Ok(false) } else { Err(failed(error)) };
        }
        let summed = in_postgres::sum(&mut tx, level, bucket_ns).await?;
        in_postgres::replace(&mut tx, level, bucket_ns, &summed).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }
}
