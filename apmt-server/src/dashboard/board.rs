//! Everybody's dossiers in memory, so that sorting and searching ten thousand of them costs milliseconds.
//!
//! The board is read whole from the store when the server starts, and now and then while nobody looks, so that the first
//! page need not wait for it. From the first page on it is kept fresh by the client's subscription: a page view takes what
//! has changed since the view before. What only time changes (clocks that go on, a window that moves on) is read again
//! once it is a minute old: on the spot where that is quick, else behind the page that is being shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apmt_client::{Client, Subscription};
use apmt_core::{ActorName, AsOf, Dossier, Result, Timestamp, Window};
use futures_lite::future::poll_once;
use tokio::sync::Semaphore;

use crate::plan::PlanLog;

/// After how long the whole board is read again behind a page.
const STALE: Duration = Duration::from_secs(60);
/// After how long it is read again while nobody looks,
const IDLE: Duration = Duration::from_secs(10 * 60);
/// or after so many times as long as reading it takes, where that is longer.
const IDLE_OF_TOOK: u32 = 100;
/// After how long a page waits for it to be read.
const OLD: Duration = Duration::from_secs(15 * 60);
/// Reading the whole board on the spot takes at most so long,
const QUICK: Duration = Duration::from_millis(150);
/// and at most once in so long.
const SETTLED: Duration = Duration::from_secs(2);
/// The most events for which it is worked out whom they concern: after more, the whole board is read again.
const MOST_BEHIND: u64 = 10_000;

/// Everybody's dossiers as of one instant, or a little later where somebody's changed since.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) as_of: Timestamp,
    /// All that the events up to here changed is in the view.
    pub(super) cursor: u64,
    pub(super) actors: BTreeMap<ActorName, Entry>,
    /// What could be attributed to nobody.
    pub(super) nobody: Arc<Dossier>,
    /// The instant of the newest event, where there is any.
    pub(super) latest: Option<Timestamp>,
}

/// An actor on the board.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) dossier: Arc<Dossier>,
    /// The same over the window before this one, where there was anything in it.
    pub(super) before: Option<Arc<Dossier>>,
}

/// The board of a router.
#[derive(Debug)]
pub(crate) struct Board {
    client: Client,
    plans: PlanLog,
    state: Mutex<State>,
    /// Whoever reads the whole board has it: two at once would do the work twice.
    reading: Semaphore,
    /// And so has whoever takes what has changed.
    following: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    /// From the first page on.
    live: Option<Subscription>,
    read: Option<Read>,
}

#[derive(Clone, Debug)]
struct Read {
    view: Arc<View>,
    at: Instant,
    took: Duration,
}

impl Read {
    /// Whether a page may show it, perhaps while it is being read again.
    fn will_do(&self) -> bool {
        let age = self.at.elapsed();
        age < SETTLED || (age < OLD && self.took > QUICK)
    }
}

impl Board {
    /// The board of that client's store. Nothing is read yet.
    pub(crate) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self {
            plans: PlanLog::new(client.clone()),
            client,
            state: Mutex::default(),
            reading: Semaphore::new(1),
            following: Semaphore::new(1),
        })
    }

    /// The improvement plans of the same log.
    pub(crate) const fn plans(&self) -> &PlanLog {
        &self.plans
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the board and the plans at hand while nobody looks. It does not end.
    ///
    /// It follows nothing: that costs as much as there happens, and is begun by the first page.
    pub(crate) async fn keep(&self) {
        loop {
            let is_kept = self.lock().read.as_ref().is_some_and(|read| read.at.elapsed() < IDLE);
            let kept = async {
                self.plans.catch_up().await?;
                if is_kept { Ok(()) } else { self.read_again().await.map(drop) }
            };
            if let Err(error) = kept.await {
                // The page that needs it reads it, or says why it cannot.
                tracing::debug!(%error, "the scoreboard could not be read ahead");
            }
            let took = self.lock().read.as_ref().map_or(Duration::ZERO, |read| read.took);
            tokio::time::sleep(IDLE.max(took * IDLE_OF_TOOK)).await;
        }
    }

    /// The board as it is now.
    pub(super) async fn view(self: &Arc<Self>) -> Result<Arc<View>> {
        self.catch_up().await?;
        let read = self.lock().read.clone();
        if let Some(read) = read.filter(Read::will_do) {
            if read.at.elapsed() > STALE && self.reading.available_permits() > 0 {
                let board = Arc::clone(self);
                tokio::spawn(async move {
                    if let Err(error) = board.read_again().await {
                        tracing::warn!(%error, "the scoreboard could not be read again");
                    }
                });
            }
            return Ok(read.view);
        }
        let view = self.read_again().await?;
        self.catch_up().await?;
        Ok(self.lock().read.as_ref().map_or(view, |read| Arc::clone(&read.view)))
    }

    /// Reads the whole board, unless somebody else just has.
    async fn read_again(&self) -> Result<Arc<View>> {
        // The semaphore is never closed; if it were, the work would be done twice and no harm come of it.
        let _permit = self.reading.acquire().await;
        if let Some(read) = self.lock().read.as_ref().filter(|read| read.at.elapsed() < SETTLED) {
            return Ok(Arc::clone(&read.view));
        }
        let started = Instant::now();
        let mut view = read(&self.client, AsOf::Now).await?;
        let mut state = self.lock();
        if let Some(read) = &state.read {
            view.keep_newer(&read.view);
        }
        let view = Arc::new(view);
        state.read = Some(Read { view: Arc::clone(&view), at: Instant::now(), took: started.elapsed() });
        Ok(view)
    }

    /// Takes what has changed since the last time.
    async fn catch_up(&self) -> Result<()> {
        // Whoever comes meanwhile sees the board as it was a moment ago.
        let Ok(_permit) = self.following.try_acquire() else { return Ok(()) };
        let live = self.lock().live.take();
        let cursor = self.lock().read.as_ref().map(|read| read.view.cursor);
        match (live, cursor) {
            (Some(live), _) => self.take_news(live).await,
            (None, Some(cursor)) => self.follow(cursor).await?,
            (None, None) => {}
        }
        Ok(())
    }

    /// Begins to follow the log, from a position on up to which the board has been read.
    async fn follow(&self, cursor: u64) -> Result<()> {
        // What happens meanwhile comes by the subscription, so that is there first.
        let live = self.client.subscribe();
        live.start().await?;
        let status = self.client.status().await?;
        let changed = self.client.changed_since(cursor, MOST_BEHIND).await?;
        let mut dossiers = Vec::new();
        for actor in changed.iter().flatten() {
            let as_of = AsOf::At(status.now);
            let dossier = self.client.store().dossier(actor, as_of, self.client.policy()).await?;
            dossiers.push((status.position, Arc::new(dossier)));
        }
        let mut state = self.lock();
        state.live = Some(live);
        if changed.is_none() {
            state.read = None;
        }
        state.take(dossiers);
        Ok(())
    }

    async fn take_news(&self, mut live: Subscription) {
        let mut changed = Vec::new();
        let mut ended = false;
        while let Some(next) = poll_once(live.next()).await {
            match next {
                Some(Ok(delta)) => changed.push((delta.cursor, delta.dossier)),
                Some(Err(error)) => {
                    tracing::warn!(%error, "the scoreboard is followed no longer, and will be read again");
                    ended = true;
                }
                None => {
                    ended = true;
                    break;
                }
            }
        }
        let mut state = self.lock();
        state.take(changed);
        if ended {
            state.read = None;
        } else {
            state.live = Some(live);
        }
    }
}

impl State {
    /// Takes dossiers that have changed into the board, each with how much of the log is in it then.
    fn take(&mut self, changed: Vec<(u64, Arc<Dossier>)>) {
        if let Some(read) = self.read.as_mut().filter(|_| !changed.is_empty()) {
            let view = Arc::make_mut(&mut read.view);
            for (cursor, dossier) in changed {
                view.take(cursor, dossier);
            }
        }
    }
}

impl View {
    fn take(&mut self, cursor: u64, dossier: Arc<Dossier>) {
        self.cursor = self.cursor.max(cursor);
        self.as_of = self.as_of.max(dossier.as_of);
        match self.actors.get_mut(&dossier.actor) {
            Some(entry) if entry.dossier.as_of <= dossier.as_of => entry.dossier = dossier,
            Some(_) => {}
            None => {
                self.actors.insert(dossier.actor.clone(), Entry { dossier, before: None });
            }
        }
    }

    /// Keeps of an earlier view what was told while this one was being read.
    fn keep_newer(&mut self, earlier: &Self) {
        let read_as_of = self.as_of;
        for entry in earlier.actors.values().filter(|entry| entry.dossier.as_of > read_as_of) {
            self.take(0, Arc::clone(&entry.dossier));
        }
    }
}

/// Reads everybody's dossiers as of an instant, and as they were a window before.
pub(super) async fn read(client: &Client, as_of: AsOf) -> Result<View> {
    let status = client.status().await?;
    let as_of = as_of.resolve(&status);
    let window = Window::days_until(client.policy().window_days(), as_of);
    let mut before = client
        .scoreboard(window.after)
        .await?
        .into_iter()
        .map(|dossier| (dossier.actor.clone(), Arc::new(dossier)))
        .collect::<BTreeMap<_, _>>();
    let actors = client.scoreboard(as_of).await?.into_iter().map(|dossier| {
        let actor = dossier.actor.clone();
        let before = before.remove(&actor);
        (actor, Entry { dossier: Arc::new(dossier), before })
    });
    let actors = actors.collect();
    let nobody = Arc::new(client.unattributed(as_of).await?);
    Ok(View { as_of, cursor: status.position, actors, nobody, latest: status.latest })
}
