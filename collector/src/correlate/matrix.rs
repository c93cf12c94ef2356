//! The transition matrix of a segment, and what counters alone can say about it.
//!
//! In: packets and bytes by code point on both sides of a segment, for stretches in which both sides speak of the same
//! packets. Out: how many of each code point became what, with bounds that always hold (Fréchet bounds of a table with
//! known margins). Where a stretch went in with one code point only, both bounds meet and the figures are exact.

use std::sync::LazyLock;

use sce_proto::marks::Counters;
use sce_proto::{PathSegment, Record, ValueRef};

/// Column of what did not arrive.
pub(super) const LOST: usize = 4;

/// One transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cell {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) low: u64,
    pub(super) high: u64,
}

/// Rows: code point going in; columns: code point coming out, and lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Matrix(pub(super) [[Cell; 5]; 4]);

/// Transitions in the order in which counters are explained by them: marking, loss, bleaching, then the impossible.
const LIKELY: [(usize, usize); 16] = [
    (2, 1),
    (2, 3),
    (1, 3),
    (2, LOST),
    (1, LOST),
    (3, LOST),
    (0, LOST),
    (1, 0),
    (2, 0),
    (3, 0),
    (1, 2),
    (3, 2),
    (3, 1),
    (0, 2),
    (0, 1),
    (0, 3),
];

impl Matrix {
    /// Counts one packet that was followed.
    pub(super) fn count(&mut self, from: u8, to: usize, ip_bytes: u32) {
        let cell = &mut self.0[usize::from(from & 3)][to];
        cell.packets += 1;
        cell.bytes += u64::from(ip_bytes);
        cell.low += 1;
        cell.high += 1;
    }

    /// Adds a stretch of which only the counters on both sides are known.
    pub(super) fn add_block(&mut self, near: &Counters, far: &Counters) {
        let columns = |near: [u64; 4], far: [u64; 4]| -> [u64; 5] {
            let lost = near.iter().sum::<u64>().saturating_sub(far.iter().sum());
            [far[0], far[1], far[2], far[3], lost]
        };
        let (packets, bytes) = (columns(near.packets, far.packets), columns(near.ip_bytes, far.ip_bytes));
        let total: u64 = packets.iter().sum();
        let (p, b) = (least_change(near.packets, packets), least_change(near.ip_bytes, bytes));
        for from in 0..4 {
            for to in 0..5 {
                let cell = &mut self.0[from][to];
                cell.packets += p[from][to];
                cell.bytes += b[from][to];
                cell.low += (near.packets[from] + packets[to]).saturating_sub(total);
                cell.high += near.packets[from].min(packets[to]);
            }
        }
    }

    /// Takes wider bounds: those of all stretches as one, which hold also where packets changed places between them.
    pub(super) fn widen(&mut self, near: &Counters, far: &Counters) {
        let mut whole = Matrix::default();
        whole.add_block(near, far);
        for (cell, wide) in self.0.iter_mut().flatten().zip(whole.0.iter().flatten()) {
            (cell.low, cell.high) = (wide.low.min(cell.packets), wide.high.max(cell.packets));
        }
    }

    /// Narrows and moves the figures by a sample: `counts[from][to]` of the listed packets.
    pub(super) fn sample(&mut self, counts: &[[u64; 5]; 4]) {
        for (row, seen) in self.0.iter_mut().zip(counts) {
            let n: u64 = seen.iter().sum();
            let total: u64 = row.iter().map(|c| c.packets).sum();
            let bytes: u64 = row.iter().map(|c| c.bytes).sum();
            if n == 0 || row.iter().all(|c| c.low == c.high) {
                continue;
            }
            for (cell, k) in row.iter_mut().zip(seen) {
                let (low, high) = wilson(*k, n);
                let scale = |share: f64| (share * total as f64).round() as u64;
                let low = scale(low).clamp(cell.low, cell.high);
                let high = scale(high).clamp(low, cell.high);
                *cell = Cell { packets: scale(*k as f64 / n as f64).clamp(low, high), low, high, ..*cell };
            }
            // What rounding and bounds left over goes where there is room, so that rows still add up.
            let mut rest = total as i64 - row.iter().map(|c| c.packets as i64).sum::<i64>();
            for cell in row.iter_mut() {
                let room = if rest > 0 { (cell.high - cell.packets) as i64 } else { (cell.packets - cell.low) as i64 };
                let step = rest.abs().min(room) * rest.signum();
                cell.packets = cell.packets.saturating_add_signed(step);
                rest -= step;
            }
            let shares = std::array::from_fn::<u64, 5, _>(|i| row[i].packets);
            for (cell, share) in row.iter_mut().zip(shares) {
                cell.bytes = (u128::from(bytes) * u128::from(share) / u128::from(total.max(1))) as u64;
            }
        }
    }

    /// Adds another stretch's.
    pub(super) fn plus(&mut self, other: &Matrix) {
        for (cell, more) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            cell.packets += more.packets;
            cell.bytes += more.bytes;
            cell.low += more.low;
            cell.high += more.high;
        }
    }

    /// Takes the bounds away: any of what went in may have become anything.
    pub(super) fn loosen(&mut self) {
        for row in &mut self.0 {
            let all = row.iter().map(|c| c.packets).sum();
            row.iter_mut().for_each(|c| (c.low, c.high) = (0, all));
        }
    }

    /// Whether every figure is certain.
    pub(super) fn certain(&self) -> bool {
        self.0.iter().flatten().all(|c| c.low == c.high)
    }

    /// Writes the transitions into a segment.
    pub(super) fn report(&self, s: &mut PathSegment) {
        static FIRST: LazyLock<Option<usize>> = LazyLock::new(|| PathSegment::position("not_ect_to_not_ect_packets"));
        let Some(first) = *FIRST else { return };
        for (i, c) in self.0.iter().flatten().enumerate().filter(|(_, c)| **c != Cell::default()) {
            for (k, value) in [c.packets, c.bytes, c.low, c.high].into_iter().enumerate() {
                s.set(first + 4 * i + k, ValueRef::U64(value));
            }
        }
    }
}

/// Fills a table of known margins with as little change as explains them.
fn least_change(mut rows: [u64; 4], mut columns: [u64; 5]) -> [[u64; 5]; 4] {
    let mut out = [[0; 5]; 4];
    for (from, to) in (0..4).map(|i| (i, i)).chain(LIKELY) {
        let n = rows[from].min(columns[to]);
        out[from][to] += n;
        rows[from] -= n;
        columns[to] -= n;
    }
    out
}

/// 95 % Wilson score interval of a share.
fn wilson(k: u64, n: u64) -> (f64, f64) {
    const Z: f64 = 1.959_963_985;
    let (k, n) = (k as f64, n as f64);
    let p = k / n;
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_reported_under_their_names() {
        let mut m = Matrix::default();
        for from in 0..4 {
            for to in 0..5 {
                m.0[from][to] = Cell { packets: (10 * from + to) as u64, bytes: 1, low: 2, high: 3 };
            }
        }
        let mut s = PathSegment::default();
        m.report(&mut s);
        assert_eq!((s.ect0_to_ect1_packets, s.ce_to_lost_packets, s.not_ect_to_ce_packets), (21, 34, 3));
        assert_eq!((s.ect0_to_lost_bytes, s.ect1_to_not_ect_packets_low, s.ce_to_lost_packets_high), (1, 2, 3));
    }

    #[test]
    fn a_block_of_one_code_point_is_exact() {
        let near = Counters { packets: [0, 0, 100, 0], ip_bytes: [0, 0, 150_000, 0] };
        let far = Counters { packets: [1, 20, 70, 2], ip_bytes: [1500, 30_000, 105_000, 3000] };
        let mut m = Matrix::default();
        m.add_block(&near, &far);
        assert!(m.certain());
        let row = m.0[2];
        assert_eq!(row.map(|c| c.packets), [1, 20, 70, 2, 7]);
        assert_eq!(row[LOST].bytes, 10_500);
    }

    proptest! {
        /// Whatever happened inside a stretch without duplication, the truth lies within the bounds and rows add up.
        #[test]
        fn bounds_hold(packets in proptest::collection::vec((0u8..4, 0usize..5), 1..60)) {
            let (mut near, mut far, mut truth) = (Counters::default(), Counters::default(), Matrix::default());
            for (from, to) in &packets {
                near.add(*from, 100);
                if *to < LOST {
                    far.add(*to as u8, 100);
                }
                truth.count(*from, *to, 100);
            }
            let mut m = Matrix::default();
            m.add_block(&near, &far);
            for from in 0..4 {
                prop_assert_eq!(m.0[from].iter().map(|c| c.packets).sum::<u64>(), near.packets[from]);
                for to in 0..5 {
                    let (cell, want) = (m.0[from][to], truth.0[from][to].packets);
                    prop_assert!(cell.low <= want && want <= cell.high, "{from} to {to}: {cell:?}, truth {want}");
                    prop_assert!(cell.low <= cell.packets && cell.packets <= cell.high);
                }
            }
        }

        #[test]
        fn a_sample_keeps_bounds_and_sums(
            near in proptest::array::uniform4(0u64..500), keep in proptest::array::uniform4(0u64..500),
            counts in proptest::array::uniform4(proptest::array::uniform5(0u64..30)),
        ) {
            let far = std::array::from_fn(|i| keep[i].min(near[i]));
            let scale = |p: [u64; 4]| Counters { packets: p, ip_bytes: p.map(|v| v * 100) };
            let mut m = Matrix::default();
            m.add_block(&scale(near), &scale(far));
            m.sample(&counts);
            for (from, row) in m.0.iter().enumerate() {
                prop_assert!(row.iter().all(|c| c.low <= c.packets && c.packets <= c.high), "{row:?}");
                let sum = row.iter().map(|c| c.packets).sum::<u64>();
                prop_assert!(sum.abs_diff(near[from]) <= near[from], "{row:?}");
            }
        }
    }
}
