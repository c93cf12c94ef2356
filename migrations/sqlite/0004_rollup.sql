-- Sums of flow records by bucket: what a question about minutes or days reads instead of every record.

-- Packed flow records, merged by point, flow, direction and run, in the order of their flow keys. The payload is an encoded
-- batch, the same as on the wire.
CREATE TABLE rollup (
    level     INTEGER NOT NULL, -- length of the bucket, s: 10, 60 or 3600
    bucket_ns INTEGER NOT NULL, -- its start
    key_low   INTEGER NOT NULL, -- smallest flow key inside, its upper bit turned over so that keys compare as signed
    key_high  INTEGER NOT NULL, -- largest
    records   INTEGER NOT NULL,
    plain     INTEGER NOT NULL, -- 1: nothing was merged, the records are those that were stored
    payload   BLOB NOT NULL
) STRICT;
CREATE INDEX rollup_by_bucket ON rollup (level, bucket_ns, key_low, key_high);

-- Minutes and hours that hold records; a stale one waits to be summed again.
CREATE TABLE rollup_bucket (
    level     INTEGER NOT NULL,
    bucket_ns INTEGER NOT NULL,
    stale     INTEGER NOT NULL,
    PRIMARY KEY (level, bucket_ns)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollup_bucket_stale ON rollup_bucket (level, bucket_ns) WHERE stale = 1;

-- Buckets of 10 s that got records since they were summed; written by the transaction that brought the records.
CREATE TABLE rollup_touch (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket_ns INTEGER NOT NULL,
    records   INTEGER NOT NULL,
    at_ns     INTEGER NOT NULL
) STRICT;
CREATE INDEX rollup_touch_by_bucket ON rollup_touch (bucket_ns);

-- Times with records that fit no bucket: always read as they were stored.
CREATE TABLE rollup_gap (
    first_ns INTEGER NOT NULL,
    last_ns  INTEGER NOT NULL
) STRICT;

-- The key of each flow instance: where in a bucket its records are.
CREATE TABLE flow_index (
    flow     INTEGER PRIMARY KEY,
    flow_key INTEGER NOT NULL,
    last_ns  INTEGER NOT NULL
) STRICT;

-- What is here already has not been summed.
INSERT INTO rollup_gap (first_ns, last_ns)
    SELECT min(first_ns) / 10000000000 * 10000000000, max(last_ns) FROM row_span WHERE code = 0 HAVING count(*) > 0;
