//! SCTP: windows per path from the kernel's tracepoints where it has them, and association statistics by netlink.
//!
//! In: `sctp:sctp_probe` and `sctp:sctp_probe_path` through `bpf/sctp.bpf.c`, dumps of sock_diag. Out: [`SocketSample`]
//! records. Where the kernel has no SCTP there is nothing to do, and that is no fault.

#[cfg_attr(not(feature = "ebpf"), allow(dead_code, reason = "nobody fills it without the kernel program"))]
mod format;
mod info;
#[cfg(feature = "ebpf")]
mod kernel;
#[cfg(not(feature = "ebpf"))]
#[path = "absent.rs"]
mod kernel;
#[cfg_attr(not(feature = "ebpf"), allow(dead_code, reason = "nobody fills it without the kernel program"))]
mod paths;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use sce_proto::SocketSample;

use self::info::SctpInfo;
use self::kernel::Kernel;
use self::paths::Paths;
use super::diag::{Diag, DiagSocket};
use super::ends::Ends;
use super::filter::Filter;
use super::interval::{Labels, Tick};
use super::sampler::IDLE_NS;
use crate::ebpf::epoch_offset_ns;

const SCTP: u8 = 132;
/// There while the kernel has SCTP.
const PROC: &str = "/proc/net/sctp";

/// Samples the associations of this host.
pub(super) struct Sctp {
    kernel: Option<Kernel>,
    paths: Paths,
    /// What the previous dump said, by association, and when it was last sampled (CLOCK_MONOTONIC ns).
    dumped: HashMap<u64, (SctpInfo, u64)>,
    /// False where the kernel has no diagnostics for SCTP.
    diag: bool,
}

impl Sctp {
    /// Opens what there is; `None` where the kernel has no SCTP.
    pub(super) fn open(without_ebpf: bool, events: bool, notes: &mut Vec<String>) -> Option<Sctp> {
        if !Path::new(PROC).exists() {
            return None;
        }
        let kernel = match Kernel::open() {
            _ if without_ebpf => None,
            Ok(kernel) => Some(kernel),
            Err(reason) => {
                notes.push(format!("no SCTP tracing, sampling by sock_diag instead: {reason}"));
                None
            }
        };
        Some(Sctp { kernel, paths: Paths::new(events), dumped: HashMap::new(), diag: true })
    }

    /// Takes the events that are waiting.
    fn drain(&mut self) {
        if let Some(kernel) = &mut self.kernel {
            kernel.drain(&mut self.paths);
        }
    }

    /// Takes the events that are waiting as samples, one per path and event. The local address stays open: no tracepoint
    /// tells it.
    pub(super) fn event_samples(&mut self, netns: u64, filter: &Filter, labels: &Labels, out: &mut Vec<SocketSample>) {
        self.drain();
        let offset_ns = epoch_offset_ns();
        for event in self.paths.take_events() {
            let (ends, mut sample) = ends_of(event, netns, None);
            if filter.matches(&ends) {
                ends.fill(SCTP, &mut sample);
                sample.at_ns = sample.at_ns.saturating_add_signed(offset_ns);
                (sample.op, sample.run) = (labels.op, labels.run.clone());
                out.push(sample);
            }
        }
    }

    /// Events that found the ring buffer full, since the start.
    pub(super) fn lost(&self) -> u64 {
        self.kernel.as_ref().map_or(0, Kernel::lost)
    }

    /// Ends the interval.
    pub(super) fn tick(
        &mut self,
        diag: Option<&mut Diag>,
        netns: u64,
        filter: &Filter,
        tick: Tick,
        labels: &Labels,
        out: &mut Vec<SocketSample>,
    ) {
        self.drain();
        let mut dump = match diag {
            Some(diag) if self.diag => diag.dump(SCTP).unwrap_or_else(|error| {
                tracing::info!(%error, "The kernel has no diagnostics for SCTP (module sctp_diag)");
                self.diag = false;
                Vec::new()
            }),
            _ => Vec::new(),
        };
        // Endpoints are listed beside their associations, without statistics.
        dump.retain(|d| SctpInfo::read(&d.info).tag != 0);
        let mut samples = path_samples(&mut self.paths, &dump);
        samples.extend(self.dump_samples(&dump, tick.end_ns));
        for (ends, mut sample) in samples {
            let ends = Ends { netns, ..ends };
            if filter.matches(&ends) {
                ends.fill(SCTP, &mut sample);
                (sample.at_ns, sample.interval_ns) = (tick.at_ns, tick.interval_ns);
                (sample.op, sample.run) = (labels.op, labels.run.clone());
                out.push(sample);
            }
        }
    }

    /// Associations that something happened to since the previous dump, and now and then the others.
    fn dump_samples(&mut self, dump: &[DiagSocket], end_ns: u64) -> Vec<(Ends, SocketSample)> {
        let (mut samples, mut dumped) = (Vec::new(), HashMap::with_capacity(dump.len()));
        let first = (SctpInfo::default(), 0);
        for d in dump {
            let info = SctpInfo::read(&d.info);
            let (before, sampled_ns) = self.dumped.get(&info.cookie()).unwrap_or(&first);
            let due = info.moved(before) || sampled_ns.saturating_add(IDLE_NS) <= end_ns;
            if due {
                let mut s = SocketSample { source: "sctp_diag".into(), ..SocketSample::default() };
                info.fill(before, &mut s);
                let remote = (info.primary.unwrap_or(d.ends.remote.0), d.ends.remote.1);
                samples.push((Ends { remote, ..d.ends }, s));
            }
            let sampled_ns = if due { end_ns } else { *sampled_ns };
            dumped.insert(info.cookie(), (info, sampled_ns));
        }
        self.dumped = dumped;
        samples
    }
}

/// Tracepoints tell neither the local address nor a name of the association; the dump does.
fn path_samples(paths: &mut Paths, dump: &[DiagSocket]) -> Vec<(Ends, SocketSample)> {
    let join = |p: paths::PathSample| {
        let peer_port = |d: &&DiagSocket| (d.ends.local.1, d.ends.remote.1) == (p.local_port, p.peer.1);
        let known = dump.iter().find(|d| peer_port(d) && d.ends.remote.0 == p.peer.0).or(dump.iter().find(peer_port));
        let peer = p.peer.0;
        let (ends, mut s) = ends_of(p, 0, known.map(|d| d.ends.local.0));
        if let Some(info) = known.map(|d| SctpInfo::read(&d.info)) {
            s.cookie = info.cookie();
            if info.primary == Some(peer) {
                s.srtt_ns_last = u64::from(info.srtt_ms) * 1_000_000;
                s.rto_ns_last = u64::from(info.rto_ms) * 1_000_000;
            }
        }
        (ends, s)
    };
    paths.take().into_iter().map(join).collect()
}

/// Where no dump tells the local address it stays open: the unspecified one of the peer's family.
fn ends_of(p: paths::PathSample, netns: u64, local: Option<IpAddr>) -> (Ends, SocketSample) {
    let open = if p.peer.0.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    (Ends { netns, local: (local.unwrap_or(open), p.local_port), remote: p.peer }, p.sample)
}
