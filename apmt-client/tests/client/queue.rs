//! What is enqueued is recorded, or lost for a reason that is counted.

use apmt_client::{Client, ErrorKind, Event, WhenFull};
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::support::{Fault, LONG, TestStore, at, client_on, decision};

#[test]
fn what_is_enqueued_is_stored_in_order_with_its_id() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    let ids: Vec<Uuid> =
        (0..3000).map(|number| client.enqueue(Event::decision(&format!("a{number}"))).unwrap()).collect();
    block_on(client.flush(LONG)).unwrap();
    assert_eq!(client.queued(), 0);
    let stored: Vec<Uuid> = store.log().iter().map(|recorded| recorded.id).collect();
    assert_eq!(stored, ids);
}

#[test]
fn the_instant_is_that_of_the_call() {
    use std::sync::Arc;

    let clock = crate::support::clock();
    let store = TestStore::with_clock(clock.clone());
    let client = Client::builder().store(store.clone()).clock(Arc::clone(&clock) as _).build().unwrap();
    store.append_door.shut();
    client.enqueue(Event::decision("anne@sba.gov")).unwrap();
    store.append_door.wait_for(1);
    clock.advance(std::time::Duration::from_secs(3600));
    store.append_door.open();
    block_on(client.flush(LONG)).unwrap();
    let recorded = &store.log()[0];
    assert_eq!(recorded.occurred_at, at("2026-03-01T12:00:00Z"));
    assert_eq!(recorded.recorded_at, at("2026-03-01T13:00:00Z"));
}

#[test]
fn a_duplicate_is_counted_as_one() {
    let client = client_on(&TestStore::new()).build().unwrap();
    for _ in 0..3 {
        client.enqueue(Event::decision("anne@sba.gov").id(Uuid::from_u128(7))).unwrap();
    }
    let report = block_on(client.shutdown(LONG));
    assert_eq!((report.recorded, report.duplicates, report.losses.total()), (1, 2, 0));
}

#[test]
fn what_fails_for_now_is_retried_until_it_works() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    store.fail([ErrorKind::Unavailable, ErrorKind::TimedOut, ErrorKind::Locked]);
    for _ in 0..10 {
        client.enqueue(decision("anne@sba.gov")).unwrap();
    }
    block_on(client.flush(LONG)).unwrap();
    assert_eq!(store.log().len(), 10);
    assert_eq!(client.losses().total(), 0);
}

#[test]
fn only_the_event_that_breaks_a_rule_is_left_out() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    store.append_door.shut();
    client.enqueue(decision("first@sba.gov")).unwrap();
    store.append_door.wait_for(1);
    // The others come to the store as one batch, which it refuses by the place of the first bad event in it.
    let future = || Event::decision("anne@sba.gov").at(at("2026-03-09T00:00:00Z"));
    for number in 0..20 {
        let event = if number % 5 == 2 { future() } else { Event::decision("anne@sba.gov") };
        client.enqueue(event).unwrap();
    }
    store.append_door.open();
    block_on(client.flush(LONG)).unwrap();
    assert_eq!(store.log().len(), 17);
    let losses = client.losses();
    assert_eq!((losses.invalid, losses.total()), (4, 4));
}

#[test]
fn a_batch_that_is_refused_without_a_place_is_halved() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    store.refuse("bad@sba.gov");
    store.append_door.shut();
    client.enqueue(decision("first@sba.gov")).unwrap();
    store.append_door.wait_for(1);
    for number in 0..100 {
        let actor = if number % 40 == 30 { "bad@sba.gov".to_owned() } else { format!("a{number:03}") };
        client.enqueue(decision(&actor)).unwrap();
    }
    store.append_door.open();
    let report = block_on(client.shutdown(LONG));
    assert_eq!((report.recorded, report.losses.invalid, report.losses.total()), (99, 2, 2));
}

#[test]
fn what_is_refused_for_good_is_counted_and_the_queue_goes_on() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    store.fail([ErrorKind::ReadOnly]);
    client.enqueue(decision("anne@sba.gov")).unwrap();
    block_on(client.flush(LONG)).unwrap();
    store.fault([Fault::Panic]);
    client.enqueue(decision("anne@sba.gov")).unwrap();
    block_on(client.flush(LONG)).unwrap();
    client.enqueue(decision("anne@sba.gov")).unwrap();
    let report = block_on(client.shutdown(LONG));
    assert_eq!((report.recorded, report.losses.store, report.losses.total()), (1, 2, 2));
}

#[test]
fn what_is_no_event_is_refused_and_counted() {
    let client = client_on(&TestStore::new()).build().unwrap();
    let error = client.enqueue(r#"{"type": "OVERIDE", "actor": "anne@sba.gov"}"#).unwrap_err();
    assert_eq!(error.invalid().unwrap().nearest(), Some("OVERRIDE"));
    assert_eq!(client.losses().invalid, 1);
}

/// One event is with the store, which does not answer, and two wait.
fn full_queue(when_full: WhenFull) -> (std::sync::Arc<TestStore>, Client) {
    let store = TestStore::new();
    let client = client_on(&store).queue_capacity(2).when_full(when_full).build().unwrap();
    store.append_door.shut();
    client.enqueue(decision("a1")).unwrap();
    store.append_door.wait_for(1);
    client.enqueue(decision("a2")).unwrap();
    client.enqueue(decision("a3")).unwrap();
    assert_eq!(client.queued(), 3);
    (store, client)
}

fn actors(store: &TestStore) -> Vec<String> {
    store.log().iter().map(|recorded| recorded.event.actor().unwrap().to_string()).collect()
}

#[test]
fn a_full_queue_refuses_the_newest() {
    let (store, client) = full_queue(WhenFull::RejectNewest);
    let error = client.enqueue(decision("a4")).unwrap_err();
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Unavailable, true));
    assert_eq!(client.losses().queue_full, 1);
    store.append_door.open();
    let report = block_on(client.shutdown(LONG));
    assert_eq!((report.recorded, report.losses.total()), (3, 1));
    assert_eq!(actors(&store), ["a1", "a2", "a3"]);
}

#[test]
fn a_full_queue_drops_the_oldest_if_told_so() {
    let (store, client) = full_queue(WhenFull::DropOldest);
    client.enqueue(decision("a4")).unwrap();
    client.enqueue(decision("a5")).unwrap();
    assert_eq!(client.losses().queue_full, 2);
    store.append_door.open();
    let report = block_on(client.shutdown(LONG));
    assert_eq!((report.recorded, report.losses.total()), (3, 2));
    assert_eq!(actors(&store), ["a1", "a4", "a5"]);
}

/// Dropped events must not make a flush believe that the ones before them have arrived.
#[test]
fn a_flush_that_times_out_says_so_and_loses_nothing() {
    let (store, client) = full_queue(WhenFull::DropOldest);
    for number in 4..10 {
        client.enqueue(decision(&format!("a{number}"))).unwrap();
    }
    let error = block_on(client.flush(std::time::Duration::ZERO)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(client.queued(), 3);
    store.append_door.open();
    block_on(client.flush(LONG)).unwrap();
    assert_eq!(actors(&store), ["a1", "a8", "a9"]);
}

#[test]
fn the_books_balance_whatever_happens() {
    for when_full in [WhenFull::RejectNewest, WhenFull::DropOldest] {
        let store = TestStore::new();
        let client = client_on(&store).queue_capacity(50).when_full(when_full).build().unwrap();
        store.refuse("bad@sba.gov");
        store.fail([ErrorKind::Unavailable, ErrorKind::Corrupt]);
        let (threads, calls) = (4, 1000);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let client = &client;
                scope.spawn(move || {
                    for call in 0..calls {
                        let result = match call % 10 {
                            0 => client.enqueue("no event"),
                            1 => client.enqueue(decision("bad@sba.gov")),
                            2 => client.enqueue(Event::decision("anne@sba.gov").id(Uuid::from_u128(1))),
                            _ => client.enqueue(Event::decision(&format!("a{thread}"))),
                        };
                        // A refusal is counted by the queue; here it is no news.
                        drop(result);
                    }
                });
            }
        });
        let report = block_on(client.shutdown(LONG));
        assert!(!report.timed_out && report.store_closed, "{report}");
        let settled = report.recorded + report.duplicates + report.losses.total();
        assert_eq!(settled, threads * calls, "{report}");
        assert_eq!(report.recorded, store.log().len() as u64);
    }
}
