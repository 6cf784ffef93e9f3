//! Open plans, and the notices that opened them, as JSON.

use apmt_core::{EventType, Recorded, Timestamp};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::openapi::parameters::EventId;
use super::params::{Name, Params};
use super::problem::{NotFound, Problem};
use super::{App, json};
use crate::plan::{Notice, OpenPlan, today};

#[derive(Serialize, ToSchema)]
#[schema(as = OpenPlans)]
struct Open {
    as_of: Timestamp,
    plans: Vec<OpenWithDays>,
}

#[derive(Serialize, ToSchema)]
struct OpenWithDays {
    #[serde(flatten)]
    plan: OpenPlan,
    /// Days of the period that are left, today in UTC; less than 0 once it has ended. `null` where the plan was started
    /// without a notice.
    #[schema(required)]
    days_left: Option<i64>,
}

/// Every open plan, in the order of the actors' names: started and not closed.
#[utoipa::path(
    get, path = "/plans", operation_id = "list_plans", tag = "plans",
    responses((status = 200, description = "The plans.", body = Open)),
)]
pub(crate) async fn plans(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let as_of = app.client.status().await?.now;
    let plans = app.plans().open().await?.into_iter();
    let plans = plans.map(|plan| OpenWithDays { days_left: plan.days_left(today(as_of)), plan }).collect();
    json(&Open { as_of, plans })
}

/// The notice that a plan was started with, by the id of the event that started it: terms, and frozen evidence.
#[utoipa::path(
    get, path = "/plans/{id}", operation_id = "get_notice", tag = "plans",
    params(EventId),
    responses((status = 200, description = "The notice.", body = Notice), NotFound),
)]
pub(crate) async fn notice(State(app): State<App>, Name(id): Name, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let (notice, _) = app.notice(&id).await?;
    json(&notice)
}

impl App {
    /// The notice that the event of that id carries, and the event.
    pub(crate) async fn notice(&self, id: &str) -> Result<(Notice, Recorded), Problem> {
        let id = read_id(id)?;
        let recorded = self.client.event(id).await?;
        recorded
            .filter(|recorded| recorded.event.event_type() == EventType::PlanStarted)
            .and_then(|recorded| Some((Notice::of_event(&recorded.event).ok()?, recorded)))
            .ok_or_else(|| {
                Problem::missing("event", format!("{id}: no plan was started with a notice under this id"))
            })
    }
}

/// The id of an event.
pub(crate) fn read_id(id: &str) -> Result<Uuid, apmt_core::Invalid> {
    let rule = "must be a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057";
    Uuid::try_parse(id).map_err(|_| apmt_core::Invalid::new("id", id, rule))
}
