//! The service on a socket: what `apmt serve` runs.
//!
//! The server listens, answers with the [router](crate::http), and ends in order: it stops taking connections, lets
//! the requests under way finish for as long as it may, tells whoever follows [`GET /live`](crate::http::live) that it
//! ends, and then shuts the client down, so that every event is in the
//! store or counted as lost.
//!
//! ```no_run
//! use apmt_client::Client;
//! use apmt_server::serve::{ServeOptions, serve_blocking};
//!
//! let client = Client::open("sqlite:apmt.db")?;
//! let report = serve_blocking(ServeOptions::new(client), |address| println!("http://{address}"))?;
//! assert!(report.is_clean());
//! # Ok::<(), apmt_client::Error>(())
//! ```

mod connections;
mod options;
mod signal;
#[cfg(feature = "tls")]
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use apmt_client::Report;
use apmt_core::{Error, ErrorKind, Invalid, Result};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::dashboard::Board;
use crate::http::{Lives, RouterOptions, router_with};
use crate::notify::Watcher;
pub use options::{DEFAULT_ADDRESS, ServeOptions};
#[cfg(feature = "tls")]
pub use tls::Tls;

/// A server that listens and does not answer yet: it does so while it [runs](Self::run_until).
#[derive(Debug)]
#[must_use = "a server answers only while it runs"]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    options: ServeOptions,
    watcher: Option<Watcher>,
}

impl Server {
    /// Listens on the options' address. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for an address that other machines can reach where the options have no
    /// [keys](crate::http::RouterOptions::with_keys) that would say who may; [`Unavailable`](ErrorKind::Unavailable) where another program listens there;
    /// [`Io`](ErrorKind::Io) for what else the system reports; and as [`Watcher::open`], where the options have
    /// somebody told.
    pub async fn bind(options: ServeOptions) -> Result<Self> {
        let address = options.address();
        let others_reach_it = !address.ip().to_canonical().is_loopback();
        if others_reach_it && options.router().keys().is_none() {
            let rule = "must be this machine's own, such as 127.0.0.1:9300: there are no keys, so whoever reaches the \
                        server could read and write everything. Make a key with apmt key create, then serve with \
                        --keys FILE";
            return Err(Invalid::new("address", address, rule).into());
        }
        if others_reach_it && !options.is_over_tls() {
            tracing::warn!(
                %address,
                "other machines reach this server without TLS: whoever is on the way reads the keys and everything else; \
                 give --tls-cert and --tls-key, or let nothing but a proxy that does TLS reach it"
            );
        }
        let listener = TcpListener::bind(address).await.map_err(|error| not_bound(address, error))?;
        let address = listener.local_addr().map_err(|error| not_bound(address, error))?;
        let notify = options.notify().cloned();
        if options.seal().is_some() {
            apmt_seal::seal_of(&**options.client().store())?;
        }
        let watcher = notify.map(|notify| Watcher::open(options.client().clone(), notify)).transpose()?;
        Ok(Self { listener, address, options, watcher })
    }

    /// Where it listens: with the port that it was given, where the options say port 0.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is done; then ends in order, and shuts the options' client down.
    ///
    /// The report says what became of the events in the client's queue. Events that requests brought do not pass
    /// through it: they are stored when they are acknowledged.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Report {
        let Self { listener, address, options, watcher } = self;
        let lives = Lives::new(options.router());
        let client = options.client().clone();
        let board = Board::new(client.clone());
        let router = router_with(client, router_options(&options), Arc::clone(&lives), Arc::clone(&board));
        let keeping = options.router().dashboard().then(|| tokio::spawn(async move { board.keep().await }));
        tracing::debug!(%address, "answering");
        let (told_to_stop, stopped) = oneshot::channel::<()>();
        let watching = watcher.map(|watcher| {
            tokio::spawn(watcher.run_until(async {
                let _ = stopped.await;
            }))
        });
        let (end_sealing, sealing_ends) = oneshot::channel::<()>();
        let sealing = options.seal().cloned().map(|seal| {
            let store = Arc::clone(options.client().store());
            tokio::spawn(crate::seal::follow(store, seal, async {
                let _ = sealing_ends.await;
            }))
        });
        connections::answer(listener, router, &lives, &options, stop).await;
        if let Some(keeping) = keeping {
            keeping.abort();
        }
        drop(told_to_stop);
        if let Some(watching) = watching
            && tokio::time::timeout(options.shutdown_timeout(), watching).await.is_err()
        {
            tracing::warn!("a notification did not end in time: it may be sent again after the next start");
        }
        // Nothing is recorded any more, so what is sealed now is all of it.
        drop(end_sealing);
        if let Some(sealing) = sealing
            && tokio::time::timeout(options.shutdown_timeout(), sealing).await.is_err()
        {
            tracing::warn!("the last events are not sealed yet: they will be after the next start");
        }
        if let Some(audit) = options.router().audit() {
            // A disk that hangs must not keep the store from being closed.
            let _ = tokio::time::timeout(options.shutdown_timeout(), audit.flush()).await;
        }
        let report = options.client().shutdown(options.shutdown_timeout()).await;
        tracing::info!(%report, "stopped");
        report
    }
}

/// The options' own, and what follows from how the server is reached.
fn router_options(options: &ServeOptions) -> RouterOptions {
    let mut router = options.router().clone();
    if router.keys().is_none() && router.hosts().is_none() {
        // Who reaches it may do everything: at least it must be asked under its own name, and not by a page that has
        // another site's name point here.
        router = router.with_hosts(Vec::<String>::new());
    }
    if options.is_over_tls() { router.with_secure_cookies(true) } else { router }
}

/// Serves until the process is told to stop, by SIGINT (Ctrl-C) or SIGTERM.
///
/// # Errors
/// As [`Server::bind`].
pub async fn serve(options: ServeOptions) -> Result<Report> {
    let server = Server::bind(options).await?;
    let stop = signal::stop()?;
    Ok(server.run_until(stop).await)
}

/// As [`serve`], on a tokio runtime of its own, for programs that have none. `listening` is told the address once the
/// server listens there.
///
/// # Errors
/// As [`Server::bind`], and [`Io`](ErrorKind::Io) if the runtime cannot be started.
pub fn serve_blocking(options: ServeOptions, listening: impl FnOnce(SocketAddr)) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Error::new(ErrorKind::Io, format!("the server's threads could not be started: {error}"))
            .with_source(error)
    })?;
    runtime.block_on(async {
        let server = Server::bind(options).await?;
        let stop = signal::stop()?;
        listening(server.local_addr());
        Ok(server.run_until(stop).await)
    })
}

fn not_bound(address: SocketAddr, error: std::io::Error) -> Error {
    let (kind, advice) = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            (ErrorKind::Unavailable, "another program listens there: stop it, or give another port")
        }
        std::io::ErrorKind::PermissionDenied => {
            (ErrorKind::Io, "this user may not listen there: give a port over 1023")
        }
        _ => (ErrorKind::Io, "the server cannot listen there"),
    };
    Error::new(kind, format!("{address}: {advice} ({error})")).with_source(error)
}
