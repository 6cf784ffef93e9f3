//! `/evidence?actor=&of=`: the cases behind one number, each with the way to its timeline.

use apmt_core::policy::Target;
use apmt_core::{ActorName, CaseId, Contribution, Invalid, Measure, OpenCase, Timestamp, Track, case};
use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::dossier::Asked;
use super::page::{Base, Failure, Moment, Shell, html};
use super::timeline;
use super::words::{counted, duration, encoded, hours, instant, name};
use crate::grounds;
use crate::http::App;
use crate::http::params::Params;
use crate::http::problem::Problem;

/// How many rows a page has.
const PER_PAGE: usize = 50;

/// Which number the cases are behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Decisions,
    Overrides,
    Times,
    Stars,
    Appeals,
    Advice,
    AdviceOverridden,
    Open,
}

impl Of {
    const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Decisions, "decisions", "Decisions"),
        (Self::Overrides, "overrides", "Overrides"),
        (Self::Times, "times", "Cases handled"),
        (Self::Stars, "stars", "Citizens’ ratings"),
        (Self::Appeals, "appeals", "Appeals"),
        (Self::Advice, "advice", "Decisions on its advice"),
        (Self::AdviceOverridden, "advice-overridden", "Advice overridden"),
        (Self::Open, "open", "Open cases"),
    ];

    fn read(text: Option<&str>) -> Result<(Self, &'static str, &'static str), Invalid> {
        let text = text.unwrap_or("decisions");
        Self::ALL.into_iter().find(|(_, name, _)| *name == text).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name, _)| name);
            Invalid::new("of", text, format!("must be one of {}", names.join(", ")))
        })
    }

    const fn is_behind(self, measure: &Measure) -> bool {
        match (self, measure) {
            (Self::Decisions, Measure::Verdict { .. })
            | (Self::Times, Measure::Processing { .. })
            | (Self::Stars, Measure::Satisfaction { .. })
            | (Self::Appeals, Measure::Appeal { .. })
            | (Self::Advice, Measure::Recommendation { .. }) => true,
            (Self::Overrides, Measure::Verdict { overridden })
            | (Self::AdviceOverridden, Measure::Recommendation { overridden }) => *overridden,
            _ => false,
        }
    }
}

#[derive(Template)]
#[template(path = "evidence.html")]
struct Page {
    shell: Shell,
    name: String,
    encoded: String,
    at: String,
    of: &'static str,
    title: &'static str,
    found: String,
    as_of: Moment,
    window_days: u32,
    /// Whether rows are clocks that run: then the column is since when.
    open: bool,
    rows: Vec<Row>,
    place: Option<String>,
    previous: Option<usize>,
    next: Option<usize>,
}

struct Row {
    at: Moment,
    case: Option<(String, String)>,
    what: String,
    exact: String,
}

/// `GET /evidence`.
pub(super) async fn page(State(app): State<App>, base: Base, uri: Uri) -> Result<Response, Failure> {
    made(&app, &base, &uri).await.map_err(|problem| base.failure(problem))
}

async fn made(app: &App, base: &Base, uri: &Uri) -> Result<Response, Problem> {
    let params = Params::of(uri, &["actor", "of", "page", "as_of"])?;
    let asked = Asked::of(&params)?;
    let (of, of_name, title) = Of::read(params.text("of"))?;
    let page = usize::try_from(params.number("page")?.unwrap_or(1)).unwrap_or(usize::MAX).max(1);
    let window = asked.window(app).await?;
    let mut found: Vec<Found> = if of == Of::Open {
        let mut open = app.client().store().activity(&asked.actor, window).await?.open;
        open.sort_by_key(|open| std::cmp::Reverse(open.counted_ms));
        open.into_iter().map(Found::Open).collect()
    } else {
        let all = grounds::contributions(app.client(), &asked.actor, window).await?;
        all.into_iter().filter(|one| of.is_behind(&one.measure)).map(Found::Counted).collect()
    };
    let entries = counted(found.len() as u64, "entry", "entries");
    let last = found.len().div_ceil(PER_PAGE).max(1);
    let page = page.min(last);
    found.drain(..((page - 1) * PER_PAGE).min(found.len()));
    found.truncate(PER_PAGE);
    let mut rows = Vec::with_capacity(found.len());
    for found in found {
        rows.push(found.row(app, &asked.actor, window.until).await?);
    }
    let actor = name(&asked.actor);
    let page = Page {
        shell: Shell::new(base, format!("{title} · {actor}")),
        name: actor.to_owned(),
        encoded: encoded(asked.actor.as_str()),
        of: of_name,
        title,
        found: entries,
        as_of: Moment::of(window.until),
        window_days: app.client().policy().window_days(),
        open: of == Of::Open,
        rows,
        place: (last > 1).then(|| format!("Page {page} of {last}")),
        previous: (page > 1).then(|| page - 1),
        next: (page < last).then(|| page + 1),
        at: asked.at,
    };
    Ok(html(&page))
}

/// What a page lists.
enum Found {
    Open(OpenCase),
    Counted(Contribution),
}

impl Found {
    async fn row(&self, app: &App, actor: &ActorName, as_of: Timestamp) -> Result<Row, Problem> {
        Ok(match self {
            Self::Open(open) => {
                let clock = Clock {
                    counted_ms: open.counted_ms,
                    working_day: open.working_day,
                    since: open.since,
                    as_of,
                };
                let due = clock.due(app, actor, Some(&open.case_id), open.track.as_ref(), "overdue").await?;
                open_row(open, &due)
            }
            Self::Counted(one) => {
                let due = match one.measure {
                    Measure::Processing { counted_ms, working_day, since, held } => {
                        let nobody = ActorName::nobody();
                        let holder = if held { actor } else { &nobody };
                        let clock = Clock { counted_ms, working_day, since, as_of };
                        clock.due(app, holder, one.case_id.as_ref(), one.track.as_ref(), "late").await?
                    }
                    _ => String::new(),
                };
                row(one, &due)
            }
        })
    }
}

/// A clock that runs or has ended.
struct Clock {
    counted_ms: u64,
    working_day: u32,
    since: Timestamp,
    /// The end of the window: what happened later is not looked at.
    as_of: Timestamp,
}

impl Clock {
    /// When it was due under the policy's target, and whether it is past that; nothing where there is no target.
    async fn due(
        &self,
        app: &App,
        holder: &ActorName,
        case_id: Option<&CaseId>,
        track: Option<&Track>,
        past: &str,
    ) -> Result<String, Problem> {
        let Some(target) = app.client().policy().sla().map(|sla| sla.target_of(track)) else {
            return Ok(String::new());
        };
        let mut words = String::new();
        if let (Some(calendar), Some(case_id)) = (app.client().calendar(), case_id) {
            let mut events = app.client().store().case(case_id).await?;
            events.retain(|event| event.occurred_at <= self.as_of);
            if let Some(due) = case::due(&events, calendar, self.since, holder, target) {
                words = format!("; due {}", instant(due));
            }
        }
        if !target.is_met(self.counted_ms, self.working_day) {
            words = format!("{words}; {past}");
            if let Target::WorkingDays(_) = target {
                words = format!("{words}, on working day {}", self.working_day);
            }
            words = format!("{words}: the target is {target}");
        }
        Ok(words)
    }
}

fn open_row(open: &OpenCase, due: &str) -> Row {
    Row {
        at: Moment::of(open.since),
        case: Some((open.case_id.to_string(), timeline::href(&open.case_id, 0))),
        what: format!("On this clock for {}{due}", duration(hours(open.counted_ms))),
        exact: format!("{} h", hours(open.counted_ms)),
    }
}

fn row(contribution: &Contribution, due: &str) -> Row {
    let mut exact = String::new();
    let what = match contribution.measure {
        Measure::Verdict { overridden: true } => "Decided against the recommendation".to_owned(),
        Measure::Verdict { overridden: false } => "Decided".to_owned(),
        Measure::Processing { counted_ms, held, .. } => {
            exact = format!("{} h", hours(counted_ms));
            let from = if held { "Held" } else { "Taken from the pool after" };
            format!("{from} {}{due}", duration(hours(counted_ms)))
        }
        Measure::Satisfaction { stars } => {
            let stars = usize::from(stars).min(5);
            format!("{}{} {stars} of 5", "★".repeat(stars), "☆".repeat(5 - stars))
        }
        Measure::Recommendation { overridden: true } => "Its advice was overridden".to_owned(),
        Measure::Recommendation { overridden: false } => "Its advice was not overridden".to_owned(),
        Measure::Appeal { reversed, overrode } => {
            let what = if overrode { "An override" } else { "A decision" };
            format!("{what} was {} on appeal", if reversed { "reversed" } else { "upheld" })
        }
    };
    let case = contribution.case_id.as_ref();
    Row {
        at: Moment::of(contribution.at),
        case: case.map(|case| (case.to_string(), timeline::href(case, contribution.position))),
        what,
        exact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_decisions_and_not_the_other_way_round() {
        let (yes, no) = (Measure::Verdict { overridden: true }, Measure::Verdict { overridden: false });
        assert!(Of::Decisions.is_behind(&yes) && Of::Decisions.is_behind(&no));
        assert!(Of::Overrides.is_behind(&yes) && !Of::Overrides.is_behind(&no));
        assert!(!Of::Advice.is_behind(&yes) && !Of::Open.is_behind(&yes));
        assert!(Of::read(Some("heights")).is_err());
    }
}
