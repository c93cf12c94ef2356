//! A batch of which only some columns are read.
//!
//! In: a batch and which columns are wanted. Out: a record set without the others.

use bytes::Bytes;
use prost::Message;

use super::{BatchError, raw};
use crate::{Batch, Column, RecordSet, Table};

/// Unpacks a batch with some of its columns: those of which table and number are wanted. The others are passed over unread,
/// which is most of the work where a record has hundreds.
///
/// # Errors
/// As [`super::unpack`].
pub fn unpack_some(batch: &Batch, wanted: impl Fn(&str, u32) -> bool) -> Result<RecordSet, BatchError> {
    let encoding = |e: prost::DecodeError| BatchError::Encoding(e.to_string());
    let set = Unread::decode(Bytes::from(raw(batch)?)).map_err(encoding)?;
    let table = |table: UnreadTable| {
        let mut columns = Vec::new();
        for bytes in table.columns {
            if wanted(&table.name, Number::decode(bytes.clone()).map_err(encoding)?.number) {
                columns.push(Column::decode(bytes).map_err(encoding)?);
            }
        }
        Ok(Table { name: table.name, rows: table.rows, columns })
    };
    Ok(RecordSet { tables: set.tables.into_iter().map(table).collect::<Result<_, _>>()? })
}

/// A [`RecordSet`] whose columns are still bytes.
#[derive(Clone, PartialEq, Message)]
struct Unread {
    #[prost(message, repeated, tag = "1")]
    tables: Vec<UnreadTable>,
}

/// A [`Table`] whose columns are still bytes.
#[derive(Clone, PartialEq, Message)]
struct UnreadTable {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "2")]
    rows: u32,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    columns: Vec<Bytes>,
}

/// What is looked at of a [`Column`] before it is read.
#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(uint32, tag = "1")]
    number: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{pack, table, unpack};
    use crate::{FlowInterval, Record};

    #[test]
    fn columns_that_are_not_wanted_are_left_out() {
        let record =
            |n: u64| FlowInterval { packets: n * n, start_ns: n, src_port: 7, flow: n, ..FlowInterval::default() };
        let batch = pack(vec![table(&(1..100).map(record).collect::<Vec<_>>())]);
        let all = unpack(&batch).unwrap();
        let mut want = all.clone();
        want.tables[0].columns.retain(|c| c.number % 2 == 0);
        assert!(!want.tables[0].columns.is_empty() && want != all);
        assert_eq!(unpack_some(&batch, |name, n| name == FlowInterval::TABLE && n % 2 == 0).unwrap(), want);
        assert_eq!(unpack_some(&batch, |_, _| true).unwrap(), all);
    }
}
