//! Where the records of `sce-probe read` go: to the output as flows end, or into sums of whole flows.

use std::collections::HashMap;
use std::io::{self, Write};

use sce_proto::{FlowInterval, merge};

use super::flow::{self, FlowView};
use super::json;

/// Bytes of JSON that are written in one piece: small enough to stay in a core's own cache.
const TEXT_AT_ONCE: usize = 64 << 10;

/// Where records go as the meters hand them over.
pub(super) trait Sink {
    /// The records of one advance. Both directions of a flow that ended stand beside each other.
    fn records(&mut self, file: &str, flows: &[FlowInterval]) -> io::Result<()>;
}

/// Prints each flow when it ends.
pub(super) struct JsonFlows<'a, W> {
    out: &'a mut W,
    /// Flows that were not written yet.
    text: Vec<u8>,
    first: bool,
}

impl<'a, W: Write> JsonFlows<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        JsonFlows { out, text: Vec::with_capacity(TEXT_AT_ONCE + (16 << 10)), first: true }
    }

    pub(super) fn flow(&mut self, flow: &FlowView<'_>) -> io::Result<()> {
        self.text.extend_from_slice(if self.first { b"\n" } else { b",\n" });
        self.first = false;
        json::flow(&mut self.text, flow);
        if self.text.len() >= TEXT_AT_ONCE { self.flush() } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

impl<W: Write> Sink for JsonFlows<'_, W> {
    fn records(&mut self, file: &str, flows: &[FlowInterval]) -> io::Result<()> {
        for pair in flows.chunk_by(|a, b| a.flow == b.flow && a.direction != b.direction) {
            let side = |direction| pair.iter().find(|r| r.direction == direction);
            self.flow(&FlowView::new(file, side(0), side(1)))?;
        }
        Ok(())
    }
}

/// Prints each record as a line.
pub(super) struct Lines<'a, W> {
    pub(super) out: &'a mut W,
    pub(super) csv: bool,
}

impl<W: Write> Sink for Lines<'_, W> {
    fn records(&mut self, file: &str, flows: &[FlowInterval]) -> io::Result<()> {
        for record in flows {
            if self.csv {
                flow::csv_line(self.out, file, record)?;
            } else {
                serde_json::to_writer(&mut *self.out, &flow::Line { file, record }).map_err(io::Error::from)?;
                self.out.write_all(b"\n")?;
            }
        }
        Ok(())
    }
}

/// Keeps the sum of each flow, in order of first appearance.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) flows: Vec<GatheredFlow>,
    index: HashMap<(u64, u64), usize>,
}

pub(super) struct GatheredFlow {
    file: String,
    sides: [Option<FlowInterval>; 2],
}

impl GatheredFlow {
    pub(super) fn view(&self) -> FlowView<'_> {
        FlowView::new(&self.file, self.sides[0].as_ref(), self.sides[1].as_ref())
    }
}

impl Sink for Gathered {
    fn records(&mut self, file: &str, flows: &[FlowInterval]) -> io::Result<()> {
        for record in flows {
            let at = *self.index.entry((record.op, record.flow)).or_insert_with(|| {
                self.flows.push(GatheredFlow { file: file.to_owned(), sides: [None, None] });
                self.flows.len() - 1
            });
            let side = &mut self.flows[at].sides[usize::from(record.direction > 0)];
            match side {
                Some(sum) => merge(sum, record),
                None => *side = Some(record.clone()),
            }
        }
        Ok(())
    }
}
