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
fn a_batch_takes_two_round_trips_one_that_reads_and_one_that_writes_and_commits() {
    let (proxy, store) = counted(&Database::with_tables());
    let mut number = 0;
    let mut batch = || {
        number += 1;
        (number, [life(&format!("A-{number}")), life(&format!("B-{number}"))].concat())
    };
    assert_eq!(proxy.least(5, || drop(append(&store, batch().1))), 2, "new cases");
    assert_eq!(proxy.least(5, || drop(append(&store, decisions("bob", 100)))), 2, "cases in memory");
    let again = decisions("carol", 10);
    append(&store, again.clone());
    assert_eq!(proxy.least(5, || drop(append(&store, again.clone()))), 2, "duplicates");
}

#[test]
fn among_servers_that_write_in_turn_it_takes_two_as_well() {
    let database = Database::with_tables();
    let (proxy, store) = counted(&database);
    let other = open(&database);
    let in_turn = || {
        append(&other, decisions("bob", 3));
        append(&store, decisions("bob", 3));
    };
    // The first time the store finds out that it is not alone, and reads once more what it remembered.
    in_turn();
    assert_eq!(proxy.least(5, in_turn), 2);
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
    assert!(trips > 2 && trips <= 6, "{trips}");
}
