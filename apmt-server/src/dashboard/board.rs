//! Everybody's dossiers in memory, so that sorting and searching ten thousand of them costs milliseconds.
//!
//! The board is read whole from the store, and then kept fresh by the client's subscription: a page view takes what has
//! changed since the view before. What only time changes (clocks that go on, a window that moves on) is read again once
//! it is a minute old: on the spot where that is quick, else behind the page that is being shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apmt_client::{Client, Subscription};
use apmt_core::{ActorName, AsOf, Dossier, Result, Timestamp, Window};
use futures_lite::future::poll_once;
use tokio::sync::Semaphore;

/// After how long the whole board is read again behind a page.
const STALE: Duration = Duration::from_secs(60);
/// After how long a page waits for that, for nobody has looked for a while.
const OLD: Duration = Duration::from_secs(15 * 60);
/// Reading the whole board on the spot takes at most so long,
const QUICK: Duration = Duration::from_millis(150);
/// and at most once in so long.
const SETTLED: Duration = Duration::from_secs(2);

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
    state: Mutex<State>,
    /// Whoever reads the whole board has it: two at once would do the work twice.
    reading: Semaphore,
}

#[derive(Debug, Default)]
struct State {
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

impl Default for Board {
    fn default() -> Self {
        Self { state: Mutex::default(), reading: Semaphore::new(1) }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The board as it is now.
    pub(super) async fn view(self: &Arc<Self>, client: &Client) -> Result<Arc<View>> {
        self.catch_up().await;
        let read = self.lock().read.clone();
        match read {
            Some(read) if read.will_do() => {
                if read.at.elapsed() > STALE && self.reading.available_permits() > 0 {
                    let (board, client) = (Arc::clone(self), client.clone());
                    tokio::spawn(async move {
                        if let Err(error) = board.read_again(&client).await {
                            tracing::warn!(%error, "the scoreboard could not be read again");
                        }
                    });
                }
                Ok(read.view)
            }
            _ => self.read_again(client).await,
        }
    }

    /// Reads the whole board, unless somebody else just has.
    async fn read_again(&self, client: &Client) -> Result<Arc<View>> {
        // The semaphore is never closed; if it were, the work would be done twice and no harm come of it.
        let _permit = self.reading.acquire().await;
        if let Some(read) = self.lock().read.as_ref().filter(|read| read.at.elapsed() < SETTLED) {
            return Ok(Arc::clone(&read.view));
        }
        let started = Instant::now();
        // What happens while the board is being read comes by the subscription, so that is there first.
        let live = client.subscribe();
        live.start().await?;
        let mut view = read(client, AsOf::Now).await?;
        let mut state = self.lock();
        if let Some(read) = &state.read {
            view.keep_newer(&read.view);
        }
        let view = Arc::new(view);
        state.read = Some(Read { view: Arc::clone(&view), at: Instant::now(), took: started.elapsed() });
        state.live = Some(live);
        Ok(view)
    }

    /// Takes what has changed since the last time.
    async fn catch_up(&self) {
        // Whoever comes meanwhile sees the board as it was a moment ago.
        let Some(mut live) = self.lock().live.take() else { return };
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
        if let Some(read) = state.read.as_mut().filter(|_| !changed.is_empty()) {
            let view = Arc::make_mut(&mut read.view);
            for (cursor, dossier) in changed {
                view.take(cursor, dossier);
            }
        }
        if ended {
            state.read = None;
        } else if state.live.is_none() {
            state.live = Some(live);
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
