//! Handshakes that are being read: keys and the start of the client's CRYPTO stream, in a pool of fixed size.
//!
//! In: Initial packets. Out: what their frames said, and the client's hello. A handshake takes 6 KB, so flows only hold a
//! ticket to a slot of the pool; when all slots are taken the oldest handshake is given up.

use super::frames::{self, Said, Stream};
use super::hello::{self, Hello};
use super::initial::{Keys, PACKET_MAX};
use super::wire::Long;

/// Handshakes read at the same time: 6.5 MB at most, a second of 1000 new connections per second.
const SLOTS: usize = 1024;

/// The pool. Slots are made when first needed and used again.
#[derive(Default)]
pub(crate) struct Handshakes {
    slots: Vec<Box<Handshake>>,
    issued: u64,
}

/// A flow's right to a slot, void once the slot was given to another flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// One handshake.
pub(crate) struct Handshake {
    ticket: Ticket,
    keys: Keys,
    stream: Stream,
    /// The hello was read, or can never be: the stream needs no more bytes.
    hello_done: bool,
}

impl std::fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshakes").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

impl Handshakes {
    /// Begins a handshake with the destination connection identifier of the client's first Initial.
    pub(crate) fn begin(&mut self, version: u32, dcid: &[u8]) -> Ticket {
        let ticket = Ticket(self.issued);
        let at = (self.issued % SLOTS as u64) as usize;
        self.issued += 1;
        let keys = Keys::new(version, dcid);
        match self.slots.get_mut(at) {
            Some(slot) => {
                slot.ticket = ticket;
                slot.keys = keys;
                slot.stream.clear();
                slot.hello_done = false;
            }
            None => self.slots.push(Box::new(Handshake { ticket, keys, stream: Stream::new(), hello_done: false })),
        }
        ticket
    }

    /// The handshake of a ticket, unless it was given up.
    pub(crate) fn get(&mut self, ticket: Ticket) -> Option<&mut Handshake> {
        let slot = self.slots.get_mut((ticket.0 % SLOTS as u64) as usize)?;
        (slot.ticket == ticket).then_some(slot)
    }
}

impl Handshake {
    /// Opens an Initial packet at the start of `datagram`; `None` if these keys do not open it.
    pub(crate) fn open(
        &mut self,
        from_client: bool,
        datagram: &[u8],
        long: &Long<'_>,
    ) -> Option<(Said, Option<Hello>)> {
        let mut buffer = [0; PACKET_MAX];
        let text = self.keys.open(from_client, datagram, long, &mut buffer)?;
        Some(read(text, from_client, &mut self.hello_done, &mut self.stream))
    }

    /// The same for a client that began anew: after a Retry it goes on with the server's connection identifier (RFC 9001
    /// 5.2), after a version change with other keys. The new keys stay if they open the packet.
    pub(crate) fn reopen(&mut self, datagram: &[u8], long: &Long<'_>) -> Option<(Said, Option<Hello>)> {
        let mut keys = Keys::new(long.version, long.dcid);
        let mut buffer = [0; PACKET_MAX];
        let text = keys.open(true, datagram, long, &mut buffer)?;
        self.keys = keys;
        Some(read(text, true, &mut self.hello_done, &mut self.stream))
    }
}

/// Walks the frames of an opened packet; of the client's, the CRYPTO stream is kept until the hello is complete.
fn read(text: &[u8], from_client: bool, hello_done: &mut bool, stream: &mut Stream) -> (Said, Option<Hello>) {
    let wanted = from_client && !*hello_done;
    let said = frames::walk(text, |offset, bytes| {
        if wanted {
            stream.insert(offset, bytes);
        }
    });
    let hello = if wanted { hello::read(stream.prefix()) } else { None };
    *hello_done |= hello.is_some();
    (said, hello)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_gives_up_the_oldest_handshake() {
        let mut pool = Handshakes::default();
        let first = pool.begin(1, &[1; 8]);
        let second = pool.begin(1, &[2; 8]);
        for _ in 0..SLOTS - 1 {
            pool.begin(1, &[3; 8]);
        }
        assert_eq!(pool.slots.len(), SLOTS);
        assert!(pool.get(first).is_none());
        assert!(pool.get(second).is_some());
    }
}
