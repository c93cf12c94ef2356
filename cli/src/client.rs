//! The connection to a collector: one question, one stream of rows, and errors that say what to do next.
//!
//! In: an address and a request. Out: columns, rows and the completeness of the answer. Knows no view by name.

use std::time::Duration;

use sce_proto::query_client::QueryClient;
use sce_proto::select_reply::Kind;
use sce_proto::{ColumnInfo, Completeness, DescribeRequest, Row, SelectReply, SelectRequest, ViewInfo};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status, Streaming};

use crate::args::Connection;
use crate::exit::{Failure, code, nearest};
use crate::time;
pub(crate) use sce_view::Answer;

/// Largest message a collector may send: a page of rows with sketches stays far below.
const MAX_MESSAGE_BYTES: usize = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connected client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    rpc: QueryClient<Channel>,
    url: String,
    timeout: Duration,
}

/// An answer that is still coming in.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The columns of each row.
    pub(crate) columns: Vec<ColumnInfo>,
    /// How many rows come, where the collector says it.
    pub(crate) whole: Option<u64>,
    replies: Streaming<SelectReply>,
    completeness: Option<Completeness>,
    filter: String,
    url: String,
    timeout: Duration,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(connection: &Connection) -> Result<Client, Failure> {
        let url = &connection.collector;
        let timeout = Duration::from_nanos(time::nanoseconds(&connection.timeout)?);
        let with_scheme = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        let mut endpoint = Endpoint::from_shared(with_scheme.clone())
            .map_err(|_| Failure::usage(format!("`{url}` is not an address; write for example http://127.0.0.1:4517")))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(Duration::from_secs(20));
        if with_scheme.starts_with("https:") {
            let tls = tls(connection)?;
            endpoint =
                endpoint.tls_config(tls).map_err(|e| Failure::usage(format!("certificates: {}", root_cause(&e))))?;
        }
        let channel = endpoint.connect().await.map_err(|e| unreachable(url, &root_cause(&e)))?;
        let rpc = QueryClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Client { rpc, url: url.clone(), timeout })
    }

    /// A view's columns. `None` if the collector does not describe it.
    pub(crate) async fn describe(&mut self, view: &str) -> Result<Option<ViewInfo>, Failure> {
        let views = self.views(view).await?;
        Ok(views.into_iter().find(|v| v.name == view))
    }

    /// The views of a name, or all of them for an empty one.
    pub(crate) async fn views(&mut self, view: &str) -> Result<Vec<ViewInfo>, Failure> {
        let request = DescribeRequest { view: view.to_owned() };
        let (url, limit) = (self.url.clone(), self.timeout);
        let reply = within(limit, &url, self.rpc.describe(request)).await?;
        match reply {
            Ok(reply) => Ok(reply.into_inner().views),
            Err(status) if status.code() == Code::Unimplemented => Ok(Vec::new()),
            Err(status) => Err(explain(&status, &url, "")),
        }
    }

    /// Asks, and returns once the columns are known.
    pub(crate) async fn select(&mut self, request: SelectRequest) -> Result<Stream, Failure> {
        let (url, filter, timeout) = (self.url.clone(), request.filter.clone(), self.timeout);
        let view = request.view.clone();
        let replies = match within(timeout, &url, self.rpc.select(request)).await? {
            Ok(replies) => replies.into_inner(),
            Err(status) if status.code() == Code::Unimplemented || status.code() == Code::NotFound => {
                return Err(self.no_such_view(&view, &status).await);
            }
            Err(status) => return Err(explain(&status, &url, &filter)),
        };
        let mut stream = Stream { columns: Vec::new(), whole: None, replies, completeness: None, filter, url, timeout };
        match stream.next().await? {
            Some(Kind::Header(header)) => {
                if !header.explain.is_empty() {
                    eprintln!("{}", header.explain);
                }
                stream.columns = header.columns;
                stream.whole = Some(header.rows).filter(|rows| *rows > 0);
            }
            _ => {
                return Err(Failure::new(
                    "the collector's answer does not start with its columns: is it another version?",
                ));
            }
        }
        Ok(stream)
    }

    /// Asks, and returns the whole answer.
    pub(crate) async fn all(&mut self, request: SelectRequest) -> Result<Answer, Failure> {
        self.select(request).await?.all().await
    }

    async fn no_such_view(&mut self, view: &str, status: &Status) -> Failure {
        if status.code() == Code::NotFound {
            return Failure::new(status.message());
        }
        let known = self.views("").await.unwrap_or_default();
        let names = known.iter().map(|v| v.name.as_str());
        let near = nearest(view, names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        Failure::new(format!("the collector at {} does not offer `{view}`{near} ({})", self.url, status.message()))
    }
}

impl Stream {
    /// The next rows; `None` at the end.
    pub(crate) async fn rows(&mut self) -> Result<Option<Vec<Row>>, Failure> {
        loop {
            match self.next().await? {
                Some(Kind::Rows(rows)) => return Ok(Some(rows.rows)),
                Some(Kind::Completeness(completeness)) => self.completeness = Some(completeness),
                Some(Kind::Header(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// What the answer rests on, after the last row.
    pub(crate) fn completeness(&mut self) -> Result<Completeness, Failure> {
        let cut = || Failure::new("the answer was cut off before its end: ask again, or for less (--since, --limit)");
        self.completeness.take().ok_or_else(cut)
    }

    /// The whole answer.
    pub(crate) async fn all(mut self) -> Result<Answer, Failure> {
        let mut rows = Vec::new();
        while let Some(mut some) = self.rows().await? {
            rows.append(&mut some);
        }
        let completeness = self.completeness()?;
        Ok(Answer { columns: self.columns, rows, completeness })
    }

    async fn next(&mut self) -> Result<Option<Kind>, Failure> {
        match within(self.timeout, &self.url, self.replies.message()).await? {
            Ok(reply) => Ok(reply.and_then(|r| r.kind)),
            Err(status) => Err(explain(&status, &self.url, &self.filter)),
        }
    }
}

/// What TLS needs, from the files of the connection's options.
fn tls(connection: &Connection) -> Result<ClientTlsConfig, Failure> {
    let read =
        |path: &std::path::Path| std::fs::read(path).map_err(|e| Failure::usage(format!("{}: {e}", path.display())));
    let Some(ca) = &connection.ca else {
        return Err(Failure::usage(format!(
            "{} needs --ca, --cert and --key; `sce-collector ca issue --role read --name YOU` makes all three",
            connection.collector
        )));
    };
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
    Ok(match (&connection.cert, &connection.key) {
        (Some(cert), Some(key)) => tls.identity(Identity::from_pem(read(cert)?, read(key)?)),
        _ => tls,
    })
}

async fn within<T>(limit: Duration, url: &str, work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(limit, work).await.map_err(|_| Failure {
        code: code::UNREACHABLE,
        text: format!(
            "the collector at {url} has not answered for {} s: ask for a shorter time (--since) or wait longer (--timeout 5m)",
            limit.as_secs()
        ),
    })
}

fn unreachable(url: &str, why: &str) -> Failure {
    Failure {
        code: code::UNREACHABLE,
        text: format!(
            "no collector at {url} ({why})\n  start one:       sce-collector serve --db sce.db\n  \
             or name another: --collector http://HOST:4517, or SCE_COLLECTOR in the environment"
        ),
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A status as words, with a caret under the place of a filter error.
fn explain(status: &Status, url: &str, filter: &str) -> Failure {
    let text = status.message();
    match status.code() {
        Code::Unavailable => unreachable(url, text),
        Code::Unauthenticated | Code::PermissionDenied => {
            Failure { code: code::UNREACHABLE, text: format!("the collector at {url} refuses this caller: {text}") }
        }
        Code::InvalidArgument => Failure::usage(caret(status, filter)),
        Code::ResourceExhausted | Code::OutOfRange | Code::DeadlineExceeded => {
            Failure::new(format!("{text}\n  ask for less: --since, --limit, --columns"))
        }
        _ => Failure::new(format!("the collector at {url} failed: {text}")),
    }
}

/// The message, with the filter and a caret below the byte named by the `filter-at` trailer, if there is one.
fn caret(status: &Status, filter: &str) -> String {
    let number = |key| status.metadata().get(key).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    let Some(at) = number("filter-at").filter(|at| filter.is_char_boundary(*at)) else {
        return status.message().to_owned();
    };
    let length = number("filter-len").unwrap_or(1).max(1);
    let before = filter[..at].chars().count();
    format!("{}\n  {filter}\n  {}{}", status.message(), " ".repeat(before), "^".repeat(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_error_points_at_its_place() {
        let mut status = Status::invalid_argument("unknown column `pakets`; did you mean `packets`?");
        status.metadata_mut().insert("filter-at", "12".parse().unwrap());
        status.metadata_mut().insert("filter-len", "6".parse().unwrap());
        let failure = explain(&status, "x", "host ä and pakets > 1");
        assert_eq!(failure.code, code::USAGE);
        let mut lines = failure.text.lines();
        assert_eq!(lines.next(), Some("unknown column `pakets`; did you mean `packets`?"));
        assert_eq!(lines.next(), Some("  host ä and pakets > 1"));
        assert_eq!(lines.next(), Some("             ^^^^^^"));
    }
}
