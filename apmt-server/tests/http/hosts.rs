//! Under which names the server answers: a page of another site cannot reach it under that site's name.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use apmt_server::RouterOptions;
use apmt_server::keys::Scope;

use crate::raw::{Answer, read, send};
use crate::staff::Staff;
use crate::support::Served;

fn ask(address: SocketAddr, host: &str) -> Answer {
    send(address, "GET", "/status", &[("host", host)], b"")
}

#[test]
fn without_keys_only_this_machines_own_names_are_answered() {
    let served = Served::fresh();
    let port = served.address.port();
    for own in ["localhost", "127.0.0.1", "[::1]", "LocalHost:1", &format!("localhost:{port}")] {
        ask(served.address, own).ok();
    }
    for foreign in ["evil.example", "evil.example:9300", "localhost.evil.example", "192.0.2.1", ""] {
        ask(served.address, foreign).problem(421);
    }
    // Nothing is answered, and nothing is stored.
    let host = [("host", "evil.example")];
    send(served.address, "GET", "/healthz", &host, b"").problem(421);
    send(served.address, "POST", "/event", &host, br#"{"type":"OVERRIDE","actor":"a"}"#).problem(421);
    assert_eq!(ask(served.address, "localhost").ok()["position"], 0);
}

#[test]
fn a_host_is_said_once_and_the_same_everywhere() {
    let served = Served::fresh();
    for head in [
        "GET /status HTTP/1.1\r\n",
        "GET /status HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n",
        "GET http://evil.example/status HTTP/1.1\r\nhost: localhost\r\n",
        "GET http://localhost/status HTTP/1.1\r\nhost: evil.example\r\n",
    ] {
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
        assert!([400, 421].contains(&read(&mut stream).status), "{head}");
    }
}

#[test]
fn names_can_be_added() {
    let served = Served::with(RouterOptions::new().with_hosts(["APMT.agency.gov"]));
    ask(served.address, "apmt.agency.gov:9300").ok();
    ask(served.address, "localhost").ok();
    ask(served.address, "evil.example").problem(421);
}

#[test]
fn with_keys_every_name_is_answered_unless_some_are_given() {
    let staff = Staff::new();
    let bearer = format!("Bearer {}", staff.key(Scope::Read));
    let ask = |staff: &Staff, bearer: &str| {
        send(staff.address(), "GET", "/status", &[("host", "any.example"), ("authorization", bearer)], b"")
    };
    ask(&staff, &bearer).ok();
    let staff = Staff::with(|router, _| router.with_hosts(["apmt.agency.gov"]));
    ask(&staff, &format!("Bearer {}", staff.key(Scope::Read))).problem(421);
}
