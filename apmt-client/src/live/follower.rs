//! The thread that follows the log and makes dossiers again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apmt_core::{
    Activity, ActorName, AsOf, CaseId, Dossier, Error, ErrorKind, Policy, Recorded, Result, Store, What,
};
use futures_lite::future::block_on;

use super::board::{Board, Found, Reader};
use super::delta::changes;
use crate::pages;
use crate::retry;

/// The most events that are looked at together. An actor has at most one delta for them.
const BATCH: usize = 500;

/// One run of the follower: from its first subscription to its last.
#[derive(Debug)]
pub(super) struct Run {
    store: Arc<dyn Store>,
    policy: Arc<Policy>,
    poll_interval: Duration,
    board: Mutex<Board>,
    /// Tells subscriptions of deltas, and of the end.
    published: event_listener::Event,
    started: AtomicBool,
    /// Tells those who record that the follower has its scoreboard.
    has_started: event_listener::Event,
    signals: Mutex<Signals>,
    /// Tells the follower of a signal, and whoever waits for it that it has ended.
    signal: Condvar,
}

#[derive(Debug, Default)]
struct Signals {
    /// This client has recorded something.
    wake: bool,
    /// Nobody listens any more.
    stop: bool,
    /// The follower is to end once it has seen all there is.
    finish: bool,
    end: Option<End>,
}

/// How a run ended. An error is told to every subscription, so it is kept in parts.
#[derive(Clone, Debug)]
struct End(Option<(ErrorKind, String)>);

/// What a subscription finds.
#[derive(Debug)]
pub(super) enum Next {
    Delta(Found),
    Nothing,
    Ended(Option<Error>),
}

impl Run {
    pub(super) fn new(
        store: Arc<dyn Store>,
        policy: Arc<Policy>,
        poll_interval: Duration,
        buffer: usize,
    ) -> Self {
        Self {
            store,
            policy,
            poll_interval,
            board: Mutex::new(Board::new(buffer)),
            published: event_listener::Event::new(),
            started: AtomicBool::new(false),
            has_started: event_listener::Event::new(),
            signals: Mutex::default(),
            signal: Condvar::new(),
        }
    }

    pub(super) fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let run = Arc::clone(self);
        let thread = std::thread::Builder::new().name("apmt-live".to_owned());
        thread.spawn(move || {
            let result = std::panic::catch_unwind(AssertUnwindSafe(|| run.follow())).unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Io, "following the log panicked: this is a bug"))
            });
            run.end(result.err());
        })?;
        Ok(())
    }

    fn signals(&self) -> MutexGuard<'_, Signals> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.signals().wake = true;
        self.signal.notify_all();
    }

    pub(super) fn stop(&self) {
        self.signals().stop = true;
        self.signal.notify_all();
    }

    /// Has the follower end with what is there now, and waits for it.
    pub(super) fn finish(&self, deadline: Option<Instant>) {
        let mut signals = self.signals();
        signals.finish = true;
        self.signal.notify_all();
        while signals.end.is_none() {
            let left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                // It may be stuck in the store: it ends by itself once the store lets go of it.
                signals.stop = true;
                break;
            }
            signals = self.signal.wait_timeout(signals, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(signals);
        self.end(None);
    }

    /// Ends the run, if it has not ended: subscriptions are told once they have seen what there is.
    pub(super) fn end(&self, error: Option<Error>) {
        if let Some(error) = &error {
            tracing::warn!(%error, "dossiers can no longer be followed");
        }
        let end = End(error.map(|error| (error.kind(), error.to_string())));
        self.signals().end.get_or_insert(end);
        self.signal.notify_all();
        self.mark_started();
        self.published.notify(usize::MAX);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.signals().end.is_some()
    }

    fn mark_started(&self) {
        self.started.store(true, Ordering::Release);
        self.has_started.notify(usize::MAX);
    }

    /// Waits until the follower has its scoreboard, or has found that the store does not give it now.
    pub(super) async fn started(&self) {
        while !self.started.load(Ordering::Acquire) {
            let listener = self.has_started.listen();
            if !self.started.load(Ordering::Acquire) {
                listener.await;
            }
        }
    }

    pub(super) fn reader(&self, actor: Option<ActorName>) -> Reader {
        self.board().reader(actor)
    }

    pub(super) fn listen(&self) -> event_listener::EventListener {
        self.published.listen()
    }

    pub(super) fn next(&self, reader: &mut Reader) -> Next {
        // The end is looked at first: what was published before it is on the board by then.
        let end = self.signals().end.clone();
        if let Some(found) = self.board().next(reader) {
            return Next::Delta(found);
        }
        match end {
            Some(End(error)) => Next::Ended(error.map(|(kind, message)| Error::new(kind, message))),
            None => Next::Nothing,
        }
    }
}

/// What the thread does.
impl Run {
    fn follow(&self) -> Result<()> {
        let mut known = HashMap::new();
        let mut cursor = None;
        let mut attempt = 0;
        loop {
            // The flag is taken before the log is read: whatever is recorded after the reading sets it again.
            let Some(finish) = self.take_signals() else { return Ok(()) };
            let more = block_on(async {
                match cursor {
                    None => {
                        self.baseline(&mut known).await.map(|position| cursor = Some(position)).map(|()| true)
                    }
                    Some(after) => {
                        let position = self.step(&mut known, after).await?;
                        cursor = position.or(cursor);
                        Ok(position.is_some())
                    }
                }
            });
            // After a first attempt that failed as well: recording does not wait for what may not come.
            if !self.started.load(Ordering::Relaxed) {
                self.mark_started();
            }
            match more {
                Ok(true) => attempt = 0,
                Ok(false) if finish => return Ok(()),
                Ok(false) => self.wait(self.poll_interval, true),
                Err(error) if error.is_temporary() && !finish => {
                    tracing::debug!(%error, "the log cannot be followed now; retrying");
                    self.wait(retry::delay(attempt, retry::random()), false);
                    attempt = attempt.saturating_add(1);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the signal to look again, and says whether that is to be the last time; `None` if nobody listens.
    fn take_signals(&self) -> Option<bool> {
        let mut signals = self.signals();
        signals.wake = false;
        (!signals.stop).then_some(signals.finish)
    }

    /// Waits so long, or until there is a signal; a wake only counts where it may help.
    fn wait(&self, time: Duration, or_wake: bool) {
        let until = Instant::now().checked_add(time);
        let mut signals = self.signals();
        while !(signals.stop || signals.finish || or_wake && signals.wake) {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            signals = self.signal.wait_timeout(signals, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Reads the scoreboard: the dossiers as they were, and the position from which the log is followed.
    ///
    /// The position is read first. An event that comes in between may be in the dossiers already, and then makes no
    /// delta: it happened before the subscription began.
    async fn baseline(&self, known: &mut HashMap<ActorName, Arc<Dossier>>) -> Result<u64> {
        let status = self.store.status().await?;
        let dossiers = pages::scoreboard(&*self.store, &self.policy, status.now).await?;
        *known = dossiers.into_iter().map(|dossier| (dossier.actor.clone(), Arc::new(dossier))).collect();
        Ok(status.position)
    }

    /// Looks at the next events of the log; the position of the last, or `None` if there are none.
    async fn step(&self, known: &mut HashMap<ActorName, Arc<Dossier>>, after: u64) -> Result<Option<u64>> {
        let events = self.store.events(after, BATCH).await?;
        let Some(last) = events.last().map(|recorded| recorded.position) else { return Ok(None) };
        let affected = self.affected(&events).await?;
        let now = self.store.status().await?.now;
        let mut fresh = Vec::with_capacity(affected.len());
        for (actor, position) in affected {
            fresh.push((position, self.store.dossier(&actor, AsOf::At(now), &self.policy).await?));
        }
        // Nothing is published before everything has been read, so that an attempt that fails leaves no trace.
        let mut published = false;
        for (position, dossier) in fresh {
            let old = known.get(&dossier.actor).cloned();
            let changes = match &old {
                Some(old) => changes(old, &dossier),
                None => changes(&self.nothing_of(&dossier), &dossier),
            };
            if !changes.is_empty() {
                let dossier = Arc::new(dossier);
                known.insert(dossier.actor.clone(), Arc::clone(&dossier));
                self.board().publish(position, changes, old, dossier);
                published = true;
            }
        }
        if published {
            self.published.notify(usize::MAX);
        }
        Ok(Some(last))
    }

    /// The dossier of an actor of whom nothing was known, as the judge of the new one would have made it.
    fn nothing_of(&self, new: &Dossier) -> Dossier {
        let mut nothing = Dossier::of(&Activity::none(new.actor.clone()), new.as_of, &self.policy);
        nothing.policy.clone_from(&new.policy);
        nothing.window_days = new.window_days;
        nothing
    }

    /// Whose dossiers events can have changed, and the position of the last that could.
    async fn affected(&self, events: &[Recorded]) -> Result<BTreeMap<ActorName, u64>> {
        let mut affected = Affected::default();
        for recorded in events {
            affected.add(recorded, recorded.position);
            if let What::Retraction { retracts, .. } = recorded.event.what()
                && let Some(target) = self.store.event(*retracts).await?
            {
                affected.add(&target, recorded.position);
            }
        }
        // Everybody in a case: a verdict counts for whoever advised, stars for whoever decided, an assignment ends the
        // clock of whoever held it before.
        for (case_id, position) in std::mem::take(&mut affected.cases) {
            let actors: BTreeSet<ActorName> = self
                .store
                .case(&case_id)
                .await?
                .iter()
                .filter_map(|event| event.event.actor().cloned())
                .collect();
            for actor in actors {
                affected.add_actor(actor, position);
            }
        }
        Ok(affected.actors)
    }
}

#[derive(Default)]
struct Affected {
    actors: BTreeMap<ActorName, u64>,
    cases: HashMap<CaseId, u64>,
}

impl Affected {
    fn add(&mut self, recorded: &Recorded, position: u64) {
        if let Some(actor) = recorded.event.actor() {
            self.add_actor(actor.clone(), position);
        }
        if let Some(case_id) = recorded.event.case_id() {
            let last = self.cases.entry(case_id.clone()).or_default();
            *last = position.max(*last);
        }
    }

    fn add_actor(&mut self, actor: ActorName, position: u64) {
        let last = self.actors.entry(actor).or_default();
        *last = position.max(*last);
    }
}
