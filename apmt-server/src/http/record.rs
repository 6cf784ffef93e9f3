//! One event.

use apmt_core::event::MAX_EVENT_BYTES;
use apmt_core::{Event, Invalid};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::params::Params;
use super::problem::Problem;
use super::{App, body, json};

#[derive(Serialize)]
struct Stored {
    ok: bool,
    stored_id: Uuid,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// `POST /event`.
pub(crate) async fn event(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let body = body::read(&headers, body, "event", MAX_EVENT_BYTES).await?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Invalid::missing("event", "is missing: the body must be a JSON object").into());
    }
    let receipt = app.client.record_event(Event::from_json(&body)?).await?;
    json(&Stored { ok: true, stored_id: receipt.id, duplicate: receipt.duplicate })
}
