//! What the readers read: the log, the evidence, and the activity that dossiers are made of.

use std::collections::HashSet;

use apmt_core::case;
use apmt_core::contribution::Cursor;
use apmt_core::policy::Reach;
use apmt_core::tally::{DayTally, Entry};
use apmt_core::{
    Activity, ActorKind, ActorName, AsOf, Calendar, CaseId, Clock, Contribution, Day, Measure, OpenCase,
    Recorded, StoreStatus, Timestamp, Window,
};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::rows::{EVENT, actor_of_key, day_key, day_of_key, held_clock, kind, recorded};

type Sql<T> = rusqlite::Result<T>;

pub(crate) fn events(connection: &Connection, after: u64, limit: usize) -> Sql<Vec<Recorded>> {
    let sql = format!(
        "SELECT {EVENT} FROM events e WHERE e.position > ?1 AND e.payload <> '' ORDER BY e.position LIMIT ?2"
    );
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection.prepare_cached(&sql)?.query_map([after, limit], recorded)?.collect()
}

pub(crate) fn event(connection: &Connection, id: Uuid) -> Sql<Option<Recorded>> {
    let sql = format!("SELECT {EVENT} FROM events e WHERE e.id = ?1 AND e.payload <> ''");
    connection.prepare_cached(&sql)?.query_row([id.as_bytes()], recorded).optional()
}

pub(crate) fn case(connection: &Connection, case_id: &CaseId) -> Sql<Vec<Recorded>> {
    // What is not settled yet is looked for in the log itself: see `settle`.
    let sql = format!(
        "WITH wanted AS (SELECT no FROM cases WHERE case_id = ?1), \
         places AS (SELECT position FROM case_events WHERE case_no = (SELECT no FROM wanted) \
         UNION ALL SELECT position FROM events \
         WHERE position > (SELECT settled FROM head) AND case_no = (SELECT no FROM wanted)) \
         SELECT {EVENT} FROM places CROSS JOIN events e ON e.position = places.position \
         ORDER BY e.occurred_at, e.position"
    );
    connection.prepare_cached(&sql)?.query_map([case_id.as_str()], recorded)?.collect()
}

pub(crate) fn status(connection: &Connection, clock: &dyn Clock, calendar: &Calendar) -> Sql<StoreStatus> {
    let position: Option<i64> =
        connection.prepare_cached("SELECT max(position) FROM events")?.query_row([], |row| row.get(0))?;
    let position = position.unwrap_or(0).cast_unsigned();
    Ok(StoreStatus::new(position, latest(connection)?, clock.now(), calendar.digest()))
}

/// The end of a dossier's window.
pub(crate) fn instant(connection: &Connection, as_of: AsOf, clock: &dyn Clock) -> Sql<Timestamp> {
    Ok(match as_of {
        AsOf::Now => clock.now(),
        AsOf::At(instant) => instant,
        AsOf::Latest => latest(connection)?.unwrap_or_else(|| clock.now()),
    })
}

fn latest(connection: &Connection) -> Sql<Option<Timestamp>> {
    let latest: Option<i64> =
        connection.prepare_cached("SELECT latest FROM head")?.query_row([], |row| row.get(0))?;
    Ok(latest.map(Timestamp::from_millis))
}

/// An actor by number: what the other queries start from.
struct Actor {
    no: u32,
    name: ActorName,
    kind: Option<ActorKind>,
}

fn actor(connection: &Connection, name: &ActorName) -> Sql<Option<Actor>> {
    connection
        .prepare_cached("SELECT no, name, kind FROM actors WHERE name = ?1")?
        .query_row([name.as_str()], actor_row)
        .optional()
}

fn actor_row(row: &rusqlite::Row<'_>) -> Sql<Actor> {
    let name = ActorName::from_stored(row.get_ref(1)?.as_str()?);
    Ok(Actor { no: row.get(0)?, name, kind: kind(row, 2)? })
}

pub(crate) fn activity(
    connection: &Connection,
    name: &ActorName,
    reach: Reach,
    calendar: &Calendar,
) -> Sql<Activity> {
    match actor(connection, name)? {
        Some(actor) => activity_of(connection, &actor, reach, calendar),
        None => Ok(Activity::none(name.clone())),
    }
}

pub(crate) fn activities(
    connection: &Connection,
    reach: Reach,
    after: Option<&ActorName>,
    limit: usize,
    calendar: &Calendar,
) -> Sql<Vec<Activity>> {
    // Whoever has an entry since the window began, or holds a case now: all whom a dossier may concern, and some more.
    let mut candidates: HashSet<u32> = HashSet::new();
    let mut since = connection.prepare_cached("SELECT key FROM days WHERE key >= ?1")?;
    let mut rows = since.query([day_key(reach.window.days().0, 0)])?;
    while let Some(row) = rows.next()? {
        candidates.insert(actor_of_key(row.get(0)?));
    }
    let mut holders = connection.prepare_cached("SELECT DISTINCT actor_no FROM held")?;
    let mut rows = holders.query([])?;
    while let Some(row) = rows.next()? {
        candidates.insert(row.get(0)?);
    }
    // Nobody's name is empty, so the names after the empty one are everybody's.
    let mut by_name =
        connection.prepare_cached("SELECT no, name, kind FROM actors WHERE name > ?1 ORDER BY name")?;
    let mut rows = by_name.query([after.map_or("", ActorName::as_str)])?;
    let mut activities = Vec::new();
    while activities.len() < limit {
        let Some(row) = rows.next()? else { break };
        if candidates.contains(&row.get(0)?) {
            let activity = activity_of(connection, &actor_row(row)?, reach, calendar)?;
            if !activity.is_empty() {
                activities.push(activity);
            }
        }
    }
    Ok(activities)
}

fn activity_of(connection: &Connection, actor: &Actor, reach: Reach, calendar: &Calendar) -> Sql<Activity> {
    let mut activity = Activity::none(actor.name.clone());
    activity.actor_kind = actor.kind;
    let window = reach.window;
    let (first, last) = window.days();
    let earliest = reach.activity.days().0;
    // One walk for both: the days of the window, and those since its end, on which a clock may have ended that ran then.
    let mut ended: Vec<u64> = Vec::new();
    for_each_day(connection, actor.no, (earliest.min(last), Day::from_number(i32::MAX)), |day, row| {
        if day >= last {
            ended.extend(ended_since(window.until, &read(2, DayTally::read_entries(blob(row, 2)?))?));
        }
        if day < first || (day == first && reach.before.is_some() && !window.covers(day)) {
            for tally in DayTally::read_tallies(blob(row, 1)?) {
                activity.earlier.push((day, read(1, tally)?));
            }
        }
        if (first..=last).contains(&day) {
            if window.covers(day) {
                for tally in DayTally::read_tallies(blob(row, 1)?) {
                    activity.days.push((day, read(1, tally)?));
                }
            } else {
                let tallies = read(2, DayTally::read_tallies_within(blob(row, 2)?, &window))?;
                activity.days.extend(tallies.into_iter().map(|tally| (day, tally)));
            }
        }
        Ok(true)
    })?;
    activity.open = open_at(connection, actor, &ended, window.until, calendar)?;
    Ok(activity)
}

fn blob<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> Sql<&'a [u8]> {
    Ok(row.get_ref(column)?.as_bytes()?)
}

/// The events that ended a clock of the actor's which ran at `as_of`.
fn ended_since(as_of: Timestamp, entries: &[Entry]) -> impl Iterator<Item = u64> {
    entries.iter().filter_map(move |entry| match entry.measure {
        Measure::Processing { since, held: true, .. } if since <= as_of && as_of < entry.at => {
            Some(entry.position)
        }
        _ => None,
    })
}

/// The rows of an actor's days, in order, until the visitor has seen enough.
///
/// Each day is found by its key. The days are counted up inside one statement, which costs less than a statement a day.
fn for_each_day(
    connection: &Connection,
    actor_no: u32,
    (first, last): (Day, Day),
    mut visit: impl FnMut(Day, &rusqlite::Row<'_>) -> Sql<bool>,
) -> Sql<()> {
    let mut days = connection.prepare_cached(
        "WITH RECURSIVE span (key) AS (SELECT ?1 UNION ALL SELECT key + 4294967296 FROM span WHERE key < ?2) \
         SELECT days.key, days.tally, days.entries FROM span CROSS JOIN days ON days.key = span.key",
    )?;
    // No entry lies outside what the table has, so a window of centuries is not walked in vain.
    let Some((oldest, newest)) = oldest_and_newest(connection)? else { return Ok(()) };
    let (first, last) = (first.max(oldest), last.min(newest));
    if last < first {
        return Ok(());
    }
    let mut rows = days.query(params![day_key(first, actor_no), day_key(last, actor_no)])?;
    while let Some(row) = rows.next()? {
        if !visit(day_of_key(row.get(0)?), row)? {
            break;
        }
    }
    Ok(())
}

fn oldest_and_newest(connection: &Connection) -> Sql<Option<(Day, Day)>> {
    // Two statements, for SQLite answers a lone min or max with one step along the key, and both together with a walk.
    let key = |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, Option<i64>>(0));
    let oldest = key("SELECT min(key) FROM days")?;
    let newest = key("SELECT max(key) FROM days")?;
    Ok(oldest.zip(newest).map(|(oldest, newest)| (day_of_key(oldest), day_of_key(newest))))
}

/// The cases that an actor held at `as_of`: those whose clock still runs, and those whose clock has `ended` since.
fn open_at(
    connection: &Connection,
    actor: &Actor,
    ended: &[u64],
    as_of: Timestamp,
    calendar: &Calendar,
) -> Sql<Vec<OpenCase>> {
    let mut open = Vec::new();
    let mut held = connection.prepare_cached(
        "SELECT case_id, since, counted_ms, running_since, changed_at, working_days, track FROM held \
         WHERE actor_no = ?1",
    )?;
    let mut rows = held.query([actor.no])?;
    while let Some(row) = rows.next()? {
        let case_id = CaseId::from_stored(row.get_ref(0)?.as_str()?);
        let clock = held_clock(row, 1, actor.name.clone(), case_id)?;
        if clock.since > as_of {
            continue;
        }
        if clock.changed_at <= as_of {
            open.push(clock.open_at(as_of, calendar));
        } else {
            open.extend(worked_out(connection, &clock.case_id, as_of, calendar)?);
        }
    }
    for position in ended {
        if let Some(case_id) = case_at(connection, *position)? {
            open.extend(worked_out(connection, &case_id, as_of, calendar)?);
        }
    }
    open.sort_unstable_by(|a, b| a.case_id.cmp(&b.case_id));
    Ok(open)
}

fn worked_out(
    connection: &Connection,
    case_id: &CaseId,
    as_of: Timestamp,
    calendar: &Calendar,
) -> Sql<Option<OpenCase>> {
    let clock = case::clock_at(&case(connection, case_id)?, calendar, as_of);
    Ok(clock.map(|clock| clock.open_at(as_of, calendar)))
}

pub(crate) fn contributions(
    connection: &Connection,
    name: &ActorName,
    window: Window,
    after: Option<Cursor>,
    limit: usize,
) -> Sql<Vec<Contribution>> {
    let Some(actor) = actor(connection, name)? else { return Ok(Vec::new()) };
    let (first, last) = window.days();
    let first = after.map_or(first, |after| first.max(after.at().day()));
    let mut entries: Vec<Entry> = Vec::new();
    if limit > 0 {
        for_each_day(connection, actor.no, (first, last), |_, row| {
            let day = read(2, DayTally::read_entries(blob(row, 2)?))?;
            let inside = day.into_iter().filter(|entry| {
                window.contains(entry.at) && after.is_none_or(|after| entry.cursor() > after)
            });
            entries.extend(inside.take(limit - entries.len()));
            Ok(entries.len() < limit)
        })?;
    }
    entries
        .into_iter()
        .map(|entry| {
            Ok(Contribution {
                actor: actor.name.clone(),
                at: entry.at,
                position: entry.position,
                case_id: case_at(connection, entry.position)?,
                track: entry.track,
                measure: entry.measure,
            })
        })
        .collect()
}

/// The case of the event at that place of the log.
fn case_at(connection: &Connection, position: u64) -> Sql<Option<CaseId>> {
    connection
        .prepare_cached(
            "SELECT c.case_id FROM events e JOIN cases c ON c.no = e.case_no WHERE e.position = ?1",
        )?
        .query_row([position.cast_signed()], |row| Ok(CaseId::from_stored(row.get_ref(0)?.as_str()?)))
        .optional()
}

fn read<T>(column: usize, stored: Result<T, apmt_core::tally::StoredTallyError>) -> Sql<T> {
    stored.map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}
