//! What the verbs do. Each is a thin layer over one or a few questions to the collector.

pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod export;
pub(crate) mod flow;
pub(crate) mod ipfix;
pub(crate) mod list;
pub(crate) mod matrix;
pub(crate) mod query;
pub(crate) mod shell;
pub(crate) mod top;
