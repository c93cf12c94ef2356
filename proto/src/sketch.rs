//! Mergeable histograms: log-linear buckets, so that any quantile of any window, host or group can be had when read.
//!
//! 64 buckets per power of two: a value is known to within 1/64, its bucket's middle to within 0.8 %. Values below 128 are
//! exact; values of 2^37 (137 s in ns) and more share the last bucket. Merging is addition, so the order does not matter.

/// Number of buckets.
pub const BUCKETS: usize = 2048;
const SUB_BITS: u32 = 6;
/// Bytes of an encoded pair whose count is not large.
const USUAL_PAIR: usize = 3;

/// The bucket of a value.
#[must_use]
#[inline]
pub fn bucket(value: u64) -> u16 {
    let value = value.min((1 << 37) - 1);
    let shift = (63 - (value | 1).leading_zeros()).saturating_sub(SUB_BITS);
    ((shift << SUB_BITS) + (value >> shift) as u32) as u16
}

/// Smallest value of a bucket and the number of values it spans.
#[must_use]
pub fn span(bucket: u16) -> (u64, u64) {
    let bucket = u64::from(bucket);
    if bucket < 128 {
        return (bucket, 1);
    }
    let shift = (bucket >> SUB_BITS) - 1;
    ((bucket - (shift << SUB_BITS)) << shift, 1 << shift)
}

/// Encodes (bucket, count) pairs in rising order of bucket: varints of bucket differences and counts.
pub fn encode(pairs: impl IntoIterator<Item = (u16, u64)>) -> Vec<u8> {
    let pairs = pairs.into_iter();
    let most = pairs.size_hint().1.unwrap_or_default();
    let mut out = Vec::with_capacity(USUAL_PAIR * most.min(BUCKETS));
    let mut previous = 0;
    for (bucket, count) in pairs.filter(|p| p.1 > 0) {
        prost::encoding::encode_varint(u64::from(bucket - previous), &mut out);
        prost::encoding::encode_varint(count, &mut out);
        previous = bucket;
    }
    out
}

/// The (bucket, count) pairs of an encoded sketch, in rising order of bucket. Stops at the first damaged pair.
pub fn decode(mut bytes: &[u8]) -> impl Iterator<Item = (u16, u64)> {
    let mut bucket = 0u64;
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let step = prost::encoding::decode_varint(&mut bytes).ok()?;
        let count = prost::encoding::decode_varint(&mut bytes).ok()?;
        bucket = bucket.checked_add(step).filter(|b| *b < BUCKETS as u64)?;
        Some((bucket as u16, count))
    })
}

/// The sketch of two sketches' values together.
#[must_use]
pub fn merge(a: &[u8], b: &[u8]) -> Vec<u8> {
    if a.is_empty() || b.is_empty() {
        return if a.is_empty() { b.to_vec() } else { a.to_vec() };
    }
    let (mut left, mut right) = (decode(a).peekable(), decode(b).peekable());
    let merged = std::iter::from_fn(|| match (left.peek().copied(), right.peek().copied()) {
        (Some(l), Some(r)) if l.0 == r.0 => {
            left.next();
            right.next();
            Some((l.0, l.1.saturating_add(r.1)))
        }
        (Some(l), Some(r)) if r.0 < l.0 => right.next(),
        (Some(_), _) => left.next(),
        (None, _) => right.next(),
    });
    encode(merged)
}

/// The value below or at which a share `q` (0 to 1) of the values lies, to within 0.8 %: the middle of its bucket.
#[must_use]
pub fn quantile(bytes: &[u8], q: f64) -> Option<u64> {
    quantiles(bytes, [q]).map(|[v]| v)
}

/// Several quantiles, in rising order of their shares.
#[must_use]
pub fn quantiles<const N: usize>(bytes: &[u8], shares: [f64; N]) -> Option<[u64; N]> {
    let total: u64 = decode(bytes).map(|p| p.1).sum();
    if total == 0 {
        return None;
    }
    let ranks = shares.map(|q| ((q.clamp(0.0, 1.0) * total as f64).ceil() as u64).max(1));
    let mut found = [0; N];
    let mut open = 0;
    let mut seen = 0;
    for (bucket, count) in decode(bytes) {
        seen += count;
        while open < N && seen >= ranks[open] {
            let (low, width) = span(bucket);
            found[open] = low + width / 2;
            open += 1;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket(v in 0u64..(1 << 37)) {
            let (low, width) = span(bucket(v));
            prop_assert!(low <= v && v < low + width);
            prop_assert!(width == 1 || width * 64 <= low);
        }

        #[test]
        fn merging_is_adding(a in proptest::collection::vec(0u64..1 << 40, 0..50), b in proptest::collection::vec(0u64..1 << 40, 0..50)) {
            let both: Vec<u64> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(merge(&of(&a), &of(&b)), of(&both));
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(decode(&bytes).count() <= 64);
        }
    }

    fn of(values: &[u64]) -> Vec<u8> {
        let mut counts = std::collections::BTreeMap::new();
        for v in values {
            *counts.entry(bucket(*v)).or_insert(0u64) += 1;
        }
        encode(counts)
    }

    #[test]
    fn quantiles_are_within_one_percent() {
        let values: Vec<u64> = (1..=100_000).map(|i| i * 1000).collect();
        for (q, want) in [(0.5, 50_000_000f64), (0.9, 90_000_000.0), (0.99, 99_000_000.0)] {
            let got = quantile(&of(&values), q).unwrap() as f64;
            assert!((got / want - 1.0).abs() < 0.01, "{q}: {got} instead of {want}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        let each = [0.5, 0.9, 0.99].map(|q| quantile(&of(&values), q).unwrap());
        assert_eq!(quantiles(&of(&values), [0.5, 0.9, 0.99]), Some(each));
    }
}
