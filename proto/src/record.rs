//! What all records have in common: a list of fields, access by position, and merging by the rule in the name.

use crate::sketch;

/// One field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Number in the `.proto`, which is the name on the wire.
    pub number: u32,
    /// Name, which is the column, the JSON key and the heading.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How two values become one.
    pub merge: Merge,
    /// For [`Merge::Min`]: the field that is zero where the minimum was not measured; empty: 0 means not measured.
    pub count: &'static str,
    /// Unit; empty where there is none.
    pub unit: &'static str,
    /// Meaning, from the comment in the `.proto`.
    pub help: &'static str,
}

/// Type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Unsigned integer.
    U64,
    /// Signed integer.
    I64,
    /// Text.
    Str,
    /// Bytes.
    Bytes,
}

/// How two values of one field become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// Part of what the record is about: equal, or the first one stays.
    Key,
    /// Add, saturating.
    Sum,
    /// The smaller one that was measured.
    Min,
    /// The larger one.
    Max,
    /// The one merged in.
    Last,
    /// Bitwise or.
    Or,
    /// Histogram addition, see [`sketch`].
    Sketch,
}

/// A value of a field, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// Unsigned integer.
    U64(u64),
    /// Signed integer.
    I64(i64),
    /// Text.
    Str(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> ValueRef<'a> {
    /// The unsigned integer; a signed one by its bits; 0 for text and bytes.
    #[must_use]
    pub fn u64(self) -> u64 {
        match self {
            ValueRef::U64(v) => v,
            ValueRef::I64(v) => v.cast_unsigned(),
            ValueRef::Str(_) | ValueRef::Bytes(_) => 0,
        }
    }

    /// The signed integer; an unsigned one by its bits; 0 for text and bytes.
    #[must_use]
    pub fn i64(self) -> i64 {
        self.u64().cast_signed()
    }

    /// The text; empty for everything else.
    #[must_use]
    pub fn str(self) -> &'a str {
        match self {
            ValueRef::Str(v) => v,
            _ => "",
        }
    }

    /// The bytes, also those of a text; empty for integers.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        match self {
            ValueRef::Bytes(v) => v,
            ValueRef::Str(v) => v.as_bytes(),
            _ => &[],
        }
    }

    /// Whether it is zero or empty: what an absent field means.
    #[must_use]
    pub fn is_default(self) -> bool {
        match self {
            ValueRef::U64(v) => v == 0,
            ValueRef::I64(v) => v == 0,
            ValueRef::Str(v) => v.is_empty(),
            ValueRef::Bytes(v) => v.is_empty(),
        }
    }
}

/// A flat message with a list of fields. Implemented by generated code for every message of `records.proto`.
pub trait Record: Default {
    /// Name of the table and of the record kind on the wire.
    const TABLE: &'static str;
    /// All fields, in the order of the `.proto`.
    const FIELDS: &'static [Field];
    /// Value of the field at a position in [`Record::FIELDS`].
    fn get(&self, field: usize) -> ValueRef<'_>;
    /// Calls `each` with position and value of every field that is not zero or empty, in order: far faster than
    /// [`Record::get`] for all of them, for most are.
    fn for_each_set<'a>(&'a self, each: impl FnMut(usize, ValueRef<'a>));
    /// Sets the field at a position in [`Record::FIELDS`].
    fn set(&mut self, field: usize, value: ValueRef<'_>);

    /// Position of a field by name.
    #[must_use]
    fn position(name: &str) -> Option<usize> {
        Self::FIELDS.iter().position(|f| f.name == name)
    }
}

/// Merges `from` into `into`, field by field, by the rules of the names. `from` is the later record.
pub fn merge<R: Record>(into: &mut R, from: &R) {
    for (i, field) in R::FIELDS.iter().enumerate() {
        if field.merge == Merge::Min {
            merge_min(into, from, i, field);
        }
    }
    for (i, field) in R::FIELDS.iter().enumerate() {
        merge_field(into, from, i, field);
    }
}

fn merge_field<R: Record>(into: &mut R, from: &R, i: usize, field: &Field) {
    let (a, b) = (into.get(i), from.get(i));
    match field.merge {
        Merge::Key | Merge::Min => {}
        // Most counters of most records are zero.
        Merge::Sum | Merge::Or | Merge::Sketch if b.is_default() => {}
        Merge::Sum if field.kind == Kind::I64 => {
            let sum = a.i64().saturating_add(b.i64());
            into.set(i, ValueRef::I64(sum));
        }
        Merge::Sum => {
            let sum = a.u64().saturating_add(b.u64());
            into.set(i, ValueRef::U64(sum));
        }
        Merge::Max => {
            if b.u64() > a.u64() {
                into.set(i, b);
            }
        }
        Merge::Last => into.set(i, b),
        Merge::Or => {
            let bits = a.u64() | b.u64();
            into.set(i, ValueRef::U64(bits));
        }
        Merge::Sketch => {
            let merged = sketch::merge(a.bytes(), b.bytes());
            into.set(i, ValueRef::Bytes(&merged));
        }
    }
}

/// How to merge some fields of a record, worked out once: for those who merge many records.
#[derive(Debug, Clone)]
pub struct MergePlan {
    minima: Vec<(usize, usize)>,
    others: Vec<usize>,
}

impl MergePlan {
    /// A plan for some fields of a record. Fields outside of it are left as they are.
    #[must_use]
    pub fn new<R: Record>(fields: &[usize]) -> MergePlan {
        let count = |i: usize| R::position(R::FIELDS[i].count).unwrap_or(i);
        let of = |merge: Merge| fields.iter().copied().filter(move |i| R::FIELDS[*i].merge == merge);
        let others = fields.iter().copied().filter(|i| !matches!(R::FIELDS[*i].merge, Merge::Key | Merge::Min));
        MergePlan { minima: of(Merge::Min).map(|i| (i, count(i))).collect(), others: others.collect() }
    }

    /// Merges `from` into `into` as [`merge`] does. `from` is the later record.
    pub fn merge<R: Record>(&self, into: &mut R, from: &R) {
        for (i, count) in &self.minima {
            let measured = |r: &R| r.get(*count).u64() != 0;
            if measured(from) && (!measured(into) || from.get(*i).u64() < into.get(*i).u64()) {
                into.set(*i, from.get(*i));
            }
        }
        for i in &self.others {
            merge_field(into, from, *i, &R::FIELDS[*i]);
        }
    }
}

/// Minima go first: they look at counts, which the sums change.
fn merge_min<R: Record>(into: &mut R, from: &R, i: usize, field: &Field) {
    let count = R::position(field.count);
    let measured = |r: &R| match count {
        Some(c) => r.get(c).u64() != 0,
        None => r.get(i).u64() != 0,
    };
    if measured(from) && (!measured(into) || from.get(i).u64() < into.get(i).u64()) {
        into.set(i, from.get(i));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FlowInterval;

    #[test]
    fn minima_of_unmeasured_records_do_not_count() {
        let mut a = FlowInterval { packets: 0, ttl_min: 0, first_ns: 0, ..FlowInterval::default() };
        let b =
            FlowInterval { packets: 2, ttl_min: 60, ttl_max: 64, first_ns: 9, last_ns: 12, ..FlowInterval::default() };
        merge(&mut a, &b);
        assert_eq!((a.packets, a.ttl_min, a.ttl_max, a.first_ns, a.last_ns), (2, 60, 64, 9, 12));
        let c =
            FlowInterval { packets: 1, ttl_min: 63, ttl_max: 63, first_ns: 5, last_ns: 5, ..FlowInterval::default() };
        merge(&mut a, &c);
        assert_eq!((a.packets, a.ttl_min, a.ttl_max, a.first_ns, a.last_ns), (3, 60, 64, 5, 12));
    }

    #[test]
    fn a_plan_for_all_fields_merges_like_merge() {
        let plan = MergePlan::new::<FlowInterval>(&(0..FlowInterval::FIELDS.len()).collect::<Vec<_>>());
        let made = |salt: u64| {
            let mut r = FlowInterval::default();
            for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
                if !matches!(field.kind, Kind::Str | Kind::Bytes) {
                    r.set(i, ValueRef::U64((i as u64).wrapping_mul(salt) % 17));
                }
            }
            r
        };
        let (mut a, mut b) = (made(3), made(3));
        for salt in [5, 11, 16] {
            merge(&mut a, &made(salt));
            plan.merge(&mut b, &made(salt));
        }
        assert_eq!(a, b);
    }

    #[test]
    fn every_field_can_be_set_and_read_back() {
        let mut r = FlowInterval::default();
        for (i, field) in FlowInterval::FIELDS.iter().enumerate() {
            let n = i as u64 + 1;
            let text = n.to_string();
            let value = match field.kind {
                Kind::U64 => ValueRef::U64(n),
                Kind::I64 => ValueRef::I64(n.cast_signed()),
                Kind::Str => ValueRef::Str(&text),
                Kind::Bytes => ValueRef::Bytes(text.as_bytes()),
            };
            r.set(i, value);
            assert_eq!(r.get(i), value, "{}", field.name);
        }
    }
}
