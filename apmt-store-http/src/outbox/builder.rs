//! How an outbox is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use apmt_core::{Clock, Invalid, Result, Store, WhenFull};
use apmt_store_sqlite::Synchronous;
use apmt_store_sqlite::file::writer;

use super::Outbox;
use super::delivery::Courier;
use super::desk::Desk;
use super::schema::SCHEMA;
use super::signal::Signal;
use super::table::Limits;
use super::time::Time;

/// How long to wait for another process that holds the file's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Options for an outbox; see [`Outbox::builder`].
#[must_use = "a builder does nothing until open() is called"]
pub struct OutboxBuilder {
    path: PathBuf,
    target: Option<Arc<dyn Store>>,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    max_age: Option<Duration>,
}

impl fmt::Debug for OutboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxBuilder")
            .field("path", &self.path)
            .field("limits", &self.limits)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

impl OutboxBuilder {
    pub(super) fn new(path: &Path) -> Self {
        let limits = Limits { events: 1_000_000, bytes: 1 << 30, when_full: WhenFull::RejectNewest };
        Self { path: path.to_owned(), target: None, clock: None, limits, max_age: None }
    }

    /// Where events are delivered to: mostly an [`HttpStore`](crate::HttpStore). Whoever gives it closes it, after the
    /// outbox. Without one, events are put in and wait until an outbox with a target is opened on the file.
    ///
    /// The outbox tries again for ever by itself; a store that gives up early tells it sooner what is wrong.
    pub fn target(mut self, store: Arc<dyn Store>) -> Self {
        self.target = Some(store);
        self
    }

    /// How many events may wait, at least 1; a million by default.
    pub fn max_events(mut self, events: u64) -> Self {
        self.limits.events = events;
        self
    }

    /// How many bytes of events' JSON may wait, at least 1; 1 GiB by default. The file is somewhat larger, and keeps its
    /// size when events have left it.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How long an event may wait: an older one goes to the dead letters. The default is for ever.
    ///
    /// Setting the machine's clock while the outbox is open makes no event older or younger.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// What is done with an event for which there is no room; [`WhenFull::RejectNewest`] by default. What is dropped or
    /// rejected is counted ([`OutboxStatus::dropped`](super::OutboxStatus::dropped)).
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.limits.when_full = when_full;
        self
    }

    /// Where the time comes from: for ids, for the instants of events that have none, and for ages. The default is the
    /// machine's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Opens the file, or makes it, and begins to deliver what waits in it.
    ///
    /// # Errors
    /// As for an SQLite store's file: its folder does not exist, it may not be written, is locked, is damaged, is no
    /// outbox, or was written by a newer version, each of a kind of its own; [`Invalid`](apmt_core::ErrorKind::Invalid)
    /// for a limit of 0.
    pub fn open(self) -> Result<Outbox> {
        let Self { path, target, clock, limits, max_age } = self;
        for (field, limit) in [("max_events", limits.events), ("max_bytes", limits.bytes)] {
            if limit == 0 {
                return Err(Invalid::new(field, limit, "must be at least 1").into());
            }
        }
        let mut connection = writer(&path, &SCHEMA, Synchronous::Full, BUSY)?;
        SCHEMA.migrate(&mut connection, &path)?;
        let signal = Arc::new(Signal::new());
        let desk = Arc::new(Desk::start(connection, &path, Arc::clone(&signal))?);
        let time = Arc::new(Time::new(clock));
        let courier = Courier::new(&path, Arc::clone(&desk), Arc::clone(&signal), Arc::clone(&time), max_age);
        let courier = Arc::new(courier);
        let ended = match target {
            Some(target) => Some(courier.start(target)?),
            None => None,
        };
        Ok(Outbox { path, desk, signal, time, limits, courier, ended: ended.map(Into::into) })
    }
}
