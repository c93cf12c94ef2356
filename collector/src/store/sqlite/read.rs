//! The readers: scans of records, the ledger, counts.
//!
//! In: windows and predicates. Out: records. `row_span` says which rows can lie in a window; only those are looked at.

use std::collections::BTreeMap;

use sce_proto::{FlowInterval, Kind, ProbeInterval, Record, ValueRef};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Row, SqliteConnection, SqliteExecutor, SqlitePool};
use tokio_stream::StreamExt;

use super::sort_out;
use crate::store::schema::{self, Schema, Time};
use crate::store::sql::{Bind, Dialect, Statement};
use crate::store::{LedgerLine, Scan, StoreError, Stored, Tally, sql};

/// Spans closer than this are read as one: skipping fewer rows costs more than reading them.
const NEAR_ROWS: i64 = 20_000;
/// Integers that the database hands over as one text: what sqlx does for each value of a row takes ten times as long as what
/// SQLite needs to write a number. A function takes so many arguments in every release.
const BUNDLE: usize = 100;

/// Reads records.
pub(super) async fn each<R: Record + Send>(
    pool: &SqlitePool,
    scan: &Scan,
    each: impl FnMut(Stored<R>) + Send,
) -> Result<(), StoreError> {
    let mut conn = pool.acquire().await.map_err(|e| sort_out(&e))?;
    each_on(&mut conn, scan, each).await
}

/// Reads records on a connection that may be in a transaction.
pub(in crate::store) async fn each_on<R: Record + Send>(
    conn: &mut SqliteConnection,
    scan: &Scan,
    mut each: impl FnMut(Stored<R>) + Send,
) -> Result<(), StoreError> {
    let schema = schema::of::<R>();
    let fields = if scan.fields.is_empty() { (0..schema.fields.len()).collect() } else { scan.fields.clone() };
    let shape = Shape::new(schema, &fields);
    let mut count = 0;
    for (first, last) in spans(&mut *conn, schema, scan.since_ns, scan.until_ns).await.map_err(|e| sort_out(&e))? {
        let mut s = sql::select(Dialect::Sqlite, schema, shape.values(schema), scan);
        s.push(" AND rowid >= ").bind(Bind::Int(first)).push(" AND rowid <= ").bind(Bind::Int(last));
        let args = arguments(&s)?;
        let mut rows = sqlx::query_with(s.text(), args).fetch(&mut *conn);
        while let Some(row) = rows.next().await {
            let row = row.map_err(|e| sort_out(&e))?;
            if count >= scan.limit {
                return Err(StoreError::too_many(scan.limit));
            }
            count += 1;
            each(shape.record(&row).map_err(|e| sort_out(&e))?);
        }
    }
    Ok(())
}

/// The values of a row: bundles of integers, then texts and bytes, each by the position of its field.
struct Shape {
    bundles: Vec<Vec<usize>>,
    others: Vec<usize>,
}

impl Shape {
    fn new(schema: &Schema, fields: &[usize]) -> Shape {
        let integer = |field: &usize| matches!(schema.fields[*field].kind, Kind::U64 | Kind::I64);
        let (integers, others): (Vec<usize>, Vec<usize>) = fields.iter().partition(|f| integer(f));
        Shape { bundles: integers.chunks(BUNDLE).map(<[usize]>::to_vec).collect(), others }
    }

    /// As SQL has them.
    fn values(&self, schema: &Schema) -> Vec<String> {
        let name = |field: &usize| schema.fields[*field].name;
        let bundle =
            |fields: &Vec<usize>| format!("json_array({})", fields.iter().map(name).collect::<Vec<_>>().join(","));
        self.bundles.iter().map(bundle).chain(self.others.iter().map(|f| name(f).to_owned())).collect()
    }

    fn record<R: Record>(&self, row: &SqliteRow) -> Result<Stored<R>, sqlx::Error> {
        let mut record = R::default();
        for (i, fields) in self.bundles.iter().enumerate() {
            let text: &str = row.try_get_unchecked(1 + i)?;
            for (field, number) in fields.iter().zip(text.trim_matches(['[', ']']).split(',')) {
                if number == "0" {
                    continue;
                }
                let number: i64 = number.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
                let unsigned = R::FIELDS[*field].kind == Kind::U64;
                let value = if unsigned { ValueRef::U64(number.cast_unsigned()) } else { ValueRef::I64(number) };
                record.set(*field, value);
            }
        }
        for (i, field) in self.others.iter().enumerate() {
            let at = 1 + self.bundles.len() + i;
            match R::FIELDS[*field].kind {
                Kind::Str => record.set(*field, ValueRef::Str(row.try_get_unchecked(at)?)),
                _ => record.set(*field, ValueRef::Bytes(row.try_get_unchecked(at)?)),
            }
        }
        Ok(Stored { stream: row.try_get_unchecked(0)?, record })
    }
}

fn arguments(s: &Statement) -> Result<SqliteArguments, StoreError> {
    let mut args = SqliteArguments::default();
    for bind in &s.binds {
        let added = match bind {
            Bind::Int(v) => args.add(*v),
            Bind::Text(v) => args.add(v.clone()),
            Bind::Bytes(v) => args.add(v.clone()),
        };
        added.map_err(|e| StoreError::Refused(e.to_string()))?;
    }
    Ok(args)
}

/// Ranges of rows that can lie in the window, in rising order.
async fn spans(
    conn: impl SqliteExecutor<'_>,
    schema: &Schema,
    since_ns: u64,
    until_ns: u64,
) -> Result<Vec<(i64, i64)>, sqlx::Error> {
    if schema.time == Time::Always {
        return Ok(vec![(0, i64::MAX)]);
    }
    let clamp = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT first_row, last_row FROM row_span WHERE code = ? AND last_ns > ? AND first_ns < ? ORDER BY first_row",
    )
    .bind(schema.code as i64)
    .bind(clamp(since_ns))
    .bind(clamp(until_ns))
    .fetch_all(conn)
    .await?;
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for (first, last) in rows {
        match ranges.last_mut() {
            Some(range) if first <= range.1.saturating_add(NEAR_ROWS) => range.1 = range.1.max(last),
            _ => ranges.push((first, last)),
        }
    }
    Ok(ranges)
}

/// Counts flow records by observation point and interval.
pub(super) async fn tally(pool: &SqlitePool, since_ns: u64, until_ns: u64) -> Result<Vec<Tally>, StoreError> {
    let schema = schema::of::<FlowInterval>();
    let mut sums = BTreeMap::<(u64, u64), (u64, u64)>::new();
    for (first, last) in spans(pool, schema, since_ns, until_ns).await.map_err(|e| sort_out(&e))? {
        let mut s = Statement::new(Dialect::Sqlite);
        s.push("SELECT op, start_ns, count(*), sum(frames) FROM flow_interval WHERE rowid >= ").bind(Bind::Int(first));
        s.push(" AND rowid <= ").bind(Bind::Int(last));
        sql::window(&mut s, schema, since_ns, until_ns);
        s.push(" GROUP BY op, start_ns");
        let rows: Vec<(i64, i64, i64, i64)> =
            sqlx::query_as_with(s.text(), arguments(&s)?).fetch_all(pool).await.map_err(|e| sort_out(&e))?;
        for (op, start, records, frames) in rows {
            let sum = sums.entry((op.cast_unsigned(), start.cast_unsigned())).or_default();
            *sum = (sum.0 + records.cast_unsigned(), sum.1 + frames.cast_unsigned());
        }
    }
    Ok(sums.into_iter().map(|((op, start_ns), (records, frames))| Tally { op, start_ns, records, frames }).collect())
}

/// The whole ledger.
pub(super) async fn ledger(pool: &SqlitePool) -> Result<Vec<LedgerLine>, sqlx::Error> {
    let rows = sqlx::query(sql::LEDGER).fetch_all(pool).await?;
    rows.iter().map(line).collect()
}

fn line(row: &SqliteRow) -> Result<LedgerLine, sqlx::Error> {
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

/// Start of the oldest flow or probe record.
pub(super) async fn oldest(pool: &SqlitePool) -> Result<u64, sqlx::Error> {
    let codes = [schema::of::<FlowInterval>().code as i64, schema::of::<ProbeInterval>().code as i64];
    let found: Option<i64> =
        sqlx::query_scalar("SELECT min(first_ns) FROM row_span WHERE code IN (?, ?) AND first_ns > 0")
            .bind(codes[0])
            .bind(codes[1])
            .fetch_one(pool)
            .await?;
    Ok(found.unwrap_or(0).cast_unsigned())
}
