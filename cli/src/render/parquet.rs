//! Rows as a Parquet file, for pandas, polars, DuckDB and R: columns keep their dotted names, integers stay integers.
//!
//! In: rows, some at a time. Out: one file of zstd-compressed row groups. A column's type follows from all of its values, which
//! are known when the last row came: until then rows wait in a file, so that any amount of them takes the memory of one row
//! group.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use prost::Message as _;
use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, Value};

use crate::exit::Failure;

/// Rows of a row group: what a reader unpacks at once. Fewer where rows are wide.
const GROUP_ROWS: usize = 65_536;
/// Cells of a row group, at most.
const GROUP_CELLS: usize = 1 << 20;
/// Encoded rows that wait in memory before they go to their file.
const BUFFER_BYTES: usize = 1 << 16;

/// What a column's values have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Unsigned,
    Signed,
    Real,
    Truth,
    Text,
}

/// Rows that wait for the last one. The file is open only while it is written, so that there can be many.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    waiting: Vec<u8>,
    rows: u64,
    classes: Vec<Option<Class>>,
}

impl Spool {
    /// No rows yet. `path`: a file that does not exist; it stays until its folder is removed.
    pub(crate) fn new(path: PathBuf, columns: &[ColumnInfo]) -> Spool {
        Spool { path, waiting: Vec::new(), rows: 0, classes: vec![None; columns.len()] }
    }

    /// Takes a row.
    pub(crate) fn add(&mut self, row: &Row) -> io::Result<()> {
        for (class, value) in self.classes.iter_mut().zip(&row.values) {
            if let Some(kind) = &value.kind {
                *class = Some(common(*class, kind));
            }
        }
        row.encode_length_delimited(&mut self.waiting)?;
        self.rows += 1;
        if self.waiting.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        File::options().create(true).append(true).open(&self.path)?.write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// Writes the rows as files of at most so many rows, and tells of each row what is told of it. `next` makes a file; it is
    /// called once at least.
    pub(crate) fn finish<W: Write + Send>(
        mut self,
        columns: &[ColumnInfo],
        file_rows: u64,
        mut next: impl FnMut() -> io::Result<W>,
        mut told: impl FnMut(&Row),
    ) -> Result<(), ParquetError> {
        self.flush()?;
        let mut from = BufReader::with_capacity(BUFFER_BYTES, File::open(&self.path)?);
        let classes: Vec<Class> = columns.iter().zip(&self.classes).map(|(c, class)| settled(c, *class)).collect();
        let group_rows = (GROUP_CELLS / columns.len().max(1)).clamp(1, GROUP_ROWS);
        let mut left = self.rows;
        loop {
            let mut writer = writer(next()?, columns, &classes)?;
            let mut here = left.min(file_rows);
            left -= here;
            while here > 0 {
                let rows =
                    (0..here.min(group_rows as u64)).map(|_| read(&mut from)).collect::<io::Result<Vec<Row>>>()?;
                here -= rows.len() as u64;
                rows.iter().for_each(&mut told);
                let mut group = writer.next_row_group()?;
                let mut i = 0;
                while let Some(mut column) = group.next_column()? {
                    fill(&mut column, classes[i], &rows, i)?;
                    column.close()?;
                    i += 1;
                }
                group.close()?;
            }
            writer.close()?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

/// A Parquet file on standard output.
#[derive(Debug)]
pub(crate) struct Pipe {
    columns: Vec<ColumnInfo>,
    spool: Spool,
    /// Where the rows wait; it goes with the pipe.
    _dir: tempfile::TempDir,
}

impl Pipe {
    /// No rows yet. A terminal would make nothing of them.
    pub(crate) fn new(columns: &[ColumnInfo]) -> Result<Pipe, Failure> {
        if io::stdout().is_terminal() {
            return Err(Failure::usage("-o parquet makes a file: add > FILE.parquet"));
        }
        let dir = tempfile::tempdir().map_err(|e| failed(&e))?;
        Ok(Pipe { columns: columns.to_vec(), spool: Spool::new(dir.path().join("rows"), columns), _dir: dir })
    }

    /// Takes a row.
    pub(crate) fn row(&mut self, row: &Row) -> Result<(), Failure> {
        self.spool.add(row).map_err(|e| failed(&e))
    }

    /// Writes the file; says how many rows it has.
    pub(crate) fn finish(self) -> Result<u64, Failure> {
        let rows = self.spool.rows;
        self.spool.finish(&self.columns, u64::MAX, || Ok(io::stdout()), |_| ()).map_err(|e| failed(&e))?;
        Ok(rows)
    }
}

fn failed(why: &dyn std::error::Error) -> Failure {
    Failure::new(format!("cannot write Parquet: {why}"))
}

/// The next row that waits.
fn read(from: &mut impl io::BufRead) -> io::Result<Row> {
    let mut length = Vec::with_capacity(10);
    loop {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        length.push(byte[0]);
        if byte[0] < 0x80 {
            break;
        }
    }
    let mut row = vec![0; prost::decode_length_delimiter(length.as_slice())?];
    from.read_exact(&mut row)?;
    Ok(Row::decode(row.as_slice())?)
}

fn writer<W: Write + Send>(
    out: W,
    columns: &[ColumnInfo],
    classes: &[Class],
) -> Result<SerializedFileWriter<W>, ParquetError> {
    let mut fields = Vec::new();
    for (column, class) in columns.iter().zip(classes) {
        let (physical, logical) = match class {
            Class::Unsigned => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Class::Signed => (Physical::INT64, None),
            Class::Real => (Physical::DOUBLE, None),
            Class::Truth => (Physical::BOOLEAN, None),
            Class::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(&column.name, physical);
        fields.push(Arc::new(field.with_logical_type(logical).with_repetition(Repetition::OPTIONAL).build()?));
    }
    let schema = Type::group_type_builder("row").with_fields(fields).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
}

/// The class of the values so far and one more.
fn common(before: Option<Class>, kind: &Kind) -> Class {
    let one = match kind {
        Kind::Unsigned(_) => Class::Unsigned,
        Kind::Signed(_) => Class::Signed,
        Kind::Real(_) => Class::Real,
        Kind::Truth(_) => Class::Truth,
        Kind::Text(_) | Kind::List(_) => Class::Text,
    };
    match (before, one) {
        (None, one) => one,
        (Some(a), b) if a == b => a,
        (Some(Class::Unsigned), Class::Signed) | (Some(Class::Signed), Class::Unsigned) => Class::Signed,
        (Some(Class::Real | Class::Unsigned | Class::Signed), Class::Real | Class::Unsigned | Class::Signed) => {
            Class::Real
        }
        _ => Class::Text,
    }
}

/// The class of a column; of one without any value: a number if it has a unit.
fn settled(column: &ColumnInfo, class: Option<Class>) -> Class {
    class.unwrap_or(if column.unit.is_empty() { Class::Text } else { Class::Unsigned })
}

fn fill(column: &mut SerializedColumnWriter<'_>, class: Class, rows: &[Row], i: usize) -> Result<(), ParquetError> {
    let cells: Vec<&Value> = rows.iter().filter_map(|r| r.values.get(i)).collect();
    let levels: Vec<i16> = cells.iter().map(|v| i16::from(v.kind.is_some())).collect();
    let kinds = cells.iter().filter_map(|v| v.kind.as_ref());
    match class {
        Class::Unsigned | Class::Signed => {
            let values: Vec<i64> = kinds.map(integer).collect();
            column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        }
        Class::Real => {
            let values: Vec<f64> = kinds.map(real).collect();
            column.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        }
        Class::Truth => {
            let values: Vec<bool> = kinds.map(|k| matches!(k, Kind::Truth(true))).collect();
            column.typed::<BoolType>().write_batch(&values, Some(&levels), None)?;
        }
        Class::Text => {
            let values: Vec<ByteArray> = kinds.map(|k| ByteArray::from(text(k).as_str())).collect();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
    }
    Ok(())
}

/// The bits of an integer: the logical type says whether they are signed.
fn integer(kind: &Kind) -> i64 {
    match kind {
        Kind::Unsigned(n) => n.cast_signed(),
        Kind::Signed(n) => *n,
        _ => 0,
    }
}

fn real(kind: &Kind) -> f64 {
    match kind {
        Kind::Real(r) => *r,
        Kind::Unsigned(n) => *n as f64,
        Kind::Signed(n) => *n as f64,
        _ => f64::NAN,
    }
}

fn text(kind: &Kind) -> String {
    match kind {
        Kind::Text(t) => t.clone(),
        Kind::Unsigned(n) => n.to_string(),
        Kind::Signed(n) => n.to_string(),
        Kind::Real(r) => r.to_string(),
        Kind::Truth(t) => t.to_string(),
        Kind::List(l) => l.values.iter().filter_map(|v| v.kind.as_ref()).map(text).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Answer;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, RowAccessor};

    #[test]
    fn what_was_written_is_read_back() {
        let column =
            |name: &str, unit: &str| ColumnInfo { name: name.into(), unit: unit.into(), ..ColumnInfo::default() };
        let value = |kind| Value { kind: Some(kind) };
        let row = |flow: &str, packets, share: Option<f64>| Row {
            values: vec![
                value(Kind::Text(flow.to_owned())),
                value(Kind::Unsigned(packets)),
                Value { kind: share.map(Kind::Real) },
                Value { kind: None },
            ],
        };
        let answer = Answer {
            columns: vec![
                column("flow", ""),
                column("up.packets", "packets"),
                column("share", "ratio"),
                column("owd_ns", "ns"),
            ],
            rows: vec![row("3f", 7, Some(0.5)), row("a0", u64::MAX, None)],
            ..Answer::default()
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("flows.parquet");
        let mut spool = Spool::new(dir.path().join("rows"), &answer.columns);
        answer.rows.iter().for_each(|row| spool.add(row).unwrap());
        spool.finish(&answer.columns, u64::MAX, || File::create(&path), |_| ()).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].get_string(0).unwrap(), "3f");
        assert_eq!(rows[0].get_ulong(1).unwrap(), 7);
        assert_eq!(rows[1].get_ulong(1).unwrap(), u64::MAX);
        assert_eq!(rows[0].get_double(2).unwrap(), 0.5);
        let last: Vec<Field> = rows[1].get_column_iter().skip(2).map(|c| c.1.clone()).collect();
        assert_eq!(last, [Field::Null, Field::Null]);
    }

    #[test]
    fn rows_that_went_to_the_disk_come_back_in_files_of_the_size_asked_for() {
        let columns = [ColumnInfo { name: "n".to_owned(), ..ColumnInfo::default() }];
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(dir.path().join("rows"), &columns);
        let rows = 2 * GROUP_ROWS as u64 + 3;
        for n in 0..rows {
            // The type of the column is known only at the end.
            let kind = if n + 1 < rows { Kind::Unsigned(n) } else { Kind::Real(0.5) };
            spool.add(&Row { values: vec![Value { kind: Some(kind) }] }).unwrap();
        }
        let (mut files, mut told) = (0, 0);
        let next = || {
            files += 1;
            File::create(dir.path().join(format!("{files}.parquet")))
        };
        spool.finish(&columns, rows - 2, next, |_| told += 1).unwrap();
        assert_eq!((files, told), (2, rows));
        let open = |n| SerializedFileReader::new(File::open(dir.path().join(format!("{n}.parquet"))).unwrap()).unwrap();
        let (first, second) = (open(1), open(2));
        assert_eq!((first.num_row_groups(), first.metadata().file_metadata().num_rows()), (3, rows.cast_signed() - 2));
        let last: Vec<f64> = second.get_row_iter(None).unwrap().map(|r| r.unwrap().get_double(0).unwrap()).collect();
        assert_eq!(last, [(rows - 2) as f64, 0.5]);
    }
}
