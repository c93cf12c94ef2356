//! Which listed packet at one point is which at the next.
//!
//! In: the marks of one direction at two points. Out: pairs, and what has no partner. Packets that look alike (repeated
//! acknowledgements within one timestamp tick) are a multiset: they are paired in order, and where one side has more of
//! them, so that their delays fit their neighbours'.

use sce_proto::marks::Mark;

/// The result of a comparison, as indices into both lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Matching {
    /// (near, far) of the same packet, in near order.
    pub(super) pairs: Vec<(u32, u32)>,
    /// Near packets without a partner, in order.
    pub(super) lost: Vec<u32>,
    /// Far copies beyond the first, with the near packet they are copies of.
    pub(super) duplicates: Vec<(u32, u32)>,
    /// Far packets that the near point did not list.
    pub(super) strangers: Vec<u32>,
}

/// Assignments of more combinations than this are made in order, without looking at delays.
const MAX_COMBINATIONS: usize = 1 << 16;

/// Packets that may be missing for two lists to be compared without sorting them.
const FEW_MISSING: usize = 8;

/// Compares two lists.
pub(super) fn matching(near: &[Mark], far: &[Mark]) -> Matching {
    if let Some(matching) = in_step(near, far) {
        return matching;
    }
    by_name(near, far)
}

/// Compares two lists in any order.
fn by_name(near: &[Mark], far: &[Mark]) -> Matching {
    let (a, b) = (sorted(near), sorted(far));
    let most = near.len().min(far.len());
    let mut out = Matching { pairs: Vec::with_capacity(most), ..Matching::default() };
    let mut uneven = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let name = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.0.min(y.0),
            (Some(x), None) => x.0,
            (None, Some(y)) => y.0,
            (None, None) => break,
        };
        let n = a[i..].iter().take_while(|x| x.0 == name).count();
        let m = b[j..].iter().take_while(|y| y.0 == name).count();
        let (ours, theirs) = (&a[i..i + n], &b[j..j + m]);
        if n == m {
            out.pairs.extend(ours.iter().zip(theirs).map(|(x, y)| (x.1, y.1)));
        } else if m == 0 {
            out.lost.extend(ours.iter().map(|x| x.1));
        } else if n == 0 {
            out.strangers.extend(theirs.iter().map(|y| y.1));
        } else {
            uneven.push((i..i + n, j..j + m));
        }
        (i, j) = (i + n, j + m);
    }
    out.pairs.sort_unstable();
    if !uneven.is_empty() {
        let even = out.pairs.clone();
        for (ours, theirs) in uneven {
            settle(near, far, &a[ours], &b[theirs], &even, &mut out);
        }
        out.pairs.sort_unstable();
    }
    out.lost.sort_unstable();
    out.strangers.sort_unstable();
    out.duplicates.sort_unstable();
    out
}

/// Pairs whose order is the same on both sides: the longest such chain, greedily without what jumped ahead or fell behind.
pub(super) fn in_order(pairs: &[(u32, u32)]) -> Vec<(u32, u32)> {
    // Longest increasing subsequence of the far indices.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; pairs.len()];
    for (i, pair) in pairs.iter().enumerate() {
        let at = tails.partition_point(|t| pairs[*t].1 < pair.1);
        before[i] = at.checked_sub(1).map(|k| tails[k]);
        if at == tails.len() {
            tails.push(i);
        } else {
            tails[at] = i;
        }
    }
    let mut chain = Vec::with_capacity(tails.len());
    let mut next = tails.last().copied();
    while let Some(i) = next {
        chain.push(pairs[i]);
        next = before[i];
    }
    chain.reverse();
    chain
}

/// Near indices of the packets that came behind one that went in later (RFC 4737 section 3.3).
pub(super) fn reordered(pairs: &[(u32, u32)]) -> Vec<u32> {
    if pairs.windows(2).all(|w| w[0].1 < w[1].1) {
        return Vec::new();
    }
    let mut by_far: Vec<(u32, u32)> = pairs.iter().map(|(n, f)| (*f, *n)).collect();
    by_far.sort_unstable();
    let mut front = None;
    let mut late = Vec::new();
    for (_, n) in by_far {
        if front.is_some_and(|front| n < front) {
            late.push(n);
        } else {
            front = Some(n);
        }
    }
    late
}

/// The usual cases, without sorting: the far point listed the same packets in the same order, but for a few that are missing.
fn in_step(near: &[Mark], far: &[Mark]) -> Option<Matching> {
    let missing = near.len().checked_sub(far.len()).filter(|n| *n <= FEW_MISSING)?;
    let mut out = Matching { pairs: Vec::with_capacity(far.len()), ..Matching::default() };
    if missing > 0 {
        out.lost.reserve_exact(missing);
    }
    let mut next = far.iter().enumerate().peekable();
    for (i, mark) in near.iter().enumerate() {
        match next.next_if(|(_, other)| other.digest == mark.digest) {
            Some((j, _)) => out.pairs.push((i as u32, j as u32)),
            None if out.lost.len() < missing => out.lost.push(i as u32),
            None => return None,
        }
    }
    // Of look-alikes any may be the one that is missing, and one that is late is not missing at all.
    let alike = |i: &u32| {
        let name = near[*i as usize].digest;
        near.iter().filter(|m| m.digest == name).count() > 1 || far.iter().any(|m| m.digest == name)
    };
    (next.peek().is_none() && !out.lost.iter().any(alike)).then_some(out)
}

fn sorted(marks: &[Mark]) -> Vec<(u64, u32)> {
    let mut list: Vec<(u64, u32)> = marks.iter().enumerate().map(|(i, m)| (m.digest, i as u32)).collect();
    list.sort_unstable();
    list
}

/// Pairs a group of look-alikes of which one side has more.
fn settle(
    near: &[Mark],
    far: &[Mark],
    ours: &[(u64, u32)],
    theirs: &[(u64, u32)],
    even: &[(u32, u32)],
    out: &mut Matching,
) {
    let delta = |n: u32, f: u32| far[f as usize].time_ns.wrapping_sub(near[n as usize].time_ns).cast_signed();
    // Lower median of the delays around: a neighbour may itself have been late.
    let expected = |n: u32| {
        let at = even.partition_point(|p| p.0 < n);
        let mut around: Vec<i64> =
            even[at.saturating_sub(3)..even.len().min(at + 3)].iter().map(|p| delta(p.0, p.1)).collect();
        around.sort_unstable();
        around.get(around.len().saturating_sub(1) / 2).copied()
    };
    let cost = |n: u32, f: u32| expected(n).map_or(0, |e| delta(n, f).wrapping_sub(e).unsigned_abs());
    let ours: Vec<u32> = ours.iter().map(|x| x.1).collect();
    let theirs: Vec<u32> = theirs.iter().map(|y| y.1).collect();
    let chosen = if ours.len() > theirs.len() {
        assign(theirs.len(), ours.len(), |i, j| cost(ours[j], theirs[i]))
            .into_iter()
            .enumerate()
            .map(|(i, j)| (j, i))
            .collect()
    } else {
        assign(ours.len(), theirs.len(), |i, j| cost(ours[i], theirs[j])).into_iter().enumerate().collect::<Vec<_>>()
    };
    for (n, f) in &chosen {
        out.pairs.push((ours[*n], theirs[*f]));
    }
    out.lost.extend((0..ours.len()).filter(|n| chosen.iter().all(|c| c.0 != *n)).map(|n| ours[n]));
    for f in (0..theirs.len()).filter(|f| chosen.iter().all(|c| c.1 != *f)) {
        let original = chosen.iter().rev().find(|c| c.1 < f).or(chosen.first()).map_or(0, |c| c.0);
        out.duplicates.push((theirs[f], ours[original]));
    }
}

/// Gives each of `few` a partner of `many`, in order, at the smallest total cost.
fn assign(few: usize, many: usize, cost: impl Fn(usize, usize) -> u64) -> Vec<usize> {
    if few * many > MAX_COMBINATIONS {
        return (0..few).collect();
    }
    // best[i][j]: cost of giving the first i partners among the first j.
    let width = many + 1;
    let mut best = vec![u64::MAX; (few + 1) * width];
    best[..width].fill(0);
    for i in 1..=few {
        for j in i..=many {
            let take = best[(i - 1) * width + j - 1].saturating_add(cost(i - 1, j - 1));
            best[i * width + j] = take.min(best[i * width + j - 1]);
        }
    }
    let mut out = vec![0; few];
    let mut j = many;
    for i in (1..=few).rev() {
        // Prefer the earlier partner where both cost the same.
        while j > i && best[i * width + j - 1] <= best[i * width + j] {
            j -= 1;
        }
        out[i - 1] = j - 1;
        j -= 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(list: &[(u64, u64)]) -> Vec<Mark> {
        let mark = |(digest, time_ns): &(u64, u64)| Mark {
            digest: *digest,
            time_ns: *time_ns,
            ip_bytes: 100,
            payload_bytes: 60,
            flags: 1,
            ecn: 2,
            ttl: 64,
        };
        list.iter().map(mark).collect()
    }

    #[test]
    fn loss_duplication_and_reordering_are_told_apart() {
        let near = marks(&[(1, 0), (2, 10), (3, 20), (4, 30)]);
        let far = marks(&[(1, 100), (3, 120), (3, 121), (9, 125), (2, 126)]);
        let m = matching(&near, &far);
        assert_eq!(m.pairs, [(0, 0), (1, 4), (2, 1)]);
        assert_eq!((m.lost, m.duplicates, m.strangers), (vec![3], vec![(2, 2)], vec![3]));
        assert_eq!(reordered(&m.pairs), [1]);
        assert_eq!(in_order(&m.pairs), [(0, 0), (2, 1)]);
    }

    #[test]
    fn lists_in_step_are_compared_as_sorted_ones_are() {
        // Every way to leave out up to three of eight packets, two of which look alike, and to swap two neighbours.
        let near: Vec<(u64, u64)> = [1, 2, 3, 7, 4, 7, 5, 6].into_iter().zip((0..).step_by(10)).collect();
        let mut in_steps = 0;
        for left_out in 0u32..256 {
            for swapped in 0..8 {
                let mut far: Vec<(u64, u64)> = near.iter().map(|(name, t)| (*name, t + 100)).collect();
                if swapped < 7 {
                    far.swap(swapped, swapped + 1);
                }
                let mut at = 0..;
                far.retain(|_| left_out >> at.next().unwrap() & 1 == 0);
                let (near, far) = (marks(&near), marks(&far));
                let got = in_step(&near, &far);
                in_steps += usize::from(got.is_some());
                assert!(got.is_none_or(|got| got == by_name(&near, &far)), "{left_out:b} left out, {swapped} swapped");
            }
        }
        assert!(in_steps > 64, "{in_steps}");
    }

    #[test]
    fn of_look_alikes_the_one_whose_delay_fits_is_the_same() {
        let near = marks(&[(1, 0), (7, 10), (7, 20), (7, 30), (2, 40)]);
        let far = marks(&[(1, 100), (7, 110), (7, 130), (2, 140)]);
        let m = matching(&near, &far);
        assert_eq!(m.pairs, [(0, 0), (1, 1), (3, 2), (4, 3)]);
        assert_eq!(m.lost, [2]);
    }
}
