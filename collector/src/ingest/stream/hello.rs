//! What a probe says first.
//!
//! In: a new stream. Out: its `Hello`, or why it is refused. Decides by the message alone: who may say it is not known here.

use sce_proto::{Hello, PROTOCOL_MAX, PROTOCOL_MIN, ProbeMessage, probe_message};
use tonic::{Status, Streaming};

/// Longest name of a probe, bytes.
const NAME_BYTES: usize = 128;

/// Reads the first message.
pub(super) async fn first(inbound: &mut Streaming<ProbeMessage>) -> Result<Hello, Status> {
    match inbound.message().await?.and_then(|m| m.kind) {
        Some(probe_message::Kind::Hello(hello)) => Ok(hello),
        _ => Err(Status::failed_precondition("the first message must be Hello")),
    }
}

/// Refuses what no collector of this release can serve.
pub(super) fn check(hello: &Hello) -> Result<(), Status> {
    if hello.protocol_min > PROTOCOL_MAX || hello.protocol_max < PROTOCOL_MIN {
        return Err(Status::failed_precondition(format!(
            "the probe speaks protocols {} to {}, the collector {PROTOCOL_MIN} to {PROTOCOL_MAX}: upgrade the older one",
            hello.protocol_min, hello.protocol_max
        )));
    }
    let name = &hello.probe;
    if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
        return Err(Status::invalid_argument(format!(
            "a probe's name has 1 to {NAME_BYTES} bytes, none of them control"
        )));
    }
    if hello.probe_id.len() != 16 || hello.lane > 2 || hello.host.len() > 256 || hello.version.len() > 64 {
        return Err(Status::invalid_argument("Hello has a field out of range"));
    }
    if [hello.first_seq, hello.next_seq].iter().any(|seq| *seq > i64::MAX as u64) {
        return Err(Status::invalid_argument("Hello has a sequence number out of range"));
    }
    Ok(())
}
