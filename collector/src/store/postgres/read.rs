//! Scans of records, the ledger, counts.
//!
//! In: windows and predicates. Out: records. A window names the days it can touch, so only their partitions are read.

use sce_proto::{FlowInterval, Kind, ProbeInterval, Record, ValueRef};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, PgConnection, PgPool, Row};
use tokio_stream::StreamExt;

use super::partition::{self, DAY_NS};
use super::sort_out;
use crate::store::schema::{self, Schema, Time};
use crate::store::sql::{Bind, Dialect, Statement};
use crate::store::{LedgerLine, Scan, StoreError, Stored, Tally, sql};

/// Reads records.
pub(super) async fn each<R: Record + Send>(
    pool: &PgPool,
    scan: &Scan,
    each: impl FnMut(Stored<R>) + Send,
) -> Result<(), StoreError> {
    let mut conn = pool.acquire().await.map_err(|e| sort_out(&e))?;
    each_on(&mut conn, scan, each).await
}

/// Reads records on a connection that may be in a transaction.
pub(in crate::store) async fn each_on<R: Record + Send>(
    conn: &mut PgConnection,
    scan: &Scan,
    mut each: impl FnMut(Stored<R>) + Send,
) -> Result<(), StoreError> {
    let schema = schema::of::<R>();
    let fields = if scan.fields.is_empty() { (0..schema.fields.len()).collect() } else { scan.fields.clone() };
    let mut s = sql::select(Dialect::Postgres, schema, fields.iter().map(|f| schema.fields[*f].name), scan);
    days(&mut s, schema, scan.since_ns, scan.until_ns);
    let args = arguments(&s).map_err(|e| sort_out(&e))?;
    let mut rows = sqlx::query_with(s.text(), args).fetch(&mut *conn);
    let mut count = 0;
    while let Some(row) = rows.next().await {
        let row = row.map_err(|e| sort_out(&e))?;
        if count >= scan.limit {
            return Err(StoreError::too_many(scan.limit));
        }
        count += 1;
        each(record(&row, &fields).map_err(|e| sort_out(&e))?);
    }
    Ok(())
}

/// Names the partitions that can hold rows of a window.
fn days(s: &mut Statement, schema: &Schema, since_ns: u64, until_ns: u64) {
    if schema.time == Time::Always {
        return;
    }
    let day = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX) / DAY_NS;
    // A row of the day before may reach into the window.
    s.push(" AND (day = 0 OR day BETWEEN ").bind(Bind::Int(day(since_ns).saturating_sub(1)));
    s.push(" AND ").bind(Bind::Int(day(until_ns))).push(")");
}

fn record<R: Record>(row: &PgRow, fields: &[usize]) -> Result<Stored<R>, sqlx::Error> {
    let mut record = R::default();
    for (i, field) in fields.iter().enumerate() {
        let at = i + 1;
        match R::FIELDS[*field].kind {
            Kind::U64 => record.set(*field, ValueRef::U64(row.try_get_unchecked::<i64, _>(at)?.cast_unsigned())),
            Kind::I64 => record.set(*field, ValueRef::I64(row.try_get_unchecked(at)?)),
            Kind::Str => record.set(*field, ValueRef::Str(row.try_get_unchecked(at)?)),
            Kind::Bytes => record.set(*field, ValueRef::Bytes(row.try_get_unchecked(at)?)),
        }
    }
    Ok(Stored { stream: row.try_get_unchecked(0)?, record })
}

fn arguments(s: &Statement) -> Result<PgArguments, sqlx::Error> {
    let mut args = PgArguments::default();
    for bind in &s.binds {
        let added = match bind {
            Bind::Int(v) => args.add(*v),
            Bind::Text(v) => args.add(v.clone()),
            Bind::Bytes(v) => args.add(v.clone()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

/// Counts flow records by observation point and interval.
pub(super) async fn tally(pool: &PgPool, since_ns: u64, until_ns: u64) -> Result<Vec<Tally>, sqlx::Error> {
    let schema = schema::of::<FlowInterval>();
    let mut s = Statement::new(Dialect::Postgres);
    s.push("SELECT op, start_ns, count(*), CAST(sum(frames) AS bigint) FROM flow_interval WHERE TRUE");
    sql::window(&mut s, schema, since_ns, until_ns);
    days(&mut s, schema, since_ns, until_ns);
    s.push(" GROUP BY op, start_ns ORDER BY op, start_ns");
    let rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as_with(s.text(), arguments(&s)?).fetch_all(pool).await?;
    let tally = |(op, start, records, frames): (i64, i64, i64, i64)| Tally {
        op: op.cast_unsigned(),
        start_ns: start.cast_unsigned(),
        records: records.cast_unsigned(),
        frames: frames.cast_unsigned(),
    };
    let mut out: Vec<Tally> = rows.into_iter().map(tally).collect();
    out.sort_by_key(|t| (t.op, t.start_ns));
    Ok(out)
}

/// The whole ledger.
pub(super) async fn ledger(pool: &PgPool) -> Result<Vec<LedgerLine>, sqlx::Error> {
    let rows = sqlx::query(sql::LEDGER).fetch_all(pool).await?;
    rows.iter().map(line).collect()
}

fn line(row: &PgRow) -> Result<LedgerLine, sqlx::Error> {
    let number = |i: usize| row.try_get::<i64, _>(i).map(i64::cast_unsigned);
    Ok(LedgerLine {
        stream: row.try_get(0)?,
        probe: row.try_get(1)?,
        host: row.try_get(2)?,
        version: row.try_get(3)?,
        epoch: number(4)?,
        lane: u32::try_from(number(5)?).unwrap_or(u32::MAX),
        committed_seq: number(6)?,
        committed_ns: number(7)?,
        newest_ns: number(8)?,
        batches: number(9)?,
        records: number(10)?,
        duplicates: number(11)?,
        skipped: number(12)?,
        quarantined: number(13)?,
        quarantined_records: number(14)?,
        claims: number(15)?,
    })
}

/// Start of the oldest flow or probe record: of the oldest partition that has rows.
pub(super) async fn oldest(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let mut oldest = None;
    for schema in [schema::of::<FlowInterval>(), schema::of::<ProbeInterval>()] {
        for day in partition::days(pool, schema).await? {
            if let Some(first) = first(pool, schema, day).await? {
                oldest = Some(oldest.map_or(first, |known: i64| known.min(first)));
                break;
            }
        }
    }
    Ok(oldest.unwrap_or(0).cast_unsigned())
}

/// When the first row of a partition begins. The index on time finds rows before a time, but not the smallest.
async fn first(pool: &PgPool, schema: &Schema, day: i32) -> Result<Option<i64>, sqlx::Error> {
    const NEAR_NS: i64 = 60_000_000_000;
    let (partition, begins) = (partition::name(schema, day), schema.time.begins());
    let (mut after, mut before) = (i64::from(day) * DAY_NS, (i64::from(day) + 1) * DAY_NS);
    while before - after > NEAR_NS {
        let middle = after + (before - after) / 2;
        let any = format!("SELECT EXISTS (SELECT 1 FROM {partition} WHERE {begins} < $1)");
        let any: bool = sqlx::query_scalar(AssertSqlSafe(any)).bind(middle).fetch_one(pool).await?;
        if any {
            before = middle;
        } else {
            after = middle;
        }
    }
    let first = format!("SELECT min({begins}) FROM {partition} WHERE {begins} < $1");
    sqlx::query_scalar(AssertSqlSafe(first)).bind(before).fetch_one(pool).await
}
