//! What an answer rests on: the window, how fresh each probe is, what was lost.

use sce_proto::{Completeness, LossReport, ProbeInterval, ProbeState, Record};

use super::load::{MOST_OTHERS, Question};
use super::source::Source;
use crate::ingest::Connected;
use crate::store::predicate::Predicate;
use crate::store::{Scan, Store, StoreError};

/// A probe whose newest record is further ahead of this collector's clock than this is said to be ahead, ns.
const AHEAD_NS: u64 = 2_000_000_000;

/// A probe has records of a time that has not come yet here: one of the two clocks is wrong, or was.
fn ahead_of_us(probe: &ProbeState, now_ns: u64) -> String {
    let seconds = (probe.newest_ns - now_ns) / 1_000_000_000;
    let ahead = if seconds < 2 * 86_400 { format!("{seconds} s") } else { format!("{} days", seconds / 86_400) };
    format!(
        "{} has records of up to {ahead} ahead of this collector's clock: what is later than the collector's now is left \
         out, a later --until shows it",
        probe.probe
    )
}

/// Fills it in for a window.
pub(super) async fn completeness<S: Store>(
    store: &S,
    question: &Question,
    presence: &dyn Connected,
    rows_total: u64,
) -> Result<Completeness, StoreError> {
    let (since_ns, until_ns) = (question.since_ns, question.until_ns);
    let mut out =
        Completeness { rows_total, since_ns, until_ns, oldest_ns: store.oldest().await?, ..Completeness::default() };
    let mut quarantined = 0;
    for line in store.ledger().await? {
        quarantined += line.quarantined;
        match out.probes.last_mut() {
            Some(state) if state.probe == line.probe => state.newest_ns = state.newest_ns.max(line.newest_ns),
            _ => {
                let connected = presence.connected(&line.probe);
                out.probes.push(ProbeState { probe: line.probe, newest_ns: line.newest_ns, connected });
            }
        }
    }
    let window = || Scan { since_ns, until_ns, limit: MOST_OTHERS, ..Scan::default() };
    let names = ["kernel_drops", "interface_drops", "other_packets", "flows_evicted", "marks_dropped"];
    let mut sums = ProbeInterval::default();
    // Most intervals dropped nothing: the database passes over them.
    let any = names.iter().map(|n| Predicate::Range { field: n, low: 1, high: u64::MAX });
    let scan = Scan {
        predicate: Predicate::Or(any.collect()),
        fields: names.iter().filter_map(|n| ProbeInterval::position(n)).collect(),
        ..window()
    };
    let trace = &question.trace;
    ProbeInterval::read(store, &scan, trace, |stored| sce_proto::merge(&mut sums, &stored.record)).await?;
    let mut lost = LossReport::default();
    let mut restarts = 0;
    LossReport::read(store, &window(), trace, |stored| {
        restarts += u64::from(stored.record.reason == "unclean_restart");
        sce_proto::merge(&mut lost, &stored.record);
    })
    .await?;
    (out.lost_records, out.lost_frames) = (lost.records, lost.frames);
    (out.kernel_drops, out.other_packets) = (sums.kernel_drops, sums.other_packets);
    let mut note = |n: u64, text: &str| {
        if n > 0 {
            out.notes.push(format!("{n} {text}"));
        }
    };
    note(restarts, "times a probe was killed: what its open interval held is unknown (view `loss`)");
    note(sums.interface_drops, "frames were dropped by interfaces before any capture");
    note(sums.flows_evicted, "flows were ended early because a flow table was full");
    note(sums.marks_dropped, "path marks were given up: some segments are known by counters only");
    note(quarantined, "batches could not be stored and are in quarantine (view `probes`)");
    if question.until_now {
        let ahead = out.probes.iter().filter(|p| p.newest_ns > until_ns.saturating_add(AHEAD_NS));
        let notes: Vec<String> = ahead.map(|p| ahead_of_us(p, until_ns)).collect();
        out.notes.extend(notes);
    }
    Ok(out)
}
