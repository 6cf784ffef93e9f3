//! What is read of what is derived: the activity that dossiers are made of, and the evidence.

use std::collections::{BTreeMap, HashMap};

use apmt_core::case::{self, HeldClock};
use apmt_core::contribution::Cursor;
use apmt_core::tally::{DayTally, Entry, Tally};
use apmt_core::{
    Activity, ActorName, AsOf, Calendar, CaseId, Clock, Contribution, Day, Measure, OpenCase, Timestamp,
    Window,
};
use deadpool_postgres::ClientWrapper;
use tokio::try_join;
use tokio_postgres::Row;

use crate::append::events_of;
use crate::connect::Snapshot;
use crate::days;
use crate::failure::Sql;
use crate::query::{Head, head};
use crate::rows::{actor, actor_kind, held_clock, key, name};

/// How many actors are read at a time, at most.
const ACTORS: usize = 500;
/// How many days of an actor's entries are read at a time.
const DAYS: i64 = 64;

/// The parts of actors' days: their tallies in the window, their entries where the window cuts through a day or may have ended
/// while a clock ran that has ended since.
const FIND_DAYS: &str = "SELECT actor, day, CASE WHEN day BETWEEN $2 AND $3 THEN tally END, \
     CASE WHEN day = $2 OR day >= $3 THEN entries END, base FROM days WHERE actor = ANY ($1) AND day >= least($2, $3)";
const FIND_HELD: &str = "SELECT actor, case_id, since, counted_ms, running_since, changed_at, working_days, track \
     FROM held WHERE actor = ANY ($1)";
const FIND_KINDS: &str = "SELECT name, kind FROM actors WHERE name = ANY ($1)";

/// What is needed to read activities.
pub(crate) struct Reading<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) calendar: &'a Calendar,
    pub(crate) clock: &'a dyn Clock,
}

impl Reading<'_> {
    /// Begins the transaction, and reads the end of a dossier's window.
    pub(crate) async fn begin(&self, as_of: AsOf) -> Sql<Timestamp> {
        let connection = self.snapshot.connection()?;
        let digest = self.calendar.digest();
        let ((), head) = try_join!(
            biased;
            async { Ok(connection.batch_execute(Snapshot::BEGIN).await?) },
            head(connection, &digest),
        )?;
        Ok(match as_of {
            AsOf::Now => self.clock.now(),
            AsOf::At(instant) => instant,
            AsOf::Latest => head.latest.unwrap_or_else(|| self.clock.now()),
        })
    }

    /// Begins the transaction, and reads one actor's activity along with it.
    pub(crate) async fn activity(&self, name: &ActorName, window: Window) -> Sql<Activity> {
        let connection = self.snapshot.connection()?;
        let find_head = connection.prepare_cached(Head::SQL).await?;
        let ((), head, found) = try_join!(
            biased;
            async { Ok(connection.batch_execute(Snapshot::BEGIN).await?) },
            async { Ok(connection.query_one(&find_head, &[]).await?) },
            self.find(std::slice::from_ref(name), window),
        )?;
        Head::of(&head, &self.calendar.digest())?;
        let mut activities = self.activities_of(vec![name.clone()], found, window).await?;
        Ok(activities.pop().unwrap_or_else(|| Activity::none(name.clone())))
    }

    /// One actor's activity, in a transaction that has begun.
    pub(crate) async fn activity_at(&self, name: &ActorName, window: Window) -> Sql<Activity> {
        let found = self.find(std::slice::from_ref(name), window).await?;
        let mut activities = self.activities_of(vec![name.clone()], found, window).await?;
        Ok(activities.pop().unwrap_or_else(|| Activity::none(name.clone())))
    }

    /// Everybody's activity, in a transaction that has begun.
    pub(crate) async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Sql<Vec<Activity>> {
        let connection = self.snapshot.connection()?;
        // Whoever has an entry since the window began, or holds a case now: all whom a dossier may concern, and some
        // more. Nobody's name is empty, so the names after the empty one are everybody's.
        let candidates = connection
            .prepare_cached(
                "SELECT actor FROM (SELECT DISTINCT actor FROM days WHERE day >= $1 AND actor > $2 \
                 UNION SELECT actor FROM held WHERE actor > $2) candidates ORDER BY actor LIMIT $3",
            )
            .await?;
        let first = window.days().0.number();
        let mut after = after.cloned().unwrap_or_else(ActorName::nobody);
        let mut activities = Vec::new();
        while activities.len() < limit {
            let page = (limit - activities.len()).min(ACTORS) as i64;
            let rows = connection.query(&candidates, &[&first, &key(after.as_str()), &page]).await?;
            let names: Vec<ActorName> =
                rows.iter().map(|row| Ok(actor(row.try_get(0)?))).collect::<Sql<_>>()?;
            let Some(last) = names.last() else { break };
            after = last.clone();
            let found = self.find(&names, window).await?;
            let read = self.activities_of(names, found, window).await?;
            activities.extend(read.into_iter().filter(|activity| !activity.is_empty()));
        }
        Ok(activities)
    }

    async fn find(&self, names: &[ActorName], window: Window) -> Sql<Found> {
        let connection = self.snapshot.connection()?;
        let (find_days, find_held, find_kinds) = try_join!(
            biased;
            connection.prepare_cached(FIND_DAYS),
            connection.prepare_cached(FIND_HELD),
            connection.prepare_cached(FIND_KINDS),
        )?;
        let keys: Vec<_> = names.iter().map(|name| key(name.as_str())).collect();
        let (first, last) = window.days();
        let (first, last) = (first.number(), last.number());
        let (days, held, kinds) = try_join!(
            biased;
            async { connection.query(&find_days, &[&keys, &first, &last]).await },
            async { connection.query(&find_held, &[&keys]).await },
            async { connection.query(&find_kinds, &[&keys]).await },
        )?;
        Ok(Found { days, held, kinds })
    }

    async fn activities_of(&self, names: Vec<ActorName>, found: Found, window: Window) -> Sql<Vec<Activity>> {
        let mut all: BTreeMap<ActorName, Draft> =
            names.into_iter().map(|name| (name.clone(), Draft::of(name))).collect();
        for row in &found.kinds {
            if let Some(draft) = all.get_mut(&actor(row.try_get(0)?)) {
                draft.activity.actor_kind = actor_kind(row.try_get(1)?);
            }
        }
        for row in &found.days {
            if let Some(draft) = all.get_mut(&actor(row.try_get(0)?)) {
                draft.take_day(row, window)?;
            }
        }
        for row in &found.held {
            let clock = held_clock(row)?;
            if let Some(draft) = all.get_mut(&clock.holder) {
                draft.take_clock(clock, window.until, self.calendar);
            }
        }
        self.work_out(&mut all, window.until).await?;
        Ok(all
            .into_values()
            .map(|mut draft| {
                draft.activity.days = merged(draft.parts);
                draft.activity.open.sort_unstable_by(|a, b| a.case_id.cmp(&b.case_id));
                draft.activity
            })
            .collect())
    }

    /// The cases whose clocks have changed since `as_of`: how they stood then follows from their events.
    async fn work_out(&self, all: &mut BTreeMap<ActorName, Draft>, as_of: Timestamp) -> Sql<()> {
        let connection = self.snapshot.connection()?;
        let ended: Vec<u64> = all.values().flat_map(|draft| &draft.ended).copied().collect();
        let cases_at = cases_at(connection, &ended).await?;
        for draft in all.values_mut() {
            let cases = draft.ended.iter().filter_map(|position| cases_at.get(position));
            draft.changed.extend(cases.cloned());
        }
        let cases: Vec<&CaseId> = all.values().flat_map(|draft| &draft.changed).collect();
        let events = events_of(connection, &cases).await?;
        for draft in all.values_mut() {
            let clocks = draft.changed.iter().filter_map(|case_id| events.get(case_id));
            let clocks = clocks.filter_map(|events| case::clock_at(events, self.calendar, as_of));
            let open: Vec<OpenCase> = clocks.map(|clock| clock.open_at(as_of, self.calendar)).collect();
            draft.activity.open.extend(open);
        }
        Ok(())
    }
}

/// Tallies of days' parts as one a day and track, in order.
fn merged(mut parts: Vec<(Day, Tally)>) -> Vec<(Day, Tally)> {
    parts.sort_by(|(one, of_one), (next, of_next)| (one, &of_one.track).cmp(&(next, &of_next.track)));
    let mut days: Vec<(Day, Tally)> = Vec::with_capacity(parts.len());
    for (day, part) in parts {
        match days.last_mut() {
            Some((last, tally)) if *last == day && tally.track == part.track => tally.merge(&part),
            _ => days.push((day, part)),
        }
    }
    days
}

/// Rows of several actors.
struct Found {
    days: Vec<Row>,
    held: Vec<Row>,
    kinds: Vec<Row>,
}

/// An activity in the making.
struct Draft {
    activity: Activity,
    /// Tallies of days' parts.
    parts: Vec<(Day, Tally)>,
    /// The events that ended a clock of the actor's which ran at the window's end.
    ended: Vec<u64>,
    /// The cases whose clocks have changed since.
    changed: Vec<CaseId>,
}

impl Draft {
    fn of(name: ActorName) -> Self {
        Self { activity: Activity::none(name), parts: Vec::new(), ended: Vec::new(), changed: Vec::new() }
    }

    fn take_day(&mut self, row: &Row, window: Window) -> Sql<()> {
        let day = Day::from_number(row.try_get(1)?);
        let tallies: Option<&[u8]> = row.try_get(2)?;
        let entries: Option<&[u8]> = row.try_get(3)?;
        if let Some(entries) = entries.filter(|_| day >= window.days().1) {
            self.ended.extend(ended_since(window.until, &days::entries(row, 4, entries)?));
        }
        let tallies = match (tallies, entries) {
            (Some(tallies), _) if window.covers(day) => {
                DayTally::read_tallies(tallies).collect::<Result<_, _>>()?
            }
            (Some(_), Some(entries)) => DayTally::read_tallies_within(entries, &window)?,
            _ => Vec::new(),
        };
        self.parts.extend(tallies.into_iter().map(|tally| (day, tally)));
        Ok(())
    }

    fn take_clock(&mut self, clock: HeldClock, as_of: Timestamp, calendar: &Calendar) {
        if clock.since > as_of {
            return;
        }
        if clock.changed_at <= as_of {
            self.activity.open.push(clock.open_at(as_of, calendar));
        } else {
            self.changed.push(clock.case_id);
        }
    }
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

/// The cases of the events at those places of the log.
async fn cases_at(connection: &ClientWrapper, positions: &[u64]) -> Sql<HashMap<u64, CaseId>> {
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let positions: Vec<i64> = positions.iter().map(|position| position.cast_signed()).collect();
    let find = connection
        .prepare_cached("SELECT position, shard_key FROM events WHERE position = ANY ($1) AND has_case")
        .await?;
    let rows = connection.query(&find, &[&positions]).await?;
    rows.iter()
        .map(|row| {
            Ok((row.try_get::<_, i64>(0)?.cast_unsigned(), CaseId::from_stored(&name(row.try_get(1)?))))
        })
        .collect()
}

/// An actor's evidence, in a transaction that has begun.
pub(crate) async fn contributions(
    snapshot: &Snapshot,
    actor: &ActorName,
    window: Window,
    after: Option<Cursor>,
    limit: usize,
) -> Sql<Vec<Contribution>> {
    let connection = snapshot.connection()?;
    let find = connection
        .prepare_cached(
            "SELECT day, entries, base FROM days WHERE actor = $1 AND day BETWEEN $2 AND $3 AND day <= \
             (SELECT max(day) FROM (SELECT DISTINCT day FROM days WHERE actor = $1 AND day BETWEEN $2 AND $3 \
             ORDER BY day LIMIT $4) next) ORDER BY day",
        )
        .await?;
    let (first, last) = window.days();
    let mut first = after.map_or(first, |after| first.max(after.at().day())).number();
    let mut entries: Vec<Entry> = Vec::new();
    while entries.len() < limit {
        let rows = connection.query(&find, &[&key(actor.as_str()), &first, &last.number(), &DAYS]).await?;
        if rows.is_empty() {
            break;
        }
        let mut page: Vec<Entry> = Vec::new();
        for row in &rows {
            first = row.try_get::<_, i32>(0)?.saturating_add(1);
            let part = days::entries(row, 2, row.try_get(1)?)?;
            page.extend(part.into_iter().filter(|entry| {
                window.contains(entry.at) && after.is_none_or(|after| entry.cursor() > after)
            }));
        }
        // A day's parts lie side by side in time.
        page.sort_unstable_by_key(Entry::cursor);
        page.truncate(limit - entries.len());
        entries.append(&mut page);
    }
    let positions: Vec<u64> = entries.iter().map(|entry| entry.position).collect();
    let cases = cases_at(connection, &positions).await?;
    let contribution = |entry: Entry| Contribution {
        actor: actor.clone(),
        at: entry.at,
        position: entry.position,
        case_id: cases.get(&entry.position).cloned(),
        track: entry.track,
        measure: entry.measure,
    };
    Ok(entries.into_iter().map(contribution).collect())
}
