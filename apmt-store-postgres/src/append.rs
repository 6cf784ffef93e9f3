//! One transaction of a writer: the batches of many callers, folded and written together.
//!
//! # One lock, taken last
//! Positions are 1, 2, 3 … in the order in which transactions commit, whoever commits them, and a reader that goes on
//! from the last position that it saw must miss none. A sequence cannot give them: it gives 7 to one transaction and 8
//! to another, and when 8 commits first, whoever has read 8 never reads 7; and what a transaction that fails was given
//! stays a gap. So every append locks the one row of `head`, which has the last position, and keeps it until it has
//! committed. PostgreSQL shows what a transaction wrote before it lets go of its locks, so that whoever has the lock
//! sees everything up to the head's position, and so does everyone who reads that position.
//!
//! While one has that lock, no other server appends. So nothing is done under it that can be done before, and that is
//! nearly all: a writer has the folds of the cases in use in memory, true as the log stood when it looked last. It folds
//! the group as if its events came next, and sends all that follows in one message: the call of the database's function
//! `append`, and a commit. The function takes the lock, gives out the positions, and writes.
//!
//! - What was folded rests on what was in memory. The function has the log say which cases have been added to since the
//!   writer looked, and fails if one of the group's is among them, if anything has been retracted since, or if a month of
//!   what happened since is gone. So no two servers fold one case against each other.
//! - Whether an id is there already, or was named by a retraction, or a case that the group opens is not new, is found by
//!   the function too, which then fails as well.
//! - What is written holds positions that count from where the log then stands; days are added to by a
//!   [part](crate::days) of their own. So it does not matter how many events of other cases have come between, and
//!   servers that add to one actor's day do not meet.
//!
//! Where the function fails, the group is appended the other way: the lock first, then everything is read under it, then
//! it is folded and written. So is whatever must be read to be folded: a retraction; an event that comes late, before
//! what its case's fold has taken; stars that go from one actor to another, for they were counted in a part that is
//! there. And after failures a writer takes the lock first for a while. Nothing that is read under the lock is out of
//! date, so that way always comes to an end.
//!
//! With one lock, which nobody who has it waits behind, there is nothing to deadlock with. Cases are no locks: theirs
//! would have to be taken before the fold and kept while a slow server folds.
//!
//! # What it costs
//! One round trip, where the group's cases are in memory or opened by it. One more where some are to be read first, in
//! which no lock is held. Under the lock, two, and more where what is to be read follows from what was read: an event
//! that is retracted, and its case; the days that are rewritten; the first event of a month, whose partition is made.
//!
//! Commits follow one another, and under the lock a group takes what the database needs to write it. While a transaction
//! is under way, all that a server's callers bring gathers for its next one (group commit), up to some thousands of events:
//! more callers make larger transactions, and not a longer queue.
//!
//! # A server that hangs
//! One that is stopped, or cut off, while it has the lock would hold up all the others. The function has its arguments
//! whole before it takes the lock, and the commit comes with it. In the other way there is a time between, and the
//! database ends such a transaction after ten seconds (`idle_in_transaction_session_timeout`), and the others go on: an
//! append that finds no lock in time is tried again.
//!
//! # A commit whose answer is lost
//! The connection may break, or the server be replaced, after it was told to commit. Then the transaction is tried again,
//! under the lock, and finds the ids there or does not. Events that are there with the time of recording that the lost
//! attempt gave them, at the places that it gave them (or, where it did not know where the log stood, one behind the other
//! as it would have put them) were stored by that attempt, and their senders are told so: they are no duplicates, for they
//! were sent once. One that comes to its end later than that is found out: its ids are there.
//! Every attempt locks the head, so its commit waits for the same disks and standbys as if it wrote: what it found is as
//! durable as what it stores. If the store gives up before it knows, the error is
//! [`TimedOut`](apmt_core::ErrorKind::TimedOut), and says so.
//!
//! A commit that waits for a synchronous standby in vain is such a commit too. PostgreSQL would let a statement timeout
//! end that wait, and report that it has committed; so none is set while it commits, and the store ends the wait.

mod fold;
mod group;
mod look;
mod wary;
mod write;

use std::time::Duration;

use apmt_core::{Calendar, ErrorKind, Timestamp, What};
use deadpool_postgres::ClientWrapper;
use uuid::Uuid;

use crate::cases::Cases;
use crate::days::pack::Counting;
use crate::days::{self, DayChanges};
use crate::failure::{Failure, Sql};
use crate::pipeline::Pipeline;
use fold::Folded;
pub(crate) use group::{Group, Incoming, Outcome};
use group::{Known, New, place, raise};
pub(crate) use look::events_of;
use look::{Look, Seen};
use wary::Wary;
use write::{Write, Written, retract};

/// What begins a transaction that writes.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// Appends groups to the log and keeps the derived tables.
#[derive(Debug)]
pub(crate) struct Appender {
    calendar: Calendar,
    /// Where to tell of what was appended, if the database knows NOTIFY.
    channel: Option<String>,
    cases: Cases,
    /// Where the log stood when `cases` was true, if that is known.
    position: Option<u64>,
    /// Whether nobody else had changed a case when this writer looked last. Where others have, they may have again: then
    /// a group's cases are read anew with the lock, which takes no round trip more.
    alone: bool,
    wary: Wary,
    parts: Counting,
    /// The times of recording that lie in the partition that is known to be there.
    partition: std::ops::Range<i64>,
    /// How long a commit is waited for.
    patience: Duration,
}

impl Appender {
    pub(crate) fn new(
        calendar: Calendar,
        channel: Option<String>,
        parts: Counting,
        patience: Duration,
    ) -> Self {
        let (cases, wary) = (Cases::new(), Wary::default());
        let (position, alone, partition) = (None, true, 0..0);
        Self { calendar, channel, cases, position, alone, wary, parts, partition, patience }
    }

    /// Forgets what the tables were found to hold: after an error, and on another connection, behind which there may be
    /// another server with another past.
    pub(crate) fn forget(&mut self) {
        self.cases.forget();
        self.position = None;
        self.partition = 0..0;
    }

    /// Appends a group in one transaction. After an error nothing of it is stored, unless the group says that it is
    /// in doubt; then it may be.
    pub(crate) async fn append(
        &mut self,
        connection: &ClientWrapper,
        group: &mut Group,
    ) -> Sql<Vec<Outcome>> {
        let appended = self.append_either_way(connection, group).await;
        if let Err(failure) = &appended {
            self.forget();
            roll_back(connection, failure).await;
        }
        appended
    }

    async fn append_either_way(
        &mut self,
        connection: &ClientWrapper,
        group: &mut Group,
    ) -> Sql<Vec<Outcome>> {
        if self.may_go_ahead(group) {
            match self.ahead(connection, group).await {
                Ok(Some(outcomes)) => {
                    self.wary.went_well();
                    return Ok(outcomes);
                }
                Ok(None) => {}
                Err(failure) if failure.stale => {
                    self.wary.was_stale();
                    roll_back(connection, &failure).await;
                }
                Err(failure) => return Err(failure),
            }
            self.cases.forget_touched();
        }
        self.under_lock(connection, group).await
    }

    /// Whether there is a chance that nothing need be read under the lock.
    fn may_go_ahead(&mut self, group: &Group) -> bool {
        let in_partition = |batch: &Incoming| self.partition.contains(&batch.now.millis());
        self.position.is_some()
            && group.batches.iter().flatten().all(in_partition)
            && group.events().next().is_some()
            && !group.events().any(|(event, _)| retracts(event).is_some())
            && !group.is_in_doubt()
            && self.wary.dares()
    }

    /// Folds the group as if it came next in the log, and writes it in one message, which fails as
    /// [stale](Failure::stale) if something that this rests upon has changed. `None` if it cannot be done so.
    async fn ahead(&mut self, connection: &ClientWrapper, group: &mut Group) -> Sql<Option<Vec<Outcome>>> {
        self.cases.expect_new(group.events().map(|(event, _)| event));
        let lacking = self.cases.lacking(group.events().map(|(event, _)| event));
        if !lacking.is_empty() {
            let (since, calendar) = (self.position, &self.calendar);
            let seen = Look { connection, since, cases: &lacking, calendar }.without_lock().await?;
            self.know(&seen, lacking);
        }
        // Where others have just changed a case that was in memory, they are likely to do so again.
        let lacks = !self.cases.lacking(group.events().map(|(event, _)| event)).is_empty();
        let Some(known) = self.position.filter(|_| !lacks) else { return Ok(None) };
        let (mut outcomes, new) = place(group, known, &Known::default());
        let Some(Folded { changes, said, .. }) = fold::ahead(&mut self.cases, &new, &self.calendar)? else {
            return Ok(None);
        };
        let days = DayChanges::of(changes, known);
        if !days.others.is_empty() {
            return Ok(None);
        }
        let write = Write {
            known,
            locked: false,
            calendar: self.calendar.digest(),
            channel: self.channel.as_deref(),
            retraction: None,
            new: &new,
            rows: self.cases.rows()?,
            days: &days.parts,
            said,
        };
        let mut pipeline = Pipeline::beginning(connection, BEGIN);
        write.add_to(&mut pipeline).await?;
        let (count, places) = (new.len() as u64, places(&new));
        match pipeline.commit(self.patience).await {
            Ok(rows) => {
                let written = Written::of(&rows)?.ok_or_else(nothing_said)?;
                let by = written.before - known;
                raise(&mut outcomes, by);
                self.cases.committed(known, by);
                self.cases.forget_these(written.changed.iter().map(String::as_str));
                self.alone = by == 0;
                self.position = Some(written.before + count);
                self.parts.count(days.parts.keys());
                Ok(Some(outcomes))
            }
            Err(failure) => {
                if failure.disconnected {
                    group.doubt_ahead(places, known);
                }
                Err(failure)
            }
        }
    }

    /// Takes the lock first, reads what is needed under it, folds, and writes in a second message.
    async fn under_lock(&mut self, connection: &ClientWrapper, group: &mut Group) -> Sql<Vec<Outcome>> {
        let own: Vec<Uuid> = group.events().filter_map(|(event, _)| event.id()).collect();
        let named: Vec<Uuid> = group.events().filter_map(|(event, _)| retracts(event)).collect();
        if !self.alone {
            self.cases.forget_of(group.events().map(|(event, _)| event));
        }
        let lacking = self.cases.lacking(group.events().map(|(event, _)| event));
        let (since, calendar) = (self.position, &self.calendar);
        let look = Look { connection, since, cases: &lacking, calendar };
        let (seen, ids) = look.with_lock(&own, &named).await?;
        let known = seen.position;
        self.know(&seen, lacking);
        for batch in group.batches.iter().flatten() {
            self.make_partition(connection, batch.now).await?;
        }
        let (outcomes, mut new) = place(group, known, &ids);
        let Folded { changes, said, retracted, retraction } =
            fold::under_lock(connection, &mut self.cases, &mut new, ids, seen.events, &self.calendar).await?;
        let days = DayChanges::of(changes, known);
        let mut pipeline = Pipeline::on(connection);
        if !new.is_empty() {
            retract(&mut pipeline, &retracted).await?;
            days::rewrite(connection, &mut pipeline, &days.others).await?;
            let write = Write {
                known,
                locked: true,
                calendar: self.calendar.digest(),
                channel: self.channel.as_deref(),
                retraction,
                new: &new,
                rows: self.cases.rows()?,
                days: &days.parts,
                said,
            };
            write.add_to(&mut pipeline).await?;
        }
        let (count, places) = (new.len() as u64, places(&new));
        if let Err(failure) = pipeline.commit(self.patience).await {
            if failure.disconnected {
                group.doubt(places);
            }
            return Err(failure);
        }
        self.cases.committed(known, 0);
        self.position = Some(known + count);
        self.parts.count(days.parts.keys());
        Ok(outcomes)
    }

    /// Keeps what was seen: where the log stands, and the cases that were asked for.
    fn know(&mut self, seen: &Seen, asked: std::collections::BTreeSet<apmt_core::CaseId>) {
        self.alone = seen.changed.as_ref().is_some_and(Vec::is_empty);
        match &seen.changed {
            Some(changed) => self.cases.forget_these(changed.iter().map(String::as_str)),
            None => self.cases.forget(),
        }
        self.cases.keep(asked, &seen.events, &self.calendar);
        self.position = Some(seen.position);
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
}

/// Ends a transaction that has failed. One whose connection broke has ended with it.
async fn roll_back(connection: &ClientWrapper, failure: &Failure) {
    if !failure.disconnected {
        // One that fails breaks the connection, which ends the transaction as well.
        let _ = connection.batch_execute("ROLLBACK").await;
    }
}

fn places(new: &[New<'_>]) -> Vec<(Uuid, u64)> {
    new.iter().map(|new| (new.recorded.id, new.recorded.position)).collect()
}

fn retracts(event: &apmt_core::Event) -> Option<Uuid> {
    match event.what() {
        What::Retraction { retracts, .. } => Some(*retracts),
        _ => None,
    }
}

fn nothing_said() -> Failure {
    Failure::lasting(
        ErrorKind::Io,
        "the database does not say where it has appended: has its function changed?",
    )
}

/// Another server has measured every case again since this one opened the store.
pub(crate) fn folded_otherwise() -> Failure {
    Failure::lasting(
        ErrorKind::Mismatch,
        "another server has folded the store again, through another calendar or as another version: stop this one, and \
         start it with that calendar and version",
    )
}
