//! How a file is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use apmt_core::case::FOLD_VERSION;
use apmt_core::{Calendar, Clock, Error, ErrorKind, OtherCalendar, Result, SystemClock};
use rusqlite::Connection;

use crate::error::explained;
use crate::reader::Readers;
use crate::refold::{made_with, refold};
use crate::schema::SCHEMA;
use crate::writer::Writer;
use crate::{SqliteStore, Synchronous, connection};

/// Options for opening a file; see [`SqliteStore::builder`].
pub struct SqliteBuilder {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    calendar: Calendar,
    other_calendar: OtherCalendar,
    progress: Box<dyn FnMut(u64, u64) + Send>,
    synchronous: Synchronous,
    busy: Duration,
    readers: usize,
    read_only: bool,
}

impl fmt::Debug for SqliteBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteBuilder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            clock: Arc::new(SystemClock),
            calendar: Calendar::Always,
            other_calendar: OtherCalendar::Refuse,
            progress: Box::new(|_, _| {}),
            synchronous: Synchronous::Full,
            busy: Duration::from_secs(5),
            readers: 2,
            read_only: false,
        }
    }

    /// Where the time of recording comes from; the machine's clock by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The calendar that processing times are measured through; by default the one that counts every hour.
    #[must_use]
    pub fn calendar(mut self, calendar: Calendar) -> Self {
        self.calendar = calendar;
        self
    }

    /// What to do if the file was made with another calendar.
    #[must_use]
    pub fn other_calendar(mut self, what: OtherCalendar) -> Self {
        self.other_calendar = what;
        self
    }

    /// Is told how many events of how many have been folded, where the file has to be folded again on opening.
    #[must_use]
    pub fn progress(mut self, progress: impl FnMut(u64, u64) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// How much a commit waits for; [`Synchronous::Full`] by default.
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How long to wait for another process that holds the file's lock; 5 s by default.
    #[must_use]
    pub fn busy_timeout(mut self, wait: Duration) -> Self {
        self.busy = wait;
        self
    }

    /// How many threads read, from 1 to 64; 2 by default.
    #[must_use]
    pub fn readers(mut self, count: usize) -> Self {
        self.readers = count.clamp(1, 64);
        self
    }

    /// Whether to open the file to be read only: then it must be there, and nothing about it is changed.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Opens the file.
    ///
    /// # Errors
    /// As for [`SqliteStore::open`].
    pub fn open(mut self) -> Result<SqliteStore> {
        let writer = if self.read_only {
            self.check()?;
            None
        } else {
            let connection = self.prepare()?;
            Some(Writer::start(connection, &self.path, self.calendar.clone())?)
        };
        let connections = (0..self.readers)
            .map(|_| connection::reader(&self.path, self.busy))
            .collect::<Result<Vec<Connection>>>()?;
        Ok(SqliteStore {
            readers: Readers::start(connections, &self.path)?,
            writer,
            path: self.path,
            clock: self.clock,
            calendar: self.calendar,
        })
    }

    /// The connection that writes, with the schema and the derived tables as they should be.
    fn prepare(&mut self) -> Result<Connection> {
        let mut connection = connection::writer(&self.path, &SCHEMA, self.synchronous, self.busy)?;
        SCHEMA.migrate(&mut connection, &self.path)?;
        let sql = |error: rusqlite::Error| explained(&self.path, &error);
        let made = made_with(&connection).map_err(sql)?;
        let digest = self.calendar.digest();
        let another = made.calendar.as_ref().is_some_and(|calendar| *calendar != digest);
        if another && self.other_calendar == OtherCalendar::Refuse {
            return Err(self.mismatch());
        }
        if another || made.version != Some(FOLD_VERSION) {
            refold(&connection, &self.calendar, &mut self.progress)
                .map_err(|error| explained(&self.path, &error))?;
        }
        Ok(connection)
    }

    /// Whether the file can be read as it is.
    fn check(&self) -> Result<()> {
        let connection = connection::reader(&self.path, self.busy)?;
        SCHEMA.check(&connection, &self.path)?;
        let sql = |error: rusqlite::Error| explained(&self.path, &error);
        let current = SCHEMA.is_current(&connection).map_err(sql)?;
        if !current || made_with(&connection).map_err(sql)?.version != Some(FOLD_VERSION) {
            let message = format!(
                "{}: an older APMT wrote this file: open it once to be written, and it is brought up to date",
                self.path.display()
            );
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        if made_with(&connection).map_err(sql)?.calendar != Some(self.calendar.digest()) {
            return Err(self.mismatch());
        }
        Ok(())
    }

    fn mismatch(&self) -> Error {
        let message = format!(
            "{}: its processing times were measured through another calendar than {}: open it with that one, or ask for \
             every case to be measured again",
            self.path.display(),
            self.calendar.name()
        );
        Error::new(ErrorKind::Mismatch, message)
    }
}
