//! Who is not let in, and why.

use apmt_server::RouterOptions;

use super::server_sent::Events;
use super::viewer::Viewer;
use super::{serve, still};
use crate::raw::{Answer, send};
use crate::support::Served;

const HANDSHAKE: [(&str, &str); 4] = [
    // Whatever the answer, the connection ends with it.
    ("connection", "upgrade, close"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];
const SERVER_SENT: [(&str, &str); 1] = [("accept", "text/event-stream")];

fn ask(served: &Served, query: &str, headers: &[(&str, &str)]) -> Answer {
    send(served.address, "GET", &format!("/live{query}"), headers, b"")
}

#[test]
fn a_plain_request_is_told_of_both_ways() {
    let served = Served::fresh();
    let answer = ask(&served, "", &[]);
    let problem = answer.problem(426);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("WebSocket") && detail.contains("text/event-stream"), "{detail}");
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    send(served.address, "POST", "/live", &[], b"").problem(405);
}

#[test]
fn a_broken_handshake_is_a_problem() {
    let served = Served::fresh();
    ask(&served, "", &HANDSHAKE[1..2]).problem(400);
    ask(&served, "", &HANDSHAKE[..3]).problem(400);
    let old = [HANDSHAKE[0], HANDSHAKE[1], ("sec-websocket-version", "8"), HANDSHAKE[3]];
    ask(&served, "", &old).problem(400);
}

#[test]
fn parameters_are_checked_before_anything_else() {
    let served = Served::fresh();
    for way in [&HANDSHAKE[..], &SERVER_SENT] {
        for (query, field) in [
            ("?actr=anne", "query"),
            ("?after=soon", "after"),
            ("?actor=", "actor"),
            ("?after=1&after=2", "after"),
        ] {
            assert_eq!(ask(&served, query, way).problem(400)["field"], field);
        }
    }
}

#[test]
fn pages_of_other_sites() {
    let served = Served::fresh();
    for way in [&HANDSHAKE[..], &SERVER_SENT] {
        for header in [
            ("origin", "https://evil.example"),
            ("origin", "http://test:9300"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
        ] {
            ask(&served, "", &[way, &[header]].concat()).problem(403);
        }
    }
}

#[test]
fn pages_of_this_server_and_of_sites_that_are_named() {
    let options = RouterOptions::new().with_origins(["https://board.agency.gov"]);
    let served = serve(still().url("memory:").build().unwrap(), options);
    let own = format!("http://{}", served.address);
    for origin in [own.as_str(), "https://board.agency.gov"] {
        let head = Viewer::with_origin(served.address, origin).unwrap();
        assert_eq!(head.headers()["cache-control"], "no-store");
    }
    assert_eq!(Viewer::with_origin(served.address, "https://other.agency.gov").unwrap_err(), 403);

    let named = Events::open(served.address, "", &[("origin", "https://board.agency.gov")]);
    assert_eq!(named.header("access-control-allow-origin"), Some("https://board.agency.gov"));
    assert_eq!(Events::open(served.address, "", &[]).header("access-control-allow-origin"), None);
}

#[test]
fn one_too_many_comes_back_later() {
    let options = RouterOptions::new().with_max_live(1).with_max_concurrent(1);
    let served = serve(still().url("memory:").build().unwrap(), options);
    let only = Viewer::new(served.address, "");
    for way in [&HANDSHAKE[..], &SERVER_SENT] {
        let answer = ask(&served, "", way);
        assert_eq!(answer.problem(503)["kind"], "unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    // It takes no room from requests.
    assert_eq!(crate::raw::get(served.address, "/status").ok()["position"], 0);
    drop(only);
    let own = format!("http://{}", served.address);
    while Viewer::with_origin(served.address, &own).is_err() {
        std::thread::yield_now();
    }
}
