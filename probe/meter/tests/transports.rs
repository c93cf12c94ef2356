//! QUIC, SCTP, RTP and ICMP on real captures, held against what other programs say about the same files.
//!
//! The captures lie outside the repository (third parties' payload); without them the tests say so and pass, except under CI.
//!
//! Deliberate differences:
//! - RTP loss: Wireshark subtracts duplicates from what it expects, so a stream captured twice shows negative loss. Here
//!   duplicates are counted apart and loss is what never came.
//! - Jitter of dynamic RTP payload types: Wireshark shows none without the session description. Here the clock rate follows
//!   from the first second.
//! - Server name and protocols are the client's offer; what the server chose is encrypted in QUIC.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use common::{capture, open};

/// Server names and protocols as Zeek and Suricata log them for these files.
#[test]
fn quic_names_versions_and_ecn_counts() {
    let cases = [
        (
            "open/quic-v2__quicv2-echo-dpd-custom-port-4433.pcap",
            "127.0.0.1",
            49320,
            "v2",
            "localhost",
            "quic-echo-example",
        ),
        (
            "open/quic-spin__quic-retry-multiple-input.pcap",
            "192.168.178.252",
            49979,
            "v1",
            "public-api.wordpress.com",
            "h3",
        ),
        ("open/quic-v1__quic-frag-input.pcap", "192.168.0.5", 42586, "v1", "token.services.mozilla.com", "h3"),
        ("open/quic-spin__quic_win11_firefox_google.pcap", "1.2.3.4", 49369, "v1", "www.google.com", "h3"),
        ("open/ecn-ect1__quic-ack3-input.pcap", "10.84.1.49", 60015, "v1", "tether.edge.apple", "h3"),
    ];
    for (file, src, port, version, sni, alpn) in cases {
        let Some(file) = capture(file) else { return };
        let flows = open(&file, 0);
        let up = flows.all.iter().find(|r| r.src_port == port && r.direction == 0).unwrap();
        assert_eq!(up, flows.from(src, port, up.dst_port));
        assert_eq!((&*up.quic_version_last, &*up.sni_last, &*up.alpn_last), (version, sni, alpn));
        assert_eq!(up.quic_unopened_initials, 0, "{sni}");
    }
    let Some(file) = capture("open/ecn-ect1__quic-ack3-input.pcap") else { return };
    let flows = open(&file, 0);
    let (up, down) = (flows.from("10.84.1.49", 60015, 443), flows.from("17.253.53.65", 443, 60015));
    // Every packet of the server came with ECT(0), and its first one was acknowledged as such; the client sent ECT(1).
    assert_eq!((up.quic_ecn_initial_acks, up.quic_ack_ect0_max, up.quic_ack_ce_max), (1, 1, 0));
    assert_eq!((down.quic_ecn_initial_acks, down.quic_ack_ect1_max), (1, 1));
    assert_eq!((up.handshake_rtt_ns_sum, down.handshake_rtt_ns_sum), (20_044_000, 2_954_000));
}

#[test]
fn quic_hellos_in_many_pieces_and_of_draft_29() {
    let Some(file) = capture("open/quic-v1__quic-multiple-initial-fragmented-crypto.pcap") else { return };
    let flows = open(&file, 0);
    let up = flows.all.iter().find(|r| r.direction == 0).unwrap();
    assert_eq!((&*up.sni_last, up.quic_opened_initials), ("googleads.g.doubleclick.net", 10));
    assert_eq!(flows.all[1].handshake_rtt_count, 0, "the client got none of the first answers");
    let Some(file) = capture("open/quic-draft__quic_frags_ch_out_of_order_same_packet_craziness.pcapng") else {
        return;
    };
    let flows = open(&file, 0);
    let first = flows.all.iter().filter(|r| r.direction == 0);
    let (named, all) = first.fold((0, 0), |n, r| (n.0 + u32::from(!r.sni_last.is_empty()), n.1 + 1));
    assert_eq!((named, all), (113, 113), "every hello is read although its CRYPTO frames come in any order");
}

/// Packets and losses by sender port as Wireshark's RTP streams table has them.
#[test]
fn rtp_streams() {
    let cases = [
        ("open/rtp__h266.pcap", 65022, 323, 0),
        ("open/rtp__KakaoTalk_talk.pcap", 23046, 742, 3),
        ("open/rtp__KakaoTalk_talk.pcap", 23044, 746, 0),
        ("open/rtp__KakaoTalk_talk.pcap", 10268, 746, 0),
        ("open/rtp__KakaoTalk_talk.pcap", 11320, 757, 3),
    ];
    for (file, port, packets, lost) in cases {
        let Some(file) = capture(file) else { return };
        let flows = open(&file, 0);
        let r = flows.all.iter().find(|r| r.src_port == port && r.seq_packets > 0).unwrap();
        assert_eq!((r.seq_packets, r.seq_lost, &*r.seq_profile_last), (packets, lost, "rtp"), "port {port}");
        assert_eq!(r.seq_expected, r.seq_unique + r.seq_lost);
        assert!(r.rfc3550_jitter_ns_max > 0 && r.pdv_count > 0);
    }
    // Three senders each way; Wireshark: 559 + 2826 + 511 packets, 8 + 22 lost. The other flow is irtt.
    let Some(file) = capture("open/l4s-udp-ce__skype_bi_dualpi2_l.p1-9000.pcap") else { return };
    let flows = open(&file, 0);
    let r = flows.from("40.127.99.80", 3480, 63236);
    assert_eq!((r.seq_streams_last, r.seq_packets, r.seq_lost), (3, 3896, 30));
    let irtt = flows.all.iter().find(|r| r.seq_profile_last == "irtt").unwrap();
    assert_eq!((irtt.seq_packets, irtt.seq_lost, irtt.packets), (1323, 0, 1324), "the request to close has no number");
    // Every packet was captured twice.
    let Some(file) = capture("open/sctp__volte.pcapng") else { return };
    let flows = open(&file, 0);
    let r = flows.from("10.4.128.21", 31226, 50056);
    assert_eq!((r.seq_packets, r.seq_unique, r.seq_duplicates, r.seq_lost), (54, 27, 27, 0));
}

/// 8 streams of 100 messages of 1000 bytes each, as the sender's program was told; 16 streams negotiated.
#[test]
fn sctp_streams_of_usrsctp() {
    let Some(file) = capture("lab/sctp-usrsctp-multistream.pcap") else { return };
    for interval_ns in [0, 1_000_000, 7_000_000] {
        let flows = open(&file, interval_ns);
        let sum = |f: fn(&sce_proto::FlowInterval) -> u64, dir| {
            flows.all.iter().filter(|r| r.direction == dir).map(f).sum::<u64>()
        };
        assert_eq!((sum(|r| r.sctp_data_chunks, 0), sum(|r| r.sctp_user_bytes, 0)), (800, 800_000));
        assert_eq!((sum(|r| r.sctp_sack_chunks, 1), sum(|r| r.sctp_retransmitted_chunks, 0)), (430, 0));
        assert_eq!((sum(|r| r.rtt_count, 0), sum(|r| r.rtt_us2_sum, 0)), (430, 259_340_249));
        assert_eq!((sum(|r| r.handshake_rtt_ns_sum, 0), sum(|r| r.handshake_rtt_ns_sum, 1)), (120_000, 61_000));
        for stream in 0..8 {
            let rows = flows.streams.iter().filter(|s| s.stream == stream && s.direction == 0);
            let (chunks, bytes, gaps) =
                rows.fold((0, 0, 0), |n, s| (n.0 + s.chunks, n.1 + s.user_bytes, n.2 + s.iat_count));
            assert_eq!((chunks, bytes, gaps), (100, 100_000, 99), "stream {stream}");
        }
        let last = flows.all.iter().rfind(|r| r.direction == 0).unwrap();
        assert_eq!((last.sctp_negotiated_streams_last, last.sctp_streams_last), (16, 8));
        let evenness = (last.sctp_negotiated_utilisation_ppm_last, last.sctp_streams_utilisation_ppm_last);
        assert_eq!(evenness, (750_000, 1_000_000), "log2 8 of log2 16");
        assert_ne!(last.sctp_assoc_last, 0);
    }
}

#[test]
fn sctp_paths_of_one_association() {
    let Some(file) = capture("open/sctp__trace_sctp_two_addr.pcap") else { return };
    let flows = open(&file, 0);
    let mut paths: Vec<_> = flows.all.iter().filter(|r| r.sctp_paths_last == 2).collect();
    assert_eq!(paths.len(), 4, "two flows, both directions");
    paths.dedup_by_key(|r| r.sctp_assoc_last);
    assert_eq!(paths.len(), 1);
    let second = flows.all.iter().find(|r| r.sctp_heartbeat_rtt_count > 0).unwrap();
    assert_eq!((second.sctp_heartbeat_rtt_ns_sum, second.sctp_init_chunks), (11_000, 0));
}

#[test]
fn pings_of_linux() {
    let Some(file) = capture("open/icmp__icmpv4-ping.pcap") else { return };
    let flows = open(&file, 5_000_000_000);
    let sum = |f: fn(&sce_proto::FlowInterval) -> u64, dir| {
        flows.all.iter().filter(|r| r.direction == dir).map(f).sum::<u64>()
    };
    assert_eq!((sum(|r| r.icmp_echo_requests, 0), sum(|r| r.icmp_echo_replies, 1)), (75, 75));
    assert_eq!((sum(|r| r.rtt_count, 0), sum(|r| r.rtt_ns_sum, 0)), (75, 15_854_000));
    assert_eq!((sum(|r| r.icmp_echo_unanswered, 0), sum(|r| r.icmp_echo_unmatched, 1)), (0, 0));
}
