//! Reads captures for tests: pcap and pcapng as far as the files of these tests need it, and nothing more.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and a failing test may panic")]

use std::path::{Path, PathBuf};

use sce_meter::{Config, Frame, LinkType, Meter, Records};
use sce_proto::{FlowInterval, ProbeInterval, Record, StreamInterval};

/// All records of one capture.
pub(crate) struct Flows {
    pub(crate) all: Vec<FlowInterval>,
    pub(crate) streams: Vec<StreamInterval>,
    pub(crate) probe: Vec<ProbeInterval>,
}

impl Flows {
    /// The record of one direction by its sender's address and both ports.
    pub(crate) fn from(&self, src: &str, src_port: u32, dst_port: u32) -> &FlowInterval {
        let ip: std::net::IpAddr = src.parse().unwrap();
        let octets = match ip {
            std::net::IpAddr::V4(a) => a.octets().to_vec(),
            std::net::IpAddr::V6(a) => a.octets().to_vec(),
        };
        let same = |r: &&FlowInterval| r.src_ip == octets && r.src_port == src_port && r.dst_port == dst_port;
        self.all.iter().find(same).unwrap_or_else(|| panic!("no flow from {src}:{src_port} to port {dst_port}"))
    }
}

/// A capture of the shared collection, or `None` where that is not at hand.
pub(crate) fn capture(name: &str) -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let file = shared.join(name);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", file.display());
    eprintln!("skipped: {} is not here", file.display());
    None
}

/// Meters a capture; `interval_ns` 0 = one record per flow and direction.
pub(crate) fn open(file: &Path, interval_ns: u64) -> Flows {
    run(&frames(&std::fs::read(file).unwrap()), Config { interval_ns, ..Config::default() })
}

/// Meters frames (time, link type, bytes).
pub(crate) fn run(frames: &[(u64, u32, Vec<u8>)], config: Config) -> Flows {
    let (mut meter, mut out) = (Meter::new(config), Records::default());
    for (time_ns, link, data) in frames {
        if *time_ns >= meter.deadline() {
            meter.advance(*time_ns, &mut out);
        }
        let wire_len = data.len() as u32;
        let link = LinkType(*link);
        meter.observe(&Frame { time_ns: *time_ns, link, wire_len, data, vlan: None, gso: None, outgoing: None });
    }
    meter.finish(&mut out);
    Flows { all: out.flows, streams: out.streams, probe: out.probe }
}

/// The fields of a record that are not zero or empty.
pub(crate) fn text<R: Record>(r: &R) -> String {
    let fields = R::FIELDS.iter().enumerate().filter(|(i, f)| !r.get(*i).is_default() && !f.name.ends_with("_sketch"));
    fields.map(|(i, f)| format!("{}={:?}", f.name, r.get(i))).collect::<Vec<_>>().join(" ")
}

/// The frames of a little-endian pcap or pcapng file: time in ns, link type, bytes.
pub(crate) fn frames(file: &[u8]) -> Vec<(u64, u32, Vec<u8>)> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut frames = Vec::new();
    match word(0) {
        magic @ (0xa1b2_c3d4 | 0xa1b2_3c4d) => {
            let unit = if magic == 0xa1b2_c3d4 { 1000 } else { 1 };
            let link = word(20) & 0x0fff_ffff;
            let mut at = 24;
            while at + 16 <= file.len() {
                let len = word(at + 8) as usize;
                let time = u64::from(word(at)) * 1_000_000_000 + u64::from(word(at + 4)) * unit;
                frames.push((time, link, file[at + 16..at + 16 + len].to_vec()));
                at += 16 + len;
            }
        }
        0x0a0d_0d0a => {
            // (link type, ns per unit) of each interface.
            let mut interfaces: Vec<(u32, u64)> = Vec::new();
            let mut at = 0;
            while at + 12 <= file.len() {
                let (kind, len) = (word(at), word(at + 4) as usize);
                match kind {
                    1 => interfaces.push((word(at + 8) & 0xffff, resolution(&file[at + 16..at + len - 4]))),
                    6 => {
                        let (link, unit) = interfaces[word(at + 8) as usize];
                        let time = (u64::from(word(at + 12)) << 32 | u64::from(word(at + 16))) * unit;
                        frames.push((time, link, file[at + 28..at + 28 + word(at + 20) as usize].to_vec()));
                    }
                    _ => {}
                }
                at += len;
            }
        }
        other => panic!("magic {other:x}: not a file for these tests"),
    }
    frames
}

/// `if_tsresol` of an interface block's options, as ns per unit.
fn resolution(mut options: &[u8]) -> u64 {
    while options.len() >= 4 {
        let (code, len) = (u16::from_le_bytes([options[0], options[1]]), u16::from_le_bytes([options[2], options[3]]));
        if code == 9 {
            return 10u64.pow(9 - u32::from(options[4]));
        }
        options = &options[(4 + usize::from(len).next_multiple_of(4)).min(options.len())..];
    }
    1000
}
