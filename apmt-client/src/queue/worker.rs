//! The thread that brings what is enqueued to the store.
//!
//! It has a thread of its own, and no executor's: so it goes on while a single-threaded executor is blocked or has
//! ended, which is what `main` looks like when it exits.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use apmt_core::{Error, ErrorKind, Event, Receipt, Result};
use futures_lite::future::block_on;

use super::{Counts, MAX_BATCH, OnTheWay, Queue};
use crate::retry;

/// Starts the worker. It ends once the queue is closing and nothing waits.
pub(super) fn start(queue: &Arc<Queue>) -> std::io::Result<()> {
    let queue = Arc::clone(queue);
    let thread = std::thread::Builder::new().name("apmt-queue".to_owned());
    thread.spawn(move || {
        while let Some(batch) = queue.next_batch() {
            queue.deliver(batch);
        }
    })?;
    Ok(())
}

impl Queue {
    /// Waits for events and takes up to [`MAX_BATCH`] of them; `None` at the end.
    fn next_batch(&self) -> Option<Vec<Event>> {
        let mut state = self.lock();
        loop {
            if !state.waiting.is_empty() {
                break;
            }
            if state.closing {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let first = state.next - state.waiting.len() as u64;
        let size = state.waiting.len().min(MAX_BATCH);
        let batch: Vec<Event> = state.waiting.drain(..size).collect();
        state.on_the_way = Some(OnTheWay { first, left: size as u64, handed: false });
        Some(batch)
    }

    /// Brings a batch to the store, for as long as it takes: until every event of it is settled, or the books are
    /// closed.
    fn deliver(&self, batch: Vec<Event>) {
        // A batch that is refused without a word about which event is to blame is halved until it is found.
        let mut parts = vec![batch];
        let mut attempt = 0;
        while let Some(part) = parts.pop() {
            let nudges = self.lock().nudges;
            match self.append(part.clone()) {
                Ok(receipts) => {
                    attempt = 0;
                    let duplicates = receipts.iter().filter(|receipt| receipt.duplicate).count() as u64;
                    self.settle(part.len() as u64, |counts| {
                        counts.recorded += (part.len() as u64).saturating_sub(duplicates);
                        counts.duplicates += duplicates;
                    });
                    self.live.wake();
                }
                Err(error) if error.is_temporary() => {
                    if attempt == 0 {
                        tracing::warn!(%error, events = part.len(), "the store cannot take events now; retrying");
                    }
                    parts.push(part);
                    if !self.pause_before_retry(attempt, nudges) {
                        return;
                    }
                    attempt = attempt.saturating_add(1);
                }
                Err(error) if error.kind() == ErrorKind::Invalid => self.leave_out(part, &error, &mut parts),
                Err(error) => {
                    tracing::warn!(%error, events = part.len(), "the store refuses events for good: they are lost");
                    self.settle(part.len() as u64, |counts| counts.losses.store += part.len() as u64);
                }
            }
        }
        let mut state = self.lock();
        if !state.abandoned {
            state.on_the_way = None;
        }
        drop(state);
        self.settled.notify_all();
    }

    /// One call of the store. A store that panics has refused.
    fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.live.wait_until_started();
        self.set_handed(true);
        let call = AssertUnwindSafe(|| block_on(self.store.append(events)));
        let result = std::panic::catch_unwind(call).unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Io, "the store panicked: this is a bug of the store"))
        });
        self.set_handed(false);
        result
    }

    /// Leaves out of a batch the event that broke a rule; the rest stays to be tried.
    fn leave_out(&self, mut part: Vec<Event>, error: &Error, parts: &mut Vec<Vec<Event>>) {
        match error.invalid().and_then(apmt_core::Invalid::index) {
            Some(index) if index < part.len() => {
                part.remove(index);
            }
            _ if part.len() > 1 => {
                let rest = part.split_off(part.len() / 2);
                parts.push(rest);
                parts.push(part);
                return;
            }
            _ => part.clear(),
        }
        tracing::debug!("the store refused an event that breaks a rule: it is lost, and counted");
        self.settle(1, |counts| counts.losses.invalid += 1);
        if !part.is_empty() {
            parts.push(part);
        }
    }

    /// Counts events of the batch that is on its way, unless the books are closed.
    fn settle(&self, events: u64, count: impl FnOnce(&mut Counts)) {
        let mut state = self.lock();
        if state.abandoned {
            return;
        }
        if let Some(batch) = &mut state.on_the_way {
            batch.left -= events.min(batch.left);
        }
        count(&mut state.counts);
    }

    fn set_handed(&self, handed: bool) {
        if let Some(batch) = &mut self.lock().on_the_way {
            batch.handed = handed;
        }
    }

    /// Waits before the next attempt, unless somebody has begun to wait for the queue since the last one began. Says
    /// whether there is to be one.
    fn pause_before_retry(&self, attempt: u32, nudges: u64) -> bool {
        let until = Instant::now() + retry::delay(attempt, retry::random());
        let mut state = self.lock();
        while !state.abandoned && state.nudges == nudges {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        !state.abandoned
    }
}
