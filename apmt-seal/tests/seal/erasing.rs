//! What erasing leaves, and what not: in answers, in the tree, and in the files.

use std::fs;

use apmt_core::store::SealStore;
use apmt_core::{Event, Store};
use apmt_seal::{erase, prove_inclusion};
use futures_lite::future::block_on;

use crate::support::Log;

const SECRET: &str = "tubercular-zebra";

/// Whether a text stands anywhere in the file or in what SQLite keeps beside it.
fn is_in_files(log: &Log, text: &str) -> bool {
    let folder = log.path.parent().unwrap();
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

/// Log with a long payload (pages of its own), a short one, a case and an actor that nobody else has.
fn with_secrets() -> (Log, Vec<u64>) {
    let log = Log::sealed(50);
    let store = log.open();
    let case = format!("CASE-{SECRET}");
    let actor = format!("{SECRET}@test.gov");
    let events = [
        Event::case_opened(&case).field("note", SECRET),
        Event::assigned(&case, &actor),
        Event::override_of(&actor).case(&case).field("letter", format!("{SECRET} ").repeat(1500)),
        Event::sat_score(1).case(&case).field("said", SECRET),
    ];
    let events = events.map(|event| event.build().unwrap()).to_vec();
    // Each on its own, so that pages are written, split and freed on the way.
    let positions = events.into_iter().map(|event| block_on(store.append(vec![event])).unwrap()[0].position);
    let positions = positions.collect();
    block_on(store.append(vec![Event::decision("anne@test.gov").build().unwrap()])).unwrap();
    drop(store);
    log.seal();
    assert!(is_in_files(&log, SECRET));
    (log, positions)
}

#[test]
fn no_byte_of_it_is_left_in_the_files() {
    let (log, positions) = with_secrets();
    let store = log.open();
    block_on(erase(&store, &positions, "records@test.gov", "a court said so")).unwrap();
    // The store is open still: neither the file, nor the log beside it, nor a free page may have it.
    assert!(!is_in_files(&log, SECRET));
    let actor = format!("{SECRET}@test.gov").as_str().try_into().unwrap();
    let window = apmt_core::Window::all_until(apmt_core::Timestamp::MAX);
    assert!(block_on(store.activity(&actor, window)).unwrap().is_empty());
    drop(store);
    assert!(!is_in_files(&log, SECRET));
    assert!(log.verify().is_sound());
}

#[test]
fn who_when_and_why_are_left_and_the_tree_verifies() {
    let (log, positions) = with_secrets();
    let before = log.seal();
    let done = block_on(erase(&log.open(), &positions, " records@test.gov ", "5 U.S.C. 4303(d)")).unwrap();
    assert_eq!((done.erased, done.records), (4, 1));
    let after = log.seal();
    assert_eq!(after.size, before.size + 1);
    let verified = log.verify_with(&[before.clone(), after.clone()]);
    assert!(verified.is_sound(), "{:?}", verified.findings);
    assert_eq!((verified.erased, verified.erasures.len()), (4, 1));
    let record = &verified.erasures[0];
    assert_eq!((&*record.by, &*record.reason), ("records@test.gov", "5 U.S.C. 4303(d)"));
    assert_eq!((record.position, &record.positions), (after.size, &positions));
    // It can still be proved that an event of that id was there, under the checkpoint of then.
    let proof = block_on(prove_inclusion(&log.open(), positions[1], before.size)).unwrap();
    assert_eq!(proof.event, None);
    proof.check(&before).unwrap();
}

#[test]
fn a_tombstone_without_a_record_is_found() {
    let (log, positions) = with_secrets();
    block_on(erase(&log.open(), &positions[..1], "records@test.gov", "a court said so")).unwrap();
    log.seal();
    log.change(&format!("UPDATE seal SET erasure = 3 WHERE number = {}", 2 * (positions[0] - 1)));
    let said = format!(
        "position {}: what the event says is gone, and no record in the log says that it was erased",
        positions[0]
    );
    assert_eq!(log.findings()[0], said);
}

#[test]
fn who_and_why_must_be_said_and_nothing_is_recorded_before() {
    let log = Log::sealed(5);
    let store = log.open();
    for (positions, by, reason) in [(&[2][..], " ", "why"), (&[2], "who", ""), (&[2, 6], "who", "why")] {
        block_on(erase(&store, positions, by, reason)).unwrap_err();
    }
    assert_eq!(block_on(store.status()).unwrap().position, 5);
    assert_eq!(block_on(store.sealed()).unwrap(), 5);
}

/// After the record and before the erasing, a process may end: asking again does the rest.
#[test]
fn what_was_broken_off_is_done_by_asking_again() {
    let (log, positions) = with_secrets();
    let store = log.open();
    let record = Event::custom("X_ERASURE").field("by", "records").field("reason", "law");
    let record = record.field("positions", positions.clone()).build().unwrap();
    block_on(store.append(vec![record])).unwrap();
    drop(store);
    log.seal();
    let verified = log.verify();
    assert!(verified.is_sound() && verified.erasures.is_empty(), "a record alone is no flaw, and no erasure");
    let store = log.open();
    assert_eq!(block_on(erase(&store, &positions, "records", "law")).unwrap().erased, 4);
    assert_eq!(block_on(erase(&store, &positions, "records", "law")).unwrap().records, 0);
    drop(store);
    log.seal();
    assert!(log.verify().is_sound());
}

#[test]
fn many_events_have_several_records() {
    let log = Log::sealed(2600);
    let positions: Vec<u64> = (1..=2500).collect();
    let done = block_on(erase(&log.open(), &positions, "records", "law")).unwrap();
    assert_eq!((done.erased, done.records), (2500, 3));
    log.seal();
    let verified = log.verify();
    assert!(verified.is_sound() && verified.erased == 2500, "{:?}", verified.findings);
}
