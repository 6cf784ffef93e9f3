//! One event.

use apmt_core::event::{MAX_EVENT_BYTES, MAX_EXPORTED_BYTES};
use apmt_core::{Event, Invalid, Receipt};
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::{Caller, may_record};
use super::cloudevents::CloudEvent;
use super::params::Params;
use super::problem::Problem;
use super::{App, body, cloudevents, json};

#[derive(Serialize, ToSchema)]
#[schema(as = Stored)]
struct Answer {
    ok: bool,
    stored_id: Uuid,
    /// There, and true, where an event of that id was stored already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// Records an event.
///
/// When this answers 200, the event is stored, and survives a crash. The body is read as JSON whatever its content type
/// says, but for CloudEvents, which say so. It may be packed with gzip or zstd.
#[utoipa::path(
    post, path = "/event", operation_id = "record_event", tag = "recording",
    request_body(content(
        (Event = "application/json"),
        (CloudEvent = "application/cloudevents+json"),
    )),
    responses((status = 200, description = "It is stored, now or before.", body = Answer)),
)]
pub(crate) async fn event(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let (Parts { uri, headers, .. }, body) = request.into_parts();
    Params::of(&uri, &[])?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let cloud_event = content_type.is_some_and(cloudevents::is_meant);
    // Neither what a CloudEvent says around its event counts, nor the id and the instant that whoever passes an event on
    // has given it: the event has its own limit.
    let limit = if cloud_event { 2 * MAX_EVENT_BYTES } else { MAX_EXPORTED_BYTES };
    let body = body::read(&app, &headers, body, "event", limit).await?;
    let event = if cloud_event { cloudevents::read(&body) } else { plain(&body) };
    let recorded = match event {
        Ok(event) => record(&app, &caller, event).await,
        Err(invalid) if invalid.field() == "event" && body.len() > MAX_EVENT_BYTES => {
            Err(Problem::too_large(invalid))
        }
        Err(invalid) => Err(invalid.into()),
    };
    let receipt = recorded.inspect_err(|problem| app.metrics.rejected(usize::from(problem.is_invalid())))?;
    json(&Answer { ok: true, stored_id: receipt.id, duplicate: receipt.duplicate })
}

async fn record(app: &App, caller: &Caller, event: Event) -> Result<Receipt, Problem> {
    may_record(caller.scope(), &event).map_err(Problem::forbidden)?;
    Ok(app.record_event(event).await?)
}

fn plain(body: &[u8]) -> Result<Event, Invalid> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Invalid::missing("event", "is missing: the body must be a JSON object"));
    }
    Event::from_json(body)
}
