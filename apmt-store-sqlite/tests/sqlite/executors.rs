//! No runtime is needed, and none is in the way.

use std::sync::Arc;

use apmt_core::{Event, Store};
use apmt_store_sqlite::SqliteStore;
use futures_lite::future::block_on;

fn store() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("apmt.db")).unwrap();
    (folder, store)
}

fn event(number: usize) -> Event {
    Event::decision("anne@sba.gov").case(&format!("C-{number}")).build().unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn under_tokio_on_one_thread() {
    let (_folder, store) = store();
    store.append(vec![event(1)]).await.unwrap();
    assert_eq!(store.events(0, 10).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_tokio_on_several_threads() {
    let (_folder, store) = store();
    let store = Arc::new(store);
    let callers: Vec<_> = (0..64)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.append(vec![event(number)]).await.unwrap() })
        })
        .collect();
    let mut positions = Vec::new();
    for caller in callers {
        positions.extend(caller.await.unwrap().into_iter().map(|receipt| receipt.position));
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=64).collect::<Vec<u64>>());
}

#[test]
fn from_plain_threads() {
    let (_folder, store) = store();
    let store = Arc::new(store);
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || block_on(store.append(vec![event(number)])).unwrap())
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(block_on(store.status()).unwrap().position, 8);
}

/// A caller who stops waiting takes nothing back: the batch is stored whole or not at all, and the store goes on.
#[tokio::test(flavor = "current_thread")]
async fn a_caller_may_stop_waiting() {
    let (_folder, store) = store();
    for number in 0..50 {
        let append = store.append(vec![event(number)]);
        drop(futures_lite::future::poll_once(append).await);
    }
    store.append(vec![event(50)]).await.unwrap();
    let log = store.events(0, 100).await.unwrap();
    assert!(log.iter().zip(1..).all(|(recorded, position)| recorded.position == position));
}
