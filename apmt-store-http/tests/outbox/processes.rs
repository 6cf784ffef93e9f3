//! Several outboxes on one file, as several processes have them.

use apmt_core::ErrorKind;
use apmt_store_http::Outbox;
use apmt_store_http::outbox::Delivery;
use futures_lite::future::block_on;

use crate::delivery::{LONG, cases, decision, place};
use crate::gate::Gate;

#[test]
fn one_delivers_and_another_takes_over() {
    let (_folder, path) = place();
    let (first, second) = (Gate::open(), Gate::open());
    let one = Outbox::builder(&path).target(first.clone()).open().unwrap();
    block_on(one.record_event(decision(0))).unwrap();
    one.flush_blocking(LONG).unwrap();
    let two = Outbox::builder(&path).target(second.clone()).open().unwrap();
    assert_eq!(two.status_blocking().unwrap().delivery, Delivery::Elsewhere);
    // What the second puts in, the first delivers.
    block_on(two.record_event(decision(1))).unwrap();
    two.flush_blocking(LONG).unwrap();
    assert_eq!((first.cases(), second.cases()), (cases(0..2), vec![]));
    assert!(one.shutdown_blocking(LONG).is_clean());
    block_on(two.record_event(decision(2))).unwrap();
    two.flush_blocking(LONG).unwrap();
    assert_eq!((second.cases(), two.status_blocking().unwrap().delivery), (cases([2]), Delivery::Here));
}

#[test]
fn an_outbox_that_is_shut_down_takes_nothing() {
    let (_folder, path) = place();
    let gate = Gate::open();
    gate.shut(ErrorKind::Unavailable);
    let outbox = Outbox::builder(&path).target(gate.clone()).open().unwrap();
    block_on(outbox.record_event(decision(0))).unwrap();
    let report = outbox.shutdown_blocking(std::time::Duration::from_millis(20));
    assert!(report.timed_out && !report.is_clean(), "{report}");
    assert_eq!(report.to_string(), "0 delivered, 1 waiting, 0 dead letters; time ran out");
}
