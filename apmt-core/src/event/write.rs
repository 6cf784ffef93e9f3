//! Events as JSON: whole, or as a store keeps them.

use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Event, What};
use crate::name::Sent;

impl Event {
    /// The event's JSON, on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The event's JSON without `id` and `occurred_at`: for stores that keep the two beside it.
    pub fn to_payload(&self) -> String {
        serde_json::to_string(&Payload(self)).unwrap_or_default()
    }

    /// No fewer bytes than the event's JSON has, found without writing it: what is not text is counted at its longest,
    /// and text as if each byte of it had to be escaped.
    pub(crate) fn json_bytes_at_most(&self) -> usize {
        const ESCAPED: usize = 6;
        // Names and marks of all known fields, ids, times and numbers.
        const REST: usize = 700;
        if !self.extra.is_empty() {
            return self.json_bytes();
        }
        let named = [self.actor_as_sent(), self.case_id.as_ref().map(Sent::sent)];
        let text: usize = named.into_iter().flatten().map(str::len).sum();
        REST + ESCAPED * (text + self.what.text_bytes())
    }

    /// How many bytes of JSON the event is.
    pub fn json_bytes(&self) -> usize {
        let mut size = Size(0);
        // Counting never fails, and an event has no key that JSON cannot write.
        let _ = serde_json::to_writer(&mut size, self);
        size.0
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

struct Payload<'a>(&'a Event);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.0.what.type_name())?;
        self.0.write_fields(&mut map)?;
        map.end()
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
