//! Durations and sizes as people write them.

use std::time::Duration;

/// A duration like `100ms`, `1s`, `2m` or `1.5s`; a bare number is seconds.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: write for example 100ms, 1s, 2m or 1h");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let scale = match unit {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * scale).map_err(|_| wrong())
}

/// A number of bytes like `64KiB`, `256M` or `1GiB`; all units are powers of 1024.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size: write for example 4096, 64KiB, 256MiB or 1GiB");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let shift = match unit.trim_end_matches("iB").trim_end_matches('B') {
        "" => 0,
        "K" | "k" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(wrong()),
    };
    let value = number * f64::from(1u32 << 10).powi(shift / 10);
    if value < 9e15 { Ok(value as u64) } else { Err(wrong()) }
}

fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].parse::<f64>().ok()?;
    Some((number, text[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        assert_eq!(duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("soon").is_err() && duration("-1s").is_err() && duration("").is_err());
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("2M"), Ok(2 << 20));
        assert_eq!(bytes("118"), Ok(118));
        assert!(bytes("lots").is_err() && bytes("1Q").is_err());
    }
}
