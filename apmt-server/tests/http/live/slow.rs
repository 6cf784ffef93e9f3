//! Readers that do not keep up, and connections that are dead.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use apmt_client::{Client, Policy};
use apmt_server::RouterOptions;
use apmt_server::serve::ServeOptions;
use futures_lite::future::block_on;
use serde_json::json;

use super::server_sent::Events;
use super::viewer::Viewer;
use super::{serve, still};
use crate::raw::get;
use crate::support::Served;

/// A policy with so much to say that a few hundred deltas fill every buffer of a connection.
fn talkative() -> Policy {
    let rules: Vec<String> = (0..150)
        .map(|rule| format!("  - {{id: rule-{rule}, when: [overrides >= 1], then: watch}}\n"))
        .collect();
    Policy::from_yaml("talkative", &format!("name: talkative\nrules:\n{}", rules.concat())).unwrap()
}

/// How often everybody's dossier changes before a slow reader goes on: it comes to more than the 10 MB or so that a
/// connection on one machine holds.
const ROUNDS: u64 = 25;

const ACTORS: u64 = 10;

/// Records rounds of overrides, and waits after each until it has been followed.
fn record(client: &Client, rounds: u64) -> u64 {
    let mut live = client.subscribe();
    let start = block_on(live.start()).unwrap();
    for round in 1..=rounds {
        let events = (0..ACTORS).map(|number| json!({"type": "OVERRIDE", "actor": format!("a{number}")}));
        block_on(client.record_events(events)).unwrap();
        while live.next_blocking().unwrap().unwrap().cursor < start + round * ACTORS {}
    }
    start + rounds * ACTORS
}

#[test]
fn a_slow_reader_is_told_and_ends_up_right() {
    let client = still()
        .url("memory:")
        .policy(talkative())
        .live_gather(Duration::ZERO)
        .live_buffer(16)
        .build()
        .unwrap();
    let served = serve(client.clone(), RouterOptions::new());
    let mut slow = Viewer::new(served.address, "");
    let mut slow_on_one = Viewer::new(served.address, "?actor=a3");
    // It reads nothing, while more is recorded than any buffer on the way holds: some 18 MB for everybody.
    let end = record(&client, ROUNDS);
    let kinds = slow.read_to(end);
    let lagged = kinds.iter().position(|kind| kind == "lagged").expect("it is told that it lagged");
    assert_eq!(kinds[lagged + 1], "snapshot", "what it missed follows");
    assert!((kinds.len() as u64) < end, "not all {} messages were kept for it", kinds.len());
    slow.shown.is_the_scoreboard(served.address);

    // It is among the others again.
    let end = record(&client, 1);
    assert_eq!(slow.read_to(end), vec!["delta"; 10]);
    slow.shown.is_the_scoreboard(served.address);
    while slow_on_one.shown.dossiers["a3"] != slow.shown.dossiers["a3"] {
        slow_on_one.next();
    }
}

#[test]
fn whoever_takes_nothing_is_cut_off() {
    let client = still().url("memory:").policy(talkative()).live_gather(Duration::ZERO).build().unwrap();
    let options = RouterOptions::new().with_max_live(1).with_live_send_timeout(Duration::from_millis(50));
    let served = serve(client.clone(), options);
    let mut dead = Viewer::new(served.address, "");
    let end = record(&client, ROUNDS);
    // What was under way still comes, and then nothing more.
    while dead.socket.read().is_ok() {}
    assert!(dead.shown.cursor.is_some_and(|cursor| cursor < end));
}

/// Server-sent events to somebody who reads none: the connection is given to the next one.
#[test]
fn whoever_takes_no_events_is_cut_off() {
    let client = still().url("memory:").policy(talkative()).live_gather(Duration::ZERO).build().unwrap();
    let options = ServeOptions::new(client.clone()).with_address(Served::any()).with_max_connections(1);
    let served = Served::run(options.with_write_timeout(Duration::from_millis(50)));
    let mut dead = Events::open(served.address, "", &[]);
    dead.next_of("snapshot");
    record(&client, ROUNDS);
    assert_eq!(get(served.address, "/status").ok()["position"], ROUNDS * ACTORS);
}

#[test]
fn pings_are_sent_and_answered() {
    let options = RouterOptions::new().with_live_ping(Duration::from_millis(300));
    let served = serve(still().url("memory:").build().unwrap(), options);
    let mut viewer = Viewer::new(served.address, "");
    // The third comes only if the second was answered.
    for _ in 0..3 {
        assert!(viewer.socket.read().unwrap().is_ping());
    }
}

#[test]
fn whoever_answers_no_ping_is_closed() {
    let options = RouterOptions::new().with_live_ping(Duration::from_millis(20));
    let served = serve(still().url("memory:").build().unwrap(), options);
    let mut mute = TcpStream::connect(served.address).unwrap();
    mute.write_all(
        b"GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
          sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .unwrap();
    let mut all = Vec::new();
    // The end, or a reset: the connection is closed either way.
    let _ = mute.read_to_end(&mut all);
    // A frame of a close has the byte 0x88, its length, the code, and the reason.
    let reason = b"the last ping was not answered";
    let close = [&[0x88, 2 + reason.len() as u8], &1008_u16.to_be_bytes()[..], reason].concat();
    assert!(all.ends_with(&close), "{:?}", String::from_utf8_lossy(&all));
}
