//! Rows of an answer: cells, columns, order.
//!
//! In: cells that a view made. Out: sorted, cut, projected rows as messages. Knows nothing of flows.

use std::cmp::Ordering;
use std::net::IpAddr;

use sce_proto::{ColumnInfo, Row, Value, value};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Not measured.
    None,
    /// Unsigned integer.
    U(u64),
    /// Signed integer.
    I(i64),
    /// Real number.
    F(f64),
    /// Text.
    T(String),
    /// Yes or no.
    B(bool),
    /// An address.
    Ip(IpAddr),
    /// Several.
    L(Vec<Cell>),
}

/// A column of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name; dots nest.
    pub name: String,
    /// Unit, empty where there is none.
    pub unit: &'static str,
    /// Meaning.
    pub help: String,
    /// Part of the default table.
    pub shown: bool,
}

impl Column {
    /// A column.
    #[must_use]
    pub fn new(name: impl Into<String>, unit: &'static str, help: impl Into<String>) -> Column {
        Column { name: name.into(), unit, help: help.into(), shown: false }
    }

    /// The same, as part of the default table.
    #[must_use]
    pub fn shown(mut self) -> Column {
        self.shown = true;
        self
    }

    /// As a message.
    #[must_use]
    pub fn info(&self) -> ColumnInfo {
        let (name, help) = (self.name.clone(), self.help.clone());
        ColumnInfo { name, unit: String::from(self.unit), help, default_shown: self.shown }
    }
}

impl Cell {
    /// A text, absent if empty.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Cell {
        let text = text.into();
        if text.is_empty() { Cell::None } else { Cell::T(text) }
    }

    /// An address from its bytes.
    #[must_use]
    pub fn ip(bytes: &[u8]) -> Cell {
        match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
            (Ok(v4), _) => Cell::Ip(IpAddr::from(v4)),
            (_, Ok(v6)) => Cell::Ip(IpAddr::from(v6)),
            _ => Cell::None,
        }
    }

    /// As a number, where it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Cell::U(v) => Some(*v as f64),
            Cell::I(v) => Some(*v as f64),
            Cell::F(v) => Some(*v),
            _ => None,
        }
    }

    /// Order for sorting: what was not measured comes first, then numbers, then addresses, then text.
    #[must_use]
    pub fn order(&self, other: &Cell) -> Ordering {
        match (self, other) {
            (Cell::U(a), Cell::U(b)) => a.cmp(b),
            (Cell::I(a), Cell::I(b)) => a.cmp(b),
            (Cell::T(a), Cell::T(b)) => a.cmp(b),
            (Cell::Ip(a), Cell::Ip(b)) => a.cmp(b),
            (Cell::B(a), Cell::B(b)) => a.cmp(b),
            (Cell::L(a), Cell::L(b)) => {
                let first = a.iter().zip(b).map(|(x, y)| x.order(y)).find(|o| o.is_ne());
                first.unwrap_or(a.len().cmp(&b.len()))
            }
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => self.rank().cmp(&other.rank()),
            },
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Cell::None => 0,
            Cell::U(_) | Cell::I(_) | Cell::F(_) => 1,
            Cell::B(_) => 2,
            Cell::Ip(_) => 3,
            Cell::T(_) => 4,
            Cell::L(_) => 5,
        }
    }

    /// As a message.
    #[must_use]
    pub fn message(self) -> Value {
        let kind = match self {
            Cell::None => None,
            Cell::U(v) => Some(value::Kind::Unsigned(v)),
            Cell::I(v) => Some(value::Kind::Signed(v)),
            Cell::F(v) => Some(value::Kind::Real(v)),
            Cell::T(v) => Some(value::Kind::Text(v)),
            Cell::B(v) => Some(value::Kind::Truth(v)),
            Cell::Ip(v) => Some(value::Kind::Text(v.to_string())),
            Cell::L(v) => {
                Some(value::Kind::List(sce_proto::List { values: v.into_iter().map(Cell::message).collect() }))
            }
        };
        Value { kind }
    }
}

/// Sorts rows by columns, each ascending or descending; equal rows keep their order.
pub fn sort(rows: &mut [Vec<Cell>], by: &[(usize, bool)]) {
    if by.is_empty() {
        return;
    }
    rows.sort_by(|a, b| {
        let keys = by.iter().map(|(column, down)| {
            let order = a[*column].order(&b[*column]);
            if *down { order.reverse() } else { order }
        });
        keys.fold(Ordering::Equal, Ordering::then)
    });
}

/// The first `width` cells of a row as a message.
#[must_use]
pub fn message(mut row: Vec<Cell>, width: usize) -> Row {
    row.truncate(width);
    Row { values: row.into_iter().map(Cell::message).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_sorts_below_zero() {
        let mut rows = vec![vec![Cell::U(3)], vec![Cell::None], vec![Cell::U(0)], vec![Cell::F(1.5)]];
        sort(&mut rows, &[(0, false)]);
        assert_eq!(rows, [[Cell::None], [Cell::U(0)], [Cell::F(1.5)], [Cell::U(3)]]);
        sort(&mut rows, &[(0, true)]);
        assert_eq!(rows[0], [Cell::U(3)]);
    }
}
