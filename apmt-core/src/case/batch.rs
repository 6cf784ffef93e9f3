//! A batch of new events on its way into the folds: most are taken in one step, some make their case be folded again.

use std::collections::{BTreeMap, HashSet};

use super::{Fold, refold, without_case};
use crate::calendar::Calendar;
use crate::contribution::Change;
use crate::name::CaseId;
use crate::store::Recorded;

/// What a store keeps in mind while it appends a batch: the changes so far, and the cases to fold again.
///
/// For each new event, in log order, a store calls [`take`](Self::take), and for each retraction of an event that it
/// has, [`retract`](Self::retract). At the end it calls [`again`](Self::again) for each case of
/// [`cases_to_fold_again`](Self::cases_to_fold_again), with that case's events, and makes the
/// [`changes`](Self::into_changes).
#[derive(Debug, Default)]
pub struct Batch {
    changes: Vec<Change>,
    /// Cases to fold again, each with the position of the first event that its fold has not taken.
    dirty: BTreeMap<CaseId, u64>,
    /// Events that counted until this batch retracted them.
    retracted_now: HashSet<u64>,
}

impl Batch {
    /// Takes a new event; `fold` is its case's, where it has one. `event.retracted` says whether a retraction that came
    /// before it names it.
    pub fn take(&mut self, fold: Option<&mut Fold>, event: &Recorded, calendar: &Calendar) {
        match (fold, event.event.case_id()) {
            (Some(fold), Some(case_id)) => {
                if self.dirty.contains_key(case_id) {
                    return;
                }
                if !fold.take(event, calendar, &mut self.changes) {
                    self.dirty.insert(case_id.clone(), event.position);
                }
            }
            _ => self.changes.extend(without_case(event, calendar).into_iter().map(Change::Add)),
        }
    }

    /// Takes back an event that the log has. `target.retracted` says whether it was retracted before, and `position` is
    /// the retraction's.
    pub fn retract(&mut self, target: &Recorded, position: u64, calendar: &Calendar) {
        if target.retracted || !self.retracted_now.insert(target.position) {
            return;
        }
        match target.event.case_id() {
            Some(case_id) => {
                self.dirty.entry(case_id.clone()).or_insert(position);
            }
            None => self.changes.extend(without_case(target, calendar).into_iter().map(Change::Remove)),
        }
    }

    /// The cases whose folds could not take everything.
    pub fn cases_to_fold_again(&self) -> Vec<CaseId> {
        self.dirty.keys().cloned().collect()
    }

    /// Folds one of those cases again from all its events, as they stand with this batch; the fold to go on with.
    pub fn again(&mut self, case_id: &CaseId, events: &[Recorded], calendar: &Calendar) -> Fold {
        let untaken_from = self.dirty.remove(case_id).unwrap_or(u64::MAX);
        let before: Vec<Recorded> = events
            .iter()
            .filter(|event| event.position < untaken_from)
            .map(|event| {
                let retracted = event.retracted && !self.retracted_now.contains(&event.position);
                event.clone().with_retracted(retracted)
            })
            .collect();
        refold(&before, events, calendar, &mut self.changes)
    }

    /// What changes, to be made in this order.
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}
