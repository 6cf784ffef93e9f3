//! Logging in and out.

use std::net::SocketAddr;

use apmt_core::{Invalid, Timestamp};
use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Caller, refused};
use super::params::Params;
use super::problem::{ForeignPage, Problem, SignInRefused};
use super::rate::{Peer, too_many};
use super::sessions::{SessionId, TOTAL_MS, set_cookie};
use super::{App, body, json, origin};
use crate::keys::{KeyEntry, Scope};

/// A key has fewer bytes than this by far.
const MAX_BYTES: usize = 4096;

#[derive(Deserialize, ToSchema)]
struct Login {
    key: String,
}

/// Who one is.
#[derive(Serialize, ToSchema)]
#[schema(as = Caller)]
struct Who<'a> {
    /// `null` where the server has no keys.
    key_id: Option<&'a str>,
    /// `null` where the server has no keys.
    name: Option<&'a str>,
    scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<Timestamp>,
}

impl<'a> Who<'a> {
    fn of(key: Option<&'a KeyEntry>, scope: Scope) -> Self {
        let expires_at = key.and_then(KeyEntry::expires_at);
        Self { key_id: key.map(KeyEntry::id), name: key.map(KeyEntry::name), scope, expires_at }
    }
}

/// Who one is, and what one may do.
#[utoipa::path(
    get, path = "/session", operation_id = "get_session", tag = "sessions",
    responses((status = 200, description = "Whoever asks.", body = Who<'_>)),
)]
pub(super) async fn who(Extension(caller): Extension<Caller>, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    json(&Who::of(caller.key(), caller.scope()))
}

/// Signs a browser in.
///
/// The answer has a cookie that stands for the key: for an hour from the last request, and for 12 hours at most. Other
/// sites' pages are refused.
#[utoipa::path(
    post, path = "/session", operation_id = "sign_in", tag = "sessions",
    request_body(content((Login = "application/json"), (Login = "application/x-www-form-urlencoded"))),
    responses(
        (
            status = 200, description = "The session has begun.", body = Who<'_>,
            headers(("Set-Cookie" = String, description = "The session.")),
        ),
        SignInRefused,
    ),
)]
pub(crate) async fn login(
    State(app): State<App>,
    uri: Uri,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    // Otherwise a page could log its visitors in as somebody else, and have what they do recorded under that name.
    if origin::is_foreign(&headers) {
        return Err(origin::foreign());
    }
    let Some(keys) = app.options.keys() else {
        let detail = "this server has no keys: whoever reaches it may do everything, and need not log in";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    let body = body::read(&app, &headers, body, "key", MAX_BYTES).await?;
    let entry = match keys.check(&key_in(&body)?) {
        Ok(entry) => entry,
        Err(refusal) => {
            // Nobody guesses a key: this keeps one who tries from filling logs. A right key is let in all the same,
            // for behind a proxy the whole agency has one address.
            let peer = Peer::of(peer.map(|Extension(info)| info));
            app.limits.failed_login(peer).map_err(too_many)?;
            tracing::info!(%refusal, "a login failed");
            return Err(refused(refusal));
        }
    };
    if let Some(earlier) = SessionId::of(&headers) {
        app.sessions.end(&earlier);
    }
    let answer = json(&Who::of(Some(&entry), entry.scope()))?;
    tracing::info!(key_id = entry.id(), max_ms = TOTAL_MS, "a session begins");
    let value = app.sessions.begin(entry, keys.now())?;
    Ok(([(header::SET_COOKIE, set_cookie(&value, is_secure(&app, &headers)))], answer).into_response())
}

/// Signs a browser out: also where the session has ended before.
#[utoipa::path(
    delete, path = "/session", operation_id = "sign_out", tag = "sessions",
    responses(
        (
            status = 204, description = "The session has ended.",
            headers(("Set-Cookie" = String, description = "It takes the cookie away.")),
        ),
        ForeignPage,
    ),
)]
pub(crate) async fn logout(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    if let Some(id) = SessionId::of(&headers) {
        if !origin::is_own(&headers) {
            return Err(origin::foreign());
        }
        app.sessions.end(&id);
    }
    let cookie = set_cookie("", is_secure(&app, &headers));
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Whether the browser speaks TLS: with this server, or as its page's address says, with a proxy before it.
fn is_secure(app: &App, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN);
    app.options.secure_cookies() || origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// The key in `{"key":"…"}` or, as forms send it, in `key=…`. What is wrong is not repeated: it may be a key.
fn key_in(body: &[u8]) -> Result<String, Problem> {
    let key = if body.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(body).ok().map(|Login { key }| key)
    } else {
        form_urlencoded::parse(body).find(|(name, _)| name == "key").map(|(_, key)| key.into_owned())
    };
    key.map(|key| key.trim().to_owned()).ok_or_else(|| {
        let rule = "is missing: send {\"key\":\"…\"} as JSON, or key=… as a form does";
        Invalid::missing("key", rule).into()
    })
}
