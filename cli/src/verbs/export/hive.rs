//! Parquet files in the layout of Hive: `VIEW/run=LABEL/date=2026-01-31/part-0.parquet`, which pandas, polars, DuckDB and Spark
//! read as one table with the columns `run` and `date`.
//!
//! In: the rows of a view as they come. Out: its files. What the path says is not in the file: readers would find it twice.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use sce_progress::{Progress, Unit};
use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, SelectRequest};
use serde_json::Value as Json;

use super::{Span, cannot_write, entry};
use crate::client::Client;
use crate::exit::Failure;
use crate::render::parquet::Spool;
use crate::units::grouped;

/// Rows of a file.
const PART_ROWS: u64 = 1_000_000;
/// What Hive calls a partition whose value is missing; readers make it null again.
const NONE: &str = "__HIVE_DEFAULT_PARTITION__";

/// What lies in one directory: what the manifest says of it, and its rows.
struct Place {
    span: Span,
    rows: Spool,
}

/// Writes one view and returns its entry of the manifest.
pub(super) async fn write(client: &mut Client, request: SelectRequest, dir: &Path) -> Result<Json, Failure> {
    let view = request.view.clone();
    let mut stream = client.select(request).await?;
    let all = std::mem::take(&mut stream.columns);
    let run = all.iter().position(|c| c.name == "run");
    let columns: Vec<ColumnInfo> = all.iter().filter(|c| c.name != "run").cloned().collect();
    let waiting = tempfile::tempdir_in(dir).map_err(|e| cannot_write(dir, &e))?;
    let mut span = Span::new(&all);
    let mut progress = Progress::new(&view, Unit::Of("rows"), stream.whole);
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let fresh =
        |n: usize| Place { span: Span::new(&columns), rows: Spool::new(waiting.path().join(n.to_string()), &columns) };
    while let Some(some) = stream.rows().await? {
        progress.add(some.len() as u64);
        for mut row in some {
            let known = places.len();
            let place = places.entry(place(&view, run, &span, &row)).or_insert_with(|| fresh(known));
            span.add(&row);
            if let Some(run) = run {
                row.values.remove(run);
            }
            place.rows.add(&row).map_err(|e| cannot_write(waiting.path(), &e))?;
        }
    }
    let completeness = stream.completeness()?;
    drop(progress);
    if places.is_empty() {
        places.insert(view.clone(), fresh(0));
    }
    let mut progress = Progress::new(format!("{view} as Parquet"), Unit::Of("rows"), Some(span.rows));
    let mut files = Vec::new();
    for (place, Place { span, rows }) in places {
        fs::create_dir_all(dir.join(&place)).map_err(|e| cannot_write(dir, &e))?;
        files.append(&mut parts(dir, &place, &columns, span, rows, &mut progress)?);
    }
    drop(progress);
    let s = if files.len() == 1 { "" } else { "s" };
    eprintln!("{}: {} rows in {} file{s}", dir.join(&view).display(), grouped(span.rows), files.len());
    Ok(entry(&view, span.rows, &all, &files, &completeness))
}

/// Writes the files of a directory and returns their entries of the manifest.
fn parts(
    dir: &Path,
    place: &str,
    columns: &[ColumnInfo],
    empty: Span,
    rows: Spool,
    progress: &mut Progress,
) -> Result<Vec<Json>, Failure> {
    let name = |n: usize| format!("{place}/part-{n}.parquet");
    let part = |n: usize| dir.join(name(n) + ".part");
    // A file ends where the next one begins.
    let spans = RefCell::new(Vec::new());
    let next = || {
        spans.borrow_mut().push(empty);
        File::create(part(spans.borrow().len() - 1)).map(BufWriter::new)
    };
    let told = |row: &Row| {
        progress.add(1);
        if let Some(span) = spans.borrow_mut().last_mut() {
            span.add(row);
        }
    };
    let failed = |e| Failure::new(format!("cannot write {}: {e}", dir.join(place).display()));
    rows.finish(columns, PART_ROWS, next, told).map_err(failed)?;
    let finished = |(n, span): (usize, Span)| {
        fs::rename(part(n), dir.join(name(n))).map_err(|e| cannot_write(&part(n), &e))?;
        span.file(dir, &name(n))
    };
    spans.into_inner().into_iter().enumerate().map(finished).collect()
}

/// The directory of a row.
fn place(view: &str, run: Option<usize>, span: &Span, row: &Row) -> String {
    let mut place = view.to_owned();
    if let Some(run) = run {
        let label = match row.values.get(run).and_then(|v| v.kind.as_ref()) {
            Some(Kind::Text(label)) if !label.is_empty() => escaped(label),
            _ => NONE.to_owned(),
        };
        place.push_str(&format!("/run={label}"));
    }
    if span.time.is_some() {
        let at = span.at(row).and_then(|ns| jiff::Timestamp::from_nanosecond(i128::from(ns)).ok());
        let date = at.map_or(NONE.to_owned(), |at| at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string());
        place.push_str(&format!("/date={date}"));
    }
    place
}

/// A label as the name of a directory: other bytes than letters, digits and `-_.` as per cent and two digits.
fn escaped(label: &str) -> String {
    let one = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
        other => format!("%{other:02X}"),
    };
    label.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sce_proto::Value;

    #[test]
    fn rows_lie_in_directories_by_run_and_day() {
        let columns = ["run", "start_ns"].map(|name| ColumnInfo { name: name.to_owned(), ..ColumnInfo::default() });
        let row = |label: &str, ns| Row {
            values: vec![Value { kind: Some(Kind::Text(label.to_owned())) }, Value { kind: Some(Kind::Unsigned(ns)) }],
        };
        let span = Span::new(&columns);
        let day = 86_400_000_000_000;
        assert_eq!(place("series", Some(0), &span, &row("a b/..", day)), "series/run=a%20b%2F../date=1970-01-02");
        assert_eq!(place("series", Some(0), &span, &row("", day - 1)), format!("series/run={NONE}/date=1970-01-01"));
        assert_eq!(place("points", None, &Span::new(&[]), &row("", 0)), "points");
    }
}
