//! What the collector's tests share: records, batches, a running collector, a client that speaks the delivery protocol.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a failing test may panic, and each test uses a part"
)]

pub mod cluster;

use std::net::SocketAddr;
use std::path::Path;

use sce_collector::ingest::Limits;
use sce_collector::server::{self, Settings};
use sce_collector::store::Store;
use sce_collector::store::sqlite::SqliteStore;
use sce_proto::ingest_client::IngestClient;
use sce_proto::{
    Batch, CollectorMessage, FlowInterval, Hello, Kind, ProbeMessage, Record, ValueRef, Welcome, collector_message,
    columns, probe_message,
};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// A second, ns.
pub const S: u64 = 1_000_000_000;
/// Some moment: 2023-11-14 22:13:20 UTC.
pub const T0: u64 = 1_700_000_000 * S;

/// A record with a different value in every field; times stay in a range that can be stored.
pub fn every_field<R: Record>(salt: u64) -> R {
    let mut record = R::default();
    for (i, field) in R::FIELDS.iter().enumerate() {
        let n = salt * 1000 + i as u64 + 1;
        let text = format!("v{n}");
        record.set(
            i,
            match field.kind {
                Kind::U64 if field.name.ends_with("_ns") => ValueRef::U64(T0 + n),
                // The upper half of the range shows that unsigned values survive signed storage.
                Kind::U64 => ValueRef::U64(u64::MAX - n),
                Kind::I64 => ValueRef::I64(-(n.cast_signed())),
                Kind::Str => ValueRef::Str(&text),
                Kind::Bytes => ValueRef::Bytes(text.as_bytes()),
            },
        );
    }
    record
}

/// A flow record: one second of `up` traffic of flow `n` at a point.
pub fn flow(op: u64, n: u64, second: u64, frames: u64) -> FlowInterval {
    FlowInterval {
        start_ns: T0 + second * S,
        interval_ns: S,
        op,
        flow: n,
        flow_key: n,
        ip_proto: 6,
        src_ip: vec![10, 0, 0, 1],
        dst_ip: vec![10, 0, 0, 2],
        src_port: 40_000 + n as u32 % 20_000,
        dst_port: 443,
        packets: frames,
        frames,
        first_ns: T0 + second * S,
        last_ns: T0 + second * S + S / 2,
        flow_first_ns: T0,
        ..FlowInterval::default()
    }
}

/// A numbered batch of records.
pub fn batch<R: Record>(seq: u64, records: &[R]) -> Batch {
    Batch { seq, last_ns: T0 + 60 * S, ..columns::pack(vec![columns::table(records)]) }
}

/// A collector that serves on a free port until it is stopped.
pub struct Running<T = SqliteStore> {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub store: T,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

pub async fn start(db: &Path) -> Running {
    start_with(db, Limits::default()).await
}

pub async fn start_with(db: &Path, limits: Limits) -> Running {
    serve(SqliteStore::open(db).await.unwrap(), limits).await
}

/// Serves any store.
pub async fn serve<T: Store>(store: T, limits: Limits) -> Running<T> {
    serve_as(store, Settings { limits, ..Settings::default() }).await
}

/// Serves any store in any way.
pub async fn serve_as<T: Store>(store: T, settings: Settings) -> Running<T> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, admin) = (listener.local_addr().unwrap(), admin_listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = server::run(store.clone(), listener, Some(admin_listener), settings, async {
        let _ = stopped.await;
    });
    Running { address, admin, store, stop, task: tokio::spawn(serve) }
}

impl<T> Running<T> {
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }

    /// The text of `/metrics`.
    pub async fn metrics(&self) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut tcp = tokio::net::TcpStream::connect(self.admin).await.unwrap();
        tcp.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        tcp.read_to_string(&mut text).await.unwrap();
        text
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// One stream to a collector.
pub struct Stream {
    pub welcome: Welcome,
    pub send: mpsc::Sender<ProbeMessage>,
    pub answers: Streaming<CollectorMessage>,
}

/// A hello of probe `name` with a spool made from its name.
pub fn hello(name: &str, lane: u32, next_seq: u64) -> Hello {
    let mut probe_id = name.as_bytes().to_vec();
    probe_id.resize(16, 0);
    Hello {
        probe: String::from(name),
        probe_id,
        epoch: 1,
        lane,
        first_seq: 1,
        next_seq,
        protocol_min: 1,
        protocol_max: 1,
        version: String::from("test"),
        host: String::from("host"),
        acked_seq: 0,
    }
}

pub async fn open(url: &str, hello: Hello) -> Result<Stream, Status> {
    let client = IngestClient::connect(String::from(url)).await.map_err(|e| Status::unavailable(e.to_string()))?;
    open_on(client, hello).await
}

/// Opens a stream on a connection.
pub async fn open_on(mut client: IngestClient<tonic::transport::Channel>, hello: Hello) -> Result<Stream, Status> {
    let (send, receive) = mpsc::channel(256);
    send.send(ProbeMessage { kind: Some(probe_message::Kind::Hello(hello)) }).await.unwrap();
    let mut answers = client.deliver(ReceiverStream::new(receive)).await?.into_inner();
    match answers.message().await?.and_then(|m| m.kind) {
        Some(collector_message::Kind::Welcome(welcome)) => Ok(Stream { welcome, send, answers }),
        other => panic!("no welcome but {other:?}"),
    }
}

impl Stream {
    pub async fn batch(&self, batch: Batch) {
        let _ = self.send.send(ProbeMessage { kind: Some(probe_message::Kind::Batch(batch)) }).await;
    }

    pub async fn skip(&self, first_seq: u64, last_seq: u64) {
        let skip = sce_proto::Skip { first_seq, last_seq, position: 0 };
        let _ = self.send.send(ProbeMessage { kind: Some(probe_message::Kind::Skip(skip)) }).await;
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Result<Option<collector_message::Kind>, Status> {
        Ok(self.answers.message().await?.and_then(|m| m.kind))
    }

    /// Waits for an acknowledgement of at least `seq`; returns what else came before it.
    pub async fn acked(&mut self, seq: u64) -> Vec<collector_message::Kind> {
        let mut others = Vec::new();
        loop {
            match self.answer().await.unwrap() {
                Some(collector_message::Kind::Ack(ack)) if ack.committed_seq >= seq => return others,
                Some(collector_message::Kind::Ack(_)) => {}
                Some(other) => others.push(other),
                None => panic!("the stream ended before batch {seq} was acknowledged: {others:?}"),
            }
        }
    }
}
