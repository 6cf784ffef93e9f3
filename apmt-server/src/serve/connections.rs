//! The connections: taken while there is room, answered, and let finish at the end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::ServeOptions;

/// How long to wait after a connection could not be taken, for want of file handles, say: they may come back.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Answers connections with the router until `stop` is done, then lets what is under way finish.
pub(super) async fn answer(
    listener: TcpListener,
    router: Router,
    options: &ServeOptions,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    // A client that sends its head a byte a minute holds no connection for long.
    http.timer(TokioTimer::new()).header_read_timeout(options.header_timeout());
    let room = Arc::new(Semaphore::new(options.max_connections()));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let (stopping, stopped) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, permit) = tokio::select! {
            () = &mut stop => break,
            taken = take(&listener, &room) => taken,
            // Those that have ended are let go of.
            Some(_) = connections.join_next() => continue,
        };
        let conversation =
            Conversation { http: http.clone(), router: router.clone(), peer, watcher: graceful.watcher() };
        #[cfg(feature = "tls")]
        if let Some(tls) = options.tls() {
            let (tls, limit, mut stopped) = (tls.clone(), options.header_timeout(), stopped.clone());
            connections.spawn(async move {
                // In a task of its own, and for as long as a request's head may take: who is slow holds up nobody.
                tokio::select! {
                    stream = tls.accept(stream, limit) => if let Some(stream) = stream {
                        conversation.hold(stream).await;
                    },
                    // Who has not asked for anything yet is not waited for.
                    _ = stopped.changed() => {}
                }
                drop(permit);
            });
            continue;
        }
        connections.spawn(async move {
            conversation.hold(stream).await;
            drop(permit);
        });
    }
    // Nobody new is let in, and whoever is connected is told on their next answer.
    drop((listener, stopping, stopped));
    if tokio::time::timeout(options.drain_timeout(), graceful.shutdown()).await.is_err() {
        tracing::warn!(left = connections.len(), "some requests did not finish in time, and were cut off");
    }
    connections.shutdown().await;
}

/// What a connection is answered with.
struct Conversation {
    http: http1::Builder,
    router: Router,
    peer: SocketAddr,
    watcher: Watcher,
}

impl Conversation {
    /// Answers requests until the connection ends.
    async fn hold(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let Self { http, router, peer, watcher } = self;
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.call(request)
        });
        if let Err(error) = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await {
            // The other side went away in the middle, or sent what is no HTTP.
            tracing::debug!(%error, "a connection broke");
        }
    }
}

async fn take(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let permit = Arc::clone(room).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small, and waiting to fill a packet would hold them up.
                let _ = stream.set_nodelay(true);
                return (stream, peer, permit);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
}
