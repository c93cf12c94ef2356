//! Connection identifiers of recent flows, to know a connection again when it comes from another address or port.
//!
//! In: identifiers from long headers. Out: the flow instance that used one. Bounded: the oldest are forgotten. Identifiers
//! that an end issues later are encrypted (NEW_CONNECTION_ID), so only connections that keep theirs are known again: NAT
//! rebindings, and ends that do not change it when they migrate.

use std::collections::VecDeque;
use std::hash::Hasher;

use hashbrown::HashMap;
use siphasher::sip::SipHasher24;

use super::wire::CID_MAX;

/// Identifiers that are remembered: two for each of 4096 connections, 400 KB.
const MAX: usize = 8192;
/// Shorter ones are found by chance too easily.
const SHORTEST: usize = 4;

/// The identifiers.
#[derive(Debug, Default)]
pub(crate) struct Cids {
    flows: HashMap<u64, u64, foldhash::fast::FixedState>,
    order: VecDeque<u64>,
    /// Lengths in use: a short header does not tell its own.
    lengths: u32,
}

impl Cids {
    /// Remembers an identifier of a flow.
    pub(crate) fn insert(&mut self, cid: &[u8], flow: u64) {
        if cid.len() < SHORTEST || cid.len() > CID_MAX {
            return;
        }
        let name = hash(cid);
        if self.flows.insert(name, flow).is_some() {
            return;
        }
        self.lengths |= 1 << cid.len();
        self.order.push_back(name);
        if self.order.len() > MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.flows.remove(&oldest);
        }
    }

    /// The flow whose identifier a short header packet carries.
    pub(crate) fn find(&self, packet: &[u8]) -> Option<u64> {
        let known = |len: &usize| self.lengths & (1 << *len) != 0;
        let find = |len| self.flows.get(&hash(packet.get(1..1 + len)?)).copied();
        (SHORTEST..=CID_MAX).rev().filter(known).find_map(find)
    }
}

fn hash(cid: &[u8]) -> u64 {
    let mut h = SipHasher24::new();
    h.write(cid);
    h.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_found_behind_the_first_byte_and_forgotten_in_order() {
        let mut cids = Cids::default();
        cids.insert(&[1, 2, 3], 7);
        cids.insert(&[1, 2, 3, 4, 5, 6, 7, 8], 8);
        assert_eq!(cids.find(&[0x40, 1, 2, 3, 4, 5, 6, 7, 8, 99, 99]), Some(8));
        assert_eq!(cids.find(&[0x40, 1, 2, 3, 9, 9]), None, "3 bytes are too few");
        for i in 0..MAX as u64 {
            cids.insert(&i.to_be_bytes(), 9);
        }
        assert_eq!(cids.find(&[0x40, 1, 2, 3, 4, 5, 6, 7, 8]), None);
        assert_eq!((cids.flows.len(), cids.order.len()), (MAX, MAX));
    }
}
