//! What little of every flow of a window decides which flows there are and which come first.
//!
//! In: flow records with the [`fields`] named here. Out: the same sums of those as `rollup::sums` makes, in a fortieth of the
//! memory, grouped by flow as the whole join groups them; of each flow, between which values the first column of the order
//! lies. Which of a flow's points the answer takes the value from is not known here, only that it is one of them.

use std::collections::{BTreeSet, HashMap};
use std::hash::RandomState;

use sce_proto::{FlowInterval, Merge, Record as _};

use crate::correlate::{Outline, same_flows};

/// The column by which rows come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// First packet of the flow.
    First,
    /// Last packet of the flow.
    Last,
    /// A field, by its position, of a direction.
    Field(usize, usize),
}

/// The fields that are looked at.
pub(super) fn fields(key: Key) -> Vec<usize> {
    let names = [
        "start_ns",
        "op",
        "flow",
        "flow_key",
        "direction",
        "src_port",
        "dst_port",
        "run",
        "flow_first_ns",
        "isn",
        "quality_bits",
        "handshake_bits",
        "packets",
        "first_ns",
        "last_ns",
    ];
    let mut fields: Vec<usize> = names.iter().filter_map(|n| FlowInterval::position(n)).collect();
    if let Key::Field(field, _) = key
        && !fields.contains(&field)
    {
        fields.push(field);
    }
    fields
}

/// One direction of a flow instance at a point, summed.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    /// The latest start of a record.
    latest_ns: u64,
    src_port: u32,
    dst_port: u32,
    isn: u32,
    flow_first_ns: u64,
    quality_bits: u64,
    handshake_bits: u32,
    packets: u64,
    first_ns: u64,
    last_ns: u64,
    /// What [`Key::Field`] names.
    value: u64,
}

/// A flow instance at a point, with one run.
struct Seen {
    op: u64,
    flow: u64,
    flow_key: u64,
    run: u32,
    sides: [Option<Side>; 2],
}

/// Sums under construction.
pub(super) struct Outlines {
    key: Key,
    merge: Merge,
    seen: Vec<Seen>,
    by: HashMap<(u64, u64, u32), u32, RandomState>,
    runs: Vec<String>,
}

impl Outlines {
    pub(super) fn new(key: Key) -> Outlines {
        let merge = match key {
            Key::Field(field, _) => FlowInterval::FIELDS[field].merge,
            Key::First | Key::Last => Merge::Key,
        };
        Outlines { key, merge, seen: Vec::new(), by: HashMap::default(), runs: Vec::new() }
    }

    /// Number of flow instances at points.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Adds a record.
    pub(super) fn add(&mut self, record: &FlowInterval) {
        let run = self.runs.iter().position(|r| *r == record.run).unwrap_or_else(|| {
            self.runs.push(record.run.clone());
            self.runs.len() - 1
        });
        let run = run as u32;
        let next = self.seen.len() as u32;
        let at = *self.by.entry((record.op, record.flow, run)).or_insert(next);
        if at == next {
            let sides = [None, None];
            self.seen.push(Seen { op: record.op, flow: record.flow, flow_key: record.flow_key, run, sides });
        }
        let seen = &mut self.seen[at as usize];
        let mut side = Side {
            latest_ns: record.start_ns,
            src_port: record.src_port,
            dst_port: record.dst_port,
            isn: record.isn,
            flow_first_ns: record.flow_first_ns,
            quality_bits: record.quality_bits,
            handshake_bits: record.handshake_bits,
            packets: record.packets,
            first_ns: record.first_ns,
            last_ns: record.last_ns,
            value: match self.key {
                Key::Field(field, _) => record.get(field).u64(),
                Key::First | Key::Last => 0,
            },
        };
        match &mut seen.sides[usize::from(record.direction != 0)] {
            sum @ None => *sum = Some(side),
            // "The later one" is by time, not by arrival, as for the whole sums.
            Some(sum) if record.start_ns < sum.latest_ns => {
                side.take(sum, self.merge);
                *sum = side;
            }
            Some(sum) => sum.take(&side, self.merge),
        }
    }

    /// The sums by flow: of each flow its flow key, and between which values its key of the order lies.
    fn flows(&mut self) -> Vec<(u64, [Option<u64>; 2])> {
        // As the whole sums come. Of one instance with several runs, the one that was read first.
        self.seen.sort_by_key(|s| (s.op, s.flow));
        let outline = |s: &Seen| {
            let sides = || s.sides.iter().flatten();
            Outline {
                op: s.op,
                flow: s.flow,
                key: s.flow_key,
                run: &self.runs[s.run as usize],
                first_ns: sides().map(|t| t.first_ns).min().unwrap_or(0),
                last_ns: sides().map(|t| t.last_ns).max().unwrap_or(0),
                isn: s.sides.map(|t| t.filter(|t| t.handshake_bits & 3 != 0).map(|t| t.isn)),
                quality_bits: sides().fold(0, |bits, t| bits | t.quality_bits),
                flow_first_ns: sides().map(|t| t.flow_first_ns).min().unwrap_or(u64::MAX),
            }
        };
        let outlines: Vec<Outline<'_>> = self.seen.iter().map(outline).collect();
        let flow = |members: Vec<usize>| {
            let members: Vec<&Seen> = members.iter().map(|m| &self.seen[*m]).collect();
            (members.first().map_or(0, |m| m.flow_key), self.range(&members))
        };
        same_flows(&outlines).into_iter().map(flow).collect()
    }

    /// The smallest and the largest value that the answer can have; `None`: that it has none, which is less than any.
    fn range(&self, members: &[&Seen]) -> [Option<u64>; 2] {
        let all = || members.iter().flat_map(|m| m.sides.iter().flatten());
        match self.key {
            Key::First if all().any(|s| s.packets == 0) => [None, all().map(|s| s.first_ns).max()],
            Key::First => [all().map(|s| s.first_ns).min(), all().map(|s| s.first_ns).max()],
            Key::Last => [all().map(|s| s.last_ns).min(), all().map(|s| s.last_ns).max()],
            Key::Field(_, direction) if agree(members) => {
                let values = || members.iter().filter_map(|m| m.sides[direction].map(|s| s.value));
                [values().min(), values().max()]
            }
            Key::Field(..) => [None, all().map(|s| s.value).max()],
        }
    }

    /// How many flows there are, and the flow keys of those that can be among the first rows of the answer.
    pub(super) fn first(mut self, rows: usize, down: bool) -> (usize, BTreeSet<u64>) {
        let mut flows = self.flows();
        let total = flows.len();
        if rows == 0 || total <= rows {
            return (total, flows.into_iter().map(|f| f.0).collect());
        }
        // The row that is the last one shown, if everything comes as late as it can. What may be as early is kept.
        if down {
            let (_, last, _) = flows.select_nth_unstable_by(rows - 1, |a, b| b.1[0].cmp(&a.1[0]));
            let last = last.1[0];
            flows.retain(|f| f.1[1] >= last);
        } else {
            let (_, last, _) = flows.select_nth_unstable_by(rows - 1, |a, b| a.1[1].cmp(&b.1[1]));
            let last = last.1[1];
            flows.retain(|f| f.1[0] <= last);
        }
        (total, flows.into_iter().map(|f| f.0).collect())
    }
}

impl Side {
    /// Merges a later record, by the rules of the fields.
    fn take(&mut self, later: &Side, rule: Merge) {
        self.latest_ns = self.latest_ns.max(later.latest_ns);
        if later.packets != 0 && (self.packets == 0 || later.first_ns < self.first_ns) {
            self.first_ns = later.first_ns;
        }
        self.quality_bits |= later.quality_bits;
        self.handshake_bits |= later.handshake_bits;
        self.packets = self.packets.saturating_add(later.packets);
        self.last_ns = self.last_ns.max(later.last_ns);
        self.value = match rule {
            Merge::Sum => self.value.saturating_add(later.value),
            Merge::Max => self.value.max(later.value),
            Merge::Or => self.value | later.value,
            Merge::Last => later.value,
            Merge::Key | Merge::Min | Merge::Sketch => self.value,
        };
    }
}

/// Whether all points have the same direction as up, so that nothing is left to settle: they name the same sender, and its
/// port is not the receiver's.
fn agree(members: &[&Seen]) -> bool {
    let ports = |s: &Seen| match s.sides {
        [Some(up), _] => (up.src_port, up.dst_port),
        [None, Some(down)] => (down.dst_port, down.src_port),
        [None, None] => (0, 0),
    };
    let Some(first) = members.first().map(|m| ports(m)) else { return false };
    first.0 != first.1 && members.iter().all(|m| ports(m) == first)
}
