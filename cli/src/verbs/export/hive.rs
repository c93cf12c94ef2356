//! Parquet files in the layout of Hive: `VIEW/run=LABEL/date=2026-01-31/part-0.parquet`, which pandas, polars, DuckDB and Spark
//! read as one table with the columns `run` and `date`.
//!
//! In: a whole view. Out: its files. What the path says is not in the file: readers would find it twice.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use sce_progress::{Progress, Unit};
use sce_proto::value::Kind;
use sce_proto::{Row, SelectRequest};
use serde_json::Value as Json;

use super::{Span, cannot_write, entry};
use crate::client::Client;
use crate::exit::Failure;
use crate::render::parquet;
use crate::units::grouped;

/// Rows of a file.
const PART_ROWS: usize = 1_000_000;
/// What Hive calls a partition whose value is missing; readers make it null again.
const NONE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Writes one view and returns its entry of the manifest.
pub(super) async fn write(client: &mut Client, request: SelectRequest, dir: &Path) -> Result<Json, Failure> {
    let view = request.view.clone();
    let mut stream = client.select(request).await?;
    let mut columns = std::mem::take(&mut stream.columns);
    let all = columns.clone();
    let run = columns.iter().position(|c| c.name == "run");
    let mut span = Span::new(&columns);
    let mut progress = Progress::new(&view, Unit::Of("rows"), stream.whole);
    let mut rows: Vec<Row> = Vec::new();
    // Rows by the directory that they belong to.
    let mut places: BTreeMap<String, (Span, Vec<usize>)> = BTreeMap::new();
    while let Some(some) = stream.rows().await? {
        progress.add(some.len() as u64);
        for mut row in some {
            let place = place(&view, run, &span, &row);
            let (part, indices) = places.entry(place).or_insert_with(|| (Span::new(&all), Vec::new()));
            span.add(&row);
            part.add(&row);
            if let Some(run) = run {
                row.values.remove(run);
            }
            indices.push(rows.len());
            rows.push(row);
        }
    }
    let completeness = stream.completeness()?;
    if let Some(run) = run {
        columns.remove(run);
    }
    let classes = parquet::classes(&columns, &rows);
    if places.is_empty() {
        places.insert(view.clone(), (Span::new(&all), Vec::new()));
    }
    let mut files = Vec::new();
    for (place, (whole, indices)) in &places {
        fs::create_dir_all(dir.join(place)).map_err(|e| cannot_write(dir, &e))?;
        let chunks: Vec<&[usize]> = if indices.is_empty() { vec![&[]] } else { indices.chunks(PART_ROWS).collect() };
        for (n, chunk) in chunks.iter().enumerate() {
            let name = format!("{place}/part-{n}.parquet");
            let part = dir.join(format!("{name}.part"));
            let some: Vec<Row> = chunk.iter().map(|i| std::mem::take(&mut rows[*i])).collect();
            let out = BufWriter::new(File::create(&part).map_err(|e| cannot_write(&part, &e))?);
            parquet::write(out, &columns, &classes, &some)
                .map_err(|e| Failure::new(format!("cannot write {}: {e}", part.display())))?;
            fs::rename(&part, dir.join(&name)).map_err(|e| cannot_write(&part, &e))?;
            let times = Span { rows: some.len() as u64, ..*whole };
            files.push(times.file(dir, &name)?);
        }
    }
    drop(progress);
    let s = if files.len() == 1 { "" } else { "s" };
    eprintln!("{}: {} rows in {} file{s}", dir.join(&view).display(), grouped(span.rows), files.len());
    Ok(entry(&view, span.rows, &all, &files, &completeness))
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
    use sce_proto::{ColumnInfo, Value};

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
