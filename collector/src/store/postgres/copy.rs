//! Rows as binary `COPY` data.
//!
//! In: columns. Out: the bytes that Postgres takes: a header, then per row the number of fields and each with its length.

use crate::rows::{Data, Rows};
use crate::store::schema::PROVENANCE;

use super::partition::day;

/// Signature, no flags, no header extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// `COPY table (columns) FROM STDIN`: the columns that the rows have; the others take their defaults.
pub(super) fn statement(rows: &Rows) -> String {
    let own = rows.columns.iter().map(|c| rows.schema.fields[c.field].name);
    let columns: Vec<&str> = ["day"].into_iter().chain(PROVENANCE).chain(own).collect();
    format!("COPY {} ({}) FROM STDIN (FORMAT BINARY)", rows.schema.table, columns.join(","))
}

/// The data for [`statement`], of rows that came at `now_ns`.
pub(super) fn data(rows: &Rows, stream: i64, seq: u64, now_ns: i64) -> Vec<u8> {
    let fields = (rows.columns.len() + 3) as i16;
    let mut out = Vec::with_capacity(HEADER.len() + rows.len * (rows.columns.len() * 12 + 40));
    out.extend_from_slice(HEADER);
    for (row, bounds) in rows.schema.time.bounds(rows).enumerate() {
        out.extend_from_slice(&fields.to_be_bytes());
        put(&mut out, &day(rows.schema.time, bounds, now_ns).to_be_bytes());
        put(&mut out, &stream.to_be_bytes());
        put(&mut out, &seq.to_be_bytes());
        for column in &rows.columns {
            match &column.data {
                Data::Ints(v) => put(&mut out, &v[row].to_be_bytes()),
                Data::Texts(v, index) => put(&mut out, v[index[row] as usize].as_bytes()),
                Data::Blobs(v, index) => put(&mut out, &v[index[row] as usize]),
            }
        }
    }
    out.extend_from_slice(&(-1i16).to_be_bytes());
    out
}

fn put(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(&(value.len() as i32).to_be_bytes());
    out.extend_from_slice(value);
}
