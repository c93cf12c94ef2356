//! The SCE probe: captures packets, meters their flows, and delivers the records.
//!
//! ```text
//! source (file, live) -> sce_meter -> records -> spool (segment log) -> delivery (gRPC) -> collector
//! ```
//! The capture thread owns its source and its flow table and waits for nobody; the spool is the queue; a batch is
//! serialised once and leaves the disk after the collector has committed it.

pub mod anonymise;
pub mod args;
pub mod clock;
pub mod config;
pub mod confine;
pub mod deliver;
pub mod delivered;
pub mod doctor;
pub mod ebpf;
pub mod enroll;
pub mod exit;
pub mod filter;
pub mod list;
pub mod observer;
pub mod point;
pub mod queue;
pub mod read;
pub mod run;
pub mod select;
pub mod service;
pub mod shipment;
pub mod sockets;
pub mod source;
pub mod spool;
pub mod tls;
pub mod units;
pub mod writer;
