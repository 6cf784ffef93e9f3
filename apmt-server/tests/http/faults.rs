//! A bad network between the remote store and the server: nothing is lost, and nothing comes twice.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use apmt_client::Client;
use apmt_core::{ErrorKind, Event, Store};
use apmt_server::serve::ServeOptions;
use apmt_store_http::HttpStore;
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::support::Served;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It is passed on as it is.
    None,
    /// It is closed before the server hears of it.
    Refused,
    /// The server gets the request, and its answer is lost.
    AnswerLost,
    /// Half of the answer comes back.
    AnswerCut,
    /// Something between says that it is busy.
    Busy,
    /// Something between says that it cannot reach the server.
    BadGateway,
    /// The server gets the request twice, and both answers come to one.
    Twice,
}

/// No more than two in a row, for each wait is longer than the one before.
const FAULTS: [Fault; 10] = [
    Fault::Refused,
    Fault::None,
    Fault::AnswerLost,
    Fault::Busy,
    Fault::None,
    Fault::AnswerCut,
    Fault::BadGateway,
    Fault::None,
    Fault::AnswerLost,
    Fault::Twice,
];

/// Stands between, and takes one request a connection: the fault goes by the connection's number.
struct Proxy {
    address: SocketAddr,
    met: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Proxy {
    fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(Served::any()).unwrap();
        let address = listener.local_addr().unwrap();
        let (met, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&met), Arc::clone(&over));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let fault = FAULTS[count.fetch_add(1, Ordering::SeqCst) % FAULTS.len()];
                // A client may go away at any moment.
                let _ = pass(stream.unwrap(), server, fault);
            }
        });
        Self { address, met, over }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn pass(mut client: TcpStream, server: SocketAddr, fault: Fault) -> std::io::Result<()> {
    if matches!(fault, Fault::Refused) {
        return Ok(());
    }
    let request = one_request(&mut client)?;
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(server)?;
        server.write_all(&request)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        Ok(answer)
    };
    match fault {
        Fault::Refused => Ok(()),
        Fault::None => client.write_all(&ask()?),
        Fault::AnswerLost => ask().map(drop),
        Fault::AnswerCut => {
            let answer = ask()?;
            client.write_all(&answer[..answer.len() - answer.len() / 4])
        }
        Fault::Busy => client.write_all(
            b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
        Fault::BadGateway => client.write_all(
            b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>",
        ),
        Fault::Twice => {
            ask()?;
            client.write_all(&ask()?)
        }
    }
}

/// One request, told to be its connection's last.
fn one_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16_384];
    loop {
        if let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length: usize = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if bytes.len() >= head + 4 + length {
                bytes.splice(head..head, *b"\r\nconnection: close");
                return Ok(bytes);
            }
        }
        match client.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

#[test]
fn every_event_is_in_the_log_once() {
    let served = Served::fresh();
    let proxy = Proxy::before(served.address);
    let store = HttpStore::open(&format!("http://{}", proxy.address)).unwrap();
    // Some events have an id, and some are given one; some batches are large.
    let batches: Vec<Vec<Event>> = (0..40_u128)
        .map(|batch| {
            let event = |n: u128| {
                let event = Event::decision("anne").case(&format!("C-{n}"));
                let event = if n.is_multiple_of(2) {
                    event.id(Uuid::from_u128(batch << 32 | n << 8 | 1))
                } else {
                    event
                };
                event.field("sent", format!("{batch}/{n}")).build().unwrap()
            };
            (0..if batch % 4 == 0 { 1000 } else { 3 }).map(event).collect()
        })
        .collect();
    let mut sent = HashSet::new();
    let mut acknowledged = Vec::new();
    for batch in batches {
        sent.extend(batch.iter().map(|event| event.extra()["sent"].to_string()));
        let receipts = block_on(store.append(batch.clone())).expect("what fails for now is tried again");
        acknowledged.extend(batch.iter().map(|event| event.extra()["sent"].to_string()).zip(receipts));
    }
    assert!(proxy.met.load(Ordering::SeqCst) > 40, "faults were met");

    let direct = HttpStore::open(&served.url()).unwrap();
    let log = block_on(direct.events(0, usize::MAX)).unwrap();
    assert_eq!(log.len(), sent.len(), "once each");
    let stored: HashSet<String> =
        log.iter().map(|recorded| recorded.event.extra()["sent"].to_string()).collect();
    assert_eq!(stored, sent);
    for (sent, receipt) in acknowledged {
        let recorded = &log[usize::try_from(receipt.position).unwrap() - 1];
        assert_eq!((recorded.id, recorded.event.extra()["sent"].to_string()), (receipt.id, sent));
    }
    // Reading comes through as well.
    assert_eq!(block_on(store.events(0, usize::MAX)).unwrap(), log);
    assert_eq!(block_on(store.status()).unwrap().position, log.len() as u64);
}

/// Who takes a request and says nothing is given up in time, and nobody claims to know what became of it.
#[test]
fn a_server_that_says_nothing_has_timed_out() {
    let silent = TcpListener::bind(Served::any()).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let store =
        HttpStore::builder(&url).request_timeout(Duration::from_millis(20)).retry_budget(Duration::ZERO);
    let store = store.open().unwrap();
    let error = block_on(store.append(vec![Event::decision("anne").build().unwrap()])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.is_temporary(), "{error}");
}

/// A caller who stops waiting for an answer ends the attempts at it, and closing does not wait for them.
#[test]
fn reading_ends_with_the_reader() {
    let silent = TcpListener::bind(Served::any()).unwrap();
    let store = HttpStore::open(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    drop(block_on(futures_lite::future::poll_once(store.status())));
    block_on(store.close()).unwrap();
}

/// Connections that are kept end with the server that they lead to; its successor is met on new ones.
#[test]
fn a_server_that_is_started_again_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("apmt.db").display());
    let serve = |address| Served::run(ServeOptions::new(Client::open(&url).unwrap()).with_address(address));
    // Where there is a whole network of them, an address that no other test's connection can be using.
    let ip = if cfg!(target_os = "linux") { [127, 0, 0, 77] } else { [127, 0, 0, 1] };
    let served = serve((ip, 0).into());
    let address = served.address;
    let store = Arc::new(HttpStore::open(&served.url()).unwrap());
    let append = |store: &HttpStore, n: u128| {
        let event = Event::decision("anne").id(Uuid::from_u128(n)).build().unwrap();
        block_on(store.append(vec![event])).unwrap()[0].position
    };
    assert_eq!(append(&store, 1), 1);
    assert!(served.stop().is_clean());
    // Sent while nobody listens, and stored when somebody does.
    let waiting = {
        let store = Arc::clone(&store);
        std::thread::spawn(move || append(&store, 2))
    };
    let served = serve(address);
    assert_eq!(waiting.join().unwrap(), 2);
    assert_eq!(append(&store, 1), 1, "what was there before is there");
    assert!(served.stop().is_clean());
}
