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
/// Paths of one event at most.
const MAX_PATHS: usize = 64;

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
    /// Paths of the latest event, until the association's own record says whose they are.
    pending: Vec<(u64, IpAddr, Path)>,
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

impl Association {
    /// Samples of the path events that wait for the association's record.
    fn events(&mut self) -> Vec<PathSample> {
        let pending = std::mem::take(&mut self.pending);
        let sample = |(at_ns, peer, path): (u64, IpAddr, Path)| {
            let mut sample = sample(&path, self);
            // Of this very event, not the smallest of the interval.
            sample.known_bits &= !socket_known::EXTREMES;
            sample.snd_wnd_bytes_min = self.rwnd;
            (sample.at_ns, sample.event) = (at_ns, "sctp_probe_path".into());
            PathSample { sample, local_port: self.local_port, peer: (peer, self.peer_port) }
        };
        pending.into_iter().map(sample).collect()
    }
}

/// Collects events.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    associations: HashMap<u64, Association>,
    /// Whether every event is wanted, besides what a whole interval held.
    keep_events: bool,
    events: Vec<PathSample>,
}

/// A path's sample and what it is joined by.
#[derive(Debug)]
pub(crate) struct PathSample {
    pub(crate) sample: SocketSample,
    pub(crate) local_port: u16,
    pub(crate) peer: (IpAddr, u16),
}

impl Paths {
    /// With `keep_events`, [`Paths::take_events`] has a sample of every event.
    pub(crate) fn new(keep_events: bool) -> Paths {
        Paths { keep_events, ..Paths::default() }
    }

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
        let now = a.events();
        self.events.extend(now);
    }

    /// The samples of the events since the last call; their times are CLOCK_MONOTONIC.
    pub(crate) fn take_events(&mut self) -> Vec<PathSample> {
        let mut out = std::mem::take(&mut self.events);
        // Those whose association's record is still to come have its previous one.
        out.extend(self.associations.values_mut().filter(|a| a.known).flat_map(Association::events));
        out
    }

    /// A record of `sctp_probe_path` at a time of CLOCK_MONOTONIC.
    pub(crate) fn path(&mut self, format: &Format, record: &[u8], at_ns: u64) {
        let number = |name| format.number(record, name).unwrap_or(0);
        let (Some(asoc), Some(peer)) = (format.number(record, "asoc"), format.address(record, "ipaddr")) else {
            return;
        };
        let keep_events = self.keep_events;
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
        if keep_events && a.pending.len() < MAX_PATHS {
            let alone = Path { events: 1, cwnd_min: cwnd, cwnd_max: cwnd, flight_max: flight, ..*p };
            a.pending.push((at_ns, peer, alone));
        }
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
