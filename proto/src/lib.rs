//! The records and services of SCE.
//!
//! In: nothing. Out: the messages that meter, probe, collector and command line exchange, and the one list of their fields.
//! This crate must not know how a number is measured, stored or drawn: it does no I/O and reads no clock.
//!
//! `sce/v1/records.proto` is the list of fields. The generated struct is meter output, spool entry, wire message, row and
//! line of output; everything that handles records loops over [`Record::FIELDS`]. A new metric is one line there, one in
//! the meter, one in a migration.

pub mod bits;
#[cfg(feature = "rpc")]
pub mod codec;
pub mod columns;
pub mod derive;
pub mod fetch;
mod key;
pub mod marks;
pub mod record;
pub mod sketch;
pub mod token;

pub use key::{FlowKey, flow_key};
pub use record::{Field, Kind, Merge, MergePlan, Record, ValueRef, merge};

#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "written by prost and tonic"
)]
mod generated {
    include!("generated/sce.v1.rs");
}
pub use generated::*;

mod fields {
    use crate::generated::{
        Feedback, FlowInterval, LossReport, ObservationPoint, PathMarks, PathSegment, ProbeInterval, SocketSample,
        StreamInterval,
    };
    use crate::record::{Field, Kind, Merge, Record, ValueRef};
    include!("generated/fields.rs");
}

/// The compiled descriptors of all services, for gRPC server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

/// Newest delivery protocol this code speaks.
pub const PROTOCOL_MAX: u32 = 1;
/// Oldest delivery protocol this code speaks.
pub const PROTOCOL_MIN: u32 = 1;
