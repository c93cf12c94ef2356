//! The running collector: listeners, services, retention, and an end that cannot hang.
//!
//! In: a store, two bound listeners, settings, and a future that says when to stop. Out: served requests. Stopping goes in
//! steps, each bounded in time: readiness off, drain the streams, finish commits, close the database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sce_proto::{DESCRIPTORS, admin_server, enroll_server, ingest_server, query_server};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;

use crate::access::enroll::Access;
use crate::access::pki::Authority;
use crate::access::tls::{Current, Files};
use crate::access::{self, Guard};
use crate::admin::{self, Admin};
use crate::clock::now_ns;
use crate::ingest::writer::{Health, Writers};
use crate::ingest::{Ingest, Limits};
use crate::metrics::{self, Metrics};
use crate::query::QueryService;
use crate::store::Store;
use crate::web::{self, Pages};
use crate::{rollup, service, told, transport};

/// Time for streams to drain and for requests to end.
const DRAIN: Duration = Duration::from_secs(8);
/// Time for connections to close when nothing is under way on them.
const GOODBYE: Duration = Duration::from_secs(1);
/// Time for commits under way.
const COMMITS: Duration = Duration::from_secs(8);
/// Time to close the database.
const CLOSE: Duration = Duration::from_secs(5);
/// Pause between two looks for records to delete, and between two slices of it.
const RETENTION: (Duration, Duration) = (Duration::from_secs(60), Duration::from_millis(20));

/// Settings of a running collector.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What peers may use.
    pub limits: Limits,
    /// What connections may use.
    pub connections: transport::Limits,
    /// Age at which records are deleted.
    pub retention: Option<Duration>,
    /// Where the pages are served.
    pub pages: Pages,
    /// Certificates; without them connections are not encrypted.
    pub tls: Option<Files>,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {why}")]
pub struct ListenError {
    address: SocketAddr,
    why: String,
}

/// Binds an address.
///
/// # Errors
/// [`ListenError`] says what to do.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                String::from("another program (a collector?) uses it; stop that one or choose another address")
            }
            std::io::ErrorKind::PermissionDenied => String::from("ports below 1024 need a privilege; choose another"),
            std::io::ErrorKind::AddrNotAvailable => String::from("this machine does not have that address"),
            _ => error.to_string(),
        };
        ListenError { address, why }
    })
}

/// Serves until `stop` is done, then ends in bounded time.
///
/// # Errors
/// If the transport fails.
pub async fn run<S: Store>(
    store: S,
    listener: TcpListener,
    admin_listener: Option<TcpListener>,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::default());
    let health = Arc::new(Health::default());
    let (drain, draining) = watch::channel(false);
    let (finish, finishing) = watch::channel(false);
    let (abort, aborting) = watch::channel(false);
    let (writers, mut writing) = Writers::start(&store, &metrics, &health, &finishing, &aborting);
    let message_bytes = settings.limits.message_bytes;
    let (authority, tls) = certificates(settings.tls)?;
    let (tell_revoked, revoked) = watch::channel(access::Revoked::default());
    let guard = Guard::new(metrics.clone(), revoked);
    let limits = settings.limits.clone();
    let ingest = Ingest::new(store.clone(), writers, metrics.clone(), limits, guard.clone(), draining.clone());
    let query = QueryService::new(store.clone(), metrics.clone(), ingest.presence(), Some(guard.clone()));
    let access = Access::new(store.clone(), guard, metrics.clone(), authority);
    // Pages have questions of their own at a time: open browsers must not keep `sce-cli` waiting.
    let asking = || QueryService::new(store.clone(), metrics.clone(), ingest.presence(), None);
    let admin_ip = admin_listener.as_ref().and_then(|l| l.local_addr().ok()).map(|a| a.ip());
    let mut beside = None;
    let mut pages = None;
    match (settings.pages, admin_ip) {
        (Pages::WithAdmin, Some(ip)) if ip.is_loopback() => beside = Some(web::routes(store.clone(), asking(), ip)),
        (Pages::At(address), _) => {
            let listener = bind(address).await?;
            tracing::info!(address = %listener.local_addr()?, "Pages are served");
            let routes = web::routes(store.clone(), asking(), address.ip());
            pages = Some(tokio::spawn(async move { axum::serve(listener, routes).await }));
        }
        _ => {}
    }
    let (streams, questions) = (ingest.idle(), query.idle());

    let (reporter, health_service) = tonic_health::server::health_reporter();
    reporter.set_serving::<ingest_server::IngestServer<Ingest<S>>>().await;
    reporter.set_serving::<query_server::QueryServer<QueryService<S>>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let ingest = ingest_server::IngestServer::new(ingest).max_decoding_message_size(message_bytes);
    let query = query_server::QueryServer::new(query).max_decoding_message_size(1 << 20);
    let enroll = enroll_server::EnrollServer::new(access.clone()).max_decoding_message_size(64 << 10);
    let administer = admin_server::AdminServer::new(access).max_decoding_message_size(64 << 10);
    let router = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        // Streams of one connection share its window: one lane must not be able to stall another.
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(8 << 20)
        .max_concurrent_streams(64)
        .http2_max_header_list_size(16 << 10)
        .http2_max_pending_accept_reset_streams(Some(20))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(ingest)
        .add_service(query)
        .add_service(enroll)
        .add_service(administer);
    let mut until = draining.clone();
    let (ready, incoming) = mpsc::channel(64);
    let mut background = tokio::task::JoinSet::new();
    background.spawn(access::watch_revocations(store.clone(), tell_revoked));
    if let Some(tls) = &tls {
        background.spawn(tls.clone().follow());
    }
    background.spawn(transport::accept(listener, tls, settings.connections, metrics.clone(), ready));
    let incoming = ReceiverStream::new(incoming);
    let mut serving =
        tokio::spawn(async move { router.serve_with_incoming_shutdown(incoming, told(&mut until)).await });

    let admin = admin_listener.map(|listener| {
        let state =
            Admin { store: store.clone(), metrics: metrics.clone(), health: health.clone(), drain: draining.clone() };
        let routes = admin::routes(state).merge(beside.unwrap_or_default());
        tokio::spawn(async move { axum::serve(listener, routes).await })
    });
    background.spawn(service::stay_alive());
    service::ready();
    background.spawn(rollup::job::run(store.clone(), metrics.clone()));
    if let Some(age) = settings.retention {
        background.spawn(retain(store.clone(), age, metrics.clone()));
    }

    let result = tokio::select! {
        () = stop => None,
        ended = &mut serving => Some(ended),
    };
    service::stopping();
    tracing::info!("Stopping: streams are drained, commits finished");
    reporter.set_not_serving::<ingest_server::IngestServer<Ingest<S>>>().await;
    let _ = drain.send(true);
    background.abort_all();
    if tokio::time::timeout(DRAIN, async { tokio::join!(streams, questions) }).await.is_err() {
        tracing::warn!("Some streams or questions did not end in time; they are cut off");
    }
    // A client that never speaks or never closes could keep the transport waiting without end.
    if result.is_none() && tokio::time::timeout(GOODBYE, &mut serving).await.is_err() {
        serving.abort();
    }
    let _ = finish.send(true);
    let ended = async { while writing.join_next().await.is_some() {} };
    if tokio::time::timeout(COMMITS, ended).await.is_err() {
        let _ = abort.send(true);
        tracing::warn!("Some commits did not finish; nothing of them was acknowledged, the probes keep the records");
    }
    if tokio::time::timeout(CLOSE, store.close()).await.is_err() {
        tracing::warn!("The database did not close in time; its log is taken in at the next start");
    }
    for task in admin.into_iter().chain(pages) {
        task.abort();
    }
    match result {
        Some(ended) => Ok(ended??),
        None => Ok(()),
    }
}

/// Reads the certificates, and the CA's key where this collector enrols.
fn certificates(files: Option<Files>) -> anyhow::Result<(Option<Authority>, Option<Arc<Current>>)> {
    let Some(files) = files else { return Ok((None, None)) };
    let authority = files.ca_key.as_ref().map(|key| Authority::load(&files.client_ca, key)).transpose()?;
    Ok((authority, Some(Current::load(files)?)))
}

/// Deletes what is too old, a slice at a time.
async fn retain<S: Store>(store: S, age: Duration, metrics: Arc<Metrics>) {
    let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
    loop {
        let gone = store.retain(now_ns().saturating_sub(age)).await;
        match gone {
            Ok(0) => tokio::time::sleep(RETENTION.0).await,
            Ok(rows) => {
                metrics.add(metrics::RETAINED, &[], rows as f64);
                tokio::time::sleep(RETENTION.1).await;
            }
            Err(error) => {
                tracing::warn!(%error, "Old records could not be deleted; trying again");
                tokio::time::sleep(RETENTION.0).await;
            }
        }
    }
}
