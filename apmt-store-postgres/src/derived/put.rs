//! The statements that write the derived tables.

use std::collections::{BTreeMap, BTreeSet};

use apmt_core::case::HeldClock;
use apmt_core::{ActorKind, ActorName, Timestamp};

use super::{DayKey, columns};
use crate::failure::Sql;
use crate::pipeline::{Pipeline, parameters};
use crate::rows::stored;

/// A day as it is stored.
pub(super) struct PackedDay {
    pub(super) tally: Vec<u8>,
    pub(super) entries: Vec<u8>,
}

pub(super) async fn put_days(pipeline: &mut Pipeline<'_>, days: BTreeMap<DayKey, PackedDay>) -> Sql<()> {
    if days.is_empty() {
        return Ok(());
    }
    let (actors, numbers) = columns(days.keys());
    let (tallies, entries): (Vec<_>, Vec<_>) = days.into_values().map(|day| (day.tally, day.entries)).unzip();
    let put = "INSERT INTO days (actor, day, tally, entries) \
               SELECT * FROM unnest($1::text[], $2::int[], $3::bytea[], $4::bytea[]) \
               ON CONFLICT (actor, day) DO UPDATE SET tally = excluded.tally, entries = excluded.entries";
    pipeline.add(put, parameters![actors, numbers, tallies, entries]).await
}

pub(super) async fn drop_days(pipeline: &mut Pipeline<'_>, keys: &BTreeSet<DayKey>) -> Sql<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let (actors, days) = columns(keys);
    let remove = "DELETE FROM days d USING unnest($1::text[], $2::int[]) k (actor, day) \
                  WHERE d.actor = k.actor AND d.day = k.day";
    pipeline.add(remove, parameters![actors, days]).await
}

pub(super) async fn put_kinds(
    pipeline: &mut Pipeline<'_>,
    said: &BTreeMap<ActorName, (ActorKind, Timestamp, u64)>,
) -> Sql<()> {
    if said.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = said.keys().map(|actor| stored(actor.as_str())).collect();
    let kinds: Vec<&str> = said.values().map(|(kind, ..)| kind.name()).collect();
    let instants: Vec<i64> = said.values().map(|(_, at, _)| at.millis()).collect();
    let positions: Vec<i64> = said.values().map(|(.., position)| position.cast_signed()).collect();
    let put = "INSERT INTO actors (name, kind, kind_at, kind_position) \
               SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) \
               ON CONFLICT (name) DO UPDATE \
               SET kind = excluded.kind, kind_at = excluded.kind_at, kind_position = excluded.kind_position";
    pipeline.add(put, parameters![names, kinds, instants, positions]).await
}

pub(super) async fn drop_held(pipeline: &mut Pipeline<'_>, clocks: &[HeldClock]) -> Sql<()> {
    if clocks.is_empty() {
        return Ok(());
    }
    let (actors, cases) = holders(clocks);
    let remove = "DELETE FROM held h USING unnest($1::text[], $2::text[]) k (actor, case_id) \
                  WHERE h.actor = k.actor AND h.case_id = k.case_id";
    pipeline.add(remove, parameters![actors, cases]).await
}

/// Writes clocks that run.
pub(crate) async fn put_held(pipeline: &mut Pipeline<'_>, clocks: &[HeldClock]) -> Sql<()> {
    if clocks.is_empty() {
        return Ok(());
    }
    let (actors, cases) = holders(clocks);
    let since: Vec<i64> = clocks.iter().map(|clock| clock.since.millis()).collect();
    let counted: Vec<i64> = clocks.iter().map(|clock| clock.counted_ms.cast_signed()).collect();
    let running: Vec<Option<i64>> =
        clocks.iter().map(|clock| clock.running_since.map(Timestamp::millis)).collect();
    let changed: Vec<i64> = clocks.iter().map(|clock| clock.changed_at.millis()).collect();
    let working_days: Vec<i64> = clocks.iter().map(|clock| i64::from(clock.working_days)).collect();
    let tracks: Vec<Option<String>> =
        clocks.iter().map(|clock| clock.track.as_ref().map(|track| stored(track.as_str()))).collect();
    let put = "INSERT INTO held (actor, case_id, since, counted_ms, running_since, changed_at, working_days, track) \
               SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
               $7::bigint[], $8::text[]) \
               ON CONFLICT (actor, case_id) DO UPDATE SET since = excluded.since, counted_ms = excluded.counted_ms, \
               running_since = excluded.running_since, changed_at = excluded.changed_at, \
               working_days = excluded.working_days, track = excluded.track";
    pipeline
        .add(put, parameters![actors, cases, since, counted, running, changed, working_days, tracks])
        .await
}

fn holders(clocks: &[HeldClock]) -> (Vec<String>, Vec<String>) {
    clocks.iter().map(|clock| (stored(clock.holder.as_str()), stored(clock.case_id.as_str()))).unzip()
}
