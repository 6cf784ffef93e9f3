//! Proxies before the server: one that cuts connections where a test wants it, and one that counts round trips.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Passes everything on, and cuts the connection the next few times that a client sends certain bytes.
pub(crate) struct Proxy {
    port: u16,
    cuts: Arc<AtomicUsize>,
}

/// Where the connection is cut.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    /// Before the bytes reach the server.
    Before(&'static [u8]),
    /// Once the server has said that it then stands outside of a transaction (`I`) or in one (`T`), before any of the
    /// answer reaches the client.
    After(&'static [u8], u8),
}

impl Proxy {
    pub(crate) fn before(server: u16, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&cuts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let left = Arc::clone(&left);
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                thread::spawn(move || pass(client, server, cut, &left));
            }
        });
        Self { port, cuts }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the next so many times.
    pub(crate) fn cut(&self, times: usize) {
        self.cuts.store(times, Ordering::SeqCst);
    }

    /// How many cuts are still to come.
    pub(crate) fn left(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

fn pass(mut client: TcpStream, mut server: TcpStream, cut: Cut, left: &AtomicUsize) {
    let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let cutting = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let silent = Arc::clone(&cutting);
    let back = thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        let mut unheard = Vec::new();
        while let Ok(read @ 1..) = answers.read(&mut buffer) {
            if silent.load(Ordering::SeqCst) {
                unheard.extend_from_slice(&buffer[..read]);
                // ReadyForQuery: before the one with that status, the server has more to do.
                if matches!(cut, Cut::After(_, status)
                    if unheard.windows(6).any(|window| window == [b'Z', 0, 0, 0, 5, status]))
                {
                    break;
                }
            } else if to_client.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = answers.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let sent = &buffer[..read];
        let (Cut::Before(bytes) | Cut::After(bytes, _)) = cut;
        let found = sent.windows(bytes.len()).any(|window| window == bytes);
        let cuts = found
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if cuts && matches!(cut, Cut::Before(_)) {
            break;
        }
        if cuts {
            // The server answers, and nobody hears it.
            cutting.store(true, Ordering::SeqCst);
        }
        if server.write_all(sent).is_err() {
            break;
        }
        if cuts {
            // The answer is what the other thread ends at.
            let _ = back.join();
            return;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

/// Passes everything on, and counts how often a client that has begun to write waits for the server.
///
/// What the server answers is held back until the client has been silent for a while. So whatever the client sends
/// without waiting for an answer has been sent before it gets one, and each time that it sends after an answer is a round
/// trip. A client that is slow to send may be counted too often, and never too seldom.
pub(crate) struct RoundTrips {
    port: u16,
    count: Arc<AtomicUsize>,
}

impl RoundTrips {
    const SILENCE: Duration = Duration::from_millis(25);

    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                thread::spawn(move || hold_back(client, server, &counted));
            }
        });
        Self { port, count }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// How many round trips that takes: the least of several times.
    pub(crate) fn least(&self, times: usize, mut does: impl FnMut()) -> usize {
        let counts = (0..times).map(|_| {
            let before = self.count.load(Ordering::SeqCst);
            does();
            self.count.load(Ordering::SeqCst) - before
        });
        counts.min().unwrap()
    }
}

fn hold_back(mut client: TcpStream, mut server: TcpStream, count: &AtomicUsize) {
    client.set_read_timeout(Some(RoundTrips::SILENCE)).unwrap();
    server.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut buffer = vec![0; 1 << 16];
    let (mut answered, mut writes) = (true, false);
    loop {
        loop {
            match client.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => {
                    writes |= buffer[..read].windows(10).any(|window| window == b"READ WRITE");
                    let waited = std::mem::take(&mut answered);
                    count.fetch_add(usize::from(writes && waited), Ordering::SeqCst);
                    server.write_all(&buffer[..read]).unwrap();
                }
                Err(_) => break,
            }
        }
        match server.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                answered = true;
                client.write_all(&buffer[..read]).unwrap();
            }
            Err(_) => {}
        }
    }
}
