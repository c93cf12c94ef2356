//! SQLite: one file, one writer, several readers.
//!
//! In: the use cases of [`Store`]. Out: committed rows. Durable means synced: `synchronous=FULL` costs one sync per group of
//! batches. All writing goes through one connection; readers cannot write.

pub(super) mod read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sce_progress::{Progress, Unit};
use sce_proto::Record;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlSafeStr, SqliteConnection};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use super::{Claim, Claimed, LedgerLine, Outcome, Scan, Step, Store, StoreError, Stored, Tally};
use crate::aside::aside;
use crate::progress::{read_bytes, watched};
use write::Writer;

/// All migrations, oldest first. Released ones never change.
const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "delivery", include_str!("../../../migrations/sqlite/0001_delivery.sql")),
    (2, "records", include_str!("../../../migrations/sqlite/0002_records.sql")),
    (3, "access", include_str!("../../../migrations/sqlite/0003_access.sql")),
    (4, "rollup", include_str!("../../../migrations/sqlite/0004_rollup.sql")),
    (5, "position", include_str!("../../../migrations/sqlite/0005_position.sql")),
    (6, "duplicates", include_str!("../../../migrations/sqlite/0006_duplicates.sql")),
    (7, "delivered", include_str!("../../../migrations/sqlite/0007_delivered.sql")),
    (8, "windows", include_str!("../../../migrations/sqlite/0008_windows.sql")),
];

/// Older versions can corrupt a WAL database that two connections write and checkpoint at the same time.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Readers at the same time. Each may hold back the checkpoint, and the machine's cores are for ingest.
const READERS: u32 = 4;

/// How often, and after what time, a migration is tried again.
const MIGRATION_TRIES: u32 = 5;
const MIGRATION_PAUSE: Duration = Duration::from_millis(200);

/// How long to wait for a lock that another process holds.
const BUSY: Duration = Duration::from_secs(5);

/// A handle to the database.
#[derive(Clone)]
pub struct SqliteStore {
    path: PathBuf,
    pub(super) writer: Arc<Mutex<Option<Writer>>>,
    pub(super) readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it cannot be opened or written, [`StoreError::Newer`] if a newer release made it.
    pub async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
        let open = |why: String| StoreError::Open { what: path.display().to_string(), why };
        let version = libsqlite3_sys::SQLITE_VERSION_NUMBER;
        if version < OLDEST_SQLITE {
            return Err(open(format!("SQLite {version} is linked; {OLDEST_SQLITE} or newer is needed")));
        }
        let options = options(path);
        let mut writer = options.connect().await.map_err(|e| open(explain(&e, path)))?;
        let from = schema_of(&mut writer).await?;
        let migrated = migrate(&mut writer, from, size_on_disk(path)).await;
        migrated.map_err(|e| open(format!("the schema could not be brought up to date: {e}")))?;
        let reader = options.clone().pragma("query_only", "ON");
        let pool = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(Duration::from_secs(30));
        // Where questions are answered: a connection has a thread, with the priority of the one that opens it.
        let readers = aside(pool.connect_with(reader)).await.unwrap_or(Err(sqlx::Error::WorkerCrashed));
        let readers = readers.map_err(|e| open(explain(&e, path)))?;
        let writer = Arc::new(Mutex::new(Some(Writer::new(writer))));
        Ok(SqliteStore { path: path.to_owned(), writer, readers })
    }

    /// The writing connection, in no transaction. Where a disk is full SQLite ends a transaction by itself, which sqlx does not
    /// learn: it would refuse every other one from then on. Such a connection makes room for a new one.
    pub(super) async fn writing(&self) -> Result<MappedMutexGuard<'_, Writer>, StoreError> {
        let writer = MutexGuard::try_map(self.writer.lock().await, Option::as_mut);
        let mut writer = writer.map_err(|_| closed())?;
        // A rollback may still be on its way; the answer comes behind it.
        if writer.conn.is_in_transaction() && (writer.conn.ping().await.is_err() || writer.conn.is_in_transaction()) {
            tracing::warn!("The database ended a transaction by itself; the collector connects to it again");
            *writer = Writer::new(options(&self.path).connect().await.map_err(|e| sort_out(&e))?);
        }
        Ok(writer)
    }

    /// Newest schema version this release knows.
    #[must_use]
    pub fn schema_version() -> i64 {
        MIGRATIONS[MIGRATIONS.len() - 1].0
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(8192)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(false)
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", "2000")
        .pragma("journal_size_limit", "67108864")
        .statement_cache_capacity(256)
        .log_slow_statements(tracing::log::LevelFilter::Debug, Duration::from_secs(1))
}

fn migrator() -> Migrator {
    let made = |(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(made).collect())
}

/// Applies what is newer than the schema that was found. To add a column SQLite reads the whole table and rewrites none, so what
/// there is to do is to read the file once for each migration, at most.
async fn migrate(conn: &mut SqliteConnection, from: i64, size_bytes: u64) -> Result<(), MigrateError> {
    let pending: Vec<i64> = MIGRATIONS.iter().map(|m| m.0).filter(|version| *version > from).collect();
    let mut progress = Progress::new("bringing the schema up to date", Unit::Bytes, None);
    let began = read_bytes();
    let done = || read_bytes().saturating_sub(began);
    for (i, version) in pending.iter().enumerate() {
        progress.of(done() + size_bytes * (pending.len() - i) as u64);
        watched(migrate_to(conn, *version), &mut progress, done).await?;
    }
    // Whether those that were applied before are the ones that this release knows.
    migrator().run(conn).await
}

/// SQLite has no lock for migrations. Of two programs that begin with a new file at the same time, as `serve` and `token new`
/// may, one finds tables that the other has just made: it looks again.
async fn migrate_to(conn: &mut SqliteConnection, version: i64) -> Result<(), MigrateError> {
    for _ in 0..MIGRATION_TRIES {
        if migrator().run_to(version, &mut *conn).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(MIGRATION_PAUSE).await;
    }
    migrator().run_to(version, conn).await
}

/// Version of the schema that is there, 0 in a new file. Looks before anything is changed.
async fn schema_of(conn: &mut SqliteConnection) -> Result<i64, StoreError> {
    let found: Result<Option<i64>, _> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut *conn).await;
    let known = SqliteStore::schema_version();
    match found {
        Ok(Some(found)) if found > known => Err(StoreError::Newer { found, known }),
        Ok(Some(found)) => Ok(found),
        // No such table: a new file.
        _ => Ok(0),
    }
}

/// Bytes of the file and of what belongs to it.
fn size_on_disk(path: &Path) -> u64 {
    let files = ["", "-wal", "-shm"].map(|end| {
        let mut name = path.to_owned().into_os_string();
        name.push(end);
        std::fs::metadata(name).map_or(0, |m| m.len())
    });
    files.iter().sum()
}

/// What went wrong, and what to do about it.
fn explain(error: &sqlx::Error, path: &Path) -> String {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match code(error) {
        Some(14) if !folder.exists() => format!("the folder {} does not exist; make it first", folder.display()),
        Some(14 | 8 | 3) => {
            format!("this user may not write it; check the permissions of {} and of the file", folder.display())
        }
        Some(26) => String::from("the file is not an SQLite database; it was left as it is, choose another path"),
        Some(5) => String::from("another program holds its lock; stop it or choose another path"),
        Some(13) => String::from("the disk is full"),
        _ => error.to_string(),
    }
}

/// Primary result code of SQLite.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Whether it may work later.
pub(super) fn sort_out(error: &sqlx::Error) -> StoreError {
    match code(error) {
        // Too big, constraint, mismatch, range: the same rows fail again. An error in a statement is not the rows' fault.
        Some(18 | 19 | 20 | 25) => StoreError::Refused(error.to_string()),
        Some(13) => StoreError::Unavailable(String::from("the disk is full")),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

impl Store for SqliteStore {
    fn writers(&self) -> usize {
        1
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let mut writer = self.writing().await?;
        writer.claim(claim).await.map_err(|e| sort_out(&e))
    }

    async fn commit(&self, steps: &[Step]) -> Result<Vec<Outcome>, StoreError> {
        let mut writer = self.writing().await?;
        writer.commit(steps).await.map_err(|e| sort_out(&e))
    }

    async fn each<R: Record + Send + 'static>(
        &self,
        scan: &Scan,
        each: impl FnMut(Stored<R>) + Send,
    ) -> Result<(), StoreError> {
        read::each(&self.readers, scan, each).await
    }

    async fn tally(&self, since_ns: u64, until_ns: u64) -> Result<Vec<Tally>, StoreError> {
        read::tally(&self.readers, since_ns, until_ns).await
    }

    async fn ledger(&self) -> Result<Vec<LedgerLine>, StoreError> {
        read::ledger(&self.readers).await.map_err(|e| sort_out(&e))
    }

    async fn oldest(&self) -> Result<u64, StoreError> {
        read::oldest(&self.readers).await.map_err(|e| sort_out(&e))
    }

    async fn retain(&self, before_ns: u64) -> Result<u64, StoreError> {
        let mut writer = self.writing().await?;
        writer.retain(before_ns).await.map_err(|e| sort_out(&e))
    }

    async fn check(&self) -> Result<(), StoreError> {
        let mut writer = self.writing().await?;
        writer.check().await.map_err(|e| sort_out(&e))
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        Ok(size_on_disk(&self.path))
    }

    async fn close(&self) {
        self.readers.close().await;
        let writer = self.writer.lock().await.take();
        if let Some(mut writer) = writer {
            writer.checkpoint().await;
            let _ = writer.conn.close().await;
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable(String::from("the collector is stopping"))
}
