//! `top` and `paths --by`: rows added up by group.

use std::io::{self, Write as _};

use sce_proto::SelectRequest;
use sce_view::hops::{By, paths_by};

use crate::aggregate::{self, Rule, rule};
use crate::args::{PathsArgs, TopArgs};
use crate::client::{Answer, Client};
use crate::exit::Failure;
use crate::footer::Footer;
use crate::render::Printer;
use crate::render::cell;
use crate::verbs::list;

/// Adds up a view by columns, once or again and again.
pub(crate) async fn run(client: &mut Client, args: &TopArgs) -> Result<(), Failure> {
    let every = std::time::Duration::from_nanos(crate::time::nanoseconds(&args.follow.every)?);
    loop {
        once(client, args).await?;
        if !args.follow.follow {
            return Ok(());
        }
        tokio::time::sleep(every).await;
        writeln!(io::stdout())?;
    }
}

async fn once(client: &mut Client, args: &TopArgs) -> Result<(), Failure> {
    let now = jiff::Zoned::now();
    let known = client.describe(&args.of).await?.map(|v| v.columns).unwrap_or_default();
    let sum_by: Vec<String> = args.by.iter().map(|b| b.trim().to_owned()).collect();
    let mut request = list::request(&args.of, &args.select, &known, &args.output, &now)?;
    (request.sort, request.limit) = (Vec::new(), 0);
    request.columns = columns(&known, &sum_by, args, request.columns)?;
    let since_ns = request.since_ns;
    let all = client.all(request).await?;
    let mut groups = aggregate::group(&all, &sum_by, "count")?;
    let sort = match args.select.sort.as_slice() {
        [] => default_sort(&groups),
        sort => sort.to_vec(),
    };
    aggregate::sort(&mut groups, &sort)?;
    let limit = args.select.limit.unwrap_or(20);
    if limit > 0 {
        groups.rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    let printer = Printer::new(&args.output, now);
    let (shown, hidden) = list::print_rows(&printer, &groups.columns, &groups.rows)?;
    let completeness = &groups.completeness;
    let footer = Footer { noun: "groups", shown, hidden: &hidden, completeness, since_ns, style: &printer.style };
    footer.print(&args.output);
    footer.verdict(&args.output)
}

/// The group columns and those to merge: the default ones, or what `--columns` says; a sort column is needed as well.
fn columns(
    known: &[sce_proto::ColumnInfo],
    by: &[String],
    args: &TopArgs,
    chosen: Vec<String>,
) -> Result<Vec<String>, Failure> {
    for name in by {
        aggregate::position(known, name)?;
    }
    let all: Vec<String> = known.iter().map(|c| c.name.clone()).collect();
    let chosen = if chosen.is_empty() { all } else { chosen };
    let sort = args.select.sort.iter().map(|s| s.trim_start_matches('-').to_owned());
    let mergeable = |name: &String| {
        known.iter().any(|c| c.name == *name && rule(c) != Rule::None && cell::sort(c) != cell::Sort::Time)
    };
    let mut out = by.to_vec();
    for name in chosen.into_iter().chain(sort).filter(mergeable) {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    Ok(out)
}

/// Most bytes first, else most rows.
fn default_sort(groups: &Answer) -> Vec<String> {
    let bytes = groups.columns.iter().find(|c| c.unit == "bytes").map_or("count", |c| c.name.as_str());
    vec![format!("-{bytes}"), "-count".to_owned()]
}

/// `paths --by`: asks for all segments, adds them up and prints them.
pub(crate) async fn paths(client: &mut Client, args: &PathsArgs, by: By) -> Result<(), Failure> {
    let listing = &args.listing;
    let now = jiff::Zoned::now();
    let asked = SelectRequest {
        columns: Vec::new(),
        limit: 0,
        sort: Vec::new(),
        options: args.options(),
        ..list::request("paths", &listing.select, &[], &listing.output, &now)?
    };
    let since_ns = asked.since_ns;
    let mut grouped = paths_by(&client.all(asked).await?, by)?;
    aggregate::sort(&mut grouped, &listing.select.sort)?;
    let known = grouped.columns.clone();
    let wanted = crate::columns::wanted(listing.output.columns.as_deref(), &known, listing.output.output)?;
    if !wanted.is_empty() {
        keep(&mut grouped, &wanted)?;
    }
    if let Some(limit) = listing.select.limit.filter(|l| *l > 0) {
        grouped.rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    let printer = Printer::new(&listing.output, now);
    let (shown, hidden) = list::print_rows(&printer, &grouped.columns, &grouped.rows)?;
    let noun = if by == By::Flow { "flow directions" } else { "hops" };
    let footer =
        Footer { noun, shown, hidden: &hidden, completeness: &grouped.completeness, since_ns, style: &printer.style };
    footer.print(&listing.output);
    footer.verdict(&listing.output)
}

/// Keeps the named columns, in that order.
fn keep(answer: &mut Answer, names: &[String]) -> Result<(), Failure> {
    let mut kept = Vec::new();
    for name in names {
        kept.push(aggregate::position(&answer.columns, name)?);
    }
    answer.columns = kept.iter().map(|i| answer.columns[*i].clone()).collect();
    for row in &mut answer.rows {
        row.values = kept.iter().map(|i| row.values[*i].clone()).collect();
    }
    Ok(())
}
