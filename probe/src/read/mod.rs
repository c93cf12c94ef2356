//! `sce-probe read`: the numbers of capture files, without a collector and without privileges.
//!
//! In: files. Out: one account of what they held and the flows in them, in the chosen form. The meter is the one of the
//! live path, so the numbers are the same. Every file is an observation point of its own.

mod flow;
mod json;
mod scetrace;
mod sinks;
mod table;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sce_meter::{Meter, Records};
use sce_progress::{Progress, Unit};
use sce_proto::{ProbeInterval, Record, ValueRef, merge};
use serde_json::{Map, Value, json};

use crate::exit::{Failure, code};
use crate::filter::Filter;
use crate::source::CaptureFile;

use flow::FlowView;
use sinks::{Gathered, GatheredFlow, JsonFlows, Lines, Sink};

/// Frames that are read before they are metered.
const READ_AT_ONCE: usize = 64;
/// Flows whose records are made before they are printed, at the end of the input.
const RETIRED_AT_ONCE: usize = 256;

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// More columns for people.
    Wide,
    /// One object: `capture` and `flows`. Metrics beyond volume, ECN and TCP flags that are absent are zero.
    Json,
    /// One object a line: one direction of one flow in one interval.
    Ndjson,
    /// The same as comma-separated values.
    Csv,
    /// The JSON of scetrace, from the metrics of this project.
    Scetrace,
}

/// What to read and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Form of output.
    pub format: Format,
    /// BPF filter, empty = all.
    pub filter: String,
    /// Settings of the meters; `op` is set here.
    pub meter: sce_meter::Config,
}

/// The account of one file or of all.
#[derive(Debug, Clone, Default)]
struct Capture {
    sums: ProbeInterval,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
    filtered: u64,
    error: Option<String>,
}

impl Capture {
    fn saw(&mut self, time_ns: u64) {
        self.first_ns = Some(self.first_ns.map_or(time_ns, |t| t.min(time_ns)));
        self.last_ns = self.last_ns.max(Some(time_ns));
    }

    fn add(&mut self, other: &Capture) {
        merge(&mut self.sums, &other.sums);
        for t in [other.first_ns, other.last_ns].into_iter().flatten() {
            self.saw(t);
        }
        self.filtered += other.filtered;
        if self.error.is_none() {
            self.error.clone_from(&other.error);
        }
    }

    fn json(&self) -> Map<String, Value> {
        let s = &self.sums;
        let mut skips = Map::new();
        for (i, field) in ProbeInterval::FIELDS.iter().enumerate() {
            if let Some(reason) = field.name.strip_prefix("skip_") {
                skips.insert(reason.to_owned(), json!(s.get(i).u64()));
            }
        }
        let mut out = Map::new();
        out.insert("packets".to_owned(), json!(s.captured_packets));
        out.insert("wire_bytes".to_owned(), json!(s.captured_bytes));
        out.insert("ip_packets".to_owned(), json!(s.ip_packets));
        out.insert("non_ip".to_owned(), json!(s.non_ip_packets));
        out.insert("undecodable".to_owned(), json!(s.undecodable_packets));
        out.insert("skips".to_owned(), Value::Object(skips));
        out.insert("truncated".to_owned(), json!(s.truncated_packets));
        out.insert("superpackets".to_owned(), json!(s.superpackets));
        out.insert("other_packets".to_owned(), json!(s.other_packets));
        out.insert("other_ip_bytes".to_owned(), json!(s.other_ip_bytes));
        out.insert("filtered".to_owned(), json!(self.filtered));
        out.insert("flows_evicted".to_owned(), json!(s.flows_evicted));
        out.insert("time_steps".to_owned(), json!(s.time_steps));
        out.insert("error".to_owned(), json!(self.error));
        out.insert("first_ns".to_owned(), json!(self.first_ns));
        out.insert("last_ns".to_owned(), json!(self.last_ns));
        out
    }
}

/// Reads the files and prints.
///
/// # Errors
/// A wrong filter, or output that fails. Damaged input is part of the output; it gives the code of the result.
pub fn run(options: &Options, out: &mut impl Write) -> anyhow::Result<u8> {
    match options.format {
        Format::Json if options.meter.interval_ns == 0 => {
            // Flows are printed when they end, so that a file with a million of them needs no memory for them.
            write!(out, "{{\"flows\":[")?;
            let mut sink = JsonFlows::new(&mut *out);
            let accounts = read_all(options, &mut sink)?;
            sink.flush()?;
            write!(out, "],\n\"capture\":{}}}\n", totals(&accounts))?;
            finish(&accounts)
        }
        Format::Json => {
            let mut sink = Gathered::default();
            let accounts = read_all(options, &mut sink)?;
            let capture = totals(&accounts);
            write!(out, "{{\"flows\":[")?;
            let mut text = JsonFlows::new(&mut *out);
            sink.flows.iter().try_for_each(|f| text.flow(&f.view()))?;
            text.flush()?;
            write!(out, "],\n\"capture\":{capture}}}\n")?;
            finish(&accounts)
        }
        Format::Ndjson => {
            let mut sink = Lines { out: &mut *out, csv: false };
            let accounts = read_all(options, &mut sink)?;
            finish(&accounts)
        }
        Format::Csv => {
            flow::csv_header(out)?;
            let mut sink = Lines { out: &mut *out, csv: true };
            let accounts = read_all(options, &mut sink)?;
            finish(&accounts)
        }
        Format::Scetrace => {
            let mut sink = Gathered::default();
            let accounts = read_all(options, &mut sink)?;
            let mut views: Vec<FlowView<'_>> = sink.flows.iter().map(GatheredFlow::view).collect();
            views.sort_by_key(FlowView::first_ns);
            let mut all = Capture::default();
            accounts.iter().for_each(|(_, c)| all.add(c));
            let flows_bytes: u64 = views.iter().map(|v| v.both(|r| r.ip_bytes)).sum();
            let totals = scetrace::Totals {
                ip_packets: all.sums.ip_packets,
                ip_bytes: flows_bytes + all.sums.other_ip_bytes,
                first_ns: all.first_ns.unwrap_or(0),
                last_ns: all.last_ns.unwrap_or(0),
            };
            scetrace::print(out, &views, &totals)?;
            finish(&accounts)
        }
        Format::Table | Format::Wide => {
            let mut sink = Gathered::default();
            let accounts = read_all(options, &mut sink)?;
            let views: Vec<FlowView<'_>> = sink.flows.iter().map(GatheredFlow::view).collect();
            table::print(out, &views, options.format == Format::Wide, accounts.len() > 1)?;
            let mut all = Capture::default();
            accounts.iter().for_each(|(_, c)| all.add(c));
            table::footer(out, &all.sums, views.len(), all.filtered)?;
            finish(&accounts)
        }
    }
}

/// Complaints about damaged files on standard error, and the exit code.
fn finish(accounts: &[(String, Capture)]) -> anyhow::Result<u8> {
    let damaged: Vec<String> =
        accounts.iter().filter_map(|(file, c)| c.error.as_ref().map(|e| format!("{file}: {e}"))).collect();
    if damaged.is_empty() {
        return Ok(code::OK);
    }
    Err(Failure::new(code::INPUT, damaged.join("\n")).into())
}

fn totals(accounts: &[(String, Capture)]) -> Value {
    let mut all = Capture::default();
    for (file, capture) in accounts {
        let mut one = capture.clone();
        if accounts.len() > 1 {
            one.error = one.error.map(|e| format!("{file}: {e}"));
        }
        all.add(&one);
    }
    let mut out = all.json();
    let files = accounts.iter().map(|(file, c)| {
        let mut one = c.json();
        one.shift_insert(0, "file".to_owned(), json!(file));
        Value::Object(one)
    });
    out.insert("files".to_owned(), files.collect());
    Value::Object(out)
}

fn read_all(options: &Options, sink: &mut dyn Sink) -> anyhow::Result<Vec<(String, Capture)>> {
    let mut accounts = Vec::new();
    for (n, path) in options.files.iter().enumerate() {
        let name = path.display().to_string();
        let config = sce_meter::Config { op: n as u64, ..options.meter.clone() };
        // What is printed while the file is read would tear the line apart.
        let printing = std::io::stdout().is_terminal() && !matches!(options.format, Format::Table | Format::Wide);
        let capture = read_one(path, &name, config, &options.filter, printing, sink)?;
        accounts.push((name, capture));
    }
    Ok(accounts)
}

fn read_one(
    path: &Path,
    name: &str,
    config: sce_meter::Config,
    filter: &str,
    printing: bool,
    sink: &mut dyn Sink,
) -> anyhow::Result<Capture> {
    let mut capture = Capture::default();
    let mut file = match CaptureFile::open(path) {
        Ok(file) => file,
        Err(e) => {
            capture.error = Some(e.to_string());
            return Ok(capture);
        }
    };
    let mut progress = Progress::new(format!("reading {name}"), Unit::Bytes, file.size()).unless(printing);
    let mut filter = Filter::new(filter)?;
    let mut meter = Meter::new(config);
    let mut out = Records::default();
    let mut batch = Vec::with_capacity(READ_AT_ONCE);
    loop {
        let result = file.next_batch(&mut batch, READ_AT_ONCE);
        let mut frames = Vec::with_capacity(batch.len());
        for held in &batch {
            let f = file.held(held);
            if !filter.passes(f.link, f.data)? {
                capture.filtered += 1;
                continue;
            }
            capture.saw(f.time_ns);
            frames.push(f.frame());
        }
        meter.observe_all(&frames, &mut out);
        progress.at(file.position());
        ship(name, &mut capture, &mut out, sink)?;
        match result {
            Ok(()) if batch.is_empty() => break,
            Ok(()) => {}
            Err(e) => capture.error = Some(e.to_string()),
        }
    }
    // Flows that go on to the end are printed a few at a time, too: there may be a million of them.
    while meter.retire(RETIRED_AT_ONCE, &mut out) {
        ship(name, &mut capture, &mut out, sink)?;
    }
    meter.finish(&mut out);
    ship(name, &mut capture, &mut out, sink)?;
    Ok(capture)
}

fn ship(name: &str, capture: &mut Capture, out: &mut Records, sink: &mut dyn Sink) -> anyhow::Result<()> {
    for p in out.probe.drain(..) {
        merge(&mut capture.sums, &p);
    }
    if !out.flows.is_empty() {
        sink.records(name, &out.flows).context("output")?;
        out.flows.clear();
    }
    out.marks.clear();
    out.streams.clear();
    Ok(())
}

/// The address of 4 or 16 bytes.
fn ip(bytes: &[u8]) -> Option<std::net::IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(Into::into)
}

/// Value of a field as JSON, where it has one.
fn value_of(name: &str, value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::U64(v) if name == "flow" || name == "flow_key" => json!(format!("{v:016x}")),
        ValueRef::U64(v) => json!(v),
        ValueRef::I64(v) => json!(v),
        ValueRef::Str(v) => json!(v),
        ValueRef::Bytes(v) => ip(v).map_or(Value::Null, |a| json!(a)),
    }
}
