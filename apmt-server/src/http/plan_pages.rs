//! The pages of plans, for people: the form that starts one, the notice as it was recorded, and the end.
//!
//! A page holds no script, and nothing but this server's own style: what a hostile name would bring is not run even
//! where it were not escaped. What a page sends is refused where a browser says that it is another site's
//! ([`origin`](super::origin)), and a form that is sent twice is recorded once, for it holds the event's id.

use apmt_core::{ActorName, AsOf, Event, Invalid, Timestamp};
use axum::Extension;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::params::Params;
use super::plans::read_id;
use super::problem::Problem;
use super::{App, Caller, body, origin};
use crate::keys::Scope;
use crate::plan::{
    self, CSS, Evidence, Form, Notice, Period, RecordedAs, Style, Terms, form_page, gather, notice_page,
    prefill, read_day, recorded_page, today,
};

/// The most bytes that a form may send: more than its texts may have, with percent signs.
const MAX_FORM_BYTES: usize = 256 * 1024;
/// What a browser may do with a page.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// How many days a plan has where nothing is said.
const USUAL_DAYS: u32 = 60;

/// The pages that show what is recorded about people.
pub(super) fn shown() -> OpenApiRouter<App> {
    OpenApiRouter::new().route("/plan", get(form)).route("/plan/notice", get(notice))
}

/// What the forms send.
pub(super) fn sent() -> OpenApiRouter<App> {
    OpenApiRouter::new().route("/plan", post(submit)).route("/plan/close", post(close))
}

/// What tells nothing of anybody.
pub(super) fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new().route("/plan/style.css", get(style))
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")], CSS)
        .into_response()
}

/// The form, pre-filled: `?actor=`, and where they are given `&rule=` and `&as_of=`.
async fn form(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    OriginalUri(original): OriginalUri,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["actor", "rule", "as_of"])?;
    let actor = params.actor("actor")?;
    let rule = params.text("rule").filter(|rule| !rule.is_empty());
    let evidence = gather(&app.client, &actor, params.as_of()?, rule).await?;
    let person = app.options.directory().person(&actor);
    let now = app.client.status().await?.now;
    let terms = prefill(&evidence, person, Period::of_days(today(now), USUAL_DAYS)?);
    let mut blank = Event::plan_started(actor.as_str()).build()?;
    let form = Sent {
        id: blank.identify(now),
        by: person.supervisor_name().to_owned(),
        note: String::new(),
        may_start: caller.scope().includes(Scope::Supervise),
        terms,
    };
    page(&app, &original, &uri, &form, &evidence, None).await
}

/// What a form sends.
struct Sent {
    id: Uuid,
    by: String,
    note: String,
    /// Whether the form may be sent by who sees it.
    may_start: bool,
    terms: Terms,
}

/// The form again, or for the first time.
async fn page(
    app: &App,
    original: &Uri,
    own: &Uri,
    sent: &Sent,
    evidence: &Evidence,
    wrong: Option<&str>,
) -> Result<Response, Problem> {
    let open = app.plans.of(&evidence.actor).await?;
    let base = base(original, own);
    let form = Form {
        terms: &sent.terms,
        evidence,
        by: &sent.by,
        note: &sent.note,
        id: sent.id,
        open: open.as_ref(),
        may_start: sent.may_start,
        wrong,
        base,
    };
    html(form_page(&form, Style::At(&format!("{base}/plan/style.css"))))
}

/// What the form sends: it starts the plan, or shows or saves the notice.
async fn submit(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    OriginalUri(original): OriginalUri,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let fields = Fields::read(&app, &headers, body).await?;
    let actor = ActorName::new(fields.text("actor"))?;
    let as_of: Timestamp =
        fields.text("as_of").parse().map_err(|error: apmt_core::time::ParseTimestampError| {
            Invalid::new("as_of", fields.text("as_of"), error.to_string())
        })?;
    let rule = Some(fields.text("rule")).filter(|rule| !rule.is_empty());
    let evidence = match gather(&app.client, &actor, AsOf::At(as_of), rule).await {
        // What came later has ended the rule: what was shown is no longer so.
        Err(error) if error.invalid().is_some_and(|invalid| invalid.field() == "rule") => {
            gather(&app.client, &actor, AsOf::At(as_of), None).await?
        }
        gathered => gathered?,
    };
    let person = app.options.directory().person(&actor);
    let period = fields.period()?;
    let sent = Sent {
        id: read_id(fields.text("id"))?,
        by: fields.by(&caller),
        may_start: true,
        note: fields.text("note").to_owned(),
        terms: fields.terms(prefill(&evidence, person, period))?,
    };
    if evidence.digest() != fields.text("evidence") {
        let wrong = "The record has changed since this form was opened: events came in, or were retracted, that \
                     concern this actor. Look through the instances again.";
        let mut response = page(&app, &original, &uri, &sent, &evidence, Some(wrong)).await?;
        *response.status_mut() = StatusCode::CONFLICT;
        return Ok(response);
    }
    let made = Notice::new(sent.terms.clone(), evidence.clone());
    let made = made.and_then(|notice| Ok((notice.to_event(Some(sent.id), &sent.by, &sent.note)?, notice)));
    let (event, notice) = match made {
        Ok(made) => made,
        Err(invalid) => {
            let mut response =
                page(&app, &original, &uri, &sent, &evidence, Some(&invalid.to_string())).await?;
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return Ok(response);
        }
    };
    let base = base(&original, &uri);
    match fields.text("action") {
        "start" => {
            app.record_event(event).await?;
            see(&format!("{base}/plan/notice?id={}", sent.id))
        }
        "preview" => html(notice_page(&notice, Style::At(&format!("{base}/plan/style.css")))),
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

/// The notice as it was recorded: `?id=` of the event.
async fn notice(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    OriginalUri(original): OriginalUri,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["id"])?;
    let (notice, recorded) = app.notice(params.text("id").unwrap_or_default()).await?;
    let open = app.plans.of(notice.actor()).await?;
    let by = match recorded.event.what() {
        apmt_core::What::PlanStarted { by: Some(by), .. } => by,
        _ => "",
    };
    let base = base(&original, &uri);
    let recorded = RecordedAs {
        id: recorded.id,
        at: recorded.occurred_at,
        by,
        base: Some(base),
        may_close: caller.scope().includes(Scope::Supervise)
            && open.is_some_and(|plan| plan.id == recorded.id),
    };
    html(recorded_page(&notice, Style::At(&format!("{base}/plan/style.css")), Some(recorded)))
}

/// Ends an actor's plan.
async fn close(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    OriginalUri(original): OriginalUri,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let fields = Fields::read(&app, &headers, body).await?;
    let actor = ActorName::new(fields.text("actor"))?;
    let Some(open) = app.plans.of(&actor).await? else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("{actor} has no open plan: it may be closed already"),
        ));
    };
    app.record_event(plan::closing(&actor, &fields.by(&caller), fields.text("note"))?).await?;
    let base = base(&original, &uri);
    if app.client.event(open.id).await?.is_some_and(|recorded| Notice::of_event(&recorded.event).is_ok()) {
        return see(&format!("{base}/plan/notice?id={}", open.id));
    }
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("actor", actor.as_str()).finish();
    see(&format!("{base}/plan?{query}"))
}

/// The fields of a form.
struct Fields(Vec<(String, String)>);

impl Fields {
    async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        if origin::is_foreign(headers) {
            return Err(origin::foreign());
        }
        let body = body::read(app, headers, body, "form", MAX_FORM_BYTES).await?;
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// A field's text, with the line ends that APMT writes; empty where it is not there.
    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// Who sends it: whoever the form says, and the key that vouches for it where there are keys.
    fn by(&self, caller: &Caller) -> String {
        match (self.text("by"), caller.key().map(|key| format!("key {}", key.name()))) {
            (by, None) => by.to_owned(),
            ("", Some(key)) => key,
            (by, Some(key)) if by.ends_with(&format!("({key})")) => by.to_owned(),
            (by, Some(key)) => format!("{by} ({key})"),
        }
    }

    fn period(&self) -> Result<Period, Invalid> {
        let start = read_day("start", self.text("start"))?;
        match self.text("period") {
            "until" => Period::until(start, read_day("end", self.text("end"))?),
            days => {
                let rule = "must be a number of days, or until";
                Period::of_days(start, days.parse().map_err(|_| Invalid::new("period", days, rule))?)
            }
        }
    }

    /// The terms as they were sent. What a form leaves out is as it was pre-filled.
    fn terms(&self, mut terms: Terms) -> Result<Terms, Invalid> {
        for (name, text) in terms.texts_mut() {
            if let Some((_, sent)) = self.0.iter().find(|(known, _)| known == name) {
                // Browsers send the ends of lines as CRLF.
                *text = sent.trim().replace("\r\n", "\n");
            }
        }
        if terms.measure.is_some() {
            terms.measure = Some(self.text("measure").parse()?);
        }
        Ok(terms)
    }
}

/// What comes before the router's own path, where it is mounted under one.
fn base<'a>(original: &'a Uri, own: &Uri) -> &'a str {
    original.path().strip_suffix(own.path()).unwrap_or_default().trim_end_matches('/')
}

/// Sends a browser on, so that loading the page again sends nothing again.
fn see(place: &str) -> Result<Response, Problem> {
    let place = HeaderValue::from_str(place).map_err(|_| Invalid::new("path", place, "must be ASCII"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response())
}

fn html(page: Result<String, std::fmt::Error>) -> Result<Response, Problem> {
    let page = page.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the page cannot be written: {error}"))
    })?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, page).into_response())
}
