//! Whatever is appended, however it is batched and to whichever server: the memory store says the same.

use std::sync::Arc;

use apmt_core::conformance::{now, random_events};
use apmt_core::time::ManualClock;
use apmt_core::{ActorName, AsOf, Calendar, MemoryStore, Policy, Store, Window};
use futures_lite::future::block_on;
use proptest::prelude::*;

use crate::database::Database;
use crate::support::builder;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_memory_store_says_the_same(
        seed in any::<u32>(),
        batches in prop::collection::vec((0..2_usize, 1..60_usize), 1..12),
        again in any::<prop::sample::Index>(),
        back in 0..50_i64,
        federal in any::<bool>(),
    ) {
        let calendar = if federal { Calendar::us_federal() } else { Calendar::Always };
        let database = Database::with_tables();
        let servers = [(); 2].map(|()| builder(&database).calendar(calendar.clone()).open().unwrap());
        let memory = MemoryStore::with(Arc::new(ManualClock::at(now())), calendar);
        let events = random_events(u64::from(seed), 250);
        let mut rest = &events[..];
        for (server, size) in batches.iter().cycle() {
            let (batch, left) = rest.split_at((*size).min(rest.len()));
            // Some of it is sent twice.
            let mut batch = batch.to_vec();
            batch.push(events[again.index(events.len())].clone());
            let receipts = block_on(servers[*server].append(batch.clone())).unwrap();
            prop_assert_eq!(receipts, block_on(memory.append(batch)).unwrap());
            rest = left;
            if rest.is_empty() {
                break;
            }
        }
        let store = &servers[0];
        let log = block_on(store.events(0, usize::MAX)).unwrap();
        prop_assert_eq!(&log, &block_on(memory.events(0, usize::MAX)).unwrap());
        let as_of = AsOf::At(now().plus_millis(-back * 86_400_000));
        let policy = Policy::default();
        let dossiers = block_on(store.dossiers(as_of, &policy, None, usize::MAX)).unwrap();
        prop_assert_eq!(&dossiers, &block_on(memory.dossiers(as_of, &policy, None, usize::MAX)).unwrap());
        let window = Window::all_until(now());
        for actor in dossiers.into_iter().map(|dossier| dossier.actor).chain([ActorName::nobody()]) {
            let of = |store: &dyn Store| block_on(store.contributions(&actor, window, None, usize::MAX)).unwrap();
            prop_assert_eq!(of(store), of(&memory));
        }
        for recorded in log.iter().step_by(10) {
            let found = block_on(store.event(recorded.id)).unwrap();
            prop_assert_eq!(found.as_ref(), Some(recorded));
            if let Some(case_id) = recorded.event.case_id() {
                prop_assert_eq!(block_on(store.case(case_id)).unwrap(), block_on(memory.case(case_id)).unwrap());
            }
        }
    }
}
