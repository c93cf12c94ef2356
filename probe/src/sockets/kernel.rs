//! The kernel program of `bpf/sockets.bpf.c`: loaded, attached, read out.
//!
//! In: tracepoints of the running kernel. Out: [`Entry`] and [`Event`] values and the count of what was lost. Interprets
//! nothing.

use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::BtfTracePoint;
use aya::{Btf, Ebpf, EbpfLoader, include_bytes_aligned};

use super::layout::{ENTRY_WORDS, Entry, Event};
use super::{Filter, Lost, MAX_NETS, MAX_PORTS};
use crate::ebpf::{self, CAP_BPF, CAP_PERFMON, Unavailable, refused};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sockets.bpf.o"));

/// bpf_get_socket_cookie in tracing programs.
const RELEASE: (u32, u32) = (5, 12);
const RELEASE_TEXT: &str = "5.12";
/// Without this one there is nothing to see.
const ESSENTIAL: &str = "tcp_probe";
const TRACEPOINTS: [&str; 6] = [
    ESSENTIAL,
    "tcp_retransmit_skb",
    "tcp_cong_state_set",
    "tcp_receive_reset",
    "tcp_send_reset",
    "inet_sock_set_state",
];
/// Not 0, which is what a new entry's extremes say before they are filled.
const FIRST_EPOCH: u32 = 1;
/// Reads of an entry before a torn one is taken: a socket that is written all the time is seen a microsecond old.
const READS: usize = 16;

/// The loaded program. Dropping it detaches it.
pub(super) struct Kernel {
    sockets: HashMap<MapData, u64, [u64; ENTRY_WORDS]>,
    epoch: Array<MapData, u32>,
    lost: PerCpuArray<MapData, u64>,
    events: RingBuf<MapData>,
    current: u32,
    _programs: Ebpf,
}

/// Settings of the program.
pub(super) struct Settings<'a> {
    pub(super) filter: &'a Filter,
    /// Only this network namespace; 0 = all.
    pub(super) netns: u32,
    pub(super) event_mode: bool,
    pub(super) max_sockets: u32,
    /// Ring buffer for events, bytes: a power of two and a multiple of the page size.
    pub(super) ring_bytes: u32,
}

impl Kernel {
    /// Loads and attaches. The lines name tracepoints that this kernel lacks.
    pub(super) fn open(settings: &Settings<'_>) -> Result<(Kernel, Vec<String>), Unavailable> {
        ebpf::check(OBJECT, RELEASE, RELEASE_TEXT, &[CAP_BPF, CAP_PERFMON])?;
        ebpf::check_btf()?;
        let btf = Btf::from_sys_fs().map_err(|e| refused("cannot read the kernel's BTF", &e))?;
        let (nets, net) = settings.filter.nets();
        let (ports, port) = settings.filter.ports();
        let event_mode = u32::from(settings.event_mode);
        let mut programs = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("EVENT_MODE", &event_mode, true)
            .override_global("ONLY_NETNS", &settings.netns, true)
            .override_global("NETS", &nets, true)
            .override_global("NET", &net, true)
            .override_global("PORTS", &ports, true)
            .override_global("PORT", &port, true)
            .map_max_entries("SOCKETS", settings.max_sockets)
            .map_max_entries("EVENTS", settings.ring_bytes)
            .load(OBJECT)
            .map_err(|e| refused("cannot load the socket tracer", &e))?;
        let mut epoch: Array<MapData, u32> = map(&mut programs, "EPOCH")?;
        epoch.set(0, FIRST_EPOCH, 0).map_err(|e| refused("cannot begin socket tracing", &e))?;
        let notes = attach(&mut programs, &btf)?;
        let kernel = Kernel {
            sockets: map(&mut programs, "SOCKETS")?,
            epoch,
            lost: map(&mut programs, "LOST")?,
            events: map(&mut programs, "EVENTS")?,
            current: FIRST_EPOCH,
            _programs: programs,
        };
        Ok((kernel, notes))
    }

    /// Begins the next epoch; the number of the one that ended.
    pub(super) fn end_epoch(&mut self) -> Result<u32, Unavailable> {
        let ended = self.current;
        self.current = ended.wrapping_add(1);
        self.epoch.set(0, self.current, 0).map_err(|e| refused("cannot begin an epoch of socket tracing", &e))?;
        Ok(ended)
    }

    /// All sockets known.
    pub(super) fn entries(&self, mut each: impl FnMut(u64, Entry)) {
        let cookies: Vec<u64> = self.sockets.keys().filter_map(Result::ok).collect();
        for cookie in cookies {
            if let Some(entry) = self.entry(cookie) {
                each(cookie, entry);
            }
        }
    }

    /// Reads an entry until two reads agree, for the kernel may be writing it.
    fn entry(&self, cookie: u64) -> Option<Entry> {
        let mut last = self.sockets.get(&cookie, 0).ok()?;
        for _ in 0..READS {
            let again = self.sockets.get(&cookie, 0).ok()?;
            if again == last && again[0].is_multiple_of(2) {
                break;
            }
            last = again;
        }
        Entry::read(&last)
    }

    /// Forgets a socket; one that comes back starts anew.
    pub(super) fn forget(&mut self, cookie: u64) {
        // Gone already is as good.
        let _ = self.sockets.remove(&cookie);
    }

    /// Takes the events that are waiting.
    pub(super) fn events(&mut self, mut each: impl FnMut(Event)) {
        while let Some(item) = self.events.next() {
            if let Some(event) = Event::read(&item) {
                each(event);
            }
        }
    }

    /// What did not fit, since the program was loaded.
    pub(super) fn lost(&self) -> Lost {
        let sum = |reason: u32| self.lost.get(&reason, 0).map_or(0, |per_cpu| per_cpu.iter().sum());
        Lost { events: sum(0), sockets: sum(1) }
    }
}

/// Attaches every tracepoint that the kernel has.
fn attach(programs: &mut Ebpf, btf: &Btf) -> Result<Vec<String>, Unavailable> {
    ebpf::hook_all(&TRACEPOINTS, ESSENTIAL, |name| {
        let program: &mut BtfTracePoint = programs
            .program_mut(name)
            .and_then(|p| p.try_into().ok())
            .ok_or_else(|| Unavailable::Refused { what: name.into(), why: "not in the object".into() })?;
        match program.load(name, btf) {
            Err(aya::programs::ProgramError::Btf(_)) => Err(Unavailable::NoTracepoint(name.into())),
            Err(e) => Err(refused(format!("cannot load the program for {name}"), &e)),
            Ok(()) => program.attach().map(|_| ()).map_err(|e| refused(format!("cannot attach to {name}"), &e)),
        }
    })
}

fn map<M: TryFrom<aya::maps::Map, Error = aya::maps::MapError>>(
    programs: &mut Ebpf,
    name: &str,
) -> Result<M, Unavailable> {
    let map = programs
        .take_map(name)
        .ok_or_else(|| Unavailable::Refused { what: name.into(), why: "not in the object".into() })?;
    M::try_from(map).map_err(|e| refused(format!("cannot use the map {name}"), &e))
}

const _: () = assert!(MAX_NETS == 8 && MAX_PORTS == 8, "as in bpf/sockets.bpf.c");
