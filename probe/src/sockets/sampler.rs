//! The sampler: ends intervals, reads the kernel program and the dumps, hands over samples.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt;

use sce_proto::SocketSample;

use super::TCP;
use super::diag::{Diag, DiagSocket};
use super::filter::Filter;
use super::interval::{Labels, Tick, Tracker, event_sample};
use super::kernel::{Kernel, Settings};
use super::layout::{Event, Totals};
use super::sctp::Sctp;
use super::tcp_info::TcpInfo;
use crate::ebpf::{Unavailable, epoch_offset_ns};

/// A socket that was quiet for this long is given up by the kernel program's table; it starts anew with its next event, ns.
const QUIET_NS: u64 = 600_000_000_000;

/// A socket that nothing happens to is sampled this often nevertheless, so that it is known to be there, ns.
pub(super) const IDLE_NS: u64 = 10_000_000_000;

/// What to sample.
#[derive(Debug, Clone)]
pub struct Options {
    /// Labels of the samples.
    pub labels: Labels,
    /// Which sockets.
    pub filter: Filter,
    /// Sockets of all network namespaces of the host, not only of the probe's own.
    pub all_netns: bool,
    /// Also one sample per kernel event.
    pub events: bool,
    /// Never use the kernel program.
    pub without_ebpf: bool,
    /// Sockets that the kernel program can hold.
    pub max_sockets: u32,
    /// Ring buffer for events, bytes: a power of two and a multiple of the page size.
    pub ring_bytes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            labels: Labels::default(),
            filter: Filter::default(),
            all_netns: false,
            events: false,
            without_ebpf: false,
            max_sockets: 8192,    // 5 MiB of kernel memory
            ring_bytes: 16 << 20, // 60,000 events: half a second at 100,000 events/s
        }
    }
}

/// What the kernel program could not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Events that found the ring buffer full.
    pub events: u64,
    /// Events of sockets that found the table full.
    pub sockets: u64,
}

/// Samples the sockets of this host.
pub struct Sockets {
    options: Options,
    kernel: Option<Kernel>,
    diag: Option<Diag>,
    sctp: Option<Sctp>,
    tracker: Tracker,
    /// TCP_INFO of the previous dump, by cookie; `None` before the first dump.
    dumped: Option<HashMap<u64, TcpInfo>>,
    /// When each socket of the previous dump was last sampled, CLOCK_MONOTONIC ns.
    sampled_ns: HashMap<u64, u64>,
    /// Counters at each socket's previous event, for differences.
    evented: HashMap<u64, Totals>,
    netns: u64,
    last_ns: u64,
    reported: Lost,
}

impl Sockets {
    /// Opens the best source there is. The lines say, one each, what has to be done without.
    pub fn open(options: Options) -> io::Result<(Sockets, Vec<String>)> {
        let netns = std::fs::metadata("/proc/thread-self/ns/net").map_or(0, |m| m.ino());
        let mut notes = Vec::new();
        let settings = Settings {
            filter: &options.filter,
            netns: if options.all_netns { 0 } else { netns as u32 },
            event_mode: options.events,
            max_sockets: options.max_sockets,
            ring_bytes: options.ring_bytes,
        };
        let kernel = if options.without_ebpf { None } else { degrade(Kernel::open(&settings), &mut notes) };
        let diag = match Diag::open() {
            Ok(diag) => Some(diag),
            Err(error) if kernel.is_some() => {
                notes.push(format!("socket samples lack TCP_INFO: no netlink socket for dumps ({error})"));
                None
            }
            Err(error) => return Err(error),
        };
        let sctp = Sctp::open(options.without_ebpf, options.events, &mut notes);
        let last_ns = now_ns();
        let mut sockets = Sockets {
            options,
            kernel,
            diag,
            sctp,
            tracker: Tracker::default(),
            dumped: None,
            sampled_ns: HashMap::new(),
            evented: HashMap::new(),
            netns,
            last_ns,
            reported: Lost::default(),
        };
        let first = sockets.dump()?; // what is there already is not news
        sockets.dumped = Some(first.into_iter().map(|s| (s.cookie, TcpInfo::read(&s.info))).collect());
        Ok((sockets, notes))
    }

    /// Whether the kernel program is at work.
    #[must_use]
    pub fn traced(&self) -> bool {
        self.kernel.is_some()
    }

    /// The network namespace whose sockets are seen.
    #[must_use]
    pub fn netns(&self) -> u64 {
        self.netns
    }

    /// Sets the experiment label, from the next interval on.
    pub fn set_run(&mut self, run: &str) {
        run.clone_into(&mut self.options.labels.run);
    }

    /// Ends the interval now and hands over its samples.
    pub fn tick(&mut self, out: &mut Vec<SocketSample>) -> io::Result<()> {
        let epoch = match &mut self.kernel {
            Some(kernel) => kernel.end_epoch().map_err(io::Error::other)?,
            None => 0,
        };
        let (end_ns, offset) = (now_ns(), epoch_offset_ns());
        let at_ns = end_ns.saturating_add_signed(offset);
        let tick = Tick { epoch, end_ns, at_ns, interval_ns: end_ns - self.last_ns };
        self.last_ns = end_ns;
        let dump = self.dump()?;
        let before = self.dumped.take().unwrap_or_default();
        let from = out.len();
        match &mut self.kernel {
            Some(kernel) => {
                read_entries(kernel, &mut self.tracker, &mut self.evented, tick, &self.options.labels, out);
                add_limits(&mut out[from..], &dump, &before);
            }
            None => out.extend(dump.iter().filter_map(|s| self.dump_sample(s, &before, tick))),
        }
        self.add_idle(&dump, &before, tick, from, out);
        if let Some(sctp) = &mut self.sctp {
            let Options { filter, labels, .. } = &self.options;
            sctp.tick(self.diag.as_mut(), self.netns, filter, tick, labels, out);
        }
        self.dumped = Some(dump.into_iter().map(|s| (s.cookie, TcpInfo::read(&s.info))).collect());
        Ok(())
    }

    /// Takes the events that are waiting; with [`Options::events`] only. The time is ns since the epoch.
    pub fn events(&mut self, mut each: impl FnMut(&Event, u64)) {
        if let Some(kernel) = &mut self.kernel {
            let offset = epoch_offset_ns();
            kernel.events(|event| each(&event, event.at_ns.saturating_add_signed(offset)));
        }
    }

    /// Takes the events that are waiting, as samples.
    pub fn event_samples(&mut self, out: &mut Vec<SocketSample>) {
        if let Some(sctp) = &mut self.sctp {
            sctp.event_samples(self.netns, &self.options.filter, &self.options.labels, out);
        }
        let Some(kernel) = &mut self.kernel else { return };
        let offset = epoch_offset_ns();
        kernel.events(|event| {
            let before = self.evented.insert(event.cookie, event.totals);
            let at_ns = event.at_ns.saturating_add_signed(offset);
            out.push(event_sample(&event, before.as_ref(), at_ns, &self.options.labels));
        });
    }

    /// What was lost since the last call.
    pub fn lost(&mut self) -> Lost {
        let mut total = self.kernel.as_ref().map(Kernel::lost).unwrap_or_default();
        total.events += self.sctp.as_ref().map_or(0, Sctp::lost);
        let new = Lost { events: total.events - self.reported.events, sockets: total.sockets - self.reported.sockets };
        self.reported = total;
        new
    }

    fn dump(&mut self) -> io::Result<Vec<DiagSocket>> {
        let Some(diag) = &mut self.diag else { return Ok(Vec::new()) };
        let mut sockets = diag.dump(TCP)?;
        sockets.retain(|s| self.options.filter.matches(&s.ends));
        Ok(sockets)
    }

    /// The sample of a socket where there is no kernel program; `None` if nothing moved.
    fn dump_sample(&self, socket: &DiagSocket, before: &HashMap<u64, TcpInfo>, tick: Tick) -> Option<SocketSample> {
        let info = TcpInfo::read(&socket.info);
        // A socket that was not in the previous dump began after it: all it counted is new.
        let first = TcpInfo::default();
        let before = before.get(&socket.cookie).unwrap_or(&first);
        info.moved(before).then(|| self.diag_sample(socket, &info, before, tick))
    }

    fn diag_sample(&self, socket: &DiagSocket, info: &TcpInfo, before: &TcpInfo, tick: Tick) -> SocketSample {
        let mut s = SocketSample {
            at_ns: tick.at_ns,
            interval_ns: tick.interval_ns,
            op: self.options.labels.op,
            run: self.options.labels.run.clone(),
            cookie: socket.cookie,
            source: "inet_diag".into(),
            congestion_control: socket.congestion_control.clone(),
            ..SocketSample::default()
        };
        let ends = super::Ends { netns: self.netns, ..socket.ends };
        ends.fill(TCP, &mut s);
        info.fill(before, &mut s);
        s
    }

    /// Adds sockets that were there for the whole interval and had nothing to say, now and then.
    fn add_idle(
        &mut self,
        dump: &[DiagSocket],
        before: &HashMap<u64, TcpInfo>,
        tick: Tick,
        from: usize,
        out: &mut Vec<SocketSample>,
    ) {
        let told: HashSet<u64> = out[from..].iter().map(|s| s.cookie).collect();
        let mut sampled_ns = HashMap::with_capacity(dump.len());
        for socket in dump {
            let last_ns = self.sampled_ns.get(&socket.cookie).copied();
            let due = last_ns.is_none_or(|t| t.saturating_add(IDLE_NS) <= tick.end_ns);
            let now = if told.contains(&socket.cookie) {
                true
            } else if due && before.contains_key(&socket.cookie) {
                let info = TcpInfo::read(&socket.info);
                // Compared with itself: what it counted meanwhile, if anything, is the kernel program's to tell.
                out.push(self.diag_sample(socket, &info, &info, tick));
                true
            } else {
                false
            };
            if let Some(at_ns) = if now { Some(tick.end_ns) } else { last_ns } {
                sampled_ns.insert(socket.cookie, at_ns);
            }
        }
        self.sampled_ns = sampled_ns;
    }
}

fn degrade<T>(opened: Result<(T, Vec<String>), Unavailable>, notes: &mut Vec<String>) -> Option<T> {
    match opened {
        Ok((kernel, lines)) => {
            notes.extend(lines);
            Some(kernel)
        }
        Err(reason) => {
            notes.push(format!("no socket tracing, sampling by inet_diag instead: {reason}"));
            None
        }
    }
}

fn read_entries(
    kernel: &mut Kernel,
    tracker: &mut Tracker,
    evented: &mut HashMap<u64, Totals>,
    tick: Tick,
    labels: &Labels,
    out: &mut Vec<SocketSample>,
) {
    let mut over = Vec::new();
    kernel.entries(|cookie, entry| {
        out.extend(tracker.sample(cookie, &entry, tick, labels));
        if entry.closed_ns != 0 || entry.last_ns.saturating_add(QUIET_NS) < tick.end_ns {
            over.push(cookie);
        }
    });
    for cookie in over {
        kernel.forget(cookie);
        tracker.forget(cookie);
        evented.remove(&cookie);
    }
}

/// Adds to traced sockets what only TCP_INFO knows.
fn add_limits(samples: &mut [SocketSample], dump: &[DiagSocket], before: &HashMap<u64, TcpInfo>) {
    let infos: HashMap<u64, TcpInfo> = dump.iter().map(|s| (s.cookie, TcpInfo::read(&s.info))).collect();
    for sample in samples {
        if let Some(info) = infos.get(&sample.cookie) {
            info.fill_limits(before.get(&sample.cookie).unwrap_or(&TcpInfo::default()), sample);
        }
    }
}

fn now_ns() -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let t = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has a monotonic clock");
    (t.tv_sec() * 1_000_000_000 + t.tv_nsec()).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_socket_that_nothing_happens_to_is_sampled_now_and_then() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_server, _) = listener.accept().unwrap();
        let port = client.local_addr().unwrap().port();
        let filter = Filter::new(Vec::new(), vec![port]).unwrap();
        let (mut sockets, _) = Sockets::open(Options { filter, without_ebpf: true, ..Options::default() }).unwrap();
        let mut idle = || {
            let mut out = Vec::new();
            sockets.tick(&mut out).unwrap();
            out
        };
        let both = idle();
        assert_eq!(both.len(), 2, "both ends: {both:?}");
        assert!(both.iter().all(|s| s.source == "inet_diag" && s.cwnd_segments_last > 0 && s.interval_ns > 0));
        assert!(
            both.iter().all(|s| (s.segments_in, s.segments_out, s.ca_changes) == (0, 0, 0)),
            "nothing moved: {both:?}"
        );
        assert!(idle().is_empty(), "not again so soon");
        sockets.sampled_ns.values_mut().for_each(|t| *t = t.saturating_sub(IDLE_NS));
        let mut out = Vec::new();
        sockets.tick(&mut out).unwrap();
        assert_eq!(out.len(), 2);
    }
}
