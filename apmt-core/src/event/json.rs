//! Events from JSON and back.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use super::invalid::nearest;
use super::types::same_verdict;
use super::{ActorKind, Event, EventType, Invalid, MAX_EVENT_BYTES, MAX_EXPORTED_BYTES, Outcome, What};
use crate::name::{ActorName, CaseId, Sent};
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
    exported: bool,
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
            EventType::CaseOpened => What::CaseOpened { track: self.text("track")?, due: self.time("due")? },
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

fn parse(json: &[u8]) -> Result<Fields, Invalid> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    reader
        .deserialize_map(FieldsVisitor)
        .and_then(|fields| reader.end().map(|()| fields))
        .map_err(|error| Invalid::missing("event", format!("is not a JSON object: {error}")))
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value()?;
            fields.put(name, value);
        }
        Ok(fields)
    }
}

/// Reads a field's name without a copy, where the input allows it.
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

impl Event {
    /// An event from the text (or the bytes) of one JSON object.
    ///
    /// # Errors
    /// [`Invalid`] names the field, the value and the rule. Text that is no JSON, is no object, is over
    /// [`MAX_EVENT_BYTES`], nests over 127 deep, is not UTF-8, or gives a field twice is refused as the field `event`.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Invalid> {
        let json = json.as_ref();
        if json.len() > MAX_EXPORTED_BYTES {
            return Err(too_large(json.len()));
        }
        let fields = parse(json)?;
        if json.len() > MAX_EVENT_BYTES && !fields.exported {
            return Err(too_large(json.len()));
        }
        let exported = fields.exported;
        let event = fields.into_event()?;
        // Numbers may take up to four times the room that they came in (`1e15` is written out), and what is stored has to
        // be small enough to be exported and recorded elsewhere.
        if exported || json.len() <= MAX_EVENT_BYTES / 4 { Ok(event) } else { event.within_size() }
    }

    /// An event from what a store kept of it: [`to_payload`](Self::to_payload) and the two that stand beside it.
    ///
    /// # Errors
    /// [`Invalid`] if the payload is not what was written.
    pub fn from_payload(payload: &[u8], id: Uuid, occurred_at: Timestamp) -> Result<Self, Invalid> {
        let mut event = parse(payload)?.into_event()?;
        event.id = Some(id);
        event.occurred_at = Some(occurred_at);
        Ok(event)
    }

    /// An event from a JSON value already read.
    ///
    /// # Errors
    /// [`Invalid`], as for [`from_json`](Self::from_json).
    pub fn from_value(value: Value) -> Result<Self, Invalid> {
        let Value::Object(object) = value else {
            return Err(Invalid::new("event", value, "must be a JSON object"));
        };
        let mut fields = Fields::default();
        for (name, value) in object {
            fields.put(Cow::Owned(name), value);
        }
        fields.into_event()?.within_size()
    }

    /// The event's JSON, on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The event's JSON without `id` and `occurred_at`: for stores that keep the two beside it.
    pub fn to_payload(&self) -> String {
        serde_json::to_string(&Payload(self)).unwrap_or_default()
    }

    /// How many bytes of JSON the event is.
    pub fn json_bytes(&self) -> usize {
        let mut size = Size(0);
        // Counting never fails, and an event has no key that JSON cannot write.
        let _ = serde_json::to_writer(&mut size, self);
        size.0
    }

    pub(super) fn within_size(self) -> Result<Self, Invalid> {
        if self.extra.values().any(|value| nests_over(value, MAX_DEPTH)) {
            return Err(Invalid::missing("event", "nests over 127 deep"));
        }
        match self.json_bytes() {
            bytes if bytes > MAX_EVENT_BYTES => Err(too_large(bytes)),
            _ => Ok(self),
        }
    }

    fn write_fields<S: SerializeMap>(&self, map: &mut S) -> Result<(), S::Error> {
        fn some<S: SerializeMap>(
            map: &mut S,
            name: &'static str,
            value: Option<&(impl Serialize + ?Sized)>,
        ) -> Result<(), S::Error> {
            value.map_or(Ok(()), |value| map.serialize_entry(name, value))
        }
        some(map, "actor", self.actor_as_sent())?;
        some(map, "actor_kind", self.actor_kind.as_ref())?;
        some(map, "case_id", self.case_id.as_ref().map(Sent::sent))?;
        match &self.what {
            What::CaseOpened { track, due } => {
                some(map, "track", track.as_ref())?;
                some(map, "due", due.as_ref())?;
            }
            What::Paused { reason } | What::Resumed { reason } => some(map, "reason", reason.as_ref())?,
            What::AiRecommendation { ai_recommendation, model, confidence } => {
                map.serialize_entry("ai_recommendation", ai_recommendation)?;
                some(map, "model", model.as_ref())?;
                some(map, "confidence", confidence.as_ref())?;
            }
            What::Decision { ai_recommendation, human_verdict }
            | What::Override { ai_recommendation, human_verdict } => {
                some(map, "ai_recommendation", ai_recommendation.as_ref())?;
                some(map, "human_verdict", human_verdict.as_ref())?;
            }
            What::SurveySent { channel } => some(map, "channel", channel.as_ref())?,
            What::SatScore { value, channel } => {
                map.serialize_entry("value", value)?;
                some(map, "channel", channel.as_ref())?;
            }
            What::AppealOutcome { outcome } => map.serialize_entry("outcome", outcome.name())?,
            What::Retraction { retracts, reason } => {
                map.serialize_entry("retracts", retracts)?;
                map.serialize_entry("reason", reason)?;
            }
            What::PlanStarted { by, note } | What::PlanClosed { by, note } => {
                some(map, "by", by.as_ref())?;
                some(map, "note", note.as_ref())?;
            }
            What::Assigned
            | What::Unassigned
            | What::CaseClosed
            | What::CaseReopened
            | What::Viewed
            | What::Custom { .. } => {}
        }
        for (name, value) in &self.extra {
            map.serialize_entry(name, value)?;
        }
        Ok(())
    }

    pub(crate) fn write_whole<S: SerializeMap>(&self, map: &mut S) -> Result<(), S::Error> {
        map.serialize_entry("type", self.what.type_name())?;
        if let Some(id) = self.id {
            map.serialize_entry("id", &id)?;
        }
        if let Some(occurred_at) = &self.occurred_at {
            map.serialize_entry("occurred_at", occurred_at)?;
        }
        self.write_fields(map)
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write_whole(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(FieldsVisitor)?
            .into_event()
            .and_then(Event::within_size)
            .map_err(D::Error::custom)
    }
}

struct Payload<'a>(&'a Event);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.0.what.type_name())?;
        self.0.write_fields(&mut map)?;
        map.end()
    }
}

/// How deep an unknown field's value may nest: what text nests deeper is refused by the reader, so what came otherwise
/// could be stored and not be read again.
const MAX_DEPTH: usize = 126;

fn nests_over(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(values) => limit == 0 || values.iter().any(|value| nests_over(value, limit - 1)),
        Value::Object(fields) => limit == 0 || fields.values().any(|value| nests_over(value, limit - 1)),
        _ => false,
    }
}

/// Counts what is written to it.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_large(bytes: usize) -> Invalid {
    Invalid::missing("event", format!("must be at most {MAX_EVENT_BYTES} bytes of JSON, and has {bytes}"))
}
