//! A store in memory behind a gate, which lets nothing in when it is told so.

use std::sync::{Arc, Mutex};

use apmt_core::contribution::Cursor;
use apmt_core::{
    Activity, ActorName, CaseId, Contribution, Error, ErrorKind, Event, MemoryStore, Receipt, Recorded,
    Result, Store, StoreStatus, Window,
};
use async_trait::async_trait;
use futures_lite::future::block_on;
use uuid::Uuid;

type Judge = Box<dyn FnMut(&[Event]) -> Result<()> + Send>;

/// The store that tests deliver to.
pub(crate) struct Gate {
    store: MemoryStore,
    judge: Mutex<Judge>,
}

impl Gate {
    pub(crate) fn open() -> Arc<Self> {
        Arc::new(Self { store: MemoryStore::new(), judge: Mutex::new(Box::new(|_| Ok(()))) })
    }

    /// Every batch is put to that before it gets in.
    pub(crate) fn judge(&self, judge: impl FnMut(&[Event]) -> Result<()> + Send + 'static) {
        *self.judge.lock().unwrap() = Box::new(judge);
    }

    /// Nothing gets in.
    pub(crate) fn shut(&self, kind: ErrorKind) {
        self.judge(move |_| Err(Error::new(kind, format!("the gate is shut: {kind}"))));
    }

    /// Everything gets in.
    pub(crate) fn unlock(&self) {
        self.judge(|_| Ok(()));
    }

    pub(crate) fn log(&self) -> Vec<Recorded> {
        block_on(self.store.events(0, usize::MAX)).unwrap()
    }

    /// The cases of the log, in its order.
    pub(crate) fn cases(&self) -> Vec<String> {
        self.log().iter().map(|recorded| recorded.event.case_id().unwrap().to_string()).collect()
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

#[async_trait]
impl Store for Gate {
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        (self.judge.lock().unwrap())(&events)?;
        self.store.append(events).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.store.events(after, limit).await
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        self.store.event(id).await
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        self.store.case(case_id).await
    }

    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        self.store.contributions(actor, window, after, limit).await
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        self.store.activity(actor, window).await
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        self.store.activities(window, after, limit).await
    }

    async fn status(&self) -> Result<StoreStatus> {
        self.store.status().await
    }

    async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}
