-- Sums of flow records by bucket: what a question about minutes or days reads instead of every record.

-- Packed flow records, merged by point, flow, direction and run, in the order of their flow keys. The payload is an encoded
-- batch, the same as on the wire.
CREATE TABLE rollup (
    level     bigint NOT NULL, -- length of the bucket, s: 10, 60 or 3600
    bucket_ns bigint NOT NULL, -- its start
    key_low   bigint NOT NULL, -- smallest flow key inside, its upper bit turned over so that keys compare as signed
    key_high  bigint NOT NULL, -- largest
    records   bigint NOT NULL,
    plain     bigint NOT NULL, -- 1: nothing was merged, the records are those that were stored
    payload   bytea NOT NULL
);
CREATE INDEX rollup_by_bucket ON rollup (level, bucket_ns, key_low, key_high);

-- Minutes and hours that hold records; a stale one waits to be summed again.
CREATE TABLE rollup_bucket (
    level     bigint NOT NULL,
    bucket_ns bigint NOT NULL,
    stale     bigint NOT NULL,
    PRIMARY KEY (level, bucket_ns)
);
CREATE INDEX rollup_bucket_stale ON rollup_bucket (level, bucket_ns) WHERE stale = 1;

-- Buckets of 10 s that got records since they were summed; written by the transaction that brought the records.
CREATE TABLE rollup_touch (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bucket_ns bigint NOT NULL,
    records   bigint NOT NULL,
    at_ns     bigint NOT NULL
);
CREATE INDEX rollup_touch_by_bucket ON rollup_touch (bucket_ns);

-- Times with records that fit no bucket: always read as they were stored.
CREATE TABLE rollup_gap (
    first_ns bigint NOT NULL,
    last_ns  bigint NOT NULL
);

-- The key of each flow instance: where in a bucket its records are.
CREATE TABLE flow_index (
    flow     bigint PRIMARY KEY,
    flow_key bigint NOT NULL,
    last_ns  bigint NOT NULL
);

-- What is here already has not been summed.
INSERT INTO rollup_gap (first_ns, last_ns)
    SELECT min(CASE interval_ns WHEN 0 THEN first_ns ELSE start_ns END) / 10000000000 * 10000000000,
           max(CASE interval_ns WHEN 0 THEN last_ns + 1 ELSE start_ns + interval_ns END)
    FROM flow_interval GROUP BY day;
