//! `sce-collector db`: verify and backup.

use std::io::Write as _;

use sce_collector::args::Db as Task;
use sce_collector::config::{Db, database_of};
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::store::upkeep::Upkeep;
use sce_collector::store::{Store, StoreError};
use sce_collector::verify::{Report, verify};

/// Does it; false if faults were found and printed.
pub(crate) fn db(task: Task) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match task {
            Task::Verify { retained, database } => {
                let report = match database_of(&database)? {
                    Db::Sqlite(path) => {
                        existing(&path)?;
                        look(SqliteStore::open(&path).await?, retained).await?
                    }
                    Db::Postgres(url) => look(PostgresStore::open(&url).await?, retained).await?,
                };
                show(&report)?;
                Ok(report.faults.is_empty())
            }
            Task::Backup { to, database } => match database_of(&database)? {
                Db::Sqlite(path) => {
                    existing(&path)?;
                    let store = SqliteStore::open(&path).await?;
                    let copied = store.backup(&to).await;
                    store.close().await;
                    copied?;
                    writeln!(std::io::stdout(), "{}: a copy of {}", to.display(), path.display())?;
                    Ok(true)
                }
                Db::Postgres(url) => {
                    let what = crate::without_password(&url).to_owned();
                    let why =
                        String::from("Postgres makes its own: pg_dump --format=custom; pg_restore brings it back");
                    Err(StoreError::Open { what, why }.into())
                }
            },
        }
    })
}

/// To open a database makes it where there is none; that would be a whole one.
fn existing(path: &std::path::Path) -> Result<(), StoreError> {
    let missing = || StoreError::Open { what: path.display().to_string(), why: String::from("there is no such file") };
    path.exists().then_some(()).ok_or_else(missing)
}

async fn look<S: Store + Upkeep>(store: S, retained: bool) -> Result<Report, StoreError> {
    let report = verify(&store, retained).await;
    store.close().await;
    report
}

fn show(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for fault in &report.faults {
        writeln!(out, "{fault}")?;
    }
    let Report { streams, rows, gone, buckets, faults } = report;
    let verdict = if faults.is_empty() { "whole" } else { "NOT whole" };
    let gone = if *gone == 0 { String::new() } else { format!(", {gone} deleted") };
    writeln!(out, "{verdict}: {streams} streams, {rows} rows{gone}, {buckets} roll-up buckets, {} faults", faults.len())
}
