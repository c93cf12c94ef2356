//! The short way against the long one, the long one against etherparse, and any bytes against panics.

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::frame::LinkType;
use crate::packet::{Fragment, Headers};

/// What a generated frame is made of, inside out.
#[derive(Debug, Clone)]
struct Recipe {
    v6: bool,
    ip_proto: u8,
    tags: Vec<(u16, u16)>,
    tos: u8,
    ipv4_options: usize,
    extensions: Vec<u8>,
    tcp_options: usize,
    dst_port: u16,
    flags: u16,
    payload: Vec<u8>,
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let tag = (prop_oneof![Just(0x8100u16), Just(0x88a8), Just(0x9100)], any::<u16>());
    (
        (any::<bool>(), prop_oneof![4 => Just(6u8), 3 => Just(17), 1 => Just(132), 1 => Just(1), 1 => any::<u8>()]),
        prop_oneof![3 => Just(vec![]), 1 => proptest::collection::vec(tag, 1..3)],
        any::<u8>(),
        prop_oneof![3 => Just(0usize), 1 => 1usize..4],
        prop_oneof![3 => Just(vec![]), 1 => proptest::collection::vec(prop_oneof![Just(0u8), Just(43), Just(60)], 1..3)],
        0usize..11,
        prop_oneof![3 => any::<u16>(), 1 => Just(4789), 1 => Just(6081), 1 => Just(2152)],
        any::<u16>(),
        proptest::collection::vec(any::<u8>(), 0..80),
    )
        .prop_map(|((v6, ip_proto), tags, tos, ipv4_options, extensions, tcp_options, dst_port, flags, payload)| Recipe {
            v6,
            ip_proto,
            tags,
            tos,
            ipv4_options,
            extensions,
            tcp_options,
            dst_port,
            flags,
            payload,
        })
}

impl Recipe {
    fn bytes(&self) -> Vec<u8> {
        let mut l4 = Vec::new();
        l4.extend(40_000u16.to_be_bytes());
        l4.extend(self.dst_port.to_be_bytes());
        match self.ip_proto {
            6 => {
                l4.extend([0, 0, 0, 1, 0, 0, 0, 2]);
                l4.push(((5 + self.tcp_options) << 4) as u8 | (self.flags >> 8 & 1) as u8);
                l4.push(self.flags as u8);
                l4.extend([1, 0, 0, 0, 0, 0]);
                l4.extend(vec![1; self.tcp_options * 4]);
            }
            17 => l4.extend([((8 + self.payload.len()) >> 8) as u8, (8 + self.payload.len()) as u8, 0, 0]),
            132 => l4.extend([0; 8]),
            _ => l4.extend([0; 4]),
        }
        l4.extend(&self.payload);
        let ip = if self.v6 { self.ipv6(&l4) } else { self.ipv4(&l4) };
        let mut frame = vec![2; 12];
        for (kind, tag) in &self.tags {
            frame.extend(kind.to_be_bytes());
            frame.extend(tag.to_be_bytes());
        }
        frame.extend(if self.v6 { [0x86, 0xdd] } else { [8, 0] });
        frame.extend(ip);
        frame
    }

    fn ipv4(&self, l4: &[u8]) -> Vec<u8> {
        let header = 20 + self.ipv4_options * 4;
        let total = ((header + l4.len()) as u16).to_be_bytes();
        let mut ip =
            vec![0x40 | (header / 4) as u8, self.tos, total[0], total[1], 0x12, 0x34, 0x40, 0, 63, self.ip_proto];
        ip.extend([0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        ip.extend(vec![1; self.ipv4_options * 4]);
        ip.extend(l4);
        ip
    }

    fn ipv6(&self, l4: &[u8]) -> Vec<u8> {
        let mut next = self.ip_proto;
        let mut behind = Vec::new();
        for kind in self.extensions.iter().rev() {
            let mut header = vec![next, 0, 1, 4, 0, 0, 0, 0];
            header.extend(behind);
            behind = header;
            next = *kind;
        }
        behind.extend(l4);
        let length = (behind.len() as u16).to_be_bytes();
        let mut ip = vec![0x60 | self.tos >> 4, self.tos << 4, 0, 0, length[0], length[1], next, 63];
        ip.extend([0xfd; 15]);
        ip.push(1);
        ip.extend([0xfd; 15]);
        ip.push(2);
        ip.extend(behind);
        ip
    }
}

fn frame(data: &[u8], link: LinkType) -> Frame<'_> {
    Frame { time_ns: 7, link, wire_len: data.len() as u32, data, vlan: None, gso: None, outgoing: None }
}

proptest! {
    #[test]
    fn the_short_way_gives_what_the_long_one_gives(
        recipe in recipe(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<proptest::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut bytes = recipe.bytes();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let frame = frame(&bytes, LinkType::ETHERNET);
        let mut packet = Packet::default();
        if fast::decode(&frame, &mut packet).is_some() {
            prop_assert_eq!(Ok(packet), decode_any(&frame, 4));
        }
    }

    #[test]
    fn etherparse_reads_the_same(recipe in recipe()) {
        let bytes = recipe.bytes();
        let ours = decode_any(&frame(&bytes, LinkType::ETHERNET), 0).unwrap();
        let theirs = LaxSlicedPacket::from_ethernet(&bytes).unwrap();
        let (src, dst, payload) = match theirs.net.as_ref().unwrap() {
            LaxNetSlice::Ipv4(ip) => {
                prop_assert_eq!(ours.ecn as u8, ip.header().ecn().value());
                prop_assert_eq!(ours.dscp, ip.header().dcp().value());
                prop_assert_eq!(ours.ip_bytes, u32::from(ip.header().total_len()));
                (ip.header().source_addr().into(), ip.header().destination_addr().into(), ip.payload())
            }
            LaxNetSlice::Ipv6(ip) => {
                prop_assert_eq!(ours.ecn as u8 | ours.dscp << 2, ip.header().traffic_class());
                prop_assert_eq!(ours.ip_bytes, 40 + u32::from(ip.header().payload_length()));
                (std::net::IpAddr::from(ip.header().source_addr()), ip.header().destination_addr().into(), ip.payload())
            }
            LaxNetSlice::Arp(_) => unreachable!(),
        };
        prop_assert_eq!((ours.src.ip(ours.v6), ours.dst.ip(ours.v6)), (src, dst));
        // It stops at extension headers that come twice or in an unusual order; Linux and we do not.
        if recipe.extensions.len() > 1 {
            return Ok(());
        }
        // Nor do the two mean the same by a transport that is itself an extension header.
        if recipe.v6 && matches!(recipe.ip_proto, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140) || recipe.ip_proto == 51 {
            return Ok(());
        }
        prop_assert_eq!(ours.ip_proto, payload.ip_number.0);
        prop_assert_eq!(ours.fragment, Fragment::Whole);
        match theirs.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let s = ours.tcp.unwrap();
                prop_assert_eq!((ours.src_port, ours.dst_port), (tcp.source_port(), tcp.destination_port()));
                prop_assert_eq!((s.seq, s.ack, s.window), (tcp.sequence_number(), tcp.acknowledgment_number(), tcp.window_size()));
                prop_assert_eq!(s.options, tcp.options());
                prop_assert_eq!(ours.payload_bytes as usize, tcp.payload().len());
            }
            Some(TransportSlice::Udp(udp)) => {
                prop_assert_eq!((ours.src_port, ours.dst_port), (udp.source_port(), udp.destination_port()));
                prop_assert_eq!(ours.payload_bytes as usize, udp.payload().len());
            }
            _ => {}
        }
    }

    #[test]
    fn any_bytes_decode_without_panic(
        link in prop_oneof![Just(0u32), Just(1), Just(9), Just(12), Just(50), Just(51), Just(101), Just(104), Just(108), Just(113), Just(228), Just(229), Just(276), any::<u32>()],
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        wire in any::<u32>(),
    ) {
        let frame = Frame { wire_len: wire, ..frame(&bytes, LinkType(link)) };
        if let Ok(packet) = decode(&frame, 4) {
            prop_assert!(packet.header_bytes <= packet.ip_bytes || packet.headers != Headers::Complete);
        }
    }

    #[test]
    fn the_same_packet_behind_any_link_is_the_same(recipe in recipe()) {
        let plain = Recipe { tags: vec![], ..recipe.clone() }.bytes();
        let ip = &plain[14..];
        let want = decode(&frame(&plain, LinkType::ETHERNET), 0).unwrap();
        let ethertype = &plain[12..14];
        let behind = |header: &[u8]| [header, ip].concat();
        let v6 = recipe.v6;
        let mpls = [&[2u8; 12][..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat();
        let ppp: [u8; 2] = if v6 { [0, 0x57] } else { [0, 0x21] };
        let pppoe = [&[2u8; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 0], &ppp].concat();
        let snap = [&[2u8; 12][..], &[0, 100, 0xaa, 0xaa, 3, 0, 0, 0], ethertype].concat();
        let family: u8 = if v6 { 30 } else { 2 };
        let others = [
            (LinkType::ETHERNET, recipe.bytes()),
            (LinkType::ETHERNET, behind(&mpls)),
            (LinkType::ETHERNET, behind(&pppoe)),
            (LinkType::ETHERNET, behind(&snap)),
            (LinkType::RAW, ip.to_vec()),
            (if v6 { LinkType::IPV6 } else { LinkType::IPV4 }, ip.to_vec()),
            (LinkType::NULL, behind(&[family, 0, 0, 0])),
            (LinkType::NULL, behind(&[0, 0, 0, family])),
            (LinkType::LOOP, behind(&[0, 0, 0, family])),
            (LinkType::LINUX_SLL, behind(&[&[0; 14][..], ethertype].concat())),
            (LinkType::LINUX_SLL2, behind(&[ethertype, &[0; 18][..]].concat())),
            (LinkType::C_HDLC, behind(&[&[0x0f, 0][..], ethertype].concat())),
            (LinkType::PPP, behind(&[&[0xff, 3][..], &ppp].concat())),
            (LinkType::PPP_HDLC, behind(&ppp[1..])),
        ];
        for (link, bytes) in others {
            let got = decode(&frame(&bytes, link), 0).unwrap();
            let same = Packet { vlan: 0, tunnel_bits: 0, link_bytes: want.link_bytes, ..got };
            prop_assert_eq!(same, want, "{:?}", link);
        }
    }

    #[test]
    fn a_tunnel_shows_its_inside_and_keeps_the_outer_code_point(inner in recipe(), outer_ecn in 0u8..4, kind in 0usize..6) {
        let inner = Recipe { tags: vec![], dst_port: 80, ip_proto: 6, ..inner }.bytes();
        let (ethertype, ip) = (&inner[12..14], &inner[14..]);
        let want = decode(&frame(&inner, LinkType::ETHERNET), 0).unwrap();
        let (ip_proto, dst_port, payload): (u8, u16, Vec<u8>) = match kind {
            0 => (if want.v6 { 41 } else { 4 }, 0, ip.to_vec()),
            1 => (47, 0, [&[0x20, 0][..], ethertype, &[0; 4], ip].concat()),
            2 => (17, 4789, [&[8, 0, 0, 0, 0, 0, 1, 0][..], &inner].concat()),
            3 => (17, 6081, [&[1, 0][..], &[0x65, 0x58], &[0; 8], &inner].concat()),
            4 => (17, 2152, [&[0x30, 255, 0, 0, 0, 0, 0, 1][..], ip].concat()),
            _ => (47, 0, [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0; 8], &inner].concat()),
        };
        let mut l4 = Vec::new();
        if ip_proto == 17 {
            l4.extend([0x80, 0]);
            l4.extend(dst_port.to_be_bytes());
            l4.extend(((payload.len() + 8) as u16).to_be_bytes());
            l4.extend([0, 0]);
        }
        l4.extend(&payload);
        let shell = Recipe {
            v6: false, ip_proto, tags: vec![], tos: outer_ecn, ipv4_options: 0, extensions: vec![], tcp_options: 0,
            dst_port, flags: 0, payload: vec![],
        };
        let bytes = [&[2u8; 12][..], &[8, 0], &shell.ipv4(&l4)].concat();
        let got = decode(&frame(&bytes, LinkType::ETHERNET), 4).unwrap();
        prop_assert_eq!(got.outer_ecn.map(|e| e as u8), Some(outer_ecn));
        prop_assert!(got.tunnel_bits != 0);
        let same = Packet { tunnel_bits: 0, outer_ecn: None, link_bytes: want.link_bytes, ..got };
        prop_assert_eq!(same, want);
        let outermost = decode(&frame(&bytes, LinkType::ETHERNET), 0).unwrap();
        prop_assert_eq!((outermost.ip_proto, outermost.outer_ecn), (ip_proto, None));
    }
}
