//! Events from JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::Uuid;

use super::fields::Fields;
use super::{Event, Invalid, MAX_EVENT_BYTES, MAX_EXPORTED_BYTES};
use crate::time::Timestamp;

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
    /// [`MAX_EVENT_BYTES`] (`id` and `occurred_at` left out), nests over 127 deep, is not UTF-8, or gives a field twice
    /// is refused as the field `event`.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Invalid> {
        let json = json.as_ref();
        if json.len() > MAX_EXPORTED_BYTES {
            return Err(too_large(json.len()));
        }
        let fields = parse(json)?;
        let exported = fields.exported;
        let event = fields.into_event()?;
        if json.len() > MAX_EVENT_BYTES && !exported && json.len() - event.stamp_bytes() > MAX_EVENT_BYTES {
            return Err(too_large(json.len()));
        }
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

    pub(super) fn within_size(self) -> Result<Self, Invalid> {
        if self.extra.values().any(|value| nests_over(value, MAX_DEPTH)) {
            return Err(Invalid::missing("event", "nests over 127 deep"));
        }
        match self.json_bytes() {
            bytes if bytes > MAX_EVENT_BYTES && bytes - self.stamp_bytes() > MAX_EVENT_BYTES => {
                Err(too_large(bytes))
            }
            _ => Ok(self),
        }
    }

    /// How many bytes of the event's JSON `id` and `occurred_at` take at most, which do not count: a client or an outbox
    /// that passes the event on has added them, and must not make it too large by that.
    fn stamp_bytes(&self) -> usize {
        const ID: usize = r#","id":"00000000-0000-0000-0000-000000000000""#.len();
        const OCCURRED_AT: usize = r#","occurred_at":"2026-03-02T08:00:00.123Z""#.len();
        usize::from(self.id.is_some()) * ID + usize::from(self.occurred_at.is_some()) * OCCURRED_AT
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

fn too_large(bytes: usize) -> Invalid {
    Invalid::missing("event", format!("must be at most {MAX_EVENT_BYTES} bytes of JSON, and has {bytes}"))
}
