//! Rows as values: events, days, clocks.

use apmt_core::case::HeldClock;
use apmt_core::{ActorKind, ActorName, CaseId, Day, Event, Recorded, Timestamp, Track};
use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

/// What [`recorded`] reads, in this order.
pub(crate) const EVENT: &str = "e.position, e.id, e.occurred_at, e.recorded_at, e.payload, \
     EXISTS (SELECT 1 FROM retractions r WHERE r.id = e.id)";

/// An event as the log has it.
pub(crate) fn recorded(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let position: i64 = row.get(0)?;
    let id = Uuid::from_bytes(row.get(1)?);
    let occurred_at = timestamp(row.get(2)?);
    let recorded_at = timestamp(row.get(3)?);
    let payload = row.get_ref(4)?.as_bytes()?;
    let event = Event::from_payload(payload, id, occurred_at)
        .map_err(|invalid| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, Box::new(invalid)))?;
    Ok(Recorded::new(event, position.cast_unsigned(), recorded_at).with_retracted(row.get(5)?))
}

/// A clock that runs, from `since, counted_ms, running_since, changed_at, working_days, track` that start at that column.
pub(crate) fn held_clock(
    row: &Row<'_>,
    column: usize,
    holder: ActorName,
    case_id: CaseId,
) -> rusqlite::Result<HeldClock> {
    Ok(HeldClock {
        holder,
        case_id,
        since: timestamp(row.get(column)?),
        counted_ms: row.get::<_, i64>(column + 1)?.cast_unsigned(),
        running_since: row.get::<_, Option<i64>>(column + 2)?.map(timestamp),
        changed_at: timestamp(row.get(column + 3)?),
        working_days: row.get(column + 4)?,
        track: row.get_ref(column + 5)?.as_str_or_null()?.map(Track::from_stored),
    })
}

/// What an actor is, as its row says it.
pub(crate) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ActorKind>> {
    Ok(match row.get_ref(column)?.as_bytes_or_null()? {
        Some(b"HUMAN") => Some(ActorKind::Human),
        Some(b"AGENT") => Some(ActorKind::Agent),
        _ => None,
    })
}

pub(crate) const fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// The key of an actor's day: days in front, so that one day's rows lie side by side.
pub(crate) const fn day_key(day: Day, actor_no: u32) -> i64 {
    ((day.number() as i64) << 32) | actor_no as i64
}

/// The day of a key.
pub(crate) const fn day_of_key(key: i64) -> Day {
    Day::from_number((key >> 32) as i32)
}

/// The actor's number of a key.
pub(crate) const fn actor_of_key(key: i64) -> u32 {
    key as u32
}
