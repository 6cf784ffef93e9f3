//! What is read of the log itself: pages of it, an event, a case, where it stands.

use apmt_core::{CaseId, ErrorKind, Recorded, Timestamp};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::append::folded_otherwise;
use crate::failure::{Failure, Sql};
use crate::rows::{EVENT, all_recorded, key, recorded, timestamp};

pub(crate) async fn events(connection: &ClientWrapper, after: u64, limit: usize) -> Sql<Vec<Recorded>> {
    let sql = format!(
        "SELECT {EVENT} FROM events e WHERE e.position > $1 AND e.payload <> '' ORDER BY e.position LIMIT $2"
    );
    let find = connection.prepare_cached(&sql).await?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all_recorded(&connection.query(&find, &[&after, &limit]).await?)
}

pub(crate) async fn event(connection: &ClientWrapper, id: Uuid) -> Sql<Option<Recorded>> {
    // The time of recording leads to the partition.
    let sql = format!(
        "SELECT {EVENT} FROM events e WHERE (e.position, e.recorded_at) = \
         (SELECT i.position, i.recorded_at FROM ids i WHERE i.id = $1) AND e.payload <> ''"
    );
    let find = connection.prepare_cached(&sql).await?;
    connection.query_opt(&find, &[&id]).await?.as_ref().map(recorded).transpose()
}

pub(crate) async fn case(connection: &ClientWrapper, case_id: &CaseId) -> Sql<Vec<Recorded>> {
    let sql = format!(
        "SELECT {EVENT} FROM events e WHERE e.shard_key = $1 AND e.has_case ORDER BY e.occurred_at, e.position"
    );
    let find = connection.prepare_cached(&sql).await?;
    all_recorded(&connection.query(&find, &[&key(case_id.as_str())]).await?)
}

/// Where the log stands.
pub(crate) struct Head {
    pub(crate) position: u64,
    pub(crate) latest: Option<Timestamp>,
}

impl Head {
    pub(crate) const SQL: &str = "SELECT position, latest, calendar FROM head WHERE one = 1";

    /// From what [`SQL`](Self::SQL) finds. Refused, if what is derived was measured through another calendar.
    pub(crate) fn of(row: &Row, calendar: &str) -> Sql<Self> {
        if row.try_get::<_, Option<&str>>(2)? != Some(calendar) {
            return Err(folded_otherwise());
        }
        Ok(Self {
            position: row.try_get::<_, i64>(0)?.cast_unsigned(),
            latest: row.try_get::<_, Option<i64>>(1)?.map(timestamp),
        })
    }
}

pub(crate) async fn head(connection: &ClientWrapper, calendar: &str) -> Sql<Head> {
    let find = connection.prepare_cached(Head::SQL).await?;
    let row = connection.query_opt(&find, &[]).await?;
    let row =
        row.ok_or_else(|| Failure::lasting(ErrorKind::Corrupt, "the head's row is gone: restore a backup"))?;
    Head::of(&row, calendar)
}
