//! The derived tables as a writer sees them: folds, days, running clocks and kinds of actors, read in bulk before they
//! are needed, kept in memory while they are in use, and written in bulk before each commit.

mod find;
mod put;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::num::NonZeroUsize;

use apmt_core::case::{Fold, HeldClock};
use apmt_core::tally::{DayTally, Entry};
use apmt_core::{ActorKind, ActorName, Calendar, CaseId, Change, Day, ErrorKind, Event, Timestamp};
use deadpool_postgres::ClientWrapper;
use lru::LruCache;

use crate::failure::{Failure, Sql};
use crate::pipeline::Pipeline;
use crate::rows::stored;
pub(crate) use find::{Finding, Found, Wanted, events_of};
pub(crate) use put::put_held;
use put::{PackedDay, drop_days, drop_held, put_days, put_kinds};

/// How many cases and actors are kept in memory: more than one transaction can touch, for what it has touched must stay
/// until it is written.
const NAMES: NonZeroUsize = NonZeroUsize::new(65_536).expect("is not zero");
/// How many entries of days are kept in memory, some 40 bytes each.
const ENTRIES: usize = 400_000;
/// How many days are kept in memory, with entries or without.
const DAYS: usize = 65_536;

type DayKey = (ActorName, Day);

/// What a writer keeps in memory of the derived tables. It may be emptied at any time between transactions, and is
/// after one that failed or that another server made.
#[derive(Debug)]
pub(crate) struct Derived {
    cases: LruCache<CaseId, Case>,
    /// When an actor's kind was said last, if it ever was.
    kinds: LruCache<ActorName, Option<(Timestamp, u64)>>,
    days: LruCache<DayKey, DayTally>,
    entries: usize,
    changed: Changed,
    /// Whom cases have concerned. It is never forgotten, for it only says which days a case's next event may change, so
    /// that they are read along with the case.
    concerned: LruCache<CaseId, HashSet<ActorName>>,
}

#[derive(Debug)]
struct Case {
    fold: Fold,
    /// The case's row in `held`.
    held: Option<HeldClock>,
}

/// What a transaction has changed, in the order of the keys.
#[derive(Debug, Default)]
struct Changed {
    days: BTreeSet<DayKey>,
    cases: BTreeSet<CaseId>,
    kinds: BTreeMap<ActorName, (ActorKind, Timestamp, u64)>,
}

impl Derived {
    pub(crate) fn new() -> Self {
        Self {
            cases: LruCache::new(NAMES),
            kinds: LruCache::new(NAMES),
            days: LruCache::unbounded(),
            entries: 0,
            changed: Changed::default(),
            concerned: LruCache::new(NAMES),
        }
    }

    /// Forgets everything: the tables are what counts.
    pub(crate) fn forget(&mut self) {
        let concerned = std::mem::replace(&mut self.concerned, LruCache::new(NonZeroUsize::MIN));
        *self = Self { concerned, ..Self::new() };
    }

    /// Of what those events need, or may need, what is not in memory.
    pub(crate) fn lacks<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) -> Wanted {
        let mut wanted = Wanted::default();
        for event in events {
            self.lacks_case(&mut wanted, event);
            let Some(day) = event.occurred_at().map(Timestamp::day) else { continue };
            let concerned = event.case_id().and_then(|case_id| self.concerned.get(case_id));
            let days = event.actor().into_iter().chain(concerned.into_iter().flatten());
            for actor in days {
                let key = (actor.clone(), day);
                if self.days.get(&key).is_none() {
                    wanted.days.insert(key);
                }
            }
        }
        wanted
    }

    fn lacks_case(&mut self, wanted: &mut Wanted, event: &Event) {
        // Those that are in memory are used now, and so are not what is forgotten for the others.
        if let Some(case_id) = event.case_id().filter(|case_id| self.cases.get(*case_id).is_none()) {
            wanted.cases.insert(case_id.clone());
        }
        let actor = event.actor().filter(|_| event.actor_kind().is_some());
        if let Some(actor) = actor.filter(|actor| self.kinds.get(*actor).is_none()) {
            wanted.actors.insert(actor.clone());
        }
    }

    /// Keeps what was found. What was not is known not to be there.
    pub(crate) fn keep(&mut self, mut found: Found, calendar: &Calendar) {
        for case_id in found.wanted.cases {
            let events = found.events.remove(&case_id).unwrap_or_default();
            let actors: HashSet<ActorName> =
                events.iter().filter_map(|recorded| recorded.event.actor().cloned()).collect();
            let fold = Fold::of(&events, calendar);
            let held = fold.clock();
            self.concerned.put(case_id.clone(), actors);
            self.cases.put(case_id, Case { fold, held });
        }
        for actor in found.wanted.actors {
            let kind = found.kinds.remove(&actor);
            self.kinds.put(actor, kind);
        }
        for key in found.wanted.days {
            let day = found.days.remove(&key).unwrap_or_default();
            self.entries += day.entries().len();
            self.days.put(key, day);
        }
    }

    /// Reads the folds of those events' cases and the kinds of their actors that are not in memory.
    pub(crate) async fn load<'e>(
        &mut self,
        connection: &ClientWrapper,
        events: impl IntoIterator<Item = &'e Event>,
        calendar: &Calendar,
    ) -> Sql<()> {
        let mut wanted = Wanted::default();
        for event in events {
            self.lacks_case(&mut wanted, event);
        }
        self.read(connection, wanted, calendar).await
    }

    async fn read(&mut self, connection: &ClientWrapper, wanted: Wanted, calendar: &Calendar) -> Sql<()> {
        if !wanted.is_empty() {
            let found = Finding::prepare(connection).await?.find(connection, wanted).await?;
            self.keep(found, calendar);
        }
        Ok(())
    }

    /// The fold of a case that was loaded, to take an event or to be replaced.
    pub(crate) fn fold(&mut self, case_id: &CaseId) -> Sql<&mut Fold> {
        if !self.changed.cases.contains(case_id) {
            self.changed.cases.insert(case_id.clone());
        }
        self.cases.get_mut(case_id).map(|case| &mut case.fold).ok_or_else(not_loaded)
    }

    /// Notes what an event says of its actor's kind, if nothing later was said.
    pub(crate) fn note_kind(
        &mut self,
        actor: &ActorName,
        kind: ActorKind,
        said: (Timestamp, u64),
    ) -> Sql<()> {
        let known = self.kinds.get_mut(actor).ok_or_else(not_loaded)?;
        if known.is_none_or(|before| before < said) {
            *known = Some(said);
            self.changed.kinds.insert(actor.clone(), (kind, said.0, said.1));
        }
        Ok(())
    }

    /// Makes changes to what counts.
    pub(crate) async fn make(
        &mut self,
        connection: &ClientWrapper,
        changes: &[Change],
        calendar: &Calendar,
    ) -> Sql<()> {
        let days = changes.iter().map(day_key).filter(|key| self.days.get(key).is_none()).collect();
        self.read(connection, Wanted { days, ..Wanted::default() }, calendar).await?;
        for change in changes {
            let (Change::Add(contribution) | Change::Remove(contribution)) = change;
            let entry = Entry::of(contribution);
            let key = day_key(change);
            let day = self.days.get_mut(&key).ok_or_else(not_loaded)?;
            let before = day.entries().len();
            match change {
                Change::Add(_) => day.add(entry),
                Change::Remove(_) => day.remove(&entry),
            }
            self.entries = (self.entries + day.entries().len()).saturating_sub(before);
            self.changed.days.insert(key);
            if let Some(case_id) = &contribution.case_id {
                self.concern(case_id, &contribution.actor);
            }
        }
        Ok(())
    }

    fn concern(&mut self, case_id: &CaseId, actor: &ActorName) {
        let actors = self.concerned.get_or_insert_mut(case_id.clone(), HashSet::new);
        if !actors.contains(actor) {
            actors.insert(actor.clone());
        }
    }

    /// Has the pipeline write what the transaction has changed: each table in the order of its keys.
    pub(crate) async fn write(&mut self, pipeline: &mut Pipeline<'_>) -> Sql<()> {
        let changed = std::mem::take(&mut self.changed);
        let (gone, there): (BTreeSet<DayKey>, BTreeSet<DayKey>) =
            changed.days.into_iter().partition(|key| self.days.peek(key).is_none_or(DayTally::is_empty));
        let (mut ended, mut running) = (Vec::new(), Vec::new());
        for case_id in changed.cases {
            let Some(case) = self.cases.peek_mut(&case_id) else { return Err(not_loaded()) };
            let now = case.fold.clock();
            if case.held == now {
                continue;
            }
            let before = std::mem::replace(&mut case.held, now.clone());
            ended.extend(before.filter(|before| now.as_ref().is_none_or(|now| now.holder != before.holder)));
            if let Some(now) = now {
                self.concern(&case_id, &now.holder);
                running.push(now);
            }
        }
        drop_days(pipeline, &gone).await?;
        put_days(pipeline, self.packed(there)).await?;
        put_kinds(pipeline, &changed.kinds).await?;
        // In this order, for a case may go from one holder to another and back.
        drop_held(pipeline, &ended).await?;
        put_held(pipeline, &running).await?;
        for key in gone {
            self.days.pop(&key);
        }
        while self.entries > ENTRIES || self.days.len() > DAYS {
            let Some((_, day)) = self.days.pop_lru() else { break };
            self.entries = self.entries.saturating_sub(day.entries().len());
        }
        Ok(())
    }

    fn packed(&self, keys: BTreeSet<DayKey>) -> BTreeMap<DayKey, PackedDay> {
        let packed = |key: DayKey| {
            let day = self.days.peek(&key)?;
            Some((key, PackedDay { tally: day.write_tallies(), entries: day.write_entries() }))
        };
        keys.into_iter().filter_map(packed).collect()
    }
}

fn day_key(change: &Change) -> DayKey {
    let (Change::Add(contribution) | Change::Remove(contribution)) = change;
    (contribution.actor.clone(), contribution.at.day())
}

fn columns<'k>(keys: impl IntoIterator<Item = &'k DayKey>) -> (Vec<String>, Vec<i32>) {
    keys.into_iter().map(|(actor, day)| (stored(actor.as_str()), day.number())).unzip()
}

/// A bug of ours: what a transaction touches is loaded first.
fn not_loaded() -> Failure {
    Failure::lasting(ErrorKind::Io, "what is to be changed was not read before: this is a bug")
}
