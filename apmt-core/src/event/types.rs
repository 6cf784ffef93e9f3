//! The types of events and the fields that belong to each.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Number;
use uuid::Uuid;

use crate::time::Timestamp;

/// Whether an actor is a person or a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum ActorKind {
    /// A person.
    Human,
    /// An AI agent, or any other program.
    Agent,
}

impl ActorKind {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Human => "HUMAN",
            Self::Agent => "AGENT",
        }
    }
}

/// How a verdict fared on appeal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The verdict stood.
    Upheld,
    /// The verdict was reversed.
    Reversed,
}

impl Outcome {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upheld => "UPHELD",
            Self::Reversed => "REVERSED",
        }
    }
}

/// What happened, with the fields that belong to the type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// The case enters the common pool; its clock starts.
    CaseOpened {
        /// The kind of case, such as `expedited`, as it was sent: see [`Track`](crate::Track). At most 256 bytes.
        track: Option<Box<str>>,
        /// When the case should be done.
        due: Option<Timestamp>,
    },
    /// The case lands in the actor's queue.
    Assigned,
    /// The case goes back to the pool.
    Unassigned,
    /// The clock stops (tolling).
    Paused {
        /// Why, such as `waiting for the applicant`.
        reason: Option<Box<str>>,
    },
    /// The clock goes on.
    Resumed {
        /// Why.
        reason: Option<Box<str>>,
    },
    /// An agent recommends.
    AiRecommendation {
        /// What it recommends.
        ai_recommendation: Box<str>,
        /// Which model, and which version of it.
        model: Option<Box<str>>,
        /// How sure it says it is.
        confidence: Option<Number>,
    },
    /// A verdict.
    Decision {
        /// What an agent had recommended.
        ai_recommendation: Option<Box<str>>,
        /// What the actor decided.
        human_verdict: Option<Box<str>>,
    },
    /// A verdict that reverses the recommendation.
    Override {
        /// What an agent had recommended.
        ai_recommendation: Option<Box<str>>,
        /// What the actor decided instead.
        human_verdict: Option<Box<str>>,
    },
    /// The case is done.
    CaseClosed,
    /// The case is taken up again.
    CaseReopened,
    /// The actor opened the file: a review begins.
    Viewed,
    /// Stars were asked for.
    SurveySent {
        /// How, such as `e-mail`.
        channel: Option<Box<str>>,
    },
    /// A citizen's stars.
    SatScore {
        /// From 1 to 5.
        value: u8,
        /// How they came, such as `web`.
        channel: Option<Box<str>>,
    },
    /// How a verdict fared on appeal.
    AppealOutcome {
        /// Whether it stood.
        outcome: Outcome,
    },
    /// Another event never counts again; the log keeps both.
    Retraction {
        /// The other event's id.
        retracts: Uuid,
        /// Why.
        reason: Box<str>,
    },
    /// An improvement plan opens for the actor.
    PlanStarted {
        /// Who opened it.
        by: Option<Box<str>>,
        /// What was noted.
        note: Option<Box<str>>,
    },
    /// An improvement plan closes.
    PlanClosed {
        /// Who closed it.
        by: Option<Box<str>>,
        /// What was noted.
        note: Option<Box<str>>,
    },
    /// A type of one's own, whose name starts with `X_`: stored and never scored.
    Custom {
        /// The type's whole name.
        name: Box<str>,
    },
}

macro_rules! event_types {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// The type of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EventType {
            $(#[doc = $doc] $variant,)*
            /// A type of one's own, whose name starts with `X_`.
            Custom,
        }

        impl EventType {
            /// Every type that APMT defines.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in JSON; `X_` for types of one's own, whose names the event itself holds.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Custom => "X_",
                }
            }

            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ if name.starts_with("X_") => Some(Self::Custom),
                    _ => None,
                }
            }
        }
    };
}

event_types! {
    CaseOpened = "CASE_OPENED", "The case enters the common pool.";
    Assigned = "ASSIGNED", "The case lands in an actor's queue.";
    Unassigned = "UNASSIGNED", "The case goes back to the pool.";
    Paused = "PAUSED", "The clock stops.";
    Resumed = "RESUMED", "The clock goes on.";
    AiRecommendation = "AI_RECOMMENDATION", "An agent recommends.";
    Decision = "DECISION", "A verdict.";
    Override = "OVERRIDE", "A verdict that reverses the recommendation.";
    CaseClosed = "CASE_CLOSED", "The case is done.";
    CaseReopened = "CASE_REOPENED", "The case is taken up again.";
    Viewed = "VIEWED", "The actor opened the file.";
    SurveySent = "SURVEY_SENT", "Stars were asked for.";
    SatScore = "SAT_SCORE", "A citizen's stars.";
    AppealOutcome = "APPEAL_OUTCOME", "How a verdict fared on appeal.";
    Retraction = "RETRACTION", "Another event never counts again.";
    PlanStarted = "PLAN_STARTED", "An improvement plan opens.";
    PlanClosed = "PLAN_CLOSED", "An improvement plan closes.";
}

impl EventType {
    /// Whether the type needs a case.
    pub const fn needs_case(self) -> bool {
        use EventType as T;
        !matches!(
            self,
            T::Decision
                | T::Override
                | T::SatScore
                | T::Retraction
                | T::PlanStarted
                | T::PlanClosed
                | T::Custom
        )
    }

    /// Whether the type needs an actor.
    pub const fn needs_actor(self) -> bool {
        use EventType as T;
        matches!(
            self,
            T::Assigned
                | T::AiRecommendation
                | T::Decision
                | T::Override
                | T::Viewed
                | T::PlanStarted
                | T::PlanClosed
        )
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl What {
    /// The type.
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::CaseOpened { .. } => EventType::CaseOpened,
            Self::Assigned => EventType::Assigned,
            Self::Unassigned => EventType::Unassigned,
            Self::Paused { .. } => EventType::Paused,
            Self::Resumed { .. } => EventType::Resumed,
            Self::AiRecommendation { .. } => EventType::AiRecommendation,
            Self::Decision { .. } => EventType::Decision,
            Self::Override { .. } => EventType::Override,
            Self::CaseClosed => EventType::CaseClosed,
            Self::CaseReopened => EventType::CaseReopened,
            Self::Viewed => EventType::Viewed,
            Self::SurveySent { .. } => EventType::SurveySent,
            Self::SatScore { .. } => EventType::SatScore,
            Self::AppealOutcome { .. } => EventType::AppealOutcome,
            Self::Retraction { .. } => EventType::Retraction,
            Self::PlanStarted { .. } => EventType::PlanStarted,
            Self::PlanClosed { .. } => EventType::PlanClosed,
            Self::Custom { .. } => EventType::Custom,
        }
    }

    /// The bytes of all text among the type's fields.
    pub(crate) fn text_bytes(&self) -> usize {
        let of = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        match self {
            Self::CaseOpened { track: text, .. }
            | Self::Paused { reason: text }
            | Self::Resumed { reason: text }
            | Self::SurveySent { channel: text }
            | Self::SatScore { channel: text, .. } => of(text),
            Self::AiRecommendation { ai_recommendation, model, .. } => ai_recommendation.len() + of(model),
            Self::Decision { ai_recommendation: a, human_verdict: b }
            | Self::Override { ai_recommendation: a, human_verdict: b }
            | Self::PlanStarted { by: a, note: b }
            | Self::PlanClosed { by: a, note: b } => of(a) + of(b),
            Self::Retraction { reason, .. } => reason.len(),
            Self::Custom { name } => name.len(),
            Self::Assigned
            | Self::Unassigned
            | Self::CaseClosed
            | Self::CaseReopened
            | Self::Viewed
            | Self::AppealOutcome { .. } => 0,
        }
    }

    /// The type's name in JSON, with the whole name of a type of one's own.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Custom { name } => name,
            known => known.event_type().name(),
        }
    }
}

/// Whether two verdicts say the same: compared trimmed and without case.
pub(crate) fn same_verdict(a: &str, b: &str) -> bool {
    let (a, b) = (a.trim(), b.trim());
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a.to_lowercase() == b.to_lowercase()
}
