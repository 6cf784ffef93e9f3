//! What a transaction writes to the record: events, ids, retractions, the head, and a word to whoever listens.

use std::collections::BTreeSet;

use apmt_core::{Event, Timestamp};
use deadpool_postgres::ClientWrapper;
use uuid::Uuid;

use super::group::New;
use crate::failure::Sql;
use crate::rows::key;

/// What the retractions of a group do to the log.
#[derive(Default)]
pub(super) struct Retracted {
    /// Events of earlier groups that count no more.
    pub(super) events: BTreeSet<u64>,
    /// The ids that are named for the first time, and the retractions' positions.
    pub(super) names: Vec<(Uuid, u64)>,
}

pub(super) async fn insert_events(connection: &ClientWrapper, new: &[New<'_>]) -> Sql<()> {
    if new.is_empty() {
        return Ok(());
    }
    let events = || new.iter().map(|new| &new.recorded);
    let keys: Vec<_> = events().map(|recorded| key(shard_key(&recorded.event))).collect();
    let has_case: Vec<bool> = events().map(|recorded| recorded.event.case_id().is_some()).collect();
    let positions: Vec<i64> = events().map(|recorded| recorded.position.cast_signed()).collect();
    let recorded_at: Vec<i64> = events().map(|recorded| recorded.recorded_at.millis()).collect();
    let occurred_at: Vec<i64> = events().map(|recorded| recorded.occurred_at.millis()).collect();
    let ids: Vec<Uuid> = events().map(|recorded| recorded.id).collect();
    let retracted: Vec<bool> = events().map(|recorded| recorded.retracted).collect();
    let payloads: Vec<&str> = new.iter().map(|new| new.payload).collect();
    let insert = connection
        .prepare_cached(
            "INSERT INTO events (shard_key, has_case, position, recorded_at, occurred_at, id, retracted, payload) \
             SELECT * FROM unnest($1::text[], $2::bool[], $3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[], \
             $7::bool[], $8::text[])",
        )
        .await?;
    connection
        .execute(
            &insert,
            &[&keys, &has_case, &positions, &recorded_at, &occurred_at, &ids, &retracted, &payloads],
        )
        .await?;
    Ok(())
}

pub(super) async fn put_head(
    connection: &ClientWrapper,
    new: &[New<'_>],
    position: u64,
    latest: Option<Timestamp>,
) -> Sql<()> {
    if new.is_empty() {
        return Ok(());
    }
    let put = connection.prepare_cached("UPDATE head SET position = $1, latest = $2 WHERE one = 1").await?;
    connection.execute(&put, &[&position.cast_signed(), &latest.map(Timestamp::millis)]).await?;
    Ok(())
}

/// Wakes whoever listens, once this is committed.
pub(super) async fn tell(
    connection: &ClientWrapper,
    new: &[New<'_>],
    position: u64,
    channel: Option<&str>,
) -> Sql<()> {
    let Some(channel) = channel.filter(|_| !new.is_empty()) else { return Ok(()) };
    let notify = connection.prepare_cached("SELECT pg_notify($1, $2)").await?;
    connection.execute(&notify, &[&channel, &position.to_string()]).await?;
    Ok(())
}

pub(super) async fn insert_ids(connection: &ClientWrapper, new: &[New<'_>]) -> Sql<()> {
    if new.is_empty() {
        return Ok(());
    }
    let events = || new.iter().map(|new| &new.recorded);
    let ids: Vec<Uuid> = events().map(|recorded| recorded.id).collect();
    let positions: Vec<i64> = events().map(|recorded| recorded.position.cast_signed()).collect();
    let recorded_at: Vec<i64> = events().map(|recorded| recorded.recorded_at.millis()).collect();
    let insert = connection
        .prepare_cached(
            "INSERT INTO ids (id, position, recorded_at) \
             SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])",
        )
        .await?;
    connection.execute(&insert, &[&ids, &positions, &recorded_at]).await?;
    Ok(())
}

pub(super) async fn retract(connection: &ClientWrapper, retracted: &Retracted) -> Sql<()> {
    if !retracted.events.is_empty() {
        let positions: Vec<i64> = retracted.events.iter().map(|position| position.cast_signed()).collect();
        let mark =
            connection.prepare_cached("UPDATE events SET retracted = true WHERE position = ANY ($1)").await?;
        connection.execute(&mark, &[&positions]).await?;
    }
    if !retracted.names.is_empty() {
        let (ids, positions): (Vec<Uuid>, Vec<i64>) =
            retracted.names.iter().map(|(id, position)| (*id, position.cast_signed())).unzip();
        let insert = connection
            .prepare_cached(
                "INSERT INTO retractions (id, position) SELECT * FROM unnest($1::uuid[], $2::bigint[]) \
                 ON CONFLICT (id) DO NOTHING",
            )
            .await?;
        connection.execute(&insert, &[&ids, &positions]).await?;
    }
    Ok(())
}

/// What an event's row is found by: its case, else its actor, else nothing.
fn shard_key(event: &Event) -> &str {
    match (event.case_id(), event.actor()) {
        (Some(case_id), _) => case_id.as_str(),
        (None, Some(actor)) => actor.as_str(),
        (None, None) => "",
    }
}
