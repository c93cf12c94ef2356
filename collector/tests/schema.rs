//! Holds migrations and lists of fields together, for both databases.
//!
//! `UPDATE=1 cargo test -p sce-collector --test schema` rewrites the migrations of the record tables. That is allowed until
//! the first release; afterwards a new field is an `ALTER TABLE ... ADD COLUMN` line in a new migration.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::fmt::Write as _;
use std::path::Path;

use sce_collector::store::schema::{PROVENANCE, SCHEMAS, Schema, Time, postgres_column, sqlite_column};
use sce_proto::Field;

#[test]
fn the_record_migrations_follow_the_fields() {
    settle("sqlite", &render(sqlite));
    settle("postgres", &render(postgres));
}

fn render(table: impl Fn(&Schema) -> String) -> String {
    let head = "-- The record tables: the fields of sce/v1/records.proto behind the batch that brought each row.\n\
                -- Written by collector/tests/schema.rs.\n";
    SCHEMAS.iter().fold(String::from(head), |text, schema| text + "\n" + &table(schema))
}

fn columns(provenance: &str, fields: &[Field], column: impl Fn(&Field) -> String) -> String {
    let mut lines: Vec<String> = PROVENANCE.iter().map(|p| format!("    {p} {provenance}")).collect();
    lines.extend(fields.iter().map(|f| format!("    {}", column(f))));
    lines.join(",\n")
}

fn sqlite(schema: &Schema) -> String {
    let columns = columns("INTEGER NOT NULL", schema.fields, sqlite_column);
    format!("CREATE TABLE {} (\n{columns}\n) STRICT;\n", schema.table)
}

/// Facts go into daily partitions by `day` (days since the epoch); the few rows that belong to every window into one table.
fn postgres(schema: &Schema) -> String {
    let columns = columns("bigint NOT NULL", schema.fields, postgres_column);
    let mut text = format!("CREATE TABLE {} (\n    day integer NOT NULL,\n{columns}\n)", schema.table);
    if schema.time == Time::Always {
        text.push_str(";\n");
    } else {
        let _ = writeln!(text, " PARTITION BY RANGE (day);");
    }
    text
}

/// Compares, or with `UPDATE=1` writes.
fn settle(database: &str, new: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(database).join("0002_records.sql");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, new).unwrap();
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(old == new, "{} is out of date: run UPDATE=1 cargo test -p sce-collector --test schema", path.display());
}
