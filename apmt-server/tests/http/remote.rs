//! The remote store's own ways: errors as they were, any executor, many callers, closing.

use std::sync::Arc;
use std::time::Duration;

use apmt_core::event::MAX_BATCH_BYTES;
use apmt_core::{AsOf, ErrorKind, Event, Policy, Store};
use apmt_store_http::HttpStore;
use futures_lite::future::block_on;

use crate::support::Served;

fn event(n: usize) -> Event {
    Event::decision("anne@sba.gov").case(&format!("C-{n}")).build().unwrap()
}

fn impatient(url: &str) -> HttpStore {
    HttpStore::builder(url).retry_budget(Duration::ZERO).open().unwrap()
}

#[test]
fn an_error_is_the_one_that_the_servers_store_gave() {
    let served = Served::fresh();
    let store = HttpStore::open(&served.url()).unwrap();
    let ahead = Event::decision("a").at("2026-04-01T12:00:00.001Z".parse().unwrap()).build().unwrap();
    let clock = Arc::new(apmt_core::time::ManualClock::at(apmt_core::conformance::now()));
    let memory = apmt_core::MemoryStore::with(clock, apmt_core::Calendar::Always);
    let batch = vec![event(1), ahead];
    let (far, near) = (block_on(store.append(batch.clone())), block_on(memory.append(batch)));
    let (far, near) = (far.unwrap_err(), near.unwrap_err());
    assert_eq!(far.invalid(), near.invalid());
    assert_eq!(far.to_string(), near.to_string());
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    // Nobody listens on the first port of all.
    let error = block_on(impatient("http://127.0.0.1:1").status()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_temporary() && error.to_string().contains("cannot be reached"), "{error}");
}

#[test]
fn another_path_is_no_apmt() {
    let served = Served::fresh();
    let store = impatient(&format!("{}/elsewhere", served.url()));
    assert_eq!(block_on(store.status()).unwrap_err().kind(), ErrorKind::Unsupported);
    let error = block_on(store.event(uuid::Uuid::from_u128(1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "not the same as an event that is not there");
}

#[test]
fn a_batch_of_over_16_mib_is_not_sent() {
    let store = impatient("http://127.0.0.1:1");
    let large = || Event::decision("a").field("pad", "x".repeat(60_000)).build().unwrap();
    let batch: Vec<Event> = (0..=MAX_BATCH_BYTES / 60_000).map(|_| large()).collect();
    let error = block_on(store.append(batch)).unwrap_err();
    assert_eq!(error.invalid().map(apmt_core::Invalid::field), Some("batch"));
}

#[test]
fn the_servers_policy_judges() {
    let yaml = "name: strict\nrules:\n  - id: any\n    when: [overrides > 0]\n    then: watch\n";
    let official = Policy::from_yaml("policy.yaml", yaml).unwrap();
    let client = apmt_client::Client::builder().url("memory:").policy(official).build().unwrap();
    let options = apmt_server::serve::ServeOptions::new(client).with_address(Served::any());
    let served = Served::run(options);
    let store = HttpStore::open(&served.url()).unwrap();
    block_on(store.append(vec![Event::override_of("anne").build().unwrap()])).unwrap();
    let dossier =
        block_on(store.dossier(&"anne".try_into().unwrap(), AsOf::Now, &Policy::default())).unwrap();
    assert_eq!((dossier.policy.name.as_str(), dossier.status.name()), ("strict", "watch"));
}

#[test]
fn more_than_a_page_is_put_together() {
    let served = Served::fresh();
    let store = HttpStore::open(&served.url()).unwrap();
    let batch = (0..2500).map(|n| Event::decision(&format!("officer_{n:04}")).build().unwrap()).collect();
    block_on(store.append(batch)).unwrap();
    assert_eq!(block_on(store.events(0, usize::MAX)).unwrap().len(), 2500);
    assert_eq!(block_on(store.events(10, 1001)).unwrap().len(), 1001);
    let dossiers = block_on(store.dossiers(AsOf::Now, &Policy::default(), None, 1500)).unwrap();
    assert_eq!((dossiers.len(), dossiers[1499].actor.as_str()), (1500, "officer_1499"));
}

#[tokio::test(flavor = "current_thread")]
async fn under_tokio_on_one_thread() {
    let served = Served::fresh();
    let store = HttpStore::open(&served.url()).unwrap();
    store.append(vec![event(1)]).await.unwrap();
    assert_eq!(store.events(0, 10).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_at_once() {
    let served = Served::fresh();
    let store = Arc::new(HttpStore::open(&served.url()).unwrap());
    let callers: Vec<_> = (0..64)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.append(vec![event(n)]).await.unwrap() })
        })
        .collect();
    let mut positions = Vec::new();
    for caller in callers {
        positions.extend(caller.await.unwrap().into_iter().map(|receipt| receipt.position));
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=64).collect::<Vec<u64>>());
}

/// Appends are put together, and one that breaks a rule is refused alone, with the place in its own batch.
#[test]
fn who_breaks_a_rule_does_so_alone() {
    let served = Served::fresh();
    let store = HttpStore::open(&served.url()).unwrap();
    let ahead = || Event::decision("anne").at("2999-01-01T00:00:00Z".parse().unwrap()).build().unwrap();
    let twice = Event::decision("anne").id(uuid::Uuid::from_u128(1)).build().unwrap();
    std::thread::scope(|scope| {
        for caller in 0..16 {
            let (store, twice) = (&store, &twice);
            scope.spawn(move || {
                for _ in 0..20 {
                    if caller % 4 == 3 {
                        let error = block_on(store.append(vec![event(1), event(2), ahead()])).unwrap_err();
                        let invalid = error.invalid().expect("it is invalid");
                        assert_eq!((invalid.field(), invalid.index()), ("occurred_at", Some(2)));
                    } else {
                        let receipts = block_on(store.append(vec![event(3), twice.clone()])).unwrap();
                        assert_eq!((receipts.len(), receipts[1].id), (2, twice.id().unwrap()));
                    }
                }
            });
        }
    });
    let log = block_on(store.events(0, usize::MAX)).unwrap();
    assert_eq!(
        log.len(),
        12 * 20 + 1,
        "the refused ones left nothing, and the one that all sent is there once"
    );
}

#[test]
fn packed_requests_are_the_same() {
    let served = Served::fresh();
    let store = HttpStore::builder(&served.url()).gzip(true).open().unwrap();
    for size in [1, 20, 3000] {
        let batch: Vec<_> = (0..size).map(event).collect();
        assert_eq!(block_on(store.append(batch)).unwrap().len(), size);
    }
    assert_eq!(block_on(store.events(0, usize::MAX)).unwrap().len(), 3021);
}

/// A caller who stops waiting takes no append back, and closing waits for it.
#[test]
fn what_was_begun_is_brought_to_its_end() {
    let served = Served::fresh();
    let store = HttpStore::open(&served.url()).unwrap();
    for n in 0..20 {
        let append = store.append(vec![event(n)]);
        drop(block_on(futures_lite::future::poll_once(append)));
    }
    block_on(store.close()).unwrap();
    let again = HttpStore::open(&served.url()).unwrap();
    assert_eq!(block_on(again.status()).unwrap().position, 20);
    assert_eq!(block_on(store.append(vec![event(21)])).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(block_on(again.status()).unwrap().position, 20, "closing this end closed nothing over there");
}
