//! The store's own thread: it sends what callers hand it, and tries again what may pass.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use apmt_core::{Error, ErrorKind, Receipt, Result};
use bytes::Bytes;
use reqwest::Url;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::allowance::Allowance;
use crate::failure::Failure;
use crate::group::{Append, Group};
use crate::retry::{Retry, random, wait};
use crate::sender::Sender;

/// How many calls may wait to be taken up; a caller beyond waits until there is room.
const QUEUE: usize = 1024;
/// How many appends may be under way at once; those of further callers wait, and are sent together. More would be
/// smaller requests for the same commits: a server commits one after another. With fewer, it would idle while an answer
/// is on its way back.
const UNDER_WAY: usize = 2;
/// How many times the thread lets others run while it waits for callers to come back.
const PATIENCE: usize = 16;

enum Job {
    /// Reads: nobody needs the answer once the caller has stopped waiting.
    Get(Url, oneshot::Sender<Result<Bytes, Failure>>),
    /// Brought to its end whoever waits.
    Append(Append),
    Close(oneshot::Sender<()>),
}

/// A handle on the thread, which ends once the handle is dropped, or closed, and what was begun is done.
#[derive(Debug)]
pub(crate) struct Transport {
    jobs: mpsc::Sender<Job>,
}

impl Transport {
    pub(crate) fn start(sender: Sender, retry: Retry) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Io, format!("the store's thread could not be started: {error}"))
                .with_source(error)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let calls = Arc::new(Calls::new(sender, retry));
        thread::Builder::new()
            .name("apmt-http".to_owned())
            .spawn(move || run(&runtime, &calls, queue))
            .map_err(failed)?;
        Ok(Self { jobs })
    }

    /// The body of the answer, once the call has succeeded or must be given up.
    pub(crate) async fn get(&self, url: Url) -> Result<Bytes, Failure> {
        let closed = || Failure::lasting(Error::closed());
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job::Get(url, reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// The receipts of so many events, given as NDJSON.
    pub(crate) async fn append(&self, count: usize, lines: Bytes) -> Result<Vec<Receipt>> {
        let (reply, answer) = oneshot::channel();
        let append = Append { lines, count, began: Instant::now(), reply };
        self.jobs.send(Job::Append(append)).await.map_err(|_| Error::closed())?;
        answer.await.map_err(|_| Error::closed())?
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

fn run(runtime: &Runtime, calls: &Arc<Calls>, mut queue: mpsc::Receiver<Job>) {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        let mut waiting = VecDeque::new();
        let mut last_group = 1;
        let mut close = None;
        loop {
            // First what callers have to say, then what is to be sent: so those who came together are sent together.
            let job = tokio::select! {
                biased;
                job = queue.recv() => job,
                permit = calls.permit(waiting.len(), last_group), if !waiting.is_empty() => {
                    if let Some(group) = Group::next(&mut waiting) {
                        last_group = group.len();
                        tasks.spawn(Arc::clone(calls).append(group, permit));
                    }
                    continue;
                }
                // Those that are done are let go of.
                Some(_) = tasks.join_next() => continue,
            };
            match job {
                Some(Job::Get(url, reply)) => {
                    tasks.spawn(Arc::clone(calls).get(url, reply));
                }
                Some(Job::Append(append)) => waiting.push_back(append),
                Some(Job::Close(reply)) => {
                    close = Some(reply);
                    break;
                }
                None => break,
            }
        }
        // What still lies in the queue came after the closing, and is told so by its reply's end.
        drop(queue);
        while let Some(group) = Group::next(&mut waiting) {
            let permit = Arc::clone(&calls.permits).acquire_owned().await.ok();
            tasks.spawn(Arc::clone(calls).append(group, permit));
        }
        while tasks.join_next().await.is_some() {}
        if let Some(reply) = close {
            let _ = reply.send(());
        }
    });
}

/// What all calls share.
#[derive(Debug)]
struct Calls {
    sender: Sender,
    retry: Retry,
    allowance: Mutex<Allowance>,
    opened: Instant,
    /// One for each append that may be under way.
    permits: Arc<Semaphore>,
}

impl Calls {
    fn new(sender: Sender, retry: Retry) -> Self {
        Self {
            sender,
            retry,
            allowance: Mutex::new(Allowance::new()),
            opened: Instant::now(),
            permits: Arc::new(Semaphore::new(UNDER_WAY)),
        }
    }

    /// Leave to send appends. The semaphore is never closed, so there always is one in the end.
    async fn permit(&self, waiting: usize, last_group: usize) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        // Callers who were answered a moment ago are about to come back: a short wait for them costs less than a request
        // of their own would. A call that comes ends this wait, and begins another.
        if waiting < last_group {
            for _ in 0..PATIENCE {
                tokio::task::yield_now().await;
            }
        }
        permit
    }

    fn allowance<T>(&self, ask: impl FnOnce(&mut Allowance) -> T) -> T {
        ask(&mut self.allowance.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there may be a retry, or says that there may be none: `is_over` is asked before every wait.
    async fn pause(
        &self,
        failed: &mut u32,
        asked: Option<Duration>,
        mut is_over: impl FnMut(Duration) -> bool,
    ) -> bool {
        let mut asked = asked;
        loop {
            let wait = wait(*failed, asked.take(), random());
            if is_over(wait) {
                return false;
            }
            tokio::time::sleep(wait).await;
            if self.allowance(|allowance| allowance.take(self.opened.elapsed())) {
                return true;
            }
            // Too many are trying again: this one waits on.
            *failed = failed.saturating_add(1);
        }
    }

    /// Reads, and tells the caller.
    async fn get(self: Arc<Self>, url: Url, mut reply: oneshot::Sender<Result<Bytes, Failure>>) {
        let settled = tokio::select! {
            settled = self.attempts(&url) => settled,
            () = reply.closed() => return,
        };
        let _ = reply.send(settled);
    }

    async fn attempts(&self, url: &Url) -> Result<Bytes, Failure> {
        let began = Instant::now();
        let mut failed = 0;
        self.allowance(Allowance::called);
        loop {
            let failure = match self.sender.get(url).await {
                Ok(answer) => {
                    self.succeeded(failed);
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            failed += 1;
            let is_over = |wait| self.retry.is_over(began.elapsed(), wait);
            if !failure.may_pass || !self.pause(&mut failed, failure.retry_after, is_over).await {
                return Err(failure);
            }
            tracing::debug!(error = %failure.error(), failed, "a request is sent again");
        }
    }

    /// Appends, and tells the callers. Holds the permit to the end, waits between two attempts included: meanwhile others
    /// gather, and what a server in trouble is asked stays little.
    async fn append(self: Arc<Self>, group: Group, permit: Option<OwnedSemaphorePermit>) {
        let mut groups = vec![group];
        while let Some(group) = groups.pop() {
            self.allowance(Allowance::called);
            groups.extend(self.append_group(group).await);
        }
        drop(permit);
    }

    /// Appends a group, or says which parts of it to send again.
    async fn append_group(&self, group: Group) -> Vec<Group> {
        let mut group = group;
        let mut failed = 0;
        loop {
            let failure = match self.sender.append(&group).await {
                Ok(receipts) => {
                    self.succeeded(failed);
                    group.stored(receipts);
                    return Vec::new();
                }
                Err(failure) => failure,
            };
            failed += 1;
            if failure.may_pass {
                let mut left = Some(group);
                let is_over = |wait| {
                    let over = |began: Instant| self.retry.is_over(began.elapsed(), wait);
                    left = left.take().and_then(|group| group.give_up(&failure, over));
                    left.is_none()
                };
                self.pause(&mut failed, failure.retry_after, is_over).await;
                let Some(rest) = left else { return Vec::new() };
                group = rest;
                tracing::debug!(error = %failure.error(), failed, "events are sent again");
            } else if let Some(index) = failure.index() {
                return group.refuse(index, failure).into_iter().collect();
            } else if group.len() > 1 && failure.is_somebodys() {
                return group.apart().rev().collect();
            } else {
                group.failed(&failure);
                return Vec::new();
            }
        }
    }

    fn succeeded(&self, failed: u32) {
        if failed > 0 {
            self.allowance(Allowance::give_back);
        }
    }
}
