//! What the remote store asks for besides what people ask for: activities, and where the store stands.

use apmt_core::{Activity, ActorName, AsOf, Invalid, StoreStatus, Window};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::parameters::{Actor, ActorInPath, AfterActor, LimitOfActivities, Since, Until};
use super::params::{MAX_ACTIVITIES, Name, Params};
use super::problem::Problem;
use super::{App, json};

/// Where the store stands: its newest position, its latest instant, its clock, its calendar.
#[utoipa::path(
    get, path = "/status", operation_id = "get_status", tag = "stores",
    responses((status = 200, description = "Where the store stands.", body = StoreStatus)),
)]
pub(crate) async fn status(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    json(&app.client.status().await?)
}

/// Daily tallies and open clocks of an actor, in the policy's window or another.
#[utoipa::path(
    get, path = "/actors/{actor}/activity", operation_id = "get_activity", tag = "stores",
    params(ActorInPath, Since, Until),
    responses((status = 200, description = "What metrics need.", body = Activity)),
)]
pub(crate) async fn activity_of_path(
    State(app): State<App>,
    Name(actor): Name,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["since", "until"])?;
    activity(&app, &ActorName::new(&actor)?, &params).await
}

/// Daily tallies and open clocks of an actor whose name a path cannot hold.
#[utoipa::path(
    get, path = "/activity", operation_id = "get_activity_by_query", tag = "stores",
    params(Actor, Since, Until),
    responses((status = 200, description = "What metrics need.", body = Activity)),
)]
pub(crate) async fn activity_of_query(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["actor", "since", "until"])?;
    activity(&app, &params.actor("actor")?, &params).await
}

async fn activity(app: &App, actor: &ActorName, params: &Params) -> Result<Response, Problem> {
    let window = app.window(params).await?;
    json(&app.client.store().activity(actor, window).await?)
}

#[derive(Serialize, ToSchema)]
#[schema(as = PageOfActivities)]
struct Page<'a> {
    activities: &'a [Activity],
    #[schema(required)]
    next: Option<&'a ActorName>,
}

/// Everybody's daily tallies and open clocks, a page.
#[utoipa::path(
    get, path = "/activities", operation_id = "list_activities", tag = "stores",
    params(Since, Until, AfterActor, LimitOfActivities),
    responses((status = 200, description = "A page, in the order of the actors' names.", body = Page<'_>)),
)]
pub(crate) async fn activities(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["since", "until", "after", "limit"])?;
    let window = app.window(&params).await?;
    let limit = params.limit(MAX_ACTIVITIES)?;
    let mut after = params.text("after").map(|_| params.actor("after")).transpose()?;
    let mut page: Vec<Activity> = Vec::new();
    // A store may give less than it is asked for: only nothing is the end.
    while page.len() < limit {
        let more = app.client.store().activities(window, after.as_ref(), limit - page.len()).await?;
        after = more.last().map(|activity| activity.actor.clone());
        page.extend(more);
        if after.is_none() {
            break;
        }
    }
    json(&Page { activities: &page, next: after.as_ref().filter(|_| limit > 0) })
}

impl App {
    /// The window that `since` and `until` name; without them, the policy's up to now.
    async fn window(&self, params: &Params) -> Result<Window, Problem> {
        if let Some(window) = self.own_window(params).await? {
            return Ok(window);
        }
        let now = self.resolve(AsOf::Now).await?;
        Ok(Window::days_until(self.client.policy().window_days(), now))
    }

    /// The window that `since` and `until` name, if either is there: from the beginning without `since`, and up to
    /// now without `until`.
    pub(crate) async fn own_window(&self, params: &Params) -> Result<Option<Window>, Problem> {
        let (since, until) = (params.instant("since")?, params.instant("until")?);
        if since.is_none() && until.is_none() {
            return Ok(None);
        }
        if let Some(as_of) = params.text("as_of") {
            let rule = "asks for the policy's window, and cannot be given together with since or until";
            return Err(Invalid::new("as_of", as_of, rule).into());
        }
        let until = match until {
            Some(until) => until,
            None => self.resolve(AsOf::Now).await?,
        };
        Ok(Some(since.map_or_else(|| Window::all_until(until), |after| Window { after, until })))
    }
}
