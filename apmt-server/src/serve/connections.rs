//! The connections: taken while there is room, answered, and let finish at the end; live ones are told to end.

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
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::ServeOptions;
use crate::http::Lives;

/// How long to wait after a connection could not be taken, for want of file handles, say: they may come back.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Answers connections with the router until `stop` is done, then lets what is under way finish.
pub(super) async fn answer(
    listener: TcpListener,
    router: Router,
    lives: &Arc<Lives>,
    options: &ServeOptions,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    // A client that sends its head a byte a minute holds no connection for long.
    http.timer(TokioTimer::new()).header_read_timeout(options.header_timeout());
    let room = Arc::new(Semaphore::new(options.max_connections()));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, permit) = tokio::select! {
            () = &mut stop => break,
            taken = take(&listener, &room) => taken,
            // Those that have ended are let go of.
            Some(_) = connections.join_next() => continue,
        };
        let conversation = Conversation {
            http: http.clone(),
            router: router.clone(),
            peer,
            lives: Arc::clone(lives),
            write_timeout: options.write_timeout(),
        };
        #[cfg(feature = "tls")]
        if let Some(tls) = options.tls() {
            let (tls, limit) = (tls.clone(), options.header_timeout());
            connections.spawn(async move {
                // In a task of its own, and for as long as a request's head may take: who is slow holds up nobody.
                let stream = tokio::select! {
                    stream = tls.accept(stream, limit) => stream,
                    // Who has not asked for anything yet is not waited for.
                    () = conversation.lives.ending() => None,
                };
                if let Some(stream) = stream {
                    conversation.hold(stream).await;
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
    drop(listener);
    lives.end();
    let finished = async {
        while connections.join_next().await.is_some() {}
        // Those that speak WebSocket are no connections of HTTP any more.
        lives.ended().await;
    };
    if tokio::time::timeout(options.drain_timeout(), finished).await.is_err() {
        tracing::warn!(left = connections.len(), "some requests did not finish in time, and were cut off");
    }
    connections.shutdown().await;
}

/// What a connection is answered with.
struct Conversation {
    http: http1::Builder,
    router: Router,
    peer: SocketAddr,
    lives: Arc<Lives>,
    write_timeout: Duration,
}

impl Conversation {
    /// Answers requests until the connection ends, or the server does.
    async fn hold(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
        let Self { http, router, peer, lives, write_timeout } = self;
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.call(request)
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(write_timeout));
        let mut connection =
            pin!(http.serve_connection(TokioIo::new(Box::pin(stream)), service).with_upgrades());
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = lives.ending() => {
                // What is under way is finished, and nothing more is taken.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
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
