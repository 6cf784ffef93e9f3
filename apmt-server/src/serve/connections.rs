//! The connections: taken while there is room, answered, and let finish at the end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
    let mut stop = pin!(stop);
    loop {
        let (stream, permit) = tokio::select! {
            () = &mut stop => break,
            taken = take(&listener, &room) => taken,
            // Those that have ended are let go of.
            Some(_) = connections.join_next() => continue,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            if let Err(error) = connection.await {
                // The other side went away in the middle, or sent what is no HTTP.
                tracing::debug!(%error, "a connection broke");
            }
            drop(permit);
        });
    }
    // Nobody new is let in, and whoever is connected is told on their next answer.
    drop(listener);
    if tokio::time::timeout(options.drain_timeout(), graceful.shutdown()).await.is_err() {
        tracing::warn!(left = connections.len(), "some requests did not finish in time, and were cut off");
    }
    connections.shutdown().await;
}

async fn take(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let permit = Arc::clone(room).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small, and waiting to fill a packet would hold them up.
                let _ = stream.set_nodelay(true);
                return (stream, permit);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
}
