//! A page that shows what it is sent, and checks that each message follows on those before.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::Response;
use tungstenite::{Message, WebSocket};

use crate::raw::get;

/// Longer than any test takes: a wait that reaches it has failed.
const LONG: Duration = Duration::from_secs(60);

/// A WebSocket to `/live`, and what came of it.
pub(super) struct Viewer {
    pub(super) socket: WebSocket<TcpStream>,
    pub(super) shown: Shown,
}

/// What a page keeps.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) dossiers: BTreeMap<String, Value>,
    pub(super) cursor: Option<u64>,
}

impl Viewer {
    /// Opens `/live` with that query, and reads nothing yet.
    pub(super) fn open(address: SocketAddr, query: &str) -> Self {
        let request = format!("ws://{address}/live{query}").into_client_request().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let (socket, _) = tungstenite::client(request, stream).unwrap();
        Self { socket, shown: Shown::default() }
    }

    /// The answer to a page of that origin, or its status where it is refused.
    pub(super) fn with_origin(address: SocketAddr, origin: &str) -> Result<Response<Option<Vec<u8>>>, u16> {
        let mut request = format!("ws://{address}/live").into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match tungstenite::client(request, TcpStream::connect(address).unwrap()) {
            Ok((_, answer)) => Ok(answer),
            Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens `/live`, and reads the first snapshot.
    pub(super) fn new(address: SocketAddr, query: &str) -> Self {
        let mut viewer = Self::open(address, query);
        viewer.snapshot();
        viewer
    }

    /// The next message.
    pub(super) fn next(&mut self) -> Value {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    self.shown.take(&message);
                    return message;
                }
                // The library answers pings.
                Message::Ping(_) => {}
                other => panic!("{other:?} is none of our messages"),
            }
        }
    }

    /// Reads a whole snapshot, and gives its parts.
    pub(super) fn snapshot(&mut self) -> Vec<Value> {
        let mut parts = Vec::new();
        loop {
            let part = self.next();
            assert_eq!(part["type"], "snapshot", "{part}");
            let last = part["last"] == true;
            assert_eq!(part["cursor"].is_u64(), last, "{part}");
            parts.push(part);
            if last {
                return parts;
            }
        }
    }

    pub(super) fn delta(&mut self) -> Value {
        let message = self.next();
        assert_eq!(message["type"], "delta", "{message}");
        message
    }

    /// Reads up to that cursor, and gives the kinds of messages that came.
    pub(super) fn read_to(&mut self, cursor: u64) -> Vec<String> {
        let mut kinds = Vec::new();
        while self.shown.cursor.is_none_or(|seen| seen < cursor) {
            kinds.push(self.next()["type"].as_str().unwrap().to_owned());
        }
        kinds
    }

    /// Reads until an actor's dossier is shown as it should be.
    pub(super) fn read_until(&mut self, actor: &str, as_it_should_be: impl Fn(&Value) -> bool) {
        while !self.shown.dossiers.get(actor).is_some_and(&as_it_should_be) {
            self.next();
        }
    }

    /// The code with which the server closes, after whatever else it sends.
    pub(super) fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

impl Shown {
    /// Takes a message as the documentation says that a page does.
    pub(super) fn take(&mut self, message: &Value) {
        match message["type"].as_str().unwrap() {
            "snapshot" => {
                for dossier in message["dossiers"].as_array().unwrap() {
                    self.dossiers.insert(name(dossier), dossier.clone());
                }
            }
            "delta" => self.take_delta(message),
            _ => {}
        }
        if let Some(cursor) = message["cursor"].as_u64() {
            assert!(self.cursor.is_none_or(|before| before <= cursor), "a cursor went back: {message}");
            self.cursor = Some(cursor);
        }
    }

    /// What changed must be what is shown, and lead to the dossier that comes with it.
    fn take_delta(&mut self, delta: &Value) {
        let dossier = &delta["dossier"];
        let before = self.dossiers.insert(name(dossier), dossier.clone());
        let changes = delta["changes"].as_array().unwrap();
        assert!(!changes.is_empty() && delta["actor"] == dossier["actor"], "{delta}");
        for change in changes {
            let field = change["field"].as_str().unwrap();
            assert_eq!(&change["new"], at(dossier, field), "{delta}");
            assert_ne!(change["new"], change["old"], "{delta}");
            if let Some(before) = &before {
                assert_eq!(&change["old"], at(before, field), "{field} does not follow on what was shown");
            }
        }
        if let Some(before) = before {
            assert!(delta["old"].is_null() || delta["old"]["decisions"] == before["decisions"], "{delta}");
        }
    }

    /// Asserts that it shows what the scoreboard says. The clock of the server must stand still.
    pub(super) fn is_the_scoreboard(&self, address: SocketAddr) {
        let mut after = String::new();
        let mut count = 0;
        loop {
            let page = get(address, &format!("/dossiers?limit=1000{after}")).ok();
            for dossier in page["dossiers"].as_array().unwrap() {
                count += 1;
                assert_eq!(self.dossiers.get(&name(dossier)), Some(dossier));
            }
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(count, self.dossiers.len());
    }
}

fn name(dossier: &Value) -> String {
    dossier["actor"].as_str().unwrap().to_owned()
}

/// The field at a path with dots.
fn at<'a>(dossier: &'a Value, field: &str) -> &'a Value {
    field.split('.').fold(dossier, |value, name| &value[name])
}
