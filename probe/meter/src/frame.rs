//! What a capture hands over: one frame with its time, its link type and what the kernel said about it.

/// Link type of a capture, as numbered by tcpdump.org (`LINKTYPE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing host.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// PPP, with or without HDLC-like framing.
    pub const PPP: LinkType = LinkType(9);
    /// Raw IP, as some systems number it in files.
    pub const RAW_12: LinkType = LinkType(12);
    /// Raw IP, as OpenBSD numbers it in files.
    pub const RAW_14: LinkType = LinkType(14);
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: LinkType = LinkType(50);
    /// PPPoE session without the Ethernet header.
    pub const PPP_ETHER: LinkType = LinkType(51);
    /// Raw IP; the version nibble tells which.
    pub const RAW: LinkType = LinkType(101);
    /// Cisco HDLC.
    pub const C_HDLC: LinkType = LinkType(104);
    /// OpenBSD loopback: a 4-byte address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// Raw IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Raw IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: LinkType = LinkType(276);

    /// The name after `LINKTYPE_`, or `None` where frames of this type are counted as undecodable.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            LinkType::NULL => "NULL",
            LinkType::ETHERNET => "ETHERNET",
            LinkType::PPP => "PPP",
            LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 => "RAW",
            LinkType::PPP_HDLC => "PPP_HDLC",
            LinkType::PPP_ETHER => "PPP_ETHER",
            LinkType::C_HDLC => "C_HDLC",
            LinkType::LOOP => "LOOP",
            LinkType::LINUX_SLL => "LINUX_SLL",
            LinkType::IPV4 => "IPV4",
            LinkType::IPV6 => "IPV6",
            LinkType::LINUX_SLL2 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

/// How the kernel says that a frame is to be cut into wire packets, or was merged from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gso {
    /// Transport payload of each wire packet but the last, bytes; 0 = not told.
    pub size: u16,
    /// Number of wire packets; 0 = not told.
    pub segs: u16,
}

/// One captured frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Capture time, ns since the epoch.
    pub time_ns: u64,
    /// Link type of `data`.
    pub link: LinkType,
    /// Length of the frame before the capture length cut it, bytes.
    pub wire_len: u32,
    /// The captured bytes, from the link header on.
    pub data: &'a [u8],
    /// VLAN tag control information or identifier that the kernel took off the frame.
    pub vlan: Option<u16>,
    /// Segmentation offload, where the capture tells it.
    pub gso: Option<Gso>,
    /// Whether the host itself sent the frame, where the capture tells it.
    pub outgoing: Option<bool>,
}
