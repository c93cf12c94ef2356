//! A simulated path with known truth: a sender, a receiver, and hops that drop, mark, bleach, duplicate, delay, reorder and
//! translate. Packets are bytes at every point, so the meter sees what it would see.

use super::Captured;

/// Start of time, ns since the epoch.
const T0: u64 = 1_700_000_000_000_000_000;

/// Numbers that look random and never change.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// True in `ppm` of a million cases.
    pub fn chance(&mut self, ppm: u64) -> bool {
        self.below(1_000_000) < ppm
    }
}

/// What one hop does, in packets per million.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hop {
    pub drop: u64,
    pub sce: u64,
    pub ce: u64,
    pub bleach: u64,
    pub duplicate: u64,
    pub late: u64,
    pub delay_ns: u64,
    pub jitter_ns: u64,
    /// Addresses are translated here.
    pub nat: bool,
}

/// What to send.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub tcp: bool,
    pub packets: u64,
    /// All of one size, as bulk traffic; else of many.
    pub bulk: bool,
    pub gap_ns: u64,
    /// Sent code points are drawn from these.
    pub sent_ecn: Vec<u8>,
    pub hops: Vec<Hop>,
    /// Clock offset of each point, ns.
    pub offsets: Vec<i64>,
    /// Port of the client, so that flows differ.
    pub port: u16,
}

#[derive(Debug, Clone)]
struct Packet {
    id: u64,
    up: bool,
    ecn: u8,
    ttl: u8,
    seq: u32,
    ack: u32,
    flags: u8,
    tsval: u32,
    payload: u16,
    public: bool,
}

/// What a hop did in one direction: the truth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// Rows: code point going in; columns: coming out, and lost.
    pub matrix: [[u64; 5]; 4],
    pub duplicated: u64,
    pub reordered: u64,
    pub delay_min: u64,
}

/// Captures of all points, and what each hop did by direction (index 0 = from point 0 to point 1).
pub struct Outcome {
    pub captures: Vec<Vec<Captured>>,
    pub truth: Vec<[Truth; 2]>,
}

/// Sends the plan's packets over its path.
pub fn simulate(plan: &Plan) -> Outcome {
    let mut dice = Dice::new(plan.seed);
    let points = plan.hops.len() + 1;
    let mut captures: Vec<Vec<Captured>> = vec![Vec::new(); points];
    let mut truth: Vec<[Truth; 2]> = vec![Default::default(); plan.hops.len()];
    for up in [true, false] {
        let mut stream = sent(plan, up, &mut dice);
        for step in 0..points {
            let point = if up { step } else { points - 1 - step };
            stream.sort_by_key(|(t, _)| *t);
            captures[point].extend(stream.iter().map(|(t, p)| capture(plan, point, *t, p)));
            if step + 1 < points {
                let index = if up { step } else { points - 2 - step };
                stream = cross(&plan.hops[index], &stream, &mut truth[index][usize::from(!up)], &mut dice);
            }
        }
    }
    for list in &mut captures {
        list.sort_by_key(|c| c.time_ns);
    }
    Outcome { captures, truth }
}

fn sent(plan: &Plan, up: bool, dice: &mut Dice) -> Vec<(u64, Packet)> {
    let mut out = Vec::new();
    let (mut seq, peer) = if up { (4_294_960_000u32, 77u32) } else { (76, 4_294_960_001) };
    // The receiver answers when the first packet has reached it.
    let mut t = T0 + if up { 0 } else { 200_000_000 };
    let mut push = |t: u64, seq: u32, flags: u8, payload: u16, ecn: u8| {
        let id = out.len() as u64;
        let tsval = ((t - T0) / 1_000_000) as u32;
        out.push((t, Packet { id, up, ecn, ttl: 64, seq, ack: peer, flags, tsval, payload, public: false }));
    };
    if plan.tcp {
        push(t, seq, if up { 0x02 } else { 0x12 }, 0, 0);
        seq = seq.wrapping_add(1);
    }
    for _ in 0..plan.packets {
        t += plan.gap_ns + dice.below(plan.gap_ns / 4);
        let ecn = plan.sent_ecn[dice.below(plan.sent_ecn.len() as u64) as usize];
        let payload = if plan.bulk { 1400 } else { 20 + dice.below(1400) as u16 };
        push(t, seq, 0x10, payload, ecn);
        if plan.tcp && dice.chance(30_000) {
            // Sent again after a round trip, without ECT as RFC 3168 asks.
            push(t + 15_000_000, seq, 0x10, payload, 0);
        }
        seq = seq.wrapping_add(u32::from(payload));
    }
    if plan.tcp {
        push(t + 50_000_000, seq, 0x11, 0, 0);
    }
    out
}

fn cross(hop: &Hop, stream: &[(u64, Packet)], truth: &mut Truth, dice: &mut Dice) -> Vec<(u64, Packet)> {
    let mut out: Vec<(u64, usize, Packet)> = Vec::new();
    let mut line_free = 0;
    truth.delay_min = u64::MAX;
    for (i, (t, p)) in stream.iter().enumerate() {
        let handshake = p.flags & 0x02 != 0;
        if !handshake && dice.chance(hop.drop) {
            truth.matrix[usize::from(p.ecn)][4] += 1;
            continue;
        }
        let mut q = p.clone();
        q.ttl -= 1;
        q.public ^= hop.nat;
        if q.ecn == 2 && dice.chance(hop.sce) {
            q.ecn = 1;
        }
        if matches!(q.ecn, 1 | 2) && dice.chance(hop.ce) {
            q.ecn = 3;
        }
        if q.ecn != 0 && dice.chance(hop.bleach) {
            q.ecn = 0;
        }
        truth.matrix[usize::from(p.ecn)][usize::from(q.ecn)] += 1;
        let delay = hop.delay_ns + if hop.jitter_ns > 0 { dice.below(hop.jitter_ns) } else { 0 };
        let arrival = if dice.chance(hop.late) {
            t + delay + 10_000_000
        } else {
            line_free = (t + delay).max(line_free + 1000);
            line_free
        };
        truth.delay_min = truth.delay_min.min(arrival - t);
        if dice.chance(hop.duplicate) {
            truth.duplicated += 1;
            out.push((arrival + 500, usize::MAX, q.clone()));
        }
        out.push((arrival, i, q));
    }
    out.sort_by_key(|(t, i, _)| (*t, *i));
    let mut front = 0;
    for (_, i, _) in out.iter().filter(|o| o.1 != usize::MAX) {
        truth.reordered += u64::from(*i < front);
        front = front.max(*i);
    }
    out.into_iter().map(|(t, _, p)| (t, p)).collect()
}

fn capture(plan: &Plan, point: usize, t: u64, p: &Packet) -> Captured {
    let client = if p.public { [203, 0, 113, 9] } else { [10, 0, 0, 1] };
    // Behind a translator the client has its public name: on the way up from there on, on the way down until there.
    let nat = plan.hops.iter().position(|h| h.nat);
    let client = match (nat, p.up) {
        (Some(at), false) => {
            if point > at {
                [203, 0, 113, 9]
            } else {
                [10, 0, 0, 1]
            }
        }
        _ => client,
    };
    let port = if client[0] == 203 { plan.port.wrapping_add(9000) } else { plan.port };
    let server = ([10, 9, 9, 9], 5201u16);
    let (src, dst) = if p.up { ((client, port), server) } else { (server, (client, port)) };
    let header = if plan.tcp { 32 } else { 8 };
    let mut d = vec![0u8; 12];
    d.extend([8, 0, 0x45, p.ecn]);
    d.extend((20 + header + p.payload).to_be_bytes());
    d.extend([0, 0, 0x40, 0, p.ttl, if plan.tcp { 6 } else { 17 }, 0, 0]);
    d.extend(src.0);
    d.extend(dst.0);
    d.extend(src.1.to_be_bytes());
    d.extend(dst.1.to_be_bytes());
    if plan.tcp {
        d.extend(p.seq.to_be_bytes());
        d.extend(if p.flags == 0x02 { 0 } else { p.ack }.to_be_bytes());
        d.extend([0x80, p.flags, 1, 0, 0, 0, 0, 0, 1, 1, 8, 10]);
        d.extend(p.tsval.to_be_bytes());
        d.extend([0; 4]);
    } else {
        d.extend((8 + p.payload).to_be_bytes());
        d.extend([0, 0]);
        d.extend(p.id.to_be_bytes());
        d.extend(plan.port.to_be_bytes());
        d.extend([u8::from(p.up)]);
    }
    d.resize(14 + 20 + usize::from(header) + usize::from(p.payload), 0);
    let wire_len = d.len() as u32;
    // What a usual capture length leaves.
    d.truncate(128);
    Captured { time_ns: t.wrapping_add_signed(plan.offsets[point]), wire_len, data: d, gso: None }
}
