//! Parallel branches: points side by side, each of which sees a part of a flow's packets (ECMP, bonding).
//!
//! In: views in path order. Out: the same as stages, each with one view, or with several that saw disjoint sets of packets
//! of the same flow. Loss before a fork is told only against all branches together, so these are merged into one view.

use super::line::{Line, View};
use super::matching::matching;

/// Fewer listed packets than this may miss each other by chance.
const FEWEST: usize = 8;

/// A place on the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    /// The view of everything that passed here.
    pub(super) whole: usize,
    /// The views side by side; just `whole` where there is one.
    pub(super) branches: Vec<usize>,
}

/// Finds branches on a path; views of merged branches are added to `views`.
pub(super) fn stages(views: &mut Vec<View<'_>>, direction: usize, path: &[usize]) -> Vec<Stage> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for v in path {
        let beside = |group: &Vec<usize>| group.iter().all(|g| disjoint(views, direction, *g, *v, path));
        match groups.last_mut() {
            Some(group) if beside(group) => group.push(*v),
            _ => groups.push(vec![*v]),
        }
    }
    groups
        .into_iter()
        .map(|branches| {
            let whole = match branches.as_slice() {
                [only] => *only,
                _ => {
                    let mut view = views[branches[0]].clone();
                    let lines: Vec<&Line<'_>> = branches.iter().map(|b| &views[*b].lines[direction]).collect();
                    view.lines[direction] = merged(&lines);
                    views.push(view);
                    views.len() - 1
                }
            };
            Stage { whole, branches }
        })
        .collect()
}

/// Whether two views listed many packets, none of them common, yet each some that a third one on the path has.
fn disjoint(views: &[View<'_>], direction: usize, a: usize, b: usize, path: &[usize]) -> bool {
    let marks = |v: usize| &views[v].lines[direction].marks;
    let gapless = |v: usize| views[v].lines[direction].gapless();
    let shares = |v: usize, other: usize| !matching(marks(v), marks(other)).pairs.is_empty();
    gapless(a)
        && gapless(b)
        && marks(a).len().min(marks(b).len()) >= FEWEST
        && !shares(a, b)
        && path.iter().any(|third| *third != a && *third != b && shares(a, *third) && shares(b, *third))
}

/// Several lines as one, in time order.
fn merged<'a>(lines: &[&Line<'a>]) -> Line<'a> {
    let mut out = lines[0].clone();
    for line in &lines[1..] {
        out.marks.extend_from_slice(&line.marks);
        out.base = out.base.plus(&line.base);
        out.end = out.end.plus(&line.end);
        out.threshold = out.threshold.min(line.threshold);
        out.dropped |= line.dropped;
        out.over &= line.over;
        out.totals = out.totals.plus(&line.totals);
    }
    out.marks.sort_by_key(|m| m.time_ns);
    // Cuts and maps speak of all packets; a branch saw only some.
    out.cuts.clear();
    out.maps.clear();
    out
}
