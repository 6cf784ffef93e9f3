//! No runtime is needed, and none is in the way.

use std::sync::Arc;

use apmt_core::{AsOf, ErrorKind, Policy, Store};
use futures_lite::future::{block_on, poll_once};

use crate::database::Database;
use crate::support::{append, decisions, log};

#[test]
fn under_tokio_of_either_kind() {
    for runtime in [
        tokio::runtime::Builder::new_current_thread().build().unwrap(),
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap(),
    ] {
        let database = Database::with_tables();
        runtime.block_on(async {
            let store = Arc::new(database.open());
            let callers: Vec<_> = (0..32)
                .map(|_| {
                    let store = Arc::clone(&store);
                    tokio::spawn(async move { store.append(decisions("anne", 1)).await.unwrap() })
                })
                .collect();
            for caller in callers {
                caller.await.unwrap();
            }
            assert_eq!(store.events(0, 100).await.unwrap().len(), 32);
            store.close().await.unwrap();
            // Dropped here, inside the other runtime.
        });
    }
}

/// A caller who stops waiting takes nothing back: the batch is stored whole or not at all, and the store goes on.
#[test]
fn a_caller_may_stop_waiting() {
    let database = Database::with_tables();
    let (store, policy) = (database.builder().readers(1).open().unwrap(), Policy::default());
    for _ in 0..50 {
        drop(block_on(poll_once(store.append(decisions("anne", 3)))));
        // The one connection that reads is left in the middle of something.
        let anne = "anne".try_into().unwrap();
        let mut dossier = store.dossier(&anne, AsOf::Now, &policy);
        drop(block_on(poll_once(&mut dossier)));
    }
    append(&store, decisions("anne", 1));
    assert_eq!(log(&store).len() % 3, 1);
}

#[test]
fn closing_waits_for_what_was_begun() {
    let database = Database::with_tables();
    let store = Arc::new(database.open());
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let mut stored = 0;
                loop {
                    match block_on(store.append(decisions("anne", 1))) {
                        Ok(receipts) => stored += receipts.len(),
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                            break stored;
                        }
                    }
                }
            })
        })
        .collect();
    while block_on(store.status()).unwrap().position < 20 {
        std::thread::yield_now();
    }
    block_on(store.close()).unwrap();
    assert_eq!(block_on(store.status()).unwrap_err().kind(), ErrorKind::Closed);
    let stored: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
    assert_eq!(log(&database.open()).len(), stored);
}

#[test]
fn others_appends_are_heard_of() {
    let database = Database::with_tables();
    let (heard, hears) = std::sync::mpsc::channel();
    let on_append = move || {
        // Once the test has ended, nobody listens any more.
        let _ = heard.send(());
    };
    let _listens = database.builder().on_append(on_append).open().unwrap();
    // Once it listens; then for what the other appends.
    hears.recv().unwrap();
    let other = database.open();
    append(&other, decisions("anne", 1));
    hears.recv().unwrap();
    // The listener's connection breaks, and it listens again.
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    hears.recv().unwrap();
    append(&other, decisions("anne", 1));
    hears.recv().unwrap();
}
