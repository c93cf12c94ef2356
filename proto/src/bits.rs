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
        ONE_DIRECTION = 8, "one_direction", "Only one direction was seen: RTT and acknowledgements are missing.";
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
