//! Live as server-sent events.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_lite::stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Feed;
use super::message::Frame;
use crate::http::{Caller, RouterOptions};

/// After how long a client whose connection broke is asked to come back.
const COME_BACK: Duration = Duration::from_secs(2);

/// The answer; its events come from a task of its own, which waits where the connection takes no more.
pub(super) fn answer(
    options: &RouterOptions,
    caller: Caller,
    feed: Feed,
    permit: OwnedSemaphorePermit,
) -> Response {
    let (events, mut sent) = mpsc::channel::<Event>(1);
    let (patience, ping) = (options.live_send_timeout(), options.live_ping());
    tokio::spawn(async move {
        run(feed, &caller, &events, patience, ping).await;
        drop(permit);
    });
    let events =
        stream::poll_fn(move |context| sent.poll_recv(context).map(|event| event.map(Ok::<_, Infallible>)));
    let mut response = Sse::new(events).into_response();
    // What stands in front of this server must not wait until there is much to pass on.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Sends until the other side is gone, or it is the end.
async fn run(
    mut feed: Feed,
    caller: &Caller,
    events: &mpsc::Sender<Event>,
    patience: Duration,
    ping: Duration,
) {
    let send = async |event| matches!(timeout(patience, events.send(event)).await, Ok(Ok(())));
    if !send(Event::default().retry(COME_BACK)).await {
        return;
    }
    let mut ticks = interval_at(Instant::now() + ping, ping);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let frame = {
            let mut next = pin!(feed.next());
            loop {
                tokio::select! {
                    frame = &mut next => break frame,
                    () = events.closed() => return,
                    // A connection that is dead without a word is found out by writing to it.
                    _ = ticks.tick() => {
                        if !caller.holds() || !send(Event::default().comment("")).await {
                            return;
                        }
                    }
                }
            }
        };
        let Some(frame) = frame else { return };
        if !send(event(&frame)).await {
            return;
        }
    }
}

fn event(frame: &Frame) -> Event {
    let event = Event::default().event(frame.kind.name()).data(frame.text.as_str());
    match frame.cursor {
        Some(cursor) => event.id(cursor.to_string()),
        None => event,
    }
}
