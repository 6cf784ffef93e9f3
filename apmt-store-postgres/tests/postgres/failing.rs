//! Connections that break, servers that are killed: nothing acknowledged is lost, nothing is stored twice, and nobody
//! is told what is not so.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use apmt_core::conformance::random_events;
use apmt_core::{AsOf, Calendar, ErrorKind, Policy, Store};
use apmt_store_postgres::PostgresStore;
use futures_lite::future::block_on;

use crate::cluster::Cluster;
use crate::database::{Database, shared};
use crate::proxy::{Cut, Proxy};
use crate::support::{append, decisions, log, open, same_as_naive};

/// A store behind a proxy that cuts.
fn behind(database: &Database, cut: Cut) -> (Proxy, PostgresStore) {
    let proxy = Proxy::before(shared().port(), cut);
    let url = format!("postgres://postgres@127.0.0.1:{}/{}?sslmode=disable", proxy.port(), database.name());
    (proxy, PostgresStore::builder(&url).open().unwrap())
}

#[test]
fn a_commit_whose_answer_is_lost_is_no_duplicate_of_itself() {
    let database = Database::with_tables();
    let (proxy, store) = behind(&database, Cut::After(b"COMMIT\0", b'I'));
    append(&store, decisions("anne", 3));
    let events = decisions("bob", 5);
    proxy.cut(2);
    // Twice the batch is stored, or found to be, and twice nobody hears of it.
    let receipts = append(&store, events.clone());
    assert_eq!(proxy.left(), 0);
    assert!(receipts.iter().all(|receipt| !receipt.duplicate), "{receipts:?}");
    assert_eq!(receipts.iter().map(|receipt| receipt.position).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    assert_eq!(log(&open(&database)).len(), 8);
    // Sent again by its caller, it is.
    assert!(append(&store, events).iter().all(|receipt| receipt.duplicate));
}

#[test]
fn a_connection_that_breaks_before_the_commit_stores_once() {
    for cut in [Cut::Before(b"COMMIT\0"), Cut::Before(b"BEGIN"), Cut::After(b"BEGIN", b'T')] {
        let database = Database::with_tables();
        let (proxy, store) = behind(&database, cut);
        append(&store, decisions("anne", 3));
        proxy.cut(3);
        let receipts = append(&store, decisions("bob", 5));
        assert_eq!(proxy.left(), 0);
        assert!(receipts.iter().all(|receipt| !receipt.duplicate), "{receipts:?}");
        assert_eq!(log(&open(&database)).len(), 8);
        // Dossiers are read through the same network.
        proxy.cut(1);
        let (bob, policy) = ("bob".try_into().unwrap(), Policy::default());
        let dossier = block_on(store.dossier(&bob, AsOf::Now, &policy)).unwrap();
        assert_eq!(dossier.metrics.decisions, 5);
    }
}

#[test]
fn what_is_in_doubt_once_the_budget_is_spent_is_said_to_be() {
    let database = Database::with_tables();
    let proxy = Proxy::before(shared().port(), Cut::After(b"COMMIT\0", b'I'));
    let url = format!("postgres://postgres@127.0.0.1:{}/{}?sslmode=disable", proxy.port(), database.name());
    let store = PostgresStore::builder(&url).retry_budget(Duration::ZERO).open().unwrap();
    let events = decisions("anne", 2);
    proxy.cut(1);
    let error = block_on(store.append(events.clone())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(
        error.is_temporary() && error.to_string().contains("append it again with the same ids"),
        "{error}"
    );
    assert!(append(&store, events).iter().all(|receipt| receipt.duplicate));
}

#[test]
fn a_server_that_hangs_in_its_transaction_holds_up_the_others_for_a_while_only() {
    let database = Database::with_tables();
    let store =
        database.builder().lock_timeout(Duration::from_millis(50)).retry_budget(Duration::ZERO).open();
    let store = store.unwrap();
    append(&store, decisions("anne", 1));
    // As a server that is stopped does: it has the lock, and says nothing more.
    let mut hangs = database.psql();
    hangs.say(
        "SET idle_in_transaction_session_timeout TO '2s'; BEGIN; SELECT 'locked' FROM apmt.head FOR UPDATE;",
    );
    hangs.wait_for("locked");
    let error = block_on(store.append(decisions("anne", 1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert!(error.is_temporary());
    // Who reads does not wait.
    assert_eq!(log(&store).len(), 1);
    let patient = database.open();
    append(&patient, decisions("anne", 1));
    assert_eq!(log(&store).len(), 2);
}

#[test]
fn what_no_standby_has_is_not_acknowledged() {
    let cluster = Cluster::start(&["fsync=off"]);
    let wait_for_standbys = |names: &str| {
        cluster.sql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names TO '{names}'"));
        cluster.sql("postgres", "SELECT pg_reload_conf()");
    };
    let url = cluster.url("postgres");
    // A statement timeout that the server kept to would have it acknowledge what nobody else has.
    let timeout = Duration::from_secs(3);
    let store = PostgresStore::builder(&url).statement_timeout(timeout).retry_budget(Duration::ZERO).open();
    let store = store.unwrap();
    append(&store, decisions("anne", 1));
    wait_for_standbys("nobody");
    let mut acknowledged = 1;
    // It takes the server a moment to know of its new setting.
    let (events, error) = loop {
        let events = decisions("anne", 1);
        match block_on(store.append(events.clone())) {
            Ok(_) => acknowledged += 1,
            Err(error) => break (events, error),
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    let said = error.to_string();
    assert!(said.contains("standby") && said.contains("append it again with the same ids"), "{said}");
    assert_eq!(log(&PostgresStore::builder(&url).read_only(true).open().unwrap()).len(), acknowledged);
    wait_for_standbys("");
    let store = PostgresStore::open(&url).unwrap();
    assert!(append(&store, events).iter().all(|receipt| receipt.duplicate));
    assert_eq!(log(&store).len(), acknowledged + 1);
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_where_the_server_is_killed() {
    let cluster = Cluster::start(&["fsync=on"]);
    let url = cluster.url("postgres");
    let acknowledged: Mutex<HashMap<_, u64>> = Mutex::default();
    let (over, batches) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for writer in 0..4_u64 {
            let store = PostgresStore::builder(&url)
                .clock(std::sync::Arc::new(apmt_core::time::ManualClock::at(apmt_core::conformance::now())))
                .open()
                .unwrap();
            let (acknowledged, over, batches) = (&acknowledged, &over, &batches);
            scope.spawn(move || {
                for round in 0.. {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                    let events = random_events(writer * 1_000_003 + round, [1, 3, 20, 100][writer as usize]);
                    // The server's absence is the store's to bear.
                    let receipts = append(&store, events);
                    let mut acknowledged = acknowledged.lock().unwrap();
                    for receipt in receipts {
                        assert!(!receipt.duplicate, "nobody else has sent it");
                        assert!(acknowledged.insert(receipt.id, receipt.position).is_none());
                    }
                    batches.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let wait_for = |count| {
            let from = batches.load(Ordering::SeqCst);
            while batches.load(Ordering::SeqCst) < from + count {
                std::thread::yield_now();
            }
        };
        for _ in 0..3 {
            wait_for(40);
            cluster.stop("immediate");
            cluster.run();
        }
        wait_for(40);
        over.store(true, Ordering::SeqCst);
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    let store = PostgresStore::open(&url).unwrap();
    let log = log(&store);
    assert_eq!(log.len(), acknowledged.len());
    for recorded in log {
        assert_eq!(acknowledged.get(&recorded.id), Some(&recorded.position));
    }
    same_as_naive(&store, &Calendar::Always);
}
