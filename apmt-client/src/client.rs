//! The client: one store, one policy, and what is asked of them.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use apmt_core::{
    ActorName, AsOf, Calendar, CaseId, Clock, Contribution, Dossier, Error, ErrorKind, Event, IntoEvent,
    Policy, Receipt, Recorded, Result, Store, StoreStatus, Timestamp, Window,
};
use uuid::Uuid;

use crate::builder::{ClientBuilder, Settings};
use crate::live::{Live, Subscription, changed_since};
use crate::losses::Losses;
use crate::pages;
use crate::queue::{Queue, closed};
use crate::report::Report;
use crate::shutdown::Shutdown;
use crate::thread::off_thread;

/// A store, and the policy that judges what is in it.
///
/// A clone is the same client, and cheap. Futures run under any executor, or none.
///
/// ```
/// use apmt_client::{Client, Event};
/// # futures_lite::future::block_on(async {
/// let client = Client::open("memory:")?;
/// let receipt = client.record_event(Event::override_of("anne@sba.gov").case("C-1042")).await?;
/// assert_eq!(receipt.position, 1);
/// assert_eq!(client.get_dossier("anne@sba.gov").await?.metrics.overrides, 1);
/// # Ok::<(), apmt_client::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    policy: Arc<Policy>,
    clock: Arc<dyn Clock>,
    calendar: Option<Calendar>,
    live: Arc<Live>,
    queue: Arc<Queue>,
    drop_timeout: Duration,
    shutdown: Shutdown,
}

impl Drop for Inner {
    /// The fallback for a program that forgot the shutdown: what is enqueued gets a bounded time, and what is lost
    /// after that is at least told.
    fn drop(&mut self) {
        if self.queue.is_closing() {
            return;
        }
        let lost_before = self.queue.counts().losses.total();
        self.queue.finish(self.drop_timeout);
        let losses = self.queue.counts().losses;
        if losses.total() > lost_before {
            tracing::warn!(%losses, "a client was dropped without a shutdown, and events were lost");
        }
    }
}

impl fmt::Debug for Client {
    /// Without the store: one in memory would show every event that it has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("policy", &self.0.policy.name())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

/// Making one.
impl Client {
    /// Opens the store that a URL names, under the built-in policy.
    ///
    /// | URL | store |
    /// |---|---|
    /// | `memory:` | in memory: for tests and trials; it ends with the client |
    /// | `sqlite:PATH` | one file on this machine, made if it is not there (feature `sqlite`) |
    /// | `http://…`, `https://…` | another machine's APMT, whose policy judges (features `http`, `tls`) |
    /// | `postgres://…` | a database that many machines share (feature `postgres`, over TLS with `tls`) |
    ///
    /// # Errors
    /// [`Invalid`](apmt_core::ErrorKind::Invalid) for anything else, with the nearest scheme;
    /// [`Unsupported`](apmt_core::ErrorKind::Unsupported) for what this build does not open; and what the store meets
    /// when it is opened.
    pub fn open(url: &str) -> Result<Self> {
        Self::builder().url(url).build()
    }

    /// A client with a store, policy, clock, calendar or queue of one's own.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(
        store: Arc<dyn Store>,
        policy: Policy,
        clock: Arc<dyn Clock>,
        calendar: Option<Calendar>,
        settings: Settings,
    ) -> Self {
        let policy = Arc::new(policy);
        let live = Arc::new(Live::new(Arc::clone(&store), Arc::clone(&policy), settings.pace));
        let queue =
            Queue::new(Arc::clone(&store), Arc::clone(&live), settings.queue_capacity, settings.when_full);
        Self(Arc::new(Inner {
            store,
            policy,
            clock,
            calendar,
            live,
            queue: Arc::new(queue),
            drop_timeout: settings.drop_timeout,
            shutdown: Shutdown::default(),
        }))
    }

    pub(crate) fn live(&self) -> Weak<Live> {
        Arc::downgrade(&self.0.live)
    }

    /// The policy that judges.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The calendar that the store measures through; `None` where only the store knows it: a server's, or one that was
    /// open already when the client was made.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use apmt_client::{Calendar, Client, MemoryStore};
    /// let client = Client::builder().url("memory:").calendar(Calendar::us_federal()).build()?;
    /// assert_eq!(client.calendar(), Some(&Calendar::us_federal()));
    /// let client = Client::builder().store(Arc::new(MemoryStore::new())).build()?;
    /// assert_eq!(client.calendar(), None);
    /// # Ok::<(), apmt_client::Error>(())
    /// ```
    pub fn calendar(&self) -> Option<&Calendar> {
        self.0.calendar.as_ref()
    }

    /// The store, for what the client has no call for.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }
}

/// Recording.
impl Client {
    /// Records an event: an [`Event`], a builder, `serde_json::json!({..})`, or JSON text. When this returns a
    /// receipt, the event is durable.
    ///
    /// An event without an id is given one before it is sent, so that however often it has to be sent it is stored
    /// once. To record again after an error, give the event an id of one's own ([`Event::identify`]).
    ///
    /// # Errors
    /// [`Invalid`](apmt_core::ErrorKind::Invalid) for an event that breaks a rule,
    /// [`Closed`](apmt_core::ErrorKind::Closed) after the shutdown, and what the store meets.
    pub async fn record_event(&self, event: impl IntoEvent) -> Result<Receipt> {
        let mut event = event.into_event()?;
        event.identify(self.0.clock.now());
        let receipts = self.append(vec![event]).await?;
        receipts.into_iter().next().ok_or_else(|| {
            Error::new(
                ErrorKind::Io,
                "the store took the event and gave no receipt: this is a bug of the store",
            )
        })
    }

    /// Records events in one batch, at most 10,000: all of them or none.
    ///
    /// # Errors
    /// As [`record_event`](Self::record_event); [`Invalid::index`](apmt_core::Invalid::index) says which event broke
    /// the rule.
    pub async fn record_events<I>(&self, events: I) -> Result<Vec<Receipt>>
    where
        I: IntoIterator,
        I::Item: IntoEvent,
    {
        let now = self.0.clock.now();
        let events = events
            .into_iter()
            .enumerate()
            .map(|(index, event)| {
                let mut event = event.into_event().map_err(|invalid| invalid.at_index(index))?;
                event.identify(now);
                Ok(event)
            })
            .collect::<Result<Vec<Event>>>()?;
        self.append(events).await
    }

    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        if self.0.queue.is_closing() {
            return Err(closed());
        }
        self.0.live.started().await;
        let receipts = self.0.store.append(events).await?;
        self.0.live.wake();
        Ok(receipts)
    }

    /// Puts an event into the queue and returns at once: it never waits for the store. A thread of its own brings
    /// what is queued to the store, and retries what fails for now.
    ///
    /// The event is given its id, and its instant where it has none, before this returns. It is not durable until
    /// [`flush`](Self::flush) or [`shutdown`](Self::shutdown) says so: a process that is killed loses what is queued.
    ///
    /// # Errors
    /// [`Invalid`](apmt_core::ErrorKind::Invalid) for an event that breaks a rule;
    /// [`Unavailable`](apmt_core::ErrorKind::Unavailable) where the queue is full and
    /// [`WhenFull::RejectNewest`](crate::WhenFull::RejectNewest) holds; [`Closed`](apmt_core::ErrorKind::Closed)
    /// after the shutdown. Each is counted in [`losses`](Self::losses).
    pub fn enqueue(&self, event: impl IntoEvent) -> Result<Uuid> {
        let mut event = event.into_event().inspect_err(|_| self.0.queue.count_invalid())?;
        let (id, _) = event.complete(self.0.clock.now());
        self.0.queue.push(event)?;
        Ok(id)
    }

    /// How many events wait in the queue or are on their way to the store.
    pub fn queued(&self) -> u64 {
        self.0.queue.unsettled()
    }

    /// What was lost so far of what was given to [`enqueue`](Self::enqueue), by reason.
    pub fn losses(&self) -> Losses {
        self.0.queue.counts().losses
    }

    /// Waits until all that was enqueued before this call is in the store, or lost and counted.
    ///
    /// # Errors
    /// [`TimedOut`](apmt_core::ErrorKind::TimedOut) if that takes longer; what waits goes on waiting.
    pub async fn flush(&self, timeout: Duration) -> Result<()> {
        if self.queued() == 0 {
            return Ok(());
        }
        // Executors have timers of their own, and we know none of them: a thread waits for us.
        let queue = Arc::clone(&self.0.queue);
        off_thread("apmt-flush", move || queue.flush(timeout)).await?
    }

    pub(crate) fn flush_blocking(&self, timeout: Duration) -> Result<()> {
        self.0.queue.flush(timeout)
    }
}

/// Asking.
impl Client {
    /// An actor's dossier as of now. An actor of whom nothing is known has one of zeros and nulls.
    ///
    /// # Errors
    /// [`Invalid`](apmt_core::ErrorKind::Invalid) for a name that is empty or too long, and what the store meets.
    pub async fn get_dossier(&self, actor: &str) -> Result<Dossier> {
        self.get_dossier_at(actor, AsOf::Now).await
    }

    /// An actor's dossier as of an instant, or of the newest event ([`AsOf::Latest`]).
    ///
    /// # Errors
    /// As [`get_dossier`](Self::get_dossier).
    pub async fn get_dossier_at(&self, actor: &str, as_of: impl Into<AsOf>) -> Result<Dossier> {
        let (actor, as_of) = (ActorName::new(actor)?, as_of.into());
        self.0.store.dossier(&actor, as_of, &self.0.policy).await
    }

    /// The dossiers of everybody with a contribution in the window or a case on their clock, in the order of their
    /// names (bytes), all as of one instant.
    ///
    /// # Errors
    /// What the store meets.
    pub async fn scoreboard(&self, as_of: impl Into<AsOf>) -> Result<Vec<Dossier>> {
        let as_of = self.resolve(as_of.into()).await?;
        pages::scoreboard(&*self.0.store, &self.0.policy, as_of).await
    }

    /// What could not be attributed to anybody in the policy's window: stars on a case that nobody ever decided, closed
    /// or held, appeals against no known verdict. It comes as the dossier of nobody, whose name is empty.
    ///
    /// # Errors
    /// What the store meets.
    pub async fn unattributed(&self, as_of: impl Into<AsOf>) -> Result<Dossier> {
        self.0.store.dossier(&ActorName::nobody(), as_of.into(), &self.0.policy).await
    }

    /// The evidence behind an actor's dossier as of an instant: everything that counts in the policy's window, by
    /// instant, then in log order.
    ///
    /// # Errors
    /// As [`get_dossier`](Self::get_dossier).
    pub async fn contributions(&self, actor: &str, as_of: impl Into<AsOf>) -> Result<Vec<Contribution>> {
        let (actor, as_of) = (ActorName::new(actor)?, as_of.into());
        let window = Window::days_until(self.0.policy.window_days(), self.resolve(as_of).await?);
        pages::contributions(&*self.0.store, &actor, window).await
    }

    /// One case's events, by instant, then in log order; none if the case is not known.
    ///
    /// # Errors
    /// [`Invalid`](apmt_core::ErrorKind::Invalid) for an id that is empty or too long, and what the store meets.
    pub async fn case(&self, case_id: &str) -> Result<Vec<Recorded>> {
        self.0.store.case(&CaseId::new(case_id)?).await
    }

    /// The event of that id, if it is there.
    ///
    /// # Errors
    /// What the store meets.
    pub async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        self.0.store.event(id).await
    }

    /// The log after that position (0 for all of it), in order, at most `limit` events. A store may give fewer; none
    /// is the end.
    ///
    /// # Errors
    /// What the store meets.
    pub async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.0.store.events(after, limit).await
    }

    /// Where the store stands: its newest position, its latest instant, its clock, its calendar.
    ///
    /// # Errors
    /// What the store meets.
    pub async fn status(&self) -> Result<StoreStatus> {
        self.0.store.status().await
    }

    /// The instant that all pages of one answer share.
    async fn resolve(&self, as_of: AsOf) -> Result<Timestamp> {
        match as_of {
            AsOf::At(instant) => Ok(instant),
            relative => Ok(relative.resolve(&self.status().await?)),
        }
    }
}

/// Following.
impl Client {
    /// Everybody's dossiers as they change, from now on: see [`Subscription`] for how to read it, and
    /// [`DossierDelta`](crate::DossierDelta) for what comes.
    ///
    /// What this client records after the call is seen at once, or under load within some
    /// [20 ms](ClientBuilder::live_gather); what other processes record, within the
    /// [poll interval](ClientBuilder::poll_interval). To show a scoreboard that stays fresh, subscribe first, wait for
    /// the subscription's [start](Subscription::start), then read the [`scoreboard`](Self::scoreboard), then apply what
    /// comes: each delta has the whole dossier. Whoever comes back later with the last
    /// [`cursor`](crate::DossierDelta::cursor) need not read all of it again: see
    /// [`changed_since`](Self::changed_since).
    ///
    /// The first subscription starts a thread, which reads the scoreboard, and
    /// then holds a dossier for every actor, about a kilobyte each; it ends with the last subscription. Recording with
    /// this client waits for the first 200 dossiers of that scoreboard and no longer. A subscription goes on when its
    /// client is dropped, and ends when its client is [shut down](Self::shutdown).
    pub fn subscribe(&self) -> Subscription {
        self.0.live.subscribe(None)
    }

    /// One actor's dossier as it changes, from now on; as [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    /// [`Invalid`](apmt_core::ErrorKind::Invalid) for a name that is empty or too long.
    pub fn subscribe_actor(&self, actor: &str) -> Result<Subscription> {
        Ok(self.0.live.subscribe(Some(ActorName::new(actor)?)))
    }

    /// Everybody whose dossier an event after that position can have changed, in the order of their names: for a
    /// reader who knows all dossiers as of a [`cursor`](crate::DossierDelta::cursor), and comes back. `None` if there
    /// are more than `most` events after it, or if the log ends before it, as that of another store may: then the
    /// whole scoreboard is to be read.
    ///
    /// It needs nothing but the log, so it holds across restarts.
    ///
    /// # Errors
    /// What the store meets.
    ///
    /// ```
    /// use apmt_client::{Client, Event};
    /// # futures_lite::future::block_on(async {
    /// let client = Client::open("memory:")?;
    /// client.record_event(Event::decision("bob@sba.gov")).await?;
    /// let cursor = 1; // as a delta said, before the connection broke
    /// client.record_event(Event::override_of("anne@sba.gov")).await?;
    ///
    /// let live = client.subscribe();
    /// live.start().await?;
    /// let changed = client.changed_since(cursor, 10_000).await?.expect("it is not long ago");
    /// assert_eq!(changed, ["anne@sba.gov".try_into()?]);
    /// // Now read their dossiers, and then what `live` gives.
    /// # Ok::<(), apmt_client::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn changed_since(&self, cursor: u64, most: u64) -> Result<Option<Vec<ActorName>>> {
        changed_since(&*self.0.store, cursor, most).await
    }
}

/// Ending.
impl Client {
    /// Ends it all in order: takes nothing more, brings what is enqueued to the store for as long as the timeout
    /// allows, counts what is left as lost, gives subscriptions their last deltas, and closes the store.
    ///
    /// All clones are shut down with this one, and the store is closed for whoever else holds it. Calling it again
    /// gives the same report. Closing the store gets what is left of the time, and at least a quarter of a second.
    /// Dropping the future does not stop the shutdown.
    ///
    /// A client that is dropped without it still brings what is enqueued to the store: dropping the last clone
    /// blocks for up to 2 s ([`ClientBuilder::drop_timeout`]), and tells of losses by a `tracing` warning only.
    #[must_use = "the report says whether events were lost"]
    pub async fn shutdown(&self, timeout: Duration) -> Report {
        if let Some(report) = self.0.shutdown.report() {
            return report;
        }
        let client = self.clone();
        match off_thread("apmt-shutdown", move || client.shutdown_blocking(timeout)).await {
            Ok(report) => report,
            // Without another thread, this one has to wait.
            Err(_) => self.shutdown_blocking(timeout),
        }
    }

    pub(crate) fn shutdown_blocking(&self, timeout: Duration) -> Report {
        let Inner { queue, live, store, shutdown, .. } = &*self.0;
        shutdown.run(queue, live, store, timeout)
    }
}
