//! What the database itself says of its health, and a copy of it while it is in use.
//!
//! In: a store. Out: damage that the database finds, the rows that each stream brought, a copy of an SQLite file. It changes
//! nothing.

use std::path::Path;

use sce_progress::{Progress, Unit};
use sqlx::AssertSqlSafe;

use super::postgres::{self, PostgresStore};
use super::schema::{SCHEMAS, Schema};
use super::sqlite::{self, SqliteStore};
use super::{Store, StoreError};
use crate::progress::{read_bytes, watched};

/// Rows of a table that a stream brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brought {
    /// Position of the table in [`SCHEMAS`].
    pub code: usize,
    /// Number of the stream in the ledger.
    pub stream: i64,
    /// How many rows.
    pub rows: u64,
    /// Highest number of a batch among them.
    pub newest_seq: u64,
}

/// The use cases.
pub trait Upkeep: Send + Sync {
    /// What the database finds damaged in itself, one line each.
    fn damage(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Rows by table and stream; those of one table and stream may come in several parts.
    fn brought(&self) -> impl Future<Output = Result<Vec<Brought>, StoreError>> + Send;
}

/// Rows that are counted by one statement of SQLite.
const COUNT_ROWS: i64 = 1 << 18;

impl Upkeep for SqliteStore {
    async fn damage(&self) -> Result<Vec<String>, StoreError> {
        // It reads all pages as pages, then all tables as rows.
        let whole = self.size_bytes().await? * 2;
        let mut progress = Progress::new("looking for damage", Unit::Bytes, Some(whole));
        let began = read_bytes();
        let asked = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&self.readers);
        let said: Result<Vec<String>, _> = watched(asked, &mut progress, || read_bytes().saturating_sub(began)).await;
        Ok(said.map_err(|e| sqlite::sort_out(&e))?.into_iter().filter(|line| line != "ok").collect())
    }

    /// By spans of row numbers; what comes in meanwhile lies behind them.
    async fn brought(&self) -> Result<Vec<Brought>, StoreError> {
        let mut spans = Vec::new();
        for schema in &SCHEMAS {
            let sql = AssertSqlSafe(format!(
                "SELECT (SELECT min(rowid) FROM {0}), (SELECT max(rowid) FROM {0})",
                schema.table
            ));
            let found: (Option<i64>, Option<i64>) =
                sqlx::query_as(sql).fetch_one(&self.readers).await.map_err(|e| sqlite::sort_out(&e))?;
            if let (Some(first), Some(last)) = found {
                spans.push((schema, first, last));
            }
        }
        let whole = spans.iter().map(|(_, first, last)| last.abs_diff(*first) + 1).sum();
        let mut progress = Progress::new("counting rows", Unit::Of("rows"), Some(whole));
        let mut all = Vec::new();
        for (schema, first, last) in spans {
            let sql = format!(
                "SELECT ingest_stream, count(*), max(ingest_seq) FROM {} WHERE rowid BETWEEN ? AND ? GROUP BY ingest_stream",
                schema.table
            );
            for from in (first..=last).step_by(COUNT_ROWS as usize) {
                let to = last.min(from.saturating_add(COUNT_ROWS - 1));
                let query = sqlx::query_as(AssertSqlSafe(sql.as_str())).bind(from).bind(to);
                let rows: Vec<Counted> = query.fetch_all(&self.readers).await.map_err(|e| sqlite::sort_out(&e))?;
                all.extend(rows.into_iter().map(|row| brought(schema, row)));
                progress.add(to.abs_diff(from) + 1);
            }
        }
        Ok(all)
    }
}

impl Upkeep for PostgresStore {
    /// Postgres has no such question; pages with a wrong checksum show when the rows are counted.
    async fn damage(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// By tables and days.
    async fn brought(&self) -> Result<Vec<Brought>, StoreError> {
        let mut tables = Vec::new();
        for schema in &SCHEMAS {
            let leaves: Vec<String> = sqlx::query_scalar(
                "SELECT t.relid::regclass::text FROM pg_partition_tree($1::regclass) t WHERE t.isleaf \
                 UNION ALL SELECT $1 WHERE (SELECT relkind FROM pg_class WHERE oid = $1::regclass) = 'r'",
            )
            .bind(schema.table)
            .fetch_all(&self.readers)
            .await
            .map_err(|e| postgres::sort_out(&e))?;
            tables.extend(leaves.into_iter().map(|leaf| (schema, leaf)));
        }
        let mut progress = Progress::new("counting rows", Unit::Of("tables"), Some(tables.len() as u64));
        let mut all = Vec::new();
        for (done, (schema, table)) in tables.into_iter().enumerate() {
            let sql = format!("SELECT ingest_stream, count(*), max(ingest_seq) FROM {table} GROUP BY ingest_stream");
            let query = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.readers);
            let rows: Result<Vec<Counted>, _> = watched(query, &mut progress, || done as u64).await;
            all.extend(rows.map_err(|e| postgres::sort_out(&e))?.into_iter().map(|row| brought(schema, row)));
        }
        Ok(all)
    }
}

/// Stream, rows, newest batch.
type Counted = (i64, i64, i64);

fn brought(schema: &Schema, (stream, rows, newest): Counted) -> Brought {
    Brought { code: schema.code, stream, rows: rows.cast_unsigned(), newest_seq: newest.cast_unsigned() }
}

impl SqliteStore {
    /// Copies the database, as it is at one moment, to a new file; the collector goes on meanwhile. Pages are copied as they
    /// are, so that row numbers stay what `row_span` says: `VACUUM INTO` would give new ones.
    ///
    /// # Errors
    /// [`StoreError`] if the file is there already or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let failed = |why: String| StoreError::Open { what: to.display().to_string(), why };
        let fresh = std::fs::File::create_new(to).map_err(|e| failed(format!("a backup goes to a new file: {e}")))?;
        drop(fresh);
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(to);
        let mut target = sqlx::ConnectOptions::connect(&options).await.map_err(|e| failed(e.to_string()))?;
        // One moment for all pages: SQLite would begin again whenever the collector commits, were it not for the transaction.
        let mut source = self.readers.begin().await.map_err(|e| sqlite::sort_out(&e))?;
        let size = "SELECT page_size FROM pragma_page_size, sqlite_schema LIMIT 1";
        let page_bytes: i64 =
            sqlx::query_scalar(size).fetch_one(&mut *source).await.map_err(|e| sqlite::sort_out(&e))?;
        let mut progress = Progress::new(to.display().to_string(), Unit::Bytes, None);
        let copied = {
            let mut from = source.lock_handle().await.map_err(|e| sqlite::sort_out(&e))?;
            let mut into = target.lock_handle().await.map_err(|e| sqlite::sort_out(&e))?;
            copy_pages(from.as_raw_handle(), into.as_raw_handle(), |done, whole| {
                progress.of(whole * page_bytes.cast_unsigned());
                progress.at(done * page_bytes.cast_unsigned());
            })
        };
        if let Err(code) = copied {
            return Err(StoreError::Unavailable(format!("SQLite could not copy its pages (code {code})")));
        }
        sqlx::Connection::close(target).await.map_err(|e| failed(e.to_string()))?;
        // The copy counts once it is durable.
        let file = std::fs::File::open(to).and_then(|f| f.sync_all());
        file.map_err(|e| failed(e.to_string()))
    }
}

/// Pages that are copied before it is told how many were.
const COPY_PAGES: i32 = 2000;

/// Copies what a connection reads in its transaction, and tells how many pages of how many are done.
#[allow(unsafe_code, reason = "sqlx has no safe way to SQLite's online backup")]
fn copy_pages(
    from: std::ptr::NonNull<libsqlite3_sys::sqlite3>,
    into: std::ptr::NonNull<libsqlite3_sys::sqlite3>,
    mut told: impl FnMut(u64, u64),
) -> Result<(), i32> {
    use libsqlite3_sys::{
        SQLITE_DONE, SQLITE_OK, sqlite3_backup_finish, sqlite3_backup_init, sqlite3_backup_pagecount,
        sqlite3_backup_remaining, sqlite3_backup_step,
    };
    let main = c"main".as_ptr();
    // SAFETY: both handles are locked by the caller for the whole call, so no one else uses or closes them; the backup is
    // finished before they are given back.
    unsafe {
        let backup = sqlite3_backup_init(into.as_ptr(), main, from.as_ptr(), main);
        if backup.is_null() {
            return Err(libsqlite3_sys::sqlite3_errcode(into.as_ptr()));
        }
        let step = loop {
            let step = sqlite3_backup_step(backup, COPY_PAGES);
            if step != SQLITE_OK {
                break step;
            }
            let (whole, left) = (sqlite3_backup_pagecount(backup), sqlite3_backup_remaining(backup));
            told(u64::from((whole - left).unsigned_abs()), u64::from(whole.unsigned_abs()));
        };
        match (step, sqlite3_backup_finish(backup)) {
            (SQLITE_DONE, SQLITE_OK) => Ok(()),
            (SQLITE_DONE, other) | (other, _) => Err(other),
        }
    }
}
