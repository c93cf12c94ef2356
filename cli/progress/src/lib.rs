//! Progress of long work, on a terminal only: how much is done, how fast, and the time left where the whole is known.
//!
//! In: amounts. Out: one line on standard error that writes over itself and goes away at the end. Nothing at all where standard
//! error is no terminal, and nothing for work that is done at once. The only code here that looks at a clock or writes.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use sce_view::units::{UnitStyle, bytes, duration, grouped};

/// Time between two looks at the line, and before the first.
const EVERY: Duration = Duration::from_millis(200);
/// Back to the first column, and nothing behind it.
const CLEAR: &str = "\r\x1b[K";

/// Whether a line stands on the terminal.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes: 1.20 GB.
    Bytes,
    /// Anything else, by its name in the plural.
    Of(&'static str),
}

/// The line.
#[derive(Debug)]
pub struct Progress {
    what: String,
    unit: Unit,
    whole: Option<u64>,
    done: u64,
    start: Instant,
    told: Instant,
    terminal: bool,
}

impl Progress {
    /// Nothing is done yet. `whole`: how much there is to do, where that is known.
    #[must_use]
    pub fn new(what: impl Into<String>, unit: Unit, whole: Option<u64>) -> Progress {
        let now = Instant::now();
        Progress {
            what: what.into(),
            unit,
            whole,
            done: 0,
            start: now,
            told: now,
            terminal: io::stderr().is_terminal(),
        }
    }

    /// There is so much to do in all: known by now, or known better.
    pub fn of(&mut self, whole: u64) {
        self.whole = Some(whole);
    }

    /// No line where something else writes to the terminal meanwhile.
    #[must_use]
    pub fn unless(mut self, other: bool) -> Progress {
        self.terminal &= !other;
        self
    }

    /// So much more is done.
    pub fn add(&mut self, more: u64) {
        self.at(self.done + more);
    }

    /// So much is done in all.
    pub fn at(&mut self, done: u64) {
        self.done = done;
        if self.terminal && self.told.elapsed() >= EVERY {
            let text = line(&self.what, self.unit, self.done, self.whole, self.start.elapsed());
            // A terminal that is gone is no reason to stop the work.
            let _ = write!(io::stderr(), "{CLEAR}{text}");
            self.told = Instant::now();
            SHOWN.store(true, Relaxed);
        }
    }
}

impl Drop for Progress {
    /// The line goes away, also when the work failed.
    fn drop(&mut self) {
        clear();
    }
}

fn clear() {
    if SHOWN.swap(false, Relaxed) {
        let _ = io::stderr().write_all(CLEAR.as_bytes());
    }
}

/// Standard error for a log: what is written takes the place of the line, which comes back below.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        clear();
        io::stderr().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn line(what: &str, unit: Unit, done: u64, whole: Option<u64>, elapsed: Duration) -> String {
    let (amount, noun): (fn(u64) -> String, _) = match unit {
        Unit::Bytes => (|n| bytes(n as f64, UnitStyle::Si), String::new()),
        Unit::Of(name) => (grouped, format!(" {name}")),
    };
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-3);
    let speed = if rate < 10.0 { format!("{rate:.1}") } else { amount(rate as u64) };
    match whole.filter(|whole| *whole >= done && *whole > 0) {
        // Nothing is done yet: no time can be told.
        Some(whole) if done == 0 => format!("{what}: {} of {}{noun}, 0 % done", amount(0), amount(whole)),
        Some(whole) => {
            let seconds = ((whole - done) as f64 / rate).ceil();
            let (share, left) = (done as f64 * 100.0 / whole as f64, duration((seconds * 1e9) as i64));
            format!(
                "{what}: {} of {}{noun}, {speed} per second, {share:.0} % done, {left} left",
                amount(done),
                amount(whole)
            )
        }
        None => format!("{what}: {}{noun}, {speed} per second", amount(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_follow_from_what_is_done() {
        let told = |unit, done, whole| line("flows", unit, done, whole, Duration::from_secs(2));
        let rows = Unit::Of("rows");
        assert_eq!(told(rows, 5000, None), "flows: 5,000 rows, 2,500 per second");
        assert_eq!(
            told(rows, 5000, Some(20_000)),
            "flows: 5,000 of 20,000 rows, 2,500 per second, 25 % done, 6.00 s left"
        );
        assert_eq!(
            told(Unit::Bytes, 1_000_000_000, Some(400_000_000_000)),
            "flows: 1.00 GB of 400 GB, 500 MB per second, 0 % done, 13 min 18 s left"
        );
        assert_eq!(told(rows, 1, Some(4)), "flows: 1 of 4 rows, 0.5 per second, 25 % done, 6.00 s left");
        // More than was announced, and nothing yet: no time can be told.
        assert_eq!(told(rows, 30, Some(20)), "flows: 30 rows, 15 per second");
        assert_eq!(told(rows, 0, Some(20)), "flows: 0 of 20 rows, 0 % done");
    }
}
