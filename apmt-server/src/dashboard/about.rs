//! `/about`: how the numbers are made, and the rules that hold.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::dossier::rules;
use super::page::{Base, Failure, Shell, html};
use super::words::targets;
use crate::http::App;
use crate::http::params::Params;

#[derive(Template)]
#[template(path = "about.html")]
struct Page {
    shell: Shell,
    policy: String,
    digest: String,
    window_days: u32,
    target: Option<String>,
    rules: Vec<String>,
}

/// `GET /about`.
pub(super) async fn page(State(app): State<App>, base: Base, uri: Uri) -> Result<Response, Failure> {
    Params::of(&uri, &[]).map_err(|problem| base.failure(problem))?;
    let policy = app.client().policy();
    Ok(html(&Page {
        shell: Shell::new(&base, "How the numbers are made"),
        policy: policy.name().to_owned(),
        digest: policy.digest().to_owned(),
        window_days: policy.window_days(),
        target: policy.sla().map(targets),
        rules: rules(policy),
    }))
}
