//! The batches of many callers, and what becomes of them: which events are new, at which place, and everyone's receipts.

use std::collections::{HashMap, HashSet};

use apmt_core::store::complete_batch;
use apmt_core::{Event, Invalid, Receipt, Recorded, Timestamp};
use uuid::Uuid;

/// One caller's batch: its events, and their JSON as it will be stored, written by the caller's own thread.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) events: Vec<Event>,
    pub(crate) payloads: Vec<String>,
    /// When it was handed to the store: what its events are recorded at, however often the transaction is tried.
    pub(crate) now: Timestamp,
}

/// What became of one caller's batch.
pub(crate) type Outcome = Result<Vec<Receipt>, Invalid>;

/// The batches of many callers, to be stored in one transaction.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) batches: Vec<Result<Incoming, Invalid>>,
    /// Where each event was to go in attempts under the lock whose end is not known.
    in_doubt: HashMap<Uuid, u64>,
    /// The attempt without the lock, if its end is not known.
    ahead_in_doubt: Option<Ahead>,
}

/// An attempt that was to write its events one behind the other, wherever the log then stood.
#[derive(Debug)]
struct Ahead {
    /// Where the log stood at least.
    known: u64,
    /// Which event was to be the first, the second and so on, from 1.
    places: HashMap<Uuid, u64>,
}

impl Ahead {
    /// Where the log stood, if the attempt has come to its end after all: all of it is there, at the places that it was
    /// to have.
    fn before(&self, ids: &HashMap<Uuid, (u64, Timestamp)>) -> Option<u64> {
        let mut stood = self
            .places
            .iter()
            .map(|(id, place)| ids.get(id).and_then(|(first, _)| first.checked_sub(*place)));
        let before = stood.next()??;
        (before >= self.known && stood.all(|stood| stood == Some(before))).then_some(before)
    }
}

impl Group {
    /// Checks the batches. One that breaks a rule is refused on its own.
    pub(crate) fn new(batches: Vec<Incoming>) -> Self {
        let checked = |mut batch: Incoming| complete_batch(&mut batch.events, batch.now).map(|()| batch);
        let batches = batches.into_iter().map(checked).collect();
        Self { batches, in_doubt: HashMap::new(), ahead_in_doubt: None }
    }

    /// Notes that it is not known what became of an attempt under the lock.
    pub(super) fn doubt(&mut self, places: Vec<(Uuid, u64)>) {
        self.in_doubt.extend(places);
    }

    /// Notes that it is not known what became of an attempt without the lock, which took the log to stand at `known`.
    pub(super) fn doubt_ahead(&mut self, places: Vec<(Uuid, u64)>, known: u64) {
        let places = places.into_iter().map(|(id, position)| (id, position - known)).collect();
        self.ahead_in_doubt = Some(Ahead { known, places });
    }

    /// Whether it is not known of an attempt if it was committed.
    pub(crate) fn is_in_doubt(&self) -> bool {
        !self.in_doubt.is_empty() || self.ahead_in_doubt.is_some()
    }

    pub(super) fn events(&self) -> impl Iterator<Item = (&Event, &String)> {
        self.batches.iter().flatten().flat_map(|batch| batch.events.iter().zip(&batch.payloads))
    }
}

/// What is there already of what a group names.
#[derive(Default)]
pub(super) struct Known {
    /// The ids of its events, and those that its retractions name, with the position and the time of recording.
    pub(super) ids: HashMap<Uuid, (u64, Timestamp)>,
    /// Those of its events that an earlier retraction names.
    pub(super) retracted: HashSet<Uuid>,
}

/// An event that is new, or taken to be, and its JSON as it will be stored.
#[derive(Debug)]
pub(super) struct New<'g> {
    pub(super) recorded: Recorded,
    pub(super) payload: &'g str,
}

/// Gives the new events their positions behind that one, and everyone a receipt.
///
/// An event that an attempt in doubt has stored after all is no duplicate: its sender has sent it once, and it is there
/// because of that. It is known by its place and the time of its recording, which no other sender's has.
pub(super) fn place<'g>(group: &'g Group, before: u64, known: &Known) -> (Vec<Outcome>, Vec<New<'g>>) {
    let ahead = group.ahead_in_doubt.as_ref();
    let ahead = ahead.and_then(|ahead| Some((ahead.before(&known.ids)?, &ahead.places)));
    let was_to_be = |id: &Uuid, position: u64| {
        group.in_doubt.get(id) == Some(&position)
            || ahead.is_some_and(|(before, places)| {
                places.get(id).is_some_and(|place| before + place == position)
            })
    };
    let mut placed: HashMap<Uuid, u64> = HashMap::new();
    let mut new = Vec::new();
    let outcomes = group.batches.iter().map(|batch| {
        let batch = batch.as_ref().map_err(Clone::clone)?;
        let mut receipts = Vec::with_capacity(batch.events.len());
        for (event, payload) in batch.events.iter().zip(&batch.payloads) {
            let position = before + new.len() as u64 + 1;
            let recorded = Recorded::new(event.clone(), position, batch.now);
            let id = recorded.id;
            if let Some((first, recorded_at)) = known.ids.get(&id) {
                let ours = *recorded_at == batch.now && was_to_be(&id, *first);
                let again = placed.insert(id, *first).is_some();
                receipts.push(Receipt::new(id, *first, again || !ours));
                continue;
            }
            let first = *placed.entry(id).or_insert(position);
            receipts.push(Receipt::new(id, first, first != position));
            if first == position {
                new.push(New { recorded, payload });
            }
        }
        Ok(receipts)
    });
    let outcomes = outcomes.collect();
    (outcomes, new)
}

/// Corrects receipts that were given out before the positions were known: they are that much higher.
pub(super) fn raise(outcomes: &mut [Outcome], by: u64) {
    for receipt in outcomes.iter_mut().flatten().flatten() {
        receipt.position += by;
    }
}
