//! What all pages have in common: head, navigation, the form with the question, what the answer rests on.
//!
//! In: a page's parts. Out: HTML, escaped by construction: [`begin`], which needs no answer and can be shown while there is
//! none, what [`Page::html`] or [`refusal`] gives, and [`END`]. Asks nothing.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sce_proto::Completeness;
use sce_view::time::{self, TimeStyle};
use sce_view::units::{duration, grouped};

use super::ask::{Asked, Question, Wrong};

/// The pages: path, name, and what it answers.
const PAGES: [(&str, &str); 6] = [
    ("/", "Fleet"),
    ("/flows", "Flows"),
    ("/paths", "Paths"),
    ("/matrix", "Matrix"),
    ("/runs", "Runs"),
    ("/audit", "Audit"),
];

/// What comes after everything.
pub(super) const END: &str = "</body></html>";

/// A page, from its heading on.
pub(super) struct Page<'a> {
    /// Its path.
    pub(super) path: &'a str,
    /// Its heading.
    pub(super) title: &'a str,
    /// What it answers, in a sentence.
    pub(super) about: &'a str,
    /// The question as the URL puts it, and settled.
    pub(super) asked: &'a Asked,
    /// The question.
    pub(super) question: &'a Question,
    /// What the answer rests on.
    pub(super) completeness: &'a Completeness,
    /// Commands that give the same.
    pub(super) same: Vec<String>,
    /// The answer.
    pub(super) body: Markup,
}

impl Page<'_> {
    /// The page as HTML, from its heading on.
    pub(super) fn html(self) -> Markup {
        // A window with an end does not change: nothing would come of asking again.
        let live = self.question.window.until_ns == 0;
        html! {
            h1 { (self.title) }
            p.about { (self.about) }
            (form(self.path, self.asked, Some(self.question)))
            main id="live" data-live[live] {
                (self.body)
                (basis(self.completeness, self.question, self.asked))
                div.same {
                    span { "same as:" }
                    @for command in &self.same { code { (command) } }
                }
            }
        }
    }
}

/// What is wrong with the question, in the place of a page.
pub(super) fn refusal(path: &str, asked: &Asked, wrong: &Wrong) -> Markup {
    html! {
        h1 { "This cannot be shown" }
        (form(path, asked, None))
        main id="live" { pre.wrong { (wrong.text) } }
    }
}

/// Everything above a page's heading.
pub(super) fn begin(path: &str, asked: &Asked) -> Markup {
    let flow = path.strip_prefix("/flow/").map(|id| format!("Flow {id}"));
    let name = PAGES.iter().find(|p| p.0 == path).map_or("", |p| p.1);
    html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (flow.as_deref().unwrap_or(name)) " - SCE" }
            link rel="icon" href="/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href="/sce.css";
            script src="/sce.js" defer {}
        }
        (PreEscaped("<body>"))
        header {
            a.brand href="/" { "SCE" span { " observatory" } }
            nav {
                @for (to, name) in PAGES {
                    @let here = path == to || (to == "/flows" && flow.is_some());
                    @let unfiltered: &[(&str, &str)] = &[("sort", ""), ("filter", "")];
                    @let change = if ["/", "/audit"].contains(&to) { unfiltered } else { &unfiltered[..1] };
                    a href=(asked.url(to, change)) aria-current=[here.then_some("page")] { (name) }
                }
            }
            span.state id="state" {}
        }
    }
}

fn form(path: &str, asked: &Asked, question: Option<&Question>) -> Markup {
    let lately = question.is_some_and(|q| q.lately);
    let since = if lately { "15 min before the newest record" } else { "5m, 10:30, 2026-01-01T10:00Z" };
    html! {
        form method="get" action=(path) {
            label.wide { "Filter" input name="filter" value=(asked.get("filter")) placeholder="host 10.0.0.1 and port 443 and up.lost_packets > 0"; }
            label { "Run" input name="run" value=(asked.get("run")) placeholder="any"; }
            label { "Since" input name="since" value=(asked.get("since")) placeholder=(since); }
            label { "Until" input name="until" value=(asked.get("until")) placeholder="now (times are UTC)"; }
            button { "Show" }
        }
    }
}

/// What the answer rests on; what must not be overlooked stands out.
fn basis(c: &Completeness, question: &Question, asked: &Asked) -> Markup {
    let at = |ns: u64| time::show(ns, TimeStyle::Utc, &asked.now).trim_end_matches(".000").to_owned();
    let now = u64::try_from(asked.now.timestamp().as_nanosecond()).unwrap_or(u64::MAX);
    let age = |ns: u64| duration(i64::try_from(now.saturating_sub(ns)).unwrap_or(i64::MAX));
    let until = if question.window.until_ns == 0 { "now".to_owned() } else { at(question.window.until_ns) };
    let since =
        if question.window.since_ns == 0 { "the first record".to_owned() } else { at(question.window.since_ns) };
    let mut bad = Vec::new();
    if c.lost_records > 0 || c.lost_frames > 0 {
        bad.push(format!(
            "{} records with {} frames were lost in this window",
            grouped(c.lost_records),
            grouped(c.lost_frames)
        ));
    }
    if c.kernel_drops > 0 {
        bad.push(format!("the kernels dropped {} captured frames: counts are lower bounds", grouped(c.kernel_drops)));
    }
    if c.other_packets > 0 {
        bad.push(format!("{} packets have no flow: a flow table was full", grouped(c.other_packets)));
    }
    bad.extend(c.notes.iter().map(|n| sce_view::cell::printable(n)));
    html! {
        div.basis {
            p { "From " (since) " to " (until) " UTC. "
                @if bad.is_empty() { "No records were lost. " }
                @if c.probes.is_empty() { "No probe has sent anything yet: start one with " code { "sce-probe run -i eth0" } "." }
                @for p in &c.probes {
                    span.probe { (sce_view::cell::printable(&p.probe)) " "
                        @match (p.connected, p.newest_ns) {
                            (true, 0) => { "connected, no data yet" }
                            (false, 0) => { "without data" }
                            (true, newest) => { "up to " (age(newest)) " ago" }
                            (false, newest) => { "ended " (at(newest)) }
                        }
                    }
                }
            }
            @for text in &bad { p.bad { "! " (text) } }
        }
    }
}
