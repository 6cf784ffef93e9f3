//! The outbox: events are durable here at once, and brought to a store as soon as it can be reached.
//!
//! [`Outbox::record_event`] puts an event in a local SQLite file and returns when the disk has it. A thread delivers what
//! waits there, in the order in which it was put in, for as long as it takes and however often the process is started
//! again. It is for programs that must go on while the server, or the network, does not.
//!
//! # Which of the three
//! | | returns when | survives the end of the process | to know that it is recorded |
//! |---|---|---|---|
//! | `Client::record_event` | the store has the event | yes | it has returned |
//! | [`Outbox::record_event`] | this machine's disk has it | yes | [`flush`](Outbox::flush), [`status`](Outbox::status) |
//! | `Client::enqueue` | memory has it | no | `Client::flush` |
//!
//! Take `record_event` where somebody waits for the answer anyway, the outbox where nothing may be lost and nobody may
//! wait for the network, and `enqueue` where no event is worth waiting for a disk.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use apmt_core::{Event, MemoryStore, Store};
//! use apmt_store_http::Outbox;
//! # futures_lite::future::block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("outbox.db");
//! // Mostly HttpStore::builder("https://…").key("…").open()?
//! let target = Arc::new(MemoryStore::new());
//! let outbox = Outbox::builder(&path).target(target.clone()).open()?;
//! let receipt = outbox.record_event(Event::override_of("anne@sba.gov")).await?;
//!
//! outbox.flush(Duration::from_secs(5)).await?;
//! assert!(target.event(receipt.id).await?.is_some());
//! let report = outbox.shutdown(Duration::from_secs(5)).await;
//! assert_eq!(report.to_string(), "1 delivered, 0 waiting, 0 dead letters");
//! # Ok::<(), apmt_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! # What it promises
//! - **Nothing acknowledged is lost.** What [`record_event`](Outbox::record_event) has returned for survives a power cut
//!   (WAL, `synchronous=FULL`), and is in the file until the store has acknowledged it.
//! - **Once in the record.** Every event has its id before it is put in. After a lost answer it is sent again, and the
//!   store knows it by its id.
//! - **When it happened.** An event without an instant is given that of being put in, not that of its delivery.
//! - **In order.** Events are delivered in the order in which they were put in, whatever the clock does. Only what comes
//!   back from the dead letters comes later.
//! - **One bad event stops no other.** What the store refuses as invalid goes to the
//!   [dead letters](Outbox::dead_letters) with the field and the rule, and can be [put back](Outbox::retry). What is
//!   no event's fault stops the delivery and shows in the [status](Outbox::status): a key that is not let in, a server of
//!   another version, a full disk. It is tried again, ever more slowly, for ever.
//! - **Bounded.** By number and bytes, with a [policy](OutboxBuilder::when_full) for what is too much, and by
//!   [age](OutboxBuilder::max_age). What is not kept is counted by reason. A million events that wait take room on the
//!   disk, and none in memory.
//! - **Many processes.** Several may put events into one file. One of them delivers; when it ends, another takes over
//!   within a second.

mod builder;
mod delivery;
mod desk;
mod schema;
mod signal;
mod status;
mod table;
mod time;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use apmt_core::store::complete_batch;
use apmt_core::{Error, ErrorKind, Event, IntoEvent, Result};
use futures_lite::future::block_on;
use uuid::Uuid;

pub use builder::OutboxBuilder;
pub use status::{
    DeadLetter, DeathReason, Delivery, Dropped, LastError, OutboxReceipt, OutboxReport, OutboxStatus,
};

use delivery::Courier;
use desk::Desk;
use signal::Signal;
use table::{Limits, Put};
use time::Time;

/// How long dropping an outbox that was not shut down may wait for each of its threads.
const DROP_WAIT: Duration = Duration::from_secs(2);
/// How often a flush looks whether another process has delivered.
const POLL: Duration = Duration::from_millis(250);

/// Events on this machine's disk that are on their way to a store: see the [module](self).
///
/// Dropping it ends its threads and delivers nothing more; what waits is in the file.
/// [`shutdown`](Self::shutdown) delivers first.
#[derive(Debug)]
pub struct Outbox {
    path: PathBuf,
    desk: Arc<Desk>,
    signal: Arc<Signal>,
    time: Arc<Time>,
    limits: Limits,
    courier: Arc<Courier>,
    /// Closed once the delivery has ended; `None` where there is none.
    ended: Option<Mutex<mpsc::Receiver<()>>>,
}

impl Outbox {
    /// Options for an outbox in the file at that path. Beside the file lie two of SQLite's while it is open, and one,
    /// whose name ends in `-delivery`, that says who delivers.
    pub fn builder(path: impl AsRef<Path>) -> OutboxBuilder {
        OutboxBuilder::new(path.as_ref())
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts an event in. When this returns, the event is on the disk, and will be delivered.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if the event breaks a rule; [`Unavailable`](ErrorKind::Unavailable) if the outbox
    /// is full; [`Closed`](ErrorKind::Closed) after a [shutdown](Self::shutdown); and what the disk reports, as an SQLite
    /// store does.
    pub async fn record_event(&self, event: impl IntoEvent) -> Result<OutboxReceipt> {
        let event = event.into_event()?;
        let mut receipts = self.put(vec![event]).await?;
        receipts.pop().ok_or_else(desk::closed)
    }

    /// Puts events in: all of them or none, in that order.
    ///
    /// # Errors
    /// As for [`record_event`](Self::record_event); what is invalid is named by its place in the batch.
    pub async fn record_events<I>(&self, events: I) -> Result<Vec<OutboxReceipt>>
    where
        I: IntoIterator,
        I::Item: IntoEvent,
    {
        let mut batch = Vec::new();
        for (index, event) in events.into_iter().enumerate() {
            batch.push(event.into_event().map_err(|invalid| invalid.at_index(index))?);
        }
        self.put(batch).await
    }

    async fn put(&self, mut events: Vec<Event>) -> Result<Vec<OutboxReceipt>> {
        if self.signal.state().closing {
            return Err(desk::closed());
        }
        complete_batch(&mut events, self.time.now())?;
        let batch: Vec<Put> = events
            .into_iter()
            .filter_map(|event| Some(Put { id: event.id()?, event: event.to_json() }))
            .collect();
        let (at, limits, on_the_way) = (self.time.steady(), self.limits, self.courier.on_the_way());
        let put = self.desk.write(move |connection| {
            table::put(connection, &batch, at, limits, on_the_way.load(Ordering::SeqCst))
        });
        put.await?.ok_or_else(|| self.full())
    }

    fn full(&self) -> Error {
        let Limits { events, bytes, .. } = self.limits;
        let message = format!(
            "{}: the outbox is full, at {events} events or {bytes} bytes: see why it does not deliver (apmt outbox \
             status), or raise its limits",
            self.path.display()
        );
        Error::new(ErrorKind::Unavailable, message)
    }

    /// Where the outbox stands.
    ///
    /// # Errors
    /// What the disk reports; [`Closed`](ErrorKind::Closed) after a shutdown.
    pub async fn status(&self) -> Result<OutboxStatus> {
        let delivery = self.courier.delivery();
        self.desk.read(move |connection| table::status(connection, delivery)).await
    }

    /// The dead letters after that number, in the order in which they died, at most so many.
    ///
    /// # Errors
    /// As for [`status`](Self::status).
    pub async fn dead_letters(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>> {
        self.desk.read(move |connection| table::dead_letters(connection, after, limit)).await
    }

    /// The JSON of events that wait, each with its number, after that number, in order, at most so many; a page may end
    /// early, and an empty one is the end.
    ///
    /// # Errors
    /// As for [`status`](Self::status).
    pub async fn waiting(&self, after: u64, limit: usize) -> Result<Vec<(u64, String)>> {
        const MOST_BYTES: usize = 16 * 1024 * 1024;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let page =
            self.desk.read(move |connection| table::next(connection, after, limit, MOST_BYTES)).await?;
        Ok(page.into_iter().map(|one| (one.number.unsigned_abs(), one.json)).collect())
    }

    /// Puts the dead letters of these ids back, behind what waits, and delivers them anew. Says how many there were.
    /// Limits do not hold here: the events are on the disk already.
    ///
    /// # Errors
    /// As for [`status`](Self::status).
    pub async fn retry(&self, ids: &[Uuid]) -> Result<u64> {
        self.put_back(Some(ids.to_vec())).await
    }

    /// As [`retry`](Self::retry), with all of them.
    ///
    /// # Errors
    /// As for [`status`](Self::status).
    pub async fn retry_all(&self) -> Result<u64> {
        self.put_back(None).await
    }

    async fn put_back(&self, ids: Option<Vec<Uuid>>) -> Result<u64> {
        let at = self.time.steady();
        let back = self.desk.write(move |connection| table::retry(connection, ids.as_deref(), at)).await;
        self.signal.nudge();
        back
    }

    /// Removes the dead letters of these ids for good: for what was put right elsewhere. Says how many there were.
    ///
    /// # Errors
    /// As for [`status`](Self::status).
    pub async fn discard(&self, ids: &[Uuid]) -> Result<u64> {
        let ids = ids.to_vec();
        self.desk.write(move |connection| table::discard(connection, Some(&ids))).await
    }

    /// Waits until everything that was put in before has been delivered, or has gone to the dead letters. A wait between
    /// two attempts is cut short.
    ///
    /// # Errors
    /// [`TimedOut`](ErrorKind::TimedOut) if it takes longer than that: what waits goes on waiting, and
    /// [`status`](Self::status) says why.
    pub async fn flush(&self, timeout: Duration) -> Result<()> {
        let (desk, signal) = (Arc::clone(&self.desk), Arc::clone(&self.signal));
        let path = self.path.clone();
        off_thread(move || flush(&desk, &signal, &path, timeout)).await?
    }

    /// As [`flush`](Self::flush), for plain threads.
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    pub fn flush_blocking(&self, timeout: Duration) -> Result<()> {
        flush(&self.desk, &self.signal, &self.path, timeout)
    }

    /// As [`record_event`](Self::record_event), for plain threads.
    ///
    /// # Errors
    /// As for [`record_event`](Self::record_event).
    pub fn record_event_blocking(&self, event: impl IntoEvent) -> Result<OutboxReceipt> {
        block_on(self.record_event(event))
    }

    /// As [`status`](Self::status), for plain threads.
    ///
    /// # Errors
    /// As for [`status`](Self::status).
    pub fn status_blocking(&self) -> Result<OutboxStatus> {
        block_on(self.status())
    }

    /// Takes nothing more, delivers what waits for as long as that at most, and closes the file. The target stays open.
    pub async fn shutdown(self, timeout: Duration) -> OutboxReport {
        let shut = off_thread(move || self.shutdown_blocking(timeout)).await;
        shut.unwrap_or_else(|error| OutboxReport {
            timed_out: false,
            status: None,
            error: Some(error.to_string()),
        })
    }

    /// As [`shutdown`](Self::shutdown), for plain threads.
    pub fn shutdown_blocking(self, timeout: Duration) -> OutboxReport {
        self.signal.close();
        let timed_out = match &self.ended {
            Some(_) => flush(&self.desk, &self.signal, &self.path, timeout).is_err(),
            None => false,
        };
        self.stop();
        let status = self.status_blocking();
        let report = match status {
            Ok(status) => OutboxReport { timed_out, status: Some(status), error: None },
            Err(error) => OutboxReport { timed_out, status: None, error: Some(error.to_string()) },
        };
        if !report.is_clean() {
            tracing::warn!(%report, path = %self.path.display(), "the outbox was shut down");
        }
        report
    }

    /// Ends the delivery; a call of the store that is under way is broken off.
    fn stop(&self) {
        self.signal.close();
        self.signal.stop();
        if let Some(ended) = &self.ended {
            // Nothing is ever sent: the answer is that the thread has ended. One that hangs in a store is left behind.
            let _ = ended.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(DROP_WAIT);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.stop();
        self.desk.close(DROP_WAIT);
    }
}

fn flush(desk: &Desk, signal: &Signal, path: &Path, timeout: Duration) -> Result<()> {
    let deadline = Instant::now().checked_add(timeout);
    let last = block_on(desk.read(table::last_number))?;
    signal.nudge();
    loop {
        let commits = signal.state().commits;
        if !block_on(desk.read(move |connection| table::waits(connection, last)))? {
            return Ok(());
        }
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            let message = format!(
                "{}: not everything was delivered after {timeout:?}; it stays in the outbox, whose status says why",
                path.display()
            );
            return Err(Error::new(ErrorKind::TimedOut, message));
        }
        let look = now + POLL;
        let until = deadline.map_or(look, |deadline| deadline.min(look));
        signal.wait(Some(until), |state| state.commits != commits);
    }
}

/// Does on a thread of its own what may block, and waits for it under any executor.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (reply, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("apmt-outbox-wait".to_owned());
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("a background thread could not be started: {error}"))
            .with_source(error)
    };
    let started = thread.spawn(move || {
        // Nobody waits any more: the work is done all the same.
        let _ = reply.send(work());
    });
    started.map_err(failed)?;
    answer.await.map_err(|_| failed(std::io::Error::other("it ended without an answer")))
}
