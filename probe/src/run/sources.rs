//! The live sources that the options ask for, opened before anything else is touched.

use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use super::live::{self, Context};
use super::{Ended, sockets};
use crate::args::{RunArgs, Source};
use crate::exit::Failure;
use crate::point::Place;

/// A source that is open and not yet running.
pub(super) enum Opened {
    /// A packet socket.
    Packet(live::Open),
    /// A kernel program at the tc hooks.
    #[cfg(feature = "ebpf")]
    Tc(Box<live::tc::Open>),
    /// The sockets of this host.
    Sockets(Box<sockets::Open>),
}

impl Opened {
    /// Whether a kernel program is at work in it.
    pub(super) fn is_kernel_program(&self) -> bool {
        match self {
            Opened::Packet(_) => false,
            #[cfg(feature = "ebpf")]
            Opened::Tc(_) => true,
            Opened::Sockets(sockets) => sockets.is_kernel_program(),
        }
    }

    /// Begins, on a thread of its own.
    pub(super) fn start(self, context: Context, say: UnboundedSender<Ended>) -> std::io::Result<JoinHandle<()>> {
        match self {
            Opened::Packet(open) => open.start(context, say),
            #[cfg(feature = "ebpf")]
            Opened::Tc(open) => open.start(context, say),
            Opened::Sockets(open) => open.start(context, say),
        }
    }
}

/// Opens all, or none. What the kernel cannot do is replaced by what it can, with a line that says so.
pub(super) fn open(args: &RunArgs, place: &Place) -> Result<Vec<Opened>, Failure> {
    let mut out = Vec::new();
    let mut by_packet_socket = args.interface.clone();
    if args.source != Source::Pcap {
        by_packet_socket = open_tc(args, &mut out)?;
    }
    let args = RunArgs { interface: by_packet_socket, ..args.clone() };
    out.extend(live::open(&args)?.into_iter().map(Opened::Packet));
    if args.sockets.sockets {
        out.push(Opened::Sockets(Box::new(sockets::open(&args, place)?)));
    }
    Ok(out)
}

/// Opens the tc hooks; the interfaces that a packet socket is to serve, besides or instead.
#[cfg(feature = "ebpf")]
fn open_tc(args: &RunArgs, out: &mut Vec<Opened>) -> Result<Vec<String>, Failure> {
    use crate::source::ebpf::Hooks;
    let (hooks, besides) = if args.source == Source::Both { (Hooks::Egress, true) } else { (Hooks::Both, false) };
    let mut left = Vec::new();
    for interface in &args.interface {
        match live::tc::open(interface, hooks, args)? {
            Ok(open) => {
                out.push(Opened::Tc(Box::new(open)));
                if besides {
                    left.push(interface.clone());
                }
            }
            Err(reason) => {
                tracing::warn!("{interface} is captured by packet socket only: {reason}");
                left.push(interface.clone());
            }
        }
    }
    Ok(left)
}

#[cfg(not(feature = "ebpf"))]
fn open_tc(args: &RunArgs, _out: &mut Vec<Opened>) -> Result<Vec<String>, Failure> {
    tracing::warn!("Capturing by packet socket only: {}", crate::ebpf::Unavailable::Feature);
    Ok(args.interface.clone())
}
