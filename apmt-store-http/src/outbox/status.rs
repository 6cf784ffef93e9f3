//! What an outbox says of itself.

use std::fmt;

use apmt_core::{ErrorKind, Timestamp};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// What an outbox answers for an event that was put in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OutboxReceipt {
    /// The event's id: its own, or the one that it was given.
    pub id: Uuid,
    /// Whether an event of that id waits in the outbox already, so that this one changed nothing. One that has been
    /// delivered is not remembered here; the record tells it apart.
    pub duplicate: bool,
}

/// Where an outbox stands. The counts of what became of events go back to the making of the file, whoever put them in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OutboxStatus {
    /// Events that wait to be delivered.
    pub waiting: u64,
    /// The bytes of their JSON.
    pub bytes: u64,
    /// When the one that is next was put in.
    pub oldest: Option<Timestamp>,
    /// Events that the store has acknowledged, duplicates included.
    pub delivered: u64,
    /// Those of them that the store had already: most of them were sent before, and the answer was lost.
    pub duplicates: u64,
    /// Events in the dead letters.
    pub dead: u64,
    /// Events that the outbox did not keep, by reason.
    pub dropped: Dropped,
    /// Who delivers.
    pub delivery: Delivery,
    /// The last attempt that failed, whether others have succeeded since or not.
    pub last_error: Option<LastError>,
    /// When the next attempt is made, where one has failed and no other has succeeded since.
    pub next_attempt: Option<Timestamp>,
}

/// How many events an outbox did not keep, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dropped {
    /// Refused, as [`WhenFull::RejectNewest`](apmt_core::WhenFull) says; the caller was told.
    pub rejected: u64,
    /// Dropped for newer ones, as [`WhenFull::DropOldest`](apmt_core::WhenFull) says.
    pub oldest: u64,
}

/// Who delivers from an outbox's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delivery {
    /// This outbox.
    Here,
    /// Another that has the file open too, mostly another process's.
    Elsewhere,
    /// Nobody.
    Nobody,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LastError {
    /// The kind of the store's error.
    #[serde(serialize_with = "named")]
    pub kind: ErrorKind,
    /// What the store said.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn named<S: Serializer>(kind: &ErrorKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// An event that the outbox has given up, and keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its place among the dead letters, by the order in which they died.
    pub number: u64,
    /// The event's id.
    pub id: Uuid,
    /// Why.
    pub reason: DeathReason,
    /// The field that the store refused, where it has named one.
    pub field: Option<String>,
    /// The same in words: the store's, where it has refused the event.
    pub rule: String,
    /// When the event was put in.
    pub put_at: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
    /// The event's JSON.
    pub event: String,
}

/// Why an event was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeathReason {
    /// The store refused it: it breaks a rule.
    Refused,
    /// It waited longer than [`max_age`](super::OutboxBuilder::max_age).
    TooOld,
}

impl DeathReason {
    /// A short name, such as `too_old`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TooOld => "too_old",
        }
    }

    pub(super) fn from_name(name: &str) -> Self {
        if name == "too_old" { Self::TooOld } else { Self::Refused }
    }
}

/// What a [shutdown](super::Outbox::shutdown) came to.
#[must_use = "it says whether events wait in the file"]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OutboxReport {
    /// Whether the time ran out before everything was delivered. What waits is in the file, and is delivered when an
    /// outbox is opened there again.
    pub timed_out: bool,
    /// Where the outbox stood in the end; `None` where the file could not be read.
    pub status: Option<OutboxStatus>,
    /// Why it could not be read.
    pub error: Option<String>,
}

impl OutboxReport {
    /// Whether everything that was put in has been delivered, and nothing lies in the dead letters.
    pub fn is_clean(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.waiting == 0 && status.dead == 0)
    }
}

impl fmt::Display for OutboxReport {
    /// For a log, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.status {
            Some(status) => {
                let OutboxStatus { delivered, waiting, dead, .. } = status;
                write!(f, "{delivered} delivered, {waiting} waiting, {dead} dead letters")?;
            }
            None => f.write_str("the outbox could not be read")?,
        }
        if let Some(error) = &self.error {
            write!(f, ": {error}")?;
        }
        if self.timed_out { f.write_str("; time ran out") } else { Ok(()) }
    }
}
