//! What all live connections of a router share: the room for them, the messages that they send, and their end.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use apmt_client::DossierDelta;
use apmt_core::Dossier;
use lru::LruCache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::message::Frame;
use crate::http::RouterOptions;

/// How many of the newest deltas are kept as text. Whoever is further behind has them made again.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

/// The live connections of a router.
#[derive(Debug)]
pub(crate) struct Lives {
    room: Arc<Semaphore>,
    most: u32,
    ending: watch::Sender<bool>,
    deltas: Mutex<LruCache<Key, (Arc<Dossier>, Frame)>>,
}

/// Which delta: by the place of its dossier in memory, which no other has as long as it is kept, and by its cursor, for
/// whoever lags has another one.
type Key = (usize, u64);

impl Lives {
    pub(crate) fn new(options: &RouterOptions) -> Arc<Self> {
        Arc::new(Self {
            room: Arc::new(Semaphore::new(options.max_live())),
            most: u32::try_from(options.max_live()).unwrap_or(u32::MAX),
            ending: watch::Sender::new(false),
            deltas: Mutex::new(LruCache::new(KEPT)),
        })
    }

    /// Tells all connections to end, and lets no more in.
    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Waits until all connections have ended.
    pub(crate) async fn ended(&self) {
        // The semaphore is never closed, so all of its permits come back in the end.
        drop(self.room.acquire_many(self.most).await);
    }

    /// How many connections there are.
    pub(crate) fn count(&self) -> usize {
        (self.most as usize).saturating_sub(self.room.available_permits())
    }

    /// Lets a connection in, if there is room and it is not the end.
    pub(super) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.room).try_acquire_owned().ok()?;
        (!*self.ending.borrow()).then_some(permit)
    }

    /// Done when connections are to end.
    pub(crate) async fn ending(&self) {
        // The sender is our own, and so is still there.
        let _ = self.ending.subscribe().wait_for(|ending| *ending).await;
    }

    /// A delta as text: made once, however many connections send it.
    pub(super) fn delta(&self, delta: &DossierDelta) -> Frame {
        let key = (Arc::as_ptr(&delta.dossier).addr(), delta.cursor);
        let mut deltas = self.deltas.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, frame) = deltas.get_or_insert(key, || (Arc::clone(&delta.dossier), Frame::delta(delta)));
        frame.clone()
    }
}

#[cfg(test)]
mod tests {
    use apmt_client::{Event, blocking::Client};

    use super::*;

    /// A hundred viewers cost one text.
    #[test]
    fn a_delta_is_written_once() {
        let client = Client::open("memory:").unwrap();
        let [mut one, mut other] = [client.subscribe(), client.subscribe()];
        client.record_event(Event::override_of("anne")).unwrap();
        client.record_event(Event::override_of("anne")).unwrap();
        let lives = Lives::new(&RouterOptions::new());
        let mut texts = Vec::new();
        while texts.last().is_none_or(|(cursor, _)| *cursor < Some(2)) {
            let [one, other] = [&mut one, &mut other].map(|live| live.next_blocking().unwrap().unwrap());
            let [one, other] = [lives.delta(&one), lives.delta(&other)];
            assert_eq!(one.text.as_ptr(), other.text.as_ptr());
            texts.push((one.cursor, one.text));
        }
        assert!(texts.is_sorted_by(|(one, text), (other, other_text)| one < other && text != other_text));
    }
}
