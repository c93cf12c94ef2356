//! Reading captures through the meter, for the tests that compare it with others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use sce_meter::{Config, Frame, LinkType, Meter, Records};
use sce_probe::source::CaptureFile;
use sce_proto::{FlowInterval, ProbeInterval, merge};

/// Sender's and receiver's end, protocol.
pub(crate) type Ends = (u32, IpAddr, u32, IpAddr, u32);

/// What a capture file gave.
pub(crate) struct Metered {
    pub(crate) flows: BTreeMap<Ends, Direction>,
    pub(crate) probe: ProbeInterval,
    pub(crate) frames: u64,
}

/// The records of one pair of ends, summed.
pub(crate) struct Direction {
    pub(crate) sum: FlowInterval,
    pub(crate) instances: BTreeSet<u64>,
}

/// Meters a capture file.
pub(crate) fn meter(path: &Path, config: Config) -> Metered {
    let mut meter = Meter::new(config);
    let mut out = Records::default();
    let mut frames = 0;
    if let Ok(mut file) = CaptureFile::open(path) {
        // A damaged file counts up to the damage.
        while let Ok(Some(raw)) = file.next_frame() {
            let frame = Frame {
                time_ns: raw.time_ns,
                link: LinkType(u32::from(raw.link)),
                wire_len: raw.wire_len,
                data: raw.data,
                vlan: None,
                gso: None,
                outgoing: None,
            };
            if frame.time_ns >= meter.deadline() {
                meter.advance(frame.time_ns, &mut out);
            }
            meter.observe(&frame);
            frames += 1;
        }
    }
    meter.finish(&mut out);
    let mut probe = ProbeInterval::default();
    for p in &out.probe {
        merge(&mut probe, p);
    }
    let mut flows: BTreeMap<Ends, Direction> = BTreeMap::new();
    for record in out.flows {
        let ends =
            (record.ip_proto, address(&record.src_ip), record.src_port, address(&record.dst_ip), record.dst_port);
        match flows.get_mut(&ends) {
            None => {
                let instances = [record.flow].into();
                flows.insert(ends, Direction { sum: record, instances });
            }
            Some(direction) => {
                direction.instances.insert(record.flow);
                merge(&mut direction.sum, &record);
            }
        }
    }
    Metered { flows, probe, frames }
}

pub(crate) fn address(octets: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(octets) {
        Ok(v4) => IpAddr::from(v4),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap()),
    }
}
