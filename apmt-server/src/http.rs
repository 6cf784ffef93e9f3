//! The service: an axum router over a [`Client`], to mount in a service of one's own or to [serve](crate::serve).
//!
//! | request | answer |
//! |---|---|
//! | `POST /event` | `{"ok":true,"stored_id":"…"}`, and `"duplicate":true` where the id was there already |
//! | `POST /events` | NDJSON or a JSON array: `{"stored":n,"duplicates":n,"rejected":[{"line":…,"field":…,"reason":…}]}` |
//! | `GET /dossier/{actor}?as_of=` | the dossier |
//! | `GET /dossiers?as_of=&status=&after=&limit=` | the scoreboard, a page: `{"as_of":…,"dossiers":[…],"next":…}` |
//! | `GET /actors/{actor}/contributions?as_of=&after=&limit=` | what counts in the policy's window, a page: `{"actor":…,"as_of":…,"contributions":[…],"next":…}` |
//! | `GET /cases/{case_id}` | `{"case_id":…,"events":[…]}`, by instant, then in log order; no events where the case is not known |
//! | `GET /events?after=&limit=` | the log after a position, a page: `{"events":[…],"next":…}` |
//! | `GET /events/{id}` | the event of that id |
//! | `GET /events/{id}/receipt` | its place in the log, and once a checkpoint covers it, `checkpoint` and `proof` |
//! | `GET /log/checkpoint` | the newest checkpoint of the [sealed](crate::seal) log, as a signed note (`text/plain`) |
//! | `GET /log/proof?position=&size=` | that the event of that position is in the log of so many events |
//! | `GET /log/consistency?from=&to=` | that the log of `to` events has only grown out of the one of `from` |
//! | `GET /live?actor=&after=` | dossiers as they change, over a WebSocket or as server-sent events: see [`live`] |
//! | `GET /plans` | open improvement plans, each with its period and the days left: `{"as_of":…,"plans":[…]}` |
//! | `GET /plans/{id}` | the notice that a plan was started with, by the id of the event that started it |
//! | `GET /policy` | the policy that judges, with its digest |
//! | `GET /healthz`, `/readyz` | whether the process answers; whether its store does |
//! | `GET /metrics` | what is counted and timed, for Prometheus |
//! | `GET /openapi.json` | all of this as OpenAPI 3.1 |
//! | `GET /` | the supervisor's screen: see [`dashboard`] |
//!
//! # What is sent
//! Events are JSON whatever the content type says, for forms and `curl -d` say something else. An event has at most
//! 64 KiB, a batch at most 10,000 events and 16 MiB. In a batch, blank lines are passed over, and an element of an
//! array counts as a line. A body may be packed with gzip or zstd, and says so in `Content-Encoding`: the limits hold for
//! what is unpacked, and a frame of zstd may have a window of up to 8 MiB. Answers of a kilobyte and more are packed where
//! `Accept-Encoding` asks for it.
//!
//! `POST /event` with the content type `application/cloudevents+json` takes a CloudEvent 1.0 whose `data` is the event.
//! Its `id` becomes the event's where that is a UUID, and else the `source` and the `id` together do; `type` (the last
//! part of it, in upper case), `subject` (the case) and `time` stand in for what `data` leaves out.
//!
//! # Pages
//! `next` is what to send as `after` for the page that follows; it is `null` at the end. `limit` is 100 unless said
//! otherwise, and at most 1000 (100 for activities); more than that is taken for the most. To see one instant
//! throughout, send the `as_of` of the first page with the others. Instants are RFC 3339, `latest` (the newest event's)
//! or `now`.
//!
//! # Additions to the contract
//! What the remote store needs, and anybody may use:
//!
//! | request | answer |
//! |---|---|
//! | `POST /events?atomic=true` | stores all or nothing: the first bad line refuses the batch |
//! | `POST /events?receipts=true` | adds `"receipts":[{"line":…,"id":…,"position":…,"duplicate":…}]`, one for each line that was not rejected |
//! | `GET /status` | the newest position, the latest instant, the store's clock, and the digest of its calendar |
//! | `GET /actors/{actor}/activity?since=&until=` | daily tallies and open clocks |
//! | `GET /activities?since=&until=&after=&limit=` | everybody's, a page |
//! | `GET /actors/{actor}/contributions?since=&until=` | what counts after `since`, up to and including `until`, instead of the policy's window |
//! | `GET /dossier?actor=`, `/contributions?actor=`, `/activity?actor=`, `/case?case_id=` | the same as with the name in the path, for names that a URL's path cannot hold, such as `..`; an empty actor is nobody, to whom what could not be attributed belongs |
//!
//! # Who may
//! With [keys](crate::keys), each request needs one, as `Authorization: Bearer KEY`, or a browser's session. What a key
//! may do is its [`Scope`]; `supervise` includes `record` and `read`, and `admin` includes everything.
//!
//! | routes | need | audited |
//! |---|---|---|
//! | `GET /healthz`, `/readyz`, `/openapi.json`; `POST`, `DELETE /session` | nothing | |
//! | `GET /session`, `/metrics`, `/log/checkpoint`; to be told that there is no such route or method | any key | |
//! | `POST /event`, `/events` | `record`; for events of the types `PLAN_STARTED`, `PLAN_CLOSED`, `RETRACTION` and `X_ERASURE` `supervise` | |
//! | `GET /policy`, `/status` | `read` | |
//! | `GET /dossier…`, `/dossiers`, `/actors/…`, `/contributions`, `/activity`, `/activities`, `/case…`, `/events…`, `/log/proof`, `/log/consistency`, `/live`, `/plans…` | `read` | yes |
//! | the pages of the [screen](dashboard) | `read` | yes |
//! | `POST /plan`, `/plan/close`, which the pages of plans send | `supervise` | |
//!
//! `HEAD` is as `GET`. Without a key that is let in, the answer is 401; with one whose scope does not allow what was
//! asked, 403. In a batch, a line that the key may not record is rejected as a bad line is, and refuses an atomic batch
//! with 403. What is audited is a line in the [audit log](crate::audit).
//!
//! | request | answer |
//! |---|---|
//! | `POST /session` with `{"key":"…"}`, or `key=…` as a form sends it | `{"key_id":…,"name":…,"scope":…}`, and a cookie that stands for the key |
//! | `GET /session` | the same, of whoever asks |
//! | `DELETE /session` | 204: the session has ended |
//!
//! A session ends after an hour without a request, after 12 hours, with its key, and with the server. Its cookie is out
//! of pages' reach (`HttpOnly`), and other sites' pages cannot use it (`SameSite=Strict`): what writes, or opens a
//! WebSocket, must say by `Sec-Fetch-Site: same-origin`, or by an `Origin` that equals `Host`, that it comes from a page
//! of this server. So a proxy must pass `Host` on as it is.
//!
//! A key that asks more often than the [rate](RouterOptions::with_rate) is answered 429 with `Retry-After`, and so are
//! more than ten failed logins a minute from one address. A request for another [host](RouterOptions::with_hosts) than
//! this server is answered 421.
//!
//! # Errors
//! Every error is `application/problem+json` (RFC 9457). Besides the members of the standard it has the `kind` of the
//! error where there is one ([`ErrorKind::name`](apmt_core::ErrorKind::name)), and where something sent is invalid its
//! `field`, `value`, `rule`, `nearest` name, and its `index` in the batch, from 0. A 404 for an event that is not there
//! says `"missing":"event"`. What may succeed later is 503 with
//! `Retry-After`; sending an event again under the same id is safe.
//!
//! Every answer has an `x-request-id`: the one that was sent, or a new one.
//!
//! What never becomes a request is answered below the router, by the HTTP library, which takes no say in it: a bare 400 for
//! what is no HTTP, 431 for a head over 100 headers or about 400 KiB, 414 for a URL over 64 KiB, and the end of the
//! connection for a head that does not come in time. All of these end the connection.

mod access;
mod around;
mod batch;
mod body;
mod caller;
mod cloudevents;
mod dossiers;
mod envelope;
mod evidence;
pub(crate) mod form;
mod health;
mod hosts;
mod limits;
pub mod live;
mod metrics;
mod openapi;
mod options;
mod origin;
pub(crate) mod params;
pub(crate) mod plans;
pub(crate) mod problem;
mod rate;
mod reads;
mod record;
mod remote;
mod sealed;
pub(crate) mod session;
mod sessions;

use std::sync::Arc;

use apmt_client::Client;
use axum::Router;
use axum::handler::Handler as _;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Semaphore;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::dashboard;
use crate::dashboard::Board;
use crate::directory::Directory;
use crate::keys::Scope;
use crate::plan::PlanLog;
use access::{Gate, Routes};
use around::AroundLayer;
pub use caller::Caller;
use envelope::Envelope;
pub(crate) use live::Lives;
use metrics::Metrics;
pub use options::RouterOptions;
use problem::Problem;
use rate::Limits;
pub use rate::Rate;
use sessions::Sessions;

/// How large an answer is that is packed where the client takes it packed.
const PACKED_FROM_BYTES: u16 = 1024;

/// What every handler has: one pointer, for each layer of the router copies it for each request.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Shared>);

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    client: Client,
    options: Arc<RouterOptions>,
    permits: Arc<Semaphore>,
    lives: Arc<Lives>,
    metrics: Arc<Metrics>,
    /// The service described by itself.
    document: Bytes,
    sessions: Arc<Sessions>,
    limits: Arc<Limits>,
    board: Arc<Board>,
}

impl App {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn board(&self) -> &Arc<Board> {
        &self.board
    }

    pub(crate) fn plans(&self) -> &PlanLog {
        self.board.plans()
    }

    pub(crate) fn directory(&self) -> &Directory {
        self.options.directory()
    }
}

/// The service as a router: see the [module](self) for what it answers.
///
/// It has fallbacks of its own, so that 404 and 405 are problem+json too: nest it under a path of another router, or
/// make it that router's fallback service.
///
/// Without [keys](RouterOptions::with_keys), whoever reaches the router may read and write everything: whoever mounts it
/// guards it. For limits by address, and for addresses in audit lines, serve it with
/// [`into_make_service_with_connect_info`](Router::into_make_service_with_connect_info).
///
/// ```
/// use apmt_client::Client;
/// use apmt_server::http::{RouterOptions, router};
///
/// let client = Client::open("memory:")?;
/// let apmt: axum::Router = router(client, RouterOptions::new());
/// let service: axum::Router = axum::Router::new().nest("/apmt", apmt);
/// # Ok::<(), apmt_client::Error>(())
/// ```
pub fn router(client: Client, options: RouterOptions) -> Router {
    let lives = Lives::new(&options);
    let board = Board::new(client.clone());
    router_with(client, options, lives, board)
}

/// The router, with live connections that whoever serves it can end, and a board that they can keep.
pub(crate) fn router_with(
    client: Client,
    options: RouterOptions,
    lives: Arc<Lives>,
    board: Arc<Board>,
) -> Router {
    let (data, others) = (data(), others());
    let document = openapi::document(data.described(), others.described());
    let app = App(Arc::new(Shared {
        metrics: Arc::new(Metrics::new(client.clone(), document.paths.paths.keys().cloned())),
        permits: Arc::new(Semaphore::new(options.max_concurrent())),
        sessions: Arc::default(),
        limits: Arc::new(Limits::new(options.rate())),
        options: Arc::new(options),
        lives,
        document: openapi::written(&document),
        client,
        board,
    }));
    let data = data.limited(&app);
    let others = others.unlimited(&app);
    let screen = screen(&app);
    // Small answers are not worth the work, and live push must not wait for more to pack. The fastest level, for it is
    // done on the thread of other requests too.
    let packed = CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(PACKED_FROM_BYTES).and(NotForContentType::SSE));
    let with_key = || Gate::any_key(app.clone());
    data.merge(others)
        .merge(screen)
        // Who has no key is not told what is here and what is not.
        .fallback(not_found.layer(with_key()))
        .method_not_allowed_fallback(not_allowed.layer(with_key()))
        // All at once: each call of this boxes every request and every answer anew.
        .layer((AroundLayer(Envelope(app.clone())), packed))
        .with_state(app)
}

/// What reads and writes records: within limits.
fn data() -> Routes {
    let records = OpenApiRouter::new().routes(routes!(record::event)).routes(routes!(batch::events));
    let people = OpenApiRouter::new()
        .routes(routes!(evidence::events))
        .routes(routes!(evidence::event))
        .routes(routes!(dossiers::dossier_of_query))
        .routes(routes!(dossiers::dossier_of_path))
        .routes(routes!(dossiers::dossiers))
        .routes(routes!(evidence::contributions_of_query))
        .routes(routes!(evidence::contributions_of_path))
        .routes(routes!(evidence::case_of_query))
        .routes(routes!(evidence::case_of_path))
        .routes(routes!(remote::activity_of_query))
        .routes(routes!(remote::activity_of_path))
        .routes(routes!(plans::plans))
        .routes(routes!(plans::notice))
        .routes(routes!(remote::activities))
        .routes(routes!(sealed::proof))
        .routes(routes!(sealed::consistency))
        .routes(routes!(sealed::receipt));
    Routes::new()
        .audited(people)
        .any_key(OpenApiRouter::new().routes(routes!(sealed::checkpoint)))
        .require(Scope::Record, records)
        .require(Scope::Read, OpenApiRouter::new().routes(routes!(remote::status)))
        .open(OpenApiRouter::new().routes(routes!(session::login)))
}

/// The others, without limits: a busy server must still be able to say that it lives, and live connections last, and have
/// limits of their own.
fn others() -> Routes {
    let open = OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(openapi::openapi))
        .routes(routes!(session::logout));
    Routes::new()
        .audited(OpenApiRouter::new().routes(routes!(live::live)))
        .open(open)
        .any_key(OpenApiRouter::new().routes(routes!(session::who)).routes(routes!(metrics::metrics)))
        .require(Scope::Read, OpenApiRouter::new().routes(routes!(health::policy)))
}

/// The supervisor's screen: its pages are about people; whoever is not let in is shown where to sign in.
fn screen(app: &App) -> Router<App> {
    if !app.options.dashboard() {
        return Router::new();
    }
    let pages = Routes::new()
        .audited(dashboard::pages().into())
        .require(Scope::Supervise, dashboard::forms().into())
        .limited(app);
    let open = Routes::new().open(dashboard::open().into()).limited(app);
    pages.route_layer(from_fn(dashboard::to_sign_in)).merge(open)
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("{}: there is nothing here", uri.path()))
}

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    // The router adds the header Allow.
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{}: does not take {method}; the header Allow says what it takes", uri.path()),
    )
}

/// An answer as JSON.
fn json(value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer cannot be written: {error}"))
    })?;
    Ok(([("content-type", "application/json")], body).into_response())
}
