//! Postgres: one database, any number of collectors.
//!
//! In: the use cases of [`Store`]. Out: committed rows. Records go in by binary `COPY` into daily partitions with a BRIN index
//! by time; the ledger row is locked by the transaction that steps it, so collectors need no other agreement. A collector
//! keeps nothing of its own: any probe may go on at any collector.

mod copy;
mod partition;
pub(super) mod read;
mod write;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sce_progress::{Progress, Unit};
use sce_proto::Record;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, SqlSafeStr};

use super::{Claim, Claimed, LedgerLine, Outcome, Scan, Step, Store, StoreError, Stored, Tally};
use crate::progress::watched;

/// All migrations, oldest first. Released ones never change.
const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "delivery", include_str!("../../../migrations/postgres/0001_delivery.sql")),
    (2, "records", include_str!("../../../migrations/postgres/0002_records.sql")),
    (3, "access", include_str!("../../../migrations/postgres/0003_access.sql")),
    (4, "rollup", include_str!("../../../migrations/postgres/0004_rollup.sql")),
    (5, "position", include_str!("../../../migrations/postgres/0005_position.sql")),
    (6, "duplicates", include_str!("../../../migrations/postgres/0006_duplicates.sql")),
    (7, "delivered", include_str!("../../../migrations/postgres/0007_delivered.sql")),
    (8, "windows", include_str!("../../../migrations/postgres/0008_windows.sql")),
];

/// Groups committed at the same time; each has its connection.
const WRITERS: u32 = 4;
/// Questions at the same time.
const READERS: u32 = 6;
/// How statements are planned. By what is asked for: a plan for any window reads all of a day. By the index on time, even
/// while a young partition has no statistics, without which it is thought useless. And without compiling expressions, which
/// takes longer than most questions do.
const PLANNING: [(&str, &str); 3] =
    [("plan_cache_mode", "force_custom_plan"), ("enable_seqscan", "off"), ("jit", "off")];
/// Time for one statement of a question.
const STATEMENT_MS: &str = "60000";
/// How long the start of the oldest record is believed.
const OLDEST: Duration = Duration::from_secs(30);

/// A handle to the database.
#[derive(Clone)]
pub struct PostgresStore {
    pub(super) writers: PgPool,
    pub(super) readers: PgPool,
    partitions: Arc<partition::Known>,
    oldest: Arc<Mutex<Option<(Instant, u64)>>>,
}

impl PostgresStore {
    /// Connects and brings the schema up to date; several collectors may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it cannot be reached, [`StoreError::Newer`] if a newer release made its schema.
    pub async fn open(url: &str) -> Result<PostgresStore, StoreError> {
        let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
        let open = |why: String| StoreError::Open { what: String::from(shown), why };
        let options: PgConnectOptions = url.parse().map_err(|e: sqlx::Error| open(format!("the URL is wrong: {e}")))?;
        let options = options
            .application_name("sce-collector")
            .options(PLANNING)
            .log_slow_statements(tracing::log::LevelFilter::Debug, Duration::from_secs(1));
        let pool = |most| PgPoolOptions::new().max_connections(most).acquire_timeout(Duration::from_secs(10));
        let writers = pool(WRITERS + 2).connect_with(options.clone()).await.map_err(|e| open(explain(&e)))?;
        let from = schema_of(&writers).await?;
        let migrated = migrate(&writers, from).await;
        migrated.map_err(|e| open(format!("the schema could not be brought up to date: {e}")))?;
        let reading = [("default_transaction_read_only", "on"), ("statement_timeout", STATEMENT_MS)];
        let readers = pool(READERS).connect_lazy_with(options.options(reading));
        Ok(PostgresStore { writers, readers, partitions: Arc::default(), oldest: Arc::default() })
    }

    /// Tells the indexes on time what came since the last call.
    pub(super) async fn summarise(&self) -> Result<(), StoreError> {
        partition::summarise(&self.writers, &self.partitions).await.map_err(|e| sort_out(&e))
    }

    /// Newest schema version this release knows.
    #[must_use]
    pub fn schema_version() -> i64 {
        MIGRATIONS[MIGRATIONS.len() - 1].0
    }
}

fn migrator() -> Migrator {
    let made = |(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(made).collect())
}

/// Applies what is newer than the schema that was found, each migration under the lock that sqlx takes.
async fn migrate(pool: &PgPool, from: i64) -> Result<(), MigrateError> {
    let pending: Vec<i64> = MIGRATIONS.iter().map(|m| m.0).filter(|version| *version > from).collect();
    let unit = Unit::Of("migrations");
    let mut progress = Progress::new("bringing the schema up to date", unit, Some(pending.len() as u64));
    for (done, version) in pending.iter().enumerate() {
        watched(migrator().run_to(*version, pool), &mut progress, || done as u64).await?;
    }
    // Whether those that were applied before are the ones that this release knows.
    migrator().run(pool).await
}

/// Version of the schema that is there, 0 in a new database. Looks before anything is changed.
async fn schema_of(pool: &PgPool) -> Result<i64, StoreError> {
    let found: Result<Option<i64>, _> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(pool).await;
    let known = PostgresStore::schema_version();
    match found {
        Ok(Some(found)) if found > known => Err(StoreError::Newer { found, known }),
        Ok(Some(found)) => Ok(found),
        // No such table: a new database.
        _ => Ok(0),
    }
}

/// What went wrong, and what to do about it.
fn explain(error: &sqlx::Error) -> String {
    match (error, state(error).as_deref()) {
        (_, Some("28P01" | "28000")) => format!("{error}; check user and password in the URL"),
        (_, Some("3D000")) => format!("{error}; make it with createdb"),
        (sqlx::Error::Io(e), _) => format!("{e}; is the server running and reachable?"),
        (sqlx::Error::PoolTimedOut, _) => String::from("no answer within 10 s; is the server running and reachable?"),
        _ => error.to_string(),
    }
}

/// SQLSTATE.
fn state(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Whether a lock could not be had at once.
pub(super) fn lock_taken(error: &sqlx::Error) -> bool {
    state(error).as_deref() == Some("55P03")
}

/// Whether a row found no partition, or broke a rule of its table.
fn partition_missing(error: &sqlx::Error) -> bool {
    state(error).as_deref() == Some("23514")
}

/// Whether it may work later. Data exceptions and violated constraints are the rows' fault; everything else is not.
pub(super) fn sort_out(error: &sqlx::Error) -> StoreError {
    match state(error).as_deref().map(|s| &s[..2]) {
        Some("22" | "23") => StoreError::Refused(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

impl Store for PostgresStore {
    fn writers(&self) -> usize {
        WRITERS as usize
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        write::claim(&self.writers, claim).await.map_err(|e| sort_out(&e))
    }

    async fn commit(&self, steps: &[Step]) -> Result<Vec<Outcome>, StoreError> {
        let mut first = true;
        loop {
            partition::ensure(&self.writers, &self.partitions, steps).await.map_err(|e| sort_out(&e))?;
            match write::commit(&self.writers, steps).await {
                // Another collector may have dropped a partition, too old, that this one knows of.
                Err(error) if first && partition_missing(&error) => self.partitions.forget(),
                result => return result.map_err(|e| sort_out(&e)),
            }
            first = false;
        }
    }

    async fn each<R: Record + Send + 'static>(
        &self,
        scan: &Scan,
        each: impl FnMut(Stored<R>) + Send,
    ) -> Result<(), StoreError> {
        read::each(&self.readers, scan, each).await
    }

    async fn tally(&self, since_ns: u64, until_ns: u64) -> Result<Vec<Tally>, StoreError> {
        read::tally(&self.readers, since_ns, until_ns).await.map_err(|e| sort_out(&e))
    }

    async fn ledger(&self) -> Result<Vec<LedgerLine>, StoreError> {
        read::ledger(&self.readers).await.map_err(|e| sort_out(&e))
    }

    async fn oldest(&self) -> Result<u64, StoreError> {
        let known = *self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, oldest)) = known.filter(|(at, oldest)| at.elapsed() < OLDEST && *oldest > 0) {
            let _ = at;
            return Ok(oldest);
        }
        let oldest = read::oldest(&self.readers).await.map_err(|e| sort_out(&e))?;
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), oldest));
        Ok(oldest)
    }

    async fn retain(&self, before_ns: u64) -> Result<u64, StoreError> {
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = None;
        partition::retain(&self.writers, &self.partitions, before_ns).await.map_err(|e| sort_out(&e))
    }

    async fn check(&self) -> Result<(), StoreError> {
        sqlx::query(super::sql::CHECK).execute(&self.writers).await.map(|_| ()).map_err(|e| sort_out(&e))
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        let size: Result<i64, _> =
            sqlx::query_scalar("SELECT pg_database_size(current_database())").fetch_one(&self.readers).await;
        size.map(i64::cast_unsigned).map_err(|e| sort_out(&e))
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}
