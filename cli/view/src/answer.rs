//! An answer in memory, how its cells are found by name, and what is wrong with a question about it.

use sce_proto::{ColumnInfo, Completeness, Row, Value};

use crate::track;

/// A whole answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The columns of each row.
    pub columns: Vec<ColumnInfo>,
    /// The rows.
    pub rows: Vec<Row>,
    /// What the answer rests on.
    pub completeness: Completeness,
}

impl Answer {
    /// A cell by the name of its column.
    #[must_use]
    pub fn value<'a>(&self, row: &'a Row, name: &str) -> Option<&'a Value> {
        let i = self.columns.iter().position(|c| c.name == name)?;
        row.values.get(i)
    }

    /// A cell as a number; `None` where nothing was measured.
    #[must_use]
    pub fn number(&self, row: &Row, name: &str) -> Option<f64> {
        self.value(row, name).and_then(track::number)
    }

    /// A cell as a short text, empty where there is none.
    #[must_use]
    pub fn text(&self, row: &Row, name: &str) -> String {
        self.value(row, name).map(track::word).unwrap_or_default()
    }
}

/// Why something cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether the question was wrong, rather than the answer empty.
    pub usage: bool,
    /// What happened and what to do next.
    pub text: String,
}

impl Failure {
    /// There is nothing to show.
    pub fn new(text: impl Into<String>) -> Failure {
        Failure { usage: false, text: text.into() }
    }

    /// The caller asked for something that does not exist.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure { usage: true, text: text.into() }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// Of a list of names the nearest to a wrong one, if any is near: for "did you mean".
#[must_use]
pub fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|n| (strsim::jaro_winkler(wrong, n), n))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, n)| n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["up.packets", "down.packets", "flow"];
        assert_eq!(nearest("up.packet", names.into_iter()), Some("up.packets"));
        assert_eq!(nearest("zzz", names.into_iter()), None);
    }
}
