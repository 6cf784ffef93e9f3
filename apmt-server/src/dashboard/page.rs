//! What every page has: its frame, its headers, and errors as pages.

use std::convert::Infallible;

use apmt_core::Timestamp;
use askama::Template;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::assets;
use super::words::instant;
use crate::http::Caller;
use crate::http::problem::Problem;
use crate::keys::Scope;

/// Nothing but what this server has itself, and no script or style within a page: what a hostile name would bring is
/// not run even where it were not escaped.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Under which path of the server the pages are: empty where the router is mounted at its root.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    path: String,
    /// By which key the visitor is signed in, where the server has keys.
    signed_in: Option<String>,
    /// Whether the visitor may start and close plans.
    supervises: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let OriginalUri(original) = OriginalUri::from_request_parts(parts, state).await?;
        let caller = parts.extensions.get::<Caller>();
        let signed_in = caller.and_then(Caller::key).map(|key| key.name().to_owned());
        let supervises = caller.is_some_and(|caller| caller.scope().includes(Scope::Supervise));
        Ok(Self { path: Self::between(original.path(), parts.uri.path()), signed_in, supervises })
    }
}

impl Base {
    /// What comes before the router's own path.
    fn between(original: &str, own: &str) -> String {
        let base = original.strip_suffix(own).or_else(|| original.strip_suffix(own.trim_end_matches('/')));
        base.unwrap_or_default().trim_end_matches('/').to_owned()
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A problem as a page.
    pub(super) fn failure(&self, problem: impl Into<Problem>) -> Failure {
        Failure { base: self.clone(), problem: problem.into() }
    }
}

/// The frame of a page.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) title: String,
    /// What every link begins with.
    pub(super) base: String,
    pub(super) css: String,
    pub(super) script: String,
    pub(super) signed_in: Option<String>,
    pub(super) supervises: bool,
}

impl Shell {
    pub(super) fn new(base: &Base, title: impl Into<String>) -> Self {
        let Base { path: base, signed_in, supervises } = base;
        let asset = |asset: &assets::Asset| format!("{base}/assets/{}", asset.file());
        Self {
            title: title.into(),
            css: asset(&assets::STYLE),
            script: asset(&assets::SCRIPT),
            base: base.clone(),
            signed_in: signed_in.clone(),
            supervises: *supervises,
        }
    }
}

/// An instant on a page: for machines, and for people until the script puts it into their zone.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub(super) machine: String,
    pub(super) words: String,
}

impl Moment {
    pub(super) fn of(at: Timestamp) -> Self {
        Self { machine: at.to_string(), words: instant(at) }
    }
}

/// A page as an answer.
pub(super) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(page) => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            let policy = HeaderValue::from_static(POLICY);
            let referrer = HeaderValue::from_static("same-origin");
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_SECURITY_POLICY, policy),
                (header::REFERRER_POLICY, referrer),
                (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            ];
            (headers, page).into_response()
        }
        Err(error) => {
            let detail = format!("the page cannot be written: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
        }
    }
}

/// Sends a browser on, so that loading the page again sends nothing again.
pub(super) fn see_other(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// What a page ends in that cannot be shown: a page that says why.
#[derive(Debug)]
pub(super) struct Failure {
    base: Base,
    problem: Problem,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Page<'a> {
    shell: Shell,
    heading: &'a str,
    detail: &'a str,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.problem.status();
        let heading = match status {
            StatusCode::BAD_REQUEST => "This address asks for something that there is not",
            StatusCode::FORBIDDEN => "This is not allowed",
            StatusCode::NOT_FOUND => "There is nothing here",
            StatusCode::CONFLICT => "This is no longer so",
            StatusCode::SERVICE_UNAVAILABLE => "The record cannot be read right now",
            _ => "This page cannot be shown",
        };
        let page = Page { shell: Shell::new(&self.base, heading), heading, detail: self.problem.detail() };
        let mut response = html(&page);
        *response.status_mut() = status;
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_where_the_router_is_mounted() {
        let base = |original, own| Base::between(original, own);
        assert_eq!(base("/", "/"), "");
        assert_eq!(base("/actor", "/actor"), "");
        assert_eq!(base("/apmt", "/"), "/apmt");
        assert_eq!(base("/apmt/", "/"), "/apmt");
        assert_eq!(base("/apmt/actor", "/actor"), "/apmt");
    }
}
