//! What subscriptions read from: the newest deltas, and behind them the newest dossier of every actor that changed.
//!
//! Deltas are numbered 1, 2, 3 …, and a reader is the number of the last one that it has seen. Memory is that of the
//! buffer and of one dossier an actor, however many readers there are and however slow.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use apmt_core::{ActorName, Dossier};

use super::delta::{DossierDelta, FieldChange};

#[derive(Debug)]
pub(super) struct Board {
    capacity: usize,
    /// The number of the newest delta; the buffer holds those just up to it.
    last: u64,
    buffer: VecDeque<Arc<Delta>>,
    /// Each actor's newest delta, by number: what a reader goes through that has fallen out of the buffer.
    newest: BTreeMap<u64, Newest>,
    numbers: HashMap<ActorName, u64>,
}

/// A delta in the buffer.
#[derive(Debug)]
pub(super) struct Delta {
    /// The number of the actor's delta before this one; 0 if there was none.
    before: u64,
    changes: Vec<FieldChange>,
    old: Option<Arc<Dossier>>,
    newest: Newest,
}

#[derive(Clone, Debug)]
pub(super) struct Newest {
    position: u64,
    dossier: Arc<Dossier>,
}

/// How far a subscription has read.
#[derive(Debug)]
pub(super) struct Reader {
    /// The number of the last delta that it has seen.
    last: u64,
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
        Self { capacity, last: 0, buffer, newest, numbers }
    }

    /// A reader of what comes from now on.
    pub(super) fn reader(&self, actor: Option<ActorName>) -> Reader {
        Reader { last: self.last, actor, gap: None }
    }

    /// Adds a delta.
    pub(super) fn publish(
        &mut self,
        position: u64,
        changes: Vec<FieldChange>,
        old: Option<Arc<Dossier>>,
        dossier: Arc<Dossier>,
    ) {
        self.last += 1;
        let before = self.numbers.insert(dossier.actor.clone(), self.last).unwrap_or(0);
        self.newest.remove(&before);
        let newest = Newest { position, dossier };
        self.newest.insert(self.last, newest.clone());
        if self.buffer.len() == self.capacity {
            self.buffer.pop_front();
        }
        self.buffer.push_back(Arc::new(Delta { before, changes, old, newest }));
    }

    /// What the reader has not seen: the next delta, if there is one.
    pub(super) fn next(&self, reader: &mut Reader) -> Option<Found> {
        let start = self.last - self.buffer.len() as u64;
        if reader.last < start
            && let Some(found) = self.next_in_gap(reader, start)
        {
            return Some(found);
        }
        let seen = usize::try_from(reader.last - start).unwrap_or(usize::MAX);
        for delta in self.buffer.iter().skip(seen) {
            reader.last += 1;
            if reader.is_for(&delta.newest.dossier.actor) {
                let follows_unseen = reader.gap.as_ref().is_some_and(|gap| {
                    reader.last <= gap.until && gap.from < delta.before && delta.before <= gap.to
                });
                return Some(if follows_unseen {
                    Found::Lagged(delta.newest.clone())
                } else {
                    Found::Whole(Arc::clone(delta))
                });
            }
        }
        None
    }

    /// The next among the newest dossiers of those whose last change the buffer has lost.
    fn next_in_gap(&self, reader: &mut Reader, start: u64) -> Option<Found> {
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
        found.map(|(_, newest)| Found::Lagged(newest.clone()))
    }
}

impl Reader {
    fn is_for(&self, actor: &ActorName) -> bool {
        self.actor.as_ref().is_none_or(|own| own == actor)
    }
}

/// What a reader is given: cheap to take under the lock, and made a delta of outside it.
#[derive(Debug)]
pub(super) enum Found {
    Whole(Arc<Delta>),
    Lagged(Newest),
}

impl Found {
    pub(super) fn to_delta(&self) -> DossierDelta {
        let (newest, whole) = match self {
            Self::Whole(delta) => (&delta.newest, Some(delta)),
            Self::Lagged(newest) => (newest, None),
        };
        DossierDelta {
            position: newest.position,
            actor: newest.dossier.actor.clone(),
            lagged: whole.is_none(),
            changes: whole.map(|delta| delta.changes.clone()).unwrap_or_default(),
            old: whole.and_then(|delta| delta.old.as_deref().cloned()),
            dossier: (*newest.dossier).clone(),
        }
    }
}
