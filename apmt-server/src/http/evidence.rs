//! The evidence: what counts for an actor, a case, the log.

use apmt_core::contribution::Cursor;
use apmt_core::{ActorName, CaseId, Contribution, Invalid, Recorded, Timestamp, Window};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::openapi::parameters;
use super::openapi::parameters::{
    Actor, ActorInPath, AfterCursor, AfterPosition, CaseInPath, EventId, Limit, Since, Until,
};
use super::params::{MAX_PAGE, Name, Params};
use super::problem::{NotFound, Problem};
use super::{App, json};

#[derive(Serialize, ToSchema)]
#[schema(as = PageOfContributions)]
struct Evidence<'a> {
    actor: &'a ActorName,
    as_of: Timestamp,
    contributions: &'a [Contribution],
    #[schema(required)]
    next: Option<String>,
}

/// What counts for an actor, a page: in the policy's window, or between two instants.
#[utoipa::path(
    get, path = "/actors/{actor}/contributions", operation_id = "list_contributions", tag = "evidence",
    params(ActorInPath, parameters::AsOf, Since, Until, AfterCursor, Limit),
    responses((status = 200, description = "A page, by instant, then in log order.", body = Evidence<'_>)),
)]
pub(crate) async fn contributions_of_path(
    State(app): State<App>,
    Name(actor): Name,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["as_of", "since", "until", "after", "limit"])?;
    contributions(&app, &ActorName::new(&actor)?, &params).await
}

/// What counts for an actor whose name a path cannot hold, or for nobody, a page.
#[utoipa::path(
    get, path = "/contributions", operation_id = "list_contributions_by_query", tag = "evidence",
    params(Actor, parameters::AsOf, Since, Until, AfterCursor, Limit),
    responses((status = 200, description = "A page, by instant, then in log order.", body = Evidence<'_>)),
)]
pub(crate) async fn contributions_of_query(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["actor", "as_of", "since", "until", "after", "limit"])?;
    contributions(&app, &params.actor("actor")?, &params).await
}

async fn contributions(app: &App, actor: &ActorName, params: &Params) -> Result<Response, Problem> {
    let window = match app.own_window(params).await? {
        Some(window) => window,
        None => Window::days_until(app.client.policy().window_days(), app.resolve(params.as_of()?).await?),
    };
    let mut after = params.parsed::<Cursor>("after")?;
    let limit = params.limit(MAX_PAGE)?;
    let mut page: Vec<Contribution> = Vec::new();
    // A store may give less than it is asked for: only nothing is the end.
    while page.len() < limit {
        let more = app.client.store().contributions(actor, window, after, limit - page.len()).await?;
        after = more.last().map(Contribution::cursor);
        page.extend(more);
        if after.is_none() {
            break;
        }
    }
    let next = after.filter(|_| limit > 0).map(|cursor| cursor.to_string());
    json(&Evidence { actor, as_of: window.until, contributions: &page, next })
}

#[derive(Serialize, ToSchema)]
struct Case<'a> {
    case_id: &'a CaseId,
    events: &'a [Recorded],
}

/// A case's events, by instant, then in log order; none where the case is not known.
#[utoipa::path(
    get, path = "/cases/{case_id}", operation_id = "get_case", tag = "evidence",
    params(CaseInPath),
    responses((status = 200, description = "The case.", body = Case<'_>)),
)]
pub(crate) async fn case_of_path(
    State(app): State<App>,
    Name(case_id): Name,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    case(&app, &case_id).await
}

/// The events of a case whose id a path cannot hold.
#[utoipa::path(
    get, path = "/case", operation_id = "get_case_by_query", tag = "evidence",
    params(parameters::Case),
    responses((status = 200, description = "The case.", body = Case<'_>)),
)]
pub(crate) async fn case_of_query(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["case_id"])?;
    case(&app, params.text("case_id").unwrap_or_default()).await
}

async fn case(app: &App, case_id: &str) -> Result<Response, Problem> {
    let case_id = CaseId::new(case_id)?;
    let events = app.client.store().case(&case_id).await?;
    json(&Case { case_id: &case_id, events: &events })
}

#[derive(Serialize, ToSchema)]
#[schema(as = PageOfEvents)]
struct Log<'a> {
    events: &'a [Recorded],
    #[schema(required)]
    next: Option<u64>,
}

/// The log after a position, a page.
#[utoipa::path(
    get, path = "/events", operation_id = "list_events", tag = "evidence",
    params(AfterPosition, Limit),
    responses((status = 200, description = "A page, in log order.", body = Log<'_>)),
)]
pub(crate) async fn events(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["after", "limit"])?;
    let (mut after, limit) = (params.number("after")?.unwrap_or(0), params.limit(MAX_PAGE)?);
    let mut page: Vec<Recorded> = Vec::new();
    let mut next = None;
    // As above: only nothing is the end.
    while page.len() < limit {
        let more = app.client.events(after, limit - page.len()).await?;
        next = more.last().map(|last| last.position);
        page.extend(more);
        let Some(last) = next else { break };
        after = last;
    }
    json(&Log { events: &page, next })
}

/// The event of that id.
#[utoipa::path(
    get, path = "/events/{id}", operation_id = "get_event", tag = "evidence",
    params(EventId),
    responses((status = 200, description = "The event.", body = Recorded), NotFound),
)]
pub(crate) async fn event(State(app): State<App>, Name(id): Name, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    json(&find(&app, &id).await?)
}

/// The event of that id.
pub(super) async fn find(app: &App, id: &str) -> Result<Recorded, Problem> {
    let id = Uuid::try_parse(id).map_err(|_| {
        Invalid::new("id", id, "must be a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057")
    })?;
    let found = app.client.event(id).await?;
    found.ok_or_else(|| Problem::missing("event", format!("{id}: no event has this id")))
}
