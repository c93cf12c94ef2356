//! Changes of the streams of a running association, RFC 6525: streams that are added, and streams that begin anew.
//!
//! In: RE-CONFIG chunks. Out: what a request asked for, once the other side said that it was performed. A side has one
//! request open at a time (RFC 6525 section 5.1.1). A request for the peer's streams (incoming) only makes the peer ask for
//! the same itself, so it changes nothing here.

use super::assoc::Assoc;
use super::chunk::{Chunk, half, word};
use super::tsn::Tsns;
use crate::packet::Dir;

/// Parameter types, RFC 6525 section 4.
mod parameter {
    pub(super) const RESET_OUTGOING: u16 = 13;
    pub(super) const RESET_ALL: u16 = 15;
    pub(super) const RESPONSE: u16 = 16;
    pub(super) const ADD_OUTGOING: u16 = 17;
}

/// The result that a request was performed, RFC 6525 section 4.4.
const PERFORMED: u32 = 1;
/// Streams that a request can name here; one that names more is taken for all of them.
const NAMED: usize = 16;

/// What one side asked for.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// Sequence number of the open request, and what it asks for.
    open: Option<(u32, Request)>,
    /// The latest one that was performed: it may be sent again.
    performed: Option<u32>,
    /// Streams added so far.
    pub(crate) added: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    /// So many more outgoing streams.
    Add(u16),
    /// Message numbers of these streams begin at 0 again; of all where the count is 0.
    Reset { streams: [u16; NAMED], count: usize },
    /// Message numbers of all streams and TSNs begin anew, of both sides (section 5.2.4).
    ResetAll,
}

/// Takes a RE-CONFIG chunk of one side.
pub(super) fn observe(chunk: &Chunk<'_>, along: Dir, assoc: &mut Assoc) {
    let mut rest = chunk.body;
    while let (Some(kind), Some(length)) = (half(rest, 0), half(rest, 2)) {
        let length = usize::from(length.max(4));
        let value = rest.get(4..length.min(rest.len())).unwrap_or_default();
        match kind {
            parameter::RESPONSE => answered(value, along.flip(), assoc),
            kind => {
                let requests = &mut assoc.sides[along].requests;
                let request = word(value, 0).zip(request(kind, value));
                if let Some(request) = request.filter(|r| requests.performed != Some(r.0)) {
                    requests.open = Some(request);
                }
            }
        }
        let Some(next) = rest.get(length.next_multiple_of(4)..) else { break };
        rest = next;
    }
}

fn request(kind: u16, value: &[u8]) -> Option<Request> {
    match kind {
        parameter::ADD_OUTGOING => Some(Request::Add(half(value, 4)?)),
        parameter::RESET_ALL => Some(Request::ResetAll),
        parameter::RESET_OUTGOING => {
            let named = value.get(12..)?.chunks_exact(2);
            let mut streams = [0; NAMED];
            let count = if named.len() > NAMED { 0 } else { named.len() };
            for (stream, id) in streams.iter_mut().zip(named) {
                *stream = u16::from_be_bytes([id[0], id[1]]);
            }
            Some(Request::Reset { streams, count })
        }
        _ => None,
    }
}

/// The peer of `asker` answered.
fn answered(value: &[u8], asker: Dir, assoc: &mut Assoc) {
    let (Some(sequence), Some(PERFORMED)) = (word(value, 0), word(value, 4)) else { return };
    let side = &mut assoc.sides[asker];
    let Some((_, request)) = side.requests.open.take_if(|open| open.0 == sequence) else { return };
    side.requests.performed = Some(sequence);
    match request {
        Request::Add(streams) => side.requests.added = side.requests.added.saturating_add(streams),
        Request::Reset { streams, count } => side.streams.begin_anew(&streams[..count]),
        Request::ResetAll => {
            for dir in Dir::BOTH {
                let side = &mut assoc.sides[dir];
                side.streams.begin_anew(&[]);
                // The new TSNs are half the number space away: neither a hole nor old.
                side.tsns = Tsns::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::assoc::Associations;
    use super::super::chunk::{Init, kind};
    use super::*;
    use crate::transport::Name;

    fn chunk(body: &[u8]) -> Chunk<'_> {
        Chunk { kind: kind::RE_CONFIG, flags: 0, body, length: body.len() }
    }

    #[test]
    fn streams_are_added_when_the_peer_says_so_and_once() {
        let mut all = Associations::default();
        let seat = all.join(1, (5, 6), Dir::Up, Name { flow: 1, flow_key: 1 });
        let assoc = all.get(seat.slot).unwrap();
        let init = Init { outbound: 10, inbound: 20, ..Init::default() };
        (assoc.init[Dir::Up], assoc.init[Dir::Down]) = (Some(init), Some(init));
        let add = [0, 17, 0, 12, 0, 0, 0, 9, 0, 6, 0, 0];
        let answer = |result: u8| [0, 16, 0, 12, 0, 0, 0, 9, 0, 0, 0, result];
        observe(&chunk(&add), Dir::Up, assoc);
        assert_eq!(assoc.negotiated(Dir::Up), 10, "only asked for");
        observe(&chunk(&answer(2)), Dir::Down, assoc);
        assert_eq!(assoc.negotiated(Dir::Up), 10, "denied");
        for _ in 0..2 {
            observe(&chunk(&add), Dir::Up, assoc);
            observe(&chunk(&answer(1)), Dir::Down, assoc);
            assert_eq!((assoc.negotiated(Dir::Up), assoc.negotiated(Dir::Down)), (16, 10));
        }
    }

    #[test]
    fn a_request_names_streams_or_all() {
        let named = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4];
        let mut streams = [0; NAMED];
        streams[..2].copy_from_slice(&[3, 4]);
        assert_eq!(request(parameter::RESET_OUTGOING, &named), Some(Request::Reset { streams, count: 2 }));
        let all = Some(Request::Reset { streams: [0; NAMED], count: 0 });
        assert_eq!(request(parameter::RESET_OUTGOING, &named[..12]), all);
        assert_eq!(request(parameter::RESET_ALL, &named[..4]), Some(Request::ResetAll));
    }
}
