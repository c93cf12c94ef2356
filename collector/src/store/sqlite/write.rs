//! The writer: claims, groups of steps, retention.
//!
//! In: steps of the ledger with their rows. Out: one transaction per group. Rows go in by multi-row statements of a few fixed
//! sizes and column sets, so that the statement cache always hits.

use sce_proto::{FlowInterval, Kind, Record as _};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::rollup::Touched;
use crate::rows::{Data, Rows};
use crate::store::rollups::in_sqlite;
use crate::store::schema::{SCHEMAS, Schema};
use crate::store::{Claim, Claimed, Outcome, Quarantine, Step, Work, sql};

/// Rows per statement.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Placeholders that SQLite allows in one statement.
const PLACEHOLDERS: usize = 32_766;

/// Column sets that are remembered per table; the statement cache holds all of them.
const SHAPES: usize = 8;

/// A span of rows is closed at this many rows or this much time: small enough to skip, large enough to be few.
const SPAN_ROWS: i64 = 2000;
const SPAN_NS: i64 = 60_000_000_000;

/// Rows that one slice of retention deletes, so that ingest waits for a short time only.
const RETAIN_ROWS: i64 = 20_000;

/// The writing connection and what it remembers.
pub(in crate::store) struct Writer {
    pub(in crate::store) conn: SqliteConnection,
    shapes: [Vec<Shape>; SCHEMAS.len()],
    spans: [Option<Span>; SCHEMAS.len()],
}

/// A set of columns and its statements by [`SIZES`].
struct Shape {
    fields: Vec<usize>,
    statements: [String; SIZES.len()],
}

/// The newest entry of `row_span` of a table.
#[derive(Clone, Copy)]
struct Span {
    id: i64,
    rows: (i64, i64),
    time: (i64, i64),
}

impl Writer {
    pub(super) fn new(conn: SqliteConnection) -> Writer {
        Writer { conn, shapes: Default::default(), spans: Default::default() }
    }

    /// Takes a stream over.
    pub(super) async fn claim(&mut self, claim: &Claim) -> Result<Claimed, sqlx::Error> {
        let key = &claim.key;
        let mut tx = self.conn.begin_with("BEGIN IMMEDIATE").await?;
        let probe: i64 = sqlx::query_scalar(sql::CLAIM_PROBE)
            .bind(&key.spool_id)
            .bind(&key.probe)
            .bind(&claim.host)
            .bind(&claim.version)
            .bind(claim.now_ns)
            .fetch_one(&mut *tx)
            .await?;
        let row = sqlx::query(sql::CLAIM_STREAM)
            .bind(probe)
            .bind(key.epoch.cast_signed())
            .bind(i64::from(key.lane))
            .bind(claim.session)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Claimed {
            stream: row.try_get(0)?,
            committed_seq: row.try_get::<i64, _>(1)?.cast_unsigned(),
            committed_crc: row.try_get::<i64, _>(2)? as u32,
            position: row.try_get::<i64, _>(3)?.cast_unsigned(),
        })
    }

    /// Commits a group of steps, all or nothing.
    pub(super) async fn commit(&mut self, steps: &[Step]) -> Result<Vec<Outcome>, sqlx::Error> {
        let Writer { conn, shapes, spans } = self;
        let before = *spans;
        let group = async {
            let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
            let mut outcomes = Vec::with_capacity(steps.len());
            for step in steps {
                outcomes.push(apply(&mut tx, shapes, spans, step).await?);
            }
            tx.commit().await?;
            Ok(outcomes)
        };
        let result = group.await;
        if result.is_err() {
            *spans = before;
        }
        result
    }

    /// Deletes one slice of what ended before a time.
    pub(super) async fn retain(&mut self, before_ns: u64) -> Result<u64, sqlx::Error> {
        let before = i64::try_from(before_ns).unwrap_or(i64::MAX);
        let mut tx = self.conn.begin_with("BEGIN IMMEDIATE").await?;
        let span = sqlx::query(
            "SELECT id, code, first_row, last_row FROM row_span WHERE last_ns <= ? ORDER BY last_ns, id LIMIT 1",
        )
        .bind(before)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(span) = span else {
            let gone = sqlx::query("DELETE FROM quarantine WHERE at_ns < ?").bind(before).execute(&mut *tx).await?;
            in_sqlite::retain(&mut tx, before).await?;
            tx.commit().await?;
            return Ok(gone.rows_affected());
        };
        let (id, code): (i64, i64) = (span.try_get(0)?, span.try_get(1)?);
        let (first, last): (i64, i64) = (span.try_get(2)?, span.try_get(3)?);
        let until = last.min(first.saturating_add(RETAIN_ROWS - 1));
        let mut gone = 1;
        if let Some(schema) = usize::try_from(code).ok().and_then(|code| SCHEMAS.get(code)) {
            let sql = AssertSqlSafe(format!("DELETE FROM {} WHERE rowid BETWEEN ? AND ?", schema.table));
            gone += sqlx::query(sql).bind(first).bind(until).execute(&mut *tx).await?.rows_affected();
        }
        if until == last {
            sqlx::query("DELETE FROM row_span WHERE id = ?").bind(id).execute(&mut *tx).await?;
        } else {
            let sql = "UPDATE row_span SET first_row = ? WHERE id = ?";
            sqlx::query(sql).bind(until + 1).bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        // The span that is still open may be the one that went.
        self.spans = Default::default();
        Ok(gone)
    }

    /// Takes the write lock and commits a change that changes nothing.
    pub(super) async fn check(&mut self) -> Result<(), sqlx::Error> {
        let mut tx = self.conn.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(sql::CHECK).execute(&mut *tx).await?;
        tx.commit().await
    }

    /// Moves the log into the database file, so that the file alone is complete.
    pub(super) async fn checkpoint(&mut self) {
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.conn).await {
            tracing::warn!(%error, "The write-ahead log stays beside the database; the next start takes it in");
        }
    }
}

async fn apply(
    conn: &mut SqliteConnection,
    shapes: &mut [Vec<Shape>; SCHEMAS.len()],
    spans: &mut [Option<Span>; SCHEMAS.len()],
    step: &Step,
) -> Result<Outcome, sqlx::Error> {
    match &step.work {
        Work::Batch { seq, crc, newest_ns, tables, original } => {
            let records = tables.iter().map(|t| t.len).sum::<usize>() as i64;
            let newest_ns = i64::try_from(*newest_ns).unwrap_or(i64::MAX);
            let position = original.position.cast_signed();
            let counts = Counts { batches: 1, records, newest_ns, position, ..Counts::default() };
            if !advance(conn, step, *seq, *seq, *crc, counts).await? {
                return refused(conn, step, *seq, Some(*crc)).await;
            }
            for rows in tables {
                let code = rows.schema.code;
                let shape = fit(&mut shapes[code], rows);
                let written = insert(conn, shape, rows, step.stream, *seq).await?;
                cover(conn, &mut spans[code], code, written, rows.schema.time.span(rows)).await?;
                if rows.schema.table == FlowInterval::TABLE {
                    in_sqlite::touch(conn, &Touched::by(rows), step.now_ns).await?;
                }
            }
            if !original.reason.is_empty() {
                quarantine(conn, step, *seq, original).await?;
            }
            Ok(Outcome::Committed)
        }
        Work::Poison { seq, crc, quarantine: poison } => {
            let (records, position) = (i64::from(poison.records), poison.position.cast_signed());
            let counts = Counts { quarantined: 1, quarantined_records: records, position, ..Counts::default() };
            if !advance(conn, step, *seq, *seq, *crc, counts).await? {
                return refused(conn, step, *seq, Some(*crc)).await;
            }
            quarantine(conn, step, *seq, poison).await?;
            Ok(Outcome::Committed)
        }
        Work::Skip { first, last, position } => {
            let counts = Counts { position: position.cast_signed(), ..Counts::default() };
            if advance(conn, step, *first, *last, 0, counts).await? {
                return Ok(Outcome::Committed);
            }
            // The gap is what the skip needs in front of it, not the skip itself.
            match refused(conn, step, *last, None).await? {
                Outcome::Gap { committed_seq } if committed_seq >= *last => Ok(Outcome::Duplicate),
                other => Ok(other),
            }
        }
    }
}

/// What a step adds to the ledger's counters, and the time up to which it reaches.
#[derive(Default)]
struct Counts {
    batches: i64,
    records: i64,
    quarantined: i64,
    quarantined_records: i64,
    newest_ns: i64,
    position: i64,
}

/// Moves the ledger from before `first` to `last`; false if it does not stand there or another session holds it.
async fn advance(
    conn: &mut SqliteConnection,
    step: &Step,
    first: u64,
    last: u64,
    crc: u32,
    counts: Counts,
) -> Result<bool, sqlx::Error> {
    let skip = matches!(step.work, Work::Skip { .. });
    let done = sqlx::query(sql::ADVANCE)
        .bind(skip)
        .bind(first.cast_signed())
        .bind(last.cast_signed())
        .bind(i64::from(crc))
        .bind(step.now_ns)
        .bind(counts.batches)
        .bind(counts.records)
        .bind(counts.quarantined)
        .bind(counts.quarantined_records)
        .bind(step.stream)
        .bind(step.session)
        .bind(counts.newest_ns)
        .bind(counts.position)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Why the ledger did not move.
async fn refused(conn: &mut SqliteConnection, step: &Step, seq: u64, crc: Option<u32>) -> Result<Outcome, sqlx::Error> {
    let row = sqlx::query(sql::POSITION).bind(step.stream).fetch_optional(&mut *conn).await?;
    let Some(row) = row else { return Ok(Outcome::Fenced) };
    let committed_seq = row.try_get::<i64, _>(0)?.cast_unsigned();
    let last_crc: i64 = row.try_get(1)?;
    if row.try_get::<i64, _>(2)? != step.session {
        return Ok(Outcome::Fenced);
    }
    if seq > committed_seq {
        return Ok(Outcome::Gap { committed_seq });
    }
    if seq == committed_seq && last_crc != 0 && crc.is_some_and(|crc| i64::from(crc) != last_crc) {
        return Ok(Outcome::Conflict);
    }
    sqlx::query(sql::DUPLICATE).bind(step.stream).execute(conn).await?;
    Ok(Outcome::Duplicate)
}

async fn quarantine(conn: &mut SqliteConnection, step: &Step, seq: u64, kept: &Quarantine) -> Result<(), sqlx::Error> {
    sqlx::query(sql::QUARANTINE)
        .bind(step.stream)
        .bind(seq.cast_signed())
        .bind(step.now_ns)
        .bind(&kept.reason)
        .bind(i64::from(kept.records))
        .bind(kept.frames.cast_signed())
        .bind(kept.payload.len() as i64)
        .bind(kept.payload.as_ref())
        .execute(&mut *conn)
        .await?;
    sqlx::query(sql::QUARANTINE_TRIM).bind(sql::QUARANTINE_BYTES).execute(conn).await?;
    Ok(())
}

/// A remembered set of columns that has all those of the rows and few besides; a new one while there is room.
fn fit<'a>(shapes: &'a mut Vec<Shape>, rows: &Rows) -> &'a Shape {
    let covers = |s: &Shape| rows.columns.iter().all(|c| s.fields.binary_search(&c.field).is_ok());
    let best = (0..shapes.len()).filter(|i| covers(&shapes[*i])).min_by_key(|i| shapes[*i].fields.len());
    let good = |i: usize| shapes[i].fields.len() <= rows.columns.len() + rows.columns.len() / 8 + 2;
    let at = match best {
        Some(i) if good(i) || shapes.len() == SHAPES => i,
        _ => {
            // The last place is for the shape that fits all rows.
            let all = shapes.len() == SHAPES - 1;
            let mine = || rows.columns.iter().map(|c| c.field).collect();
            let fields = if all { (0..rows.schema.fields.len()).collect() } else { mine() };
            shapes.push(Shape::new(rows.schema, fields));
            shapes.len() - 1
        }
    };
    &shapes[at]
}

impl Shape {
    fn new(schema: &Schema, fields: Vec<usize>) -> Shape {
        let statements = SIZES.map(|rows| sql::insert(schema, &fields, rows).0);
        Shape { fields, statements }
    }
}

/// Inserts rows; first and last row number. One writer in one transaction: the numbers are without gaps.
async fn insert(
    conn: &mut SqliteConnection,
    shape: &Shape,
    rows: &Rows,
    stream: i64,
    seq: u64,
) -> Result<(i64, i64), sqlx::Error> {
    let columns: Vec<(Kind, Option<&Data>)> = shape
        .fields
        .iter()
        .map(|f| (rows.schema.fields[*f].kind, rows.columns.iter().find(|c| c.field == *f).map(|c| &c.data)))
        .collect();
    let (mut first, mut last) = (i64::MAX, 0);
    let mut at = 0;
    for (size, statement) in SIZES.iter().zip(&shape.statements) {
        while rows.len - at >= *size && size * (columns.len() + 2) <= PLACEHOLDERS {
            let mut args = SqliteArguments::default();
            args.reserve(size * (columns.len() + 2), 0);
            for row in at..at + size {
                bind(&mut args, &columns, row, stream, seq).map_err(sqlx::Error::Encode)?;
            }
            let done = sqlx::query_with(AssertSqlSafe(statement.as_str()), args).execute(&mut *conn).await?;
            last = done.last_insert_rowid();
            first = first.min(last - *size as i64 + 1);
            at += size;
        }
    }
    Ok((first, last))
}

fn bind(
    args: &mut SqliteArguments,
    columns: &[(Kind, Option<&Data>)],
    row: usize,
    stream: i64,
    seq: u64,
) -> Result<(), sqlx::error::BoxDynError> {
    args.add(stream)?;
    args.add(seq.cast_signed())?;
    for (kind, data) in columns {
        match (data, kind) {
            (Some(Data::Ints(v)), _) => args.add(v[row])?,
            (Some(Data::Texts(v, index)), _) => args.add(v[index[row] as usize].clone())?,
            (Some(Data::Blobs(v, index)), _) => args.add(v[index[row] as usize].to_vec())?,
            (None, Kind::U64 | Kind::I64) => args.add(0i64)?,
            (None, Kind::Str) => args.add("")?,
            (None, Kind::Bytes) => args.add(Vec::new())?,
        }
    }
    Ok(())
}

/// Notes where new rows lie in time: widens the table's open span, or begins a new one.
async fn cover(
    conn: &mut SqliteConnection,
    open: &mut Option<Span>,
    code: usize,
    rows: (i64, i64),
    time: (i64, i64),
) -> Result<(), sqlx::Error> {
    if let Some(span) = open {
        let wider = (span.time.0.min(time.0), span.time.1.max(time.1));
        let close = wider.1.saturating_sub(wider.0) <= SPAN_NS.max(time.1.saturating_sub(time.0));
        if close && rows.1 - span.rows.0 < SPAN_ROWS {
            (span.rows.1, span.time) = (rows.1, wider);
            let sql = "UPDATE row_span SET last_row = ?, first_ns = ?, last_ns = ? WHERE id = ?";
            let query = sqlx::query(sql).bind(span.rows.1).bind(span.time.0).bind(span.time.1).bind(span.id);
            query.execute(conn).await?;
            return Ok(());
        }
    }
    let sql = "INSERT INTO row_span (code, first_row, last_row, first_ns, last_ns) VALUES (?, ?, ?, ?, ?)";
    let query = sqlx::query(sql).bind(code as i64).bind(rows.0).bind(rows.1).bind(time.0).bind(time.1);
    let id = query.execute(conn).await?.last_insert_rowid();
    *open = Some(Span { id, rows, time });
    Ok(())
}
