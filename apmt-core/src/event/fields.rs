//! An event's fields before its type says what they mean, and the rules that make an event of them.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};
use uuid::Uuid;

use super::invalid::nearest;
use super::types::same_verdict;
use super::{ActorKind, Event, EventType, Invalid, Outcome, What};
use crate::name::{ActorName, CaseId, Sent, Track};
use crate::time::Timestamp;

/// The fields that some type of event knows. Where an event's own type does not, they are kept like any other.
const KNOWN: [&str; 19] = [
    "type",
    "id",
    "occurred_at",
    "actor",
    "actor_kind",
    "case_id",
    "track",
    "due",
    "reason",
    "ai_recommendation",
    "human_verdict",
    "model",
    "confidence",
    "channel",
    "value",
    "outcome",
    "retracts",
    "by",
    "note",
];

/// What the store adds. An exported event may be imported again, so these are passed over on the way in.
const STORE_ADDS: [&str; 3] = ["position", "recorded_at", "retracted"];

/// An event's fields, before its type says what they mean.
#[derive(Default)]
pub(super) struct Fields {
    known: [Option<Value>; KNOWN.len()],
    extra: Map<String, Value>,
    given_twice: Option<Box<str>>,
    /// Whether a store's fields were among them.
    pub(super) exported: bool,
}

impl Fields {
    pub(super) fn put(&mut self, name: Cow<'_, str>, value: Value) {
        if let Some(slot) = KNOWN.iter().position(|known| *known == name) {
            // A null says nothing; a field said twice says two things.
            if value.is_null() {
                return;
            }
            if self.known[slot].replace(value).is_some() {
                self.given_twice = Some(name.into());
            }
        } else if STORE_ADDS.contains(&&*name) {
            self.exported = true;
        } else if self.extra.contains_key(&*name) {
            self.given_twice = Some(name.into());
        } else {
            self.extra.insert(name.into_owned(), value);
        }
    }

    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(slot) = KNOWN.iter().position(|known| *known == name) {
            self.known[slot] = Some(value.into());
        }
    }

    pub(super) fn set_extra(&mut self, name: String, value: Value) {
        self.put(Cow::Owned(name), value);
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        KNOWN.iter().position(|known| *known == name).and_then(|slot| self.known[slot].take())
    }

    fn text(&mut self, field: &'static str) -> Result<Option<Box<str>>, Invalid> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.into_boxed_str())),
            Some(other) => Err(Invalid::new(field, other, "must be text")),
        }
    }

    /// A verdict or a recommendation; one of blanks only, as forms send it, is none.
    fn verdict(&mut self, field: &'static str) -> Result<Option<Box<str>>, Invalid> {
        Ok(self.text(field)?.filter(|text| !text.trim().is_empty()))
    }

    /// A track, as it was sent; one of blanks only says nothing when the case is folded.
    fn track(&mut self) -> Result<Option<Box<str>>, Invalid> {
        let sent = self.text("track")?;
        if let Some(sent) = sent.as_deref().filter(|sent| !sent.trim().is_empty()) {
            Track::new(sent)?;
        }
        Ok(sent)
    }

    fn time(&mut self, field: &'static str) -> Result<Option<Timestamp>, Invalid> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|error: crate::time::ParseTimestampError| Invalid::new(field, &text, error.to_string()))
    }

    fn uuid(&mut self, field: &'static str) -> Result<Option<Uuid>, Invalid> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        Uuid::try_parse(text.trim()).map(Some).map_err(|_| {
            Invalid::new(field, &text, "must be a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057")
        })
    }

    fn number(&mut self, field: &'static str) -> Result<Option<Number>, Invalid> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(other) => Err(Invalid::new(field, other, "must be a number")),
        }
    }

    fn one_of<T: Copy>(
        &mut self,
        field: &'static str,
        choices: [(&'static str, T); 2],
    ) -> Result<Option<T>, Invalid> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == &*text) {
            return Ok(Some(*choice));
        }
        let rule = format!("must be {} or {}", choices[0].0, choices[1].0);
        let near = nearest(&text, choices.iter().map(|(name, _)| *name));
        Err(Invalid::new(field, &text, rule).with_nearest(near))
    }

    fn stars(&mut self) -> Result<u8, Invalid> {
        const RULE: &str = "must be a whole number of stars from 1 to 5";
        let Some(value) = self.take("value") else { return Err(Invalid::missing("value", RULE)) };
        match value.as_f64() {
            Some(stars) if (1.0..=5.0).contains(&stars) && stars.fract() == 0.0 => Ok(stars as u8),
            _ => Err(Invalid::new("value", value, RULE)),
        }
    }

    /// The event that the fields make, or what is wrong with them.
    pub(super) fn into_event(mut self) -> Result<Event, Invalid> {
        if let Some(field) = self.given_twice.take() {
            return Err(Invalid::missing("event", format!("gives the field {field} twice")));
        }
        let Some(type_name) = self.text("type")? else {
            return Err(Invalid::missing("type", "is missing: every event names its type, such as DECISION"));
        };
        let Some(event_type) = EventType::from_name(&type_name) else {
            let rule = "is no type of event (types of your own start with X_)";
            let near = nearest(&type_name, EventType::ALL.iter().map(|known| known.name()));
            return Err(Invalid::new("type", type_name, rule).with_nearest(near));
        };
        let actor = match self.text("actor")? {
            Some(sent) => Some(Sent::new(ActorName::new(&sent)?, &sent)),
            None => None,
        };
        let case_id = match self.text("case_id")? {
            Some(sent) => Some(Sent::new(CaseId::new(&sent)?, &sent)),
            None => None,
        };
        if actor.is_none() && event_type.needs_actor() {
            return Err(Invalid::missing(
                "actor",
                format!("is missing: {type_name} needs to say who did it"),
            ));
        }
        if case_id.is_none() && event_type.needs_case() {
            return Err(Invalid::missing(
                "case_id",
                format!("is missing: {type_name} needs to say on which case"),
            ));
        }
        if event_type == EventType::SatScore && actor.is_none() && case_id.is_none() {
            return Err(Invalid::missing("case_id", "is missing: SAT_SCORE needs a case_id or an actor"));
        }
        let mut event = Event {
            id: self.uuid("id")?,
            occurred_at: self.time("occurred_at")?,
            actor_kind: self
                .one_of("actor_kind", [("HUMAN", ActorKind::Human), ("AGENT", ActorKind::Agent)])?,
            what: self.what(event_type, type_name)?,
            actor,
            case_id,
            extra: Map::new(),
        };
        for (name, value) in KNOWN.iter().zip(&mut self.known) {
            if let Some(value) = value.take() {
                self.extra.insert((*name).to_owned(), value);
            }
        }
        event.extra = self.extra;
        Ok(event)
    }

    fn what(&mut self, event_type: EventType, type_name: Box<str>) -> Result<What, Invalid> {
        Ok(match event_type {
            EventType::CaseOpened => What::CaseOpened { track: self.track()?, due: self.time("due")? },
            EventType::Assigned => What::Assigned,
            EventType::Unassigned => What::Unassigned,
            EventType::Paused => What::Paused { reason: self.text("reason")? },
            EventType::Resumed => What::Resumed { reason: self.text("reason")? },
            EventType::AiRecommendation => What::AiRecommendation {
                ai_recommendation: self.verdict("ai_recommendation")?.ok_or_else(|| {
                    Invalid::missing(
                        "ai_recommendation",
                        "is missing: AI_RECOMMENDATION needs to say what it is",
                    )
                })?,
                model: self.text("model")?,
                confidence: self.number("confidence")?,
            },
            EventType::Decision => What::Decision {
                ai_recommendation: self.verdict("ai_recommendation")?,
                human_verdict: self.verdict("human_verdict")?,
            },
            EventType::Override => {
                let ai_recommendation = self.verdict("ai_recommendation")?;
                let human_verdict = self.verdict("human_verdict")?;
                if let (Some(advice), Some(verdict)) = (&ai_recommendation, &human_verdict)
                    && same_verdict(advice, verdict)
                {
                    let rule = "is what was recommended, so nothing was overridden: send a DECISION instead";
                    return Err(Invalid::new("human_verdict", verdict, rule));
                }
                What::Override { ai_recommendation, human_verdict }
            }
            EventType::CaseClosed => What::CaseClosed,
            EventType::CaseReopened => What::CaseReopened,
            EventType::Viewed => What::Viewed,
            EventType::SurveySent => What::SurveySent { channel: self.text("channel")? },
            EventType::SatScore => What::SatScore { value: self.stars()?, channel: self.text("channel")? },
            EventType::AppealOutcome => What::AppealOutcome {
                outcome: self
                    .one_of("outcome", [("UPHELD", Outcome::Upheld), ("REVERSED", Outcome::Reversed)])?
                    .ok_or_else(|| Invalid::missing("outcome", "is missing: must be UPHELD or REVERSED"))?,
            },
            EventType::Retraction => What::Retraction {
                retracts: self.uuid("retracts")?.ok_or_else(|| {
                    Invalid::missing(
                        "retracts",
                        "is missing: RETRACTION needs the id of the event it retracts",
                    )
                })?,
                reason: self
                    .verdict("reason")?
                    .ok_or_else(|| Invalid::missing("reason", "is missing: RETRACTION needs to say why"))?,
            },
            EventType::PlanStarted => What::PlanStarted { by: self.text("by")?, note: self.text("note")? },
            EventType::PlanClosed => What::PlanClosed { by: self.text("by")?, note: self.text("note")? },
            EventType::Custom => What::Custom { name: type_name },
        })
    }
}
