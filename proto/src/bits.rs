//! The vocabularies behind integer fields: what each code and each bit means, with the words that users see.

/// One named code or bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The code, or the bit's value.
    pub value: u64,
    /// Short name, snake_case, for JSON and tables.
    pub name: &'static str,
    /// Meaning in a sentence.
    pub help: &'static str,
}

/// The name of a code in a vocabulary; `unknown` where a newer probe uses one this code does not know.
#[must_use]
pub fn name(of: &[Named], value: u64) -> &'static str {
    of.iter().find(|n| n.value == value).map_or("unknown", |n| n.name)
}

/// The names of the bits that are set.
pub fn names(of: &'static [Named], bits: u64) -> impl Iterator<Item = &'static str> {
    of.iter().filter(move |n| bits & n.value != 0).map(|n| n.name)
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $module:ident { $($(#[$item:meta])* $id:ident = $value:expr, $name:literal, $help:literal;)* }) => {
        $(#[$doc])*
        pub mod $module {
            use super::Named;
            $(#[doc = $help] pub const $id: u64 = $value;)*
            /// All of them.
            pub const ALL: &[Named] = &[$(Named { value: $id, name: $name, help: $help }),*];
        }
    };
}

vocabulary! {
    /// `quality_bits`: what makes numbers of a record incomplete or estimated.
    quality {
        ESTIMATED_SEGMENTS = 1, "estimated_segments", "A superpacket was split by the MSS: packet counts are estimates, bytes are exact.";
        TRUNCATED = 2, "truncated", "The capture length cut transport headers: flags and options of those packets are missing.";
        NO_HANDSHAKE = 4, "no_handshake", "The flow began before the capture: negotiated options are unknown.";
        ONE_DIRECTION = 8, "one_direction", "Only one direction was seen until the flow ended, or for a second: RTT and acknowledgements are missing.";
        CAPTURE_LOSS = 16, "capture_loss", "The kernel dropped frames in the interval: counts are lower bounds, holes may be the capture's.";
        CLOCK_STEP = 32, "clock_step", "The clock stepped in the interval: times across the step are wrong by its size.";
        STATE_LIMIT = 64, "state_limit", "A bounded table was full: some samples were not taken.";
        MALFORMED = 128, "malformed", "Packets with contradictory headers were counted by their lengths only.";
        AMBIGUOUS_FRAGMENT = 256, "ambiguous_fragment", "Fragments came without their first one and are counted apart.";
    }
}

vocabulary! {
    /// `tunnel_bits`: encapsulations around the metered packet.
    tunnel {
        VLAN = 1, "vlan", "IEEE 802.1Q or 802.1ad tag.";
        MPLS = 2, "mpls", "MPLS label stack.";
        PPPOE = 4, "pppoe", "PPPoE session.";
        GRE = 8, "gre", "GRE, RFC 2784.";
        IPIP = 16, "ipip", "IP in IP, 6in4 and their kin.";
        VXLAN = 32, "vxlan", "VXLAN, RFC 7348.";
        GENEVE = 64, "geneve", "Geneve, RFC 8926.";
        GTPU = 128, "gtpu", "GTP-U, 3GPP TS 29.281.";
        UDP_SCTP = 256, "udp_sctp", "SCTP over UDP, RFC 6951.";
    }
}

vocabulary! {
    /// `ecn_mode_last`: the ECN semantics of a flow as far as they are proven.
    ecn_mode {
        UNKNOWN = 0, "unknown", "Nothing seen that decides it.";
        NONE = 1, "none", "The handshake did not agree on ECN.";
        CLASSIC = 2, "classic", "RFC 3168.";
        DCTCP = 3, "dctcp", "RFC 8257 behaviour: ECE follows CE without CWR.";
        SCE = 4, "sce", "RFC 3168 handshake and ESCE feedback, draft-morton-tsvwg-sce.";
        ACCECN = 5, "accecn", "RFC 9768.";
        L4S = 6, "l4s", "RFC 9768 feedback and a sender that sets ECT(1), RFC 9331.";
    }
}

vocabulary! {
    /// `ecn_evidence_bits`: why `ecn_mode_last` says what it says.
    ecn_evidence {
        HANDSHAKE = 1, "handshake", "SYN and SYN/ACK flags.";
        ACCECN_OPTION = 2, "accecn_option", "An AccECN option was seen.";
        BEHAVIOUR = 4, "behaviour", "Flags on later segments.";
        ESCE = 8, "esce", "Header bit 0x100 in a flow with an RFC 3168 handshake.";
        ECT1_SENDER = 16, "ect1_sender", "All data left the sender with ECT(1).";
        ECT1_MIXED = 32, "ect1_mixed", "ECT(0) and ECT(1) in one direction: the network wrote one of them.";
    }
}

vocabulary! {
    /// `ecn_mangling_bits`: signs that something between the ends changed ECN bits, seen from one point.
    ecn_mangling {
        SYN_ECN = 1, "syn_ecn", "The SYN/ACK says that the SYN arrived with another code point than it had here.";
        SYN_ACK_ECN = 2, "syn_ack_ecn", "The third ACK says that the SYN/ACK arrived with another code point than it had here.";
        ACE_ZEROED = 4, "ace_zeroed", "The ACE field was zero right after an AccECN handshake, RFC 9768 section 3.2.2.4.";
        OPTION_ZEROED = 8, "option_zeroed", "The first AccECN option had zero where it must not, RFC 9768 section 3.2.3.2.1.";
        REFLECTED = 16, "reflected", "The SYN/ACK carries the SYN's flags back: a server that reflects what it does not know.";
        ECT_AFTER_REFUSAL = 32, "ect_after_refusal", "Packets were ECN-capable although the handshake did not agree on ECN.";
    }
}

vocabulary! {
    /// `sctp_bits`: what an SCTP association showed.
    sctp {
        ECN_CAPABLE = 1, "ecn_capable", "INIT or INIT ACK of this direction carries the ECN capable parameter (0x8000).";
        FORWARD_TSN = 2, "forward_tsn", "INIT or INIT ACK of this direction supports FORWARD TSN, RFC 3758.";
        I_DATA = 4, "i_data", "I-DATA chunks were seen, RFC 8260.";
        MULTI_HOMED = 8, "multi_homed", "INIT or INIT ACK of this direction lists several addresses, or packets came on several paths.";
        AUTH = 16, "auth", "AUTH chunks were seen, RFC 4895.";
        NO_INIT = 32, "no_init", "The association began before the capture: negotiated streams and options are unknown.";
    }
}

vocabulary! {
    /// `end_reason_last`: why a flow instance ended.
    end_reason {
        OPEN = 0, "open", "It goes on.";
        FIN = 1, "fin", "Both FINs acknowledged.";
        RST = 2, "rst", "A reset.";
        IDLE = 3, "idle", "Nothing for the idle timeout.";
        EVICTED = 4, "evicted", "The flow table was full.";
        REPLACED = 5, "replaced", "A new connection used the same ports.";
        END_OF_INPUT = 6, "end_of_input", "The capture ended.";
        ACTIVE = 7, "active", "Longer than the active timeout.";
        SCTP_CLOSE = 8, "sctp_close", "SHUTDOWN-COMPLETE or ABORT.";
    }
}

vocabulary! {
    /// `known_bits` of a socket sample: which groups of fields its source knew. A field of another group is 0 for want of
    /// knowledge, not by measurement.
    socket_known {
        WINDOW = 1, "window", "Congestion window, threshold and flight in segments.";
        TIMES = 2, "times", "Time-weighted window and times in the congestion avoidance states.";
        EXTREMES = 4, "extremes", "Minima and maxima over every kernel event, not only over polls.";
        VOLUME = 8, "volume", "Bytes and segments sent, received, acknowledged, retransmitted.";
        LIMITS = 16, "limits", "Busy, window-limited and buffer-limited time, rates.";
        ACCECN = 32, "accecn", "AccECN counters.";
        PATH = 64, "path", "SCTP path window, threshold and flight in bytes.";
        CHUNKS = 128, "chunks", "SCTP chunk counters.";
        RTT = 256, "rtt", "Smoothed RTT.";
    }
}

vocabulary! {
    /// `PathSegment.method` and `ecn_method`, by name: how a figure of a path segment was made, best first.
    method {
        EXACT = 0, "exact", "Every packet was listed at both points and matched one by one.";
        COUNTERS = 1, "counters", "Both points saw the flow from start to end: totals are exact.";
        BLOCK_EXACT = 2, "block-exact", "Counters between marks that both points have: totals of those stretches are exact.";
        SAMPLED = 3, "sampled", "Shares of a hash-selected sample, with a 95 % interval, applied to exact totals.";
        BOUND = 4, "bound", "Only bounds are known; the least change that explains the counters is printed.";
    }
}

vocabulary! {
    /// `join_evidence_bits`: why two views are of the same flow.
    join_evidence {
        ISN = 1, "isn", "Both saw the same pair of initial sequence numbers.";
        HANDSHAKE = 2, "handshake", "Both saw the same handshake packet.";
        DIGESTS = 4, "digests", "At least eight listed packets are the same.";
        FEW_DIGESTS = 8, "few_digests", "One to seven listed packets are the same.";
        SEQUENCE = 16, "sequence", "The sequence numbers run through the same ranges.";
        TUPLE = 32, "tuple", "Addresses and ports agree and the lives overlap: weak on its own.";
        NAT = 64, "nat", "Addresses or ports differ: joined by address-free digests.";
    }
}

vocabulary! {
    /// `order_evidence_bits`: why one point comes before another on the path.
    order_evidence {
        TTL = 1, "ttl", "The TTL or hop limit is lower behind.";
        HOST = 2, "host", "The order of hooks within one host.";
        ENDPOINT = 4, "endpoint", "An interface has the sender's or receiver's address.";
        DELAY = 8, "delay", "The one-way delay is positive beyond its error.";
        COVERAGE = 16, "coverage", "Packets are missing at one of them only.";
        OPERATOR = 32, "operator", "Told by the operator.";
    }
}

vocabulary! {
    /// `warning_bits` of path segments and feedback.
    path_warning {
        CAPTURE_LOSS = 1, "capture_loss", "A capture lost frames: losses may be the capture's.";
        ESTIMATED = 2, "estimated", "A superpacket was split by the MSS: packet counts are estimates.";
        ORDER_CONFLICT = 4, "order_conflict", "TTL and delay disagree on the order of the points.";
        CLOCK_STEP = 8, "clock_step", "A clock stepped: delays are given for the longest stretch without a step.";
        PARTIAL = 16, "partial", "One point saw only a part of the flow: the figures cover what both saw.";
        WEAK_JOIN = 32, "weak_join", "Only addresses and ports say that these are the same flow.";
        MARKS_DROPPED = 64, "marks_dropped", "Marks were given up because the budget was spent.";
        SYNC_CONTRADICTED = 128, "sync_contradicted", "The kernels claim a clock error that the packets disprove: the claim was not used.";
        IN_FLIGHT = 256, "in_flight", "The flow goes on: packets without an answer yet at the end are left out.";
        LATE_START = 512, "late_start", "The far point began to capture after the flow had begun.";
    }
}

vocabulary! {
    /// `Feedback.verdict`, by name.
    verdict {
        NOTHING_TO_SAY = 0, "nothing_to_say", "No congestion signal arrived and none was reported.";
        COMPLETE = 1, "complete", "The receiver reported what it got and the sender heard it.";
        RECEIVER_SILENT = 2, "receiver_silent", "Signals arrived and the receiver reported none.";
        RECEIVER_PARTIAL = 3, "receiver_partial", "The receiver reported less than it got.";
        RECEIVER_EXCESS = 4, "receiver_excess", "The receiver reported more than it got.";
        RETURN_LOST = 5, "return_lost", "The receiver reported, but part of it was lost on the way back.";
        RETURN_STRIPPED = 6, "return_stripped", "The receiver reported, but the path cleared the flags of it on the way back.";
        NOT_NEGOTIATED = 7, "not_negotiated", "The endpoints did not agree on ECN: nothing to verify.";
        ONE_POINT = 8, "one_point", "Seen at one point only: the receiver can be judged only where that point is next to it.";
        DOWNGRADED = 9, "downgraded", "The path changed the flags of the handshake, so the endpoints fell back to less feedback than was offered.";
    }
}
