//! A store that does what a test says, and what tests share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use apmt_client::apmt_core::contribution::Cursor;
use apmt_client::apmt_core::time::ManualClock;
use apmt_client::apmt_core::{Activity, Window};
use apmt_client::{
    ActorName, AsOf, CaseId, Client, ClientBuilder, Contribution, Dossier, Error, ErrorKind, Event, Invalid,
    MemoryStore, Policy, Receipt, Recorded, Result, SealStore, SharedNotes, Store, StoreStatus, Timestamp,
};
use async_trait::async_trait;
use event_listener::Event as Signal;
use uuid::Uuid;

/// Longer than any test takes: a wait that reaches it has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const NOW: &str = "2026-03-01T12:00:00Z";

/// The last of the first 200 names of [`numbered`] actors.
const THE_200TH: &str = "actor-0199";

/// The name of an actor, in the order of their numbers.
pub(crate) fn numbered(number: usize) -> String {
    format!("actor-{number:04}")
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(at(NOW)))
}

/// A client on a store that a test controls; subscriptions see what other clients wrote within a millisecond, and
/// what this one writes at once.
pub(crate) fn client_on(store: &Arc<TestStore>) -> ClientBuilder {
    Client::builder()
        .store(Arc::clone(store) as Arc<dyn Store>)
        .clock(clock())
        .poll_interval(Duration::from_millis(1))
        .live_gather(Duration::ZERO)
}

pub(crate) fn decision(actor: &str) -> Event {
    Event::decision(actor).build().unwrap()
}

/// A door that calls wait at while it is shut.
#[derive(Debug)]
pub(crate) struct Door {
    open: AtomicBool,
    opened: Signal,
    waiting: Mutex<u64>,
    arrived: Condvar,
}

impl Door {
    fn new() -> Self {
        let (waiting, arrived) = <(Mutex<u64>, Condvar)>::default();
        Self { open: AtomicBool::new(true), opened: Signal::new(), waiting, arrived }
    }

    pub(crate) fn shut(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
        self.opened.notify(usize::MAX);
    }

    /// Blocks until that many calls have come to the shut door.
    pub(crate) fn wait_for(&self, calls: u64) {
        let waiting = self.waiting.lock().unwrap();
        let result = self.arrived.wait_timeout_while(waiting, LONG, |count| *count < calls).unwrap();
        assert!(!result.1.timed_out(), "nobody came to the door");
    }

    async fn pass(&self) {
        let mut counted = false;
        loop {
            let listener = self.opened.listen();
            if self.open.load(Ordering::SeqCst) {
                return;
            }
            if !counted {
                *self.waiting.lock().unwrap() += 1;
                self.arrived.notify_all();
                counted = true;
            }
            listener.await;
        }
    }
}

/// What the next call of `append` does instead of storing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Fail(ErrorKind),
    Panic,
}

/// A memory store that can be made to wait, to fail and to panic.
#[derive(Debug)]
pub(crate) struct TestStore {
    pub(crate) inner: MemoryStore,
    pub(crate) append_door: Door,
    pub(crate) close_door: Door,
    /// Where whoever reads the scoreboard past its first 200 dossiers waits.
    pub(crate) long_scoreboard_door: Door,
    faults: Mutex<VecDeque<Fault>>,
    read_faults: Mutex<VecDeque<ErrorKind>>,
    /// A batch with an event of this actor is refused, without a word about which event it is.
    refused_actor: Mutex<Option<ActorName>>,
    dropped: Mutex<Option<mpsc::Sender<()>>>,
    log_at_close: Mutex<Option<Vec<Recorded>>>,
}

impl TestStore {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_clock(clock())
    }

    pub(crate) fn with_clock(clock: Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::with(clock, apmt_client::Calendar::Always),
            append_door: Door::new(),
            close_door: Door::new(),
            long_scoreboard_door: Door::new(),
            faults: Mutex::default(),
            read_faults: Mutex::default(),
            refused_actor: Mutex::default(),
            dropped: Mutex::default(),
            log_at_close: Mutex::default(),
        })
    }

    pub(crate) fn fault(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    pub(crate) fn fail(&self, kinds: impl IntoIterator<Item = ErrorKind>) {
        self.fault(kinds.into_iter().map(Fault::Fail));
    }

    /// Lets the next calls that read the log fail.
    pub(crate) fn fail_reading(&self, kinds: impl IntoIterator<Item = ErrorKind>) {
        self.read_faults.lock().unwrap().extend(kinds);
    }

    pub(crate) fn refuse(&self, actor: &str) {
        *self.refused_actor.lock().unwrap() = Some(actor.try_into().unwrap());
    }

    /// Told when nobody holds the store any more.
    pub(crate) fn dropped(&self) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel();
        *self.dropped.lock().unwrap() = Some(sender);
        receiver
    }

    /// The whole log, after closing as well.
    pub(crate) fn log(&self) -> Vec<Recorded> {
        if let Some(log) = &*self.log_at_close.lock().unwrap() {
            return log.clone();
        }
        futures_lite::future::block_on(self.inner.events(0, usize::MAX)).unwrap()
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        if let Some(sender) = self.dropped.lock().unwrap().take() {
            let _ = sender.send(());
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Store for TestStore {
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.append_door.pass().await;
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            Some(Fault::Fail(kind)) => return Err(Error::new(kind, "as the test says")),
            Some(Fault::Panic) => panic!("as the test says"),
            None => {}
        }
        let refused = self.refused_actor.lock().unwrap().clone();
        if refused.is_some() && events.iter().any(|event| event.actor() == refused.as_ref()) {
            return Err(Invalid::missing("batch", "must please the test").into());
        }
        self.inner.append(events).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        if let Some(kind) = self.read_faults.lock().unwrap().pop_front() {
            return Err(Error::new(kind, "as the test says"));
        }
        self.inner.events(after, limit).await
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        self.inner.event(id).await
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        self.inner.case(case_id).await
    }

    /// Pages of two at most, as a store may.
    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        self.inner.contributions(actor, window, after, limit.min(2)).await
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
        self.inner.dossier(actor, as_of, policy).await
    }

    /// Pages of two at most, as a store may.
    async fn dossiers(
        &self,
        as_of: AsOf,
        policy: &Policy,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Dossier>> {
        if after.is_some_and(|after| after.as_str() >= THE_200TH) {
            self.long_scoreboard_door.pass().await;
        }
        self.inner.dossiers(as_of, policy, after, limit.min(2)).await
    }

    fn notes(&self) -> Option<&dyn SharedNotes> {
        self.inner.notes()
    }

    fn seal(&self) -> Option<&dyn SealStore> {
        self.inner.seal()
    }

    async fn close(&self) -> Result<()> {
        self.close_door.pass().await;
        if let Ok(log) = self.inner.events(0, usize::MAX).await {
            *self.log_at_close.lock().unwrap() = Some(log);
        }
        self.inner.close().await
    }
}
