//! A month, a partition; and what dropping one leaves.

use std::sync::Arc;

use apmt_core::time::ManualClock;
use apmt_core::{AsOf, ErrorKind, Event, Policy, Store, Timestamp};
use futures_lite::future::block_on;

use crate::database::Database;
use crate::support::{append, decisions, log};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn old_months_are_dropped_and_dossiers_stay() {
    let database = Database::with_tables();
    let clock = Arc::new(ManualClock::at(time("2025-12-31T23:59:59.999Z")));
    let store = database.builder().clock(clock.clone()).open().unwrap();
    let oldest = decisions("anne", 3);
    append(&store, oldest.clone());
    for (now, actor) in
        [("2026-01-01T00:00:00Z", "bob"), ("2026-02-28T12:00:00Z", "anne"), ("2026-03-31T12:00:00Z", "eve")]
    {
        clock.set(time(now));
        append(&store, decisions(actor, 2));
    }
    let partitions = || {
        database.sql("SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits \
            WHERE inhparent = 'apmt.events'::regclass")
    };
    assert_eq!(
        partitions(),
        "apmt.events_2025_12 apmt.events_2026_01 apmt.events_2026_02 apmt.events_2026_03"
    );
    let policy = Policy::default();
    let as_of = AsOf::At(time("2026-03-01T00:00:00Z"));
    let dossiers = || block_on(store.dossiers(as_of, &policy, None, usize::MAX)).unwrap();
    let before = dossiers();
    assert_eq!(before.len(), 2);

    // February has not ended for whoever looks from its last millisecond.
    let dropped = block_on(store.drop_months_before(time("2026-02-28T23:59:59.999Z"))).unwrap();
    assert_eq!(dropped, 2);
    assert_eq!(partitions(), "apmt.events_2026_02 apmt.events_2026_03");
    assert_eq!(dossiers(), before);
    let left = block_on(store.events(0, 10)).unwrap();
    assert_eq!(left.iter().map(|recorded| recorded.position).collect::<Vec<_>>(), [6, 7, 8, 9]);
    assert_eq!(block_on(store.event(oldest[0].id().unwrap())).unwrap(), None);
    // What was recorded once is not recorded again, and the log goes on.
    let receipts = append(&store, oldest);
    assert!(
        receipts.iter().zip(1..).all(|(receipt, position)| receipt.duplicate && receipt.position == position)
    );
    assert_eq!(append(&store, decisions("anne", 1))[0].position, 10);
    assert_eq!(block_on(store.drop_months_before(time("2026-02-28T23:59:59.999Z"))).unwrap(), 0);
}

#[test]
fn the_documented_rights_are_enough_and_no_more() {
    let database = Database::with_roles();
    for role in ["server", "reader"] {
        database.sql(&format!("CREATE ROLE {role}_of_{0} LOGIN IN ROLE apmt_{role}", database.name()));
    }
    let url = |role: &str| database.url().replace("postgres@", &format!("{role}_of_{}@", database.name()));
    let server = apmt_store_postgres::PostgresStore::open(&url("server")).unwrap();
    let events = decisions("anne", 3);
    append(&server, events.clone());
    append(
        &server,
        vec![
            Event::retraction(events[0].id().unwrap(), "entered twice").build().unwrap(),
            Event::assigned("C-9", "anne").build().unwrap(),
        ],
    );
    assert_eq!(log(&server).len(), 5);
    let refused = block_on(server.drop_months_before(Timestamp::MAX)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized, "{refused}");

    let reader = apmt_store_postgres::PostgresStore::builder(&url("reader"));
    let reader = reader.read_only(true).open().unwrap();
    let (anne, policy) = ("anne".try_into().unwrap(), Policy::default());
    assert_eq!(block_on(reader.dossier(&anne, AsOf::Now, &policy)).unwrap().metrics.decisions, 2);
    let as_reader = apmt_store_postgres::PostgresStore::open(&url("reader")).unwrap();
    let refused = block_on(as_reader.append(decisions("anne", 1))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized, "{refused}");
    // Where there is no NOTIFY, there is an append all the same.
    database.sql("REVOKE EXECUTE ON FUNCTION pg_notify FROM PUBLIC");
    append(&apmt_store_postgres::PostgresStore::open(&url("server")).unwrap(), decisions("anne", 1));
    // The log is nobody's to rewrite.
    let rewrite = |sql: &str| {
        let attempt = format!(
            "SET ROLE apmt_server; DO $$ BEGIN {sql}; RAISE 'done'; EXCEPTION WHEN insufficient_privilege THEN END $$"
        );
        database.sql(&attempt);
    };
    rewrite("UPDATE apmt.events SET payload = ''");
    rewrite("UPDATE apmt.events SET occurred_at = 0");
    rewrite("DELETE FROM apmt.events");
    rewrite("DELETE FROM apmt.ids");
    rewrite("DELETE FROM apmt.retractions");
    rewrite("TRUNCATE apmt.events");
}
