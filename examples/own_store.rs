//! A store of one's own, in a hundred lines: it keeps nothing but the log, and folds it whenever it is asked. It passes
//! the conformance suite, so it can be used wherever APMT takes a store.
//!
//! `cargo run --example own_store`, and `cargo test -p apmt-examples --example own_store` for the suite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apmt_core::contribution::Cursor;
use apmt_core::tally::ByTrack;
use apmt_core::{
    Activity, ActorName, Calendar, CaseId, Clock, Contribution, Day, Error, Event, Receipt, Recorded, Result,
    Store, StoreStatus, SystemClock, What, Window, case, store,
};
use async_trait::async_trait;
use uuid::Uuid;

/// Keeps the log in memory, and nothing else. Every question is answered from the events themselves.
#[derive(Debug)]
struct LogStore {
    clock: Arc<dyn Clock>,
    calendar: Calendar,
    /// `None` once closed.
    log: Mutex<Option<Vec<Recorded>>>,
}

impl LogStore {
    fn new(clock: Arc<dyn Clock>, calendar: Calendar) -> Self {
        Self { clock, calendar, log: Mutex::new(Some(Vec::new())) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Recorded>>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> Result<Vec<Recorded>> {
        self.lock().clone().ok_or_else(Error::closed)
    }

    /// The log, a case at a time; events without a case each stand alone.
    fn cases(&self) -> Result<BTreeMap<Option<CaseId>, Vec<Recorded>>> {
        let mut cases: BTreeMap<Option<CaseId>, Vec<Recorded>> = BTreeMap::new();
        for event in self.log()? {
            cases.entry(event.event.case_id().cloned()).or_default().push(event);
        }
        Ok(cases)
    }

    fn all_contributions(&self) -> Result<Vec<Contribution>> {
        let mut all: Vec<Contribution> = Vec::new();
        for (case_id, events) in self.cases()? {
            match case_id {
                Some(_) => all.extend(case::fold(&events, &self.calendar).contributions),
                None => all.extend(events.iter().flat_map(|event| case::without_case(event, &self.calendar))),
            }
        }
        all.sort_unstable_by_key(Contribution::cursor);
        Ok(all)
    }
}

#[async_trait]
impl Store for LogStore {
    async fn append(&self, mut events: Vec<Event>) -> Result<Vec<Receipt>> {
        let mut log = self.lock();
        let log = log.as_mut().ok_or_else(Error::closed)?;
        let now = self.clock.now();
        // Everything is checked before anything is stored: all or nothing.
        store::complete_batch(&mut events, now)?;
        let mut receipts = Vec::new();
        for event in events {
            let position = log.len() as u64 + 1;
            let recorded = Recorded::new(event, position, now);
            if let Some(first) = log.iter().find(|first| first.id == recorded.id) {
                receipts.push(Receipt::new(first.id, first.position, true));
                continue;
            }
            receipts.push(Receipt::new(recorded.id, position, false));
            log.push(recorded);
        }
        let retracted: BTreeSet<Uuid> = log
            .iter()
            .filter_map(|recorded| match recorded.event.what() {
                What::Retraction { retracts, .. } => Some(*retracts),
                _ => None,
            })
            .collect();
        for recorded in log {
            recorded.retracted = retracted.contains(&recorded.id);
        }
        Ok(receipts)
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        Ok(self.log()?.into_iter().filter(|event| event.position > after).take(limit).collect())
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        Ok(self.log()?.into_iter().find(|event| event.id == id))
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        let mut events = self.cases()?.remove(&Some(case_id.clone())).unwrap_or_default();
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
        let all = self.all_contributions()?.into_iter();
        let theirs = all.filter(|one| one.actor == *actor && window.contains(one.at));
        Ok(theirs.filter(|one| after.is_none_or(|after| one.cursor() > after)).take(limit).collect())
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        let mut activity = Activity::none(actor.clone());
        let log = self.log()?;
        let said = log.iter().filter(|event| event.event.actor() == Some(actor));
        let said = said.filter(|event| event.event.actor_kind().is_some());
        activity.actor_kind =
            said.max_by_key(|event| event.order()).and_then(|event| event.event.actor_kind());
        let mut days: BTreeMap<Day, ByTrack> = BTreeMap::new();
        for one in self.contributions(actor, window, None, usize::MAX).await? {
            days.entry(one.at.day()).or_default().add(one.track.as_ref(), &one.measure);
        }
        activity.days = days
            .into_iter()
            .flat_map(|(day, by_track)| by_track.into_tallies().into_iter().map(move |tally| (day, tally)))
            .collect();
        for (_, events) in self.cases()?.into_iter().filter(|(case_id, _)| case_id.is_some()) {
            let clock = case::clock_at(&events, &self.calendar, window.until);
            let theirs = clock.filter(|clock| clock.holder == *actor);
            activity.open.extend(theirs.map(|clock| clock.open_at(window.until, &self.calendar)));
        }
        Ok(activity)
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        let mut names: BTreeSet<ActorName> =
            self.all_contributions()?.into_iter().map(|one| one.actor).collect();
        names.extend(self.log()?.iter().filter_map(|event| event.event.actor().cloned()));
        let mut activities = Vec::new();
        for name in names.iter().filter(|name| !name.is_nobody() && after.is_none_or(|after| *name > after)) {
            let activity = self.activity(name, window).await?;
            if activities.len() < limit && !activity.is_empty() {
                activities.push(activity);
            }
        }
        Ok(activities)
    }

    async fn status(&self) -> Result<StoreStatus> {
        let log = self.log()?;
        let latest = log.iter().map(|event| event.occurred_at).max();
        Ok(StoreStatus::new(log.len() as u64, latest, self.clock.now(), self.calendar.digest()))
    }

    async fn close(&self) -> Result<()> {
        *self.lock() = None;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let store = LogStore::new(Arc::new(SystemClock), Calendar::Always);
    let client = apmt_client::Client::builder().store(Arc::new(store)).build()?;
    client.record_event(Event::override_of("anne@sba.gov").case("LOAN-1")).await?;
    println!("{}", client.get_dossier("anne@sba.gov").await?.to_json());
    Ok(())
}

#[cfg(test)]
mod tests {
    use apmt_core::conformance::Setup;

    use super::LogStore;

    apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
        LogStore::new(setup.clock, setup.calendar)
    });
}
