//! Whose dossiers events can have changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use apmt_core::{ActorName, CaseId, EventType, Recorded, Result, Store, What};

/// How many events are read at a time.
const PAGE: usize = 1000;

/// Gathers whom events concern: the event's actor, everybody who had to do with its case, and for a retraction
/// everybody who had to do with what is retracted.
#[derive(Debug, Default)]
pub(super) struct Affected {
    actors: BTreeMap<ActorName, u64>,
    cases: HashMap<CaseId, u64>,
    planned: BTreeSet<ActorName>,
}

impl Affected {
    /// Takes events of the log.
    pub(super) async fn take(&mut self, store: &dyn Store, events: &[Recorded]) -> Result<()> {
        for recorded in events {
            self.add(recorded, recorded.position);
            if let What::Retraction { retracts, .. } = recorded.event.what()
                && let Some(target) = store.event(*retracts).await?
            {
                self.add(&target, recorded.position);
            }
        }
        Ok(())
    }

    /// Those of whom a plan was started or closed, or such an event taken back: no figure of a dossier says so.
    pub(super) fn take_planned(&mut self) -> BTreeSet<ActorName> {
        std::mem::take(&mut self.planned)
    }

    /// Who it is, and the position of the last event that concerns each.
    pub(super) async fn into_actors(mut self, store: &dyn Store) -> Result<BTreeMap<ActorName, u64>> {
        // Everybody in a case: a verdict counts for whoever advised, stars for whoever decided, an assignment ends the
        // clock of whoever held it before.
        for (case_id, position) in std::mem::take(&mut self.cases) {
            let events = store.case(&case_id).await?;
            let actors: BTreeSet<&ActorName> =
                events.iter().filter_map(|recorded| recorded.event.actor()).collect();
            for actor in actors {
                self.add_actor(actor, position);
            }
        }
        Ok(self.actors)
    }

    fn add(&mut self, recorded: &Recorded, position: u64) {
        if let Some(actor) = recorded.event.actor() {
            self.add_actor(actor, position);
            if matches!(recorded.event.event_type(), EventType::PlanStarted | EventType::PlanClosed) {
                self.planned.insert(actor.clone());
            }
        }
        if let Some(case_id) = recorded.event.case_id() {
            let last = self.cases.entry(case_id.clone()).or_default();
            *last = position.max(*last);
        }
    }

    fn add_actor(&mut self, actor: &ActorName, position: u64) {
        match self.actors.get_mut(actor) {
            Some(last) => *last = position.max(*last),
            None => drop(self.actors.insert(actor.clone(), position)),
        }
    }
}

/// Everybody whose dossier an event after that position can have changed; `None` if there are more than `most` such
/// events, or the log ends before it.
pub(crate) async fn changed_since(
    store: &dyn Store,
    cursor: u64,
    most: u64,
) -> Result<Option<Vec<ActorName>>> {
    let end = store.status().await?.position;
    if end.checked_sub(cursor).is_none_or(|events| events > most) {
        return Ok(None);
    }
    let mut affected = Affected::default();
    let mut after = cursor;
    // What is recorded meanwhile may be among it, and need not be.
    while after < end {
        let events = store.events(after, PAGE).await?;
        let Some(last) = events.last() else { break };
        after = last.position;
        affected.take(store, &events).await?;
    }
    Ok(Some(affected.into_actors(store).await?.into_keys().collect()))
}
