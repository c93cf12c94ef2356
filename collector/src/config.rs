//! From flags, environment and file to settings, each with its origin.
//!
//! In: the parsed command line (which has the environment in it) and the text of a TOML file. Out: [`Config`], or one line
//! that says what is wrong and what to write instead. A key that nobody knows is refused: a misspelt retention would keep
//! nothing or everything.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::access::tls::Files;
use crate::args::{Database, Serve};
use crate::transport;
use crate::web::Pages;

/// Default address for probes and clients.
pub const LISTEN: &str = "127.0.0.1:4517";
/// Default address for health and metrics.
pub const ADMIN: &str = "127.0.0.1:4518";
/// Default database.
pub const DB: &str = "sce.db";

/// All keys of the file; the flags have the same names with dashes.
const KEYS: [&str; 14] = [
    "db",
    "listen",
    "admin",
    "web",
    "retention",
    "memory",
    "pki",
    "tls_cert",
    "tls_key",
    "client_ca",
    "crl",
    "connections",
    "allow_plaintext",
    "log",
];

/// Settings of `serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Database.
    pub db: Db,
    /// Address for probes and clients.
    pub listen: SocketAddr,
    /// Address for health and metrics.
    pub admin: Option<SocketAddr>,
    /// Where the pages are served.
    pub pages: Pages,
    /// Age at which records are deleted.
    pub retention: Option<Duration>,
    /// Bytes for batches in memory.
    pub memory_bytes: usize,
    /// Certificates.
    pub tls: Option<Files>,
    /// What connections may use.
    pub connections: transport::Limits,
    /// What to log.
    pub log: String,
    /// Every key, its value as text, and where it came from.
    pub origins: Vec<(&'static str, String, &'static str)>,
}

/// Which database, by the form of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Db {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(String),
}

/// One line about what is wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// One line about what is wrong.
    pub fn new(what: impl Into<String>) -> ConfigError {
        ConfigError(what.into())
    }
}

fn bad(what: impl Into<String>) -> ConfigError {
    ConfigError::new(what)
}

impl Config {
    /// Settles all values.
    ///
    /// # Errors
    /// [`ConfigError`] names the key and what it takes.
    pub fn load(args: &Serve) -> Result<Config, ConfigError> {
        let file = args.database.config.as_deref().map(read).transpose()?.unwrap_or_default();
        Config::settle(args, &file)
    }

    fn settle(args: &Serve, file: &toml::Table) -> Result<Config, ConfigError> {
        let mut origins = Vec::new();
        let mut settle = |key: &'static str, given: Option<String>, default: &str| -> Result<String, ConfigError> {
            let (value, origin) = match (given, file.get(key)) {
                (Some(value), _) => (value, "flag or environment"),
                (None, Some(toml::Value::String(s))) => (s.clone(), "file"),
                (None, Some(toml::Value::Boolean(b))) => (b.to_string(), "file"),
                (None, Some(toml::Value::Integer(i))) => (i.to_string(), "file"),
                (None, Some(_)) => return Err(bad(format!("{key}: one value is needed"))),
                (None, None) => (String::from(default), "default"),
            };
            origins.push((key, value.clone(), origin));
            Ok(value)
        };
        let db = settle("db", args.database.db.clone(), DB)?;
        let listen = settle("listen", args.listen.clone(), LISTEN)?;
        let admin = settle("admin", args.admin.clone(), ADMIN)?;
        let web = settle("web", args.web.clone(), "admin")?;
        let retention = settle("retention", args.retention.clone(), "none")?;
        let memory = settle("memory", args.memory.clone(), "256MiB")?;
        let pki = settle("pki", args.pki.clone(), "none")?;
        let tls_cert = settle("tls_cert", args.tls_cert.clone(), "none")?;
        let tls_key = settle("tls_key", args.tls_key.clone(), "none")?;
        let client_ca = settle("client_ca", args.client_ca.clone(), "none")?;
        let crl = settle("crl", args.crl.clone(), "none")?;
        let connections = settle("connections", args.connections.clone(), "4096/1024")?;
        let plaintext = settle("allow_plaintext", args.allow_plaintext.map(|b| b.to_string()), "false")?;
        let log = settle("log", args.log.clone(), "info")?;
        let listen = address("listen", &listen)?;
        let admin = if admin == "none" { None } else { Some(address("admin", &admin)?) };
        let tls = certificates(&pki, [&tls_cert, &tls_key, &client_ca], &crl)?;
        let open = |a: &SocketAddr| !a.ip().is_loopback() && plaintext != "true";
        if open(&listen) && tls.is_none() {
            return Err(bad(format!(
                "listen: {listen} is beyond loopback and would be unencrypted; make certificates with \
                 `sce-collector ca init` and give --pki, use a loopback address, \
                 or add --allow-plaintext if the network is yours alone"
            )));
        }
        if let Some(admin) = admin.filter(open) {
            return Err(bad(format!(
                "admin: {admin} is beyond loopback, and health and metrics are never encrypted; use a loopback address, \
                 or add --allow-plaintext if the network is yours alone"
            )));
        }
        let pages = match web.as_str() {
            "admin" => Pages::WithAdmin,
            "none" => Pages::Off,
            other => Pages::At(address("web", other)?),
        };
        if let Pages::At(address) = pages
            && !address.ip().is_loopback()
            && plaintext != "true"
        {
            return Err(bad(format!(
                "web: {address} is beyond loopback and would be unencrypted; use a loopback address and an SSH tunnel \
                 (ssh -L 4518:127.0.0.1:4518 HOST), or add --allow-plaintext if the network is yours alone"
            )));
        }
        Ok(Config {
            db: database(&db)?,
            listen,
            pages,
            admin,
            retention: if retention == "none" { None } else { Some(duration("retention", &retention)?) },
            memory_bytes: bytes("memory", &memory)?,
            tls,
            connections: connection_limits(&connections)?,
            log,
            origins,
        })
    }
}

/// The database alone, for commands that need nothing else.
///
/// # Errors
/// [`ConfigError`] if the name or the file is wrong.
pub fn database_of(args: &Database) -> Result<Db, ConfigError> {
    Config::load(&Serve { database: args.clone(), ..Serve::default() }).map(|c| c.db)
}

fn read(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|e| bad(format!("cannot read {}: {e}", path.display())))?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map_or(0, |s| text[..s.start].lines().count().max(1));
        bad(format!("{}, line {line}: {}", path.display(), e.message()))
    })?;
    for key in table.keys() {
        if !KEYS.contains(&key.as_str()) {
            let near = KEYS.iter().max_by(|a, b| strsim::jaro(a, key).total_cmp(&strsim::jaro(b, key)));
            let near = near.copied().unwrap_or_default();
            return Err(bad(format!("{}: there is no key `{key}`; did you mean `{near}`?", path.display())));
        }
    }
    Ok(table)
}

fn database(text: &str) -> Result<Db, ConfigError> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Db::Postgres(String::from(text)));
    }
    let path = match text.strip_prefix("sqlite:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None => text,
    };
    if path.is_empty() || path.contains("://") {
        return Err(bad(format!("db: `{text}` is neither a path, sqlite:///path nor postgres://user@host/name")));
    }
    Ok(Db::Sqlite(PathBuf::from(path)))
}

/// The files of TLS: those named, and for the others those of the directory.
fn certificates(pki: &str, named: [&str; 3], crl: &str) -> Result<Option<Files>, ConfigError> {
    let given = |text: &str| (text != "none").then(|| PathBuf::from(text));
    let dir = given(pki);
    let pick = |name: &str, file: &str| given(name).or_else(|| dir.as_ref().map(|d| d.join(file)));
    let [cert, key, client_ca] = named;
    let all = (pick(cert, "server.crt"), pick(key, "server.key"), pick(client_ca, "ca.crt"));
    match all {
        (Some(certificate), Some(key), Some(ca)) => {
            // Certificates of another CA cannot be made with the directory's key.
            let own = given(client_ca).is_none();
            let ca_key = dir.map(|d| d.join("ca.key")).filter(|path| own && path.exists());
            Ok(Some(Files { certificate, key, client_ca: ca, crl: given(crl), ca_key }))
        }
        (None, None, None) => Ok(None),
        _ => Err(bad("tls_cert, tls_key and client_ca belong together; give all three, or --pki")),
    }
}

fn connection_limits(text: &str) -> Result<transport::Limits, ConfigError> {
    let numbers = text.split_once('/').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    match numbers {
        Some((connections, per_address)) if connections > 0 && per_address > 0 => {
            Ok(transport::Limits { connections, per_address, ..transport::Limits::default() })
        }
        _ => Err(bad(format!("connections: `{text}` is not a pair of numbers; write one like 4096/1024"))),
    }
}

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.ok_or_else(|| bad(format!("{key}: `{text}` is not an address; write one like 127.0.0.1:4517")))
}

/// A time with its unit.
///
/// # Errors
/// [`ConfigError`] shows how to write one.
pub fn duration(key: &str, text: &str) -> Result<Duration, ConfigError> {
    let wrong = || bad(format!("{key}: `{text}` is not a time; write one like 90s, 36h or 7d"));
    let at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let number: u64 = text[..at].trim().parse().map_err(|_| wrong())?;
    let unit = match &text[at..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(number.checked_mul(unit).ok_or_else(wrong)?))
}

fn bytes(key: &str, text: &str) -> Result<usize, ConfigError> {
    let wrong = || bad(format!("{key}: `{text}` is not a size; write one like 64MiB or 1GiB"));
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: usize = text[..at].trim().parse().map_err(|_| wrong())?;
    let unit = match &text[at..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let bytes = number.checked_mul(unit).ok_or_else(wrong)?;
    if bytes < 32 << 20 {
        return Err(bad(format!("{key}: {text} is too little; a single batch may need 32MiB")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("collector.toml");
        std::fs::write(&path, text).unwrap();
        let database = Database { config: Some(path), ..Database::default() };
        Config::load(&Serve { database, retention: Some(String::from("1d")), ..Serve::default() })
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let config = with("db = \"/tmp/x.db\"\nretention = \"7d\"\n").unwrap();
        assert_eq!(config.db, Db::Sqlite(PathBuf::from("/tmp/x.db")));
        assert_eq!(config.retention, Some(Duration::from_secs(86_400)));
        let origin = |key: &str| config.origins.iter().find(|o| o.0 == key).unwrap().2;
        assert_eq!((origin("db"), origin("retention"), origin("listen")), ("file", "flag or environment", "default"));
    }

    #[test]
    fn a_misspelt_key_is_refused_with_the_nearest() {
        let error = with("retenton = \"7d\"\n").unwrap_err().to_string();
        assert!(error.ends_with("there is no key `retenton`; did you mean `retention`?"), "{error}");
        assert!(with("db = \n").unwrap_err().to_string().contains("line 1"));
    }

    #[test]
    fn plain_text_beyond_loopback_must_be_asked_for_by_name() {
        assert!(with("listen = \"0.0.0.0:4517\"\n").unwrap_err().to_string().contains("--allow-plaintext"));
        assert!(with("listen = \"0.0.0.0:4517\"\nallow_plaintext = true\n").is_ok());
        assert!(with("admin = \"0.0.0.0:4518\"\n").unwrap_err().to_string().contains("never encrypted"));
        assert!(with("listen = \"0.0.0.0:4517\"\npki = \"/etc/x\"\n").unwrap().tls.is_some());
    }

    #[test]
    fn one_s_own_ca_needs_all_its_files() {
        let error = with("tls_cert = \"/a\"\ntls_key = \"/b\"\n").unwrap_err().to_string();
        assert!(error.contains("belong together"), "{error}");
        let tls = with("pki = \"/p\"\ntls_cert = \"/a\"\ntls_key = \"/b\"\n").unwrap().tls.unwrap();
        assert_eq!((tls.certificate, tls.client_ca), (PathBuf::from("/a"), PathBuf::from("/p/ca.crt")));
    }

    #[test]
    fn databases_are_told_apart_by_form() {
        assert_eq!(database("sqlite:///a/b.db").unwrap(), Db::Sqlite(PathBuf::from("/a/b.db")));
        assert_eq!(database("a.db").unwrap(), Db::Sqlite(PathBuf::from("a.db")));
        assert!(matches!(database("postgres://u@h/d").unwrap(), Db::Postgres(_)));
        assert!(database("mysql://x").is_err());
    }
}
