//! A recorded event from JSON: what a reader of another APMT's log gets.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::fields::Fields;
use super::json::Name;
use crate::store::Recorded;
use crate::time::Timestamp;

impl<'de> Deserialize<'de> for Recorded {
    /// Reads what [`Recorded`] writes: the event's own fields, and what the store added to them.
    ///
    /// The limit on size is not applied: the event has been recorded.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordedVisitor)
    }
}

struct RecordedVisitor;

impl<'de> Visitor<'de> for RecordedVisitor {
    type Value = Recorded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a recorded event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Recorded, A::Error> {
        let (mut fields, mut position, mut recorded_at, mut retracted) =
            (Fields::default(), None, None, false);
        while let Some(name) = map.next_key_seed(Name)? {
            match &*name {
                "position" => position = Some(map.next_value::<u64>()?),
                "recorded_at" => recorded_at = Some(map.next_value::<Timestamp>()?),
                "retracted" => retracted = map.next_value()?,
                _ => fields.put(name, map.next_value()?),
            }
        }
        let event = fields.into_event().map_err(A::Error::custom)?;
        let position = position.ok_or_else(|| A::Error::missing_field("position"))?;
        let recorded_at = recorded_at.ok_or_else(|| A::Error::missing_field("recorded_at"))?;
        // Neither is made up here: two readers of one log would see two events.
        if event.id().is_none() {
            return Err(A::Error::missing_field("id"));
        }
        if event.occurred_at().is_none() {
            return Err(A::Error::missing_field("occurred_at"));
        }
        Ok(Recorded::new(event, position, recorded_at).with_retracted(retracted))
    }
}
