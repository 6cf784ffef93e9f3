//! Several servers on one database.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use apmt_core::conformance::{now, random_events};
use apmt_core::{AsOf, Calendar, Event, Policy, Store};
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::database::Database;
use crate::support::{append, builder, decisions, log, open, same_as_naive};

#[test]
fn eight_writers_on_the_same_cases_come_to_what_a_naive_recomputation_says() {
    let database = Database::with_tables();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = open(&database);
            scope.spawn(move || {
                for batch in random_events(100 + writer, 120).chunks([1, 3, 10, 40][writer as usize % 4]) {
                    append(&store, batch.to_vec());
                }
                block_on(store.close()).unwrap();
            });
        }
    });
    let store = open(&database);
    assert_eq!(log(&store).len(), 8 * 120);
    same_as_naive(&store, &Calendar::Always);
}

#[test]
fn a_tailing_reader_misses_nothing_of_sixteen_writers() {
    const WRITERS: usize = 16;
    const EVENTS: usize = 60;
    let database = Database::with_tables();
    let written = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                // Four servers of four threads would share what they append; sixteen servers share nothing.
                let store = builder(&database).readers(1).open().unwrap();
                scope.spawn(move || {
                    for batch in decisions(&format!("writer-{writer}"), EVENTS).chunks(1 + writer % 4) {
                        append(&store, batch.to_vec());
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            let (reader, written) = (open(&database), &written);
            scope.spawn(move || {
                let mut seen = 0;
                loop {
                    // Looked at before the log is read: what was written before that is there to be read.
                    let over = written.load(Ordering::SeqCst);
                    let page = block_on(reader.events(seen, 50)).unwrap();
                    for recorded in &page {
                        seen += 1;
                        assert_eq!(recorded.position, seen, "none is missed, and none comes twice");
                    }
                    if over && page.is_empty() {
                        break;
                    }
                }
                assert_eq!(seen, (WRITERS * EVENTS) as u64);
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        written.store(true, Ordering::SeqCst);
    });
}

#[test]
fn of_the_same_event_sent_to_several_servers_one_is_no_duplicate() {
    let database = Database::with_tables();
    let events = random_events(7, 200);
    let first: Mutex<HashMap<_, Vec<u64>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (store, events, first) = (open(&database), &events, &first);
            scope.spawn(move || {
                for batch in events.chunks(5) {
                    for receipt in append(&store, batch.to_vec()) {
                        if !receipt.duplicate {
                            first.lock().unwrap().entry(receipt.id).or_default().push(receipt.position);
                        }
                    }
                }
            });
        }
    });
    let first = first.into_inner().unwrap();
    assert_eq!(first.len(), events.len());
    for recorded in log(&open(&database)) {
        assert_eq!(first[&recorded.id], [recorded.position]);
    }
}

#[test]
fn what_one_server_remembers_another_may_change() {
    let database = Database::with_tables();
    let (one, other) = (open(&database), open(&database));
    // One after the other, on the same cases: whatever the first remembers of them is out of date each time.
    for (round, events) in random_events(11, 300).chunks(15).enumerate() {
        append([&one, &other][round % 2], events.to_vec());
    }
    same_as_naive(&one, &Calendar::Always);
}

#[test]
fn a_bad_batch_does_not_concern_those_that_are_stored_with_it() {
    let database = Database::with_tables();
    let store = open(&database);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..10 {
                    let at = if writer == 0 { "2030-01-01T00:00:00Z" } else { "2026-03-01T00:00:00Z" };
                    let event = Event::decision("anne").at(at.parse().unwrap()).build().unwrap();
                    assert_eq!(block_on(store.append(vec![event])).is_ok(), writer != 0);
                }
            });
        }
    });
    assert_eq!(log(&store).len(), 70);
}

/// Each has folded its cases while the other was about to change them.
#[test]
fn writers_whose_cases_overlap_in_opposite_order_lose_nothing() {
    let database = Database::with_tables();
    let cases: Vec<String> = (0..12).map(|number| format!("C-{number}")).collect();
    let decision = |writer: usize, case_id: &String| {
        Event::decision(&format!("writer-{writer}")).case(case_id).human_verdict("DENY").build().unwrap()
    };
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (store, cases) = (open(&database), &cases);
            scope.spawn(move || {
                for round in 0..25 {
                    let mut events: Vec<Event> = cases.iter().map(|case| decision(writer, case)).collect();
                    if (writer + round) % 2 == 1 {
                        events.reverse();
                    }
                    append(&store, events);
                }
            });
        }
    });
    let store = open(&database);
    assert_eq!(log(&store).len(), 4 * 25 * cases.len());
    same_as_naive(&store, &Calendar::Always);
}

/// Nothing of the case names the retraction, and nothing of the retraction names the case.
#[test]
fn what_another_server_retracts_is_not_folded_from_memory() {
    let database = Database::with_tables();
    let (one, other) = (open(&database), open(&database));
    let at = |minutes: i64| now().plus_millis((minutes - 60) * 60_000);
    let advice =
        Event::recommendation_of("model", "C-1", "deny").id(Uuid::new_v4()).at(at(1)).build().unwrap();
    append(&one, vec![Event::case_opened("C-1").at(at(0)).build().unwrap(), advice.clone()]);
    append(&other, vec![Event::retraction(advice.id().unwrap(), "not its case").build().unwrap()]);
    // As far as the first knows, this overrides the model's advice.
    let verdict = Event::decision("anne").case("C-1").human_verdict("approve").at(at(2)).build().unwrap();
    append(&one, vec![verdict]);
    let dossier =
        block_on(one.dossier(&"anne".try_into().unwrap(), AsOf::At(now()), &Policy::default())).unwrap();
    assert_eq!((dossier.metrics.decisions, dossier.metrics.overrides), (1, 0));
    // One that comes after its retraction, from another server.
    let late = decisions("bob", 1);
    append(&other, vec![Event::retraction(late[0].id().unwrap(), "entered twice").build().unwrap()]);
    append(&one, late);
    same_as_naive(&one, &Calendar::Always);
    let bob = block_on(one.dossier(&"bob".try_into().unwrap(), AsOf::Now, &Policy::default())).unwrap();
    assert_eq!(bob.metrics.decisions, 0);
}

/// A server that has been idle while others wrote more than it would look through, and one that folds stars it has not
/// attributed yet: positions that it expected came out higher.
#[test]
fn what_was_folded_before_others_wrote_is_known_by_its_place_in_the_log() {
    let database = Database::with_tables();
    let (one, other) = (open(&database), open(&database));
    let at = |minutes: i64| now().plus_millis((minutes - 60) * 60_000);
    append(&one, vec![Event::case_opened("C-1").at(at(0)).build().unwrap()]);
    append(&other, decisions("bob", 30));
    // Stars that nobody can be named for yet; the log is 30 events further than this server knows.
    append(&one, vec![Event::sat_score(2).case("C-1").at(at(1)).build().unwrap()]);
    append(&other, decisions("bob", 5));
    append(&one, vec![Event::decision("anne").case("C-1").at(at(2)).build().unwrap()]);
    same_as_naive(&one, &Calendar::Always);
    append(&other, random_events(21, 300));
    append(&one, vec![Event::case_closed("C-1").actor("anne").at(at(3)).build().unwrap()]);
    same_as_naive(&one, &Calendar::Always);
}
