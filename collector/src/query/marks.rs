//! View `marks`: the packets that observation points listed, one by one: what loss, delay and transitions rest on.
//!
//! In: joined flows with their path marks. Out: a row per listed packet and point, and one per crossing of a sequence boundary.
//! Places in the sequence are relative to the first byte that any point saw, so that all points speak of the same bytes.

use std::collections::HashMap;
use std::sync::Arc;

use sce_proto::marks::{Cuts, Spans, Trail, trail};
use sce_proto::{ObservationPoint, PathMarks};

use super::load::Flows;
use super::table::Cell;
use super::view::{Def, id};

/// Rows that one question may ask for.
pub(super) const MOST_MARKS: usize = 500_000;

/// What a point wrote down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    time_ns: u64,
    /// Packets and IP bytes of the direction that passed before.
    packets_before: u64,
    bytes_before: u64,
    /// Sequence number as on the wire.
    seq: Option<u32>,
    /// The packet; `None`: the crossing of a boundary of the sequence.
    packet: Option<trail::Mark>,
}

/// One row.
pub(super) struct Listed {
    flow: u64,
    direction: usize,
    run: Arc<str>,
    point: Option<Arc<ObservationPoint>>,
    seen: Seen,
    /// Bytes from the first one of the direction.
    sequence: Option<i64>,
}

/// All marks of the flows; `None`: there are more than [`MOST_MARKS`].
pub(super) fn listed(flows: &Flows) -> Option<Vec<Listed>> {
    let mut out = Vec::new();
    for joined in &flows.joined {
        for direction in 0..2 {
            let begin = out.len();
            // Until all are known, places are counted from that of the first row.
            let mut zero = None;
            let mut members = Vec::new();
            for member in &joined.members {
                members.push(out.len() - begin);
                let sighting = &flows.sightings[member.sighting];
                let own = &sighting.marks[direction ^ usize::from(member.swapped)];
                let point = flows.points.get(&sighting.op).cloned().map(Arc::new);
                let mut records: Vec<&PathMarks> = own.iter().collect();
                records.sort_by_key(|m| m.start_ns);
                let mut last = None;
                for marks in records {
                    let run: Arc<str> = Arc::from(marks.run.as_str());
                    for seen in seen(marks) {
                        let sequence = seen.seq.map(|seq| {
                            let (from, at) = *last.get_or_insert((*zero.get_or_insert(seq), 0));
                            let at = at + i64::from(seq.wrapping_sub(from).cast_signed());
                            last = Some((seq, at));
                            at
                        });
                        let (run, point) = (run.clone(), point.clone());
                        out.push(Listed { flow: joined.flow, direction, run, point, seen, sequence });
                    }
                    if out.len() > MOST_MARKS {
                        return None;
                    }
                }
            }
            if !out[begin..].iter().any(|l| l.seen.packet.is_some() && l.sequence.is_some()) {
                count_bytes(&mut out[begin..], &members);
            }
            let first = out[begin..].iter().filter_map(|l| l.sequence).min().unwrap_or(0);
            for row in &mut out[begin..] {
                row.sequence = row.sequence.map(|s| s - first);
            }
        }
    }
    Some(out)
}

/// Where every packet is listed there are no sequence numbers, but bytes to count: a sender sends new data in order. What the
/// other points saw of the same packets has the same place; the place of a retransmission is not known.
fn count_bytes(rows: &mut [Listed], members: &[usize]) {
    let end = |i: usize| members.get(i + 1).copied().unwrap_or(rows.len());
    let counted = (0..members.len()).filter_map(|i| bytes_before(&rows[members[i]..end(i)]));
    let Some(at_sender) = counted.max_by_key(|c| c.0) else { return };
    for row in rows {
        row.sequence = row.seen.packet.and_then(|p| at_sender.1.get(&p.digest).copied().flatten());
    }
}

/// New payload bytes in all, and those before each packet by its digest; `None` for a digest that occurs twice. Nothing if
/// a packet is missing from the list.
fn bytes_before(rows: &[Listed]) -> Option<(i64, HashMap<u64, Option<i64>>)> {
    let (mut bytes, mut places) = (0, HashMap::new());
    let packets = rows.iter().filter_map(|r| Some((r.seen.packets_before, r.seen.packet?)));
    for (i, (before, packet)) in packets.enumerate() {
        if before != i as u64 {
            return None;
        }
        if packet.payload_bytes > 0 && packet.flags & trail::REPEAT == 0 {
            places.entry(packet.digest).and_modify(|p| *p = None).or_insert(Some(bytes));
            bytes += i64::from(packet.payload_bytes);
        }
    }
    Some((bytes, places))
}

/// The marks of a record, by time.
fn seen(marks: &PathMarks) -> Vec<Seen> {
    let trail = Trail::decode(&marks.trail, marks.start_ns);
    let spans = Spans::decode(&marks.spans);
    let cuts = Cuts::decode(&marks.cuts, marks.start_ns);
    let mut out = Vec::with_capacity(trail.marks.len() + cuts.cuts.len());
    let mut before = trail.base;
    let mut gaps = trail.gaps.iter().peekable();
    let mut runs = Runs { spans: &spans, run: 0, first: spans.first };
    for (i, mark) in trail.marks.iter().enumerate() {
        while let Some(gap) = gaps.next_if(|g| g.0 as usize <= i) {
            before = before.plus(&gap.1);
        }
        let packets_before = before.total_packets();
        let seq = (mark.payload_bytes > 0).then(|| runs.sequence(packets_before)).flatten();
        let bytes_before = before.total_bytes();
        out.push(Seen { time_ns: mark.time_ns, packets_before, bytes_before, seq, packet: Some(*mark) });
        before.add(mark.ecn, mark.ip_bytes);
    }
    out.extend(cuts.cuts.iter().map(|c| Seen {
        time_ns: c.time_ns,
        packets_before: c.before.total_packets(),
        bytes_before: c.before.total_bytes(),
        seq: Some(c.block << cuts.log2_stride),
        packet: None,
    }));
    out.sort_by_key(|s| s.time_ns);
    out
}

/// Finds the sequence numbers of packets, asked for in the order they passed.
struct Runs<'a> {
    spans: &'a Spans,
    run: usize,
    /// Packets before the run.
    first: u64,
}

impl Runs<'_> {
    fn sequence(&mut self, index: u64) -> Option<u32> {
        while let Some(run) = self.spans.runs.get(self.run) {
            let within = index.checked_sub(self.first)?;
            if within < u64::from(run.packets) {
                return (run.size > 0).then(|| run.seq.wrapping_add(run.size.wrapping_mul(within as u32)));
            }
            self.first += u64::from(run.packets);
            self.run += 1;
        }
        None
    }
}

/// Columns of `marks`.
pub(super) fn columns() -> Vec<Def<Listed>> {
    let seen = |name: &str, unit, help, get: fn(&Seen) -> u64| {
        Def::new(name, unit, help, move |l: &Listed| Cell::U(get(&l.seen))).shown()
    };
    let packet = |name: &str, unit, help, get: fn(&trail::Mark) -> Cell| {
        Def::new(name, unit, help, move |l: &Listed| l.seen.packet.as_ref().map_or(Cell::None, get))
    };
    let point = |name: &str, help, get: fn(&ObservationPoint) -> &str| {
        let get = move |l: &Listed| l.point.as_ref().map_or(Cell::None, |p| Cell::text(String::from(get(p))));
        Def::new(name, "", help, get).shown()
    };
    vec![
        seen("time_ns", "ns", "When it passed, by the clock of the point, ns since the epoch.", |s| s.time_ns),
        Def::new("flow", "", "Flow identifier.", |l: &Listed| Cell::T(id(l.flow))).shown(),
        Def::new("direction", "", "up (initiator to responder) or down.", |l: &Listed| {
            Cell::T(String::from(["up", "down"][l.direction]))
        })
        .shown(),
        Def::new("run", "", "Experiment label.", |l: &Listed| Cell::text(String::from(&*l.run))),
        point("probe", "Name of the probe.", |p| &p.probe),
        point("interface", "Interface or file.", |p| &p.interface),
        Def::new("kind", "", "packet, or crossing: the sequence first reached a multiple of the stride.", |l: &Listed| {
            Cell::T(String::from(if l.seen.packet.is_some() { "packet" } else { "crossing" }))
        })
        .shown(),
        Def::new(
            "sequence_bytes",
            "bytes",
            "Place of the first byte in the sequence, from the first byte that any point saw; none where it was not kept.",
            |l: &Listed| l.sequence.map_or(Cell::None, Cell::I),
        )
        .shown(),
        seen("packets_before", "packets", "Packets of this direction that had passed here before.", |s| {
            s.packets_before
        }),
        seen("ip_bytes_before", "bytes", "Their IP bytes.", |s| s.bytes_before),
        packet("ecn", "", "Its code point: not_ect, ect1, ect0 or ce.", |m| {
            Cell::T(String::from(sce_proto::marks::CODE_POINTS[usize::from(m.ecn & 3)]))
        })
        .shown(),
        packet("ip_bytes", "bytes", "Its IP total length.", |m| Cell::U(u64::from(m.ip_bytes))),
        packet("payload_bytes", "bytes", "Its transport payload.", |m| Cell::U(u64::from(m.payload_bytes))),
        packet("repeated", "", "1: its payload had passed this point before, a retransmission.", |m| {
            Cell::U(u64::from(m.flags & trail::REPEAT != 0))
        }),
        packet("ttl", "", "Its TTL or hop limit.", |m| Cell::U(u64::from(m.ttl))),
        packet("digest", "", "Its name, the same at every point.", |m| Cell::T(format!("{:012x}", m.digest))),
    ]
}

#[cfg(test)]
mod tests {
    use sce_proto::marks::{Counters, Cut, CutsWriter, Mark, Run, SpansWriter, TrailWriter};

    use super::*;

    fn row(packets_before: u64, digest: u64, flags: u16) -> Listed {
        let packet = Mark { digest, time_ns: 0, ip_bytes: 140, payload_bytes: 100, flags, ecn: 2, ttl: 64 };
        let seen = Seen { packets_before, packet: Some(packet), ..Seen::default() };
        Listed { flow: 1, direction: 0, run: Arc::from(""), point: None, seen, sequence: None }
    }

    #[test]
    fn without_sequence_numbers_the_bytes_that_the_sender_sent_are_counted() {
        let sender = [row(0, 7, 0), row(1, 8, 0), row(2, 9, 0), row(3, 10, trail::REPEAT)];
        let receiver = [row(0, 7, 0), row(1, 9, 0), row(2, 10, 0)];
        let mut rows: Vec<Listed> = receiver.into_iter().chain(sender).collect();
        count_bytes(&mut rows, &[0, 3]);
        let places: Vec<_> = rows.iter().map(|r| r.sequence).collect();
        assert_eq!(places, [Some(0), Some(200), None, Some(0), Some(100), Some(200), None]);
        let mut gap = [row(0, 7, 0), row(2, 8, 0)];
        count_bytes(&mut gap, &[0]);
        assert!(gap.iter().all(|r| r.sequence.is_none()), "what was not listed was not counted");
    }

    #[test]
    fn listed_packets_know_their_place_in_the_sequence() {
        let mark = |time_ns, payload_bytes| Mark {
            digest: time_ns,
            time_ns,
            ip_bytes: payload_bytes + 40,
            payload_bytes,
            flags: 0,
            ecn: 2,
            ttl: 64,
        };
        let mut counters = Counters::default();
        counters.add(2, 40);
        let mut trail = TrailWriter::new(1000, trail::ALL, &counters);
        let mut spans = SpansWriter::new(1);
        spans.run(&Run { packets: 2, seq: u32::MAX - 99, size: 100, header: 40, ecn: 2 });
        trail.mark(&mark(1000, 100), &Counters::default());
        let mut gap = Counters::default();
        gap.add(2, 140);
        spans.run(&Run { packets: 1, seq: u32::MAX - 99, size: 100, header: 40, ecn: 2 });
        trail.mark(&mark(1300, 100), &gap);
        let mut cuts = CutsWriter::new(1000, 17);
        cuts.cut(&Cut { block: 0, time_ns: 1200, ttl: 64, lead: 1, stamp: 0, before: counters });
        let record = PathMarks {
            start_ns: 1000,
            trail: trail.finish(),
            spans: spans.finish(),
            cuts: cuts.finish(),
            ..PathMarks::default()
        };
        let rows = seen(&record);
        let told: Vec<_> = rows.iter().map(|s| (s.time_ns, s.packets_before, s.bytes_before, s.seq)).collect();
        let first = u32::MAX - 99;
        assert_eq!(told, [(1000, 1, 40, Some(first)), (1200, 1, 40, Some(0)), (1300, 3, 320, Some(first))]);
    }
}
