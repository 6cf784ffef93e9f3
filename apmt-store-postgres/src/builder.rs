//! How a database is opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apmt_core::{Calendar, Clock, OtherCalendar, Result, SystemClock};
use deadpool_postgres::Pool;

use crate::PostgresStore;
use crate::address::Address;
use crate::append::Appender;
use crate::connect::{Connector, Timeouts};
use crate::days::pack::packing;
use crate::engine::{Engine, Parts};
use crate::failure::{Failure, Sql};
use crate::incoming::Intake;
use crate::listen;
use crate::refold::Refold;
use crate::retry::Attempts;
use crate::schema;
use crate::writer::Work;

/// For how long a database is sought at opening: somebody waits for the store.
const OPENING: Duration = Duration::from_secs(3);

/// Options for opening a database; see [`PostgresStore::builder`].
#[must_use = "a builder does nothing until open() is called"]
pub struct PostgresBuilder {
    url: String,
    clock: Arc<dyn Clock>,
    calendar: Calendar,
    other_calendar: OtherCalendar,
    progress: Box<dyn FnMut(u64, u64) + Send>,
    on_append: Option<Arc<dyn Fn() + Send + Sync>>,
    schema: Option<String>,
    readers: usize,
    statement_timeout: Duration,
    lock_timeout: Duration,
    retry_budget: Duration,
    read_only: bool,
}

impl fmt::Debug for PostgresBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("PostgresBuilder").finish_non_exhaustive()
    }
}

impl PostgresBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            clock: Arc::new(SystemClock),
            calendar: Calendar::Always,
            other_calendar: OtherCalendar::Refuse,
            progress: Box::new(|_, _| {}),
            on_append: None,
            schema: None,
            readers: 8,
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            retry_budget: Duration::from_secs(30),
            read_only: false,
        }
    }

    /// Where the time of recording comes from; the machine's clock by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The calendar that processing times are measured through; by default the one that counts every hour. All servers
    /// of a database must have the same.
    pub fn calendar(mut self, calendar: Calendar) -> Self {
        self.calendar = calendar;
        self
    }

    /// What to do if the tables were made with another calendar. While a server folds them again, the others' appends
    /// wait; afterwards a server with the old calendar is refused.
    pub fn other_calendar(mut self, what: OtherCalendar) -> Self {
        self.other_calendar = what;
        self
    }

    /// Is told how many events of how many have been folded, where the log has to be folded again on opening.
    pub fn progress(mut self, progress: impl FnMut(u64, u64) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Is called when something was appended, by this server or another, or may have been: a sign to look at the log.
    /// This takes a connection of its own, which listens. The call is made on one of the store's threads, and must not
    /// take long.
    pub fn on_append(mut self, heard: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_append = Some(Arc::new(heard));
        self
    }

    /// The schema that holds the tables: letters a to z, digits and `_`. The default is the URL's `schema`, or else
    /// `apmt`.
    pub fn schema(mut self, schema: &str) -> Self {
        self.schema = Some(schema.to_owned());
        self
    }

    /// How many connections read, from 1 to 1000; 8 by default. One more writes, and one takes in what
    /// [others have inserted](crate::operating#recording-without-reading).
    pub fn readers(mut self, count: usize) -> Self {
        self.readers = count.clamp(1, 1000);
        self
    }

    /// How long a statement may take; 30 s by default. Folding a store again is not bound by it.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How long an append waits for the other servers' before it is tried again; 10 s by default.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// For how long a call goes on trying again what may pass, such as a fail-over: no attempt begins later than this
    /// after the call. The default is 30 s; nothing is tried again with zero.
    pub fn retry_budget(mut self, budget: Duration) -> Self {
        self.retry_budget = budget;
        self
    }

    /// Whether to open the database to be read only: then the tables must be there, and nothing about them is changed.
    /// A standby will do, where the URL names it alone or says `target_session_attrs=any`; it may be behind.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Opens the database, and waits until it can be used: makes its tables if they are not there, and folds the log
    /// again if they are another version's.
    ///
    /// # Errors
    /// As for [`PostgresStore::open`].
    pub fn open(mut self) -> Result<PostgresStore> {
        let mut address = Address::new(&self.url)?;
        if let Some(schema) = self.schema.take() {
            address.set_schema(schema)?;
        }
        for (field, timeout) in
            [("statement_timeout", self.statement_timeout), ("lock_timeout", self.lock_timeout)]
        {
            // PostgreSQL takes a timeout of zero for none at all.
            if timeout.as_millis() == 0 || timeout.as_millis() > i32::MAX as u128 {
                let rule = "must be at least a millisecond and at most 24 days";
                return Err(apmt_core::Invalid::new(field, format!("{timeout:?}"), rule).into());
            }
        }
        let place = address.place();
        let (clock, calendar, budget) = (Arc::clone(&self.clock), self.calendar.clone(), self.retry_budget);
        let read_only = self.read_only;
        let engine = Engine::start({
            let place = place.clone();
            move || self.prepare(address, place)
        })?;
        Ok(PostgresStore { engine, place, clock, calendar, budget, read_only })
    }

    async fn prepare(mut self, address: Address, place: String) -> Result<Parts> {
        let timeouts = Timeouts { statement: self.statement_timeout, lock: self.lock_timeout };
        let connector = Connector::new(&address, timeouts)?;
        let readers = connector.pool(self.readers, self.statement_timeout)?;
        let pool = connector.pool(1, self.statement_timeout)?;
        let mut attempts = Attempts::within(self.retry_budget.min(OPENING));
        let channel = listen::channel(&address.schema);
        let notifies = loop {
            match self.make_ready(&pool, &address.schema, &channel).await {
                Ok(notifies) => break notifies,
                Err(failure) => {
                    let wait = attempts.again(failure).map_err(|failure| failure.error(&place))?;
                    tokio::time::sleep(wait).await;
                }
            }
        };
        let (counting, packing) = packing(connector.pool(1, self.statement_timeout)?);
        let channel_of_appends = notifies.then(|| channel.clone());
        let appender = Appender::new(self.calendar, channel_of_appends, counting, self.statement_timeout);
        let intake = Intake {
            pool: connector.pool(1, self.statement_timeout)?,
            clock: self.clock,
            patience: self.statement_timeout,
            place: place.clone(),
        };
        let intake = (!self.read_only).then_some(intake);
        let work = Work { pool, appender, budget: self.retry_budget, place };
        Ok(Parts { readers, work, connector, channel, on_append: self.on_append, intake, packing })
    }

    /// Makes the tables ready, and finds out whether the database knows NOTIFY.
    async fn make_ready(&mut self, pool: &Pool, schema: &str, channel: &str) -> Sql<bool> {
        let connection = pool.get().await?;
        schema::migrate(&connection, schema, self.read_only).await?;
        let mut refold = Refold {
            calendar: &self.calendar,
            other_calendar: self.other_calendar,
            read_only: self.read_only,
            progress: &mut *self.progress,
        };
        refold.run(&connection).await?;
        if self.read_only {
            return Ok(false);
        }
        let tried = connection.execute("SELECT pg_notify($1, '')", &[&channel]).await.map_err(Failure::from);
        match tried {
            Ok(_) => Ok(true),
            Err(failure) if failure.may_pass => Err(failure),
            Err(failure) => {
                tracing::info!(?failure, schema, "no NOTIFY here: what others append is found by looking");
                Ok(false)
            }
        }
    }
}
