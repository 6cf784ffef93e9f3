//! The same without async: for plain threads, scripts and tests.
//!
//! None of this may be called in async code: it would hold up the executor's thread, and everything else that the
//! executor has to do there. From async code, use [`crate::Client`].
//!
//! ```
//! use apmt_client::{Event, blocking::Client};
//!
//! let client = Client::open("memory:")?;
//! client.record_event(Event::decision("anne@sba.gov").case("C-1042"))?;
//! assert_eq!(client.get_dossier("anne@sba.gov")?.metrics.decisions, 1);
//! assert!(client.shutdown(std::time::Duration::from_secs(5)).is_clean());
//! # Ok::<(), apmt_client::Error>(())
//! ```

use std::sync::Arc;
use std::time::Duration;

use apmt_core::{
    ActorName, AsOf, Contribution, Dossier, IntoEvent, Policy, Receipt, Recorded, Result, Store, StoreStatus,
};
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::{ClientBuilder, Losses, Report, Subscription};

/// A client whose calls wait: each is the call of the same name of [`crate::Client`].
///
/// A clone is the same client. The two kinds turn into each other: [`From`], and [`as_async`](Self::as_async).
#[derive(Clone, Debug)]
pub struct Client(crate::Client);

impl From<crate::Client> for Client {
    fn from(client: crate::Client) -> Self {
        Self(client)
    }
}

impl From<Client> for crate::Client {
    fn from(client: Client) -> Self {
        client.0
    }
}

impl Client {
    /// As [`crate::Client::open`].
    pub fn open(url: &str) -> Result<Self> {
        crate::Client::open(url).map(Self)
    }

    /// As [`crate::Client::builder`]; `Client::from(builder.build()?)` is the blocking one.
    pub fn builder() -> ClientBuilder {
        crate::Client::builder()
    }

    /// The same client for async code.
    pub const fn as_async(&self) -> &crate::Client {
        &self.0
    }

    /// As [`crate::Client::policy`].
    pub fn policy(&self) -> &Policy {
        self.0.policy()
    }

    /// As [`crate::Client::store`].
    pub fn store(&self) -> &Arc<dyn Store> {
        self.0.store()
    }

    /// As [`crate::Client::record_event`].
    pub fn record_event(&self, event: impl IntoEvent) -> Result<Receipt> {
        block_on(self.0.record_event(event))
    }

    /// As [`crate::Client::record_events`].
    pub fn record_events<I>(&self, events: I) -> Result<Vec<Receipt>>
    where
        I: IntoIterator,
        I::Item: IntoEvent,
    {
        block_on(self.0.record_events(events))
    }

    /// As [`crate::Client::enqueue`], which never waits.
    pub fn enqueue(&self, event: impl IntoEvent) -> Result<Uuid> {
        self.0.enqueue(event)
    }

    /// As [`crate::Client::queued`].
    pub fn queued(&self) -> u64 {
        self.0.queued()
    }

    /// As [`crate::Client::losses`].
    pub fn losses(&self) -> Losses {
        self.0.losses()
    }

    /// As [`crate::Client::flush`].
    pub fn flush(&self, timeout: Duration) -> Result<()> {
        self.0.flush_blocking(timeout)
    }

    /// As [`crate::Client::get_dossier`].
    pub fn get_dossier(&self, actor: &str) -> Result<Dossier> {
        block_on(self.0.get_dossier(actor))
    }

    /// As [`crate::Client::get_dossier_at`].
    pub fn get_dossier_at(&self, actor: &str, as_of: impl Into<AsOf>) -> Result<Dossier> {
        block_on(self.0.get_dossier_at(actor, as_of))
    }

    /// As [`crate::Client::scoreboard`].
    pub fn scoreboard(&self, as_of: impl Into<AsOf>) -> Result<Vec<Dossier>> {
        block_on(self.0.scoreboard(as_of))
    }

    /// What could not be attributed to anybody, as [`unattributed`](crate::Client::unattributed) does.
    pub fn unattributed(&self, as_of: impl Into<AsOf>) -> Result<Dossier> {
        block_on(self.0.unattributed(as_of))
    }

    /// As [`crate::Client::contributions`].
    pub fn contributions(&self, actor: &str, as_of: impl Into<AsOf>) -> Result<Vec<Contribution>> {
        block_on(self.0.contributions(actor, as_of))
    }

    /// As [`crate::Client::case`].
    pub fn case(&self, case_id: &str) -> Result<Vec<Recorded>> {
        block_on(self.0.case(case_id))
    }

    /// As [`crate::Client::event`].
    pub fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        block_on(self.0.event(id))
    }

    /// As [`crate::Client::events`].
    pub fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        block_on(self.0.events(after, limit))
    }

    /// As [`crate::Client::status`].
    pub fn status(&self) -> Result<StoreStatus> {
        block_on(self.0.status())
    }

    /// As [`crate::Client::subscribe`]; read it with [`Subscription::blocking`] or
    /// [`Subscription::next_timeout`].
    pub fn subscribe(&self) -> Subscription {
        self.0.subscribe()
    }

    /// As [`crate::Client::subscribe_actor`].
    pub fn subscribe_actor(&self, actor: &str) -> Result<Subscription> {
        self.0.subscribe_actor(actor)
    }

    /// As [`crate::Client::changed_since`].
    pub fn changed_since(&self, cursor: u64, most: u64) -> Result<Option<Vec<ActorName>>> {
        block_on(self.0.changed_since(cursor, most))
    }

    /// As [`crate::Client::shutdown`].
    pub fn shutdown(&self, timeout: Duration) -> Report {
        self.0.shutdown_blocking(timeout)
    }
}

/// As [`crate::record_event`].
pub fn record_event(event: impl IntoEvent) -> Result<Receipt> {
    block_on(crate::record_event(event))
}

/// As [`crate::get_dossier`].
pub fn get_dossier(actor: &str) -> Result<Dossier> {
    block_on(crate::get_dossier(actor))
}
