//! A file opened under another calendar, or after its derived tables were lost.

use std::sync::{Arc, Mutex};

use apmt_core::conformance::{naive, policy_with_targets, random_events};
use apmt_core::time::ManualClock;
use apmt_core::{AsOf, Calendar, ErrorKind, OtherCalendar, Store};
use apmt_store_sqlite::{SqliteBuilder, SqliteStore};
use futures_lite::future::block_on;

fn builder(path: &std::path::Path) -> SqliteBuilder {
    let clock = Arc::new(ManualClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    SqliteStore::builder(path).clock(clock)
}

fn check(store: &SqliteStore, calendar: &Calendar) {
    let log = block_on(store.events(0, usize::MAX)).unwrap();
    let as_of = block_on(store.status()).unwrap().latest.unwrap();
    let dossiers = block_on(store.dossiers(AsOf::Latest, &policy_with_targets(), None, usize::MAX)).unwrap();
    assert!(!dossiers.is_empty());
    let expected = naive::dossiers(&log, as_of, &policy_with_targets(), calendar);
    assert_eq!(naive::difference(&dossiers, &expected), None);
}

#[test]
fn another_calendar_is_refused_or_measures_again_with_progress() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = builder(&path).open().unwrap();
    // More than one portion of the work, so that progress is told more than once.
    block_on(store.append(random_events(1, 5000))).unwrap();
    check(&store, &Calendar::Always);
    drop(store);

    let error = builder(&path).calendar(Calendar::us_federal()).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("us-federal"), "{error}");
    let error = builder(&path).calendar(Calendar::us_federal()).read_only(true).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);

    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let store = builder(&path)
        .calendar(Calendar::us_federal())
        .other_calendar(OtherCalendar::Refold)
        .progress(move |done, total| telling.lock().unwrap().push((done, total)))
        .open()
        .unwrap();
    check(&store, &Calendar::us_federal());
    let told = told.lock().unwrap();
    let total = told[0].1;
    assert!(told.len() > 1 && told.is_sorted() && *told.last().unwrap() == (total, total), "{told:?}");
    drop(store);

    // Now that is the file's calendar.
    check(&builder(&path).calendar(Calendar::us_federal()).open().unwrap(), &Calendar::us_federal());
    assert_eq!(builder(&path).open().unwrap_err().kind(), ErrorKind::Mismatch);
}

#[test]
fn derived_tables_of_another_version_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = builder(&path).open().unwrap();
    block_on(store.append(random_events(2, 800))).unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE head SET derived = 0; DELETE FROM days; DELETE FROM held;").unwrap();
    drop(connection);
    assert_eq!(builder(&path).read_only(true).open().unwrap_err().kind(), ErrorKind::Mismatch);
    let store = builder(&path).open().unwrap();
    check(&store, &Calendar::Always);
    // And goes on from there.
    block_on(store.append(random_events(3, 800))).unwrap();
    check(&store, &Calendar::Always);
}

/// A file as the first version left it: without a seal and the columns of working days and tracks, its tallies in the form
/// of then.
#[test]
fn a_file_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = builder(&path).open().unwrap();
    block_on(store.append(random_events(5, 800))).unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "DROP TABLE seal; DROP TABLE checkpoints; ALTER TABLE held DROP COLUMN working_days; ALTER TABLE held DROP COLUMN track; \
             DROP TABLE case_events; ALTER TABLE head DROP COLUMN settled; \
             CREATE INDEX events_by_case ON events (case_no) WHERE case_no IS NOT NULL; \
             UPDATE days SET tally = x'ff', entries = x'ff'; UPDATE head SET derived = 1; PRAGMA user_version = 1",
        )
        .unwrap();
    drop(connection);
    assert_eq!(builder(&path).read_only(true).open().unwrap_err().kind(), ErrorKind::Mismatch);
    let store = builder(&path).open().unwrap();
    check(&store, &Calendar::Always);
    block_on(store.append(random_events(6, 200))).unwrap();
    check(&store, &Calendar::Always);
}

#[test]
fn a_store_goes_on_where_it_was_after_each_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    for events in random_events(4, 600).chunks(40) {
        let store = builder(&path).open().unwrap();
        block_on(store.append(events.to_vec())).unwrap();
        check(&store, &Calendar::Always);
    }
}
