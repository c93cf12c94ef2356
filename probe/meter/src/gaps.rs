//! Time between the packets of one direction, packets that pass twice, and runs of marked ones: what every protocol has.

use sce_proto::FlowInterval;

use crate::again::Again;
use crate::dist::{Runs, Times, report};
use crate::packet::{Ecn, Packet};

/// A gap this long means that the flow stopped, not that a packet was late (RFC 3432 leaves it open; 2 s as in BCC's
/// monitor), ns.
const IDLE_NS: u64 = 2_000_000_000;

/// Gaps and runs of one direction.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// Time of the latest packet, 0 before the first.
    last_ns: u64,
    again: Again,
    ipg: Times,
    /// From the first gap on that was too long.
    idle: Option<Box<Idle>>,
    /// From the first mark on.
    marks: Option<Box<Marks>>,
}

/// Gaps in which the flow stopped, since the last report.
#[derive(Debug, Default)]
struct Idle {
    gaps: u32,
    ns: u64,
}

/// Runs of ECT(1) and CE on packets with payload.
#[derive(Debug, Default)]
struct Marks {
    last_sce_ns: u64,
    sce_gap: Times,
    open_sce: u64,
    open_ce: u64,
    sce_run: Runs,
    ce_run: Runs,
}

impl Gaps {
    /// Asks the memory for what marked packets touch.
    #[inline]
    pub(crate) fn fetch(&self) {
        if let Some(marks) = &self.marks {
            sce_proto::fetch::value(&**marks);
        }
    }

    pub(crate) fn observe(&mut self, p: &Packet<'_>) {
        let first = self.last_ns == 0;
        let gap = p.time_ns.saturating_sub(self.last_ns);
        self.again.observe(p, gap);
        // A packet stamped before the one ahead of it has no gap; the later time stays.
        if p.time_ns >= self.last_ns {
            self.last_ns = p.time_ns;
            if !first && gap < IDLE_NS {
                self.ipg.push(gap);
            } else if !first {
                let idle = self.idle.get_or_insert_default();
                idle.gaps += 1;
                idle.ns += gap;
            }
        }
        if p.payload_bytes > 0 && (matches!(p.ecn, Ecn::Ect1 | Ecn::Ce) || self.marks.is_some()) {
            self.marks.get_or_insert_default().observe(p);
        }
    }

    /// The flow is over: runs that are still open end with it.
    pub(crate) fn end(&mut self) {
        if let Some(marks) = &mut self.marks {
            marks.end_sce();
            marks.end_ce();
        }
    }

    /// Whether a run that ended with the flow has to be told.
    pub(crate) fn has_news(&self) -> bool {
        self.marks.as_ref().is_some_and(|m| !m.sce_run.is_empty() || !m.ce_run.is_empty())
    }

    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        self.again.report(out);
        report!(self.ipg, out, ipg_count, ipg_ns_sum, ipg_us2_sum, ipg_ns_min, ipg_ns_max, ipg_ns_sketch);
        if let Some(idle) = self.idle.take() {
            (out.idle_gaps, out.idle_ns) = (u64::from(idle.gaps), idle.ns);
        }
        let Some(m) = &mut self.marks else { return };
        report!(
            m.sce_gap,
            out,
            sce_gap_count,
            sce_gap_ns_sum,
            sce_gap_us2_sum,
            sce_gap_ns_min,
            sce_gap_ns_max,
            sce_gap_ns_sketch
        );
        report!(
            m.sce_run,
            out,
            sce_run_count,
            sce_run_packets_sum,
            sce_run_packets2_sum,
            sce_run_packets_min,
            sce_run_packets_max,
            sce_run_packets_sketch
        );
        report!(
            m.ce_run,
            out,
            ce_run_count,
            ce_run_packets_sum,
            ce_run_packets2_sum,
            ce_run_packets_min,
            ce_run_packets_max,
            ce_run_packets_sketch
        );
    }
}

impl Marks {
    fn observe(&mut self, p: &Packet<'_>) {
        if p.ecn == Ecn::Ect1 {
            if self.last_sce_ns > 0 && p.time_ns >= self.last_sce_ns {
                self.sce_gap.push(p.time_ns - self.last_sce_ns);
            }
            self.last_sce_ns = p.time_ns;
            self.open_sce += u64::from(p.segments);
        } else {
            self.end_sce();
        }
        if p.ecn == Ecn::Ce {
            self.open_ce += u64::from(p.segments);
        } else {
            self.end_ce();
        }
    }

    fn end_sce(&mut self) {
        if self.open_sce > 0 {
            self.sce_run.push(std::mem::take(&mut self.open_sce));
        }
    }

    fn end_ce(&mut self) {
        if self.open_ce > 0 {
            self.ce_run.push(std::mem::take(&mut self.open_ce));
        }
    }
}
