//! The end: in order, in time, and accounted for; and what happens without it.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apmt_client::{ErrorKind, Event, Report};
use futures_lite::future::{block_on, poll_once};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

use crate::support::{LONG, TestStore, client_on, decision};

#[test]
fn after_the_shutdown_everything_is_closed() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    client.enqueue(decision("anne@sba.gov")).unwrap();
    let report = block_on(client.shutdown(LONG));
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.to_string(), "1 recorded, 0 duplicates, none lost");

    let mut live = client.subscribe();
    let errors = [
        block_on(client.record_event(decision("anne@sba.gov"))).unwrap_err(),
        client.enqueue(decision("anne@sba.gov")).unwrap_err(),
        block_on(client.get_dossier("anne@sba.gov")).unwrap_err(),
        live.next_blocking().unwrap().unwrap_err(),
        live.next_timeout(LONG).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
    assert!(live.next_blocking().is_none());
    assert_eq!(client.losses().closed, 1);
    block_on(client.flush(Duration::ZERO)).unwrap();
    assert_eq!(block_on(client.shutdown(Duration::ZERO)), report, "the second gives the first one's report");
}

#[test]
fn a_stalled_store_costs_no_more_than_the_timeout() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    store.append_door.shut();
    client.enqueue(decision("anne@sba.gov")).unwrap();
    store.append_door.wait_for(1);
    for _ in 0..5 {
        client.enqueue(decision("anne@sba.gov")).unwrap();
    }
    let report = block_on(client.shutdown(Duration::ZERO));
    assert!(report.timed_out && report.store_closed, "{report}");
    assert_eq!((report.recorded, report.losses.unanswered, report.losses.shutdown), (0, 1, 5));
    assert_eq!(
        report.to_string(),
        "0 recorded, 0 duplicates, 6 lost (shutdown 5, unanswered 1); time ran out"
    );
    assert_eq!(client.queued(), 0);

    // The late answer finds the books closed.
    store.append_door.open();
    assert_eq!(block_on(client.shutdown(LONG)), report);
}

#[test]
fn events_between_two_attempts_are_lost_by_the_shutdown() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    store.fail([ErrorKind::Unavailable; 1000]);
    client.enqueue(decision("anne@sba.gov")).unwrap();
    let report = block_on(client.shutdown(Duration::from_millis(1)));
    assert!(report.timed_out, "{report}");
    assert_eq!((report.losses.total(), report.losses.store), (1, 0), "{report}");
}

#[test]
fn a_store_that_cannot_close_is_told_of() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    store.close_door.shut();
    let report = block_on(client.shutdown(Duration::ZERO));
    assert!(!report.store_closed && !report.timed_out && report.losses.total() == 0, "{report}");
    assert!(report.to_string().ends_with("the store was not closed in time"), "{report}");
    store.close_door.open();
}

#[test]
fn a_shutdown_whose_future_is_dropped_goes_on() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    store.append_door.shut();
    client.enqueue(decision("anne@sba.gov")).unwrap();
    store.append_door.wait_for(1);
    assert!(block_on(poll_once(client.shutdown(LONG))).is_none());
    store.append_door.open();
    let report = block_on(client.shutdown(LONG));
    assert!(report.is_clean() && report.recorded == 1, "{report}");
}

#[test]
fn many_shutdowns_at_once_give_one_report() {
    let client = client_on(&TestStore::new()).build().unwrap();
    for _ in 0..100 {
        client.enqueue(decision("anne@sba.gov")).unwrap();
    }
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| block_on(client.shutdown(LONG)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(reports[0].recorded, 100);
    assert!(reports.iter().all(|report| *report == reports[0]));
}

#[test]
fn a_report_is_json() {
    let client = client_on(&TestStore::new()).build().unwrap();
    drop(client.enqueue("no event"));
    let report = block_on(client.shutdown(LONG));
    let json = r#"{"recorded":0,"duplicates":0,"losses":{"queue_full":0,"invalid":1,"store":0,"shutdown":0,"unanswered":0,"closed":0},"timed_out":false,"store_closed":true}"#;
    assert_eq!(serde_json::to_string(&report).unwrap(), json);
    assert_eq!(serde_json::from_str::<Report>(json).unwrap(), report);
}

#[test]
fn dropping_the_last_clone_brings_what_is_enqueued_to_the_store() {
    let store = TestStore::new();
    let client = client_on(&store).drop_timeout(LONG).build().unwrap();
    let clone = client.clone();
    for _ in 0..2000 {
        client.enqueue(decision("anne@sba.gov")).unwrap();
    }
    drop(client);
    clone.enqueue(Event::decision("anne@sba.gov")).unwrap();
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || drop(clone));
    assert_eq!(store.log().len(), 2001);
    assert!(warnings.0.lock().unwrap().is_empty());
}

#[test]
fn dropping_with_a_stalled_store_is_bounded_and_told() {
    let store = TestStore::new();
    let client = client_on(&store).drop_timeout(Duration::ZERO).build().unwrap();
    store.append_door.shut();
    for _ in 0..3 {
        client.enqueue(decision("anne@sba.gov")).unwrap();
    }
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || drop(client));
    let warnings = warnings.0.lock().unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("without a shutdown") && warnings[0].contains("3 lost"), "{warnings:?}");
    store.append_door.open();
}

/// What a dropped client leaves behind: nothing. Both threads let go of the store.
#[test]
fn no_thread_outlives_its_client() {
    let store = TestStore::new();
    let dropped = store.dropped();
    let client = client_on(&store).build().unwrap();
    drop(store);
    client.enqueue(decision("anne@sba.gov")).unwrap();
    let live = client.subscribe();
    drop(client);
    assert!(dropped.try_recv().is_err(), "the subscription still follows");
    drop(live);
    dropped.recv_timeout(LONG).unwrap();
}

/// Collects the warnings of this thread.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Visit for Warnings {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if let Some(last) = self.0.lock().unwrap().last_mut() {
            write!(last, "{field}={value:?} ").unwrap();
        }
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target().starts_with("apmt_client")
    }

    fn event(&self, event: &tracing::Event<'_>) {
        self.0.lock().unwrap().push(String::new());
        event.record(&mut self.clone());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
