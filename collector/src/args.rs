//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Exit codes, as `--help` shows them.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failure, 2 usage or configuration, 3 the database cannot be used, \
                          4 the address cannot be listened on, 5 not reachable or not ready (healthcheck).";

/// The SCE collector: commits probes' records exactly once and answers questions about them.
#[derive(Debug, Parser)]
#[command(name = "sce-collector", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take records from probes and answer questions, until told to stop.
    Serve(Serve),
    /// Bring a database's schema up to date and exit.
    Migrate(Database),
    /// Ask a running collector whether it is ready.
    Healthcheck {
        /// Its admin address.
        #[arg(long, env = "SCE_ADMIN", default_value = crate::config::ADMIN)]
        admin: String,
    },
    /// Check a configuration and show every value with its origin.
    Config(Serve),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

/// Which database.
#[derive(Debug, Clone, Default, Args)]
pub struct Database {
    /// Database: a path, sqlite:///path or postgres://user@host/name [default: sce.db]
    #[arg(long, env = "SCE_DB", value_name = "PATH|URL")]
    pub db: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, env = "SCE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Settings of `serve`. What is not given comes from the configuration file, then from the defaults.
#[derive(Debug, Clone, Default, Args)]
pub struct Serve {
    /// Which database.
    #[command(flatten)]
    pub database: Database,
    /// Address for probes and clients (gRPC) [default: 127.0.0.1:4517]
    #[arg(long, env = "SCE_LISTEN", value_name = "ADDR")]
    pub listen: Option<String>,
    /// Address for health and metrics (HTTP), or `none` [default: 127.0.0.1:4518]
    #[arg(long, env = "SCE_ADMIN", value_name = "ADDR")]
    pub admin: Option<String>,
    /// Address for the pages (HTTP), `admin` = beside health and metrics if that is on loopback, or `none` [default: admin]
    #[arg(long, env = "SCE_WEB", value_name = "ADDR")]
    pub web: Option<String>,
    /// Delete records older than this: 36h, 7d ... [default: keep all]
    #[arg(long, env = "SCE_RETENTION", value_name = "TIME")]
    pub retention: Option<String>,
    /// Memory for batches that wait for their commit: 64MiB ... [default: 256MiB]
    #[arg(long, env = "SCE_MEMORY", value_name = "BYTES")]
    pub memory: Option<String>,
    /// Listen beyond loopback without encryption: anyone on the way can read and change the records
    #[arg(long, env = "SCE_ALLOW_PLAINTEXT", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub allow_plaintext: Option<bool>,
    /// What to log: error, warn, info, debug, or a filter by module [default: info]
    #[arg(long, env = "SCE_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
}
