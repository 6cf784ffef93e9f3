//! A store in memory: for tests, for trying things out, and as the yardstick for every other store.

mod sealed;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::calendar::Calendar;
use crate::case::{self, Batch, Fold};
use crate::contribution::{Change, Contribution, Cursor, Measure};
use crate::error::{Error, Result};
use crate::event::{ActorKind, Event, What};
use crate::name::{ActorName, CaseId};
use crate::store::{Activity, OpenCase, Receipt, Recorded, SealStore, Store, StoreStatus, complete_batch};
use crate::tally::{DayTally, Entry};
use crate::time::{Clock, Day, SystemClock, Timestamp, Window};
use sealed::{Seal, Tombstone};

/// A store in memory, as strict as the others; it ends with its process.
///
/// ```
/// use apmt_core::{Event, MemoryStore, Policy, Store};
/// # futures_lite::future::block_on(async {
/// let store = MemoryStore::new();
/// store.append(vec![Event::override_of("anne@sba.gov").build()?]).await?;
/// let dossier = store.dossier(&"anne@sba.gov".try_into()?, Default::default(), &Policy::default()).await?;
/// assert_eq!(dossier.metrics.overrides, 1);
/// # Ok::<(), apmt_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    calendar: Calendar,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    log: Vec<Slot>,
    ids: HashMap<Uuid, u64>,
    /// Every id that a retraction names, whether its event is there or not.
    retractions: HashSet<Uuid>,
    cases: HashMap<CaseId, Case>,
    actors: HashMap<ActorName, Actor>,
    latest: Option<Timestamp>,
    seal: Seal,
}

/// A place of the log.
#[derive(Debug)]
enum Slot {
    Event(Box<Recorded>),
    Erased(Tombstone),
}

impl Slot {
    fn event(&self) -> Option<&Recorded> {
        match self {
            Self::Event(recorded) => Some(recorded),
            Self::Erased(_) => None,
        }
    }

    fn event_mut(&mut self) -> Option<&mut Recorded> {
        match self {
            Self::Event(recorded) => Some(recorded),
            Self::Erased(_) => None,
        }
    }
}

#[derive(Debug, Default)]
struct Case {
    fold: Fold,
    holder: Option<ActorName>,
    positions: Vec<u64>,
}

#[derive(Debug, Default)]
struct Actor {
    kind: Option<((Timestamp, u64), ActorKind)>,
    days: BTreeMap<Day, DayTally>,
    holds: BTreeSet<CaseId>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store with the machine's clock and the calendar that counts every hour.
    pub fn new() -> Self {
        Self::with(Arc::new(SystemClock), Calendar::Always)
    }

    /// An empty store with that clock and calendar.
    pub fn with(clock: Arc<dyn Clock>, calendar: Calendar) -> Self {
        Self { clock, calendar, state: Mutex::default() }
    }

    fn open(&self) -> Result<MutexGuard<'_, State>> {
        // A panic under the lock would be a bug of ours; what was stored is whole all the same.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(Error::closed()) } else { Ok(state) }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&self, mut events: Vec<Event>) -> Result<Vec<Receipt>> {
        let mut state = self.open()?;
        let now = self.clock.now();
        complete_batch(&mut events, now)?;
        Ok(state.append(events, now, &self.calendar))
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        let state = self.open()?;
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(state.log.len());
        Ok(state.log[from..].iter().filter_map(Slot::event).take(limit).cloned().collect())
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        let state = self.open()?;
        Ok(state.ids.get(&id).and_then(|position| state.at(*position)).cloned())
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        let mut events = self.open()?.events_of(case_id);
        events.sort_unstable_by_key(Recorded::order);
        Ok(events)
    }

    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        let state = self.open()?;
        let Some(known) = state.actors.get(actor) else { return Ok(Vec::new()) };
        let (first, last) = window.days();
        if last < first {
            return Ok(Vec::new());
        }
        let entries = known.days.range(first..=last).flat_map(|(_, day)| day.entries());
        Ok(entries
            .filter(|entry| window.contains(entry.at) && after.is_none_or(|after| entry.cursor() > after))
            .take(limit)
            .map(|entry| state.contribution(actor, entry))
            .collect())
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        Ok(self.open()?.activity(actor, window, &self.calendar))
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        let state = self.open()?;
        let mut names: Vec<&ActorName> = state
            .actors
            .keys()
            .filter(|name| !name.is_nobody() && after.is_none_or(|after| *name > after))
            .collect();
        names.sort_unstable();
        Ok(names
            .into_iter()
            .map(|name| state.activity(name, window, &self.calendar))
            .filter(|activity| !activity.is_empty())
            .take(limit)
            .collect())
    }

    async fn status(&self) -> Result<StoreStatus> {
        let state = self.open()?;
        let position = state.log.len() as u64;
        Ok(StoreStatus::new(position, state.latest, self.clock.now(), self.calendar.digest()))
    }

    fn seal(&self) -> Option<&dyn SealStore> {
        Some(self)
    }

    async fn close(&self) -> Result<()> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        Ok(())
    }
}

impl State {
    fn append(&mut self, events: Vec<Event>, now: Timestamp, calendar: &Calendar) -> Vec<Receipt> {
        let mut batch = Batch::default();
        let mut receipts = Vec::with_capacity(events.len());
        for event in events {
            let position = self.log.len() as u64 + 1;
            let recorded = Recorded::new(event, position, now);
            let id = recorded.id;
            let first = *self.ids.entry(id).or_insert(position);
            receipts.push(Receipt::new(id, first, first != position));
            if first == position {
                self.take(recorded, &mut batch, calendar);
            }
        }
        for case_id in batch.cases_to_fold_again() {
            let events = self.events_of(&case_id);
            let fold = batch.again(&case_id, &events, calendar);
            if let Some(case) = self.cases.get_mut(&case_id) {
                case.fold = fold;
            }
            self.note_holder(&case_id);
        }
        for change in batch.into_changes() {
            self.make(change);
        }
        receipts
    }

    fn take(&mut self, recorded: Recorded, batch: &mut Batch, calendar: &Calendar) {
        if let What::Retraction { retracts, .. } = recorded.event.what() {
            self.retractions.insert(*retracts);
            let index = self.ids.get(retracts).and_then(|position| index(*position));
            if let Some(target) = index.and_then(|index| self.log.get_mut(index)).and_then(Slot::event_mut) {
                batch.retract(target, recorded.position, calendar);
                target.retracted = true;
            }
        }
        let retracted = !self.retractions.is_empty() && self.retractions.contains(&recorded.id);
        let recorded = recorded.with_retracted(retracted);
        self.latest = self.latest.max(Some(recorded.occurred_at));
        if let (Some(actor), Some(kind)) = (recorded.event.actor(), recorded.event.actor_kind()) {
            let known = self.actors.entry(actor.clone()).or_default();
            if known.kind.is_none_or(|(said, _)| said < recorded.order()) {
                known.kind = Some((recorded.order(), kind));
            }
        }
        match recorded.event.case_id().cloned() {
            Some(case_id) => {
                let case = self.cases.entry(case_id.clone()).or_default();
                case.positions.push(recorded.position);
                batch.take(Some(&mut case.fold), &recorded, calendar);
                if case.holder.as_ref() != case.fold.holder() {
                    self.note_holder(&case_id);
                }
            }
            None => batch.take(None, &recorded, calendar),
        }
        self.log.push(Slot::Event(Box::new(recorded)));
    }

    /// Moves a case into the queue of whoever holds it now.
    fn note_holder(&mut self, case_id: &CaseId) {
        let Some(case) = self.cases.get_mut(case_id) else { return };
        let now = case.fold.holder().cloned();
        let before = std::mem::replace(&mut case.holder, now.clone());
        if let Some(actor) = before.and_then(|before| self.actors.get_mut(&before)) {
            actor.holds.remove(case_id);
        }
        if let Some(holder) = now {
            self.actors.entry(holder).or_default().holds.insert(case_id.clone());
        }
    }

    fn make(&mut self, change: Change) {
        let (Change::Add(contribution) | Change::Remove(contribution)) = &change;
        let day = contribution.at.day();
        let entry = Entry::of(contribution);
        match change {
            Change::Add(contribution) => {
                self.actors.entry(contribution.actor).or_default().days.entry(day).or_default().add(entry);
            }
            Change::Remove(contribution) => {
                let Some(actor) = self.actors.get_mut(&contribution.actor) else { return };
                if let Some(tally) = actor.days.get_mut(&day) {
                    tally.remove(&entry);
                    if tally.is_empty() {
                        actor.days.remove(&day);
                    }
                }
            }
        }
    }

    fn activity(&self, name: &ActorName, window: Window, calendar: &Calendar) -> Activity {
        let Some(actor) = self.actors.get(name) else { return Activity::none(name.clone()) };
        let mut activity = Activity::none(name.clone());
        activity.actor_kind = actor.kind.map(|(_, kind)| kind);
        let (first, last) = window.days();
        if first <= last {
            for (day, tallied) in actor.days.range(first..=last) {
                let tallies = if window.covers(*day) {
                    tallied.tallies().to_vec()
                } else {
                    tallied.tallies_within(&window)
                };
                activity.days.extend(tallies.into_iter().map(|tally| (*day, tally)));
            }
        }
        activity.open = self.open_at(actor, window.until, calendar);
        activity
    }

    /// The cases that an actor held at `as_of`: those whose clock still runs, and those whose clock has ended since.
    fn open_at(&self, actor: &Actor, as_of: Timestamp, calendar: &Calendar) -> Vec<OpenCase> {
        let running = actor.holds.iter().filter_map(|case_id| {
            let clock = self.cases.get(case_id)?.fold.clock()?;
            if clock.since > as_of {
                return None;
            }
            if clock.changed_at <= as_of {
                return Some(clock.open_at(as_of, calendar));
            }
            self.worked_out(case_id, as_of, calendar)
        });
        let ended =
            actor.days.range(as_of.day()..).flat_map(|(_, day)| day.entries()).filter_map(
                |entry| match entry.measure {
                    Measure::Processing { since, held: true, .. } if since <= as_of && as_of < entry.at => {
                        let case_id = self.at(entry.position)?.event.case_id()?;
                        self.worked_out(case_id, as_of, calendar)
                    }
                    _ => None,
                },
            );
        let mut open: Vec<OpenCase> = running.chain(ended).collect();
        open.sort_unstable_by(|a, b| a.case_id.cmp(&b.case_id));
        open
    }

    fn worked_out(&self, case_id: &CaseId, as_of: Timestamp, calendar: &Calendar) -> Option<OpenCase> {
        let clock = case::clock_at(&self.events_of(case_id), calendar, as_of)?;
        Some(clock.open_at(as_of, calendar))
    }

    fn contribution(&self, actor: &ActorName, entry: &Entry) -> Contribution {
        Contribution {
            actor: actor.clone(),
            at: entry.at,
            position: entry.position,
            case_id: self.at(entry.position).and_then(|recorded| recorded.event.case_id().cloned()),
            track: entry.track.clone(),
            measure: entry.measure,
        }
    }

    fn events_of(&self, case_id: &CaseId) -> Vec<Recorded> {
        let positions = self.cases.get(case_id).map_or(&[][..], |case| &case.positions);
        positions.iter().filter_map(|position| self.at(*position)).cloned().collect()
    }

    fn at(&self, position: u64) -> Option<&Recorded> {
        self.log.get(index(position)?).and_then(Slot::event)
    }
}

/// The place in the log of a position, which counts from 1.
fn index(position: u64) -> Option<usize> {
    usize::try_from(position.checked_sub(1)?).ok()
}
