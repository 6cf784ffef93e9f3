//! What is around every request: its id, its line in the log, what no caller may ask, and the headers of its answer.

use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, NestedPath, Request};
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

use super::around::{Around, Inside, Rest};
use super::problem::Problem;
use super::{App, hosts, origin};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id and counts it, and gives the answer what every answer has. A handler that panics is answered
/// for.
#[derive(Clone)]
pub(super) struct Envelope(pub(super) App);

impl Around for Envelope {
    async fn around<S: Inside>(self, mut request: Request, rest: Rest<S>) -> Response {
        let Self(app) = self;
        let sent = request.headers().get(&REQUEST_ID).filter(|id| is_fit(id)).cloned();
        let id = sent.unwrap_or_else(new_id);
        request.headers_mut().insert(REQUEST_ID, id.clone());
        let timed = app.metrics.requests.start(request.method(), template(request.extensions()));
        // The route and not the path: a path names people, and logs are read by many.
        // Of the highest level, so that whatever is logged has it.
        let span = tracing::error_span!(
            "request",
            request_id = id.to_str().unwrap_or_default(),
            method = request.method().as_str(),
            route = timed.route()
        );
        let allowed = hosts::known_hosts_only(&app, &request).and_then(|()| origin::own_pages_only(&request));
        let mut response = match allowed {
            Ok(()) => {
                let answered =
                    AssertUnwindSafe(rest.run(request)).catch_unwind().instrument(span.clone()).await;
                answered.unwrap_or_else(|panic| span.in_scope(|| panicked(&*panic)))
            }
            Err(problem) => problem.into_response(),
        };
        let status = response.status();
        let took = timed.answered(status);
        span.in_scope(|| {
            let ms = (took.as_secs_f64() * 1e6).round() / 1e3;
            tracing::info!(status = status.as_u16(), ms, "answered");
        });
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id);
        // Dossiers are about people: nothing on the way keeps them (files that belong to the program say otherwise), and no browser takes them for anything else.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    tracing::error!(said = crate::log::said(panic), "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the server met a defect of its own; its log says more")
        .into_response()
}

/// The template of the request's route, without the path that the router is nested under.
fn template(extensions: &Extensions) -> Option<&str> {
    let path = extensions.get::<MatchedPath>()?.as_str();
    let nested = extensions.get::<NestedPath>().map_or("", NestedPath::as_str);
    path.strip_prefix(nested)
}

/// Whether an id can be repeated in headers and logs as it is.
fn is_fit(id: &HeaderValue) -> bool {
    (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn new_id() -> HeaderValue {
    HeaderValue::from_str(&Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("none"))
}
