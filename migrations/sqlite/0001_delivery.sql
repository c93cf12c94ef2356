-- Who delivered what, and how far each stream is.

-- One line per spool: the name is the probe's, the identity that of its spool directory.
CREATE TABLE probe (
    id            INTEGER PRIMARY KEY,
    spool_id      BLOB NOT NULL,
    name          TEXT NOT NULL,
    host          TEXT NOT NULL,
    version       TEXT NOT NULL,
    first_seen_ns INTEGER NOT NULL,
    last_seen_ns  INTEGER NOT NULL,
    UNIQUE (spool_id, name)
) STRICT;

-- The ledger. A batch's rows and the step of committed_seq to its number are one transaction: exactly once, by construction.
CREATE TABLE ingest_stream (
    id                  INTEGER PRIMARY KEY,
    probe               INTEGER NOT NULL,
    epoch               INTEGER NOT NULL,
    lane                INTEGER NOT NULL,
    committed_seq       INTEGER NOT NULL DEFAULT 0,
    last_crc            INTEGER NOT NULL DEFAULT 0,
    session             INTEGER NOT NULL DEFAULT 0,
    claims              INTEGER NOT NULL DEFAULT 0,
    committed_ns        INTEGER NOT NULL DEFAULT 0,
    newest_ns           INTEGER NOT NULL DEFAULT 0, -- latest end of a record
    batches             INTEGER NOT NULL DEFAULT 0,
    records             INTEGER NOT NULL DEFAULT 0,
    duplicates          INTEGER NOT NULL DEFAULT 0,
    skipped             INTEGER NOT NULL DEFAULT 0,
    quarantined         INTEGER NOT NULL DEFAULT 0,
    quarantined_records INTEGER NOT NULL DEFAULT 0,
    UNIQUE (probe, epoch, lane)
) STRICT;

-- Batches kept as they came: those that could not be stored, and those that hold more than this release knows.
CREATE TABLE quarantine (
    id      INTEGER PRIMARY KEY,
    stream  INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    at_ns   INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    records INTEGER NOT NULL,
    frames  INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;

-- Which rows of a record table lie in which time: the index by time, without a word per row.
CREATE TABLE row_span (
    id        INTEGER PRIMARY KEY,
    code      INTEGER NOT NULL, -- which table, see store/schema.rs
    first_row INTEGER NOT NULL,
    last_row  INTEGER NOT NULL,
    first_ns  INTEGER NOT NULL,
    last_ns   INTEGER NOT NULL
) STRICT;
CREATE INDEX row_span_by_time ON row_span (code, last_ns);
