//! A flow without sequence numbers has another identifier at each point: every one of them names the joined flow.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::collections::BTreeSet;

use common::{batch, flow, hello, open, start};
use sce_proto::query_client::QueryClient;
use sce_proto::{FlowInterval, SelectRequest, columns, select_reply, value};

/// The identifiers in the answer of a view.
async fn identifiers(url: &str, view: &str, flow: &str) -> BTreeSet<String> {
    let mut client = QueryClient::connect(url.to_owned()).await.unwrap();
    let request = SelectRequest {
        view: view.to_owned(),
        flow: flow.to_owned(),
        columns: vec![String::from("flow")],
        ..SelectRequest::default()
    };
    let mut replies = client.select(request).await.unwrap().into_inner();
    let mut found = BTreeSet::new();
    while let Some(reply) = replies.message().await.unwrap() {
        let Some(select_reply::Kind::Rows(some)) = reply.kind else { continue };
        found.extend(some.rows.into_iter().map(|row| match &row.values[0].kind {
            Some(value::Kind::Text(id)) => id.clone(),
            other => panic!("{other:?}"),
        }));
    }
    found
}

#[tokio::test]
async fn what_a_record_shows_names_its_flow() {
    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("a.db")).await;
    let other = FlowInterval { flow: 0x99, ..flow(1, 2, 0, 3) };
    let records: [Vec<FlowInterval>; 2] = [1, 2].map(|op| {
        let mine = FlowInterval { flow: 0x70 + op, ip_proto: 17, ..flow(op, 1, 0, 5) };
        if op == 1 { vec![mine, other.clone()] } else { vec![mine] }
    });
    for (op, records) in (1..).zip(&records) {
        let point = columns::table(&[sce_proto::ObservationPoint { op, ..Default::default() }]);
        let probe = format!("p{op}");
        for (lane, batch) in [(0, sce_proto::Batch { seq: 1, ..columns::pack(vec![point]) }), (1, batch(1, records))] {
            let mut stream = open(&collector.url(), hello(&probe, lane, 9)).await.unwrap();
            stream.batch(batch).await;
            stream.acked(1).await;
        }
    }
    let url = collector.url();
    let shown = identifiers(&url, "series", "").await;
    assert_eq!(Vec::from_iter(&shown), ["0000000000000071", "0000000000000072", "0000000000000099"]);
    assert_eq!(identifiers(&url, "flows", "").await.len(), 2, "two points saw one of them");
    let joined = identifiers(&url, "flows", "0000000000000071").await;
    assert_eq!(joined.len(), 1);
    for id in ["0000000000000072", "000000000000007"] {
        assert_eq!(identifiers(&url, "flows", id).await, joined, "{id}");
        assert_eq!(identifiers(&url, "series", id).await.len(), 2, "{id}: the records of both points");
    }
    assert!(identifiers(&url, "flows", "0000000000000073").await.is_empty());
    collector.stop().await;
}
