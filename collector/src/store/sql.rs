//! SQL text from schemas and predicates, for both databases.
//!
//! In: names from the schemas, conditions. Out: statements with placeholders and the values to bind. No value ever becomes
//! text; the only names in a statement are those of [`Schema`]. [`Statement::text`] is the one place where built SQL is
//! vouched for.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::Scan;
use super::predicate::Predicate;
use super::schema::{PROVENANCE, Schema};

/// Registers a spool or sees it again: spool_id, name, host, version, now.
pub const CLAIM_PROBE: &str = "INSERT INTO probe (spool_id, name, host, version, first_seen_ns, last_seen_ns) \
     VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (spool_id, name) DO UPDATE SET host = excluded.host, \
     version = excluded.version, last_seen_ns = excluded.last_seen_ns RETURNING id";

/// Takes a stream over: probe, epoch, lane, session.
pub const CLAIM_STREAM: &str = "INSERT INTO ingest_stream (probe, epoch, lane, session, claims) VALUES ($1, $2, $3, $4, 1) \
     ON CONFLICT (probe, epoch, lane) DO UPDATE SET session = excluded.session, claims = ingest_stream.claims + 1 \
     RETURNING id, committed_seq, last_crc, position";

/// Moves the ledger from before `first` to `last` if it stands there and the session holds it: skip, first, last, crc, now,
/// batches, records, quarantined, quarantined records, stream, session, newest, position. A skipped range may begin before the
/// ledger's position: what is committed stays committed.
pub const ADVANCE: &str = "UPDATE ingest_stream SET \
     skipped = skipped + CASE WHEN $1 THEN $3 - committed_seq ELSE 0 END, committed_seq = $3, last_crc = $4, \
     committed_ns = $5, batches = batches + $6, records = records + $7, quarantined = quarantined + $8, \
     quarantined_records = quarantined_records + $9, newest_ns = CASE WHEN newest_ns < $12 THEN $12 ELSE newest_ns END, \
     position = CASE WHEN $1 AND $13 = 0 THEN position ELSE $13 END \
     WHERE id = $10 AND session = $11 AND committed_seq >= $2 - 1 AND committed_seq < CASE WHEN $1 THEN $3 ELSE $2 END";

/// Where the ledger stands: stream.
pub const POSITION: &str = "SELECT committed_seq, last_crc, session FROM ingest_stream WHERE id = $1";

/// Counts a repetition: stream.
pub const DUPLICATE: &str = "UPDATE ingest_stream SET duplicates = duplicates + 1 WHERE id = $1";

/// Keeps a batch as it came: stream, seq, now, reason, records, frames, bytes, payload.
pub const QUARANTINE: &str = "INSERT INTO quarantine (stream, seq, at_ns, reason, records, frames, bytes, payload) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Drops the oldest kept payloads beyond so many bytes; their reasons stay.
pub const QUARANTINE_TRIM: &str = "UPDATE quarantine SET payload = substr(payload, 1, 0) WHERE length(payload) > 0 \
     AND id <= (SELECT max(id) FROM (SELECT id, sum(length(payload)) OVER (ORDER BY id DESC) AS kept FROM quarantine) q \
     WHERE kept > $1)";

/// Payload bytes that quarantine keeps.
pub const QUARANTINE_BYTES: i64 = 64 << 20;

/// A write that changes nothing.
pub const CHECK: &str = "UPDATE ingest_stream SET claims = claims WHERE id = (SELECT min(id) FROM ingest_stream)";

/// The whole ledger with the names of the probes, in the order of [`super::LedgerLine`].
pub const LEDGER: &str = "SELECT s.id, p.name, p.host, p.version, s.epoch, s.lane, s.committed_seq, s.committed_ns, s.newest_ns, s.batches, \
     s.records, s.duplicates, s.skipped, s.quarantined, s.quarantined_records, s.claims \
     FROM ingest_stream s JOIN probe p ON p.id = s.probe ORDER BY p.name, s.id";

/// How a database writes placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `?`, and `length()` of a byte string.
    Sqlite,
    /// `$1`, and `octet_length()`.
    Postgres,
}

/// A value to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bind {
    /// Integer.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A statement under construction.
#[derive(Debug, Clone)]
pub struct Statement {
    sql: String,
    /// The values of its placeholders, in order.
    pub binds: Vec<Bind>,
    dialect: Dialect,
}

impl Statement {
    /// An empty one.
    #[must_use]
    pub fn new(dialect: Dialect) -> Statement {
        Statement { sql: String::new(), binds: Vec::new(), dialect }
    }

    /// Adds SQL text of this program.
    pub fn push(&mut self, sql: &str) -> &mut Statement {
        self.sql.push_str(sql);
        self
    }

    /// Adds a placeholder and its value.
    pub fn bind(&mut self, value: Bind) -> &mut Statement {
        self.binds.push(value);
        match self.dialect {
            Dialect::Sqlite => self.sql.push('?'),
            Dialect::Postgres => {
                let _ = write!(self.sql, "${}", self.binds.len());
            }
        }
        self
    }

    /// The text. It holds nothing but constants of this program and placeholders.
    #[must_use]
    pub fn text(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.sql.clone())
    }

    /// Adds a condition.
    pub fn condition(&mut self, predicate: &Predicate) -> &mut Statement {
        match predicate {
            Predicate::True => self.push("TRUE"),
            Predicate::And(all) => self.join(all, " AND ", "TRUE"),
            Predicate::Or(any) => self.join(any, " OR ", "FALSE"),
            Predicate::Not(p) => self.push("NOT (").condition(p).push(")"),
            Predicate::Range { field, low, high } => self.range(field, *low, *high),
            Predicate::Text { field, value } => self.push(field).push(" = ").bind(Bind::Text(value.clone())),
            Predicate::Bytes { field, low, high } => {
                let length = match self.dialect {
                    Dialect::Sqlite => "length(",
                    Dialect::Postgres => "octet_length(",
                };
                self.push("(").push(length).push(field).push(") = ").bind(Bind::Int(low.len() as i64));
                self.push(" AND ").push(field).push(" >= ").bind(Bind::Bytes(low.clone()));
                self.push(" AND ").push(field).push(" <= ").bind(Bind::Bytes(high.clone())).push(")")
            }
        }
    }

    fn join(&mut self, parts: &[Predicate], word: &str, none: &str) -> &mut Statement {
        if parts.is_empty() {
            return self.push(none);
        }
        self.push("(");
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                self.push(word);
            }
            self.condition(part);
        }
        self.push(")")
    }

    /// Unsigned values are stored by their bits, so the upper half of them is negative and a range may be in two parts.
    fn range(&mut self, field: &str, low: u64, high: u64) -> &mut Statement {
        if low > high {
            return self.push("FALSE");
        }
        let (a, b) = (low.cast_signed(), high.cast_signed());
        if low == high {
            return self.push(field).push(" = ").bind(Bind::Int(a));
        }
        let word = if (a < 0) == (b < 0) { " AND " } else { " OR " };
        self.push("(").push(field).push(" >= ").bind(Bind::Int(a));
        self.push(word).push(field).push(" <= ").bind(Bind::Int(b)).push(")")
    }
}

/// `SELECT ingest_stream, values FROM table WHERE window AND predicate`, without the end: the caller may narrow it further.
/// The values are fields or made of some.
#[must_use]
pub fn select(
    dialect: Dialect,
    schema: &Schema,
    values: impl IntoIterator<Item: AsRef<str>>,
    scan: &Scan,
) -> Statement {
    let mut s = Statement::new(dialect);
    s.push("SELECT ").push(PROVENANCE[0]);
    for value in values {
        s.push(", ").push(value.as_ref());
    }
    s.push(" FROM ").push(schema.table).push(" WHERE ").condition(&scan.predicate);
    window(&mut s, schema, scan.since_ns, scan.until_ns);
    s
}

/// Adds the condition that a row overlaps the window.
pub fn window(s: &mut Statement, schema: &Schema, since_ns: u64, until_ns: u64) {
    let clamp = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    if since_ns > 0 {
        s.push(" AND ").push(schema.time.ends()).push(" > ").bind(Bind::Int(clamp(since_ns)));
    }
    if clamp(until_ns) < i64::MAX {
        s.push(" AND ").push(schema.time.begins()).push(" < ").bind(Bind::Int(clamp(until_ns)));
    }
}

/// `INSERT INTO table (provenance, fields) VALUES (...), (...)` with positional `?` placeholders.
#[must_use]
pub fn insert(schema: &Schema, fields: &[usize], rows: usize) -> AssertSqlSafe<String> {
    let columns = PROVENANCE.iter().copied().chain(fields.iter().map(|f| schema.fields[*f].name));
    let columns: Vec<&str> = columns.collect();
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let values = vec![row.as_str(); rows].join(",");
    AssertSqlSafe(format!("INSERT INTO {} ({}) VALUES {values}", schema.table, columns.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_ranges_survive_signed_storage() {
        let part = |low, high| {
            let mut s = Statement::new(Dialect::Postgres);
            s.range("packets", low, high);
            (s.sql, s.binds)
        };
        assert_eq!(part(1, 9).0, "(packets >= $1 AND packets <= $2)");
        assert_eq!(
            part(1, u64::MAX),
            (String::from("(packets >= $1 OR packets <= $2)"), vec![Bind::Int(1), Bind::Int(-1)])
        );
        assert_eq!(part(7, 7).0, "packets = $1");
        assert_eq!(part(2, 1).0, "FALSE");
    }
}
