//! The shutdown: once, whoever calls it and how often.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use apmt_core::{Result, Store};
use futures_lite::future::block_on;

use crate::live::Live;
use crate::queue::{Queue, deadline_after, no_thread};
use crate::report::Report;

/// What closing the store gets where the queue has used up the time.
const CLOSE_GRACE: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    NotBegun,
    Begun,
    Done(Report),
}

impl Shutdown {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The report, if the shutdown is done.
    pub(crate) fn report(&self) -> Option<Report> {
        if let State::Done(report) = &*self.lock() { Some(report.clone()) } else { None }
    }

    /// Shuts down, or waits for whoever is doing it; blocks for the timeout and [`CLOSE_GRACE`] at most.
    pub(crate) fn run(
        &self,
        queue: &Queue,
        live: &Live,
        store: &Arc<dyn Store>,
        timeout: Duration,
    ) -> Report {
        let mut state = self.lock();
        loop {
            match &*state {
                State::Done(report) => return report.clone(),
                State::Begun => state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner),
                State::NotBegun => break,
            }
        }
        *state = State::Begun;
        drop(state);

        let deadline = deadline_after(timeout);
        let timed_out = queue.finish(timeout);
        live.finish(deadline);
        let closed = close(store, deadline);
        let counts = queue.counts();
        let report = Report {
            recorded: counts.recorded,
            duplicates: counts.duplicates,
            losses: counts.losses,
            timed_out,
            store_closed: matches!(closed, Some(Ok(()))),
            close_error: closed.and_then(Result::err).map(|error| error.to_string()),
        };
        if !report.is_clean() {
            tracing::warn!(%report, "the client was shut down");
        }
        *self.lock() = State::Done(report.clone());
        self.done.notify_all();
        report
    }
}

/// Closes the store; `None` if it has not answered in time.
fn close(store: &Arc<dyn Store>, deadline: Option<Instant>) -> Option<Result<()>> {
    let (sender, receiver) = mpsc::channel();
    let store = Arc::clone(store);
    let thread = std::thread::Builder::new().name("apmt-close".to_owned());
    let started = thread.spawn(move || {
        // The waiting side may have given up.
        let _ = sender.send(block_on(store.close()));
    });
    if let Err(error) = started {
        return Some(Err(no_thread(error)));
    }
    let Some(deadline) = deadline else { return receiver.recv().ok() };
    let left = deadline.saturating_duration_since(Instant::now()).max(CLOSE_GRACE);
    receiver.recv_timeout(left).ok()
}
