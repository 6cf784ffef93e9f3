//! Making the derived tables anew from the log: when a store is opened with another calendar, or by a version whose
//! fold counts differently.

use apmt_core::case::{Batch, FOLD_VERSION, Fold, HeldClock};
use apmt_core::{Calendar, CaseId, Change, ErrorKind, OtherCalendar};
use deadpool_postgres::ClientWrapper;

use crate::days::{self, DayChanges};
use crate::failure::{Failure, Sql};
use crate::held;
use crate::pipeline::Pipeline;
use crate::rows::{EVENT, name, recorded};

/// How many events are read at a time; after each time, progress is told.
const PORTION: u64 = 2000;
/// How many contributions are kept in memory before days are written.
const CONTRIBUTIONS: usize = 100_000;

/// What to do with a store, and who is told of it.
pub(crate) struct Refold<'a> {
    pub(crate) calendar: &'a Calendar,
    pub(crate) other_calendar: OtherCalendar,
    pub(crate) read_only: bool,
    /// Is told how many events of how many are done.
    pub(crate) progress: &'a mut (dyn FnMut(u64, u64) + Send),
}

/// What the derived tables need.
#[derive(PartialEq, Eq)]
enum Need {
    Nothing,
    /// They are of another version, or there are none yet.
    Version,
    /// They were made with another calendar.
    Calendar,
}

impl Refold<'_> {
    /// Sees to it that the derived tables are those of this calendar and this version, or refuses the store.
    pub(crate) async fn run(&mut self, connection: &ClientWrapper) -> Sql<()> {
        match self.need(connection, "").await? {
            Need::Nothing => return Ok(()),
            Need::Calendar if self.read_only || self.other_calendar == OtherCalendar::Refuse => {
                let message = format!(
                    "its processing times were measured through another calendar than {}: open it with that one, or ask \
                     for every case to be measured again",
                    self.calendar.name()
                );
                return Err(Failure::lasting(ErrorKind::Mismatch, message));
            }
            Need::Version if self.read_only => {
                let message =
                    "an older APMT folded it: open it once to be written, and it is brought up to date";
                return Err(Failure::lasting(ErrorKind::Mismatch, message));
            }
            Need::Version | Need::Calendar => {}
        }
        // A long log takes longer than any statement and any wait should.
        connection
            .batch_execute(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout TO 0; \
                 SET LOCAL lock_timeout TO 0; SET LOCAL idle_in_transaction_session_timeout TO 0",
            )
            .await?;
        let folded = self.in_transaction(connection).await;
        let end = if folded.is_ok() { "COMMIT" } else { "ROLLBACK" };
        connection.batch_execute(end).await?;
        folded
    }

    async fn need(&self, connection: &ClientWrapper, lock: &str) -> Sql<Need> {
        let sql = format!("SELECT calendar, fold_version FROM head WHERE one = 1 {lock}");
        let head = connection.query_one(&sql, &[]).await?;
        let calendar: Option<&str> = head.try_get(0)?;
        Ok(if calendar.is_some_and(|calendar| calendar != self.calendar.digest()) {
            Need::Calendar
        } else if head.try_get::<_, Option<i64>>(1)? != Some(FOLD_VERSION) {
            Need::Version
        } else {
            Need::Nothing
        })
    }

    /// Under the head's lock no other server appends; another that waits to fold finds that it has been done.
    async fn in_transaction(&mut self, connection: &ClientWrapper) -> Sql<()> {
        if self.need(connection, "FOR UPDATE").await? == Need::Nothing {
            return Ok(());
        }
        connection.batch_execute("DELETE FROM days; DELETE FROM held").await?;
        let total: i64 =
            connection.query_one("SELECT count(*) FROM events WHERE payload <> ''", &[]).await?.try_get(0)?;
        // By case, so that every case is in memory once; and within a case as the fold takes its events.
        let all = format!(
            "DECLARE log NO SCROLL CURSOR FOR SELECT {EVENT}, e.shard_key, e.has_case FROM events e \
             WHERE e.payload <> '' ORDER BY e.has_case, e.shard_key, e.occurred_at, e.position"
        );
        connection.batch_execute(&all).await?;
        let fetch = connection.prepare(&format!("FETCH {PORTION} FROM log")).await?;
        let mut batch = Batch::default();
        let mut changes = Vec::new();
        let mut current: (Option<CaseId>, Fold) = (None, Fold::default());
        let mut done = 0;
        loop {
            let rows = connection.query(&fetch, &[]).await?;
            if rows.is_empty() {
                break;
            }
            let mut clocks: Vec<HeldClock> = Vec::new();
            for row in &rows {
                let event = recorded(row)?;
                let case_id = row
                    .try_get::<_, bool>(7)?
                    .then_some(row.try_get(6)?)
                    .map(|key| CaseId::from_stored(&name(key)));
                if case_id != current.0 {
                    clocks.extend(current.1.clock());
                    current = (case_id, Fold::default());
                }
                batch.take(current.0.is_some().then_some(&mut current.1), &event, self.calendar);
            }
            changes.append(&mut std::mem::take(&mut batch).into_changes());
            if changes.len() >= CONTRIBUTIONS {
                write_days(connection, std::mem::take(&mut changes)).await?;
            }
            let mut pipeline = Pipeline::on(connection);
            held::insert(&mut pipeline, &clocks).await?;
            pipeline.run().await?;
            done += rows.len() as u64;
            (self.progress)(done, total.cast_unsigned());
        }
        write_days(connection, changes).await?;
        let mut pipeline = Pipeline::on(connection);
        held::insert(&mut pipeline, &current.1.clock().into_iter().collect::<Vec<_>>()).await?;
        pipeline.run().await?;
        connection.batch_execute("CLOSE log").await?;
        connection
            .execute(
                "UPDATE head SET calendar = $1, fold_version = $2 WHERE one = 1",
                &[&self.calendar.digest(), &FOLD_VERSION],
            )
            .await?;
        Ok(())
    }
}

/// Adds to days, or takes away from them, what is in any order of the log.
async fn write_days(connection: &ClientWrapper, changes: Vec<Change>) -> Sql<()> {
    let days = DayChanges::of(changes, u64::MAX);
    let mut pipeline = Pipeline::on(connection);
    days::rewrite(connection, &mut pipeline, &days.others).await?;
    pipeline.run().await?;
    Ok(())
}
