//! From a URL to questions, and from questions to answers and to the command that gives the same.
//!
//! In: the pairs after the `?`. Out: windows, filters, answers of the Query service. Knows no page.

use axum::http::StatusCode;
use jiff::Zoned;
use jiff::tz::TimeZone;
use sce_proto::query_server::Query as _;
use sce_proto::select_reply::Kind;
use sce_proto::{Completeness, SelectRequest};
use sce_view::time::{self, TimeStyle, Window};
use sce_view::{Answer, Failure};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Status};

use super::Web;
use crate::store::Store;

/// What a page shows when its URL names no start: this much before the newest record.
const LATELY_NS: u64 = 15 * 60 * 1_000_000_000;
/// Rows of a page, unless its URL says otherwise, and at most.
const ROWS: (u64, u64) = (100, 2_000);

/// Why a page cannot be made.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

/// A question as the URL puts it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pairs: Vec<(String, String)>,
    /// The present, in UTC: a page looks the same to everyone.
    pub(super) now: Zoned,
}

/// A question with its window settled.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) window: Window,
    /// The start was not asked for: the last stretch of time that has records.
    pub(super) lately: bool,
    pub(super) run: String,
    pub(super) filter: String,
}

impl Asked {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Asked {
        Asked { pairs, now: Zoned::now().with_time_zone(TimeZone::UTC) }
    }

    /// A value of the URL; empty where it has none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|p| p.0 == name).map_or("", |p| p.1.trim())
    }

    /// The URL of another page, or of this one with other values; empty values are left out.
    pub(super) fn url(&self, path: &str, change: &[(&str, &str)]) -> String {
        let kept = ["filter", "run", "since", "until", "limit", "sort"].map(|n| (n, self.get(n)));
        let all = kept.iter().filter(|k| !change.iter().any(|c| c.0 == k.0)).chain(change);
        let text: Vec<String> = all.filter(|p| !p.1.is_empty()).map(|(n, v)| format!("{n}={}", encoded(v))).collect();
        if text.is_empty() { path.to_owned() } else { format!("{path}?{}", text.join("&")) }
    }

    pub(super) fn limit(&self) -> u64 {
        self.get("limit").parse().unwrap_or(ROWS.0).clamp(1, ROWS.1)
    }

    /// Settles the window.
    pub(super) async fn question<S: Store>(&self, web: &Web<S>) -> Result<Question, Wrong> {
        let text = |name: &str| Some(self.get(name)).filter(|t| !t.is_empty());
        let mut window = time::window(text("since"), text("until"), &self.now)?;
        let lately = window.since_ns == 0 && text("since").is_none();
        if lately {
            let end = if window.until_ns == 0 { web.newest.get().await } else { window.until_ns };
            window.since_ns = end.saturating_sub(LATELY_NS);
        }
        let (run, filter) = (self.get("run").to_owned(), self.get("filter").to_owned());
        Ok(Question { window, lately, run, filter })
    }
}

impl Question {
    pub(super) fn request(&self, view: &str) -> SelectRequest {
        SelectRequest {
            view: view.to_owned(),
            since_ns: self.window.since_ns,
            until_ns: self.window.until_ns,
            run: self.run.clone(),
            filter: self.filter.clone(),
            ..SelectRequest::default()
        }
    }

    /// The command that asks the same: its verb, and what comes after the window.
    pub(super) fn command(&self, asked: &Asked, verb: &str, rest: &[String]) -> String {
        let mut words = vec![format!("sce-cli {verb}")];
        let point = |ns: u64| time::show(ns, TimeStyle::Iso, &asked.now);
        for (name, ns) in [("since", self.window.since_ns), ("until", self.window.until_ns)] {
            let said = asked.get(name);
            let relative = !said.is_empty() && !said.contains([':', '-']);
            if relative {
                words.push(format!("--{name} {}", quoted(said)));
            } else if ns > 0 {
                words.push(format!("--{name} {}", point(ns)));
            }
        }
        if !self.run.is_empty() {
            words.push(format!("--run {}", quoted(&self.run)));
        }
        words.extend(rest.iter().cloned());
        if !self.filter.is_empty() {
            words.push(quoted(&self.filter));
        }
        words.join(" ")
    }
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+:/=,%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A value as a URL takes it.
fn encoded(text: &str) -> String {
    let byte = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Asks the Query service, as a client does.
pub(super) async fn ask<S: Store>(web: &Web<S>, request: SelectRequest) -> Result<Answer, Wrong> {
    let filter = request.filter.clone();
    let refuse = |status: Status| Wrong::from_status(&status, &filter);
    let mut replies = web.query.select(Request::new(request)).await.map_err(refuse)?.into_inner();
    let mut answer = Answer::default();
    let mut complete: Option<Completeness> = None;
    while let Some(reply) = replies.next().await {
        match reply.map_err(refuse)?.kind {
            Some(Kind::Header(header)) => answer.columns = header.columns,
            Some(Kind::Rows(mut rows)) => answer.rows.append(&mut rows.rows),
            Some(Kind::Completeness(c)) => complete = Some(c),
            None => {}
        }
    }
    answer.completeness = complete.unwrap_or_default();
    Ok(answer)
}

impl Wrong {
    pub(super) fn missing(text: impl Into<String>) -> Wrong {
        Wrong { status: StatusCode::NOT_FOUND, text: text.into() }
    }

    fn from_status(status: &Status, filter: &str) -> Wrong {
        let number = |key| status.metadata().get(key)?.to_str().ok()?.parse::<usize>().ok();
        let code = match status.code() {
            Code::InvalidArgument | Code::ResourceExhausted | Code::OutOfRange => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let text = match (number("filter-at"), number("filter-len")) {
            (Some(at), Some(len)) => {
                let error = crate::query::filter::FilterError { text: status.message().to_owned(), at, len };
                error.lines(filter)
            }
            _ => status.message().to_owned(),
        };
        Wrong { status: code, text }
    }
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Wrong {
        let status = if failure.usage { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
        Wrong { status, text: failure.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_survives_the_way_through_a_url() {
        let pairs = [("filter", "host 10.0.0.1 & port=5201"), ("since", "5m"), ("other", "x")];
        let asked = Asked::new(pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec());
        assert_eq!(
            asked.url("/flows", &[("run", "a b")]),
            "/flows?filter=host%2010.0.0.1%20%26%20port%3D5201&since=5m&run=a%20b"
        );
        assert_eq!(asked.url("/paths", &[("filter", ""), ("since", "")]), "/paths");
    }

    #[test]
    fn the_command_is_what_a_shell_takes() {
        let pairs = [("since", "5m"), ("filter", "lost_packets > 0 and probe = 'x'")];
        let asked = Asked::new(pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec());
        let window = time::window(Some("5m"), None, &asked.now).unwrap();
        let question =
            Question { window, lately: false, run: "a b".to_owned(), filter: asked.get("filter").to_owned() };
        assert_eq!(
            question.command(&asked, "flows", &[]),
            "sce-cli flows --since 5m --run 'a b' 'lost_packets > 0 and probe = '\\''x'\\'''"
        );
    }
}
