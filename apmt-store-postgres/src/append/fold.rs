//! Taking new events into the folds of their cases.

use std::collections::{BTreeSet, HashMap, HashSet};

use apmt_core::case::Batch;
use apmt_core::{Calendar, CaseId, Change, Event, Recorded};
use deadpool_postgres::ClientWrapper;
use uuid::Uuid;

use super::group::{Known, New};
use super::look::events_of;
use super::retracts;
use super::write::{Retracted, Said};
use crate::cases::Cases;
use crate::failure::Sql;
use crate::rows::{EVENT, all_recorded};

/// What follows from a group's new events, beside the folds.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) changes: Vec<Change>,
    pub(super) said: Said,
    pub(super) retracted: Retracted,
    /// The newest of the events that retract.
    pub(super) retraction: Option<u64>,
}

impl Folded {
    /// Notes what an event says of its actor's kind, if nothing later was said.
    fn note_kind(&mut self, recorded: &Recorded) {
        let (Some(actor), Some(kind)) = (recorded.event.actor(), recorded.event.actor_kind()) else { return };
        let (at, position) = recorded.order();
        if self.said.get(actor).is_none_or(|(_, before, by)| (*before, *by) < (at, position)) {
            self.said.insert(actor.clone(), (kind, at, position));
        }
    }
}

/// Folds events none of which retracts or was retracted, in cases that are in memory. `None` if that takes more than
/// what is in memory: one of them comes before what its case's fold has taken.
pub(super) fn ahead(cases: &mut Cases, new: &[New<'_>], calendar: &Calendar) -> Sql<Option<Folded>> {
    let mut folded = Folded::default();
    let mut folding = Batch::default();
    let mut ordered: Vec<&Recorded> = new.iter().map(|new| &new.recorded).collect();
    // As the folds take them, so that none of the group comes too late for another of it.
    ordered.sort_unstable_by_key(|recorded| recorded.order());
    for recorded in ordered {
        take(cases, &mut folding, recorded, calendar)?;
        folded.note_kind(recorded);
    }
    if !folding.cases_to_fold_again().is_empty() {
        return Ok(None);
    }
    folded.changes = folding.into_changes();
    Ok(Some(folded))
}

/// Folds whatever events; what that takes is read from the log, whose lock is held. `read` is what has been read so
/// already: all events of some cases.
pub(super) async fn under_lock(
    connection: &ClientWrapper,
    cases: &mut Cases,
    new: &mut [New<'_>],
    known: Known,
    read: HashMap<CaseId, Vec<Recorded>>,
    calendar: &Calendar,
) -> Sql<Folded> {
    let targets = targets(connection, new, &known).await?;
    let events = new.iter().map(|new| &new.recorded).chain(targets.values()).map(|recorded| &recorded.event);
    read_lacking(connection, cases, events, calendar).await?;

    let mut folded = Folded::default();
    let mut folding = Batch::default();
    let mut retracted = known.retracted;
    let mut places: HashMap<Uuid, usize> = HashMap::with_capacity(new.len());
    for index in 0..new.len() {
        let recorded = &mut new[index].recorded;
        places.insert(recorded.id, index);
        recorded.retracted = retracted.contains(&recorded.id);
        take(cases, &mut folding, recorded, calendar)?;
        folded.note_kind(recorded);
        let Some(target) = retracts(&recorded.event) else { continue };
        let position = recorded.position;
        folded.retraction = Some(position);
        if let Some(place) = places.get(&target) {
            folding.retract(&new[*place].recorded, position, calendar);
            new[*place].recorded.retracted = true;
        } else if let Some(old) = targets.get(&target) {
            if let Some(case_id) = old.event.case_id() {
                cases.fold(case_id)?;
            }
            folding.retract(old, position, calendar);
            if !old.retracted {
                folded.retracted.events.insert(old.position);
            }
        }
        if retracted.insert(target) {
            folded.retracted.names.push((target, position));
        }
    }
    fold_again(connection, cases, &mut folding, new, &retracted, read, calendar).await?;
    folded.changes = folding.into_changes();
    Ok(folded)
}

fn take(cases: &mut Cases, folding: &mut Batch, recorded: &Recorded, calendar: &Calendar) -> Sql<()> {
    let fold = match recorded.event.case_id() {
        Some(case_id) => Some(cases.fold(case_id)?),
        None => None,
    };
    folding.take(fold, recorded, calendar);
    Ok(())
}

async fn read_lacking<'e>(
    connection: &ClientWrapper,
    cases: &mut Cases,
    events: impl Iterator<Item = &'e Event>,
    calendar: &Calendar,
) -> Sql<()> {
    let lacking = cases.lacking(events);
    if !lacking.is_empty() {
        let events = events_of(connection, &lacking.iter().collect::<Vec<_>>()).await?;
        cases.keep(lacking, &events, calendar);
    }
    Ok(())
}

/// Folds the cases anew whose folds could not take everything.
async fn fold_again(
    connection: &ClientWrapper,
    cases: &mut Cases,
    folding: &mut Batch,
    new: &[New<'_>],
    retracted: &HashSet<Uuid>,
    read: HashMap<CaseId, Vec<Recorded>>,
    calendar: &Calendar,
) -> Sql<()> {
    let again = folding.cases_to_fold_again();
    let lacking: Vec<&CaseId> = again.iter().filter(|case_id| !read.contains_key(*case_id)).collect();
    let mut events = read;
    events.retain(|case_id, _| again.binary_search(case_id).is_ok());
    events.extend(events_of(connection, &lacking).await?);
    for recorded in events.values_mut().flatten() {
        recorded.retracted |= retracted.contains(&recorded.id);
    }
    let dirty: BTreeSet<&CaseId> = again.iter().collect();
    for recorded in new.iter().map(|new| &new.recorded) {
        if let Some(case_id) = recorded.event.case_id().filter(|case_id| dirty.contains(case_id)) {
            events.entry(case_id.clone()).or_default().push(recorded.clone());
        }
    }
    for case_id in &again {
        let events = events.remove(case_id).unwrap_or_default();
        *cases.fold(case_id)? = folding.again(case_id, &events, calendar);
    }
    Ok(())
}

/// The events of earlier groups that the new ones retract.
async fn targets(connection: &ClientWrapper, new: &[New<'_>], known: &Known) -> Sql<HashMap<Uuid, Recorded>> {
    let named = new.iter().filter_map(|new| known.ids.get(&retracts(&new.recorded.event)?));
    let positions: Vec<i64> = named.map(|(position, _)| position.cast_signed()).collect();
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!("SELECT {EVENT} FROM events e WHERE e.position = ANY ($1)");
    let find = connection.prepare_cached(&sql).await?;
    let events = all_recorded(&connection.query(&find, &[&positions]).await?)?;
    Ok(events.into_iter().map(|recorded| (recorded.id, recorded)).collect())
}
