//! The SCE collector: takes probes' records, commits them exactly once, and answers questions about them.
//!
//! In: batches from probes, questions from clients. Out: rows in a database, answers with their completeness. The collector
//! measures nothing: every number it shows came in a record or follows from records.

pub mod access;
pub mod admin;
pub mod args;
mod aside;
pub mod clock;
pub mod config;
pub mod correlate;
pub mod ingest;
pub mod metrics;
pub(crate) mod progress;
pub mod query;
pub mod rollup;
pub mod rows;
pub mod server;
pub mod service;
pub mod store;
pub mod transport;
pub mod verify;
pub mod web;

/// Waits until a switch is on, or nobody is left who could turn it on.
pub(crate) async fn told(switch: &mut tokio::sync::watch::Receiver<bool>) {
    // The guard that comes back must not live across an await.
    let _ = switch.wait_for(|on| *on).await;
}
