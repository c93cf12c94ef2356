//! Segments added up: by hop, by pair of hosts, or along each flow.
//!
//! In: the rows of `paths`. Out: one row a hop, a pair or a direction of a flow.

use crate::{Answer, Failure, aggregate};

/// How `paths --by` groups segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Every segment between two observation points, over all flows
    Hop,
    /// Every pair of probes, over all flows and interfaces
    Host,
    /// Every flow and direction from its first to its last observation point
    Flow,
}

/// The columns that a grouping groups by.
fn group_columns(by: By) -> Vec<String> {
    let names: &[&str] = match by {
        By::Hop => &["from.probe", "from.interface", "to.probe", "to.interface", "direction"],
        By::Host => &["from.probe", "to.probe", "direction"],
        By::Flow => &["flow", "direction"],
    };
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// Segments added up.
pub fn paths_by(answer: &Answer, by: By) -> Result<Answer, Failure> {
    if by != By::Flow {
        return aggregate::group(answer, &group_columns(by), "flows");
    }
    let mut grouped = aggregate::group(answer, &group_columns(by), "segments")?;
    end_to_end(answer, &mut grouped)?;
    Ok(grouped)
}

/// Along a flow losses add up, but what was sent entered the first segment and what was received left the last one.
/// Transitions and delays of several hops do not compose without the packets themselves, so they are left out.
fn end_to_end(answer: &Answer, grouped: &mut Answer) -> Result<(), Failure> {
    let at = |columns: &[sce_proto::ColumnInfo], name: &str| aggregate::position(columns, name);
    let (flow, direction) = (at(&answer.columns, "flow")?, at(&answer.columns, "direction")?);
    for (i, column) in grouped.columns.clone().iter().enumerate() {
        let first = match column.name.as_str() {
            "sent_packets" | "sent_bytes" => true,
            "received_packets" | "received_bytes" => false,
            _ => continue,
        };
        let from = at(&answer.columns, &column.name)?;
        for row in &mut grouped.rows {
            let mut same =
                answer.rows.iter().filter(|r| r.values[flow] == row.values[0] && r.values[direction] == row.values[1]);
            let end = if first { same.next() } else { same.next_back() };
            if let Some(end) = end {
                row.values[i] = end.values[from].clone();
            }
        }
    }
    let composes =
        |name: &str| !["transitions.", "owd_", "queue_", "ipdv_", "round_trip_"].iter().any(|p| name.starts_with(p));
    let kept: Vec<usize> = (0..grouped.columns.len()).filter(|i| composes(&grouped.columns[*i].name)).collect();
    grouped.columns = kept.iter().map(|i| grouped.columns[*i].clone()).collect();
    for row in &mut grouped.rows {
        row.values = kept.iter().map(|i| row.values[*i].clone()).collect();
    }
    Ok(())
}
