//! From SCTP's tracepoints to samples per path and interval.
//!
//! In: records of `sctp_probe` and `sctp_probe_path`, with their formats. Out: one [`SocketSample`] per path that had an event.
//! The kernel emits the paths of an association first, and then the association's record, which alone has the ports.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use sce_proto::SocketSample;
use sce_proto::bits::socket_known;

use super::format::Format;

/// Associations remembered at most; further ones are not sampled by tracepoint.
const MAX_ASSOCIATIONS: usize = 4096;

/// The formats of both tracepoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Formats {
    pub(crate) probe: Format,
    pub(crate) path: Format,
}

/// One association, by the kernel's address of it.
#[derive(Debug, Default)]
struct Association {
    local_port: u16,
    peer_port: u16,
    rwnd: u64,
    /// Smallest in the interval. A closed window counts.
    rwnd_min: u64,
    unacked: u64,
    known: bool,
    /// Whether its own record came in this interval.
    probed: bool,
    paths: HashMap<IpAddr, Path>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Path {
    events: u64,
    cwnd: u64,
    cwnd_min: u64,
    cwnd_max: u64,
    ssthresh: u64,
    flight: u64,
    flight_max: u64,
    partial_acked: u64,
    mtu: u64,
    state: u64,
    primary: bool,
}

/// Collects events.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    associations: HashMap<u64, Association>,
}

/// A path's sample and what it is joined by.
#[derive(Debug)]
pub(crate) struct PathSample {
    pub(crate) sample: SocketSample,
    pub(crate) local_port: u16,
    pub(crate) peer: (IpAddr, u16),
}

impl Paths {
    /// A record of `sctp_probe`.
    pub(crate) fn association(&mut self, format: &Format, record: &[u8]) {
        let number = |name| format.number(record, name);
        let (Some(asoc), Some(local), Some(peer)) = (number("asoc"), number("bind_port"), number("peer_port")) else {
            return;
        };
        let Some(a) = self.entry(asoc) else { return };
        (a.local_port, a.peer_port, a.known) = (local as u16, peer as u16, true);
        a.rwnd = number("rwnd").unwrap_or(0);
        a.rwnd_min = if a.probed { a.rwnd_min.min(a.rwnd) } else { a.rwnd };
        a.probed = true;
        a.unacked = number("unack_data").unwrap_or(0);
    }

    /// A record of `sctp_probe_path`.
    pub(crate) fn path(&mut self, format: &Format, record: &[u8]) {
        let number = |name| format.number(record, name).unwrap_or(0);
        let (Some(asoc), Some(peer)) = (format.number(record, "asoc"), format.address(record, "ipaddr")) else {
            return;
        };
        let Some(a) = self.entry(asoc) else { return };
        let p = a.paths.entry(peer).or_default();
        let (cwnd, flight) = (number("cwnd"), number("flight_size"));
        p.cwnd_min = if p.events == 0 { cwnd } else { p.cwnd_min.min(cwnd) };
        p.cwnd_max = if p.events == 0 { cwnd } else { p.cwnd_max.max(cwnd) };
        p.flight_max = if p.events == 0 { flight } else { p.flight_max.max(flight) };
        (p.cwnd, p.flight) = (cwnd, flight);
        p.events += 1;
        p.ssthresh = number("ssthresh");
        p.partial_acked = number("partial_bytes_acked");
        p.mtu = number("pathmtu");
        p.state = number("state");
        p.primary = number("primary") != 0;
    }

    fn entry(&mut self, asoc: u64) -> Option<&mut Association> {
        if !self.associations.contains_key(&asoc) && self.associations.len() >= MAX_ASSOCIATIONS {
            return None;
        }
        Some(self.associations.entry(asoc).or_default())
    }

    /// Ends the interval: samples of the paths that had events. Associations without any are forgotten: their address may
    /// be another's soon.
    pub(crate) fn take(&mut self) -> Vec<PathSample> {
        let mut out = Vec::new();
        let mut quiet = HashSet::new();
        let mut asocs: Vec<u64> = self.associations.keys().copied().collect();
        asocs.sort_unstable();
        for asoc in asocs {
            let Some(a) = self.associations.get_mut(&asoc) else { continue };
            let mut peers: Vec<IpAddr> = a.paths.keys().copied().collect();
            peers.sort_unstable();
            if peers.is_empty() {
                quiet.insert(asoc);
            }
            if !a.known {
                continue; // its own record is still to come
            }
            a.probed = false;
            for peer in peers {
                let Some(p) = a.paths.remove(&peer) else { continue };
                out.push(PathSample { sample: sample(&p, a), local_port: a.local_port, peer: (peer, a.peer_port) });
            }
        }
        self.associations.retain(|asoc, _| !quiet.contains(asoc));
        out
    }
}

fn sample(p: &Path, a: &Association) -> SocketSample {
    SocketSample {
        source: "sctp_probe".into(),
        known_bits: socket_known::PATH | socket_known::EXTREMES,
        events: p.events,
        cwnd_bytes_last: p.cwnd,
        cwnd_bytes_min: p.cwnd_min,
        cwnd_bytes_max: p.cwnd_max,
        ssthresh_bytes_last: p.ssthresh,
        flight_bytes_last: p.flight,
        flight_bytes_max: p.flight_max,
        partial_acked_bytes_last: p.partial_acked,
        path_mtu_bytes_last: p.mtu,
        path_state_last: p.state,
        path_primary_last: p.primary.into(),
        unacked_chunks_last: a.unacked,
        snd_wnd_bytes_last: a.rwnd, // the kernel's `rwnd` here is the peer's
        snd_wnd_bytes_min: a.rwnd_min,
        ..SocketSample::default()
    }
}
