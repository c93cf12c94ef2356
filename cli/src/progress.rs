//! Progress of long work, on a terminal only: how much is done, how fast, and the time left where the whole is known.
//!
//! In: amounts. Out: one line on standard error that writes over itself. Nothing at all where standard error is no terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::units::grouped;

/// Time between two looks at the line.
const EVERY: Duration = Duration::from_millis(200);

/// The line.
pub(crate) struct Progress {
    what: String,
    unit: &'static str,
    whole: Option<u64>,
    done: u64,
    start: Instant,
    told: Instant,
    terminal: bool,
    shown: bool,
}

impl Progress {
    /// Nothing is done yet. `whole`: how much there is to do, where that is known.
    pub(crate) fn new(what: &str, unit: &'static str, whole: Option<u64>) -> Progress {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Progress { what: what.to_owned(), unit, whole, done: 0, start: now, told: now, terminal, shown: false }
    }

    /// So much more is done.
    pub(crate) fn add(&mut self, more: u64) {
        self.done += more;
        if self.terminal && self.told.elapsed() > EVERY {
            eprint!("\r\x1b[K{}", line(&self.what, self.unit, self.done, self.whole, self.start.elapsed()));
            (self.told, self.shown) = (Instant::now(), true);
        }
    }

    /// All is done: the line goes away.
    pub(crate) fn end(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

fn line(what: &str, unit: &str, done: u64, whole: Option<u64>, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-3);
    let head = format!("{what}: {} {unit}, {} per second", grouped(done), grouped(rate as u64));
    match whole.filter(|w| *w > done && rate > 0.0) {
        Some(whole) => {
            let left = (whole - done) as f64 / rate;
            format!("{head}, {:.0} % done, {left:.0} s left", done as f64 * 100.0 / whole as f64)
        }
        None => head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_follow_from_what_is_done() {
        let told = |whole| line("flows", "rows", 5000, whole, Duration::from_secs(2));
        assert_eq!(told(None), "flows: 5,000 rows, 2,500 per second");
        assert_eq!(told(Some(20_000)), "flows: 5,000 rows, 2,500 per second, 25 % done, 6 s left");
    }
}
