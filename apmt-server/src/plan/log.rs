//! Following the log for plans.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apmt_client::Client;
use apmt_core::{ActorName, Result};

use super::open::{OpenPlan, Plans};

/// How many events are read at a time.
const PAGE: usize = 1000;

/// The plans of a client's log, followed behind a position of its own. A clone follows with it.
///
/// Each look reads what the log has got since the last one, and so sees all that was recorded before the call. The
/// first look reads the whole log, once a process; if it is given up halfway, as when a request runs out of time, the
/// next one goes on from there. A [`Server`](crate::serve::Server) takes that look when it starts, before anybody asks.
#[derive(Clone)]
pub struct PlanLog {
    client: Client,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    position: u64,
    plans: Plans,
}

impl std::fmt::Debug for PlanLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanLog").field("position", &self.lock().position).finish_non_exhaustive()
    }
}

impl PlanLog {
    /// The plans of that client's log. Nothing is read yet.
    pub fn new(client: Client) -> Self {
        Self { client, seen: Arc::default() }
    }

    /// An actor's open plan.
    ///
    /// # Errors
    /// What the store meets.
    pub async fn of(&self, actor: &ActorName) -> Result<Option<OpenPlan>> {
        self.catch_up().await?;
        Ok(self.lock().plans.of(actor).cloned())
    }

    /// Every open plan, in the order of the actors' names.
    ///
    /// # Errors
    /// What the store meets.
    pub async fn open(&self) -> Result<Vec<OpenPlan>> {
        self.catch_up().await?;
        Ok(self.lock().plans.open().into_iter().cloned().collect())
    }

    /// Reads what the log has got since the last look.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        loop {
            let after = self.lock().position;
            let events = self.client.events(after, PAGE).await?;
            let Some(last) = events.last().map(|last| last.position) else { return Ok(()) };
            let mut seen = self.lock();
            // Another look may have read the same.
            if seen.position == after {
                for event in &events {
                    seen.plans.apply(event);
                }
                seen.position = last;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
