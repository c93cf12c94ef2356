//! Round trips of the QUIC handshake, on both sides of the observation point (RFC 9312 4.1).
//!
//! In: the steps of the handshake as they pass. Out: one time for each side. Up: from the client's first Initial to the
//! server's first packet. Down: from the server's first Initial to the client's first packet that acknowledges it.

use crate::packet::Dir;

/// A packet of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// An Initial packet; whether an ACK frame was read in it.
    Initial { acknowledges: bool },
    /// A Handshake or 1-RTT packet: whoever sends it has the other side's hello.
    Protected,
    /// A Retry: an answer, after which the client begins again.
    Retry,
}

/// The client's probe timeout is at least this before the first sample (RFC 9002 6.2.2 starts from 333 ms): an Initial this
/// long after the first one is a repetition, and the answer could be to either.
const REPEATED_NS: u64 = 100_000_000;

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    client_ns: Option<u64>,
    repeated: bool,
    server_ns: Option<u64>,
    up_ns: Option<u64>,
    up_done: bool,
    down_ns: Option<u64>,
    down_done: bool,
}

impl Timing {
    /// Takes a step; a time, with the direction it belongs to, when one is complete.
    pub(crate) fn observe(&mut self, step: Step, dir: Dir, at_ns: u64) -> Option<(Dir, u64)> {
        match dir {
            Dir::Up => self.client(step, at_ns),
            Dir::Down => self.server(step, at_ns),
        }
    }

    fn client(&mut self, step: Step, at_ns: u64) -> Option<(Dir, u64)> {
        let Some(server_ns) = self.server_ns else {
            match self.client_ns {
                None if matches!(step, Step::Initial { .. }) => self.client_ns = Some(at_ns),
                Some(first) => self.repeated |= at_ns.saturating_sub(first) > REPEATED_NS,
                None => {}
            }
            return None;
        };
        // The client still repeats its hello: it has not got the server's packet, and the answer will be to another one.
        let repeats = step == Step::Initial { acknowledges: false };
        self.down_done |= repeats && at_ns.saturating_sub(server_ns) > REPEATED_NS;
        let answers = matches!(step, Step::Protected | Step::Initial { acknowledges: true });
        if self.down_done || !answers {
            return None;
        }
        self.down_done = true;
        self.down_ns = at_ns.checked_sub(server_ns);
        self.down_ns.map(|ns| (Dir::Down, ns))
    }

    fn server(&mut self, step: Step, at_ns: u64) -> Option<(Dir, u64)> {
        if step == Step::Retry {
            let sample = self.answer(at_ns);
            // The client's next Initial starts another exchange, which is timed only if this one was not.
            (self.client_ns, self.repeated) = (None, false);
            return sample;
        }
        let first = self.server_ns.is_none() && self.client_ns.is_some();
        if first {
            self.server_ns = Some(at_ns);
        }
        if first { self.answer(at_ns) } else { None }
    }

    fn answer(&mut self, at_ns: u64) -> Option<(Dir, u64)> {
        if self.up_done || self.repeated {
            return None;
        }
        self.up_ns = Some(at_ns.checked_sub(self.client_ns?)?);
        self.up_done = true;
        self.up_ns.map(|ns| (Dir::Up, ns))
    }

    /// The whole round trip, once both sides are known.
    pub(crate) fn whole_ns(&self) -> Option<u64> {
        Some(self.up_ns? + self.down_ns?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACK: Step = Step::Initial { acknowledges: true };
    const HELLO: Step = Step::Initial { acknowledges: false };

    fn run(steps: &[(u64, Dir, Step)]) -> Vec<(Dir, u64)> {
        let mut t = Timing::default();
        steps.iter().filter_map(|(at, dir, step)| t.observe(*step, *dir, *at)).collect()
    }

    #[test]
    fn both_sides_are_timed_once() {
        let steps = [
            (100, Dir::Up, HELLO),
            (110, Dir::Up, HELLO), // second datagram of a large hello
            (500, Dir::Down, ACK),
            (510, Dir::Down, Step::Protected),
            (515, Dir::Up, HELLO), // was on its way
            (540, Dir::Up, ACK),
            (560, Dir::Up, Step::Protected),
        ];
        assert_eq!(run(&steps), [(Dir::Up, 400), (Dir::Down, 40)]);
    }

    #[test]
    fn a_retry_answers_and_a_repeated_initial_is_ambiguous() {
        let retry = [(0, Dir::Up, HELLO), (30, Dir::Down, Step::Retry), (40, Dir::Up, HELLO), (90, Dir::Down, ACK)];
        assert_eq!(run(&retry), [(Dir::Up, 30)]);
        let repeated = [(0, Dir::Up, HELLO), (1_000_000_000, Dir::Up, HELLO), (1_010_000_000, Dir::Down, ACK)];
        assert_eq!(run(&repeated), []);
    }

    #[test]
    fn a_lost_answer_gives_no_time() {
        let steps =
            [(0, Dir::Up, HELLO), (50, Dir::Down, ACK), (300_000_000, Dir::Up, HELLO), (300_000_100, Dir::Up, ACK)];
        assert_eq!(run(&steps), [(Dir::Up, 50)]);
    }

    #[test]
    fn a_capture_that_begins_in_the_middle_gives_no_time() {
        assert_eq!(run(&[(5, Dir::Up, Step::Protected), (9, Dir::Down, Step::Protected)]), []);
    }
}
