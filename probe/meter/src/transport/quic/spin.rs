//! The latency spin bit (RFC 9000 17.4): round trips from its edges, with a filter for reordering and for random bits.
//!
//! In: time, direction and spin value of every short header packet. Out: round-trip samples. The client inverts the value
//! it last received, the server reflects it, so between two edges of one direction lies one round trip, and between an
//! edge and its echo lies the part of it on one side of the observation point (RFC 9312 4.2).

use crate::packet::{Both, Dir};

/// A sample taken from an edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Samples {
    /// Full round trip: from the previous edge of this direction to this one.
    pub(crate) full_ns: Option<u64>,
    /// From an edge of the other direction to this one, which answers it: the round trip beyond the observation point as
    /// seen by that other direction.
    pub(crate) half_ns: Option<u64>,
}

/// The spin bits of both directions of one flow. `Dir::Up` comes from the client.
#[derive(Debug, Default)]
pub(crate) struct Spin {
    sides: Both<Side>,
    /// Smallest plausible time between two edges of one direction, ns: half the handshake's round trip.
    floor_ns: u64,
    /// The floor comes from the handshake and stays.
    floor_fixed: bool,
    accepted: u32,
    rejected: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Side {
    started: bool,
    value: bool,
    /// An edge that is not believed yet: it may be a reordered packet's.
    pending_ns: Option<u64>,
    edge: Option<Edge>,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    at_ns: u64,
    value: bool,
}

/// Without a handshake's round trip an edge is believed after this share of the smallest round trip seen.
const FLOOR_SHARE: u64 = 4;
/// Edges that are judged before a flow's bits are called random (RFC 9000 lets an end disable the bit by randomness).
const TRIAL_EDGES: u32 = 8;

impl Spin {
    /// Sets the floor from the handshake's round trip: a later path may be shorter, half of it allows for that.
    pub(crate) fn handshake_rtt(&mut self, rtt_ns: u64) {
        (self.floor_ns, self.floor_fixed) = (rtt_ns / 2, true);
    }

    /// Edges rejected so far.
    pub(crate) fn rejected(&self) -> u32 {
        self.rejected
    }

    /// Whether the bit behaves like noise: more edges rejected than believed.
    pub(crate) fn is_noise(&self) -> bool {
        self.accepted + self.rejected >= TRIAL_EDGES && self.rejected > self.accepted
    }

    /// Takes the spin value of a short header packet. An edge is reported with the first packet that confirms it.
    pub(crate) fn observe(&mut self, dir: Dir, at_ns: u64, value: bool) -> Samples {
        let side = &mut self.sides[dir];
        if !side.started {
            (side.started, side.value) = (true, value);
            return Samples::default();
        }
        let flipped = side.value != value;
        side.value = value;
        let Some(since_ns) = side.pending_ns else {
            if flipped {
                side.pending_ns = Some(at_ns);
            }
            return Samples::default();
        };
        let old_enough = at_ns.saturating_sub(since_ns) >= self.floor_ns;
        if flipped && !old_enough {
            // Back within a fraction of the round trip: a packet overtook another one, or the bit is random.
            side.pending_ns = None;
            self.rejected = self.rejected.saturating_add(1);
            return Samples::default();
        }
        if !old_enough {
            return Samples::default();
        }
        side.pending_ns = flipped.then_some(at_ns);
        self.accept(dir, Edge { at_ns: since_ns, value: value != flipped })
    }

    /// Believes an edge unless the other direction's last edge makes it impossible.
    fn accept(&mut self, dir: Dir, edge: Edge) -> Samples {
        let cause = self.sides[dir.flip()].edge;
        // The server's edge to v answers the client's edge to v; the client's edge to v answers the server's edge to !v.
        let answers = |c: &Edge| c.at_ns <= edge.at_ns && (c.value == edge.value) == (dir == Dir::Down);
        if let Some(cause) = cause
            && cause.at_ns <= edge.at_ns
            && !answers(&cause)
        {
            self.rejected = self.rejected.saturating_add(1);
            self.sides[dir].edge = None;
            return Samples::default();
        }
        self.accepted = self.accepted.saturating_add(1);
        let previous = self.sides[dir].edge.replace(edge);
        let full_ns = previous.filter(|p| p.value != edge.value).map(|p| edge.at_ns - p.at_ns);
        let half_ns = cause.filter(answers).map(|c| edge.at_ns - c.at_ns);
        if let Some(full) = full_ns
            && !self.floor_fixed
            && (self.floor_ns == 0 || full / FLOOR_SHARE < self.floor_ns)
        {
            self.floor_ns = full / FLOOR_SHARE;
        }
        if self.is_noise() { Samples::default() } else { Samples { full_ns, half_ns } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    /// A flow whose observation point lies `left` from the client and `right` from the server, with a packet per ms and
    /// direction: (time, direction, value).
    fn flow(left: u64, right: u64, until: u64) -> Vec<(u64, Dir, bool)> {
        let rtt = 2 * (left + right);
        let client = |t: u64| (t / rtt) % 2 == 1; // value the client sends at time t
        let mut packets = Vec::new();
        for t in (rtt..until).step_by(MS as usize) {
            packets.push((t, Dir::Up, client(t - left)));
            packets.push((t, Dir::Down, client(t - left - 2 * right)));
        }
        packets
    }

    fn run(spin: &mut Spin, packets: &[(u64, Dir, bool)]) -> Vec<(Dir, Samples)> {
        let samples = packets.iter().map(|p| (p.1, spin.observe(p.1, p.0, p.2)));
        samples.filter(|(_, s)| *s != Samples::default()).collect()
    }

    #[test]
    fn both_directions_tell_the_round_trip_and_its_halves() {
        let mut spin = Spin::default();
        spin.handshake_rtt(40 * MS);
        let samples = run(&mut spin, &flow(5 * MS, 15 * MS, 1000 * MS));
        assert!(samples.len() > 40, "{}", samples.len());
        for (dir, s) in &samples {
            let half = if *dir == Dir::Down { 30 * MS } else { 10 * MS };
            assert!(s.full_ns.is_none_or(|v| v.abs_diff(40 * MS) <= MS), "{dir:?} {s:?}");
            assert!(s.half_ns.is_none_or(|v| v.abs_diff(half) <= MS), "{dir:?} {s:?}");
        }
        assert_eq!(spin.rejected(), 0);
    }

    #[test]
    fn reordering_at_an_edge_makes_no_false_round_trip() {
        let mut packets = flow(5 * MS, 15 * MS, 2000 * MS);
        packets.retain(|p| p.1 == Dir::Up);
        // Every packet behind an edge changes places with the one before it.
        let mut i = 1;
        while i + 1 < packets.len() {
            if packets[i].2 != packets[i - 1].2 {
                let early = packets[i].2;
                packets[i].2 = packets[i - 1].2;
                packets[i - 1].2 = early;
                i += 2;
            }
            i += 1;
        }
        let mut spin = Spin::default();
        spin.handshake_rtt(40 * MS);
        let samples = run(&mut spin, &packets);
        assert!(spin.rejected() > 20);
        assert!(samples.iter().all(|(_, s)| s.full_ns.is_none_or(|v| v.abs_diff(40 * MS) <= 2 * MS)), "{samples:?}");
    }

    #[test]
    fn a_constant_bit_gives_nothing() {
        let mut spin = Spin::default();
        let packets: Vec<_> = (0..1000).map(|i| (i * MS, Dir::Up, true)).collect();
        assert!(run(&mut spin, &packets).is_empty());
    }

    proptest! {
        #[test]
        fn random_bits_are_called_noise(bits in proptest::collection::vec(any::<(bool, bool)>(), 400)) {
            let mut spin = Spin::default();
            spin.handshake_rtt(40 * MS);
            let packets: Vec<_> = bits
                .iter()
                .enumerate()
                .flat_map(|(i, b)| [(i as u64 * MS, Dir::Up, b.0), (i as u64 * MS, Dir::Down, b.1)])
                .collect();
            let samples = run(&mut spin, &packets);
            prop_assert!(spin.is_noise());
            prop_assert!(samples.len() < 20, "{}", samples.len());
        }
    }
}
