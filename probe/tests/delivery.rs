//! Delivery against a collector that loses acknowledgements, breaks connections, drains, rewinds and forgets.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sce_probe::deliver::{self, Config, Progress, Timing, WhenAhead};
use sce_probe::queue::Queue;
use sce_probe::spool::{Limits, RealDisk, Spool};
use sce_proto::collector_message::Kind as Answer;
use sce_proto::ingest_server::{Ingest, IngestServer};
use sce_proto::probe_message::Kind as Message;
use sce_proto::{
    Ack, Batch, CollectorMessage, Drain, FlowInterval, LossReport, ProbeMessage, Record, Rewind, Welcome, columns,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// What the collector knows of one stream, and what it does wrong.
#[derive(Default)]
struct Ledger {
    committed: BTreeMap<(u64, u32), u64>,
    /// Records by (epoch, lane, seq).
    rows: BTreeMap<(u64, u32, u64), Vec<u64>>,
    losses: Vec<LossReport>,
    /// Skips with the number of loss reports that were committed by then.
    skips: Vec<(u32, u64, u64, usize)>,
    /// Source of mischief; 0 = behave.
    mischief: u64,
    breaks: u32,
    most_in_flight: u64,
    refuse: Option<Status>,
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Ledger>>);

impl Ledger {
    fn dice(&mut self, sides: u64) -> u64 {
        if self.mischief == 0 {
            return u64::MAX;
        }
        self.mischief ^= self.mischief << 13;
        self.mischief ^= self.mischief >> 7;
        self.mischief ^= self.mischief << 17;
        (self.mischief >> 20) % sides
    }

    fn commit(&mut self, epoch: u64, lane: u32, batch: &Batch) -> bool {
        let committed = self.committed.entry((epoch, lane)).or_default();
        if batch.seq != *committed + 1 {
            assert!(batch.seq <= *committed, "a gap must be noticed before");
            return false;
        }
        *committed += 1;
        let set = columns::unpack(batch).unwrap();
        for t in &set.tables {
            if t.name == LossReport::TABLE {
                self.losses.extend(columns::records::<LossReport>(t).unwrap());
            } else {
                let rows = columns::records::<FlowInterval>(t).unwrap();
                self.rows.insert((epoch, lane, batch.seq), rows.iter().map(|r| r.packets).collect());
            }
        }
        true
    }
}

type Answers = mpsc::Sender<Result<CollectorMessage, Status>>;

async fn say(to: &Answers, kind: Answer) -> bool {
    to.send(Ok(CollectorMessage { kind: Some(kind) })).await.is_ok()
}

async fn serve(fake: Fake, mut inbound: Streaming<ProbeMessage>, answers: Answers) {
    let Ok(Some(ProbeMessage { kind: Some(Message::Hello(hello)) })) = inbound.message().await else { return };
    let key = (hello.epoch, hello.lane);
    assert!(hello.first_seq <= hello.next_seq && hello.acked_seq < hello.next_seq);
    let refuse = fake.0.lock().unwrap().refuse.clone();
    if let Some(status) = refuse {
        let _ = answers.send(Err(status)).await;
        return;
    }
    let committed_seq = fake.0.lock().unwrap().committed.get(&key).copied().unwrap_or(0);
    let rolled_back = hello.next_seq <= committed_seq;
    let welcome =
        Welcome { committed_seq, credit_batches: 4, credit_bytes: 1 << 20, rolled_back, ..Default::default() };
    if !say(&answers, Answer::Welcome(welcome)).await {
        return;
    }
    let mut reached = committed_seq;
    while let Ok(Some(message)) = inbound.message().await {
        let answer = {
            let mut l = fake.0.lock().unwrap();
            let committed = l.committed.get(&key).copied().unwrap_or(0);
            match message.kind {
                Some(Message::Batch(batch)) => {
                    reached = reached.max(batch.seq);
                    l.most_in_flight = l.most_in_flight.max(reached.saturating_sub(committed));
                    match l.dice(40) {
                        0 => {
                            l.breaks += 1;
                            return; // Before the commit.
                        }
                        1 => {
                            if batch.seq == committed + 1 {
                                l.commit(key.0, key.1, &batch);
                            }
                            l.breaks += 1;
                            return; // After it: the acknowledgement is lost.
                        }
                        2 => Some(Answer::Drain(Drain { reconnect_after_ms: 1 })),
                        3 => Some(Answer::Rewind(Rewind { from_seq: committed + 1, reason: "mischief".to_owned() })),
                        _ if batch.seq > committed + 1 => {
                            Some(Answer::Rewind(Rewind { from_seq: committed + 1, reason: "gap".to_owned() }))
                        }
                        _ => {
                            l.commit(key.0, key.1, &batch);
                            let committed_seq = l.committed[&key];
                            Some(Answer::Ack(Ack { committed_seq }))
                        }
                    }
                }
                Some(Message::Skip(skip)) => {
                    assert_eq!(skip.first_seq, committed + 1);
                    let losses = l.losses.len();
                    l.skips.push((key.1, skip.first_seq, skip.last_seq, losses));
                    l.committed.insert(key, skip.last_seq);
                    Some(Answer::Ack(Ack { committed_seq: skip.last_seq }))
                }
                _ => panic!("Hello twice"),
            }
        };
        if let Some(answer) = answer
            && !say(&answers, answer).await
        {
            return;
        }
    }
}

#[tonic::async_trait]
impl Ingest for Fake {
    type DeliverStream = Pin<Box<dyn Stream<Item = Result<CollectorMessage, Status>> + Send>>;

    async fn deliver(
        &self,
        request: Request<Streaming<ProbeMessage>>,
    ) -> Result<Response<Self::DeliverStream>, Status> {
        let (answers, stream) = mpsc::channel(8);
        tokio::spawn(serve(self.clone(), request.into_inner(), answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

async fn start(fake: &Fake, at: &str) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(at).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tonic::transport::Server::builder().add_service(IngestServer::new(fake.clone()));
    let serving = server.serve_with_incoming(TcpListenerStream::new(listener));
    (address, tokio::spawn(async move { serving.await.unwrap() }))
}

fn spool(dir: &Path) -> Spool {
    let limits = Limits { budget_bytes: 8 << 20, min_free_bytes: 0, segment_bytes: 64 << 10, segment_ns: u64::MAX };
    Spool::open(dir, limits, Box::new(RealDisk), "", 1).unwrap().0
}

fn config(collectors: &[SocketAddr]) -> Config {
    Config {
        credentials: Default::default(),
        collectors: collectors.iter().map(|a| format!("http://{a}")).collect(),
        probe: "test".to_owned(),
        host: "here".to_owned(),
        when_ahead: WhenAhead::Move,
        timing: Timing {
            backoff: (Duration::from_millis(2), Duration::from_millis(20)),
            refused: Duration::from_millis(200),
            ack: Duration::from_millis(500),
            connect: Duration::from_secs(5),
        },
    }
}

fn batch(n: u64) -> Batch {
    columns::pack(vec![columns::table(&[FlowInterval { packets: n, ..FlowInterval::default() }])])
}

fn append(queue: &Queue, lane: usize, n: u64) {
    queue.spool().append(lane, batch(n), 1, 0).unwrap();
    queue.touch();
}

/// Waits until everything is acknowledged.
async fn settled(queue: &Queue) {
    let begin = Instant::now();
    while queue.backlog().batches > 0 {
        assert!(begin.elapsed() < Duration::from_secs(60), "still waiting: {:?}", queue.backlog());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn rows(fake: &Fake, lane: u32) -> Vec<u64> {
    let l = fake.0.lock().unwrap();
    l.rows.iter().filter(|(k, _)| k.1 == lane).flat_map(|(_, v)| v.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_once_whatever_the_collector_does() {
    for seed in 1..=3u64 {
        let dir = tempfile::tempdir().unwrap();
        let fake = Fake::default();
        fake.0.lock().unwrap().mischief = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let (address, _server) = start(&fake, "127.0.0.1:0").await;
        let queue = Arc::new(Queue::new(spool(dir.path())));
        let progress = Arc::new(Progress::default());
        let delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), progress.clone()));
        for n in 1..=150 {
            for lane in 0..3 {
                append(&queue, lane, n);
            }
            if n % 20 == 0 {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
        settled(&queue).await;
        delivery.abort();
        for lane in 0..3 {
            assert_eq!(rows(&fake, lane), (1..=150).collect::<Vec<_>>(), "seed {seed}, lane {lane}");
        }
        let l = fake.0.lock().unwrap();
        assert!(l.breaks > 3, "only {} connections were broken", l.breaks);
        assert!(l.most_in_flight <= 5, "{} batches in flight with a credit of 4", l.most_in_flight);
        assert!(l.losses.is_empty() && l.skips.is_empty());
        drop(l);
        queue.spool().save();
    }
}

#[tokio::test]
async fn a_collector_that_comes_late_gets_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    // Two addresses: nobody listens at the first one, and the second one comes late.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let later = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let queue = Arc::new(Queue::new(spool(dir.path())));
    let progress = Arc::new(Progress::default());
    let delivery = tokio::spawn(deliver::run(queue.clone(), config(&[nobody, later]), progress.clone()));
    for n in 1..=50 {
        append(&queue, 1, n);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(queue.backlog().batches, 50);
    let (_, server) = start(&fake, &later.to_string()).await;
    settled(&queue).await;
    assert!(progress.connected.load(Relaxed));
    assert_eq!(rows(&fake, 1), (1..=50).collect::<Vec<_>>());
    // A new process goes on where this one was.
    delivery.abort();
    let _ = delivery.await;
    server.abort();
    Arc::try_unwrap(queue).ok().unwrap().into_spool().close(0);
    let queue = Arc::new(Queue::new(spool(dir.path())));
    append(&queue, 1, 51);
    let (address, _server) = start(&fake, "127.0.0.1:0").await;
    let _delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), progress));
    settled(&queue).await;
    assert_eq!(rows(&fake, 1), (1..=51).collect::<Vec<_>>());
}

/// A probe that ends while it waits for an hour delivers to a collector that came back meanwhile.
#[tokio::test]
async fn the_end_is_no_time_to_wait() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    let later = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let queue = Arc::new(Queue::new(spool(dir.path())));
    let progress = Arc::new(Progress::default());
    let hour = Duration::from_secs(3600);
    let mut config = config(&[later]);
    config.timing = Timing { backoff: (1000 * hour, 1000 * hour), ..config.timing };
    let _delivery = tokio::spawn(deliver::run(queue.clone(), config, progress.clone()));
    append(&queue, 1, 1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (_, _server) = start(&fake, &later.to_string()).await;
    assert_eq!(queue.backlog().batches, 1, "it waits");
    progress.hurry();
    settled(&queue).await;
    assert_eq!(rows(&fake, 1), [1]);
}

#[tokio::test]
async fn a_lost_batch_is_skipped_after_its_report() {
    let dir = tempfile::tempdir().unwrap();
    let mut s = spool(dir.path());
    for n in 1..=3 {
        s.append(1, batch(n), 1, 0).unwrap();
    }
    let epoch = s.epoch();
    s.close(0);
    let file = dir.path().join(format!("e{epoch:016x}/1/{:020}.seg", 1));
    let mut bytes = std::fs::read(&file).unwrap();
    let second = 64 + (bytes.len() - 64) / 2;
    bytes[second] ^= 0xff;
    std::fs::write(&file, bytes).unwrap();
    let fake = Fake::default();
    let (address, _server) = start(&fake, "127.0.0.1:0").await;
    let queue = Arc::new(Queue::new(spool(dir.path())));
    let _delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), Arc::default()));
    settled(&queue).await;
    assert_eq!(rows(&fake, 1), [1, 3]);
    let l = fake.0.lock().unwrap();
    assert_eq!(
        l.losses.iter().map(|r| (r.reason.as_str(), r.lane, r.first_seq, r.last_seq)).collect::<Vec<_>>(),
        [("corrupt", 1, 2, 2)]
    );
    assert_eq!(l.skips, [(1, 2, 2, 1)], "the report was committed before the skip");
}

#[tokio::test]
async fn a_spool_that_went_back_in_time_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    let mut s = spool(dir.path());
    for n in 1..=3 {
        s.append(1, batch(n), 1, 0).unwrap();
    }
    let old = s.epoch();
    s.close(0);
    {
        let mut l = fake.0.lock().unwrap();
        for n in 1..=8 {
            l.rows.insert((old, 1, n), vec![n]);
        }
        l.committed.insert((old, 1), 8);
    }
    let queue = Arc::new(Queue::new(spool(dir.path())));
    append(&queue, 1, 100);
    append(&queue, 0, 7);
    let (address, _server) = start(&fake, "127.0.0.1:0").await;
    let _delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), Arc::default()));
    settled(&queue).await;
    assert!(queue.spool().epoch() > old);
    assert_eq!(rows(&fake, 1), [1, 2, 3, 4, 5, 6, 7, 8, 100]);
    assert_eq!(rows(&fake, 0), [7]);
}

#[tokio::test]
async fn a_collector_without_its_database_is_told_what_it_misses() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    let (address, _server) = start(&fake, "127.0.0.1:0").await;
    let queue = Arc::new(Queue::new(spool(dir.path())));
    for n in 1..=5 {
        append(&queue, 1, n);
    }
    let delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), Arc::default()));
    settled(&queue).await;
    delivery.abort();
    let _ = delivery.await;
    Arc::try_unwrap(queue).ok().unwrap().into_spool().close(0);
    let empty = Fake::default();
    let (address, _server) = start(&empty, "127.0.0.1:0").await;
    let queue = Arc::new(Queue::new(spool(dir.path())));
    append(&queue, 1, 6);
    let _delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), Arc::default()));
    settled(&queue).await;
    assert_eq!(rows(&empty, 1), [6]);
    let l = empty.0.lock().unwrap();
    let told: Vec<_> = l.losses.iter().map(|r| (r.reason.as_str(), r.lane, r.first_seq, r.last_seq)).collect();
    assert_eq!(told, [("acknowledged_before", 1, 1, 5)]);
}

#[tokio::test]
async fn what_control_lost_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    let (address, _server) = start(&fake, "127.0.0.1:0").await;
    let queue = Arc::new(Queue::new(spool(dir.path())));
    for n in 1..=3 {
        append(&queue, 0, n);
    }
    let delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), Arc::default()));
    settled(&queue).await;
    delivery.abort();
    let _ = delivery.await;
    Arc::try_unwrap(queue).ok().unwrap().into_spool().close(0);
    // The collector's database went back to where it had only the first.
    let older = Fake::default();
    older.0.lock().unwrap().committed.insert((spool(dir.path()).epoch(), 0), 1);
    let (address, _server) = start(&older, "127.0.0.1:0").await;
    let queue = Arc::new(Queue::new(spool(dir.path())));
    append(&queue, 0, 4);
    let _delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), Arc::default()));
    settled(&queue).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let l = older.0.lock().unwrap();
    let told: Vec<_> = l.losses.iter().map(|r| (r.reason.as_str(), r.lane, r.first_seq, r.last_seq)).collect();
    assert_eq!(told, [("acknowledged_before", 0, 2, 3)]);
}

#[tokio::test]
async fn a_refusal_is_retried_rarely_and_mended_without_loss() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    fake.0.lock().unwrap().refuse = Some(Status::permission_denied("this probe is not enrolled"));
    let (address, _server) = start(&fake, "127.0.0.1:0").await;
    let queue = Arc::new(Queue::new(spool(dir.path())));
    append(&queue, 1, 1);
    let progress = Arc::new(Progress::default());
    let _delivery = tokio::spawn(deliver::run(queue.clone(), config(&[address]), progress.clone()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(progress.refused.load(Relaxed) && queue.backlog().batches == 1);
    fake.0.lock().unwrap().refuse = None;
    settled(&queue).await;
    assert_eq!(rows(&fake, 1), [1]);
    assert!(!progress.refused.load(Relaxed));
}
