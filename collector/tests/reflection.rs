//! gRPC reflection: what grpcurl and its kin ask first.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use common::start;

#[tokio::test]
async fn programs_without_the_proto_files_can_ask_what_is_offered() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let dir = tempfile::tempdir().unwrap();
    let collector = start(&dir.path().join("x.db")).await;
    let channel = tonic::transport::Endpoint::from_shared(collector.url()).unwrap().connect().await.unwrap();
    let mut client = ServerReflectionClient::new(channel);
    let ask = |message_request| ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
    let questions = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("sce.v1.Query.Select".to_owned())),
    ];
    let mut answers = client.server_reflection_info(tokio_stream::iter(questions)).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("not a list of services")
    };
    let names: Vec<&str> = list.service.iter().map(|s| s.name.as_str()).collect();
    assert!(["sce.v1.Query", "sce.v1.Ingest", "grpc.health.v1.Health"].iter().all(|n| names.contains(n)), "{names:?}");
    let Some(MessageResponse::FileDescriptorResponse(files)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no description of Select")
    };
    assert!(!files.file_descriptor_proto.is_empty());
    collector.stop().await;
}
