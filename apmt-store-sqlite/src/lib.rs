//! APMT's embedded store: one SQLite file on this machine.
//!
//! - **Durable.** WAL with `synchronous=FULL`: what [`append`](Store::append) has acknowledged survives a power cut.
//! - **Fast together.** One thread writes, and commits what many callers hand it in one transaction (group commit). A
//!   small pool of threads reads, and never waits for the writer.
//! - **Dossiers cost days, not events.** Every append keeps a tally an actor and a day; a dossier reads the days of its
//!   window.
//! - **No runtime.** The futures run under tokio of either kind, under any other executor, and from plain threads.
//! - **One file.** A second process may read it, back it up ([`SqliteStore::backup`]) or write to it at the same time;
//!   SQLite's locks keep them apart.
//!
//! # Sizing
//! A dossier's cost follows the days of its window, and an append's the size of what it adds to: an actor's day is one
//! row, written anew by each commit that adds to it. That is nothing for people, and little for an agent with some ten
//! thousand contributions a day; one with a million a day should record in batches.
//!
//! The bundled SQLite calls `fsync`, which writes the file's times with every commit, unless it is built to call
//! `fdatasync`, and counts its memory under a lock unless told not to: on Linux, set
//! `LIBSQLITE3_FLAGS="-DHAVE_FDATASYNC=1 -DSQLITE_DEFAULT_MEMSTATUS=0"` where the program is built, as this workspace's
//! `.cargo/config.toml` does. Either way is as durable.
//!
//! # Sealing and erasing
//! The seal ([`Store::seal`]) is a table beside the log: some 130 bytes an event, written by whoever seals, in transactions
//! of its own between two of those that append. Erasing an event empties its row, makes what was derived from it anew, and
//! writes the file anew without what was freed (`VACUUM`, which takes as much room again for a while): no byte of it is left
//! in the file, nor in the log that SQLite keeps beside it.
//!
//! A disk that fills up, a lock that another process keeps, a folder that may not be written: each refuses the append
//! with an error of its kind, and nothing that was acknowledged is lost. The same store goes on once the cause is gone.
//!
//! ```
//! use apmt_core::{Event, Policy, Store};
//! use apmt_store_sqlite::SqliteStore;
//! # futures_lite::future::block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("apmt.db");
//! let store = SqliteStore::open(&path)?;
//! store.append(vec![Event::override_of("anne@sba.gov").build()?]).await?;
//! store.close().await?;
//!
//! let store = SqliteStore::open(&path)?;
//! let dossier = store.dossier(&"anne@sba.gov".try_into()?, Default::default(), &Policy::default()).await?;
//! assert_eq!(dossier.metrics.overrides, 1);
//! # Ok::<(), apmt_core::Error>(())
//! # }).unwrap();
//! ```

mod append;
mod backup;
mod builder;
mod connection;
mod derived;
mod error;
pub mod file;
mod query;
mod reader;
mod refold;
mod rows;
mod schema;
mod seal;
mod settle;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use apmt_core::contribution::Cursor;
use apmt_core::store::judge_one_here;
use apmt_core::{
    Activity, ActorName, AsOf, Calendar, CaseId, Clock, Contribution, Dossier, Error, ErrorKind, Event,
    Policy, Receipt, Recorded, Result, SealStore, SharedNotes, Store, StoreStatus, Window,
};
use async_trait::async_trait;
use uuid::Uuid;

pub use builder::SqliteBuilder;
pub use connection::Synchronous;

use reader::Readers;
use writer::Writer;

/// A store in one SQLite file.
///
/// Dropping it waits for the commit that is under way and for what was queued before;
/// [`close`](Store::close) does the same without blocking an executor's thread.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    calendar: Calendar,
    // Dropped in this order: the last connection to go copies the log back into the file, which a reader's cannot.
    readers: Readers,
    /// `None` where the file was opened to be read only.
    writer: Option<Writer>,
}

impl SqliteStore {
    /// Opens the file, or makes it, with the defaults: durable, the machine's clock, the calendar that counts every
    /// hour.
    ///
    /// # Errors
    /// The folder does not exist, the file may not be written, is locked, is damaged, is no database of APMT's, was
    /// written by a newer version or under another calendar: each of a kind of its own ([`Error::kind`]), with what to
    /// do in its message.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder(path).open()
    }

    /// Options for opening the file at that path.
    pub fn builder(path: impl AsRef<Path>) -> SqliteBuilder {
        SqliteBuilder::new(path.as_ref())
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a copy of the store, as it stands at one instant, to a file that is not there yet. Callers read and
    /// write on meanwhile. When this returns, the copy is on the disk.
    ///
    /// # Errors
    /// There is a file at `to`, it cannot be written, or the disk is full.
    pub async fn backup(&self, to: impl AsRef<Path>) -> Result<()> {
        backup::backup(&self.path, to.as_ref()).await
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer.as_ref().ok_or_else(|| {
            let message = format!(
                "{}: this store was opened to be read only: open it again to write",
                self.path.display()
            );
            Error::new(ErrorKind::ReadOnly, message)
        })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for SqliteStore {
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.writer()?.append(events, self.clock.now()).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.readers.read(move |connection| query::events(connection, after, limit)).await
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        self.readers.read(move |connection| query::event(connection, id)).await
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        let case_id = case_id.clone();
        self.readers.read(move |connection| query::case(connection, &case_id)).await
    }

    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        let actor = actor.clone();
        self.readers
            .read(move |connection| query::contributions(connection, &actor, window, after, limit))
            .await
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        let (actor, calendar) = (actor.clone(), self.calendar.clone());
        self.readers
            .read(move |connection| query::activity(connection, &actor, window.into(), &calendar))
            .await
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        let (after, calendar) = (after.cloned(), self.calendar.clone());
        self.readers
            .read(move |connection| {
                query::activities(connection, window.into(), after.as_ref(), limit, &calendar)
            })
            .await
    }

    async fn status(&self) -> Result<StoreStatus> {
        let (clock, calendar) = (Arc::clone(&self.clock), self.calendar.clone());
        self.readers.read(move |connection| query::status(connection, &*clock, &calendar)).await
    }

    /// Everything in one read, and the arithmetic on the reader's thread; where a rule compares peers, everybody is read.
    async fn dossier(&self, actor: &ActorName, as_of: AsOf, policy: &Policy) -> Result<Dossier> {
        if policy.compares_peers() {
            return judge_one_here(self, actor, as_of, policy).await;
        }
        let (actor, clock, calendar) = (actor.clone(), Arc::clone(&self.clock), self.calendar.clone());
        let policy = policy.clone();
        self.readers
            .read(move |connection| {
                let as_of = query::instant(connection, as_of, &*clock)?;
                let reach = policy.reach(as_of);
                let activity = query::activity(connection, &actor, reach, &calendar)?;
                Ok(Dossier::of(&activity, as_of, &policy).through(calendar.digest()))
            })
            .await
    }

    async fn dossiers(
        &self,
        as_of: AsOf,
        policy: &Policy,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Dossier>> {
        let (after, clock, calendar) = (after.cloned(), Arc::clone(&self.clock), self.calendar.clone());
        let policy = policy.clone();
        self.readers
            .read(move |connection| {
                let as_of = query::instant(connection, as_of, &*clock)?;
                query::dossiers(connection, as_of, &policy, after.as_ref(), limit, &calendar)
            })
            .await
    }

    fn notes(&self) -> Option<&dyn SharedNotes> {
        None
    }

    fn seal(&self) -> Option<&dyn SealStore> {
        Some(self)
    }

    async fn close(&self) -> Result<()> {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        Ok(())
    }
}
