//! Associations: what the paths (flows) of one association share, found by verification tag and ports (RFC 9260 8.5).
//!
//! In: packets of flows that joined. Out: RTT and RTO per path, streams, windows. An association lives as long as one of its
//! flows does, so there are never more of them than flows.

use std::hash::Hasher;

use hashbrown::HashMap;
use sce_proto::StreamInterval;
use siphasher::sip::SipHasher24;

use super::chunk::Init;
use super::reconfig::Requests;
use super::rto::Rto;
use super::streams::Streams;
use super::tsn::Tsns;
use crate::dist::Times;
use crate::packet::{Both, Dir};
use crate::transport::Name;

/// Paths of an association that are told apart; further ones count as the last one.
const PATHS: usize = 16;

/// All associations of one meter.
#[derive(Debug, Default)]
pub(crate) struct Associations {
    slots: Vec<Option<Box<Assoc>>>,
    free: Vec<u32>,
    /// Whose packets carry this tag with these ports (source, destination), and in which direction they go.
    index: HashMap<(u32, u16, u16), (u32, Dir), foldhash::fast::FixedState>,
    /// Stream records since the last interval, without interval and label.
    pub(crate) rows: Vec<StreamInterval>,
}

/// A flow's place in its association.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) slot: u32,
    pub(crate) path: u8,
    /// The flow's up is the association's down.
    pub(crate) flipped: bool,
}

/// One association.
#[derive(Debug)]
pub(crate) struct Assoc {
    flows: u32,
    /// The first path's flow.
    pub(crate) flow: Name,
    /// Ports of packets that go up: source and destination.
    ports: (u16, u16),
    /// Tags that packets of each direction carry; 0 = not known.
    pub(crate) tags: Both<u32>,
    pub(crate) init: Both<Option<Init>>,
    pub(crate) handshake: Handshake,
    pub(crate) sides: Both<Side>,
    pub(crate) paths: Vec<Path>,
}

/// Times of the handshake.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) init_ns: Option<u64>,
    pub(crate) init_ack_ns: Option<u64>,
    pub(crate) repeated: bool,
    pub(crate) echoed: bool,
    pub(crate) rtt_ns: u64,
}

/// What one direction sent.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(crate) tsns: Tsns,
    pub(crate) streams: Streams,
    pub(crate) requests: Requests,
    /// The last time a SACK covered something new of it.
    pub(crate) progress_ns: u64,
    /// Since when this side's own window is zero.
    pub(crate) zero_since_ns: Option<u64>,
}

/// One pair of addresses.
#[derive(Debug, Default)]
pub(crate) struct Path {
    pub(crate) rtt: Both<Times>,
    pub(crate) cross: Both<u32>,
    pub(crate) rto: Both<Rto>,
}

impl Associations {
    /// A seat for a flow whose first packet carries this tag: in the association that uses it, or in a new one.
    pub(crate) fn join(&mut self, tag: u32, ports: (u16, u16), dir: Dir, flow: Name) -> Seat {
        let known = if tag == 0 { None } else { self.index.get(&(tag, ports.0, ports.1)).copied() };
        if let Some((slot, along)) = known
            && let Some(assoc) = self.get(slot)
        {
            assoc.flows += 1;
            if assoc.paths.len() < PATHS {
                assoc.paths.push(Path::default());
            }
            return Seat { slot, path: (assoc.paths.len() - 1) as u8, flipped: along != dir };
        }
        let ports = if dir == Dir::Up { ports } else { (ports.1, ports.0) };
        let assoc = Box::new(Assoc {
            flows: 1,
            flow,
            ports,
            tags: Both::default(),
            init: Both::default(),
            handshake: Handshake::default(),
            sides: Both::default(),
            paths: vec![Path::default()],
        });
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(assoc);
                slot
            }
            None => {
                self.slots.push(Some(assoc));
                (self.slots.len() - 1) as u32
            }
        };
        Seat { slot, path: 0, flipped: false }
    }

    pub(crate) fn get(&mut self, slot: u32) -> Option<&mut Assoc> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// Remembers the tag that packets of a direction carry. The first one stays.
    pub(crate) fn learn(&mut self, slot: u32, dir: Dir, tag: u32) {
        let Some(assoc) = self.get(slot) else { return };
        if tag == 0 || assoc.tags[dir] != 0 {
            return;
        }
        assoc.tags[dir] = tag;
        let (up, down) = assoc.ports;
        let key = if dir == Dir::Up { (tag, up, down) } else { (tag, down, up) };
        self.index.insert(key, (slot, dir));
    }

    /// A flow left. With its last flow the association goes.
    pub(crate) fn leave(&mut self, slot: u32) {
        let Some(assoc) = self.get(slot) else { return };
        assoc.flows -= 1;
        if assoc.flows > 0 {
            return;
        }
        let ((up, down), tags) = (assoc.ports, assoc.tags);
        for (dir, key) in [(Dir::Up, (tags[Dir::Up], up, down)), (Dir::Down, (tags[Dir::Down], down, up))] {
            if self.index.get(&key) == Some(&(slot, dir)) {
                self.index.remove(&key);
            }
        }
        self.slots[slot as usize] = None;
        self.free.push(slot);
    }
}

impl Assoc {
    /// The same number at every point: both ends' ports and tags, the smaller end first.
    pub(crate) fn id(&self) -> u64 {
        let (up, down) = (self.tags[Dir::Up], self.tags[Dir::Down]);
        if up == 0 || down == 0 {
            return 0;
        }
        let mut ends = [(self.ports.0, up), (self.ports.1, down)];
        ends.sort_unstable();
        let mut h = SipHasher24::new();
        for (port, tag) in ends {
            h.write(&port.to_be_bytes());
            h.write(&tag.to_be_bytes());
        }
        h.finish()
    }

    /// Streams that a direction may use: what its sender offered and its receiver allowed, and what was added since.
    pub(crate) fn negotiated(&self, dir: Dir) -> u16 {
        match (&self.init[dir], &self.init[dir.flip()]) {
            (Some(sender), Some(receiver)) => {
                sender.outbound.min(receiver.inbound).saturating_add(self.sides[dir].requests.added)
            }
            _ => 0,
        }
    }

    /// The path with this number.
    pub(crate) fn path(&mut self, path: u8) -> Option<&mut Path> {
        self.paths.get_mut(usize::from(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(flow: u64) -> Name {
        Name { flow, flow_key: 0 }
    }

    #[test]
    fn flows_with_one_tag_share_an_association_until_the_last_one_leaves() {
        let mut all = Associations::default();
        let first = all.join(0, (1000, 2000), Dir::Up, name(7));
        all.learn(first.slot, Dir::Down, 0xaaaa);
        all.learn(first.slot, Dir::Up, 0xbbbb);
        // Another path, first seen from the responder's side.
        let second = all.join(0xaaaa, (2000, 1000), Dir::Up, name(8));
        assert_eq!((second.slot, second.path, second.flipped), (first.slot, 1, true));
        let other = all.join(0xaaaa, (2000, 1001), Dir::Up, name(9));
        assert_ne!(other.slot, first.slot);
        all.leave(first.slot);
        assert!(all.get(first.slot).is_some_and(|a| a.flow.flow == 7 && a.id() != 0));
        all.leave(first.slot);
        assert!(all.get(first.slot).is_none());
        assert!(all.index.is_empty());
        assert_eq!(all.join(1, (5, 6), Dir::Up, name(10)).slot, first.slot, "the slot is used again");
    }
}
