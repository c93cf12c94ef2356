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

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::Markup;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

use crate::query::QueryService;
use crate::store::Store;
use ask::{Asked, Wrong};
use events::Newest;

/// Nothing from elsewhere, nothing inline, no framing.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Pages that may wait for records at the same time.
const LISTENERS: usize = 64;

/// How long a page's answer may take before the page begins without it.
const PATIENCE: Duration = Duration::from_millis(20);

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

/// Answers with a page. One that is not ready after [`PATIENCE`] begins without its answer, so that something is seen however
/// much is stored; its status is 200 then, whatever comes.
async fn html<F>(path: &str, asked: &Asked, made: F) -> Response
where
    F: Future<Output = Result<Markup, Wrong>> + Send + 'static,
{
    let begin = page::begin(path, asked).into_string();
    let (path, asked) = (path.to_owned(), asked.clone());
    // A task of its own: unpacking an answer may keep its thread busy for longer than the patience lasts.
    let mut work = JoinSet::new();
    work.spawn(async move {
        let (status, page) = match made.await {
            Ok(page) => (StatusCode::OK, page),
            Err(wrong) => (wrong.status, page::refusal(&path, &asked, &wrong)),
        };
        (status, page.into_string() + page::END)
    });
    let head = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    if let Ok(made) = tokio::time::timeout(PATIENCE, rest(&mut work)).await {
        return (made.0, head, begin + &made.1).into_response();
    }
    let (tell, parts) = mpsc::channel(2);
    tokio::spawn(async move {
        let send = async {
            // Nobody who reads on is no trouble.
            let _ = tell.send(Ok::<_, Infallible>(begin)).await;
            let _ = tell.send(Ok(rest(&mut work).await.1)).await;
        };
        tokio::select! {
            () = send => {}
            // The work for a page that nobody waits for any more ends here.
            () = tell.closed() => {}
        }
    });
    (head, Body::from_stream(ReceiverStream::new(parts))).into_response()
}

/// What a page's task comes to.
async fn rest(work: &mut JoinSet<(StatusCode, String)>) -> (StatusCode, String) {
    let failed = || (StatusCode::INTERNAL_SERVER_ERROR, "The collector failed; its log says why.".to_owned());
    work.join_next().await.and_then(Result::ok).unwrap_or_else(failed)
}

async fn fleet_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html("/", &asked.clone(), async move { fleet::fleet(&web, &asked).await }).await
}

async fn audit_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html("/audit", &asked.clone(), async move { fleet::audit(&web, &asked).await }).await
}

async fn flows_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html("/flows", &asked.clone(), async move { flows::page(&web, &asked).await }).await
}

async fn flow_page<S: Store>(
    State(web): State<Web<S>>,
    axum::extract::Path(id): axum::extract::Path<String>,
    Query(pairs): Asking,
) -> Response {
    let asked = Asked::new(pairs);
    html(&format!("/flow/{id}"), &asked.clone(), async move { flow::page(&web, &asked, &id).await }).await
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
    html("/paths", &asked.clone(), async move { topology::page(&web, &asked).await }).await
}

async fn matrix_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html("/matrix", &asked.clone(), async move { matrix::page(&web, &asked).await }).await
}

async fn runs_page<S: Store>(State(web): State<Web<S>>, Query(pairs): Asking) -> Response {
    let asked = Asked::new(pairs);
    html("/runs", &asked.clone(), async move { runs::page(&web, &asked).await }).await
}

async fn events_stream<S: Store>(State(web): State<Web<S>>) -> Response {
    match web.listeners.clone().try_acquire_owned() {
        Ok(permit) => events::stream(web.newest.clone(), permit).into_response(),
        Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "too many pages wait for records; reload by hand\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio_stream::StreamExt as _;

    use super::*;

    fn refused() -> Result<Markup, Wrong> {
        Err(Wrong { status: StatusCode::NOT_FOUND, text: "there is no such flow".to_owned() })
    }

    async fn parts(response: Response) -> Vec<String> {
        let mut parts = Vec::new();
        let mut body = response.into_body().into_data_stream();
        while let Some(part) = body.next().await {
            parts.push(String::from_utf8(part.unwrap().to_vec()).unwrap());
        }
        parts
    }

    #[tokio::test]
    async fn a_page_begins_before_its_answer_is_there() {
        let (path, asked) = ("/flow/<b>", Asked::new(Vec::new()));
        let response = html(path, &asked, async { refused() }).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let at_once = parts(response).await;
        assert_eq!(at_once.len(), 1);

        let (answer, ready) = oneshot::channel();
        let response = html(path, &asked, async { ready.await.unwrap() }).await;
        assert_eq!(response.status(), StatusCode::OK);
        answer.send(refused()).unwrap();
        let later = parts(response).await;
        assert!(later[0].starts_with("<!DOCTYPE html>") && later[0].ends_with("</header>"), "{}", later[0]);
        assert!(later[0].contains("<title>Flow &lt;b&gt; - SCE</title>"), "{}", later[0]);
        assert!(later[1].contains("there is no such flow") && later[1].ends_with(page::END), "{}", later[1]);
        assert_eq!(at_once[0], later.concat());
    }

    #[tokio::test]
    async fn the_work_for_a_page_that_nobody_reads_ends() {
        let (held, ended) = oneshot::channel::<()>();
        let made = async move {
            let _held = held;
            std::future::pending().await
        };
        drop(html("/", &Asked::new(Vec::new()), made).await);
        let gone = tokio::time::timeout(Duration::from_secs(10), ended).await;
        assert!(gone.is_ok_and(|end| end.is_err()), "the question was dropped");
    }
}
