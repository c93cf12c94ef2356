//! Observation points: who saw the packets, in the terms that the records use.

use std::hash::Hasher;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sce_proto::ObservationPoint;
use siphasher::sip::SipHasher24;

/// What all points of this process have in common.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Name of the probe.
    pub probe: String,
    /// Host name.
    pub host: String,
    /// Network namespace inode.
    pub netns: u64,
    /// Identifier of the running kernel: the name of its clock.
    pub boot_id: String,
}

impl Place {
    /// This host, as far as it tells.
    #[must_use]
    pub fn here(probe: &str) -> Place {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Place {
            probe: probe.to_owned(),
            host: host_name(),
            netns: std::fs::metadata("/proc/self/ns/net").map_or(0, |m| m.ino()),
            boot_id: boot_id.trim().to_owned(),
        }
    }

    /// The point of a capture file. `clock` names the clock that stamped it; empty = one of its own.
    #[must_use]
    pub fn file(&self, path: &Path, clock: &str) -> ObservationPoint {
        let name = path.file_name().map_or_else(|| "-".to_owned(), |n| n.to_string_lossy().into_owned());
        // Without a word from the user two files are never said to share a clock.
        let clock_domain = if clock.is_empty() { format!("file {} {}", self.probe, name) } else { clock.to_owned() };
        named(ObservationPoint {
            probe: self.probe.clone(),
            host: self.host.clone(),
            interface: name,
            hook: "file".to_owned(),
            clock_domain,
            ..ObservationPoint::default()
        })
    }

    /// The point of a live interface.
    #[must_use]
    pub fn interface(&self, name: &str, hook: &str) -> ObservationPoint {
        named(ObservationPoint {
            probe: self.probe.clone(),
            host: self.host.clone(),
            netns: self.netns,
            interface: name.to_owned(),
            hook: hook.to_owned(),
            clock_domain: self.boot_id.clone(),
            ..ObservationPoint::default()
        })
    }
}

/// Name of this host.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Sets the identifier: SipHash-2-4 with a zero key over probe, host, namespace, interface and hook, texts behind their
/// length.
fn named(mut point: ObservationPoint) -> ObservationPoint {
    let mut h = SipHasher24::new();
    for text in [&point.probe, &point.host] {
        h.write(&(text.len() as u32).to_le_bytes());
        h.write(text.as_bytes());
    }
    h.write(&point.netns.to_le_bytes());
    for text in [&point.interface, &point.hook] {
        h.write(&(text.len() as u32).to_le_bytes());
        h.write(text.as_bytes());
    }
    // Databases have signed integers; identifiers stay positive in them.
    point.op = h.finish() >> 1;
    point
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_differ_where_anything_differs() {
        let place = Place { probe: "a".into(), host: "h".into(), netns: 1, boot_id: "b".into() };
        let eth0 = place.interface("eth0", "af-packet");
        assert_eq!(eth0.op, place.interface("eth0", "af-packet").op);
        let others = [
            place.interface("eth1", "af-packet"),
            place.interface("eth0", "tc"),
            Place { netns: 2, ..place.clone() }.interface("eth0", "af-packet"),
            Place { probe: "ah".into(), host: String::new(), ..place.clone() }.interface("eth0", "af-packet"),
            place.file(Path::new("/x/eth0"), ""),
        ];
        assert!(others.iter().all(|o| o.op != eth0.op && o.op > 0));
        assert_ne!(place.file(Path::new("a"), "").clock_domain, place.file(Path::new("b"), "").clock_domain);
    }
}
