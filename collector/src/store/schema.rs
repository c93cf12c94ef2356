//! The tables of records, derived from the lists of fields.
//!
//! In: [`Record::FIELDS`]. Out: one [`Schema`] per record kind: name, columns, and how a row lies in time. Both databases
//! take table and column names from here, so they cannot drift apart; a test compares them to the migrations.

use sce_proto::{
    Field, FlowInterval, Kind, LossReport, ObservationPoint, PathMarks, ProbeInterval, Record, SocketSample,
    StreamInterval,
};

use crate::rows::Rows;

/// Columns in front of the record's own: which batch brought the row.
pub const PROVENANCE: [&str; 2] = ["ingest_stream", "ingest_seq"];

/// One table of records.
#[derive(Debug)]
pub struct Schema {
    /// Table name, also the record kind's name on the wire.
    pub table: &'static str,
    /// Columns behind [`PROVENANCE`].
    pub fields: &'static [Field],
    /// Where a row lies in time.
    pub time: Time,
    /// Position in [`SCHEMAS`], stored as the table's code.
    pub code: usize,
}

/// Where a row lies in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// `start_ns` and `interval_ns`; with interval 0 (whole life) `first_ns` to `last_ns`.
    Life,
    /// `start_ns` and `interval_ns`; with interval 0 it belongs to every window.
    Interval,
    /// `at_ns`.
    Instant,
    /// It belongs to every window.
    Always,
}

impl Time {
    /// SQL expression for the start of a row, ns since the epoch.
    #[must_use]
    pub fn begins(self) -> &'static str {
        match self {
            Time::Life => "CASE interval_ns WHEN 0 THEN first_ns ELSE start_ns END",
            Time::Interval => "start_ns",
            Time::Instant => "at_ns",
            Time::Always => "0",
        }
    }

    /// SQL expression for the first moment after a row, ns since the epoch.
    #[must_use]
    pub fn ends(self) -> &'static str {
        match self {
            Time::Life => "CASE interval_ns WHEN 0 THEN last_ns + 1 ELSE start_ns + interval_ns END",
            Time::Interval => "CASE interval_ns WHEN 0 THEN 9223372036854775807 ELSE start_ns + interval_ns END",
            Time::Instant => "at_ns + 1",
            Time::Always => "9223372036854775807",
        }
    }

    /// Start and end of each row, by the same rules as the SQL expressions.
    pub fn bounds(self, rows: &Rows) -> impl Iterator<Item = (i64, i64)> {
        let [start, interval, first, last, at] =
            ["start_ns", "interval_ns", "first_ns", "last_ns", "at_ns"].map(|name| rows.ints(name));
        let value = |column: Option<&[i64]>, i: usize| column.map_or(0, |c| c[i]);
        (0..rows.len).map(move |i| {
            let (start, interval) = (value(start, i), value(interval, i));
            match self {
                Time::Always => (0, i64::MAX),
                Time::Instant => (value(at, i), value(at, i).saturating_add(1)),
                Time::Life if interval == 0 => (value(first, i), value(last, i).saturating_add(1)),
                Time::Interval if interval == 0 => (start, i64::MAX),
                Time::Life | Time::Interval => (start, start.saturating_add(interval)),
            }
        })
    }

    /// Start and end of all rows together.
    #[must_use]
    pub fn span(self, rows: &Rows) -> (i64, i64) {
        self.bounds(rows).fold((i64::MAX, i64::MIN), |all, row| (all.0.min(row.0), all.1.max(row.1)))
    }
}

const fn schema<R: Record>(code: usize, time: Time) -> Schema {
    Schema { table: R::TABLE, fields: R::FIELDS, time, code }
}

/// All record tables. The order is stored in databases: append only.
pub static SCHEMAS: [Schema; 7] = [
    schema::<FlowInterval>(0, Time::Life),
    schema::<ProbeInterval>(1, Time::Interval),
    schema::<ObservationPoint>(2, Time::Always),
    schema::<PathMarks>(3, Time::Interval),
    schema::<SocketSample>(4, Time::Instant),
    schema::<LossReport>(5, Time::Instant),
    schema::<StreamInterval>(6, Time::Interval),
];

/// The schema of a record kind by its name on the wire.
#[must_use]
pub fn named(table: &str) -> Option<&'static Schema> {
    SCHEMAS.iter().find(|s| s.table == table)
}

/// The schema of a record type.
///
/// # Panics
/// Never for the records of `records.proto`: a test walks through them.
#[must_use]
pub fn of<R: Record>() -> &'static Schema {
    named(R::TABLE).expect("every record kind has a table")
}

/// The column definition of a field in SQLite.
#[must_use]
pub fn sqlite_column(field: &Field) -> String {
    let kind = match field.kind {
        Kind::U64 | Kind::I64 => "INTEGER NOT NULL DEFAULT 0",
        Kind::Str => "TEXT NOT NULL DEFAULT ''",
        Kind::Bytes => "BLOB NOT NULL DEFAULT x''",
    };
    format!("{} {kind}", field.name)
}

/// The column definition of a field in Postgres.
#[must_use]
pub fn postgres_column(field: &Field) -> String {
    let kind = match field.kind {
        Kind::U64 | Kind::I64 => "bigint NOT NULL DEFAULT 0",
        Kind::Str => "text NOT NULL DEFAULT ''",
        Kind::Bytes => "bytea NOT NULL DEFAULT ''",
    };
    format!("{} {kind}", field.name)
}
