//! Spans of the collector, sent to whatever speaks OTLP over gRPC (Jaeger, Tempo, an OpenTelemetry collector).
//!
//! In: the spans that the collector opens for questions and commits, and the standard variables of OpenTelemetry
//! (`OTEL_EXPORTER_OTLP_ENDPOINT` and its kin). Out: batches of spans. Where no endpoint is named nothing is sent and nothing
//! is made. It must not hold up what it traces: a receiver that is away costs spans, which are counted nowhere.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

/// Variables that name a receiver; the standard's default, this host, is taken only if it is named.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// Time for the last spans to be sent.
const GOODBYE: Duration = Duration::from_secs(2);

/// The way to a receiver.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent: {0}; see the variables OTEL_EXPORTER_OTLP_*")]
pub struct TracesError(#[from] ExporterBuildError);

impl Traces {
    /// The way that the environment names; `None` where it names none, or says `OTEL_SDK_DISABLED=true`. Must be called within
    /// the runtime that will carry the connection.
    ///
    /// # Errors
    /// If the endpoint is not an address, or asks for what is not built in.
    pub fn from_environment(service: &'static str) -> Result<Option<Traces>, TracesError> {
        let told = |name: &str| std::env::var(name).unwrap_or_default();
        if told("OTEL_SDK_DISABLED").eq_ignore_ascii_case("true") || ENDPOINTS.iter().all(|name| told(name).is_empty())
        {
            return Ok(None);
        }
        // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are read by the builder; this is what they would leave unknown.
        let mut resource = Resource::builder();
        if told("OTEL_SERVICE_NAME").is_empty() && !told("OTEL_RESOURCE_ATTRIBUTES").contains("service.name=") {
            resource = resource.with_service_name(service);
        }
        let exporter = SpanExporter::builder().with_tonic().build()?;
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
        Ok(Some(Traces { provider }))
    }

    /// What takes the spans of the crates named, whatever level the log has.
    pub fn layer<S>(&self, crates: &[&str]) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let spans = tracing_opentelemetry::layer().with_tracer(self.provider.tracer("sce"));
        let ours = Targets::new().with_targets(crates.iter().map(|name| ((*name).to_owned(), LevelFilter::DEBUG)));
        spans.with_location(false).with_threads(false).with_filter(ours)
    }

    /// Sends what is left, for a short while. The runtime must still run, and this must not be one of its tasks.
    pub fn finish(self) {
        // A receiver that is away is no reason to end otherwise.
        let _ = self.provider.shutdown_with_timeout(GOODBYE);
    }
}
