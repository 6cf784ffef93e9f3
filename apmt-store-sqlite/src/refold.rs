//! Making the derived tables anew from the log: when a store is opened with another calendar, or by a version whose
//! fold counts differently.

use apmt_core::Calendar;
use apmt_core::case::{Batch, FOLD_VERSION, Fold};
use rusqlite::{Connection, params};

use crate::derived::{Derived, Statements};
use crate::rows::{EVENT, recorded};

/// Over so many events, what has been folded is written back.
const PORTION: usize = 2000;

/// What the derived tables were made with.
pub(crate) struct MadeWith {
    pub(crate) calendar: Option<String>,
    pub(crate) version: Option<i64>,
}

pub(crate) fn made_with(connection: &Connection) -> rusqlite::Result<MadeWith> {
    connection.query_row("SELECT calendar, derived FROM head", [], |row| {
        Ok(MadeWith { calendar: row.get(0)?, version: row.get(1)? })
    })
}

/// Folds the whole log again under a calendar, in one transaction: a crash midway leaves the tables as they were.
///
/// `progress` is told how many events of how many are done.
pub(crate) fn refold(
    connection: &Connection,
    calendar: &Calendar,
    progress: &mut dyn FnMut(u64, u64),
) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let ended = refold_in_transaction(connection, calendar, progress)
        .and_then(|()| connection.execute_batch("COMMIT"));
    if ended.is_err() {
        // A rollback that fails leaves nothing to roll back.
        let _ = connection.execute_batch("ROLLBACK");
    }
    ended
}

fn refold_in_transaction(
    connection: &Connection,
    calendar: &Calendar,
    progress: &mut dyn FnMut(u64, u64),
) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM days; DELETE FROM held;")?;
    let total: i64 =
        connection.query_row("SELECT count(*) FROM events WHERE payload <> ''", [], |row| row.get(0))?;
    let mut sql = Statements::prepare(connection)?;
    let mut derived = Derived::new();
    let (mut done, mut folded) = (0, 0);
    // By case, so that every case is in memory once; and within a case as the fold takes its events.
    let all = format!(
        "SELECT {EVENT}, e.case_no FROM events e WHERE e.payload <> '' \
         ORDER BY e.case_no, e.occurred_at, e.position"
    );
    let mut statement = connection.prepare(&all)?;
    let mut rows = statement.query([])?;
    let mut batch = Batch::default();
    let mut current: (Option<i64>, Fold) = (None, Fold::default());
    while let Some(row) = rows.next()? {
        let event = recorded(row)?;
        let case_no: Option<i64> = row.get(6)?;
        if case_no != current.0 {
            derived.finish(&mut sql, &current)?;
            current = (case_no, Fold::default());
        }
        batch.take(case_no.is_some().then_some(&mut current.1), &event, calendar);
        done += 1;
        folded += 1;
        if folded == PORTION {
            for change in std::mem::take(&mut batch).into_changes() {
                derived.make(&mut sql, &change)?;
            }
            derived.write_back(&mut sql)?;
            progress(done, total.cast_unsigned());
            folded = 0;
        }
    }
    for change in batch.into_changes() {
        derived.make(&mut sql, &change)?;
    }
    derived.finish(&mut sql, &current)?;
    derived.write_back(&mut sql)?;
    connection
        .execute("UPDATE head SET calendar = ?1, derived = ?2", params![calendar.digest(), FOLD_VERSION])?;
    progress(total.cast_unsigned(), total.cast_unsigned());
    Ok(())
}
