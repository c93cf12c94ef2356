//! Rows as a Parquet file, for pandas, polars, DuckDB and R: columns keep their dotted names, integers stay integers.
//!
//! In: rows. Out: one file of zstd-compressed row groups. A column's type follows from its values: files that belong together
//! take the types of all their rows.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, Value};

/// Rows of a row group: what a reader unpacks at once.
const GROUP_ROWS: usize = 65_536;

/// What a column's values have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Unsigned,
    Signed,
    Real,
    Truth,
    Text,
}

/// The types of the columns of these rows.
pub(crate) fn classes(columns: &[ColumnInfo], rows: &[Row]) -> Vec<Class> {
    (0..columns.len()).map(|i| class(&columns[i], rows, i)).collect()
}

/// Writes rows.
pub(crate) fn write(
    out: impl Write + Send,
    columns: &[ColumnInfo],
    classes: &[Class],
    rows: &[Row],
) -> Result<(), ParquetError> {
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
    let mut writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
    for rows in rows.chunks(GROUP_ROWS) {
        let mut group = writer.next_row_group()?;
        let mut i = 0;
        while let Some(mut column) = group.next_column()? {
            fill(&mut column, classes[i], rows, i)?;
            column.close()?;
            i += 1;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// The class of a column's values; of a column without any: a number if it has a unit.
fn class(column: &ColumnInfo, rows: &[Row], i: usize) -> Class {
    let mut seen: Option<Class> = None;
    for kind in rows.iter().filter_map(|r| r.values.get(i)?.kind.as_ref()) {
        let one = match kind {
            Kind::Unsigned(_) => Class::Unsigned,
            Kind::Signed(_) => Class::Signed,
            Kind::Real(_) => Class::Real,
            Kind::Truth(_) => Class::Truth,
            Kind::Text(_) | Kind::List(_) => Class::Text,
        };
        seen = Some(match (seen, one) {
            (None, one) => one,
            (Some(a), b) if a == b => a,
            (Some(Class::Unsigned), Class::Signed) | (Some(Class::Signed), Class::Unsigned) => Class::Signed,
            (Some(Class::Real | Class::Unsigned | Class::Signed), Class::Real | Class::Unsigned | Class::Signed) => {
                Class::Real
            }
            _ => Class::Text,
        });
    }
    seen.unwrap_or(if column.unit.is_empty() { Class::Text } else { Class::Unsigned })
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
    use std::fs::File;

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
        let classes = classes(&answer.columns, &answer.rows);
        write(File::create(&path).unwrap(), &answer.columns, &classes, &answer.rows).unwrap();
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
}
