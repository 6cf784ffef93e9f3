//! Remembering what everybody's activity came to.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use super::judging::{Gathered, gather, judge_among, judge_and_gather, judge_one_among};
use super::{Activity, AsOf, Receipt, Recorded, SealStore, SharedNotes, Store, StoreStatus};
use crate::contribution::{Contribution, Cursor};
use crate::dossier::Dossier;
use crate::error::Result;
use crate::event::Event;
use crate::name::{ActorName, CaseId};
use crate::policy::{PeerGroups, Policy};
use crate::time::{Timestamp, Window};

/// How many groups are remembered: those of now and of a window ago, which a page of an actor compares, under two
/// policies.
const REMEMBERED: usize = 4;

/// After more events than these, everybody is read again: of so many, most have something to do with somebody new.
const MOST_EVENTS: u64 = 1000;

/// A store that remembers what everybody's activity came to, so that a rule that
/// [compares peers](Policy::compares_peers) does not read everybody for every dossier.
///
/// What it remembers is a function of the log, the policy and `as_of`, and is used again for the same log (by its
/// position) under the same policy (by its digest), as of an instant as of which it is the same: from the one that it was
/// made for, until the UTC day ends, or the first contribution leaves the window. So while the log stands still, "now" may
/// move on; and after more of it, only those are read again whom it [can have changed](super::Affected). A dossier is what
/// it would be without. Whatever no such rule asks for goes straight to the store.
///
/// It is for stores that judge by themselves. Around one that asks a server, whose policy is the official one, it would
/// judge by the caller's.
///
/// ```
/// use std::sync::Arc;
/// use apmt_core::store::{RememberPeers, Store};
/// use apmt_core::{AsOf, Event, MemoryStore, Policy};
/// # futures_lite::future::block_on(async {
/// let rule = "{id: r, when: [override_rate > 0.3], peers: {min_group: 2}, then: review}";
/// let policy = Policy::from_yaml("p.yaml", &format!("{{name: p, rules: [{rule}]}}"))?;
/// let store = RememberPeers::new(Arc::new(MemoryStore::new()));
/// store.append(vec![Event::override_of("anne").build()?, Event::decision("bob").build()?]).await?;
/// let anne = store.dossier(&"anne".try_into()?, AsOf::Now, &policy).await?;
/// let bob = store.dossier(&"bob".try_into()?, AsOf::Now, &policy).await?; // reads bob alone
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct RememberPeers {
    inner: Arc<dyn Store>,
    /// The last one used first.
    remembered: Mutex<Vec<Remembered>>,
}

#[derive(Clone, Debug)]
struct Remembered {
    digest: String,
    position: u64,
    from: Timestamp,
    gathered: Gathered,
}

impl Remembered {
    /// Whether it is what was asked for, or was before the log had more, but not too much more.
    fn is_of(&self, positions: RangeInclusive<u64>, as_of: Timestamp, policy: &Policy) -> bool {
        positions.contains(&self.position)
            && (self.from..=self.gathered.until).contains(&as_of)
            && self.digest == policy.digest()
    }
}

impl RememberPeers {
    /// The same store, which remembers.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, remembered: Mutex::default() }
    }

    fn remembered(&self) -> MutexGuard<'_, Vec<Remembered>> {
        // Whoever panicked with it has changed nothing halfway: it is a list of finished things.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered, brought up to date where the log has more by now.
    async fn recall(
        &self,
        status: &StoreStatus,
        as_of: Timestamp,
        policy: &Policy,
    ) -> Result<Option<Arc<PeerGroups>>> {
        let position = status.position;
        let (found, after) = {
            let mut all = self.remembered();
            let place = |positions: RangeInclusive<u64>| {
                all.iter().position(|one| one.is_of(positions.clone(), as_of, policy))
            };
            let nearly = position.saturating_sub(MOST_EVENTS)..=position;
            let Some(place) = place(position..=position).or_else(|| place(nearly)) else { return Ok(None) };
            let one = all.remove(place);
            let found = (one.gathered.clone(), one.position);
            all.insert(0, one);
            found
        };
        if after == position {
            return Ok(Some(found.groups));
        }
        let renewed = found.renewed(&*self.inner, status, after, as_of, policy).await?;
        let groups = Arc::clone(&renewed.groups);
        self.remember(status, as_of, policy, renewed).await?;
        Ok(Some(groups))
    }

    /// Remembers what was gathered, unless something was recorded meanwhile, which may be in it or not.
    async fn remember(
        &self,
        status: &StoreStatus,
        as_of: Timestamp,
        policy: &Policy,
        gathered: Gathered,
    ) -> Result<()> {
        let StoreStatus { position, .. } = *status;
        if self.inner.status().await?.position == position {
            let digest = policy.digest().to_owned();
            let mut all = self.remembered();
            // What this was before the log had more is of no use any more.
            all.retain(|one| !one.is_of(0..=position, as_of, policy));
            all.insert(0, Remembered { digest, position, from: as_of, gathered });
            all.truncate(REMEMBERED);
        }
        Ok(())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for RememberPeers {
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.inner.append(events).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.inner.events(after, limit).await
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        self.inner.event(id).await
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        self.inner.case(case_id).await
    }

    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        self.inner.contributions(actor, window, after, limit).await
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        self.inner.activity(actor, window).await
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        self.inner.activities(window, after, limit).await
    }

    async fn status(&self) -> Result<StoreStatus> {
        self.inner.status().await
    }

    async fn dossier(&self, actor: &ActorName, as_of: AsOf, policy: &Policy) -> Result<Dossier> {
        if !policy.compares_peers() {
            return self.inner.dossier(actor, as_of, policy).await;
        }
        let (store, status) = (&*self.inner, self.inner.status().await?);
        let as_of = as_of.resolve(&status);
        let groups = if let Some(groups) = self.recall(&status, as_of, policy).await? {
            groups
        } else {
            let gathered = gather(store, &status, as_of, policy, drop).await?;
            let groups = Arc::clone(&gathered.groups);
            self.remember(&status, as_of, policy, gathered).await?;
            groups
        };
        judge_one_among(store, &groups, actor, as_of, policy, &status.calendar).await
    }

    async fn dossiers(
        &self,
        as_of: AsOf,
        policy: &Policy,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Dossier>> {
        if !policy.compares_peers() {
            return self.inner.dossiers(as_of, policy, after, limit).await;
        }
        let (store, status) = (&*self.inner, self.inner.status().await?);
        let as_of = as_of.resolve(&status);
        if let Some(groups) = self.recall(&status, as_of, policy).await? {
            return judge_among(store, &groups, as_of, policy, after, limit, &status.calendar).await;
        }
        let (dossiers, gathered) = judge_and_gather(store, &status, as_of, policy, after, limit).await?;
        if let Some(gathered) = gathered {
            self.remember(&status, as_of, policy, gathered).await?;
        }
        Ok(dossiers)
    }

    fn notes(&self) -> Option<&dyn SharedNotes> {
        self.inner.notes()
    }

    fn seal(&self) -> Option<&dyn SealStore> {
        self.inner.seal()
    }

    async fn close(&self) -> Result<()> {
        self.remembered().clear();
        self.inner.close().await
    }
}
