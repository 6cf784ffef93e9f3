//! What happened: an [`Event`] is checked once, when it is made, and is right from then on.
//!
//! There are two ways to make one, and both apply the same rules.
//!
//! ```
//! use apmt_core::Event;
//!
//! // Typed: a builder a type of event.
//! let typed = Event::override_of("officer_anne@sba.gov")
//!     .case("C-1042")
//!     .ai_recommendation("deny")
//!     .human_verdict("approve")
//!     .build()?;
//!
//! // Free: any JSON object, as a form or a service sends it. Fields that APMT does not know are kept.
//! let free = Event::from_json(r#"{"type": "OVERRIDE", "actor": "officer_anne@sba.gov", "case_id": "C-1042",
//!     "ai_recommendation": "deny", "human_verdict": "approve", "office": "Denver"}"#)?;
//! assert_eq!(free.actor(), typed.actor());
//! assert_eq!(free.extra()["office"], "Denver");
//!
//! // What is wrong is refused, with the field, the value and the rule.
//! let wrong = Event::from_json(r#"{"type": "SAT_SCORE", "case_id": "C-1042", "value": 6}"#).unwrap_err();
//! assert_eq!(wrong.to_string(), "value: 6: must be a whole number of stars from 1 to 5");
//! # Ok::<(), apmt_core::Invalid>(())
//! ```

mod build;
mod fields;
mod id;
mod invalid;
mod json;
mod recorded;
mod types;
mod write;

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

pub use build::{EventBuilder, IntoEvent};
pub use invalid::{Invalid, nearest};
pub(crate) use types::same_verdict;
pub use types::{ActorKind, EventType, Outcome, What};

use crate::name::{ActorName, CaseId, Sent};
use crate::time::Timestamp;

/// The most bytes that an event's JSON may have, without `id` and `occurred_at`: 64 KiB.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// The most bytes that an exported event's JSON may have, with what the store has added: `id`, `occurred_at`,
/// `position`, `recorded_at`, `retracted`.
pub const MAX_EXPORTED_BYTES: usize = MAX_EVENT_BYTES + 256;
/// The most events that one batch may have.
pub const MAX_BATCH_EVENTS: usize = 10_000;
/// The most bytes of JSON that one batch may have: 16 MiB.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// One thing that happened, checked.
///
/// Made by a builder ([`Event::decision`] and its like) or from JSON ([`Event::from_json`]); see the
/// [module](self) for both. An event without [`id`](Self::id) or [`occurred_at`](Self::occurred_at) is given them
/// when it is recorded.
#[derive(Clone, PartialEq)]
pub struct Event {
    id: Option<Uuid>,
    occurred_at: Option<Timestamp>,
    actor: Option<Sent<ActorName>>,
    actor_kind: Option<ActorKind>,
    case_id: Option<Sent<CaseId>>,
    what: What,
    extra: Map<String, Value>,
}

impl Event {
    /// The idempotency key: a store keeps one event an id. `None` until the client or the store gives one.
    pub fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// When it happened. `None` means the time of recording, which the store fills in.
    pub fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    /// Who did it, as a key: trimmed and in lower case.
    pub fn actor(&self) -> Option<&ActorName> {
        self.actor.as_ref().map(|actor| &actor.key)
    }

    /// Who did it, as it was sent.
    pub fn actor_as_sent(&self) -> Option<&str> {
        self.actor.as_ref().map(Sent::sent)
    }

    /// Whether the actor is a person or a machine, where the event says so.
    pub fn actor_kind(&self) -> Option<ActorKind> {
        self.actor_kind
    }

    /// The case, as a key: trimmed.
    pub fn case_id(&self) -> Option<&CaseId> {
        self.case_id.as_ref().map(|case| &case.key)
    }

    /// What happened, with the fields that belong to the type.
    pub fn what(&self) -> &What {
        &self.what
    }

    /// The event's type.
    pub fn event_type(&self) -> EventType {
        self.what.event_type()
    }

    /// The fields that APMT does not know, as they were sent.
    pub fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }

    /// Gives the event an id if it has none: what a client does before it sends, so that a resend is the same event.
    ///
    /// The id is a UUID of version 7 (RFC 9562), whose leading bits are the time `now`, and which rises within one
    /// millisecond: such ids sort by the time they were made, and a store that indexes them writes in one place.
    pub fn identify(&mut self, now: Timestamp) -> Uuid {
        *self.id.get_or_insert_with(|| id::next(now))
    }

    /// Gives the event an id and an instant where it has none: what a store does on recording it.
    pub fn complete(&mut self, now: Timestamp) -> (Uuid, Timestamp) {
        (self.identify(now), *self.occurred_at.get_or_insert(now))
    }
}

impl fmt::Debug for Event {
    /// The event's JSON: what a person who reads a log wants to see.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}
