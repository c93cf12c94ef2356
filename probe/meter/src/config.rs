//! What a [`Meter`](crate::Meter) needs to know before the first packet.

use crate::marks::MarksConfig;
use crate::rules::Rule;
use crate::transport::udp::Extractor;

const SECOND_NS: u64 = 1_000_000_000;

/// Settings of one meter, which serves one observation point.
#[derive(Debug, Clone)]
pub struct Config {
    /// Observation point that the records name.
    pub op: u64,
    /// Experiment label that the records carry.
    pub run: String,
    /// Length of an interval, ns; intervals are aligned to its multiples. 0 = one record for the whole life of a flow.
    pub interval_ns: u64,
    /// When flows end.
    pub timeouts: Timeouts,
    /// What bounds the memory.
    pub limits: Limits,
    /// Take the outermost IP header as it stands: no tunnel is entered, no fragment attributed to a flow by its first one,
    /// no superpacket split by an estimate.
    pub outermost: bool,
    /// IP packets longer than this are taken for superpackets where neither the kernel nor an MSS option tells, bytes.
    /// 0 = never.
    pub assumed_mtu: u32,
    /// Path marks, for the comparison with other observation points.
    pub marks: MarksConfig,
    /// Flows that are metered: those that one of the rules names; empty = all. Frames of other flows are counted in the
    /// `other` bucket.
    pub rules: Vec<Rule>,
    /// Where sequence numbers stand in test traffic over UDP or in ICMP echoes; tried before the built-in profiles (iperf2,
    /// iperf3, irtt, antler, pktgen, STAMP and TWAMP, UDP Prague, MGEN, RTP).
    pub extractors: Vec<Extractor>,
    /// Seed of the flow table's hash, so that nobody can aim packets at one bucket. Does not change any record.
    pub hash_seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            op: 0,
            run: String::new(),
            interval_ns: SECOND_NS,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            outermost: false,
            assumed_mtu: 1500,
            marks: MarksConfig::default(),
            rules: Vec::new(),
            extractors: Vec::new(),
            hash_seed: 0,
        }
    }
}

/// When a flow instance ends, in packet time (RFC 7011 section 5.1.1 leaves the values open).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP without a packet, ns. RFC 5382 would allow hours; five minutes keeps the table small.
    pub tcp_idle_ns: u64,
    /// TCP whose SYN nobody answered, ns: longer than the pauses between the first five SYNs of Linux.
    pub tcp_half_open_ns: u64,
    /// TCP without a packet after both FINs were acknowledged or a reset, ns: late segments still belong to the flow.
    pub tcp_closed_ns: u64,
    /// UDP, SCTP, DCCP and all other protocols without a packet, ns.
    pub other_idle_ns: u64,
    /// ICMP and ICMPv6 without a packet, ns.
    pub icmp_idle_ns: u64,
    /// Longest life of an instance, ns; 0 = no limit (interval records report long flows as they go).
    pub active_ns: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            tcp_idle_ns: 300 * SECOND_NS,
            tcp_half_open_ns: 65 * SECOND_NS,
            tcp_closed_ns: 15 * SECOND_NS,
            other_idle_ns: 60 * SECOND_NS,
            icmp_idle_ns: 30 * SECOND_NS,
            active_ns: 0,
        }
    }
}

/// What bounds the memory of a meter.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Flows in the table. A short TCP flow takes about 2 KiB, a long one with its histograms up to 6 KiB.
    pub max_flows: usize,
    /// A full table gives up flows that were quiet for this long, or that never got an answer; packets of new flows are
    /// counted in the `other` bucket if there is none, ns.
    pub evict_quiet_ns: u64,
    /// Records of ended flows that wait for [`Meter::advance`](crate::Meter::advance); beyond it nothing is evicted.
    pub max_waiting_records: usize,
    /// Fragmented datagrams whose ports are remembered.
    pub max_fragments: usize,
    /// Levels of encapsulation that are entered.
    pub max_tunnels: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_flows: 1 << 18,
            evict_quiet_ns: 5 * SECOND_NS,
            max_waiting_records: 8192,
            max_fragments: 1024,
            max_tunnels: 4,
        }
    }
}
