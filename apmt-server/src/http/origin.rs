//! What other sites' pages may not do.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Refuses what a browser sends for another site's page, unless it only reads: such a page cannot read the answer, but
/// what it sends would be recorded, and it reaches a server that only this machine can.
pub(super) async fn own_pages_only(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // Browsers say it of themselves, and no page can change it; other programs do not say it.
    if reads || !matches!(site(request.headers()), Some(b"cross-site" | b"same-site")) {
        return next.run(request).await;
    }
    foreign().into_response()
}

/// Whether a browser says that the request is from a page of this server: by `Sec-Fetch-Site`, which no page can
/// change, or by an `Origin` that is the request's own host. Other programs say neither.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    site(headers).map_or_else(|| origin(headers) == Some(true), |site| site == b"same-origin")
}

/// Whether a browser says that the request is from a page that is not this server's.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    (site(headers).is_some() || headers.contains_key(header::ORIGIN)) && !is_own(headers)
}

pub(super) fn foreign() -> Problem {
    let detail =
        "pages of other sites may not record events: send them from a program, or from a page of this server";
    Problem::new(StatusCode::FORBIDDEN, detail)
}

fn site(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get("sec-fetch-site").map(HeaderValue::as_bytes)
}

/// Whether `Origin`, where it was sent, is the host that was asked.
fn origin(headers: &HeaderMap) -> Option<bool> {
    let origin = headers.get(header::ORIGIN)?.as_bytes();
    let authority = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    Some(authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host)))
}
