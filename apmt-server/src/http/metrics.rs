//! What the service counts and times: `GET /metrics`, as OpenMetrics text, which Prometheus reads.
//!
//! | metric | labels | what |
//! |---|---|---|
//! | `apmt_http_requests_total` | `method`, `route`, `status` | requests; those whose client went away before its answer have the status `canceled` |
//! | `apmt_http_request_duration_seconds` | `method`, `route` | from the request's head to the answer's |
//! | `apmt_http_requests_in_flight` | | requests that are not answered yet |
//! | `apmt_http_request_body_bytes_total` | | bytes of the bodies that were read, as they were sent |
//! | `apmt_events_total` | `outcome` | events that requests brought: `stored`, `duplicate`, `rejected` |
//! | `apmt_append_duration_seconds`, `apmt_dossier_duration_seconds` | | how long the store took |
//! | `apmt_queue_events` | | events in the client's queue |
//! | `apmt_queue_losses_total` | `reason` | events that the queue lost |
//! | `apmt_live_connections` | | listeners to live push |
//! | `apmt_store_up`, `apmt_log_position` | | whether the store answers, and its newest position |
//! | `apmt_build_info` | `version` | always 1 |
//! | `process_start_time_seconds` | | when the service was made, in seconds since 1970 |
//!
//! A route is a template such as `/dossier/{actor}`, and `none` for what is not there: no label names a person, and their
//! number is bounded.

mod queue;
mod requests;

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apmt_client::Client;
use apmt_core::{Event, Receipt, Result};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::App;
use super::problem::Problem;
pub(super) use requests::Requests;

/// How long a scrape waits for the store to say where it stands.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// Upper bounds in seconds: from a dossier out of memory to the longest that a request may take.
const SECONDS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// All that is counted and timed.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(super) requests: Requests,
    received: Counter,
    stored: Counter,
    duplicates: Counter,
    rejected: Counter,
    append: Histogram,
    dossier: Histogram,
    live_connections: Gauge,
    store_up: Gauge,
    position: Gauge<u64, AtomicU64>,
}

impl Metrics {
    /// The metrics of a service with these routes, and of that client's queue.
    pub(super) fn new(client: Client, routes: impl IntoIterator<Item = String>) -> Self {
        let mut whole = Registry::default();
        let started: Gauge<f64, AtomicU64> = Gauge::default();
        started.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        whole.register("process_start_time_seconds", "When the service was made", started);

        let registry = whole.sub_registry_with_prefix("apmt");
        let requests = Requests::new(registry, routes);
        let received = Counter::default();
        registry.register("http_request_body_bytes", "Bytes of bodies, as they were sent", received.clone());
        let events = Family::<Outcome, Counter>::default();
        registry.register("events", "Events that requests brought", events.clone());
        let of = |outcome| events.get_or_create_owned(&Outcome { outcome });
        let (append, dossier) = (seconds(), seconds());
        registry.register("append_duration_seconds", "How long the store took to append", append.clone());
        registry.register("dossier_duration_seconds", "How long a dossier took", dossier.clone());
        let live_connections = Gauge::default();
        registry.register("live_connections", "Listeners to live push", live_connections.clone());
        let (store_up, position) = (Gauge::default(), Gauge::default());
        registry.register("store_up", "Whether the store answers", store_up.clone());
        registry.register("log_position", "The newest position of the log", position.clone());
        registry.register("build", "This build", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register_collector(Box::new(queue::Queue(client)));
        Self {
            stored: of("stored"),
            duplicates: of("duplicate"),
            rejected: of("rejected"),
            registry: whole,
            requests,
            received,
            append,
            dossier,
            live_connections,
            store_up,
            position,
        }
    }

    /// Counts the bytes of a body.
    pub(super) fn received(&self, bytes: usize) {
        self.received.inc_by(bytes as u64);
    }

    /// Counts events that break a rule.
    pub(super) fn rejected(&self, events: usize) {
        self.rejected.inc_by(events as u64);
    }
}

/// Work on the store, timed.
impl App {
    /// Records an event.
    pub(crate) async fn record_event(&self, event: Event) -> Result<Receipt> {
        let receipt = timed(&self.metrics.append, self.client.record_event(event)).await?;
        self.count(std::slice::from_ref(&receipt));
        Ok(receipt)
    }

    /// Records all of the events, or none.
    pub(super) async fn record_events(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        let receipts = timed(&self.metrics.append, self.client.record_events(events)).await?;
        self.count(&receipts);
        Ok(receipts)
    }

    fn count(&self, receipts: &[Receipt]) {
        let duplicates = receipts.iter().filter(|receipt| receipt.duplicate).count() as u64;
        self.metrics.duplicates.inc_by(duplicates);
        self.metrics.stored.inc_by(receipts.len() as u64 - duplicates);
    }

    /// Waits for a dossier, or for a page of them.
    pub(super) async fn dossier_timed<T>(&self, dossier: impl Future<Output = T>) -> T {
        timed(&self.metrics.dossier, dossier).await
    }
}

async fn timed<T>(histogram: &Histogram, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let done = work.await;
    histogram.observe(started.elapsed().as_secs_f64());
    done
}

/// What the service counts and times, as OpenMetrics text.
///
/// Routes are templates: nothing in it names a person or a case.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "operations",
    responses((
        status = 200,
        description = "OpenMetrics 1.0, which Prometheus reads.",
        content_type = "application/openmetrics-text",
        body = String,
    )),
)]
pub(super) async fn metrics(State(app): State<App>) -> std::result::Result<Response, Problem> {
    let metrics = &app.metrics;
    match tokio::time::timeout(STORE_PATIENCE, app.client.status()).await {
        Ok(Ok(status)) => {
            metrics.store_up.set(1);
            metrics.position.set(status.position);
        }
        Ok(Err(_)) | Err(_) => {
            metrics.store_up.set(0);
        }
    }
    metrics.live_connections.set(i64::try_from(app.lives.count()).unwrap_or(i64::MAX));
    let mut page = String::new();
    text::encode(&mut page, &metrics.registry).map_err(|_| {
        Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written")
    })?;
    Ok(([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], page)
        .into_response())
}
