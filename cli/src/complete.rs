//! Completions with live values: flows, runs, columns, views and probes, as the collector knows them.
//!
//! In: what was typed of a word. Out: candidates with a few words about each. A shell waits for the answer, so a collector that
//! does not answer at once leaves the word as it is.

use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use sce_proto::SelectRequest;

use crate::client::Client;
use crate::config;
use crate::exit::Failure;
use crate::track::word;

/// How long a shell waits.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Candidates at most: more is not read.
const MOST: u64 = 100;

/// Identifiers of flows, the busiest first.
pub(crate) fn flows(typed: &OsStr) -> Vec<CompletionCandidate> {
    let columns = ["flow", "proto", "initiator_ip", "initiator_port", "responder_ip", "responder_port", "run"];
    let rows = ask("flows", &columns, &["-up.ip_bytes"]);
    let about = |r: &[String]| format!("{} {}:{} > {}:{} {}", r[1], r[2], r[3], r[4], r[5], r[6]);
    beginning(typed, rows.iter().map(|r| (r[0].clone(), about(r))))
}

/// Labels of runs.
pub(crate) fn runs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let rows = ask("flows", &["run"], &["-first_ns"]);
    beginning(typed, rows.into_iter().filter_map(|mut r| r.pop()).map(|run| (run, String::new())))
}

/// Names of views.
pub(crate) fn views(typed: &OsStr) -> Vec<CompletionCandidate> {
    let known = wait(async |mut client: Client| client.views("").await).unwrap_or_default();
    beginning(typed, known.into_iter().map(|v| (v.name, v.help)))
}

/// Columns of the view that the command line is about, after the last comma.
pub(crate) fn columns(typed: &OsStr) -> Vec<CompletionCandidate> {
    let view = view_of(std::env::args().skip_while(|a| a != "--").skip(2));
    let known = wait(async |mut client: Client| client.describe(&view).await).flatten();
    let columns = known.map(|v| v.columns).unwrap_or_default();
    listed(typed, columns.into_iter().map(|c| (c.name, c.help)))
}

/// Names of probes, after the last comma.
pub(crate) fn probes(typed: &OsStr) -> Vec<CompletionCandidate> {
    let rows = ask("probes", &["probe"], &[]);
    listed(typed, rows.into_iter().filter_map(|mut r| r.pop()).map(|probe| (probe, String::new())))
}

/// The view of a command line without the program's name: most verbs are called as theirs.
fn view_of(words: impl Iterator<Item = String>) -> String {
    let mut words = words.filter(|w| !w.starts_with('-'));
    let after = match words.next().as_deref() {
        Some("list") => words.next(),
        Some("top" | "check" | "diff" | "watch" | "export" | "ipfix" | "plot") | None => None,
        Some(verb) => Some(verb.to_owned()),
    };
    after.unwrap_or_else(|| "flows".to_owned())
}

fn beginning(typed: &OsStr, values: impl Iterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let mut out: Vec<CompletionCandidate> = Vec::new();
    for (value, help) in values.filter(|v| !v.0.is_empty() && v.0.starts_with(&*typed)) {
        if !out.iter().any(|c| c.get_value() == value.as_str()) {
            out.push(CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into())));
        }
    }
    out
}

/// The same for the last part of a list; a sign before it stays.
fn listed(typed: &OsStr, values: impl Iterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let begin = typed.rfind(',').map_or(0, |i| i + 1);
    let begin = begin + typed[begin..].len() - typed[begin..].trim_start_matches(['+', '-']).len();
    let kept = &typed[..begin];
    beginning(OsStr::new(&*typed), values.map(|(name, help)| (format!("{kept}{name}"), help)))
}

/// Rows of a view as words.
fn ask(view: &str, columns: &[&str], sort: &[&str]) -> Vec<Vec<String>> {
    let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    let request = SelectRequest {
        view: view.to_owned(),
        columns: own(columns),
        sort: own(sort),
        limit: MOST,
        ..SelectRequest::default()
    };
    let answer = wait(async |mut client: Client| client.all(request).await);
    let rows = answer.map(|a| a.rows).unwrap_or_default();
    rows.iter().map(|r| r.values.iter().map(word).collect()).collect()
}

/// What the collector says within the time that a shell waits; none where it says nothing.
fn wait<T>(question: impl AsyncFnOnce(Client) -> Result<T, Failure>) -> Option<T> {
    let connection = config::connection()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = async { question(Client::connect(&connection).await?).await };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, answer).await }).ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_list_is_completed_and_its_sign_kept() {
        let names = || ["up.packets", "up.ip_bytes", "flow"].into_iter().map(|n| (n.to_owned(), String::new()));
        let of = |typed: &str| {
            let found = listed(OsStr::new(typed), names());
            found.iter().map(|c| c.get_value().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of("flow,+up.p"), ["flow,+up.packets"]);
        assert_eq!(of("up"), ["up.packets", "up.ip_bytes"]);
        assert_eq!(of("x,y"), Vec::<String>::new());
    }

    #[test]
    fn the_view_follows_from_the_verb() {
        let of = |line: &str| view_of(line.split(' ').map(str::to_owned));
        assert_eq!(
            (of("paths --columns"), of("list timeline"), of("top --by")),
            ("paths".into(), "timeline".into(), "flows".into())
        );
    }
}
