//! Whether the server lives, whether it can work, and by which policy it judges.

use std::collections::BTreeMap;

use apmt_core::policy::{Sla, Target};
use apmt_core::{Policy, Status};
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::{App, json};

/// All is well.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
struct Fine {
    ok: bool,
}

/// The process answers. It asks nothing of the store, so that a full disk gets no server restarted.
#[utoipa::path(
    get, path = "/healthz", operation_id = "healthz", tag = "operations",
    responses((status = 200, description = "It lives.", body = Fine)),
)]
pub(crate) async fn healthz() -> Result<Response, Problem> {
    json(&Fine { ok: true })
}

/// The store answers too.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "operations",
    responses((status = 200, description = "It can work.", body = Fine)),
)]
pub(crate) async fn readyz(State(app): State<App>) -> Result<Response, Problem> {
    app.client.status().await?;
    json(&Fine { ok: true })
}

#[derive(Serialize, ToSchema)]
#[schema(as = Policy)]
struct Judges<'a> {
    name: &'a str,
    digest: &'a str,
    window_days: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sla: Option<Targets>,
    rules: Vec<Rule<'a>>,
}

/// The longest that a case should take.
#[derive(Serialize, ToSchema)]
#[schema(as = SlaTarget)]
struct Targets {
    /// As a policy writes it: `72h` or `20 working days`.
    target: String,
    /// The same in milliseconds; absent where it is in working days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    target_ms: Option<u64>,
    /// The tracks that have a target of their own; absent where none has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tracks: BTreeMap<String, String>,
}

impl Targets {
    fn of(sla: &Sla) -> Self {
        let target_ms = match sla.target() {
            Target::Counted { ms } => Some(ms),
            Target::WorkingDays(_) => None,
        };
        let tracks = sla.tracks().iter().map(|(track, target)| (track.to_string(), target.to_string()));
        Self { target: sla.target().to_string(), target_ms, tracks: tracks.collect() }
    }
}

#[derive(Serialize, ToSchema)]
struct Rule<'a> {
    id: &'a str,
    /// Each as a policy writes it: `override_rate > 0.3`.
    when: Vec<String>,
    then: Status,
}

/// The policy that judges.
#[utoipa::path(
    get, path = "/policy", operation_id = "get_policy", tag = "dossiers",
    responses((status = 200, description = "The policy.", body = Judges<'_>)),
)]
pub(crate) async fn policy(State(app): State<App>) -> Result<Response, Problem> {
    let policy: &Policy = app.client.policy();
    let rules = policy.rules().iter().map(|rule| Rule {
        id: rule.id(),
        when: rule.when().iter().map(ToString::to_string).collect(),
        then: rule.then(),
    });
    json(&Judges {
        name: policy.name(),
        digest: policy.digest(),
        window_days: policy.window_days(),
        sla: policy.sla().map(Targets::of),
        rules: rules.collect(),
    })
}
