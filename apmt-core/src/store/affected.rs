//! Whose dossiers events can have changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Recorded, Store};
use crate::error::Result;
use crate::event::{EventType, What};
use crate::name::{ActorName, CaseId};

/// Gathers whom events concern: the event's actor, everybody who had to do with its case, and for a retraction
/// everybody who had to do with what is retracted. Nobody else's dossier can have changed by them.
///
/// ```
/// use apmt_core::store::{Affected, Store};
/// use apmt_core::{Event, MemoryStore};
/// # futures_lite::future::block_on(async {
/// let store = MemoryStore::new();
/// let decision = Event::decision("anne").case("C-1").build()?;
/// store.append(vec![decision, Event::sat_score(2).case("C-1").build()?]).await?;
/// let mut affected = Affected::default();
/// affected.take(&store, &store.events(1, 10).await?).await?;
/// assert!(affected.into_actors(&store).await?.contains_key("anne"), "the stars are anne's");
/// # Ok::<(), apmt_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Affected {
    actors: BTreeMap<ActorName, u64>,
    cases: HashMap<CaseId, u64>,
    planned: BTreeSet<ActorName>,
}

impl Affected {
    /// Takes events of the log.
    ///
    /// # Errors
    /// As the store meets them.
    pub async fn take(&mut self, store: &dyn Store, events: &[Recorded]) -> Result<()> {
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
    pub fn take_planned(&mut self) -> BTreeSet<ActorName> {
        std::mem::take(&mut self.planned)
    }

    /// Who it is, and the position of the last event that concerns each.
    ///
    /// # Errors
    /// As the store meets them.
    pub async fn into_actors(mut self, store: &dyn Store) -> Result<BTreeMap<ActorName, u64>> {
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
