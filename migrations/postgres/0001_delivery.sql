-- Who delivered what, and how far each stream is.

-- One line per spool: the name is the probe's, the identity that of its spool directory.
CREATE TABLE probe (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    spool_id      bytea NOT NULL,
    name          text NOT NULL,
    host          text NOT NULL,
    version       text NOT NULL,
    first_seen_ns bigint NOT NULL,
    last_seen_ns  bigint NOT NULL,
    UNIQUE (spool_id, name)
);

-- The ledger. A batch's rows and the step of committed_seq to its number are one transaction: exactly once, by construction.
CREATE TABLE ingest_stream (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    probe               bigint NOT NULL,
    epoch               bigint NOT NULL,
    lane                bigint NOT NULL,
    committed_seq       bigint NOT NULL DEFAULT 0,
    last_crc            bigint NOT NULL DEFAULT 0,
    session             bigint NOT NULL DEFAULT 0,
    claims              bigint NOT NULL DEFAULT 0,
    committed_ns        bigint NOT NULL DEFAULT 0,
    newest_ns           bigint NOT NULL DEFAULT 0, -- latest end of a record
    batches             bigint NOT NULL DEFAULT 0,
    records             bigint NOT NULL DEFAULT 0,
    duplicates          bigint NOT NULL DEFAULT 0,
    skipped             bigint NOT NULL DEFAULT 0,
    quarantined         bigint NOT NULL DEFAULT 0,
    quarantined_records bigint NOT NULL DEFAULT 0,
    UNIQUE (probe, epoch, lane)
);

-- Batches kept as they came: those that could not be stored, and those that hold more than this release knows.
CREATE TABLE quarantine (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream  bigint NOT NULL,
    seq     bigint NOT NULL,
    at_ns   bigint NOT NULL,
    reason  text NOT NULL,
    records bigint NOT NULL,
    frames  bigint NOT NULL,
    bytes   bigint NOT NULL,
    payload bytea NOT NULL
);
