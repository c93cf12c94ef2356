//! Points in time on the command line: `5m`, `1h30m`, `10:30`, `yesterday`, `2026-01-01T10:00Z`, seconds since the epoch.
//!
//! In: text and the present. Out: nanoseconds since the epoch. Reads no clock itself.

use crate::Failure;
use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Timestamp, Unit, Zoned};

/// What `--since` and `--until` accept, for help and errors.
pub const FORMS: &str = "`5m`, `1h30m` (ago), `10:30`, `yesterday`, `2026-01-01 10:00` (local), \
`2026-01-01T10:00:00Z`, or seconds since the epoch";

/// A window, ns since the epoch. `until_ns` 0 means now, and `since_ns` 0 from the first record on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Start.
    pub since_ns: u64,
    /// End.
    pub until_ns: u64,
}

/// The window of `--since` and `--until`. `--until +5m` counts from the start.
pub fn window(since: Option<&str>, until: Option<&str>, now: &Zoned) -> Result<Window, Failure> {
    let since_ns = since.map_or(Ok(0), |s| instant(s, now))?;
    let until_ns = match until {
        None => 0,
        Some(text) => match text.strip_prefix('+') {
            Some(length) if since_ns > 0 => since_ns.saturating_add(nanoseconds(length)?),
            Some(_) => return Err(Failure::usage(format!("--until {text} counts from --since, which is missing"))),
            None => instant(text, now)?,
        },
    };
    if until_ns > 0 && until_ns <= since_ns {
        let (a, b) = (since.unwrap_or_default(), until.unwrap_or_default());
        return Err(Failure::usage(format!("the window is empty: --until {b} is not after --since {a}")));
    }
    Ok(Window { since_ns, until_ns })
}

/// One point in time.
pub fn instant(text: &str, now: &Zoned) -> Result<u64, Failure> {
    let text = text.trim();
    let time = words(text, now)
        .or_else(|| epoch(text))
        .or_else(|| text.parse::<Timestamp>().ok())
        .or_else(|| local(text, now))
        .or_else(|| ago(text, now));
    match time.map(|t| u64::try_from(t.as_nanosecond())) {
        Some(Ok(ns)) => Ok(ns),
        Some(Err(_)) => Err(Failure::usage(format!("`{text}` is before 1970"))),
        None if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() => {
            Err(Failure::usage(format!("`{text}` has no unit: write `{text}m` for {text} minutes ago, or `{text}s`")))
        }
        None => Err(Failure::usage(format!("`{text}` is not a time; it can be {FORMS}"))),
    }
}

/// A length of time, like `2s` or `1m30s`, in ns.
pub fn nanoseconds(text: &str) -> Result<u64, Failure> {
    let wrong =
        || Failure::usage(format!("`{text}` is not a length of time; write for example `500ms`, `2s` or `1m30s`"));
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    u64::try_from(duration.as_nanos()).ok().filter(|n| *n > 0).ok_or_else(wrong)
}

fn words(text: &str, now: &Zoned) -> Option<Timestamp> {
    let midnight = now.start_of_day().ok()?;
    match text {
        "now" => Some(now.timestamp()),
        "today" => Some(midnight.timestamp()),
        "yesterday" => Some(midnight.checked_sub(Span::new().days(1)).ok()?.timestamp()),
        _ => None,
    }
}

/// Seconds since the epoch, with decimals; integers of 13 digits and more are ms, of 16 us, of 19 ns.
fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || !(9..=19).contains(&whole.len()) || decimals.len() > 9 {
        return None;
    }
    let scale: i128 = match (whole.len(), decimals) {
        (19.., "") => 1,
        (16.., "") => 1_000,
        (13.., "") => 1_000_000,
        _ => 1_000_000_000,
    };
    let fraction: i128 = format!("{decimals:0<9}").parse().ok()?;
    Timestamp::from_nanosecond(whole.parse::<i128>().ok()? * scale + fraction).ok()
}

/// Local dates and times. A time of day that is still to come means yesterday's.
fn local(text: &str, now: &Zoned) -> Option<Timestamp> {
    let zone = now.time_zone();
    let day_or_time = text.contains(':') || text.contains('-');
    if !day_or_time || text.starts_with('-') {
        return None;
    }
    if let Ok(time) = text.parse::<Time>()
        && !text.contains('-')
    {
        let today = now.date().to_datetime(time).to_zoned(zone.clone()).ok()?;
        let past = if today > *now { today.checked_sub(Span::new().days(1)).ok()? } else { today };
        return Some(past.timestamp());
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return Some(time.to_zoned(zone.clone()).ok()?.timestamp());
    }
    let date = text.parse::<Date>().ok()?;
    Some(date.to_zoned(zone.clone()).ok()?.timestamp())
}

/// A length of time before the present.
fn ago(text: &str, now: &Zoned) -> Option<Timestamp> {
    let span: Span = text.strip_suffix("ago").unwrap_or(text).trim().parse().ok()?;
    Some(now.checked_sub(span.abs()).ok()?.timestamp())
}

/// How times are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TimeStyle {
    /// How long ago: `12 s ago`.
    Rel,
    /// Local time: `2026-01-01 10:00:00.000`.
    Local,
    /// The same in UTC.
    Utc,
    /// RFC 3339 in UTC: `2026-01-01T10:00:00.000000000Z`.
    Iso,
}

/// A point in time as text. 0 means never measured.
pub fn show(ns: u64, style: TimeStyle, now: &Zoned) -> String {
    let Ok(time) = Timestamp::from_nanosecond(i128::from(ns)) else { return ns.to_string() };
    let zone = match style {
        TimeStyle::Rel => return relative(ns, now),
        TimeStyle::Iso => return format!("{time:.9}"),
        TimeStyle::Local => now.time_zone().clone(),
        TimeStyle::Utc => jiff::tz::TimeZone::UTC,
    };
    // Rounded down: a time must never be shown later than it was.
    let shown = time.round(jiff::TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Floor));
    shown.unwrap_or(time).to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

fn relative(ns: u64, now: &Zoned) -> String {
    let difference = now.timestamp().as_nanosecond() - i128::from(ns);
    let length = crate::units::duration(i64::try_from(difference.unsigned_abs()).unwrap_or(i64::MAX));
    if difference < 0 { format!("in {length}") } else { format!("{length} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-03-10T12:00:00[Europe/Vienna]".parse().unwrap()
    }

    fn at(text: &str) -> String {
        Timestamp::from_nanosecond(i128::from(instant(text, &now()).unwrap())).unwrap().to_string()
    }

    #[test]
    fn all_documented_forms_are_understood() {
        for (text, want) in [
            ("5m", "2026-03-10T10:55:00Z"),
            ("5m ago", "2026-03-10T10:55:00Z"),
            ("1h30m", "2026-03-10T09:30:00Z"),
            ("90s", "2026-03-10T10:58:30Z"),
            ("1d", "2026-03-09T11:00:00Z"),
            ("now", "2026-03-10T11:00:00Z"),
            ("today", "2026-03-09T23:00:00Z"),
            ("yesterday", "2026-03-08T23:00:00Z"),
            ("10:30", "2026-03-10T09:30:00Z"),
            ("10:30:15", "2026-03-10T09:30:15Z"),
            ("12:30", "2026-03-09T11:30:00Z"),
            ("2026-01-01", "2025-12-31T23:00:00Z"),
            ("2026-01-01 10:00", "2026-01-01T09:00:00Z"),
            ("2026-01-01T10:00:00", "2026-01-01T09:00:00Z"),
            ("2026-01-01T10:00Z", "2026-01-01T10:00:00Z"),
            ("2026-01-01T10:00:00.5+02:00", "2026-01-01T08:00:00.5Z"),
            ("1767261600", "2026-01-01T10:00:00Z"),
            ("1767261600.25", "2026-01-01T10:00:00.25Z"),
            ("1767261600250", "2026-01-01T10:00:00.25Z"),
            ("1767261600250000000", "2026-01-01T10:00:00.25Z"),
        ] {
            assert_eq!(at(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_advice() {
        for (text, advice) in
            [("5", "write `5m`"), ("soon", "is not a time"), ("", "is not a time"), ("1969-01-01", "before 1970")]
        {
            let e = instant(text, &now()).unwrap_err();
            assert!(e.usage);
            assert!(e.text.contains(advice), "{text}: {}", e.text);
        }
    }

    #[test]
    fn a_window_ends_after_it_starts() {
        let w = window(Some("10:00"), Some("+5m"), &now()).unwrap();
        assert_eq!(w.until_ns - w.since_ns, 300_000_000_000);
        assert!(window(Some("5m"), Some("10m"), &now()).unwrap_err().text.contains("empty"));
        assert!(window(None, Some("+5m"), &now()).is_err());
        assert_eq!(window(None, None, &now()).unwrap(), Window { since_ns: 0, until_ns: 0 });
    }

    #[test]
    fn times_are_printed_in_four_styles() {
        let ns = 1_767_261_600_250_999_999;
        assert_eq!(show(ns, TimeStyle::Local, &now()), "2026-01-01 11:00:00.250");
        assert_eq!(show(ns, TimeStyle::Utc, &now()), "2026-01-01 10:00:00.250");
        assert_eq!(show(ns, TimeStyle::Iso, &now()), "2026-01-01T10:00:00.250999999Z");
        let recent = u64::try_from(now().timestamp().as_nanosecond()).unwrap() - 2_500_000_000;
        assert_eq!(show(recent, TimeStyle::Rel, &now()), "2.50 s ago");
    }
}
