//! What the readers read: the log, the evidence, and the activity that dossiers are made of.

use std::collections::HashSet;

use apmt_core::case;
use apmt_core::contribution::Cursor;
use apmt_core::policy::Reach;
use apmt_core::store::Board;
use apmt_core::tally::{DayTally, Entry};
use apmt_core::{
    Activity, ActorKind, ActorName, AsOf, Calendar, CaseId, Clock, Contribution, Day, Dossier, Measure,
    OpenCase, Policy, Recorded, StoreStatus, Timestamp, Window,
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
    let mut held = connection.prepare_cached("SELECT DISTINCT actor_no FROM held")?;
    let holders: HashSet<u32> = held.query_map([], |row| row.get(0))?.collect::<Sql<_>>()?;
    // Whoever has an entry since the window began, or holds a case now: all whom a dossier may concern, and some more.
    // Where everybody is asked for, it turns out as they are read.
    let known: u32 =
        connection.prepare_cached("SELECT count(*) FROM actors")?.query_row([], |row| row.get(0))?;
    let everybody = limit >= known as usize;
    let mut candidates = holders.clone();
    if !everybody {
        let mut since = connection.prepare_cached("SELECT key FROM days WHERE key >= ?1")?;
        let mut rows = since.query([day_key(reach.window.days().0, 0)])?;
        while let Some(row) = rows.next()? {
            candidates.insert(actor_of_key(row.get(0)?));
        }
    }
    // Nobody's name is empty, so the names after the empty one are everybody's.
    let mut by_name =
        connection.prepare_cached("SELECT no, name, kind FROM actors WHERE name > ?1 ORDER BY name")?;
    let mut rows = by_name.query([after.map_or("", ActorName::as_str)])?;
    let mut activities = Vec::new();
    while activities.len() < limit {
        let mut some: Vec<Actor> = Vec::new();
        while some.len() < limit - activities.len() {
            let Some(row) = rows.next()? else { break };
            if everybody || candidates.contains(&row.get(0)?) {
                some.push(actor_row(row)?);
            }
        }
        if some.is_empty() {
            break;
        }
        let all = if everybody { known as usize } else { candidates.len() };
        let read = if some.len() * WALKED >= all { activities_of_many } else { activities_of_few };
        activities.extend(read(connection, &some, &holders, reach, calendar)?);
    }
    Ok(activities)
}

/// How many actors are read at a time where everybody is.
const PAGE: usize = 2_000;

/// A page of dossiers. Where a rule compares peers, everybody is read, and only the page's activities are kept.
pub(crate) fn dossiers(
    connection: &Connection,
    as_of: Timestamp,
    policy: &Policy,
    after: Option<&ActorName>,
    limit: usize,
    calendar: &Calendar,
) -> Sql<Vec<Dossier>> {
    let (reach, digest) = (policy.reach(as_of), calendar.digest());
    if !policy.compares_peers() {
        let activities = activities(connection, reach, after, limit, calendar)?;
        let dossier = |activity| Dossier::of(activity, as_of, policy).through(&*digest);
        return Ok(activities.iter().map(dossier).collect());
    }
    // At the end of the scoreboard there is nobody left to judge, and no need to read everybody.
    if limit == 0 || after.is_some() && activities(connection, reach, after, 1, calendar)?.is_empty() {
        return Ok(Vec::new());
    }
    let mut board = Board::new(policy, as_of, after, limit);
    let mut last: Option<ActorName> = None;
    loop {
        let page = activities(connection, reach, last.as_ref(), PAGE, calendar)?;
        let is_last = page.len() < PAGE;
        last = page.last().map(|activity| activity.actor.clone());
        for activity in page {
            board.add(activity);
        }
        if is_last {
            return Ok(board.finish(&digest));
        }
    }
}

/// Where one of so many is asked for, walking over everybody's days costs less than finding each of the asked one's.
const WALKED: usize = 8;

/// The activities of some among many, those left out that are empty: each day of each is found by its key.
fn activities_of_few(
    connection: &Connection,
    actors: &[Actor],
    holders: &HashSet<u32>,
    reach: Reach,
    calendar: &Calendar,
) -> Sql<Vec<Activity>> {
    let gathered = actors.iter().map(|actor| gathered(connection, actor, reach)).collect::<Sql<Vec<_>>>()?;
    finished(connection, actors, gathered, holders, reach, calendar)
}

/// The same of nearly everybody: the days of all of them lie side by side.
fn activities_of_many(
    connection: &Connection,
    actors: &[Actor],
    holders: &HashSet<u32>,
    reach: Reach,
    calendar: &Calendar,
) -> Sql<Vec<Activity>> {
    // By the actors' numbers, which are given out without gaps.
    let mut places: Vec<usize> = Vec::new();
    for (place, actor) in actors.iter().enumerate() {
        let no = actor.no as usize;
        places.resize(places.len().max(no + 1), usize::MAX);
        places[no] = place;
    }
    let mut gathered: Vec<Gathered> = actors.iter().map(Gathered::of).collect();
    let mut days = connection.prepare_cached("SELECT key, tally, entries FROM days WHERE key >= ?1")?;
    let mut rows = days.query([day_key(first_day(reach), 0)])?;
    while let Some(row) = rows.next()? {
        let key = row.get(0)?;
        let place = places.get(actor_of_key(key) as usize);
        if let Some(gathered) = place.and_then(|place| gathered.get_mut(*place)) {
            gathered.take(reach, day_of_key(key), row)?;
        }
    }
    finished(connection, actors, gathered, holders, reach, calendar)
}

/// The activities of actors whose days have been read, those left out that are empty.
fn finished(
    connection: &Connection,
    actors: &[Actor],
    gathered: Vec<Gathered>,
    holders: &HashSet<u32>,
    reach: Reach,
    calendar: &Calendar,
) -> Sql<Vec<Activity>> {
    let mut activities = Vec::new();
    for (actor, gathered) in actors.iter().zip(gathered) {
        let activity = if holders.contains(&actor.no) || !gathered.ended.is_empty() {
            gathered.finish(connection, actor, reach, calendar)?
        } else {
            gathered.activity
        };
        if !activity.is_empty() {
            activities.push(activity);
        }
    }
    Ok(activities)
}

fn activity_of(connection: &Connection, actor: &Actor, reach: Reach, calendar: &Calendar) -> Sql<Activity> {
    gathered(connection, actor, reach)?.finish(connection, actor, reach, calendar)
}

fn gathered(connection: &Connection, actor: &Actor, reach: Reach) -> Sql<Gathered> {
    let mut gathered = Gathered::of(actor);
    for_each_day(connection, actor.no, (first_day(reach), Day::from_number(i32::MAX)), |day, row| {
        gathered.take(reach, day, row)?;
        Ok(true)
    })?;
    Ok(gathered)
}

/// The first day that is read; none later than the window's last, at whose end a clock may have run that ended since.
fn first_day(reach: Reach) -> Day {
    reach.activity.days().0.min(reach.window.days().1)
}

/// An actor's activity while its days are read, one walk for both: those of the window, and those since its end, on
/// which a clock may have ended that ran then.
struct Gathered {
    activity: Activity,
    /// The events that ended such a clock.
    ended: Vec<u64>,
}

impl Gathered {
    fn of(actor: &Actor) -> Self {
        let activity = Activity { actor_kind: actor.kind, ..Activity::none(actor.name.clone()) };
        Self { activity, ended: Vec::new() }
    }

    /// Takes a row of `days`: its key, its tallies, its entries.
    fn take(&mut self, reach: Reach, day: Day, row: &rusqlite::Row<'_>) -> Sql<()> {
        let (activity, window) = (&mut self.activity, reach.window);
        let (first, last) = window.days();
        if day >= last {
            self.ended.extend(ended_since(window.until, &read(2, DayTally::read_entries(blob(row, 2)?))?));
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
        Ok(())
    }

    fn finish(
        self,
        connection: &Connection,
        actor: &Actor,
        reach: Reach,
        calendar: &Calendar,
    ) -> Sql<Activity> {
        let open = open_at(connection, actor, &self.ended, reach.window.until, calendar)?;
        Ok(Activity { open, ..self.activity })
    }
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
