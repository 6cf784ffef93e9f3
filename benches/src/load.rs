//! Load, as light as it can be, so that what is measured is the server: over HTTP, keep-alive connections on one thread;
//! tasks that wait each for its own.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use apmt_core::{Event, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Agency;

/// The content type of one event.
pub const JSON: &str = "application/json";
/// The content type of many.
pub const LINES: &str = "application/x-ndjson";

/// So many events of an agency of 400 officers.
pub fn agency(events: usize) -> Vec<Event> {
    // As many again, for the log's last days are cut off.
    Agency::new(400, 2 * events as u64).take(events).collect()
}

/// Requests of one event each.
pub fn singles(events: usize) -> Vec<Vec<u8>> {
    singles_of(&agency(events))
}

/// Requests of one of those events each.
pub fn singles_of(events: &[Event]) -> Vec<Vec<u8>> {
    events.iter().map(|event| post("/event", JSON, &event.to_json())).collect()
}

/// Requests of a hundred events each.
pub fn hundreds(events: usize) -> Vec<Vec<u8>> {
    hundreds_of(&agency(events))
}

/// Requests of a hundred of those events each.
pub fn hundreds_of(events: &[Event]) -> Vec<Vec<u8>> {
    let lines = |events: &[Event]| events.iter().map(|event| event.to_json() + "\n").collect::<String>();
    events.chunks(100).map(|batch| post("/events", LINES, &lines(batch))).collect()
}

/// A `POST` of that body, as one write.
pub fn post(path: &str, content_type: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// A `GET`, as one write.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// Sends all requests over so many connections, each waiting for its answer before it sends the next; the requests a
/// second.
///
/// # Errors
/// A connection that broke, or an answer other than 200.
pub fn rate(address: SocketAddr, requests: Vec<Vec<u8>>, connections: usize) -> Result<f64> {
    let count = requests.len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(Connection::open(address).await?);
        }
        let shared = Arc::new((requests, AtomicUsize::new(0)));
        let start = Instant::now();
        let tasks: Vec<_> = streams
            .into_iter()
            .map(|mut connection| {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let (requests, next) = &*shared;
                    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                        connection.exchange(request).await?;
                    }
                    Ok::<(), Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await.map_err(Error::other)??;
        }
        Ok(count as f64 / start.elapsed().as_secs_f64())
    })
}

/// Sends one request after the other over one connection until it is told to stop; how long each took.
///
/// # Errors
/// As [`rate`].
pub fn latencies(address: SocketAddr, requests: &[Vec<u8>], stop: &AtomicBool) -> Result<Vec<Duration>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        let mut measured = Vec::new();
        for request in requests.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let start = Instant::now();
            connection.exchange(request).await?;
            measured.push(start.elapsed());
        }
        Ok(measured)
    })
}

/// One keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// A connection to that address.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads its answer's body.
    ///
    /// # Errors
    /// The connection broke, or the answer is no 200.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(body) = body_of(&self.answer)? {
                return Ok(self.answer.get(body..).unwrap_or_default());
            }
        }
    }
}

/// Where the body of an answer starts, once all of it is there.
fn body_of(answer: &[u8]) -> Result<Option<usize>> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(answer.get(..head).unwrap_or_default());
    let length = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.parse::<usize>().ok());
    let Some(length) = length else { return Err(Error::other("an answer without a length")) };
    if !text.starts_with("HTTP/1.1 200") {
        return Err(Error::other(String::from_utf8_lossy(answer).into_owned()));
    }
    Ok((answer.len() >= head + 4 + length).then_some(head + 4))
}

/// Appends a batch to a store; a future that owns what it needs.
///
/// # Errors
/// As the store meets them.
pub async fn append_owned(store: Arc<dyn Store>, batch: Vec<Event>) -> Result<()> {
    store.append(batch).await.map(drop).map_err(Error::other)
}

/// Does each piece of work with so many tasks, each of which waits for one before it starts the next; the pieces a
/// second.
///
/// # Errors
/// That of a piece.
pub fn callers<W, F>(count: usize, work: Vec<W>, does: impl Fn(W) -> F + Send + Sync + 'static) -> Result<f64>
where
    W: Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let pieces = work.len() as f64;
    let mut shares: Vec<Vec<W>> = std::iter::repeat_with(Vec::new).take(count).collect();
    for (number, piece) in work.into_iter().enumerate() {
        shares[number % count].push(piece);
    }
    let does = Arc::new(does);
    runtime.block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = shares
            .into_iter()
            .map(|share| {
                let does = Arc::clone(&does);
                tokio::spawn(async move {
                    for piece in share {
                        does(piece).await?;
                    }
                    Ok::<(), Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await.map_err(Error::other)??;
        }
        Ok(pieces / start.elapsed().as_secs_f64())
    })
}
