//! Many threads at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::bench::{Bench, Trial, hour, now};
use super::{naive, random_events};
use crate::case;
use crate::contribution::Contribution;
use crate::event::Event;
use crate::name::CaseId;
use crate::policy::Policy;
use crate::store::{Recorded, Store};

const WRITERS: u64 = 8;

/// Appends each writer's events on a thread of its own, in small batches.
fn append_at_once(bench: &Bench, store: &Arc<dyn Store>, writers: Vec<Vec<Event>>, batch: usize) {
    let block_on = bench.block_on();
    std::thread::scope(|scope| {
        for events in writers {
            scope.spawn(move || {
                for batch in events.chunks(batch) {
                    block_on(Box::pin(async {
                        let receipts = store.append(batch.to_vec()).await.expect("a valid batch is stored");
                        assert_eq!(receipts.len(), batch.len(), "a receipt an event");
                    }));
                }
            });
        }
    });
}

/// What the store holds is what the fold makes of its log, case by case.
async fn is_what_the_fold_makes(trial: &Trial, log: &[Recorded]) {
    let cases: BTreeSet<CaseId> =
        log.iter().filter_map(|recorded| recorded.event.case_id().cloned()).collect();
    let mut expected: Vec<Contribution> = log
        .iter()
        .filter(|recorded| recorded.event.case_id().is_none())
        .flat_map(|recorded| case::without_case(recorded, &trial.calendar))
        .collect();
    for case_id in cases {
        let mut events: Vec<Recorded> =
            log.iter().filter(|recorded| recorded.event.case_id() == Some(&case_id)).cloned().collect();
        expected.extend(case::fold(&events, &trial.calendar).contributions);
        events.sort_by_key(Recorded::order);
        assert_eq!(trial.store.case(&case_id).await.unwrap(), events, "{case_id}");
    }
    let actors: BTreeSet<String> = expected.iter().map(|c| c.actor.to_string()).collect();
    for actor in actors {
        let mut of_actor: Vec<Contribution> =
            expected.iter().filter(|c| c.actor.as_str() == actor).cloned().collect();
        of_actor.sort_by_key(Contribution::cursor);
        assert_eq!(trial.contributions(&actor).await, of_actor, "{actor}");
    }
}

/// Writers on eight threads, on the same cases: every event is there once, and everything follows from the log.
pub async fn concurrent_appends_leave_a_log_without_gaps(bench: &Bench) {
    let trial = bench.store().await;
    let writers: Vec<Vec<Event>> = (0..WRITERS).map(|seed| random_events(1000 + seed, 40)).collect();
    let mut ids: Vec<_> = writers.iter().flatten().filter_map(Event::id).collect();
    append_at_once(bench, &trial.store, writers, 5);
    let log = trial.log().await;
    assert!(
        log.iter().zip(1..).all(|(recorded, position)| recorded.position == position),
        "positions without gaps"
    );
    let mut found: Vec<_> = log.iter().map(|recorded| recorded.id).collect();
    ids.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, ids, "every event is there once");
    is_what_the_fold_makes(&trial, &log).await;
    let naive = naive::dossiers(&log, now(), &Policy::default(), &trial.calendar);
    assert_eq!(naive::difference(&trial.dossiers(now()).await, &naive), None);
}

/// A reader that goes on from its last position while others write sees every event, in order.
pub async fn a_tailing_reader_misses_no_event(bench: &Bench) {
    let trial = bench.store().await;
    let writers: Vec<Vec<Event>> = (0..WRITERS)
        .map(|writer| {
            let decision =
                |n| Event::decision("anne").case(&format!("C-{n}")).at(hour(1)).field("writer", writer);
            (0..40_u64).map(|n| decision(n).build().unwrap()).collect()
        })
        .collect();
    let total = writers.iter().map(Vec::len).sum::<usize>();
    let (block_on, store, done) = (bench.block_on(), &trial.store, &AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                let mut seen = 0;
                loop {
                    let over = done.load(Ordering::SeqCst) == 1;
                    block_on(Box::pin(async {
                        for recorded in store.events(seen, 7).await.expect("the log is read") {
                            seen += 1;
                            assert_eq!(recorded.position, seen, "none is missed, and none comes twice");
                        }
                    }));
                    // What was written before `over` was read is there to be read: only then may the log end.
                    if over && seen >= total as u64 {
                        return;
                    }
                    assert!(!over || seen < total as u64);
                    std::thread::yield_now();
                }
            });
        }
        append_at_once(bench, store, writers, 3);
        done.store(1, Ordering::SeqCst);
    });
}

/// Eight senders of the same events, as after lost answers: each is stored once, and each sender learns where.
pub async fn concurrent_appends_of_the_same_events_store_them_once(bench: &Bench) {
    let trial = bench.store().await;
    let events = random_events(5, 60);
    append_at_once(bench, &trial.store, vec![events.clone(); WRITERS as usize], 7);
    let log = trial.log().await;
    assert_eq!(log.len(), events.len());
    let receipts = trial.append(events).await;
    for receipt in receipts {
        assert!(receipt.duplicate);
        let index = usize::try_from(receipt.position - 1).expect("a position is a place in the log");
        assert_eq!(log[index].id, receipt.id);
    }
    is_what_the_fold_makes(&trial, &log).await;
}
