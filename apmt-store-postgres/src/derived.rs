//! The derived tables as a writer sees them: folds, days, running clocks and kinds of actors, read in bulk before they
//! are needed, kept in memory while they are in use, and written in bulk before each commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;

use apmt_core::case::{Fold, HeldClock};
use apmt_core::tally::{DayTally, Entry};
use apmt_core::{ActorKind, ActorName, Calendar, CaseId, Change, Day, ErrorKind, Recorded, Timestamp};
use deadpool_postgres::ClientWrapper;
use lru::LruCache;
use tokio::try_join;

use crate::failure::{Failure, Sql};
use crate::rows::{EVENT, actor, all_recorded, key, timestamp};

/// How many cases and actors are kept in memory: more than one transaction can touch, for what it has touched must stay
/// until it is written.
const NAMES: NonZeroUsize = NonZeroUsize::new(65_536).expect("is not zero");
/// How many entries of days are kept in memory, some 40 bytes each.
const ENTRIES: usize = 400_000;

type DayKey = (ActorName, Day);

/// What a writer keeps in memory of the derived tables. It may be emptied at any time between transactions, and is
/// after one that failed or that another server made.
#[derive(Debug)]
pub(crate) struct Derived {
    cases: LruCache<CaseId, Case>,
    /// When an actor's kind was said last, if it ever was.
    kinds: LruCache<ActorName, Option<(Timestamp, u64)>>,
    days: LruCache<DayKey, DayTally>,
    entries: usize,
    changed: Changed,
}

#[derive(Debug)]
struct Case {
    fold: Fold,
    /// The case's row in `held`.
    held: Option<HeldClock>,
}

/// What a transaction has changed, in the order of the keys.
#[derive(Debug, Default)]
struct Changed {
    days: BTreeSet<DayKey>,
    cases: BTreeSet<CaseId>,
    kinds: BTreeMap<ActorName, (ActorKind, Timestamp, u64)>,
}

impl Derived {
    pub(crate) fn new() -> Self {
        Self {
            cases: LruCache::new(NAMES),
            kinds: LruCache::new(NAMES),
            days: LruCache::unbounded(),
            entries: 0,
            changed: Changed::default(),
        }
    }

    /// Forgets everything: the tables are what counts.
    pub(crate) fn forget(&mut self) {
        *self = Self::new();
    }

    /// Reads the folds of cases and the kinds of actors that are not in memory.
    pub(crate) async fn load(
        &mut self,
        connection: &ClientWrapper,
        cases: &BTreeSet<CaseId>,
        actors: &BTreeSet<ActorName>,
        calendar: &Calendar,
    ) -> Sql<()> {
        // Those that are in memory are used now, and so are not what is forgotten for the others.
        let cases: Vec<&CaseId> = cases.iter().filter(|case_id| self.cases.get(*case_id).is_none()).collect();
        let actors: Vec<&ActorName> =
            actors.iter().filter(|actor| self.kinds.get(*actor).is_none()).collect();
        let (mut events, kinds) = try_join!(
            biased;events_of(connection, &cases), kinds_of(connection, &actors))?;
        for case_id in cases {
            let fold = Fold::of(&events.remove(case_id).unwrap_or_default(), calendar);
            let held = fold.clock();
            self.cases.put(case_id.clone(), Case { fold, held });
        }
        for actor in actors {
            self.kinds.put(actor.clone(), kinds.get(actor).copied());
        }
        Ok(())
    }

    /// The fold of a case that was loaded, to take an event or to be replaced.
    pub(crate) fn fold(&mut self, case_id: &CaseId) -> Sql<&mut Fold> {
        if !self.changed.cases.contains(case_id) {
            self.changed.cases.insert(case_id.clone());
        }
        self.cases.get_mut(case_id).map(|case| &mut case.fold).ok_or_else(not_loaded)
    }

    /// Notes what an event says of its actor's kind, if nothing later was said.
    pub(crate) fn note_kind(
        &mut self,
        actor: &ActorName,
        kind: ActorKind,
        said: (Timestamp, u64),
    ) -> Sql<()> {
        let known = self.kinds.get_mut(actor).ok_or_else(not_loaded)?;
        if known.is_none_or(|before| before < said) {
            *known = Some(said);
            self.changed.kinds.insert(actor.clone(), (kind, said.0, said.1));
        }
        Ok(())
    }

    /// Makes changes to what counts.
    pub(crate) async fn make(&mut self, connection: &ClientWrapper, changes: &[Change]) -> Sql<()> {
        let missing: BTreeSet<DayKey> =
            changes.iter().map(day_key).filter(|key| self.days.get(key).is_none()).collect();
        self.load_days(connection, missing).await?;
        for change in changes {
            let (Change::Add(contribution) | Change::Remove(contribution)) = change;
            let entry = Entry::of(contribution);
            let key = day_key(change);
            let day = self.days.get_mut(&key).ok_or_else(not_loaded)?;
            let before = day.entries().len();
            match change {
                Change::Add(_) => day.add(entry),
                Change::Remove(_) => day.remove(&entry),
            }
            self.entries = (self.entries + day.entries().len()).saturating_sub(before);
            self.changed.days.insert(key);
        }
        Ok(())
    }

    async fn load_days(&mut self, connection: &ClientWrapper, missing: BTreeSet<DayKey>) -> Sql<()> {
        if missing.is_empty() {
            return Ok(());
        }
        let (actors, days) = columns(&missing);
        let find = connection
            .prepare_cached(
                "SELECT d.actor, d.day, d.tally, d.entries FROM unnest($1::text[], $2::int[]) k (actor, day) \
                 JOIN days d ON d.actor = k.actor AND d.day = k.day",
            )
            .await?;
        let mut found: HashMap<DayKey, DayTally> = HashMap::new();
        for row in connection.query(&find, &[&actors, &days]).await? {
            let key = (actor(row.try_get(0)?), Day::from_number(row.try_get(1)?));
            found.insert(key, DayTally::read(row.try_get(2)?, row.try_get(3)?)?);
        }
        for key in missing {
            let day = found.remove(&key).unwrap_or_default();
            self.entries += day.entries().len();
            self.days.put(key, day);
        }
        Ok(())
    }

    /// Writes what the transaction has changed: each table in the order of its keys.
    pub(crate) async fn write(&mut self, connection: &ClientWrapper) -> Sql<()> {
        let changed = std::mem::take(&mut self.changed);
        let (gone, there): (BTreeSet<DayKey>, BTreeSet<DayKey>) =
            changed.days.into_iter().partition(|key| self.days.peek(key).is_none_or(DayTally::is_empty));
        let (mut ended, mut running) = (Vec::new(), Vec::new());
        for case_id in changed.cases {
            let Some(case) = self.cases.peek_mut(&case_id) else { return Err(not_loaded()) };
            let now = case.fold.clock();
            if case.held == now {
                continue;
            }
            let before = std::mem::replace(&mut case.held, now.clone());
            ended.extend(before.filter(|before| now.as_ref().is_none_or(|now| now.holder != before.holder)));
            running.extend(now);
        }
        try_join!(
            biased;
            drop_days(connection, &gone),
            self.put_days(connection, &there),
            put_kinds(connection, &changed.kinds),
            async {
                // In this order, for a case may go from one holder to another and back.
                drop_held(connection, &ended).await?;
                put_held(connection, &running).await
            },
        )?;
        for key in gone {
            self.days.pop(&key);
        }
        while self.entries > ENTRIES {
            let Some((_, day)) = self.days.pop_lru() else { break };
            self.entries = self.entries.saturating_sub(day.entries().len());
        }
        Ok(())
    }

    async fn put_days(&self, connection: &ClientWrapper, keys: &BTreeSet<DayKey>) -> Sql<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (actors, days) = columns(keys);
        let stored = |write: fn(&DayTally) -> Vec<u8>| -> Vec<Vec<u8>> {
            keys.iter().filter_map(|key| self.days.peek(key)).map(write).collect()
        };
        let (tallies, entries) = (stored(DayTally::write_tallies), stored(DayTally::write_entries));
        let put = connection
            .prepare_cached(
                "INSERT INTO days (actor, day, tally, entries) \
                 SELECT * FROM unnest($1::text[], $2::int[], $3::bytea[], $4::bytea[]) \
                 ON CONFLICT (actor, day) DO UPDATE SET tally = excluded.tally, entries = excluded.entries",
            )
            .await?;
        connection.execute(&put, &[&actors, &days, &tallies, &entries]).await?;
        Ok(())
    }
}

/// All events of those cases, in any order.
pub(crate) async fn events_of(
    connection: &ClientWrapper,
    cases: &[&CaseId],
) -> Sql<HashMap<CaseId, Vec<Recorded>>> {
    let mut events: HashMap<CaseId, Vec<Recorded>> = HashMap::new();
    if cases.is_empty() {
        return Ok(events);
    }
    let keys: Vec<_> = cases.iter().map(|case_id| key(case_id.as_str())).collect();
    let sql = format!("SELECT {EVENT} FROM events e WHERE e.shard_key = ANY ($1) AND e.has_case");
    let find = connection.prepare_cached(&sql).await?;
    for recorded in all_recorded(&connection.query(&find, &[&keys]).await?)? {
        if let Some(case_id) = recorded.event.case_id() {
            events.entry(case_id.clone()).or_default().push(recorded);
        }
    }
    Ok(events)
}

async fn kinds_of(
    connection: &ClientWrapper,
    actors: &[&ActorName],
) -> Sql<HashMap<ActorName, (Timestamp, u64)>> {
    if actors.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<_> = actors.iter().map(|actor| key(actor.as_str())).collect();
    let find = connection
        .prepare_cached("SELECT name, kind_at, kind_position FROM actors WHERE name = ANY ($1)")
        .await?;
    let rows = connection.query(&find, &[&keys]).await?;
    rows.iter()
        .map(|row| {
            let said = (timestamp(row.try_get(1)?), row.try_get::<_, i64>(2)?.cast_unsigned());
            Ok((actor(row.try_get(0)?), said))
        })
        .collect()
}

async fn drop_days(connection: &ClientWrapper, keys: &BTreeSet<DayKey>) -> Sql<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let (actors, days) = columns(keys);
    let remove = connection
        .prepare_cached(
            "DELETE FROM days d USING unnest($1::text[], $2::int[]) k (actor, day) \
             WHERE d.actor = k.actor AND d.day = k.day",
        )
        .await?;
    connection.execute(&remove, &[&actors, &days]).await?;
    Ok(())
}

async fn put_kinds(
    connection: &ClientWrapper,
    said: &BTreeMap<ActorName, (ActorKind, Timestamp, u64)>,
) -> Sql<()> {
    if said.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = said.keys().map(|actor| key(actor.as_str())).collect();
    let kinds: Vec<&str> = said.values().map(|(kind, ..)| kind.name()).collect();
    let instants: Vec<i64> = said.values().map(|(_, at, _)| at.millis()).collect();
    let positions: Vec<i64> = said.values().map(|(.., position)| position.cast_signed()).collect();
    let put = connection
        .prepare_cached(
            "INSERT INTO actors (name, kind, kind_at, kind_position) \
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) \
             ON CONFLICT (name) DO UPDATE \
             SET kind = excluded.kind, kind_at = excluded.kind_at, kind_position = excluded.kind_position",
        )
        .await?;
    connection.execute(&put, &[&names, &kinds, &instants, &positions]).await?;
    Ok(())
}

async fn drop_held(connection: &ClientWrapper, clocks: &[HeldClock]) -> Sql<()> {
    if clocks.is_empty() {
        return Ok(());
    }
    let actors: Vec<_> = clocks.iter().map(|clock| key(clock.holder.as_str())).collect();
    let cases: Vec<_> = clocks.iter().map(|clock| key(clock.case_id.as_str())).collect();
    let remove = connection
        .prepare_cached(
            "DELETE FROM held h USING unnest($1::text[], $2::text[]) k (actor, case_id) \
             WHERE h.actor = k.actor AND h.case_id = k.case_id",
        )
        .await?;
    connection.execute(&remove, &[&actors, &cases]).await?;
    Ok(())
}

/// Writes clocks that run.
pub(crate) async fn put_held(connection: &ClientWrapper, clocks: &[HeldClock]) -> Sql<()> {
    if clocks.is_empty() {
        return Ok(());
    }
    let actors: Vec<_> = clocks.iter().map(|clock| key(clock.holder.as_str())).collect();
    let cases: Vec<_> = clocks.iter().map(|clock| key(clock.case_id.as_str())).collect();
    let since: Vec<i64> = clocks.iter().map(|clock| clock.since.millis()).collect();
    let counted: Vec<i64> = clocks.iter().map(|clock| clock.counted_ms.cast_signed()).collect();
    let running: Vec<Option<i64>> =
        clocks.iter().map(|clock| clock.running_since.map(Timestamp::millis)).collect();
    let changed: Vec<i64> = clocks.iter().map(|clock| clock.changed_at.millis()).collect();
    let working_days: Vec<i64> = clocks.iter().map(|clock| i64::from(clock.working_days)).collect();
    let tracks: Vec<_> =
        clocks.iter().map(|clock| clock.track.as_ref().map(|track| key(track.as_str()))).collect();
    let put = connection
        .prepare_cached(
            "INSERT INTO held (actor, case_id, since, counted_ms, running_since, changed_at, working_days, track) \
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
             $7::bigint[], $8::text[]) \
             ON CONFLICT (actor, case_id) DO UPDATE SET since = excluded.since, counted_ms = excluded.counted_ms, \
             running_since = excluded.running_since, changed_at = excluded.changed_at, \
             working_days = excluded.working_days, track = excluded.track",
        )
        .await?;
    connection
        .execute(&put, &[&actors, &cases, &since, &counted, &running, &changed, &working_days, &tracks])
        .await?;
    Ok(())
}

fn day_key(change: &Change) -> DayKey {
    let (Change::Add(contribution) | Change::Remove(contribution)) = change;
    (contribution.actor.clone(), contribution.at.day())
}

fn columns(keys: &BTreeSet<DayKey>) -> (Vec<std::borrow::Cow<'_, str>>, Vec<i32>) {
    keys.iter().map(|(actor, day)| (key(actor.as_str()), day.number())).unzip()
}

/// A bug of ours: what a transaction touches is loaded first.
fn not_loaded() -> Failure {
    Failure::lasting(ErrorKind::Io, "what is to be changed was not read before: this is a bug")
}
