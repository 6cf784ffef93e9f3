//! The same as server-sent events.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use apmt_server::RouterOptions;
use apmt_server::serve::ServeOptions;
use serde_json::{Value, json};

use super::viewer::Shown;
use super::{on_each_store, serve, still};
use apmt_server::keys::Scope;

use crate::raw::{post, send};
use crate::staff::Staff;
use crate::support::Served;

/// Whose key is revoked is not told more.
#[test]
fn a_key_that_is_revoked_ends_it() {
    let staff = Staff::with(|router, _| router.with_live_ping(Duration::from_millis(5)));
    let bearer = format!("Bearer {}", staff.key(Scope::Read));
    let mut events = Events::open(staff.address(), "", &[("authorization", &bearer)]);
    events.next_of("snapshot");
    let connections = || {
        let page = staff.ask_as(Scope::Record, "GET", "/metrics", "").body;
        let page = String::from_utf8(page).unwrap();
        page.lines().find_map(|line| line.strip_prefix("apmt_live_connections ")?.parse::<u32>().ok())
    };
    assert_eq!(connections(), Some(1));
    staff.file.revoke("read").unwrap();
    staff.keys.refresh();
    // Comments may come before the end.
    while let Some(event) = events.next() {
        assert!(!event.contains_key("event"), "{event:?}");
    }
    let form = format!("Bearer {}", staff.key(Scope::Record));
    let answer = send(
        staff.address(),
        "GET",
        "/live",
        &[("authorization", &form), ("accept", "text/event-stream")],
        b"",
    );
    assert_eq!(answer.status, 403, "a form's key reads nothing");
}

/// A reader of server-sent events, by hand.
pub(super) struct Events {
    stream: BufReader<TcpStream>,
    head: Vec<String>,
    text: String,
}

/// The fields of an event; a comment's name is empty.
type Event = BTreeMap<String, String>;

impl Events {
    pub(super) fn open(address: SocketAddr, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        let headers: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        let request = format!(
            "GET /live{query} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = Vec::new();
        while let Some(line) = line(&mut stream).filter(|line| !line.is_empty()) {
            head.push(line);
        }
        assert_eq!(head[0], "HTTP/1.1 200 OK");
        Self { stream, head, text: String::new() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The next event; `None` at the end, which must be that of the answer.
    pub(super) fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let fields = event.lines().filter_map(|line| line.split_once(':'));
                let event =
                    fields.map(|(name, value)| (name.to_owned(), value.trim_start().to_owned())).collect();
                self.text = rest.to_owned();
                return Some(event);
            }
            let size = usize::from_str_radix(&line(&mut self.stream).expect("it ends in order"), 16).unwrap();
            let mut chunk = vec![0; size];
            self.stream.read_exact(&mut chunk).unwrap();
            assert_eq!(line(&mut self.stream).unwrap(), "");
            if size == 0 {
                return None;
            }
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event of that type, with its id.
    pub(super) fn next_of(&mut self, kind: &str) -> (Value, Option<String>) {
        loop {
            let mut event = self.next().unwrap_or_else(|| panic!("{kind} comes"));
            if let Some(name) = event.get("event") {
                assert_eq!(name, kind, "{event:?}");
                let data: Value = serde_json::from_str(&event["data"]).unwrap();
                assert_eq!(data["type"], kind);
                assert_eq!(
                    data["cursor"].as_u64().map(|cursor| cursor.to_string()).as_ref(),
                    event.get("id")
                );
                return (data, event.remove("id"));
            }
        }
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
}

#[test]
fn the_same_messages_as_events() {
    on_each_store(|served| {
        post(served.address, "/event", r#"{"type":"OVERRIDE","actor":"anne"}"#).ok();
        let mut events = Events::open(served.address, "", &[]);
        assert_eq!(events.header("content-type"), Some("text/event-stream"));
        assert_eq!(events.header("x-accel-buffering"), Some("no"));
        assert_eq!(events.next().unwrap()["retry"], "2000");
        let mut shown = Shown::default();
        shown.take(&events.next_of("snapshot").0);
        post(served.address, "/event", r#"{"type":"DECISION","actor":"anne"}"#).ok();
        let (delta, id) = events.next_of("delta");
        shown.take(&delta);
        assert_eq!(id.as_deref(), Some("2"));
        shown.is_the_scoreboard(served.address);
    });
}

#[test]
fn the_last_event_id_is_where_it_goes_on() {
    let served = serve(still().url("memory:").build().unwrap(), RouterOptions::new());
    for actor in ["anne", "bob", "carla"] {
        post(served.address, "/event", json!({"type": "OVERRIDE", "actor": actor}).to_string()).ok();
    }
    let snapshot =
        |query, headers: &[(&str, &str)]| Events::open(served.address, query, headers).next_of("snapshot").0;
    // The address of an EventSource stays as it was first.
    let again = snapshot("?after=1", &[("last-event-id", "2")]);
    assert_eq!((&again["since"], &again["dossiers"][0]["actor"]), (&json!(2), &json!("carla")));
    assert_eq!(snapshot("?after=1", &[])["since"], 1);
    assert_eq!(snapshot("", &[("last-event-id", "of another service")])["since"], json!(null));
    assert_eq!(snapshot("?actor=Bob", &[])["dossiers"][0]["actor"], "bob");
}

/// A comment now and then shows that the connection lives, for longer than it may take to send a request.
#[test]
fn a_quiet_connection_is_kept() {
    let client = still().url("memory:").build().unwrap();
    let router = RouterOptions::new().with_live_ping(Duration::from_millis(30));
    let options = ServeOptions::new(client).with_address(Served::any()).with_router(router);
    let served = Served::run(options.with_header_timeout(Duration::from_millis(20)));
    let mut events = Events::open(served.address, "", &[]);
    events.next_of("snapshot");
    for _ in 0..5 {
        assert_eq!(events.next().unwrap().into_keys().collect::<Vec<_>>(), [""]);
    }
    post(served.address, "/event", r#"{"type":"OVERRIDE","actor":"anne"}"#).ok();
    events.next_of("delta");
}
