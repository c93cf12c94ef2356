//! The collector's pages: the fleet, flows, one flow, paths, matrices, runs, the audit.
//!
//! In: HTTP requests with the question in the URL. Out: HTML and SVG made here, one style sheet, one small script that asks
//! again when records came in. Every page works without the script, asks nobody else, and changes nothing. The answers come
//! from the Query service, so a page and `sce-cli` cannot differ.

mod ask;
mod events;
mod fleet;
mod flow;
mod flows;
mod matrix;
mod page;
mod runs;
mod table;
mod topology;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::Markup;
use tokio::sync::Semaphore;

use crate::query::QueryService;
use crate::store::Store;
use ask::{Asked, Wrong};
use events::Newest;

/// Nothing from elsewhere, nothing inline, no framing.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Pages that may wait for records at the same time.
const LISTENERS: usize = 64;

/// Where the pages are served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pages {
    /// Beside health and metrics, if that address is on loopback.
    #[default]
    WithAdmin,
    /// At an address of their own.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

/// What pages are made from.
pub(crate) struct Web<S> {
    query: Arc<QueryService<S>>,
    newest: Newest,
    listeners: Arc<Semaphore>,
    loopback: bool,
}

impl<S> Clone for Web<S> {
    fn clone(&self) -> Web<S> {
        let Web { query, newest, listeners, loopback } = self;
        Web { query: query.clone(), newest: newest.clone(), listeners: listeners.clone(), loopback: *loopback }
    }
}

type Asking = Query<Vec<(String, String)>>;

/// The routes of all pages, for a listener at `address`.
pub fn routes<S: Store>(store: S, query: QueryService<S>, address: IpAddr) -> Router {
    let newest = events::watch(store);
    let listeners = Arc::new(Semaphore::new(LISTENERS));
    let web = Web { query: Arc::new(query), newest, listeners, loopback: address.is_loopback() };
    Router::new()
        .route("/", get(fleet_page::<S>))
        .route("/flows", get(flows_page::<S>))
        .route("/flow/{id}", get(flow_page::<S>))
        .route("/flow/{id}/{figure}", get(flow_figure::<S>))
        .route("/paths", get(paths_page::<S>))
        .route("/matrix", get(matrix_page::<S>))
        .route("/runs", get(runs_page::<S>))
        .route("/audit", get(audit_page::<S>))
        .route("/events", get(events_stream::<S>))
        .route("/sce.css", get(async || file("text/css; charset=utf-8", include_str!("style.css"))))
        .route("/sce.js", get(async || file("text/javascript; charset=utf-8", include_str!("live.js"))))
        .route("/icon.svg", get(async || file("image/svg+xml", include_str!("icon.svg"))))
        .layer(from_fn_with_state(web.loopback, guard))
        .with_state(web)
}

/// Headers of every answer; and on loopback only names of loopback, so that a page elsewhere cannot have its own name
/// resolved to this machine and read along.
async fn guard(State(loopback): State<bool>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |h| h.0);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let known = name.is_empty() || name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if loopback && !known {
        let text = format!("{name} is not a name of loopback; open http://localhost with the port of your tunnel\n");
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

fn html(made: Result<Markup, Wrong>, here: &str, asked: &Asked) -> Response {
    let (status, text) = match made {
        Ok(page) => (StatusCode::OK, page),
        Err(wrong) => (wrong.status, page::refusal(here, asked, &wrong)),
    };
    let head = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, head, text.into_string()).into_response()
}

async fn fleet_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html(fleet::fleet(&web, &asked).await, "/", &asked)
}

async fn audit_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html(fleet::audit(&web, &asked).await, "/audit", &asked)
}

async fn flows_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html(flows::page(&web, &asked).await, "/flows", &asked)
}

async fn flow_page<S: Store>(
    State(web): State<Web<S>>,
    axum::extract::Path(id): axum::extract::Path<String>,
    Query(pairs): Asking,
) -> Response {
    let asked = Asked::new(pairs);
    html(flow::page(&web, &asked, &id).await, &format!("/flow/{id}"), &asked)
}

async fn flow_figure<S: Store>(
    State(web): State<Web<S>>,
    axum::extract::Path((id, figure)): axum::extract::Path<(String, String)>,
    Query(pairs): Asking,
) -> Response {
    let asked = Asked::new(pairs);
    match flow::figure(&web, &asked, &id, &figure).await {
        Ok((kind, text)) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(wrong) => (wrong.status, wrong.text + "\n").into_response(),
    }
}

async fn paths_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html(topology::page(&web, &asked).await, "/paths", &asked)
}

async fn matrix_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html(matrix::page(&web, &asked).await, "/matrix", &asked)
}

async fn runs_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html(runs::page(&web, &asked).await, "/runs", &asked)
}

async fn events_stream<S: Store>(State(web): State<Web<S>>) -> Response {
    match web.listeners.clone().try_acquire_owned() {
        Ok(permit) => events::stream(web.newest.clone(), permit).into_response(),
        Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "too many pages wait for records; reload by hand\n").into_response()
        }
    }
}
