use super::report::Name;
use super::*;
use crate::decode::decode;
use crate::frame::{Frame, Gso, LinkType};
use crate::packet::Dir;
use proptest::prelude::*;
use sce_proto::marks::{Cuts, Trail};

const NAME: Name<'_> = Name { start_ns: 0, interval_ns: 0, op: 1, run: "", flow: 2, flow_key: 3 };

/// An IPv4 packet with a TCP segment that has the timestamps option; payload is not captured.
fn bytes(seq: u32, payload: u32, ecn: u8) -> Vec<u8> {
    let mut b = vec![0x45, ecn];
    b.extend(((52 + payload) as u16).to_be_bytes());
    b.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2]);
    b.extend(seq.to_be_bytes());
    b.extend([0, 0, 0, 7, 0x80, 0x10, 0, 0, 0, 0, 0, 0, 1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6]);
    b
}

fn packet(data: &[u8], payload: u32, segments: u32, time_ns: u64) -> Packet<'_> {
    let gso = (segments > 1).then(|| Gso { size: payload.div_ceil(segments) as u16, segs: segments as u16 });
    let frame = Frame { time_ns, link: LinkType::RAW, wire_len: 52 + payload, data, vlan: None, gso, outgoing: None };
    decode(&frame, 0).unwrap()
}

/// The records of one direction: (sequence number, payload, segments, ECN) each.
fn run(config: &MarksConfig, packets: &[(u32, u32, u32, u8)]) -> Vec<PathMarks> {
    observed(config, packets, |_, _| ())
}

/// The same, with something done after each packet.
fn observed(
    config: &MarksConfig,
    packets: &[(u32, u32, u32, u8)],
    after_each: impl Fn(&mut Marks, &mut Tail),
) -> Vec<PathMarks> {
    let mut marks = Marks::new(config).unwrap();
    let (mut tail, mut out) = (Tail::default(), Vec::new());
    for (i, (seq, payload, segments, ecn)) in packets.iter().enumerate() {
        let data = bytes(*seq, *payload, *ecn);
        marks.observe(&mut tail, &packet(&data, *payload, *segments, i as u64), false);
        after_each(&mut marks, &mut tail);
    }
    // Of records that were used nothing remains but the room.
    let list = || vec![0xff; 300];
    let used = PathMarks { run: "used".into(), cuts: list(), spans: list(), trail: list(), ..PathMarks::default() };
    marks.take_spare(&mut vec![used; 3]);
    marks.report(&mut tail, Dir::Up, &NAME, &mut out);
    assert!(out.iter().all(|r| (r.run.as_str(), r.direction) == (NAME.run, 0)));
    out
}

fn trail_of(records: &[PathMarks]) -> Trail {
    Trail::decode(&records[0].trail, 0)
}

#[test]
fn a_superpacket_leaves_the_marks_of_its_wire_packets() {
    let config = MarksConfig { mode: MarksMode::Full, log2_stride: 12, ..MarksConfig::default() };
    let seq = u32::MAX - 5000;
    let split: Vec<_> = (0..8).map(|i| (seq.wrapping_add(i * 1250), 1250, 1, 2)).collect();
    let (a, b) = (run(&config, &[(seq, 10_000, 8, 2)]), run(&config, &split));
    let names = |t: &Trail| t.marks.iter().map(|m| (m.digest, m.ip_bytes, m.flags)).collect::<Vec<_>>();
    assert_eq!(names(&trail_of(&a)), names(&trail_of(&b)));
    assert_eq!(trail_of(&a).marks.len(), 8);
    let (a, b) = (Cuts::decode(&a[0].cuts, 0), Cuts::decode(&b[0].cuts, 0));
    assert_eq!(b.cuts.len(), 3, "boundaries every 4096 bytes in 10000");
    let place = |c: &Cut| (c.block, c.lead, c.before);
    assert_eq!(a.cuts.last().map(place), b.cuts.last().map(place));
}

#[test]
fn long_trails_are_spread_over_records_that_join_up() {
    let config = MarksConfig { mode: MarksMode::Full, ..MarksConfig::default() };
    let packets: Vec<_> = (0..9000).map(|i| (i * 100, 100, 1, 1)).collect();
    let records = run(&config, &packets);
    assert_eq!(records.len(), 3);
    let trails: Vec<Trail> = records.iter().map(|r| Trail::decode(&r.trail, 0)).collect();
    assert!(trails.windows(2).all(|w| w[0].end() == w[1].base));
    assert_eq!(trails[2].end().packets, [0, 9000, 0, 0]);
}

#[test]
fn a_full_budget_is_counted_and_leaves_a_gap() {
    let config = MarksConfig { threshold: trail::ALL, max_marks: 10, ..MarksConfig::default() };
    let packets: Vec<_> = (0..25).map(|i| (i * 100, 100, 1, 3)).collect();
    let records = run(&config, &packets);
    assert_eq!((records[0].dropped_marks, trail_of(&records).marks.len()), (15, 10));
}

#[test]
fn nothing_is_named_that_was_not_captured() {
    let config = MarksConfig { mode: MarksMode::Full, ..MarksConfig::default() };
    let data = bytes(0, 100, 2);
    for (captured, listed) in [(44, 0), (52, 1)] {
        let mut marks = Marks::new(&config).unwrap();
        let mut tail = Tail::default();
        marks.observe(&mut tail, &packet(&data[..captured], 100, 1, 0), false);
        assert_eq!((marks.entries.len(), tail.packets), (listed, 1));
    }
}

proptest! {
    /// Whatever is listed, marks and gaps together count every packet.
    #[test]
    fn gaps_and_marks_add_up(
        sizes in proptest::collection::vec((0u32..3000, 0u8..4), 1..300),
        threshold in prop_oneof![Just(0u32), Just(2000), Just(30_000)], head in 0u32..20,
    ) {
        let config = MarksConfig { threshold, head, ..MarksConfig::default() };
        let mut want = Counters::default();
        let mut seq = 1u32;
        let packets: Vec<_> = sizes.iter().map(|(size, ecn)| {
            want.add(*ecn, 52 + size);
            seq += size;
            (seq - size, *size, 1, *ecn)
        }).collect();
        let records = run(&config, &packets);
        prop_assume!(!records.is_empty() && !records[0].trail.is_empty());
        let trail = trail_of(&records);
        let end = trail.end();
        prop_assert!((0..4).all(|i| end.packets[i] <= want.packets[i] && end.ip_bytes[i] <= want.ip_bytes[i]));
        let last = trail.marks.last().unwrap().time_ns as usize;
        prop_assert_eq!(end.total_packets(), last as u64 + 1, "everything up to the last mark");
    }

    /// Counting segments that are alike together changes nothing.
    #[test]
    fn alike_or_one_by_one(
        moves in proptest::collection::vec((0u8..40, 1usize..30), 1..60), start in any::<u32>(),
        threshold in prop_oneof![Just(0u32), Just(2000), Just(30_000)], head in 0u32..20, log2_stride in 10u8..18,
        max_runs in prop_oneof![Just(3usize), Just(10_000)],
    ) {
        let config = MarksConfig { threshold, head, log2_stride, max_runs, ..MarksConfig::default() };
        let (mut seq, mut size, mut ecn) = (start, 1000, 2);
        let mut packets = Vec::new();
        for (what, times) in moves {
            match what {
                0..8 => ecn = what % 4,
                8 => size = 700,
                9 => size = 1000,
                10..13 => packets.extend((0..times).map(|_| (seq, 0, 1, ecn))),
                13 => packets.extend((1..times as u32).map(|n| (seq.wrapping_sub(n * size), size, 1, ecn))),
                14 => seq = seq.wrapping_add(size),
                15 => {
                    packets.push((seq, size * 4, 4, ecn));
                    seq = seq.wrapping_add(size * 4);
                }
                _ => for _ in 0..times {
                    packets.push((seq, size, 1, ecn));
                    seq = seq.wrapping_add(size);
                },
            }
        }
        let together = run(&config, &packets);
        let one_by_one = observed(&config, &packets, |marks, tail| {
            marks.settle(tail);
            tail.alike = Alike::default();
        });
        prop_assert_eq!(together, one_by_one);
    }
}
