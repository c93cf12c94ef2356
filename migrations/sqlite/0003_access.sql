-- Who may connect: tokens for enrolment, and the certificates that were issued.

-- A token is known by the SHA-256 of its secret only, and works once.
CREATE TABLE enrolment_token (
    hash       BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    expires_ns INTEGER NOT NULL,
    used_ns    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE certificate (
    serial     TEXT PRIMARY KEY, -- hex
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    issued_ns  INTEGER NOT NULL,
    expires_ns INTEGER NOT NULL,
    revoked_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
