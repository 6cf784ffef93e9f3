//! Actors' days: written as parts, one of each append that adds to them, so that an append reads nothing of a day, and
//! servers that add to the same day do not wait for each other; read as the sum of their parts.
//!
//! The positions of a part's entries count from its `base`: where the log stood before the append, which is known once
//! the lock is held. Parts of one day are [packed](pack) together in time.

pub(crate) mod pack;

use std::collections::{BTreeMap, HashMap};

use apmt_core::tally::{DayTally, Entry};
use apmt_core::{ActorName, Change, Day};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Row;

use crate::failure::Sql;
use crate::pipeline::{Pipeline, parameters};
use crate::rows::{actor, stored};

pub(crate) type DayKey = (ActorName, Day);

/// What becomes of actors' days.
#[derive(Debug, Default)]
pub(crate) struct DayChanges {
    /// What is added by new events alone: a part each.
    pub(crate) parts: BTreeMap<DayKey, DayTally>,
    /// What changes in days in another way: in order, the positions as they are in the log.
    pub(crate) others: BTreeMap<DayKey, Vec<Change>>,
}

impl DayChanges {
    /// Sorts changes. New events are those after that position.
    pub(crate) fn of(changes: Vec<Change>, after: u64) -> Self {
        let mut by_day: BTreeMap<DayKey, Vec<Change>> = BTreeMap::new();
        for change in changes {
            let (Change::Add(contribution) | Change::Remove(contribution)) = &change;
            let key = (contribution.actor.clone(), contribution.at.day());
            by_day.entry(key).or_default().push(change);
        }
        let mut sorted = Self::default();
        for (key, changes) in by_day {
            let is_new = |change: &Change| {
                let (Change::Add(contribution) | Change::Remove(contribution)) = change;
                contribution.position > after
            };
            if !changes.iter().all(is_new) {
                sorted.others.insert(key, changes);
                continue;
            }
            let mut part = DayTally::default();
            for change in &changes {
                make(&mut part, change, after);
            }
            if !part.is_empty() {
                sorted.parts.insert(key, part);
            }
        }
        sorted
    }
}

/// Makes a change to a day whose positions count from `base`.
fn make(day: &mut DayTally, change: &Change, base: u64) {
    let (Change::Add(contribution) | Change::Remove(contribution)) = change;
    let entry = Entry { position: contribution.position - base, ..Entry::of(contribution) };
    match change {
        Change::Add(_) => day.add(entry),
        Change::Remove(_) => day.remove(&entry),
    }
}

/// A day's part, from `base, tally, entries` in these columns; its positions as they are in the log.
fn part(row: &Row, columns: [usize; 3]) -> Sql<DayTally> {
    let [base, tally, entries] = columns;
    let part = DayTally::read(row.try_get(tally)?, row.try_get(entries)?)?;
    Ok(part.with_positions_raised(of_base(row, base)?))
}

/// A part's entries, as they are stored, with their positions as they are in the log.
pub(crate) fn entries(row: &Row, base: usize, entries: &[u8]) -> Sql<Vec<Entry>> {
    let base = of_base(row, base)?;
    let mut entries = DayTally::read_entries(entries)?;
    for entry in &mut entries {
        entry.position = entry.position.saturating_add(base);
    }
    Ok(entries)
}

fn of_base(row: &Row, column: usize) -> Sql<u64> {
    Ok(row.try_get::<_, i64>(column)?.cast_unsigned())
}

/// Parts of one day as one.
fn merged(mut parts: Vec<DayTally>) -> DayTally {
    // The largest takes the others.
    parts.sort_by_key(|part| part.entries().len());
    let mut day = parts.pop().unwrap_or_default();
    for entry in parts.iter().flat_map(DayTally::entries) {
        day.add(entry.clone());
    }
    day
}

/// Makes changes to days as a whole: takes all of their parts away, and has the pipeline put one back. This is for whoever
/// has the head's lock, under which nobody adds parts.
pub(crate) async fn rewrite(
    connection: &ClientWrapper,
    pipeline: &mut Pipeline<'_>,
    changes: &BTreeMap<DayKey, Vec<Change>>,
) -> Sql<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let (actors, numbers) = columns(changes.keys());
    // One that somebody packs at this moment is waited for, and comes packed.
    let take = connection
        .prepare_cached(
            "DELETE FROM days d USING unnest($1::text[], $2::int[]) k (actor, day) \
             WHERE d.actor = k.actor AND d.day = k.day RETURNING d.actor, d.day, d.base, d.tally, d.entries",
        )
        .await?;
    let mut parts: HashMap<DayKey, Vec<DayTally>> = HashMap::new();
    for row in &connection.query(&take, &[&actors, &numbers]).await? {
        let key = (actor(row.try_get(0)?), Day::from_number(row.try_get(1)?));
        parts.entry(key).or_default().push(part(row, [2, 3, 4])?);
    }
    let mut days = BTreeMap::new();
    for (key, changes) in changes {
        let mut day = merged(parts.remove(key).unwrap_or_default());
        for change in changes {
            make(&mut day, change, 0);
        }
        if !day.is_empty() {
            days.insert(key.clone(), day);
        }
    }
    put(pipeline, 0, &days).await
}

/// Puts parts whose positions count from that base.
pub(crate) async fn put(
    pipeline: &mut Pipeline<'_>,
    base: i64,
    days: &BTreeMap<DayKey, DayTally>,
) -> Sql<()> {
    if days.is_empty() {
        return Ok(());
    }
    let Packed { actors, days, tallies, entries } = Packed::of(days);
    let put = "INSERT INTO days (actor, day, base, tally, entries) \
               SELECT k.actor, k.day, $5, k.tally, k.entries \
               FROM unnest($1::text[], $2::int[], $3::bytea[], $4::bytea[]) k (actor, day, tally, entries)";
    pipeline.add(put, parameters![actors, days, tallies, entries, base]).await
}

/// Days as they are stored, column by column.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) actors: Vec<String>,
    pub(crate) days: Vec<i32>,
    pub(crate) tallies: Vec<Vec<u8>>,
    pub(crate) entries: Vec<Vec<u8>>,
}

impl Packed {
    pub(crate) fn of(days: &BTreeMap<DayKey, DayTally>) -> Self {
        let (tallies, entries) = days.values().map(|day| (day.write_tallies(), day.write_entries())).unzip();
        let (actors, days) = columns(days.keys());
        Self { actors, days, tallies, entries }
    }
}

fn columns<'k>(keys: impl IntoIterator<Item = &'k DayKey>) -> (Vec<String>, Vec<i32>) {
    keys.into_iter().map(|(actor, day)| (stored(actor.as_str()), day.number())).unzip()
}
