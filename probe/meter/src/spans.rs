//! Run-length maps of TCP directions: what every packet was, where that is short.
//!
//! In: wire packets of a direction in the order they pass. Out: one [`Spans`](sce_proto::marks::Spans) blob per direction and
//! interval. A direction earns its runs by the payload it carries, so maps cost a bounded share of the traffic; where the
//! code point changes more often than that, the map of the interval ends there, and the sample speaks for the rest.

use sce_proto::marks::{Run, SpansWriter};

/// Payload that pays for one run. A run takes one to two bytes, so maps cost at most about 30 B/s for each Mbit/s.
const BYTES_PER_RUN: u32 = 6144;
/// Runs that a direction may have before it carried anything.
const FIRST_RUNS: u32 = 16;
/// Runs that a quiet direction can save up for a burst of marks.
const SAVED_RUNS: u32 = 2048;
/// Bytes of a map without runs, and of a run, that are seldom passed.
const LIKELY_HEAD: usize = 24;
const LIKELY_RUN: usize = 3;
const NONE: u32 = u32::MAX;

/// The open map of a direction. In this order: what every packet touches lies together.
#[derive(Debug, Clone)]
#[repr(C)]
pub(crate) struct Map {
    /// Packets of the direction before the map, and those in it.
    next: u64,
    /// The run that may still grow; none if it has no packets.
    run: Run,
    /// Nothing more is listed until the interval ends.
    paused: bool,
    /// More than one code point occurred.
    mixed: bool,
    /// Payload of finished runs that has not paid for a run yet.
    credit: u32,
    first_run: u32,
    last_run: u32,
    /// Finished runs.
    runs: u32,
    /// Packets of the direction before the map.
    first: u64,
}

impl Map {
    /// Takes in packets that passed behind `before` others, if they go on with the open run.
    #[inline]
    pub(crate) fn extend(&mut self, before: u64, run: &Run) -> bool {
        let goes_on = before == self.next && !self.paused && self.run.extend(run);
        self.next += if goes_on { u64::from(run.packets) } else { 0 };
        goes_on
    }

    /// Takes in what a finished run carried.
    fn earn(&mut self, run: Run) {
        let payload = run.size.saturating_mul(run.packets);
        self.credit = self.credit.saturating_add(payload).min(SAVED_RUNS * BYTES_PER_RUN);
    }
}

impl Default for Map {
    fn default() -> Self {
        Map {
            run: Run::default(),
            first: 0,
            next: 0,
            credit: FIRST_RUNS * BYTES_PER_RUN,
            first_run: NONE,
            last_run: NONE,
            runs: 0,
            paused: false,
            mixed: false,
        }
    }
}

/// The runs of all maps of a meter.
#[derive(Debug)]
pub(crate) struct Maps {
    runs: Vec<(Run, u32)>,
    most: usize,
}

impl Maps {
    /// Room for so many runs in an interval.
    pub(crate) fn new(most: usize) -> Self {
        Maps { runs: Vec::with_capacity(most), most }
    }

    /// Adds packets that passed behind `before` others. False if the buffer is full.
    #[inline]
    pub(crate) fn add(&mut self, map: &mut Map, before: u64, run: &Run) -> bool {
        map.extend(before, run) || self.turn(map, before, run)
    }

    /// Begins a run.
    #[inline(never)]
    fn turn(&mut self, map: &mut Map, before: u64, run: &Run) -> bool {
        if map.paused {
            map.earn(*run);
            return true;
        }
        if map.run.packets == 0 {
            map.first = before;
        } else {
            map.earn(map.run);
            let full = self.runs.len() >= self.most;
            // A packet may have passed that cannot be listed, such as a fragment.
            if before != map.next || full || map.credit < BYTES_PER_RUN {
                map.paused = true;
                return before != map.next || !full;
            }
            map.credit -= BYTES_PER_RUN;
            map.mixed |= map.run.ecn != run.ecn;
            self.push(map);
        }
        map.run = *run;
        map.next = before + u64::from(run.packets);
        true
    }

    fn push(&mut self, map: &mut Map) {
        let at = self.runs.len() as u32;
        self.runs.push((map.run, NONE));
        match self.runs.get_mut(map.last_run as usize) {
            Some(last) => last.1 = at,
            None => map.first_run = at,
        }
        map.last_run = at;
        map.runs += 1;
    }

    /// Whether the map tells more than the counters: more than one code point occurred. With `anyway` the others too, as what
    /// the map of another point is laid beside.
    pub(crate) fn tells(&self, map: &Map, anyway: bool) -> bool {
        map.run.packets > 0 && (map.mixed || anyway)
    }

    /// The map, in the room of `out`.
    pub(crate) fn blob(&self, map: &Map, out: Vec<u8>) -> Vec<u8> {
        let likely = LIKELY_HEAD + LIKELY_RUN * map.runs as usize;
        let mut writer = SpansWriter::over(out, map.first, likely);
        let mut at = map.first_run;
        while let Some((run, next)) = self.runs.get(at as usize) {
            writer.run(run);
            at = *next;
        }
        writer.run(&map.run);
        writer.finish()
    }

    /// Begins a new map.
    pub(crate) fn begin_anew(&self, map: &mut Map) {
        if !map.paused {
            map.earn(map.run);
        }
        *map = Map { credit: map.credit, ..Map::default() };
    }

    /// Empties the buffer: all flows have reported.
    pub(crate) fn clear(&mut self) {
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sce_proto::marks::Spans;

    fn data(seq: u32, packets: u32, ecn: u8) -> Run {
        Run { packets, seq, size: 1000, header: 52, ecn }
    }

    /// The map since the last call, if it tells something.
    fn blob(maps: &Maps, map: &mut Map, anyway: bool) -> Vec<u8> {
        let blob = if maps.tells(map, anyway) { maps.blob(map, vec![9; 100]) } else { Vec::new() };
        maps.begin_anew(map);
        blob
    }

    #[test]
    fn a_map_lists_every_packet_in_order() {
        let (mut maps, mut map) = (Maps::new(100), Map::default());
        let runs = [data(0, 3, 2), data(3000, 1, 2), data(4000, 1, 1), data(5000, 2, 2)];
        let mut before = 10;
        for run in &runs {
            assert!(maps.add(&mut map, before, run));
            before += u64::from(run.packets);
        }
        let spans = Spans::decode(&blob(&maps, &mut map, false));
        assert_eq!((spans.first, spans.packets()), (10, 7));
        assert_eq!(spans.runs, [data(0, 4, 2), data(4000, 1, 1), data(5000, 2, 2)]);
        assert!(blob(&maps, &mut map, true).is_empty(), "nothing since");
    }

    #[test]
    fn one_code_point_needs_no_map() {
        let (mut maps, mut map) = (Maps::new(100), Map::default());
        assert!(maps.add(&mut map, 0, &data(0, 9, 2)) && maps.add(&mut map, 9, &data(90_000, 9, 2)));
        let mut same = map.clone();
        assert!(blob(&maps, &mut map, false).is_empty());
        assert_eq!(Spans::decode(&blob(&maps, &mut same, true)).packets(), 18);
    }

    #[test]
    fn the_budget_ends_a_map_and_traffic_earns_the_next() {
        let (mut maps, mut map) = (Maps::new(10_000), Map::default());
        let mut runs = 0;
        for interval in 0..20 {
            for i in 0..100 {
                let at = interval * 100 + i;
                maps.add(&mut map, u64::from(at), &data(at * 1000, 1, (at % 2 + 1) as u8));
            }
            runs += Spans::decode(&blob(&maps, &mut map, false)).runs.len();
        }
        let earned = FIRST_RUNS as usize + 20 * 100 * 1000 / BYTES_PER_RUN as usize;
        assert!(runs > earned * 9 / 10 && runs <= earned + 20, "{runs} runs, {earned} earned");
    }

    #[test]
    fn a_full_buffer_and_a_packet_that_cannot_be_listed_end_a_map() {
        let (mut maps, mut map) = (Maps::new(1), Map::default());
        assert!(maps.add(&mut map, 0, &data(0, 1, 1)) && maps.add(&mut map, 1, &data(1000, 1, 2)));
        assert!(!maps.add(&mut map, 2, &data(2000, 1, 1)));
        assert_eq!(Spans::decode(&blob(&maps, &mut map, true)).packets(), 2);
        assert!(maps.add(&mut map, 3, &data(3000, 1, 1)) && maps.add(&mut map, 5, &data(4000, 1, 1)));
        assert_eq!(Spans::decode(&blob(&maps, &mut map, true)).packets(), 1, "packet 4 is unknown");
    }
}
