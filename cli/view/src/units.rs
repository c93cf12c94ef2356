//! Numbers as people read them. Every function is pure; machine formats never come here.

/// How numbers are printed in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum UnitStyle {
    /// Exact integers in the unit of the column name: 1234567.
    Raw,
    /// Powers of 1000: 1.23 MB.
    Si,
    /// Powers of 1024: 1.18 MiB.
    Iec,
}

/// Thousands separated by commas.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A signed number, thousands separated by commas.
pub fn grouped_signed(n: i64) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(n.unsigned_abs()))
}

/// A length of time with three significant digits: `980 µs`, `12.3 ms`, `1.50 s`, `12 min 5 s`, `3 h 20 min`.
pub fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let n = ns.unsigned_abs();
    let seconds = n / 1_000_000_000;
    let text = match seconds {
        0..=119 => scaled(n as f64, 1000.0, &["ns", "µs", "ms", "s"]),
        120..=7199 => format!("{} min {} s", seconds / 60, seconds % 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    };
    format!("{sign}{text}")
}

/// Bytes with three significant digits.
pub fn bytes(n: f64, style: UnitStyle) -> String {
    match style {
        UnitStyle::Raw => real(n),
        UnitStyle::Si => scaled(n, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB"]),
        UnitStyle::Iec => scaled(n, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]),
    }
}

/// A rate in bit/s with three significant digits; always powers of 1000, as links are sold.
pub fn rate(bits_per_second: f64) -> String {
    scaled(bits_per_second, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
}

/// A share as per cent: enough digits to tell a small one from none.
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    match p.abs() {
        0.0 => "0 %".to_owned(),
        a if a < 0.1 => format!("{p:.4} %"),
        a if a < 10.0 => format!("{p:.2} %"),
        _ => format!("{p:.1} %"),
    }
}

/// A real number without a unit.
pub fn real(v: f64) -> String {
    if v.fract() == 0.0 && v.abs() < 1e15 {
        return grouped_signed(v as i64);
    }
    match v.abs() {
        a if a >= 1000.0 => format!("{v:.0}"),
        a if a >= 1.0 => format!("{v:.2}"),
        a if a >= 1e-4 => format!("{v:.4}"),
        _ => format!("{v:.2e}"),
    }
}

/// Three significant digits and the unit that fits; whole numbers of the smallest unit stay whole.
fn scaled(value: f64, base: f64, units: &[&str]) -> String {
    let (mut v, mut i) = (value, 0);
    // 999.5 would round to 1000: it belongs to the next unit.
    while v.abs() >= base - base / 2000.0 && i + 1 < units.len() {
        v /= base;
        i += 1;
    }
    let unit = units[i];
    if v == 0.0 || (i == 0 && v.fract() == 0.0) {
        return format!("{v:.0} {unit}");
    }
    match v.abs() {
        a if a < 9.995 => format!("{v:.2} {unit}"),
        a if a < 99.95 => format!("{v:.1} {unit}"),
        _ => format!("{v:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_significant_digits_and_the_right_unit() {
        for (ns, want) in [
            (0, "0 ns"),
            (7, "7 ns"),
            (999, "999 ns"),
            (999_600, "1.00 ms"),
            (12_345, "12.3 µs"),
            (-980_000, "-980 µs"),
            (1_500_000_000, "1.50 s"),
            (119_000_000_000, "119 s"),
            (725_000_000_000, "12 min 5 s"),
            (12_000_000_000_000, "3 h 20 min"),
            (200_000_000_000_000, "2 d 7 h"),
        ] {
            assert_eq!(duration(ns), want, "{ns}");
        }
        assert_eq!(bytes(1_234_567.0, UnitStyle::Si), "1.23 MB");
        assert_eq!(bytes(1_234_567.0, UnitStyle::Iec), "1.18 MiB");
        assert_eq!(bytes(1_234_567.0, UnitStyle::Raw), "1,234,567");
        assert_eq!(bytes(512.0, UnitStyle::Si), "512 B");
        assert_eq!(rate(9_870_000.0), "9.87 Mbit/s");
    }

    #[test]
    fn counts_keep_every_digit() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(41_233_902), "41,233,902");
        assert_eq!(grouped_signed(-1204), "-1,204");
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_small_share_is_not_shown_as_none() {
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.000_03), "0.0030 %");
        assert_eq!(percent(0.0392), "3.92 %");
        assert_eq!(percent(0.5), "50.0 %");
    }
}
