//! The evidence: what counts for an actor, a case, the log.

use apmt_core::contribution::Cursor;
use apmt_core::{ActorName, CaseId, Contribution, Invalid, Recorded, Timestamp, Window};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::params::{MAX_PAGE, Name, Params};
use super::problem::Problem;
use super::{App, json};

#[derive(Serialize)]
struct Evidence<'a> {
    actor: &'a ActorName,
    as_of: Timestamp,
    contributions: &'a [Contribution],
    next: Option<String>,
}

/// `GET /actors/{actor}/contributions`.
pub(crate) async fn contributions_of_path(
    State(app): State<App>,
    Name(actor): Name,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["as_of", "since", "until", "after", "limit"])?;
    contributions(&app, &ActorName::new(&actor)?, &params).await
}

/// `GET /contributions?actor=`.
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

#[derive(Serialize)]
struct Case<'a> {
    case_id: &'a CaseId,
    events: &'a [Recorded],
}

/// `GET /cases/{case_id}`.
pub(crate) async fn case_of_path(
    State(app): State<App>,
    Name(case_id): Name,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    case(&app, &case_id).await
}

/// `GET /case?case_id=`.
pub(crate) async fn case_of_query(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["case_id"])?;
    case(&app, params.text("case_id").unwrap_or_default()).await
}

async fn case(app: &App, case_id: &str) -> Result<Response, Problem> {
    let case_id = CaseId::new(case_id)?;
    let events = app.client.store().case(&case_id).await?;
    json(&Case { case_id: &case_id, events: &events })
}

#[derive(Serialize)]
struct Log<'a> {
    events: &'a [Recorded],
    next: Option<u64>,
}

/// `GET /events`.
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

/// `GET /events/{id}`.
pub(crate) async fn event(State(app): State<App>, Name(id): Name, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let id = Uuid::try_parse(&id).map_err(|_| {
        Invalid::new("id", &id, "must be a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057")
    })?;
    match app.client.event(id).await? {
        Some(recorded) => json(&recorded),
        None => Err(Problem::missing("event", format!("{id}: no event has this id"))),
    }
}
