//! What is put in arrives: once, in order, with the time when it happened.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apmt_core::event::MAX_EVENT_BYTES;
use apmt_core::time::ManualClock;
use apmt_core::{Error, ErrorKind, Event, EventType, Timestamp};
use apmt_store_http::Outbox;
use apmt_store_http::outbox::{Delivery, OutboxBuilder, OutboxStatus};
use futures_lite::future::block_on;
use tempfile::TempDir;
use uuid::Uuid;

use crate::gate::Gate;

/// Long enough for every test that does not fail.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.db");
    (folder, path)
}

pub(crate) fn decision(n: usize) -> Event {
    Event::decision("anne").case(&format!("C-{n}")).build().unwrap()
}

pub(crate) fn cases(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("C-{n}")).collect()
}

fn to(gate: &Arc<Gate>, builder: OutboxBuilder) -> Outbox {
    builder.target(gate.clone()).open().unwrap()
}

/// Where the outbox stands once an attempt has failed.
fn after_a_failure(outbox: &Outbox) -> OutboxStatus {
    loop {
        let error = outbox.flush_blocking(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        let status = outbox.status_blocking().unwrap();
        if status.last_error.is_some() {
            return status;
        }
    }
}

#[test]
fn what_is_put_in_arrives_in_order() {
    let (_folder, path) = place();
    let gate = Gate::open();
    let outbox = to(&gate, Outbox::builder(&path));
    let mut sent = 0..;
    let mut ids = Vec::new();
    for size in [1, 700, 1, 2500, 3].repeat(2) {
        let batch: Vec<Event> = sent.by_ref().take(size).map(decision).collect();
        ids.extend(block_on(outbox.record_events(batch)).unwrap().into_iter().map(|receipt| receipt.id));
    }
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(gate.cases(), cases(0..ids.len()));
    assert_eq!(gate.log().iter().map(|recorded| recorded.id).collect::<Vec<_>>(), ids);
    let status = outbox.status_blocking().unwrap();
    assert_eq!((status.waiting, status.bytes, status.oldest, status.dead), (0, 0, None, 0));
    assert_eq!((status.delivered, status.duplicates), (ids.len() as u64, 0));
    assert_eq!((status.delivery, status.last_error), (Delivery::Here, None));
}

#[test]
fn it_keeps_what_it_has_over_a_restart_and_when_it_happened() {
    let (_folder, path) = place();
    let clock = Arc::new(ManualClock::at("2026-03-02T08:00:00.123Z".parse().unwrap()));
    let given: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let offline = Outbox::builder(&path).clock(clock.clone()).open().unwrap();
    assert_eq!(offline.status_blocking().unwrap().delivery, Delivery::Nobody);
    block_on(offline.record_event(decision(1))).unwrap();
    // A clock that is set back changes no order.
    clock.set("2026-03-02T07:00:00Z".parse().unwrap());
    block_on(offline.record_event(decision(2))).unwrap();
    block_on(offline.record_event(Event::decision("anne").case("C-3").at(given))).unwrap();
    let report = offline.shutdown_blocking(LONG);
    assert_eq!(report.status.as_ref().unwrap().waiting, 3, "{report}");
    assert!(!report.is_clean() && !report.timed_out);

    clock.set("2026-03-09T08:00:00Z".parse().unwrap());
    let gate = Gate::open();
    let outbox = to(&gate, Outbox::builder(&path).clock(clock));
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(gate.cases(), cases(1..=3));
    let instants: Vec<String> = gate.log().iter().map(|recorded| recorded.occurred_at.to_string()).collect();
    assert_eq!(instants, ["2026-03-02T08:00:00.123Z", "2026-03-02T07:00:00Z", "2026-03-01T00:00:00Z"]);
    let report = outbox.shutdown_blocking(LONG);
    assert!(report.is_clean());
    assert_eq!(report.to_string(), "3 delivered, 0 waiting, 0 dead letters");
}

#[test]
fn an_id_is_put_in_once() {
    let (_folder, path) = place();
    let outbox = Outbox::builder(&path).open().unwrap();
    let event = || Event::decision("anne").case("C-1").id(Uuid::from_u128(7));
    let receipts = block_on(outbox.record_events([event(), event()])).unwrap();
    assert_eq!(receipts.iter().map(|receipt| receipt.duplicate).collect::<Vec<_>>(), [false, true]);
    let again = block_on(outbox.record_event(event())).unwrap();
    assert_eq!((again.id, again.duplicate), (Uuid::from_u128(7), true));
    assert_eq!(outbox.status_blocking().unwrap().waiting, 1);
}

/// The store had the events, and its answer was lost: they are sent again, and are there once.
#[test]
fn what_is_sent_again_is_there_once() {
    let (_folder, path) = place();
    let gate = Gate::open();
    let outbox = Outbox::builder(&path).open().unwrap();
    block_on(outbox.record_events((0..10).map(decision))).unwrap();
    // What an earlier run of the program brought there, before it was killed.
    let waiting = block_on(outbox.waiting(0, 4)).unwrap();
    let sent: Vec<Event> = waiting.iter().map(|(_, json)| Event::from_json(json).unwrap()).collect();
    block_on(apmt_core::Store::append(&*gate, sent)).unwrap();
    drop(outbox);
    let outbox = to(&gate, Outbox::builder(&path));
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(gate.cases(), cases(0..10));
    let status = outbox.status_blocking().unwrap();
    assert_eq!((status.delivered, status.duplicates), (10, 4));
}

#[test]
fn what_fails_for_now_is_tried_again_and_shown() {
    let (_folder, path) = place();
    let gate = Gate::open();
    gate.shut(ErrorKind::Unavailable);
    let outbox = to(&gate, Outbox::builder(&path));
    block_on(outbox.record_event(decision(1))).unwrap();
    let status = after_a_failure(&outbox);
    let last = status.last_error.unwrap();
    assert_eq!((last.kind, &*last.message), (ErrorKind::Unavailable, "the gate is shut: unavailable"));
    assert!(status.next_attempt.unwrap() >= last.at && status.oldest.is_some());
    assert_eq!((status.waiting, status.dead, status.delivered), (1, 0, 0));

    let mut left = 3;
    gate.judge(move |_| {
        left -= 1;
        if left < 0 { Ok(()) } else { Err(Error::new(ErrorKind::TimedOut, "too slow")) }
    });
    outbox.flush_blocking(LONG).unwrap();
    let status = outbox.status_blocking().unwrap();
    assert_eq!((status.waiting, status.delivered, status.next_attempt), (0, 1, None));
    assert!(status.last_error.is_some(), "the last error stays to be seen");
}

/// No event's fault: nothing is given up, and the next attempt is far away unless somebody asks for it.
#[test]
fn what_somebody_has_to_change_stops_the_delivery_and_loses_nothing() {
    for kind in [ErrorKind::Unauthorized, ErrorKind::Mismatch, ErrorKind::Unsupported, ErrorKind::Closed] {
        let (_folder, path) = place();
        let gate = Gate::open();
        gate.shut(kind);
        let outbox = to(&gate, Outbox::builder(&path));
        block_on(outbox.record_events((0..3).map(decision))).unwrap();
        let status = after_a_failure(&outbox);
        let last = status.last_error.unwrap();
        assert_eq!((last.kind, status.waiting, status.dead), (kind, 3, 0));
        assert!(status.next_attempt.unwrap().since(last.at) >= 5000, "{kind}");
        gate.unlock();
        // A flush asks for it.
        outbox.flush_blocking(LONG).unwrap();
        assert_eq!(gate.cases(), cases(0..3));
    }
}

#[test]
fn a_store_that_panics_has_failed() {
    let (_folder, path) = place();
    let gate = Gate::open();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    // The gate's lock is poisoned by its panic: it stays shut.
    gate.judge(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        panic!("the gate breaks")
    });
    let outbox = to(&gate, Outbox::builder(&path));
    block_on(outbox.record_event(decision(1))).unwrap();
    let status = after_a_failure(&outbox);
    assert_eq!((status.waiting, status.last_error.unwrap().kind), (1, ErrorKind::Io));
    assert!(calls.load(Ordering::SeqCst) >= 1);
}

#[test]
fn the_largest_event_arrives() {
    let (_folder, path) = place();
    let gate = Gate::open();
    let outbox = to(&gate, Outbox::builder(&path));
    let note = "n".repeat(MAX_EVENT_BYTES - r#"{"type":"X_LONG","note":""}"#.len());
    block_on(outbox.record_events((0..20).map(|_| Event::custom("X_LONG").field("note", &*note)))).unwrap();
    outbox.flush_blocking(LONG).unwrap();
    let log = gate.log();
    assert!(log.len() == 20 && log.iter().all(|one| one.event.event_type() == EventType::Custom));
}

#[test]
fn a_bad_event_is_refused_at_the_edge() {
    let (_folder, path) = place();
    let outbox = Outbox::builder(&path).open().unwrap();
    let error = block_on(outbox.record_event(r#"{"type": "OVERIDE", "actor": "anne"}"#)).unwrap_err();
    assert!(error.to_string().ends_with("did you mean OVERRIDE?"), "{error}");
    let good = r#"{"type": "OVERRIDE", "actor": "anne"}"#;
    let error = block_on(outbox.record_events([good, "{}"])).unwrap_err();
    assert_eq!(error.invalid().unwrap().index(), Some(1));
    let ahead = Event::decision("anne").at("9999-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(block_on(outbox.record_event(ahead)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(outbox.status_blocking().unwrap().waiting, 0, "all or nothing");
}

#[tokio::test(flavor = "current_thread")]
async fn under_tokio_on_one_thread() {
    let (_folder, path) = place();
    let gate = Gate::open();
    let outbox = to(&gate, Outbox::builder(&path));
    outbox.record_event(decision(1)).await.unwrap();
    outbox.flush(LONG).await.unwrap();
    assert_eq!(outbox.status().await.unwrap().delivered, 1);
    assert!(outbox.shutdown(LONG).await.is_clean());
}

#[test]
fn many_callers_at_once() {
    let (_folder, path) = place();
    let gate = Gate::open();
    let outbox = to(&gate, Outbox::builder(&path));
    std::thread::scope(|scope| {
        for caller in 0..16 {
            let outbox = &outbox;
            scope.spawn(move || {
                for n in 0..50 {
                    let case = format!("{caller}/{n}");
                    outbox.record_event_blocking(Event::decision("anne").case(&case)).unwrap();
                }
            });
        }
    });
    outbox.flush_blocking(LONG).unwrap();
    let log = gate.cases();
    assert_eq!(log.len(), 800);
    for caller in 0..16 {
        let own: Vec<&String> = log.iter().filter(|case| case.starts_with(&format!("{caller}/"))).collect();
        let expected: Vec<String> = (0..50).map(|n| format!("{caller}/{n}")).collect();
        assert!(own.into_iter().eq(&expected), "each caller's are in order");
    }
}
