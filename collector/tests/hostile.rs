//! Peers that mean harm: what they send is refused and counted, and an honest probe's acknowledgements hardly notice.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use common::{Running, Stream, batch, flow, hello, open, serve_as};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sce_collector::server::Settings;
use sce_collector::store::Store as _;
use sce_collector::store::sqlite::SqliteStore;
use sce_collector::transport;
use sce_proto::{Batch, collector_message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tonic::Code;

/// Idle connections that are tried.
const CROWD: usize = 10_000;
const PER_ADDRESS: usize = 300;

async fn start(dir: &tempfile::TempDir) -> Running {
    let store = SqliteStore::open(&dir.path().join("h.db")).await.unwrap();
    let connections =
        transport::Limits { per_address: PER_ADDRESS, idle: Duration::from_secs(2), ..transport::Limits::default() };
    serve_as(store, Settings { connections, ..Settings::default() }).await
}

/// A connection from another loopback address than the honest probe's.
async fn stranger(to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.2:0".parse().unwrap())?;
    socket.connect(to).await
}

/// The median time from a batch to its acknowledgement.
async fn latency(stream: &mut Stream, seq: &mut u64) -> Duration {
    let mut times = Vec::new();
    for _ in 0..41 {
        let start = Instant::now();
        stream.batch(batch(*seq, &[flow(1, *seq, 1, 10)])).await;
        stream.acked(*seq).await;
        times.push(start.elapsed());
        *seq += 1;
    }
    times.sort();
    times[times.len() / 2]
}

fn count(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find(|l| l.starts_with(series));
    line.and_then(|l| l.rsplit(' ').next()).map_or(0.0, |n| n.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_trickles_and_resets_do_not_slow_an_honest_probe() {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    let crowd = most.map_or(CROWD, |n| CROWD.min(n as usize / 2));
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir).await;
    let mut honest = open(&collector.url(), hello("honest", 1, 100_000)).await.unwrap();
    let mut seq = 1;
    let before = latency(&mut honest, &mut seq).await;

    let address = collector.address;
    let mut held = Vec::new();
    for _ in 0..crowd {
        if let Ok(stream) = stranger(address).await {
            held.push(stream);
        }
    }
    let metrics = collector.metrics().await;
    let refused = count(&metrics, "sce_connections_refused_total{reason=\"too_many_of_address\"}");
    assert!(count(&metrics, "sce_connections ") <= (PER_ADDRESS + 1) as f64, "{metrics}");
    assert!(refused >= (crowd - PER_ADDRESS) as f64 * 0.5, "{refused} of {crowd} refused\n{metrics}");
    let trickle = tokio::spawn(async move {
        // A byte at a time, for as long as it is let.
        let mut stream = TcpStream::connect(address).await.unwrap();
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for byte in preface.iter().chain([0u8; 200].iter()) {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("it was let trickle for 40 s");
    });
    let resets = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        for _ in 0..20_000 {
            let request = http::Request::post("http://x/sce.v1.Ingest/Deliver").body(()).unwrap();
            let Ok((_, mut body)) = client.send_request(request, false) else { return };
            body.send_reset(h2::Reason::CANCEL);
            client = match client.ready().await {
                Ok(client) => client,
                Err(_) => return,
            };
        }
    });
    let during = latency(&mut honest, &mut seq).await;
    println!("median time to the acknowledgement: {before:?} before, {during:?} under attack by {crowd} connections");
    // A machine that other work shares makes single commits slow; what an attack would do is another order of magnitude.
    assert!(during < before * 2 + Duration::from_millis(100), "{before:?} before, {during:?} under attack");
    tokio::time::timeout(Duration::from_secs(60), trickle).await.expect("a trickle ends").unwrap();
    tokio::time::timeout(Duration::from_secs(60), resets).await.expect("resets end").unwrap();
    // Nobody keeps what he does not use.
    let begun = Instant::now();
    while count(&collector.metrics().await, "sce_connections ") > 1.0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", collector.metrics().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(count(&collector.metrics().await, "sce_connections_refused_total{reason=\"idle\"}") > 0.0);
    let mut fresh = open(&collector.url(), hello("fresh", 1, 9)).await.unwrap();
    fresh.batch(batch(1, &[flow(2, 1, 1, 10)])).await;
    fresh.acked(1).await;
    drop((held, honest, fresh));
    collector.stop().await;
}

/// A batch whose payload is `raw`, compressed, and says that it unpacks to `stated` bytes.
fn crafted(seq: u64, raw: &[u8], stated: usize) -> Batch {
    let payload = zstd::bulk::compress(raw, 1).unwrap();
    let crc32c = crc32c::crc32c(&payload);
    Batch { seq, records: 1, raw_bytes: stated as u32, crc32c, payload: payload.into(), ..Batch::default() }
}

#[tokio::test]
async fn garbage_bombs_and_nesting_are_refused_and_the_next_batch_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir).await;
    let mut garbage = TcpStream::connect(collector.address).await.unwrap();
    garbage.write_all(&[0xff; 4096]).await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(30), garbage.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "what is no HTTP/2 is closed");

    let mut stream = open(&collector.url(), hello("odd", 1, 9)).await.unwrap();
    let zeros = vec![0u8; 64 << 20];
    let nested = vec![0x7bu8; 200_000];
    let bad = [
        crafted(1, &zeros, zeros.len()),
        crafted(2, &zeros, 1000),
        crafted(3, &nested, nested.len()),
        crafted(4, &[0xff; 100], 100),
    ];
    let many = bad.len() as u64;
    for batch in bad {
        stream.batch(batch).await;
    }
    stream.batch(batch(many + 1, &[flow(1, 1, 1, 10)])).await;
    let others = stream.acked(many + 1).await;
    let rejected = others.iter().filter(|k| matches!(k, collector_message::Kind::Rejected(_))).count();
    assert_eq!(rejected as u64, many, "{others:?}");
    let ledger = collector.store.ledger().await.unwrap();
    assert_eq!((ledger[0].quarantined, ledger[0].batches), (many, 1));

    let huge = Batch { seq: many + 2, payload: vec![0; 5 << 20].into(), ..Batch::default() };
    stream.batch(huge).await;
    let ended = stream.answer().await;
    assert!(!matches!(ended, Ok(Some(collector_message::Kind::Ack(_)))), "{ended:?}");
    let mut again = open(&collector.url(), hello("odd", 1, 9)).await.unwrap();
    assert_eq!(again.welcome.committed_seq, many + 1);
    again.batch(batch(many + 2, &[flow(1, 2, 2, 10)])).await;
    again.acked(many + 2).await;
    let silent = open(&collector.url(), hello("", 1, 9)).await.err().unwrap();
    assert_eq!(silent.code(), Code::InvalidArgument);
    collector.stop().await;
}

/// The most memory that this process ever had, collector and peers together.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_bombs_and_garbage_takes_neither_time_nor_memory() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir).await;
    let mut honest = open(&collector.url(), hello("honest", 1, 100_000)).await.unwrap();
    let mut seq = 1;
    let before = latency(&mut honest, &mut seq).await;

    let zeros = vec![0u8; 64 << 20];
    let nested = vec![0x7bu8; 200_000];
    let bad = [crafted(1, &zeros, zeros.len()), crafted(1, &zeros, 1000), crafted(1, &nested, nested.len())];
    drop(zeros);
    let over = Arc::new(AtomicBool::new(false));
    let attack = |n: u64| {
        let (over, bad, url, address) = (over.clone(), bad.clone(), collector.url(), collector.address);
        tokio::spawn(async move {
            let mut sent = 0;
            while !over.load(Relaxed) {
                // Each round a stream that is thrown out for what is too large, and a connection that is no HTTP/2.
                let mut stream = open(&url, hello(&format!("odd-{n}"), 1, 1 << 40)).await.unwrap();
                let first = stream.welcome.committed_seq + 1;
                for (seq, bad) in (first..).zip(&bad) {
                    stream.batch(Batch { seq, ..bad.clone() }).await;
                    sent += 1;
                }
                stream.acked(first + bad.len() as u64 - 1).await;
                let huge =
                    Batch { seq: first + bad.len() as u64, payload: vec![0; 5 << 20].into(), ..Batch::default() };
                stream.batch(huge).await;
                let code = loop {
                    match stream.answer().await {
                        Err(status) => break status.code(),
                        Ok(None) => break Code::Ok,
                        Ok(Some(_)) => {}
                    }
                };
                assert_eq!(code, Code::OutOfRange, "a message of 5 MiB");
                if let Ok(mut garbage) = TcpStream::connect(address).await {
                    let _ = garbage.write_all(&[0xff; 4096]).await;
                }
            }
            sent
        })
    };
    let begun = Instant::now();
    let attacks: Vec<_> = (0..2).map(attack).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let during = latency(&mut honest, &mut seq).await;
    over.store(true, Relaxed);
    let mut sent = 0;
    for attack in attacks {
        sent += tokio::time::timeout(Duration::from_secs(60), attack).await.expect("an attack ends").unwrap();
    }
    let took = begun.elapsed();
    let peak = peak_bytes() >> 20;
    println!(
        "{sent} bad batches in {took:?}: {before:?} before, {during:?} meanwhile; {peak} MiB of memory at most, peers included"
    );
    // Attackers, collector and probe share the processors of one test; behind them a commit waits, and no longer.
    assert!(during < before * 2 + Duration::from_millis(300), "{before:?} before, {during:?} meanwhile");
    assert!(peak < 512, "{peak} MiB");
    // Ten in a second, of all streams together, and one that is under way in each.
    assert!(sent as f64 <= took.as_secs_f64() * 10.0 + 2.0, "{sent} bad batches in {took:?}");
    assert!(count(&collector.metrics().await, "sce_ingest_refused_total{reason=\"message\"}") >= 2.0);
    let odd = |l: &&sce_collector::store::LedgerLine| l.probe.starts_with("odd-");
    let ledger = collector.store.ledger().await.unwrap();
    assert_eq!(ledger.iter().filter(odd).map(|l| l.quarantined).sum::<u64>(), sent, "each is kept and counted");
    assert_eq!(ledger.iter().filter(odd).map(|l| l.batches).sum::<u64>(), 0);
    collector.stop().await;
}
