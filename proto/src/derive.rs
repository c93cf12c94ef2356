//! Ratios, rates, means and quantiles: everything that follows from stored numbers.
//!
//! In: the records of both directions of a flow over the same time. Out: values by name. This is the one place with formulas;
//! stored records hold raw facts only.

use std::sync::LazyLock;

use crate::bits::ecn_mode;
use crate::record::{Field, Merge, Record};
use crate::{FlowInterval, sketch};

/// A derived value: what it is called and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Name, unique among these and the fields.
    pub name: String,
    /// Unit.
    pub unit: &'static str,
    /// Meaning.
    pub help: String,
    /// Names of the fields it follows from; those of the other direction too where `other` is set.
    pub from: Vec<&'static str>,
    /// Whether the other direction's record is needed.
    pub other: bool,
    formula: Formula,
}

/// A value that was derived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Whole, in the unit of its column.
    Whole(u64),
    /// Real: ratios and rates.
    Real(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Formula {
    Duration,
    Rate(usize),
    Goodput,
    CeRatio,
    Ect1Ratio,
    SceRatio,
    EsceRatio,
    Quantile(usize, u32),
    Mean { sum: usize, count: usize },
    Deviation { squares: usize, sum: usize, count: usize },
}

static ALL: LazyLock<Vec<Derived>> = LazyLock::new(all);

/// All derived values of a flow direction.
#[must_use]
pub fn derived() -> &'static [Derived] {
    &ALL
}

fn all() -> Vec<Derived> {
    let at = |name: &str| FlowInterval::position(name).unwrap_or(usize::MAX);
    let data = || vec!["ect0_data_packets", "ect1_data_packets", "ce_data_packets"];
    let mut out = vec![
        new("duration_ns", "ns", "Last packet minus first packet.", &["first_ns", "last_ns"], Formula::Duration),
        new("throughput_bit_s", "bit/s", "IP bytes over duration.", &["ip_bytes"], Formula::Rate(at("ip_bytes"))),
        new(
            "goodput_bit_s",
            "bit/s",
            "Bytes that the receiver acknowledged, over duration (RFC 2647 sense).",
            &["acked_bytes"],
            Formula::Goodput,
        ),
        new(
            "ce_ratio",
            "ratio",
            "CE among data packets of ECN-capable transports, both as seen at this point.",
            &data(),
            Formula::CeRatio,
        ),
        new("ect1_ratio", "ratio", "ECT(1) among data packets of ECN-capable transports.", &data(), Formula::Ect1Ratio),
        new(
            "sce_ratio",
            "ratio",
            "ect1_ratio of flows that speak SCE, where ECT(1) is a mark.",
            &data(),
            Formula::SceRatio,
        ),
        new(
            "esce_ratio",
            "ratio",
            "Share of this direction's data that was acknowledged with header bit 0x100 set.",
            &["acked_bytes", "esce_acked_bytes"],
            Formula::EsceRatio,
        ),
    ];
    for needs_time in &mut out[1..3] {
        needs_time.from.extend(["first_ns", "last_ns"]);
    }
    for d in &mut out {
        match d.formula {
            Formula::Goodput | Formula::EsceRatio => d.other = true,
            Formula::SceRatio => d.from.push("ecn_mode_last"),
            _ => {}
        }
    }
    for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
        distribution(&mut out, i, field);
    }
    out
}

fn new(name: &str, unit: &'static str, help: &str, from: &[&'static str], formula: Formula) -> Derived {
    Derived { name: name.to_owned(), unit, help: help.to_owned(), from: from.to_vec(), other: false, formula }
}

/// What follows from `X_ns_sketch`, `X_ns_sum` and `X_us2_sum` beside `X_count`.
fn distribution(out: &mut Vec<Derived>, i: usize, field: &'static Field) {
    if field.merge == Merge::Sketch {
        let stem = field.name.trim_end_matches("_sketch");
        for q in [50, 90, 99] {
            let help = format!("{q}th percentile of {stem}, to within 1 %.");
            let unit = if stem.ends_with("_ns") { "ns" } else { "" };
            out.push(new(&format!("{stem}_p{q}"), unit, &help, &[field.name], Formula::Quantile(i, q)));
        }
    }
    let counted = |stem: &str| FlowInterval::position(&format!("{stem}_count"));
    if let Some(stem) = field.name.strip_suffix("_ns_sum")
        && let Some(count) = counted(stem)
    {
        let from = [field.name, FlowInterval::FIELDS[count].name];
        let help = format!("Mean of {stem}.");
        out.push(new(&format!("{stem}_ns_mean"), "ns", &help, &from, Formula::Mean { sum: i, count }));
    }
    if let Some(stem) = field.name.strip_suffix("_us2_sum")
        && let (Some(count), Some(sum)) = (counted(stem), FlowInterval::position(&format!("{stem}_ns_sum")))
    {
        let from = [field.name, FlowInterval::FIELDS[count].name, FlowInterval::FIELDS[sum].name];
        let help = format!("Standard deviation of {stem}.");
        let formula = Formula::Deviation { squares: i, sum, count };
        out.push(new(&format!("{stem}_ns_stddev"), "ns", &help, &from, formula));
    }
}

impl Derived {
    /// The value for a direction; `other` is the record of the opposite direction over the same time. `None` = not measured.
    #[must_use]
    pub fn value(&self, this: &FlowInterval, other: Option<&FlowInterval>) -> Option<Number> {
        let get = |field: usize| this.get(field).u64();
        let duration = this.last_ns.saturating_sub(this.first_ns);
        let capable = this.ect0_data_packets + this.ect1_data_packets + this.ce_data_packets;
        match self.formula {
            Formula::Duration => (this.packets > 0).then_some(Number::Whole(duration)),
            Formula::Rate(field) => rate(get(field), duration),
            Formula::Goodput => rate(other?.acked_bytes, duration),
            Formula::CeRatio => ratio(this.ce_data_packets, capable),
            Formula::Ect1Ratio => ratio(this.ect1_data_packets, capable),
            Formula::SceRatio if u64::from(this.ecn_mode_last) != ecn_mode::SCE => None,
            Formula::SceRatio => ratio(this.ect1_data_packets, capable),
            Formula::EsceRatio => ratio(other?.esce_acked_bytes, other?.acked_bytes),
            Formula::Quantile(field, q) => {
                sketch::quantile(this.get(field).bytes(), f64::from(q) / 100.0).map(Number::Whole)
            }
            Formula::Mean { sum, count } => get(sum).checked_div(get(count)).map(Number::Whole),
            Formula::Deviation { squares, sum, count } => {
                let n = get(count);
                if n == 0 {
                    return None;
                }
                let mean_us = get(sum) as f64 / 1000.0 / n as f64;
                let variance = (get(squares) as f64 / n as f64 - mean_us * mean_us).max(0.0);
                Some(Number::Whole((variance.sqrt() * 1000.0).round() as u64))
            }
        }
    }
}

fn ratio(part: u64, whole: u64) -> Option<Number> {
    (whole > 0).then(|| Number::Real(part as f64 / whole as f64))
}

fn rate(bytes: u64, duration_ns: u64) -> Option<Number> {
    (duration_ns > 0).then(|| Number::Real(bytes as f64 * 8.0 * 1e9 / duration_ns as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, this: &FlowInterval, other: &FlowInterval) -> Option<Number> {
        derived().iter().find(|d| d.name == name).unwrap().value(this, Some(other))
    }

    #[test]
    fn names_are_unique_and_sources_exist() {
        let mut names: Vec<&str> = FlowInterval::FIELDS.iter().map(|f| f.name).collect();
        names.extend(derived().iter().map(|d| d.name.as_str()));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for d in derived() {
            assert!(d.from.iter().all(|f| FlowInterval::position(f).is_some()), "{}", d.name);
        }
    }

    #[test]
    fn ratios_have_the_denominator_of_their_definition() {
        let this = FlowInterval {
            packets: 20,
            first_ns: 1_000_000_000,
            last_ns: 3_000_000_000,
            ip_bytes: 1000,
            ect0_data_packets: 6,
            ect1_data_packets: 3,
            ce_data_packets: 1,
            not_ect_data_packets: 90,
            ..FlowInterval::default()
        };
        let other = FlowInterval { acked_bytes: 500, esce_acked_bytes: 125, ..FlowInterval::default() };
        assert_eq!(value("ce_ratio", &this, &other), Some(Number::Real(0.1)));
        assert_eq!(value("ect1_ratio", &this, &other), Some(Number::Real(0.3)));
        assert_eq!(value("sce_ratio", &this, &other), None, "ECT(1) is a mark in SCE only");
        assert_eq!(value("esce_ratio", &this, &other), Some(Number::Real(0.25)));
        assert_eq!(value("throughput_bit_s", &this, &other), Some(Number::Real(4000.0)));
        assert_eq!(value("goodput_bit_s", &this, &other), Some(Number::Real(2000.0)));
        assert_eq!(value("ce_ratio", &FlowInterval::default(), &other), None, "nothing to divide by");
    }
}
