//! What a writer reads of the record and the derived tables before it folds.

use std::collections::{BTreeSet, HashMap};

use apmt_core::tally::DayTally;
use apmt_core::{ActorName, CaseId, Day, Recorded, Timestamp};
use deadpool_postgres::ClientWrapper;
use tokio::try_join;
use tokio_postgres::Statement;

use super::{DayKey, columns};
use crate::failure::Sql;
use crate::rows::{EVENT, actor, all_recorded, key, timestamp};

/// What is to be read: what a group needs, or may need, and is not in memory.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(super) cases: BTreeSet<CaseId>,
    pub(super) actors: BTreeSet<ActorName>,
    pub(super) days: BTreeSet<DayKey>,
}

impl Wanted {
    pub(super) fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.actors.is_empty() && self.days.is_empty()
    }
}

/// What was found of it.
pub(crate) struct Found {
    pub(super) wanted: Wanted,
    pub(super) events: HashMap<CaseId, Vec<Recorded>>,
    /// When each actor's kind was said last.
    pub(super) kinds: HashMap<ActorName, (Timestamp, u64)>,
    pub(super) days: HashMap<DayKey, DayTally>,
}

/// The statements that read, prepared: so that all of them are sent at once, behind what was sent before them.
pub(crate) struct Finding {
    events: Statement,
    kinds: Statement,
    days: Statement,
}

impl Finding {
    pub(crate) async fn prepare(connection: &ClientWrapper) -> Sql<Self> {
        let (events, kinds, days) = try_join!(
            biased;
            prepare_events_of(connection),
            async {
                let sql = "SELECT name, kind_at, kind_position FROM actors WHERE name = ANY ($1)";
                Ok(connection.prepare_cached(sql).await?)
            },
            async {
                let sql = "SELECT d.actor, d.day, d.tally, d.entries FROM unnest($1::text[], $2::int[]) k (actor, day) \
                           JOIN days d ON d.actor = k.actor AND d.day = k.day";
                Ok(connection.prepare_cached(sql).await?)
            },
        )?;
        Ok(Self { events, kinds, days })
    }

    /// Finds all of it in one round trip.
    pub(crate) async fn find(&self, connection: &ClientWrapper, wanted: Wanted) -> Sql<Found> {
        let cases: Vec<&CaseId> = wanted.cases.iter().collect();
        let (events, kinds, days) = try_join!(
            biased;
            find_events_of(connection, &self.events, &cases),
            self.kinds_of(connection, &wanted.actors),
            self.days_of(connection, &wanted.days),
        )?;
        Ok(Found { wanted, events, kinds, days })
    }

    async fn kinds_of(
        &self,
        connection: &ClientWrapper,
        actors: &BTreeSet<ActorName>,
    ) -> Sql<HashMap<ActorName, (Timestamp, u64)>> {
        if actors.is_empty() {
            return Ok(HashMap::new());
        }
        let keys: Vec<_> = actors.iter().map(|actor| key(actor.as_str())).collect();
        let rows = connection.query(&self.kinds, &[&keys]).await?;
        rows.iter()
            .map(|row| {
                let said = (timestamp(row.try_get(1)?), row.try_get::<_, i64>(2)?.cast_unsigned());
                Ok((actor(row.try_get(0)?), said))
            })
            .collect()
    }

    async fn days_of(
        &self,
        connection: &ClientWrapper,
        days: &BTreeSet<DayKey>,
    ) -> Sql<HashMap<DayKey, DayTally>> {
        if days.is_empty() {
            return Ok(HashMap::new());
        }
        let (actors, numbers) = columns(days);
        let rows = connection.query(&self.days, &[&actors, &numbers]).await?;
        rows.iter()
            .map(|row| {
                let key = (actor(row.try_get(0)?), Day::from_number(row.try_get(1)?));
                Ok((key, DayTally::read(row.try_get(2)?, row.try_get(3)?)?))
            })
            .collect()
    }
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
    Ok(connection.prepare_cached(&sql).await?)
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
