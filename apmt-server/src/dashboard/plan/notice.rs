//! `/plan/notice?id=`: the notice as it was recorded, to print; and `/plan/close`, the end of a plan.

use apmt_core::{ActorName, What};
use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::{Plan, by, place};
use crate::dashboard::page::{Base, Failure, Shell, html, see_other};
use crate::dashboard::words::encoded;
use crate::http::form::Fields;
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::http::{App, Caller};
use crate::plan::{self, Notice, RecordedAs, Shown, Terms};

#[derive(Template)]
#[template(path = "plan/notice.html")]
struct Page<'a> {
    shell: Shell,
    name: String,
    encoded: String,
    /// As it was recorded; nothing for a notice that is only looked at.
    recorded: Option<RecordedAs<'a>>,
    /// The plan, as long as it is open.
    open: Option<Plan>,
    title: &'static str,
    terms: &'a Terms,
    shown: Shown<'a>,
    digest: String,
}

impl<'a> Page<'a> {
    fn of(base: &Base, notice: &'a Notice) -> Self {
        let title = plan::title(notice.kind);
        Self {
            shell: Shell::new(base, format!("{title}: {}", notice.actor())),
            name: notice.actor().to_string(),
            encoded: encoded(notice.actor().as_str()),
            recorded: None,
            open: None,
            title,
            terms: &notice.terms,
            shown: Shown::of(&notice.evidence),
            digest: notice.digest(),
        }
    }
}

/// A notice that has not been recorded, as it would look.
pub(super) fn preview(base: &Base, notice: &Notice) -> Response {
    html(&Page::of(base, notice))
}

/// `GET /plan/notice`.
pub(in crate::dashboard) async fn notice(
    State(app): State<App>,
    base: Base,
    uri: Uri,
) -> Result<Response, Failure> {
    let made = async {
        let params = Params::of(&uri, &["id"])?;
        let (notice, recorded) = app.notice(params.text("id").unwrap_or_default()).await?;
        let now = app.client().status().await?.now;
        let open = app.plans().of(notice.actor()).await?.filter(|plan| plan.id == recorded.id);
        let by = match recorded.event.what() {
            What::PlanStarted { by: Some(by), .. } => by,
            _ => "",
        };
        Ok(html(&Page {
            recorded: Some(RecordedAs { id: recorded.id, at: recorded.occurred_at, by }),
            open: open.map(|plan| Plan::of(&plan, now)),
            ..Page::of(&base, &notice)
        }))
    };
    made.await.map_err(|problem: Problem| base.failure(problem))
}

/// `POST /plan/close`.
pub(in crate::dashboard) async fn close(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    base: Base,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let made = async {
        let fields = Fields::read(&app, &headers, body).await?;
        let actor = ActorName::new(&fields.text("actor"))?;
        let Some(open) = app.plans().of(&actor).await? else {
            let detail = format!("{actor} has no open plan: it may be closed already");
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        };
        app.record_event(plan::closing(&actor, &by(&fields, &caller), &fields.text("note"))?).await?;
        let onward = match open.period {
            Some(_) => place(open.id),
            None => format!("actor?actor={}", encoded(actor.as_str())),
        };
        Ok(see_other(&format!("{}/{onward}", base.path())))
    };
    made.await.map_err(|problem| base.failure(problem))
}
