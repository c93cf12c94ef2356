//! Where frames come from: capture files and live interfaces.
//!
//! In: a path, standard input or an interface. Out: one frame after the other with its time, link type and length on the
//! wire. Nothing here looks behind the link header.

mod bytes;
mod counted;
#[cfg(feature = "ebpf")]
pub mod ebpf;
pub mod file;
mod gunzip;
mod pcap;
mod pcapng;

pub use file::{CaptureFile, ReadError};
use sce_meter::{Frame, LinkType};

/// `ObservationPoint.order_last` of a point before the queueing discipline: the tc hooks.
pub const BEFORE_QUEUE: u32 = 1;
/// `ObservationPoint.order_last` of a point after the queueing discipline: a packet socket.
pub const AFTER_QUEUE: u32 = 2;

/// One record of a capture, borrowed from the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFrame<'a> {
    /// When it was captured, ns since the epoch; 0 where the file does not say.
    pub time_ns: u64,
    /// Number of the link type (LINKTYPE_ registry of tcpdump.org).
    pub link: u16,
    /// Length on the wire, bytes.
    pub wire_len: u32,
    /// The bytes that were captured.
    pub data: &'a [u8],
}

impl<'a> RawFrame<'a> {
    /// The frame as the meter takes it.
    #[must_use]
    #[inline]
    pub fn frame(&self) -> Frame<'a> {
        Frame {
            time_ns: self.time_ns,
            link: LinkType(u32::from(self.link)),
            wire_len: self.wire_len,
            data: self.data,
            vlan: None,
            gso: None,
            outgoing: None,
        }
    }
}
