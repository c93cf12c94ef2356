//! The statements. `$1` is a placeholder for both databases.

pub(super) const EXTENT: &str =
    "SELECT (SELECT min(bucket_ns) FROM rollup WHERE level = 10), (SELECT max(bucket_ns) FROM rollup WHERE level = 10)";
pub(super) const TOUCHED: &str = "SELECT DISTINCT bucket_ns FROM rollup_touch WHERE bucket_ns > $1 AND bucket_ns < $2";
pub(super) const GAPS: &str =
    "SELECT first_ns, last_ns FROM rollup_gap WHERE last_ns > $1 AND first_ns < $2 ORDER BY first_ns";
pub(super) const COARSE: &str =
    "SELECT bucket_ns, stale FROM rollup_bucket WHERE level = $1 AND bucket_ns >= $2 AND bucket_ns < $3";
pub(super) const MERGED: &str =
    "SELECT DISTINCT bucket_ns FROM rollup WHERE level = 10 AND bucket_ns > $1 AND bucket_ns < $2 AND plain = 0";
pub(super) const SPANNED: &str =
    "SELECT CAST(coalesce(min(plain), 0) AS bigint) FROM rollup WHERE level = 10 AND bucket_ns = $1";
pub(super) const PACKS: &str = "SELECT payload FROM rollup WHERE level = $1 AND bucket_ns >= $2 AND bucket_ns < $3";
pub(super) const DUE_TENS: &str = "SELECT bucket_ns FROM rollup_touch GROUP BY bucket_ns HAVING bucket_ns <= $1 \
     AND (max(at_ns) <= $2 OR min(at_ns) <= $3) ORDER BY bucket_ns DESC LIMIT 64";
pub(super) const DUE_COARSE: &str = "SELECT b.bucket_ns FROM rollup_bucket b WHERE b.level = $1 AND b.stale = 1 AND b.bucket_ns <= $2 \
     AND NOT EXISTS (SELECT 1 FROM rollup_touch t WHERE t.bucket_ns >= b.bucket_ns AND t.bucket_ns < b.bucket_ns + $3) \
     AND NOT EXISTS (SELECT 1 FROM rollup_bucket m WHERE m.level < b.level AND m.stale = 1 \
     AND m.bucket_ns >= b.bucket_ns AND m.bucket_ns < b.bucket_ns + $3) ORDER BY b.bucket_ns DESC LIMIT 64";
pub(super) const SEEN: &str =
    "SELECT coalesce(max(id), 0), CAST(coalesce(sum(records), 0) AS bigint) FROM rollup_touch WHERE bucket_ns = $1";
pub(super) const HELD: &str = "SELECT CAST(coalesce(sum(records), 0) AS bigint) FROM rollup WHERE level = $1 AND bucket_ns >= $2 AND bucket_ns < $3";
pub(super) const UNTOUCH: &str = "DELETE FROM rollup_touch WHERE bucket_ns = $1 AND id <= $2";
pub(super) const CLEAR: &str = "DELETE FROM rollup WHERE level = $1 AND bucket_ns = $2";
pub(super) const ADD: &str = "INSERT INTO rollup (level, bucket_ns, key_low, key_high, records, plain, payload) VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(super) const SET: &str = "INSERT INTO rollup_bucket (level, bucket_ns, stale) VALUES ($1, $2, $3) \
     ON CONFLICT (level, bucket_ns) DO UPDATE SET stale = excluded.stale";
pub(super) const TOUCH: &str = "INSERT INTO rollup_touch (bucket_ns, records, at_ns) VALUES ($1, $2, $3)";
pub(super) const GAP: &str = "INSERT INTO rollup_gap (first_ns, last_ns) SELECT $1, $2 \
     WHERE NOT EXISTS (SELECT 1 FROM rollup_gap WHERE first_ns <= $1 AND last_ns >= $2)";
pub(super) const FLOW_KEY: &str = "SELECT flow_key FROM flow_index WHERE flow = $1";
pub(super) const RETAIN: [&str; 5] = [
    "DELETE FROM rollup WHERE bucket_ns + level * 1000000000 <= $1",
    "DELETE FROM rollup_bucket WHERE bucket_ns + level * 1000000000 <= $1",
    "DELETE FROM rollup_touch WHERE bucket_ns + 10000000000 <= $1",
    "DELETE FROM rollup_gap WHERE last_ns <= $1",
    "DELETE FROM flow_index WHERE last_ns <= $1",
];
/// One job at a time. Unlike a query it takes no snapshot, so what follows sees all that an earlier job did.
pub(super) const LEASE: &str = "LOCK TABLE rollup_bucket IN EXCLUSIVE MODE NOWAIT";
