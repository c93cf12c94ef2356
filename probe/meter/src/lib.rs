//! The metering core of SCE: frames and their times in, records of flows out.
//!
//! A [`Meter`] serves one observation point. It decodes every [`Frame`] ([`decode`](crate) stops at the innermost IP packet),
//! finds its flow in a bounded table, lets the flow's meters count it, and hands over
//! [`FlowInterval`](sce_proto::FlowInterval) records when an interval closes. What each number means stands beside its field
//! in `sce/v1/records.proto`.
//!
//! This crate does no I/O, reads no clock, starts no thread, allocates nothing per packet and does not panic on any bytes.
//! Time is the time of the packets.

mod again;
mod batch;
mod config;
mod decode;
mod dist;
mod flow;
mod fragments;
mod frame;
mod gaps;
mod key;
mod marks;
mod meter;
mod packet;
mod records;
mod rules;
mod sketch;
mod spans;
mod table;
mod tcp;
mod transport;
mod volume;

pub use config::{Config, Limits, Timeouts};
pub use frame::{Frame, Gso, LinkType};
pub use marks::{MarksConfig, MarksMode};
pub use meter::Meter;
pub use records::{Outlet, Records};
pub use rules::{Prefix, Rule, RuleError};
pub use transport::udp::{Anchor, Extractor, Stamp, StampFormat, Thresholds, Word};
