//! The supervisor's screen: pages for people, served where the [API](crate::http) is.
//!
//! | page | shows |
//! |---|---|
//! | `/` | the scoreboard: everybody, a row each; `?q=&status=&kind=&sort=&order=&page=&per_page=&as_of=` |
//! | `/scoreboard.csv` | the same rows, of all pages, with full precision; the same parameters |
//! | `/actor?actor=&as_of=` | one actor: why a plan is recommended and what would clear it, the figures, how they came to be; an empty name is nobody, to whom what could not be attributed belongs |
//! | `/evidence?actor=&of=&page=&as_of=` | the cases behind a number: `of` is `decisions`, `overrides`, `times`, `stars`, `appeals`, `advice`, `advice-overridden` or `open` |
//! | `/timeline?case_id=` | everything that happened to a case, and who held it when |
//! | `/plan?actor=&rule=&as_of=` | the form that starts an improvement plan: see [`plan`](crate::plan) |
//! | `/plan/notice?id=` | the notice that a plan was started with, to print; it ends the plan, too |
//! | `/sign-in` | a form for a key, where the server has keys; `/sign-out` ends the session |
//! | `/about` | how the numbers are made, and the rules that hold |
//!
//! # Without and with a script
//! Pages are made here, from templates that escape every text, and work as they are: sorting, searching and paging are
//! links and forms. One small script adds what only a browser knows or can do: times in the viewer's zone, the choice of
//! a theme, and following [`/live`](crate::http): where a change concerns a page, it is fetched again and what differs
//! is put in its place and marked.
//!
//! # Safety
//! A page loads nothing from elsewhere and has no script or style of its own (`Content-Security-Policy`), is shown in no
//! other site's frame. Every page is a `GET` and changes nothing; what is recorded is sent by the forms of plans, by
//! `POST`, and refused where a browser says that another site's page sends it. Templates, style and script are part of
//! the program.
//!
//! # Ten thousand actors
//! The scoreboard is sorted and searched in memory, and follows the client's subscription: see `board`. A
//! [`Server`](crate::serve::Server) reads everybody's dossiers, and which plans are open, when it starts, in the
//! background; where the [router](crate::http::router) is mounted in another service, the first view does.

mod about;
mod assets;
pub(crate) mod board;
mod cases;
mod chart;
mod csv;
mod dossier;
mod evidence;
mod page;
mod plan;
mod query;
mod scoreboard;
mod sign_in;
mod timeline;
mod words;

use axum::Router;
use axum::routing::{get, post};

use crate::http::App;
pub(crate) use board::Board;
pub(crate) use sign_in::to_sign_in;

/// The pages: they read what is recorded about people.
pub(crate) fn pages() -> Router<App> {
    Router::new()
        .route("/", get(scoreboard::page))
        .route("/scoreboard.csv", get(scoreboard::export))
        .route("/actor", get(dossier::page))
        .route("/evidence", get(evidence::page))
        .route("/timeline", get(timeline::page))
        .route("/about", get(about::page))
        .route("/plan", get(plan::form))
        .route("/plan/notice", get(plan::notice))
}

/// What their forms send: it is recorded.
pub(crate) fn forms() -> Router<App> {
    Router::new().route("/plan", post(plan::submit)).route("/plan/close", post(plan::close))
}

/// What tells nothing of what is recorded.
pub(crate) fn open() -> Router<App> {
    Router::new()
        .route("/assets/{file}", get(assets::asset))
        .route("/favicon.svg", get(assets::icon))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
}
