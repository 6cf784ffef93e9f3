//! The supervisor's screen: pages for people, served where the [API](crate::http) is.
//!
//! | page | shows |
//! |---|---|
//! | `/` | the scoreboard: everybody, a row each; `?q=&status=&kind=&sort=&order=&page=&per_page=&as_of=` |
//! | `/scoreboard.csv` | the same rows, of all pages, with full precision; the same parameters |
//! | `/actor?actor=&as_of=` | one actor: why a plan is recommended and what would clear it, the figures, how they came to be; an empty name is nobody, to whom what could not be attributed belongs |
//! | `/evidence?actor=&of=&page=&as_of=` | the cases behind a number: `of` is `decisions`, `overrides`, `times`, `stars`, `appeals`, `advice`, `advice-overridden` or `open` |
//! | `/timeline?case_id=` | everything that happened to a case, and who held it when |
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
//! other site's frame, and changes nothing: every page is a `GET`. Templates, style and script are part of the program.
//!
//! # Ten thousand actors
//! The scoreboard is sorted and searched in memory, and follows the client's subscription: see `board`. The first view
//! after a start reads everybody's dossier.

mod about;
mod assets;
pub(crate) mod board;
mod cases;
mod chart;
mod csv;
mod dossier;
mod evidence;
mod page;
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
}

/// What tells nothing of what is recorded.
pub(crate) fn open() -> Router<App> {
    Router::new()
        .route("/assets/{file}", get(assets::asset))
        .route("/favicon.svg", get(assets::icon))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
}
