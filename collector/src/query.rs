//! The query service: views over what is stored.
//!
//! In: `Select` with a view, a window and a filter. Out: rows and the completeness of the answer.

pub mod table;

use std::sync::Arc;

use sce_proto::{DescribeReply, DescribeRequest, SelectReply, SelectRequest, query_server};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::ingest::Connected;
use crate::metrics::Metrics;
use crate::store::Store;

/// The service.
pub struct QueryService<S> {
    #[allow(dead_code, reason = "views follow in the next step")]
    parts: (S, Arc<Metrics>, Arc<dyn Connected>),
}

impl<S: Store> QueryService<S> {
    /// A service over a store.
    pub fn new(store: S, metrics: Arc<Metrics>, presence: Arc<dyn Connected>) -> QueryService<S> {
        QueryService { parts: (store, metrics, presence) }
    }
}

#[tonic::async_trait]
impl<S: Store> query_server::Query for QueryService<S> {
    type SelectStream = ReceiverStream<Result<SelectReply, Status>>;

    async fn select(&self, request: Request<SelectRequest>) -> Result<Response<Self::SelectStream>, Status> {
        Err(Status::invalid_argument(format!("there is no view `{}`", request.into_inner().view)))
    }

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        Ok(Response::new(DescribeReply::default()))
    }
}
