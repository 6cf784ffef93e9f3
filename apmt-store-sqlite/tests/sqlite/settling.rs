//! The log's tail, of which some tables learn later: whoever reads or writes sees no difference.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use apmt_core::conformance::{naive, policy_with_targets, random_events};
use apmt_core::time::ManualClock;
use apmt_core::{ActorKind, AsOf, Calendar, Event, Policy, Store};
use apmt_store_sqlite::SqliteStore;
use futures_lite::future::block_on;

fn open(path: &Path) -> SqliteStore {
    let clock = Arc::new(ManualClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    SqliteStore::builder(path).clock(clock).open().unwrap()
}

/// The dossiers and the cases are what the log says.
fn check(store: &SqliteStore) {
    let log = block_on(store.events(0, usize::MAX)).unwrap();
    let as_of = block_on(store.status()).unwrap().latest.unwrap();
    let dossiers = block_on(store.dossiers(AsOf::Latest, &policy_with_targets(), None, usize::MAX)).unwrap();
    let expected = naive::dossiers(&log, as_of, &policy_with_targets(), &Calendar::Always);
    assert_eq!(naive::difference(&dossiers, &expected), None);
    let cases: BTreeSet<_> = log.iter().filter_map(|recorded| recorded.event.case_id()).collect();
    for case_id in cases {
        let mut of_case: Vec<_> =
            log.iter().filter(|recorded| recorded.event.case_id() == Some(case_id)).cloned().collect();
        of_case.sort_by_key(apmt_core::Recorded::order);
        assert_eq!(block_on(store.case(case_id)).unwrap(), of_case, "{case_id}");
    }
}

/// How far the file itself has settled its log, and how long that is.
fn settled(path: &Path) -> (u64, u64) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .query_row("SELECT settled, (SELECT max(position) FROM events) FROM head", [], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
        })
        .unwrap()
}

#[test]
fn two_writers_take_over_from_each_other_anywhere_in_the_tail() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let writers = [open(&path), open(&path)];
    let mut events = random_events(11, 1200).into_iter();
    let mut tails = BTreeSet::new();
    for round in 0.. {
        let batch: Vec<Event> = events.by_ref().take([1, 7, 60, 19, 130][round % 5]).collect();
        if batch.is_empty() {
            break;
        }
        block_on(writers[round % 3 / 2].append(batch)).unwrap();
        let (settled, all) = settled(&path);
        assert!(settled <= all && all - settled < 256, "{settled} of {all}");
        tails.insert(all - settled);
        if round % 4 == 0 {
            check(&writers[round % 8 / 4]);
        }
    }
    check(&writers[0]);
    // It was met empty, and with something in it.
    assert!(tails.contains(&0) && tails.len() > 5, "{tails:?}");
}

#[test]
fn a_kind_that_was_said_later_stays_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let said = |kind, at: &str| {
        Event::decision("anne")
            .actor_kind(kind)
            .at(at.parse().unwrap())
            .build()
            .map(|event| vec![event])
            .unwrap()
    };
    let kind = || {
        let store = open(&path);
        let as_of = AsOf::At("2026-03-05T00:00:00Z".parse().unwrap());
        let anne = "anne".try_into().unwrap();
        block_on(store.dossier(&anne, as_of, &Policy::default())).unwrap().actor_kind
    };
    block_on(open(&path).append(said(ActorKind::Human, "2026-03-01T00:00:00Z"))).unwrap();
    // The same again: the actor's row need not say so, and the log does.
    block_on(open(&path).append(said(ActorKind::Human, "2026-03-03T00:00:00Z"))).unwrap();
    let (settled, all) = settled(&path);
    assert!(settled < all);
    block_on(open(&path).append(said(ActorKind::Agent, "2026-03-02T00:00:00Z"))).unwrap();
    assert_eq!(kind(), Some(ActorKind::Human));
    block_on(open(&path).append(said(ActorKind::Agent, "2026-03-04T00:00:00Z"))).unwrap();
    assert_eq!(kind(), Some(ActorKind::Agent));
}
