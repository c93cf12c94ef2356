//! Claims and groups of steps.
//!
//! In: steps of the ledger with their rows. Out: one transaction per group. Ledger rows are locked in rising order of stream,
//! so that two collectors with the same streams cannot wait for each other.

use bytes::Bytes;
use sce_proto::{FlowInterval, Record as _};
use sqlx::{PgConnection, PgPool, Row};

use super::copy;
use crate::rollup::Touched;
use crate::rows::Rows;
use crate::store::rollups::in_postgres;
use crate::store::{Claim, Claimed, Outcome, Quarantine, Step, Work, sql};

/// Takes a stream over.
pub(super) async fn claim(pool: &PgPool, claim: &Claim) -> Result<Claimed, sqlx::Error> {
    let key = &claim.key;
    let mut tx = pool.begin().await?;
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
pub(super) async fn commit(pool: &PgPool, steps: &[Step]) -> Result<Vec<Outcome>, sqlx::Error> {
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|i| steps[*i].stream);
    let mut outcomes = vec![Outcome::Fenced; steps.len()];
    let mut tx = pool.begin().await?;
    for i in order {
        outcomes[i] = apply(&mut tx, &steps[i]).await?;
    }
    tx.commit().await?;
    Ok(outcomes)
}

async fn apply(conn: &mut PgConnection, step: &Step) -> Result<Outcome, sqlx::Error> {
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
                insert(conn, rows, step, *seq).await?;
                if rows.schema.table == FlowInterval::TABLE {
                    in_postgres::touch(conn, &Touched::by(rows), step.now_ns).await?;
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
    conn: &mut PgConnection,
    step: &Step,
    first: u64,
    last: u64,
    crc: u32,
    counts: Counts,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(sql::ADVANCE)
        .bind(matches!(step.work, Work::Skip { .. }))
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
async fn refused(conn: &mut PgConnection, step: &Step, seq: u64, crc: Option<u32>) -> Result<Outcome, sqlx::Error> {
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

async fn quarantine(conn: &mut PgConnection, step: &Step, seq: u64, kept: &Quarantine) -> Result<(), sqlx::Error> {
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

async fn insert(conn: &mut PgConnection, rows: &Rows, step: &Step, seq: u64) -> Result<(), sqlx::Error> {
    let mut copy = conn.copy_in_raw(&copy::statement(rows)).await?;
    // The statement must be ended on every way out, or the connection is lost for its next user.
    match copy.send(Bytes::from(copy::data(rows, step.stream, seq, step.now_ns))).await {
        Ok(_) => copy.finish().await.map(|_| ()),
        Err(error) => {
            let _ = copy.abort("the collector could not send the rows").await;
            Err(error)
        }
    }
}
