//! The store's methods.

use std::time::Duration;

use apmt_core::contribution::Cursor;
use apmt_core::policy::Reach;
use apmt_core::store::seal::{Erased, KeptCheckpoint, SealNode, StoredRow};
use apmt_core::store::{judge_here, judge_one_here};
use apmt_core::{
    Activity, ActorName, AsOf, CaseId, Contribution, Dossier, Error, Event, Policy, Receipt, Recorded,
    Result, SealStore, SharedNotes, Store, StoreStatus, Timestamp, Window,
};
use async_trait::async_trait;
use uuid::Uuid;

use crate::PostgresStore;
use crate::activity::{self, Reading};
use crate::connect::Snapshot;
use crate::erase;
use crate::failure::{Failure, Sql};
use crate::notes;
use crate::query;
use crate::retry::Attempts;
use crate::seal;

/// Does with a pool's connection what that expression says, which may use `?` and is tried again where that may help.
macro_rules! reading {
    ($store:expr, $read:expr) => {{
        let store: &PostgresStore = $store;
        let _call = store.engine.call().await?;
        let mut attempts = Attempts::within(store.budget);
        loop {
            let read: Sql<_> = async { $read }.await;
            match read {
                Ok(answer) => break Ok::<_, Error>(answer),
                Err(failure) => store.wait(&mut attempts, failure).await?,
            }
        }
    }};
}

/// Reads with that expression, in one transaction, so that all it reads is of one instant.
macro_rules! reading_at_once {
    ($store:expr, |$reading:ident| $read:expr) => {
        reading!($store, {
            let snapshot = Snapshot::new($store.engine.connection().await?);
            let $reading = Reading { snapshot: &snapshot, calendar: &$store.calendar, clock: &*$store.clock };
            let answer = $read;
            snapshot.end().await?;
            Ok(answer)
        })
    };
}

impl PostgresStore {
    fn may_write(&self) -> Result<()> {
        if self.read_only { Err(seal::read_only().error(&self.place)) } else { Ok(()) }
    }

    async fn wait(&self, attempts: &mut Attempts, failure: Failure) -> Result<()> {
        let again = match attempts.again(failure) {
            Ok(wait) => self.engine.sleep(wait).await,
            Err(failure) => Err(failure),
        };
        again.map_err(|failure| failure.error(&self.place))
    }
}

pub(crate) async fn drop_months_before(store: &PostgresStore, before: Timestamp) -> Result<u64> {
    reading!(store, {
        let connection = store.engine.connection().await?;
        let drop = connection.prepare_cached("SELECT drop_partitions($1)").await?;
        let dropped: i32 = connection.query_one(&drop, &[&before.millis()]).await?.try_get(0)?;
        Ok(u64::from(dropped.unsigned_abs()))
    })
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for PostgresStore {
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.may_write()?;
        self.engine.writer.append(events, self.clock.now()).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        reading!(self, query::events(&*self.engine.connection().await?, after, limit).await)
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        reading!(self, query::event(&*self.engine.connection().await?, id).await)
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        reading!(self, query::case(&*self.engine.connection().await?, case_id).await)
    }

    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        reading_at_once!(self, |reading| {
            reading.begin(AsOf::Now).await?;
            activity::contributions(reading.snapshot, actor, window, after, limit).await?
        })
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        reading_at_once!(self, |reading| reading.activity(actor, window).await?)
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        reading_at_once!(self, |reading| {
            reading.begin(AsOf::Now).await?;
            reading.activities(window, after, limit).await?
        })
    }

    async fn status(&self) -> Result<StoreStatus> {
        let digest = self.calendar.digest();
        let head = reading!(self, query::head(&*self.engine.connection().await?, &digest).await)?;
        Ok(StoreStatus::new(head.position, head.latest, self.clock.now(), digest))
    }

    /// All of it at one instant; in one round trip and a commit, unless it looks back from the newest event, or a rule
    /// looks back. Where one compares peers, everybody is read.
    async fn dossier(&self, actor: &ActorName, as_of: AsOf, policy: &Policy) -> Result<Dossier> {
        if policy.compares_peers() {
            return judge_one_here(self, actor, as_of, policy).await;
        }
        reading_at_once!(self, |reading| {
            let known = match as_of {
                AsOf::Now => Some(self.clock.now()),
                AsOf::At(instant) => Some(instant),
                AsOf::Latest => None,
            };
            let at_once = known.map(|as_of| (as_of, policy.reach(as_of)));
            let (as_of, activity) = if let Some((as_of, Reach { window, before: None, .. })) = at_once {
                (as_of, reading.activity(actor, window).await?)
            } else {
                let as_of = reading.begin(as_of).await?;
                let reach = policy.reach(as_of);
                let mut activity = reading.activity_at(actor, reach.activity).await?;
                if let Some(before) = reach.before {
                    let before =
                        activity::contributions(reading.snapshot, actor, before, None, usize::MAX).await?;
                    activity = activity.split(reach.window, &before);
                }
                (as_of, activity)
            };
            Dossier::of(&activity, as_of, policy).through(self.calendar.digest())
        })
    }

    /// All of it at one instant, unless a rule looks back or compares peers: then actor by actor.
    async fn dossiers(
        &self,
        as_of: AsOf,
        policy: &Policy,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Dossier>> {
        if policy.look_back_days() > 0 || policy.compares_peers() {
            return judge_here(self, as_of, policy, after, limit).await;
        }
        reading_at_once!(self, |reading| {
            let as_of = reading.begin(as_of).await?;
            let window = Window::days_until(policy.window_days(), as_of);
            let activities = reading.activities(window, after, limit).await?;
            let digest = self.calendar.digest();
            let dossier = |activity| Dossier::of(activity, as_of, policy).through(&*digest);
            activities.iter().map(dossier).collect()
        })
    }

    fn notes(&self) -> Option<&dyn SharedNotes> {
        (!self.read_only).then_some(self)
    }

    fn seal(&self) -> Option<&dyn SealStore> {
        Some(self)
    }

    async fn close(&self) -> Result<()> {
        self.engine.close().await;
        Ok(())
    }
}

#[async_trait]
impl SharedNotes for PostgresStore {
    async fn hold(&self, note: &str, holder: Uuid, time: Duration) -> Result<Option<String>> {
        reading!(self, notes::hold(&*self.engine.connection().await?, note, holder, time).await)
    }

    async fn write(&self, note: &str, holder: Uuid, time: Duration, text: &str) -> Result<bool> {
        reading!(self, notes::write(&*self.engine.connection().await?, note, holder, time, text).await)
    }
}

#[async_trait]
impl SealStore for PostgresStore {
    async fn sealed(&self) -> Result<u64> {
        reading!(self, seal::sealed(&*self.engine.connection().await?).await)
    }

    async fn rows(&self, after: i64, limit: usize) -> Result<Vec<StoredRow>> {
        reading!(self, seal::rows(&*self.engine.connection().await?, after, limit).await)
    }

    async fn nodes(&self, numbers: Vec<u64>) -> Result<Vec<Option<Vec<u8>>>> {
        reading!(self, seal::nodes(&*self.engine.connection().await?, &numbers).await)
    }

    async fn keep_nodes(&self, sealed: u64, nodes: Vec<SealNode>) -> Result<bool> {
        self.may_write()?;
        reading!(self, seal::keep_nodes(&*self.engine.connection().await?, sealed, &nodes).await)
    }

    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<KeptCheckpoint>> {
        reading!(self, seal::checkpoints(&*self.engine.connection().await?, after, limit).await)
    }

    async fn newest_checkpoint(&self) -> Result<Option<KeptCheckpoint>> {
        reading!(self, seal::newest_checkpoint(&*self.engine.connection().await?).await)
    }

    async fn keep_checkpoint(&self, checkpoint: KeptCheckpoint) -> Result<()> {
        self.may_write()?;
        reading!(self, seal::keep_checkpoint(&*self.engine.connection().await?, &checkpoint).await)
    }

    /// PostgreSQL checks its pages itself, where it was set up with checksums.
    async fn damage(&self) -> Result<Option<String>> {
        self.engine.call().await.map(|_| None)
    }

    /// The rows' old versions stay in the tables' pages until `VACUUM` takes them, and in the write-ahead log, its archive
    /// and backups until those are gone: see the chapter on operating.
    async fn erase(&self, events: Vec<Erased>) -> Result<u64> {
        self.may_write()?;
        reading!(self, {
            let connection = self.engine.connection().await?;
            let erasing = erase::erase(connection, events.clone(), self.calendar.clone(), self.budget);
            self.engine.run(erasing).await
        })
    }
}
