//! `/plan?actor=`: the form that starts a plan, pre-filled, and what it sends.

use apmt_core::{ActorName, AsOf, Event, Invalid, Timestamp};
use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::{Plan, by, date, place};
use crate::dashboard::page::{Base, Failure, Shell, html, see_other};
use crate::dashboard::words::encoded;
use crate::http::form::Fields;
use crate::http::params::Params;
use crate::http::plans::read_id;
use crate::http::problem::Problem;
use crate::http::{App, Caller};
use crate::plan::{
    self, Evidence, Measure, Notice, Period, PlanKind, Shown, Terms, gather, prefill, read_day, today,
};

/// How many days a plan has where nothing is said.
const USUAL_DAYS: u32 = 60;
/// How many days are offered.
const DAYS: [i64; 3] = [30, 60, 90];

#[derive(Template)]
#[template(path = "plan/form.html")]
struct Page<'a> {
    shell: Shell,
    name: String,
    encoded: String,
    title: &'static str,
    evidence: &'a Evidence,
    shown: Shown<'a>,
    digest: String,
    sent: &'a Sent,
    /// A plan that is open already.
    open: Option<Plan>,
    /// What is wrong with what was sent.
    wrong: Option<String>,
    measures: Vec<(&'static str, &'static str, bool)>,
    /// How many days, until when, and whether that is chosen.
    periods: Vec<(i64, String, bool)>,
    other_period: bool,
}

/// What a form sends.
struct Sent {
    id: Uuid,
    by: String,
    note: String,
    terms: Terms,
}

/// `GET /plan`: the form, pre-filled: `?actor=`, and where they are given `&rule=` and `&as_of=`.
pub(in crate::dashboard) async fn form(
    State(app): State<App>,
    base: Base,
    uri: Uri,
) -> Result<Response, Failure> {
    let made = async {
        let params = Params::of(&uri, &["actor", "rule", "as_of"])?;
        let actor = params.actor("actor")?;
        let rule = params.text("rule").filter(|rule| !rule.is_empty());
        let evidence = gather(app.client(), &actor, params.as_of()?, rule).await?;
        let person = app.directory().person(&actor);
        let now = app.client().status().await?.now;
        let mut blank = Event::plan_started(actor.as_str()).build()?;
        let sent = Sent {
            id: blank.identify(now),
            by: person.supervisor_name().to_owned(),
            note: String::new(),
            terms: prefill(&evidence, person, Period::of_days(today(now), USUAL_DAYS)?),
        };
        page(&app, &base, &sent, &evidence, None).await
    };
    made.await.map_err(|problem| base.failure(problem))
}

/// The form, for the first time or again.
async fn page(
    app: &App,
    base: &Base,
    sent: &Sent,
    evidence: &Evidence,
    wrong: Option<String>,
) -> Result<Response, Problem> {
    let open = app.plans().of(&evidence.actor).await?;
    let now = app.client().status().await?.now;
    let title = plan::title(PlanKind::of(evidence.actor_kind));
    let period = sent.terms.period;
    let measure = |measure: &Measure| (measure.name(), measure.words(), sent.terms.measure == Some(*measure));
    let choice = |days: i64| {
        let end = period.start() + chrono::TimeDelta::days(days);
        (days, date(end), days == period.days())
    };
    Ok(html(&Page {
        shell: Shell::new(base, format!("{title}: {}", evidence.actor)),
        name: evidence.actor.to_string(),
        encoded: encoded(evidence.actor.as_str()),
        title,
        evidence,
        shown: Shown::of(evidence),
        digest: evidence.digest(),
        sent,
        open: open.map(|plan| Plan::of(&plan, now)),
        wrong,
        measures: Measure::ALL.iter().map(measure).collect(),
        periods: DAYS.map(choice).to_vec(),
        other_period: !DAYS.contains(&period.days()),
    }))
}

/// `POST /plan`: what the form sends. It starts the plan, or shows or saves the notice.
pub(in crate::dashboard) async fn submit(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    base: Base,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let made = async {
        let fields = Fields::read(&app, &headers, body).await?;
        submitted(&app, &caller, &base, &fields).await
    };
    made.await.map_err(|problem| base.failure(problem))
}

async fn submitted(app: &App, caller: &Caller, base: &Base, fields: &Fields) -> Result<Response, Problem> {
    let evidence = evidence(app, fields).await?;
    let person = app.directory().person(&evidence.actor);
    // Who writes a day that there is not keeps the rest of what was written.
    let (period, amiss) = match period(fields) {
        Ok(period) => (period, None),
        Err(invalid) => {
            let today = today(app.client().status().await?.now);
            (Period::of_days(today, USUAL_DAYS)?, Some(invalid))
        }
    };
    let sent = Sent {
        id: read_id(&fields.text("id"))?,
        by: by(fields, caller),
        note: fields.text("note"),
        terms: terms(fields, prefill(&evidence, person, period))?,
    };
    let again = async |status: StatusCode, wrong: String| {
        let mut response = page(app, base, &sent, &evidence, Some(wrong)).await?;
        *response.status_mut() = status;
        Ok(response)
    };
    if evidence.digest() != fields.text("evidence") {
        let wrong = "The record has changed since this form was opened: events came in, or were retracted, that \
                     concern this actor. Look through the instances again.";
        return again(StatusCode::CONFLICT, wrong.to_owned()).await;
    }
    let made = amiss.map_or(Ok(()), Err).and_then(|()| Notice::new(sent.terms.clone(), evidence.clone()));
    let made = made.and_then(|notice| Ok((notice.to_event(Some(sent.id), &sent.by, &sent.note)?, notice)));
    let (event, notice) = match made {
        Ok(made) => made,
        Err(invalid) => return again(StatusCode::BAD_REQUEST, invalid.to_string()).await,
    };
    match &*fields.text("action") {
        "start" => {
            app.record_event(event).await?;
            Ok(see_other(&format!("{}/{}", base.path(), place(sent.id))))
        }
        "preview" => Ok(super::notice::preview(base, &notice)),
        "save" => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"notice.json\""),
            ];
            Ok((headers, notice.to_json()).into_response())
        }
        other => Err(Invalid::new("action", other, "must be start, preview or save").into()),
    }
}

/// The evidence as the form showed it, if nothing has changed since.
async fn evidence(app: &App, fields: &Fields) -> Result<Evidence, Problem> {
    let actor = ActorName::new(&fields.text("actor"))?;
    let as_of = fields.text("as_of");
    let as_of: Timestamp = as_of.parse().map_err(|error: apmt_core::time::ParseTimestampError| {
        Invalid::new("as_of", &as_of, error.to_string())
    })?;
    let rule = fields.sent("rule").filter(|rule| !rule.is_empty());
    Ok(match gather(app.client(), &actor, AsOf::At(as_of), rule.as_deref()).await {
        // What came later has ended the rule: what was shown is no longer so.
        Err(error) if error.invalid().is_some_and(|invalid| invalid.field() == "rule") => {
            gather(app.client(), &actor, AsOf::At(as_of), None).await?
        }
        gathered => gathered?,
    })
}

fn period(fields: &Fields) -> Result<Period, Invalid> {
    let start = read_day("start", &fields.text("start"))?;
    match &*fields.text("period") {
        "until" => Period::until(start, read_day("end", &fields.text("end"))?),
        days => {
            let rule = "must be a number of days, or until";
            Period::of_days(start, days.parse().map_err(|_| Invalid::new("period", days, rule))?)
        }
    }
}

/// The terms as they were sent. What a form leaves out is as it was pre-filled.
fn terms(fields: &Fields, mut terms: Terms) -> Result<Terms, Invalid> {
    for (name, text) in terms.texts_mut() {
        if let Some(sent) = fields.sent(name) {
            *text = sent;
        }
    }
    if terms.measure.is_some() {
        terms.measure = Some(fields.text("measure").parse()?);
    }
    Ok(terms)
}
