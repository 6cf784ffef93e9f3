//! A proxy that does everything wrong that a network can.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::Served;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It is passed on as it is.
    None,
    /// It is closed before anything is read.
    Refused,
    /// It is reset in the middle of the request.
    ResetInRequest,
    /// The server gets half of the request's body, and then the end of the connection.
    RequestCut,
    /// The server gets the request, and its answer is lost.
    AnswerLost,
    /// Half of the answer comes back, and then the end of the connection.
    AnswerCut,
    /// It is reset in the middle of the answer.
    ResetInAnswer,
    /// Half of the answer comes back, and then nothing, until the client goes away.
    AnswerStalled,
    /// The server gets the request twice, and both answers come to one.
    Twice,
    /// Something between answers that, instead of the server.
    Answered(&'static str),
}

/// No more than two in a row, for each wait is longer than the one before.
const FAULTS: [Fault; 24] = [
    Fault::Refused,
    Fault::None,
    Fault::AnswerLost,
    Fault::Answered("503 Service Unavailable\r\nretry-after: 0"),
    Fault::None,
    Fault::AnswerCut,
    Fault::Answered("502 Bad Gateway"),
    Fault::None,
    Fault::AnswerStalled,
    Fault::None,
    Fault::ResetInRequest,
    Fault::Twice,
    Fault::None,
    Fault::Answered("503 Service Unavailable"),
    Fault::RequestCut,
    Fault::None,
    Fault::ResetInAnswer,
    Fault::None,
    Fault::Answered("429 Too Many Requests"),
    Fault::Answered("429 Too Many Requests\r\nretry-after: 0"),
    Fault::None,
    Fault::Answered("500 Internal Server Error"),
    Fault::AnswerLost,
    Fault::None,
];

/// Stands between, and takes one request a connection: the fault goes by the connection's number.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    met: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Proxy {
    pub(super) fn before(server: SocketAddr) -> Self {
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
                let stream = stream.unwrap();
                // A client may go away at any moment.
                std::thread::spawn(move || drop(pass(stream, server, fault)));
            }
        });
        Self { address, met, over }
    }

    /// How many connections there were.
    pub(super) fn met(&self) -> usize {
        self.met.load(Ordering::SeqCst)
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
    match fault {
        Fault::Refused => return Ok(()),
        Fault::ResetInRequest => return client.read_exact(&mut [0; 10]),
        _ => {}
    }
    let request = one_request(&mut client, matches!(fault, Fault::ResetInAnswer))?;
    let ask = |request: &[u8]| -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(server)?;
        server.write_all(request)?;
        server.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let most = |answer: &[u8]| answer[..answer.len() - answer.len() / 4].to_vec();
    match fault {
        Fault::Refused | Fault::ResetInRequest => Ok(()),
        Fault::None => client.write_all(&ask(&request)?),
        Fault::RequestCut => ask(&request[..request.len() - request.len() / 3]).map(drop),
        Fault::AnswerLost => ask(&request).map(drop),
        Fault::AnswerCut | Fault::ResetInAnswer => client.write_all(&most(&ask(&request)?)),
        Fault::AnswerStalled => {
            client.write_all(&most(&ask(&request)?))?;
            client.read_to_end(&mut Vec::new()).map(drop)
        }
        Fault::Twice => {
            ask(&request)?;
            client.write_all(&ask(&request)?)
        }
        Fault::Answered(answer) => {
            let end = "content-length: 6\r\nconnection: close\r\n\r\n<html>";
            client.write_all(format!("HTTP/1.1 {answer}\r\n{end}").as_bytes())
        }
    }
}

/// One request, told to be its connection's last. Every request ends with a line's end; if that is to be left unread, the
/// connection is reset when it is closed.
fn one_request(client: &mut TcpStream, leave_end: bool) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length: usize =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut rest = vec![0; 1 + length - usize::from(leave_end)];
    client.read_exact(&mut rest)?;
    rest.resize(1 + length, b'\n');
    head.truncate(head.len() - 3);
    Ok([&head, &b"\r\nconnection: close\r\n\r"[..], &rest].concat())
}
