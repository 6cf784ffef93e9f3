//! The specific instances: case, date, and what was missed.

use apmt_core::{Calendar, CaseId, EventType, Recorded, Timestamp, What, case};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::evidence::advice_before;
use super::select::Candidate;

/// The most characters of a text that an instance repeats.
const SHOWN: usize = 120;

/// What kind of thing was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InstanceKind {
    /// A verdict that reversed the recommendation.
    Override,
    /// A verdict that was reversed on appeal.
    ReversedOnAppeal,
    /// A citizen's low rating.
    LowRating,
    /// A case that stood on the actor's clock for too long.
    SlowCase,
    /// A case that stands on the actor's clock still.
    OpenCase,
    /// An agent's advice that a verdict reversed.
    AdviceOverridden,
}

impl InstanceKind {
    /// The kind in words, for many.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Override => "recommendations overridden",
            Self::ReversedOnAppeal => "verdicts reversed on appeal",
            Self::LowRating => "low ratings",
            Self::SlowCase => "cases that took too long",
            Self::OpenCase => "cases open",
            Self::AdviceOverridden => "advice overridden",
        }
    }
}

/// One instance, as it was when it was frozen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlanInstance)]
#[non_exhaustive]
pub struct Instance {
    /// What kind of thing was missed.
    pub kind: InstanceKind,
    /// When: for an open case, since when.
    pub at: Timestamp,
    /// The position in the log of the event that says so; absent for an open case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub position: Option<u64>,
    /// The case, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub case_id: Option<CaseId>,
    /// What was missed, in a sentence.
    pub missed: String,
    /// What the agent recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recommended: Option<String>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided: Option<String>,
    /// The model that recommended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub model: Option<String>,
    /// How the verdict fared on appeal: `UPHELD` or `REVERSED`; absent where nothing is known of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub appeal: Option<String>,
    /// Stars, or hours through the store's calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub value: Option<f64>,
    /// The last instant at which the case met the policy's target for its track; absent where there is none, while it
    /// is paused, and where the calendar is another machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub due: Option<Timestamp>,
}

impl Instance {
    /// What a candidate comes to, with the events of its case up to the instant of the evidence.
    pub(super) fn of(candidate: &Candidate, events: &[Recorded], calendar: Option<&Calendar>) -> Self {
        let mut instance = Self {
            kind: candidate.kind,
            at: candidate.at,
            position: Some(candidate.position).filter(|position| *position > 0),
            case_id: candidate.case_id.clone(),
            missed: String::new(),
            recommended: None,
            decided: None,
            model: None,
            appeal: None,
            value: candidate.value,
            due: calendar.zip(candidate.clock.as_ref()).and_then(|(calendar, (holder, since, target))| {
                case::due(events, calendar, *since, holder, *target)
            }),
        };
        let cause = events.iter().find(|event| event.position == candidate.position);
        match candidate.kind {
            InstanceKind::Override | InstanceKind::AdviceOverridden => {
                if let Some(verdict) = cause {
                    instance.tell_verdict(verdict, candidate, events);
                }
            }
            InstanceKind::ReversedOnAppeal => {
                let before = cause.map(Recorded::order);
                let verdict = events.iter().rfind(|event| is_verdict(event) && Some(event.order()) <= before);
                if let Some(verdict) = verdict {
                    instance.tell_verdict(verdict, candidate, events);
                }
                instance.appeal = Some("REVERSED".to_owned());
            }
            InstanceKind::LowRating | InstanceKind::SlowCase | InstanceKind::OpenCase => {}
        }
        instance.missed = instance.sentence(candidate);
        instance
    }

    /// What was recommended and decided, and how that fared on appeal.
    fn tell_verdict(&mut self, verdict: &Recorded, candidate: &Candidate, events: &[Recorded]) {
        let (at, position) = verdict.order();
        if let What::Decision { ai_recommendation, human_verdict }
        | What::Override { ai_recommendation, human_verdict } = verdict.event.what()
        {
            self.recommended = ai_recommendation.as_deref().map(shortened);
            self.decided = human_verdict.as_deref().map(shortened);
        }
        let adviser = if candidate.kind == InstanceKind::AdviceOverridden {
            Some(&candidate.contribution_actor)
        } else {
            let advice = events.iter().filter(|event| event.order() <= (at, position));
            let newest = advice.rev().find(|event| event.event.event_type() == EventType::AiRecommendation);
            newest.and_then(|event| event.event.actor())
        };
        if let Some(adviser) = adviser {
            let advice = advice_before(events, adviser, at, position);
            self.recommended = self.recommended.take().or(advice.recommended);
            self.model = advice.model;
        }
        self.appeal = appeal_of(verdict, events);
    }

    fn sentence(&self, candidate: &Candidate) -> String {
        let quoted = |text: &Option<String>| text.as_deref().map(|text| format!("“{text}”"));
        let (recommended, decided) = (quoted(&self.recommended), quoted(&self.decided));
        let (value, limit_text) = (self.value.unwrap_or_default(), candidate.limit.map(number));
        let mut sentence = match (self.kind, recommended, decided) {
            (InstanceKind::AdviceOverridden, Some(recommended), Some(decided)) => {
                format!("Advised {recommended}; the verdict was {decided}.")
            }
            (InstanceKind::AdviceOverridden, ..) => "The verdict reversed the advice.".to_owned(),
            (InstanceKind::Override | InstanceKind::ReversedOnAppeal, Some(recommended), Some(decided)) => {
                format!("Decided {decided}; recommended was {recommended}.")
            }
            (InstanceKind::Override, ..) => "The verdict reversed the recommendation.".to_owned(),
            (InstanceKind::ReversedOnAppeal, ..) => "A verdict was appealed.".to_owned(),
            (InstanceKind::LowRating, ..) => format!("A citizen gave {} of 5 stars.", number(value)),
            (InstanceKind::SlowCase, ..) => match (candidate.working_days, limit_text) {
                (Some((day, target)), _) => {
                    format!("It took until working day {day}; the target was {target}.")
                }
                (None, Some(limit)) => format!("It took {} hours, more than {limit}.", number(value)),
                (None, None) => format!("It took {} hours.", number(value)),
            },
            (InstanceKind::OpenCase, ..) => match (candidate.working_days, limit_text) {
                (Some((day, target)), _) => {
                    format!("It had come to working day {day}; the target was {target}.")
                }
                (None, Some(limit)) => {
                    format!("It had been open for {} hours, more than {limit}.", number(value))
                }
                (None, None) => format!("It had been open for {} hours.", number(value)),
            },
        };
        if let Some(due) = self.due {
            sentence = format!("{sentence} Due at {} UTC.", minute(due));
        }
        match self.appeal.as_deref() {
            Some("UPHELD") => sentence.push_str(" On appeal the verdict was upheld."),
            Some("REVERSED") => sentence.push_str(" On appeal the verdict was reversed."),
            _ => {}
        }
        sentence
    }
}

fn is_verdict(event: &Recorded) -> bool {
    matches!(event.event.event_type(), EventType::Decision | EventType::Override)
}

/// How a verdict fared on appeal: the newest outcome after it and before the next verdict.
fn appeal_of(verdict: &Recorded, events: &[Recorded]) -> Option<String> {
    let after = events.iter().filter(|event| event.order() > verdict.order());
    let mut outcome = None;
    for event in after.take_while(|event| !is_verdict(event)) {
        if let What::AppealOutcome { outcome: found } = event.event.what() {
            outcome = Some(found.name().to_owned());
        }
    }
    outcome
}

/// A number to at most one decimal.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A text of others, short, on one line.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String =
        text.trim().chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

/// An instant to the minute, in UTC, for people.
pub(super) fn minute(at: Timestamp) -> String {
    at.to_datetime().format("%Y-%m-%d %H:%M").to_string()
}
