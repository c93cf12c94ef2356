//! `export`: views as files, and a manifest that says what they hold.
//!
//! In: a window and a directory. Out: one file a view and `manifest.json` with columns, units, rows and completeness. Rows
//! are written as they come, so that any amount takes little memory (Parquet needs a whole view for its types). A file that was not finished keeps the name `.part`.

use std::fs::{self, File};
use std::io::{BufWriter, IsTerminal};
use std::path::Path;
use std::time::{Duration, Instant};

use sce_proto::{Completeness, SelectRequest};
use serde_json::{Value as Json, json};

use crate::args::{ExportArgs, FileFormat, Format, Output};
use crate::client::Client;
use crate::exit::Failure;
use crate::render::Printer;
use crate::render::machine::Writer;
use crate::time;
use crate::units::grouped;

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
    let mut files = Vec::new();
    for view in &args.views {
        let request = SelectRequest {
            view: view.clone(),
            since_ns: window.since_ns,
            until_ns: window.until_ns,
            run: args.window.run.clone().unwrap_or_default(),
            filter: args.filter.join(" "),
            ..SelectRequest::default()
        };
        let name = format!("{view}.{extension}");
        files.push(match args.format {
            FileFormat::Csv | FileFormat::Ndjson => one(client, request, &printer, &args.out, &name).await?,
            #[cfg(feature = "parquet")]
            FileFormat::Parquet => whole(client, request, &args.out, &name).await?,
        });
    }
    let manifest = json!({
        "schema": 1,
        "made_by": format!("sce-cli {}", env!("CARGO_PKG_VERSION")),
        "since_ns": window.since_ns,
        "until_ns": window.until_ns,
        "run": args.window.run,
        "filter": args.filter.join(" "),
        "files": files,
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
    let (mut rows, mut told) = (0u64, Instant::now());
    let terminal = std::io::stderr().is_terminal();
    while let Some(some) = stream.rows().await? {
        for row in &some {
            writer.row(row).map_err(|e| cannot_write(&part, &e))?;
        }
        rows += some.len() as u64;
        if terminal && told.elapsed() > Duration::from_millis(200) {
            eprint!("\r{name}: {} rows", grouped(rows));
            told = Instant::now();
        }
    }
    writer.finish().map_err(|e| cannot_write(&part, &e))?;
    let completeness = stream.completeness()?;
    fs::rename(&part, &path).map_err(|e| cannot_write(&path, &e))?;
    let back = if terminal { "\r" } else { "" };
    eprintln!("{back}{}: {} rows", path.display(), grouped(rows));
    Ok(entry(&view, name, rows, &columns, &completeness))
}

/// Writes one view as Parquet, which needs all of it to know its types.
#[cfg(feature = "parquet")]
async fn whole(client: &mut Client, request: SelectRequest, dir: &Path, name: &str) -> Result<Json, Failure> {
    let view = request.view.clone();
    let (part, path) = (dir.join(format!("{name}.part")), dir.join(name));
    let answer = client.all(request).await?;
    crate::render::parquet::write(&part, &answer)
        .map_err(|e| Failure::new(format!("cannot write {}: {e}", part.display())))?;
    fs::rename(&part, &path).map_err(|e| cannot_write(&path, &e))?;
    let rows = answer.rows.len() as u64;
    eprintln!("{}: {} rows", path.display(), grouped(rows));
    Ok(entry(&view, name, rows, &answer.columns, &answer.completeness))
}

/// A file's entry of the manifest.
fn entry(view: &str, name: &str, rows: u64, columns: &[sce_proto::ColumnInfo], completeness: &Completeness) -> Json {
    let about = |c: &sce_proto::ColumnInfo| json!({ "name": c.name, "unit": c.unit, "help": c.help });
    json!({
        "view": view,
        "file": name,
        "rows": rows,
        "columns": columns.iter().map(about).collect::<Vec<_>>(),
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
