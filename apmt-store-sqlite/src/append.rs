//! One transaction of the writer: the batches of many callers, folded and written together.

use apmt_core::case::Batch;
use apmt_core::store::complete_batch;
use apmt_core::{Calendar, Event, Receipt, Recorded, Timestamp, What};
use rusqlite::{Connection, OptionalExtension, Statement, params};
use uuid::Uuid;

use crate::derived::{Derived, Statements};
use crate::rows::{EVENT, recorded};

/// One caller's batch: its events, and their JSON as it will be stored, written by the caller's own thread.
pub(crate) struct Incoming {
    pub(crate) events: Vec<Event>,
    pub(crate) payloads: Vec<String>,
    /// When it was handed to the store: what its events are recorded at.
    pub(crate) now: Timestamp,
}

/// What is done besides appending.
pub(crate) struct Work {
    pub(crate) changes_events: bool,
    pub(crate) run: Run,
}

type Run = Box<dyn FnOnce(&Connection, &Calendar) + Send>;

/// What became of one caller's batch.
pub(crate) type Outcome = Result<Vec<Receipt>, apmt_core::Invalid>;

/// Appends batches to the log and keeps the derived tables, one transaction at a time.
pub(crate) struct Appender<'c> {
    connection: &'c Connection,
    calendar: Calendar,
    insert: Statement<'c>,
    find: Statement<'c>,
    find_position: Statement<'c>,
    retract: Statement<'c>,
    is_retracted: Statement<'c>,
    set_latest: Statement<'c>,
    sql: Statements<'c>,
    derived: Derived,
    position: u64,
    latest: Option<Timestamp>,
    any_retractions: bool,
    /// SQLite's count of the changes that other connections have made to the file.
    data_version: i64,
}

impl<'c> Appender<'c> {
    pub(crate) fn new(connection: &'c Connection, calendar: Calendar) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            calendar,
            insert: connection.prepare(
                "INSERT INTO events (position, id, occurred_at, recorded_at, case_no, payload) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING",
            )?,
            find: connection
                .prepare(&format!("SELECT {EVENT} FROM events e WHERE e.id = ?1 AND e.payload <> ''"))?,
            find_position: connection.prepare("SELECT position FROM events WHERE id = ?1")?,
            retract: connection
                .prepare("INSERT OR IGNORE INTO retractions (id, position) VALUES (?1, ?2)")?,
            is_retracted: connection.prepare("SELECT 1 FROM retractions WHERE id = ?1")?,
            set_latest: connection.prepare("UPDATE head SET latest = ?1")?,
            sql: Statements::prepare(connection)?,
            derived: Derived::new(),
            position: 0,
            latest: None,
            any_retractions: false,
            data_version: -1,
        })
    }

    /// Appends every batch in one transaction. A batch that breaks a rule is refused on its own; an error of SQLite's
    /// undoes them all.
    pub(crate) fn append(&mut self, batches: Vec<Incoming>) -> rusqlite::Result<Vec<Outcome>> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let appended = self.append_in_transaction(batches);
        let ended = appended.and_then(|outcomes| {
            self.connection.execute_batch("COMMIT")?;
            Ok(outcomes)
        });
        if ended.is_err() {
            // What is in memory may be ahead of the tables now. A rollback that fails leaves nothing to roll back.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.forget();
        }
        ended
    }

    /// Runs something of another kind on the writer's connection, in one transaction. Where it changes what the log comes
    /// to, what is in memory is forgotten.
    pub(crate) fn run(&mut self, work: Work) {
        let Work { changes_events, run } = work;
        run(self.connection, &self.calendar);
        if changes_events {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.derived.forget();
        self.data_version = -1;
    }

    fn append_in_transaction(&mut self, batches: Vec<Incoming>) -> rusqlite::Result<Vec<Outcome>> {
        self.catch_up()?;
        let latest_before = self.latest;
        let mut folding = Batch::default();
        let mut outcomes = Vec::with_capacity(batches.len());
        for Incoming { mut events, payloads, now } in batches {
            if let Err(invalid) = complete_batch(&mut events, now) {
                outcomes.push(Err(invalid));
                continue;
            }
            let mut receipts = Vec::with_capacity(events.len());
            for (event, payload) in events.into_iter().zip(payloads) {
                receipts.push(self.append_one(event, &payload, now, &mut folding)?);
            }
            outcomes.push(Ok(receipts));
        }
        for case_id in folding.cases_to_fold_again() {
            let events =
                self.derived.events_of(&mut self.sql, &case_id, self.position + 1, &self.calendar)?;
            let fold = folding.again(&case_id, &events, &self.calendar);
            self.derived.set_fold(&case_id, fold);
        }
        for change in folding.into_changes() {
            self.derived.make(&mut self.sql, &change)?;
        }
        self.derived.write_back(&mut self.sql)?;
        self.derived.settle_if_long(&mut self.sql, self.position)?;
        if self.latest != latest_before {
            self.set_latest.execute([self.latest.map(Timestamp::millis)])?;
        }
        Ok(outcomes)
    }

    /// Reads where the log stands, if this is the first transaction or another process has written.
    fn catch_up(&mut self) -> rusqlite::Result<()> {
        let data_version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if data_version == self.data_version {
            return Ok(());
        }
        self.forget();
        self.data_version = data_version;
        let number = |sql| self.connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        self.position = number("SELECT max(position) FROM events")?.unwrap_or(0).cast_unsigned();
        self.latest = number("SELECT latest FROM head")?.map(Timestamp::from_millis);
        self.any_retractions = number("SELECT EXISTS (SELECT 1 FROM retractions)")? == Some(1);
        let settled = number("SELECT settled FROM head")?.unwrap_or(0).cast_unsigned();
        self.derived.read_tail(&mut self.sql, settled)
    }

    fn append_one(
        &mut self,
        event: Event,
        payload: &str,
        now: Timestamp,
        folding: &mut Batch,
    ) -> rusqlite::Result<Receipt> {
        let recorded = Recorded::new(event, self.position + 1, now);
        let case = match recorded.event.case_id() {
            Some(case_id) => {
                Some(self.derived.case(&mut self.sql, case_id, recorded.position, &self.calendar)?)
            }
            None => None,
        };
        let (case_no, fold) = case.unzip();
        let inserted = self.insert.execute(params![
            recorded.position.cast_signed(),
            recorded.id.as_bytes(),
            recorded.occurred_at.millis(),
            now.millis(),
            case_no,
            payload,
        ])?;
        if inserted == 0 {
            let first: i64 = self.find_position.query_row([recorded.id.as_bytes()], |row| row.get(0))?;
            return Ok(Receipt::new(recorded.id, first.cast_unsigned(), true));
        }
        self.position = recorded.position;
        self.latest = self.latest.max(Some(recorded.occurred_at));
        let retracted = self.any_retractions && self.is_retracted.exists([recorded.id.as_bytes()])?;
        let recorded = recorded.with_retracted(retracted);
        folding.take(fold, &recorded, &self.calendar);
        self.derived.took(&mut self.sql, case_no, &recorded)?;
        if let What::Retraction { retracts, .. } = recorded.event.what() {
            // All of it is read before it is marked: what was retracted before changes nothing more, and the case's fold
            // must be the one that the tables were made with.
            if let Some(target) = find(&mut self.find, *retracts)? {
                if let Some(case_id) = target.event.case_id() {
                    self.derived.case(&mut self.sql, case_id, recorded.position, &self.calendar)?;
                }
                folding.retract(&target, recorded.position, &self.calendar);
            }
            self.retract.execute(params![retracts.as_bytes(), recorded.position.cast_signed()])?;
            self.any_retractions = true;
        }
        Ok(Receipt::new(recorded.id, recorded.position, false))
    }
}

fn find(statement: &mut Statement<'_>, id: Uuid) -> rusqlite::Result<Option<Recorded>> {
    statement.query_row([id.as_bytes()], recorded).optional()
}
