//! What the writer leaves for later: rows that would be written anew with every commit, and that the log itself can
//! stand in for.
//!
//! Which events are a case's, and when each actor's kind was said last, would touch a page or more for each event of a
//! commit, scattered over the file. So they are written some hundred events at a time: `head.settled` says up to which
//! position they are, and the log's tail behind it says the rest. It is short, and read as it is: by whoever looks for a
//! case's events, and by the writer when it starts, or when another process has written. All of it is part of the same
//! transactions as the events, so no crash comes between them.

use std::collections::BTreeSet;

use apmt_core::Recorded;
use rusqlite::{Connection, Statement};

use crate::rows::{EVENT, recorded};

/// Once the tail has so many events, it is settled at the end of the transaction.
const TAIL: u64 = 256;

/// The log's tail: what is not settled.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    settled: u64,
    /// The events that are on cases, by the case's number and their position: in the order in which they will be written.
    places: BTreeSet<(i64, u64)>,
}

impl Tail {
    /// The tail behind that position, of which nothing has been read yet.
    pub(crate) fn behind(settled: u64) -> Self {
        Self { settled, places: BTreeSet::new() }
    }

    /// Takes an event that is on a case.
    pub(crate) fn push(&mut self, case_no: i64, position: u64) {
        self.places.insert((case_no, position));
    }

    /// Whether it is time to settle, where the log ends at that position.
    pub(crate) fn is_long(&self, position: u64) -> bool {
        position.saturating_sub(self.settled) >= TAIL
    }

    /// Where the tail has events of a case before that position.
    fn of_case(&self, case_no: i64, before: u64) -> impl Iterator<Item = u64> {
        self.places.range((case_no, 0)..(case_no, before)).map(|(_, position)| *position)
    }
}

/// The statements that settle, and that read what is settled and what is not.
pub(crate) struct Statements<'c> {
    settled_events: Statement<'c>,
    event_at: Statement<'c>,
    behind: Statement<'c>,
    add: Statement<'c>,
    set_settled: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            settled_events: connection.prepare(&format!(
                "SELECT {EVENT} FROM case_events c CROSS JOIN events e ON e.position = c.position \
                 WHERE c.case_no = ?1 AND c.position < ?2"
            ))?,
            event_at: connection.prepare(&format!("SELECT {EVENT} FROM events e WHERE e.position = ?1"))?,
            behind: connection.prepare(&format!(
                "SELECT {EVENT}, e.case_no FROM events e WHERE e.position > ?1 AND e.payload <> '' ORDER BY e.position"
            ))?,
            add: connection.prepare("INSERT INTO case_events (case_no, position) VALUES (?1, ?2)")?,
            set_settled: connection.prepare("UPDATE head SET settled = ?1")?,
        })
    }

    /// The events of a case before that position, settled or not.
    pub(crate) fn events_of(
        &mut self,
        tail: &Tail,
        case_no: i64,
        before: u64,
    ) -> rusqlite::Result<Vec<Recorded>> {
        let settled = self.settled_events.query_map([case_no, before.cast_signed()], recorded)?;
        let mut events = settled.collect::<rusqlite::Result<Vec<_>>>()?;
        for position in tail.of_case(case_no, before) {
            events.push(self.event_at.query_row([position.cast_signed()], recorded)?);
        }
        Ok(events)
    }

    /// The events behind a position that is settled, each with its case's number.
    pub(crate) fn events_behind(&mut self, settled: u64) -> rusqlite::Result<Vec<(Option<i64>, Recorded)>> {
        self.behind.query_map([settled.cast_signed()], |row| Ok((row.get(6)?, recorded(row)?)))?.collect()
    }

    /// Writes the tail, which ends at that position; what follows is the next.
    pub(crate) fn settle(&mut self, tail: &mut Tail, position: u64) -> rusqlite::Result<()> {
        let settled = std::mem::replace(tail, Tail::behind(position));
        for (case_no, position) in settled.places {
            self.add.execute([case_no, position.cast_signed()])?;
        }
        self.set_settled.execute([position.cast_signed()])?;
        Ok(())
    }
}
