//! The same round under every executor and under none.

use apmt_client::{Client, Event, Report, blocking};

use crate::support::{LONG, decision};

async fn round() -> Report {
    let client = Client::open("memory:").unwrap();
    let mut live = client.subscribe();
    client.record_event(Event::override_of("anne@sba.gov")).await.unwrap();
    assert_eq!(live.next().await.unwrap().unwrap().dossier.metrics.overrides, 1);

    for _ in 0..2500 {
        client.enqueue(decision("bob@sba.gov")).unwrap();
    }
    client.flush(LONG).await.unwrap();
    assert_eq!(client.get_dossier("bob@sba.gov").await.unwrap().metrics.decisions, 2500);
    client.enqueue(decision("bob@sba.gov")).unwrap();
    let report = client.shutdown(LONG).await;
    let mut last = 0;
    while let Some(delta) = live.next().await {
        last = delta.unwrap().dossier.metrics.decisions;
    }
    assert_eq!(last, 2501, "a subscription sees the last event before it ends");
    report
}

fn check(report: &Report) {
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.recorded, report.duplicates, report.timed_out), (2501, 0, false));
}

#[tokio::test(flavor = "current_thread")]
async fn tokio_on_one_thread() {
    check(&round().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_on_many_threads() {
    check(&tokio::spawn(round()).await.unwrap());
}

#[tokio::test(flavor = "current_thread")]
async fn two_at_once_on_one_thread() {
    let (one, other) = tokio::join!(round(), round());
    check(&one);
    check(&other);
}

#[test]
fn another_executor() {
    check(&futures_lite::future::block_on(round()));
}

#[test]
fn plain_threads() {
    let client = blocking::Client::open("memory:").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    client.record_event(Event::override_of("anne@sba.gov")).unwrap();
                    client.enqueue(decision("bob@sba.gov")).unwrap();
                }
            });
        }
    });
    client.flush(LONG).unwrap();
    assert_eq!(client.get_dossier("anne@sba.gov").unwrap().metrics.overrides, 100);
    assert_eq!(client.get_dossier("bob@sba.gov").unwrap().metrics.decisions, 100);
    assert_eq!(client.status().unwrap().position, 200);
    let report = client.shutdown(LONG);
    assert!(report.is_clean() && report.recorded == 100, "{report}");
}

/// A blocking call in async code is wrong, and yet must not hang.
#[tokio::test(flavor = "current_thread")]
async fn blocking_calls_inside_async_code_come_back() {
    let client = blocking::Client::open("memory:").unwrap();
    client.record_event(decision("anne@sba.gov")).unwrap();
    client.enqueue(decision("anne@sba.gov")).unwrap();
    client.flush(LONG).unwrap();
    assert_eq!(client.as_async().get_dossier("anne@sba.gov").await.unwrap().metrics.decisions, 2);
    assert!(client.shutdown(LONG).is_clean());
}
