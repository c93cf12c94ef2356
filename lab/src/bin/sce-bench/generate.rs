//! Deterministic captures for benchmarks: TCP with time stamps, delayed ACKs, SCE and CE marks, losses, SACK and
//! retransmissions; UDP; QUIC short headers. Frames are cut at 128 bytes, as a flow meter would capture them.
//!
//! Each flow is a little state machine that yields one packet at a time; a heap of times interleaves them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;

/// Kinds of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// 10,000 flows at a time scale of minutes: bulk TCP, short TCP, UDP, QUIC
    Big,
    /// 20 bulk TCP flows
    Few,
    /// One flow for every ten packets: scans, short TCP, request and response
    Many,
    /// QUIC short headers with spin bits over 1,000 flows
    Quic,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Big => "big",
            Kind::Few => "few",
            Kind::Many => "many",
            Kind::Quic => "quic",
        })
    }
}

const START_NS: u64 = 1_700_000_000_000_000_000;
const SNAPLEN: usize = 128;
const MSS: u32 = 1448;
const FIN: u16 = 1;
const SYN: u16 = 2;
const ACK: u16 = 16;
const ECE: u16 = 64;
const CWR: u16 = 128;
const AE: u16 = 256;

/// SplitMix64: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True in `per_mille` of 1000 cases.
    fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// What a flow sends next.
enum Step {
    Syn,
    SynAck,
    Data,
    Resend(u32),
    Ack,
    Fin(u8),
}

enum Transport {
    Tcp {
        seq: [u32; 2],
        received: u32,
        hole: Option<(u32, u32)>,
        unacked: u8,
        esce: bool,
        ece: bool,
        queue: VecDeque<(u64, Step)>,
    },
    Udp {
        quic: bool,
        spin: bool,
        connection: u64,
    },
}

struct Flow {
    addresses: [[u8; 16]; 2],
    v6: bool,
    ports: [u16; 2],
    left: u64,
    rtt_ns: u64,
    gap_ns: u64,
    transport: Transport,
}

/// Writes a capture of `packets` packets.
pub(crate) fn write(kind: Kind, path: &Path, packets: u64, seed: u64) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut header = Vec::new();
    for word in [0xa1b2_3c4du32, 2 | 4 << 16, 0, 0, SNAPLEN as u32, 1] {
        header.extend(word.to_le_bytes());
    }
    out.write_all(&header)?;
    let mut random = Random(seed);
    let alive = match kind {
        Kind::Big => 10_000,
        Kind::Few => 20,
        Kind::Many => 20_000,
        Kind::Quic => 1_000,
    };
    let mut flows: Vec<Flow> = Vec::new();
    let mut due = BinaryHeap::new();
    for i in 0..alive {
        flows.push(flow(kind, i, packets / alive, &mut random));
        due.push(Reverse((START_NS + random.below(1_000_000_000), i as usize)));
    }
    let mut opened = alive;
    for _ in 0..packets {
        let Some(Reverse((now, i))) = due.pop() else { break };
        let next = step(&mut flows[i], now, &mut random, &mut out)?;
        let next = next.unwrap_or_else(|| {
            // The flow is over: another one takes its place.
            flows[i] = flow(kind, opened, packets / alive, &mut random);
            opened += 1;
            now + 1_000_000 + random.below(50_000_000)
        });
        due.push(Reverse((next, i)));
    }
    out.flush()?;
    Ok(())
}

fn flow(kind: Kind, n: u64, share: u64, random: &mut Random) -> Flow {
    let v6 = n % 4 == 3;
    let mut addresses = [[0u8; 16]; 2];
    for (side, address) in addresses.iter_mut().enumerate() {
        address[0] = if v6 { 0x20 } else { 10 };
        address[1..4].copy_from_slice(&[side as u8, (n >> 16) as u8, (n >> 8) as u8]);
        address[15] = n as u8;
        if !v6 {
            address[3] = n as u8;
            address[2] = (n >> 8) as u8;
            address[1] = (n >> 16) as u8 | (side as u8) << 7;
        }
    }
    let tcp = || Transport::Tcp {
        seq: [0, 0],
        received: 0,
        hole: None,
        unacked: 0,
        esce: false,
        ece: false,
        queue: VecDeque::from([(0, Step::Syn)]),
    };
    let udp = |quic, connection| Transport::Udp { quic, spin: false, connection };
    let (mut transport, left) = match (kind, random.below(10)) {
        (Kind::Few, _) => (tcp(), share),
        (Kind::Quic, _) => (udp(true, random.next()), share),
        (Kind::Big, 0..6) => (tcp(), share),
        (Kind::Big, 6..8) => (udp(true, random.next()), share),
        (Kind::Big, _) => (udp(false, 0), share),
        (Kind::Many, 0..5) => (tcp(), 4 + random.below(20)),
        (Kind::Many, _) => (udp(false, 0), 1 + random.below(4)),
    };
    if let Transport::Tcp { seq, .. } = &mut transport {
        *seq = [random.next() as u32, random.next() as u32];
    }
    let server = if matches!(transport, Transport::Udp { quic: true, .. }) { 443 } else { 5201 };
    Flow {
        addresses,
        v6,
        ports: [20_000 + (n % 40_000) as u16, server],
        left,
        rtt_ns: 1_000_000 + random.below(80_000_000),
        gap_ns: 20_000 + random.below(2_000_000),
        transport,
    }
}

/// Writes the flow's next packet at `now`; answers when the one after it is due, or nothing when the flow is over.
fn step(flow: &mut Flow, now: u64, random: &mut Random, out: &mut impl Write) -> anyhow::Result<Option<u64>> {
    flow.left = flow.left.saturating_sub(1);
    let ticks = (now / 1_000_000) as u32;
    let mark = match random.below(100) {
        0 => 3,
        1..=10 => 1,
        _ => 2,
    };
    match &mut flow.transport {
        Transport::Udp { quic, spin, connection } => {
            let down = random.chance(500);
            let mut payload = [0u8; 64];
            if *quic {
                *spin ^= random.chance(20);
                payload[0] = 0x40 | u8::from(*spin) << 5;
                payload[1..9].copy_from_slice(&connection.to_be_bytes());
            }
            payload[9..17].copy_from_slice(&random.next().to_be_bytes());
            let length = 200 + random.below(1000) as usize;
            emit(
                flow,
                down,
                now,
                if random.chance(5) { 3 } else { 1 },
                &datagram(flow, down, length, &payload),
                8 + length,
                out,
            )?;
            Ok((flow.left > 0).then_some(now + flow.gap_ns))
        }
        Transport::Tcp { seq, received, hole, unacked, esce, ece, queue } => {
            let Some((_, what)) = queue.pop_front() else { return Ok(None) };
            let peer_tick = ticks.wrapping_sub(3);
            let (down, bytes, length, ecn) = match what {
                Step::Syn => {
                    queue.push_back((now + flow.rtt_ns / 2, Step::SynAck));
                    let bytes = segment(flow.ports, false, seq[0], 0, SYN | ECE | CWR, [ticks, 0], None);
                    seq[0] = seq[0].wrapping_add(1);
                    (false, bytes, 0, 0)
                }
                Step::SynAck => {
                    *received = seq[0];
                    queue.push_back((now + flow.rtt_ns / 2, Step::Data));
                    let bytes = segment(flow.ports, true, seq[1], seq[0], SYN | ACK | ECE, [ticks, peer_tick], None);
                    seq[1] = seq[1].wrapping_add(1);
                    (true, bytes, 0, 0)
                }
                Step::Data => {
                    let at = seq[0];
                    seq[0] = at.wrapping_add(MSS);
                    let bytes = segment(flow.ports, false, at, seq[1], ACK, [ticks, peer_tick], None);
                    let next = now + flow.gap_ns;
                    if hole.is_none() && random.chance(5) {
                        // Lost behind this point: the receiver does not get it and says so by SACK.
                        *hole = Some((at, seq[0]));
                        queue.push_back((next + flow.rtt_ns, Step::Resend(at)));
                    } else if hole.is_none() {
                        *received = seq[0];
                    }
                    *esce |= mark == 1;
                    *ece |= mark == 3;
                    *unacked += 1;
                    if *unacked >= 2 || hole.is_some() || mark == 1 {
                        queue.push_front((now + flow.gap_ns / 2, Step::Ack));
                    }
                    if flow.left > 4 {
                        queue.push_back((next, Step::Data));
                    } else {
                        queue.extend([(next, Step::Fin(0)), (next, Step::Fin(1)), (next, Step::Fin(2))]);
                    }
                    (false, bytes, MSS, mark)
                }
                Step::Resend(at) => {
                    *hole = None;
                    *received = seq[0];
                    queue.push_front((now, Step::Ack));
                    (false, segment(flow.ports, false, at, seq[1], ACK, [ticks, peer_tick], None), MSS, 0)
                }
                Step::Ack => {
                    *unacked = 0;
                    let flags =
                        ACK | if std::mem::take(ece) { ECE } else { 0 } | if std::mem::take(esce) { AE } else { 0 };
                    let sack = hole.map(|(_, end)| [end, seq[0]]).filter(|s| s[0] != s[1]);
                    let acked = hole.map_or(*received, |(start, _)| start);
                    let bytes = segment(flow.ports, true, seq[1], acked, flags, [ticks, peer_tick], sack);
                    (true, bytes, 0, 0)
                }
                Step::Fin(n) => {
                    let down = n == 1;
                    let flags = ACK | if n < 2 { FIN } else { 0 };
                    let (own, other) = if down { (seq[1], seq[0]) } else { (seq[0], seq[1]) };
                    let bytes = segment(flow.ports, down, own, other, flags, [ticks, peer_tick], None);
                    if n < 2 {
                        seq[usize::from(down)] = own.wrapping_add(1);
                    }
                    (down, bytes, 0, 0)
                }
            };
            let next = queue.front().map(|(at, _)| (*at).max(now + 1000));
            emit(flow, down, now, ecn, &bytes, bytes.len() + length as usize, out)?;
            Ok(next)
        }
    }
}

fn segment(
    ports: [u16; 2],
    down: bool,
    seq: u32,
    ack: u32,
    flags: u16,
    ts: [u32; 2],
    sack: Option<[u32; 2]>,
) -> Vec<u8> {
    let (from, to) = if down { (ports[1], ports[0]) } else { (ports[0], ports[1]) };
    let mut b = Vec::with_capacity(60);
    b.extend(from.to_be_bytes());
    b.extend(to.to_be_bytes());
    b.extend(seq.to_be_bytes());
    b.extend(ack.to_be_bytes());
    b.extend([0, flags as u8, 0x08, 0x05, 0, 0, 0, 0]);
    if flags & SYN != 0 {
        b.extend([2, 4, 0x05, 0xb4, 4, 2, 8, 10]);
        b.extend(ts[0].to_be_bytes());
        b.extend(ts[1].to_be_bytes());
        b.extend([1, 3, 3, 7]);
    } else {
        b.extend([1, 1, 8, 10]);
        b.extend(ts[0].to_be_bytes());
        b.extend(ts[1].to_be_bytes());
        if let Some([left, right]) = sack {
            b.extend([1, 1, 5, 10]);
            b.extend(left.to_be_bytes());
            b.extend(right.to_be_bytes());
        }
    }
    b[12] = (b.len() as u8 / 4) << 4 | (flags >> 8) as u8;
    b
}

fn datagram(flow: &Flow, down: bool, length: usize, payload: &[u8]) -> Vec<u8> {
    let (from, to) = if down { (flow.ports[1], flow.ports[0]) } else { (flow.ports[0], flow.ports[1]) };
    let mut b = Vec::with_capacity(8 + payload.len());
    b.extend(from.to_be_bytes());
    b.extend(to.to_be_bytes());
    b.extend((8 + length as u16).to_be_bytes());
    b.extend([0, 0]);
    b.extend(payload);
    b
}

/// Writes one frame: `l4` is the transport header and what is known of the payload, `l4_len` the true length.
fn emit(
    flow: &Flow,
    down: bool,
    now: u64,
    ecn: u8,
    l4: &[u8],
    l4_len: usize,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let proto = if matches!(flow.transport, Transport::Tcp { .. }) { 6 } else { 17 };
    let (src, dst) = if down { (1, 0) } else { (0, 1) };
    let mut frame = Vec::with_capacity(160);
    frame.extend([2, 0, 0, 0, 0, dst as u8, 2, 0, 0, 0, 0, src as u8]);
    if flow.v6 {
        frame.extend([0x86, 0xdd, 0x60, ecn << 4, 0, 0]);
        frame.extend((l4_len as u16).to_be_bytes());
        frame.extend([proto, 62]);
        frame.extend(flow.addresses[src]);
        frame.extend(flow.addresses[dst]);
    } else {
        frame.extend([0x08, 0, 0x45, ecn]);
        frame.extend((20 + l4_len as u16).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 62, proto, 0, 0]);
        frame.extend(&flow.addresses[src][..4]);
        frame.extend(&flow.addresses[dst][..4]);
    }
    let wire = (frame.len() + l4_len).max(60);
    frame.extend(l4);
    frame.resize(wire.min(SNAPLEN), 0);
    for word in [(now / 1_000_000_000) as u32, (now % 1_000_000_000) as u32, frame.len() as u32, wire as u32] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(&frame)?;
    Ok(())
}
