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
    /// Where each event was to go in an attempt whose end is not known.
    pub(super) in_doubt: HashMap<Uuid, u64>,
}

impl Group {
    /// Checks the batches. One that breaks a rule is refused on its own.
    pub(crate) fn new(batches: Vec<Incoming>) -> Self {
        let checked = |mut batch: Incoming| complete_batch(&mut batch.events, batch.now).map(|()| batch);
        Self { batches: batches.into_iter().map(checked).collect(), in_doubt: HashMap::new() }
    }

    /// Whether it is not known of an attempt if it was committed.
    pub(crate) fn is_in_doubt(&self) -> bool {
        !self.in_doubt.is_empty()
    }

    pub(super) fn events(&self) -> impl Iterator<Item = (&Event, &String)> {
        self.batches.iter().flatten().flat_map(|batch| batch.events.iter().zip(&batch.payloads))
    }
}

/// Where the log stands, read with the lock.
pub(super) struct Head {
    pub(super) position: u64,
    pub(super) latest: Option<Timestamp>,
}

/// What is there already of what a group names.
pub(super) struct Known {
    /// The ids of its events, and those that its retractions name, with the position and the time of recording.
    pub(super) ids: HashMap<Uuid, (u64, Timestamp)>,
    /// Those of its events that an earlier retraction names.
    pub(super) retracted: HashSet<Uuid>,
}

/// An event that is new, and its JSON as it will be stored.
pub(super) struct New<'g> {
    pub(super) recorded: Recorded,
    pub(super) payload: &'g str,
}

/// Gives the new events their positions, and everyone a receipt.
///
/// An event that an attempt in doubt has stored after all is no duplicate: its sender has sent it once, and it is there
/// because of that. It is known by its place and the time of its recording, which no other sender's has.
pub(super) fn place<'g>(group: &'g Group, head: &Head, known: &Known) -> (Vec<Outcome>, Vec<New<'g>>) {
    let mut placed: HashMap<Uuid, u64> = HashMap::new();
    let mut new = Vec::new();
    let outcomes = group.batches.iter().map(|batch| {
        let batch = batch.as_ref().map_err(Clone::clone)?;
        let mut receipts = Vec::with_capacity(batch.events.len());
        for (event, payload) in batch.events.iter().zip(&batch.payloads) {
            let position = head.position + new.len() as u64 + 1;
            let recorded = Recorded::new(event.clone(), position, batch.now);
            let id = recorded.id;
            if let Some((first, recorded_at)) = known.ids.get(&id) {
                let ours = *recorded_at == batch.now && group.in_doubt.get(&id) == Some(first);
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
