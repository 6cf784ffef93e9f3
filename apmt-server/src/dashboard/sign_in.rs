//! `/sign-in` and `/sign-out`, where the server has keys: a session for a browser, by forms that need no script.

use std::net::SocketAddr;

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::page::{Base, Shell, html, see_other};
use super::words::encoded;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::session;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    shell: Shell,
    /// Where to go on to, as a query has it.
    next: String,
    /// Why the visitor was not let in.
    refused: Option<String>,
}

/// Shows whoever is not let in where to sign in; whoever may not read, why.
pub(crate) async fn to_sign_in(
    base: Base,
    OriginalUri(asked): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let reads = *request.method() == Method::GET;
    let response = next.run(request).await;
    match response.status() {
        StatusCode::UNAUTHORIZED if reads => {
            let asked = asked.path_and_query().map_or("", |asked| asked.as_str());
            see_other(&format!("{}/sign-in?next={}", base.path(), encoded(asked)))
        }
        StatusCode::UNAUTHORIZED if is_of_api(&response) => {
            let detail =
                "Your session has ended, and nothing was recorded. Sign in, and fill in the form again.";
            let mut page = base.failure(Problem::new(StatusCode::UNAUTHORIZED, detail)).into_response();
            let challenge = response.headers().get(header::WWW_AUTHENTICATE);
            page.headers_mut().extend(challenge.map(|value| (header::WWW_AUTHENTICATE, value.clone())));
            page
        }
        StatusCode::FORBIDDEN if is_of_api(&response) => {
            let detail = if reads {
                "Your key may record, and not read. Sign in with one of the scope read or supervise."
            } else {
                "Nothing was recorded: to start or close a plan takes a key of the scope supervise."
            };
            base.failure(Problem::new(StatusCode::FORBIDDEN, detail)).into_response()
        }
        _ => response,
    }
}

/// Whether an answer is made for programs: pages say themselves what is wrong.
fn is_of_api(response: &Response) -> bool {
    !response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// `GET /sign-in`.
pub(super) async fn form(base: Base, uri: Uri) -> Response {
    page(&base, &uri, None)
}

/// `POST /sign-in`.
pub(super) async fn sign_in(
    State(app): State<App>,
    base: Base,
    uri: Uri,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let session = Uri::from_static("/session");
    match session::login(State(app), session, peer, headers, body).await {
        Ok(answer) => {
            let next = next_of(&uri);
            let onward = if next.is_empty() { format!("{}/", base.path()) } else { next };
            with_cookie(see_other(&onward), &answer)
        }
        Err(problem) => {
            let status = problem.status();
            let mut response = page(&base, &uri, Some(problem.detail().to_owned()));
            *response.status_mut() = status;
            response
        }
    }
}

/// `POST /sign-out`.
pub(super) async fn sign_out(State(app): State<App>, base: Base, headers: HeaderMap) -> Response {
    match session::logout(State(app), Uri::from_static("/session"), headers).await {
        Ok(answer) => with_cookie(see_other(&format!("{}/sign-in", base.path())), &answer),
        Err(problem) => base.failure(problem).into_response(),
    }
}

fn page(base: &Base, uri: &Uri, refused: Option<String>) -> Response {
    html(&Page { shell: Shell::new(base, "Sign in"), next: encoded(&next_of(uri)), refused })
}

/// Where to go on to: a page of this server, whatever a link from elsewhere says.
fn next_of(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let next = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next");
    next.map(|(_, next)| next.into_owned()).filter(|next| is_own_path(next)).unwrap_or_default()
}

fn is_own_path(next: &str) -> bool {
    next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

fn with_cookie(mut response: Response, from: &Response) -> Response {
    const COOKIE: HeaderName = header::SET_COOKIE;
    for cookie in from.headers().get_all(COOKIE) {
        response.headers_mut().append(COOKIE, cookie.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for next in
            ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\r\nb", "/a b", ""]
        {
            assert!(!is_own_path(next), "{next:?}");
        }
        let uri = format!("/sign-in?next={}", encoded("/actor?actor=anne%40sba.gov"));
        assert_eq!(next_of(&uri.parse().unwrap()), "/actor?actor=anne%40sba.gov");
        assert_eq!(next_of(&Uri::from_static("/sign-in?next=//evil.example")), "");
    }
}
