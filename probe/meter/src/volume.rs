//! What is counted for every packet of every protocol: packets, bytes, ECN code points, TTL, DSCP.
//!
//! Counters of packets are 32 bits wide to keep flows small; [`Volume::is_nearly_full`] tells when the flow has to hand
//! them over to a record in between.

use sce_proto::FlowInterval;

use crate::packet::{Fragment, Headers, Packet};

/// Base counters of one direction since its last report: two cache lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Volume {
    frames: u32,
    ecn_packets: [u32; 4],
    ecn_data_packets: [u32; 4],
    ttl_min: u8,
    ttl_max: u8,
    vlan: u16,
    tunnel_bits: u16,
    ip_bytes: u64,
    link_bytes: u64,
    /// Payload by code point.
    ecn_bytes: [u64; 4],
    first_ns: u64,
    last_ns: u64,
    dscp_bits: u64,
    /// From the first packet on that has something of it.
    rare: Option<Box<Rare>>,
}

/// What most flows never count.
#[derive(Debug, Clone, Default)]
struct Rare {
    superpackets: u32,
    estimated_packets: u32,
    fragments: u32,
    truncated_packets: u32,
    malformed_packets: u32,
    /// Outer code points of tunnelled packets.
    outer: [u32; 4],
}

impl Volume {
    #[inline]
    pub(crate) fn observe(&mut self, p: &Packet<'_>) {
        if self.frames == 0 {
            self.ttl_min = u8::MAX;
            self.ttl_max = 0;
            self.first_ns = p.time_ns;
            self.last_ns = p.time_ns;
        }
        let ecn = p.ecn as usize;
        self.frames += 1;
        self.ip_bytes += p.wire_ip_bytes();
        self.link_bytes += u64::from(p.link_bytes);
        self.ecn_packets[ecn] += p.segments;
        self.ecn_bytes[ecn] += u64::from(p.payload_bytes);
        self.ecn_data_packets[ecn] += if p.payload_bytes > 0 { p.segments } else { 0 };
        self.first_ns = self.first_ns.min(p.time_ns);
        self.last_ns = self.last_ns.max(p.time_ns);
        self.ttl_min = self.ttl_min.min(p.ttl);
        self.ttl_max = self.ttl_max.max(p.ttl);
        self.dscp_bits |= 1 << (p.dscp & 63);
        self.vlan = p.vlan;
        self.tunnel_bits |= p.tunnel_bits;
        let usual = p.segments == 1 && p.fragment == Fragment::Whole && p.headers == Headers::Complete;
        if !usual || p.outer_ecn.is_some() {
            self.rare.get_or_insert_default().observe(p);
        }
    }

    /// Wire packets since the last report.
    pub(crate) fn packets(&self) -> u64 {
        self.ecn_packets.iter().map(|n| u64::from(*n)).sum()
    }

    /// The counters must be reported before more packets like this one are added, or they could overflow: the sum of all
    /// code points is four times as high at most.
    pub(crate) fn is_nearly_full(&self, p: &Packet<'_>) -> bool {
        self.ecn_packets[p.ecn as usize] >= 1 << 29
    }

    /// Hands the counters over and begins anew.
    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        let Volume {
            frames,
            ecn_packets,
            ecn_data_packets,
            ttl_min,
            ttl_max,
            vlan,
            tunnel_bits,
            ip_bytes,
            link_bytes,
            ecn_bytes,
            first_ns,
            last_ns,
            dscp_bits,
            rare,
        } = std::mem::take(self);
        self.vlan = vlan; // the latest one, also for a record without packets
        out.frames = u64::from(frames);
        let packets = ecn_packets.map(u64::from);
        out.packets = packets.iter().sum();
        [out.not_ect_packets, out.ect1_packets, out.ect0_packets, out.ce_packets] = packets;
        let data = ecn_data_packets.map(u64::from);
        out.data_segments = data.iter().sum();
        [out.not_ect_data_packets, out.ect1_data_packets, out.ect0_data_packets, out.ce_data_packets] = data;
        out.payload_bytes = ecn_bytes.iter().sum();
        [out.not_ect_bytes, out.ect1_bytes, out.ect0_bytes, out.ce_bytes] = ecn_bytes;
        (out.ttl_min, out.ttl_max) = (u32::from(ttl_min), u32::from(ttl_max));
        out.vlan_last = u32::from(vlan);
        out.tunnel_bits = u64::from(tunnel_bits);
        (out.ip_bytes, out.link_bytes) = (ip_bytes, link_bytes);
        (out.first_ns, out.last_ns) = (first_ns, last_ns);
        out.dscp_bits = dscp_bits;
        if let Some(rare) = rare {
            rare.report(out);
        }
    }
}

impl Rare {
    #[cold]
    fn observe(&mut self, p: &Packet<'_>) {
        if p.segments > 1 {
            self.superpackets += 1;
            self.estimated_packets += if p.estimated { p.segments } else { 0 };
        }
        if p.fragment != Fragment::Whole {
            self.fragments += 1;
        }
        match p.headers {
            Headers::Complete => {}
            Headers::Truncated => self.truncated_packets += 1,
            Headers::Malformed => self.malformed_packets += 1,
        }
        if let Some(outer) = p.outer_ecn {
            self.outer[outer as usize] += p.segments;
        }
    }

    fn report(&self, out: &mut FlowInterval) {
        out.superpackets = u64::from(self.superpackets);
        out.estimated_packets = u64::from(self.estimated_packets);
        out.fragments = u64::from(self.fragments);
        out.truncated_packets = u64::from(self.truncated_packets);
        out.malformed_packets = u64::from(self.malformed_packets);
        [out.outer_not_ect_packets, out.outer_ect1_packets, out.outer_ect0_packets, out.outer_ce_packets] =
            self.outer.map(u64::from);
    }
}
