//! Counters of the collector itself, in the Prometheus text format.
//!
//! In: increments and observations. Out: the text of `/metrics`. Labels are probes, lanes and outcomes; never a flow or an
//! address, of which there are too many. One lock per batch, none per record.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// Upper bounds of the histograms' buckets, seconds.
const BOUNDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// A metric: its name, its kind and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
}

macro_rules! metrics {
    ($($id:ident = $kind:literal $name:literal $help:literal;)*) => {
        $(#[doc = $help] pub const $id: Metric = Metric { name: $name, kind: $kind, help: $help };)*
    };
}

metrics! {
    BATCHES = "counter" "sce_ingest_batches_total" "Batches by probe, lane and outcome (committed, duplicate, quarantined).";
    RECORDS = "counter" "sce_ingest_records_total" "Records committed, by probe and lane.";
    BYTES = "counter" "sce_ingest_bytes_total" "Payload bytes received, by probe and lane.";
    SKIPPED = "counter" "sce_ingest_skipped_batches_total" "Batches that probes reported lost and skipped, by probe and lane.";
    REWINDS = "counter" "sce_ingest_rewinds_total" "Times a probe was asked to send again, by probe and lane.";
    CLAIMS = "counter" "sce_ingest_streams_opened_total" "Streams opened, by probe and lane; a fast rise means reconnects.";
    TAKEOVERS = "counter" "sce_ingest_takeovers_total" "Streams taken over while another session was alive, by probe and lane; a fast rise means two probes share an identity.";
    REFUSED = "counter" "sce_ingest_refused_total" "Streams refused, by reason.";
    CONNECTIONS = "gauge" "sce_connections" "Open connections to the gRPC address.";
    CONNECTIONS_REFUSED = "counter" "sce_connections_refused_total" "Connections refused or closed, by reason: limits, idleness, certificates.";
    DENIED = "counter" "sce_access_denied_total" "Requests refused, by service and reason.";
    ENROLLED = "counter" "sce_enrolments_total" "Enrolments and renewals, by outcome.";
    THROTTLED = "counter" "sce_ingest_throttled_seconds_total" "Time that streams were made to wait because they were too fast, by probe and lane.";
    STREAMS = "gauge" "sce_ingest_streams" "Open streams.";
    COMMIT_SECONDS = "histogram" "sce_commit_seconds" "Time of a group commit.";
    ACK_SECONDS = "histogram" "sce_ack_seconds" "Time from the arrival of a batch to its acknowledgement.";
    COMMIT_FAILURES = "counter" "sce_commit_failures_total" "Group commits that failed and were tried again.";
    MEMORY = "gauge" "sce_ingest_memory_bytes" "Bytes of batches in memory, as reserved.";
    DATABASE = "gauge" "sce_database_bytes" "Bytes the database takes on disk.";
    RETAINED = "counter" "sce_retention_rows_total" "Rows deleted by retention.";
    QUERIES = "counter" "sce_queries_total" "Queries by view and outcome.";
    QUERY_SECONDS = "histogram" "sce_query_seconds" "Time to answer a query.";
    ROLLUPS = "counter" "sce_rollup_buckets_total" "Buckets of flow records that were summed, by length in seconds.";
    ROLLUP_SECONDS = "histogram" "sce_rollup_seconds" "Time to sum a bucket.";
    READY = "gauge" "sce_ready" "1 if the database takes writes.";
}

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    values: Mutex<BTreeMap<Metric, BTreeMap<String, Value>>>,
}

impl Default for Metrics {
    /// What has no labels begins with zero, so that a rate sees its first step.
    fn default() -> Metrics {
        let metrics = Metrics { values: Mutex::default() };
        for metric in [COMMIT_FAILURES, RETAINED] {
            metrics.add(metric, &[], 0.0);
        }
        metrics
    }
}

#[derive(Debug, Default)]
struct Value {
    number: f64,
    count: u64,
    buckets: [u64; BOUNDS.len()],
}

impl Metrics {
    /// Adds to a counter or gauge.
    pub fn add(&self, metric: Metric, labels: &[(&str, &str)], by: f64) {
        self.change(metric, labels, |v| v.number += by);
    }

    /// Sets a gauge.
    pub fn set(&self, metric: Metric, labels: &[(&str, &str)], to: f64) {
        self.change(metric, labels, |v| v.number = to);
    }

    /// Adds a value to a histogram.
    pub fn observe(&self, metric: Metric, seconds: f64) {
        self.change(metric, &[], |v| {
            v.number += seconds;
            v.count += 1;
            let buckets = v.buckets.iter_mut().zip(BOUNDS);
            buckets.filter(|(_, bound)| seconds <= *bound).for_each(|(n, _)| *n += 1);
        });
    }

    fn change(&self, metric: Metric, labels: &[(&str, &str)], change: impl FnOnce(&mut Value)) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        change(values.entry(metric).or_default().entry(text(labels)).or_default());
    }

    /// The text of `/metrics`.
    #[must_use]
    pub fn render(&self) -> String {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        for (Metric { name, kind, help }, series) in values.iter() {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in series {
                if *kind == "histogram" {
                    for (bound, n) in BOUNDS.iter().zip(value.buckets) {
                        let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {n}");
                    }
                    let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {}", value.count);
                    let _ = writeln!(out, "{name}_sum {}\n{name}_count {}", value.number, value.count);
                } else {
                    let _ = writeln!(out, "{name}{labels} {}", value.number);
                }
            }
        }
        out
    }
}

fn text(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escape = |v: &str| v.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escape(v))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_buckets_cumulate() {
        let m = Metrics::default();
        m.add(BATCHES, &[("probe", "a\"b\\\n")], 2.0);
        m.observe(COMMIT_SECONDS, 0.002);
        m.observe(COMMIT_SECONDS, 9.0);
        let text = m.render();
        assert!(text.contains("sce_ingest_batches_total{probe=\"a\\\"b\\\\\\n\"} 2\n"), "{text}");
        assert!(text.contains("sce_commit_seconds_bucket{le=\"0.001\"} 0\n"), "{text}");
        assert!(text.contains("sce_commit_seconds_bucket{le=\"0.0025\"} 1\n"), "{text}");
        assert!(text.contains("sce_commit_seconds_bucket{le=\"+Inf\"} 2\n"), "{text}");
    }
}
