//! What a writer reads of the record before it folds: where the log stands, which cases others have changed since it
//! looked last, and the events of the cases that it does not have in memory.

use std::collections::{BTreeSet, HashMap};

use apmt_core::case::FOLD_VERSION;
use apmt_core::{Calendar, CaseId, Recorded};
use deadpool_postgres::ClientWrapper;
use tokio::try_join;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::folded_otherwise;
use super::group::Known;
use crate::failure::Sql;
use crate::rows::{EVENT, all_recorded, key, timestamp};

/// What was read.
pub(super) struct Seen {
    /// The newest event's position.
    pub(super) position: u64,
    /// The cases that others have changed since, named as they are stored; `None` if everything may have.
    pub(super) changed: Option<Vec<String>>,
    /// The events of the cases that were asked for.
    pub(super) events: HashMap<CaseId, Vec<Recorded>>,
}

/// Looks from the place in the log at which a writer knew the cases that it has in memory, if it knew any.
pub(super) struct Look<'a> {
    pub(super) connection: &'a ClientWrapper,
    pub(super) since: Option<u64>,
    pub(super) cases: &'a BTreeSet<CaseId>,
    pub(super) calendar: &'a Calendar,
}

impl Look<'_> {
    const HEAD: &'static str = "SELECT position, retraction, calendar, fold_version, cases_between($1, position) \
                                FROM head WHERE one = 1";

    /// Looks at one instant, without a lock, in one round trip.
    pub(super) async fn without_lock(&self) -> Sql<Seen> {
        let connection = self.connection;
        let (find_head, find_events) =
            try_join!(biased; prepare(connection, Self::HEAD), prepare_events_of(connection))?;
        let ((), head, events, ()) = try_join!(
            biased;
            async {
                Ok(connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            },
            self.head(&find_head),
            self.events(&find_events),
            async { Ok(connection.batch_execute("COMMIT").await?) },
        )?;
        self.seen(&head, events)
    }

    /// Begins a transaction that takes the head's lock, and looks under it, in one round trip; also for ids: the events'
    /// own, and those that retractions among them name.
    pub(super) async fn with_lock(&self, own: &[Uuid], named: &[Uuid]) -> Sql<(Seen, Known)> {
        let connection = self.connection;
        // Prepared before the first is sent: what is read must not overtake the lock.
        let (lock, find_head, find_ids, find_retracted, find_events) = try_join!(
            biased;
            prepare(connection, "SELECT FROM head WHERE one = 1 FOR UPDATE"),
            prepare(connection, Self::HEAD),
            prepare(connection, "SELECT id, position, recorded_at FROM ids WHERE id = ANY ($1)"),
            prepare(connection, "SELECT id FROM retractions WHERE id = ANY ($1)"),
            prepare_events_of(connection),
        )?;
        let named: Vec<Uuid> = own.iter().chain(named).copied().collect();
        let ((), _, head, ids, retracted, events) = try_join!(
            biased;
            async { Ok(connection.batch_execute(super::BEGIN).await?) },
            async { Ok(connection.query_one(&lock, &[]).await?) },
            self.head(&find_head),
            async { Ok(connection.query(&find_ids, &[&named]).await?) },
            async { Ok(connection.query(&find_retracted, &[&own]).await?) },
            self.events(&find_events),
        )?;
        let ids = ids.iter().map(|row| {
            let position = row.try_get::<_, i64>(1)?.cast_unsigned();
            Ok((row.try_get(0)?, (position, timestamp(row.try_get(2)?))))
        });
        let retracted = retracted.iter().map(|row| Ok(row.try_get(0)?));
        let known = Known { ids: ids.collect::<Sql<_>>()?, retracted: retracted.collect::<Sql<_>>()? };
        Ok((self.seen(&head, events)?, known))
    }

    async fn head(&self, find: &Statement) -> Sql<Row> {
        Ok(self.connection.query_one(find, &[&self.since.map(u64::cast_signed)]).await?)
    }

    async fn events(&self, find: &Statement) -> Sql<HashMap<CaseId, Vec<Recorded>>> {
        find_events_of(self.connection, find, &self.cases.iter().collect::<Vec<_>>()).await
    }

    fn seen(&self, head: &Row, events: HashMap<CaseId, Vec<Recorded>>) -> Sql<Seen> {
        if head.try_get::<_, Option<&str>>(2)? != Some(self.calendar.digest().as_str())
            || head.try_get::<_, Option<i64>>(3)? != Some(FOLD_VERSION)
        {
            return Err(folded_otherwise());
        }
        let retraction = head.try_get::<_, i64>(1)?.cast_unsigned();
        // A retraction changes a case that it need not name.
        let tells_all = self.since.is_some_and(|since| retraction <= since);
        let changed: Option<Vec<String>> = head.try_get(4)?;
        let position = head.try_get::<_, i64>(0)?.cast_unsigned();
        Ok(Seen { position, changed: changed.filter(|_| tells_all), events })
    }
}

async fn prepare(connection: &ClientWrapper, sql: &str) -> Sql<Statement> {
    Ok(connection.prepare_cached(sql).await?)
}

/// All events of those cases, in any order.
pub(crate) async fn events_of(
    connection: &ClientWrapper,
    cases: &[&CaseId],
) -> Sql<HashMap<CaseId, Vec<Recorded>>> {
    find_events_of(connection, &prepare_events_of(connection).await?, cases).await
}

async fn prepare_events_of(connection: &ClientWrapper) -> Sql<Statement> {
    let sql = format!("SELECT {EVENT} FROM events e WHERE e.shard_key = ANY ($1) AND e.has_case");
    prepare(connection, &sql).await
}

async fn find_events_of(
    connection: &ClientWrapper,
    find: &Statement,
    cases: &[&CaseId],
) -> Sql<HashMap<CaseId, Vec<Recorded>>> {
    let mut events: HashMap<CaseId, Vec<Recorded>> = HashMap::new();
    if cases.is_empty() {
        return Ok(events);
    }
    let keys: Vec<_> = cases.iter().map(|case_id| key(case_id.as_str())).collect();
    for recorded in all_recorded(&connection.query(find, &[&keys]).await?)? {
        if let Some(case_id) = recorded.event.case_id() {
            events.entry(case_id.clone()).or_default().push(recorded);
        }
    }
    Ok(events)
}
