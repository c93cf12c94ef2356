//! What a spool says of itself: its limits, its state, what it found and why it cannot go on. Data only.

use std::io;
use std::path::PathBuf;

use sce_proto::Batch;

/// Why a spool could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The directory holds other things.
    #[error("{0} is neither empty nor a spool; name an empty or new directory with --spool")]
    NotASpool(PathBuf),
    /// Another probe uses it.
    #[error("the spool {0} is in use by another sce-probe; stop that one or name another directory with --spool")]
    Locked(PathBuf),
    /// The file system said no.
    #[error("spool {}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// It is an old copy of itself, and how far the newer one had got is not known.
    #[error(
        "the collector has more of this replay than the spool {0} and is too old to say how much: \
         remove the spool and replay under another --run"
    )]
    Behind(PathBuf),
    /// No space is left and nothing may be given up.
    #[error("the spool is full: nothing more can be given up within {0} bytes")]
    Full(u64),
}

/// Limits of a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk at most; 0 = the smaller of 1 GiB and a tenth of the file system.
    pub budget_bytes: u64,
    /// Bytes of the file system that stay free; when less are left the oldest records go.
    pub min_free_bytes: u64,
    /// Size of a segment.
    pub segment_bytes: u64,
    /// Age at which a segment is closed, ns.
    pub segment_ns: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        // 8 MiB and a minute: few files, and space comes back soon after the collector has the records.
        Limits { budget_bytes: 0, min_free_bytes: 256 << 20, segment_bytes: 8 << 20, segment_ns: 60_000_000_000 }
    }
}

/// What the spool has for the collector next.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A batch.
    Batch(Batch),
    /// Numbers that will never come. To be told once lane 0 is acknowledged up to the report.
    Skip {
        /// First missing number.
        first: u64,
        /// Last missing number.
        last: u64,
        /// Number of the loss report on lane 0.
        report: u64,
        /// Records of the source up to the last missing number; 0 = not known.
        position: u64,
    },
}

/// Where a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneState {
    /// Oldest number that can still be sent.
    pub first_seq: u64,
    /// Number the next new batch will get.
    pub next_seq: u64,
    /// Everything up to here is committed.
    pub acked_seq: u64,
}

/// Bytes and batches that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Bytes of the segments that hold them.
    pub bytes: u64,
    /// Batches not yet acknowledged.
    pub batches: u64,
}

/// What was found when a spool was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// It was there already.
    pub existed: bool,
    /// The probe that used it last did not end in order.
    pub unclean: bool,
    /// End of the time that the newest flow records cover, ns since the epoch; 0 = none there.
    pub newest_ns: u64,
    /// Files that were moved aside.
    pub foreign: Vec<PathBuf>,
}
