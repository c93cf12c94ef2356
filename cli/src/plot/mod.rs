//! `plot`: figures of flows over time, distributions and relations, as SVG, in the terminal, or as the data behind them.
//!
//! In: the rows of `flows`, `series` and one view besides. Out: one figure. Computes no metric beyond rates, shares and ranks.

#[cfg(feature = "png")]
mod picture;
mod terminal;

use std::io::{IsTerminal, Write};

use sce_proto::{Completeness, SelectRequest};

use crate::args::PlotArgs;
use crate::client::Client;
use crate::exit::Failure;
use crate::footer::Footer;
use crate::render::Printer;
use crate::time::{self, TimeStyle};
use crate::track::{tracks, word};
pub(crate) use sce_view::figure::Kind;
use sce_view::figure::{self, Figure, Source};

/// What a figure is written as: vectors, its data, a picture.
const KINDS_OF_FILES: &[&str] = if cfg!(feature = "png") { &["svg", "csv", "png"] } else { &["svg", "csv"] };

/// Draws a figure.
pub(crate) async fn run(client: &mut Client, args: &PlotArgs) -> Result<(), Failure> {
    let now = jiff::Zoned::now();
    let window = time::window(args.times.since.as_deref(), args.times.until.as_deref(), &now)?;
    if let Some(path) = &args.out
        && path.extension().is_none_or(|e| !KINDS_OF_FILES.iter().any(|k| e == *k))
    {
        return Err(Failure::usage(format!(
            "{}: a figure goes to a file that ends in .{}",
            path.display(),
            KINDS_OF_FILES.join(", .")
        )));
    }
    let window = SelectRequest { since_ns: window.since_ns, until_ns: window.until_ns, ..SelectRequest::default() };
    let (chosen, completeness) = if args.kind == Kind::Matrix && args.flows.is_empty() {
        (Vec::new(), None)
    } else {
        choose(client, args, &window).await?
    };
    let sources = if chosen.is_empty() {
        whole(client, args, &window).await?
    } else {
        sources(client, args.kind, &chosen, &window).await?
    };
    let mut figure = figure::figure(args.kind, &sources, &args.of)?;
    let completeness = completeness
        .or_else(|| sources.iter().find_map(|s| s.needed.as_ref()).map(|a| a.completeness.clone()))
        .unwrap_or_default();
    let printer = Printer::new(&crate::args::Output::default_for_figures(), now);
    let footer = Footer {
        noun: "flows",
        shown: chosen.len() as u64,
        hidden: &[],
        completeness: &completeness,
        since_ns: window.since_ns,
        style: &printer.style,
    };
    figure.title = args.title.clone().unwrap_or_else(|| title(args.kind, &chosen));
    figure.caption = caption(&sources, &footer, &printer);
    write(&figure, args, printer.width)
}

/// The flows to draw, as flow, run and ends, and what the answer rests on.
async fn choose(
    client: &mut Client,
    args: &PlotArgs,
    window: &SelectRequest,
) -> Result<(Vec<Vec<String>>, Option<Completeness>), Failure> {
    let most = args.top.unwrap_or(if matches!(args.kind, Kind::Fairness | Kind::Heatmap) { 6 } else { 1 });
    let columns = ["flow", "run", "initiator_ip", "initiator_port", "responder_ip", "responder_port"];
    let flows = SelectRequest {
        view: "flows".to_owned(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        ..window.clone()
    };
    let busiest = |run: &String| SelectRequest {
        filter: args.filter.clone().unwrap_or_default(),
        sort: vec!["-up.ip_bytes".to_owned()],
        limit: most,
        run: run.clone(),
        ..flows.clone()
    };
    let questions: Vec<SelectRequest> = match (args.flows.as_slice(), args.run.as_slice()) {
        ([], []) => vec![busiest(&String::new())],
        ([], runs) => runs.iter().map(busiest).collect(),
        (ids, runs) => {
            let run = if let [run] = runs { run.clone() } else { String::new() };
            ids.iter().map(|id| SelectRequest { flow: id.clone(), run: run.clone(), ..flows.clone() }).collect()
        }
    };
    let (mut chosen, mut completeness) = (Vec::new(), None);
    for question in questions {
        let what = if question.flow.is_empty() { &question.run } else { &question.flow }.clone();
        let answer = client.all(question).await?;
        if answer.rows.is_empty() {
            let words = if what.is_empty() { String::new() } else { format!(" of `{what}`") };
            return Err(Failure::new(format!(
                "there is no flow{words} to draw in this window: sce-cli flows lists them"
            )));
        }
        chosen.extend(answer.rows.iter().map(|r| r.values.iter().map(word).collect::<Vec<_>>()));
        completeness = Some(answer.completeness);
    }
    Ok((chosen, completeness))
}

/// What a figure of flows is drawn from.
async fn sources(
    client: &mut Client,
    kind: Kind,
    chosen: &[Vec<String>],
    window: &SelectRequest,
) -> Result<Vec<Source>, Failure> {
    let several_runs = chosen.iter().any(|f| f[1] != chosen[0][1]);
    let mut sources = Vec::new();
    for flow in chosen {
        let ask = |view: &str| SelectRequest {
            view: view.to_owned(),
            flow: flow[0].clone(),
            run: flow[1].clone(),
            ..window.clone()
        };
        let series = client.all(ask("series")).await?;
        let needed = match kind.needs() {
            Some(view) => Some(client.all(ask(view)).await?),
            None => None,
        };
        let label = if chosen.len() > 1 { label(flow, several_runs) } else { String::new() };
        sources.push(Source { label, run: flow[1].clone(), tracks: tracks(&series), needed });
    }
    Ok(sources)
}

/// What a figure of all flows of each run is drawn from.
async fn whole(client: &mut Client, args: &PlotArgs, window: &SelectRequest) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let all = [String::new()];
    for run in if args.run.is_empty() { &all[..] } else { &args.run } {
        let question = SelectRequest {
            view: args.kind.needs().unwrap_or("flows").to_owned(),
            filter: args.filter.clone().unwrap_or_default(),
            run: run.clone(),
            ..window.clone()
        };
        let label = if args.run.len() > 1 { format!("run {run}:") } else { String::new() };
        sources.push(Source { label, run: run.clone(), tracks: Vec::new(), needed: Some(client.all(question).await?) });
    }
    Ok(sources)
}

/// Writes the figure to where it was asked for.
fn write(figure: &Figure, args: &PlotArgs, width: usize) -> Result<(), Failure> {
    let data = args.data || args.out.as_ref().is_some_and(|p| p.extension().is_some_and(|e| e == "csv"));
    let text = match (&args.out, std::io::stdout().is_terminal() || args.term) {
        _ if data => figure.data(),
        (None, true) => terminal::render(figure, if width == 0 { 100 } else { width }),
        _ => figure::render(figure),
    };
    #[cfg(feature = "png")]
    if let Some(path) = args.out.as_ref().filter(|p| p.extension().is_some_and(|e| e == "png")) {
        let picture = picture::png(&text)?;
        std::fs::write(path, picture).map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))?;
        eprintln!("{}", path.display());
        return Ok(());
    }
    match &args.out {
        Some(path) => {
            std::fs::write(path, text).map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))?;
            eprintln!("{}", path.display());
        }
        None => std::io::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(())
}

/// `10.0.0.1:40000 > 10.0.1.1:5201`, with the run where flows of several runs meet.
fn label(flow: &[String], with_run: bool) -> String {
    let end = |ip: &str, port: &str| if port == "0" { ip.to_owned() } else { format!("{ip}:{port}") };
    let run = if flow[1].is_empty() || !with_run { String::new() } else { format!("{} ", flow[1]) };
    format!("{run}{} > {}", end(&flow[2], &flow[3]), end(&flow[4], &flow[5]))
}

fn title(kind: Kind, flows: &[Vec<String>]) -> String {
    match flows {
        [] => kind.title().to_owned(),
        [one] => format!("{}: {}", kind.title(), label(one, true)),
        all => format!("{} of {} flows", kind.title(), all.len()),
    }
}

/// Where the numbers come from: start, points, and the completeness of the answer.
fn caption(sources: &[Source], footer: &Footer<'_>, printer: &Printer) -> String {
    let starts = sources.iter().flat_map(|s| &s.tracks).filter_map(|t| t.times().first().map(|(t, l)| t - l / 2.0));
    let start = starts.fold(f64::INFINITY, f64::min);
    let mut points: Vec<&str> = sources.iter().flat_map(|s| &s.tracks).map(|t| t.point.as_str()).collect();
    points.sort_unstable();
    points.dedup();
    let from =
        if start.is_finite() { time::show(start as u64, TimeStyle::Utc, &printer.style.now) } else { "-".to_owned() };
    if points.is_empty() {
        return footer.state();
    }
    format!("t = 0 at {from} UTC; seen at {}; {}", points.join(", "), footer.state())
}
