//! An actor's day lies in parts, which are packed together while everybody goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use apmt_core::conformance::random_events;
use apmt_core::{AsOf, Calendar, Event, Policy, Store};
use futures_lite::future::block_on;

use crate::database::Database;
use crate::support::{append, decisions, log, open, same_as_naive};

#[test]
fn the_parts_of_a_day_are_packed_and_come_to_the_same() {
    let database = Database::with_tables();
    let store = open(&database);
    for _ in 0..40 {
        append(&store, decisions("anne", 2));
    }
    while database.sql("SELECT count(*) < 20 FROM apmt.days WHERE actor = 'anne'") != "t" {
        std::thread::sleep(Duration::from_millis(20));
    }
    let anne = "anne".try_into().unwrap();
    let dossier = block_on(store.dossier(&anne, AsOf::Now, &Policy::default())).unwrap();
    assert_eq!(dossier.metrics.decisions, 80);
    let all = apmt_core::Window::all_until(apmt_core::Timestamp::MAX);
    let contributions = block_on(store.contributions(&anne, all, None, usize::MAX)).unwrap();
    assert_eq!(
        contributions.iter().map(|counts| counts.position).collect::<Vec<_>>(),
        (1..=80).collect::<Vec<_>>()
    );
}

/// Appends add parts, retractions and late events rewrite days, two servers pack: all at once, on the same days.
#[test]
fn days_that_are_added_to_rewritten_and_packed_at_once_lose_nothing() {
    let database = Database::with_tables();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3_u64)
            .map(|writer| {
                let store = open(&database);
                scope.spawn(move || {
                    for (round, events) in random_events(900 + writer, 400).chunks(4).enumerate() {
                        let sent = append(&store, events.to_vec());
                        if round % 7 == 0 {
                            append(&store, vec![Event::retraction(sent[0].id, "a mistake").build().unwrap()]);
                        }
                    }
                })
            })
            .collect();
        let (reader, over) = (open(&database), &over);
        scope.spawn(move || {
            // Whatever is packed meanwhile: each dossier is of one instant, and nothing counts twice.
            let mut seen = 0;
            while !over.load(Ordering::SeqCst) {
                let all = block_on(reader.dossiers(AsOf::Now, &Policy::default(), None, usize::MAX)).unwrap();
                assert!(all.len() >= seen, "nobody goes");
                seen = seen.min(all.len());
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        over.store(true, Ordering::SeqCst);
    });
    let store = open(&database);
    assert!(log(&store).len() > 3 * 400);
    same_as_naive(&store, &Calendar::Always);
}
