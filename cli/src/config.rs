//! The configuration file: where the collector is, and with what certificate to ask it.
//!
//! In: `$SCE_CLI_CONFIG`, else `cli.toml` in `$XDG_CONFIG_HOME/sce` or `~/.config/sce`. Out: defaults of the connection's
//! options. The environment wins over the file, the command line over both.

use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::args::{Cli, Connection};
use crate::exit::{Failure, nearest};

/// The keys: the long options of the connection.
const KEYS: [&str; 5] = ["collector", "ca", "cert", "key", "timeout"];

/// Parses the command line on top of the file.
///
/// # Errors
/// What clap says, or what is wrong with the file.
pub(crate) fn parse() -> Result<Result<Cli, clap::Error>, Failure> {
    Ok(command()?.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)))
}

/// The connection without a command line: from the file and the environment.
pub(crate) fn connection() -> Option<Connection> {
    let matches = command().ok()?.try_get_matches_from(["sce-cli", "probes"]).ok()?;
    Some(Cli::from_arg_matches(&matches).ok()?.connection)
}

/// The command line with the file's defaults.
fn command() -> Result<clap::Command, Failure> {
    let mut command = Cli::command();
    if let Some((path, required)) = path() {
        for (key, value) in read(&path, required)? {
            command = command.mut_arg(key, |arg| arg.default_value(value));
        }
    }
    Ok(command)
}

/// The file, and whether it must be there.
fn path() -> Option<(PathBuf, bool)> {
    if let Some(named) = std::env::var_os("SCE_CLI_CONFIG") {
        return Some((PathBuf::from(named), true));
    }
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".config"));
    Some((config.or(home)?.join("sce/cli.toml"), false))
}

fn read(path: &Path, required: bool) -> Result<Vec<(&'static str, String)>, Failure> {
    let wrong = |what: String| Failure::usage(format!("{}: {what}", path.display()));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !required => return Ok(Vec::new()),
        Err(e) => return Err(wrong(e.to_string())),
    };
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(e.message().to_owned()))?;
    let mut found = Vec::new();
    for (key, value) in table {
        let Some(known) = KEYS.into_iter().find(|k| *k == key) else {
            let near = nearest(&key, KEYS.into_iter()).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            return Err(wrong(format!("there is no key `{key}`{near}")));
        };
        let value = value.as_str().ok_or_else(|| wrong(format!("`{key}` must be a text")))?;
        found.push((known, value.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_defaults_and_a_misspelt_key_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cli.toml");
        assert_eq!(read(&path, false).unwrap(), []);
        assert!(read(&path, true).is_err());
        std::fs::write(&path, "collector = \"https://h:1\"\n").unwrap();
        assert_eq!(read(&path, true).unwrap(), [("collector", "https://h:1".to_owned())]);
        std::fs::write(&path, "colector = \"x\"\n").unwrap();
        let failure = read(&path, true).unwrap_err();
        assert!(failure.text.contains("did you mean `collector`?"), "{}", failure.text);
    }
}
