//! From flags, environment and file to settings, each with its origin.
//!
//! In: the parsed command line (which has the environment in it) and the text of a TOML file. Out: [`Config`], or one line
//! that says what is wrong and what to write instead. A key that nobody knows is refused: a misspelt retention would keep
//! nothing or everything.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::args::{Database, Serve};
use crate::web::Pages;

/// Default address for probes and clients.
pub const LISTEN: &str = "127.0.0.1:4517";
/// Default address for health and metrics.
pub const ADMIN: &str = "127.0.0.1:4518";
/// Default database.
pub const DB: &str = "sce.db";

/// All keys of the file; the flags have the same names with dashes.
const KEYS: [&str; 8] = ["db", "listen", "admin", "web", "retention", "memory", "allow_plaintext", "log"];

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

fn bad(what: impl Into<String>) -> ConfigError {
    ConfigError(what.into())
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
        let plaintext = settle("allow_plaintext", args.allow_plaintext.map(|b| b.to_string()), "false")?;
        let log = settle("log", args.log.clone(), "info")?;
        let listen = address("listen", &listen)?;
        if !listen.ip().is_loopback() && plaintext != "true" {
            return Err(bad(format!(
                "listen: {listen} is beyond loopback and would be unencrypted; use a loopback address, \
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
            admin: if admin == "none" { None } else { Some(address("admin", &admin)?) },
            retention: if retention == "none" { None } else { Some(duration("retention", &retention)?) },
            memory_bytes: bytes("memory", &memory)?,
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

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.ok_or_else(|| bad(format!("{key}: `{text}` is not an address; write one like 127.0.0.1:4517")))
}

fn duration(key: &str, text: &str) -> Result<Duration, ConfigError> {
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
    }

    #[test]
    fn databases_are_told_apart_by_form() {
        assert_eq!(database("sqlite:///a/b.db").unwrap(), Db::Sqlite(PathBuf::from("/a/b.db")));
        assert_eq!(database("a.db").unwrap(), Db::Sqlite(PathBuf::from("a.db")));
        assert!(matches!(database("postgres://u@h/d").unwrap(), Db::Postgres(_)));
        assert!(database("mysql://x").is_err());
    }
}
