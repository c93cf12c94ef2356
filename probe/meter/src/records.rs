//! What a meter hands over.

use sce_proto::{FlowInterval, PathMarks, ProbeInterval, StreamInterval};

/// What a meter hands over.
#[derive(Debug, Default)]
pub struct Records {
    /// Records of flows, one per direction and interval.
    pub flows: Vec<FlowInterval>,
    /// Records about the observation itself.
    pub probe: Vec<ProbeInterval>,
    /// Records of SCTP streams.
    pub streams: Vec<StreamInterval>,
    /// Path marks, for the comparison with other observation points.
    pub marks: Vec<PathMarks>,
}
