//! The join across hosts: from what observation points wrote down to what happened between them.
//!
//! In: observation points and [`Sighting`]s (a flow instance's summed records and its path marks at one point). Out:
//! [`Joined`] flows, each with its path segments and the verification of its congestion feedback. Everything here is a pure
//! function of its input: no store, no clock, no I/O, no hash order; the same evidence gives the same answer on every
//! collector, and more evidence only ever replaces it.
//!
//! ```text
//! sightings -> join (same flow?) -> orient (who began?) -> order (who is nearer to the sender?)
//!           -> matching (same packet?) -> clock (offset, skew, bound) -> segments, feedback
//! ```
//!
//! How to call it: load the [`ObservationPoint`]s, one [`Sighting`] per (point, flow instance) with `FlowInterval`s merged by
//! [`sce_proto::merge`] and all `PathMarks` of that instance, and pass them to [`correlate`] in one call per run or bucket,
//! so that all flows between two hosts help to compare the hosts' clocks. To answer for a window of a long flow, set
//! [`Options::window`], pass the flow's marks with some minutes around the window and its records from its whole life, and
//! the sums of those in the window as [`Sighting::window`]. What happened is worked out on everything that is passed and then
//! handed to the windows, so the figures of windows side by side add up to those of the whole.

mod awake;
mod blocks;
mod branch;
mod clock;
mod delay;
mod feedback;
mod join;
mod line;
mod matching;
mod matrix;
mod nat;
mod order;
mod places;
mod pool;
mod runs;
mod scene;
mod segment;

use std::collections::BTreeMap;

use sce_proto::{Feedback, FlowInterval, ObservationPoint, PathMarks, PathSegment};

pub use awake::Awake;
pub use join::{Outline, same_flows};
use line::View;
use matching::Matching;
use sce_proto::bits::{join_evidence, path_warning};
use scene::{Scene, spread};

/// What is looked at of [`FlowInterval`]s, beside their keys and addresses; the first [`COUNTED`] are all that
/// [`Options::counts_only`] needs.
const READS: [&str; 33] = [
    "end_reason_last",
    "quality_bits",
    "handshake_bits",
    "packets",
    "ip_bytes",
    "first_ns",
    "last_ns",
    "ttl_min",
    "ttl_max",
    "not_ect_packets",
    "ect1_packets",
    "ect0_packets",
    "ce_packets",
    "reordered_segments",
    "late_segments",
    "ecn_mode_last",
    "payload_bytes",
    "ect1_bytes",
    "ce_bytes",
    "ce_data_packets",
    "data_segments",
    "tcp_syn",
    "tcp_ece",
    "tcp_ae",
    "esce_acked_bytes",
    "duplicated_packets",
    "syn_ace_bits",
    "ece_episodes",
    "ece_acked_bytes",
    "ace_ce_packets",
    "ace_ce_high_packets",
    "option_ce_bytes",
    "sctp_ecne_chunks",
];
const COUNTED: usize = 15;

/// The fields of [`FlowInterval`]s that a join looks at, beside their keys and addresses: nothing else needs to be read for it.
#[must_use]
pub fn reads(counts_only: bool) -> &'static [&'static str] {
    if counts_only { &READS[..COUNTED] } else { &READS }
}

/// One flow instance as one observation point saw it.
#[derive(Debug, Clone, Default)]
pub struct Sighting {
    /// Observation point.
    pub op: u64,
    /// Flow instance at that point.
    pub flow: u64,
    /// Sums of its interval records by the point's own notion of direction (0 = up); `None` where it saw none.
    pub totals: [Option<Box<FlowInterval>>; 2],
    /// Sums of those of them that lie in [`Options::window`]; not looked at without one.
    pub window: [Option<Box<FlowInterval>>; 2],
    /// Its path marks, by the same notion of direction, in any order.
    pub marks: [Vec<PathMarks>; 2],
}

/// What the caller knows beyond the records.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The operator's order of points, nearest to the initiators first. Points that are not named are placed by evidence.
    pub order: Vec<u64>,
    /// When the points were there to see, by identifier; of one that is missing, what its record says.
    pub awake: BTreeMap<u64, Awake>,
    /// Points whose kernel calls its clock synchronised, with the kernel's bound of the error (adjtimex), ns.
    pub sync_error_ns: BTreeMap<u64, u64>,
    /// Only packets that passed the near end of a segment from (inclusive) to (exclusive) these times, ns; `None` = all.
    pub window: Option<(u64, u64)>,
    /// Also compare the first with the last point of longer paths.
    pub end_to_end: bool,
    /// Leave delays and the verification of feedback out: who saw the flow and what was lost is all that is asked.
    pub counts_only: bool,
}

/// A flow as all points together saw it.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    /// Identifier of the joined flow: that of the sighting with the best evidence of its beginning.
    pub flow: u64,
    /// The sightings of it.
    pub members: Vec<Member>,
    /// `sce_proto::bits::join_evidence`, of the weakest link.
    pub join_evidence_bits: u32,
    /// Segments between neighbouring points, by direction and position.
    pub segments: Vec<PathSegment>,
    /// First to last point, one per direction, if [`Options::end_to_end`] asks and there are more than two points.
    pub end_to_end: Vec<PathSegment>,
    /// Feedback verification, one per direction that carried data.
    pub feedback: Vec<Feedback>,
}

/// A sighting's part in a joined flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Index into the sightings that were passed in.
    pub sighting: usize,
    /// The point had up and down the other way round.
    pub swapped: bool,
    /// Another point's view that is the same in every respect (two captures of one interface): left out of the path.
    pub same_as: Option<u64>,
}

/// Joins sightings into flows and works out what happened to them on the way; on several threads where there are many.
#[must_use]
pub fn correlate(points: &[ObservationPoint], sightings: &[Sighting], options: &Options) -> Vec<Joined> {
    let scene = Scene::new(points, sightings, options);
    let threads = scene.threads();
    let compared = spread(scene.comparing.clone(), threads, |part| scene.begin(part));
    let (clocks, works) = scene.clocks(compared);
    spread(works, threads, |part| {
        let mut out = Vec::with_capacity(part.len());
        scene.finish(part, &clocks, |joined| out.push(joined));
        out
    })
}

/// The same, one flow at a time: many flows need no more memory than a few.
pub fn correlate_each(
    points: &[ObservationPoint],
    sightings: &[Sighting],
    options: &Options,
    each: impl FnMut(Joined),
) {
    let scene = Scene::new(points, sightings, options);
    let (clocks, works) = scene.clocks(scene.begin(scene.comparing.clone()));
    scene.finish(works, &clocks, each);
}

/// What is known of an observation point.
struct Vantage<'a> {
    point: &'a ObservationPoint,
    awake: Awake,
}

impl<'a> Vantage<'a> {
    fn new(point: &'a ObservationPoint, options: &Options) -> Self {
        let told = options.awake.get(&point.op).cloned();
        let awake = told.unwrap_or_else(|| {
            let mut awake = Awake::default();
            awake.announced(point);
            awake
        });
        Vantage { point, awake }
    }
}

/// IP protocol numbers.
const TCP: u32 = 6;
const SCTP: u32 = 132;

/// From (inclusive) to (exclusive), ns since the epoch; `None` = all.
type Window = Option<(u64, u64)>;

/// Whether a time lies in a window.
fn within(window: Window, t: u64) -> bool {
    window.is_none_or(|(start, end)| start <= t && t < end)
}

/// A joined flow before its clocks are compared.
struct Work<'a> {
    joined: Joined,
    /// By direction, from the sender to the receiver; indices into `views`.
    paths: [Vec<usize>; 2],
    views: Vec<View<'a>>,
    hops: Vec<Hop>,
}

/// Two points on the way of one direction, with what passed both.
struct Hop {
    direction: usize,
    position: usize,
    /// Index into the views.
    from: usize,
    to: usize,
    from_op: u64,
    to_op: u64,
    matching: Matching,
    /// Its packets say how the two points' clocks stand to each other.
    compares_clocks: bool,
    end_to_end: bool,
    /// The near point is one of several side by side: what the far one saw beyond its packets came by another.
    branch: bool,
    /// Points that make up the far end together with `to_op`.
    to_parallel: Vec<u64>,
}

impl<'a> Work<'a> {
    fn new(
        points: &'a BTreeMap<u64, Vantage<'a>>,
        sightings: &'a [Sighting],
        group: &join::Group,
        options: &Options,
        spare: &mut line::Spare<'a>,
    ) -> Self {
        let mut members = order::orient(sightings, &group.members);
        let mut views = line::views(points, sightings, &members, options.window.is_some(), spare);
        order::drop_same_points(&mut views, &mut members, sightings);
        let mut hops = Vec::new();
        let paths = [0, 1].map(|direction| order::order(&views, direction, options));
        for (direction, path) in paths.iter().enumerate() {
            let first = hops.len();
            hops.extend(
                path.windows(2).enumerate().map(|(at, pair)| Hop::new(&views, direction, at, pair[0], pair[1])),
            );
            if path.len() > 2 && hops[first..].iter().any(|h| h.matching.pairs.is_empty()) {
                let stages = branch::stages(&mut views, direction, path);
                hops.truncate(first);
                hops.extend(stages.windows(2).enumerate().flat_map(|(at, w)| Hop::fork(&views, direction, at, w)));
            }
            if let [first, _, .., last] = path.as_slice()
                && options.end_to_end
            {
                hops.push(Hop { end_to_end: true, ..Hop::new(&views, direction, 0, *first, *last) });
            }
        }
        let joined = Joined { flow: group.flow, members, join_evidence_bits: group.evidence_bits, ..Joined::default() };
        Work { joined, paths, views, hops }
    }

    fn finish(&mut self, clocks: &pool::Clocks, options: &Options) {
        // Segments are wide and many: room for exactly those that come.
        let whole = self.hops.iter().filter(|h| h.end_to_end).count();
        self.joined.segments.reserve_exact(self.hops.len() - whole);
        let mut delays = delay::Delays::default();
        for hop in &self.hops {
            let (from, to) = (&self.views[hop.from], &self.views[hop.to]);
            // A window around a flow's whole life is none.
            let life = from.lines[hop.direction].life();
            let window = options.window.filter(|(start, end)| life.0 < *start || life.1 >= *end);
            let list = if hop.end_to_end { &mut self.joined.end_to_end } else { &mut self.joined.segments };
            // Wide as it is, it is filled where it stays.
            list.push(PathSegment::default());
            let Some(s) = list.last_mut() else { continue };
            segment::fill(s, from, to, hop.direction, &hop.matching, hop.branch, window);
            if let Some((start, end)) = options.window {
                (s.start_ns, s.interval_ns) = (start, end - start);
            }
            s.to_parallel = hop.to_parallel.iter().flat_map(|op| op.to_be_bytes()).collect();
            s.flow = self.joined.flow;
            s.position = hop.position as u32;
            s.join_evidence_bits = self.joined.join_evidence_bits;
            if u64::from(s.join_evidence_bits) == join_evidence::TUPLE {
                s.warning_bits |= path_warning::WEAK_JOIN as u32;
            }
            s.order_evidence_bits = order::compare(from, to, hop.direction, options).1;
            if options.counts_only {
                continue;
            }
            let (near, far) = (&from.lines[hop.direction], &to.lines[hop.direction]);
            let clock = clocks.between(hop.from_op, hop.to_op).filter(|_| hop.to_parallel.is_empty());
            delays.report(s, near, far, &hop.matching, clock, window);
        }
        if options.counts_only {
            return;
        }
        for direction in 0..2 {
            let feedback = self.verify(direction, options);
            self.joined.feedback.extend(feedback);
        }
        delay::round_trip(&mut self.joined.segments);
        delay::round_trip(&mut self.joined.end_to_end);
    }
}

impl Work<'_> {
    /// Judges the feedback for one direction's data, between the outermost points that saw both directions.
    fn verify(&self, direction: usize, options: &Options) -> Vec<Feedback> {
        let mut path = self.paths[direction].iter().filter(|i| self.views[**i].lines[1 - direction].packets() > 0);
        let Some(sender) = path.next() else { return Vec::new() };
        let receiver = path.next_back().unwrap_or(sender);
        let (sender, receiver) = (&self.views[*sender], &self.views[*receiver]);
        let ends = feedback::Ends { sender, receiver, certain: order::end(receiver, direction) > 0 };
        let back: Vec<&PathSegment> =
            self.joined.segments.iter().filter(|s| s.direction as usize == 1 - direction).collect();
        let mut out = feedback::verify(ends, direction, &back, options.window);
        for f in &mut out {
            f.flow = self.joined.flow;
            if let Some((start, end)) = options.window {
                (f.start_ns, f.interval_ns) = (start, end - start);
            }
        }
        out
    }
}

impl Hop {
    fn new(views: &[View<'_>], direction: usize, position: usize, from: usize, to: usize) -> Hop {
        let (near, far) = (&views[from].lines[direction].marks, &views[to].lines[direction].marks);
        let matching = matching::matching(near, far);
        let (from_op, to_op) = (views[from].op, views[to].op);
        Hop {
            direction,
            position,
            from,
            to,
            from_op,
            to_op,
            matching,
            compares_clocks: true,
            end_to_end: false,
            branch: false,
            to_parallel: Vec::new(),
        }
    }

    /// The hops between two stages: one from each branch of the first to the whole of the second.
    fn fork(views: &[View<'_>], direction: usize, position: usize, stages: &[branch::Stage]) -> Vec<Hop> {
        let [from, to] = stages else { return Vec::new() };
        let hop = |near: &usize| {
            let mut hop = Hop::new(views, direction, position, *near, to.whole);
            hop.branch = from.branches.len() > 1;
            hop.to_parallel = to.branches.iter().skip(1).map(|b| views[*b].op).collect();
            // Branches may have clocks of their own.
            hop.compares_clocks = !hop.branch && hop.to_parallel.is_empty();
            hop
        };
        from.branches.iter().map(hop).collect()
    }
}
