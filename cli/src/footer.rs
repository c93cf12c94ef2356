//! What an answer rests on, in words: window, rows, freshness of the probes, losses. Always on standard error.

use sce_proto::{Completeness, ProbeState};

use crate::args::Output;
use crate::exit::{Failure, code};
use crate::render::cell::{self, Style};
use crate::render::{dim, warning};
use crate::time::{self, TimeStyle};
use crate::units::{duration, grouped};

/// A probe whose newest record is younger than this is up to date: its interval and the way to the collector need time too.
const CURRENT_NS: u64 = 15_000_000_000;
/// Probes named one by one in the footer; of more only those that lag.
const NAMED_PROBES: usize = 4;

/// The facts of a footer.
pub(crate) struct Footer<'a> {
    /// What the rows are.
    pub(crate) noun: &'a str,
    /// Rows shown.
    pub(crate) shown: u64,
    /// Columns that did not fit.
    pub(crate) hidden: &'a [String],
    /// What the collector said.
    pub(crate) completeness: &'a Completeness,
    /// Start of the window as asked for, 0 = from the beginning.
    pub(crate) since_ns: u64,
    /// How to print times.
    pub(crate) style: &'a Style,
}

impl Footer<'_> {
    /// Prints the footer; with `--quiet` only what must not be overlooked.
    pub(crate) fn print(&self, output: &Output) {
        use std::io::IsTerminal;
        let color = crate::render::wants_color(output.color, std::io::stderr().is_terminal());
        let (facts, warnings) = self.lines();
        if !output.quiet {
            for line in facts {
                eprintln!("{}", dim(&line, color));
            }
        }
        for line in warnings {
            eprintln!("{}", warning(&format!("! {line}"), color));
        }
    }

    /// Freshness of the probes and losses, in one line.
    pub(crate) fn state(&self) -> String {
        format!("{} - {}", self.probes(), losses(self.completeness))
    }

    /// The lines of facts and the lines of warnings.
    fn lines(&self) -> (Vec<String>, Vec<String>) {
        let c = self.completeness;
        let mut facts = vec![format!("{} - {} - {}", self.rows(), self.window(), self.state())];
        if !self.hidden.is_empty() && self.shown > 0 {
            facts.push(format!("hidden for lack of width: {} (-o wide shows them)", self.hidden.join(", ")));
        }
        if self.shown == 0 {
            facts.extend(self.advice());
        }
        let mut warnings = Vec::new();
        if c.lost_records > 0 || c.lost_frames > 0 {
            warnings.push(format!("{} in this window: sce-cli loss says which and why", lost(c)));
        }
        if c.kernel_drops > 0 {
            warnings.push(format!(
                "the kernels dropped {} captured frames in this window: counts are lower bounds (sce-cli audit)",
                grouped(c.kernel_drops)
            ));
        }
        if c.oldest_ns > 0 && self.since_ns > 0 && self.since_ns < c.oldest_ns {
            warnings.push(format!("the store has nothing older than {}", self.time(c.oldest_ns)));
        }
        warnings.extend(c.notes.iter().map(|n| cell::printable(n)));
        (facts, warnings)
    }

    fn rows(&self) -> String {
        let total = self.completeness.rows_total.max(self.shown);
        match (self.shown, total) {
            (a, b) if a == b => format!("{} {}", grouped(a), noun(self.noun, a)),
            (a, b) => format!("{} of {} {} (--limit 0 shows all)", grouped(a), grouped(b), self.noun),
        }
    }

    fn window(&self) -> String {
        let c = self.completeness;
        let since = if self.since_ns == 0 { 0 } else { c.since_ns.max(self.since_ns) };
        match (since, c.until_ns) {
            (0, 0) => "all time".to_owned(),
            (0, until) => format!("up to {}", self.time(until)),
            (since, 0) => format!("since {}", self.time(since)),
            (since, until) => format!("{} to {}", self.time(since), self.time(until)),
        }
    }

    fn probes(&self) -> String {
        let c = self.completeness;
        let states: Vec<(bool, String)> = c.probes.iter().map(|p| self.probe(p)).collect();
        let current = states.iter().filter(|s| s.0).count();
        let list = |all: bool| {
            let named = states.iter().filter(|s| all || !s.0).map(|s| s.1.clone());
            named.collect::<Vec<_>>().join(", ")
        };
        match states.len() {
            0 => "no probes".to_owned(),
            n if n <= NAMED_PROBES => format!("probes: {}", list(true)),
            n if n == current => format!("all {n} probes current"),
            n => format!("{current} of {n} probes current; {}", list(false)),
        }
    }

    /// Whether a probe's data reaches the end of the window, and the words for it.
    fn probe(&self, p: &ProbeState) -> (bool, String) {
        let name = cell::printable(&p.probe);
        let behind = self.end().saturating_sub(p.newest_ns);
        let words = |ns: u64| duration(i64::try_from(ns).unwrap_or(i64::MAX));
        match (p.connected, p.newest_ns) {
            (true, 0) => (false, format!("{name} connected, no data yet")),
            (false, 0) => (false, format!("{name} without data")),
            _ if behind <= CURRENT_NS => (true, format!("{name} current")),
            (true, _) => (false, format!("{name} {} behind", words(behind))),
            (false, newest) => (false, format!("{name} ended {}", self.time(newest))),
        }
    }

    /// End of the window, at most the present.
    fn end(&self) -> u64 {
        let now = u64::try_from(self.style.now.timestamp().as_nanosecond()).unwrap_or(u64::MAX);
        match self.completeness.until_ns {
            0 => now,
            until => until.min(now),
        }
    }

    /// What to try where there is nothing.
    fn advice(&self) -> Option<String> {
        let c = self.completeness;
        let newest = c.probes.iter().map(|p| p.newest_ns).max().unwrap_or(0);
        if c.probes.is_empty() {
            return Some("no probe has sent anything yet: start one with `sce-probe run -i eth0`".to_owned());
        }
        if self.since_ns > 0 && newest > 0 && newest < self.since_ns {
            return Some(format!("the newest record is from {}: ask for an earlier --since", self.time(newest)));
        }
        None
    }

    fn time(&self, ns: u64) -> String {
        let style = self.style.time.unwrap_or(TimeStyle::Local);
        let text = time::show(ns, style, &self.style.now);
        text.strip_suffix(".000").map(str::to_owned).unwrap_or(text)
    }

    /// The exit code that `--strict` and `--require-all` ask for.
    pub(crate) fn verdict(&self, output: &Output) -> Result<(), Failure> {
        let c = self.completeness;
        if output.strict && (c.lost_records > 0 || c.lost_frames > 0 || c.kernel_drops > 0) {
            return Err(Failure::quiet(code::LOSS));
        }
        let missing: Vec<String> = c.probes.iter().map(|p| self.probe(p)).filter(|s| !s.0).map(|s| s.1).collect();
        if output.require_all && !missing.is_empty() {
            let text = format!("--require-all: {}", missing.join(", "));
            return Err(Failure { code: code::PARTIAL, text });
        }
        Ok(())
    }
}

fn losses(c: &Completeness) -> String {
    let mut parts = Vec::new();
    if c.lost_records > 0 || c.lost_frames > 0 {
        parts.push(lost(c));
    }
    if c.kernel_drops > 0 {
        parts.push(format!("{} kernel drops", grouped(c.kernel_drops)));
    }
    if c.other_packets > 0 {
        parts.push(format!("{} packets without a flow (flow table full)", grouped(c.other_packets)));
    }
    if parts.is_empty() { "no records lost".to_owned() } else { parts.join(", ") }
}

fn lost(c: &Completeness) -> String {
    match (c.lost_records, c.lost_frames) {
        (0, frames) => format!("{} frames lost", grouped(frames)),
        (records, 0) => format!("{} records lost", grouped(records)),
        (records, frames) => format!("{} records ({} frames) lost", grouped(records), grouped(frames)),
    }
}

/// `1 flow`, `2 flows`.
fn noun(plural: &str, count: u64) -> &str {
    match (count, plural.strip_suffix('s')) {
        (1, Some(singular)) => singular,
        _ => plural,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::UnitStyle;

    const NOW: u64 = 1_767_261_600_000_000_000;

    fn style() -> Style {
        let now = jiff::Timestamp::from_nanosecond(i128::from(NOW)).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        Style { units: UnitStyle::Si, time: Some(TimeStyle::Utc), now }
    }

    fn probe(name: &str, age_s: u64, connected: bool) -> ProbeState {
        ProbeState { probe: name.to_owned(), newest_ns: NOW - age_s * 1_000_000_000, connected }
    }

    fn lines(c: &Completeness, shown: u64, since_ns: u64) -> (Vec<String>, Vec<String>) {
        Footer { noun: "flows", shown, hidden: &[], completeness: c, since_ns, style: &style() }.lines()
    }

    #[test]
    fn the_footer_says_what_the_answer_rests_on() {
        let c = Completeness {
            rows_total: 1204,
            until_ns: NOW,
            probes: vec![probe("client", 1, true), probe("server", 42, true), probe("router", 7200, false)],
            ..Completeness::default()
        };
        let (facts, warnings) = lines(&c, 20, NOW - 300_000_000_000);
        assert_eq!(
            facts,
            ["20 of 1,204 flows (--limit 0 shows all) - 2026-01-01 09:55:00 to 2026-01-01 10:00:00 - \
              probes: client current, server 42.0 s behind, router ended 2026-01-01 08:00:00 - no records lost"]
        );
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn losses_are_told_twice_and_many_probes_are_summed_up() {
        let mut probes: Vec<ProbeState> = (0..9).map(|i| probe(&format!("p{i}"), 1, true)).collect();
        probes.push(probe("late", 42, true));
        let c = Completeness {
            rows_total: 1,
            lost_records: 7,
            lost_frames: 1204,
            kernel_drops: 3,
            probes,
            ..Completeness::default()
        };
        let (facts, warnings) = lines(&c, 1, 0);
        assert_eq!(
            facts,
            [
                "1 flow - all time - 9 of 10 probes current; late 42.0 s behind - 7 records (1,204 frames) lost, 3 kernel drops"
            ]
        );
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }

    #[test]
    fn an_empty_answer_says_where_the_data_is() {
        let c = Completeness { probes: vec![probe("file", 86_400, false)], ..Completeness::default() };
        let (facts, _) = lines(&c, 0, NOW - 300_000_000_000);
        assert!(facts[1].contains("the newest record is from 2025-12-31 10:00:00"), "{facts:?}");
        let (facts, _) = lines(&Completeness::default(), 0, 0);
        assert!(facts[1].contains("start one with"), "{facts:?}");
    }
}
