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
    /// Records of path marks that were used before. The meter makes the next ones in their room; it does without as well.
    pub spare: Vec<PathMarks>,
}

/// Where a meter puts its records.
pub trait Outlet {
    /// Where the next ones go.
    fn records(&mut self) -> &mut Records;

    /// A flow has reported: what is in [`Outlet::records`] may be taken away. A record of a flow has some 2.5 kB, and an
    /// interval can have one for every flow and direction.
    fn relieve(&mut self) {}
}

impl Outlet for Records {
    fn records(&mut self) -> &mut Records {
        self
    }
}
