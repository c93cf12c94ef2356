//! Which ports the first fragment of a datagram had, so that the other fragments find their flow.
//!
//! A fixed number of slots, each for the latest datagram that hashes to it: a fragment that comes before the first one, or
//! after its slot was taken, is counted as a flow without ports.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use crate::packet::{Address, Fragment, Packet};

/// Reassembly time, RFC 8200 section 4.5 allows 60 s; Linux gives up after 30 s.
const MAX_AGE_NS: u64 = 30_000_000_000;

#[derive(Debug, Clone, Copy)]
struct Slot {
    time_ns: u64,
    src: Address,
    dst: Address,
    ident: u32,
    ip_proto: u8,
    src_port: u16,
    dst_port: u16,
}

/// The cache of first fragments.
#[derive(Debug)]
pub(crate) struct Fragments {
    slots: Vec<Option<Slot>>,
    size: usize,
    hash: FixedState,
}

impl Fragments {
    pub(crate) fn new(size: usize, seed: u64) -> Fragments {
        Fragments { slots: Vec::new(), size, hash: FixedState::with_seed(seed) }
    }

    /// Remembers a first fragment, gives any other one the ports of its first. Returns whether the flow is certain.
    #[inline]
    pub(crate) fn resolve(&mut self, packet: &mut Packet<'_>) -> bool {
        match packet.fragment {
            Fragment::Whole => true,
            Fragment::First => {
                self.remember(packet);
                true
            }
            Fragment::Other => self.find(packet),
        }
    }

    fn index(&self, packet: &Packet<'_>) -> usize {
        let mut h = self.hash.build_hasher();
        h.write_u128(packet.src.0);
        h.write_u128(packet.dst.0);
        h.write_u64(u64::from(packet.ident) << 8 | u64::from(packet.ip_proto));
        (h.finish() % self.size.max(1) as u64) as usize
    }

    fn remember(&mut self, packet: &Packet<'_>) {
        // The slots are made when the first fragment comes; most captures have none.
        if self.slots.is_empty() {
            self.slots = vec![None; self.size];
        }
        let at = self.index(packet);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some(Slot {
                time_ns: packet.time_ns,
                src: packet.src,
                dst: packet.dst,
                ident: packet.ident,
                ip_proto: packet.ip_proto,
                src_port: packet.src_port,
                dst_port: packet.dst_port,
            });
        }
    }

    fn find(&self, packet: &mut Packet<'_>) -> bool {
        let Some(Some(slot)) = self.slots.get(self.index(packet)) else { return false };
        let same = slot.src == packet.src
            && slot.dst == packet.dst
            && slot.ident == packet.ident
            && slot.ip_proto == packet.ip_proto
            && packet.time_ns.saturating_sub(slot.time_ns) <= MAX_AGE_NS;
        if same {
            packet.src_port = slot.src_port;
            packet.dst_port = slot.dst_port;
        }
        same
    }
}
