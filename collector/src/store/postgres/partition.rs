//! Daily partitions: made before rows need them, dropped when they are too old.
//!
//! In: steps about to be committed; a time before which all may go. Out: partitions. A row belongs to the day on which it
//! begins. Rows that are longer than a day, or whose time cannot be right, belong to day 0, which every window looks at.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use super::lock_taken;
use crate::store::rollups::in_postgres;
use crate::store::schema::{SCHEMAS, Schema, Time};
use crate::store::{Step, Work};

/// A day, ns.
pub(super) const DAY_NS: i64 = 86_400_000_000_000;
/// Days before this one (2000-01-01) are taken for a wrong clock.
const FIRST_DAY: i64 = 10_957;
/// Pages that share an entry of the index on time: some hundred rows.
const RANGE_PAGES: u32 = 128;
/// Time between two looks for rows that the indexes do not know yet. A look asks about each range of a day.
const SUMMARISE: Duration = Duration::from_secs(10);
/// One collector at a time makes or drops partitions.
const LOCK: i64 = 0x5343_4550;

/// The partition of a row that came at `now_ns`: a time that is not asked for again, or the clock might say another partition
/// when the row is written than when its partition was made.
pub(super) fn day(time: Time, (begins, ends): (i64, i64), now_ns: i64) -> i32 {
    let day = begins / DAY_NS;
    let tomorrow = now_ns / DAY_NS + 1;
    let fits = time != Time::Always && ends.saturating_sub(begins) <= DAY_NS && day >= FIRST_DAY && day <= tomorrow;
    if fits { day as i32 } else { 0 }
}

/// Code of a table, and day.
type Name = (usize, i32);

/// What a collector knows of partitions.
#[derive(Default)]
pub(super) struct Known(Mutex<Partitions>);

#[derive(Default)]
struct Partitions {
    /// They are there.
    made: BTreeSet<Name>,
    /// Rows came that their index does not know.
    written: BTreeSet<Name>,
    summarised: Option<Instant>,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Partitions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes none for made any longer.
    pub(super) fn forget(&self) {
        self.lock().made.clear();
    }

    /// Partitions whose index is to be told of new rows, when it is time again.
    fn to_summarise(&self) -> BTreeSet<Name> {
        let mut known = self.lock();
        if known.summarised.is_some_and(|at| at.elapsed() < SUMMARISE) {
            return BTreeSet::new();
        }
        known.summarised = Some(Instant::now());
        std::mem::take(&mut known.written)
    }
}

/// Makes the partitions that steps need.
pub(super) async fn ensure(pool: &PgPool, known: &Known, steps: &[Step]) -> Result<(), sqlx::Error> {
    let mut needed = BTreeSet::new();
    for step in steps {
        let Work::Batch { tables, .. } = &step.work else { continue };
        for rows in tables.iter().filter(|t| t.schema.time != Time::Always) {
            let days = rows.schema.time.bounds(rows).map(|b| (rows.schema.code, day(rows.schema.time, b, step.now_ns)));
            needed.extend(days);
        }
    }
    {
        let mut known = known.lock();
        known.written.extend(&needed);
        needed.retain(|partition| !known.made.contains(partition));
    }
    for (code, day) in needed {
        make(pool, &SCHEMAS[code], day).await?;
        known.lock().made.insert((code, day));
    }
    Ok(())
}

/// Tells the indexes on time what came since: a window reads all rows that they do not know.
pub(super) async fn summarise(pool: &PgPool, known: &Known) -> Result<(), sqlx::Error> {
    for (code, day) in known.to_summarise() {
        let mut tx = pool.begin().await?;
        // Whoever waits for longer than deadlock_timeout (1 s) ends the autovacuum that he waits for.
        sqlx::query("SET LOCAL lock_timeout = '100ms'").execute(&mut *tx).await?;
        let done = sqlx::query(
            "SELECT brin_summarize_new_values(x.indexrelid) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid \
             JOIN pg_am a ON a.oid = c.relam WHERE x.indrelid = to_regclass($1) AND a.amname = 'brin'",
        )
        .bind(name(&SCHEMAS[code], day))
        .execute(&mut *tx)
        .await;
        match done {
            Ok(_) => tx.commit().await?,
            Err(error) if lock_taken(&error) => _ = known.lock().written.insert((code, day)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The days that have a partition, the oldest first; not day 0.
pub(super) async fn days(pool: &PgPool, schema: &Schema) -> Result<Vec<i32>, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    let mut days: Vec<i32> = attached(&mut conn, schema).await?.iter().map(|(name, _)| day_of(name)).collect();
    days.retain(|day| *day > 0);
    days.sort_unstable();
    Ok(days)
}

/// The partitions of a table, and whether one was being detached when something failed.
async fn attached(conn: &mut PgConnection, schema: &Schema) -> Result<Vec<(String, bool)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT c.relname::text, i.inhdetachpending FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = $1",
    )
    .bind(schema.table)
    .fetch_all(conn)
    .await
}

fn day_of(partition: &str) -> i32 {
    partition.rsplit_once("_d").and_then(|(_, day)| day.parse().ok()).unwrap_or(0)
}

pub(super) fn name(schema: &Schema, day: i32) -> String {
    format!("{}_d{day}", schema.table)
}

/// A table of its own first, then attached: attaching does not stop other collectors' inserts.
async fn make(pool: &PgPool, schema: &Schema, day: i32) -> Result<(), sqlx::Error> {
    let (parent, partition) = (schema.table, name(schema, day));
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let there: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = $1 AND relispartition)")
            .bind(&partition)
            .fetch_one(&mut *tx)
            .await?;
    if !there {
        // The very expressions of the windows that questions have, or the index is of no use to them.
        let (begins, ends, next) = (schema.time.begins(), schema.time.ends(), day + 1);
        for sql in [
            format!("CREATE TABLE IF NOT EXISTS {partition} (LIKE {parent} INCLUDING DEFAULTS)"),
            format!("ALTER TABLE {parent} ATTACH PARTITION {partition} FOR VALUES FROM ({day}) TO ({next})"),
            format!(
                "CREATE INDEX ON {partition} USING brin (({begins}), ({ends})) WITH (pages_per_range = {RANGE_PAGES})"
            ),
        ] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
    }
    tx.commit().await
}

/// Drops the partitions that ended before a time, and the old rows of day 0. Says how much went.
pub(super) async fn retain(pool: &PgPool, known: &Known, before_ns: u64) -> Result<u64, sqlx::Error> {
    let before = i64::try_from(before_ns).unwrap_or(i64::MAX);
    // Detaching concurrently cannot be part of a transaction, so the lock is the session's.
    let mut conn = pool.acquire().await?;
    let mine: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut *conn).await?;
    if !mine {
        return Ok(0);
    }
    let mut gone = 0;
    for schema in SCHEMAS.iter().filter(|s| s.time != Time::Always) {
        for (partition, pending) in attached(&mut conn, schema).await? {
            let day = day_of(&partition);
            // Its last rows may reach a day further.
            if day == 0 || (i64::from(day) + 2).saturating_mul(DAY_NS) > before {
                continue;
            }
            let how = if pending { "FINALIZE" } else { "CONCURRENTLY" };
            let detach = format!("ALTER TABLE {} DETACH PARTITION {partition} {how}", schema.table);
            sqlx::query(AssertSqlSafe(detach)).execute(&mut *conn).await?;
            sqlx::query(AssertSqlSafe(format!("DROP TABLE {partition}"))).execute(&mut *conn).await?;
            known.lock().made.remove(&(schema.code, day));
            gone += 1;
        }
        let (table, ends) = (schema.table, schema.time.ends());
        let sql = AssertSqlSafe(format!("DELETE FROM {table} WHERE day = 0 AND {ends} <= $1"));
        gone += sqlx::query(sql).bind(before).execute(&mut *conn).await?.rows_affected();
    }
    in_postgres::retain(&mut conn, before).await?;
    gone +=
        sqlx::query("DELETE FROM quarantine WHERE at_ns < $1").bind(before).execute(&mut *conn).await?.rows_affected();
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(LOCK).execute(&mut *conn).await?;
    Ok(gone)
}
