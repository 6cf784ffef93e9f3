//! The store's own thread: it sends what callers hand it, and tries again what may pass.

use std::thread;
use std::time::Instant;

use apmt_core::{Error, ErrorKind, Result};
use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Url};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::retry::{Retry, random, retry_after};

/// How many calls may wait to be taken up; a caller beyond waits until there is room.
const QUEUE: usize = 1024;
/// The most bytes that an answer may have: over this something else is at work than an APMT.
const MAX_ANSWER: usize = 1 << 30;

/// What is asked of the server.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// Reads: nobody needs the answer once the caller has stopped waiting.
    Get(Url),
    /// Appends that NDJSON: brought to its end whoever waits.
    Append(Url, Bytes),
}

enum Job {
    Call(Call, oneshot::Sender<Result<Bytes, Failure>>),
    Close(oneshot::Sender<()>),
}

/// A handle on the thread, which ends once the handle is dropped, or closed, and what was begun is done.
#[derive(Debug)]
pub(crate) struct Transport {
    jobs: mpsc::Sender<Job>,
}

impl Transport {
    pub(crate) fn start(client: Client, retry: Retry) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Io, format!("the store's thread could not be started: {error}"))
                .with_source(error)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("apmt-http".to_owned())
            .spawn(move || run(&runtime, &client, retry, queue))
            .map_err(failed)?;
        Ok(Self { jobs })
    }

    /// The answer's body, once the call has succeeded or must be given up.
    pub(crate) async fn call(&self, call: Call) -> Result<Bytes, Failure> {
        let closed = || Failure::lasting(Error::closed());
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Call(call, reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.jobs.is_closed()
    }

    /// Waits for what was begun; afterwards everything is refused.
    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(reply)).await.is_ok() {
            // An answer or its absence: either way the thread has ended.
            let _ = closed.await;
        }
    }
}

fn run(runtime: &Runtime, client: &Client, retry: Retry, mut queue: mpsc::Receiver<Job>) {
    runtime.block_on(async {
        let mut calls = JoinSet::new();
        let mut close = None;
        loop {
            let job = tokio::select! {
                job = queue.recv() => job,
                // Those that are done are let go of.
                Some(_) = calls.join_next() => continue,
            };
            match job {
                Some(Job::Call(call, reply)) => {
                    calls.spawn(settle(client.clone(), retry, call, reply));
                }
                Some(Job::Close(reply)) => {
                    close = Some(reply);
                    break;
                }
                None => break,
            }
        }
        // What still lies in the queue came after the closing, and is told so by its reply's end.
        drop(queue);
        while calls.join_next().await.is_some() {}
        if let Some(reply) = close {
            let _ = reply.send(());
        }
    });
}

/// Tries until the call has succeeded or must be given up, and tells the caller.
async fn settle(
    client: Client,
    retry: Retry,
    call: Call,
    mut reply: oneshot::Sender<Result<Bytes, Failure>>,
) {
    let settled = match &call {
        Call::Append(..) => attempts(&client, retry, &call).await,
        Call::Get(_) => tokio::select! {
            settled = attempts(&client, retry, &call) => settled,
            () = reply.closed() => return,
        },
    };
    // A caller who has stopped waiting needs no answer.
    let _ = reply.send(settled);
}

async fn attempts(client: &Client, retry: Retry, call: &Call) -> Result<Bytes, Failure> {
    let started = Instant::now();
    let mut failed = 0;
    loop {
        let failure = match attempt(client, call).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        failed += 1;
        if !failure.may_pass {
            return Err(failure);
        }
        let Some(wait) = retry.wait(failed, started.elapsed(), failure.retry_after, random()) else {
            return Err(failure);
        };
        tracing::debug!(error = %failure.error, failed, ?wait, "a request is sent again");
        tokio::time::sleep(wait).await;
    }
}

async fn attempt(client: &Client, call: &Call) -> Result<Bytes, Failure> {
    let request = match call {
        Call::Get(url) => client.get(url.clone()),
        Call::Append(url, body) => {
            client.post(url.clone()).header(CONTENT_TYPE, "application/x-ndjson").body(body.clone())
        }
    };
    let mut response = request.send().await.map_err(Failure::transport)?;
    let status = response.status();
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked =
        asked.and_then(|value| retry_after(value, chrono::DateTime::from(std::time::SystemTime::now())));
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Failure::transport)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            let message = "the server's answer has no end: check that an APMT is there";
            return Err(Failure::lasting(Error::new(ErrorKind::Mismatch, message)));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        Ok(body.freeze())
    } else {
        Err(Failure::answered(status.as_u16(), &body, asked))
    }
}
