//! Frames from the tc hooks of an interface, through a kernel program (`bpf/capture.bpf.c`).
//!
//! In: an interface. Out: [`Frame`]s with what a packet socket cannot tell: how segmentation offload cuts a superpacket, so
//! that wire packets are counted exactly with offloads on. Egress is seen before the queueing discipline, ingress after GRO.
//! Looks at no byte of a frame.

use std::time::Duration;

use aya::maps::{PerCpuArray, RingBuf};
use aya::programs::links::LinkOrder;
use aya::programs::tc::{self, NlOptions, SchedClassifier, TcAttachOptions, TcAttachType, TcError};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};
use sce_meter::{Frame, Gso, LinkType};

use crate::ebpf::{self, CAP_BPF, CAP_NET_ADMIN, Unavailable, epoch_offset_ns, refused};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/capture.bpf.o"));

/// Ring buffers.
const RELEASE: (u32, u32) = (5, 8);
const RELEASE_TEXT: &str = "5.8";
/// `struct frame` without its data.
const HEAD: usize = 32;
/// How long [`Capture::wait`] sleeps: the kernel program wakes nobody, for a wake-up costs more than a frame.
const NAP: Duration = Duration::from_millis(2);

/// Which hooks to attach to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hooks {
    /// Both directions: one observation point that sees whole flows.
    Both,
    /// Only what leaves, before the queueing discipline: the upper end of the local queue.
    Egress,
    /// Only what arrives.
    Ingress,
}

impl Hooks {
    /// The name in `ObservationPoint.hook`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Hooks::Both => "tc",
            Hooks::Egress => "tc-egress",
            Hooks::Ingress => "tc-ingress",
        }
    }
}

/// What to capture.
#[derive(Debug, Clone)]
pub struct Options {
    /// Interface, in the network namespace of the calling thread.
    pub interface: String,
    /// Hooks.
    pub hooks: Hooks,
    /// Bytes captured of each frame at most. Every frame takes as much of the ring.
    pub snaplen: u32,
    /// Ring buffer, bytes: a power of two and a multiple of the page size.
    pub ring_bytes: u32,
    /// Attach by TCX where the kernel has it (Linux 6.6); else, or if false, by a clsact qdisc.
    pub tcx: bool,
}

impl Options {
    /// Both directions of an interface with room for every TCP option, and for 50 ms at a million frames per second.
    #[must_use]
    pub fn new(interface: &str) -> Options {
        Options { interface: interface.to_owned(), hooks: Hooks::Both, snaplen: 192, ring_bytes: 16 << 20, tcx: true }
    }
}

/// An open capture. Dropping it detaches the programs.
pub struct Capture {
    frames: RingBuf<aya::maps::MapData>,
    lost: PerCpuArray<aya::maps::MapData, u64>,
    link: LinkType,
    tcx: bool,
    _programs: Ebpf,
}

impl Capture {
    /// Attaches to the interface.
    pub fn open(options: &Options) -> Result<Capture, Unavailable> {
        ebpf::check(OBJECT, RELEASE, RELEASE_TEXT, &[CAP_BPF, CAP_NET_ADMIN])?;
        let link = link_type(&options.interface)?;
        let mut programs = EbpfLoader::new()
            .override_global("SNAPLEN", &options.snaplen, true)
            .map_max_entries("FRAMES", options.ring_bytes)
            .load(OBJECT)
            .map_err(|e| refused("cannot load the capture program", &e))?;
        let mut tcx = true;
        if options.hooks != Hooks::Egress {
            tcx &= attach(&mut programs, "ingress", options, TcAttachType::Ingress)?;
        }
        if options.hooks != Hooks::Ingress {
            tcx &= attach(&mut programs, "egress", options, TcAttachType::Egress)?;
        }
        let mut take = |name: &str| {
            let what = format!("cannot use the map {name}");
            programs.take_map(name).ok_or(Unavailable::Refused { what, why: "not in the object".into() })
        };
        let (frames, lost) = (take("FRAMES")?, take("LOST")?);
        Ok(Capture {
            frames: RingBuf::try_from(frames).map_err(|e| refused("cannot use the ring buffer", &e))?,
            lost: PerCpuArray::try_from(lost).map_err(|e| refused("cannot use the loss counter", &e))?,
            link,
            tcx,
            _programs: programs,
        })
    }

    /// Link type of the frames.
    #[must_use]
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Whether the programs hang on TCX (Linux 6.6), before every other program of the hook; else on a clsact qdisc.
    #[must_use]
    pub fn tcx(&self) -> bool {
        self.tcx
    }

    /// Hands over the frames that are waiting, at most `limit`; how many there were.
    pub fn read(&mut self, limit: usize, mut each: impl FnMut(&Frame<'_>)) -> usize {
        let offset = epoch_offset_ns();
        for n in 0..limit {
            let Some(item) = self.frames.next() else { return n };
            if let Some(frame) = frame(&item, self.link, offset) {
                each(&frame);
            }
        }
        limit
    }

    /// Sleeps until it is worth reading again.
    pub fn wait(&self) {
        std::thread::sleep(NAP);
    }

    /// Frames that found the ring full, since the capture was opened.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.get(&0, 0).map_or(0, |per_cpu| per_cpu.iter().sum())
    }
}

/// Reads `struct frame`.
fn frame(bytes: &[u8], link: LinkType, offset_ns: i64) -> Option<Frame<'_>> {
    let (head, data) = bytes.split_first_chunk::<HEAD>()?;
    let u32_at = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let at_ns = u64::from(u32_at(0)) | u64::from(u32_at(4)) << 32;
    let at_ns = if cfg!(target_endian = "big") { at_ns.rotate_left(32) } else { at_ns };
    let (gso_size, gso_segs) = (u32_at(16), u32_at(20));
    Some(Frame {
        time_ns: at_ns.saturating_add_signed(offset_ns),
        link,
        wire_len: u32_at(8),
        data: data.get(..u32_at(12) as usize)?,
        vlan: (head[26] != 0).then(|| u16::from_ne_bytes([head[24], head[25]])),
        gso: (gso_size > 0).then(|| Gso { size: saturate(gso_size), segs: saturate(gso_segs) }),
        outgoing: Some(head[27] != 0),
    })
}

fn saturate(n: u32) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// Loads one program and attaches it ahead of all others, so that it sees what they change or drop as the network would:
/// whether by TCX, or where the kernel does not have it, by clsact.
fn attach(programs: &mut Ebpf, name: &str, options: &Options, hook: TcAttachType) -> Result<bool, Unavailable> {
    let interface = options.interface.as_str();
    let missing = || Unavailable::Refused { what: name.into(), why: "not in the object".into() };
    let program: &mut SchedClassifier =
        programs.program_mut(name).and_then(|p| p.try_into().ok()).ok_or_else(missing)?;
    program.load().map_err(|e| refused("the kernel refused the capture program", &e))?;
    let tcx = TcAttachOptions::TcxOrder(LinkOrder::first());
    if options.tcx && program.attach_with_options(interface, hook, tcx).is_ok() {
        return Ok(true);
    }
    // One qdisc serves both hooks, and may be somebody else's.
    let is_there = |e: &TcError| matches!(e, TcError::NetlinkError(e) if e.raw_os_error() == Some(libc::EEXIST));
    match tc::qdisc_add_clsact(interface) {
        Ok(()) => {}
        Err(error) if is_there(&error) => {}
        Err(error) => return Err(refused(format!("cannot attach to {interface}"), &error)),
    }
    let clsact = TcAttachOptions::Netlink(NlOptions { priority: 1, ..NlOptions::default() });
    program
        .attach_with_options(interface, hook, clsact)
        .map_err(|e| refused(format!("cannot attach to {interface}"), &e))?;
    Ok(false)
}

/// What a frame begins with at the tc hooks, by the interface's hardware type (include/uapi/linux/if_arp.h).
fn link_type(interface: &str) -> Result<LinkType, Unavailable> {
    let what = || format!("cannot capture on {interface}");
    let addresses = nix::ifaddrs::getifaddrs().map_err(|e| refused(what(), &e))?;
    let hardware = addresses
        .filter(|a| a.interface_name == interface)
        .find_map(|a| a.address.as_ref().and_then(|a| a.as_link_addr().map(nix::sys::socket::LinkAddr::hatype)));
    match hardware {
        Some(1 | 772) => Ok(LinkType::ETHERNET),
        Some(512 | 519 | 768 | 769 | 776 | 65_534) => Ok(LinkType::RAW),
        Some(other) => {
            Err(Unavailable::Refused { what: what(), why: format!("hardware type {other} is not known here") })
        }
        None => Err(Unavailable::Refused { what: what(), why: "no such interface in this network namespace".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_as_a_frame() {
        let mut bytes = vec![0u8; HEAD + 64];
        bytes[0..8].copy_from_slice(&1_000u64.to_ne_bytes());
        bytes[8..12].copy_from_slice(&4410u32.to_ne_bytes());
        bytes[12..16].copy_from_slice(&54u32.to_ne_bytes());
        bytes[16..20].copy_from_slice(&1448u32.to_ne_bytes());
        bytes[20..24].copy_from_slice(&3u32.to_ne_bytes());
        bytes[24..26].copy_from_slice(&7u16.to_ne_bytes());
        (bytes[26], bytes[27]) = (1, 1);
        let f = frame(&bytes, LinkType::ETHERNET, 500).unwrap();
        assert_eq!((f.time_ns, f.wire_len, f.data.len()), (1_500, 4410, 54));
        assert_eq!((f.gso, f.vlan, f.outgoing), (Some(Gso { size: 1448, segs: 3 }), Some(7), Some(true)));
        bytes[12..16].copy_from_slice(&65u32.to_ne_bytes());
        assert!(frame(&bytes, LinkType::ETHERNET, 0).is_none(), "more than the record holds");
        assert!(frame(&bytes[..20], LinkType::ETHERNET, 0).is_none());
    }

    #[test]
    fn an_unknown_interface_is_named() {
        let error = link_type("no-such-if0").unwrap_err().to_string();
        assert_eq!(error, "cannot capture on no-such-if0: no such interface in this network namespace");
        assert_eq!(link_type("lo").unwrap(), LinkType::ETHERNET);
    }
}
