//! `export`: views as files, and a manifest that says what they hold.
//!
//! In: a window and a directory. Out: one CSV or NDJSON file a view, or a directory of Parquet files in the layout of Hive, and
//! `manifest.json` with columns, units, rows, checksums, times and completeness. Rows are written as they come, so that any
//! amount takes little memory. A file that was not finished keeps the name `.part`.

#[cfg(feature = "parquet")]
mod hive;

use std::fs::{self, File};
use std::io::{BufWriter, Read};
use std::path::Path;

use sce_progress::{Progress, Unit};
use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Completeness, Row, SelectRequest};
use serde_json::{Value as Json, json};

use crate::args::{ExportArgs, FileFormat, Format, Output};
use crate::client::Client;
use crate::exit::Failure;
use crate::render::Printer;
use crate::render::machine::Writer;
use crate::time;
use crate::units::grouped;

/// Columns that place a row in time, the first that a view has.
const TIMES: [&str; 4] = ["start_ns", "at_ns", "first_ns", "time_ns"];

/// Writes the files.
pub(crate) async fn run(client: &mut Client, args: &ExportArgs) -> Result<(), Failure> {
    let now = jiff::Zoned::now();
    let window = time::window(args.window.times.since.as_deref(), args.window.times.until.as_deref(), &now)?;
    prepare(&args.out)?;
    let (format, extension) = match args.format {
        FileFormat::Csv => (Format::Csv, "csv"),
        FileFormat::Ndjson => (Format::Ndjson, "ndjson"),
        // Parquet has a writer of its own, which looks at no text format.
        #[cfg(feature = "parquet")]
        FileFormat::Parquet => (Format::Csv, "parquet"),
    };
    let printer =
        Printer { format, ..Printer::new(&Output { time: None, ..Output::default_for_figures() }, now.clone()) };
    let printer = Printer { style: crate::render::cell::Style { time: None, ..printer.style }, ..printer };
    let mut views = Vec::new();
    for view in &args.views {
        let request = SelectRequest {
            view: view.clone(),
            since_ns: window.since_ns,
            until_ns: window.until_ns,
            run: args.window.run.clone().unwrap_or_default(),
            filter: args.filter.join(" "),
            ..SelectRequest::default()
        };
        views.push(match args.format {
            FileFormat::Csv | FileFormat::Ndjson => {
                one(client, request, &printer, &args.out, &format!("{view}.{extension}")).await?
            }
            #[cfg(feature = "parquet")]
            FileFormat::Parquet => hive::write(client, request, &args.out).await?,
        });
    }
    let manifest = json!({
        "schema": 2,
        "made_by": format!("sce-cli {}", env!("CARGO_PKG_VERSION")),
        "since_ns": window.since_ns,
        "until_ns": window.until_ns,
        "run": args.window.run,
        "filter": args.filter.join(" "),
        "views": views,
    });
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
    fs::write(args.out.join("manifest.json"), text + "\n").map_err(|e| cannot_write(&args.out, &e))
}

/// Makes the directory. Files that are there already are somebody's data.
fn prepare(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|e| cannot_write(dir, &e))?;
    let mut entries = fs::read_dir(dir).map_err(|e| cannot_write(dir, &e))?;
    if entries.next().is_some() {
        return Err(Failure::usage(format!(
            "{} is not empty: name another directory, so that nothing is overwritten",
            dir.display()
        )));
    }
    Ok(())
}

fn cannot_write(path: &Path, e: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write to {}: {e}", path.display()))
}

/// Writes one view and returns its entry of the manifest.
async fn one(
    client: &mut Client,
    request: SelectRequest,
    printer: &Printer,
    dir: &Path,
    name: &str,
) -> Result<Json, Failure> {
    let view = request.view.clone();
    let (part, path) = (dir.join(format!("{name}.part")), dir.join(name));
    let mut stream = client.select(request).await?;
    let columns = std::mem::take(&mut stream.columns);
    let out = BufWriter::new(File::create(&part).map_err(|e| cannot_write(&part, &e))?);
    let mut writer =
        Writer::new(out, printer.format, &columns, &printer.style, true).map_err(|e| cannot_write(&part, &e))?;
    let mut progress = Progress::new(name, Unit::Of("rows"), stream.whole);
    let mut span = Span::new(&columns);
    while let Some(some) = stream.rows().await? {
        for row in &some {
            writer.row(row).map_err(|e| cannot_write(&part, &e))?;
            span.add(row);
        }
        progress.add(some.len() as u64);
    }
    writer.finish().map_err(|e| cannot_write(&part, &e))?;
    let completeness = stream.completeness()?;
    fs::rename(&part, &path).map_err(|e| cannot_write(&path, &e))?;
    drop(progress);
    eprintln!("{}: {} rows", path.display(), grouped(span.rows));
    let files = vec![span.file(dir, name)?];
    Ok(entry(&view, span.rows, &columns, &files, &completeness))
}

/// Rows of a file and the time that they cover.
#[derive(Debug, Clone, Copy)]
struct Span {
    time: Option<usize>,
    rows: u64,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
}

impl Span {
    fn new(columns: &[ColumnInfo]) -> Span {
        let time = TIMES.iter().find_map(|t| columns.iter().position(|c| c.name == *t));
        Span { time, rows: 0, first_ns: None, last_ns: None }
    }

    /// The time of a row; none where the view has no single one for it.
    fn at(&self, row: &Row) -> Option<u64> {
        match row.values.get(self.time?)?.kind {
            Some(Kind::Unsigned(ns)) if ns > 0 => Some(ns),
            _ => None,
        }
    }

    fn add(&mut self, row: &Row) {
        self.rows += 1;
        if let Some(ns) = self.at(row) {
            self.first_ns = Some(self.first_ns.map_or(ns, |first| first.min(ns)));
            self.last_ns = Some(self.last_ns.map_or(ns, |last| last.max(ns)));
        }
    }

    /// The entry of a finished file.
    fn file(&self, dir: &Path, name: &str) -> Result<Json, Failure> {
        let path = dir.join(name);
        let (bytes, sha256) =
            checksum(&path).map_err(|e| Failure::new(format!("cannot read {}: {e}", path.display())))?;
        Ok(json!({
            "file": name, "rows": self.rows, "bytes": bytes, "sha256": sha256,
            "first_ns": self.first_ns, "last_ns": self.last_ns,
        }))
    }
}

/// Size and SHA-256 (FIPS 180-4) of a file.
fn checksum(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut sum = ring::digest::Context::new(&ring::digest::SHA256);
    let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        sum.update(&buffer[..n]);
        bytes += n as u64;
    }
    Ok((bytes, sum.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect()))
}

/// A view's entry of the manifest.
fn entry(view: &str, rows: u64, columns: &[ColumnInfo], files: &[Json], completeness: &Completeness) -> Json {
    let about = |c: &ColumnInfo| json!({ "name": c.name, "unit": c.unit, "help": c.help });
    json!({
        "view": view,
        "rows": rows,
        "columns": columns.iter().map(about).collect::<Vec<_>>(),
        "files": files,
        "completeness": completeness_json(completeness),
    })
}

fn completeness_json(c: &Completeness) -> Json {
    let probes =
        c.probes.iter().map(|p| json!({ "probe": p.probe, "newest_ns": p.newest_ns, "connected": p.connected }));
    json!({
        "lost_records": c.lost_records,
        "lost_frames": c.lost_frames,
        "kernel_drops": c.kernel_drops,
        "other_packets": c.other_packets,
        "oldest_ns": c.oldest_ns,
        "probes": probes.collect::<Vec<_>>(),
        "notes": c.notes,
    })
}
