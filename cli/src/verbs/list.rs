//! Listing a view: `flows`, `paths`, `verify`, `probes` and their kin differ only in the view's name.

use std::collections::HashMap;
use std::io::{self, BufWriter, IsTerminal, Write as _};
use std::time::Duration;

use sce_progress::{Progress, Unit};
use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Completeness, Row, SelectRequest};

#[cfg(feature = "parquet")]
use crate::args::Format;
use crate::args::{Listing, Output, Select, Times, WindowArgs};
use crate::client::{Client, Stream};
use crate::columns;
use crate::exit::{Failure, code};
use crate::footer::Footer;
use crate::render::Printer;
use crate::render::machine::Writer;
#[cfg(feature = "parquet")]
use crate::render::parquet::Pipe;
use crate::time::{self, Window};

/// Rows of a table unless `--limit` says otherwise: more is not read by people.
const TABLE_ROWS: u64 = 1000;
/// How far `--follow` stays behind the present where no probe is connected: late records need this long to arrive.
const FOLLOW_LAG_NS: u64 = 5_000_000_000;

/// Lists a view.
pub(crate) async fn run(client: &mut Client, view: &str, flow: Option<&str>, args: &Listing) -> Result<(), Failure> {
    ask(client, view, flow, &HashMap::new(), args).await
}

/// Lists a view that takes further options.
pub(crate) async fn with(
    client: &mut Client,
    view: &str,
    options: &HashMap<String, String>,
    args: &Listing,
) -> Result<(), Failure> {
    ask(client, view, None, options, args).await
}

async fn ask(
    client: &mut Client,
    view: &str,
    flow: Option<&str>,
    options: &HashMap<String, String>,
    args: &Listing,
) -> Result<(), Failure> {
    let now = jiff::Zoned::now();
    let known = client.describe(view).await?;
    let (about, known) = known.map(|k| (k.help, k.columns)).unwrap_or_default();
    if args.output.columns.as_deref() == Some("help") {
        io::stdout().write_all(columns::help(view, &about, &known).as_bytes())?;
        return Ok(());
    }
    let mut request = request(view, &args.select, &known, &args.output, &now)?;
    request.flow = flow.unwrap_or_default().to_owned();
    request.options.clone_from(options);
    if args.explain {
        request.options.insert("explain".to_owned(), "true".to_owned());
    }
    if args.follow.follow {
        return follow(client, request, args).await;
    }
    let answered = answer(client, request, args.select.last.is_some(), &args.output, true).await?;
    answered.footer(view, &args.output)
}

/// The question that the options ask.
pub(crate) fn request(
    view: &str,
    select: &Select,
    known: &[ColumnInfo],
    output: &Output,
    now: &jiff::Zoned,
) -> Result<SelectRequest, Failure> {
    let WindowArgs { times: Times { since, until }, run } = &select.window;
    let Window { since_ns, until_ns } = time::window(since.as_deref(), until.as_deref(), now)?;
    let default_limit = if output.output.is_table() { TABLE_ROWS } else { 0 };
    let mut request = SelectRequest {
        view: view.to_owned(),
        since_ns,
        until_ns,
        run: run.clone().unwrap_or_default(),
        filter: select.filter.join(" "),
        columns: columns::wanted(output.columns.as_deref(), known, output.output)?,
        sort: select.sort.clone(),
        limit: select.limit.unwrap_or(default_limit),
        ..SelectRequest::default()
    };
    // The exit code of an audit rests on this column, whatever else is shown.
    let balanced = "balanced".to_owned();
    if view == "audit" && !request.columns.is_empty() && !request.columns.contains(&balanced) {
        request.columns.push(balanced);
    }
    if let Some(last) = select.last {
        let time =
            ["last_ns", "at_ns", "start_ns", "newest_ns"].into_iter().find(|t| known.iter().any(|c| c.name == *t));
        let Some(time) = time else {
            return Err(Failure::usage(format!("--last: {view} has no time to sort by; use --sort and --limit")));
        };
        request.sort = vec![format!("-{time}")];
        request.limit = last;
    }
    Ok(request)
}

/// What was printed, for the footer.
pub(crate) struct Answered {
    shown: u64,
    hidden: Vec<String>,
    completeness: Completeness,
    since_ns: u64,
    unbalanced: bool,
    printer: Printer,
}

impl Answered {
    /// Prints the footer and settles the exit code.
    pub(crate) fn footer(&self, view: &str, output: &Output) -> Result<(), Failure> {
        let footer = Footer {
            noun: noun(view),
            shown: self.shown,
            hidden: &self.hidden,
            completeness: &self.completeness,
            since_ns: self.since_ns,
            style: &self.printer.style,
        };
        footer.print(output);
        if view == "audit" && self.unbalanced {
            return Err(Failure {
                code: code::UNBALANCED,
                text: "the accounts do not balance: packets or records are missing that no report explains".to_owned(),
            });
        }
        footer.verdict(output)
    }
}

/// Asks and prints one answer.
pub(crate) async fn answer(
    client: &mut Client,
    request: SelectRequest,
    oldest_first: bool,
    output: &Output,
    headers: bool,
) -> Result<Answered, Failure> {
    let since_ns = request.since_ns;
    let mut printer = Printer::new(output, jiff::Zoned::now());
    printer.headers &= headers;
    let view = request.view.clone();
    let mut stream = client.select(request).await?;
    // Rows on the screen are progress enough.
    let mut progress = Progress::new(view, Unit::Of("rows"), stream.whole).unless(io::stdout().is_terminal());
    let balance = stream.columns.iter().position(|c| c.name == "balanced");
    let mut unbalanced = false;
    let mut look = |row: &Row| {
        progress.add(1);
        unbalanced |= balance.and_then(|i| row.values.get(i)).is_some_and(|v| v.kind == Some(Kind::Truth(false)));
    };
    let (shown, hidden) = if printer.format.is_table() || oldest_first {
        let columns = std::mem::take(&mut stream.columns);
        let mut rows = Vec::new();
        while let Some(some) = stream.rows().await? {
            some.iter().for_each(&mut look);
            rows.extend(some);
        }
        if oldest_first {
            rows.reverse();
        }
        print_rows(&printer, &columns, &rows)?
    } else {
        (print_stream(&printer, &mut stream, look).await?, Vec::new())
    };
    drop(progress);
    let completeness = stream.completeness()?;
    Ok(Answered { shown, hidden, completeness, since_ns, unbalanced, printer })
}

/// Prints rows that are all there.
pub(crate) fn print_rows(
    printer: &Printer,
    columns: &[ColumnInfo],
    rows: &[Row],
) -> Result<(u64, Vec<String>), Failure> {
    if printer.format.is_table() {
        let (text, hidden) = printer.table(columns, rows);
        printer.show(&text)?;
        return Ok((rows.len() as u64, hidden));
    }
    #[cfg(feature = "parquet")]
    if printer.format == Format::Parquet {
        let mut file = Pipe::new(columns)?;
        rows.iter().try_for_each(|row| file.row(row))?;
        return Ok((file.finish()?, Vec::new()));
    }
    let out = BufWriter::new(io::stdout().lock());
    let mut writer = Writer::new(out, printer.format, columns, &printer.style, printer.headers)?;
    for row in rows {
        writer.row(row)?;
    }
    Ok((writer.finish()?, Vec::new()))
}

async fn print_stream(printer: &Printer, stream: &mut Stream, mut look: impl FnMut(&Row)) -> Result<u64, Failure> {
    let columns = std::mem::take(&mut stream.columns);
    #[cfg(feature = "parquet")]
    if printer.format == Format::Parquet {
        let mut file = Pipe::new(&columns)?;
        while let Some(rows) = stream.rows().await? {
            for row in &rows {
                look(row);
                file.row(row)?;
            }
        }
        return file.finish();
    }
    let out = BufWriter::new(io::stdout());
    let mut writer = Writer::new(out, printer.format, &columns, &printer.style, printer.headers)?;
    while let Some(rows) = stream.rows().await? {
        for row in &rows {
            look(row);
            writer.row(row)?;
        }
    }
    Ok(writer.finish()?)
}

/// Asks again and again. Views of states are printed anew; of the others each answer covers the time since the last one,
/// up to where the connected probes have delivered, so that no record is passed over or shown twice.
async fn follow(client: &mut Client, mut request: SelectRequest, args: &Listing) -> Result<(), Failure> {
    let every = Duration::from_nanos(time::nanoseconds(&args.follow.every)?);
    let view = request.view.clone();
    let format = args.output.output;
    if format.has_an_end() {
        return Err(Failure::usage(
            "--follow never ends, so -o json cannot close its array, nor -o parquet its file: use -o ndjson",
        ));
    }
    let is_state = matches!(view.as_str(), "probes" | "points" | "audit");
    let mut first = true;
    let mut seen = Completeness::default();
    loop {
        if is_state {
            let answered =
                answer(client, request.clone(), false, &args.output, first || args.output.output.is_table()).await?;
            answered.footer(&view, &args.output)?;
        } else {
            let horizon = horizon(client, &request).await?;
            if first && request.since_ns == 0 {
                request.since_ns = horizon.saturating_sub(time::nanoseconds(&args.follow.every)?);
            }
            if horizon > request.since_ns {
                request.until_ns = horizon;
                let answered = answer(client, request.clone(), args.select.last.is_some(), &args.output, first).await?;
                first &= answered.shown == 0;
                tell_new_losses(&answered, &mut seen);
                request.since_ns = horizon;
            }
        }
        tokio::time::sleep(every).await;
    }
}

/// The time up to which all connected probes have delivered.
async fn horizon(client: &mut Client, request: &SelectRequest) -> Result<u64, Failure> {
    let now = u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or_default();
    let probe = SelectRequest { since_ns: now, until_ns: 0, limit: 1, sort: Vec::new(), ..request.clone() };
    let state = client.all(probe).await?.completeness;
    let delivered = state.probes.iter().filter(|p| p.connected && p.newest_ns > 0).map(|p| p.newest_ns).min();
    Ok(delivered.unwrap_or(now - FOLLOW_LAG_NS).min(now))
}

fn tell_new_losses(answered: &Answered, seen: &mut Completeness) {
    let c = &answered.completeness;
    if c.lost_records > 0 || c.kernel_drops > 0 {
        eprintln!("! {} records lost, {} kernel drops in this stretch", c.lost_records, c.kernel_drops);
    }
    for note in c.notes.iter().filter(|n| !seen.notes.contains(n)) {
        eprintln!("! {}", crate::render::cell::printable(note));
    }
    seen.notes.clone_from(&c.notes);
}

/// What the rows of a view are called.
fn noun(view: &str) -> &str {
    match view {
        "paths" => "segments",
        "verify" => "verdicts",
        "audit" => "accounts",
        "loss" => "losses",
        "series" => "records",
        "sockets" => "samples",
        "top" => "groups",
        other => other,
    }
}
