//! The queue behind [`Client::enqueue`](crate::Client::enqueue): bounded, accounted for, and brought to the store by
//! one thread of its own.
//!
//! Everything that counts lies under one lock that is held for a few instructions at a time and never over a call of
//! the store. So every event is in exactly one place at every instant: waiting, on its way, recorded, a duplicate, or
//! lost for a reason.

mod worker;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apmt_core::{Error, ErrorKind, Event, Result, Store, WhenFull};

use crate::live::Live;
use crate::losses::Losses;

/// The most events that are handed to the store at once.
const MAX_BATCH: usize = 1000;

#[derive(Debug)]
pub(crate) struct Queue {
    store: Arc<dyn Store>,
    live: Arc<Live>,
    capacity: usize,
    when_full: WhenFull,
    state: Mutex<State>,
    /// Tells the worker of work, of the end, or to try again at once.
    work: Condvar,
    /// Tells whoever waits that events have been settled.
    settled: Condvar,
    /// The same as the state's: for recording, which does not need the lock.
    closing: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Event>,
    /// The number that the next event taken gets; those that wait have the numbers just below it.
    next: u64,
    on_the_way: Option<OnTheWay>,
    has_worker: bool,
    /// Nothing is taken any more; what waits is still brought to the store.
    closing: bool,
    /// Time ran out: the books are closed, and what the worker may still bring about is not counted.
    abandoned: bool,
    /// Grows when a wait between two attempts should end at once.
    nudges: u64,
    counts: Counts,
}

/// The batch that the worker has taken out of the queue.
#[derive(Debug)]
struct OnTheWay {
    /// The number of its first event.
    first: u64,
    /// How many of its events have not been settled.
    left: u64,
    /// Whether the store has been called and has not answered.
    handed: bool,
}

/// What became of the events given to the queue.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) recorded: u64,
    pub(crate) duplicates: u64,
    pub(crate) losses: Losses,
}

impl State {
    /// Whether everything below that number has been settled.
    fn is_settled_below(&self, number: u64) -> bool {
        let oldest =
            self.on_the_way.as_ref().map_or(self.next - self.waiting.len() as u64, |batch| batch.first);
        oldest >= number
    }

    fn unsettled(&self) -> u64 {
        self.waiting.len() as u64 + self.on_the_way.as_ref().map_or(0, |batch| batch.left)
    }
}

impl Queue {
    pub(crate) fn new(store: Arc<dyn Store>, live: Arc<Live>, capacity: usize, when_full: WhenFull) -> Self {
        let (state, work, settled) = <(Mutex<State>, Condvar, Condvar)>::default();
        Self { store, live, capacity, when_full, state, work, settled, closing: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a checked event. The worker is started by the first.
    pub(crate) fn push(self: &Arc<Self>, event: Event) -> Result<()> {
        let mut state = self.lock();
        if state.closing {
            state.counts.losses.closed += 1;
            return Err(closed());
        }
        if !state.has_worker {
            if let Err(error) = worker::start(self) {
                state.counts.losses.store += 1;
                return Err(no_thread(error));
            }
            state.has_worker = true;
        }
        if state.waiting.len() >= self.capacity {
            state.counts.losses.queue_full += 1;
            if state.counts.losses.queue_full == 1 {
                tracing::warn!(capacity = self.capacity, "the queue is full: events are lost from here on");
            }
            if self.when_full == WhenFull::RejectNewest {
                return Err(full(self.capacity));
            }
            state.waiting.pop_front();
        }
        state.waiting.push_back(event);
        state.next += 1;
        // With more than one waiting, the worker knows, or is busy.
        if state.waiting.len() == 1 {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Counts an event that was no event.
    pub(crate) fn count_invalid(&self) {
        self.lock().counts.losses.invalid += 1;
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// How many wait or are on their way.
    pub(crate) fn unsettled(&self) -> u64 {
        self.lock().unsettled()
    }

    /// Whether nothing is taken any more.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Waits until everything that was taken before this call is settled.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<()> {
        let mut state = self.lock();
        let target = state.next;
        // A wait between two attempts is cut short: somebody is waiting now.
        state.nudges += 1;
        self.work.notify_one();
        let state = self.wait_settled(state, target, deadline_after(timeout));
        if state.is_settled_below(target) { Ok(()) } else { Err(flush_timed_out(state.unsettled(), timeout)) }
    }

    /// Takes nothing more, waits for what there is until the deadline, and counts what is left as lost. Says whether
    /// time ran out.
    pub(crate) fn finish(&self, timeout: Duration) -> bool {
        let mut state = self.lock();
        state.closing = true;
        self.closing.store(true, Ordering::Release);
        state.nudges += 1;
        self.work.notify_one();
        let target = state.next;
        let mut state = self.wait_settled(state, target, deadline_after(timeout));
        let timed_out = !state.is_settled_below(target);
        if timed_out {
            state.abandoned = true;
            let mut left = state.waiting.len() as u64;
            state.waiting = VecDeque::new();
            match state.on_the_way.take() {
                Some(batch) if batch.handed => state.counts.losses.unanswered += batch.left,
                Some(batch) => left += batch.left,
                None => {}
            }
            state.counts.losses.shutdown += left;
            // Ends a wait between two attempts, and whoever waits for a flush.
            self.work.notify_one();
            self.settled.notify_all();
        }
        timed_out
    }

    fn wait_settled<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        target: u64,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        while !state.is_settled_below(target) {
            state = match deadline {
                None => self.settled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state
    }
}

/// When a wait that starts now ends; `None` for one that lasts longer than clocks can say.
pub(crate) fn deadline_after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

/// What everything but reading answers once the shutdown has begun.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client has been shut down: open another one to record more")
}

pub(crate) fn no_thread(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("a background thread could not be started: {error}")).with_source(error)
}

fn full(capacity: usize) -> Error {
    let message = format!(
        "the queue is full: {capacity} events wait for the store; record the event and wait for its receipt, or try \
         again later"
    );
    Error::new(ErrorKind::Unavailable, message)
}

fn flush_timed_out(left: u64, timeout: Duration) -> Error {
    let message = format!("{left} events still wait for the store after {timeout:?}; they stay in the queue");
    Error::new(ErrorKind::TimedOut, message)
}
