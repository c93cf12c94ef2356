//! A question to a collector, seen by a receiver of OTLP.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use sce_collector::server::{self, Settings};
use sce_collector::store::sqlite::SqliteStore;
use sce_otlp::Traces;
use sce_proto::SelectRequest;
use sce_proto::query_client::QueryClient;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Passes on what it gets.
struct Receiver(mpsc::UnboundedSender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let _ = self.0.send(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Asks a collector of its own which views there are.
async fn ask() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("x.db")).await.unwrap();
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    let running = tokio::spawn(server::run(store, listener, None, Settings::default(), stopped));
    let mut client = QueryClient::connect(url).await.unwrap();
    let request = SelectRequest { view: String::from("views"), run: String::from("cubic-1"), ..Default::default() };
    let mut replies = client.select(request).await.unwrap().into_inner();
    while replies.message().await.unwrap().is_some() {}
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

// One test: the receiver is named by the environment, and the subscriber is the process's.
#[test]
fn a_receiver_of_otlp_gets_the_span_of_a_question() {
    assert!(Traces::from_environment("sce-collector").unwrap().is_none(), "nothing is sent unless a receiver is named");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // SAFETY: this is the only test and no runtime is up: no other thread reads or writes the environment.
    #[allow(unsafe_code, reason = "the environment is how the receiver is named")]
    unsafe {
        std::env::set_var("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (send, mut got) = mpsc::unbounded_channel();
    let traces = {
        let _within = runtime.enter();
        let incoming = TcpListenerStream::new(TcpListener::from_std(listener).unwrap());
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(Receiver(send)));
        runtime.spawn(server.serve_with_incoming(incoming));
        Traces::from_environment("sce-collector").unwrap().unwrap()
    };
    tracing_subscriber::registry().with(traces.layer(&["sce_collector"])).init();
    runtime.block_on(ask());
    traces.finish();

    let first = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), got.recv()).await });
    let mut all = vec![first.unwrap().unwrap()];
    while let Ok(more) = got.try_recv() {
        all.push(more);
    }
    let resources: Vec<_> = all.into_iter().flat_map(|request| request.resource_spans).collect();
    let service = resources[0].resource.as_ref().unwrap().attributes.iter().find(|a| a.key == "service.name").unwrap();
    let text = |value: &Value| if let Value::StringValue(text) = value { text.clone() } else { format!("{value:?}") };
    assert_eq!(text(service.value.as_ref().unwrap().value.as_ref().unwrap()), "sce-collector");
    let spans: Vec<_> = resources.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans).collect();
    let names: Vec<&str> = spans.iter().map(|s| s.name.as_str()).collect();
    let select =
        spans.iter().find(|s| s.name == "select").unwrap_or_else(|| panic!("no span of the question: {names:?}"));
    let attribute = |key: &str| {
        let found = select.attributes.iter().find(|a| a.key == key);
        found.and_then(|a| a.value.as_ref()?.value.as_ref().map(text)).unwrap_or_default()
    };
    assert_eq!((attribute("view").as_str(), attribute("run").as_str()), ("views", "cubic-1"));
    assert!(attribute("rows").contains("15"), "{:?}", select.attributes);
    assert!(select.end_time_unix_nano > select.start_time_unix_nano);
}
