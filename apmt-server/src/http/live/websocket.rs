//! Live over a WebSocket.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures_lite::future::poll_once;
use futures_util::SinkExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Feed;
use super::message::{Frame, Kind};
use crate::http::{Caller, RouterOptions};

/// The most bytes that a message of a client may have: nothing that it has to say is long.
const MAX_INCOMING: usize = 4096;
/// The most messages that are written before they are flushed.
const TOGETHER: usize = 64;
/// How many messages of a client are looked at when its pong is due.
const LOOKED_AT: usize = 64;
/// How long a client may take to answer a close.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// Answers the handshake; what follows runs by itself.
pub(super) fn answer(
    upgrade: WebSocketUpgrade,
    options: &RouterOptions,
    caller: Caller,
    feed: Feed,
    permit: OwnedSemaphorePermit,
) -> Response {
    let (send_timeout, ping) = (options.live_send_timeout(), options.live_ping());
    upgrade.max_message_size(MAX_INCOMING).max_frame_size(MAX_INCOMING).on_upgrade(async move |socket| {
        Connection { socket, caller, send_timeout, ping, pinged: false }.run(feed).await;
        drop(permit);
    })
}

struct Connection {
    socket: WebSocket,
    caller: Caller,
    send_timeout: Duration,
    ping: Duration,
    /// Whether a ping has not been answered.
    pinged: bool,
}

/// How a connection ends.
enum End {
    /// The other side has gone, or does not keep to the protocol.
    Gone,
    /// We close it, and say why.
    Close(u16, &'static str),
}

impl Connection {
    async fn run(mut self, mut feed: Feed) {
        let end = match self.send_all(&mut feed).await {
            Ok(()) => return,
            Err(end) => end,
        };
        drop(feed);
        if let End::Close(code, reason) = end {
            // Whoever does not answer a close is not waited for.
            let _ = timeout(CLOSE_GRACE, self.close(code, reason)).await;
        }
    }

    async fn send_all(&mut self, feed: &mut Feed) -> Result<(), End> {
        let mut ticks = interval_at(Instant::now() + self.ping, self.ping);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let frame = {
                let mut next = pin!(feed.next());
                loop {
                    // Each has its turn: neither a client that talks much nor much to send keeps out the others.
                    tokio::select! {
                        frame = &mut next => break frame,
                        incoming = self.socket.recv() => self.take(incoming)?,
                        _ = ticks.tick() => self.beat().await?,
                    }
                }
            };
            let Some(frame) = frame else { return Ok(()) };
            self.send(frame, feed).await?;
        }
    }

    /// Sends a message, and with it what else is there.
    async fn send(&mut self, first: Frame, feed: &mut Feed) -> Result<(), End> {
        let mut frame = first;
        for left in (0..TOGETHER).rev() {
            let kind = frame.kind;
            self.within(async |socket| socket.feed(Message::Text(frame.text)).await).await?;
            match kind {
                Kind::Closing => return Err(End::Close(close_code::AWAY, "the server stops")),
                Kind::Failed { for_now: true } => {
                    return Err(End::Close(close_code::AGAIN, "the store failed for now"));
                }
                Kind::Failed { for_now: false } => {
                    return Err(End::Close(close_code::ERROR, "the store failed"));
                }
                Kind::Snapshot | Kind::Delta | Kind::Lagged => {}
            }
            if left == 0 {
                break;
            }
            match feed.ready().await {
                Some(more) => frame = more,
                None => break,
            }
        }
        self.within(async |socket| socket.flush().await).await
    }

    /// Writes, for as long as a client may take to read.
    async fn within(
        &mut self,
        write: impl AsyncFnOnce(&mut WebSocket) -> Result<(), axum::Error>,
    ) -> Result<(), End> {
        match timeout(self.send_timeout, write(&mut self.socket)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => {
                tracing::debug!("a live connection took nothing for too long, and was cut off");
                Err(End::Gone)
            }
        }
    }

    /// What a client sends is nothing to us but that it lives, or ends.
    fn take(&mut self, incoming: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        match incoming {
            Some(Ok(Message::Pong(_))) => self.pinged = false,
            Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
            Some(Err(error)) => {
                tracing::debug!(%error, "a live connection broke");
                let too_long = End::Close(close_code::SIZE, "messages may have 4 KiB at most");
                return Err(if is_too_long(&error) { too_long } else { End::Gone });
            }
        }
        Ok(())
    }

    /// Whether the client may stay, from time to time: it is still let in, has answered the last ping, and gets the next.
    async fn beat(&mut self) -> Result<(), End> {
        if !self.caller.holds() {
            return Err(End::Close(close_code::POLICY, "the key or the session is no longer let in"));
        }
        // The pong may have come while something else was sent.
        for _ in 0..LOOKED_AT {
            match poll_once(self.socket.recv()).await {
                Some(incoming) => self.take(incoming)?,
                None => break,
            }
        }
        if self.pinged {
            return Err(End::Close(close_code::POLICY, "the last ping was not answered"));
        }
        self.pinged = true;
        self.within(async |socket| socket.send(Message::Ping(Bytes::new())).await).await
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = self.socket.recv().await {}
        }
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(tungstenite::Error::Capacity(_)) = error.downcast_ref() {
            return true;
        }
        source = error.source();
    }
    false
}
