//! Reading: the log, one event, one case, the status, and what a closed store says.

use uuid::Uuid;

use super::bench::{Bench, hour, now, time};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::name::{ActorName, CaseId};
use crate::policy::Policy;
use crate::store::AsOf;
use crate::time::Window;

/// Nothing is there, and nothing fails.
pub async fn an_empty_store_answers(bench: &Bench) {
    let trial = bench.store().await;
    let window = Window::all_until(now());
    assert!(trial.log().await.is_empty());
    assert!(trial.store.event(Uuid::from_u128(1)).await.unwrap().is_none());
    assert!(trial.case("C-1").await.is_empty());
    assert!(trial.contributions("anne@sba.gov").await.is_empty());
    assert!(trial.activity("anne@sba.gov", window).await.is_empty());
    assert!(trial.store.activities(window, None, 10).await.unwrap().is_empty());
    assert!(trial.dossiers(now()).await.is_empty());
    let status = trial.store.status().await.unwrap();
    assert_eq!((status.position, status.latest), (0, None));
}

/// A page holds what comes after a position, in order, at most `limit`.
pub async fn the_log_is_read_in_pages(bench: &Bench) {
    let trial = bench.store().await;
    // Instants go backwards: the log's order is that of recording.
    trial.append((0..10).map(|n| Event::decision("anne@sba.gov").at(hour(100 - n)))).await;
    let page = async |after, limit| -> Vec<u64> {
        let events = trial.store.events(after, limit).await.expect("the log is read");
        events.iter().map(|recorded| recorded.position).collect()
    };
    assert_eq!(page(0, 4).await, [1, 2, 3, 4]);
    assert_eq!(page(4, 4).await, [5, 6, 7, 8]);
    assert_eq!(page(8, 4).await, [9, 10]);
    assert_eq!(page(9, usize::MAX).await, [10]);
    assert!(page(10, 4).await.is_empty(), "after the last");
    assert!(page(11, 4).await.is_empty(), "beyond the end");
    assert!(page(u64::MAX, 4).await.is_empty(), "far beyond the end");
    assert!(page(0, 0).await.is_empty(), "nothing was asked for");
}

/// By its id, wherever it is; another id finds nothing.
pub async fn an_event_is_found_by_its_id(bench: &Bench) {
    let trial = bench.store().await;
    let id = |n: u128| Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + n);
    trial.append((1..=5).map(|n| Event::decision("anne@sba.gov").id(id(n)).at(hour(1)))).await;
    let found = trial.store.event(id(3)).await.unwrap().expect("the event is found");
    assert_eq!((found.id, found.position), (id(3), 3));
    assert!(trial.store.event(id(6)).await.unwrap().is_none());
    assert!(trial.store.event(Uuid::nil()).await.unwrap().is_none());
}

/// By `occurred_at`, and at equal instants in log order; other cases' events are not among them.
pub async fn a_case_is_read_by_instant_then_in_log_order(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::viewed("C-1", "anne@sba.gov").at(hour(3)),
            Event::viewed("C-2", "anne@sba.gov").at(hour(1)),
            Event::viewed("C-1", "anne@sba.gov").at(hour(1)),
            Event::viewed("C-1", "anne@sba.gov").at(hour(2)),
        ])
        .await;
    trial
        .append([
            Event::viewed("C-1", "anne@sba.gov").at(hour(1)),
            Event::viewed("C-1", "anne@sba.gov").at(hour(2)),
        ])
        .await;
    let positions: Vec<u64> = trial.case("C-1").await.iter().map(|recorded| recorded.position).collect();
    assert_eq!(positions, [3, 5, 4, 6, 1]);
    assert!(trial.case("C-3").await.is_empty());
}

/// ` C-1 ` and `C-1` are one case; `c-1` is another.
pub async fn a_case_id_is_trimmed_and_keeps_its_case(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::case_opened(" C-1 ").at(hour(1)),
            Event::case_opened("C-1").at(hour(2)),
            Event::case_opened("c-1").at(hour(3)),
        ])
        .await;
    assert_eq!(trial.case("C-1").await.len(), 2);
    assert_eq!(trial.case("c-1").await.len(), 1);
}

/// The newest position, the latest instant (not the last one recorded), the clock, and the calendar's digest.
pub async fn the_status_says_where_the_store_stands(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::decision("anne@sba.gov").at(hour(5)),
            Event::decision("anne@sba.gov").at(hour(9)),
            Event::custom("X_LAST").at(hour(7)),
        ])
        .await;
    trial.clock.set(hour(1000));
    let status = trial.store.status().await.unwrap();
    assert_eq!((status.position, status.latest, status.now), (3, Some(hour(9)), hour(1000)));
    assert_eq!(status.calendar, trial.calendar.digest());
    trial.append([Event::decision("anne@sba.gov").at(time("1969-07-20T20:17:40Z"))]).await;
    let status = trial.store.status().await.unwrap();
    assert_eq!((status.position, status.latest), (4, Some(hour(9))));
}

/// After `close`, every method says [`ErrorKind::Closed`]; closing again is no error.
pub async fn a_closed_store_refuses_everything(bench: &Bench) {
    fn refused<T>(what: &str, answer: Result<T, Error>) {
        match answer {
            Ok(_) => panic!("{what} answered after close"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "{what}"),
        }
    }
    let trial = bench.store().await;
    let event = Event::decision("anne@sba.gov").id(Uuid::from_u128(1)).at(hour(1)).build().unwrap();
    trial.append([event.clone()]).await;
    let store = &trial.store;
    store.close().await.expect("a store is closed");
    store.close().await.expect("closing again is no error");
    let (actor, window) = (ActorName::from_stored("anne@sba.gov"), Window::all_until(now()));
    let policy = Policy::default();
    refused("append", store.append(vec![event]).await);
    refused("append of nothing", store.append(Vec::new()).await);
    refused("events", store.events(0, 10).await);
    refused("event", store.event(Uuid::from_u128(1)).await);
    refused("case", store.case(&CaseId::from_stored("C-1")).await);
    refused("contributions", store.contributions(&actor, window, None, 10).await);
    refused("activity", store.activity(&actor, window).await);
    refused("activities", store.activities(window, None, 10).await);
    refused("status", store.status().await);
    refused("dossier", store.dossier(&actor, AsOf::Now, &policy).await);
    refused("dossiers", store.dossiers(AsOf::At(now()), &policy, None, 10).await);
}

/// Closing waits for what was begun: every acknowledged event has its receipt.
pub async fn what_was_appended_before_closing_was_stored(bench: &Bench) {
    let trial = bench.store().await;
    let receipts = trial.append((0..100).map(|_| Event::decision("anne@sba.gov").at(hour(1)))).await;
    assert_eq!(trial.dossier("anne@sba.gov", now()).await.metrics.decisions, 100);
    trial.store.close().await.expect("a store is closed");
    assert_eq!(receipts.last().map(|receipt| receipt.position), Some(100));
}
