//! The commands `ca` and `token`: work on the CA's directory and on the database, beside a collector that runs or without one.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use sce_collector::access::enroll;
use sce_collector::access::identity::Role;
use sce_collector::access::pki::{Authority, write_leaf};
use sce_collector::args::{Ca, Database, Place, Token};
use sce_collector::clock::now_ns;
use sce_collector::config::{ConfigError, Db, database_of, duration};
use sce_collector::store::Store;
use sce_collector::store::access::{Issued, Revoke};
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::sqlite::SqliteStore;

/// Names that every server certificate carries.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// `sce-collector ca ...`
pub(crate) fn ca(command: Ca) -> anyhow::Result<()> {
    match command {
        Ca::Init { pki, host } => init(&pki, host),
        Ca::Issue { name, role, out, ttl, place } => {
            enroll::check_name(&name).map_err(ConfigError::new)?;
            let life = duration("ttl", &ttl)?;
            with_store(&place.database.clone(), Work::Issue { name, role, out: &out, life, place: &place })
        }
        Ca::Revoke { name, serial, database } => {
            let which = match (name, serial) {
                (Some(name), _) => Revoke::Name(name),
                (None, serial) => Revoke::Serial(serial.unwrap_or_default().to_ascii_lowercase()),
            };
            with_store(&database, Work::Revoke(which))
        }
        Ca::List { database } => with_store(&database, Work::List),
    }
}

/// `sce-collector token ...`
pub(crate) fn token(command: Token) -> anyhow::Result<()> {
    let Token::New { probe, role, ttl, place } = command;
    enroll::check_name(&probe).map_err(ConfigError::new)?;
    let life = duration("ttl", &ttl)?;
    with_store(&place.database.clone(), Work::Token { name: probe, role, life, place: &place })
}

/// What is to be done with an open database.
enum Work<'a> {
    Issue { name: String, role: Role, out: &'a Path, life: Duration, place: &'a Place },
    Revoke(Revoke),
    List,
    Token { name: String, role: Role, life: Duration, place: &'a Place },
}

fn init(pki: &Path, mut hosts: Vec<String>) -> anyhow::Result<()> {
    for name in LOOPBACK {
        if !hosts.iter().any(|h| h == name) {
            hosts.push(String::from(name));
        }
    }
    Authority::init(pki, &hosts, now_ns())?;
    let dir = pki.display();
    writeln!(
        std::io::stdout(),
        "{dir}/ca.key      keep it secret; needed to enrol and to issue\n\
         {dir}/server.crt  for {}\n\
         next: sce-collector serve --pki {dir} --listen 0.0.0.0:4517\n\
         then: sce-collector token new --pki {dir} --probe NAME",
        hosts.join(", ")
    )?;
    Ok(())
}

fn authority(place: &Place) -> anyhow::Result<Authority> {
    let authority = Authority::load(&place.pki.join("ca.crt"), &place.pki.join("ca.key"));
    authority.context("no CA can be used; make one with `sce-collector ca init`, or name its directory with --pki")
}

fn with_store(database: &Database, work: Work<'_>) -> anyhow::Result<()> {
    let db = database_of(database)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match db {
            Db::Sqlite(path) => perform(SqliteStore::open(&path).await?, work).await,
            Db::Postgres(url) => perform(PostgresStore::open(&url).await?, work).await,
        }
    })
}

async fn perform<S: Store>(store: S, work: Work<'_>) -> anyhow::Result<()> {
    let done = work_on(&store, work).await;
    store.close().await;
    done
}

async fn work_on<S: Store>(store: &S, work: Work<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match work {
        Work::Token { name, role, life, place } => {
            let token = enroll::new_token(store, &authority(place)?, role, &name, life).await?;
            writeln!(out, "{token}")?;
        }
        Work::Issue { name, role, out: dir, life, place } => {
            let authority = authority(place)?;
            let life_ns = u64::try_from(life.as_nanos()).unwrap_or(u64::MAX);
            let (leaf, key) = authority.issue(role, &name, now_ns(), life_ns)?;
            let paths = write_leaf(dir, &name, &leaf, &key, &authority.pem)?;
            // Known to the database after it is on disk: a certificate that nobody can use need not be listed.
            store.add_certificate(&leaf.issued).await?;
            for path in paths {
                writeln!(out, "{}", path.display())?;
            }
        }
        Work::Revoke(which) => {
            let count = store.revoke(&which, now_ns().cast_signed()).await?;
            anyhow::ensure!(count > 0, "no valid certificate is known by that; see `sce-collector ca list`");
            writeln!(out, "{count} revoked")?;
        }
        Work::List => {
            for c in store.certificates().await? {
                writeln!(out, "{}  {:6}  {}  {}", c.serial, c.role, state(&c), c.name)?;
            }
        }
    }
    Ok(())
}

fn state(c: &Issued) -> String {
    let day = |ns: i64| {
        jiff::Timestamp::from_nanosecond(i128::from(ns))
            .map_or_else(|_| ns.to_string(), |t| t.strftime("%F").to_string())
    };
    match c.revoked_ns {
        0 if c.expires_ns.cast_unsigned() < now_ns() => format!("ended   {}", day(c.expires_ns)),
        0 => format!("until   {}", day(c.expires_ns)),
        at => format!("revoked {}", day(at)),
    }
}
