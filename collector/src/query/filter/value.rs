//! Numbers with units.

/// A number as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// In the base unit of its kind: ns, bytes, bit/s, or plain.
    pub value: f64,
    /// The same, where it is whole.
    pub exact: Option<i128>,
    /// What its unit measures; empty where it had none.
    pub kind: &'static str,
}

/// Unit, what it measures, and its size.
const UNITS: [(&str, &str, f64); 37] = [
    ("", "", 1.0),
    ("%", "ratio", 0.01),
    ("k", "", 1e3),
    ("M", "", 1e6),
    ("G", "", 1e9),
    ("ns", "ns", 1.0),
    ("us", "ns", 1e3),
    ("µs", "ns", 1e3),
    ("ms", "ns", 1e6),
    ("s", "ns", 1e9),
    ("min", "ns", 60e9),
    ("m", "ns", 60e9),
    ("h", "ns", 3600e9),
    ("d", "ns", 86_400e9),
    ("B", "bytes", 1.0),
    ("kB", "bytes", 1e3),
    ("KB", "bytes", 1e3),
    ("MB", "bytes", 1e6),
    ("GB", "bytes", 1e9),
    ("TB", "bytes", 1e12),
    ("KiB", "bytes", 1024.0),
    ("kiB", "bytes", 1024.0),
    ("MiB", "bytes", 1_048_576.0),
    ("GiB", "bytes", 1_073_741_824.0),
    ("TiB", "bytes", 1_099_511_627_776.0),
    ("bit/s", "bit/s", 1.0),
    ("bps", "bit/s", 1.0),
    ("kbit/s", "bit/s", 1e3),
    ("kbps", "bit/s", 1e3),
    ("Mbit/s", "bit/s", 1e6),
    ("Mbps", "bit/s", 1e6),
    ("Mb/s", "bit/s", 1e6),
    ("Gbit/s", "bit/s", 1e9),
    ("Gbps", "bit/s", 1e9),
    ("Gb/s", "bit/s", 1e9),
    ("kbit", "bit/s", 1e3),
    ("Mbit", "bit/s", 1e6),
];

/// Reads `50ms`, `10MB`, `1_000`, `-3`, `5%`. `None` if it is no number; `Err` with the unit if that is unknown.
pub(super) fn number(text: &str) -> Option<Result<Number, String>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let end = text.char_indices().skip(1).find(|(_, c)| !(c.is_ascii_digit() || *c == '.' || *c == '_'));
    let end = end.map_or(text.len(), |(i, _)| i);
    let figure = text[..end].replace('_', "");
    let value: f64 = figure.parse().ok()?;
    let Some((_, kind, size)) = UNITS.iter().find(|u| u.0 == &text[end..]) else {
        return Some(Err(String::from(&text[end..])));
    };
    let exact = match figure.parse::<i128>() {
        Ok(whole) if *size >= 1.0 => whole.checked_mul(*size as i128),
        _ => (value * size).fract().eq(&0.0).then_some((value * size) as i128).filter(|_| value.abs() < 1e15),
    };
    Some(Ok(Number { value: value * size, exact, kind }))
}

/// The units that a message may suggest.
pub(super) const KNOWN: &str = "ns us ms s min h, B kB MB GB KiB MiB GiB, bit/s kbit/s Mbit/s Gbit/s, k M G, %";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        let n = |t: &str| number(t).unwrap().unwrap();
        assert_eq!((n("50ms").exact, n("50ms").kind), (Some(50_000_000), "ns"));
        assert_eq!((n("10MB").exact, n("1.5MiB").exact), (Some(10_000_000), Some(1_572_864)));
        assert!((n("5%").value - 0.05).abs() < 1e-12);
        assert_eq!(n("18446744073709551615").exact, Some(u64::MAX.into()));
        assert_eq!(number("50parsec"), Some(Err(String::from("parsec"))));
        assert_eq!(number("abc"), None);
    }
}
