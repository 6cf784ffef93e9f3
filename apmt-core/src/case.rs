//! The fold: how a case's events become what counts for each actor.
//!
//! [`fold`] is a pure function of the *set* of a case's events: it sorts them by instant (then by position), drops the
//! retracted ones and steps through the rest. Arrival order, duplicates and late events never change what it returns.
//!
//! [`Fold`] is the same machine, one step at a time: a store keeps one a case, and an event that comes after all
//! others of its case ([`Fold::take`]) costs one step, however long the case. An event out of order, or a
//! retraction, makes the store fold the case again from its events ([`refold`]); a [`Batch`] keeps track of which.
//!
//! # The clock
//! A case's clock is nobody's (the case is in the pool), a holder's, or does not run.
//!
//! | event | the running clock ends? | then |
//! |---|---|---|
//! | `CASE_OPENED`, `CASE_REOPENED`, `UNASSIGNED` | yes; a holder's time is a contribution of theirs | pool, from then |
//! | `ASSIGNED` | yes, unless the same actor holds it already; a holder's time is a contribution of theirs, pool time nobody's | held by the actor, from then |
//! | a verdict (`DECISION`, `OVERRIDE`), `CASE_CLOSED` | yes; a holder's time is the holder's, pool time the disposing actor's | no clock runs |
//! | `AI_RECOMMENDATION` | the same, unless someone else holds the case: then nothing happens to the clock or to a pause | pool, from then |
//!
//! A pause belongs to the case: `ASSIGNED` and `UNASSIGNED` do not end it, so a new holder's clock stands until
//! `RESUMED`. A disposal, `CASE_OPENED` and `CASE_REOPENED` do. A `PAUSED` in a pause and a `RESUMED` outside one
//! change nothing.
//!
//! # Working days
//! Beside its milliseconds a clock counts working days as FOIA does: the day after the one on which it started is day 1.
//! A working day is used up when it ends with the clock running; so a pause takes out the days that end within it, and
//! one that does not last past midnight takes out none.
//!
//! # The track
//! A case's track is what the latest `CASE_OPENED` said that named one. A contribution is of the track that its case
//! had at that instant, and of none before.
//!
//! ```
//! use apmt_core::{Calendar, Event, Measure, Recorded, case};
//!
//! let at = |text: &str| text.parse().unwrap();
//! let events: Vec<Recorded> = [
//!     Event::case_opened("C-1").at(at("2026-03-01T08:00:00Z")),
//!     Event::assigned("C-1", "anne@sba.gov").at(at("2026-03-01T09:00:00Z")),
//!     Event::decision("anne@sba.gov").case("C-1").at(at("2026-03-01T12:00:00Z")),
//! ]
//! .into_iter()
//! .zip(1..)
//! .map(|(event, position)| Recorded::new(event.build().unwrap(), position, at("2026-03-02T00:00:00Z")))
//! .collect();
//!
//! let folded = case::fold(&events, &Calendar::Always);
//! assert!(folded.contributions.iter().any(|c| matches!(c.measure, Measure::Processing { counted_ms: 10_800_000, .. })));
//! ```

mod batch;
mod due;
mod machine;

use std::collections::BTreeMap;

pub use batch::Batch;
pub use due::due;
pub use machine::Fold;

use crate::calendar::Calendar;
use crate::contribution::{Change, Contribution, Cursor};
use crate::name::{ActorName, CaseId, Track};
use crate::store::{OpenCase, Recorded};
use crate::time::Timestamp;

/// The version of what the fold makes of a log. It rises whenever the same log comes to something else, and then every
/// store folds again when it is opened.
pub const FOLD_VERSION: i64 = 3;

/// What a case's events come to.
#[derive(Clone, Debug)]
pub struct Folded {
    /// What counts, by instant, then in log order.
    pub contributions: Vec<Contribution>,
    /// The clock that still runs after the last event, where somebody holds the case.
    pub clock: Option<HeldClock>,
}

/// A holder's clock that has not ended: a case that stands in somebody's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldClock {
    /// Who holds the case.
    pub holder: ActorName,
    /// The case.
    pub case_id: CaseId,
    /// When the holder's clock started.
    pub since: Timestamp,
    /// The case's track, where its opening has said one.
    pub track: Option<Track>,
    /// Milliseconds counted before `running_since`: through the calendar, pauses taken out.
    pub counted_ms: u64,
    /// Working days that ended before `running_since` while the clock ran, that of its start left out.
    pub working_days: u32,
    /// From when on it runs; `None` while it is paused.
    pub running_since: Option<Timestamp>,
    /// The last event that changed this clock (its start, a pause, a resumption). How it stood before that instant is
    /// no longer in it: [`clock_at`] works that out from the case's events.
    pub changed_at: Timestamp,
}

impl HeldClock {
    /// Milliseconds on this clock at `as_of`, which must not lie before [`changed_at`](Self::changed_at).
    pub fn counted_at(&self, as_of: Timestamp, calendar: &Calendar) -> u64 {
        self.counted_ms + self.running_since.map_or(0, |since| calendar.counted_ms(since, as_of))
    }

    /// The working day that this clock has come to at `as_of`, which must not lie before
    /// [`changed_at`](Self::changed_at): see [`Measure::Processing`](crate::Measure::Processing).
    pub fn working_day_at(&self, as_of: Timestamp, calendar: &Calendar) -> u32 {
        let since_then =
            self.running_since.map_or(0, |from| machine::working_days(self.since, from, as_of, calendar));
        self.working_days.saturating_add(since_then).saturating_add(1)
    }

    /// The case as it stands on its holder's clock at `as_of`, which must not lie before
    /// [`changed_at`](Self::changed_at).
    pub fn open_at(self, as_of: Timestamp, calendar: &Calendar) -> OpenCase {
        let counted_ms = self.counted_at(as_of, calendar);
        let working_day = self.working_day_at(as_of, calendar);
        OpenCase { case_id: self.case_id, track: self.track, since: self.since, counted_ms, working_day }
    }
}

/// What a case's events come to: a pure function of their set.
///
/// Retracted events ([`Recorded::retracted`]) are dropped. Events without a case belong to no fold: see
/// [`without_case`].
pub fn fold(events: &[Recorded], calendar: &Calendar) -> Folded {
    let (fold, contributions) = run(events, calendar);
    Folded { contributions: contributions.into_values().collect(), clock: fold.clock() }
}

/// The holder's clock as it stood at `as_of`, if somebody held the case then.
pub fn clock_at(events: &[Recorded], calendar: &Calendar, as_of: Timestamp) -> Option<HeldClock> {
    let mut fold = Fold::default();
    let mut changes = Vec::new();
    for event in in_order(events).into_iter().filter(|event| event.occurred_at <= as_of) {
        fold.step(event, calendar, &mut changes);
        changes.clear();
    }
    fold.clock()
}

/// Folds a case again: the changes that turn what counted under `before` into what counts under `after`.
///
/// `before` and `after` are the case's events, in any order, as they stood and as they stand.
pub fn refold(
    before: &[Recorded],
    after: &[Recorded],
    calendar: &Calendar,
    changes: &mut Vec<Change>,
) -> Fold {
    let (_, old) = run(before, calendar);
    let (fold, new) = run(after, calendar);
    for (key, contribution) in &old {
        if new.get(key) != Some(contribution) {
            changes.push(Change::Remove(contribution.clone()));
        }
    }
    for (key, contribution) in new {
        if old.get(&key) != Some(&contribution) {
            changes.push(Change::Add(contribution));
        }
    }
    fold
}

/// What an event without a case contributes: a function of the event alone. Nothing if it is retracted.
pub fn without_case(event: &Recorded, calendar: &Calendar) -> Vec<Contribution> {
    let mut changes = Vec::new();
    if !event.retracted {
        // A machine that has seen nothing but this event knows no recommendation, no verdict and no clock.
        Fold::default().step(event, calendar, &mut changes);
    }
    added(changes).into_values().collect()
}

impl Fold {
    /// The machine after a case's events: what a store goes on with when the case is not in its memory.
    pub fn of(events: &[Recorded], calendar: &Calendar) -> Self {
        run(events, calendar).0
    }
}

fn in_order(events: &[Recorded]) -> Vec<&Recorded> {
    let mut ordered: Vec<&Recorded> = events.iter().filter(|event| !event.retracted).collect();
    ordered.sort_unstable_by_key(|event| event.order());
    ordered
}

fn run(events: &[Recorded], calendar: &Calendar) -> (Fold, BTreeMap<Cursor, Contribution>) {
    let mut fold = Fold::default();
    let mut changes = Vec::new();
    for event in in_order(events) {
        fold.step(event, calendar, &mut changes);
    }
    (fold, added(changes))
}

/// What stands once every change is made. An event causes at most one contribution of a kind, so a cursor names it.
fn added(changes: Vec<Change>) -> BTreeMap<Cursor, Contribution> {
    let mut standing = BTreeMap::new();
    for change in changes {
        match change {
            Change::Add(contribution) => {
                standing.insert(contribution.cursor(), contribution);
            }
            Change::Remove(contribution) => {
                standing.remove(&contribution.cursor());
            }
        }
    }
    standing
}
