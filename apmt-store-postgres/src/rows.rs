//! Rows as values, and values as rows: events, names, clocks.

use std::borrow::Cow;

use apmt_core::case::HeldClock;
use apmt_core::{ActorKind, ActorName, CaseId, Event, Recorded, Timestamp, Track};
use tokio_postgres::Row;

use crate::failure::Sql;

/// What [`recorded`] reads, in this order.
pub(crate) const EVENT: &str = "e.position, e.id, e.occurred_at, e.recorded_at, e.retracted, e.payload";

/// An event as the log has it.
pub(crate) fn recorded(row: &Row) -> Sql<Recorded> {
    let position: i64 = row.try_get(0)?;
    let occurred_at = timestamp(row.try_get(2)?);
    let recorded_at = timestamp(row.try_get(3)?);
    let payload: &str = row.try_get(5)?;
    let event = Event::from_payload(payload.as_bytes(), row.try_get(1)?, occurred_at)?;
    Ok(Recorded::new(event, position.cast_unsigned(), recorded_at).with_retracted(row.try_get(4)?))
}

pub(crate) fn all_recorded(rows: &[Row]) -> Sql<Vec<Recorded>> {
    rows.iter().map(recorded).collect()
}

/// A clock that runs, from `actor, case_id, since, counted_ms, running_since, changed_at, working_days, track`.
pub(crate) fn held_clock(row: &Row) -> Sql<HeldClock> {
    Ok(HeldClock {
        holder: actor(row.try_get(0)?),
        case_id: CaseId::from_stored(&name(row.try_get(1)?)),
        since: timestamp(row.try_get(2)?),
        counted_ms: row.try_get::<_, i64>(3)?.cast_unsigned(),
        running_since: row.try_get::<_, Option<i64>>(4)?.map(timestamp),
        changed_at: timestamp(row.try_get(5)?),
        working_days: u32::try_from(row.try_get::<_, i64>(6)?).unwrap_or(u32::MAX),
        track: row.try_get::<_, Option<&str>>(7)?.map(|stored| Track::from_stored(&name(stored))),
    })
}

pub(crate) fn actor_kind(stored: &str) -> Option<ActorKind> {
    [ActorKind::Human, ActorKind::Agent].into_iter().find(|kind| kind.name() == stored)
}

pub(crate) const fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// An actor's name as it was stored.
pub(crate) fn actor(stored: &str) -> ActorName {
    ActorName::from_stored(&name(stored))
}

/// A name as PostgreSQL can keep it: its text has no character 0, which a name may have. Characters 0 and 1 become two,
/// so that no two names become one and their order by bytes stays; every other name is kept as it is.
pub(crate) fn key(name: &str) -> Cow<'_, str> {
    if !name.contains(['\0', '\u{1}']) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}"))
}

/// The same, as a text of its own.
pub(crate) fn stored(name: &str) -> String {
    key(name).into_owned()
}

/// The name that was stored as [`key`] makes it.
pub(crate) fn name(key: &str) -> Cow<'_, str> {
    if !key.contains('\u{1}') {
        return Cow::Borrowed(key);
    }
    Cow::Owned(key.replace("\u{1}\u{1}", "\0").replace("\u{1}\u{2}", "\u{1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_keep_their_order() {
        let letters = ["", "\0", "\u{1}", "\u{2}", "a"];
        let mut names: Vec<String> = Vec::new();
        for (a, b, c) in letters
            .iter()
            .flat_map(|a| letters.iter().map(move |b| (a, b)))
            .flat_map(|(a, b)| letters.iter().map(move |c| (a, b, c)))
        {
            names.push(format!("{a}{b}{c}"));
        }
        names.sort_unstable();
        names.dedup();
        let keys: Vec<String> = names.iter().map(|name| key(name).into_owned()).collect();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
        assert!(keys.iter().all(|key| !key.contains('\0')));
        for (stored, original) in keys.iter().zip(&names) {
            assert_eq!(name(stored), original.as_str());
        }
        assert!(matches!(key("officer_anne@sba.gov"), Cow::Borrowed(_)));
    }
}
