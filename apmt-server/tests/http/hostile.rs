//! Clients that mean no good, or know no better: whoever behaves is served all the while.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use apmt_client::Client;
use apmt_core::event::MAX_EVENT_BYTES;
use apmt_core::{Clock, Timestamp};
use apmt_server::RouterOptions;
use apmt_server::serve::ServeOptions;

use crate::raw::{Answer, get, post, read};
use crate::support::Served;

const EVENT: &str = r#"{"type":"OVERRIDE","actor":"a"}"#;

fn connected(address: SocketAddr, sent: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    // The server may have hung up already.
    let _ = stream.write_all(sent.as_ref());
    stream
}

/// What the server says up to its end of the connection; nothing if it just hangs up.
fn said(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

fn parsed(bytes: &[u8]) -> u16 {
    let head = std::str::from_utf8(&bytes[..12.min(bytes.len())]).unwrap();
    head.strip_prefix("HTTP/1.1 ")
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("{head:?}"))
}

/// A body that comes a byte at a time ends at the request's timeout, and others are served meanwhile.
#[test]
fn a_body_that_drips_is_cut_off() {
    let served = Served::with(RouterOptions::new().with_request_timeout(Duration::from_millis(150)));
    let head =
        "POST /event HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 60000\r\n\r\n{";
    let mut slow = connected(served.address, head);
    slow.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    let mut answer = Vec::new();
    loop {
        let _ = slow.write_all(b" ");
        match slow.read_to_end(&mut answer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // Its end, or a reset for what was sent after it.
            _ => break,
        }
        get(served.address, "/dossier/a").ok();
    }
    assert_eq!(parsed(&answer), 503);
    assert!(String::from_utf8(answer).unwrap().contains(r#""kind":"timed_out""#));
    assert_eq!(get(served.address, "/status").ok()["position"], 0);
}

#[test]
fn a_thousand_half_open_connections_hold_up_nobody() {
    let served = Served::fresh();
    let halves =
        ["", "G", "GET /healthz HTTP/1.1\r\nhost:", "POST /event HTTP/1.1\r\nhost: localhost\r\n\r\n"];
    let open: Vec<TcpStream> =
        (0..1000).map(|n| connected(served.address, halves[n % halves.len()])).collect();
    post(served.address, "/event", EVENT).ok();
    assert_eq!(get(served.address, "/dossier/a").ok()["overrides"], 1);
    drop(open);
    get(served.address, "/healthz").ok();
}

/// Chunks without end: the server stops reading where there is too much.
#[test]
fn a_body_without_end_is_refused() {
    let served = Served::fresh();
    let mut endless = connected(
        served.address,
        "POST /event HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
    let mut sent = 0;
    while endless.write_all(chunk.as_bytes()).is_ok() {
        sent += 4096;
        assert!(sent < 1000 * MAX_EVENT_BYTES, "the server reads on and on");
    }
    // The answer is there unless the reset for what was not read has taken it away.
    let answer = said(&mut endless);
    assert!(answer.is_empty() || parsed(&answer) == 413);
    get(served.address, "/healthz").ok();
}

/// What is no HTTP gets a 400 or nothing, and no second answer.
#[test]
fn malformed_requests_are_refused() {
    let served = Served::fresh();
    let smuggled = "GET /dossier/a HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for request in [
        "\u{16}\u{3}\u{1}\u{0}\u{5}hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET /healthz\r\n\r\n",
        "GET /healthz HTTP/9.9\r\nhost: localhost\r\n\r\n",
        "GET  /healthz  HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nho st: t\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\u{0}b\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\n folded: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST /event HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        "POST /event HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        &format!(
            "POST /event HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\ncontent-length: 40\r\n\r\n{smuggled}"
        ),
        &format!(
            "POST /event HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip\r\ncontent-length: 0\r\n\r\n{smuggled}"
        ),
        "POST /event HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ] {
        let mut stream = connected(served.address, request);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = said(&mut stream);
        if !answer.is_empty() {
            assert_eq!(parsed(&answer), 400, "{request:?}: {}", String::from_utf8_lossy(&answer));
        }
        let answers = answer.windows(9).filter(|window| window == b"HTTP/1.1 ").count();
        assert!(answers <= 1, "{request:?}");
    }
    assert_eq!(get(served.address, "/status").ok()["position"], 0);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let served = Served::fresh();
    let requests = format!(
        "POST /event HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{EVENT}\
         GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n\
         GET /dossier/a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        EVENT.len()
    );
    let mut stream = connected(served.address, requests);
    let answers = String::from_utf8(said(&mut stream)).unwrap();
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "{answers}");
    assert!(answers.ends_with('}') && answers.contains(r#""overrides":1"#), "{answers}");
}

/// Too much head is refused before anything is done with it.
#[test]
fn header_bombs_are_refused() {
    let served = Served::fresh();
    let long = format!("pad: {}\r\n", "x".repeat(1024 * 1024));
    let many = "h: x\r\n".repeat(10_000);
    for headers in [long, many] {
        let mut stream =
            connected(served.address, format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"));
        let answer = said(&mut stream);
        assert!(answer.is_empty() || parsed(&answer) == 431, "{}", String::from_utf8_lossy(&answer));
    }
    let path = format!("/dossier/{}", "x".repeat(100_000));
    let mut stream = connected(served.address, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    let answer = said(&mut stream);
    assert!(answer.is_empty() || matches!(parsed(&answer), 414 | 431));
    get(served.address, "/healthz").ok();
}

/// Who reads an answer a byte at a time gets it whole, and holds up nobody.
#[test]
fn a_slow_reader_gets_the_whole_answer() {
    let served = Served::fresh();
    let line = format!("{{\"type\":\"OVERRIDE\",\"actor\":\"a\",\"pad\":\"{}\"}}\n", "x".repeat(1000));
    post(served.address, "/events", line.repeat(100)).ok();
    let mut slow =
        connected(served.address, "GET /events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while slow.read(&mut byte).unwrap() == 1 {
        bytes.push(byte[0]);
        if bytes.len() % 10_000 == 0 {
            get(served.address, "/healthz").ok();
        }
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let log: serde_json::Value = serde_json::from_slice(&bytes[end + 4..]).unwrap();
    assert_eq!(log["events"].as_array().unwrap().len(), 100);
}

/// What the HTTP library lets through is answered by the service, whatever it is.
#[test]
fn errors_of_the_service_itself_are_problems_with_an_id() {
    let served = Served::fresh();
    for request in [
        "DELETE /event HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "BREW /event HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET http://localhost/nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET /nothing HTTP/1.0\r\nhost: localhost\r\n\r\n",
        "GET /dossier/%ff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    ] {
        let answer: Answer = read(&mut connected(served.address, request));
        answer.problem(answer.status);
        assert!(matches!(answer.status, 400 | 404 | 405), "{request}: {answer:?}");
        assert!(answer.header("x-request-id").is_some(), "{request}: {answer:?}");
    }
}

/// A clock with a defect.
#[derive(Debug)]
struct Broken;

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        panic!("the clock has no hands")
    }
}

/// A defect of ours is one request's, and says nothing of itself to the client.
#[test]
fn a_panic_is_answered() {
    let client = Client::builder().url("memory:").clock(Arc::new(Broken)).build().unwrap();
    let served = Served::run(ServeOptions::new(client).with_address(Served::any()));
    for _ in 0..3 {
        let answer = get(served.address, "/status");
        let problem = answer.problem(500);
        assert!(
            !problem.to_string().contains("hands") && answer.header("x-request-id").is_some(),
            "{answer:?}"
        );
        get(served.address, "/healthz").ok();
    }
}
