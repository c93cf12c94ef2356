//! The collector's command.

mod authority;
mod upkeep;

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use sce_collector::access::pki::PkiError;
use sce_collector::access::tls::TlsError;
use sce_collector::args::{Cli, Command};
use sce_collector::config::{Config, ConfigError, Db, database_of};
use sce_collector::ingest::Limits;
use sce_collector::server::{self, ListenError, Settings};
use sce_collector::store::postgres::PostgresStore;
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::store::{Store, StoreError};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Joins and answers are made of many small lists. The tests and benchmarks that measure have the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(args) => Config::load(&args).map_err(Into::into).and_then(|config| serve(&config)),
        Command::Migrate(args) => database_of(&args).map_err(Into::into).and_then(|db| migrate(&db)),
        Command::Db(db) => match upkeep::db(db) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::from(6),
            Err(error) => Err(error),
        },
        Command::Healthcheck { admin } => return healthcheck(&admin),
        Command::Config(args) => Config::load(&args).map_err(Into::into).and_then(|config| show(&config)),
        Command::Ca(ca) => authority::ca(ca),
        Command::Token(token) => authority::token(token),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "sce-collector", &mut std::io::stdout());
            Ok(())
        }
        Command::Man => clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout()).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "sce-collector: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

/// The exit codes that `--help` lists.
fn exit_code(error: &anyhow::Error) -> u8 {
    match () {
        () if error.is::<ConfigError>() || error.is::<TlsError>() || error.is::<PkiError>() => 2,
        () if error.is::<StoreError>() => 3,
        () if error.is::<ListenError>() => 4,
        () => 1,
    }
}

fn serve(config: &Config) -> anyhow::Result<()> {
    raise_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let filter: Targets = config.log.parse().context("log")?;
    let colour = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(|| sce_progress::Log);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    #[cfg(feature = "otlp")]
    let traces = {
        let _within = runtime.enter();
        sce_otlp::Traces::from_environment("sce-collector")?
    };
    #[cfg(feature = "otlp")]
    let subscriber = subscriber.with(traces.as_ref().map(|traces| traces.layer(&["sce_collector"])));
    subscriber.init();
    let done = runtime.block_on(async {
        // Addresses first: a second collector started by mistake must not touch the first one's database.
        let listener = server::bind(config.listen).await?;
        let admin = match config.admin {
            Some(address) => Some(server::bind(address).await?),
            None => None,
        };
        let limits = Limits { memory_bytes: config.memory_bytes, ..Limits::default() };
        let settings = Settings {
            limits,
            connections: config.connections,
            retention: config.retention,
            pages: config.pages,
            tls: config.tls.clone(),
        };
        match &config.db {
            Db::Sqlite(path) => start(SqliteStore::open(path).await?, listener, admin, settings, config).await,
            Db::Postgres(url) => start(PostgresStore::open(url).await?, listener, admin, settings, config).await,
        }
    });
    #[cfg(feature = "otlp")]
    if let Some(traces) = traces {
        traces.finish();
    }
    // What a stuck client still holds must not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// As many descriptors as the system lets us have: each connection takes one, and the default is often 1024.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Fewer connections are no reason not to start.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

async fn start<S: Store>(
    store: S,
    listener: tokio::net::TcpListener,
    admin: Option<tokio::net::TcpListener>,
    settings: Settings,
    config: &Config,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let admin_address = admin.as_ref().and_then(|a| a.local_addr().ok()).map(|a| a.to_string());
    let db = config.origins.iter().find(|o| o.0 == "db").map_or("", |o| without_password(&o.1));
    let tls = config.tls.is_some();
    tracing::info!(%address, tls, admin = admin_address, db, "Collector is ready");
    server::run(store, listener, admin, settings, stop()).await
}

/// A URL is logged without what stands before its host.
pub(crate) fn without_password(db: &str) -> &str {
    db.rsplit_once('@').map_or(db, |(_, host)| host)
}

/// Done at the first SIGINT or SIGTERM; the second one ends the process at once, which is safe at any moment.
async fn stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
        }
        std::process::exit(130);
    });
}

fn migrate(db: &Db) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match db {
            Db::Sqlite(path) => {
                SqliteStore::open(path).await?.close().await;
                writeln!(std::io::stdout(), "{}: schema {}", path.display(), SqliteStore::schema_version())?;
                Ok(())
            }
            Db::Postgres(url) => {
                PostgresStore::open(url).await?.close().await;
                writeln!(std::io::stdout(), "{}: schema {}", without_password(url), PostgresStore::schema_version())?;
                Ok(())
            }
        }
    })
}

fn show(config: &Config) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    for (key, value, origin) in &config.origins {
        writeln!(out, "{key} = {value:?}  # {origin}")?;
    }
    Ok(())
}

/// One HTTP request by hand: images without a shell have no other way to ask.
fn healthcheck(admin: &str) -> ExitCode {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(admin)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let (ready, text) = match ask() {
        Ok(answer) => {
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim();
            (answer.starts_with("HTTP/1.1 200"), String::from(body))
        }
        Err(error) => (false, format!("no answer from {admin}: {error}")),
    };
    let _ = writeln!(std::io::stderr(), "{text}");
    if ready { ExitCode::SUCCESS } else { ExitCode::from(5) }
}
