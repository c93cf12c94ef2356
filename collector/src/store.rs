//! What the collector asks of a database, as use cases.
//!
//! In: decoded batches, claims and questions. Out: outcomes and records. Ingest and queries know this trait only; which
//! database stands behind it is decided once, in `server`. A batch's rows and its step in the ledger are one transaction.

pub mod access;
pub mod postgres;
pub mod predicate;
pub mod rollups;
pub mod schema;
pub mod sql;
pub mod sqlite;
pub mod upkeep;

use std::future::Future;

use bytes::Bytes;
use sce_proto::Record;

use crate::rows::Rows;
use predicate::Predicate;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It may work later: disk full, server away, lock not had.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// This very request will never work.
    #[error("the database refused: {0}")]
    Refused(String),
    /// The database belongs to a newer release.
    #[error(
        "the database was made by a newer release (schema {found}, this one knows up to {known}); \
         upgrade sce-collector or use another database: nothing was changed"
    )]
    Newer {
        /// Version found.
        found: i64,
        /// Newest version this code knows.
        known: i64,
    },
    /// It could not be opened.
    #[error("cannot open the database {what}: {why}")]
    Open {
        /// Path or URL without password.
        what: String,
        /// What went wrong and what to do.
        why: String,
    },
}

impl StoreError {
    /// A scan found more than it may.
    #[must_use]
    pub fn too_many(limit: usize) -> StoreError {
        StoreError::Refused(format!("more than {limit} records match; ask for a shorter time or filter more"))
    }
}

/// Which lane of which spool a stream carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Name of the probe.
    pub probe: String,
    /// Random identity of its spool.
    pub spool_id: Vec<u8>,
    /// Life of the spool.
    pub epoch: u64,
    /// 0 control and loss, 1 flow records, 2 marks and samples.
    pub lane: u32,
}

/// A stream to be taken over.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Which one.
    pub key: StreamKey,
    /// Host the probe runs on.
    pub host: String,
    /// Version of the probe.
    pub version: String,
    /// Random number of the session that claims it; steps of earlier sessions are refused from now on.
    pub session: i64,
    /// Wall clock, ns since the epoch.
    pub now_ns: i64,
}

/// Where the ledger stands for a claimed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// Number of the stream in the ledger.
    pub stream: i64,
    /// Last committed batch.
    pub committed_seq: u64,
    /// Its checksum; 0 = it was skipped.
    pub committed_crc: u32,
    /// `Batch.position` of the last batch that was stored.
    pub position: u64,
}

/// One step of a stream's ledger.
#[derive(Debug, Clone)]
pub struct Step {
    /// Number of the stream in the ledger.
    pub stream: i64,
    /// Session that holds the stream.
    pub session: i64,
    /// Wall clock, ns since the epoch.
    pub now_ns: i64,
    /// What to do.
    pub work: Work,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Work {
    /// Store a batch.
    Batch {
        /// Its number.
        seq: u64,
        /// Its checksum, to tell a repetition from another batch with the same number.
        crc: u32,
        /// Latest end of a record inside, ns since the epoch.
        newest_ns: u64,
        /// Its records.
        tables: Vec<Rows>,
        /// The batch as it came. It is kept beside the records where its reason says why.
        original: Quarantine,
    },
    /// Put a batch that cannot be stored into quarantine.
    Poison {
        /// Its number.
        seq: u64,
        /// Its checksum.
        crc: u32,
        /// The batch and the reason.
        quarantine: Quarantine,
    },
    /// Pass over batches that were reported lost.
    Skip {
        /// First of them.
        first: u64,
        /// Last of them.
        last: u64,
        /// Records of the source up to the last, as the probe says; 0 = not known.
        position: u64,
    },
}

/// A batch kept as it came.
#[derive(Debug, Clone)]
pub struct Quarantine {
    /// Why.
    pub reason: String,
    /// Records inside, as the probe says.
    pub records: u32,
    /// Frames inside, as the probe says.
    pub frames: u64,
    /// Records of the source up to and with it, as the probe says.
    pub position: u64,
    /// The payload.
    pub payload: Bytes,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is committed now.
    Committed,
    /// It was committed before.
    Duplicate,
    /// The number was committed before, with another checksum: two probes share an identity, or a spool went back in time.
    Conflict,
    /// Batches between the ledger and this one are missing.
    Gap {
        /// Last committed batch.
        committed_seq: u64,
    },
    /// Another session has taken the stream over.
    Fenced,
}

/// Which records to read.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// Records that end after this time, ns since the epoch.
    pub since_ns: u64,
    /// Records that start before this time, ns since the epoch.
    pub until_ns: u64,
    /// What else must hold.
    pub predicate: Predicate,
    /// Positions of the fields wanted; empty = all. The others stay default.
    pub fields: Vec<usize>,
    /// Refuse to read more rows than this.
    pub limit: usize,
}

/// A stored record and the stream that brought it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<R> {
    /// Number of the stream in the ledger.
    pub stream: i64,
    /// The record.
    pub record: R,
}

/// One line of the ledger, with the probe it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// Number of the stream.
    pub stream: i64,
    /// Name of the probe.
    pub probe: String,
    /// Host of the probe.
    pub host: String,
    /// Version of the probe.
    pub version: String,
    /// Life of the spool.
    pub epoch: u64,
    /// Lane.
    pub lane: u32,
    /// Last committed batch.
    pub committed_seq: u64,
    /// Time of the last commit, ns since the epoch.
    pub committed_ns: u64,
    /// Latest end of a record that was committed, ns since the epoch.
    pub newest_ns: u64,
    /// Batches committed with their records.
    pub batches: u64,
    /// Records committed.
    pub records: u64,
    /// Batches that came again and were passed over.
    pub duplicates: u64,
    /// Batches passed over because they were reported lost.
    pub skipped: u64,
    /// Batches in quarantine.
    pub quarantined: u64,
    /// Records in those, as the probe says.
    pub quarantined_records: u64,
    /// Sessions that took the stream over.
    pub claims: u64,
}

/// Flow records of one interval at one point: what the audit compares with the probe's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Observation point.
    pub op: u64,
    /// Start of the interval, ns since the epoch.
    pub start_ns: u64,
    /// Number of flow records.
    pub records: u64,
    /// Sum of their frames.
    pub frames: u64,
}

/// The use cases. Cloning gives another handle to the same database.
pub trait Store: access::Access + rollups::Rollups + Clone + Send + Sync + 'static {
    /// How many groups of steps may be committed at the same time.
    fn writers(&self) -> usize;

    /// Takes a stream over for a session and says where its ledger stands.
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<Claimed, StoreError>> + Send;

    /// Commits a group of steps, all or nothing, and says what became of each. Durable when it returns.
    fn commit(&self, steps: &[Step]) -> impl Future<Output = Result<Vec<Outcome>, StoreError>> + Send;

    /// Reads records, one after the other, in no particular order.
    fn each<R: Record + Send + 'static>(
        &self,
        scan: &Scan,
        each: impl FnMut(Stored<R>) + Send,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads records into memory.
    fn scan<R: Record + Send + 'static>(
        &self,
        scan: &Scan,
    ) -> impl Future<Output = Result<Vec<Stored<R>>, StoreError>> + Send {
        async move {
            let mut all = Vec::new();
            self.each(scan, |stored| all.push(stored)).await?;
            Ok(all)
        }
    }

    /// Counts flow records by observation point and interval.
    fn tally(&self, since_ns: u64, until_ns: u64) -> impl Future<Output = Result<Vec<Tally>, StoreError>> + Send;

    /// The whole ledger.
    fn ledger(&self) -> impl Future<Output = Result<Vec<LedgerLine>, StoreError>> + Send;

    /// Start of the oldest flow or probe record, ns since the epoch; 0 = none.
    fn oldest(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Deletes records that ended before a time, at most one slice; says how many rows went. 0 = nothing left to do.
    fn retain(&self, before_ns: u64) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Proves that the database can be written to.
    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Bytes the database takes on disk.
    fn size_bytes(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Finishes what is open and closes the connections.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
