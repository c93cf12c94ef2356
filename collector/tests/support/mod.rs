//! What tests of the correlation share: captures in, sightings out, through the real meter.
#![allow(dead_code, unreachable_pub, reason = "not every test uses every helper")]

pub mod path;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sce_collector::correlate::{self, Joined, Options, Sighting};
use sce_meter::{Config, Frame, Gso, LinkType, MarksConfig, Meter, Records};
use sce_proto::{FlowInterval, Merge, ObservationPoint, Record};

/// The join, which must say the same when records have only what it says it looks at.
pub fn correlate(points: &[ObservationPoint], sightings: &[Sighting], options: &Options) -> Vec<Joined> {
    let joined = correlate::correlate(points, sightings, options);
    for (counts_only, joined) in [
        (options.counts_only, &joined),
        (true, &correlate::correlate(points, sightings, &Options { counts_only: true, ..options.clone() })),
    ] {
        let bare: Vec<Sighting> = sightings.iter().map(|s| bare(s, correlate::reads(counts_only))).collect();
        let options = Options { counts_only, ..options.clone() };
        assert_eq!(format!("{joined:?}"), format!("{:?}", correlate::correlate(points, &bare, &options)));
    }
    joined
}

/// A sighting whose records have nothing but keys and these fields.
fn bare(sighting: &Sighting, fields: &[&str]) -> Sighting {
    let looked = |record: &FlowInterval| {
        let mut out = Box::<FlowInterval>::default();
        for (at, field) in FlowInterval::FIELDS.iter().enumerate() {
            if field.merge == Merge::Key || fields.contains(&field.name) {
                out.set(at, record.get(at));
            }
        }
        out
    };
    let looked = |records: &[Option<Box<FlowInterval>>; 2]| records.each_ref().map(|r| r.as_deref().map(looked));
    Sighting { totals: looked(&sighting.totals), window: looked(&sighting.window), ..sighting.clone() }
}

/// A captured frame.
#[derive(Debug, Clone)]
pub struct Captured {
    pub time_ns: u64,
    pub wire_len: u32,
    pub data: Vec<u8>,
    pub gso: Option<Gso>,
}

/// Reads a classic pcap file of either byte order and either precision.
pub fn read_pcap(path: &Path) -> Vec<Captured> {
    let bytes = std::fs::read(path).unwrap();
    let magic = u32::from_le_bytes(bytes[..4].try_into().unwrap());
    let (big, scale) = match magic {
        0xa1b2_c3d4 => (false, 1000),
        0xa1b2_3c4d => (false, 1),
        0xd4c3_b2a1 => (true, 1000),
        0x4d3c_b2a1 => (true, 1),
        other => panic!("{}: not a pcap file: {other:x}", path.display()),
    };
    let word = |at: usize| {
        let raw: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        if big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) }
    };
    let mut out = Vec::new();
    let mut at = 24;
    while at + 16 <= bytes.len() {
        let (caplen, wire_len) = (word(at + 8) as usize, word(at + 12));
        let time_ns = u64::from(word(at)) * 1_000_000_000 + u64::from(word(at + 4)) * scale;
        out.push(Captured { time_ns, wire_len, data: bytes[at + 16..at + 16 + caplen].to_vec(), gso: None });
        at += 16 + caplen;
    }
    out
}

/// What the meter of one observation point makes of frames.
pub fn metered(op: u64, frames: &[Captured], interval_ns: u64, marks: &MarksConfig) -> Records {
    let mut meter = Meter::new(Config { op, interval_ns, marks: marks.clone(), ..Config::default() });
    let mut out = Records::default();
    for f in frames {
        if f.time_ns >= meter.deadline() {
            meter.advance(f.time_ns, &mut out);
        }
        meter.observe(&Frame {
            time_ns: f.time_ns,
            link: LinkType::ETHERNET,
            wire_len: f.wire_len,
            data: &f.data,
            vlan: None,
            gso: f.gso,
            outgoing: None,
        });
    }
    meter.finish(&mut out);
    out
}

/// One sighting per flow instance, as the collector would load them.
pub fn sightings(records: &Records) -> Vec<Sighting> {
    let mut by_flow: BTreeMap<(u64, u64), Sighting> = BTreeMap::new();
    for r in &records.flows {
        let s = by_flow.entry((r.op, r.flow)).or_default();
        (s.op, s.flow) = (r.op, r.flow);
        match &mut s.totals[r.direction as usize] {
            Some(sum) => sce_proto::merge(&mut **sum, r),
            none => *none = Some(Box::new(r.clone())),
        }
    }
    for m in &records.marks {
        let s = by_flow.entry((m.op, m.flow)).or_default();
        (s.op, s.flow) = (m.op, m.flow);
        s.marks[m.direction as usize].push(m.clone());
    }
    by_flow.into_values().collect()
}

/// An observation point that read a file: its clock is its own.
pub fn file_point(op: u64) -> ObservationPoint {
    ObservationPoint { op, probe: format!("p{op}"), hook: "file".to_owned(), ..ObservationPoint::default() }
}

/// The place of shared test material beside the workspace; `None`, loudly, where it is absent.
pub fn shared(what: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(what);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "{} is missing", path.display());
    eprintln!("SKIPPED: {} is not here", path.display());
    None
}
