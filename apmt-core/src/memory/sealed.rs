//! The seal of a store in memory, and what erasing leaves.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, Slot, State, index};
use crate::calendar::Calendar;
use crate::case::{refold, without_case};
use crate::contribution::Change;
use crate::error::Result;
use crate::name::{ActorName, CaseId};
use crate::store::Recorded;
use crate::store::seal::{
    CannotErase, Erased, Hash, KeptCheckpoint, Salt, SealNode, SealStore, SealedRow, StoredRow, is_erasure,
};
use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Seal {
    size: u64,
    nodes: HashMap<u64, (Hash, Option<Salt>)>,
    checkpoints: BTreeSet<(u64, String)>,
}

/// What is left of an erased event.
#[derive(Debug)]
pub(super) struct Tombstone {
    id: Uuid,
    recorded_at: Timestamp,
    commitment: Hash,
    record: u64,
}

#[async_trait]
impl SealStore for MemoryStore {
    async fn sealed(&self) -> Result<u64> {
        Ok(self.open()?.seal.size)
    }

    async fn rows(&self, after: i64, limit: usize) -> Result<Vec<StoredRow>> {
        let state = self.open()?;
        let from = usize::try_from(after.max(0)).unwrap_or(usize::MAX);
        let slots = state.log.iter().zip(1..).skip(from).take(limit);
        Ok(slots.map(|(slot, position)| state.row(slot, position)).collect())
    }

    async fn nodes(&self, numbers: Vec<u64>) -> Result<Vec<Option<Vec<u8>>>> {
        let state = self.open()?;
        Ok(numbers.iter().map(|number| state.seal.nodes.get(number).map(|(hash, _)| hash.to_vec())).collect())
    }

    async fn keep_nodes(&self, sealed: u64, nodes: Vec<SealNode>) -> Result<bool> {
        let mut state = self.open()?;
        if state.seal.size != sealed {
            return Ok(false);
        }
        for SealNode { number, hash, salt } in nodes {
            state.seal.size = state.seal.size.max(number / 2 + 1);
            state.seal.nodes.insert(number, (hash, salt));
        }
        Ok(true)
    }

    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<KeptCheckpoint>> {
        let state = self.open()?;
        let more = state.seal.checkpoints.iter().filter(|(size, _)| *size > after).take(limit);
        Ok(more.cloned().map(|(size, note)| KeptCheckpoint { size, note }).collect())
    }

    async fn newest_checkpoint(&self) -> Result<Option<KeptCheckpoint>> {
        let newest = self.open()?.seal.checkpoints.last().cloned();
        Ok(newest.map(|(size, note)| KeptCheckpoint { size, note }))
    }

    async fn keep_checkpoint(&self, checkpoint: KeptCheckpoint) -> Result<()> {
        self.open()?.seal.checkpoints.insert((checkpoint.size, checkpoint.note));
        Ok(())
    }

    async fn damage(&self) -> Result<Option<String>> {
        self.open().map(|_| None)
    }

    async fn erase(&self, events: Vec<Erased>) -> Result<u64> {
        let mut state = self.open()?;
        for event in &events {
            state.may_erase(event)?;
        }
        Ok(state.erase(&events, &self.calendar))
    }
}

impl State {
    fn row(&self, slot: &Slot, position: i64) -> StoredRow {
        let node = self.seal.nodes.get(&(2 * (position.cast_unsigned() - 1)));
        let sealed = |commitment: Option<Hash>, record: Option<u64>| {
            node.map(|(hash, salt)| {
                let (salt, commitment) = (salt.map(|salt| salt.to_vec()), commitment.map(|it| it.to_vec()));
                SealedRow::new(hash.to_vec(), salt, commitment, record.map(u64::cast_signed))
            })
        };
        match slot {
            Slot::Event(recorded) => {
                let Recorded { id, occurred_at, recorded_at, event, .. } = &**recorded;
                let times = (occurred_at.millis(), recorded_at.millis());
                let case_id = event.case_id().map(|case_id| case_id.as_str().to_owned());
                let payload = event.to_payload().into_bytes();
                StoredRow::new(position, id.as_bytes().to_vec(), times, case_id, payload)
                    .with_sealed(sealed(None, None))
            }
            Slot::Erased(Tombstone { id, recorded_at, commitment, record }) => {
                let times = (0, recorded_at.millis());
                StoredRow::new(position, id.as_bytes().to_vec(), times, None, Vec::new())
                    .with_sealed(sealed(Some(*commitment), Some(*record)))
            }
        }
    }

    fn may_erase(&self, &Erased { position, record, .. }: &Erased) -> Result<(), CannotErase> {
        if !self.at(record).is_some_and(|recorded| is_erasure(&recorded.event)) {
            return Err(CannotErase::NoRecord(record));
        }
        let slot = index(position).and_then(|index| self.log.get(index));
        match slot.ok_or(CannotErase::NotThere(position))? {
            Slot::Event(recorded) if is_erasure(&recorded.event) => Err(CannotErase::IsRecord(position)),
            Slot::Event(_) if position > self.seal.size => Err(CannotErase::NotSealed(position)),
            _ => Ok(()),
        }
    }

    fn erase(&mut self, events: &[Erased], calendar: &Calendar) -> u64 {
        let mut changes = Vec::new();
        let mut cases: BTreeMap<CaseId, Vec<Recorded>> = BTreeMap::new();
        let mut actors: HashSet<ActorName> = HashSet::new();
        let mut erased = HashSet::new();
        for Erased { position, commitment, record } in events {
            let Some(recorded) = self.at(*position) else { continue };
            let tombstone = Tombstone {
                id: recorded.id,
                recorded_at: recorded.recorded_at,
                commitment: *commitment,
                record: *record,
            };
            actors.extend(recorded.event.actor().cloned());
            match recorded.event.case_id().cloned() {
                Some(case_id) if cases.contains_key(&case_id) => {}
                // Read before anything of it is gone.
                Some(case_id) => {
                    let events = self.events_of(&case_id);
                    cases.insert(case_id, events);
                }
                None => changes.extend(without_case(recorded, calendar).into_iter().map(Change::Remove)),
            }
            if let Some(slot) = index(*position).and_then(|index| self.log.get_mut(index)) {
                *slot = Slot::Erased(tombstone);
            }
            if let Some((_, salt)) = self.seal.nodes.get_mut(&(2 * (position - 1))) {
                *salt = None;
            }
            erased.insert(*position);
        }
        for (case_id, before) in cases {
            let fold = refold(&before, &self.events_of(&case_id), calendar, &mut changes);
            if let Some(case) = self.cases.get_mut(&case_id) {
                case.fold = fold;
                case.positions.retain(|position| !erased.contains(position));
            }
            actors.extend(self.cases.get(&case_id).and_then(|case| case.holder.clone()));
            self.note_holder(&case_id);
            self.cases.retain(|known, case| *known != case_id || !case.positions.is_empty());
        }
        for change in changes {
            let (Change::Add(contribution) | Change::Remove(contribution)) = &change;
            actors.insert(contribution.actor.clone());
            self.make(change);
        }
        // Of whom nothing counts any more, not even the name is kept.
        self.actors.retain(|name, actor| {
            !actors.contains(name) || !actor.days.is_empty() || !actor.holds.is_empty()
        });
        self.latest = self.log.iter().filter_map(Slot::event).map(|recorded| recorded.occurred_at).max();
        erased.len() as u64
    }
}
