//! Which columns a name in a filter or an order means.
//!
//! In: what somebody wrote. Out: positions of columns, or the column whose name is nearest to it. A name without `up.` or
//! `down.` is about either direction; units and `_packets` may be left out.

use super::{FilterError, Name, Side};
use crate::query::table::Column;

/// The address or port columns of a side.
pub(super) fn ends(columns: &[Column], side: Side, what: &str) -> Result<Vec<usize>, FilterError> {
    let at = |names: [&str; 2]| -> Vec<usize> {
        let wanted = names.map(|n| format!("{n}{what}"));
        (0..columns.len()).filter(|i| wanted.contains(&columns[*i].name)).collect()
    };
    let found = match side {
        Side::Any => [at(["initiator", "src"]), at(["responder", "dst"])].concat(),
        Side::Src => at(["initiator", "src"]),
        Side::Dst => at(["responder", "dst"]),
    };
    if found.is_empty() {
        return Err(FilterError::new("this view has no addresses or ports", 0, 1));
    }
    Ok(found)
}

/// Short names for columns.
const ALIASES: [(&str, &str); 5] = [
    ("bytes", "ip_bytes"),
    ("payload", "payload_bytes"),
    ("probe", "probes"),
    ("id", "flow"),
    ("duration", "duration_ns"),
];

/// The columns a name may mean: itself; in either direction; with a unit that was left out.
pub(super) fn find(name: &str, columns: &[Column]) -> Vec<usize> {
    let by = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..columns.len()).filter(|i| fits(&columns[*i].name)).collect()
    };
    let last = |column: &str| String::from(column.rsplit('.').next().unwrap_or_default());
    let short = |column: &str, unit: &str| column.replacen(unit, "", 1);
    let tries: [&dyn Fn(&str) -> bool; 6] = [
        &|c| c == name,
        &|c| last(c) == name,
        &|c| short(c, "_ns") == name,
        &|c| short(&last(c), "_ns") == name,
        &|c| c.strip_suffix("_packets") == Some(name),
        &|c| last(c).strip_suffix("_packets") == Some(name),
    ];
    let found = tries.iter().map(|t| by(t)).find(|found| !found.is_empty());
    found.unwrap_or_else(|| match ALIASES.iter().find(|a| a.0 == name) {
        Some((_, full)) => find(full, columns),
        None => match name.rsplit_once('.') {
            Some((side, short)) => match ALIASES.iter().find(|a| a.0 == short) {
                Some((_, full)) => find(&format!("{side}.{full}"), columns),
                None => Vec::new(),
            },
            None => Vec::new(),
        },
    })
}

/// The same, or which column is nearest.
pub(crate) fn resolve(name: &Name, columns: &[Column]) -> Result<Vec<usize>, FilterError> {
    let found = find(&name.text, columns);
    if !found.is_empty() {
        return Ok(found);
    }
    let likeness = |c: &&Column| {
        let whole = strsim::jaro_winkler(&c.name, &name.text);
        let last = strsim::jaro_winkler(c.name.rsplit('.').next().unwrap_or_default(), &name.text);
        (whole.max(last) * 1e6) as u64
    };
    let near = columns.iter().max_by_key(likeness).map_or("", |c| c.name.as_str());
    let text = format!("there is no column `{}`; did you mean `{near}`?", name.text);
    Err(FilterError::new(text, name.at, name.text.len()))
}
