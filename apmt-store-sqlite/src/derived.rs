//! The derived tables as the writer sees them: names as numbers, folds, days and running clocks, kept in memory while
//! they are in use and written back before each commit.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use apmt_core::case::{Fold, HeldClock};
use apmt_core::tally::{DayTally, Entry};
use apmt_core::{ActorKind, ActorName, Calendar, CaseId, Change, Recorded, Timestamp, Track};
use lru::LruCache;
use rusqlite::{OptionalExtension, Statement, params};

use crate::rows::{day_key, kind};
use crate::settle::{self, Tail};

/// How many cases and actors are kept in memory: more than one transaction can touch, for what it has touched must stay
/// until it is written back.
const NAMES: NonZeroUsize = NonZeroUsize::new(32_768).expect("is not zero");
/// How many entries of days are kept in memory, some 40 bytes each.
const ENTRIES: usize = 400_000;

/// The statements that keep the derived tables.
pub(crate) struct Statements<'c> {
    find_case: Statement<'c>,
    add_case: Statement<'c>,
    find_actor: Statement<'c>,
    add_actor: Statement<'c>,
    set_kind: Statement<'c>,
    find_day: Statement<'c>,
    put_day: Statement<'c>,
    drop_day: Statement<'c>,
    put_held: Statement<'c>,
    drop_held: Statement<'c>,
    tail: settle::Statements<'c>,
}

impl<'c> Statements<'c> {
    pub(crate) fn prepare(connection: &'c rusqlite::Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            find_case: connection.prepare("SELECT no FROM cases WHERE case_id = ?1")?,
            add_case: connection.prepare("INSERT INTO cases (case_id) VALUES (?1) RETURNING no")?,
            find_actor: connection
                .prepare("SELECT no, kind, kind_at, kind_position FROM actors WHERE name = ?1")?,
            add_actor: connection.prepare("INSERT INTO actors (name) VALUES (?1) RETURNING no")?,
            set_kind: connection
                .prepare("UPDATE actors SET kind = ?2, kind_at = ?3, kind_position = ?4 WHERE no = ?1")?,
            find_day: connection.prepare("SELECT tally, entries FROM days WHERE key = ?1")?,
            put_day: connection
                .prepare("INSERT OR REPLACE INTO days (key, tally, entries) VALUES (?1, ?2, ?3)")?,
            drop_day: connection.prepare("DELETE FROM days WHERE key = ?1")?,
            put_held: connection
                .prepare("INSERT OR REPLACE INTO held VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?,
            drop_held: connection.prepare("DELETE FROM held WHERE actor_no = ?1 AND case_no = ?2")?,
            tail: settle::Statements::prepare(connection)?,
        })
    }
}

/// What the writer keeps in memory of the derived tables. It may be emptied at any time between transactions, and is
/// after one that failed or that another process made.
#[derive(Debug)]
pub(crate) struct Derived {
    cases: LruCache<CaseId, Case>,
    actors: LruCache<ActorName, Actor>,
    days: LruCache<i64, DayTally>,
    entries: usize,
    changed_days: HashSet<i64>,
    touched_cases: Vec<CaseId>,
    tail: Tail,
    /// The actors of whom the same kind was said again, later than their row says.
    said_again: HashSet<ActorName>,
}

#[derive(Debug)]
struct Case {
    no: i64,
    fold: Fold,
    /// The case's row in `held`.
    held: Option<HeldClock>,
    /// Whether it is among the cases that the transaction has touched.
    touched: bool,
}

#[derive(Debug)]
struct Actor {
    no: u32,
    /// The kind that was said last, and the place of the event that said it.
    said: Option<(ActorKind, (Timestamp, u64))>,
}

impl Derived {
    pub(crate) fn new() -> Self {
        Self {
            cases: LruCache::new(NAMES),
            actors: LruCache::new(NAMES),
            days: LruCache::unbounded(),
            entries: 0,
            changed_days: HashSet::new(),
            touched_cases: Vec::new(),
            tail: Tail::default(),
            said_again: HashSet::new(),
        }
    }

    /// Forgets everything: the tables are what counts.
    pub(crate) fn forget(&mut self) {
        *self = Self::new();
    }

    /// A case's number and its fold as it was before `position`.
    pub(crate) fn case(
        &mut self,
        sql: &mut Statements<'_>,
        case_id: &CaseId,
        position: u64,
        calendar: &Calendar,
    ) -> rusqlite::Result<(i64, &mut Fold)> {
        if !self.cases.contains(case_id) {
            let known = sql.find_case.query_row([case_id.as_str()], |row| row.get(0)).optional()?;
            let (no, fold) = match known {
                Some(no) => (no, Fold::of(&sql.tail.events_of(&self.tail, no, position)?, calendar)),
                None => (sql.add_case.query_row([case_id.as_str()], |row| row.get(0))?, Fold::default()),
            };
            let held = fold.clock();
            self.cases.put(case_id.clone(), Case { no, fold, held, touched: false });
        }
        // It was put there above, if it was not there before.
        let case = self.cases.get_mut(case_id).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        if !std::mem::replace(&mut case.touched, true) {
            self.touched_cases.push(case_id.clone());
        }
        Ok((case.no, &mut case.fold))
    }

    /// All events of a case so far, for it to be folded again.
    pub(crate) fn events_of(
        &mut self,
        sql: &mut Statements<'_>,
        case_id: &CaseId,
        before: u64,
        calendar: &Calendar,
    ) -> rusqlite::Result<Vec<Recorded>> {
        let (no, _) = self.case(sql, case_id, before, calendar)?;
        sql.tail.events_of(&self.tail, no, before)
    }

    /// Who holds a case that is in memory.
    pub(crate) fn holder(&self, case_id: &CaseId) -> Option<ActorName> {
        self.cases.peek(case_id).and_then(|case| case.held.as_ref()).map(|held| held.holder.clone())
    }

    /// Goes on with another fold for a case.
    pub(crate) fn set_fold(&mut self, case_id: &CaseId, fold: Fold) {
        if let Some(case) = self.cases.get_mut(case_id) {
            case.fold = fold;
        }
    }

    /// Reads the log's tail behind that position: what another process, or this one before it ended, has not settled.
    pub(crate) fn read_tail(&mut self, sql: &mut Statements<'_>, settled: u64) -> rusqlite::Result<()> {
        self.tail = Tail::behind(settled);
        for (case_no, recorded) in sql.tail.events_behind(settled)? {
            self.took(sql, case_no, &recorded)?;
        }
        Ok(())
    }

    /// Notes an event of the log: that it is one of its case, and what it says of its actor's kind.
    pub(crate) fn took(
        &mut self,
        sql: &mut Statements<'_>,
        case_no: Option<i64>,
        recorded: &Recorded,
    ) -> rusqlite::Result<()> {
        if let Some(case_no) = case_no {
            self.tail.push(case_no, recorded.position);
        }
        let event = &recorded.event;
        event
            .actor()
            .zip(event.actor_kind())
            .map_or(Ok(()), |(actor, kind)| self.note_kind(sql, actor, kind, recorded.order()))
    }

    /// Notes what is said of an actor's kind, if nothing later was.
    fn note_kind(
        &mut self,
        sql: &mut Statements<'_>,
        name: &ActorName,
        kind: ActorKind,
        order: (Timestamp, u64),
    ) -> rusqlite::Result<()> {
        let actor = self.actor(sql, name)?;
        if actor.said.is_some_and(|(_, before)| before >= order) {
            return Ok(());
        }
        let before = actor.said.replace((kind, order));
        if before.is_some_and(|(before, _)| before == kind) {
            // Readers ask for the kind alone: when it was said matters once another is said.
            if !self.said_again.contains(name) {
                self.said_again.insert(name.clone());
            }
            return Ok(());
        }
        write_kind(sql, actor)
    }

    /// Settles the log's tail, if it is long; the log ends at that position.
    pub(crate) fn settle_if_long(&mut self, sql: &mut Statements<'_>, position: u64) -> rusqlite::Result<()> {
        if !self.tail.is_long(position) {
            return Ok(());
        }
        sql.tail.settle(&mut self.tail, position)?;
        for name in std::mem::take(&mut self.said_again) {
            let actor = self.actor(sql, &name)?;
            write_kind(sql, actor)?;
        }
        Ok(())
    }

    /// Makes a change to what counts.
    pub(crate) fn make(&mut self, sql: &mut Statements<'_>, change: &Change) -> rusqlite::Result<()> {
        let (Change::Add(contribution) | Change::Remove(contribution)) = change;
        let no = self.actor(sql, &contribution.actor)?.no;
        let key = day_key(contribution.at.day(), no);
        let entry = Entry::of(contribution);
        self.changed_days.insert(key);
        let day = self.day(sql, key)?;
        let before = day.entries().len();
        match change {
            Change::Add(_) => day.add(entry),
            Change::Remove(_) => day.remove(&entry),
        }
        let after = day.entries().len();
        self.entries = (self.entries + after).saturating_sub(before);
        Ok(())
    }

    /// Writes back what the transaction has changed.
    pub(crate) fn write_back(&mut self, sql: &mut Statements<'_>) -> rusqlite::Result<()> {
        // In order of the keys, so that rows that lie side by side are written one after the other.
        let mut keys: Vec<i64> = self.changed_days.drain().collect();
        keys.sort_unstable();
        for key in keys {
            match self.days.peek(&key) {
                Some(day) if !day.is_empty() => {
                    sql.put_day.execute(params![key, day.write_tallies(), day.write_entries()])?;
                }
                _ => {
                    sql.drop_day.execute([key])?;
                    self.days.pop(&key);
                }
            }
        }
        while self.entries > ENTRIES {
            let Some((_, day)) = self.days.pop_lru() else { break };
            self.entries = self.entries.saturating_sub(day.entries().len());
        }
        for case_id in std::mem::take(&mut self.touched_cases) {
            self.write_held(sql, &case_id)?;
        }
        Ok(())
    }

    /// Brings a case's row in `held` to what its fold says.
    fn write_held(&mut self, sql: &mut Statements<'_>, case_id: &CaseId) -> rusqlite::Result<()> {
        let Some(case) = self.cases.get_mut(case_id) else { return Ok(()) };
        case.touched = false;
        let now = case.fold.clock();
        if case.held == now {
            return Ok(());
        }
        let no = case.no;
        let before = std::mem::replace(&mut case.held, now.clone());
        if let Some(before) =
            before.filter(|before| now.as_ref().is_none_or(|now| now.holder != before.holder))
        {
            let actor = self.actor(sql, &before.holder)?.no;
            sql.drop_held.execute(params![actor, no])?;
        }
        self.put_held(sql, no, now)
    }

    /// Writes the clock that runs at the end of a case that was folded from an empty table.
    pub(crate) fn finish(
        &mut self,
        sql: &mut Statements<'_>,
        (case_no, fold): &(Option<i64>, Fold),
    ) -> rusqlite::Result<()> {
        case_no.map_or(Ok(()), |no| self.put_held(sql, no, fold.clock()))
    }

    fn put_held(
        &mut self,
        sql: &mut Statements<'_>,
        case_no: i64,
        clock: Option<HeldClock>,
    ) -> rusqlite::Result<()> {
        let Some(clock) = clock else { return Ok(()) };
        let actor = self.actor(sql, &clock.holder)?.no;
        sql.put_held.execute(params![
            actor,
            case_no,
            clock.since.millis(),
            clock.counted_ms.cast_signed(),
            clock.running_since.map(Timestamp::millis),
            clock.changed_at.millis(),
            clock.case_id.as_str(),
            clock.working_days,
            clock.track.as_ref().map(Track::as_str),
        ])?;
        Ok(())
    }

    fn actor(&mut self, sql: &mut Statements<'_>, name: &ActorName) -> rusqlite::Result<&mut Actor> {
        if !self.actors.contains(name) {
            let known = sql
                .find_actor
                .query_row([name.as_str()], |row| {
                    let kind = kind(row, 1)?;
                    let at = row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis);
                    let position = row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned);
                    Ok(Actor { no: row.get(0)?, said: kind.zip(at.zip(position)) })
                })
                .optional()?;
            let actor = if let Some(actor) = known {
                actor
            } else {
                let no = sql.add_actor.query_row([name.as_str()], |row| row.get(0))?;
                Actor { no, said: None }
            };
            self.actors.put(name.clone(), actor);
        }
        self.actors.get_mut(name).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    fn day(&mut self, sql: &mut Statements<'_>, key: i64) -> rusqlite::Result<&mut DayTally> {
        if !self.days.contains(&key) {
            let stored = sql
                .find_day
                .query_row([key], |row| {
                    DayTally::read(row.get_ref(0)?.as_bytes()?, row.get_ref(1)?.as_bytes()?).map_err(
                        |error| {
                            let kind = rusqlite::types::Type::Blob;
                            rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
                        },
                    )
                })
                .optional()?
                .unwrap_or_default();
            self.entries += stored.entries().len();
            self.days.put(key, stored);
        }
        self.days.get_mut(&key).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }
}

fn write_kind(sql: &mut Statements<'_>, actor: &Actor) -> rusqlite::Result<()> {
    let Some((kind, (at, position))) = actor.said else { return Ok(()) };
    sql.set_kind.execute(params![actor.no, kind.name(), at.millis(), position.cast_signed()])?;
    Ok(())
}
