//! Collects what happens, gives each event its id, and puts all in order.

use apmt_core::event::EventBuilder;
use apmt_core::{Event, Timestamp};
use uuid::Uuid;

use super::{DAYS, MARKER};
use crate::random::Random;

#[derive(Debug)]
pub(super) struct Log {
    as_of: Timestamp,
    ids: Random,
    events: Vec<(Timestamp, Event)>,
}

impl Log {
    pub(super) const fn new(as_of: Timestamp, seed: u64) -> Self {
        // Two demonstrations with different ends share no id, though their people do much the same.
        Self { as_of, ids: Random::new(seed ^ as_of.millis().cast_unsigned()), events: Vec::new() }
    }

    pub(super) const fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// The first event: it says what the log is.
    pub(super) fn mark(&mut self) {
        let first = self.as_of.plus_millis(-DAYS * apmt_core::time::DAY_MS as i64);
        self.push(first, Event::custom(MARKER).field("as_of", self.as_of.to_string()).field("version", 1));
    }

    /// Notes an event; one that lies past the end has not happened yet, and is left out. The id is the same either way.
    pub(super) fn push(&mut self, at: Timestamp, event: EventBuilder) -> Uuid {
        let id = self.ids.id_at(at);
        if at <= self.as_of {
            let event = event.id(id).at(at).build();
            debug_assert!(event.is_ok(), "{event:?}");
            self.events.extend(event.map(|event| (at, event)));
        }
        id
    }

    pub(super) fn into_events(mut self) -> Vec<Event> {
        // Stable: what was noted first stays first within a millisecond.
        self.events.sort_by_key(|(at, _)| *at);
        self.events.into_iter().map(|(_, event)| event).collect()
    }
}
