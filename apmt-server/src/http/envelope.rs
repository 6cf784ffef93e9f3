//! What is around every request: its id, its line in the log, and the headers of its answer.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id, and the answer what every answer has.
pub(crate) async fn envelope(mut request: Request, next: Next) -> Response {
    let sent = request.headers().get(&REQUEST_ID).filter(|id| is_fit(id)).cloned();
    let id = sent.unwrap_or_else(new_id);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    // The route and not the path: a path names people, and logs are read by many.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = %request.method(),
        route
    );
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| {
        let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros());
        tracing::debug!(status, micros, "answered");
    });
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    // Dossiers are about people: nothing on the way keeps them, and no browser takes them for anything else.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Whether an id can be repeated in headers and logs as it is.
fn is_fit(id: &HeaderValue) -> bool {
    (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn new_id() -> HeaderValue {
    HeaderValue::from_str(&Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("none"))
}
