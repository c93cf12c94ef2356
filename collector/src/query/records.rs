//! Views that are records as they are stored, with the names of probe and point beside them: `series`, `intervals`,
//! `streams`, `sockets`, `loss`, `points`; and `probes`, the ledger by probe.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::source::Source;
use sce_proto::{Field, LossReport, ObservationPoint, ProbeInterval, Record};

use super::filter::proto_name;
use super::load::{MOST_OTHERS, Question, points};
use super::table::Cell;
use super::view::{Def, fields, position, value};
use crate::ingest::Connected;
use crate::store::predicate::Predicate;
use crate::store::{LedgerLine, Store, StoreError};

/// What the default table of each record kind shows beside time, probe and interface.
const SHOWN: [(&str, &[&str]); 6] = [
    ("flow_interval", &["start_ns", "flow", "direction", "packets", "ip_bytes", "ect1_packets", "ce_packets"]),
    (
        "socket_sample",
        &[
            "at_ns",
            "src_ip",
            "src_port",
            "dst_ip",
            "dst_port",
            "congestion_control",
            "cwnd_segments_last",
            "ssthresh_segments_last",
            "srtt_ns_last",
            "flight_segments_last",
            "retransmitted_segments",
            "delivery_bytes_per_s_last",
        ],
    ),
    ("stream_interval", &["start_ns", "flow", "direction", "stream", "chunks", "user_bytes"]),
    (
        "probe_interval",
        &["start_ns", "captured_packets", "kernel_drops", "recorded_frames", "other_frames", "records_emitted"],
    ),
    ("loss_report", &["at_ns", "reason", "lane", "records", "frames", "from_ns", "to_ns"]),
    ("observation_point", &["probe", "host", "interface", "hook", "last_ns", "clock_domain"]),
];

/// A record and where it came from.
pub(super) struct Item<R> {
    point: Option<Arc<ObservationPoint>>,
    probe: String,
    pub(super) record: R,
}

/// The records of a window.
pub(super) async fn items<S: Store, R: Source>(
    store: &S,
    question: &Question,
    predicate: Predicate,
) -> Result<Vec<Item<R>>, StoreError> {
    let points: BTreeMap<u64, Arc<ObservationPoint>> =
        points(store, &question.trace).await?.into_iter().map(|(op, p)| (op, Arc::new(p))).collect();
    let streams: BTreeMap<i64, String> = store.ledger().await?.into_iter().map(|l| (l.stream, l.probe)).collect();
    let mut scan = question.scan(MOST_OTHERS);
    if R::position("run").is_none() {
        scan.predicate = Predicate::True;
    }
    scan.predicate = scan.predicate.and(predicate);
    let op = position::<R>("op");
    let mut out = Vec::new();
    R::read(store, &scan, &question.trace, |stored| {
        let point = points.get(&value(&stored.record, op)).cloned();
        let probe = match &point {
            Some(point) => point.probe.clone(),
            None => streams.get(&stored.stream).cloned().unwrap_or_default(),
        };
        out.push(Item { point, probe, record: stored.record });
    })
    .await?;
    let time = ["start_ns", "at_ns"].map(position::<R>);
    out.sort_by_key(|item| time.map(|t| value(&item.record, t)));
    Ok(out)
}

/// Columns of such a view.
pub(super) fn columns<R: Record + Send + 'static>() -> Vec<Def<Item<R>>> {
    let shown = SHOWN.iter().find(|s| s.0 == R::TABLE).map_or(&[][..], |s| s.1);
    let known = |f: &Field| f.name != "op" && f.name != "ip_proto";
    let own = fields("", known, shown, |item: &Item<R>| Some(&item.record));
    let mut out = Vec::new();
    let probe = R::position("probe").is_none();
    if probe {
        out.push(Def::new("probe", "", "Name of the probe.", |i: &Item<R>| Cell::text(i.probe.clone())).shown());
    }
    if R::position("op").is_some() && R::position("interface").is_none() {
        let interface = |i: &Item<R>| i.point.as_ref().map_or(Cell::None, |p| Cell::text(p.interface.clone()));
        out.push(Def::new("interface", "", "Interface or file.", interface).shown());
    }
    let proto = R::position("ip_proto");
    // The time comes first, then where and what.
    let (time, rest): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|d| matches!(d.column.name.as_str(), "start_ns" | "at_ns"));
    let mut all = time;
    all.append(&mut out);
    if let Some(i) = proto {
        let get = move |item: &Item<R>| Cell::T(proto_name(item.record.get(i).u64() as u8));
        all.push(Def::new("proto", "", "Transport protocol.", get).shown());
    }
    all.extend(rest);
    all
}

/// Observation points, each once.
pub(super) async fn observation_points<S: Store>(
    store: &S,
    question: &Question,
) -> Result<Vec<Item<ObservationPoint>>, StoreError> {
    let all = points(store, &question.trace).await?.into_values();
    Ok(all.map(|record| Item { point: None, probe: String::new(), record }).collect())
}

/// One probe.
pub(super) struct Probe {
    name: String,
    lines: Vec<LedgerLine>,
    connected: bool,
    points: usize,
    latest: Option<ProbeInterval>,
    lost: LossReport,
}

/// All probes.
pub(super) async fn probes<S: Store>(
    store: &S,
    question: &Question,
    presence: &dyn Connected,
) -> Result<Vec<Probe>, StoreError> {
    let points = points(store, &question.trace).await?;
    let mut by: BTreeMap<String, Vec<LedgerLine>> = BTreeMap::new();
    for line in store.ledger().await? {
        by.entry(line.probe.clone()).or_default().push(line);
    }
    let newest = by.values().flatten().map(|l| l.newest_ns).max().unwrap_or(0);
    // The state of a probe is in its latest interval; a minute is enough to find it for all that are alive.
    let recent = Question { since_ns: newest.saturating_sub(60_000_000_000), until_ns: u64::MAX, ..question.clone() };
    let mut latest: BTreeMap<String, ProbeInterval> = BTreeMap::new();
    for item in items::<S, ProbeInterval>(store, &recent, Predicate::True).await? {
        latest.insert(item.probe, item.record);
    }
    let mut lost: BTreeMap<String, LossReport> = BTreeMap::new();
    for item in items::<S, LossReport>(store, question, Predicate::True).await? {
        sce_proto::merge(lost.entry(item.probe).or_default(), &item.record);
    }
    let probe = |(name, lines): (String, Vec<LedgerLine>)| Probe {
        connected: presence.connected(&name),
        points: points.values().filter(|p| p.probe == name).count(),
        latest: latest.remove(&name),
        lost: lost.remove(&name).unwrap_or_default(),
        lines,
        name,
    };
    Ok(by.into_iter().map(probe).collect())
}

/// Columns of `probes`.
pub(super) fn probe_columns() -> Vec<Def<Probe>> {
    let sum = |name: &str, unit, help: &str, get: fn(&LedgerLine) -> u64| {
        Def::new(name, unit, help, move |p: &Probe| Cell::U(p.lines.iter().map(get).sum()))
    };
    let latest = |name: &str, unit, help: &str, get: fn(&ProbeInterval) -> Cell| {
        Def::new(name, unit, help, move |p: &Probe| p.latest.as_ref().map_or(Cell::None, get))
    };
    let last = |get: fn(&LedgerLine) -> u64| {
        move |p: &Probe| match p.lines.iter().map(get).max() {
            None | Some(0) => Cell::None,
            Some(ns) => Cell::U(ns),
        }
    };
    let text = |get: fn(&LedgerLine) -> &str| {
        move |p: &Probe| p.lines.iter().max_by_key(|l| l.committed_ns).map_or(Cell::None, |l| Cell::text(get(l)))
    };
    vec![
        Def::new("probe", "", "Name of the probe.", |p: &Probe| Cell::T(p.name.clone())).shown(),
        Def::new("host", "", "Host it runs on.", text(|l| &l.host)),
        Def::new("version", "", "Its version.", text(|l| &l.version)),
        Def::new("connected", "", "Whether it has a stream open to this collector.", |p: &Probe| Cell::B(p.connected))
            .shown(),
        Def::new("newest_ns", "ns", "End of its newest interval here, ns since the epoch.", last(|l| l.newest_ns))
            .shown(),
        Def::new("committed_ns", "ns", "Time of the last commit, ns since the epoch.", last(|l| l.committed_ns)),
        Def::new("points", "", "Observation points.", |p: &Probe| Cell::U(p.points as u64)).shown(),
        latest("spool_bytes", "bytes", "Bytes waiting in its spool.", |i| Cell::U(i.spool_bytes_last)).shown(),
        latest("spool_batches", "", "Batches waiting in its spool.", |i| Cell::U(i.spool_batches_last)),
        latest("flows_active", "", "Flows in its table.", |i| Cell::U(i.flows_active_last)),
        latest("clock_synced", "", "Whether its kernel calls its clock synchronised.", |i| {
            Cell::B(i.clock_synced_last == 1)
        }),
        latest("clock_error_ns", "ns", "The kernel's bound of its clock error.", |i| Cell::U(i.clock_error_ns_last)),
        sum("batches", "", "Batches committed.", |l| l.batches),
        sum("records", "", "Records committed.", |l| l.records).shown(),
        sum("duplicate_batches", "", "Batches that came again and were passed over.", |l| l.duplicates),
        sum("skipped_batches", "", "Batches passed over because they were reported lost.", |l| l.skipped),
        sum("quarantined_batches", "", "Batches that could not be stored and are kept as they came.", |l| {
            l.quarantined
        }),
        sum(
            "streams_opened",
            "",
            "Times its streams were opened; a fast rise means two probes share an identity.",
            |l| l.claims,
        ),
        Def::new(
            "epochs",
            "",
            "Lives of its spool; each beyond the first is a spool lost or rolled back.",
            |p: &Probe| {
                let mut epochs: Vec<u64> = p.lines.iter().map(|l| l.epoch).collect();
                epochs.sort_unstable();
                epochs.dedup();
                Cell::U(epochs.len() as u64)
            },
        ),
        Def::new("lost_records", "", "Records it reported lost in the window.", |p: &Probe| Cell::U(p.lost.records))
            .shown(),
        Def::new("lost_frames", "frames", "Frames those records counted, where known.", |p: &Probe| {
            Cell::U(p.lost.frames)
        }),
    ]
}
