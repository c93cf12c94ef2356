//! View `audit`: the conservation law, from the database alone.
//!
//! In: what probes said of their intervals, counts of flow records, loss reports, quarantine. Out: one line per observation
//! point, and one per probe that lost something, with the verdict in words. Three balances must hold:
//!
//! * captured = recorded + other + non-IP + undecodable, by the probe's own count;
//! * the frames of the flow records here = the frames the probe says it recorded;
//! * the flow records here = those the probe emitted,
//!
//! where what a report explains (lost on the probe, in quarantine, open while the probe was killed) counts as found.

use std::collections::BTreeMap;

use sce_proto::{LossReport, ObservationPoint, ProbeInterval};

use super::load::{CONTEXT_NS, MOST_OTHERS, Question, points};
use super::table::Cell;
use super::view::{Def, id};
use crate::store::predicate::Predicate;
use crate::store::{Scan, Store, StoreError};

/// Of a probe that does not say up to when its flow records have left: an interval that ended less than this before the
/// newest record of its probe may still be on its way, ns.
const ON_ITS_WAY_NS: u64 = 5_000_000_000;

/// One line of the account.
#[derive(Debug, Default)]
pub(super) struct Line {
    probe: String,
    interface: String,
    intervals: u64,
    sums: ProbeInterval,
    /// Flow records here and their frames.
    committed: u64,
    frames: u64,
    /// The same of intervals that are explained or still open.
    excused: Excused,
    lost: LossReport,
    /// Some of the reports know how many records were lost, but not their frames: they could no longer be read.
    frames_unknown: bool,
    quarantined: u64,
}

/// Differences of intervals that need no explanation of their own.
#[derive(Debug, Default, Clone, Copy)]
struct Excused {
    /// Frames and records missing in intervals that may still be on their way.
    late: (u64, u64),
    /// Frames and records without their interval's own count, within the reach of an unclean restart.
    restart: (u64, u64),
}

/// The account of a window.
pub(super) async fn audit<S: Store>(store: &S, question: &Question) -> Result<Vec<Line>, StoreError> {
    let points = points(store, &question.trace).await?;
    let ledger = store.ledger().await?;
    let newest = |probe: &str| ledger.iter().filter(|l| l.probe == probe).map(|l| l.newest_ns).max().unwrap_or(0);
    let names: BTreeMap<i64, &str> = ledger.iter().map(|l| (l.stream, l.probe.as_str())).collect();
    let reports = losses(store, question, &names).await?;
    let mut intervals: BTreeMap<u64, BTreeMap<u64, ProbeInterval>> = BTreeMap::new();
    // Up to when the flow records of a point have left its probe. Later intervals say it of the last ones in question.
    let mut delivered: BTreeMap<u64, u64> = BTreeMap::new();
    let until_ns = question.until_ns.saturating_add(CONTEXT_NS);
    let scan = Scan { until_ns, predicate: Predicate::True, ..question.scan(MOST_OTHERS) };
    store
        .each::<ProbeInterval>(&scan, |stored| {
            let p = stored.record;
            let until_ns = delivered.entry(p.op).or_default();
            *until_ns = p.delivered_until_ns_last.max(*until_ns);
            if p.start_ns < question.until_ns && (question.run.is_empty() || p.run == question.run) {
                sce_proto::merge(intervals.entry(p.op).or_default().entry(p.start_ns).or_default(), &p);
            }
        })
        .await?;
    let mut tallies: BTreeMap<u64, BTreeMap<u64, (u64, u64)>> = BTreeMap::new();
    for t in store.tally(question.since_ns, question.until_ns).await? {
        tallies.entry(t.op).or_default().insert(t.start_ns, (t.frames, t.records));
    }
    let mut ops: Vec<u64> = intervals.keys().chain(tallies.keys()).copied().collect();
    ops.sort_unstable();
    ops.dedup();
    let mut lines: Vec<Line> = Vec::new();
    for op in ops {
        let name = |get: fn(&ObservationPoint) -> &String| points.get(&op).map(get);
        let probe = name(|p| &p.probe).cloned().unwrap_or_else(|| id(op));
        let empty = (BTreeMap::new(), BTreeMap::new());
        let own = intervals.get(&op).unwrap_or(&empty.0);
        let found = tallies.get(&op).unwrap_or(&empty.1);
        let told = delivered.get(&op).copied().unwrap_or(0);
        let here_ns = if told > 0 { told } else { newest(&probe).saturating_sub(ON_ITS_WAY_NS) };
        let mut line = account(own, found, reports.get(&probe).map_or(&[], Vec::as_slice), here_ns);
        (line.probe, line.interface) = (probe, name(|p| &p.interface).cloned().unwrap_or_default());
        lines.push(line);
    }
    settle_losses(
        &mut lines,
        &reports,
        &ledger.iter().map(|l| (l.probe.as_str(), l.quarantined_records)).collect::<Vec<_>>(),
    );
    lines.sort_by(|a, b| (&a.probe, &a.interface).cmp(&(&b.probe, &b.interface)));
    Ok(lines)
}

async fn losses<S: Store>(
    store: &S,
    question: &Question,
    names: &BTreeMap<i64, &str>,
) -> Result<BTreeMap<String, Vec<LossReport>>, StoreError> {
    // A report is written when the loss is noticed, which may be long after the time it is about.
    let scan = Scan { since_ns: 0, until_ns: u64::MAX, predicate: Predicate::True, ..question.scan(MOST_OTHERS) };
    let mut reports: BTreeMap<String, Vec<LossReport>> = BTreeMap::new();
    let overlaps = |r: &LossReport| {
        let (from, to) = if r.to_ns == 0 { (r.at_ns, r.at_ns + 1) } else { (r.from_ns, r.to_ns) };
        to > question.since_ns && from < question.until_ns
    };
    store
        .each::<LossReport>(&scan, |stored| {
            if overlaps(&stored.record) {
                let probe = names.get(&stored.stream).copied().unwrap_or_default();
                reports.entry(String::from(probe)).or_default().push(stored.record);
            }
        })
        .await?;
    Ok(reports)
}

/// Compares interval by interval. What ended after `here_ns` may still be on its way.
fn account(
    own: &BTreeMap<u64, ProbeInterval>,
    found: &BTreeMap<u64, (u64, u64)>,
    reports: &[LossReport],
    here_ns: u64,
) -> Line {
    let mut line = Line { intervals: own.len() as u64, ..Line::default() };
    for p in own.values() {
        sce_proto::merge(&mut line.sums, p);
    }
    let mut starts: Vec<u64> = own.keys().chain(found.keys()).copied().collect();
    starts.sort_unstable();
    starts.dedup();
    let restarted = |from: u64, to: u64| {
        let within = |r: &LossReport| r.from_ns < to && (r.to_ns == 0 || r.to_ns >= from);
        reports.iter().any(|r| r.reason == "unclean_restart" && within(r))
    };
    // The account itself may be what was lost; a damaged batch does not say of what time it was.
    let account_lost = reports.iter().any(|r| r.lane == 0 && r.reason == "corrupt");
    for start in starts {
        let said = own.get(&start);
        let (frames, records) = found.get(&start).copied().unwrap_or_default();
        line.frames += frames;
        line.committed += records;
        let end = said.map_or(start + 1, |p| start + p.interval_ns);
        let whole_life = start == 0;
        match said {
            Some(p) => {
                let missing = (p.recorded_frames.saturating_sub(frames), p.records_emitted.saturating_sub(records));
                if missing != (0, 0) && restarted(start, end) {
                    line.excused.restart.0 += missing.0;
                    line.excused.restart.1 += missing.1;
                } else if missing != (0, 0) && end > here_ns && !whole_life {
                    line.excused.late.0 += missing.0;
                    line.excused.late.1 += missing.1;
                }
            }
            // Records whose interval was never accounted for: the probe was killed between writing the two.
            None if account_lost || restarted(start, end) || (end > here_ns && !whole_life) => {
                line.sums.recorded_frames += frames;
                line.sums.records_emitted += records;
                line.sums.captured_packets += frames;
                line.excused.restart.0 += frames;
            }
            None => {}
        }
    }
    line
}

/// Loss reports are by probe: they go to its only point, or to a line of their own that settles all its points together.
fn settle_losses(lines: &mut Vec<Line>, reports: &BTreeMap<String, Vec<LossReport>>, quarantined: &[(&str, u64)]) {
    let mut probes: Vec<String> = lines.iter().map(|l| l.probe.clone()).chain(reports.keys().cloned()).collect();
    probes.sort();
    probes.dedup();
    for probe in probes {
        let mut lost = LossReport::default();
        for report in reports.get(&probe).into_iter().flatten().filter(|r| r.lane == 1 || r.reason == "unclean_restart")
        {
            sce_proto::merge(&mut lost, report);
        }
        let unread = |r: &LossReport| r.lane == 1 && r.reason == "corrupt" && r.frames == 0;
        let frames_unknown = reports.get(&probe).is_some_and(|all| all.iter().any(unread));
        let held: u64 = quarantined.iter().filter(|q| q.0 == probe).map(|q| q.1).sum();
        let any = lost.records + lost.frames + lost.bytes + held > 0;
        let mut own: Vec<&mut Line> = lines.iter_mut().filter(|l| l.probe == probe).collect();
        match own.as_mut_slice() {
            [only] => (only.lost, only.quarantined, only.frames_unknown) = (lost, held, frames_unknown),
            _ if any => {
                let mut all = Line { probe: probe.clone(), interface: String::from("(all)"), ..Line::default() };
                for line in own {
                    sce_proto::merge(&mut all.sums, &line.sums);
                    all.intervals += line.intervals;
                    all.committed += line.committed;
                    all.frames += line.frames;
                    for (sum, part) in
                        [(&mut all.excused.late, line.excused.late), (&mut all.excused.restart, line.excused.restart)]
                    {
                        *sum = (sum.0 + part.0, sum.1 + part.1);
                    }
                    // What is missing at one point is in the account of all of them.
                    line.excused.restart.1 += line.missing().1;
                    line.excused.restart.0 += line.missing().0;
                }
                (all.lost, all.quarantined, all.frames_unknown) = (lost, held, frames_unknown);
                lines.push(all);
            }
            _ => {}
        }
    }
}

impl Line {
    fn accounted(&self) -> u64 {
        let s = &self.sums;
        s.recorded_frames + s.other_frames + s.non_ip_packets + s.undecodable_packets
    }

    /// Frames and records that no report explains.
    fn missing(&self) -> (u64, u64) {
        let explained_frames = self.lost.frames + self.excused.late.0 + self.excused.restart.0;
        let explained_records = self.lost.records + self.quarantined + self.excused.late.1 + self.excused.restart.1;
        let records = self.sums.records_emitted.saturating_sub(self.committed + explained_records);
        let frames = self.sums.recorded_frames.saturating_sub(self.frames + explained_frames);
        // Of quarantined and unreadable batches the number of records is known; their frames only together with those.
        let unknown = self.quarantined > 0 || self.frames_unknown;
        (if unknown && records == 0 { 0 } else { frames }, records)
    }

    /// Frames and records here that the probe did not account for.
    fn surplus(&self) -> (u64, u64) {
        let frames = self.frames.saturating_sub(self.sums.recorded_frames);
        (frames, self.committed.saturating_sub(self.sums.records_emitted))
    }

    fn balanced(&self) -> bool {
        self.sums.captured_packets == self.accounted() && self.missing() == (0, 0) && self.surplus() == (0, 0)
    }

    fn verdict(&self) -> String {
        let mut words = Vec::new();
        let captured = self.sums.captured_packets;
        if captured != self.accounted() {
            words.push(format!("captured {captured} but accounted for {}", self.accounted()));
        }
        let mut tell = |what: &str, (frames, records): (u64, u64)| {
            if (frames, records) != (0, 0) {
                words.push(format!("{frames} frames in {records} records {what}"));
            }
        };
        tell("missing without a report", self.missing());
        tell("here that the probe never accounted for", self.surplus());
        let balanced = words.is_empty();
        if balanced {
            words.push(String::from("balanced"));
        }
        let mut add = |n: u64, text: &str| {
            if n > 0 {
                words.push(format!("{n} {text}"));
            }
        };
        add(self.sums.kernel_drops, "frames dropped by the kernel");
        add(self.sums.interface_drops, "frames dropped by the interface");
        add(self.sums.other_frames, "frames in the `other` bucket (flow table full)");
        add(self.lost.records, "records reported lost");
        add(self.quarantined, "records in quarantine");
        add(self.excused.late.1, "records still on their way");
        words.join(", ")
    }
}

/// Columns of `audit`.
pub(super) fn columns() -> Vec<Def<Line>> {
    let count = |name: &str, unit, help: &str, get: fn(&Line) -> u64| {
        Def::new(name, unit, help, move |l: &Line| Cell::U(get(l)))
    };
    vec![
        Def::new("probe", "", "Name of the probe.", |l: &Line| Cell::T(l.probe.clone())).shown(),
        Def::new("interface", "", "Interface or file; (all): the probe's points together.", |l: &Line| {
            Cell::text(l.interface.clone())
        })
        .shown(),
        count("intervals", "", "Intervals accounted for.", |l| l.intervals),
        count("captured", "frames", "Frames handed over by the capture.", |l| l.sums.captured_packets).shown(),
        count("accounted", "frames", "recorded + other + non_ip + undecodable.", Line::accounted).shown(),
        count("recorded", "frames", "Frames in flow records, as the probe counts.", |l| l.sums.recorded_frames),
        count("found", "frames", "Frames in the flow records here.", |l| l.frames).shown(),
        count("other", "frames", "Frames in the `other` bucket.", |l| l.sums.other_frames),
        count("non_ip", "frames", "Frames without IP.", |l| l.sums.non_ip_packets),
        count("undecodable", "frames", "Frames that could not be decoded.", |l| l.sums.undecodable_packets),
        count("kernel_drops", "frames", "Frames the kernel dropped before the probe saw them.", |l| {
            l.sums.kernel_drops
        })
        .shown(),
        count("interface_drops", "frames", "Frames dropped by the interface.", |l| l.sums.interface_drops),
        count("emitted", "", "Flow records the probe emitted.", |l| l.sums.records_emitted).shown(),
        count("committed", "", "Flow records here.", |l| l.committed).shown(),
        count("reported_lost", "", "Flow records reported lost.", |l| l.lost.records).shown(),
        count("lost_frames", "frames", "Frames in those.", |l| l.lost.frames),
        count("quarantined", "", "Records in quarantine.", |l| l.quarantined),
        count("on_its_way", "", "Records of the newest intervals that are not here yet.", |l| l.excused.late.1),
        count("missing_frames", "frames", "Frames that no report explains.", |l| l.missing().0),
        count("missing_records", "", "Flow records that no report explains.", |l| l.missing().1),
        Def::new("balanced", "", "Whether the account balances.", |l: &Line| Cell::B(l.balanced())).shown(),
        Def::new("verdict", "", "The same in words.", |l: &Line| Cell::T(l.verdict())).shown(),
    ]
}
