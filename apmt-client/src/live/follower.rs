//! The thread that follows the log and makes dossiers again.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apmt_core::store::Affected;
use apmt_core::{Activity, ActorName, AsOf, Dossier, Error, ErrorKind, Policy, Result, Store};
use futures_lite::future::block_on;

use super::board::{Board, Change, Reader};
use super::delta::{DossierDelta, changes};
use crate::retry;

/// The most events that are looked at together. An actor has at most one delta for them.
const BATCH: u64 = 1000;

/// For how many dossiers of the scoreboard recording waits. A few of them are read in no time, and then every delta
/// has an old dossier; where there are more, recording goes on, and what it changes before all are read has none.
const READ_WHILE_RECORDING_WAITS: usize = 200;

/// How many dossiers are read at a time after that.
const PAGE: usize = 1000;

/// How a follower goes about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How often it looks for what other processes wrote.
    pub(crate) poll_interval: Duration,
    /// How long it gathers events under load.
    pub(crate) gather: Duration,
    /// How many deltas it keeps.
    pub(crate) buffer: usize,
}

/// One run of the follower: from its first subscription to its last.
#[derive(Debug)]
pub(super) struct Run {
    store: Arc<dyn Store>,
    policy: Arc<Policy>,
    pace: Pace,
    board: Mutex<Board>,
    /// Tells subscriptions of deltas, of the beginning and of the end.
    published: event_listener::Event,
    started: AtomicBool,
    /// Tells those who record that they need not wait for the scoreboard.
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

impl End {
    fn error(self) -> Option<Error> {
        self.0.map(|(kind, message)| Error::new(kind, message))
    }
}

/// What a subscription finds.
#[derive(Debug)]
pub(super) enum Next {
    Delta(DossierDelta),
    Nothing,
    Ended(Option<Error>),
}

impl Run {
    pub(super) fn new(store: Arc<dyn Store>, policy: Arc<Policy>, pace: Pace) -> Self {
        Self {
            store,
            policy,
            pace,
            board: Mutex::new(Board::new(pace.buffer)),
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

    /// Waits until the follower has its scoreboard, or has found that it takes long, or that the store does not give
    /// it now.
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
        if let Some(delta) = self.board().next(reader) {
            return Next::Delta(delta);
        }
        match end {
            Some(end) => Next::Ended(end.error()),
            None => Next::Nothing,
        }
    }

    /// From where on the reader is given what happens; `None` as long as that is not known, and how the run ended if
    /// it did before.
    pub(super) fn start_of(&self, reader: &Reader) -> Option<std::result::Result<u64, Option<Error>>> {
        let end = self.signals().end.clone();
        self.board().start_of(reader).map(Ok).or_else(|| end.map(|end| Err(end.error())))
    }
}

/// How far the thread has come.
#[derive(Debug, Default)]
struct Progress {
    /// The position up to which the log has been looked at; `None` before it is known where to begin.
    cursor: Option<u64>,
    /// Every dossier as it was last told of.
    known: HashMap<ActorName, Arc<Dossier>>,
    /// The position up to which events may have been in a dossier when it was read first; `None` before all are read.
    known_since: Option<u64>,
}

/// What the thread found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Events, and all that there were.
    All,
    /// There may be more at once.
    Some,
}

/// What the thread does.
impl Run {
    fn follow(&self) -> Result<()> {
        let mut progress = Progress::default();
        let mut attempt = 0;
        loop {
            // The flag is taken before the log is read: whatever is recorded after the reading sets it again.
            let Some(finish) = self.take_signals() else { return Ok(()) };
            let looked = Instant::now();
            let found = block_on(self.advance(&mut progress));
            // After an attempt that failed as well: recording does not wait for what may not come.
            let waits_no_more = progress.known_since.is_some() || found.is_err();
            if waits_no_more && !self.started.load(Ordering::Relaxed) {
                self.mark_started();
            }
            match found {
                Ok(Found::Some) => attempt = 0,
                Ok(Found::All) => {
                    attempt = 0;
                    // Where one event follows another, they are gathered; one that comes alone has not waited.
                    self.wait(self.pace.gather.saturating_sub(looked.elapsed()), false);
                }
                Ok(Found::Nothing) if finish => return Ok(()),
                Ok(Found::Nothing) => self.wait(self.pace.poll_interval, true),
                Err(error) if error.is_temporary() && !finish => {
                    tracing::debug!(%error, "the log cannot be followed now; retrying");
                    self.wait(retry::delay(attempt, retry::random()), false);
                    attempt = attempt.saturating_add(1);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn advance(&self, progress: &mut Progress) -> Result<Found> {
        let Some(cursor) = progress.cursor else {
            let position = self.store.status().await?.position;
            progress.cursor = Some(position);
            self.board().begin(position);
            self.published.notify(usize::MAX);
            return Ok(Found::Some);
        };
        match progress.known_since {
            Some(known_since) => self.step(progress, cursor, known_since).await,
            None => self.read_scoreboard(progress).await.map(|()| Found::Some),
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

    /// Reads the scoreboard: the dossiers as they were.
    async fn read_scoreboard(&self, progress: &mut Progress) -> Result<()> {
        let now = self.store.status().await?.now;
        let mut after: Option<ActorName> = None;
        let mut page = READ_WHILE_RECORDING_WAITS;
        loop {
            let dossiers = self.store.dossiers(AsOf::At(now), &self.policy, after.as_ref(), page).await?;
            after = dossiers.last().map(|dossier| dossier.actor.clone());
            if after.is_none() {
                break;
            }
            let dossiers = dossiers.into_iter().map(|dossier| (dossier.actor.clone(), Arc::new(dossier)));
            progress.known.extend(dossiers);
            if progress.known.len() >= READ_WHILE_RECORDING_WAITS {
                self.mark_started();
                page = PAGE;
            }
            if self.signals().stop {
                return Ok(());
            }
        }
        progress.known_since = Some(self.store.status().await?.position);
        Ok(())
    }

    /// Looks at the next events of the log.
    async fn step(&self, progress: &mut Progress, after: u64, known_since: u64) -> Result<Found> {
        // What was recorded while the scoreboard was read may be in it or not.
        let unsure = known_since.saturating_sub(after);
        let most = if unsure > 0 { unsure.min(BATCH) } else { BATCH };
        let events = self.store.events(after, most as usize).await?;
        let Some(last) = events.last().map(|recorded| recorded.position) else { return Ok(Found::Nothing) };
        let mut affected = Affected::default();
        affected.take(&*self.store, &events).await?;
        let planned = affected.take_planned();
        let affected = affected.into_actors(&*self.store).await?;
        let now = self.store.status().await?.now;
        let mut batch = Vec::with_capacity(affected.len());
        for (actor, position) in affected {
            let dossier = self.store.dossier(&actor, AsOf::At(now), &self.policy).await?;
            let told = planned.contains(&actor);
            batch.extend(self.change(&progress.known, position, dossier, unsure == 0, told));
        }
        // Nothing is published before everything has been read, so that an attempt that fails leaves no trace.
        progress.cursor = Some(last);
        for change in &batch {
            progress.known.insert(change.dossier.actor.clone(), Arc::clone(&change.dossier));
        }
        let published = !batch.is_empty();
        self.board().publish(last, batch);
        if published {
            self.published.notify(usize::MAX);
        }
        let all = unsure == 0 && (events.len() as u64) < most;
        Ok(if all { Found::All } else { Found::Some })
    }

    /// What is to be told of a dossier, if anything; where it is `told` in any case, even that nothing in it changed.
    fn change(
        &self,
        known: &HashMap<ActorName, Arc<Dossier>>,
        position: u64,
        dossier: Dossier,
        sure: bool,
        told: bool,
    ) -> Option<Change> {
        if !sure {
            return Some(Change { position, fields: None, old: None, dossier: Arc::new(dossier) });
        }
        let old = known.get(&dossier.actor).cloned();
        let fields = match &old {
            Some(old) => changes(old, &dossier),
            None => changes(&self.nothing_of(&dossier), &dossier),
        };
        (told || !fields.is_empty()).then(|| Change {
            position,
            fields: Some(fields.into()),
            old,
            dossier: Arc::new(dossier),
        })
    }

    /// The dossier of an actor of whom nothing was known, as the judge of the new one would have made it.
    fn nothing_of(&self, new: &Dossier) -> Dossier {
        let mut nothing = Dossier::of(&Activity::none(new.actor.clone()), new.as_of, &self.policy);
        nothing.policy.clone_from(&new.policy);
        nothing.calendar.clone_from(&new.calendar);
        nothing.window_days = new.window_days;
        nothing
    }
}
