//! The contract between APMT and whatever keeps its log: the [`Store`] trait.
//!
//! # What every store promises
//! - **Durable.** When [`append`](Store::append) returns receipts, the events survive a crash at any instant that
//!   follows (where the store keeps anything at all: the memory store ends with its process).
//! - **All or nothing.** A batch is stored whole or not at all. One bad event refuses the batch, and the error says
//!   which.
//! - **Idempotent.** An id is stored once. Sending it again, in the same batch or a year later, gets a receipt that
//!   says [`duplicate`](Receipt::duplicate), with the first one's position.
//! - **In one order.** Positions are 1, 2, 3 … without gaps, and a reader that follows [`events`](Store::events) from
//!   its last position misses none, whoever else writes. Only an [erased](SealStore::erase) event leaves a gap.
//! - **Derived, never drifting.** What [`activity`](Store::activity) returns is what [`case::fold`](crate::case::fold)
//!   makes of the log: in any order of arrival, however it was batched.
//!
//! The conformance suite (feature `conformance`) has a test for every one of these sentences and more; a store that
//! passes it can be used wherever APMT takes a store.

mod affected;
mod judging;
mod notes;
mod remember;
pub mod seal;

use std::fmt;

pub use affected::Affected;
pub(crate) use judging::cut;
pub use judging::{Board, judge_here, judge_one_here};

use async_trait::async_trait;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::contribution::{Contribution, Cursor};
use crate::dossier::Dossier;
use crate::error::Result;
use crate::event::{ActorKind, Event, Invalid, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES};
use crate::name::{ActorName, CaseId, Track};
use crate::policy::Policy;
use crate::tally::Tally;
use crate::time::{DAY_MS, Day, Timestamp, Window};

pub use notes::SharedNotes;
pub use remember::RememberPeers;
pub use seal::SealStore;

/// What a store answers for one event of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Receipt {
    /// The event's id: its own, or the one that it was given.
    pub id: Uuid,
    /// Its place in the log, from 1; that of the first for a duplicate.
    pub position: u64,
    /// Whether an event of that id was there already, so that this one changed nothing.
    pub duplicate: bool,
}

impl Receipt {
    /// A receipt.
    pub const fn new(id: Uuid, position: u64, duplicate: bool) -> Self {
        Self { id, position, duplicate }
    }
}

/// An event as the log has it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// What happened, with its id and instant.
    pub event: Event,
    /// The event's id.
    pub id: Uuid,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its place in the log, from 1.
    pub position: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whether a retraction has named it, so that it does not count.
    pub retracted: bool,
}

impl Recorded {
    /// The event as recorded at that place and instant. An event without id or instant is given them.
    pub fn new(mut event: Event, position: u64, recorded_at: Timestamp) -> Self {
        let (id, occurred_at) = event.complete(recorded_at);
        Self { event, id, occurred_at, position, recorded_at, retracted: false }
    }

    /// The same event, retracted or not.
    #[must_use]
    pub fn with_retracted(mut self, retracted: bool) -> Self {
        self.retracted = retracted;
        self
    }

    /// Where it stands among the events of its case: by instant, then in log order.
    pub const fn order(&self) -> (Timestamp, u64) {
        (self.occurred_at, self.position)
    }
}

impl Serialize for Recorded {
    /// The event's own fields, then what the store adds: `position`, `recorded_at`, and `retracted` where it is.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.event.write_whole(&mut map)?;
        map.serialize_entry("position", &self.position)?;
        map.serialize_entry("recorded_at", &self.recorded_at)?;
        if self.retracted {
            map.serialize_entry("retracted", &true)?;
        }
        map.end()
    }
}

/// What metrics need of an actor over a window: a tally a day and track, and what stands on the actor's clock at its end.
///
/// In JSON each of the `days` is an object with the `day` (such as `2026-03-02`) and a `tally`, whose `processing` is the
/// times in milliseconds, in order; a day with cases of several tracks has one each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Activity {
    /// Whose.
    pub actor: ActorName,
    /// Whether a person or a machine: what was said last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub actor_kind: Option<ActorKind>,
    /// What counts on each UTC day, in order, a tally for each track of its cases; days on which nothing counts are left
    /// out. The first and the last day hold only what lies in the window.
    #[serde(with = "crate::wire::days")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::DayWithTally>))]
    pub days: Vec<(Day, Tally)>,
    /// The cases that the actor holds at the window's end, by case id.
    pub open: Vec<OpenCase>,
    /// Whole days from before the window, in order, the one included that the window cuts through: as far back as a
    /// policy's rules look. [`Store::activity`] leaves it empty; [`split`](Self::split) fills it.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "crate::wire::days")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::openapi::DayWithTally>))]
    pub earlier: Vec<(Day, Tally)>,
}

impl Activity {
    /// The activity of an actor of whom nothing is known.
    pub const fn none(actor: ActorName) -> Self {
        Self { actor, actor_kind: None, days: Vec::new(), open: Vec::new(), earlier: Vec::new() }
    }

    /// The activity of a longer window as that of a shorter one with the same end, and the days before it.
    ///
    /// `before` is what counts on the day that the shorter window cuts through and lies before it.
    #[must_use]
    pub fn split(self, window: Window, before: &[Contribution]) -> Self {
        let (first, _) = window.days();
        let cut = !window.covers(first);
        let (mut days, mut earlier) = (Vec::new(), Vec::new());
        for (day, tally) in self.days {
            if day > first || (day == first && !cut) {
                days.push((day, tally));
                continue;
            }
            if day == first {
                let mut inside = tally.clone();
                for contribution in before.iter().filter(|before| before.track == tally.track) {
                    inside.remove(&contribution.measure);
                }
                if !inside.is_empty() {
                    days.push((day, inside));
                }
            }
            earlier.push((day, tally));
        }
        Self { days, earlier, ..self }
    }

    /// The part of this activity that is on cases of one track.
    ///
    /// What a policy says of it ([`Dossier::of`]) is about the actor's work on that track alone.
    #[must_use]
    pub fn of_track(&self, track: &Track) -> Self {
        let part = |days: &[(Day, Tally)]| -> Vec<(Day, Tally)> {
            days.iter().filter(|(_, tally)| tally.track.as_ref() == Some(track)).cloned().collect()
        };
        Self {
            actor: self.actor.clone(),
            actor_kind: self.actor_kind,
            days: part(&self.days),
            open: self.open.iter().filter(|case| case.track.as_ref() == Some(track)).cloned().collect(),
            earlier: part(&self.earlier),
        }
    }

    /// Whether nothing counts in the window and nothing is open.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.open.is_empty()
    }
}

/// A case that stands on an actor's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenCase {
    /// The case.
    pub case_id: CaseId,
    /// Its track, where its opening has said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub track: Option<Track>,
    /// When the actor's clock started.
    pub since: Timestamp,
    /// How long it has run, in milliseconds: through the store's calendar, pauses taken out.
    pub counted_ms: u64,
    /// The working day that it has come to, from 1, as FOIA counts: the one after the day on which the clock started is
    /// day 1. More than a target of so many working days is overdue.
    pub working_day: u32,
}

/// Where a store stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct StoreStatus {
    /// The position of the newest event; 0 if there is none.
    pub position: u64,
    /// The latest instant at which any event occurred.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub latest: Option<Timestamp>,
    /// What the store's clock shows.
    pub now: Timestamp,
    /// The digest of the calendar that processing times are measured through.
    pub calendar: String,
}

impl StoreStatus {
    /// Where a store stands.
    pub const fn new(position: u64, latest: Option<Timestamp>, now: Timestamp, calendar: String) -> Self {
        Self { position, latest, now, calendar }
    }
}

/// The end of a dossier's window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AsOf {
    /// What the store's clock shows.
    #[default]
    Now,
    /// The instant of the newest event: for logs that lie in the past.
    Latest,
    /// That instant.
    At(Timestamp),
}

impl AsOf {
    /// The instant. [`Latest`](Self::Latest) is now where the log is empty.
    pub fn resolve(self, status: &StoreStatus) -> Timestamp {
        match self {
            Self::Now => status.now,
            Self::Latest => status.latest.unwrap_or(status.now),
            Self::At(instant) => instant,
        }
    }
}

impl From<Timestamp> for AsOf {
    fn from(instant: Timestamp) -> Self {
        Self::At(instant)
    }
}

impl std::str::FromStr for AsOf {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.trim() {
            "now" => Ok(Self::Now),
            "latest" => Ok(Self::Latest),
            instant => instant.parse().map(Self::At).map_err(|_| {
                Invalid::new("as_of", text, "must be now, latest, or a time such as 2026-03-01T09:30:00Z")
            }),
        }
    }
}

/// Keeps the log and what it comes to. See the [module](self) for what every store promises.
///
/// The trait is object-safe: hold a store as `Arc<dyn Store>`. Its futures run under any executor, or none
/// (a blocking wait), unless the store says otherwise.
///
/// Limits of pages are the caller's; a limit of 0 asks for nothing and gets it. A store may hold a page to a limit of its own, and then
/// says so; an empty page always means the end.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Appends a batch: all of it or nothing, durable when this returns, a receipt an event, in the order given.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if an event lies over 24 hours ahead of the store's clock, or the batch
    /// is too large; the other kinds as the store meets them. After an error that says nothing of the sort
    /// ([`TimedOut`](crate::ErrorKind::TimedOut)) the batch may or may not be stored: append it again, with the same
    /// ids.
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>>;

    /// The log after that position, in order, at most `limit` events.
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>>;

    /// The event of that id.
    async fn event(&self, id: Uuid) -> Result<Option<Recorded>>;

    /// One case's events, by instant, then in log order; none if the case is not known.
    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>>;

    /// What counts for an actor in a window, by instant, then in log order: the evidence, after that cursor, at most
    /// `limit`. What could not be attributed is [`ActorName::nobody`]'s.
    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>>;

    /// What metrics need of one actor. An actor that is not known has an empty one.
    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity>;

    /// What metrics need of every actor with a contribution in the window or a case open at its end, in the order of
    /// their names' bytes, after that name, at most `limit`. Nobody is not among them.
    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>>;

    /// Where the store stands.
    async fn status(&self) -> Result<StoreStatus>;

    /// An actor's dossier under a policy. A store that asks a server gets that server's, whose policy is the official
    /// one; the dossier names it.
    async fn dossier(&self, actor: &ActorName, as_of: AsOf, policy: &Policy) -> Result<Dossier> {
        judge_one_here(self, actor, as_of, policy).await
    }

    /// The dossiers of every actor with a contribution in the window or a case open at its end, as
    /// [`activities`](Self::activities) orders and pages them.
    ///
    /// Where a rule of the policy looks back, this reads as many days more as it does.
    async fn dossiers(
        &self,
        as_of: AsOf,
        policy: &Policy,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Dossier>> {
        judge_here(self, as_of, policy, after, limit).await
    }

    /// What the servers of the store keep in common besides the log; `None` where the store is one process's own, or is
    /// asked over a network.
    fn notes(&self) -> Option<&dyn SharedNotes> {
        None
    }

    /// Where the seal of the log is kept; `None` where the store keeps none, or is asked over a network.
    fn seal(&self) -> Option<&dyn SealStore> {
        None
    }

    /// Finishes what was begun, then refuses everything with [`Closed`](crate::ErrorKind::Closed). Closing again is
    /// no error.
    async fn close(&self) -> Result<()>;
}

/// Checks a batch as every store must before it stores any of it, and gives its events their ids and instants.
///
/// # Errors
/// [`Invalid`], naming the event by its place in the batch: an instant over 24 hours ahead of `now`, or a batch of over
/// [`MAX_BATCH_EVENTS`] events or [`MAX_BATCH_BYTES`].
pub fn complete_batch(events: &mut [Event], now: Timestamp) -> Result<(), Invalid> {
    if events.len() > MAX_BATCH_EVENTS {
        let rule = format!("must have at most {MAX_BATCH_EVENTS} events: send it in parts");
        return Err(Invalid::new("batch", format!("{} events", events.len()), rule));
    }
    // Fewer events cannot be too large together, whatever they hold.
    if events.len() > MAX_BATCH_BYTES / MAX_EVENT_BYTES
        && events.iter().map(Event::json_bytes_at_most).sum::<usize>() > MAX_BATCH_BYTES
    {
        let bytes: usize = events.iter().map(Event::json_bytes).sum();
        if bytes > MAX_BATCH_BYTES {
            let rule = format!("must be at most {MAX_BATCH_BYTES} bytes of JSON: send it in parts");
            return Err(Invalid::new("batch", format!("{bytes} bytes"), rule));
        }
    }
    let latest = now.plus_millis(DAY_MS as i64);
    for (index, event) in events.iter_mut().enumerate() {
        let (_, occurred_at) = event.complete(now);
        if occurred_at > latest {
            let rule = format!("must not lie over 24 hours ahead of the store's clock, which shows {now}");
            return Err(Invalid::new("occurred_at", occurred_at, rule).at_index(index));
        }
    }
    Ok(())
}
