//! Whether the server lives, whether it can work, and by which policy it judges.

use apmt_core::{Policy, Status};
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::problem::Problem;
use super::{App, json as answer};

/// `GET /healthz`: the process answers. It asks nothing of the store, so that a full disk gets no server restarted.
pub(crate) async fn healthz() -> Result<Response, Problem> {
    answer(&json!({"ok": true}))
}

/// `GET /readyz`: the store answers too.
pub(crate) async fn readyz(State(app): State<App>) -> Result<Response, Problem> {
    app.client.status().await?;
    answer(&json!({"ok": true}))
}

#[derive(Serialize)]
struct Judges<'a> {
    name: &'a str,
    digest: &'a str,
    window_days: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sla: Option<Target>,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Target {
    target_ms: u64,
}

#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    /// Each as a policy writes it: `override_rate > 0.3`.
    when: Vec<String>,
    then: Status,
}

/// `GET /policy`.
pub(crate) async fn policy(State(app): State<App>) -> Result<Response, Problem> {
    let policy: &Policy = app.client.policy();
    let rules = policy.rules().iter().map(|rule| Rule {
        id: rule.id(),
        when: rule.when().iter().map(ToString::to_string).collect(),
        then: rule.then(),
    });
    answer(&Judges {
        name: policy.name(),
        digest: policy.digest(),
        window_days: policy.window_days(),
        sla: policy.sla().map(|sla| Target { target_ms: sla.target_ms() }),
        rules: rules.collect(),
    })
}
