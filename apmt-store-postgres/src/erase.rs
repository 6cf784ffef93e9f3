//! Erasing events: under the head's lock, so that nobody appends meanwhile, and so that every server forgets what it has
//! in memory of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use apmt_core::case::{FOLD_VERSION, Fold, HeldClock, refold, without_case};
use apmt_core::store::seal::{CannotErase, Erased, is_erasure};
use apmt_core::{ActorName, Calendar, CaseId, Change, ErrorKind, Recorded};
use deadpool_postgres::{ClientWrapper, Object};

use crate::append::{events_of, folded_otherwise};
use crate::days::{self, DayChanges};
use crate::failure::{Failure, Sql};
use crate::held;
use crate::pipeline::{Pipeline, parameters};
use crate::rows::{EVENT, recorded, stored};
use crate::seal::sealed;

/// Erases events in one transaction, and says how many.
pub(crate) async fn erase(
    connection: Object,
    events: Vec<Erased>,
    calendar: Calendar,
    patience: Duration,
) -> Sql<u64> {
    if events.is_empty() {
        return Ok(0);
    }
    connection.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
    let erased = in_transaction(&connection, &events, &calendar, patience).await;
    if erased.is_err() {
        // In the middle of something, perhaps: it goes, and ends the transaction with it.
        drop(Object::take(connection));
    }
    erased
}

async fn in_transaction(
    connection: &ClientWrapper,
    events: &[Erased],
    calendar: &Calendar,
    patience: Duration,
) -> Sql<u64> {
    let lock = "SELECT calendar, fold_version FROM head WHERE one = 1 FOR UPDATE";
    let head = connection.query_one(lock, &[]).await?;
    if head.try_get::<_, Option<&str>>(0)? != Some(calendar.digest().as_str())
        || head.try_get::<_, Option<i64>>(1)? != Some(FOLD_VERSION)
    {
        return Err(folded_otherwise());
    }
    let targets = targets(connection, events).await?;
    if targets.is_empty() {
        connection.batch_execute("COMMIT").await?;
        return Ok(0);
    }
    let mut changes = Vec::new();
    let mut actors: HashSet<ActorName> = HashSet::new();
    let mut cases = BTreeSet::new();
    for (said, _) in targets.values() {
        actors.extend(said.event.actor().cloned());
        match said.event.case_id() {
            Some(case_id) => drop(cases.insert(case_id)),
            None => changes.extend(without_case(said, calendar).into_iter().map(Change::Remove)),
        }
    }
    let cases: Vec<&CaseId> = cases.into_iter().collect();
    let before = events_of(connection, &cases).await?;
    let (mut ended, mut running) = (Vec::new(), Vec::new());
    for before in before.values() {
        let left = |recorded: &&Recorded| !targets.contains_key(&recorded.position);
        let after: Vec<Recorded> = before.iter().filter(left).cloned().collect();
        ended.extend(Fold::of(before, calendar).clock());
        running.extend(refold(before, &after, calendar, &mut changes).clock());
    }
    actors.extend(ended.iter().map(|clock: &HeldClock| clock.holder.clone()));
    for change in &changes {
        let (Change::Add(contribution) | Change::Remove(contribution)) = change;
        actors.insert(contribution.actor.clone());
    }
    let mut pipeline = Pipeline::on(connection);
    empty(&mut pipeline, &targets).await?;
    // None of what changes is new.
    let days = DayChanges::of(changes, u64::MAX);
    days::rewrite(connection, &mut pipeline, &days.others).await?;
    held::remove(&mut pipeline, &ended).await?;
    held::insert(&mut pipeline, &running).await?;
    forget(&mut pipeline, &actors, &cases).await?;
    pipeline.commit(patience).await?;
    Ok(targets.len() as u64)
}

/// What is to be erased and is not yet.
async fn targets<'e>(
    connection: &ClientWrapper,
    events: &'e [Erased],
) -> Sql<BTreeMap<u64, (Recorded, &'e Erased)>> {
    let all = events.iter().flat_map(|event| [event.position, event.record]);
    let all: Vec<i64> = all.map(u64::cast_signed).collect();
    let find = format!("SELECT {EVENT}, e.payload = '' FROM events e WHERE e.position = ANY ($1)");
    let find = connection.prepare_cached(&find).await?;
    let mut found: HashMap<u64, Option<Recorded>> = HashMap::new();
    for row in connection.query(&find, &[&all]).await? {
        let position = row.try_get::<_, i64>(0)?.cast_unsigned();
        let said = if row.try_get(6)? { None } else { Some(recorded(&row)?) };
        found.insert(position, said);
    }
    let size = sealed(connection).await?;
    let cannot = |why: CannotErase| Err(Failure::lasting(ErrorKind::Invalid, why.to_string()));
    let mut targets = BTreeMap::new();
    for event in events {
        if !matches!(found.get(&event.record), Some(Some(said)) if is_erasure(&said.event)) {
            return cannot(CannotErase::NoRecord(event.record));
        }
        match found.get(&event.position) {
            None => return cannot(CannotErase::NotThere(event.position)),
            Some(None) => {}
            Some(Some(said)) if is_erasure(&said.event) => {
                return cannot(CannotErase::IsRecord(event.position));
            }
            Some(Some(_)) if event.position > size => return cannot(CannotErase::NotSealed(event.position)),
            Some(Some(said)) => drop(targets.insert(event.position, (said.clone(), event))),
        }
    }
    Ok(targets)
}

/// Empties the rows, and puts what is left into the seal.
async fn empty(pipeline: &mut Pipeline<'_>, targets: &BTreeMap<u64, (Recorded, &Erased)>) -> Sql<()> {
    let positions: Vec<i64> = targets.keys().map(|position| position.cast_signed()).collect();
    let commitments: Vec<Vec<u8>> = targets.values().map(|(_, erased)| erased.commitment.to_vec()).collect();
    let records: Vec<i64> = targets.values().map(|(_, erased)| erased.record.cast_signed()).collect();
    let empty = "UPDATE events SET payload = '', occurred_at = 0, shard_key = '', has_case = false \
                 WHERE position = ANY ($1)";
    pipeline.add(empty, parameters![positions.clone()]).await?;
    let keep = "UPDATE seal s SET salt = NULL, commitment = e.commitment, erasure = e.record \
                FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) e (position, commitment, record) \
                WHERE s.number = 2 * (e.position - 1)";
    pipeline.add(keep, parameters![positions, commitments, records]).await
}

/// Of actors for whom nothing counts, and of cases without events, not even the names are kept; and other servers are
/// told to forget.
async fn forget(pipeline: &mut Pipeline<'_>, actors: &HashSet<ActorName>, cases: &[&CaseId]) -> Sql<()> {
    let names: Vec<String> = actors.iter().map(|actor| stored(actor.as_str())).collect();
    let forget = "DELETE FROM actors a WHERE a.name = ANY ($1) \
                  AND NOT EXISTS (SELECT 1 FROM days d WHERE d.actor = a.name) \
                  AND NOT EXISTS (SELECT 1 FROM held h WHERE h.actor = a.name)";
    pipeline.add(forget, parameters![names]).await?;
    let keys: Vec<String> = cases.iter().map(|case_id| stored(case_id.as_str())).collect();
    let forget = "DELETE FROM cases c WHERE c.case_id = ANY ($1) \
                  AND NOT EXISTS (SELECT 1 FROM events e WHERE e.shard_key = c.case_id AND e.has_case)";
    pipeline.add(forget, parameters![keys]).await?;
    // As a retraction by the event that comes next: what writers have in memory is true of no log that they can know.
    let head = "UPDATE head SET retraction = position + $1::bigint, \
                latest = (SELECT max(occurred_at) FROM events WHERE payload <> '') WHERE one = 1";
    pipeline.add(head, parameters![1_i64]).await
}
