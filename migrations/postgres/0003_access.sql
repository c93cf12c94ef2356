-- Who may connect: tokens for enrolment, and the certificates that were issued.

-- A token is known by the SHA-256 of its secret only, and works once.
CREATE TABLE enrolment_token (
    hash       BYTEA PRIMARY KEY,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    expires_ns BIGINT NOT NULL,
    used_ns    BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE certificate (
    serial     TEXT PRIMARY KEY, -- hex
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    issued_ns  BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL,
    revoked_ns BIGINT NOT NULL DEFAULT 0
);
