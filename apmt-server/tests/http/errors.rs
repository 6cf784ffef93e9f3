//! Every error is a problem, and says what to do.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use apmt_core::event::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES};
use apmt_server::RouterOptions;

use crate::raw::{get, post, read, send};
use crate::support::Served;

#[test]
fn what_is_not_there_and_what_is_not_taken() {
    let served = Served::fresh();
    for path in ["/nothing", "/nothing/", "/dossier/", "/dossier/a/b", "/events/", "/EVENT"] {
        get(served.address, path).problem(404);
    }
    let missing = get(served.address, "/events/01980000-0000-7000-8000-000000000001").problem(404);
    assert_eq!(missing["missing"], "event");
    for (method, path, allowed) in [
        ("GET", "/event", "POST"),
        ("DELETE", "/events", "GET,HEAD,POST"),
        ("POST", "/dossier/a", "GET,HEAD"),
    ] {
        let answer = send(served.address, method, path, &[], b"");
        answer.problem(405);
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[test]
fn bad_events_name_the_field_and_the_rule() {
    let served = Served::fresh();
    for (body, field) in [
        ("", "event"),
        (" \n", "event"),
        ("type=OVERRIDE&actor=a", "event"),
        ("[]", "event"),
        ("{\"type\":\"OVERRIDE\"", "event"),
        (r#"{"actor":"a"}"#, "type"),
        (r#"{"type":"OVERIDE","actor":"a"}"#, "type"),
        (r#"{"type":"OVERRIDE"}"#, "actor"),
        (r#"{"type":"SAT_SCORE","actor":"a","value":6}"#, "value"),
        (r#"{"type":"OVERRIDE","actor":"a","occurred_at":"9999-01-01T00:00:00Z"}"#, "occurred_at"),
    ] {
        let problem = post(served.address, "/event", body).problem(400);
        assert_eq!(
            (&problem["kind"], &problem["field"]),
            (&"invalid".into(), &field.into()),
            "{body}: {problem}"
        );
        assert!(problem["rule"].is_string(), "{problem}");
    }
    let problem = post(served.address, "/event", r#"{"type":"OVERIDE","actor":"a"}"#).problem(400);
    assert_eq!((&problem["value"], &problem["nearest"]), (&"OVERIDE".into(), &"OVERRIDE".into()));
    let not_text = post(served.address, "/event", b"{\"type\":\"OVERRIDE\",\"actor\":\"\xff\"}").problem(400);
    assert_eq!(not_text["field"], "event");
    assert_eq!(get(served.address, "/status").ok()["position"], 0, "nothing was stored");
}

#[test]
fn too_much_is_413() {
    let served = Served::fresh();
    let padded = |bytes: usize| {
        let start = r#"{"type":"OVERRIDE","actor":"a","pad":""#;
        format!("{start}{}\"}}", "x".repeat(bytes - start.len() - 2))
    };
    post(served.address, "/event", padded(MAX_EVENT_BYTES)).ok();
    let problem = post(served.address, "/event", padded(MAX_EVENT_BYTES + 1)).problem(413);
    assert_eq!((&problem["kind"], &problem["field"]), (&"invalid".into(), &"event".into()));
    // Where the length is not told, it is found out.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", MAX_EVENT_BYTES + 1, padded(MAX_EVENT_BYTES + 1));
    send(served.address, "POST", "/event", &[("transfer-encoding", "chunked")], chunk.as_bytes())
        .problem(413);

    let problem = post(served.address, "/events", " ".repeat(MAX_BATCH_BYTES + 1)).problem(413);
    assert_eq!(problem["field"], "batch");
    let line = "{\"type\":\"OVERRIDE\",\"actor\":\"a\"}\n";
    for batch in
        [line.repeat(MAX_BATCH_EVENTS + 1), format!("[{}]", vec![line; MAX_BATCH_EVENTS + 1].join(","))]
    {
        assert_eq!(post(served.address, "/events", batch).problem(413)["field"], "batch");
    }
    assert_eq!(get(served.address, "/status").ok()["position"], 1, "only what fits was stored");
}

#[test]
fn whatever_the_content_type_it_is_json() {
    let served = Served::fresh();
    for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let event = br#"{"type":"OVERRIDE","actor":"a"}"#;
        send(served.address, "POST", "/event", &[("content-type", content_type)], event).ok();
    }
}

#[test]
fn parameters_are_checked() {
    let served = Served::fresh();
    for (path, field) in [
        ("/dossier/a?as_off=latest", "query"),
        ("/dossier/a?as_of=yesterday", "as_of"),
        ("/dossier/a?as_of=now&as_of=latest", "as_of"),
        ("/dossier", "actor"),
        ("/dossier/%20", "actor"),
        ("/dossier/%ff", "path"),
        ("/dossiers?status=bad", "status"),
        ("/dossiers?limit=-1", "limit"),
        ("/events?after=x", "after"),
        ("/events/17", "id"),
        ("/actors/a/contributions?after=x", "after"),
        ("/actors/a/contributions?as_of=now&since=2026-01-01T00:00:00Z", "as_of"),
        ("/activities?until=x", "until"),
        ("/cases/%20", "case_id"),
        ("/case", "case_id"),
    ] {
        let problem = get(served.address, path).problem(400);
        assert_eq!(problem["field"], field, "{path}: {problem}");
    }
    assert_eq!(post(served.address, "/events?atomic=1", "").problem(400)["field"], "atomic");
}

#[test]
fn a_request_has_an_id() {
    let served = Served::fresh();
    let sent = send(served.address, "GET", "/healthz", &[("x-request-id", "form-17")], b"");
    assert_eq!(sent.header("x-request-id"), Some("form-17"));
    for unfit in ["", "two words", &"x".repeat(129)] {
        let made = send(served.address, "GET", "/nothing", &[("x-request-id", unfit)], b"");
        let id = made.header("x-request-id").unwrap();
        assert!(uuid::Uuid::try_parse(id).is_ok(), "{id}");
    }
    let first = get(served.address, "/healthz");
    assert_ne!(first.header("x-request-id"), get(served.address, "/healthz").header("x-request-id"));
    assert_eq!(first.header("cache-control"), Some("no-store"));
}

#[test]
fn a_busy_server_says_when_to_come_back() {
    let router = RouterOptions::new().with_max_concurrent(1).with_retry_after(Duration::from_secs(7));
    let served = Served::with(router);
    // One request is at work for as long as its body does not end.
    let mut slow = TcpStream::connect(served.address).unwrap();
    slow.write_all(
        b"POST /event HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 31\r\n\r\n{",
    )
    .unwrap();
    let busy = loop {
        let answer = get(served.address, "/status");
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(busy.problem(503)["kind"], "unavailable");
    assert_eq!(busy.header("retry-after"), Some("7"));
    get(served.address, "/healthz").ok();
    slow.write_all(br#""type":"OVERRIDE","actor":"a"}"#).unwrap();
    read(&mut slow).ok();
    get(served.address, "/status").ok();
}

#[test]
fn what_takes_too_long_is_503() {
    let served = Served::with(RouterOptions::new().with_request_timeout(Duration::from_millis(20)));
    let mut slow = TcpStream::connect(served.address).unwrap();
    slow.write_all(
        b"POST /event HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 31\r\n\r\n{",
    )
    .unwrap();
    let answer = read(&mut slow);
    assert_eq!(answer.problem(503)["kind"], "timed_out");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[test]
fn a_body_that_is_cut_short_stores_nothing() {
    let served = Served::fresh();
    let mut cut = TcpStream::connect(served.address).unwrap();
    let head = b"POST /event HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 100\r\n\r\n";
    cut.write_all(head).unwrap();
    cut.write_all(br#"{"type":"OVERRIDE","actor":"a"}"#).unwrap();
    cut.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    // It may say what was wrong, or just hang up.
    let _ = std::io::Read::read_to_end(&mut cut, &mut rest);
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
    assert_eq!(get(served.address, "/status").ok()["position"], 0);
}

#[test]
fn a_closed_store_is_not_ready() {
    let served = Served::fresh();
    get(served.address, "/readyz").ok();
    let client = apmt_client::Client::open("memory:").unwrap();
    let closed = Served::of(std::sync::Arc::clone(client.store()));
    let _ = futures_lite::future::block_on(client.shutdown(Duration::from_secs(5)));
    get(closed.address, "/healthz").ok();
    assert_eq!(get(closed.address, "/readyz").problem(503)["kind"], "unavailable");
    let answer = post(closed.address, "/event", r#"{"type":"OVERRIDE","actor":"a"}"#);
    assert_eq!(
        (answer.problem(503)["kind"].as_str(), answer.header("retry-after")),
        (Some("unavailable"), Some("1"))
    );
}

#[test]
fn pages_of_other_sites_may_not_record() {
    let served = Served::fresh();
    let event = br#"{"type":"OVERRIDE","actor":"a"}"#;
    for site in ["cross-site", "same-site"] {
        send(served.address, "POST", "/event", &[("sec-fetch-site", site)], event).problem(403);
        send(served.address, "GET", "/dossier/a", &[("sec-fetch-site", site)], b"").ok();
    }
    for site in ["same-origin", "none"] {
        send(served.address, "POST", "/event", &[("sec-fetch-site", site)], event).ok();
    }
}
