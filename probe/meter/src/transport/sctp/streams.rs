//! The streams of one direction of an association: use, order and waiting.
//!
//! In: DATA chunks that pass for the first time. Out: per-stream counters, and how evenly the streams are used. Head-of-line
//! waiting is what a receiver at this point would see: an ordered message waits until all earlier ones of its stream came.
//! Bounded: beyond [`STREAMS`] further streams are not followed.

use sce_proto::StreamInterval;

use super::chunk::Data;

/// Streams that are followed.
const STREAMS: usize = 256;
/// Messages behind a missing one that are followed.
const WAITING: u32 = 64;
/// A gap this long means that the stream was not in use, ns.
const IDLE_NS: u64 = 2_000_000_000;

/// All streams of one direction, in the order of their identifiers.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    all: Vec<Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    id: u16,
    /// User data over the whole life, bytes.
    total_bytes: u64,
    last_ns: u64,
    /// ns^2 that did not fill a us^2.
    rest: u64,
    order: Order,
    row: Row,
}

/// Counters since the last report.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    chunks: u64,
    user_bytes: u64,
    unordered: u64,
    skipped: u64,
    hol_chunks: u64,
    hol_ns: u64,
    first_ns: u64,
    iat_count: u64,
    iat_sum_ns: u64,
    iat_us2: u64,
    iat_min_ns: u64,
    iat_max_ns: u64,
}

/// Ordered messages of one stream.
#[derive(Debug, Default)]
struct Order {
    started: bool,
    /// The message that is waited for.
    next: u32,
    /// The highest one that came.
    highest: u32,
    /// Bit i: message next + i came whole.
    came: u64,
    /// When they came, by message modulo [`WAITING`].
    at_ns: Option<Box<[u64; WAITING as usize]>>,
}

/// Head-of-line waiting that one chunk adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) chunks: u64,
    pub(crate) ns: u64,
}

/// How evenly streams are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Use {
    /// Streams that carried data so far.
    pub(crate) seen: u64,
    /// Streams that carried data since the last report.
    pub(crate) active: u64,
    /// Entropy of the bytes per stream over that of all streams used alike, millionths: over the negotiated streams.
    pub(crate) of_negotiated_ppm: u64,
    /// The same over the streams seen.
    pub(crate) of_seen_ppm: u64,
}

impl Streams {
    /// Counts a chunk.
    pub(crate) fn observe(&mut self, data: &Data, at_ns: u64) -> Waiting {
        let at = match self.all.binary_search_by_key(&data.stream, |s| s.id) {
            Ok(at) => at,
            Err(at) if self.all.len() < STREAMS => {
                self.all.insert(at, Stream { id: data.stream, ..Stream::default() });
                at
            }
            Err(_) => return Waiting::default(),
        };
        self.all[at].observe(data, at_ns)
    }

    /// A message that will never come (FORWARD TSN): nobody waits for it any longer.
    pub(crate) fn skip(&mut self, stream: u16, message: u32, wide: bool, at_ns: u64) -> Waiting {
        let Ok(at) = self.all.binary_search_by_key(&stream, |s| s.id) else { return Waiting::default() };
        let stream = &mut self.all[at];
        let ns = stream.order.forget(message, wide, at_ns);
        stream.row.hol_ns += ns;
        Waiting { chunks: 0, ns }
    }

    /// Message numbers of these streams begin at 0 again, of all streams where none is named.
    pub(crate) fn begin_anew(&mut self, named: &[u16]) {
        for stream in self.all.iter_mut().filter(|s| named.is_empty() || named.contains(&s.id)) {
            stream.order = Order::from_zero();
        }
    }

    /// How the streams are used; `negotiated` 0 = not known.
    pub(crate) fn usage(&self, negotiated: u16) -> Use {
        let total: u64 = self.all.iter().map(|s| s.total_bytes).sum();
        let share = |s: &Stream| s.total_bytes as f64 / total.max(1) as f64;
        let entropy: f64 = self.all.iter().map(share).filter(|p| *p > 0.0).map(|p| -p * p.log2()).sum();
        let of =
            |streams: usize| if streams > 1 { (entropy / (streams as f64).log2() * 1e6).round() as u64 } else { 0 };
        Use {
            seen: self.all.len() as u64,
            active: self.all.iter().filter(|s| s.row.chunks > 0).count() as u64,
            of_negotiated_ppm: of(usize::from(negotiated)),
            of_seen_ppm: of(self.all.len()),
        }
    }

    /// The counters of streams that have some; the caller fills in the flow and the interval.
    pub(crate) fn report(&mut self, mut emit: impl FnMut(StreamInterval)) {
        for stream in &mut self.all {
            let Row {
                chunks,
                user_bytes,
                unordered,
                skipped,
                hol_chunks,
                hol_ns,
                first_ns,
                iat_count,
                iat_sum_ns,
                iat_us2,
                iat_min_ns,
                iat_max_ns,
            } = std::mem::take(&mut stream.row);
            if chunks == 0 && hol_ns == 0 {
                continue;
            }
            emit(StreamInterval {
                stream: stream.id.into(),
                chunks,
                user_bytes,
                unordered_chunks: unordered,
                skipped_messages: skipped,
                hol_chunks,
                hol_ns,
                first_ns,
                last_ns: stream.last_ns,
                iat_count,
                iat_ns_sum: iat_sum_ns,
                iat_us2_sum: iat_us2,
                iat_ns_min: iat_min_ns,
                iat_ns_max: iat_max_ns,
                ..StreamInterval::default()
            });
        }
    }
}

impl Stream {
    fn observe(&mut self, data: &Data, at_ns: u64) -> Waiting {
        let gap = at_ns.saturating_sub(self.last_ns);
        if self.last_ns > 0 && at_ns >= self.last_ns && gap < IDLE_NS {
            let row = &mut self.row;
            row.iat_min_ns = if row.iat_count == 0 { gap } else { row.iat_min_ns.min(gap) };
            row.iat_max_ns = row.iat_max_ns.max(gap);
            row.iat_count += 1;
            row.iat_sum_ns += gap;
            let squares = self.rest + gap * gap; // below 2^62: the gap is below 2 s
            row.iat_us2 += squares / 1_000_000;
            self.rest = squares % 1_000_000;
        }
        self.last_ns = self.last_ns.max(at_ns);
        self.total_bytes = self.total_bytes.saturating_add(data.bytes.into());
        let row = &mut self.row;
        if row.chunks == 0 {
            row.first_ns = at_ns;
        }
        row.chunks += 1;
        row.user_bytes += u64::from(data.bytes);
        if data.unordered {
            row.unordered += 1;
            return Waiting::default();
        }
        let (waits, skipped, ns) = self.order.observe(data, at_ns);
        row.skipped += u64::from(skipped);
        row.hol_chunks += u64::from(waits);
        row.hol_ns += ns;
        Waiting { chunks: waits.into(), ns }
    }
}

impl Order {
    /// Of a stream whose next message is known to be number 0.
    fn from_zero() -> Order {
        Order { started: true, highest: u32::MAX, ..Order::default() }
    }

    /// Whether the chunk waits, how many messages it skipped, and the waiting of others that it ended.
    fn observe(&mut self, data: &Data, at_ns: u64) -> (bool, u32, u64) {
        let message = data.message;
        if !self.started {
            *self = Order { started: true, next: message, highest: message, came: 0, at_ns: None };
        }
        let beyond = distance(self.highest, message, data.wide);
        let skipped = u32::try_from(beyond.saturating_sub(1)).unwrap_or(0);
        if beyond > 0 {
            self.highest = message;
        }
        let ahead = distance(self.next, message, data.wide);
        if ahead < 0 {
            return (false, skipped, 0);
        }
        if ahead.unsigned_abs() >= WAITING {
            // Too far behind to follow: begin anew from here.
            (self.next, self.came) = (message, 0);
        }
        let ahead = distance(self.next, message, data.wide).unsigned_abs();
        if data.ends {
            self.came |= 1 << ahead;
            if ahead > 0 {
                self.at_ns.get_or_insert_with(|| Box::new([0; WAITING as usize]))[(message % WAITING) as usize] = at_ns;
            }
        }
        let waited = if ahead == 0 && data.ends { self.deliver(data.wide, at_ns, true) } else { 0 };
        (ahead > 0, skipped, waited)
    }

    /// Hands on the messages that came in a row; the first one did not wait if it is the `fresh` one.
    fn deliver(&mut self, wide: bool, at_ns: u64, fresh: bool) -> u64 {
        let (mut ns, mut waited) = (0u64, !fresh);
        while self.came & 1 != 0 {
            if waited && let Some(times) = &self.at_ns {
                ns = ns.saturating_add(at_ns.saturating_sub(times[(self.next % WAITING) as usize]));
            }
            waited = true;
            self.came >>= 1;
            self.next = step(self.next, wide);
        }
        ns
    }

    /// Nobody waits for messages up to this one any longer.
    fn forget(&mut self, message: u32, wide: bool, at_ns: u64) -> u64 {
        if !self.started || distance(self.next, message, wide) < 0 {
            return 0;
        }
        let mut ns = 0;
        for _ in 0..WAITING {
            if distance(self.next, message, wide) < 0 {
                break;
            }
            if self.came & 1 != 0 {
                ns += self.deliver(wide, at_ns, false);
            } else {
                self.came >>= 1;
                self.next = step(self.next, wide);
            }
        }
        if distance(self.next, message, wide) >= 0 {
            (self.next, self.came) = (step(message, wide), 0);
        }
        ns + self.deliver(wide, at_ns, false)
    }
}

/// How far `to` is ahead of `from`: SSNs have 16 bits, MIDs 32.
fn distance(from: u32, to: u32, wide: bool) -> i32 {
    if wide {
        to.wrapping_sub(from).cast_signed()
    } else {
        i32::from((to as u16).wrapping_sub(from as u16).cast_signed())
    }
}

fn step(message: u32, wide: bool) -> u32 {
    if wide { message.wrapping_add(1) } else { u32::from((message as u16).wrapping_add(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data(stream: u16, message: u32, bytes: u32) -> Data {
        Data { tsn: 0, stream, message, wide: false, unordered: false, ends: true, bytes }
    }

    #[test]
    fn messages_wait_for_the_missing_one_across_the_wrap() {
        let mut s = Streams::default();
        assert_eq!(s.observe(&data(1, 65_534, 10), 100), Waiting::default());
        // 65535 is missing: two messages wait.
        assert_eq!(s.observe(&data(1, 0, 10), 110), Waiting { chunks: 1, ns: 0 });
        assert_eq!(s.observe(&data(1, 1, 10), 130), Waiting { chunks: 1, ns: 0 });
        // Another stream does not.
        assert_eq!(s.observe(&data(2, 7, 10), 135), Waiting::default());
        assert_eq!(s.observe(&data(1, 65_535, 10), 150), Waiting { chunks: 0, ns: 40 + 20 });
        let mut rows = Vec::new();
        s.report(|r| rows.push(r));
        assert_eq!((rows[0].chunks, rows[0].skipped_messages, rows[0].hol_chunks, rows[0].hol_ns), (4, 1, 2, 60));
        assert_eq!((rows[1].stream, rows[1].chunks, rows[1].iat_count), (2, 1, 0));
    }

    #[test]
    fn a_skipped_message_is_not_waited_for() {
        let mut s = Streams::default();
        s.observe(&data(1, 0, 10), 100);
        s.observe(&data(1, 2, 10), 110);
        assert_eq!(s.skip(1, 1, false, 150), Waiting { chunks: 0, ns: 40 });
        assert_eq!(s.observe(&data(1, 3, 10), 160), Waiting::default());
    }

    #[test]
    fn evenness_is_one_where_all_streams_carry_the_same() {
        let mut s = Streams::default();
        for stream in 0..4 {
            s.observe(&data(stream, 0, 500), 1);
        }
        let u = s.usage(16);
        assert_eq!((u.seen, u.active, u.of_seen_ppm, u.of_negotiated_ppm), (4, 4, 1_000_000, 500_000));
        let mut one = Streams::default();
        one.observe(&data(0, 0, 1), 1);
        assert_eq!(one.usage(1).of_seen_ppm, 0);
    }

    proptest! {
        #[test]
        fn any_messages_are_followed_without_panic(
            steps in proptest::collection::vec((0u16..4, any::<u32>(), any::<[bool; 4]>(), 0u32..3), 0..200),
        ) {
            let mut s = Streams::default();
            for (i, (stream, message, [wide, unordered, ends, far], near)) in steps.iter().enumerate() {
                let message = if *far { *message } else { i as u32 + near };
                let d = Data { tsn: 0, stream: *stream, message, wide: *wide, unordered: *unordered, ends: *ends, bytes: 1 };
                s.observe(&d, i as u64);
                s.skip(*stream, message.wrapping_sub(*near), *wide, i as u64);
            }
        }
    }
}
