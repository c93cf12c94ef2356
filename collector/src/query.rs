//! The query service: views over what is stored.
//!
//! In: `Select` with a view, a window and a filter. Out: rows and the completeness of the answer. Columns describe
//! themselves, so that clients need not know them. Reads only.

mod audit;
mod completeness;
pub mod filter;
mod flows;
mod load;
mod marks;
mod members;
mod outline;
mod records;
mod source;
pub mod table;
mod timeline;
mod view;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sce_proto::{
    DescribeReply, DescribeRequest, FlowInterval, Header, LossReport, ObservationPoint, ProbeInterval, Rows,
    SelectReply, SelectRequest, SocketSample, StreamInterval, ViewInfo, query_server, select_reply,
};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use crate::access::Guard;
use crate::access::identity::Role;
use crate::aside::aside;
use crate::clock::now_ns;
use crate::ingest::Connected;
use crate::metrics::{self, Metrics};
use crate::rollup::read::Trace;
use crate::store::predicate::Predicate;
use crate::store::{Store, StoreError};
use filter::push;
use load::{Depth, Flows, Question};
use table::{Cell, Column};
use view::{Def, Plan};

/// Rows of a message.
const CHUNK: usize = 256;
/// Questions answered at the same time; more wait.
const QUESTIONS: usize = 8;
/// Time for one question.
const DEADLINE: Duration = Duration::from_secs(60);

/// Views and what they show.
const VIEWS: [(&str, &str); 15] = [
    (
        "flows",
        "One row per flow, joined over all observation points; each direction's numbers from the point nearest to its sender.",
    ),
    ("flow", "The same flows point by point and direction by direction."),
    ("paths", "What happened to flows between neighbouring points: sent, received, lost, marked, delayed."),
    ("verify", "Whether receivers reported the congestion signals they got, and whether senders heard it."),
    ("series", "Flow records as they were stored, one per interval, direction and point."),
    ("sockets", "Kernel truth about sockets: window, threshold, round trip."),
    (
        "timeline",
        "One flow interval by interval: the sender's window, the marks at the receiver, the feedback heard, the one-way delay.",
    ),
    ("marks", "The packets that each point listed, one by one: time, place in the sequence, code point."),
    ("streams", "SCTP streams, one row per interval and direction."),
    ("probes", "The probes: freshness, spool, clock, what was committed and lost."),
    ("points", "The observation points."),
    ("intervals", "What each point captured, skipped, lost and sent, interval by interval."),
    ("loss", "What was given up, and why."),
    ("audit", "Whether every packet and record is accounted for, from the database alone."),
    ("views", "The views."),
];

/// The service.
pub struct QueryService<S> {
    store: S,
    metrics: Arc<Metrics>,
    presence: Arc<dyn Connected>,
    questions: Arc<Semaphore>,
    /// Checks who asks; none where the asker is this process itself.
    guard: Option<Guard>,
}

impl<S: Clone> Clone for QueryService<S> {
    fn clone(&self) -> QueryService<S> {
        let QueryService { store, metrics, presence, questions, guard } = self;
        let (metrics, presence) = (metrics.clone(), presence.clone());
        QueryService { store: store.clone(), metrics, presence, questions: questions.clone(), guard: guard.clone() }
    }
}

/// An answer before it becomes messages.
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    total: u64,
}

impl<S: Store> QueryService<S> {
    /// A service over a store; without a guard for what this process asks itself.
    pub fn new(store: S, metrics: Arc<Metrics>, presence: Arc<dyn Connected>, guard: Option<Guard>) -> QueryService<S> {
        QueryService { store, metrics, presence, guard, questions: Arc::new(Semaphore::new(QUESTIONS)) }
    }

    fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        self.guard.as_ref().map_or(Ok(()), |guard| guard.admit(request, Role::Read).map(|_| ()))
    }

    /// Done when no question is being answered.
    pub fn idle(&self) -> impl Future<Output = ()> + Send + 'static {
        let questions = self.questions.clone();
        async move {
            // The semaphore is never closed, so this cannot fail.
            let _ = questions.acquire_many(QUESTIONS as u32).await;
        }
    }

    async fn answer(&self, request: &SelectRequest, question: &Question) -> Result<Answer, Status> {
        match request.view.as_str() {
            "flows" => {
                let defs = flows::flow_columns();
                let (plan, all, mut list) = self.joined(request, question, &defs, None).await?;
                list.sort_by_key(|flow| flow.first_ns());
                let answer = finish(&plan, &defs, list);
                Ok(Answer { total: all.counted.unwrap_or(answer.total), ..answer })
            }
            "flow" => {
                let defs = flows::point_columns();
                let (plan, all, list) = self.joined(request, question, &defs, None).await?;
                Ok(finish(&plan, &defs, flows::at_points(&all, &list)))
            }
            "paths" => {
                let defs = flows::hop_columns();
                let (plan, all, list) = self.joined(request, question, &defs, Some(&[])).await?;
                let end_to_end = request.options.get("end_to_end").is_some_and(|v| v == "true");
                Ok(finish(&plan, &defs, flows::hops(&all, &list, end_to_end)))
            }
            "verify" => {
                let defs = flows::verified_columns();
                let (plan, all, list) = self.joined(request, question, &defs, Some(&flows::TURNAROUND)).await?;
                Ok(finish(&plan, &defs, flows::verified(&all, &list)))
            }
            "timeline" => self.timeline(request, question).await,
            "marks" => {
                let defs = marks::columns();
                let plan = plan(request, &defs)?;
                let depth = Depth { marks: true, ..Depth::default() };
                let all = load::flows(&self.store, question, depth).await.map_err(|e| status(&e))?;
                let listed = marks::listed(&all).ok_or_else(|| {
                    let most = marks::MOST_MARKS;
                    Status::resource_exhausted(format!(
                        "more than {most} marks: name a flow, or ask for a shorter window"
                    ))
                })?;
                Ok(finish(&plan, &defs, listed))
            }
            "series" => self.records::<FlowInterval>(request, question).await,
            "sockets" => self.records::<SocketSample>(request, question).await,
            "streams" => self.records::<StreamInterval>(request, question).await,
            "intervals" => self.records::<ProbeInterval>(request, question).await,
            "loss" => self.records::<LossReport>(request, question).await,
            "points" => {
                let defs = records::columns::<ObservationPoint>();
                let plan = plan(request, &defs)?;
                let items = records::observation_points(&self.store, question).await.map_err(|e| status(&e))?;
                Ok(finish(&plan, &defs, items))
            }
            "probes" => {
                let defs = records::probe_columns();
                let plan = plan(request, &defs)?;
                let items =
                    records::probes(&self.store, question, self.presence.as_ref()).await.map_err(|e| status(&e))?;
                Ok(finish(&plan, &defs, items))
            }
            "audit" => {
                let defs = audit::columns();
                let plan = plan(request, &defs)?;
                Ok(finish(&plan, &defs, audit::audit(&self.store, question).await.map_err(|e| status(&e))?))
            }
            "views" => {
                let defs = view_columns();
                Ok(finish(&plan(request, &defs)?, &defs, VIEWS))
            }
            other => Err(no_view(other)),
        }
    }

    /// The joined flows that a question needs: what its columns name of them (`path` is `None`), or all of what happened on
    /// the way, which the join takes from path marks, and besides these fields.
    async fn joined<T>(
        &self,
        request: &SelectRequest,
        question: &Question,
        defs: &[Def<T>],
        path: Option<&[&'static str]>,
    ) -> Result<(Plan, Flows, Vec<Arc<flows::Flow>>), Status> {
        let columns = columns(defs);
        let plan = Plan::new(request, &columns)?;
        let names = match path {
            None => flows::names(plan.needed.iter().map(|i| columns[*i].name.as_str())),
            Some(more) => more.iter().copied().collect(),
        };
        let (predicate, exact) = push::push(&plan.expr);
        let first = if exact && request.view == "flows" { plan.first(&columns) } else { None };
        let depth = Depth { predicate, names: Some(names), marks: path.is_some(), first };
        let all = load::flows(&self.store, question, depth).await.map_err(|e| status(&e))?;
        let list = flows::flows(&all);
        Ok((plan, all, list))
    }

    async fn timeline(&self, request: &SelectRequest, question: &Question) -> Result<Answer, Status> {
        let defs = timeline::columns();
        let plan = plan(request, &defs)?;
        let depth = Depth { marks: true, ..Depth::default() };
        let failed = |e: StoreError| status(&e);
        let all = load::flows(&self.store, question, depth).await.map_err(failed)?;
        if all.joined.len() > timeline::MOST_FLOWS {
            let many = format!(
                "{} flows are too many for `timeline`: name one, or ask for a shorter window",
                all.joined.len()
            );
            return Err(Status::resource_exhausted(many));
        }
        let instances = members::members_of::<FlowInterval>(&all);
        let sockets = members::members_of::<SocketSample>(&all);
        let series = records::items::<S, FlowInterval>(&self.store, question, instances).await.map_err(failed)?;
        let samples = records::items::<S, SocketSample>(&self.store, question, sockets).await.map_err(failed)?;
        let series: Vec<FlowInterval> = series.into_iter().map(|item| item.record).collect();
        let samples: Vec<SocketSample> = samples.into_iter().map(|item| item.record).collect();
        // One join per interval: it must not hold up the reactor.
        let moments = tokio::task::spawn_blocking(move || timeline::moments(&all, &series, &samples));
        let moments = moments.await.map_err(|e| failed(StoreError::Unavailable(e.to_string())))?;
        Ok(finish(&plan, &defs, moments))
    }

    async fn records<R: source::Source>(&self, request: &SelectRequest, question: &Question) -> Result<Answer, Status> {
        let defs = records::columns::<R>();
        let plan = plan(request, &defs)?;
        let predicate = if R::position("src_ip").is_some() { push::push(&plan.expr).0 } else { Predicate::True };
        let (members, asked) = members::members::<S, R>(&self.store, question).await.map_err(|e| status(&e))?;
        let predicate = predicate.and(members);
        let items = records::items::<S, R>(&self.store, &asked, predicate).await.map_err(|e| status(&e))?;
        Ok(finish(&plan, &defs, items))
    }
}

fn columns<T>(defs: &[Def<T>]) -> Vec<Column> {
    defs.iter().map(|d| d.column.clone()).collect()
}

fn plan<T>(request: &SelectRequest, defs: &[Def<T>]) -> Result<Plan, Status> {
    Plan::new(request, &columns(defs))
}

fn finish<T>(plan: &Plan, defs: &[Def<T>], items: impl IntoIterator<Item = T>) -> Answer {
    let (rows, total) = plan.rows(defs, items);
    let columns = plan.needed[..plan.width].iter().map(|i| defs[*i].column.clone()).collect();
    Answer {
        columns,
        rows: rows
            .into_iter()
            .map(|mut r| {
                r.truncate(plan.width);
                r
            })
            .collect(),
        total,
    }
}

fn view_columns() -> Vec<Def<(&'static str, &'static str)>> {
    vec![
        Def::new("view", "", "Name of the view.", |v: &(&str, &str)| Cell::T(String::from(v.0))).shown(),
        Def::new("help", "", "What it shows.", |v: &(&str, &str)| Cell::T(String::from(v.1))).shown(),
    ]
}

fn columns_of(view: &str) -> Vec<Column> {
    match view {
        "flows" => columns(&flows::flow_columns()),
        "flow" => columns(&flows::point_columns()),
        "paths" => columns(&flows::hop_columns()),
        "verify" => columns(&flows::verified_columns()),
        "timeline" => columns(&timeline::columns()),
        "marks" => columns(&marks::columns()),
        "series" => columns(&records::columns::<FlowInterval>()),
        "sockets" => columns(&records::columns::<SocketSample>()),
        "streams" => columns(&records::columns::<StreamInterval>()),
        "intervals" => columns(&records::columns::<ProbeInterval>()),
        "loss" => columns(&records::columns::<LossReport>()),
        "points" => columns(&records::columns::<ObservationPoint>()),
        "probes" => columns(&records::probe_columns()),
        "audit" => columns(&audit::columns()),
        _ => columns(&view_columns()),
    }
}

fn no_view(name: &str) -> Status {
    let near = VIEWS.iter().max_by(|a, b| strsim::jaro(a.0, name).total_cmp(&strsim::jaro(b.0, name)));
    Status::invalid_argument(format!("there is no view `{name}`; did you mean `{}`?", near.map_or("", |v| v.0)))
}

/// A store's error as a status: the cause goes to the log, what can be done goes to the client.
fn status(error: &StoreError) -> Status {
    match error {
        StoreError::Refused(why) => Status::resource_exhausted(why.clone()),
        other => {
            tracing::error!(error = %other, "A question could not be answered");
            Status::unavailable("the database does not answer; see the collector's log")
        }
    }
}

#[tonic::async_trait]
impl<S: Store> query_server::Query for QueryService<S> {
    type SelectStream = ReceiverStream<Result<SelectReply, Status>>;

    async fn select(&self, request: Request<SelectRequest>) -> Result<Response<Self::SelectStream>, Status> {
        self.admit(&request)?;
        let busy = crate::transport::busy(&request);
        let request = request.into_inner();
        let start = Instant::now();
        let permit = self.questions.clone().acquire_owned().await.map_err(|_| Status::unavailable("stopping"))?;
        let question = Question {
            since_ns: request.since_ns,
            until_ns: if request.until_ns == 0 { now_ns() } else { request.until_ns },
            windowed: request.since_ns > 0 || request.until_ns > 0,
            until_now: request.until_ns == 0,
            run: request.run.clone(),
            flow: request.flow.to_ascii_lowercase(),
            options: request.options.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            trace: Trace::default(),
        };
        let known = VIEWS.iter().find(|v| v.0 == request.view).map_or("unknown", |v| v.0);
        let asked = question.options.get("explain").is_some_and(|v| v == "true");
        let (service, trace) = (self.clone(), question.trace.clone());
        let span = tracing::debug_span!("select", view = request.view, run = request.run, rows = tracing::field::Empty);
        let work = async move {
            let answer = service.answer(&request, &question).await?;
            let presence = service.presence.as_ref();
            let complete = completeness::completeness(&service.store, &question, presence, answer.total).await;
            tracing::Span::current().record("rows", answer.total);
            Ok::<_, Status>((answer, complete.map_err(|e| status(&e))?))
        };
        let done = match tokio::time::timeout(DEADLINE, aside(work.instrument(span))).await {
            Ok(Some(done)) => done,
            Ok(None) => Err(Status::internal("the collector failed; its log says why")),
            Err(_) => {
                Err(Status::deadline_exceeded(format!("not answered within {} s; ask for less", DEADLINE.as_secs())))
            }
        };
        let outcome = if done.is_ok() { "ok" } else { "failed" };
        self.metrics.add(metrics::QUERIES, &[("view", known), ("outcome", outcome)], 1.0);
        self.metrics.observe(metrics::QUERY_SECONDS, start.elapsed().as_secs_f64());
        let (answer, complete) = done?;
        let explain = if asked { trace.lines() } else { String::new() };
        let (sender, receiver) = mpsc::channel(8);
        tokio::spawn(async move {
            let _held = (permit, busy);
            let columns: Vec<_> = answer.columns.iter().map(Column::info).collect();
            let width = columns.len();
            let say = |kind| sender.send(Ok(SelectReply { kind: Some(kind) }));
            let header = Header { columns, explain, rows: answer.rows.len() as u64 };
            if say(select_reply::Kind::Header(header)).await.is_err() {
                return;
            }
            let mut rows = answer.rows.into_iter().map(|row| table::message(row, width)).peekable();
            while rows.peek().is_some() {
                let chunk = Rows { rows: rows.by_ref().take(CHUNK).collect() };
                if say(select_reply::Kind::Rows(chunk)).await.is_err() {
                    return;
                }
            }
            // The client may have seen enough.
            let _ = say(select_reply::Kind::Completeness(complete)).await;
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn describe(&self, request: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        self.admit(&request)?;
        let wanted = request.into_inner().view;
        let views = VIEWS.iter().filter(|v| wanted.is_empty() || v.0 == wanted).map(|(name, help)| ViewInfo {
            name: String::from(*name),
            help: String::from(*help),
            columns: columns_of(name).iter().map(Column::info).collect(),
        });
        let views: Vec<ViewInfo> = views.collect();
        if views.is_empty() { Err(no_view(&wanted)) } else { Ok(Response::new(DescribeReply { views })) }
    }
}
