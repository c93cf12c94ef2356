//! Where records for an answer are read from, and what that cost.
//!
//! In: scans. Out: records. Flow records may come from roll-ups that hold the very records; everything else from its table.

use std::time::Instant;

use sce_proto::{
    FlowInterval, LossReport, ObservationPoint, PathMarks, ProbeInterval, Record, SocketSample, StreamInterval,
};

use crate::rollup::read::{self, Trace};
use crate::store::{Scan, Store, StoreError, Stored};

/// Records that can be asked for.
pub(super) trait Source: Record + Send + 'static {
    /// Reads the records of a scan and notes what it read.
    fn read<S: Store>(
        store: &S,
        scan: &Scan,
        trace: &Trace,
        mut each: impl FnMut(Stored<Self>) + Send,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async move {
            let (began, mut rows) = (Instant::now(), 0);
            let done = store.each::<Self>(scan, |stored| {
                rows += 1;
                each(stored);
            });
            let done = done.await;
            trace.note(Self::TABLE, rows, began);
            done
        }
    }
}

impl Source for FlowInterval {
    async fn read<S: Store>(
        store: &S,
        scan: &Scan,
        trace: &Trace,
        mut each: impl FnMut(Stored<Self>) + Send,
    ) -> Result<(), StoreError> {
        // A roll-up does not say which stream brought a record; its observation point does.
        read::records(store, scan, trace, |record| each(Stored { stream: 0, record: record.clone() })).await
    }
}

impl Source for LossReport {}
impl Source for ObservationPoint {}
impl Source for PathMarks {}
impl Source for ProbeInterval {}
impl Source for SocketSample {}
impl Source for StreamInterval {}
