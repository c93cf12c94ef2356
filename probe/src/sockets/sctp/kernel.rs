//! The kernel program of `bpf/sctp.bpf.c`: loaded, attached, read out.

use std::path::PathBuf;

use aya::maps::{MapData, PerCpuArray, RingBuf};
use aya::programs::TracePoint;
use aya::{Ebpf, include_bytes_aligned};

use super::super::diag::u64_at;
use super::format::Format;
use super::paths::{Formats, Paths};
use crate::ebpf::{self, CAP_BPF, CAP_PERFMON, Unavailable, refused};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sctp.bpf.o"));

/// Ring buffers.
const RELEASE: (u32, u32) = (5, 8);
const RELEASE_TEXT: &str = "5.8";
/// `struct event` before its record.
const HEAD: usize = 16;

/// The loaded program. Dropping it detaches it.
pub(super) struct Kernel {
    formats: Formats,
    events: RingBuf<MapData>,
    lost: PerCpuArray<MapData, u64>,
    _programs: Ebpf,
}

impl Kernel {
    pub(super) fn open() -> Result<Kernel, Unavailable> {
        ebpf::check(OBJECT, RELEASE, RELEASE_TEXT, &[CAP_BPF, CAP_PERFMON])?;
        let formats = Formats {
            probe: format("sctp_probe", &["asoc", "bind_port", "peer_port"])?,
            path: format("sctp_probe_path", &["asoc", "ipaddr", "cwnd", "ssthresh"])?,
        };
        let mut programs = Ebpf::load(OBJECT).map_err(|e| refused("cannot load the SCTP tracer", &e))?;
        for name in ["sctp_probe", "sctp_probe_path"] {
            let program: &mut TracePoint = programs
                .program_mut(name)
                .and_then(|p| p.try_into().ok())
                .ok_or_else(|| Unavailable::Refused { what: name.into(), why: "not in the object".into() })?;
            program.load().map_err(|e| refused(format!("cannot load the program for {name}"), &e))?;
            program.attach("sctp", name).map_err(|e| refused(format!("cannot attach to {name}"), &e))?;
        }
        let mut take = |name: &str| {
            let what = format!("cannot use the map {name}");
            programs.take_map(name).ok_or(Unavailable::Refused { what, why: "not in the object".into() })
        };
        let (events, lost) = (take("EVENTS")?, take("LOST")?);
        Ok(Kernel {
            formats,
            events: RingBuf::try_from(events).map_err(|e| refused("cannot use the ring buffer", &e))?,
            lost: PerCpuArray::try_from(lost).map_err(|e| refused("cannot use the loss counter", &e))?,
            _programs: programs,
        })
    }

    pub(super) fn drain(&mut self, paths: &mut Paths) {
        while let Some(item) = self.events.next() {
            let Some((head, record)) = item.split_first_chunk::<HEAD>() else { continue };
            let at_ns = u64_at(head, 0).unwrap_or(0);
            if head[8..12] == [0; 4] {
                paths.association(&self.formats.probe, record);
            } else {
                paths.path(&self.formats.path, record, at_ns);
            }
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.get(&0, 0).map_or(0, |per_cpu| per_cpu.iter().sum())
    }
}

/// The format of a tracepoint, if it has the fields.
fn format(name: &str, fields: &[&str]) -> Result<Format, Unavailable> {
    let roots = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    if !roots.iter().any(|root| PathBuf::from(root).join("events").exists()) {
        return Err(Unavailable::Refused {
            what: "tracefs is not mounted".into(),
            why: "mount -t tracefs tracefs /sys/kernel/tracing".into(),
        });
    }
    let read = |root: &str| std::fs::read_to_string(PathBuf::from(root).join("events/sctp").join(name).join("format"));
    let text = roots.iter().find_map(|root| read(root).ok());
    let format = text.as_deref().map(Format::parse).unwrap_or_default();
    if format.has(fields) { Ok(format) } else { Err(Unavailable::NoTracepoint(format!("sctp:{name}"))) }
}
