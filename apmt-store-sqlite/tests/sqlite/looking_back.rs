//! Policies that look back before the window: the file says what the memory store says.

use std::sync::Arc;

use apmt_core::conformance::random_events;
use apmt_core::time::{DAY_MS, ManualClock, Timestamp};
use apmt_core::{AsOf, Calendar, Dossier, MemoryStore, Policy, Store};
use apmt_store_sqlite::SqliteStore;
use futures_lite::future::block_on;

const POLICY: &str = "
name: looking-back
window_days: 2
rules:
  - id: overrides
    when: [{metric: override_rate, above: 0.1, bound: wilson_lower, confidence: 0.8}]
    min: {decisions: 2}
    for: 2d
    clear_after: 1d
    then: review
  - id: slow
    when: [processing_hours.median > 2]
    for: 1d
    then: watch
";

fn all(store: &dyn Store, as_of: Timestamp, policy: &Policy) -> Vec<Dossier> {
    let mut all: Vec<Dossier> = Vec::new();
    loop {
        let after = all.last().map(|dossier| dossier.actor.clone());
        let page = block_on(store.dossiers(AsOf::At(as_of), policy, after.as_ref(), 3)).unwrap();
        if page.is_empty() {
            return all;
        }
        assert!(page.len() <= 3);
        all.extend(page);
    }
}

#[test]
fn the_file_and_the_memory_judge_alike() {
    let policy = Policy::from_yaml("policy.yaml", POLICY).unwrap();
    let (mut raised, mut seen) = (0, 0);
    for seed in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
        let file = SqliteStore::builder(folder.path().join("apmt.db"))
            .clock(Arc::clone(&clock) as _)
            .open()
            .unwrap();
        let memory = MemoryStore::with(clock, Calendar::Always);
        let events = random_events(seed, 600);
        block_on(file.append(events.clone())).unwrap();
        block_on(memory.append(events)).unwrap();
        let latest = block_on(file.status()).unwrap().latest.unwrap();
        for back in 0..12 {
            let as_of = latest.plus_millis(-back * (DAY_MS as i64 / 2) + 1_234_567);
            let found = all(&file, as_of, &policy);
            assert_eq!(found, all(&memory, as_of, &policy), "seed {seed}, as of {as_of}");
            for dossier in found {
                seen += 1;
                raised += usize::from(dossier.status.is_raised());
                assert_eq!(
                    block_on(file.dossier(&dossier.actor, AsOf::At(as_of), &policy)).unwrap(),
                    dossier
                );
            }
        }
    }
    assert!(raised > 0 && raised < seen, "the policy tells apart: {raised} of {seen}");
}
