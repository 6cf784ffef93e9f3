//! What the outbox's threads and callers tell one another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Signal {
    state: Mutex<State>,
    changed: Condvar,
    /// Closed when the delivery must stop: what a call of the store is raced against.
    stop: async_channel::Sender<()>,
    stopped: async_channel::Receiver<()>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// How many transactions this process has committed.
    pub(super) commits: u64,
    /// Grows when a wait between two attempts should end at once.
    pub(super) nudges: u64,
    /// Nothing is put in any more.
    pub(super) closing: bool,
    /// Nothing is delivered any more.
    pub(super) stopping: bool,
}

impl Signal {
    pub(super) fn new() -> Self {
        let (stop, stopped) = async_channel::bounded(1);
        Self { state: Mutex::default(), changed: Condvar::new(), stop, stopped }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> State {
        *self.lock()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub(super) fn committed(&self) {
        self.change(|state| state.commits += 1);
    }

    pub(super) fn nudge(&self) {
        self.change(|state| state.nudges += 1);
    }

    pub(super) fn close(&self) {
        self.change(|state| {
            state.closing = true;
            state.nudges += 1;
        });
    }

    pub(super) fn stop(&self) {
        self.change(|state| state.stopping = true);
        self.stop.close();
    }

    /// Ends when the delivery must stop.
    pub(super) async fn stopped(&self) {
        // Nothing is ever sent.
        let _ = self.stopped.recv().await;
    }

    /// Waits until something has changed to what is waited for, or that instant has come; `None` never comes.
    pub(super) fn wait(&self, until: Option<Instant>, is_it: impl Fn(&State) -> bool) -> State {
        let mut state = self.lock();
        while !is_it(&state) {
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *state
    }
}
