// @generated from records.proto by tests/generated.rs. Do not edit.
impl Record for FlowInterval {
    const TABLE: &'static str = "flow_interval";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "start_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Start of the interval, ns since the epoch, a multiple of interval_ns (0: the whole life of the flow)." },
        Field { number: 2, name: "interval_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Length of the interval, ns (0: the whole life of the flow)." },
        Field { number: 3, name: "op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point, see ObservationPoint.op." },
        Field { number: 4, name: "flow", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Flow instance at this point: hash of flow_key and the ISN pair, or of the first packet's time where no handshake was seen." },
        Field { number: 5, name: "flow_key", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Hash of the canonical 5-tuple; the same at every observation point (sce_proto::flow_key)." },
        Field { number: 6, name: "direction", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "0 = up, initiator to responder; 1 = down." },
        Field { number: 7, name: "ip_proto", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "IP protocol number (TCP 6, UDP 17, SCTP 132, ICMP 1, ICMPv6 58 ...)." },
        Field { number: 8, name: "src_ip", kind: Kind::Bytes, merge: Merge::Key, count: "", unit: "", help: "Sender's address of this direction, 4 or 16 bytes, network order." },
        Field { number: 9, name: "dst_ip", kind: Kind::Bytes, merge: Merge::Key, count: "", unit: "", help: "Receiver's address of this direction, 4 or 16 bytes, network order." },
        Field { number: 10, name: "src_port", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Sender's port; the identifier for ICMP echo; 0 where there is none." },
        Field { number: 11, name: "dst_port", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Receiver's port; the identifier for ICMP echo; 0 where there is none." },
        Field { number: 12, name: "run", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Experiment label." },
        Field { number: 13, name: "flow_first_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Time of the flow instance's first packet at this point, ns since the epoch." },
        Field { number: 14, name: "initiator_evidence", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Why this side is the initiator: 5 SYN, 4 SYN/ACK or INIT or QUIC Initial or echo request, 2 first packet and the ports agree with it, 1 first packet." },
        Field { number: 15, name: "isn", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Initial sequence number of this direction's sender where its SYN was seen (see handshake_bits), else 0." },
        Field { number: 16, name: "vlan_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Outermost VLAN identifier, 0 = untagged." },
        Field { number: 17, name: "tunnel_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Encapsulations seen around the metered packet (sce_proto::tunnel): bit set." },
        Field { number: 18, name: "end_reason_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Why the flow instance ended: 0 it goes on, 1 FIN, 2 RST, 3 idle, 4 evicted, 5 replaced by a new instance, 6 end of input, 7 active timeout, 8 SCTP close." },
        Field { number: 19, name: "quality_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "What makes numbers of this record incomplete or estimated (sce_proto::quality): bit set." },
        Field { number: 20, name: "ecn_mode_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "ECN semantics proven so far (sce_proto::ecn_mode)." },
        Field { number: 21, name: "ecn_evidence_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "The evidence for ecn_mode_last (sce_proto::ecn_evidence): bit set." },
        Field { number: 22, name: "handshake_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Handshake packets of this direction seen: 1 SYN, 2 SYN/ACK, 4 third ACK." },
        Field { number: 30, name: "packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Wire packets: superpackets of segmentation offload count as the segments on the wire." },
        Field { number: 31, name: "frames", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "frames", help: "Captured frames (one superpacket is one frame)." },
        Field { number: 32, name: "superpackets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Frames that stand for more than one wire packet." },
        Field { number: 33, name: "estimated_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Wire packets of superpackets whose segmentation had to be estimated from the MSS." },
        Field { number: 34, name: "ip_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "IP total length, re-expanded to wire packets." },
        Field { number: 35, name: "payload_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Transport payload." },
        Field { number: 36, name: "link_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Frame lengths as captured, link headers included." },
        Field { number: 37, name: "first_ns", kind: Kind::U64, merge: Merge::Min, count: "packets", unit: "ns", help: "Time of the first packet, ns since the epoch." },
        Field { number: 38, name: "last_ns", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Time of the last packet, ns since the epoch." },
        Field { number: 39, name: "fragments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "IP fragments." },
        Field { number: 40, name: "ttl_min", kind: Kind::U64, merge: Merge::Min, count: "packets", unit: "", help: "Smallest TTL or hop limit." },
        Field { number: 41, name: "ttl_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "", help: "Largest TTL or hop limit." },
        Field { number: 42, name: "dscp_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "DSCP values seen: bit set, RFC 2474." },
        Field { number: 43, name: "truncated_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets whose transport header the capture length cut." },
        Field { number: 44, name: "malformed_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets whose transport header contradicts itself." },
        Field { number: 45, name: "outer_not_ect_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets that came in a tunnel whose outermost IP header had Not-ECT." },
        Field { number: 46, name: "outer_ect1_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "The same with ECT(1), see RFC 6040." },
        Field { number: 47, name: "outer_ect0_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "The same with ECT(0)." },
        Field { number: 48, name: "outer_ce_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "The same with CE." },
        Field { number: 50, name: "not_ect_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets with Not-ECT (00)." },
        Field { number: 51, name: "ect1_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets with ECT(1) (01): an SCE mark or an L4S sender, by interpretation." },
        Field { number: 52, name: "ect0_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets with ECT(0) (10)." },
        Field { number: 53, name: "ce_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets with CE (11)." },
        Field { number: 54, name: "not_ect_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Payload bytes of packets with Not-ECT." },
        Field { number: 55, name: "ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Payload bytes of packets with ECT(1)." },
        Field { number: 56, name: "ect0_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Payload bytes of packets with ECT(0)." },
        Field { number: 57, name: "ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Payload bytes of packets with CE." },
        Field { number: 58, name: "not_ect_data_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets with payload and Not-ECT." },
        Field { number: 59, name: "ect1_data_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets with payload and ECT(1)." },
        Field { number: 60, name: "ect0_data_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets with payload and ECT(0)." },
        Field { number: 61, name: "ce_data_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets with payload and CE." },
        Field { number: 70, name: "data_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Wire packets with payload." },
        Field { number: 71, name: "tcp_fin", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with FIN." },
        Field { number: 72, name: "tcp_syn", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with SYN." },
        Field { number: 73, name: "tcp_rst", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with RST." },
        Field { number: 74, name: "tcp_psh", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with PSH." },
        Field { number: 75, name: "tcp_ack", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with ACK." },
        Field { number: 76, name: "tcp_urg", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with URG." },
        Field { number: 77, name: "tcp_ece", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with ECE." },
        Field { number: 78, name: "tcp_cwr", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with CWR." },
        Field { number: 79, name: "tcp_ae", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with header bit 0x100: NS once, ESCE in the SCE draft, AE in RFC 9768." },
        Field { number: 80, name: "acked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes newly covered by the cumulative ACKs sent in this direction (so data of the other one)." },
        Field { number: 81, name: "esce_acked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes newly delivered (acknowledged or SACKed, each once) by segments with header bit 0x100 set, SYNs aside." },
        Field { number: 82, name: "pure_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Segments with ACK and without payload, SYN, FIN or RST." },
        Field { number: 100, name: "retransmitted_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with bytes that had passed this point before; keepalives and window probes are not among them." },
        Field { number: 101, name: "retransmitted_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Payload bytes that had passed this point before." },
        Field { number: 102, name: "spurious_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Retransmitted segments whose bytes had been acknowledged or SACKed here before." },
        Field { number: 103, name: "dsacked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes that the receiver reported to have got twice, RFC 2883." },
        Field { number: 104, name: "hole_events", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Times a segment came whose predecessor had not passed this point." },
        Field { number: 105, name: "hole_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes skipped then: lost upstream, reordered, or missed by the capture." },
        Field { number: 106, name: "hole_reordered_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes of holes that a late segment closed." },
        Field { number: 107, name: "loss_upstream_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes of holes that a retransmission closed: lost before this point." },
        Field { number: 108, name: "hole_unknown_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes of holes closed by a segment of which neither is certain." },
        Field { number: 109, name: "unseen_acked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes of holes that were acknowledged although they never passed this point: the capture missed them, or they took another path." },
        Field { number: 110, name: "loss_downstream_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Retransmitted bytes that were not spurious: lost behind this point, or their ACK was." },
        Field { number: 111, name: "reordered_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments behind one with higher sequence numbers that are no retransmission, RFC 4737 section 3." },
        Field { number: 112, name: "reorder_extent_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Sum over reordered segments of the bytes that overtook them, RFC 4737 section 4.2." },
        Field { number: 113, name: "reorder_extent_bytes_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "bytes", help: "The largest of these." },
        Field { number: 114, name: "late_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments with a TSval below the highest one before." },
        Field { number: 115, name: "keepalives", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Segments with at most one byte just below the next sequence number, RFC 9293 section 3.8.4." },
        Field { number: 116, name: "zero_window_probes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "The same, or one byte beyond it, while the receiver's window was zero." },
        Field { number: 117, name: "flight_bytes_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "bytes", help: "Largest number of bytes sent and neither acknowledged nor SACKed, as seen here." },
        Field { number: 118, name: "flight_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "The same when the latest segment with data passed." },
        Field { number: 119, name: "rwnd_limited_ns", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Time with less than one segment of the receiver's window left." },
        Field { number: 120, name: "duplicate_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "ACKs without data that repeat number and window while data is outstanding, RFC 5681 section 2." },
        Field { number: 121, name: "window_updates", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "ACKs without data that repeat the number with another window." },
        Field { number: 122, name: "stretch_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "ACKs that cover more than two full-sized segments, RFC 5681 section 4.2." },
        Field { number: 123, name: "delivered_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes newly acknowledged or SACKed, each once, without SYN and FIN." },
        Field { number: 124, name: "sacked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes of those that were SACKed first, RFC 2018." },
        Field { number: 125, name: "zero_window_events", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Times the advertised window became zero." },
        Field { number: 126, name: "zero_window_ns", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Time until it opened again." },
        Field { number: 127, name: "window_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Advertised window, scaled (RFC 7323); 0 where the scale was not seen." },
        Field { number: 128, name: "window_bytes_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "bytes", help: "Largest advertised window, scaled." },
        Field { number: 129, name: "advancing_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Segments whose acknowledgement number moved forward." },
        Field { number: 130, name: "first_ack_ns", kind: Kind::U64, merge: Merge::Min, count: "", unit: "ns", help: "Time of the first acknowledgement, ns since the epoch." },
        Field { number: 131, name: "last_ack_ns", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Time of the last one that moved forward, ns since the epoch." },
        Field { number: 140, name: "rtt_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: time from the last newly acknowledged segment to its ACK, without retransmitted segments (Karn) and segments behind holes." },
        Field { number: 141, name: "rtt_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: time from the last newly acknowledged segment to its ACK, without retransmitted segments (Karn) and segments behind holes." },
        Field { number: 142, name: "rtt_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: time from the last newly acknowledged segment to its ACK, without retransmitted segments (Karn) and segments behind holes." },
        Field { number: 143, name: "rtt_ns_min", kind: Kind::U64, merge: Merge::Min, count: "rtt_count", unit: "ns", help: "Smallest: time from the last newly acknowledged segment to its ACK, without retransmitted segments (Karn) and segments behind holes." },
        Field { number: 144, name: "rtt_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: time from the last newly acknowledged segment to its ACK, without retransmitted segments (Karn) and segments behind holes." },
        Field { number: 145, name: "rtt_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: time from the last newly acknowledged segment to its ACK, without retransmitted segments (Karn) and segments behind holes." },
        Field { number: 146, name: "rtt_ts_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: time from the first segment with a TSval to its first echo, RFC 7323." },
        Field { number: 147, name: "rtt_ts_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: time from the first segment with a TSval to its first echo, RFC 7323." },
        Field { number: 148, name: "rtt_ts_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: time from the first segment with a TSval to its first echo, RFC 7323." },
        Field { number: 149, name: "rtt_ts_ns_min", kind: Kind::U64, merge: Merge::Min, count: "rtt_ts_count", unit: "ns", help: "Smallest: time from the first segment with a TSval to its first echo, RFC 7323." },
        Field { number: 150, name: "rtt_ts_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: time from the first segment with a TSval to its first echo, RFC 7323." },
        Field { number: 151, name: "rtt_ts_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: time from the first segment with a TSval to its first echo, RFC 7323." },
        Field { number: 152, name: "ack_delay_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: time from the first newly acknowledged segment to its ACK: RTT and delayed ACK; at the receiver, its turnaround." },
        Field { number: 153, name: "ack_delay_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: time from the first newly acknowledged segment to its ACK: RTT and delayed ACK; at the receiver, its turnaround." },
        Field { number: 154, name: "ack_delay_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: time from the first newly acknowledged segment to its ACK: RTT and delayed ACK; at the receiver, its turnaround." },
        Field { number: 155, name: "ack_delay_ns_min", kind: Kind::U64, merge: Merge::Min, count: "ack_delay_count", unit: "ns", help: "Smallest: time from the first newly acknowledged segment to its ACK: RTT and delayed ACK; at the receiver, its turnaround." },
        Field { number: 156, name: "ack_delay_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: time from the first newly acknowledged segment to its ACK: RTT and delayed ACK; at the receiver, its turnaround." },
        Field { number: 157, name: "ack_delay_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: time from the first newly acknowledged segment to its ACK: RTT and delayed ACK; at the receiver, its turnaround." },
        Field { number: 158, name: "ipg_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: inter-packet gap below the idle threshold of 2 s." },
        Field { number: 159, name: "ipg_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: inter-packet gap below the idle threshold of 2 s." },
        Field { number: 160, name: "ipg_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: inter-packet gap below the idle threshold of 2 s." },
        Field { number: 161, name: "ipg_ns_min", kind: Kind::U64, merge: Merge::Min, count: "ipg_count", unit: "ns", help: "Smallest: inter-packet gap below the idle threshold of 2 s." },
        Field { number: 162, name: "ipg_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: inter-packet gap below the idle threshold of 2 s." },
        Field { number: 163, name: "ipg_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: inter-packet gap below the idle threshold of 2 s." },
        Field { number: 164, name: "sce_gap_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: time between data packets with ECT(1)." },
        Field { number: 165, name: "sce_gap_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: time between data packets with ECT(1)." },
        Field { number: 166, name: "sce_gap_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: time between data packets with ECT(1)." },
        Field { number: 167, name: "sce_gap_ns_min", kind: Kind::U64, merge: Merge::Min, count: "sce_gap_count", unit: "ns", help: "Smallest: time between data packets with ECT(1)." },
        Field { number: 168, name: "sce_gap_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: time between data packets with ECT(1)." },
        Field { number: 169, name: "sce_gap_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: time between data packets with ECT(1)." },
        Field { number: 170, name: "sce_run_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: run of consecutive data packets with ECT(1)." },
        Field { number: 171, name: "sce_run_packets_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets in: run of consecutive data packets with ECT(1)." },
        Field { number: 172, name: "sce_run_packets2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Sum of squares of the packets in: run of consecutive data packets with ECT(1)." },
        Field { number: 173, name: "sce_run_packets_min", kind: Kind::U64, merge: Merge::Min, count: "sce_run_count", unit: "packets", help: "Packets in the shortest of: run of consecutive data packets with ECT(1)." },
        Field { number: 174, name: "sce_run_packets_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "packets", help: "Packets in the longest of: run of consecutive data packets with ECT(1)." },
        Field { number: 175, name: "sce_run_packets_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of the packets in: run of consecutive data packets with ECT(1)." },
        Field { number: 176, name: "ce_run_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: run of consecutive data packets with CE." },
        Field { number: 177, name: "ce_run_packets_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets in: run of consecutive data packets with CE." },
        Field { number: 178, name: "ce_run_packets2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Sum of squares of the packets in: run of consecutive data packets with CE." },
        Field { number: 179, name: "ce_run_packets_min", kind: Kind::U64, merge: Merge::Min, count: "ce_run_count", unit: "packets", help: "Packets in the shortest of: run of consecutive data packets with CE." },
        Field { number: 180, name: "ce_run_packets_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "packets", help: "Packets in the longest of: run of consecutive data packets with CE." },
        Field { number: 181, name: "ce_run_packets_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of the packets in: run of consecutive data packets with CE." },
        Field { number: 182, name: "handshake_rtt_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Handshakes timed: for up, SYN to SYN/ACK, QUIC's first Initial to its answer, SCTP's INIT to INIT ACK; for down, from there to the initiator's next step." },
        Field { number: 183, name: "handshake_rtt_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Handshake time." },
        Field { number: 184, name: "handshake_rtt_ns_min", kind: Kind::U64, merge: Merge::Min, count: "handshake_rtt_count", unit: "ns", help: "Shortest handshake time." },
        Field { number: 185, name: "handshake_rtt_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Longest handshake time." },
        Field { number: 186, name: "srtt_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "Smoothed RTT after RFC 6298 over the samples of rtt; full only at the sender." },
        Field { number: 187, name: "rttvar_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "RTT variation after RFC 6298." },
        Field { number: 188, name: "rto_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "Retransmission timeout after RFC 6298 with Linux's minimum of 200 ms." },
        Field { number: 189, name: "idle_gaps", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Inter-packet gaps of 2 s and more." },
        Field { number: 190, name: "idle_ns", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Their sum." },
        Field { number: 191, name: "duplicated_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets that passed this point once more: copies that the network or the capture made. Same IP identification and checksum, or on IPv6 the same TCP data within 0.1 ms; those of TCP data are in retransmitted_segments, too." },
        Field { number: 200, name: "syn_ace_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Values of (AE, CWR, ECE) on SYNs of this direction: bit set by value." },
        Field { number: 201, name: "syn_ecn_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "IP ECN code points on SYNs as they passed here: bit set by code point." },
        Field { number: 202, name: "syn_ack_ace_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Values of (AE, CWR, ECE) on SYN/ACKs of this direction: bit set by value." },
        Field { number: 203, name: "syn_ack_ecn_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "IP ECN code points on SYN/ACKs as they passed here: bit set by code point." },
        Field { number: 204, name: "third_ack_ace_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Values of (AE, CWR, ECE) on the ACK that ends the handshake: bit set by value." },
        Field { number: 205, name: "third_ack_ecn_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "IP ECN code point of that ACK: bit set by code point." },
        Field { number: 206, name: "ecn_mangling_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Signs of changed ECN bits seen from here (sce_proto::ecn_mangling): bit set." },
        Field { number: 207, name: "ece_episodes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Times ECE came on after it was off, SYNs aside (RFC 3168 section 6.1.3)." },
        Field { number: 208, name: "ece_latch_ns", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Time from there to the first packet without it." },
        Field { number: 209, name: "cwr_events", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Times CWR came on after it was off, on segments with data." },
        Field { number: 210, name: "ece_acked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes newly delivered by ACKs with ECE: the feedback measure of DCTCP (RFC 8257 section 3.3)." },
        Field { number: 211, name: "ace_ce_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "CE packets that the ACE field reported, RFC 9768 section 3.2.2: the best estimate." },
        Field { number: 212, name: "ace_ce_low_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "The fewest it can mean, where ACK loss leaves a choice." },
        Field { number: 213, name: "ace_ce_high_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "The most it can mean." },
        Field { number: 214, name: "ace_ambiguous_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "ACKs with such a choice." },
        Field { number: 215, name: "accecn_options", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Segments with an AccECN option, kinds 172 and 174." },
        Field { number: 216, name: "option_ect0_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes with ECT(0) that these options reported as received." },
        Field { number: 217, name: "option_ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes with ECT(1) that they reported." },
        Field { number: 218, name: "option_ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes with CE that they reported." },
        Field { number: 219, name: "ce_to_ece_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "CE packets timed to the first ECE of the other direction after it." },
        Field { number: 220, name: "ce_to_ece_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Time between them; at the receiver, how long it took to say so." },
        Field { number: 221, name: "ce_to_ece_ns_min", kind: Kind::U64, merge: Merge::Min, count: "ce_to_ece_count", unit: "ns", help: "Shortest of these." },
        Field { number: 222, name: "ce_to_ece_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Longest of these." },
        Field { number: 300, name: "quic_version_last", kind: Kind::Str, merge: Merge::Last, count: "", unit: "", help: "QUIC version: v1, v2, or the number in hexadecimal; empty where the flow is not QUIC." },
        Field { number: 301, name: "sni_last", kind: Kind::Str, merge: Merge::Last, count: "", unit: "", help: "Server name of the client's hello (RFC 6066 section 3), from its Initial packets." },
        Field { number: 302, name: "alpn_last", kind: Kind::Str, merge: Merge::Last, count: "", unit: "", help: "Application protocols that the client offered (RFC 7301), comma-separated." },
        Field { number: 303, name: "quic_odcid_last", kind: Kind::Str, merge: Merge::Last, count: "", unit: "", help: "Destination connection identifier of the client's first Initial, hexadecimal: the name of the connection's qlog." },
        Field { number: 304, name: "quic_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "QUIC packets; a datagram can hold several (RFC 9000 section 12.2)." },
        Field { number: 305, name: "quic_initial_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Initial packets." },
        Field { number: 306, name: "quic_zero_rtt_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "0-RTT packets." },
        Field { number: 307, name: "quic_handshake_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Handshake packets." },
        Field { number: 308, name: "quic_retry_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Retry packets." },
        Field { number: 309, name: "quic_short_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Short header packets (1-RTT)." },
        Field { number: 310, name: "quic_version_negotiation_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Version Negotiation packets." },
        Field { number: 311, name: "quic_other_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Long header packets of versions whose types are not known." },
        Field { number: 312, name: "quic_coalesced_datagrams", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Datagrams with more than one QUIC packet." },
        Field { number: 313, name: "quic_opened_initials", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Initial packets that could be decrypted (RFC 9001 section 5.2); at most 16 of a flow are tried." },
        Field { number: 314, name: "quic_unopened_initials", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Initial packets that could not: cut by the capture, sealed with keys of an unseen start, or too many." },
        Field { number: 315, name: "quic_initial_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Opened Initial packets with an ACK frame." },
        Field { number: 316, name: "quic_ecn_initial_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Those whose ACK frame carries ECN counts (type 0x03, RFC 9000 section 19.3.2): the sender reports ECN." },
        Field { number: 317, name: "quic_ack_ect0_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "", help: "ECT(0) packets that these frames reported as received in the Initial space." },
        Field { number: 318, name: "quic_ack_ect1_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "", help: "ECT(1) packets that they reported." },
        Field { number: 319, name: "quic_ack_ce_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "", help: "CE packets that they reported." },
        Field { number: 320, name: "spin_rtt_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: round trip between two edges of the spin bit in this direction, RFC 9000 section 17.4." },
        Field { number: 321, name: "spin_rtt_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: round trip between two edges of the spin bit in this direction, RFC 9000 section 17.4." },
        Field { number: 322, name: "spin_rtt_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: round trip between two edges of the spin bit in this direction, RFC 9000 section 17.4." },
        Field { number: 323, name: "spin_rtt_ns_min", kind: Kind::U64, merge: Merge::Min, count: "spin_rtt_count", unit: "ns", help: "Smallest: round trip between two edges of the spin bit in this direction, RFC 9000 section 17.4." },
        Field { number: 324, name: "spin_rtt_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: round trip between two edges of the spin bit in this direction, RFC 9000 section 17.4." },
        Field { number: 325, name: "spin_rtt_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: round trip between two edges of the spin bit in this direction, RFC 9000 section 17.4." },
        Field { number: 326, name: "spin_half_rtt_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: time from a spin edge of this direction to its answer in the other one: the round trip beyond this point." },
        Field { number: 327, name: "spin_half_rtt_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: time from a spin edge of this direction to its answer in the other one: the round trip beyond this point." },
        Field { number: 328, name: "spin_half_rtt_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: time from a spin edge of this direction to its answer in the other one: the round trip beyond this point." },
        Field { number: 329, name: "spin_half_rtt_ns_min", kind: Kind::U64, merge: Merge::Min, count: "spin_half_rtt_count", unit: "ns", help: "Smallest: time from a spin edge of this direction to its answer in the other one: the round trip beyond this point." },
        Field { number: 330, name: "spin_half_rtt_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: time from a spin edge of this direction to its answer in the other one: the round trip beyond this point." },
        Field { number: 331, name: "spin_half_rtt_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: time from a spin edge of this direction to its answer in the other one: the round trip beyond this point." },
        Field { number: 332, name: "spin_rejected_edges", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Spin edges not believed: reverted at once, or against the order of the two directions." },
        Field { number: 333, name: "quic_migrations", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "1 in the first record of a flow that continues another one's connection from a new address or port." },
        Field { number: 334, name: "quic_migrated_flow_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Flow instance that it continues, known by its connection identifier; 0 = none." },
        Field { number: 340, name: "sctp_assoc_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Association: hash of ports and verification tags, the same for all its paths and at every point; 0 before both tags are known." },
        Field { number: 341, name: "sctp_vtag_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Verification tag of packets of this direction." },
        Field { number: 342, name: "sctp_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "Chunks." },
        Field { number: 343, name: "sctp_data_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "DATA and I-DATA chunks." },
        Field { number: 344, name: "sctp_i_data_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "I-DATA chunks (RFC 8260), counted in sctp_data_chunks too." },
        Field { number: 345, name: "sctp_init_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "INIT chunks." },
        Field { number: 346, name: "sctp_init_ack_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "INIT ACK chunks." },
        Field { number: 347, name: "sctp_sack_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "SACK chunks." },
        Field { number: 348, name: "sctp_heartbeat_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "HEARTBEAT chunks." },
        Field { number: 349, name: "sctp_heartbeat_ack_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "HEARTBEAT ACK chunks." },
        Field { number: 350, name: "sctp_abort_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "ABORT chunks." },
        Field { number: 351, name: "sctp_shutdown_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "SHUTDOWN, SHUTDOWN ACK and SHUTDOWN COMPLETE chunks." },
        Field { number: 352, name: "sctp_error_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "ERROR chunks." },
        Field { number: 353, name: "sctp_cookie_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "COOKIE ECHO and COOKIE ACK chunks." },
        Field { number: 354, name: "sctp_ecne_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "ECNE chunks: CE was received (RFC 4960 appendix A)." },
        Field { number: 355, name: "sctp_cwr_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "CWR chunks: the answer to ECNE." },
        Field { number: 356, name: "sctp_auth_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "AUTH chunks (RFC 4895)." },
        Field { number: 357, name: "sctp_asconf_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "ASCONF and ASCONF ACK chunks (RFC 5061)." },
        Field { number: 358, name: "sctp_reconfig_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "RE-CONFIG chunks (RFC 6525)." },
        Field { number: 359, name: "sctp_forward_tsn_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "FORWARD TSN and I-FORWARD-TSN chunks (RFC 3758, RFC 8260)." },
        Field { number: 360, name: "sctp_other_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "Chunks of other types." },
        Field { number: 361, name: "sctp_user_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "User data of DATA and I-DATA chunks, repeated ones included." },
        Field { number: 362, name: "sctp_retransmitted_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "DATA chunks whose TSN had passed this point before, on any path." },
        Field { number: 363, name: "sctp_retransmitted_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "User data of these." },
        Field { number: 364, name: "sctp_timeout_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "Those of them that came the estimated RTO or more after the first, without a new SACK in between (T3-rtx)." },
        Field { number: 365, name: "sctp_failover_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "Those of them that came on another path than the first." },
        Field { number: 366, name: "sctp_reported_duplicates", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Duplicate TSNs that SACKs of this direction listed." },
        Field { number: 367, name: "sctp_hole_events", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Times a TSN came whose predecessor had not passed this point." },
        Field { number: 368, name: "sctp_hole_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "TSNs skipped then: lost upstream, reordered, or on a path not seen here." },
        Field { number: 369, name: "sctp_reordered_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "DATA chunks that came behind a higher TSN within the handshake's round trip." },
        Field { number: 370, name: "sctp_cross_path_rtts", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "RTT samples (rtt_count) whose SACK came back on another path than the data took." },
        Field { number: 371, name: "sctp_heartbeat_rtt_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: time from a HEARTBEAT of this direction to the HEARTBEAT ACK with the same information, on this path." },
        Field { number: 372, name: "sctp_heartbeat_rtt_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: time from a HEARTBEAT of this direction to the HEARTBEAT ACK with the same information, on this path." },
        Field { number: 373, name: "sctp_heartbeat_rtt_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: time from a HEARTBEAT of this direction to the HEARTBEAT ACK with the same information, on this path." },
        Field { number: 374, name: "sctp_heartbeat_rtt_ns_min", kind: Kind::U64, merge: Merge::Min, count: "sctp_heartbeat_rtt_count", unit: "ns", help: "Smallest: time from a HEARTBEAT of this direction to the HEARTBEAT ACK with the same information, on this path." },
        Field { number: 375, name: "sctp_heartbeat_rtt_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: time from a HEARTBEAT of this direction to the HEARTBEAT ACK with the same information, on this path." },
        Field { number: 376, name: "sctp_heartbeat_rtt_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: time from a HEARTBEAT of this direction to the HEARTBEAT ACK with the same information, on this path." },
        Field { number: 377, name: "sctp_rwnd_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Receiver windows advertised: INIT, INIT ACK and SACK chunks." },
        Field { number: 378, name: "sctp_rwnd_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Receiver window (a_rwnd) last advertised." },
        Field { number: 379, name: "sctp_rwnd_bytes_min", kind: Kind::U64, merge: Merge::Min, count: "sctp_rwnd_count", unit: "bytes", help: "Smallest receiver window advertised; zeros count." },
        Field { number: 380, name: "sctp_negotiated_streams_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Streams negotiated: the smaller one of this side's outbound and the other side's inbound streams." },
        Field { number: 381, name: "sctp_streams_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Streams that carried data so far." },
        Field { number: 382, name: "sctp_active_streams_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "", help: "Streams that carried data in one interval." },
        Field { number: 383, name: "sctp_negotiated_utilisation_ppm_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ppm", help: "Entropy of the bytes per stream over that of all negotiated streams used alike, millionths." },
        Field { number: 384, name: "sctp_streams_utilisation_ppm_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ppm", help: "The same over the streams seen." },
        Field { number: 385, name: "sctp_unordered_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "DATA chunks with the U bit." },
        Field { number: 386, name: "sctp_hol_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "Ordered DATA chunks that came while an earlier message of their stream was missing here: they must wait for it." },
        Field { number: 387, name: "sctp_hol_ns", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Time these had to wait." },
        Field { number: 388, name: "sctp_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "What the association showed (sce_proto::sctp): bit set." },
        Field { number: 389, name: "sctp_paths_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Address pairs of the association seen so far." },
        Field { number: 400, name: "icmp_echo_requests", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Echo requests." },
        Field { number: 401, name: "icmp_echo_replies", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Echo replies." },
        Field { number: 402, name: "icmp_echo_unanswered", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Echo requests of this direction without a reply within 5 s; a loss at the pinging host, elsewhere only a reply not seen." },
        Field { number: 403, name: "icmp_echo_duplicates", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Echo replies of this direction to a request that was answered before." },
        Field { number: 404, name: "icmp_echo_unmatched", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Echo replies of this direction to a request that did not pass this point, or too long ago." },
        Field { number: 405, name: "icmp_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "ICMP errors that quote a packet of this direction." },
        Field { number: 406, name: "icmp_unreachable_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Those of them that say destination unreachable, without too-big ones." },
        Field { number: 407, name: "icmp_time_exceeded_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Those of them that say time exceeded." },
        Field { number: 408, name: "icmp_mtu_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Those of them that say packet too big or fragmentation needed, with the MTU." },
        Field { number: 409, name: "icmp_mtu_bytes_min", kind: Kind::U64, merge: Merge::Min, count: "icmp_mtu_count", unit: "bytes", help: "Smallest MTU these told." },
        Field { number: 410, name: "icmp_other_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "All other ICMP errors about this direction." },
        Field { number: 411, name: "icmp_quoted_ecn_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "ECN code points of the quoted packets as the router saw them: bit set by code point." },
        Field { number: 412, name: "icmp_quoted_dscp_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "DSCP values of the quoted packets: bit set." },
        Field { number: 413, name: "icmp_ecn_changed_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Errors that quote an ECN code point with which no packet of this direction passed this point: it was changed between here and the router." },
        Field { number: 414, name: "icmp_dscp_changed_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "The same for the DSCP." },
        Field { number: 420, name: "seq_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets in which a sequence number was found." },
        Field { number: 421, name: "seq_expected", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Sequence numbers between the first and the highest one." },
        Field { number: 422, name: "seq_unique", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Different ones of these that came." },
        Field { number: 423, name: "seq_lost", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Different ones of these that did not come within 1024 numbers, 1 s, or the life of the flow." },
        Field { number: 424, name: "seq_duplicates", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Packets whose number had come before." },
        Field { number: 425, name: "seq_reordered", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Packets that came behind a higher number, RFC 4737 section 3." },
        Field { number: 426, name: "seq_extent_packets_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "packets", help: "Largest number of packets that overtook one of these, RFC 4737 section 4.2." },
        Field { number: 427, name: "seq_late", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Packets that came after their number was counted lost." },
        Field { number: 428, name: "seq_loss_runs", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Runs of consecutive lost numbers, RFC 3357." },
        Field { number: 429, name: "seq_loss_run_packets_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "packets", help: "Longest of these runs." },
        Field { number: 430, name: "seq_resets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Restarts of the sender: the numbers jumped and went on from there." },
        Field { number: 431, name: "seq_small_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Packets whose number is the previous one's plus 0 or plus 2 to the small threshold." },
        Field { number: 432, name: "seq_big_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Packets whose number is further ahead of the previous one's." },
        Field { number: 433, name: "seq_reverse_errors", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Packets whose number is lower than the previous one's." },
        Field { number: 434, name: "seq_profile_last", kind: Kind::Str, merge: Merge::Last, count: "", unit: "", help: "Name of the extractor that found the numbers: rtp, iperf3, irtt ..." },
        Field { number: 435, name: "seq_streams_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Senders told apart within the flow (SSRCs of RTP); beyond 4 they are not followed." },
        Field { number: 436, name: "rfc3550_jitter_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "Interarrival jitter after RFC 3550 section 6.4.1, from the sender's times." },
        Field { number: 437, name: "rfc3550_jitter_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest value of it." },
        Field { number: 438, name: "ipdv_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: difference of the delays of consecutive packets, without its sign, RFC 5481 section 4.1." },
        Field { number: 439, name: "ipdv_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: difference of the delays of consecutive packets, without its sign, RFC 5481 section 4.1." },
        Field { number: 440, name: "ipdv_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: difference of the delays of consecutive packets, without its sign, RFC 5481 section 4.1." },
        Field { number: 441, name: "ipdv_ns_min", kind: Kind::U64, merge: Merge::Min, count: "ipdv_count", unit: "ns", help: "Smallest: difference of the delays of consecutive packets, without its sign, RFC 5481 section 4.1." },
        Field { number: 442, name: "ipdv_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: difference of the delays of consecutive packets, without its sign, RFC 5481 section 4.1." },
        Field { number: 443, name: "ipdv_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: difference of the delays of consecutive packets, without its sign, RFC 5481 section 4.1." },
        Field { number: 444, name: "pdv_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: delay beyond the smallest one of the sender in the interval, RFC 5481 section 4.2." },
        Field { number: 445, name: "pdv_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of: delay beyond the smallest one of the sender in the interval, RFC 5481 section 4.2." },
        Field { number: 446, name: "pdv_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of: delay beyond the smallest one of the sender in the interval, RFC 5481 section 4.2." },
        Field { number: 447, name: "pdv_ns_min", kind: Kind::U64, merge: Merge::Min, count: "pdv_count", unit: "ns", help: "Smallest: delay beyond the smallest one of the sender in the interval, RFC 5481 section 4.2." },
        Field { number: 448, name: "pdv_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest: delay beyond the smallest one of the sender in the interval, RFC 5481 section 4.2." },
        Field { number: 449, name: "pdv_ns_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Histogram (sce_proto::sketch) of: delay beyond the smallest one of the sender in the interval, RFC 5481 section 4.2." },
        Field { number: 450, name: "rtp_payload_type_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "RTP payload type." },
        Field { number: 451, name: "rtp_ssrc_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "RTP synchronisation source." },
        Field { number: 452, name: "rtcp_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "RTCP packets." },
        Field { number: 453, name: "rtcp_rtt_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: time from a sender report of this direction to the receiver report that answers it, less the receiver's own delay, RFC 3550 section 6.4.1." },
        Field { number: 454, name: "rtcp_rtt_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of these." },
        Field { number: 455, name: "rtcp_rtt_ns_min", kind: Kind::U64, merge: Merge::Min, count: "rtcp_rtt_count", unit: "ns", help: "Smallest of these." },
        Field { number: 456, name: "rtcp_rtt_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest of these." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.start_ns),
            1 => ValueRef::U64(self.interval_ns),
            2 => ValueRef::U64(self.op),
            3 => ValueRef::U64(self.flow),
            4 => ValueRef::U64(self.flow_key),
            5 => ValueRef::U64(u64::from(self.direction)),
            6 => ValueRef::U64(u64::from(self.ip_proto)),
            7 => ValueRef::Bytes(&self.src_ip),
            8 => ValueRef::Bytes(&self.dst_ip),
            9 => ValueRef::U64(u64::from(self.src_port)),
            10 => ValueRef::U64(u64::from(self.dst_port)),
            11 => ValueRef::Str(&self.run),
            12 => ValueRef::U64(self.flow_first_ns),
            13 => ValueRef::U64(u64::from(self.initiator_evidence)),
            14 => ValueRef::U64(u64::from(self.isn)),
            15 => ValueRef::U64(u64::from(self.vlan_last)),
            16 => ValueRef::U64(self.tunnel_bits),
            17 => ValueRef::U64(u64::from(self.end_reason_last)),
            18 => ValueRef::U64(self.quality_bits),
            19 => ValueRef::U64(u64::from(self.ecn_mode_last)),
            20 => ValueRef::U64(u64::from(self.ecn_evidence_bits)),
            21 => ValueRef::U64(u64::from(self.handshake_bits)),
            22 => ValueRef::U64(self.packets),
            23 => ValueRef::U64(self.frames),
            24 => ValueRef::U64(self.superpackets),
            25 => ValueRef::U64(self.estimated_packets),
            26 => ValueRef::U64(self.ip_bytes),
            27 => ValueRef::U64(self.payload_bytes),
            28 => ValueRef::U64(self.link_bytes),
            29 => ValueRef::U64(self.first_ns),
            30 => ValueRef::U64(self.last_ns),
            31 => ValueRef::U64(self.fragments),
            32 => ValueRef::U64(u64::from(self.ttl_min)),
            33 => ValueRef::U64(u64::from(self.ttl_max)),
            34 => ValueRef::U64(self.dscp_bits),
            35 => ValueRef::U64(self.truncated_packets),
            36 => ValueRef::U64(self.malformed_packets),
            37 => ValueRef::U64(self.outer_not_ect_packets),
            38 => ValueRef::U64(self.outer_ect1_packets),
            39 => ValueRef::U64(self.outer_ect0_packets),
            40 => ValueRef::U64(self.outer_ce_packets),
            41 => ValueRef::U64(self.not_ect_packets),
            42 => ValueRef::U64(self.ect1_packets),
            43 => ValueRef::U64(self.ect0_packets),
            44 => ValueRef::U64(self.ce_packets),
            45 => ValueRef::U64(self.not_ect_bytes),
            46 => ValueRef::U64(self.ect1_bytes),
            47 => ValueRef::U64(self.ect0_bytes),
            48 => ValueRef::U64(self.ce_bytes),
            49 => ValueRef::U64(self.not_ect_data_packets),
            50 => ValueRef::U64(self.ect1_data_packets),
            51 => ValueRef::U64(self.ect0_data_packets),
            52 => ValueRef::U64(self.ce_data_packets),
            53 => ValueRef::U64(self.data_segments),
            54 => ValueRef::U64(self.tcp_fin),
            55 => ValueRef::U64(self.tcp_syn),
            56 => ValueRef::U64(self.tcp_rst),
            57 => ValueRef::U64(self.tcp_psh),
            58 => ValueRef::U64(self.tcp_ack),
            59 => ValueRef::U64(self.tcp_urg),
            60 => ValueRef::U64(self.tcp_ece),
            61 => ValueRef::U64(self.tcp_cwr),
            62 => ValueRef::U64(self.tcp_ae),
            63 => ValueRef::U64(self.acked_bytes),
            64 => ValueRef::U64(self.esce_acked_bytes),
            65 => ValueRef::U64(self.pure_acks),
            66 => ValueRef::U64(self.retransmitted_segments),
            67 => ValueRef::U64(self.retransmitted_bytes),
            68 => ValueRef::U64(self.spurious_segments),
            69 => ValueRef::U64(self.dsacked_bytes),
            70 => ValueRef::U64(self.hole_events),
            71 => ValueRef::U64(self.hole_bytes),
            72 => ValueRef::U64(self.hole_reordered_bytes),
            73 => ValueRef::U64(self.loss_upstream_bytes),
            74 => ValueRef::U64(self.hole_unknown_bytes),
            75 => ValueRef::U64(self.unseen_acked_bytes),
            76 => ValueRef::U64(self.loss_downstream_bytes),
            77 => ValueRef::U64(self.reordered_segments),
            78 => ValueRef::U64(self.reorder_extent_bytes),
            79 => ValueRef::U64(self.reorder_extent_bytes_max),
            80 => ValueRef::U64(self.late_segments),
            81 => ValueRef::U64(self.keepalives),
            82 => ValueRef::U64(self.zero_window_probes),
            83 => ValueRef::U64(self.flight_bytes_max),
            84 => ValueRef::U64(self.flight_bytes_last),
            85 => ValueRef::U64(self.rwnd_limited_ns),
            86 => ValueRef::U64(self.duplicate_acks),
            87 => ValueRef::U64(self.window_updates),
            88 => ValueRef::U64(self.stretch_acks),
            89 => ValueRef::U64(self.delivered_bytes),
            90 => ValueRef::U64(self.sacked_bytes),
            91 => ValueRef::U64(self.zero_window_events),
            92 => ValueRef::U64(self.zero_window_ns),
            93 => ValueRef::U64(self.window_bytes_last),
            94 => ValueRef::U64(self.window_bytes_max),
            95 => ValueRef::U64(self.advancing_acks),
            96 => ValueRef::U64(self.first_ack_ns),
            97 => ValueRef::U64(self.last_ack_ns),
            98 => ValueRef::U64(self.rtt_count),
            99 => ValueRef::U64(self.rtt_ns_sum),
            100 => ValueRef::U64(self.rtt_us2_sum),
            101 => ValueRef::U64(self.rtt_ns_min),
            102 => ValueRef::U64(self.rtt_ns_max),
            103 => ValueRef::Bytes(&self.rtt_ns_sketch),
            104 => ValueRef::U64(self.rtt_ts_count),
            105 => ValueRef::U64(self.rtt_ts_ns_sum),
            106 => ValueRef::U64(self.rtt_ts_us2_sum),
            107 => ValueRef::U64(self.rtt_ts_ns_min),
            108 => ValueRef::U64(self.rtt_ts_ns_max),
            109 => ValueRef::Bytes(&self.rtt_ts_ns_sketch),
            110 => ValueRef::U64(self.ack_delay_count),
            111 => ValueRef::U64(self.ack_delay_ns_sum),
            112 => ValueRef::U64(self.ack_delay_us2_sum),
            113 => ValueRef::U64(self.ack_delay_ns_min),
            114 => ValueRef::U64(self.ack_delay_ns_max),
            115 => ValueRef::Bytes(&self.ack_delay_ns_sketch),
            116 => ValueRef::U64(self.ipg_count),
            117 => ValueRef::U64(self.ipg_ns_sum),
            118 => ValueRef::U64(self.ipg_us2_sum),
            119 => ValueRef::U64(self.ipg_ns_min),
            120 => ValueRef::U64(self.ipg_ns_max),
            121 => ValueRef::Bytes(&self.ipg_ns_sketch),
            122 => ValueRef::U64(self.sce_gap_count),
            123 => ValueRef::U64(self.sce_gap_ns_sum),
            124 => ValueRef::U64(self.sce_gap_us2_sum),
            125 => ValueRef::U64(self.sce_gap_ns_min),
            126 => ValueRef::U64(self.sce_gap_ns_max),
            127 => ValueRef::Bytes(&self.sce_gap_ns_sketch),
            128 => ValueRef::U64(self.sce_run_count),
            129 => ValueRef::U64(self.sce_run_packets_sum),
            130 => ValueRef::U64(self.sce_run_packets2_sum),
            131 => ValueRef::U64(self.sce_run_packets_min),
            132 => ValueRef::U64(self.sce_run_packets_max),
            133 => ValueRef::Bytes(&self.sce_run_packets_sketch),
            134 => ValueRef::U64(self.ce_run_count),
            135 => ValueRef::U64(self.ce_run_packets_sum),
            136 => ValueRef::U64(self.ce_run_packets2_sum),
            137 => ValueRef::U64(self.ce_run_packets_min),
            138 => ValueRef::U64(self.ce_run_packets_max),
            139 => ValueRef::Bytes(&self.ce_run_packets_sketch),
            140 => ValueRef::U64(self.handshake_rtt_count),
            141 => ValueRef::U64(self.handshake_rtt_ns_sum),
            142 => ValueRef::U64(self.handshake_rtt_ns_min),
            143 => ValueRef::U64(self.handshake_rtt_ns_max),
            144 => ValueRef::U64(self.srtt_ns_last),
            145 => ValueRef::U64(self.rttvar_ns_last),
            146 => ValueRef::U64(self.rto_ns_last),
            147 => ValueRef::U64(self.idle_gaps),
            148 => ValueRef::U64(self.idle_ns),
            149 => ValueRef::U64(self.duplicated_packets),
            150 => ValueRef::U64(self.syn_ace_bits),
            151 => ValueRef::U64(self.syn_ecn_bits),
            152 => ValueRef::U64(self.syn_ack_ace_bits),
            153 => ValueRef::U64(self.syn_ack_ecn_bits),
            154 => ValueRef::U64(self.third_ack_ace_bits),
            155 => ValueRef::U64(self.third_ack_ecn_bits),
            156 => ValueRef::U64(self.ecn_mangling_bits),
            157 => ValueRef::U64(self.ece_episodes),
            158 => ValueRef::U64(self.ece_latch_ns),
            159 => ValueRef::U64(self.cwr_events),
            160 => ValueRef::U64(self.ece_acked_bytes),
            161 => ValueRef::U64(self.ace_ce_packets),
            162 => ValueRef::U64(self.ace_ce_low_packets),
            163 => ValueRef::U64(self.ace_ce_high_packets),
            164 => ValueRef::U64(self.ace_ambiguous_acks),
            165 => ValueRef::U64(self.accecn_options),
            166 => ValueRef::U64(self.option_ect0_bytes),
            167 => ValueRef::U64(self.option_ect1_bytes),
            168 => ValueRef::U64(self.option_ce_bytes),
            169 => ValueRef::U64(self.ce_to_ece_count),
            170 => ValueRef::U64(self.ce_to_ece_ns_sum),
            171 => ValueRef::U64(self.ce_to_ece_ns_min),
            172 => ValueRef::U64(self.ce_to_ece_ns_max),
            173 => ValueRef::Str(&self.quic_version_last),
            174 => ValueRef::Str(&self.sni_last),
            175 => ValueRef::Str(&self.alpn_last),
            176 => ValueRef::Str(&self.quic_odcid_last),
            177 => ValueRef::U64(self.quic_packets),
            178 => ValueRef::U64(self.quic_initial_packets),
            179 => ValueRef::U64(self.quic_zero_rtt_packets),
            180 => ValueRef::U64(self.quic_handshake_packets),
            181 => ValueRef::U64(self.quic_retry_packets),
            182 => ValueRef::U64(self.quic_short_packets),
            183 => ValueRef::U64(self.quic_version_negotiation_packets),
            184 => ValueRef::U64(self.quic_other_packets),
            185 => ValueRef::U64(self.quic_coalesced_datagrams),
            186 => ValueRef::U64(self.quic_opened_initials),
            187 => ValueRef::U64(self.quic_unopened_initials),
            188 => ValueRef::U64(self.quic_initial_acks),
            189 => ValueRef::U64(self.quic_ecn_initial_acks),
            190 => ValueRef::U64(self.quic_ack_ect0_max),
            191 => ValueRef::U64(self.quic_ack_ect1_max),
            192 => ValueRef::U64(self.quic_ack_ce_max),
            193 => ValueRef::U64(self.spin_rtt_count),
            194 => ValueRef::U64(self.spin_rtt_ns_sum),
            195 => ValueRef::U64(self.spin_rtt_us2_sum),
            196 => ValueRef::U64(self.spin_rtt_ns_min),
            197 => ValueRef::U64(self.spin_rtt_ns_max),
            198 => ValueRef::Bytes(&self.spin_rtt_ns_sketch),
            199 => ValueRef::U64(self.spin_half_rtt_count),
            200 => ValueRef::U64(self.spin_half_rtt_ns_sum),
            201 => ValueRef::U64(self.spin_half_rtt_us2_sum),
            202 => ValueRef::U64(self.spin_half_rtt_ns_min),
            203 => ValueRef::U64(self.spin_half_rtt_ns_max),
            204 => ValueRef::Bytes(&self.spin_half_rtt_ns_sketch),
            205 => ValueRef::U64(self.spin_rejected_edges),
            206 => ValueRef::U64(self.quic_migrations),
            207 => ValueRef::U64(self.quic_migrated_flow_last),
            208 => ValueRef::U64(self.sctp_assoc_last),
            209 => ValueRef::U64(self.sctp_vtag_last),
            210 => ValueRef::U64(self.sctp_chunks),
            211 => ValueRef::U64(self.sctp_data_chunks),
            212 => ValueRef::U64(self.sctp_i_data_chunks),
            213 => ValueRef::U64(self.sctp_init_chunks),
            214 => ValueRef::U64(self.sctp_init_ack_chunks),
            215 => ValueRef::U64(self.sctp_sack_chunks),
            216 => ValueRef::U64(self.sctp_heartbeat_chunks),
            217 => ValueRef::U64(self.sctp_heartbeat_ack_chunks),
            218 => ValueRef::U64(self.sctp_abort_chunks),
            219 => ValueRef::U64(self.sctp_shutdown_chunks),
            220 => ValueRef::U64(self.sctp_error_chunks),
            221 => ValueRef::U64(self.sctp_cookie_chunks),
            222 => ValueRef::U64(self.sctp_ecne_chunks),
            223 => ValueRef::U64(self.sctp_cwr_chunks),
            224 => ValueRef::U64(self.sctp_auth_chunks),
            225 => ValueRef::U64(self.sctp_asconf_chunks),
            226 => ValueRef::U64(self.sctp_reconfig_chunks),
            227 => ValueRef::U64(self.sctp_forward_tsn_chunks),
            228 => ValueRef::U64(self.sctp_other_chunks),
            229 => ValueRef::U64(self.sctp_user_bytes),
            230 => ValueRef::U64(self.sctp_retransmitted_chunks),
            231 => ValueRef::U64(self.sctp_retransmitted_bytes),
            232 => ValueRef::U64(self.sctp_timeout_chunks),
            233 => ValueRef::U64(self.sctp_failover_chunks),
            234 => ValueRef::U64(self.sctp_reported_duplicates),
            235 => ValueRef::U64(self.sctp_hole_events),
            236 => ValueRef::U64(self.sctp_hole_chunks),
            237 => ValueRef::U64(self.sctp_reordered_chunks),
            238 => ValueRef::U64(self.sctp_cross_path_rtts),
            239 => ValueRef::U64(self.sctp_heartbeat_rtt_count),
            240 => ValueRef::U64(self.sctp_heartbeat_rtt_ns_sum),
            241 => ValueRef::U64(self.sctp_heartbeat_rtt_us2_sum),
            242 => ValueRef::U64(self.sctp_heartbeat_rtt_ns_min),
            243 => ValueRef::U64(self.sctp_heartbeat_rtt_ns_max),
            244 => ValueRef::Bytes(&self.sctp_heartbeat_rtt_ns_sketch),
            245 => ValueRef::U64(self.sctp_rwnd_count),
            246 => ValueRef::U64(self.sctp_rwnd_bytes_last),
            247 => ValueRef::U64(self.sctp_rwnd_bytes_min),
            248 => ValueRef::U64(self.sctp_negotiated_streams_last),
            249 => ValueRef::U64(self.sctp_streams_last),
            250 => ValueRef::U64(self.sctp_active_streams_max),
            251 => ValueRef::U64(self.sctp_negotiated_utilisation_ppm_last),
            252 => ValueRef::U64(self.sctp_streams_utilisation_ppm_last),
            253 => ValueRef::U64(self.sctp_unordered_chunks),
            254 => ValueRef::U64(self.sctp_hol_chunks),
            255 => ValueRef::U64(self.sctp_hol_ns),
            256 => ValueRef::U64(self.sctp_bits),
            257 => ValueRef::U64(self.sctp_paths_last),
            258 => ValueRef::U64(self.icmp_echo_requests),
            259 => ValueRef::U64(self.icmp_echo_replies),
            260 => ValueRef::U64(self.icmp_echo_unanswered),
            261 => ValueRef::U64(self.icmp_echo_duplicates),
            262 => ValueRef::U64(self.icmp_echo_unmatched),
            263 => ValueRef::U64(self.icmp_errors),
            264 => ValueRef::U64(self.icmp_unreachable_errors),
            265 => ValueRef::U64(self.icmp_time_exceeded_errors),
            266 => ValueRef::U64(self.icmp_mtu_count),
            267 => ValueRef::U64(self.icmp_mtu_bytes_min),
            268 => ValueRef::U64(self.icmp_other_errors),
            269 => ValueRef::U64(self.icmp_quoted_ecn_bits),
            270 => ValueRef::U64(self.icmp_quoted_dscp_bits),
            271 => ValueRef::U64(self.icmp_ecn_changed_errors),
            272 => ValueRef::U64(self.icmp_dscp_changed_errors),
            273 => ValueRef::U64(self.seq_packets),
            274 => ValueRef::U64(self.seq_expected),
            275 => ValueRef::U64(self.seq_unique),
            276 => ValueRef::U64(self.seq_lost),
            277 => ValueRef::U64(self.seq_duplicates),
            278 => ValueRef::U64(self.seq_reordered),
            279 => ValueRef::U64(self.seq_extent_packets_max),
            280 => ValueRef::U64(self.seq_late),
            281 => ValueRef::U64(self.seq_loss_runs),
            282 => ValueRef::U64(self.seq_loss_run_packets_max),
            283 => ValueRef::U64(self.seq_resets),
            284 => ValueRef::U64(self.seq_small_errors),
            285 => ValueRef::U64(self.seq_big_errors),
            286 => ValueRef::U64(self.seq_reverse_errors),
            287 => ValueRef::Str(&self.seq_profile_last),
            288 => ValueRef::U64(self.seq_streams_last),
            289 => ValueRef::U64(self.rfc3550_jitter_ns_last),
            290 => ValueRef::U64(self.rfc3550_jitter_ns_max),
            291 => ValueRef::U64(self.ipdv_count),
            292 => ValueRef::U64(self.ipdv_ns_sum),
            293 => ValueRef::U64(self.ipdv_us2_sum),
            294 => ValueRef::U64(self.ipdv_ns_min),
            295 => ValueRef::U64(self.ipdv_ns_max),
            296 => ValueRef::Bytes(&self.ipdv_ns_sketch),
            297 => ValueRef::U64(self.pdv_count),
            298 => ValueRef::U64(self.pdv_ns_sum),
            299 => ValueRef::U64(self.pdv_us2_sum),
            300 => ValueRef::U64(self.pdv_ns_min),
            301 => ValueRef::U64(self.pdv_ns_max),
            302 => ValueRef::Bytes(&self.pdv_ns_sketch),
            303 => ValueRef::U64(self.rtp_payload_type_last),
            304 => ValueRef::U64(self.rtp_ssrc_last),
            305 => ValueRef::U64(self.rtcp_packets),
            306 => ValueRef::U64(self.rtcp_rtt_count),
            307 => ValueRef::U64(self.rtcp_rtt_ns_sum),
            308 => ValueRef::U64(self.rtcp_rtt_ns_min),
            309 => ValueRef::U64(self.rtcp_rtt_ns_max),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.start_ns != 0 {
            each(0, ValueRef::U64(self.start_ns));
        }
        if self.interval_ns != 0 {
            each(1, ValueRef::U64(self.interval_ns));
        }
        if self.op != 0 {
            each(2, ValueRef::U64(self.op));
        }
        if self.flow != 0 {
            each(3, ValueRef::U64(self.flow));
        }
        if self.flow_key != 0 {
            each(4, ValueRef::U64(self.flow_key));
        }
        if self.direction != 0 {
            each(5, ValueRef::U64(u64::from(self.direction)));
        }
        if self.ip_proto != 0 {
            each(6, ValueRef::U64(u64::from(self.ip_proto)));
        }
        if !self.src_ip.is_empty() {
            each(7, ValueRef::Bytes(&self.src_ip));
        }
        if !self.dst_ip.is_empty() {
            each(8, ValueRef::Bytes(&self.dst_ip));
        }
        if self.src_port != 0 {
            each(9, ValueRef::U64(u64::from(self.src_port)));
        }
        if self.dst_port != 0 {
            each(10, ValueRef::U64(u64::from(self.dst_port)));
        }
        if !self.run.is_empty() {
            each(11, ValueRef::Str(&self.run));
        }
        if self.flow_first_ns != 0 {
            each(12, ValueRef::U64(self.flow_first_ns));
        }
        if self.initiator_evidence != 0 {
            each(13, ValueRef::U64(u64::from(self.initiator_evidence)));
        }
        if self.isn != 0 {
            each(14, ValueRef::U64(u64::from(self.isn)));
        }
        if self.vlan_last != 0 {
            each(15, ValueRef::U64(u64::from(self.vlan_last)));
        }
        if self.tunnel_bits != 0 {
            each(16, ValueRef::U64(self.tunnel_bits));
        }
        if self.end_reason_last != 0 {
            each(17, ValueRef::U64(u64::from(self.end_reason_last)));
        }
        if self.quality_bits != 0 {
            each(18, ValueRef::U64(self.quality_bits));
        }
        if self.ecn_mode_last != 0 {
            each(19, ValueRef::U64(u64::from(self.ecn_mode_last)));
        }
        if self.ecn_evidence_bits != 0 {
            each(20, ValueRef::U64(u64::from(self.ecn_evidence_bits)));
        }
        if self.handshake_bits != 0 {
            each(21, ValueRef::U64(u64::from(self.handshake_bits)));
        }
        if self.packets != 0 {
            each(22, ValueRef::U64(self.packets));
        }
        if self.frames != 0 {
            each(23, ValueRef::U64(self.frames));
        }
        if self.superpackets != 0 {
            each(24, ValueRef::U64(self.superpackets));
        }
        if self.estimated_packets != 0 {
            each(25, ValueRef::U64(self.estimated_packets));
        }
        if self.ip_bytes != 0 {
            each(26, ValueRef::U64(self.ip_bytes));
        }
        if self.payload_bytes != 0 {
            each(27, ValueRef::U64(self.payload_bytes));
        }
        if self.link_bytes != 0 {
            each(28, ValueRef::U64(self.link_bytes));
        }
        if self.first_ns != 0 {
            each(29, ValueRef::U64(self.first_ns));
        }
        if self.last_ns != 0 {
            each(30, ValueRef::U64(self.last_ns));
        }
        if self.fragments != 0 {
            each(31, ValueRef::U64(self.fragments));
        }
        if self.ttl_min != 0 {
            each(32, ValueRef::U64(u64::from(self.ttl_min)));
        }
        if self.ttl_max != 0 {
            each(33, ValueRef::U64(u64::from(self.ttl_max)));
        }
        if self.dscp_bits != 0 {
            each(34, ValueRef::U64(self.dscp_bits));
        }
        if self.truncated_packets != 0 {
            each(35, ValueRef::U64(self.truncated_packets));
        }
        if self.malformed_packets != 0 {
            each(36, ValueRef::U64(self.malformed_packets));
        }
        if self.outer_not_ect_packets != 0 {
            each(37, ValueRef::U64(self.outer_not_ect_packets));
        }
        if self.outer_ect1_packets != 0 {
            each(38, ValueRef::U64(self.outer_ect1_packets));
        }
        if self.outer_ect0_packets != 0 {
            each(39, ValueRef::U64(self.outer_ect0_packets));
        }
        if self.outer_ce_packets != 0 {
            each(40, ValueRef::U64(self.outer_ce_packets));
        }
        if self.not_ect_packets != 0 {
            each(41, ValueRef::U64(self.not_ect_packets));
        }
        if self.ect1_packets != 0 {
            each(42, ValueRef::U64(self.ect1_packets));
        }
        if self.ect0_packets != 0 {
            each(43, ValueRef::U64(self.ect0_packets));
        }
        if self.ce_packets != 0 {
            each(44, ValueRef::U64(self.ce_packets));
        }
        if self.not_ect_bytes != 0 {
            each(45, ValueRef::U64(self.not_ect_bytes));
        }
        if self.ect1_bytes != 0 {
            each(46, ValueRef::U64(self.ect1_bytes));
        }
        if self.ect0_bytes != 0 {
            each(47, ValueRef::U64(self.ect0_bytes));
        }
        if self.ce_bytes != 0 {
            each(48, ValueRef::U64(self.ce_bytes));
        }
        if self.not_ect_data_packets != 0 {
            each(49, ValueRef::U64(self.not_ect_data_packets));
        }
        if self.ect1_data_packets != 0 {
            each(50, ValueRef::U64(self.ect1_data_packets));
        }
        if self.ect0_data_packets != 0 {
            each(51, ValueRef::U64(self.ect0_data_packets));
        }
        if self.ce_data_packets != 0 {
            each(52, ValueRef::U64(self.ce_data_packets));
        }
        if self.data_segments != 0 {
            each(53, ValueRef::U64(self.data_segments));
        }
        if self.tcp_fin != 0 {
            each(54, ValueRef::U64(self.tcp_fin));
        }
        if self.tcp_syn != 0 {
            each(55, ValueRef::U64(self.tcp_syn));
        }
        if self.tcp_rst != 0 {
            each(56, ValueRef::U64(self.tcp_rst));
        }
        if self.tcp_psh != 0 {
            each(57, ValueRef::U64(self.tcp_psh));
        }
        if self.tcp_ack != 0 {
            each(58, ValueRef::U64(self.tcp_ack));
        }
        if self.tcp_urg != 0 {
            each(59, ValueRef::U64(self.tcp_urg));
        }
        if self.tcp_ece != 0 {
            each(60, ValueRef::U64(self.tcp_ece));
        }
        if self.tcp_cwr != 0 {
            each(61, ValueRef::U64(self.tcp_cwr));
        }
        if self.tcp_ae != 0 {
            each(62, ValueRef::U64(self.tcp_ae));
        }
        if self.acked_bytes != 0 {
            each(63, ValueRef::U64(self.acked_bytes));
        }
        if self.esce_acked_bytes != 0 {
            each(64, ValueRef::U64(self.esce_acked_bytes));
        }
        if self.pure_acks != 0 {
            each(65, ValueRef::U64(self.pure_acks));
        }
        if self.retransmitted_segments != 0 {
            each(66, ValueRef::U64(self.retransmitted_segments));
        }
        if self.retransmitted_bytes != 0 {
            each(67, ValueRef::U64(self.retransmitted_bytes));
        }
        if self.spurious_segments != 0 {
            each(68, ValueRef::U64(self.spurious_segments));
        }
        if self.dsacked_bytes != 0 {
            each(69, ValueRef::U64(self.dsacked_bytes));
        }
        if self.hole_events != 0 {
            each(70, ValueRef::U64(self.hole_events));
        }
        if self.hole_bytes != 0 {
            each(71, ValueRef::U64(self.hole_bytes));
        }
        if self.hole_reordered_bytes != 0 {
            each(72, ValueRef::U64(self.hole_reordered_bytes));
        }
        if self.loss_upstream_bytes != 0 {
            each(73, ValueRef::U64(self.loss_upstream_bytes));
        }
        if self.hole_unknown_bytes != 0 {
            each(74, ValueRef::U64(self.hole_unknown_bytes));
        }
        if self.unseen_acked_bytes != 0 {
            each(75, ValueRef::U64(self.unseen_acked_bytes));
        }
        if self.loss_downstream_bytes != 0 {
            each(76, ValueRef::U64(self.loss_downstream_bytes));
        }
        if self.reordered_segments != 0 {
            each(77, ValueRef::U64(self.reordered_segments));
        }
        if self.reorder_extent_bytes != 0 {
            each(78, ValueRef::U64(self.reorder_extent_bytes));
        }
        if self.reorder_extent_bytes_max != 0 {
            each(79, ValueRef::U64(self.reorder_extent_bytes_max));
        }
        if self.late_segments != 0 {
            each(80, ValueRef::U64(self.late_segments));
        }
        if self.keepalives != 0 {
            each(81, ValueRef::U64(self.keepalives));
        }
        if self.zero_window_probes != 0 {
            each(82, ValueRef::U64(self.zero_window_probes));
        }
        if self.flight_bytes_max != 0 {
            each(83, ValueRef::U64(self.flight_bytes_max));
        }
        if self.flight_bytes_last != 0 {
            each(84, ValueRef::U64(self.flight_bytes_last));
        }
        if self.rwnd_limited_ns != 0 {
            each(85, ValueRef::U64(self.rwnd_limited_ns));
        }
        if self.duplicate_acks != 0 {
            each(86, ValueRef::U64(self.duplicate_acks));
        }
        if self.window_updates != 0 {
            each(87, ValueRef::U64(self.window_updates));
        }
        if self.stretch_acks != 0 {
            each(88, ValueRef::U64(self.stretch_acks));
        }
        if self.delivered_bytes != 0 {
            each(89, ValueRef::U64(self.delivered_bytes));
        }
        if self.sacked_bytes != 0 {
            each(90, ValueRef::U64(self.sacked_bytes));
        }
        if self.zero_window_events != 0 {
            each(91, ValueRef::U64(self.zero_window_events));
        }
        if self.zero_window_ns != 0 {
            each(92, ValueRef::U64(self.zero_window_ns));
        }
        if self.window_bytes_last != 0 {
            each(93, ValueRef::U64(self.window_bytes_last));
        }
        if self.window_bytes_max != 0 {
            each(94, ValueRef::U64(self.window_bytes_max));
        }
        if self.advancing_acks != 0 {
            each(95, ValueRef::U64(self.advancing_acks));
        }
        if self.first_ack_ns != 0 {
            each(96, ValueRef::U64(self.first_ack_ns));
        }
        if self.last_ack_ns != 0 {
            each(97, ValueRef::U64(self.last_ack_ns));
        }
        if self.rtt_count != 0 {
            each(98, ValueRef::U64(self.rtt_count));
        }
        if self.rtt_ns_sum != 0 {
            each(99, ValueRef::U64(self.rtt_ns_sum));
        }
        if self.rtt_us2_sum != 0 {
            each(100, ValueRef::U64(self.rtt_us2_sum));
        }
        if self.rtt_ns_min != 0 {
            each(101, ValueRef::U64(self.rtt_ns_min));
        }
        if self.rtt_ns_max != 0 {
            each(102, ValueRef::U64(self.rtt_ns_max));
        }
        if !self.rtt_ns_sketch.is_empty() {
            each(103, ValueRef::Bytes(&self.rtt_ns_sketch));
        }
        if self.rtt_ts_count != 0 {
            each(104, ValueRef::U64(self.rtt_ts_count));
        }
        if self.rtt_ts_ns_sum != 0 {
            each(105, ValueRef::U64(self.rtt_ts_ns_sum));
        }
        if self.rtt_ts_us2_sum != 0 {
            each(106, ValueRef::U64(self.rtt_ts_us2_sum));
        }
        if self.rtt_ts_ns_min != 0 {
            each(107, ValueRef::U64(self.rtt_ts_ns_min));
        }
        if self.rtt_ts_ns_max != 0 {
            each(108, ValueRef::U64(self.rtt_ts_ns_max));
        }
        if !self.rtt_ts_ns_sketch.is_empty() {
            each(109, ValueRef::Bytes(&self.rtt_ts_ns_sketch));
        }
        if self.ack_delay_count != 0 {
            each(110, ValueRef::U64(self.ack_delay_count));
        }
        if self.ack_delay_ns_sum != 0 {
            each(111, ValueRef::U64(self.ack_delay_ns_sum));
        }
        if self.ack_delay_us2_sum != 0 {
            each(112, ValueRef::U64(self.ack_delay_us2_sum));
        }
        if self.ack_delay_ns_min != 0 {
            each(113, ValueRef::U64(self.ack_delay_ns_min));
        }
        if self.ack_delay_ns_max != 0 {
            each(114, ValueRef::U64(self.ack_delay_ns_max));
        }
        if !self.ack_delay_ns_sketch.is_empty() {
            each(115, ValueRef::Bytes(&self.ack_delay_ns_sketch));
        }
        if self.ipg_count != 0 {
            each(116, ValueRef::U64(self.ipg_count));
        }
        if self.ipg_ns_sum != 0 {
            each(117, ValueRef::U64(self.ipg_ns_sum));
        }
        if self.ipg_us2_sum != 0 {
            each(118, ValueRef::U64(self.ipg_us2_sum));
        }
        if self.ipg_ns_min != 0 {
            each(119, ValueRef::U64(self.ipg_ns_min));
        }
        if self.ipg_ns_max != 0 {
            each(120, ValueRef::U64(self.ipg_ns_max));
        }
        if !self.ipg_ns_sketch.is_empty() {
            each(121, ValueRef::Bytes(&self.ipg_ns_sketch));
        }
        if self.sce_gap_count != 0 {
            each(122, ValueRef::U64(self.sce_gap_count));
        }
        if self.sce_gap_ns_sum != 0 {
            each(123, ValueRef::U64(self.sce_gap_ns_sum));
        }
        if self.sce_gap_us2_sum != 0 {
            each(124, ValueRef::U64(self.sce_gap_us2_sum));
        }
        if self.sce_gap_ns_min != 0 {
            each(125, ValueRef::U64(self.sce_gap_ns_min));
        }
        if self.sce_gap_ns_max != 0 {
            each(126, ValueRef::U64(self.sce_gap_ns_max));
        }
        if !self.sce_gap_ns_sketch.is_empty() {
            each(127, ValueRef::Bytes(&self.sce_gap_ns_sketch));
        }
        if self.sce_run_count != 0 {
            each(128, ValueRef::U64(self.sce_run_count));
        }
        if self.sce_run_packets_sum != 0 {
            each(129, ValueRef::U64(self.sce_run_packets_sum));
        }
        if self.sce_run_packets2_sum != 0 {
            each(130, ValueRef::U64(self.sce_run_packets2_sum));
        }
        if self.sce_run_packets_min != 0 {
            each(131, ValueRef::U64(self.sce_run_packets_min));
        }
        if self.sce_run_packets_max != 0 {
            each(132, ValueRef::U64(self.sce_run_packets_max));
        }
        if !self.sce_run_packets_sketch.is_empty() {
            each(133, ValueRef::Bytes(&self.sce_run_packets_sketch));
        }
        if self.ce_run_count != 0 {
            each(134, ValueRef::U64(self.ce_run_count));
        }
        if self.ce_run_packets_sum != 0 {
            each(135, ValueRef::U64(self.ce_run_packets_sum));
        }
        if self.ce_run_packets2_sum != 0 {
            each(136, ValueRef::U64(self.ce_run_packets2_sum));
        }
        if self.ce_run_packets_min != 0 {
            each(137, ValueRef::U64(self.ce_run_packets_min));
        }
        if self.ce_run_packets_max != 0 {
            each(138, ValueRef::U64(self.ce_run_packets_max));
        }
        if !self.ce_run_packets_sketch.is_empty() {
            each(139, ValueRef::Bytes(&self.ce_run_packets_sketch));
        }
        if self.handshake_rtt_count != 0 {
            each(140, ValueRef::U64(self.handshake_rtt_count));
        }
        if self.handshake_rtt_ns_sum != 0 {
            each(141, ValueRef::U64(self.handshake_rtt_ns_sum));
        }
        if self.handshake_rtt_ns_min != 0 {
            each(142, ValueRef::U64(self.handshake_rtt_ns_min));
        }
        if self.handshake_rtt_ns_max != 0 {
            each(143, ValueRef::U64(self.handshake_rtt_ns_max));
        }
        if self.srtt_ns_last != 0 {
            each(144, ValueRef::U64(self.srtt_ns_last));
        }
        if self.rttvar_ns_last != 0 {
            each(145, ValueRef::U64(self.rttvar_ns_last));
        }
        if self.rto_ns_last != 0 {
            each(146, ValueRef::U64(self.rto_ns_last));
        }
        if self.idle_gaps != 0 {
            each(147, ValueRef::U64(self.idle_gaps));
        }
        if self.idle_ns != 0 {
            each(148, ValueRef::U64(self.idle_ns));
        }
        if self.duplicated_packets != 0 {
            each(149, ValueRef::U64(self.duplicated_packets));
        }
        if self.syn_ace_bits != 0 {
            each(150, ValueRef::U64(self.syn_ace_bits));
        }
        if self.syn_ecn_bits != 0 {
            each(151, ValueRef::U64(self.syn_ecn_bits));
        }
        if self.syn_ack_ace_bits != 0 {
            each(152, ValueRef::U64(self.syn_ack_ace_bits));
        }
        if self.syn_ack_ecn_bits != 0 {
            each(153, ValueRef::U64(self.syn_ack_ecn_bits));
        }
        if self.third_ack_ace_bits != 0 {
            each(154, ValueRef::U64(self.third_ack_ace_bits));
        }
        if self.third_ack_ecn_bits != 0 {
            each(155, ValueRef::U64(self.third_ack_ecn_bits));
        }
        if self.ecn_mangling_bits != 0 {
            each(156, ValueRef::U64(self.ecn_mangling_bits));
        }
        if self.ece_episodes != 0 {
            each(157, ValueRef::U64(self.ece_episodes));
        }
        if self.ece_latch_ns != 0 {
            each(158, ValueRef::U64(self.ece_latch_ns));
        }
        if self.cwr_events != 0 {
            each(159, ValueRef::U64(self.cwr_events));
        }
        if self.ece_acked_bytes != 0 {
            each(160, ValueRef::U64(self.ece_acked_bytes));
        }
        if self.ace_ce_packets != 0 {
            each(161, ValueRef::U64(self.ace_ce_packets));
        }
        if self.ace_ce_low_packets != 0 {
            each(162, ValueRef::U64(self.ace_ce_low_packets));
        }
        if self.ace_ce_high_packets != 0 {
            each(163, ValueRef::U64(self.ace_ce_high_packets));
        }
        if self.ace_ambiguous_acks != 0 {
            each(164, ValueRef::U64(self.ace_ambiguous_acks));
        }
        if self.accecn_options != 0 {
            each(165, ValueRef::U64(self.accecn_options));
        }
        if self.option_ect0_bytes != 0 {
            each(166, ValueRef::U64(self.option_ect0_bytes));
        }
        if self.option_ect1_bytes != 0 {
            each(167, ValueRef::U64(self.option_ect1_bytes));
        }
        if self.option_ce_bytes != 0 {
            each(168, ValueRef::U64(self.option_ce_bytes));
        }
        if self.ce_to_ece_count != 0 {
            each(169, ValueRef::U64(self.ce_to_ece_count));
        }
        if self.ce_to_ece_ns_sum != 0 {
            each(170, ValueRef::U64(self.ce_to_ece_ns_sum));
        }
        if self.ce_to_ece_ns_min != 0 {
            each(171, ValueRef::U64(self.ce_to_ece_ns_min));
        }
        if self.ce_to_ece_ns_max != 0 {
            each(172, ValueRef::U64(self.ce_to_ece_ns_max));
        }
        if !self.quic_version_last.is_empty() {
            each(173, ValueRef::Str(&self.quic_version_last));
        }
        if !self.sni_last.is_empty() {
            each(174, ValueRef::Str(&self.sni_last));
        }
        if !self.alpn_last.is_empty() {
            each(175, ValueRef::Str(&self.alpn_last));
        }
        if !self.quic_odcid_last.is_empty() {
            each(176, ValueRef::Str(&self.quic_odcid_last));
        }
        if self.quic_packets != 0 {
            each(177, ValueRef::U64(self.quic_packets));
        }
        if self.quic_initial_packets != 0 {
            each(178, ValueRef::U64(self.quic_initial_packets));
        }
        if self.quic_zero_rtt_packets != 0 {
            each(179, ValueRef::U64(self.quic_zero_rtt_packets));
        }
        if self.quic_handshake_packets != 0 {
            each(180, ValueRef::U64(self.quic_handshake_packets));
        }
        if self.quic_retry_packets != 0 {
            each(181, ValueRef::U64(self.quic_retry_packets));
        }
        if self.quic_short_packets != 0 {
            each(182, ValueRef::U64(self.quic_short_packets));
        }
        if self.quic_version_negotiation_packets != 0 {
            each(183, ValueRef::U64(self.quic_version_negotiation_packets));
        }
        if self.quic_other_packets != 0 {
            each(184, ValueRef::U64(self.quic_other_packets));
        }
        if self.quic_coalesced_datagrams != 0 {
            each(185, ValueRef::U64(self.quic_coalesced_datagrams));
        }
        if self.quic_opened_initials != 0 {
            each(186, ValueRef::U64(self.quic_opened_initials));
        }
        if self.quic_unopened_initials != 0 {
            each(187, ValueRef::U64(self.quic_unopened_initials));
        }
        if self.quic_initial_acks != 0 {
            each(188, ValueRef::U64(self.quic_initial_acks));
        }
        if self.quic_ecn_initial_acks != 0 {
            each(189, ValueRef::U64(self.quic_ecn_initial_acks));
        }
        if self.quic_ack_ect0_max != 0 {
            each(190, ValueRef::U64(self.quic_ack_ect0_max));
        }
        if self.quic_ack_ect1_max != 0 {
            each(191, ValueRef::U64(self.quic_ack_ect1_max));
        }
        if self.quic_ack_ce_max != 0 {
            each(192, ValueRef::U64(self.quic_ack_ce_max));
        }
        if self.spin_rtt_count != 0 {
            each(193, ValueRef::U64(self.spin_rtt_count));
        }
        if self.spin_rtt_ns_sum != 0 {
            each(194, ValueRef::U64(self.spin_rtt_ns_sum));
        }
        if self.spin_rtt_us2_sum != 0 {
            each(195, ValueRef::U64(self.spin_rtt_us2_sum));
        }
        if self.spin_rtt_ns_min != 0 {
            each(196, ValueRef::U64(self.spin_rtt_ns_min));
        }
        if self.spin_rtt_ns_max != 0 {
            each(197, ValueRef::U64(self.spin_rtt_ns_max));
        }
        if !self.spin_rtt_ns_sketch.is_empty() {
            each(198, ValueRef::Bytes(&self.spin_rtt_ns_sketch));
        }
        if self.spin_half_rtt_count != 0 {
            each(199, ValueRef::U64(self.spin_half_rtt_count));
        }
        if self.spin_half_rtt_ns_sum != 0 {
            each(200, ValueRef::U64(self.spin_half_rtt_ns_sum));
        }
        if self.spin_half_rtt_us2_sum != 0 {
            each(201, ValueRef::U64(self.spin_half_rtt_us2_sum));
        }
        if self.spin_half_rtt_ns_min != 0 {
            each(202, ValueRef::U64(self.spin_half_rtt_ns_min));
        }
        if self.spin_half_rtt_ns_max != 0 {
            each(203, ValueRef::U64(self.spin_half_rtt_ns_max));
        }
        if !self.spin_half_rtt_ns_sketch.is_empty() {
            each(204, ValueRef::Bytes(&self.spin_half_rtt_ns_sketch));
        }
        if self.spin_rejected_edges != 0 {
            each(205, ValueRef::U64(self.spin_rejected_edges));
        }
        if self.quic_migrations != 0 {
            each(206, ValueRef::U64(self.quic_migrations));
        }
        if self.quic_migrated_flow_last != 0 {
            each(207, ValueRef::U64(self.quic_migrated_flow_last));
        }
        if self.sctp_assoc_last != 0 {
            each(208, ValueRef::U64(self.sctp_assoc_last));
        }
        if self.sctp_vtag_last != 0 {
            each(209, ValueRef::U64(self.sctp_vtag_last));
        }
        if self.sctp_chunks != 0 {
            each(210, ValueRef::U64(self.sctp_chunks));
        }
        if self.sctp_data_chunks != 0 {
            each(211, ValueRef::U64(self.sctp_data_chunks));
        }
        if self.sctp_i_data_chunks != 0 {
            each(212, ValueRef::U64(self.sctp_i_data_chunks));
        }
        if self.sctp_init_chunks != 0 {
            each(213, ValueRef::U64(self.sctp_init_chunks));
        }
        if self.sctp_init_ack_chunks != 0 {
            each(214, ValueRef::U64(self.sctp_init_ack_chunks));
        }
        if self.sctp_sack_chunks != 0 {
            each(215, ValueRef::U64(self.sctp_sack_chunks));
        }
        if self.sctp_heartbeat_chunks != 0 {
            each(216, ValueRef::U64(self.sctp_heartbeat_chunks));
        }
        if self.sctp_heartbeat_ack_chunks != 0 {
            each(217, ValueRef::U64(self.sctp_heartbeat_ack_chunks));
        }
        if self.sctp_abort_chunks != 0 {
            each(218, ValueRef::U64(self.sctp_abort_chunks));
        }
        if self.sctp_shutdown_chunks != 0 {
            each(219, ValueRef::U64(self.sctp_shutdown_chunks));
        }
        if self.sctp_error_chunks != 0 {
            each(220, ValueRef::U64(self.sctp_error_chunks));
        }
        if self.sctp_cookie_chunks != 0 {
            each(221, ValueRef::U64(self.sctp_cookie_chunks));
        }
        if self.sctp_ecne_chunks != 0 {
            each(222, ValueRef::U64(self.sctp_ecne_chunks));
        }
        if self.sctp_cwr_chunks != 0 {
            each(223, ValueRef::U64(self.sctp_cwr_chunks));
        }
        if self.sctp_auth_chunks != 0 {
            each(224, ValueRef::U64(self.sctp_auth_chunks));
        }
        if self.sctp_asconf_chunks != 0 {
            each(225, ValueRef::U64(self.sctp_asconf_chunks));
        }
        if self.sctp_reconfig_chunks != 0 {
            each(226, ValueRef::U64(self.sctp_reconfig_chunks));
        }
        if self.sctp_forward_tsn_chunks != 0 {
            each(227, ValueRef::U64(self.sctp_forward_tsn_chunks));
        }
        if self.sctp_other_chunks != 0 {
            each(228, ValueRef::U64(self.sctp_other_chunks));
        }
        if self.sctp_user_bytes != 0 {
            each(229, ValueRef::U64(self.sctp_user_bytes));
        }
        if self.sctp_retransmitted_chunks != 0 {
            each(230, ValueRef::U64(self.sctp_retransmitted_chunks));
        }
        if self.sctp_retransmitted_bytes != 0 {
            each(231, ValueRef::U64(self.sctp_retransmitted_bytes));
        }
        if self.sctp_timeout_chunks != 0 {
            each(232, ValueRef::U64(self.sctp_timeout_chunks));
        }
        if self.sctp_failover_chunks != 0 {
            each(233, ValueRef::U64(self.sctp_failover_chunks));
        }
        if self.sctp_reported_duplicates != 0 {
            each(234, ValueRef::U64(self.sctp_reported_duplicates));
        }
        if self.sctp_hole_events != 0 {
            each(235, ValueRef::U64(self.sctp_hole_events));
        }
        if self.sctp_hole_chunks != 0 {
            each(236, ValueRef::U64(self.sctp_hole_chunks));
        }
        if self.sctp_reordered_chunks != 0 {
            each(237, ValueRef::U64(self.sctp_reordered_chunks));
        }
        if self.sctp_cross_path_rtts != 0 {
            each(238, ValueRef::U64(self.sctp_cross_path_rtts));
        }
        if self.sctp_heartbeat_rtt_count != 0 {
            each(239, ValueRef::U64(self.sctp_heartbeat_rtt_count));
        }
        if self.sctp_heartbeat_rtt_ns_sum != 0 {
            each(240, ValueRef::U64(self.sctp_heartbeat_rtt_ns_sum));
        }
        if self.sctp_heartbeat_rtt_us2_sum != 0 {
            each(241, ValueRef::U64(self.sctp_heartbeat_rtt_us2_sum));
        }
        if self.sctp_heartbeat_rtt_ns_min != 0 {
            each(242, ValueRef::U64(self.sctp_heartbeat_rtt_ns_min));
        }
        if self.sctp_heartbeat_rtt_ns_max != 0 {
            each(243, ValueRef::U64(self.sctp_heartbeat_rtt_ns_max));
        }
        if !self.sctp_heartbeat_rtt_ns_sketch.is_empty() {
            each(244, ValueRef::Bytes(&self.sctp_heartbeat_rtt_ns_sketch));
        }
        if self.sctp_rwnd_count != 0 {
            each(245, ValueRef::U64(self.sctp_rwnd_count));
        }
        if self.sctp_rwnd_bytes_last != 0 {
            each(246, ValueRef::U64(self.sctp_rwnd_bytes_last));
        }
        if self.sctp_rwnd_bytes_min != 0 {
            each(247, ValueRef::U64(self.sctp_rwnd_bytes_min));
        }
        if self.sctp_negotiated_streams_last != 0 {
            each(248, ValueRef::U64(self.sctp_negotiated_streams_last));
        }
        if self.sctp_streams_last != 0 {
            each(249, ValueRef::U64(self.sctp_streams_last));
        }
        if self.sctp_active_streams_max != 0 {
            each(250, ValueRef::U64(self.sctp_active_streams_max));
        }
        if self.sctp_negotiated_utilisation_ppm_last != 0 {
            each(251, ValueRef::U64(self.sctp_negotiated_utilisation_ppm_last));
        }
        if self.sctp_streams_utilisation_ppm_last != 0 {
            each(252, ValueRef::U64(self.sctp_streams_utilisation_ppm_last));
        }
        if self.sctp_unordered_chunks != 0 {
            each(253, ValueRef::U64(self.sctp_unordered_chunks));
        }
        if self.sctp_hol_chunks != 0 {
            each(254, ValueRef::U64(self.sctp_hol_chunks));
        }
        if self.sctp_hol_ns != 0 {
            each(255, ValueRef::U64(self.sctp_hol_ns));
        }
        if self.sctp_bits != 0 {
            each(256, ValueRef::U64(self.sctp_bits));
        }
        if self.sctp_paths_last != 0 {
            each(257, ValueRef::U64(self.sctp_paths_last));
        }
        if self.icmp_echo_requests != 0 {
            each(258, ValueRef::U64(self.icmp_echo_requests));
        }
        if self.icmp_echo_replies != 0 {
            each(259, ValueRef::U64(self.icmp_echo_replies));
        }
        if self.icmp_echo_unanswered != 0 {
            each(260, ValueRef::U64(self.icmp_echo_unanswered));
        }
        if self.icmp_echo_duplicates != 0 {
            each(261, ValueRef::U64(self.icmp_echo_duplicates));
        }
        if self.icmp_echo_unmatched != 0 {
            each(262, ValueRef::U64(self.icmp_echo_unmatched));
        }
        if self.icmp_errors != 0 {
            each(263, ValueRef::U64(self.icmp_errors));
        }
        if self.icmp_unreachable_errors != 0 {
            each(264, ValueRef::U64(self.icmp_unreachable_errors));
        }
        if self.icmp_time_exceeded_errors != 0 {
            each(265, ValueRef::U64(self.icmp_time_exceeded_errors));
        }
        if self.icmp_mtu_count != 0 {
            each(266, ValueRef::U64(self.icmp_mtu_count));
        }
        if self.icmp_mtu_bytes_min != 0 {
            each(267, ValueRef::U64(self.icmp_mtu_bytes_min));
        }
        if self.icmp_other_errors != 0 {
            each(268, ValueRef::U64(self.icmp_other_errors));
        }
        if self.icmp_quoted_ecn_bits != 0 {
            each(269, ValueRef::U64(self.icmp_quoted_ecn_bits));
        }
        if self.icmp_quoted_dscp_bits != 0 {
            each(270, ValueRef::U64(self.icmp_quoted_dscp_bits));
        }
        if self.icmp_ecn_changed_errors != 0 {
            each(271, ValueRef::U64(self.icmp_ecn_changed_errors));
        }
        if self.icmp_dscp_changed_errors != 0 {
            each(272, ValueRef::U64(self.icmp_dscp_changed_errors));
        }
        if self.seq_packets != 0 {
            each(273, ValueRef::U64(self.seq_packets));
        }
        if self.seq_expected != 0 {
            each(274, ValueRef::U64(self.seq_expected));
        }
        if self.seq_unique != 0 {
            each(275, ValueRef::U64(self.seq_unique));
        }
        if self.seq_lost != 0 {
            each(276, ValueRef::U64(self.seq_lost));
        }
        if self.seq_duplicates != 0 {
            each(277, ValueRef::U64(self.seq_duplicates));
        }
        if self.seq_reordered != 0 {
            each(278, ValueRef::U64(self.seq_reordered));
        }
        if self.seq_extent_packets_max != 0 {
            each(279, ValueRef::U64(self.seq_extent_packets_max));
        }
        if self.seq_late != 0 {
            each(280, ValueRef::U64(self.seq_late));
        }
        if self.seq_loss_runs != 0 {
            each(281, ValueRef::U64(self.seq_loss_runs));
        }
        if self.seq_loss_run_packets_max != 0 {
            each(282, ValueRef::U64(self.seq_loss_run_packets_max));
        }
        if self.seq_resets != 0 {
            each(283, ValueRef::U64(self.seq_resets));
        }
        if self.seq_small_errors != 0 {
            each(284, ValueRef::U64(self.seq_small_errors));
        }
        if self.seq_big_errors != 0 {
            each(285, ValueRef::U64(self.seq_big_errors));
        }
        if self.seq_reverse_errors != 0 {
            each(286, ValueRef::U64(self.seq_reverse_errors));
        }
        if !self.seq_profile_last.is_empty() {
            each(287, ValueRef::Str(&self.seq_profile_last));
        }
        if self.seq_streams_last != 0 {
            each(288, ValueRef::U64(self.seq_streams_last));
        }
        if self.rfc3550_jitter_ns_last != 0 {
            each(289, ValueRef::U64(self.rfc3550_jitter_ns_last));
        }
        if self.rfc3550_jitter_ns_max != 0 {
            each(290, ValueRef::U64(self.rfc3550_jitter_ns_max));
        }
        if self.ipdv_count != 0 {
            each(291, ValueRef::U64(self.ipdv_count));
        }
        if self.ipdv_ns_sum != 0 {
            each(292, ValueRef::U64(self.ipdv_ns_sum));
        }
        if self.ipdv_us2_sum != 0 {
            each(293, ValueRef::U64(self.ipdv_us2_sum));
        }
        if self.ipdv_ns_min != 0 {
            each(294, ValueRef::U64(self.ipdv_ns_min));
        }
        if self.ipdv_ns_max != 0 {
            each(295, ValueRef::U64(self.ipdv_ns_max));
        }
        if !self.ipdv_ns_sketch.is_empty() {
            each(296, ValueRef::Bytes(&self.ipdv_ns_sketch));
        }
        if self.pdv_count != 0 {
            each(297, ValueRef::U64(self.pdv_count));
        }
        if self.pdv_ns_sum != 0 {
            each(298, ValueRef::U64(self.pdv_ns_sum));
        }
        if self.pdv_us2_sum != 0 {
            each(299, ValueRef::U64(self.pdv_us2_sum));
        }
        if self.pdv_ns_min != 0 {
            each(300, ValueRef::U64(self.pdv_ns_min));
        }
        if self.pdv_ns_max != 0 {
            each(301, ValueRef::U64(self.pdv_ns_max));
        }
        if !self.pdv_ns_sketch.is_empty() {
            each(302, ValueRef::Bytes(&self.pdv_ns_sketch));
        }
        if self.rtp_payload_type_last != 0 {
            each(303, ValueRef::U64(self.rtp_payload_type_last));
        }
        if self.rtp_ssrc_last != 0 {
            each(304, ValueRef::U64(self.rtp_ssrc_last));
        }
        if self.rtcp_packets != 0 {
            each(305, ValueRef::U64(self.rtcp_packets));
        }
        if self.rtcp_rtt_count != 0 {
            each(306, ValueRef::U64(self.rtcp_rtt_count));
        }
        if self.rtcp_rtt_ns_sum != 0 {
            each(307, ValueRef::U64(self.rtcp_rtt_ns_sum));
        }
        if self.rtcp_rtt_ns_min != 0 {
            each(308, ValueRef::U64(self.rtcp_rtt_ns_min));
        }
        if self.rtcp_rtt_ns_max != 0 {
            each(309, ValueRef::U64(self.rtcp_rtt_ns_max));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.start_ns = value.u64(),
            1 => self.interval_ns = value.u64(),
            2 => self.op = value.u64(),
            3 => self.flow = value.u64(),
            4 => self.flow_key = value.u64(),
            5 => self.direction = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            6 => self.ip_proto = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            7 => self.src_ip = value.bytes().to_vec(),
            8 => self.dst_ip = value.bytes().to_vec(),
            9 => self.src_port = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            10 => self.dst_port = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            11 => self.run = value.str().to_owned(),
            12 => self.flow_first_ns = value.u64(),
            13 => self.initiator_evidence = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            14 => self.isn = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            15 => self.vlan_last = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            16 => self.tunnel_bits = value.u64(),
            17 => self.end_reason_last = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            18 => self.quality_bits = value.u64(),
            19 => self.ecn_mode_last = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            20 => self.ecn_evidence_bits = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            21 => self.handshake_bits = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            22 => self.packets = value.u64(),
            23 => self.frames = value.u64(),
            24 => self.superpackets = value.u64(),
            25 => self.estimated_packets = value.u64(),
            26 => self.ip_bytes = value.u64(),
            27 => self.payload_bytes = value.u64(),
            28 => self.link_bytes = value.u64(),
            29 => self.first_ns = value.u64(),
            30 => self.last_ns = value.u64(),
            31 => self.fragments = value.u64(),
            32 => self.ttl_min = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            33 => self.ttl_max = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            34 => self.dscp_bits = value.u64(),
            35 => self.truncated_packets = value.u64(),
            36 => self.malformed_packets = value.u64(),
            37 => self.outer_not_ect_packets = value.u64(),
            38 => self.outer_ect1_packets = value.u64(),
            39 => self.outer_ect0_packets = value.u64(),
            40 => self.outer_ce_packets = value.u64(),
            41 => self.not_ect_packets = value.u64(),
            42 => self.ect1_packets = value.u64(),
            43 => self.ect0_packets = value.u64(),
            44 => self.ce_packets = value.u64(),
            45 => self.not_ect_bytes = value.u64(),
            46 => self.ect1_bytes = value.u64(),
            47 => self.ect0_bytes = value.u64(),
            48 => self.ce_bytes = value.u64(),
            49 => self.not_ect_data_packets = value.u64(),
            50 => self.ect1_data_packets = value.u64(),
            51 => self.ect0_data_packets = value.u64(),
            52 => self.ce_data_packets = value.u64(),
            53 => self.data_segments = value.u64(),
            54 => self.tcp_fin = value.u64(),
            55 => self.tcp_syn = value.u64(),
            56 => self.tcp_rst = value.u64(),
            57 => self.tcp_psh = value.u64(),
            58 => self.tcp_ack = value.u64(),
            59 => self.tcp_urg = value.u64(),
            60 => self.tcp_ece = value.u64(),
            61 => self.tcp_cwr = value.u64(),
            62 => self.tcp_ae = value.u64(),
            63 => self.acked_bytes = value.u64(),
            64 => self.esce_acked_bytes = value.u64(),
            65 => self.pure_acks = value.u64(),
            66 => self.retransmitted_segments = value.u64(),
            67 => self.retransmitted_bytes = value.u64(),
            68 => self.spurious_segments = value.u64(),
            69 => self.dsacked_bytes = value.u64(),
            70 => self.hole_events = value.u64(),
            71 => self.hole_bytes = value.u64(),
            72 => self.hole_reordered_bytes = value.u64(),
            73 => self.loss_upstream_bytes = value.u64(),
            74 => self.hole_unknown_bytes = value.u64(),
            75 => self.unseen_acked_bytes = value.u64(),
            76 => self.loss_downstream_bytes = value.u64(),
            77 => self.reordered_segments = value.u64(),
            78 => self.reorder_extent_bytes = value.u64(),
            79 => self.reorder_extent_bytes_max = value.u64(),
            80 => self.late_segments = value.u64(),
            81 => self.keepalives = value.u64(),
            82 => self.zero_window_probes = value.u64(),
            83 => self.flight_bytes_max = value.u64(),
            84 => self.flight_bytes_last = value.u64(),
            85 => self.rwnd_limited_ns = value.u64(),
            86 => self.duplicate_acks = value.u64(),
            87 => self.window_updates = value.u64(),
            88 => self.stretch_acks = value.u64(),
            89 => self.delivered_bytes = value.u64(),
            90 => self.sacked_bytes = value.u64(),
            91 => self.zero_window_events = value.u64(),
            92 => self.zero_window_ns = value.u64(),
            93 => self.window_bytes_last = value.u64(),
            94 => self.window_bytes_max = value.u64(),
            95 => self.advancing_acks = value.u64(),
            96 => self.first_ack_ns = value.u64(),
            97 => self.last_ack_ns = value.u64(),
            98 => self.rtt_count = value.u64(),
            99 => self.rtt_ns_sum = value.u64(),
            100 => self.rtt_us2_sum = value.u64(),
            101 => self.rtt_ns_min = value.u64(),
            102 => self.rtt_ns_max = value.u64(),
            103 => self.rtt_ns_sketch = value.bytes().to_vec(),
            104 => self.rtt_ts_count = value.u64(),
            105 => self.rtt_ts_ns_sum = value.u64(),
            106 => self.rtt_ts_us2_sum = value.u64(),
            107 => self.rtt_ts_ns_min = value.u64(),
            108 => self.rtt_ts_ns_max = value.u64(),
            109 => self.rtt_ts_ns_sketch = value.bytes().to_vec(),
            110 => self.ack_delay_count = value.u64(),
            111 => self.ack_delay_ns_sum = value.u64(),
            112 => self.ack_delay_us2_sum = value.u64(),
            113 => self.ack_delay_ns_min = value.u64(),
            114 => self.ack_delay_ns_max = value.u64(),
            115 => self.ack_delay_ns_sketch = value.bytes().to_vec(),
            116 => self.ipg_count = value.u64(),
            117 => self.ipg_ns_sum = value.u64(),
            118 => self.ipg_us2_sum = value.u64(),
            119 => self.ipg_ns_min = value.u64(),
            120 => self.ipg_ns_max = value.u64(),
            121 => self.ipg_ns_sketch = value.bytes().to_vec(),
            122 => self.sce_gap_count = value.u64(),
            123 => self.sce_gap_ns_sum = value.u64(),
            124 => self.sce_gap_us2_sum = value.u64(),
            125 => self.sce_gap_ns_min = value.u64(),
            126 => self.sce_gap_ns_max = value.u64(),
            127 => self.sce_gap_ns_sketch = value.bytes().to_vec(),
            128 => self.sce_run_count = value.u64(),
            129 => self.sce_run_packets_sum = value.u64(),
            130 => self.sce_run_packets2_sum = value.u64(),
            131 => self.sce_run_packets_min = value.u64(),
            132 => self.sce_run_packets_max = value.u64(),
            133 => self.sce_run_packets_sketch = value.bytes().to_vec(),
            134 => self.ce_run_count = value.u64(),
            135 => self.ce_run_packets_sum = value.u64(),
            136 => self.ce_run_packets2_sum = value.u64(),
            137 => self.ce_run_packets_min = value.u64(),
            138 => self.ce_run_packets_max = value.u64(),
            139 => self.ce_run_packets_sketch = value.bytes().to_vec(),
            140 => self.handshake_rtt_count = value.u64(),
            141 => self.handshake_rtt_ns_sum = value.u64(),
            142 => self.handshake_rtt_ns_min = value.u64(),
            143 => self.handshake_rtt_ns_max = value.u64(),
            144 => self.srtt_ns_last = value.u64(),
            145 => self.rttvar_ns_last = value.u64(),
            146 => self.rto_ns_last = value.u64(),
            147 => self.idle_gaps = value.u64(),
            148 => self.idle_ns = value.u64(),
            149 => self.duplicated_packets = value.u64(),
            150 => self.syn_ace_bits = value.u64(),
            151 => self.syn_ecn_bits = value.u64(),
            152 => self.syn_ack_ace_bits = value.u64(),
            153 => self.syn_ack_ecn_bits = value.u64(),
            154 => self.third_ack_ace_bits = value.u64(),
            155 => self.third_ack_ecn_bits = value.u64(),
            156 => self.ecn_mangling_bits = value.u64(),
            157 => self.ece_episodes = value.u64(),
            158 => self.ece_latch_ns = value.u64(),
            159 => self.cwr_events = value.u64(),
            160 => self.ece_acked_bytes = value.u64(),
            161 => self.ace_ce_packets = value.u64(),
            162 => self.ace_ce_low_packets = value.u64(),
            163 => self.ace_ce_high_packets = value.u64(),
            164 => self.ace_ambiguous_acks = value.u64(),
            165 => self.accecn_options = value.u64(),
            166 => self.option_ect0_bytes = value.u64(),
            167 => self.option_ect1_bytes = value.u64(),
            168 => self.option_ce_bytes = value.u64(),
            169 => self.ce_to_ece_count = value.u64(),
            170 => self.ce_to_ece_ns_sum = value.u64(),
            171 => self.ce_to_ece_ns_min = value.u64(),
            172 => self.ce_to_ece_ns_max = value.u64(),
            173 => self.quic_version_last = value.str().to_owned(),
            174 => self.sni_last = value.str().to_owned(),
            175 => self.alpn_last = value.str().to_owned(),
            176 => self.quic_odcid_last = value.str().to_owned(),
            177 => self.quic_packets = value.u64(),
            178 => self.quic_initial_packets = value.u64(),
            179 => self.quic_zero_rtt_packets = value.u64(),
            180 => self.quic_handshake_packets = value.u64(),
            181 => self.quic_retry_packets = value.u64(),
            182 => self.quic_short_packets = value.u64(),
            183 => self.quic_version_negotiation_packets = value.u64(),
            184 => self.quic_other_packets = value.u64(),
            185 => self.quic_coalesced_datagrams = value.u64(),
            186 => self.quic_opened_initials = value.u64(),
            187 => self.quic_unopened_initials = value.u64(),
            188 => self.quic_initial_acks = value.u64(),
            189 => self.quic_ecn_initial_acks = value.u64(),
            190 => self.quic_ack_ect0_max = value.u64(),
            191 => self.quic_ack_ect1_max = value.u64(),
            192 => self.quic_ack_ce_max = value.u64(),
            193 => self.spin_rtt_count = value.u64(),
            194 => self.spin_rtt_ns_sum = value.u64(),
            195 => self.spin_rtt_us2_sum = value.u64(),
            196 => self.spin_rtt_ns_min = value.u64(),
            197 => self.spin_rtt_ns_max = value.u64(),
            198 => self.spin_rtt_ns_sketch = value.bytes().to_vec(),
            199 => self.spin_half_rtt_count = value.u64(),
            200 => self.spin_half_rtt_ns_sum = value.u64(),
            201 => self.spin_half_rtt_us2_sum = value.u64(),
            202 => self.spin_half_rtt_ns_min = value.u64(),
            203 => self.spin_half_rtt_ns_max = value.u64(),
            204 => self.spin_half_rtt_ns_sketch = value.bytes().to_vec(),
            205 => self.spin_rejected_edges = value.u64(),
            206 => self.quic_migrations = value.u64(),
            207 => self.quic_migrated_flow_last = value.u64(),
            208 => self.sctp_assoc_last = value.u64(),
            209 => self.sctp_vtag_last = value.u64(),
            210 => self.sctp_chunks = value.u64(),
            211 => self.sctp_data_chunks = value.u64(),
            212 => self.sctp_i_data_chunks = value.u64(),
            213 => self.sctp_init_chunks = value.u64(),
            214 => self.sctp_init_ack_chunks = value.u64(),
            215 => self.sctp_sack_chunks = value.u64(),
            216 => self.sctp_heartbeat_chunks = value.u64(),
            217 => self.sctp_heartbeat_ack_chunks = value.u64(),
            218 => self.sctp_abort_chunks = value.u64(),
            219 => self.sctp_shutdown_chunks = value.u64(),
            220 => self.sctp_error_chunks = value.u64(),
            221 => self.sctp_cookie_chunks = value.u64(),
            222 => self.sctp_ecne_chunks = value.u64(),
            223 => self.sctp_cwr_chunks = value.u64(),
            224 => self.sctp_auth_chunks = value.u64(),
            225 => self.sctp_asconf_chunks = value.u64(),
            226 => self.sctp_reconfig_chunks = value.u64(),
            227 => self.sctp_forward_tsn_chunks = value.u64(),
            228 => self.sctp_other_chunks = value.u64(),
            229 => self.sctp_user_bytes = value.u64(),
            230 => self.sctp_retransmitted_chunks = value.u64(),
            231 => self.sctp_retransmitted_bytes = value.u64(),
            232 => self.sctp_timeout_chunks = value.u64(),
            233 => self.sctp_failover_chunks = value.u64(),
            234 => self.sctp_reported_duplicates = value.u64(),
            235 => self.sctp_hole_events = value.u64(),
            236 => self.sctp_hole_chunks = value.u64(),
            237 => self.sctp_reordered_chunks = value.u64(),
            238 => self.sctp_cross_path_rtts = value.u64(),
            239 => self.sctp_heartbeat_rtt_count = value.u64(),
            240 => self.sctp_heartbeat_rtt_ns_sum = value.u64(),
            241 => self.sctp_heartbeat_rtt_us2_sum = value.u64(),
            242 => self.sctp_heartbeat_rtt_ns_min = value.u64(),
            243 => self.sctp_heartbeat_rtt_ns_max = value.u64(),
            244 => self.sctp_heartbeat_rtt_ns_sketch = value.bytes().to_vec(),
            245 => self.sctp_rwnd_count = value.u64(),
            246 => self.sctp_rwnd_bytes_last = value.u64(),
            247 => self.sctp_rwnd_bytes_min = value.u64(),
            248 => self.sctp_negotiated_streams_last = value.u64(),
            249 => self.sctp_streams_last = value.u64(),
            250 => self.sctp_active_streams_max = value.u64(),
            251 => self.sctp_negotiated_utilisation_ppm_last = value.u64(),
            252 => self.sctp_streams_utilisation_ppm_last = value.u64(),
            253 => self.sctp_unordered_chunks = value.u64(),
            254 => self.sctp_hol_chunks = value.u64(),
            255 => self.sctp_hol_ns = value.u64(),
            256 => self.sctp_bits = value.u64(),
            257 => self.sctp_paths_last = value.u64(),
            258 => self.icmp_echo_requests = value.u64(),
            259 => self.icmp_echo_replies = value.u64(),
            260 => self.icmp_echo_unanswered = value.u64(),
            261 => self.icmp_echo_duplicates = value.u64(),
            262 => self.icmp_echo_unmatched = value.u64(),
            263 => self.icmp_errors = value.u64(),
            264 => self.icmp_unreachable_errors = value.u64(),
            265 => self.icmp_time_exceeded_errors = value.u64(),
            266 => self.icmp_mtu_count = value.u64(),
            267 => self.icmp_mtu_bytes_min = value.u64(),
            268 => self.icmp_other_errors = value.u64(),
            269 => self.icmp_quoted_ecn_bits = value.u64(),
            270 => self.icmp_quoted_dscp_bits = value.u64(),
            271 => self.icmp_ecn_changed_errors = value.u64(),
            272 => self.icmp_dscp_changed_errors = value.u64(),
            273 => self.seq_packets = value.u64(),
            274 => self.seq_expected = value.u64(),
            275 => self.seq_unique = value.u64(),
            276 => self.seq_lost = value.u64(),
            277 => self.seq_duplicates = value.u64(),
            278 => self.seq_reordered = value.u64(),
            279 => self.seq_extent_packets_max = value.u64(),
            280 => self.seq_late = value.u64(),
            281 => self.seq_loss_runs = value.u64(),
            282 => self.seq_loss_run_packets_max = value.u64(),
            283 => self.seq_resets = value.u64(),
            284 => self.seq_small_errors = value.u64(),
            285 => self.seq_big_errors = value.u64(),
            286 => self.seq_reverse_errors = value.u64(),
            287 => self.seq_profile_last = value.str().to_owned(),
            288 => self.seq_streams_last = value.u64(),
            289 => self.rfc3550_jitter_ns_last = value.u64(),
            290 => self.rfc3550_jitter_ns_max = value.u64(),
            291 => self.ipdv_count = value.u64(),
            292 => self.ipdv_ns_sum = value.u64(),
            293 => self.ipdv_us2_sum = value.u64(),
            294 => self.ipdv_ns_min = value.u64(),
            295 => self.ipdv_ns_max = value.u64(),
            296 => self.ipdv_ns_sketch = value.bytes().to_vec(),
            297 => self.pdv_count = value.u64(),
            298 => self.pdv_ns_sum = value.u64(),
            299 => self.pdv_us2_sum = value.u64(),
            300 => self.pdv_ns_min = value.u64(),
            301 => self.pdv_ns_max = value.u64(),
            302 => self.pdv_ns_sketch = value.bytes().to_vec(),
            303 => self.rtp_payload_type_last = value.u64(),
            304 => self.rtp_ssrc_last = value.u64(),
            305 => self.rtcp_packets = value.u64(),
            306 => self.rtcp_rtt_count = value.u64(),
            307 => self.rtcp_rtt_ns_sum = value.u64(),
            308 => self.rtcp_rtt_ns_min = value.u64(),
            309 => self.rtcp_rtt_ns_max = value.u64(),
            _ => {}
        }
    }
}
impl Record for StreamInterval {
    const TABLE: &'static str = "stream_interval";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "start_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Start of the interval, ns since the epoch." },
        Field { number: 2, name: "interval_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Length, ns." },
        Field { number: 3, name: "op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point." },
        Field { number: 4, name: "flow", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Flow instance, as in FlowInterval: the path that the association's first packet took here." },
        Field { number: 5, name: "flow_key", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Canonical 5-tuple hash, as in FlowInterval." },
        Field { number: 6, name: "direction", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "0 = up, 1 = down." },
        Field { number: 7, name: "stream", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Stream identifier." },
        Field { number: 8, name: "run", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Experiment label." },
        Field { number: 20, name: "chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "DATA chunks, on all paths, repeated ones aside." },
        Field { number: 21, name: "user_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "User data of these." },
        Field { number: 22, name: "unordered_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "Those of them with the U bit." },
        Field { number: 23, name: "skipped_messages", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Messages skipped when a later one of the stream came." },
        Field { number: 24, name: "hol_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "Ordered chunks that came while an earlier message of the stream was missing here." },
        Field { number: 25, name: "hol_ns", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Time these had to wait." },
        Field { number: 26, name: "first_ns", kind: Kind::U64, merge: Merge::Min, count: "", unit: "ns", help: "Time of the first chunk, ns since the epoch." },
        Field { number: 27, name: "last_ns", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Time of the last chunk, ns since the epoch." },
        Field { number: 28, name: "iat_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Number of: time between chunks of the stream below the idle threshold of 2 s." },
        Field { number: 29, name: "iat_ns_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "ns", help: "Sum of these." },
        Field { number: 30, name: "iat_us2_sum", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "us^2", help: "Sum of squares of these." },
        Field { number: 31, name: "iat_ns_min", kind: Kind::U64, merge: Merge::Min, count: "iat_count", unit: "ns", help: "Smallest of these." },
        Field { number: 32, name: "iat_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest of these." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.start_ns),
            1 => ValueRef::U64(self.interval_ns),
            2 => ValueRef::U64(self.op),
            3 => ValueRef::U64(self.flow),
            4 => ValueRef::U64(self.flow_key),
            5 => ValueRef::U64(u64::from(self.direction)),
            6 => ValueRef::U64(u64::from(self.stream)),
            7 => ValueRef::Str(&self.run),
            8 => ValueRef::U64(self.chunks),
            9 => ValueRef::U64(self.user_bytes),
            10 => ValueRef::U64(self.unordered_chunks),
            11 => ValueRef::U64(self.skipped_messages),
            12 => ValueRef::U64(self.hol_chunks),
            13 => ValueRef::U64(self.hol_ns),
            14 => ValueRef::U64(self.first_ns),
            15 => ValueRef::U64(self.last_ns),
            16 => ValueRef::U64(self.iat_count),
            17 => ValueRef::U64(self.iat_ns_sum),
            18 => ValueRef::U64(self.iat_us2_sum),
            19 => ValueRef::U64(self.iat_ns_min),
            20 => ValueRef::U64(self.iat_ns_max),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.start_ns != 0 {
            each(0, ValueRef::U64(self.start_ns));
        }
        if self.interval_ns != 0 {
            each(1, ValueRef::U64(self.interval_ns));
        }
        if self.op != 0 {
            each(2, ValueRef::U64(self.op));
        }
        if self.flow != 0 {
            each(3, ValueRef::U64(self.flow));
        }
        if self.flow_key != 0 {
            each(4, ValueRef::U64(self.flow_key));
        }
        if self.direction != 0 {
            each(5, ValueRef::U64(u64::from(self.direction)));
        }
        if self.stream != 0 {
            each(6, ValueRef::U64(u64::from(self.stream)));
        }
        if !self.run.is_empty() {
            each(7, ValueRef::Str(&self.run));
        }
        if self.chunks != 0 {
            each(8, ValueRef::U64(self.chunks));
        }
        if self.user_bytes != 0 {
            each(9, ValueRef::U64(self.user_bytes));
        }
        if self.unordered_chunks != 0 {
            each(10, ValueRef::U64(self.unordered_chunks));
        }
        if self.skipped_messages != 0 {
            each(11, ValueRef::U64(self.skipped_messages));
        }
        if self.hol_chunks != 0 {
            each(12, ValueRef::U64(self.hol_chunks));
        }
        if self.hol_ns != 0 {
            each(13, ValueRef::U64(self.hol_ns));
        }
        if self.first_ns != 0 {
            each(14, ValueRef::U64(self.first_ns));
        }
        if self.last_ns != 0 {
            each(15, ValueRef::U64(self.last_ns));
        }
        if self.iat_count != 0 {
            each(16, ValueRef::U64(self.iat_count));
        }
        if self.iat_ns_sum != 0 {
            each(17, ValueRef::U64(self.iat_ns_sum));
        }
        if self.iat_us2_sum != 0 {
            each(18, ValueRef::U64(self.iat_us2_sum));
        }
        if self.iat_ns_min != 0 {
            each(19, ValueRef::U64(self.iat_ns_min));
        }
        if self.iat_ns_max != 0 {
            each(20, ValueRef::U64(self.iat_ns_max));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.start_ns = value.u64(),
            1 => self.interval_ns = value.u64(),
            2 => self.op = value.u64(),
            3 => self.flow = value.u64(),
            4 => self.flow_key = value.u64(),
            5 => self.direction = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            6 => self.stream = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            7 => self.run = value.str().to_owned(),
            8 => self.chunks = value.u64(),
            9 => self.user_bytes = value.u64(),
            10 => self.unordered_chunks = value.u64(),
            11 => self.skipped_messages = value.u64(),
            12 => self.hol_chunks = value.u64(),
            13 => self.hol_ns = value.u64(),
            14 => self.first_ns = value.u64(),
            15 => self.last_ns = value.u64(),
            16 => self.iat_count = value.u64(),
            17 => self.iat_ns_sum = value.u64(),
            18 => self.iat_us2_sum = value.u64(),
            19 => self.iat_ns_min = value.u64(),
            20 => self.iat_ns_max = value.u64(),
            _ => {}
        }
    }
}
impl Record for ObservationPoint {
    const TABLE: &'static str = "observation_point";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Identifier: hash of the fields below up to hook." },
        Field { number: 2, name: "probe", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Name of the probe." },
        Field { number: 3, name: "host", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Host name." },
        Field { number: 4, name: "netns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Network namespace inode, 0 for files." },
        Field { number: 5, name: "interface", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Interface name, or the file's name." },
        Field { number: 6, name: "hook", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "af-packet, tc (ingress and egress), tc-ingress, tc-egress (before the qdisc), xdp, socket or file." },
        Field { number: 7, name: "clock_domain", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Boot identifier of the clock that stamped the packets; the same text means the same clock." },
        Field { number: 8, name: "first_ns", kind: Kind::U64, merge: Merge::Min, count: "", unit: "ns", help: "First use, ns since the epoch." },
        Field { number: 9, name: "last_ns", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Latest sign of life, ns since the epoch." },
        Field { number: 10, name: "link_type", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Link type of the capture (LINKTYPE_ name)." },
        Field { number: 11, name: "snaplen_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Bytes captured of each frame at most, 0 = all." },
        Field { number: 12, name: "interval_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "Record interval, ns." },
        Field { number: 13, name: "order_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Position on the host's path where the hook tells: 0 unknown, else rising towards the wire on egress." },
        Field { number: 14, name: "addresses_last", kind: Kind::Bytes, merge: Merge::Last, count: "", unit: "", help: "Local addresses of the interface: 4 or 16 bytes each, behind a length byte." },
        Field { number: 15, name: "stopped_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "1 = the capture ended in order at the latest sign of life; 0 = it goes on, or ended without a word." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.op),
            1 => ValueRef::Str(&self.probe),
            2 => ValueRef::Str(&self.host),
            3 => ValueRef::U64(self.netns),
            4 => ValueRef::Str(&self.interface),
            5 => ValueRef::Str(&self.hook),
            6 => ValueRef::Str(&self.clock_domain),
            7 => ValueRef::U64(self.first_ns),
            8 => ValueRef::U64(self.last_ns),
            9 => ValueRef::Str(&self.link_type),
            10 => ValueRef::U64(u64::from(self.snaplen_last)),
            11 => ValueRef::U64(self.interval_ns_last),
            12 => ValueRef::U64(u64::from(self.order_last)),
            13 => ValueRef::Bytes(&self.addresses_last),
            14 => ValueRef::U64(u64::from(self.stopped_last)),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.op != 0 {
            each(0, ValueRef::U64(self.op));
        }
        if !self.probe.is_empty() {
            each(1, ValueRef::Str(&self.probe));
        }
        if !self.host.is_empty() {
            each(2, ValueRef::Str(&self.host));
        }
        if self.netns != 0 {
            each(3, ValueRef::U64(self.netns));
        }
        if !self.interface.is_empty() {
            each(4, ValueRef::Str(&self.interface));
        }
        if !self.hook.is_empty() {
            each(5, ValueRef::Str(&self.hook));
        }
        if !self.clock_domain.is_empty() {
            each(6, ValueRef::Str(&self.clock_domain));
        }
        if self.first_ns != 0 {
            each(7, ValueRef::U64(self.first_ns));
        }
        if self.last_ns != 0 {
            each(8, ValueRef::U64(self.last_ns));
        }
        if !self.link_type.is_empty() {
            each(9, ValueRef::Str(&self.link_type));
        }
        if self.snaplen_last != 0 {
            each(10, ValueRef::U64(u64::from(self.snaplen_last)));
        }
        if self.interval_ns_last != 0 {
            each(11, ValueRef::U64(self.interval_ns_last));
        }
        if self.order_last != 0 {
            each(12, ValueRef::U64(u64::from(self.order_last)));
        }
        if !self.addresses_last.is_empty() {
            each(13, ValueRef::Bytes(&self.addresses_last));
        }
        if self.stopped_last != 0 {
            each(14, ValueRef::U64(u64::from(self.stopped_last)));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.op = value.u64(),
            1 => self.probe = value.str().to_owned(),
            2 => self.host = value.str().to_owned(),
            3 => self.netns = value.u64(),
            4 => self.interface = value.str().to_owned(),
            5 => self.hook = value.str().to_owned(),
            6 => self.clock_domain = value.str().to_owned(),
            7 => self.first_ns = value.u64(),
            8 => self.last_ns = value.u64(),
            9 => self.link_type = value.str().to_owned(),
            10 => self.snaplen_last = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            11 => self.interval_ns_last = value.u64(),
            12 => self.order_last = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            13 => self.addresses_last = value.bytes().to_vec(),
            14 => self.stopped_last = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            _ => {}
        }
    }
}
impl Record for ProbeInterval {
    const TABLE: &'static str = "probe_interval";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "start_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Start of the interval, ns since the epoch." },
        Field { number: 2, name: "interval_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Length, ns." },
        Field { number: 3, name: "op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point." },
        Field { number: 4, name: "run", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Experiment label." },
        Field { number: 10, name: "captured_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Frames handed over by the capture." },
        Field { number: 11, name: "captured_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Their lengths on the wire." },
        Field { number: 12, name: "kernel_drops", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames the kernel dropped because the capture buffer was full." },
        Field { number: 13, name: "interface_drops", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames dropped by the interface or its driver." },
        Field { number: 14, name: "ip_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Frames with a metered IP packet (fragments and superpackets count one each)." },
        Field { number: 15, name: "non_ip_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Frames that hold no IP (ARP, LLC ...)." },
        Field { number: 16, name: "undecodable_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Frames that could not be decoded down to an IP header." },
        Field { number: 17, name: "recorded_frames", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "frames", help: "Frames counted in FlowInterval records of this interval." },
        Field { number: 18, name: "other_frames", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "frames", help: "IP frames counted in the `other` bucket because the flow table was full." },
        Field { number: 19, name: "other_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "The same in wire packets." },
        Field { number: 20, name: "other_ip_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 21, name: "truncated_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets whose transport header the capture length cut." },
        Field { number: 22, name: "superpackets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Frames that stand for more than one wire packet." },
        Field { number: 23, name: "flows_active_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Flows in the table at the end of the interval." },
        Field { number: 24, name: "flows_opened", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Flow instances begun." },
        Field { number: 25, name: "flows_ended", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Flow instances ended." },
        Field { number: 26, name: "flows_evicted", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Flow instances ended early to make room." },
        Field { number: 27, name: "records_emitted", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "FlowInterval records emitted for this interval." },
        Field { number: 28, name: "marks_dropped", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Path marks given up because the budget was spent." },
        Field { number: 29, name: "time_steps", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Steps of the clock noticed in the interval." },
        Field { number: 30, name: "late_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets stamped earlier than the interval that was open when they came." },
        Field { number: 31, name: "spool_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Bytes waiting in the spool." },
        Field { number: 32, name: "spool_batches_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Batches waiting in the spool." },
        Field { number: 33, name: "clock_error_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "The kernel's own estimate of its clock error (adjtimex maxerror), ns." },
        Field { number: 34, name: "clock_synced_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "1 if the kernel calls its clock synchronised." },
        Field { number: 35, name: "clock_offset_ns_last", kind: Kind::I64, merge: Merge::Last, count: "", unit: "ns", help: "CLOCK_REALTIME minus CLOCK_MONOTONIC at the end of the interval, ns." },
        Field { number: 40, name: "skip_arp", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames skipped: ARP." },
        Field { number: 41, name: "skip_llc", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames skipped: LLC without IP (STP, IS-IS ...)." },
        Field { number: 42, name: "skip_other_ethertype", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames skipped: other EtherType." },
        Field { number: 43, name: "skip_link_truncated", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames skipped: link header cut short." },
        Field { number: 44, name: "skip_link_type", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames skipped: link type not known." },
        Field { number: 45, name: "skip_ip_truncated", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames skipped: IP header not captured." },
        Field { number: 46, name: "skip_ip_malformed", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Frames skipped: IP header contradicts itself." },
        Field { number: 47, name: "unselected_frames", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "frames", help: "Frames in other_frames because no rule selects their flow." },
        Field { number: 48, name: "delivered_until_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "Flow records of intervals that ended by then have left the probe: acknowledged by a collector, or given up and reported; ns since the epoch, 0 = not known." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.start_ns),
            1 => ValueRef::U64(self.interval_ns),
            2 => ValueRef::U64(self.op),
            3 => ValueRef::Str(&self.run),
            4 => ValueRef::U64(self.captured_packets),
            5 => ValueRef::U64(self.captured_bytes),
            6 => ValueRef::U64(self.kernel_drops),
            7 => ValueRef::U64(self.interface_drops),
            8 => ValueRef::U64(self.ip_packets),
            9 => ValueRef::U64(self.non_ip_packets),
            10 => ValueRef::U64(self.undecodable_packets),
            11 => ValueRef::U64(self.recorded_frames),
            12 => ValueRef::U64(self.other_frames),
            13 => ValueRef::U64(self.other_packets),
            14 => ValueRef::U64(self.other_ip_bytes),
            15 => ValueRef::U64(self.truncated_packets),
            16 => ValueRef::U64(self.superpackets),
            17 => ValueRef::U64(self.flows_active_last),
            18 => ValueRef::U64(self.flows_opened),
            19 => ValueRef::U64(self.flows_ended),
            20 => ValueRef::U64(self.flows_evicted),
            21 => ValueRef::U64(self.records_emitted),
            22 => ValueRef::U64(self.marks_dropped),
            23 => ValueRef::U64(self.time_steps),
            24 => ValueRef::U64(self.late_packets),
            25 => ValueRef::U64(self.spool_bytes_last),
            26 => ValueRef::U64(self.spool_batches_last),
            27 => ValueRef::U64(self.clock_error_ns_last),
            28 => ValueRef::U64(self.clock_synced_last),
            29 => ValueRef::I64(self.clock_offset_ns_last),
            30 => ValueRef::U64(self.skip_arp),
            31 => ValueRef::U64(self.skip_llc),
            32 => ValueRef::U64(self.skip_other_ethertype),
            33 => ValueRef::U64(self.skip_link_truncated),
            34 => ValueRef::U64(self.skip_link_type),
            35 => ValueRef::U64(self.skip_ip_truncated),
            36 => ValueRef::U64(self.skip_ip_malformed),
            37 => ValueRef::U64(self.unselected_frames),
            38 => ValueRef::U64(self.delivered_until_ns_last),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.start_ns != 0 {
            each(0, ValueRef::U64(self.start_ns));
        }
        if self.interval_ns != 0 {
            each(1, ValueRef::U64(self.interval_ns));
        }
        if self.op != 0 {
            each(2, ValueRef::U64(self.op));
        }
        if !self.run.is_empty() {
            each(3, ValueRef::Str(&self.run));
        }
        if self.captured_packets != 0 {
            each(4, ValueRef::U64(self.captured_packets));
        }
        if self.captured_bytes != 0 {
            each(5, ValueRef::U64(self.captured_bytes));
        }
        if self.kernel_drops != 0 {
            each(6, ValueRef::U64(self.kernel_drops));
        }
        if self.interface_drops != 0 {
            each(7, ValueRef::U64(self.interface_drops));
        }
        if self.ip_packets != 0 {
            each(8, ValueRef::U64(self.ip_packets));
        }
        if self.non_ip_packets != 0 {
            each(9, ValueRef::U64(self.non_ip_packets));
        }
        if self.undecodable_packets != 0 {
            each(10, ValueRef::U64(self.undecodable_packets));
        }
        if self.recorded_frames != 0 {
            each(11, ValueRef::U64(self.recorded_frames));
        }
        if self.other_frames != 0 {
            each(12, ValueRef::U64(self.other_frames));
        }
        if self.other_packets != 0 {
            each(13, ValueRef::U64(self.other_packets));
        }
        if self.other_ip_bytes != 0 {
            each(14, ValueRef::U64(self.other_ip_bytes));
        }
        if self.truncated_packets != 0 {
            each(15, ValueRef::U64(self.truncated_packets));
        }
        if self.superpackets != 0 {
            each(16, ValueRef::U64(self.superpackets));
        }
        if self.flows_active_last != 0 {
            each(17, ValueRef::U64(self.flows_active_last));
        }
        if self.flows_opened != 0 {
            each(18, ValueRef::U64(self.flows_opened));
        }
        if self.flows_ended != 0 {
            each(19, ValueRef::U64(self.flows_ended));
        }
        if self.flows_evicted != 0 {
            each(20, ValueRef::U64(self.flows_evicted));
        }
        if self.records_emitted != 0 {
            each(21, ValueRef::U64(self.records_emitted));
        }
        if self.marks_dropped != 0 {
            each(22, ValueRef::U64(self.marks_dropped));
        }
        if self.time_steps != 0 {
            each(23, ValueRef::U64(self.time_steps));
        }
        if self.late_packets != 0 {
            each(24, ValueRef::U64(self.late_packets));
        }
        if self.spool_bytes_last != 0 {
            each(25, ValueRef::U64(self.spool_bytes_last));
        }
        if self.spool_batches_last != 0 {
            each(26, ValueRef::U64(self.spool_batches_last));
        }
        if self.clock_error_ns_last != 0 {
            each(27, ValueRef::U64(self.clock_error_ns_last));
        }
        if self.clock_synced_last != 0 {
            each(28, ValueRef::U64(self.clock_synced_last));
        }
        if self.clock_offset_ns_last != 0 {
            each(29, ValueRef::I64(self.clock_offset_ns_last));
        }
        if self.skip_arp != 0 {
            each(30, ValueRef::U64(self.skip_arp));
        }
        if self.skip_llc != 0 {
            each(31, ValueRef::U64(self.skip_llc));
        }
        if self.skip_other_ethertype != 0 {
            each(32, ValueRef::U64(self.skip_other_ethertype));
        }
        if self.skip_link_truncated != 0 {
            each(33, ValueRef::U64(self.skip_link_truncated));
        }
        if self.skip_link_type != 0 {
            each(34, ValueRef::U64(self.skip_link_type));
        }
        if self.skip_ip_truncated != 0 {
            each(35, ValueRef::U64(self.skip_ip_truncated));
        }
        if self.skip_ip_malformed != 0 {
            each(36, ValueRef::U64(self.skip_ip_malformed));
        }
        if self.unselected_frames != 0 {
            each(37, ValueRef::U64(self.unselected_frames));
        }
        if self.delivered_until_ns_last != 0 {
            each(38, ValueRef::U64(self.delivered_until_ns_last));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.start_ns = value.u64(),
            1 => self.interval_ns = value.u64(),
            2 => self.op = value.u64(),
            3 => self.run = value.str().to_owned(),
            4 => self.captured_packets = value.u64(),
            5 => self.captured_bytes = value.u64(),
            6 => self.kernel_drops = value.u64(),
            7 => self.interface_drops = value.u64(),
            8 => self.ip_packets = value.u64(),
            9 => self.non_ip_packets = value.u64(),
            10 => self.undecodable_packets = value.u64(),
            11 => self.recorded_frames = value.u64(),
            12 => self.other_frames = value.u64(),
            13 => self.other_packets = value.u64(),
            14 => self.other_ip_bytes = value.u64(),
            15 => self.truncated_packets = value.u64(),
            16 => self.superpackets = value.u64(),
            17 => self.flows_active_last = value.u64(),
            18 => self.flows_opened = value.u64(),
            19 => self.flows_ended = value.u64(),
            20 => self.flows_evicted = value.u64(),
            21 => self.records_emitted = value.u64(),
            22 => self.marks_dropped = value.u64(),
            23 => self.time_steps = value.u64(),
            24 => self.late_packets = value.u64(),
            25 => self.spool_bytes_last = value.u64(),
            26 => self.spool_batches_last = value.u64(),
            27 => self.clock_error_ns_last = value.u64(),
            28 => self.clock_synced_last = value.u64(),
            29 => self.clock_offset_ns_last = value.i64(),
            30 => self.skip_arp = value.u64(),
            31 => self.skip_llc = value.u64(),
            32 => self.skip_other_ethertype = value.u64(),
            33 => self.skip_link_truncated = value.u64(),
            34 => self.skip_link_type = value.u64(),
            35 => self.skip_ip_truncated = value.u64(),
            36 => self.skip_ip_malformed = value.u64(),
            37 => self.unselected_frames = value.u64(),
            38 => self.delivered_until_ns_last = value.u64(),
            _ => {}
        }
    }
}
impl Record for PathMarks {
    const TABLE: &'static str = "path_marks";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "start_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Start of the interval, ns since the epoch." },
        Field { number: 2, name: "interval_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Length, ns." },
        Field { number: 3, name: "op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point." },
        Field { number: 4, name: "flow", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Flow instance, as in FlowInterval." },
        Field { number: 5, name: "flow_key", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Canonical 5-tuple hash, as in FlowInterval." },
        Field { number: 6, name: "direction", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "0 = up, 1 = down, as this observation point believes." },
        Field { number: 7, name: "run", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Experiment label." },
        Field { number: 8, name: "key_id", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Names the digest key: marks of different keys do not match." },
        Field { number: 20, name: "cuts", kind: Kind::Bytes, merge: Merge::Key, count: "", unit: "", help: "Sequence-space cut marks (TCP, SCTP)." },
        Field { number: 21, name: "spans", kind: Kind::Bytes, merge: Merge::Key, count: "", unit: "", help: "Run-length map of a TCP direction: sequence, size and code point of every packet, where that is short." },
        Field { number: 22, name: "trail", kind: Kind::Bytes, merge: Merge::Key, count: "", unit: "", help: "Digest marks." },
        Field { number: 23, name: "dropped_marks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Marks of this flow given up because the budget was spent." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.start_ns),
            1 => ValueRef::U64(self.interval_ns),
            2 => ValueRef::U64(self.op),
            3 => ValueRef::U64(self.flow),
            4 => ValueRef::U64(self.flow_key),
            5 => ValueRef::U64(u64::from(self.direction)),
            6 => ValueRef::Str(&self.run),
            7 => ValueRef::U64(self.key_id),
            8 => ValueRef::Bytes(&self.cuts),
            9 => ValueRef::Bytes(&self.spans),
            10 => ValueRef::Bytes(&self.trail),
            11 => ValueRef::U64(self.dropped_marks),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.start_ns != 0 {
            each(0, ValueRef::U64(self.start_ns));
        }
        if self.interval_ns != 0 {
            each(1, ValueRef::U64(self.interval_ns));
        }
        if self.op != 0 {
            each(2, ValueRef::U64(self.op));
        }
        if self.flow != 0 {
            each(3, ValueRef::U64(self.flow));
        }
        if self.flow_key != 0 {
            each(4, ValueRef::U64(self.flow_key));
        }
        if self.direction != 0 {
            each(5, ValueRef::U64(u64::from(self.direction)));
        }
        if !self.run.is_empty() {
            each(6, ValueRef::Str(&self.run));
        }
        if self.key_id != 0 {
            each(7, ValueRef::U64(self.key_id));
        }
        if !self.cuts.is_empty() {
            each(8, ValueRef::Bytes(&self.cuts));
        }
        if !self.spans.is_empty() {
            each(9, ValueRef::Bytes(&self.spans));
        }
        if !self.trail.is_empty() {
            each(10, ValueRef::Bytes(&self.trail));
        }
        if self.dropped_marks != 0 {
            each(11, ValueRef::U64(self.dropped_marks));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.start_ns = value.u64(),
            1 => self.interval_ns = value.u64(),
            2 => self.op = value.u64(),
            3 => self.flow = value.u64(),
            4 => self.flow_key = value.u64(),
            5 => self.direction = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            6 => self.run = value.str().to_owned(),
            7 => self.key_id = value.u64(),
            8 => self.cuts = value.bytes().to_vec(),
            9 => self.spans = value.bytes().to_vec(),
            10 => self.trail = value.bytes().to_vec(),
            11 => self.dropped_marks = value.u64(),
            _ => {}
        }
    }
}
impl Record for SocketSample {
    const TABLE: &'static str = "socket_sample";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "at_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "End of the interval, or time of the event, ns since the epoch." },
        Field { number: 2, name: "op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point (hook socket: the host's socket layer)." },
        Field { number: 3, name: "flow_key", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Canonical 5-tuple hash, as in FlowInterval (IPv4-mapped addresses as IPv4)." },
        Field { number: 4, name: "run", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Experiment label." },
        Field { number: 5, name: "cookie", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Socket cookie (SCTP: the association's identifier)." },
        Field { number: 6, name: "src_ip", kind: Kind::Bytes, merge: Merge::Key, count: "", unit: "", help: "Local address, 4 or 16 bytes, network order." },
        Field { number: 7, name: "dst_ip", kind: Kind::Bytes, merge: Merge::Key, count: "", unit: "", help: "Remote address, 4 or 16 bytes, network order (SCTP: of this path)." },
        Field { number: 8, name: "src_port", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Local port." },
        Field { number: 9, name: "dst_port", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Remote port." },
        Field { number: 10, name: "ip_proto", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "TCP 6 or SCTP 132." },
        Field { number: 11, name: "source", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Where it comes from: ebpf, inet_diag, sctp_probe, sctp_diag." },
        Field { number: 12, name: "congestion_control", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Name of the algorithm." },
        Field { number: 13, name: "event", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Empty for an interval; for one event its tracepoint: tcp_probe, tcp_retransmit_skb, tcp_cong_state_set, tcp_receive_reset, tcp_send_reset." },
        Field { number: 14, name: "interval_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Time the sample covers, ns; 0 for one event." },
        Field { number: 15, name: "netns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Network namespace inode of the socket." },
        Field { number: 20, name: "events", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Kernel events or polls merged into this sample." },
        Field { number: 21, name: "cwnd_segments_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "segments", help: "Congestion window, segments." },
        Field { number: 22, name: "cwnd_segments_min", kind: Kind::U64, merge: Merge::Min, count: "", unit: "segments", help: "Smallest congestion window, segments." },
        Field { number: 23, name: "cwnd_segments_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "segments", help: "Largest congestion window, segments." },
        Field { number: 24, name: "ssthresh_segments_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "segments", help: "Slow start threshold, segments; 2147483647 = not set yet." },
        Field { number: 25, name: "srtt_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "Smoothed RTT (RFC 6298), ns." },
        Field { number: 26, name: "srtt_ns_min", kind: Kind::U64, merge: Merge::Min, count: "", unit: "ns", help: "Smallest smoothed RTT, ns." },
        Field { number: 27, name: "srtt_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest smoothed RTT, ns." },
        Field { number: 28, name: "cwnd_segment_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Congestion window times how long it held, segment microseconds: divided by observed_us it is the time-weighted mean." },
        Field { number: 29, name: "observed_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time that cwnd_segment_us and the ca_*_us times speak of, microseconds." },
        Field { number: 30, name: "ssthresh_segments_min", kind: Kind::U64, merge: Merge::Min, count: "", unit: "segments", help: "Smallest slow start threshold, segments." },
        Field { number: 31, name: "rttvar_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "Smoothed mean deviation of the RTT, ns." },
        Field { number: 32, name: "kernel_min_rtt_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "The kernel's windowed minimum of the RTT, ns." },
        Field { number: 33, name: "rto_ns_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "ns", help: "Retransmission timeout, ns." },
        Field { number: 34, name: "flight_segments_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "segments", help: "Segments in flight: sent, not acknowledged, not SACKed, not deemed lost." },
        Field { number: 35, name: "flight_segments_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "segments", help: "Largest number of segments in flight." },
        Field { number: 36, name: "flight_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Bytes between the oldest unacknowledged and the next to send (SCTP: flight size)." },
        Field { number: 37, name: "flight_bytes_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "bytes", help: "Largest number of such bytes." },
        Field { number: 38, name: "snd_wnd_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Window the peer offers, bytes." },
        Field { number: 39, name: "snd_wnd_bytes_min", kind: Kind::U64, merge: Merge::Min, count: "", unit: "bytes", help: "Smallest window the peer offered, bytes." },
        Field { number: 40, name: "rcv_wnd_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Window offered to the peer, bytes." },
        Field { number: 41, name: "mss_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Sender's current segment size, bytes." },
        Field { number: 42, name: "snd_nxt_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Next sequence number to send, as on the wire." },
        Field { number: 43, name: "snd_una_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Oldest unacknowledged sequence number, as on the wire." },
        Field { number: 44, name: "known_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Groups of fields this source knew (sce_proto::socket_known): bit set." },
        Field { number: 45, name: "state_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "TCP state as in Linux tcp_states.h (1 established ... 7 closed); SCTP: state of the association." },
        Field { number: 46, name: "ca_state_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Congestion avoidance state: 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss." },
        Field { number: 50, name: "received_data_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Payload of the received segments that the events saw." },
        Field { number: 51, name: "delivered_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments the peer acknowledged or SACKed." },
        Field { number: 52, name: "delivered_ce_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Those of them reported as CE-marked." },
        Field { number: 53, name: "retransmitted_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments retransmitted." },
        Field { number: 54, name: "retransmitted_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Payload bytes retransmitted." },
        Field { number: 55, name: "lost_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments deemed lost, repeated losses included." },
        Field { number: 56, name: "acked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes acknowledged by the peer." },
        Field { number: 57, name: "sent_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Payload bytes sent, retransmissions included." },
        Field { number: 58, name: "received_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes received in sequence." },
        Field { number: 59, name: "segments_out", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Segments sent, ACKs included." },
        Field { number: 60, name: "segments_in", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Segments received, ACKs included." },
        Field { number: 61, name: "data_segments_out", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Segments with payload sent." },
        Field { number: 62, name: "data_segments_in", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Segments with payload received." },
        Field { number: 63, name: "ca_open_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time in state open, microseconds." },
        Field { number: 64, name: "ca_disorder_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time in state disorder, microseconds." },
        Field { number: 65, name: "ca_cwr_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time in state CWR (window reduced because of ECN or a local queue), microseconds." },
        Field { number: 66, name: "ca_recovery_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time in state recovery, microseconds." },
        Field { number: 67, name: "ca_loss_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time in state loss, microseconds." },
        Field { number: 68, name: "ca_changes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Changes of the congestion avoidance state." },
        Field { number: 69, name: "resets_sent", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "RST segments sent." },
        Field { number: 70, name: "resets_received", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "RST segments received." },
        Field { number: 71, name: "rto_expiries", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Retransmission timeouts." },
        Field { number: 72, name: "busy_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time with data outstanding or waiting, microseconds." },
        Field { number: 73, name: "rwnd_limited_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time limited by the peer's window, microseconds." },
        Field { number: 74, name: "sndbuf_limited_us", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Time limited by the send buffer, microseconds." },
        Field { number: 75, name: "reorderings_seen", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Reordering events noticed." },
        Field { number: 76, name: "dsack_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Duplicates the peer reported with D-SACK." },
        Field { number: 77, name: "pacing_bytes_per_s_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Pacing rate, bytes per second." },
        Field { number: 78, name: "delivery_bytes_per_s_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "Latest delivery rate, bytes per second." },
        Field { number: 79, name: "tcp_options_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "segments", help: "TCP_INFO options: 1 timestamps, 2 SACK, 4 window scale, 8 ECN agreed, 16 ECN seen: bit set." },
        Field { number: 80, name: "received_ce_segments", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "segments", help: "Segments received with CE." },
        Field { number: 81, name: "delivered_ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes the peer reported as arrived with ECT(1)." },
        Field { number: 82, name: "delivered_ect0_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes the peer reported as arrived with ECT(0)." },
        Field { number: 83, name: "delivered_ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes the peer reported as arrived with CE." },
        Field { number: 84, name: "received_ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes received with ECT(1)." },
        Field { number: 85, name: "received_ect0_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes received with ECT(0)." },
        Field { number: 86, name: "received_ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes received with CE." },
        Field { number: 90, name: "cwnd_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Congestion window of the path, bytes." },
        Field { number: 91, name: "cwnd_bytes_min", kind: Kind::U64, merge: Merge::Min, count: "", unit: "bytes", help: "Smallest congestion window, bytes." },
        Field { number: 92, name: "cwnd_bytes_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "bytes", help: "Largest congestion window, bytes." },
        Field { number: 93, name: "ssthresh_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Slow start threshold of the path, bytes." },
        Field { number: 94, name: "partial_acked_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "partial_bytes_acked of the path." },
        Field { number: 95, name: "path_mtu_bytes_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "bytes", help: "Path MTU." },
        Field { number: 96, name: "path_state_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "State of the path as in Linux: 0 inactive, 1 potentially failed, 2 active, 3 unconfirmed." },
        Field { number: 97, name: "path_primary_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "", help: "1 if it is the primary path." },
        Field { number: 98, name: "unacked_chunks_last", kind: Kind::U64, merge: Merge::Last, count: "", unit: "chunks", help: "DATA chunks not acknowledged." },
        Field { number: 99, name: "retransmitted_chunks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "chunks", help: "DATA chunks retransmitted." },
        Field { number: 100, name: "chunks_out", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "DATA chunks sent, ordered and unordered." },
        Field { number: 101, name: "chunks_in", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "DATA chunks received, ordered and unordered." },
        Field { number: 102, name: "sacks_out", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "SACK chunks sent." },
        Field { number: 103, name: "sacks_in", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "SACK chunks received." },
        Field { number: 104, name: "duplicate_chunks_in", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Duplicate DATA chunks received." },
        Field { number: 105, name: "gap_acks_in", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Gap acknowledgement blocks received." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.at_ns),
            1 => ValueRef::U64(self.op),
            2 => ValueRef::U64(self.flow_key),
            3 => ValueRef::Str(&self.run),
            4 => ValueRef::U64(self.cookie),
            5 => ValueRef::Bytes(&self.src_ip),
            6 => ValueRef::Bytes(&self.dst_ip),
            7 => ValueRef::U64(u64::from(self.src_port)),
            8 => ValueRef::U64(u64::from(self.dst_port)),
            9 => ValueRef::U64(u64::from(self.ip_proto)),
            10 => ValueRef::Str(&self.source),
            11 => ValueRef::Str(&self.congestion_control),
            12 => ValueRef::Str(&self.event),
            13 => ValueRef::U64(self.interval_ns),
            14 => ValueRef::U64(self.netns),
            15 => ValueRef::U64(self.events),
            16 => ValueRef::U64(self.cwnd_segments_last),
            17 => ValueRef::U64(self.cwnd_segments_min),
            18 => ValueRef::U64(self.cwnd_segments_max),
            19 => ValueRef::U64(self.ssthresh_segments_last),
            20 => ValueRef::U64(self.srtt_ns_last),
            21 => ValueRef::U64(self.srtt_ns_min),
            22 => ValueRef::U64(self.srtt_ns_max),
            23 => ValueRef::U64(self.cwnd_segment_us),
            24 => ValueRef::U64(self.observed_us),
            25 => ValueRef::U64(self.ssthresh_segments_min),
            26 => ValueRef::U64(self.rttvar_ns_last),
            27 => ValueRef::U64(self.kernel_min_rtt_ns_last),
            28 => ValueRef::U64(self.rto_ns_last),
            29 => ValueRef::U64(self.flight_segments_last),
            30 => ValueRef::U64(self.flight_segments_max),
            31 => ValueRef::U64(self.flight_bytes_last),
            32 => ValueRef::U64(self.flight_bytes_max),
            33 => ValueRef::U64(self.snd_wnd_bytes_last),
            34 => ValueRef::U64(self.snd_wnd_bytes_min),
            35 => ValueRef::U64(self.rcv_wnd_bytes_last),
            36 => ValueRef::U64(self.mss_bytes_last),
            37 => ValueRef::U64(self.snd_nxt_last),
            38 => ValueRef::U64(self.snd_una_last),
            39 => ValueRef::U64(self.known_bits),
            40 => ValueRef::U64(self.state_last),
            41 => ValueRef::U64(self.ca_state_last),
            42 => ValueRef::U64(self.received_data_bytes),
            43 => ValueRef::U64(self.delivered_segments),
            44 => ValueRef::U64(self.delivered_ce_segments),
            45 => ValueRef::U64(self.retransmitted_segments),
            46 => ValueRef::U64(self.retransmitted_bytes),
            47 => ValueRef::U64(self.lost_segments),
            48 => ValueRef::U64(self.acked_bytes),
            49 => ValueRef::U64(self.sent_bytes),
            50 => ValueRef::U64(self.received_bytes),
            51 => ValueRef::U64(self.segments_out),
            52 => ValueRef::U64(self.segments_in),
            53 => ValueRef::U64(self.data_segments_out),
            54 => ValueRef::U64(self.data_segments_in),
            55 => ValueRef::U64(self.ca_open_us),
            56 => ValueRef::U64(self.ca_disorder_us),
            57 => ValueRef::U64(self.ca_cwr_us),
            58 => ValueRef::U64(self.ca_recovery_us),
            59 => ValueRef::U64(self.ca_loss_us),
            60 => ValueRef::U64(self.ca_changes),
            61 => ValueRef::U64(self.resets_sent),
            62 => ValueRef::U64(self.resets_received),
            63 => ValueRef::U64(self.rto_expiries),
            64 => ValueRef::U64(self.busy_us),
            65 => ValueRef::U64(self.rwnd_limited_us),
            66 => ValueRef::U64(self.sndbuf_limited_us),
            67 => ValueRef::U64(self.reorderings_seen),
            68 => ValueRef::U64(self.dsack_segments),
            69 => ValueRef::U64(self.pacing_bytes_per_s_last),
            70 => ValueRef::U64(self.delivery_bytes_per_s_last),
            71 => ValueRef::U64(self.tcp_options_bits),
            72 => ValueRef::U64(self.received_ce_segments),
            73 => ValueRef::U64(self.delivered_ect1_bytes),
            74 => ValueRef::U64(self.delivered_ect0_bytes),
            75 => ValueRef::U64(self.delivered_ce_bytes),
            76 => ValueRef::U64(self.received_ect1_bytes),
            77 => ValueRef::U64(self.received_ect0_bytes),
            78 => ValueRef::U64(self.received_ce_bytes),
            79 => ValueRef::U64(self.cwnd_bytes_last),
            80 => ValueRef::U64(self.cwnd_bytes_min),
            81 => ValueRef::U64(self.cwnd_bytes_max),
            82 => ValueRef::U64(self.ssthresh_bytes_last),
            83 => ValueRef::U64(self.partial_acked_bytes_last),
            84 => ValueRef::U64(self.path_mtu_bytes_last),
            85 => ValueRef::U64(self.path_state_last),
            86 => ValueRef::U64(self.path_primary_last),
            87 => ValueRef::U64(self.unacked_chunks_last),
            88 => ValueRef::U64(self.retransmitted_chunks),
            89 => ValueRef::U64(self.chunks_out),
            90 => ValueRef::U64(self.chunks_in),
            91 => ValueRef::U64(self.sacks_out),
            92 => ValueRef::U64(self.sacks_in),
            93 => ValueRef::U64(self.duplicate_chunks_in),
            94 => ValueRef::U64(self.gap_acks_in),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.at_ns != 0 {
            each(0, ValueRef::U64(self.at_ns));
        }
        if self.op != 0 {
            each(1, ValueRef::U64(self.op));
        }
        if self.flow_key != 0 {
            each(2, ValueRef::U64(self.flow_key));
        }
        if !self.run.is_empty() {
            each(3, ValueRef::Str(&self.run));
        }
        if self.cookie != 0 {
            each(4, ValueRef::U64(self.cookie));
        }
        if !self.src_ip.is_empty() {
            each(5, ValueRef::Bytes(&self.src_ip));
        }
        if !self.dst_ip.is_empty() {
            each(6, ValueRef::Bytes(&self.dst_ip));
        }
        if self.src_port != 0 {
            each(7, ValueRef::U64(u64::from(self.src_port)));
        }
        if self.dst_port != 0 {
            each(8, ValueRef::U64(u64::from(self.dst_port)));
        }
        if self.ip_proto != 0 {
            each(9, ValueRef::U64(u64::from(self.ip_proto)));
        }
        if !self.source.is_empty() {
            each(10, ValueRef::Str(&self.source));
        }
        if !self.congestion_control.is_empty() {
            each(11, ValueRef::Str(&self.congestion_control));
        }
        if !self.event.is_empty() {
            each(12, ValueRef::Str(&self.event));
        }
        if self.interval_ns != 0 {
            each(13, ValueRef::U64(self.interval_ns));
        }
        if self.netns != 0 {
            each(14, ValueRef::U64(self.netns));
        }
        if self.events != 0 {
            each(15, ValueRef::U64(self.events));
        }
        if self.cwnd_segments_last != 0 {
            each(16, ValueRef::U64(self.cwnd_segments_last));
        }
        if self.cwnd_segments_min != 0 {
            each(17, ValueRef::U64(self.cwnd_segments_min));
        }
        if self.cwnd_segments_max != 0 {
            each(18, ValueRef::U64(self.cwnd_segments_max));
        }
        if self.ssthresh_segments_last != 0 {
            each(19, ValueRef::U64(self.ssthresh_segments_last));
        }
        if self.srtt_ns_last != 0 {
            each(20, ValueRef::U64(self.srtt_ns_last));
        }
        if self.srtt_ns_min != 0 {
            each(21, ValueRef::U64(self.srtt_ns_min));
        }
        if self.srtt_ns_max != 0 {
            each(22, ValueRef::U64(self.srtt_ns_max));
        }
        if self.cwnd_segment_us != 0 {
            each(23, ValueRef::U64(self.cwnd_segment_us));
        }
        if self.observed_us != 0 {
            each(24, ValueRef::U64(self.observed_us));
        }
        if self.ssthresh_segments_min != 0 {
            each(25, ValueRef::U64(self.ssthresh_segments_min));
        }
        if self.rttvar_ns_last != 0 {
            each(26, ValueRef::U64(self.rttvar_ns_last));
        }
        if self.kernel_min_rtt_ns_last != 0 {
            each(27, ValueRef::U64(self.kernel_min_rtt_ns_last));
        }
        if self.rto_ns_last != 0 {
            each(28, ValueRef::U64(self.rto_ns_last));
        }
        if self.flight_segments_last != 0 {
            each(29, ValueRef::U64(self.flight_segments_last));
        }
        if self.flight_segments_max != 0 {
            each(30, ValueRef::U64(self.flight_segments_max));
        }
        if self.flight_bytes_last != 0 {
            each(31, ValueRef::U64(self.flight_bytes_last));
        }
        if self.flight_bytes_max != 0 {
            each(32, ValueRef::U64(self.flight_bytes_max));
        }
        if self.snd_wnd_bytes_last != 0 {
            each(33, ValueRef::U64(self.snd_wnd_bytes_last));
        }
        if self.snd_wnd_bytes_min != 0 {
            each(34, ValueRef::U64(self.snd_wnd_bytes_min));
        }
        if self.rcv_wnd_bytes_last != 0 {
            each(35, ValueRef::U64(self.rcv_wnd_bytes_last));
        }
        if self.mss_bytes_last != 0 {
            each(36, ValueRef::U64(self.mss_bytes_last));
        }
        if self.snd_nxt_last != 0 {
            each(37, ValueRef::U64(self.snd_nxt_last));
        }
        if self.snd_una_last != 0 {
            each(38, ValueRef::U64(self.snd_una_last));
        }
        if self.known_bits != 0 {
            each(39, ValueRef::U64(self.known_bits));
        }
        if self.state_last != 0 {
            each(40, ValueRef::U64(self.state_last));
        }
        if self.ca_state_last != 0 {
            each(41, ValueRef::U64(self.ca_state_last));
        }
        if self.received_data_bytes != 0 {
            each(42, ValueRef::U64(self.received_data_bytes));
        }
        if self.delivered_segments != 0 {
            each(43, ValueRef::U64(self.delivered_segments));
        }
        if self.delivered_ce_segments != 0 {
            each(44, ValueRef::U64(self.delivered_ce_segments));
        }
        if self.retransmitted_segments != 0 {
            each(45, ValueRef::U64(self.retransmitted_segments));
        }
        if self.retransmitted_bytes != 0 {
            each(46, ValueRef::U64(self.retransmitted_bytes));
        }
        if self.lost_segments != 0 {
            each(47, ValueRef::U64(self.lost_segments));
        }
        if self.acked_bytes != 0 {
            each(48, ValueRef::U64(self.acked_bytes));
        }
        if self.sent_bytes != 0 {
            each(49, ValueRef::U64(self.sent_bytes));
        }
        if self.received_bytes != 0 {
            each(50, ValueRef::U64(self.received_bytes));
        }
        if self.segments_out != 0 {
            each(51, ValueRef::U64(self.segments_out));
        }
        if self.segments_in != 0 {
            each(52, ValueRef::U64(self.segments_in));
        }
        if self.data_segments_out != 0 {
            each(53, ValueRef::U64(self.data_segments_out));
        }
        if self.data_segments_in != 0 {
            each(54, ValueRef::U64(self.data_segments_in));
        }
        if self.ca_open_us != 0 {
            each(55, ValueRef::U64(self.ca_open_us));
        }
        if self.ca_disorder_us != 0 {
            each(56, ValueRef::U64(self.ca_disorder_us));
        }
        if self.ca_cwr_us != 0 {
            each(57, ValueRef::U64(self.ca_cwr_us));
        }
        if self.ca_recovery_us != 0 {
            each(58, ValueRef::U64(self.ca_recovery_us));
        }
        if self.ca_loss_us != 0 {
            each(59, ValueRef::U64(self.ca_loss_us));
        }
        if self.ca_changes != 0 {
            each(60, ValueRef::U64(self.ca_changes));
        }
        if self.resets_sent != 0 {
            each(61, ValueRef::U64(self.resets_sent));
        }
        if self.resets_received != 0 {
            each(62, ValueRef::U64(self.resets_received));
        }
        if self.rto_expiries != 0 {
            each(63, ValueRef::U64(self.rto_expiries));
        }
        if self.busy_us != 0 {
            each(64, ValueRef::U64(self.busy_us));
        }
        if self.rwnd_limited_us != 0 {
            each(65, ValueRef::U64(self.rwnd_limited_us));
        }
        if self.sndbuf_limited_us != 0 {
            each(66, ValueRef::U64(self.sndbuf_limited_us));
        }
        if self.reorderings_seen != 0 {
            each(67, ValueRef::U64(self.reorderings_seen));
        }
        if self.dsack_segments != 0 {
            each(68, ValueRef::U64(self.dsack_segments));
        }
        if self.pacing_bytes_per_s_last != 0 {
            each(69, ValueRef::U64(self.pacing_bytes_per_s_last));
        }
        if self.delivery_bytes_per_s_last != 0 {
            each(70, ValueRef::U64(self.delivery_bytes_per_s_last));
        }
        if self.tcp_options_bits != 0 {
            each(71, ValueRef::U64(self.tcp_options_bits));
        }
        if self.received_ce_segments != 0 {
            each(72, ValueRef::U64(self.received_ce_segments));
        }
        if self.delivered_ect1_bytes != 0 {
            each(73, ValueRef::U64(self.delivered_ect1_bytes));
        }
        if self.delivered_ect0_bytes != 0 {
            each(74, ValueRef::U64(self.delivered_ect0_bytes));
        }
        if self.delivered_ce_bytes != 0 {
            each(75, ValueRef::U64(self.delivered_ce_bytes));
        }
        if self.received_ect1_bytes != 0 {
            each(76, ValueRef::U64(self.received_ect1_bytes));
        }
        if self.received_ect0_bytes != 0 {
            each(77, ValueRef::U64(self.received_ect0_bytes));
        }
        if self.received_ce_bytes != 0 {
            each(78, ValueRef::U64(self.received_ce_bytes));
        }
        if self.cwnd_bytes_last != 0 {
            each(79, ValueRef::U64(self.cwnd_bytes_last));
        }
        if self.cwnd_bytes_min != 0 {
            each(80, ValueRef::U64(self.cwnd_bytes_min));
        }
        if self.cwnd_bytes_max != 0 {
            each(81, ValueRef::U64(self.cwnd_bytes_max));
        }
        if self.ssthresh_bytes_last != 0 {
            each(82, ValueRef::U64(self.ssthresh_bytes_last));
        }
        if self.partial_acked_bytes_last != 0 {
            each(83, ValueRef::U64(self.partial_acked_bytes_last));
        }
        if self.path_mtu_bytes_last != 0 {
            each(84, ValueRef::U64(self.path_mtu_bytes_last));
        }
        if self.path_state_last != 0 {
            each(85, ValueRef::U64(self.path_state_last));
        }
        if self.path_primary_last != 0 {
            each(86, ValueRef::U64(self.path_primary_last));
        }
        if self.unacked_chunks_last != 0 {
            each(87, ValueRef::U64(self.unacked_chunks_last));
        }
        if self.retransmitted_chunks != 0 {
            each(88, ValueRef::U64(self.retransmitted_chunks));
        }
        if self.chunks_out != 0 {
            each(89, ValueRef::U64(self.chunks_out));
        }
        if self.chunks_in != 0 {
            each(90, ValueRef::U64(self.chunks_in));
        }
        if self.sacks_out != 0 {
            each(91, ValueRef::U64(self.sacks_out));
        }
        if self.sacks_in != 0 {
            each(92, ValueRef::U64(self.sacks_in));
        }
        if self.duplicate_chunks_in != 0 {
            each(93, ValueRef::U64(self.duplicate_chunks_in));
        }
        if self.gap_acks_in != 0 {
            each(94, ValueRef::U64(self.gap_acks_in));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.at_ns = value.u64(),
            1 => self.op = value.u64(),
            2 => self.flow_key = value.u64(),
            3 => self.run = value.str().to_owned(),
            4 => self.cookie = value.u64(),
            5 => self.src_ip = value.bytes().to_vec(),
            6 => self.dst_ip = value.bytes().to_vec(),
            7 => self.src_port = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            8 => self.dst_port = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            9 => self.ip_proto = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            10 => self.source = value.str().to_owned(),
            11 => self.congestion_control = value.str().to_owned(),
            12 => self.event = value.str().to_owned(),
            13 => self.interval_ns = value.u64(),
            14 => self.netns = value.u64(),
            15 => self.events = value.u64(),
            16 => self.cwnd_segments_last = value.u64(),
            17 => self.cwnd_segments_min = value.u64(),
            18 => self.cwnd_segments_max = value.u64(),
            19 => self.ssthresh_segments_last = value.u64(),
            20 => self.srtt_ns_last = value.u64(),
            21 => self.srtt_ns_min = value.u64(),
            22 => self.srtt_ns_max = value.u64(),
            23 => self.cwnd_segment_us = value.u64(),
            24 => self.observed_us = value.u64(),
            25 => self.ssthresh_segments_min = value.u64(),
            26 => self.rttvar_ns_last = value.u64(),
            27 => self.kernel_min_rtt_ns_last = value.u64(),
            28 => self.rto_ns_last = value.u64(),
            29 => self.flight_segments_last = value.u64(),
            30 => self.flight_segments_max = value.u64(),
            31 => self.flight_bytes_last = value.u64(),
            32 => self.flight_bytes_max = value.u64(),
            33 => self.snd_wnd_bytes_last = value.u64(),
            34 => self.snd_wnd_bytes_min = value.u64(),
            35 => self.rcv_wnd_bytes_last = value.u64(),
            36 => self.mss_bytes_last = value.u64(),
            37 => self.snd_nxt_last = value.u64(),
            38 => self.snd_una_last = value.u64(),
            39 => self.known_bits = value.u64(),
            40 => self.state_last = value.u64(),
            41 => self.ca_state_last = value.u64(),
            42 => self.received_data_bytes = value.u64(),
            43 => self.delivered_segments = value.u64(),
            44 => self.delivered_ce_segments = value.u64(),
            45 => self.retransmitted_segments = value.u64(),
            46 => self.retransmitted_bytes = value.u64(),
            47 => self.lost_segments = value.u64(),
            48 => self.acked_bytes = value.u64(),
            49 => self.sent_bytes = value.u64(),
            50 => self.received_bytes = value.u64(),
            51 => self.segments_out = value.u64(),
            52 => self.segments_in = value.u64(),
            53 => self.data_segments_out = value.u64(),
            54 => self.data_segments_in = value.u64(),
            55 => self.ca_open_us = value.u64(),
            56 => self.ca_disorder_us = value.u64(),
            57 => self.ca_cwr_us = value.u64(),
            58 => self.ca_recovery_us = value.u64(),
            59 => self.ca_loss_us = value.u64(),
            60 => self.ca_changes = value.u64(),
            61 => self.resets_sent = value.u64(),
            62 => self.resets_received = value.u64(),
            63 => self.rto_expiries = value.u64(),
            64 => self.busy_us = value.u64(),
            65 => self.rwnd_limited_us = value.u64(),
            66 => self.sndbuf_limited_us = value.u64(),
            67 => self.reorderings_seen = value.u64(),
            68 => self.dsack_segments = value.u64(),
            69 => self.pacing_bytes_per_s_last = value.u64(),
            70 => self.delivery_bytes_per_s_last = value.u64(),
            71 => self.tcp_options_bits = value.u64(),
            72 => self.received_ce_segments = value.u64(),
            73 => self.delivered_ect1_bytes = value.u64(),
            74 => self.delivered_ect0_bytes = value.u64(),
            75 => self.delivered_ce_bytes = value.u64(),
            76 => self.received_ect1_bytes = value.u64(),
            77 => self.received_ect0_bytes = value.u64(),
            78 => self.received_ce_bytes = value.u64(),
            79 => self.cwnd_bytes_last = value.u64(),
            80 => self.cwnd_bytes_min = value.u64(),
            81 => self.cwnd_bytes_max = value.u64(),
            82 => self.ssthresh_bytes_last = value.u64(),
            83 => self.partial_acked_bytes_last = value.u64(),
            84 => self.path_mtu_bytes_last = value.u64(),
            85 => self.path_state_last = value.u64(),
            86 => self.path_primary_last = value.u64(),
            87 => self.unacked_chunks_last = value.u64(),
            88 => self.retransmitted_chunks = value.u64(),
            89 => self.chunks_out = value.u64(),
            90 => self.chunks_in = value.u64(),
            91 => self.sacks_out = value.u64(),
            92 => self.sacks_in = value.u64(),
            93 => self.duplicate_chunks_in = value.u64(),
            94 => self.gap_acks_in = value.u64(),
            _ => {}
        }
    }
}
impl Record for LossReport {
    const TABLE: &'static str = "loss_report";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "at_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "When it was noticed, ns since the epoch." },
        Field { number: 2, name: "reason", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "spool_full, corrupt, unclean_restart, rollback, clock, oversize, rejected ..." },
        Field { number: 3, name: "lane", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Lane of what was lost." },
        Field { number: 4, name: "lost_epoch", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Spool epoch of what was lost." },
        Field { number: 5, name: "first_seq", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "First lost batch, 0 if it never had a number." },
        Field { number: 6, name: "last_seq", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Last lost batch." },
        Field { number: 7, name: "from_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Start of the time it covers, ns since the epoch, 0 = unknown." },
        Field { number: 8, name: "to_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "End of that time." },
        Field { number: 9, name: "run", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Experiment label." },
        Field { number: 20, name: "records", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Records lost (0 with reason unclean_restart: unknown, at most the open interval)." },
        Field { number: 21, name: "frames", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "frames", help: "Frames those records counted, where known." },
        Field { number: 22, name: "bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Spool bytes lost." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.at_ns),
            1 => ValueRef::Str(&self.reason),
            2 => ValueRef::U64(u64::from(self.lane)),
            3 => ValueRef::U64(self.lost_epoch),
            4 => ValueRef::U64(self.first_seq),
            5 => ValueRef::U64(self.last_seq),
            6 => ValueRef::U64(self.from_ns),
            7 => ValueRef::U64(self.to_ns),
            8 => ValueRef::Str(&self.run),
            9 => ValueRef::U64(self.records),
            10 => ValueRef::U64(self.frames),
            11 => ValueRef::U64(self.bytes),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.at_ns != 0 {
            each(0, ValueRef::U64(self.at_ns));
        }
        if !self.reason.is_empty() {
            each(1, ValueRef::Str(&self.reason));
        }
        if self.lane != 0 {
            each(2, ValueRef::U64(u64::from(self.lane)));
        }
        if self.lost_epoch != 0 {
            each(3, ValueRef::U64(self.lost_epoch));
        }
        if self.first_seq != 0 {
            each(4, ValueRef::U64(self.first_seq));
        }
        if self.last_seq != 0 {
            each(5, ValueRef::U64(self.last_seq));
        }
        if self.from_ns != 0 {
            each(6, ValueRef::U64(self.from_ns));
        }
        if self.to_ns != 0 {
            each(7, ValueRef::U64(self.to_ns));
        }
        if !self.run.is_empty() {
            each(8, ValueRef::Str(&self.run));
        }
        if self.records != 0 {
            each(9, ValueRef::U64(self.records));
        }
        if self.frames != 0 {
            each(10, ValueRef::U64(self.frames));
        }
        if self.bytes != 0 {
            each(11, ValueRef::U64(self.bytes));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.at_ns = value.u64(),
            1 => self.reason = value.str().to_owned(),
            2 => self.lane = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            3 => self.lost_epoch = value.u64(),
            4 => self.first_seq = value.u64(),
            5 => self.last_seq = value.u64(),
            6 => self.from_ns = value.u64(),
            7 => self.to_ns = value.u64(),
            8 => self.run = value.str().to_owned(),
            9 => self.records = value.u64(),
            10 => self.frames = value.u64(),
            11 => self.bytes = value.u64(),
            _ => {}
        }
    }
}
impl Record for PathSegment {
    const TABLE: &'static str = "path_segment";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "start_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Start of the window by the clock of from_op, ns since the epoch; 0: everything known of the flow." },
        Field { number: 2, name: "interval_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Length of the window, ns; 0: everything known of the flow." },
        Field { number: 3, name: "flow", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Joined flow." },
        Field { number: 4, name: "direction", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "0 = up, initiator to responder; 1 = down; settled over all points." },
        Field { number: 5, name: "position", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Place on the path of this direction: 0 begins at the point nearest to the sender." },
        Field { number: 6, name: "from_op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point where the packets went in." },
        Field { number: 7, name: "to_op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point where they came out." },
        Field { number: 8, name: "run", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Experiment label." },
        Field { number: 9, name: "ip_proto", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "IP protocol number." },
        Field { number: 10, name: "method", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "How the loss was found: exact, counters, block-exact, bound (sce_proto::bits::method)." },
        Field { number: 11, name: "ecn_method", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "How the transitions were found: exact, counters, block-exact, sampled, bound." },
        Field { number: 12, name: "owd_method", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "How the clocks were compared: shared-clock, symmetric, external-sync; none: no one-way delay." },
        Field { number: 13, name: "to_parallel", kind: Kind::Bytes, merge: Merge::Key, count: "", unit: "", help: "Further points that together with to_op make up the far end (parallel branches), 8 bytes each, big-endian." },
        Field { number: 14, name: "join_evidence_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Why both views are the same flow (sce_proto::bits::join_evidence): bit set." },
        Field { number: 15, name: "order_evidence_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "Why from_op comes first (sce_proto::bits::order_evidence): bit set; 0: a guess." },
        Field { number: 16, name: "warning_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "What to beware of (sce_proto::bits::path_warning): bit set." },
        Field { number: 20, name: "sent_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Wire packets that went in." },
        Field { number: 21, name: "received_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Wire packets that came out." },
        Field { number: 22, name: "lost_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets that did not come out." },
        Field { number: 23, name: "duplicated_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets that came out more often than they went in." },
        Field { number: 24, name: "reordered_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets that came out behind one that went in later (RFC 4737 sense, created on this segment)." },
        Field { number: 25, name: "unmatched_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets that came out but were not seen going in." },
        Field { number: 26, name: "sent_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 27, name: "received_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 28, name: "lost_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 29, name: "duplicated_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 30, name: "unmatched_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 31, name: "lost_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many lost; equals lost_packets unless the method is a bound." },
        Field { number: 32, name: "lost_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many lost." },
        Field { number: 33, name: "matched_marks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Marks found at both points: what order, delay and samples rest on." },
        Field { number: 40, name: "owd_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "One-way delays measured." },
        Field { number: 41, name: "owd_ns_min", kind: Kind::I64, merge: Merge::Key, count: "", unit: "ns", help: "Smallest one-way delay, ns; true to within owd_ns_error." },
        Field { number: 42, name: "owd_ns_p50", kind: Kind::I64, merge: Merge::Key, count: "", unit: "ns", help: "Median one-way delay, ns." },
        Field { number: 43, name: "owd_ns_p99", kind: Kind::I64, merge: Merge::Key, count: "", unit: "ns", help: "99th percentile of the one-way delay, ns." },
        Field { number: 44, name: "owd_ns_error", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "The true delay lies within plus or minus this, ns." },
        Field { number: 45, name: "clock_offset_ns", kind: Kind::I64, merge: Merge::Key, count: "", unit: "ns", help: "Clock of to_op minus clock of from_op at the middle of the window, ns." },
        Field { number: 46, name: "clock_skew_ppb", kind: Kind::I64, merge: Merge::Key, count: "", unit: "", help: "How much faster the clock of to_op runs, parts per billion." },
        Field { number: 47, name: "queue_ns_p50", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Median of delay minus smallest delay: needs no clock offset, ns." },
        Field { number: 48, name: "queue_ns_p99", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "99th percentile of the same, ns." },
        Field { number: 49, name: "queue_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest delay minus smallest delay, ns." },
        Field { number: 50, name: "ipdv_ns_p50", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Median of the absolute delay variation between packets that follow each other (RFC 5481), ns." },
        Field { number: 51, name: "ipdv_ns_p99", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "99th percentile of the same, ns." },
        Field { number: 52, name: "round_trip_ns_min", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Smallest delay of this segment in both directions together: needs no clock offset, ns; 0: not known." },
        Field { number: 53, name: "round_trip_ns_p50", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Median of the same, ns." },
        Field { number: 54, name: "queue_sketch", kind: Kind::Bytes, merge: Merge::Sketch, count: "", unit: "", help: "Distribution of delay minus smallest delay, ns." },
        Field { number: 60, name: "ae_cleared_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Segments that lost header bit 0x100 (ESCE, AE)." },
        Field { number: 61, name: "ae_set_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Segments that gained it." },
        Field { number: 62, name: "ece_cleared_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Segments that lost ECE." },
        Field { number: 63, name: "ece_set_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Segments that gained ECE." },
        Field { number: 64, name: "cwr_cleared_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Segments that lost CWR." },
        Field { number: 65, name: "cwr_set_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Segments that gained CWR." },
        Field { number: 100, name: "not_ect_to_not_ect_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from Not-ECT to Not-ECT." },
        Field { number: 101, name: "not_ect_to_not_ect_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 102, name: "not_ect_to_not_ect_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 103, name: "not_ect_to_not_ect_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 104, name: "not_ect_to_ect1_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from Not-ECT to ECT(1)." },
        Field { number: 105, name: "not_ect_to_ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 106, name: "not_ect_to_ect1_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 107, name: "not_ect_to_ect1_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 108, name: "not_ect_to_ect0_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from Not-ECT to ECT(0)." },
        Field { number: 109, name: "not_ect_to_ect0_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 110, name: "not_ect_to_ect0_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 111, name: "not_ect_to_ect0_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 112, name: "not_ect_to_ce_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from Not-ECT to CE." },
        Field { number: 113, name: "not_ect_to_ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 114, name: "not_ect_to_ce_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 115, name: "not_ect_to_ce_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 116, name: "not_ect_to_lost_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from Not-ECT to nothing: lost." },
        Field { number: 117, name: "not_ect_to_lost_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 118, name: "not_ect_to_lost_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 119, name: "not_ect_to_lost_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 120, name: "ect1_to_not_ect_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(1) to Not-ECT." },
        Field { number: 121, name: "ect1_to_not_ect_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 122, name: "ect1_to_not_ect_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 123, name: "ect1_to_not_ect_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 124, name: "ect1_to_ect1_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(1) to ECT(1)." },
        Field { number: 125, name: "ect1_to_ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 126, name: "ect1_to_ect1_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 127, name: "ect1_to_ect1_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 128, name: "ect1_to_ect0_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(1) to ECT(0)." },
        Field { number: 129, name: "ect1_to_ect0_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 130, name: "ect1_to_ect0_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 131, name: "ect1_to_ect0_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 132, name: "ect1_to_ce_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(1) to CE." },
        Field { number: 133, name: "ect1_to_ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 134, name: "ect1_to_ce_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 135, name: "ect1_to_ce_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 136, name: "ect1_to_lost_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(1) to nothing: lost." },
        Field { number: 137, name: "ect1_to_lost_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 138, name: "ect1_to_lost_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 139, name: "ect1_to_lost_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 140, name: "ect0_to_not_ect_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(0) to Not-ECT." },
        Field { number: 141, name: "ect0_to_not_ect_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 142, name: "ect0_to_not_ect_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 143, name: "ect0_to_not_ect_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 144, name: "ect0_to_ect1_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(0) to ECT(1)." },
        Field { number: 145, name: "ect0_to_ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 146, name: "ect0_to_ect1_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 147, name: "ect0_to_ect1_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 148, name: "ect0_to_ect0_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(0) to ECT(0)." },
        Field { number: 149, name: "ect0_to_ect0_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 150, name: "ect0_to_ect0_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 151, name: "ect0_to_ect0_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 152, name: "ect0_to_ce_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(0) to CE." },
        Field { number: 153, name: "ect0_to_ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 154, name: "ect0_to_ce_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 155, name: "ect0_to_ce_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 156, name: "ect0_to_lost_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from ECT(0) to nothing: lost." },
        Field { number: 157, name: "ect0_to_lost_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 158, name: "ect0_to_lost_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 159, name: "ect0_to_lost_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 160, name: "ce_to_not_ect_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from CE to Not-ECT." },
        Field { number: 161, name: "ce_to_not_ect_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 162, name: "ce_to_not_ect_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 163, name: "ce_to_not_ect_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 164, name: "ce_to_ect1_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from CE to ECT(1)." },
        Field { number: 165, name: "ce_to_ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 166, name: "ce_to_ect1_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 167, name: "ce_to_ect1_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 168, name: "ce_to_ect0_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from CE to ECT(0)." },
        Field { number: 169, name: "ce_to_ect0_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 170, name: "ce_to_ect0_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 171, name: "ce_to_ect0_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 172, name: "ce_to_ce_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from CE to CE." },
        Field { number: 173, name: "ce_to_ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 174, name: "ce_to_ce_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 175, name: "ce_to_ce_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
        Field { number: 176, name: "ce_to_lost_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets from CE to nothing: lost." },
        Field { number: 177, name: "ce_to_lost_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "The same in IP bytes." },
        Field { number: 178, name: "ce_to_lost_packets_low", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At least so many." },
        Field { number: 179, name: "ce_to_lost_packets_high", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "At most so many." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.start_ns),
            1 => ValueRef::U64(self.interval_ns),
            2 => ValueRef::U64(self.flow),
            3 => ValueRef::U64(u64::from(self.direction)),
            4 => ValueRef::U64(u64::from(self.position)),
            5 => ValueRef::U64(self.from_op),
            6 => ValueRef::U64(self.to_op),
            7 => ValueRef::Str(&self.run),
            8 => ValueRef::U64(u64::from(self.ip_proto)),
            9 => ValueRef::Str(&self.method),
            10 => ValueRef::Str(&self.ecn_method),
            11 => ValueRef::Str(&self.owd_method),
            12 => ValueRef::Bytes(&self.to_parallel),
            13 => ValueRef::U64(u64::from(self.join_evidence_bits)),
            14 => ValueRef::U64(u64::from(self.order_evidence_bits)),
            15 => ValueRef::U64(u64::from(self.warning_bits)),
            16 => ValueRef::U64(self.sent_packets),
            17 => ValueRef::U64(self.received_packets),
            18 => ValueRef::U64(self.lost_packets),
            19 => ValueRef::U64(self.duplicated_packets),
            20 => ValueRef::U64(self.reordered_packets),
            21 => ValueRef::U64(self.unmatched_packets),
            22 => ValueRef::U64(self.sent_bytes),
            23 => ValueRef::U64(self.received_bytes),
            24 => ValueRef::U64(self.lost_bytes),
            25 => ValueRef::U64(self.duplicated_bytes),
            26 => ValueRef::U64(self.unmatched_bytes),
            27 => ValueRef::U64(self.lost_packets_low),
            28 => ValueRef::U64(self.lost_packets_high),
            29 => ValueRef::U64(self.matched_marks),
            30 => ValueRef::U64(self.owd_count),
            31 => ValueRef::I64(self.owd_ns_min),
            32 => ValueRef::I64(self.owd_ns_p50),
            33 => ValueRef::I64(self.owd_ns_p99),
            34 => ValueRef::U64(self.owd_ns_error),
            35 => ValueRef::I64(self.clock_offset_ns),
            36 => ValueRef::I64(self.clock_skew_ppb),
            37 => ValueRef::U64(self.queue_ns_p50),
            38 => ValueRef::U64(self.queue_ns_p99),
            39 => ValueRef::U64(self.queue_ns_max),
            40 => ValueRef::U64(self.ipdv_ns_p50),
            41 => ValueRef::U64(self.ipdv_ns_p99),
            42 => ValueRef::U64(self.round_trip_ns_min),
            43 => ValueRef::U64(self.round_trip_ns_p50),
            44 => ValueRef::Bytes(&self.queue_sketch),
            45 => ValueRef::U64(self.ae_cleared_packets),
            46 => ValueRef::U64(self.ae_set_packets),
            47 => ValueRef::U64(self.ece_cleared_packets),
            48 => ValueRef::U64(self.ece_set_packets),
            49 => ValueRef::U64(self.cwr_cleared_packets),
            50 => ValueRef::U64(self.cwr_set_packets),
            51 => ValueRef::U64(self.not_ect_to_not_ect_packets),
            52 => ValueRef::U64(self.not_ect_to_not_ect_bytes),
            53 => ValueRef::U64(self.not_ect_to_not_ect_packets_low),
            54 => ValueRef::U64(self.not_ect_to_not_ect_packets_high),
            55 => ValueRef::U64(self.not_ect_to_ect1_packets),
            56 => ValueRef::U64(self.not_ect_to_ect1_bytes),
            57 => ValueRef::U64(self.not_ect_to_ect1_packets_low),
            58 => ValueRef::U64(self.not_ect_to_ect1_packets_high),
            59 => ValueRef::U64(self.not_ect_to_ect0_packets),
            60 => ValueRef::U64(self.not_ect_to_ect0_bytes),
            61 => ValueRef::U64(self.not_ect_to_ect0_packets_low),
            62 => ValueRef::U64(self.not_ect_to_ect0_packets_high),
            63 => ValueRef::U64(self.not_ect_to_ce_packets),
            64 => ValueRef::U64(self.not_ect_to_ce_bytes),
            65 => ValueRef::U64(self.not_ect_to_ce_packets_low),
            66 => ValueRef::U64(self.not_ect_to_ce_packets_high),
            67 => ValueRef::U64(self.not_ect_to_lost_packets),
            68 => ValueRef::U64(self.not_ect_to_lost_bytes),
            69 => ValueRef::U64(self.not_ect_to_lost_packets_low),
            70 => ValueRef::U64(self.not_ect_to_lost_packets_high),
            71 => ValueRef::U64(self.ect1_to_not_ect_packets),
            72 => ValueRef::U64(self.ect1_to_not_ect_bytes),
            73 => ValueRef::U64(self.ect1_to_not_ect_packets_low),
            74 => ValueRef::U64(self.ect1_to_not_ect_packets_high),
            75 => ValueRef::U64(self.ect1_to_ect1_packets),
            76 => ValueRef::U64(self.ect1_to_ect1_bytes),
            77 => ValueRef::U64(self.ect1_to_ect1_packets_low),
            78 => ValueRef::U64(self.ect1_to_ect1_packets_high),
            79 => ValueRef::U64(self.ect1_to_ect0_packets),
            80 => ValueRef::U64(self.ect1_to_ect0_bytes),
            81 => ValueRef::U64(self.ect1_to_ect0_packets_low),
            82 => ValueRef::U64(self.ect1_to_ect0_packets_high),
            83 => ValueRef::U64(self.ect1_to_ce_packets),
            84 => ValueRef::U64(self.ect1_to_ce_bytes),
            85 => ValueRef::U64(self.ect1_to_ce_packets_low),
            86 => ValueRef::U64(self.ect1_to_ce_packets_high),
            87 => ValueRef::U64(self.ect1_to_lost_packets),
            88 => ValueRef::U64(self.ect1_to_lost_bytes),
            89 => ValueRef::U64(self.ect1_to_lost_packets_low),
            90 => ValueRef::U64(self.ect1_to_lost_packets_high),
            91 => ValueRef::U64(self.ect0_to_not_ect_packets),
            92 => ValueRef::U64(self.ect0_to_not_ect_bytes),
            93 => ValueRef::U64(self.ect0_to_not_ect_packets_low),
            94 => ValueRef::U64(self.ect0_to_not_ect_packets_high),
            95 => ValueRef::U64(self.ect0_to_ect1_packets),
            96 => ValueRef::U64(self.ect0_to_ect1_bytes),
            97 => ValueRef::U64(self.ect0_to_ect1_packets_low),
            98 => ValueRef::U64(self.ect0_to_ect1_packets_high),
            99 => ValueRef::U64(self.ect0_to_ect0_packets),
            100 => ValueRef::U64(self.ect0_to_ect0_bytes),
            101 => ValueRef::U64(self.ect0_to_ect0_packets_low),
            102 => ValueRef::U64(self.ect0_to_ect0_packets_high),
            103 => ValueRef::U64(self.ect0_to_ce_packets),
            104 => ValueRef::U64(self.ect0_to_ce_bytes),
            105 => ValueRef::U64(self.ect0_to_ce_packets_low),
            106 => ValueRef::U64(self.ect0_to_ce_packets_high),
            107 => ValueRef::U64(self.ect0_to_lost_packets),
            108 => ValueRef::U64(self.ect0_to_lost_bytes),
            109 => ValueRef::U64(self.ect0_to_lost_packets_low),
            110 => ValueRef::U64(self.ect0_to_lost_packets_high),
            111 => ValueRef::U64(self.ce_to_not_ect_packets),
            112 => ValueRef::U64(self.ce_to_not_ect_bytes),
            113 => ValueRef::U64(self.ce_to_not_ect_packets_low),
            114 => ValueRef::U64(self.ce_to_not_ect_packets_high),
            115 => ValueRef::U64(self.ce_to_ect1_packets),
            116 => ValueRef::U64(self.ce_to_ect1_bytes),
            117 => ValueRef::U64(self.ce_to_ect1_packets_low),
            118 => ValueRef::U64(self.ce_to_ect1_packets_high),
            119 => ValueRef::U64(self.ce_to_ect0_packets),
            120 => ValueRef::U64(self.ce_to_ect0_bytes),
            121 => ValueRef::U64(self.ce_to_ect0_packets_low),
            122 => ValueRef::U64(self.ce_to_ect0_packets_high),
            123 => ValueRef::U64(self.ce_to_ce_packets),
            124 => ValueRef::U64(self.ce_to_ce_bytes),
            125 => ValueRef::U64(self.ce_to_ce_packets_low),
            126 => ValueRef::U64(self.ce_to_ce_packets_high),
            127 => ValueRef::U64(self.ce_to_lost_packets),
            128 => ValueRef::U64(self.ce_to_lost_bytes),
            129 => ValueRef::U64(self.ce_to_lost_packets_low),
            130 => ValueRef::U64(self.ce_to_lost_packets_high),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.start_ns != 0 {
            each(0, ValueRef::U64(self.start_ns));
        }
        if self.interval_ns != 0 {
            each(1, ValueRef::U64(self.interval_ns));
        }
        if self.flow != 0 {
            each(2, ValueRef::U64(self.flow));
        }
        if self.direction != 0 {
            each(3, ValueRef::U64(u64::from(self.direction)));
        }
        if self.position != 0 {
            each(4, ValueRef::U64(u64::from(self.position)));
        }
        if self.from_op != 0 {
            each(5, ValueRef::U64(self.from_op));
        }
        if self.to_op != 0 {
            each(6, ValueRef::U64(self.to_op));
        }
        if !self.run.is_empty() {
            each(7, ValueRef::Str(&self.run));
        }
        if self.ip_proto != 0 {
            each(8, ValueRef::U64(u64::from(self.ip_proto)));
        }
        if !self.method.is_empty() {
            each(9, ValueRef::Str(&self.method));
        }
        if !self.ecn_method.is_empty() {
            each(10, ValueRef::Str(&self.ecn_method));
        }
        if !self.owd_method.is_empty() {
            each(11, ValueRef::Str(&self.owd_method));
        }
        if !self.to_parallel.is_empty() {
            each(12, ValueRef::Bytes(&self.to_parallel));
        }
        if self.join_evidence_bits != 0 {
            each(13, ValueRef::U64(u64::from(self.join_evidence_bits)));
        }
        if self.order_evidence_bits != 0 {
            each(14, ValueRef::U64(u64::from(self.order_evidence_bits)));
        }
        if self.warning_bits != 0 {
            each(15, ValueRef::U64(u64::from(self.warning_bits)));
        }
        if self.sent_packets != 0 {
            each(16, ValueRef::U64(self.sent_packets));
        }
        if self.received_packets != 0 {
            each(17, ValueRef::U64(self.received_packets));
        }
        if self.lost_packets != 0 {
            each(18, ValueRef::U64(self.lost_packets));
        }
        if self.duplicated_packets != 0 {
            each(19, ValueRef::U64(self.duplicated_packets));
        }
        if self.reordered_packets != 0 {
            each(20, ValueRef::U64(self.reordered_packets));
        }
        if self.unmatched_packets != 0 {
            each(21, ValueRef::U64(self.unmatched_packets));
        }
        if self.sent_bytes != 0 {
            each(22, ValueRef::U64(self.sent_bytes));
        }
        if self.received_bytes != 0 {
            each(23, ValueRef::U64(self.received_bytes));
        }
        if self.lost_bytes != 0 {
            each(24, ValueRef::U64(self.lost_bytes));
        }
        if self.duplicated_bytes != 0 {
            each(25, ValueRef::U64(self.duplicated_bytes));
        }
        if self.unmatched_bytes != 0 {
            each(26, ValueRef::U64(self.unmatched_bytes));
        }
        if self.lost_packets_low != 0 {
            each(27, ValueRef::U64(self.lost_packets_low));
        }
        if self.lost_packets_high != 0 {
            each(28, ValueRef::U64(self.lost_packets_high));
        }
        if self.matched_marks != 0 {
            each(29, ValueRef::U64(self.matched_marks));
        }
        if self.owd_count != 0 {
            each(30, ValueRef::U64(self.owd_count));
        }
        if self.owd_ns_min != 0 {
            each(31, ValueRef::I64(self.owd_ns_min));
        }
        if self.owd_ns_p50 != 0 {
            each(32, ValueRef::I64(self.owd_ns_p50));
        }
        if self.owd_ns_p99 != 0 {
            each(33, ValueRef::I64(self.owd_ns_p99));
        }
        if self.owd_ns_error != 0 {
            each(34, ValueRef::U64(self.owd_ns_error));
        }
        if self.clock_offset_ns != 0 {
            each(35, ValueRef::I64(self.clock_offset_ns));
        }
        if self.clock_skew_ppb != 0 {
            each(36, ValueRef::I64(self.clock_skew_ppb));
        }
        if self.queue_ns_p50 != 0 {
            each(37, ValueRef::U64(self.queue_ns_p50));
        }
        if self.queue_ns_p99 != 0 {
            each(38, ValueRef::U64(self.queue_ns_p99));
        }
        if self.queue_ns_max != 0 {
            each(39, ValueRef::U64(self.queue_ns_max));
        }
        if self.ipdv_ns_p50 != 0 {
            each(40, ValueRef::U64(self.ipdv_ns_p50));
        }
        if self.ipdv_ns_p99 != 0 {
            each(41, ValueRef::U64(self.ipdv_ns_p99));
        }
        if self.round_trip_ns_min != 0 {
            each(42, ValueRef::U64(self.round_trip_ns_min));
        }
        if self.round_trip_ns_p50 != 0 {
            each(43, ValueRef::U64(self.round_trip_ns_p50));
        }
        if !self.queue_sketch.is_empty() {
            each(44, ValueRef::Bytes(&self.queue_sketch));
        }
        if self.ae_cleared_packets != 0 {
            each(45, ValueRef::U64(self.ae_cleared_packets));
        }
        if self.ae_set_packets != 0 {
            each(46, ValueRef::U64(self.ae_set_packets));
        }
        if self.ece_cleared_packets != 0 {
            each(47, ValueRef::U64(self.ece_cleared_packets));
        }
        if self.ece_set_packets != 0 {
            each(48, ValueRef::U64(self.ece_set_packets));
        }
        if self.cwr_cleared_packets != 0 {
            each(49, ValueRef::U64(self.cwr_cleared_packets));
        }
        if self.cwr_set_packets != 0 {
            each(50, ValueRef::U64(self.cwr_set_packets));
        }
        if self.not_ect_to_not_ect_packets != 0 {
            each(51, ValueRef::U64(self.not_ect_to_not_ect_packets));
        }
        if self.not_ect_to_not_ect_bytes != 0 {
            each(52, ValueRef::U64(self.not_ect_to_not_ect_bytes));
        }
        if self.not_ect_to_not_ect_packets_low != 0 {
            each(53, ValueRef::U64(self.not_ect_to_not_ect_packets_low));
        }
        if self.not_ect_to_not_ect_packets_high != 0 {
            each(54, ValueRef::U64(self.not_ect_to_not_ect_packets_high));
        }
        if self.not_ect_to_ect1_packets != 0 {
            each(55, ValueRef::U64(self.not_ect_to_ect1_packets));
        }
        if self.not_ect_to_ect1_bytes != 0 {
            each(56, ValueRef::U64(self.not_ect_to_ect1_bytes));
        }
        if self.not_ect_to_ect1_packets_low != 0 {
            each(57, ValueRef::U64(self.not_ect_to_ect1_packets_low));
        }
        if self.not_ect_to_ect1_packets_high != 0 {
            each(58, ValueRef::U64(self.not_ect_to_ect1_packets_high));
        }
        if self.not_ect_to_ect0_packets != 0 {
            each(59, ValueRef::U64(self.not_ect_to_ect0_packets));
        }
        if self.not_ect_to_ect0_bytes != 0 {
            each(60, ValueRef::U64(self.not_ect_to_ect0_bytes));
        }
        if self.not_ect_to_ect0_packets_low != 0 {
            each(61, ValueRef::U64(self.not_ect_to_ect0_packets_low));
        }
        if self.not_ect_to_ect0_packets_high != 0 {
            each(62, ValueRef::U64(self.not_ect_to_ect0_packets_high));
        }
        if self.not_ect_to_ce_packets != 0 {
            each(63, ValueRef::U64(self.not_ect_to_ce_packets));
        }
        if self.not_ect_to_ce_bytes != 0 {
            each(64, ValueRef::U64(self.not_ect_to_ce_bytes));
        }
        if self.not_ect_to_ce_packets_low != 0 {
            each(65, ValueRef::U64(self.not_ect_to_ce_packets_low));
        }
        if self.not_ect_to_ce_packets_high != 0 {
            each(66, ValueRef::U64(self.not_ect_to_ce_packets_high));
        }
        if self.not_ect_to_lost_packets != 0 {
            each(67, ValueRef::U64(self.not_ect_to_lost_packets));
        }
        if self.not_ect_to_lost_bytes != 0 {
            each(68, ValueRef::U64(self.not_ect_to_lost_bytes));
        }
        if self.not_ect_to_lost_packets_low != 0 {
            each(69, ValueRef::U64(self.not_ect_to_lost_packets_low));
        }
        if self.not_ect_to_lost_packets_high != 0 {
            each(70, ValueRef::U64(self.not_ect_to_lost_packets_high));
        }
        if self.ect1_to_not_ect_packets != 0 {
            each(71, ValueRef::U64(self.ect1_to_not_ect_packets));
        }
        if self.ect1_to_not_ect_bytes != 0 {
            each(72, ValueRef::U64(self.ect1_to_not_ect_bytes));
        }
        if self.ect1_to_not_ect_packets_low != 0 {
            each(73, ValueRef::U64(self.ect1_to_not_ect_packets_low));
        }
        if self.ect1_to_not_ect_packets_high != 0 {
            each(74, ValueRef::U64(self.ect1_to_not_ect_packets_high));
        }
        if self.ect1_to_ect1_packets != 0 {
            each(75, ValueRef::U64(self.ect1_to_ect1_packets));
        }
        if self.ect1_to_ect1_bytes != 0 {
            each(76, ValueRef::U64(self.ect1_to_ect1_bytes));
        }
        if self.ect1_to_ect1_packets_low != 0 {
            each(77, ValueRef::U64(self.ect1_to_ect1_packets_low));
        }
        if self.ect1_to_ect1_packets_high != 0 {
            each(78, ValueRef::U64(self.ect1_to_ect1_packets_high));
        }
        if self.ect1_to_ect0_packets != 0 {
            each(79, ValueRef::U64(self.ect1_to_ect0_packets));
        }
        if self.ect1_to_ect0_bytes != 0 {
            each(80, ValueRef::U64(self.ect1_to_ect0_bytes));
        }
        if self.ect1_to_ect0_packets_low != 0 {
            each(81, ValueRef::U64(self.ect1_to_ect0_packets_low));
        }
        if self.ect1_to_ect0_packets_high != 0 {
            each(82, ValueRef::U64(self.ect1_to_ect0_packets_high));
        }
        if self.ect1_to_ce_packets != 0 {
            each(83, ValueRef::U64(self.ect1_to_ce_packets));
        }
        if self.ect1_to_ce_bytes != 0 {
            each(84, ValueRef::U64(self.ect1_to_ce_bytes));
        }
        if self.ect1_to_ce_packets_low != 0 {
            each(85, ValueRef::U64(self.ect1_to_ce_packets_low));
        }
        if self.ect1_to_ce_packets_high != 0 {
            each(86, ValueRef::U64(self.ect1_to_ce_packets_high));
        }
        if self.ect1_to_lost_packets != 0 {
            each(87, ValueRef::U64(self.ect1_to_lost_packets));
        }
        if self.ect1_to_lost_bytes != 0 {
            each(88, ValueRef::U64(self.ect1_to_lost_bytes));
        }
        if self.ect1_to_lost_packets_low != 0 {
            each(89, ValueRef::U64(self.ect1_to_lost_packets_low));
        }
        if self.ect1_to_lost_packets_high != 0 {
            each(90, ValueRef::U64(self.ect1_to_lost_packets_high));
        }
        if self.ect0_to_not_ect_packets != 0 {
            each(91, ValueRef::U64(self.ect0_to_not_ect_packets));
        }
        if self.ect0_to_not_ect_bytes != 0 {
            each(92, ValueRef::U64(self.ect0_to_not_ect_bytes));
        }
        if self.ect0_to_not_ect_packets_low != 0 {
            each(93, ValueRef::U64(self.ect0_to_not_ect_packets_low));
        }
        if self.ect0_to_not_ect_packets_high != 0 {
            each(94, ValueRef::U64(self.ect0_to_not_ect_packets_high));
        }
        if self.ect0_to_ect1_packets != 0 {
            each(95, ValueRef::U64(self.ect0_to_ect1_packets));
        }
        if self.ect0_to_ect1_bytes != 0 {
            each(96, ValueRef::U64(self.ect0_to_ect1_bytes));
        }
        if self.ect0_to_ect1_packets_low != 0 {
            each(97, ValueRef::U64(self.ect0_to_ect1_packets_low));
        }
        if self.ect0_to_ect1_packets_high != 0 {
            each(98, ValueRef::U64(self.ect0_to_ect1_packets_high));
        }
        if self.ect0_to_ect0_packets != 0 {
            each(99, ValueRef::U64(self.ect0_to_ect0_packets));
        }
        if self.ect0_to_ect0_bytes != 0 {
            each(100, ValueRef::U64(self.ect0_to_ect0_bytes));
        }
        if self.ect0_to_ect0_packets_low != 0 {
            each(101, ValueRef::U64(self.ect0_to_ect0_packets_low));
        }
        if self.ect0_to_ect0_packets_high != 0 {
            each(102, ValueRef::U64(self.ect0_to_ect0_packets_high));
        }
        if self.ect0_to_ce_packets != 0 {
            each(103, ValueRef::U64(self.ect0_to_ce_packets));
        }
        if self.ect0_to_ce_bytes != 0 {
            each(104, ValueRef::U64(self.ect0_to_ce_bytes));
        }
        if self.ect0_to_ce_packets_low != 0 {
            each(105, ValueRef::U64(self.ect0_to_ce_packets_low));
        }
        if self.ect0_to_ce_packets_high != 0 {
            each(106, ValueRef::U64(self.ect0_to_ce_packets_high));
        }
        if self.ect0_to_lost_packets != 0 {
            each(107, ValueRef::U64(self.ect0_to_lost_packets));
        }
        if self.ect0_to_lost_bytes != 0 {
            each(108, ValueRef::U64(self.ect0_to_lost_bytes));
        }
        if self.ect0_to_lost_packets_low != 0 {
            each(109, ValueRef::U64(self.ect0_to_lost_packets_low));
        }
        if self.ect0_to_lost_packets_high != 0 {
            each(110, ValueRef::U64(self.ect0_to_lost_packets_high));
        }
        if self.ce_to_not_ect_packets != 0 {
            each(111, ValueRef::U64(self.ce_to_not_ect_packets));
        }
        if self.ce_to_not_ect_bytes != 0 {
            each(112, ValueRef::U64(self.ce_to_not_ect_bytes));
        }
        if self.ce_to_not_ect_packets_low != 0 {
            each(113, ValueRef::U64(self.ce_to_not_ect_packets_low));
        }
        if self.ce_to_not_ect_packets_high != 0 {
            each(114, ValueRef::U64(self.ce_to_not_ect_packets_high));
        }
        if self.ce_to_ect1_packets != 0 {
            each(115, ValueRef::U64(self.ce_to_ect1_packets));
        }
        if self.ce_to_ect1_bytes != 0 {
            each(116, ValueRef::U64(self.ce_to_ect1_bytes));
        }
        if self.ce_to_ect1_packets_low != 0 {
            each(117, ValueRef::U64(self.ce_to_ect1_packets_low));
        }
        if self.ce_to_ect1_packets_high != 0 {
            each(118, ValueRef::U64(self.ce_to_ect1_packets_high));
        }
        if self.ce_to_ect0_packets != 0 {
            each(119, ValueRef::U64(self.ce_to_ect0_packets));
        }
        if self.ce_to_ect0_bytes != 0 {
            each(120, ValueRef::U64(self.ce_to_ect0_bytes));
        }
        if self.ce_to_ect0_packets_low != 0 {
            each(121, ValueRef::U64(self.ce_to_ect0_packets_low));
        }
        if self.ce_to_ect0_packets_high != 0 {
            each(122, ValueRef::U64(self.ce_to_ect0_packets_high));
        }
        if self.ce_to_ce_packets != 0 {
            each(123, ValueRef::U64(self.ce_to_ce_packets));
        }
        if self.ce_to_ce_bytes != 0 {
            each(124, ValueRef::U64(self.ce_to_ce_bytes));
        }
        if self.ce_to_ce_packets_low != 0 {
            each(125, ValueRef::U64(self.ce_to_ce_packets_low));
        }
        if self.ce_to_ce_packets_high != 0 {
            each(126, ValueRef::U64(self.ce_to_ce_packets_high));
        }
        if self.ce_to_lost_packets != 0 {
            each(127, ValueRef::U64(self.ce_to_lost_packets));
        }
        if self.ce_to_lost_bytes != 0 {
            each(128, ValueRef::U64(self.ce_to_lost_bytes));
        }
        if self.ce_to_lost_packets_low != 0 {
            each(129, ValueRef::U64(self.ce_to_lost_packets_low));
        }
        if self.ce_to_lost_packets_high != 0 {
            each(130, ValueRef::U64(self.ce_to_lost_packets_high));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.start_ns = value.u64(),
            1 => self.interval_ns = value.u64(),
            2 => self.flow = value.u64(),
            3 => self.direction = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            4 => self.position = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            5 => self.from_op = value.u64(),
            6 => self.to_op = value.u64(),
            7 => self.run = value.str().to_owned(),
            8 => self.ip_proto = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            9 => self.method = value.str().to_owned(),
            10 => self.ecn_method = value.str().to_owned(),
            11 => self.owd_method = value.str().to_owned(),
            12 => self.to_parallel = value.bytes().to_vec(),
            13 => self.join_evidence_bits = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            14 => self.order_evidence_bits = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            15 => self.warning_bits = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            16 => self.sent_packets = value.u64(),
            17 => self.received_packets = value.u64(),
            18 => self.lost_packets = value.u64(),
            19 => self.duplicated_packets = value.u64(),
            20 => self.reordered_packets = value.u64(),
            21 => self.unmatched_packets = value.u64(),
            22 => self.sent_bytes = value.u64(),
            23 => self.received_bytes = value.u64(),
            24 => self.lost_bytes = value.u64(),
            25 => self.duplicated_bytes = value.u64(),
            26 => self.unmatched_bytes = value.u64(),
            27 => self.lost_packets_low = value.u64(),
            28 => self.lost_packets_high = value.u64(),
            29 => self.matched_marks = value.u64(),
            30 => self.owd_count = value.u64(),
            31 => self.owd_ns_min = value.i64(),
            32 => self.owd_ns_p50 = value.i64(),
            33 => self.owd_ns_p99 = value.i64(),
            34 => self.owd_ns_error = value.u64(),
            35 => self.clock_offset_ns = value.i64(),
            36 => self.clock_skew_ppb = value.i64(),
            37 => self.queue_ns_p50 = value.u64(),
            38 => self.queue_ns_p99 = value.u64(),
            39 => self.queue_ns_max = value.u64(),
            40 => self.ipdv_ns_p50 = value.u64(),
            41 => self.ipdv_ns_p99 = value.u64(),
            42 => self.round_trip_ns_min = value.u64(),
            43 => self.round_trip_ns_p50 = value.u64(),
            44 => self.queue_sketch = value.bytes().to_vec(),
            45 => self.ae_cleared_packets = value.u64(),
            46 => self.ae_set_packets = value.u64(),
            47 => self.ece_cleared_packets = value.u64(),
            48 => self.ece_set_packets = value.u64(),
            49 => self.cwr_cleared_packets = value.u64(),
            50 => self.cwr_set_packets = value.u64(),
            51 => self.not_ect_to_not_ect_packets = value.u64(),
            52 => self.not_ect_to_not_ect_bytes = value.u64(),
            53 => self.not_ect_to_not_ect_packets_low = value.u64(),
            54 => self.not_ect_to_not_ect_packets_high = value.u64(),
            55 => self.not_ect_to_ect1_packets = value.u64(),
            56 => self.not_ect_to_ect1_bytes = value.u64(),
            57 => self.not_ect_to_ect1_packets_low = value.u64(),
            58 => self.not_ect_to_ect1_packets_high = value.u64(),
            59 => self.not_ect_to_ect0_packets = value.u64(),
            60 => self.not_ect_to_ect0_bytes = value.u64(),
            61 => self.not_ect_to_ect0_packets_low = value.u64(),
            62 => self.not_ect_to_ect0_packets_high = value.u64(),
            63 => self.not_ect_to_ce_packets = value.u64(),
            64 => self.not_ect_to_ce_bytes = value.u64(),
            65 => self.not_ect_to_ce_packets_low = value.u64(),
            66 => self.not_ect_to_ce_packets_high = value.u64(),
            67 => self.not_ect_to_lost_packets = value.u64(),
            68 => self.not_ect_to_lost_bytes = value.u64(),
            69 => self.not_ect_to_lost_packets_low = value.u64(),
            70 => self.not_ect_to_lost_packets_high = value.u64(),
            71 => self.ect1_to_not_ect_packets = value.u64(),
            72 => self.ect1_to_not_ect_bytes = value.u64(),
            73 => self.ect1_to_not_ect_packets_low = value.u64(),
            74 => self.ect1_to_not_ect_packets_high = value.u64(),
            75 => self.ect1_to_ect1_packets = value.u64(),
            76 => self.ect1_to_ect1_bytes = value.u64(),
            77 => self.ect1_to_ect1_packets_low = value.u64(),
            78 => self.ect1_to_ect1_packets_high = value.u64(),
            79 => self.ect1_to_ect0_packets = value.u64(),
            80 => self.ect1_to_ect0_bytes = value.u64(),
            81 => self.ect1_to_ect0_packets_low = value.u64(),
            82 => self.ect1_to_ect0_packets_high = value.u64(),
            83 => self.ect1_to_ce_packets = value.u64(),
            84 => self.ect1_to_ce_bytes = value.u64(),
            85 => self.ect1_to_ce_packets_low = value.u64(),
            86 => self.ect1_to_ce_packets_high = value.u64(),
            87 => self.ect1_to_lost_packets = value.u64(),
            88 => self.ect1_to_lost_bytes = value.u64(),
            89 => self.ect1_to_lost_packets_low = value.u64(),
            90 => self.ect1_to_lost_packets_high = value.u64(),
            91 => self.ect0_to_not_ect_packets = value.u64(),
            92 => self.ect0_to_not_ect_bytes = value.u64(),
            93 => self.ect0_to_not_ect_packets_low = value.u64(),
            94 => self.ect0_to_not_ect_packets_high = value.u64(),
            95 => self.ect0_to_ect1_packets = value.u64(),
            96 => self.ect0_to_ect1_bytes = value.u64(),
            97 => self.ect0_to_ect1_packets_low = value.u64(),
            98 => self.ect0_to_ect1_packets_high = value.u64(),
            99 => self.ect0_to_ect0_packets = value.u64(),
            100 => self.ect0_to_ect0_bytes = value.u64(),
            101 => self.ect0_to_ect0_packets_low = value.u64(),
            102 => self.ect0_to_ect0_packets_high = value.u64(),
            103 => self.ect0_to_ce_packets = value.u64(),
            104 => self.ect0_to_ce_bytes = value.u64(),
            105 => self.ect0_to_ce_packets_low = value.u64(),
            106 => self.ect0_to_ce_packets_high = value.u64(),
            107 => self.ect0_to_lost_packets = value.u64(),
            108 => self.ect0_to_lost_bytes = value.u64(),
            109 => self.ect0_to_lost_packets_low = value.u64(),
            110 => self.ect0_to_lost_packets_high = value.u64(),
            111 => self.ce_to_not_ect_packets = value.u64(),
            112 => self.ce_to_not_ect_bytes = value.u64(),
            113 => self.ce_to_not_ect_packets_low = value.u64(),
            114 => self.ce_to_not_ect_packets_high = value.u64(),
            115 => self.ce_to_ect1_packets = value.u64(),
            116 => self.ce_to_ect1_bytes = value.u64(),
            117 => self.ce_to_ect1_packets_low = value.u64(),
            118 => self.ce_to_ect1_packets_high = value.u64(),
            119 => self.ce_to_ect0_packets = value.u64(),
            120 => self.ce_to_ect0_bytes = value.u64(),
            121 => self.ce_to_ect0_packets_low = value.u64(),
            122 => self.ce_to_ect0_packets_high = value.u64(),
            123 => self.ce_to_ce_packets = value.u64(),
            124 => self.ce_to_ce_bytes = value.u64(),
            125 => self.ce_to_ce_packets_low = value.u64(),
            126 => self.ce_to_ce_packets_high = value.u64(),
            127 => self.ce_to_lost_packets = value.u64(),
            128 => self.ce_to_lost_bytes = value.u64(),
            129 => self.ce_to_lost_packets_low = value.u64(),
            130 => self.ce_to_lost_packets_high = value.u64(),
            _ => {}
        }
    }
}
impl Record for Feedback {
    const TABLE: &'static str = "feedback";
    const FIELDS: &'static [Field] = &[
        Field { number: 1, name: "start_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Start of the window, ns since the epoch; 0: everything known of the flow." },
        Field { number: 2, name: "interval_ns", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Length of the window, ns; 0: everything known of the flow." },
        Field { number: 3, name: "flow", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Joined flow." },
        Field { number: 4, name: "direction", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Direction of the data: 0 = up, 1 = down." },
        Field { number: 5, name: "run", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Experiment label." },
        Field { number: 6, name: "ip_proto", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "IP protocol number." },
        Field { number: 7, name: "kind", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "sce, classic, dctcp, accecn, sctp or none." },
        Field { number: 8, name: "unit", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "What a signal is: bytes, packets, episodes." },
        Field { number: 9, name: "receiver_op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point nearest to the receiver." },
        Field { number: 10, name: "sender_op", kind: Kind::U64, merge: Merge::Key, count: "", unit: "", help: "Observation point nearest to the sender; the same where there is only one." },
        Field { number: 11, name: "verdict", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "Short code (sce_proto::bits::verdict)." },
        Field { number: 12, name: "text", kind: Kind::Str, merge: Merge::Key, count: "", unit: "", help: "The verdict in words with the numbers behind it." },
        Field { number: 13, name: "warning_bits", kind: Kind::U64, merge: Merge::Or, count: "", unit: "bit set", help: "What to beware of (sce_proto::bits::path_warning): bit set." },
        Field { number: 20, name: "received_signals", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Signals the receiver got." },
        Field { number: 21, name: "said_signals", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Signals the receiver reported." },
        Field { number: 22, name: "heard_signals", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Signals that reached the sender." },
        Field { number: 23, name: "receiver_error_ppm", kind: Kind::I64, merge: Merge::Key, count: "", unit: "ppm", help: "(said - received) / received, parts per million." },
        Field { number: 24, name: "return_error_ppm", kind: Kind::I64, merge: Merge::Key, count: "", unit: "ppm", help: "(heard - said) / said, parts per million." },
        Field { number: 25, name: "data_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Data packets the receiver got." },
        Field { number: 26, name: "data_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Their payload." },
        Field { number: 27, name: "ce_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets the receiver got with CE." },
        Field { number: 28, name: "ce_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Their payload." },
        Field { number: 29, name: "ect1_packets", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Packets the receiver got with ECT(1)." },
        Field { number: 30, name: "ect1_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Their payload." },
        Field { number: 31, name: "said_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Acknowledgements with the signal that left the receiver." },
        Field { number: 32, name: "heard_acks", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "packets", help: "Acknowledgements with the signal that reached the sender." },
        Field { number: 33, name: "said_acked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes acknowledged by those that left the receiver." },
        Field { number: 34, name: "heard_acked_bytes", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "bytes", help: "Bytes acknowledged by those that reached the sender." },
        Field { number: 35, name: "acks_lost", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Packets of the return direction lost between the two points." },
        Field { number: 36, name: "acks_stripped", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Packets of the return direction whose ECN flags changed between the two points." },
        Field { number: 40, name: "lag_count", kind: Kind::U64, merge: Merge::Sum, count: "", unit: "", help: "Signals whose echo was timed." },
        Field { number: 41, name: "lag_ns_min", kind: Kind::U64, merge: Merge::Min, count: "lag_count", unit: "ns", help: "Smallest time from signal to echo at the receiver, ns." },
        Field { number: 42, name: "lag_ns_p50", kind: Kind::U64, merge: Merge::Key, count: "", unit: "ns", help: "Median of it, ns." },
        Field { number: 43, name: "lag_ns_max", kind: Kind::U64, merge: Merge::Max, count: "", unit: "ns", help: "Largest of it, ns." },
    ];
    fn get(&self, field: usize) -> ValueRef<'_> {
        match field {
            0 => ValueRef::U64(self.start_ns),
            1 => ValueRef::U64(self.interval_ns),
            2 => ValueRef::U64(self.flow),
            3 => ValueRef::U64(u64::from(self.direction)),
            4 => ValueRef::Str(&self.run),
            5 => ValueRef::U64(u64::from(self.ip_proto)),
            6 => ValueRef::Str(&self.kind),
            7 => ValueRef::Str(&self.unit),
            8 => ValueRef::U64(self.receiver_op),
            9 => ValueRef::U64(self.sender_op),
            10 => ValueRef::Str(&self.verdict),
            11 => ValueRef::Str(&self.text),
            12 => ValueRef::U64(u64::from(self.warning_bits)),
            13 => ValueRef::U64(self.received_signals),
            14 => ValueRef::U64(self.said_signals),
            15 => ValueRef::U64(self.heard_signals),
            16 => ValueRef::I64(self.receiver_error_ppm),
            17 => ValueRef::I64(self.return_error_ppm),
            18 => ValueRef::U64(self.data_packets),
            19 => ValueRef::U64(self.data_bytes),
            20 => ValueRef::U64(self.ce_packets),
            21 => ValueRef::U64(self.ce_bytes),
            22 => ValueRef::U64(self.ect1_packets),
            23 => ValueRef::U64(self.ect1_bytes),
            24 => ValueRef::U64(self.said_acks),
            25 => ValueRef::U64(self.heard_acks),
            26 => ValueRef::U64(self.said_acked_bytes),
            27 => ValueRef::U64(self.heard_acked_bytes),
            28 => ValueRef::U64(self.acks_lost),
            29 => ValueRef::U64(self.acks_stripped),
            30 => ValueRef::U64(self.lag_count),
            31 => ValueRef::U64(self.lag_ns_min),
            32 => ValueRef::U64(self.lag_ns_p50),
            33 => ValueRef::U64(self.lag_ns_max),
            _ => ValueRef::U64(0),
        }
    }
    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {
        if self.start_ns != 0 {
            each(0, ValueRef::U64(self.start_ns));
        }
        if self.interval_ns != 0 {
            each(1, ValueRef::U64(self.interval_ns));
        }
        if self.flow != 0 {
            each(2, ValueRef::U64(self.flow));
        }
        if self.direction != 0 {
            each(3, ValueRef::U64(u64::from(self.direction)));
        }
        if !self.run.is_empty() {
            each(4, ValueRef::Str(&self.run));
        }
        if self.ip_proto != 0 {
            each(5, ValueRef::U64(u64::from(self.ip_proto)));
        }
        if !self.kind.is_empty() {
            each(6, ValueRef::Str(&self.kind));
        }
        if !self.unit.is_empty() {
            each(7, ValueRef::Str(&self.unit));
        }
        if self.receiver_op != 0 {
            each(8, ValueRef::U64(self.receiver_op));
        }
        if self.sender_op != 0 {
            each(9, ValueRef::U64(self.sender_op));
        }
        if !self.verdict.is_empty() {
            each(10, ValueRef::Str(&self.verdict));
        }
        if !self.text.is_empty() {
            each(11, ValueRef::Str(&self.text));
        }
        if self.warning_bits != 0 {
            each(12, ValueRef::U64(u64::from(self.warning_bits)));
        }
        if self.received_signals != 0 {
            each(13, ValueRef::U64(self.received_signals));
        }
        if self.said_signals != 0 {
            each(14, ValueRef::U64(self.said_signals));
        }
        if self.heard_signals != 0 {
            each(15, ValueRef::U64(self.heard_signals));
        }
        if self.receiver_error_ppm != 0 {
            each(16, ValueRef::I64(self.receiver_error_ppm));
        }
        if self.return_error_ppm != 0 {
            each(17, ValueRef::I64(self.return_error_ppm));
        }
        if self.data_packets != 0 {
            each(18, ValueRef::U64(self.data_packets));
        }
        if self.data_bytes != 0 {
            each(19, ValueRef::U64(self.data_bytes));
        }
        if self.ce_packets != 0 {
            each(20, ValueRef::U64(self.ce_packets));
        }
        if self.ce_bytes != 0 {
            each(21, ValueRef::U64(self.ce_bytes));
        }
        if self.ect1_packets != 0 {
            each(22, ValueRef::U64(self.ect1_packets));
        }
        if self.ect1_bytes != 0 {
            each(23, ValueRef::U64(self.ect1_bytes));
        }
        if self.said_acks != 0 {
            each(24, ValueRef::U64(self.said_acks));
        }
        if self.heard_acks != 0 {
            each(25, ValueRef::U64(self.heard_acks));
        }
        if self.said_acked_bytes != 0 {
            each(26, ValueRef::U64(self.said_acked_bytes));
        }
        if self.heard_acked_bytes != 0 {
            each(27, ValueRef::U64(self.heard_acked_bytes));
        }
        if self.acks_lost != 0 {
            each(28, ValueRef::U64(self.acks_lost));
        }
        if self.acks_stripped != 0 {
            each(29, ValueRef::U64(self.acks_stripped));
        }
        if self.lag_count != 0 {
            each(30, ValueRef::U64(self.lag_count));
        }
        if self.lag_ns_min != 0 {
            each(31, ValueRef::U64(self.lag_ns_min));
        }
        if self.lag_ns_p50 != 0 {
            each(32, ValueRef::U64(self.lag_ns_p50));
        }
        if self.lag_ns_max != 0 {
            each(33, ValueRef::U64(self.lag_ns_max));
        }
    }
    fn set(&mut self, field: usize, value: ValueRef<'_>) {
        match field {
            0 => self.start_ns = value.u64(),
            1 => self.interval_ns = value.u64(),
            2 => self.flow = value.u64(),
            3 => self.direction = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            4 => self.run = value.str().to_owned(),
            5 => self.ip_proto = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            6 => self.kind = value.str().to_owned(),
            7 => self.unit = value.str().to_owned(),
            8 => self.receiver_op = value.u64(),
            9 => self.sender_op = value.u64(),
            10 => self.verdict = value.str().to_owned(),
            11 => self.text = value.str().to_owned(),
            12 => self.warning_bits = u32::try_from(value.u64()).unwrap_or(u32::MAX),
            13 => self.received_signals = value.u64(),
            14 => self.said_signals = value.u64(),
            15 => self.heard_signals = value.u64(),
            16 => self.receiver_error_ppm = value.i64(),
            17 => self.return_error_ppm = value.i64(),
            18 => self.data_packets = value.u64(),
            19 => self.data_bytes = value.u64(),
            20 => self.ce_packets = value.u64(),
            21 => self.ce_bytes = value.u64(),
            22 => self.ect1_packets = value.u64(),
            23 => self.ect1_bytes = value.u64(),
            24 => self.said_acks = value.u64(),
            25 => self.heard_acks = value.u64(),
            26 => self.said_acked_bytes = value.u64(),
            27 => self.heard_acked_bytes = value.u64(),
            28 => self.acks_lost = value.u64(),
            29 => self.acks_stripped = value.u64(),
            30 => self.lag_count = value.u64(),
            31 => self.lag_ns_min = value.u64(),
            32 => self.lag_ns_p50 = value.u64(),
            33 => self.lag_ns_max = value.u64(),
            _ => {}
        }
    }
}
