//! A bad network between the remote store and the server: nothing is lost, nothing comes twice, and what an outbox
//! delivers comes in order.

mod proxy;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use apmt_client::Client;
use apmt_core::{ErrorKind, Event, Recorded, Store};
use apmt_server::serve::ServeOptions;
use apmt_store_http::HttpStore;
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::support::Served;
use proxy::Proxy;

/// A store behind the proxy, which gives up a stalled answer soon, and a call late.
fn behind(proxy: &Proxy) -> HttpStore {
    let store = HttpStore::builder(&format!("http://{}", proxy.address));
    let store = store.request_timeout(Duration::from_millis(500)).retry_budget(Duration::from_secs(300));
    store.open().unwrap()
}

fn sent(event: &Event) -> String {
    event.extra()["sent"].as_str().unwrap().to_owned()
}

/// The whole log, by a way without faults.
fn log(served: &Served) -> Vec<Recorded> {
    block_on(HttpStore::open(&served.url()).unwrap().events(0, usize::MAX)).unwrap()
}

#[test]
fn every_event_is_in_the_log_once() {
    let served = Served::fresh();
    let proxy = Proxy::before(served.address);
    let store = behind(&proxy);
    // Some events have an id, and some are given one; some batches are large.
    let batches: Vec<Vec<Event>> = (0..40_u128)
        .map(|batch| {
            let event = |n: u128| {
                let event = Event::decision("anne").case(&format!("C-{n}"));
                let event = if n.is_multiple_of(2) {
                    event.id(Uuid::from_u128(batch << 32 | n << 8 | 1))
                } else {
                    event
                };
                event.field("sent", format!("{batch}/{n}")).build().unwrap()
            };
            (0..if batch % 4 == 0 { 1000 } else { 3 }).map(event).collect()
        })
        .collect();
    let mut acknowledged = Vec::new();
    for batch in &batches {
        let receipts = block_on(store.append(batch.clone())).expect("what fails for now is tried again");
        acknowledged.extend(batch.iter().map(sent).zip(receipts));
    }
    assert!(proxy.met() > 40, "faults were met");

    let log = log(&served);
    let stored: Vec<String> = log.iter().map(|recorded| sent(&recorded.event)).collect();
    let all: Vec<String> = batches.iter().flatten().map(sent).collect();
    assert_eq!(stored, all, "once each, in the order of the calls");
    for (sent_as, receipt) in acknowledged {
        let recorded = &log[usize::try_from(receipt.position).unwrap() - 1];
        assert_eq!((recorded.id, sent(&recorded.event)), (receipt.id, sent_as));
    }
    // Reading comes through as well.
    assert_eq!(block_on(store.events(0, usize::MAX)).unwrap(), log);
    assert_eq!(block_on(store.status()).unwrap().position, log.len() as u64);
}

/// Their appends are put together, and each gets their own receipts.
#[test]
fn every_event_of_eight_callers_is_in_the_log_once() {
    const CALLS: usize = 24;
    let served = Served::fresh();
    let proxy = Proxy::before(served.address);
    let store = behind(&proxy);
    let acknowledged: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|caller| {
                let store = &store;
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    for call in 0..CALLS {
                        let event = |n: usize| {
                            Event::decision("anne")
                                .field("sent", format!("{caller}/{call}/{n}"))
                                .build()
                                .unwrap()
                        };
                        let batch: Vec<Event> = (0..[1, 60, 100][call % 3]).map(event).collect();
                        let receipts = block_on(store.append(batch.clone())).expect("it is tried again");
                        acknowledged.extend(batch.iter().map(sent).zip(receipts));
                    }
                    acknowledged
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let log = log(&served);
    // Each request alone would take more than two attempts.
    assert!(log.len() >= 10_000 && proxy.met() < 2 * 8 * CALLS, "appends are put together: {}", proxy.met());
    assert_eq!(log.len(), acknowledged.iter().map(Vec::len).sum::<usize>(), "once each");
    for caller in acknowledged {
        let positions: Vec<u64> = caller.iter().map(|(_, receipt)| receipt.position).collect();
        assert!(positions.is_sorted(), "each caller's are in order");
        for (sent_as, receipt) in caller {
            let recorded = &log[usize::try_from(receipt.position).unwrap() - 1];
            assert_eq!((recorded.id, sent(&recorded.event)), (receipt.id, sent_as));
        }
    }
}

#[cfg(feature = "outbox")]
mod outbox {
    use apmt_core::MemoryStore;
    use apmt_store_http::Outbox;

    use super::*;

    const LONG: Duration = Duration::from_secs(300);

    fn event(n: usize) -> Event {
        Event::decision("anne").field("sent", n.to_string()).build().unwrap()
    }

    fn assert_is_in_order(served: &Served, events: usize) {
        let stored: Vec<String> = log(served).iter().map(|recorded| sent(&recorded.event)).collect();
        assert_eq!(stored, (0..events).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn an_outbox_delivers_in_order_through_a_bad_network() {
        let folder = tempfile::tempdir().unwrap();
        // With the machine's clock, by which the outbox gives instants.
        let served = Served::of(Arc::new(MemoryStore::new()));
        let proxy = Proxy::before(served.address);
        let outbox = Outbox::builder(folder.path().join("outbox.db")).target(Arc::new(behind(&proxy)));
        let outbox = outbox.open().unwrap();
        let mut events = (0..).map(event);
        let mut put = 0;
        // Meanwhile it delivers: what there is when it looks.
        while put < 10_000 {
            let size = [1, 1500, 70, 700][put % 4];
            let receipts = block_on(outbox.record_events(events.by_ref().take(size))).unwrap();
            put += receipts.len();
        }
        outbox.flush_blocking(LONG).unwrap();
        let status = outbox.status_blocking().unwrap();
        assert_eq!((status.delivered, status.dead), (put as u64, 0));
        assert!(proxy.met() > 10, "faults were met");
        assert_is_in_order(&served, put);
    }

    /// The outbox tries again by itself, over a server that ends and comes back on the same file.
    #[test]
    fn an_outbox_outlives_its_server() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("apmt.db").display());
        let serve =
            |address| Served::run(ServeOptions::new(Client::open(&url).unwrap()).with_address(address));
        let served = serve(own_address());
        let address = served.address;
        let store = HttpStore::builder(&served.url()).retry_budget(Duration::ZERO).open().unwrap();
        let outbox = Outbox::builder(folder.path().join("outbox.db")).target(Arc::new(store)).open().unwrap();
        let mut events = (0..).map(event);
        let mut put = |size| block_on(outbox.record_events(events.by_ref().take(size))).unwrap();
        put(700);
        outbox.flush_blocking(LONG).unwrap();
        // With some on their way.
        put(3000);
        assert!(served.stop().is_clean());
        put(700);
        let error = loop {
            let _ = outbox.flush_blocking(Duration::from_millis(20));
            if let Some(error) = outbox.status_blocking().unwrap().last_error {
                break error;
            }
        };
        assert_eq!(error.kind, ErrorKind::Unavailable, "{}", error.message);
        let served = serve(address);
        outbox.flush_blocking(LONG).unwrap();
        assert_is_in_order(&served, 4400);
    }
}

/// Who takes a request and says nothing is given up in time, and nobody claims to know what became of it.
#[test]
fn a_server_that_says_nothing_has_timed_out() {
    let silent = TcpListener::bind(Served::any()).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let store =
        HttpStore::builder(&url).request_timeout(Duration::from_millis(20)).retry_budget(Duration::ZERO);
    let store = store.open().unwrap();
    let error = block_on(store.append(vec![Event::decision("anne").build().unwrap()])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.is_temporary(), "{error}");
}

/// A caller who stops waiting for an answer ends the attempts at it, and closing does not wait for them.
#[test]
fn reading_ends_with_the_reader() {
    let silent = TcpListener::bind(Served::any()).unwrap();
    let store = HttpStore::open(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    drop(block_on(futures_lite::future::poll_once(store.status())));
    block_on(store.close()).unwrap();
}

/// Any free port of an address that no other test's connection can be using, where there is a whole network of them.
fn own_address() -> SocketAddr {
    static LAST: AtomicU8 = AtomicU8::new(77);
    let last = LAST.fetch_add(1, Ordering::SeqCst);
    (if cfg!(target_os = "linux") { [127, 0, 0, last] } else { [127, 0, 0, 1] }, 0).into()
}

/// Connections that are kept end with the server that they lead to; its successor is met on new ones.
#[test]
fn a_server_that_is_started_again_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("apmt.db").display());
    let serve = |address| Served::run(ServeOptions::new(Client::open(&url).unwrap()).with_address(address));
    let served = serve(own_address());
    let address = served.address;
    let store = Arc::new(HttpStore::open(&served.url()).unwrap());
    let append = |store: &HttpStore, n: u128| {
        let event = Event::decision("anne").id(Uuid::from_u128(n)).build().unwrap();
        block_on(store.append(vec![event])).unwrap()[0].position
    };
    assert_eq!(append(&store, 1), 1);
    assert!(served.stop().is_clean());
    // Sent while nobody listens, and stored when somebody does.
    let waiting = {
        let store = Arc::clone(&store);
        std::thread::spawn(move || append(&store, 2))
    };
    let served = serve(address);
    assert_eq!(waiting.join().unwrap(), 2);
    assert_eq!(append(&store, 1), 1, "what was there before is there");
    assert!(served.stop().is_clean());
}
