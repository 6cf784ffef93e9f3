//! `/timeline?case_id=`: everything that happened to a case, and who held it when.

use apmt_core::{ActorName, AsOf, CaseId, Event, Outcome, Recorded, Timestamp, What};
use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::cases::reasons;
use super::chart::stretches::{self, Stretch, With};
use super::page::{Base, Failure, Moment, Shell, html};
use super::words::{counted, encoded};
use crate::http::App;
use crate::http::params::Params;
use crate::http::problem::Problem;

/// A page for a case.
#[derive(Template)]
#[template(path = "timeline.html")]
struct Page {
    shell: Shell,
    case_id: String,
    encoded: String,
    track: Option<String>,
    due: Option<Moment>,
    found: String,
    svg: String,
    /// Where the drawing begins, where it ends, and how long that is.
    ends: Option<(Moment, Moment, String)>,
    decided: bool,
    legend: Vec<Legend>,
    entries: Vec<Entry>,
    taken_back: usize,
}

struct Legend {
    class: &'static str,
    who: String,
    href: Option<String>,
    lasted: String,
    paused: Option<String>,
}

struct Entry {
    position: u64,
    at: Moment,
    what: String,
    actor: Option<(String, String)>,
    details: Vec<String>,
    due: Option<Moment>,
    /// Why it counts no longer.
    taken_back: Option<String>,
    class: &'static str,
}

/// Where a case's timeline is; at an event of it, where the position is not 0.
pub(super) fn href(case_id: &CaseId, position: u64) -> String {
    let anchor = if position > 0 { format!("#e{position}") } else { String::new() };
    format!("timeline?case_id={}{anchor}", encoded(case_id.as_str()))
}

/// `GET /timeline`.
pub(super) async fn page(State(app): State<App>, base: Base, uri: Uri) -> Result<Response, Failure> {
    made(&app, &base, &uri).await.map_err(|problem| base.failure(problem))
}

async fn made(app: &App, base: &Base, uri: &Uri) -> Result<Response, Problem> {
    let params = Params::of(uri, &["case_id"])?;
    let case_id = CaseId::new(params.text("case_id").unwrap_or_default())?;
    let events = app.client().store().case(&case_id).await?;
    if events.is_empty() {
        let detail = format!("{case_id}: no event names this case. Check the id: capital letters count.");
        return Err(Problem::missing("case", detail));
    }
    let now = app.resolve(AsOf::Now).await?;
    let stretches = stretches_of(&events, now);
    let counting = || events.iter().filter(|event| !event.retracted);
    let verdicts: Vec<Timestamp> = counting()
        .filter(|event| matches!(event.event.what(), What::Decision { .. } | What::Override { .. }))
        .map(|event| event.occurred_at)
        .collect();
    let opened = counting().find_map(|event| match event.event.what() {
        What::CaseOpened { track, due } => Some((track.as_deref().map(str::to_owned), *due)),
        _ => None,
    });
    let (track, due) = opened.unwrap_or_default();
    let reasons = reasons(&events);
    let entry = |event: &Recorded| {
        let reason = || {
            reasons
                .get(&event.id)
                .cloned()
                .unwrap_or_else(|| "the reason is recorded outside of this case".to_owned())
        };
        Entry {
            position: event.position,
            at: Moment::of(event.occurred_at),
            what: what(event),
            actor: event.event.actor().map(|actor| (actor.to_string(), encoded(actor.as_str()))),
            details: details(&event.event),
            due: match event.event.what() {
                What::CaseOpened { due, .. } => due.map(Moment::of),
                _ => None,
            },
            taken_back: event.retracted.then(reason),
            class: class(event),
        }
    };
    let page = Page {
        shell: Shell::new(base, format!("Case {case_id}")),
        encoded: encoded(case_id.as_str()),
        track,
        due: due.map(Moment::of),
        found: counted(events.len() as u64, "event", "events"),
        svg: stretches::chart("held", &stretches, &verdicts),
        ends: ends(&stretches),
        decided: !verdicts.is_empty(),
        legend: legend(&stretches),
        entries: events.iter().map(entry).collect(),
        taken_back: events.iter().filter(|event| event.retracted).count(),
        case_id: case_id.to_string(),
    };
    Ok(html(&page))
}

/// With whom the case was, from its first event until it was done, or until now.
///
/// This follows the fold's clock (`apmt_core::case`), the pool included, which is nobody's and so not among the clocks
/// that the fold gives.
fn stretches_of(events: &[Recorded], now: Timestamp) -> Vec<Stretch> {
    let mut met: Vec<ActorName> = Vec::new();
    let mut stretches: Vec<Stretch> = Vec::new();
    let (mut with, mut paused) = (With::Nobody, false);
    let mut since: Option<Timestamp> = None;
    let mut last_at = None;
    for event in events.iter().filter(|event| !event.retracted) {
        let (before, before_paused) = (with.clone(), paused);
        let actor = event.event.actor();
        let holder = match &with {
            With::Holder(name, _) => Some(name.as_str()),
            _ => None,
        };
        match event.event.what() {
            What::CaseOpened { .. } | What::CaseReopened => (with, paused) = (With::Pool, false),
            What::Unassigned => with = With::Pool,
            What::Assigned => {
                if let Some(actor) = actor {
                    let number = met.iter().position(|known| known == actor).unwrap_or_else(|| {
                        met.push(actor.clone());
                        met.len() - 1
                    });
                    with = With::Holder(actor.to_string(), number);
                }
            }
            What::Paused { .. } => paused = true,
            What::Resumed { .. } => paused = false,
            What::AiRecommendation { .. } if holder.is_none() || holder == actor.map(ActorName::as_str) => {
                (with, paused) = (With::Pool, false);
            }
            What::Decision { .. } | What::Override { .. } | What::CaseClosed => {
                (with, paused) = (With::Nobody, false);
            }
            _ => {}
        }
        last_at = Some(event.occurred_at);
        if since.is_none() || with != before || paused != before_paused {
            if let Some(from) = since.filter(|from| *from < event.occurred_at) {
                stretches.push(Stretch { from, to: event.occurred_at, with: before, paused: before_paused });
            }
            since = Some(event.occurred_at);
        }
    }
    if let (Some(from), Some(last)) = (since, last_at) {
        // A clock that runs has run until now; what is done ends with its last event.
        let to = if with == With::Nobody { last } else { now.max(last) };
        if from < to {
            stretches.push(Stretch { from, to, with, paused });
        }
    }
    stretches
}

/// Where the drawing of those begins and ends, and how long that is.
fn ends(stretches: &[Stretch]) -> Option<(Moment, Moment, String)> {
    let (first, last) = (stretches.first()?, stretches.last()?);
    let all = super::words::duration(super::words::hours(last.to.since(first.from)));
    Some((Moment::of(first.from), Moment::of(last.to), all))
}

/// Each of those with whom the case was, and for how long all together.
fn legend(stretches: &[Stretch]) -> Vec<Legend> {
    let mut seen: Vec<(&Stretch, u64, u64)> = Vec::new();
    for stretch in stretches {
        let ms = stretch.to.since(stretch.from);
        let paused = if stretch.paused { ms } else { 0 };
        match seen.iter_mut().find(|(known, ..)| known.with == stretch.with) {
            Some((_, all, all_paused)) => {
                *all += ms;
                *all_paused += paused;
            }
            None => seen.push((stretch, ms, paused)),
        }
    }
    let lasted = |ms: u64| super::words::duration(super::words::hours(ms));
    seen.into_iter()
        .map(|(stretch, all, paused)| Legend {
            class: stretch.class(),
            who: stretch.who().to_owned(),
            href: matches!(stretch.with, With::Holder(..))
                .then(|| format!("actor?actor={}", encoded(stretch.who()))),
            lasted: lasted(all),
            paused: (paused > 0).then(|| lasted(paused)),
        })
        .collect()
}

/// What an event says, in a few words.
pub(super) fn what(event: &Recorded) -> String {
    let words = match event.event.what() {
        What::CaseOpened { .. } => "Case opened",
        What::Assigned => "Assigned",
        What::Unassigned => "Put back into the pool",
        What::Paused { .. } => "Clock paused",
        What::Resumed { .. } => "Clock resumed",
        What::AiRecommendation { ai_recommendation, .. } => {
            return format!("Recommended: {ai_recommendation}");
        }
        What::Decision { human_verdict: Some(verdict), .. } => return format!("Decided: {verdict}"),
        What::Decision { .. } => "Decided",
        What::Override { human_verdict: Some(verdict), .. } => {
            return format!("Decided against the recommendation: {verdict}");
        }
        What::Override { .. } => "Decided against the recommendation",
        What::CaseClosed => "Case closed",
        What::CaseReopened => "Case reopened",
        What::Viewed => "File opened",
        What::SurveySent { .. } => "Citizen asked for a rating",
        What::SatScore { value, .. } => {
            return format!("Citizen gave {}", counted(u64::from(*value), "star", "stars"));
        }
        What::AppealOutcome { outcome: Outcome::Upheld } => "Appeal: the decision was upheld",
        What::AppealOutcome { outcome: Outcome::Reversed } => "Appeal: the decision was reversed",
        What::Retraction { .. } => "An entry was taken back",
        What::PlanStarted { .. } => "Improvement plan started",
        What::PlanClosed { .. } => "Improvement plan closed",
        other => return other.type_name().to_owned(),
    };
    words.to_owned()
}

/// What else an event says, a line each.
fn details(event: &Event) -> Vec<String> {
    let mut details = Vec::new();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            details.push(format!("{name}: {value}"));
        }
    };
    match event.what() {
        What::CaseOpened { track, .. } => add("track", track.as_deref()),
        What::Paused { reason } | What::Resumed { reason } => add("reason", reason.as_deref()),
        What::AiRecommendation { model, confidence, .. } => {
            add("model", model.as_deref());
            add("confidence", confidence.as_ref().map(ToString::to_string).as_deref());
        }
        What::Decision { ai_recommendation, .. } | What::Override { ai_recommendation, .. } => {
            add("recommendation", ai_recommendation.as_deref());
        }
        What::SurveySent { channel } | What::SatScore { channel, .. } => add("by", channel.as_deref()),
        What::Retraction { reason, .. } => add("reason", Some(reason)),
        What::PlanStarted { by, note } | What::PlanClosed { by, note } => {
            add("by", by.as_deref());
            add("note", note.as_deref());
        }
        _ => {}
    }
    for (name, value) in event.extra() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        details.push(format!("{name}: {value}"));
    }
    details
}

/// The class that marks what weighs more.
fn class(event: &Recorded) -> &'static str {
    match event.event.what() {
        _ if event.retracted => "taken-back",
        What::Override { .. } => "override",
        What::Decision { .. } => "decision",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(events: Vec<apmt_core::event::EventBuilder>) -> Vec<Recorded> {
        let now = "2026-03-09T00:00:00Z".parse().unwrap();
        events
            .into_iter()
            .zip(1..)
            .map(|(event, position)| Recorded::new(event.build().unwrap(), position, now))
            .collect()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_case_is_with_one_after_the_other() {
        let events = recorded(vec![
            Event::case_opened("C").at(at("2026-03-01T08:00:00Z")),
            Event::recommendation_of("model", "C", "deny").at(at("2026-03-01T08:30:00Z")),
            Event::assigned("C", "anne").at(at("2026-03-01T09:00:00Z")),
            Event::paused("C").at(at("2026-03-01T10:00:00Z")),
            Event::resumed("C").at(at("2026-03-01T12:00:00Z")),
            Event::decision("anne").case("C").at(at("2026-03-01T13:00:00Z")),
            Event::sat_score(4).case("C").at(at("2026-03-02T13:00:00Z")),
        ]);
        let stretches = stretches_of(&events, at("2026-03-09T00:00:00Z"));
        let seen: Vec<(&str, bool, String)> =
            stretches.iter().map(|stretch| (stretch.who(), stretch.paused, stretch.lasted())).collect();
        let said = |who, paused, lasted: &str| (who, paused, lasted.replace(' ', "\u{a0}"));
        assert_eq!(
            seen,
            [
                said("Common pool", false, "1.0 h"),
                said("anne", false, "1.0 h"),
                said("anne", true, "2.0 h"),
                said("anne", false, "1.0 h"),
                said("Decided or closed", false, "24 h"),
            ]
        );
        let legend = legend(&stretches);
        assert_eq!(legend[1].lasted, "4.0\u{a0}h");
        assert_eq!(legend[1].paused.as_deref(), Some("2.0\u{a0}h"));
    }

    #[test]
    fn an_open_case_is_with_its_holder_until_now() {
        let events = recorded(vec![Event::assigned("C", "anne").at(at("2026-03-01T09:00:00Z"))]);
        let stretches = stretches_of(&events, at("2026-03-01T12:00:00Z"));
        assert_eq!((stretches.len(), stretches[0].lasted()), (1, "3.0\u{a0}h".to_owned()));
        assert!(stretches_of(&[], at("2026-03-01T12:00:00Z")).is_empty());
    }

    #[test]
    fn links_hold_whatever_a_case_is_called() {
        let case = CaseId::new("a b/?#<script>").unwrap();
        assert_eq!(href(&case, 7), "timeline?case_id=a+b%2F%3F%23%3Cscript%3E#e7");
    }
}
