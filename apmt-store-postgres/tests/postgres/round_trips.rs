//! How often an append waits for the network.

use std::sync::Arc;

use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_core::{Event, Timestamp};
use apmt_store_postgres::PostgresStore;
use uuid::Uuid;

use crate::database::{Database, shared};
use crate::proxy::RoundTrips;
use crate::support::{append, decisions, open};

/// A store behind a proxy that counts, which has appended before: its statements are prepared.
fn counted(database: &Database) -> (RoundTrips, PostgresStore) {
    let proxy = RoundTrips::before(shared().port());
    let url = format!("postgres://postgres@127.0.0.1:{}/{}?sslmode=disable", proxy.port(), database.name());
    let store = PostgresStore::builder(&url).clock(Arc::new(ManualClock::at(now()))).open().unwrap();
    for _ in 0..2 {
        append(&store, life("warm"));
    }
    (proxy, store)
}

/// What becomes of a case, in the order in which it happens: all tables are written, and rows of them are removed.
fn life(case_id: &str) -> Vec<Event> {
    let at = |minutes: i64| -> Timestamp { now().plus_millis((minutes - 60) * 60_000) };
    let events = [
        Event::case_opened(case_id),
        Event::assigned("anne", case_id),
        Event::decision("anne").case(case_id).human_verdict("DENY"),
        Event::sat_score(4).case(case_id),
    ];
    events.into_iter().zip(1..).map(|(event, minutes)| event.at(at(minutes)).build().unwrap()).collect()
}

fn retraction(id: Uuid) -> Vec<Event> {
    vec![Event::retraction(id, "entered twice").build().unwrap()]
}

#[test]
fn a_batch_takes_one_round_trip() {
    let (proxy, store) = counted(&Database::with_tables());
    let mut number = 0;
    let mut batch = || {
        number += 1;
        [life(&format!("A-{number}")), life(&format!("B-{number}"))].concat()
    };
    assert_eq!(proxy.least(5, || drop(append(&store, batch()))), 1, "cases that the batch opens");
    assert_eq!(proxy.least(5, || drop(append(&store, decisions("bob", 100)))), 1, "cases in memory");
    let without_case = || vec![Event::override_of("carol").build().unwrap()];
    assert_eq!(proxy.least(5, || drop(append(&store, without_case()))), 1, "no case");
}

#[test]
fn cases_that_are_not_in_memory_take_one_more_which_holds_up_nobody() {
    let database = Database::with_tables();
    let case_id = |number: usize| format!("C-{number}");
    let on = |number: usize| vec![Event::decision("bob").case(&case_id(number)).build().unwrap()];
    append(&open(&database), (0..10).flat_map(on).collect());
    let (proxy, store) = counted(&database);
    let mut numbers = 0..10;
    let trips = proxy.least(5, || drop(append(&store, on(numbers.next().unwrap()))));
    assert_eq!(trips, 2);
}

#[test]
fn what_was_sent_before_is_found_out_and_then_read_under_the_lock() {
    let (proxy, store) = counted(&Database::with_tables());
    let again = decisions("carol", 10);
    append(&store, again.clone());
    // The message that fails and its end, then the two that find out and commit.
    let trips = proxy.least(5, || drop(append(&store, again.clone())));
    assert!((2..=4).contains(&trips), "{trips}");
}

#[test]
fn servers_with_cases_of_their_own_take_one_each() {
    let database = Database::with_tables();
    let (proxy, store) = counted(&database);
    let other = open(&database);
    let on = |case_id: &str| vec![Event::decision("bob").case(case_id).build().unwrap()];
    let in_turn = || {
        append(&other, on("theirs"));
        append(&store, on("ours"));
    };
    in_turn();
    assert_eq!(proxy.least(5, in_turn), 1);
}

#[test]
fn servers_with_the_same_cases_take_two_once_they_know() {
    let database = Database::with_tables();
    let (proxy, store) = counted(&database);
    let other = open(&database);
    let in_turn = || {
        append(&other, decisions("bob", 3));
        append(&store, decisions("bob", 3));
    };
    in_turn();
    assert_eq!(proxy.least(8, in_turn), 2);
}

#[test]
fn what_must_be_read_by_what_was_read_takes_one_more() {
    let database = Database::with_tables();
    let (proxy, store) = counted(&database);
    let events = decisions("bob", 5);
    append(&open(&database), events.clone());
    append(&store, decisions("anne", 1));
    let mut ids = events.iter().filter_map(Event::id);
    // The event that is retracted, then its case, then its day, then the case again, to be folded without it.
    let trips = proxy.least(4, || drop(append(&store, retraction(ids.next().unwrap()))));
    assert!(trips > 1 && trips <= 6, "{trips}");
}
