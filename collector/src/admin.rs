//! Health and metrics over HTTP, for whoever runs the collector.
//!
//! In: requests on the admin address. Out: `/livez`, `/readyz`, `/metrics`. Nothing here changes anything.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::watch;

use crate::ingest::writer::Health;
use crate::metrics::{self, Metrics};
use crate::store::Store;

/// A commit that takes longer than this means that something is stuck.
const STUCK: Duration = Duration::from_secs(60);
/// Time to prove that the database takes writes.
const CHECK: Duration = Duration::from_secs(5);

/// What the answers rest on.
#[derive(Clone)]
pub struct Admin<S> {
    /// Database.
    pub store: S,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// State of the writers.
    pub health: Arc<Health>,
    /// True once the collector is stopping.
    pub drain: watch::Receiver<bool>,
}

/// The routes.
pub fn routes<S: Store>(admin: Admin<S>) -> Router {
    Router::new()
        .route("/livez", get(livez::<S>))
        .route("/readyz", get(readyz::<S>))
        .route("/metrics", get(text::<S>))
        .with_state(admin)
}

async fn livez<S: Store>(State(admin): State<Admin<S>>) -> (StatusCode, String) {
    match admin.health.busy() {
        Some(time) if time > STUCK => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("a commit has been under way for {} s\n", time.as_secs()))
        }
        _ => (StatusCode::OK, String::from("ok\n")),
    }
}

async fn readyz<S: Store>(State(admin): State<Admin<S>>) -> (StatusCode, String) {
    match ready(&admin).await {
        Ok(()) => (StatusCode::OK, String::from("ok\n")),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn ready<S: Store>(admin: &Admin<S>) -> Result<(), String> {
    if *admin.drain.borrow() {
        return Err(String::from("the collector is stopping"));
    }
    if !admin.health.ready() {
        return Err(String::from("the database does not take writes; see the log"));
    }
    match tokio::time::timeout(CHECK, admin.store.check()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("the database did not take a write within {} s", CHECK.as_secs())),
    }
}

async fn text<S: Store>(State(admin): State<Admin<S>>) -> String {
    let bytes = admin.store.size_bytes().await.unwrap_or(0);
    admin.metrics.set(metrics::DATABASE, &[], bytes as f64);
    admin.metrics.set(metrics::READY, &[], f64::from(u8::from(admin.health.ready())));
    admin.metrics.render()
}
