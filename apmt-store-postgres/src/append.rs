//! One transaction of a writer: the batches of many callers, folded and written together.
//!
//! # One lock, taken first
//! Positions are 1, 2, 3 … in the order in which transactions commit, whoever commits them, and a reader that goes on
//! from the last position that it saw must miss none. A sequence cannot give them: it gives 7 to one transaction and 8
//! to another, and when 8 commits first, whoever has read 8 never reads 7; and what a transaction that fails was given
//! stays a gap. So every append locks the one row of `head`, which has the last position, and keeps it until it has
//! committed. PostgreSQL shows what a transaction wrote before it lets go of its locks, so that whoever has the lock
//! sees everything up to the head's position, and so does everyone who reads that position.
//!
//! The lock is taken before anything else, and everything that the transaction then reads is read under it: which ids
//! are there already, the events of the cases it touches, the days it adds to. That settles the rest:
//!
//! - Two servers never fold one case, or add to one actor's day, at the same time. No update is lost.
//! - With one lock there is no order to take locks in, and nothing to deadlock with.
//! - Whether an id is a duplicate is known before the fold, which must not take an event twice. The primary key of
//!   `ids` stands behind it all the same: an insertion that finds the id there fails the transaction, which is tried
//!   again.
//! - A fold needs positions, for they decide between events of one instant and name contributions. Under the lock they
//!   are known from the start.
//!
//! Locks on the cases first, and the head's only at the end, would let two servers fold at the same time. Their commits
//! would have to follow one another just the same, and with a synchronous standby it is the commit that takes long; so
//! that would buy little, for a second way to be wrong.
//!
//! # What it costs
//! Transactions follow one another: while one waits for the disk, and for a synchronous standby, no other server's
//! begins. Where one takes 5 ms, all servers together make no more than 200 a second. How many events that is, is up to
//! the writers (group commit): all that a server's callers bring while a transaction is under way go into its next one,
//! up to some thousands of events, so that more callers make larger transactions, and not a longer queue.
//!
//! A transaction takes two round trips. The first takes the lock and reads what the group needs: which of its ids are
//! there, the events of its cases, the days that they are likely to change. The second writes everything, moves the head
//! and commits. One round trip would need the fold inside the database, a second time beside the one that is tested:
//! what is written follows from what is read, and the positions that the fold needs are known with the lock only.
//!
//! It takes more where what is to be read follows from what was read: an event that is retracted, and its case; a case
//! of which an event comes late, to be folded from the start; the day of somebody whom a case concerned before this
//! writer knew of it; the first event of a month, whose partition is made. And one more where a writer that was alone
//! finds that it no longer is.
//!
//! What a writer has read of cases and days it remembers for as long as the head stands where it left it: where one
//! server writes, it mostly reads ids.
//!
//! # A server that hangs
//! One that is stopped, or cut off, while it has the lock would hold up all the others. The database ends such a
//! transaction after ten seconds (`idle_in_transaction_session_timeout`), and the others go on: an append that finds no
//! lock in time is tried again.
//!
//! # A commit whose answer is lost
//! The connection may break, or the server be replaced, after it was told to commit. Then the transaction is tried again,
//! and finds the ids there or does not. An event that is there, at the place and with the time of recording that the
//! lost attempt gave it, was stored by that attempt, and its sender is told so: it is no duplicate, for it was sent once.
//! Every attempt locks the head, so its commit waits for the same disks and standbys as if it wrote: what it found is as
//! durable as what it stores. If the store gives up before it knows, the error is
//! [`TimedOut`](apmt_core::ErrorKind::TimedOut), and says so.
//!
//! A commit that waits for a synchronous standby in vain is such a commit too. PostgreSQL would let a statement timeout
//! end that wait, and report that it has committed; so none is set while it commits, and the store ends the wait.

mod group;
mod write;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use apmt_core::case::{Batch, FOLD_VERSION};
use apmt_core::{Calendar, CaseId, ErrorKind, Recorded, Timestamp, What};
use deadpool_postgres::ClientWrapper;
use tokio::try_join;
use tokio_postgres::Statement;
use uuid::Uuid;

use crate::derived::{Derived, Finding, events_of};
use crate::failure::{Failure, Sql};
use crate::pipeline::Pipeline;
use crate::rows::{EVENT, all_recorded, timestamp};
pub(crate) use group::{Group, Incoming, Outcome};
use group::{Head, Known, New, place};
use write::{Retracted, insert_events, put_head, retract};

/// Appends groups to the log and keeps the derived tables.
#[derive(Debug)]
pub(crate) struct Appender {
    calendar: Calendar,
    /// Where to tell of what was appended, if the database knows NOTIFY.
    channel: Option<String>,
    derived: Derived,
    /// The head's position when `derived` was true.
    position: u64,
    /// How many times something had been erased by then.
    erasures: i64,
    /// Whether the head was where this writer had left it. Where it was not, another server writes too, and will have
    /// written again: then everything is read anew with the lock, which takes no round trip more.
    alone: bool,
    /// The times of recording that lie in the partition that is known to be there.
    partition: std::ops::Range<i64>,
    /// How long a commit is waited for.
    patience: Duration,
}

impl Appender {
    pub(crate) fn new(calendar: Calendar, channel: Option<String>, patience: Duration) -> Self {
        Self {
            calendar,
            channel,
            derived: Derived::new(),
            position: 0,
            erasures: 0,
            alone: true,
            partition: 0..0,
            patience,
        }
    }

    /// Forgets what the tables were found to hold: after an error, and on another connection, behind which there may be
    /// another server with another past.
    pub(crate) fn forget(&mut self) {
        self.derived.forget();
        self.partition = 0..0;
    }

    /// Appends a group in one transaction. After an error nothing of it is stored, unless the group says that it is
    /// in doubt; then it may be.
    pub(crate) async fn append(
        &mut self,
        connection: &ClientWrapper,
        group: &mut Group,
    ) -> Sql<Vec<Outcome>> {
        let appended = self.append_in_transaction(connection, group).await;
        if let Err(failure) = &appended {
            self.forget();
            if !failure.disconnected {
                // One that fails breaks the connection, which ends the transaction as well.
                let _ = connection.batch_execute("ROLLBACK").await;
            }
        }
        appended
    }

    async fn append_in_transaction(
        &mut self,
        connection: &ClientWrapper,
        group: &mut Group,
    ) -> Sql<Vec<Outcome>> {
        let (head, known) = self.begin(connection, group).await?;
        for batch in group.batches.iter().flatten() {
            self.make_partition(connection, batch.now).await?;
        }
        let (outcomes, mut new) = place(group, &head, &known);
        let mut folding = Batch::default();
        let retracted = self.fold(connection, &mut folding, &mut new, known).await?;
        self.derived.make(connection, &folding.into_changes(), &self.calendar).await?;

        let position = head.position + new.len() as u64;
        let mut pipeline = Pipeline::on(connection);
        if !new.is_empty() {
            insert_events(&mut pipeline, &new).await?;
            retract(&mut pipeline, &retracted).await?;
            self.derived.write(&mut pipeline).await?;
            let latest = new.iter().map(|new| new.recorded.occurred_at).max().max(head.latest);
            put_head(&mut pipeline, position, latest, self.channel.as_deref()).await?;
        }
        if let Err(failure) = pipeline.commit(self.patience).await {
            if failure.disconnected {
                let assigned = new.iter().map(|new| (new.recorded.id, new.recorded.position));
                let assigned: HashMap<Uuid, u64> = assigned.collect();
                group.in_doubt.extend(assigned);
            }
            return Err(failure);
        }
        self.position = position;
        Ok(outcomes)
    }

    /// Begins the transaction, takes the lock, and reads what is known of the group's ids and what its events are likely
    /// to need, in one round trip.
    async fn begin(&mut self, connection: &ClientWrapper, group: &Group) -> Sql<(Head, Known)> {
        let own: Vec<Uuid> = group.events().filter_map(|(event, _)| event.id()).collect();
        let retracted = group.events().filter_map(|(event, _)| retracts(event));
        let named: Vec<Uuid> = own.iter().copied().chain(retracted).collect();
        if !self.alone {
            self.derived.forget();
        }
        let lacks = self.derived.lacks(group.events().map(|(event, _)| event));
        // Prepared before the first is sent: what is read must not overtake the lock.
        let (lock, find_ids, find_retracted, finding) = try_join!(
            biased;
            prepare(
                connection,
                "SELECT position, latest, calendar, fold_version, erasures FROM head WHERE one = 1 FOR UPDATE",
            ),
            prepare(connection, "SELECT id, position, recorded_at FROM ids WHERE id = ANY ($1)"),
            prepare(connection, "SELECT id FROM retractions WHERE id = ANY ($1)"),
            Finding::prepare(connection),
        )?;
        let ((), head, ids, retracted, found) = try_join!(
            biased;
            async { Ok(connection.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?) },
            async { Ok(connection.query_one(&lock, &[]).await?) },
            async { Ok(connection.query(&find_ids, &[&named]).await?) },
            async { Ok(connection.query(&find_retracted, &[&own]).await?) },
            finding.find(connection, lacks),
        )?;
        let position = head.try_get::<_, i64>(0)?.cast_unsigned();
        if head.try_get::<_, Option<&str>>(2)? != Some(self.calendar.digest().as_str())
            || head.try_get::<_, Option<i64>>(3)? != Some(FOLD_VERSION)
        {
            return Err(folded_otherwise());
        }
        let erasures = head.try_get(4)?;
        self.alone = (position, erasures) == (self.position, self.erasures);
        if !self.alone {
            self.derived.forget();
            (self.position, self.erasures) = (position, erasures);
        }
        // This was read under the lock.
        self.derived.keep(found, &self.calendar);
        let latest = head.try_get::<_, Option<i64>>(1)?.map(timestamp);
        let ids = ids.iter().map(|row| {
            let position = row.try_get::<_, i64>(1)?.cast_unsigned();
            Ok((row.try_get(0)?, (position, timestamp(row.try_get(2)?))))
        });
        let retracted = retracted.iter().map(|row| Ok(row.try_get(0)?));
        let known = Known { ids: ids.collect::<Sql<_>>()?, retracted: retracted.collect::<Sql<_>>()? };
        Ok((Head { position, latest }, known))
    }

    /// Sees to it that there is a partition for what is recorded now.
    async fn make_partition(&mut self, connection: &ClientWrapper, now: Timestamp) -> Sql<()> {
        if !self.partition.contains(&now.millis()) {
            let make = connection.prepare_cached("SELECT lower, upper FROM make_partition($1)").await?;
            let made = connection.query_one(&make, &[&now.millis()]).await?;
            self.partition = made.try_get(0)?..made.try_get(1)?;
        }
        Ok(())
    }

    /// Takes the new events into the folds of their cases; the retractions among them.
    async fn fold(
        &mut self,
        connection: &ClientWrapper,
        folding: &mut Batch,
        new: &mut [New<'_>],
        known: Known,
    ) -> Sql<Retracted> {
        let targets = targets(connection, new, &known).await?;
        let events =
            new.iter().map(|new| &new.recorded).chain(targets.values()).map(|recorded| &recorded.event);
        self.derived.load(connection, events, &self.calendar).await?;

        let mut retracted = Retracted::default();
        let mut ids = known.retracted;
        let mut places: HashMap<Uuid, usize> = HashMap::with_capacity(new.len());
        for index in 0..new.len() {
            let recorded = &mut new[index].recorded;
            places.insert(recorded.id, index);
            recorded.retracted = ids.contains(&recorded.id);
            let fold = match recorded.event.case_id() {
                Some(case_id) => Some(self.derived.fold(case_id)?),
                None => None,
            };
            folding.take(fold, recorded, &self.calendar);
            if let (Some(actor), Some(kind)) = (recorded.event.actor(), recorded.event.actor_kind()) {
                self.derived.note_kind(actor, kind, recorded.order())?;
            }
            let Some(target) = retracts(&recorded.event) else { continue };
            let position = recorded.position;
            if let Some(place) = places.get(&target) {
                folding.retract(&new[*place].recorded, position, &self.calendar);
                new[*place].recorded.retracted = true;
            } else if let Some(old) = targets.get(&target) {
                if let Some(case_id) = old.event.case_id() {
                    self.derived.fold(case_id)?;
                }
                folding.retract(old, position, &self.calendar);
                if !old.retracted {
                    retracted.events.insert(old.position);
                }
            }
            if ids.insert(target) {
                retracted.names.push((target, position));
            }
        }
        self.fold_again(connection, folding, new, &ids).await?;
        Ok(retracted)
    }

    /// Folds the cases anew whose folds could not take everything.
    async fn fold_again(
        &mut self,
        connection: &ClientWrapper,
        folding: &mut Batch,
        new: &[New<'_>],
        retracted: &HashSet<Uuid>,
    ) -> Sql<()> {
        let cases = folding.cases_to_fold_again();
        let mut events = events_of(connection, &cases.iter().collect::<Vec<_>>()).await?;
        for recorded in events.values_mut().flatten() {
            recorded.retracted |= retracted.contains(&recorded.id);
        }
        let dirty: BTreeSet<&CaseId> = cases.iter().collect();
        for recorded in new.iter().map(|new| &new.recorded) {
            if let Some(case_id) = recorded.event.case_id().filter(|case_id| dirty.contains(case_id)) {
                events.entry(case_id.clone()).or_default().push(recorded.clone());
            }
        }
        for case_id in &cases {
            let events = events.remove(case_id).unwrap_or_default();
            *self.derived.fold(case_id)? = folding.again(case_id, &events, &self.calendar);
        }
        Ok(())
    }
}

async fn prepare(connection: &ClientWrapper, sql: &str) -> Sql<Statement> {
    Ok(connection.prepare_cached(sql).await?)
}

/// The events of earlier groups that the new ones retract.
async fn targets(connection: &ClientWrapper, new: &[New<'_>], known: &Known) -> Sql<HashMap<Uuid, Recorded>> {
    let named = new.iter().filter_map(|new| known.ids.get(&retracts(&new.recorded.event)?));
    let positions: Vec<i64> = named.map(|(position, _)| position.cast_signed()).collect();
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!("SELECT {EVENT} FROM events e WHERE e.position = ANY ($1) AND e.payload <> ''");
    let find = connection.prepare_cached(&sql).await?;
    let events = all_recorded(&connection.query(&find, &[&positions]).await?)?;
    Ok(events.into_iter().map(|recorded| (recorded.id, recorded)).collect())
}

fn retracts(event: &apmt_core::Event) -> Option<Uuid> {
    match event.what() {
        What::Retraction { retracts, .. } => Some(*retracts),
        _ => None,
    }
}

/// Another server has measured every case again since this one opened the store.
pub(crate) fn folded_otherwise() -> Failure {
    Failure::lasting(
        ErrorKind::Mismatch,
        "another server has folded the store again, through another calendar or as another version: stop this one, and \
         start it with that calendar and version",
    )
}
