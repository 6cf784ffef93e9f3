//! Improvement plans on the screen: who has one, the form that starts one, the notice to print, and the end.
//!
//! What a page sends is refused where a browser says that it is another site's, and a form that is sent twice is recorded
//! once, for it holds the event's id.

mod form;
mod notice;

use std::time::Duration;

use apmt_core::{ActorName, Timestamp};
use chrono::NaiveDate;

use super::page::Moment;
use crate::http::App;
use crate::http::form::Fields;
use crate::http::problem::Problem;
use crate::plan::OpenPlan;
pub(super) use form::{form, submit};
pub(super) use notice::{close, notice};

/// For how long a page waits for what is only read from the whole log: once, and ahead of the first page where a server
/// keeps the board.
const PATIENCE: Duration = Duration::from_millis(300);

/// An open plan as pages show it.
pub(super) struct Plan {
    /// "23 days left", "last day", "ended 3 days ago".
    pub(super) left: String,
    /// Whether its period has ended, so that somebody must decide.
    pub(super) is_over: bool,
    pub(super) started: Moment,
    pub(super) by: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) until: Option<String>,
    /// Where the notice is; nowhere for a plan that was started without one.
    pub(super) notice: Option<String>,
}

impl Plan {
    pub(super) fn of(plan: &OpenPlan, now: Timestamp) -> Self {
        let days_left = plan.days_left(crate::plan::today(now));
        Self {
            left: plan.words(now),
            is_over: days_left.is_some_and(|left| left < 0),
            started: Moment::of(plan.started_at),
            by: plan.by.clone(),
            rule: plan.rule.clone(),
            until: plan.period.map(|period| date(period.end())),
            notice: plan.period.map(|_| place(plan.id)),
        }
    }
}

/// Where the notice of that event is, from the base on.
fn place(id: uuid::Uuid) -> String {
    format!("plan/notice?id={id}")
}

/// A day as a page shows it: `2 Mar 2026`.
fn date(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

/// What the log says of plans, unless that takes too long now: then nothing, and the page says so.
async fn in_time<T>(plans: impl Future<Output = apmt_core::Result<T>>) -> Result<Option<T>, Problem> {
    // What was read is kept: the next look goes on from there.
    Ok(tokio::time::timeout(PATIENCE, plans).await.ok().transpose()?)
}

/// Every open plan; `None` where the log has not been read that far.
pub(super) async fn all(app: &App) -> Result<Option<Vec<OpenPlan>>, Problem> {
    in_time(app.plans().open()).await
}

/// An actor's open plan; `None` where the log has not been read that far.
pub(super) async fn of(app: &App, actor: &ActorName) -> Result<Option<Option<OpenPlan>>, Problem> {
    in_time(app.plans().of(actor)).await
}

/// What a page says that could not wait for the plans.
pub(super) fn later<T>(plans: Option<&T>) -> Option<&'static str> {
    let words = "Which improvement plans are open is still being read from the record: load the page again in a moment.";
    plans.is_none().then_some(words)
}

/// Who sends a form: whoever it says, and the key that vouches for it where there are keys.
fn by(fields: &Fields, caller: &crate::http::Caller) -> String {
    match (fields.text("by"), caller.key().map(|key| format!("key {}", key.name()))) {
        (by, None) => by,
        (by, Some(key)) if by.is_empty() => key,
        (by, Some(key)) if by.ends_with(&format!("({key})")) => by,
        (by, Some(key)) => format!("{by} ({key})"),
    }
}
