//! What is counted for every packet of every protocol: packets, bytes, ECN code points, TTL, DSCP.
//!
//! Counters of packets are 32 bits wide to keep flows small; [`Volume::is_nearly_full`] tells when the flow has to hand
//! them over to a record in between.

use sce_proto::FlowInterval;

use crate::packet::{Fragment, Headers, Packet};

/// Base counters of one direction since its last report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Volume {
    pub(crate) packets: u32,
    frames: u32,
    superpackets: u32,
    estimated_packets: u32,
    pub(crate) data_packets: u32,
    ecn_packets: [u32; 4],
    ecn_data_packets: [u32; 4],
    fragments: u32,
    truncated_packets: u32,
    malformed_packets: u32,
    ttl_min: u8,
    ttl_max: u8,
    vlan: u16,
    tunnel_bits: u16,
    ip_bytes: u64,
    payload_bytes: u64,
    link_bytes: u64,
    ecn_bytes: [u64; 4],
    first_ns: u64,
    last_ns: u64,
    dscp_bits: u64,
    /// Outer code points of tunnelled packets, from the first such packet on.
    outer: Option<Box<[u32; 4]>>,
}

impl Volume {
    pub(crate) fn observe(&mut self, p: &Packet<'_>) {
        if self.frames == 0 {
            self.ttl_min = u8::MAX;
            self.ttl_max = 0;
            self.first_ns = p.time_ns;
            self.last_ns = p.time_ns;
        }
        let segments = p.segments;
        let ecn = p.ecn as usize;
        self.packets += segments;
        self.frames += 1;
        self.ip_bytes += p.wire_ip_bytes();
        self.payload_bytes += u64::from(p.payload_bytes);
        self.link_bytes += u64::from(p.link_bytes);
        self.ecn_packets[ecn] += segments;
        self.ecn_bytes[ecn] += u64::from(p.payload_bytes);
        if p.payload_bytes > 0 {
            self.ecn_data_packets[ecn] += segments;
            self.data_packets += segments;
        }
        self.first_ns = self.first_ns.min(p.time_ns);
        self.last_ns = self.last_ns.max(p.time_ns);
        self.ttl_min = self.ttl_min.min(p.ttl);
        self.ttl_max = self.ttl_max.max(p.ttl);
        self.dscp_bits |= 1 << (p.dscp & 63);
        self.vlan = p.vlan;
        self.tunnel_bits |= p.tunnel_bits;
        if segments > 1 {
            self.superpackets += 1;
            self.estimated_packets += if p.estimated { segments } else { 0 };
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
            self.outer.get_or_insert_default()[outer as usize] += segments;
        }
    }

    /// The counters must be reported before more packets are added, or they could overflow.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.packets >= 1 << 31
    }

    /// Hands the counters over and begins anew.
    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        let Volume {
            packets,
            frames,
            superpackets,
            estimated_packets,
            data_packets,
            ecn_packets,
            ecn_data_packets,
            fragments,
            truncated_packets,
            malformed_packets,
            ttl_min,
            ttl_max,
            vlan,
            tunnel_bits,
            ip_bytes,
            payload_bytes,
            link_bytes,
            ecn_bytes,
            first_ns,
            last_ns,
            dscp_bits,
            outer,
        } = std::mem::take(self);
        self.vlan = vlan; // the latest one, also for a record without packets
        out.packets = u64::from(packets);
        out.frames = u64::from(frames);
        out.superpackets = u64::from(superpackets);
        out.estimated_packets = u64::from(estimated_packets);
        out.data_segments = u64::from(data_packets);
        let [not_ect, ect1, ect0, ce] = ecn_packets.map(u64::from);
        (out.not_ect_packets, out.ect1_packets, out.ect0_packets, out.ce_packets) = (not_ect, ect1, ect0, ce);
        let [not_ect, ect1, ect0, ce] = ecn_data_packets.map(u64::from);
        (out.not_ect_data_packets, out.ect1_data_packets) = (not_ect, ect1);
        (out.ect0_data_packets, out.ce_data_packets) = (ect0, ce);
        [out.not_ect_bytes, out.ect1_bytes, out.ect0_bytes, out.ce_bytes] = ecn_bytes;
        out.fragments = u64::from(fragments);
        out.truncated_packets = u64::from(truncated_packets);
        out.malformed_packets = u64::from(malformed_packets);
        (out.ttl_min, out.ttl_max) = (u32::from(ttl_min), u32::from(ttl_max));
        out.vlan_last = u32::from(vlan);
        out.tunnel_bits = u64::from(tunnel_bits);
        (out.ip_bytes, out.payload_bytes, out.link_bytes) = (ip_bytes, payload_bytes, link_bytes);
        (out.first_ns, out.last_ns) = (first_ns, last_ns);
        out.dscp_bits = dscp_bits;
        if let Some(outer) = outer {
            let [not_ect, ect1, ect0, ce] = outer.map(u64::from);
            (out.outer_not_ect_packets, out.outer_ect1_packets) = (not_ect, ect1);
            (out.outer_ect0_packets, out.outer_ce_packets) = (ect0, ce);
        }
    }
}
