//! What subscriptions read from: the newest deltas, and behind them the newest dossier of every actor that changed.
//!
//! Deltas are numbered 1, 2, 3 …, and a reader is the number of the last one that it has seen. Memory is that of the
//! buffer and of one dossier an actor, however many readers there are and however slow.
//!
//! # Cursors
//! Deltas come in batches, each of which is what a stretch of the log came to. Within a batch they go by actor, so only
//! its last one completes the stretch: the cursor of that one is the stretch's end, and that of the others its start.
//! A reader that goes through a gap is given actors in the order of their newest deltas, and so has the whole of no
//! stretch before it has the whole of the gap: until then its cursor stays where it fell out of the buffer.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use apmt_core::{ActorName, Dossier};

use super::delta::{DossierDelta, FieldChange};

#[derive(Debug)]
pub(super) struct Board {
    capacity: usize,
    /// The number of the newest delta; the buffer holds those just up to it.
    last: u64,
    buffer: VecDeque<Delta>,
    /// Each actor's newest delta, by number: what a reader goes through that has fallen out of the buffer.
    newest: BTreeMap<u64, Newest>,
    numbers: HashMap<ActorName, u64>,
    /// Where the log is followed from, once that is known.
    begins: Option<u64>,
    /// How far the log has been followed: the end of the last batch.
    cursor: u64,
}

/// An actor's dossier that has changed.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) position: u64,
    /// What changed; `None` where it is not known what the dossier was before.
    pub(super) fields: Option<Arc<[FieldChange]>>,
    pub(super) old: Option<Arc<Dossier>>,
    pub(super) dossier: Arc<Dossier>,
}

/// A delta in the buffer.
#[derive(Debug)]
struct Delta {
    /// The number of the actor's delta before this one; 0 if there was none.
    before: u64,
    /// How much of the log has been given with this one and all before it.
    cursor: u64,
    change: Change,
}

#[derive(Debug)]
struct Newest {
    position: u64,
    dossier: Arc<Dossier>,
}

/// How far a subscription has read.
#[derive(Debug)]
pub(super) struct Reader {
    /// The number of the last delta that it has seen.
    last: u64,
    /// How much of the log it has been given.
    cursor: u64,
    /// Whose dossiers it is for; everybody's if `None`.
    actor: Option<ActorName>,
    gap: Option<Gap>,
}

/// The numbers that a reader missed: after `from`, up to `to`.
#[derive(Debug)]
struct Gap {
    from: u64,
    to: u64,
    /// The newest delta when the reader went through the gap. One up to there may follow on one in the gap that the
    /// reader was not shown.
    until: u64,
}

impl Board {
    pub(super) fn new(capacity: usize) -> Self {
        let (buffer, newest, numbers) = Default::default();
        Self { capacity, last: 0, buffer, newest, numbers, begins: None, cursor: 0 }
    }

    /// Notes where the log is followed from.
    pub(super) fn begin(&mut self, position: u64) {
        self.begins = Some(position);
        self.cursor = position;
    }

    /// From where on a reader is given what happens, once that is known.
    pub(super) fn start_of(&self, reader: &Reader) -> Option<u64> {
        self.begins.map(|begins| reader.cursor.max(begins))
    }

    /// A reader of what comes from now on.
    pub(super) fn reader(&self, actor: Option<ActorName>) -> Reader {
        Reader { last: self.last, cursor: self.cursor, actor, gap: None }
    }

    /// Adds what the log came to from the last batch's end up to `end`.
    pub(super) fn publish(&mut self, end: u64, batch: Vec<Change>) {
        let mut left = batch.len();
        for change in batch {
            left -= 1;
            let cursor = if left == 0 { end } else { self.cursor };
            self.push(cursor, change);
        }
        self.cursor = end;
    }

    fn push(&mut self, cursor: u64, change: Change) {
        self.last += 1;
        let before = self.numbers.insert(change.dossier.actor.clone(), self.last).unwrap_or(0);
        self.newest.remove(&before);
        let newest = Newest { position: change.position, dossier: Arc::clone(&change.dossier) };
        self.newest.insert(self.last, newest);
        if self.buffer.len() == self.capacity {
            self.buffer.pop_front();
        }
        self.buffer.push_back(Delta { before, cursor, change });
    }

    /// What the reader has not seen: the next delta, if there is one.
    pub(super) fn next(&self, reader: &mut Reader) -> Option<DossierDelta> {
        reader.cursor = self.start_of(reader)?;
        let start = self.last - self.buffer.len() as u64;
        if reader.last < start
            && let Some(newest) = self.next_in_gap(reader, start)
        {
            return Some(lagged(newest.position, reader.cursor, &newest.dossier));
        }
        let seen = usize::try_from(reader.last - start).unwrap_or(usize::MAX);
        for Delta { before, cursor, change } in self.buffer.iter().skip(seen) {
            reader.last += 1;
            if reader.gap.as_ref().is_none_or(|gap| gap.until <= reader.last) {
                reader.cursor = *cursor;
            }
            if !reader.is_for(&change.dossier.actor) {
                continue;
            }
            let follows_unseen = reader
                .gap
                .as_ref()
                .is_some_and(|gap| reader.last <= gap.until && gap.from < *before && *before <= gap.to);
            return Some(match &change.fields {
                Some(fields) if !follows_unseen => DossierDelta {
                    position: change.position,
                    cursor: reader.cursor,
                    actor: change.dossier.actor.clone(),
                    lagged: false,
                    changes: Arc::clone(fields),
                    old: change.old.clone(),
                    dossier: Arc::clone(&change.dossier),
                },
                _ => lagged(change.position, reader.cursor, &change.dossier),
            });
        }
        None
    }

    /// The next among the newest dossiers of those whose last change the buffer has lost.
    fn next_in_gap(&self, reader: &mut Reader, start: u64) -> Option<&Newest> {
        let from = match &reader.gap {
            Some(gap) if reader.last <= gap.until => gap.from,
            _ => reader.last,
        };
        reader.gap = Some(Gap { from, to: start, until: self.last });
        let found = match &reader.actor {
            None => self.newest.range(reader.last + 1..=start).next(),
            Some(actor) => self
                .numbers
                .get(actor)
                .filter(|number| (reader.last + 1..=start).contains(number))
                .and_then(|number| self.newest.get_key_value(number)),
        };
        reader.last = found.map_or(start, |(number, _)| *number);
        found.map(|(_, newest)| newest)
    }
}

impl Reader {
    fn is_for(&self, actor: &ActorName) -> bool {
        self.actor.as_ref().is_none_or(|own| own == actor)
    }
}

/// A dossier whose reader does not have the one before it.
fn lagged(position: u64, cursor: u64, dossier: &Arc<Dossier>) -> DossierDelta {
    DossierDelta {
        position,
        cursor,
        actor: dossier.actor.clone(),
        lagged: true,
        changes: Arc::default(),
        old: None,
        dossier: Arc::clone(dossier),
    }
}
