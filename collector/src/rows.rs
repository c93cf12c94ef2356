//! From a batch on the wire to columns ready to be bound.
//!
//! In: a [`Batch`] as a probe sent it. Out: one [`Rows`] per table, column by column, never a struct per row; or the reason
//! why the batch cannot be stored. What this collector does not know yet is named, so that the caller can keep the original.
//! No I/O here.

use std::sync::Arc;

use sce_proto::columns::{self, BatchError};
use sce_proto::{Batch, Kind, Record, RecordSet, Table};

use crate::store::schema::{self, Schema};

/// The rows of one table of one batch.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Which table.
    pub schema: &'static Schema,
    /// Number of rows.
    pub len: usize,
    /// The columns that hold anything but defaults, in rising order of field.
    pub columns: Vec<Column>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Position in the schema's fields.
    pub field: usize,
    /// As many values as there are rows.
    pub data: Data,
}

/// The values of a column.
#[derive(Debug, Clone)]
pub enum Data {
    /// Integers; unsigned ones by their bits.
    Ints(Vec<i64>),
    /// Texts: distinct values, and which of them each row has.
    Texts(Vec<Arc<str>>, Vec<u32>),
    /// Byte strings likewise.
    Blobs(Vec<Arc<[u8]>>, Vec<u32>),
}

/// A decoded batch.
#[derive(Debug)]
pub struct Decoded {
    /// The rows by table.
    pub tables: Vec<Rows>,
    /// What the batch holds beyond what this collector knows, in words; empty = nothing.
    pub unknown: String,
}

impl Rows {
    /// The integers of a column by name, if it holds anything but zeros.
    #[must_use]
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        let field = self.schema.fields.iter().position(|f| f.name == name)?;
        self.columns.iter().find(|c| c.field == field).and_then(|c| match &c.data {
            Data::Ints(v) => Some(v.as_slice()),
            _ => None,
        })
    }
}

impl Rows {
    /// The distinct texts of a column by name.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &Arc<str>> {
        let field = self.schema.fields.iter().position(|f| f.name == name);
        let column = self.columns.iter().find(|c| Some(c.field) == field);
        let values = match column.map(|c| &c.data) {
            Some(Data::Texts(values, _)) => values.as_slice(),
            _ => &[],
        };
        values.iter()
    }
}

/// Checks, unpacks and decodes a batch.
///
/// # Errors
/// [`BatchError`] if it is damaged or contradicts itself.
pub fn decode(batch: &Batch) -> Result<Decoded, BatchError> {
    decode_set(&columns::unpack(batch)?)
}

/// The same with only some fields of one kind of records, by their positions. Nothing is said of what is not known.
///
/// # Errors
/// As [`decode`].
pub fn decode_some<R: Record>(batch: &Batch, fields: &[usize]) -> Result<Decoded, BatchError> {
    let mut numbers: Vec<u32> = fields.iter().map(|f| R::FIELDS[*f].number).collect();
    numbers.sort_unstable();
    let wanted = |table: &str, number: u32| table == R::TABLE && numbers.binary_search(&number).is_ok();
    decode_set(&columns::unpack_some(batch, wanted)?)
}

fn decode_set(set: &RecordSet) -> Result<Decoded, BatchError> {
    let mut out = Decoded { tables: Vec::with_capacity(set.tables.len()), unknown: String::new() };
    for table in &set.tables {
        match schema::named(&table.name) {
            Some(schema) => {
                let rows = decode_table(schema, table, &mut out.unknown)?;
                if rows.len > 0 {
                    out.tables.push(rows);
                }
            }
            None => note(&mut out.unknown, &format!("table {}", table.name)),
        }
    }
    let total: usize = out.tables.iter().map(|t| t.len).sum();
    if total > columns::MAX_ROWS {
        return Err(BatchError::Shape { table: String::from("all tables"), column: 0, what: "too many rows" });
    }
    Ok(out)
}

fn decode_table(schema: &'static Schema, table: &Table, unknown: &mut String) -> Result<Rows, BatchError> {
    let len = columns::rows(table)?;
    let mut decoded = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let Some(field) = schema.fields.iter().position(|f| f.number == column.number) else {
            note(unknown, &format!("field {} of {}", column.number, table.name));
            continue;
        };
        let shape = |what| BatchError::Shape { table: table.name.clone(), column: column.number, what };
        let data = match schema.fields[field].kind {
            Kind::U64 | Kind::I64 => Data::Ints(integers(&column.deltas, len).ok_or(shape("one integer per row"))?),
            Kind::Str => {
                let text = |v: &Vec<u8>| str::from_utf8(v).map(Arc::from).map_err(|_| shape("text is not UTF-8"));
                let values = column.values.iter().map(text).collect::<Result<Vec<Arc<str>>, _>>()?;
                // Postgres cannot store NUL in text; no name on any system holds one.
                if values.iter().any(|v| v.contains('\0')) {
                    return Err(shape("text holds a NUL"));
                }
                let index = index(column, len).ok_or(shape("one value per row"))?;
                Data::Texts(values, index)
            }
            Kind::Bytes => {
                let values = column.values.iter().map(|v| Arc::from(v.as_slice())).collect();
                Data::Blobs(values, index(column, len).ok_or(shape("one value per row"))?)
            }
        };
        decoded.push(Column { field, data });
    }
    decoded.sort_by_key(|c| c.field);
    if let Some(twice) = decoded.windows(2).find(|w| w[0].field == w[1].field) {
        let column = schema.fields[twice[0].field].number;
        return Err(BatchError::Shape { table: table.name.clone(), column, what: "the column comes twice" });
    }
    let rows = Rows { schema, len, columns: decoded };
    check_times(table, &rows)?;
    Ok(rows)
}

/// Times beyond the year 2262 do not fit a signed 64-bit count of ns: such a row could never be found again. Nor may the end
/// of a row be beyond it, which databases work out.
fn check_times(table: &Table, rows: &Rows) -> Result<(), BatchError> {
    const ENDS: i64 = i64::MAX - 1;
    let beyond = |name: &str| rows.ints(name).is_some_and(|v| v.iter().any(|t| !(0..=ENDS).contains(t)));
    let (start, interval) = (rows.ints("start_ns"), rows.ints("interval_ns"));
    let ends_beyond = start
        .zip(interval)
        .is_some_and(|(s, i)| s.iter().zip(i).any(|(s, i)| s.checked_add(*i).is_none_or(|end| end > ENDS)));
    if ["start_ns", "interval_ns", "first_ns", "last_ns", "at_ns"].into_iter().any(beyond) || ends_beyond {
        return Err(BatchError::Shape { table: table.name.clone(), column: 0, what: "a time is out of range" });
    }
    Ok(())
}

fn integers(deltas: &[i64], len: usize) -> Option<Vec<i64>> {
    let mut value = 0i64;
    let sum = |delta: &i64| {
        value = value.wrapping_add(*delta);
        value
    };
    (deltas.len() == len).then(|| deltas.iter().map(sum).collect())
}

fn index(column: &sce_proto::Column, len: usize) -> Option<Vec<u32>> {
    let distinct = column.values.len();
    if column.index.is_empty() {
        return match distinct {
            1 => Some(vec![0; len]),
            n if n == len => Some((0..len as u32).collect()),
            _ => None,
        };
    }
    let fits = column.index.len() == len && column.index.iter().all(|i| (*i as usize) < distinct);
    fits.then(|| column.index.clone())
}

fn note(unknown: &mut String, what: &str) {
    if !unknown.is_empty() {
        unknown.push_str(", ");
    }
    unknown.push_str(what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use sce_proto::FlowInterval;

    #[test]
    fn what_a_newer_probe_sends_is_named() {
        let flow = FlowInterval { packets: 1, ..FlowInterval::default() };
        let mut table = columns::table(&[flow]);
        table.columns.push(sce_proto::Column { number: 9999, deltas: vec![1], ..sce_proto::Column::default() });
        let other = Table { name: String::from("weather"), ..Table::default() };
        let decoded = decode(&columns::pack(vec![table, other])).unwrap();
        assert_eq!(decoded.unknown, "field 9999 of flow_interval, table weather");
        assert_eq!(decoded.tables[0].ints("packets"), Some([1].as_slice()));
    }

    #[test]
    fn a_column_that_comes_twice_is_refused() {
        let flow = FlowInterval { packets: 1, ..FlowInterval::default() };
        let mut table = columns::table(&[flow]);
        table.columns.push(table.columns[0].clone());
        assert!(decode(&columns::pack(vec![table])).is_err());
    }

    #[test]
    fn a_time_that_cannot_be_stored_is_refused() {
        let stored = |start_ns: u64, interval_ns: u64, last_ns: u64| {
            let flow = FlowInterval { start_ns, interval_ns, last_ns, ..FlowInterval::default() };
            decode(&columns::pack(vec![columns::table(&[flow])])).is_ok()
        };
        let most = i64::MAX as u64;
        assert!(stored(most - 11, 10, 0) && !stored(most - 10, 10, 0), "an end");
        assert!(stored(0, 0, most - 1) && !stored(0, 0, most));
        assert!(!stored(u64::MAX, 1, 0) && !stored(1, u64::MAX, 0));
    }
}
