//! The thread that delivers: in order, in batches, for as long as it takes.

use std::fs::{File, TryLockError};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use apmt_core::{Error, ErrorKind, Event, Invalid, Receipt, Result, Store};
use futures_lite::future::{block_on, or};

use super::desk::Desk;
use super::signal::Signal;
use super::status::{DeathReason, Delivery, LastError};
use super::table::{self, Death};
use super::time::Time;
use crate::failure::Answered;
use crate::retry::{random, wait_up_to};

/// The most events that are sent at once.
const BATCH: usize = 1000;
/// The most bytes that are sent at once, but for an event that has more by itself.
const BATCH_BYTES: usize = 512 * 1024;
/// How often the file is looked at for what other processes have put in, and its lock for whether it is free.
const POLL: Duration = Duration::from_secs(1);
/// The longest wait for what may pass by itself.
const LONGEST: Duration = Duration::from_secs(30);
/// The shortest and the longest wait for what somebody has to change: a key, a URL, a version.
const SLOW: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// What delivers.
#[derive(Debug)]
pub(super) struct Courier {
    lock: PathBuf,
    desk: Arc<Desk>,
    signal: Arc<Signal>,
    time: Arc<Time>,
    max_age: Option<Duration>,
    /// Whether this one has the lock.
    delivers: AtomicBool,
    /// The number of the last event that is being sent. It is set at the desk, where others' work cannot come between.
    on_the_way: Arc<AtomicI64>,
}

/// What a batch came to.
enum Outcome {
    /// The store has it all.
    Stored(Vec<Receipt>),
    /// The store refuses the event at that place, and has taken none.
    Refused(usize, Death),
    /// The store refuses it without a word about which event is to blame.
    TooMuch,
    /// The store has not taken it.
    Failed(Error),
    /// The delivery was told to stop.
    Stopped,
}

impl Courier {
    pub(super) fn new(
        path: &Path,
        desk: Arc<Desk>,
        signal: Arc<Signal>,
        time: Arc<Time>,
        max_age: Option<Duration>,
    ) -> Self {
        let mut lock = path.as_os_str().to_owned();
        lock.push("-delivery");
        let (delivers, on_the_way) = (AtomicBool::new(false), Arc::default());
        Self { lock: lock.into(), desk, signal, time, max_age, delivers, on_the_way }
    }

    /// Starts the thread. What it returns is closed once the thread has ended.
    pub(super) fn start(self: &Arc<Self>, store: Arc<dyn Store>) -> Result<mpsc::Receiver<()>> {
        let (end, ended) = mpsc::channel();
        let courier = Arc::clone(self);
        let thread = thread::Builder::new().name("apmt-outbox-delivery".to_owned());
        let started = thread.spawn(move || {
            if let Some(lock) = courier.wait_for_lock() {
                courier.delivers.store(true, Ordering::SeqCst);
                courier.run(&store);
                courier.delivers.store(false, Ordering::SeqCst);
                // Closing the file lets go of the lock.
                drop(lock);
            }
            drop(end);
        });
        started.map_err(|error| {
            Error::new(ErrorKind::Io, "the outbox's delivery thread could not be started").with_source(error)
        })?;
        Ok(ended)
    }

    /// Events up to the number that it holds may be on their way.
    pub(super) fn on_the_way(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.on_the_way)
    }

    /// Who delivers.
    pub(super) fn delivery(&self) -> Delivery {
        if self.delivers.load(Ordering::SeqCst) {
            return Delivery::Here;
        }
        match self.try_lock() {
            Err(TryLockError::WouldBlock) => Delivery::Elsewhere,
            // Let go of at once.
            Ok(_) | Err(TryLockError::Error(_)) => Delivery::Nobody,
        }
    }

    /// The file is never removed: who holds the lock of a file that another has removed excludes nobody.
    fn try_lock(&self) -> std::result::Result<File, TryLockError> {
        let file = File::options().write(true).create(true).truncate(false).open(&self.lock);
        let file = file.map_err(TryLockError::Error)?;
        file.try_lock()?;
        Ok(file)
    }

    /// The lock that says who delivers, once nobody else has it; `None` if the delivery is to stop before.
    fn wait_for_lock(&self) -> Option<File> {
        loop {
            match self.try_lock() {
                Ok(lock) => return Some(lock),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    let message = format!(
                        "{}: cannot be locked, so nothing is delivered: {error}",
                        self.lock.display()
                    );
                    self.note(&Error::new(ErrorKind::Io, message), POLL);
                }
            }
            if self.signal.wait(Some(Instant::now() + POLL), |state| state.stopping).stopping {
                return None;
            }
        }
    }

    fn run(&self, store: &Arc<dyn Store>) {
        let (mut most, mut failed) = (BATCH, 0);
        while !self.signal.state().stopping {
            let state = self.signal.state();
            let batch = match self.next(most) {
                Ok(batch) => batch,
                Err(error) => {
                    failed += 1;
                    self.pause(&error, failed, state.nudges);
                    continue;
                }
            };
            if batch.is_empty() {
                // Another process's events make no sign.
                let until = Some(Instant::now() + POLL);
                self.signal.wait(until, |now| now.stopping || now.commits != state.commits);
                continue;
            }
            let (numbers, events): (Vec<i64>, Vec<Event>) = batch.into_iter().unzip();
            let tried = match self.send(store, events) {
                Outcome::Stored(receipts) => {
                    most = (most * 2).min(BATCH);
                    let duplicates = receipts.iter().filter(|receipt| receipt.duplicate).count();
                    self.write(move |connection| table::delivered(connection, &numbers, duplicates))
                }
                Outcome::Refused(index, death) => {
                    let numbers = numbers.get(index..=index).unwrap_or(&numbers).to_vec();
                    tracing::warn!(
                        field = death.field,
                        rule = death.rule,
                        "an event goes to the dead letters"
                    );
                    self.bury(numbers, death)
                }
                Outcome::TooMuch => {
                    most = (numbers.len() / 2).max(1);
                    continue;
                }
                Outcome::Failed(error) => Err(error),
                Outcome::Stopped => return,
            };
            match tried {
                Ok(()) => failed = 0,
                Err(error) => {
                    failed += 1;
                    self.pause(&error, failed, state.nudges);
                }
            }
        }
    }

    /// The next events. Those among them that are too old, or that cannot be read, go to the dead letters.
    fn next(&self, most: usize) -> Result<Vec<(i64, Event)>> {
        loop {
            let on_the_way = Arc::clone(&self.on_the_way);
            let waiting = block_on(self.desk.read(move |connection| {
                let waiting = table::next(connection, 0, most, BATCH_BYTES)?;
                on_the_way.store(waiting.last().map_or(0, |last| last.number), Ordering::SeqCst);
                Ok(waiting)
            }))?;
            let found = !waiting.is_empty();
            let oldest = self.max_age.map(|age| {
                let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                self.time.steady().plus_millis(millis.saturating_neg())
            });
            let (mut batch, mut too_old) = (Vec::with_capacity(waiting.len()), Vec::new());
            for one in waiting {
                if oldest.is_some_and(|oldest| one.put_at < oldest) {
                    too_old.push(one.number);
                    continue;
                }
                match one.event() {
                    Ok(event) => batch.push((one.number, event)),
                    Err(invalid) => self.bury(vec![one.number], refusal(&invalid))?,
                }
            }
            if !too_old.is_empty() {
                let rule =
                    format!("waited longer than {:?}, which is max_age", self.max_age.unwrap_or_default());
                self.bury(too_old, Death { reason: DeathReason::TooOld, field: None, rule })?;
            }
            if !batch.is_empty() || !found {
                return Ok(batch);
            }
        }
    }

    /// One call of the store, which ends early where the delivery is to stop. A store that panics has failed.
    fn send(&self, store: &Arc<dyn Store>, events: Vec<Event>) -> Outcome {
        let count = events.len();
        let call = async { Some(store.append(events).await) };
        let stop = async {
            self.signal.stopped().await;
            None
        };
        let answer = std::panic::catch_unwind(AssertUnwindSafe(|| block_on(or(call, stop))));
        let error = match answer {
            Ok(Some(Ok(receipts))) => return Outcome::Stored(receipts),
            Ok(None) => return Outcome::Stopped,
            Ok(Some(Err(error))) => error,
            Err(_) => Error::new(ErrorKind::Io, "the store panicked: this is a bug of the store"),
        };
        let too_large = Answered::under(&error).is_some_and(|answered| answered.status == 413);
        match error.invalid() {
            Some(invalid) => match invalid.index().filter(|index| *index < count) {
                Some(index) => Outcome::Refused(index, refusal(invalid)),
                None if count > 1 => Outcome::TooMuch,
                None => Outcome::Refused(0, refusal(invalid)),
            },
            None if !too_large && error.kind() != ErrorKind::Invalid => Outcome::Failed(error),
            None if count > 1 => Outcome::TooMuch,
            None => {
                let rule = error.to_string();
                Outcome::Refused(0, Death { reason: DeathReason::Refused, field: None, rule })
            }
        }
    }

    fn write(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<()> {
        block_on(self.desk.write(work))
    }

    fn bury(&self, numbers: Vec<i64>, death: Death) -> Result<()> {
        let now = self.time.now();
        self.write(move |connection| table::bury(connection, &numbers, &death, now))
    }

    /// Waits before the next attempt, unless somebody has asked for one since the last one began.
    fn pause(&self, error: &Error, failed: u32, nudges: u64) {
        let answered = Answered::under(error);
        let asked = answered.and_then(|answered| answered.retry_after);
        let wait = if error.is_temporary() {
            wait_up_to(LONGEST, failed, asked, random())
        } else {
            wait_up_to(SLOW.1, failed, asked, random()).max(SLOW.0)
        };
        if failed == 1 {
            tracing::warn!(%error, "the outbox cannot deliver now; it keeps what it has, and tries again");
        }
        self.note(error, wait);
        self.on_the_way.store(0, Ordering::SeqCst);
        let until = Instant::now().checked_add(wait);
        self.signal.wait(until, |state| state.stopping || state.nudges != nudges);
    }

    /// Keeps the error for whoever asks.
    fn note(&self, error: &Error, wait: Duration) {
        let at = self.time.now();
        let next = at.plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        let error = LastError { kind: error.kind(), message: error.to_string(), at };
        let noted = self.write(move |connection| table::failed(connection, &error, next));
        if let Err(error) = noted {
            tracing::warn!(%error, "the outbox cannot note why it does not deliver");
        }
    }
}

fn refusal(invalid: &Invalid) -> Death {
    Death { reason: DeathReason::Refused, field: Some(invalid.field().to_owned()), rule: invalid.reason() }
}
