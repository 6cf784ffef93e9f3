//! Dossiers: one actor's, and the scoreboard.

use apmt_core::{ActorName, AsOf, Dossier, Invalid, Overview, Status, Timestamp};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::parameters;
use super::openapi::parameters::{Actor, ActorInPath, AfterActor, Limit};
use super::params::{MAX_PAGE, Name, Params};
use super::problem::Problem;
use super::{App, json};
use crate::grounds::{self, DossierWithGrounds};

/// An actor's dossier: the metrics over the policy's window, the status, and the reasons for it.
///
/// An actor of whom nothing is known has one of zeros and nulls. `grounds`, where they are asked for, say of each condition
/// of each rule that is raised which cases made it so, how many, and how much time on their clocks does not count.
#[utoipa::path(
    get, path = "/dossier/{actor}", operation_id = "get_dossier", tag = "dossiers",
    params(ActorInPath, parameters::AsOf, parameters::Grounds),
    responses((status = 200, description = "The dossier.", body = DossierWithGrounds)),
)]
pub(crate) async fn dossier_of_path(
    State(app): State<App>,
    Name(actor): Name,
    uri: Uri,
) -> Result<Response, Problem> {
    dossier(&app, &ActorName::new(&actor)?, &Params::of(&uri, &["as_of", "grounds"])?).await
}

/// The dossier of an actor whose name a path cannot hold, or of nobody.
#[utoipa::path(
    get, path = "/dossier", operation_id = "get_dossier_by_query", tag = "dossiers",
    params(Actor, parameters::AsOf, parameters::Grounds),
    responses((status = 200, description = "The dossier.", body = DossierWithGrounds)),
)]
pub(crate) async fn dossier_of_query(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["actor", "as_of", "grounds"])?;
    dossier(&app, &params.actor("actor")?, &params).await
}

async fn dossier(app: &App, actor: &ActorName, params: &Params) -> Result<Response, Problem> {
    let (client, asked) = (&app.client, params.flag("grounds")?);
    let dossier = app.dossier_timed(client.store().dossier(actor, params.as_of()?, client.policy())).await?;
    let grounds = if asked { Some(grounds::of(client, &dossier).await?) } else { None };
    json(&DossierWithGrounds { dossier, grounds })
}

#[derive(Serialize, ToSchema)]
#[schema(as = PageOfDossiers)]
struct Page<'a> {
    as_of: Timestamp,
    dossiers: &'a [Dossier],
    #[schema(required)]
    next: Option<&'a ActorName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    overview: Option<Overview>,
}

/// The scoreboard, a page: everybody with a contribution in the window or a case on their clock.
///
/// `overview` says what everybody's dossiers say together: how many flags chance alone would give, and which rules most
/// of a group breach at once. It is there where the page has everybody, and where it is asked for, which reads everybody.
#[utoipa::path(
    get, path = "/dossiers", operation_id = "list_dossiers", tag = "dossiers",
    params(parameters::AsOf, parameters::Status, AfterActor, Limit, parameters::Overview),
    responses((status = 200, description = "A page, in the order of the actors' names.", body = Page<'_>)),
)]
pub(crate) async fn dossiers(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["as_of", "status", "after", "limit", "overview"])?;
    let status = params.text("status").map(read_status).transpose()?;
    let limit = params.limit(MAX_PAGE)?;
    let asked = params.flag("overview")?;
    let from_the_first = status.is_none() && params.text("after").is_none();
    let mut after = params.text("after").map(|_| params.actor("after")).transpose()?;
    let as_of = app.resolve(params.as_of()?).await?;

    let (store, policy) = (app.client.store(), app.client.policy());
    let mut page: Vec<Dossier> = Vec::new();
    // A store may give less than it is asked for, and of that a status leaves out some: only nothing is the end.
    while page.len() < limit {
        // Where a status leaves out many, asking for few at a time would ask very often.
        let ask = if status.is_some() { MAX_PAGE } else { limit - page.len() };
        let more = app.dossier_timed(store.dossiers(AsOf::At(as_of), policy, after.as_ref(), ask)).await?;
        after = more.last().map(|dossier| dossier.actor.clone());
        page.extend(more.into_iter().filter(|dossier| status.is_none_or(|status| dossier.status == status)));
        if after.is_none() {
            break;
        }
    }
    if page.len() > limit {
        page.truncate(limit);
        after = page.last().map(|dossier| dossier.actor.clone());
    }
    let next = after.as_ref().filter(|_| limit > 0);
    let overview = if from_the_first && limit > 0 && next.is_none() {
        Some(Overview::of(&page))
    } else if asked {
        Some(Overview::of(&app.dossier_timed(app.client.scoreboard(as_of)).await?))
    } else {
        None
    };
    json(&Page { as_of, dossiers: &page, next, overview })
}

fn read_status(text: &str) -> Result<Status, Invalid> {
    Status::ALL
        .iter()
        .copied()
        .find(|status| status.name() == text)
        .ok_or_else(|| Invalid::new("status", text, "must be good, insufficient_data, watch, review or pip"))
}

impl App {
    /// The instant that all pages of one answer share.
    pub(crate) async fn resolve(&self, as_of: AsOf) -> Result<Timestamp, Problem> {
        match as_of {
            AsOf::At(instant) => Ok(instant),
            relative => Ok(relative.resolve(&self.client.status().await?)),
        }
    }
}
