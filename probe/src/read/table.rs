//! Flows as a table for people: what matters first, and a line that says what the capture held.

use std::io::{self, IsTerminal, Write};

use sce_proto::ProbeInterval;

use super::flow::FlowView;

type Cell = Box<dyn Fn(&FlowView<'_>) -> String>;

struct Column {
    title: &'static str,
    right: bool,
    /// Shown in the narrow table too.
    narrow: bool,
    cell: Cell,
}

fn column(title: &'static str, right: bool, narrow: bool, cell: impl Fn(&FlowView<'_>) -> String + 'static) -> Column {
    Column { title, right, narrow, cell: Box::new(cell) }
}

/// A number of both directions: up / down.
fn pair(title: &'static str, narrow: bool, of: impl Fn(&sce_proto::FlowInterval) -> u64 + Copy + 'static) -> Column {
    column(title, true, narrow, move |f| {
        let (up, down) = (f.side(0, of), f.side(1, of));
        if up + down == 0 { "-".to_owned() } else { format!("{up}/{down}") }
    })
}

fn columns(files: bool) -> Vec<Column> {
    let end = |n: usize| {
        move |f: &FlowView<'_>| {
            let (ip, port) = &f.ends()[n];
            if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
        }
    };
    let mut out = vec![
        column("PROTO", false, true, |f| f.proto()),
        column("INITIATOR", false, true, end(0)),
        column("RESPONDER", false, true, end(1)),
        column("SECONDS", true, true, |f| format!("{:.3}", f.last_ns().saturating_sub(f.first_ns()) as f64 / 1e9)),
        pair("PACKETS", true, |r| r.packets),
        pair("BYTES", true, |r| r.ip_bytes),
        column("ECN", false, true, |f| f.ecn_mode().to_owned()),
        pair("CE", true, |r| r.ce_packets),
        pair("ECT1", true, |r| r.ect1_packets),
        pair("ECT0", false, |r| r.ect0_packets),
        pair("NOT-ECT", false, |r| r.not_ect_packets),
        pair("ECE", false, |r| r.tcp_ece),
        pair("CWR", false, |r| r.tcp_cwr),
        pair("AE", true, |r| r.tcp_ae),
        pair("ACKED", false, |r| r.acked_bytes),
        pair("AE-ACKED", false, |r| r.esce_acked_bytes),
    ];
    if files {
        out.insert(0, column("FILE", false, true, |f| f.file.to_owned()));
    }
    out
}

/// Prints the flows, largest first. Numbers of both directions stand as up/down.
pub(super) fn print(out: &mut impl Write, flows: &[FlowView<'_>], wide: bool, files: bool) -> io::Result<()> {
    let columns: Vec<Column> = columns(files).into_iter().filter(|c| wide || c.narrow).collect();
    let mut order: Vec<&FlowView<'_>> = flows.iter().collect();
    order.sort_by_key(|f| std::cmp::Reverse(f.both(|r| r.ip_bytes)));
    let rows: Vec<Vec<String>> = order.iter().map(|f| columns.iter().map(|c| (c.cell)(f)).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, c)| rows.iter().map(|r| r[i].len()).chain([c.title.len()]).max().unwrap_or(0))
        .collect();
    let bold = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let titles: Vec<String> = columns.iter().map(|c| c.title.to_owned()).collect();
    let heading = line(&columns, &widths, &titles);
    if bold {
        writeln!(out, "\x1b[1m{heading}\x1b[0m")?
    } else {
        writeln!(out, "{heading}")?
    }
    for row in &rows {
        writeln!(out, "{}", line(&columns, &widths, row))?;
    }
    Ok(())
}

fn line(columns: &[Column], widths: &[usize], cells: &[String]) -> String {
    let mut out = String::new();
    for ((c, w), cell) in columns.iter().zip(widths).zip(cells) {
        if !out.is_empty() {
            out.push_str("  ");
        }
        let padding = " ".repeat(w - cell.len());
        let (left, right) = if c.right { (&padding, cell) } else { (cell, &padding) };
        out.push_str(left);
        out.push_str(right);
    }
    out.trim_end().to_owned()
}

/// What the capture held besides.
pub(super) fn footer(out: &mut impl Write, sums: &ProbeInterval, flows: usize, filtered: u64) -> io::Result<()> {
    writeln!(
        out,
        "{flows} flows; {} packets: {} IP, {} without IP, {} undecodable; up/down = initiator to responder/back",
        sums.captured_packets, sums.ip_packets, sums.non_ip_packets, sums.undecodable_packets
    )?;
    if filtered > 0 {
        writeln!(out, "{filtered} packets did not pass the filter")?;
    }
    if sums.other_packets > 0 {
        writeln!(out, "{} packets of flows beyond --max-flows are not in the table", sums.other_packets)?;
    }
    Ok(())
}
