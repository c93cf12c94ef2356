//! Records by column: the payload of a batch.
//!
//! In: slices of records. Out: the bytes that spool, wire and collector share, and back. Columns of default values are left
//! out; integers are differences to the row before; texts and byte strings are a dictionary. What a newer probe sends and
//! this code does not know stays in the [`RecordSet`] untouched.

mod some;

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;
pub use some::unpack_some;

use crate::record::{Kind, Record, ValueRef};
use crate::{Batch, Column, PathMarks, RecordSet, Table};

/// Rows a batch may hold at most.
pub const MAX_ROWS: usize = 10_000;
/// Bytes a batch may unpack to at most.
pub const MAX_RAW_BYTES: usize = 8 << 20;
const ZSTD_LEVEL: i32 = 1;
/// Half of every path mark is a digest, which nothing makes shorter: level 1 needs three times as long for a tenth less.
const ZSTD_LEVEL_OF_MARKS: i32 = -7;
/// Longer ones are not looked for among the earlier ones of their column: texts ...
const LONG_TEXT: usize = 48;
/// ... and byte strings, of which addresses repeat, but no list of marks ever does.
const LONG_BYTES: usize = 16;

/// Why a batch could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BatchError {
    /// The checksum does not match: damage on the way or on disk.
    #[error("checksum {found:08x} does not match {want:08x}: the batch was damaged")]
    Checksum {
        /// As computed.
        found: u32,
        /// As stated.
        want: u32,
    },
    /// The stated size is beyond what a probe may send.
    #[error("the batch says it unpacks to {0} bytes; {MAX_RAW_BYTES} are allowed")]
    TooLarge(usize),
    /// Decompression failed or gave another size.
    #[error("the batch does not unpack: {0}")]
    Compression(String),
    /// Not a record set.
    #[error("the batch does not decode: {0}")]
    Encoding(String),
    /// Columns contradict each other.
    #[error("table {table}, column {column}: {what}")]
    Shape {
        /// Table name.
        table: String,
        /// Column number.
        column: u32,
        /// What is wrong.
        what: &'static str,
    },
}

/// The table of some records.
pub fn table<R: Record>(records: &[R]) -> Table {
    table_of(records.iter())
}

/// The same of records that lie apart.
pub fn table_of<'a, R: Record + 'a>(records: impl ExactSizeIterator<Item = &'a R>) -> Table {
    let rows = records.len();
    let mut building: Vec<Building<'a>> = Vec::new();
    building.resize_with(R::FIELDS.len(), Building::default);
    // Row by row: a record lies on dozens of cache lines, and most of its fields are not set.
    for (row, record) in records.enumerate() {
        record.for_each_set(|at, value| match R::FIELDS[at].kind {
            Kind::U64 | Kind::I64 => building[at].integer(row, rows, value.u64()),
            Kind::Str => building[at].string(row, value.bytes(), LONG_TEXT),
            Kind::Bytes => building[at].string(row, value.bytes(), LONG_BYTES),
        });
    }
    let fields = R::FIELDS.iter().zip(building);
    let columns = fields.filter_map(|(field, column)| column.finish(field.number, rows)).collect();
    Table { name: R::TABLE.to_owned(), rows: u32::try_from(rows).unwrap_or(u32::MAX), columns }
}

/// A column of which some rows are known; those between them have the default.
#[derive(Default)]
struct Building<'a> {
    deltas: Vec<i64>,
    /// The value of the newest row of `deltas`.
    previous: u64,
    values: Vec<Vec<u8>>,
    index: Vec<u32>,
    seen: HashMap<&'a [u8], u32, foldhash::fast::RandomState>,
    /// The newest row's value: most rows repeat it.
    latest: &'a [u8],
}

impl<'a> Building<'a> {
    fn integer(&mut self, row: usize, rows: usize, value: u64) {
        if self.deltas.capacity() == 0 {
            self.deltas.reserve_exact(rows);
        }
        self.default_integers(row);
        self.deltas.push(value.wrapping_sub(self.previous).cast_signed());
        self.previous = value;
    }

    /// Gives the rows before `row` that are not known the value 0.
    fn default_integers(&mut self, row: usize) {
        if self.deltas.len() < row {
            self.deltas.push(0u64.wrapping_sub(self.previous).cast_signed());
            self.deltas.resize(row, 0);
            self.previous = 0;
        }
    }

    fn string(&mut self, row: usize, value: &'a [u8], long: usize) {
        while self.index.len() < row {
            self.put(b"", long);
        }
        self.put(value, long);
    }

    /// Values of more than `long` bytes are kept once for each row, unless they repeat the row before.
    fn put(&mut self, value: &'a [u8], long: usize) {
        let repeated = self.index.last().copied().filter(|_| self.latest == value);
        let at = repeated.unwrap_or_else(|| {
            let next = self.values.len() as u32;
            let at = if value.len() > long { next } else { *self.seen.entry(value).or_insert(next) };
            if at == next {
                self.values.push(value.to_vec());
            }
            at
        });
        self.latest = value;
        self.index.push(at);
    }

    /// The column of so many rows; `None` if every one has the default.
    fn finish(mut self, number: u32, rows: usize) -> Option<Column> {
        if !self.deltas.is_empty() {
            self.default_integers(rows);
        } else if !self.index.is_empty() {
            while self.index.len() < rows {
                self.put(b"", LONG_TEXT);
            }
            if self.values.len() == self.index.len() || self.values.len() == 1 {
                self.index.clear();
            }
        } else {
            return None;
        }
        Some(Column { number, deltas: self.deltas, values: self.values, index: self.index })
    }
}

/// The records of a table, if it is of this kind. Unknown columns are passed over.
///
/// # Errors
/// [`BatchError::Shape`] where a column does not fit the number of rows.
pub fn records<R: Record>(table: &Table) -> Result<Vec<R>, BatchError> {
    let rows = rows(table)?;
    let mut out: Vec<R> = Vec::new();
    out.resize_with(rows, R::default);
    for column in &table.columns {
        let Some(i) = R::FIELDS.iter().position(|f| f.number == column.number) else { continue };
        match R::FIELDS[i].kind {
            Kind::U64 => fill(table, column, &mut out, |r, v| r.set(i, ValueRef::U64(v)))?,
            Kind::I64 => fill(table, column, &mut out, |r, v| r.set(i, ValueRef::I64(v.cast_signed())))?,
            Kind::Str => {
                let texts = texts(table, column, rows)?;
                for (r, v) in out.iter_mut().zip(texts) {
                    let text = str::from_utf8(v).map_err(|_| shape(table, column, "text is not UTF-8"))?;
                    r.set(i, ValueRef::Str(text));
                }
            }
            Kind::Bytes => {
                let texts = texts(table, column, rows)?;
                for (r, v) in out.iter_mut().zip(texts) {
                    r.set(i, ValueRef::Bytes(v));
                }
            }
        }
    }
    Ok(out)
}

/// The number of rows of a table, checked against [`MAX_ROWS`].
///
/// # Errors
/// [`BatchError::Shape`] if there are too many.
pub fn rows(table: &Table) -> Result<usize, BatchError> {
    let rows = table.rows as usize;
    if rows > MAX_ROWS {
        return Err(BatchError::Shape { table: table.name.clone(), column: 0, what: "too many rows" });
    }
    Ok(rows)
}

fn fill<R>(table: &Table, column: &Column, out: &mut [R], set: impl Fn(&mut R, u64)) -> Result<(), BatchError> {
    if column.deltas.len() != out.len() {
        return Err(shape(table, column, "as many integers as rows are needed"));
    }
    let mut value = 0u64;
    for (r, delta) in out.iter_mut().zip(&column.deltas) {
        value = value.wrapping_add(delta.cast_unsigned());
        set(r, value);
    }
    Ok(())
}

/// The byte strings of a column, one per row.
///
/// # Errors
/// [`BatchError::Shape`] where dictionary and index do not fit the number of rows.
pub fn texts<'a>(table: &Table, column: &'a Column, rows: usize) -> Result<Vec<&'a [u8]>, BatchError> {
    let values = &column.values;
    if column.index.is_empty() {
        return match values.len() {
            1 => Ok(vec![values[0].as_slice(); rows]),
            n if n == rows => Ok(values.iter().map(Vec::as_slice).collect()),
            _ => Err(shape(table, column, "as many values as rows are needed")),
        };
    }
    if column.index.len() != rows {
        return Err(shape(table, column, "as many index entries as rows are needed"));
    }
    let at = |i: &u32| values.get(*i as usize).map(Vec::as_slice).ok_or(shape(table, column, "index out of range"));
    column.index.iter().map(at).collect()
}

fn shape(table: &Table, column: &Column, what: &'static str) -> BatchError {
    BatchError::Shape { table: table.name.clone(), column: column.number, what }
}

/// Packs tables into a batch: encoded, compressed and checksummed once. The caller numbers it and fills in the account.
pub fn pack(tables: Vec<Table>) -> Batch {
    Packer::default().pack(tables)
}

/// Packs one batch after another in the same buffers: a compressor's own take longer to get than a batch to compress.
#[derive(Default)]
pub struct Packer {
    compressor: Option<zstd::bulk::Compressor<'static>>,
    raw: Vec<u8>,
}

impl Packer {
    /// See [`pack`].
    pub fn pack(&mut self, tables: Vec<Table>) -> Batch {
        let records = tables.iter().map(|t| t.rows).sum();
        let marks = tables.iter().all(|t| t.name == PathMarks::TABLE);
        let level = if marks { ZSTD_LEVEL_OF_MARKS } else { ZSTD_LEVEL };
        self.raw.clear();
        // A vector has room for everything.
        let _ = RecordSet { tables }.encode(&mut self.raw);
        if self.compressor.is_none() {
            self.compressor = zstd::bulk::Compressor::new(level).ok();
        }
        // Into a buffer of the worst-case size it cannot fail; an empty payload would be caught by the reader.
        let compress = |c: &mut zstd::bulk::Compressor<'_>| {
            c.set_compression_level(level)?;
            c.compress(&self.raw)
        };
        let payload = self.compressor.as_mut().and_then(|c| compress(c).ok()).unwrap_or_default();
        Batch {
            records,
            raw_bytes: u32::try_from(self.raw.len()).unwrap_or(u32::MAX),
            crc32c: crc32c::crc32c(&payload),
            payload: Bytes::from(payload),
            ..Batch::default()
        }
    }
}

/// Unpacks a batch.
///
/// # Errors
/// Damage, a stated size beyond [`MAX_RAW_BYTES`], or bytes that are not a record set.
pub fn unpack(batch: &Batch) -> Result<RecordSet, BatchError> {
    RecordSet::decode(raw(batch)?.as_slice()).map_err(|e| BatchError::Encoding(e.to_string()))
}

/// The bytes of a batch as they were before compression, checked.
fn raw(batch: &Batch) -> Result<Vec<u8>, BatchError> {
    let found = crc32c::crc32c(&batch.payload);
    if found != batch.crc32c {
        return Err(BatchError::Checksum { found, want: batch.crc32c });
    }
    let size = batch.raw_bytes as usize;
    if size > MAX_RAW_BYTES {
        return Err(BatchError::TooLarge(size));
    }
    let raw = zstd::bulk::decompress(&batch.payload, size).map_err(|e| BatchError::Compression(e.to_string()))?;
    if raw.len() != size {
        return Err(BatchError::Compression(format!("{} bytes instead of {size}", raw.len())));
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FlowInterval;
    use proptest::prelude::*;

    fn some(n: u64) -> FlowInterval {
        FlowInterval {
            start_ns: 1_700_000_000_000_000_000 + n,
            packets: n * n,
            src_ip: vec![10, 0, 0, (n % 3) as u8],
            run: "a".to_owned(),
            ..FlowInterval::default()
        }
    }

    #[test]
    fn records_come_back() {
        let records_in: Vec<FlowInterval> = (0..100).map(some).collect();
        let set = unpack(&pack(vec![table(&records_in)])).unwrap();
        assert_eq!(records::<FlowInterval>(&set.tables[0]).unwrap(), records_in);
    }

    #[test]
    fn rows_without_a_value_keep_their_place() {
        let rows = [(5, ""), (0, "a"), (0, ""), (7, "a"), (7, "b"), (0, "")];
        let records_in: Vec<FlowInterval> = rows
            .iter()
            .map(|(packets, run)| FlowInterval { packets: *packets, run: (*run).to_owned(), ..FlowInterval::default() })
            .collect();
        let table = table(&records_in);
        let [run, packets] = table.columns.as_slice() else { panic!("{} columns", table.columns.len()) };
        assert_eq!(packets.deltas, [5, -5, 0, 7, 0, -7]);
        assert_eq!((&run.values, &run.index), (&vec![vec![], vec![b'a'], vec![b'b']], &vec![0, 1, 0, 1, 2, 0]));
        assert_eq!(records::<FlowInterval>(&table).unwrap(), records_in);
    }

    #[test]
    fn damage_is_noticed() {
        let mut batch = pack(vec![table(&[some(1)])]);
        let mut bytes = batch.payload.to_vec();
        bytes[3] ^= 1;
        batch.payload = bytes.into();
        assert!(matches!(unpack(&batch), Err(BatchError::Checksum { .. })));
        let mut bomb = pack(vec![table(&[some(1)])]);
        bomb.raw_bytes = u32::MAX;
        assert!(matches!(unpack(&bomb), Err(BatchError::TooLarge(_))));
        let mut liar = pack(vec![table(&[some(1)])]);
        liar.raw_bytes -= 1;
        assert!(matches!(unpack(&liar), Err(BatchError::Compression(_))));
    }

    #[test]
    fn columns_that_do_not_fit_are_refused() {
        let mut t = table(&[some(1), some(2)]);
        t.rows = 3;
        assert!(matches!(records::<FlowInterval>(&t), Err(BatchError::Shape { .. })));
        t.rows = u32::MAX;
        assert!(matches!(records::<FlowInterval>(&t), Err(BatchError::Shape { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_unpack_without_panic(payload in proptest::collection::vec(any::<u8>(), 0..200), raw_bytes in 0u32..10_000) {
            let batch = Batch { crc32c: crc32c::crc32c(&payload), payload: payload.into(), raw_bytes, ..Batch::default() };
            if let Ok(set) = unpack(&batch) {
                for t in &set.tables { let _ = records::<FlowInterval>(t); }
            }
        }
    }
}
