//! The service described by itself: `GET /openapi.json`, OpenAPI 3.1, made of what stands beside each handler.
//!
//! A route is added with its description or not at all ([`OpenApiRouter`](utoipa_axum::router::OpenApiRouter)). What all
//! operations have in common is added here: who may ask, the answers of errors, the headers of every answer.

pub(super) mod parameters;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr};
use utoipa::{OpenApi as _, ToSchema};

use super::App;
use super::problem::ProblemDetails;

/// The name of the session cookie that the dashboard's sign-in sets.
const COOKIE: &str = "apmt_session";

/// What may go wrong with any operation on data.
const OF_DATA: &[u16] = &[400, 500, 501, 502, 503];
/// What may go wrong besides with one that takes a body.
const OF_BODIES: &[u16] = &[413, 415];
/// What may go wrong with one that asks for a key.
const OF_KEYS: &[u16] = &[401, 403, 429];
/// What may go wrong with live push.
const OF_LIVE: &[u16] = &[400, 403, 426];
/// What may go wrong with the rest.
const OF_ANY: &[u16] = &[500, 503];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "APMT",
        description = "The Accountability & Performance Metrics Tracker: events in, dossiers out. Every error is \
                       application/problem+json (RFC 9457), 404 and 405 included.",
    ),
    tags(
        (name = "recording", description = "What happened."),
        (name = "dossiers", description = "What it comes to for whoever did it."),
        (name = "evidence", description = "What the numbers are made of."),
        (name = "seal", description = "What shows that nothing was changed since."),
        (name = "plans", description = "Improvement plans, and the notices that opened them."),
        (name = "stores", description = "What the remote store asks for besides."),
        (name = "sessions", description = "Browsers sign in with a key, and have a cookie from then on."),
        (name = "operations", description = "Whether the server lives, and how it does."),
    ),
    components(schemas(ProblemDetails<'_>))
)]
struct Document;

/// The whole document: of the routes to data, and of the others.
pub(super) fn document(mut data: OpenApi, mut others: OpenApi) -> OpenApi {
    for operation in operations(&mut data) {
        fail_with(operation, OF_DATA);
        if operation.request_body.is_some() {
            fail_with(operation, OF_BODIES);
        }
    }
    for operation in operations(&mut others) {
        fail_with(operation, OF_ANY);
        if operation.operation_id.as_deref() == Some(super::live::OPERATION) {
            fail_with(operation, OF_LIVE);
        }
    }
    let mut document = Document::openapi();
    document.merge(data);
    document.merge(others);
    for operation in operations(&mut document) {
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                response.headers.insert("x-request-id".to_owned(), request_id());
                debug_assert!(status.starts_with('2'), "errors are shared");
            }
        }
    }
    let components = document.components.get_or_insert_default();
    for status in OF_DATA.iter().chain(OF_BODIES).chain(OF_KEYS).chain(OF_LIVE).chain(&[404]) {
        components.responses.insert(status.to_string(), RefOr::T(problem(*status)));
    }
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A key of this server's."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    let cookie = ApiKeyValue::with_description(COOKIE, "The session of somebody who signed in.");
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    document
}

/// Says of all operations that they ask for a key, where the server has keys.
pub(super) fn ask_for_key(described: &mut OpenApi) {
    for operation in operations(described) {
        fail_with(operation, OF_KEYS);
        // Any of the three: a server without keys asks for none.
        let none: [&str; 0] = [];
        operation.security = Some(vec![
            SecurityRequirement::default(),
            SecurityRequirement::new("bearer", none),
            SecurityRequirement::new("cookie", none),
        ]);
    }
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document
        .paths
        .paths
        .values_mut()
        .flat_map(|item| [&mut item.get, &mut item.post, &mut item.delete])
        .filter_map(Option::as_mut)
}

/// Adds answers of errors where the operation has none of its own.
fn fail_with(operation: &mut Operation, statuses: &[u16]) {
    for status in statuses.iter().map(u16::to_string) {
        let shared = RefOr::Ref(Ref::from_response_name(&status));
        operation.responses.responses.entry(status).or_insert(shared);
    }
}

fn request_id() -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(ObjectBuilder::new().schema_type(Type::String).max_length(Some(128)))
        .description(Some("The id that the request was sent with, or a new one."))
        .build()
}

/// The answer of that status that operations share.
fn problem(status: u16) -> utoipa::openapi::Response {
    let description = match status {
        400 => "What was sent breaks a rule: `field`, `value` and `rule` say which.",
        401 => "No key, or none that this server knows.",
        403 => "The key may not do this, the store may only be read, or a page of another site asks.",
        404 => "It is not there.",
        413 => "Over 64 KiB for an event, or over 10,000 events or 16 MiB for a batch, once unpacked.",
        415 => "The body is packed with something else than gzip or zstd.",
        426 => "Ask for a WebSocket or for server-sent events.",
        429 => "Too many requests: come back after `Retry-After`.",
        501 => "The store does not do that.",
        502 => "The store is another server, which does not let this one in.",
        503 => {
            "It may succeed later: come back after `Retry-After`. Sending under the same ids again is safe."
        }
        _ => "The server could not do it; its log says more.",
    };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDetails::name()))).build();
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .header("x-request-id", request_id());
    if matches!(status, 429 | 503) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        response = response.header(
            "Retry-After",
            HeaderBuilder::new().schema(seconds).description(Some("Seconds to wait.")).build(),
        );
    }
    response.build()
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json", body = Object)),
)]
pub(super) async fn openapi(State(app): State<App>) -> Response {
    ([("content-type", "application/json")], app.document.clone()).into_response()
}

/// The document as it is sent.
pub(super) fn written(document: &OpenApi) -> Bytes {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    unlink(&mut document);
    document.to_string().into()
}

/// Takes rustdoc's links out of the descriptions, which lead nowhere outside of it.
fn unlink(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => *text = without_links(text),
                    other => unlink(other),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(unlink),
        _ => {}
    }
}

/// ``[`name`](path)`` and ``[`name`]`` become `` `name` ``.
fn without_links(text: &str) -> String {
    let mut parts = text.split("[`");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push('`');
        match part.split_once("`]") {
            Some((name, rest)) => {
                let rest = rest
                    .strip_prefix('(')
                    .and_then(|rest| rest.split_once(')'))
                    .map_or(rest, |(_, rest)| rest);
                clean.extend([name, "`", rest]);
            }
            None => clean.push_str(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    #[test]
    fn links_of_rustdoc_are_taken_out() {
        let text = "Whether [`status`](Self::status) is [`Pip`]: see [1](x) and `y`.";
        assert_eq!(super::without_links(text), "Whether `status` is `Pip`: see [1](x) and `y`.");
    }
}
