//! What a transaction writes to the record: events, ids, retractions, the head, and a word to whoever listens.

use std::collections::BTreeSet;

use apmt_core::{Event, Timestamp};
use uuid::Uuid;

use super::group::New;
use crate::failure::Sql;
use crate::pipeline::{Pipeline, parameters};
use crate::rows::key;

/// What the retractions of a group do to the log.
#[derive(Default)]
pub(super) struct Retracted {
    /// Events of earlier groups that count no more.
    pub(super) events: BTreeSet<u64>,
    /// The ids that are named for the first time, and the retractions' positions.
    pub(super) names: Vec<(Uuid, u64)>,
}

pub(super) async fn insert_events<'g>(pipeline: &mut Pipeline<'g>, new: &'g [New<'g>]) -> Sql<()> {
    let events = || new.iter().map(|new| &new.recorded);
    let keys: Vec<_> = events().map(|recorded| key(shard_key(&recorded.event))).collect();
    let has_case: Vec<bool> = events().map(|recorded| recorded.event.case_id().is_some()).collect();
    let positions: Vec<i64> = events().map(|recorded| recorded.position.cast_signed()).collect();
    let recorded_at: Vec<i64> = events().map(|recorded| recorded.recorded_at.millis()).collect();
    let occurred_at: Vec<i64> = events().map(|recorded| recorded.occurred_at.millis()).collect();
    let ids: Vec<Uuid> = events().map(|recorded| recorded.id).collect();
    let retracted: Vec<bool> = events().map(|recorded| recorded.retracted).collect();
    let payloads: Vec<&str> = new.iter().map(|new| new.payload).collect();
    pipeline
        .add(
            "INSERT INTO ids (id, position, recorded_at) \
             SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])",
            parameters![ids.clone(), positions.clone(), recorded_at.clone()],
        )
        .await?;
    pipeline
        .add(
            "INSERT INTO events (shard_key, has_case, position, recorded_at, occurred_at, id, retracted, payload) \
             SELECT * FROM unnest($1::text[], $2::bool[], $3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[], \
             $7::bool[], $8::text[])",
            parameters![keys, has_case, positions, recorded_at, occurred_at, ids, retracted, payloads],
        )
        .await
}

pub(super) async fn retract(pipeline: &mut Pipeline<'_>, retracted: &Retracted) -> Sql<()> {
    if !retracted.events.is_empty() {
        let positions: Vec<i64> = retracted.events.iter().map(|position| position.cast_signed()).collect();
        let mark = "UPDATE events SET retracted = true WHERE position = ANY ($1)";
        pipeline.add(mark, parameters![positions]).await?;
    }
    if !retracted.names.is_empty() {
        let (ids, positions): (Vec<Uuid>, Vec<i64>) =
            retracted.names.iter().map(|(id, position)| (*id, position.cast_signed())).unzip();
        let insert = "INSERT INTO retractions (id, position) SELECT * FROM unnest($1::uuid[], $2::bigint[]) \
                      ON CONFLICT (id) DO NOTHING";
        pipeline.add(insert, parameters![ids, positions]).await?;
    }
    Ok(())
}

/// Moves the head, and wakes whoever listens once this is committed.
pub(super) async fn put_head<'g>(
    pipeline: &mut Pipeline<'g>,
    position: u64,
    latest: Option<Timestamp>,
    channel: Option<&'g str>,
) -> Sql<()> {
    let put = "UPDATE head SET position = $1, latest = $2 WHERE one = 1";
    pipeline.add(put, parameters![position.cast_signed(), latest.map(Timestamp::millis)]).await?;
    if let Some(channel) = channel {
        pipeline.add("SELECT pg_notify($1, $2)", parameters![channel, position.to_string()]).await?;
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
