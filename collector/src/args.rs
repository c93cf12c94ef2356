//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::access::identity::Role;

/// Exit codes, as `--help` shows them.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failure, 2 usage or configuration, 3 the database cannot be used, \
                          4 the address cannot be listened on, 5 not reachable or not ready (healthcheck), \
                          6 the database is not whole (db verify).";

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
    /// Look after a database: prove that it is whole, copy it while it is in use.
    #[command(subcommand)]
    Db(Db),
    /// Ask a running collector whether it is ready.
    Healthcheck {
        /// Its admin address.
        #[arg(long, env = "SCE_ADMIN", default_value = crate::config::ADMIN)]
        admin: String,
    },
    /// Make a CA, issue certificates from it, list and revoke them.
    #[command(subcommand)]
    Ca(Ca),
    /// Make tokens by which probes enrol.
    #[command(subcommand)]
    Token(Token),
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

/// Look after a database. Both commands may run while a collector uses it.
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Prove that it is whole: no damage, a ledger without gaps, as many rows as the ledger counts, roll-ups that are the sums
    /// of their records. Prints the faults, one a line; exit code 6 if there are any
    Verify {
        /// Records were deleted by age (--retention): fewer rows than the ledger counts are no fault
        #[arg(long)]
        retained: bool,
        /// Which database.
        #[command(flatten)]
        database: Database,
    },
    /// Copy an SQLite database to a new file, as it is at one moment. For Postgres: pg_dump, see docs/deploying.md
    Backup {
        /// The new file.
        to: PathBuf,
        /// Which database.
        #[command(flatten)]
        database: Database,
    },
}

/// Work with the built-in CA.
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// Make a CA and the collector's own certificate.
    Init {
        /// Directory for keys and certificates.
        #[arg(long, env = "SCE_PKI", value_name = "DIR", default_value = "pki")]
        pki: PathBuf,
        /// Name or address by which probes and clients reach the collector; repeat for several. `localhost` and the
        /// loopback addresses are always among them
        #[arg(long, value_name = "NAME|IP")]
        host: Vec<String>,
    },
    /// Issue a certificate for a person, a dashboard, or a probe that cannot enrol.
    Issue {
        /// Name that it carries.
        #[arg(long)]
        name: String,
        /// What it allows: ingest, read or admin.
        #[arg(long)]
        role: Role,
        /// Directory for NAME.crt, NAME.key and ca.crt.
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
        /// How long it is valid: 90d, 12h ...
        #[arg(long, value_name = "TIME", default_value = "90d")]
        ttl: String,
        /// Where the CA is.
        #[command(flatten)]
        place: Place,
    },
    /// Revoke certificates: all of a name, or one by its serial number. Every collector on the database refuses them within
    /// seconds, also on streams that are open
    Revoke {
        /// Name in the certificates.
        #[arg(long, required_unless_present = "serial", conflicts_with = "serial")]
        name: Option<String>,
        /// Serial number, hex.
        #[arg(long)]
        serial: Option<String>,
        /// Where that is kept.
        #[command(flatten)]
        database: Database,
    },
    /// List the certificates that were issued.
    List {
        /// Where they are kept.
        #[command(flatten)]
        database: Database,
    },
}

/// Work with tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Print a token by which one probe enrols once.
    New {
        /// Name of the probe, which its certificate will carry.
        #[arg(long, visible_alias = "name", value_name = "NAME")]
        probe: String,
        /// What the certificate will allow: ingest, read or admin.
        #[arg(long, default_value = "ingest")]
        role: Role,
        /// How long the token can be used: 1h, 30m ...
        #[arg(long, value_name = "TIME", default_value = "1h")]
        ttl: String,
        /// Where the CA is.
        #[command(flatten)]
        place: Place,
    },
}

/// Where the CA and its database are.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Directory of the CA.
    #[arg(long, env = "SCE_PKI", value_name = "DIR", default_value = "pki")]
    pub pki: PathBuf,
    /// Which database.
    #[command(flatten)]
    pub database: Database,
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
    /// Encrypt, with the keys and certificates that `sce-collector ca init` made in this directory
    #[arg(long, env = "SCE_PKI", value_name = "DIR")]
    pub pki: Option<String>,
    /// Certificate of the collector (PEM), followed by those between it and its CA [default: server.crt of --pki]
    #[arg(long, env = "SCE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// Key of that certificate [default: server.key of --pki]
    #[arg(long, env = "SCE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<String>,
    /// CAs whose certificates probes and clients may present [default: ca.crt of --pki]
    #[arg(long, env = "SCE_CLIENT_CA", value_name = "FILE")]
    pub client_ca: Option<String>,
    /// Revocation list of that CA (PEM), read again when it changes
    #[arg(long, env = "SCE_CRL", value_name = "FILE")]
    pub crl: Option<String>,
    /// Connections at the same time, and of one address: 4096/1024 ... [default: 4096/1024]
    #[arg(long, env = "SCE_CONNECTIONS", value_name = "N/N")]
    pub connections: Option<String>,
    /// Listen beyond loopback without encryption: anyone on the way can read and change the records
    #[arg(long, env = "SCE_ALLOW_PLAINTEXT", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub allow_plaintext: Option<bool>,
    /// What to log: error, warn, info, debug, or a filter by module [default: info]
    #[arg(long, env = "SCE_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
}
