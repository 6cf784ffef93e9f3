//! The folds of cases as a writer keeps them: read before they are needed, kept in memory while they are in use.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;

use apmt_core::case::{Fold, HeldClock};
use apmt_core::{Calendar, CaseId, ErrorKind, Event, Recorded, What};
use lru::LruCache;

use crate::failure::{Failure, Sql};
use crate::rows::{name, stored};

/// How many cases are kept in memory: more than one transaction can touch, for what it has touched must stay until it is
/// written.
const CASES: NonZeroUsize = NonZeroUsize::new(65_536).expect("is not zero");

/// The folds that a writer has in memory, true as the log stood when it last looked.
#[derive(Debug)]
pub(crate) struct Cases {
    known: LruCache<CaseId, Case>,
    /// Those that the transaction under way folds.
    touched: BTreeSet<CaseId>,
}

#[derive(Debug)]
struct Case {
    fold: Fold,
    /// The case's row in `held`.
    held: Option<HeldClock>,
    /// Whether the log has nothing of it, as far as is known.
    is_new: bool,
}

/// What becomes of the rows of the touched cases.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// All of them, and those of which there was nothing.
    pub(crate) touched: Vec<String>,
    pub(crate) new: Vec<String>,
    /// The clocks that run no more, and those that run now.
    pub(crate) ended: Vec<HeldClock>,
    pub(crate) running: Vec<HeldClock>,
}

impl Cases {
    pub(crate) fn new() -> Self {
        Self { known: LruCache::new(CASES), touched: BTreeSet::new() }
    }

    /// Forgets everything: the log is what counts.
    pub(crate) fn forget(&mut self) {
        *self = Self::new();
    }

    /// Forgets those cases, named as they are stored: others have changed them.
    pub(crate) fn forget_these<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>) {
        for key in keys {
            self.known.pop(&CaseId::from_stored(&name(key)));
        }
    }

    /// Forgets the cases of those events.
    pub(crate) fn forget_of<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) {
        for case_id in events.into_iter().filter_map(Event::case_id) {
            self.known.pop(case_id);
        }
    }

    /// Forgets what the transaction under way has folded: it came to nothing.
    pub(crate) fn forget_touched(&mut self) {
        for case_id in std::mem::take(&mut self.touched) {
            self.known.pop(&case_id);
        }
    }

    /// The cases of those events that are not in memory.
    pub(crate) fn lacking<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) -> BTreeSet<CaseId> {
        // Those that are in memory are used now, and so are not what is forgotten for the others.
        let cases = events.into_iter().filter_map(Event::case_id);
        cases.filter(|case_id| self.known.get(*case_id).is_none()).cloned().collect()
    }

    /// Takes it that a case which one of those events opens, and which is not in memory, is new, until the transaction
    /// under way has come to its end.
    pub(crate) fn expect_new<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) {
        let opening = |event: &&Event| matches!(event.what(), What::CaseOpened { .. });
        for case_id in events.into_iter().filter(opening).filter_map(Event::case_id) {
            if !self.known.contains(case_id) {
                self.keep_one(case_id.clone(), &[], &Calendar::Always);
                self.touched.insert(case_id.clone());
            }
        }
    }

    /// Keeps cases, with what was found of them: all of their events.
    pub(crate) fn keep(
        &mut self,
        cases: BTreeSet<CaseId>,
        events: &HashMap<CaseId, Vec<Recorded>>,
        calendar: &Calendar,
    ) {
        for case_id in cases {
            let events = events.get(&case_id).map_or(&[][..], Vec::as_slice);
            self.keep_one(case_id, events, calendar);
        }
    }

    fn keep_one(&mut self, case_id: CaseId, events: &[Recorded], calendar: &Calendar) {
        let fold = Fold::of(events, calendar);
        let held = fold.clock();
        self.known.put(case_id, Case { fold, held, is_new: events.is_empty() });
    }

    /// The fold of a case that is in memory, to take an event or to be replaced.
    pub(crate) fn fold(&mut self, case_id: &CaseId) -> Sql<&mut Fold> {
        if !self.touched.contains(case_id) {
            self.touched.insert(case_id.clone());
        }
        self.known.get_mut(case_id).map(|case| &mut case.fold).ok_or_else(not_read)
    }

    /// What is to be written of the touched cases.
    pub(crate) fn rows(&self) -> Sql<Rows> {
        let mut rows = Rows::default();
        for case_id in &self.touched {
            let case = self.known.peek(case_id).ok_or_else(not_read)?;
            rows.touched.push(stored(case_id.as_str()));
            if case.is_new {
                rows.new.push(stored(case_id.as_str()));
            }
            let now = case.fold.clock();
            if case.held == now {
                continue;
            }
            let ends = |before: &&HeldClock| now.as_ref().is_none_or(|now| now.holder != before.holder);
            rows.ended.extend(case.held.as_ref().filter(ends).cloned());
            rows.running.extend(now);
        }
        Ok(rows)
    }

    /// What the transaction has folded is in the log. The positions after `after` came out `by` higher than they were
    /// folded with.
    pub(crate) fn committed(&mut self, after: u64, by: u64) {
        for case_id in std::mem::take(&mut self.touched) {
            if let Some(case) = self.known.peek_mut(&case_id) {
                case.fold.raise_positions(after, by);
                case.held = case.fold.clock();
                case.is_new = false;
            }
        }
    }
}

/// A bug of ours: what a transaction touches is read first.
fn not_read() -> Failure {
    Failure::lasting(ErrorKind::Io, "what is to be changed was not read before: this is a bug")
}
