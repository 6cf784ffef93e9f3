//! Typed builders, and everything that becomes an event.

use serde_json::{Number, Value};
use uuid::Uuid;

use super::fields::Fields;
use super::{ActorKind, Event, EventType, Invalid, Outcome};
use crate::time::Timestamp;

/// An event in the making: see [`Event::decision`] and the other starting points.
///
/// Whatever is wrong is said by [`build`](Self::build), or by the call that records it.
#[must_use = "an event counts once it is recorded"]
pub struct EventBuilder(Fields);

impl Event {
    fn of_type(event_type: EventType) -> EventBuilder {
        let mut fields = Fields::default();
        fields.set("type", event_type.name());
        EventBuilder(fields)
    }

    /// `CASE_OPENED`: the case enters the common pool, and its clock starts.
    pub fn case_opened(case_id: &str) -> EventBuilder {
        Self::of_type(EventType::CaseOpened).case(case_id)
    }

    /// `ASSIGNED`: the case lands in this actor's queue.
    pub fn assigned(case_id: &str, actor: &str) -> EventBuilder {
        Self::of_type(EventType::Assigned).case(case_id).actor(actor)
    }

    /// `UNASSIGNED`: the case goes back to the pool.
    pub fn unassigned(case_id: &str) -> EventBuilder {
        Self::of_type(EventType::Unassigned).case(case_id)
    }

    /// `PAUSED`: the case's clock stops, for instance while the applicant is asked for papers.
    pub fn paused(case_id: &str) -> EventBuilder {
        Self::of_type(EventType::Paused).case(case_id)
    }

    /// `RESUMED`: the case's clock goes on.
    pub fn resumed(case_id: &str) -> EventBuilder {
        Self::of_type(EventType::Resumed).case(case_id)
    }

    /// `AI_RECOMMENDATION`: an agent recommends.
    pub fn recommendation_of(agent: &str, case_id: &str, ai_recommendation: &str) -> EventBuilder {
        Self::of_type(EventType::AiRecommendation)
            .actor(agent)
            .case(case_id)
            .ai_recommendation(ai_recommendation)
    }

    /// `DECISION`: a verdict.
    pub fn decision(actor: &str) -> EventBuilder {
        Self::of_type(EventType::Decision).actor(actor)
    }

    /// `OVERRIDE`: a verdict that reverses the recommendation.
    pub fn override_of(actor: &str) -> EventBuilder {
        Self::of_type(EventType::Override).actor(actor)
    }

    /// `CASE_CLOSED`: the case is done.
    pub fn case_closed(case_id: &str) -> EventBuilder {
        Self::of_type(EventType::CaseClosed).case(case_id)
    }

    /// `CASE_REOPENED`: the case is taken up again.
    pub fn case_reopened(case_id: &str) -> EventBuilder {
        Self::of_type(EventType::CaseReopened).case(case_id)
    }

    /// `VIEWED`: the actor opened the file.
    pub fn viewed(case_id: &str, actor: &str) -> EventBuilder {
        Self::of_type(EventType::Viewed).case(case_id).actor(actor)
    }

    /// `SURVEY_SENT`: stars were asked for.
    pub fn survey_sent(case_id: &str) -> EventBuilder {
        Self::of_type(EventType::SurveySent).case(case_id)
    }

    /// `SAT_SCORE`: a citizen's stars, from 1 to 5; it needs a [`case`](EventBuilder::case) or an
    /// [`actor`](EventBuilder::actor).
    pub fn sat_score(stars: u8) -> EventBuilder {
        let mut builder = Self::of_type(EventType::SatScore);
        builder.0.set("value", stars);
        builder
    }

    /// `APPEAL_OUTCOME`: how a verdict fared on appeal.
    pub fn appeal_outcome(case_id: &str, outcome: Outcome) -> EventBuilder {
        let mut builder = Self::of_type(EventType::AppealOutcome).case(case_id);
        builder.0.set("outcome", outcome.name());
        builder
    }

    /// `RETRACTION`: that event never counts again; the log keeps both.
    pub fn retraction(retracts: Uuid, reason: &str) -> EventBuilder {
        let mut builder = Self::of_type(EventType::Retraction).reason(reason);
        builder.0.set("retracts", retracts.to_string());
        builder
    }

    /// `PLAN_STARTED`: an improvement plan opens for the actor.
    pub fn plan_started(actor: &str) -> EventBuilder {
        Self::of_type(EventType::PlanStarted).actor(actor)
    }

    /// `PLAN_CLOSED`: the actor's improvement plan closes.
    pub fn plan_closed(actor: &str) -> EventBuilder {
        Self::of_type(EventType::PlanClosed).actor(actor)
    }

    /// An event of a type of one's own, whose name must start with `X_`: stored and never scored.
    pub fn custom(type_name: &str) -> EventBuilder {
        let mut fields = Fields::default();
        fields.set("type", type_name);
        EventBuilder(fields)
    }
}

macro_rules! text_fields {
    ($($name:ident: $doc:literal;)*) => {
        $(#[doc = $doc]
        pub fn $name(mut self, $name: &str) -> Self {
            self.0.set(stringify!($name), $name);
            self
        })*
    };
}

impl EventBuilder {
    text_fields! {
        actor: "Who did it: a person's e-mail, an agent's name.";
        ai_recommendation: "What an agent recommended.";
        human_verdict: "What the actor decided.";
        track: "The kind of case, for `CASE_OPENED`: see [`Track`](crate::Track).";
        model: "The model and its version, for `AI_RECOMMENDATION`.";
        reason: "Why, for `PAUSED`, `RESUMED` and `RETRACTION`.";
        channel: "How stars were asked for, or came.";
        by: "Who opened or closed a plan.";
        note: "What was noted of a plan.";
    }

    /// The case or ticket.
    pub fn case(mut self, case_id: &str) -> Self {
        self.0.set("case_id", case_id);
        self
    }

    /// Whether the actor is a person or a machine.
    pub fn actor_kind(mut self, kind: ActorKind) -> Self {
        self.0.set("actor_kind", kind.name());
        self
    }

    /// When it happened; without it, the time of recording.
    pub fn at(mut self, occurred_at: Timestamp) -> Self {
        self.0.set("occurred_at", occurred_at.to_string());
        self
    }

    /// The idempotency key; without it, the client makes one.
    pub fn id(mut self, id: Uuid) -> Self {
        self.0.set("id", id.to_string());
        self
    }

    /// When the case should be done, for `CASE_OPENED`.
    pub fn due(mut self, due: Timestamp) -> Self {
        self.0.set("due", due.to_string());
        self
    }

    /// How sure the agent says it is, for `AI_RECOMMENDATION`. A number that JSON cannot write (NaN, infinity) is
    /// left out.
    pub fn confidence(mut self, confidence: f64) -> Self {
        if let Some(number) = Number::from_f64(confidence) {
            self.0.set("confidence", Value::Number(number));
        }
        self
    }

    /// A field that APMT does not know: kept, and given back when the event is read.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.set_extra(name.into(), value.into());
        self
    }

    /// The event.
    ///
    /// # Errors
    /// [`Invalid`]: the field, the value and the rule.
    pub fn build(self) -> Result<Event, Invalid> {
        self.0.into_event()?.within_size()
    }
}

/// Anything that becomes an event: an [`Event`], a builder, a JSON value (`serde_json::json!({..})`), or JSON text.
pub trait IntoEvent {
    /// The event.
    ///
    /// # Errors
    /// [`Invalid`]: the field, the value and the rule.
    fn into_event(self) -> Result<Event, Invalid>;
}

impl IntoEvent for Event {
    fn into_event(self) -> Result<Event, Invalid> {
        Ok(self)
    }
}

impl IntoEvent for EventBuilder {
    fn into_event(self) -> Result<Event, Invalid> {
        self.build()
    }
}

impl IntoEvent for Value {
    fn into_event(self) -> Result<Event, Invalid> {
        Event::from_value(self)
    }
}

impl IntoEvent for &Value {
    fn into_event(self) -> Result<Event, Invalid> {
        Event::from_value(self.clone())
    }
}

impl IntoEvent for &str {
    fn into_event(self) -> Result<Event, Invalid> {
        Event::from_json(self)
    }
}

impl IntoEvent for String {
    fn into_event(self) -> Result<Event, Invalid> {
        Event::from_json(self)
    }
}

impl IntoEvent for &[u8] {
    fn into_event(self) -> Result<Event, Invalid> {
        Event::from_json(self)
    }
}

impl<T: IntoEvent> IntoEvent for Result<T, Invalid> {
    fn into_event(self) -> Result<Event, Invalid> {
        self?.into_event()
    }
}

impl TryFrom<Value> for Event {
    type Error = Invalid;

    fn try_from(value: Value) -> Result<Self, Invalid> {
        Self::from_value(value)
    }
}

impl std::str::FromStr for Event {
    type Err = Invalid;

    fn from_str(json: &str) -> Result<Self, Invalid> {
        Self::from_json(json)
    }
}
