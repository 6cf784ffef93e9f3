//! What other sites' pages may not do.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Refuses what a browser sends for another site's page, unless it only reads: such a page cannot read the answer, but
/// what it sends would be recorded, and it reaches a server that only this machine can.
pub(super) async fn own_pages_only(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // Browsers say it of themselves, and no page can change it; other programs do not say it.
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    if reads || !matches!(site, Some(b"cross-site" | b"same-site")) {
        return next.run(request).await;
    }
    let detail =
        "pages of other sites may not record events: send them from a program, or from a page of this server";
    Problem::new(StatusCode::FORBIDDEN, detail).into_response()
}
