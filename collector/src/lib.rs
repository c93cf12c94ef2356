//! The collector: commits probes' records and joins what different hosts saw of the same flow.

pub mod correlate;
