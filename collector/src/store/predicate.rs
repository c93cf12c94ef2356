//! Conditions on records that a database can decide.
//!
//! In: comparisons of fields. Out: the same decision in memory ([`Predicate::holds`]) and as SQL (`store::sql`); a property
//! test holds the two together.

use sce_proto::{Record, ValueRef};

/// A condition on one record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Predicate {
    /// Always.
    #[default]
    True,
    /// All of them.
    And(Vec<Predicate>),
    /// At least one of them.
    Or(Vec<Predicate>),
    /// Not this.
    Not(Box<Predicate>),
    /// The integer field lies in the range, ends included. Unsigned fields compare as unsigned.
    Range {
        /// Field name.
        field: &'static str,
        /// Smallest value.
        low: u64,
        /// Largest value.
        high: u64,
    },
    /// The text field is equal.
    Text {
        /// Field name.
        field: &'static str,
        /// Value.
        value: String,
    },
    /// The byte string field is as long as the bounds and lies between them, ends included: one address, or a network.
    Bytes {
        /// Field name.
        field: &'static str,
        /// Smallest value.
        low: Vec<u8>,
        /// Largest value, of the same length.
        high: Vec<u8>,
    },
}

impl Predicate {
    /// The integer field has this value.
    #[must_use]
    pub fn equal(field: &'static str, value: u64) -> Predicate {
        Predicate::Range { field, low: value, high: value }
    }

    /// Both conditions.
    #[must_use]
    pub fn and(self, other: Predicate) -> Predicate {
        match (self, other) {
            (Predicate::True, p) | (p, Predicate::True) => p,
            (Predicate::And(mut all), p) => {
                all.push(p);
                Predicate::And(all)
            }
            (a, b) => Predicate::And(vec![a, b]),
        }
    }

    /// Names the fields that the condition looks at.
    pub fn fields(&self, name: &mut impl FnMut(&'static str)) {
        match self {
            Predicate::True => {}
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().for_each(|p| p.fields(name)),
            Predicate::Not(p) => p.fields(name),
            Predicate::Range { field, .. } | Predicate::Text { field, .. } | Predicate::Bytes { field, .. } => {
                name(field)
            }
        }
    }

    /// Whether a record meets the condition. A field the record does not have is a default value.
    pub fn holds<R: Record>(&self, record: &R) -> bool {
        let value = |name: &str| R::position(name).map(|i| record.get(i));
        match self {
            Predicate::True => true,
            Predicate::And(all) => all.iter().all(|p| p.holds(record)),
            Predicate::Or(any) => any.iter().any(|p| p.holds(record)),
            Predicate::Not(p) => !p.holds(record),
            Predicate::Range { field, low, high } => {
                let v = value(field).map_or(0, ValueRef::u64);
                (*low..=*high).contains(&v)
            }
            Predicate::Text { field, value: want } => value(field).map_or("", ValueRef::str) == want,
            Predicate::Bytes { field, low, high } => {
                let v = value(field).map_or(&[][..], ValueRef::bytes);
                v.len() == low.len() && v >= low.as_slice() && v <= high.as_slice()
            }
        }
    }
}
