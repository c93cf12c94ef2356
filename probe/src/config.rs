//! The configuration file of `run`: TOML whose keys are the long options.
//!
//! In: the command line and a file. Out: the options, with the file's values as defaults, so that a variable wins over the
//! file and the command line over both. A key that is no option is refused with the nearest one that is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser};

use crate::args::Cli;
use crate::exit::{Failure, code};

/// Options that make no sense in a file.
const NOT_IN_A_FILE: [&str; 4] = ["config", "help", "version", "read"];

#[derive(Debug, Parser)]
#[command(ignore_errors = true, disable_help_flag = true)]
struct OnlyConfig {
    #[arg(long, env = "SCE_CONFIG")]
    config: Option<PathBuf>,
}

/// Parses a command line, with the configuration file that it names.
///
/// # Errors
/// What clap says, or what is wrong with the file.
pub fn parse(args: Vec<OsString>) -> Result<Cli, anyhow::Error> {
    let is_run = args.iter().skip(1).any(|a| a == "run");
    let file = config_path(&args);
    let mut command = Cli::command();
    if let Some(path) = file.filter(|_| is_run) {
        let text = std::fs::read_to_string(&path)
            .map_err(|e| wrong(&path, &format!("{e}; check the path given with --config or SCE_CONFIG")))?;
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(&path, e.to_string().trim()))?;
        for (key, value) in table {
            command = with_default(command, &path, &key, &value)?;
        }
    }
    let matches = command.try_get_matches_from(args)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

/// The label that a configuration file names, for a change while the probe runs.
///
/// # Errors
/// The file cannot be read, or says something else than a text.
pub fn run_label(path: &Path) -> Result<Option<String>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| wrong(path, &e.to_string()))?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(path, &e.to_string()))?;
    match table.get("run") {
        None => Ok(None),
        Some(toml::Value::String(run)) => Ok(Some(run.clone())),
        Some(_) => Err(wrong(path, "`run` must be a text")),
    }
}

fn config_path(args: &[OsString]) -> Option<PathBuf> {
    // The real parser would stop at the first required option that only the file gives.
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if word == "--config" {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = word.to_str().and_then(|w| w.strip_prefix("--config=")) {
            return Some(PathBuf::from(path));
        }
    }
    OnlyConfig::try_parse_from(["sce-probe"]).ok().and_then(|o| o.config)
}

fn with_default(command: clap::Command, path: &Path, key: &str, value: &toml::Value) -> Result<clap::Command, Failure> {
    let long = key.replace('_', "-");
    let run = command.find_subcommand("run").ok_or_else(|| wrong(path, "no command `run`"))?;
    let known: Vec<(String, String, bool)> = run
        .get_arguments()
        .filter_map(|a| Some((a.get_long()?.to_owned(), a.get_id().to_string(), is_switch(a))))
        .filter(|(long, ..)| !NOT_IN_A_FILE.contains(&long.as_str()))
        .collect();
    let Some((_, id, switch)) = known.iter().find(|(l, ..)| *l == long) else {
        let nearest =
            known.iter().map(|(l, ..)| (strsim::jaro_winkler(l, &long), l)).max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = nearest.map_or_else(String::new, |(_, l)| format!("; did you mean `{l}`?"));
        return Err(wrong(path, &format!("unknown key `{key}`{hint} (keys are the long options of `sce-probe run`)")));
    };
    let texts = texts(value)
        .ok_or_else(|| wrong(path, &format!("`{key}` must be a text, a number, true, false or a list of them")))?;
    if *switch && !matches!(value, toml::Value::Boolean(_)) {
        return Err(wrong(path, &format!("`{key}` must be true or false")));
    }
    let id = id.clone();
    Ok(command.mut_subcommand("run", |run| run.mut_arg(id, |arg| arg.required(false).default_values(texts))))
}

fn is_switch(arg: &clap::Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn texts(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(s) => Some(vec![s.clone()]),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => Some(vec![value.to_string()]),
        toml::Value::Array(list) => list.iter().map(|v| texts(v).and_then(|t| t.into_iter().next())).collect(),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

fn wrong(path: &Path, what: &str) -> Failure {
    Failure::new(code::USAGE, format!("configuration file {}: {what}", path.display()))
}
