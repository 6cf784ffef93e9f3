//! How a database is opened: by ten at once, by the wrong one, with the wrong calendar.

use std::sync::{Arc, Mutex};

use apmt_core::conformance::random_events;
use apmt_core::{Calendar, ErrorKind, OtherCalendar, Store};
use apmt_store_postgres::PostgresStore;
use futures_lite::future::block_on;

use crate::database::Database;
use crate::support::{append, builder, decisions, log, open, same_as_naive};

#[test]
fn ten_servers_may_start_at_once() {
    let database = Database::empty();
    std::thread::scope(|scope| {
        for server in 0..10 {
            let database = &database;
            scope.spawn(move || append(&open(database), decisions(&format!("server-{server}"), 10)));
        }
    });
    assert_eq!(log(&open(&database)).len(), 100);
    assert_eq!(database.sql("SELECT count(*) FROM apmt.migrations"), "5", "each script has run once");
}

#[test]
fn two_schemas_of_one_database_are_two_stores() {
    let database = Database::empty();
    let (one, other) = (database.open(), database.builder().schema("other").open().unwrap());
    append(&one, decisions("anne", 3));
    append(&other, decisions("bob", 2));
    assert_eq!((log(&one).len(), log(&other).len()), (3, 2));
    let named = PostgresStore::open(&format!("{}?schema=other", database.url())).unwrap();
    assert_eq!(log(&named).len(), 2);
}

#[test]
fn a_newer_versions_tables_are_refused() {
    let database = Database::with_tables();
    database.sql("INSERT INTO apmt.migrations (version) VALUES (1000)");
    let error = database.builder().open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("update APMT"), "{error}");
}

#[test]
fn who_may_only_read_changes_nothing() {
    let database = Database::empty();
    let read_only = || database.builder().read_only(true).open();
    let error = read_only().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert_eq!(database.sql("SELECT to_regnamespace('apmt') IS NULL"), "t");
    append(&database.open(), decisions("anne", 3));
    let store = read_only().unwrap();
    assert_eq!(log(&store).len(), 3);
    let error = block_on(store.append(decisions("anne", 1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
}

#[test]
fn what_is_not_there_is_named() {
    let database = Database::empty();
    let missing = database.url().replace(database.name(), "nowhere");
    let error = PostgresStore::open(&missing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("createdb"), "{error}");
    let nobody = database.url().replace("postgres@", "nobody:secret@");
    let error = PostgresStore::open(&nobody).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[test]
fn a_database_that_cannot_keep_every_text_is_refused() {
    let database = Database::empty();
    database.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1");
    let error = PostgresStore::open(&database.url().replace(database.name(), "latin")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("UTF8"), "{error}");
}

#[test]
fn a_database_that_only_reads_by_default_is_written_all_the_same() {
    let database = Database::with_tables();
    let store = database.builder().retry_budget(std::time::Duration::from_millis(100)).open().unwrap();
    database.sql(&format!("ALTER DATABASE {} SET default_transaction_read_only TO on", database.name()));
    // The append asks for what the database no longer gives by itself.
    append(&store, decisions("anne", 1));
    assert_eq!(log(&store).len(), 1);
}

#[test]
fn another_calendar_is_refused_or_measures_again_with_progress() {
    let database = Database::with_tables();
    let store = open(&database);
    // More than one portion of the work, so that progress is told more than once.
    append(&store, random_events(1, 5000));
    same_as_naive(&store, &Calendar::Always);

    let federal = || builder(&database).calendar(Calendar::us_federal());
    let error = federal().open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("us-federal"), "{error}");
    assert_eq!(federal().read_only(true).open().unwrap_err().kind(), ErrorKind::Mismatch);

    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let refolded = federal()
        .other_calendar(OtherCalendar::Refold)
        .progress(move |done, total| telling.lock().unwrap().push((done, total)))
        .open()
        .unwrap();
    same_as_naive(&refolded, &Calendar::us_federal());
    let told = told.lock().unwrap();
    let total = told[0].1;
    assert!(told.len() > 1 && told.is_sorted() && *told.last().unwrap() == (total, total), "{told:?}");

    // A server that still runs with the old one neither adds to it nor reads from it.
    let error = block_on(store.append(decisions("anne", 1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("another server"), "{error}");
    assert_eq!(block_on(store.status()).unwrap_err().kind(), ErrorKind::Mismatch);
    // The log is the log.
    assert_eq!(log(&store).len(), 5000);
    append(&refolded, random_events(2, 300));
    same_as_naive(&refolded, &Calendar::us_federal());
}

#[test]
fn derived_tables_of_another_version_are_made_again_while_others_append() {
    let database = Database::with_tables();
    append(&open(&database), random_events(3, 3000));
    database.sql("UPDATE apmt.head SET fold_version = 0; DELETE FROM apmt.days; DELETE FROM apmt.held");
    assert_eq!(builder(&database).read_only(true).open().unwrap_err().kind(), ErrorKind::Mismatch);
    std::thread::scope(|scope| {
        for seed in 4..8 {
            let database = &database;
            scope.spawn(move || append(&open(database), random_events(seed, 100)));
        }
    });
    same_as_naive(&open(&database), &Calendar::Always);
}

/// Tables as the first version left them: without working days and tracks, the tallies in the form of then.
#[test]
fn tables_of_the_first_version_are_brought_up_to_date() {
    let database = Database::with_tables();
    append(&open(&database), random_events(5, 800));
    database.sql(
        r"DROP FUNCTION apmt.append, apmt.cases_between;
          DROP TABLE apmt.notes, apmt.incoming, apmt.refused, apmt.cases, apmt.seal, apmt.checkpoints;
          ALTER TABLE apmt.days DROP COLUMN base, ADD PRIMARY KEY (actor, day);
          ALTER TABLE apmt.head DROP COLUMN retraction;
          ALTER TABLE apmt.held DROP COLUMN working_days, DROP COLUMN track;
          DELETE FROM apmt.migrations WHERE version > 1;
          UPDATE apmt.days SET tally = '\xff', entries = '\xff'; UPDATE apmt.head SET fold_version = 1",
    );
    assert_eq!(builder(&database).read_only(true).open().unwrap_err().kind(), ErrorKind::Mismatch);
    let store = open(&database);
    same_as_naive(&store, &Calendar::Always);
    append(&store, random_events(6, 200));
    same_as_naive(&store, &Calendar::Always);
}

#[test]
fn derived_rows_that_are_damaged_are_told_apart_from_none() {
    let database = Database::with_tables();
    let store = open(&database);
    append(&store, random_events(1, 50));
    database.sql(r"UPDATE apmt.days SET tally = '\xff'");
    let window = apmt_core::Window::all_until("2100-01-01T00:00:00Z".parse().unwrap());
    let error = block_on(store.activities(window, None, 10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    database.sql("UPDATE apmt.events SET payload = 'x'");
    let error = block_on(store.events(0, 10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_needs_the_feature() {
    let database = Database::with_tables();
    let open = |mode: &str| PostgresStore::open(&format!("{}?sslmode={mode}", database.url()));
    let error = open("require").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("feature tls"), "{error}");
    assert!(open("prefer").is_ok());
}
