//! What the database itself says of its health, and a copy of it while it is in use.
//!
//! In: a store. Out: damage that the database finds, the rows that each stream brought, a copy of an SQLite file. It changes
//! nothing.

use std::path::Path;

use sqlx::AssertSqlSafe;

use super::StoreError;
use super::postgres::{self, PostgresStore};
use super::schema::SCHEMAS;
use super::sqlite::{self, SqliteStore};

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

    /// Rows by table and stream.
    fn brought(&self) -> impl Future<Output = Result<Vec<Brought>, StoreError>> + Send;
}

fn counting(table: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("SELECT ingest_stream, count(*), max(ingest_seq) FROM {table} GROUP BY ingest_stream"))
}

/// Both databases count by the same statement.
macro_rules! counted {
    ($sort_out:path) => {
        async fn brought(&self) -> Result<Vec<Brought>, StoreError> {
            let mut all = Vec::new();
            for schema in &SCHEMAS {
                let rows: Vec<(i64, i64, i64)> =
                    sqlx::query_as(counting(schema.table)).fetch_all(&self.readers).await.map_err(|e| $sort_out(&e))?;
                all.extend(rows.into_iter().map(|(stream, rows, newest)| Brought {
                    code: schema.code,
                    stream,
                    rows: rows.cast_unsigned(),
                    newest_seq: newest.cast_unsigned(),
                }));
            }
            Ok(all)
        }
    };
}

impl Upkeep for SqliteStore {
    async fn damage(&self) -> Result<Vec<String>, StoreError> {
        let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_all(&self.readers)
            .await
            .map_err(|e| sqlite::sort_out(&e))?;
        Ok(said.into_iter().filter(|line| line != "ok").collect())
    }

    counted!(sqlite::sort_out);
}

impl Upkeep for PostgresStore {
    /// Postgres has no such question; pages with a wrong checksum show when the rows are counted.
    async fn damage(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    counted!(postgres::sort_out);
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
        let mut source = self.readers.acquire().await.map_err(|e| sqlite::sort_out(&e))?;
        let copied = {
            let mut from = source.lock_handle().await.map_err(|e| sqlite::sort_out(&e))?;
            let mut into = target.lock_handle().await.map_err(|e| sqlite::sort_out(&e))?;
            copy_pages(from.as_raw_handle(), into.as_raw_handle())
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

/// All pages in one step: a reader's snapshot, which writers need not wait for. In several steps SQLite would begin again
/// whenever the collector commits.
#[allow(unsafe_code, reason = "sqlx has no safe way to SQLite's online backup")]
fn copy_pages(
    from: std::ptr::NonNull<libsqlite3_sys::sqlite3>,
    into: std::ptr::NonNull<libsqlite3_sys::sqlite3>,
) -> Result<(), i32> {
    use libsqlite3_sys::{SQLITE_DONE, SQLITE_OK, sqlite3_backup_finish, sqlite3_backup_init, sqlite3_backup_step};
    let main = c"main".as_ptr();
    // SAFETY: both handles are locked by the caller for the whole call, so no one else uses or closes them; the backup is
    // finished before they are given back.
    unsafe {
        let backup = sqlite3_backup_init(into.as_ptr(), main, from.as_ptr(), main);
        if backup.is_null() {
            return Err(libsqlite3_sys::sqlite3_errcode(into.as_ptr()));
        }
        let step = sqlite3_backup_step(backup, -1);
        match (step, sqlite3_backup_finish(backup)) {
            (SQLITE_DONE, SQLITE_OK) => Ok(()),
            (SQLITE_DONE, other) | (other, _) => Err(other),
        }
    }
}
