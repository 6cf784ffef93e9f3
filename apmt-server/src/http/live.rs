//! `GET /live`: dossiers as they change, over a WebSocket, or as server-sent events for clients that prefer them.
//!
//! ```text
//! websocat 'ws://localhost:9300/live?actor=anne@sba.gov'
//! curl -N -H 'accept: text/event-stream' localhost:9300/live
//! ```
//!
//! `?actor=` limits all of it to one actor. `?after=` is the last `cursor` that a client was given, when it comes back.
//!
//! # Messages
//! Each is one JSON object: a text message of the WebSocket, or the `data` of a server-sent event, whose `event` is the
//! message's `type` and whose `id` is its `cursor`, where it has one.
//!
//! | message | says |
//! |---|---|
//! | `{"type":"snapshot","cursor":null,"since":null,"as_of":"…","last":false,"dossiers":[…]}` | the scoreboard as it is, in parts of at most 100 dossiers. The last part has `"last":true` and the `cursor`, which is null in the others |
//! | the same with `"since":120` | only the dossiers that may have changed since that cursor: the others stand as they were |
//! | `{"type":"delta","cursor":124,"position":123,"actor":"…","changes":[{"field":"overrides","old":1,"new":2},…],"old":{…},"dossier":{…}}` | an actor's dossier has changed: which fields, from what to what; the dossier before (null for an actor who was on no scoreboard) and now |
//! | `{"type":"lagged","cursor":124}` | this client is so slow that changes were left out. A snapshot since that cursor follows: the dossiers of all whom they concern |
//! | `{"type":"closing"}` | the server stops, and the connection with it. Come back with the cursor |
//! | `{"type":"error","problem":{…}}` | the store failed; the problem is as in every other answer. The connection ends |
//!
//! A snapshot always comes first. Whoever keeps a dossier for each actor, replaces all of them by a snapshot with
//! `since` null, and one by each dossier that comes after, has the scoreboard. `changes` are those of
//! [`DossierDelta`](apmt_client::DossierDelta): hours that grow on open clocks make none of their own.
//!
//! # Cursors
//! A cursor is a place in the log: whatever the events up to there changed has been told. A client that lost its
//! connection sends the last one as `after` (an `EventSource` does so by itself, in `Last-Event-ID`), and gets a snapshot
//! since it, to which nothing is missing, whether the server was started anew meanwhile or not. It gets the whole
//! scoreboard where more than 10,000 events came after the cursor, or where the log ends before it; and with `?actor=`
//! always that actor's dossier.
//!
//! # Under load
//! An actor has at most one delta for what happened within 20 ms
//! ([`ClientBuilder::live_gather`](apmt_client::ClientBuilder::live_gather)). A client that does not keep up costs no
//! memory: it is told that it lagged, as above. One that takes nothing at all for 60 s is closed.
//!
//! # Connections
//! A WebSocket is pinged every 20 s, and closed if it has not answered by the next time; what it sends is ignored, and
//! over 4 KiB of it close the connection. Close codes are 1001 when the server stops, 1011 when the store fails, 1013 when
//! it fails for now, 1008 for a missing pong or a key that is no longer let in, 1009 for a message too long. Server-sent
//! events have a comment every 20 s, and end then where the key is no longer let in.
//! [`RouterOptions`](super::RouterOptions) has these figures.
//!
//! A browser may follow from a page of this server, and of the sites that
//! [`RouterOptions::with_origins`](super::RouterOptions::with_origins) names: an `Origin` that is neither is answered 403.
//! Programs need not send one. Over 1024 live connections, one more is answered 503 with `Retry-After`; a request that
//! asks for neither a WebSocket nor `text/event-stream`, 426.

mod feed;
mod hub;
mod message;
mod server_sent;
mod websocket;

use apmt_core::{ActorName, ErrorKind};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;

use super::openapi::parameters::{AfterCursorOfLive, OneActor};
use super::origin;
use super::params::Params;
use super::problem::Problem;
use super::{App, Caller};
use feed::Feed;
pub(crate) use hub::Lives;

/// What is asked of a live connection.
#[derive(Debug)]
struct Asked {
    actor: Option<ActorName>,
    after: Option<u64>,
}

/// The name of the operation in the description of the service.
pub(super) const OPERATION: &str = "follow";

/// Dossiers as they change: a snapshot, then a message for each change, with old and new.
///
/// Over a WebSocket (101) with the header `Upgrade: websocket`, as server-sent events with `Accept: text/event-stream`:
/// the same messages either way. It does not end before the server does.
#[utoipa::path(
    get, path = "/live", operation_id = OPERATION, tag = "dossiers",
    params(OneActor, AfterCursorOfLive),
    responses((
        status = 200,
        description = "Server-sent events: `snapshot`, `delta`, `lagged`, `closing` and `error`, each with JSON.",
        content_type = "text/event-stream",
        body = String,
    )),
)]
pub(super) async fn live(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let other_site = origin::may_follow(&headers, app.options.origins())?;
    let params = Params::of(&uri, &["actor", "after"])?;
    let actor = params.text("actor").map(ActorName::new).transpose()?;
    let mut asked = Asked { actor, after: params.number("after")? };
    let wants = |name, value: &str| {
        headers.get_all(name).iter().any(|header: &HeaderValue| {
            header.to_str().is_ok_and(|header| header.to_ascii_lowercase().contains(value))
        })
    };
    if wants(header::UPGRADE, "websocket") {
        let upgrade = upgrade.map_err(|rejection| {
            let detail = format!("this is no handshake of a WebSocket: {}", rejection.body_text());
            Problem::new(rejection.status(), detail)
        })?;
        let permit = permit(&app)?;
        let feed = Feed::new(&app, asked)?;
        return Ok(websocket::answer(upgrade, &app.options, caller, feed, permit));
    }
    if wants(header::ACCEPT, "text/event-stream") {
        // The address of an EventSource stays as it was first: what it was given last says more.
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
        asked.after = last.or(asked.after);
        let permit = permit(&app)?;
        let feed = Feed::new(&app, asked)?;
        let mut response = server_sent::answer(&app.options, caller, feed, permit);
        if let Some(origin) = other_site {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
        }
        return Ok(response);
    }
    let detail =
        "ask for a WebSocket (Upgrade: websocket), or for server-sent events (Accept: text/event-stream)";
    Err(Problem::new(StatusCode::UPGRADE_REQUIRED, detail)
        .with_header(header::UPGRADE, HeaderValue::from_static("websocket")))
}

/// Room for one more live connection.
fn permit(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    app.lives.enter().ok_or_else(|| {
        let seconds = app.options.retry_after().as_secs().max(1);
        let detail =
            "the server has as many live connections as it takes, or is about to stop: come back later";
        Problem::later(ErrorKind::Unavailable, detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    })
}
