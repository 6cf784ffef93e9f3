//! Dead letters: what the store refuses, and what is too old.

use std::sync::Arc;
use std::time::Duration;

use apmt_core::time::ManualClock;
use apmt_core::{ErrorKind, Event, Invalid};
use apmt_store_http::Outbox;
use apmt_store_http::outbox::DeathReason;
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::delivery::{LONG, cases, decision, place};
use crate::gate::Gate;

/// Refuses two cases, and says or does not say which of the batch it was.
fn refuse(gate: &Gate, named: bool) {
    gate.judge(move |events| {
        let bad = |event: &Event| matches!(event.case_id().unwrap().as_str(), "C-3" | "C-7");
        let Some(index) = events.iter().position(bad) else { return Ok(()) };
        let invalid = Invalid::new("case_id", events[index].case_id().unwrap(), "is no case of ours");
        Err(if named { invalid.at_index(index) } else { invalid }.into())
    });
}

#[test]
fn what_the_store_refuses_stops_nothing_behind_it() {
    for named in [true, false] {
        let (_folder, path) = place();
        let gate = Gate::open();
        refuse(&gate, named);
        let outbox = Outbox::builder(&path).target(gate.clone()).open().unwrap();
        block_on(outbox.record_events((0..10).map(decision))).unwrap();
        outbox.flush_blocking(LONG).unwrap();
        assert_eq!(gate.cases(), cases([0, 1, 2, 4, 5, 6, 8, 9]));
        let letters = block_on(outbox.dead_letters(0, 10)).unwrap();
        let shown: Vec<_> = letters
            .iter()
            .map(|letter| (letter.reason, letter.field.as_deref(), letter.rule.as_str()))
            .collect();
        let refused = |rule| (DeathReason::Refused, Some("case_id"), rule);
        assert_eq!(shown, [refused("C-3: is no case of ours"), refused("C-7: is no case of ours")]);
        assert_eq!(Event::from_json(&letters[0].event).unwrap().id(), Some(letters[0].id));
        assert_eq!(block_on(outbox.dead_letters(letters[0].number, 10)).unwrap(), letters[1..]);
        let status = outbox.status_blocking().unwrap();
        assert_eq!((status.dead, status.delivered, status.waiting), (2, 8, 0));

        // Still refused, it dies again and is one letter; put right over there, it arrives.
        assert_eq!(block_on(outbox.retry(&[letters[0].id, Uuid::nil()])).unwrap(), 1);
        outbox.flush_blocking(LONG).unwrap();
        assert_eq!(outbox.status_blocking().unwrap().dead, 2);
        gate.unlock();
        assert_eq!(block_on(outbox.retry_all()).unwrap(), 2);
        outbox.flush_blocking(LONG).unwrap();
        assert_eq!(gate.cases()[8..], ["C-7", "C-3"]);
        assert_eq!(outbox.status_blocking().unwrap().dead, 0);
    }
}

#[test]
fn a_letter_can_be_discarded_and_its_id_put_in_anew() {
    let (_folder, path) = place();
    let gate = Gate::open();
    refuse(&gate, true);
    let outbox = Outbox::builder(&path).target(gate.clone()).open().unwrap();
    let event = |case| Event::decision("anne").case(case).id(Uuid::from_u128(1));
    block_on(outbox.record_event(event("C-3"))).unwrap();
    outbox.flush_blocking(LONG).unwrap();
    // The same id, put right: the letter stands in nobody's way, and does not come back behind it.
    assert!(!block_on(outbox.record_event(event("C-4"))).unwrap().duplicate);
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(block_on(outbox.discard(&[Uuid::from_u128(1)])).unwrap(), 1);
    assert_eq!((gate.cases(), outbox.status_blocking().unwrap().dead), (cases([4]), 0));
}

#[test]
fn what_is_too_old_is_kept_and_said() {
    let (_folder, path) = place();
    let clock = Arc::new(ManualClock::at("2026-03-02T08:00:00Z".parse().unwrap()));
    let gate = Gate::open();
    gate.shut(ErrorKind::Unavailable);
    let hour = Duration::from_secs(3600);
    let builder = || Outbox::builder(&path).clock(clock.clone()).max_age(hour);
    let outbox = builder().target(gate.clone()).open().unwrap();
    block_on(outbox.record_events((0..3).map(decision))).unwrap();
    clock.advance(hour);
    outbox.flush_blocking(Duration::from_millis(50)).unwrap_err();
    assert_eq!(outbox.status_blocking().unwrap().waiting, 3, "an hour is not longer than an hour");
    clock.advance(Duration::from_millis(1));
    block_on(outbox.record_event(decision(3))).unwrap();
    gate.unlock();
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(gate.cases(), cases([3]));
    let letters = block_on(outbox.dead_letters(0, 10)).unwrap();
    assert!(letters.len() == 3 && letters.iter().all(|letter| letter.reason == DeathReason::TooOld));
    assert_eq!(letters[0].rule, "waited longer than 3600s, which is max_age");
    // Put back, they are young again.
    assert_eq!(block_on(outbox.retry_all()).unwrap(), 3);
    outbox.flush_blocking(LONG).unwrap();
    assert_eq!(gate.cases(), cases([3, 0, 1, 2]));
}
