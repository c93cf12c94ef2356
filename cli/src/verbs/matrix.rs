//! `paths --matrix`: what became of each ECN code point between two observation points, as a table one can read.
//!
//! In: segments with their transitions. Out: one matrix for every hop (or pair of hosts), in packets or bytes, and what
//! follows from it in words: marked, bleached, erased, lost.

use sce_proto::SelectRequest;
use sce_view::hops::{By, paths_by};
use sce_view::matrix::{Unit, heading, matrix, matrix_text};

use crate::args::PathsArgs;
use crate::client::Client;
use crate::exit::Failure;
use crate::footer::Footer;
use crate::render::{Printer, title};
use crate::verbs::list;

/// Prints the matrices.
pub(crate) async fn run(client: &mut Client, args: &PathsArgs, unit: Unit) -> Result<(), Failure> {
    let listing = &args.listing;
    let now = jiff::Zoned::now();
    let by = args.by.unwrap_or(By::Hop);
    if by == By::Flow {
        return Err(Failure::usage(
            "transitions of several hops do not add up to one matrix: use --by hop or --by host, and --matrix with the filter `flow = ID`",
        ));
    }
    let asked = SelectRequest {
        columns: Vec::new(),
        limit: 0,
        options: args.options(),
        ..list::request("paths", &listing.select, &[], &listing.output, &now)?
    };
    let since_ns = asked.since_ns;
    let answer = client.all(asked).await?;
    let printer = Printer::new(&listing.output, now);
    let hops = paths_by(&answer, by)?;
    if !printer.format.is_table() {
        list::print_rows(&printer, &hops.columns, &hops.rows)?;
    } else {
        let mut text = String::new();
        for row in &hops.rows {
            text.push_str(&title(&heading(&hops, row), printer.color));
            text.push_str(&matrix_text(&matrix(&hops, row, unit), unit));
            text.push('\n');
        }
        printer.show(&text)?;
    }
    let shown = hops.rows.len() as u64;
    let footer =
        Footer { noun: "hops", shown, hidden: &[], completeness: &hops.completeness, since_ns, style: &printer.style };
    footer.print(&listing.output);
    footer.verdict(&listing.output)
}
