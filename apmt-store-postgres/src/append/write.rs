//! What a transaction writes: events and what follows from them, by one call of the database's function `append`; and
//! what retractions do to the log.

use std::collections::{BTreeMap, BTreeSet};

use apmt_core::case::FOLD_VERSION;
use apmt_core::tally::DayTally;
use apmt_core::{ActorKind, ActorName, Event, Timestamp};
use tokio_postgres::Row;
use uuid::Uuid;

use super::group::New;
use crate::cases::Rows;
use crate::days::{DayKey, Packed};
use crate::failure::Sql;
use crate::held;
use crate::pipeline::{Pipeline, parameters};
use crate::rows::{key, stored};

/// What is said of actors' kinds: of each the last.
pub(super) type Said = BTreeMap<ActorName, (ActorKind, Timestamp, u64)>;

/// What the retractions of a group do to the log.
#[derive(Debug, Default)]
pub(super) struct Retracted {
    /// Events of earlier groups that count no more.
    pub(super) events: BTreeSet<u64>,
    /// The ids that are named for the first time, and the retractions' positions.
    pub(super) names: Vec<(Uuid, u64)>,
}

/// New events and what follows from them, to be written behind whatever the log then holds.
#[derive(Debug)]
pub(super) struct Write<'g> {
    /// Where the log stood, as far as the writer knew, when this was worked out. The positions in it count on from there.
    pub(super) known: u64,
    /// Whether the transaction has had the head's lock since before that.
    pub(super) locked: bool,
    pub(super) calendar: String,
    pub(super) channel: Option<&'g str>,
    /// The newest of the events that retract.
    pub(super) retraction: Option<u64>,
    pub(super) new: &'g [New<'g>],
    pub(super) rows: Rows,
    pub(super) days: &'g BTreeMap<DayKey, DayTally>,
    pub(super) said: Said,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Written {
    /// Where the log stood: the first event is the next.
    pub(super) before: u64,
    /// The cases that others had changed meanwhile, as they are stored.
    pub(super) changed: Vec<String>,
}

impl Written {
    pub(super) fn of(rows: &[Row]) -> Sql<Option<Self>> {
        let written = |row: &Row| {
            Ok(Self { before: row.try_get::<_, i64>(0)?.cast_unsigned(), changed: row.try_get(1)? })
        };
        rows.first().map(written).transpose()
    }
}

impl<'g> Write<'g> {
    /// Has the pipeline write it, as its last statement, whose row [`Written::of`] reads.
    ///
    /// Everything is an argument of one call. So the lock is taken by a statement that the server has whole: it is not
    /// held while a slow client or network sends the rest.
    pub(super) async fn add_to(self, pipeline: &mut Pipeline<'g>) -> Sql<()> {
        let Self { known, locked, calendar, channel, retraction, new, rows, days, said } = self;
        let events = || new.iter().map(|new| &new.recorded);
        let newest: Option<i64> = events().map(|recorded| recorded.occurred_at.millis()).max();
        let retracting = retraction.map_or(0, |position| (position - known).cast_signed());
        let ids: Vec<Uuid> = events().map(|recorded| recorded.id).collect();
        let keys: Vec<_> = events().map(|recorded| key(shard_key(&recorded.event))).collect();
        let of_cases: Vec<bool> = events().map(|recorded| recorded.event.case_id().is_some()).collect();
        let recorded_at: Vec<i64> = events().map(|recorded| recorded.recorded_at.millis()).collect();
        let occurred_at: Vec<i64> = events().map(|recorded| recorded.occurred_at.millis()).collect();
        let retracted: Vec<bool> = events().map(|recorded| recorded.retracted).collect();
        let payloads: Vec<&str> = new.iter().map(|new| new.payload).collect();
        let Packed { actors, days, tallies, entries } = Packed::of(days);
        let names: Vec<String> = said.keys().map(|actor| stored(actor.as_str())).collect();
        let kinds: Vec<&str> = said.values().map(|(kind, ..)| kind.name()).collect();
        let said_at: Vec<i64> = said.values().map(|(_, at, _)| at.millis()).collect();
        let said_by: Vec<i64> =
            said.values().map(|(.., position)| (position - known).cast_signed()).collect();
        let (ended_actors, ended_cases) = held::holders(&rows.ended);
        let running = held::Columns::of(&rows.running);
        let call = "SELECT before, changed FROM append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
                    $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)";
        pipeline
            .add(
                call,
                parameters![
                    known.cast_signed(),
                    locked,
                    calendar,
                    FOLD_VERSION,
                    channel,
                    newest,
                    retracting,
                    ids,
                    keys,
                    of_cases,
                    recorded_at,
                    occurred_at,
                    retracted,
                    payloads,
                    rows.touched,
                    rows.new,
                    actors,
                    days,
                    tallies,
                    entries,
                    names,
                    kinds,
                    said_at,
                    said_by,
                    ended_actors,
                    ended_cases,
                    running.actors,
                    running.cases,
                    running.since,
                    running.counted,
                    running.running,
                    running.changed,
                    running.working_days,
                    running.tracks,
                ],
            )
            .await
    }
}

/// Has the pipeline write what retractions do to the log. For whoever has the lock: the positions are those of the log.
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

/// What an event's row is found by: its case, else its actor, else nothing.
fn shard_key(event: &Event) -> &str {
    match (event.case_id(), event.actor()) {
        (Some(case_id), _) => case_id.as_str(),
        (None, Some(actor)) => actor.as_str(),
        (None, None) => "",
    }
}
