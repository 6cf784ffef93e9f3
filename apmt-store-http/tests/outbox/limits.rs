//! How much an outbox holds, and what it does with more.

use apmt_core::{ErrorKind, Event, WhenFull};
use apmt_store_http::Outbox;
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::delivery::{LONG, cases, decision, place};
use crate::gate::Gate;

#[test]
fn a_full_outbox_rejects_the_newest_and_counts_it() {
    let (_folder, path) = place();
    let outbox = Outbox::builder(&path).max_events(3).open().unwrap();
    block_on(outbox.record_events((0..2).map(decision))).unwrap();
    // All or nothing, so the room for one is not taken by the first of two.
    let error = block_on(outbox.record_events((2..4).map(decision))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_temporary() && error.to_string().contains("full"), "{error}");
    let event = || Event::decision("anne").case("C-2").id(Uuid::from_u128(1));
    block_on(outbox.record_event(event())).unwrap();
    assert!(block_on(outbox.record_event(event())).unwrap().duplicate, "what is there needs no room");
    block_on(outbox.record_event(decision(3))).unwrap_err();
    let status = outbox.status_blocking().unwrap();
    assert_eq!((status.waiting, status.dropped.rejected, status.dropped.oldest), (3, 3, 0));
    drop(outbox);

    let gate = Gate::open();
    let outbox = Outbox::builder(&path).max_events(3).target(gate.clone()).open().unwrap();
    outbox.flush_blocking(LONG).unwrap();
    block_on(outbox.record_event(decision(4))).expect("there is room again");
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(gate.cases(), cases([0, 1, 2, 4]));
}

#[test]
fn a_full_outbox_drops_the_oldest_and_counts_it() {
    let (_folder, path) = place();
    let builder = || Outbox::builder(&path).max_events(3).when_full(WhenFull::DropOldest);
    let outbox = builder().open().unwrap();
    block_on(outbox.record_events((0..2).map(decision))).unwrap();
    block_on(outbox.record_events((2..5).map(decision))).unwrap();
    block_on(outbox.record_event(decision(5))).unwrap();
    // More than it could hold if it were empty.
    block_on(outbox.record_events((6..10).map(decision))).unwrap_err();
    let status = outbox.status_blocking().unwrap();
    assert_eq!((status.waiting, status.dropped.rejected, status.dropped.oldest), (3, 4, 3));
    drop(outbox);
    let gate = Gate::open();
    let outbox = builder().target(gate.clone()).open().unwrap();
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(gate.cases(), cases(3..6));
}

/// What is on its way may be stored already: it is not dropped, and nothing that is delivered counts as dropped.
#[test]
fn what_is_on_its_way_is_not_dropped() {
    let (_folder, path) = place();
    let gate = Gate::open();
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let mut first = true;
    gate.judge(move |_| {
        if std::mem::take(&mut first) {
            tell.send(()).unwrap();
            wait.recv().unwrap();
        }
        Ok(())
    });
    let builder = Outbox::builder(&path).max_events(2).when_full(WhenFull::DropOldest);
    let outbox = builder.target(gate.clone()).open().unwrap();
    block_on(outbox.record_event(decision(0))).unwrap();
    told.recv().unwrap();
    block_on(outbox.record_event(decision(1))).unwrap();
    block_on(outbox.record_event(decision(2))).unwrap();
    go.send(()).unwrap();
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(gate.cases(), cases([0, 2]));
    let status = outbox.status_blocking().unwrap();
    assert_eq!((status.delivered, status.dropped.oldest), (2, 1));
}

#[test]
fn bytes_are_bounded_too() {
    let (_folder, path) = place();
    let event = |n: u8| {
        Event::decision("anne").case("C-1").id(Uuid::from_u128(n.into())).field("pad", "x".repeat(1000))
    };
    let outbox = Outbox::builder(&path).max_bytes(2500).open().unwrap();
    block_on(outbox.record_events([event(1), event(2)])).unwrap();
    assert_eq!(block_on(outbox.record_event(event(3))).unwrap_err().kind(), ErrorKind::Unavailable);
    let bytes: usize = block_on(outbox.waiting(0, 10)).unwrap().iter().map(|(_, json)| json.len()).sum();
    assert_eq!(outbox.status_blocking().unwrap().bytes, bytes as u64);
}

#[test]
fn a_limit_of_nothing_is_refused() {
    let (_folder, path) = place();
    for builder in [Outbox::builder(&path).max_events(0), Outbox::builder(&path).max_bytes(0)] {
        assert_eq!(builder.open().unwrap_err().kind(), ErrorKind::Invalid);
    }
}
