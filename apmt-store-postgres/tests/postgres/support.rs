//! What several tests need.

use std::sync::Arc;

use apmt_core::conformance::{naive, now, policy_with_targets};
use apmt_core::time::ManualClock;
use apmt_core::{AsOf, Calendar, Event, Receipt, Recorded, Store};
use apmt_store_postgres::{PostgresBuilder, PostgresStore};
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::database::Database;

/// A builder whose clock shows what the suite's random events are recorded at.
pub(crate) fn builder(database: &Database) -> PostgresBuilder {
    database.builder().clock(Arc::new(ManualClock::at(now())))
}

pub(crate) fn open(database: &Database) -> PostgresStore {
    builder(database).open().unwrap()
}

pub(crate) fn append(store: &PostgresStore, events: Vec<Event>) -> Vec<Receipt> {
    block_on(store.append(events)).unwrap()
}

/// Decisions that have their ids, so that they can be sent again.
pub(crate) fn decisions(actor: &str, count: usize) -> Vec<Event> {
    let decision = |number| Event::decision(actor).case(&format!("C-{number}")).id(Uuid::new_v4());
    (0..count).map(|number| decision(number).build().unwrap()).collect()
}

/// The whole log, whose positions must be 1, 2, 3 …
pub(crate) fn log(store: &dyn Store) -> Vec<Recorded> {
    let log = block_on(store.events(0, usize::MAX)).unwrap();
    for (recorded, position) in log.iter().zip(1..) {
        assert_eq!(recorded.position, position, "the log has a gap");
    }
    log
}

/// Every dossier is what a naive recomputation of the log says.
pub(crate) fn same_as_naive(store: &dyn Store, calendar: &Calendar) {
    let dossiers =
        block_on(store.dossiers(AsOf::At(now()), &policy_with_targets(), None, usize::MAX)).unwrap();
    let expected = naive::dossiers(&log(store), now(), &policy_with_targets(), calendar);
    assert!(!dossiers.is_empty());
    assert_eq!(naive::difference(&dossiers, &expected), None);
}
