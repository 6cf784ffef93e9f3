//! Dossiers as they change: what [`Client::subscribe`](crate::Client::subscribe) gives.
//!
//! One thread a client follows the log behind a cursor, from the first subscription until the last one is dropped. It
//! starts with the scoreboard, so that it knows every dossier as it was. For each batch of new events it works out
//! whose dossiers can have changed: the event's actor, everybody who had to do with its case, and for a retraction
//! everybody who had to do with what is retracted. It makes those dossiers again, and passes on the ones that differ.
//! Under load it looks at the log every 20 ms and no more often
//! ([`ClientBuilder::live_gather`](crate::ClientBuilder::live_gather)), so that an actor has one delta for all that
//! happened in that time, and every subscription the same one.
//!
//! # The beginning
//! Recording with this client waits while the first 200 dossiers of the scoreboard are read, so that in a small store
//! each delta has what the dossier was. In a larger one recording goes on; whoever it concerns before the scoreboard is
//! read gets the first delta marked [`lagged`](DossierDelta::lagged), and so does whoever another process's events
//! concern in that time, for it is not known whether the dossier that was read had counted them.
//!
//! # Slow readers
//! The newest deltas are kept in one buffer for all subscriptions, and of older ones only the newest dossier of each
//! actor. A subscription is no more than a number: how far it has read. One that has fallen out of the buffer goes
//! through those newest dossiers instead, each marked [`lagged`](DossierDelta::lagged), and is then back in the
//! buffer. So a reader that stands still costs nothing, holds up nobody, and never ends up with a dossier that is out
//! of date.

mod affected;
mod board;
mod delta;
mod follower;
mod subscription;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use apmt_core::{ActorName, Policy, Store};

use crate::queue::{closed, no_thread};
pub(crate) use affected::changed_since;
pub use delta::{DossierDelta, FieldChange};
pub(crate) use follower::Pace;
use follower::Run;
pub use subscription::{BlockingDeltas, Subscription};

/// The client's side: it starts the follower, and wakes it.
#[derive(Debug)]
pub(crate) struct Live {
    store: Arc<dyn Store>,
    policy: Arc<Policy>,
    pace: Pace,
    current: Mutex<Current>,
    /// Whether anybody subscribes: all that recording an event looks at where nobody does.
    active: AtomicBool,
}

#[derive(Debug, Default)]
struct Current {
    follower: Weak<Follower>,
    closed: bool,
}

/// Held by every subscription; the follower stops when the last one lets go.
#[derive(Debug)]
pub(crate) struct Follower(Arc<Run>);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Live {
    pub(crate) fn new(store: Arc<dyn Store>, policy: Arc<Policy>, pace: Pace) -> Self {
        let (current, active) = <(Mutex<Current>, AtomicBool)>::default();
        Self { store, policy, pace, current, active }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes to one actor's dossier, or to everybody's.
    pub(crate) fn subscribe(&self, actor: Option<ActorName>) -> Subscription {
        let mut current = self.lock();
        if let Some(follower) = current.follower.upgrade().filter(|follower| !follower.0.has_ended()) {
            return Subscription::new(Arc::clone(&follower.0), follower, actor);
        }
        let run = Arc::new(Run::new(Arc::clone(&self.store), Arc::clone(&self.policy), self.pace));
        let follower = Arc::new(Follower(Arc::clone(&run)));
        if current.closed {
            run.end(Some(closed()));
        } else if let Err(error) = run.start() {
            run.end(Some(no_thread(error)));
        } else {
            current.follower = Arc::downgrade(&follower);
            self.active.store(true, Ordering::Release);
        }
        Subscription::new(run, follower, actor)
    }

    /// The follower that runs now, if one does.
    fn run(&self) -> Option<Arc<Run>> {
        if !self.active.load(Ordering::Acquire) {
            return None;
        }
        let current = self.lock();
        let run = current.follower.upgrade().map(|follower| Arc::clone(&follower.0));
        if run.is_none() {
            self.active.store(false, Ordering::Release);
        }
        run
    }

    /// Tells the follower that this client has recorded something.
    pub(crate) fn wake(&self) {
        if let Some(run) = self.run() {
            run.wake();
        }
    }

    /// Waits while a follower reads the scoreboard that it starts from, if that is short: what this client records
    /// after subscribing comes after that.
    pub(crate) async fn started(&self) {
        if let Some(run) = self.run() {
            run.started().await;
        }
    }

    /// As [`started`](Self::started), for a thread of our own.
    pub(crate) fn wait_until_started(&self) {
        if let Some(run) = self.run() {
            futures_lite::future::block_on(run.started());
        }
    }

    /// Ends all subscriptions once they have been given what is recorded by now, or the deadline has passed.
    pub(crate) fn finish(&self, deadline: Option<Instant>) {
        self.lock().closed = true;
        if let Some(run) = self.run() {
            run.finish(deadline);
        }
    }
}
