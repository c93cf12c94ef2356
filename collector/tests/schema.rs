//! Holds migrations and lists of fields together, for both databases.
//!
//! A migration that is on the main branch is never changed: databases remember its checksum. A new field is one line
//! `ALTER TABLE ... ADD COLUMN ...;` in a new migration of each database; this test says which.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sce_collector::store::schema::{PROVENANCE, SCHEMAS, postgres_column, sqlite_column};
use sce_proto::Field;

#[test]
fn the_record_migrations_follow_the_fields() {
    follow("sqlite", "INTEGER NOT NULL", sqlite_column, &[]);
    // Facts go into daily partitions.
    follow("postgres", "bigint NOT NULL", postgres_column, &["day integer NOT NULL"]);
}

/// Compares the columns of every record table with the fields of its record.
fn follow(database: &str, provenance: &str, column: impl Fn(&Field) -> String, before: &[&str]) {
    let tables = tables(database);
    for schema in &SCHEMAS {
        let mut want: Vec<String> = before.iter().map(ToString::to_string).collect();
        want.extend(PROVENANCE.iter().map(|p| format!("{p} {provenance}")));
        want.extend(schema.fields.iter().map(&column));
        let have = tables.get(schema.table).cloned().unwrap_or_default();
        let missing: Vec<String> = want
            .iter()
            .filter(|c| !have.contains(c))
            .map(|c| format!("ALTER TABLE {} ADD COLUMN {c};", schema.table))
            .collect();
        assert!(missing.is_empty(), "a new migration for {database} is needed with\n{}", missing.join("\n"));
        let strange: Vec<&String> = have.iter().filter(|c| !want.contains(c)).collect();
        assert!(strange.is_empty(), "{database}: {} has columns that no field has: {strange:?}", schema.table);
    }
}

/// Definitions of the columns of each table, as all migrations together make them.
fn tables(database: &str) -> BTreeMap<String, Vec<String>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(database);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let mut open = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("CREATE TABLE ").and_then(|l| l.strip_suffix(" (")) {
                open = Some(name.to_owned());
            } else if line.starts_with(')') {
                open = None;
            } else if let Some(rest) = line.strip_prefix("ALTER TABLE ") {
                if let Some((name, column)) = rest.trim_end_matches(';').split_once(" ADD COLUMN ") {
                    tables.entry(name.to_owned()).or_default().push(column.to_owned());
                }
            } else if let Some(name) = &open {
                let column = line.trim().trim_end_matches(',').to_owned();
                tables.entry(name.clone()).or_default().push(column);
            }
        }
    }
    tables
}
