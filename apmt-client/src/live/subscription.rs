//! The reader's end: a stream, an async call, or a blocking one.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use apmt_core::{ActorName, Error, ErrorKind, Result};
use event_listener::{EventListener, Listener};
use futures_core::Stream;

use super::Follower;
use super::board::Reader;
use super::delta::DossierDelta;
use super::follower::{Next, Run};
use crate::queue::deadline_after;

/// Dossiers as they change: see [`Client::subscribe`](crate::Client::subscribe).
///
/// It is a [`Stream`] for async code, and has [`next`](Self::next) where no stream library is at hand;
/// [`next_timeout`](Self::next_timeout) and [`blocking`](Self::blocking) need no async at all.
///
/// It ends (`None`) once the client is shut down and everything that was recorded has been given. Where the store
/// fails for good, the error comes once, and then the end; what waiting may mend is retried, and not told.
#[must_use = "a subscription is for reading: dropping it ends it"]
pub struct Subscription {
    run: Arc<Run>,
    reader: Reader,
    listener: Option<EventListener>,
    ended: bool,
    /// The follower stops when the last subscription is dropped.
    _follower: Arc<Follower>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("reader", &self.reader)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    pub(super) fn new(run: Arc<Run>, follower: Arc<Follower>, actor: Option<ActorName>) -> Self {
        let reader = run.reader(actor);
        Self { run, reader, listener: None, ended: false, _follower: follower }
    }

    /// What there is now: an item, the end, or nothing yet.
    fn take(&mut self) -> Poll<Option<Result<DossierDelta>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.run.next(&mut self.reader) {
            Next::Delta(delta) => Poll::Ready(Some(Ok(delta))),
            Next::Nothing => Poll::Pending,
            Next::Ended(error) => {
                self.ended = true;
                Poll::Ready(error.map(Err))
            }
        }
    }

    /// Waits until it is known where in the log this subscription begins, and gives that position: everything that
    /// events after it change is told. What is read from the store after this and what comes from here miss nothing
    /// between them, whoever else records.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) once the client is shut down, and what the store met if it failed for good.
    ///
    /// ```
    /// use apmt_client::{AsOf, Client, Event};
    /// # futures_lite::future::block_on(async {
    /// let client = Client::open("memory:")?;
    /// client.record_event(Event::override_of("anne@sba.gov")).await?;
    /// let live = client.subscribe();
    /// assert_eq!(live.start().await?, 1);
    /// let board = client.scoreboard(AsOf::Now).await?; // and from here on, what `live` gives
    /// # assert_eq!(board.len(), 1);
    /// # Ok::<(), apmt_client::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn start(&self) -> Result<u64> {
        loop {
            let listener = self.run.listen();
            if let Some(start) = self.run.start_of(&self.reader) {
                return start.map_err(|error| error.unwrap_or_else(ended));
            }
            listener.await;
        }
    }

    /// The next delta; `None` at the end. Dropping the future loses none.
    ///
    /// ```
    /// use apmt_client::{Client, Event, Status};
    /// # futures_lite::future::block_on(async {
    /// let client = Client::open("memory:")?;
    /// let mut live = client.subscribe();
    /// client.record_event(Event::override_of("anne@sba.gov")).await?;
    ///
    /// let delta = live.next().await.unwrap()?;
    /// assert_eq!(delta.actor.as_str(), "anne@sba.gov");
    /// assert_eq!(delta.change("overrides").unwrap().new, 1);
    /// assert_eq!(delta.dossier.status, Status::Good);
    /// # Ok::<(), apmt_client::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn next(&mut self) -> Option<Result<DossierDelta>> {
        std::future::poll_fn(|context| self.poll_delta(context)).await
    }

    fn poll_delta(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<DossierDelta>>> {
        loop {
            if let Poll::Ready(item) = self.take() {
                self.listener = None;
                return Poll::Ready(item);
            }
            // First listen, then look again: what is published in between is not missed.
            match &mut self.listener {
                None => self.listener = Some(self.run.listen()),
                Some(listener) => {
                    ready!(Pin::new(listener).poll(context));
                    self.listener = None;
                }
            }
        }
    }

    /// Waits on this thread for the next delta, but no longer than that; `None` if none came in time. Not for async
    /// code: it would hold up the executor's thread.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) at the end; else what the stream would give.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use apmt_client::{Event, blocking::Client};
    /// let client = Client::open("memory:")?;
    /// let mut live = client.subscribe();
    /// assert_eq!(live.next_timeout(Duration::ZERO)?, None);
    /// client.record_event(Event::decision("anne@sba.gov"))?;
    /// let delta = live.next_timeout(Duration::from_secs(60))?.expect("it is there at once");
    /// assert_eq!(delta.dossier.metrics.decisions, 1);
    /// # Ok::<(), apmt_client::Error>(())
    /// ```
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<DossierDelta>> {
        let Some(deadline) = deadline_after(timeout) else { return self.next_blocking().transpose() };
        loop {
            let listener = self.run.listen();
            match self.take() {
                Poll::Ready(item) => return item.unwrap_or_else(|| Err(ended())).map(Some),
                Poll::Pending if listener.wait_deadline(deadline).is_none() => return Ok(None),
                Poll::Pending => {}
            }
        }
    }

    /// Waits on this thread for the next delta; `None` at the end. Not for async code.
    pub fn next_blocking(&mut self) -> Option<Result<DossierDelta>> {
        futures_lite::future::block_on(self.next())
    }

    /// All deltas to come, for a `for` loop on this thread.
    pub fn blocking(&mut self) -> BlockingDeltas<'_> {
        BlockingDeltas(self)
    }
}

impl Stream for Subscription {
    type Item = Result<DossierDelta>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_delta(context)
    }
}

/// An iterator over a subscription that waits for each delta: see [`Subscription::blocking`].
#[derive(Debug)]
pub struct BlockingDeltas<'a>(&'a mut Subscription);

impl Iterator for BlockingDeltas<'_> {
    type Item = Result<DossierDelta>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_blocking()
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "the client has been shut down: there is nothing more to follow")
}
