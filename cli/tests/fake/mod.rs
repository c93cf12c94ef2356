//! A Query service with a fixed story, for tests of what the command line shows: two flows, three probes, one lossy router.

mod story;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sce_proto::query_server::{Query, QueryServer};
use sce_proto::select_reply::Kind as Reply;
use sce_proto::value::Kind;
use sce_proto::{
    ColumnInfo, Completeness, DescribeReply, DescribeRequest, Header, ProbeState, Row, Rows, SelectReply,
    SelectRequest, Value, ViewInfo,
};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use story::{VIEWS, view};

/// 2026-01-01 10:00:00 UTC, the end of every window of the story.
pub(crate) const END_NS: u64 = 1_767_261_600_000_000_000;
/// A second, ns.
const S: u64 = 1_000_000_000;

/// A running fake. It lives as long as the test process.
pub(crate) struct Fake {
    /// Its address.
    pub(crate) url: String,
    /// The questions it was asked.
    #[allow(dead_code, reason = "not every test that includes this module looks at the questions")]
    pub(crate) asked: Arc<Mutex<Vec<SelectRequest>>>,
}

/// Starts a fake on a free port of the loopback interface.
pub(crate) fn start() -> Fake {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let service = Story { asked: asked.clone() };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let incoming = TcpListenerStream::new(tokio::net::TcpListener::from_std(listener).unwrap());
            // Else a large answer waits again and again for acknowledgements that are delayed.
            let incoming = incoming.map(|stream| stream.and_then(|s| s.set_nodelay(true).map(|()| s)));
            let server = tonic::transport::Server::builder().add_service(QueryServer::new(service));
            server.serve_with_incoming(incoming).await.unwrap();
        });
    });
    Fake { url: format!("http://{address}"), asked }
}

struct Story {
    asked: Arc<Mutex<Vec<SelectRequest>>>,
}

#[tonic::async_trait]
impl Query for Story {
    type SelectStream = Pin<Box<dyn Stream<Item = Result<SelectReply, Status>> + Send>>;

    async fn select(&self, request: Request<SelectRequest>) -> Result<Response<Self::SelectStream>, Status> {
        let request = request.into_inner();
        self.asked.lock().unwrap().push(request.clone());
        refuse(&request)?;
        let view = view(&request.view).ok_or_else(|| Status::unimplemented("no such view"))?;
        let kept: Vec<usize> = match request.columns.as_slice() {
            [] => (0..view.columns.len()).collect(),
            names => names.iter().map(|n| view.columns.iter().position(|c| c.name == *n).unwrap()).collect(),
        };
        let id = view.columns.iter().position(|c| c.name == "flow");
        let of_flow = |r: &&Vec<Value>| match (id, request.flow.as_str()) {
            (Some(i), flow) if !flow.is_empty() => {
                matches!(&r[i].kind, Some(Kind::Text(t)) if t.starts_with(flow))
            }
            _ => true,
        };
        let chosen: Vec<&Vec<Value>> = view.rows.iter().filter(of_flow).collect();
        let limit = if request.limit == 0 { usize::MAX } else { request.limit as usize };
        let pick = |r: &Vec<Value>| Row { values: kept.iter().map(|i| r[*i].clone()).collect() };
        let rows: Vec<Row> = chosen.iter().take(limit).map(|r| pick(r)).collect();
        let columns = kept.iter().map(|i| view.columns[*i].clone()).collect();
        if let Some(times) = request.run.strip_prefix("times-").and_then(|n| n.parse().ok()) {
            return Ok(Response::new(many(columns, rows, times, completeness(&request, 0))));
        }
        let mut replies = vec![Reply::Header(Header { columns, rows: rows.len() as u64, ..Header::default() })];
        replies.extend(rows.chunks(1).map(|r| Reply::Rows(Rows { rows: r.to_vec() })));
        if request.run != "cut-off" {
            replies.push(Reply::Completeness(completeness(&request, chosen.len() as u64)));
        }
        let replies: Vec<_> = replies.into_iter().map(|kind| Ok(SelectReply { kind: Some(kind) })).collect();
        let pause = Duration::from_millis(if request.run == "slow" { 400 } else { 0 });
        Ok(Response::new(Box::pin(tokio_stream::iter(replies).then(move |reply| async move {
            tokio::time::sleep(pause).await;
            reply
        }))))
    }

    async fn describe(&self, request: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        let wanted = request.into_inner().view;
        let views = VIEWS.iter().filter(|v| wanted.is_empty() || **v == wanted).filter_map(|v| {
            let columns = view(v)?.columns;
            Some(ViewInfo { name: (*v).to_owned(), help: format!("The {v} of the story."), columns })
        });
        Ok(Response::new(DescribeReply { views: views.collect() }))
    }
}

/// The same rows many times over, made as they are sent.
fn many(
    columns: Vec<ColumnInfo>,
    rows: Vec<Row>,
    times: u64,
    end: Completeness,
) -> Pin<Box<dyn Stream<Item = Result<SelectReply, Status>> + Send>> {
    let header = Reply::Header(Header { columns, rows: rows.len() as u64 * times, ..Header::default() });
    let rows = (0..times).map(move |_| Reply::Rows(Rows { rows: rows.clone() }));
    let replies = std::iter::once(header).chain(rows).chain(std::iter::once(Reply::Completeness(end)));
    Box::pin(tokio_stream::iter(replies.map(|kind| Ok(SelectReply { kind: Some(kind) }))))
}

fn refuse(request: &SelectRequest) -> Result<(), Status> {
    if let Some(at) = request.filter.find("pakets") {
        let mut status = Status::invalid_argument("unknown column `pakets`; did you mean `up.packets`?");
        status.metadata_mut().insert("filter-at", at.into());
        status.metadata_mut().insert("filter-len", 6.into());
        return Err(status);
    }
    match request.run.as_str() {
        "secret" => Err(Status::permission_denied("this certificate may not read run `secret`")),
        "crash" => Err(Status::internal("disk I/O error")),
        _ => Ok(()),
    }
}

fn completeness(request: &SelectRequest, rows_total: u64) -> Completeness {
    let probe = |name: &str, behind: u64, connected| ProbeState {
        probe: name.to_owned(),
        newest_ns: END_NS - behind,
        connected,
    };
    let lossy = request.run == "lossy";
    Completeness {
        rows_total,
        since_ns: request.since_ns,
        until_ns: END_NS,
        probes: vec![
            probe("client", 0, true),
            probe("router", if lossy { 90 * S } else { 0 }, true),
            probe("server", S, true),
        ],
        lost_records: if lossy { 12 } else { 0 },
        lost_frames: if lossy { 3400 } else { 0 },
        kernel_drops: if lossy { 17 } else { 0 },
        other_packets: 0,
        oldest_ns: END_NS - 3600 * S,
        notes: if lossy { vec!["router was restarted at 09:58:10".to_owned()] } else { Vec::new() },
    }
}
