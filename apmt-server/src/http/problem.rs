//! Errors as RFC 9457 has them: `application/problem+json`.

use std::collections::BTreeMap;

use apmt_core::{Error, ErrorKind, Invalid};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// An error as an answer.
#[derive(Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    detail: String,
    kind: Option<ErrorKind>,
    invalid: Option<Invalid>,
    missing: Option<&'static str>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// An error, as RFC 9457 has it.
#[derive(Serialize)]
pub(crate) struct ProblemDetails<'a> {
    // The standard's word for: the status says it all.
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'static str>,
    #[serde(flatten)]
    invalid: Option<&'a Invalid>,
}

impl PartialSchema for ProblemDetails<'_> {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let whole = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let kinds = ErrorKind::ALL.iter().map(|kind| kind.name());
        let object = ObjectBuilder::new()
            .description(Some(
                "An error, as RFC 9457 has it. `field`, `rule` and what follows say what is invalid.",
            ))
            .property("type", text().enum_values(Some(["about:blank"])))
            .property("title", text().description(Some("The status in words.")))
            .property("status", whole().minimum(Some(400)).maximum(Some(599)))
            .property("detail", text().description(Some("What happened, and what to do.")))
            .property("kind", text().enum_values(Some(kinds)))
            .property(
                "missing",
                text()
                    .enum_values(Some(["event", "checkpoint", "proof"]))
                    .description(Some("What is not there.")),
            )
            .property("field", text().description(Some("Which field or parameter breaks a rule.")))
            .property("value", text().description(Some("What was sent, shortened where it is long.")))
            .property("rule", text().description(Some("The rule that it breaks.")))
            .property("nearest", text().description(Some("The known name nearest to what was sent.")))
            .property("index", whole().description(Some("Which event of a batch it is, from 0.")));
        ["type", "title", "status", "detail"].into_iter().fold(object, ObjectBuilder::required).into()
    }
}

impl ToSchema for ProblemDetails<'_> {}

/// Says of an operation that what it is asked for may not be there.
pub(crate) struct NotFound;

impl IntoResponses for NotFound {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        [("404".to_owned(), Ref::from_response_name("404").into())].into()
    }
}

/// Says of an operation without a key that it may not let its caller do it: for want of keys, for the key that was sent,
/// for the page that sent it, or for too many tries.
pub(crate) struct SignInRefused;

impl IntoResponses for SignInRefused {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let shared = |status: &str| (status.to_owned(), Ref::from_response_name(status).into());
        ["401", "403", "404", "429"].map(shared).into()
    }
}

/// Says of an operation without a key that it refuses other sites' pages.
pub(crate) struct ForeignPage;

impl IntoResponses for ForeignPage {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        [("403".to_owned(), Ref::from_response_name("403").into())].into()
    }
}

impl Problem {
    /// A problem of that status; the detail says what happened and what to do.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            detail: detail.into(),
            kind: None,
            invalid: None,
            missing: None,
            header: None,
        }))
    }

    /// Something that could be there is not: so a caller can tell it from a path that this server does not have.
    pub(crate) fn missing(what: &'static str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::NOT_FOUND, detail);
        problem.0.missing = Some(what);
        problem
    }

    /// Something that was sent breaks a rule.
    pub(crate) fn invalid(invalid: Invalid) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, invalid.to_string());
        problem.0.kind = Some(ErrorKind::Invalid);
        problem.0.invalid = Some(invalid);
        problem
    }

    /// Something that was sent is too much.
    pub(crate) fn too_large(invalid: Invalid) -> Self {
        let mut problem = Self::invalid(invalid);
        problem.0.status = StatusCode::PAYLOAD_TOO_LARGE;
        problem
    }

    /// The same call may succeed later.
    pub(crate) fn later(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        problem.0.kind = Some(kind);
        problem
    }

    /// Whether something that was sent breaks a rule, on who may send it for one.
    pub(crate) fn is_invalid(&self) -> bool {
        self.0.kind == Some(ErrorKind::Invalid) || self.0.invalid.is_some()
    }

    /// The caller is not let in, or not to this.
    pub(crate) fn unauthorized(status: StatusCode, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(status, detail);
        problem.0.kind = Some(ErrorKind::Unauthorized);
        problem
    }

    /// What was sent breaks no rule but one on who may send it.
    pub(crate) fn forbidden(invalid: Invalid) -> Self {
        let mut problem = Self::unauthorized(StatusCode::FORBIDDEN, invalid.to_string());
        problem.0.invalid = Some(invalid);
        problem
    }

    /// The same problem under another status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What happened, and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The same problem with a header of its answer.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// What its JSON says.
    pub(crate) fn details(&self) -> ProblemDetails<'_> {
        let Inner { status, detail, kind, invalid, missing, .. } = &*self.0;
        ProblemDetails {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            kind: kind.map(ErrorKind::name),
            missing: *missing,
            invalid: invalid.as_ref(),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::invalid(invalid)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Some(invalid) = error.invalid() {
            return Self::invalid(invalid.clone());
        }
        let (status, kind) = match error.kind() {
            ErrorKind::Invalid => (StatusCode::BAD_REQUEST, ErrorKind::Invalid),
            // The caller's own store is not closed: this server is on its way down.
            ErrorKind::Closed => (StatusCode::SERVICE_UNAVAILABLE, ErrorKind::Unavailable),
            kind if error.is_temporary() => (StatusCode::SERVICE_UNAVAILABLE, kind),
            ErrorKind::ReadOnly => (StatusCode::FORBIDDEN, ErrorKind::ReadOnly),
            ErrorKind::Unsupported => (StatusCode::NOT_IMPLEMENTED, ErrorKind::Unsupported),
            // It is this server that another one does not let in.
            ErrorKind::Unauthorized => (StatusCode::BAD_GATEWAY, ErrorKind::Unauthorized),
            kind => (StatusCode::INTERNAL_SERVER_ERROR, kind),
        };
        if status.is_server_error() {
            tracing::warn!(%error, %kind, "the store could not do what it was asked");
        }
        let mut problem = Self::new(status, error.to_string());
        problem.0.kind = Some(kind);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.details()).unwrap_or_default();
        let Inner { status, header, .. } = *self.0;
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
