//! What is counted, and that it names nobody.

use std::io::Write;
use std::net::TcpStream;

use apmt_client::Client;
use apmt_server::serve::ServeOptions;

use crate::raw::{get, post, send};
use crate::support::Served;

/// The value of a series, if it is there.
fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn page(served: &Served) -> String {
    let answer = get(served.address, "/metrics");
    assert_eq!(answer.status, 200);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(content_type));
    let page = String::from_utf8(answer.body).unwrap();
    assert!(page.ends_with("# EOF\n"), "{page}");
    page
}

#[test]
fn requests_and_events_are_counted() {
    let served = Served::fresh();
    let event = r#"{"type":"OVERRIDE","actor":"anne@sba.gov","case_id":"C-17","id":"01980000-0000-7000-8000-000000000001"}"#;
    post(served.address, "/event", event).ok();
    post(served.address, "/event", event).ok();
    post(served.address, "/event", "{}").problem(400);
    post(served.address, "/events", format!("{event}\nno JSON\n{{\"type\":\"DECISION\",\"actor\":\"a\"}}"))
        .ok();
    post(served.address, "/events?atomic=true", "no JSON").problem(400);
    get(served.address, "/dossier/anne@sba.gov").ok();
    get(served.address, "/anne@sba.gov").problem(404);
    send(served.address, "PATCH", "/event", &[], b"").problem(405);
    let page = page(&served);
    for (series, count) in [
        (r#"apmt_http_requests_total{method="POST",route="/event",status="200"}"#, 2.0),
        (r#"apmt_http_requests_total{method="POST",route="/event",status="400"}"#, 1.0),
        (r#"apmt_http_requests_total{method="GET",route="/dossier/{actor}",status="200"}"#, 1.0),
        (r#"apmt_http_requests_total{method="GET",route="none",status="404"}"#, 1.0),
        (r#"apmt_http_requests_total{method="other",route="/event",status="405"}"#, 1.0),
        (r#"apmt_http_request_duration_seconds_count{method="POST",route="/event"}"#, 3.0),
        // This one.
        ("apmt_http_requests_in_flight", 1.0),
        (r#"apmt_events_total{outcome="stored"}"#, 2.0),
        (r#"apmt_events_total{outcome="duplicate"}"#, 2.0),
        (r#"apmt_events_total{outcome="rejected"}"#, 3.0),
        ("apmt_append_duration_seconds_count", 3.0),
        ("apmt_dossier_duration_seconds_count", 1.0),
        ("apmt_store_up", 1.0),
        ("apmt_log_position", 2.0),
        ("apmt_live_connections", 0.0),
        (concat!("apmt_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
    ] {
        assert_eq!(value(&page, series), Some(count), "{series}\n{page}");
    }
    assert!(value(&page, "apmt_http_request_body_bytes_total").unwrap() > 300.0);
    assert!(value(&page, "process_start_time_seconds").unwrap() > 1.7e9);
    assert!(!page.contains("anne") && !page.contains("C-17"), "{page}");
}

#[test]
fn the_queue_and_its_losses_are_shown() {
    let client = Client::open("memory:").unwrap();
    let served = Served::run(ServeOptions::new(client.clone()).with_address(Served::any()));
    assert!(client.enqueue("{}").is_err());
    let page = page(&served);
    assert_eq!(value(&page, r#"apmt_queue_losses_total{reason="invalid"}"#), Some(1.0));
    assert_eq!(value(&page, r#"apmt_queue_losses_total{reason="queue_full"}"#), Some(0.0));
    assert_eq!(value(&page, "apmt_queue_events"), Some(0.0));
}

#[test]
fn a_store_that_does_not_answer_is_down() {
    let client = Client::open("memory:").unwrap();
    let served = Served::of(std::sync::Arc::clone(client.store()));
    let _ = futures_lite::future::block_on(client.shutdown(std::time::Duration::from_secs(5)));
    assert_eq!(value(&page(&served), "apmt_store_up"), Some(0.0));
}

#[test]
fn who_goes_away_is_counted_too() {
    let served = Served::fresh();
    let mut gone = TcpStream::connect(served.address).unwrap();
    gone.write_all(
        b"POST /event HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 31\r\n\r\n",
    )
    .unwrap();
    std::io::Read::read_exact(&mut gone, &mut [0; 25]).unwrap();
    assert_eq!(value(&page(&served), "apmt_http_requests_in_flight"), Some(2.0));
    drop(gone);
    while value(&page(&served), "apmt_http_requests_in_flight") != Some(1.0) {
        std::thread::yield_now();
    }
    let counted = |status: &str| {
        let series =
            format!("apmt_http_requests_total{{method=\"POST\",route=\"/event\",status=\"{status}\"}}");
        value(&page(&served), &series)
    };
    // The server sees a body that is cut short or a client that has gone, whichever comes first.
    assert_eq!(counted("canceled").or(counted("400")), Some(1.0));
}
