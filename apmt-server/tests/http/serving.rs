//! The server on its socket: where it may listen, and how it ends.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use apmt_client::Client;
use apmt_core::ErrorKind;
use apmt_server::RouterOptions;
use apmt_server::serve::{DEFAULT_ADDRESS, ServeOptions, Server, serve_blocking};

use crate::raw::{get, post, read};
use crate::staff::Staff;
use crate::support::Served;

fn bound(address: SocketAddr) -> apmt_core::Result<Server> {
    let options = ServeOptions::new(Client::open("memory:").unwrap()).with_address(address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Server::bind(options))
}

#[test]
fn without_keys_it_listens_on_this_machine_only() {
    assert_eq!(DEFAULT_ADDRESS.to_string(), "127.0.0.1:9300");
    for address in ["0.0.0.0:0", "[::]:0", "10.0.0.1:9300", "[::ffff:10.0.0.1]:9300", "192.0.2.1:9300"] {
        let error = bound(address.parse().unwrap()).unwrap_err();
        assert_eq!(error.invalid().map(apmt_core::Invalid::field), Some("address"), "{address}");
        assert!(error.to_string().contains("no keys"), "{error}");
    }
    assert!(bound("127.0.0.1:0".parse().unwrap()).is_ok());
}

#[test]
fn with_keys_it_listens_where_it_is_told() {
    let staff = Staff::new();
    let options = ServeOptions::new(Client::open("memory:").unwrap())
        .with_router(RouterOptions::new().with_keys(staff.keys.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for address in ["0.0.0.0:0", "127.0.0.1:0"] {
        let options = options.clone().with_address(address.parse().unwrap());
        assert!(runtime.block_on(Server::bind(options)).is_ok(), "{address}");
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = TcpListener::bind(Served::any()).unwrap();
    let error = bound(taken.local_addr().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("another program listens there"), "{error}");
}

/// A request that is under way when the server is told to stop is answered; then the store is closed.
#[test]
fn it_ends_in_order() {
    let client = Client::open("memory:").unwrap();
    let served = Served::run(ServeOptions::new(client.clone()).with_address(Served::any()));
    let address = served.address;
    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(
        b"POST /event HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 31\r\n\r\n",
    )
    .unwrap();
    // The server asks for the body, so the request is under way.
    let mut asked = [0; 25];
    std::io::Read::read_exact(&mut slow, &mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    let stopping = std::thread::spawn(move || served.stop());
    // Nobody new is let in, from some instant on.
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    slow.write_all(br#"{"type":"OVERRIDE","actor":"a"}"#).unwrap();
    let answer = read(&mut slow);
    assert_eq!(answer.ok()["ok"], true);
    assert_eq!(answer.header("connection"), Some("close"));
    let report = stopping.join().unwrap();
    assert!(report.is_clean() && report.store_closed, "{report}");
    let after = futures_lite::future::block_on(client.record_event(r#"{"type":"OVERRIDE","actor":"a"}"#));
    assert_eq!(after.unwrap_err().kind(), ErrorKind::Closed);
}

/// Who never ends a request does not hold up the end for longer than the server waits.
#[test]
fn it_does_not_wait_for_ever() {
    let client = Client::open("memory:").unwrap();
    let options = ServeOptions::new(client).with_address(Served::any()).with_drain_timeout(Duration::ZERO);
    let served = Served::run(options);
    let mut slow = TcpStream::connect(served.address).unwrap();
    slow.write_all(
        b"POST /event HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 31\r\n\r\n",
    )
    .unwrap();
    std::io::Read::read_exact(&mut slow, &mut [0; 25]).unwrap();
    assert!(served.stop().is_clean());
}

/// What is queued in the client when the server is told to stop is in the store in the end.
#[test]
fn it_brings_the_queue_to_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("apmt.db").display());
    let client = Client::open(&url).unwrap();
    let served = Served::run(ServeOptions::new(client.clone()).with_address(Served::any()));
    for _ in 0..100 {
        client.enqueue(r#"{"type":"OVERRIDE","actor":"a"}"#).unwrap();
    }
    assert_eq!(served.stop().recorded, 100);
    let client = apmt_client::blocking::Client::open(&url).unwrap();
    assert_eq!(client.get_dossier("a").unwrap().metrics.overrides, 100);
}

/// A connection that does not come to the point is let go.
#[test]
fn a_head_that_does_not_end_is_cut_off() {
    let client = Client::open("memory:").unwrap();
    let options = ServeOptions::new(client).with_address(Served::any());
    let served = Served::run(options.with_header_timeout(Duration::from_millis(20)));
    let mut slow = TcpStream::connect(served.address).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost:").unwrap();
    let mut answer = Vec::new();
    // The end, or a reset: the connection is closed either way.
    let _ = std::io::Read::read_to_end(&mut slow, &mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

/// Says to this test's own program, started once more, that it is the server.
const CHILD: &str = "APMT_TEST_SERVES";

/// What the next test starts; by itself it does nothing.
#[test]
fn serves_until_told_to_stop() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let options = ServeOptions::new(Client::open("memory:").unwrap()).with_address(Served::any());
    let report = serve_blocking(options, |address| println!("\nlistening {address}")).unwrap();
    println!("\nclean {}", report.is_clean());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["-TERM", "-INT"] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "serving::serves_until_told_to_stop", "--nocapture"])
            .env(CHILD, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("listening ")?.parse().ok()).unwrap();
        post(address, "/event", r#"{"type":"OVERRIDE","actor":"a"}"#).ok();
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(lines.any(|line| line == "clean true"), "{signal}");
        assert!(child.wait().unwrap().success(), "{signal}");
    }
}

/// Many connections at once, each kept for several requests: every one is answered.
#[test]
fn five_hundred_connections() {
    let served = Served::fresh();
    let request = b"POST /event HTTP/1.1\r\nhost: localhost\r\ncontent-length: 31\r\n\r\n{\"type\":\"OVERRIDE\",\"actor\":\"a\"}";
    let mut connections: Vec<TcpStream> =
        (0..500).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    for _ in 0..2 {
        for connection in &mut connections {
            connection.write_all(request).unwrap();
        }
        for connection in &mut connections {
            let mut answer = [0; 12];
            std::io::Read::read_exact(connection, &mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
            let mut rest = Vec::new();
            while !rest.ends_with(b"}") {
                let mut byte = [0];
                std::io::Read::read_exact(connection, &mut byte).unwrap();
                rest.extend(byte);
            }
        }
    }
    drop(connections);
    assert_eq!(get(served.address, "/dossier/a").ok()["overrides"], 1000);
}
