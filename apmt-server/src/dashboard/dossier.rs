//! `/actor?actor=`: one actor, with the reasons, the figures, how they came to be, and the cases behind them.

mod cards;
mod charts;
mod why;

use apmt_core::{ActorKind, ActorName, AsOf, Status, Window};
use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::cases::{self, Looked};
use super::page::{Base, Failure, Moment, Shell, html};
use super::plan::{self, Plan};
use super::words::{Figure, Rate, Standing, counted, encoded, grouped, kind, name, standing, target_hours};
use crate::grounds;
use crate::http::App;
use crate::http::params::Params;
use crate::http::problem::Problem;
use cards::{Card, cards};
use charts::{Chart, charts};
pub(super) use why::rules;
use why::{Why, why};

/// So many of what was taken back are listed.
const MOST_TAKEN_BACK: usize = 50;

#[derive(Template)]
#[template(path = "actor.html")]
struct Page {
    shell: Shell,
    name: String,
    /// The name as a query has it.
    encoded: String,
    /// What links end with: the instant, where it is not now.
    at: String,
    nobody: bool,
    /// What the directory says: who it is, the position, the unit.
    known_as: Vec<String>,
    kind: &'static str,
    standing: Standing,
    /// What the gravest rule asks for.
    asked_for: &'static str,
    plan: Option<Plan>,
    /// What is said while the plans are still being read.
    plans_later: Option<&'static str>,
    is_agent: bool,
    window_days: u32,
    as_of: Moment,
    now: bool,
    cursor: u64,
    reasons: Vec<Why>,
    cards: Vec<Card>,
    charts: Vec<Chart>,
    models: Vec<Model>,
    looked: Option<String>,
    taken_back: Vec<TakenBack>,
    taken_back_count: String,
    policy: String,
    digest: String,
    rules: Vec<String>,
    /// What the rules came to that do not count.
    explained: Vec<String>,
}

struct Model {
    name: String,
    rate: Figure,
    overridden: String,
}

struct TakenBack {
    at: Moment,
    what: String,
    case_id: String,
    href: String,
    reason: String,
}

/// `GET /actor`.
pub(super) async fn page(State(app): State<App>, base: Base, uri: Uri) -> Result<Response, Failure> {
    made(&app, &base, &uri).await.map_err(|problem| base.failure(problem))
}

/// Whose page it is, and as of when.
pub(super) struct Asked {
    pub(super) actor: ActorName,
    as_of: AsOf,
    /// What links end with: the instant, where it is not now.
    pub(super) at: String,
}

impl Asked {
    pub(super) fn of(params: &Params) -> Result<Self, Problem> {
        let at = params.text("as_of").map_or_else(String::new, |at| format!("&as_of={}", encoded(at)));
        Ok(Self { actor: params.actor("actor")?, as_of: params.as_of()?, at })
    }

    pub(super) async fn window(&self, app: &App) -> Result<Window, Problem> {
        Ok(Window::days_until(app.client().policy().window_days(), app.resolve(self.as_of).await?))
    }
}

async fn made(app: &App, base: &Base, uri: &Uri) -> Result<Response, Problem> {
    let asked = Asked::of(&Params::of(uri, &["actor", "as_of"])?)?;
    let (client, policy) = (app.client(), app.client().policy());
    // Read first: what is told after this may be on the page already, and what is not is told.
    let cursor = client.status().await?.position;
    let window = asked.window(app).await?;
    let (store, actor) = (client.store(), &asked.actor);
    let dossier = store.dossier(actor, window.until.into(), policy).await?;
    let before = store.dossier(actor, window.after.into(), policy).await?;
    let activity = store.activity(actor, window).await?;
    let contributions = grounds::contributions(client, actor, window).await?;
    let looked = cases::look(client, actor, &contributions).await?;
    let grounds = grounds::among(client, &dossier, &contributions, &activity.open);

    // Which plans are open is only known as of now.
    let plans = if asked.at.is_empty() { plan::of(app, actor).await? } else { Some(None) };
    let target = target_hours(policy);
    let person = app.directory().person(actor);
    let page = Page {
        shell: Shell::new(base, name(actor)),
        name: name(actor).to_owned(),
        encoded: encoded(actor.as_str()),
        nobody: actor.is_nobody(),
        known_as: [person.name(), person.position(), person.unit()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect(),
        kind: kind(dossier.actor_kind),
        standing: standing(dossier.status),
        asked_for: asked_for(dossier.status),
        plans_later: plan::later(plans.as_ref()),
        plan: plans.flatten().map(|plan| Plan::of(&plan, dossier.as_of)),
        is_agent: dossier.actor_kind == Some(ActorKind::Agent),
        window_days: dossier.window_days,
        as_of: Moment::of(dossier.as_of),
        now: asked.at.is_empty(),
        cursor,
        reasons: dossier
            .explanations
            .iter()
            .filter(|rule| rule.state.is_raised())
            .map(|rule| why(rule, &grounds))
            .collect(),
        explained: dossier
            .explanations
            .iter()
            .filter(|rule| !rule.state.is_raised())
            .map(ToString::to_string)
            .collect(),
        cards: cards(&dossier, &before),
        charts: charts(&dossier, &activity, policy, window, target),
        models: models(&looked),
        looked: looked.is_partial().then(|| {
            format!("of the newest {} of {} cases", grouped(looked.cases as u64), grouped(looked.of as u64))
        }),
        taken_back_count: counted(looked.taken_back.len() as u64, "entry", "entries"),
        taken_back: looked.taken_back.iter().take(MOST_TAKEN_BACK).map(taken_back).collect(),
        policy: dossier.policy.name.clone(),
        digest: dossier.policy.digest.chars().take(12).collect(),
        rules: rules(policy),
        at: asked.at,
    };
    Ok(html(&page))
}

const fn asked_for(status: Status) -> &'static str {
    match status {
        Status::Pip => "An improvement plan is recommended",
        Status::Watch => "A rule asks for attention",
        _ => "A review of the work is recommended",
    }
}

fn models(looked: &Looked) -> Vec<Model> {
    let model = |(name, rate): (&String, &Rate)| Model {
        name: if name.is_empty() { "Model not named".to_owned() } else { name.clone() },
        rate: rate.figure(),
        overridden: grouped(rate.part),
    };
    looked.models.iter().map(model).collect()
}

fn taken_back(taken_back: &cases::TakenBack) -> TakenBack {
    TakenBack {
        at: Moment::of(taken_back.event.occurred_at),
        what: super::timeline::what(&taken_back.event),
        case_id: taken_back.case_id.to_string(),
        href: super::timeline::href(&taken_back.case_id, taken_back.event.position),
        reason: taken_back.reason.clone().unwrap_or_else(|| "recorded outside of this case".to_owned()),
    }
}
